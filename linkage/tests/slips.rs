//! Errors of writing that the passes carry: another sex, another birth month. What they must not do: join a twin, a couple, a bridge.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::print_stdout)]

mod common;

use common::{Rates, counting, hash, population};
use linkage::{Identity, Linker, Outcome, Pass, Refusal, Settings, Strategy, evaluate, resolve};

/// As an insurer writes somebody of a family under one number.
#[derive(Clone, Copy)]
struct Who {
    family: u64,
    given: u64,
    branch: u64,
    sex: u8,
    birth: i32,
}

const BROTHER: Who = Who { family: 1, given: 10, branch: 3, sex: 1, birth: 23_700 };
const SISTER: Who = Who { family: 1, given: 11, branch: 4, sex: 2, birth: 23_700 };

fn row(who: Who, day: i32, kana: bool) -> Identity {
    let Who { family, given, branch, sex, birth } = who;
    let mut row = Identity {
        sex,
        birth_month: Some(birth),
        first_day: day,
        last_day: day,
        insurer: Some(1),
        ..Identity::default()
    };
    let dated = (birth, sex);
    let mut set = |pass: Pass, token: u128| row.tokens[pass.index()] = Some(token);
    set(Pass::Member, hash(("member", branch, dated)));
    set(Pass::Id1, hash(("id1", dated)));
    set(Pass::Id2, hash(("id2", family, given, dated)));
    if kana {
        set(Pass::Id4, hash(("id4", family, given, dated)));
        set(Pass::Marriage, hash(("marriage", given, dated)));
        set(Pass::Birth, hash(("birth", family, given)));
    }
    row
}

fn link(rows: &[Identity]) -> Outcome {
    resolve(rows, Strategy::Sudare, &Settings::default(), &mut counting()).unwrap()
}

fn wrong(who: Who) -> Who {
    Who { sex: 3 - who.sex, ..who }
}

#[test]
fn a_wrong_sex_finds_its_person_and_not_the_twin_of_that_sex() {
    let mut rows = vec![
        row(BROTHER, 19_000, true),
        row(SISTER, 19_001, true),
        row(wrong(BROTHER), 19_100, true),
        row(wrong(SISTER), 19_101, true),
        row(BROTHER, 19_200, false),
        row(SISTER, 19_201, false),
    ];
    assert_eq!(link(&rows).person_of, [0, 1, 0, 1, 0, 1]);
    // Most rows say which it is.
    let outcome = link(&rows);
    assert_eq!([outcome.attributes[0].sex, outcome.attributes[1].sex], [1, 2]);
    // Whichever comes first.
    for row in &mut rows[2..4] {
        (row.first_day, row.last_day) = (18_000, 18_000);
    }
    assert_eq!(link(&rows).person_of, [0, 1, 0, 1, 0, 1]);
    // The slip leads the sister's nameless claims nowhere but to her.
    let mut nameless = row(SISTER, 19_300, false);
    nameless.tokens[Pass::Id2.index()] = None;
    nameless.tokens[Pass::Member.index()] = None;
    let known = [row(BROTHER, 19_000, true), row(BROTHER, 19_001, false)];
    assert_eq!(link(&[&known[..], &[row(wrong(BROTHER), 19_100, true), nameless]].concat()).person_of, [0, 0, 0, 1]);
}

#[test]
fn a_couple_of_one_reading_is_two() {
    // ひかる and 光, both ヒカル, under one number; born in other months, or nobody knows when.
    let husband = Who { given: 10, ..BROTHER };
    for months in [1, 12, 25] {
        let wife = Who { sex: 2, birth: husband.birth + months, ..husband };
        let outcome = link(&[row(husband, 19_000, true), row(wife, 19_100, true)]);
        assert_eq!(outcome.person_of, [0, 1], "{months}");
        assert_eq!(outcome.report.passes[&Pass::Birth].refused[&Refusal::Sex], 1);
    }
    let mut unknown = row(Who { sex: 2, ..husband }, 19_100, true);
    unknown.birth_month = None;
    assert_eq!(link(&[row(husband, 19_000, true), unknown]).person_of, [0, 1]);
}

#[test]
fn another_sex_bridges_nobody() {
    // A row that is somebody's by number and name carries the kana name and number of a person of the other sex.
    let stranger = Who { family: 7, given: 70, branch: 9, sex: 2, birth: 23_700 };
    let mut hers = row(stranger, 19_001, true);
    hers.tokens[Pass::Id1.index()] = Some(77);
    let mut bridge = Identity { first_day: 19_100, last_day: 19_100, source: 3, ..hers.clone() };
    bridge.tokens[Pass::Birth.index()] = row(BROTHER, 0, true).tokens[Pass::Birth.index()];
    let outcome = link(&[row(BROTHER, 19_000, true), hers, bridge]);
    assert_eq!(outcome.person_of, [0, 1, 1]);
}

