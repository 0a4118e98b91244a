//! What the sources of one day counted, minute by minute, and the day's total of which nothing is counted twice.
//!
//! The rule: watch before phone before other, within a class the source that the file names first. A minute that a
//! source's records cover counts for the first such source; a record's value spreads evenly over its minutes.
//! A record of more than an hour is a total, not a measurement: after the first source it counts only where no source
//! before it has anything in its time.

/// Minutes of a day.
pub(super) const MINUTES: usize = 1_440;
/// Spans kept one by one; more are poured into minutes, which take as much memory as twice as many.
const SPANS: usize = 256;
/// Totals kept one by one: a day has no more that don't overlap.
const TOTALS: usize = 24;
/// Longer spans are totals.
const MEASUREMENT: u16 = 60;
/// Energy is kept by quarter of an hour.
const QUARTER: i64 = 15;
const QUARTERS: usize = 96;

/// Part of a record that lies on this day: first minute, end, value.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    pub(super) from: u16,
    pub(super) to: u16,
    pub(super) value: u16,
}

/// What of `value`, spread evenly over `whole` minutes, falls to the minutes from `from` to `to`. Adjacent parts add up
/// to the whole.
pub(super) fn share(value: i64, from: i64, to: i64, whole: i64) -> i64 {
    let until = |minute: i64| value.saturating_mul(minute) / whole.max(1);
    until(to) - until(from)
}

struct Dense {
    value: [u32; MINUTES],
    covered: [bool; MINUTES],
}

impl Dense {
    fn new() -> Box<Self> {
        Box::new(Self { value: [0; MINUTES], covered: [false; MINUTES] })
    }

    fn add(&mut self, span: Span) {
        let (from, to) = (usize::from(span.from), usize::from(span.to).min(MINUTES));
        let whole = i64::from(span.to) - i64::from(span.from);
        let minutes = self.value.get_mut(from..to).into_iter().flatten();
        for (at, minute) in minutes.enumerate() {
            let at = at as i64;
            let part = share(i64::from(span.value), at, at + 1, whole);
            *minute = minute.saturating_add(u32::try_from(part).unwrap_or(0));
        }
        if let Some(covered) = self.covered.get_mut(from..to) {
            covered.fill(true);
        }
    }

    fn any(&self, span: Span) -> bool {
        self.covered.get(usize::from(span.from)..usize::from(span.to).min(MINUTES)).is_some_and(|c| c.contains(&true))
    }
}

/// The steps that one source counted on one day.
#[derive(Default)]
pub(super) struct Track {
    spans: Vec<Span>,
    totals: Vec<Span>,
    poured: Option<Box<Dense>>,
}

/// Bytes that the minutes of a track take.
pub(super) const POURED: usize = size_of::<Dense>();

impl Track {
    /// Adds a span; gives the bytes that this took.
    pub(super) fn add(&mut self, span: Span) -> usize {
        if span.to.saturating_sub(span.from) > MEASUREMENT && self.totals.len() < TOTALS {
            self.totals.push(span);
            return size_of::<Span>();
        }
        if let Some(poured) = &mut self.poured {
            poured.add(span);
            return 0;
        }
        self.spans.push(span);
        if self.spans.len() < SPANS {
            return size_of::<Span>();
        }
        let mut poured = Dense::new();
        for span in std::mem::take(&mut self.spans) {
            poured.add(span);
        }
        self.poured = Some(poured);
        POURED
    }
}

/// The day's steps from the tracks of its sources, the one that counts first standing first.
pub(super) fn total<'a>(tracks: impl Iterator<Item = &'a Track>) -> i64 {
    let (mut sum, mut all) = (0_i64, Dense::new());
    for (at, track) in tracks.enumerate() {
        let mut own = Dense::new();
        if let Some(poured) = &track.poured {
            own.value.copy_from_slice(&poured.value);
            own.covered.copy_from_slice(&poured.covered);
        }
        for &span in &track.spans {
            own.add(span);
        }
        for &span in &track.totals {
            if at == 0 || !all.any(span) {
                own.add(span);
            }
        }
        for ((taken, covered), value) in all.covered.iter_mut().zip(own.covered).zip(own.value) {
            if covered && !*taken {
                sum += i64::from(value);
                *taken = true;
            }
        }
    }
    sum
}

