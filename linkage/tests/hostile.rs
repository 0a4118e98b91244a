//! Over-merging: what one broken or hostile source, or one odd row, must not be able to do.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod common;

use std::time::{Duration, Instant};

use common::{Random, Rates, counting, hash, population};
use linkage::{Identity, Outcome, Pass, Refusal, Screened, Settings, Strategy, evaluate, resolve};

fn link(rows: &[Identity]) -> Outcome {
    resolve(rows, Strategy::Sudare, &Settings::default(), &mut counting()).unwrap()
}

fn person(source: u16, day: i32, tokens: &[(Pass, u128)]) -> Identity {
    let mut row =
        Identity { source, sex: 2, birth_month: Some(23_700), first_day: day, last_day: day, ..Identity::default() };
    for &(pass, token) in tokens {
        row.tokens[pass.index()] = Some(token);
    }
    row
}

fn covered(mut row: Identity, insurer: u64, from: i32, to: Option<i32>) -> Identity {
    row.insurer = Some(insurer);
    row.coverage = Some((from, to));
    row
}

#[test]
fn one_token_a_million_times() {
    for pass in Pass::ALL {
        let many = if pass == Pass::Individual { 1_000_000 } else { 100_000 };
        let mut rows: Vec<Identity> = (0..many).map(|at| person(0, 19_000 + at % 700, &[(pass, 42)])).collect();
        rows.extend([person(1, 19_000, &[(pass, 42)]), person(1, 19_400, &[(pass, 42)])]);
        let start = Instant::now();
        let outcome = link(&rows);
        assert!(start.elapsed() < Duration::from_secs(20), "{pass:?}: {:?}", start.elapsed());
        let screened = &outcome.report.passes[&pass].screened;
        assert_eq!(screened[&Screened::Frequent][&0], 1);
        // Judged per source: the honest one keeps its use of the token, as far as the pass carries it.
        let (a, b) = (outcome.person_of[rows.len() - 2], outcome.person_of[rows.len() - 1]);
        let alone = matches!(pass, Pass::Marriage | Pass::Birth);
        assert_eq!(a == b, !alone, "{pass:?}");
        let first = outcome.person_of[..rows.len() - 2].iter().filter(|&&p| p == a).count();
        assert_eq!(first, 0, "{pass:?}");
    }
}

#[test]
fn one_individual_number_for_everybody() {
    let mut people = population(7, 3_000, &Rates::default());
    let honest = link(&people.rows);
    for row in people.rows.iter_mut().filter(|row| row.source == 1) {
        row.tokens[Pass::Individual.index()] = Some(9);
    }
    let outcome = link(&people.rows);
    let quality = evaluate(&outcome.person_of, &people.truth).unwrap();
    assert!(quality.precision.value > 0.9999, "{:?}", quality.precision);
    assert!(!outcome.report.passes[&Pass::Individual].screened.is_empty());
    let before = evaluate(&honest.person_of, &people.truth).unwrap();
    assert!(quality.recall.value > before.recall.value - 0.01);
}

#[test]
fn a_default_name_and_birthday_names_nobody() {
    // 不明, 1900-01-01: one sex, one birth month, many insured numbers.
    let rows: Vec<Identity> =
        (0..40).map(|at| person(0, 19_000, &[(Pass::Id2, 1), (Pass::Id4, 2), (Pass::Id1, 100 + at)])).collect();
    assert_eq!(link(&rows).persons.len(), 40);
}

#[test]
fn no_bridge_between_strangers() {
    let stranger = |source, day, salt: u128| {
        person(
            source,
            day,
            &[(Pass::Member, salt), (Pass::Id1, salt + 1), (Pass::Id2, salt + 2), (Pass::Id4, salt + 3)],
        )
    };
    let a = stranger(0, 19_000, 100);
    let b = stranger(1, 19_010, 200);
    for tokens in [
        vec![(Pass::Member, 100), (Pass::Id2, 202)],
        vec![(Pass::Member, 100), (Pass::Id2, 202), (Pass::Id4, 203)],
        vec![(Pass::Id1, 101), (Pass::Id4, 203)],
        vec![(Pass::Id2, 102), (Pass::Id4, 203)],
        vec![(Pass::Member, 100), (Pass::Member, 100), (Pass::Individual, 5), (Pass::Id4, 203)],
    ] {
        for day in [18_000, 19_005, 19_500] {
            let bridge = person(2, day, &tokens);
            let outcome = link(&[a.clone(), b.clone(), bridge.clone()]);
            assert_ne!(outcome.person_of[0], outcome.person_of[1], "{tokens:?} {day}");
            // Nor does sending it often help.
            let mut rows = vec![a.clone(), b.clone()];
            rows.extend((0..50).map(|at| Identity { first_day: day + at, last_day: day + at, ..bridge.clone() }));
            let outcome = link(&rows);
            assert_ne!(outcome.person_of[0], outcome.person_of[1], "{tokens:?} {day} ×50");
        }
    }
}

