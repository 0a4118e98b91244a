//! Clerical review: verdicts are followed, within the constraints, and ids stay. Sources that guarantee one number, one person. Leave one
//! out, worked by hand.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::print_stdout)]

mod common;

use common::{Rates, population};
use linkage::{
    Decision, Identity, Outcome, Pass, Reason, Refusal, Settings, Strategy, Verdict, evaluate, leave_one_out,
    resolve_reviewed,
};

fn link(rows: &[Identity], settings: &Settings, verdicts: &[Verdict]) -> Outcome {
    let mut next = 1_000;
    let mut ids = || {
        next += 1;
        next
    };
    resolve_reviewed(rows, Strategy::Sudare, settings, verdicts, &mut ids).unwrap()
}

fn row(source: u16, day: i32, tokens: &[(Pass, u128)]) -> Identity {
    let mut row =
        Identity { source, sex: 1, birth_month: Some(23_700), first_day: day, last_day: day, ..Identity::default() };
    for &(pass, token) in tokens {
        row.tokens[pass.index()] = Some(token);
    }
    row
}

fn same(row: u32, other: u32) -> Verdict {
    Verdict { row, other, same: true }
}

fn different(row: u32, other: u32) -> Verdict {
    Verdict { row, other, same: false }
}

#[test]
fn a_verdict_joins_and_parts_with_its_reason_and_ids_stay() {
    let mut rows = vec![
        row(0, 18_000, &[(Pass::Id2, 1)]),
        row(0, 18_100, &[(Pass::Id2, 1), (Pass::Id4, 4)]),
        row(1, 18_200, &[(Pass::Id2, 2)]),
    ];
    let settings = Settings::default();
    let first = link(&rows, &settings, &[]);
    assert_eq!(first.person_of, [0, 0, 1]);
    for (row, person) in rows.iter_mut().zip(&first.person_of) {
        row.previous = Some(first.persons[*person as usize].0);
    }
    // Whatever the order in which the reviewer's file names the two.
    for verdict in [same(0, 2), same(2, 1)] {
        let joined = link(&rows, &settings, &[verdict]);
        assert_eq!(joined.person_of, [0, 0, 0]);
        assert_eq!(joined.persons[0], first.persons[0], "the id of most rows stays");
        let [Decision::Merge { into, absorbed, by, .. }] = joined.journal[..] else { panic!("{:?}", joined.journal) };
        assert_eq!((into, absorbed, by), (first.persons[0], first.persons[1], Some(Reason::Clerical)));
        assert_eq!((joined.report.verdicts_followed, joined.report.verdicts_overruled), (1, 0));
    }
    let parted = link(&rows, &settings, &[different(1, 0)]);
    assert_eq!(parted.person_of, [0, 1, 2]);
    let because = parted.journal.iter().find_map(|decision| match decision {
        Decision::Split { because, .. } => Some(*because),
        Decision::Merge { .. } => None,
    });
    assert_eq!(because, Some(Some(Refusal::Clerical)));
    // One spelling of one source is one row: there is nothing to part.
    let twice = [rows[0].clone(), Identity { first_day: 18_050, ..rows[0].clone() }];
    let outcome = link(&twice, &settings, &[different(0, 1)]);
    assert_eq!((outcome.persons.len(), outcome.report.verdicts_overruled), (1, 1));
    // A later row doesn't bring them together by a way round.
    rows.push(row(0, 18_300, &[(Pass::Id2, 1)]));
    let later = link(&rows, &settings, &[different(0, 1)]);
    assert_ne!(later.person_of[0], later.person_of[1]);
}

#[test]
fn constraints_win_over_verdicts_and_that_is_told() {
    let mut dead = row(0, 18_000, &[(Pass::Id2, 1)]);
    dead.death = Some(18_010);
    let mut woman = row(0, 18_000, &[(Pass::Id2, 3)]);
    woman.sex = 2;
    let rows = [dead, row(1, 18_900, &[(Pass::Id2, 2)]), woman];
    let outcome = link(&rows, &Settings::default(), &[same(0, 1), same(1, 2)]);
    assert_eq!(outcome.person_of, [0, 1, 2]);
    assert_eq!((outcome.report.verdicts_followed, outcome.report.verdicts_overruled), (0, 2));
    // Two reviewers who contradict each other: apart.
    let rows = [row(0, 18_000, &[(Pass::Id2, 1)]), row(0, 18_100, &[(Pass::Id2, 2)])];
    let outcome = link(&rows, &Settings::default(), &[same(0, 1), different(0, 1)]);
    assert_eq!(outcome.person_of, [0, 1]);
    assert_eq!((outcome.report.verdicts_followed, outcome.report.verdicts_overruled), (1, 1));
}

