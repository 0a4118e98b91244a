//! Groups that come from the data. The attacks first: who alone makes a group, and who is in a thousand of them.

use std::collections::{BTreeMap, BTreeSet};

use policies::{Kind, Price};

use super::fixture::Room;
use super::neighbours::{Dice, PERSONS, fill};
use crate::engine::{Exact, Group, Place, open, sql};
use crate::mechanism::{MechanismError, Noise, OpenDp, Source};
use crate::plan::Plan;
use crate::quote::{Quote, Terms, quote};
use crate::release::{Answer, Origin, Status};
use crate::run::finish;
use crate::run::fixture::{SNAPSHOT, TODAY, ZCDP};

/// The same noise for everybody.
pub(super) struct Constant(pub(super) i64);

impl Source for Constant {
    fn perturb(&mut self, _: &Noise, exact: &[i64]) -> Result<Vec<i64>, MechanismError> {
        Ok(exact.iter().map(|value| value.saturating_add(self.0)).collect())
    }
}

fn rows(room: &Room, plan: &Plan) -> Vec<Vec<Option<i128>>> {
    let text = sql(plan, TODAY).unwrap();
    let mut statement = room.connection.prepare(&text).unwrap_or_else(|e| panic!("{e}\n{text}"));
    let mut rows = statement.query([]).unwrap_or_else(|e| panic!("{e}\n{text}"));
    let width = rows.as_ref().unwrap().column_count();
    let mut found = Vec::new();
    while let Some(row) = rows.next().unwrap_or_else(|e| panic!("{e}\n{text}")) {
        let values = (0..width).map(|i| match row.get::<_, duckdb::types::Value>(i).unwrap() {
            duckdb::types::Value::BigInt(v) => Some(i128::from(v)),
            duckdb::types::Value::HugeInt(v) => Some(v),
            duckdb::types::Value::Null => None,
            other => panic!("not an integer: {other:?}\n{text}"),
        });
        found.push(values.collect());
    }
    found
}

fn groups(room: &Room, plan: &Plan) -> Vec<Group> {
    open::groups(plan, &rows(room, plan)).unwrap()
}

fn name(plan: &Plan, group: &Group) -> String {
    let names = group.places.iter().zip(plan.keys()).map(|(place, key)| match place {
        Place::Closed(at) => key.values[*at].clone(),
        Place::Open(name) => name.clone(),
    });
    names.collect::<Vec<_>>().join("/")
}

/// Integers by the group's name: the engine's, with which the second implementation must agree.
fn by_name(room: &Room, plan: &Plan) -> BTreeMap<String, Vec<i128>> {
    let found = groups(room, plan);
    let ours = found.iter().map(|group| (name(plan, group), group.cell(plan.width()).to_vec())).collect();
    assert_eq!(super::polars::named(plan, &room.connection, TODAY), ours, "{}", sql(plan, TODAY).unwrap());
    ours
}

fn ask(room: &Room, question: &str) -> Vec<(String, Vec<i128>)> {
    by_name(room, &room.plan(question)).into_iter().collect()
}

fn list(list: &[(&str, &[i128])]) -> Vec<(String, Vec<i128>)> {
    list.iter().map(|(name, values)| ((*name).to_owned(), values.to_vec())).collect()
}

fn answer(plan: &Plan, quote: &Quote, groups: Vec<Group>, source: &mut dyn Source) -> Answer {
    release(plan, quote, Exact::Open(groups), source)
}

fn origin() -> Origin {
    let digest = policies::Digest::from_bytes([1; 32]);
    Origin {
        room: "room.example/a".to_owned(),
        project: "p".to_owned(),
        researcher: "rin".to_owned(),
        request: digest,
        plan: digest,
        policy: digest,
        snapshot: SNAPSHOT.to_owned(),
        intent: 4,
        price: Price::pure("1".parse().unwrap()).unwrap(),
    }
}

/// What is released of exact integers.
pub(super) fn release(plan: &Plan, quote: &Quote, exact: Exact, source: &mut dyn Source) -> Answer {
    let bytes = finish(origin(), plan, quote, exact, source).unwrap();
    serde_json::from_slice(bytes.to_bytes()).unwrap()
}

