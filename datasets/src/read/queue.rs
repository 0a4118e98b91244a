//! What there is to read, in its turn. Files that were looked into stand there one by one; of documents that were not, which are
//! many, only names in a folder are held, or how many an archive has: their names are asked for when their turn comes.

use std::collections::VecDeque;
use std::ffi::OsStr;
use std::io;
use std::path::Path;
use std::rc::Rc;

use super::error::ReadError;
use super::opener::Opener;
use super::sniff::Format;
use super::text::Encoding;
use super::walk::{Zip, broken, show};

/// Documents are smaller.
pub(super) const SMALL: u64 = 1 << 20;

/// A file to read.
pub(super) struct Item {
    pub(super) path: Rc<Path>,
    /// Number of the entry in the zip at `path`.
    pub(super) entry: Option<usize>,
    /// As errors and findings show it.
    pub(super) shown: String,
    pub(super) format: Format,
    /// The column map that says so.
    pub(super) map: Option<usize>,
    pub(super) encoding: Encoding,
    pub(super) mark: usize,
    /// Not looked into yet: a small file that is named like a document, of which there are many. Its content decides when
    /// it is read; the format is a guess until then.
    pub(super) unseen: bool,
    /// Given by the user as a file of its own, so that a refusal stops the run.
    pub(super) named: bool,
}

impl Item {
    /// A file, or an entry of an archive, that may be a document.
    pub(super) fn new(path: Rc<Path>, entry: Option<usize>, shown: String) -> Self {
        let (format, encoding) = (Format::Checkup, Encoding::Utf8);
        Self { path, entry, shown, format, map: None, encoding, mark: 0, unseen: false, named: false }
    }

    fn unseen(path: Rc<Path>, entry: Option<usize>, shown: String) -> Self {
        Self { unseen: true, ..Self::new(path, entry, shown) }
    }
}

/// A small file that is named like a document of an archive.
pub(super) fn unseen(name: &str, size: u64) -> bool {
    let end = name.len().checked_sub(4).and_then(|at| name.get(at..));
    size <= SMALL && end.is_some_and(|end| end.eq_ignore_ascii_case(".xml"))
}

/// How an entry of an archive is shown.
pub(super) fn inside(archive: &str, name: &str) -> String {
    format!("{archive}!/{name}")
}

/// Documents of an archive: names and numbers.
pub(super) type Documents = Vec<(String, usize)>;

/// The documents of an archive that are not looked into before their turn, by name.
pub(super) fn documents(zip: &mut Zip, shown: &str) -> Result<Documents, ReadError> {
    let mut names = Vec::new();
    for at in 0..zip.len() {
        let entry = zip.by_index_data(at).map_err(|error| broken(shown, &error))?;
        if let Ok(name) = entry.name()
            && !entry.is_dir()
            && unseen(&name, entry.size())
        {
            names.push((name.into_owned(), at));
        }
    }
    names.sort_unstable();
    Ok(names)
}

enum Queued {
    One(Item),
    /// Documents that were not looked into, of one folder.
    Files(Rc<Path>, VecDeque<Box<OsStr>>),
    /// Such documents of an archive, by name: so many, after so many.
    Entries {
        archive: Rc<Path>,
        after: usize,
        count: usize,
    },
}

impl Queued {
    fn turn(&self) -> Option<u8> {
        match self {
            Self::One(item) => item.format.turn(),
            Self::Files(..) | Self::Entries { .. } => Format::Checkup.turn(),
        }
    }
}

/// Everything that is still to be read.
#[derive(Default)]
pub(super) struct Queue {
    items: VecDeque<Queued>,
    /// The archive whose documents have their turn.
    open: Option<(Rc<Path>, Documents)>,
}

impl Queue {
    pub(super) fn push(&mut self, item: Item) {
        self.items.push_back(Queued::One(item));
    }

