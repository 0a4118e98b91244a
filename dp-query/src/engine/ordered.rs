//! The reducer for rows that come person by person, in rising order, as a clustered table gives them: what a person has of a cell is an
//! entry, entries of a person lie side by side, and whole columns of entries are clamped and added up. And the one for relations of one row
//! per person, which is its own contribution. The same rules as [`super::reduce`]; what does not fit (other orders, numbers beyond 32
//! bits) is told, and the caller takes the general way.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};

use datasets::store::{EngineCode, StoreError};
use zeroize::Zeroizing;

use super::shape::{Batch, Cells, Column, How, Rule, Shape, mean, square};
use super::vector::Vector;

const NOBODY: u32 = u32::MAX;

/// Contributions below this can be added for every person of a range.
const SMALL: i128 = 1 << 45;

/// One statistic of a person and cell.
struct Small {
    how: How,
    /// Where its totals begin.
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

    /// Persons of these cells, one each.
    fn people(&mut self, cells: &[u32]) {
        for cell in cells {
            if let Some(people) = self.range.get_mut(*cell as usize * self.width) {
                *people += 1;
            }
        }
    }

    /// Contributions to these cells, clamped and centred; where there is no value there is none.
    fn add(&mut self, rule: &Small, cells: &[u32], values: impl Iterator<Item = Option<i64>>) {
        self.spread(rule, cells, values.map(|value| value.map(|value| (0, value))));
    }

    /// The same with the place of each among the statistic's.
    fn spread(&mut self, rule: &Small, cells: &[u32], values: impl Iterator<Item = Option<(usize, i64)>>) {
        for (cell, value) in cells.iter().zip(values) {
            let Some((slot, value)) = value else { continue };
            if let Some(total) = self.range.get_mut(*cell as usize * self.width + rule.at + slot) {
                *total += value.max(rule.lo).min(rule.hi) - rule.centre;
            }
        }
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
        Some(Small { how: rule.how.clone(), at: rule.at, some, lo, hi, centre: within(rule.centre)? })
    };
    shape.statistics.iter().map(one).collect()
}

fn unfit(retry: &AtomicBool) -> StoreError {
    retry.store(true, Ordering::Relaxed);
    StoreError::Engine { doing: "reducing the rows", code: EngineCode::Other }
}

/// Whether values can be added 2³² times in 64 bits: all lie in [−2³¹, 2³¹).
fn narrow(rows: &Batch) -> bool {
    let high = |values: &[i64]| values.iter().fold(0, |bits, value| bits | value.wrapping_add(1 << 31).cast_unsigned());
    rows.arguments.iter().all(|argument| high(&argument.values) >> 32 == 0)
}

/// What a person has of a cell, columns by columns.
struct Entries {
    cells: Vec<u32>,
    rows: Vec<i64>,
    /// The least; empty where none are needed.
    draws: Vec<u64>,
    /// By column: sums and numbers of values.
    sums: Vec<Vec<(i64, i64)>>,
}

impl Entries {
    /// Makes room for the entries whose cells were pushed.
    fn grow(&mut self, draws: bool) {
        let many = self.cells.len();
        self.rows.resize(many, 0);
        if draws {
            self.draws.resize(many, u64::MAX);
        }
        self.sums.iter_mut().for_each(|sums| sums.resize(many, (0, 0)));
    }

    /// Only these, in this order.
    fn keep(&mut self, entries: &[u32]) {
        fn pick<T: Copy>(list: &mut Vec<T>, entries: &[u32]) {
            *list = entries.iter().filter_map(|entry| list.get(*entry as usize).copied()).collect();
        }
        pick(&mut self.cells, entries);
        pick(&mut self.rows, entries);
        pick(&mut self.draws, entries);
        self.sums.iter_mut().for_each(|sums| pick(sums, entries));
    }

    /// Takes the first away.
    fn drop_first(&mut self, many: usize) {
        self.cells.drain(..many.min(self.cells.len()));
        self.rows.drain(..many.min(self.rows.len()));
        self.draws.drain(..many.min(self.draws.len()));
        self.sums.iter_mut().for_each(|sums| {
            sums.drain(..many.min(sums.len()));
        });
    }
}

