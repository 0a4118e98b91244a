//! FHIR: an exam as a JP eCheckup document Bundle (source clinic), and a lifelog user's days as Observations in NDJSON, as personal
//! health records export them (JP PGHD). Not all of the profiles: what readers need, and the free text that they must drop.

use serde_json::{Value, json};

use super::calendar::civil;
use super::checkups::Exam;
use super::checkups::items::{self, Found, Item};
use super::dice::mix;
use super::formats::Format;
use super::lifelog::{Day, Life, Way};
use super::out::{Block, Source, push_fixed};
use super::people::Person;
use super::run::World;
use super::tables::known;
use super::written::{self, Written};

const OID: &str = "urn:oid:1.2.392.200119.6.";
const MEMBER: &str = "http://jpfhir.jp/fhir/clins/Idsystem/JP_Insurance_memberID";
/// One exam in so many is handed over by the clinic; one in as many again of these as a file of its own.
const SHARE: u64 = 4;
const SINGLE: u64 = 25;

/// Exams of clinics that speak FHIR, and the days of users who gave such a file.
pub(crate) fn write(world: &World<'_>, person: &Person, exams: &[Exam], life: Option<&Life>, block: &mut Block) {
    if !world.writes(Format::Fhir) {
        return;
    }
    for exam in exams {
        let key = mix(&[u64::from(person.number), exam.on as u64, 71]);
        if !key.is_multiple_of(SHARE) {
            continue;
        }
        let Some(spell) = person.spells.get(exam.spell) else {
            continue;
        };
        let who = written::report(world.options, person, spell, exam.on);
        known(block, Source::Clinic, &who, person);
        let bundle = bundle(person, exam, &who, key);
        if (key / SHARE).is_multiple_of(SINGLE) {
            let text = serde_json::to_string_pretty(&bundle).unwrap_or_default();
            block.whole.push((format!("clinic/fhir/{key:016x}.json"), text.into_bytes()));
        } else {
            let at = block.file("clinic/fhir/echeckup.ndjson", Vec::new);
            block.append(at, format!("{bundle}\n").as_bytes());
        }
        block.counts.further += 1;
        items::note_checkup(block, Source::Clinic, person.number, exam.on, exam.kind(), exam.third_term, &exam.items);
        items::note_items(block, Source::Clinic, person.number, exam.on, &exam.items);
    }
    if let Some(life) = life.filter(|life| life.way == Way::Fhir) {
        own(person, life, block);
    }
}

fn date(day: i32) -> String {
    let (y, m, d) = civil(day);
    format!("{y:04}-{m:02}-{d:02}")
}

fn reference(key: u64, of: u64) -> String {
    let low = mix(&[key, of]);
    format!(
        "urn:uuid:{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}",
        key as u32,
        low as u16,
        (low >> 16) as u16 & 0xfff,
        (low >> 32) as u16 & 0xfff,
        low >> 16
    )
}

fn patient(who: &Written, postcode: u32) -> Value {
    let part = |text: &str, code: &str| {
        let (family, given) = text.split_once(['\u{3000}', ' ']).unwrap_or((text, ""));
        let mut name = json!({
            "extension": [{"url": "http://hl7.org/fhir/StructureDefinition/iso21090-EN-representation", "valueCode": code}],
            "use": "official", "text": text, "family": family,
        });
        if !given.is_empty()
            && let Some(name) = name.as_object_mut()
        {
            name.insert("given".to_owned(), json!([given]));
        }
        name
    };
    let mut names = Vec::new();
    for (text, code) in [(&who.name, "IDE"), (&who.kana, "SYL")] {
        if !text.is_empty() {
            names.push(part(text, code));
        }
    }
    let mut patient = json!({
        "resourceType": "Patient",
        "name": names,
        "telecom": [{"system": "phone", "value": "03-0000-0000", "use": "home"}],
        "gender": who.sex,
        "birthDate": who.birth,
        "address": [{"text": "東京都架空市桜町1", "postalCode": format!("{:03}-{:04}", postcode / 10_000, postcode % 10_000), "country": "JP"}],
    });
    if !who.number.is_empty()
        && let Some(patient) = patient.as_object_mut()
    {
        let member = format!("{}:{}:{}:{}", who.insurer, who.symbol, who.number, who.branch);
        let identifiers = json!([
            {"system": "urn:oid:1.2.392.200119.6.102.11310000001", "value": "0000001"},
            {"system": MEMBER, "value": member},
        ]);
        patient.insert("identifier".to_owned(), identifiers);
    }
    patient
}

/// A number as JSON wants it, with its decimals.
fn decimal(stored: i64, digits: u32) -> Value {
    let mut text = Vec::new();
    push_fixed(&mut text, stored, digits);
    serde_json::from_slice(&text).unwrap_or(Value::Null)
}

