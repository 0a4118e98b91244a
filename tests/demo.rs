//! The whole demo as a user runs it, and then the search for what must not be there: a name, a number, a birth date or a
//! key in any file that leaves a source, as it lies and as it reads when decrypted, decompressed and taken out of DuckDB.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use datasets::catalogue::Catalogue;
use polars::prelude::{DataFrame, DataType};
use pseudonymize::package::{self, Expected};
use pseudonymize::{Identity, Passphrase};
use serde_json::Value;

const PROGRAM: &str = env!("CARGO_BIN_EXE_sudare");

fn sudare(dir: &Path, args: &[&str]) -> Output {
    Command::new(PROGRAM)
        .args(args)
        .current_dir(dir)
        .env("SUDARE_ROOM", "room")
        .env("SUDARE_ROOM_PASSPHRASE_FILE", "keys/room.pass")
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn run_demo(parent: &Path) -> (PathBuf, String) {
    let out = sudare(parent, &["demo", "demo", "--persons", "600", "--months", "6", "--seed", "7"]);
    let said = text(&out.stdout) + &text(&out.stderr);
    assert!(out.status.success(), "the demo failed:\n{said}");
    (parent.join("demo"), said)
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let mut out = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { out.extend(files(&path)) } else { out.push(path) }
    }
    out
}

/// Identifiers of the invented people, as the sources' own lists write them: long enough that chance can't write them.
fn canaries(raw: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (list, columns) in
        [("kenpo/eligibility.csv", [2, 4, 5]), ("kokuho/eligibility.csv", [2, 4, 5]), ("lifelog/roster.csv", [0, 1, 2])]
    {
        let bytes = std::fs::read(raw.join(list)).unwrap();
        let (decoded, _, _) = match std::str::from_utf8(&bytes) {
            Ok(s) => (s.into(), encoding_rs::UTF_8, false),
            Err(_) => encoding_rs::SHIFT_JIS.decode(&bytes),
        };
        for line in decoded.lines().skip(1) {
            let fields: Vec<&str> = line.split(',').collect();
            for column in columns {
                let value = fields.get(column).unwrap_or(&"").trim();
                // Four characters of kanji or kana are twelve bytes; numbers need eight digits to be no coincidence.
                // ("00000007" is a member number, and a field of every tar header.)
                let ascii = value.trim_start_matches('0').len();
                let long = if value.is_ascii() { ascii >= 8 } else { value.chars().count() >= 4 };
                if long {
                    found.insert(value.to_owned());
                }
            }
        }
    }
    assert!(found.len() > 500, "only {} canaries: the lists have changed", found.len());
    found
}

/// A searcher over bytes: each canary as UTF-8, as CP932, and without its space.
struct Searcher {
    needles: Vec<(Vec<u8>, String)>,
    heads: std::collections::HashMap<[u8; 4], Vec<usize>>,
}

impl Searcher {
    fn new(canaries: &BTreeSet<String>) -> Self {
        let mut needles = Vec::new();
        for canary in canaries {
            let bare: String = canary.chars().filter(|c| !c.is_whitespace()).collect();
            for form in [canary.clone(), bare] {
                needles.push((form.as_bytes().to_vec(), canary.clone()));
                needles.push((encoding_rs::SHIFT_JIS.encode(&form).0.into_owned(), canary.clone()));
            }
        }
        // Encrypted bytes are random: a needle of four bytes (half-width kana in CP932) would be met by chance.
        needles.retain(|(needle, _)| needle.len() >= 8);
        let mut heads: std::collections::HashMap<[u8; 4], Vec<usize>> = std::collections::HashMap::new();
        for (i, (needle, _)) in needles.iter().enumerate() {
            heads.entry(needle[..4].try_into().unwrap()).or_default().push(i);
        }
        Self { needles, heads }
    }

    fn hits(&self, bytes: &[u8]) -> usize {
        let starts = |at: usize, i: &usize| bytes[at..].starts_with(&self.needles[*i].0);
        (0..bytes.len().saturating_sub(3))
            .filter(|at| {
                let head: [u8; 4] = bytes[*at..at + 4].try_into().unwrap();
                self.heads.get(&head).is_some_and(|some| some.iter().any(|i| starts(*at, i)))
            })
            .count()
    }

    fn assert_none(&self, bytes: &[u8], what: &str) {
        assert_eq!(self.hits(bytes), 0, "{what} holds an identifier");
    }
}

