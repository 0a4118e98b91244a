//! Synthetic people as raw files, and the same people behind a loaded store: what the program does, without its command line.
//! Fixed keys, because these people do not exist.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use audit_log::{Event, Log, Posix, Signer};
use datasets::catalogue::{Catalogue, PERSON};
use datasets::read::{ReadOptions, read};
use datasets::store::{self, Load, Person};
use datasets::synth::{SynthOptions, generate};
use linkage::{Outcome, Settings, Strategy, random_id, resolve};
use polars::prelude::{DataFrame, IntoColumn, NamedFrom, Series};
use pseudonymize::{
    LinkageKey, Pseudonymizer, RoomIdentity, RoomKey, SourceKeys, rekey_identities, rekey_tables, with_pid,
};
use tempfile::TempDir;

use crate::Failure;

pub(crate) const ORIGIN: &str = "room.example/benches";
pub(crate) const SECRET: [u8; 32] = [7; 32];
pub(crate) const EPOCH: u32 = 1;
pub(crate) const SOURCES: [&str; 3] = ["kenpo", "kokuho", "lifelog"];

/// A folder with raw files and a store.
pub(crate) struct Room {
    dir: TempDir,
    pub(crate) catalogue: Catalogue,
    /// What linkage saw.
    pub(crate) rows: Vec<linkage::Identity>,
    /// Identifiers as the 健保's files write them: the readers' identity frame.
    pub(crate) written: DataFrame,
    pub(crate) store: PathBuf,
}

impl Room {
    pub(crate) fn new(persons: u32, months: u32) -> Result<Self, Failure> {
        let dir = tempfile::tempdir()?;
        let raw = dir.path().join("raw");
        people(&raw, persons, months)?;
        let catalogue = Catalogue::builtin()?;
        let key = RoomKey::generate()?;
        let mut contents = Vec::new();
        let mut written = DataFrame::empty();
        for source in SOURCES {
            let (content, identity) = content(&raw.join(source), &key, &catalogue, true)?;
            contents.push(content);
            if source == "kenpo" {
                written = identity;
            }
        }
        let rows = rows(&contents)?;
        let outcome = resolve(&rows, Strategy::Sudare, &Settings::default(), &mut random_id)?;
        let store = load(dir.path(), &contents, &outcome, &key, &catalogue)?;
        Ok(Self { dir, catalogue, rows, written, store })
    }

    /// The raw files of a source.
    pub(crate) fn raw(&self, source: &str) -> PathBuf {
        self.dir.path().join("raw").join(source)
    }

    /// A folder for a measurement's own files.
    pub(crate) fn folder(&self, name: &str) -> Result<PathBuf, Failure> {
        let path = self.dir.path().join(name);
        std::fs::create_dir_all(&path)?;
        Ok(path)
    }
}

pub(crate) fn people(dir: &Path, persons: u32, months: u32) -> Result<(), Failure> {
    let options = SynthOptions { persons, months, seed: 20_261_122, ..SynthOptions::default() };
    generate(dir, &options, &|_| {})?;
    Ok(())
}

/// What linkage sees of people whose raw files lie in a folder; their tables are read and thrown away.
pub(crate) fn identities(raw: &Path) -> Result<Vec<linkage::Identity>, Failure> {
    let catalogue = Catalogue::builtin()?;
    let key = RoomKey::generate()?;
    let mut contents = Vec::new();
    for source in SOURCES {
        contents.push(content(&raw.join(source), &key, &catalogue, false)?.0);
    }
    rows(&contents)
}

/// A source's package, as the room works with it.
struct Content {
    identities: Vec<RoomIdentity>,
    tables: BTreeMap<String, DataFrame>,
}

/// Files → tokens → room tokens; and the identity frame as read.
fn content(path: &Path, key: &RoomKey, catalogue: &Catalogue, keep: bool) -> Result<(Content, DataFrame), Failure> {
    let keys = SourceKeys::derive(&LinkageKey::from_bytes(SECRET), ORIGIN, EPOCH)?;
    let (mut written, mut identity) = (DataFrame::empty(), DataFrame::empty());
    let mut tables: BTreeMap<String, DataFrame> = BTreeMap::new();
    let mut pseudonymizer = Pseudonymizer::new(&keys, catalogue);
    let mut sink = |batch: datasets::read::Identified| {
        if batch.identity().height() > 0 {
            written = batch.identity().clone();
        }
        let failed = |error: &dyn std::error::Error| datasets::read::ReadError::Sink(error.to_string().into());
        let batch = pseudonymizer.batch(batch).map_err(|error| failed(&error))?;
        if batch.identity().height() > 0 {
            identity = batch.identity().clone();
        }
        for (name, frame) in batch.tables().iter().filter(|_| keep) {
            match tables.get_mut(name) {
                Some(all) => all.vstack_mut(frame).map(|_| ()).map_err(|error| failed(&error))?,
                None => {
                    tables.insert(name.clone(), frame.clone());
                }
            }
        }
        Ok(())
    };
    read(&[path.to_owned()], &ReadOptions::default(), &mut sink, &|_| {})?;
    let identities = rekey_identities(&identity, key)?;
    Ok((Content { identities, tables: rekey_tables(tables, key, catalogue)? }, written))
}

