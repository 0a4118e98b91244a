//! Checkups as CSV: headers by words and by codes, cells as vendors write them. All people and numbers are invented.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod read_support;

use datasets::read::{Kind, ReadError};
use read_support::{Run, cp932, day, file, run};

const K: Kind = Kind::CheckupCsv;
const WHO: &str = "保険者番号,記号,番号,枝番,氏名,カナ氏名,生年月日,性別";
const HANAKO: &str = "06139999,１２,345,01,架空　花子,カクウ　ハナコ,1980/02/29,2";

fn take(text: &str) -> Run {
    let dir = tempfile::tempdir().unwrap();
    run(&[file(dir.path(), "x", text.as_bytes())]).unwrap()
}

fn refused(text: &str) -> ReadError {
    let dir = tempfile::tempdir().unwrap();
    run(&[file(dir.path(), "x", text.as_bytes())]).err().unwrap()
}

#[test]
fn words_and_what_vendors_put_below_them() {
    let header = "健診種別,受診日,身長（ｃｍ）,体重(kg),最高血圧,最低血圧[mmHg],中性脂肪,γ-GTP,HbA1c(NGSP),尿蛋白,尿糖,\
                  メタボ判定,保健指導レベル,喫煙,服薬1(血圧),飲酒,備考,受診券整理番号";
    let rows = [
        "日帰り人間ドック,2024/6/10,160.25,\"52.4\",120,70,<30,1000以上,5.6,(±),2+,非該当,なし,いいえ,はい,時々,秘密の話,1",
        "特定健診,20230610,,52.4,未実施,測定不能,,-,５．６,＋,(-),予備群該当,動機付け支援,いいえ,わからない,時々,,2",
    ];
    let text = format!("{WHO},{header}\n{HANAKO},{}\n{HANAKO},{}\n", rows[0], rows[1]);
    for bytes in [text.clone().into_bytes(), cp932(&text).replace_lf()] {
        let dir = tempfile::tempdir().unwrap();
        let got = run(&[file(dir.path(), "x", &bytes)]).unwrap();
        assert_eq!((got.height("checkup"), got.report.of(K).kept, got.identity.height()), (2, 2, 1));
        let int = |column, row| got.int("checkup", column, row);
        let code = |column, row| got.code("checkup", column, row).unwrap_or_default();
        assert_eq!((code("kind", 0), code("kind", 1)), ("ningen_dock".into(), "tokutei".into()));
        assert_eq!(got.date("checkup", "exam_date", 0), Some(day(2024, 6, 10)));
        assert_eq!([int("height_cm", 0), int("weight_kg", 0), int("sbp", 0)], [Some(1_603), Some(524), Some(120)]);
        assert_eq!([int("tg", 0), int("ggt", 0), int("hba1c", 0)], [Some(30), Some(1_000), Some(56)]);
        assert_eq!([int("height_cm", 1), int("sbp", 1), int("dbp", 1), int("ggt", 1)], [None; 4]);
        assert_eq!([code("u_protein", 0), code("u_glucose", 0)], ["2", "4"]);
        assert_eq!([code("u_protein", 1), code("u_glucose", 1)], ["3", "1"]);
        assert_eq!([code("metabo", 1), code("guidance", 1), code("guidance", 0)], ["2", "2", "3"]);
        assert_eq!([code("q_smoking", 0), code("q_smoking", 1)], ["4:3", "3:2"], "the list of its term");
        assert_eq!([code("q_drug_bp", 0), code("q_drug_bp", 1)], ["4:1", "other"]);
        assert_eq!([code("q_alcohol_freq", 0), code("q_alcohol_freq", 1)], ["other", "3:2"]);
        assert_eq!((got.lost(K, "answer"), got.repaired(K, "at-measuring-limit")), (2, 2));
        assert_eq!(got.who(0, "kana").as_deref(), Some("カクウ　ハナコ"));
        assert_eq!(got.who(0, "birth").as_deref(), Some("1980/02/29"), "as written");
        let states: Vec<_> = (0..got.height("checkup_item"))
            .filter(|&row| got.date("checkup_item", "exam_date", row) == Some(day(2023, 6, 10)))
            .map(|row| {
                (got.text("checkup_item", "code", row).unwrap(), got.code("checkup_item", "state", row).unwrap())
            })
            .take(3)
            .collect();
        let state = |code: &str, state: &str| (code.to_owned(), state.to_owned());
        assert_eq!(
            states,
            [
                state("9N006000000000001", "measured"),
                state("9A755000000000001", "not_done"),
                state("9A765000000000001", "not_measurable")
            ]
        );
        assert!(!format!("{:?}", got.tables).contains("秘密"));
    }
}

