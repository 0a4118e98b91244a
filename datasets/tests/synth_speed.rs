//! Size, speed and memory of a population. Run with `--ignored --nocapture`: it writes some hundred megabytes, or as many people as
//! SUDARE_SYNTH_PERSONS and SUDARE_SYNTH_MONTHS say, in the formats of SUDARE_SYNTH_FORMATS.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::print_stdout)]

use datasets::synth::{Formats, SynthOptions, generate};

fn number(name: &str, otherwise: u32) -> u32 {
    std::env::var(name).map_or(otherwise, |text| text.parse().unwrap())
}

/// Peak memory of this process so far, in MB; nothing where /proc does not tell.
fn peak() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse::<u64>().ok().map(|kb| kb / 1024)
}

#[test]
#[ignore = "writes half a gigabyte; its figures are for people"]
fn a_population_in_minutes_and_bounded_memory() {
    let temporary = tempfile::tempdir().unwrap();
    // For looking at the files: SUDARE_SYNTH_DIR names a new folder that stays.
    let dir = std::env::var_os("SUDARE_SYNTH_DIR").map_or(temporary.path().to_owned(), std::path::PathBuf::from);
    let formats = std::env::var("SUDARE_SYNTH_FORMATS").map_or(Formats::default(), |text| text.parse().unwrap());
    let persons = number("SUDARE_SYNTH_PERSONS", 20_000);
    let months = number("SUDARE_SYNTH_MONTHS", 24);
    let options = SynthOptions { persons, months, formats, ..SynthOptions::default() };
    let start = std::time::Instant::now();
    let report = generate(&dir, &options, &|_| {}).unwrap();
    let seconds = start.elapsed().as_secs_f64();
    println!("{seconds:.1} s, peak {:?} MB, {report:#?}", peak());
    let person_months = u64::from(persons) * u64::from(months);
    assert!(report.bytes < person_months * 2_500, "a person's month takes more than 2.5 kB");
}
