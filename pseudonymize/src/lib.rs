//! Identities out: normalization, keyring, keyed tokens, packages and project pseudonyms.
//!
//! What an insurer runs on its own machine to turn identified batches ([`datasets::read::Identified`]) into
//! [`Pseudonymous`] ones and these into a signed and encrypted [`package`]; and what the room runs to open it and to
//! re-key all that is in it ([`RoomKey`]). It decides nothing about who is whom, and knows nothing of noise or policy.
//!
//! What memory hygiene there is: seeds, keys, passphrases and normalized identifiers are wiped when dropped. Frames
//! of identified rows are polars', and ring's prepared HMAC keys are ring's; neither can be wiped.

mod bridge;
mod content;
mod files;
mod frames;
mod identities;
mod kdf;
pub mod keyring;
pub mod normalize;
mod opt_out;
#[cfg(test)]
mod opt_out_tests;
mod order;
pub mod package;
mod renumber;
mod room;
mod tables;
#[cfg(test)]
mod testing;
mod token;
#[cfg(test)]
mod token_tests;
mod tombstones;
mod transform;
#[cfg(test)]
mod transform_tests;

pub use bridge::{Bridge, RoomBridge};
pub use files::FileError;
pub use frames::FrameError;
pub use kdf::{CryptoError, random_bytes};
pub use keyring::{Identity, KeyError, LinkageKey, Passphrase, Role, SealCost, SealedWriter};
pub use room::{RoomIdentity, RoomKey, rekey_identities};
pub use tables::{rekey_tables, with_pid};
pub use token::{PASSES, Pass, SourceKeys, Token};
pub use tombstones::Tombstones;
pub use transform::{Pseudonymizer, Pseudonymous};
