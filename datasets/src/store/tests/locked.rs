//! Attacks on the open store: each must be refused by the engine itself, not only by the guard before it.

use super::*;

fn store(dir: &Path) -> Store {
    let frame = frame(
        "diagnosis",
        vec![
            ("pid", ints(&[0])),
            ("month", ints(&[19_000])),
            ("code", texts(&[Some("CANARY7")])),
            ("main", ints(&[0])),
            ("suspected", ints(&[0])),
        ],
    );
    let staged = try_load(dir, &persons(2), vec![("diagnosis", frame)]).unwrap();
    open_at(&staged.publish("snapshot").unwrap())
}

#[test]
fn the_connection_reaches_nothing_outside() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(dir.path());
    std::fs::create_dir_all(dir.path().join("spill")).unwrap();
    std::fs::write(dir.path().join("secret.csv"), "a\n1\n").unwrap();
    let other = dir.path().join("other.duckdb");
    duckdb::Connection::open(&other).unwrap();
    let at = |name: &str| dir.path().join(name).display().to_string();
    let (csv, out, spilled) = (at("secret.csv"), at("out.csv"), at("spill/out.csv"));
    let other = other.display();
    for sql in [
        format!("COPY person TO '{out}'"),
        format!("COPY (SELECT 1) TO '{spilled}'"),
        format!("COPY diagnosis FROM '{csv}'"),
        format!("EXPORT DATABASE '{out}'"),
        format!("ATTACH '{other}' AS other"),
        format!("ATTACH '{other}' AS other (READ_ONLY)"),
        "ATTACH 'https://example.com/x.duckdb' AS other".into(),
        "INSTALL httpfs".into(),
        "LOAD httpfs".into(),
        "INSTALL spatial FROM community".into(),
        "SET enable_external_access = true".into(),
        "SET allowed_directories = ['/']".into(),
        "SET autoload_known_extensions = true".into(),
        "SET memory_limit = '100GB'".into(),
        "SET temp_directory = '/tmp'".into(),
        "SET threads = 64".into(),
        "SET lock_configuration = false".into(),
        "RESET lock_configuration".into(),
        "RESET memory_limit".into(),
        "SET SESSION enable_profiling = 'json'".into(),
        format!("SET profiling_output = '{out}'"),
        format!("SET log_query_path = '{out}'"),
        format!("PRAGMA log_query_path = '{out}'"),
        "PRAGMA memory_limit = '100GB'".into(),
        "PRAGMA enable_profiling = 'json'".into(),
        "CREATE PERSISTENT SECRET s (TYPE http)".into(),
        "CREATE TABLE x(i INTEGER)".into(),
        "CREATE OR REPLACE TABLE person AS SELECT 1 AS pid".into(),
        "DROP TABLE diagnosis".into(),
        "DELETE FROM diagnosis".into(),
        "UPDATE diagnosis SET main = true".into(),
        "INSERT INTO _meta VALUES (1, '', 0, '')".into(),
        format!("SELECT * FROM read_csv('{csv}')"),
        format!("SELECT * FROM '{csv}'"),
        format!("SELECT * FROM read_text('{csv}')"),
        format!("SELECT * FROM read_blob('{csv}')"),
        format!("SELECT * FROM sniff_csv('{csv}')"),
        format!("SELECT * FROM read_parquet('{csv}')"),
        format!("SELECT * FROM read_json('{csv}')"),
        format!("SELECT count(*) FROM glob('{}/*')", dir.path().display()),
        "SELECT count(*) FROM glob('/etc/*')".into(),
        "SELECT * FROM read_csv('https://example.com/x.csv')".into(),
        "SELECT getenv('HOME')".into(),
    ] {
        let refused = store.connection.execute_batch(&sql);
        assert!(refused.is_err(), "the engine ran: {sql}");
    }
    assert!(!dir.path().join("out.csv").exists() && !dir.path().join("spill/out.csv").exists());
    // Nothing was changed on the way.
    let left = store.integers("SELECT count(*) FROM diagnosis", &intent()).unwrap();
    assert_eq!(left, [[Some(1)]]);
}

#[test]
fn settings_are_as_designed() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(dir.path());
    let setting = |name: &str| {
        let sql = format!("SELECT current_setting('{name}')::VARCHAR");
        store.connection.query_row(&sql, [], |r| r.get::<_, String>(0)).unwrap()
    };
    for (name, value) in [
        ("access_mode", "read_only"),
        ("enable_external_access", "false"),
        ("autoinstall_known_extensions", "false"),
        ("autoload_known_extensions", "false"),
        ("allow_community_extensions", "false"),
        ("allow_unsigned_extensions", "false"),
        ("allow_persistent_secrets", "false"),
        ("lock_configuration", "true"),
        ("memory_limit", "512.0 MiB"),
    ] {
        assert_eq!(setting(name), value, "{name}");
    }
    let spill = dir.path().join("spill").join(".spill-").display().to_string();
    assert!(setting("temp_directory").starts_with(&spill));
    assert!(setting("threads").parse::<u32>().unwrap() >= 2);
}

