//! Payer-side claims: one fixture per trap of the format. All people, facilities and numbers are invented.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod read_support;

use datasets::read::Kind;
use read_support::{Run, cp932, day, file, run};

const K: Kind = Kind::Claims;

/// The rest of an SI or IY record from 点数 on: points, times, six blanks, then the day columns.
fn days(points: &str, times: &str, on: &[(usize, u32)]) -> String {
    let mut columns = vec![String::new(); 31];
    for (day, count) in on {
        columns[day - 1] = count.to_string();
    }
    format!("{points},{times},,,,,,,{}", columns.join(","))
}

const HEAD: &[&str] = &[
    "2,1,0,MN,123456789,13,99",
    "1,2,0,IR,1,13,1,7654321,,架空医院,202404,00",
    "1,3,0,RE,1,1112,202404,架空　花子,2,19800229,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,カクウハナコ",
    "1,4,0,HO,  133066,１２,３４５６７,3,500",
    "1,5,0,SN,1,01,,,,02",
];

fn text(lines: &[&str], more: &[String]) -> String {
    let all: Vec<&str> = lines.iter().copied().chain(more.iter().map(String::as_str)).collect();
    all.join("\r\n") + "\r\n\u{1a}"
}

fn take(lines: &[&str], more: &[String]) -> Run {
    let dir = tempfile::tempdir().unwrap();
    let path = file(dir.path(), "any.name", &cp932(&text(lines, more)));
    run(&[path]).unwrap()
}

#[test]
fn one_receipt_with_identity_totals_diagnoses_and_acts() {
    let got = take(
        HEAD,
        &[
            "1,6,0,SY,2500015,20210401,1,,,01".into(),
            "1,7,0,SY,8833421,5040401,2,10028002".into(),
            "1,8,0,SY,0000999,20240401,3,,手製の病の疑い".into(),
            format!("1,9,0,SI,12,1,112007410,,{}", days("75", "2", &[(3, 1), (17, 1)])),
            format!("1,10,0,IY,21,1,622098501,1,{}", days("", "28", &[])),
            format!("1,11,0,IY,,1,999999999,2.5,{}", days("12", "28", &[(3, 28)])),
            "1,12,0,CO,1,1,810000001,これは自由記述で氏名がある".into(),
            "1,13,0,SJ,1,症状の詳しい話".into(),
            "2,14,0,EX,,,,,,,QUJD".into(),
            "2,15,0,RC,abcdef".into(),
        ],
    );
    let identity = |column| got.text("identity", column, 0);
    assert_eq!(got.identity.height(), 1);
    assert_eq!(identity("insurer_no").as_deref(), Some("133066"));
    assert_eq!(identity("symbol").as_deref(), Some("１２"), "as written");
    assert_eq!(identity("number").as_deref(), Some("３４５６７"));
    assert_eq!(identity("branch").as_deref(), Some("02"));
    assert_eq!(identity("name").as_deref(), Some("架空　花子"));
    assert_eq!(identity("kana").as_deref(), Some("カクウハナコ"));
    assert_eq!(identity("birth").as_deref(), Some("19800229"));
    assert_eq!(identity("sex").as_deref(), Some("2"));
    assert_eq!(identity("postcode"), None);
    assert_eq!(got.date("identity", "first_seen", 0), Some(day(2024, 4, 3)));
    assert_eq!(got.date("identity", "last_seen", 0), Some(day(2024, 4, 17)));
    assert_eq!(got.date("identity", "death", 0), Some(day(2024, 4, 30)), "転帰 3: some day of the month");

    assert_eq!(got.height("claim"), 1);
    assert_eq!(got.date("claim", "month", 0), Some(day(2024, 4, 1)));
    assert_eq!(got.code("claim", "type", 0).as_deref(), Some("medical"));
    assert_eq!(got.code("claim", "setting", 0).as_deref(), Some("out"));
    assert_eq!(got.int("claim", "days", 0), Some(3));
    assert_eq!((got.int("claim", "points_billed", 0), got.int("claim", "points", 0)), (Some(500), Some(500)));
    assert_eq!(got.text("claim", "facility", 0).as_deref(), Some("1317654321"));

    assert_eq!(got.height("diagnosis"), 3);
    assert_eq!(got.text("diagnosis", "icd10", 0).as_deref(), Some("E11"));
    assert_eq!(got.ints("diagnosis", "main"), [Some(1), Some(0), Some(0)]);
    assert_eq!(got.ints("diagnosis", "suspected"), [Some(0), Some(1), Some(1)], "8002, or so written");
    assert_eq!(got.date("diagnosis", "start_date", 1), Some(day(2022, 4, 1)), "era date by length");
    assert_eq!(got.code("diagnosis", "outcome", 2).as_deref(), Some("3"));
    assert_eq!(got.text("diagnosis", "icd10", 2), None, "no master, no guess");

    // Two visits, then one unit of two drugs whose days and points stand on the last record.
    assert_eq!(got.height("act"), 4);
    assert_eq!(got.ints("act", "points"), [75, 75, 0, 12 * 28].map(Some));
    assert_eq!(got.ints("act", "quantity"), [1_000, 1_000, 28_000, 70_000].map(Some));
    assert_eq!(got.ints("act", "supply_days"), [None, None, Some(28), Some(28)], "診療識別 21 is inherited");
    assert_eq!(got.date("act", "service_date", 1), Some(day(2024, 4, 17)));
    assert_eq!(got.text("act", "yj", 2).as_deref(), Some("2189015F2054"));
    assert_eq!(got.text("act", "yj", 3), None);
    assert_eq!(got.left_out(K, "free-text"), 4);
}

