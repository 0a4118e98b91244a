//! `sudare room profile`: the room's sizes through differential privacy. The program writes the questions, a researcher of the policy's
//! profile project signs them, and they go the way of every request. Read back from release files; no data is looked at here.

use std::path::{Path, PathBuf};

use audit_log::{Event, View};
use datasets::catalogue::Catalogue;
use dp_query::docket::Docket;
use dp_query::profile::{Part, Profile, questions};
use dp_query::quote::Expected;
use dp_query::release::verify;
use policies::{Digest, ProfileTerms};

use super::check::short_number;
use super::submit::{Ask, sign};
use super::{demand_allowed, docket, find_project, planned, priced, release_path};
use crate::actors;
use crate::fail::{self, Context, Done, Failure};
use crate::files;
use crate::out::{Out, place, thousands};
use crate::room::Room;

/// What to do with the profile: show it, or sign its questions.
pub struct Describe<'a> {
    pub room: &'a Path,
    pub identity: Option<&'a Path>,
    pub passphrase: Option<&'a Path>,
    pub expires: Option<&'a str>,
    pub output: Option<&'a Path>,
}

/// The sizes that were released of the room's latest snapshot.
pub struct Sizes {
    pub profile: Profile,
    pub snapshot: String,
    /// Questions of the profile, and how many of them are answered.
    pub parts: usize,
    pub answered: usize,
}

pub fn run(args: &Describe<'_>, out: &Out) -> Done {
    let room = Room::open(args.room)?;
    let catalogue = room.catalogue()?;
    match (args.identity, args.output) {
        (Some(identity), Some(output)) => ask(args, identity, output, &room, &catalogue, out),
        _ => show(&room, &catalogue, out),
    }
}

fn terms(room: &Room) -> Done<&ProfileTerms> {
    room.policy.room().profile.as_ref().ok_or_else(|| {
        Failure::input("the policy says nothing of a room profile").hint(
            "stewards add [room.profile] with project, budget, first_year and last_year; see docs/query-language.md",
        )
    })
}

fn parts(room: &Room, catalogue: &Catalogue) -> Done<Vec<Part>> {
    let terms = terms(room)?;
    let parts = questions(catalogue, find_project(room, &terms.project)?, terms, room.policy.room().account);
    if parts.is_empty() {
        return Err(Failure::input(format!("project {} may read nothing that a profile describes", terms.project)));
    }
    Ok(parts)
}

/// Signs the profile's questions.
fn ask(args: &Describe<'_>, identity: &Path, output: &Path, room: &Room, catalogue: &Catalogue, out: &Out) -> Done {
    fail::refuse_existing(output)?;
    fail::demand_folder(output)?;
    let (terms, parts) = (terms(room)?, parts(room, catalogue)?);
    let identity = actors::open(identity, args.passphrase)?;
    let ask = Ask { room, catalogue, identity: &identity, project: &terms.project, expires: args.expires };
    let mut notes = String::new();
    let mut ids = Vec::new();
    for part in &parts {
        let asked = priced(&part.sql, &[], "the profile", &terms.project, room, catalogue)?;
        demand_allowed(&asked.plan, room, &terms.project)?;
        let (request, note) = sign(&ask, &part.sql, &[], &asked)?;
        ids.push(request.id().to_string());
        notes.push_str(&note);
    }
    files::create(output, notes.as_bytes())?;
    out.line(format!(
        "  {} asks for the room profile: {} questions for project {}, ε = {} in all. Signed: {}",
        identity.name(),
        parts.len(),
        terms.project,
        terms.epsilon,
        place(output)
    ));
    out.line("  Next: sudare query file, query approve (every request), query run.");
    out.value(&serde_json::json!({ "requests": ids, "note": output }));
    Ok(())
}

/// The latest snapshot's sizes as far as they are released; None if the policy has no profile or there is no snapshot.
pub fn sizes(room: &Room, docket: &Docket, view: &View, catalogue: &Catalogue) -> Done<Option<Sizes>> {
    let Some(terms) = &room.policy.room().profile else { return Ok(None) };
    let snapshot = view.entries().iter().rev().find_map(|e| match &e.event {
        Event::Snapshot { snapshot, .. } => Some(snapshot.clone()),
        _ => None,
    });
    let Some(snapshot) = snapshot else { return Ok(None) };
    let parts = parts(room, catalogue)?;
    let mut sizes = Sizes { profile: Profile::default(), snapshot, parts: parts.len(), answered: 0 };
    for part in &parts {
        let plan = planned(&part.sql, &[], "the profile", &terms.project, room, catalogue)?;
        let plan = Digest::from_bytes(plan.digest().input("the plan")?);
        let Some((filed, _)) = docket.repeat(&plan, &terms.project, &sizes.snapshot) else { continue };
        let path = release_path(room, &filed.id());
        let Some(bytes) = read(&path)? else { continue };
        let verified = verify(&bytes, &room.card.verifier()?).integrity(path.display())?;
        let origin = &verified.answer.origin;
        if origin.request != filed.id() || origin.plan != plan || origin.snapshot != sizes.snapshot {
            return Err(Failure::integrity(format!("{} is another request's answer", path.display())));
        }
        sizes.profile.add(part, &verified.answer);
        sizes.answered += 1;
    }
    Ok(Some(sizes))
}

