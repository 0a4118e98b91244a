//! Windows, sets of persons, code lists and the calendar: exact integers against what is computed by hand.

use super::fixture::Room;
use super::{DP, cells, people};

/// Person 0: four checkups, two on one day; person 1: one; person 2: one without a value; person 3: none.
fn checkups() -> Room {
    let room = people();
    room.insert(
        "checkup",
        "pid, draw, exam_date, sbp, kind",
        "(0, 9, '2023-05-01', 120, 0), (0, 5, '2024-05-01', 130, 1), (0, 3, '2024-05-01', 140, 0), (0, 7, '2025-05-01', 150, 1), \
         (1, 1, '2024-06-01', 160, 0), (2, 2, '2024-06-01', NULL, 1)",
    );
    room
}

/// Rows of `x` (shown as a closed list) counted per value.
fn column(room: &Room, x: &str) -> Vec<(String, i128)> {
    let question = format!(
        "WITH w AS (SELECT person_id, {x} AS x FROM checkup) {DP} LEAST(GREATEST(x, -9), 990) AS y, COUNT(*, contribution_bounds_per_group => (0, 9)) AS n FROM w GROUP BY y"
    );
    room.ask(&question).into_iter().map(|(name, values)| (name, values[1])).collect()
}

fn listed(list: &[(&str, i128)]) -> Vec<(String, i128)> {
    list.iter().map(|(name, n)| ((*name).to_owned(), *n)).collect()
}

#[test]
fn rows_are_numbered_and_ties_go_by_the_draw() {
    let room = checkups();
    let at = |order: &str, n: u32| {
        column(
            &room,
            &format!(
                "CASE WHEN ROW_NUMBER() OVER (PARTITION BY person_id ORDER BY {order}) = {n} THEN sbp ELSE -1 END"
            ),
        )
    };
    // Draw 3 (140) comes before draw 5 (130), upwards as downwards.
    assert_eq!(at("exam_date", 2), listed(&[("-1", 5), ("140", 1)]));
    assert_eq!(at("exam_date DESC", 2), listed(&[("-1", 5), ("140", 1)]));
    assert_eq!(at("exam_date DESC", 3), listed(&[("-1", 5), ("130", 1)]));
    assert_eq!(at("exam_date, sbp", 2), listed(&[("-1", 5), ("130", 1)]));
    let one = |tail: &str| {
        room.ask(&format!("WITH l AS (SELECT person_id, sbp, ROW_NUMBER() OVER (PARTITION BY person_id ORDER BY exam_date DESC) AS n FROM checkup {tail}) {DP} COUNT(*) AS n, SUM(sbp, contribution_bounds_per_group => (0, 300)) AS s FROM l WHERE n = 1"))
    };
    assert_eq!(one(""), cells(&[("", &[3, 310])]));
    assert_eq!(one("QUALIFY n <= 2"), cells(&[("", &[3, 310])]));
    assert_eq!(one("WHERE sbp < 150"), cells(&[("", &[1, 140])]));
    // NULL is the least: first upwards, last downwards.
    let nulls = |order: &str| {
        column(
            &room,
            &format!(
                "CASE WHEN ROW_NUMBER() OVER (PARTITION BY person_id ORDER BY IF(sbp = 130, NULL, sbp) {order}) = 1 THEN sbp ELSE -1 END"
            ),
        )
    };
    assert_eq!(nulls("")[1].0, "130");
    assert_eq!(nulls("DESC")[1].0, "150");
    assert_eq!(nulls("DESC NULLS FIRST")[1].0, "130");
    assert_eq!(nulls("NULLS LAST")[1].0, "120");
}

#[test]
fn neighbours_of_a_row_are_its_persons_only() {
    let room = checkups();
    let over = "OVER (PARTITION BY person_id ORDER BY exam_date, sbp)";
    assert_eq!(column(&room, &format!("LAG(sbp) {over}")), listed(&[("120", 1), ("130", 1), ("140", 1), ("NULL", 3)]));
    assert_eq!(column(&room, &format!("LEAD(sbp, 2) {over}")), listed(&[("140", 1), ("150", 1), ("NULL", 4)]));
    assert_eq!(column(&room, &format!("sbp - LAG(sbp) {over}")), listed(&[("10", 3), ("NULL", 3)]));
    assert_eq!(column(&room, &format!("FIRST_VALUE(sbp) {over}")), listed(&[("120", 4), ("160", 1), ("NULL", 1)]));
    assert_eq!(
        column(
            &room,
            "LAST_VALUE(sbp) OVER (PARTITION BY person_id ORDER BY exam_date, sbp ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)"
        ),
        listed(&[("150", 4), ("160", 1), ("NULL", 1)])
    );
}

