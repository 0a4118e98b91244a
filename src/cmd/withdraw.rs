//! `sudare withdraw`: a person leaves the room, under whatever name and from whatever source. Two stewards; silent; in batches.
//!
//! ```text
//! sudare withdraw make     a steward: a list of people → tombstones, encrypted to the room, signed
//! sudare withdraw approve  another steward: signs that batch
//! sudare withdraw accept   the operator: the room takes both; the next `sudare link` leaves these people out, and whoever comes again
//! ```
//! The log gets a number. It holds neither names of stewards' lists nor digests, or an outsider could tell when somebody left.

use std::path::{Path, PathBuf};

use audit_log::note::Verifier;
use audit_log::{Event, Revoked, digest};
use datasets::catalogue::Catalogue;
use datasets::read::{self, ReadError, ReadOptions};
use polars::prelude::DataFrame;
use policies::Role;
use pseudonymize::package::{self, Expected, Header, Opened, Writer};
use pseudonymize::{LinkageKey, Pseudonymizer, SourceKeys};

use crate::actors;
use crate::cli::{WithdrawAccept, WithdrawApprove, WithdrawCommand, WithdrawMake};
use crate::fail::{self, Context, Done, Failure};
use crate::files;
use crate::out::{Out, place};
use crate::room::{Room, RoomCard, Unlocked};

/// What stands where a source gives its legal basis.
const BASIS: &str = "withdrawal";

pub fn run(command: &WithdrawCommand, out: &Out) -> Done {
    match command {
        WithdrawCommand::Make(args) => make(args, out),
        WithdrawCommand::Approve(args) => approve(args, out),
        WithdrawCommand::Accept(args) => accept(args, out),
    }
}

fn make(args: &WithdrawMake, out: &Out) -> Done {
    fail::refuse_existing(&args.output)?;
    fail::demand_folder(&args.output)?;
    let card = RoomCard::read(&args.card)?;
    let identity = actors::open(&args.identity, args.passphrase.passphrase_file.as_deref())?;
    let key = LinkageKey::open(&args.linkage_key, &identity)
        .input(format!("{} can't be opened", args.linkage_key.display()))?;
    let keys = SourceKeys::derive(&key, &card.origin, args.epoch).input("the linkage key")?;
    let catalogue = Catalogue::builtin().input("the catalogue")?;
    let header = Header {
        source: identity.name().to_owned(),
        sequence: u64::try_from(jiff::Timestamp::now().as_second()).input("this machine's clock")?,
        legal_basis: BASIS.to_owned(),
        room: card.origin.clone(),
        epoch: args.epoch,
        linkage_key: keys.linkage_key_id().to_owned(),
        replaces: None,
        schema: catalogue.digest(),
    };
    let mut pseudonymizer = Pseudonymizer::new(&keys, &catalogue);
    let mut failure = None;
    let options = ReadOptions { maps: args.maps.clone(), ..ReadOptions::default() };
    let report = read::read(
        &args.lists,
        &options,
        &mut |batch| {
            pseudonymizer.batch(batch).map(drop).map_err(|error| {
                failure = Some(Failure::input(error));
                ReadError::Sink("".into())
            })
        },
        &|_| {},
    );
    if let Some(failure) = failure {
        return Err(failure);
    }
    report.map_err(Failure::input)?;
    let tombstones = pseudonymizer.tombstones().input("the lists")?;
    if tombstones.height() == 0 {
        return Err(Failure::input("the lists name nobody")
            .hint("give a CSV with identity columns (保険者番号, 番号, 氏名, カナ氏名, 生年月日, 性別) and a column オプトアウト日, which may be empty"));
    }
    let writer = Writer::create(&args.output, header, std::slice::from_ref(&card.recipient));
    let mut writer = writer.input(format!("{} can't be written", args.output.display()))?;
    writer.tombstones(&tombstones).input("the batch can't be written")?;
    let signer = actors::signer(&identity)?;
    writer
        .finish("{}", &|text| audit_log::note::sign(text, &[&signer]).map_err(Into::into))
        .input(format!("{} can't be written", args.output.display()))?;
    out.line(format!("  {}: signed by {}; another steward must approve it", place(&args.output), identity.name()));
    out.value(&serde_json::json!({ "withdrawal": args.output }));
    Ok(())
}

