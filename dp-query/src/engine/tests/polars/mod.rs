//! A second implementation of plans, on data frames of polars, to hold the engine against: written from what `plan.rs` and `relation.rs`
//! say the nodes mean, sharing nothing with the engine but these types. Slow and plain. It knows nothing of SQL.

#![allow(clippy::print_stdout)]

mod aggregate;
mod answer;
mod expr;
mod frame;
mod relation;

use std::time::{SystemTime, UNIX_EPOCH};

use super::fixture::Room;
use super::neighbours::{Dice, FAIR, fill, question};
use super::schema::schema;
use crate::plan::Plan;
use crate::relation::Relation;
use crate::run::fixture::{TODAY, population};

pub(super) use answer::{cells, named};

/// Generated questions on a generated store: how many, and how many of them gave another integer than 0.
fn compared(seed: u64, questions: u64) -> (u64, u64) {
    let mut dice = Dice(seed);
    let room = Room::of(schema(&mut dice));
    fill(&room, &mut dice);
    let (mut all, mut told) = (0, 0);
    for _ in 0..questions {
        let text = question(&mut dice);
        let plan = match crate::check(&text, &room.catalogue, &population()) {
            Ok(plan) => plan,
            Err(refusal) if FAIR.contains(&refusal.code()) => continue,
            Err(refusal) => panic!("store {seed}: {refusal}\n{text}"),
        };
        let mut some = false;
        for part in plan.parts() {
            let (ours, theirs) = (room.run_sql(&part), cells(&part, &room.connection, TODAY));
            assert_eq!(ours, theirs, "store {seed}: DuckDB (left) and polars (right) differ\n{text}");
            some |= ours.iter().flatten().any(|value| *value != 0);
        }
        all += 1;
        told += u64::from(some);
    }
    (all, told)
}

/// So many questions, on two threads.
fn agree(wanted: u64) {
    let clock = || SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_nanos());
    let seed = std::env::var("SUDARE_PROVE_SEED").ok().and_then(|seed| seed.parse().ok());
    let first = seed.unwrap_or_else(|| Dice(u64::try_from(clock() % (1 << 60)).unwrap_or(0)).next());
    println!("SUDARE_PROVE_SEED={first}");
    let sums = std::thread::scope(|scope| {
        let worker = |number: u64| {
            scope.spawn(move || {
                let (mut all, mut told, mut store) = (0, 0, number);
                while all < wanted.div_ceil(2) {
                    let (more, other) = compared(first.wrapping_add(store), 40);
                    (all, told, store) = (all + more, told + other, store + 2);
                    if wanted > 10_000 && (store / 2) % 100 == 0 {
                        println!("worker {number}: {all} questions");
                    }
                }
                (all, told)
            })
        };
        [worker(0), worker(1)].map(|worker| worker.join().unwrap())
    });
    let (all, told) = (sums[0].0 + sums[1].0, sums[0].1 + sums[1].1);
    println!("{all} questions, of which {told} had an answer");
    // Two that say nothing agree as well.
    assert!(told * 2 > all, "only {told} of {all} questions had an answer");
}

#[test]
fn duckdb_and_polars_give_the_same_integers() {
    agree(2_000);
}

#[test]
#[ignore = "make prove: twenty minutes"]
fn prove_duckdb_and_polars_give_the_same_integers() {
    agree(40_000);
}

/// Applies a change to every relation of a tree.
fn everywhere(relation: &mut Relation, change: &dyn Fn(&mut Relation)) {
    change(relation);
    match relation {
        Relation::Scan { .. } => {}
        Relation::Filter { input, .. }
        | Relation::Project { input, .. }
        | Relation::Reduce { input, .. }
        | Relation::Window { input, .. }
        | Relation::Lookup { input, .. }
        | Relation::Cap { input, .. } => everywhere(input, change),
        Relation::Join { left, right, .. } => {
            everywhere(left, change);
            everywhere(right, change);
        }
    }
}

/// The comparison can fail: where one of the two is given a slightly different plan, some questions tell.
#[test]
fn a_difference_is_seen() {
    type Change = fn(&mut Plan);
    let changes: [(&str, Change); 6] = [
        ("clamp", |plan| {
            plan.statistics.iter_mut().for_each(|statistic| statistic.hi = (statistic.hi - 1).max(statistic.lo))
        }),
        ("centre", |plan| plan.statistics.iter_mut().for_each(|statistic| statistic.centre += 1)),
        ("groups", |plan| plan.max_groups = 1),
        ("cap", |plan| {
            everywhere(&mut plan.relation, &|node| {
                if let Relation::Cap { rows, .. } = node {
                    *rows = 1;
                }
            });
        }),
        ("order", |plan| {
            everywhere(&mut plan.relation, &|node| {
                if let Relation::Window { columns, .. } = node {
                    let orders = columns.iter_mut().flat_map(|column| column.order.iter_mut());
                    orders.for_each(|order| order.descending = !order.descending);
                }
            });
        }),
        ("filter", |plan| {
            everywhere(&mut plan.relation, &|node| {
                if let Relation::Filter { predicate, .. } = node {
                    *predicate = crate::relation::Expr::Not(Box::new(predicate.clone()));
                }
            });
        }),
    ];
    let mut seen = [0_u32; 6];
    for seed in 0..12 {
        let mut dice = Dice(seed);
        let room = Room::new();
        fill(&room, &mut dice);
        for _ in 0..20 {
            let Ok(plan) = crate::check(&question(&mut dice), &room.catalogue, &population()) else { continue };
            let truth = room.run_sql(&plan);
            for ((_, change), seen) in changes.iter().zip(&mut seen) {
                let mut other = plan.clone();
                change(&mut other);
                *seen += u32::from(other != plan && cells(&other, &room.connection, TODAY) != truth);
            }
        }
    }
    assert!(
        seen.iter().all(|seen| *seen > 0),
        "{:?}",
        changes.iter().map(|(name, _)| name).zip(seen).collect::<Vec<_>>()
    );
}

/// Names of nodes in a plan's canonical JSON, counted.
fn nodes(value: &serde_json::Value, found: &mut std::collections::BTreeMap<String, u32>) {
    match value {
        serde_json::Value::Object(fields) => {
            for (name, inner) in fields {
                *found.entry(name.clone()).or_default() += 1;
                nodes(inner, found);
            }
        }
        serde_json::Value::Array(list) => list.iter().for_each(|inner| nodes(inner, found)),
        serde_json::Value::String(word) => *found.entry(word.clone()).or_default() += 1,
        _ => {}
    }
}

/// What the generator never makes, the two were never compared on.
#[test]
fn the_generator_reaches_every_node() {
    let room = Room::new();
    let mut found = std::collections::BTreeMap::new();
    for seed in 0..600 {
        if let Ok(plan) = crate::check(&question(&mut Dice(seed)), &room.catalogue, &population()) {
            nodes(&serde_json::to_value(&plan).unwrap(), &mut found);
        }
    }
    let wanted = "scan filter project reduce join window lookup cap \
        integer date category flag code key \
        arithmetic divide modulo add_months compare and or not is_null in_set code_in case range_bucket remap date_part age_at extreme prefix \
        count_rows count count_if count_distinct sum mean min max truth value_by \
        row_number lag lead first last aggregate \
        count_true count_non_null any_non_null square bin even edges";
    let missing: Vec<&str> =
        wanted.split_whitespace().filter(|name| found.get(*name).copied().unwrap_or(0) < 5).collect();
    assert!(missing.is_empty(), "{missing:?}\n{found:?}");
}
