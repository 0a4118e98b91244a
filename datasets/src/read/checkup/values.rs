//! What stands in the cells of a checkup CSV: numbers with their limits, signs, words and codes. Not for XML, which has
//! a place for each of these.

use std::borrow::Cow;

use super::found::{Found, State};
use super::items::{How, List, term};
use crate::read::text;

const NOT_DONE: [&str; 4] = ["未実施", "未検査", "未受診", "実施せず"];
const NOT_MEASURABLE: [&str; 5] = ["測定不能", "測定不可", "測定不可能", "検査不能", "測定困難"];

/// Takes the cell of an item. False if it says nothing.
pub(super) fn take<'a>(found: &mut Found<'a>, cell: &'a str, exam_date: i32) -> bool {
    let plain = text::narrow(cell);
    if plain.is_empty() {
        return false;
    }
    if NOT_DONE.contains(&plain.as_str()) {
        found.state = State::NotDone;
        return true;
    }
    if NOT_MEASURABLE.contains(&plain.as_str()) {
        found.state = State::NotMeasurable;
        return true;
    }
    let coded = match found.item.map(|item| item.how) {
        Some(How::Code(list)) => Some(Some((list, 0))),
        Some(How::Answer(list)) => Some(Some((list, term(list, "", exam_date)))),
        Some(How::Number(_) | How::Jds) => None,
        // The last two characters of a code say what its result is: 11 is a code.
        None => found.code.ends_with("11").then_some(None),
    };
    if let Some(list) = coded {
        found.state = State::Measured;
        let meant = list.and_then(|(list, term)| meant(list, term, &plain));
        found.answer = Some(meant.map_or(Cow::Owned(plain), Cow::Borrowed));
        return true;
    }
    let (number, state) = limit(&plain);
    if matches!(number, "" | "-" | "--" | "ー" | "―" | "−") && state == State::Measured {
        return false;
    }
    found.state = state;
    found.number = Some(Cow::Owned(number.to_owned()));
    true
}

/// A number and whether it is a limit of measurement: `<30`, `30以下`, `1000以上`.
fn limit(plain: &str) -> (&str, State) {
    for (mark, state) in [
        ("<=", State::Below),
        (">=", State::Above),
        ("<", State::Below),
        (">", State::Above),
        ("≦", State::Below),
        ("≧", State::Above),
        ("≤", State::Below),
        ("≥", State::Above),
    ] {
        if let Some(number) = plain.strip_prefix(mark) {
            return (number, state);
        }
    }
    for (mark, state) in [
        ("以下", State::Below),
        ("未満", State::Below),
        ("以上", State::Above),
        ("超過", State::Above),
        ("超", State::Above),
    ] {
        if let Some(number) = plain.strip_suffix(mark) {
            return (number, state);
        }
    }
    (plain, State::Measured)
}

/// The code of a list that a word stands for; `None` if it is a code already, or nothing known.
fn meant(list: List, term: u8, plain: &str) -> Option<&'static str> {
    if plain.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let words: &[(&str, &str)] = match (list, term) {
        (List::Urine, _) => return sign(plain),
        (List::YesNo | List::LateSnack, _) => return yes_no(plain),
        (List::Smoking, 4) => &[
            ("以前", "2"),
            ("過去", "2"),
            ("やめた", "2"),
            ("吸わない", "3"),
            ("非喫煙", "3"),
            ("吸う", "1"),
            ("喫煙", "1"),
        ],
        (List::Smoking, _) => &[
            ("以前", "2"),
            ("過去", "2"),
            ("やめた", "2"),
            ("吸わない", "2"),
            ("非喫煙", "2"),
            ("吸う", "1"),
            ("喫煙", "1"),
        ],
        (List::AlcoholFreq, 4) => &[
            ("毎日", "1"),
            ("週5", "2"),
            ("週3", "3"),
            ("週1", "4"),
            ("1日未満", "6"),
            ("月に1", "5"),
            ("月1", "5"),
            ("やめた", "7"),
            ("飲まない", "8"),
        ],
        (List::AlcoholFreq, _) => {
            &[("毎日", "1"), ("時々", "2"), ("ときどき", "2"), ("ほとんど", "3"), ("飲まない", "3")]
        }
        (List::AlcoholAmount, 4) => {
            &[("1合未満", "1"), ("5合以上", "5"), ("5合", "4"), ("3合以上", "4"), ("3合", "3"), ("2合", "2")]
        }
        (List::AlcoholAmount, _) => &[("1合未満", "1"), ("3合以上", "4"), ("3合", "3"), ("2合", "2")],
        (List::Chewing, _) => {
            &[("何でも", "1"), ("なんでも", "1"), ("ほとんど", "3"), ("にくい", "2"), ("気になる", "2")]
        }
        (List::Speed, _) => &[("速い", "1"), ("早い", "1"), ("ふつう", "2"), ("普通", "2"), ("遅い", "3")],
        (List::Snack, _) => &[("毎日", "1"), ("時々", "2"), ("ときどき", "2"), ("ほとんど", "3")],
        (List::Intent, _) => &[
            ("6か月未満", "4"),
            ("6ヶ月未満", "4"),
            ("6か月以上", "5"),
            ("6ヶ月以上", "5"),
            ("近いうち", "3"),
            ("以内", "2"),
            ("つもりはない", "1"),
            ("意志なし", "1"),
        ],
        (List::Metabo, _) => &[("非該当", "3"), ("予備群", "2"), ("不能", "4"), ("該当", "1")],
        (List::Guidance, _) => {
            &[("積極", "1"), ("動機", "2"), ("不能", "4"), ("なし", "3"), ("情報提供", "3"), ("対象外", "3")]
        }
        (List::BloodDrawn, _) => {
            &[("10時間以上", "2"), ("3.5時間以上", "3"), ("3.5時間未満", "4"), ("10時間未満", "1")]
        }
    };
    let found = words.iter().find(|(word, _)| plain.contains(word)).map(|&(_, code)| code);
    match (list, term) {
        (List::Smoking, 4) => found.or_else(|| yes_no(plain).map(|code| if code == "2" { "3" } else { code })),
        (List::Smoking, _) => found.or_else(|| yes_no(plain)),
        _ => found,
    }
}

