//! The attributes of one `Record` and its times. Not its meaning: that is `types`'s.

use std::borrow::Cow;

use crate::read::number;

/// Attributes of a record as they stand in the tag; those that are not here are never looked at.
#[derive(Default, Clone, Copy)]
pub(super) struct Record<'a> {
    pub(super) kind: &'a str,
    pub(super) source: &'a str,
    pub(super) device: &'a str,
    pub(super) unit: &'a str,
    pub(super) start: &'a str,
    pub(super) end: &'a str,
    pub(super) value: &'a str,
}

/// The attributes after a tag's name, one by one.
pub(super) struct Attributes<'a>(pub(super) &'a str);

impl<'a> Attributes<'a> {
    /// The next key and value; `Err` if what follows is no attribute.
    pub(super) fn next(&mut self) -> Result<Option<(&'a str, &'a str)>, ()> {
        let rest = self.0.trim_ascii_start();
        if rest.is_empty() {
            return Ok(None);
        }
        let bytes = rest.as_bytes();
        let equals = memchr::memchr(b'=', bytes).ok_or(())?;
        let after = bytes.get(equals + 1..).unwrap_or(&[]);
        let open = equals + 1 + (after.len() - after.trim_ascii_start().len());
        let quote = bytes.get(open).filter(|byte| matches!(byte, b'"' | b'\'')).ok_or(())?;
        let value = rest.get(open + 1..).ok_or(())?;
        let close = memchr::memchr(*quote, value.as_bytes()).ok_or(())?;
        self.0 = value.get(close + 1..).unwrap_or("");
        let key = rest.get(..equals).unwrap_or("").trim_ascii_end();
        Ok(Some((key, value.get(..close).unwrap_or(""))))
    }
}

impl<'a> Record<'a> {
    /// Takes one attribute.
    pub(super) fn set(&mut self, key: &str, value: &'a str) {
        match key {
            "type" => self.kind = value,
            "sourceName" => self.source = value,
            "device" => self.device = value,
            "unit" => self.unit = value,
            "startDate" => self.start = value,
            "endDate" => self.end = value,
            "value" => self.value = value,
            _ => {}
        }
    }
}

/// The text with its references resolved; `None` if one is none of XML's five nor a character reference.
pub(super) fn resolved(text: &str) -> Option<Cow<'_, str>> {
    if text.contains('&') { quick_xml::escape::unescape(text).ok() } else { Some(Cow::Borrowed(text)) }
}

/// A time as the clock on the wall showed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    /// Seconds since 1970-01-01 by that clock.
    pub(super) local: i64,
    /// Seconds since 1970-01-01 UTC.
    pub(super) instant: i64,
}

pub(super) const DAY: i64 = 86_400;

impl Stamp {
    /// `2024-05-01 23:10:00 +0900`, fields at fixed places; `T` between and a colon in the offset are taken too.
    pub(super) fn of(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        let two = |at: usize| match bytes.get(at..at + 2) {
            Some(&[a @ b'0'..=b'9', b @ b'0'..=b'9']) => Some(i32::from(a - b'0') * 10 + i32::from(b - b'0')),
            _ => None,
        };
        let sign = |at: usize, allowed: &[u8]| bytes.get(at).filter(|byte| allowed.contains(byte)).copied();
        let date = number::civil(two(0)? * 100 + two(2)?, two(5)?, two(8)?)?;
        let (hour, minute, second) = (two(11)?, two(14)?, two(17)?);
        if hour > 23 || minute > 59 || second > 60 {
            return None;
        }
        sign(4, b"-")?;
        sign(7, b"-")?;
        sign(10, b" T")?;
        sign(13, b":")?;
        sign(16, b":")?;
        let local = i64::from(date) * DAY + i64::from(hour * 3_600 + minute * 60 + second);
        let zone = bytes.get(19..)?.trim_ascii_start();
        let offset = match *zone {
            [b'Z'] => 0,
            [sign @ (b'+' | b'-'), ref digits @ ..] => {
                let (h1, h2, m1, m2) = match *digits {
                    [h1, h2, m1, m2] | [h1, h2, b':', m1, m2] => (h1, h2, m1, m2),
                    _ => return None,
                };
                if ![h1, h2, m1, m2].iter().all(u8::is_ascii_digit) {
                    return None;
                }
                let number = |a: u8, b: u8| i64::from(a - b'0') * 10 + i64::from(b - b'0');
                let seconds = number(h1, h2) * 3_600 + number(m1, m2) * 60;
                if seconds > 18 * 3_600 {
                    return None;
                }
                if sign == b'-' { -seconds } else { seconds }
            }
            _ => return None,
        };
        Some(Self { local, instant: local - offset })
    }

    /// The local day.
    pub(super) fn day(self) -> i32 {
        i32::try_from(self.local.div_euclid(DAY)).unwrap_or(i32::MAX)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn times() {
        let stamp = Stamp::of("2024-05-01 23:10:05 +0900").unwrap();
        assert_eq!(stamp.day(), number::day(b"20240501").unwrap());
        assert_eq!(stamp.local - stamp.instant, 9 * 3_600);
        assert_eq!(stamp.local.rem_euclid(DAY), 23 * 3_600 + 10 * 60 + 5);
        assert_eq!(Stamp::of("2024-05-01T14:10:05Z").unwrap().instant, stamp.instant);
        assert_eq!(Stamp::of("2024-05-01 04:40:05 -09:30").unwrap().instant, stamp.instant);
        for bad in [
            "",
            "2024-05-01",
            "2024-05-01 23:10:05",
            "99991399 23:10:05 +0900",
            "9999-13-99 23:10:05 +0900",
            "2024-02-30 23:10:05 +0900",
            "2024-05-01 24:10:05 +0900",
            "2024-05-01 23:10:05 +9900",
            "2024-05-01 23:10:05 +090",
            "2024/05/01 23:10:05 +0900",
            "1714576205123456789012345678901",
        ] {
            assert_eq!(Stamp::of(bad), None, "{bad}");
        }
    }

    #[test]
    fn attributes() {
        let all = |text: &'static str| {
            let (mut record, mut attributes) = (Record::default(), Attributes(text));
            while let Some((key, value)) = attributes.next()? {
                record.set(key, value);
            }
            Ok::<_, ()>(record)
        };
        let record = all(" type = 'a\"b' x=\"1\"  unit=\"mmol&lt;180>/L\" value=\"5\"").unwrap();
        assert_eq!((record.kind, record.value), ("a\"b", "5"));
        assert_eq!(resolved(record.unit).as_deref(), Some("mmol<180>/L"));
        assert_eq!(resolved("&lol;"), None);
        assert!([" type", " type=a", " a=\"b", " a=", "="].into_iter().all(|text| all(text).is_err()));
    }

    proptest! {
        #[test]
        fn total(text in "\\PC{0,60}") {
            let _ = (Stamp::of(&text), resolved(&text));
            let mut attributes = Attributes(&text);
            while let Ok(Some(_)) = attributes.next() {}
        }
    }
}
