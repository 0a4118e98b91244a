//! 診療行為, 医薬品 and 特定器材 of 医科 and DPC receipts: from calculation units with day columns to acts by service date.
//! Not dispensing (調剤), which has dates of its own.
//!
//! The points of a 算定単位 stand on its last record; the day columns say how often it was done on which day. An act's
//! points are those of its record times the count of the day, so that sums over acts are those of the receipt.

use std::rc::Rc;
use std::sync::Arc;

use super::super::desk::{Desk, Into};
use super::super::error::ReadError;
use super::super::frame::Value;
use super::super::number::{self, Month};
use super::super::report::Kind;
use super::{Fields, Tag};

const KIND: Kind = Kind::Claims;

/// One record of a unit, parsed.
#[derive(Clone, Copy)]
struct Part {
    tag: Tag,
    code: [u8; 9],
    /// 使用量 or 数量データ, thousandths.
    quantity: Option<i64>,
    points: Option<i64>,
    times: Option<i64>,
    days: [u16; 31],
    dated: bool,
    line: u64,
}

/// What became of a record.
pub(super) enum Outcome {
    Taken,
    Bad(&'static str),
}

/// The units of a receipt.
pub(super) struct Units {
    ident: u32,
    month: Month,
    /// The receipt's name, for the column `receipt`.
    receipt: Rc<str>,
    /// 診療識別 in force; at most 98 records may leave it out.
    class: [u8; 2],
    pending: Vec<Part>,
    /// Σ points × 回数, to correct totals that the clearing body left alone.
    pub(super) sum: i64,
    /// Earliest and latest service day.
    pub(super) seen: Option<(i32, i32)>,
    /// Whether acts are written, or only summed.
    write: bool,
}

impl Units {
    pub(super) fn new(ident: u32, month: Month, receipt: Rc<str>, write: bool) -> Self {
        Self { ident, month, receipt, class: *b"  ", pending: Vec::new(), sum: 0, seen: None, write }
    }

    pub(super) fn ident(&self) -> u32 {
        self.ident
    }

    /// An SI, IY or TO record.
    pub(super) fn record(
        &mut self,
        desk: &mut Desk<'_>,
        file: &str,
        tag: Tag,
        fields: &Fields,
        line: u64,
    ) -> Result<Outcome, ReadError> {
        if let [a, b] = fields.get(1) {
            let class = [*a, *b];
            if class != self.class {
                self.flush(desk, file)?;
                self.class = class;
            }
        }
        let Ok(code) = <[u8; 9]>::try_from(fields.get(3)) else {
            return Ok(Outcome::Bad("act-code"));
        };
        if !code.iter().all(u8::is_ascii_digit) {
            return Ok(Outcome::Bad("act-code"));
        }
        let first_day = if tag == *b"TO" { 17 } else { 13 };
        let mut part = Part {
            tag,
            code,
            quantity: number::decimal(fields.get(4), 3),
            points: number::whole(fields.get(5)),
            times: number::whole(fields.get(6)),
            days: [0; 31],
            dated: false,
            line,
        };
        for (item, day) in (first_day..).zip(&mut part.days) {
            let bytes = fields.get(item);
            if bytes.is_empty() {
                continue;
            }
            match number::whole(bytes).and_then(|count| u16::try_from(count).ok()) {
                Some(0) => {}
                Some(count) => {
                    *day = count;
                    part.dated = true;
                }
                None => return Ok(Outcome::Bad("day-count")),
            }
        }
        let lost = |item| !fields.get(item).is_empty();
        if part.points.is_none() && lost(5) {
            return Ok(Outcome::Bad("points"));
        }
        if part.quantity.is_none() && lost(4) || part.times.is_none() && lost(6) {
            return Ok(Outcome::Bad("quantity"));
        }
        self.pending.push(part);
        if part.points.is_some() {
            self.close(desk, file)?;
        }
        Ok(Outcome::Taken)
    }

    /// Ends a unit that never got points.
    pub(super) fn flush(&mut self, desk: &mut Desk<'_>, file: &str) -> Result<(), ReadError> {
        if !self.pending.is_empty() {
            if self.write {
                desk.tally.repaired(KIND, "unit-without-points");
            }
            self.close(desk, file)?;
        }
        Ok(())
    }

