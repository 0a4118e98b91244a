//! `sudare review`: verdicts on the pairs that `sudare link --review` listed. A reviewer (the operator or a steward) signs, the room takes
//! them, the log gets their keyed digest, and every later link follows them where no constraint forbids it. Not the list itself.
//!
//! A pair is named by a keyed digest; what it stands for (source, package, identity row) lies sealed with the operator, so a verdict
//! survives new links, other models and rotated keys.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::path::PathBuf;

use audit_log::note::Verifier;
use audit_log::{Event, Revoked, digest};
use policies::Role;
use serde::{Deserialize, Serialize};

use crate::actors;
use crate::cli::{ReviewAccept, ReviewCommand, ReviewSign};
use crate::fail::{self, Context, Done, Failure};
use crate::files;
use crate::out::{Out, place};
use crate::room::{Room, RoomCard, Unlocked};

/// An identity row: source, number of its package, number within.
pub type Place = (String, u64, u32);

/// Two rows, and whether they are one person.
pub type Verdict = (Place, Place, bool);

/// What a pair's name stands for.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pair {
    /// Its name: lower-case hex.
    pub pair: String,
    /// The two rows.
    pub rows: [Place; 2],
}

/// A verdict as the room keeps it.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    rows: [Place; 2],
    same: bool,
}

/// An accepted file of verdicts.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Accepted {
    note: String,
    verdicts: Vec<Kept>,
}

const DOING: &str = "the room's reviews";

pub fn run(command: &ReviewCommand, out: &Out) -> Done {
    match command {
        ReviewCommand::Sign(args) => sign(args, out),
        ReviewCommand::Accept(args) => accept(args, out),
    }
}

fn sign(args: &ReviewSign, out: &Out) -> Done {
    fail::refuse_existing(&args.sign.output)?;
    let card = RoomCard::read(&args.sign.card)?;
    let decisions = decisions(&fail::read_text(&args.file)?)?;
    let identity = actors::open(&args.sign.identity, args.sign.passphrase.passphrase_file.as_deref())?;
    let mut text = format!("sudare review v1\nroom {}\n", card.origin);
    for (pair, same) in &decisions {
        let _ = writeln!(text, "{pair} {}", if *same { "same" } else { "different" });
    }
    let note = audit_log::note::sign(&text, &[&actors::signer(&identity)?]).input("the decisions can't be signed")?;
    files::create(&args.sign.output, note.as_bytes())?;
    out.line(format!(
        "  {}: {} decisions, signed by {}; give it to the operator",
        place(&args.sign.output),
        decisions.len(),
        identity.name()
    ));
    out.value(&serde_json::json!({ "review": args.sign.output, "decisions": decisions.len() }));
    Ok(())
}

/// Pairs and what was decided about them, out of a filled-in file.
fn decisions(text: &str) -> Done<BTreeMap<String, bool>> {
    let text = text.trim_start_matches('\u{feff}');
    let first = text.lines().next().unwrap_or_default();
    // Spreadsheets write semicolons in some countries.
    let delimiter = if first.contains(';') { b';' } else { b',' };
    let mut reader = csv::ReaderBuilder::new().delimiter(delimiter).flexible(true).from_reader(text.as_bytes());
    let header = reader.headers().map_err(|_| Failure::input("the review file is no CSV"))?.clone();
    let column = |name: &str| {
        header
            .iter()
            .position(|head| head.trim() == name)
            .ok_or_else(|| Failure::input(format!("the review file has no column {name}")))
    };
    let (pair, decision) = (column("pair")?, column("decision")?);
    let mut decisions = BTreeMap::new();
    for (line, record) in (2..).zip(reader.records()) {
        let wrong = |what: &str| Failure::input(format!("line {line} of the review file: {what}"));
        let record = record.map_err(|_| wrong("is damaged"))?;
        let name = record.get(pair).unwrap_or_default().trim();
        let same = match record.get(decision).unwrap_or_default().trim() {
            "" => continue,
            "same" => true,
            "different" => false,
            _ => return Err(wrong("the decision must be same, different or empty")),
        };
        if !is_name(name) {
            return Err(wrong("the pair's name is damaged"));
        }
        if decisions.insert(name.to_owned(), same).is_some_and(|before| before != same) {
            return Err(wrong("the pair stands twice, with two decisions"));
        }
    }
    if decisions.is_empty() {
        return Err(Failure::input("the review file holds no decision")
            .hint("write same or different into its column decision"));
    }
    Ok(decisions)
}

