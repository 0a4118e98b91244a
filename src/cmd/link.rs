//! `sudare link`: packages in, one snapshot out. All packages that the room ever accepted are linked together; persons
//! keep their ids from the snapshot before.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use audit_log::note::Verifier;
use audit_log::{Event, digest};
use datasets::catalogue::{Catalogue, PERSON};
use datasets::store::{self, Load, Person, Store};
use linkage::{Evaluation, Outcome, Settings, Strategy, evaluate, random_id, resolve};
use polars::prelude::{DataFrame, IntoColumn, NamedFrom, ParquetReader, SerReader, Series};
use pseudonymize::package::{self, Expected, Opened, PackageError};
use pseudonymize::{RoomIdentity, rekey_identities, rekey_tables, with_pid};

use super::pseudonymize::EPOCH;
use crate::cli::LinkArgs;
use crate::fail::{Context, Done, Failure};
use crate::files;
use crate::out::{Out, thousands};
use crate::room::{Room, Unlocked};

/// A package as the room keeps it.
struct Received {
    path: PathBuf,
    source: String,
    sequence: u64,
    manifest: String,
}

/// What the room works with: no token that a source would recognise.
struct Content {
    source: String,
    sequence: u64,
    identities: Vec<RoomIdentity>,
    tables: BTreeMap<String, DataFrame>,
}

pub fn run(args: &LinkArgs, out: &Out) -> Done {
    let strategy: Strategy = args
        .strategy
        .parse()
        .map_err(|_| Failure::input("no such strategy").hint("one of sudare, id1, id2, id1-or-id2, id0"))?;
    if args.truth
        && let Some(path) = args.packages.iter().map(|p| super::pseudonymize::truth_path(p)).find(|p| !p.is_file())
    {
        return Err(Failure::input(format!("{} is not there", path.display()))
            .hint("--truth is for synthetic people: `sudare pseudonymize --truth` writes it"));
    }
    let mut unlocked = Room::open(&args.room.room)?.unlock(args.room.room_passphrase_file.as_deref())?;
    let catalogue = unlocked.room.catalogue()?;

    let received = receive(&args.packages, &mut unlocked, &catalogue, out)?;
    let mut contents = Vec::new();
    for package in &received {
        contents.push(open_content(package, &unlocked, &catalogue)?);
    }
    let outcome = find_persons(&contents, strategy, &unlocked, out)?;
    let snapshot = load(&contents, &outcome, strategy, &received, &mut unlocked, &catalogue, out)?;

    let evaluation = if args.truth { Some(judge(args, &contents, &outcome)?) } else { None };
    tell(&contents, &outcome, evaluation.as_ref(), &snapshot, out);
    Ok(())
}

/// Accepts new packages: signed by a source of the policy, for this room, newer than the source's last.
fn receive(new: &[PathBuf], unlocked: &mut Unlocked, catalogue: &Catalogue, out: &Out) -> Done<Vec<Received>> {
    let folder = unlocked.room.folder("packages")?;
    let mut all = known_packages(unlocked, &folder)?;
    let keys = source_keys(&unlocked.room)?;
    let mut linkage_key = match all.first() {
        Some(first) => Some(package::claimed(&first.path).integrity("a package of the room")?.header.linkage_key),
        None => None,
    };
    // First all, then the log: one bad package refuses the call and leaves the room as it was.
    let mut accepted = Vec::new();
    for path in new {
        let last = all.iter().filter(|p| Some(&p.source) == claimed_source(path).as_ref()).map(|p| p.sequence).max();
        let opened = open_package(path, unlocked, catalogue, last, linkage_key.as_deref(), &keys)?;
        let header = &opened.manifest.header;
        linkage_key.get_or_insert_with(|| header.linkage_key.clone());
        check_kinds(path, &header.source, &opened, &unlocked.room, catalogue)?;
        let kept = Received {
            path: folder.join(format!("{}-{}.sudare", header.source, header.sequence)),
            source: header.source.clone(),
            sequence: header.sequence,
            manifest: digest::hex(&opened.manifest.digest().integrity("the manifest")?),
        };
        accepted.push((path, kept.path.clone()));
        all.push(kept);
    }
    for ((from, to), package) in accepted.iter().zip(all.iter().skip(all.len() - accepted.len())) {
        // A kill between copy and record leaves a file that the log does not know: the package is copied again.
        if to.is_file() {
            std::fs::remove_file(to).input(format!("{} can't be replaced", to.display()))?;
        }
        files::copy(from, to)?;
        unlocked.append(&Event::Package {
            source: package.source.clone(),
            sequence: package.sequence,
            manifest: package.manifest.clone(),
        })?;
        out.line(format!(
            "  accepted package {} of {}: signature and digest are right",
            package.sequence, package.source
        ));
    }
    Ok(all)
}

