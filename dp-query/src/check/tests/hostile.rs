//! Texts that want to hang the checker, hide from whoever reads them, or get two answers for the price of one.

use std::sync::mpsc::channel;
use std::time::Duration;

use datasets::catalogue::Catalogue;

use super::{DP, plan};
use crate::check;
use crate::plan::OutputKind;
use crate::run::fixture::population;

/// The refusal's code, or `passed`; fails if the checker needs longer than a reader would wait.
fn answered(sql: String) -> &'static str {
    let (send, receive) = channel();
    std::thread::spawn(move || {
        let code = match check(&sql, &Catalogue::builtin().unwrap(), &population()) {
            Ok(_) => "passed",
            Err(refusal) => refusal.code(),
        };
        let _ = send.send(code);
    });
    receive.recv_timeout(Duration::from_secs(10)).expect("the checker hangs")
}

/// `first AS a0, next(a0) AS a1, …`: the last stands for the first two to the n times over.
fn chain(first: &str, links: usize, next: impl Fn(&str) -> String, having: &str) -> String {
    let names: Vec<String> = (1..=links).map(|n| format!("{} AS a{n}", next(&format!("a{}", n - 1)))).collect();
    format!(
        "WITH x AS (SELECT person_id, {first} AS a0, {} FROM claim GROUP BY person_id HAVING {}) {DP} COUNT(*) AS n FROM x",
        names.join(", "),
        having.replace('@', &format!("a{links}"))
    )
}

#[test]
fn chains_of_names_are_refused_in_time() {
    let long = "x".repeat(20_000);
    for sql in [
        chain("1", 59, |a| format!("{a} - {a}"), "@ = 0"),
        chain("COUNT(*)", 59, |a| format!("{a} - {a}"), "@ = 0"),
        chain("TRUE", 59, |a| format!("{a} IS NULL OR {a}"), "@"),
        chain("'a'", 59, |a| format!("IF({a} = 'a', {a}, 'b')"), "@ = 'b'"),
        chain("1", 59, |a| format!("COALESCE({})", vec![a; 50].join(", ")), "@ = 0"),
        chain(
            "MAX(points)",
            30,
            |a| format!("RANGE_BUCKET({a}, [{}])", (0..100).map(|n| n.to_string()).collect::<Vec<_>>().join(", ")),
            "@ = 0",
        ),
        chain("1", 59, |a| format!("{a} * {a} * {a}"), &format!("@ = {long}")),
    ] {
        let code = answered(sql.clone());
        assert!(["too_complex", "unknown_column", "type", "bounds"].contains(&code), "{code}: {}", &sql[..200]);
    }
    // What people write passes, also where it is long.
    let terms: Vec<String> = (0..80).map(|n| format!("(a > {n} OR a0 IS NULL)")).collect();
    let sql = format!(
        "WITH x AS (SELECT person_id, COUNT(*) AS a, MAX(points) AS a0 FROM claim GROUP BY person_id HAVING {}) {DP} COUNT(*) AS n FROM x",
        terms.join(" AND ")
    );
    assert_eq!(answered(sql), "passed");
}

#[test]
fn patterns_are_matched_in_time_and_rightly() {
    let like = |pattern: &str| {
        format!("{DP} COUNT(*) AS n FROM person WHERE IF(sex = '1', '{}', 'b') LIKE '{pattern}'", "a".repeat(100))
    };
    for pattern in ["%_".repeat(31) + "x", "%a".repeat(31) + "x", "a%".repeat(31) + "x"] {
        assert_eq!(answered(like(&pattern)), "passed", "{pattern}");
    }
}

#[test]
fn numbers_on_different_grids_are_different_sums() {
    for (list, sums) in [
        ("SUM(5) AS a, SUM(0.5) AS b", [(0, 5), (1, 5)]),
        ("SUM(IF(sex = '1', 5, 0)) AS a, SUM(IF(sex = '1', 0.5, 0)) AS b", [(0, 5), (1, 5)]),
    ] {
        let plan = plan(&format!("{DP} {list} FROM person WHERE birth_ym > DATE '1900-01-01'"));
        let found: Vec<(u8, i64)> = plan
            .outputs()
            .iter()
            .map(|o| match o.what {
                OutputKind::Sum { sum, .. } => (plan.statistics()[sum].digits, plan.statistics()[sum].hi),
                _ => panic!("not a sum"),
            })
            .collect();
        assert_eq!(found, sums, "{list}");
    }
    // The same sum twice is paid once.
    let twice = plan(&format!("{DP} SUM(IF(sex = '1', 5, 0)) AS a, SUM(IF( sex = '1', 5.0, 0)) AS b FROM person"));
    assert_eq!(twice.statistics().len(), 2);
}

#[test]
fn what_readers_cant_see_is_refused_where_it_stands() {
    let catalogue = Catalogue::builtin().unwrap();
    for c in [
        '\u{200b}',
        '\u{200d}',
        '\u{200e}',
        '\u{200f}',
        '\u{202a}',
        '\u{202e}',
        '\u{2060}',
        '\u{2066}',
        '\u{2069}',
        '\u{feff}',
        '\u{ad}',
        '\u{61c}',
        '\u{180e}',
        '\u{2028}',
        '\u{e0041}',
        '\u{1b}',
        '\u{8}',
        '\u{85}',
        '\r',
    ] {
        for (line, text) in [
            (2, format!("{DP} COUNT(*) AS n\nFROM /*値{c} }} only women */ person")),
            (2, format!("{DP} COUNT(*) AS n FROM person\n-- {c}x")),
            (
                2,
                format!(
                    "{DP} CASE WHEN sex = '1' THEN\n'm{c}' ELSE 'f' END AS s, COUNT(*) AS n FROM person GROUP BY s"
                ),
            ),
            (1, format!("{c}x{DP} COUNT(*) AS n FROM person")),
        ] {
            let refusal = check(&text, &catalogue, &population()).expect_err("hidden text passed");
            let shown = refusal.to_string();
            assert!(refusal.message().contains(&format!("U+{:04X}", u32::from(c))), "{shown}");
            let column = text.split('\n').nth(line - 1).unwrap().chars().position(|x| x == c).unwrap() + 1;
            assert_eq!((refusal.line(), refusal.column(), refusal.width()), (line, column, 1), "{shown}");
            assert!(!shown.contains(c), "the refusal shows {:04X} itself", u32::from(c));
        }
    }
    for fine in
        [format!("{DP}\r\n\tCOUNT(*) AS `人数` -- 女性\r\nFROM person"), format!("{DP} COUNT(*) AS n FROM person\n")]
    {
        assert!(check(&fine, &catalogue, &population()).is_ok(), "{fine}");
    }
}
