//! 特定健診 XML (HL7 CDA R2, hc08): one document is one exam. Not 保健指導 (hg08) and not settlement files.
//!
//! A document is taken or refused as a whole; single values that cannot be read become NULL and are counted.

mod document;
pub(super) mod items;
pub(super) mod table;

use std::borrow::Cow;
use std::io::{BufRead, Read};

use document::{Exam, Fault};

use super::desk::{Desk, Into};
use super::error::{Place, ReadError};
use super::frame::{Grid, Value};
use super::identity::Tuple;
use super::number;
use super::report::Kind;
use super::text;
use items::{COLUMNS, How, WIDTH};

/// Bounds by column, taken from the catalogue once per run.
pub(super) struct Reader {
    grids: Vec<Option<Grid>>,
}

impl Reader {
    pub(super) fn new(desk: &Desk<'_>) -> Result<Self, ReadError> {
        let sheet = desk.sheet(Into::Checkup)?;
        let grids = COLUMNS.iter().map(|&(name, _)| sheet.grid(name).ok());
        Ok(Self { grids: grids.collect() })
    }

    /// Reads one document. `named`: a refusal stops the run, else the document is quarantined.
    pub(super) fn read(
        &self,
        desk: &mut Desk<'_>,
        file: &str,
        named: bool,
        input: &mut dyn BufRead,
    ) -> Result<(), ReadError> {
        desk.tally.file(Kind::Checkup);
        desk.tally.read(Kind::Checkup, 1);
        let most = desk.options.max_document_bytes;
        let mut bytes = Vec::new();
        input.take(most.saturating_add(1)).read_to_end(&mut bytes).map_err(|error| ReadError::io(file, &error))?;
        let exam = if bytes.len() as u64 > most {
            Err(Fault::whole("document-too-large"))
        } else {
            decode(&bytes).ok_or(Fault::whole("encoding")).and_then(|text| document::parse(&text))
        };
        let fault = match exam {
            Ok(exam) => match self.take(desk, file, &exam)? {
                None => return Ok(()),
                Some(fault) => fault,
            },
            Err(fault) => fault,
        };
        if fault.code == "guidance-record" {
            desk.tally.left_out(Kind::Checkup, fault.code, 1);
            return Ok(());
        }
        if named {
            let place = Place { file: file.to_owned(), line: fault.line, column: fault.column };
            let help = "Ask for the file again, or check it against the hc08 schema";
            return Err(ReadError::refused(place, fault.code, words(fault.code), help));
        }
        let (code, line) = (fault.code, fault.line);
        desk.tally.quarantined(Kind::Checkup, code, 1, file, line);
        Ok(())
    }

    fn take(&self, desk: &mut Desk<'_>, file: &str, exam: &Exam) -> Result<Option<Fault>, ReadError> {
        if matches!(exam.report.as_str(), "21" | "22" | "23" | "24" | "25") {
            return Ok(Some(Fault::whole("guidance-record")));
        }
        let Some(date) = number::day(exam.date.get(..8).unwrap_or("").as_bytes()) else {
            return Ok(Some(Fault::whole("exam-date")));
        };
        let field = |text: &'_ str| text::clean(text).map(Cow::into_owned);
        let (insurer, symbol, no) = (field(&exam.insurer), field(&exam.symbol), field(&exam.number));
        let (branch, written) = (field(&exam.branch), field(&exam.name));
        let (birth, sex, postcode) = (field(&exam.birth), field(&exam.sex), field(&exam.postcode));
        // The standard has kana here; some senders write kanji.
        let kana = written.as_deref().is_some_and(only_kana);
        let tuple = Tuple {
            insurer_no: insurer.as_deref(),
            symbol: symbol.as_deref(),
            number: no.as_deref(),
            branch: branch.as_deref(),
            name: written.as_deref().filter(|_| !kana),
            kana: written.as_deref().filter(|_| kana),
            birth: birth.as_deref(),
            sex: sex.as_deref(),
            individual_no: None,
            postcode: postcode.as_deref(),
        };
        if tuple.nobody() {
            return Ok(Some(Fault::whole("no-identity")));
        }
        let cells = self.cells(desk, file, exam, date)?;
        if exam.birth.is_empty() || number::day(exam.birth.as_bytes()).is_none() {
            desk.tally.value_lost(Kind::Checkup, "birth-date", file, 0);
        }
        let ident = desk.identities.of(Kind::Checkup, &tuple);
        desk.identities.seen(ident, date);
        desk.push(Into::Checkup, ident, &cells)?;
        desk.tally.kept(Kind::Checkup, 1);
        Ok(None)
    }

