//! Provider-side claims (UKE) and dental receipts of both sides, from the facts of the 記録条件仕様. All people, facilities and
//! numbers are invented.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod read_support;

use datasets::read::Kind;
use read_support::{Run, cp932, day, file, run};

const K: Kind = Kind::ProviderClaims;

fn bytes(bytes: &[u8]) -> Run {
    let dir = tempfile::tempdir().unwrap();
    run(&[file(dir.path(), "any.name", bytes)]).unwrap()
}

fn take(lines: &[&str]) -> Run {
    bytes(&cp932(&(lines.join("\r\n") + "\r\n\u{1a}")))
}

/// Blank items, then the given one: `at` is its number, `after` that of the last item before.
fn skip(after: usize, at: usize, item: &str) -> String {
    format!("{}{item}", ",".repeat(at - after))
}

const MEDICAL: &[&str] = &[
    "IR,1,13,1,7654321,,架空医院,202405,00,03-0000-0000",
    "RE,1,1112,202404,架空　花子,2,19800229",
    "HO,  133066,１２,３４５６７,2,151",
    "SN,1,01,,,,02,,",
    "SY,2500015,20210401,1,,,01",
    "SI,12,1,112007410,,75,2,,,,,,,,,1,,1",
    "CO,1,1,810000001,自由記述",
    "IY,21,1,622098501,1,1,1,,,,,,,1",
    "RE,2,1116,202403,架空　次郎,1,3550229",
    "HO,06139999,1,3,1,75",
    "SY,8833421,5060301,2,8002",
    "SI,12,1,112007410,,75,1,,,,,,,,,1",
    "GO,2,226,99",
];

#[test]
fn a_medical_file() {
    let got = take(MEDICAL);
    assert_eq!(got.height("claim"), 2);
    assert_eq!(got.ints("claim", "points"), [Some(151), Some(75)]);
    assert_eq!(got.ints("claim", "points_billed"), [Some(151), Some(75)]);
    assert_eq!(got.date("claim", "month", 1), Some(day(2024, 3, 1)));
    assert_eq!(got.ints("claim", "billed_month"), [Some(i64::from(day(2024, 5, 1))); 2]);
    assert_eq!(got.text("claim", "facility", 0).as_deref(), Some("1317654321"));
    assert_eq!(got.who(0, "name").as_deref(), Some("架空　花子"));
    assert_eq!(got.who(0, "insurer_no").as_deref(), Some("133066"));
    assert_eq!(got.who(0, "branch").as_deref(), Some("02"));
    assert_eq!(got.ints("diagnosis", "suspected"), [Some(0), Some(1)]);
    assert_eq!(got.date("diagnosis", "start_date", 1), Some(day(2024, 3, 1)), "era date by length");
    assert_eq!(got.ints("act", "points"), [75, 75, 1, 75].map(Some));
    assert_eq!(got.date("act", "service_date", 0), Some(day(2024, 4, 3)));
    assert_eq!(got.date("act", "service_date", 1), Some(day(2024, 4, 5)));
    assert_eq!(got.ints("act", "supply_days"), [None, None, Some(1), None]);
    assert_eq!(got.text("act", "receipt", 0), got.text("claim", "receipt", 0));
    assert_ne!(got.text("act", "receipt", 3), got.text("claim", "receipt", 0));
    assert_eq!(got.left_out(K, "free-text"), 1);
    let counts = got.report.of(K);
    assert!(counts.repaired.is_empty() && counts.quarantined.is_empty(), "{counts:?}");
    assert_eq!((counts.files, counts.read, counts.kept), (1, 13, 12));
}

#[test]
fn encodings_ends_and_eras() {
    let same = |text: &[u8]| {
        let got = bytes(text);
        assert_eq!(got.height("claim"), 2);
        assert_eq!(got.who(1, "name").as_deref(), Some("架空　次郎"));
        assert_eq!(got.ints("claim", "month"), [i64::from(day(2024, 4, 1)), i64::from(day(2024, 3, 1))].map(Some));
        assert_eq!(got.ints("claim", "billed_month"), [Some(i64::from(day(2024, 5, 1))); 2]);
        assert!(got.report.of(K).quarantined.is_empty());
    };
    let lf = MEDICAL.join("\n") + "\n";
    same(lf.as_bytes());
    same(&[b"\xEF\xBB\xBF", lf.as_bytes()].concat());
    same(&cp932(&(MEDICAL.join("\n") + "\n\u{1a}")));
    same(&cp932(&MEDICAL.join("\r\n")));
    same(&cp932(&lf.replace("202405", "50605").replace("202404", "50604").replace("202403", "50603")));
    same(&cp932(
        &lf.replace(",00,03-0000-0000", "").replace("HO,06139999,1,3,1,75", "HO,06139999,1,3,1,75,,,,,,,,,,,,,new,x"),
    ));
}

