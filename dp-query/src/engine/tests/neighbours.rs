//! Random stores (also with values far outside the catalogue's bounds) and random questions. What must hold for them is in `law`.

use crate::run::fixture::population;
use std::fmt::Write;

use super::fixture::Room;

/// splitmix64: small, seeded by proptest, the same everywhere.
pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub(super) fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(n).unwrap()).unwrap()
    }

    fn pick<'a>(&mut self, list: &[&'a str]) -> &'a str {
        list[self.below(list.len())]
    }

    fn maybe(&mut self, one_in: usize) -> bool {
        self.below(one_in) == 0
    }
}

pub(super) const PERSONS: u32 = 6;

pub(super) fn fill(room: &Room, dice: &mut Dice) {
    for pid in 0..PERSONS {
        room.insert(
            "person",
            "pid, sex, birth_ym",
            &format!("({pid}, {}, {})", dice.pick(&["0", "1", "2", "255"]), date(dice)),
        );
        if dice.maybe(3) {
            let row = format!(
                "({pid}, {}, {}, {}, {}, {}, {}, {})",
                dice.next(),
                dice.below(6),
                dice.below(5),
                dice.below(9),
                dice.pick(&["TRUE", "TRUE", "FALSE"]),
                if dice.maybe(3) { date(dice) } else { "NULL".to_owned() },
                if dice.maybe(3) { date(dice) } else { "NULL".to_owned() },
            );
            room.insert(
                "consent",
                "pid, draw, purpose, recipient_kind, data_kind, allowed, from_date, until_date",
                &row,
            );
        }
        for (table, columns) in [
            ("checkup", "exam_date:d kind:c sbp:i hba1c:i bmi:i metabo:c"),
            ("claim", "month:d type:c setting:c days:i points:i facility:k"),
            ("diagnosis", "month:d icd10:s main:b suspected:b outcome:c"),
            ("lifelog_daily", "date:d steps:i wear_min:i"),
        ] {
            // One person in many: sometimes with a crowd of rows.
            let rows = if dice.maybe(8) { 25 } else { dice.below(5) };
            let mut all = Vec::new();
            let mut header = String::new();
            for _ in 0..rows {
                let mut names = "pid, draw".to_owned();
                let mut values = format!("{pid}, {}", dice.next());
                for column in columns.split(' ') {
                    let (name, kind) = column.split_once(':').unwrap();
                    let value = match kind {
                        _ if dice.maybe(6) => "NULL".to_owned(),
                        "d" => date(dice),
                        "c" => dice.pick(&["0", "1", "2", "3", "255"]).to_owned(),
                        "i" if dice.maybe(6) => dice.pick(&["2147483647", "-2147483648", "0", "-1"]).to_owned(),
                        "i" => dice.below(300).to_string(),
                        "b" => dice.pick(&["TRUE", "FALSE"]).to_owned(),
                        "s" => format!("'{}'", dice.pick(&["E119", "E11", "I10", "C509", ""])),
                        _ => dice.next().to_string(),
                    };
                    let _ = write!(names, ", {name}");
                    let _ = write!(values, ", {value}");
                }
                all.push(format!("({values})"));
                header = names;
            }
            if !all.is_empty() {
                room.insert(table, &header, &all.join(", "));
            }
        }
    }
}

fn date(dice: &mut Dice) -> String {
    let day = dice.pick(&[
        "2024-04-01",
        "2024-03-31",
        "2023-12-31",
        "2008-04-01",
        "2025-02-28",
        "1850-01-01",
        "infinity",
        "-infinity",
        "2024-02-29",
    ]);
    format!("DATE '{day}'")
}

