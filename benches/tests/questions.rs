//! The questions of `benches/questions/`, as pharma and academia ask them: the engine's integers (no noise) against exact SQL by hand in
//! DuckDB on the same store. Each file holds a question and, below `-- exact`, the SQL; its name says what bar it has: `one` row per
//! person, a CTE per `person`, `many` rows per person. `{persons}` is `count(DISTINCT pid)` or, for a query that ignores persons,
//! `count(*)`.
//!
//! `cargo test` shows on few people that both count alike; `--ignored --nocapture` measures a million:
//! `cargo test --release --workspace --test questions -- --ignored --nocapture` (SUDARE_QUESTIONS_PERSONS: another number;
//! SUDARE_QUESTIONS_STORE: a file that keeps the store for the next run; SUDARE_QUESTIONS_ONLY: one question's number;
//! SUDARE_QUESTIONS_CPU: processor time, the mean of several runs, for busy machines; SUDARE_QUESTIONS_OURS: nothing but the engine, for a
//! profiler).

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
#![allow(clippy::print_stdout)]

use std::path::Path;
use std::time::{Duration, Instant};

use datasets::catalogue::{Catalogue, ColumnType, RowsPerPerson};
use dp_query::Plan;
use dp_query::engine::streamed;
use duckdb::Connection;
use policies::{Population, Purpose, RecipientKind, WithoutConsent};

/// As in the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

struct Question {
    number: String,
    what: String,
    kind: String,
    plan: Plan,
    exact: String,
}

fn questions(catalogue: &Catalogue) -> Vec<Question> {
    // Nobody was asked for a consent here, so that both sides count everybody.
    let project = Population {
        purpose: Purpose::Hmb,
        recipient_kind: RecipientKind::Academia,
        without_consent: WithoutConsent::Include,
        condition: None,
    };
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("questions");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let read = |file: &std::path::PathBuf| {
        let text = std::fs::read_to_string(file).unwrap();
        let name = file.file_stem().unwrap().to_str().unwrap();
        let (number, kind) = name.split_once('-').unwrap();
        let (question, exact) = text.split_once(";\n-- exact, by hand\n").unwrap();
        let plan = dp_query::check(question, catalogue, &project).unwrap_or_else(|refusal| panic!("{name}: {refusal}"));
        let what = text.lines().next().unwrap().trim_start_matches("-- ").to_owned();
        Question { number: number.to_owned(), what, kind: kind.to_owned(), plan, exact: exact.trim().to_owned() }
    };
    files.iter().map(read).collect()
}

/// A store of invented people: three checkups each, a claim a month for three years, a diagnosis for two claims of three, and a year of daily
/// steps for every tenth.
fn store(connection: &Connection, catalogue: &Catalogue, persons: u32) {
    for table in catalogue.tables() {
        let mut columns = vec!["pid INTEGER NOT NULL".to_owned()];
        if table.rows == RowsPerPerson::Many {
            columns.push("draw UBIGINT NOT NULL".to_owned());
        }
        for column in &table.columns {
            let ty = match column.ty {
                ColumnType::Integer { .. } => "INTEGER",
                ColumnType::Date { .. } | ColumnType::Month { .. } => "DATE",
                ColumnType::Category { .. } => "UTINYINT",
                ColumnType::Code { .. } => "VARCHAR",
                ColumnType::Key => "UBIGINT",
                ColumnType::Flag => "BOOLEAN",
            };
            columns.push(format!("\"{}\" {ty}", column.name));
        }
        connection.execute_batch(&format!("CREATE TABLE {} ({})", table.name, columns.join(", "))).unwrap();
    }
    let rows = |n: u64| format!("range({}) t(i)", u64::from(persons) * n);
    let month = "DATE '2022-04-01' + INTERVAL (i % 36) MONTH";
    let icd10 = "['E119', 'I10', 'E785', 'C509', 'J060', 'J303', 'M545', 'K297', 'H521', 'L309', 'E149', 'F329', 'N40', 'K219', 'G470', 'I209']";
    connection
        .execute_batch(&format!(
            "INSERT INTO person SELECT i, hash(i) % 2, DATE '1940-01-01' + INTERVAL (hash(i + 1) % 900) MONTH FROM {};
             INSERT INTO claim (pid, draw, month, type, setting, days, points, facility)
             SELECT i // 36, hash(i), {month}, hash(i + 1) % 4, hash(i + 2) % 3, 1 + hash(i + 3) % 20,
                    (hash(i + 4) % 30000), 1 FROM {};
             INSERT INTO diagnosis (pid, draw, month, code, icd10, main, suspected, receipt)
             SELECT i // 24, hash(i), DATE '2022-04-01' + INTERVAL (i % 24 * 3 // 2) MONTH, '', {icd10}[1 + (hash(i + 5) % 16)::INTEGER], hash(i + 6) % 3 = 0,
                    hash(i + 7) % 8 = 0, i FROM {};
             INSERT INTO checkup (pid, draw, exam_date, kind, hba1c, sbp)
             SELECT i // 3, hash(i), DATE '2022-06-01' + (i % 3 * 365)::INTEGER + (hash(i + 8) % 200)::INTEGER, 0, 45 + hash(i + 9) % 45,
                    95 + hash(i + 10) % 80 FROM {};
             INSERT INTO lifelog_daily (pid, draw, date, steps, source)
             SELECT i // 365 * 10, hash(i), DATE '2024-04-01' + (i % 365)::INTEGER, (hash(i // 365) % 9000) + hash(i + 11) % 6000, 0
             FROM range({}) t(i)",
            rows(1),
            rows(36),
            rows(24),
            rows(3),
            u64::from(persons / 10) * 365
        ))
        .unwrap();
}

