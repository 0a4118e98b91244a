//! Files of secrets and packages: made under a temporary name, synced, then given their name in one step; never
//! written over; private ones readable by their owner only.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::kdf;

/// Secrets files are small; more is not one of ours.
const LARGEST: u64 = 64 * 1024;

/// Why a file could not be read or made.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The operating system said no.
    #[error("{action} {}: {source}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// With which file.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
    /// Something has this name already.
    #[error("{} exists already and is not written over; move it away or choose another name", .0.display())]
    Exists(PathBuf),
    /// Others than the owner can read a secret.
    #[error("{} can be read by others (mode {mode:04o}); run: chmod 600 {}", path.display(), path.display())]
    Mode {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Not a regular file, or far too large.
    #[error("{} is not a file of this kind", .0.display())]
    NotAFile(PathBuf),
    /// No randomness for a temporary name.
    #[error(transparent)]
    Crypto(#[from] kdf::CryptoError),
}

impl FileError {
    pub(crate) fn io(action: &'static str, path: &Path, source: io::Error) -> Self {
        if source.kind() == io::ErrorKind::AlreadyExists {
            return Self::Exists(path.to_owned());
        }
        Self::Io { action, path: path.to_owned(), source }
    }
}

/// A file that does not have its name yet. Dropped or killed before [`Draft::publish`], it leaves nothing under that
/// name; dropped, nothing at all.
pub(crate) struct Draft {
    file: File,
    temporary: PathBuf,
    path: PathBuf,
    published: bool,
}

impl Draft {
    /// Opens `.NAME.<random>.partial`, mode 0600, beside the file that is to be.
    pub(crate) fn create(path: &Path) -> Result<Self, FileError> {
        if fs::symlink_metadata(path).is_ok() {
            return Err(FileError::Exists(path.to_owned()));
        }
        let Some(name) = path.file_name() else {
            return Err(FileError::NotAFile(path.to_owned()));
        };
        let mut tag = [0; 8];
        kdf::random(&mut tag)?;
        let mut hidden = std::ffi::OsString::from(".");
        hidden.push(name);
        hidden.push(format!(".{}.partial", kdf::hex(&tag)));
        let temporary = path.with_file_name(hidden);
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&temporary).map_err(|e| FileError::io("creating", &temporary, e))?;
        Ok(Self { file, temporary, path: path.to_owned(), published: false })
    }

    /// The file to write to.
    pub(crate) fn file(&self) -> &File {
        &self.file
    }

    /// The name it will have.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Syncs, names and syncs the directory. The name is given by a hard link, which fails if the name is taken;
    /// file systems without hard links get a rename after a look.
    pub(crate) fn publish(mut self) -> Result<(), FileError> {
        let fail = |action, path: &Path| {
            let path = path.to_owned();
            move |e| FileError::io(action, &path, e)
        };
        self.file.sync_all().map_err(fail("syncing", &self.temporary))?;
        match fs::hard_link(&self.temporary, &self.path) {
            Ok(()) => {
                // The name is given; a temporary name that can't be removed is only litter.
                let _ = fs::remove_file(&self.temporary);
            }
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {
                return Err(FileError::Exists(self.path.clone()));
            }
            Err(_) => {
                if fs::symlink_metadata(&self.path).is_ok() {
                    return Err(FileError::Exists(self.path.clone()));
                }
                fs::rename(&self.temporary, &self.path).map_err(fail("naming", &self.path))?;
            }
        }
        self.published = true;
        #[cfg(unix)]
        {
            let folder = match self.path.parent() {
                Some(p) if !p.as_os_str().is_empty() => p,
                _ => Path::new("."),
            };
            File::open(folder).and_then(|d| d.sync_all()).map_err(fail("syncing", folder))?;
        }
        Ok(())
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if !self.published {
            let _ = fs::remove_file(&self.temporary);
        }
    }
}

/// Makes a small file in one step.
pub(crate) fn write_new(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    let draft = Draft::create(path)?;
    draft.file().write_all(bytes).map_err(|e| FileError::io("writing", path, e))?;
    draft.publish()
}

/// Reads a small file whole. `private` demands that nobody but its owner can read or write it.
pub(crate) fn read(path: &Path, private: bool) -> Result<Zeroizing<Vec<u8>>, FileError> {
    let fail = |e| FileError::io("reading", path, e);
    let file = File::open(path).map_err(fail)?;
    // Of the open file, not of the name: what is checked is what is read.
    let metadata = file.metadata().map_err(fail)?;
    if !metadata.is_file() || metadata.len() > LARGEST {
        return Err(FileError::NotAFile(path.to_owned()));
    }
    #[cfg(unix)]
    if private {
        let mode = std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o7777;
        if mode & 0o077 != 0 {
            return Err(FileError::Mode { path: path.to_owned(), mode });
        }
    }
    let mut bytes = Zeroizing::new(Vec::with_capacity(LARGEST as usize));
    file.take(LARGEST).read_to_end(&mut bytes).map_err(fail)?;
    Ok(bytes)
}
