#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use policies::{Digest, Price};
use proptest::prelude::*;

use super::fixture::{PURE, Room, SNAPSHOT, ZCDP, count, options, plan, priced};
use super::*;
use crate::mechanism::{Noise, half_width};
use crate::plan::{Options, Output, OutputKind, Plan};
use crate::quote::{Line, quote};
use crate::release::{Answer, Cell, Status};

/// The same noise whatever the data: element number · 3 − 4. Keeps what it was given.
#[derive(Default)]
struct Frozen {
    seen: Vec<(Noise, Vec<i64>)>,
}

impl Source for Frozen {
    fn perturb(&mut self, noise: &Noise, exact: &[i64]) -> Result<Vec<i64>, MechanismError> {
        self.seen.push((*noise, exact.to_vec()));
        let noisy = exact.iter().enumerate();
        Ok(noisy.map(|(at, value)| value.saturating_add(at as i64 * 3 - 4)).collect())
    }
}

fn origin() -> Origin {
    let digest = Digest::from_bytes([1; 32]);
    Origin {
        room: "room.example/a".to_owned(),
        project: "walking".to_owned(),
        researcher: "rin".to_owned(),
        request: digest,
        plan: digest,
        policy: digest,
        snapshot: SNAPSHOT.to_owned(),
        intent: 4,
        price: Price::pure("1".parse().unwrap()).unwrap(),
    }
}

pub(super) fn answer(plan: &Plan, quote: &Quote, exact: Vec<Vec<i128>>, source: &mut dyn Source) -> Answer {
    let bytes = finish(origin(), plan, quote, exact, source).unwrap();
    serde_json::from_slice(bytes.to_bytes()).unwrap()
}

/// One person: category, value on its grid, days.
type Row = (usize, Option<i64>, i64);

/// What an engine computes for the fixture's plan, written out.
fn exact(plan: &Plan, rows: &[Row]) -> Vec<Vec<i128>> {
    let mut cells = vec![vec![0; plan.statistics().len()]; plan.cells()];
    for (cell, value, days) in rows {
        let clamp = |number: usize, value: i64| {
            let statistic = &plan.statistics()[number];
            i128::from((value - statistic.centre).clamp(statistic.lo, statistic.hi))
        };
        cells[*cell][0] += 1;
        if let Some(value) = value {
            cells[*cell][1] += clamp(1, *value);
            cells[*cell][2] += 1;
        }
        cells[*cell][3] += clamp(3, *days);
    }
    cells
}

proptest! {
    /// Neighbours: one person more or less, extremes and NULL among them. With the noise frozen, each noisy vector moves by at most the
    /// declared sensitivity, the noise is the same, and so is everything of the answer but values and status.
    #[test]
    fn one_person_moves_no_more_than_declared(
        rows in prop::collection::vec((0usize..3, prop::option::of(prop_oneof![any::<i32>().prop_map(i64::from), Just(100), Just(500)]), any::<i16>().prop_map(i64::from)), 1..40),
        gone in any::<prop::sample::Index>(),
    ) {
        let mut fewer = rows.clone();
        fewer.remove(gone.index(rows.len()));
        for (options, terms) in [(options("1"), PURE), (gaussian("1"), ZCDP)] {
            let plan = plan(options, 1);
            let quote = quote(&plan, &terms).unwrap();
            let (mut one, mut other) = (Frozen::default(), Frozen::default());
            let full = answer(&plan, &quote, exact(&plan, &rows), &mut one);
            let less = answer(&plan, &quote, exact(&plan, &fewer), &mut other);
            let lines: Vec<&Line> = quote.lines().iter().filter(|line| line.basis.has_noise()).collect();
            prop_assert_eq!((one.seen.len(), lines.len()), if terms == PURE { (2, 2) } else { (4, 4) });
            let mut spent = 0.0;
            for (((noise, ours), (same, theirs)), line) in one.seen.iter().zip(&other.seen).zip(lines) {
                prop_assert!(noise == same && *noise == line.noise);
                let moved: u128 = ours.iter().zip(theirs).map(|(a, b)| u128::from(a.abs_diff(*b))).sum();
                let cells = ours.iter().zip(theirs).filter(|(a, b)| a != b).count();
                prop_assert!(moved <= line.sensitivity.l1 && cells <= line.sensitivity.l0 as usize);
                // The noise that was bought is enough for what moved: scale · ε ≥ distance.
                prop_assert!(terms == ZCDP || line.noise.scale() * line.epsilon.to_f64_up() >= moved as f64);
                spent += moved as f64 / line.noise.scale();
            }
            // All vectors together.
            prop_assert!(terms == ZCDP || spent <= 1.0 + 1e-12, "{}", spent);
            let shape = |answer: &Answer| answer.cells.iter().map(|cell| cell.keys.clone()).collect::<Vec<_>>();
            prop_assert_eq!(shape(&full), shape(&less));
            prop_assert_eq!((&full.columns, &full.keys, full.minimum_persons), (&less.columns, &less.keys, less.minimum_persons));
        }
    }

    /// The status is a function of the noisy number of persons alone, and a suppressed cell shows nothing.
    #[test]
    fn the_noisy_count_decides(persons in prop::collection::vec(0i128..30, 3)) {
        let plan = plan(gaussian("1"), 1);
        let quote = quote(&plan, &ZCDP).unwrap();
        let cells = persons.iter().map(|persons| vec![*persons, 0, 0, 0]).collect();
        let answer = answer(&plan, &quote, cells, &mut Frozen::default());
        for (at, (cell, persons)) in answer.cells.iter().zip(&persons).enumerate() {
            let noisy = persons + at as i128 * 3 - 4;
            prop_assert_eq!(cell.status == Status::Released, noisy >= 10);
            prop_assert_eq!(cell.values.len(), if noisy >= 10 { 3 } else { 0 });
        }
        let text = serde_json::to_string(&answer.cells.iter().filter(|cell| cell.status == Status::Suppressed).collect::<Vec<&Cell>>()).unwrap();
        prop_assert!(!text.contains("value"));
    }
}

