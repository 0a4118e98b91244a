//! Sums of contributions in 64 bits, per range and in all, and whether a plan's bounds and rows fit into them. For [`super::ordered`]
//! and [`super::single`]; what does not fit takes a way with wider numbers.

use std::sync::atomic::{AtomicBool, Ordering};

use datasets::store::{EngineCode, StoreError};
use zeroize::Zeroizing;

use super::shape::{Batch, Column, How, Rule, Shape};

/// Contributions below this can be added for every person of a range.
const SMALL: i128 = 1 << 45;

/// One statistic of a person and cell.
pub(super) struct Small {
    pub(super) how: How,
    /// Where its totals begin.
    pub(super) at: usize,
    /// Whether without a value there is no contribution.
    pub(super) some: bool,
    pub(super) lo: i64,
    pub(super) hi: i64,
    pub(super) centre: i64,
}

/// Sums of a range, and of all.
pub(super) struct Totals {
    width: usize,
    range: Vec<i64>,
    pub(super) all: Zeroizing<Vec<i128>>,
}

impl Totals {
    pub(super) fn new(shape: &Shape) -> Self {
        let width = shape.width;
        Self { width, range: vec![0; shape.cells * width], all: Zeroizing::new(vec![0; shape.cells * width]) }
    }

    /// Persons of these cells, one each.
    pub(super) fn people(&mut self, cells: &[u32]) {
        for cell in cells {
            if let Some(people) = self.range.get_mut(*cell as usize * self.width) {
                *people += 1;
            }
        }
    }

    /// Contributions to these cells, clamped and centred; where there is no value there is none.
    pub(super) fn add(&mut self, rule: &Small, cells: &[u32], values: impl Iterator<Item = Option<i64>>) {
        self.spread(rule, cells, values.map(|value| value.map(|value| (0, value))));
    }

    /// The same with the place of each among the statistic's.
    pub(super) fn spread(&mut self, rule: &Small, cells: &[u32], values: impl Iterator<Item = Option<(usize, i64)>>) {
        for (cell, value) in cells.iter().zip(values) {
            let Some((slot, value)) = value else { continue };
            if let Some(total) = self.range.get_mut(*cell as usize * self.width + rule.at + slot) {
                *total += value.max(rule.lo).min(rule.hi) - rule.centre;
            }
        }
    }

    pub(super) fn close(&mut self) {
        for (all, part) in self.all.iter_mut().zip(&mut self.range) {
            *all = all.saturating_add(i128::from(std::mem::take(part)));
        }
    }
}

pub(super) fn small(shape: &Shape) -> Option<Vec<Small>> {
    let one = |rule: &Rule| {
        let within = |value: i128| i64::try_from(value).ok().filter(|_| value.abs() < SMALL);
        let some = match &rule.how {
            How::Sum(at) => shape.columns.get(*at) == Some(&Column::Value),
            _ => false,
        };
        let (lo, hi) = (within(rule.lo)?, within(rule.hi.max(rule.lo))?);
        Some(Small { how: rule.how.clone(), at: rule.at, some, lo, hi, centre: within(rule.centre)? })
    };
    shape.statistics.iter().map(one).collect()
}

pub(super) fn unfit(retry: &AtomicBool) -> StoreError {
    retry.store(true, Ordering::Relaxed);
    StoreError::Engine { doing: "reducing the rows", code: EngineCode::Other }
}

/// Whether values can be added 2³² times in 64 bits: all lie in [−2³¹, 2³¹).
pub(super) fn narrow(rows: &Batch) -> bool {
    let high = |values: &[i64]| values.iter().fold(0, |bits, value| bits | value.wrapping_add(1 << 31).cast_unsigned());
    rows.arguments.iter().all(|argument| high(&argument.values) >> 32 == 0)
}
