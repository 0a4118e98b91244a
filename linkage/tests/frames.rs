//! Evaluation against figures of the literature and figures worked out by hand, by groups, and whether the intervals cover.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod common;

use common::Random;
use linkage::{Comparison, Group, LinkageError, Scorecard, evaluate};

// Eight rows, three people: a a a a | b b b | c; found as {a a a b} {a b b} {c}.
const TRUTH: [u32; 8] = [0, 0, 0, 0, 1, 1, 1, 2];
const FOUND: [u32; 8] = [5, 5, 5, 9, 5, 9, 9, 7];

#[test]
fn counts_by_hand() {
    let got = evaluate(&FOUND, &TRUTH).unwrap();
    assert_eq!((got.rows, got.true_persons, got.found_persons), (8, 3, 3));
    // Found pairs: 6 + 3 + 0; true: 6 + 3 + 0; both: aaa 3, bb 1.
    assert_eq!((got.found_pairs, got.true_pairs, got.correct_pairs), (9, 9, 4));
    assert!((got.precision.value - 4.0 / 9.0).abs() < 1e-12);
    assert!((got.recall.value - 4.0 / 9.0).abs() < 1e-12);
    // B-cubed precision: (3·3/4 + 1/4 + 1/3 + 2·2/3 + 1) / 8; recall: (3·3/4 + 1/4 + 1/3 + 2·2/3 + 1) / 8.
    let cubed = (9.0 / 4.0 + 0.25 + 1.0 / 3.0 + 4.0 / 3.0 + 1.0) / 8.0;
    assert!((got.b_cubed_precision.value - cubed).abs() < 1e-12);
    assert!((got.b_cubed_recall.value - cubed).abs() < 1e-12);
    assert_eq!(got.ids_per_person, [1, 2, 0, 0, 0]);
    assert_eq!(got.mixed_ids, 2);
    // Wilson: the roots of (p − q)² = z²·q(1 − q)/n, solved apart with p = 4/9, n = 9²/(6² + 3²) = 1.8.
    assert!((got.precision.low - 0.070_494_01).abs() < 1e-8);
    assert!((got.precision.high - 0.894_054_17).abs() < 1e-8);
}

#[test]
fn an_interval_stays_open_where_no_error_was_seen() {
    let truth: Vec<u32> = (0..200).map(|row| row / 2).collect();
    let got = evaluate(&truth, &truth).unwrap();
    assert_eq!((got.precision.value, got.precision.high), (1.0, 1.0));
    // Rule of three's cousin: z²/(n + z²) with n = 100.
    assert!((got.precision.low - (1.0 - 3.841_459 / 103.841_459)).abs() < 1e-6);
    let nothing = evaluate(&[], &[]).unwrap();
    assert_eq!((nothing.recall.value, nothing.recall.low), (1.0, 0.0));
    assert!(matches!(evaluate(&[1], &[]), Err(LinkageError::Length { .. })));
}

/// Labels from groups of members.
fn labels(groups: &[&[usize]]) -> Vec<u32> {
    let mut of = vec![0; groups.iter().map(|group| group.len()).sum()];
    for (label, group) in (0u32..).zip(groups) {
        for &member in *group {
            of[member] = label;
        }
    }
    of
}

#[test]
fn bagga_and_baldwin_1998() {
    // Section 4: truth {1–5} {6 7} {8–C}; response 1 joins the two last, response 2 the first and the last.
    let truth = labels(&[&[0, 1, 2, 3, 4], &[5, 6], &[7, 8, 9, 10, 11]]);
    let first = evaluate(&labels(&[&[0, 1, 2, 3, 4], &[5, 6, 7, 8, 9, 10, 11]]), &truth).unwrap();
    let second = evaluate(&labels(&[&[0, 1, 2, 3, 4, 7, 8, 9, 10, 11], &[5, 6]]), &truth).unwrap();
    assert!((first.b_cubed_precision.value - 16.0 / 21.0).abs() < 1e-12, "76%");
    assert!((second.b_cubed_precision.value - 7.0 / 12.0).abs() < 1e-12, "58%");
    assert_eq!((first.b_cubed_recall.value, second.b_cubed_recall.value), (1.0, 1.0));
}

#[test]
fn manning_raghavan_schuetze_figure_16_4() {
    // Introduction to Information Retrieval, 16.3: TP = 20, TP + FP = 40, FN = 24; P = 0.5, R = 0.455.
    let found = [vec![0; 6], vec![1; 6], vec![2; 5]].concat();
    let (x, o, d) = (0, 1, 2);
    let truth = [x, x, x, x, x, o, x, o, o, o, o, d, x, x, d, d, d];
    let got = evaluate(&found, &truth).unwrap();
    assert_eq!((got.correct_pairs, got.found_pairs, got.true_pairs), (20, 40, 44));
    assert!((got.precision.value - 0.5).abs() < 1e-12 && (got.recall.value - 20.0 / 44.0).abs() < 1e-12);
}

fn cubed_f(found: &[u32], truth: &[u32]) -> f64 {
    let got = evaluate(found, truth).unwrap();
    let (p, r) = (got.b_cubed_precision.value, got.b_cubed_recall.value);
    2.0 * p * r / (p + r)
}