#[test]
fn only_integers_against_an_intent() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(dir.path());
    let refused = store.integers("SELECT 1", &linkage());
    assert!(matches!(refused, Err(StoreError::WrongReceipt { expected: "intent" })));
    let intent = intent();
    for sql in [
        "SELECT 1, code FROM diagnosis",
        "SELECT 1, month FROM diagnosis",
        "SELECT 1, 0.5",
        "SELECT 1, 1::DOUBLE",
        "SELECT 1, [1]",
        "SELECT 1, true",
    ] {
        let refused = store.integers(sql, &intent);
        assert!(matches!(refused, Err(StoreError::NotInteger { column: 1 })), "{sql}");
    }
    for sql in ["PRAGMA version", "SELECT 1; SELECT 2", "EXPLAIN SELECT 1"] {
        assert!(matches!(store.integers(sql, &intent), Err(StoreError::NotASelect)), "{sql}");
    }
    let wide = "SELECT 1::TINYINT, -2::SMALLINT, 3::INTEGER, 4::BIGINT, 255::UTINYINT, 18446744073709551615::UBIGINT, -99999999999999999999999999999999999999::HUGEINT, NULL::INTEGER";
    let row = store.integers(wide, &intent).unwrap();
    let huge = -99_999_999_999_999_999_999_999_999_999_999_999_999i128;
    assert_eq!(row, [[Some(1), Some(-2), Some(3), Some(4), Some(255), Some(i128::from(u64::MAX)), Some(huge), None]]);
    let many = store.integers("SELECT i FROM range(10000) t(i)", &intent).unwrap();
    assert!(many.iter().zip(0i128..).all(|(r, i)| r == &[Some(i)]));
    assert_eq!(many.len(), 10_000);
}

#[test]
fn errors_hold_no_cell() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(dir.path());
    let intent = intent();
    // The engine's own text does quote the cell: the test would not notice anything otherwise.
    let sql = "SELECT CAST(code AS INTEGER) FROM diagnosis";
    let own = store.connection.execute_batch(sql).unwrap_err();
    assert!(format!("{own}").contains("CANARY7"), "{own}");
    for sql in [
        sql,
        "SELECT CAST(code AS DATE) - DATE '1970-01-01' FROM diagnosis",
        "SELECT error(code) FROM diagnosis",
        "SELECT CAST('CANARY7' AS INTEGER)",
        "SELECT CANARY7 FROM diagnosis",
        "SELECT CANARY7(",
        "SELECT count(*) FROM CANARY7",
    ] {
        let error = store.integers(sql, &intent).unwrap_err();
        let text = format!("{error} {error:?}");
        assert!(!text.contains("CANARY7"), "{text}");
        assert!(matches!(error, StoreError::Engine { .. }), "{text}");
    }
    let error = store.integers(sql, &intent).unwrap_err();
    assert!(matches!(error, StoreError::Engine { code: EngineCode::Conversion, .. }));
    // Paths can name people too.
    let missing = dir.path().join("CANARY7");
    let error = Store::open(&missing, &missing, 128).unwrap_err();
    assert!(!format!("{error} {error:?}").contains("CANARY7"));
    assert!(!missing.exists());
    std::fs::write(&missing, b"CANARY7 is no database").unwrap();
    let error = Store::open(&missing, dir.path(), 128).unwrap_err();
    assert!(!format!("{error} {error:?}").contains("CANARY7"));
    assert_eq!(format!("{store:?}"), "Store(..)");
}

#[test]
fn a_query_larger_than_memory_spills_inside_the_room_and_goes() {
    let dir = tempfile::tempdir().unwrap();
    let staged = try_load(dir.path(), &persons(1), vec![]).unwrap();
    let path = staged.publish("s").unwrap();
    let spill = dir.path().join("spill");
    let store = Store::open(&path, &spill, 128).unwrap();
    let sql = "SELECT count(*), max(n) FROM (SELECT k, count(*) AS n FROM \
               (SELECT hash(i) AS k FROM range(12000000) t(i)) GROUP BY k)";
    let rows = store.integers(sql, &intent()).unwrap();
    assert_eq!(rows[0][1], Some(1));
    drop(store);
    let left = std::fs::read_dir(&spill).map_or(0, Iterator::count);
    assert_eq!(left, 0, "spilled pages stayed");
}
