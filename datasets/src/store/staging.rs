//! Private folders that disappear, and the snapshot that is made in one.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use super::{Moved, StoreError};

static NEXT: AtomicU32 = AtomicU32::new(0);

/// A folder of mode 0700, locked while its process lives and removed when dropped. Those of killed processes are
/// removed when the next one is made.
pub(super) struct Private {
    path: PathBuf,
    _lock: File,
}

impl Private {
    /// Makes a folder in `parent` (made too if missing) whose name begins with `prefix`.
    pub(super) fn create(parent: &Path, prefix: &str) -> Result<Self, StoreError> {
        let doing = StoreError::io("making a private folder");
        DirBuilder::new().mode(0o700).recursive(true).create(parent).map_err(&doing)?;
        sweep(parent, prefix);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = parent.join(format!("{prefix}{}-{number}", std::process::id()));
        DirBuilder::new().mode(0o700).create(&path).map_err(&doing)?;
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(0o600);
        let lock = options.open(path.join("lock")).map_err(&doing)?;
        lock.try_lock().map_err(|error| doing(error.into()))?;
        Ok(Self { path, _lock: lock })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Private {
    fn drop(&mut self) {
        // Nothing can be done about a failure here; the next one sweeps.
        let _ = fs::remove_dir_all(&self.path);
    }
}

fn sweep(parent: &Path, prefix: &str) {
    let Ok(entries) = fs::read_dir(parent) else {
        return;
    };
    for entry in entries.flatten() {
        if !entry.file_name().to_string_lossy().starts_with(prefix) {
            continue;
        }
        let lock = File::open(entry.path().join("lock"));
        // A lock that can be had belongs to nobody alive.
        if lock.is_ok_and(|l| l.try_lock().is_ok()) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// The folder of a running load.
pub(super) struct Staging {
    room: PathBuf,
    private: Private,
}

impl Staging {
    pub(super) fn create(room: &Path) -> Result<Self, StoreError> {
        let private = Private::create(room, ".load-")?;
        Ok(Self { room: room.to_owned(), private })
    }

    pub(super) fn database(&self) -> PathBuf {
        self.private.path().join("snapshot")
    }

    pub(super) fn spill(&self) -> PathBuf {
        self.private.path().join("spill")
    }
}

/// A complete, closed snapshot that nobody sees yet. Dropped without [`Staged::publish`], it is gone.
pub struct Staged {
    /// SHA-256 over all contents: persons, tables, draws, identities. Not keyed: key it before it is shown.
    pub digest: [u8; 32],
    /// Values that the catalogue moved, by table and column. Exact counts: for the operator's sealed report only.
    pub moved: BTreeMap<(String, String), Moved>,
    staging: Staging,
}

impl Staged {
    pub(super) fn new(staging: Staging, digest: [u8; 32], moved: BTreeMap<(String, String), Moved>) -> Self {
        Self { digest, moved, staging }
    }

    /// Makes the snapshot visible under `name` in the load's folder, durably and in one step, and gives its path.
    ///
    /// # Errors
    /// [`StoreError::BadName`]; [`StoreError::Exists`]: nothing is overwritten; [`StoreError::Io`].
    pub fn publish(self, name: &str) -> Result<PathBuf, StoreError> {
        let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
        if name.is_empty() || name.len() > 128 || name.starts_with('.') || !name.bytes().all(plain) {
            return Err(StoreError::BadName);
        }
        let target = self.staging.room.join(name);
        let database = self.staging.database();
        fs::set_permissions(&database, fs::Permissions::from_mode(0o600))
            .map_err(StoreError::io("protecting the snapshot"))?;
        sync(&database)?;
        // A hard link, unlike a rename, fails when the target is there: atomic and never an overwrite.
        fs::hard_link(&database, &target).map_err(|error| match error.kind() {
            std::io::ErrorKind::AlreadyExists => StoreError::Exists,
            kind => StoreError::Io { doing: "publishing the snapshot", kind },
        })?;
        fs::remove_file(&database).map_err(StoreError::io("publishing the snapshot"))?;
        sync(&self.staging.room)?;
        Ok(target)
    }
}

impl std::fmt::Debug for Staged {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Staged(..)")
    }
}

/// Makes a file's or folder's contents durable.
fn sync(path: &Path) -> Result<(), StoreError> {
    File::open(path).and_then(|f| f.sync_all()).map_err(StoreError::io("making the snapshot durable"))
}
