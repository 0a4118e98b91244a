//! One pass over rows of (person, draw, cell, arguments): one value per person and cell, at most so many rows and cells per person by
//! their draws, clamped, centred and added up. Persons need not come in order (where they do, [`super::ordered`] is faster); all rows
//! of a person come within one range. The same rules as the SQL of [`super::sql`]; no noise.

use std::ops::Range;

use datasets::store::{EngineCode, StoreError};
use zeroize::Zeroizing;

use super::shape::{Batch, Cells, Column, How, Shape, mean, square};

const NONE: u32 = u32::MAX;

/// A worker: entries of (person, cell) for the range at hand, and totals.
pub(super) struct Reducer<'s> {
    shape: &'s Shape,
    totals: Zeroizing<Vec<i128>>,
    /// Per person of the range, the first entry of a list.
    heads: Vec<u32>,
    entries: Entries,
    /// Per cell, the entry of the person at hand.
    slots: Vec<u32>,
    person: u32,
    /// Rows kept back where rows are capped.
    waiting: Waiting,
    /// The entry of each row of a chunk.
    places: Vec<u32>,
}

#[derive(Default)]
struct Entries {
    cell: Vec<u32>,
    next: Vec<u32>,
    draw: Vec<u64>,
    rows: Vec<u32>,
    /// By entry and column.
    sums: Vec<i128>,
    counts: Vec<u32>,
}

#[derive(Default)]
struct Waiting {
    heads: Vec<u32>,
    next: Vec<u32>,
    draws: Vec<u64>,
    cells: Vec<u32>,
    /// By row and column; NULL is None.
    values: Vec<Option<i64>>,
}

fn unexpected() -> StoreError {
    StoreError::Engine { doing: "reducing the rows", code: EngineCode::Other }
}

impl<'s> Reducer<'s> {
    pub(super) fn new(shape: &'s Shape) -> Self {
        Self {
            shape,
            totals: Zeroizing::new(vec![0; shape.cells * shape.width]),
            heads: Vec::new(),
            entries: Entries::default(),
            slots: vec![NONE; shape.cells],
            person: NONE,
            waiting: Waiting::default(),
            places: Vec::new(),
        }
    }

    fn begin(&mut self, persons: &Range<u32>) {
        let many = persons.len();
        if self.heads.len() != many {
            self.heads.clear();
            self.heads.resize(many, NONE);
        }
        if self.shape.cap.is_some() && self.waiting.heads.len() != many {
            self.waiting.heads.clear();
            self.waiting.heads.resize(many, NONE);
        }
    }

    /// Forgets whose cells the slots are.
    fn leave(&mut self) {
        let mut at = self.heads.get(self.person as usize).copied().unwrap_or(NONE);
        while let Some((cell, next)) = self.entries.link(at) {
            if let Some(slot) = self.slots.get_mut(cell as usize) {
                *slot = NONE;
            }
            at = next;
        }
    }

    /// Remembers the cells that a person has already.
    fn enter(&mut self, person: u32) {
        self.leave();
        self.person = person;
        let mut at = self.heads.get(person as usize).copied().unwrap_or(NONE);
        while let Some((cell, next)) = self.entries.link(at) {
            if let Some(slot) = self.slots.get_mut(cell as usize) {
                *slot = at;
            }
            at = next;
        }
    }

    /// The entry of a person and cell, made if it is not there.
    #[inline]
    fn place(&mut self, person: u32, cell: u32) -> Option<u32> {
        if person != self.person {
            self.enter(person);
        }
        let slot = self.slots.get_mut(cell as usize)?;
        if *slot == NONE {
            let head = self.heads.get_mut(person as usize)?;
            *slot = self.entries.push(cell, *head, self.shape.columns.len())?;
            *head = *slot;
        }
        Some(*slot)
    }

