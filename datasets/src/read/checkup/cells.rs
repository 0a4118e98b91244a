//! From what was found to a row of `checkup` and the rows of `checkup_item`, for every format of checkups.
//! Not bounds and lists: those are the catalogue's.

use super::found::{Found, Judgement, State};
use super::items::{self, How, WIDTH};
use super::units::Units;
use crate::read::desk::{Desk, Into};
use crate::read::error::ReadError;
use crate::read::frame::{Grid, Value};
use crate::read::number;
use crate::read::report::Kind;
use crate::read::text;

/// Decimals of `checkup_item.value`.
const DIGITS: u8 = 3;
/// Characters of a unit and of an answer (without its term).
const UNIT: usize = 20;
const ANSWER: usize = 10;

/// One column of `checkup`, looked up once.
struct Column {
    grid: Option<Grid>,
    /// Codes of its closed list, `other` last.
    codes: Vec<String>,
}

impl Column {
    /// The index of a code, written with its term or without; `other` and false if the list does not have it.
    fn category(&self, term: Option<u8>, code: &str) -> (i32, bool) {
        let found = self.codes.iter().position(|known| match term {
            None => known == code,
            Some(term) => known.as_bytes().split_first().is_some_and(|(&first, rest)| {
                first == b'0' + term && rest.strip_prefix(b":").is_some_and(|rest| rest == code.as_bytes())
            }),
        });
        let at = found.unwrap_or(self.codes.len().saturating_sub(1));
        (i32::try_from(at).unwrap_or(0), found.is_some())
    }
}

/// Where a checkup was found.
pub(in crate::read) struct Source<'a> {
    pub(in crate::read) record: Kind,
    pub(in crate::read) file: &'a str,
    /// The line of a byte of the record.
    pub(in crate::read) line: &'a dyn Fn(usize) -> u64,
}

/// A checkup as such.
pub(in crate::read) struct Visit {
    pub(in crate::read) ident: u32,
    pub(in crate::read) date: i32,
    /// Code of `checkup.kind`.
    pub(in crate::read) kind: &'static str,
}

/// Bounds, lists and codes of both tables, taken from the catalogue once, and what is used again for every checkup.
pub(in crate::read) struct Cells {
    columns: Vec<Column>,
    states: [i32; State::ALL.len()],
    judgements: [i32; Judgement::ALL.len()],
    value: Grid,
    units: Units,
    answer: String,
}

impl Cells {
    pub(in crate::read) fn new(desk: &Desk<'_>) -> Result<Self, ReadError> {
        let sheet = desk.sheet(Into::Checkup)?;
        let columns = sheet.columns().map(|column| Column {
            grid: sheet.grid(&column.name).ok(),
            codes: column.values().iter().map(|value| value.code.clone()).collect(),
        });
        let columns = columns.collect();
        let items = desk.sheet(Into::CheckupItem)?;
        Ok(Self {
            columns,
            states: State::ALL.map(|state| items.category("state", state.code())),
            judgements: Judgement::ALL.map(|judgement| items.category("judgement", judgement.code())),
            value: items.grid("value")?,
            units: Units::default(),
            answer: String::new(),
        })
    }

    /// Adds the checkup and its items.
    pub(in crate::read) fn push(
        &mut self,
        desk: &mut Desk<'_>,
        source: &Source<'_>,
        visit: &Visit,
        found: &[Found<'_>],
    ) -> Result<(), ReadError> {
        let mut cells = [Value::Null; WIDTH];
        let mut best = [u8::MAX; WIDTH];
        for found in found {
            if found.state == State::Text {
                if matches!(found.item.map(|item| item.how), Some(How::Number(_) | How::Jds)) {
                    // A text where a quantity belongs.
                    desk.tally.value_lost(source.record, "number", source.file, (source.line)(found.at));
                }
                desk.tally.read(source.record, 1);
                desk.tally.left_out(source.record, "free-text", 1);
                continue;
            }
            if !items::jlac10(&found.code) {
                desk.tally.read(source.record, 1);
                desk.tally.left_out(source.record, "code-not-jlac10", 1);
                continue;
            }
            if let Some(item) = found.item
                && let (Some(cell), Some(best)) = (cells.get_mut(item.column), best.get_mut(item.column))
                && item.rank < *best
                && let Some(value) = self.cell(desk, source, visit, found)
            {
                (*cell, *best) = (value, item.rank);
            }
            self.item(desk, source, visit, found)?;
        }
        let kind = self.columns.get(1).map_or(0, |column| column.category(None, visit.kind).0);
        let [first, second, ..] = &mut cells;
        (*first, *second) = (Value::Day(visit.date), Value::Category(kind));
        desk.push(Into::Checkup, visit.ident, &cells)
    }

    /// The cell of an item in its column; `None` if there is nothing to put there.
    fn cell(
        &mut self,
        desk: &mut Desk<'_>,
        source: &Source<'_>,
        visit: &Visit,
        found: &Found<'_>,
    ) -> Option<Value<'static>> {
        let item = found.item?;
        let column = self.columns.get(item.column)?;
        let code = found.answer.as_deref().or(found.number.as_deref());
        match item.how {
            How::Code(_) => {
                let (category, known) = column.category(None, code?);
                if !known {
                    desk.tally.repaired(source.record, "answer-not-in-list");
                }
                Some(Value::Category(category))
            }
            How::Answer(list) => {
                let (category, known) = column.category(Some(items::term(list, &found.system, visit.date)), code?);
                if !known {
                    desk.tally.repaired(source.record, "answer-not-in-list");
                }
                Some(Value::Category(category))
            }
            How::Number(_) | How::Jds => {
                let grid = column.grid?;
                let (units, digits) = match item.how {
                    How::Number(units) => (units, grid.digits()),
                    _ => (&["%"][..], 2),
                };
                let number = found.number.as_deref()?;
                let known = found.unit.is_empty() || units.iter().any(|unit| unit.eq_ignore_ascii_case(&found.unit));
                if !known && !units.contains(&self.units.of(&found.unit)) {
                    desk.tally.value_lost(source.record, "unit", source.file, (source.line)(found.at));
                    return None;
                }
                // What is no number at all is reported for the item.
                let value = quantity(number, digits)?;
                let value = if item.how == How::Jds { ngsp(value, grid.digits()) } else { value };
                let bounded = grid.clamp(value);
                if bounded != value {
                    desk.tally.repaired(source.record, "out-of-bounds");
                }
                if matches!(found.state, State::Above | State::Below) {
                    desk.tally.repaired(source.record, "at-measuring-limit");
                }
                if found.unit.is_empty() {
                    desk.tally.repaired(source.record, "unit-missing");
                }
                Some(Value::Int(bounded))
            }
        }
    }

