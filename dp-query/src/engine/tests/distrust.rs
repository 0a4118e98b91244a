//! The engine believes no proof: a plan that claims too little per person moves no further than it claims.

use super::fixture::Room;
use crate::plan::Plan;
use crate::relation::{Relation, Rows};
use crate::run::fixture::TODAY;

const DP: &str = "SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = 1)";

/// Person 0 with a crowd of rows in all cells, person 1 with one.
fn crowd() -> Room {
    let room = Room::new();
    room.insert("person", "pid, sex, birth_ym", "(0, 0, '1980-04-01'), (1, 1, '1985-03-01')");
    for row in 0..60 {
        room.insert(
            "claim",
            "pid, draw, month, type, setting, points",
            &format!("(0, {row}, DATE '2024-04-01' + {row}, {}, {}, 1000)", row % 5, row % 3),
        );
    }
    room.insert("claim", "pid, draw, month, type, setting, points", "(1, 99, '2024-04-01', 0, 0, 10)");
    room
}

/// What a wrong checker would write.
fn claim(relation: &mut Relation, wrong: Rows) {
    match relation {
        Relation::Reduce { rows, .. } => *rows = wrong,
        Relation::Filter { input, .. }
        | Relation::Project { input, .. }
        | Relation::Window { input, .. }
        | Relation::Lookup { input, .. }
        | Relation::Cap { input, .. } => claim(input, wrong),
        Relation::Join { rows, .. } => *rows = wrong,
        Relation::Scan { .. } => {}
    }
}

fn law(room: &Room, plan: &Plan, what: &str) {
    let before = room.run(plan);
    let other = crowd();
    other.remove(0);
    let after = other.run(plan);
    for (number, statistic) in plan.statistics().iter().enumerate() {
        let changes: Vec<u128> = before
            .iter()
            .zip(&after)
            .map(|(b, a)| (b[number] - a[number]).unsigned_abs())
            .filter(|change| *change > 0)
            .collect();
        let may = plan.sensitivity(statistic);
        assert!(changes.len() <= usize::try_from(may.l0).unwrap(), "{what}: {changes:?} beyond {may:?}");
        assert!(changes.iter().all(|c| *c <= u128::from(may.linf)), "{what}: {changes:?} beyond {may:?}");
        assert!(changes.iter().sum::<u128>() <= may.l1, "{what}: {changes:?} beyond {may:?}");
    }
}

#[test]
fn a_false_claim_of_few_rows_or_groups_moves_nothing_further() {
    let room = crowd();
    let pairs =
        "WITH x AS (SELECT person_id, type, setting, SUM(points) AS v FROM claim GROUP BY person_id, type, setting)";
    for question in [
        format!(
            "{pairs} {DP} type, COUNT(*) AS n, COUNTIF(v > 1) AS c, SUM(v, contribution_bounds_per_group => (0, 9000)) AS s, AVG(v, contribution_bounds_per_group => (0, 9000)) AS m FROM x GROUP BY type"
        ),
        format!(
            "{pairs} {DP} COUNT(*) AS n, COUNTIF(v > 1) AS c, SUM(v, contribution_bounds_per_group => (0, 9000)) AS s FROM x"
        ),
        format!(
            "{pairs} {DP} type, setting, COUNT(DISTINCT person_id) AS n FROM x JOIN person USING (person_id) GROUP BY type, setting"
        ),
        format!(
            "{DP} type, COUNT(DISTINCT person_id) AS n, COUNTIF(points > 3, contribution_bounds_per_group => (0, 7)) AS c FROM claim GROUP BY type"
        ),
    ] {
        for rows in [Rows::One, Rows::AtMost(2), Rows::AtMost(7), Rows::Unbounded] {
            for groups in [1, 2, 4] {
                let mut plan = room.plan(&question);
                claim(&mut plan.relation, rows);
                (plan.rows, plan.max_groups, plan.choose_groups) = (rows, groups, false);
                law(&room, &plan, &format!("{rows}, {groups} groups\n{question}"));
            }
        }
    }
}

#[test]
fn one_row_per_person_by_construction_costs_no_grouping_by_person() {
    let room = crowd();
    let latest = "WITH x AS (SELECT person_id, MAX_BY(type, month) AS t FROM claim GROUP BY person_id)";
    let text = |question: String| crate::engine::sql(&room.plan(&question), TODAY).unwrap();
    let plain = text(format!("{DP} sex, COUNT(*) AS n FROM person GROUP BY sex"));
    assert!(!plain.contains("GROUP BY 1, 2") && !plain.contains("row_number"), "{plain}");
    let joined =
        text(format!("{latest} {DP} sex, t, COUNT(*) AS n FROM person LEFT JOIN x USING (person_id) GROUP BY sex, t"));
    assert!(!joined.contains("GROUP BY 1, 2") && !joined.contains("row_number"), "{joined}");
    // One row by a key that is said to be the same in all of them: believed by nobody.
    let said = text(format!(
        "WITH x AS (SELECT person_id, sex FROM claim JOIN person USING (person_id) GROUP BY person_id, sex) {DP} sex, COUNT(*) AS n FROM x GROUP BY sex"
    ));
    assert!(said.contains("GROUP BY 1, 2") && said.contains("row_number"), "{said}");
}
