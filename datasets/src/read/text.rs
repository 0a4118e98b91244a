//! Which encoding a file is in, and its text. `encoding_rs` calls CP932 (windows-31j) SHIFT_JIS, which is what the
//! claims files are: vendors write NEC and IBM extension characters. Not normalization: that is `pseudonymize`'s.

use std::borrow::Cow;

use encoding_rs::SHIFT_JIS;

/// The encoding of a file, from its first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    Utf8,
    Cp932,
    /// ASCII as far as seen: each item is tried as UTF-8, then as CP932.
    Open,
}

/// Characters beyond ASCII that decide.
const ENOUGH: usize = 2_000;

/// The encoding and the length of the byte order mark; `None` for UTF-16.
pub(super) fn encoding(head: &[u8]) -> Option<(Encoding, usize)> {
    if head.starts_with(&[0xFF, 0xFE]) || head.starts_with(&[0xFE, 0xFF]) {
        return None;
    }
    if head.starts_with(&[0xEF, 0xBB, 0xBF]) {
        return Some((Encoding::Utf8, 3));
    }
    if head.is_ascii() {
        return Some((Encoding::Open, 0));
    }
    // A damaged byte or a character cut at the end of the head must not turn UTF-8 into CP932: the bulk decides.
    if std::str::from_utf8(head).is_ok() {
        return Some((Encoding::Utf8, 0));
    }
    let (mut whole, mut broken) = (0_usize, 0_usize);
    let mut rest = head;
    while whole + broken <= ENOUGH {
        // Not `utf8_chunks`: that goes byte by byte where all is ASCII.
        let (valid, invalid) = match std::str::from_utf8(rest) {
            Ok(_) => (rest.len(), 0),
            Err(error) => (error.valid_up_to(), error.error_len().unwrap_or(rest.len() - error.valid_up_to())),
        };
        let (text, more) = rest.split_at_checked(valid).unwrap_or((rest, &[]));
        // First bytes of characters beyond ASCII.
        whole += if text.is_ascii() { 0 } else { text.iter().filter(|byte| **byte >= 0xC0).count() };
        broken += usize::from(invalid > 0);
        rest = more.get(invalid..).unwrap_or(&[]);
        if rest.is_empty() {
            break;
        }
    }
    let utf8 = broken * 20 <= whole || broken * 20 <= whole + 20 && whole > 0;
    Some((if utf8 { Encoding::Utf8 } else { Encoding::Cp932 }, 0))
}

impl Encoding {
    /// The text, and whether characters had to be replaced.
    pub(super) fn decode(self, bytes: &[u8]) -> (Cow<'_, str>, bool) {
        if bytes.is_ascii()
            && let Ok(text) = std::str::from_utf8(bytes)
        {
            return (Cow::Borrowed(text), false);
        }
        if self != Self::Cp932 {
            match std::str::from_utf8(bytes) {
                Ok(text) => return (Cow::Borrowed(text), false),
                Err(_) if self == Self::Utf8 => return (String::from_utf8_lossy(bytes), true),
                Err(_) => {}
            }
        }
        SHIFT_JIS.decode_without_bom_handling(bytes)
    }
}

/// Trimmed (Unicode spaces, so U+3000 too) and without control characters; `None` if nothing is left.
pub(super) fn clean(text: &str) -> Option<Cow<'_, str>> {
    let text = text.trim();
    if text.is_empty() {
        return None;
    }
    if !text.chars().any(char::is_control) {
        return Some(Cow::Borrowed(text));
    }
    let kept: String = text.chars().filter(|c| !c.is_control()).collect();
    let kept = kept.trim();
    (!kept.is_empty()).then(|| Cow::Owned(kept.to_owned()))
}

/// Full-width ASCII to ASCII, spaces out: for codes and headers, not for names.
pub(super) fn narrow(text: &str) -> String {
    if text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return text.to_owned();
    }
    text.chars()
        .filter(|c| !c.is_whitespace())
        .map(|c| match c {
            '\u{FF01}'..='\u{FF5E}' => char::from_u32(u32::from(c) - 0xFEE0).unwrap_or(c),
            _ => c,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;

    #[test]
    fn extension_characters_decode() {
        let (bytes, _, lossy) = SHIFT_JIS.encode("髙橋﨑①㈱");
        assert!(!lossy);
        assert_eq!(encoding(&bytes), Some((Encoding::Cp932, 0)));
        let (text, broken) = Encoding::Cp932.decode(&bytes);
        assert_eq!((text.as_ref(), broken), ("髙橋﨑①㈱", false));
    }

    #[test]
    fn utf8_cut_inside_a_character() {
        let text = "氏名,カナ".as_bytes();
        assert_eq!(encoding(&text[..text.len() - 1]), Some((Encoding::Utf8, 0)));
        assert_eq!(encoding(b"\xEF\xBB\xBFa"), Some((Encoding::Utf8, 3)));
        assert_eq!(encoding(b"\xFF\xFEa\0"), None);
        assert_eq!(encoding(b"abc"), Some((Encoding::Open, 0)));
    }

    #[test]
    fn cleaning() {
        assert_eq!(clean(" \u{3000}山田\u{3000}花子 ").as_deref(), Some("山田\u{3000}花子"));
        assert_eq!(clean("\u{3000}"), None);
        assert_eq!(clean("a\u{1f}b").as_deref(), Some("ab"));
        assert_eq!(narrow("１２ ３Ａ"), "123A");
    }
}
