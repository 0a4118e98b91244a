//! Packages one after the other against all at once.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod common;

use std::collections::BTreeMap;

use common::worlds::{frozen, horizons, rows};
use common::{Random, Rates, counting, population};
use linkage::{Added, Identity, Linker, Settings, Strategy, resolve};
use proptest::prelude::*;

/// Persons by row, numbered by first appearance.
fn numbered(persons: impl Iterator<Item = u32>) -> Vec<u32> {
    let mut numbers = BTreeMap::new();
    persons
        .map(|person| {
            let next = numbers.len() as u32;
            *numbers.entry(person).or_insert(next)
        })
        .collect()
}

/// Links packages one by one, and says what each brought; with `kept`, through the byte form after each.
fn one_by_one(packages: &[Vec<Identity>], settings: &Settings, kept: bool) -> (Vec<u32>, Vec<Added>) {
    let mut linker = Linker::new(settings.clone());
    let mut all = Vec::new();
    for package in packages {
        all.push(linker.add(package).unwrap());
        if kept {
            linker = Linker::from_bytes(&linker.to_bytes().unwrap()).unwrap();
        }
    }
    let outcome = linker.persons(&mut counting()).unwrap();
    let rows = all.iter().flat_map(|added| &added.row_of);
    (numbered(rows.map(|&row| outcome.person_of[row as usize])), all)
}

fn at_once(packages: &[Vec<Identity>], settings: &Settings) -> Vec<u32> {
    let rows = packages.concat();
    numbered(resolve(&rows, Strategy::Sudare, settings, &mut counting()).unwrap().person_of.into_iter())
}

/// Rows in time order, cut where `cuts` says, but only between days.
fn by_day(mut rows: Vec<Identity>, cuts: &[usize]) -> Vec<Vec<Identity>> {
    rows.sort();
    let mut packages = vec![Vec::new()];
    for (at, row) in rows.iter().enumerate() {
        if at > 0 && cuts.contains(&at) && rows[at - 1].first_day < row.first_day {
            packages.push(Vec::new());
        }
        packages.last_mut().unwrap().push(row.clone());
    }
    packages
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3_000))]

    /// In time order nothing is lost, whatever the tokens say.
    #[test]
    fn in_time_order_increments_are_a_full_run(
        rows in rows(true),
        cuts in prop::collection::vec(0usize..40, 0..8),
        kept in any::<bool>(),
    ) {
        let packages = by_day(rows, &cuts);
        let (increments, added) = one_by_one(&packages, &frozen(), kept);
        prop_assert!(added.iter().all(Added::as_in_full));
        prop_assert_eq!(increments, at_once(&packages, &frozen()));
    }

    /// In any order, with screening: what differs was announced.
    #[test]
    fn a_difference_is_announced(
        rows in prop_oneof![rows(true), rows(false)],
        cuts in prop::collection::vec(0usize..40, 0..4),
        sorted in any::<bool>(),
        kept in any::<bool>(),
    ) {
        let packages = if sorted {
            by_day(rows, &cuts)
        } else {
            let mut packages = vec![Vec::new()];
            for (at, row) in rows.into_iter().enumerate() {
                if cuts.contains(&at) {
                    packages.push(Vec::new());
                }
                packages.last_mut().unwrap().push(row);
            }
            packages
        };
        let settings = Settings { max_rows_per_token: 6, max_memberships_per_token: 2, ..horizons() };
        let (increments, added) = one_by_one(&packages, &settings, kept);
        if added.iter().all(Added::as_in_full) {
            prop_assert_eq!(increments, at_once(&packages, &settings));
        }
    }
}

#[test]
fn a_population_month_by_month() {
    let people = population(21, 3_000, &Rates::default());
    let settings = Settings { horizons: (0..3).map(|source| (source, common::TO)).collect(), ..Settings::default() };
    let mut random = Random(5);
    for kept in [false, true, true] {
        let cuts: Vec<usize> = (0..150).map(|_| random.below(people.rows.len() as u64) as usize).collect();
        let packages = by_day(people.rows.clone(), &cuts);
        assert!(packages.len() > 15);
        let (increments, added) = one_by_one(&packages, &settings, kept);
        assert_eq!(added.iter().map(|added| added.late).sum::<u64>(), 0);
        if added.iter().all(Added::as_in_full) {
            assert_eq!(increments, at_once(&packages, &settings));
        }
    }
}

