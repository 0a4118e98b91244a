//! What is kept of everybody until a run ends: rows by number and tables by digest, in pages of which only so many stay in
//! memory. The others lie sealed in a file without a name ([`sealed`]), so that memory does not grow with people.
//!
//! Not a cache of files and nothing that outlives the run. A file that can't be written or read is told once, by
//! [`Keep::demand`]; until then rows that can't be had are as if they were not there, which is safe because nothing of a run
//! counts that ends with an error.

mod pages;
mod sealed;
mod table;

use std::cell::Cell;
use std::io;
use std::path::Path;
use std::rc::Rc;

pub(super) use pages::{Pages, Record, Words};
pub(super) use table::{Digest, Table};

use super::ReadOptions;
use super::error::ReadError;

/// Shares of the memory, in hundredths: the table of digests, which is asked at random and so gets most; days and persons, mostly asked in the
/// order of their numbers; members of eligibility lists; heights and weights, each; digests of documents.
pub(super) const NUMBERS: usize = 40;
pub(super) const DAYS: usize = 16;
pub(super) const PERSONS: usize = 16;
pub(super) const MEMBERS: usize = 18;
pub(super) const SIZES: usize = 3;
pub(super) const DOCUMENTS: usize = 4;

/// Where pages go and how many bytes of them stay.
#[derive(Clone, Default)]
pub(super) struct Keep {
    folder: Option<Rc<Path>>,
    bytes: usize,
    failed: Rc<Cell<Option<io::ErrorKind>>>,
}

impl Keep {
    /// As the options have it; without a folder everything stays in memory.
    pub(super) fn of(options: &ReadOptions) -> Self {
        Self { folder: options.spill.as_deref().map(Rc::from), bytes: options.resident_bytes, ..Self::default() }
    }

    /// The failure, if a page could not be written or read.
    pub(super) fn demand(&self) -> Result<(), ReadError> {
        match (self.failed.get(), &self.folder) {
            (Some(kind), Some(folder)) => Err(ReadError::Spill { folder: folder.display().to_string(), kind }),
            _ => Ok(()),
        }
    }
}