fn gaussian(epsilon: &str) -> Options {
    Options { delta: Some("0.000001".to_owned()), ..options(epsilon) }
}

/// A plan over so many cells that one run is as many repetitions.
pub(super) fn wide(options: Options, cells: usize) -> Plan {
    let mut plan = plan(options, 1);
    plan.keys[0].values = (0..cells).map(|cell| cell.to_string()).collect();
    plan.keys[0].meanings = vec![String::new(); cells];
    plan.outputs.push(Output { name: "total".to_owned(), what: OutputKind::Sum { sum: 1, count: Some(2) } });
    plan
}

/// 10,000 repetitions: each interval covers the bounded value in at least 94.5%, with either noise, for many persons and for few.
#[test]
fn intervals_cover() {
    let cells = 10_000;
    let gaussian = Options { delta: Some("0.000001".to_owned()), ..options("2") };
    for (options, terms) in [(options("2"), PURE), (gaussian, ZCDP)] {
        let plan = wide(options, cells);
        let quote = quote(&plan, &terms).unwrap();
        for (persons, mean) in [(1000, 37), (60, -120), (15, 200)] {
            let one = vec![persons, persons * mean, persons, persons * 3];
            let answer = answer(&plan, &quote, vec![one; cells], &mut OpenDp);
            let shown: Vec<&Cell> = answer.cells.iter().filter(|cell| cell.status == Status::Released).collect();
            let truth = [
                persons as f64,
                30.0 + mean as f64 / 10.0,
                persons as f64 * 3.0,
                persons as f64 * (30.0 + mean as f64 / 10.0),
            ];
            for (at, truth) in truth.into_iter().enumerate() {
                let covers = |cell: &&&Cell| {
                    let [low, high] = cell.values[at].unwrap().interval;
                    low <= truth + 1e-9 && truth <= high + 1e-9
                };
                let covered = shown.iter().filter(covers).count() as f64 / shown.len() as f64;
                // Given that it is shown, the count of a cell near the minimum is no longer centred: that is conditioning, not noise.
                if persons > 50 {
                    assert!(covered >= 0.945, "{terms:?} {persons} {at}: {covered}");
                    assert_eq!(shown.len(), cells);
                } else {
                    assert!(at != 1 || covered >= 0.945, "{terms:?} {persons} {at}: {covered}");
                }
                for cell in shown.iter().take(200) {
                    let value = &cell.values[at].unwrap();
                    assert!(value.population[0] <= value.interval[0] && value.interval[1] <= value.population[1]);
                    // Intervals of counts and sums are around the value; of means, within the public bounds.
                    assert!(at == 1 || (value.interval[0] <= value.value && value.value <= value.interval[1]));
                    assert!(at != 1 || (value.interval[0] >= 10.0 && value.interval[1] <= 50.0));
                }
            }
        }
    }
}

/// At 1,000 persons the mean's interval is at most 1.1 times as wide as the best: ± the sum's own quantile over n.
#[test]
fn means_are_not_needlessly_wide() {
    let plan = wide(options("2"), 500);
    let quote = quote(&plan, &PURE).unwrap();
    let answer = answer(&plan, &quote, vec![vec![1000, 0, 1000, 3000]; 500], &mut OpenDp);
    let width = answer
        .cells
        .iter()
        .map(|cell| cell.values[1].unwrap().interval[1] - cell.values[1].unwrap().interval[0])
        .sum::<f64>()
        / 500.0;
    // Half of the difference of two Laplace variables of the pair's scale, in grid units of 0.1: (1 + u/2)e^(−u) = 0.05 at u = 4.1135.
    let best = 2.0 * quote.lines()[1].noise.scale() / 2.0 * 4.1135 / 10.0 / 1000.0;
    assert!((best..best * 1.1).contains(&width), "{width} against {best}");
}

