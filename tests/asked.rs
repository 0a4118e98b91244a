//! What is asked through the program: the room profile, code lists and public files, from signature to release.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use serde_json::Value;
use support::{House, eligibility, people};

const POLICY: &str = r#"
[room.profile]
project = "profile"
budget = { epsilon = "6", delta = "0" }
first_year = 2018
last_year = 2024

[[project]]
id = "profile"
title = "Sizes of the room"
purpose = "HMB"
legal_basis = "次世代医療基盤法"
recipient_kind = "academia"
without_consent = "include"
researchers = ["rin"]
from = "2020-04-01"
until = "2099-03-31"
budget = { epsilon = "8", delta = "0" }
researcher_budget = { epsilon = "8", delta = "0" }
[project.columns]
person = ["sex", "birth_ym"]
enrolment = ["start_date", "end_date"]
diagnosis = ["month", "icd10"]
"#;

const ROOM: [&str; 2] = ["--room", "room"];
const OPERATOR: [&str; 4] = ["--room", "room", "--room-passphrase-file", "room.pass"];
const RIN: [&str; 4] = ["--identity", "rin.identity", "--passphrase-file", "rin.pass"];

fn json(house: &House, args: &[&[&str]]) -> Value {
    let mut args = args.concat();
    args.push("--json");
    serde_json::from_str(&house.ok(&args)).unwrap()
}

fn each_steward(house: &House, args: &[&str], output: Option<&str>) {
    for steward in ["mori", "sato"] {
        let (identity, pass) = (format!("{steward}.identity"), format!("{steward}.pass"));
        let mut all = args.to_vec();
        all.extend(["--identity", &identity, "--passphrase-file", &pass]);
        let named = format!("{steward}-{}", output.unwrap_or("seen"));
        all.extend([if output.is_some() { "-o" } else { "--seen" }, &named]);
        house.ok(&all);
        if output.is_some() {
            house.ok(&[&["query", "file", &named][..], &OPERATOR[..]].concat());
        }
    }
}

#[test]
fn the_profile_is_asked_like_anything_else_and_check_knows_nothing_but_it() {
    let house = House::with(&["eligibility"], &["rin"], POLICY);
    house.write("kenpo/e.csv", &eligibility(&people("06139999", 60)));
    house.link(&[&house.package("kenpo", 1, &["kenpo"])]);
    house.write(
        "q.sql",
        "SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = 1) sex, COUNT(*) AS n FROM person GROUP BY sex",
    );
    let check = ["query", "check", "q.sql", "--project", "profile"];
    let before = json(&house, &[&check, &ROOM]);
    assert_eq!(before["profile"], Value::Null);
    let shown = json(&house, &[&["room", "profile"], &ROOM]);
    assert_eq!(shown["answered"], 0);

    let signed = json(&house, &[&["room", "profile", "-o", "profile.note"], &ROOM, &RIN]);
    let ids: Vec<String> =
        signed["requests"].as_array().unwrap().iter().map(|id| id.as_str().unwrap().to_owned()).collect();
    let parts = shown["questions"].as_u64().unwrap();
    assert_eq!(ids.len() as u64, parts);
    house.ok(&[&["query", "file", "profile.note"][..], &OPERATOR].concat());
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let run = [&["query", "run"][..], &ids, &OPERATOR].concat();
    assert_eq!(house.fails(&run).0, 1, "nobody approved it");
    each_steward(&house, &[&["query", "approve"][..], &ids, &ROOM].concat(), Some("profile.verdicts"));
    assert_eq!(house.fails(&run).0, 1, "nobody co-signed the charges");
    each_steward(&house, &[&["audit", "cosign"][..], &ROOM].concat(), None);
    house.ok(&run);

    // Sixty people at ε = 6 / 5 a question: the noise is small enough to see that these are the people.
    let shown = json(&house, &[&["room", "profile"], &ROOM]);
    assert_eq!(shown["answered"].as_u64(), Some(parts), "{shown}");
    let enrolled = shown["persons"]["enrolment"].as_f64().unwrap();
    assert!((40.0..80.0).contains(&enrolled), "{shown}");
    let status = json(&house, &[&["room", "status"], &ROOM]);
    let spent: f64 = status["spent"].as_str().unwrap().parse().unwrap();
    assert!((5.99..=6.0).contains(&spent), "{status}");

    // Now check tells sizes: those of the profile, whatever becomes of the data.
    let known = house.ok(&[&check[..], &ROOM, &["--json"]].concat());
    let told: Value = serde_json::from_str(&known).unwrap();
    assert!(told["profile"]["persons"].as_f64().is_some(), "{known}");
    assert!(told["profile"]["errors"][0]["percent"].as_f64().is_some(), "{known}");
    std::fs::remove_dir_all(house.path("room/store")).unwrap();
    std::fs::remove_dir_all(house.path("room/packages")).unwrap();
    assert_eq!(house.ok(&[&check[..], &ROOM, &["--json"]].concat()), known);

    // Asked again of the same snapshot it is the same bytes, free.
    let again = json(&house, &[&["room", "profile", "-o", "again.note"], &ROOM, &RIN]);
    assert_eq!(again["requests"].as_array().unwrap().len() as u64, parts);
}

