//! Numbers of insurance, postcodes and sex.

use std::borrow::Cow;

use super::text::{fold, is_dot, is_hyphen, is_junk, is_stroke, katakana};

/// 保険者番号: digits, padded with zeros to eight (receipts pad with spaces, checkup files with zeros).
pub fn insurer(raw: &str) -> Option<String> {
    let digits = digits(raw)?;
    (digits.len() <= 8 && !is_filler(&digits)).then(|| padded(digits, 8))
}

/// 記号: see [`member`]; 記号 may be kanji or kana.
pub fn symbol(raw: &str) -> Option<String> {
    symbol_of(raw).map(Cow::into_owned)
}

/// [`symbol`], of the text itself where it is in that form already.
pub(crate) fn symbol_of(raw: &str) -> Option<Cow<'_, str>> {
    let text = compact(raw);
    (!is_junk_number(&text)).then(|| without_leading_zeros(text))
}

/// 番号: NFKC, no spaces, every stroke and dot one hyphen, Latin upper case; leading zeros go where all is digits,
/// because some files keep them and some don't. `None` for zeros, nines, counting sequences and words for "no value".
pub fn member(raw: &str) -> Option<String> {
    symbol(raw)
}

/// 枝番 as two digits. 00 is a real one (the insured person at 協会けんぽ and others).
pub fn branch(raw: &str) -> Option<String> {
    let digits = digits(raw)?;
    (digits.len() <= 2).then(|| padded(digits, 2))
}

/// With zeros before it.
fn padded(digits: String, length: usize) -> String {
    if digits.len() >= length { digits } else { format!("{digits:0>length$}") }
}

/// An individual insured number: letters and digits only, at least six.
pub fn individual(raw: &str) -> Option<String> {
    let text: String = compact(raw).chars().filter(|c| *c != '-').collect();
    let usable = text.len() >= 6 && text.bytes().all(|b| b.is_ascii_alphanumeric());
    (usable && !is_junk_number(&text)).then_some(text)
}

/// A postcode: all seven digits if they are there, and the first three.
pub fn postcode(raw: &str) -> (Option<String>, Option<String>) {
    let text: String = fold(raw).chars().filter(|c| !(c.is_whitespace() || is_stroke(*c) || *c == '〒')).collect();
    let known = matches!(text.len(), 3 | 5 | 7)
        && text.bytes().all(|b| b.is_ascii_digit())
        && !text.starts_with("000")
        && !is_filler(&text);
    if !known {
        return (None, None);
    }
    let area = text.get(..3).map(str::to_owned);
    ((text.len() == 7).then_some(text), area)
}

/// 1 male, 2 female (JIS X 0303 / ISO 5218 digits, and words).
pub fn sex(raw: &str) -> Option<u8> {
    match fold(raw).trim() {
        "1" | "01" | "男" | "男性" | "M" | "MALE" | "オトコ" => Some(1),
        "2" | "02" | "女" | "女性" | "F" | "FEMALE" | "オンナ" => Some(2),
        _ => None,
    }
}

/// Only digits, spaces dropped; `None` if there are none or anything else.
fn digits(raw: &str) -> Option<String> {
    if !raw.is_empty() && raw.bytes().all(|b| b.is_ascii_digit()) {
        return Some(raw.to_owned());
    }
    let text: String = fold(raw).chars().filter(|c| !c.is_whitespace()).collect();
    (!text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())).then_some(text)
}

/// ASCII letters and digits, and the signs in names of receipts.
const PLAIN: u128 = {
    let (mut plain, mut byte) = (0, 0_u8);
    while byte < 128 {
        if byte.is_ascii_alphanumeric() || byte == b':' || byte == b'@' {
            plain |= 1 << byte;
        }
        byte += 1;
    }
    plain
};

fn compact(raw: &str) -> Cow<'_, str> {
    // Most numbers and all names of receipts: nothing in them is a stroke, a dot or a space, and folding is upper case.
    let plain = |b: u8| b < 128 && PLAIN >> b & 1 == 1;
    if raw.bytes().all(plain) {
        let lower = raw.bytes().any(|b| b.is_ascii_lowercase());
        return if lower { Cow::Owned(raw.to_ascii_uppercase()) } else { Cow::Borrowed(raw) };
    }
    let folded = fold(raw);
    if folded.bytes().all(plain) {
        return folded;
    }
    let mut out = String::with_capacity(raw.len());
    for c in folded.chars().filter(|c| !c.is_whitespace()) {
        let c = if is_hyphen(c) || is_dot(c) { '-' } else { c };
        // ー is a stroke where no kana stands before it (１２ー３), a letter otherwise (サービス).
        let c = match c {
            'ー' if !out.ends_with(|p: char| matches!(p, 'ぁ'..='ヿ')) => '-',
            c => c,
        };
        if c != '-' || !out.ends_with('-') {
            out.push(c);
        }
    }
    Cow::Owned(out.trim_matches('-').to_owned())
}

fn without_leading_zeros(text: Cow<'_, str>) -> Cow<'_, str> {
    if !text.starts_with('0') || !text.bytes().all(|b| b.is_ascii_digit()) {
        return text;
    }
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.trim_start_matches('0')),
        Cow::Owned(text) => Cow::Owned(text.trim_start_matches('0').to_owned()),
    }
}

/// All zeros, or four nines and more.
fn is_filler(digits: &str) -> bool {
    digits.bytes().all(|b| b == b'0') || (digits.len() >= 4 && digits.bytes().all(|b| b == b'9'))
}

fn is_junk_number(text: &str) -> bool {
    if text.is_empty() {
        return true;
    }
    if !text.bytes().all(|b| b.is_ascii_digit() || b == b'-') {
        return if text.is_ascii() { is_junk(text) } else { is_junk(&text.chars().map(katakana).collect::<String>()) };
    }
    let digits: Cow<'_, str> = match text.contains('-') {
        true => text.chars().filter(char::is_ascii_digit).collect(),
        false => text.into(),
    };
    is_filler(&digits) || (digits.len() >= 6 && "01234567890".contains(digits.as_ref()))
}
