//! Daily values of devices, put together from readings: one row per person and day.
//!
//! - Steps, sleep and energy of a day add up **within a device**; what overlaps a longer span of the same device is part
//!   of it and is not added again (an hour within the day's total, a span sent twice). Of several devices the one with
//!   the most counts; devices are never added to each other. The stages of sleep are those of the device whose sleep
//!   counts. Spans belong to the day on which they begin, sleep to the day on which it ends.
//! - Of weight, blood pressure and resting heart rate the **first of the day** counts (at the same time: the lower).
//!
//! Memory is bounded: beyond [`LIMIT`] readings in all, the days untouched for longest are closed, down to half. A reading
//! for a closed day is quarantined (`day-closed`), never a second row. Files sorted by person or by time never get there.

use std::cmp::Reverse;
use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};

use super::codes::Daily;
use crate::read::desk::Desk;
use crate::read::error::ReadError;
use crate::read::lifelog::day::{Days, MEASURES, Measures};
use crate::read::report::Kind;

/// Readings held at most, about 100 bytes each; a day as such weighs as much as three.
pub(super) const LIMIT: usize = 1_000_000;
const DAY: usize = 3;

const K: Kind = Kind::Fhir;

/// One number on its way into a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reading {
    pub(super) what: Daily,
    /// Hash of what the file says of the device.
    pub(super) device: u64,
    /// Seconds from midnight of the day.
    pub(super) from: i32,
    pub(super) to: i32,
    /// In the column's unit.
    pub(super) thousandths: i64,
    /// Which of two at the same time comes first: parts of one record stay together.
    pub(super) tie: (i64, i64),
    /// Whether its record is counted by this reading (of the parts of a record, one is).
    pub(super) counts: bool,
}

#[derive(Default)]
struct Day {
    readings: Vec<Reading>,
    touched: u64,
}

/// The open days of one file.
pub(super) struct Book {
    rows: Days,
    days: HashMap<(u32, i32), Day>,
    held: usize,
    limit: usize,
    clock: u64,
    /// Some days were closed before the file's end.
    shut: bool,
}

impl Book {
    pub(super) fn new(desk: &Desk<'_>, limit: usize) -> Result<Self, ReadError> {
        let rows = Days::new(desk, K, "fhir")?;
        Ok(Self { rows, days: HashMap::new(), held: 0, limit, clock: 0, shut: false })
    }