fn yes_no(plain: &str) -> Option<&'static str> {
    match plain.to_lowercase().as_str() {
        "はい" | "有" | "有り" | "あり" | "○" | "◯" | "yes" | "y" => Some("1"),
        "いいえ" | "無" | "無し" | "なし" | "×" | "✕" | "no" | "n" => Some("2"),
        _ => None,
    }
}

/// Urine: −, ±, +, 2+, 3+ and more.
fn sign(plain: &str) -> Option<&'static str> {
    let inside = plain.trim_start_matches('(').trim_end_matches(')');
    match inside {
        "-" | "−" | "‐" | "―" | "ー" | "陰性" => Some("1"),
        "±" | "+-" | "+/-" | "+−" => Some("2"),
        "+" | "1+" | "+1" => Some("3"),
        "++" | "2+" | "+2" => Some("4"),
        "+++" | "3+" | "+3" | "++++" | "4+" | "+4" => Some("5"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;
    use crate::read::checkup::items;

    fn taken(code: &'static str, cell: &str, date: i32) -> (State, Option<String>, Option<String>) {
        let mut found = Found { code: code.into(), item: items::item(code), ..Found::default() };
        let said = take(&mut found, cell, date);
        let made = |text: Option<Cow<'_, str>>| text.map(Cow::into_owned);
        assert_eq!(said, found.state != State::Other, "{cell}");
        (found.state, made(found.number), made(found.answer))
    }

    #[test]
    fn numbers_and_limits() {
        const TG: &str = "3F015000002327101";
        for (cell, state, number) in [
            ("１２０", State::Measured, Some("120")),
            ("<30", State::Below, Some("30")),
            ("＜＝ 30", State::Below, Some("30")),
            ("30以下", State::Below, Some("30")),
            ("30未満", State::Below, Some("30")),
            ("≧1000", State::Above, Some("1000")),
            ("1000 以上", State::Above, Some("1000")),
            ("未実施", State::NotDone, None),
            ("測定不能", State::NotMeasurable, None),
            ("-", State::Other, None),
            ("", State::Other, None),
            ("高め", State::Measured, Some("高め")),
        ] {
            assert_eq!(taken(TG, cell, 0), (state, number.map(str::to_owned), None), "{cell}");
        }
        assert_eq!(taken("1A030000000190301", "1.020", 0).1.as_deref(), Some("1.020"), "an item without a column");
        assert_eq!(taken("9N056000000000011", "2", 0).2.as_deref(), Some("2"), "and a coded one");
    }

    #[test]
    fn words_and_signs() {
        let (third, fourth) = (19_000, 20_000);
        for (code, cell, date, answer) in [
            ("1A010000000191111", "(-)", 0, "1"),
            ("1A010000000191111", "（±）", 0, "2"),
            ("1A010000000191111", "＋", 0, "3"),
            ("1A010000000191111", "2+", 0, "4"),
            ("1A010000000191111", "(+++)", 0, "5"),
            ("1A010000000191111", "3", 0, "3"),
            ("9N701000000000011", "はい", third, "1"),
            ("9N701000000000011", "無", third, "2"),
            ("9N736000000000011", "いいえ", third, "2"),
            ("9N736000000000011", "いいえ", fourth, "3"),
            ("9N736000000000011", "以前は吸っていたが、最近１か月間は吸っていない", fourth, "2"),
            ("9N786000000000011", "ほとんど飲まない", third, "3"),
            ("9N786000000000011", "飲まない（飲めない）", fourth, "8"),
            ("9N786000000000011", "月に１日未満", fourth, "6"),
            ("9N791000000000011", "３～５合未満", fourth, "4"),
            ("9N791000000000011", "１～２合未満", third, "2"),
            ("9N501000000000011", "予備群該当", 0, "2"),
            ("9N501000000000011", "非該当", 0, "3"),
            ("9N501000000000011", "基準該当", 0, "1"),
            ("9N506000000000011", "動機付け支援", 0, "2"),
            ("9N141000000000011", "食後3.5時間以上10時間未満", 0, "3"),
            ("9N141000000000011", "食後10時間以上", 0, "2"),
            ("9N766000000000011", "ふつう", 0, "2"),
            ("9N801000000000011", "意志あり（6か月以内）", 0, "2"),
            ("9N701000000000011", "わからない", 0, "わからない"),
        ] {
            assert_eq!(taken(code, cell, date).2.as_deref(), Some(answer), "{code} {cell}");
        }
    }
}
