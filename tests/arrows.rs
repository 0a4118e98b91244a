//! The arrows of the design, read from `cargo metadata`: a crate that reaches for another that the design does not
//! draw fails here. `linkage` can't see keys because it can't see `pseudonymize`; `audit-log` stands on nothing.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

const ALL: [&str; 6] = ["audit-log", "datasets", "pseudonymize", "linkage", "policies", "dp-query"];

fn allowed(room: &str) -> BTreeSet<&'static str> {
    match room {
        "audit-log" => BTreeSet::new(),
        "datasets" => ["audit-log"].into(),
        "pseudonymize" | "linkage" | "policies" => ["datasets"].into(),
        "dp-query" => ["datasets", "policies", "audit-log"].into(),
        // The program and the measurements see everything.
        "sudare" | "benches" => ALL.into(),
        other => panic!("{other} is a room that the design does not have"),
    }
}

fn metadata() -> Value {
    let out = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--offline", "--locked", "--format-version", "1"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo metadata runs");
    assert!(out.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&out.stderr));
    serde_json::from_slice(&out.stdout).expect("cargo metadata prints JSON")
}

/// Room → rooms that it depends on (normal and build dependencies; a test may look further).
fn arrows(metadata: &Value) -> BTreeMap<String, BTreeSet<String>> {
    let room = |name: &str| name.strip_prefix("sudare-").unwrap_or(name).to_owned();
    let packages = metadata["packages"].as_array().unwrap();
    let ours: BTreeSet<&str> = packages.iter().map(|p| p["name"].as_str().unwrap()).collect();
    packages
        .iter()
        .map(|p| {
            let to = p["dependencies"].as_array().unwrap().iter();
            let to = to.filter(|d| d["kind"].as_str() != Some("dev")).map(|d| d["name"].as_str().unwrap());
            (room(p["name"].as_str().unwrap()), to.filter(|n| ours.contains(n)).map(room).collect())
        })
        .collect()
}

#[test]
fn only_the_arrows_of_the_design_exist() {
    let arrows = arrows(&metadata());
    for room in ALL.iter().chain(&["sudare", "benches"]) {
        assert!(arrows.contains_key(*room), "the room {room} is missing");
    }
    for (from, to) in &arrows {
        for to in to {
            assert!(allowed(from).contains(to.as_str()), "{from} -> {to}: the design does not draw this arrow");
        }
    }
}

/// The eight packages that the user fixed do their job where the design puts them.
#[test]
fn the_fixed_packages_stand_in_their_rooms() {
    let metadata = metadata();
    for (room, package) in [
        ("sudare-datasets", "polars"),
        ("sudare-pseudonymize", "polars"),
        ("sudare-linkage", "polars"),
        ("sudare-dp-query", "opendp"),
        ("sudare-pseudonymize", "ring"),
        ("sudare-audit-log", "ring"),
        ("sudare-pseudonymize", "age"),
        ("sudare-datasets", "duckdb"),
        ("sudare", "clap"),
        ("sudare-policies", "serde"),
        ("sudare", "indicatif"),
    ] {
        let p = metadata["packages"].as_array().unwrap().iter().find(|p| p["name"] == room).expect(room);
        let found = p["dependencies"].as_array().unwrap().iter().any(|d| d["name"] == package && d["kind"].is_null());
        assert!(found, "{room} does not use {package}");
    }
}
