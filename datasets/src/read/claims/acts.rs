//! 診療行為, 医薬品 and 特定器材 of 医科, DPC and 歯科 receipts: from calculation units with day columns to acts by service
//! date. Not dispensing (調剤), which has dates of its own.
//!
//! The points of a 算定単位 stand on its last record; the day columns say how often it was done on which day. An act's
//! points are those of its record times the count of the day, so that sums over acts are those of the receipt.

use super::head::Sort;
use super::receipt::About;
use super::{Fields, Tag};
use crate::read::desk::{ClaimLists, Desk, Into};
use crate::read::error::ReadError;
use crate::read::frame::Value;
use crate::read::number;

/// Records in a row that may leave out 診療識別.
const INHERITED: u32 = 98;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Thing {
    Procedure,
    Drug,
    Material,
}

impl Thing {
    fn category(self, lists: &ClaimLists) -> i32 {
        match self {
            Self::Procedure => lists.procedure,
            Self::Drug => lists.drug,
            Self::Material => lists.material,
        }
    }
}

/// Where the items of a detail record stand; 診療識別 is 1, the code 3, the quantity 4 in all of them.
struct Layout {
    thing: Thing,
    points: usize,
    times: usize,
    /// The first of 31 day columns.
    days: usize,
    /// Additions (加算): the first code, and how many pairs of code and quantity.
    additions: (usize, usize),
}

impl Layout {
    fn of(dental: bool, tag: Tag) -> Self {
        let (thing, points, times, days, additions) = match (dental, &tag) {
            (false, b"IY") => (Thing::Drug, 5, 6, 13, (0, 0)),
            (false, b"TO") => (Thing::Material, 5, 6, 17, (0, 0)),
            (false, _) => (Thing::Procedure, 5, 6, 13, (0, 0)),
            (true, b"IY") => (Thing::Drug, 5, 6, 8, (0, 0)),
            (true, b"TO") => (Thing::Material, 12, 13, 14, (7, 2)),
            (true, b"SI") => (Thing::Procedure, 5, 6, 7, (0, 0)),
            (true, _) => (Thing::Procedure, 76, 77, 78, (6, 35)),
        };
        Self { thing, points, times, days, additions }
    }
}

/// A code of at most nine characters.
fn code(text: &[u8]) -> Option<&str> {
    let fits = (1..=9).contains(&text.len()) && text.iter().all(u8::is_ascii_alphanumeric);
    std::str::from_utf8(text).ok().filter(|_| fits)
}

/// A code of digits.
fn number_code(text: &[u8]) -> Option<&str> {
    code(text).filter(|code| code.bytes().all(|byte| byte.is_ascii_digit()))
}

/// One record of a unit, or one addition of it.
#[derive(Clone, Copy)]
struct Part<'h> {
    thing: Thing,
    code: &'h str,
    /// 使用量 or 数量データ, thousandths.
    quantity: Option<i64>,
    points: Option<i64>,
    times: Option<i64>,
    days: [u16; 31],
    /// Bit k: day k + 1 is among them.
    dated: u32,
    line: u64,
}

impl Part<'_> {
    /// Days and how often on each.
    fn days(&self) -> impl Iterator<Item = (i32, i64)> + '_ {
        let mut left = self.dated;
        std::iter::from_fn(move || {
            let day = left.trailing_zeros();
            let count = *self.days.get(day as usize)?;
            left &= left - 1;
            Some((day as i32 + 1, i64::from(count)))
        })
    }
}

/// What became of a record.
pub(super) enum Outcome {
    Taken,
    Bad(&'static str),
}

/// The units of a receipt.
pub(super) struct Units<'h> {
    about: About<'h>,
    /// 診療識別 in force, and how many records have inherited it.
    class: [u8; 2],
    inherited: u32,
    pending: Vec<Part<'h>>,
    /// Σ points × 回数, to correct totals that the clearing body left alone.
    pub(super) sum: i64,
    /// Earliest and latest service day.
    pub(super) seen: Option<(i32, i32)>,
    /// Whether acts are written, or only summed.
    write: bool,
}