#[test]
fn corrections_keep_billed_beside_adjudicated() {
    let got = take(
        HEAD,
        &[
            "1,6,0,SY,4659007,20240401,1".into(),
            format!("1,7,0,SI,12,1,112007410,,{}", days("75", "1", &[(3, 1)])),
            format!("1,8,0,SI,60,1,160010010,,{}", days("49", "1", &[(3, 1)])),
            format!("1,9,0,SI,,1,160019410,,{}", days("11", "1", &[(3, 1)])),
            // 修正 of the HbA1c's points, 削除 of the glucose, 追加 of a disease, and the new total.
            format!("2,8,1,SI,60,1,160010010,,{}", days("40", "1", &[(3, 1)])),
            "2,20,0,JY,2,8,0,5,C,8,1".into(),
            "2,21,0,JY,3,9,0,,D".into(),
            "2,30,0,SY,2500015,20240401,1".into(),
            "2,22,0,JY,1,6,0,,C,30,0".into(),
            "2,4,1,HO,  133066,１２,３４５６７,3,480".into(),
            "2,23,0,JY,2,4,0,5,C,4,1".into(),
        ],
    );
    assert_eq!(got.int("claim", "points_billed", 0), Some(500));
    assert_eq!(got.int("claim", "points", 0), Some(480));
    assert_eq!(got.ints("act", "points"), [Some(75), Some(40)]);
    assert_eq!(got.height("diagnosis"), 2);
    assert_eq!(got.left_out(K, "superseded"), 3);
    assert!(got.report.of(K).quarantined.is_empty());
}

#[test]
fn a_total_left_alone_follows_its_lines() {
    let got = take(
        HEAD,
        &[
            format!("1,6,0,SI,12,1,112007410,,{}", days("75", "2", &[(3, 1), (4, 1)])),
            "2,20,0,JY,3,6,0,,C".into(),
            "2,21,0,JY,3,77,0,,C".into(),
            "2,22,0,JY,2,4,0,5,C,4,1".into(),
        ],
    );
    assert_eq!(got.int("claim", "points_billed", 0), Some(500));
    assert_eq!(got.int("claim", "points", 0), Some(350));
    assert_eq!(got.repaired(K, "total-follows-lines"), 1);
    assert_eq!(got.quarantined(K, "correction-target-missing"), 1);
    assert_eq!(got.quarantined(K, "correction-line-missing"), 1);
}

#[test]
fn donors_are_not_the_patient() {
    let got = take(
        HEAD,
        &[
            "1,6,0,SY,8842116,20240401,1".into(),
            "1,7,0,TI,1,13,1,1111111".into(),
            "1,8,0,TR,1,1,19900101".into(),
            "1,9,0,TS,3,900".into(),
            "1,10,0,SY,2500015,20240401,3".into(),
            format!("1,11,0,SI,50,1,150000000,,{}", days("900", "1", &[(3, 1)])),
        ],
    );
    assert_eq!((got.height("diagnosis"), got.height("act")), (1, 0));
    assert_eq!(got.left_out(K, "organ-donor"), 5);
    assert_eq!(got.date("identity", "death", 0), None);
}