/// Every text of a frame, and every binary.
fn contents(frame: &DataFrame) -> Vec<u8> {
    let mut out = Vec::new();
    for column in frame.columns() {
        match column.dtype() {
            DataType::String => column.str().unwrap().iter().flatten().for_each(|s| {
                out.extend_from_slice(s.as_bytes());
                out.push(0);
            }),
            DataType::Binary => column.binary().unwrap().iter().flatten().for_each(|b| out.extend_from_slice(b)),
            _ => {}
        }
        out.extend_from_slice(column.name().as_bytes());
    }
    out
}

#[test]
fn no_identifier_leaves_a_source_and_the_story_holds() {
    let dir = tempfile::tempdir().unwrap();
    let (demo, said) = run_demo(dir.path());
    let canaries = canaries(&demo.join("raw"));
    let searcher = Searcher::new(&canaries);

    // The search itself can fail: it finds what lies in the raw files, in both encodings.
    let raw = std::fs::read(demo.join("raw/kenpo/eligibility.csv")).unwrap();
    assert!(searcher.hits(&raw) > 300, "the search does not find identifiers where they are");

    searcher.assert_none(said.as_bytes(), "the demo's output");
    for file in files(&demo) {
        if !file.starts_with(demo.join("raw")) {
            searcher.assert_none(&std::fs::read(&file).unwrap(), &file.display().to_string());
        }
    }
    packages_hold_none(&demo, &searcher);
    store_holds_none(&demo, &searcher);
    a_canary_flies_nowhere(&demo);
    secrets_stay_sealed(&demo);
    attacks_on_the_room_fail(&demo);
}

/// Opened with the room's key, decompressed, column by column.
fn packages_hold_none(demo: &Path, searcher: &Searcher) {
    let passphrase = Passphrase::from_string(std::fs::read_to_string(demo.join("keys/room.pass")).unwrap());
    let room = Identity::open(&demo.join("room/room.identity"), &passphrase).unwrap();
    let catalogue = Catalogue::builtin().unwrap();
    let expected = Expected {
        room: "demo.sudare.example/room",
        schema: catalogue.digest(),
        linkage_key: None,
        last_sequence: None,
    };
    for path in files(&demo.join("packages")).into_iter().filter(|f| f.extension().is_some_and(|e| e == "sudare")) {
        let source = path.file_name().unwrap().to_string_lossy().into_owned();
        let text_of = |_: &str, note: &str| Ok(note.split("\n\n").next().unwrap_or_default().to_owned() + "\n");
        let opened = package::open(&path, &room, &expected, &text_of).unwrap();
        assert!(opened.identity.height() > 0 && !opened.tables.is_empty(), "{source} holds nothing");
        searcher.assert_none(&contents(&opened.identity), &format!("{source}'s identity table"));
        for (name, frame) in &opened.tables {
            searcher.assert_none(&contents(frame), &format!("{source}'s {name}"));
        }
        searcher.assert_none(opened.quality.as_bytes(), &format!("{source}'s quality report"));
        let kept: Vec<&str> = opened.identity.get_column_names().iter().map(|n| n.as_str()).collect();
        for gone in ["name", "kana", "birth", "symbol", "number", "postcode", "individual_no"] {
            assert!(!kept.contains(&gone), "{source} sent the column {gone}");
        }
    }
}

/// The snapshot, decompressed by DuckDB itself: every text of every table.
fn store_holds_none(demo: &Path, searcher: &Searcher) {
    let store =
        files(&demo.join("room/store")).into_iter().find(|f| f.extension().is_some_and(|e| e == "duckdb")).unwrap();
    let config = duckdb::Config::default().access_mode(duckdb::AccessMode::ReadOnly).unwrap();
    let connection = duckdb::Connection::open_with_flags(store, config).unwrap();
    let mut columns = connection
        .prepare("SELECT table_name, column_name FROM information_schema.columns WHERE data_type = 'VARCHAR'")
        .unwrap();
    let columns: Vec<(String, String)> =
        columns.query_map([], |r| Ok((r.get(0)?, r.get(1)?))).unwrap().map(Result::unwrap).collect();
    assert!(!columns.is_empty());
    for (table, column) in columns {
        let sql = format!("SELECT DISTINCT \"{column}\" FROM \"{table}\" WHERE \"{column}\" IS NOT NULL");
        let mut statement = connection.prepare(&sql).unwrap();
        let values = statement.query_map([], |r| r.get::<_, String>(0)).unwrap();
        let all: String = values.map(|v| v.unwrap() + "\n").collect();
        searcher.assert_none(all.as_bytes(), &format!("{table}.{column} of the store"));
    }
}

