//! `sudare link`: packages in, one snapshot out. New packages join what was linked before; after a removal, a bridge or `--relink` all
//! packages that the room ever accepted are linked together. Persons keep their ids either way.

mod evaluate;
mod load;
mod persons;
mod plan;
mod rates;
mod receive;
mod removal;

use std::collections::{BTreeMap, HashMap};

use linkage::{Outcome, Strategy};
use polars::prelude::DataFrame;
use pseudonymize::RoomIdentity;

use persons::{Found, Kept};

pub use load::snapshot_file;
pub use receive::key_in_force;

use plan::Plan;

use crate::cli::LinkArgs;
use crate::fail::{Done, Failure};
use crate::out::{Out, thousands};
use crate::room::Room;

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
    Plan::demand(args)?;
    let mut unlocked = Room::open(&args.room.room)?.unlock(args.room.room_passphrase_file.as_deref())?;
    let catalogue = unlocked.room.catalogue()?;

    let mut received = receive::packages(&args.packages, args.announcement.as_deref(), &mut unlocked, &catalogue, out)?;
    let (mut contents, removals) = receive::contents(&mut received, &unlocked, &catalogue)?;
    let plan = Plan::of(args, &unlocked, &persons::sources(&contents))?;
    let found = if removals.cover_any(&contents) {
        // Everything of a person goes, under whatever spelling linkage found, so who is whom is asked again of the rest.
        out.line("  lists of people who left are in force: everything is linked anew");
        let first = persons::at_once(&contents, strategy, &plan, &unlocked, out)?;
        removal::apply(&mut contents, &first, &removals)?;
        Found { outcome: persons::at_once(&contents, strategy, &plan, &unlocked, out)?, kept: None }
    } else if strategy != Strategy::Sudare || plan.asks_for_all(args) {
        Found { outcome: persons::at_once(&contents, strategy, &plan, &unlocked, out)?, kept: None }
    } else {
        let last = if args.relink { None } else { Kept::of_last(&contents, &received, &plan, &unlocked, out)? };
        match last {
            Some(last) => last.join(&contents, &received, out)?,
            None => persons::from_start(&contents, &received, &plan, &unlocked, args.relink, out)?,
        }
    };
    let Found { mut outcome, kept } = found;
    if outcome.report.verdicts_overruled > 0 {
        out.line(format!(
            "  {} decisions of reviewers contradict what one person can be, or each other, and were not followed",
            thousands(outcome.report.verdicts_overruled)
        ));
    }
    if let (Some(path), Some(model)) = (&args.review, &plan.settings.model) {
        plan::list(path, &contents, &outcome, model, &unlocked, out)?;
    }
    let unborn = removal::leave_out_unborn(&mut contents, &mut outcome)?;
    if unborn > 0 {
        out.line(format!("  {} people have no month of birth in any file and are left out", thousands(unborn as u64)));
    }
    let snapshot = load::load(&contents, &outcome, strategy, &plan, &received, &mut unlocked, &catalogue, out)?;
    match kept {
        Some(kept) => kept.keep(&unlocked, out)?,
        None => persons::forget(&unlocked)?,
    }

    // An estimate and a comparison of strategies look at all rows; without them nobody needs them again.
    let mut judged = None;
    if args.truth || args.fit_model.is_some() {
        let rows = persons::rows(&contents, &persons::sources(&contents), &HashMap::new())?;
        if let Some(path) = &args.fit_model {
            plan::fit(path, &rows, &plan.settings, out)?;
        }
        if args.truth {
            judged = Some(evaluate::judge(args, &contents, &rows, (strategy, &outcome), &plan.settings)?);
        }
    }
    let rates = rates::of(&contents, &outcome);
    tell(&outcome, (&rates, judged.as_ref()), &snapshot, out);
    if let (Some(judged), Some(dir)) = (&judged, &args.report) {
        evaluate::write(judged, dir, out)?;
    }
    Ok(())
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