/// Whether these integers are another plan's.
pub(super) fn refused(plan: &Plan, quote: &Quote, exact: Exact) -> bool {
    finish(origin(), plan, quote, exact, &mut Constant(0)).is_err_and(|failure| failure.code() == "shape")
}

fn shown(answer: &Answer) -> Vec<String> {
    assert!(answer.cells.iter().all(|cell| cell.status == Status::Released));
    answer.cells.iter().map(|cell| cell.keys.join("/")).collect()
}

const DP: &str = "SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = 1, delta = 0.000001, max_groups_contributed = 5)";
/// With a minimum of 1, so that nothing but the threshold holds groups back.
const TERMS: Terms = Terms { minimum_persons: 1, ..ZCDP };

/// Persons 0 … n − 1 with the code, each once; then the others' rows.
fn codes(people: &[(&str, std::ops::Range<u32>)]) -> Room {
    let room = Room::new();
    let mut draw = 0;
    let ids: BTreeSet<u32> = people.iter().flat_map(|(_, range)| range.clone()).collect();
    let persons: Vec<String> = ids.iter().map(|pid| format!("({pid}, {}, '1980-04-01')", pid % 2)).collect();
    room.insert("person", "pid, sex, birth_ym", &persons.join(", "));
    for (code, range) in people {
        let rows = range.clone().map(|pid| {
            draw += 1;
            let code = if *code == "NULL" { "NULL".to_owned() } else { format!("'{code}'") };
            format!("({pid}, {draw}, '2024-05-01', {code}, FALSE, FALSE)")
        });
        let rows: Vec<String> = rows.collect();
        room.insert("diagnosis", "pid, draw, month, icd10, main, suspected", &rows.join(", "));
    }
    room
}

#[test]
fn whoever_is_alone_with_a_code_makes_no_group() {
    let room = codes(&[("I10", 0..80), ("E119", 0..60), ("Q999", 7..8)]);
    let plan = room.plan(&format!("{DP} icd10, COUNT(DISTINCT person_id) AS n FROM diagnosis GROUP BY icd10"));
    assert!(plan.is_open() && plan.cells() == 0 && plan.max_groups() == 5);
    let quote = quote(&plan, &TERMS).unwrap();
    let selection = *quote.selection().unwrap();
    assert!(selection.least == 1 && selection.always && selection.threshold > 10, "{selection:?}");
    let alone = groups(&room, &plan);
    assert_eq!(alone.len(), 3);
    // Frozen noise up to the last that keeps a person hidden.
    for noise in [-3, 0, selection.threshold - 2] {
        let found = answer(&plan, &quote, groups(&room, &plan), &mut Constant(noise));
        assert_eq!(shown(&found), ["E119", "I10"], "{noise}");
        let bytes = serde_json::to_string(&found).unwrap();
        assert!(!bytes.contains("Q999") && found.keys[0].open && found.keys[0].values == ["E119", "I10"]);
        assert_eq!(found.cells[1].values[0].unwrap().value, (80 + noise) as f64);
    }
    // Not even that there is something to hide: the answer is that of the room without the person, to the byte.
    let without = codes(&[("I10", 0..80), ("E119", 0..60)]);
    let text =
        |room: &Room| serde_json::to_string(&answer(&plan, &quote, groups(room, &plan), &mut Constant(2))).unwrap();
    assert_eq!(text(&room), text(&without));
}

/// P(a person's own groups appear) ≤ δ, by OpenDP's noise: each of 20,000 groups has one person, who is in five.
#[test]
fn a_group_of_one_person_appears_no_more_often_than_delta() {
    let room = codes(&[("I10", 0..1)]);
    for (epsilon, delta) in [("1", "0.2"), ("4", "0.1")] {
        let options = format!("epsilon = {epsilon}, delta = {delta}, max_groups_contributed = 5");
        let plan = room.plan(&format!("SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS ({options}) icd10, COUNT(DISTINCT person_id) AS n FROM diagnosis GROUP BY icd10"));
        let quote = quote(&plan, &TERMS).unwrap();
        let many = 20_000;
        let group = |n: usize| Group { places: vec![Place::Open(format!("{n:05}"))], values: vec![(0, 1)] };
        let found = shown(&answer(&plan, &quote, (0..many).map(group).collect(), &mut OpenDp)).len();
        let each = found as f64 / many as f64;
        let any = 1.0 - (1.0 - each).powi(5);
        let failure = quote.selection().unwrap().failure.to_f64_up();
        let error = 5.0 * (failure / 5.0 / many as f64).sqrt();
        assert!(any <= failure + 4.0 * error && failure <= 0.5 * delta.parse::<f64>().unwrap(), "{any} {failure}");
        assert!(found > 0, "{failure}");
        assert_eq!(quote.price().charge().delta, quote.selection().unwrap().failure);
    }
}

