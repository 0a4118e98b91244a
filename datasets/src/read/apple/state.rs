//! What is known of a person's days until the export ends: its records stand by type and source, not by time.
//! Memory is bounded by a budget, whatever the file says; the records that are beyond it are refused one by one.

use std::hash::{BuildHasher, RandomState};

use super::record::{DAY, Stamp};
use super::sleep::{CLASSES, Night};
use super::track::{Energy, MINUTES, Span, Track};

/// Bytes that the days of one person may take. Ten years of watch and phone take about 40 MB.
const BUDGET: usize = 192 << 20;
/// Sources that are told apart, besides one for the rest of each class.
const SOURCES: usize = 16;
/// Longest record of steps, sleep or energy, in seconds.
const LONGEST: i64 = DAY;
/// Steps of one record; the day's bound is lower.
const STEPS: i64 = u16::MAX as i64;

/// Kinds of source, the one that counts first standing first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Class {
    Watch,
    Phone,
    Other,
}

impl Class {
    fn of(source: &str, device: &str) -> Self {
        // Watches that are not Apple's name themselves so too. Apps that call themselves watch give no device.
        let is = |watch: bool, phone: bool| match (watch, phone) {
            (true, _) => Some(Self::Watch),
            (_, true) => Some(Self::Phone),
            _ => None,
        };
        is(device.contains("Watch"), device.contains("iPhone"))
            .or_else(|| {
                let watch = source.contains("Apple Watch") || source.contains("Apple\u{a0}Watch");
                is(watch, source.contains("iPhone"))
            })
            .unwrap_or(Self::Other)
    }
}

/// A source of the export: its class and its number within the export.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Source {
    pub(super) class: Class,
    number: u8,
}

/// The sources met so far. Their names say who the person is: only a keyed hash is kept, and no longer than the export is read.
#[derive(Default)]
pub(super) struct Sources {
    keys: RandomState,
    met: Vec<(u64, Class)>,
}

impl Sources {
    pub(super) fn of(&mut self, source: &str, device: &str) -> Source {
        let class = Class::of(source, device);
        let key = (self.keys.hash_one(source), class);
        let at = self.met.iter().position(|met| *met == key).or_else(|| {
            (self.met.len() < SOURCES).then(|| {
                self.met.push(key);
                self.met.len() - 1
            })
        });
        let number = at.and_then(|at| u8::try_from(at).ok()).unwrap_or(u8::MAX);
        Source { class, number }
    }
}

/// The mean of a day's measurements, rounded half up at the end.
#[derive(Default, Clone, Copy)]
pub(super) struct Mean {
    sum: i64,
    count: i64,
}

impl Mean {
    pub(super) fn add(&mut self, value: i64) {
        self.sum = self.sum.saturating_add(value);
        self.count += 1;
    }

    pub(super) fn value(self) -> Option<i64> {
        (self.count > 0).then(|| self.sum.saturating_mul(2).saturating_add(self.count).div_euclid(self.count * 2))
    }
}

/// What is measured at a moment.
#[derive(Debug, Clone, Copy)]
pub(super) enum Moment {
    Resting,
    Weight,
    Systolic,
    Diastolic,
}

/// A day.
#[derive(Default)]
pub(super) struct Day {
    /// Records that began on it.
    pub(super) records: u64,
    /// Hours in which a watch was worn, a bit each.
    pub(super) worn: u32,
    pub(super) moments: [Mean; 4],
    /// Thousandths of a kilocalorie.
    pub(super) eaten: Option<i64>,
    steps: Vec<(Source, Track)>,
    spent: Vec<(Source, Box<Energy>)>,
    pub(super) nights: [Option<Box<Night>>; CLASSES],
}

impl Day {
    /// Tracks of steps in the order in which they count.
    pub(super) fn steps(&mut self) -> Option<impl Iterator<Item = &Track>> {
        self.steps.sort_by_key(|(source, _)| (source.class, source.number));
        (!self.steps.is_empty()).then(|| self.steps.iter().map(|(_, track)| track))
    }

    /// Energies in the order in which they count.
    pub(super) fn spent(&mut self) -> Option<impl Iterator<Item = &Energy>> {
        self.spent.sort_by_key(|(source, _)| (source.class, source.number));
        (!self.spent.is_empty()).then(|| self.spent.iter().map(|(_, energy)| &**energy))
    }
}