    /// Opens a person's day; the reason if it can't be.
    pub(super) fn open(&mut self, desk: &mut Desk<'_>, ident: u32, date: i32) -> Result<(), &'static str> {
        if !self.rows.has(date) {
            return Err("date-outside");
        }
        if let Entry::Vacant(vacant) = self.days.entry((ident, date)) {
            if !self.rows.first(desk, ident, date) {
                return Err(if self.shut { "day-closed" } else { "day-twice" });
            }
            vacant.insert(Day::default());
            self.held += DAY;
        }
        Ok(())
    }

    /// Takes a reading of an open day.
    pub(super) fn add(&mut self, ident: u32, date: i32, reading: Reading) {
        self.clock += 1;
        if let Some(day) = self.days.get_mut(&(ident, date)) {
            day.touched = self.clock;
            day.readings.push(reading);
            self.held += 1;
        }
    }

    /// Closes days if too much is held. Not within a record, whose parts belong together.
    pub(super) fn make_room(&mut self, desk: &mut Desk<'_>) -> Result<(), ReadError> {
        if self.held <= self.limit {
            return Ok(());
        }
        self.shut = true;
        let mut order: Vec<(u64, (u32, i32))> = self.days.iter().map(|(&key, day)| (day.touched, key)).collect();
        order.sort_unstable();
        for (_, key) in order {
            if self.held <= self.limit / 2 {
                break;
            }
            self.close_one(desk, key)?;
        }
        Ok(())
    }

    /// Closes all days, in the order of identities and days.
    pub(super) fn close(&mut self, desk: &mut Desk<'_>) -> Result<(), ReadError> {
        let mut keys: Vec<(u32, i32)> = self.days.keys().copied().collect();
        keys.sort_unstable();
        keys.into_iter().try_for_each(|key| self.close_one(desk, key))
    }

    fn close_one(&mut self, desk: &mut Desk<'_>, key: (u32, i32)) -> Result<(), ReadError> {
        let Some(day) = self.days.remove(&key) else {
            return Ok(());
        };
        self.held = self.held.saturating_sub(day.readings.len() + DAY);
        let sums = sums(day.readings);
        let mut measures: Measures = [None; MEASURES.len()];
        for (what, thousandths) in sums.cells {
            let measure = what.measure();
            if let Some(cell) = measures.get_mut(measure) {
                *cell = Some(rounded(thousandths, self.rows.digits(measure)));
            }
        }
        desk.tally.kept(K, sums.kept);
        for (code, records) in sums.left {
            desk.tally.left_out(K, code, records);
        }
        self.rows.push(desk, key.0, key.1, &measures)
    }
}

/// On a grid of `digits`, half away from zero.
fn rounded(thousandths: i64, digits: u8) -> i64 {
    let step = 10_i64.pow(3_u32.saturating_sub(u32::from(digits)));
    let half = if thousandths < 0 { -step / 2 } else { step / 2 };
    thousandths.saturating_add(half) / step
}

struct Sums {
    cells: Vec<(Daily, i64)>,
    kept: u64,
    left: [(&'static str, u64); 3],
}

/// What the readings of a day come to. The order of the readings does not matter.
fn sums(mut readings: Vec<Reading>) -> Sums {
    let mut result =
        Sums { cells: Vec::new(), kept: 0, left: [("overlap", 0), ("other-device", 0), ("not-first-of-day", 0)] };
    // Longest first within a device; everything that could make a difference is part of the order.
    readings.sort_unstable_by_key(|r| {
        (r.what as u8, r.device, r.from - r.to, r.from, r.tie, Reverse(r.thousandths), !r.counts)
    });
    let [overlap, other, later] = &mut result.left;
    let mut devices: Vec<Device> = Vec::new();
    for group in readings.chunk_by(|a, b| a.what == b.what && a.device == b.device) {
        let Some(&Reading { what, device, .. }) = group.first() else {
            continue;
        };
        let counted = |readings: &[Reading]| readings.iter().filter(|r| r.counts).count() as u64;
        if !what.adds_up() {
            devices.push(Device { what, device, sum: 0, records: counted(group) });
            continue;
        }
        let mut taken = BTreeMap::new();
        let (mut sum, mut records) = (0_i64, 0);
        for reading in group {
            if overlaps(&taken, reading) {
                overlap.1 += u64::from(reading.counts);
                continue;
            }
            taken.insert(reading.from, reading.to);
            sum = sum.saturating_add(reading.thousandths);
            records += u64::from(reading.counts);
        }
        devices.push(Device { what, device, sum, records });
    }
    let best = |of: fn(Daily) -> bool| {
        let of = devices.iter().filter(|device| of(device.what));
        of.max_by_key(|device| (device.sum, Reverse(device.device))).map(|device| device.device)
    };
    let asleep = best(|what| what == Daily::Sleep).or_else(|| best(Daily::of_night));
    for device in &devices {
        let what = device.what;
        if !what.adds_up() {
            continue;
        }
        let wins = if what.of_night() {
            Some(device.device) == asleep
        } else {
            let most = devices.iter().filter(|d| d.what == what);
            most.max_by_key(|d| (d.sum, Reverse(d.device))).is_some_and(|d| d.device == device.device)
        };
        if wins {
            result.cells.push((what, device.sum));
            result.kept += device.records;
        } else {
            other.1 += device.records;
        }
    }
    for what in [Daily::RestingRate, Daily::Weight, Daily::Systolic, Daily::Diastolic] {
        let of = || readings.iter().filter(|r| r.what == what);
        let Some(first) = of().min_by_key(|r| (r.from, r.tie, r.thousandths, !r.counts)) else {
            continue;
        };
        result.cells.push((what, first.thousandths));
        let records = of().filter(|r| r.counts).count() as u64;
        let kept = u64::from(first.counts);
        result.kept += kept;
        later.1 += records - kept;
    }
    result
}

struct Device {
    what: Daily,
    device: u64,
    sum: i64,
    records: u64,
}

/// Whether a span lies in or across one of the taken ones; instants overlap where they are the same or inside.
fn overlaps(taken: &BTreeMap<i32, i32>, reading: &Reading) -> bool {
    let before = taken.range(..=reading.from).next_back();
    if before.is_some_and(|(&from, &to)| reading.from < to || from == reading.from) {
        return true;
    }
    taken.range(reading.from..).next().is_some_and(|(&from, _)| from < reading.to)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
    use proptest::prelude::*;

    use super::*;

    fn reading(what: Daily, device: u64, from: i32, to: i32, value: i64) -> Reading {
        Reading { what, device, from, to, thousandths: value, tie: (value, 0), counts: true }
    }

    fn cell(sums: &Sums, what: Daily) -> Option<i64> {
        sums.cells.iter().find(|cell| cell.0 == what).map(|cell| cell.1)
    }

    #[test]
    fn spans_add_up_once() {
        let steps = |device, from, to, value| reading(Daily::Steps, device, from, to, value);
        let got = sums(vec![steps(0, 0, 60, 10), steps(0, 60, 120, 20), steps(0, 0, 60, 10), steps(0, 30, 90, 5)]);
        assert_eq!((cell(&got, Daily::Steps), got.kept, got.left[0].1), (Some(30), 2, 2));
        let total = sums(vec![steps(0, 0, 86_400, 500), steps(0, 60, 120, 20), steps(0, 7, 7, 1)]);
        assert_eq!((cell(&total, Daily::Steps), total.left[0].1), (Some(500), 2));
        let two = sums(vec![steps(0, 0, 60, 10), steps(1, 0, 60, 30), steps(1, 100, 160, 5)]);
        assert_eq!((cell(&two, Daily::Steps), two.kept, two.left[1].1), (Some(35), 2, 1));
    }

    #[test]
    fn stages_are_of_the_device_that_counts() {
        let got = sums(vec![
            reading(Daily::Sleep, 0, -100, 300, 400),
            reading(Daily::Deep, 0, -100, 0, 100),
            reading(Daily::Sleep, 1, -100, 200, 300),
            reading(Daily::Deep, 1, -100, 100, 200),
        ]);
        assert_eq!((cell(&got, Daily::Sleep), cell(&got, Daily::Deep)), (Some(400), Some(100)));
    }

    #[test]
    fn the_first_of_the_day() {
        let got = sums(vec![reading(Daily::Weight, 0, 900, 900, 61_000), reading(Daily::Weight, 1, 300, 300, 62_000)]);
        assert_eq!((cell(&got, Daily::Weight), got.kept, got.left[2].1), (Some(62_000), 1, 1));
    }

    proptest! {
        #[test]
        fn order_does_not_matter(
            list in proptest::collection::vec((0_usize..4, 0_u64..3, 0_i32..20, 0_i32..10, 0_i64..5), 1..30),
            seed in any::<u64>(),
        ) {
            let kinds = [Daily::Steps, Daily::Sleep, Daily::Deep, Daily::Weight];
            let readings: Vec<Reading> =
                list.iter().map(|&(what, device, from, long, value)| reading(kinds[what], device, from, from + long, value)).collect();
            let mut other = readings.clone();
            other.sort_by_key(|r| (i64::from(r.from) * 31 + r.thousandths * 17 + r.device as i64) as u64 ^ seed);
            let (a, b) = (sums(readings.clone()), sums(other));
            prop_assert_eq!(&a.cells, &b.cells);
            prop_assert_eq!((a.kept, a.left), (b.kept, b.left));
            prop_assert_eq!(a.kept + a.left.iter().map(|left| left.1).sum::<u64>(), readings.len() as u64);
        }
    }
}
