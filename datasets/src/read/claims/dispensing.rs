//! 調剤: prescriptions (SH) with dispensings (CZ) and what was dispensed (IY, TO), and the pharmacy's own fees (KI).
//! An act's date is that of the dispensing; supply days are 調剤数量 where the form is 内服. Not diagnoses: there are none.

use super::Fields;
use super::acts::{Outcome, span};
use super::receipt::About;
use crate::read::desk::{Desk, Into};
use crate::read::error::ReadError;
use crate::read::frame::Value;
use crate::read::number;

/// A thing dispensed: what one dispensing unit (a day, for 内服) takes.
struct Drug {
    code: [u8; 9],
    quantity: i64,
    material: bool,
}

struct Dispensing {
    date: i32,
    amount: i64,
    points: i64,
}

/// The acts of a pharmacy receipt.
pub(super) struct Dispensed<'h> {
    about: About<'h>,
    oral: bool,
    drugs: Vec<Drug>,
    times: Vec<Dispensing>,
    pub(super) seen: Option<(i32, i32)>,
}

impl<'h> Dispensed<'h> {
    pub(super) fn new(about: About<'h>) -> Self {
        Self { about, oral: false, drugs: Vec::new(), times: Vec::new(), seen: None }
    }

    /// SH: a prescription begins.
    pub(super) fn prescription(&mut self, desk: &mut Desk<'_>, fields: Fields<'_>) -> Result<Outcome, ReadError> {
        self.flush(desk)?;
        self.oral = fields.get(2) == b"1";
        Ok(Outcome::Taken)
    }

    /// CZ: a dispensing with its fees.
    pub(super) fn dispensing(&mut self, desk: &mut Desk<'_>, fields: Fields<'_>) -> Result<Outcome, ReadError> {
        let Some(date) = self.date(fields.get(3)) else {
            return Ok(Outcome::Bad("service-date"));
        };
        let Some(amount) = number::whole(fields.get(5)) else {
            return Ok(Outcome::Bad("quantity"));
        };
        let points = match fields.get(13) {
            b"" => Some(0),
            points => number::whole(points),
        };
        let Some(points) = points else {
            return Ok(Outcome::Bad("points"));
        };
        self.times.push(Dispensing { date, amount, points });
        // 薬剤調製料 (9, 10), its ten additions, 外来服薬支援料2, 調剤管理料 and its addition: code, points.
        let additions = (0..10).map(|at| (16 + 3 * at, 17 + 3 * at));
        let fees = [(9, 10), (55, 56), (60, 61), (63, 64)];
        for (code, points) in fees.into_iter().chain(additions) {
            self.fee(desk, date, fields.get(code), fields.get(points), 1)?;
        }
        Ok(Outcome::Taken)
    }

    /// KI: 調剤基本料 and 薬学管理料.
    pub(super) fn fees(&mut self, desk: &mut Desk<'_>, fields: Fields<'_>) -> Result<Outcome, ReadError> {
        self.flush(desk)?;
        let Some(date) = self.date(fields.get(1)) else {
            return Ok(Outcome::Bad("service-date"));
        };
        self.fee(desk, date, fields.get(4), fields.get(5), 1)?;
        // Groups of four from 負担区分: code, times, points.
        for (from, groups) in [(7, 12), (55, 3), (69, 10)] {
            for group in 0..groups {
                let at = from + 4 * group;
                let times = number::whole(fields.get(at + 2)).unwrap_or(1);
                self.fee(desk, date, fields.get(at + 1), fields.get(at + 3), times)?;
            }
        }
        Ok(Outcome::Taken)
    }

    /// IY and TO: what was dispensed.
    pub(super) fn drug(&mut self, fields: Fields<'_>, material: bool) -> Outcome {
        let Ok(code) = <[u8; 9]>::try_from(fields.get(2)) else {
            return Outcome::Bad("act-code");
        };
        if !code.iter().all(u8::is_ascii_digit) {
            return Outcome::Bad("act-code");
        }
        let quantity = match fields.get(3) {
            b"" => Some(1_000),
            quantity => number::decimal(quantity, 3),
        };
        let Some(quantity) = quantity else {
            return Outcome::Bad("quantity");
        };
        self.drugs.push(Drug { code, quantity, material });
        Outcome::Taken
    }

    /// 調剤月日 as a date; files of old write month and day only.
    fn date(&self, text: &[u8]) -> Option<i32> {
        if text.len() == 4 {
            let (month, day) = text.split_at_checked(2)?;
            let day = i32::try_from(number::whole(day)?).ok()?;
            let month = i32::try_from(number::whole(month)?).ok()?;
            return self.about.month.same_year(month, day);
        }
        number::day(text)
    }

    fn fee(&mut self, desk: &mut Desk<'_>, date: i32, code: &[u8], points: &[u8], times: i64) -> Result<(), ReadError> {
        let Some(points) = number::whole(points) else {
            return Ok(());
        };
        let code = match std::str::from_utf8(code) {
            Ok(code) if code.len() == 9 && code.bytes().all(|b| b.is_ascii_digit()) => code,
            _ => return Ok(()),
        };
        let lists = &desk.lists;
        let row = [
            Value::Day(date),
            Value::Category(lists.procedure),
            Value::Text(code),
            Value::Null,
            Value::Int(lists.quantity.clamp(times.saturating_mul(1_000))),
            Value::Int(lists.act_points.clamp(points.saturating_mul(times))),
            Value::Null,
            Value::Text(self.about.receipt),
        ];
        self.seen = Some(span(self.seen, date));
        desk.push(Into::Act, self.about.ident, &row)
    }

    /// Writes what was dispensed: each thing at each dispensing; the points of a dispensing stand on its last thing.
    pub(super) fn flush(&mut self, desk: &mut Desk<'_>) -> Result<(), ReadError> {
        let (times, drugs) = (std::mem::take(&mut self.times), std::mem::take(&mut self.drugs));
        if times.is_empty() && !drugs.is_empty() {
            desk.tally.repaired(self.about.kind, "drugs-without-dispensing");
        }
        for time in &times {
            for (at, drug) in drugs.iter().enumerate() {
                let lists = &desk.lists;
                let code = std::str::from_utf8(&drug.code).unwrap_or("");
                let points = if at + 1 == drugs.len() { time.points } else { 0 };
                let supply = self.oral && !drug.material;
                let row = [
                    Value::Day(time.date),
                    Value::Category(if drug.material { lists.material } else { lists.drug }),
                    Value::Text(code),
                    Value::text(if drug.material { None } else { self.about.masters.yj(code) }),
                    Value::Int(lists.quantity.clamp(drug.quantity.saturating_mul(time.amount))),
                    Value::Int(lists.act_points.clamp(points)),
                    Value::int(supply.then(|| lists.supply_days.clamp(time.amount))),
                    Value::Text(self.about.receipt),
                ];
                self.seen = Some(span(self.seen, time.date));
                desk.push(Into::Act, self.about.ident, &row)?;
            }
        }
        Ok(())
    }
}
