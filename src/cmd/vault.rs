//! `sudare room seal` and `room open`: the store goes into one age file for the room, the operators and the stewards, and comes back.
//!
//! ```text
//! ROOM/store/*.duckdb    open: belongs on an encrypted disk or tmpfs
//! ROOM/store.sealed.age  sealed: a header, a line of JSON (names, sizes, SHA-256, a keyed digest), then the files' bytes
//! ```
//! The open files are removed only after the sealed one was synced, read back whole and found equal. Each opened file appears whole, by a
//! rename. Both commands can be repeated after a crash at any point; neither loses what only it holds. The log's lock keeps others out.

use std::fs::File;
use std::io::{BufRead as _, BufReader, BufWriter, Read, Write as _};
use std::path::Path;

use audit_log::digest::{Hasher, hex};
use policies::Role;
use pseudonymize::{Identity, SealedWriter};
use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;

use crate::actors;
use crate::cli::RoomArgs;
use crate::fail::{Context, Done, Failure};
use crate::files::sync_folder;
use crate::out::{Out, place};
use crate::room::{Room, Unlocked, today};

/// The sealed store's name in a room.
pub const SEALED: &str = "store.sealed.age";
const STORE: &str = "store";
const FORMAT: &str = "sudare-sealed-store/1";
/// Longest line of JSON that is read.
const LONGEST_LINE: u64 = 1 << 20;

/// What a sealed store holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Contents {
    room: String,
    files: Vec<Held>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Held {
    name: String,
    size: u64,
    sha256: String,
}

/// `sudare room seal`
pub fn seal(args: &RoomArgs, out: &Out) -> Done {
    let unlocked = Room::open(&args.room)?.unlock(args.room_passphrase_file.as_deref())?;
    let room = &unlocked.room;
    let (store, sealed) = (room.dir.join(STORE), room.dir.join(SEALED));
    let here = contents(&store, room)?;
    if here.files.is_empty() {
        if !sealed.is_file() {
            return Err(Failure::input("the room has no store to seal").hint("load one with `sudare link`"));
        }
        out.line(format!("  sealed already: {}", place(&sealed)));
        out.value(&serde_json::json!({ "sealed": sealed, "files": 0 }));
        return Ok(());
    }
    let before = sealed.is_file().then(|| verify(&sealed, &unlocked)).transpose()?;
    if let Some(before) = &before
        && let Some(missing) = before.files.iter().find(|held| here.files.iter().all(|file| file.name != held.name))
    {
        return Err(Failure::input(format!("{} holds {}, which is not open", place(&sealed), missing.name))
            .hint("run `sudare room open` first: sealing would lose it"));
    }
    let recipients = recipients(room);
    if before.as_ref() != Some(&here) {
        write(&here, &store, &sealed, &recipients, &unlocked)?;
        if verify(&sealed, &unlocked)? != here {
            return Err(Failure::integrity("the sealed store is not what was open; the open store stays"));
        }
    }
    for file in &here.files {
        let path = store.join(&file.name);
        std::fs::remove_file(&path).input(format!("{} can't be removed", path.display()))?;
    }
    sync_folder(&store.join("x"))?;
    out.line(format!(
        "  sealed {} files to {} keys, read back whole; the open store is removed: {}",
        here.files.len(),
        recipients.len(),
        place(&sealed)
    ));
    out.line("  What a disk still holds of removed files is the disk's affair: keep the open store on an encrypted disk or tmpfs.");
    out.value(&serde_json::json!({ "sealed": sealed, "files": here.files.len(), "recipients": recipients.len() }));
    Ok(())
}

/// `sudare room open`; `identity`: an operator's or steward's instead of the room's; `on`: where the open store shall lie.
pub fn open(args: &RoomArgs, identity: Option<&Path>, passphrase: Option<&Path>, on: Option<&Path>, out: &Out) -> Done {
    let room = Room::open(&args.room)?;
    let (store, sealed) = (room.dir.join(STORE), room.dir.join(SEALED));
    if !sealed.is_file() {
        return Err(
            Failure::input(format!("{} has no sealed store", place(&room.dir))).hint("`sudare room seal` makes one")
        );
    }
    match identity {
        Some(identity) => {
            let identity = actors::open(identity, passphrase)?;
            out.line(
                "  With a key that isn't the room's the keyed digest can't be checked; names, sizes and SHA-256 are.",
            );
            unpack(&store, &sealed, &identity, None, &room, on, out)
        }
        None => {
            let unlocked = room.unlock(args.room_passphrase_file.as_deref())?;
            unpack(&store, &sealed, &unlocked.identity, Some(&unlocked), &unlocked.room, on, out)
        }
    }
}

