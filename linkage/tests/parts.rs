//! Linking in parts gives what linking in one piece gives: the same persons, ids, reviews, counts, and the same state for later packages.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod common;

use common::worlds::{frozen, horizons, rows};
use common::{Rates, counting, population};
use linkage::{
    Identity, Linker, Outcome, Pass, Screened, Settings, Strategy, Verdict, resolve_in_parts, resolve_reviewed,
};
use proptest::prelude::*;

fn same(a: &Outcome, b: &Outcome) -> Result<(), TestCaseError> {
    prop_assert_eq!(&a.person_of, &b.person_of);
    prop_assert_eq!(&a.persons, &b.persons);
    prop_assert_eq!(&a.attributes, &b.attributes);
    prop_assert_eq!(format!("{:?}", a.journal), format!("{:?}", b.journal));
    prop_assert_eq!(&a.review, &b.review);
    let (mut one, mut other) = (a.report.clone(), b.report.clone());
    // Sums of the same numbers in another order.
    for (a, b) in [(one.estimate.right, other.estimate.right), (one.estimate.missed, other.estimate.missed)] {
        prop_assert!((a - b).abs() <= 1e-9 * a.abs().max(1.0));
    }
    for report in [&mut one, &mut other] {
        (report.estimate.right, report.estimate.missed) = (0.0, 0.0);
    }
    prop_assert_eq!(one, other);
    Ok(())
}

/// New ids lie below 1,000, earlier ones above.
fn ids() -> impl FnMut() -> u128 {
    let mut next = 0;
    move || {
        next += 1;
        next
    }
}

fn settings(limit: usize) -> Settings {
    Settings { max_rows_per_token: limit, max_memberships_per_token: 2, ..horizons() }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(4_000) })]

    #[test]
    fn a_closed_set(
        rows in prop_oneof![rows(true), rows(false)],
        limit in 1usize..8,
        size in 1usize..20,
        verdicts in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), any::<bool>()), 0..4),
    ) {
        let verdicts: Vec<Verdict> = verdicts
            .iter()
            .filter(|_| !rows.is_empty())
            .map(|(a, b, same)| Verdict { row: a.index(rows.len()) as u32, other: b.index(rows.len()) as u32, same: *same })
            .collect();
        let settings = settings(limit);
        let whole = resolve_reviewed(&rows, Strategy::Sudare, &settings, &verdicts, &mut ids()).unwrap();
        let parts = resolve_in_parts(&rows, &settings, &verdicts, size, &mut ids()).unwrap();
        same(&whole, &parts)?;
    }

    /// The first rows in parts, the rest after them; through the byte form or not.
    #[test]
    fn a_linker_goes_on(
        rows in prop_oneof![rows(true), rows(false)],
        limit in 1usize..8,
        size in 1usize..20,
        cut in any::<prop::sample::Index>(),
        kept in any::<bool>(),
    ) {
        let (first, later) = rows.split_at(if rows.is_empty() { 0 } else { cut.index(rows.len()) });
        for settings in [settings(limit), frozen()] {
            let link = |parts: bool| {
                let mut linker = Linker::new(settings.clone());
                let mut added = if parts { linker.add_in_parts(first, &[], size) } else { linker.add(first) }.unwrap();
                if kept {
                    linker = Linker::from_bytes(&linker.to_bytes().unwrap()).unwrap();
                }
                let more = linker.add(later).unwrap();
                let outcome = linker.persons(&mut ids()).unwrap();
                added.row_of.extend(more.row_of);
                // Rows have other numbers: persons by the order of the input.
                let mut number = std::collections::BTreeMap::new();
                let mut person_of = Vec::new();
                for row in &added.row_of {
                    let person = outcome.person_of[*row as usize];
                    let next = number.len();
                    person_of.push(*number.entry(person).or_insert(next));
                }
                let earlier = |at: usize| outcome.persons[outcome.person_of[added.row_of[at] as usize] as usize].0;
                // Which earlier ids went on: of a linker read from bytes ties are by its own order.
                let earlier: Vec<u128> = (0..person_of.len()).map(earlier).map(|id| if id < 1_000 || kept { 0 } else { id }).collect();
                (person_of, earlier, added.repeats, more.repeats, more.late, more.outgrown, outcome.report.passes)
            };
            prop_assert_eq!(link(true), link(false));
        }
    }
}

/// One token of a source on more rows than a source may have, beside a source that uses it soundly.
#[test]
fn a_crowd_is_in_many_parts_and_leads_nobody_anywhere() {
    let mut rows = population(3, 2_000, &Rates::default()).rows;
    for (at, row) in rows.iter_mut().enumerate() {
        row.previous = None;
        if row.source == 0 || at < 40 {
            row.tokens[Pass::Individual.index()] = Some(7);
        }
    }
    let settings = Settings { max_rows_per_token: 200, ..Settings::default() };
    let whole = resolve_reviewed(&rows, Strategy::Sudare, &settings, &[], &mut counting()).unwrap();
    let parts = resolve_in_parts(&rows, &settings, &[], 50, &mut counting()).unwrap();
    same(&whole, &parts).unwrap();
    let screened = &parts.report.passes[&Pass::Individual].screened[&Screened::Frequent];
    assert_eq!(screened.iter().collect::<Vec<_>>(), [(&0, &1)]);
    let of_crowd: Vec<&Identity> = rows.iter().filter(|row| row.source == 0).collect();
    assert!(of_crowd.len() > 200);
}
