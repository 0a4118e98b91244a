//! Opens what [`super::walk`] found, one after another, and guards archives while they unpack. Small documents come whole,
//! so that each is opened once: what it is, is told from the same bytes that are read.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::ReadOptions;
use super::error::{Place, ReadError};
use super::queue::{self, Item, SMALL};
use super::sniff::HEAD;
use super::walk::{CHECK, FREE, Zip, broken, open_zip, show};

/// A small file, and how much of it there is.
#[derive(Default)]
pub(super) struct Small {
    bytes: Vec<u8>,
    filled: usize,
    /// Bytes taken from the input, packed ones for an archive.
    pub(super) taken: u64,
}

impl Small {
    pub(super) fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.filled).unwrap_or(&[])
    }

    /// At most [`SMALL`] bytes and one more.
    fn fill(&mut self, input: &mut dyn Read) -> io::Result<()> {
        let most = SMALL as usize + 1;
        self.filled = 0;
        loop {
            if self.bytes.len() == self.filled {
                self.bytes.resize((self.filled * 2).clamp(HEAD, most), 0);
            }
            let Some(room) = self.bytes.get_mut(self.filled..).filter(|room| !room.is_empty()) else {
                return Ok(());
            };
            match input.read(room) {
                Ok(0) => return Ok(()),
                Ok(read) => self.filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

/// Opens items one after another; keeps the last archive open.
pub(super) struct Opener<'a> {
    options: &'a ReadOptions,
    progress: &'a dyn Fn(u64),
    zip: Option<(Rc<Path>, Zip)>,
    unzipped: &'a Unzipped,
}

/// Bytes that archives have unpacked to so far, of all openers of a run.
pub(super) type Unzipped = AtomicU64;

impl<'a> Opener<'a> {
    pub(super) fn new(options: &'a ReadOptions, unzipped: &'a Unzipped, progress: &'a dyn Fn(u64)) -> Self {
        Self { options, progress, zip: None, unzipped }
    }

    /// Hands the item's bytes, without a byte order mark, to `take`.
    pub(super) fn with(
        &mut self,
        item: &Item,
        take: &mut dyn FnMut(&mut dyn BufRead) -> Result<(), ReadError>,
    ) -> Result<(), ReadError> {
        let Some(entry) = item.entry else {
            let file = File::open(&item.path).map_err(|error| ReadError::io(&item.shown, &error))?;
            let counted = Counted { inner: file, progress: self.progress };
            let mut input = BufReader::with_capacity(HEAD, counted);
            return unmarked(&mut input, item).and_then(|()| take(&mut input));
        };
        self.entry(item, entry, &mut |guard| {
            let mut input = BufReader::with_capacity(HEAD, guard);
            unmarked(&mut input, item).and_then(|()| take(&mut input))
        })
        .map(|packed| (self.progress)(packed))
    }

    /// Takes a small file whole; progress is up to the caller.
    pub(super) fn whole(&mut self, item: &Item, small: &mut Small) -> Result<(), ReadError> {
        let failed = |error: io::Error| ReadError::io(&item.shown, &error);
        let Some(entry) = item.entry else {
            let mut file = File::open(&item.path).map_err(failed)?;
            small.fill(&mut file).map_err(failed)?;
            small.taken = small.filled as u64;
            return Ok(());
        };
        let packed = self.entry(item, entry, &mut |guard| small.fill(guard).map_err(failed))?;
        small.taken = packed;
        Ok(())
    }

    /// The archive that is open, or this one anew.
    fn archive(&mut self, archive: &Rc<Path>) -> Result<Zip, ReadError> {
        match self.zip.take() {
            Some((path, zip)) if path == *archive => Ok(zip),
            _ => open_zip(archive, &show(archive)),
        }
    }

    /// The documents of an archive: [`queue::documents`].
    pub(super) fn documents(&mut self, archive: &Rc<Path>) -> Result<queue::Documents, ReadError> {
        let mut zip = self.archive(archive)?;
        let documents = queue::documents(&mut zip, &show(archive))?;
        self.zip = Some((Rc::clone(archive), zip));
        Ok(documents)
    }

    /// Hands an archive's entry to `take` and says how many packed bytes it has.
    fn entry(
        &mut self,
        item: &Item,
        entry: usize,
        take: &mut dyn FnMut(&mut dyn Read) -> Result<(), ReadError>,
    ) -> Result<u64, ReadError> {
        let mut zip = self.archive(&item.path)?;
        let file = zip.by_index(entry).map_err(|error| broken(&item.shown, &error))?;
        let packed = file.compressed_size();
        let mut guard = Guard {
            inner: file,
            given: 0,
            most: most_of(packed, self.options.max_archive_ratio),
            total: self.unzipped,
            most_total: self.options.max_unzipped_bytes,
            burst: false,
        };
        let result = take(&mut guard);
        if guard.burst {
            let what = "the archive unpacks to far more than its size allows";
            let place = Place::file(&item.shown);
            return Err(ReadError::refused(place, "archive-burst", what, CHECK));
        }
        drop(guard);
        self.zip = Some((item.path.clone(), zip));
        result.map(|()| packed)
    }
}

fn unmarked(input: &mut dyn BufRead, item: &Item) -> Result<(), ReadError> {
    let mut mark = [0; 3];
    match mark.get_mut(..item.mark) {
        Some(mark) => input.read_exact(mark).map_err(|error| ReadError::io(&item.shown, &error)),
        None => Ok(()),
    }
}

struct Counted<'a> {
    inner: File,
    progress: &'a dyn Fn(u64),
}

impl Read for Counted<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        (self.progress)(read as u64);
        Ok(read)
    }
}

/// Bytes that so many packed ones may unpack to.
pub(super) fn most_of(packed: u64, ratio: u64) -> u64 {
    packed.saturating_mul(ratio).max(FREE)
}

/// Counts what an entry really gives: declared sizes may lie.
struct Guard<'a, R> {
    inner: R,
    given: u64,
    most: u64,
    total: &'a Unzipped,
    most_total: u64,
    burst: bool,
}

impl<R: Read> Read for Guard<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.given += read as u64;
        let total = self.total.fetch_add(read as u64, Relaxed).saturating_add(read as u64);
        if self.given > self.most || total > self.most_total {
            self.burst = true;
            return Err(io::Error::from(io::ErrorKind::FileTooLarge));
        }
        Ok(read)
    }
}
