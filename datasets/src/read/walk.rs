//! From the given paths to the files in them: folders walked in sorted order, zips opened, every file sniffed.
//! Nothing is extracted to disk. An archive that bursts, points outside itself or is encrypted is refused whole.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use zip::ZipArchive;

use super::ReadOptions;
use super::error::{Place, ReadError};
use super::report::{Kind, Tally};
use super::sniff::{self, Format, HEAD};
use super::text::{self, Encoding};

/// Folders deeper than this are refused (and links to folders are never followed, so there is no cycle).
const DEPTH: usize = 64;
/// Enough for the root element of an XML or the first lines of a CSV.
const GLANCE: usize = 4 * 1024;
/// Small entries may compress as well as they like.
const FREE: u64 = 1 << 20;

/// A file to read.
pub(super) struct Item {
    path: PathBuf,
    /// Number of the entry in the zip at `path`.
    entry: Option<usize>,
    /// As errors and findings show it.
    pub(super) shown: String,
    pub(super) format: Format,
    pub(super) encoding: Encoding,
    mark: usize,
    /// Given by the user as a file of its own, so that a refusal stops the run.
    pub(super) named: bool,
}

type Zip = ZipArchive<BufReader<File>>;

const CHECK: &str = "Check that the file is complete and is what you meant to give";

fn refused_format(format: Format) -> Option<(&'static str, &'static str, &'static str)> {
    match format {
        Format::Utf16 => Some(("utf-16", "the file is encoded in UTF-16", "Save it as UTF-8 or as CP932 (Shift_JIS)")),
        Format::Empty => Some(("empty-file", "the file is empty", CHECK)),
        Format::Unknown => Some((
            "unknown-content",
            "the content is none of the formats that are read",
            "Give eligibility CSV, payer-side claims CSV, checkup XML, or a service's roster and daily CSV",
        )),
        _ => None,
    }
}

/// Everything to read among the inputs, in reading order.
pub(super) fn plan(inputs: &[PathBuf], options: &ReadOptions, tally: &mut Tally) -> Result<Vec<Item>, ReadError> {
    let mut walk = Walk { options, tally, items: Vec::new(), seen: HashSet::new() };
    for input in inputs {
        walk.path(input, true, 0)?;
    }
    let mut items = walk.items;
    // Stable: within a turn the order is that of the inputs and of the sorted names in them.
    items.sort_by_key(|item| item.format.turn());
    if items.is_empty() {
        return Err(ReadError::Nothing { inputs: inputs.len() });
    }
    Ok(items)
}

struct Walk<'a> {
    options: &'a ReadOptions,
    tally: &'a mut Tally,
    items: Vec<Item>,
    seen: HashSet<PathBuf>,
}

fn show(path: &Path) -> String {
    path.display().to_string()
}

impl Walk<'_> {
    fn path(&mut self, path: &Path, named: bool, depth: usize) -> Result<(), ReadError> {
        let shown = show(path);
        let failed = |error: io::Error| ReadError::io(&shown, &error);
        let link = fs::symlink_metadata(path).map_err(failed)?.is_symlink();
        let about = fs::metadata(path).map_err(failed)?;
        if about.is_dir() {
            if link && !named {
                self.beside("link-to-folder");
                return Ok(());
            }
            if depth >= DEPTH {
                let what = "folders are nested too deeply";
                return Err(ReadError::refused(Place::file(&shown), "folder-depth", what, CHECK));
            }
            let mut inside: Vec<PathBuf> = fs::read_dir(path)
                .and_then(|entries| entries.map(|entry| entry.map(|e| e.path())).collect())
                .map_err(failed)?;
            inside.sort();
            return inside.iter().try_for_each(|path| self.path(path, false, depth + 1));
        }
        if !about.is_file() {
            self.beside("no-regular-file");
            return Ok(());
        }
        let real = fs::canonicalize(path).map_err(failed)?;
        if !self.seen.insert(real) {
            self.beside("given-twice");
            return Ok(());
        }
        let head = glance(&mut File::open(path).map_err(failed)?).map_err(failed)?;
        if sniff::format(&head) == Format::Zip {
            return self.zip(path);
        }
        self.file(path, None, shown, &head, named)
    }

    fn beside(&mut self, code: &'static str) {
        self.tally.read(Kind::Files, 1);
        self.tally.left_out(Kind::Files, code, 1);
    }

    fn file(
        &mut self,
        path: &Path,
        entry: Option<usize>,
        shown: String,
        head: &[u8],
        named: bool,
    ) -> Result<(), ReadError> {
        let format = sniff::format(head);
        if let Some((code, what, help)) = refused_format(format) {
            if named {
                return Err(ReadError::refused(Place::file(&shown), code, what, help));
            }
            self.tally.read(Kind::Files, 1);
            self.tally.quarantined(Kind::Files, code, 1, &shown, 0);
            return Ok(());
        }
        match format {
            Format::Beside(code) => self.beside(code),
            // Zips inside zips: nothing in these formats nests, and each level would multiply what can burst.
            Format::Zip => {
                self.tally.read(Kind::Files, 1);
                let code = "archive-in-archive";
                self.tally.quarantined(Kind::Files, code, 1, &shown, 0);
            }
            _ => {
                self.tally.read(Kind::Files, 1);
                self.tally.kept(Kind::Files, 1);
                let (encoding, mark) = text::encoding(head).unwrap_or((Encoding::Open, 0));
                self.items.push(Item { path: path.to_owned(), entry, shown, format, encoding, mark, named });
            }
        }
        Ok(())
    }

    fn zip(&mut self, path: &Path) -> Result<(), ReadError> {
        let shown = show(path);
        let refuse = |code, what: &str, help| Err(ReadError::refused(Place::file(&shown), code, what, help));
        let mut zip = open_zip(path, &shown)?;
        if zip.len() > self.options.max_archive_entries {
            return refuse("archive-entries", "the archive holds too many files", CHECK);
        }
        let mut total = 0_u64;
        let mut names = Vec::with_capacity(zip.len());
        for at in 0..zip.len() {
            let entry = zip.by_index_data(at).map_err(|error| broken(&shown, &error))?;
            let (Some(_), Ok(name)) = (entry.enclosed_name(), entry.name()) else {
                return refuse("archive-path", "the archive holds a path that leads outside it", CHECK);
            };
            if entry.is_symlink() {
                return refuse("archive-path", "the archive holds a link", CHECK);
            }
            if entry.encrypted() {
                let help = "Unlock the archive first and give the folder";
                return refuse("archive-encrypted", "the archive is encrypted", help);
            }
            total = total.saturating_add(entry.size());
            if !entry.is_dir() {
                names.push((name.into_owned(), at));
            }
        }
        if total > self.options.max_unzipped_bytes {
            return refuse("archive-too-large", "the archive unpacks to more than is allowed", CHECK);
        }
        names.sort();
        for (name, at) in names {
            let shown = format!("{shown}!/{name}");
            let mut entry = zip.by_index(at).map_err(|error| broken(&shown, &error))?;
            let head = glance(&mut entry).map_err(|error| ReadError::io(&shown, &error))?;
            drop(entry);
            self.file(path, Some(at), shown, &head, false)?;
        }
        Ok(())
    }
}

