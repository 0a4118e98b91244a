//! Synthetic people: raw files of a 健保, a 国保 and a lifelog service in the formats that really arrive, and the person behind each identity.
//!
//! Deterministic: people live in blocks, every purpose has its own random stream, and blocks are written in order whatever thread made
//! them. Memory is that of a few blocks. Marginals come from published surveys (`reference/formats.md` section 8), never from a room.

mod calendar;
mod care;
mod checkups;
mod claims;
mod codes;
mod course;
mod dice;
mod eligibility;
mod lifelog;
mod names;
mod options;
mod out;
mod people;
mod receipt;
mod run;
mod traits;
mod written;

use std::path::{Path, PathBuf};

use serde::Serialize;

pub use options::{EventRates, NoiseRates, SynthOptions};

/// What was written.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct SynthReport {
    /// Natural persons.
    pub persons: u64,
    /// Households they live in.
    pub households: u64,
    /// Rows of the two eligibility lists.
    pub enrolments: u64,
    /// Insured persons without any claim in the period.
    pub without_claims: u64,
    /// Medical receipts.
    pub medical_claims: u64,
    /// Pharmacy receipts.
    pub pharmacy_claims: u64,
    /// Receipts with a JY correction.
    pub corrected_claims: u64,
    /// Checkup documents.
    pub checkups: u64,
    /// Users of the lifelog service.
    pub lifelog_users: u64,
    /// Days of lifelog.
    pub lifelog_days: u64,
    /// Rows of the truth.
    pub identities: u64,
    /// Bytes of the raw files.
    pub bytes: u64,
}

/// Why synthetic files could not be made.
#[derive(Debug, thiserror::Error)]
pub enum SynthError {
    /// An option makes no sense.
    #[error("option {name}: {help}")]
    Option {
        /// Its name in the config file.
        name: &'static str,
        /// What would be accepted.
        help: &'static str,
    },
    /// The target folder already holds something.
    #[error("{path} is not an empty folder; synthetic files are only written to a new or empty one")]
    Occupied {
        /// The folder.
        path: PathBuf,
    },
    /// A file could not be written.
    #[error("writing {path}: {source}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A checkup archive could not be written.
    #[error("writing a checkup archive: {0}")]
    Archive(String),
    /// The truth file could not be written.
    #[error("writing truth.parquet: {0}")]
    Truth(String),
    /// A worker thread ended early.
    #[error("a worker thread ended early")]
    Worker,
}

/// Writes `kenpo/`, `kokuho/`, `lifelog/` and `truth.parquet` (source, fingerprint, person) into `dir`, which must be new or empty.
/// `progress` is told the number of persons done.
///
/// # Errors
/// Options out of range, an occupied folder, or a file that can't be written.
pub fn generate(dir: &Path, options: &SynthOptions, progress: &dyn Fn(u64)) -> Result<SynthReport, SynthError> {
    run::generate(dir, options, progress)
}
