//! However many threads read claims, and wherever files are cut, the same comes out. All people and facilities are invented.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use polars::prelude::DataFrame;
use proptest::prelude::*;

use crate::read::{Identified, Kind, QualityReport, ReadError, ReadOptions, read_in_chunks};

/// Tables, identities, report and findings; or the error. And how many batches there were.
type Got = Result<(BTreeMap<String, DataFrame>, DataFrame, QualityReport), String>;

fn take(inputs: &[PathBuf], threads: usize, chunk: usize, batch_rows: usize) -> (Got, usize) {
    let options = ReadOptions { threads, batch_rows, ..ReadOptions::default() };
    let mut tables: BTreeMap<String, DataFrame> = BTreeMap::new();
    let (mut identity, mut batches) = (None, 0);
    let mut told = std::collections::HashSet::new();
    let listed = inputs.iter().any(|input| input.ends_with("0.optout"));
    let mut sink = |batch: Identified| {
        batches += 1;
        let idents = |frame: &DataFrame| -> Vec<u32> {
            frame.column("ident").unwrap().u32().unwrap().into_no_null_iter().collect()
        };
        told.extend(idents(batch.fresh()));
        for (name, frame) in batch.tables() {
            assert!(!listed || idents(frame).iter().all(|ident| told.contains(ident)), "told with their first rows");
            match tables.get_mut(name) {
                Some(whole) => drop(whole.vstack_mut(frame).unwrap()),
                None => drop(tables.insert(name.clone(), frame.clone())),
            }
        }
        identity = Some(batch.identity().clone());
        Ok(())
    };
    let report = read_in_chunks(chunk, inputs, &options, &mut sink, &|_| {});
    (report.map(|report| (tables, identity.unwrap(), report)).map_err(|error| format!("{error:?}")), batches)
}

fn same(one: &Got, many: &Got) {
    match (one, many) {
        (Ok((tables, identity, report)), Ok((others, identities, reports))) => {
            assert_eq!(tables.keys().collect::<Vec<_>>(), others.keys().collect::<Vec<_>>());
            for (name, frame) in tables {
                assert!(frame.equals_missing(&others[name]), "{name}");
            }
            assert!(identity.equals_missing(identities));
            assert_eq!(report.kinds, reports.kinds);
            assert_eq!(report.findings(), reports.findings());
            assert_eq!(report.unlisted(), reports.unlisted());
        }
        (Err(one), Err(many)) => assert_eq!(one, many),
        (one, many) => panic!("{:?} {:?}", one.as_ref().err(), many.as_ref().err()),
    }
}

/// A receipt of a person: a provider's records, and what the clearing body put behind them.
fn receipt(sort: usize, person: usize, number: usize) -> (Vec<String>, Vec<&'static str>) {
    let (sex, birth) = (1 + person % 2, 19_500_101 + person * 10_000);
    let name = ["架空　花子", "架空　次郎", "見本　三郎", "見本　四郎", "仮名　五郎"][person % 5];
    let who = format!("{name},{sex},{birth}");
    let payer = format!("HO,133066,１２,３４{person},2,151");
    let records = match sort {
        0 => format!(
            "RE,{number},1112,202404,{who}|{payer}|SN,1,01,,,,0{}|SY,2500015,20210401,1,8002,,01|CO,1,1,810000001,x\
             |SI,12,1,112007410,,75,2,,,,,,,,,1,,1|IY,21,1,622098501,1,1,1,,,,,,,1",
            person % 3
        ),
        1 => format!(
            "RE,{number},3112,202404,{who}|{payer}|HS,20240401,1,101700,8843836,,,1,,01|HS,,,,5234016\
             |SS,41,1,309000110,,,CA001,2|SI,11,1,301000110,,58,1,,,1"
        ),
        2 => format!(
            "RE,{number},4116,202404,{who}|{payer}|SH,1,1|CZ,1,20240403,0404,1,28,1,,,430001010,24,,,112\
             |IY,1,622098501,1|KI,20240404,1,1,410000010,30"
        ),
        // 総括レセプト and their parts.
        _ => format!(
            "RE,{number},1111,202404,{who},,20240401,,,,,,,,,,{}|{payer}|BU,050050xx99000x,20240401,20240407,{}\
             |SB,4139007,,,I209,11|CD,20240402,33,1,1,622098501,2",
            sort - 2,
            if person == 4 { 6 } else { 1 },
        ),
    };
    let corrections = match number % 4 {
        0 => vec!["2,4,1,HO,133066,99,98,2,140", "2,20,0,JY,2,4,0,,C,4,1"],
        1 => vec!["2,21,0,JY,3,6,0,,C", "2,22,0,JY,9,6,0,,C"],
        _ => vec!["2,20,0,EX,1"],
    };
    (records.split('|').map(str::to_owned).collect(), corrections)
}

