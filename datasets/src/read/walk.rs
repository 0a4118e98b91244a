//! From the given paths to the files in them: folders walked in sorted order, zips opened, every file sniffed.
//! Nothing is extracted to disk. An archive that bursts, points outside itself or is encrypted is refused whole.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use zip::ZipArchive;

use super::ReadOptions;
use super::copies::Copies;
use super::error::{Place, ReadError};
use super::indexes::Archives;
use super::maps::Maps;
use super::opener::Opener;
use super::queue::{Item, Queue, SMALL, inside, unseen};
use super::report::{Kind, Tally};
use super::sniff::{self, Format, HEAD};
use super::text::{self, Encoding};

/// Folders deeper than this are refused (and links to folders are never followed, so there is no cycle).
const DEPTH: usize = 64;
/// Enough for the root element of an XML or the first lines of a CSV.
const GLANCE: usize = 4 * 1024;
/// Small entries may compress as well as they like.
pub(super) const FREE: u64 = 1 << 20;

pub(super) type Zip = ZipArchive<BufReader<File>>;

pub(super) const CHECK: &str = "Check that the file is complete and is what you meant to give";

/// What there is to read.
pub(super) struct Plan<'a> {
    maps: &'a Maps,
    queue: Queue,
    archives: Archives,
    copies: Copies,
    most_ratio: u64,
    /// Something that a reader knows was found.
    any: bool,
}

/// Everything to read among the inputs, in reading order.
pub(super) fn plan<'a>(
    inputs: &[PathBuf],
    options: &ReadOptions,
    maps: &'a Maps,
    tally: &mut Tally,
) -> Result<Plan<'a>, ReadError> {
    let archives = Archives::default();
    let mut walk = Walk {
        options,
        maps,
        tally,
        queue: Queue::default(),
        seen: HashSet::new(),
        copies: Copies::default(),
        archives,
    };
    for input in inputs {
        walk.path(input, true, 0)?;
    }
    let Walk { mut queue, archives, copies, .. } = walk;
    queue.sort();
    let any = queue.any_seen();
    Ok(Plan { maps, queue, archives, copies, most_ratio: options.max_archive_ratio, any })
}

impl Plan<'_> {
    pub(super) fn next(&mut self, opener: &mut Opener<'_>) -> Result<Option<Item>, ReadError> {
        self.queue.next(opener)
    }

    /// As [`Queue::claims_to_come`].
    pub(super) fn claims_to_come(&self) -> Option<&Item> {
        self.queue.claims_to_come()
    }

    /// Whether what comes next was not looked into.
    pub(super) fn is_unseen(&self) -> bool {
        self.queue.is_unseen()
    }

    /// Whether what comes next has its turn before documents.
    pub(super) fn is_due(&self) -> bool {
        self.queue.is_due()
    }

    /// Whether an unseen item with these bytes is a document.
    pub(super) fn is_document(bytes: &[u8]) -> bool {
        bytes.len() as u64 <= SMALL && sniff::is_document(bytes)
    }

    /// What an unseen item is: a document, to be read from these bytes; else it is put where it belongs.
    pub(super) fn settle(
        &mut self,
        mut item: Item,
        bytes: &[u8],
        tally: &mut Tally,
    ) -> Result<Option<Item>, ReadError> {
        item.unseen = false;
        if Self::is_document(bytes) {
            self.any = true;
            count(tally);
            return Ok(Some(item));
        }
        let head = bytes.get(..HEAD.min(bytes.len())).unwrap_or(&[]);
        let format = sniff::format(head, self.maps).0;
        if twice(&mut self.copies, &item, format, bytes.len() as u64, self.most_ratio)? {
            beside(tally, "file-twice");
            return Ok(None);
        }
        if let Some(item) = settle(item, head, self.maps, tally, &mut self.archives)? {
            self.any = true;
            self.queue.insert(item);
        }
        Ok(None)
    }

    /// When all is read: archives that hold another number of documents than they say.
    pub(super) fn finish(self, inputs: usize, tally: &mut Tally) -> Result<(), ReadError> {
        self.archives.compare(tally);
        if self.any { Ok(()) } else { Err(ReadError::Nothing { inputs, unread: tally.unread_files() }) }
    }
}

