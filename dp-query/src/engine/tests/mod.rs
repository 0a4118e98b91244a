//! Exact integers against what is computed by hand, and laws that every plan obeys.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod accepted;
mod consent;
mod distrust;
mod fixture;
mod law;
mod levels;
mod neighbours;
mod open;
mod peers;
mod polars;
mod published;
mod schema;
mod speed;
mod ways;
mod within;

use crate::run::fixture::TODAY;
use fixture::Room;

const DP: &str = "SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = 1)";

/// Four persons: sexes man, woman, woman, unknown; born 1980-04, 1985-03, 1985-04, 2000-01.
fn people() -> Room {
    let room = Room::new();
    room.insert(
        "person",
        "pid, sex, birth_ym",
        "(0, 0, '1980-04-01'), (1, 1, '1985-03-01'), (2, 1, '1985-04-01'), (3, 2, '2000-01-01')",
    );
    room
}

fn cells(list: &[(&str, &[i128])]) -> Vec<(String, Vec<i128>)> {
    list.iter().map(|(name, values)| ((*name).to_owned(), values.to_vec())).collect()
}

#[test]
fn the_design_example_runs() {
    let room = people();
    for (pid, steps, days) in [(0, 5000, 60), (1, 9999, 70), (2, 12000, 59), (3, 4000, 60)] {
        for day in 0..days {
            room.insert(
                "lifelog_daily",
                "pid, draw, date, steps",
                &format!("({pid}, {day}, DATE '2024-04-01' + {day}, {steps})"),
            );
        }
    }
    room.insert(
        "checkup",
        "pid, draw, exam_date, hba1c",
        "(0, 1, '2024-05-01', 55), (0, 2, '2023-05-01', 99), (1, 3, '2024-06-01', 60), (1, 4, '2024-07-01', NULL), (2, 5, '2024-06-01', 61), (3, 6, '2024-06-01', NULL)",
    );
    let found = room.ask(crate::check::tests::DESIGN);
    // HbA1c runs from 3.0 to 18.0 %: centred on 10.5. Person 2 has 59 days only; person 3 no value.
    assert_eq!(found, cells(&[("1/1", &[1, 1, 55 - 105]), ("1/other", &[1, 0, 0]), ("3/2", &[1, 1, 60 - 105])]));
}

#[test]
fn an_ungrouped_question_has_its_row_over_nobody_too() {
    let room = people();
    for (filter, persons) in [("sex = '1'", 1), ("sex = '1' AND sex = '2'", 0), ("birth_ym < DATE '1900-01-01'", 0)] {
        let plan = room.plan(&format!(
            "{DP} COUNT(*) AS n, AVG(AGE_AT(birth_ym, DATE '2025-03-31')) AS age FROM person WHERE {filter}"
        ));
        let cells = room.run(&plan);
        assert_eq!(cells.len(), 1, "{filter}");
        assert_eq!(cells[0][0], persons, "{filter}");
    }
}

#[test]
fn every_closed_cell_is_there() {
    let room = people();
    let plan = room.plan(&format!("{DP} sex, COUNT(*) AS n FROM person WHERE sex = '1' GROUP BY sex"));
    assert_eq!(room.run(&plan), vec![vec![1], vec![0], vec![0]]);
}

#[test]
fn age_counts_months_and_the_fiscal_year_begins_in_april() {
    let room = people();
    let found = room.ask(&format!("{DP} RANGE_BUCKET(AGE_AT(birth_ym, DATE '2025-03-31'), [39, 40, 45]) AS age, COUNT(*) AS n FROM person GROUP BY age"));
    // 44 full years, 40 (born in March), 39 (born in April), 25.
    assert_eq!(found, cells(&[("0", &[1]), ("1", &[1]), ("2", &[2])]));
    room.insert("checkup", "pid, draw, exam_date", "(0, 1, '2024-03-31'), (1, 2, '2024-04-01'), (2, 3, '2025-03-31')");
    let found = room.ask(&format!("{DP} FISCAL_YEAR(exam_date) AS year, COUNT(DISTINCT person_id) AS n FROM checkup WHERE exam_date >= DATE '2023-04-01' GROUP BY year"));
    assert_eq!(found, cells(&[("2023", &[1]), ("2024", &[2])]));
}

