//! The column maps that ship: one file of each kind, as municipalities and employers export them. All people are invented.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod read_support;

use datasets::read::Kind;
use read_support::{Run, cp932, day, file, run};

const WHO: &str = "保険者番号,記号,番号,枝番,氏名,カナ氏名,生年月日,性別";
const HANAKO: &str = "06139999,12,3456,01,架空　花子,カクウ　ハナコ,19800229,2";

/// Reads a table with this header and rows behind the columns that say who it is about.
fn take(header: &str, rows: &[&str]) -> Run {
    let dir = tempfile::tempdir().unwrap();
    let mut text = format!("{WHO},{header}\r\n");
    for row in rows {
        text.push_str(&format!("{HANAKO},{row}\r\n"));
    }
    let got = run(&[file(dir.path(), "x", &cp932(&text))]).unwrap();
    assert_eq!(got.identity.height(), 1);
    assert_eq!(got.text("identity", "branch", 0).as_deref(), Some("01"));
    assert_eq!(got.text("identity", "postcode", 0), None);
    got
}

fn codes(got: &Run, table: &str, column: &str) -> Vec<String> {
    (0..got.height(table)).map(|row| got.code(table, column, row).unwrap_or_default()).collect()
}

fn texts(got: &Run, table: &str, column: &str) -> Vec<String> {
    (0..got.height(table)).map(|row| got.text(table, column, row).unwrap_or_default()).collect()
}

#[test]
fn guidance_and_programmes() {
    let header = "支援レベル,実施機関番号,利用券発行日,初回面接日,実績評価日,状態";
    let rows = [
        "積極的支援,1312345678,20240501,2024/6/1,2024/9/15,終了",
        "2,,,令和6年6月1日,,中断",
        "なし,,,20240601,99999999,？",
    ];
    let got = take(header, &rows);
    assert_eq!(codes(&got, "programme", "kind"), ["active", "motivational", "other"]);
    assert_eq!(codes(&got, "programme", "status"), ["completed", "withdrew", "other"]);
    assert_eq!(got.date("programme", "start_date", 1), Some(day(2024, 6, 1)));
    assert_eq!(got.date("programme", "end_date", 0), Some(day(2024, 9, 15)));
    assert_eq!(got.date("programme", "end_date", 2), None);
    assert_eq!(texts(&got, "programme", "provider"), ["1312345678", "", ""]);
    assert_eq!((got.repaired(Kind::Mapped, "code-not-in-list"), got.repaired(Kind::Mapped, "date-9999")), (2, 1));

    let got = take(
        "プログラム種別,開始日,終了日,参加状況",
        &["禁煙支援,20240401,,辞退", "ウォーキング,20240401,20240701,修了"],
    );
    assert_eq!(codes(&got, "programme", "kind"), ["smoking", "walking"]);
    assert_eq!(codes(&got, "programme", "status"), ["declined", "completed"]);
}

#[test]
fn events() {
    let got = take(
        "接種日,ワクチンメーカー,ロット番号,接種回数",
        &["2021/07/01,ファイザー,FD0889,1", "20231101,インフルエンザ,,1", "20231101,架空花子の自作,,1"],
    );
    assert_eq!(codes(&got, "event", "kind"), ["vaccination"; 3]);
    assert_eq!(texts(&got, "event", "code"), ["covid19-pfizer", "influenza", ""]);
    assert_eq!(got.lost(Kind::Mapped, "not-a-code"), 1, "free text is not kept");

    let got = take("アレルゲン,診断日,重症度", &["そば,20240401,重度", "ペニシリン,20240402,"]);
    assert_eq!(codes(&got, "event", "kind"), ["allergy"; 2]);
    assert_eq!(texts(&got, "event", "code"), ["buckwheat", "penicillin"]);
    assert_eq!(codes(&got, "event", "grade"), ["severe", ""]);

    let got = take("要介護度,認定日,有効期間終了日", &["要介護３,令和6年4月1日,令和7年3月31日", "12,20240401,"]);
    assert_eq!(codes(&got, "event", "kind"), ["care"; 2]);
    assert_eq!(codes(&got, "event", "grade"), ["care3", "support1"]);
    assert_eq!(got.date("event", "end_date", 0), Some(day(2025, 3, 31)));
    assert_eq!(got.date("identity", "last_seen", 0), Some(day(2024, 4, 1)), "what lies ahead was not seen");

    let got = take("休職開始日,休職終了日,休職事由", &["2024-04-01,2024-06-30,メンタルヘルス", "2024-07-01,,長い話"]);
    assert_eq!(codes(&got, "event", "kind"), ["leave"; 2]);
    assert_eq!(texts(&got, "event", "code"), ["mental", ""]);

    let got = take("ストレスチェック実施日,高ストレス者", &["2024-11-01,該当", "2024-11-01,0"]);
    assert_eq!(codes(&got, "event", "kind"), ["stress"; 2]);
    assert_eq!(codes(&got, "event", "grade"), ["high_stress", "not_high_stress"]);
}

