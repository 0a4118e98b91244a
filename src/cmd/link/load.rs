//! From persons to a snapshot: the linkage run is logged first, then the store is loaded and published. Not the linkage.

use std::collections::{BTreeMap, HashMap};
use std::sync::Mutex;

use audit_log::{Event, digest};
use datasets::catalogue::{Catalogue, PERSON};
use datasets::store::{self, Load, Person};
use linkage::{Outcome, Report, Strategy};
use polars::prelude::{DataFrame, IntoColumn, NamedFrom, Series};
use pseudonymize::with_pid;
use serde::Serialize;

use super::Content;
use super::plan::Plan;
use super::receive::Received;
use crate::fail::{Context, Done, Failure};
use crate::out::Out;
use crate::room::Unlocked;

/// What the log has a keyed digest of: the report, and the digest of the journal that lies beside it if any id was merged or split.
#[derive(Serialize)]
struct Sealed<'a> {
    #[serde(flatten)]
    report: &'a Report,
    journal: String,
}

#[allow(clippy::too_many_arguments)]
pub(super) fn load(
    contents: &[Content],
    outcome: &Outcome,
    strategy: Strategy,
    plan: &Plan,
    received: &[Received],
    unlocked: &mut Unlocked,
    catalogue: &Catalogue,
    out: &Out,
) -> Done<String> {
    // The intent first: what was linked, how, and the keyed digest of a report that nobody outside may read.
    let journal = linkage::journal::to_parquet(&outcome.journal).input("the journal")?;
    let sealed = Sealed { report: &outcome.report, journal: digest::hex(&digest::sha256(&journal)) };
    let report = serde_json::to_vec(&sealed).input("the linkage report")?;
    let settings = plan.parameters()?;
    let index = unlocked.append(&Event::Linkage {
        packages: received.iter().map(|p| p.manifest.clone()).collect(),
        strategy: strategy.to_string(),
        parameters: digest::hex(&digest::sha256(&settings)),
        report: digest::hex(&unlocked.key()?.digest(&report)),
    })?;
    unlocked.checkpoint()?;
    let receipt = unlocked.log.receipt(index).map_err(crate::room::log_failure)?;
    let reports = unlocked.room.folder("linkage")?;
    unlocked
        .identity
        .seal_file(&reports.join(format!("{index}.report.age")), &report)
        .input("the linkage report can't be sealed")?;
    if !outcome.journal.is_empty() {
        let path = reports.join(format!("{index}.journal.age"));
        unlocked.identity.seal_file(&path, &journal).input("the journal of person ids can't be sealed")?;
    }

    let persons = persons(outcome, catalogue);
    let (tables, identities) = rows(contents, outcome)?;
    let total: usize = tables.values().map(DataFrame::height).sum();
    let bar = out.bar("loading the store", total as u64, false);
    let (staged, snapshot) = {
        let key = unlocked.key()?;
        // One thread asks; the lock is never waited for. It keeps the last block of the PRF, a quarter of the work.
        let blocks = Mutex::new(key.draws());
        let draws = |person: u128, ordinal: u32| match blocks.lock() {
            Ok(blocks) => blocks(person, ordinal),
            Err(_) => key.draw(person, ordinal),
        };
        let load = Load { persons: &persons, tables, identities, draws: &draws, receipt: &receipt };
        let staged = store::load(&unlocked.room.folder("store")?, load, catalogue, &|n| bar.set_position(n))
            .input("the store can't be loaded")?;
        let snapshot = digest::hex(&key.digest(&staged.digest));
        (staged, snapshot)
    };
    bar.finish_and_clear();
    let file = snapshot_file(&snapshot);
    if unlocked.room.folder("store")?.join(&file).is_file() && latest(unlocked) == Some(snapshot.clone()) {
        out.line("  nothing has changed: the state is the one before");
        return Ok(snapshot);
    }
    staged.publish(&file).input("the store can't be published")?;
    unlocked.append(&Event::Snapshot { snapshot: snapshot.clone(), linkage: index })?;
    unlocked.checkpoint()?;
    Ok(snapshot)
}

fn latest(unlocked: &Unlocked) -> Option<String> {
    let snapshot =
        |event: &Event| if let Event::Snapshot { snapshot, .. } = event { Some(snapshot.clone()) } else { None };
    unlocked.log.entries().iter().rev().find_map(|entry| snapshot(&entry.event))
}

