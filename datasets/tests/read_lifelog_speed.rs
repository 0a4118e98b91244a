//! Apple Health against a bare quick-xml pass over the same file. Run with `--ignored`: its figures are for people.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::print_stdout)]

mod read_support;

use std::fs::File;
use std::io::{BufReader, BufWriter, Write};
use std::path::Path;
use std::time::Instant;

use datasets::read::{ReadOptions, read};
use quick_xml::events::Event;
use quick_xml::reader::Reader;

const ROSTER: &str = "利用者ID,カナ氏名,生年月日,性別,ファイル名\nU1,カクウ　ハナコ,1980-02-29,2,export.xml\n";

/// Heart rates most of all, then energy and steps, as a watch writes them in six years.
fn export(path: &Path) -> u64 {
    let mut out = BufWriter::new(File::create(path).unwrap());
    out.write_all(b"<?xml version=\"1.0\"?>\n<!DOCTYPE HealthData []>\n<HealthData locale=\"ja_JP\">\n").unwrap();
    for (of, unit, every, value) in [
        ("HeartRate", "count/min", 4, "71"),
        ("StepCount", "count", 11, "83"),
        ("ActiveEnergyBurned", "kcal", 7, "1.274"),
        ("DistanceWalkingRunning", "km", 11, "0.0612"),
    ] {
        for day in 0..2_190_u32 {
            let date = format!("20{:02}-{:02}-{:02}", 18 + day / 365, day % 365 / 31 + 1, day % 31 % 28 + 1);
            for minute in (420..1_380).step_by(every) {
                let time = format!("{date} {:02}:{:02}:07 +0900", minute / 60, minute % 60);
                writeln!(
                    out,
                    " <Record type=\"HKQuantityTypeIdentifier{of}\" sourceName=\"花子のApple Watch\" sourceVersion=\"10.4\" \
device=\"&lt;&lt;HKDevice: 0x{day:x}&gt;, name:Apple Watch, manufacturer:Apple Inc., model:Watch, hardware:Watch6,2, software:10.4&gt;\" \
unit=\"{unit}\" creationDate=\"{time}\" startDate=\"{time}\" endDate=\"{time}\" value=\"{value}\"/>"
                )
                .unwrap();
            }
        }
    }
    out.write_all(b"</HealthData>\n").unwrap();
    drop(out);
    std::fs::metadata(path).unwrap().len()
}

#[test]
#[ignore = "writes half a gigabyte; its figures are for people"]
fn apple_health_against_a_bare_pass() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("export.xml");
    let megabytes = export(&path) as f64 / 1e6;
    let roster = read_support::file(dir.path(), "roster", ROSTER.as_bytes());
    for _ in 0..3 {
        let start = Instant::now();
        let mut bare = Reader::from_reader(BufReader::with_capacity(64 << 10, File::open(&path).unwrap()));
        let (mut buffer, mut elements) = (Vec::new(), 0_u64);
        loop {
            buffer.clear();
            match bare.read_event_into(&mut buffer).unwrap() {
                Event::Eof => break,
                Event::Empty(_) => elements += 1,
                _ => {}
            }
        }
        let floor = start.elapsed().as_secs_f64();
        let start = Instant::now();
        read(&[path.clone(), roster.clone()], &ReadOptions::default(), &mut |_| Ok(()), &|_| {}).unwrap();
        let ours = start.elapsed().as_secs_f64();
        println!(
            "{megabytes:.0} MB, {elements} records: bare {:.0} MB/s, ours {:.0} MB/s, ratio {:.2}",
            megabytes / floor,
            megabytes / ours,
            floor / ours
        );
    }
}