/// What linkage sees of an identity, as the program shows it.
pub(crate) fn linked(i: &RoomIdentity, source: u16) -> linkage::Identity {
    linkage::Identity {
        first_day: i.first_day.unwrap_or_default(),
        last_day: i.last_day.or(i.first_day).unwrap_or_default(),
        source,
        sex: i.sex,
        birth_month: i.birth_month,
        coverage: i.coverage,
        insurer: i.insurer,
        death: i.death,
        previous: None,
        tokens: i.tokens,
    }
}

fn rows(contents: &[Content]) -> Result<Vec<linkage::Identity>, Failure> {
    let mut rows = Vec::new();
    for (source, content) in contents.iter().enumerate() {
        let source = u16::try_from(source)?;
        rows.extend(content.identities.iter().map(|identity| linked(identity, source)));
    }
    Ok(rows)
}

fn load(
    dir: &Path,
    contents: &[Content],
    outcome: &Outcome,
    key: &RoomKey,
    catalogue: &Catalogue,
) -> Result<PathBuf, Failure> {
    let mut log = Log::create(Posix::new(dir.join("log")), ORIGIN, Signer::from_seed(ORIGIN, &SECRET)?)?;
    let digest = "0".repeat(64);
    let index = log.append(
        &Event::Linkage {
            packages: vec![digest.clone()],
            strategy: Strategy::Sudare.to_string(),
            parameters: digest.clone(),
            report: digest,
        },
        "2026-11-22T00:00:00Z",
    )?;
    log.checkpoint()?;
    let receipt = log.receipt(index)?;
    let persons = persons(outcome, catalogue);
    let mut tables: BTreeMap<String, DataFrame> = BTreeMap::new();
    let mut person_of = outcome.person_of.iter().copied();
    for content in contents {
        let pids: HashMap<u32, u32> =
            content.identities.iter().zip(person_of.by_ref()).map(|(i, pid)| (i.ident, pid)).collect();
        for (name, frame) in &content.tables {
            let frame = with_pid(name, frame, &pids)?;
            match tables.get_mut(name) {
                Some(all) => {
                    all.vstack_mut(&frame)?;
                }
                None => {
                    tables.insert(name.clone(), frame);
                }
            }
        }
    }
    let no: [u32; 0] = [];
    let nobody: [&str; 0] = [];
    let columns = vec![
        Series::new("source".into(), nobody).into_column(),
        Series::new("sequence".into(), [0_u64; 0]).into_column(),
        Series::new("ident".into(), no).into_column(),
        Series::new("pid".into(), no).into_column(),
    ];
    let load = Load {
        persons: &persons,
        tables,
        identities: DataFrame::new(0, columns)?,
        draws: &|person, ordinal| key.draw(person, ordinal),
        receipt: &receipt,
    };
    let folder = dir.join("store");
    std::fs::create_dir_all(&folder)?;
    Ok(store::load(&folder, load, catalogue, &|_| {})?.publish("bench.duckdb")?)
}

fn persons(outcome: &Outcome, catalogue: &Catalogue) -> Vec<Person> {
    let sex = catalogue.table(PERSON).and_then(|table| table.column("sex"));
    let person = |(id, a): (&linkage::PersonId, &linkage::Attributes)| Person {
        id: id.0,
        sex: sex.and_then(|column| column.category(&a.sex.to_string())).unwrap_or_default(),
        birth_ym: a.birth_month.and_then(first_day).unwrap_or_default(),
    };
    outcome.persons.iter().zip(&outcome.attributes).map(person).collect()
}

/// Months since year 0 → days since 1970 of the month's first day.
fn first_day(month: i32) -> Option<i32> {
    let year = i16::try_from(month.div_euclid(12)).ok()?;
    let month = i8::try_from(month.rem_euclid(12) + 1).ok()?;
    let day = jiff::civil::Date::new(year, month, 1).ok()?;
    Some(day.since(jiff::civil::date(1970, 1, 1)).ok()?.get_days())
}