#[test]
fn frames_hold_what_they_say() {
    let room = checkups();
    let frame = |f: &str, from: &str, to: &str| {
        column(
            &room,
            &format!("{f} OVER (PARTITION BY person_id ORDER BY exam_date, sbp ROWS BETWEEN {from} AND {to})"),
        )
    };
    let (before, now, after) = ("UNBOUNDED PRECEDING", "CURRENT ROW", "UNBOUNDED FOLLOWING");
    assert_eq!(
        frame("SUM(sbp)", before, now),
        listed(&[("120", 1), ("160", 1), ("250", 1), ("390", 1), ("540", 1), ("NULL", 1)])
    );
    assert_eq!(
        frame("SUM(sbp)", "1 PRECEDING", "1 PRECEDING"),
        listed(&[("120", 1), ("130", 1), ("140", 1), ("NULL", 3)])
    );
    assert_eq!(
        frame("AVG(sbp)", "1 PRECEDING", now),
        listed(&[("120", 1), ("125", 1), ("135", 1), ("145", 1), ("160", 1), ("NULL", 1)])
    );
    assert_eq!(frame("COUNT(*)", now, after), listed(&[("1", 3), ("2", 1), ("3", 1), ("4", 1)]));
    assert_eq!(frame("COUNT(sbp)", "1 FOLLOWING", "2 FOLLOWING"), listed(&[("0", 3), ("1", 1), ("2", 2)]));
    assert_eq!(
        frame("MAX(sbp)", now, "1 FOLLOWING"),
        listed(&[("130", 1), ("140", 1), ("150", 2), ("160", 1), ("NULL", 1)])
    );
    // All rows of the person, and of the person and kind.
    assert_eq!(column(&room, "MIN(sbp) OVER (PARTITION BY person_id)"), listed(&[("120", 4), ("160", 1), ("NULL", 1)]));
    assert_eq!(column(&room, "COUNT(*) OVER (PARTITION BY person_id, kind)"), listed(&[("1", 2), ("2", 4)]));
    assert_eq!(
        column(&room, "COUNTIF(sbp > 125) OVER (PARTITION BY person_id)"),
        listed(&[("0", 1), ("1", 1), ("3", 4)])
    );
}

#[test]
fn sets_of_persons_keep_and_drop_whole_persons() {
    let room = checkups();
    room.insert(
        "diagnosis",
        "pid, draw, month, icd10",
        "(0, 1, '2024-05-01', 'E119'), (0, 2, '2024-06-01', 'E110'), (1, 3, '2024-05-01', 'I10'), (3, 4, '2024-05-01', 'E119')",
    );
    let sick = "SELECT person_id FROM diagnosis WHERE icd10 IN CODELIST('t2dm-v1')";
    let count = |body: &str| room.ask(&format!("{DP} COUNT(DISTINCT person_id) AS n FROM {body}"));
    let n = |k: i128| if k == 0 { Vec::new() } else { cells(&[("", &[k])]) };
    assert_eq!(count(&format!("person WHERE person_id IN ({sick})")), n(2));
    assert_eq!(count(&format!("person WHERE person_id NOT IN ({sick})")), n(2));
    assert_eq!(count(&format!("checkup WHERE person_id IN ({sick})")), n(1));
    assert_eq!(count(&format!("checkup WHERE person_id IN ({sick}) OR sbp = 160")), n(2));
    assert_eq!(
        count(&format!("person WHERE person_id IN ({sick}) AND person_id IN (SELECT person_id FROM checkup)")),
        n(1)
    );
    assert_eq!(
        count(
            "person AS p WHERE EXISTS (SELECT 1 FROM diagnosis AS d WHERE d.person_id = p.person_id AND d.icd10 IN CODELIST('hypertension-v1'))"
        ),
        n(1)
    );
    assert_eq!(
        count("person AS p WHERE NOT EXISTS (SELECT 1 FROM diagnosis AS d WHERE p.person_id = d.person_id)"),
        n(1)
    );
    assert_eq!(count("person AS p WHERE EXISTS (SELECT 1 FROM diagnosis AS d JOIN checkup AS c USING (person_id) WHERE p.person_id = d.person_id AND c.sbp > 155)".replace("FROM diagnosis AS d JOIN checkup AS c USING (person_id)", "FROM (SELECT DISTINCT person_id FROM diagnosis) AS d JOIN checkup AS c USING (person_id)").as_str()), n(1));
    let split = room.ask(&format!("{DP} person_id IN ({sick}) AS sick, COUNT(*) AS n, COUNTIF(person_id IN (SELECT person_id FROM checkup)) AS c FROM person GROUP BY sick"));
    assert_eq!(split, cells(&[("false", &[2, 2]), ("true", &[2, 1])]));
    let grouped = room.ask(&format!("WITH g AS (SELECT person_id, COUNTIF(person_id IN ({sick})) AS s, person_id IN ({sick}) AS t FROM checkup GROUP BY person_id HAVING person_id NOT IN (SELECT person_id FROM diagnosis WHERE icd10 = 'I10')) {DP} t, COUNT(*) AS n, SUM(LEAST(s, 9)) AS s FROM g GROUP BY t"));
    assert_eq!(grouped, cells(&[("false", &[1, 0]), ("true", &[1, 4])]));
}

