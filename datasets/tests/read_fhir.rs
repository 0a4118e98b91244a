//! FHIR observations: one fixture per fact. All people and numbers are invented.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

#[path = "read_support/fhir.rs"]
mod fhir;
mod read_support;

use fhir::{AT, HOME, K, MEMBER, at, bundle, code, during, observation, patient, quantity, take};
use read_support::{day, file, run};

#[test]
fn a_laboratory_value_in_a_bundle() {
    let lab = observation(&[
        &code("jlac10", "3D046000001906202"),
        AT,
        &quantity("5.65", "%"),
        r#""category":[{"coding":[{"code":"laboratory"}]}]"#,
    ]);
    let got = take(&bundle(&[patient("1"), lab]));
    assert_eq!(got.height("observation"), 1);
    assert_eq!(got.date("observation", "date", 0), Some(day(2024, 5, 1)));
    assert_eq!(got.text("observation", "code", 0).as_deref(), Some("jlac10:3D046000001906202"));
    assert_eq!(got.int("observation", "value", 0), Some(5_650), "the digits that were written");
    assert_eq!(got.text("observation", "unit", 0).as_deref(), Some("%"));
    assert_eq!(got.code("observation", "place", 0).as_deref(), Some("clinic"));
    let who = |column| got.who(0, column);
    assert_eq!(who("insurer_no").as_deref(), Some("06139999"));
    assert_eq!((who("symbol").as_deref(), who("number").as_deref()), (Some("１２"), Some("3451")));
    assert_eq!((who("branch").as_deref(), who("name").as_deref()), (Some("01"), Some("架空　花子")));
    assert_eq!((who("kana").as_deref(), who("birth").as_deref()), (Some("カクウ　ハナコ"), Some("1980-02-29")));
    assert_eq!((who("sex").as_deref(), who("postcode").as_deref()), (Some("female"), Some("100-0001")));
    assert_eq!(got.date("identity", "first_seen", 0), Some(day(2024, 5, 1)));
    let counts = got.report.of(K);
    assert_eq!((counts.read, counts.kept, counts.files), (2, 2, 1));
    let all = format!("{:?} {:?}", got.tables, got.report);
    assert!(!all.contains("秘密"), "free text was kept: {all}");
}

