//! Numbers and dates as bytes: no allocation, no floating point, total on any input.
//!
//! Not a calendar library: it turns what the formats write (YYYYMMDD, YYYYMM, GYYMMDD, GYYMM, and dates with
//! separators in CSV) into days since 1970-01-01. Era offsets: 記録条件仕様, table 4 (deleted there, still in old files).

/// An exact decimal in units of 10^-digits, half away from zero beyond them; `None` if it is not a plain decimal
/// or has more than 18 digits.
#[inline]
pub(super) fn decimal(text: &[u8], digits: u8) -> Option<i64> {
    let text = text.trim_ascii();
    let (negative, body) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    };
    if body.is_empty() || body.len() > 40 {
        return None;
    }
    let mut value: i64 = 0;
    let mut seen = false;
    let mut fraction: Option<u8> = None;
    let mut round = false;
    for &byte in body {
        match byte {
            b'0'..=b'9' => {
                seen = true;
                let digit = i64::from(byte - b'0');
                match &mut fraction {
                    Some(places) if *places >= digits => {
                        if *places == digits {
                            round = digit >= 5;
                        }
                        *places = places.saturating_add(1);
                        continue;
                    }
                    Some(places) => *places += 1,
                    None => {}
                }
                value = value.checked_mul(10)?.checked_add(digit)?;
            }
            b'.' if fraction.is_none() => fraction = Some(0),
            _ => return None,
        }
    }
    if !seen {
        return None;
    }
    for _ in fraction.unwrap_or(0)..digits {
        value = value.checked_mul(10)?;
    }
    if round {
        value = value.checked_add(1)?;
    }
    if value > 999_999_999_999_999_999 {
        return None;
    }
    Some(if negative { -value } else { value })
}

/// A non-negative whole number.
#[inline]
pub(super) fn whole(text: &[u8]) -> Option<i64> {
    let text = text.trim_ascii();
    if text.is_empty() || text.len() > 18 {
        return None;
    }
    // Eighteen digits overflow nothing.
    text.iter().try_fold(0_i64, |value, byte| match byte {
        b'0'..=b'9' => Some(value.wrapping_mul(10).wrapping_add(i64::from(byte - b'0'))),
        _ => None,
    })
}

fn digits(text: &[u8]) -> Option<i32> {
    if text.is_empty() || text.len() > 8 {
        return None;
    }
    whole(text).and_then(|value| i32::try_from(value).ok())
}

/// Days since 1970-01-01 of a proleptic Gregorian date; `None` unless 1868 ≤ year ≤ 2199 and the day exists.
pub(super) fn civil(year: i32, month: i32, day: i32) -> Option<i32> {
    if !(1868..=2199).contains(&year) || !(1..=12).contains(&month) || !(1..=month_length(year, month)).contains(&day) {
        return None;
    }
    // Hinnant, chrono-compatible low-level date algorithms: days_from_civil.
    let y = if month <= 2 { year - 1 } else { year };
    let era = y.div_euclid(400);
    let of_era = y.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    Some(era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468)
}

fn month_length(year: i32, month: i32) -> i32 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

/// A month of the calendar, so that day columns can be turned into dates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Month {
    year: i32,
    month: i32,
}

impl Month {
    pub(super) fn day(self, day: i32) -> Option<i32> {
        civil(self.year, self.month, day)
    }

    /// A date in this month's year, or the year before if that would lie after the month (prescriptions of December).
    pub(super) fn same_year(self, month: i32, day: i32) -> Option<i32> {
        let year = if month > self.month { self.year - 1 } else { self.year };
        civil(year, month, day)
    }

    pub(super) fn first(self) -> i32 {
        self.day(1).unwrap_or(0)
    }

    pub(super) fn last(self) -> i32 {
        self.day(month_length(self.year, self.month)).unwrap_or(0)
    }
}

fn era(letter: u8) -> Option<i32> {
    match letter {
        b'1' => Some(1867),
        b'2' => Some(1911),
        b'3' => Some(1925),
        b'4' => Some(1988),
        b'5' => Some(2018),
        _ => None,
    }
}