/// What was computed by hand, with the noise frozen at −4, −1, 2.
#[test]
fn values_are_what_the_statistics_say() {
    let plan = plan(gaussian("1"), 1);
    let quote = quote(&plan, &ZCDP).unwrap();
    let exact = vec![vec![104, 1004, 104, 204], vec![0, 0, 0, 0], vec![998, -2, 998, 1998]];
    let answer = answer(&plan, &quote, exact, &mut Frozen::default());
    let first = &answer.cells[0];
    assert_eq!((first.keys.as_slice(), first.status), (["1".to_owned()].as_slice(), Status::Released));
    let values: Vec<f64> = first.values.iter().map(|value| value.unwrap().value).collect();
    // (104 − 4); 30.0 + (1004 − 4)/(104 − 4)/10; 204 − 4.
    assert_eq!(values, [100.0, 31.0, 200.0]);
    for (at, line) in [(0, 0), (2, 3)] {
        let (value, reach) = (values[at], half_width(&quote.lines()[line].noise, 0.05).unwrap() as f64);
        assert_eq!(first.values[at].unwrap().interval, [value - reach, value + reach]);
    }
    assert_eq!(answer.cells[1].status, Status::Suppressed);
    // Third cell: (−2 + 2)/(998 + 2): the middle of the bounds.
    assert_eq!(answer.cells[2].values[1].unwrap().value, 30.0);
    assert_eq!(answer.confidence, "0.95");
}

#[test]
fn another_shape_is_refused() {
    let plan = plan(options("1"), 1);
    let quote = quote(&plan, &PURE).unwrap();
    for exact in [vec![vec![0; 4]; 2], vec![vec![0; 4]; 4], vec![vec![0; 3]; 3], vec![]] {
        let failure = finish(origin(), &plan, &quote, exact, &mut Frozen::default()).unwrap_err();
        assert_eq!((failure.clone(), failure.code()), (RunFailure::Shape, "shape"));
    }
    for (options, terms) in [(options("1"), PURE), (gaussian("1"), ZCDP)] {
        let plan = crate::run::fixture::plan(options, 1);
        let quote = crate::quote::quote(&plan, &terms).unwrap();
        let huge = vec![vec![i128::MAX, i128::MIN, 0, 0]; 3];
        let mut frozen = Frozen::default();
        finish(origin(), &plan, &quote, huge, &mut frozen).unwrap();
        assert!(frozen.seen.iter().any(|(_, seen)| seen[0] == i64::MIN));
        assert!(frozen.seen.iter().any(|(_, seen)| seen.contains(&i64::MAX)));
    }
}

#[test]
fn a_run_is_bound_to_what_was_permitted() {
    let mut room = Room::new();
    let plan = count(options("0.5"));
    let quote = priced(&plan);
    let (request, permit, intent) = room.charged(&plan, &quote, 1);
    let origin = bind(&permit, &plan, &quote, &intent).unwrap();
    assert_eq!((origin.request, origin.intent, origin.snapshot.as_str()), (request.id(), intent.index(), SNAPSHOT));
    assert_eq!(origin.price, *request.price());
    // Another plan, another quote.
    let other = count(options("0.6"));
    assert_eq!(bind(&permit, &other, &quote, &intent), Err(RunFailure::Binding("the plan")));
    assert_eq!(bind(&permit, &plan, &priced(&other), &intent), Err(RunFailure::Binding("the quote")));
    let kinder = quote_with(&plan, 5);
    assert_eq!(bind(&permit, &plan, &kinder, &intent), Err(RunFailure::Binding("the quote")));
    // A receipt of something else.
    let receipt = room.receipt(1);
    assert_eq!(bind(&permit, &plan, &quote, &receipt), Err(RunFailure::Binding("the receipt")));
    // A second intent with the same permit: the permit was decided on a log that ended before the first.
    let again = room.append(&Room::intent(permit.ask()));
    room.checkpoint(&[0, 1]);
    let receipt = room.receipt(again);
    assert_eq!(bind(&permit, &plan, &quote, &receipt), Err(RunFailure::Binding("the intent")));
}

fn quote_with(plan: &Plan, minimum_persons: u32) -> Quote {
    quote(plan, &Terms { minimum_persons, ..PURE }).unwrap()
}

