//! `sudare key revoke`: a key must not be used any more. A steward signs, or the key's owner; the room logs it, and from then on refuses
//! packages, requests, approvals, withdrawals and co-signatures under that key. What it signed before stays.

use std::path::Path;

use audit_log::note::Verifier;
use audit_log::{Event, KeyVerdict, Revoked};
use policies::Role;

use crate::actors;
use crate::cli::{RevokeArgs, RoomArgs};
use crate::fail::{self, Context, Done, Failure};
use crate::files;
use crate::out::{Out, place};
use crate::room::{Room, RoomCard};

fn text(origin: &str, name: &str, key: &str) -> String {
    format!("sudare revocation v1\nroom {origin}\nname {name}\nkey {key}\n")
}

/// Signs a revocation.
pub fn sign(args: &RevokeArgs, out: &Out) -> Done {
    fail::refuse_existing(&args.output)?;
    let card = RoomCard::read(&args.card)?;
    let identity = actors::open(&args.identity, args.passphrase.passphrase_file.as_deref())?;
    let signer = actors::signer(&identity)?;
    let mut subjects = actors::verifiers(&args.subject)?;
    let (Some((name, key)), true) = (subjects.pop(), subjects.is_empty()) else {
        return Err(Failure::input(format!("{} must hold one card", args.subject.display())));
    };
    let note = audit_log::note::sign(&text(&card.origin, &name, &key), &[&signer]).input("the note can't be signed")?;
    files::create(&args.output, note.as_bytes())?;
    out.line(format!(
        "  {}: {} revokes the key of {name}; give it to the operator",
        place(&args.output),
        identity.name()
    ));
    out.value(&serde_json::json!({ "revocation": args.output }));
    Ok(())
}

/// Logs a revocation.
pub fn accept(note: &Path, room: &RoomArgs, out: &Out) -> Done {
    let mut unlocked = Room::open(&room.room)?.unlock(room.room_passphrase_file.as_deref())?;
    let note = fail::read_text(note)?;
    let policy = &unlocked.room.policy;
    let gone = Revoked::of(unlocked.log.entries().iter().map(|entry| &entry.event));
    let today = crate::room::today();
    for subject in policy.cards() {
        let expected = text(&unlocked.room.card.origin, &subject.name, &subject.verifier);
        for card in policy.cards().iter().filter(|card| card.role == Role::Steward || card.name == subject.name) {
            let Ok(key) = Verifier::parse(&card.verifier) else { continue };
            let usable = card.valid_on(today) && !gone.has(&key);
            let signed = audit_log::note::open(&note, std::slice::from_ref(&key));
            if !signed.is_ok_and(|signed| signed.text == expected) {
                continue;
            }
            if !usable {
                return Err(Failure::refused(format!("the key of {}, who signed, is not valid itself", card.name)));
            }
            let event = Event::Key {
                name: subject.name.clone(),
                role: subject.role.to_string(),
                verifier: subject.verifier.clone(),
                recipient: subject.recipient.clone(),
                verdict: KeyVerdict::Revoked,
            };
            let line = format!("  the key of {} is revoked (signed by {})", subject.name, card.name);
            let value = serde_json::json!({ "revoked": subject.name, "by": card.name });
            unlocked.append(&event)?;
            unlocked.checkpoint()?;
            out.line(line);
            out.value(&value);
            return Ok(());
        }
    }
    Err(Failure::refused(
        "no steward of this room, nor the key's owner, has signed this revocation of one of its cards",
    )
    .hint("it is the file that `sudare key revoke` wrote, for a card in this room's policy"))
}