#[test]
fn laboratory_values() {
    let got = take(
        "採血日,JLAC10コード,検査値,単位",
        &[
            "20240401,3D046000001906202,6.5,%",
            "20240401,3F077000002327101,１２０,mg/dL",
            "20240401,5F016141002306111,陰性,",
            "20240401,,1,",
        ],
    );
    assert_eq!(texts(&got, "observation", "code")[..2], ["jlac10:3D046000001906202", "jlac10:3F077000002327101"]);
    assert_eq!(got.ints("observation", "value"), [Some(6_500), Some(120_000), None]);
    assert_eq!(texts(&got, "observation", "unit"), ["%", "mg/dL", ""]);
    assert_eq!(codes(&got, "observation", "place"), ["clinic"; 3]);
    let kind = Kind::Mapped;
    assert_eq!((got.lost(kind, "number"), got.quarantined(kind, "value-missing")), (1, 1));

    let got = take("検査日,検査コード,結果,単位,場所", &["20240401,GLU-1,98.25,mg/dL,自宅"]);
    assert_eq!(texts(&got, "observation", "code"), ["local:GLU-1"]);
    assert_eq!(got.ints("observation", "value"), [Some(98_250)]);
    assert_eq!(codes(&got, "observation", "place"), ["home"]);
}

#[test]
fn checkups_under_any_header() {
    let dir = tempfile::tempdir().unwrap();
    let map = "layout = \"checkup\"\n[columns]\n\"保険者番号\" = { constant = \"06139999\" }\n\"番号\" = \"社員番号\"\n\"生年月日\" = \"誕生\"\n\
               \"受診日\" = { from = \"来た日\", date = \"%d.%m.%Y\" }\n\"9N006000000000001\" = { from = \"目方(lb)\", factor = \"0.45359237\" }\n\
               \"収縮期血圧\" = \"上\"\n\"拡張期血圧\" = \"下\"\n\"喫煙\" = { from = \"たばこ\", codes = { \"吸う\" = \"1\", \"吸わない\" = \"3\" } }\n";
    let csv =
        "社員番号\t誕生\t\"来た\n日\"\t目方（ｌｂ）\t上\t下\tたばこ\n7\t19800229\t01.05.2024\t150\t120\t80\t吸わない\n";
    let maps = vec![file(dir.path(), "map.toml", map.as_bytes())];
    let options = datasets::read::ReadOptions { maps, ..Default::default() };
    let got = read_support::run_with(&[file(dir.path(), "x", &cp932(csv))], &options).unwrap();
    assert_eq!(got.date("checkup", "exam_date", 0), Some(day(2024, 5, 1)));
    assert_eq!((got.int("checkup", "weight_kg", 0), got.int("checkup", "sbp", 0)), (Some(680), Some(120)));
    assert!(got.code("checkup", "q_smoking", 0).unwrap().ends_with('3'));
    assert_eq!(got.text("identity", "insurer_no", 0).as_deref(), Some("06139999"));
    let typo = map.replace("収縮期血圧", "収縮期血庄");
    let options = datasets::read::ReadOptions {
        maps: vec![file(dir.path(), "typo.toml", typo.as_bytes())],
        ..Default::default()
    };
    let error = read_support::run_with(&[file(dir.path(), "y", &cp932(csv))], &options).err().unwrap();
    assert_eq!(error.code(), "map-column", "{error}");
}