#[test]
fn means_within_a_person_round_half_away_from_zero() {
    let room = people();
    room.insert("lifelog_daily", "pid, draw, date, steps", "(0, 1, '2024-04-01', 1), (0, 2, '2024-04-02', 2), (1, 3, '2024-04-01', 1), (1, 4, '2024-04-02', 1), (1, 5, '2024-04-03', 2), (2, 6, '2024-04-01', NULL)");
    let mean = |x: &str| {
        format!(
            "WITH m AS (SELECT person_id, AVG({x}) AS x FROM lifelog_daily GROUP BY person_id) {DP} x, COUNT(*) AS n FROM m WHERE x IS NULL OR x BETWEEN -9 AND 9 GROUP BY x"
        )
    };
    let bounded = mean("LEAST(steps, 5)");
    assert_eq!(room.ask(&bounded), cells(&[("1", &[1]), ("2", &[1]), ("NULL", &[1])]));
    assert_eq!(room.ask(&mean("-LEAST(steps, 5)")), cells(&[("-2", &[1]), ("-1", &[1]), ("NULL", &[1])]));
}

#[test]
fn the_latest_value_ignores_nulls_and_ties_go_up() {
    let room = people();
    room.insert("checkup", "pid, draw, exam_date, metabo, sbp", "(0, 1, '2024-05-01', 0, 120), (0, 2, '2024-06-01', NULL, 130), (1, 3, '2024-05-01', 1, 140), (1, 4, '2024-05-01', 2, 141), (2, 5, '2024-05-01', NULL, NULL)");
    let found = room.ask(&format!("WITH l AS (SELECT person_id, MAX_BY(metabo, exam_date) AS m, MIN_BY(sbp, exam_date) AS s FROM checkup GROUP BY person_id) {DP} m, COUNT(*) AS n, SUM(s, contribution_bounds_per_group => (0, 200)) AS s FROM l GROUP BY m"));
    assert_eq!(found, cells(&[("1", &[1, 120]), ("3", &[1, 140]), ("NULL", &[1, 0])]));
}

#[test]
fn several_rows_are_reduced_then_clamped() {
    let room = people();
    room.insert("claim", "pid, draw, month, type, points, days", "(0, 10, '2024-04-01', 0, 100, 1), (0, 11, '2024-05-01', 0, 500, 2), (0, 12, '2024-05-01', 1, 7, 3), (1, 13, '2024-05-01', 0, 40, 4)");
    let found = room.ask(&format!("{DP} type, COUNT(*, contribution_bounds_per_group => (0, 1)) AS n, SUM(points, contribution_bounds_per_group => (0, 450)) AS points, AVG(points, contribution_bounds_per_group => (0, 200)) AS mean FROM claim GROUP BY type"));
    // Persons, rows (at most 1), sums (600 clamped to 450, plus 40), means (300 clamped to 200, 40) centred on 100.
    assert_eq!(found, cells(&[("medical", &[2, 2, 490, 100 - 60]), ("dpc", &[1, 1, 7, 7 - 100])]));
}

#[test]
fn groups_are_chosen_by_the_smallest_draws() {
    let room = people();
    room.insert("claim", "pid, draw, month, type, points", "(0, 30, '2024-04-01', 0, 1), (0, 20, '2024-05-01', 1, 1), (0, 25, '2024-05-01', 1, 1), (0, 40, '2024-05-01', 2, 1), (1, 1, '2024-05-01', 3, 1)");
    let ask = |groups: u32| {
        room.ask(&format!("SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = 1, max_groups_contributed = {groups}) type, COUNT(DISTINCT person_id) AS n FROM claim GROUP BY type"))
    };
    assert_eq!(ask(1), cells(&[("dpc", &[1]), ("pharmacy", &[1])]));
    assert_eq!(ask(2), cells(&[("medical", &[1]), ("dpc", &[1]), ("pharmacy", &[1])]));
}

