//! What all text fields share: compatibility folding, hyphens, spaces, words that mean "no value".

use std::borrow::Cow;

use super::half;
use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfkc_quick};

/// Words that files write where a value is missing, in the form that [`fold`] and [`katakana`] give them.
/// Latin ones are upper case. Seen in eligibility lists, checkup files and service rosters.
const NO_VALUE: [&str; 32] = [
    "不明",
    "不詳",
    "未詳",
    "未記入",
    "未入力",
    "未設定",
    "未登録",
    "未定",
    "氏名不明",
    "該当ナシ",
    "該当者ナシ",
    "無",
    "無シ",
    "ナシ",
    "フメイ",
    "シメイフメイ",
    "ミトウロク",
    "ミニユウリヨク",
    "匿名",
    "トクメイ",
    "氏名",
    "カナ氏名",
    "テスト",
    "ダミー",
    "サンプル",
    "NULL",
    "NONE",
    "NA",
    "N/A",
    "UNKNOWN",
    "TEST",
    "DUMMY",
];

/// Bytes of the longest of them.
const LONGEST: usize = 21;

/// NFKC, with what NFKC leaves alone and files vary in: variation selectors, zero-width and control characters are
/// removed, stand-alone (semi-)voiced marks become combining ones (カ゛ → ガ), Latin letters become upper case.
pub(super) fn fold(raw: &str) -> Cow<'_, str> {
    if raw.is_ascii() {
        let clean = !raw.bytes().any(|b| b.is_ascii_lowercase() || b.is_ascii_control());
        return if clean {
            Cow::Borrowed(raw)
        } else {
            Cow::Owned(raw.chars().filter(|c| !c.is_control()).map(|c| c.to_ascii_uppercase()).collect())
        };
    }
    if let Some(folded) = half::folded(raw) {
        return Cow::Owned(folded);
    }
    let plain = |c: char| !droppable(c) && !matches!(c, '\u{309B}' | '\u{309C}' | 'a'..='z');
    if raw.chars().all(plain) && is_nfkc_quick(raw.chars()) == IsNormalized::Yes {
        return Cow::Borrowed(raw);
    }
    Cow::Owned(long(raw))
}

/// [`fold`] of any text.
fn long(raw: &str) -> String {
    raw.chars()
        .filter(|c| !droppable(*c))
        .map(|c| match c {
            '\u{309B}' => '\u{3099}',
            '\u{309C}' => '\u{309A}',
            other => other,
        })
        .nfkc()
        .map(|c| c.to_ascii_uppercase())
        .collect()
}

/// What most fields are made of, and NFKC treats one by one: kanji, full-width kana without stand-alone marks,
/// printable ASCII in both widths, the ideographic space.
pub(super) fn is_simple(c: char) -> bool {
    matches!(c, ' '..='~' | '\u{3000}' | 'ぁ'..='ゖ' | 'ァ'..='ー' | '\u{4E00}'..='\u{9FFF}' | '！'..='～')
}

/// [`fold`] of such a character.
pub(super) fn simple(c: char) -> char {
    match c {
        '\u{3000}' => ' ',
        '！'..='～' => char::from_u32(u32::from(c) - 0xFEE0).unwrap_or(c).to_ascii_uppercase(),
        _ => c.to_ascii_uppercase(),
    }
}

/// Characters without a meaning of their own: controls, zero-width marks, variation selectors (U+FE00.. and, for
/// ideographs, U+E0100..).
fn droppable(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{AD}' | '\u{200B}'..='\u{200F}' | '\u{2060}' | '\u{FEFF}'
            | '\u{FE00}'..='\u{FE0F}' | '\u{E0100}'..='\u{E01EF}')
}

/// Everything that is typed or printed as a horizontal stroke. CP932 0x815C is U+2015, 0x817C is U+FF0D or U+2212
/// depending on the converter; NFKC folds only U+FF0D and U+FE63.
pub(super) fn is_hyphen(c: char) -> bool {
    matches!(c, '-' | '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{2500}' | '\u{2501}' | '\u{02D7}' | '\u{2043}')
}

/// A horizontal stroke or the long-vowel mark (NFKC has made U+FF70 into U+30FC).
pub(super) fn is_stroke(c: char) -> bool {
    c == 'ー' || is_hyphen(c)
}

/// Dots that stand between the parts of a name or number.
pub(super) fn is_dot(c: char) -> bool {
    matches!(c, '・' | '\u{B7}' | '\u{2022}' | '\u{2027}' | '\u{22C5}' | '.' | ',' | '、' | '，' | '．')
}

/// Hiragana as katakana; everything else as it is.
pub(super) fn katakana(c: char) -> char {
    match c {
        'ぁ'..='ゖ' | 'ゝ' | 'ゞ' => char::from_u32(u32::from(c) + 0x60).unwrap_or(c),
        _ => c,
    }
}

/// Small katakana as large ones: ショウイチ and シヨウイチ are one reading, because old terminals had no small letters.
pub(super) fn large(c: char) -> char {
    match c {
        'ァ' => 'ア',
        'ィ' => 'イ',
        'ゥ' => 'ウ',
        'ェ' => 'エ',
        'ォ' => 'オ',
        'ッ' => 'ツ',
        'ャ' => 'ヤ',
        'ュ' => 'ユ',
        'ョ' => 'ヨ',
        'ヮ' => 'ワ',
        'ヵ' => 'カ',
        'ヶ' => 'ケ',
        _ => c,
    }
}

/// Whether a folded text says that there is no value: a word for it, or one character repeated three times and more.
pub(super) fn is_junk(text: &str) -> bool {
    let mut chars = text.chars();
    let Some(first) = chars.next() else {
        return true;
    };
    (text.len() <= LONGEST && NO_VALUE.contains(&text)) || (chars.all(|c| c == first) && text.chars().count() >= 3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_word_for_no_value_is_longer() {
        assert_eq!(NO_VALUE.iter().map(|word| word.len()).max(), Some(LONGEST));
        assert!(NO_VALUE.iter().all(|word| is_junk(word)));
    }

    proptest::proptest! {
        /// Law: whichever way is taken, the text is that of the long one.
        #[test]
        fn every_way_is_the_long_one(text in "[ -~\u{3000}ぁ-ゖ\u{3099}-\u{309e}ァ-ヾ髙山𠮷\u{FF01}-\u{FF9F}\u{FE00}]{0,8}") {
            proptest::prop_assert_eq!(fold(&text), long(&text));
        }

        #[test]
        fn half_width_kana_are_nfkc(text in "[\u{FF61}-\u{FF9F}ﾞﾟ ヲウワヰカハか]{0,8}") {
            proptest::prop_assert_eq!(fold(&text), long(&text));
        }
    }

    #[test]
    fn the_short_way_is_nfkc() {
        for c in (0..=0x10_FFFF).filter_map(char::from_u32).filter(|c| is_simple(*c)) {
            let long: String = c.to_string().nfkc().map(|c| c.to_ascii_uppercase()).collect();
            assert_eq!(simple(c).to_string(), long, "U+{:04X}", u32::from(c));
            // Nor does it compose with what may stand beside it.
            assert_eq!(unicode_normalization::char::canonical_combining_class(c), 0);
        }
    }
}