#[test]
fn a_row_of_unknown_sex_and_birth_joins_no_opposites() {
    let mut man = person(0, 19_000, &[(Pass::Individual, 1)]);
    man.sex = 1;
    let woman = person(1, 19_001, &[(Pass::Individual, 1)]);
    let mut unknown = person(2, 19_002, &[(Pass::Individual, 1)]);
    unknown.sex = 0;
    unknown.birth_month = None;
    for rows in [[&man, &woman, &unknown], [&unknown, &man, &woman]] {
        let rows = rows.map(Clone::clone);
        let outcome = link(&rows);
        let of = |sex| outcome.person_of[rows.iter().position(|row| row.sex == sex).unwrap()];
        assert_ne!(of(1), of(2));
    }
}

#[test]
fn twins_under_one_id1_stay_two() {
    let twin = |branch: u128, names: u128, day| {
        person(
            0,
            day,
            &[
                (Pass::Id1, 1),
                (Pass::Member, branch),
                (Pass::Id2, names),
                (Pass::Id4, names + 1),
                (Pass::Marriage, names + 2),
            ],
        )
    };
    let nameless = person(0, 19_100, &[(Pass::Id1, 1)]);
    let kana = person(0, 19_100, &[(Pass::Id1, 1), (Pass::Id4, 21)]);
    let renamed = person(0, 19_100, &[(Pass::Id1, 1), (Pass::Id4, 77), (Pass::Marriage, 12)]);
    let outcome = link(&[twin(5, 10, 19_000), twin(6, 20, 19_001), nameless, kana, renamed]);
    assert_eq!(outcome.person_of, [0, 1, 2, 1, 0]);
    let refused = &outcome.report.passes[&Pass::Id1].refused;
    assert!(refused[&Refusal::Twins] >= 1 && refused[&Refusal::Ambiguous] >= 2);
}

#[test]
fn namesakes_with_two_insurers_at_once_stay_two() {
    let names = [(Pass::Id2, 1), (Pass::Id4, 2)];
    let a = covered(person(0, 18_000, &names), 1, 18_000, None);
    let b = covered(person(1, 18_500, &names), 2, 18_500, None);
    let log = person(2, 18_600, &names);
    let mut settings = Settings::default();
    settings.horizons.extend([(0, 19_800), (1, 19_800)]);
    let rows = [a.clone(), b.clone(), log];
    let outcome = resolve(&rows, Strategy::Sudare, &settings, &mut counting()).unwrap();
    // The lifelog row could be either's and so is nobody's.
    assert_eq!(outcome.person_of, [0, 1, 2]);
    assert_eq!(outcome.report.passes[&Pass::Id2].refused[&Refusal::Parallel], 1);
    // A late notice of leaving is no conflict; nor is a list that was drawn before the change.
    for (end, drawn) in [(Some(18_540), 19_800), (None, 18_400)] {
        let a = covered(a.clone(), 1, 18_000, end);
        settings.horizons.insert(0, drawn);
        let outcome = resolve(&[a, b.clone()], Strategy::Sudare, &settings, &mut counting()).unwrap();
        assert_eq!(outcome.person_of, [0, 0]);
    }
}

#[test]
fn the_dead_do_not_come_back() {
    let names = [(Pass::Id2, 1), (Pass::Id4, 2)];
    let mut dead = person(0, 18_000, &names);
    dead.death = Some(18_100);
    let soon = person(1, 18_130, &names);
    let late = person(1, 18_400, &names);
    assert_eq!(link(&[dead.clone(), soon]).person_of, [0, 0]);
    let outcome = link(&[dead.clone(), late]);
    assert_eq!(outcome.person_of, [0, 1]);
    assert_eq!(outcome.report.passes[&Pass::Id2].refused[&Refusal::Death], 1);
    // A death that its own row contradicts is not believed.
    dead.last_day = 19_000;
    let outcome = link(&[dead, person(1, 18_400, &names)]);
    assert_eq!((outcome.person_of, outcome.report.deaths_disbelieved), (vec![0, 0], 1));
}

#[test]
fn hints_need_support() {
    let old = |pass| covered(person(0, 18_000, &[(pass, 1), (Pass::Id4, 5)]), 1, 18_000, Some(18_500));
    for pass in [Pass::Marriage, Pass::Birth] {
        let mut new = person(1, 18_510, &[(pass, 1), (Pass::Id4, 6)]);
        assert_eq!(link(&[old(pass), new.clone()]).person_of, [0, 1], "{pass:?} alone");
        new.insurer = Some(1);
        assert_eq!(link(&[old(pass), new.clone()]).person_of, [0, 0], "{pass:?}, same insurer");
        new.insurer = Some(2);
        assert_eq!(link(&[old(pass), new]).person_of, [0, 1], "{pass:?}, other insurer");
    }
    let new = covered(person(1, 18_510, &[(Pass::Marriage, 1), (Pass::Id4, 6)]), 2, 18_510, None);
    assert_eq!(link(&[old(Pass::Marriage), new]).person_of, [0, 0], "married into another insurer");
    // A birth month wrong by ten years joins; wrong in year and month it doesn't.
    for (month, same) in [(23_700 + 120, true), (23_700 + 3, true), (23_700 + 13, false)] {
        let mut slip = covered(person(0, 18_400, &[(Pass::Birth, 1)]), 1, 0, None);
        slip.coverage = None;
        slip.birth_month = Some(month);
        let outcome = link(&[old(Pass::Birth), slip]);
        assert_eq!(outcome.persons.len() == 1, same, "{month}");
    }
}

