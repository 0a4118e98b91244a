//! One Observation: what was measured, when, where and of whom, without anything written in words. Notes, displays,
//! `text`, `valueString` and names of performers are never looked at. Not the place for persons or tables.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::rc::Rc;

use super::codes::{self, Coding, Daily, System};
use super::json::{self, Json};
use super::time::{self, Span};
use crate::read::text;

/// Components of one observation at most.
const COMPONENTS: usize = 200;

/// Texts that occur again and again, held once.
#[derive(Default)]
pub(super) struct Intern(HashSet<Rc<str>>);

impl Intern {
    pub(super) fn of(&mut self, text: &str) -> Rc<str> {
        const MOST: usize = 1 << 16;
        if let Some(known) = self.0.get(text) {
            return Rc::clone(known);
        }
        if self.0.len() >= MOST {
            self.0.clear();
        }
        let new: Rc<str> = Rc::from(text);
        self.0.insert(Rc::clone(&new));
        new
    }
}

/// Where it was measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Where {
    Clinic,
    Home,
    Device,
    Other,
}

impl Where {
    pub(super) fn code(self) -> &'static str {
        match self {
            Self::Clinic => "clinic",
            Self::Home => "home",
            Self::Device => "device",
            Self::Other => "other",
        }
    }
}

/// How the state of the record is to be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Status {
    Preliminary,
    Final,
    Corrected,
    Withdrawn,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Limit {
    None,
    Below,
    Above,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Value {
    /// A number as written, its unit clean.
    Number { text: Rc<str>, unit: Rc<str>, limit: Limit },
    /// A code and the URI of its list.
    Answer { code: Rc<str>, system: Rc<str> },
    /// As long as the observation lasted: a stage of sleep.
    Duration,
    /// Said to be missing: not done (true), or not measurable.
    Missing { not_done: bool },
}

/// One result: an observation's own, or a component's.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Part {
    pub(super) system: System,
    pub(super) code: Rc<str>,
    pub(super) daily: Option<Daily>,
    pub(super) value: Value,
    /// `interpretation`: H, L or N.
    pub(super) judgement: Option<char>,
}

/// Of whom: a reference as written, an identifier (system, value).
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(super) struct Subject {
    pub(super) reference: Option<Rc<str>>,
    pub(super) identifier: Option<(Rc<str>, Rc<str>)>,
}

pub(super) struct Record {
    pub(super) line: u64,
    pub(super) subject: Subject,
    pub(super) status: Status,
    /// Same for the versions of one observation; 0 if nothing names it.
    pub(super) name: u64,
    /// The name is the resource's id, not an identifier.
    pub(super) by_id: bool,
    /// When this version was made, as written, in seconds.
    pub(super) made: i64,
    pub(super) span: Option<Span>,
    pub(super) place: Where,
    pub(super) device: u64,
    pub(super) parts: Vec<Part>,
    /// Parts without a value that can be taken, by reason.
    pub(super) lost: Vec<&'static str>,
    pub(super) repaired: Vec<&'static str>,
}

impl Record {
    /// Equal for records that say the same of the same.
    pub(super) fn content(&self) -> u64 {
        hash(&(&self.subject, self.span, self.place, self.device, &self.parts))
    }
}

pub(super) fn hash<T: Hash>(value: &T) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

/// Reads an Observation; `Err` says why it is quarantined.
pub(super) fn read(
    resource: &Json<'_>,
    url: Option<&str>,
    line: u64,
    intern: &mut Intern,
) -> Result<Record, &'static str> {
    let span = time::effective(resource).map_err(|()| "date")?;
    let subject = subject(resource.get("subject"), intern);
    let (mut parts, mut lost, mut repaired) = (Vec::new(), Vec::new(), Vec::new());
    let own = part(resource, intern, &mut repaired);
    let components = resource.list("component");
    match own {
        Ok(part) => parts.push(part),
        Err("no-value") if !components.is_empty() => {}
        Err("no-value") if resource.has("hasMember") => lost.push("group"),
        Err(code) => lost.push(code),
    }
    for component in components.iter().take(COMPONENTS) {
        match part(component, intern, &mut repaired) {
            Ok(part) => parts.push(part),
            Err(code) => lost.push(code),
        }
    }
    if components.len() > COMPONENTS {
        lost.push("too-many-components");
    }
    let status = match resource.text("status").unwrap_or("final") {
        "entered-in-error" | "cancelled" => Status::Withdrawn,
        "amended" | "corrected" => Status::Corrected,
        "registered" | "preliminary" => Status::Preliminary,
        _ => Status::Final,
    };
    let made = resource.get("meta").text("lastUpdated").or_else(|| resource.text("issued")).and_then(time::moment);
    let made = made.map_or(0, |m| i64::from(m.day) * 86_400 + i64::from(m.second.unwrap_or(0)));
    let place = place(resource, &parts);
    let device = device(resource.get("device"));
    let (name, by_id) = name(resource, url);
    Ok(Record { line, subject, status, name, by_id, made, span, place, device, parts, lost, repaired })
}

