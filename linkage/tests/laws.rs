//! Laws of linkage, on random small worlds where tokens collide often.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod common;

use std::collections::{BTreeMap, BTreeSet};

use common::worlds::{frozen, row, rows};
use common::{Random, Rates, population};
use linkage::{Decision, Identity, Outcome, Pass, Reason, Refusal, Settings, Strategy, evaluate, resolve};
use proptest::prelude::*;

fn link(rows: &[Identity], strategy: Strategy, settings: &Settings) -> Outcome {
    // New ids lie below 1,000 and never meet those of an earlier run, as random ones don't.
    let mut last = rows.iter().filter_map(|row| row.previous).filter(|id| *id < 1_000).max().unwrap_or_default();
    let mut ids = || {
        last += 1;
        last
    };
    resolve(rows, strategy, settings, &mut ids).unwrap()
}

/// The partition as a set of sets of rows, by content.
fn sets(rows: &[Identity], person_of: &[u32]) -> Vec<Vec<Identity>> {
    let mut sets: BTreeMap<u32, Vec<Identity>> = BTreeMap::new();
    for (row, person) in rows.iter().zip(person_of) {
        sets.entry(*person).or_default().push(row.clone());
    }
    let mut sets: Vec<_> = sets.into_values().collect();
    sets.iter_mut().for_each(|set| set.sort());
    sets.sort();
    sets
}

