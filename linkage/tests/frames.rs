//! Evaluation against figures worked out by hand, and by groups.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use linkage::{LinkageError, evaluate, evaluate_by};

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
    assert!((got.b_cubed_precision - cubed).abs() < 1e-12);
    assert!((got.b_cubed_recall - cubed).abs() < 1e-12);
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

#[test]
fn groups_add_up_to_the_whole() {
    let groups = ["x", "y", "x", "y", "x", "x", "y", "z"];
    let frame = evaluate_by(&FOUND, &TRUTH, &groups).unwrap();
    assert_eq!(frame.height(), 3);
    let whole = evaluate(&FOUND, &TRUTH).unwrap();
    let sum = |name: &str| frame.column(name).unwrap().u64().unwrap().iter().flatten().sum::<u64>();
    assert_eq!(sum("rows"), whole.rows);
    // Every pair has two ends.
    assert_eq!(sum("found"), 2 * whole.found_pairs);
    assert_eq!(sum("true"), 2 * whole.true_pairs);
    assert_eq!(sum("correct"), 2 * whole.correct_pairs);
    let z = frame.column("precision").unwrap().f64().unwrap().get(2);
    assert_eq!(z, None, "a group without pairs has no precision");
    assert!(evaluate_by(&FOUND, &TRUTH, &["x"]).is_err());
}
