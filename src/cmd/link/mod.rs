//! `sudare link`: packages in, one snapshot out. All packages that the room ever accepted are linked together; persons
//! keep their ids from the snapshot before.

mod evaluate;
mod load;
mod rates;
mod receive;
mod removal;

use datasets::store::Store;
use linkage::{Outcome, Settings, Strategy, random_id, resolve};
use polars::prelude::DataFrame;
use pseudonymize::RoomIdentity;
use std::collections::{BTreeMap, HashMap};

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
    evaluate::strategies(args, strategy)?;
    evaluate::demand(args)?;
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

    let rows = rows(&contents, &HashMap::new())?;
    let rates = rates::of(&contents, &rows, &outcome);
    let judged = if args.truth {
        Some(evaluate::judge(args, &contents, &rows, (strategy, &outcome), &Settings::default())?)
    } else {
        None
    };
    tell(&outcome, (&rates, judged.as_ref()), &snapshot, out);
    if let (Some(judged), Some(dir)) = (&judged, &args.report) {
        evaluate::write(judged, dir, out)?;
    }
    Ok(())
}

/// Linkage sees room-keyed tokens, birth month, sex and days; nothing else.
fn find_persons(contents: &[Content], strategy: Strategy, unlocked: &Unlocked, out: &Out) -> Done<Outcome> {
    let rows = rows(contents, &previous_ids(unlocked)?)?;
    let spinner = out.spinner(&format!("linking {} written identities", thousands(rows.len() as u64)));
    let outcome = resolve(&rows, strategy, &Settings::default(), &mut random_id).input("linkage")?;
    spinner.finish_and_clear();
    Ok(outcome)
}

/// All identities in the order of the contents, with the person each had in the last snapshot.
fn rows(contents: &[Content], previous: &HashMap<(String, u64, u32), u128>) -> Done<Vec<linkage::Identity>> {
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
    Ok(rows)
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

fn tell(
    outcome: &Outcome,
    (rates, judged): (&[rates::LinkRate], Option<&evaluate::Judged>),
    snapshot: &str,
    out: &Out,
) {
    let rows = outcome.person_of.len();
    out.line(format!(
        "  {} different spellings of a person in the files turned out to be {} people; they are loaded (state {})",
        thousands(rows as u64),
        thousands(outcome.persons.len() as u64),
        snapshot.get(..12).unwrap_or(snapshot)
    ));
    if let Some(judged) = judged {
        evaluate::tell(judged, out);
    } else {
        rates::tell(rates, &outcome.report.estimate, out);
    }
    let run = judged.and_then(evaluate::Judged::run);
    let triple = |rate: &linkage::Rate| [rate.value, rate.low, rate.high];
    out.value(&serde_json::json!({
        "identities": rows,
        "persons": outcome.persons.len(),
        "snapshot": snapshot,
        "precision": run.map(|e| triple(&e.precision)),
        "recall": run.map(|e| triple(&e.recall)),
        "evaluation": judged.map(|judged| &judged.card),
        "people_by_source_and_year": rates,
        "estimate": outcome.report.estimate,
    }));
}