const TODAY: jiff::civil::Date = jiff::civil::date(2026, 11, 22);

#[test]
fn both_count_the_same_persons() {
    let catalogue = Catalogue::builtin().unwrap();
    let connection = Connection::open_in_memory().unwrap();
    store(&connection, &catalogue, 3_000);
    for question in questions(&catalogue) {
        let cells = streamed(&question.plan, &connection, TODAY).unwrap().unwrap();
        let mut ours: Vec<i64> = cells.iter().map(|cell| i64::try_from(cell[0]).unwrap()).filter(|n| *n > 0).collect();
        ours.sort_unstable();
        let exact = question.exact.replace("{persons}", "count(DISTINCT pid)");
        let mut statement = connection.prepare(&format!("SELECT persons::BIGINT FROM ({exact}) ORDER BY 1")).unwrap();
        let exact: Vec<i64> = statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
        // Where groups are chosen, some persons are left out of some cells: no more than were there.
        if ours.len() == exact.len() && question.plan.max_groups() < u32::try_from(question.plan.cells()).unwrap() {
            assert!(ours.iter().zip(&exact).all(|(ours, exact)| ours <= exact), "{}", question.what);
        } else {
            assert_eq!(ours, exact, "{}", question.what);
        }
    }
}

/// Processor time of this process so far, in hundredths of a second.
fn processor() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    Duration::from_millis((fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()) * 10)
}

fn time(run: &dyn Fn()) -> Duration {
    if std::env::var_os("SUDARE_QUESTIONS_CPU").is_some() {
        let (start, before, mut runs) = (Instant::now(), processor(), 0);
        while runs < 3 || (runs < 20 && start.elapsed() < Duration::from_millis(1_500)) {
            run();
            runs += 1;
        }
        return (processor() - before) / runs;
    }
    let mut times: Vec<Duration> = (0..3)
        .map(|_| {
            let start = Instant::now();
            run();
            start.elapsed()
        })
        .collect();
    times.sort();
    times[1]
}

#[test]
#[ignore = "a measurement: minutes, 4 GB of disk"]
fn a_million_people() {
    let persons = std::env::var("SUDARE_QUESTIONS_PERSONS").ok().and_then(|n| n.parse().ok()).unwrap_or(1_000_000);
    let catalogue = Catalogue::builtin().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let kept = std::env::var_os("SUDARE_QUESTIONS_STORE").map(std::path::PathBuf::from);
    let made = kept.as_ref().is_some_and(|path| path.exists());
    let connection = Connection::open(kept.unwrap_or_else(|| folder.path().join("store.duckdb"))).unwrap();
    if !made {
        store(&connection, &catalogue, persons);
        connection.execute_batch("CHECKPOINT").unwrap();
    }
    let only = std::env::var("SUDARE_QUESTIONS_ONLY").unwrap_or_default();
    let exact = |text: &str| {
        let mut statement = connection.prepare(text).unwrap();
        let _ = statement.query_arrow([]).unwrap().count();
    };
    let ratio = |a: Duration, b: Duration| a.as_secs_f64() / b.as_secs_f64();
    let (mut means, mut distinct) = (Vec::<(String, f64)>::new(), Vec::new());
    println!(
        "| Question | Kind | Exact | … with COUNT(DISTINCT) | Ours | Ratio | … |\n|---|---|---:|---:|---:|---:|---:|"
    );
    for question in questions(&catalogue).into_iter().filter(|question| question.number.starts_with(&only)) {
        let ours = time(&|| drop(streamed(&question.plan, &connection, TODAY).unwrap().unwrap()));
        if std::env::var_os("SUDARE_QUESTIONS_OURS").is_some() {
            println!("| {} {} | {:.3} s |", question.number, question.what, ours.as_secs_f64());
            continue;
        }
        let plain = time(&|| exact(&question.exact.replace("{persons}", "count(*)")));
        let against = ratio(ours, plain);
        means.push((question.kind.clone(), against));
        let (mut seconds, mut of) = ("–".to_owned(), "–".to_owned());
        if question.kind == "many" {
            let by_person = time(&|| exact(&question.exact.replace("{persons}", "count(DISTINCT pid)")));
            distinct.push(ratio(ours, by_person));
            (seconds, of) = (format!("{:.3} s", by_person.as_secs_f64()), format!("{:.2}×", ratio(ours, by_person)));
        }
        let (ours, plain) = (ours.as_secs_f64(), plain.as_secs_f64());
        println!(
            "| {} {} | {} | {plain:.3} s | {seconds} | {ours:.3} s | {against:.2}× | {of} |",
            question.number, question.what, question.kind
        );
    }
    let mean = |list: &[f64]| (list.iter().map(|ratio| ratio.ln()).sum::<f64>() / list.len() as f64).exp();
    for (kind, bar) in [("one", 1.1), ("person", 1.2), ("many", 6.0)] {
        let list: Vec<f64> = means.iter().filter(|(of, _)| of == kind).map(|(_, ratio)| *ratio).collect();
        println!("{kind}: geometric mean {:.2}× of the exact query (bar {bar})", mean(&list));
    }
    println!("many: geometric mean {:.2}× of the exact query with COUNT(DISTINCT pid) (bar 0.5)", mean(&distinct));
}
