//! The days that are known of an identity, and its marks. Not who it is.

use super::kept::{Record, Words};

/// No day of that kind is known.
pub(super) const NEVER: i32 = i32::MIN;
pub(super) const COVERED: u8 = 1;
pub(super) const OPTED_OUT: u8 = 2;
/// On a branch: among the touched ones.
pub(super) const TOUCHED: u8 = 4;

/// Days since 1970-01-01, or [`NEVER`]; small, because everybody's are held until the end.
#[derive(Clone, Copy)]
pub(super) struct Days {
    pub(super) first_seen: i32,
    pub(super) last_seen: i32,
    pub(super) covered_from: i32,
    pub(super) covered_to: i32,
    pub(super) marks: u8,
}

impl Default for Days {
    fn default() -> Self {
        Self { first_seen: NEVER, last_seen: NEVER, covered_from: NEVER, covered_to: NEVER, marks: 0 }
    }
}

impl Record for Days {
    const BYTES: usize = 17;

    fn write(&self, to: &mut Vec<u8>) {
        let days = [self.first_seen, self.last_seen, self.covered_from, self.covered_to];
        days.iter().for_each(|day| to.extend_from_slice(&day.to_le_bytes()));
        to.push(self.marks);
    }

    fn read(from: &mut Words<'_>) -> Self {
        Self {
            first_seen: from.i32(),
            last_seen: from.i32(),
            covered_from: from.i32(),
            covered_to: from.i32(),
            marks: from.u8(),
        }
    }
}

pub(super) fn known(day: i32) -> Option<i32> {
    Some(day).filter(|day| *day != NEVER)
}

impl Days {
    pub(super) fn has(&self, mark: u8) -> bool {
        self.marks & mark != 0
    }

    pub(super) fn see(&mut self, day: i32) {
        self.first_seen = known(self.first_seen).map_or(day, |first| first.min(day));
        self.last_seen = self.last_seen.max(day);
    }

    /// What two of them say together.
    pub(super) fn join(&mut self, other: &Self) {
        if let Some(first) = known(other.first_seen) {
            self.first_seen = known(self.first_seen).map_or(first, |mine| mine.min(first));
        }
        self.last_seen = self.last_seen.max(other.last_seen);
        self.marks |= other.marks & OPTED_OUT;
    }
}