#[test]
fn rows_are_capped_by_the_smallest_draws() {
    let room = people();
    room.insert(
        "claim",
        "pid, draw, month, type, points",
        "(0, 30, '2024-04-01', 0, 1), (0, 20, '2024-05-01', 1, 2), (0, 10, '2024-05-01', 2, 4)",
    );
    let found = room.ask("SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = 1, max_rows_contributed = 2) COUNT(*) AS n, SUM(points, contribution_bounds_per_group => (0, 100)) AS points FROM claim");
    assert_eq!(found, cells(&[("", &[1, 2, 6])]));
}

#[test]
fn who_is_missing_is_found_by_a_left_join() {
    let room = people();
    room.insert(
        "checkup",
        "pid, draw, exam_date, hba1c",
        "(0, 1, '2024-05-01', 70), (1, 2, '2024-05-01', 60), (1, 3, '2024-05-02', 50)",
    );
    let seen = "WITH c AS (SELECT DISTINCT person_id FROM checkup)";
    let found = room.ask(&format!("{seen} {DP} sex, COUNT(*) AS n FROM person AS p LEFT JOIN c USING (person_id) WHERE c.person_id IS NULL GROUP BY sex"));
    assert_eq!(found, cells(&[("2", &[1]), ("other", &[1])]));
    let found = room.ask(&format!("{seen} {DP} c.person_id IS NOT NULL AS seen, COUNT(*) AS n FROM person AS p LEFT JOIN c ON p.person_id = c.person_id GROUP BY seen"));
    assert_eq!(found, cells(&[("false", &[2]), ("true", &[2])]));
}

#[test]
fn partners_are_counted_and_not_everybody() {
    let room = people();
    room.insert("diagnosis", "pid, draw, month, icd10", "(0, 1, '2024-05-01', 'E119'), (0, 2, '2024-06-01', 'E119'), (1, 3, '2024-05-01', 'I10'), (2, 4, '2024-05-01', 'E110')");
    let sick = "WITH d AS (SELECT person_id, COUNT(*) AS k FROM diagnosis WHERE icd10 LIKE 'E11%' GROUP BY person_id)";
    let found = room.ask(&format!("{sick} {DP} COUNT(*) AS everybody, COUNT(DISTINCT d.person_id) AS a, COUNT(d.person_id) AS b, COUNT(d.k) AS c FROM person LEFT JOIN d ON person.person_id = d.person_id"));
    // Persons; partners; values of k (a column of its own).
    assert_eq!(found, cells(&[("", &[4, 2, 2])]));
    let many = "WITH d AS (SELECT DISTINCT person_id FROM diagnosis WHERE icd10 LIKE 'E11%')";
    room.insert("claim", "pid, draw, month, points", "(0, 1, '2024-05-01', 5), (0, 2, '2024-07-01', 5), (1, 3, '2024-07-01', 5), (2, 4, '2024-01-01', 5), (3, 5, '2024-08-01', 5)");
    let found = room.ask(&format!("{many} {DP} COUNT(d.person_id, contribution_bounds_per_group => (0, 9)) AS rows_met, COUNT(DISTINCT d.person_id) AS persons_met FROM claim LEFT JOIN d ON claim.person_id = d.person_id AND claim.month > DATE '2024-02-01'"));
    assert_eq!(found, cells(&[("", &[4, 2, 1])]));
    let inside = "WITH x AS (SELECT claim.person_id, COUNT(p.person_id) AS met FROM claim LEFT JOIN person AS p ON claim.person_id = p.person_id AND claim.month > DATE '2024-06-01' GROUP BY claim.person_id)";
    let found =
        room.ask(&format!("{inside} {DP} RANGE_BUCKET(met, [1, 2]) AS band, COUNT(*) AS n FROM x GROUP BY band"));
    // Person 2 has no such row; 0, 1 and 3 have one each.
    assert_eq!(found, cells(&[("0", &[1]), ("1", &[3])]));
}

#[test]
fn sums_on_different_grids_keep_apart() {
    let room = people();
    let found = room.ask(&format!(
        "{DP} SUM(IF(sex = '1', 5, 0)) AS a, SUM(IF(sex = '1', 0.5, 0)) AS b, SUM(IF(sex = '2', 5, 0)) AS c FROM person"
    ));
    assert_eq!(found, cells(&[("", &[4, 5, 5, 10])]));
}

