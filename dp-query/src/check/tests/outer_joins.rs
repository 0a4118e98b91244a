//! What comes and goes with the left row of an outer join isn't the same in all rows of a person, under whatever name it goes on.

use datasets::catalogue::Catalogue;

use super::{DP, plan};
use crate::check;
use crate::plan::{Plan, Reduction, StatisticKind};
use crate::relation::Rows;
use crate::run::fixture::population;

/// A right side that is there for some rows of a person and not for others.
const COMES_AND_GOES: &str =
    "claim AS c LEFT JOIN person AS p ON c.person_id = p.person_id AND c.month >= DATE '2024-07-01'";

fn groups(plan: &Plan) -> (u32, bool) {
    (plan.max_groups(), plan.choose_groups)
}

#[test]
fn a_partner_that_comes_and_goes_is_no_constant() {
    for (key, wanted) in [
        ("p.person_id IS NULL", 2),
        ("p.person_id IS NOT NULL", 2),
        ("(p.person_id IS NULL) IS TRUE", 2),
        ("IF(p.person_id IS NULL, 'without', 'with')", 2),
        ("CASE WHEN p.person_id IS NULL THEN NULL ELSE 1 END", 2),
        ("COALESCE(p.sex, 'none')", 4),
        ("COALESCE(IF(p.person_id IS NULL, NULL, '1'), '2')", 2),
        ("p.sex IS NULL", 2),
        ("p.sex", 4),
        ("RANGE_BUCKET(AGE_AT(p.birth_ym, DATE '2025-03-31'), [40])", 3),
        // The left side's person is the same in all rows, and so is what is always there.
        ("c.person_id IS NULL", 1),
        ("person_id IS NULL", 1),
        ("1 + 1", 1),
    ] {
        let outside =
            plan(&format!("{DP} {key} AS k, COUNT(DISTINCT c.person_id) AS n FROM {COMES_AND_GOES} GROUP BY k"));
        assert_eq!(groups(&outside), (wanted, false), "{key}");
        // The same through a CTE, grouped, DISTINCT and plain.
        for select in [
            format!("SELECT c.person_id, {key} AS k FROM {COMES_AND_GOES} GROUP BY person_id, k"),
            format!("SELECT DISTINCT c.person_id, {key} AS k FROM {COMES_AND_GOES}"),
        ] {
            let inside = plan(&format!("WITH x AS ({select}) {DP} COUNT(DISTINCT person_id) AS n FROM x"));
            assert_eq!(inside.rows(), Rows::at_most(u64::from(wanted)), "{select}");
            let again = plan(&format!("WITH x AS ({select}) {DP} k, COUNT(DISTINCT person_id) AS n FROM x GROUP BY k"));
            assert_eq!(groups(&again), (wanted, false), "{select}");
        }
        let select = format!("SELECT c.person_id, {key} AS k FROM {COMES_AND_GOES}");
        let passed = plan(&format!("WITH x AS ({select}) {DP} k, COUNT(DISTINCT person_id) AS n FROM x GROUP BY k"));
        assert_eq!(groups(&passed), (wanted, false), "{select}");
    }
}

#[test]
fn a_partner_that_stays_is_constant() {
    let seen = "WITH d AS (SELECT DISTINCT person_id FROM diagnosis)";
    for from in [
        "claim AS c LEFT JOIN d USING (person_id)",
        "person AS c LEFT JOIN d ON c.person_id = d.person_id AND c.sex = '1'",
        "claim AS c JOIN person AS p ON c.person_id = p.person_id AND c.points > 3 LEFT JOIN d USING (person_id)",
    ] {
        let plan = plan(&format!(
            "{seen} {DP} d.person_id IS NULL AS k, COUNT(DISTINCT c.person_id) AS n FROM {from} GROUP BY k"
        ));
        assert_eq!(groups(&plan), (1, false), "{from}");
    }
}

