//! A person's day on its way into `lifelog_daily`: one list of measures, one set of bounds, one rule for days that come
//! twice. Not a reader: the service's CSV, Apple Health, Fitbit and FHIR hand their days to this.

use std::collections::HashMap;

use crate::read::desk::{Desk, Into};
use crate::read::error::ReadError;
use crate::read::frame::{Grid, Value};
use crate::read::report::Kind;

/// The measured columns of `lifelog_daily`, in the order in which a [`Measures`] has them.
pub(in crate::read) const MEASURES: [&str; 13] = [
    "steps",
    "sleep_min",
    "wear_min",
    "resting_hr",
    "weight_kg",
    "sbp",
    "dbp",
    "sleep_deep_min",
    "sleep_rem_min",
    "sleep_light_min",
    "awake_min",
    "energy_in_kcal",
    "energy_out_kcal",
];
/// Values on their column's grid.
pub(in crate::read) type Measures = [Option<i64>; MEASURES.len()];

pub(in crate::read) const STEPS: usize = 0;
pub(in crate::read) const SLEEP: usize = 1;
pub(in crate::read) const WEAR: usize = 2;
pub(in crate::read) const RESTING: usize = 3;
pub(in crate::read) const WEIGHT: usize = 4;
pub(in crate::read) const SBP: usize = 5;
pub(in crate::read) const DBP: usize = 6;
pub(in crate::read) const DEEP: usize = 7;
pub(in crate::read) const REM: usize = 8;
pub(in crate::read) const LIGHT: usize = 9;
pub(in crate::read) const AWAKE: usize = 10;
pub(in crate::read) const EATEN: usize = 11;
pub(in crate::read) const SPENT: usize = 12;

/// Writes days of one source.
pub(in crate::read) struct Days {
    grids: Vec<Grid>,
    source: i32,
    window: (i32, i32),
    kind: Kind,
}

impl Days {
    /// `source` is a code of `lifelog_daily.source`.
    pub(in crate::read) fn new(desk: &Desk<'_>, kind: Kind, source: &str) -> Result<Self, ReadError> {
        let sheet = desk.sheet(Into::Lifelog)?;
        let mut grids = Vec::with_capacity(MEASURES.len());
        for name in MEASURES {
            grids.push(sheet.grid(name)?);
        }
        let missing = || ReadError::Catalogue { table: sheet.name.clone(), column: "date".to_owned() };
        let date = sheet.columns().find(|column| column.name == "date").ok_or_else(missing)?;
        let (first, last) = date.bounds().ok_or_else(missing)?;
        let day = |bound: i64| i32::try_from(bound).map_err(|_| missing());
        Ok(Self { grids, source: sheet.category("source", source), window: (day(first)?, day(last)?), kind })
    }

    /// Whether the table's window has this day; others can't be stored as what they are.
    pub(in crate::read) fn has(&self, date: i32) -> bool {
        (self.window.0..=self.window.1).contains(&date)
    }

    /// First and last day of the table.
    pub(in crate::read) fn window(&self) -> (i32, i32) {
        self.window
    }

    /// The grid of a measure.
    pub(in crate::read) fn digits(&self, measure: usize) -> u8 {
        self.grids.get(measure).map_or(0, |grid| grid.digits())
    }

    /// A value put to its bounds, and whether that changed it.
    pub(in crate::read) fn bound(&self, measure: usize, value: i64) -> (i64, bool) {
        let bounded = self.grids.get(measure).map_or(value, |grid| grid.clamp(value));
        (bounded, bounded != value)
    }

    /// Whether this person's day is new for this source; from now on it is not.
    pub(in crate::read) fn first(&self, desk: &mut Desk<'_>, ident: u32, date: i32) -> bool {
        desk.taken.first(ident, self.source, date)
    }

    /// Whether [`Self::first`] was asked for this day before.
    pub(in crate::read) fn taken(&self, desk: &Desk<'_>, ident: u32, date: i32) -> bool {
        desk.taken.has(ident, self.source, date)
    }

    /// Adds the row. The caller has asked [`Self::first`].
    pub(in crate::read) fn push(
        &self,
        desk: &mut Desk<'_>,
        ident: u32,
        date: i32,
        measures: &Measures,
    ) -> Result<(), ReadError> {
        let mut cells = [Value::Null; MEASURES.len() + 2];
        let [first, values @ ..] = &mut cells;
        *first = Value::Day(date);
        // The source stands between the measures of the first catalogue and those that came later.
        let places = (0..=DBP).chain(DBP + 2..MEASURES.len() + 1);
        for (measure, (place, value)) in places.zip(measures).enumerate() {
            if let (Some(cell), Some(value)) = (values.get_mut(place), *value) {
                let (bounded, changed) = self.bound(measure, value);
                if changed {
                    desk.tally.repaired(self.kind, "out-of-bounds");
                }
                *cell = Value::Int(bounded);
            }
        }
        if let Some(cell) = values.get_mut(DBP + 1) {
            *cell = Value::Category(self.source);
        }
        desk.identities.seen(ident, date);
        desk.push(Into::Lifelog, ident, &cells)
    }
}

/// Days that were taken, by person and source: a bit each, in words of 64 days.
#[derive(Default)]
pub(in crate::read) struct Taken(HashMap<(u32, i16, i16), u64>);

impl Taken {
    fn place(ident: u32, source: i32, date: i32) -> ((u32, i16, i16), u64) {
        let word = i16::try_from(date.div_euclid(64)).unwrap_or(i16::MAX);
        ((ident, i16::try_from(source).unwrap_or(i16::MAX), word), 1_u64 << date.rem_euclid(64))
    }

    fn has(&self, ident: u32, source: i32, date: i32) -> bool {
        let (word, bit) = Self::place(ident, source, date);
        self.0.get(&word).is_some_and(|word| word & bit != 0)
    }

    /// Marks a day; false if it was marked before.
    pub(in crate::read) fn first(&mut self, ident: u32, source: i32, date: i32) -> bool {
        let (word, bit) = Self::place(ident, source, date);
        let word = self.0.entry(word).or_default();
        let first = *word & bit == 0;
        *word |= bit;
        first
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;

    #[test]
    fn days_are_told_apart_by_person_and_source() {
        let mut taken = Taken::default();
        for date in [-1, 0, 63, 64, 20_000] {
            assert!(taken.first(1, 0, date) && !taken.first(1, 0, date), "{date}");
            assert!(taken.first(1, 1, date) && taken.first(2, 0, date), "{date}");
        }
    }

    #[test]
    fn the_order_is_the_catalogues() {
        let catalogue = crate::catalogue::Catalogue::builtin().unwrap();
        let names: Vec<_> = catalogue.table("lifelog_daily").unwrap().columns.iter().map(|c| c.name.as_str()).collect();
        let mut ours = vec!["date"];
        ours.extend(&MEASURES[..=DBP]);
        ours.push("source");
        ours.extend(&MEASURES[DBP + 1..]);
        assert_eq!(names, ours);
    }
}
