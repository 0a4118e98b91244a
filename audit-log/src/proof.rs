//! Receipts: the proof that an entry stands in the log, verifiable offline (c2sp.org/tlog-proof). Who holds a
//! [`Receipt`] holds a verified inclusion in a signed checkpoint; there is no other way to get one.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use crate::checkpoint::{Checkpoint, CheckpointError, parse_decimal, parse_hash};
use crate::digest::Hash;
use crate::event::{Entry, Event, EventError};
use crate::merkle::{ProofError, leaf_hash, verify_inclusion};
use crate::note::Verifier;

const HEADER: &str = "c2sp.org/tlog-proof@v1";
/// A path in a tree of 2^64 entries.
const MAX_HASHES: usize = 64;

/// Why a proof isn't accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReceiptError {
    /// The text isn't a tlog-proof.
    #[error("line {line} of the proof is not {expected}")]
    Line {
        /// Line, from 1.
        line: usize,
        /// What should stand there.
        expected: &'static str,
    },
    /// The checkpoint in it.
    #[error("the proof's checkpoint: {0}")]
    Checkpoint(#[from] CheckpointError),
    /// The entry isn't in the log.
    #[error("entry {index} is not proved: {source}")]
    Inclusion {
        /// Number of the entry that the proof names.
        index: u64,
        /// What doesn't fit.
        #[source]
        source: ProofError,
    },
    /// The entry isn't an event.
    #[error(transparent)]
    Event(#[from] EventError),
}

/// An entry that stands in the log, proved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    entry: Entry,
    checkpoint: Checkpoint,
    proof: Vec<Hash>,
}

impl Receipt {
    /// The only constructor: verifies.
    pub(crate) fn new(entry: &Entry, checkpoint: Checkpoint, proof: Vec<Hash>) -> Result<Self, ReceiptError> {
        let index = entry.index;
        let leaf = leaf_hash(&entry.bytes);
        verify_inclusion(&leaf, index, checkpoint.size(), &proof, checkpoint.root())
            .map_err(|source| ReceiptError::Inclusion { index, source })?;
        Ok(Self { entry: entry.clone(), checkpoint, proof })
    }

    /// Verifies a tlog-proof of `entry` with the log's key, offline. Extra data in it is ignored: nobody signed it.
    ///
    /// # Errors
    /// [`ReceiptError`] says what is wrong.
    pub fn verify(proof_text: &str, entry: &[u8], log: &Verifier) -> Result<Self, ReceiptError> {
        let bad = |line, expected| ReceiptError::Line { line, expected };
        let (head, note) =
            proof_text.split_once("\n\n").ok_or_else(|| bad(1, "followed by an empty line and a checkpoint"))?;
        let mut lines = (1..).zip(head.split('\n')).peekable();
        if lines.next().is_none_or(|(_, line)| line != HEADER) {
            return Err(bad(1, HEADER));
        }
        if let Some((number, extra)) = lines.next_if(|(_, line)| line.starts_with("extra ")) {
            let base64 = extra.strip_prefix("extra ").unwrap_or_default();
            if BASE64.decode(base64).is_err() {
                return Err(bad(number, "extra data in base64"));
            }
        }
        let index = lines
            .next()
            .and_then(|(_, line)| parse_decimal(line.strip_prefix("index ")?))
            .ok_or_else(|| bad(2, "an index"))?;
        let mut proof = Vec::new();
        for (number, line) in lines {
            proof.push(parse_hash(line).ok_or_else(|| bad(number, "a hash in base64"))?);
            if proof.len() > MAX_HASHES {
                return Err(bad(number, "the end of a path of at most 64 hashes"));
            }
        }
        let checkpoint = Checkpoint::open(note, log)?;
        Self::new(&Entry::read(index, entry)?, checkpoint, proof)
    }

    /// The proof as c2sp.org/tlog-proof text, to be stored as `*.tlog-proof` beside the entry's bytes.
    #[must_use]
    pub fn to_proof_text(&self) -> String {
        let mut text = format!("{HEADER}\nindex {}\n", self.entry.index);
        for hash in &self.proof {
            text.push_str(&BASE64.encode(hash));
            text.push('\n');
        }
        text.push('\n');
        text.push_str(self.checkpoint.note());
        text
    }

    /// The entry's bytes, as hashed.
    #[must_use]
    pub fn entry(&self) -> &[u8] {
        &self.entry.bytes
    }

    /// What happened.
    #[must_use]
    pub fn event(&self) -> &Event {
        &self.entry.event
    }

    /// When it was appended, RFC 3339, by the room's clock.
    #[must_use]
    pub fn time(&self) -> &str {
        &self.entry.time
    }

    /// Number of the entry in the log.
    #[must_use]
    pub fn index(&self) -> u64 {
        self.entry.index
    }

    /// The checkpoint that covers the entry.
    #[must_use]
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// The checkpoint's note, with cosignatures.
    #[must_use]
    pub fn checkpoint_note(&self) -> &str {
        self.checkpoint.note()
    }

    /// Name of the log.
    #[must_use]
    pub fn origin(&self) -> &str {
        self.checkpoint.origin()
    }

    /// How many of `who` cosigned the checkpoint; one public key counts once, whatever its names. Keys of either
    /// type may be given.
    #[must_use]
    pub fn cosigned_by(&self, who: &[Verifier]) -> usize {
        self.checkpoint.cosignatures(who).len()
    }
}