    /// Rows of a chunk into their entries.
    fn places(&mut self, pids: &[u32], cells: &[i64]) -> Result<(), StoreError> {
        self.places.clear();
        self.places.reserve(pids.len());
        for (person, cell) in pids.iter().zip(cells) {
            let place = u32::try_from(*cell).ok().and_then(|cell| self.place(*person, cell));
            self.places.push(place.ok_or_else(unexpected)?);
        }
        Ok(())
    }

    /// The kept rows of persons with too many: those with the smallest draws.
    fn keep(&mut self, cap: usize) -> Result<(), StoreError> {
        let width = self.shape.columns.len();
        let waiting = std::mem::take(&mut self.waiting);
        let mut rows: Vec<u32> = Vec::new();
        for (person, head) in (0_u32..).zip(&waiting.heads) {
            rows.clear();
            let mut at = *head;
            while at != NONE {
                rows.push(at);
                at = waiting.next.get(at as usize).copied().unwrap_or(NONE);
            }
            if rows.len() > cap {
                let draw = |row: &u32| waiting.draws.get(*row as usize).copied();
                rows.select_nth_unstable_by_key(cap, draw);
                rows.truncate(cap);
            }
            for row in &rows {
                let row = *row as usize;
                let (cell, draw) = waiting.cells.get(row).zip(waiting.draws.get(row)).ok_or_else(unexpected)?;
                let place = self.place(person, *cell).ok_or_else(unexpected)?;
                self.entries.row(place, *draw);
                let values = waiting.values.get(row * width..(row + 1) * width).unwrap_or_default();
                for (column, value) in values.iter().enumerate() {
                    if let Some(value) = value {
                        self.entries.add(place as usize * width + column, *value);
                    }
                }
            }
        }
        self.waiting = Waiting { heads: waiting.heads, ..Waiting::default() };
        self.waiting.heads.fill(NONE);
        Ok(())
    }

    /// One entry's contribution to its cell.
    fn contribute(&mut self, entry: usize) {
        let (width, columns) = (self.shape.width, self.shape.columns.len());
        let cell = self.entries.cell.get(entry).map_or(0, |cell| *cell as usize);
        let Some(totals) = self.totals.get_mut(cell * width..(cell + 1) * width) else { return };
        if let Some(persons) = totals.first_mut() {
            *persons += 1;
        }
        for rule in &self.shape.statistics {
            let mut at = rule.at;
            let column = |column: usize| {
                let at = entry * columns + column;
                let sum = self.entries.sums.get(at).copied().unwrap_or(0);
                (sum, self.entries.counts.get(at).copied().unwrap_or(0))
            };
            let value = match &rule.how {
                How::Rows => Some(self.entries.rows.get(entry).map_or(0, |rows| i128::from(*rows))),
                How::Any(at) => Some(i128::from(column(*at).0 > 0)),
                How::Sum(at) => match column(*at) {
                    (_, 0) if self.shape.columns.get(*at) == Some(&Column::Value) => None,
                    (sum, _) => Some(sum),
                },
                How::Mean(at) => mean(column(*at)),
                How::Square(at, lo, hi, centre) => mean(column(*at)).map(|mean| square(mean, *lo, *hi, *centre)),
                How::Bin(from, bins) => mean(column(*from)).map(|mean| {
                    at += bins.of(mean);
                    1
                }),
            };
            if let Some((value, total)) = value.zip(totals.get_mut(at)) {
                *total += value.clamp(rule.lo, rule.hi.max(rule.lo)) - rule.centre;
            }
        }
    }
}

impl Entries {
    #[inline]
    fn link(&self, at: u32) -> Option<(u32, u32)> {
        if at == NONE {
            return None;
        }
        self.cell.get(at as usize).copied().zip(self.next.get(at as usize).copied())
    }

    #[inline]
    fn push(&mut self, cell: u32, next: u32, columns: usize) -> Option<u32> {
        let at = u32::try_from(self.cell.len()).ok().filter(|at| *at != NONE)?;
        self.cell.push(cell);
        self.next.push(next);
        self.draw.push(u64::MAX);
        self.rows.push(0);
        self.sums.resize(self.sums.len() + columns, 0);
        self.counts.resize(self.counts.len() + columns, 0);
        Some(at)
    }

