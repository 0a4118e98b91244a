//! One hc08 document as a stream of XML events, taken as slices of its text. Free text (section text, findings, doctors'
//! names) is never taken: only elements on the list below are looked at. No entity is expanded but the five of XML, a
//! DOCTYPE is refused.

use std::borrow::Cow;

use super::found::{Found, Judgement, State};
use super::items;
use super::tokens::{Attributes, Token, Tokens, resolved};

/// Deeper nesting than CDA has by far.
const DEPTH: usize = 128;
/// Longest name or postcode taken.
const LONGEST: usize = 1_000;

/// Why a document is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) code: &'static str,
    pub(super) line: u64,
    pub(super) column: u64,
}

impl Fault {
    pub(super) fn whole(code: &'static str) -> Self {
        Self { code, line: 0, column: 0 }
    }

    pub(super) fn at(code: &'static str, text: &str, position: usize) -> Self {
        let before = text.as_bytes().get(..position.min(text.len())).unwrap_or(&[]);
        let start = before.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
        let last = before.get(start..).unwrap_or(&[]);
        Self { code, line: line(text, position), column: String::from_utf8_lossy(last).chars().count() as u64 + 1 }
    }
}

/// The line of a byte, from 1. Counted only when something is wrong there.
pub(super) fn line(text: &str, position: usize) -> u64 {
    let before = text.as_bytes().get(..position.min(text.len())).unwrap_or(&[]);
    before.iter().filter(|&&byte| byte == b'\n').count() as u64 + 1
}

/// What a document says, as written.
#[derive(Default)]
pub(super) struct Exam<'a> {
    pub(super) report: Cow<'a, str>,
    pub(super) event: Cow<'a, str>,
    pub(super) date: Cow<'a, str>,
    pub(super) insurer: Cow<'a, str>,
    pub(super) symbol: Cow<'a, str>,
    pub(super) number: Cow<'a, str>,
    pub(super) branch: Cow<'a, str>,
    pub(super) name: Cow<'a, str>,
    pub(super) birth: Cow<'a, str>,
    pub(super) sex: Cow<'a, str>,
    pub(super) postcode: Cow<'a, str>,
    pub(super) found: Vec<Found<'a>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tag {
    Document,
    Role,
    Patient,
    Name,
    Addr,
    Postcode,
    Event,
    Observation,
    EffectiveTime,
    Other,
}

/// An observation that is not closed yet.
#[derive(Default)]
struct Open<'a> {
    found: Found<'a>,
    negated: bool,
    /// A `CD H|L` stood there: the number beside it is a limit of measurement.
    limit: Option<State>,
    null: Option<State>,
    text: bool,
}

struct Parser<'a> {
    text: &'a str,
    stack: Vec<Tag>,
    open: Vec<Open<'a>>,
    exam: Exam<'a>,
    at: usize,
}

pub(super) fn parse(text: &str) -> Result<Exam<'_>, Fault> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut tokens = Tokens::new(text);
    let mut parser =
        Parser { text, stack: Vec::with_capacity(16), open: Vec::with_capacity(4), exam: Exam::default(), at: 0 };
    // An observation takes about this many bytes.
    parser.exam.found.reserve(text.len() / 180 + 1);
    loop {
        let (at, token) = tokens.next()?;
        parser.at = at;
        match token {
            Token::Start { name, attributes, empty } => {
                parser.start(name, attributes)?;
                if empty {
                    parser.end();
                }
            }
            Token::End => parser.end(),
            Token::Text(text) => parser.text(text),
            Token::Reference(name) => match resolved(name) {
                Some(c) => parser.character(c),
                None => return Err(parser.fault("entity")),
            },
            Token::Doctype => return Err(parser.fault("doctype")),
            Token::Eof => break,
        }
    }
    if parser.stack.is_empty() { Ok(parser.exam) } else { Err(parser.fault("truncated")) }
}

/// The first value wins.
fn keep<'a>(to: &mut Cow<'a, str>, value: Option<Cow<'a, str>>) {
    if let Some(value) = value
        && to.is_empty()
    {
        *to = value;
    }
}

impl<'a> Parser<'a> {
    fn fault(&self, code: &'static str) -> Fault {
        Fault::at(code, self.text, self.at)
    }

    fn start(&mut self, name: &'a str, attributes: Attributes<'a>) -> Result<(), Fault> {
        if self.stack.len() >= DEPTH {
            return Err(self.fault("too-deep"));
        }
        let local = name.rsplit_once(':').map_or(name, |(_, local)| local);
        let tag = self.element(local, attributes)?;
        self.stack.push(tag);
        Ok(())
    }

