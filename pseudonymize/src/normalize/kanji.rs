//! Names as registers write them: 異体字 folded by a table of our own, everything that is not part of the name gone.

use std::sync::LazyLock;

use polars::prelude::{InitHashMaps, PlHashMap};

use super::text::{fold, is_dot, is_hyphen, is_junk, katakana, large};

/// What a name field turned out to hold.
#[derive(Clone, PartialEq, Eq)]
pub enum Name {
    /// A name with at least one character that isn't kana.
    Written(String),
    /// Only kana: a reading.
    KanaOnly,
    /// Nothing usable: empty, a word for "no value", or a character that was lost (外字).
    Missing,
}

const TABLE: &str = include_str!("itaiji.tsv");

/// Variant → the character that stands for its family.
static ITAIJI: LazyLock<PlHashMap<char, char>> = LazyLock::new(|| {
    let mut map = PlHashMap::new();
    for family in families() {
        let mut forms = family.split('\t').filter_map(|f| f.chars().next());
        if let Some(head) = forms.next() {
            map.extend(forms.map(|form| (form, head)));
        }
    }
    map
});

fn families() -> impl Iterator<Item = &'static str> {
    TABLE.lines().filter(|l| !l.starts_with('#') && !l.is_empty())
}

/// How many families and how many variants the 異体字 table has.
pub fn itaiji_counts() -> (usize, usize) {
    (families().count(), ITAIJI.len())
}

/// The raw lines of the table, for its test.
#[cfg(test)]
pub(super) fn table() -> &'static str {
    TABLE
}

/// Normalizes a name: NFKC, selectors and spaces removed, remarks in brackets and 様/殿 removed, 々 repeated out,
/// hiragana → katakana (の/ノ), ヶ → ケ, strokes → ー, 異体字 folded.
pub fn name(raw: &str) -> Name {
    let folded = fold(raw);
    let mut out = String::with_capacity(folded.len());
    let mut count = 0_usize;
    let mut depth = 0_usize;
    let mut only_kana = true;
    let mut last = None;
    for c in folded.chars() {
        match c {
            '(' | '[' | '〔' | '【' | '〈' | '《' | '「' => {
                depth += 1;
                continue;
            }
            ')' | ']' | '〕' | '】' | '〉' | '》' | '」' => {
                depth = depth.saturating_sub(1);
                continue;
            }
            _ if depth > 0 || c.is_whitespace() || is_dot(c) => continue,
            _ => {}
        }
        let c = match c {
            '々' | '仝' | '〻' => match last {
                Some(previous) => previous,
                None => return Name::Missing,
            },
            'ヽ' | 'ゝ' => last.unwrap_or(c),
            c if is_hyphen(c) => 'ー',
            c => large(katakana(c)),
        };
        let c = ITAIJI.get(&c).copied().unwrap_or(c);
        if !is_name_letter(c) {
            return Name::Missing;
        }
        only_kana &= matches!(c, 'ァ'..='ヿ');
        last = Some(c);
        out.push(c);
        count += 1;
    }
    // 様 and 殿 close no given name; lists made for letters add them.
    for honorific in ['様', '殿'] {
        if count > 2 && out.ends_with(honorific) {
            out.pop();
            count -= 1;
        }
    }
    match (count, is_junk(&out)) {
        (0 | 1, _) | (_, true) => Name::Missing,
        _ if only_kana => Name::KanaOnly,
        _ => Name::Written(out),
    }
}

/// Letters that names are made of. What is left out are the marks for a character that a system didn't have:
/// 〓 ■ □ ● ? ＊ U+FFFD, and private-use code points, which mean something else on every machine. Digits are no names.
fn is_name_letter(c: char) -> bool {
    (matches!(c, '\u{4E00}'..='\u{9FA5}') || c.is_alphabetic() || matches!(c, 'ー' | '〆' | '\''))
        && !matches!(c, '\u{E000}'..='\u{F8FF}')
}
