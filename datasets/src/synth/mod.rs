//! Synthetic people: raw files of a 健保, a 国保, clinics and a lifelog service in the formats that really arrive, and the person behind
//! each identity.
//!
//! Deterministic: people live in blocks, every purpose has its own random stream, and blocks are written in order whatever thread made
//! them. Memory is that of a few blocks. Marginals come from published surveys (`reference/formats.md` section 8), never from a room.

mod apple;
mod calendar;
mod care;
mod checkups;
mod claims;
mod codes;
mod course;
mod dice;
mod eligibility;
mod fhir;
mod fitbit;
mod formats;
mod ledger;
mod lifelog;
mod names;
mod options;
mod out;
mod people;
mod receipt;
mod run;
mod sink;
mod tables;
mod traits;
mod truth;
mod written;

use std::path::{Path, PathBuf};

use serde::Serialize;

pub use formats::{Format, Formats};
pub use ledger::Ledger;
pub use options::{EventRates, NoiseRates, SynthOptions};
pub use truth::Scenario;

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
    /// DPC receipts.
    pub dpc_claims: u64,
    /// Dental receipts.
    pub dental_claims: u64,
    /// Pharmacy receipts.
    pub pharmacy_claims: u64,
    /// Receipts in the files of facilities (UKE); the same ones as on the payer's side.
    pub provider_claims: u64,
    /// Receipts with a JY correction.
    pub corrected_claims: u64,
    /// Receipts that came a second time, adjudicated again.
    pub readjudicated_claims: u64,
    /// Checkup documents.
    pub checkups: u64,
    /// Users of the lifelog service.
    pub lifelog_users: u64,
    /// Days of lifelog.
    pub lifelog_days: u64,
    /// Files that belong to one person each.
    pub personal_files: u64,
    /// Rows and resources of programmes, events, observations, consent and the like.
    pub further_rows: u64,
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
    /// The ledger and the catalogue disagree.
    #[error("the ledger has no place for {0}")]
    Ledger(String),
    /// A worker thread ended early.
    #[error("a worker thread ended early")]
    Worker,
}

/// Writes `kenpo/`, `kokuho/`, `lifelog/`, if asked for `clinic/`, and `truth.parquet` (source, fingerprint, person, scenarios: bits of
/// [`Scenario`]) into `dir`, which must be new or empty. `progress` is told the number of persons done.
///
/// # Errors
/// Options out of range, an occupied folder, or a file that can't be written.
pub fn generate(dir: &Path, options: &SynthOptions, progress: &dyn Fn(u64)) -> Result<SynthReport, SynthError> {
    run::generate(dir, options, progress, false).map(|(report, _)| report)
}

/// As [`generate`], and every row that readers ought to give. It lies in memory whole: for tests and small populations.
///
/// # Errors
/// As [`generate`].
pub fn generate_with_ledger(
    dir: &Path,
    options: &SynthOptions,
    progress: &dyn Fn(u64),
) -> Result<(SynthReport, Ledger), SynthError> {
    run::generate(dir, options, progress, true)
}
