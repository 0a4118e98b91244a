//! Eligibility lists, rosters and daily values. All people and numbers are invented.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod read_support;

use datasets::read::{Kind, ReadError};
use read_support::{cp932, day, file, run};

const LIST: &str = "保険者番号,記号,番号,枝番,氏名,カナ氏名,生年月日,性別,本人家族,取得日,喪失日,喪失事由,事業所記号,規模,業種,郵便番号\r\n";

#[test]
fn every_spell_of_coverage_is_an_enrolment() {
    let rows = [
        "06139999,12,3456,01,髙橋　花子,ﾀｶﾊｼ ﾊﾅｺ,19800229,2,1,20200401,,,777,3,E,100-0001",
        "06139999,12,3456,02,\"架空,　太郎\",ｶｸｳ ﾀﾛｳ,3550229,1,2,2019/4/1,2023-03-31,2,,,,",
        "06139999,12,3456,02,\"架空,　太郎\",ｶｸｳ ﾀﾛｳ,3550229,1,2,20180401,20190331,1,,,,",
        "133066,,99,,,ｶｸｳ ｼﾞﾛｳ,19900101,1,1,20200401,99999999,,,9,Z,",
    ];
    let dir = tempfile::tempdir().unwrap();
    for (at, bytes) in [
        cp932(&format!("{LIST}{}\r\n\u{1a}", rows.join("\r\n"))),
        format!("\u{feff}{LIST}{}", rows.join("\n")).into_bytes(),
        format!("{LIST}{}\n", rows.join("\n")).into_bytes(),
    ]
    .iter()
    .enumerate()
    {
        let got = run(&[file(dir.path(), &at.to_string(), bytes)]).unwrap();
        assert_eq!((got.height("enrolment"), got.identity.height()), (4, 3));
        assert_eq!(got.who(0, "name").as_deref(), Some("髙橋　花子"), "NEC and IBM extension characters");
        assert_eq!(got.who(1, "name").as_deref(), Some("架空,　太郎"));
        assert_eq!(got.who(2, "symbol"), None);
        assert_eq!(got.text("enrolment", "insurer", 3).as_deref(), Some("00133066"));
        let kinds: Vec<_> = (0..4).map(|row| got.code("enrolment", "insurer_kind", row).unwrap()).collect();
        assert_eq!(kinds, ["kenpo", "kenpo", "kenpo", "kokuho"]);
        assert_eq!(got.code("enrolment", "relation", 1).as_deref(), Some("kazoku"));
        assert_eq!(got.date("enrolment", "end_date", 1), Some(day(2023, 3, 31)));
        assert_eq!(got.code("enrolment", "end_reason", 0), None);
        assert_eq!(got.text("enrolment", "workplace", 0).as_deref(), Some("06139999:777"));
        assert_eq!(got.code("enrolment", "industry", 0).as_deref(), Some("E"));
        assert_eq!(got.code("enrolment", "industry", 3).as_deref(), Some("other"));
        assert_eq!(got.code("enrolment", "size_band", 3).as_deref(), Some("other"));
        // Spells of one identity are joined; an open end stays open.
        assert_eq!(got.date("identity", "covered_from", 1), Some(day(2018, 4, 1)));
        assert_eq!(got.date("identity", "covered_to", 1), Some(day(2023, 3, 31)));
        assert_eq!(got.date("identity", "covered_to", 0), None);
        assert_eq!(got.date("identity", "covered_to", 2), None);
        assert_eq!(got.date("identity", "death", 1), Some(day(2023, 3, 31)));
        assert_eq!(got.repaired(Kind::Eligibility, "end-date-9999"), 1);
        assert!(got.report.of(Kind::Eligibility).values_lost.is_empty());
    }
}

#[test]
fn rows_that_cannot_be_used_are_counted_with_their_line() {
    let good = "06139999,12,3456,01,架空　花子,カクウ,19800229,2,1,20200401,,,,,,\n";
    let bad = [
        "06139999,12,3456,01,架空　花子,カクウ,19800229,2,1,20201301,,,,,,\n",
        "06139999,12,3456,01,架空　花子,カクウ,19800229,2,1,20200401,20190401,,,,,\n",
        "0613999X,12,3456,01,架空　花子,カクウ,19800229,2,1,20200401,,,,,,\n",
        "06139999,12,,,,,19800229,2,1,20200401,,,,,,\n",
        "06139999,12,3456,01,\"架空　花子,カクウ,19800229,2,1,20200401,,,,,,\n",
        "06139999,12,3456,01,架空　花子,カクウ,19800229,2,1,20200401,,,,,,,extra\n",
        "06139999,12,3457,01,架空　花子,カクウ,99991399,2,1,20200401,,,,,,\n",
    ];
    let dir = tempfile::tempdir().unwrap();
    let text = format!("{LIST}{}{}", good.repeat(9), bad.concat());
    let got = run(&[file(dir.path(), "x", text.as_bytes())]).unwrap();
    let codes: Vec<_> = got.report.findings().iter().map(|found| (found.line, found.code)).collect();
    assert_eq!(
        codes,
        [
            (11, "start-date"),
            (12, "end-before-start"),
            (13, "insurer-number"),
            (14, "no-identity"),
            (15, "open-quote"),
            (16, "too-many-items"),
            (17, "birth-date"),
        ]
    );
    assert_eq!(got.report.of(Kind::Eligibility).kept, 10);
    let json = serde_json::to_string(&got.report).unwrap();
    assert!(!json.contains("架空") && !json.contains("3456"), "counts travel, findings and values do not");
}