    #[inline]
    fn row(&mut self, place: u32, draw: u64) {
        if let Some(known) = self.draw.get_mut(place as usize) {
            *known = draw.min(*known);
        }
        if let Some(rows) = self.rows.get_mut(place as usize) {
            *rows = rows.saturating_add(1);
        }
    }

    #[inline]
    fn add(&mut self, at: usize, value: i64) {
        if let Some(sum) = self.sums.get_mut(at) {
            *sum += i128::from(value);
        }
        if let Some(count) = self.counts.get_mut(at) {
            *count = count.saturating_add(1);
        }
    }

    fn clear(&mut self) {
        self.cell.clear();
        self.next.clear();
        self.draw.clear();
        self.rows.clear();
        self.sums.clear();
        self.counts.clear();
    }
}

impl Cells for Reducer<'_> {
    fn take(&mut self, persons: &Range<u32>, rows: Batch) -> Result<(), StoreError> {
        self.begin(persons);
        if self.shape.cap.is_some() {
            return self.waiting.take(&rows).ok_or_else(unexpected);
        }
        self.places(&rows.pids, &rows.cells)?;
        let width = self.shape.columns.len();
        if rows.draws.is_empty() {
            for place in &self.places {
                if let Some(rows) = self.entries.rows.get_mut(*place as usize) {
                    *rows = rows.saturating_add(1);
                }
            }
        } else {
            for (place, draw) in self.places.iter().zip(&rows.draws) {
                self.entries.row(*place, *draw);
            }
        }
        for (column, argument) in rows.arguments.iter().enumerate() {
            if argument.nulls.is_none() {
                for (place, value) in self.places.iter().zip(&argument.values) {
                    self.entries.add(*place as usize * width + column, *value);
                }
            } else {
                for (row, place) in self.places.iter().enumerate() {
                    if let Some(value) = argument.get(row) {
                        self.entries.add(*place as usize * width + column, value);
                    }
                }
            }
        }
        Ok(())
    }

    fn done(&mut self, persons: &Range<u32>) -> Result<(), StoreError> {
        self.begin(persons);
        if let Some(cap) = self.shape.cap {
            self.keep(cap)?;
        }
        self.leave();
        self.person = NONE;
        match self.shape.choose {
            None => (0..self.entries.cell.len()).for_each(|entry| self.contribute(entry)),
            Some(most) => {
                let mut mine: Vec<(u64, u32, u32)> = Vec::new();
                for person in 0..self.heads.len() {
                    mine.clear();
                    let mut at = self.heads.get(person).copied().unwrap_or(NONE);
                    while let Some((cell, next)) = self.entries.link(at) {
                        let draw = self.entries.draw.get(at as usize).copied().unwrap_or(u64::MAX);
                        mine.push((draw, cell, at));
                        at = next;
                    }
                    if mine.len() > most {
                        mine.select_nth_unstable(most);
                        mine.truncate(most);
                    }
                    mine.iter().for_each(|(_, _, entry)| self.contribute(*entry as usize));
                }
            }
        }
        self.heads.fill(NONE);
        self.entries.clear();
        Ok(())
    }

    fn totals(self) -> Zeroizing<Vec<i128>> {
        self.totals
    }
}

impl Waiting {
    fn take(&mut self, rows: &Batch) -> Option<()> {
        for (row, (person, (draw, cell))) in rows.pids.iter().zip(rows.draws.iter().zip(&rows.cells)).enumerate() {
            let head = self.heads.get_mut(*person as usize)?;
            let at = u32::try_from(self.next.len()).ok().filter(|at| *at != NONE)?;
            self.next.push(*head);
            *head = at;
            self.draws.push(*draw);
            self.cells.push(u32::try_from(*cell).ok()?);
            self.values.extend(rows.arguments.iter().map(|argument| argument.get(row)));
        }
        Some(())
    }
}
