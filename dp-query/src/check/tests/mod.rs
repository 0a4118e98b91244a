//! Questions that pass and questions that don't, with the words of the refusals.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod doc;
mod hostile;
mod outer_joins;
mod refusals;
mod within;

use datasets::catalogue::Catalogue;

use crate::check;
use crate::plan::{OutputKind, Plan, StatisticKind};
use crate::relation::Rows;
use crate::run::fixture::population;

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

const DP: &str = "SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = 1)";
const LATEST: &str = "SELECT person_id, MAX_BY(hba1c, exam_date) AS hba1c FROM checkup GROUP BY person_id";

fn plan(sql: &str) -> Plan {
    check(sql, &Catalogue::builtin().unwrap(), &population()).unwrap_or_else(|refusal| panic!("{refusal}"))
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
fn the_digest_is_of_the_meaning_and_the_catalogue() {
    let digest = |sql: &str| plan(sql).digest().unwrap();
    let base = format!("{DP} COUNT(*) AS n FROM person WHERE sex = '1'");
    assert_eq!(digest(&base), digest(&format!("-- a comment\n{}", base.replace(' ', "  "))));
    assert_ne!(digest(&base), digest(&base.replace("'1'", "'2'")));
    assert_ne!(digest(&base), digest(&base.replace("epsilon = 1", "epsilon = 2")));
    assert_ne!(digest(&base), digest(&base.replace("AS n", "AS m")));
}

#[test]
fn bounds_follow_from_filters_and_expressions() {
    let bounds = |sql: &str| {
        let plan = plan(sql);
        let last = plan.statistics().last().unwrap();
        (last.lo, last.hi, last.centre, last.digits)
    };
    assert_eq!(bounds(&format!("{DP} AVG(hba1c) AS h FROM ({LATEST})")), (-75, 75, 105, 1));
    assert_eq!(bounds(&format!("{DP} AVG(hba1c) AS h FROM ({LATEST}) WHERE hba1c BETWEEN 5 AND 7")), (-10, 10, 60, 1));
    // A literal finer than the grid moves the column to the finer grid; nothing is rounded.
    assert_eq!(bounds(&format!("{DP} COUNTIF(hba1c >= 6.55) AS h FROM ({LATEST})")), (0, 1, 0, 0));
    assert_eq!(bounds(&format!("{DP} SUM(hba1c * 2 - 1) AS h FROM ({LATEST})")), (50, 350, 0, 1));
    assert_eq!(bounds(&format!("{DP} SUM(hba1c * hba1c) AS h FROM ({LATEST})")), (900, 32_400, 0, 2));
    assert_eq!(
        bounds(&format!("{DP} AVG(hba1c, contribution_bounds_per_group => (4.0, 9)) AS h FROM ({LATEST})")),
        (-25, 25, 65, 1)
    );
    assert_eq!(bounds(&format!("{DP} SUM(LEAST(hba1c, 7)) AS h FROM ({LATEST})")), (30, 70, 0, 1));
}

#[test]
fn groups_per_person_are_proven_or_capped() {
    let groups = |options: &str, body: &str| {
        let plan = plan(&format!("SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = 1{options}) {body}"));
        (plan.max_groups(), plan.choose_groups)
    };
    let by_type = "type, COUNT(DISTINCT person_id) AS n FROM claim GROUP BY type";
    assert_eq!(groups("", "COUNT(DISTINCT person_id) AS n FROM claim"), (1, false));
    assert_eq!(groups("", by_type), (5, false));
    assert_eq!(groups(", max_groups_contributed = 2", by_type), (2, true));
    assert_eq!(groups(", max_groups_contributed = 9", by_type), (5, false));
    assert_eq!(groups(", max_rows_contributed = 3", by_type), (3, false));
    // Sex is the same in all rows of a person: it multiplies cells, not groups per person.
    let with_sex =
        "type, sex, COUNT(DISTINCT person_id) AS n FROM claim JOIN person USING (person_id) GROUP BY type, sex";
    assert_eq!(groups("", with_sex), (5, false));
    assert_eq!(
        groups("", "sex, COUNT(DISTINCT person_id) AS n FROM claim JOIN person USING (person_id) GROUP BY sex"),
        (1, false)
    );
    // In a LEFT JOIN with a further condition the right side comes and goes with the left row.
    let comes_and_goes = "p.sex, COUNT(DISTINCT person_id) AS n FROM claim AS c LEFT JOIN person AS p ON c.person_id = p.person_id AND c.points > 10 GROUP BY p.sex";
    assert_eq!(groups("", comes_and_goes), (4, false));
}

#[test]
fn rows_per_person_are_derived() {
    let rows = |options: &str, from: &str| {
        plan(&format!(
            "SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = 1{options}) COUNT(DISTINCT person_id) AS n FROM {from}"
        ))
        .rows()
    };
    assert_eq!(rows("", "person"), Rows::One);
    assert_eq!(rows("", "checkup"), Rows::Unbounded);
    assert_eq!(rows(", max_rows_contributed = 7", "checkup"), Rows::AtMost(7));
    assert_eq!(rows("", "checkup JOIN person USING (person_id)"), Rows::Unbounded);
    assert_eq!(rows("", "(SELECT person_id, kind FROM checkup GROUP BY person_id, kind)"), Rows::AtMost(5));
    assert_eq!(rows("", "(SELECT DISTINCT person_id, kind FROM checkup)"), Rows::AtMost(5));
    assert_eq!(
        rows("", "(SELECT person_id, sex FROM claim JOIN person USING (person_id) GROUP BY person_id, sex)"),
        Rows::One
    );
    assert_eq!(rows(", max_rows_contributed = 4", "checkup JOIN lifelog_daily USING (person_id)"), Rows::AtMost(4));
    let kinds = "(SELECT DISTINCT person_id, kind FROM checkup)";
    assert_eq!(rows("", &format!("{kinds} AS a JOIN {kinds} AS b USING (person_id)")), Rows::AtMost(25));
}

#[test]
fn months_and_years_are_closed_within_their_filters() {
    let key = |body: &str| plan(&format!("{DP} {body}")).keys()[0].values.clone();
    let months = key(
        "month, COUNT(DISTINCT person_id) AS n FROM claim WHERE month >= DATE '2024-11-01' AND month < DATE '2025-03-01' GROUP BY month",
    );
    assert_eq!(months, ["2024-11", "2024-12", "2025-01", "2025-02"]);
    let years = key(
        "FISCAL_YEAR(exam_date) AS y, COUNT(DISTINCT person_id) AS n FROM checkup WHERE exam_date BETWEEN '2023-03-31' AND '2025-03-31' GROUP BY y",
    );
    assert_eq!(years, ["2022", "2023", "2024"]);
    let flags = key(
        "hba1c >= 6.5 AS high, COUNT(*) AS n FROM (SELECT person_id, MAX(hba1c) AS hba1c FROM checkup GROUP BY person_id) GROUP BY high",
    );
    assert_eq!(flags, ["false", "true", "NULL"]);
}

#[test]
fn roll_ups_have_levels() {
    let levels = |by: &str| {
        plan(&format!("{DP} sex, birth_ym > DATE '1980-01-01' AS young, COUNT(*) AS n FROM person GROUP BY {by}"))
            .levels()
            .to_vec()
    };
    assert_eq!(levels("sex, young"), Vec::<Vec<bool>>::new());
    assert_eq!(levels("ROLLUP(sex, young)"), [vec![true, true], vec![true, false], vec![false, false]]);
    assert_eq!(
        levels("CUBE(sex, young)"),
        [vec![true, true], vec![true, false], vec![false, true], vec![false, false]]
    );
    assert_eq!(levels("young, ROLLUP(sex)"), [vec![true, true], vec![true, false]]);
    assert_eq!(levels("GROUPING SETS ((sex), (young))"), [vec![true, false], vec![false, true]]);
    let several = "kind, COUNT(DISTINCT person_id) AS n FROM checkup GROUP BY ROLLUP(kind)";
    let apart = plan(&format!("{DP} {several}"));
    let parts: Vec<(usize, u32)> = apart.parts().iter().map(|part| (part.cells(), part.max_groups())).collect();
    assert!(apart.levels_apart() && parts == [(5, 5), (1, 1)], "{parts:?}");
}