/// The energy that one source counted on one day, in thousandths of a kilocalorie by quarter of an hour: estimates
/// need no minutes.
pub(super) struct Energy([u32; QUARTERS]);

impl Energy {
    pub(super) fn new() -> Box<Self> {
        Box::new(Self([0; QUARTERS]))
    }

    /// Adds `value`, spread evenly over the minutes from `from` to `to` of the day.
    pub(super) fn add(&mut self, from: i64, to: i64, value: i64) {
        let mut start = from;
        while start < to {
            let end = ((start / QUARTER + 1) * QUARTER).min(to);
            let part = share(value, start - from, end - from, to - from);
            if let Some(quarter) = usize::try_from(start / QUARTER).ok().and_then(|at| self.0.get_mut(at)) {
                *quarter = quarter.saturating_add(u32::try_from(part).unwrap_or(u32::MAX));
            }
            start = end;
        }
    }
}

/// The day's energy: each quarter of an hour counts for the first source that has any.
pub(super) fn energy<'a>(sources: impl Iterator<Item = &'a Energy>) -> i64 {
    let mut taken = [0_u32; QUARTERS];
    for source in sources {
        for (taken, value) in taken.iter_mut().zip(source.0) {
            if *taken == 0 {
                *taken = value;
            }
        }
    }
    taken.iter().map(|&value| i64::from(value)).sum()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
    use proptest::prelude::*;

    use super::*;

    fn track(spans: &[(u16, u16, u16)]) -> Track {
        let mut track = Track::default();
        for &(from, to, value) in spans {
            track.add(Span { from, to, value });
        }
        track
    }

    #[test]
    fn nothing_is_counted_twice() {
        let watch = track(&[(600, 610, 100), (610, 620, 50)]);
        let phone = track(&[(605, 615, 90), (615, 625, 100), (700, 701, 7)]);
        assert_eq!(total([&watch].into_iter()), 150);
        // Five minutes of the second and the whole of the third are the phone's alone.
        assert_eq!(total([&watch, &phone].into_iter()), 150 + 50 + 7);
        assert_eq!(total([&phone, &watch].into_iter()), 197 + 50);
        // A day's total of an app adds nothing to a day that was measured, and is a day's value where nothing else is.
        let app = track(&[(0, 1_440, 8_000)]);
        assert_eq!(total([&watch, &app].into_iter()), 150);
        assert_eq!(total([&app].into_iter()), 8_000);
    }

    #[test]
    fn memory_of_a_track_is_bounded() {
        let mut track = Track::default();
        let mut bytes = 0;
        for n in 0..1_000_000_u32 {
            let from = (n % 1_400) as u16;
            bytes += track.add(Span { from, to: from + 1 + (n % 90) as u16, value: 1 });
        }
        assert!(bytes <= POURED + (SPANS + TOTALS) * size_of::<Span>(), "{bytes}");
        assert!(track.spans.capacity() + track.totals.capacity() <= 2 * (SPANS + TOTALS));
        assert!(total([&track].into_iter()) > 900_000);
    }

    #[test]
    fn energy_goes_by_quarters() {
        let (mut watch, mut phone) = (Energy::new(), Energy::new());
        watch.add(0, 30, 1_000);
        phone.add(25, 50, 500);
        assert_eq!(energy([&*watch].into_iter()), 1_000);
        assert_eq!(energy([&*watch, &*phone].into_iter()), 1_000 + 400);
    }

    proptest! {
        #[test]
        fn pouring_changes_nothing(spans in proptest::collection::vec((0_u16..1_440, 1_u16..60, 0_u16..500), 0..300)) {
            let whole: Vec<_> = spans.iter().map(|&(from, long, value)| (from, (from + long).min(1_440), value)).collect();
            let track = track(&whole);
            let sum: i64 = whole.iter().map(|&(_, _, value)| i64::from(value)).sum();
            prop_assert_eq!(total([&track].into_iter()), sum);
            prop_assert_eq!(track.poured.is_some(), whole.len() >= SPANS);
        }
    }
}