/// The file name of a snapshot within `store/`.
pub fn snapshot_file(snapshot: &str) -> String {
    format!("{}.duckdb", snapshot.get(..32).unwrap_or(snapshot))
}

fn persons(outcome: &Outcome, catalogue: &Catalogue) -> Vec<Person> {
    let sex = catalogue.table(PERSON).and_then(|t| t.column("sex"));
    outcome
        .persons
        .iter()
        .zip(&outcome.attributes)
        .map(|(id, a)| Person {
            id: id.0,
            sex: sex.and_then(|c| c.category(&a.sex.to_string())).unwrap_or_default(),
            birth_ym: a.birth_month.map_or(0, first_day),
        })
        .collect()
}

/// Months since year 0 → days since 1970 of the month's first day.
fn first_day(month: i32) -> i32 {
    let year = i16::try_from(month.div_euclid(12)).unwrap_or(1970);
    let month = i8::try_from(month.rem_euclid(12) + 1).unwrap_or(1);
    let epoch = jiff::civil::date(1970, 1, 1);
    jiff::civil::Date::new(year, month, 1).ok().and_then(|d| d.since(epoch).ok()).map_or(0, |span| span.get_days())
}

/// Frames by table.
type Tables = BTreeMap<String, DataFrame>;
type Rows = (Tables, DataFrame);

/// The tables of all packages with persons in place of identities, and who became whom.
fn rows(contents: &[Content], outcome: &Outcome) -> Done<Rows> {
    let standing = standing_tables(contents)?;
    // By source and table: what one source repeats is not a second fact; what two sources say is two, but for receipts.
    let mut parts: BTreeMap<(&str, &str), Vec<DataFrame>> = BTreeMap::new();
    let (mut source, mut sequence, mut ident, mut pid) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut person_of = outcome.person_of.iter().copied();
    for (content, own) in contents.iter().zip(&standing) {
        let mut pids = HashMap::with_capacity(content.identities.len());
        for (i, person) in content.identities.iter().zip(person_of.by_ref()) {
            pids.insert(i.ident, person);
            source.push(content.source.as_str());
            sequence.push(content.sequence);
            ident.push(i.ident);
            pid.push(person);
        }
        for (name, frame) in own {
            let frame = with_pid(name, frame, &pids).input("the packages' tables")?;
            parts.entry((&content.source, name)).or_default().push(frame);
        }
    }
    let mut by_source: BTreeMap<&str, Tables> = BTreeMap::new();
    for ((source, name), frames) in parts {
        let frame = store::without_repeats(frames).input(name)?;
        by_source.entry(source).or_default().insert(name.to_owned(), frame);
    }
    store::told_once(&mut by_source.values_mut().collect::<Vec<_>>()).input("the receipts of several sources")?;
    let mut tables = Tables::new();
    for (name, frame) in by_source.into_values().flatten() {
        match tables.get_mut(&name) {
            Some(all) => {
                all.vstack_mut(&frame).map_err(|_| Failure::input(format!("the packages' {name} differ in shape")))?;
            }
            None => {
                tables.insert(name, frame);
            }
        }
    }
    let columns = vec![
        Series::new("source".into(), source).into_column(),
        Series::new("sequence".into(), sequence).into_column(),
        Series::new("ident".into(), ident).into_column(),
        Series::new("pid".into(), pid).into_column(),
    ];
    let identities = DataFrame::new(outcome.person_of.len(), columns);
    Ok((tables, identities.map_err(|_| Failure::input("the packages' identities differ in shape"))?))
}

/// The packages' tables without receipts that the same source has sent in a later version.
fn standing_tables(contents: &[Content]) -> Done<Vec<BTreeMap<String, DataFrame>>> {
    // Frames share their columns: these are no copies.
    let mut tables: Vec<BTreeMap<String, DataFrame>> = contents.iter().map(|content| content.tables.clone()).collect();
    let mut by_source: BTreeMap<&str, Vec<(u64, &mut Tables)>> = BTreeMap::new();
    for (content, tables) in contents.iter().zip(&mut tables) {
        by_source.entry(&content.source).or_default().push((content.sequence, tables));
    }
    for (source, mut packages) in by_source {
        packages.sort_by_key(|(sequence, _)| *sequence);
        let mut packages: Vec<_> = packages.into_iter().map(|(_, tables)| tables).collect();
        store::latest_receipts(&mut packages).input(format!("the receipts of {source}"))?;
    }
    Ok(tables)
}
