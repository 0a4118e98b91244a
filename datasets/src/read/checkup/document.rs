//! One hc08 document as a stream of XML events. Free text (section text, findings, doctors' names) is never taken:
//! only elements on the list below are looked at. No entity is expanded but the five of XML, a DOCTYPE is refused.

use quick_xml::XmlVersion;
use quick_xml::events::{BytesStart, Event};
use quick_xml::reader::Reader;

use super::items::{self, How, Item};

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

    fn at(code: &'static str, text: &str, position: u64) -> Self {
        let position = usize::try_from(position).unwrap_or(usize::MAX).min(text.len());
        let before = text.as_bytes().get(..position).unwrap_or(&[]);
        let start = before.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
        let last = before.get(start..).unwrap_or(&[]);
        Self {
            code,
            line: before.iter().filter(|&&byte| byte == b'\n').count() as u64 + 1,
            column: String::from_utf8_lossy(last).chars().count() as u64 + 1,
        }
    }
}

/// A value found for an item.
pub(super) struct Found {
    pub(super) item: Item,
    /// Number or code as written.
    pub(super) text: String,
    pub(super) unit: String,
    /// OID of the code's list.
    pub(super) system: String,
    /// Above or below what could be measured.
    pub(super) capped: bool,
    pub(super) line: u64,
}

/// What a document says, as written.
#[derive(Default)]
pub(super) struct Exam {
    pub(super) report: String,
    pub(super) event: String,
    pub(super) date: String,
    pub(super) insurer: String,
    pub(super) symbol: String,
    pub(super) number: String,
    pub(super) branch: String,
    pub(super) name: String,
    pub(super) birth: String,
    pub(super) sex: String,
    pub(super) postcode: String,
    pub(super) found: Vec<Found>,
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

#[derive(Default)]
struct Open {
    item: Option<Item>,
    negated: bool,
    capped: bool,
    text: Option<String>,
    unit: String,
    system: String,
}

struct Parser<'a> {
    text: &'a str,
    stack: Vec<Tag>,
    open: Vec<Open>,
    exam: Exam,
    at: u64,
    /// Lines counted so far: byte position and line number.
    counted: (usize, u64),
}

pub(super) fn parse(text: &str) -> Result<Exam, Fault> {
    let mut reader = Reader::from_str(text);
    let mut parser =
        Parser { text, stack: Vec::with_capacity(16), open: Vec::new(), exam: Exam::default(), at: 0, counted: (0, 1) };
    loop {
        parser.at = reader.buffer_position();
        match reader.read_event() {
            Ok(Event::Start(element)) => parser.start(&element)?,
            Ok(Event::Empty(element)) => {
                parser.start(&element)?;
                parser.end();
            }
            Ok(Event::End(_)) => parser.end(),
            Ok(Event::Text(content)) => parser.text(&content.xml10_content()),
            Ok(Event::CData(content)) => parser.text(&content.xml10_content()),
            Ok(Event::GeneralRef(entity)) => {
                let resolved = match entity.resolve_char_ref() {
                    Ok(Some(c)) => Some(c),
                    Ok(None) => predefined(&entity),
                    Err(_) => None,
                };
                match resolved {
                    Some(c) => parser.text(c.encode_utf8(&mut [0; 4])),
                    None => return Err(parser.fault("entity")),
                }
            }
            Ok(Event::DocType(_)) => return Err(parser.fault("doctype")),
            Ok(Event::Decl(_) | Event::PI(_) | Event::Comment(_)) => {}
            Ok(Event::Eof) => break,
            Err(_) => {
                let position = reader.error_position();
                return Err(Fault::at("xml", text, position));
            }
        }
    }
    if parser.stack.is_empty() { Ok(parser.exam) } else { Err(parser.fault("truncated")) }
}

fn predefined(name: &str) -> Option<char> {
    match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => None,
    }
}

