//! A room of four sources over 36 months, at three sizes: seconds, memory, quality. Run alone:
//! `cargo test --release --test scale -- --ignored --nocapture`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::print_stdout)]

mod common;

/// As the program has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

use std::time::{Duration, Instant};

use common::monthly::{MONTHS, Months, SOURCES};
use common::{Rates, counting};
use linkage::{Evaluation, Linker, Settings, evaluate};

/// Peak memory of this process so far, in GiB.
fn peak() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib: f64 = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or_default();
    kib / f64::from(1 << 20)
}

struct Run {
    rows: u64,
    spellings: usize,
    took: Duration,
    last_month: Duration,
    quality: Evaluation,
}

/// All packages, month by month; the making of the rows is not counted.
fn run(persons: u32) -> Run {
    let months = Months::new(7, persons, &Rates::default());
    let mut linker = Linker::new(Settings::default());
    let (mut rows, mut took, mut last_month, mut late, mut outgrown) = (0, Duration::ZERO, Duration::ZERO, 0, 0);
    // Whose each spelling is; a spelling of two people is the first's.
    let mut truth: Vec<u32> = Vec::new();
    for month in 0..MONTHS {
        last_month = Duration::ZERO;
        for source in 0..SOURCES {
            let package = months.package(month, source);
            let start = Instant::now();
            let added = linker.add(&package.rows).unwrap();
            last_month += start.elapsed();
            rows += package.rows.len() as u64;
            late += added.late;
            outgrown += added.outgrown;
            truth.resize(linker.spellings(), u32::MAX);
            for (&row, &person) in added.row_of.iter().zip(&package.truth) {
                let slot = &mut truth[row as usize];
                *slot = (*slot).min(person);
            }
        }
        took += last_month;
    }
    let start = Instant::now();
    let outcome = linker.persons(&mut counting()).unwrap();
    took += start.elapsed();
    println!("  {persons}: late {late}, outgrown {outgrown}, numbering persons {:?}", start.elapsed());
    let quality = evaluate(&outcome.person_of, &truth).unwrap();
    Run { rows, spellings: linker.spellings(), took, last_month, quality }
}

fn show(persons: u32, run: &Run) {
    println!(
        "{persons:>9} people {:>10} rows {:>9} spellings {:>7.2} s {:>9.0} rows/s  last month {:.3} s  peak {:.2} GiB  precision {:.5} [{:.5}] recall {:.5}",
        run.rows,
        run.spellings,
        run.took.as_secs_f64(),
        run.rows as f64 / run.took.as_secs_f64(),
        run.last_month.as_secs_f64(),
        peak(),
        run.quality.precision.value,
        run.quality.precision.low,
        run.quality.recall.value,
    );
}

#[test]
#[ignore = "minutes; run alone"]
fn a_million_people_over_three_years() {
    let most: u32 = std::env::var("SUDARE_SCALE").ok().and_then(|text| text.parse().ok()).unwrap_or(1_000_000);
    let mut points = Vec::new();
    for persons in [most / 100, most / 10, most] {
        let run = run(persons);
        show(persons, &run);
        // Small populations can't show so much.
        assert!(persons < 100_000 || run.quality.precision.low >= 0.999);
        points.push(((run.rows as f64).ln(), run.took.as_secs_f64().ln()));
    }
    let slope = |a: (f64, f64), b: (f64, f64)| (b.1 - a.1) / (b.0 - a.0);
    println!(
        "exponent {:.3} and {:.3}; over both {:.3}",
        slope(points[0], points[1]),
        slope(points[1], points[2]),
        slope(points[0], points[2])
    );
    // n log n between the outer sizes is an exponent of about 1.07.
    assert!(slope(points[0], points[2]) < 1.15);
    assert!(peak() < 8.0);
}
