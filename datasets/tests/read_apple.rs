//! Apple Health exports. All people and numbers are invented.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod read_support;

use std::fmt::Write;
use std::path::Path;

use datasets::read::{Kind, ReadError};
use read_support::{Run, day, file, run, zip};

const ROSTER: &str =
    "利用者ID,カナ氏名,生年月日,性別,ファイル名\nU1,カクウ　ハナコ,1980-02-29,2,u1.zip;u1b.zip;export.xml\n";
const WATCH: &str = "sourceName=\"花子のApple\u{a0}Watch\" device=\"&lt;&lt;HKDevice: 0x1&gt;, name:Apple Watch, model:Watch, hardware:Watch6,2&gt;\"";
const PHONE: &str =
    "sourceName=\"花子のiPhone\" device=\"&lt;&lt;HKDevice: 0x2&gt;, name:iPhone, hardware:iPhone14,5&gt;\"";
const APP: &str = "sourceName=\"からだ記録\"";
const HEAD: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!DOCTYPE HealthData [\n<!-- HealthKit's version: 13 -->\n\
<!ELEMENT HealthData (ExportDate,Me,(Record|Correlation)*)>\n<!ATTLIST HealthData\n  locale CDATA #REQUIRED\n>\n]>\n";

/// A record: type without its prefix, source, unit, from, to, value; days and times of May 2024.
fn record(of: &str, source: &str, unit: &str, from: &str, to: &str, value: &str) -> String {
    let prefix = if of.starts_with("Sleep") || of.ends_with("Hour") { "Category" } else { "Quantity" };
    format!(
        "<Record type=\"HK{prefix}TypeIdentifier{of}\" {source} sourceVersion=\"1\" unit=\"{unit}\" \
creationDate=\"2024-05-09 00:00:00 +0900\" startDate=\"2024-05-{from} +0900\" endDate=\"2024-05-{to} +0900\" value=\"{value}\"/>\n"
    )
}

fn steps(source: &str, from: &str, to: &str, value: &str) -> String {
    record("StepCount", source, "count", from, to, value)
}

fn sleep(source: &str, from: &str, to: &str, value: &str) -> String {
    record("SleepAnalysis", source, "", from, to, &format!("HKCategoryValueSleepAnalysis{value}"))
}

fn at(of: &str, unit: &str, when: &str, value: &str) -> String {
    record(of, APP, unit, when, when, value)
}

fn export(records: &str) -> String {
    format!(
        "{HEAD}<HealthData locale=\"ja_JP\">\n <ExportDate value=\"2024-06-01 00:00:00 +0900\"/>\n{records}</HealthData>\n"
    )
}

fn read_xml(dir: &Path, xml: &str) -> Result<Run, ReadError> {
    let roster = file(dir, "roster", ROSTER.as_bytes());
    let export = zip(dir, "u1.zip", &[("apple_health_export/export.xml", xml.as_bytes())]);
    run(&[export, roster])
}

fn read(records: &str) -> Run {
    let dir = tempfile::tempdir().unwrap();
    read_xml(dir.path(), &export(records)).unwrap()
}

/// Values of a day of May 2024.
fn value(got: &Run, column: &str, date: i8) -> Option<i64> {
    let dates = got.ints("lifelog_daily", "date");
    let row = dates.iter().position(|found| *found == Some(i64::from(day(2024, 5, date))));
    got.int("lifelog_daily", column, row.expect("no such day"))
}

#[test]
fn watch_and_phone_are_not_counted_twice() {
    let got = read(
        &[
            steps(PHONE, "01 10:05:00", "01 10:15:00", "100"),
            steps(PHONE, "01 12:00:00", "01 12:10:00", "70"),
            steps(WATCH, "01 10:00:00", "01 10:10:00", "200"),
            // Over midnight: 20 of 60 minutes on the first day.
            steps(PHONE, "01 23:40:00", "02 00:40:00", "600"),
            // A day's total of an app adds nothing where others measured.
            steps(APP, "01 00:00:00", "01 23:59:59", "9000"),
            steps(APP, "03 00:00:00", "04 00:00:00", "9000"),
        ]
        .concat(),
    );
    assert_eq!(value(&got, "steps", 1), Some(200 + 50 + 70 + 200));
    assert_eq!((value(&got, "steps", 2), value(&got, "steps", 3)), (Some(400), Some(9_000)));
    assert_eq!((value(&got, "wear_min", 1), value(&got, "wear_min", 2)), (Some(60), None));
    assert_eq!(got.code("lifelog_daily", "source", 0).as_deref(), Some("apple_health"));
    assert_eq!((got.report.of(Kind::AppleHealth).kept, got.height("lifelog_daily")), (6, 3));
    let said = format!("{:?}{}", got.report.findings(), serde_json::to_string(&got.report).unwrap());
    assert!(!said.contains("花子"), "names of devices are names of people");
}

#[test]
fn a_night_in_stages_belongs_to_the_morning() {
    let got = read(
        &[
            sleep(PHONE, "01 22:30:00", "02 07:00:00", "InBed"),
            sleep(PHONE, "01 22:40:00", "02 06:50:00", "AsleepUnspecified"),
            sleep(WATCH, "02 00:10:30", "02 01:10:30", "AsleepDeep"),
            sleep(WATCH, "01 23:10:30", "02 00:10:30", "AsleepCore"),
            sleep(WATCH, "02 01:10:30", "02 01:20:30", "Awake"),
            sleep(WATCH, "02 01:20:30", "02 01:50:30", "AsleepREM"),
            // A nap that only an app knows of, and the same twice.
            sleep(APP, "02 14:00:00", "02 14:30:00", "Asleep"),
            sleep(APP, "02 14:10:00", "02 14:40:00", "Asleep"),
            steps(WATCH, "01 10:00:00", "01 10:10:00", "200"),
        ]
        .concat(),
    );
    assert_eq!((value(&got, "sleep_min", 1), value(&got, "sleep_min", 2)), (None, Some(150 + 40)));
    assert_eq!((value(&got, "sleep_deep_min", 2), value(&got, "sleep_rem_min", 2)), (Some(60), Some(30)));
    assert_eq!((value(&got, "sleep_light_min", 2), value(&got, "awake_min", 2)), (Some(60), Some(10)));
    assert_eq!(got.left_out(Kind::AppleHealth, "in-bed"), 1);
}

#[test]
fn units_correlations_and_observations() {
    let pair = [
        at("BloodPressureSystolic", "mmHg", "01 07:00:00", "121"),
        at("BloodPressureDiastolic", "mmHg", "01 07:00:00", "80"),
    ]
    .concat();
    let glucose = at("BloodGlucose", "mmol&lt;180.1558800000541&gt;/L", "01 06:50:00", "5.5");
    let got = read(
        &[
            pair.clone(),
            at("BloodPressureSystolic", "mmHg", "01 21:00:00", "130"),
            format!("<Correlation type=\"HKCorrelationTypeIdentifierBloodPressure\">\n{pair}</Correlation>\n"),
            at("BodyMass", "lb", "01 07:00:00", "154.3"),
            at("BodyMass", "kg", "02 07:00:00", "70.16"),
            record("RestingHeartRate", WATCH, "count/min", "01 00:04:00", "01 23:40:00", "61"),
            record("ActiveEnergyBurned", WATCH, "Cal", "01 10:12:00", "01 10:42:00", "100.4"),
            record("ActiveEnergyBurned", PHONE, "kJ", "01 10:12:00", "01 10:42:00", "900"),
            record("ActiveEnergyBurned", PHONE, "kJ", "01 18:00:00", "01 18:01:00", "41.84"),
            at("DietaryEnergyConsumed", "kcal", "01 07:00:00", "400.2"),
            at("DietaryEnergyConsumed", "kJ", "01 12:00:00", "2092"),
            glucose.clone(),
            glucose,
            record("OxygenSaturation", WATCH, "%", "01 03:00:00", "01 03:00:15", "0.97"),
            at("BodyTemperature", "degF", "01 08:00:00", "98.6"),
            record("HeartRate", WATCH, "count/min", "01 22:04:00", "01 22:04:00", "70"),
            record("HeartRate", APP, "count/min", "01 04:04:00", "01 04:04:00", "70"),
            record("AppleStandHour", WATCH, "", "01 09:00:00", "01 10:00:00", "HKCategoryValueAppleStandHourIdle"),
            at("DietaryWater", "mL", "01 08:00:00", "200"),
            at("DistanceWalkingRunning", "km", "01 08:00:00", "1.2"),
        ]
        .concat(),
    );
    for (column, want) in [
        ("sbp", 126),
        ("dbp", 80),
        ("weight_kg", 700),
        ("resting_hr", 61),
        ("energy_out_kcal", 110),
        ("energy_in_kcal", 900),
        ("wear_min", 120),
    ] {
        assert_eq!(value(&got, column, 1), Some(want), "{column}");
    }
    assert_eq!(value(&got, "weight_kg", 2), Some(702));
    let codes: Vec<_> = (0..3).map(|row| got.text("observation", "code", row).unwrap()).collect();
    assert_eq!(codes, ["hk:oxygenSaturation", "hk:bloodGlucose", "hk:bodyTemperature"]);
    assert_eq!(got.ints("observation", "value"), [Some(97_000), Some(99_086), Some(37_000)]);
    assert_eq!(got.code("observation", "place", 0).as_deref(), Some("device"));
    assert_eq!(got.code("observation", "place", 1).as_deref(), Some("home"));
    let kind = Kind::AppleHealth;
    assert_eq!((got.left_out(kind, "in-correlation"), got.left_out(kind, "result-twice")), (2, 1));
    assert_eq!((got.left_out(kind, "type-nutrition"), got.left_out(kind, "type-activity")), (1, 1));
    assert_eq!(got.left_out(kind, "heart-rate-not-of-a-watch"), 1);
}

#[test]
fn bad_records_are_told_by_line() {
    let got = read(
        &[
            steps(WATCH, "01 10:00:00", "01 09:00:00", "1"),
            steps(WATCH, "01 10:00:00", "31 10:00:00", "1"),
            steps(WATCH, "01 10:00:00", "01 10:01:00", "1234567890123456789012345678901"),
            steps(WATCH, "01 10:00:00", "01 10:01:00", "-1"),
            steps(WATCH, "01 25:00:00", "01 26:01:00", "1"),
            at("BodyMass", "count", "01 07:00:00", "70"),
            "<Record type=\"HKQuantityTypeIdentifierStepCount\" startDate=\"99991399 00:00:00 +0900\"/>\n".to_owned(),
            steps(WATCH, "01 10:00:00", "01 10:01:00", "1").replace("2024", "1998"),
            sleep(WATCH, "01 10:00:00", "01 10:01:00", "Dreaming"),
            "<Record type/>\n".to_owned(),
            steps(WATCH, "01 10:00:00", "01 10:01:00", "70000"),
        ]
        .concat(),
    );
    let codes: Vec<_> = got.report.findings().iter().map(|found| (found.line, found.code)).collect();
    let want = [
        "end-before-start",
        "interval-too-long",
        "number",
        "negative",
        "date",
        "unit",
        "unit-missing",
        "date-outside",
        "sleep-value",
        "attributes",
    ];
    let mut lines = (11..).zip(want).collect::<Vec<_>>();
    lines[6].1 = "date";
    assert_eq!(codes, lines);
    assert_eq!(value(&got, "steps", 1), Some(50_000));
    assert_eq!(got.repaired(Kind::AppleHealth, "out-of-bounds"), 2, "the record and the day");
}

#[test]
fn local_days_follow_the_written_offset() {
    let abroad = steps(PHONE, "01 23:50:00", "01 23:58:00", "5").replace("+0900", "-0930");
    let changed = sleep(WATCH, "03 01:00:00", "03 06:00:00", "Asleep").replacen("+0900", "+0800", 2);
    let got = read(&[abroad, changed].concat());
    assert_eq!(value(&got, "steps", 1), Some(5));
    assert_eq!(value(&got, "sleep_min", 3), Some(4 * 60), "a night in which the clock was put forward");
}

#[test]
fn whose_export_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let one = export(
        &[steps(PHONE, "01 10:00:00", "01 10:10:00", "10"), at("BloodGlucose", "mg/dL", "01 10:00:00", "99")].concat(),
    );
    let two = export(
        &[
            steps(PHONE, "01 10:00:00", "01 10:10:00", "99"),
            steps(PHONE, "02 10:00:00", "02 10:10:00", "20"),
            at("BloodGlucose", "mg/dL", "01 10:00:00", "99"),
        ]
        .concat(),
    );
    file(dir.path(), "in/roster", ROSTER.as_bytes());
    zip(&dir.path().join("in"), "u1.zip", &[("apple_health_export/export.xml", one.as_bytes())]);
    zip(&dir.path().join("in"), "u1b.zip", &[("x.xml", two.as_bytes())]);
    zip(&dir.path().join("in"), "stranger.zip", &[("x.xml", two.as_bytes())]);
    let got = run(&[dir.path().join("in")]).unwrap();
    // A later export of the same person has the earlier days again: the first wins.
    assert_eq!((value(&got, "steps", 1), value(&got, "steps", 2)), (Some(10), Some(20)));
    assert_eq!((got.height("observation"), got.identity.height()), (1, 1));
    let kind = Kind::AppleHealth;
    assert_eq!((got.quarantined(kind, "day-twice"), got.quarantined(kind, "file-not-in-roster")), (2, 1));
}

