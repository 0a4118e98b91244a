//! The baselines on cases worked out by hand; ID0 with every tie that its documentation decides.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod common;

use common::counting;
use linkage::{Identity, LinkageError, Pass, Report, Settings, Strategy, resolve};

// First days of months of 2020.
const JAN: i32 = 18_262;
const FEB: i32 = 18_293;
const MAR: i32 = 18_322;
const APR: i32 = 18_353;

fn receipt(day: i32, id1: u128, id2: u128) -> Identity {
    let mut row = Identity { first_day: day, last_day: day + 20, ..Identity::default() };
    let token = |id: u128| (id != 0).then_some(id);
    row.tokens[Pass::Id1.index()] = token(id1);
    row.tokens[Pass::Id2.index()] = token(id2).map(|id| id + 1_000);
    row
}

fn persons(strategy: Strategy, rows: &[Identity]) -> Vec<u32> {
    resolve(rows, strategy, &Settings::default(), &mut counting()).unwrap().person_of
}

#[test]
fn exact_strategies() {
    let rows = [receipt(JAN, 1, 1), receipt(FEB, 1, 2), receipt(FEB, 2, 2), receipt(MAR, 0, 1), receipt(MAR, 0, 0)];
    assert_eq!(persons(Strategy::Id1, &rows), [0, 0, 1, 2, 3]);
    assert_eq!(persons(Strategy::Id2, &rows), [0, 1, 1, 0, 2]);
    assert_eq!(persons(Strategy::Id1OrId2, &rows), [0, 0, 0, 0, 1]);
}

#[test]
fn id0_chains_through_a_change_of_insurer_and_of_name() {
    // Insurer changes (ID1), then the name (ID2).
    let rows = [receipt(JAN, 1, 1), receipt(FEB, 2, 1), receipt(MAR, 2, 2), receipt(APR, 3, 2), receipt(APR, 9, 9)];
    assert_eq!(persons(Strategy::Id0, &rows), [0, 0, 0, 0, 1]);
    // Both at once breaks the chain.
    assert_eq!(persons(Strategy::Id0, &[receipt(JAN, 1, 1), receipt(FEB, 2, 2)]), [0, 1]);
}

#[test]
fn id0_does_not_join_namesakes_of_one_month() {
    assert_eq!(persons(Strategy::Id0, &[receipt(JAN, 1, 7), receipt(JAN, 2, 7)]), [0, 1]);
    // ID1 or ID2 does; and so does ID0 if one of them goes on into another month.
    assert_eq!(persons(Strategy::Id1OrId2, &[receipt(JAN, 1, 7), receipt(JAN, 2, 7)]), [0, 0]);
    let long = Identity { last_day: MAR, ..receipt(JAN, 2, 7) };
    assert_eq!(persons(Strategy::Id0, &[receipt(JAN, 1, 7), long]), [0, 0]);
    // The third month's receipt follows the one that carried the name last in the order of taking.
    assert_eq!(persons(Strategy::Id0, &[receipt(JAN, 1, 7), receipt(JAN, 2, 7), receipt(FEB, 3, 7)]), [0, 1, 1]);
}

#[test]
fn id0_merges_two_groups_that_one_receipt_connects() {
    let rows = [receipt(JAN, 1, 1), receipt(FEB, 2, 2), receipt(MAR, 1, 2), receipt(APR, 2, 0)];
    assert_eq!(persons(Strategy::Id0, &rows), [0, 0, 0, 0]);
}

#[test]
fn id0_is_cut_by_death() {
    let dead = |row: Identity| Identity { death: Some(row.first_day + 10), ..row };
    // The same month is still the same person; later months are a new one, which takes over ID1 and ID2.
    let rows =
        [dead(receipt(JAN, 1, 1)), receipt(JAN, 1, 1), receipt(FEB, 1, 1), receipt(MAR, 2, 1), receipt(APR, 1, 5)];
    assert_eq!(persons(Strategy::Id0, &rows), [0, 0, 1, 1, 1]);
    // A group that goes on isn't merged with one that died: ID1 prevails.
    let rows = [dead(receipt(FEB, 1, 1)), receipt(JAN, 2, 2), receipt(MAR, 2, 1)];
    assert_eq!(persons(Strategy::Id0, &rows), [0, 1, 1]);
}

#[test]
fn names_and_reports_go_round() {
    for strategy in Strategy::ALL {
        assert_eq!(strategy.to_string().parse::<Strategy>().unwrap(), strategy);
        let outcome = resolve(&[receipt(JAN, 1, 1)], strategy, &Settings::default(), &mut counting()).unwrap();
        let json = serde_json::to_string(&outcome.report).unwrap();
        assert_eq!(serde_json::from_str::<Report>(&json).unwrap(), outcome.report);
    }
    assert!(matches!("ID0".parse::<Strategy>(), Err(LinkageError::Strategy)));
    let mut settings = Settings::default();
    settings.horizons.insert(3, APR);
    let json = serde_json::to_string(&settings).unwrap();
    assert_eq!(serde_json::from_str::<Settings>(&json).unwrap(), settings);
    assert!(serde_json::from_str::<Settings>("{\"grace\": 1}").is_err(), "unknown parameters are refused");
    assert_eq!(serde_json::from_str::<Settings>("{}").unwrap(), Settings::default());
}

#[test]
fn no_rows_no_persons() {
    for strategy in Strategy::ALL {
        let outcome = resolve(&[], strategy, &Settings::default(), &mut counting()).unwrap();
        assert!(outcome.persons.is_empty() && outcome.journal.is_empty());
    }
}

#[test]
fn debug_shows_no_token() {
    let text = format!("{:?}", Identity { previous: Some(123_456), ..receipt(JAN, 987_654, 1) });
    assert!(!text.contains("987654") && !text.contains("123456") && !text.contains("18262"), "{text}");
}
