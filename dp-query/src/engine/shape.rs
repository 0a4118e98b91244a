//! What the plan asks of those who reduce rows of persons: [`super::ordered`], [`super::reduce`] and [`super::grouped`]. Rules only, no rows of its own.

use std::ops::Range;

use datasets::store::{EngineCode, StoreError};
use zeroize::Zeroizing;

use super::vector::{Vector, pick};
use crate::plan::{Bins, Plan, Reduction};

/// What a streamed argument is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Column {
    /// A 64-bit integer or NULL.
    Value,
    /// 1 where the condition is true.
    True,
    /// 1 where there is a value.
    Present,
}

/// Rows of persons, by place in the range.
#[derive(Clone, Default)]
pub(super) struct Batch {
    pub(super) pids: Vec<u32>,
    /// Empty where none are needed.
    pub(super) draws: Vec<u64>,
    pub(super) cells: Vec<i64>,
    /// By argument; conditions are 0 and 1.
    pub(super) arguments: Vec<Vector>,
}

/// What takes rows and adds them up.
pub(super) trait Cells: Send {
    fn take(&mut self, persons: &Range<u32>, rows: Batch) -> Result<(), StoreError>;
    /// No further row of these persons will come.
    fn done(&mut self, persons: &Range<u32>) -> Result<(), StoreError>;
    /// Cell-major sums, statistics in the plan's order.
    fn totals(self) -> Zeroizing<Vec<i128>>;
}

/// What the plan asks of the reducer.
pub(super) struct Shape {
    pub(super) cells: usize,
    pub(super) columns: Vec<Column>,
    pub(super) statistics: Vec<Rule>,
    /// Totals per cell.
    pub(super) width: usize,
    /// At most so many cells per person.
    pub(super) choose: Option<usize>,
    /// At most so many rows per person.
    pub(super) cap: Option<usize>,
}

/// How one statistic comes from a person's rows of a cell. Statistic 0, the persons, needs none.
pub(super) struct Rule {
    pub(super) how: How,
    /// Where its totals begin within the cell's.
    pub(super) at: usize,
    pub(super) lo: i128,
    pub(super) hi: i128,
    pub(super) centre: i128,
}

#[derive(Clone)]
pub(super) enum How {
    Rows,
    /// Sum of a column; for [`Column::Value`] only if there is a value.
    Sum(usize),
    Mean(usize),
    /// 1 if the sum is positive.
    Any(usize),
    /// Square of the distance of the mean, clamped to (lo, hi), from a centre.
    Square(usize, i128, i128, i128),
    /// 1 for the mean's bin.
    Bin(usize, Bins),
}

impl Shape {
    pub(super) fn new(
        plan: &Plan,
        columns: Vec<Column>,
        sources: Vec<Option<usize>>,
        choose: Option<usize>,
        cap: Option<u64>,
    ) -> Self {
        let rule = |((number, statistic), source): ((usize, &crate::plan::Statistic), &Option<usize>)| {
            let how = match (&statistic.reduction, source) {
                (Reduction::Mean(_), Some(column)) => How::Mean(*column),
                (Reduction::AnyNonNull(_), Some(column)) => How::Any(*column),
                (Reduction::Square { lo, hi, centre, .. }, Some(column)) => {
                    How::Square(*column, i128::from(*lo), i128::from(*hi), i128::from(*centre))
                }
                (Reduction::Bin { bins, .. }, Some(column)) => How::Bin(*column, bins.clone()),
                (Reduction::Present | Reduction::CountRows, _) | (_, None) => How::Rows,
                (_, Some(column)) => How::Sum(*column),
            };
            let centre = i128::from(statistic.centre);
            // As in SQL: these bounds, not the types, are what the sensitivity rests on.
            let (lo, hi) =
                (statistic.lo.saturating_add(statistic.centre), statistic.hi.saturating_add(statistic.centre));
            Rule { how, at: plan.offset(number), lo: i128::from(lo), hi: i128::from(hi), centre }
        };
        let statistics = plan.statistics.iter().enumerate().skip(1).zip(&sources).map(rule).collect();
        let cap = cap.map(|rows| usize::try_from(rows).unwrap_or(usize::MAX));
        Self { cells: plan.cells(), columns, statistics, width: plan.width(), choose, cap }
    }

    /// Whether rows come with a draw.
    pub(super) fn draws(&self) -> bool {
        self.choose.is_some() || self.cap.is_some()
    }

    /// The workers' cells, added up.
    pub(super) fn total(&self, workers: impl Iterator<Item = Zeroizing<Vec<i128>>>) -> Vec<Vec<i128>> {
        let width = self.width;
        let mut cells = vec![vec![0_i128; width]; self.cells];
        for totals in workers {
            for (cell, part) in cells.iter_mut().zip(totals.chunks(width)) {
                for (sum, part) in cell.iter_mut().zip(part) {
                    *sum = sum.saturating_add(*part);
                }
            }
        }
        cells
    }
}

impl Batch {
    /// Further rows.
    pub(super) fn append(&mut self, rows: Batch) {
        if self.pids.is_empty() {
            *self = rows;
            return;
        }
        self.pids.extend(rows.pids);
        self.draws.extend(rows.draws);
        self.cells.extend(rows.cells);
        self.arguments.iter_mut().zip(rows.arguments).for_each(|(all, more)| all.append(more));
    }

    /// These rows.
    pub(super) fn of(&self, rows: &[u32]) -> Batch {
        let mut picked = self.clone();
        pick(&mut picked.pids, rows);
        pick(&mut picked.draws, rows);
        pick(&mut picked.cells, rows);
        picked.arguments.iter_mut().for_each(|argument| argument.pick(rows));
        picked
    }
}

/// Squared distance of a value, kept within bounds, from a centre.
pub(super) fn square(value: i128, lo: i128, hi: i128, centre: i128) -> i128 {
    let distance = value.clamp(lo, hi.max(lo)) - centre;
    distance * distance
}

/// Half away from zero; None without a value.
pub(super) fn mean((sum, count): (i128, u32)) -> Option<i128> {
    if let (Ok(sum), 1..) = (i64::try_from(sum), count)
        && sum.unsigned_abs() < 1 << 62
    {
        // The usual case, where a division costs a fifth.
        let (twice, count) = (2 * sum.unsigned_abs(), u64::from(count));
        let mean = i128::from((twice + count) / (2 * count));
        return Some(if sum < 0 { -mean } else { mean });
    }
    let count = i128::from(count);
    match count {
        0 => None,
        _ if sum >= 0 => Some((2 * sum + count) / (2 * count)),
        _ => Some(-((-2 * sum + count) / (2 * count))),
    }
}

fn unexpected() -> StoreError {
    StoreError::Engine { doing: "reducing the rows", code: EngineCode::Other }
}

/// A reducer that could not be made takes no rows.
impl<C: Cells> Cells for Option<C> {
    fn take(&mut self, persons: &Range<u32>, rows: Batch) -> Result<(), StoreError> {
        self.as_mut().ok_or_else(unexpected)?.take(persons, rows)
    }

    fn done(&mut self, persons: &Range<u32>) -> Result<(), StoreError> {
        self.as_mut().ok_or_else(unexpected)?.done(persons)
    }

    fn totals(self) -> Zeroizing<Vec<i128>> {
        self.map_or_else(Zeroizing::default, Cells::totals)
    }
}