#[test]
fn totals_are_checked_not_believed() {
    let differs =
        |from: &str, to: &str| take(&MEDICAL.iter().map(|l| if *l == from { to } else { l }).collect::<Vec<_>>());
    for (go, code) in [
        ("GO,3,226,99", "go-count-differs"),
        ("GO,2,225,99", "go-points-differ"),
        ("GO,1234567890123456789012345678901,226,99", "go-count-differs"),
        ("GO,2,,99", "go-points-differ"),
    ] {
        let got = differs("GO,2,226,99", go);
        assert_eq!(got.height("claim"), 2, "not refused");
        assert_eq!(got.repaired(K, code), 1, "{go}");
        assert_eq!(got.report.of(K).repaired.len(), 1, "{go}");
        assert!(got.report.findings().iter().any(|finding| finding.code == code && finding.line == 13));
    }
    let lost = differs("RE,2,1116,202403,架空　次郎,1,3550229", "RE,2,1116,999913,架空　次郎,1,3550229");
    assert_eq!((lost.height("claim"), lost.quarantined(K, "month")), (1, 4));
    assert_eq!(lost.repaired(K, "go-points-differ"), 1, "its points are not in the sum");
    assert_eq!(lost.repaired(K, "go-count-differs"), 0, "but it was read");
}

#[test]
fn volumes_and_files_that_break_off() {
    // Two volumes of one bill, the second GO totals both; then a bill of another house that has no end.
    let first = &MEDICAL[..8];
    let second = &MEDICAL[8..12];
    let mut lines = first.to_vec();
    lines.extend(["GO,1,151,00", "IR,1,13,1,7654321,,架空医院,202405,01"]);
    lines.extend(second);
    lines.push("GO,2,226,99");
    let got = take(&lines);
    assert_eq!(got.height("claim"), 2);
    assert!(got.report.of(K).repaired.is_empty());
    lines.push("IR,2,27,1,1111111,,べつの医院,202405,00");
    lines.extend(second);
    let got = take(&lines);
    assert_eq!(got.height("claim"), 3);
    assert_eq!(got.repaired(K, "go-missing"), 1);
    assert_eq!(got.text("claim", "facility", 2).as_deref(), Some("2711111111"));
    assert_eq!(got.report.findings().last().map(|finding| (finding.code, finding.line)), Some(("go-missing", 16)));
    // Torn within a line: its last number may lack digits, and so its receipt is not used.
    let torn = bytes(&cp932(MEDICAL[..12].join("\r\n").trim_end_matches('1')));
    assert_eq!((torn.height("claim"), torn.quarantined(K, "receipt-damaged")), (1, 4));
    assert_eq!(torn.repaired(K, "go-missing"), 1);
}

#[test]
fn a_later_bill_is_another_version() {
    let later: Vec<String> = MEDICAL.iter().map(|line| line.replace("202405", "202407")).collect();
    let both: Vec<&str> = MEDICAL.iter().copied().chain(later.iter().map(String::as_str)).collect();
    let got = take(&both);
    assert_eq!(got.height("claim"), 4);
    assert_eq!(got.text("claim", "receipt_number", 0), got.text("claim", "receipt_number", 2));
    assert_ne!(got.text("claim", "receipt", 0), got.text("claim", "receipt", 2));
    assert_eq!(got.date("claim", "billed_month", 2), Some(day(2024, 7, 1)));
    // RE.1 counts within a file: another patient of the same month and number is another receipt.
    let other: Vec<String> = later.iter().map(|line| line.replace("19800229", "19810301")).collect();
    let both: Vec<&str> = MEDICAL.iter().copied().chain(other.iter().map(String::as_str)).collect();
    let got = take(&both);
    assert_ne!(got.text("claim", "receipt_number", 0), got.text("claim", "receipt_number", 2));
    // A bill sent again names itself.
    let named = |month: &str, number: &str| {
        let (ir, re) =
            (format!("IR,1,13,1,7654321,,,{month},00"), format!("RE,{number},1112,202404,架空　花子,2,19800229"));
        let re = re + &skip(6, 18, "01234567890123456789");
        take(&[&ir, &re, "HO,133066,1,2,1,75", "GO,1,75,99"]).text("claim", "receipt_number", 0)
    };
    assert_eq!(named("202405", "1"), named("202408", "9"));
}

