//! FHIR R4 as JSON (a resource or a Bundle) and NDJSON (one of these a line). Not XML, and not a server's answer pages.
//!
//! | Resource | Becomes |
//! |---|---|
//! | document Bundle of JP eCheckup (健診結果報告書) | `checkup`, `checkup_item` |
//! | Observation | `lifelog_daily` (steps, sleep and the like: see `daily`) or `observation` (see `flow`) |
//! | Patient, Coverage, Organization of an insurer | who it is; also a roster's user by id or file |
//! | all others | left out, counted |
//!
//! Nothing written in words is kept. Memory does not grow with the file: a Bundle is taken entry by entry, at most
//! [`scope::MOST`] parts of observations wait for their Patient, and a day's readings are bounded in `daily`. A record is a
//! resource. A Bundle that breaks off is taken or refused as a whole; a broken line of NDJSON is quarantined alone.

mod checkup;
mod codes;
mod daily;
mod flow;
mod json;
mod observe;
mod person;
mod scan;
mod scope;
mod source;
mod stop;
mod time;

use std::io::BufRead;

use super::desk::Desk;
use super::error::ReadError;
use flow::Observations;

/// Reads the FHIR files of one run.
pub(super) struct Reader {
    observations: Observations,
    checkups: checkup::Checkups,
}

impl Reader {
    pub(super) fn new(desk: &Desk<'_>) -> Result<Self, ReadError> {
        Ok(Self { observations: Observations::new(desk)?, checkups: checkup::Checkups::new(desk)? })
    }

    /// Reads one file. `named`: a refusal stops the run, else the file is quarantined.
    pub(super) fn read(
        &mut self,
        desk: &mut Desk<'_>,
        file: &str,
        named: bool,
        input: &mut dyn BufRead,
    ) -> Result<(), ReadError> {
        source::File::new(self, desk, file, named)?.read(input)
    }
}
