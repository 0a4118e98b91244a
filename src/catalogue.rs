//! Which catalogue a command works by: the built-in tables, and the files of a folder or of the room.
//!
//! ```text
//! ROOM/catalogue/*.toml  the tables that the room has besides the built-in ones, copied by `sudare room init`
//! ```
//! The digest of all of them stands on the room's card, in every package, plan and snapshot.

use std::path::Path;

use audit_log::digest::hex;
use datasets::catalogue::Catalogue;

use crate::fail::{self, Context, Done, Failure};
use crate::room::RoomCard;

/// The folder's name in a room.
pub const FOLDER: &str = "catalogue";

/// The built-in tables, and those of the folder's files if one is given.
pub fn load(folder: Option<&Path>) -> Done<Catalogue> {
    let Some(folder) = folder else {
        return Catalogue::builtin().input("the catalogue");
    };
    let files = files(folder)?;
    if files.is_empty() {
        return Err(Failure::input(format!("{} holds no catalogue file", folder.display()))
            .hint("a catalogue file is named NAME.toml; see `sudare schema` for what a table needs"));
    }
    let texts: Vec<(&str, &str)> = files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    Catalogue::extended(&texts).input(format!("the catalogue in {}", folder.display()))
}

/// The folder's if one is given, else the room's if there is one: SUDARE_ROOM may name a room that is not made yet.
pub fn given(folder: Option<&Path>, room: Option<&Path>) -> Done<Catalogue> {
    match room.map(|dir| (dir, dir.join("room.card.toml"))) {
        Some((dir, card)) if folder.is_none() && card.is_file() => of_room(dir, &RoomCard::read(&card)?),
        _ => load(folder),
    }
}

/// The catalogue of the room in this folder. One that is not what the room was made with is an integrity failure.
pub fn of_room(dir: &Path, card: &RoomCard) -> Done<Catalogue> {
    let folder = dir.join(FOLDER);
    let found = load(folder.is_dir().then_some(folder.as_path()));
    let found = found.map_err(|f| Failure::integrity(f.message).hint(RESTORE))?;
    match &card.catalogue {
        Some(digest) if *digest != named(&found) => {
            Err(Failure::integrity(format!("the catalogue of {} is not the one it was made with", dir.display()))
                .hint(RESTORE))
        }
        _ => Ok(found),
    }
}

const RESTORE: &str =
    "restore the files of the room's folder catalogue/, and use the version of Sudare that made the room";

/// A source's catalogue must be the room's, or its package would be refused there.
pub fn demand_same(catalogue: &Catalogue, card: &RoomCard) -> Done {
    match &card.catalogue {
        Some(digest) if *digest != named(catalogue) => Err(Failure::input(
            "the catalogue is not the room's, which would refuse the package",
        )
        .hint(
            "ask the operator for the files of the room's folder catalogue/ and give their folder as --catalogue; if the room has none, use its version of Sudare",
        )),
        _ => Ok(()),
    }
}

/// The digest as cards write it.
pub fn named(catalogue: &Catalogue) -> String {
    format!("sha256:{}", hex(&catalogue.digest()))
}

/// The catalogue files of a folder, by name: (name, text).
pub fn files(folder: &Path) -> Done<Vec<(String, String)>> {
    let doing = || format!("{} can't be read", folder.display());
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).input(doing())? {
        let path = entry.input(doing())?.path();
        if path.is_file() && path.extension().is_some_and(|e| e == "toml") {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            files.push((name, fail::read_text(&path)?));
        }
    }
    files.sort();
    Ok(files)
}