fn observation(exam: &Exam, item: &Item, subject: &str) -> Value {
    let category = if item.code.starts_with("9N7") { "survey" } else { "laboratory" };
    let mut one = json!({
        "resourceType": "Observation",
        "meta": {"profile": ["http://jpfhir.jp/fhir/eCheckup/StructureDefinition/JP_Observation_eCheckupGeneral"]},
        "status": "final",
        "category": [{"coding": [{"system": "http://jpfhir.jp/fhir/core/CodeSystem/JP_SimpleObservationCategory_CS", "code": category}]}],
        "code": {"coding": [{"system": format!("{OID}1005"), "code": item.code}]},
        "subject": {"reference": subject},
        "effectiveDateTime": date(exam.on),
    });
    let absent = |code: &str| json!({"coding": [{"system": "http://terminology.hl7.org/CodeSystem/data-absent-reason", "code": code}]});
    let (name, value) = match item.found {
        Found::Number { stored, digits, unit } => (
            "valueQuantity",
            json!({"value": decimal(stored, digits), "unit": unit, "system": "http://unitsofmeasure.org", "code": unit}),
        ),
        Found::Answer { code, system, .. } => (
            "valueCodeableConcept",
            json!({"coding": [{"system": format!("{OID}{system}"), "code": code.to_string()}]}),
        ),
        Found::NotDone => ("dataAbsentReason", absent("not-performed")),
        Found::Unmeasurable => ("dataAbsentReason", absent("error")),
    };
    if let Some(one) = one.as_object_mut() {
        one.insert(name.to_owned(), value);
    }
    one
}

fn bundle(person: &Person, exam: &Exam, who: &Written, key: u64) -> Value {
    let (category, programme) = if exam.statutory { ("10", "010") } else { ("41", "030") };
    let on = date(exam.on);
    let [composition, subject, organization] = [0, 1, 2].map(|of| reference(key, of));
    let mut entries = Vec::with_capacity(exam.items.len() + 3);
    let mut results = Vec::with_capacity(exam.items.len());
    for (at, item) in (10u64..).zip(&exam.items) {
        let url = reference(key, at);
        results.push(json!({"reference": url}));
        entries.push(json!({"fullUrl": url, "resource": observation(exam, item, &subject)}));
    }
    let sections = json!([{
        "title": "特定健診検査・問診結果セクション",
        "code": {"coding": [{"system": "http://jpfhir.jp/fhir/eCheckup/CodeSystem/section-code", "code": "01011"}]},
        "text": {"status": "generated", "div": format!("<div xmlns=\"http://www.w3.org/1999/xhtml\">{} 様の健診結果</div>", who.kana)},
        "entry": results,
    }]);
    let head = json!({
        "resourceType": "Composition",
        "meta": {"profile": ["http://jpfhir.jp/fhir/eCheckup/StructureDefinition/JP_Composition_eCheckupGeneral"]},
        "status": "final",
        "type": {"coding": [{"system": "http://jpfhir.jp/fhir/Common/CodeSystem/doc-typecodes", "code": "53576-5"}]},
        "category": [{"coding": [{"system": "urn:oid:2.16.840.1.113883.2.2.1.6.1001", "code": category}]}],
        "subject": {"reference": subject},
        "date": format!("{on}T15:00:00+09:00"),
        "author": [{"reference": organization}],
        "title": "健康診断結果報告書",
        "event": [{"code": [{"coding": [{"system": format!("{OID}1002"), "code": programme}]}], "period": {"start": on, "end": on}}],
        "section": sections,
    });
    let clinic = json!({"resourceType": "Organization", "name": "さくら健診センター",
        "identifier": [{"system": format!("{OID}102"), "value": "1310000001"}]});
    let first = [(composition, head), (subject, patient(who, person.postcode_on(exam.on))), (organization, clinic)];
    let first = first.into_iter().map(|(url, resource)| json!({"fullUrl": url, "resource": resource}));
    json!({
        "resourceType": "Bundle",
        "meta": {"profile": ["http://jpfhir.jp/fhir/eCheckup/StructureDefinition/JP_Bundle_eCheckupReport"]},
        "type": "document",
        "timestamp": format!("{on}T15:00:00+09:00"),
        "entry": first.chain(entries).collect::<Vec<_>>(),
    })
}

const LOINC: &str = "http://loinc.org";
const HEALTHKIT: &str = "http://jpphrio.jp/fhir/pghd/CodeSystem/HealthKit";

fn quantity(system: &str, code: &str, when: Value, value: Value, unit: &str) -> Value {
    let name = if when.is_object() { "effectivePeriod" } else { "effectiveDateTime" };
    json!({
        "resourceType": "Observation",
        "status": "final",
        "category": [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "activity"}]}],
        "code": {"coding": [{"system": system, "code": code}]},
        "subject": {"reference": "Patient/me"},
        "performer": [{"reference": "Patient/me"}],
        name: when,
        "valueQuantity": {"value": value, "unit": unit, "system": "http://unitsofmeasure.org", "code": unit},
        "note": [{"text": "今日は家族と散歩した"}],
    })
}