#[test]
fn a_person_with_a_thousand_codes_counts_in_five() {
    let names: Vec<String> = (0..1_000).map(|n| format!("A{n:03}")).collect();
    let mut people: Vec<(&str, std::ops::Range<u32>)> = names.iter().map(|name| (name.as_str(), 0..1)).collect();
    people.push(("A001", 1..9));
    people.push(("A002", 1..9));
    let room = codes(&people);
    let plan = room.plan(&format!("{DP} icd10, COUNT(DISTINCT person_id) AS n, COUNT(*, contribution_bounds_per_group => (0, 3)) AS k FROM diagnosis GROUP BY icd10"));
    let before = by_name(&room, &plan);
    room.remove(0);
    let after = by_name(&room, &plan);
    let moved: Vec<_> = before.iter().filter(|(name, values)| after.get(*name) != Some(values)).collect();
    assert_eq!(moved.len(), 5);
    assert_eq!(after.keys().collect::<Vec<_>>(), ["A001", "A002"]);
    assert_eq!(after["A001"], [8, 8]);
}

#[test]
fn groups_are_what_the_data_hold() {
    let room = codes(&[("I10", 0..3), ("E119", 0..2), ("NULL", 1..2), ("E110", 2..4)]);
    assert_eq!(
        ask(&room, &format!("{DP} icd10, COUNT(DISTINCT person_id) AS n FROM diagnosis GROUP BY icd10")),
        list(&[("E110", &[2]), ("E119", &[2]), ("I10", &[3]), ("NULL", &[1])])
    );
    // Prefixes; a closed key beside it; values.
    let found = ask(
        &room,
        &format!(
            "{DP} sex, LEFT(icd10, 3) AS chapter, COUNT(DISTINCT person_id) AS n, SUM(IF(icd10 = 'E110', 2, 1), contribution_bounds_per_group => (0, 2)) AS s FROM diagnosis JOIN person USING (person_id) GROUP BY sex, chapter"
        ),
    );
    // Sex by the last bit: 0 and 2 are men, 1 and 3 women. Person 0: I10, E119; 1: I10, E119, NULL; 2: I10, E110; 3: E110.
    assert_eq!(
        found,
        list(&[("1/E11", &[2, 3]), ("1/I10", &[2, 2]), ("2/E11", &[2, 3]), ("2/I10", &[1, 1]), ("2/NULL", &[1, 1])])
    );
    // Bins: a histogram in each group.
    let found =
        ask(&room, &format!("{DP} icd10, HISTOGRAM(IF(main, 1, 0), [1, 2]) AS h FROM diagnosis GROUP BY icd10"));
    assert_eq!(found[2], ("I10".to_owned(), vec![3, 3, 0, 0]));
}

#[test]
fn closed_lists_can_be_selected_too() {
    let room = codes(&[("I10", 0..30), ("E119", 3..4)]);
    let options = "epsilon = 1, delta = 0.000001, group_selection_strategy = GAUSSIAN_THRESHOLD";
    let plan = room.plan(&format!("SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS ({options}) sex, birth_ym, COUNT(*) AS n FROM person WHERE birth_ym BETWEEN DATE '1970-01-01' AND DATE '1990-12-01' GROUP BY sex, birth_ym"));
    assert!(plan.is_open() && plan.max_groups() == 1);
    assert_eq!(
        by_name(&room, &plan).into_iter().collect::<Vec<_>>(),
        list(&[("1/1980-04", &[15]), ("2/1980-04", &[15])])
    );
    let quote = quote(&plan, &ZCDP).unwrap();
    let found = answer(&plan, &quote, groups(&room, &plan), &mut Constant(50));
    assert_eq!(shown(&found), ["1/1980-04", "2/1980-04"]);
    assert!(!found.keys[0].open);
}