#[test]
fn a_perfect_reviewer_raises_recall_and_is_not_asked_twice() {
    let dirty = Rates { name_typo: 0.05, day_typo: 0.02, month_typo: 0.01, twins: 0.05, ..Rates::default() };
    let people = population(4_711, 5_000, &dirty);
    let settings = Settings::default();
    let first = link(&people.rows, &settings, &[]);
    assert!(!first.review.is_empty());
    let mut likely = f64::INFINITY;
    for pair in &first.review {
        assert!(pair.posterior <= likely && pair.posterior >= 0.05);
        likely = pair.posterior;
        assert_ne!(first.person_of[pair.row as usize], first.person_of[pair.other as usize]);
    }
    let truth = |row: u32| people.truth[row as usize];
    let verdict = |row: u32, other: u32| Verdict { row, other, same: truth(row) == truth(other) };
    let verdicts: Vec<Verdict> = first.review.iter().map(|pair| verdict(pair.row, pair.other)).collect();
    let second = link(&people.rows, &settings, &verdicts);
    let (a, b) =
        (evaluate(&first.person_of, &people.truth).unwrap(), evaluate(&second.person_of, &people.truth).unwrap());
    assert!(b.recall.value > a.recall.value && b.precision.value >= a.precision.value);
    let asked = |row: u32, other: u32| verdicts.iter().any(|v| (v.row, v.other) == (row, other));
    let again = second.review.iter().filter(|pair| asked(pair.row, pair.other)).count();
    assert!(again as u64 <= second.report.verdicts_overruled, "{again}");
}

#[test]
fn a_source_that_guarantees_one_number_one_person() {
    let insured = |day: i32, id1: u128| {
        let mut row = row(3, day, &[(Pass::Id1, id1), (Pass::Individual, 9)]);
        row.insurer = Some(5);
        row.coverage = Some((18_000, Some(19_000)));
        row
    };
    // Two numbers at once, and one individual number for both: a slip on the list, or two people.
    let rows = [insured(18_000, 1), insured(18_001, 2)];
    assert_eq!(link(&rows, &Settings::default(), &[]).persons.len(), 1);
    let settings = Settings { one_to_one: [3].into(), ..Settings::default() };
    let outcome = link(&rows, &settings, &[]);
    assert_eq!(outcome.persons.len(), 2);
    assert_eq!(outcome.report.passes[&Pass::Individual].refused[&Refusal::Membership], 1);
    // One after the other, it is a new number of the same person.
    let mut after = insured(19_001, 2);
    after.coverage = Some((19_001, None));
    assert_eq!(link(&[insured(18_000, 1), after], &settings, &[]).persons.len(), 1);
}

#[test]
fn leave_one_out_by_hand() {
    // Person 1's row connects the two spellings of person 0; person 2 has nothing to do with them.
    let rows = [
        row(0, 18_000, &[(Pass::Id2, 1)]),
        row(0, 18_100, &[(Pass::Id4, 2)]),
        row(0, 18_050, &[(Pass::Id2, 1), (Pass::Id4, 2)]),
        row(0, 18_000, &[(Pass::Id2, 7)]),
    ];
    let persons = [0, 0, 1, 2];
    let settings = Settings::default();
    let left = leave_one_out(&rows, &persons, &[0, 1, 2], Strategy::Sudare, &settings).unwrap();
    assert_eq!((left.persons, left.max, left.with_effect), (3, 1, 1));
    assert!((left.mean - 1.0 / 3.0).abs() < 1e-12);
    assert!(leave_one_out(&rows, &persons[1..], &[0], Strategy::Sudare, &settings).is_err());

    // On invented people hardly anybody's presence moves anybody else.
    let people = population(31, 2_000, &Rates { twins: 0.05, ..Rates::default() });
    let sample: Vec<u32> = (0..100).map(|at| at * 20).collect();
    let left = leave_one_out(&people.rows, &people.truth, &sample, Strategy::Sudare, &settings).unwrap();
    println!("leave one out: {left:?}");
    assert!(left.mean < 0.1 && left.max <= 3, "{left:?}");
}
