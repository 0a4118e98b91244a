//! The reducer for relations of one row per person: each row is its person's contribution. A second row of somebody is told, and the
//! caller takes another way.

use std::ops::Range;
use std::sync::atomic::AtomicBool;

use datasets::store::StoreError;
use zeroize::Zeroizing;

use super::shape::{Batch, Cells, How, Shape, square};
use super::totals::{Small, Totals, narrow, small, unfit};
use super::vector::Vector;

/// One row per person by construction: nobody is in two cells.
pub(super) struct Single<'s> {
    rules: Vec<Small>,
    cells: usize,
    retry: &'s AtomicBool,
    totals: Totals,
    /// Who has had a row in this range.
    seen: Vec<bool>,
}

impl<'s> Single<'s> {
    pub(super) fn new(shape: &Shape, retry: &'s AtomicBool) -> Option<Self> {
        Some(Self { rules: small(shape)?, cells: shape.cells, retry, totals: Totals::new(shape), seen: Vec::new() })
    }
}

impl Cells for Single<'_> {
    fn take(&mut self, persons: &Range<u32>, rows: Batch) -> Result<(), StoreError> {
        if !narrow(&rows) {
            return Err(unfit(self.retry));
        }
        self.seen.resize(persons.len(), false);
        for person in &rows.pids {
            match self.seen.get_mut(*person as usize) {
                Some(seen) if !*seen => *seen = true,
                _ => return Err(unfit(self.retry)),
            }
        }
        let cell = |cell: &i64| u32::try_from(*cell).ok().filter(|cell| (*cell as usize) < self.cells);
        let cells: Option<Vec<u32>> = rows.cells.iter().map(cell).collect();
        let cells = cells.ok_or_else(|| unfit(self.retry))?;
        self.totals.people(&cells);
        for rule in &self.rules {
            let totals = &mut self.totals;
            let own = |at: &usize| rows.arguments.get(*at).into_iter().flat_map(Vector::each);
            match &rule.how {
                How::Rows => totals.add(rule, &cells, cells.iter().map(|_| Some(1))),
                How::Any(at) | How::Sum(at) | How::Mean(at) => totals.add(rule, &cells, own(at)),
                How::Square(at, lo, hi, centre) => {
                    let square = |value: i64| i64::try_from(square(i128::from(value), *lo, *hi, *centre)).ok();
                    totals.add(rule, &cells, own(at).map(|value| value.and_then(square)));
                }
                How::Bin(at, bins) => {
                    let bin = |value: i64| (bins.of(i128::from(value)), 1);
                    totals.spread(rule, &cells, own(at).map(|value| value.map(bin)));
                }
            }
        }
        Ok(())
    }

    fn done(&mut self, _: &Range<u32>) -> Result<(), StoreError> {
        self.seen.clear();
        self.totals.close();
        Ok(())
    }

    fn totals(self) -> Zeroizing<Vec<i128>> {
        self.totals.all
    }
}