#[test]
fn the_four_constraints_of_amigo_et_al_2009() {
    // Homogeneity: two categories in one cluster are worse than apart.
    let truth = [0, 0, 0, 1, 1, 1, 1];
    assert!(cubed_f(&[0, 0, 0, 1, 1, 1, 1], &truth) > cubed_f(&[0; 7], &truth));
    assert!(cubed_f(&[0, 0, 0, 1, 1, 2, 2], &truth) > cubed_f(&[0, 0, 0, 0, 0, 1, 1], &truth));
    // Completeness: one category in one cluster is better than in two.
    assert!(cubed_f(&[0, 0, 0, 1, 1, 1, 1], &truth) > cubed_f(&[0, 0, 0, 1, 1, 2, 2], &truth));
    // Rag bag: disorder is better put into disorder. Four of one category and a stranger; four strangers.
    let truth = [0, 0, 0, 0, 1, 2, 3, 4, 5];
    assert!(cubed_f(&[0, 0, 0, 0, 1, 1, 1, 1, 1], &truth) > cubed_f(&[0, 0, 0, 0, 0, 1, 1, 1, 1], &truth));
    // Size against quantity: one small error in a big cluster is better than many in small ones.
    let truth = [0, 0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4];
    let small = [0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8];
    let big = [0, 0, 0, 0, 9, 1, 1, 2, 2, 3, 3, 4, 4];
    assert!(cubed_f(&big, &truth) > cubed_f(&small, &truth));
}

#[test]
fn groups_add_up_to_the_whole() {
    let groups = ["x", "y", "x", "y", "x", "x", "y", "z"];
    let comparison = Comparison::new(&FOUND, &TRUTH).unwrap();
    let whole = comparison.whole();
    let parts = ["x", "y", "z"].map(|name| comparison.part(&|row| groups[row] == name));
    assert_eq!(parts.iter().map(|part| part.rows).sum::<u64>(), whole.rows);
    // Every pair has two ends.
    assert_eq!(parts.iter().map(|part| part.found).sum::<u64>(), 2 * whole.found_pairs);
    assert_eq!(parts.iter().map(|part| part.true_).sum::<u64>(), 2 * whole.true_pairs);
    assert_eq!(parts.iter().map(|part| part.correct).sum::<u64>(), 2 * whole.correct_pairs);
    let cubed: f64 = parts.iter().map(|part| part.b_cubed_precision.value * part.rows as f64).sum();
    assert!((cubed / whole.rows as f64 - whole.b_cubed_precision.value).abs() < 1e-12);
    assert_eq!(parts[2].precision, None, "a group without pairs has no precision");
    // x holds rows 0 2 (a, found 5), 4 (b, found 5), 5 (b, found 9): ends found 3·3 + 2, true 3·2 + 2·2, correct 2·2 + 0 + 1.
    assert_eq!((parts[0].found, parts[0].true_, parts[0].correct), (11, 10, 5));
    assert_eq!((parts[0].persons, parts[0].split_persons), (2, 2));
    let mut card = Scorecard::default();
    let short = Group { kind: "k".into(), name: "x".into(), within: vec![true] };
    assert!(matches!(card.add("id1", &FOUND, &TRUTH, &[short]), Err(LinkageError::Length { .. })));
}

/// Persons of 1 to 6 rows; some are split in two, some joined with the next. Frailer persons have more rows.
fn world(random: &mut Random, persons: u32, error: f64) -> (Vec<u32>, Vec<u32>) {
    let (mut found, mut truth) = (Vec::new(), Vec::new());
    let mut held = false;
    for person in 0..persons {
        let rows = 1 + random.below(6) as u32;
        let frailty = error * f64::from(rows) / 3.0;
        let (split, joined) = (random.chance(frailty), !held && random.chance(error));
        let id = if held { 2 * (person - 1) } else { 2 * person };
        held = joined;
        for row in 0..rows {
            truth.push(person);
            found.push(if split && row % 2 == 1 { 2 * person + 1 } else { id });
        }
    }
    (found, truth)
}

#[test]
fn intervals_cover_and_are_no_narrower_than_the_bootstrap() {
    let mut random = Random(1998);
    // The truth about the process itself, from a large draw.
    for error in [0.02, 0.1] {
        let (found, truth) = world(&mut random, 1_000_000, error);
        let sure = evaluate(&found, &truth).unwrap();
        let mut covered = [0; 4];
        let mut widths = [0.0; 4];
        const DRAWS: usize = 400;
        let rates = |e: &linkage::Evaluation| [e.precision, e.recall, e.b_cubed_precision, e.b_cubed_recall];
        let mut spread: [Vec<f64>; 4] = Default::default();
        for _ in 0..DRAWS {
            let (found, truth) = world(&mut random, 500, error);
            let got = rates(&evaluate(&found, &truth).unwrap());
            for (at, (rate, sure)) in got.iter().zip(rates(&sure)).enumerate() {
                covered[at] += usize::from(rate.low <= sure.value && sure.value <= rate.high);
                widths[at] += (rate.high - rate.low) / DRAWS as f64;
                spread[at].push(rate.value);
            }
        }
        for at in 0..4 {
            let share = covered[at] as f64 / DRAWS as f64;
            assert!(share > 0.925, "error {error}, measure {at}: {share}");
            // What a bootstrap would give, drawn from the process itself.
            spread[at].sort_by(f64::total_cmp);
            let percentile = spread[at][DRAWS * 39 / 40 - 1] - spread[at][DRAWS / 40];
            let ratio = widths[at] / percentile;
            assert!((0.95..1.7).contains(&ratio), "error {error}, measure {at}: {ratio}");
        }
    }
}