#[test]
fn lists_and_codes_mix() {
    let room = people();
    room.insert("diagnosis", "pid, draw, month, icd10", "(0, 1, '2024-05-01', 'E119'), (1, 3, '2024-05-01', 'I10'), (2, 3, '2024-05-01', 'I14'), (3, 4, '2024-05-01', NULL)");
    let count = |condition: &str| {
        room.ask(&format!("{DP} COUNT(DISTINCT person_id) AS n FROM diagnosis WHERE {condition}"))
            .first()
            .map_or(0, |(_, v)| v[0])
    };
    assert_eq!(count("icd10 IN CODELIST('t2dm-v1')"), 1);
    assert_eq!(count("icd10 IN (CODELIST('t2dm-v1'), CODELIST('hypertension-v1'))"), 2);
    assert_eq!(count("icd10 IN (CODELIST('t2dm-v1'), 'I14', 'I10')"), 3);
    assert_eq!(count("icd10 NOT IN CODELIST('t2dm-v1')"), 2);
    assert_eq!(count("(icd10 IN CODELIST('t2dm-v1')) IS NOT TRUE"), 3);
    assert_eq!(count("LEFT(icd10, 2) = 'I1' AND SUBSTR(icd10, 1, 1) IN ('I', 'E')"), 2);
}

#[test]
fn the_calendar_is_googles() {
    let room = people();
    room.insert(
        "checkup",
        "pid, draw, exam_date",
        "(0, 1, '2024-01-31'), (1, 2, '2023-12-31'), (2, 3, '2024-02-29'), (3, 4, '2024-03-03')",
    );
    let count = |condition: &str| {
        room.ask(&format!("{DP} COUNT(DISTINCT person_id) AS n FROM checkup WHERE {condition}"))
            .first()
            .map_or(0, |(_, v)| v[0])
    };
    for (condition, persons) in [
        // The day beyond the month's end becomes its last.
        ("DATE_ADD(exam_date, INTERVAL 1 MONTH) = DATE '2024-02-29'", 1),
        ("exam_date + INTERVAL 2 MONTH = DATE '2024-02-29'", 1),
        ("exam_date - INTERVAL 12 MONTH = DATE '2023-02-28'", 1),
        ("DATE_SUB(exam_date, INTERVAL 1 YEAR) = DATE '2023-02-28'", 1),
        ("DATE_ADD(exam_date, INTERVAL -1 QUARTER) = DATE '2023-10-31'", 1),
        ("DATE_ADD(exam_date, INTERVAL 1 WEEK) = DATE '2024-02-07'", 1),
        ("INTERVAL '31' DAY + exam_date = DATE '2024-01-31'", 1),
        ("DATE_DIFF(DATE '2024-03-01', exam_date, DAY) = 1", 1),
        ("DATE_DIFF(exam_date, DATE '2024-03-01', DAY) < 0", 3),
        // Boundaries, not whole months.
        ("DATE_DIFF(DATE '2024-03-01', exam_date, MONTH) = 1", 1),
        ("DATE_DIFF(DATE '2024-01-01', exam_date, YEAR) = 1", 1),
        ("DATE_TRUNC(exam_date, QUARTER) = DATE '2024-01-01'", 3),
        ("DATE_TRUNC(exam_date, YEAR) = DATE '2023-01-01'", 1),
        ("DATE_TRUNC(exam_date, MONTH) = DATE '2024-02-01'", 1),
        ("LAST_DAY(exam_date) = exam_date", 3),
        ("EXTRACT(QUARTER FROM exam_date) = 4", 1),
        // 2024-03-03 and 2023-12-31 were Sundays, 2024-01-31 a Wednesday.
        ("EXTRACT(DAYOFWEEK FROM exam_date) = 1", 2),
        ("EXTRACT(DAYOFWEEK FROM exam_date) = 4", 1),
        ("EXTRACT(DAYOFWEEK FROM DATE_SUB(exam_date, INTERVAL 70 YEAR)) BETWEEN 1 AND 7", 4),
    ] {
        assert_eq!(count(condition), persons, "{condition}");
    }
}