fn slip(a: i32, b: i32) -> bool {
    a % 12 == b % 12 || a / 12 == b / 12
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn the_order_of_the_input_is_nothing(rows in prop_oneof![rows(true), rows(false)], seed in any::<u64>()) {
        let mut shuffled = rows.clone();
        let mut random = Random(seed);
        for at in (1..shuffled.len()).rev() {
            shuffled.swap(at, random.below(at as u64 + 1) as usize);
        }
        for strategy in Strategy::ALL {
            let (a, b) = (
                link(&rows, strategy, &Settings::default()),
                link(&shuffled, strategy, &Settings::default()),
            );
            prop_assert_eq!(sets(&rows, &a.person_of), sets(&shuffled, &b.person_of), "{}", strategy);
            let kept = |rows: &[Identity], outcome: &Outcome| {
                let id = |p: &u32| outcome.persons[*p as usize].0;
                let mut kept: Vec<(Identity, u128)> =
                    rows.iter().cloned().zip(outcome.person_of.iter().map(id)).filter(|(_, id)| *id >= 1_000).collect();
                kept.sort();
                kept
            };
            prop_assert_eq!(kept(&rows, &a), kept(&shuffled, &b), "{}", strategy);
            prop_assert_eq!(&a.report.passes, &b.report.passes);
        }
    }

    #[test]
    fn nobody_has_two_sexes_or_unrelated_birthdays_or_two_insurers_or_a_life_after_death(rows in prop_oneof![rows(true), rows(false)]) {
        let settings = frozen();
        let outcome = link(&rows, Strategy::Sudare, &settings);
        for set in sets(&rows, &outcome.person_of) {
            let sexes: BTreeSet<u8> = set.iter().map(|r| r.sex).filter(|sex| matches!(sex, 1 | 2)).collect();
            // The other sex only by name and number without sex, born in the same month.
            let slipped = set.iter().enumerate().any(|(at, a)| {
                let fits = |b: &Identity| {
                    a.token(Pass::Birth) == b.token(Pass::Birth) && a.birth_month.zip(b.birth_month).is_none_or(|(a, b)| a == b)
                };
                a.token(Pass::Birth).is_some() && set[at + 1..].iter().any(fits)
            });
            prop_assert!(sexes.len() <= 1 || slipped);
            let births: Vec<i32> = set.iter().filter_map(|r| r.birth_month).collect::<BTreeSet<_>>().into_iter().collect();
            prop_assert!(births.len() <= 2);
            if let [a, b] = births[..] {
                prop_assert!(slip(a, b));
            }
            let end = |r: &Identity| r.last_day.max(r.first_day);
            let credible = |r: &&Identity| r.death.is_some_and(|day| day + settings.death_grace_days >= end(r));
            let death = set.iter().filter(credible).filter_map(|r| r.death).min();
            let last = set.iter().map(end).max().unwrap();
            prop_assert!(death.is_none_or(|day| day + settings.death_grace_days >= last));
            // Closed coverage only: an open one may have been closed by another row.
            let periods: Vec<(u64, i32, i32)> = set
                .iter()
                .filter_map(|r| Some((r.insurer?, r.coverage?.0, r.coverage?.1?)))
                .collect();
            for (a, b) in periods.iter().flat_map(|a| periods.iter().map(move |b| (a, b))) {
                let overlap = a.2.min(b.2) - a.1.max(b.1);
                prop_assert!(a.0 == b.0 || overlap <= settings.parallel_grace_days);
            }
        }
    }

    #[test]
    fn a_row_that_comes_later_splits_nobody(rows in rows(true), mut more in row(true)) {
        more.first_day += 10_000;
        more.last_day += 10_000;
        let settings = frozen();
        for strategy in [Strategy::Id1, Strategy::Id2, Strategy::Id1OrId2, Strategy::Id0, Strategy::Sudare] {
            let before = link(&rows, strategy, &settings);
            let mut all = rows.clone();
            all.push(more.clone());
            let after = link(&all, strategy, &settings);
            let mut now: BTreeMap<u32, u32> = BTreeMap::new();
            for (was, is) in before.person_of.iter().zip(&after.person_of) {
                prop_assert_eq!(*now.entry(*was).or_insert(*is), *is, "{}", strategy);
            }
        }
    }

    #[test]
    fn unions_only_where_a_token_is_shared(rows in prop_oneof![rows(true), rows(false)]) {
        // Every person is connected by tokens: no merge without evidence.
        let outcome = link(&rows, Strategy::Sudare, &frozen());
        for set in sets(&rows, &outcome.person_of) {
            let mut reached = vec![false; set.len()];
            reached[0] = true;
            for _ in 0..set.len() {
                for at in 0..set.len() {
                    let near = |other: usize| {
                        set[at].tokens.iter().zip(&set[other].tokens).any(|(a, b)| a.is_some() && a == b)
                    };
                    reached[at] = reached[at] || (0..set.len()).any(|other| reached[other] && near(other));
                }
            }
            prop_assert!(reached.into_iter().all(|row| row));
        }
        // And never coarser than the closure of all tokens; ID1 alone is never coarser than ID1 or ID2.
        let both = link(&rows, Strategy::Id1OrId2, &frozen());
        for strategy in [Strategy::Id1, Strategy::Id2, Strategy::Id0] {
            let fine = link(&rows, strategy, &frozen());
            let mut coarse: BTreeMap<u32, u32> = BTreeMap::new();
            for (a, b) in fine.person_of.iter().zip(&both.person_of) {
                prop_assert_eq!(*coarse.entry(*a).or_insert(*b), *b);
            }
        }
    }

    #[test]
    fn ids_are_kept_and_never_shared(rows in prop_oneof![rows(true), rows(false)]) {
        for strategy in Strategy::ALL {
            let outcome = link(&rows, strategy, &Settings::default());
            let distinct: BTreeSet<u128> = outcome.persons.iter().map(|id| id.0).collect();
            prop_assert_eq!(distinct.len(), outcome.persons.len());
            let known: BTreeSet<u128> = rows.iter().filter_map(|row| row.previous).collect();
            for (person, id) in (0u32..).zip(&outcome.persons) {
                let of = |(row, p): (&Identity, &u32)| (*p == person).then_some(row.previous).flatten();
                let here: BTreeSet<u128> = rows.iter().zip(&outcome.person_of).filter_map(of).collect();
                // A kept id is one that a row of the person had.
                prop_assert!(here.contains(&id.0) || !known.contains(&id.0));
            }
            // The journal says of every earlier id that some row has left where that row went.
            let left: BTreeSet<(u128, u128)> = rows
                .iter()
                .zip(&outcome.person_of)
                .filter_map(|(row, p)| Some((row.previous?, outcome.persons[*p as usize].0)))
                .filter(|(was, is)| was != is)
                .collect();
            let told: BTreeSet<(u128, u128)> = outcome.journal.iter().map(|decision| match *decision {
                Decision::Merge { into, absorbed, .. } => (absorbed.0, into.0),
                Decision::Split { from, to, .. } => (from.0, to.0),
            }).collect();
            prop_assert_eq!(told.len(), outcome.journal.len());
            prop_assert_eq!(left, told);
            // Running again with what came out changes nothing.
            let mut again = rows.clone();
            for (row, p) in again.iter_mut().zip(&outcome.person_of) {
                row.previous = Some(outcome.persons[*p as usize].0);
            }
            let second = link(&again, strategy, &Settings::default());
            if sets(&again, &second.person_of) == sets(&again, &outcome.person_of) {
                prop_assert_eq!(&second.persons, &outcome.persons);
                prop_assert!(second.journal.is_empty());
                prop_assert_eq!(second.report.ids_new, 0);
            }
        }
    }
}