/// A predicate over checkup-like numbers `x`, dates `d`, categories `k`.
fn predicate(dice: &mut Dice, x: &str, d: &str, k: &str, depth: usize) -> String {
    if depth > 0 && dice.maybe(2) {
        let (a, b) = (predicate(dice, x, d, k, depth - 1), predicate(dice, x, d, k, depth - 1));
        return format!("({a} {} {b})", dice.pick(&["AND", "OR", "AND NOT", "OR NOT"]));
    }
    match dice.below(7) {
        0 => format!(
            "{x} {} {}",
            dice.pick(&["<", "<=", ">", ">=", "=", "<>"]),
            dice.pick(&["0", "100", "6.5", "250", "-3"])
        ),
        1 => format!("{x} BETWEEN {} AND {}", dice.pick(&["0", "20.5"]), dice.pick(&["120", "4000"])),
        2 => format!("{d} {} DATE '2024-04-01'", dice.pick(&["<", ">=", "="])),
        3 => format!("FISCAL_YEAR({d}) IN (2023, 2024)"),
        4 => format!("{k} IS {}NULL", dice.pick(&["", "NOT "])),
        5 => format!("{k} = 'other'"),
        _ => format!("({x} * {x} - 3 * {x}) > {}", dice.pick(&["10", "-10"])),
    }
}

/// What is told of partners of outer joins: a truth value, two or three names, or a number.
fn told(dice: &mut Dice, n: usize) -> String {
    match dice.below(5) {
        0 => format!("p{n}.person_id IS NULL"),
        1 => format!("IF(p{n}.person_id IS NOT NULL, 'with', 'without')"),
        2 => format!("COALESCE(p{n}.sex, 'none')"),
        3 => format!("CASE WHEN p{n}.sex = '1' THEN 'm' WHEN p{n}.person_id IS NULL THEN NULL ELSE 'f' END"),
        _ => format!("(p{n}.birth_ym > DATE '2008-01-01') IS TRUE"),
    }
}

/// Rows of claims, with or without partners of one row that come and go with the row.
fn partners(dice: &mut Dice) -> (String, usize) {
    let mut from = "claim AS c".to_owned();
    let many = 1 + dice.below(3);
    for n in 0..many {
        let on = match dice.below(5) {
            0 => String::new(),
            1 => format!(" AND p{n}.sex = '1'"),
            _ => format!(" AND {}", predicate(dice, "c.points", "c.month", "c.type", 1)),
        };
        let kind = if dice.maybe(6) { "JOIN" } else { "LEFT JOIN" };
        let _ = write!(from, " {kind} person AS p{n} ON c.person_id = p{n}.person_id{on}");
    }
    (from, many)
}

struct From {
    ctes: String,
    from: String,
    x: &'static str,
    d: &'static str,
    k: &'static str,
    /// More keys and counts that fit this FROM.
    keys: Vec<String>,
    counts: Vec<String>,
}

