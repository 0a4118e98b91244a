//! The append side of a log: the only writer of its folder.
//!
//! Order of writes, each durable before the next: an entry as `pending/<index>`; at a checkpoint the tiles, the
//! previous checkpoint into `checkpoints/`, then `checkpoint`. A crash in between loses nothing that was promised:
//! entries are durable when [`Log::append`] returns, a signed checkpoint is published when it stands under its name.

use crate::checkpoint::Checkpoint;
use crate::cosign::{CosignError, merge};
use crate::error::LogError;
use crate::event::{Entry, Event, EventError};
use crate::load::{CHECKPOINT, Loaded, archive_path, list, pending_bytes, pending_path, read_archive, read_checkpoint};
use crate::merkle::leaf_hash;
use crate::note::{Signer, Verifier, parse_line};
use crate::proof::Receipt;
use crate::storage::{Durable, Storage, StorageError, failure};
use crate::tile::{FULL, Level, Tile, bundle, hash_tile, tiles};

/// A log open for appending. Holds the folder's lock until dropped; a killed process frees it.
///
/// After an error of the disk every further write is refused; open the log again.
pub struct Log {
    disk: Durable,
    signer: Signer,
    state: Loaded,
}

impl Log {
    /// Makes a log of no entries, with a signed checkpoint that says so.
    ///
    /// # Errors
    /// [`LogError::Origin`] unless `origin` is the signer's name; [`LogError::Exists`] if the folder isn't empty;
    /// [`LogError::Busy`]; [`LogError::Storage`].
    pub fn create(storage: impl Storage + 'static, origin: &str, signer: Signer) -> Result<Self, LogError> {
        if origin != signer.name() {
            return Err(LogError::Origin { origin: origin.to_owned(), key: signer.name().to_owned() });
        }
        let mut storage = storage;
        storage.make_dir("").map_err(|e| failure("make folder", "", e))?;
        let mut disk = lock(storage)?;
        let files = list(disk.storage())?;
        if let Some(file) = files.iter().find(|file| *file != "lock") {
            return Err(LogError::Exists { file: file.clone() });
        }
        disk.settle(files.iter().map(String::as_str))?;
        let checkpoint = sign(0, &crate::merkle::empty_root(), &signer)?;
        disk.put(CHECKPOINT, checkpoint.note().as_bytes())?;
        let state = Loaded::load(disk.storage(), &signer.verifier())?;
        Ok(Self { disk, signer, state })
    }

    /// Opens a log after checking all of it. Entries that a crash left without checkpoint belong to it again.
    ///
    /// # Errors
    /// [`LogError`]; anything but unfinished writes beyond the checkpoint is an error.
    pub fn open(storage: impl Storage + 'static, signer: Signer) -> Result<Self, LogError> {
        let mut disk = lock(storage)?;
        let state = Loaded::load(disk.storage(), &signer.verifier())?;
        disk.settle(state.files.iter().map(String::as_str))?;
        let mut log = Self { disk, signer, state };
        log.sweep()?;
        Ok(log)
    }

    /// Appends an event; when this returns, the entry is durable, though not yet under a checkpoint.
    ///
    /// # Errors
    /// [`LogError::Event`] if form, time, size or reference are wrong; [`LogError::Storage`].
    pub fn append(&mut self, event: &Event, now: &str) -> Result<u64, LogError> {
        let index = self.size();
        if let Some((field, at, expected)) = event.refers_to() {
            let entry = usize::try_from(at).ok().and_then(|at| self.entries().get(at));
            if entry.is_none_or(|entry| entry.event.name() != expected) {
                return Err(EventError::Reference { field, index: at, expected }.into());
            }
        }
        let entry = Entry::new(index, event, now)?;
        self.disk.put(&pending_path(index), &pending_bytes(&entry.bytes))?;
        self.state.tree.push(leaf_hash(&entry.bytes));
        self.state.entries.push(entry);
        self.state.pending += 1;
        Ok(index)
    }

    /// Publishes everything appended: tiles, then a signed checkpoint, all durable when this returns. Without new
    /// entries it returns the checkpoint that is there, with its cosignatures.
    ///
    /// # Errors
    /// [`LogError::Storage`].
    pub fn checkpoint(&mut self) -> Result<Checkpoint, LogError> {
        let (old, size) = (self.state.published(), self.size());
        if old == size {
            return Ok(self.state.checkpoint.clone());
        }
        for tile in tiles(old, size) {
            let bytes = self
                .tile_bytes(&tile)
                .ok_or(LogError::Malformed { file: tile.path(), reason: "the tree in memory does not reach it" })?;
            self.disk.put(&tile.path(), &bytes)?;
            self.state.files.insert(tile.path());
        }
        if old > 0 {
            // With the cosignatures that came meanwhile.
            let file = archive_path(old);
            let previous = &self.state.checkpoint;
            self.disk.put(&file, previous.note().as_bytes())?;
            self.state.archive.insert(old, previous.clone());
            self.state.files.insert(file);
        }
        let root = self.state.tree.root_at(size)?;
        let checkpoint = sign(size, &root, &self.signer)?;
        self.disk.put(CHECKPOINT, checkpoint.note().as_bytes())?;
        self.state.checkpoint = checkpoint.clone();
        self.state.pending = 0;
        for index in old..size {
            self.state.files.insert(pending_path(index));
        }
        self.sweep()?;
        Ok(checkpoint)
    }

    /// The latest checkpoint.
    #[must_use]
    pub fn latest(&self) -> &Checkpoint {
        &self.state.checkpoint
    }