#[test]
fn merges_and_splits_carry_their_reason() {
    let old = |id: u128, day: i32, pass: Pass, token: u128| {
        let mut row = Identity { first_day: day, last_day: day, previous: Some(id), sex: 1, ..Identity::default() };
        row.tokens[pass.index()] = Some(token);
        row
    };
    // Two rows of 7 and one of 8, brought together by a name; then a death found out parts them.
    let other = Identity { source: 1, ..old(8, 18_500, Pass::Id2, 1) };
    let mut rows = vec![old(7, 18_000, Pass::Id2, 1), old(7, 18_400, Pass::Id2, 1), other];
    let outcome = link(&rows, Strategy::Sudare, &Settings::default());
    let id = outcome.persons[0];
    assert_eq!((outcome.persons.len(), id.0), (1, 7));
    let [Decision::Merge { into, absorbed, by, weight }] = outcome.journal[..] else { panic!("{:?}", outcome.journal) };
    assert_eq!((into, absorbed.0, by), (id, 8, Some(Reason::Pass(Pass::Id2))));
    // What the kanji name weighs, in the model's file: log2(m/u).
    assert!(weight.is_some_and(|bits| (bits - (0.360945_f64 / 0.0000032363).log2()).abs() < 1e-6), "{weight:?}");
    for row in &mut rows {
        row.previous = Some(7);
    }
    rows[0].death = Some(18_010);
    let outcome = link(&rows, Strategy::Sudare, &Settings::default());
    assert_eq!(outcome.person_of, [0, 1, 1]);
    assert_eq!(outcome.persons[1].0, 7, "the id stays with most of the rows");
    let [Decision::Split { from, to, because }] = outcome.journal[..] else { panic!("{:?}", outcome.journal) };
    assert_eq!((from.0, to, because), (7, outcome.persons[0], Some(Refusal::Death)));
    let parquet = linkage::journal::to_parquet(&outcome.journal).unwrap();
    assert_eq!(linkage::journal::from_parquet(&parquet).unwrap(), outcome.journal);
}

#[test]
fn attributes_are_the_majority() {
    let mut people = population(5, 500, &Rates { month_typo: 0.05, ..Rates::default() });
    let outcome = link(&people.rows, Strategy::Sudare, &Settings::default());
    let quality = evaluate(&outcome.person_of, &people.truth).unwrap();
    assert!(quality.precision.value > 0.999);
    for (person, attributes) in (0u32..).zip(&outcome.attributes) {
        let of = |(row, p): (&Identity, &u32)| (*p == person).then(|| row.birth_month.unwrap());
        let months: Vec<i32> = people.rows.iter().zip(&outcome.person_of).filter_map(of).collect();
        let votes = |month: i32| months.iter().filter(|&&m| m == month).count();
        let own = attributes.birth_month.unwrap();
        assert!(months.iter().all(|&month| (votes(month), -month) <= (votes(own), -own)));
        assert!(matches!(attributes.sex, 1 | 2));
    }
    people.rows.iter_mut().for_each(|row| row.sex = 9);
    let outcome = link(&people.rows, Strategy::Sudare, &Settings::default());
    assert!(outcome.attributes.iter().all(|attributes| attributes.sex == 0));
}
