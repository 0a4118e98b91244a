//! How fast the files of the demo's size are read. Run with `--ignored`: its figures are for people.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::print_stdout)]

use std::cell::Cell;
use std::time::Instant;

use datasets::read::{ReadOptions, read};
use datasets::synth::{SynthOptions, generate};

#[test]
#[ignore = "writes half a gigabyte; its figures are for people"]
fn twenty_thousand_people_in_two_years() {
    let dir = tempfile::tempdir().unwrap();
    generate(dir.path(), &SynthOptions::default(), &|_| {}).unwrap();
    for part in ["kenpo/eligibility.csv", "kenpo/claims", "kenpo", "kokuho", "lifelog"] {
        let (bytes, rows) = (Cell::new(0_u64), Cell::new(0));
        let start = Instant::now();
        read(
            &[dir.path().join(part)],
            &ReadOptions::default(),
            &mut |batch| {
                let more: usize = batch.tables().values().map(|table| table.height()).sum();
                rows.set(rows.get() + more);
                Ok(())
            },
            &|more| bytes.set(bytes.get() + more),
        )
        .unwrap();
        let seconds = start.elapsed().as_secs_f64();
        let megabytes = bytes.get() as f64 / 1e6;
        println!("{part}: {megabytes:.0} MB, {} rows, {seconds:.2} s, {:.0} MB/s", rows.get(), megabytes / seconds);
    }
}