impl<'h> Units<'h> {
    pub(super) fn new(about: About<'h>, write: bool) -> Self {
        Self { about, class: *b"  ", inherited: 0, pending: Vec::new(), sum: 0, seen: None, write }
    }

    /// An SI, IY, TO or SS record.
    pub(super) fn record(
        &mut self,
        desk: &mut Desk<'_>,
        tag: Tag,
        fields: Fields<'h>,
        line: u64,
    ) -> Result<Outcome, ReadError> {
        let layout = Layout::of(self.about.sort == Sort::Dental, tag);
        self.classify(desk, fields.get(1))?;
        let Some(code) = number_code(fields.get(3)) else {
            return Ok(Outcome::Bad("act-code"));
        };
        let (quantity, points, times) = (fields.get(4), fields.get(layout.points), fields.get(layout.times));
        let mut part = Part {
            thing: layout.thing,
            code,
            quantity: number::decimal(quantity, 3),
            points: number::whole(points),
            times: number::whole(times),
            days: [0; 31],
            dated: 0,
            line,
        };
        for (at, bytes) in fields.filled(layout.days, 31) {
            if bytes.is_empty() {
                continue;
            }
            match number::whole(bytes).and_then(|count| u16::try_from(count).ok()) {
                Some(0) => {}
                Some(count) => {
                    if let Some(day) = part.days.get_mut(at) {
                        *day = count;
                        part.dated |= 1 << at;
                    }
                }
                None => return Ok(Outcome::Bad("day-count")),
            }
        }
        if part.points.is_none() && !points.is_empty() {
            return Ok(Outcome::Bad("points"));
        }
        if part.quantity.is_none() && !quantity.is_empty() || part.times.is_none() && !times.is_empty() {
            return Ok(Outcome::Bad("quantity"));
        }
        self.pending.push(part);
        let (from, most) = layout.additions;
        if most > 0 && self.write {
            self.additions(desk, fields, part, from, most);
        }
        if part.points.is_some() {
            self.close(desk)?;
        }
        Ok(Outcome::Taken)
    }

    /// 診療識別 where it is written; else it is inherited.
    fn classify(&mut self, desk: &mut Desk<'_>, class: &[u8]) -> Result<(), ReadError> {
        match class {
            [a, b] => {
                self.inherited = 0;
                if self.class != [*a, *b] {
                    self.flush(desk)?;
                    self.class = [*a, *b];
                }
            }
            [] => {
                self.inherited += 1;
                if self.inherited == INHERITED + 1 && self.write {
                    desk.tally.repaired(self.about.kind, "class-inherited-too-often");
                }
            }
            _ if self.write => desk.tally.repaired(self.about.kind, "class-unreadable"),
            _ => {}
        }
        Ok(())
    }

    /// 加算 of a record: done when it was, without points of their own.
    fn additions(&mut self, desk: &mut Desk<'_>, fields: Fields<'h>, main: Part<'h>, from: usize, most: usize) {
        let About { kind, file, .. } = self.about;
        for at in (from..).step_by(2).take(most) {
            let (text, quantity) = (fields.get(at), fields.get(at + 1));
            if text.is_empty() {
                continue;
            }
            let Some(code) = code(text) else {
                desk.tally.value_lost(kind, "addition-code", file, main.line);
                continue;
            };
            let amount = number::decimal(quantity, 3);
            if amount.is_none() && !quantity.is_empty() {
                desk.tally.value_lost(kind, "addition-quantity", file, main.line);
            }
            self.pending.push(Part { code, quantity: amount, points: None, ..main });
        }
    }

    /// Ends a unit that never got points.
    pub(super) fn flush(&mut self, desk: &mut Desk<'_>) -> Result<(), ReadError> {
        if !self.pending.is_empty() {
            if self.write {
                desk.tally.repaired(self.about.kind, "unit-without-points");
            }
            self.close(desk)?;
        }
        Ok(())
    }

