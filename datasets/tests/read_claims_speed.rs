//! Claims against the floor: the same bytes decoded and split, and nothing else; by wall time, with one
//! thread and with those of the default. Run with `--ignored --nocapture`: its
//! figures are for people.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::print_stdout)]

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

use std::path::{Path, PathBuf};
use std::time::Instant;

use datasets::read::{ReadOptions, read};
use datasets::synth::{SynthOptions, generate};

fn files(folder: &Path, to: &mut Vec<PathBuf>) {
    let mut inside: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    inside.sort();
    for path in inside {
        if path.is_dir() { files(&path, to) } else { to.push(path) }
    }
}

/// A payer's file as a provider would have sent it: one IR, no lead, nothing of the clearing body's, GO at the end.
fn provider_side(payer: &[u8]) -> Vec<u8> {
    let mut out: Vec<u8> = Vec::new();
    for line in payer.split(|byte| *byte == b'\n').filter(|line| line.starts_with(b"1,")) {
        let record = line.splitn(4, |byte| *byte == b',').last().unwrap();
        if out.is_empty() || !record.starts_with(b"IR") && !record.starts_with(b"YK") {
            out.extend_from_slice(record);
            out.push(b'\n');
        }
    }
    out.extend_from_slice(b"GO,0,0,99\r\n");
    out
}

fn ours(input: &Path, threads: usize) -> usize {
    let mut rows = 0;
    let mut sink = |batch: datasets::read::Identified| {
        rows += batch.tables().values().map(|table| table.height()).sum::<usize>();
        Ok(())
    };
    let options = ReadOptions { threads, ..ReadOptions::default() };
    read(&[input.to_owned()], &options, &mut sink, &|_| {}).unwrap();
    rows
}

fn floor(files: &[PathBuf]) -> usize {
    let mut fields = 0;
    for file in files {
        let bytes = std::fs::read(file).unwrap();
        let (text, _, _) = encoding_rs::SHIFT_JIS.decode(&bytes);
        let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
        let mut record = csv::ByteRecord::new();
        while reader.read_byte_record(&mut record).unwrap() {
            fields += record.len();
        }
    }
    fields
}

/// Seconds by the clock on the wall.
fn timed<T>(work: impl FnOnce() -> T) -> (T, f64) {
    let start = Instant::now();
    let result = work();
    (result, start.elapsed().as_secs_f64())
}

fn median(mut of: Vec<f64>) -> f64 {
    of.sort_by(f64::total_cmp);
    of[of.len() / 2]
}

#[test]
#[ignore = "its figures are for people"]
fn claims_against_decoding_and_splitting() {
    if let Some(folder) = std::env::var_os("CLAIMS") {
        for _ in 0..20 {
            ours(Path::new(&folder), std::env::var("THREADS").map_or(1, |threads| threads.parse().unwrap()));
        }
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let options = SynthOptions { persons: 6_000, ..SynthOptions::default() };
    generate(dir.path(), &options, &|_| {}).unwrap();
    let payer = dir.path().join("kenpo/claims");
    let provider = dir.path().join("uke");
    std::fs::create_dir(&provider).unwrap();
    let mut from = Vec::new();
    files(&payer, &mut from);
    for (at, file) in from.iter().enumerate() {
        std::fs::write(provider.join(at.to_string()), provider_side(&std::fs::read(file).unwrap())).unwrap();
    }
    if let Some(keep) = std::env::var_os("KEEP") {
        let _ = std::process::Command::new("cp").arg("-r").arg(dir.path()).arg(keep).status();
    }
    for (what, folder) in [("payer", payer), ("provider", provider)] {
        let mut all = Vec::new();
        files(&folder, &mut all);
        let bytes: u64 = all.iter().map(|file| std::fs::metadata(file).unwrap().len()).sum();
        let default = ReadOptions::default().threads;
        let (mut rows, mut seconds) = (0, [const { Vec::new() }; 3]);
        // In turn, so that other work on the machine falls on all of them alike.
        for _ in 0..15 {
            for (threads, seconds) in [1, default].into_iter().zip(&mut seconds) {
                let (found, took) = timed(|| ours(&folder, threads));
                (rows, _) = (found, seconds.push(took));
            }
            seconds[2].push(timed(|| floor(&all)).1);
        }
        let best = seconds.each_ref().map(|seconds| seconds.iter().copied().fold(f64::MAX, f64::min));
        for (how, [one, many, floor]) in [("median", seconds.map(median)), ("best", best)] {
            let megabytes = bytes as f64 / 1e6;
            println!(
                "{what}, {how}: {megabytes:.0} MB, {rows} rows; floor {:.0} MB/s; 1 thread {:.0} MB/s, ratio {:.2}; \
                 {default} threads {:.0} MB/s, ratio {:.2}",
                megabytes / floor,
                megabytes / one,
                floor / one,
                megabytes / many,
                floor / many,
            );
        }
    }
}