    fn cells(
        &self,
        desk: &mut Desk<'_>,
        file: &str,
        exam: &Exam,
        date: i32,
    ) -> Result<[Value<'static>; WIDTH], ReadError> {
        let mut cells = [Value::Null; WIDTH];
        let mut best = [u8::MAX; WIDTH];
        for found in &exam.found {
            let (Some(cell), Some(best)) = (cells.get_mut(found.item.column), best.get_mut(found.item.column)) else {
                continue;
            };
            if found.item.rank >= *best {
                continue;
            }
            let name = COLUMNS.get(found.item.column).map_or("", |&(name, _)| name);
            let grid = self.grids.get(found.item.column).copied().flatten();
            let value = match (found.item.how, grid) {
                (How::Number(units), Some(grid)) => quantity(found, units, grid.digits()).map(|value| (grid, value)),
                (How::Jds, Some(grid)) => quantity(found, &["%"], 2).map(|value| (grid, ngsp(value, grid.digits()))),
                (How::Code, _) => {
                    *cell = Value::Category(desk.sheet(Into::Checkup)?.category(name, &found.text));
                    *best = found.item.rank;
                    continue;
                }
                (How::Answer, _) => {
                    let answer = format!("{}:{}", items::term(&found.system, date), found.text);
                    let sheet = desk.sheet(Into::Checkup)?;
                    let known = sheet.known(name, &answer);
                    *cell = Value::Category(sheet.category(name, &answer));
                    *best = found.item.rank;
                    if known.is_none() {
                        desk.tally.repaired(Kind::Checkup, "answer-not-in-list");
                    }
                    continue;
                }
                _ => Err("number"),
            };
            match value {
                Ok((grid, value)) => {
                    let bounded = grid.clamp(value);
                    if bounded != value {
                        desk.tally.repaired(Kind::Checkup, "out-of-bounds");
                    }
                    if found.capped {
                        desk.tally.repaired(Kind::Checkup, "at-measuring-limit");
                    }
                    if found.unit.is_empty() {
                        desk.tally.repaired(Kind::Checkup, "unit-missing");
                    }
                    *cell = Value::Int(bounded);
                    *best = found.item.rank;
                }
                Err(code) => desk.tally.value_lost(Kind::Checkup, code, file, found.line),
            }
        }
        let kind = kind(&exam.event, &exam.report);
        let kind = desk.sheet(Into::Checkup)?.category("kind", kind);
        let [first, second, ..] = &mut cells;
        (*first, *second) = (Value::Day(date), Value::Category(kind));
        Ok(cells)
    }
}

fn quantity(found: &document::Found, units: &[&str], digits: u8) -> Result<i64, &'static str> {
    let unit = text::narrow(&found.unit).to_lowercase();
    // ㎎, ㎗, ㎜ and the like are single characters in some files.
    let unit = unit
        .replace('㎎', "mg")
        .replace('㎗', "dl")
        .replace('㎜', "mm")
        .replace('㎝', "cm")
        .replace('㎏', "kg")
        .replace('ℓ', "l");
    if !unit.is_empty() && !units.contains(&unit.as_str()) {
        return Err("unit");
    }
    number::decimal(text::narrow(&found.text).as_bytes(), digits).ok_or("number")
}

/// NGSP from JDS in hundredths of a percent, on a grid of `digits`, half up.
fn ngsp(jds: i64, digits: u8) -> i64 {
    let ten_thousandths = jds.saturating_mul(102).saturating_add(2_500);
    let step = 10_i64.pow(4_u32.saturating_sub(u32::from(digits)));
    ten_thousandths.saturating_add(step / 2).div_euclid(step)
}

/// Kind of exam by 健診実施プログラム (OID …6.1002), and by 報告区分 (OID …6.1001) where that says nothing.
fn kind(event: &str, report: &str) -> &'static str {
    match (event, report) {
        ("010", _) => "tokutei",
        ("030", _) => "jigyonushi",
        ("060", _) => "gan",
        ("000" | "", "10") => "tokutei",
        ("000" | "", "41") => "jigyonushi",
        _ => "other",
    }
}

fn only_kana(text: &str) -> bool {
    text.chars().all(|c| {
        matches!(c,
            '\u{3040}'..='\u{30FF}' | '\u{31F0}'..='\u{31FF}' | '\u{FF61}'..='\u{FF9F}' | '\u{3000}')
            || c.is_ascii()
            || matches!(c, '\u{FF01}'..='\u{FF5E}' | '\u{2010}'..='\u{2015}' | '\u{2212}')
    })
}

fn decode(bytes: &[u8]) -> Option<Cow<'_, str>> {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Some(Cow::Borrowed(text));
    }
    let head = bytes.get(..200.min(bytes.len()))?;
    let head = String::from_utf8_lossy(head);
    let label = head.split("encoding=").nth(1)?;
    let label = label.get(1..)?.split(['"', '\'']).next()?;
    let encoding = encoding_rs::Encoding::for_label(label.as_bytes())?;
    encoding.decode_without_bom_handling_and_without_replacement(bytes)
}

fn words(code: &str) -> &'static str {
    match code {
        "document-too-large" => "the document is larger than is allowed",
        "encoding" => "the document is not in the encoding that it declares",
        "doctype" => "the document declares a DOCTYPE, which the standard does not have",
        "entity" => "the document uses an entity that XML does not define",
        "too-deep" => "elements are nested too deeply",
        "truncated" => "the document ends inside an element",
        "exam-date" => "the document has no readable exam date (serviceEvent/effectiveTime)",
        "no-identity" => "the document says neither number nor name of a person",
        _ => "the document is not well-formed XML",
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;

    #[test]
    fn jds_to_ngsp() {
        // 日本糖尿病学会: JDS 6.1 is NGSP 6.5, JDS 5.2 is NGSP 5.6 (5.554), rounded half up.
        assert_eq!(ngsp(610, 1), 65);
        assert_eq!(ngsp(520, 1), 56);
        assert_eq!(ngsp(i64::MAX, 1), i64::MAX / 1000);
    }

    #[test]
    fn kana() {
        assert!(only_kana("ヤマダ　ハナコ") && only_kana("ﾔﾏﾀﾞ ﾊﾅｺ"));
        assert!(!only_kana("山田　ハナコ"));
    }
}
