//! SKELETON.

use std::io::BufRead;

use crate::read::desk::Desk;
use crate::read::error::{Place, ReadError};

pub(super) fn read(_desk: &mut Desk<'_>, file: &str, _named: bool, _input: &mut dyn BufRead) -> Result<(), ReadError> {
    let (what, help) = ("this format is not read yet", "Leave the file out");
    Err(ReadError::refused(Place::file(file), "not-read", what, help))
}
