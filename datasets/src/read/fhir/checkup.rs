//! Checkup reports: not told apart yet, their results are observations.
use super::json::Json;
use super::observe::{Intern, Record, Subject};
use super::scope::Scope;
use crate::read::desk::Desk;
use crate::read::error::ReadError;
pub(super) struct Report {
    pub(super) subject: Subject,
}
impl Report {
    pub(super) fn of(_c: &Json<'_>, _i: &mut Intern) -> Option<Self> {
        None
    }
}
pub(super) struct Checkups {}
impl Checkups {
    pub(super) fn new(_desk: &Desk<'_>) -> Result<Self, ReadError> {
        Ok(Self {})
    }
    pub(super) fn take(
        &mut self,
        _d: &mut Desk<'_>,
        _f: &str,
        _s: &mut Scope,
        report: &Report,
        _records: Vec<Record>,
    ) -> Result<(), ReadError> {
        let _ = &report.subject;
        Ok(())
    }
}
