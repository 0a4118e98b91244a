//! `sudare query submit` and `approve` make signed notes with nothing but their author's key; `file` puts them into the log.

use std::path::{Path, PathBuf};

use audit_log::Event;
use audit_log::note::{Signer, Verifier};
use datasets::catalogue::Catalogue;
use dp_query::PublicFile;
use dp_query::docket::Filed;
use dp_query::notes::{Request, Verdict, unverified_text};
use jiff::ToSpan;
use policies::Role;
use pseudonymize::Identity;

use super::{
    Priced, demand_allowed, demand_cited, docket, find, priced, priced_request, read_public, read_sql, short, title,
};
use crate::actors;
use crate::cli::RoomArgs;
use crate::cmd::key::day;
use crate::fail::{self, Context, Done, Failure};
use crate::files;
use crate::out::{Out, place};
use crate::room::{Room, today};

pub struct Submit<'a> {
    pub sql: &'a Path,
    pub room: &'a Path,
    pub output: &'a Path,
    pub project: &'a str,
    pub public: &'a [PathBuf],
    pub identity: &'a Path,
    pub passphrase: Option<&'a Path>,
    pub expires: Option<&'a str>,
}

pub fn submit(args: &Submit<'_>, out: &Out) -> Done {
    fail::refuse_existing(args.output)?;
    fail::demand_folder(args.output)?;
    let room = Room::open(args.room)?;
    let catalogue = room.catalogue()?;
    let text = read_sql(args.sql)?;
    let public = read_public(args.public)?;
    let asked = priced(&text, &public, &args.sql.display().to_string(), args.project, &room, &catalogue)?;
    demand_cited(&asked.plan, &public)?;
    demand_allowed(&asked.plan, &room, args.project)?;
    let identity = actors::open(args.identity, args.passphrase)?;
    let (request, note) = sign(
        &Ask { room: &room, catalogue: &catalogue, identity: &identity, project: args.project, expires: args.expires },
        &text,
        &public,
        &asked,
    )?;
    let expires = request.expires();
    files::create(args.output, note.as_bytes())?;
    out.line(format!(
        "  {} asks: request {} for project {}, ε = {}, until {expires}. Signed: {}",
        identity.name(),
        short(&request.id()),
        args.project,
        asked.quote.price().epsilon(),
        place(args.output)
    ));
    out.value(&serde_json::json!({
        "request": request.id().to_string(), "plan": request.plan().to_string(), "expires": expires.to_string(),
        "note": args.output,
    }));
    Ok(())
}

/// Who asks what for.
pub struct Ask<'a> {
    pub room: &'a Room,
    pub catalogue: &'a Catalogue,
    pub identity: &'a Identity,
    pub project: &'a str,
    pub expires: Option<&'a str>,
}

/// The signed request of a priced question.
pub fn sign(ask: &Ask<'_>, text: &str, public: &[PublicFile], asked: &Priced) -> Done<(Request, String)> {
    let Ask { room, catalogue, identity, project, expires } = *ask;
    check_card(room, identity.name(), Role::Researcher)?;
    let expires = expires.map_or_else(|| Ok(today().saturating_add(30.days())), day)?;
    if expires < today() {
        return Err(Failure::input(format!("{expires} is over: the request could never run")));
    }
    let nonce = pseudonymize::random_bytes().input("no randomness")?;
    let (plan, policy, price) = (asked.quote.plan(), room.policy.digest(), *asked.quote.price());
    let request = Request::new(&room.card.origin, project, identity.name(), plan, policy, price, expires, nonce, text)
        .and_then(|request| request.with_public(public))
        .input("the request")?;
    // What is signed is the question as the note writes it; its plan must be the one that was priced.
    let again = priced_request(&request, room, catalogue)?;
    if again.quote.plan() != asked.quote.plan() {
        return Err(Failure::input("the question changes its meaning when it is written into the request"));
    }
    let note = actors::signer(identity)?.sign(&request.to_text()).input("the request can't be signed")?;
    Ok((request, note))
}

pub struct Approve<'a> {
    pub requests: &'a [String],
    pub room: &'a Path,
    pub identity: &'a Path,
    pub passphrase: Option<&'a Path>,
    pub output: &'a Path,
    pub approve: bool,
}

