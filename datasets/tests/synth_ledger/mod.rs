//! The generator's ledger against what the readers give: the same rows, as often, of the same persons.

#![allow(dead_code, unreachable_pub, clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::collections::BTreeMap;
use std::path::PathBuf;

use datasets::catalogue::{Catalogue, ColumnType};
use datasets::read::{Identified, QualityReport, ReadOptions, read, truth};
use datasets::synth::{Ledger, NoiseRates, SynthOptions, SynthReport, generate_with_ledger};
use polars::prelude::{AnyValue, DataFrame};

/// No clerk ever errs; whatever a test wants to happen it sets itself.
pub fn quiet() -> NoiseRates {
    let rates = toml::to_string(&NoiseRates::default()).unwrap();
    let zero: String = rates.lines().map(|line| line.split('=').next().unwrap().to_owned() + "= 0.0\n").collect();
    toml::from_str(&zero).unwrap()
}

pub struct Books {
    pub dir: tempfile::TempDir,
    pub report: SynthReport,
    pub ledger: Ledger,
}

pub fn books(options: &SynthOptions) -> Books {
    let dir = tempfile::tempdir().unwrap();
    let (report, ledger) = generate_with_ledger(dir.path(), options, &|_| {}).unwrap();
    Books { dir, report, ledger }
}

/// Rows of every table as the ledger writes them, with the person if the truth knows one.
pub struct Seen {
    pub rows: BTreeMap<String, Vec<(Option<u32>, String)>>,
    pub report: QualityReport,
}

fn cell(ty: &ColumnType, value: &AnyValue<'_>) -> String {
    match (ty, value) {
        (ColumnType::Category { values }, AnyValue::Int32(v)) => values[usize::try_from(*v).unwrap()].code.clone(),
        (_, AnyValue::Int64(v)) => v.to_string(),
        (_, AnyValue::Date(v)) => v.to_string(),
        (_, AnyValue::Boolean(v)) => v.to_string(),
        (_, AnyValue::String(v)) => (*v).to_owned(),
        (_, AnyValue::StringOwned(v)) => v.to_string(),
        (ty, other) => panic!("{ty:?} holds {}", other.dtype()),
    }
}

fn texts(catalogue: &Catalogue, name: &str, frame: &DataFrame) -> Vec<(u32, String)> {
    let table = catalogue.table(name).unwrap();
    let ident = frame.column("ident").unwrap().u32().unwrap();
    let columns: Vec<_> = table.columns.iter().map(|c| (c, frame.column(&c.name).unwrap())).collect();
    (0..frame.height())
        .map(|row| {
            let mut text = String::new();
            for (column, values) in &columns {
                let value = values.get(row).unwrap();
                if value != AnyValue::Null {
                    text.push_str(&format!("{}={};", column.name, cell(&column.ty, &value)));
                }
            }
            (ident.get(row).unwrap(), text)
        })
        .collect()
}

impl Books {
    pub fn read(&self, inputs: &[&str]) -> Seen {
        let catalogue = Catalogue::builtin().unwrap();
        let mut found: BTreeMap<String, Vec<(u32, String)>> = BTreeMap::new();
        let mut last = None;
        let inputs: Vec<PathBuf> = inputs.iter().map(|name| self.dir.path().join(name)).collect();
        let mut sink = |batch: Identified| {
            for (name, frame) in batch.tables() {
                found.entry(name.clone()).or_default().extend(texts(&catalogue, name, frame));
            }
            last = Some(batch);
            Ok(())
        };
        let report = read(&inputs, &ReadOptions::default(), &mut sink, &|_| {}).unwrap();
        let known = truth(&last.unwrap(), &self.dir.path().join("truth.parquet")).unwrap();
        let (ident, person) = (known.column("ident").unwrap(), known.column("person").unwrap());
        let pairs = ident.u32().unwrap().iter().zip(person.u32().unwrap().iter());
        let persons: BTreeMap<u32, u32> = pairs.map(|(ident, person)| (ident.unwrap(), person.unwrap())).collect();
        let with_person = |(ident, text): (u32, String)| (persons.get(&ident).copied(), text);
        let rows = found.into_iter().map(|(name, rows)| (name, rows.into_iter().map(with_person).collect())).collect();
        Seen { rows, report }
    }

    /// Asserts that a source's tables are those of the ledger, no more and no less; gives the number of rows.
    pub fn agrees(&self, source: &str, seen: &Seen, tables: &[&str]) -> usize {
        tables.iter().map(|table| agree(source, table, self.ledger.rows(source, table), seen)).sum()
    }
}

/// How much more often a row stands in the ledger, and the persons of both sides.
#[derive(Default)]
struct Both {
    more: i64,
    theirs: Vec<u32>,
    ours: Vec<Option<u32>>,
}

fn agree(source: &str, table: &str, expected: &[(u32, String)], seen: &Seen) -> usize {
    let nothing = Vec::new();
    let got = seen.rows.get(table).unwrap_or(&nothing);
    let mut count: BTreeMap<&str, Both> = BTreeMap::new();
    for (person, text) in expected {
        let entry = count.entry(text).or_default();
        entry.more += 1;
        entry.theirs.push(*person);
    }
    for (person, text) in got {
        let entry = count.entry(text).or_default();
        entry.more -= 1;
        entry.ours.push(*person);
    }
    let missing: Vec<&str> = count.iter().filter(|(_, c)| c.more > 0).map(|(text, _)| *text).collect();
    let extra: Vec<&str> = count.iter().filter(|(_, c)| c.more < 0).map(|(text, _)| *text).collect();
    assert!(
        missing.is_empty() && extra.is_empty(),
        "{source} {table}: {} rows in the ledger, {} read\nmissing {}: {:#?}\nextra {}: {:#?}",
        expected.len(),
        got.len(),
        missing.len(),
        &missing[..missing.len().min(4)],
        extra.len(),
        &extra[..extra.len().min(4)]
    );
    for (text, Both { mut theirs, ours, .. }) in count {
        for person in ours.into_iter().flatten() {
            let at = theirs.iter().position(|other| *other == person);
            let at = at.unwrap_or_else(|| panic!("{source} {table}: a row belongs to somebody else: {text}"));
            theirs.swap_remove(at);
        }
    }
    got.len()
}