fn known_packages(unlocked: &Unlocked, folder: &Path) -> Done<Vec<Received>> {
    let mut known = Vec::new();
    for entry in unlocked.log.entries() {
        if let Event::Package { source, sequence, manifest } = &entry.event {
            let path = folder.join(format!("{source}-{sequence}.sudare"));
            if !path.is_file() {
                return Err(Failure::integrity(format!("{} is in the log but not in the room", path.display())));
            }
            known.push(Received { path, source: source.clone(), sequence: *sequence, manifest: manifest.clone() });
        }
    }
    Ok(known)
}

/// A source sends what the policy says, and nothing else.
fn check_kinds(path: &Path, source: &str, opened: &Opened, room: &Room, catalogue: &Catalogue) -> Done {
    let kinds = room.policy.sources().iter().find(|s| s.name == source).map(|s| s.kinds.as_slice()).unwrap_or_default();
    let allowed = |table: &str| catalogue.table(table).is_some_and(|table| kinds.contains(&table.source_kind));
    match opened.tables.keys().find(|table| !allowed(table)) {
        Some(table) => Err(Failure::refused(format!(
            "{} holds {table}, and the policy lets {source} send {} only",
            path.display(),
            kinds.join(", ")
        ))
        .hint("did the source give the right files? Otherwise the stewards change the policy")),
        None => Ok(()),
    }
}

/// The verifier key of each source, by the policy.
fn source_keys(room: &Room) -> Done<HashMap<String, Verifier>> {
    let today = crate::room::today();
    let mut keys = HashMap::new();
    for source in room.policy.sources() {
        let card = room.policy.card(&source.card).filter(|c| c.valid_on(today));
        if let Some(card) = card {
            let key = Verifier::parse(&card.verifier).input("a source's card holds no key")?;
            keys.insert(source.name.clone(), key);
        }
    }
    Ok(keys)
}

fn claimed_source(path: &Path) -> Option<String> {
    package::claimed(path).ok().map(|m| m.header.source)
}

fn open_package(
    path: &Path,
    unlocked: &Unlocked,
    catalogue: &Catalogue,
    last_sequence: Option<u64>,
    linkage_key: Option<&str>,
    keys: &HashMap<String, Verifier>,
) -> Done<Opened> {
    let verify = |source: &str, note: &str| {
        let key = keys.get(source).ok_or("the policy names no such source with a valid card")?;
        Ok(audit_log::note::open(note, std::slice::from_ref(key))?.text)
    };
    open_verified(path, unlocked, catalogue, last_sequence, linkage_key, &verify)
}

fn open_verified(
    path: &Path,
    unlocked: &Unlocked,
    catalogue: &Catalogue,
    last_sequence: Option<u64>,
    linkage_key: Option<&str>,
    verify: &dyn Fn(&str, &str) -> Result<String, package::BoxError>,
) -> Done<Opened> {
    let expected = Expected {
        room: &unlocked.room.card.origin,
        schema: catalogue.digest(),
        epoch: Some(EPOCH),
        linkage_key,
        last_sequence,
    };
    package::open(path, &unlocked.identity, &expected, verify).map_err(|e| {
        let message = format!("refused: {e}");
        match e {
            PackageError::Unsigned { .. } | PackageError::Tampered(_) => Failure::integrity(message),
            PackageError::Foreign { what: "catalogue", .. } => Failure::input(message).hint(
                "the source used other tables or another version of Sudare: give it the files of ROOM/catalogue for its --catalogue, and let it make the package again",
            ),
            _ => Failure::input(message),
        }
    })
}