#[test]
fn lifelog_days_belong_to_users_of_the_roster() {
    let roster = "利用者ID,氏名,カナ氏名,生年月日,性別,郵便番号,保険者番号,記号,番号\n\
                  U1,架空　花子,カクウ　ハナコ,1980-02-29,2,100-0001,,,\n\
                  U2,架空　太郎,カクウ　タロウ,1979-01-01,1,,06139999,12,3456\n\
                  U2,架空　別人,カクウ　ベツ,1979-01-01,1,,,,\n";
    let daily = "利用者ID,日付,歩数,睡眠分,装着分,安静時心拍,体重kg,収縮期血圧,拡張期血圧\n\
                 U1,2024-04-01,8123,420,900,61,55.25,,\n\
                 U1,2024-04-01,1,1,1,,,,\n\
                 U9,2024-04-01,1,1,1,,,,\n\
                 U2,20240402,99999,,,,x,130,80\n\
                 U2,2024-04-03,,,,,,,\n";
    let dir = tempfile::tempdir().unwrap();
    // Sorted by name the daily file comes first: the roster is read before it all the same.
    file(dir.path(), "in/a-daily.csv", daily.as_bytes());
    file(dir.path(), "in/z-roster.csv", roster.as_bytes());
    let got = run(&[dir.path().join("in")]).unwrap();
    assert_eq!(got.identity.height(), 3, "the third is somebody, though without days");
    assert_eq!(got.height("lifelog_daily"), 2);
    assert_eq!(got.ints("lifelog_daily", "steps"), [Some(8_123), Some(50_000)]);
    assert_eq!(got.ints("lifelog_daily", "weight_kg"), [Some(553), None]);
    assert_eq!(got.ints("lifelog_daily", "wear_min"), [Some(900), None]);
    assert_eq!(got.date("identity", "last_seen", 1), Some(day(2024, 4, 2)));
    let kind = Kind::LifelogDaily;
    assert_eq!((got.quarantined(kind, "day-twice"), got.quarantined(kind, "user-not-in-roster")), (1, 1));
    assert_eq!((got.quarantined(kind, "no-values"), got.lost(kind, "number")), (1, 1));
    assert_eq!(got.repaired(kind, "out-of-bounds"), 1);
    assert_eq!(got.quarantined(Kind::Roster, "user-twice"), 1);

    let alone = run(&[dir.path().join("in/a-daily.csv")]).err().unwrap();
    assert_eq!(alone.code(), "no-roster");
}

#[test]
fn a_file_that_is_not_what_it_seems_is_refused_whole() {
    let dir = tempfile::tempdir().unwrap();
    let refuse = |name: &str, text: &str| run(&[file(dir.path(), name, text.as_bytes())]).err().unwrap();
    let error = refuse("a", &LIST.replace(",性別", ""));
    assert_eq!(error.code(), "header-lacks");
    assert!(error.to_string().contains("性別") && error.to_string().contains("line 1"), "{error}");
    let error = refuse("b", &LIST.replace("枝番", "番号"));
    assert_eq!(error.code(), "header-twice");
    let ReadError::Refused { place, .. } = &error else { panic!() };
    assert_eq!((place.line, place.column), (1, 4));
    let error = refuse("c", &format!("{LIST}{}", "秘密の名前,これは,台帳では,ない\n".repeat(5)));
    assert_eq!(error.code(), "rows-do-not-fit");
    assert!(!format!("{error} {error:?}").contains("秘密"), "no value in an error");
}

#[test]
fn encodings() {
    let dir = tempfile::tempdir().unwrap();
    let utf16: Vec<u8> = format!("\u{feff}{LIST}").encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(run(&[file(dir.path(), "a", &utf16)]).err().unwrap().code(), "utf-16");
    // One damaged byte in a UTF-8 file does not turn the file into CP932.
    let row = "06139999,12,3456,01,架空　花子,カクウ,19800229,2,1,20200401,,,,,,\n";
    let mut bytes = format!("{LIST}{}", row.repeat(3)).into_bytes();
    let at = bytes.len() - row.len() + "06139999,12,3456,01,".len();
    bytes[at] = 0xFF;
    let got = run(&[file(dir.path(), "b", &bytes)]).unwrap();
    assert_eq!(got.who(0, "name").as_deref(), Some("架空　花子"));
    assert_eq!(got.lost(Kind::Eligibility, "undecodable-character"), 1);
}
