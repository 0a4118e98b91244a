//! Files that are there whole or not at all: written beside their place, synced, renamed, the folder synced.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;

use tempfile::NamedTempFile;

use crate::fail::{Context, Done};

/// Writes a new file; refuses to replace one.
pub fn create(path: &Path, bytes: &[u8]) -> Done {
    let doing = || format!("{} can't be written", path.display());
    let new = beside(path, bytes)?;
    new.persist_noclobber(path).map_err(|e| e.error).input(doing())?;
    sync_folder(path)
}

/// Writes a file, in place of the one that is there.
pub fn replace(path: &Path, bytes: &[u8]) -> Done {
    let doing = || format!("{} can't be written", path.display());
    let new = beside(path, bytes)?;
    new.persist(path).map_err(|e| e.error).input(doing())?;
    sync_folder(path)
}

/// Copies a file to a new place; refuses to replace one.
pub fn copy(from: &Path, to: &Path) -> Done {
    let doing = || format!("{} can't be copied to {}", from.display(), to.display());
    let mut new = NamedTempFile::new_in(folder(to)).input(doing())?;
    let mut source = File::open(from).input(doing())?;
    std::io::copy(&mut source, &mut new).input(doing())?;
    new.as_file().sync_all().input(doing())?;
    new.persist_noclobber(to).map_err(|e| e.error).input(doing())?;
    sync_folder(to)
}

/// Makes a new, empty file that marks something; it lasts once this returns.
pub fn mark(path: &Path) -> Done {
    create(path, b"")
}

fn beside(path: &Path, bytes: &[u8]) -> Done<NamedTempFile> {
    let doing = || format!("{} can't be written", path.display());
    let mut new = NamedTempFile::new_in(folder(path)).input(doing())?;
    new.write_all(bytes).input(doing())?;
    new.as_file().sync_all().input(doing())?;
    Ok(new)
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Makes the folder of a path remember what was made, renamed or removed in it.
pub fn sync_folder(path: &Path) -> Done {
    let folder = folder(path);
    File::open(folder).and_then(|f| f.sync_all()).input(format!("{} can't be synced", folder.display()))
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_file_is_never_replaced_unasked() {
        let Ok(dir) = tempfile::tempdir() else { return };
        let path = dir.path().join("x");
        assert!(super::create(&path, b"one").is_ok());
        assert!(super::create(&path, b"two").is_err());
        assert!(super::copy(&path, &path).is_err());
        assert_eq!(std::fs::read(&path).ok().as_deref(), Some(&b"one"[..]));
        assert!(super::replace(&path, b"two").is_ok());
        assert_eq!(std::fs::read(&path).ok().as_deref(), Some(&b"two"[..]));
    }
}
