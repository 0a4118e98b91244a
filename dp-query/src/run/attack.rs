//! End to end: answers on neighbours as a statistician would attack them, and the noise and the intervals as `check` stated them. The small
//! runs are of `make test`; `prove_*` are long.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use super::fixture::{PURE, ZCDP, options};
use super::tests::{answer, wide};
use crate::mechanism::OpenDp;
use crate::plan::{Options, Plan};
use crate::quote::{Basis, Expected, Line, Quote, Terms, quote};

fn gaussian(epsilon: &str) -> Options {
    Options { delta: Some("0.000001".to_owned()), ..options(epsilon) }
}

/// Released values of one output, the same exact cell many times.
fn values(plan: &Plan, quote: &Quote, cell: &[i128], output: usize) -> Vec<f64> {
    let answer = answer(plan, quote, vec![cell.to_vec(); plan.cells()], &mut OpenDp);
    answer.cells.iter().filter_map(|cell| cell.values.get(output)?.as_ref().map(|value| value.value)).collect()
}

/// The sets [t, ∞) and (−∞, t] by which two laws with rising likelihood ratio are told apart best: whether P(A) ≤ e^ε Q(A) + δ for all of
/// them, but for six standard errors.
fn private(p: &[f64], q: &[f64], epsilon: f64, delta: f64) -> bool {
    let (mut p, mut q) = (p.to_vec(), q.to_vec());
    p.sort_by(f64::total_cmp);
    q.sort_by(f64::total_cmp);
    let share = |sorted: &[f64], t: f64| sorted.partition_point(|v| *v < t) as f64 / sorted.len() as f64;
    let error = |share: f64, n: usize| 6.0 * ((share * (1.0 - share)).max(1.0 / n as f64) / n as f64).sqrt();
    let within = |a: f64, b: f64| a - error(a, p.len()) <= epsilon.exp() * (b + error(b, q.len())) + delta;
    p.iter().step_by(p.len() / 200).all(|t| {
        let (below, other) = (share(&p, *t), share(&q, *t));
        within(below, other)
            && within(1.0 - below, 1.0 - other)
            && within(other, below)
            && within(1.0 - other, 1.0 - below)
    })
}

fn neighbours_are_alike(cells: usize) {
    for (options, terms, delta) in [(options("2"), PURE, 0.0), (gaussian("2"), ZCDP, 1e-6)] {
        let plan = wide(options, cells);
        let quote = quote(&plan, &terms).unwrap();
        // One person more: there, with the greatest value, with days.
        let (less, more) = ([1000, 5000, 900, 3000], [1001, 5200, 901, 3007]);
        for output in 0..4 {
            let (p, q) = (values(&plan, &quote, &less, output), values(&plan, &quote, &more, output));
            assert!(private(&p, &q, 2.0, delta), "{terms:?} {output}");
        }
        // The test can fail: a clamp or a count that is wrong by far is seen.
        let broken = [1000, 5000, 900, 3000 + 70];
        let (p, q) = (values(&plan, &quote, &less, 2), values(&plan, &quote, &broken, 2));
        assert!(!private(&p, &q, 2.0, delta), "{terms:?}");
    }
}

#[test]
fn neighbours_answers_are_alike() {
    neighbours_are_alike(8_000);
}

#[test]
#[ignore = "a minute: make prove"]
fn prove_neighbours_answers_are_alike() {
    neighbours_are_alike(200_000);
}

/// Sample sd of COUNT and SUM against what `check` said.
fn noise_is_as_stated(cells: usize, tolerance: f64) {
    for (options, terms) in [(options("2"), PURE), (gaussian("2"), ZCDP)] {
        let plan = wide(options, cells);
        let quote = quote(&plan, &terms).unwrap();
        for output in [0, 2] {
            let found = values(&plan, &quote, &[1000, 0, 1000, 3000], output);
            let n = found.len() as f64;
            let mean = found.iter().sum::<f64>() / n;
            let sd = (found.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n).sqrt();
            let Expected::Margin { sd: stated, .. } = quote.expected()[output + 1] else { panic!() };
            assert!((sd / stated - 1.0).abs() < tolerance, "{terms:?} {output}: {sd} {stated}");
        }
    }
}

#[test]
fn the_noise_is_as_stated() {
    noise_is_as_stated(20_000, 0.05);
}

#[test]
#[ignore = "a minute: make prove"]
fn prove_the_noise_is_as_stated() {
    noise_is_as_stated(200_000, 0.02);
}

/// Intervals of COUNT and SUM are the narrowest that discrete noise allows.
#[test]
fn intervals_are_not_needlessly_wide() {
    for (options, terms) in [(options("2"), PURE), (gaussian("2"), ZCDP)] {
        let plan = wide(options, 1);
        let quote = quote(&plan, &Terms { ..terms }).unwrap();
        for (output, line) in [(1, 0), (3, 3)] {
            let Expected::Margin { half_width, .. } = quote.expected()[output] else { panic!() };
            let Line { noise, basis, .. } = &quote.lines()[line];
            let best = match basis {
                // Both numbers of a pair of width 7: (1 + u/2)e^(−u) = 0.05 at u = 4.1135.
                Basis::Counted(_) => 4.1135 * noise.scale() / 7.0,
                _ => crate::mechanism::half_width(noise, 0.05).unwrap() as f64,
            };
            assert!((best..=best * 1.1).contains(&half_width), "{half_width} {best}");
            assert!(matches!(basis, Basis::Counted(_)) || half_width == best);
        }
    }
}
