//! JP eCheckup document Bundles: one fixture per fact. All people and numbers are invented.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod read_support;

use datasets::read::Kind;
use proptest::prelude::*;
use read_support::{Run, day, file, run};

const K: Kind = Kind::Fhir;
const ITEMS: &str = "urn:oid:1.2.392.200119.6.1005";
const WHO: &str = "urn:uuid:4bc68294-1895-d159-655b-1bc7e83f52f3";

fn composition(category: &str, event: &str) -> String {
    format!(
        r#"{{"resourceType":"Composition","status":"final","title":"秘密",
        "type":{{"coding":[{{"system":"http://jpfhir.jp/fhir/Common/CodeSystem/doc-typecodes","code":"53576-5"}}]}},
        "category":[{{"coding":[{{"code":"{category}"}}]}}],"subject":{{"reference":"{WHO}"}},
        "encounter":{{"reference":"urn:uuid:visit"}},"date":"2024-07-01T10:00:00+09:00",{event}
        "section":[{{"text":{{"div":"<div>秘密</div>"}},"entry":[{{"reference":"urn:uuid:x"}}]}}]}}"#
    )
}

const EVENT: &str = r#""event":[{"code":[{"coding":[{"system":"urn:oid:1.2.392.200119.6.1002","code":"010"}]}],"period":{"start":"2024-06-10","end":"2024-06-10"}}],"#;

fn patient() -> String {
    r#"{"resourceType":"Patient","id":"p","name":[{"text":"架空　花子"}],"gender":"female","birthDate":"1980-02-29"}"#
        .to_owned()
}

fn coverage() -> String {
    let ext = |name: &str, value: &str| {
        format!(
            r#"{{"url":"http://jpfhir.jp/fhir/core/Extension/StructureDefinition/JP_Coverage_InsuredPerson{name}","valueString":"{value}"}}"#
        )
    };
    let (symbol, number, branch) = (ext("Symbol", "１２"), ext("Number", "３４５"), ext("SubNumber", "０１"));
    format!(
        r#"{{"resourceType":"Coverage","extension":[{symbol},{number},{branch}],"beneficiary":{{"reference":"{WHO}"}},
        "payor":[{{"reference":"urn:uuid:insurer"}}]}}"#
    )
}

fn voucher() -> String {
    format!(r#"{{"resourceType":"Coverage","subscriberId":"24100000123","beneficiary":{{"reference":"{WHO}"}}}}"#)
}

fn insurer() -> String {
    r#"{"resourceType":"Organization","identifier":[{"system":"urn:oid:1.2.392.100495.20.3.61","value":"06139999"}],"name":"秘密"}"#.to_owned()
}

fn encounter() -> String {
    r#"{"resourceType":"Encounter","period":{"start":"2024-06-09","end":"2024-06-09"}}"#.to_owned()
}

fn item(code: &str, more: &str) -> String {
    format!(
        r#"{{"resourceType":"Observation","status":"final","subject":{{"reference":"{WHO}"}},
        "code":{{"coding":[{{"system":"{ITEMS}","code":"{code}","display":"秘密"}}]}},{more}}}"#
    )
}

