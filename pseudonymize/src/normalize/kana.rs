//! Readings of names: full-width katakana, one spelling.

use super::text::{fold, is_dot, is_junk, is_stroke, katakana, large};

/// Half-width, hiragana and full-width readings as one katakana text without spaces and dots; small letters become
/// large; every stroke (ー ｰ - － − ‐ ― 一) is the long-vowel mark; ヂヅヲヰヱ become ジズオイエ, as their sound is.
/// `None` if anything but kana is left, if there are fewer than two letters, or if it is a word for "no value".
pub fn kana(raw: &str) -> Option<String> {
    whole(&fold(raw))
}

/// The given name of a reading that is written as surname, space, given name. `None` if the parts aren't two: a
/// wrong split would give two people one name, or one person two.
pub fn given_name(raw: &str) -> Option<String> {
    readings(raw).1
}

/// [`kana`] and [`given_name`] of one text.
pub(super) fn readings(raw: &str) -> (Option<String>, Option<String>) {
    let folded = fold(raw);
    let reading = whole(&folded);
    // Junk is refused with the whole reading.
    let given = reading.as_ref().and_then(|_| given(&folded));
    (reading, given)
}

fn whole(folded: &str) -> Option<String> {
    let mut out = String::with_capacity(folded.len());
    let mut letters = 0_usize;
    for c in folded.chars() {
        if c.is_whitespace() || is_dot(c) {
            continue;
        }
        let c = letter(c)?;
        // A reading can't start with a long vowel: a stroke there is a bullet or a filler.
        if c == 'ー' && out.is_empty() {
            return None;
        }
        letters += 1;
        out.push(c);
    }
    (letters >= 2 && !is_junk(&out)).then_some(out)
}

fn given(folded: &str) -> Option<String> {
    let mut parts = folded.split_whitespace();
    let (_, given) = (parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    let mut out = String::with_capacity(given.len());
    for c in given.chars().filter(|c| !is_dot(*c)) {
        out.push(letter(c)?);
    }
    // One letter is a legal given name (ヰ, ト), two are usual.
    (!out.is_empty() && !is_junk(&out)).then_some(out)
}

fn letter(c: char) -> Option<char> {
    if is_stroke(c) || c == '一' {
        return Some('ー');
    }
    match large(katakana(c)) {
        'ヂ' => Some('ジ'),
        'ヅ' => Some('ズ'),
        'ヲ' => Some('オ'),
        'ヰ' => Some('イ'),
        'ヱ' => Some('エ'),
        k @ 'ア'..='ヴ' => Some(k),
        _ => None,
    }
}