fn source(dice: &mut Dice) -> From {
    let inner = predicate(dice, "sbp", "exam_date", "kind", 1);
    let aggregate = dice.pick(&[
        "MAX(sbp)",
        "MIN(sbp)",
        "AVG(sbp)",
        "SUM(sbp)",
        "MAX_BY(sbp, exam_date)",
        "MIN_BY(sbp, hba1c)",
        "COUNT(sbp)",
        "COUNTIF(sbp > 100)",
        "SUM(sbp) - 2 * MIN(sbp)",
        "SUM(sbp) * SUM(sbp) * SUM(sbp)",
        "COUNT(DISTINCT sbp)",
    ]);
    let having =
        dice.pick(&["", " HAVING COUNT(*) >= 2", " HAVING MAX(exam_date) > DATE '2023-01-01'", " HAVING v > 3"]);
    let cte = format!(
        "WITH v AS (SELECT person_id, {aggregate} AS v, MAX(exam_date) AS d, MAX_BY(kind, exam_date) AS k FROM checkup WHERE {inner} GROUP BY person_id{having}), y AS (SELECT person_id, FISCAL_YEAR(exam_date) AS fy, kind AS k, AVG(hba1c) AS h, MAX(exam_date) AS d FROM checkup GROUP BY person_id, fy, kind) "
    );
    let only = |name: &str| {
        let (first, second) = cte.split_once(", y AS").unwrap();
        if name == "v" { format!("{first} ") } else { format!("WITH y AS{second}") }
    };
    let from = |ctes: String, from: &str, x, d, k| From {
        ctes,
        from: from.to_owned(),
        x,
        d,
        k,
        keys: Vec::new(),
        counts: Vec::new(),
    };
    let (apart, many) = partners(dice);
    let partner = dice.below(many);
    let told_of = told(dice, partner);
    let bits: Vec<String> = (0..many).map(|n| format!("IF(p{n}.person_id IS NULL, 0, {})", 1 << n)).collect();
    let bits = bits.join(" + ");
    let within = (inside(dice), inside(dice));
    match dice.below(21) {
        19 | 20 => beside(dice),
        13 | 14 => windows(dice),
        15 => From {
            keys: vec![within.0.clone(), format!("IF({}, 'yes', 'no')", within.1)],
            counts: vec![format!("COUNTIF({})", within.0), format!("SUM(IF({}, 2, -1), contribution_bounds_per_group => (-3, 5))", within.1)],
            ..from(String::new(), "claim", "points", "month", "type")
        },
        16 => from(
            format!("WITH s AS (SELECT person_id, MAX(points) AS v, MAX(month) AS d, type AS k, COUNTIF({}) AS met FROM claim AS u WHERE {} OR points > 5 GROUP BY person_id, type HAVING {}) ", within.0, exists(dice, "u"), within.1),
            "s",
            dice.pick(&["v", "met"]),
            "d",
            "k",
        ),
        17 => From {
            keys: vec!["icd10 IN CODELIST('t2dm-v1')".to_owned(), "CASE WHEN icd10 IN (CODELIST('hypertension-v1'), 'C509') THEN 'a' WHEN LEFT(icd10, 3) = 'E11' THEN 'b' ELSE 'c' END".to_owned()],
            counts: vec!["COUNTIF(icd10 NOT IN CODELIST('t2dm-v1'))".to_owned()],
            ..from(String::new(), "diagnosis JOIN person USING (person_id)", "IF(main, 120, 3)", "month", "outcome")
        },
        18 => {
            let months = dice.pick(&["1 MONTH", "-13 MONTH", "2 QUARTER", "400 DAY", "1 YEAR", "-3 WEEK"]);
            from(
                format!("WITH e AS (SELECT person_id, DATE_DIFF(exam_date + INTERVAL {months}, birth_ym, {}) AS v, DATE_TRUNC(DATE_ADD(exam_date, INTERVAL MOD(FLOOR(sbp), 40) DAY), {}) AS d, kind AS k, ROUND(hba1c) - FLOOR(hba1c) * CEIL(hba1c) AS r FROM checkup JOIN person USING (person_id)) ", dice.pick(&["DAY", "MONTH", "YEAR"]), dice.pick(&["MONTH", "QUARTER", "YEAR"])),
                "e",
                dice.pick(&["v", "r", "EXTRACT(DAYOFWEEK FROM LAST_DAY(d))"]),
                "d",
                "k",
            )
        }
        9 => From {
            keys: vec![told_of, bits],
            counts: vec![format!("COUNT(p{partner}.person_id)"), format!("COUNT(DISTINCT p{partner}.person_id)")],
            ..from(String::new(), &apart, "points", "month", "type")
        },
        10 => From {
            keys: vec!["told".to_owned(), "bits".to_owned()],
            ..from(
                format!(
                    "WITH z AS (SELECT c.person_id, {told_of} AS told, {bits} AS bits, MAX(c.points) AS v, MAX(c.month) AS d, c.type AS k, COUNT(p{partner}.person_id) AS met FROM {apart} GROUP BY person_id, told, bits, k) "
                ),
                "z",
                dice.pick(&["v", "met"]),
                "d",
                "k",
            )
        },
        11 => From {
            keys: vec!["told".to_owned(), "bits".to_owned()],
            ..from(
                format!("WITH z AS (SELECT DISTINCT c.person_id, {told_of} AS told, {bits} AS bits FROM {apart}) "),
                "z JOIN person USING (person_id)",
                "bits",
                "birth_ym",
                "sex",
            )
        },
        12 => From {
            keys: vec![
                format!(
                    "COALESCE(z.told, {})",
                    if told_of.ends_with("NULL") || told_of.ends_with("TRUE") { "FALSE" } else { "'none'" }
                ),
                "z.person_id IS NULL".to_owned(),
            ],
            counts: vec!["COUNT(z.person_id)".to_owned(), "COUNT(DISTINCT z.person_id)".to_owned()],
            ..from(
                format!(
                    "WITH z AS (SELECT c.person_id, {told_of} AS told, MAX(c.month) AS d FROM {apart} GROUP BY c.person_id, told) "
                ),
                "checkup AS u LEFT JOIN z ON u.person_id = z.person_id AND z.d > u.exam_date",
                "sbp",
                "exam_date",
                "kind",
            )
        },
        0 => from(String::new(), "checkup", "sbp", "exam_date", "kind"),
        1 => from(
            String::new(),
            "claim JOIN person USING (person_id)",
            dice.pick(&["points", "points", "AGE_AT(birth_ym, month)"]),
            "month",
            "type",
        ),
        2 => from(only("v"), "v", "v", "d", "k"),
        3 => from(only("v"), "person LEFT JOIN v USING (person_id)", "v", "d", "sex"),
        4 => from(
            only("v"),
            "diagnosis AS g JOIN v ON g.person_id = v.person_id AND g.month >= v.d",
            "v",
            "month",
            "outcome",
        ),
        5 => from(
            String::new(),
            "checkup AS c JOIN lifelog_daily AS l ON c.person_id = l.person_id AND c.exam_date <= l.date",
            "steps",
            "exam_date",
            "kind",
        ),
        6 => from(only("y"), "y", "h", "d", "k"),
        7 => from(
            only("y"),
            "claim AS c LEFT JOIN y ON c.person_id = y.person_id AND y.d > c.month",
            "points",
            "month",
            "type",
        ),
        _ => from(
            String::new(),
            "claim AS a LEFT JOIN claim AS b ON a.person_id = b.person_id AND a.month < b.month",
            "b.points",
            "a.month",
            "a.type",
        ),
    }
}