fn lines(payer: bool, receipts: &[(usize, usize, usize)]) -> Vec<String> {
    let mut lines = Vec::new();
    for (number, &(sort, person, harm)) in receipts.iter().enumerate() {
        let header = format!("IR,1,13,1,{:07},,架空医院,202405,00", 1_000_000 + number / 7);
        let (records, corrections) = receipt(sort, person, number);
        if payer {
            lines.push(format!("2,1,0,MN,{number:09},13,99"));
            let records = std::iter::once(&header).chain(&records);
            lines.extend(records.zip(2..).map(|(record, row)| format!("1,{row},0,{record}")));
            lines.extend(corrections.into_iter().map(str::to_owned));
        } else {
            if number % 7 == 0 && harm != 8 {
                lines.push(header);
            }
            lines.extend(records);
            if number % 7 == 6 {
                lines.push(["GO,7,1057,99", "GO,6,900,00", "SI,12,1,112007410,,75,2"][harm % 3].to_owned());
            }
        }
        let last = lines.len() - 1;
        match harm {
            1 => lines[last] = "7,?,".to_owned(),
            2 => drop(lines.remove(last - 2)),
            3 => lines[last - 1].push('\0'),
            4 => lines.push("?".repeat(60)),
            5 => lines.push(String::new()),
            6 => lines[last - 1] = "1,1,1,SY,12".to_owned(),
            7 => lines[last - 1] = "UK,1,13,1,7654321,,架空医院,202404".to_owned(),
            _ => {}
        }
    }
    lines
}

fn cp932(text: &str) -> Vec<u8> {
    encoding_rs::SHIFT_JIS.encode(text).0.into_owned()
}

fn write(dir: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let path = dir.join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn as_one_thread_reads(
        files in proptest::collection::vec(
            (any::<bool>(), proptest::collection::vec((0_usize..6, 0_usize..5, 0_usize..30), 1..40), 0_usize..60, any::<bool>()),
            1..4,
        ),
        chunk in prop::sample::select(vec![1_usize, 100, 300, 1_000, 3_000]),
        batch_rows in prop::sample::select(vec![5_usize, 100, 100_000]),
        opt_out in any::<bool>(),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let mut inputs = Vec::new();
        if opt_out {
            let list = cp932("オプトアウト,氏名,カナ氏名,生年月日,性別\r\n1,架空　花子,カクウハナコ,19500101,1\r\n");
            inputs.push(write(dir.path(), "0.optout", &list));
        }
        for (at, (payer, receipts, cut, crlf)) in files.iter().enumerate() {
            let end = if *crlf { "\r\n" } else { "\n" };
            let mut bytes = cp932(&(lines(*payer, receipts).join(end) + end));
            bytes.truncate(bytes.len().saturating_sub(*cut).max(bytes.len().min(400)));
            inputs.push(write(dir.path(), &at.to_string(), &bytes));
        }
        let (one, _) = take(&inputs, 1, chunk, batch_rows);
        for threads in [2, 4] {
            same(&one, &take(&inputs, threads, chunk, batch_rows).0);
        }
    }
}

#[test]
fn cut_and_read_by_threads_it_is_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let all: Vec<_> = (0..4_000).map(|at| (at % 6, at * 7 % 5, at % 40)).collect();
    for payer in [true, false] {
        let path = write(dir.path(), "x", &cp932(&lines(payer, &all).join("\r\n")));
        let one = take(std::slice::from_ref(&path), 1, 10_000, 1_000);
        let many = take(&[path], 3, 10_000, 1_000);
        let (tables, _, report) = one.0.as_ref().unwrap();
        let rows: usize = tables.values().map(DataFrame::height).sum();
        assert!(rows > 10_000 && !report.findings().is_empty(), "{rows} rows, {:?}", report.kinds);
        assert!(many.1 > 5, "batches are handed on as they fill: {}", many.1);
        same(&one.0, &many.0);
        let kind = if payer { Kind::Claims } else { Kind::ProviderClaims };
        let repaired = &report.of(kind).repaired;
        assert!(repaired.contains_key("part-without-summary"), "{repaired:?}");
        assert_eq!(repaired.contains_key("go-points-differ"), !payer);
    }
}