/// One more person, whose every identifier is unmistakable, and lines that can't be read, through the same commands.
fn a_canary_flies_nowhere(demo: &Path) {
    let values =
        ["金絲雀歌子", "カナリアウタコ", "カナリヤ記号", "918273645546", "19710203", "9876543", "JIGYOSHO5577"];
    let header = "保険者番号,記号,番号,枝番,氏名,カナ氏名,生年月日,性別,本人家族,取得日,喪失日,喪失事由,事業所記号,規模,業種,郵便番号";
    let good = "06139992,カナリヤ記号,918273645546,01,金絲雀歌子,カナリアウタコ,19710203,2,1,20200401,,,JIGYOSHO5577,3,E,9876543";
    let bad = "06139992,カナリヤ記号,918273645546,01,金絲雀歌子,カナリアウタコ,金絲雀歌子,カナリアウタコ,918273645546,カナリヤ記号,,,JIGYOSHO5577,3,E,9876543";
    let ragged = "金絲雀歌子,カナリアウタコ,918273645546";
    std::fs::create_dir(demo.join("canary")).unwrap();
    std::fs::write(demo.join("canary/list.csv"), format!("{header}\r\n{good}\r\n{bad}\r\n{ragged}\r\n")).unwrap();
    let pseudonymize = [
        "pseudonymize",
        "--source",
        "kenpo",
        "--identity",
        "keys/kenpo.identity",
        "--passphrase-file",
        "keys/kenpo.pass",
        "--linkage-key",
        "keys/linkage.key",
        "--card",
        "room/room.card.toml",
        "canary",
        "-o",
        "packages/canary.sudare",
        "--sequence",
        "4000000000",
    ];
    // Files that are mostly unreadable make no package unless somebody says so.
    let out = sudare(demo, &pseudonymize);
    let mut said = text(&out.stdout) + &text(&out.stderr);
    assert_eq!(out.status.code(), Some(2), "{said}");
    assert!(!demo.join("packages/canary.sudare").exists());
    let out = sudare(demo, &[&pseudonymize[..], &["--accept-losses"]].concat());
    said += &(text(&out.stdout) + &text(&out.stderr));
    assert!(out.status.success(), "{said}");
    let out = sudare(demo, &["link", "packages/canary.sudare"]);
    said += &(text(&out.stdout) + &text(&out.stderr));
    assert!(out.status.success(), "{said}");
    std::fs::remove_dir_all(demo.join("canary")).unwrap();

    let canaries: BTreeSet<String> = values.iter().map(|v| (*v).to_owned()).collect();
    let searcher = Searcher::new(&canaries);
    searcher.assert_none(said.as_bytes(), "what pseudonymize and link said");
    for file in files(demo) {
        searcher.assert_none(&std::fs::read(&file).unwrap(), &file.display().to_string());
    }
    packages_hold_none(demo, &searcher);
    store_holds_none(demo, &searcher);
    // A day of birth is a number in the store: 1971-02-03 is day 398.
    for store in files(&demo.join("room/store")) {
        let config = duckdb::Config::default().access_mode(duckdb::AccessMode::ReadOnly).unwrap();
        let connection = duckdb::Connection::open_with_flags(&store, config).unwrap();
        let sql = "SELECT count(*) FROM person WHERE birth_ym = DATE '1970-01-01' + 398 OR day(birth_ym) <> 1";
        let born: i64 = connection.query_row(sql, [], |r| r.get(0)).unwrap();
        assert_eq!(born, 0, "the store holds a day of birth, not a month");
    }
}

/// Private keys lie in age files only, readable by their owner only; the room has no linkage key.
fn secrets_stay_sealed(demo: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    for file in files(demo) {
        let bytes = std::fs::read(&file).unwrap();
        let holds = |needle: &[u8]| bytes.windows(needle.len()).any(|w| w == needle);
        assert!(!holds(b"AGE-SECRET-KEY-"), "{} holds a private key in the clear", file.display());
        if file.extension().is_some_and(|e| e == "identity" || e == "pass") {
            let mode = std::fs::metadata(&file).unwrap().permissions().mode();
            assert_eq!(mode & 0o077, 0, "{} can be read by others", file.display());
        }
    }
    for file in files(&demo.join("room")) {
        assert!(!file.ends_with("linkage.key"), "the linkage key is in the room");
    }
}