/// Whether this is a copy of what is read already. Whose a personal file is depends on where it lies, and an index tells of
/// what lies beside it: there, two equal ones are no copies.
fn twice(copies: &mut Copies, item: &Item, format: Format, size: u64, most_ratio: u64) -> Result<bool, ReadError> {
    let placed = matches!(format, Format::AppleHealth | Format::Fitbit | Format::Fhir | Format::Beside(_));
    Ok(!placed && copies.knows((Rc::clone(&item.path), item.entry), size, most_ratio)?)
}

fn count(tally: &mut Tally) {
    tally.read(Kind::Files, 1);
    tally.kept(Kind::Files, 1);
}

fn beside(tally: &mut Tally, code: &'static str) {
    tally.read(Kind::Files, 1);
    tally.left_out(Kind::Files, code, 1);
}

/// What becomes of a file with this head.
fn settle(
    mut item: Item,
    head: &[u8],
    maps: &Maps,
    tally: &mut Tally,
    archives: &mut Archives,
) -> Result<Option<Item>, ReadError> {
    (item.format, item.map) = sniff::format(head, maps);
    if let Some((code, what, help)) = sniff::refusal(item.format, head, maps) {
        // Two maps for one file are a fault of what was asked, not of the file.
        if item.named || matches!(item.format, Format::Ambiguous(..)) {
            return Err(ReadError::refused(Place::file(&item.shown), code, what, help));
        }
        tally.read(Kind::Files, 1);
        tally.quarantined(Kind::Files, code, 1, &item.shown, 0);
        return Ok(None);
    }
    match item.format {
        Format::Beside(code) => {
            beside(tally, code);
            if code == "archive-index" {
                archives.index(&item.shown, head);
            }
            Ok(None)
        }
        // Zips inside zips: nothing in these formats nests, and each level would multiply what can burst.
        Format::Zip => {
            tally.read(Kind::Files, 1);
            tally.quarantined(Kind::Files, "archive-in-archive", 1, &item.shown, 0);
            Ok(None)
        }
        _ => {
            count(tally);
            (item.encoding, item.mark) = text::encoding(head).unwrap_or((Encoding::Open, 0));
            Ok(Some(item))
        }
    }
}

struct Walk<'a> {
    options: &'a ReadOptions,
    maps: &'a Maps,
    tally: &'a mut Tally,
    queue: Queue,
    seen: HashSet<Same>,
    copies: Copies,
    archives: Archives,
}

/// What desktops leave in folders.
fn is_litter(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str());
    matches!(name, Some(".DS_Store" | "Thumbs.db" | "desktop.ini"))
}

/// What tells one file from another, however it was reached.
#[cfg(unix)]
type Same = (u64, u64);
#[cfg(not(unix))]
type Same = PathBuf;

#[cfg(unix)]
#[allow(clippy::unnecessary_wraps)]
fn same(_: &Path, about: &fs::Metadata) -> io::Result<Same> {
    use std::os::unix::fs::MetadataExt;
    Ok((about.dev(), about.ino()))
}

#[cfg(not(unix))]
fn same(path: &Path, _: &fs::Metadata) -> io::Result<Same> {
    fs::canonicalize(path)
}

pub(super) fn show(path: &Path) -> String {
    path.display().to_string()
}

