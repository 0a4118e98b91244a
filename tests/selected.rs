//! Groups that come from the data and `strict_minimum`, through the program: from signature to a release that verifies.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use serde_json::Value;
use support::{House, eligibility, holds, people};

const POLICY: &str = r#"
[[project]]
id = "sizes"
title = "Insurers"
purpose = "HMB"
legal_basis = "次世代医療基盤法"
recipient_kind = "academia"
without_consent = "include"
researchers = ["rin"]
from = "2020-04-01"
until = "2099-03-31"
budget = { epsilon = "50", delta = "0.001" }
researcher_budget = { epsilon = "50", delta = "0.001" }
[project.columns]
person = ["sex"]
enrolment = ["insurer", "insurer_kind"]
"#;

const ROOM: [&str; 2] = ["--room", "room"];
const OPERATOR: [&str; 4] = ["--room", "room", "--room-passphrase-file", "room.pass"];
const RIN: [&str; 4] = ["--identity", "rin.identity", "--passphrase-file", "rin.pass"];

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// Asked, approved, co-signed, run: what check said, and the answer.
fn asked(house: &House, name: &str, sql: &str) -> (Value, Value) {
    let (file, note, verdict) = (format!("{name}.sql"), format!("{name}.note"), format!("{name}.verdict"));
    house.write(&file, sql);
    let told = json(&house.ok(&[&["query", "check", &file, "--project", "sizes", "--json"][..], &ROOM].concat()));
    let submit = ["query", "submit", &file, "--project", "sizes", "-o", &note, "--json"];
    let id = json(&house.ok(&[&submit[..], &ROOM, &RIN].concat()))["request"].as_str().unwrap().to_owned();
    house.ok(&[&["query", "file", &note][..], &OPERATOR].concat());
    let run = [&["query", "run", &id][..], &OPERATOR].concat();
    let by = |steward: &str, args: &[&str], flag: &str, output: &str| {
        let (identity, pass) = (format!("{steward}.identity"), format!("{steward}.pass"));
        let output = format!("{steward}-{output}");
        let signer = ["--identity", &identity, "--passphrase-file", &pass, flag, &output];
        house.ok(&[args, &ROOM, &signer].concat());
        output
    };
    for steward in ["mori", "sato"] {
        let output = by(steward, &["query", "approve", &id], "-o", &verdict);
        house.ok(&[&["query", "file", &output][..], &OPERATOR].concat());
    }
    assert_eq!(house.fails(&run).0, 1, "nobody co-signed the charge");
    for steward in ["mori", "sato"] {
        by(steward, &["audit", "cosign"], "--seen", "seen");
    }
    house.ok(&run);
    let release = format!("{name}.release.json");
    let answer = json(&house.ok(&[&["query", "show", &id, "-o", &release, "--json"][..], &ROOM].concat()));
    house.ok(&["release", "verify", &release, "--card", "room/room.card.toml"]);
    (told, answer)
}

#[test]
fn an_insurer_with_one_member_is_nowhere_in_the_answer() {
    let house = House::gaussian(&["eligibility"], &["rin"], POLICY);
    let mut all = people("06139999", 150);
    all.truncate(149);
    let mut alone = people("06130017", 1);
    alone[0].number = "77".to_owned();
    alone[0].birth = "19440404";
    all.extend(alone);
    house.write("kenpo/e.csv", &eligibility(&all));
    house.link(&[&house.package("kenpo", 1, &["kenpo"])]);
    assert_eq!(house.number("SELECT count(DISTINCT insurer) FROM enrolment"), 2);

    let (told, answer) = asked(
        &house,
        "insurers",
        "SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = 2, delta = 0.00001, max_groups_contributed = 1)\n insurer, COUNT(DISTINCT person_id) AS persons FROM enrolment GROUP BY insurer",
    );
    assert!(told["cells"].is_null() && told["quote"]["selection"]["least"] == 1, "{told}");
    let threshold = told["quote"]["selection"]["threshold"].as_i64().unwrap();
    let failure: f64 = told["price"]["failure"].as_str().unwrap().parse().unwrap();
    assert!((10..60).contains(&threshold) && failure > 0.0 && failure <= 0.000005, "{told}");
    assert_eq!(answer["cells"].as_array().unwrap().len(), 1, "{answer}");
    assert_eq!(answer["cells"][0]["keys"][0], "06139999");
    assert!(!holds(&house.path("room/releases"), "06130017"));

    // Sexes, 75 of each: a minimum that truly holds, above which both are.
    let strict = |minimum: u32| {
        format!(
            "SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = 2, delta = 0.00001, min_privacy_units_per_group = {minimum}, strict_minimum = TRUE) sex, COUNT(*) AS n FROM person GROUP BY sex"
        )
    };
    let (told, answer) = asked(&house, "few", &strict(20));
    assert!(told["quote"]["selection"]["always"] == true && answer["selection"]["least"] == 20, "{told}");
    let shown =
        |answer: &Value| answer["cells"].as_array().unwrap().iter().filter(|cell| cell["status"] == "released").count();
    assert_eq!(shown(&answer), 2, "{answer}");
    let (_, answer) = asked(&house, "many", &strict(80));
    assert_eq!((shown(&answer), answer["cells"].as_array().unwrap().len()), (0, 3), "{answer}");

    // A person can be insured by several: the total is counted by itself.
    let (told, answer) = asked(
        &house,
        "kinds",
        "SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = 4, delta = 0.00001) insurer_kind, COUNT(DISTINCT person_id) AS n FROM enrolment GROUP BY ROLLUP(insurer_kind)",
    );
    assert_eq!(told["quote"]["further"].as_array().unwrap().len(), 1, "{told}");
    let total = answer["cells"].as_array().unwrap().last().unwrap();
    assert_eq!((&total["keys"][0], &total["status"]), (&Value::from("ALL"), &Value::from("released")), "{answer}");
    assert!((total["values"][0]["value"].as_f64().unwrap() - 150.0).abs() < 15.0, "{answer}");

    // The log's account has δ of every selection.
    let status = json(&house.ok(&["room", "status", "--room", "room", "--json"]));
    assert!(status["spent"].as_str().is_some(), "{status}");
    // And a pure room says what would pass.
    let pure =
        House::with(&["eligibility"], &["rin"], &POLICY.replace("\"50\", delta = \"0.001\"", "\"8\", delta = \"0\""));
    pure.write("q.sql", "SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = 1, max_groups_contributed = 1) insurer, COUNT(DISTINCT person_id) AS n FROM enrolment GROUP BY insurer");
    let (code, said) = pure.fails(&["query", "check", "q.sql", "--project", "sizes", "--room", "room"]);
    assert!(code == 2 && said.contains("come from the data") && said.contains("CASE WHEN"), "{code} {said}");
}
