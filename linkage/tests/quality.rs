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
            if std::env::var_os("SHOW").is_some() {
                eprintln!(
                    "{seed} {strategy:11} P {:.5} R {:.5} b3 {:.4} {:.4} ids {:?} mixed {} of {} / {}",
                    evaluation.precision.value,
                    evaluation.recall.value,
                    evaluation.b_cubed_precision,
                    evaluation.b_cubed_recall,
                    evaluation.ids_per_person,
                    evaluation.mixed_ids,
                    evaluation.found_persons,
                    evaluation.true_persons
                );
                if strategy == Strategy::Sudare {
                    let mut by = std::collections::BTreeMap::<u32, Vec<usize>>::new();
                    for (row, &p) in outcome.person_of.iter().enumerate() {
                        by.entry(p).or_default().push(row);
                    }
                    let mixed =
                        by.values().filter(|rows| rows.iter().any(|&r| people.truth[r] != people.truth[rows[0]]));
                    for rows in mixed.take(6) {
                        eprintln!("  -- mixed");
                        for &r in rows {
                            let x = &people.rows[r];
                            eprintln!(
                                "     t{} s{} sex{} b{:?} {}..{} ins{:?} cov{:?} {:?}",
                                people.truth[r],
                                x.source,
                                x.sex,
                                x.birth_month,
                                x.first_day,
                                x.last_day,
                                x.insurer,
                                x.coverage,
                                x.tokens
                                    .map(|t| t.map(|t| format!("{:04x}", t as u16)).unwrap_or("-".into()))
                                    .join(" ")
                            );
                        }
                    }
                    for (pass, counts) in &outcome.report.passes {
                        eprintln!(
                            "   {pass:?} linked {} refused {:?} screened {:?}",
                            counts.linked, counts.refused, counts.screened
                        );
                    }
                }
            }
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
        for seed in [1, 2, 3, 4] {
            let all = measure(seed, 20_000, &rates);
            let of = |strategy| &all.iter().find(|(s, _)| *s == strategy).unwrap().1;
            let (id0, ours) = (of(Strategy::Id0), of(Strategy::Sudare));
            assert!(ours.precision.value >= 0.999, "{name} {seed}: precision {:?}", ours.precision);
            assert!(
                ours.recall.low > id0.recall.high,
                "{name} {seed}: recall {:?} against ID0's {:?}",
                ours.recall,
                id0.recall
            );
            assert!(ours.precision.value >= id0.precision.value);
            assert!(ours.b_cubed_recall > id0.b_cubed_recall);
            // The baselines are in the order they must be in.
            let recall = |strategy| of(strategy).recall.value;
            assert!(recall(Strategy::Id0) > recall(Strategy::Id1));
            assert!(recall(Strategy::Id1OrId2) >= recall(Strategy::Id0));
        }
    }
}
