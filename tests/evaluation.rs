//! `link --truth`: the truth travels from the generator through the packages, and every strategy is measured by scenario.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use support::{House, holds};

#[test]
fn strategies_are_compared_by_scenario_and_reported_without_a_name() {
    let house = House::new();
    house.ok(&["synth", "raw", "--persons", "1500", "--months", "12", "--seed", "77", "--formats", "payer,dpc,dental"]);
    let truth = ["--truth", "raw/truth.parquet"];
    let (a, b) = (
        house.package("kenpo", 1, &[truth[0], truth[1], "raw/kenpo"]),
        house.package("kokuho", 1, &[truth[0], truth[1], "raw/kokuho"]),
    );
    let args = ["link", "--room", "room", "--room-passphrase-file", "room.pass", &a, &b, "--json"];
    let with = |more: &[&'static str]| -> Vec<&str> { args.iter().chain(more).copied().collect() };
    // A strategy that is none, and a report without truth, are refused before anything is received.
    assert_eq!(house.fails(&with(&["--truth", "--strategies", "id9"])).0, 2);
    assert_eq!(house.fails(&with(&["--report", "report"])).0, 2);

    let said = house.ok(&with(&["--truth", "--strategies", "all", "--report", "report"]));
    let told: serde_json::Value = serde_json::from_str(&said).unwrap();
    let graded = told["evaluation"]["graded"].as_array().unwrap();
    let names: Vec<&str> = graded.iter().map(|one| one["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["id1", "id2", "id1-or-id2", "id0", "sudare"]);
    let recall = |at: usize| graded[at]["whole"]["recall"]["value"].as_f64().unwrap();
    assert!(recall(4) > recall(3) && recall(3) > recall(0), "{} {} {}", recall(0), recall(3), recall(4));
    assert_eq!(told["recall"][0].as_f64().unwrap(), recall(4), "the strategy that was loaded");
    let groups = graded[4]["groups"].as_array().unwrap();
    let group = |name: &str| groups.iter().find(|group| group["name"] == name).unwrap();
    for name in
        ["insurer change (two sources)", "75th birthday", "typo in a name", "women", "40–64", "no event, no error"]
    {
        assert!(group(name)["rows"].as_u64().unwrap() > 5, "{name}");
    }
    // Nothing happened to them and nobody wrote them down wrongly: any strategy that uses both names and numbers finds them.
    assert!(group("no event, no error")["recall"]["value"].as_f64().unwrap() > 0.999);
    for file in ["evaluation.md", "evaluation.json", "errors.md", "recall.svg", "precision.svg"] {
        assert!(std::fs::metadata(house.path("report").join(file)).unwrap().len() > 300, "{file}");
    }
    let stored: serde_json::Value = serde_json::from_str(&house.read("report/evaluation.json")).unwrap();
    assert_eq!(stored, told["evaluation"]);
    assert!(house.read("report/errors.md").contains("One person, two ids"));
    // A name out of the list of members stands in no report.
    let list = std::fs::read_to_string(house.path("raw/kokuho/eligibility.csv")).unwrap();
    for line in list.lines().skip(1).take(200) {
        let name = line.split(',').nth(4).unwrap();
        assert!(!holds(&house.path("report"), name));
    }
}
