//! Files and entries of archives that are there more than once under other names: a copy would count every record twice. Not
//! documents, which are told by themselves, and not personal files: whose those are depends on where they lie.
//!
//! Only what has the size of another is read for it. Memory: one place or digest per file.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::rc::Rc;

use audit_log::digest::Hasher;

use super::error::ReadError;
use super::opener::most_of;
use super::walk::{Zip, broken, open_zip, show};

type Digest = [u8; 32];
/// A file, or an entry by its number in the zip.
type Where = (Rc<Path>, Option<usize>);

/// What was met so far, by size.
#[derive(Default)]
pub(super) struct Copies {
    sizes: HashMap<u64, Alike>,
    /// The archive that was looked into last.
    zip: Option<(Rc<Path>, Zip)>,
}

/// All of one size.
#[derive(Default)]
struct Alike {
    /// The only one so far, not read for this yet.
    first: Option<Where>,
    digests: HashSet<Digest>,
}

impl Copies {
    /// Whether the same bytes were met before. `most_ratio` is how far an archive may unpack: what claims to go further is
    /// left to whoever reads it.
    pub(super) fn knows(&mut self, place: Where, size: u64, most_ratio: u64) -> Result<bool, ReadError> {
        let mut alike = self.sizes.remove(&size).unwrap_or_default();
        // An empty file is refused or passed over for itself.
        let known = if size == 0 || alike.first.is_none() && alike.digests.is_empty() {
            alike.first = Some(place);
            false
        } else {
            if let Some(first) = alike.first.take() {
                alike.digests.extend(self.digest(&first, size, most_ratio)?);
            }
            match self.digest(&place, size, most_ratio)? {
                Some(digest) => !alike.digests.insert(digest),
                None => false,
            }
        };
        self.sizes.insert(size, alike);
        Ok(known)
    }

    /// `None` for an entry that can't be read, or not safely: the reader tells.
    fn digest(&mut self, (path, entry): &Where, size: u64, most_ratio: u64) -> Result<Option<Digest>, ReadError> {
        let Some(entry) = *entry else {
            let failed = |error: io::Error| ReadError::io(&show(path), &error);
            return hash(&mut File::open(path).map_err(failed)?).map(Some).map_err(failed);
        };
        let mut zip = match self.zip.take() {
            Some((open, zip)) if open == *path => zip,
            _ => open_zip(path, &show(path))?,
        };
        let digest = {
            let mut file = zip.by_index(entry).map_err(|error| broken(&show(path), &error))?;
            let fits = size <= most_of(file.compressed_size(), most_ratio);
            // No more than it claims to have.
            if fits { hash(&mut (&mut file).take(size.saturating_add(1))).ok() } else { None }
        };
        self.zip = Some((Rc::clone(path), zip));
        Ok(digest)
    }
}

fn hash(input: &mut dyn Read) -> io::Result<Digest> {
    let mut input = BufReader::with_capacity(1 << 18, input);
    let mut hasher = Hasher::new();
    loop {
        let bytes = input.fill_buf()?;
        if bytes.is_empty() {
            return Ok(hasher.finish());
        }
        hasher.update(bytes);
        let all = bytes.len();
        input.consume(all);
    }
}