/// Rows beside a small public table, each key once or several times.
fn beside(dice: &mut Dice) -> From {
    let rows = dice.pick(&[
        "('E119', 'a', 3), ('I10', 'b', 5)",
        "('E119', 'a', 3), ('E119', 'b', 7), ('I10', 'b', -5), ('I10', 'c', 0), ('I10', NULL, 9)",
        "('X', 'a', 1)",
    ]);
    let kind = dice.pick(&["JOIN", "LEFT JOIN"]);
    let (relation, key) = match dice.below(3) {
        0 => ("diagnosis AS g", "g.icd10"),
        1 => (
            "(SELECT person_id, month, outcome, CASE WHEN icd10 = 'E119' THEN 'E119' WHEN main THEN 'I10' ELSE 'X' END AS code FROM diagnosis) AS g",
            "g.code",
        ),
        _ => (
            "(SELECT person_id, MAX(month) AS month, MAX_BY(outcome, month) AS outcome, IF(LOGICAL_OR(main), 'E119', 'X') AS code FROM diagnosis GROUP BY person_id) AS g",
            "g.code",
        ),
    };
    let whole = match key {
        "g.code" => rows.replace("('I10', 'b', 5)", "('I10', 'b', 5), ('X', 'c', 2)"),
        _ => rows.to_owned(),
    };
    let (whole, key) = if relation.contains("MAX_BY") {
        (whole.replace("I10", "X").replace("'X', 'c', 2", "'E119', 'c', 2"), key)
    } else {
        (whole, key)
    };
    From {
        ctes: format!("WITH p(code, class, points) AS (VALUES {whole}) "),
        from: format!("{relation} {kind} p ON {key} = p.code"),
        x: dice.pick(&["p.points", "p.points * 20"]),
        d: "g.month",
        k: "g.outcome",
        keys: vec!["p.class".to_owned(), "p.class IS NULL".to_owned()],
        counts: vec!["COUNT(p.class)".to_owned(), "COUNTIF(p.points > 2)".to_owned()],
    }
}