    /// A document in a folder.
    pub(super) fn push_file(&mut self, path: &Path) {
        let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
            return self.push(Item::unseen(path.into(), None, show(path)));
        };
        match self.items.back_mut() {
            Some(Queued::Files(last, names)) if **last == *folder => names.push_back(name.into()),
            _ => self.items.push_back(Queued::Files(folder.into(), VecDeque::from([name.into()]))),
        }
    }

    /// The document of an archive that comes by name after so many others.
    pub(super) fn push_entry(&mut self, zip: &Rc<Path>, before: usize) {
        match self.items.back_mut() {
            Some(Queued::Entries { archive, after, count }) if archive == zip && *after + *count == before => {
                *count += 1
            }
            _ => self.items.push_back(Queued::Entries { archive: Rc::clone(zip), after: before, count: 1 }),
        }
    }

    /// In the order of turns. Within one it is that of the inputs and of the sorted names in them.
    pub(super) fn sort(&mut self) {
        self.items.make_contiguous().sort_by_key(Queued::turn);
    }

    /// Whether anything was looked into.
    pub(super) fn any_seen(&self) -> bool {
        self.items.iter().any(|queued| matches!(queued, Queued::One(item) if !item.unseen))
    }

    /// Puts an item among those of its turn, last.
    pub(super) fn insert(&mut self, item: Item) {
        let turn = item.format.turn();
        let at = self.items.partition_point(|other| other.turn() <= turn);
        self.items.insert(at, Queued::One(item));
    }

    /// The first claims file, if it lies in a folder and something else comes before it.
    pub(super) fn claims_to_come(&self) -> Option<&Item> {
        let claims = |item: &&Item| matches!(item.format, Format::Claims | Format::ProviderClaims);
        let before = self.items.front().is_some_and(|queued| queued.turn() < Format::Claims.turn());
        let mut items = self.items.iter().filter(|_| before);
        let first = items.find_map(|queued| match queued {
            Queued::One(item) => Some(item).filter(claims),
            _ => None,
        })?;
        Some(first).filter(|item| item.entry.is_none() && !item.unseen)
    }

    /// Whether what comes next was not looked into. False where it is not known yet.
    pub(super) fn is_unseen(&self) -> bool {
        match self.items.front() {
            Some(Queued::One(item)) => item.unseen,
            Some(Queued::Files(_, names)) => !names.is_empty(),
            Some(Queued::Entries { count, .. }) => *count > 0,
            None => false,
        }
    }

    /// Whether what comes next has its turn before documents.
    pub(super) fn is_due(&self) -> bool {
        self.items.front().is_some_and(|queued| queued.turn() < Format::Checkup.turn())
    }

    /// What comes next.
    pub(super) fn next(&mut self, opener: &mut Opener<'_>) -> Result<Option<Item>, ReadError> {
        loop {
            let item = match self.items.front_mut() {
                None => return Ok(None),
                Some(Queued::One(_)) => None,
                Some(Queued::Files(folder, names)) => names.pop_front().map(|name| {
                    let path = folder.join(Path::new(&name));
                    let shown = show(&path);
                    Item::unseen(path.into(), None, shown)
                }),
                Some(Queued::Entries { count: 0, .. }) => None,
                Some(Queued::Entries { archive, after, count }) => {
                    let names = match &mut self.open {
                        Some((open, names)) if open == archive => names,
                        other => &mut other.insert((Rc::clone(archive), opener.documents(archive)?)).1,
                    };
                    let shown = show(archive);
                    let Some((name, entry)) = names.get_mut(*after) else {
                        // It has fewer than it had when it was looked into.
                        return Err(ReadError::io(&shown, &io::ErrorKind::UnexpectedEof.into()));
                    };
                    (*after, *count) = (*after + 1, *count - 1);
                    Some(Item::unseen(Rc::clone(archive), Some(*entry), inside(&shown, &std::mem::take(name))))
                }
            };
            match item {
                Some(item) => return Ok(Some(item)),
                None => {
                    if let Some(Queued::One(item)) = self.items.pop_front() {
                        return Ok(Some(item));
                    }
                }
            }
        }
    }
}