#[test]
fn nobody_is_joined_without_the_setting() {
    let rows = [row(BROTHER, 19_000, true), row(wrong(BROTHER), 19_100, true)];
    let settings = Settings { sex_slips: false, ..Settings::default() };
    assert_eq!(resolve(&rows, Strategy::Sudare, &settings, &mut counting()).unwrap().person_of, [0, 1]);
    // An individual number alone carries no other sex: it may be the spouse's.
    let mut rows = [row(BROTHER, 19_000, false), row(wrong(BROTHER), 19_100, false)];
    rows.iter_mut().for_each(|row| row.tokens[Pass::Individual.index()] = Some(5));
    assert_eq!(link(&rows).person_of, [0, 1]);
}

#[test]
fn a_slip_survives_the_byte_form() {
    let mut linker = Linker::new(Settings::default());
    linker.add(&[row(BROTHER, 19_000, true), row(SISTER, 19_000, true), row(wrong(BROTHER), 19_100, true)]).unwrap();
    let mut again = Linker::from_bytes(&linker.to_bytes().unwrap()).unwrap();
    for linker in [&mut linker, &mut again] {
        linker.add(&[row(BROTHER, 19_200, false), row(wrong(SISTER), 19_201, true)]).unwrap();
    }
    let persons = |linker: &mut Linker| linker.persons(&mut counting()).unwrap().person_of;
    assert_eq!(persons(&mut linker), persons(&mut again));
    assert_eq!(persons(&mut again), [0, 1, 0, 0, 1]);
}

/// A maiden name in one place, the married one on the insurer's list: the insurer's own claim under the old name says who she is. A twin's
/// claim with a 枝番 of her own doesn't.
#[test]
fn a_claim_with_branch_and_maiden_name_explains_who_has_no_branch() {
    let wife = Who { family: 2, given: 20, branch: 2, sex: 2, birth: 23_500 };
    let maiden = Who { family: 3, ..wife };
    let mut lifelog = row(maiden, 19_500, true);
    lifelog.source = 2;
    lifelog.tokens[Pass::Member.index()] = None;
    lifelog.tokens[Pass::Marriage.index()] = None;
    let mut claim = row(maiden, 19_600, true);
    claim.tokens[Pass::Marriage.index()] = None;
    assert_eq!(link(&[row(wife, 19_000, true), lifelog.clone()]).person_of, [0, 1]);
    assert_eq!(link(&[row(wife, 19_000, true), lifelog.clone(), claim.clone()]).person_of, [0, 0, 0]);
    // Another source can't say so.
    let other = Identity { source: 4, ..claim.clone() };
    assert_eq!(link(&[row(wife, 19_000, true), lifelog.clone(), other]).person_of[..2], [0, 1]);
    // Nor can it of somebody whom the list knows under another 枝番.
    let twin = Who { branch: 7, ..maiden };
    let mut twins = vec![row(wife, 19_000, true), row(twin, 19_001, true), lifelog, claim];
    for row in &mut twins {
        row.tokens[Pass::Marriage.index()] = None;
    }
    let found = link(&twins).person_of;
    assert_ne!(found[0], found[1]);
}

#[test]
fn wrong_sexes_are_found_at_the_same_precision() {
    for (seed, twins) in [(90_011, 0.01), (90_012, 0.2)] {
        let rates = Rates { sex_typo: 0.01, twins, mixed_twins: true, ..Rates::default() };
        let people = population(seed, 20_000, &rates);
        let run = |sex_slips| {
            let settings = Settings { sex_slips, ..Settings::default() };
            let outcome = resolve(&people.rows, Strategy::Sudare, &settings, &mut counting()).unwrap();
            evaluate(&outcome.person_of, &people.truth).unwrap()
        };
        let (with, without) = (run(true), run(false));
        println!(
            "{seed}: {:?} {:?}; without {:?} {:?}",
            with.precision, with.recall, without.precision, without.recall
        );
        assert!(with.precision.low >= 0.999, "{seed}: {:?}", with.precision);
        assert!(with.recall.value > without.recall.value + 0.005, "{seed}: {:?} {:?}", with.recall, without.recall);
    }
}