#[test]
fn prefixes_sets_and_case_work_on_codes() {
    let room = people();
    room.insert("diagnosis", "pid, draw, month, icd10, suspected", "(0, 1, '2024-05-01', 'E119', FALSE), (0, 2, '2024-05-01', 'I10', FALSE), (1, 3, '2024-05-01', 'E119', TRUE), (2, 4, '2024-05-01', NULL, FALSE), (3, 5, '2024-05-01', 'E100', FALSE)");
    let found = room.ask(&format!("{DP} CASE WHEN STARTS_WITH(icd10, 'E11') THEN 'type 2' WHEN icd10 LIKE 'E1%' THEN 'other diabetes' WHEN icd10 IN ('I10') THEN 'hypertension' ELSE 'else' END AS what, COUNT(DISTINCT person_id) AS n FROM diagnosis WHERE NOT suspected GROUP BY what"));
    assert_eq!(found, cells(&[("type 2", &[1]), ("other diabetes", &[1]), ("hypertension", &[1]), ("else", &[1])]));
}

#[test]
fn a_store_outside_its_bounds_fails_nothing_and_moves_nothing_beyond() {
    let room = people();
    let wild = "(0, 1, 'infinity', 255, 2147483647, -2147483648), (1, 2, '-infinity', 200, -2147483648, 2147483647), (2, 3, NULL, NULL, NULL, NULL)";
    room.insert("checkup", "pid, draw, exam_date, kind, sbp, hba1c", wild);
    for body in [
        "kind, COUNT(*, contribution_bounds_per_group => (0, 1)) AS n, SUM(sbp * sbp * sbp * sbp, contribution_bounds_per_group => (0, 7)) AS s FROM checkup GROUP BY kind",
        "FISCAL_YEAR(exam_date) AS y, AVG(hba1c) AS h FROM checkup GROUP BY y",
        "DATE_TRUNC(exam_date, MONTH) AS m, COUNT(DISTINCT person_id) AS n FROM checkup GROUP BY m",
        "DIV(sbp, 10) AS d, AVG(hba1c * hba1c - sbp) AS h FROM checkup GROUP BY d",
    ] {
        let plan = room.plan(&format!("{DP} {body}"));
        for cell in room.run(&plan) {
            for (value, statistic) in cell.iter().zip(plan.statistics()) {
                let most = i128::from(statistic.lo.unsigned_abs().max(statistic.hi.unsigned_abs())) * 3;
                assert!(value.abs() <= most, "{body}: {value} of {statistic:?}");
            }
        }
    }
}

#[test]
fn no_word_of_the_question_reaches_the_engine() {
    let room = people();
    let question = format!(
        "WITH canary_cte AS (SELECT person_id AS person_id, MAX(sbp) AS canary_col FROM checkup AS canary_t WHERE kind = 'tokutei' GROUP BY person_id) {DP} RANGE_BUCKET(canary_col, [100]) AS canary_key, CASE WHEN sex = '1' THEN 'canary_label' ELSE 'x' END AS s, COUNT(*) AS canary_n FROM canary_cte JOIN person AS canary_p USING (person_id) GROUP BY canary_key, s"
    );
    let text = crate::engine::sql(&room.plan(&question), TODAY).unwrap();
    assert!(!text.contains("canary") && !text.contains("tokutei"), "{text}");
}

#[test]
fn a_result_of_another_shape_is_refused() {
    let room = people();
    let plan = room.plan(&format!("{DP} sex, COUNT(*) AS n FROM person GROUP BY sex"));
    for rows in [
        vec![vec![Some(3), Some(1)]],
        vec![vec![Some(-1), Some(1)]],
        vec![vec![None, Some(1)]],
        vec![vec![Some(0)]],
        vec![vec![Some(0), None]],
        vec![vec![Some(0), Some(1)]; 2],
        vec![vec![]],
    ] {
        assert!(crate::engine::dense(&plan, &rows).is_err(), "{rows:?}");
    }
}
