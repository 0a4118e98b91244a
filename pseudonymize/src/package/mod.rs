//! Packages: what a source sends. A tar of two files:
//!
//! - `content.age`: age, to the room's recipients, around a tar of Parquet files (zstd inside), one per batch and
//!   table (`identity/00000.parquet`, `tables/claim/00000.parquet`, …), and `quality.json`;
//! - `manifest.note`: the manifest's text, signed by the source. It names the digest of `content.age`; counts are
//!   inside the encryption only.
//!
//! Both sides stream: the writer never holds more than a batch. Who may send what, and the log of what came, are not
//! here.

mod manifest;
mod parquet;
mod read;
mod write;

#[cfg(test)]
mod tests;

pub use manifest::{Header, Manifest, ManifestError};
pub use read::{Expected, Opened, claimed, manifest, open};
pub use write::{Summary, Writer};

use std::path::PathBuf;

use crate::files::FileError;
use crate::frames::FrameError;

/// Names of the outer tar's files.
const CONTENT: &str = "content.age";
const NOTE: &str = "manifest.note";
const QUALITY: &str = "quality.json";

/// What a signing or verifying closure may fail with; its text is shown.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Why a package was not made or not accepted. Never holds a value of a person.
#[derive(Debug, thiserror::Error)]
pub enum PackageError {
    /// The file system.
    #[error(transparent)]
    File(#[from] FileError),
    /// A frame isn't what it should be.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// The manifest isn't one.
    #[error("{}: manifest: {source}", path.display())]
    Manifest {
        /// The package.
        path: PathBuf,
        /// What is wrong.
        source: ManifestError,
    },
    /// A field that can't be written.
    #[error("manifest: {0}")]
    Header(ManifestError),
    /// Encryption.
    #[error("{}: not encrypted: {what}", path.display())]
    Encryption {
        /// The package.
        path: PathBuf,
        /// What is wrong.
        what: &'static str,
    },
    /// The source's signature could not be made.
    #[error("signing the manifest: {0}")]
    Signing(BoxError),
    /// Batches after the one with the identities, or none with identities.
    #[error("the identities must come once, in the last batch")]
    Order,
    /// Not a tar of exactly the two files.
    #[error("{}: not a package: {what}", path.display())]
    NotAPackage {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: &'static str,
    },
    /// No valid signature by the source.
    #[error("{}: the manifest is not signed by its source: {source}", path.display())]
    Unsigned {
        /// The package.
        path: PathBuf,
        /// What the verifier said.
        source: BoxError,
    },
    /// The content isn't what was signed.
    #[error("{}: the content is not what the source signed (truncated or changed); ask for it again", .0.display())]
    Tampered(PathBuf),
    /// Made for another room, by another source, under another key, profile or catalogue.
    #[error("{}: foreign: {what} is {found}, expected {expected}", path.display())]
    Foreign {
        /// The package.
        path: PathBuf,
        /// Which field.
        what: &'static str,
        /// As the manifest has it.
        found: String,
        /// As the room wants it.
        expected: String,
    },
    /// Seen before, or older than what came last.
    #[error("{}: sequence {found} of source {from}, but {last} came already; send a new one", path.display())]
    Replayed {
        /// The package.
        path: PathBuf,
        /// The source.
        from: String,
        /// Its number.
        found: u64,
        /// The last one accepted.
        last: u64,
    },
    /// Encrypted to somebody else.
    #[error("{}: not encrypted to this room", .0.display())]
    NotARecipient(PathBuf),
    /// It decrypts, but is not what a writer makes.
    #[error("{}: damaged content: {what}", path.display())]
    Content {
        /// The package.
        path: PathBuf,
        /// What is wrong.
        what: &'static str,
    },
}