    /// All entries, those not yet under a checkpoint included.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.state.entries
    }

    /// Number of entries, those not yet under a checkpoint included: the index of the next.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.state.size()
    }

    /// The log's public key.
    #[must_use]
    pub fn verifier(&self) -> Verifier {
        self.signer.verifier()
    }

    /// The receipt of an entry under the latest checkpoint.
    ///
    /// # Errors
    /// [`LogError::Unpublished`] if [`Log::checkpoint`] has to be called first; [`LogError::Proof`] if there is no
    /// such entry.
    pub fn receipt(&self, index: u64) -> Result<Receipt, LogError> {
        self.state.receipt(index)
    }

    /// The receipt of an entry under the latest checkpoint that at least `needed` of `who` cosigned.
    ///
    /// # Errors
    /// [`LogError::Cosignatures`] if there is none; otherwise as [`Log::receipt`].
    pub fn receipt_cosigned(&self, index: u64, who: &[Verifier], needed: usize) -> Result<Receipt, LogError> {
        self.state.receipt_cosigned(index, who, needed)
    }

    /// Stores a steward's cosignature line with the checkpoint it signs, the latest or an earlier one, and returns
    /// that checkpoint.
    ///
    /// # Errors
    /// [`CosignError::Unknown`] unless the line is a valid cosignature of one of `who` under a checkpoint kept here.
    pub fn add_cosignature(&mut self, line: &str, who: &[Verifier]) -> Result<Checkpoint, LogError> {
        let merged = merge_line(&mut self.disk, &self.state.checkpoint, &self.state.archive, line, who)?;
        if merged.size() == self.state.published() {
            self.state.checkpoint = merged.clone();
        } else {
            self.state.archive.insert(merged.size(), merged.clone());
        }
        Ok(merged)
    }

    fn tile_bytes(&self, tile: &Tile) -> Option<Vec<u8>> {
        match tile.level {
            Level::Hashes(level) => hash_tile(&self.state.tree, level, tile),
            Level::Entries => {
                let first = usize::try_from(tile.first()?).ok()?;
                let end = usize::try_from(tile.end()?).ok()?;
                bundle(self.state.entries.get(first..end)?)
            }
        }
    }

    /// Removes what is no longer needed: pending files that are published, partial tiles that became full.
    fn sweep(&mut self) -> Result<(), LogError> {
        let published = self.state.published();
        let superseded = |file: &str| {
            if let Some(index) = file.strip_prefix("pending/") {
                return index.parse::<u64>().is_ok_and(|index| index < published);
            }
            Tile::parse(file).is_some_and(|tile| {
                let full = tile.full();
                // A full tile beyond the checkpoint may be needed by none.
                let kept = full.end().is_some_and(|end| end <= Tile::items(tile.level, published));
                tile.width < FULL && kept && self.state.files.contains(&full.path())
            })
        };
        let old: Vec<String> = self.state.files.iter().filter(|file| superseded(file)).cloned().collect();
        for file in old {
            self.disk.remove(&file)?;
            self.state.files.remove(&file);
        }
        Ok(())
    }
}

impl std::fmt::Debug for Log {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Log")
            .field("origin", &self.signer.name())
            .field("size", &self.size())
            .field("published", &self.state.published())
            .finish_non_exhaustive()
    }
}

/// Stores a cosignature line in a log whose private key isn't at hand; see [`Log::add_cosignature`].
///
/// # Errors
/// As [`Log::add_cosignature`]; [`LogError::Busy`] while a [`Log`] is open.
pub fn add_cosignature(
    storage: impl Storage + 'static,
    log: &Verifier,
    line: &str,
    who: &[Verifier],
) -> Result<Checkpoint, LogError> {
    let mut disk = lock(storage)?;
    let files = list(disk.storage())?;
    let latest = read_checkpoint(disk.storage(), CHECKPOINT, log)?.ok_or(LogError::NotALog)?;
    let archive = read_archive(disk.storage(), &files, log)?;
    disk.settle(files.iter().map(String::as_str))?;
    merge_line(&mut disk, &latest, &archive, line, who)
}

fn merge_line(
    disk: &mut Durable,
    latest: &Checkpoint,
    archive: &std::collections::BTreeMap<u64, Checkpoint>,
    line: &str,
    who: &[Verifier],
) -> Result<Checkpoint, LogError> {
    let line = parse_line(line.trim_end_matches('\n')).map_err(CosignError::Line)?;
    for checkpoint in std::iter::once(latest).chain(archive.values().rev()) {
        let file =
            if checkpoint.size() == latest.size() { CHECKPOINT.to_owned() } else { archive_path(checkpoint.size()) };
        let merged =
            merge(checkpoint, &line, who).map_err(|source| LogError::Checkpoint { file: file.clone(), source })?;
        if let Some(merged) = merged {
            if merged != *checkpoint {
                disk.put(&file, merged.note().as_bytes())?;
            }
            return Ok(merged);
        }
    }
    Err(CosignError::Unknown { name: line.name }.into())
}

fn lock(storage: impl Storage + 'static) -> Result<Durable, LogError> {
    Durable::lock(Box::new(storage)).map_err(|error| match error {
        StorageError { source, .. } if source.kind() == std::io::ErrorKind::WouldBlock => LogError::Busy,
        StorageError { source, .. } if source.kind() == std::io::ErrorKind::NotFound => LogError::NotALog,
        other => other.into(),
    })
}

fn sign(size: u64, root: &crate::digest::Hash, signer: &Signer) -> Result<Checkpoint, LogError> {
    Checkpoint::sign(size, root, signer).map_err(|source| LogError::Checkpoint { file: CHECKPOINT.to_owned(), source })
}
