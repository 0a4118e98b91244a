//! What is refused, and where the caret stands. The list follows the faults seen in other systems, DPSQL+'s validator tests and
//! SmartNoise's query lists in idea: each row is a way to get at a person.

use datasets::catalogue::Catalogue;

use super::{DP, LATEST};
use crate::run::fixture::{TODAY, population};
use crate::{Refusal, check};

fn refused(sql: &str) -> Refusal {
    match check(sql, &Catalogue::builtin().unwrap(), &population()) {
        Ok(_) => panic!("passed: {sql}"),
        Err(refusal) => refusal,
    }
}

/// The marked text.
fn marked(sql: &str, refusal: &Refusal) -> String {
    let line = sql.lines().nth(refusal.line() - 1).unwrap();
    line.chars().skip(refusal.column() - 1).take(refusal.width()).collect()
}

#[test]
fn golden() {
    let text = refused("WITH total AS (\n  SELECT person_id, SUM(points) AS points\n  FROM claim GROUP BY person_id)\nSELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = 0.5)\n  AVG(points) AS `平均` FROM total").to_string();
    let want = "\
error[bounds]: AVG needs bounds
 --> line 5, column 3
  |
5 |   AVG(points) AS `平均` FROM total
  |   ^^^^^^^^^^^
  = why: points is a number of at least 0
  = help: AVG(points, contribution_bounds_per_group => (0, 1000)): each person's mean is clamped to them";
    assert_eq!(text, want);

    let text = refused(&format!("{DP} COUNT(*) AS n\nFROM claim WHERE type = 'medicla'")).to_string();
    let want = "\
error[unknown_code]: this code isn't in the column's closed list
 --> line 2, column 25
  |
2 | FROM claim WHERE type = 'medicla'
  |                         ^^^^^^^^^
  = help: did you mean `medical`? the list is `medical`, `dpc`, `dental`, `pharmacy`, `other`";
    assert_eq!(text, want);
}

#[test]
fn full_width_text_keeps_the_caret_below_the_spot() {
    let text = refused(&format!("{DP}\nCOUNT(*) AS `人数`, nothing AS `値` FROM person")).to_string();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[3], "2 | COUNT(*) AS `人数`, nothing AS `値` FROM person");
    // Two full-width characters take four cells.
    assert_eq!(lines[4], format!("  | {}^^^^^^^", " ".repeat("COUNT(*) AS ``".len() + 4 + ", ".len())));
}