/// 診療年月 and the like: YYYYMM or GYYMM, told apart by length.
pub(super) fn month(text: &[u8]) -> Option<Month> {
    let text = text.trim_ascii();
    let (year, month) = match text {
        [_, _, _, _, m @ ..] if text.len() == 6 => (digits(text.get(..4)?)?, digits(m)?),
        [g, y1, y2, m @ ..] if text.len() == 5 => {
            let year = digits(&[*y1, *y2])?;
            if year == 0 {
                return None;
            }
            (era(*g)? + year, digits(m)?)
        }
        _ => return None,
    };
    civil(year, month, 1).map(|_| Month { year, month })
}

/// A date of a claim or checkup: YYYYMMDD or GYYMMDD, told apart by length.
pub(super) fn day(text: &[u8]) -> Option<i32> {
    let text = text.trim_ascii();
    match text.len() {
        8 => civil(digits(text.get(..4)?)?, digits(text.get(4..6)?)?, digits(text.get(6..8)?)?),
        7 => {
            let year = digits(text.get(1..3)?)?;
            if year == 0 {
                return None;
            }
            civil(era(*text.first()?)? + year, digits(text.get(3..5)?)?, digits(text.get(5..7)?)?)
        }
        _ => None,
    }
}

/// A date of a spreadsheet: as [`day`], or with `-`, `/` or `.` between year, month and day; a time after it is ignored.
pub(super) fn loose_day(text: &[u8]) -> Option<i32> {
    let text = text.trim_ascii();
    if text.iter().all(u8::is_ascii_digit) {
        return day(text);
    }
    let date = text.split(|byte| matches!(byte, b' ' | b'T')).next().unwrap_or(text);
    let mut parts = date.split(|byte| matches!(byte, b'-' | b'/' | b'.'));
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() || year.len() != 4 || month.len() > 2 || day.len() > 2 {
        return None;
    }
    civil(digits(year)?, digits(month)?, digits(day)?)
}

/// Whether a spreadsheet means "no end" (9999-12-31, 99999999 and the like).
pub(super) fn endless(text: &[u8]) -> bool {
    text.trim_ascii().starts_with(b"9999")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn decimals_are_exact() {
        assert_eq!(decimal(b"12.345", 3), Some(12_345));
        assert_eq!(decimal(b"5.25", 1), Some(53));
        assert_eq!(decimal(b"5.24999", 1), Some(52));
        assert_eq!(decimal(b"-5.25", 1), Some(-53));
        assert_eq!(decimal(b" 7 ", 2), Some(700));
        assert_eq!(decimal(b".5", 1), Some(5));
        for bad in [&b""[..], b".", b"-", b"1e5", b"1,000", b"1.2.3", b"1234567890123456789012345678901"] {
            assert_eq!(decimal(bad, 1), None);
        }
    }

    #[test]
    fn eras_by_length() {
        assert_eq!(day(b"5060401"), day(b"20240401"));
        assert_eq!(day(b"3640107"), day(b"19890107"));
        assert_eq!(month(b"50604"), month(b"202404"));
        assert_eq!(day(b"99991399"), None);
        assert_eq!(day(b"20230229"), None);
        assert_eq!(day(b"5000101"), None);
        assert_eq!(loose_day(b"2024/4/1"), day(b"20240401"));
        assert_eq!(loose_day(b"2024-04-01 12:00"), day(b"20240401"));
        assert_eq!(loose_day(b"2024-04"), None);
        assert_eq!(month(b"202402").unwrap().last(), day(b"20240229").unwrap());
        assert!(endless(b"9999-12-31") && !endless(b"20991231"));
    }

    proptest! {
        #[test]
        fn agrees_with_jiff(year in 1868_i16..=2199, month in 0_i8..=13, day in 0_i8..=32) {
            let ours = civil(i32::from(year), i32::from(month), i32::from(day));
            let theirs = jiff::civil::Date::new(year, month, day).ok().map(|date| {
                let epoch = jiff::civil::date(1970, 1, 1);
                (date - epoch).get_days()
            });
            prop_assert_eq!(ours, theirs);
        }

        #[test]
        fn total(bytes in proptest::collection::vec(any::<u8>(), 0..40), places in 0_u8..6) {
            let _ = (decimal(&bytes, places), whole(&bytes), day(&bytes), month(&bytes), loose_day(&bytes));
        }
    }
}
