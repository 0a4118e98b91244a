//! The read side of a log: a folder, or somebody's copy of it, that was verified as a whole. Needs the log's public
//! key and no lock; a log that is being written to may be viewed.

use std::collections::BTreeMap;
use std::path::Path;

use crate::checkpoint::Checkpoint;
use crate::cosign::Cosignature;
use crate::digest::Hash;
use crate::error::LogError;
use crate::event::Entry;
use crate::load::{CHECKPOINT, Loaded, read};
use crate::merkle::ProofError;
use crate::note::Verifier;
use crate::proof::Receipt;
use crate::storage::{Posix, Storage};

/// How often a log that grows under the reader's eyes is read again.
const ATTEMPTS: usize = 16;

/// A verified log up to its checkpoint.
#[derive(Debug)]
pub struct View {
    state: Loaded,
}

impl View {
    /// Verifies the log in a folder: the signature, every earlier checkpoint, every entry, the root over the
    /// entries, every tile, and that nothing stands beyond the checkpoint except what a crash leaves.
    ///
    /// # Errors
    /// The first thing that is wrong, with file and index; [`LogError::is_integrity`] tells evidence from mishaps.
    /// [`LogError::Busy`] if a writer never paused.
    pub fn open(dir: impl AsRef<Path>, log: &Verifier) -> Result<Self, LogError> {
        Self::load(&Posix::new(dir.as_ref()), log)
    }

    /// [`View::open`] on any storage.
    ///
    /// # Errors
    /// As [`View::open`].
    pub fn load(storage: &dyn Storage, log: &Verifier) -> Result<Self, LogError> {
        let mut attempt = 1;
        loop {
            let before = (read(storage, CHECKPOINT)?, storage.list().ok());
            let error = match Loaded::load(storage, log) {
                Ok(mut state) => {
                    // What is not published is nobody else's business.
                    let published = state.published();
                    state.entries.retain(|entry| entry.index < published);
                    state.pending = 0;
                    return Ok(Self { state });
                }
                Err(error) => error,
            };
            // A writer may have been at work; if so, what was read is no single state.
            let after = (read(storage, CHECKPOINT)?, storage.list().ok());
            if after == before {
                return Err(error);
            }
            if attempt == ATTEMPTS {
                return Err(LogError::Busy);
            }
            attempt += 1;
        }
    }

    /// The latest checkpoint.
    #[must_use]
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.state.checkpoint
    }

    /// Earlier checkpoints that are kept, by size, with their cosignatures.
    #[must_use]
    pub fn earlier(&self) -> &BTreeMap<u64, Checkpoint> {
        &self.state.archive
    }

    /// Number of entries.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.state.published()
    }

    /// All entries under the checkpoint, in order.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.state.entries
    }

    /// The receipt of an entry under the latest checkpoint.
    ///
    /// # Errors
    /// [`LogError::Proof`] if there is no such entry.
    pub fn prove(&self, index: u64) -> Result<Receipt, LogError> {
        self.state.receipt(index)
    }

    /// The receipt of an entry under the latest checkpoint that at least `needed` of `who` cosigned.
    ///
    /// # Errors
    /// [`LogError::Cosignatures`] if there is none; [`LogError::Proof`] if there is no such entry.
    pub fn prove_cosigned(&self, index: u64, who: &[Verifier], needed: usize) -> Result<Receipt, LogError> {
        self.state.receipt_cosigned(index, who, needed)
    }

    /// The proof that the first `old_size` entries are the beginning of the first `new_size`.
    ///
    /// # Errors
    /// [`LogError::Proof`] unless 0 < `old_size` ≤ `new_size` ≤ size.
    pub fn consistency(&self, old_size: u64, new_size: u64) -> Result<Vec<Hash>, LogError> {
        Ok(self.prove_consistency(old_size, new_size)?)
    }

    pub(crate) fn prove_consistency(&self, old: u64, new: u64) -> Result<Vec<Hash>, ProofError> {
        if new > self.size() {
            return Err(ProofError::Sizes { old, new });
        }
        self.state.tree.consistency(old, new)
    }

    /// Which of `who` cosigned the latest checkpoint, and when.
    #[must_use]
    pub fn cosignatures(&self, who: &[Verifier]) -> Vec<Cosignature> {
        self.state.checkpoint.cosignatures(who)
    }
}
