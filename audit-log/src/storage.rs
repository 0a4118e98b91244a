//! Files that survive a crash. The trait is as small and as weak as a POSIX file system: nothing is durable until
//! its file and its folder were synced. [`Posix`] is the real one, [`faulty::Disk`] one that crashes on demand.
//!
//! Paths are relative to the log's folder, with forward slashes.

use std::collections::BTreeSet;
use std::io;

pub mod faulty;
mod posix;

pub use posix::Posix;

/// Largest file that is read: a bundle of 256 entries of 65,535 bytes fits.
pub const MAX_FILE: u64 = 32 << 20;

/// A failed operation on a file of the log.
#[derive(Debug, thiserror::Error)]
#[error("can't {operation} '{path}' in the log's folder: {source}")]
pub struct StorageError {
    /// What was tried.
    pub operation: &'static str,
    /// Which file or folder of the log.
    pub path: String,
    /// What the system said.
    #[source]
    pub source: io::Error,
}

/// A folder of files.
pub trait Storage: Send {
    /// Takes the exclusive lock until the storage is dropped; `WouldBlock` if another holds it, `NotFound` without
    /// folder.
    ///
    /// # Errors
    /// The system's error.
    fn lock(&mut self) -> io::Result<()>;

    /// Content of a regular file of at most [`MAX_FILE`] bytes; `None` if there is none.
    ///
    /// # Errors
    /// The system's error.
    fn read(&self, path: &str) -> io::Result<Option<Vec<u8>>>;

    /// All files below the folder, sorted.
    ///
    /// # Errors
    /// The system's error.
    fn list(&self) -> io::Result<Vec<String>>;

    /// Makes a new file in place of any old one (never writing into the old one).
    ///
    /// # Errors
    /// The system's error.
    fn write(&mut self, path: &str, bytes: &[u8]) -> io::Result<()>;

    /// Makes a file's content durable.
    ///
    /// # Errors
    /// The system's error.
    fn sync_file(&mut self, path: &str) -> io::Result<()>;

    /// Moves a file over another.
    ///
    /// # Errors
    /// The system's error.
    fn rename(&mut self, from: &str, to: &str) -> io::Result<()>;

    /// Makes a folder's list of names durable; `""` is the log's folder itself.
    ///
    /// # Errors
    /// The system's error.
    fn sync_dir(&mut self, path: &str) -> io::Result<()>;

    /// Makes one folder in an existing one; an existing folder is fine. `""` makes the log's folder itself.
    ///
    /// # Errors
    /// The system's error.
    fn make_dir(&mut self, path: &str) -> io::Result<()>;

    /// Removes a file; a missing one is fine.
    ///
    /// # Errors
    /// The system's error.
    fn remove(&mut self, path: &str) -> io::Result<()>;
}

/// Folder of files that aren't finished; its content means nothing.
pub(crate) const TEMP_DIR: &str = "tmp";
const TEMP_FILE: &str = "tmp/next";

/// A storage with whole-file durable writes. After a failed write nothing is known about the disk, so it refuses
/// all further ones (fsync's error comes once: asking again would lie).
pub(crate) struct Durable {
    storage: Box<dyn Storage>,
    /// Folders whose existence is durable.
    dirs: BTreeSet<String>,
    failed: bool,
}

impl Durable {
    /// Takes the lock.
    pub(crate) fn lock(mut storage: Box<dyn Storage>) -> Result<Self, StorageError> {
        storage.lock().map_err(|e| failure("lock", "lock", e))?;
        Ok(Self { storage, dirs: BTreeSet::new(), failed: false })
    }

    pub(crate) fn storage(&self) -> &dyn Storage {
        &*self.storage
    }

    /// Syncs every folder on the way to `files`: a killed process may have left renames that aren't durable.
    pub(crate) fn settle<'a>(&mut self, files: impl IntoIterator<Item = &'a str>) -> Result<(), StorageError> {
        let mut dirs = BTreeSet::from([String::new()]);
        for file in files {
            dirs.extend(ancestors(file).map(str::to_owned));
        }
        for dir in &dirs {
            self.run("sync", dir, |s| s.sync_dir(dir))?;
        }
        self.dirs = dirs;
        Ok(())
    }

    /// Writes a file so that after a crash either all of it is there or what was there before.
    pub(crate) fn put(&mut self, path: &str, bytes: &[u8]) -> Result<(), StorageError> {
        self.make_dirs(TEMP_FILE)?;
        self.make_dirs(path)?;
        self.run("write", TEMP_FILE, |s| s.write(TEMP_FILE, bytes))?;
        self.run("sync", TEMP_FILE, |s| s.sync_file(TEMP_FILE))?;
        self.run("rename to", path, |s| s.rename(TEMP_FILE, path))?;
        let dir = parent(path);
        self.run("sync", dir, |s| s.sync_dir(dir))
    }

    /// Removes a file, not durably.
    pub(crate) fn remove(&mut self, path: &str) -> Result<(), StorageError> {
        self.run("remove", path, |s| s.remove(path))
    }

    fn make_dirs(&mut self, path: &str) -> Result<(), StorageError> {
        for dir in ancestors(path) {
            if !dir.is_empty() && !self.dirs.contains(dir) {
                self.run("make folder", dir, |s| s.make_dir(dir))?;
                let above = parent(dir);
                self.run("sync", above, |s| s.sync_dir(above))?;
                self.dirs.insert(dir.to_owned());
            }
        }
        Ok(())
    }

    fn run(
        &mut self,
        operation: &'static str,
        path: &str,
        act: impl FnOnce(&mut dyn Storage) -> io::Result<()>,
    ) -> Result<(), StorageError> {
        if self.failed {
            let source = io::Error::other("an earlier write failed; open the log again");
            return Err(failure(operation, path, source));
        }
        act(&mut *self.storage).map_err(|source| {
            self.failed = true;
            failure(operation, path, source)
        })
    }
}

pub(crate) fn failure(operation: &'static str, path: &str, source: io::Error) -> StorageError {
    StorageError { operation, path: path.to_owned(), source }
}

/// Folder of a path; `""` is the log's folder.
fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(dir, _)| dir)
}

/// Folders of a path, outermost first.
fn ancestors(path: &str) -> impl Iterator<Item = &str> {
    std::iter::once("").chain(path.char_indices().filter(|(_, c)| *c == '/').filter_map(|(at, _)| path.get(..at)))
}