#[test]
fn a_part_finds_its_summary_however_its_person_is_spelled() {
    let dir = tempfile::tempdir().unwrap();
    let mut of = Vec::new();
    for number in 0..40 {
        // The parts are spelled with spaces that say nothing, or are somebody else's.
        for (sort, name) in [(3, "架空　花子"), (4, "架空　花子　"), (5, "架空　月子")] {
            let (records, _) = receipt(sort, 0, number);
            of.extend(records.into_iter().map(|record| record.replace("架空　花子", name)));
        }
    }
    of.insert(0, "IR,1,13,1,1234567,,架空医院,202405,00".to_owned());
    let path = write(dir.path(), "x", &cp932(&(of.join("\n") + "\n")));
    let one = take(std::slice::from_ref(&path), 1, 1_000, 1_000).0;
    let report = &one.as_ref().unwrap().2;
    assert_eq!(report.of(Kind::ProviderClaims).repaired["part-without-summary"], 40);
    for chunk in [1, 1_000, 1 << 20] {
        same(&one, &take(std::slice::from_ref(&path), 2, chunk, 1_000).0);
    }
}

#[test]
fn hopeless_files_are_refused_alike() {
    let dir = tempfile::tempdir().unwrap();
    let mut of = lines(true, &[(0, 1, 0); 400]);
    of.extend(vec!["nothing of ours".to_owned(); 9_000]);
    of.extend(lines(true, &[(0, 1, 0); 4_000]));
    let path = write(dir.path(), "x", &cp932(&of.join("\r\n")));
    let one = take(std::slice::from_ref(&path), 1, 2_000, 1_000).0;
    assert!(one.as_ref().unwrap_err().contains("lines-do-not-fit"));
    same(&one, &take(&[path], 4, 2_000, 1_000).0);
    // What is wrong with the first file is told, though the second can't be opened.
    let bad = write(dir.path(), "a", &cp932(&(of[..1].join("") + &"\r\nno".repeat(500))));
    let (one, many) = (take(std::slice::from_ref(&bad), 1, 100, 10).0, take(&[bad], 2, 100, 10).0);
    same(&one, &many);
}

/// A source's folder: an eligibility list before the claims, and documents in archives and beside them, some of which are broken or
/// there twice.
#[test]
fn a_whole_folder_is_the_same_however_many_threads_read_it() {
    let dir = tempfile::tempdir().unwrap();
    let options = crate::synth::SynthOptions { persons: 400, months: 12, ..Default::default() };
    crate::synth::generate(dir.path(), &options, &|_| {}).unwrap();
    let folder = dir.path().join("kenpo");
    let archive = walk(&folder).into_iter().find(|path| path.extension().is_some_and(|end| end == "zip")).unwrap();
    let mut zip = zip::ZipArchive::new(std::fs::File::open(archive).unwrap()).unwrap();
    let mut documents = 0;
    for at in 0..zip.len() {
        let mut entry = zip.by_index(at).unwrap();
        let name = entry.name().unwrap().into_owned();
        if name.contains("/DATA/") && documents < 90 {
            let mut text = Vec::new();
            std::io::Read::read_to_end(&mut entry, &mut text).unwrap();
            if documents % 7 == 0 {
                text.truncate(text.len() / 2);
            }
            let beside = folder.join("documents");
            std::fs::create_dir_all(&beside).unwrap();
            write(&beside, &format!("{documents}.xml"), &text);
            documents += 1;
        }
    }
    assert!(documents > 20, "{documents}");
    let (one, _) = take(std::slice::from_ref(&folder), 1, 1 << 20, 1_000);
    let report = &one.as_ref().unwrap().2;
    let checkups = &report.kinds[&Kind::Checkup];
    assert!(checkups.left_out["document-twice"] > 10 && checkups.quarantined.values().sum::<u64>() > 2, "{checkups:?}");
    for (threads, chunk, batch_rows) in [(2, 4_096, 1_000), (3, 20_000, 333), (2, 1 << 20, 5_000)] {
        let (many, _) = take(std::slice::from_ref(&folder), threads, chunk, batch_rows);
        same(&one, &many);
    }
}

fn walk(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { walk(&path) } else { vec![path] }).collect()
}

#[test]
fn a_panic_of_a_thread_is_an_error() {
    let stopped = super::worker::guarded(|| -> Result<(), ReadError> { panic!("as a test") });
    assert!(matches!(stopped, Err(ReadError::Worker)));
}
