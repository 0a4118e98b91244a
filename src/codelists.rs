//! Which code lists a question may cite: those that come with Sudare, and the files of a folder or of the room.
//!
//! ```text
//! ROOM/codelists/*.toml  lists of the stewards, copied by `sudare room init` or added later
//! ```
//! A list's digest stands in every plan that cites it: a list that was changed makes another plan, which nobody approved.

use std::path::Path;

use policies::CodeLists;

use crate::catalogue;
use crate::fail::{Context, Done};

/// The folder's name in a room.
pub const FOLDER: &str = "codelists";

/// The built-in lists, and those of the folder's files if one is given.
pub fn load(folder: Option<&Path>) -> Done<CodeLists> {
    let mut lists = CodeLists::builtin().input("the code lists")?;
    for (name, text) in folder.map(catalogue::files).transpose()?.unwrap_or_default() {
        lists.add(&text).input(folder.unwrap_or(Path::new("")).join(name).display())?;
    }
    Ok(lists)
}

/// The lists of the room in this folder.
pub fn of_room(dir: &Path) -> Done<CodeLists> {
    let folder = dir.join(FOLDER);
    load(folder.is_dir().then_some(folder.as_path()))
}