    /// The row of `checkup_item`.
    fn item(
        &mut self,
        desk: &mut Desk<'_>,
        source: &Source<'_>,
        visit: &Visit,
        found: &Found<'_>,
    ) -> Result<(), ReadError> {
        let lost = |desk: &mut Desk<'_>, code| {
            desk.tally.value_lost(source.record, code, source.file, (source.line)(found.at));
        };
        let (mut value, mut unit, mut answer) = (Value::Null, Value::Null, Value::Null);
        if let Some(number) = found.number.as_deref() {
            match quantity(number, DIGITS) {
                Some(number) => value = Value::Int(self.value.clamp(number)),
                None => lost(desk, "number"),
            }
            let written = self.units.of(&found.unit);
            if !written.is_empty() {
                if unit_like(written) {
                    unit = Value::Text(written);
                } else if found.item.is_none() {
                    lost(desk, "unit");
                }
            }
        }
        if let Some(code) = found.answer.as_deref() {
            if !code_like(code) {
                lost(desk, "answer");
            } else if let Some(How::Answer(list)) = found.item.map(|item| item.how)
                && list.changed()
            {
                self.answer.clear();
                self.answer.push(char::from(b'0' + items::term(list, &found.system, visit.date)));
                self.answer.push(':');
                self.answer.push_str(code);
                answer = Value::Text(&self.answer);
            } else {
                answer = Value::Text(code);
            }
        }
        let state = self.states.get(found.state as usize).copied().unwrap_or(0);
        let judgement = found.judgement.and_then(|judgement| self.judgements.get(judgement as usize).copied());
        let row = [
            Value::Day(visit.date),
            Value::Text(&found.code),
            Value::Category(state),
            value,
            unit,
            answer,
            Value::category(judgement),
        ];
        desk.push(Into::CheckupItem, visit.ident, &row)
    }
}

/// A number as files write it: full width and spaces are let pass.
pub(super) fn quantity(number: &str, digits: u8) -> Option<i64> {
    match number::decimal(number.as_bytes(), digits) {
        None => number::decimal(text::narrow(number).as_bytes(), digits),
        value => value,
    }
}

/// NGSP from JDS in hundredths of a percent, on a grid of `digits`, half up.
fn ngsp(jds: i64, digits: u8) -> i64 {
    let ten_thousandths = jds.saturating_mul(102).saturating_add(2_500);
    let step = 10_i64.pow(4_u32.saturating_sub(u32::from(digits)));
    ten_thousandths.saturating_add(step / 2).div_euclid(step)
}

/// Not a text in the place of a unit.
fn unit_like(unit: &str) -> bool {
    unit.chars().count() <= UNIT
        && unit.chars().all(|c| c.is_ascii_graphic() || "万億個分拍回点日本年歳時間合杯μ㎡²³×".contains(c))
}

/// Not a text in the place of a code.
fn code_like(code: &str) -> bool {
    !code.is_empty()
        && code.len() <= ANSWER
        && code.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-'))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;

    #[test]
    fn jds_to_ngsp() {
        // 日本糖尿病学会: JDS 6.1 is NGSP 6.5, JDS 5.2 is NGSP 5.6 (5.554), rounded half up.
        assert_eq!(ngsp(610, 1), 65);
        assert_eq!(ngsp(520, 1), 56);
        assert_eq!(ngsp(i64::MAX, 1), i64::MAX / 1000);
    }

    #[test]
    fn categories() {
        let codes = ["3:1", "4:1", "4:12", "1", "other"].map(str::to_owned).to_vec();
        let column = Column { grid: None, codes };
        assert_eq!(column.category(Some(4), "1"), (1, true));
        assert_eq!(column.category(Some(4), "12"), (2, true));
        assert_eq!(column.category(None, "1"), (3, true));
        assert_eq!(column.category(Some(4), "2"), (4, false));
        assert_eq!(column.category(Some(4), ""), (4, false));
    }

    #[test]
    fn the_columns_of_states_are_in_order() {
        for (at, state) in State::ALL.into_iter().enumerate() {
            assert_eq!(state as usize, at);
        }
        for (at, judgement) in Judgement::ALL.into_iter().enumerate() {
            assert_eq!(judgement as usize, at);
        }
    }

    #[test]
    fn texts_are_no_codes() {
        assert!(code_like("1") && code_like("2A-1.0") && !code_like("") && !code_like("架空") && !code_like("A B"));
        assert!(unit_like("mg/dl") && unit_like("万/μl") && !unit_like("架空花子") && !unit_like(&"x".repeat(21)));
        assert_eq!((quantity("５．２５", 1), quantity("5 ", 0), quantity("五", 0)), (Some(53), Some(5), None));
    }
}
