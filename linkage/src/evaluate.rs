//! How good a partition is, where the truth is known (synthetic data): pairwise and B-cubed precision and recall.

use std::collections::BTreeMap;

use polars::prelude::*;
use serde::{Deserialize, Serialize};

use crate::error::LinkageError;

/// A proportion with its 95% interval.
///
/// Wilson's interval, with the effective number of independent clusters in place of the number of pairs: pairs within a cluster
/// stand or fall together, so Kish's n = (Σw)²/Σw², w = pairs per cluster, the most cautious assumption about that dependence.
/// Unlike a bootstrap it doesn't collapse when no error was seen.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Rate {
    /// The proportion; 1 if there is nothing to get wrong.
    pub value: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// A partition measured against the truth.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// Identity rows.
    pub rows: u64,
    /// Persons in truth.
    pub true_persons: u64,
    /// Persons found.
    pub found_persons: u64,
    /// Pairs of rows that are one person in truth.
    pub true_pairs: u64,
    /// Pairs of rows found to be one person.
    pub found_pairs: u64,
    /// Pairs that are both.
    pub correct_pairs: u64,
    /// Pairwise precision; its independent units are the persons found.
    pub precision: Rate,
    /// Pairwise recall; its independent units are the persons in truth.
    pub recall: Rate,
    /// B-cubed precision: the mean, over rows, of the share of the row's found person that is right.
    pub b_cubed_precision: f64,
    /// B-cubed recall: the mean, over rows, of the share of the row's true person that was found.
    pub b_cubed_recall: f64,
    /// True persons by the number of ids they got (index 0: one id; the last: that many or more). Who has k ids is protected at k·ε.
    pub ids_per_person: [u64; 5],
    /// Ids that hold rows of more than one true person.
    pub mixed_ids: u64,
}

/// Sizes by row: rows of the same found person, of the same true person, of both.
struct Cells {
    found: Vec<u64>,
    truth: Vec<u64>,
    both: Vec<(u32, u32, u64)>,
}

fn cells(person_of: &[u32], truth: &[u32]) -> Result<Cells, LinkageError> {
    if person_of.len() != truth.len() {
        return Err(LinkageError::Length { what: "truth", expected: person_of.len(), found: truth.len() });
    }
    let sizes = |labels: &[u32]| {
        let mut sorted = labels.to_vec();
        sorted.sort_unstable();
        sorted.chunk_by(|a, b| a == b).map(|rows| rows.len() as u64).collect()
    };
    let mut pairs: Vec<(u32, u32)> = person_of.iter().copied().zip(truth.iter().copied()).collect();
    pairs.sort_unstable();
    let both = pairs
        .chunk_by(|a, b| a == b)
        .filter_map(|rows| rows.first().map(|&(p, t)| (p, t, rows.len() as u64)))
        .collect();
    Ok(Cells { found: sizes(person_of), truth: sizes(truth), both })
}

const fn pairs(rows: u64) -> u64 {
    rows * rows.saturating_sub(1) / 2
}

/// Measures a partition. Labels are arbitrary numbers; rows with equal labels are one person.
///
/// # Errors
/// [`LinkageError::Length`] if there are not as many labels in one as in the other.
pub fn evaluate(person_of: &[u32], truth: &[u32]) -> Result<Evaluation, LinkageError> {
    let cells = cells(person_of, truth)?;
    let correct: u64 = cells.both.iter().map(|&(_, _, rows)| pairs(rows)).sum();
    let rate = |sizes: &[u64]| {
        let all: u64 = sizes.iter().map(|&rows| pairs(rows)).sum();
        let squares: f64 = sizes.iter().map(|&rows| (pairs(rows) as f64).powi(2)).sum();
        let units = if squares > 0.0 { (all as f64).powi(2) / squares } else { 0.0 };
        (all, wilson(correct as f64, all as f64, units))
    };
    let (found_pairs, precision) = rate(&cells.found);
    let (true_pairs, recall) = rate(&cells.truth);

    let cubed = |swap: bool| {
        let mut both: Vec<(u32, u64)> =
            cells.both.iter().map(|&(p, t, rows)| (if swap { t } else { p }, rows)).collect();
        both.sort_unstable();
        let mut sum = 0.0;
        let mut parts = Vec::new();
        for cluster in both.chunk_by(|a, b| a.0 == b.0) {
            let size: u64 = cluster.iter().map(|cell| cell.1).sum();
            let squares: f64 = cluster.iter().map(|cell| (cell.1 as f64).powi(2)).sum();
            sum += squares / size as f64;
            parts.push(cluster.len());
        }
        let rows = person_of.len();
        (if rows == 0 { 1.0 } else { sum / rows as f64 }, parts)
    };
    let (b_cubed_precision, truths_per_id) = cubed(false);
    let (b_cubed_recall, ids_per_truth) = cubed(true);
    let mut ids_per_person = [0; 5];
    for ids in ids_per_truth {
        let last = ids_per_person.len() - 1;
        if let Some(slot) = ids_per_person.get_mut((ids - 1).min(last)) {
            *slot += 1;
        }
    }
    Ok(Evaluation {
        rows: person_of.len() as u64,
        true_persons: cells.truth.len() as u64,
        found_persons: cells.found.len() as u64,
        true_pairs,
        found_pairs,
        correct_pairs: correct,
        precision,
        recall,
        b_cubed_precision,
        b_cubed_recall,
        ids_per_person,
        mixed_ids: truths_per_id.iter().filter(|&&truths| truths > 1).count() as u64,
    })
}