/// The entry of a cell, of the person who touched it last.
#[derive(Clone, Copy)]
struct Slot {
    person: u32,
    entry: u32,
}

/// Many rows per person, in order.
pub(super) struct Ordered<'s> {
    shape: &'s Shape,
    rules: Vec<Small>,
    /// Raised where the rows don't fit.
    retry: &'s AtomicBool,
    totals: Totals,
    person: u32,
    /// By cell.
    slots: Vec<Slot>,
    entries: Entries,
    /// Where each person's entries begin.
    begins: Vec<u32>,
    /// The entry of each row of a chunk.
    places: Vec<u32>,
    /// The person's rows, where they are capped.
    waiting: Batch,
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
            slots: vec![Slot { person: NOBODY, entry: 0 }; shape.cells],
            entries: Entries {
                cells: Vec::new(),
                rows: Vec::new(),
                draws: Vec::new(),
                sums: vec![Vec::new(); columns],
            },
            begins: Vec::new(),
            places: Vec::new(),
            waiting: Batch::default(),
        })
    }

    /// Rows into the entries of their persons and cells.
    fn enter(&mut self, rows: &Batch) -> Option<()> {
        self.places.clear();
        self.places.reserve(rows.pids.len());
        let (mut person, mut next) = (self.person, u32::try_from(self.entries.cells.len()).ok()?);
        for (pid, cell) in rows.pids.iter().zip(&rows.cells) {
            if *pid != person {
                if person != NOBODY && *pid < person {
                    return None;
                }
                person = *pid;
                self.begins.push(next);
            }
            let slot = self.slots.get_mut(usize::try_from(*cell).ok()?)?;
            if slot.person != person {
                *slot = Slot { person, entry: next };
                self.entries.cells.push(u32::try_from(*cell).ok()?);
                next += 1;
            }
            self.places.push(slot.entry);
        }
        self.person = person;
        let choose = self.shape.choose.is_some();
        self.entries.grow(choose);
        for place in &self.places {
            *self.entries.rows.get_mut(*place as usize)? += 1;
        }
        if choose {
            for (place, draw) in self.places.iter().zip(&rows.draws) {
                let least = self.entries.draws.get_mut(*place as usize)?;
                *least = (*least).min(*draw);
            }
        }
        for (sums, argument) in self.entries.sums.iter_mut().zip(&rows.arguments) {
            let pairs = self.places.iter().zip(&argument.values);
            match &argument.nulls {
                None => {
                    for (place, value) in pairs {
                        let (sum, count) = sums.get_mut(*place as usize)?;
                        *sum += value;
                        *count += 1;
                    }
                }
                Some(nulls) => {
                    for ((place, value), null) in pairs.zip(nulls) {
                        let (sum, count) = sums.get_mut(*place as usize)?;
                        *sum += if *null { 0 } else { *value };
                        *count += i64::from(!null);
                    }
                }
            }
        }
        Some(())
    }

    /// The rows of a batch that count, where a person may have so many: those with the smallest draws. The last person's wait for more.
    fn capped(&mut self, rows: Batch, cap: usize, last: bool) -> Batch {
        let mut all = std::mem::take(&mut self.waiting);
        all.append(rows);
        let open = if last { None } else { all.pids.last().copied() };
        let whole = all.pids.iter().position(|pid| Some(*pid) == open).unwrap_or(all.pids.len());
        let (mut kept, mut from): (Vec<u32>, u32) = (Vec::with_capacity(whole), 0);
        for stretch in all.pids.get(..whole).unwrap_or_default().chunk_by(|a, b| a == b) {
            let to = from + u32::try_from(stretch.len()).unwrap_or(0);
            let mut rows: Vec<u32> = (from..to).collect();
            if rows.len() > cap {
                rows.select_nth_unstable_by_key(cap, |row| all.draws.get(*row as usize).copied());
                rows.truncate(cap);
            }
            kept.extend(rows);
            from = to;
        }
        let rest: Vec<u32> = (from..u32::try_from(all.pids.len()).unwrap_or(from)).collect();
        self.waiting = all.of(&rest);
        all.of(&kept)
    }

    /// Contributions of the persons who are complete: all but the one at hand, or all.
    fn contribute(&mut self, all: bool) -> Option<()> {
        if all {
            self.begins.push(u32::try_from(self.entries.cells.len()).ok()?);
        }
        let Some(complete) = self.begins.last().map(|begin| *begin as usize) else { return Some(()) };
        if let Some(most) = self.shape.choose
            && self.begins.windows(2).any(|pair| matches!(pair, [from, to] if (to - from) as usize > most))
        {
            self.choose(most)?;
            return self.contribute(false);
        }
        let cells = self.entries.cells.get(..complete)?;
        self.totals.people(cells);
        for rule in &self.rules {
            let column = |at: &usize| self.entries.sums.get(*at).map(Vec::as_slice).unwrap_or_default().iter();
            let mean_of = |(sum, count): &(i64, i64)| {
                mean((i128::from(*sum), u32::try_from(*count).unwrap_or(u32::MAX)))
                    .and_then(|mean| i64::try_from(mean).ok())
            };
            let totals = &mut self.totals;
            match &rule.how {
                How::Rows => totals.add(rule, cells, self.entries.rows.iter().map(|rows| Some(*rows))),
                How::Any(at) => totals.add(rule, cells, column(at).map(|(sum, _)| Some(i64::from(*sum > 0)))),
                How::Sum(at) => {
                    let some = rule.some;
                    totals.add(rule, cells, column(at).map(|(sum, count)| (!some || *count > 0).then_some(*sum)));
                }
                How::Mean(at) => totals.add(rule, cells, column(at).map(mean_of)),
                How::Square(at, lo, hi, centre) => {
                    let square = |mean: i64| i64::try_from(square(i128::from(mean), *lo, *hi, *centre)).ok();
                    totals.add(rule, cells, column(at).map(|pair| mean_of(pair).and_then(square)));
                }
                How::Bin(at, bins) => {
                    let bin = |mean: i64| (bins.of(i128::from(mean)), 1);
                    totals.spread(rule, cells, column(at).map(|pair| mean_of(pair).map(bin)));
                }
            }
        }
        self.entries.drop_first(complete);
        for (entry, cell) in (0_u32..).zip(&self.entries.cells) {
            self.slots.get_mut(*cell as usize)?.entry = entry;
        }
        self.begins.clear();
        if !all {
            self.begins.push(0);
        }
        Some(())
    }

    /// Of the persons who are complete, the cells with the smallest draws.
    fn choose(&mut self, most: usize) -> Option<()> {
        let mut kept: Vec<u32> = Vec::with_capacity(self.entries.cells.len());
        let mut own: Vec<(u64, u32, u32)> = Vec::new();
        for pair in self.begins.windows(2) {
            let &[from, to] = pair else { return None };
            if (to - from) as usize <= most {
                kept.extend(from..to);
                continue;
            }
            own.clear();
            for entry in from..to {
                let (draw, cell) = (*self.entries.draws.get(entry as usize)?, *self.entries.cells.get(entry as usize)?);
                own.push((draw, cell, entry));
            }
            own.select_nth_unstable(most);
            kept.extend(own.iter().take(most).map(|(_, _, entry)| *entry));
        }
        let complete = u32::try_from(kept.len()).ok()?;
        kept.extend(*self.begins.last()?..u32::try_from(self.entries.cells.len()).ok()?);
        self.entries.keep(&kept);
        self.begins = vec![complete];
        Some(())
    }
}

impl Cells for Ordered<'_> {
    fn take(&mut self, _: &Range<u32>, rows: Batch) -> Result<(), StoreError> {
        if !narrow(&rows) {
            return Err(unfit(self.retry));
        }
        let rows = match self.shape.cap {
            Some(cap) => self.capped(rows, cap, false),
            None => rows,
        };
        self.enter(&rows).and_then(|()| self.contribute(false)).ok_or_else(|| unfit(self.retry))
    }

    fn done(&mut self, _: &Range<u32>) -> Result<(), StoreError> {
        if let Some(cap) = self.shape.cap {
            let rows = self.capped(Batch::default(), cap, true);
            self.enter(&rows).ok_or_else(|| unfit(self.retry))?;
        }
        self.contribute(true).ok_or_else(|| unfit(self.retry))?;
        self.begins.clear();
        self.slots.fill(Slot { person: NOBODY, entry: 0 });
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
