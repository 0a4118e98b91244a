//! The engine's part of the demo's three questions: the SQL that `dp_query` generates (clamped integers per person and cell) against
//! exact SQL written by hand, on one read-only connection to one store. No noise, and nothing of the answers is kept.
//!
//! Before a question is measured, both must count the same persons in the same number of cells.

use datasets::catalogue::Catalogue;
use dp_query::{check, engine};
use duckdb::{AccessMode, Config, Connection};
use policies::{Population, Purpose, RecipientKind, WithoutConsent};

use crate::Failure;
use crate::compare::{Bench, Pair, Sense};
use crate::room::Room;

/// Of issue 6; [`crate::table`] takes the mean over the lines that have it.
pub(crate) const BAR: &str = "≤ 1.2 at 1 M people (issue 6)";

const YEAR: &str = "BETWEEN DATE '2024-04-01' AND DATE '2025-03-31'";
const BAND: &str = "CASE WHEN mean_steps < 4000 THEN 0 WHEN mean_steps < 6000 THEN 1 WHEN mean_steps < 8000 THEN 2 \
                    WHEN mean_steps < 10000 THEN 3 WHEN mean_steps >= 10000 THEN 4 END AS step_band";

/// Name, what, the question, and the exact SQL, whose column `persons` is what ours counts.
fn questions() -> [(&'static str, &'static str, &'static str, String); 3] {
    // The question rounds means to whole steps, so does the peer.
    let walking = format!(
        "WITH walking AS (SELECT pid, round(avg(steps)) AS mean_steps FROM lifelog_daily WHERE date {YEAR} \
         GROUP BY pid HAVING count(*) >= 60)"
    );
    [
        (
            "walking",
            "HbA1c by daily steps (two tables, many rows per person)",
            include_str!("../../src/cmd/demo/walking.sql"),
            format!(
                "{walking}, latest AS (SELECT pid, arg_max(hba1c, exam_date) AS hba1c FROM checkup GROUP BY pid) \
                 SELECT {BAND}, count(*) AS persons, avg(hba1c) FROM walking JOIN latest USING (pid) GROUP BY step_band"
            ),
        ),
        (
            "diabetes",
            "Members with diabetes by sex and age",
            include_str!("../../src/cmd/demo/diabetes.sql"),
            format!(
                "WITH diabetes AS (SELECT pid, count(*) AS months FROM diagnosis WHERE (icd10 LIKE 'E11%' OR icd10 LIKE \
                 'E14%') AND NOT suspected AND month {YEAR} GROUP BY pid), \
                 aged AS (SELECT pid, sex, date_diff('month', birth_ym, DATE '2025-03-31') // 12 AS age FROM person) \
                 SELECT sex, CASE WHEN age < 30 THEN 0 WHEN age < 40 THEN 1 WHEN age < 50 THEN 2 WHEN age < 60 THEN 3 \
                 WHEN age < 70 THEN 4 ELSE 5 END AS age_band, count(*) AS persons, count(months) \
                 FROM aged LEFT JOIN diabetes USING (pid) GROUP BY ALL"
            ),
        ),
        (
            "cost",
            "Points by daily steps",
            include_str!("../../src/cmd/demo/cost.sql"),
            format!(
                "{walking}, cost AS (SELECT pid, sum(points) AS points FROM claim WHERE month {YEAR} GROUP BY pid) \
                 SELECT {BAND}, count(*) AS persons, avg(coalesce(points, 0)) FROM walking LEFT JOIN cost USING (pid) \
                 GROUP BY step_band"
            ),
        ),
    ]
}

pub(crate) fn measure(bench: &mut Bench, room: &Room) -> Result<(), Failure> {
    let threads = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
    let config = Config::default().access_mode(AccessMode::ReadOnly)?.threads(i64::try_from(threads)?)?;
    let connection = Connection::open_with_flags(&room.store, config)?;
    for (id, what, question, exact) in questions() {
        let generated = generated(question, &room.catalogue)?;
        let ours = persons(&connection, "s0", &generated)?;
        if ours.is_empty() || ours != persons(&connection, "persons", &exact)? {
            return Err(format!("{id}: the generated and the exact SQL do not count the same persons").into());
        }
        let pair = |id, what, bar| Pair {
            id,
            what,
            peer: "exact SQL by hand",
            sense: Sense::Time,
            work: 1.0,
            unit: "questions",
            bar,
        };
        let whole = pair(id, what, BAR);
        bench.pair(&whole, &mut || rows(&connection, &generated), &mut || rows(&connection, &exact))?;
        let (id, what) =
            (format!("{id}-plan"), format!("… of it, DuckDB's planning ({} bytes of SQL)", generated.len()));
        let plan = pair(&id, &what, "–");
        bench.pair(&plan, &mut || prepared(&connection, &generated), &mut || prepared(&connection, &exact))?;
    }
    Ok(())
}

fn generated(question: &str, catalogue: &Catalogue) -> Result<String, Failure> {
    // The demo's project. The store holds no consents, so that both sides count everybody.
    let project = Population {
        purpose: Purpose::Hmb,
        recipient_kind: RecipientKind::Academia,
        without_consent: WithoutConsent::Include,
        condition: None,
    };
    let plan = check(question, catalogue, &project)
        .map_err(|refusal| format!("a question of the demo is refused: {refusal}"))?;
    Ok(engine::sql(&plan, jiff::civil::date(2026, 11, 22))?)
}

/// Prepares and runs as the store does; rows of the result.
fn rows(connection: &Connection, sql: &str) -> Result<u64, Failure> {
    let mut statement = connection.prepare(sql)?;
    Ok(statement.query_arrow([])?.map(|batch| batch.num_rows() as u64).sum())
}

/// Prepares only.
fn prepared(connection: &Connection, sql: &str) -> Result<u64, Failure> {
    drop(connection.prepare(sql)?);
    Ok(1)
}

/// Persons per cell, ascending.
fn persons(connection: &Connection, column: &str, sql: &str) -> Result<Vec<i64>, Failure> {
    let mut statement = connection.prepare(&format!("SELECT {column}::BIGINT FROM ({sql}) ORDER BY 1"))?;
    let counts = statement.query_map([], |row| row.get(0))?;
    Ok(counts.collect::<Result<_, _>>()?)
}
