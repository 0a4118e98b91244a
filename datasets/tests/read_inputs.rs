//! Inputs as such: what is taken, left out, refused; archives that attack; batches. Invented content throughout.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod read_support;

use std::cell::Cell;

use datasets::read::{Kind, ReadError, ReadOptions, read};
use read_support::{cp932, file, run, run_with, zip};

const ROSTER: &str = "利用者ID,氏名,カナ氏名,生年月日,性別\nU1,架空　花子,カクウ,19800229,2\n";

fn claims(receipts: usize) -> Vec<u8> {
    let mut text = String::new();
    for at in 0..receipts {
        text += &format!(
            "2,1,0,MN,1\r\n1,2,0,IR,1,13,1,7654321\r\n1,3,0,RE,1,1112,202404,架空　花子,2,198002{:02}\r\n\
             1,4,0,HO,133066,1,{at},1,75\r\n1,5,0,SY,4659007,20240401,1\r\n",
            at % 28 + 1
        );
    }
    cp932(&text)
}

#[test]
fn folders_hold_what_they_hold() {
    let dir = tempfile::tempdir().unwrap();
    file(dir.path(), "in/claims.xml", &claims(2));
    file(dir.path(), "in/deep/er/people.zip", ROSTER.as_bytes());
    file(dir.path(), "in/notes.csv", "これは何かの覚え書き\n".as_bytes());
    file(dir.path(), "in/empty", b"\r\n");
    let inner = zip(dir.path(), "inner", &[("r", ROSTER.as_bytes())]);
    zip(dir.path(), "in/outer", &[("inner", &std::fs::read(inner).unwrap()), ("r", b"x")]);
    let input = dir.path().join("in");
    let got = run(&[input.clone(), input.join("claims.xml")]).unwrap();
    assert_eq!((got.height("claim"), got.report.of(Kind::Roster).kept), (2, 1));
    for (code, files) in [("unknown-content", 2), ("empty-file", 1), ("archive-in-archive", 1)] {
        assert_eq!(got.quarantined(Kind::Files, code), files, "{code}");
    }
    assert_eq!(got.left_out(Kind::Files, "given-twice"), 1);
}

#[test]
fn what_is_given_by_name_must_be_readable() {
    let dir = tempfile::tempdir().unwrap();
    for (bytes, code) in [
        (&b""[..], "empty-file"),
        (b"\x00\x01\x02\x03", "unknown-content"),
        (b"PK\x03\x04 and then nothing", "archive-broken"),
    ] {
        let error = run(&[file(dir.path(), "x", bytes)]).err().unwrap();
        assert_eq!(error.code(), code);
    }
    assert_eq!(run(&[dir.path().join("absent")]).err().unwrap().code(), "io");
    std::fs::create_dir(dir.path().join("folder")).unwrap();
    assert_eq!(run(&[dir.path().join("folder")]).err().unwrap().code(), "nothing-to-read");
    assert_eq!(run(&[]).err().unwrap().code(), "nothing-to-read");
}

#[test]
fn archives_that_attack_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let bomb = format!("{ROSTER}{}", "\n".repeat(8_000_000));
    let path = zip(dir.path(), "bomb", &[("r.csv", bomb.as_bytes())]);
    assert_eq!(run(std::slice::from_ref(&path)).err().unwrap().code(), "archive-burst");
    let calm = ReadOptions { max_archive_ratio: u64::MAX, ..ReadOptions::default() };
    assert_eq!(run_with(std::slice::from_ref(&path), &calm).unwrap().identity.height(), 1);
    let small = ReadOptions { max_unzipped_bytes: 1_000_000, ..calm.clone() };
    assert_eq!(run_with(&[path], &small).err().unwrap().code(), "archive-too-large");

    // The writer would not write such a name, so it is put in afterwards, in both headers.
    let path = zip(dir.path(), "climb", &[("aa/aa/up.csv", ROSTER.as_bytes())]);
    let mut bytes = std::fs::read(path).unwrap();
    for at in 0..bytes.len() - 12 {
        if &bytes[at..at + 12] == b"aa/aa/up.csv" {
            bytes[at..at + 12].copy_from_slice(b"../../up.csv");
        }
    }
    assert_eq!(run(&[file(dir.path(), "climb", &bytes)]).err().unwrap().code(), "archive-path");
    let path = zip(dir.path(), "many", &[("a", b"x"), ("b", b"x")]);
    let few = ReadOptions { max_archive_entries: 1, ..ReadOptions::default() };
    assert_eq!(run_with(&[path], &few).err().unwrap().code(), "archive-entries");

    // The declared size lies: what is really unpacked counts.
    let path = zip(dir.path(), "liar", &[("r.csv", bomb.as_bytes())]);
    let mut bytes = std::fs::read(&path).unwrap();
    let size = (bomb.len() as u32).to_le_bytes();
    for at in 0..bytes.len() - 4 {
        if bytes[at..at + 4] == size {
            bytes[at..at + 4].copy_from_slice(&2_000_u32.to_le_bytes());
        }
    }
    let error = run(&[file(dir.path(), "liar", &bytes)]).err().unwrap();
    assert!(matches!(error.code(), "archive-burst" | "archive-broken" | "io"), "{}", error.code());
}

