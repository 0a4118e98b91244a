//! A lifelog service's roster and daily values. The roster says who a user is; without it no day can be used.
//! What is common to all lifelogs (`day`) lives here too.

pub(in crate::read) mod day;
mod roster;

use std::io::BufRead;

use super::desk::Desk;
use super::error::{Place, ReadError};
use super::header::{self, Fate, Row};
use super::number;
use super::report::Kind;
use super::text::Encoding;
use day::{Days, MEASURES, Measures};
pub(super) use roster::{UserFiles, read as roster};

const USER: usize = 0;
const DATE: usize = 1;
/// The measures follow in the order of [`MEASURES`].
const FIRST: usize = 2;

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
    let days = Days::new(desk, Kind::LifelogDaily, "service")?;
    let mut day = |desk: &mut Desk<'_>, row: &Row<'_>| {
        let Some(date) = number::loose_day(row.bytes(DATE)) else {
            return Ok(Fate::Malformed("date"));
        };
        if !days.has(date) {
            return Ok(Fate::Unusable("date-outside"));
        }
        let Some(user) = row.text(USER) else {
            return Ok(Fate::Malformed("user-missing"));
        };
        let Some(&ident) = desk.users.get(user.as_ref()) else {
            return Ok(Fate::Unusable("user-not-in-roster"));
        };
        let mut measures: Measures = [None; MEASURES.len()];
        for (measure, value) in measures.iter_mut().enumerate() {
            let bytes = row.bytes(FIRST + measure);
            if bytes.is_empty() {
                continue;
            }
            *value = number::decimal(bytes, days.digits(measure));
            if value.is_none() {
                desk.tally.value_lost(Kind::LifelogDaily, "number", row.file, row.line);
            }
        }
        if measures.iter().all(Option::is_none) {
            return Ok(Fate::Unusable("no-values"));
        }
        if !days.first(desk, ident, date) {
            return Ok(Fate::Unusable("day-twice"));
        }
        days.push(desk, ident, date, &measures)?;
        Ok(Fate::Kept)
    };
    let kind = Kind::LifelogDaily;
    header::rows(desk, kind, header::DAILY, file, encoding, input, &mut day)
}