trait ReplaceLf {
    fn replace_lf(self) -> Vec<u8>;
}

impl ReplaceLf for Vec<u8> {
    fn replace_lf(self) -> Vec<u8> {
        self.into_iter().flat_map(|b| if b == b'\n' { vec![b'\r', b'\n'] } else { vec![b] }).collect()
    }
}

#[test]
fn codes_as_headers_with_units_of_their_own() {
    let got = take(&format!(
        "{WHO},健診実施日,9A751000000000001,9A755000000000001,身長_9N001000000000001,1A030000000190301,\
         9N056000000000011,9N066000000000049,3D010000001926101(mmol/L)\n{HANAKO},2024-06-10,150,140,160,1.0205,1,秘密,5.5\n"
    ));
    assert_eq!((got.int("checkup", "sbp", 0), got.int("checkup", "height_cm", 0)), (Some(140), Some(1_600)));
    assert_eq!(got.code("checkup", "kind", 0).as_deref(), Some("other"), "nobody says which kind it was");
    assert_eq!((got.int("checkup", "fpg", 0), got.lost(K, "unit")), (None, 1));
    let rows: Vec<String> = (0..got.height("checkup_item"))
        .map(|row| {
            let text = |column| got.text("checkup_item", column, row).unwrap_or_default();
            let value = got.int("checkup_item", "value", row).map(|v| v.to_string()).unwrap_or_default();
            format!("{} {value} {} {}", text("code"), text("unit"), text("answer")).trim_end().to_owned()
        })
        .collect();
    assert_eq!(
        rows,
        [
            "9A751000000000001 150000 mm[hg]",
            "9A755000000000001 140000 mm[hg]",
            "9N001000000000001 160000 cm",
            "1A030000000190301 1021",
            "9N056000000000011   1",
            "3D010000001926101 5500 mmol/l",
        ],
        "findings in words are not taken; a unit that the column does not take is no other unit"
    );
}

#[test]
fn rows_that_cannot_be_used_are_counted() {
    let header = format!("{WHO},受診日,身長,体重,BMI\n");
    let row = |who: &str, date: &str, rest: &str| format!("{who},{date},160,52,{rest}\n");
    let nobody = ",,,,,,,";
    let text = [
        row(HANAKO, "20240610", "20.3"),
        row(HANAKO, "99991399", "20.3"),
        row(nobody, "20240610", "20.3"),
        row(HANAKO, "20240610", "20.3,extra"),
        row(HANAKO, "20240610", "1234567890123456789012345678901"),
        row(HANAKO, "20240611", "\"20.3"),
        row(HANAKO, "2024/6/12", "9999"),
    ]
    .concat();
    let got = take(&format!("{header}{text}"));
    assert_eq!((got.height("checkup"), got.report.of(K).read), (3, 7));
    for code in ["exam-date", "no-identity", "too-many-items", "open-quote"] {
        assert_eq!(got.quarantined(K, code), 1, "{code}");
    }
    assert_eq!((got.lost(K, "number"), got.repaired(K, "out-of-bounds")), (1, 1));
    let finding = got.report.findings().iter().find(|finding| finding.code == "number").unwrap();
    assert_eq!(finding.line, 6);
}

#[test]
fn what_is_no_checkup_csv() {
    for (header, code) in [
        ("保険者番号,番号,生年月日,受診日,身長,体重", "unknown-content"),
        ("受診券整理番号,生年月日,受診日,身長,体重,BMI", "unknown-content"),
        ("番号,生年月日,身長,体重,BMI", "unknown-content"),
        ("番号,生年月日,受診日,身長,体重,BMI,体重(kg)", "header-twice"),
        ("番号,生年月日,受診日,実施日,身長,体重,BMI", "header-twice"),
    ] {
        assert_eq!(refused(&format!("{header}\n1,19800101,20240401,1,2,3,4\n")).code(), code, "{header}");
    }
    let garbled = "番号,生年月日,受診日,身長,体重,BMI\n".to_owned() + &"a,b,c,d,e,f,秘密\n".repeat(30);
    let error = refused(&garbled);
    assert_eq!(error.code(), "rows-do-not-fit");
    assert!(!format!("{error} {error:?}").contains("秘密"));
}
