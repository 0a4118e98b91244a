//! What the engine sums up per cell, and how far one person can move it. Not what the answer shows of it: see `output`.

use serde::Serialize;

use crate::relation::Expr;

/// One integer per cell (or per cell and bin): the sum over persons of one person's clamped contribution to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Statistic {
    /// What is summed.
    pub kind: StatisticKind,
    /// The expression's name in the researcher's words (its source text), if it has one.
    pub column: Option<String>,
    /// Least contribution of one person to one cell, in grid units, after `centre` was subtracted.
    pub lo: i64,
    /// Greatest contribution of one person to one cell, in grid units, after `centre` was subtracted.
    pub hi: i64,
    /// Subtracted from each per-(person, cell) value; 0 if the sum isn't centred.
    pub centre: i64,
    /// A value is its grid units divided by 10^digits.
    pub digits: u8,
    /// How the bounds came about, for `check`.
    pub derivation: String,
    /// How the engine reduces one person's rows of one cell to one value.
    pub(crate) reduction: Reduction,
}

/// What a statistic counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StatisticKind {
    /// Persons with at least one row in the cell.
    Persons,
    /// Rows (or rows that satisfy a condition).
    Rows,
    /// Values that aren't NULL, or persons that have one.
    NonNull,
    /// A sum of values.
    Sum,
    /// A sum of squared distances from the middle of the bounds.
    Squares,
    /// Persons by the bin in which their value lies: one count per bin.
    Bins,
}

/// One person's rows of one cell become one integer; NULL counts 0.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Reduction {
    /// 1.
    Present,
    /// Number of rows.
    CountRows,
    /// Number of rows for which the condition is true.
    CountTrue(Expr),
    /// Number of values that aren't NULL.
    CountNonNull(Expr),
    /// 1 if there is a value that isn't NULL.
    AnyNonNull(Expr),
    /// Sum of the values; NULL without any.
    Sum(Expr),
    /// Mean of the values on their grid, half away from zero; NULL without any.
    Mean(Expr),
    /// Square of the mean's distance from a centre, the mean clamped to bounds first; all in the input's grid units.
    Square { input: Expr, lo: i64, hi: i64, centre: i64 },
    /// The bin in which the mean lies; no bin without a value.
    Bin { input: Expr, bins: Bins },
}

/// Bins of a value, in ascending order, without gaps; what lies outside belongs to the first or the last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Bins {
    /// Bins of equal width: bin k holds lo + k·step ≤ value < lo + (k + 1)·step.
    Even {
        /// Least value, the lower end of the first bin, in grid units.
        lo: i64,
        /// Greatest value, in grid units.
        hi: i64,
        /// Width in grid units, at least 1.
        step: i64,
        /// How many.
        count: u32,
    },
    /// Bin k holds the values with exactly k ascending edges at or below them, in grid units.
    Edges(Vec<i64>),
}

impl Bins {
    /// How many.
    pub fn count(&self) -> usize {
        match self {
            Bins::Even { count, .. } => usize::try_from(*count).unwrap_or(usize::MAX),
            Bins::Edges(edges) => edges.len().saturating_add(1),
        }
    }

    /// Least and greatest value of a bin, in grid units; None where it has no end.
    pub fn ends(&self, bin: usize) -> (Option<i64>, Option<i64>) {
        match self {
            Bins::Even { lo, hi, step, .. } => {
                let bin = i64::try_from(bin).unwrap_or(i64::MAX);
                let start = lo.saturating_add(step.saturating_mul(bin));
                (Some(start), Some(start.saturating_add(*step).saturating_sub(1).min(*hi)))
            }
            Bins::Edges(edges) => {
                let start = bin.checked_sub(1).and_then(|before| edges.get(before)).copied();
                (start, edges.get(bin).map(|edge| edge - 1))
            }
        }
    }

    /// The bin of a value, from 0.
    pub(crate) fn of(&self, value: i128) -> usize {
        match self {
            Bins::Even { lo, step, count, .. } => {
                let last = i128::from(*count) - 1;
                let bin = ((value - i128::from(*lo)).max(0) / i128::from((*step).max(1))).min(last);
                usize::try_from(bin).unwrap_or(0)
            }
            Bins::Edges(edges) => edges.partition_point(|edge| i128::from(*edge) <= value),
        }
    }
}

/// How far one person can move a statistic's vector over all cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Sensitivity {
    /// Cells that change.
    pub l0: u32,
    /// Change of one cell, in grid units.
    pub linf: u64,
    /// Sum of the changes over all cells, in grid units.
    pub l1: u128,
}

impl Sensitivity {
    /// The same change in each of several copies.
    pub(crate) fn times(self, copies: u32) -> Self {
        Self { l0: self.l0.saturating_mul(copies), linf: self.linf, l1: self.l1.saturating_mul(u128::from(copies)) }
    }
}

impl Statistic {
    /// Integers per cell: one, or one per bin.
    pub fn slots(&self) -> usize {
        match &self.reduction {
            Reduction::Bin { bins, .. } => bins.count(),
            _ => 1,
        }
    }

    /// The bins, if it counts by bins.
    pub fn bins(&self) -> Option<&Bins> {
        match &self.reduction {
            Reduction::Bin { bins, .. } => Some(bins),
            _ => None,
        }
    }
}
