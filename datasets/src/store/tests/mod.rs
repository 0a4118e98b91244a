#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::print_stderr)]

mod locked;
mod round_trip;
mod speed;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use audit_log::digest::sha256;
use audit_log::storage::faulty::Disk;
use audit_log::{Account, Event, Log, Receipt, Signer};
use polars::prelude::*;

use super::*;
use crate::catalogue::{Catalogue, days_from_civil};

const NOW: &str = "2026-11-22T00:00:00Z";

fn receipt(events: &[Event]) -> Receipt {
    let signer = Signer::from_seed("room.example/test", &[7; 32]).unwrap();
    let mut log = Log::create(Disk::new(), "room.example/test", signer).unwrap();
    let mut last = 0;
    for event in events {
        last = log.append(event, NOW).unwrap();
    }
    log.checkpoint().unwrap();
    log.receipt(last).unwrap()
}

fn linkage_event() -> Event {
    Event::Linkage {
        packages: vec!["ab".repeat(32)],
        strategy: "sudare".into(),
        parameters: "cd".repeat(32),
        report: "ef".repeat(32),
    }
}

fn policy_event() -> Event {
    Event::Policy { policy: "12".repeat(32), epsilon: "10".into(), delta: "0".into() }
}

fn linkage() -> Receipt {
    receipt(&[policy_event(), linkage_event()])
}

fn intent() -> Receipt {
    receipt(&[Event::Intent {
        request: "11".repeat(32),
        project: "p".into(),
        researcher: "r".into(),
        plan: "22".repeat(32),
        snapshot: "33".repeat(32),
        policy: "44".repeat(32),
        account: Account::Pure,
        epsilon: "1".into(),
        delta: "0".into(),
        rho: "0".into(),
    }])
}

fn draw(person: u128, ordinal: u32) -> u64 {
    let mut bytes = person.to_le_bytes().to_vec();
    bytes.extend(ordinal.to_le_bytes());
    u64::from_le_bytes(sha256(&bytes)[..8].try_into().unwrap())
}

fn day(y: i16, m: i8, d: i8) -> i32 {
    days_from_civil(jiff::civil::date(y, m, d))
}

fn persons(n: u32) -> Vec<Person> {
    let person = |i| Person {
        id: u128::from(u64::MAX) * 7 + u128::from(i) * (1 << 90),
        sex: i32::try_from(i % 2).unwrap(),
        birth_ym: day(1980, 1, 1) + i32::try_from(i).unwrap() * 31,
    };
    (0..n).map(person).collect()
}

/// A frame of the named table; `columns` are Int64 for everything and are cast to what the catalogue says.
fn frame(table: &str, columns: Vec<(&str, Column)>) -> DataFrame {
    let catalogue = Catalogue::builtin().unwrap();
    let table = catalogue.table(table).unwrap();
    let schema = table.frame_schema("pid", crate::catalogue::KeyForm::Keyed);
    let height = columns[0].1.len();
    let given: BTreeMap<_, _> = columns.into_iter().collect();
    let cast = |(name, ty): (&PlSmallStr, &DataType)| match given.get(name.as_str()) {
        Some(column) => {
            let column = match ty {
                DataType::Date => column.cast(&DataType::Int32).unwrap(),
                _ => column.clone(),
            };
            column.cast(ty).unwrap().with_name(name.clone())
        }
        None if table.column(name).is_some_and(|c| !c.nullable) => {
            Column::new(name.clone(), vec![0_i64; height]).cast(&DataType::Int32).unwrap().cast(ty).unwrap()
        }
        None => Column::full_null(name.clone(), height, ty),
    };
    DataFrame::new(height, schema.iter().map(cast).collect()).unwrap()
}

fn ints<T: Into<Option<i64>> + Copy>(values: &[T]) -> Column {
    let values: Vec<Option<i64>> = values.iter().map(|v| (*v).into()).collect();
    Column::new("x".into(), values)
}

fn texts(values: &[Option<&str>]) -> Column {
    Column::new("x".into(), values)
}

fn identities(rows: &[(&str, u64, u32, u32)]) -> DataFrame {
    df!(
        "source" => rows.iter().map(|r| r.0).collect::<Vec<_>>(),
        "sequence" => rows.iter().map(|r| r.1).collect::<Vec<_>>(),
        "ident" => rows.iter().map(|r| r.2).collect::<Vec<_>>(),
        "pid" => rows.iter().map(|r| r.3).collect::<Vec<_>>(),
    )
    .unwrap()
}

fn try_load(dir: &Path, persons: &[Person], tables: Vec<(&str, DataFrame)>) -> Result<Staged, StoreError> {
    let pid = u32::try_from(persons.len()).unwrap().saturating_sub(1);
    load(
        dir,
        Load {
            persons,
            tables: tables.into_iter().map(|(n, f)| (n.to_owned(), f)).collect(),
            identities: identities(&[("kokuho", 2, 0, 0), ("kenpo", 1, 5, pid)]),
            draws: &draw,
            receipt: &linkage(),
        },
        &Catalogue::builtin().unwrap(),
        &|_| (),
    )
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let mut out: Vec<_> = std::fs::read_dir(dir).unwrap().map(|e| e.unwrap().path()).collect();
    out.sort();
    out
}

fn open_at(path: &Path) -> Store {
    let spill = path.parent().unwrap().join("spill");
    Store::open(path, &spill, 512).unwrap()
}
