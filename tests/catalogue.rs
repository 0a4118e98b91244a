//! `sudare schema`, `--catalogue`, and what a user sees who mistypes a column: through the program, as users do.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::path::Path;
use std::process::{Command, Output};

use datasets::catalogue::Catalogue;
use serde_json::Value;

/// A table that no Rust knows.
const TABLE: &str = r#"
name = "grip_strength"
description = "One row for every measurement of grip."
source_kind = "observations"
rows = "many"
order = ["date"]

[[column]]
name = "date"
type = "date"
min = "2008-04-01"
max = "2036-03-31"
nullable = false
sensitivity = "sensitive"
origin = "Window as claim.month."
description = "Day."

[[column]]
name = "grip_kg"
type = "integer"
unit = "kg"
digits = 1
min = "0.0"
max = "100.0"
nullable = true
sensitivity = "sensitive"
origin = "Policy, no data seen: 新体力テスト scores end below 100 kg."
description = "Grip strength."
"#;

fn sudare(dir: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sudare"));
    command.args(args).current_dir(dir).env_remove("SUDARE_ROOM").env_remove("SUDARE_ROOM_PASSPHRASE_FILE");
    command.output().unwrap()
}

fn ok(dir: &Path, args: &[&str]) -> String {
    let out = sudare(dir, args);
    let said = String::from_utf8_lossy(&out.stdout).into_owned();
    assert!(out.status.success(), "{args:?}: {said}{}", String::from_utf8_lossy(&out.stderr));
    said
}

/// Exit code and what was said on standard error.
fn fails(dir: &Path, args: &[&str]) -> (i32, String) {
    let out = sudare(dir, args);
    assert!(!out.status.success(), "{args:?} should fail: {}", String::from_utf8_lossy(&out.stdout));
    (out.status.code().unwrap(), String::from_utf8_lossy(&out.stderr).into_owned())
}

/// Keys of a researcher, a source and two stewards, and a policy by which the project may read these columns.
fn policy(dir: &Path, columns: &str) {
    let mut text = String::from(
        "[room]\norigin = \"test.example/room\"\nminimum_persons = 10\napprovals = 2\ncosignatures = 2\n\
         slot_seconds = 1\naccount = \"pure\"\nbudget = { epsilon = \"8\", delta = \"0\" }\n\n\
         [[source]]\nname = \"clinic\"\ncard = \"clinic\"\nkinds = [\"eligibility\", \"observations\"]\n\n\
         [[project]]\nid = \"grip\"\ntitle = \"Grip\"\npurpose = \"HMB\"\nlegal_basis = \"test\"\n\
         recipient_kind = \"academia\"\nwithout_consent = \"include\"\nresearchers = [\"rin\"]\nfrom = \"2026-04-01\"\nuntil = \"2099-03-31\"\n\
         budget = { epsilon = \"4\", delta = \"0\" }\nresearcher_budget = { epsilon = \"4\", delta = \"0\" }\n\n\
         [project.columns]\n",
    );
    text.push_str(columns);
    text.push('\n');
    for (name, role) in [("rin", "researcher"), ("clinic", "source"), ("mori", "steward"), ("sato", "steward")] {
        let card = dir.join(format!("{name}.card.toml"));
        if !card.exists() {
            let pass = format!("{name}.pass");
            ok(dir, &["key", "new", name, "--role", role, "--generate-passphrase", &pass]);
        }
        text.push_str(&format!("\n{}\n", std::fs::read_to_string(card).unwrap()));
    }
    std::fs::write(dir.join("policy.toml"), text).unwrap();
}

#[test]
fn the_dictionary_has_every_table_and_column() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let page = ok(dir, &["schema", "--markdown"]);
    let json: Value = serde_json::from_str(&ok(dir, &["schema", "--json"])).unwrap();
    let catalogue = Catalogue::builtin().unwrap();
    for (table, entry) in catalogue.tables().iter().zip(json["tables"].as_array().unwrap()) {
        assert!(page.contains(&format!("## `{}`", table.name)));
        for (column, entry) in table.columns.iter().zip(entry["columns"].as_array().unwrap()) {
            assert!(page.contains(&format!("| `{}` |", column.name)));
            assert_eq!(
                (entry["name"].as_str(), entry["origin"].as_str()),
                (Some(&*column.name), Some(&*column.origin))
            );
        }
    }
    let one = ok(dir, &["schema", "--table", "claim"]);
    assert!(one.contains("## `claim`") && !one.contains("## `act`"));
    let (code, said) = fails(dir, &["schema", "--table", "claims"]);
    assert!(code == 2 && said.contains("no table is named claims") && said.contains("lifelog_daily"), "{said}");
}