/// A user's own file. Every other one holds the user as a Patient; the others are known by the file's name in the roster.
fn own(person: &Person, life: &Life, block: &mut Block) {
    let mut lines = Vec::new();
    if life.named_inside {
        let mut who = life.who.clone();
        written::fhir_sex(&mut who);
        known(block, Source::Lifelog, &who, person);
        let mut me = patient(&who, 0);
        if let Some(me) = me.as_object_mut() {
            me.insert("id".to_owned(), json!("me"));
            me.remove("address");
        }
        lines.push(me.to_string());
    }
    let glucose = person.number.is_multiple_of(3);
    for day in &life.days {
        of_day(day, &mut lines);
        note(day, person, block);
        if glucose && day.day % 4 == 0 {
            pricked(day, person, &mut lines, block);
        }
    }
    let text = lines.join("\n") + "\n";
    block.whole.push((life.path.clone(), text.into_bytes()));
    block.counts.personal += 1;
}

fn of_day(day: &Day, lines: &mut Vec<String>) {
    let on = date(day.day);
    let whole = json!({"start": format!("{on}T00:00:00+09:00"), "end": format!("{on}T23:59:59+09:00")});
    let morning = |minute: i64| json!(format!("{on}T07:{minute:02}:00+09:00"));
    let mut add = |one: Value| lines.push(one.to_string());
    if day.steps % 2 == 0 {
        add(quantity(LOINC, "41950-7", whole, json!(day.steps), "{steps}/d"));
    } else {
        add(quantity(HEALTHKIT, "stepCount", whole, json!(day.steps), "{steps}"));
    }
    if let Some(sleep) = day.sleep {
        // Ends in the morning of the day; minutes asleep may be fewer than the night is long.
        let begun = 7 * 60 - sleep - 10;
        let (date_of, minute) = if begun < 0 { (date(day.day - 1), begun + 1440) } else { (on.clone(), begun) };
        let start = format!("{date_of}T{:02}:{:02}:00+09:00", minute / 60, minute % 60);
        let night = json!({"start": start, "end": format!("{on}T07:00:00+09:00")});
        add(quantity(LOINC, "93832-4", night, json!(sleep), "min"));
    }
    if let Some(rate) = day.heart {
        add(quantity(LOINC, "40443-4", json!(on), json!(rate), "/min"));
    }
    if let Some(weight) = day.weight {
        add(quantity(LOINC, "29463-7", morning(5), decimal(weight, 1), "kg"));
    }
    if let Some((sbp, dbp)) = day.pressure {
        let part = |code: &str, value: i64| {
            json!({"code": {"coding": [{"system": LOINC, "code": code}]},
                "valueQuantity": {"value": value, "unit": "mmHg", "system": "http://unitsofmeasure.org", "code": "mm[Hg]"}})
        };
        add(json!({
            "resourceType": "Observation",
            "status": "final",
            "category": [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "vital-signs"}]}],
            "code": {"coding": [{"system": LOINC, "code": "85354-9"}]},
            "subject": {"reference": "Patient/me"},
            "performer": [{"reference": "Patient/me"}],
            "effectiveDateTime": morning(20),
            "component": [part("8480-6", sbp), part("8462-4", dbp)],
        }));
    }
}

/// Glucose at home before breakfast.
fn pricked(day: &Day, person: &Person, lines: &mut Vec<String>, block: &mut Block) {
    let value = 85 + (mix(&[u64::from(person.number), day.day as u64, 72]) % 60) as i64;
    let when = json!(format!("{}T06:45:00+09:00", date(day.day)));
    lines.push(quantity(LOINC, "41653-7", when, json!(value), "mg/dL").to_string());
    block.note(Source::Lifelog, "observation", person.number, |row| {
        row.day("date", day.day)
            .text("place", "home")
            .text("code", "loinc:41653-7")
            .int("value", value)
            .text("unit", "mg/dL");
    });
}

fn note(day: &Day, person: &Person, block: &mut Block) {
    block.note(Source::Lifelog, "lifelog_daily", person.number, |row| {
        row.day("date", day.day).int("steps", day.steps).text("source", "fhir");
        let (sbp, dbp) = day.pressure.unzip();
        for (column, value) in [("sleep_min", day.sleep), ("resting_hr", day.heart), ("sbp", sbp), ("dbp", dbp)] {
            if let Some(value) = value {
                row.int(column, value);
            }
        }
        if let Some(weight) = day.weight {
            row.fixed("weight_kg", weight, 1);
        }
    });
    block.counts.days += 1;
}
