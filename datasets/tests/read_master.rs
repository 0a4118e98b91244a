//! Master files of the user (支払基金 基本マスター b and y). Rows are made up but for the codes.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod read_support;

use std::path::PathBuf;

use datasets::read::{ReadError, ReadOptions};
use read_support::{Run, cp932, file, run_with};

/// A line of a master: all quoted, zeros but for these columns.
fn line(width: usize, cells: &[(usize, &str)]) -> String {
    let mut items = vec!["0"; width];
    for (at, text) in cells {
        items[*at] = text;
    }
    let items: Vec<String> = items.iter().map(|item| format!("\"{item}\"")).collect();
    items.join(",") + "\r\n"
}

fn disease(code: &str, moved: &str, icd10: &str, until: &str) -> String {
    line(46, &[(1, "B"), (2, code), (3, moved), (5, "架空,\"\"病\"\""), (15, icd10), (16, ""), (23, until)])
}

fn drug(width: usize, code: &str, yj: &str) -> String {
    line(width, &[(1, "Y"), (2, code), (4, "架空錠５ｍｇ"), (31, yj), (30, "20200331")])
}

fn take(masters: &[(&str, Vec<u8>)]) -> Result<Run, ReadError> {
    let dir = tempfile::tempdir().unwrap();
    let lines = [
        "2,1,0,MN,123456789,13,99",
        "1,2,0,IR,1,13,1,7654321,,架空医院,202404,00",
        "1,3,0,RE,1,1112,202404,架空　花子,2,19800229,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,カクウハナコ",
        "1,4,0,HO,  133066,１２,３４５６７,3,500",
        "1,5,0,SY,2500015,20210401,1,,,01",
        "1,6,0,SY,8888881,20210401,1,,,",
        "1,7,0,SY,8888882,20210401,1,,,",
        "1,8,0,SY,8888883,20210401,1,,,",
        "1,9,0,IY,21,1,622098501,1,16,1,,,,,,,1",
        "1,10,0,IY,21,1,688888881,1,16,1,,,,,,,1",
    ];
    let claims = file(dir.path(), "claims", &cp932(&lines.join("\r\n")));
    let masters: Vec<PathBuf> = masters.iter().map(|(name, bytes)| file(dir.path(), name, bytes)).collect();
    run_with(&[claims], &ReadOptions { masters, ..ReadOptions::default() })
}

fn column(got: &Run, table: &str, column: &str) -> Vec<Option<String>> {
    (0..got.height(table)).map(|row| got.text(table, column, row)).collect()
}

#[test]
fn codes_of_the_masters_come_before_those_that_ship() {
    let none = take(&[]).unwrap();
    assert_eq!(column(&none, "diagnosis", "icd10"), [Some("E11".to_owned()), None, None, None]);
    assert_eq!(column(&none, "act", "yj"), [Some("2189015F2054".to_owned()), None]);

    let b = disease("2500015", "2500015", "E119", "99999999")
        + &disease("8888881", "", "A000", "20200331")
        + &disease("8888882", "8888881", "", "20200331")
        + &disease("8888883", "", "", "99999999");
    // Editions grow by columns at the end.
    let y = drug(43, "688888881", "1149019F1013") + &drug(43, "622098501", "");
    let got = take(&[("any.csv", cp932(&b)), ("other.txt", format!("\u{feff}{y}").into_bytes())]).unwrap();
    let icd10 = column(&got, "diagnosis", "icd10");
    assert_eq!(icd10, [Some("E119".to_owned()), Some("A000".to_owned()), Some("A000".to_owned()), None]);
    assert_eq!(
        column(&got, "act", "yj"),
        [Some("2189015F2054".to_owned()), Some("1149019F1013".to_owned())],
        "a master without the code leaves what ships"
    );
}

#[test]
fn what_is_no_master_is_refused_with_its_place() {
    let good = disease("2500015", "2500015", "E119", "99999999");
    let procedure = line(150, &[(1, "S"), (2, "111000110"), (4, "初診料")]);
    let cases: [(&str, Vec<u8>, u64); 7] = [
        ("procedures", cp932(&procedure), 1),
        ("text", b"hello,world\n".to_vec(), 1),
        ("mixed", cp932(&format!("{good}{}", drug(40, "688888881", "1149019F1013"))), 2),
        ("cut", cp932(&format!("{good}\"0\",\"B\",\"25000")), 2),
        ("narrow", cp932(&line(20, &[(1, "B"), (2, "2500015")])), 1),
        ("empty", Vec::new(), 0),
        ("zip", b"PK\x03\x04rest".to_vec(), 1),
    ];
    for (name, bytes, line) in cases {
        let error = take(&[(name, bytes)]).err().expect(name);
        let ReadError::Refused { place, code, .. } = &error else { panic!("{error}") };
        assert_eq!((*code, place.line), ("not-a-master", line), "{name}");
        assert!(place.file.ends_with(name) && !error.to_string().contains("架空"), "{error}");
    }
    assert_eq!(take(&[("ok", cp932(&good))]).unwrap().height("diagnosis"), 4);
}