/// A single result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Observation {
    /// Local time in seconds since 1970-01-01.
    pub(super) time: u32,
    /// A place in [`super::types::OBSERVED`].
    pub(super) what: u8,
    pub(super) worn: bool,
    pub(super) value: i32,
}

/// All days of one export.
pub(super) struct State {
    first: i32,
    days: Vec<Option<Box<Day>>>,
    pub(super) observations: Vec<Observation>,
    left: usize,
}

/// A record's time on the local clock, in minutes; both ends rounded down, so that records that follow one another
/// share no minute.
#[derive(Clone, Copy)]
pub(super) struct Minutes {
    from: i64,
    to: i64,
}

impl Minutes {
    /// `at_end`: the end is as written, else the start; the offset may change in between.
    pub(super) fn of(start: Stamp, end: Stamp, at_end: bool) -> Result<Self, &'static str> {
        let seconds = end.instant - start.instant;
        if seconds < 0 {
            return Err("end-before-start");
        }
        if seconds > LONGEST {
            return Err("interval-too-long");
        }
        let (from, to) = if at_end { (end.local - seconds, end.local) } else { (start.local, start.local + seconds) };
        let (from, to) = (from.div_euclid(60), to.div_euclid(60));
        Ok(Self { from, to: to.max(from + 1) })
    }

    /// The parts by day: date, first minute and end of the day, and both from the start of the record.
    fn parts(self) -> impl Iterator<Item = (i32, i64, i64, i64, i64)> {
        const DAY: i64 = MINUTES as i64;
        (self.from.div_euclid(DAY)..=(self.to - 1).div_euclid(DAY)).map(move |day| {
            let (from, to) = (self.from.max(day * DAY), self.to.min((day + 1) * DAY));
            let date = i32::try_from(day).unwrap_or(i32::MAX);
            (date, from - day * DAY, to - day * DAY, from - self.from, to - self.from)
        })
    }

    fn length(self) -> i64 {
        self.to - self.from
    }
}

const FULL: &str = "too-many-records";
const OUTSIDE: &str = "date-outside";

impl State {
    /// For the days from `first` to `last`.
    pub(super) fn new((first, last): (i32, i32)) -> Self {
        let days = usize::try_from(last.saturating_sub(first)).unwrap_or(0).saturating_add(1);
        let mut empty = Vec::new();
        empty.resize_with(days, || None);
        Self { first, days: empty, observations: Vec::new(), left: BUDGET }
    }