#[test]
fn days_that_do_not_fit() {
    let got = take(
        HEAD,
        &[
            // 30 days have April; the 31st is nobody's day.
            format!("1,6,0,SI,12,1,112007410,,{}", days("75", "2", &[(30, 1), (31, 1)])),
            // Σdays is not 回数: the days win.
            format!("1,7,0,SI,,1,112011010,,{}", days("52", "3", &[(4, 1)])),
            // No day at all, as before 2012-04.
            "1,8,0,SI,,1,112015770,,1,2".into(),
            format!("1,9,0,SI,12,1,ABC,,{}", days("75", "1", &[(3, 1)])),
            "1,10,0,TO,40,1,710000001,1.5,30,1,,,,,,,,,,,,,1".into(),
        ],
    );
    assert_eq!(got.lost(K, "day-not-in-month"), 1);
    assert_eq!(got.repaired(K, "days-differ-from-count"), 1);
    assert_eq!(got.repaired(K, "service-day-unknown"), 1);
    assert_eq!(got.quarantined(K, "act-code"), 1);
    assert_eq!(got.ints("act", "points"), [75, 52, 2, 30].map(Some));
    assert_eq!(got.code("act", "kind", 3).as_deref(), Some("material"));
    assert_eq!(got.int("act", "quantity", 3), Some(1_500));
    assert_eq!(got.date("act", "service_date", 3), Some(day(2024, 4, 3)), "day columns of TO begin at 17");
}

#[test]
fn dispensing() {
    let got = take(
        &[
            "2,1,0,MN,123456789,13,99",
            "1,2,0,YK,1,13,4,4444444,架空薬局,202405,00",
            "1,3,0,RE,1,4116,202404,ｶｸｳ ﾊﾅｺ,2,3550229,,,13,1,7654321,架空医院,,秘密医師の名",
            "1,4,0,HO,06139999,12,3456,1,321",
            "1,5,0,SH,1,1,901,,4",
            "1,6,0,CZ,1,20240403,20240404,1,28,1,,,430001010,24,,,112,,1,430002020,8",
            "1,7,0,IY,1,622098501,1",
            "1,8,0,IY,1,621676001,2.5",
            "1,9,0,SH,2,5,902",
            "1,10,0,CZ,1,0403,0404,1,2,1,,,,,,,30",
            "1,11,0,IY,1,999999999,10",
            "1,12,0,TO,1,710000001,1",
            "1,13,0,KI,20240404,1,1,410000010,42,,1,410000020,1,59",
        ],
        &[],
    );
    assert_eq!(got.code("claim", "type", 0).as_deref(), Some("pharmacy"));
    assert_eq!(got.text("claim", "facility", 0).as_deref(), Some("1344444444"));
    assert_eq!(got.int("claim", "points", 0), Some(321));
    // Fees of CZ, drugs of the first prescription, drugs of the second, fees of KI; as they are met.
    let codes: Vec<_> = (0..got.height("act")).map(|row| got.text("act", "code", row).unwrap()).collect();
    assert_eq!(
        codes,
        ["430001010", "430002020", "622098501", "621676001", "999999999", "710000001", "410000010", "410000020"]
    );
    assert_eq!(got.ints("act", "points"), [24, 8, 0, 112, 0, 30, 42, 59].map(Some));
    assert_eq!(got.ints("act", "quantity"), [1_000, 1_000, 28_000, 70_000, 20_000, 2_000, 1_000, 1_000].map(Some));
    assert_eq!(got.ints("act", "supply_days"), [None, None, Some(28), Some(28), None, None, None, None]);
    assert!((0..8).all(|row| got.date("act", "service_date", row) == Some(day(2024, 4, 4))));
    assert_eq!(got.height("diagnosis"), 0);
    assert_eq!(got.who(0, "name").as_deref(), Some("ｶｸｳ ﾊﾅｺ"));
}

