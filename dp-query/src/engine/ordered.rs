//! The reducer for rows that come person by person, in rising order, as a clustered table gives them: one person's cells at a time,
//! no lists. And the one for relations of one row per person, which is its own contribution. The same rules as [`super::reduce`];
//! what does not fit (other orders, numbers beyond 32 bits) is told, and the caller takes the general way.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};

use datasets::store::{EngineCode, StoreError};
use zeroize::Zeroizing;

use super::reduce::{Batch, Cells, Column, How, Rule, Shape, mean, square};

const NOBODY: u32 = u32::MAX;

/// Values below this can be added 2³² times in 64 bits.
const NARROW: u64 = 1 << 31;

/// Contributions below this can be added for every person of a range.
const SMALL: i128 = 1 << 45;

/// One statistic of a person and cell.
struct Small {
    how: How,
    /// Where its totals begin, behind the persons.
    at: usize,
    /// Whether without a value there is no contribution.
    some: bool,
    lo: i64,
    hi: i64,
    centre: i64,
}

/// Sums of a range, and of all.
struct Totals {
    width: usize,
    range: Vec<i64>,
    all: Zeroizing<Vec<i128>>,
}

impl Totals {
    fn new(shape: &Shape) -> Self {
        let width = shape.width;
        Self { width, range: vec![0; shape.cells * width], all: Zeroizing::new(vec![0; shape.cells * width]) }
    }

    fn cell(&mut self, cell: usize) -> Option<(&mut i64, &mut [i64])> {
        self.range.get_mut(cell * self.width..(cell + 1) * self.width)?.split_first_mut()
    }

    fn close(&mut self) {
        for (all, part) in self.all.iter_mut().zip(&mut self.range) {
            *all = all.saturating_add(i128::from(std::mem::take(part)));
        }
    }
}

fn small(shape: &Shape) -> Option<Vec<Small>> {
    let one = |rule: &Rule| {
        let within = |value: i128| i64::try_from(value).ok().filter(|_| value.abs() < SMALL);
        let some = match &rule.how {
            How::Sum(at) => shape.columns.get(*at) == Some(&Column::Value),
            _ => false,
        };
        let (lo, hi) = (within(rule.lo)?, within(rule.hi.max(rule.lo))?);
        Some(Small { how: rule.how.clone(), at: rule.at.checked_sub(1)?, some, lo, hi, centre: within(rule.centre)? })
    };
    shape.statistics.iter().map(one).collect()
}

fn unfit(retry: &AtomicBool) -> StoreError {
    retry.store(true, Ordering::Relaxed);
    StoreError::Engine { doing: "reducing the rows", code: EngineCode::Other }
}

fn narrow(rows: &Batch) -> bool {
    rows.arguments
        .iter()
        .all(|argument| argument.values.iter().fold(0, |most, value| value.unsigned_abs() | most) < NARROW)
}

/// Many rows per person, in order.
pub(super) struct Ordered<'s> {
    shape: &'s Shape,
    rules: Vec<Small>,
    /// Raised where the rows don't fit.
    retry: &'s AtomicBool,
    totals: Totals,
    person: u32,
    /// The person's cells.
    touched: Vec<u32>,
    /// By cell: rows, the least draw; by cell and column: sums, numbers of values.
    rows: Vec<i64>,
    draws: Vec<u64>,
    sums: Vec<i64>,
    counts: Vec<i64>,
    /// The person's rows, where they are capped.
    waiting: Waiting,
    chosen: Vec<(u64, u32)>,
}

#[derive(Default)]
struct Waiting {
    draws: Vec<u64>,
    cells: Vec<i64>,
    /// By row and column.
    values: Vec<Option<i64>>,
}

impl<'s> Ordered<'s> {
    /// None if bounds are beyond its numbers.
    pub(super) fn new(shape: &'s Shape, retry: &'s AtomicBool) -> Option<Self> {
        let columns = shape.columns.len();
        Some(Self {
            shape,
            rules: small(shape)?,
            retry,
            totals: Totals::new(shape),
            person: NOBODY,
            touched: Vec::new(),
            rows: vec![0; shape.cells],
            draws: vec![u64::MAX; if shape.choose.is_some() { shape.cells } else { 0 }],
            sums: vec![0; shape.cells * columns],
            counts: vec![0; shape.cells * columns],
            waiting: Waiting::default(),
            chosen: Vec::new(),
        })
    }