#[test]
fn strays_donors_and_home_nursing() {
    let got = take(&[
        "IR,1,13,1,7654321,,架空医院,202405,00",
        "SY,2500015,20210401,1",
        "RE,1,1112,202404,架空　花子,2,19800229",
        "HO,133066,1,2,1,75",
        "SI,12,1,112007410,,75,1,,,,,,,,,1",
        "TI,1,13,1,1111111",
        "TR,1,1,19900101",
        "SY,8842116,20240401,3",
        "RE,2,6112,202404,架空　三郎,1,19500101",
        "HO,133066,1,4,1,75",
        "RE,3,1112,202404,架空　四郎,1,19600101",
        "QQ,1",
        "HO,133066,1,5,1,75",
        "x",
        "GO,3,150,99",
    ]);
    assert_eq!(got.quarantined(K, "record-outside-receipt"), 1);
    assert_eq!(got.left_out(K, "organ-donor"), 3);
    assert_eq!(got.date("identity", "death", 0), None, "the donor's");
    assert_eq!(got.quarantined(K, "home-nursing-receipt"), 2);
    assert_eq!(got.quarantined(K, "record-identifier"), 1);
    assert_eq!(got.quarantined(K, "receipt-damaged"), 3);
    assert_eq!((got.height("claim"), got.height("act"), got.height("diagnosis")), (1, 1, 0));
}

#[test]
fn inherited_classes_have_an_end() {
    let count = |inherited: usize| {
        let mut lines = vec!["IR,1,13,1,7654321,,,202405,00", "RE,1,1112,202404,架空,2,19800229", "HO,133066,1,2,1,75"];
        lines.push("IY,21,1,622098501,1,1,1,,,,,,,1");
        lines.extend(std::iter::repeat_n("IY,,1,622098501,1,1,1,,,,,,,1", inherited));
        lines.push("GO,1,75,99");
        take(&lines)
    };
    assert_eq!(count(98).repaired(K, "class-inherited-too-often"), 0);
    let over = count(99);
    assert_eq!(over.repaired(K, "class-inherited-too-often"), 1);
    assert_eq!(over.int("act", "supply_days", 99), Some(1));
}

/// HS with items 1, 2, 4, 5, 6, 7 and 9.
fn disease(start: &str, outcome: &str, code: &str, modifiers: &str, more: &str, main: &str) -> String {
    format!("HS,{start},{outcome},101700,{code},{modifiers},,{more},,{main}")
}

fn dental() -> Vec<String> {
    let additions = ["CA001,", "XA002,2"].join(",");
    // Two additions are items 6 to 9; points are 76, 回数 77, days from 78.
    let treated = format!("SS,41,1,309000110,,,{additions}")
        + &skip(9, 76, "200")
        + ",2"
        + &skip(77, 81, "1")
        + &skip(81, 83, "1");
    vec![
        "IR,1,13,3,2222222,,202405,届出,00".into(),
        "RE,7,3112,202404,架空　花子,2,19800229".to_owned() + &skip(6, 25, "カクウハナコ"),
        "HO,  133066,１２,３４５６７,2,534,1".into(),
        disease("20240401", "1", "8843836", "", "1", "01"),
        disease("", "", "5234016", "8002", "", ""),
        disease("5060402", "2", "5234016", "", "", ""),
        "SI,11,1,301000110,,58,1,,,1".into(),
        treated,
        "IY,21,1,620007150,3,4,5,,,,5".into(),
        "IY,,1,620007151,3,4,5,1,,,,5".into(),
        "TO,80,1,700000001,1.5,,,CB003,,,,架空材料,16,1,,,,1".into(),
        "CO,1,1,810000001,自由記述".into(),
        "GO,1,534,99".into(),
    ]
}