#[test]
fn an_intent_must_state_the_very_charge() {
    type Change = fn(&mut Event);
    let changes: [Change; 8] = [
        |event| {
            if let Event::Intent { epsilon, .. } = event {
                *epsilon = "0.4".to_owned()
            }
        },
        |event| {
            if let Event::Intent { rho, .. } = event {
                *rho = "0".to_owned()
            }
        },
        |event| {
            if let Event::Intent { delta, .. } = event {
                *delta = "0.1".to_owned()
            }
        },
        |event| {
            if let Event::Intent { account, .. } = event {
                *account = audit_log::Account::Zcdp
            }
        },
        |event| {
            if let Event::Intent { project, .. } = event {
                *project = "else".to_owned()
            }
        },
        |event| {
            if let Event::Intent { researcher, .. } = event {
                *researcher = "ran".to_owned()
            }
        },
        |event| {
            if let Event::Intent { plan, .. } = event {
                *plan = "00".repeat(32)
            }
        },
        |event| {
            if let Event::Intent { policy, .. } = event {
                *policy = "00".repeat(32)
            }
        },
    ];
    for change in changes {
        let mut room = Room::new();
        let plan = count(options("0.5"));
        let quote = priced(&plan);
        let request = room.request(&plan, *quote.price(), 1);
        room.submit(&request);
        room.judge(&request, 0, true);
        room.judge(&request, 1, true);
        let permit = room.permit(&request, &plan);
        let mut event = Room::intent(permit.ask());
        change(&mut event);
        let index = room.append(&event);
        room.checkpoint(&[0, 1]);
        let intent = room.receipt(index);
        assert_eq!(bind(&permit, &plan, &quote, &intent), Err(RunFailure::Binding("the intent")));
    }
}

#[test]
fn stewards_co_sign_the_charge_first() {
    let mut room = Room::new();
    let plan = count(options("0.5"));
    let quote = priced(&plan);
    let request = room.request(&plan, *quote.price(), 1);
    room.submit(&request);
    room.judge(&request, 0, true);
    room.judge(&request, 1, true);
    let permit = room.permit(&request, &plan);
    let index = room.append(&Room::intent(permit.ask()));
    room.checkpoint(&[0]);
    let failure = bind(&permit, &plan, &quote, &room.receipt(index)).unwrap_err();
    assert_eq!(failure, RunFailure::Cosignatures { given: 1, needed: 2 });
    room.checkpoint(&[1]);
    assert!(bind(&permit, &plan, &quote, &room.receipt(index)).is_ok());
}

/// Totals are the sums of the noisy cells, shown or not, and say how wrong they are.
#[test]
fn roll_ups_add_up() {
    let mut plan = plan(gaussian("1"), 1);
    plan.levels = vec![vec![true], vec![false]];
    let quote = quote(&plan, &ZCDP).unwrap();
    let answer = answer(
        &plan,
        &quote,
        vec![vec![104, 1004, 104, 204], vec![4, 0, 4, 8], vec![998, -2, 998, 1998]],
        &mut Frozen::default(),
    );
    assert_eq!(answer.cells.len(), 4);
    let total = &answer.cells[3];
    assert_eq!((total.keys.as_slice(), total.status), (["ALL".to_owned()].as_slice(), Status::Released));
    // Noise −4, −1, 2: 100 + 3 + 1000; the second cell is not shown.
    assert_eq!(answer.cells[1].status, Status::Suppressed);
    let [count, finest] = [total.values[0].unwrap(), answer.cells[0].values[0].unwrap()];
    assert_eq!(count.value, 1103.0);
    let ratio = (count.interval[1] - count.interval[0]) / (finest.interval[1] - finest.interval[0]);
    assert!((1.5..=2.1).contains(&ratio) && (count.sd / finest.sd - 3f64.sqrt()).abs() < 0.01, "{ratio}");
}

/// Where numbers are made of two noisy ones each, they are written whole, and totals are still the sums of what is written.
#[test]
fn totals_of_pairs_add_up_as_written() {
    let mut plan = wide(options("1"), 40);
    plan.levels = vec![vec![true], vec![false]];
    let quote = quote(&plan, &PURE).unwrap();
    assert!(quote.lines().iter().any(|line| matches!(line.basis, crate::quote::Basis::Counted(_))));
    let answer = answer(&plan, &quote, vec![vec![1000, 5003, 1000, 3001]; 40], &mut OpenDp);
    let column = |at: usize| -> Vec<f64> { answer.cells.iter().map(|cell| cell.values[at].unwrap().value).collect() };
    for at in [0, 2, 3] {
        let all = column(at);
        let (total, cells) = all.split_last().unwrap();
        assert!((total - cells.iter().sum::<f64>()).abs() < 1e-6, "{at}");
        assert!(at == 3 || all.iter().all(|value| value.fract() == 0.0), "{at}");
    }
}