    #[inline]
    fn row(&mut self, cell: usize, draw: Option<u64>) -> Option<()> {
        let rows = self.rows.get_mut(cell)?;
        if *rows == 0 {
            self.touched.push(u32::try_from(cell).ok()?);
        }
        *rows += 1;
        if let Some(draw) = draw
            && let Some(least) = self.draws.get_mut(cell)
        {
            *least = draw.min(*least);
        }
        Some(())
    }

    #[inline]
    fn add(&mut self, at: usize, value: i64) {
        if let Some((sum, count)) = self.sums.get_mut(at).zip(self.counts.get_mut(at)) {
            *sum += value;
            *count += 1;
        }
    }

    /// Rows of the person at hand.
    fn stretch(&mut self, rows: &Batch, from: usize, to: usize) -> Option<()> {
        let cells = rows.cells.get(from..to)?;
        let draws = rows.draws.get(from..to).unwrap_or_default();
        if self.shape.cap.is_some() {
            self.waiting.draws.extend_from_slice(draws);
            self.waiting.cells.extend_from_slice(cells);
            for row in from..to {
                self.waiting.values.extend(rows.arguments.iter().map(|argument| argument.get(row)));
            }
            return Some(());
        }
        if self.shape.choose.is_some() {
            for (cell, draw) in cells.iter().zip(draws) {
                self.row(usize::try_from(*cell).ok()?, Some(*draw))?;
            }
        } else {
            for cell in cells {
                self.row(usize::try_from(*cell).ok()?, None)?;
            }
        }
        let columns = self.shape.columns.len();
        for (column, argument) in rows.arguments.iter().enumerate() {
            let values = argument.values.get(from..to)?;
            match argument.nulls.as_ref().map(|nulls| nulls.get(from..to).unwrap_or_default()) {
                None => {
                    for (cell, value) in cells.iter().zip(values) {
                        self.add(usize::try_from(*cell).ok()? * columns + column, *value);
                    }
                }
                Some(nulls) => {
                    for ((cell, value), null) in cells.iter().zip(values).zip(nulls) {
                        if !null {
                            self.add(usize::try_from(*cell).ok()? * columns + column, *value);
                        }
                    }
                }
            }
        }
        Some(())
    }

    /// The kept rows of the person: those with the smallest draws.
    fn keep(&mut self, cap: usize) -> Option<()> {
        let waiting = std::mem::take(&mut self.waiting);
        let mut rows: Vec<usize> = (0..waiting.cells.len()).collect();
        if rows.len() > cap {
            rows.select_nth_unstable_by_key(cap, |row| waiting.draws.get(*row).copied());
            rows.truncate(cap);
        }
        let columns = self.shape.columns.len();
        for row in rows {
            let cell = usize::try_from(*waiting.cells.get(row)?).ok()?;
            self.row(cell, waiting.draws.get(row).copied())?;
            for (column, value) in waiting.values.get(row * columns..(row + 1) * columns)?.iter().enumerate() {
                if let Some(value) = value {
                    self.add(cell * columns + column, *value);
                }
            }
        }
        self.waiting = waiting;
        self.waiting.draws.clear();
        self.waiting.cells.clear();
        self.waiting.values.clear();
        Some(())
    }

    /// The person is complete.
    fn leave(&mut self) -> Option<()> {
        if let Some(cap) = self.shape.cap {
            self.keep(cap)?;
        }
        match self.shape.choose {
            Some(most) if self.touched.len() > most => {
                self.chosen.clear();
                let draw = |cell: &u32| (self.draws.get(*cell as usize).copied().unwrap_or(u64::MAX), *cell);
                self.chosen.extend(self.touched.iter().map(draw));
                self.chosen.select_nth_unstable(most);
                for at in 0..most {
                    let cell = self.chosen.get(at)?.1;
                    self.contribute(cell as usize)?;
                }
            }
            _ => {
                for at in 0..self.touched.len() {
                    let cell = *self.touched.get(at)?;
                    self.contribute(cell as usize)?;
                }
            }
        }
        let columns = self.shape.columns.len();
        for cell in self.touched.drain(..) {
            let cell = cell as usize;
            *self.rows.get_mut(cell)? = 0;
            if let Some(draw) = self.draws.get_mut(cell) {
                *draw = u64::MAX;
            }
            self.sums.get_mut(cell * columns..(cell + 1) * columns)?.fill(0);
            self.counts.get_mut(cell * columns..(cell + 1) * columns)?.fill(0);
        }
        Some(())
    }

