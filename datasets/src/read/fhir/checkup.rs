//! Checkup reports (健診結果報告書): a document Bundle is one checkup. The items and columns are those of the XML.
//!
//! Source: JP eCheckup guide (JAMI): Composition.type, category (報告区分), event (プログラムサービス and day). The day of
//! the checkup is that of the event, else of the encounter, else the first day of its results, else of the Composition.

use std::borrow::Cow;
use std::rc::Rc;

use super::flow::{self, Observations};
use super::json::Json;
use super::observe::{self, Intern, Limit, Part, Record, Subject, Value};
use super::scope::{Scope, Who};
use super::time::{self, Span};
use crate::read::checkup::cells::{Cells, Source, Visit};
use crate::read::checkup::found::{Found, Judgement, State};
use crate::read::checkup::{self, items};
use crate::read::desk::Desk;
use crate::read::error::ReadError;
use crate::read::report::Kind;

const K: Kind = Kind::Fhir;

/// What a checkup report's Composition says.
pub(super) struct Report {
    subject: Subject,
    category: String,
    event: String,
    day: Option<i32>,
    encounter: Option<Rc<str>>,
    written: Option<i32>,
    line: u64,
}

impl Report {
    /// `None` if the Composition is of another document.
    pub(super) fn of(composition: &Json<'_>, line: u64, intern: &mut Intern) -> Option<Self> {
        let codings = composition.get("type").list("coding");
        let checkup = |one: &Json<'_>| match (one.text("system").unwrap_or(""), one.text("code").unwrap_or("")) {
            // 01: drafts of the guide.
            ("http://jpfhir.jp/fhir/eCheckup/CodeSystem/documentType", "01") => true,
            (_, code) => matches!(code, "53576-5" | "JPGCHKUP01"),
        };
        if !codings.iter().any(checkup) {
            return None;
        }
        let first = |nodes: &[Json<'_>]| -> String {
            let code = nodes.iter().flat_map(|node| node.list("coding")).find_map(|one| one.text("code"));
            code.filter(|code| code.len() <= 10).unwrap_or("").to_owned()
        };
        let event = composition.list("event").first();
        let day = event.and_then(|event| time::period(event.get("period")).ok()).map(|span| span.day);
        Some(Self {
            subject: observe::subject(composition.get("subject"), intern),
            category: first(composition.list("category")),
            event: event.map(|event| first(event.list("code"))).unwrap_or_default(),
            day,
            encounter: composition.get("encounter").text("reference").map(|reference| intern.of(reference)),
            written: composition.text("date").and_then(time::moment).map(|moment| moment.day),
            line,
        })
    }
}

/// Writes checkups.
pub(super) struct Checkups {
    cells: Cells,
}

impl Checkups {
    pub(super) fn new(desk: &Desk<'_>) -> Result<Self, ReadError> {
        Ok(Self { cells: Cells::new(desk)? })
    }

    /// Takes a report with its results.
    pub(super) fn take(
        &mut self,
        desk: &mut Desk<'_>,
        observations: &Observations,
        out: &mut flow::Out<'_>,
        scope: &mut Scope,
        report: &Report,
        records: &[Record],
    ) -> Result<(), ReadError> {
        let all = records.len() as u64;
        // 保健指導 has codes of its own (XML: hg08) and is no checkup.
        if matches!(report.category.as_str(), "21" | "22" | "23" | "24" | "25") {
            desk.tally.left_out(K, "guidance-record", all);
            return Ok(());
        }
        let encounter = report.encounter.as_deref().and_then(|reference| scope.encounters.get(reference).copied());
        let results = || records.iter().filter_map(|record| record.span).map(|span| span.day).min();
        let Some(date) = report.day.or(encounter).or_else(results).or(report.written) else {
            desk.tally.quarantined(K, "exam-date", all, out.file, report.line);
            return Ok(());
        };
        let subject = if report.subject == Subject::default() {
            records.first().map(|record| &record.subject).unwrap_or(&report.subject)
        } else {
            &report.subject
        };
        scope.meet(desk, records);
        let ident = match scope.who(desk, subject, out.file) {
            Who::One(ident) => ident,
            Who::Nobody(code) => {
                desk.tally.quarantined(K, code, all, out.file, report.line);
                return Ok(());
            }
        };
        let mut found: Vec<Found<'_>> = Vec::new();
        for record in records {
            let items: Vec<&Part> = record.parts.iter().filter(|part| items::jlac10(&part.code)).collect();
            if items.is_empty() {
                // Beside the items of the lists: as any other observation.
                let span = record.span.or(Some(Span::whole(date)));
                observations.take(desk, out, ident, record, span)?;
                continue;
            }
            desk.tally.kept(K, 1);
            for code in record.lost.iter().filter(|code| !matches!(**code, "no-value" | "group" | "free-text")) {
                desk.tally.value_lost(K, code, out.file, record.line);
            }
            if items.len() < record.parts.len() {
                desk.tally.value_lost(K, "code-not-jlac10", out.file, record.line);
            }
            found.extend(items.into_iter().map(|part| item(part, record.line)));
        }
        // The order of a Bundle's entries means nothing: of two results of one code the smaller text comes first.
        found.sort_by(|a, b| (&a.code, &a.number, &a.answer, &a.unit).cmp(&(&b.code, &b.number, &b.answer, &b.unit)));
        let line = |at: usize| at as u64;
        let source = Source { record: K, file: out.file, line: &line };
        let visit = Visit { ident, date, kind: checkup::kind(&report.event, &report.category) };
        desk.identities.seen(ident, date);
        self.cells.push(desk, &source, &visit, &found)
    }
}

/// The item of a part; its place is the line of its observation.
fn item(part: &Part, line: u64) -> Found<'_> {
    let mut found = Found {
        code: Cow::Borrowed(&part.code),
        item: items::item(&part.code),
        judgement: part.judgement.map(|letter| Judgement::of(letter.encode_utf8(&mut [0; 4]))),
        at: usize::try_from(line).unwrap_or(usize::MAX),
        ..Found::default()
    };
    match &part.value {
        Value::Number { text, unit, limit } => {
            found.number = Some(Cow::Borrowed(text));
            found.unit = Cow::Borrowed(unit);
            found.state = match limit {
                Limit::None => State::Measured,
                Limit::Below => State::Below,
                Limit::Above => State::Above,
            };
        }
        Value::Answer { code, system } => {
            found.state = State::Measured;
            found.answer = Some(Cow::Borrowed(code));
            found.system = Cow::Borrowed(system.strip_prefix("urn:oid:").unwrap_or(system));
        }
        Value::Missing { not_done: true } => found.state = State::NotDone,
        Value::Missing { not_done: false } => found.state = State::NotMeasurable,
        Value::Duration => found.state = State::Other,
    }
    found
}
