//! What can be wrong with a log, and where.

use crate::checkpoint::CheckpointError;
use crate::cosign::CosignError;
use crate::event::EventError;
use crate::merkle::ProofError;
use crate::note::NoteError;
use crate::storage::StorageError;

/// Why a log can't be opened, read, proved or written. Names files and indices, never content of entries.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LogError {
    /// The disk failed, or another process holds the lock.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// Another process appends.
    #[error("the log is in use by another process; try again when it has finished")]
    Busy,
    /// There is already something in the folder.
    #[error("the folder already holds '{file}'; a log needs a new folder")]
    Exists {
        /// A file in the folder.
        file: String,
    },
    /// There is no checkpoint.
    #[error("the folder holds no log: there is no file 'checkpoint'")]
    NotALog,
    /// A checkpoint's form or signature is wrong.
    #[error("file '{file}': {source}")]
    Checkpoint {
        /// Which file.
        file: String,
        /// What is wrong.
        #[source]
        source: CheckpointError,
    },
    /// A file that the checkpoint needs is missing.
    #[error("file '{file}' is missing: a log of {size} entries has it")]
    Missing {
        /// Which file.
        file: String,
        /// Entries of the checkpoint that needs it.
        size: u64,
    },
    /// A file's bytes have not its form.
    #[error("file '{file}' is malformed: {reason}")]
    Malformed {
        /// Which file.
        file: String,
        /// What is wrong.
        reason: &'static str,
    },
    /// An entry isn't an event.
    #[error("file '{file}', entry {index}: {source}")]
    Entry {
        /// Which file.
        file: String,
        /// Number of the entry in the log.
        index: u64,
        /// What is wrong.
        #[source]
        source: EventError,
    },
    /// An entry or a hash isn't what the tree says.
    #[error("file '{file}' disagrees with the entries: it was changed at or below entry {index}")]
    Mismatch {
        /// Which file.
        file: String,
        /// First entry that the differing item covers.
        index: u64,
    },
    /// Entries and checkpoint don't belong together.
    #[error(
        "file '{file}': its root is not that of the first {size} entries; an entry from {since} on was changed, added or removed"
    )]
    Root {
        /// File of the checkpoint.
        file: String,
        /// Its size.
        size: u64,
        /// Size of the last checkpoint that fits, 0 if none.
        since: u64,
    },
    /// Something stands beyond the checkpoint that no crash could have left there.
    #[error("file '{file}' reaches beyond the log's {size} entries: the checkpoint was rolled back or the file added")]
    Beyond {
        /// Which file.
        file: String,
        /// Entries that are accounted for.
        size: u64,
    },
    /// A file that doesn't belong into a log.
    #[error("file '{file}' does not belong into a log")]
    Foreign {
        /// Which file.
        file: String,
    },
    /// An event can't be appended.
    #[error(transparent)]
    Event(#[from] EventError),
    /// The origin isn't the signer's name.
    #[error("the log's origin '{origin}' must be the name of its key, which is '{key}'")]
    Origin {
        /// Origin asked for.
        origin: String,
        /// Name of the key.
        key: String,
    },
    /// The name can't be an origin.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// The proof asked for doesn't exist.
    #[error(transparent)]
    Proof(#[from] ProofError),
    /// The entry stands in the log, but under no checkpoint yet.
    #[error("entry {index} is not yet under a checkpoint ({size} entries are)")]
    Unpublished {
        /// Number of the entry.
        index: u64,
        /// Entries under the latest checkpoint.
        size: u64,
    },
    /// No checkpoint over the entry has enough cosignatures.
    #[error("entry {index} is under no checkpoint with {needed} of the demanded cosignatures; the best has {found}")]
    Cosignatures {
        /// Number of the entry.
        index: u64,
        /// Cosignatures demanded.
        needed: usize,
        /// Most that a checkpoint over the entry has.
        found: usize,
    },
    /// A cosignature line isn't accepted.
    #[error(transparent)]
    Cosign(#[from] CosignError),
}

impl LogError {
    /// Whether the log itself is wrong (exit code 3), as opposed to a disk, a lock or a question that can't be
    /// answered.
    #[must_use]
    pub fn is_integrity(&self) -> bool {
        match self {
            Self::Checkpoint { .. }
            | Self::Missing { .. }
            | Self::Malformed { .. }
            | Self::Entry { .. }
            | Self::Mismatch { .. }
            | Self::Root { .. }
            | Self::Beyond { .. }
            | Self::Foreign { .. } => true,
            Self::Cosign(error) => {
                matches!(error, CosignError::Rollback { .. } | CosignError::Fork { .. })
            }
            _ => false,
        }
    }
}