#[test]
fn a_device_day_is_put_together() {
    let steps = |start: &str, end: &str, value: &str, device: &str| {
        let device = format!(r#""device":{{"reference":"Device/{device}"}}"#);
        observation(&[&code("hk", "stepCount"), &during(start, end), &quantity(value, "{steps}"), &device])
    };
    let night = |start: &str, end: &str, stage: &str| {
        let stage =
            format!(r#""valueCodeableConcept":{{"coding":[{{"code":"HKCategoryValueSleepAnalysis{stage}"}}]}}"#);
        observation(&[&code("hk", "sleepAnalysis"), &during(start, end), &stage])
    };
    let t = |clock: &str| format!("2024-05-01T{clock}:00+09:00");
    let before = |clock: &str| format!("2024-04-30T{clock}:00+09:00");
    let weight = |clock: &str, value: &str| {
        observation(&[&code("loinc", "29463-7"), &at(&t(clock)), &quantity(value, "kg"), HOME])
    };
    let panel = observation(&[
        &code("loinc", "85354-9"),
        &at(&t("06:00")),
        HOME,
        &format!(
            r#""component":[{{{},{}}},{{{},{}}}]"#,
            code("loinc", "8480-6"),
            quantity("128", "mm[Hg]"),
            code("loinc", "8462-4"),
            quantity("81", "mm[Hg]")
        ),
    ]);
    let got = take(&bundle(&[
        patient("1"),
        steps(&t("08:00"), &t("08:10"), "1000", "phone"),
        steps(&t("08:10"), &t("08:20"), "500", "phone"),
        steps(&t("08:05"), &t("08:15"), "700", "watch"),
        steps(&t("08:10"), &t("08:20"), "500", "phone"),
        night(&before("23:00"), &t("02:00"), "AsleepCore"),
        night(&t("02:00"), &t("03:00"), "AsleepDeep"),
        night(&t("03:00"), &t("03:20"), "Awake"),
        night(&t("03:20"), &t("05:20"), "AsleepREM"),
        night(&before("22:50"), &t("05:30"), "InBed"),
        weight("21:00", "61.24"),
        weight("06:10", "60.36"),
        panel,
        observation(&[&code("loinc", "40443-4"), &at("2024-05-01"), &quantity("58", "/min")]),
        observation(&[&code("loinc", "41981-2"), &at("2024-05-01"), &quantity("2000", "kJ")]),
    ]));
    let of = |column| got.int("lifelog_daily", column, 0);
    assert_eq!((got.height("lifelog_daily"), of("steps")), (1, Some(1_500)), "phone and watch are not added");
    assert_eq!((of("sleep_min"), of("sleep_light_min"), of("sleep_deep_min")), (Some(360), Some(180), Some(60)));
    assert_eq!((of("sleep_rem_min"), of("awake_min"), of("wear_min")), (Some(120), Some(20), None));
    assert_eq!((of("weight_kg"), of("sbp"), of("dbp")), (Some(604), Some(128), Some(81)), "the first of the day");
    assert_eq!((of("resting_hr"), of("energy_out_kcal")), (Some(58), Some(478)));
    assert_eq!(got.date("lifelog_daily", "date", 0), Some(day(2024, 5, 1)), "a night belongs to the day it ends on");
    assert_eq!(got.code("lifelog_daily", "source", 0).as_deref(), Some("fhir"));
    assert_eq!((got.left_out(K, "other-device"), got.left_out(K, "overlap")), (1, 1));
    assert_eq!((got.left_out(K, "not-first-of-day"), got.left_out(K, "in-bed")), (1, 1));
    assert_eq!((got.report.of(K).read, got.report.of(K).kept), (15, 11));
}

#[test]
fn the_local_day_is_the_written_one() {
    let steps = |time: &str| observation(&[&code("loinc", "55423-8"), &at(time), &quantity("10", "1")]);
    let got = take(&bundle(&[
        patient("1"),
        steps("2024-05-01T23:59:00+09:00"),
        steps("2024-05-02T00:10:00+09:00"),
        steps("2024-05-03T20:00:00Z"),
        steps("2024-05"),
        steps("2107-01-01"),
    ]));
    let mut days: Vec<_> = got.ints("lifelog_daily", "date");
    days.sort();
    let expected = [(5, 1), (5, 2), (5, 3)].map(|(m, d)| Some(i64::from(day(2024, m, d))));
    assert_eq!(days, expected);
    assert_eq!(
        (got.repaired(K, "day-of-utc"), got.quarantined(K, "date"), got.quarantined(K, "date-outside")),
        (1, 1, 1)
    );
}

#[test]
fn places() {
    let pressure = |more: &[&str]| {
        let (code, value) = (code("loinc", "8480-6"), quantity("120", "mm[Hg]"));
        observation(&[&[code.as_str(), AT, value.as_str()], more].concat())
    };
    let got = take(&bundle(&[
        patient("1"),
        pressure(&[r#""performer":[{"reference":"Practitioner/9"}]"#]),
        pressure(&[r#""encounter":{"reference":"Encounter/9"}"#]),
        pressure(&[]),
        observation(&[&code("loinc", "8867-4"), AT, &quantity("70", "/min"), HOME]),
        observation(&[&code("hk", "heartRate"), AT, &quantity("71", "count/min")]),
    ]));
    let places: Vec<_> = (0..5).map(|row| got.code("observation", "place", row).unwrap()).collect();
    assert_eq!(places, ["clinic", "clinic", "other", "home", "device"]);
    assert_eq!(got.text("observation", "code", 4).as_deref(), Some("hk:heartRate"));
    assert_eq!(got.height("lifelog_daily"), 0);
}

#[test]
fn values_of_every_type() {
    let one = |value: &str| observation(&[&code("loinc", "2345-7"), AT, value]);
    let got = take(&bundle(&[
        patient("1"),
        one(&quantity("1234567890123456789012345678901", "mg/dL")),
        one(&quantity("1e400", "mg/dL")),
        one(&quantity("1.25e2", "mg/dL")),
        one(&quantity("99999999", "mg/dL")),
        one(r#""valueQuantity":{"value":40,"comparator":"<","unit":"mg / dL"}"#),
        one(r#""valueInteger":7"#),
        one(r#""valueBoolean":true"#),
        one(
            r#""valueCodeableConcept":{"coding":[{"system":"urn:oid:1.2.392.200119.6.2102","code":"2"}],"text":"秘密"}"#,
        ),
        one(r#""valueCodeableConcept":{"text":"秘密"}"#),
        one(r#""valueCodeableConcept":{"coding":[{"code":"架空 花子"}]}"#),
        one(r#""valueString":"秘密""#),
        one(r#""valueSampledData":{"period":1,"dimensions":1,"data":"1 2 3"}"#),
        one(r#""valueRange":{"low":{"value":1}}"#),
        one(r#""dataAbsentReason":{"coding":[{"code":"not-performed"}]}"#),
        observation(&[r#""code":{"text":"秘密"}"#, AT, r#""valueInteger":7"#]),
        observation(&[&code("loinc", "4544-3"), r#""valueInteger":7"#]),
    ]));
    let mut values = got.ints("observation", "value");
    values.sort();
    assert_eq!(values, [None, None, Some(7_000), Some(40_000), Some(125_000), Some(999_999_999)]);
    let answers: Vec<_> = (0..6).filter_map(|row| got.text("observation", "answer", row)).collect();
    assert_eq!(answers, ["true", "2"]);
    let units: Vec<_> = (0..6).filter_map(|row| got.text("observation", "unit", row)).collect();
    assert_eq!(units, ["mg/dL"; 3], "spaces are out");
    assert_eq!((got.quarantined(K, "number"), got.quarantined(K, "answer"), got.quarantined(K, "code")), (2, 1, 1));
    assert_eq!((got.left_out(K, "free-text"), got.left_out(K, "sampled-data"), got.left_out(K, "no-value")), (2, 1, 1));
    assert_eq!((got.left_out(K, "value-type"), got.quarantined(K, "date")), (1, 1));
    assert_eq!((got.repaired(K, "at-measuring-limit"), got.repaired(K, "out-of-bounds")), (1, 1));
    assert!(!format!("{:?}", got.tables).contains("秘密"));
}

#[test]
fn versions() {
    let glucose = |id: &str, status: &str, value: &str, more: &str| {
        observation(&[&code("loinc", "2345-7"), AT, &quantity(value, "mg/dL"), id, more])
            .replace("\"status\":\"final\"", &format!("\"status\":\"{status}\""))
    };
    let key = |value: &str| format!(r#""identifier":[{{"system":"urn:x","value":"{value}"}}]"#);
    let got = take(&bundle(&[
        patient("1"),
        glucose(&key("a"), "corrected", "111", r#""issued":"2024-05-03T00:00:00+09:00""#),
        glucose(&key("a"), "final", "1111", r#""issued":"2024-05-02T00:00:00+09:00""#),
        glucose(&key("b"), "final", "112", r#""issued":"2024-05-02T00:00:00+09:00""#),
        glucose(&key("b"), "entered-in-error", "112", r#""issued":"2024-05-04T00:00:00+09:00""#),
        glucose(&key("c"), "final", "113", r#""x":1"#),
        glucose(&key("c"), "final", "113", r#""x":2"#),
        glucose(&key("d"), "final", "114", r#""x":1"#),
        glucose(&key("d"), "final", "115", r#""x":1"#),
        glucose(r#""id":"e""#, "final", "116", r#""meta":{"lastUpdated":"2024-05-02T00:00:00+09:00"}"#),
        glucose(r#""id":"e""#, "final", "117", r#""meta":{"lastUpdated":"2024-05-03T00:00:00+09:00"}"#),
        glucose(&key("f"), "cancelled", "118", r#""x":1"#),
    ]));
    let mut values = got.ints("observation", "value");
    values.sort();
    assert_eq!(values, [111, 113, 114, 115, 117].map(|v| Some(v * 1_000)), "an order's number is not a version's");
    assert_eq!((got.left_out(K, "superseded"), got.left_out(K, "repeated")), (2, 2));
    assert_eq!(got.left_out(K, "entered-in-error"), 2);
}

#[test]
fn who_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let steps = |subject: &str, date: &str| {
        observation(&[&code("loinc", "55423-8"), &at(date), &quantity("10", "1")])
            .replace(r#""subject":{"reference":"Patient/1"}"#, subject)
    };
    let member = format!(r#""subject":{{"identifier":{{"system":"{MEMBER}","value":"06139999:12:3451:01"}}}}"#);
    let other = format!(r#""subject":{{"identifier":{{"system":"{MEMBER}","value":"06139999:12:777:"}}}}"#);
    let inside = r##""contained":[{"resourceType":"Patient","id":"1","name":[{"text":"架空　次郎"}]}],"subject":{"reference":"#1"}"##;
    let resources = [
        patient("1"),
        r#"{"resourceType":"Patient","id":"U1"}"#.to_owned(),
        steps(r#""subject":{"reference":"https://server/fhir/Patient/1/_history/3"}"#, "2024-05-01"),
        steps(&member, "2024-05-02"),
        steps(r#""subject":{"reference":"Patient/U1"}"#, "2024-05-03"),
        steps(r#""subject":{"identifier":{"value":"U2"}}"#, "2024-05-04"),
        steps(&other, "2024-05-05"),
        steps(inside, "2024-05-06"),
        steps(r#""subject":{"reference":"Patient/9"}"#, "2024-05-07"),
        steps(r#""x":{}"#, "2024-05-08"),
    ];
    file(dir.path(), "f", bundle(&resources).as_bytes());
    let roster = "利用者ID,カナ氏名,生年月日,性別\nU1,カクウ　イチ,19800229,2\nU2,カクウ　ニ,19810229,1\n";
    file(dir.path(), "r", roster.as_bytes());
    let got = run(&[dir.path().to_owned()]).unwrap();
    let first = i64::from(day(2024, 5, 1));
    let mut people: Vec<(i64, String)> = (0..got.height("lifelog_daily"))
        .map(|row| {
            let ident = usize::try_from(got.int("lifelog_daily", "ident", row).unwrap()).unwrap();
            let said = got.who(ident, "kana").or(got.who(ident, "name")).or(got.who(ident, "number"));
            (got.int("lifelog_daily", "date", row).unwrap() - first, said.unwrap())
        })
        .collect();
    people.sort();
    let expected = ["カクウ　ハナコ", "カクウ　ハナコ", "カクウ　イチ", "カクウ　ニ", "777", "架空　次郎"];
    let expected: Vec<_> = (0..).zip(expected.map(str::to_owned)).collect();
    assert_eq!(people, expected, "width makes no other number");
    assert_eq!(got.quarantined(K, "person-unknown"), 2);
}

#[test]
fn a_personal_file_of_the_roster() {
    let dir = tempfile::tempdir().unwrap();
    let steps = |subject: &str, date: &str| {
        observation(&[&code("loinc", "55423-8"), &at(date), &quantity("10", "1")]).replace("Patient/1", subject)
    };
    file(
        dir.path(),
        "me.json",
        bundle(&[steps("Patient/1", "2024-05-01"), steps("Patient/1", "2024-05-02")]).as_bytes(),
    );
    file(
        dir.path(),
        "two.json",
        bundle(&[steps("Patient/1", "2024-05-01"), steps("Patient/2", "2024-05-02")]).as_bytes(),
    );
    let roster =
        "利用者ID,カナ氏名,生年月日,性別,ファイル名\nU1,カクウ,19800229,2,me.json\nU2,カクウ　ニ,19800229,2,two.json\n";
    file(dir.path(), "r", roster.as_bytes());
    let got = run(&[dir.path().to_owned()]).unwrap();
    assert_eq!(got.height("lifelog_daily"), 2);
    assert_eq!(
        got.who(usize::try_from(got.int("lifelog_daily", "ident", 0).unwrap()).unwrap(), "kana").as_deref(),
        Some("カクウ")
    );
    assert_eq!(got.quarantined(K, "person-unknown"), 2, "two strangers are not one user");
}

#[test]
fn coverage_says_how_a_patient_is_insured() {
    let ext = |name: &str, value: &str| {
        format!(
            r#"{{"url":"http://jpfhir.jp/fhir/core/Extension/StructureDefinition/JP_Coverage_{name}","valueString":"{value}"}}"#
        )
    };
    let coverage = format!(
        r#"{{"resourceType":"Coverage","beneficiary":{{"reference":"Patient/1"}},"dependent":"０１",
        "extension":[{},{}],"payor":[{{"reference":"urn:x:3"}}]}}"#,
        ext("InsuredPersonSymbol", "１２"),
        ext("InsuredPersonNumber", "６７")
    );
    let bare = r#"{"resourceType":"Patient","id":"1","birthDate":"1980-02-29","name":[{"text":"カクウ"}]}"#;
    let steps = observation(&[&code("loinc", "55423-8"), AT, &quantity("10", "1")]);
    let insurer = r#"{"resourceType":"Organization","identifier":[{"system":"urn:oid:1.2.392.100495.20.3.61","value":"06139999"}]}"#;
    let got = take(&bundle(&[steps, coverage, bare.to_owned(), insurer.to_owned()]));
    let who = |column| got.who(0, column).unwrap();
    assert_eq!(
        (who("insurer_no"), who("symbol"), who("number"), who("branch")),
        ("06139999".into(), "１２".into(), "６７".into(), "０１".into())
    );
    assert_eq!(got.report.of(K).kept, 4);
}

#[test]
fn two_patients_of_one_name_are_nobody() {
    let other = patient("1").replace("1980-02-29", "1990-01-01");
    let steps = observation(&[&code("loinc", "55423-8"), AT, &quantity("10", "1")]);
    let got = take(&bundle(&[patient("1"), other, steps.clone()]));
    assert_eq!((got.height("lifelog_daily"), got.quarantined(K, "patient-twice")), (0, 1));
    let again = take(&bundle(&[patient("1"), steps, patient("1")]));
    assert_eq!(again.height("lifelog_daily"), 1);
}