/// A set of persons.
fn inside(dice: &mut Dice) -> String {
    let inner = predicate(dice, "sbp", "exam_date", "kind", 1);
    let not = dice.pick(&["", "NOT "]);
    match dice.below(3) {
        0 => format!("person_id {not}IN (SELECT person_id FROM checkup WHERE {inner})"),
        1 => format!(
            "person_id {not}IN (SELECT person_id FROM checkup WHERE {inner} GROUP BY person_id HAVING COUNT(*) > 1)"
        ),
        _ => format!("person_id {not}IN (SELECT person_id FROM diagnosis WHERE icd10 IN CODELIST('t2dm-v1'))"),
    }
}

fn exists(dice: &mut Dice, outside: &str) -> String {
    let inner = predicate(dice, "c.sbp", "c.exam_date", "c.kind", 1);
    let not = dice.pick(&["", "NOT "]);
    format!("{not}EXISTS (SELECT 1 FROM checkup AS c WHERE {inner} AND c.person_id = {outside}.person_id)")
}

/// Rows with window functions beside them, all or the first few.
fn windows(dice: &mut Dice) -> From {
    let partition = dice.pick(&["person_id", "person_id", "person_id, kind"]);
    let order = dice.pick(&["exam_date", "exam_date DESC", "sbp, exam_date", "hba1c DESC NULLS FIRST"]);
    let frame = dice.pick(&[
        "BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW",
        "BETWEEN 1 PRECEDING AND 1 FOLLOWING",
        "BETWEEN 2 PRECEDING AND 1 PRECEDING",
        "BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING",
    ]);
    let over = format!("OVER (PARTITION BY {partition} ORDER BY {order}");
    let value = match dice.below(5) {
        0 => format!("ROW_NUMBER() {over})"),
        1 => format!("sbp - LAG(sbp, {}) {over})", 1 + dice.below(2)),
        2 => format!("{}(sbp) {over} ROWS {frame})", dice.pick(&["FIRST_VALUE", "LAST_VALUE"])),
        3 => format!("{}(sbp) OVER (PARTITION BY {partition})", dice.pick(&["MIN", "AVG", "COUNT"])),
        _ => format!("{}(sbp) {over} ROWS {frame})", dice.pick(&["SUM", "AVG", "COUNT", "MIN", "MAX"])),
    };
    let number = format!("ROW_NUMBER() {over})");
    let first = match dice.below(4) {
        0 => format!(" QUALIFY {number} <= 2"),
        1 => " QUALIFY n = 1".to_owned(),
        2 => format!(" QUALIFY LEAD(sbp) {over}) > 3 OR n IN (1, 2)"),
        _ => String::new(),
    };
    let limit = dice.pick(&[
        "w",
        "w",
        "(SELECT person_id, v, d, k, n FROM w WHERE n <= 2)",
        "(SELECT person_id, v, d, k, n FROM w WHERE n = 2)",
    ]);
    From {
        ctes: format!(
            "WITH w AS (SELECT person_id, {value} AS v, {number} AS n, exam_date AS d, kind AS k FROM checkup{first}) "
        ),
        from: limit.to_owned(),
        x: dice.pick(&["v", "n"]),
        d: "d",
        k: "k",
        keys: vec!["n = 1".to_owned()],
        counts: vec!["COUNTIF(n = 1)".to_owned(), "SUM(n, contribution_bounds_per_group => (0, 7))".to_owned()],
    }
}