#[test]
fn codes_travel_as_numbers_and_come_back() {
    let room = Room::new();
    let long = "abcdefghijklmnopqrstuvwxyz-0123456789.ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    for (draw, value) in ["", "x", "~!", "NULL", "12345678901234567", "123456789012345678", long].iter().enumerate() {
        room.insert("observation", "pid, draw, code", &format!("(0, {draw}, '{value}')"));
    }
    room.insert("observation", "pid, draw, code", "(0, 50, NULL)");
    let plan = room.plan("SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = 1, delta = 0.1, max_groups_contributed = 99) code, COUNT(DISTINCT person_id) AS n FROM observation GROUP BY code");
    let longest = usize::try_from(plan.keys()[0].open.unwrap()).unwrap();
    let mut want: Vec<String> = ["", "x", "~!", "NULL", "12345678901234567", "123456789012345678", &long[..longest]]
        .map(str::to_owned)
        .to_vec();
    want.sort();
    assert_eq!(by_name(&room, &plan).into_keys().collect::<Vec<_>>(), want);
    let rows = rows(&room, &plan);
    for broken in [
        vec![],
        vec![vec![Some(1)]],
        vec![rows[0].clone(), rows[0].clone()],
        vec![vec![None; rows[0].len()]],
        vec![vec![Some(-1); rows[0].len()]],
    ] {
        assert!(open::groups(&plan, &broken).is_err() || broken.is_empty(), "{broken:?}");
    }
}

#[test]
fn strict_minimum_shifts_the_threshold_of_open_groups() {
    let room = codes(&[("I10", 0..80), ("E119", 0..19)]);
    let options = "epsilon = 1, delta = 0.000001, max_groups_contributed = 2, min_privacy_units_per_group = 20, strict_minimum = TRUE";
    let plan = room.plan(&format!("SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS ({options}) icd10, COUNT(DISTINCT person_id) AS n FROM diagnosis GROUP BY icd10"));
    let quote = quote(&plan, &ZCDP).unwrap();
    assert_eq!(quote.selection().unwrap().least, 20);
    assert_eq!(shown(&answer(&plan, &quote, groups(&room, &plan), &mut Constant(1_000))), ["I10"]);
}

#[test]
fn a_pure_room_refuses_and_says_what_would_pass() {
    let room = codes(&[("I10", 0..1)]);
    let plan = room.plan(&format!("{DP} icd10, COUNT(DISTINCT person_id) AS n FROM diagnosis GROUP BY icd10"));
    let error = quote(&plan, &Terms { account: Kind::Pure, minimum_persons: 10 }).unwrap_err().to_string();
    assert!(error.contains("come from the data") && error.contains("CASE WHEN") && error.contains("zcdp"), "{error}");
}

/// Questions with open keys over the random stores of the law.
const QUESTIONS: [&str; 8] = [
    "icd10, COUNT(DISTINCT person_id) AS n, COUNT(*, contribution_bounds_per_group => (0, 3)) AS k FROM diagnosis GROUP BY icd10",
    "LEFT(icd10, 3) AS c, sex, COUNT(DISTINCT person_id) AS n, SUM(IF(main, 7, -2), contribution_bounds_per_group => (-5, 9)) AS s FROM diagnosis JOIN person USING (person_id) GROUP BY c, sex",
    "icd10, outcome, COUNT(DISTINCT person_id) AS n, HISTOGRAM(IF(main, 1, 0), [1, 2]) AS h FROM diagnosis GROUP BY icd10, outcome",
    "c, COUNT(DISTINCT person_id) AS n, AVG(v) AS m FROM (SELECT person_id, MAX(IF(main, 3, 1)) AS v, LEFT(icd10, 1) AS c FROM diagnosis GROUP BY person_id, c) AS x GROUP BY c",
    "a.icd10, COUNT(DISTINCT person_id) AS n FROM diagnosis AS a JOIN claim AS b ON a.person_id = b.person_id AND a.month <= b.month GROUP BY a.icd10",
    "icd10, FISCAL_YEAR(month) AS y, COUNT(DISTINCT person_id) AS n FROM diagnosis GROUP BY icd10, y",
    "IF(suspected, icd10, NULL) AS c, COUNT(DISTINCT person_id) AS n, COUNTIF(main, contribution_bounds_per_group => (0, 2)) AS k FROM diagnosis GROUP BY c",
    "icd10, COUNT(DISTINCT person_id) AS n FROM diagnosis WHERE main GROUP BY icd10",
];