impl Parser<'_> {
    fn fault(&self, code: &'static str) -> Fault {
        Fault::at(code, self.text, self.at)
    }

    /// The current line; counted onwards, so that a document is scanned once.
    fn line(&mut self) -> u64 {
        let (from, line) = self.counted;
        let to = usize::try_from(self.at).unwrap_or(usize::MAX);
        if let Some(passed) = self.text.as_bytes().get(from..to) {
            let more = passed.iter().filter(|&&byte| byte == b'\n').count() as u64;
            self.counted = (to, line + more);
        }
        self.counted.1
    }

    fn up(&self, levels: usize) -> Option<Tag> {
        let at = self.stack.len().checked_sub(levels + 1)?;
        self.stack.get(at).copied()
    }

    /// The value of an attribute by its local name.
    fn get(&self, element: &BytesStart<'_>, name: &str) -> Result<Option<String>, Fault> {
        for attribute in element.attributes().with_checks(false) {
            let attribute = attribute.map_err(|_| self.fault("xml"))?;
            if attribute.key.local_name().into_inner() == name {
                let value = attribute.normalized_value(XmlVersion::Explicit1_0).map_err(|_| self.fault("entity"))?;
                return Ok(Some(value.into_owned()));
            }
        }
        Ok(None)
    }

    fn keep(&self, element: &BytesStart<'_>, name: &str, to: &mut String) -> Result<(), Fault> {
        if let Some(value) = self.get(element, name)?
            && to.is_empty()
        {
            *to = value;
        }
        Ok(())
    }

    fn start(&mut self, element: &BytesStart<'_>) -> Result<(), Fault> {
        if self.stack.len() >= DEPTH {
            return Err(self.fault("too-deep"));
        }
        let local = element.local_name();
        let parent = self.up(0);
        let mut exam = std::mem::take(&mut self.exam);
        let tag = self.element(local.into_inner(), parent, element, &mut exam);
        self.exam = exam;
        self.stack.push(tag?);
        Ok(())
    }

    fn element(
        &mut self,
        name: &str,
        parent: Option<Tag>,
        element: &BytesStart<'_>,
        exam: &mut Exam,
    ) -> Result<Tag, Fault> {
        let tag = match (name, parent) {
            ("ClinicalDocument", None) => Tag::Document,
            ("code", Some(Tag::Document)) => {
                self.keep(element, "code", &mut exam.report)?;
                Tag::Other
            }
            ("patientRole", _) => Tag::Role,
            ("id", Some(Tag::Role)) => {
                let root = self.get(element, "root")?.unwrap_or_default();
                let to = match root.rsplit_once("6.").map(|(_, arc)| arc) {
                    Some("101") => &mut exam.insurer,
                    Some("204") => &mut exam.symbol,
                    Some("205") => &mut exam.number,
                    Some("211") => &mut exam.branch,
                    _ => return Ok(Tag::Other),
                };
                self.keep(element, "extension", to)?;
                Tag::Other
            }
            ("addr", Some(Tag::Role)) => Tag::Addr,
            ("postalCode", Some(Tag::Addr)) => Tag::Postcode,
            ("patient", Some(Tag::Role)) => Tag::Patient,
            ("name", Some(Tag::Patient)) => Tag::Name,
            ("administrativeGenderCode", Some(Tag::Patient)) => {
                self.keep(element, "code", &mut exam.sex)?;
                Tag::Other
            }
            ("birthTime", Some(Tag::Patient)) => {
                self.keep(element, "value", &mut exam.birth)?;
                Tag::Other
            }
            ("serviceEvent", _) => Tag::Event,
            ("code", Some(Tag::Event)) => {
                self.keep(element, "code", &mut exam.event)?;
                Tag::Other
            }
            ("effectiveTime", Some(Tag::Event)) => {
                self.keep(element, "value", &mut exam.date)?;
                Tag::EffectiveTime
            }
            ("low", Some(Tag::EffectiveTime)) => {
                self.keep(element, "value", &mut exam.date)?;
                Tag::Other
            }
            ("observation", _) => {
                let negated = self.get(element, "negationInd")?;
                self.open.push(Open { negated: negated.as_deref() == Some("true"), ..Open::default() });
                Tag::Observation
            }
            ("code", Some(Tag::Observation)) => {
                let code = self.get(element, "code")?;
                if let Some(open) = self.open.last_mut() {
                    open.item = code.as_deref().and_then(items::item);
                }
                Tag::Other
            }
            ("value", Some(Tag::Observation)) => {
                self.value(element)?;
                Tag::Other
            }
            _ => Tag::Other,
        };
        Ok(tag)
    }

    /// A value of the innermost observation. `CD H|L` before a quantity says that it is a limit of measurement.
    fn value(&mut self, element: &BytesStart<'_>) -> Result<(), Fault> {
        if self.get(element, "nullFlavor")?.is_some() {
            return Ok(());
        }
        let (value, code) = (self.get(element, "value")?, self.get(element, "code")?);
        let system = self.get(element, "codeSystem")?.unwrap_or_default();
        let unit = self.get(element, "unit")?.unwrap_or_default();
        let Some(open) = self.open.last_mut() else {
            return Ok(());
        };
        let number = matches!(open.item.map(|item| item.how), Some(How::Number(_) | How::Jds));
        if let Some(value) = value {
            open.text = Some(value);
            open.unit = unit;
        } else if let Some(code) = code {
            if number && matches!(code.as_str(), "H" | "L") {
                open.capped = true;
            } else if !number {
                open.text = Some(code);
                open.system = system;
            }
        } else if number {
            // A text where a quantity belongs: its content is never looked at, only counted as unreadable.
            open.text.get_or_insert_with(String::new);
        }
        Ok(())
    }

    fn text(&mut self, text: &str) {
        let to = match self.up(0) {
            Some(Tag::Name) => &mut self.exam.name,
            // Parts of a name (family, given) lie one level deeper.
            Some(Tag::Other) if self.up(1) == Some(Tag::Name) => &mut self.exam.name,
            Some(Tag::Postcode) => &mut self.exam.postcode,
            _ => return,
        };
        if to.len() + text.len() <= LONGEST {
            to.push_str(text);
        }
    }

    fn end(&mut self) {
        if self.stack.pop() != Some(Tag::Observation) {
            return;
        }
        let Some(open) = self.open.pop() else {
            return;
        };
        if open.negated {
            return;
        }
        if let (Some(item), Some(text)) = (open.item, open.text) {
            let line = self.line();
            self.exam.found.push(Found { item, text, unit: open.unit, system: open.system, capped: open.capped, line });
        }
    }
}