fn read(path: &PathBuf) -> Done<Option<Vec<u8>>> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).input(format!("{} can't be read", path.display())),
    }
}

fn show(room: &Room, catalogue: &Catalogue, out: &Out) -> Done {
    terms(room)?;
    let view = room.view()?;
    let docket = docket(view.entries(), room)?;
    let Some(sizes) = sizes(room, &docket, &view, catalogue)? else {
        return Err(Failure::input("the room has no snapshot yet").hint("load one with `sudare link`"));
    };
    let Sizes { profile, snapshot, parts, answered } = &sizes;
    out.line(format!(
        "  Profile of snapshot {}: {answered} of {parts} questions are answered.",
        snapshot.get(..12).unwrap_or(snapshot)
    ));
    if profile.is_empty() {
        out.line("  Ask them with: sudare room profile --identity RESEARCHER.identity -o profile.note");
    }
    let persons = |n: f64| thousands(n.round() as i64);
    if !profile.sex_age.is_empty() {
        let rows: Vec<Vec<String>> =
            profile.sex_age.iter().map(|(sex, age, n)| vec![sex.clone(), age.clone(), persons(*n)]).collect();
        out.table(&["sex", "age", "persons"], 2, &rows);
    }
    let years: Vec<Vec<String>> = profile
        .years
        .iter()
        .flat_map(|(table, years)| years.iter().map(move |(year, n)| (table, year, *n)))
        .map(|(table, year, n)| vec![table.clone(), year.clone(), persons(n)])
        .collect();
    if !years.is_empty() {
        out.table(&["table", "year", "persons"], 2, &years);
    }
    let values: Vec<Vec<String>> = profile
        .values
        .iter()
        .map(|((table, column), n)| {
            let share = profile.persons.get(table).filter(|all| **all > 0.0).map(|all| 100.0 * (n / all).min(1.0));
            let share = share.map_or(String::new(), |share| format!("{share:.0} %"));
            vec![format!("{table}.{column}"), persons(*n), share]
        })
        .collect();
    if !values.is_empty() {
        out.table(&["column", "persons with a value", "of the table's"], 1, &values);
    }
    out.value(&serde_json::json!({
        "snapshot": snapshot, "questions": parts, "answered": answered,
        "sex_age": profile.sex_age, "years": profile.years, "persons": profile.persons,
        "values": profile.values.iter().map(|((table, column), n)| (format!("{table}.{column}"), *n)).collect::<std::collections::BTreeMap<_, _>>(),
    }));
    Ok(())
}

/// The expected error of each output against the number of persons that the profile tells. Depends on the plan and the profile only.
pub fn relative(asked: &super::Priced, sizes: &Sizes, out: &Out) -> Option<serde_json::Value> {
    let (persons, group) = (sizes.profile.persons(&asked.plan)?, sizes.profile.per_group(&asked.plan)?);
    out.line(format!(
        "  By the room's profile about {} persons have what it reads (before its filters): about {} per group if they spread evenly.",
        thousands(persons.round() as i64),
        thousands(group.round() as i64)
    ));
    let mut told = Vec::new();
    for (number, output) in asked.plan.outputs().iter().enumerate() {
        let (error, share) = match asked.quote.expected().get(number) {
            Some(Expected::Margin { half_width, .. }) if is_count(asked, number) && group >= 1.0 => {
                let share = 100.0 * half_width / group;
                out.line(format!(
                    "    {}: ± {} is {} % of such a group",
                    output.name,
                    short_number(*half_width),
                    short_number(share)
                ));
                (*half_width, Some(share))
            }
            Some(Expected::PerPersons) if group >= 1.0 => {
                let Some(error) = asked.quote.half_width_at(&asked.plan, number, group as u64) else { continue };
                out.line(format!("    {}: ± {} in such a group", output.name, short_number(error)));
                (error, None)
            }
            _ => continue,
        };
        told.push(serde_json::json!({ "column": output.name, "half_width": error, "percent": share }));
    }
    Some(serde_json::json!({ "snapshot": sizes.snapshot, "persons": persons, "per_group": group, "errors": told }))
}

/// Whether an output counts persons, so that its error can be held against a number of persons.
fn is_count(asked: &super::Priced, output: usize) -> bool {
    use dp_query::plan::{OutputKind, StatisticKind};
    let what = asked.plan.outputs().get(output).map(|o| &o.what);
    matches!(what, Some(OutputKind::Count(number))
        if asked.plan.statistics().get(*number).is_some_and(|s| s.kind == StatisticKind::Persons || s.hi == 1))
}