/// One person less: in no more than `max_groups` groups, each statistic by no more than declared; and with the noise frozen the same groups
/// are shown but for those that have one person less than the least, or are below the threshold with one person less.
fn law(stores: std::ops::Range<u64>) -> (usize, usize) {
    let (mut changed, mut vanished) = (0, 0);
    for seed in stores {
        let room = Room::new();
        let mut dice = Dice(seed);
        fill(&room, &mut dice);
        room.remember();
        let body = QUESTIONS[usize::try_from(seed).unwrap() % QUESTIONS.len()];
        for (cap, more) in [
            (1, ""),
            (2, ", max_rows_contributed = 6"),
            (3, ", strict_minimum = TRUE, min_privacy_units_per_group = 2, max_rows_contributed = 4"),
        ] {
            let options = format!("epsilon = 1, delta = 0.000001, max_groups_contributed = {cap}{more}");
            let text = format!("SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS ({options}) {body}");
            let Ok(plan) = crate::check(&text, &room.catalogue, &crate::run::fixture::population()) else {
                assert!(body.contains(" JOIN claim") && cap == 1, "{text}");
                continue;
            };
            let quote = quote(&plan, &TERMS).unwrap();
            let selection = *quote.selection().unwrap();
            // Just enough for what the store holds to come up to the threshold.
            let noise = selection.threshold - i64::from(selection.least) - i64::try_from(dice.below(4)).unwrap();
            room.without(PERSONS);
            let before = by_name(&room, &plan);
            let see = |room: &Room| shown(&answer(&plan, &quote, groups(room, &plan), &mut Constant(noise)));
            let all = see(&room);
            for person in 0..PERSONS {
                room.without(person);
                let after = by_name(&room, &plan);
                let nothing = vec![0; plan.width()];
                let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
                let pairs: Vec<(&String, &Vec<i128>, &Vec<i128>)> = names
                    .into_iter()
                    .map(|name| (name, before.get(name).unwrap_or(&nothing), after.get(name).unwrap_or(&nothing)))
                    .collect();
                assert!(after.keys().all(|name| before.contains_key(name)));
                let (with, without): (Vec<_>, Vec<_>) =
                    pairs.iter().map(|(_, b, a)| ((*b).clone(), (*a).clone())).unzip();
                super::law::within(&plan, &with, &without)
                    .unwrap_or_else(|found| panic!("store {seed}, person {person}: {found}\n{text}"));
                let left = see(&room);
                let differ: BTreeSet<&String> = all
                    .iter()
                    .filter(|name| !left.contains(name))
                    .chain(left.iter().filter(|name| !all.contains(name)))
                    .collect();
                assert!(differ.len() <= usize::try_from(plan.max_groups()).unwrap());
                for name in differ {
                    let (count, fewer) = (before[name][0], after.get(name).map_or(0, |values| values[0]));
                    let last = i128::from(selection.threshold - noise).max(i128::from(selection.least));
                    assert!(
                        count == fewer + 1 && count == last,
                        "store {seed}, person {person}: {name}: {count} {fewer}\n{text}"
                    );
                }
                changed += usize::from(before != after);
                vanished += usize::from(all != left);
            }
        }
    }
    (changed, vanished)
}

#[test]
fn neighbours_differ_below_the_threshold_only() {
    let (changed, vanished) = law(0..60);
    // A law that nothing could break would prove nothing.
    assert!(changed > 200 && vanished > 30, "{changed} {vanished}");
}

#[test]
#[ignore = "make prove: twenty minutes"]
#[allow(clippy::print_stdout)]
fn prove_neighbours_differ_below_the_threshold_only() {
    let seed = std::env::var("SUDARE_PROVE_SEED").ok().and_then(|seed| seed.parse().ok());
    let now = || std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |now| now.as_secs());
    let first = seed.unwrap_or_else(now);
    println!("SUDARE_PROVE_SEED={first}");
    let half = |from: u64| std::thread::spawn(move || law(from..from + 1_500));
    let (a, b) = (half(first), half(first + 1_500));
    let (a, b) = (a.join().unwrap(), b.join().unwrap());
    let (changed, vanished) = (a.0 + b.0, a.1 + b.1);
    println!("3,000 stores: {changed} persons changed an integer, {vanished} what is shown");
}
