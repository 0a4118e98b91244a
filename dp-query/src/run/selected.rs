//! `strict_minimum`: what attackers would see of groups of few persons. The attack first: a group below the minimum, whatever the noise.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use policies::{Delta, Kind};

use super::fixture::{PURE, ZCDP, options, plan};
use super::tests::{answer, wide};
use crate::mechanism::{MechanismError, Noise, OpenDp, Source};
use crate::plan::{Options, Plan};
use crate::quote::{Expected, Quote, QuoteError, Selection, quote};
use crate::release::Status;

fn strict(epsilon: &str, delta: &str) -> Options {
    Options { delta: Some(delta.to_owned()), strict_minimum: true, ..options(epsilon) }
}

/// One count over so many cells.
fn many(options: Options, cells: usize) -> Plan {
    let mut plan = wide(options, cells);
    plan.statistics.truncate(1);
    plan.outputs.truncate(2);
    plan
}

/// The same noise for everybody; keeps what was asked for noise.
struct Constant(i64, Vec<Vec<i64>>);

impl Source for Constant {
    fn perturb(&mut self, _: &Noise, exact: &[i64]) -> Result<Vec<i64>, MechanismError> {
        self.1.push(exact.to_vec());
        Ok(exact.iter().map(|value| value.saturating_add(self.0)).collect())
    }
}

fn cells(plan: &Plan, persons: &[i128]) -> Vec<Vec<i128>> {
    persons.iter().map(|n| (0..plan.statistics().len()).map(|s| if s == 0 { *n } else { 3 * n }).collect()).collect()
}

fn shown(plan: &Plan, quote: &Quote, persons: &[i128], source: &mut dyn Source) -> Vec<bool> {
    let answer = answer(plan, quote, cells(plan, persons), source);
    answer.cells.iter().map(|cell| cell.status == Status::Released).collect()
}

fn selection(quote: &Quote) -> Selection {
    *quote.selection().unwrap()
}

#[test]
fn no_noise_shows_a_group_below_the_minimum() {
    let plan = plan(strict("1", "0.000001"), 1);
    let quote = quote(&plan, &ZCDP).unwrap();
    let selection = selection(&quote);
    assert!((selection.least, selection.always) == (10, true) && selection.threshold > 20);
    for noise in [-1_000_000, 0, 1_000_000] {
        let mut source = Constant(noise, Vec::new());
        let shown = shown(&plan, &quote, &[0, 9, 10], &mut source);
        assert_eq!(shown, [false, false, noise > 0]);
        // Of groups that aren't shown nothing even reaches the noise: the one that may be is counted from the tenth person on.
        assert_eq!(source.1[0], [1]);
        assert!(source.1[1..].iter().all(|vector| vector.len() == usize::from(noise > 0)));
    }
    // Without noise: from the threshold on, and with the true number.
    let answer = answer(
        &plan,
        &quote,
        cells(&plan, &[i128::from(selection.threshold), 9, i128::from(selection.threshold) - 1]),
        &mut Constant(0, Vec::new()),
    );
    let status: Vec<Status> = answer.cells.iter().map(|cell| cell.status).collect();
    assert_eq!(status, [Status::Released, Status::Suppressed, Status::Suppressed]);
    assert_eq!(answer.cells[0].values[0].unwrap().value, selection.threshold as f64);
    assert_eq!((answer.cells.len(), answer.selection), (3, Some(selection)));
}

/// Each of 20,000 groups has exactly as many persons as may be shown: of them no more than δ says are shown.
#[test]
fn the_last_person_makes_a_group_appear_no_more_often_than_delta() {
    for (epsilon, delta) in [("0.5", "0.1"), ("1", "0.05"), ("2", "0.1")] {
        let plan = many(strict(epsilon, delta), 10_000);
        let quote = quote(&plan, &ZCDP).unwrap();
        let failure = selection(&quote).failure;
        let rate = |persons: i128| {
            let runs = (0..2).flat_map(|_| shown(&plan, &quote, &[persons; 10_000], &mut OpenDp));
            runs.filter(|shown| *shown).count() as f64 / 20_000.0
        };
        let (bound, found) = (failure.to_f64_up(), rate(10));
        // P(X ≥ threshold − 10), summed.
        let scale = quote.lines()[0].noise.scale();
        let pmf = |x: i64| (-0.5 * (x as f64 / scale).powi(2)).exp();
        let truth = (selection(&quote).threshold - 10..400).map(pmf).sum::<f64>() / (-400..400).map(pmf).sum::<f64>();
        assert!(truth <= bound, "{epsilon} {delta}: {truth} against {bound}");
        assert!((found - truth).abs() < 5.0 * (truth / 20_000.0).sqrt(), "{epsilon} {delta}: {found} against {truth}");
        assert_eq!(rate(9), 0.0);
        assert!(failure <= Delta::from_units(delta.parse::<Delta>().unwrap().units() / 2));
        assert_eq!(quote.price().charge().delta, failure);
        assert_eq!(quote.price().delta(), delta.parse().unwrap());
    }
}

