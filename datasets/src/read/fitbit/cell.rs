//! Cells of Fitbit's CSV: numbers with thousands commas, dates and times in two styles. Total on any bytes.

use crate::read::number;

/// A number on a grid; `Ok(None)` for what stands for nothing.
pub(super) fn number(text: &[u8], digits: u8) -> Result<Option<i64>, ()> {
    if matches!(text, b"" | b"N/A" | b"n/a" | b"--" | b"-") {
        return Ok(None);
    }
    if !text.contains(&b',') {
        return number::decimal(text, digits).map(Some).ok_or(());
    }
    let whole = text.split(|&byte| byte == b'.').next().unwrap_or(text);
    let mut groups = whole.split(|&byte| byte == b',');
    let first = groups.next().map_or(0, <[u8]>::len);
    if !(1..=3).contains(&first) || groups.any(|group| group.len() != 3) {
        return Err(());
    }
    let plain: Vec<u8> = text.iter().copied().filter(|&byte| byte != b',').collect();
    number::decimal(&plain, digits).map(Some).ok_or(())
}

/// A weight in kilograms on a grid.
pub(super) fn weight(text: &[u8], pounds: bool, digits: u8) -> Result<Option<i64>, ()> {
    if !pounds {
        return number(text, digits);
    }
    const MICRO: u8 = 6;
    let Some(value) = number(text, MICRO)? else {
        return Ok(None);
    };
    let down = 100_000_000 * 10_i128.pow(u32::from(MICRO.saturating_sub(digits)));
    let kilograms = (i128::from(value) * 45_359_237 + down / 2) / down;
    i64::try_from(kilograms).map(Some).map_err(|_| ())
}

/// A date, and whether it is written the American way, `MM/DD/YY`.
pub(super) fn date(text: &[u8]) -> Option<(i32, bool)> {
    if let Some(day) = number::loose_day(text) {
        return Some((day, false));
    }
    let mut parts = text.split(|&byte| byte == b'/');
    let (month, day, year) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() || month.len() > 2 || day.len() > 2 {
        return None;
    }
    let century = match year.len() {
        2 => 2_000,
        4 => 0,
        _ => return None,
    };
    let part = |text: &[u8]| number::whole(text).and_then(|value| i32::try_from(value).ok());
    Some((number::civil(century + part(year)?, part(month)?, part(day)?)?, true))
}

/// Minutes since 1970-01-01 on the local clock: a date, and `23:22` or `11:22PM` after a space or `T`.
pub(super) fn time(text: &[u8]) -> Option<i64> {
    let cut = text.iter().position(|byte| matches!(byte, b' ' | b'T'))?;
    let (day, _) = date(text.get(..cut)?)?;
    let clock = text.get(cut + 1..)?.trim_ascii().to_ascii_uppercase();
    let (clock, half) = match clock.as_slice() {
        [rest @ .., b'A', b'M'] => (rest, Some(0)),
        [rest @ .., b'P', b'M'] => (rest, Some(12)),
        rest => (rest, None),
    };
    let mut parts = clock.trim_ascii().split(|&byte| byte == b':');
    let (hour, minute) = (number::whole(parts.next()?)?, number::whole(parts.next()?)?);
    let hour = match half {
        Some(half) if (1..=12).contains(&hour) => hour % 12 + half,
        None if hour < 24 => hour,
        _ => return None,
    };
    if minute > 59 || parts.next().is_some_and(|seconds| seconds.len() < 2) || parts.next().is_some() {
        return None;
    }
    Some(i64::from(day) * 1_440 + hour * 60 + minute)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn cells() {
        assert_eq!(number(b"12,345", 0), Ok(Some(12_345)));
        assert_eq!(number(b"1,234,567.8", 1), Ok(Some(12_345_678)));
        assert_eq!((number(b"N/A", 0), number(b"1,23", 0), number(b",123", 0)), (Ok(None), Err(()), Err(())));
        assert_eq!(number(b"1234567890123456789012345678901", 0), Err(()));
        assert_eq!((weight(b"154.3", true, 1), weight(b"70.25", false, 1)), (Ok(Some(700)), Ok(Some(703))));
        let day = number::day(b"20240502").unwrap();
        assert_eq!(date(b"2024-05-02"), Some((day, false)));
        assert_eq!((date(b"05/02/24"), date(b"5/2/2024")), (Some((day, true)), Some((day, true))));
        assert_eq!((date(b"99991399"), date(b"13/40/24"), date(b"02-05-2024")), (None, None, None));
        let at = |text: &[u8]| time(text).map(|minutes| minutes - i64::from(day) * 1_440);
        assert_eq!((at(b"2024-05-02 12:05AM"), at(b"05/02/24 12:05 pm")), (Some(5), Some(725)));
        assert_eq!((at(b"2024-05-02T06:40:00"), at(b"2024-05-02 11:22PM")), (Some(400), Some(1_402)));
        assert_eq!((at(b"2024-05-02 13:00PM"), at(b"2024-05-02 24:00"), at(b"2024-05-02")), (None, None, None));
    }

    proptest! {
        #[test]
        fn total(bytes in proptest::collection::vec(any::<u8>(), 0..30)) {
            let _ = (number(&bytes, 1), weight(&bytes, true, 1), date(&bytes), time(&bytes));
        }
    }
}
