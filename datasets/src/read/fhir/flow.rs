//! From an observation of a known person to rows: a daily value of a device, or an `observation`. Not the tables of
//! checkups.
//!
//! Steps, sleep, energy and resting heart rate are a device's unless they were taken in a clinic; weight and blood pressure
//! are, if a device or the person at home took them. All else is an observation.

use super::codes::Daily;
use super::daily::{Book, Reading};
use super::observe::{Limit, Part, Record, Value as Result_, Where};
use super::time::Span;
use crate::read::desk::{Desk, Into};
use crate::read::error::ReadError;
use crate::read::frame::{Grid, Value};
use crate::read::number;
use crate::read::report::Kind;

const K: Kind = Kind::Fhir;
/// Longest unit, code and answer of `observation`.
const UNIT: usize = 20;
const CODE: usize = 64;
const ANSWER: usize = 32;

/// Bounds and lists of `observation`, looked up once.
pub(super) struct Observations {
    value: Grid,
    places: [i32; 4],
    window: (i64, i64),
}

/// Where the records of one file go.
pub(super) struct Out<'a> {
    pub(super) book: &'a mut Book,
    pub(super) file: &'a str,
}

/// What can't be taken, and is no fault of the file: left out. All other reasons are quarantined.
fn on_purpose(code: &str) -> bool {
    matches!(code, "free-text" | "sampled-data" | "no-value" | "group" | "value-type" | "in-bed" | "longer-than-a-day")
}

impl Observations {
    pub(super) fn new(desk: &Desk<'_>) -> Result<Self, ReadError> {
        let sheet = desk.sheet(Into::Observation)?;
        let missing = || ReadError::Catalogue { table: "observation".to_owned(), column: "date".to_owned() };
        let date = sheet.columns().find(|column| column.name == "date").ok_or_else(missing)?;
        let places = [Where::Clinic, Where::Home, Where::Device, Where::Other];
        Ok(Self {
            value: sheet.grid("value")?,
            places: places.map(|place| sheet.category("place", place.code())),
            window: date.bounds().ok_or_else(missing)?,
        })
    }

    /// Takes one record, of this time.
    pub(super) fn take(
        &self,
        desk: &mut Desk<'_>,
        out: &mut Out<'_>,
        ident: u32,
        record: &Record,
        span: Option<Span>,
    ) -> Result<(), ReadError> {
        let file = out.file;
        let Some(span) = span else {
            desk.tally.quarantined(K, "date", 1, file, record.line);
            return Ok(());
        };
        let mut lost = record.lost.clone();
        let mut readings = Vec::new();
        let mut rows = Vec::new();
        for part in &record.parts {
            match part.daily.filter(|what| daily_here(*what, record.place)) {
                Some(what) => match reading(what, part, span, record.device) {
                    Ok((day, reading)) => {
                        // A stage is sleep too.
                        if part.value == Result_::Duration && !matches!(what, Daily::Awake | Daily::Sleep) {
                            readings.push((day, Reading { what: Daily::Sleep, ..reading }, false));
                        }
                        readings.push((day, reading, true));
                    }
                    Err(code) => lost.push(code),
                },
                None => match self.row(desk, part, record.place, span.day) {
                    Ok(row) => rows.push((part, row)),
                    Err(code) => lost.push(code),
                },
            }
        }
        if rows.is_empty() && readings.is_empty() {
            let code = lost.iter().find(|code| !on_purpose(code)).or(lost.first()).copied().unwrap_or("no-value");
            if on_purpose(code) {
                desk.tally.left_out(K, code, 1);
            } else {
                desk.tally.quarantined(K, code, 1, file, record.line);
            }
            return Ok(());
        }
        for (part, row) in &rows {
            let code = format!("{}{}", part.system.prefix(), part.code);
            let [date, place, _, value, unit, answer] = *row;
            let row = [date, place, Value::Text(&code), value, unit, answer];
            desk.identities.seen(ident, span.day);
            desk.push(Into::Observation, ident, &row)?;
        }
        if !rows.is_empty() {
            desk.tally.kept(K, 1);
        }
        if !days(desk, out, ident, record, readings, rows.is_empty())? {
            return Ok(());
        }
        // A part that is missing on purpose beside others that are not takes nothing away.
        for code in lost.into_iter().filter(|code| !matches!(*code, "no-value" | "group")) {
            desk.tally.value_lost(K, code, file, record.line);
        }
        for code in &record.repaired {
            desk.tally.repaired(K, code);
        }
        if span.utc {
            desk.tally.repaired(K, "day-of-utc");
        }
        if record.parts.iter().any(|part| matches!(&part.value, Result_::Number { limit, .. } if *limit != Limit::None))
        {
            desk.tally.repaired(K, "at-measuring-limit");
        }
        Ok(())
    }