/// Signs and files a question; its id.
fn ask(demo: &Path, select: &str) -> String {
    let sql = format!("SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = 0.1) {select}");
    std::fs::write(demo.join("q.sql"), sql).unwrap();
    let _ = std::fs::remove_file(demo.join("q.note"));
    let submit = ["query", "submit", "q.sql", "--project", "walk-and-glucose", "-o", "q.note", "--json"];
    let key = ["--identity", "keys/researcher.identity", "--passphrase-file", "keys/researcher.pass"];
    let out = sudare(demo, &[&submit[..], &key[..]].concat());
    assert!(out.status.success(), "{}", text(&out.stderr));
    let id: Value = serde_json::from_slice(&out.stdout).unwrap();
    let out = sudare(demo, &["query", "file", "q.note"]);
    assert!(out.status.success(), "{}", text(&out.stderr));
    id["request"].as_str().unwrap().to_owned()
}

fn approve(demo: &Path, id: &str) {
    for steward in ["steward-a", "steward-b"] {
        let (identity, pass) = (format!("keys/{steward}.identity"), format!("keys/{steward}.pass"));
        let note = format!("{steward}-{}.note", &id[..8]);
        let out =
            sudare(demo, &["query", "approve", id, "--identity", &identity, "--passphrase-file", &pass, "-o", &note]);
        assert!(out.status.success(), "{}", text(&out.stderr));
        assert!(sudare(demo, &["query", "file", &note]).status.success());
    }
}

fn cosign(demo: &Path) {
    for steward in ["steward-a", "steward-b"] {
        let (identity, pass) = (format!("keys/{steward}.identity"), format!("keys/{steward}.pass"));
        let seen = format!("stewards/{steward}.seen");
        let args = ["audit", "cosign", "--identity", &identity, "--passphrase-file", &pass, "--seen", &seen];
        let out = sudare(demo, &args);
        assert!(out.status.success(), "{}", text(&out.stderr));
    }
}

/// The name under which the program seals the answer to the log's last intent: the entry's leaf hash (RFC 6962).
fn leaf_of_open_intent(demo: &Path) -> String {
    let shown: Value = serde_json::from_slice(&sudare(demo, &["audit", "show", "--json"]).stdout).unwrap();
    let last =
        shown.as_array().unwrap().iter().rev().find(|e| e["event"]["event"] == "intent").unwrap()["index"].clone();
    let proof = sudare(demo, &["audit", "prove", &last.to_string(), "--json"]);
    let proof: Value = serde_json::from_slice(&proof.stdout).unwrap();
    audit_log::digest::hex(&audit_log::merkle::leaf_hash(proof["entry"].as_str().unwrap().as_bytes()))
}

