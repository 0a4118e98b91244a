//! Each way to the integers against the others, where a test must not pass by a detour: persons counted by what is stored of them, the two
//! reducers on the same rows however they are cut, and filters that DuckDB applies on stored values.

use std::sync::atomic::AtomicBool;

use policies::Population;

use super::consent::row;
use super::fixture::Room;
use super::neighbours::Dice;
use super::{DP, people};
use crate::engine::ordered::Ordered;
use crate::engine::reduce::Reducer;
use crate::engine::shape::{Batch, Cells, Column, How, Rule, Shape};
use crate::engine::stream::{piped, way};
use crate::engine::vector::Vector;
use crate::plan::{Bins, Plan};
use crate::run::fixture::{TODAY, population};

/// All ways agree, and the pipelines got there by themselves.
fn check(room: &Room, plan: &Plan) {
    let cells = room.run(plan);
    assert_eq!(piped(plan, &room.connection, TODAY).unwrap(), Some(cells));
}

/// What the store should never hold: values out of bounds, NULL where there is none.
fn wild() -> Room {
    let room = people();
    room.insert(
        "person",
        "pid, sex, birth_ym",
        "(4, 255, '1850-01-01'), (5, NULL, '1985-03-01'), (6, 1, 'infinity'), (7, 1, NULL), (8, 1, '1985-03-01'), (9, 2, '-infinity')",
    );
    room
}

#[test]
fn persons_are_counted_by_what_is_stored_of_them() {
    let room = wild();
    let refusals = wild();
    for (pid, allowed) in [(1, false), (8, false), (3, true), (4, true)] {
        row(&refusals, pid, "any", "any", "any", &format!("{allowed}, NULL, NULL"));
    }
    let age = "AGE_AT(birth_ym, DATE '2025-03-31')";
    for body in [
        "COUNT(*) AS n FROM person".to_owned(),
        "sex, COUNT(*) AS n FROM person GROUP BY sex".to_owned(),
        format!(
            "sex, RANGE_BUCKET({age}, [40, 60]) AS age, COUNT(*) AS n, AVG({age}) AS mean FROM person GROUP BY sex, age"
        ),
        format!(
            "sex, COUNT(*) AS n, SUM({age}, contribution_bounds_per_group => (30, 39)) AS s FROM person WHERE {age} BETWEEN 30 AND 74 AND sex <> '1' GROUP BY sex"
        ),
        format!("VAR_POP({age}) AS v, PERCENTILE_CONT({age}, 0.5) AS q FROM person"),
        "COUNTIF(sex = '1') AS men FROM person WHERE birth_ym >= DATE '1985-03-01'".to_owned(),
        "COUNT(*) AS n FROM person WHERE sex = '1' AND sex = '2'".to_owned(),
    ] {
        let plan = room.plan(&format!("{DP} {body}"));
        assert!(way(&plan, TODAY).starts_with("grouped"), "{} {body}", way(&plan, TODAY));
        check(&room, &plan);
        check(&refusals, &plan);
        // Who must have allowed it, and a policy's own population.
        for without_consent in [policies::WithoutConsent::Exclude, policies::WithoutConsent::Include] {
            let project = Population {
                without_consent,
                condition: Some("birth_ym < DATE '1999-01-01'".to_owned()),
                ..population()
            };
            let plan = crate::check(&format!("{DP} {body}"), &room.catalogue, &project).unwrap();
            assert!(way(&plan, TODAY).starts_with("grouped"), "{body}");
            check(&room, &plan);
            check(&refusals, &plan);
        }
    }
    // Nobody is left out by mistake: the same persons as in a store without consents.
    let everybody = room.plan(&format!("{DP} COUNT(*) AS n FROM person"));
    assert_eq!((room.run(&everybody)[0][0], refusals.run(&everybody)[0][0]), (10, 8));
}

