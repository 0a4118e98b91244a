//! Totals of groups that don't exclude each other: every level is counted by itself, and one person moves each by no more than is declared.

use std::collections::BTreeSet;

use policies::Epsilon;
use zeroize::Zeroizing;

use super::fixture::Room;
use super::neighbours::{Dice, PERSONS, fill};
use super::open::{Constant, release};
use crate::engine::Exact;
use crate::plan::Plan;
use crate::quote::{Expected, Quote, quote};
use crate::release::Status;
use crate::run::fixture::{PURE, ZCDP};

const DP: &str = "SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = 1, delta = 0.000001";

/// Person 0 has a check-up of every kind in every year, persons 1 to 40 one of kind 0 in 2023, person 41 two of kind 1 in 2024.
fn room() -> Room {
    let room = Room::new();
    let persons: Vec<String> = (0..42).map(|pid| format!("({pid}, 0, '1980-04-01')")).collect();
    room.insert("person", "pid, sex, birth_ym", &persons.join(", "));
    let mut rows: Vec<String> = (0..10)
        .map(|n| format!("(0, {n}, '{}-06-01', {}, {})", 2023 + n / 5, n % 5, 100 + n))
        .chain((1..41).map(|pid| format!("({pid}, 99, '2023-06-01', 0, 120)")))
        .collect();
    rows.extend(["(41, 1, '2024-06-01', 1, 90)".to_owned(), "(41, 2, '2024-07-01', 1, 91)".to_owned()]);
    room.insert("checkup", "pid, draw, exam_date, kind, sbp", &rows.join(", "));
    room
}

const WHERE: &str = "FROM checkup WHERE exam_date BETWEEN DATE '2023-04-01' AND DATE '2025-03-31'";

fn exact(room: &Room, plan: &Plan) -> Vec<Vec<Vec<i128>>> {
    plan.parts().iter().map(|part| room.run(part)).collect()
}

fn levels(exact: Vec<Vec<Vec<i128>>>) -> Exact {
    Exact::Levels(exact.into_iter().map(Zeroizing::new).collect())
}

/// Keys and first value of what is shown, without noise.
fn shown(plan: &Plan, quote: &Quote, room: &Room) -> Vec<(String, f64)> {
    let answer = release(plan, quote, levels(exact(room, plan)), &mut Constant(0));
    let released = answer.cells.iter().filter(|cell| cell.status == Status::Released);
    released.map(|cell| (cell.keys.join("/"), cell.values[0].unwrap().value)).collect()
}

#[test]
fn every_level_counts_persons_once() {
    let room = room();
    let plan = room.plan(&format!(
        "{DP}) kind, FISCAL_YEAR(exam_date) AS year, COUNT(DISTINCT person_id) AS n {WHERE} GROUP BY CUBE(kind, year)"
    ));
    let most: Vec<(usize, u32)> = plan.parts().iter().map(|part| (part.cells(), part.max_groups())).collect();
    assert_eq!(most, [(10, 10), (5, 5), (2, 2), (1, 1)]);
    let quote = quote(&plan, &PURE).unwrap();
    let found = shown(&plan, &quote, &room);
    let want = [("tokutei/2023", 41.0), ("tokutei/ALL", 41.0), ("ALL/2023", 41.0), ("ALL/ALL", 42.0)];
    assert_eq!(found, want.map(|(name, n)| (name.to_owned(), n)));
    // Only a person's own level is capped: in the total everybody counts.
    let capped = room.plan(&format!("{DP}, max_groups_contributed = 2) kind, COUNT(DISTINCT person_id) AS n, SUM(sbp, contribution_bounds_per_group => (0, 150)) AS s {WHERE} GROUP BY ROLLUP(kind)"));
    let exact = exact(&room, &capped);
    // The first two of person 0's kinds by their draws are 0 and 1.
    assert_eq!(exact[0].iter().map(|cell| cell[0]).collect::<Vec<_>>(), [41, 2, 0, 0, 0]);
    assert_eq!(exact[1][0], [42, 40 * 120 + 150 + 150]);
}