fn pq(value: &str, unit: &str) -> String {
    format!(r#""valueQuantity":{{"value":{value},"unit":"{unit}","code":"{unit}"}}"#)
}

fn cd(code: &str, list: &str) -> String {
    format!(
        r#""valueCodeableConcept":{{"coding":[{{"system":"urn:oid:1.2.392.200119.6.{list}","code":"{code}","display":"秘密"}}]}}"#
    )
}

fn items() -> Vec<String> {
    vec![
        item("9N001000000000001", &pq("162.3", "cm")),
        item("9A751000000000001", &pq("149", "mm[Hg]")),
        item("9A752000000000001", &pq("141", "mm[Hg]")),
        item("3C015000002327101", &(pq("0.705", "mg/dL") + r#","interpretation":[{"coding":[{"code":"N"}]}]"#)),
        item("3F015000002327101", r#""valueQuantity":{"value":1000,"comparator":">=","code":"mg/dL"}"#),
        item("9N736000000000011", &cd("2", "24060")),
        item("9N501000000000011", &cd("3", "1008")),
        item(
            "9N056000000000011",
            &format!(
                r#"{},"component":[{{"code":{{"coding":[{{"system":"{ITEMS}","code":"9N056160400000049"}}]}},"valueString":"秘密の病"}}]"#,
                cd("1", "2001")
            ),
        ),
        item("9N021000000000001", r#""dataAbsentReason":{"coding":[{"code":"not-performed"}]}"#),
        item("2A030000001930101", r#""dataAbsentReason":{"coding":[{"code":"error"}]}"#),
        item("9N061160800000049", r#""valueString":"秘密の所見""#),
        item("9N999000000000011", r#""hasMember":[{"reference":"urn:uuid:x"}]"#),
    ]
}

fn others() -> Vec<(String, String)> {
    vec![
        ("urn:uuid:doc".to_owned(), composition("10", EVENT)),
        (WHO.to_owned(), patient()),
        ("urn:uuid:c1".to_owned(), coverage()),
        ("urn:uuid:c2".to_owned(), voucher()),
        ("urn:uuid:insurer".to_owned(), insurer()),
        ("urn:uuid:visit".to_owned(), encounter()),
        ("urn:uuid:d".to_owned(), r#"{"resourceType":"Practitioner","name":[{"text":"秘密医師"}]}"#.to_owned()),
    ]
}

fn entries() -> Vec<(String, String)> {
    let items = items().into_iter().enumerate().map(|(at, item)| (format!("urn:uuid:i{at}"), item));
    others().into_iter().chain(items).collect()
}

fn bundle(entries: &[(String, String)]) -> String {
    let entries: Vec<String> =
        entries.iter().map(|(url, one)| format!(r#"{{"fullUrl":"{url}","resource":{one}}}"#)).collect();
    format!(r#"{{"resourceType":"Bundle","type":"document","entry":[{}]}}"#, entries.join(",\n"))
}

fn take(text: &str) -> Run {
    let dir = tempfile::tempdir().unwrap();
    let got = run(&[file(dir.path(), "x", text.as_bytes())]).unwrap();
    assert!(!format!("{:?} {:?}", got.tables, got.report).contains("秘密"), "free text was kept");
    got
}

/// code → (state, value, answer, judgement).
type Item = (String, Option<String>, Option<i64>, Option<String>, Option<String>);

fn found(got: &Run) -> Vec<Item> {
    let table = "checkup_item";
    let mut rows: Vec<Item> = (0..got.height(table))
        .map(|row| {
            let code = got.text(table, "code", row).unwrap();
            let (state, value) = (got.code(table, "state", row), got.int(table, "value", row));
            (code, state, value, got.text(table, "answer", row), got.code(table, "judgement", row))
        })
        .collect();
    rows.sort();
    rows
}

#[test]
fn a_report_is_a_checkup() {
    let got = take(&bundle(&entries()));
    assert_eq!((got.height("checkup"), got.height("observation"), got.height("lifelog_daily")), (1, 0, 0));
    assert_eq!(got.date("checkup", "exam_date", 0), Some(day(2024, 6, 10)), "the day of the event");
    assert_eq!(got.code("checkup", "kind", 0).as_deref(), Some("tokutei"));
    let int = |column| got.int("checkup", column, 0);
    assert_eq!(
        (int("height_cm"), int("sbp"), int("creatinine"), int("tg")),
        (Some(1_623), Some(141), Some(71), Some(1_000))
    );
    assert_eq!((int("weight_kg"), int("hb")), (None, None));
    let code = |column| got.code("checkup", column, 0);
    assert_eq!((code("q_smoking").as_deref(), code("metabo").as_deref()), (Some("4:2"), Some("3")));
    let who = |column| got.who(0, column).unwrap();
    assert_eq!((who("insurer_no"), who("symbol"), who("number")), ("06139999".into(), "１２".into(), "３４５".into()));
    assert_eq!((who("branch"), who("name"), who("birth")), ("０１".into(), "架空　花子".into(), "1980-02-29".into()));
    let rows = found(&got);
    let of = |code: &str| rows.iter().find(|row| row.0 == code).unwrap_or_else(|| panic!("no {code}")).clone();
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(of("9A751000000000001").1, text("measured"));
    assert_eq!((of("3C015000002327101").2, of("3C015000002327101").4), (Some(705), text("N")));
    assert_eq!((of("3F015000002327101").1, of("3F015000002327101").2), (text("above"), Some(1_000_000)));
    assert_eq!((of("9N021000000000001").1, of("2A030000001930101").1), (text("not_done"), text("not_measurable")));
    assert_eq!((of("9N736000000000011").3, of("9N056000000000011").3), (text("4:2"), text("1")));
    assert_eq!(rows.len(), 10);
    assert_eq!((got.left_out(K, "free-text"), got.left_out(K, "group"), got.left_out(K, "other-resource")), (1, 1, 3));
    assert_eq!((got.report.of(K).read, got.report.of(K).kept), (19, 14));
}

#[test]
fn the_day_and_kind_of_a_report() {
    let with = |category: &str, event: &str, visit: bool| {
        let mut all = entries();
        all[0].1 = composition(category, event);
        all.retain(|(url, _)| visit || url != "urn:uuid:visit");
        take(&bundle(&all))
    };
    let got = with("41", "", true);
    assert_eq!(got.date("checkup", "exam_date", 0), Some(day(2024, 6, 9)), "the day of the encounter");
    assert_eq!(got.code("checkup", "kind", 0).as_deref(), Some("jigyonushi"));
    assert_eq!(with("10", "", false).date("checkup", "exam_date", 0), Some(day(2024, 7, 1)));
    let guidance = with("21", EVENT, true);
    assert_eq!((guidance.height("checkup"), guidance.left_out(K, "guidance-record")), (0, 12));
}

#[test]
fn a_report_of_nobody() {
    let mut all = entries();
    all.retain(|(url, _)| url != WHO);
    let got = take(&bundle(&all));
    assert_eq!((got.height("checkup"), got.quarantined(K, "person-unknown")), (0, 12));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_order_of_entries_does_not_matter(shuffled in Just(entries()).prop_shuffle()) {
        let (straight, other) = (take(&bundle(&entries())), take(&bundle(&shuffled)));
        prop_assert_eq!(found(&straight), found(&other));
        prop_assert_eq!(format!("{:?}", straight.tables["checkup"]), format!("{:?}", other.tables["checkup"]));
        prop_assert_eq!(straight.report.of(K), other.report.of(K));
        prop_assert_eq!(straight.who(0, "number"), other.who(0, "number"));
    }
}