/// What a researcher, an operator in a hurry and a forger would try, on the room that the demo left.
fn attacks_on_the_room_fail(demo: &Path) {
    let list: Value = serde_json::from_slice(&sudare(demo, &["query", "list", "--json"]).stdout).unwrap();
    let released: Vec<&str> = list
        .as_array()
        .unwrap()
        .iter()
        .filter(|r| r["state"] == "released")
        .map(|r| r["request"].as_str().unwrap())
        .collect();
    assert_eq!(released.len(), 3);
    let refused: Vec<&Value> = list.as_array().unwrap().iter().filter(|r| r["state"] == "refused").collect();
    assert_eq!(refused.len(), 1, "the request beyond the budget is on record as refused");

    // Running again gives the same bytes and charges nothing.
    let spent = |demo: &Path| {
        let report: Value = serde_json::from_slice(&sudare(demo, &["audit", "report", "--json"]).stdout).unwrap();
        report["spent"].as_str().unwrap().to_owned()
    };
    let release = demo.join(format!("room/releases/{}.release.json", released[0]));
    let (before, bytes) = (spent(demo), std::fs::read(&release).unwrap());
    assert!(sudare(demo, &["query", "run", released[0]]).status.success());
    assert_eq!(spent(demo), before, "a repeated run was charged");
    assert!(std::fs::read(&release).unwrap() == bytes, "a repeated run changed the answer");

    // A release file that was lost in a crash is made again from the sealed answer: the same answer, no new noise.
    std::fs::remove_file(&release).unwrap();
    let out = sudare(demo, &["query", "run", released[0], released[0]]);
    assert!(out.status.success(), "{}", text(&out.stderr));
    let answer_of = |file: &[u8]| serde_json::from_slice::<Value>(file).unwrap()["answer"].clone();
    assert!(answer_of(&std::fs::read(&release).unwrap()) == answer_of(&bytes), "the rebuilt answer is another one");
    assert_eq!(spent(demo), before);

    // A request that nobody approved does not run, and is not charged.
    let id = ask(demo, "sex, COUNT(*) AS n FROM person GROUP BY sex");
    let run = sudare(demo, &["query", "run", &id]);
    assert_eq!(run.status.code(), Some(1), "{}", text(&run.stderr));
    assert_eq!(spent(demo), before);
    assert!(!demo.join(format!("room/releases/{id}.release.json")).exists());

    // A researcher can't approve; a note that was changed after it was signed is not filed.
    let key = ["--identity", "keys/researcher.identity", "--passphrase-file", "keys/researcher.pass", "-o", "v.note"];
    assert_eq!(sudare(demo, &[&["query", "approve", &id], &key[..]].concat()).status.code(), Some(1));
    let note = std::fs::read_to_string(demo.join("q.note")).unwrap();
    std::fs::write(demo.join("q.note"), note.replacen("AS n", "AS m", 1)).unwrap();
    assert_eq!(sudare(demo, &["query", "file", "q.note"]).status.code(), Some(3));
    std::fs::remove_file(demo.join("q.note")).unwrap();

    // An answer planted or left by another run is not published as this request's; a run that was cut off after it
    // touched data is never computed again, and stays charged.
    let id = ask(demo, "COUNT(*) AS n FROM person");
    approve(demo, &id);
    assert_eq!(sudare(demo, &["query", "run", &id]).status.code(), Some(1), "it ran without co-signatures");
    cosign(demo);
    let sealed = demo.join("room/sealed");
    let leaf = leaf_of_open_intent(demo);
    let foreign = files(&sealed).into_iter().find(|f| f.extension().is_some_and(|e| e == "age")).unwrap();
    std::fs::copy(foreign, sealed.join(format!("{leaf}.age"))).unwrap();
    assert_eq!(sudare(demo, &["query", "run", &id]).status.code(), Some(3), "a foreign answer was published");
    std::fs::remove_file(sealed.join(format!("{leaf}.age"))).unwrap();
    std::fs::write(sealed.join(format!("{leaf}.started")), "").unwrap();
    let out = sudare(demo, &["query", "run", &id, "--json"]);
    assert_eq!(out.status.code(), Some(1), "a run that was cut off was computed again");
    let results: Value = serde_json::from_slice(&out.stdout).unwrap();
    assert_eq!(results[0]["state"], "failed");
    assert_ne!(spent(demo), before, "a failed run was not charged");
    assert!(sudare(demo, &["audit", "report"]).status.success(), "the ledger is not sound any more");

    // Rows are not to be had, whatever they are called.
    for sql in [
        "SELECT * FROM person",
        "SELECT person_id FROM person",
        "SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = 1) person_id, COUNT(*) AS n FROM person GROUP BY person_id",
        "SELECT sex, COUNT(*) FROM person GROUP BY sex",
    ] {
        std::fs::write(demo.join("q.sql"), sql).unwrap();
        let out = sudare(demo, &["query", "check", "q.sql", "--project", "walk-and-glucose"]);
        assert_eq!(out.status.code(), Some(2), "{sql} was accepted");
    }
    // A column that the project may not read is refused by policy.
    std::fs::write(
        demo.join("q.sql"),
        "SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = 1) insurer_kind, COUNT(DISTINCT person_id) AS n FROM enrolment GROUP BY insurer_kind",
    )
    .unwrap();
    let out = sudare(demo, &["query", "check", "q.sql", "--project", "walk-and-glucose"]);
    assert_eq!(out.status.code(), Some(1), "{}", text(&out.stderr));

    // An edited release is not believed; neither is a room whose policy file was edited.
    let edited = text(&bytes).replacen("\\\"minimum_persons\\\":10", "\\\"minimum_persons\\\":11", 1);
    assert!(edited.as_bytes() != bytes.as_slice(), "nothing was edited");
    std::fs::write(demo.join("edited.json"), edited).unwrap();
    let out = sudare(demo, &["release", "verify", "edited.json", "--card", "room/room.card.toml"]);
    assert_eq!(out.status.code(), Some(3), "{}", text(&out.stdout));
    let policy = std::fs::read_to_string(demo.join("room/policy.toml")).unwrap();
    std::fs::write(demo.join("room/policy.toml"), policy.replace("epsilon = \"4\"", "epsilon = \"7\"")).unwrap();
    assert_eq!(sudare(demo, &["query", "run", &id]).status.code(), Some(3));
    std::fs::write(demo.join("room/policy.toml"), policy).unwrap();
}
