//! FHIR fixtures. All people and numbers are invented; what must never be kept says 秘密.

#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use datasets::read::{Kind, ReadError};

use crate::read_support::{Run, file, run};

pub(crate) const K: Kind = Kind::Fhir;
pub(crate) const MEMBER: &str = "http://jpfhir.jp/fhir/clins/Idsystem/JP_Insurance_memberID";
pub(crate) const NAME: &str = "http://hl7.org/fhir/StructureDefinition/iso21090-EN-representation";

pub(crate) fn patient(id: &str) -> String {
    format!(
        r#"{{"resourceType":"Patient","id":"{id}","text":{{"status":"generated","div":"<div>秘密の文</div>"}},
        "identifier":[{{"system":"{MEMBER}","value":"06139999:１２:345{id}:01"}}],
        "name":[{{"extension":[{{"url":"{NAME}","valueCode":"IDE"}}],"text":"架空　花子"}},
                {{"extension":[{{"url":"{NAME}","valueCode":"SYL"}}],"text":"カクウ　ハナコ"}}],
        "gender":"female","birthDate":"1980-02-29","address":[{{"postalCode":"100-0001"}}]}}"#
    )
    .replace('\n', " ")
}

pub(crate) fn code(system: &str, code: &str) -> String {
    let system = match system {
        "loinc" => "http://loinc.org",
        "jlac10" => "urn:oid:1.2.392.200119.4.504",
        "hk" => "http://phr-s.org/fhir/CodeSystem/pghd",
        other => other,
    };
    format!(r#""code":{{"coding":[{{"system":"{system}","code":"{code}","display":"秘密の表示"}}],"text":"秘密"}}"#)
}

pub(crate) fn quantity(value: &str, unit: &str) -> String {
    format!(r#""valueQuantity":{{"value":{value},"unit":"秘密","system":"http://unitsofmeasure.org","code":"{unit}"}}"#)
}

/// An observation of Patient/1 with these further members.
pub(crate) fn observation(members: &[&str]) -> String {
    format!(
        r#"{{"resourceType":"Observation","status":"final","note":[{{"text":"秘密の話"}}],"subject":{{"reference":"Patient/1"}},{}}}"#,
        members.join(",")
    )
}

pub(crate) const AT: &str = r#""effectiveDateTime":"2024-05-01T07:30:00+09:00""#;
pub(crate) const HOME: &str = r#""performer":[{"reference":"Patient/1","display":"秘密の氏名"}]"#;

pub(crate) fn at(time: &str) -> String {
    format!(r#""effectiveDateTime":"{time}""#)
}

pub(crate) fn during(start: &str, end: &str) -> String {
    format!(r#""effectivePeriod":{{"start":"{start}","end":"{end}"}}"#)
}

pub(crate) fn bundle(resources: &[String]) -> String {
    let entries: Vec<String> = resources
        .iter()
        .enumerate()
        .map(|(at, one)| format!(r#"{{"fullUrl":"urn:x:{at}","resource":{one}}}"#))
        .collect();
    format!(r#"{{"resourceType":"Bundle","type":"collection","entry":[{}]}}"#, entries.join(",\n"))
}

pub(crate) fn take(text: &str) -> Run {
    let dir = tempfile::tempdir().unwrap();
    run(&[file(dir.path(), "x", text.as_bytes())]).unwrap()
}

pub(crate) fn refused(text: &str) -> ReadError {
    let dir = tempfile::tempdir().unwrap();
    let error = run(&[file(dir.path(), "x", text.as_bytes())]).err().expect("refused");
    let said = format!("{error} {error:?}");
    assert!(!said.contains("秘密") && !said.contains("架空"), "{said}");
    error
}

/// All cells of a table as text, sorted.
pub(crate) fn rows(run: &Run, table: &str) -> Vec<String> {
    let Some(frame) = run.tables.get(table) else { return Vec::new() };
    let mut rows: Vec<String> = (0..frame.height())
        .map(|row| {
            let ident = usize::try_from(run.int(table, "ident", row).unwrap()).unwrap();
            let who = run.who(ident, "number");
            let cells = frame.columns().iter().skip(1).map(|column| format!("{}", column.get(row).unwrap()));
            format!("{who:?} {}", cells.collect::<Vec<_>>().join("|"))
        })
        .collect();
    rows.sort();
    rows
}