#[test]
fn the_other_ways_are_gone_where_they_should_be() {
    let room = people();
    for (expected, body) in [
        ("single: ", "sex, COUNT(*) AS n FROM m JOIN person USING (person_id) GROUP BY sex"),
        ("ordered: scan", "type, COUNT(*, contribution_bounds_per_group => (0, 3)) AS n FROM claim GROUP BY type"),
    ] {
        let question =
            format!("WITH m AS (SELECT person_id, SUM(points) AS p FROM claim GROUP BY person_id) {DP} {body}");
        let question = if body.contains(" m ") { question } else { format!("{DP} {body}") };
        let way = way(&room.plan(&question), TODAY);
        assert!(way.starts_with(expected), "{way}: {body}");
    }
}

#[test]
fn filters_on_stored_values_keep_the_same_rows() {
    let room = people();
    let mut rows = Vec::new();
    for row in 0..40 {
        let kind = ["0", "1", "2", "3", "4", "200", "255", "NULL"][row % 8];
        let metabo = ["0", "1", "2", "3", "4", "9", "255", "NULL"][row / 5];
        rows.push(format!("({}, {row}, '2024-05-01', {kind}, {metabo})", row / 10));
    }
    room.insert("checkup", "pid, draw, exam_date, kind, metabo", &rows.join(", "));
    let flags = ["TRUE", "FALSE", "NULL"];
    let rows: Vec<String> = (0..9)
        .map(|row| format!("({}, {row}, '2024-05-01', 'E119', {}, {})", row / 3, flags[row % 3], flags[row / 3]))
        .collect();
    room.insert("diagnosis", "pid, draw, month, icd10, main, suspected", &rows.join(", "));
    for (table, predicates) in [
        (
            "checkup",
            &[
                "kind = 'tokutei'",
                "kind <> 'tokutei'",
                "kind = 'other'",
                "kind <> 'other'",
                "kind IN ('tokutei', 'other')",
                "metabo = '1'",
                "metabo <> '1'",
                "metabo IS NULL",
                "metabo IS NOT NULL",
                "metabo IS NULL OR metabo = '3'",
                "NOT (metabo IN ('1', '2'))",
                "kind = 'tokutei' AND kind <> 'tokutei'",
            ][..],
        ),
        (
            "diagnosis",
            &[
                "suspected",
                "NOT suspected",
                "suspected IS NULL",
                "main IS NULL",
                "main",
                "NOT main",
                "main IS NOT NULL",
                "suspected OR NOT suspected",
            ],
        ),
    ] {
        let mut asked = 0;
        for predicate in predicates {
            let question =
                format!("{DP} COUNT(*, contribution_bounds_per_group => (0, 50)) AS n FROM {table} WHERE {predicate}");
            // A constant truth is refused before it reaches the engine.
            let Ok(plan) = crate::check(&question, &room.catalogue, &population()) else { continue };
            let way = way(&plan, TODAY);
            assert!(way.starts_with("ordered: scan"), "{way}: {predicate}");
            check(&room, &plan);
            asked += 1;
        }
        assert!(asked >= 7, "only {asked} of {table}");
    }
}

/// A shape of random rules over two columns of values and one of truths.
fn shape(dice: &mut Dice) -> Shape {
    let cells = 1 + dice.below(6);
    let (mut at, mut statistics) = (1, Vec::new());
    for _ in 0..1 + dice.below(4) {
        let column = dice.below(2);
        let bins = Bins::Even { lo: -40, hi: 39, step: 20, count: 4 };
        let how = match dice.below(6) {
            0 => How::Rows,
            1 => How::Sum(dice.below(3)),
            2 => How::Mean(column),
            3 => How::Any(2),
            4 => How::Square(column, -50, 50, 3),
            _ => How::Bin(column, bins.clone()),
        };
        let slots = if matches!(how, How::Bin(..)) { bins.count() } else { 1 };
        let (lo, centre) = (i128::from(dice.next() % 20) - 10, i128::from(dice.next() % 7) - 3);
        statistics.push(Rule { how, at, lo, hi: lo + i128::from(dice.next() % 30), centre });
        at += slots;
    }
    let choose = (dice.below(2) == 0).then(|| 1 + dice.below(3));
    let cap = (dice.below(3) == 0).then(|| 1 + dice.below(5));
    Shape { cells, columns: vec![Column::Value, Column::Value, Column::True], statistics, width: at, choose, cap }
}

