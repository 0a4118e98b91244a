//! The way for relations of one row per person that read one table's columns of few possible values: DuckDB counts the persons of each
//! combination of stored values, and the plan is computed once per combination, weighted by that count. The same rules and
//! integers as [`super::ordered`]'s for single rows. What has more possible combinations than [`MOST`] goes there.

use std::ops::Range;

use datasets::store::{EngineCode, StoreError};
use zeroize::Zeroizing;

use super::expr::Sql;
use super::flow::{Driver, Pipeline, Step};
use super::shape::{Batch, Cells, How, Shape, square};

/// Combinations of values at most, by the columns' bounds.
const MOST: i64 = 1 << 18;

/// Whether a pipeline's rows can be counted by their values: it reads a table, and nothing of it but numbers within bounds.
pub(super) fn fits(pipeline: &Pipeline) -> bool {
    let Driver::Scan { readings, .. } = &pipeline.driver else { return false };
    let within = |step: &Step| matches!(step, Step::Filter(_) | Step::Compute(_) | Step::Counts);
    let many = readings.iter().try_fold(1_i64, |many, reading| {
        let (lo, hi) = reading.bounds?;
        // One more for NULL.
        many.checked_mul(hi.checked_sub(lo)?.checked_add(2)?)
    });
    many.is_some_and(|many| many <= MOST) && pipeline.scope.leaves.is_empty() && pipeline.steps.iter().all(within)
}

/// Rows of (the columns read, number of persons), of persons within or not within these sets.
pub(super) fn statement(pipeline: &Pipeline, sets: &[(bool, String)]) -> Sql {
    let sets = sets.iter().map(|(within, set)| format!("pid {}IN ({set})", if *within { "" } else { "NOT " }));
    pipeline.counted(sets.collect())
}

/// Adds up what combinations of values contribute. `draws` of a batch are numbers of persons here.
pub(super) struct Grouped<'s> {
    shape: &'s Shape,
    totals: Zeroizing<Vec<i128>>,
}

impl<'s> Grouped<'s> {
    pub(super) fn new(shape: &'s Shape) -> Self {
        Self { shape, totals: Zeroizing::new(vec![0; shape.cells * shape.width]) }
    }

    fn add(&mut self, rows: &Batch, row: usize, persons: i128) -> Option<()> {
        let (cell, width) = (usize::try_from(*rows.cells.get(row)?).ok()?, self.shape.width);
        let totals = self.totals.get_mut(cell * width..(cell + 1) * width)?;
        let first = totals.first_mut()?;
        *first = first.saturating_add(persons);
        for rule in &self.shape.statistics {
            let mut at = rule.at;
            let own = |at: &usize| rows.arguments.get(*at).and_then(|argument| argument.get(row)).map(i128::from);
            let value = match &rule.how {
                How::Rows => Some(1),
                How::Any(at) | How::Sum(at) | How::Mean(at) => own(at),
                How::Square(at, lo, hi, centre) => own(at).map(|value| square(value, *lo, *hi, *centre)),
                How::Bin(from, bins) => own(from).map(|value| {
                    at += bins.of(value);
                    1
                }),
            };
            if let Some((value, total)) = value.zip(totals.get_mut(at)) {
                let each = value.clamp(rule.lo, rule.hi.max(rule.lo)) - rule.centre;
                *total = total.saturating_add(each.saturating_mul(persons));
            }
        }
        Some(())
    }
}

impl Cells for Grouped<'_> {
    fn take(&mut self, _: &Range<u32>, rows: Batch) -> Result<(), StoreError> {
        for (row, persons) in rows.draws.iter().enumerate() {
            let added = self.add(&rows, row, i128::from(*persons));
            added.ok_or(StoreError::Engine { doing: "reducing the rows", code: EngineCode::Other })?;
        }
        Ok(())
    }

    fn done(&mut self, _: &Range<u32>) -> Result<(), StoreError> {
        Ok(())
    }

    fn totals(self) -> Zeroizing<Vec<i128>> {
        self.totals
    }
}
