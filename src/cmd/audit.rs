//! `sudare audit`: the log as it is, for those who don't take the room's word.

use dp_query::docket::Docket;
use std::path::Path;

use audit_log::{Event, View};
use dp_query::notes::{Verdict, unverified_text};
use jiff::Timestamp;
use policies::Role;

use crate::actors;
use crate::cli::{AuditCommand, LogArgs};
use crate::fail::{self, Context, Done, Failure};
use crate::files;
use crate::out::{Out, place, thousands};
use crate::room::{self, Room, RoomCard};

pub fn run(command: &AuditCommand, out: &Out) -> Done {
    match command {
        AuditCommand::Show(log) => show(log, out),
        AuditCommand::Verify(log) => verify(log, out),
        AuditCommand::Cosign { room, identity, passphrase, seen } => {
            cosign(room, identity, passphrase.passphrase_file.as_deref(), seen, out)
        }
        AuditCommand::Prove { index, log } => prove(*index, log, out),
        AuditCommand::Report(path) => super::query::report(&path.room, out),
    }
}

/// The log that the flags name, verified.
fn open(args: &LogArgs) -> Done<View> {
    match (&args.room, &args.log, &args.card) {
        (_, Some(log), Some(card)) => room::open_view(log, &RoomCard::read(card)?.verifier()?),
        (Some(dir), _, _) => Room::open(dir)?.view(),
        _ => Err(Failure::input("which log?").hint("give --room DIR, or --log DIR with --card FILE")),
    }
}

fn show(args: &LogArgs, out: &Out) -> Done {
    let view = open(args)?;
    for entry in view.entries() {
        out.line(format!("  {:>5}  {}  {}", entry.index, entry.time, words(&entry.event)));
    }
    let entries: Vec<_> = view
        .entries()
        .iter()
        .map(|e| serde_json::json!({ "index": e.index, "time": e.time, "event": e.event }))
        .collect();
    out.value(&entries);
    Ok(())
}

fn verify(args: &LogArgs, out: &Out) -> Done {
    let view = open(args)?;
    let head = view.checkpoint();
    let root = audit_log::digest::hex(head.root());
    out.line(format!(
        "  The log is whole: {} entries, every one under the signed root {}…",
        thousands(head.size()),
        root.get(..16).unwrap_or(&root)
    ));
    out.line(format!("  origin {}, key {}", head.origin(), head.log().label()));
    out.value(&serde_json::json!({ "origin": head.origin(), "size": head.size(), "root": root, "verified": true }));
    Ok(())
}

fn prove(index: u64, args: &LogArgs, out: &Out) -> Done {
    let view = open(args)?;
    let receipt = view.prove(index).map_err(room::log_failure)?;
    let text = receipt.to_proof_text();
    out.line(text.trim_end());
    out.value(&serde_json::json!({
        "index": index, "entry": String::from_utf8_lossy(receipt.entry()), "proof": text
    }));
    Ok(())
}

fn cosign(dir: &Path, identity: &Path, passphrase: Option<&Path>, seen: &Path, out: &Out) -> Done {
    let room = Room::open(dir)?;
    let view = room.view()?;
    let identity = actors::open(identity, passphrase)?;
    let steward =
        room.policy.card(identity.name()).is_some_and(|c| c.role == Role::Steward && c.valid_on(room::today()));
    if !steward {
        return Err(Failure::refused(format!("{} is not a steward of this room", identity.name())));
    }
    fail::demand_folder(seen)?;
    let docket = Docket::fold(view.entries(), &room.policy).integrity("the log")?;
    let signer = actors::signer(&identity)?;
    let last = if seen.exists() { Some(fail::read_text(seen)?) } else { None };
    let time = u64::try_from(Timestamp::now().as_second()).input("this machine's clock")?;
    let line = audit_log::cosign(&view, last.as_deref(), &signer, time)
        .map_err(|e| room::log_failure(audit_log::LogError::Cosign(e)))?;
    // Remembered before the room has the line: a steward whose machine dies in between must not sign a fork afterwards.
    files::replace(seen, view.checkpoint().note().as_bytes())?;
    let checkpoint = audit_log::log::add_cosignature(
        audit_log::Posix::new(room.log_dir()),
        &room.card.verifier()?,
        &line,
        &docket.cosigners(&room.policy, room::today()),
    )
    .map_err(room::log_failure)?;
    let grown = match last {
        Some(_) => "; nothing was taken back since the head seen last",
        None => ", the first seen here",
    };
    out.line(format!(
        "  {} confirmed the log as it now stands ({} entries){grown}. Kept in {}",
        identity.name(),
        thousands(checkpoint.size()),
        place(seen)
    ));
    out.value(&serde_json::json!({ "cosigner": identity.name(), "size": checkpoint.size() }));
    Ok(())
}

/// An event in a line of words.
fn words(event: &Event) -> String {
    let short = |id: &str| id.get(..12).unwrap_or(id).to_owned();
    match event {
        Event::Room { origin, .. } => format!("the room {origin} was made"),
        Event::Key { name, role, verdict, .. } => format!("the key of {name} ({role}) was {verdict:?}").to_lowercase(),
        Event::Policy { policy, epsilon, delta } => {
            format!("policy {} came into force: at most ε = {epsilon}, δ = {delta}", short(policy))
        }
        Event::Package { source, sequence, manifest } => {
            format!("package {sequence} of {source} was accepted (manifest {})", short(manifest))
        }
        Event::Linkage { packages, strategy, .. } => format!("{} packages were linked by {strategy}", packages.len()),
        Event::Snapshot { snapshot, .. } => format!("snapshot {} was loaded", short(snapshot)),
        Event::Request { request, .. } => format!("request {} was submitted", short(request)),
        Event::Verdict { request, note } => match Verdict::parse(unverified_text(note)) {
            Ok(v) if v.approve() => format!("{} approved request {}", v.steward(), short(request)),
            Ok(v) => format!("{} rejected request {}", v.steward(), short(request)),
            Err(_) => format!("a verdict on request {} that can't be read", short(request)),
        },
        Event::Intent { request, researcher, epsilon, delta, .. } => {
            format!("request {} was charged to {researcher}: ε = {epsilon}, δ = {delta}", short(request))
        }
        Event::Release { request, answer, .. } => {
            format!("request {} was answered (answer {})", short(request), short(answer))
        }
        Event::Failure { request, code, .. } => format!("request {} failed: {code}; it stays charged", short(request)),
        Event::Repeat { request, .. } => format!("the answer to request {} was shown again", short(request)),
        Event::Refusal { request, code } => format!("request {} was refused: {code}", short(request)),
        Event::Rotation { from, to, .. } => {
            format!("the linkage key {from} was followed by {to}, as stewards announced")
        }
        Event::Review { reviewer, .. } => format!("{reviewer} decided on uncertain links"),
        Event::Withdrawal { batch, .. } => format!("withdrawal batch {batch}"),
    }
}