fn unpack(
    store: &Path,
    sealed: &Path,
    identity: &Identity,
    keyed: Option<&Unlocked>,
    room: &Room,
    on: Option<&Path>,
    out: &Out,
) -> Done {
    let (contents, mut plain) = begin(sealed, identity, keyed, &room.card.origin)?;
    prepare(store, on)?;
    let mut made = 0;
    for held in &contents.files {
        let path = store.join(&held.name);
        if path.exists() {
            // Opened before, perhaps by a run that was cut off: the same, or nothing is touched.
            copy(&mut plain, &mut std::io::sink(), held, sealed)?;
            if digest(&path)? != (held.size, held.sha256.clone()) {
                return Err(Failure::integrity(format!(
                    "{} is open already and differs from the sealed one",
                    path.display()
                ))
                .hint("it may be a changed store: move it away, then open again"));
            }
            continue;
        }
        let mut new = NamedTempFile::new_in(store).input(format!("{} can't be written", path.display()))?;
        copy(&mut plain, new.as_file_mut(), held, sealed)?;
        new.as_file().sync_all().input(path.display())?;
        new.persist_noclobber(&path).map_err(|e| e.error).input(path.display())?;
        made += 1;
    }
    end(&mut plain, sealed)?;
    sync_folder(&store.join("x"))?;
    out.line(format!("  opened {made} of {} files in {}; the sealed store stays.", contents.files.len(), place(store)));
    out.value(&serde_json::json!({ "store": store, "files": contents.files.len(), "opened": made }));
    Ok(())
}

/// The open store's folder; a link to another place if one is asked for.
fn prepare(store: &Path, on: Option<&Path>) -> Done {
    if let Some(on) = on {
        let target = on.canonicalize().input(format!("{} is no folder", on.display()))?;
        match std::fs::read_link(store) {
            Ok(link) if link == target => {}
            Ok(_) => return Err(Failure::input(format!("{} leads elsewhere already", store.display()))),
            Err(_) if store.is_dir() => {
                // An empty folder makes way; one with files does not.
                std::fs::remove_dir(store).input(format!("{} holds files; seal them first", store.display()))?;
                link(&target, store)?;
            }
            Err(_) => link(&target, store)?,
        }
    }
    // A dangling link means that the disk it leads to is not there.
    if std::fs::symlink_metadata(store).is_ok() && !store.is_dir() {
        return Err(Failure::input(format!("{} leads to a folder that is not there", store.display()))
            .hint("mount the disk that it lies on"));
    }
    std::fs::create_dir_all(store).input(format!("{} can't be made", store.display()))
}

#[cfg(unix)]
fn link(target: &Path, store: &Path) -> Done {
    std::os::unix::fs::symlink(target, store).input(format!("{} can't be linked", store.display()))
}

#[cfg(not(unix))]
fn link(_: &Path, store: &Path) -> Done {
    Err(Failure::input(format!("{} can't be linked on this system", store.display())))
}

/// The room itself, and every operator and steward whose card is valid.
fn recipients(room: &Room) -> Vec<String> {
    let cards = room.policy.cards().iter();
    let cards = cards.filter(|c| matches!(c.role, Role::Operator | Role::Steward) && c.valid_on(today()));
    let mut all: Vec<String> =
        std::iter::once(room.card.recipient.clone()).chain(cards.map(|c| c.recipient.clone())).collect();
    all.sort();
    all.dedup();
    all
}

/// The open store's files by name.
fn contents(store: &Path, room: &Room) -> Done<Contents> {
    let mut files = Vec::new();
    if store.is_dir() {
        let doing = || format!("{} can't be read", store.display());
        for entry in std::fs::read_dir(store).input(doing())? {
            let path = entry.input(doing())?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if name.starts_with(".tmp") && path.is_file() {
                // Left by a run that was cut off: half a file.
                std::fs::remove_file(&path).input(format!("{} can't be removed", path.display()))?;
                continue;
            }
            if !path.is_file() || !is_name(&name) {
                return Err(Failure::input(format!("{} does not belong into a store", path.display()))
                    .hint("move it away: nothing that is not a snapshot is sealed or removed"));
            }
            let (size, sha256) = digest(&path)?;
            files.push(Held { name, size, sha256 });
        }
    }
    files.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(Contents { room: room.card.origin.clone(), files })
}

/// A plain file name: what is opened must land in the store.
fn is_name(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with('.')
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.' || b == b'-' || b == b'_')
}

/// Size and SHA-256 of a file.
fn digest(path: &Path) -> Done<(u64, String)> {
    let doing = || format!("{} can't be read", path.display());
    let mut file = BufReader::with_capacity(1 << 20, File::open(path).input(doing())?);
    let (mut sha, mut size) = (Hasher::new(), 0);
    loop {
        let block = file.fill_buf().input(doing())?;
        if block.is_empty() {
            return Ok((size, hex(&sha.finish())));
        }
        sha.update(block);
        size += block.len() as u64;
        let read = block.len();
        file.consume(read);
    }
}