pub(super) fn subject(subject: &Json<'_>, intern: &mut Intern) -> Subject {
    const LONGEST: usize = 500;
    let fits = |text: &&str| !text.is_empty() && text.len() <= LONGEST;
    let reference = subject.text("reference").map(str::trim).filter(fits);
    let identifier = subject.get("identifier");
    let value = identifier.text("value").map(str::trim).filter(fits);
    let system = identifier.text("system").map(str::trim).filter(fits).unwrap_or("");
    Subject {
        reference: reference.map(|text| intern.of(text)),
        identifier: value.map(|value| (intern.of(system), intern.of(value))),
    }
}

/// What the versions of one observation have in common: identifier or id, and what was measured.
fn name(resource: &Json<'_>, url: Option<&str>) -> (u64, bool) {
    let identifier = resource.list("identifier").iter().find_map(|one| Some((one.text("system"), one.text("value")?)));
    let code = resource.get("code").list("coding").first().map(|one| (one.text("system"), one.text("code")));
    match (identifier, resource.text("id").or(url)) {
        (Some(identifier), _) => (hash(&(1, identifier, code)), false),
        (None, Some(id)) => (hash(&(2, id, code)), true),
        (None, None) => (0, false),
    }
}

fn device(device: &Json<'_>) -> u64 {
    let identifier = device.get("identifier");
    let said = (device.text("reference"), identifier.text("system"), identifier.text("value"), device.text("display"));
    if said == (None, None, None, None) { 0 } else { hash(&said) }
}

fn place(resource: &Json<'_>, parts: &[Part]) -> Where {
    let own = resource.get("subject").text("reference");
    let (mut person, mut staff) = (false, false);
    for performer in resource.list("performer") {
        let reference = performer.text("reference");
        let kind = performer.text("type").or_else(|| {
            let mut steps = reference?.rsplit('/');
            steps.next();
            steps.next()
        });
        match kind {
            Some("Patient" | "RelatedPerson") => person = true,
            Some("Practitioner" | "PractitionerRole" | "Organization" | "CareTeam") => staff = true,
            _ => person |= reference.is_some() && reference == own,
        }
    }
    let mut clinic = staff || resource.has("encounter") || resource.has("specimen");
    for category in resource.list("category") {
        for coding in category.list("coding") {
            match coding.text("code") {
                Some("laboratory" | "imaging" | "procedure" | "exam") => clinic = true,
                Some("patient-generated" | "pghd") => person = true,
                _ => {}
            }
        }
    }
    let profiles = resource.get("meta").list("profile");
    person |= profiles.iter().filter_map(Json::as_text).any(|url| url.to_ascii_lowercase().contains("pghd"));
    let worn = resource.has("device");
    let kit = parts.iter().any(|part| part.system == System::HealthKit);
    match (person && !staff, clinic, worn || kit) {
        (true, _, true) | (false, false, true) => Where::Device,
        (true, _, false) => Where::Home,
        (false, true, _) => Where::Clinic,
        (false, false, false) => Where::Other,
    }
}

