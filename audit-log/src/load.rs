//! Reads and checks everything in a log's folder; both sides start here. The rule is total: every file must follow
//! from the entries, and the entries from a signature, or it is an error. What a crash may leave is named in
//! [`Loaded::pending`] and nothing else.

use std::collections::{BTreeMap, BTreeSet};

use crate::checkpoint::{Checkpoint, parse_decimal};
use crate::digest::{Hash, hex};
use crate::error::LogError;
use crate::event::Entry;
use crate::merkle::{CompactRange, Tree, leaf_hash};
use crate::note::Verifier;
use crate::proof::Receipt;
use crate::storage::{Storage, TEMP_DIR, failure};
use crate::tile::{Level, Tile, hash_tile, split_bundle, tiles};

/// File of the latest checkpoint.
pub(crate) const CHECKPOINT: &str = "checkpoint";
/// Folder of all earlier checkpoints, each named by its size, with their cosignatures.
const ARCHIVE_DIR: &str = "checkpoints/";
/// Folder of entries that are durable but not yet under a checkpoint: `<hash in hex>\n<entry>`.
const PENDING_DIR: &str = "pending/";

/// A log that was read and checked.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) checkpoint: Checkpoint,
    /// Earlier checkpoints by size.
    pub(crate) archive: BTreeMap<u64, Checkpoint>,
    /// Published entries, then pending ones.
    pub(crate) entries: Vec<Entry>,
    /// How many of `entries` are not under the checkpoint.
    pub(crate) pending: u64,
    /// Over `entries`.
    pub(crate) tree: Tree,
    /// All files that were seen.
    pub(crate) files: BTreeSet<String>,
}

pub(crate) fn archive_path(size: u64) -> String {
    format!("{ARCHIVE_DIR}{size}")
}

pub(crate) fn pending_path(index: u64) -> String {
    format!("{PENDING_DIR}{index}")
}

pub(crate) fn pending_bytes(entry: &[u8]) -> Vec<u8> {
    let mut bytes = hex(&leaf_hash(entry)).into_bytes();
    bytes.push(b'\n');
    bytes.extend_from_slice(entry);
    bytes
}

pub(crate) fn read(storage: &dyn Storage, file: &str) -> Result<Option<Vec<u8>>, LogError> {
    use std::io::ErrorKind::{FileTooLarge, InvalidData, IsADirectory};
    storage.read(file).map_err(|error| match error.kind() {
        FileTooLarge | InvalidData | IsADirectory => {
            LogError::Malformed { file: file.to_owned(), reason: "it is not a regular file of at most 32 MiB" }
        }
        _ => failure("read", file, error).into(),
    })
}

/// Reads one checkpoint file.
pub(crate) fn read_checkpoint(
    storage: &dyn Storage,
    file: &str,
    log: &Verifier,
) -> Result<Option<Checkpoint>, LogError> {
    let Some(bytes) = read(storage, file)? else {
        return Ok(None);
    };
    let note = String::from_utf8(bytes)
        .map_err(|_| LogError::Malformed { file: file.to_owned(), reason: "it is not UTF-8" })?;
    match Checkpoint::open(&note, log) {
        Ok(checkpoint) => Ok(Some(checkpoint)),
        Err(source) => Err(LogError::Checkpoint { file: file.to_owned(), source }),
    }
}

/// Earlier checkpoints by size.
pub(crate) fn read_archive(
    storage: &dyn Storage,
    files: &BTreeSet<String>,
    log: &Verifier,
) -> Result<BTreeMap<u64, Checkpoint>, LogError> {
    let mut archive = BTreeMap::new();
    for (file, name) in below(files, ARCHIVE_DIR) {
        let Some(size) = parse_decimal(name) else {
            return Err(LogError::Foreign { file: file.clone() });
        };
        // A file that vanished since it was listed is dealt with by reading again.
        let Some(checkpoint) = read_checkpoint(storage, file, log)? else {
            continue;
        };
        if checkpoint.size() != size {
            return Err(LogError::Malformed {
                file: file.clone(),
                reason: "its name is not the size of its checkpoint",
            });
        }
        archive.insert(size, checkpoint);
    }
    Ok(archive)
}

impl Loaded {
    pub(crate) fn load(storage: &dyn Storage, log: &Verifier) -> Result<Self, LogError> {
        let checkpoint = read_checkpoint(storage, CHECKPOINT, log)?.ok_or(LogError::NotALog)?;
        let files = list(storage)?;
        let archive = read_archive(storage, &files, log)?;
        if let Some((size, _)) = archive.last_key_value()
            && *size > checkpoint.size()
        {
            return Err(LogError::Beyond { file: archive_path(*size), size: checkpoint.size() });
        }
        let mut loaded = Self { checkpoint, archive, entries: Vec::new(), pending: 0, tree: Tree::new(), files };
        loaded.read_bundles(storage)?;
        loaded.read_pending(storage)?;
        for entry in &loaded.entries {
            loaded.tree.push(leaf_hash(&entry.bytes));
        }
        loaded.check_tiles(storage)?;
        loaded.check_roots()?;
        loaded.check_presence()?;
        Ok(loaded)
    }

