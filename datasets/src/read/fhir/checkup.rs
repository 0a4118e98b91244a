//! Checkup reports (健診結果報告書): not told apart yet; their results are observations.

use super::flow::{Observations, Out};
use super::json::Json;
use super::observe::{Intern, Record};
use super::scope::Scope;
use crate::read::desk::Desk;
use crate::read::error::ReadError;

/// What a checkup report's Composition says.
pub(super) struct Report {}

impl Report {
    pub(super) fn of(_: &Json<'_>, _: u64, _: &mut Intern) -> Option<Self> {
        None
    }
}

/// Writes checkups.
pub(super) struct Checkups {}

impl Checkups {
    pub(super) fn new(_: &Desk<'_>) -> Result<Self, ReadError> {
        Ok(Self {})
    }

    pub(super) fn take(
        &mut self,
        _: &mut Desk<'_>,
        _: &Observations,
        _: &mut Out<'_>,
        _: &mut Scope,
        _: &Report,
        _: &[Record],
    ) -> Result<(), ReadError> {
        Ok(())
    }
}