fn is_name(name: &str) -> bool {
    name.len() == 32 && name.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

fn accept(args: &ReviewAccept, out: &Out) -> Done {
    let mut unlocked = Room::open(&args.room.room)?.unlock(args.room.room_passphrase_file.as_deref())?;
    let note = fail::read_text(&args.note)?;
    let (reviewer, text) = signed(&note, &unlocked)?;
    let mut lines = text.lines();
    let room = format!("room {}", unlocked.room.card.origin);
    if lines.next() != Some("sudare review v1") || lines.next() != Some(room.as_str()) {
        return Err(Failure::refused("this is no review of this room's links"));
    }
    let known = pairs(&unlocked)?;
    let mut verdicts = Vec::new();
    for line in lines {
        let (pair, same) = match line.split_once(' ') {
            Some((pair, "same")) => (pair, true),
            Some((pair, "different")) => (pair, false),
            _ => return Err(Failure::input("the signed decisions can't be read")),
        };
        let rows = known.get(pair).ok_or_else(|| {
            Failure::input("a pair of this review was never listed by this room")
                .hint("review files are made by `sudare link --review`")
        })?;
        verdicts.push(Kept { rows: rows.clone(), same });
    }
    let count = verdicts.len();
    let plain = serde_json::to_vec(&Accepted { note, verdicts }).input(DOING)?;
    let verdicts = digest::hex(&unlocked.key()?.digest(&plain));
    let logged = logged(&unlocked);
    if logged.contains(&verdicts) {
        return Err(Failure::input("the room has these decisions already").hint("nothing was changed"));
    }
    let path = file(&unlocked, logged.len())?;
    // What a kill before the record left is no review.
    if path.is_file() {
        std::fs::remove_file(&path).input(DOING)?;
    }
    unlocked.identity.seal_file(&path, &plain).input("the decisions can't be sealed")?;
    unlocked.append(&Event::Review { reviewer: reviewer.clone(), verdicts })?;
    unlocked.checkpoint()?;
    out.line(format!("  {count} decisions of {reviewer} are taken; they work from the next `sudare link` on"));
    out.value(&serde_json::json!({ "reviewer": reviewer, "decisions": count }));
    Ok(())
}

/// Who signed, and what: an operator or a steward whose card is valid and whose key is not revoked.
fn signed(note: &str, unlocked: &Unlocked) -> Done<(String, String)> {
    let revoked = Revoked::of(unlocked.log.entries().iter().map(|entry| &entry.event));
    let today = crate::room::today();
    for card in unlocked.room.policy.cards() {
        let may = matches!(card.role, Role::Steward | Role::Operator) && card.valid_on(today);
        let Ok(key) = Verifier::parse(&card.verifier) else { continue };
        if !may || revoked.has(&key) {
            continue;
        }
        if let Ok(opened) = audit_log::note::open(note, std::slice::from_ref(&key)) {
            return Ok((card.name.clone(), opened.text));
        }
    }
    Err(Failure::refused("no steward and no operator of this room, whose key is valid, has signed these decisions"))
}

/// Keyed digests of the reviews that the log counts.
fn logged(unlocked: &Unlocked) -> Vec<String> {
    let verdicts =
        |event: &Event| if let Event::Review { verdicts, .. } = event { Some(verdicts.clone()) } else { None };
    unlocked.log.entries().iter().filter_map(|entry| verdicts(&entry.event)).collect()
}

fn file(unlocked: &Unlocked, number: usize) -> Done<PathBuf> {
    Ok(unlocked.room.folder("reviews")?.join(format!("{}.review.age", number + 1)))
}

/// The verdicts in force, with the digests of the reviews they come from. Of two on one pair the later counts.
pub fn verdicts(unlocked: &Unlocked) -> Done<(Vec<Verdict>, Vec<String>)> {
    let logged = logged(unlocked);
    let mut in_force: BTreeMap<[Place; 2], bool> = BTreeMap::new();
    for (number, digest) in logged.iter().enumerate() {
        let path = file(unlocked, number)?;
        if !path.is_file() {
            return Err(Failure::integrity(format!("{} is in the log but not in the room", path.display())));
        }
        let plain = unlocked.identity.open_file(&path).integrity(DOING)?;
        if digest::hex(&unlocked.key()?.digest(&plain)) != *digest {
            return Err(Failure::integrity(format!("{} is not the review that the log names", path.display())));
        }
        let accepted: Accepted = serde_json::from_slice(&plain).map_err(|_| Failure::integrity(DOING))?;
        in_force.extend(accepted.verdicts.into_iter().map(|kept| (kept.rows, kept.same)));
    }
    let verdicts = in_force.into_iter().map(|([a, b], same)| (a, b, same)).collect();
    Ok((verdicts, logged))
}

/// The pair of two identity rows, in whatever order.
pub fn pair(unlocked: &Unlocked, a: Place, b: Place) -> Done<Pair> {
    let rows = if a <= b { [a, b] } else { [b, a] };
    let text = serde_json::to_vec(&("sudare review pair", &rows)).input(DOING)?;
    let name = digest::hex(&unlocked.key()?.digest(&text));
    Ok(Pair { pair: name.get(..32).unwrap_or(&name).to_owned(), rows })
}

/// Keeps what the names of listed pairs stand for.
pub fn remember(unlocked: &Unlocked, pairs: &[Pair]) -> Done {
    let plain = serde_json::to_vec(pairs).input(DOING)?;
    let name = digest::hex(&unlocked.key()?.digest(&plain));
    let path = unlocked.room.folder("reviews")?.join(format!("{}.pairs.age", name.get(..32).unwrap_or(&name)));
    if path.is_file() {
        return Ok(());
    }
    unlocked.identity.seal_file(&path, &plain).input("the list for review can't be sealed")
}

/// All pairs that were ever listed.
fn pairs(unlocked: &Unlocked) -> Done<HashMap<String, [Place; 2]>> {
    let mut known = HashMap::new();
    let folder = std::fs::read_dir(unlocked.room.folder("reviews")?).input(DOING)?;
    for entry in folder {
        let path = entry.input(DOING)?.path();
        if path.to_string_lossy().ends_with(".pairs.age") {
            let plain = unlocked.identity.open_file(&path).integrity(DOING)?;
            let pairs: Vec<Pair> = serde_json::from_slice(&plain).map_err(|_| Failure::integrity(DOING))?;
            known.extend(pairs.into_iter().map(|pair| (pair.pair, pair.rows)));
        }
    }
    Ok(known)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]

    use super::decisions;

    #[test]
    fn files_as_spreadsheets_return_them() {
        let (a, b) = ("0123456789abcdef0123456789abcdef", "f".repeat(32));
        let text = format!("\u{feff}pair;note;decision\r\n{a};x;same\r\n{b};;different\r\n\"{b}\";;\r\n");
        let found = decisions(&text).unwrap();
        assert_eq!((found.len(), found[a], found[&b]), (2, true, false));
        for (text, why) in [
            ("pair,why\n", "no column"),
            ("pair,decision\n", "no decision"),
            (&format!("pair,decision\n{a},maybe\n"), "maybe"),
            (&format!("pair,decision\n{a}0,same\n"), "damaged name"),
            (&format!("pair,decision\n{a},same\n{a},different\n"), "two decisions"),
        ] {
            assert!(decisions(text).is_err(), "{why}");
        }
    }
}