    /// Writes the acts of the unit; days and 回数 that stand on one record hold for all of it.
    fn close(&mut self, desk: &mut Desk<'_>, file: &str) -> Result<(), ReadError> {
        let parts = std::mem::take(&mut self.pending);
        let times = parts.iter().rev().find_map(|part| part.times);
        let dated = parts.iter().rev().find(|part| part.dated).map(|part| part.days);
        for part in &parts {
            let times = part.times.or(times);
            let days = if part.dated { Some(part.days) } else { dated };
            let counted = || days.map(|days| days.iter().map(|&count| i64::from(count)).sum());
            let count = times.or_else(counted).unwrap_or(1);
            self.sum = self.sum.saturating_add(part.points.unwrap_or(0).saturating_mul(count));
            if self.write {
                self.acts(desk, file, part, days, times)?;
            }
        }
        self.pending = parts;
        self.pending.clear();
        Ok(())
    }

    fn acts(
        &mut self,
        desk: &mut Desk<'_>,
        file: &str,
        part: &Part,
        days: Option<[u16; 31]>,
        times: Option<i64>,
    ) -> Result<(), ReadError> {
        let Some(days) = days else {
            // Before 2012-04 there were no day columns: the month is all that is known.
            desk.tally.repaired(KIND, "service-day-unknown");
            let first = self.month.first();
            return self.act(desk, part, first, times.unwrap_or(1));
        };
        let sum: i64 = days.iter().map(|&count| i64::from(count)).sum();
        if times.is_some_and(|times| times != sum) {
            desk.tally.repaired(KIND, "days-differ-from-count");
        }
        for (day, &count) in (1..).zip(&days) {
            if count == 0 {
                continue;
            }
            match self.month.day(day) {
                Some(date) => self.act(desk, part, date, i64::from(count))?,
                None => desk.tally.value_lost(KIND, "day-not-in-month", file, part.line),
            }
        }
        Ok(())
    }

    fn act(&mut self, desk: &mut Desk<'_>, part: &Part, date: i32, count: i64) -> Result<(), ReadError> {
        let masters = Arc::clone(&desk.masters);
        let lists = &desk.lists;
        let kind = match &part.tag {
            b"SI" => lists.procedure,
            b"IY" => lists.drug,
            _ => lists.material,
        };
        let drug = part.tag == *b"IY";
        let code = std::str::from_utf8(&part.code).unwrap_or("");
        let quantity = part.quantity.unwrap_or(1_000).saturating_mul(count);
        let points = part.points.unwrap_or(0).saturating_mul(count);
        // 21 is 内服: 使用量 is a day's, 回数 the days.
        let supply = (drug && self.class == *b"21").then(|| lists.supply_days.clamp(count));
        let row = [
            Value::Day(date),
            Value::Category(kind),
            Value::Text(code),
            Value::text(if drug { masters.yj(code) } else { None }),
            Value::Int(lists.quantity.clamp(quantity)),
            Value::Int(lists.act_points.clamp(points)),
            Value::int(supply),
            Value::Text(&self.receipt),
        ];
        self.seen = Some(span(self.seen, date));
        desk.push(Into::Act, self.ident, &row)
    }

    /// A CD record of DPC: bundled care, whose points are in the bundle, so that its own are 0.
    pub(super) fn bundled(&mut self, desk: &mut Desk<'_>, fields: &Fields) -> Result<Outcome, ReadError> {
        let Some(date) = number::day(fields.get(1)) else {
            return Ok(Outcome::Bad("service-date"));
        };
        let Ok(code) = std::str::from_utf8(fields.get(5)) else {
            return Ok(Outcome::Bad("act-code"));
        };
        if code.len() != 9 || !code.bytes().all(|byte| byte.is_ascii_digit()) {
            return Ok(Outcome::Bad("act-code"));
        }
        let amount = [6, 7].into_iter().find_map(|item| number::decimal(fields.get(item), 3)).unwrap_or(1_000);
        let times = number::whole(fields.get(9)).unwrap_or(1);
        let masters = Arc::clone(&desk.masters);
        let lists = &desk.lists;
        let (kind, drug) = match code.as_bytes().first() {
            Some(b'1' | b'3' | b'4') => (lists.procedure, false),
            Some(b'6') => (lists.drug, true),
            Some(b'7') => (lists.material, false),
            _ => (lists.other_act, false),
        };
        let row = [
            Value::Day(date),
            Value::Category(kind),
            Value::Text(code),
            Value::text(if drug { masters.yj(code) } else { None }),
            Value::Int(lists.quantity.clamp(amount.saturating_mul(times))),
            Value::Int(0),
            Value::Null,
            Value::Text(&self.receipt),
        ];
        self.seen = Some(span(self.seen, date));
        desk.push(Into::Act, self.ident, &row)?;
        Ok(Outcome::Taken)
    }
}

pub(super) fn span(seen: Option<(i32, i32)>, date: i32) -> (i32, i32) {
    seen.map_or((date, date), |(first, last)| (first.min(date), last.max(date)))
}