#[test]
fn exports_that_are_not_whole() {
    let good = export(&steps(PHONE, "01 10:00:00", "01 10:10:00", "10").repeat(5));
    let lol: String = (0..9).fold("<!ENTITY lol \"lol\">".to_owned(), |mut all, n| {
        let _ = write!(all, "<!ENTITY l{n} \"{}\">", "&lol;".repeat(10));
        all
    });
    let laughs = good.replace("<!ELEMENT HealthData", &format!("{lol}<!ELEMENT HealthData"));
    let cases = [
        (good[..good.len() - 20].to_owned(), "truncated"),
        (good.replace("</HealthData>", ""), "truncated"),
        (good[..700].to_owned(), "truncated"),
        (good.replace("</HealthData>", "</Other>"), "xml"),
        (laughs.replace("</HealthData>", "&l8;</HealthData>"), "entity"),
        (laughs.replace("value=\"10\"", "value=\"&l8;\""), "entity"),
        (laughs.replace("花子のiPhone", "&l8;"), "entity"),
        (good.replace("</HealthData>", &format!("{}</HealthData>", "<a>".repeat(100))), "too-deep"),
        (good.replace("花子のiPhone", &"x".repeat(3 << 20)), "element-too-long"),
    ];
    for (xml, code) in cases {
        let dir = tempfile::tempdir().unwrap();
        let got = read_xml(dir.path(), &xml).unwrap();
        assert_eq!(got.height("lifelog_daily"), 0, "{code}: nothing of it is taken");
        assert!(got.quarantined(Kind::AppleHealth, code) > 0, "{code}: {:?}", got.report.of(Kind::AppleHealth));
        // Given by name it stops the run.
        let named = file(dir.path(), "export.xml", xml.as_bytes());
        let error = run(&[named, file(dir.path(), "r", ROSTER.as_bytes())]).err().unwrap();
        assert_eq!(error.code(), code);
        assert!(!format!("{error} {error:?}").contains("花子"));
    }
    // What the document type declares does no harm as long as nobody uses it.
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(read_xml(dir.path(), &laughs).unwrap().height("lifelog_daily"), 1);
}