#[test]
fn quarters_and_years_are_groups() {
    let room = people();
    room.insert(
        "checkup",
        "pid, draw, exam_date",
        "(0, 1, '2024-01-31'), (1, 2, '2023-12-31'), (2, 3, '2024-02-29'), (3, 4, '2024-04-01')",
    );
    let by = |part: &str| {
        room.ask(&format!("{DP} DATE_TRUNC(exam_date, {part}) AS d, COUNT(DISTINCT person_id) AS n FROM checkup WHERE exam_date BETWEEN '2023-10-02' AND '2024-05-01' GROUP BY d"))
    };
    assert_eq!(by("QUARTER"), cells(&[("2023-10", &[1]), ("2024-01", &[2]), ("2024-04", &[1])]));
    assert_eq!(by("YEAR"), cells(&[("2023-01", &[1]), ("2024-01", &[3])]));
}

#[test]
fn grids_get_coarser_as_googles_functions_say() {
    let room = people();
    room.insert("checkup", "pid, draw, exam_date, hba1c, sbp", "(0, 1, '2024-01-31', 65, 125), (1, 2, '2023-12-31', 64, 120), (2, 3, '2024-02-29', NULL, NULL), (3, 4, '2024-03-03', 70, 77)");
    let count = |condition: &str| {
        room.ask(&format!("{DP} COUNT(DISTINCT person_id) AS n FROM checkup WHERE {condition}"))
            .first()
            .map_or(0, |(_, v)| v[0])
    };
    for (condition, persons) in [
        ("ROUND(hba1c) = 7", 2),
        ("ROUND(-hba1c) = -7", 2),
        ("ROUND(hba1c) = 6", 1),
        ("ROUND(hba1c * 0.1, 1) = 0.7", 2),
        ("FLOOR(hba1c) = 6", 2),
        ("CEIL(hba1c) = 7", 3),
        ("FLOOR(-hba1c) = -7", 3),
        ("CEILING(-hba1c) = -6", 2),
        ("ROUND(hba1c, 4) = hba1c", 3),
        ("MOD(sbp, 10) = 5", 1),
        ("MOD(-sbp, 10) = -5", 1),
        ("MOD(sbp, 10) = 0", 1),
        ("NULLIF(sbp, 120) IS NULL", 2),
        ("ROUND(hba1c) IS NULL", 1),
    ] {
        assert_eq!(count(condition), persons, "{condition}");
    }
}

