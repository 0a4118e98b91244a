//! Fits the model that comes with the program: `--ignored --nocapture` prints its file. Not a measurement.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::print_stdout)]

mod common;

use common::{Population, Rates, hash, population};
use linkage::{Identity, Sample, Settings, sample};

/// What a real room lacks: one insurer's time in eight isn't in the room, one person in ten is missing on the list.
fn with_gaps(people: &Population, seed: u64) -> Vec<Identity> {
    let kept = |row: &Identity, person: u32| {
        let dice = |share: u128, salt: u8, per: u128| hash((seed, salt, person, row.insurer)) % per >= share;
        row.insurer.is_none() || (dice(1, 1, 8) && (row.coverage.is_none() || dice(1, 2, 10)))
    };
    people
        .rows
        .iter()
        .zip(&people.truth)
        .filter(|&(row, &person)| kept(row, person))
        .map(|(row, _)| row.clone())
        .collect()
}

#[test]
#[ignore = "writes the built-in model; a minute"]
fn fit_the_built_in_model() {
    const PERSONS: u32 = 100_000;
    let dirty = Rates { name_typo: 0.02, day_typo: 0.006, branch_missing: 0.5, kana_only: 0.5, ..Rates::default() };
    let restless = Rates { job_change: 0.25, marriage: 0.2, twins: 0.02, individual_wrong: 0.003, ..Rates::default() };
    let mut all = Sample::default();
    for (rates, seeds) in [(Rates::default(), 101..104), (dirty, 201..204), (restless, 301..304)] {
        for seed in seeds {
            let rows = with_gaps(&population(seed, PERSONS, &rates), seed);
            all.join(sample(&rows, &Settings::default()).unwrap());
        }
    }
    let model = all.fit(0.95, 0.05).unwrap().noted(NOTE);
    println!("{}", model.to_text().unwrap());
}

const NOTE: &str = "Fitted by `linkage/tests/fit.rs` on 9 × 100,000 invented people (seeds 101–103, 201–203, 301–303; usual, dirty and \
                    restless rates), with one insurer's time in eight outside the room and one person in ten missing on the list.";
