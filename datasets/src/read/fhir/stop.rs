//! Why a file is given up, and what is said of it. Not single records: those are counted.

use super::scan::Fault;
use crate::read::error::ReadError;

/// Why reading stopped: a fault of the file, or of the run.
pub(super) enum Stop {
    Fault(Fault),
    Run(ReadError),
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<ReadError> for Stop {
    fn from(error: ReadError) -> Self {
        Self::Run(error)
    }
}

pub(super) fn bad<T>(code: &'static str, line: u64) -> Result<T, Stop> {
    Err(Stop::Fault(Fault::Bad(code, line)))
}

pub(super) fn words(code: &str) -> &'static str {
    match code {
        "not-fhir" => "the file is JSON, but holds no FHIR resource (resourceType)",
        "truncated" => "the file ends inside a value",
        "duplicate-key" => "an object says one thing twice",
        "too-deep" => "values are nested too deeply",
        "document-too-large" => "a resource or a checkup report is larger than is allowed",
        "encoding" => "the file is not UTF-8, which FHIR demands",
        "patient-late" => "very many observations come before the Patient whom they are of, or there is none",
        _ => "the file is no well-formed JSON",
    }
}

pub(super) fn help(code: &str) -> &'static str {
    match code {
        "not-fhir" => "Give FHIR R4 as JSON or NDJSON, or leave the file out",
        "patient-late" => "Put Patients before Observations, or name the file in the roster (ファイル名)",
        _ => "Ask for the file again; check that the transfer was complete",
    }
}
