//! `sudare key announce`: stewards sign which linkage key comes next. A bridge package says so too, but it is signed by one source;
//! the room moves on only with a note that two of its stewards have signed, and logs that note. Not the rotation itself.

use std::path::Path;

use audit_log::note::{self, Verifier};
use audit_log::{Event, Revoked};
use policies::Role;
use pseudonymize::{LinkageKey, SourceKeys};

use crate::actors;
use crate::cli::AnnounceArgs;
use crate::fail::{self, Context, Done, Failure};
use crate::files;
use crate::out::{Out, place};
use crate::room::{RoomCard, Unlocked};

/// As many as sign a withdrawal.
const STEWARDS: usize = 2;

fn text(origin: &str, from: &str, to: &str) -> String {
    format!("sudare rotation v1\nroom {origin}\nfrom {from}\nto {to}\n")
}

/// The two names in such a text, if it is one of this room.
fn names<'t>(signed: &'t str, origin: &str) -> Option<(&'t str, &'t str)> {
    let mut lines = signed.lines().skip(2);
    let (from, to) = (lines.next()?.strip_prefix("from ")?, lines.next()?.strip_prefix("to ")?);
    (text(origin, from, to) == signed).then_some((from, to))
}

/// Signs an announcement, or another steward's.
pub fn sign(args: &AnnounceArgs, out: &Out) -> Done {
    fail::refuse_existing(&args.sign.output)?;
    fail::demand_folder(&args.sign.output)?;
    let card = RoomCard::read(&args.sign.card)?;
    let identity = actors::open(&args.sign.identity, args.sign.passphrase.passphrase_file.as_deref())?;
    let signer = actors::signer(&identity)?;
    let (text, others) = match (&args.from, &args.to, &args.approve) {
        (_, _, Some(path)) => {
            let note = fail::read_text(path)?;
            let (text, signatures) = note.split_once("\n\n").ok_or_else(|| no_announcement(path))?;
            (format!("{text}\n"), signatures.to_owned())
        }
        (Some(from), Some(to), None) => {
            let id = |path: &Path, epoch| -> Done<String> {
                let key = LinkageKey::open(path, &identity).input(format!("{} can't be opened", path.display()))?;
                let keys = SourceKeys::derive(&key, &card.origin, epoch).input("the linkage key")?;
                Ok(keys.linkage_key_id().to_owned())
            };
            (text(&card.origin, &id(from, args.from_epoch)?, &id(to, args.to_epoch)?), String::new())
        }
        _ => return Err(Failure::input("give --from and --to, or --approve")),
    };
    let (from, to) = names(&text, &card.origin)
        .ok_or_else(|| Failure::input(format!("this is no announcement for the room {}", card.origin)))?;
    if from == to {
        return Err(Failure::input("old and new are the same linkage key and epoch"));
    }
    let own = note::sign(&text, &[&signer]).input("the note can't be signed")?;
    files::create(&args.sign.output, format!("{own}{others}").as_bytes())?;
    let next =
        if others.is_empty() { "another steward must add a signature (--approve)" } else { "give it to the operator" };
    out.line(format!(
        "  {}: {} announces that {from} is followed by {to}; {next}",
        place(&args.sign.output),
        identity.name()
    ));
    out.value(&serde_json::json!({ "announcement": args.sign.output, "from": from, "to": to }));
    Ok(())
}

fn no_announcement(path: &Path) -> Failure {
    Failure::input(format!("{} is no announcement", path.display())).hint("it is what `sudare key announce` wrote")
}

/// What the log says of a move from one linkage key to another, if two stewards of this room have announced that very move.
///
/// # Errors
/// There is no announcement, or it is of other keys, of another room, or lacks two stewards whose keys are valid and not revoked.
pub fn demand(announcement: Option<&Path>, from: &str, to: &str, unlocked: &Unlocked) -> Done<Event> {
    let hint = "two stewards sign which key comes next: `sudare key announce`; then `sudare link --announcement FILE`";
    let refused = |why: String| {
        Err(Failure::refused(format!("this bridge would move the room to the linkage key {to}: {why}")).hint(hint))
    };
    let Some(path) = announcement else {
        return refused("no announcement by the stewards was given".to_owned());
    };
    let note = fail::read_text(path)?;
    let expected = text(&unlocked.room.card.origin, from, to);
    let gone = Revoked::of(unlocked.log.entries().iter().map(|entry| &entry.event));
    let today = crate::room::today();
    let (mut signed, mut void) = (Vec::new(), Vec::new());
    for card in unlocked.room.policy.cards().iter().filter(|card| card.role == Role::Steward) {
        let Ok(key) = Verifier::parse(&card.verifier) else { continue };
        if !note::open(&note, std::slice::from_ref(&key)).is_ok_and(|opened| opened.text == expected) {
            continue;
        }
        if card.valid_on(today) && !gone.has(&key) { &mut signed } else { &mut void }.push(card.name.as_str());
    }
    if signed.len() >= STEWARDS {
        return Ok(Event::Rotation { from: from.to_owned(), to: to.to_owned(), note });
    }
    match (
        names(&format!("{}\n", note.split("\n\n").next().unwrap_or_default()), &unlocked.room.card.origin),
        void.first(),
    ) {
        (None, _) => refused(format!("{} is no announcement for this room", path.display())),
        (Some(other), _) if other != (from, to) => {
            refused(format!("{} announces a move from {} to {}", path.display(), other.0, other.1))
        }
        (_, Some(name)) => refused(format!("the key of {name}, who signed the announcement, is not valid")),
        _ => refused(format!("{} of {STEWARDS} stewards of this room have signed the announcement", signed.len())),
    }
}
