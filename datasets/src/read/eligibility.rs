//! 加入者台帳: every insured member, with or without claims, once per spell of coverage. One row is one enrolment.

use std::borrow::Cow;
use std::io::BufRead;

use super::desk::{Desk, Into};
use super::error::ReadError;
use super::frame::Value;
use super::header::{self, Fate, Row};
use super::identity::Tuple;
use super::number;
use super::report::Kind;
use super::text::{Encoding, narrow};

const INSURER: usize = 0;
const SYMBOL: usize = 1;
const NUMBER: usize = 2;
const BRANCH: usize = 3;
const NAME: usize = 4;
const KANA: usize = 5;
const BIRTH: usize = 6;
const SEX: usize = 7;
const RELATION: usize = 8;
const START: usize = 9;
const END: usize = 10;
const REASON: usize = 11;
const WORKPLACE: usize = 12;
const SIZE: usize = 13;
const INDUSTRY: usize = 14;
const POSTCODE: usize = 15;

pub(super) fn read<R: BufRead>(desk: &mut Desk<'_>, file: &str, encoding: Encoding, input: R) -> Result<(), ReadError> {
    let kind = Kind::Eligibility;
    header::rows(desk, kind, header::ELIGIBILITY, file, encoding, input, &mut member)
}

fn member(desk: &mut Desk<'_>, row: &Row<'_>) -> Result<Fate, ReadError> {
    let Some(start) = number::loose_day(row.bytes(START)) else {
        return Ok(Fate::Malformed("start-date"));
    };
    let end = row.bytes(END);
    let end = if end.is_empty() {
        None
    } else if number::endless(end) {
        desk.tally.repaired(Kind::Eligibility, "end-date-9999");
        None
    } else {
        match number::loose_day(end) {
            Some(end) => Some(end),
            None => return Ok(Fate::Malformed("end-date")),
        }
    };
    if end.is_some_and(|end| end < start) {
        return Ok(Fate::Unusable("end-before-start"));
    }
    let text = |field| row.text(field);
    let (insurer, birth) = (text(INSURER), text(BIRTH));
    let Some(code) = insurer.as_deref().and_then(insurer_number) else {
        return Ok(Fate::Malformed("insurer-number"));
    };
    let (symbol, no, branch) = (text(SYMBOL), text(NUMBER), text(BRANCH));
    let (name, kana, sex, postcode) = (text(NAME), text(KANA), text(SEX), text(POSTCODE));
    let tuple = Tuple {
        insurer_no: insurer.as_deref(),
        symbol: symbol.as_deref(),
        number: no.as_deref(),
        branch: branch.as_deref(),
        name: name.as_deref(),
        kana: kana.as_deref(),
        birth: birth.as_deref(),
        sex: sex.as_deref(),
        individual_no: None,
        postcode: postcode.as_deref(),
    };
    if tuple.nobody() {
        return Ok(Fate::Unusable("no-identity"));
    }
    if number::loose_day(row.bytes(BIRTH)).is_none() {
        let (file, line) = (row.file, row.line);
        desk.tally.value_lost(Kind::Eligibility, "birth-date", file, line);
    }
    let ident = desk.identities.of(Kind::Eligibility, &tuple);
    desk.identities.covered(ident, start, end);
    let reason = text(REASON);
    if let (Some("2"), Some(end)) = (reason.as_deref(), end) {
        // 健康保険法 36条: coverage is lost on the day after death, so this day is the latest possible.
        desk.identities.died(ident, end);
    }
    let sheet = desk.sheet(Into::Enrolment)?;
    let category = |column: &str, text: Option<Cow<'_, str>>| {
        Value::category(text.map(|code| sheet.category(column, &narrow(&code))))
    };
    let relation = match row.bytes(RELATION) {
        b"1" => "honnin",
        b"2" => "kazoku",
        _ => "other",
    };
    let workplace = text(WORKPLACE).map(|symbol| format!("{code}:{}", narrow(&symbol)));
    let cells = [
        Value::Text(&code),
        Value::Category(sheet.category("insurer_kind", insurer_kind(&code))),
        Value::Category(sheet.category("relation", relation)),
        Value::Day(start),
        Value::day(end),
        category("end_reason", reason),
        workplace.as_deref().map_or(Value::Null, Value::Text),
        category("size_band", text(SIZE)),
        category("industry", text(INDUSTRY)),
    ];
    desk.push(Into::Enrolment, ident, &cells)?;
    Ok(Fate::Kept)
}

/// 保険者番号 as eight digits: claims pad shorter ones with spaces, XML with zeros.
pub(super) fn insurer_number(text: &str) -> Option<String> {
    let digits = narrow(text);
    if digits.is_empty() || digits.len() > 8 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    Some(format!("{digits:0>8}"))
}

/// Kind of insurer by 法別番号, the first two of eight digits (six-digit numbers are 国保).
fn insurer_kind(code: &str) -> &'static str {
    match code.get(..2) {
        Some("00" | "67") => "kokuho",
        Some("01" | "03" | "04") => "kyokai",
        Some("06" | "63") => "kenpo",
        Some("31" | "32" | "33" | "34" | "72" | "73" | "74" | "75") => "kyosai",
        Some("39") => "koki",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;

    #[test]
    fn insurers() {
        assert_eq!(insurer_number("  133066").as_deref(), Some("00133066"));
        assert_eq!(insurer_number("０６１３９９９９").as_deref(), Some("06139999"));
        assert_eq!(insurer_number("6A"), None);
        assert_eq!(insurer_number("123456789"), None);
        assert_eq!(insurer_kind("06139999"), "kenpo");
        assert_eq!(insurer_kind("00133066"), "kokuho");
        assert_eq!(insurer_kind("39131156"), "koki");
    }
}