/// The text that the second steward signs.
fn text(origin: &str, manifest: &[u8; 32]) -> String {
    format!("sudare withdrawal v1\nroom {origin}\nbatch sha256:{}\n", digest::hex(manifest))
}

fn approve(args: &WithdrawApprove, out: &Out) -> Done {
    fail::refuse_existing(&args.output)?;
    let identity = actors::open(&args.identity, args.passphrase.passphrase_file.as_deref())?;
    let claimed = package::claimed(&args.batch).map_err(Failure::input)?;
    if claimed.header.legal_basis != BASIS {
        return Err(Failure::input(format!("{} is no withdrawal", args.batch.display())));
    }
    if claimed.header.source == identity.name() {
        return Err(Failure::refused("this steward made the batch").hint("another one must approve it"));
    }
    let manifest = claimed.digest().input("the manifest")?;
    let note = audit_log::note::sign(&text(&claimed.header.room, &manifest), &[&actors::signer(&identity)?])
        .input("the approval can't be signed")?;
    files::create(&args.output, note.as_bytes())?;
    out.line(format!(
        "  {}: {} approves the batch that {} made",
        place(&args.output),
        identity.name(),
        claimed.header.source
    ));
    out.value(&serde_json::json!({ "approval": args.output }));
    Ok(())
}

fn accept(args: &WithdrawAccept, out: &Out) -> Done {
    let room = Room::open(&args.room.room)?;
    let mut unlocked = room.unlock(args.room.room_passphrase_file.as_deref())?;
    let catalogue = unlocked.room.catalogue()?;
    let opened = open(&args.batch, &unlocked, &catalogue, true)?;
    let manifest = opened.manifest.digest().input("the manifest")?;
    if let Some(key) = super::link::key_in_force(&unlocked)?
        && key != opened.manifest.header.linkage_key
    {
        return Err(Failure::input(format!(
            "the batch was made under the linkage key {}, and the room's tokens are under {key}: it would find nobody",
            opened.manifest.header.linkage_key
        ))
        .hint("make it again with the linkage key in force and its --epoch"));
    }
    let approval = fail::read_text(&args.approval)?;
    let second = approved(&approval, &unlocked, &opened, &manifest, true)?;
    let folder = unlocked.room.folder("withdrawals")?;
    let done = batches(&unlocked);
    for number in 1..=done {
        let earlier = package::claimed(&file(&folder, number)).integrity("a withdrawal of the room")?;
        if earlier.digest().integrity("a withdrawal of the room")? == manifest {
            return Err(Failure::input("the room has this batch already").hint("nothing was changed"));
        }
    }
    let number = done + 1;
    // What a kill between copy and record left is no batch.
    for (from, to) in [(&args.batch, file(&folder, number)), (&args.approval, note_file(&folder, number))] {
        if to.is_file() {
            std::fs::remove_file(&to).input(format!("{} can't be replaced", to.display()))?;
        }
        files::copy(from, &to)?;
    }
    unlocked.append(&Event::Withdrawal { batch: number, manifest: Some(digest::hex(&manifest)) })?;
    unlocked.checkpoint()?;
    out.line(format!(
        "  withdrawal {number}: {} and {second} signed it; it works from the next `sudare link` on",
        opened.manifest.header.source
    ));
    out.value(&serde_json::json!({ "withdrawal": number }));
    Ok(())
}

fn file(folder: &Path, number: u64) -> PathBuf {
    folder.join(format!("{number}.withdrawal"))
}

fn note_file(folder: &Path, number: u64) -> PathBuf {
    folder.join(format!("{number}.approval"))
}

/// How many batches the log counts.
fn batches(unlocked: &Unlocked) -> u64 {
    logged(unlocked).map(|(batch, _)| batch).max().unwrap_or_default()
}