/// Reads the result of an observation or a component; `Err` is the reason why there is none to take.
fn part(node: &Json<'_>, intern: &mut Intern, repaired: &mut Vec<&'static str>) -> Result<Part, &'static str> {
    let codings: Vec<Coding> = node.get("code").list("coding").iter().filter_map(codes::coding).collect();
    let best = codings.iter().min_by_key(|coding| coding.system);
    let daily = codings.iter().find_map(codes::daily);
    let mut value = value(node, intern, repaired)?;
    let Some(best) = best else {
        return Err("code");
    };
    let mut daily = daily;
    let analysis = codings.iter().any(|coding| coding.system == System::HealthKit && coding.code == "sleepAnalysis");
    let stage = match &value {
        Value::Answer { code, .. } => Some(code),
        // HealthKit's own numbers of stages, sent as integers.
        Value::Number { text, unit, .. } if unit.is_empty() && node.has("valueInteger") => Some(text),
        _ => None,
    };
    if let (true, Some(stage)) = (analysis, stage) {
        daily = Some(codes::stage(stage).map_err(|()| "answer")?.ok_or("in-bed")?);
        value = Value::Duration;
    } else if !matches!(value, Value::Number { .. }) {
        daily = None;
    }
    let judged = node.list("interpretation").iter().flat_map(|one| one.list("coding")).find_map(|one| one.text("code"));
    let judgement = match judged {
        Some("H" | "HH" | "HU") => Some('H'),
        Some("L" | "LL" | "LU") => Some('L'),
        Some("N") => Some('N'),
        _ => None,
    };
    Ok(Part { system: best.system, code: intern.of(&best.code), daily, value, judgement })
}

fn value(node: &Json<'_>, intern: &mut Intern, repaired: &mut Vec<&'static str>) -> Result<Value, &'static str> {
    let quantity = node.get("valueQuantity");
    if node.has("valueQuantity") {
        let (written, as_text) = match quantity.get("value") {
            Json::Number(text) => (*text, false),
            Json::Text(text) => (text.trim(), true),
            Json::Null => return Err("no-value"),
            _ => return Err("number"),
        };
        if as_text {
            repaired.push("number-as-text");
        }
        let limit = match quantity.text("comparator") {
            None => Limit::None,
            Some("<" | "<=") => Limit::Below,
            Some(">" | ">=") => Limit::Above,
            Some(_) => return Err("comparator"),
        };
        let unit = quantity.text("code").or_else(|| quantity.text("unit")).unwrap_or("");
        return number(written, unit, limit, intern);
    }
    for name in ["valueInteger", "valueDecimal"] {
        if let Some(written) = node.number(name) {
            return number(written, "", Limit::None, intern);
        }
    }
    match node.get("valueBoolean") {
        Json::Flag(true) => return answer("true", "", intern),
        Json::Flag(false) => return answer("false", "", intern),
        _ => {}
    }
    if node.has("valueCodeableConcept") {
        let codings = node.get("valueCodeableConcept").list("coding");
        let coded = codings.iter().find_map(|one| Some((one.text("code")?, one.text("system").unwrap_or(""))));
        return coded.map_or(Err("free-text"), |(code, system)| answer(code, system, intern));
    }
    if node.has("valueSampledData") {
        return Err("sampled-data");
    }
    if node.has("valueString") {
        return Err("free-text");
    }
    if let Json::Object(members) = node
        && members.iter().any(|(name, value)| name.starts_with("value") && *value != Json::Null)
    {
        return Err("value-type");
    }
    let absent = node.get("dataAbsentReason").list("coding").iter().find_map(|one| one.text("code"));
    match absent {
        Some("not-performed" | "not-asked" | "asked-declined") => Ok(Value::Missing { not_done: true }),
        Some(_) => Ok(Value::Missing { not_done: false }),
        None => Err("no-value"),
    }
}

fn number(written: &str, unit: &str, limit: Limit, intern: &mut Intern) -> Result<Value, &'static str> {
    let plain = json::plain(written).ok_or("number")?;
    let unit = text::narrow(unit);
    Ok(Value::Number { text: intern.of(&plain), unit: intern.of(unit.get(..40).unwrap_or(&unit)), limit })
}

fn answer(code: &str, system: &str, intern: &mut Intern) -> Result<Value, &'static str> {
    let code = code.trim();
    if code.contains(char::is_whitespace) {
        return Err("answer");
    }
    let code = text::narrow(code);
    // What is no code (a text in its place, say) is never kept.
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'+' | b':' | b'/');
    if !(1..=60).contains(&code.len()) || !code.bytes().all(plain) {
        return Err("answer");
    }
    Ok(Value::Answer { code: intern.of(&code), system: intern.of(system.get(..200).unwrap_or("")) })
}
