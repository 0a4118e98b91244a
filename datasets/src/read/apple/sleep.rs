//! Minutes of sleep by class of source, and the sleeps that they make up. A sleep ends when for two hours nothing says
//! that anybody sleeps or lies awake in the night, and after a day at the latest; it belongs to the day of its last minute
//! asleep. Of a sleep the first class of source that saw any counts (watch, phone, other), the union of its records.

use std::collections::BTreeMap;

use super::track::MINUTES;

/// Asleep, nobody says how.
pub(super) const ASLEEP: u8 = 1;
pub(super) const CORE: u8 = 2;
pub(super) const DEEP: u8 = 4;
pub(super) const REM: u8 = 8;
pub(super) const AWAKE: u8 = 16;

/// Classes of source.
pub(super) const CLASSES: usize = 3;
/// Minutes without a word that end a sleep.
const GAP: i64 = 120;

/// What one class of source says of the minutes of a day.
pub(super) type Night = [u8; MINUTES];

/// Minutes of the sleeps that ended on a day.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Slept {
    pub(super) asleep: i64,
    pub(super) deep: i64,
    pub(super) rem: i64,
    pub(super) light: i64,
    pub(super) awake: i64,
    /// Whether stages were told apart; whether lying awake was recorded.
    pub(super) staged: bool,
    pub(super) woke: bool,
}

impl Slept {
    fn minute(&mut self, bits: u8) {
        self.asleep += i64::from(bits & (ASLEEP | CORE | DEEP | REM) != 0);
        if bits & DEEP != 0 {
            self.deep += 1;
        } else if bits & REM != 0 {
            self.rem += 1;
        } else if bits & CORE != 0 {
            self.light += 1;
        } else if bits & (ASLEEP | AWAKE) == AWAKE {
            self.awake += 1;
        }
        self.staged |= bits & (CORE | DEEP | REM) != 0;
        self.woke |= bits & AWAKE != 0;
    }

    fn add(&mut self, other: &Self) {
        self.asleep += other.asleep;
        self.deep += other.deep;
        self.rem += other.rem;
        self.light += other.light;
        self.awake += other.awake;
        self.staged |= other.staged;
        self.woke |= other.woke;
    }
}

/// A sleep that has not ended, by class: minutes, and the last one asleep.
#[derive(Default, Clone, Copy)]
struct Open {
    start: i64,
    last: i64,
    classes: [(Slept, i64); CLASSES],
}

/// Walks through the days in order.
#[derive(Default)]
pub(super) struct Sleeps {
    open: Option<Open>,
    by_day: BTreeMap<i32, Slept>,
}

impl Sleeps {
    /// The next day, later than all before.
    pub(super) fn day(&mut self, date: i32, nights: &[Option<Box<Night>>; CLASSES]) {
        if nights.iter().all(Option::is_none) {
            return;
        }
        let midnight = i64::from(date) * MINUTES as i64;
        for at in 0..MINUTES {
            let bits = nights.each_ref().map(|night| night.as_ref().and_then(|night| night.get(at)).map_or(0, |b| *b));
            if bits.iter().any(|&bits| bits != 0) {
                self.minute(midnight + at as i64, bits);
            }
        }
    }

    fn minute(&mut self, now: i64, bits: [u8; CLASSES]) {
        if self.open.is_some_and(|open| now - open.last > GAP || now - open.start >= MINUTES as i64) {
            self.close();
        }
        let open = self.open.get_or_insert(Open { start: now, ..Open::default() });
        open.last = now;
        for ((slept, last), bits) in open.classes.iter_mut().zip(bits) {
            slept.minute(bits);
            if bits & !AWAKE != 0 {
                *last = now;
            }
        }
    }

    fn close(&mut self) {
        let Some(open) = self.open.take() else {
            return;
        };
        if let Some((slept, last)) = open.classes.iter().find(|(slept, _)| slept.asleep > 0) {
            let day = i32::try_from(last.div_euclid(MINUTES as i64)).unwrap_or(i32::MAX);
            self.by_day.entry(day).or_default().add(slept);
        }
    }

    /// All sleeps, by the day on which they ended.
    pub(super) fn finish(mut self) -> BTreeMap<i32, Slept> {
        self.close();
        self.by_day
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;

    fn nights(spans: &[(usize, usize, usize, u8)]) -> [Option<Box<Night>>; CLASSES] {
        let mut nights = [None, None, None];
        for &(class, from, to, bits) in spans {
            let night: &mut Box<Night> = nights[class].get_or_insert_with(|| Box::new([0; MINUTES]));
            night[from..to].iter_mut().for_each(|minute| *minute |= bits);
        }
        nights
    }

    #[test]
    fn a_night_belongs_to_the_morning() {
        let mut sleeps = Sleeps::default();
        sleeps.day(9, &nights(&[(0, 1_400, 1_440, CORE), (1, 1_380, 1_440, ASLEEP)]));
        sleeps.day(10, &nights(&[(0, 0, 60, DEEP), (0, 60, 70, AWAKE), (0, 70, 100, REM), (2, 840, 900, ASLEEP)]));
        let got = sleeps.finish();
        assert_eq!(got.keys().copied().collect::<Vec<_>>(), [10]);
        // The watch's night, although the phone saw more of it; and a nap that only an app saw.
        let want = Slept { asleep: 130 + 60, deep: 60, rem: 30, light: 40, awake: 10, staged: true, woke: true };
        assert_eq!(got[&10], want);
    }

    #[test]
    fn sleep_without_end_is_cut_into_days() {
        let mut sleeps = Sleeps::default();
        for date in 0..5 {
            sleeps.day(date, &nights(&[(1, 0, 1_440, ASLEEP)]));
        }
        let got = sleeps.finish();
        assert_eq!(got.len(), 5);
        assert!(got.values().all(|slept| slept.asleep == 1_440 && !slept.staged && !slept.woke));
        let mut awake = Sleeps::default();
        awake.day(0, &nights(&[(0, 10, 20, AWAKE)]));
        assert!(awake.finish().is_empty(), "nobody slept");
    }
}