fn write(contents: &Contents, store: &Path, sealed: &Path, recipients: &[String], unlocked: &Unlocked) -> Done {
    let doing = || format!("{} can't be written", sealed.display());
    let folder = &unlocked.room.dir;
    let new = NamedTempFile::new_in(folder).input(doing())?;
    let mut out = SealedWriter::new(recipients, BufWriter::with_capacity(1 << 20, new), sealed).input(doing())?;
    let line = serde_json::to_string(contents).input(doing())?;
    let mac = hex(&unlocked.key()?.digest(line.as_bytes()));
    out.write_all(format!("{FORMAT}\n{line}\n{mac}\n").as_bytes()).input(doing())?;
    for held in &contents.files {
        let path = store.join(&held.name);
        let mut file = File::open(&path).input(path.display())?;
        let copied = std::io::copy(&mut file, &mut out).input(doing())?;
        if copied != held.size {
            return Err(Failure::integrity(format!("{} changed while it was sealed", path.display())));
        }
    }
    let new = out.finish(sealed).input(doing())?.into_inner().map_err(|e| e.into_error()).input(doing())?;
    new.as_file().sync_all().input(doing())?;
    new.persist(sealed).map_err(|e| e.error).input(doing())?;
    sync_folder(sealed)
}

/// Reads the header of a sealed store.
fn begin(
    sealed: &Path,
    identity: &Identity,
    keyed: Option<&Unlocked>,
    origin: &str,
) -> Done<(Contents, BufReader<impl Read + use<>>)> {
    let damaged = || Failure::integrity(format!("{} is damaged, or no sealed store", sealed.display()));
    let mut plain = BufReader::with_capacity(1 << 20, identity.open_stream(sealed).integrity("the sealed store")?);
    let mut line = || -> Done<String> {
        let mut text = String::new();
        plain.by_ref().take(LONGEST_LINE).read_line(&mut text).map_err(|_| damaged())?;
        text.strip_suffix('\n').map(str::to_owned).ok_or_else(damaged)
    };
    if line()? != FORMAT {
        return Err(damaged());
    }
    let (text, mac) = (line()?, line()?);
    if let Some(unlocked) = keyed
        && hex(&unlocked.key()?.digest(text.as_bytes())) != mac
    {
        return Err(Failure::integrity(format!("{} was not sealed by this room", sealed.display())));
    }
    let contents: Contents = serde_json::from_str(&text).map_err(|_| damaged())?;
    if contents.room != origin || contents.files.iter().any(|held| !is_name(&held.name)) {
        return Err(Failure::integrity(format!("{} is another room's", sealed.display())));
    }
    Ok((contents, plain))
}

/// One file's bytes; they must be what the header says.
fn copy(plain: &mut impl Read, to: &mut impl std::io::Write, held: &Held, sealed: &Path) -> Done {
    let damaged = || Failure::integrity(format!("{}: {} is damaged", sealed.display(), held.name));
    let mut block = vec![0; 1 << 20];
    let (mut sha, mut left) = (Hasher::new(), held.size);
    while left > 0 {
        let most = usize::try_from(left).unwrap_or(usize::MAX).min(block.len());
        let window = block.get_mut(..most).ok_or_else(damaged)?;
        let read = plain.read(window).map_err(|_| damaged())?;
        let bytes = window.get(..read).filter(|bytes| !bytes.is_empty()).ok_or_else(damaged)?;
        sha.update(bytes);
        to.write_all(bytes).input(format!("{} can't be written", held.name))?;
        left -= read as u64;
    }
    if hex(&sha.finish()) == held.sha256 { Ok(()) } else { Err(damaged()) }
}

/// Nothing may follow the last file.
fn end(plain: &mut impl Read, sealed: &Path) -> Done {
    let mut more = [0];
    match plain.read(&mut more) {
        Ok(0) => Ok(()),
        _ => Err(Failure::integrity(format!("{} is damaged at its end", sealed.display()))),
    }
}

/// Reads the whole sealed store.
fn verify(sealed: &Path, unlocked: &Unlocked) -> Done<Contents> {
    let (contents, mut plain) = begin(sealed, &unlocked.identity, Some(unlocked), &unlocked.room.card.origin)?;
    for held in &contents.files {
        copy(&mut plain, &mut std::io::sink(), held, sealed)?;
    }
    end(&mut plain, sealed)?;
    Ok(contents)
}

/// What to say where a snapshot is not there: perhaps it is only sealed.
pub fn missing(dir: &Path, path: &Path) -> Failure {
    if dir.join(SEALED).is_file() {
        return Failure::input(format!("the snapshot is not open: {}", path.display()))
            .hint("the room's store is sealed: `sudare room open`");
    }
    Failure::integrity(format!("the snapshot that the charge names is gone: {}", path.display()))
}