#[test]
fn levels_are_priced_together() {
    let room = room();
    let plan = room.plan(&format!("{DP}) kind, COUNT(DISTINCT person_id) AS n, AVG(sbp, contribution_bounds_per_group => (80, 180)) AS m {WHERE} GROUP BY ROLLUP(kind)"));
    for terms in [PURE, ZCDP] {
        let quote = quote(&plan, &terms).unwrap();
        let parts: Vec<usize> = quote.levels().map(<[_]>::len).collect();
        assert_eq!((parts, quote.further().len()), (vec![plan.statistics().len(); 2], 1));
        let all = quote.lines().iter().fold(Epsilon::ZERO, |sum, line| sum.saturating_add(line.epsilon));
        assert!(all <= quote.price().epsilon());
        // Five cells of a person in one level, one in the other.
        let l0: Vec<u32> = quote.levels().map(|lines| lines[0].sensitivity.l0).collect();
        assert_eq!(l0, [5, 1]);
        let (Expected::Margin { sd: fine, .. }, Expected::Margin { sd: total, .. }) =
            (quote.expected()[1], quote.further()[0][1])
        else {
            panic!()
        };
        assert!(total < fine, "{total} {fine}");
    }
    // A margin holds in every level.
    let text = format!(
        "SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (target_margin = 40) kind, COUNT(DISTINCT person_id) AS n {WHERE} GROUP BY GROUPING SETS ((), (kind))"
    );
    let quote = quote(&room.plan(&text), &PURE).unwrap();
    for expected in [quote.expected()[1], quote.further()[0][1]] {
        assert!(matches!(expected, Expected::Margin { half_width, .. } if half_width <= 40.0), "{expected:?}");
    }
}

#[test]
fn another_shape_is_refused() {
    let room = room();
    let plan = room.plan(&format!("{DP}) kind, COUNT(DISTINCT person_id) AS n {WHERE} GROUP BY ROLLUP(kind)"));
    let quote = quote(&plan, &PURE).unwrap();
    let wrong = |exact: Exact| super::open::refused(&plan, &quote, exact);
    let mut less = exact(&room, &plan);
    less.pop();
    assert!(wrong(levels(less)));
    let mut narrow = exact(&room, &plan);
    narrow[0].pop();
    assert!(wrong(levels(narrow)));
    assert!(wrong(Exact::from(room.run(&plan))));
    assert!(wrong(Exact::Open(Vec::new())));
    assert!(!wrong(levels(exact(&room, &plan))));
}

/// The law of neighbours, level by level, over random stores.
#[test]
fn one_person_moves_every_level_no_further_than_its_sensitivity() {
    let bodies = [
        "kind, sex, COUNT(DISTINCT person_id) AS n, SUM(sbp, contribution_bounds_per_group => (-5, 70)) AS s FROM checkup JOIN person USING (person_id) GROUP BY CUBE(kind, sex)",
        "outcome, LEFT(icd10, 3) = 'E11' AS dm, COUNT(DISTINCT person_id) AS n, COUNT(*, contribution_bounds_per_group => (0, 3)) AS k FROM diagnosis GROUP BY ROLLUP(outcome, dm)",
        "type, setting, COUNT(DISTINCT person_id) AS n, AVG(points, contribution_bounds_per_group => (0, 99)) AS m FROM claim GROUP BY GROUPING SETS ((type), (setting), ())",
    ];
    let mut changed = 0;
    for seed in 0..24 {
        let room = Room::new();
        let mut dice = Dice(1_000 + seed);
        fill(&room, &mut dice);
        room.remember();
        for body in bodies {
            let cap = ["", ", max_groups_contributed = 2", ", max_rows_contributed = 3"][dice.below(3)];
            let plan = room.plan(&format!("{DP}{cap}) {body}"));
            assert!(plan.levels_apart(), "{body}");
            room.without(PERSONS);
            let before = exact(&room, &plan);
            for person in 0..PERSONS {
                room.without(person);
                let after = exact(&room, &plan);
                for ((part, before), after) in plan.parts().iter().zip(&before).zip(&after) {
                    super::law::within(part, before, after)
                        .unwrap_or_else(|found| panic!("store {seed}, person {person}: {found}\n{body}"));
                }
                changed += usize::from(before != after);
            }
        }
    }
    assert!(changed > 150, "{changed}");
}

/// Shape and names of the answer depend on the plan only.
#[test]
fn nothing_but_values_and_status_depends_on_the_data() {
    let (full, empty) = (room(), Room::new());
    let plan = full.plan(&format!(
        "{DP}) kind, FISCAL_YEAR(exam_date) AS year, COUNT(DISTINCT person_id) AS n {WHERE} GROUP BY ROLLUP(kind, year)"
    ));
    let quote = quote(&plan, &ZCDP).unwrap();
    let names = |room: &Room| {
        let answer = release(&plan, &quote, levels(exact(room, &plan)), &mut Constant(0));
        answer.cells.iter().map(|cell| cell.keys.join("/")).collect::<Vec<_>>()
    };
    let all = names(&full);
    assert_eq!((all.len(), all.iter().collect::<BTreeSet<_>>().len()), (10 + 5 + 1, 16));
    assert_eq!(all, names(&empty));
}
