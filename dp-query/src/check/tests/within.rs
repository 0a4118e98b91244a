//! The language within a person: windows, sets of persons, code lists, the calendar. What passes, and what is refused where.

use datasets::catalogue::Catalogue;
use policies::CodeLists;

use super::{DP, plan};
use crate::relation::Rows;
use crate::run::fixture::population;
use crate::{References, check_with};

const NUMBERED: &str =
    "SELECT person_id, hba1c, ROW_NUMBER() OVER (PARTITION BY person_id ORDER BY exam_date DESC) AS n FROM checkup";

#[test]
fn a_row_number_bounds_rows_per_person() {
    let rows = |from: &str| plan(&format!("{DP} COUNT(DISTINCT person_id) AS n FROM {from}")).rows();
    assert_eq!(rows(&format!("({NUMBERED})")), Rows::Unbounded);
    assert_eq!(rows(&format!("({NUMBERED}) WHERE n = 1")), Rows::One);
    assert_eq!(rows(&format!("({NUMBERED}) WHERE n = 7")), Rows::One);
    assert_eq!(rows(&format!("({NUMBERED}) WHERE n <= 3 AND hba1c > 6")), Rows::AtMost(3));
    assert_eq!(rows(&format!("({NUMBERED}) WHERE 4 > n")), Rows::AtMost(3));
    assert_eq!(rows(&format!("({NUMBERED}) WHERE n IN (1, 5)")), Rows::AtMost(2));
    assert_eq!(rows(&format!("({NUMBERED} QUALIFY n = 1)")), Rows::One);
    assert_eq!(
        rows(&format!(
            "(SELECT person_id, m FROM (SELECT person_id, n AS m FROM ({NUMBERED})) WHERE m BETWEEN 1 AND 2)"
        )),
        Rows::AtMost(2)
    );
    // What may repeat a number bounds nothing.
    assert_eq!(rows(&format!("({NUMBERED}) WHERE n = 1 OR hba1c > 6")), Rows::Unbounded);
    assert_eq!(rows(&format!("({NUMBERED}) WHERE n > 2")), Rows::Unbounded);
    assert_eq!(
        rows(&format!("({}) WHERE n = 1", NUMBERED.replace("person_id ORDER", "person_id, kind ORDER"))),
        Rows::Unbounded
    );
    let joined = format!(
        "SELECT a.person_id, a.n FROM ({NUMBERED}) AS a JOIN (SELECT DISTINCT person_id, kind FROM checkup) AS b USING (person_id)"
    );
    let question = format!(
        "SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = 1, max_rows_contributed = 8) COUNT(DISTINCT person_id) AS m FROM ({joined}) WHERE n = 1"
    );
    assert_eq!(plan(&question).rows(), Rows::AtMost(8));
}

#[test]
fn bounds_follow_through_windows_and_the_calendar() {
    let bounds = |select: &str, from: &str| {
        let plan = plan(&format!("WITH w AS (SELECT person_id, {select} AS x FROM {from}) {DP} AVG(x) AS x FROM w"));
        let last = plan.statistics().last().unwrap();
        (last.lo + last.centre, last.hi + last.centre, last.digits)
    };
    let over = "OVER (PARTITION BY person_id ORDER BY exam_date ROWS BETWEEN 2 PRECEDING AND CURRENT ROW)";
    assert_eq!(bounds(&format!("SUM(hba1c) {over}"), "checkup"), (30, 540, 1));
    assert_eq!(bounds(&format!("COUNT(*) {over}"), "checkup"), (1, 3, 0));
    assert_eq!(
        bounds("hba1c - LAG(hba1c) OVER (PARTITION BY person_id ORDER BY exam_date)", "checkup"),
        (-150, 150, 1)
    );
    assert_eq!(
        bounds(
            "DATE_DIFF(exam_date + INTERVAL 1 YEAR, exam_date, DAY)",
            "checkup WHERE exam_date BETWEEN '2023-04-01' AND '2024-03-31'"
        ),
        (1, 730, 0)
    );
    assert_eq!(bounds("ROUND(hba1c)", "checkup"), (3, 18, 0));
    assert_eq!(bounds("FLOOR(-hba1c)", "checkup"), (-18, -3, 0));
    assert_eq!(bounds("MOD(sbp, 10)", "checkup"), (0, 9, 0));
    assert_eq!(bounds("EXTRACT(DAYOFWEEK FROM exam_date)", "checkup"), (1, 7, 0));
}