pub(super) fn question(dice: &mut Dice) -> String {
    let From { ctes, from, x, d, k, keys: more_keys, counts } = source(dice);
    let one = from == "v" || from == "person LEFT JOIN v USING (person_id)";
    let filter = if dice.maybe(2) { format!(" WHERE {}", predicate(dice, x, d, k, 2)) } else { String::new() };
    let mut options = format!("epsilon = 1, delta = 0.000001, max_rows_contributed = {}", 1 + dice.below(6));
    if dice.maybe(2) {
        let _ = write!(options, ", max_groups_contributed = {}", 1 + dice.below(3));
    }
    let mut keys = vec![
        k.to_owned(),
        format!("RANGE_BUCKET({x}, [1, 50, 150])"),
        format!("{x} > 100"),
        format!("CASE WHEN {d} < DATE '2024-01-01' THEN 'before' WHEN {x} IS NULL THEN 'unknown' ELSE 'after' END"),
        format!("FISCAL_YEAR({d})"),
    ];
    // As often as all the others.
    keys.extend(more_keys.iter().cycle().take(more_keys.len() * 3).cloned());
    let mut list = Vec::new();
    let mut groups = Vec::new();
    for _ in 0..dice.below(3) {
        let key = &keys[dice.below(keys.len())];
        if !groups.contains(key) {
            list.push(format!("{key} AS key{}", groups.len()));
            groups.push(key.clone());
        }
    }
    let mut aggregates = vec![
        "COUNT(*)".to_owned(),
        "COUNT(DISTINCT person_id)".to_owned(),
        format!("COUNT({x})"),
        format!("COUNTIF({x} > 100)"),
        format!("SUM({x}, contribution_bounds_per_group => (-5, 120))"),
        format!("SUM({x} * {x} * {x}, contribution_bounds_per_group => (0, 9))"),
        format!("AVG({x}, contribution_bounds_per_group => (-7, 120))"),
        format!("AVG(LEAST(GREATEST({x}, 0), 300))"),
        format!("SUM(IF({d} IS NULL, 3, 7))"),
        "COUNT(*, contribution_bounds_per_group => (0, 2))".to_owned(),
        "COUNT(*, contribution_bounds_per_group => (3, 9))".to_owned(),
        format!("VAR_POP({x}, contribution_bounds_per_group => (-7, 120))"),
        format!("STDDEV(LEAST(GREATEST({x}, 0), 300))"),
        format!("APPROX_QUANTILES({x}, 3, contribution_bounds_per_group => (-50, 1200))"),
        format!(
            "MAX({x}, contribution_bounds_per_group => (0, 7)) - PERCENTILE_CONT({x}, 0.25, contribution_bounds_per_group => (0, 7))"
        ),
        format!("HISTOGRAM({x}, [-1, 0, 2.5, 100])"),
        format!("100 * SUM({x}, contribution_bounds_per_group => (-5, 120)) / COUNT(DISTINCT person_id)"),
    ];
    if one {
        aggregates.push(format!("SURVIVAL({x}, {d} < DATE '2024-04-01', 30, 300)"));
    }
    aggregates.extend(counts.iter().cycle().take(counts.len() * 3).cloned());
    for n in 0..=dice.below(3) {
        list.push(format!("{} AS a{n}", aggregates[dice.below(aggregates.len())]));
    }
    let named = || (0..groups.len()).map(|n| format!("key{n}")).collect::<Vec<_>>().join(", ");
    let group_by = if groups.is_empty() {
        String::new()
    } else if dice.maybe(4) {
        match dice.below(3) {
            0 => format!(" GROUP BY ROLLUP({})", named()),
            1 => format!(" GROUP BY CUBE({})", named()),
            _ => format!(" GROUP BY GROUPING SETS ((key0), (), ({}))", named()),
        }
    } else {
        format!(" GROUP BY {}", (1..=groups.len()).map(|n| n.to_string()).collect::<Vec<_>>().join(", "))
    };
    format!(
        "{ctes}SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS ({options}) {} FROM {from}{filter}{group_by}",
        list.join(", ")
    )
}

/// Refusals that a random question may meet: it contradicts itself, or asks for nothing.
pub(super) const FAIR: [&str; 2] = ["bounds", "open_domain"];

#[test]
fn the_generator_reaches_every_construct() {
    let room = Room::new();
    let mut reached = [0_u32; 11];
    for seed in 0..400 {
        let text = question(&mut Dice(seed));
        let words = [
            "OVER",
            "QUALIFY",
            "n <= 2",
            "IN (SELECT",
            "EXISTS",
            "CODELIST",
            "INTERVAL",
            "VALUES",
            "ROLLUP",
            "CUBE",
            "GROUPING SETS",
        ];
        if crate::check(&text, &room.catalogue, &population()).is_ok() {
            words.iter().zip(&mut reached).for_each(|(word, n)| *n += u32::from(text.contains(word)));
        }
    }
    assert!(reached.iter().all(|n| *n >= 5), "{reached:?}");
}
