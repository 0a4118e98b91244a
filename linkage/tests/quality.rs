//! Sudare against NDB's baselines on invented people, over several seeds and error rates.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod common;

use common::{Rates, counting, population};
use linkage::{Evaluation, Settings, Strategy, evaluate, resolve};

fn measure(seed: u64, persons: u32, rates: &Rates) -> Vec<(Strategy, Evaluation)> {
    let people = population(seed, persons, rates);
    Strategy::ALL
        .into_iter()
        .map(|strategy| {
            let settings = Settings::default();
            let outcome = resolve(&people.rows, strategy, &settings, &mut counting()).unwrap();
            let evaluation = evaluate(&outcome.person_of, &people.truth).unwrap();
            (strategy, evaluation)
        })
        .collect()
}

#[test]
fn recall_above_id0_at_a_precision_of_999_in_1000() {
    let usual = Rates::default();
    let dirty = Rates {
        name_typo: 0.03,
        day_typo: 0.01,
        month_typo: 0.005,
        branch_missing: 0.6,
        kana_only: 0.6,
        individual_wrong: 0.005,
        ..Rates::default()
    };
    let restless = Rates { job_change: 0.4, marriage: 0.3, twins: 0.05, ..Rates::default() };
    for (name, rates) in [("usual", usual), ("dirty", dirty), ("restless", restless)] {
        for seed in [1, 2, 3] {
            let all = measure(seed, 20_000, &rates);
            let of = |strategy| &all.iter().find(|(s, _)| *s == strategy).unwrap().1;
            let (id0, ours) = (of(Strategy::Id0), of(Strategy::Sudare));
            assert!(ours.precision.low >= 0.999, "{name} {seed}: precision {:?}", ours.precision);
            let (low, high) = (ours.recall.value, id0.recall.value);
            assert!(low > high + 0.001, "{name} {seed}: recall {low} against ID0's {high}");
            assert!(ours.precision.value >= id0.precision.value);
            assert!(ours.b_cubed_recall.value > id0.b_cubed_recall.value);
            // The baselines are in the order they must be in.
            let recall = |strategy| of(strategy).recall.value;
            assert!(recall(Strategy::Id0) > recall(Strategy::Id1));
            assert!(recall(Strategy::Id1OrId2) >= recall(Strategy::Id0));
        }
    }
}

#[test]
fn a_million_rows_in_seconds() {
    let people = population(11, 160_000, &Rates::default());
    assert!(people.rows.len() > 700_000, "{}", people.rows.len());
    let start = std::time::Instant::now();
    let outcome = resolve(&people.rows, Strategy::Sudare, &Settings::default(), &mut counting()).unwrap();
    let took = start.elapsed();
    assert!(took.as_secs() < 30, "{took:?} for {} rows", people.rows.len());
    let quality = evaluate(&outcome.person_of, &people.truth).unwrap();
    assert!(quality.precision.low >= 0.999, "{:?}", quality.precision);
}
