//! The quick way of folding what most fields are made of: kanji, kana in both widths, printable ASCII in both. Not NFKC: what it
//! does not know at once, it leaves to that.

use super::text::{is_simple, simple};

/// Half-width forms from U+FF61 to U+FF9D, as NFKC has them.
const FORMS: [char; 61] = [
    '。', '「', '」', '、', '・', 'ヲ', 'ァ', 'ィ', 'ゥ', 'ェ', 'ォ', 'ャ', 'ュ', 'ョ', 'ッ', 'ー', 'ア', 'イ', 'ウ',
    'エ', 'オ', 'カ', 'キ', 'ク', 'ケ', 'コ', 'サ', 'シ', 'ス', 'セ', 'ソ', 'タ', 'チ', 'ツ', 'テ', 'ト', 'ナ', 'ニ',
    'ヌ', 'ネ', 'ノ', 'ハ', 'ヒ', 'フ', 'ヘ', 'ホ', 'マ', 'ミ', 'ム', 'メ', 'モ', 'ヤ', 'ユ', 'ヨ', 'ラ', 'リ', 'ル',
    'レ', 'ロ', 'ワ', 'ン',
];

/// [`super::text::fold`], if the text has only such characters, and marks only behind katakana that take them.
pub(super) fn folded(raw: &str) -> Option<String> {
    let mut out = String::with_capacity(raw.len());
    let mut last = None;
    for c in raw.chars() {
        let c = match c {
            c if is_simple(c) => simple(c),
            '\u{FF61}'..='\u{FF9D}' => *FORMS.get((u32::from(c) - 0xFF61) as usize)?,
            '\u{FF9E}' => {
                let voiced = voiced(last?)?;
                out.pop();
                voiced
            }
            '\u{FF9F}' => {
                let voiced = half_voiced(last?)?;
                out.pop();
                voiced
            }
            _ => return None,
        };
        out.push(c);
        last = Some(c);
    }
    Some(out)
}

/// With dakuten: what follows in the code table, but for vowels and ワ.
fn voiced(c: char) -> Option<char> {
    match c {
        'カ' | 'キ' | 'ク' | 'ケ' | 'コ' | 'サ' | 'シ' | 'ス' | 'セ' | 'ソ' | 'タ' | 'チ' | 'ツ' | 'テ' | 'ト'
        | 'ハ' | 'ヒ' | 'フ' | 'ヘ' | 'ホ' => char::from_u32(u32::from(c) + 1),
        'ウ' => Some('ヴ'),
        'ワ' => Some('ヷ'),
        'ヲ' => Some('ヺ'),
        _ => None,
    }
}

/// With handakuten.
fn half_voiced(c: char) -> Option<char> {
    match c {
        'ハ' | 'ヒ' | 'フ' | 'ヘ' | 'ホ' => char::from_u32(u32::from(c) + 2),
        _ => None,
    }
}
