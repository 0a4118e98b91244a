//! A lifelog service's roster and daily values. The roster says who a user is; without it no day can be used.

mod roster;

use std::io::BufRead;

use super::desk::{Desk, Into};
use super::error::{Place, ReadError};
use super::frame::Value;
use super::header::{self, Fate, Row};
use super::number;
use super::report::Kind;
use super::text::Encoding;
pub(super) use roster::{UserFiles, read as roster};

const USER: usize = 0;

const DATE: usize = 1;
/// Columns of values in the file's order, which is that of `lifelog_daily`.
const VALUES: [&str; 7] = ["steps", "sleep_min", "wear_min", "resting_hr", "weight_kg", "sbp", "dbp"];

/// Reads a file of daily values.
pub(super) fn daily<R: BufRead>(
    desk: &mut Desk<'_>,
    file: &str,
    encoding: Encoding,
    input: R,
) -> Result<(), ReadError> {
    if !desk.rosters {
        return Err(ReadError::refused(
            Place::file(file),
            "no-roster",
            "daily values without a roster: nobody can say who the users are",
            "Give the service's roster (利用者ID, カナ氏名, 生年月日, 性別, …) together with this file",
        ));
    }
    let sheet = desk.sheet(Into::Lifelog)?;
    let mut grids = Vec::with_capacity(VALUES.len());
    for name in VALUES {
        grids.push(sheet.grid(name)?);
    }
    let service = sheet.category("source", "service");
    let mut day = |desk: &mut Desk<'_>, row: &Row<'_>| {
        let Some(date) = number::loose_day(row.bytes(DATE)) else {
            return Ok(Fate::Malformed("date"));
        };
        let Some(user) = row.text(USER) else {
            return Ok(Fate::Malformed("user-missing"));
        };
        let Some(&ident) = desk.users.get(user.as_ref()) else {
            return Ok(Fate::Unusable("user-not-in-roster"));
        };
        if !first_time(desk.taken.entry(ident).or_default(), date) {
            return Ok(Fate::Unusable("day-twice"));
        }
        let mut cells = [Value::Null; 9];
        let mut any = false;
        for (at, (cell, grid)) in cells.iter_mut().skip(1).zip(&grids).enumerate() {
            let bytes = row.bytes(at + 2);
            if bytes.is_empty() {
                continue;
            }
            match number::decimal(bytes, grid.digits()) {
                Some(value) => {
                    let bounded = grid.clamp(value);
                    if bounded != value {
                        desk.tally.repaired(Kind::LifelogDaily, "out-of-bounds");
                    }
                    *cell = Value::Int(bounded);
                    any = true;
                }
                None => {
                    let (file, line) = (row.file, row.line);
                    desk.tally.value_lost(Kind::LifelogDaily, "number", file, line);
                }
            }
        }
        if !any {
            return Ok(Fate::Unusable("no-values"));
        }
        if let Some(first) = cells.first_mut() {
            *first = Value::Day(date);
        }
        if let Some(last) = cells.last_mut() {
            *last = Value::Category(service);
        }
        desk.identities.seen(ident, date);
        desk.push(Into::Lifelog, ident, &cells)?;
        Ok(Fate::Kept)
    };
    let kind = Kind::LifelogDaily;
    header::rows(desk, kind, header::DAILY, file, encoding, input, &mut day)
}

/// 2000-01-01: lifelogs are younger. Earlier days share the first bit's word and are told apart no further.
const EPOCH: i32 = 10_957;

/// Marks a day; false if it was marked before.
fn first_time(days: &mut Vec<u64>, date: i32) -> bool {
    let Ok(at) = usize::try_from(date - EPOCH) else {
        return true;
    };
    let (word, bit) = (at / 64, 1_u64 << (at % 64));
    if days.len() <= word {
        days.resize(word + 1, 0);
    }
    match days.get_mut(word) {
        Some(word) if *word & bit == 0 => {
            *word |= bit;
            true
        }
        Some(_) => false,
        None => true,
    }
}