pub fn approve(args: &Approve<'_>, out: &Out) -> Done {
    fail::refuse_existing(args.output)?;
    fail::demand_folder(args.output)?;
    let room = Room::open(args.room)?;
    let catalogue = room.catalogue()?;
    let identity = actors::open(args.identity, args.passphrase)?;
    check_card(&room, identity.name(), Role::Steward)?;
    let view = room.view()?;
    let docket = docket(view.entries(), &room)?;
    let signer = actors::signer(&identity)?;
    let mut notes = String::new();
    let mut ids = Vec::new();
    let word = if args.approve { "approves" } else { "rejects" };
    for prefix in args.requests {
        let filed = find(&docket, prefix)?;
        let last = filed.verdicts().iter().rev().find(|c| c.verdict.steward() == identity.name());
        if last.is_some_and(|c| c.verdict.approve() == args.approve) {
            return Err(Failure::input(format!(
                "{} said so already of request {}",
                identity.name(),
                short(&filed.id())
            )));
        }
        notes.push_str(&verdict(filed, &signer, args.approve, &room, &catalogue)?);
        out.line(format!(
            "  {} {word} request {} at ε = {}: {}",
            identity.name(),
            short(&filed.id()),
            filed.request().price().epsilon(),
            title(filed.request().question())
        ));
        ids.push(filed.id().to_string());
    }
    files::create(args.output, notes.as_bytes())?;
    out.line(format!("  Signed: {}", place(args.output)));
    out.value(&serde_json::json!({
        "requests": ids, "steward": identity.name(), "approve": args.approve, "notes": args.output,
    }));
    Ok(())
}

/// `sudare query file`: the operator puts signed requests and verdicts into the log, after verifying each.
pub fn file(paths: &[PathBuf], args: &RoomArgs, out: &Out) -> Done {
    let mut unlocked = Room::open(&args.room)?.unlock(args.room_passphrase_file.as_deref())?;
    let mut events = Vec::new();
    for path in paths {
        for note in split(&fail::read_text(path)?) {
            events.push(event(&note, &unlocked.room).map_err(|f| f.at(path.display()))?);
        }
    }
    for (event, words) in &events {
        unlocked.append(event)?;
        out.line(format!("  filed: {words}"));
    }
    unlocked.checkpoint()?;
    let all: Vec<&String> = events.iter().map(|(_, words)| words).collect();
    out.value(&serde_json::json!({ "filed": all }));
    Ok(())
}

/// The signed notes in a text: each ends with its signature lines.
fn split(text: &str) -> Vec<String> {
    let mut notes = vec![String::new()];
    let mut signed = false;
    for line in text.split_inclusive('\n') {
        let signature = line.starts_with("\u{2014} ");
        if signed && !signature {
            notes.push(String::new());
        }
        signed = signature;
        if let Some(last) = notes.last_mut() {
            last.push_str(line);
        }
    }
    notes
}

/// What a note says, if the key on its signer's card signed it.
fn event(note: &str, room: &Room) -> Done<(Event, String)> {
    let text = unverified_text(note);
    let key = |name: &str, role: Role| {
        check_card(room, name, role)?;
        let card = room.policy.card(name).ok_or_else(|| Failure::refused("no such card"))?;
        Verifier::parse(&card.verifier).input("the card holds no key")
    };
    if let Ok(claim) = Request::parse(text) {
        let request = Request::open(note, &key(claim.researcher(), Role::Researcher)?).integrity("the request")?;
        let words = format!("request {} of {}", short(&request.id()), request.researcher());
        return Ok((Event::Request { request: request.id().to_string(), note: note.to_owned() }, words));
    }
    let claim = Verdict::parse(text).input("neither a signed request nor a signed verdict")?;
    let verdict = Verdict::open(note, &key(claim.steward(), Role::Steward)?).integrity("the verdict")?;
    let word = if verdict.approve() { "approval" } else { "rejection" };
    let words = format!("{word} of {} by {}", short(&verdict.request()), verdict.steward());
    Ok((Event::Verdict { request: verdict.request().to_string(), note: note.to_owned() }, words))
}

/// The signed verdict. The steward signs for a plan, so this program checks the question again and compares.
fn verdict(filed: &Filed, signer: &Signer, approve: bool, room: &Room, catalogue: &Catalogue) -> Done<String> {
    if let Some(fault) = filed.fault() {
        return Err(Failure::integrity(format!("request {} does not count: {fault}", short(&filed.id()))));
    }
    let asked = priced_request(filed.request(), room, catalogue)?;
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