    fn row<'p>(
        &self,
        desk: &mut Desk<'_>,
        part: &'p Part,
        place: Where,
        day: i32,
    ) -> Result<[Value<'p>; 6], &'static str> {
        if !(self.window.0..=self.window.1).contains(&i64::from(day)) {
            return Err("date-outside");
        }
        if part.system.prefix().len() + part.code.len() > CODE {
            return Err("code");
        }
        let place = self.places.get(place as usize).copied().unwrap_or(0);
        let mut row = [Value::Day(day), Value::Category(place), Value::Null, Value::Null, Value::Null, Value::Null];
        let [_, _, _, value, unit, answer] = &mut row;
        match &part.value {
            Result_::Number { text, unit: written, .. } => {
                let number = number::decimal(text.as_bytes(), self.value.digits()).ok_or("number")?;
                let bounded = self.value.clamp(number);
                if bounded != number {
                    desk.tally.repaired(K, "out-of-bounds");
                }
                *value = Value::Int(bounded);
                // A unit that is no UCUM may be a text, and the store holds ASCII.
                if written.is_ascii() && written.len() <= UNIT {
                    *unit = Value::text(Some(&**written).filter(|unit| !unit.is_empty()));
                } else {
                    desk.tally.repaired(K, "unit-left-out");
                }
            }
            Result_::Answer { code, .. } if code.len() > ANSWER => return Err("answer"),
            Result_::Answer { code, .. } => *answer = Value::Text(code),
            Result_::Duration => return Err("value-type"),
            Result_::Missing { .. } => return Err("no-value"),
        }
        Ok(row)
    }
}

/// Adds readings to their days; false if the record as a whole was quarantined.
fn days(
    desk: &mut Desk<'_>,
    out: &mut Out<'_>,
    ident: u32,
    record: &Record,
    readings: Vec<(i32, Reading, bool)>,
    alone: bool,
) -> Result<bool, ReadError> {
    let ties: Vec<i64> = readings.iter().filter(|r| !r.1.what.adds_up()).map(|r| r.1.thousandths).collect();
    let mut counted = !alone;
    let mut refused = None;
    for (day, mut reading, may_count) in readings {
        match out.book.open(desk, ident, day) {
            Ok(()) => {
                reading.counts = may_count && !counted;
                counted |= reading.counts;
                if let (false, [first, second]) = (reading.what.adds_up(), ties.as_slice()) {
                    reading.tie = (*first, *second);
                }
                out.book.add(ident, day, reading);
            }
            Err(code) => refused = Some(code),
        }
    }
    if let Some(code) = refused {
        if !counted {
            desk.tally.quarantined(K, code, 1, out.file, record.line);
            return Ok(false);
        }
        desk.tally.value_lost(K, code, out.file, record.line);
    }
    out.book.make_room(desk)?;
    Ok(true)
}

fn daily_here(what: Daily, place: Where) -> bool {
    match place {
        Where::Clinic => false,
        Where::Home | Where::Device => true,
        Where::Other => what.only_devices(),
    }
}

/// The reading of a part, and its day.
fn reading(what: Daily, part: &Part, span: Span, device: u64) -> Result<(i32, Reading), &'static str> {
    let span = if what.of_night() { span.at_last() } else { span };
    if what.adds_up() && !span.within_a_day() {
        return Err("longer-than-a-day");
    }
    let thousandths = match &part.value {
        Result_::Number { text, unit, .. } => what.thousandths(text, unit)?,
        Result_::Duration if span.to == span.from => return Err("no-period"),
        // Seconds to thousandths of a minute.
        Result_::Duration => i64::from(span.to - span.from) * 1_000 / 60,
        _ => return Err("value-type"),
    };
    let tie = (thousandths, i64::MAX);
    let (from, to) = (span.from, span.to);
    Ok((span.day, Reading { what, device, from, to, thousandths, tie, counts: false }))
}