    pub(crate) fn published(&self) -> u64 {
        self.checkpoint.size()
    }

    pub(crate) fn size(&self) -> u64 {
        self.published() + self.pending
    }

    /// The entry at an index that is under the latest checkpoint.
    fn published_entry(&self, index: u64) -> Result<&Entry, LogError> {
        let size = self.published();
        if index >= self.size() {
            let size = self.size();
            return Err(crate::merkle::ProofError::OutOfRange { index, size }.into());
        }
        usize::try_from(index)
            .ok()
            .filter(|_| index < size)
            .and_then(|index| self.entries.get(index))
            .ok_or(LogError::Unpublished { index, size })
    }

    /// The receipt of an entry under the latest checkpoint.
    pub(crate) fn receipt(&self, index: u64) -> Result<Receipt, LogError> {
        self.receipt_under(index, &self.checkpoint)
    }

    /// The receipt of an entry under the latest checkpoint that `needed` of `who` cosigned.
    pub(crate) fn receipt_cosigned(&self, index: u64, who: &[Verifier], needed: usize) -> Result<Receipt, LogError> {
        self.published_entry(index)?;
        let mut best = 0;
        let archived = self.archive.range(index.saturating_add(1)..);
        for checkpoint in std::iter::once(&self.checkpoint).chain(archived.rev().map(|(_, checkpoint)| checkpoint)) {
            let found = checkpoint.cosignatures(who).len();
            if found >= needed {
                return self.receipt_under(index, checkpoint);
            }
            best = best.max(found);
        }
        Err(LogError::Cosignatures { index, needed, found: best })
    }

    fn receipt_under(&self, index: u64, checkpoint: &Checkpoint) -> Result<Receipt, LogError> {
        let entry = self.published_entry(index)?;
        let proof = self.tree.inclusion(index, checkpoint.size())?;
        Receipt::new(entry, checkpoint.clone(), proof).map_err(|_| LogError::Root {
            file: CHECKPOINT.to_owned(),
            size: checkpoint.size(),
            since: 0,
        })
    }

    fn read_bundles(&mut self, storage: &dyn Storage) -> Result<(), LogError> {
        let size = self.published();
        for tile in tiles(0, size).take_while(|tile| tile.level == Level::Entries) {
            let (file, bytes) = match read(storage, &tile.path())? {
                Some(bytes) => (tile.path(), bytes),
                // After a crash the full tile may have replaced the partial one.
                None => match read(storage, &tile.full().path())? {
                    Some(bytes) => (tile.full().path(), bytes),
                    None => {
                        let file = tile.path();
                        return Err(LogError::Missing { file, size });
                    }
                },
            };
            let bundle = split_bundle(&bytes).filter(|b| b.len() >= usize::from(tile.width));
            let Some(bundle) = bundle else {
                return Err(LogError::Malformed {
                    file,
                    reason: "it is not the sequence of entries that its name says",
                });
            };
            for bytes in bundle.iter().take(usize::from(tile.width)) {
                self.push(&file, bytes)?;
            }
        }
        Ok(())
    }

    fn push(&mut self, file: &str, bytes: &[u8]) -> Result<(), LogError> {
        let index = self.entries.len() as u64;
        let entry =
            Entry::read(index, bytes).map_err(|source| LogError::Entry { file: file.to_owned(), index, source })?;
        self.entries.push(entry);
        Ok(())
    }

    fn read_pending(&mut self, storage: &dyn Storage) -> Result<(), LogError> {
        let mut waiting = BTreeMap::new();
        for (file, name) in below(&self.files, PENDING_DIR) {
            let index = parse_decimal(name).ok_or(LogError::Foreign { file: file.clone() })?;
            waiting.insert(index, file.clone());
        }
        for (index, file) in waiting {
            let Some(bytes) = read(storage, &file)? else {
                continue;
            };
            let entry = bytes.get(65..).unwrap_or_default();
            if pending_bytes(entry) != bytes {
                return Err(LogError::Malformed { file, reason: "its hash is not that of its entry" });
            }
            let next = self.entries.len() as u64;
            match usize::try_from(index).ok().and_then(|at| self.entries.get(at)) {
                // Left over: the checkpoint was published, the file not yet removed.
                Some(published) if published.bytes == entry => {}
                Some(_) => return Err(LogError::Mismatch { file, index }),
                None if index == next => {
                    let entry = entry.to_vec();
                    self.push(&file, &entry)?;
                    self.pending += 1;
                }
                None => return Err(LogError::Beyond { file, size: next }),
            }
        }
        Ok(())
    }