#[test]
fn a_million_records_on_one_day() {
    let mut records = String::with_capacity(400 << 20);
    for n in 0..1_000_000_u32 {
        let (hour, minute) = (n / 60 % 24, n % 60);
        let time = format!("01 {hour:02}:{minute:02}:00");
        match n % 4 {
            // Names of sources without end, too.
            0 => records.push_str(&steps(&format!("sourceName=\"{n}\""), &time, &time, "1")),
            1 => records.push_str(&steps(WATCH, &time, &time, "0")),
            2 => records.push_str(&sleep(PHONE, &time, &time, "Asleep")),
            _ => records.push_str(&at("BodyMass", "kg", &time, "70")),
        }
    }
    let dir = tempfile::tempdir().unwrap();
    let roster = file(dir.path(), "roster", ROSTER.as_bytes());
    let xml = file(dir.path(), "export.xml", export(&records).as_bytes());
    let start = std::time::Instant::now();
    let got = run(&[xml, roster]).unwrap();
    assert!(start.elapsed().as_secs() < 60, "{:?}", start.elapsed());
    assert_eq!(got.report.of(Kind::AppleHealth).kept, 1_000_000);
    assert_eq!(value(&got, "weight_kg", 1), Some(700));
    assert_eq!(value(&got, "steps", 1), Some(50_000));
}
