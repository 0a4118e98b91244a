//! FHIR files: NDJSON, what is refused, limits, and that order means nothing. All people and numbers are invented.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

#[path = "read_support/fhir.rs"]
mod fhir;
mod read_support;

use datasets::read::ReadOptions;
use fhir::{AT, HOME, K, at, bundle, code, during, observation, patient, quantity, refused, rows, take};
use read_support::{day, file, run, run_with, zip};

#[test]
fn ndjson_with_blank_and_broken_lines() {
    let steps = |date: &str| observation(&[&code("loinc", "55423-8"), &at(date), &quantity("10", "1")]);
    let lines = [
        "\u{feff}".to_owned() + &steps("2024-05-01"),
        String::new(),
        patient("1"),
        steps("2024-05-02")[..80].to_owned(),
        "{\"resourceType\":\"Observation\",\"a\":NaN}".to_owned(),
        "{\"resourceType\":\"Observation\",\"a\":1,\"a\":1}".to_owned(),
        "{\"a\":1}".to_owned(),
        "nothing".to_owned(),
        bundle(&[patient("2"), steps("2024-05-04").replace("Patient/1", "Patient/2")]).replace('\n', " "),
        bundle(&[patient("3"), steps("2024-05-04").replace("Patient/1", "Patient/3")]).replace('\n', " ") + "]",
        steps("2024-05-03"),
        "{\"resourceType\":".to_owned(),
    ];
    let got = take(&lines.join("\r\n"));
    let mut days = got.ints("lifelog_daily", "date");
    days.sort();
    assert_eq!(days, [1, 3, 4, 4].map(|d| Some(i64::from(day(2024, 5, d)))));
    assert_eq!((got.quarantined(K, "json"), got.quarantined(K, "duplicate-key")), (4, 1));
    assert_eq!((got.quarantined(K, "not-fhir"), got.quarantined(K, "truncated")), (1, 1));
    let lines: Vec<u64> = got.report.findings().iter().map(|finding| finding.line).collect();
    assert!(lines.contains(&4) && lines.contains(&12), "{lines:?}");
}