#[test]
fn rows_meet_the_public_rows_of_their_key() {
    let room = people();
    room.insert("act", "pid, draw, service_date, yj", "(0, 1, '2024-05-01', '112400'), (0, 2, '2024-05-02', '218900'), (1, 3, '2024-05-01', '999900'), (2, 4, '2024-05-01', NULL)");
    let classes =
        "WITH c(prefix, class, weight) AS (VALUES ('1124', 'sleep', 1.5), ('2189', 'lipid', 2), ('2189', 'other', -1))";
    let by = |join: &str| {
        room.ask(&format!("{classes} {DP} class, COUNT(DISTINCT person_id) AS n, SUM(weight, contribution_bounds_per_group => (-50, 50)) AS w FROM act {join} GROUP BY class"))
    };
    assert_eq!(
        by("JOIN c ON LEFT(act.yj, 4) = c.prefix"),
        cells(&[("sleep", &[1, 15]), ("lipid", &[1, 20]), ("other", &[1, -10])])
    );
    assert_eq!(
        by("LEFT JOIN c ON c.prefix = LEFT(yj, 4)"),
        cells(&[("sleep", &[1, 15]), ("lipid", &[1, 20]), ("other", &[1, -10]), ("NULL", &[2, 0])])
    );
    // Rows multiply by at most the rows of a key; numbers, dates and closed lists are keys too.
    let keyed = |with: &str, on: &str| {
        room.ask(&format!("WITH c(k, v) AS (VALUES {with}) {DP} COUNT(*) AS n, SUM(v) AS v FROM person JOIN c ON {on}"))
    };
    assert_eq!(keyed("('1', 3), ('2', 4)", "person.sex = c.k"), cells(&[("", &[3, 11])]));
    assert_eq!(keyed("('1', 3), ('2', 4), ('2', 5)", "person.sex = c.k"), cells(&[("", &[3, 5, 21])]));
    assert_eq!(keyed("(DATE '1985-03-01', 3)", "birth_ym = c.k"), cells(&[("", &[1, 3])]));
    assert_eq!(keyed("(1985, 3), (2000, 100)", "EXTRACT(YEAR FROM birth_ym) = c.k"), cells(&[("", &[3, 106])]));
}

#[test]
fn a_public_file_is_read_by_its_columns() {
    let room = people();
    room.insert("act", "pid, draw, service_date, yj", "(0, 1, '2024-05-01', '112400'), (1, 3, '2024-05-01', '012345')");
    let files = [crate::PublicFile {
        name: "c.csv".to_owned(),
        text: "\u{feff}yj,class,ddd,since\n112400,sleep,0.5,2020-01-01\n\"012345\",\"a, b\",,2021-01-01\n".to_owned(),
    }];
    let lists = policies::CodeLists::default();
    let question = format!(
        "{DP} class, COUNT(*, contribution_bounds_per_group => (0, 5)) AS n, SUM(ddd, contribution_bounds_per_group => (0, 9)) AS d, COUNTIF(since > DATE '2020-06-01', contribution_bounds_per_group => (0, 5)) AS s FROM act JOIN PUBLIC('c.csv') AS c USING (yj) GROUP BY class"
    );
    let references = crate::References { lists: &lists, public: &files };
    let plan = crate::check_with(&question, &room.catalogue, &crate::run::fixture::population(), references)
        .unwrap_or_else(|r| panic!("{r}"));
    assert_eq!(plan.keys()[0].values, ["sleep", "a, b"]);
    assert_eq!(plan.cited()[0].name, "c.csv");
    assert_eq!(room.run(&plan), vec![vec![1, 1, 5, 0], vec![1, 1, 0, 1]]);
    let refused = |question: &str, text: &str| {
        let files = [crate::PublicFile { name: "c.csv".to_owned(), text: text.to_owned() }];
        let references = crate::References { lists: &lists, public: &files };
        let refusal =
            crate::check_with(question, &room.catalogue, &crate::run::fixture::population(), references).unwrap_err();
        refusal.code().to_owned()
    };
    for text in ["", "yj,yj\n1,2\n", "yj,person_id\n1,2\n", "yj,a b\n1,2\n", "yj,class\n1\n", "yj,class\n1,\n"] {
        assert_eq!(refused(&question, text), "public", "{text}");
    }
    assert_eq!(refused(&question.replace("c.csv", "d.csv"), "yj\n1\n"), "unknown_table");
    // Another content is another plan.
    let mut other = files.clone();
    other[0].text = other[0].text.replace("0.5", "0.6");
    let references = crate::References { lists: &lists, public: &other };
    let again = crate::check_with(&question, &room.catalogue, &crate::run::fixture::population(), references).unwrap();
    assert_ne!(plan.digest().unwrap(), again.digest().unwrap());
}
