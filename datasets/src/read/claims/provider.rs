//! SKELETON.

use std::io::BufRead;

use crate::read::desk::Desk;
use crate::read::error::{Place, ReadError};
use crate::read::text::Encoding;

pub(in crate::read) fn read<R: BufRead>(
    _desk: &mut Desk<'_>,
    file: &str,
    _encoding: Encoding,
    _input: R,
) -> Result<(), ReadError> {
    let (what, help) = ("this format is not read yet", "Leave the file out");
    Err(ReadError::refused(Place::file(file), "not-read", what, help))
}