    /// Every file below `tile/` must follow from the entries.
    fn check_tiles(&self, storage: &dyn Storage) -> Result<(), LogError> {
        let size = self.size();
        for file in below(&self.files, "tile/").map(|(file, _)| file) {
            let tile = Tile::parse(file).ok_or(LogError::Foreign { file: file.clone() })?;
            if tile.end().is_none_or(|end| end > Tile::items(tile.level, size)) {
                return Err(LogError::Beyond { file: file.clone(), size });
            }
            let Some(found) = read(storage, file)? else {
                continue;
            };
            match tile.level {
                Level::Entries => self.check_bundle(file, &tile, &found)?,
                Level::Hashes(level) => self.check_hashes(file, level, &tile, &found)?,
            }
        }
        Ok(())
    }

    fn check_bundle(&self, file: &str, tile: &Tile, found: &[u8]) -> Result<(), LogError> {
        let bundle = split_bundle(found).filter(|b| b.len() == usize::from(tile.width));
        let Some(bundle) = bundle else {
            return Err(LogError::Malformed {
                file: file.to_owned(),
                reason: "it is not the sequence of entries that its name says",
            });
        };
        let first = tile.first().unwrap_or(0);
        for (index, bytes) in (first..).zip(bundle) {
            let entry = usize::try_from(index).ok().and_then(|at| self.entries.get(at));
            if entry.is_none_or(|entry| entry.bytes != bytes) {
                let file = file.to_owned();
                return Err(LogError::Mismatch { file, index });
            }
        }
        Ok(())
    }

    fn check_hashes(&self, file: &str, level: u8, tile: &Tile, found: &[u8]) -> Result<(), LogError> {
        let expected = hash_tile(&self.tree, level, tile).unwrap_or_default();
        if found.len() != expected.len() {
            return Err(LogError::Malformed {
                file: file.to_owned(),
                reason: "it is not as many hashes as its name says",
            });
        }
        let (found, _) = found.as_chunks::<{ size_of::<Hash>() }>();
        let (expected, _) = expected.as_chunks::<{ size_of::<Hash>() }>();
        let differs = found.iter().zip(expected).position(|(a, b)| a != b);
        match differs {
            None => Ok(()),
            Some(at) => {
                let item = tile.first().unwrap_or(0).saturating_add(at as u64);
                let index = item.checked_shl(8 * u32::from(level)).unwrap_or(item);
                let file = file.to_owned();
                Err(LogError::Mismatch { file, index })
            }
        }
    }

    /// Every checkpoint's root must be that of its entries; earlier ones first, so that the error brackets the
    /// change.
    fn check_roots(&self) -> Result<(), LogError> {
        let mut range = CompactRange::new();
        let mut entries = self.entries.iter();
        let mut since = 0;
        let archived = self.archive.values().map(|c| (archive_path(c.size()), c));
        let latest = (CHECKPOINT.to_owned(), &self.checkpoint);
        for (file, checkpoint) in archived.chain(std::iter::once(latest)) {
            let size = checkpoint.size();
            while range.size() < size {
                let Some(entry) = entries.next() else {
                    return Err(LogError::Beyond { file, size: range.size() });
                };
                range.push(leaf_hash(&entry.bytes));
            }
            if range.root() != *checkpoint.root() {
                return Err(LogError::Root { file, size, since });
            }
            since = size;
        }
        Ok(())
    }

    /// Every tile of every checkpoint must be there, or the full tile that took its place.
    fn check_presence(&self) -> Result<(), LogError> {
        let sizes = self.archive.keys().copied();
        let mut previous = 0;
        for size in sizes.chain(std::iter::once(self.published())) {
            for tile in tiles(previous, size) {
                let there = |tile: Tile| self.files.contains(&tile.path());
                // A full tile is its own full tile.
                if !there(tile) && !there(tile.full()) {
                    let file = tile.path();
                    return Err(LogError::Missing { file, size });
                }
            }
            previous = size;
        }
        Ok(())
    }
}

pub(crate) fn list(storage: &dyn Storage) -> Result<BTreeSet<String>, LogError> {
    let files = storage.list().map_err(|e| failure("list", "", e))?;
    let temp = format!("{TEMP_DIR}/");
    Ok(files.into_iter().filter(|f| !f.starts_with(&temp)).collect())
}

/// Files of a folder, with their names in it.
fn below<'a>(files: &'a BTreeSet<String>, dir: &'a str) -> impl Iterator<Item = (&'a String, &'a str)> {
    files.iter().filter_map(move |file| Some((file, file.strip_prefix(dir)?)))
}
