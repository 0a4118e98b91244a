//! Questions of the kind that pharma and academia ask, and one for every function: each checks, and runs on odd data.

use super::fixture::Room;
use super::neighbours::{Dice, fill};

const QUESTIONS: [&str; 30] = [
    "SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = 1) COUNT(*) FROM person",
    "SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (target_margin = 50, confidence = 0.9) COUNT(DISTINCT person_id) AS n FROM enrolment",
    "SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = 1, delta = 1e-6, privacy_unit_column = person_id) sex, COUNT(person_id) AS n FROM person GROUP BY 1",
    "select with differential_privacy options (epsilon = .5) Sex, count(*) n from Person group by SEX;",
    "SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = 1, min_privacy_units_per_group = 20) DIV(AGE_AT(birth_ym, DATE '2025-03-31'), 10) AS decade, sex, COUNT(*) AS n FROM person GROUP BY decade, sex",
    "SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = 1) FISCAL_YEAR(month) AS fy, SUM(points, contribution_bounds_per_group => (0, 500000)) AS points FROM claim WHERE month BETWEEN '2023-04-01' AND '2025-03-01' GROUP BY fy",
    "SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = 1, max_groups_contributed = 3) month, type, COUNT(DISTINCT person_id) AS n FROM claim WHERE month >= DATE '2024-04-01' AND month < DATE '2025-04-01' GROUP BY month, type",
    "SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = 1) EXTRACT(MONTH FROM service_date) AS m, COUNT(DISTINCT person_id) AS n FROM act WHERE kind = 'drug' GROUP BY m",
    "SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = 1) EXTRACT(YEAR FROM exam_date) AS y, EXTRACT(DAY FROM exam_date) <= 15 AS early, COUNT(DISTINCT person_id) AS n FROM checkup WHERE exam_date >= '2023-01-01' GROUP BY y, early",
    "WITH dm AS (SELECT DISTINCT person_id FROM diagnosis WHERE icd10 LIKE 'E11%' AND NOT suspected), glp AS (SELECT person_id, MIN(service_date) AS first FROM act WHERE STARTS_WITH(yj, '2499') GROUP BY person_id) SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = 1) sex, glp.first IS NOT NULL AS treated, COUNT(*) AS n FROM dm JOIN person USING (person_id) LEFT JOIN glp USING (person_id) GROUP BY sex, treated",
    "WITH before AS (SELECT person_id, MAX_BY(hba1c, exam_date) AS h FROM checkup WHERE FISCAL_YEAR(exam_date) = 2023 GROUP BY person_id), after AS (SELECT person_id, MIN_BY(hba1c, exam_date) AS h FROM checkup WHERE FISCAL_YEAR(exam_date) = 2024 GROUP BY person_id) SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = 1) AVG(after.h - before.h) AS change, COUNTIF(after.h < before.h) AS better FROM before JOIN after USING (person_id)",
    "WITH f AS (SELECT person_id, LOGICAL_OR(metabo = '1') AS ever, LOGICAL_AND(bmi >= 25) AS always, MAX_BY(bmi >= 25.0, exam_date) AS now FROM checkup GROUP BY person_id) SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = 1) ever, always, now, COUNT(*) AS n FROM f GROUP BY ever, always, now",
    "WITH f AS (SELECT person_id, COUNT(DISTINCT date) AS days, COUNT(DISTINCT FISCAL_YEAR(date)) AS years, COUNT(steps) AS with_steps, COUNTIF(steps > 8000) AS active FROM lifelog_daily GROUP BY person_id HAVING days > 1 AND NOT years = 0) SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = 1) RANGE_BUCKET(days, [30, 90]) AS d, COUNT(*) AS n, AVG(LEAST(active, 365)) AS active FROM f GROUP BY d",
    "WITH w AS (SELECT person_id, FISCAL_YEAR(date) AS fy, AVG(steps) AS steps FROM lifelog_daily GROUP BY person_id, fy), c AS (SELECT person_id, FISCAL_YEAR(exam_date) AS fy, AVG(bmi) AS bmi FROM checkup GROUP BY person_id, fy) SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = 1) RANGE_BUCKET(steps, [5000, 10000]) AS band, COUNT(*) AS n, AVG(bmi) AS bmi FROM w JOIN c ON w.person_id = c.person_id AND w.fy = c.fy GROUP BY band",
    "SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = 1, max_rows_contributed = 10) COUNT(*) AS pairs FROM checkup AS c JOIN lifelog_daily AS l ON c.person_id = l.person_id AND l.date BETWEEN c.exam_date AND DATE '2025-03-31'",
    "SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = 1) COUNT(icd10, contribution_bounds_per_group => (0, 50)) AS n, COUNTIF(main, contribution_bounds_per_group => (0, 50)) AS main FROM diagnosis",
    "SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = 1) CASE outcome WHEN '1' THEN 'cured' ELSE 'else' END AS o, COUNT(DISTINCT person_id) AS n FROM diagnosis GROUP BY o",
    "SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = 1) IF(sex = '1', 'm', 'not m') AS s, COUNT(*) AS n FROM person GROUP BY s",
    "SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = 1) COALESCE(metabo, guidance, 'other') AS s, COUNT(DISTINCT person_id) AS n FROM checkup GROUP BY s",
    "SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = 1) CASE WHEN sbp > 140 THEN kind WHEN sbp IS NULL THEN NULL ELSE 'normal' END AS s, COUNT(DISTINCT person_id) AS n FROM checkup GROUP BY s",
    "SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = 1) AVG(ABS(sbp - dbp)) AS pulse, AVG(GREATEST(sbp, dbp, 100)) AS g, AVG(IFNULL(tg, 150)) AS tg, SUM(-sbp, contribution_bounds_per_group => (-300, 0)) AS neg FROM checkup",
    "SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = 1) AVG(bmi * bmi - 2 * bmi + 0.25) AS x, AVG(weight_kg * 1.05) AS y FROM checkup WHERE bmi IN (22, 22.5, 23.75) OR bmi NOT BETWEEN 18.5 AND 25",
    "SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = 1) COUNT(DISTINCT person_id) AS n FROM checkup WHERE (sbp >= 140 OR dbp >= 90) IS TRUE AND (metabo = '1') IS NOT FALSE AND kind NOT IN ('gan', 'other') AND kind LIKE '%o%' AND kind <> 'tokutei'",
    "SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = 1) COUNT(DISTINCT person_id) AS n FROM claim AS a WHERE a.facility IS NOT NULL AND FALSE",
    "SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = 1, max_rows_contributed = 4) COUNT(DISTINCT person_id) AS n FROM claim AS a JOIN claim AS b ON a.person_id = b.person_id AND a.facility = b.facility AND a.month < b.month",
    "SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = 1) DATE_TRUNC(date, MONTH) AS m, AVG(steps) AS steps FROM lifelog_daily WHERE date >= '2024-04-01' AND date <= '2024-09-30' GROUP BY m",
    "SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = 1) date, COUNT(DISTINCT person_id) AS n FROM lifelog_daily WHERE date BETWEEN '2024-04-01' AND '2024-04-07' GROUP BY date",
    "SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = 1) RANGE_BUCKET(exam_date, [DATE '2023-04-01', DATE '2024-04-01']) AS d, COUNT(DISTINCT person_id) AS n FROM checkup GROUP BY d",
    "WITH a AS (SELECT person_id, sex, birth_ym FROM person WHERE sex IN ('1', '2')), b AS (SELECT person_id, sex, AGE_AT(birth_ym, DATE '2025-03-31') AS age FROM a) SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = 1) sex, AVG(age) AS age FROM b WHERE age BETWEEN 0 AND 110 GROUP BY sex",
    "SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = 1) relation, insurer_kind, COUNT(DISTINCT person_id) AS n FROM enrolment WHERE start_date <= DATE '2024-04-01' AND (end_date IS NULL OR end_date > DATE '2024-04-01') GROUP BY relation, insurer_kind",
];

#[test]
fn all_pass_and_run_on_odd_data_and_on_none() {
    let empty = Room::new();
    let odd = Room::new();
    fill(&odd, &mut Dice(7));
    for question in QUESTIONS {
        let plan = odd.plan(question);
        let cells = odd.run(&plan);
        assert_eq!(cells.len(), plan.cells(), "{question}");
        let nothing = empty.run(&plan);
        assert_eq!(nothing, vec![vec![0; plan.width()]; plan.cells()], "{question}");
    }
}
