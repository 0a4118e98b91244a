//! Cosignatures (c2sp.org/tlog-cosignature, Ed25519, type 0x04): a steward's statement, with a time, that this
//! checkpoint is consistent with all it saw before. The steward's own machine remembers what it saw; that is the
//! only defence against a log key that shows two histories.

use crate::checkpoint::{Checkpoint, CheckpointError};
use crate::merkle::{ProofError, verify_consistency};
use crate::note::{self, COSIGNATURE_HEADER, NoteError, Signature, Signer, Verifier};
use crate::view::View;

/// Why a checkpoint is not cosigned, or a cosignature line not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CosignError {
    /// The remembered checkpoint doesn't verify with this log's key.
    #[error("the checkpoint seen last is not one of this log: {0}")]
    LastSeen(#[source] CheckpointError),
    /// The log is shorter than it was.
    #[error("rollback: the log shows {shown} entries, {seen} were seen before; keep both checkpoints as evidence")]
    Rollback {
        /// Entries seen before.
        seen: u64,
        /// Entries shown now.
        shown: u64,
    },
    /// The log's first entries aren't those seen before.
    #[error("fork: the first {seen} entries are not those seen before; keep both checkpoints as evidence")]
    Fork {
        /// Entries seen before.
        seen: u64,
    },
    /// The proof couldn't be made.
    #[error(transparent)]
    Proof(#[from] ProofError),
    /// The time can't be written.
    #[error("a cosignature's time is at most 2^63 - 1 seconds after 1970")]
    Time,
    /// The line doesn't parse.
    #[error(transparent)]
    Line(#[from] NoteError),
    /// The line isn't a cosignature of a given cosigner under a checkpoint of this log.
    #[error("the line of '{name}' is no cosignature of a known cosigner under a checkpoint kept here")]
    Unknown {
        /// Name in the line.
        name: String,
    },
}

/// A verified cosignature.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Cosignature {
    /// Who cosigned, as a type 0x04 key.
    pub cosigner: Verifier,
    /// Seconds since 1970 (POSIX).
    pub time: u64,
}

/// Cosigns the checkpoint of a verified log and returns the signature line, without newline, to be given back to
/// the room. The caller must then remember `view.checkpoint().note()` as `last_seen` of the next time.
///
/// # Errors
/// [`CosignError::Rollback`] and [`CosignError::Fork`] are evidence against the log; the others are mistakes.
pub fn cosign(view: &View, last_seen: Option<&str>, signer: &Signer, unix_time: u64) -> Result<String, CosignError> {
    let now = view.checkpoint();
    if let Some(note) = last_seen {
        let seen = Checkpoint::open(note, now.log()).map_err(CosignError::LastSeen)?;
        if seen.size() > now.size() {
            return Err(CosignError::Rollback { seen: seen.size(), shown: now.size() });
        }
        // Nothing can contradict an empty log.
        if seen.size() > 0 {
            let proof = view.prove_consistency(seen.size(), now.size())?;
            verify_consistency(seen.size(), seen.root(), now.size(), now.root(), &proof)
                .map_err(|_| CosignError::Fork { seen: seen.size() })?;
        }
    }
    let line = line(now.text(), signer, unix_time)?;
    Ok(line.trim_end_matches('\n').to_owned())
}

/// The cosignature line, with newline, under a checkpoint's text.
fn line(text: &str, signer: &Signer, time: u64) -> Result<String, CosignError> {
    if i64::try_from(time).is_err() {
        return Err(CosignError::Time);
    }
    let mut bytes = time.to_be_bytes().to_vec();
    bytes.extend(signer.sign_message(&message(text, time)));
    Ok(note::line(&signer.verifier().cosigner(), &bytes))
}

fn message(text: &str, time: u64) -> Vec<u8> {
    format!("{COSIGNATURE_HEADER}time {time}\n{text}").into_bytes()
}

/// Time of a cosignature (`u64` time ‖ signature) if it verifies under `text`.
pub(crate) fn time_of(cosigner: &Verifier, text: &str, bytes: &[u8]) -> Option<u64> {
    let (time, signature) = bytes.split_first_chunk::<8>()?;
    let time = u64::from_be_bytes(*time);
    let fits = i64::try_from(time).is_ok();
    (fits && cosigner.verifies_message(&message(text, time), signature)).then_some(time)
}

/// The cosignatures of `who` in a note: each public key once, its latest.
pub(crate) fn cosignatures(note: &str, who: &[Verifier]) -> Vec<Cosignature> {
    let Ok(parsed) = note::parse(note) else {
        return Vec::new();
    };
    let mut found: Vec<Cosignature> = Vec::new();
    for key in who.iter().map(Verifier::cosigner) {
        // One key under two names is one cosigner: the signed message doesn't hold the name.
        if found.iter().any(|c| c.cosigner.public_key() == key.public_key()) {
            continue;
        }
        let time = parsed
            .signatures
            .iter()
            .filter(|line| key.made(line))
            .filter_map(|line| time_of(&key, parsed.text, &line.bytes))
            .max();
        if let Some(time) = time {
            found.push(Cosignature { cosigner: key, time });
        }
    }
    found
}

/// Adds a cosignature line to the checkpoint it signs, in place of an older one of the same cosigner. `None` if it
/// doesn't sign this checkpoint.
pub(crate) fn merge(
    checkpoint: &Checkpoint,
    line: &Signature,
    who: &[Verifier],
) -> Result<Option<Checkpoint>, CheckpointError> {
    let keys = who.iter().map(Verifier::cosigner);
    let Some((key, time)) = keys
        .filter(|key| key.made(line))
        .find_map(|key| Some((key.clone(), time_of(&key, checkpoint.text(), &line.bytes)?)))
    else {
        return Ok(None);
    };
    let known = checkpoint.cosignatures(std::slice::from_ref(&key));
    if known.iter().any(|known| known.time >= time) {
        return Ok(Some(checkpoint.clone()));
    }
    let mut note = format!("{}\n", checkpoint.text());
    for old in note::parse(checkpoint.note())?.signatures {
        if !key.made(&old) {
            note.push_str(&raw_line(&old));
        }
    }
    note.push_str(&raw_line(line));
    checkpoint.with_note(note).map(Some)
}

fn raw_line(signature: &Signature) -> String {
    use base64::Engine as _;
    let mut bytes = signature.id.to_vec();
    bytes.extend_from_slice(&signature.bytes);
    let base64 = base64::engine::general_purpose::STANDARD.encode(bytes);
    format!("\u{2014} {} {base64}\n", signature.name)
}