/// Opens a package that the room accepted before, and re-keys everything in it. Its signature was verified when it came;
/// now the log's digest of the manifest vouches for it, so that a source's card may end without ending its data.
fn open_content(package: &Received, unlocked: &Unlocked, catalogue: &Catalogue) -> Done<Content> {
    let vouched = |_: &str, note: &str| match note.split_once("\n\n") {
        Some((text, _)) => Ok(format!("{text}\n")),
        None => Err("not a signed note".into()),
    };
    let opened = open_verified(&package.path, unlocked, catalogue, None, None, &vouched)?;
    let key = unlocked.key()?;
    let doing = || format!("package {} of {}", package.sequence, package.source);
    let manifest = opened.manifest.digest().integrity(doing())?;
    if digest::hex(&manifest) != package.manifest {
        return Err(Failure::integrity(format!("{} is not the package that the log names", package.path.display())));
    }
    Ok(Content {
        source: package.source.clone(),
        sequence: package.sequence,
        identities: rekey_identities(&opened.identity, key).input(doing())?,
        tables: rekey_tables(opened.tables, key, catalogue).input(doing())?,
    })
}

/// Linkage sees room-keyed tokens, birth month, sex and days; nothing else.
fn find_persons(contents: &[Content], strategy: Strategy, unlocked: &Unlocked, out: &Out) -> Done<Outcome> {
    let previous = previous_ids(unlocked)?;
    let mut sources: Vec<&str> = contents.iter().map(|c| c.source.as_str()).collect();
    sources.sort_unstable();
    sources.dedup();
    let mut rows = Vec::new();
    for content in contents {
        let source = sources.iter().position(|s| *s == content.source).unwrap_or_default();
        let source = u16::try_from(source).input("too many sources")?;
        for i in &content.identities {
            let key = (content.source.clone(), content.sequence, i.ident);
            rows.push(linkage::Identity {
                first_day: i.first_day.unwrap_or_default(),
                last_day: i.last_day.or(i.first_day).unwrap_or_default(),
                source,
                sex: i.sex,
                birth_month: i.birth_month,
                coverage: i.coverage,
                insurer: i.insurer,
                death: i.death,
                previous: previous.get(&key).copied(),
                tokens: i.tokens,
            });
        }
    }
    let spinner = out.spinner(&format!("linking {} written identities", thousands(rows.len() as u64)));
    let outcome = resolve(&rows, strategy, &Settings::default(), &mut random_id).input("linkage")?;
    spinner.finish_and_clear();
    Ok(outcome)
}

fn previous_ids(unlocked: &Unlocked) -> Done<HashMap<(String, u64, u32), u128>> {
    let Some(path) = super::query::latest_snapshot(&unlocked.room, unlocked.log.entries().iter().map(|e| &e.event))
    else {
        return Ok(HashMap::new());
    };
    let store = Store::open(&path.1, &unlocked.room.dir.join("spill"), 1024).input("the last snapshot")?;
    let rows = store.previous_identities().input("the last snapshot")?;
    Ok(rows.into_iter().map(|r| ((r.source.to_string(), r.sequence, r.ident), r.person)).collect())
}