impl Walk<'_> {
    fn path(&mut self, path: &Path, named: bool, depth: usize) -> Result<(), ReadError> {
        let shown = show(path);
        let failed = |error: io::Error| ReadError::io(&show(path), &error);
        let about = fs::metadata(path).map_err(failed)?;
        if about.is_dir() {
            if !named && fs::symlink_metadata(path).map_err(failed)?.is_symlink() {
                beside(self.tally, "link-to-folder");
                return Ok(());
            }
            if depth >= DEPTH {
                let what = "folders are nested too deeply";
                return Err(ReadError::refused(Place::file(&shown), "folder-depth", what, CHECK));
            }
            let mut inside: Vec<PathBuf> = fs::read_dir(path)
                .and_then(|entries| entries.map(|entry| entry.map(|e| e.path())).collect())
                .map_err(failed)?;
            inside.sort_unstable_by(|a, b| a.file_name().cmp(&b.file_name()));
            return inside.iter().try_for_each(|path| self.path(path, false, depth + 1));
        }
        if !about.is_file() {
            beside(self.tally, "no-regular-file");
            return Ok(());
        }
        if !self.seen.insert(same(path, &about).map_err(failed)?) {
            beside(self.tally, "given-twice");
            return Ok(());
        }
        if !named && path.to_str().is_some_and(|name| unseen(name, about.len())) {
            self.archives.file(&shown);
            self.queue.push_file(path);
            return Ok(());
        }
        if is_litter(path) {
            beside(self.tally, "system-file");
            return Ok(());
        }
        let head = glance(&mut File::open(path).map_err(failed)?, self.maps).map_err(failed)?;
        if sniff::format(&head, self.maps).0 == Format::Zip {
            return self.zip(path);
        }
        self.file(Item { named, ..Item::new(path.into(), None, shown) }, &head, about.len())
    }

    fn file(&mut self, item: Item, head: &[u8], size: u64) -> Result<(), ReadError> {
        let format = sniff::format(head, self.maps).0;
        if twice(&mut self.copies, &item, format, size, self.options.max_archive_ratio)? {
            beside(self.tally, "file-twice");
            return Ok(());
        }
        self.archives.file(&item.shown);
        if let Some(item) = settle(item, head, self.maps, self.tally, &mut self.archives)? {
            self.queue.push(item);
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
                names.push((name.into_owned(), at, entry.size()));
            }
        }
        if total > self.options.max_unzipped_bytes {
            return refuse("archive-too-large", "the archive unpacks to more than is allowed", CHECK);
        }
        names.sort_unstable();
        let path: Rc<Path> = path.into();
        let mut documents = 0;
        for (name, at, size) in names {
            let item = Item::new(Rc::clone(&path), Some(at), inside(&shown, &name));
            if unseen(&name, size) {
                self.archives.file(&item.shown);
                self.queue.push_entry(&path, documents);
                documents += 1;
                continue;
            }
            let mut entry = zip.by_index(at).map_err(|error| broken(&item.shown, &error))?;
            let head = glance(&mut entry, self.maps).map_err(|error| ReadError::io(&item.shown, &error))?;
            drop(entry);
            self.file(item, &head, size)?;
        }
        Ok(())
    }
}

pub(super) fn broken(shown: &str, _: &zip::result::ZipError) -> ReadError {
    let what = "the archive is damaged or uses a method other than deflate";
    let help = "Check that the transfer was complete, or unpack it and give the folder";
    ReadError::refused(Place::file(shown), "archive-broken", what, help)
}

pub(super) fn open_zip(path: &Path, shown: &str) -> Result<Zip, ReadError> {
    let file = File::open(path).map_err(|error| ReadError::io(shown, &error))?;
    ZipArchive::new(BufReader::new(file)).map_err(|error| broken(shown, &error))
}

/// The first bytes: few for XML, of which there are many files; more for CSV, whose encoding they tell.
fn glance(input: &mut dyn Read, maps: &Maps) -> io::Result<Vec<u8>> {
    let mut head = Vec::with_capacity(GLANCE);
    let mut input = input.take(HEAD as u64);
    Read::by_ref(&mut input).take(GLANCE as u64).read_to_end(&mut head)?;
    if head.len() == GLANCE
        && !matches!(sniff::format(&head, maps).0, Format::Checkup | Format::AppleHealth | Format::Fhir | Format::Zip)
    {
        input.read_to_end(&mut head)?;
    }
    Ok(head)
}
