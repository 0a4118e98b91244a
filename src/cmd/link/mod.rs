//! `sudare link`: packages in, one snapshot out. All packages that the room ever accepted are linked together; persons
//! keep their ids from the snapshot before.

mod load;
mod receive;
mod removal;

use std::collections::{BTreeMap, HashMap};
use std::fs::File;

use datasets::store::Store;
use linkage::{Evaluation, Outcome, Settings, Strategy, evaluate, random_id, resolve};
use polars::prelude::{DataFrame, ParquetReader, SerReader};
use pseudonymize::{RoomIdentity, package};

pub use load::snapshot_file;
pub use receive::key_in_force;

use crate::cli::LinkArgs;
use crate::fail::{Context, Done, Failure};
use crate::out::{Out, thousands};
use crate::room::{Room, Unlocked};

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

    let mut received = receive::packages(&args.packages, args.announcement.as_deref(), &mut unlocked, &catalogue, out)?;
    let (mut contents, removals) = receive::contents(&mut received, &unlocked, &catalogue)?;
    let mut outcome = find_persons(&contents, strategy, &unlocked, out)?;
    // Everything of a person goes, under whatever spelling linkage found, so who is whom is asked again of the rest.
    if removal::apply(&mut contents, &outcome, &removals)? {
        outcome = find_persons(&contents, strategy, &unlocked, out)?;
    }
    let unborn = removal::leave_out_unborn(&mut contents, &mut outcome)?;
    if unborn > 0 {
        out.line(format!("  {} people have no month of birth in any file and are left out", thousands(unborn as u64)));
    }
    let snapshot = load::load(&contents, &outcome, strategy, &received, &mut unlocked, &catalogue, out)?;

    let evaluation = if args.truth { Some(judge(args, &contents, &outcome)?) } else { None };
    tell(&contents, &outcome, evaluation.as_ref(), &snapshot, out);
    Ok(())
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
