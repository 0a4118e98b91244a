//! Size and speed of a population as the demo makes it. Run with `--ignored`: it writes some hundred megabytes.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::print_stdout)]

use datasets::synth::{SynthOptions, generate};

#[test]
#[ignore = "writes half a gigabyte; its figures are for people"]
fn twenty_thousand_people_in_two_years() {
    let temporary = tempfile::tempdir().unwrap();
    // For looking at the files: SUDARE_SYNTH_DIR names a new folder that stays.
    let dir = std::env::var_os("SUDARE_SYNTH_DIR").map_or(temporary.path().to_owned(), std::path::PathBuf::from);
    let start = std::time::Instant::now();
    let report = generate(&dir, &SynthOptions::default(), &|_| {}).unwrap();
    let seconds = start.elapsed().as_secs_f64();
    println!("{seconds:.1} s {report:#?}");
    assert!(report.bytes < 600_000_000);
    assert!(seconds < 10.0);
}