    /// Writes the acts of the unit; days and 回数 that stand on one record hold for all of it.
    fn close(&mut self, desk: &mut Desk<'_>) -> Result<(), ReadError> {
        let parts = std::mem::take(&mut self.pending);
        let times = parts.iter().rev().find_map(|part| part.times);
        let dated = parts.iter().rfind(|part| part.dated != 0);
        for part in &parts {
            let times = part.times.or(times);
            let dated = if part.dated != 0 { Some(part) } else { dated };
            let counted = || dated.map(|dated| dated.days().map(|(_, count)| count).sum());
            let count = times.or_else(counted).unwrap_or(1);
            self.sum = self.sum.saturating_add(part.points.unwrap_or(0).saturating_mul(count));
            if self.write {
                self.acts(desk, part, dated, times)?;
            }
        }
        self.pending = parts;
        self.pending.clear();
        Ok(())
    }

    fn acts(
        &mut self,
        desk: &mut Desk<'_>,
        part: &Part<'_>,
        dated: Option<&Part<'_>>,
        times: Option<i64>,
    ) -> Result<(), ReadError> {
        let About { kind, file, month, .. } = self.about;
        let Some(dated) = dated else {
            // Before 2012-04 there were no day columns: the month is all that is known.
            desk.tally.repaired(kind, "service-day-unknown");
            return self.act(desk, part, month.first(), times.unwrap_or(1));
        };
        let mut sum = 0_i64;
        for (day, count) in dated.days() {
            sum += count;
            match month.day(day) {
                Some(date) => self.act(desk, part, date, count)?,
                None => desk.tally.value_lost(kind, "day-not-in-month", file, part.line),
            }
        }
        if times.is_some_and(|times| times != sum) {
            desk.tally.repaired(kind, "days-differ-from-count");
        }
        Ok(())
    }

    fn act(&mut self, desk: &mut Desk<'_>, part: &Part<'_>, date: i32, count: i64) -> Result<(), ReadError> {
        let lists = &desk.lists;
        let drug = part.thing == Thing::Drug;
        let code = part.code;
        let quantity = part.quantity.unwrap_or(1_000).saturating_mul(count);
        let points = part.points.unwrap_or(0).saturating_mul(count);
        // 21 is 内服: 使用量 is a day's, 回数 the days.
        let supply = (drug && self.class == *b"21").then(|| lists.supply_days.clamp(count));
        let row = [
            Value::Day(date),
            Value::Category(part.thing.category(lists)),
            Value::Text(code),
            Value::text(if drug { self.about.masters.yj(code) } else { None }),
            Value::Int(lists.quantity.clamp(quantity)),
            Value::Int(lists.act_points.clamp(points)),
            Value::int(supply),
            Value::Text(self.about.receipt),
        ];
        self.seen = Some(span(self.seen, date));
        desk.push(Into::Act, self.about.ident, &row)
    }

    /// GT: what the bundle costs, for totals that follow their lines. It is no act.
    pub(super) fn bundle(&mut self, fields: Fields<'_>) {
        self.sum = self.sum.saturating_add(number::whole(fields.get(8)).unwrap_or(0));
    }

    /// A CD record of DPC: bundled care, whose points are in the bundle, so that its own are 0.
    pub(super) fn bundled(&mut self, desk: &mut Desk<'_>, fields: Fields<'_>) -> Result<Outcome, ReadError> {
        let Some(date) = number::day(fields.get(1)) else {
            return Ok(Outcome::Bad("service-date"));
        };
        let Some(code) = number_code(fields.get(5)) else {
            return Ok(Outcome::Bad("act-code"));
        };
        let amount = [6, 7].into_iter().find_map(|item| number::decimal(fields.get(item), 3)).unwrap_or(1_000);
        let times = number::whole(fields.get(9)).unwrap_or(1);
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
            Value::text(if drug { self.about.masters.yj(code) } else { None }),
            Value::Int(lists.quantity.clamp(amount.saturating_mul(times))),
            Value::Int(0),
            Value::Null,
            Value::Text(self.about.receipt),
        ];
        self.seen = Some(span(self.seen, date));
        desk.push(Into::Act, self.about.ident, &row)?;
        Ok(Outcome::Taken)
    }
}

pub(super) fn span(seen: Option<(i32, i32)>, date: i32) -> (i32, i32) {
    seen.map_or((date, date), |(first, last)| (first.min(date), last.max(date)))
}