#[test]
fn a_room_keeps_the_catalogue_it_was_made_with() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    std::fs::create_dir(dir.join("further")).unwrap();
    std::fs::write(dir.join("further/grip.toml"), TABLE).unwrap();
    std::fs::write(dir.join("further/notes.txt"), "not a table").unwrap();
    let described = ok(dir, &["schema", "--catalogue", "further", "--table", "grip_strength"]);
    assert!(described.contains("新体力テスト") && described.contains("0.0 to 100.0"), "{described}");

    policy(dir, "grip_strength = [\"date\", \"grip_kg\"]\nperson = [\"sex\"]");
    // Without the files, nobody knows the table.
    let (code, said) = fails(dir, &["policy", "check", "policy.toml"]);
    assert!(
        code == 2 && said.contains("grip_strength") && said.contains("line ") && said.contains("sudare schema"),
        "{said}"
    );
    ok(dir, &["policy", "check", "policy.toml", "--catalogue", "further"]);
    let init = ["room", "init", "room", "--policy", "policy.toml", "--generate-passphrase", "room.pass"];
    fails(dir, &init);
    ok(dir, &[&init[..], &["--catalogue", "further"]].concat());
    assert!(!dir.join("room/catalogue/notes.txt").exists());
    ok(dir, &["policy", "check", "policy.toml", "--room", "room"]);
    let described = ok(dir, &["schema", "--room", "room", "--table", "grip_strength"]);
    assert!(described.contains("grip_kg"));

    std::fs::write(
        dir.join("grip.sql"),
        "SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = 1)\n  COUNT(DISTINCT person_id) AS persons\nFROM grip_strength",
    )
    .unwrap();
    let check = ["query", "check", "grip.sql", "--room", "room", "--project", "grip"];
    let said = ok(dir, &check);
    assert!(said.contains("costs ε = 1"), "{said}");
    // Price by each account, sensitivity with its reason, mechanism and deviation: e^(1/s) = e, sd = √2·sinh(1/2)⁻¹/2.
    for words in
        ["(ρ = 0.5)", "L0 = 1, L∞ = 1, L1 = 1", "discrete Laplace, s = 1", "1.36", "because", "fewer than 10 persons"]
    {
        assert!(said.contains(words), "{words}\n{said}");
    }

    // A question that can't be asked: the spot, as compilers show it, and what the exit code means.
    std::fs::write(
        dir.join("wrong.sql"),
        "SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = 1)\n  SUM(grips) AS grip\nFROM grip_strength",
    )
    .unwrap();
    let (code, said) = fails(dir, &["query", "check", "wrong.sql", "--room", "room", "--project", "grip"]);
    assert_eq!(code, 2);
    assert!(said.starts_with("error[") && said.contains("--> wrong.sql:2:7"), "{said}");
    assert!(said.contains("  = exit code 2, bad input") && said.contains("nothing was read or charged"), "{said}");

    // A source that lacks the files would make a package for nothing.
    ok(dir, &["key", "linkage", "--to", "clinic.card.toml", "-o", "linkage.key"]);
    std::fs::write(dir.join("list.csv"), "x").unwrap();
    let pseudonymize = [
        "pseudonymize",
        "--source",
        "clinic",
        "--identity",
        "clinic.identity",
        "--passphrase-file",
        "clinic.pass",
        "--linkage-key",
        "linkage.key",
        "--card",
        "room/room.card.toml",
        "list.csv",
        "-o",
        "clinic.sudare",
    ];
    let (code, said) = fails(dir, &pseudonymize);
    assert!(code == 2 && said.contains("catalogue is not the room's") && said.contains("--catalogue"), "{said}");

    // What changes under the room's hands is an integrity failure, wherever the catalogue is needed.
    std::fs::write(dir.join("room/catalogue/grip.toml"), TABLE.replace("100.0", "90.0")).unwrap();
    for command in [&check[..], &["schema", "--room", "room"], &["policy", "check", "policy.toml", "--room", "room"]] {
        let (code, said) = fails(dir, command);
        assert!(code == 3 && said.contains("not the one it was made with"), "{command:?}: {said}");
    }
    std::fs::remove_file(dir.join("room/catalogue/grip.toml")).unwrap();
    assert_eq!(fails(dir, &check).0, 3);
    std::fs::write(dir.join("room/catalogue/grip.toml"), TABLE).unwrap();
    ok(dir, &check);
}

#[test]
fn a_misspelt_column_of_a_policy_is_shown_with_its_place() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    policy(dir, "person = [\"sex\"]\nlifelog_daily = [\"date\", \"stepz\"]");
    let (code, said) = fails(dir, &["policy", "check", "policy.toml"]);
    assert_eq!(code, 2);
    let text = std::fs::read_to_string(dir.join("policy.toml")).unwrap();
    let (line, column) = text.lines().enumerate().find_map(|(n, l)| Some((n + 1, l.find("\"stepz\"")? + 1))).unwrap();
    assert!(said.contains(&format!("line {line}, column {column}")), "{said}");
    assert!(said.contains("did you mean `steps`?") && said.contains("sudare schema --table lifelog_daily"), "{said}");
}