#[test]
fn refusals_point_at_the_spot() {
    let steps = "SELECT person_id, AVG(steps) AS s FROM lifelog_daily GROUP BY person_id";
    let cases: Vec<(String, &str, &str)> = vec![
        // Not private, or private in the wrong place.
        ("SELECT COUNT(*) FROM person".into(), "not_private", "SELECT"),
        ("SELECT * FROM person".into(), "not_private", "SELECT"),
        (format!("{DP} COUNT(*) AS n FROM ({DP} COUNT(*) AS n FROM person)"), "nested_private", "WITH DIFFERENTIAL_PRIVACY"),
        ("SELECT WITH DIFFERENTIAL_PRIVACY COUNT(*) AS n FROM person".into(), "options", "WITH DIFFERENTIAL_PRIVACY"),
        ("SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = 0) COUNT(*) AS n FROM person".into(), "options", "0"),
        ("SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = 1, delta = 1) COUNT(*) AS n FROM person".into(), "options", "1"),
        ("SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = 1, noise = 0) COUNT(*) AS n FROM person".into(), "options", "noise = 0"),
        ("SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = 1, epsilon = 2) COUNT(*) AS n FROM person".into(), "options", "epsilon = 2"),
        ("SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = 1, target_margin = 5) COUNT(*) AS n FROM person".into(), "options", "WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = 1, target_margin = 5)"),
        ("SELECT WITH ANONYMIZATION OPTIONS (epsilon = 1) COUNT(*) AS n FROM person".into(), "syntax", "ANONYMIZATION"),
        (format!("{DP} COUNT(*) AS n FROM person; DROP TABLE person"), "syntax", "DROP"),
        (format!("{DP} COUNT(*) AS n FROM person WHERE"), "syntax", ""),
        // Rows and persons.
        (format!("{DP} sex FROM person"), "grouping", "sex"),
        (format!("{DP} sex, COUNT(*) AS n FROM person"), "grouping", "sex"),
        (format!("{DP} person_id, COUNT(*) AS n FROM person GROUP BY person_id"), "person", "person_id"),
        (format!("{DP} COUNT(*) AS n FROM person WHERE person_id = '0'"), "person", "person_id = '0'"),
        (format!("{DP} COUNT(*) AS n FROM person WHERE person_id IN ('0', '1')"), "person", "person_id IN ('0', '1')"),
        (format!("{DP} MAX(birth_ym) AS b FROM person"), "type", "birth_ym"),
        (format!("{DP} COUNT(DISTINCT icd10) AS n FROM diagnosis"), "unsupported", "icd10"),
        (format!("{DP} icd10, COUNT(*) AS n FROM diagnosis GROUP BY icd10"), "open_domain", "icd10"),
        (format!("{DP} facility, COUNT(*) AS n FROM claim GROUP BY facility"), "open_domain", "facility"),
        (format!("{DP} s, COUNT(*) AS n FROM ({steps}) GROUP BY s"), "open_domain", "s"),
        // Bounds.
        (format!("{DP} COUNT(*) AS n FROM claim"), "bounds", "COUNT(*)"),
        (format!("{DP} SUM(points) AS n FROM claim"), "bounds", "SUM(points)"),
        (format!("{DP} SUM(points, contribution_bounds_per_group => (10, 5)) AS n FROM claim"), "bounds", "10, 5"),
        (format!("{DP} SUM(points, contribution_bounds_per_group => (0, points)) AS n FROM claim"), "type", "points"),
        (format!("{DP} AVG(hba1c, contribution_bounds_per_group => (4.05, 9)) AS n FROM ({LATEST})"), "bounds", "4.05, 9"),
        // Joins.
        (format!("{DP} COUNT(*) AS n FROM person, checkup"), "join", "checkup"),
        (format!("{DP} COUNT(*) AS n FROM person CROSS JOIN checkup"), "join", "checkup"),
        (format!("{DP} COUNT(*) AS n FROM person AS a JOIN person AS b ON a.sex = b.sex"), "join", "a.sex = b.sex"),
        (format!("{DP} COUNT(*) AS n FROM person AS a JOIN person AS b ON a.person_id <> b.person_id"), "join", "a.person_id <> b.person_id"),
        (format!("{DP} COUNT(*) AS n FROM person AS a JOIN person AS b ON a.person_id = b.person_id OR TRUE"), "join", "a.person_id = b.person_id OR TRUE"),
        (format!("{DP} COUNT(*) AS n FROM person AS a JOIN person AS b ON a.person_id = a.person_id"), "join", "a.person_id = a.person_id"),
        (format!("{DP} COUNT(*) AS n FROM person RIGHT JOIN checkup USING (person_id)"), "join", "checkup USING (person_id)"),
        (format!("{DP} COUNT(DISTINCT person_id) AS n FROM checkup JOIN claim USING (person_id)"), "rows", "claim USING (person_id)"),
        // Aggregation that would look across persons.
        (format!("WITH a AS (SELECT AVG(steps) AS s FROM lifelog_daily) {DP} COUNT(*) AS n FROM a"), "person", "SELECT"),
        (format!("WITH a AS (SELECT person_id, AVG(steps) AS s FROM lifelog_daily) {DP} COUNT(*) AS n FROM a"), "person", "AVG(steps)"),
        (format!("WITH a AS (SELECT person_id, kind FROM checkup GROUP BY kind) {DP} COUNT(*) AS n FROM a"), "person", "kind"),
        (format!("WITH a AS (SELECT sex AS person_id FROM person) {DP} COUNT(*) AS n FROM a"), "person", "sex AS person_id"),
        (format!("WITH a AS (SELECT person_id, person_id AS p FROM person) {DP} COUNT(*) AS n FROM a"), "person", "person_id AS p"),
        (format!("WITH a AS (SELECT person_id, steps FROM lifelog_daily LIMIT 5) {DP} COUNT(DISTINCT person_id) AS n FROM a"), "unsupported", ""),
        (format!("WITH a AS (SELECT person_id FROM person UNION ALL SELECT person_id FROM person) {DP} COUNT(*) AS n FROM a"), "unsupported", ""),
        (format!("{DP} COUNT(*) AS n FROM person TABLESAMPLE BERNOULLI (10 PERCENT)"), "unsupported", ""),
        // What could fail, or isn't determined.
        (format!("{DP} COUNT(*) AS n FROM person WHERE CAST(sex AS INT64) = 1"), "unsupported", ""),
        (format!("{DP} COUNT(*) AS n FROM ({LATEST}) WHERE 1 / hba1c > 0"), "unsupported", "1 / hba1c"),
        (format!("{DP} COUNT(*) AS n FROM ({LATEST}) WHERE DIV(1, 0) = 0"), "type", "0"),
        (format!("{DP} COUNT(*) AS n FROM person WHERE RAND() < 0.5"), "unknown_function", "RAND()"),
        (format!("{DP} COUNT(*) AS n FROM person WHERE birth_ym < CURRENT_DATE()"), "unknown_function", "CURRENT_DATE()"),
        ("WITH a AS (SELECT person_id, ANY_VALUE(kind) AS k FROM checkup GROUP BY person_id) SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = 1) COUNT(*) AS n FROM a".into(), "unsupported", "ANY_VALUE(kind)"),
        (format!("{DP} APPROX_COUNT_DISTINCT(hba1c) AS q FROM ({LATEST})"), "unknown_function", ""),
        // Spread across persons.
        (format!("{DP} APPROX_QUANTILES(hba1c, 0) AS q FROM ({LATEST})"), "type", "APPROX_QUANTILES(hba1c, 0)"),
        (format!("{DP} APPROX_QUANTILES(hba1c, 4) * 2 AS q FROM ({LATEST})"), "aggregate", "APPROX_QUANTILES(hba1c, 4)"),
        (format!("{DP} PERCENTILE_CONT(hba1c, 1.5) AS q FROM ({LATEST})"), "type", ""),
        (format!("{DP} PERCENTILE_CONT(points, 0.5) AS q FROM (SELECT person_id, SUM(points) AS points FROM claim GROUP BY person_id)"), "bounds", "PERCENTILE_CONT(points, 0.5)"),
        (format!("{DP} VAR_POP(points, contribution_bounds_per_group => (0, 900000000)) AS v FROM (SELECT person_id, SUM(points) AS points FROM claim GROUP BY person_id)"), "bounds", ""),
        (format!("{DP} STDDEV(points) AS v FROM (SELECT person_id, SUM(points) AS points FROM claim GROUP BY person_id)"), "bounds", "STDDEV(points)"),
        (format!("{DP} HISTOGRAM(birth_ym, [1, 2]) AS h FROM person"), "type", "birth_ym"),
        (format!("{DP} SURVIVAL(points, type = 'dpc', 1, 10) AS s FROM claim"), "bounds", ""),
        (format!("{DP} SURVIVAL(hba1c, hba1c > 7, 1, 2.5) AS s FROM ({LATEST})"), "type", ""),
        // Arithmetic over released values.
        (format!("{DP} COUNT(*) / 0 AS n FROM person"), "type", "COUNT(*) / 0"),
        (format!("{DP} COUNT(*) % 2 AS n FROM person"), "aggregate", ""),
        (format!("{DP} sex, COUNT(*) + sex AS n FROM person GROUP BY sex"), "aggregate", "sex"),
        // Names and types.
        (format!("{DP} COUNT(*) AS n FROM persons"), "unknown_table", "persons"),
        (format!("{DP} COUNT(*) AS n FROM person WHERE sexx = '1'"), "unknown_column", "sexx"),
        (format!("{DP} COUNT(*) AS n FROM person WHERE pid = 1"), "unknown_column", "pid"),
        (format!("{DP} COUNT(DISTINCT person_id) AS n FROM claim WHERE draw > 1"), "unknown_column", "draw"),
        (format!("{DP} COUNT(*) AS n FROM _identity"), "unknown_table", "_identity"),
        (format!("{DP} COUNT(*) AS n FROM person WHERE sex = '男'"), "unknown_code", "'男'"),
        (format!("{DP} COUNT(*) AS n FROM person WHERE sex > '1'"), "type", "sex > '1'"),
        (format!("{DP} COUNT(*) AS n FROM person WHERE sex = 1"), "type", ""),
        (format!("{DP} COUNT(*) AS n FROM person WHERE birth_ym < '2000-13-01'"), "type", "'2000-13-01'"),
        (format!("{DP} COUNT(*) AS n FROM person WHERE sex"), "type", "sex"),
        (format!("{DP} COUNT(*) AS n FROM diagnosis WHERE icd10 LIKE '%11%'"), "unsupported", "'%11%'"),
        (format!("{DP} COUNT(*) AS n FROM diagnosis WHERE icd10 = 'E11'' OR 1=1'"), "type", ""),
        (format!("{DP} COUNT(*) AS `n; DROP` FROM person"), "type", ""),
        (format!("{DP} CASE WHEN sex = '1' THEN 'a\u{1b}[2J' ELSE 'b' END AS s, COUNT(*) AS n FROM person GROUP BY s"), "syntax", ""),
        // Free afterwards.
        (format!("{DP} sex, COUNT(*) AS n FROM person GROUP BY sex HAVING sex = '1'"), "type", "sex"),
        (format!("{DP} sex, COUNT(*) AS n FROM person GROUP BY sex HAVING birth_ym > 3"), "aggregate", "birth_ym"),
        (format!("{DP} sex, COUNT(*) AS n FROM person GROUP BY sex ORDER BY birth_ym"), "aggregate", "birth_ym"),
        (format!("{DP} sex, COUNT(*) AS n FROM person GROUP BY sex ORDER BY 3"), "grouping", "3"),
        (format!("{DP} sex, COUNT(*) AS n FROM person GROUP BY sex LIMIT 1.5"), "type", "1.5"),
        (format!("{DP} sex, COUNT(*) AS n FROM person GROUP BY sex LIMIT 1 OFFSET 1"), "unsupported", ""),
        (format!("{DP} COUNT(*) AS n FROM person WHERE COUNT(*) > 1"), "aggregate", ""),
        // What stewards read has an effect.
        (format!("WITH a AS (SELECT person_id FROM person) {DP} COUNT(*) AS n FROM person"), "unused", ""),
        (format!("WITH person AS (SELECT person_id FROM checkup) {DP} COUNT(*) AS n FROM person"), "ambiguous", "person"),
        (format!("{DP} COUNT(*) AS n FROM checkup AS c JOIN person AS c USING (person_id)"), "ambiguous", ""),
    ];
    demand(&cases);
}

