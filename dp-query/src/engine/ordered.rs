//! The reducer for rows that come person by person, in rising order, as a clustered table gives them: what a person has of a cell is an
//! entry, entries of a person lie side by side, and whole columns of entries are clamped and added up. The same rules as [`super::reduce`];
//! what does not fit (other orders, numbers beyond 32 bits) is told, and the caller takes the general way.

use std::ops::Range;
use std::sync::atomic::AtomicBool;

use datasets::store::StoreError;
use zeroize::Zeroizing;

use super::shape::{Batch, Cells, How, Shape, mean, square};
use super::totals::{Small, Totals, narrow, small, unfit};

const NOBODY: u32 = u32::MAX;

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
