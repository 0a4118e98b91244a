//! Forms of an event's fields, and how an error calls them. They keep names and values out of fields that have a form.

pub(super) const HEX: &str = "lower-case hex of 8 to 64 bytes";
pub(super) const DECIMAL: &str = "a decimal number like 0.5";
pub(super) const CODE: &str = "1 to 64 of a-z, 0-9, '.', '_' and '-'";
pub(super) const NAME: &str = "1 to 256 bytes without control characters";
pub(super) const NOTE: &str = "a signed note";
pub(super) const SLOT: &str = "RFC 3339, like 2026-04-01T09:00:00Z";

pub(super) fn is_hex(text: &str) -> bool {
    (16..=128).contains(&text.len())
        && text.len().is_multiple_of(2)
        && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

pub(super) fn is_decimal(text: &str) -> bool {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    text.len() <= 64 && digits(whole) && digits(fraction)
}

pub(super) fn is_code(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-'))
}

pub(super) fn is_name(text: &str) -> bool {
    (1..=256).contains(&text.len()) && !text.chars().any(char::is_control)
}

pub(super) fn is_note(text: &str) -> bool {
    crate::note::parse(text).is_ok()
}

/// RFC 3339 `date-time`, leap second allowed.
pub(super) fn is_rfc3339(text: &str) -> bool {
    let bytes = text.as_bytes();
    let Some((head, rest)) = bytes.split_first_chunk::<19>() else {
        return false;
    };
    let rest = match rest.split_first() {
        Some((b'.', fraction)) => {
            let digits = fraction.iter().take_while(|b| b.is_ascii_digit()).count();
            if digits == 0 {
                return false;
            }
            fraction.get(digits..).unwrap_or_default()
        }
        _ => rest,
    };
    let within = |bytes: &[u8], from: usize, low: u32, high: u32| {
        number(bytes, from, 2).is_some_and(|n| (low..=high).contains(&n))
    };
    let marks = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':')];
    let (Some(year), Some(month), Some(day)) = (number(head, 0, 4), number(head, 5, 2), number(head, 8, 2)) else {
        return false;
    };
    let days = match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    };
    marks.iter().all(|(at, mark)| head.get(*at) == Some(mark))
        && (1..=12).contains(&month)
        && (1..=days).contains(&day)
        && within(head, 11, 0, 23)
        && within(head, 14, 0, 59)
        && within(head, 17, 0, 60)
        && match rest {
            [b'Z'] => true,
            [b'+' | b'-', _, _, b':', _, _] => within(rest, 1, 0, 23) && within(rest, 4, 0, 59),
            _ => false,
        }
}

fn number(bytes: &[u8], from: usize, digits: usize) -> Option<u32> {
    let digits = bytes.get(from..from.checked_add(digits)?)?;
    if !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(digits.iter().fold(0, |n, b| n * 10 + u32::from(b - b'0')))
}
