//! The quality report: what is wrong on purpose is found, counted where it belongs, and nothing of it is a value.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod read_support;

use datasets::read::{Check, Class, Kind, QualityReport, ReadOptions, class, worst};
use read_support::{file, run_with};

const ELIGIBILITY: &str = "保険者番号,記号,番号,枝番,氏名,カナ氏名,生年月日,性別,本人家族,取得日,喪失日,喪失事由,事業所記号,規模,業種,郵便番号\n\
    06139999,架空,5820143,01,架空花子,カクウハナコ,19800117,2,1,20200401,20231001,2,K1,3,E,2730866\n\
    06139999,架空,5820144,01,架空太郎,カクウタロウ,19750505,1,1,20200401,,,K1,9X,E,2730866\n\
    06139999,架空,5820145,01,架空次郎,カクウジロウ,20301301,1,1,20200401,,,K1,3,E,2730866\n\
    06139999,架空,5820146,01,架空月子,カクウツキコ,19820305,2,1,20240401,20230401,1,K1,3,E,2730866\n";

const ROSTER: &str = "利用者ID,氏名,カナ氏名,生年月日,性別,郵便番号,保険者番号,記号,番号\n\
    u1,架空花子,カクウハナコ,19800117,2,2730866,06139999,架空,5820143\n\
    u2,架空太郎,カクウタロウ,20230601,1,2730866,06139999,架空,5820144\n";

const DAILY: &str = "利用者ID,日付,歩数,睡眠分,装着分,安静時心拍,体重kg,収縮期血圧,拡張期血圧\n\
    u1,2023-04-01,6000,400,900,60,50.0,120,80\n\
    u1,2023-04-01,6000,400,900,60,50.0,120,80\n\
    u1,2023-06-01,99999,,,,,80,120\n\
    u1,2035-06-01,100,,,,,,\n\
    u2,2023-05-01,100,x,,,,,\n\
    u3,2023-05-01,100,,,,,,\n";

fn report() -> QualityReport {
    let dir = tempfile::tempdir().unwrap();
    let inputs = [
        file(dir.path(), "a", ELIGIBILITY.as_bytes()),
        file(dir.path(), "b", ROSTER.as_bytes()),
        file(dir.path(), "c", DAILY.as_bytes()),
    ];
    let options = ReadOptions { today: Some(jiff::civil::date(2025, 4, 1)), ..ReadOptions::default() };
    run_with(&inputs, &options).unwrap().report
}

fn count(list: &[Check], code: &str, at: &str) -> (u64, u64) {
    let found: Vec<&Check> = list.iter().filter(|check| check.code == code && check.at == at).collect();
    assert_eq!(found.len(), 1, "{code} at {at}: {list:?}");
    (found[0].count, found[0].of)
}

#[test]
fn what_is_wrong_on_purpose_is_found() {
    let report = report();
    let value = &report.conformance.value;
    assert_eq!(count(value, "birth-date", "eligibility"), (1, 4));
    assert_eq!(count(value, "number", "lifelog_daily"), (1, 6));
    assert_eq!(count(value, "other-than-listed", "enrolment.size_band"), (1, 3));
    assert_eq!(count(&report.conformance.relational, "user-not-in-roster", "lifelog_daily"), (1, 6));
    assert!(report.conformance.computational.is_empty());

    assert_eq!(count(&report.plausibility.uniqueness, "day-twice", "lifelog_daily"), (1, 6));
    assert_eq!(count(&report.plausibility.atemporal, "out-of-bounds", "lifelog_daily"), (1, 6));
    assert_eq!(count(&report.plausibility.atemporal, "dbp-not-below-sbp", "lifelog_daily"), (1, 4));
    let temporal = &report.plausibility.temporal;
    assert_eq!(count(temporal, "end-before-start", "eligibility"), (1, 4));
    assert_eq!(count(temporal, "in-the-future", "lifelog_daily"), (1, 4));
    assert_eq!(count(temporal, "before-birth", "lifelog_daily"), (1, 4));

    let records = &report.completeness.records[&Kind::LifelogDaily];
    assert_eq!((records.read, records.kept, records.quarantined), (6, 4, 2));
    let table = &report.completeness.tables["lifelog_daily"];
    assert_eq!(table.rows, 4);
    assert_eq!((table.nulls["steps"], table.nulls["sleep_min"], table.nulls["sbp"]), (0, 3, 2));
    assert_eq!((table.first_month.as_deref(), table.last_month.as_deref()), (Some("2023-04"), Some("2035-06")));
    assert_eq!((table.months, table.months_with_rows), (12 * 12 + 3, 4));
    assert_eq!(report.completeness.tables["enrolment"].nulls["end_date"], 2);
    // Nobody has a claim, and that is not a fault.
    assert!(!report.completeness.tables.contains_key("claim"));
}

#[test]
fn a_report_holds_counts_and_nothing_else() {
    let text = serde_json::to_string(&report()).unwrap();
    for canary in ["架空", "花子", "5820143", "19800117", "1980", "u1", "2023-04-01", "06139999", "2730866"] {
        assert!(!text.contains(canary), "{canary} in {text}");
    }
    // The same files give the same bytes, and what was written is read back.
    assert_eq!(text, serde_json::to_string(&report()).unwrap());
    let back: QualityReport = serde_json::from_str(&text).unwrap();
    assert_eq!(serde_json::to_string(&back).unwrap(), text);
}

#[test]
fn names_of_kinds_are_those_of_reports() {
    for kind in report().kinds.keys() {
        assert_eq!(serde_json::to_string(kind).unwrap(), format!("\"{}\"", kind.name()));
        assert!(!kind.label().is_empty());
    }
}

#[test]
fn the_largest_shares_come_first() {
    let check = |code: &str, count, of| Check { code: code.to_owned(), at: "claims".to_owned(), count, of };
    let (a, b) = ([check("x", 5, 1_000), check("y", 1, 10)], [check("z", 100, 1_000)]);
    let order: Vec<&str> = worst(&[&a, &b], 2).iter().map(|check| check.code.as_str()).collect();
    assert_eq!(order, ["z", "y"]);
    assert_eq!(class("days-differ-from-count"), Some(Class::ConformanceComputational));
    assert_eq!(class("no-such-code"), None);
}
