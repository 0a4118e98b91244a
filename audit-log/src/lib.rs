//! A tamper-evident log in a folder: an RFC 6962 tree in C2SP tlog-tiles, signed-note checkpoints, witness
//! cosignatures, offline receipts.
//!
//! It knows what an [`Event`] is and nothing about data, keys of people, noise or policy; it opens no socket and
//! prints nothing. What it promises: an entry that [`Log::append`] returned survives a crash; a published
//! checkpoint is never taken back; a [`Receipt`] exists only for an entry whose inclusion in a signed checkpoint
//! was verified; [`View::open`] accepts a folder only if every byte of it follows from its entries and its
//! signature.
//!
//! What it can't promise alone: that the holder of the log key shows everybody the same log. For that stewards
//! keep the last checkpoint they saw and [`cosign()`] the next.
//!
//! ```
//! use audit_log::{Event, Log, Posix, Receipt, Signer, View, cosign};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let dir = tempfile::tempdir()?;
//! # let dir = dir.path().join("log");
//! let signer = Signer::from_seed("room.example/2026", &[1; 32])?;
//! let key = signer.verifier();
//! let mut log = Log::create(Posix::new(&dir), "room.example/2026", signer)?;
//! let index = log.append(&Event::Withdrawal { batch: 1, manifest: None }, "2026-04-01T09:00:00Z")?;
//! log.checkpoint()?;
//!
//! // A steward, elsewhere, on a copy of the folder.
//! let steward = Signer::from_seed("steward.example/a", &[2; 32])?;
//! let line = cosign(&View::open(&dir, &key)?, None, &steward, 1_775_000_000)?;
//! log.add_cosignature(&line, &[steward.verifier()])?;
//!
//! // Anybody, offline, years later.
//! let receipt = log.receipt(index)?;
//! let again = Receipt::verify(&receipt.to_proof_text(), receipt.entry(), &key)?;
//! assert_eq!(again.cosigned_by(&[steward.verifier()]), 1);
//! # Ok(()) }
//! ```
//!
//! | module | specification |
//! |---|---|
//! | [`digest`] | FIPS 180-4 SHA-256, lower-case hex |
//! | [`merkle`] | RFC 6962 §2.1, RFC 9162 §2.1.3–2.1.4 |
//! | [`note`] | c2sp.org/signed-note, Ed25519 (0x01) |
//! | [`checkpoint`] | c2sp.org/tlog-checkpoint |
//! | [`mod@cosign`] | c2sp.org/tlog-cosignature, Ed25519 (0x04) |
//! | [`tile`] | c2sp.org/tlog-tiles |
//! | [`proof`] | c2sp.org/tlog-proof |
//! | [`storage`] | durable files; a disk that fails, for tests |
//! | [`event`] | what may stand in the log |
//! | [`mod@log`], [`view`] | the append side and the read side |

mod error;
mod load;

pub mod checkpoint;
pub mod cosign;
pub mod digest;
pub mod event;
pub mod log;
pub mod merkle;
pub mod note;
pub mod proof;
pub mod revoked;
pub mod storage;
pub mod tile;
pub mod view;

pub use checkpoint::{Checkpoint, CheckpointError};
pub use cosign::{CosignError, Cosignature, cosign};
pub use digest::Hash;
pub use error::LogError;
pub use event::{Account, Entry, Event, EventError, KeyVerdict};
pub use log::Log;
pub use note::{NoteError, Signer, Verifier};
pub use proof::{Receipt, ReceiptError};
pub use revoked::Revoked;
pub use storage::{Posix, Storage, StorageError};
pub use view::View;
