//! Checkups: 特定健診 XML (HL7 CDA R2, hc08; one document is one exam) and CSV. Not 保健指導 (hg08) and not settlement files.
//!
//! A document is taken or refused as a whole; single values that cannot be read become NULL and are counted.

pub(super) mod cells;
mod document;
pub(super) mod found;
mod heads;
pub(super) mod items;
pub(super) mod table;
mod tokens;
mod twice;
mod units;
mod values;

use std::borrow::Cow;
use std::io::{BufRead, Read};

use cells::{Cells, Source, Visit};
use document::{Exam, Fault};
use twice::Twice;

use super::desk::Desk;
use super::error::{Place, ReadError};
use super::identity::Tuple;
use super::number;
use super::report::Kind;
use super::text;

/// Larger buffers are given back after a document.
const KEPT: usize = 1 << 20;

/// Reads the documents of one run.
pub(super) struct Reader {
    cells: Cells,
    twice: Twice,
    bytes: Vec<u8>,
}

impl Reader {
    pub(super) fn new(desk: &Desk<'_>) -> Result<Self, ReadError> {
        Ok(Self { cells: Cells::new(desk)?, twice: Twice::new(&desk.keep), bytes: Vec::with_capacity(1 << 16) })
    }

    /// Reads one document. `named`: a refusal stops the run, else the document is quarantined.
    pub(super) fn read(
        &mut self,
        desk: &mut Desk<'_>,
        file: &str,
        named: bool,
        input: &mut dyn BufRead,
    ) -> Result<(), ReadError> {
        let mut bytes = std::mem::take(&mut self.bytes);
        bytes.clear();
        let most = desk.options.max_document_bytes;
        input.take(most.saturating_add(1)).read_to_end(&mut bytes).map_err(|error| ReadError::io(file, &error))?;
        let result = self.document(desk, file, named, &bytes);
        bytes.truncate(KEPT);
        bytes.shrink_to(KEPT);
        self.bytes = bytes;
        result
    }

    /// As [`Self::read`], of a document that is in memory.
    pub(super) fn document(
        &mut self,
        desk: &mut Desk<'_>,
        file: &str,
        named: bool,
        bytes: &[u8],
    ) -> Result<(), ReadError> {
        if self.is_new(desk, bytes) { self.new_document(desk, file, named, bytes) } else { Ok(()) }
    }

    /// Whether these bytes were not met before; counts them.
    pub(super) fn is_new(&mut self, desk: &mut Desk<'_>, bytes: &[u8]) -> bool {
        desk.tally.file(Kind::Checkup);
        desk.tally.read(Kind::Checkup, 1);
        let new = large(desk, unmarked(bytes)) || self.twice.first(unmarked(bytes));
        if !new {
            desk.tally.left_out(Kind::Checkup, "document-twice", 1);
        }
        new
    }

    /// As [`Self::document`], of one that is known to be new.
    pub(super) fn new_document(
        &mut self,
        desk: &mut Desk<'_>,
        file: &str,
        named: bool,
        bytes: &[u8],
    ) -> Result<(), ReadError> {
        let bytes = unmarked(bytes);
        let fault = if large(desk, bytes) {
            Fault::whole("document-too-large")
        } else {
            match decode(bytes) {
                None => Fault::whole("encoding"),
                Some(text) => match document::parse(&text) {
                    Err(fault) => fault,
                    Ok(exam) => match self.take(desk, file, &text, &exam)? {
                        Some(fault) => fault,
                        None => return Ok(()),
                    },
                },
            }
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
        desk.tally.quarantined(Kind::Checkup, fault.code, 1, file, fault.line);
        Ok(())
    }

    fn take(
        &mut self,
        desk: &mut Desk<'_>,
        file: &str,
        text: &str,
        exam: &Exam<'_>,
    ) -> Result<Option<Fault>, ReadError> {
        if matches!(exam.report.as_ref(), "21" | "22" | "23" | "24" | "25") {
            return Ok(Some(Fault::whole("guidance-record")));
        }
        let Some(date) = number::day(exam.date.get(..8).unwrap_or("").as_bytes()) else {
            return Ok(Some(Fault::whole("exam-date")));
        };
        let (insurer, symbol, no) = (text::clean(&exam.insurer), text::clean(&exam.symbol), text::clean(&exam.number));
        let (branch, written) = (text::clean(&exam.branch), text::clean(&exam.name));
        let (birth, sex, postcode) = (text::clean(&exam.birth), text::clean(&exam.sex), text::clean(&exam.postcode));
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
        if exam.birth.is_empty() || number::day(exam.birth.as_bytes()).is_none() {
            desk.tally.value_lost(Kind::Checkup, "birth-date", file, 0);
        }
        let ident = desk.identities.of(Kind::Checkup, &tuple);
        desk.identities.seen(ident, date);
        let visit = Visit { ident, date, kind: kind(&exam.event, &exam.report) };
        let places = document::Places::of(text);
        let line = |at| places.line(at);
        let source = Source { record: Kind::Checkup, file, line: &line };
        self.cells.push(desk, &source, &visit, &exam.found)?;
        desk.tally.kept(Kind::Checkup, 1);
        Ok(None)
    }
}

/// Without a byte order mark.
fn unmarked(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes)
}

fn large(desk: &Desk<'_>, bytes: &[u8]) -> bool {
    bytes.len() as u64 > desk.options.max_document_bytes
}

/// Kind of exam by 健診実施プログラム (OID …6.1002), and by 報告区分 (OID …6.1001) where that says nothing.
pub(super) fn kind(event: &str, report: &str) -> &'static str {
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
    fn kana() {
        assert!(only_kana("ヤマダ　ハナコ") && only_kana("ﾔﾏﾀﾞ ﾊﾅｺ"));
        assert!(!only_kana("山田　ハナコ"));
    }
}