    #[inline]
    fn contribute(&mut self, cell: usize) -> Option<()> {
        let columns = self.shape.columns.len();
        let (persons, rest) = self.totals.cell(cell)?;
        *persons += 1;
        for rule in &self.rules {
            let mut at = rule.at;
            let column = |at: usize| {
                let at = cell * columns + at;
                self.sums.get(at).copied().zip(self.counts.get(at).copied()).unwrap_or((0, 0))
            };
            let mean_of = |at: usize| {
                let (sum, count) = column(at);
                mean((i128::from(sum), u32::try_from(count).unwrap_or(u32::MAX)))
            };
            let value = match &rule.how {
                How::Rows => self.rows.get(cell).copied(),
                How::Any(at) => Some(i64::from(column(*at).0 > 0)),
                How::Sum(at) => match column(*at) {
                    (_, 0) if rule.some => None,
                    (sum, _) => Some(sum),
                },
                How::Mean(at) => mean_of(*at).and_then(|mean| i64::try_from(mean).ok()),
                How::Square(from, lo, hi, centre) => {
                    mean_of(*from).and_then(|mean| i64::try_from(square(mean, *lo, *hi, *centre)).ok())
                }
                How::Bin(from, bins) => mean_of(*from).map(|mean| {
                    at += bins.of(mean);
                    1
                }),
            };
            if let Some((value, total)) = value.zip(rest.get_mut(at)) {
                *total += value.max(rule.lo).min(rule.hi) - rule.centre;
            }
        }
        Some(())
    }
}

impl Cells for Ordered<'_> {
    fn take(&mut self, _: &Range<u32>, rows: Batch) -> Result<(), StoreError> {
        if !narrow(&rows) {
            return Err(unfit(self.retry));
        }
        let mut from = 0;
        while let Some(person) = rows.pids.get(from) {
            let rest = rows.pids.get(from..).unwrap_or_default();
            let to = from + rest.iter().position(|other| other != person).unwrap_or(rest.len());
            if *person != self.person {
                if self.person != NOBODY && *person < self.person {
                    return Err(unfit(self.retry));
                }
                self.leave().ok_or_else(|| unfit(self.retry))?;
                self.person = *person;
            }
            self.stretch(&rows, from, to).ok_or_else(|| unfit(self.retry))?;
            from = to;
        }
        Ok(())
    }

    fn done(&mut self, _: &Range<u32>) -> Result<(), StoreError> {
        self.leave().ok_or_else(|| unfit(self.retry))?;
        self.person = NOBODY;
        self.totals.close();
        Ok(())
    }

    fn totals(self) -> Zeroizing<Vec<i128>> {
        self.totals.all
    }
}

/// One row per person by construction: nobody is in two cells.
pub(super) struct Single<'s> {
    shape: &'s Shape,
    rules: Vec<Small>,
    retry: &'s AtomicBool,
    totals: Totals,
    /// Who has had a row in this range.
    seen: Vec<bool>,
}

impl<'s> Single<'s> {
    pub(super) fn new(shape: &'s Shape, retry: &'s AtomicBool) -> Option<Self> {
        Some(Self { shape, rules: small(shape)?, retry, totals: Totals::new(shape), seen: Vec::new() })
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
        for (row, cell) in rows.cells.iter().enumerate() {
            let cell = usize::try_from(*cell).ok().and_then(|cell| self.totals.cell(cell));
            let (people, rest) = cell.ok_or_else(|| unfit(self.retry))?;
            *people += 1;
            for rule in &self.rules {
                let own = |at: &usize| rows.arguments.get(*at).and_then(|argument| argument.get(row));
                let mut at = rule.at;
                let value = match &rule.how {
                    How::Rows => Some(1),
                    How::Any(at) | How::Sum(at) | How::Mean(at) => own(at),
                    How::Square(at, lo, hi, centre) => {
                        own(at).and_then(|value| i64::try_from(square(i128::from(value), *lo, *hi, *centre)).ok())
                    }
                    How::Bin(from, bins) => own(from).map(|value| {
                        at += bins.of(i128::from(value));
                        1
                    }),
                };
                if let Some((value, total)) = value.zip(rest.get_mut(at)) {
                    *total += value.max(rule.lo).min(rule.hi) - rule.centre;
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
        let _ = self.shape;
        self.totals.all
    }
}
