//! Synthetic people → files → readers → tables: what was generated is what is read, record by record and sum by sum.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod synth_support;

use std::collections::{BTreeMap, BTreeSet};

use datasets::catalogue::Catalogue;
use datasets::read::{Identified, ReadOptions, read, truth};
use datasets::synth::{NoiseRates, SynthOptions};
use polars::prelude::DataFrame;
use synth_support::*;

struct Source {
    last: Identified,
    tables: BTreeMap<String, DataFrame>,
}

fn source(world: &World, name: &str) -> Source {
    let mut tables: BTreeMap<String, DataFrame> = BTreeMap::new();
    let mut last = None;
    let inputs = [world.dir.path().join(name)];
    let mut sink = |batch: Identified| {
        for (name, frame) in batch.tables() {
            match tables.get_mut(name) {
                Some(whole) => drop(whole.vstack_mut(frame).unwrap()),
                None => drop(tables.insert(name.clone(), frame.clone())),
            }
        }
        last = Some(batch);
        Ok(())
    };
    read(&inputs, &ReadOptions::default(), &mut sink, &|_| {}).unwrap();
    Source { last: last.unwrap(), tables }
}

impl Source {
    fn height(&self, table: &str) -> u64 {
        self.tables.get(table).map_or(0, |frame| frame.height() as u64)
    }

    fn integers(&self, table: &str, column: &str) -> Vec<Option<i64>> {
        self.tables[table].column(column).unwrap().i64().unwrap().iter().collect()
    }
}

fn options() -> SynthOptions {
    let noise = NoiseRates { correction: 0.1, ..NoiseRates::default() };
    let formats = "payer,dpc,dental".parse().unwrap();
    SynthOptions { persons: 1500, months: 8, seed: 21, noise, formats, ..SynthOptions::default() }
}

#[test]
fn every_record_arrives_with_its_values() {
    let world = world(&options());
    let [kenpo, kokuho, lifelog] = ["kenpo", "kokuho", "lifelog"].map(|name| source(&world, name));
    let both = |table: &str| kenpo.height(table) + kokuho.height(table);
    let report = &world.report;
    assert_eq!(both("enrolment"), report.enrolments);
    assert_eq!(
        both("claim"),
        report.medical_claims + report.dpc_claims + report.dental_claims + report.pharmacy_claims
    );
    assert_eq!(both("checkup"), report.checkups);
    assert_eq!(lifelog.height("lifelog_daily"), report.lifelog_days);

    // Claims: billed and adjudicated points, each receipt's and so their sorted lists.
    let catalogue = Catalogue::builtin().unwrap();
    let bounds = |column: &str, value: i64| {
        catalogue.table("claim").unwrap().column(column).unwrap().grid(&value.to_string()).unwrap()
    };
    let (mut billed, mut adjudicated) = (Vec::new(), Vec::new());
    for receipt in receipts(world.dir.path()) {
        let first = receipt.billed();
        let after = receipt.corrected();
        let last = after.iter().find(|record| record[0] == "HO").map_or(first, |ho| ho[5].parse().unwrap());
        billed.push(bounds("points_billed", first));
        adjudicated.push(bounds("points", last));
    }
    for (column, mut expected) in [("points_billed", billed), ("points", adjudicated)] {
        let mut seen: Vec<i64> =
            [&kenpo, &kokuho].iter().flat_map(|source| source.integers("claim", column)).map(Option::unwrap).collect();
        expected.sort_unstable();
        seen.sort_unstable();
        assert_eq!(seen, expected, "{column}");
    }

    // Lifelog: steps, sum and count.
    let mut steps = (0i64, 0usize);
    for path in files(&world.dir.path().join("lifelog")).iter().filter(|p| p.to_string_lossy().contains("daily-")) {
        for row in rows(path).into_iter().skip(1) {
            steps = (steps.0 + row[2].parse::<i64>().unwrap(), steps.1 + 1);
        }
    }
    let seen: Vec<i64> = lifelog.integers("lifelog_daily", "steps").into_iter().flatten().collect();
    assert_eq!((seen.iter().sum::<i64>(), seen.len()), steps);

    // Checkups: HbA1c, stored in tenths; NULL where it could not be measured.
    let mut expected: Vec<Option<i64>> = checkups(world.dir.path())
        .iter()
        .filter(|(name, _)| name.contains("/DATA/"))
        .map(|(_, document)| item(document, "3D046000001906202").map(|value| (value * 10.0).round() as i64))
        .collect();
    let mut seen: Vec<Option<i64>> = [&kenpo, &kokuho].iter().flat_map(|s| s.integers("checkup", "hba1c")).collect();
    expected.sort_unstable();
    seen.sort_unstable();
    assert_eq!(seen, expected);
    assert!(seen.iter().any(Option::is_none));
}

#[test]
fn the_truth_knows_every_identity() {
    let world = world(&options());
    let mut sources_of: BTreeMap<u32, BTreeSet<&str>> = BTreeMap::new();
    for name in ["kenpo", "kokuho", "lifelog"] {
        let source = source(&world, name);
        let known = truth(&source.last, &world.dir.path().join("truth.parquet")).unwrap();
        let idents: BTreeSet<Option<u32>> = known.column("ident").unwrap().u32().unwrap().iter().collect();
        assert_eq!(idents.len(), source.last.identity().height(), "{name}: an identity without a person");
        for person in known.column("person").unwrap().u32().unwrap().iter() {
            sources_of.entry(person.unwrap()).or_default().insert(name);
        }
    }
    assert!(sources_of.values().filter(|sources| sources.len() >= 2).count() > 100);
    assert!(sources_of.keys().all(|person| *person < 1500));
}