fn dental_facts(got: &Run, kind: Kind) {
    assert_eq!(got.code("claim", "type", 0).as_deref(), Some("dental"));
    assert_eq!(got.code("claim", "setting", 0).as_deref(), Some("out"));
    assert_eq!((got.int("claim", "days", 0), got.int("claim", "points", 0)), (Some(2), Some(534)));
    assert_eq!(got.text("claim", "facility", 0).as_deref(), Some("1332222222"));
    assert_eq!(got.date("claim", "billed_month", 0), Some(day(2024, 5, 1)), "the name was left out: one item earlier");
    assert_eq!(got.who(0, "kana").as_deref(), Some("カクウハナコ"));
    assert_eq!(got.height("diagnosis"), 3);
    assert_eq!(got.text("diagnosis", "icd10", 0).as_deref(), Some("K029"));
    assert_eq!(got.ints("diagnosis", "main"), [1, 0, 0].map(Some));
    assert_eq!(got.ints("diagnosis", "suspected"), [0, 1, 0].map(Some));
    let starts = [day(2024, 4, 1), day(2024, 4, 1), day(2024, 4, 2)].map(|day| Some(i64::from(day)));
    assert_eq!(got.ints("diagnosis", "start_date"), starts, "a comorbid disease began with its tooth's first one");
    assert_eq!(got.code("diagnosis", "outcome", 1).as_deref(), Some("1"));
    let codes: Vec<_> = (0..got.height("act")).map(|row| got.text("act", "code", row).unwrap()).collect();
    let twice = ["309000110", "309000110", "CA001", "CA001", "XA002", "XA002"];
    let rest = ["620007150", "620007151", "700000001", "CB003"];
    assert_eq!(codes, [&["301000110"], &twice[..], &rest[..]].concat());
    assert_eq!(got.ints("act", "points"), [58, 200, 200, 0, 0, 0, 0, 20, 20, 16, 0].map(Some));
    assert_eq!(got.int("act", "quantity", 5), Some(2_000));
    assert_eq!(got.int("act", "quantity", 9), Some(1_500));
    assert_eq!(got.int("act", "supply_days", 7), Some(5));
    assert_eq!(got.date("act", "service_date", 0), Some(day(2024, 4, 3)), "days of SI begin at 7");
    assert_eq!(got.date("act", "service_date", 1), Some(day(2024, 4, 4)), "days of SS begin at 78");
    assert_eq!(got.date("act", "service_date", 2), Some(day(2024, 4, 6)));
    assert_eq!(got.date("act", "service_date", 8), Some(day(2024, 4, 4)), "days of IY begin at 8");
    assert_eq!(got.date("act", "service_date", 9), Some(day(2024, 4, 4)), "days of TO begin at 14");
    assert_eq!(got.code("act", "kind", 9).as_deref(), Some("material"));
    let counts = got.report.of(kind);
    assert!(counts.repaired.is_empty() && counts.quarantined.is_empty() && counts.values_lost.is_empty(), "{counts:?}");
}

#[test]
fn dental_receipts_of_both_sides() {
    let lines = dental();
    let provider = take(&lines.iter().map(String::as_str).collect::<Vec<_>>());
    dental_facts(&provider, K);
    let mut payer = vec!["2,1,0,MN,123456789,13,99".to_owned()];
    payer.extend(lines[..12].iter().zip(2..).map(|(line, row)| format!("1,{row},0,{line}")));
    let payer = take(&payer.iter().map(String::as_str).collect::<Vec<_>>());
    dental_facts(&payer, Kind::Claims);
    assert_eq!(payer.text("claim", "receipt_number", 0).as_deref(), Some("s:99"));
}