#[allow(clippy::too_many_arguments)]
fn load(
    contents: &[Content],
    outcome: &Outcome,
    strategy: Strategy,
    received: &[Received],
    unlocked: &mut Unlocked,
    catalogue: &Catalogue,
    out: &Out,
) -> Done<String> {
    // The intent first: what was linked, how, and the keyed digest of a report that nobody outside may read.
    let report = serde_json::to_vec(&outcome.report).input("the linkage report")?;
    let settings = serde_json::to_vec(&Settings::default()).input("the linkage settings")?;
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
    staged.publish(&snapshot_file(&snapshot)).input("the store can't be published")?;
    unlocked.append(&Event::Snapshot { snapshot: snapshot.clone(), linkage: index })?;
    unlocked.checkpoint()?;
    Ok(snapshot)
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

type Rows = (BTreeMap<String, DataFrame>, DataFrame);

/// The tables of all packages with persons in place of identities, and who became whom.
fn rows(contents: &[Content], outcome: &Outcome) -> Done<Rows> {
    let standing = standing_tables(contents)?;
    // By table and source: what one source repeats is not a second fact; what two sources say is two.
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
            parts.entry((name, &content.source)).or_default().push(frame);
        }
    }
    let mut tables: BTreeMap<String, DataFrame> = BTreeMap::new();
    for ((name, _), frames) in parts {
        let frame = store::without_repeats(frames).input(name)?;
        match tables.get_mut(name) {
            Some(all) => {
                all.vstack_mut(&frame).map_err(|_| Failure::input(format!("the packages' {name} differ in shape")))?;
            }
            None => {
                tables.insert(name.to_owned(), frame);
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
    let mut by_source: BTreeMap<&str, Vec<(u64, &mut BTreeMap<String, DataFrame>)>> = BTreeMap::new();
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

/// Precision and recall against the generator's truth, over the identity rows whose person it knows.
fn judge(args: &LinkArgs, contents: &[Content], outcome: &Outcome) -> Done<Evaluation> {
    let mut truth_of: HashMap<(String, u64, u32), u32> = HashMap::new();
    for package in &args.packages {
        let path = super::pseudonymize::truth_path(package);
        let doing = || format!("{} is no truth", path.display());
        let manifest = package::claimed(package).input(doing())?;
        let file = File::open(&path).input(format!("{} can't be read", path.display()))?;
        let frame = ParquetReader::new(file).finish().map_err(|_| Failure::input(doing()))?;
        let column =
            |name: &str| frame.column(name).and_then(|c| c.u32().cloned()).map_err(|_| Failure::input(doing()));
        for (ident, person) in column("ident")?.iter().zip(column("person")?.iter()) {
            if let (Some(ident), Some(person)) = (ident, person) {
                truth_of.insert((manifest.header.source.clone(), manifest.header.sequence, ident), person);
            }
        }
    }
    let (mut found, mut truth) = (Vec::new(), Vec::new());
    let mut person_of = outcome.person_of.iter().copied();
    for content in contents {
        for (i, person) in content.identities.iter().zip(person_of.by_ref()) {
            if let Some(t) = truth_of.get(&(content.source.clone(), content.sequence, i.ident)) {
                found.push(person);
                truth.push(*t);
            }
        }
    }
    evaluate(&found, &truth).input("the evaluation")
}

fn tell(contents: &[Content], outcome: &Outcome, evaluation: Option<&Evaluation>, snapshot: &str, out: &Out) {
    let rows: usize = contents.iter().map(|c| c.identities.len()).sum();
    out.line(format!(
        "  {} different spellings of a person in the files turned out to be {} people; they are loaded (state {})",
        thousands(rows as u64),
        thousands(outcome.persons.len() as u64),
        snapshot.get(..12).unwrap_or(snapshot)
    ));
    if let Some(e) = evaluation {
        let percent =
            |r: &linkage::Rate| format!("{:.2}% ({:.2}–{:.2})", r.value * 100.0, r.low * 100.0, r.high * 100.0);
        out.line(format!(
            "  Against the truth: of the pairs that were joined, {} belong together (precision)",
            percent(&e.precision)
        ));
        out.line(format!(
            "                     of the pairs that belong together, {} were joined (recall)",
            percent(&e.recall)
        ));
    }
    out.value(&serde_json::json!({
        "identities": rows,
        "persons": outcome.persons.len(),
        "snapshot": snapshot,
        "precision": evaluation.map(|e| [e.precision.value, e.precision.low, e.precision.high]),
        "recall": evaluation.map(|e| [e.recall.value, e.recall.low, e.recall.high]),
    }));
}