#[test]
fn forged_persons_cost_time_linearly_and_cannot_crowd_others_out() {
    // One source leads every token to as many conflicting people as it can.
    let mut random = Random(3);
    let mut rows = Vec::new();
    for at in 0..400_000u128 {
        let token = at % 500;
        let mut row = person(0, 18_000 + random.day(900), &[(Pass::Individual, token), (Pass::Id4, 1_000 + token)]);
        row = covered(row, random.below(50), 17_000, Some(19_000));
        row.tokens[Pass::Id1.index()] = Some(hash(at));
        rows.push(row);
    }
    let honest = [person(1, 19_000, &[(Pass::Individual, 7)]), person(1, 19_001, &[(Pass::Individual, 7)])];
    rows.extend(honest);
    let start = Instant::now();
    let outcome = link(&rows);
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
    let last = &outcome.person_of[400_000..];
    assert_eq!(last[0], last[1]);
}

/// What a forger knows of two strangers: any of their tokens. Rows that carry tokens of both, in any number, order and source, make them
/// one only where the forger is the insurer of one of them and says so with number and name at once, which is what it may say.
#[test]
fn no_forged_rows_bridge_two_strangers_whatever_they_carry() {
    let stranger = |day, source, salt: u128, given: &[Pass]| {
        let all = [Pass::Member, Pass::Id1, Pass::Id2, Pass::Id4, Pass::Marriage, Pass::Birth];
        let tokens: Vec<(Pass, u128)> =
            all.into_iter().filter(|pass| given.contains(pass)).map(|pass| (pass, salt + pass as u128)).collect();
        person(source, day, &tokens)
    };
    let sets: [&[Pass]; 4] = [
        &[Pass::Member, Pass::Id1, Pass::Id2, Pass::Id4],
        &[Pass::Id1, Pass::Id2],
        &[Pass::Id1, Pass::Id4],
        &[Pass::Id1, Pass::Id2, Pass::Id4],
    ];
    for given in sets {
        for numbers in [&[Pass::Id1][..], &[Pass::Member, Pass::Id1]] {
            for names in [&[Pass::Id2][..], &[Pass::Id4], &[Pass::Id2, Pass::Id4]] {
                for at in [18_000, 19_005, 19_500] {
                    let mut tokens: Vec<(Pass, u128)> =
                        numbers.iter().map(|pass| (*pass, 100 + *pass as u128)).collect();
                    tokens.extend(names.iter().map(|pass| (*pass, 200 + *pass as u128)));
                    let rows = |times: i32| {
                        let mut rows = vec![stranger(19_000, 0, 100, given), stranger(19_010, 1, 200, given)];
                        rows.extend((0..times).map(|n| person(2, at + n, &tokens)));
                        rows
                    };
                    for times in [1, 2, 30] {
                        let outcome = link(&rows(times));
                        let told = format!("{given:?} {numbers:?} {names:?} {at} ×{times}");
                        assert_ne!(outcome.person_of[0], outcome.person_of[1], "{told}");
                    }
                }
            }
        }
    }
}

/// Forged persons whose rows look like misspellings of real ones cost nobody their id, and join nobody to anybody.
#[test]
fn forged_misspellings_move_nobody() {
    let people = population(21, 2_000, &Rates::default());
    let honest = link(&people.rows);
    let mut rows = people.rows.clone();
    for (at, row) in people.rows.iter().enumerate().filter(|(_, row)| row.token(Pass::Id1).is_some()).take(2_000) {
        let mut forged = Identity { source: 9, coverage: None, first_day: row.first_day - 30, ..row.clone() };
        forged.last_day = forged.first_day;
        for pass in [Pass::Member, Pass::Id4, Pass::Marriage, Pass::Birth, Pass::Individual] {
            forged.tokens[pass.index()] = None;
        }
        forged.tokens[Pass::Id2.index()] = Some(hash(("forged", at)));
        rows.push(forged);
    }
    let outcome = link(&rows);
    let honest_rows = &outcome.person_of[..people.rows.len()];
    let (before, after) =
        (evaluate(&honest.person_of, &people.truth).unwrap(), evaluate(honest_rows, &people.truth).unwrap());
    assert!(after.precision.value >= before.precision.value - 1e-4, "{:?} {:?}", before.precision, after.precision);
    assert!(after.recall.value >= before.recall.value - 0.01, "{:?} {:?}", before.recall, after.recall);
}