#[test]
fn a_token_that_outgrows_its_limit_is_announced() {
    let row = |day: i32, id1: u128| {
        let mut row =
            Identity { sex: 1, birth_month: Some(23_700), first_day: day, last_day: day, ..Identity::default() };
        row.tokens[linkage::Pass::Id1.index()] = Some(100 + id1);
        row.tokens[linkage::Pass::Id2.index()] = Some(1);
        row
    };
    let first: Vec<Identity> = (0..10).map(|at| row(18_000 + at, at as u128)).collect();
    let second: Vec<Identity> = (10..20).map(|at| row(18_000 + at, at as u128)).collect();
    let (increments, added) = one_by_one(&[first.clone(), second.clone()], &horizons(), true);
    assert_eq!((added[0].outgrown, added[1].outgrown), (0, 1));
    assert!(added[1].late == 0 && !added[1].as_in_full());
    // What was linked stays; from then on the name leads nobody anywhere.
    assert_eq!(increments.iter().filter(|&&person| person == 0).count(), 10);
    assert_eq!(increments.last(), Some(&10));
    assert_eq!(at_once(&[first, second], &horizons()).last(), Some(&19));
}

#[test]
fn a_repeated_spelling_costs_no_row_and_moves_the_time_on() {
    let mut row =
        Identity { sex: 1, birth_month: Some(23_700), first_day: 18_000, last_day: 18_000, ..Identity::default() };
    row.tokens[linkage::Pass::Id2.index()] = Some(1);
    let mut linker = Linker::new(horizons());
    for month in 0..36 {
        let day = 18_000 + 30 * month;
        let added = linker.add(&[Identity { first_day: day, last_day: day + 29, ..row.clone() }]).unwrap();
        assert_eq!((added.row_of, added.late), (vec![0], 0));
    }
    assert_eq!(linker.spellings(), 1);
    // A death in the middle of that time is somebody else's.
    let mut dead = Identity { source: 1, first_day: 18_500, last_day: 18_500, ..row.clone() };
    dead.death = Some(18_500);
    linker.add(&[dead.clone()]).unwrap();
    // A death at its end is theirs, and nobody comes back from it.
    let after = Identity { first_day: 19_400, last_day: 19_400, ..row.clone() };
    dead.first_day = 19_080;
    dead.last_day = 19_080;
    dead.death = Some(19_080);
    linker.add(&[dead]).unwrap();
    let added = linker.add(&[after]).unwrap();
    let outcome = linker.persons(&mut counting()).unwrap();
    assert_eq!(outcome.person_of[0], outcome.person_of[2]);
    assert_ne!(outcome.person_of[0], outcome.person_of[added.row_of[0] as usize]);
}

#[test]
fn ids_are_kept_from_month_to_month() {
    let people = population(22, 2_000, &Rates::default());
    let packages = by_day(people.rows.clone(), &[1_000, 2_000, 5_000, 6_000, 7_000]);
    let mut linker = Linker::new(Settings::default());
    let mut ids = counting();
    let mut rows: Vec<u32> = Vec::new();
    let mut before: Vec<(usize, u128)> = Vec::new();
    for package in &packages {
        rows.extend(linker.add(package).unwrap().row_of);
        let outcome = linker.persons(&mut ids).unwrap();
        let now: Vec<u128> =
            rows.iter().map(|&row| outcome.persons[outcome.person_of[row as usize] as usize].0).collect();
        let merged: BTreeMap<u128, u128> = outcome
            .journal
            .iter()
            .map(|decision| match *decision {
                linkage::Decision::Merge { into, absorbed, .. } => (absorbed.0, into.0),
                linkage::Decision::Split { .. } => panic!("an increment splits nobody"),
            })
            .collect();
        for &(row, id) in &before {
            assert_eq!(now[row], merged.get(&id).copied().unwrap_or(id));
        }
        assert_eq!(outcome.report.persons, outcome.persons.len() as u64);
        before = now.into_iter().enumerate().collect();
    }
}
