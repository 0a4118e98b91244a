//! When a resource says something was: FHIR dateTime, instant and Period. The local day is the day as written, in the
//! offset of the timestamp itself; nothing is converted into another time zone.

use super::json::Json;
use crate::read::number;

const DAY: i32 = 86_400;

/// A point in time as written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Moment {
    /// Days since 1970-01-01.
    pub(super) day: i32,
    /// Seconds into the day; `None` for a day as a whole.
    pub(super) second: Option<i32>,
    /// Written in UTC, so that the day may be another than the person's.
    pub(super) utc: bool,
}

/// A day, or a day and time. Years and months alone are no day.
pub(super) fn moment(text: &str) -> Option<Moment> {
    let text = text.trim();
    let day = number::loose_day(text.get(..10)?.as_bytes())?;
    let Some(rest) = text.get(10..).filter(|rest| !rest.is_empty()) else {
        return Some(Moment { day, second: None, utc: false });
    };
    let rest = rest.strip_prefix(['T', 't', ' '])?;
    let at = rest.find(['Z', 'z', '+', '-']).unwrap_or(rest.len());
    let (clock, offset) = (rest.get(..at)?, rest.get(at..)?);
    let mut parts = clock.split(':');
    let two = |part: Option<&str>| -> Option<i32> {
        let part = part?;
        if part.len() != 2 || !part.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        part.parse().ok()
    };
    let (hour, minute) = (two(parts.next())?, two(parts.next())?);
    let second = match parts.next() {
        None => 0,
        Some(part) => {
            let (whole, fraction) = part.split_once('.').unwrap_or((part, "0"));
            if fraction.is_empty() || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
                return None;
            }
            two(Some(whole))?
        }
    };
    // 60 is a leap second.
    if parts.next().is_some() || hour > 23 || minute > 59 || second > 60 || !offset_is_one(offset) {
        return None;
    }
    let utc = matches!(offset, "Z" | "z");
    Some(Moment { day, second: Some(hour * 3600 + minute * 60 + second), utc })
}

fn offset_is_one(offset: &str) -> bool {
    match offset.as_bytes() {
        [] | [b'Z' | b'z'] => true,
        [b'+' | b'-', h1, h2, b':', m1, m2] => [h1, h2, m1, m2].iter().all(|byte| byte.is_ascii_digit()),
        _ => false,
    }
}

/// A span in local time. A day as a whole is the span of the day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Span {
    /// Day on which it begins.
    pub(super) day: i32,
    /// Day on which it ends, as written.
    pub(super) last: i32,
    /// Seconds from midnight of `day`.
    pub(super) from: i32,
    /// Seconds from midnight of `day`; the same as `from` for an instant.
    pub(super) to: i32,
    /// Whether one of the times was in UTC.
    pub(super) utc: bool,
}

impl Span {
    /// One day as a whole.
    pub(super) fn whole(day: i32) -> Self {
        Self { day, last: day, from: 0, to: DAY, utc: false }
    }

    fn of(start: Moment, end: Moment) -> Option<Self> {
        let days = end.day.checked_sub(start.day).filter(|days| (0..=10_000).contains(days))?;
        let from = start.second.unwrap_or(0);
        // FHIR: an end without a time includes its day.
        let to = days * DAY + end.second.unwrap_or(DAY);
        let utc = start.utc || end.utc;
        (from <= to).then_some(Self { day: start.day, last: end.day, from, to, utc })
    }

    /// Whether it covers no more than a day (and an hour: clocks may be set back within it).
    pub(super) fn within_a_day(self) -> bool {
        self.to - self.from <= DAY + 3600
    }

    /// The same span seen from the day on which it ends.
    pub(super) fn at_last(self) -> Self {
        let shift = (self.last - self.day) * DAY;
        Self { day: self.last, from: self.from - shift, to: self.to - shift, ..self }
    }
}

/// What `effective[x]` says: `Ok(None)` if it is absent, `Err` if it can't be read as a day.
pub(super) fn effective(resource: &Json<'_>) -> Result<Option<Span>, ()> {
    for name in ["effectiveDateTime", "effectiveInstant"] {
        if resource.has(name) {
            let moment = resource.text(name).and_then(moment).ok_or(())?;
            return Span::of(moment, moment).map(Some).ok_or(());
        }
    }
    if resource.has("effectiveTiming") {
        return Err(());
    }
    if resource.has("effectivePeriod") { period(resource.get("effectivePeriod")).map(Some) } else { Ok(None) }
}

/// A Period; an open one is the instant that it names.
pub(super) fn period(period: &Json<'_>) -> Result<Span, ()> {
    let read = |name| match period.get(name) {
        Json::Null => Ok(None),
        value => value.as_text().and_then(moment).map(Some).ok_or(()),
    };
    let (start, end) = (read("start")?, read("end")?);
    let (start, end) = (start.or(end).ok_or(())?, end.or(start).ok_or(())?);
    Span::of(start, end).ok_or(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
    use proptest::prelude::*;

    use super::*;
    use crate::read::fhir::json::parse;

    #[test]
    fn the_day_is_the_written_one() {
        let day = number::day(b"20240501").unwrap();
        let of = |text: &str| moment(text).map(|m| (m.day - day, m.second, m.utc));
        assert_eq!(of("2024-05-01"), Some((0, None, false)));
        assert_eq!(of("2024-05-01T23:10:00+09:00"), Some((0, Some(83_400), false)));
        assert_eq!(of("2024-05-01T23:10:00.123-11:00"), Some((0, Some(83_400), false)));
        assert_eq!(of("2024-05-01T16:00:00Z"), Some((0, Some(57_600), true)));
        for bad in [
            "2024",
            "2024-05",
            "2024-13-01",
            "2024-05-01T",
            "2024-05-01T25:00:00Z",
            "2024-05-01T10:00:00+0900",
            "あ",
            "",
        ] {
            assert_eq!(of(bad), None, "{bad}");
        }
    }

    #[test]
    fn spans() {
        let of = |text: &str| effective(&parse(text.as_bytes()).unwrap()).map(|span| span.map(|s| (s.from, s.to)));
        assert_eq!(of("{}"), Ok(None));
        assert_eq!(of(r#"{"effectiveDateTime":"2024-05-01"}"#), Ok(Some((0, DAY))));
        assert_eq!(of(r#"{"effectiveDateTime":"2024-05-01T00:10:00+09:00"}"#), Ok(Some((600, 600))));
        assert_eq!(of(r#"{"effectivePeriod":{"start":"2024-05-01","end":"2024-05-01"}}"#), Ok(Some((0, DAY))));
        assert_eq!(of(r#"{"effectivePeriod":{"start":"2024-05-02","end":"2024-05-01"}}"#), Err(()));
        assert_eq!(of(r#"{"effectivePeriod":{}}"#), Err(()));
        assert_eq!(of(r#"{"effectiveTiming":{}}"#), Err(()));
        let night = parse(br#"{"start":"2024-05-01T23:00:00+09:00","end":"2024-05-02T06:30:00+09:00"}"#).unwrap();
        let night = period(&night).unwrap();
        assert_eq!((night.to - night.from, night.last - night.day), (27_000, 1));
        assert_eq!((night.at_last().from, night.at_last().to), (-3_600, 23_400));
        assert!(night.within_a_day());
    }

    proptest! {
        #[test]
        fn total(text in "\\PC{0,30}", clock in "[0-9:.TZ+ -]{0,20}") {
            let _ = (moment(&text), moment(&format!("2024-05-01{clock}")));
        }
    }
}