#[test]
fn bits_of_many_partners_multiply() {
    let partner = |n: usize| {
        format!("LEFT JOIN person AS p{n} ON l.person_id = p{n}.person_id AND EXTRACT(DAY FROM l.date) = {}", n + 1)
    };
    let bits: Vec<String> = (0..4).map(|n| format!("IF(p{n}.person_id IS NULL, 0, {})", 1 << n)).collect();
    let partners: Vec<String> = (0..4).map(partner).collect();
    let plan = plan(&format!(
        "WITH x AS (SELECT l.person_id, {} AS d FROM lifelog_daily AS l {} GROUP BY l.person_id, d) {DP} COUNT(*) AS n, COUNT(DISTINCT person_id) AS p FROM x",
        bits.join(" + "),
        partners.join(" ")
    ));
    assert_eq!(plan.rows(), Rows::AtMost(16));
}

/// Reductions of the statistics after the persons.
fn reductions(plan: &Plan) -> Vec<(&Reduction, StatisticKind, i64, i64)> {
    plan.statistics().iter().skip(1).map(|s| (&s.reduction, s.kind, s.lo, s.hi)).collect()
}

#[test]
fn counting_the_right_sides_persons_counts_partners() {
    let sick = "WITH d AS (SELECT person_id, COUNT(*) AS k FROM diagnosis GROUP BY person_id)";
    let one = plan(&format!(
        "{sick} {DP} COUNT(d.person_id) AS a, COUNT(DISTINCT d.person_id) AS b, COUNT(person_id) AS c, COUNT(DISTINCT person.person_id) AS d FROM person LEFT JOIN d USING (person_id)"
    ));
    let found = reductions(&one);
    assert!(matches!(found.as_slice(), [(Reduction::AnyNonNull(_), StatisticKind::NonNull, 0, 1)]), "{found:?}");
    let many = plan(&format!(
        "{DP} COUNT(p.person_id, contribution_bounds_per_group => (0, 9)) AS a, COUNT(DISTINCT p.person_id) AS b, COUNT(DISTINCT c.person_id) AS n FROM {COMES_AND_GOES}"
    ));
    let found = reductions(&many);
    assert!(
        matches!(
            found.as_slice(),
            [
                (Reduction::CountNonNull(_), StatisticKind::NonNull, 0, 9),
                (Reduction::AnyNonNull(_), StatisticKind::NonNull, 0, 1)
            ]
        ),
        "{found:?}"
    );
}

#[test]
fn the_right_sides_person_is_no_unit() {
    let catalogue = Catalogue::builtin().unwrap();
    for inside in [
        format!("SELECT c.person_id, COUNT(*) AS k FROM {COMES_AND_GOES} GROUP BY p.person_id"),
        format!("SELECT p.person_id, COUNT(*) AS k FROM {COMES_AND_GOES} GROUP BY p.person_id"),
        format!("SELECT DISTINCT p.person_id FROM {COMES_AND_GOES}"),
        format!(
            "SELECT c.person_id, COUNT(*) AS k FROM {COMES_AND_GOES} GROUP BY c.person_id HAVING p.person_id IS NULL"
        ),
        format!(
            "SELECT c.person_id, COUNT(*) AS k, p.person_id IS NULL AS z FROM {COMES_AND_GOES} GROUP BY c.person_id"
        ),
        format!("SELECT c.person_id, COUNT(DISTINCT p.person_id) AS k FROM {COMES_AND_GOES} GROUP BY c.person_id"),
    ] {
        let sql = format!("WITH x AS ({inside}) {DP} COUNT(DISTINCT person_id) AS n FROM x");
        let refusal = check(&sql, &catalogue, &population()).expect_err(&sql);
        assert!(["person", "grouping"].contains(&refusal.code()), "{refusal}");
    }
    // As a key it is a truth value like others.
    let key = format!(
        "SELECT c.person_id, p.person_id IS NULL AS z FROM {COMES_AND_GOES} GROUP BY c.person_id, p.person_id IS NULL HAVING p.person_id IS NULL"
    );
    assert_eq!(plan(&format!("WITH x AS ({key}) {DP} COUNT(DISTINCT person_id) AS n FROM x")).rows(), Rows::AtMost(2));
}