#[test]
fn dpc() {
    let got = take(
        &[
            "2,1,0,MN,123456789,13,99",
            "1,2,0,IR,1,13,1,7654321,,架空病院,202404,00",
            "1,3,0,RE,1,1111,202404,架空　太郎,1,19500101,,20240401,,,,,,,,,,0,,,,,,,,,,カクウタロウ",
            "1,4,0,HO,06139999,12,3456,12,45000",
            "1,5,0,BU,050050xx99000x,20240401,20240412,6",
            "1,6,0,SB,4139007,,,I209,01",
            "1,7,0,SB,8833421,8002,,,11",
            "1,8,0,CD,20240402,33,1,1,622098501,2,,,1",
            "1,9,0,GA,202404,0,0000000000000000000000000000000,050050xx99000x",
        ],
        &[format!("1,10,0,SI,50,1,150000000,,{}", days("30000", "1", &[(2, 1)]))],
    );
    assert_eq!(got.code("claim", "type", 0).as_deref(), Some("dpc"));
    assert_eq!(got.code("claim", "setting", 0).as_deref(), Some("in"));
    assert_eq!(got.text("diagnosis", "icd10", 0).as_deref(), Some("I209"), "SB's own ICD-10");
    assert_eq!(got.ints("diagnosis", "main"), [Some(0), Some(1)], "傷病名区分 11");
    assert_eq!(got.ints("diagnosis", "suspected"), [Some(0), Some(1)]);
    assert_eq!(got.ints("act", "points"), [Some(0), Some(30_000)], "bundled care costs nothing of its own");
    assert_eq!(got.int("act", "quantity", 0), Some(2_000));
    assert_eq!(got.date("identity", "death", 0), Some(day(2024, 4, 12)), "転帰 6 on the day of discharge");
    assert_eq!(got.who(0, "kana").as_deref(), Some("カクウタロウ"));
}

#[test]
fn sloppy_files_are_read() {
    // LF, no 0x1A, UTF-8, trailing items missing, more items than known, no MN, older wareki months.
    let lines = "1,1,0,IR,1,13,1,7654321\n1,2,0,RE,1,1112,50604,𠮷野　花子,2,3550229\n1,3,0,HO,133066,1,2,1,75,,,,,,,,,,,,,new,items\n\
                 1,4,0,SY,4659007\n1,5,0,IR,1,13,1,7654321\n1,6,0,RE,2,1112,202404,架空　次郎,1,19900101\n1,7,0,HO,133066,1,3,1,75\n";
    let dir = tempfile::tempdir().unwrap();
    let got = run(&[file(dir.path(), "x", lines.as_bytes())]).unwrap();
    assert_eq!(got.height("claim"), 2);
    assert_eq!(got.ints("claim", "month"), [Some(i64::from(day(2024, 4, 1))); 2]);
    assert_eq!(got.who(0, "name").as_deref(), Some("𠮷野　花子"));
}

#[test]
fn broken_lines_quarantine_their_receipt_and_no_other() {
    let mut lines: Vec<String> = HEAD.iter().map(|line| (*line).to_owned()).collect();
    lines.push("1,x,0,SY,4659007,20240401".into());
    lines.push("1,7,0,SY,4659007,20240401".into());
    lines.extend(HEAD.iter().map(|line| line.replace("３４５６７", "99999")));
    lines.push("1,6,0,QQ,1".into());
    lines.push("2,7,1,SY,4659007,20240401".into());
    let got = take(&[], &lines);
    assert_eq!(got.height("claim"), 1);
    assert_eq!(got.who(0, "number").as_deref(), Some("99999"));
    assert_eq!(got.quarantined(K, "row-number"), 1);
    assert_eq!(got.quarantined(K, "receipt-damaged"), 6);
    assert_eq!(got.quarantined(K, "record-unknown"), 1);
    assert_eq!(got.quarantined(K, "correction-not-referred-to"), 1);
    let lines: Vec<u64> = got.report.findings().iter().map(|finding| finding.line).collect();
    assert_eq!(lines, [6, 1, 13, 14]);
}

#[test]
fn receipts_that_cannot_be_used_are_quarantined_whole() {
    for (from, to, code) in [
        ("1112,202404", "1112,202413", "month"),
        ("1112,202404", "6112,202404", "home-nursing-receipt"),
        ("1112,202404", "12,202404", "receipt-type"),
        (",3,500", ",3,5x0", "points"),
        (",HO,", ",JD,", "receipt-without-payer"),
        (",RE,", ",GR,", "receipt-without-re"),
    ] {
        let lines: Vec<String> = HEAD.iter().map(|line| line.replace(from, to)).collect();
        let got = take(&[], &lines);
        assert_eq!(got.quarantined(K, code), 5, "{code}");
        assert_eq!((got.height("claim"), got.identity.height()), (0, 0), "{code}");
    }
}

#[test]
fn the_insurer_corrected_by_the_clearing_body_wins() {
    let lines: Vec<String> =
        HEAD.iter().map(|line| line.replace("SN,1,01,,,,02", "SN,1,04,06138888,77,8888,01")).collect();
    let got = take(&[], &lines);
    assert_eq!(got.who(0, "insurer_no").as_deref(), Some("06138888"));
    assert_eq!(got.who(0, "number").as_deref(), Some("8888"));
    assert_eq!(got.who(0, "branch").as_deref(), Some("01"));
}
