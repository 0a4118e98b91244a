//! Questions that pass and questions that don't, with the words of the refusals.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use datasets::catalogue::Catalogue;

use crate::check;
use crate::plan::{OutputKind, Plan, StatisticKind};
use crate::relation::Rows;

/// The question of DESIGN.md, without the quantiles.
pub(crate) const DESIGN: &str = "-- How does HbA1c move with daily walking?
WITH walking AS (
  SELECT person_id, AVG(steps) AS mean_steps
  FROM lifelog_daily WHERE date BETWEEN DATE '2024-04-01' AND DATE '2025-03-31'
  GROUP BY person_id HAVING COUNT(*) >= 60),
latest AS (
  SELECT person_id, MAX_BY(hba1c, exam_date) AS hba1c FROM checkup GROUP BY person_id)
SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = 0.5)
       RANGE_BUCKET(mean_steps, [4000, 6000, 8000, 10000]) AS step_band, sex,
       COUNT(*) AS persons, AVG(hba1c) AS hba1c
FROM walking JOIN latest USING (person_id) JOIN person USING (person_id)
GROUP BY step_band, sex";

fn plan(sql: &str) -> Plan {
    check(sql, &Catalogue::builtin().unwrap()).unwrap_or_else(|refusal| panic!("{refusal}"))
}

fn refused(sql: &str) -> String {
    match check(sql, &Catalogue::builtin().unwrap()) {
        Ok(_) => panic!("passed: {sql}"),
        Err(refusal) => refusal.to_string(),
    }
}

fn code(sql: &str) -> &'static str {
    match check(sql, &Catalogue::builtin().unwrap()) {
        Ok(_) => panic!("passed: {sql}"),
        Err(refusal) => refusal.code(),
    }
}

#[test]
fn the_design_example_has_the_expected_plan() {
    let plan = plan(DESIGN);
    assert_eq!(plan.rows(), Rows::One);
    assert_eq!(plan.max_groups(), 1);
    let names: Vec<&str> = plan.keys().iter().map(|k| k.name.as_str()).collect();
    assert_eq!(names, ["step_band", "sex"]);
    assert_eq!(plan.keys()[0].values, ["0", "1", "2", "3", "4", "NULL"]);
    assert_eq!(plan.keys()[0].meanings[..3], ["< 4000", "≥ 4000, < 6000", "≥ 6000, < 8000"]);
    assert_eq!(plan.keys()[1].values, ["1", "2", "other"]);
    assert_eq!(plan.cells(), 18);
    assert_eq!(plan.statistics()[0].kind, StatisticKind::Persons);
    assert_eq!(plan.outputs()[2].what, OutputKind::Count(0));
    assert!(matches!(plan.outputs()[3].what, OutputKind::Mean { sum: 2, count: 1 }));
    let columns: Vec<String> = plan.columns().iter().map(|(t, c)| format!("{t}.{c}")).collect();
    assert_eq!(
        columns,
        ["checkup.exam_date", "checkup.hba1c", "lifelog_daily.date", "lifelog_daily.steps", "person.sex"]
    );
}

#[test]
fn print_some() {
    for sql in [DESIGN] {
        println!("{}", crate::engine::sql(&plan(sql)).unwrap());
    }
    for sql in [
        "SELECT COUNT(*) FROM person",
        "SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon=1) icd10, COUNT(*) FROM diagnosis GROUP BY icd10",
    ] {
        println!("{} {}", refused(sql), code(sql));
    }
}
