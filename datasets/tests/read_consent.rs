//! Consents and opt-outs: what can't be read never widens what is allowed. All people are invented.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod read_support;

use datasets::read::{Kind, ReadError};
use polars::prelude::DataType;
use read_support::{Run, cp932, day, file, run};

const WHO: &str = "保険者番号,番号,カナ氏名,生年月日,性別";
const HANAKO: &str = "06139999,3456,カクウ　ハナコ,19800229,2";

fn take(files: &[String]) -> Result<Run, ReadError> {
    let dir = tempfile::tempdir().unwrap();
    let files: Vec<_> =
        files.iter().enumerate().map(|(at, text)| file(dir.path(), &at.to_string(), &cp932(text))).collect();
    run(&files)
}

fn consents(header: &str, rows: &[&str]) -> Run {
    let rows: String = rows.iter().map(|row| format!("{HANAKO},{row}\n")).collect();
    take(&[format!("{WHO},{header}\n{rows}")]).unwrap()
}

/// purpose, recipient, data, allowed, from, until
/// Purpose, recipient, kind of data, whether allowed, from, until.
type Row = (String, String, String, i64, Option<i32>, Option<i32>);

fn rows(got: &Run) -> Vec<Row> {
    let code = |column, row| got.code("consent", column, row).unwrap();
    (0..got.height("consent"))
        .map(|row| {
            (
                code("purpose", row),
                code("recipient_kind", row),
                code("data_kind", row),
                got.int("consent", "allowed", row).unwrap(),
                got.date("consent", "from_date", row),
                got.date("consent", "until_date", row),
            )
        })
        .collect()
}

#[test]
fn consents_as_sources_write_them() {
    let got = consents(
        "目的,提供先,データ種別,可否,開始日,終了日",
        &[
            "研究一般,製薬企業,レセプト,可,2024-04-01,2029-03-31",
            "HMB,academia,checkups,0,,",
            "すべて,すべて,,不同意,,99991231",
        ],
    );
    let (from, until) = (Some(day(2024, 4, 1)), Some(day(2029, 3, 31)));
    let text = |a: &str, b: &str, c: &str, d, e, f| (a.to_owned(), b.to_owned(), c.to_owned(), d, e, f);
    assert_eq!(
        rows(&got),
        [
            text("GRU", "pharma", "claims", 1, from, until),
            text("HMB", "academia", "checkups", 0, None, None),
            text("any", "any", "any", 0, None, None),
        ]
    );
    assert_eq!(got.date("identity", "first_seen", 0), None, "a consent is no sighting");
    assert_eq!(got.report.of(Kind::Consent).kept, 3);
}

#[test]
fn what_cannot_be_read_never_widens() {
    let got = consents(
        "目的,提供先,データ種別,可否,開始日,終了日",
        &[
            "月旅行,製薬企業,レセプト,可,,",
            "月旅行,火星人,レセプト,否,,",
            "研究一般,製薬企業,レセプト,たぶん,,",
            "研究一般,製薬企業,レセプト,可,,いつか",
            "研究一般,製薬企業,レセプト,否,いつか,",
        ],
    );
    let short: Vec<(String, String, i64)> = rows(&got).into_iter().map(|row| (row.0, row.1, row.3)).collect();
    let text = |a: &str, b: &str, d| (a.to_owned(), b.to_owned(), d);
    assert_eq!(
        short,
        [text("other", "pharma", 1), text("any", "any", 0), text("GRU", "pharma", 0), text("GRU", "pharma", 0),],
        "an unknown purpose allows nothing that is asked for; a refusal of the unknown refuses all"
    );
    assert_eq!(got.quarantined(Kind::Consent, "consent-dates"), 1);
    assert_eq!(got.lost(Kind::Consent, "date"), 1);
}

fn out(got: &Run) -> Vec<bool> {
    let column = got.identity.column("opted_out").unwrap();
    assert_eq!((column.dtype(), column.null_count()), (&DataType::Boolean, 0));
    column.bool().unwrap().iter().map(Option::unwrap).collect()
}

#[test]
fn opt_outs_by_identity_and_by_user() {
    let list = format!("保険者番号,番号,カナ氏名,生年月日,性別,取得日\n{HANAKO},20200401\n");
    let opted = format!("{WHO},利用停止日\n{HANAKO},2024-04-01\n06139999,99,カクウ　ジロウ,19900101,1,そのうち\n");
    let got = take(&[list.clone(), opted]).unwrap();
    assert_eq!(out(&got), [true, true, false], "the member's own spelling is not marked: tokens will tell");
    assert_eq!(got.lost(Kind::OptOut, "date"), 1, "said is said, whenever it was");
    assert_eq!(got.report.of(Kind::OptOut).kept, 2);

    let roster = "利用者ID,カナ氏名,生年月日,性別\nU1,カクウ,19800229,2\nU2,カクウ　タロウ,19700101,1\n".to_owned();
    let users = "利用者ID,オプトアウト日\nU2,\nU3,20240401\n".to_owned();
    let got = take(&[users.clone(), roster]).unwrap();
    assert_eq!(out(&got), [false, true]);
    assert_eq!(got.last.fresh().height(), 2, "users of the roster are told before any rows, listed or not");
    assert_eq!(got.left_out(Kind::OptOut, "user-not-in-roster"), 1);
    assert_eq!(take(&[users]).err().unwrap().code(), "opt-out-unreadable", "without a roster nobody can say who");
    assert_eq!(out(&take(&[list]).unwrap()), [false]);
}

#[test]
fn an_opt_out_that_tells_nobody_stops_the_run() {
    for row in [
        "06139999,3456,,,2,",
        ",,カクウ　ハナコ,,2,",
        ",,,19800229,2,",
        ",,カクウ,99991399,2,",
        "06139999,\"3456,カクウ,19800229,2,",
    ] {
        let error = take(&[format!("{WHO},利用停止日\n{HANAKO},\n{row}\n")]).err().expect(row);
        assert_eq!(error.code(), "opt-out-unreadable", "{row}");
        assert!(!error.to_string().contains("カクウ"));
    }
    let only_identities = format!("{WHO}\n{HANAKO}\n");
    assert_eq!(take(&[only_identities]).err().unwrap().code(), "unknown-content", "such a list could be anything");
}