#[test]
fn a_damaged_archive_entry_is_no_silent_loss() {
    let dir = tempfile::tempdir().unwrap();
    let path = zip(dir.path(), "a", &[("c.csv", &claims(300))]);
    let mut bytes = std::fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x55;
    let error = run(&[file(dir.path(), "b", &bytes)]).err().unwrap();
    assert!(matches!(error.code(), "io" | "archive-broken"), "{}", error.code());
}

#[test]
fn batches_are_bounded_and_progress_covers_the_input() {
    let dir = tempfile::tempdir().unwrap();
    let bytes = claims(500);
    let path = file(dir.path(), "c", &bytes);
    let options = ReadOptions { batch_rows: 100, ..ReadOptions::default() };
    let got = run_with(std::slice::from_ref(&path), &options).unwrap();
    assert!(got.batches >= 10);
    assert_eq!((got.height("claim"), got.height("diagnosis"), got.identity.height()), (500, 500, 500));
    let taken = Cell::new(0);
    let mut largest = 0;
    read(
        &[path],
        &options,
        &mut |batch| {
            largest = largest.max(batch.tables().values().map(|table| table.height()).sum());
            Ok(())
        },
        &|bytes| taken.set(taken.get() + bytes),
    )
    .unwrap();
    assert_eq!((taken.get(), largest), (bytes.len() as u64, 100));
}

#[test]
fn the_sink_can_stop_and_debug_shows_no_value() {
    let dir = tempfile::tempdir().unwrap();
    let path = file(dir.path(), "c", &claims(3));
    let mut shown = String::new();
    let stop = || ReadError::Sink("enough".into());
    let result = read(
        &[path],
        &ReadOptions::default(),
        &mut |batch| {
            shown = format!("{batch:?}");
            Err(stop())
        },
        &|_| {},
    );
    assert_eq!(result.err().unwrap().code(), "sink");
    assert!(shown.contains("claim") && !shown.contains("架空") && !shown.contains("133066"), "{shown}");
}

#[test]
fn copies_count_once_wherever_they_lie() {
    let dir = tempfile::tempdir().unwrap();
    let (bytes, other) = (claims(3), claims(2));
    let alone = run(&[file(dir.path(), "alone/x", &bytes)]).unwrap();
    let rows = |got: &read_support::Run| got.tables["claim"].height();
    assert_eq!(rows(&alone), 3);
    // The same archive under two names, the same entry in two archives, and beside them unpacked; named .xml, too.
    let folder = dir.path().join("in");
    file(&folder, "a/x.csv", &bytes);
    file(&folder, "b/y.xml", &bytes);
    let first = zip(&folder, "c.zip", &[("x.csv", &bytes), ("again.csv", &bytes), ("z.xml", &bytes)]);
    std::fs::copy(&first, folder.join("d.zip")).unwrap();
    zip(&folder, "e.zip", &[("deep/er.csv", &bytes), ("other.csv", &other)]);
    let got = run(std::slice::from_ref(&folder)).unwrap();
    assert_eq!(rows(&got), 5);
    assert_eq!(got.left_out(Kind::Files, "file-twice"), 8);
    assert_eq!(got.report.of(Kind::Claims).files, 2);
    // One byte makes another file, of the same size.
    let mut later = bytes.clone();
    let at = later.windows(4).position(|four| four == b",75\r").unwrap();
    later[at + 2] = b'6';
    let two = zip(dir.path(), "two.zip", &[("1", &bytes), ("2", &later)]);
    let got = run(&[two]).unwrap();
    assert_eq!((rows(&got), got.left_out(Kind::Files, "file-twice")), (6, 0));
}

#[test]
fn a_bomb_is_not_unpacked_to_look_for_copies() {
    let dir = tempfile::tempdir().unwrap();
    let bomb = format!("{ROSTER}{}", "\n".repeat(8_000_000));
    let path = zip(dir.path(), "bomb", &[("1.csv", bomb.as_bytes()), ("2.csv", bomb.as_bytes())]);
    assert_eq!(run(&[path]).err().unwrap().code(), "archive-burst");
}
