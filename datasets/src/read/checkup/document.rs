//! One hc08 document as a stream of XML events, taken as slices of its text. Free text (section text, findings, doctors'
//! names) is never taken: only elements on the list below are looked at. No entity is expanded but the five of XML, a
//! DOCTYPE is refused.

use std::borrow::Cow;
use std::cell::Cell;

use super::found::{Found, Judgement, State};
use super::items;
use super::tokens::{self, Attributes, Token, Tokens, resolved};

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
        Self {
            code,
            line: Places::of(text).line(position),
            column: String::from_utf8_lossy(last).chars().count() as u64 + 1,
        }
    }
}

/// Lines of bytes of a text, counted from the byte that was asked for last: those asked for come in about their order.
pub(super) struct Places<'a> {
    text: &'a [u8],
    /// A byte, and the newlines before it.
    last: Cell<(usize, u64)>,
}

impl<'a> Places<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        Self { text: text.as_bytes(), last: Cell::new((0, 0)) }
    }

    /// The line of a byte, from 1.
    pub(super) fn line(&self, position: usize) -> u64 {
        let position = position.min(self.text.len());
        let (from, before) = self.last.get();
        let between = |from, to| memchr::memchr_iter(b'\n', self.text.get(from..to).unwrap_or(&[])).count() as u64;
        let newlines =
            if from <= position { before + between(from, position) } else { before - between(position, from) };
        self.last.set((position, newlines));
        newlines + 1
    }
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
        let tag = self.element(name, attributes)?;
        self.stack.push(tag);
        Ok(())
    }

    fn element(&mut self, name: &str, attributes: Attributes<'a>) -> Result<Tag, Fault> {
        let (text, at) = (self.text, self.at);
        let get = |name| attributes.get(name).map_err(|code| Fault::at(code, text, at));
        let parent = self.stack.last().copied();
        let exam = &mut self.exam;
        match (parent, name) {
            (Some(Tag::Observation), "code") => {
                if let (Some(open), Some(code)) = (self.open.last_mut(), get("code")?) {
                    open.found.item = items::item(&code);
                    open.found.code = code;
                }
            }
            (Some(Tag::Observation), "value") => self.value(attributes)?,
            (Some(Tag::Observation), "interpretationCode") => {
                let code = get("code")?;
                if let Some(open) = self.open.last_mut() {
                    open.found.judgement = open.found.judgement.or(code.as_deref().map(Judgement::of));
                }
            }
            (None, "ClinicalDocument") => return Ok(Tag::Document),
            (Some(Tag::Document), "code") => keep(&mut exam.report, get("code")?),
            (Some(Tag::Role), "id") => {
                let root = get("root")?.unwrap_or_default();
                let value = get("extension")?;
                match root.rsplit_once("6.").map(|(_, arc)| arc) {
                    Some("101") => keep(&mut exam.insurer, value),
                    Some("204") => keep(&mut exam.symbol, value),
                    Some("205") => keep(&mut exam.number, value),
                    Some("211") => keep(&mut exam.branch, value),
                    _ => {}
                }
            }
            (Some(Tag::Role), "addr") => return Ok(Tag::Addr),
            (Some(Tag::Role), "patient") => return Ok(Tag::Patient),
            (Some(Tag::Addr), "postalCode") => return Ok(Tag::Postcode),
            (Some(Tag::Patient), "name") => return Ok(Tag::Name),
            (Some(Tag::Patient), "administrativeGenderCode") => keep(&mut exam.sex, get("code")?),
            (Some(Tag::Patient), "birthTime") => keep(&mut exam.birth, get("value")?),
            (Some(Tag::Event), "code") => keep(&mut exam.event, get("code")?),
            (Some(Tag::Event), "effectiveTime") => {
                keep(&mut exam.date, get("value")?);
                return Ok(Tag::EffectiveTime);
            }
            (Some(Tag::EffectiveTime), "low") => keep(&mut exam.date, get("value")?),
            _ => return self.anywhere(name, attributes),
        }
        Ok(Tag::Other)
    }

    /// Elements that are known whatever they stand in.
    fn anywhere(&mut self, name: &str, attributes: Attributes<'a>) -> Result<Tag, Fault> {
        Ok(match name {
            "observation" => {
                let negated = attributes.get("negationInd").map_err(|code| self.fault(code))?;
                let negated = matches!(negated.as_deref(), Some("true" | "1"));
                let found = Found { at: self.at, ..Found::default() };
                self.open.push(Open { found, negated, ..Open::default() });
                Tag::Observation
            }
            "patientRole" => Tag::Role,
            "serviceEvent" => Tag::Event,
            _ => Tag::Other,
        })
    }

    /// A value of the innermost observation. `CD H|L` beside a quantity says that it is a limit of measurement.
    fn value(&mut self, attributes: Attributes<'a>) -> Result<(), Fault> {
        let (mut null, mut number, mut code, mut system, mut unit) = (None, None, None, None, None);
        for attribute in attributes {
            let (name, value) = attribute.map_err(|code| self.fault(code))?;
            let to = match name {
                "value" => &mut number,
                "unit" => &mut unit,
                "code" => &mut code,
                "codeSystem" => &mut system,
                "nullFlavor" => &mut null,
                _ => continue,
            };
            if to.is_none() {
                *to = Some(tokens::text(value).map_err(|code| self.fault(code))?);
            }
        }
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Places;

    proptest! {
        #[test]
        fn places_are_those_counted_from_the_start(text in "[a\n健]{0,60}", asked in prop::collection::vec(0_usize..200, 0..20)) {
            let places = Places::of(&text);
            for at in asked {
                let before = text.bytes().take(at).filter(|byte| *byte == b'\n').count() as u64;
                prop_assert_eq!(places.line(at), before + 1);
            }
        }
    }
}
