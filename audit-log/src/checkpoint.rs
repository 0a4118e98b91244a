//! Checkpoints (c2sp.org/tlog-checkpoint): origin, size and root in a signed note. A [`Checkpoint`] is always one
//! whose signature was verified. It doesn't know whether the root fits any entries.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use crate::cosign::{Cosignature, cosignatures};
use crate::digest::Hash;
use crate::note::{self, NoteError, Signer, Verifier};

/// Why a checkpoint isn't accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// The note or its signature.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// The text isn't origin, size and root.
    #[error("line {line} of the checkpoint is not {expected}")]
    Line {
        /// Line of the note, from 1.
        line: usize,
        /// What should stand there.
        expected: &'static str,
    },
    /// Origin and key name differ.
    #[error("the checkpoint is of log '{found}', the key of log '{expected}'")]
    Origin {
        /// Origin in the checkpoint.
        found: String,
        /// Name of the log's key.
        expected: String,
    },
}

/// A signed tree head, verified. Origin and name of the log's key are the same, so that a verifier key names the
/// log as well as its signer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    note: String,
    text: String,
    size: u64,
    root: Hash,
    log: Verifier,
}

impl Checkpoint {
    /// Verifies a checkpoint note with the log's key.
    ///
    /// # Errors
    /// [`CheckpointError`] says which line or signature is wrong.
    pub fn open(note: &str, log: &Verifier) -> Result<Self, CheckpointError> {
        let opened = note::open(note, std::slice::from_ref(log))?;
        let (origin, size, root) = parse_text(&opened.text)?;
        if origin != log.name() {
            return Err(CheckpointError::Origin { found: origin.to_owned(), expected: log.name().to_owned() });
        }
        Ok(Self { note: note.to_owned(), size, root, log: log.clone(), text: opened.text })
    }

    /// Signs a tree head; the origin is the signer's name.
    pub(crate) fn sign(size: u64, root: &Hash, signer: &Signer) -> Result<Self, CheckpointError> {
        let text = format!("{}\n{size}\n{}\n", signer.name(), BASE64.encode(root));
        let note = signer.sign(&text)?;
        Self::open(&note, &signer.verifier())
    }

    /// The note as stored, cosignature lines included.
    #[must_use]
    pub fn note(&self) -> &str {
        &self.note
    }

    /// The signed text: what cosigners sign as well.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Name of the log.
    #[must_use]
    pub fn origin(&self) -> &str {
        self.log.name()
    }

    /// Entries in the log.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Root of the tree over the entries.
    #[must_use]
    pub fn root(&self) -> &Hash {
        &self.root
    }

    /// The key that signed.
    #[must_use]
    pub fn log(&self) -> &Verifier {
        &self.log
    }

    /// Which of `who` cosigned this checkpoint, and when: each key once, its latest cosignature. Lines that don't
    /// verify don't count.
    #[must_use]
    pub fn cosignatures(&self, who: &[Verifier]) -> Vec<Cosignature> {
        cosignatures(&self.note, who)
    }

    /// The same checkpoint with other signature lines.
    pub(crate) fn with_note(&self, note: String) -> Result<Self, CheckpointError> {
        Self::open(&note, &self.log)
    }
}

fn parse_text(text: &str) -> Result<(&str, u64, Hash), CheckpointError> {
    let bad = |line, expected| CheckpointError::Line { line, expected };
    let mut lines = text.strip_suffix('\n').unwrap_or(text).split('\n');
    let origin = lines.next().filter(|origin| !origin.is_empty()).ok_or_else(|| bad(1, "an origin"))?;
    let size = lines.next().and_then(parse_decimal).ok_or_else(|| bad(2, "a size in decimal"))?;
    let root = lines.next().and_then(parse_hash).ok_or_else(|| bad(3, "a root of 32 bytes in base64"))?;
    for (number, line) in lines.enumerate() {
        if line.is_empty() {
            return Err(bad(number + 4, "a non-empty extension line"));
        }
    }
    Ok((origin, size, root))
}

/// ASCII decimal without sign or leading zeroes.
pub(crate) fn parse_decimal(text: &str) -> Option<u64> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit());
    if !plain || (text.len() > 1 && text.starts_with('0')) {
        return None;
    }
    text.parse().ok()
}

/// 32 bytes in base64.
pub(crate) fn parse_hash(text: &str) -> Option<Hash> {
    BASE64.decode(text).ok()?.try_into().ok()
}