#[test]
fn quarters_and_years_are_closed_lists_of_their_own() {
    let key = |e: &str| {
        let plan = plan(&format!(
            "WITH q AS (SELECT person_id, {e} AS q FROM checkup WHERE exam_date BETWEEN '2023-05-17' AND '2024-06-30') {DP} q, COUNT(DISTINCT person_id) AS n FROM q GROUP BY q"
        ));
        (plan.keys()[0].values.join(" "), plan.keys()[0].meanings[0].clone())
    };
    assert_eq!(
        key("DATE_TRUNC(exam_date, QUARTER)"),
        ("2023-04 2023-07 2023-10 2024-01 2024-04".to_owned(), "2023-04 – 2023-06".to_owned())
    );
    assert_eq!(key("DATE_TRUNC(exam_date, YEAR)"), ("2023-01 2024-01".to_owned(), "2023-01 – 2023-12".to_owned()));
    assert_eq!(
        key("DATE_ADD(DATE_TRUNC(exam_date, QUARTER), INTERVAL 3 MONTH)").0,
        "2023-07 2023-10 2024-01 2024-04 2024-07"
    );
    assert_eq!(key("IF(sbp > 1, DATE_TRUNC(exam_date, YEAR), DATE '2023-02-01')").0.split(' ').count(), 13);
    // A filter that begins within a quarter leaves the quarters that begin after it.
    let cut = plan(&format!(
        "WITH q AS (SELECT person_id, DATE_TRUNC(exam_date, QUARTER) AS q FROM checkup) {DP} q, COUNT(DISTINCT person_id) AS n FROM q WHERE q BETWEEN '2023-05-01' AND '2023-12-31' GROUP BY q"
    ));
    assert_eq!(cut.keys()[0].values, ["2023-07", "2023-10"]);
}

#[test]
fn a_list_stands_in_the_plan_with_its_digest() {
    let catalogue = Catalogue::builtin().unwrap();
    let text = |codes: &str| {
        format!("name = \"x-v1\"\ntitle = \"x\"\nsystem = \"ICD-10\"\nsource = \"paper\"\nprefixes = [{codes}]\n")
    };
    let plan = |list: &str| {
        let mut lists = CodeLists::default();
        lists.add(list).unwrap();
        let question = format!(
            "{DP} COUNT(DISTINCT person_id) AS n FROM diagnosis WHERE icd10 IN CODELIST('x-v1') OR icd10 NOT IN codelist(\"x-v1\")"
        );
        check_with(&question, &catalogue, &population(), References { lists: &lists, public: &[] }).unwrap()
    };
    let base = plan(&text("\"E11\""));
    assert_eq!(base.cited().len(), 1);
    assert_eq!(base.cited()[0].name, "x-v1");
    assert_ne!(base.digest().unwrap(), plan(&text("\"E12\"")).digest().unwrap());
    // The same codes with another source are another list.
    assert_ne!(base.digest().unwrap(), plan(&text("\"E11\"").replace("paper", "book")).digest().unwrap());
}

#[test]
fn a_set_of_persons_is_a_truth_value_of_the_person() {
    let sick = "SELECT person_id FROM diagnosis WHERE icd10 IN CODELIST('t2dm-v1')";
    let asked = plan(&format!(
        "{DP} person_id IN ({sick}) AS sick, type, COUNT(DISTINCT person_id) AS n FROM claim GROUP BY sick, type"
    ));
    // Sick or not is the same in all rows of a person.
    assert_eq!(asked.max_groups(), 5);
    assert_eq!(asked.cited()[0].name, "t2dm-v1");
    let columns: Vec<String> = asked.columns().iter().map(|(t, c)| format!("{t}.{c}")).collect();
    assert_eq!(columns, ["claim.type", "diagnosis.icd10"]);
    for body in [
        format!("COUNT(*) AS n FROM person WHERE person_id IN ({sick})"),
        format!("COUNT(*) AS n FROM person WHERE sex = '1' AND person_id NOT IN ({sick}) OR sex = '2'"),
        "COUNT(*) AS n FROM person AS p WHERE EXISTS (SELECT 1 FROM claim AS c WHERE c.person_id = p.person_id AND c.points > 100)".to_owned(),
        "COUNT(*) AS n FROM person AS p WHERE NOT EXISTS (SELECT * FROM claim AS c WHERE p.person_id = c.person_id)".replace('*', "1").replace("COUNT(1)", "COUNT(*)"),
        format!("COUNTIF(person_id IN ({sick})) AS n FROM person"),
    ] {
        assert_eq!(plan(&format!("{DP} {body}")).rows(), Rows::One, "{body}");
    }
    let grouped = format!(
        "WITH g AS (SELECT person_id, COUNT(*) AS k, COUNTIF(person_id IN ({sick})) AS s, person_id IN ({sick}) AS t FROM claim GROUP BY person_id HAVING person_id IN ({sick})) {DP} t, AVG(LEAST(k, s, 9)) AS x FROM g GROUP BY t"
    );
    assert_eq!(plan(&grouped).rows(), Rows::One);
}