fn broken(shown: &str, _: &zip::result::ZipError) -> ReadError {
    let what = "the archive is damaged or uses a method other than deflate";
    let help = "Check that the transfer was complete, or unpack it and give the folder";
    ReadError::refused(Place::file(shown), "archive-broken", what, help)
}

fn open_zip(path: &Path, shown: &str) -> Result<Zip, ReadError> {
    let file = File::open(path).map_err(|error| ReadError::io(shown, &error))?;
    ZipArchive::new(BufReader::new(file)).map_err(|error| broken(shown, &error))
}

/// The first bytes: few for XML, of which there are many files; more for CSV, whose encoding they tell.
fn glance(input: &mut dyn Read) -> io::Result<Vec<u8>> {
    let mut head = Vec::with_capacity(GLANCE);
    let mut input = input.take(HEAD as u64);
    Read::by_ref(&mut input).take(GLANCE as u64).read_to_end(&mut head)?;
    if head.len() == GLANCE
        && !matches!(sniff::format(&head), Format::Checkup | Format::AppleHealth | Format::Fhir | Format::Zip)
    {
        input.read_to_end(&mut head)?;
    }
    Ok(head)
}

/// Opens items one after another; keeps the last archive open.
pub(super) struct Opener<'a> {
    options: &'a ReadOptions,
    progress: &'a dyn Fn(u64),
    zip: Option<(PathBuf, Zip)>,
    unzipped: u64,
}

impl<'a> Opener<'a> {
    pub(super) fn new(options: &'a ReadOptions, progress: &'a dyn Fn(u64)) -> Self {
        Self { options, progress, zip: None, unzipped: 0 }
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
        let mut zip = match self.zip.take() {
            Some((path, zip)) if path == item.path => zip,
            _ => open_zip(&item.path, &show(&item.path))?,
        };
        let file = zip.by_index(entry).map_err(|error| broken(&item.shown, &error))?;
        let packed = file.compressed_size();
        let guard = Guard {
            inner: file,
            given: 0,
            most: packed.saturating_mul(self.options.max_archive_ratio).max(FREE),
            total: &mut self.unzipped,
            most_total: self.options.max_unzipped_bytes,
            burst: false,
        };
        let mut input = BufReader::with_capacity(HEAD, guard);
        let result = unmarked(&mut input, item).and_then(|()| take(&mut input));
        if input.get_ref().burst {
            let what = "the archive unpacks to far more than its size allows";
            let place = Place::file(&item.shown);
            return Err(ReadError::refused(place, "archive-burst", what, CHECK));
        }
        drop(input);
        self.zip = Some((item.path.clone(), zip));
        (self.progress)(packed);
        result
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

/// Counts what an entry really gives: declared sizes may lie.
struct Guard<'a, R> {
    inner: R,
    given: u64,
    most: u64,
    total: &'a mut u64,
    most_total: u64,
    burst: bool,
}

impl<R: Read> Read for Guard<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.given += read as u64;
        *self.total += read as u64;
        if self.given > self.most || *self.total > self.most_total {
            self.burst = true;
            return Err(io::Error::from(io::ErrorKind::FileTooLarge));
        }
        Ok(read)
    }
}