#[test]
fn lists_and_public_files_travel_and_are_bound() {
    let house = House::with(&["eligibility"], &["rin"], POLICY);
    let list = |prefix: &str| {
        format!(
            "name = \"asthma-v1\"\ntitle = \"Asthma\"\nsystem = \"ICD-10\"\nsource = \"ICD-10, J45\"\nprefixes = [\"{prefix}\"]\n"
        )
    };
    house.write("lists/asthma-v1.toml", &list("J45"));
    let said = house.ok(&["policy", "check", "policy.toml", "--codelists", "lists"]);
    assert!(said.contains("asthma-v1") && said.contains("t2dm-v1"), "{said}");
    house.write("lists/odd-v1.toml", &list("J45").replace("ICD-10\"\ns", "ICD-9\"\ns").replace("asthma", "odd"));
    assert_eq!(house.fails(&["policy", "check", "policy.toml", "--codelists", "lists"]).0, 2);

    house.write("q.sql", "SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = 1) class, COUNT(DISTINCT person_id) AS n\nFROM diagnosis JOIN PUBLIC('c.csv') AS c USING (icd10) WHERE icd10 IN CODELIST('asthma-v1') GROUP BY class");
    house.write("c.csv", "icd10,class\r\nJ450,allergic\r\nJ451,other\r\n");
    let check = [&["query", "check", "q.sql", "--project", "profile", "--public", "c.csv"][..], &ROOM].concat();
    let (code, said) = house.fails(&check);
    assert!(code == 2 && said.contains("unknown_list"), "{said}");
    // A steward puts the list into the room.
    house.write("room/codelists/asthma-v1.toml", &list("J45"));
    let told = json(&house, &[&check]);
    assert_eq!(told["cites"].as_array().unwrap().len(), 2, "{told}");
    let (code, said) = house.fails(&check[..5]);
    assert!(code == 2, "{said}");
    let submit =
        [&["query", "submit", "q.sql", "--project", "profile", "--public", "c.csv", "-o", "q.note"][..], &ROOM, &RIN]
            .concat();
    let id = json(&house, &[&submit])["request"].as_str().unwrap().to_owned();
    house.ok(&[&["query", "file", "q.note"][..], &OPERATOR].concat());
    assert!(house.ok(&[&["query", "show", &id][..], &ROOM].concat()).contains("J450,allergic"));
    // The file that travels is the one that counts; a list that changed under its name is another plan.
    std::fs::remove_file(house.path("c.csv")).unwrap();
    let approve = |name: &str| {
        [
            &["query", "approve", &id, "--identity", "mori.identity", "--passphrase-file", "mori.pass", "-o", name][..],
            &ROOM,
        ]
        .concat()
        .iter()
        .map(|s| (*s).to_owned())
        .collect::<Vec<_>>()
    };
    house.write("room/codelists/asthma-v1.toml", &list("J4"));
    let args = approve("one.note");
    assert_eq!(house.fails(&args.iter().map(String::as_str).collect::<Vec<_>>()).0, 3);
    house.write("room/codelists/asthma-v1.toml", &list("J45"));
    house.ok(&args.iter().map(String::as_str).collect::<Vec<_>>());
    // A file that nobody cites misleads.
    house.write("d.csv", "x\n1\n");
    let (code, said) = house.fails(&[&check[..5], &["--public", "d.csv"], &ROOM].concat());
    assert!(code == 2, "{said}");
}
