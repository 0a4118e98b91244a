//! What bounding costs: a million persons with 36 claims each, by hand in SQL against the engine's ways. A measurement, run with
//! `cargo test --release --workspace --lib -- engine::tests::speed --ignored --nocapture`.

#![allow(clippy::print_stdout)]

use std::time::{Duration, Instant};

use super::DP;
use super::fixture::Room;
use crate::engine::stream::{rows_of_sql, way};
use crate::engine::{sql, streamed};
use crate::run::fixture::TODAY;

const PERSONS: u32 = 1_000_000;

fn time<T>(run: impl Fn() -> T) -> Duration {
    let mut times: Vec<Duration> = (0..3)
        .map(|_| {
            let start = Instant::now();
            let _ = run();
            start.elapsed()
        })
        .collect();
    times.sort();
    times[1]
}

#[test]
#[ignore = "a measurement: a minute and 3 GB"]
fn many_rows_per_person() {
    let room = Room::new();
    room.connection
        .execute_batch(&format!(
            "INSERT INTO person SELECT i, i % 2, DATE '1950-01-01' + (i % 600)::INTEGER * 30 FROM range({PERSONS}) t(i);
             INSERT INTO claim (pid, draw, month, type, setting, days, points, facility)
             SELECT i // 36, hash(i), DATE '2022-04-01' + INTERVAL (i % 36) MONTH, hash(i + 1) % 6, hash(i + 2) % 3,
                    1 + hash(i + 3) % 20, hash(i + 4) % 30000, 1 FROM range({PERSONS}::BIGINT * 36) t(i)"
        ))
        .unwrap();
    let query = |text: &str| {
        let mut statement = room.connection.prepare(text).unwrap();
        statement.query_arrow([]).unwrap().count()
    };
    let months = "[1000, 2000, 3000, 4000, 5000, 6000, 7000, 8000, 9000, 10000, 11000, 12000]";
    let bucket = "least(points // 1000, 12)";
    let cases = [
        (
            "claims and points by month",
            format!(
                "{DP} DATE_TRUNC(month, MONTH) AS m, COUNT(*, contribution_bounds_per_group => (0, 3)) AS n, SUM(points, contribution_bounds_per_group => (0, 20000)) AS p FROM claim WHERE month BETWEEN DATE '2022-04-01' AND DATE '2025-03-01' GROUP BY m"
            ),
            "month".to_owned(),
        ),
        (
            "claims and points by type, five groups each",
            format!(
                "{DP} type, COUNT(*, contribution_bounds_per_group => (0, 3)) AS n, SUM(points, contribution_bounds_per_group => (0, 20000)) AS p FROM claim GROUP BY type"
            )
            .replace("epsilon = 1", "epsilon = 1, max_groups_contributed = 5"),
            "type".to_owned(),
        ),
        (
            "by bands of points, five groups each",
            format!(
                "{DP} RANGE_BUCKET(points, {months}) AS b, COUNT(*, contribution_bounds_per_group => (0, 3)) AS n, SUM(points, contribution_bounds_per_group => (0, 20000)) AS p FROM claim GROUP BY b"
            )
            .replace("epsilon = 1", "epsilon = 1, max_groups_contributed = 5"),
            bucket.to_owned(),
        ),
    ];
    let ratio = |a: Duration, b: Duration| a.as_secs_f64() / b.as_secs_f64();
    for (what, question, key) in cases {
        if std::env::var_os("SUDARE_SPEED_ONLY").is_some() {
            continue;
        }
        let plan = room.plan(&question);
        let text = sql(&plan, TODAY).unwrap();
        let exact = time(|| query(&format!("SELECT {key}, count(*), sum(points) FROM claim GROUP BY 1")));
        let distinct =
            time(|| query(&format!("SELECT {key}, count(DISTINCT pid), count(*), sum(points) FROM claim GROUP BY 1")));
        let by_sql = time(|| query(&text));
        let rows = time(|| rows_of_sql(&plan, &room.connection, TODAY).unwrap().unwrap());
        let piped = time(|| streamed(&plan, &room.connection, TODAY).unwrap().unwrap());
        println!(
            "{what} ({}): exact {exact:.2?}, with COUNT(DISTINCT pid) {distinct:.2?}, our SQL {by_sql:.2?}, rows of SQL {rows:.2?}, \
             pipelines {piped:.2?}: {:.2}x of the distinct count (bar 0.5), {:.1}x of the plain one (bar 6)",
            way(&plan, TODAY),
            ratio(piped, distinct),
            ratio(piped, exact)
        );
    }
    let mean = "SELECT pid, avg(points) AS mean FROM claim WHERE month BETWEEN DATE '2024-04-01' AND DATE '2025-03-01' GROUP BY pid";
    let cases = [
        (
            "one row: men and women by decade (bar 1.1)",
            format!("{DP} sex, RANGE_BUCKET(AGE_AT(birth_ym, DATE '2025-03-31'), [10, 20, 30, 40, 50, 60, 70]) AS age, COUNT(*) AS n, AVG(AGE_AT(birth_ym, DATE '2025-03-31')) AS mean FROM person GROUP BY sex, age"),
            "SELECT sex, least(datediff('month', birth_ym, DATE '2025-03-31') // 120, 7), count(*), avg(datediff('month', birth_ym, DATE '2025-03-31') // 12) FROM person GROUP BY 1, 2".to_owned(),
        ),
        (
            "per-person mean over 12 of 36 months, by sex (bar 1.2)",
            format!("WITH m AS (SELECT person_id, AVG(points) AS mean FROM claim WHERE month BETWEEN DATE '2024-04-01' AND DATE '2025-03-01' GROUP BY person_id) {DP} sex, COUNT(*) AS n, AVG(mean, contribution_bounds_per_group => (0, 20000)) AS mean FROM m JOIN person USING (person_id) GROUP BY sex"),
            format!("SELECT sex, count(*), avg(mean) FROM ({mean}) JOIN person USING (pid) GROUP BY 1"),
        ),
        (
            "bands of the per-person mean (bar 1.2)",
            format!("WITH m AS (SELECT person_id, AVG(points) AS mean FROM claim WHERE month BETWEEN DATE '2024-04-01' AND DATE '2025-03-01' GROUP BY person_id) {DP} RANGE_BUCKET(mean, [5000, 10000, 15000, 20000]) AS band, sex, COUNT(*) AS n FROM m JOIN person USING (person_id) GROUP BY band, sex"),
            format!("SELECT least(mean::BIGINT // 5000, 4), sex, count(*) FROM ({mean}) JOIN person USING (pid) GROUP BY 1, 2"),
        ),
        (
            "claims by sex and type (bar 6, of the plain count)",
            format!("{DP} sex, type, COUNT(DISTINCT person_id) AS n, SUM(points, contribution_bounds_per_group => (0, 20000)) AS p FROM claim JOIN person USING (person_id) GROUP BY sex, type").replace("epsilon = 1", "epsilon = 1, max_groups_contributed = 5"),
            "SELECT sex, type, count(*), sum(points) FROM claim JOIN person USING (pid) GROUP BY 1, 2".to_owned(),
        ),
    ];
    let only = std::env::var("SUDARE_SPEED_ONLY").ok();
    for (what, question, exact) in cases {
        if let Some(only) = &only
            && !what.contains(only.as_str())
        {
            continue;
        }
        let plan = room.plan(&question);
        let text = sql(&plan, TODAY).unwrap();
        let exact = time(|| query(&exact));
        let by_sql = time(|| query(&text));
        for _ in 0..(if only.is_some() { 10 } else { 0 }) {
            let _ = streamed(&plan, &room.connection, TODAY);
        }
        let piped = time(|| streamed(&plan, &room.connection, TODAY).unwrap().unwrap());
        println!(
            "{what} ({}): exact {exact:.3?}, our SQL {by_sql:.3?}, pipelines {piped:.3?}: {:.2}x",
            way(&plan, TODAY),
            ratio(piped, exact)
        );
    }
}