/// In a pure room nothing is charged: the threshold alone makes it unlikely.
#[test]
fn a_pure_room_shows_a_smaller_group_no_more_often_than_delta() {
    let count = 1_000;
    let plan = many(strict("1", "0.5"), count);
    let quote = quote(&plan, &PURE).unwrap();
    let Selection { least, threshold, always, failure } = selection(&quote);
    assert!((least, always) == (10, false) && threshold > 10 && failure <= "0.5".parse().unwrap());
    assert_eq!(
        (quote.price().kind(), quote.price().delta(), quote.price().charge().delta),
        (Kind::Pure, Delta::ZERO, Delta::ZERO)
    );
    // In an answer of 1,000 groups with nine persons each.
    let runs = 200;
    let any = (0..runs).filter(|_| shown(&plan, &quote, &vec![9; count], &mut OpenDp).contains(&true)).count();
    assert!(any as f64 / f64::from(runs) <= 0.5 + 4.0 * (0.25 / f64::from(runs)).sqrt(), "{any}");
    assert!(any > 20, "{any}");
}

#[test]
fn the_price_is_whole_and_a_threshold_needs_delta() {
    let with = |options: Options, terms| quote(&plan(options, 2), terms);
    let loose = with(Options { strict_minimum: false, ..strict("1", "0.000001") }, &ZCDP).unwrap();
    let tight = with(strict("1", "0.000001"), &ZCDP).unwrap();
    assert_eq!((loose.selection(), loose.shown_from()), (None, 10));
    assert_eq!((loose.price().epsilon(), loose.price().delta()), (tight.price().epsilon(), tight.price().delta()));
    // The noise has half of δ less.
    assert!(tight.price().rho() < loose.price().rho() && !tight.price().failure().is_zero());
    let (Expected::Margin { sd: a, .. }, Expected::Margin { sd: b, .. }) = (loose.expected()[1], tight.expected()[1])
    else {
        panic!()
    };
    assert!(b > a && b < 1.1 * a, "{a} {b}");
    assert_eq!(with(strict("1", "0"), &PURE), Err(QuoteError::StrictNeedsDelta));
    assert_eq!(with(Options { delta: None, ..strict("1", "0") }, &PURE), Err(QuoteError::StrictNeedsDelta));
    assert_eq!(with(strict("1", "0"), &ZCDP), Err(QuoteError::StrictNeedsDelta));
    assert_eq!(with(strict("1", "0.00000000000000001"), &ZCDP), Err(QuoteError::TooSmall));
    // A margin is solved for with the selection in the price.
    let margin =
        Options { epsilon: None, margin: Some(("50".to_owned(), "0.95".to_owned())), ..strict("1", "0.000001") };
    let solved = with(margin, &ZCDP).unwrap();
    assert!(selection(&solved).threshold > 10 && !solved.price().failure().is_zero());
}

/// One person more or less, noise the same: the same rows, and what is shown differs only in groups of which one has too few.
#[test]
fn neighbours_differ_in_the_last_persons_group_only() {
    let plan = plan(strict("1", "0.000001"), 1);
    let quote = quote(&plan, &ZCDP).unwrap();
    for noise in [-5, 0, 7, 40] {
        for persons in 0..60 {
            let see = |n: i128| shown(&plan, &quote, &[30, n, 45], &mut Constant(noise, Vec::new()));
            let (with, without) = (see(persons + 1), see(persons));
            assert_eq!((with[0], with[2]), (without[0], without[2]));
            let from = i128::from(selection(&quote).threshold - noise).max(10);
            assert_eq!((with[1], without[1]), (persons + 1 >= from, persons >= from));
        }
    }
}
