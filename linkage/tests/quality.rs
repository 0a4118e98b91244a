//! Sudare against NDB's baselines on invented people, over several seeds and error rates.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::print_stdout)]

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

/// Seeds and error rates that nothing was fitted on: every scenario of the paper alone, and all at once.
#[test]
fn held_back_seeds_and_rates() {
    let usual = Rates::default();
    let held_back = [
        ("typing errors", Rates { name_typo: 0.06, ..usual.clone() }),
        ("wrong birth dates", Rates { day_typo: 0.03, month_typo: 0.01, ..usual.clone() }),
        ("marriages", Rates { marriage: 0.8, ..usual.clone() }),
        ("twins", Rates { twins: 0.2, ..usual.clone() }),
        ("kana only", Rates { kana_only: 0.9, branch_missing: 0.9, ..usual.clone() }),
        ("job changes", Rates { job_change: 0.6, ..usual.clone() }),
        ("wrong individual numbers", Rates { individual: 0.6, individual_wrong: 0.01, ..usual.clone() }),
        (
            "everything",
            Rates {
                name_typo: 0.04,
                day_typo: 0.02,
                month_typo: 0.008,
                twins: 0.06,
                marriage: 0.4,
                job_change: 0.3,
                ..usual
            },
        ),
    ];
    for (name, rates) in &held_back {
        for seed in [90_001, 90_002] {
            let people = population(seed, 20_000, rates);
            let run = |strategy, settings: &Settings| {
                let outcome = resolve(&people.rows, strategy, settings, &mut counting()).unwrap();
                (evaluate(&outcome.person_of, &people.truth).unwrap(), outcome.report)
            };
            let (ours, report) = run(Strategy::Sudare, &Settings::default());
            let (rules, _) = run(Strategy::Sudare, &Settings { model: None, ..Settings::default() });
            let (id0, _) = run(Strategy::Id0, &Settings::default());
            println!(
                "{name} {seed}: precision {:.5} (from {:.5}) recall {:.5}, rules alone {:.5}, ID0 {:.5}/{:.5}; the model expects {:.5} and {:.5}; {} linked by it, {} listed",
                ours.precision.value,
                ours.precision.low,
                ours.recall.value,
                rules.recall.value,
                id0.precision.value,
                id0.recall.value,
                report.estimate.precision(),
                report.estimate.recall(),
                report.estimate.linked,
                report.estimate.listed
            );
            assert!(ours.precision.low >= 0.999, "{name} {seed}: precision {:?}", ours.precision);
            assert!(
                ours.recall.value >= rules.recall.value,
                "{name} {seed}: {} {}",
                ours.recall.value,
                rules.recall.value
            );
            assert!(ours.recall.value > id0.recall.value, "{name} {seed}");
            // Without truth the model comes near the truth: it can't know what shares no token.
            assert!((report.estimate.precision() - ours.precision.value).abs() < 0.005, "{name} {seed}");
            assert!(report.estimate.recall() - ours.recall.value < 0.05, "{name} {seed}");
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
