//! Every format at once: the same bytes whatever the threads, the truth behind every row, and shares near the published ones.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod synth_support;

use std::collections::BTreeMap;

use datasets::synth::{Formats, SynthOptions};
use synth_support::*;

fn options(persons: u32, months: u32) -> SynthOptions {
    SynthOptions { persons, months, seed: 7, formats: Formats::all(), ..SynthOptions::default() }
}

#[test]
fn the_same_bytes_whatever_the_threads() {
    let made = |threads| {
        let world =
            world(&SynthOptions { threads, apple_users: 3, fitbit_users: 3, fhir_users: 3, ..options(700, 14) });
        let root = world.dir.path();
        let bytes = |path: &std::path::PathBuf| {
            (path.strip_prefix(root).unwrap().display().to_string(), std::fs::read(path).unwrap())
        };
        files(root).iter().map(bytes).collect::<BTreeMap<_, _>>()
    };
    let (one, three) = (made(1), made(3));
    assert!(one.keys().eq(three.keys()));
    for (name, bytes) in &one {
        assert!(*bytes == three[name], "{name} differs");
    }
    let with = |part: &str| one.keys().filter(|name| name.contains(part)).count();
    assert_eq!((with("lifelog/apple/"), with("lifelog/fhir/")), (3, 3));
    // Three files each, or one of several sections.
    assert!((3..=9).contains(&with("lifelog/fitbit/")));
    for name in ["guidance.csv", "programmes.csv", "events/vaccination.csv", "consent.csv", "checkups/dock.csv"] {
        assert!(with(name) == 2, "{name} of both insurers");
    }
    assert!(with("clinic/laboratory.csv") == 1 && with("clinic/fhir/") >= 1);
}

#[test]
fn guidance_is_offered_and_taken_as_published() {
    let world = world(&options(12_000, 24));
    let root = world.dir.path();
    let exams = checkups(root).iter().filter(|(name, _)| name.contains("/DATA/")).count() as f64;
    let rows = |name: &str| -> Vec<BTreeMap<String, String>> {
        ["kenpo", "kokuho"].iter().flat_map(|fund| table(&root.join(fund).join(name))).collect()
    };
    let (targets, others) = (rows("guidance.csv"), rows("programmes.csv"));
    // Invited 23.2 % of examinees, of them 35.2 % accepted (PLoS ONE 0286317); completed 15.2 % of targets (FY2015).
    let invited = (targets.len() + others.len()) as f64 / exams;
    assert!((0.19..0.27).contains(&invited), "invited {invited}");
    let share = |of: &dyn Fn(&BTreeMap<String, String>) -> bool| {
        targets.iter().filter(|row| of(row)).count() as f64 / targets.len() as f64
    };
    let taken = share(&|row| !row["初回面接日"].is_empty());
    assert!((0.29..0.39).contains(&taken), "accepted {taken}");
    let completed = share(&|row| matches!(row["実施状況"].as_str(), "終了" | "completed"));
    assert!((0.12..0.21).contains(&completed), "completed {completed}");

    let people = f64::from(world.report.persons as u32);
    let out = rows("opt-out.csv").len() as f64 / people;
    assert!((0.003..0.008).contains(&out), "opted out {out}");
    let stress = rows_if(root, "kenpo/events/stress.csv");
    let high = stress.iter().filter(|row| row["高ストレス者"] == "高ストレス").count() as f64 / stress.len() as f64;
    assert!((0.07..0.16).contains(&high), "high stress {high}");
    assert!(rows_if(root, "kenpo/events/leave.csv").iter().any(|row| row["休職事由"] == "メンタルヘルス"));
    let wanted = rows("consent.csv");
    assert!(wanted.iter().any(|row| row["提供先"] == "製薬企業" && row["同意"] == "不同意"));
}

fn rows_if(root: &std::path::Path, name: &str) -> Vec<BTreeMap<String, String>> {
    table(&root.join(name))
}