#[test]
fn what_is_no_fhir_is_refused_whole() {
    for (text, code) in [
        ("{\"a\":1}", "not-fhir"),
        ("[{\"dateTime\":\"04/30/24\",\"value\":\"12\"}]", "not-fhir"),
        ("{\"resourceType\":\"Observation\"", "truncated"),
        ("{\"resourceType\":\"Observation\",}", "json"),
        ("{\"entry\":[{\"resource\":{\"resourceType\":\"Patient\"}}", "truncated"),
        ("{\"entry\":[],\"entry\":[],\"resourceType\":\"Bundle\"}", "duplicate-key"),
        ("{\"resourceType\":\"Bundle\",\"entry\":[{]}", "json"),
    ] {
        assert_eq!(refused(text).code(), code, "{text}");
    }
    let deep = format!("{{\"resourceType\":\"Basic\",\"a\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(refused(&deep).code(), "too-deep");
    // A Bundle that breaks off gives no row, and in a folder does not stop the run.
    let steps = observation(&[&code("loinc", "55423-8"), AT, &quantity("10", "1")]);
    let whole = bundle(&[patient("1"), steps.clone()]);
    assert_eq!(refused(&whole[..whole.len() - 2]).code(), "truncated");
    let dir = tempfile::tempdir().unwrap();
    let cut = &whole.as_bytes()[..whole.len() - 2];
    let path = zip(dir.path(), "z", &[("cut.json", cut), ("ok.json", whole.as_bytes()), ("no.json", b"{\"a\":[]}")]);
    let got = run(&[path]).unwrap();
    assert_eq!((got.height("lifelog_daily"), got.report.of(K).read), (1, 5));
    assert_eq!((got.quarantined(K, "truncated"), got.quarantined(K, "not-fhir")), (2, 1));
}

#[test]
fn limits_of_a_resource() {
    let big = observation(&[
        &code("loinc", "55423-8"),
        AT,
        &quantity("10", "1"),
        &format!("\"x\":\"{}\"", "x".repeat(5_000)),
    ]);
    let deep = observation(&[&code("loinc", "55423-8"), AT, &format!("\"x\":{}{}", "[".repeat(100), "]".repeat(100))]);
    let steps = observation(&[&code("loinc", "55423-8"), AT, &quantity("10", "1")]);
    let dir = tempfile::tempdir().unwrap();
    let path = file(dir.path(), "x", bundle(&[patient("1"), big, deep, steps]).as_bytes());
    let options = ReadOptions { max_document_bytes: 4_000, ..ReadOptions::default() };
    let got = run_with(&[path], &options).unwrap();
    assert_eq!((got.quarantined(K, "document-too-large"), got.quarantined(K, "too-deep")), (1, 1));
    assert_eq!(got.int("lifelog_daily", "steps", 0), Some(10));
}

#[test]
fn a_day_comes_from_one_file() {
    let dir = tempfile::tempdir().unwrap();
    let steps =
        |value: &str| bundle(&[patient("1"), observation(&[&code("loinc", "55423-8"), AT, &quantity(value, "1")])]);
    file(dir.path(), "a", steps("10").as_bytes());
    file(dir.path(), "b", steps("20").as_bytes());
    let got = run(&[dir.path().to_owned()]).unwrap();
    assert_eq!(got.ints("lifelog_daily", "steps"), [Some(10)]);
    assert_eq!(got.quarantined(K, "day-twice"), 1);
}

/// More than may wait for a Patient, a thousand minutes a day with a step each.
fn many(observations: usize) -> Vec<String> {
    (0..observations)
        .map(|n| {
            let (date, minute) = (n / 1_000 % 28 + 1, n % 1_000);
            let time = format!("2024-{:02}-{date:02}T{:02}:{:02}:00+09:00", n / 28_000 + 1, minute / 60, minute % 60);
            observation(&[&code("loinc", "55423-8"), &at(&time), &quantity("1", "1")])
        })
        .collect()
}

#[test]
fn more_than_can_wait() {
    let mut lines = vec![patient("1")];
    lines.extend(many(150_000));
    let got = take(&bundle(&lines));
    assert_eq!((got.height("lifelog_daily"), got.report.of(K).kept), (150, 150_001));
    assert_eq!(got.int("lifelog_daily", "steps", 149), Some(1_000));
    lines.remove(0);
    lines.push(patient("1"));
    assert_eq!(refused(&lines.join("\n")).code(), "patient-late");
}

mod order {
    use proptest::prelude::*;

    use super::*;

    fn resources() -> Vec<String> {
        let steps = |start: &str, end: &str, value: &str, device: &str| {
            let device = format!(r#""device":{{"display":"{device}"}}"#);
            let (start, end) = (format!("2024-05-01T{start}:00+09:00"), format!("2024-05-01T{end}:00+09:00"));
            observation(&[&code("hk", "stepCount"), &during(&start, &end), &quantity(value, "1"), &device])
        };
        let glucose = |status: &str, value: &str| {
            let key = r#""identifier":[{"value":"g"}]"#;
            observation(&[&code("loinc", "2345-7"), AT, &quantity(value, "mg/dL"), key])
                .replace("\"status\":\"final\"", &format!("\"status\":\"{status}\""))
        };
        let weight = |time: &str, value: &str| {
            observation(&[&code("loinc", "29463-7"), &at(time), &quantity(value, "kg"), HOME])
        };
        vec![
            patient("1"),
            patient("2"),
            steps("08:00", "09:00", "1000", "phone"),
            steps("08:30", "09:30", "900", "phone"),
            steps("08:00", "08:10", "100", "phone"),
            steps("09:00", "10:00", "50", "phone"),
            steps("08:00", "09:00", "1050", "watch"),
            glucose("final", "100"),
            glucose("amended", "101"),
            glucose("final", "100"),
            weight("2024-05-01T07:00:00+09:00", "60.1"),
            weight("2024-05-01T06:00:00+09:00", "60.2"),
            weight("2024-05-01T06:00:00+09:00", "60.3"),
            weight("2024-05-02", "60.4").replace("Patient/1", "Patient/2"),
            r#"{"resourceType":"Coverage","beneficiary":{"reference":"Patient/2"},"identifier":[{"system":"http://jpfhir.jp/fhir/clins/Idsystem/JP_Insurance_memberID","value":"06139999:12:3452:02"}]}"#.to_owned(),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn of_entries_does_not_matter(shuffled in Just(resources()).prop_shuffle(), lines in any::<bool>()) {
            let text = |list: &[String]| if lines { list.join("\n") } else { bundle(list) };
            let (straight, other) = (take(&text(&resources())), take(&text(&shuffled)));
            for table in ["lifelog_daily", "observation"] {
                prop_assert_eq!(rows(&straight, table), rows(&other, table));
            }
            prop_assert_eq!(straight.report.of(K), other.report.of(K));
            prop_assert_eq!(straight.height("lifelog_daily"), 2);
        }
    }
}