#[test]
fn pharmacy_and_dpc_files() {
    let got = take(&[
        "YK,1,13,4,4444444,架空薬局,202405,00",
        "RE,1,4116,202404,ｶｸｳ ﾊﾅｺ,2,3550229",
        "HO,06139999,12,3456,1,166",
        "SH,1,1,901,,4",
        "CZ,1,20240403,20240404,1,28,1,,,430001010,24,,,112",
        "IY,1,622098501,1",
        "TK,820000001,自由記述",
        "KI,20240404,1,1,410000010,30",
        "GO,1,166,99",
    ]);
    assert_eq!(got.code("claim", "type", 0).as_deref(), Some("pharmacy"));
    assert_eq!(got.text("claim", "facility", 0).as_deref(), Some("1344444444"));
    assert_eq!(got.ints("act", "points"), [24, 112, 30].map(Some));
    assert_eq!(got.int("act", "supply_days", 1), Some(28));
    assert!(got.report.of(K).repaired.is_empty());

    let re = |number: u8, bundle: u8| {
        format!("RE,{number},1111,202404,架空　太郎,1,19500101,,20240401") + &skip(8, 18, &bundle.to_string()) + ",1"
    };
    let (all, first, second) = (re(1, 1), re(2, 2), re(3, 3));
    let got = take(&[
        "IR,1,13,1,7654321,,架空病院,202405,00",
        &all,
        "HO,06139999,12,3456,12,45000",
        &first,
        "HO,06139999,12,3456,7",
        "BU,050050xx99000x,20240401,20240407,1",
        "SB,4139007,,,I209,11",
        "GA,202404,0,1234567890123456789012345678901,050050xx99000x",
        "HH,202404,0,1,1,1,3000,7,21000",
        "GT,202404,0,1,1,21000,21000,0,21000",
        "CD,20240402,33,1,1,622098501,2,,,3",
        &second,
        "HO,06139999,12,3456,5",
        "SY,4139007,20240401,1",
        "SI,50,1,150000000,,24000,1,,,,,,,,,,1",
        "GO,3,45000,99",
    ]);
    assert_eq!(got.height("claim"), 1, "the summary has the totals");
    assert_eq!(got.code("claim", "type", 0).as_deref(), Some("dpc"));
    assert_eq!(got.int("claim", "points", 0), Some(45_000));
    assert_eq!(got.ints("act", "points"), [Some(0), Some(24_000)]);
    assert_eq!(got.int("act", "quantity", 0), Some(6_000));
    assert_eq!(got.identity.height(), 1, "the third is laid out as DPC's are");
    for (table, row) in [("act", 0), ("act", 1), ("diagnosis", 0), ("diagnosis", 1)] {
        assert_eq!(got.text(table, "receipt", row), got.text("claim", "receipt", 0), "parts belong to their summary");
    }
    assert_eq!(got.repaired(K, "totals-on-summary-receipt"), 2);
    assert!(got.report.of(K).values_lost.is_empty(), "31 digits are text");
    assert_eq!(got.repaired(K, "go-count-differs"), 0);
    assert_eq!(got.repaired(K, "go-points-differ"), 0);
}

#[test]
fn dates_and_numbers_beyond_all_bounds() {
    let got = take(&[
        "IR,1,13,1,7654321,,架空医院,99991399,00",
        "RE,1,1112,202404,架空　花子,2,99991399",
        "HO,133066,1,2,1234567890123456789012345678901,75",
        "SY,2500015,99991399,99",
        "SI,12,1,112007410,1234567890123456789012345678901,75,1,,,,,,,,,1",
        "SI,12,1,112007410,,75,1,,,,,,,,,99999999999",
        "SI,12,1,112007410,,999999999999999999,999999999999999999,,,,,,,,,1",
        "GO,1,75,99",
    ]);
    assert_eq!(got.int("claim", "billed_month", 0), None);
    assert_eq!(got.lost(K, "birth-date"), 1);
    assert_eq!(got.repaired(K, "days-unknown"), 1);
    assert_eq!(got.date("diagnosis", "start_date", 0), None);
    assert_eq!(got.code("diagnosis", "outcome", 0).as_deref(), Some("other"));
    assert_eq!((got.quarantined(K, "quantity"), got.quarantined(K, "day-count")), (1, 1));
    assert_eq!(got.int("act", "points", 0), Some(20_000_000), "put to the bound");
}

#[test]
fn a_damaged_receipt_line_gives_nobody_somebody_elses_care() {
    let mut lines = MEDICAL.to_vec();
    lines[8] = "RF,2,1116,202403,架空　次郎,1,3550229";
    let got = take(&lines);
    assert_eq!((got.height("claim"), got.height("diagnosis"), got.height("act")), (0, 0, 0));
    assert_eq!(got.quarantined(K, "receipt-damaged"), 11);
}

#[test]
fn a_filler_is_no_receipt_number() {
    let zeros = "0".repeat(17);
    let (first, second) = (MEDICAL[1].to_owned(), MEDICAL[8].to_owned());
    let (first, second) = (first + &skip(6, 18, &zeros), second + &skip(6, 18, &zeros));
    let mut lines = MEDICAL.to_vec();
    (lines[1], lines[8]) = (&first, &second);
    let got = take(&lines);
    assert_eq!(got.height("claim"), 2);
    assert_ne!(got.text("claim", "receipt_number", 0), got.text("claim", "receipt_number", 1));
}
