//! `sudare query submit` and `approve`: signed notes that go into the log.

use std::path::Path;

use audit_log::Event;
use audit_log::note::Signer;
use datasets::catalogue::Catalogue;
use dp_query::docket::Filed;
use dp_query::notes::Request;
use jiff::ToSpan;
use policies::Role;

use super::{docket, find, not_allowed, priced, read_sql, short};
use crate::actors;
use crate::cli::RoomArgs;
use crate::cmd::key::day;
use crate::fail::{Context, Done, Failure};
use crate::out::Out;
use crate::room::{Room, today};

pub struct Submit<'a> {
    pub sql: &'a Path,
    pub room: &'a RoomArgs,
    pub project: &'a str,
    pub identity: &'a Path,
    pub passphrase: Option<&'a Path>,
    pub expires: Option<&'a str>,
}

pub fn submit(args: &Submit<'_>, out: &Out) -> Done {
    let room = Room::open(&args.room.room)?;
    let catalogue = Catalogue::builtin().input("the catalogue")?;
    let text = read_sql(args.sql)?;
    let asked = priced(&text, &args.sql.display().to_string(), &room, &catalogue)?;
    if let Some((table, column)) = not_allowed(&asked.plan, &room, args.project)?.first() {
        return Err(Failure::refused(format!("project {} may not read {table}.{column}", args.project)));
    }
    let identity = actors::open(args.identity, args.passphrase)?;
    check_card(&room, identity.name(), Role::Researcher)?;
    let expires = args.expires.map_or_else(|| Ok(today().saturating_add(30.days())), day)?;
    let nonce = pseudonymize::random_bytes().input("no randomness")?;
    let request = |question: &str, plan| {
        Request::new(
            &room.card.origin,
            args.project,
            identity.name(),
            plan,
            room.policy.digest(),
            *asked.quote.price(),
            expires,
            nonce,
            question,
        )
        .input("the request")
    };
    let request = request(&text, asked.quote.plan())?;
    // What is signed is the question as the note writes it; its plan must be the one that was priced.
    let again = priced(request.question(), "the request", &room, &catalogue)?;
    if again.quote.plan() != asked.quote.plan() {
        return Err(Failure::input("the question changes its meaning when it is written into the request"));
    }
    let note = actors::signer(&identity)?.sign(&request.to_text()).input("the request can't be signed")?;

    let mut unlocked = room.unlock(args.room.room_passphrase_file.as_deref())?;
    unlocked.append(&Event::Request { request: request.id().to_string(), note })?;
    unlocked.checkpoint()?;
    out.line(format!(
        "  {} asks: request {} for project {}, ε = {}, until {expires}",
        identity.name(),
        short(&request.id()),
        args.project,
        asked.quote.price().epsilon()
    ));
    out.value(&serde_json::json!({ "request": request.id().to_string(), "plan": request.plan().to_string(), "expires": expires.to_string() }));
    Ok(())
}

pub fn approve(
    prefixes: &[String],
    args: &RoomArgs,
    identity: &Path,
    passphrase: Option<&Path>,
    approve: bool,
    out: &Out,
) -> Done {
    let room = Room::open(&args.room)?;
    let catalogue = Catalogue::builtin().input("the catalogue")?;
    let identity = actors::open(identity, passphrase)?;
    check_card(&room, identity.name(), Role::Steward)?;
    let mut unlocked = room.unlock(args.room_passphrase_file.as_deref())?;
    let docket = docket(unlocked.log.entries(), &unlocked.room)?;
    let signer = actors::signer(&identity)?;
    let mut verdicts = Vec::new();
    for prefix in prefixes {
        let filed = find(&docket, prefix)?;
        verdicts.push((filed, verdict(filed, &signer, approve, &unlocked.room, &catalogue)?));
    }
    let word = if approve { "approves" } else { "rejects" };
    for (filed, note) in &verdicts {
        unlocked.append(&Event::Verdict { request: filed.id().to_string(), note: note.clone() })?;
        let (project, epsilon) = (filed.request().project(), filed.request().price().epsilon());
        out.line(format!(
            "  {} {word} request {} of project {project} at ε = {epsilon}",
            identity.name(),
            short(&filed.id())
        ));
    }
    unlocked.checkpoint()?;
    let ids: Vec<String> = verdicts.iter().map(|(filed, _)| filed.id().to_string()).collect();
    out.value(&serde_json::json!({ "requests": ids, "steward": identity.name(), "approve": approve }));
    Ok(())
}

/// The signed verdict. The steward signs for a plan, so this program checks the question again and compares.
fn verdict(filed: &Filed, signer: &Signer, approve: bool, room: &Room, catalogue: &Catalogue) -> Done<String> {
    if let Some(fault) = filed.fault() {
        return Err(Failure::integrity(format!("request {} does not count: {fault}", short(&filed.id()))));
    }
    let asked = priced(filed.request().question(), "the request", room, catalogue)?;
    if asked.quote.plan() != filed.request().plan() || asked.quote.price() != filed.request().price() {
        return Err(Failure::integrity(
            "the question, checked again, has another plan or price than the one that was signed",
        ));
    }
    let verdict = filed.request().verdict(signer.name(), approve).input("the verdict")?;
    signer.sign(&verdict.to_text()).input("the verdict can't be signed")
}

fn check_card(room: &Room, name: &str, role: Role) -> Done {
    match room.policy.card(name) {
        Some(card) if card.role == role && card.valid_on(today()) => Ok(()),
        _ => Err(Failure::refused(format!("the policy has no valid {role} card of {name}"))),
    }
}