#[test]
fn refusals_say_what_is_wrong_and_what_would_pass() {
    let row = |select: &str, from: &str| format!("{DP} {select} FROM {from}");
    let person = |condition: &str| row("COUNT(*) AS n", &format!("person WHERE {condition}"));
    let coded = |condition: &str| row("COUNT(DISTINCT person_id) AS n", &format!("diagnosis WHERE {condition}"));
    let drug = |condition: &str| row("COUNT(DISTINCT person_id) AS n", &format!("act WHERE {condition}"));
    let latest = |select: &str| row(select, &format!("({LATEST})"));
    let claim = |condition: &str| row("COUNT(DISTINCT person_id) AS n", &format!("claim WHERE {condition}"));
    let priced = |options: &str| format!("SELECT WITH DIFFERENTIAL_PRIVACY {options} COUNT(*) AS n FROM person");
    let values = |code: &str, on: &str| {
        format!(
            "WITH t(k, v) AS (VALUES ('{code}', 'a')) {DP} COUNT(DISTINCT person_id) AS n FROM diagnosis JOIN t ON {on} = t.k"
        )
    };
    let cases: Vec<(String, &str, &str, &[&str])> = vec![
        // Codes that no code of the column can be: the answer would be charged for, and be 0 for sure.
        (coded("icd10 = 'E11.9'"), "unknown_code", "'E11.9'", &["without their dot", "help: 'E119'"]),
        (coded("icd10 = 'E11.90'"), "unknown_code", "'E11.90'", &["help: 'E1190'"]),
        (coded("icd10 <> 'e119'"), "unknown_code", "'e119'", &["in capitals", "help: 'E119'"]),
        (coded("icd10 LIKE 'E11.%'"), "unknown_code", "'E11.%'", &["help: 'E11'"]),
        (coded("icd10 LIKE '1%'"), "unknown_code", "'1%'", &["a letter and then a digit", "LIKE 'E11%'"]),
        (coded("icd10 IN ('E119', 'diabetes')"), "unknown_code", "'diabetes'", &[]),
        (coded("icd10 IN (CODELIST('t2dm-v1'), 'E13.9')"), "unknown_code", "'E13.9'", &["help: 'E139'"]),
        (coded("STARTS_WITH(icd10, 'e11')"), "unknown_code", "'e11'", &["help: 'E11'"]),
        (coded("LEFT(icd10, 3) = 'e11'"), "unknown_code", "'e11'", &["help: 'E11'"]),
        (coded("SUBSTR(icd10, 1, 3) IN ('E11', 'EE1')"), "unknown_code", "'EE1'", &[]),
        (drug("yj = 'metformin'"), "unknown_code", "'metformin'", &["薬効分類", "'3962' for a class"]),
        (drug("yj = '2189015f2054'"), "unknown_code", "", &["help: '2189015F2054'"]),
        (values("E11.9", "icd10"), "unknown_code", "", &["help: 'E119'"]),
        (values("e11", "LEFT(icd10, 3)"), "unknown_code", "", &["help: 'E11'"]),
        // A worst case that is too large.
        ("SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = 1, max_rows_contributed = 100000) COUNT(DISTINCT person_id) AS n FROM checkup JOIN claim USING (person_id)".into(),
            "rows", "claim USING (person_id)", &["this join makes up to 10000000000 rows per person", "at most 1000000"]),
        // Options.
        (priced("OPTIONS (epsilon = -1)"), "options", "-1", &["`epsilon` is greater than 0"]),
        (priced("OPTIONS (epsilon = 1, delta = -0.1)"), "options", "-0.1", &["`delta` isn't negative"]),
        (priced("OPTIONS (target_margin = 0)"), "options", "0", &["greater than 0", "target_margin = 50"]),
        (priced("(epsilon = 1)"), "options", "WITH DIFFERENTIAL_PRIVACY", &["the word OPTIONS is missing"]),
        ("SELECT DIFFERENTIAL_PRIVACY OPTIONS (epsilon = 1) COUNT(*) AS n FROM person".into(), "syntax", "DIFFERENTIAL_PRIVACY", &["the word WITH is missing"]),
        ("INSERT INTO person VALUES (1)".into(), "unsupported", "INSERT", &["a question is a SELECT"]),
        ("UPDATE person SET sex = '1'".into(), "unsupported", "UPDATE", &["change nothing"]),
        // Functions.
        (row("SUM(points) FILTER (WHERE type = 'dpc') AS n", "claim"), "unsupported", "FILTER", &["COUNTIF", "IF(condition, x, NULL)"]),
        (person("RAND() < 0.5"), "unknown_function", "RAND()", &["nothing is random", "stored draws"]),
        (latest("MEDIAN(hba1c) AS m"), "unknown_function", "MEDIAN(hba1c)", &["PERCENTILE_CONT(x, 0.5)"]),
        (person("YEAR(birth_ym) = 1980"), "unknown_function", "YEAR(birth_ym)", &["EXTRACT(YEAR FROM date)"]),
        (person("MONTH(birth_ym) = 4"), "unknown_function", "MONTH(birth_ym)", &["EXTRACT(MONTH FROM date)"]),
        (latest("CORR(hba1c, hba1c) AS c"), "unknown_function", "", &["aggregates are COUNT, COUNTIF"]),
        (row("STRING_AGG(sex) AS c", "person"), "unknown_function", "", &["aggregates are COUNT"]),
        (row("APPROX_TOP_COUNT(sex, 3) AS c", "person"), "unknown_function", "", &["aggregates are COUNT"]),
        (row("ANY_VALUE(sex) AS c", "person"), "unsupported", "ANY_VALUE(sex)", &["which one is an accident"]),
        (row("LOGICAL_OR(sex = '1') AS c", "person"), "unsupported", "", &["COUNTIF(condition) counts"]),
        (row("MAX_BY(sex, birth_ym) AS c", "person"), "unsupported", "", &["an extreme belongs to one person"]),
        (row("SUM(COUNT(*)) OVER () AS p", "person"), "window", "", &["takes no OVER"]),
        (latest("APPROX_QUANTILES(hba1c, 4)[OFFSET(2)] AS p"), "unsupported", "", &["PERCENTILE_CONT(x, 0.5)"]),
        (row("SURVIVAL(AGE_AT(birth_ym, DATE '2025-03-31'), sex = '1', 0, 10) AS s", "person"), "type", "0", &["SURVIVAL(months, died, 3, 60)"]),
        // Clauses.
        (person("EXISTS (SELECT * FROM claim AS c WHERE c.person_id = person.person_id)"), "unsupported", "*", &["EXISTS (SELECT 1 FROM …)"]),
        (format!("WITH a AS (SELECT person_id, steps FROM lifelog_daily ORDER BY steps LIMIT 5) {DP} COUNT(DISTINCT person_id) AS n FROM a"),
            "unsupported", "", &["ORDER BY and LIMIT", "QUALIFY ROW_NUMBER()"]),
        (format!("WITH RECURSIVE a AS (SELECT person_id FROM person) {DP} COUNT(*) AS n FROM a"), "unsupported", "", &["LAG, LEAD"]),
        (format!("{DP} COUNT(*) AS n FROM person TABLESAMPLE BERNOULLI (10 PERCENT)"), "unsupported", "", &["max_rows_contributed"]),
        (row("COUNT(*) AS n", "person GROUP BY sex"), "grouping", "sex", &["put it into the SELECT list"]),
        // Literals.
        (latest("COUNTIF(hba1c > '6.5') AS n"), "type", "", &["without quotes: 6.5"]),
        (person("sex = 1"), "type", "", &["codes stand in quotes"]),
        (claim("receipt = 'x'"), "type", "", &["means nothing outside"]),
        (claim("facility = 5"), "type", "", &["another of its kind"]),
        (person("sex = @wanted"), "unsupported", "@wanted", &["there are no parameters"]),
        (person("birth_ym < DATE '2024-02-30'"), "type", "'2024-02-30'", &["isn't a day of the calendar"]),
    ];
    let mut wrong = String::new();
    for (sql, code, spot, words) in &cases {
        let refusal = refused(sql);
        let (found, text) = (marked(sql, &refusal), refusal.to_string());
        let missing: Vec<_> = words.iter().filter(|word| !text.contains(**word)).collect();
        if refusal.code() != *code || (!spot.is_empty() && found != *spot) || !missing.is_empty() {
            wrong.push_str(&format!("wanted {code} at `{spot}` with {missing:?}, found `{found}`\n{text}\n\n"));
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

#[test]
fn codes_that_the_store_may_hold_and_texts_for_dates_pass() {
    let passes =
        |sql: String| check(&sql, &Catalogue::builtin().unwrap(), &population()).unwrap_or_else(|r| panic!("{r}"));
    for condition in
        ["icd10 = 'E119'", "icd10 IN ('U071', 'M1390')", "icd10 LIKE 'J%'", "LEFT(icd10, 1) = 'C'", "code = '2500015'"]
    {
        passes(format!("{DP} COUNT(DISTINCT person_id) AS n FROM diagnosis WHERE {condition}"));
    }
    for condition in ["yj = '2189015F2054'", "yj LIKE '396%'", "code = '622098501'"] {
        passes(format!("{DP} COUNT(DISTINCT person_id) AS n FROM act WHERE {condition}"));
    }
    // Systems whose form isn't known take any code.
    passes(format!("{DP} COUNT(DISTINCT person_id) AS n FROM observation WHERE answer = 'x.1'"));
    for condition in [
        "AGE_AT(birth_ym, '2025-03-31') >= 40",
        "DATE_DIFF('2025-03-31', birth_ym, YEAR) > 3",
        "DATE_ADD('2024-04-01', INTERVAL 1 MONTH) > birth_ym",
    ] {
        passes(format!("{DP} COUNT(*) AS n FROM person WHERE {condition}"));
    }
}

/// Each is refused with this code at this spot (any, if empty).
pub(super) fn demand(cases: &[(String, &str, &str)]) {
    let mut wrong = String::new();
    for (sql, code, spot) in cases {
        let refusal = refused(sql);
        let found = marked(sql, &refusal);
        if refusal.code() != *code || (!spot.is_empty() && found != *spot) {
            wrong.push_str(&format!("wanted {code} at `{spot}`, found `{found}`\n{refusal}\n\n"));
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

#[test]
fn long_and_deep_texts_are_refused_and_not_suffered() {
    let many = |part: &str, n: usize| vec![part; n].join("");
    let where_ = |condition: String| format!("{DP} COUNT(*) AS n FROM person WHERE {condition}");
    for sql in [
        where_(format!("TRUE{}", many(" AND TRUE", 2_500))),
        where_(format!("sex = '1'{}", many(" IS NULL", 2_000))),
        where_(format!("{}TRUE{}", many("(", 3_000), many(")", 3_000))),
        where_(many("NOT ", 3_000) + "TRUE"),
        where_(format!("1{} > 0", many(" + 1", 2_000))),
        where_(format!("birth_ym IN ({})", many("DATE '2000-01-01', ", 20_000))),
        where_(format!("{}1{} > 0", many("ABS(", 40), many(")", 40)).replace('1', "AGE_AT(birth_ym, birth_ym)")),
        where_(
            format!("{}1{} > 0", many("CASE ", 30), many(" WHEN 1 THEN 1 WHEN 2 THEN 2 WHEN 3 THEN 3 ELSE 4 END", 30))
                .replace("CASE 1", "CASE AGE_AT(birth_ym, birth_ym)"),
        ),
        format!(
            "{}{DP} COUNT(*) AS n FROM t9",
            (1..10).fold("WITH t0 AS (SELECT person_id FROM person)".to_owned(), |text, n| {
                format!("{text}, t{n} AS (SELECT person_id FROM t{0} AS a JOIN t{0} AS b USING (person_id))", n - 1)
            })
        ),
        format!("{DP} COUNT(*) AS n FROM person WHERE sex LIKE '{}'", many("%_", 30_000)),
        "x".repeat(70_000),
    ] {
        let code = refused(&sql).code();
        assert!(
            ["too_complex", "syntax", "type"].contains(&code),
            "{code}: {}",
            sql.chars().take(120).collect::<String>()
        );
    }
}

proptest::proptest! {
    /// No text, however odd, makes the checker panic.
    #[test]
    fn any_text_is_answered(text in "\\PC{0,200}") {
        let catalogue = Catalogue::builtin().unwrap();
        let _ = check(&text, &catalogue, &population()).map_err(|refusal| refusal.to_string());
        let _ = check(&format!("{DP} {text}"), &catalogue, &population()).map_err(|refusal| refusal.to_string());
    }

    /// Pieces of the language in any order: refused or checked, never a panic, and whatever is checked has SQL.
    #[test]
    fn any_pieces_are_answered(pieces in proptest::collection::vec(proptest::sample::select(PIECES.to_vec()), 0..24)) {
        let catalogue = Catalogue::builtin().unwrap();
        if let Ok(plan) = check(&format!("{DP} {}", pieces.join(" ")), &catalogue, &population()) {
            proptest::prop_assert!(crate::engine::sql(&plan, TODAY).is_ok());
            proptest::prop_assert!(plan.cells() > 0 && plan.max_groups() > 0);
        }
    }
}

const PIECES: [&str; 60] = [
    "COUNT(*)",
    "AS n",
    ",",
    "sex",
    "FROM",
    "person",
    "WHERE",
    "GROUP BY",
    "(",
    ")",
    "SELECT",
    "person_id",
    "checkup",
    "JOIN",
    "USING (person_id)",
    "claim",
    "AND",
    "OR",
    "NOT",
    "IS NULL",
    "= '1'",
    "hba1c",
    "> 6.5",
    "SUM(",
    "AVG(",
    "points",
    "contribution_bounds_per_group => (0, 5)",
    "CASE WHEN",
    "THEN 'a'",
    "ELSE",
    "END",
    "LEFT JOIN",
    "ON",
    "c.person_id",
    "AS c",
    "1",
    "-",
    "*",
    "RANGE_BUCKET(",
    "[1, 2]",
    "BETWEEN 1 AND 2",
    "MAX_BY(hba1c, exam_date)",
    "AS h",
    "FISCAL_YEAR(exam_date)",
    "IN CODELIST(",
    "'t2dm-v1'",
    "person_id IN (SELECT person_id FROM claim)",
    "EXISTS (SELECT 1 FROM claim AS d WHERE d.person_id = c.person_id",
    "OVER (PARTITION BY person_id",
    "ORDER BY exam_date",
    "ROWS BETWEEN 1 PRECEDING AND CURRENT ROW",
    "ROW_NUMBER()",
    "LAG(",
    "QUALIFY",
    "INTERVAL 3 MONTH",
    "DATE_ADD(",
    "DATE_DIFF(",
    "ROUND(",
    "MOD(",
    "exam_date",
];