    /// The day, made if it is not there. Makes sure first that `bytes` more are left for what the caller adds to it.
    fn day(&mut self, date: i32, bytes: usize) -> Result<&mut Day, &'static str> {
        let at = usize::try_from(i64::from(date) - i64::from(self.first)).map_err(|_| OUTSIDE)?;
        let day = self.days.get_mut(at).ok_or(OUTSIDE)?;
        let need = bytes + if day.is_none() { size_of::<Day>() } else { 0 };
        self.left = self.left.checked_sub(need).ok_or(FULL)?;
        Ok(day.get_or_insert_default())
    }

    /// Whether all days of a span are in the window.
    fn within(&self, minutes: Minutes) -> Result<(), &'static str> {
        let last = i64::from(self.first) + i64::try_from(self.days.len()).unwrap_or(i64::MAX) - 1;
        let day = |minute: i64| minute.div_euclid(MINUTES as i64);
        let inside = day(minutes.from) >= i64::from(self.first) && day(minutes.to - 1) <= last;
        if inside { Ok(()) } else { Err(OUTSIDE) }
    }

    /// Counts a record for its day.
    pub(super) fn record(&mut self, date: i32) -> Result<(), &'static str> {
        self.day(date, 0)?.records += 1;
        Ok(())
    }

    pub(super) fn steps(&mut self, source: Source, minutes: Minutes, value: i64) -> Result<bool, &'static str> {
        let bounded = value.min(STEPS);
        self.within(minutes)?;
        for (date, from, to, since, until) in minutes.parts() {
            // What a track takes at most in one step; the rest is given back.
            let most = size_of::<(Source, Track)>() + super::track::POURED;
            let day = self.day(date, most)?;
            let part = super::track::share(bounded, since, until, minutes.length());
            let small = |value: i64| u16::try_from(value).unwrap_or(u16::MAX);
            let span = Span { from: small(from), to: small(to), value: small(part) };
            let mut took = 0;
            let at = day.steps.iter().position(|(known, _)| *known == source).unwrap_or_else(|| {
                took += size_of::<(Source, Track)>();
                day.steps.push((source, Track::default()));
                day.steps.len() - 1
            });
            took += day.steps.get_mut(at).map_or(0, |(_, track)| track.add(span));
            self.left += most - took;
        }
        Ok(bounded != value)
    }

    pub(super) fn spent(&mut self, source: Source, minutes: Minutes, value: i64) -> Result<(), &'static str> {
        self.within(minutes)?;
        for (date, from, to, since, until) in minutes.parts() {
            let most = size_of::<Energy>() + size_of::<(Source, Box<Energy>)>();
            let day = self.day(date, most)?;
            let part = super::track::share(value, since, until, minutes.length());
            let mut spare = most;
            let at = day.spent.iter().position(|(known, _)| *known == source).unwrap_or_else(|| {
                spare = 0;
                day.spent.push((source, Energy::new()));
                day.spent.len() - 1
            });
            if let Some((_, energy)) = day.spent.get_mut(at) {
                energy.add(from, to, part);
            }
            self.left += spare;
        }
        Ok(())
    }

    pub(super) fn sleep(&mut self, source: Source, minutes: Minutes, bits: u8) -> Result<(), &'static str> {
        self.within(minutes)?;
        for (date, from, to, _, _) in minutes.parts() {
            let day = self.day(date, size_of::<Night>())?;
            let mut spare = size_of::<Night>();
            if let Some(night) = day.nights.get_mut(source.class as usize) {
                let night = night.get_or_insert_with(|| {
                    spare = 0;
                    Box::new([0; MINUTES])
                });
                let (from, to) = (usize::try_from(from).unwrap_or(0), usize::try_from(to).unwrap_or(0));
                night.get_mut(from..to).into_iter().flatten().for_each(|minute| *minute |= bits);
            }
            self.left += spare;
        }
        Ok(())
    }

    /// Marks the hours of a span as worn; at most a day of them.
    pub(super) fn worn(&mut self, start: Stamp, end: Option<Stamp>) -> Result<(), &'static str> {
        let first = start.local.div_euclid(3_600);
        let long = end.map_or(0, |end| (end.instant - start.instant).clamp(0, LONGEST));
        // An hour that ends on the hour doesn't reach into the next.
        let last = (start.local + (long - 1).max(0)).div_euclid(3_600);
        for hour in first..=last {
            let date = i32::try_from(hour.div_euclid(24)).unwrap_or(i32::MAX);
            self.day(date, 0)?.worn |= 1 << hour.rem_euclid(24);
        }
        Ok(())
    }

    pub(super) fn moment(&mut self, date: i32, what: Moment, value: i64) -> Result<(), &'static str> {
        if let Some(mean) = self.day(date, 0)?.moments.get_mut(what as usize) {
            mean.add(value);
        }
        Ok(())
    }

    pub(super) fn eaten(&mut self, date: i32, value: i64) -> Result<(), &'static str> {
        let eaten = &mut self.day(date, 0)?.eaten;
        *eaten = Some(eaten.unwrap_or(0).saturating_add(value));
        Ok(())
    }

    pub(super) fn observed(&mut self, observation: Observation) -> Result<(), &'static str> {
        // Twice: the list doubles when it grows.
        self.left = self.left.checked_sub(2 * size_of::<Observation>()).ok_or(FULL)?;
        self.observations.push(observation);
        Ok(())
    }

    /// All days with their dates, in order.
    pub(super) fn days(&mut self) -> impl Iterator<Item = (i32, &mut Day)> {
        let first = self.first;
        let days = self.days.iter_mut().enumerate();
        days.filter_map(move |(at, day)| Some((first + i32::try_from(at).ok()?, &mut **day.as_mut()?)))
    }
}