/// Number and digest of every batch in the log; batches of before digests were logged have none.
fn logged(unlocked: &Unlocked) -> impl Iterator<Item = (u64, Option<&str>)> {
    unlocked.log.entries().iter().filter_map(|entry| match &entry.event {
        Event::Withdrawal { batch, manifest } => Some((*batch, manifest.as_deref())),
        _ => None,
    })
}

/// The verifier key of a steward. New signatures need a valid card whose key is not revoked; those that the log has
/// counted stay.
fn steward(name: &str, unlocked: &Unlocked, new: bool) -> Result<Verifier, &'static str> {
    let card = unlocked.room.policy.card(name).filter(|card| card.role == Role::Steward);
    let card = card.ok_or("the policy names no such steward")?;
    if new && !card.valid_on(crate::room::today()) {
        return Err("the steward's card is not valid today");
    }
    let key = Verifier::parse(&card.verifier).map_err(|_| "the steward's card holds no key")?;
    let events = unlocked.log.entries().iter().map(|entry| &entry.event);
    if new && Revoked::of(events).has(&key) { Err("the steward's key is revoked") } else { Ok(key) }
}

fn open(path: &Path, unlocked: &Unlocked, catalogue: &Catalogue, new: bool) -> Done<Opened> {
    let verify = |name: &str, note: &str| {
        let key = steward(name, unlocked, new)?;
        Ok(audit_log::note::open(note, std::slice::from_ref(&key))?.text)
    };
    // The shape of tables does not matter to a batch without any.
    let schema = package::claimed(path).map_or(catalogue.digest(), |claimed| claimed.header.schema);
    let expected = Expected { room: &unlocked.room.card.origin, schema, linkage_key: None, last_sequence: None };
    let opened = package::open(path, &unlocked.identity, &expected, &verify)
        .map_err(|error| Failure::integrity(format!("refused: {error}")))?;
    if opened.manifest.header.legal_basis != BASIS || opened.identity.height() > 0 || !opened.tables.is_empty() {
        return Err(Failure::input(format!("{} is no withdrawal", path.display())));
    }
    Ok(opened)
}

/// The name of the second steward.
fn approved(note: &str, unlocked: &Unlocked, opened: &Opened, manifest: &[u8; 32], new: bool) -> Done<String> {
    let expected = text(&unlocked.room.card.origin, manifest);
    for card in unlocked.room.policy.cards().iter().filter(|card| card.name != opened.manifest.header.source) {
        let Ok(key) = steward(&card.name, unlocked, new) else { continue };
        let signed = audit_log::note::open(note, std::slice::from_ref(&key));
        if signed.is_ok_and(|signed| signed.text == expected) {
            return Ok(card.name.clone());
        }
    }
    Err(Failure::refused("no second steward of this room has signed this batch")
        .hint("`sudare withdraw approve` by a steward other than the one who made it"))
}

/// The tombstones of every batch that the log counts.
pub fn accepted(unlocked: &Unlocked, catalogue: &Catalogue) -> Done<Vec<DataFrame>> {
    let folder = unlocked.room.dir.join("withdrawals");
    let mut frames = Vec::new();
    for number in 1..=batches(unlocked) {
        let path = file(&folder, number);
        if !path.is_file() {
            return Err(Failure::integrity(format!("{} is in the log but not in the room", path.display())));
        }
        let opened = open(&path, unlocked, catalogue, false)?;
        let manifest = opened.manifest.digest().integrity("a withdrawal")?;
        let known = digest::hex(&manifest);
        if logged(unlocked).any(|(batch, digest)| batch == number && digest.is_some_and(|digest| digest != known)) {
            return Err(Failure::integrity(format!("{} is not the batch that the log names", path.display())));
        }
        let note = fail::read_text(&note_file(&folder, number))?;
        approved(&note, unlocked, &opened, &manifest, false)
            .map_err(|_| Failure::integrity(format!("{} has lost its second signature", path.display())))?;
        frames.extend(opened.tombstones);
    }
    Ok(frames)
}