#[test]
fn refusals_point_at_the_spot() {
    let over = |window: &str| {
        format!("WITH w AS (SELECT person_id, {window} AS x FROM checkup) {DP} COUNT(DISTINCT person_id) AS n FROM w")
    };
    let from = |body: &str| format!("{DP} COUNT(DISTINCT person_id) AS n FROM {body}");
    super::refusals::demand(&[
        // Windows.
        (over("ROW_NUMBER() OVER (ORDER BY exam_date)"), "person", "ROW_NUMBER()"),
        (over("ROW_NUMBER() OVER (PARTITION BY kind ORDER BY exam_date)"), "person", ""),
        (over("ROW_NUMBER() OVER (PARTITION BY person_id)"), "window", ""),
        (over("ROW_NUMBER() OVER (PARTITION BY person_id ORDER BY kind)"), "type", "kind"),
        (over("ROW_NUMBER() OVER (PARTITION BY person_id ORDER BY person_id)"), "type", "person_id"),
        (over("ROW_NUMBER() OVER w"), "unsupported", ""),
        (over("ROW_NUMBER()"), "window", ""),
        (over("RANK() OVER (PARTITION BY person_id ORDER BY exam_date)"), "unsupported", ""),
        (over("SUM(sbp) OVER (PARTITION BY person_id ORDER BY exam_date)"), "window", ""),
        (
            over(
                "SUM(sbp) OVER (PARTITION BY person_id ORDER BY exam_date RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)",
            ),
            "window",
            "",
        ),
        (
            over("SUM(sbp) OVER (PARTITION BY person_id ORDER BY exam_date ROWS BETWEEN 1 FOLLOWING AND 1 PRECEDING)"),
            "window",
            "",
        ),
        (
            over(
                "SUM(sbp) OVER (PARTITION BY person_id ORDER BY exam_date ROWS BETWEEN sbp PRECEDING AND CURRENT ROW)",
            ),
            "type",
            "sbp",
        ),
        (over("SUM(sbp) OVER (PARTITION BY person_id ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)"), "window", ""),
        (over("SUM(kind) OVER (PARTITION BY person_id)"), "type", "kind"),
        (over("COUNT(DISTINCT kind) OVER (PARTITION BY person_id)"), "unsupported", ""),
        (over("LAST_VALUE(sbp) OVER (PARTITION BY person_id ORDER BY exam_date)"), "window", ""),
        (over("LAG(sbp, sbp) OVER (PARTITION BY person_id ORDER BY exam_date)"), "type", "sbp"),
        (over("LAG(sbp, 1, 0) OVER (PARTITION BY person_id ORDER BY exam_date)"), "type", ""),
        (
            over(
                "LAG(LAG(sbp) OVER (PARTITION BY person_id ORDER BY exam_date)) OVER (PARTITION BY person_id ORDER BY exam_date)",
            ),
            "window",
            "LAG(sbp)",
        ),
        (
            from("checkup WHERE ROW_NUMBER() OVER (PARTITION BY person_id ORDER BY exam_date) = 1"),
            "window",
            "ROW_NUMBER()",
        ),
        (format!("{DP} ROW_NUMBER() OVER (PARTITION BY person_id ORDER BY exam_date) AS n FROM checkup"), "window", ""),
        (format!("{DP} SUM(sbp) OVER (PARTITION BY person_id) AS n FROM checkup"), "window", ""),
        (
            format!(
                "{DP} COUNT(DISTINCT person_id) AS n FROM checkup QUALIFY ROW_NUMBER() OVER (PARTITION BY person_id ORDER BY exam_date) = 1"
            ),
            "unsupported",
            "",
        ),
        (from("(SELECT person_id, MAX(sbp) AS s FROM checkup GROUP BY person_id QUALIFY s > 1)"), "window", ""),
        (from("(SELECT person_id, sbp FROM checkup QUALIFY sbp > 1)"), "window", "sbp > 1"),
        (
            from(
                "(SELECT person_id, SUM(ROW_NUMBER() OVER (PARTITION BY person_id ORDER BY exam_date)) AS s FROM checkup GROUP BY person_id)",
            ),
            "window",
            "",
        ),
        // Sets of persons.
        (from("person WHERE EXISTS (SELECT 1 FROM checkup)"), "person", ""),
        (
            from("person AS p WHERE EXISTS (SELECT 1 FROM checkup AS c WHERE c.person_id = p.person_id OR TRUE)"),
            "person",
            "",
        ),
        (from("person AS p WHERE EXISTS (SELECT 1 FROM checkup AS c WHERE c.person_id = c.person_id)"), "person", ""),
        (
            from("person AS p WHERE EXISTS (SELECT COUNT(*) FROM checkup AS c WHERE c.person_id = p.person_id)"),
            "unsupported",
            "",
        ),
        (
            from(
                "person AS p WHERE EXISTS (SELECT 1 FROM checkup AS c WHERE c.person_id = p.person_id AND c.exam_date > p.birth_ym)",
            ),
            "unknown_table",
            "p.birth_ym",
        ),
        (from("person WHERE sex IN (SELECT sex FROM person)"), "unsupported", ""),
        (from("person WHERE person_id IN (SELECT person_id, sex FROM person)"), "person", ""),
        (from("person WHERE person_id IN (SELECT person_id FROM checkup LIMIT 5)"), "unsupported", ""),
        (from("person WHERE person_id = (SELECT person_id FROM person)"), "unsupported", ""),
        (
            from(
                "claim AS c JOIN person AS p ON c.person_id = p.person_id AND p.person_id IN (SELECT person_id FROM checkup)",
            ),
            "unsupported",
            "",
        ),
        // Code lists.
        (from("diagnosis WHERE icd10 IN CODELIST('t2dm-v9')"), "unknown_list", "'t2dm-v9'"),
        (from("diagnosis WHERE code IN CODELIST('t2dm-v1')"), "type", "CODELIST('t2dm-v1')"),
        (from("act WHERE yj IN CODELIST('hypertension-v1')"), "type", ""),
        (from("diagnosis WHERE LEFT(icd10, 3) IN CODELIST('t2dm-v1')"), "type", ""),
        (from("person WHERE sex IN CODELIST('t2dm-v1')"), "type", "sex"),
        (from("diagnosis WHERE icd10 IN CODELIST(icd10)"), "type", "icd10"),
        (from("diagnosis WHERE icd10 = CODELIST('t2dm-v1')"), "type", ""),
        (from("diagnosis WHERE icd10 IN CODELIST('t2dm-v1'"), "syntax", ""),
        // Public tables.
        (format!("WITH c(k) AS (VALUES ('1')) {DP} COUNT(*) AS n FROM c"), "person", "c"),
        (
            format!("WITH c(k) AS (VALUES ('1')) {DP} COUNT(*) AS n FROM c JOIN person ON c.k = person.sex"),
            "person",
            "c",
        ),
        (format!("WITH c(k) AS (VALUES ('1')) {DP} COUNT(*) AS n FROM person JOIN c ON person.sex <> c.k"), "join", ""),
        (format!("WITH c(k) AS (VALUES ('1')) {DP} COUNT(*) AS n FROM person JOIN c ON TRUE"), "join", ""),
        (format!("WITH c(k) AS (VALUES ('1')) {DP} COUNT(*) AS n FROM person CROSS JOIN c"), "join", ""),
        (format!("WITH c(k) AS (VALUES ('1')) {DP} COUNT(*) AS n FROM person JOIN c USING (person_id)"), "join", ""),
        (
            format!("WITH c(k) AS (VALUES ('1')) {DP} COUNT(c.person_id) AS n FROM person JOIN c ON sex = c.k"),
            "unknown_column",
            "c.person_id",
        ),
        (
            format!(
                "WITH c(k) AS (VALUES ('1')) {DP} COUNT(*) AS n FROM person JOIN c ON sex = c.k JOIN person AS q ON q.person_id = c.person_id"
            ),
            "join",
            "",
        ),
        (
            format!("WITH c(k) AS (VALUES ('9')) {DP} COUNT(*) AS n FROM person JOIN c ON sex = c.k"),
            "unknown_code",
            "k",
        ),
        (format!("WITH c(k) AS (VALUES (1)) {DP} COUNT(*) AS n FROM person JOIN c ON sex = c.k"), "type", "k"),
        (
            format!(
                "WITH c(k) AS (VALUES ('1'' OR')) {DP} COUNT(DISTINCT person_id) AS n FROM diagnosis JOIN c ON icd10 = c.k"
            ),
            "type",
            "",
        ),
        (format!("WITH c(k, v) AS (VALUES ('1')) {DP} COUNT(*) AS n FROM person JOIN c ON sex = c.k"), "public", ""),
        (
            format!("WITH c(k, v) AS (VALUES ('1', 1), ('2', 'x')) {DP} COUNT(*) AS n FROM person JOIN c ON sex = c.k"),
            "public",
            "",
        ),
        (
            format!("WITH c(k, v) AS (VALUES ('1', sex)) {DP} COUNT(*) AS n FROM person JOIN c ON sex = c.k"),
            "unknown_column",
            "sex",
        ),
        (format!("WITH c AS (VALUES ('1')) {DP} COUNT(*) AS n FROM person JOIN c ON sex = c.k"), "unsupported", "c"),
        (format!("WITH c(k) AS (SELECT person_id FROM person) {DP} COUNT(*) AS n FROM c"), "unsupported", "c(k)"),
        (format!("WITH c(k) AS (VALUES ('1')) {DP} COUNT(*) AS n FROM person"), "unused", ""),
        (format!("{DP} COUNT(*) AS n FROM person JOIN PUBLIC('c.csv') AS c ON sex = c.k"), "unknown_table", "'c.csv'"),
        (format!("{DP} COUNT(*) AS n FROM person JOIN PUBLIC(sex) AS c ON sex = c.k"), "type", ""),
        (
            format!(
                "WITH c(k, v) AS (VALUES ('1', 1), ('1', 2)) {DP} v, COUNT(*) AS n, SUM(v) AS s FROM claim JOIN person USING (person_id) JOIN c ON sex = c.k GROUP BY v"
            ),
            "bounds",
            "",
        ),
        // The calendar and grids.
        (from("checkup WHERE DATE_ADD(exam_date, INTERVAL 3 HOUR) > exam_date"), "type", ""),
        (from("checkup WHERE DATE_ADD(exam_date, INTERVAL 99999999 DAY) > exam_date"), "bounds", ""),
        (from("checkup WHERE DATE_ADD(exam_date, INTERVAL 9000 YEAR) > exam_date"), "type", ""),
        (from("checkup WHERE DATE_ADD(exam_date, INTERVAL sbp MONTH) > exam_date"), "type", ""),
        (from("checkup WHERE DATE_ADD(sbp, INTERVAL 3 DAY) > exam_date"), "type", "sbp"),
        (from("checkup WHERE INTERVAL 3 DAY > exam_date"), "type", ""),
        (from("checkup WHERE exam_date * INTERVAL 3 DAY > exam_date"), "type", ""),
        (from("checkup WHERE DATE_DIFF(exam_date, sbp, DAY) > 3"), "type", "sbp"),
        (from("checkup WHERE DATE_DIFF(exam_date, exam_date, HOUR) > 3"), "unsupported", ""),
        (from("checkup WHERE DATE_TRUNC(exam_date, HOUR) > exam_date"), "unsupported", ""),
        (from("checkup WHERE MOD(sbp, 0) = 1"), "type", "0"),
        (from("checkup WHERE MOD(sbp, dbp) = 1"), "type", "dbp"),
        (from("checkup WHERE ROUND(hba1c, sbp) = 1"), "type", "sbp"),
        (from("checkup WHERE LEFT(kind, 1) = 'a'"), "type", "kind"),
    ]);
}