/// Wilson's 95% score interval of `hits`/`all`, with `units` independent observations.
fn wilson(hits: f64, all: f64, units: f64) -> Rate {
    if all <= 0.0 || units <= 0.0 {
        return Rate { value: 1.0, low: 0.0, high: 1.0 };
    }
    const Z: f64 = 1.959_963_984_540_054;
    let p = hits / all;
    let z2 = Z * Z / units;
    let centre = (p + z2 / 2.0) / (1.0 + z2);
    let half = Z * (p * (1.0 - p) / units + z2 / (4.0 * units)).sqrt() / (1.0 + z2);
    Rate { value: p, low: (centre - half).clamp(0.0, p), high: (centre + half).clamp(p, 1.0) }
}

/// Measures a partition by groups of rows (scenario, age, sex, source), one row per group, sorted by group:
/// `group` (String), `rows`, `found`, `true`, `correct` (ends of pairs in the group, UInt64), `precision`, `recall`,
/// `b_cubed_precision`, `b_cubed_recall` (Float64; precision and recall are NULL where there is no pair).
///
/// A pair counts half for the group of each of its rows, so the groups add up to the whole.
///
/// # Errors
/// [`LinkageError::Length`] if the columns differ in length, [`LinkageError::Frame`] if the frame can't be built.
pub fn evaluate_by(person_of: &[u32], truth: &[u32], groups: &[&str]) -> Result<DataFrame, LinkageError> {
    if groups.len() != person_of.len() {
        return Err(LinkageError::Length { what: "groups", expected: person_of.len(), found: groups.len() });
    }
    if truth.len() != person_of.len() {
        return Err(LinkageError::Length { what: "truth", expected: person_of.len(), found: truth.len() });
    }
    let found = others(person_of.iter().copied());
    let true_ = others(truth.iter().copied());
    let correct = others(person_of.iter().zip(truth));
    let share = |of: &[u64]| -> Vec<f64> {
        let sizes = correct.iter().zip(of);
        sizes.map(|(&both, &all)| (both + 1) as f64 / (all + 1) as f64).collect()
    };
    let (cubed_found, cubed_true) = (share(&found), share(&true_));
    let mut sums: BTreeMap<&str, Sums> = BTreeMap::new();
    let counts = found.iter().zip(&true_).zip(&correct);
    for ((&group, ((found, true_), correct)), (p, r)) in
        groups.iter().zip(counts).zip(cubed_found.iter().zip(cubed_true))
    {
        let sum = sums.entry(group).or_default();
        sum.rows += 1;
        sum.found += found;
        sum.true_ += true_;
        sum.correct += correct;
        sum.cubed_found += p;
        sum.cubed_true += r;
    }
    let ratio = |above: u64, below: u64| (below > 0).then_some(above as f64 / below as f64);
    let counts = |of: fn(&Sums) -> u64| -> Vec<u64> { sums.values().map(of).collect() };
    let mean = |of: fn(&Sums) -> f64| -> Vec<f64> { sums.values().map(|sum| of(sum) / sum.rows as f64).collect() };
    df!(
        "group" => sums.keys().copied().collect::<Vec<_>>(),
        "rows" => counts(|sum| sum.rows),
        "found" => counts(|sum| sum.found),
        "true" => counts(|sum| sum.true_),
        "correct" => counts(|sum| sum.correct),
        "precision" => sums.values().map(|sum| ratio(sum.correct, sum.found)).collect::<Vec<_>>(),
        "recall" => sums.values().map(|sum| ratio(sum.correct, sum.true_)).collect::<Vec<_>>(),
        "b_cubed_precision" => mean(|sum| sum.cubed_found),
        "b_cubed_recall" => mean(|sum| sum.cubed_true),
    )
    .map_err(|_| LinkageError::Frame("evaluation by groups"))
}

/// Sums over the rows of a group.
#[derive(Default)]
struct Sums {
    rows: u64,
    found: u64,
    true_: u64,
    correct: u64,
    cubed_found: f64,
    cubed_true: f64,
}

/// For every row, how many others have the same key.
fn others<K: Ord + Copy>(keys: impl Iterator<Item = K>) -> Vec<u64> {
    let mut keyed: Vec<(K, usize)> = keys.zip(0..).collect();
    keyed.sort_unstable();
    let mut counts = vec![0; keyed.len()];
    for same in keyed.chunk_by(|a, b| a.0 == b.0) {
        for &(_, row) in same {
            if let Some(slot) = counts.get_mut(row) {
                *slot = same.len() as u64 - 1;
            }
        }
    }
    counts
}