/// Rows of persons in order.
fn rows(dice: &mut Dice, shape: &Shape) -> Batch {
    let mut batch = Batch { arguments: vec![Vector::default(); 3], ..Batch::default() };
    for person in 0..u32::try_from(1 + dice.below(12)).unwrap() {
        for _ in 0..dice.below(9) {
            let null = dice.below(4) == 0;
            let value = |dice: &mut Dice| i64::try_from(dice.next() % 200).unwrap() - 100;
            let row = Batch {
                pids: vec![person * 3],
                draws: if shape.draws() { vec![dice.next()] } else { Vec::new() },
                cells: vec![i64::try_from(dice.below(shape.cells)).unwrap()],
                arguments: vec![
                    Vector { values: vec![value(dice)], nulls: null.then(|| vec![true]) },
                    Vector { values: vec![value(dice)], nulls: None },
                    Vector { values: vec![i64::try_from(dice.below(2)).unwrap()], nulls: None },
                ],
            };
            batch.append(row);
        }
    }
    batch
}

fn sums<C: Cells>(mut cells: C, batches: &[Batch]) -> Vec<i128> {
    // Two ranges, of the same persons as it were: what is left of the first must not reach the second.
    for _ in 0..2 {
        for batch in batches {
            cells.take(&(0..64), batch.clone()).unwrap();
        }
        cells.done(&(0..64)).unwrap();
    }
    cells.totals().to_vec()
}

#[test]
fn reducers_agree_however_rows_are_cut() {
    let retry = AtomicBool::new(false);
    for seed in 0..4_000 {
        let mut dice = Dice(seed);
        let shape = shape(&mut dice);
        let all = rows(&mut dice, &shape);
        let known = sums(Reducer::new(&shape), std::slice::from_ref(&all));
        let many = u32::try_from(all.pids.len()).unwrap();
        let mut batches = Vec::new();
        let mut from = 0;
        while from < many {
            let to = many.min(from + u32::try_from(dice.below(7)).unwrap());
            batches.push(all.of(&(from..to).collect::<Vec<_>>()));
            from = to;
        }
        let ordered = sums(Ordered::new(&shape, &retry).unwrap(), &batches);
        assert_eq!(ordered, known, "seed {seed}");
        let cut = sums(Reducer::new(&shape), &batches);
        assert_eq!(cut, known, "seed {seed}, general reducer");
        assert!(!retry.load(std::sync::atomic::Ordering::Relaxed));
    }
}

#[test]
fn rows_out_of_order_or_too_large_are_told() {
    let mut dice = Dice(7);
    let shape = Shape { choose: None, cap: None, ..shape(&mut dice) };
    let one = |person: u32, value: i64| Batch {
        pids: vec![person],
        draws: Vec::new(),
        cells: vec![0],
        arguments: vec![Vector { values: vec![value], nulls: None }; 3],
    };
    for batches in [
        vec![one(2, 1), one(1, 1)],
        vec![one(1, 1 << 31)],
        vec![one(1, -(1 << 31) - 1)],
        vec![Batch { cells: vec![-1], ..one(1, 1) }],
        vec![Batch { cells: vec![99], ..one(1, 1) }],
    ] {
        let retry = AtomicBool::new(false);
        let mut ordered = Ordered::new(&shape, &retry).unwrap();
        let taken: Result<(), _> = batches.into_iter().try_for_each(|batch| ordered.take(&(0..64), batch));
        assert!(taken.is_err() && retry.load(std::sync::atomic::Ordering::Relaxed));
    }
}