    fn element(&mut self, name: &str, attributes: Attributes<'a>) -> Result<Tag, Fault> {
        let parent = self.stack.last().copied();
        let (text, at) = (self.text, self.at);
        let get = |name| attributes.get(name).map_err(|code| Fault::at(code, text, at));
        // Most elements stand inside or around observations.
        match (name, parent) {
            ("code", Some(Tag::Observation)) => {
                let code = get("code")?;
                if let Some(open) = self.open.last_mut()
                    && let Some(code) = code
                {
                    open.found.item = items::item(&code);
                    open.found.code = code;
                }
            }
            ("value", Some(Tag::Observation)) => self.value(attributes)?,
            ("interpretationCode", Some(Tag::Observation)) => {
                let code = get("code")?;
                if let Some(open) = self.open.last_mut() {
                    open.found.judgement = open.found.judgement.or(code.as_deref().map(Judgement::of));
                }
            }
            ("observation", _) => {
                let negated = get("negationInd")?;
                let negated = matches!(negated.as_deref(), Some("true" | "1"));
                let found = Found { at: self.at, ..Found::default() };
                self.open.push(Open { found, negated, ..Open::default() });
                return Ok(Tag::Observation);
            }
            ("ClinicalDocument", None) => return Ok(Tag::Document),
            ("code", Some(Tag::Document)) => keep(&mut self.exam.report, get("code")?),
            ("patientRole", _) => return Ok(Tag::Role),
            ("id", Some(Tag::Role)) => {
                let root = get("root")?.unwrap_or_default();
                let value = get("extension")?;
                match root.rsplit_once("6.").map(|(_, arc)| arc) {
                    Some("101") => keep(&mut self.exam.insurer, value),
                    Some("204") => keep(&mut self.exam.symbol, value),
                    Some("205") => keep(&mut self.exam.number, value),
                    Some("211") => keep(&mut self.exam.branch, value),
                    _ => {}
                }
            }
            ("addr", Some(Tag::Role)) => return Ok(Tag::Addr),
            ("postalCode", Some(Tag::Addr)) => return Ok(Tag::Postcode),
            ("patient", Some(Tag::Role)) => return Ok(Tag::Patient),
            ("name", Some(Tag::Patient)) => return Ok(Tag::Name),
            ("administrativeGenderCode", Some(Tag::Patient)) => {
                keep(&mut self.exam.sex, get("code")?);
            }
            ("birthTime", Some(Tag::Patient)) => keep(&mut self.exam.birth, get("value")?),
            ("serviceEvent", _) => return Ok(Tag::Event),
            ("code", Some(Tag::Event)) => keep(&mut self.exam.event, get("code")?),
            ("effectiveTime", Some(Tag::Event)) => {
                keep(&mut self.exam.date, get("value")?);
                return Ok(Tag::EffectiveTime);
            }
            ("low", Some(Tag::EffectiveTime)) => keep(&mut self.exam.date, get("value")?),
            _ => {}
        }
        Ok(Tag::Other)
    }

    /// A value of the innermost observation. `CD H|L` beside a quantity says that it is a limit of measurement.
    fn value(&mut self, attributes: Attributes<'a>) -> Result<(), Fault> {
        let [null, number, code, system, unit] = attributes
            .all(["nullFlavor", "value", "code", "codeSystem", "unit"])
            .map_err(|code| Fault::at(code, self.text, self.at))?;
        let Some(open) = self.open.last_mut() else {
            return Ok(());
        };
        if let Some(null) = null {
            open.null = Some(if null == "NI" { State::NotMeasurable } else { State::Other });
        } else if let Some(number) = number {
            open.found.number = Some(number);
            open.found.unit = unit.unwrap_or_default();
        } else if let Some(code) = code {
            let system = system.unwrap_or_default();
            // HL7 ObservationInterpretation, and those who leave the system out.
            let limits = system.is_empty() || system.ends_with(".5.83");
            match code.as_ref() {
                "H" if limits => open.limit = Some(State::Above),
                "L" if limits => open.limit = Some(State::Below),
                _ => {
                    open.found.answer = Some(code);
                    open.found.system = system;
                }
            }
        } else {
            // A text: its content is never looked at.
            open.text = true;
        }
        Ok(())
    }

    fn place(&mut self) -> Option<&mut Cow<'a, str>> {
        let up = |levels: usize| self.stack.len().checked_sub(levels).and_then(|at| self.stack.get(at)).copied();
        match up(1) {
            Some(Tag::Name) => Some(&mut self.exam.name),
            // Parts of a name (family, given) lie one level deeper.
            Some(Tag::Other) if up(2) == Some(Tag::Name) => Some(&mut self.exam.name),
            Some(Tag::Postcode) => Some(&mut self.exam.postcode),
            _ => None,
        }
    }

    fn text(&mut self, text: &'a str) {
        if let Some(to) = self.place() {
            if to.is_empty() && text.len() <= LONGEST {
                *to = Cow::Borrowed(text);
            } else if to.len() + text.len() <= LONGEST {
                to.to_mut().push_str(text);
            }
        }
    }

    fn character(&mut self, c: char) {
        if let Some(to) = self.place()
            && to.len() < LONGEST
        {
            to.to_mut().push(c);
        }
    }

    fn end(&mut self) {
        if self.stack.pop() != Some(Tag::Observation) {
            return;
        }
        let Some(Open { mut found, negated, limit, null, text }) = self.open.pop() else {
            return;
        };
        if found.code.is_empty() {
            // The head of a group: what counts are its members.
            return;
        }
        let something = found.number.is_some() || found.answer.is_some();
        found.state = if negated {
            (found.number, found.answer) = (None, None);
            State::NotDone
        } else if let Some(limit) = limit {
            limit
        } else if something {
            State::Measured
        } else if let Some(null) = null {
            null
        } else if text {
            State::Text
        } else {
            State::Other
        };
        self.exam.found.push(found);
    }
}
