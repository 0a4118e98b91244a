//! The files on disk: blocks come in order, each file grows by its part. Not what stands in them.

use std::collections::{BTreeMap, HashMap};
use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use zip::ZipWriter;

use super::ledger::Ledger;
use super::out::{Block, Counts, Document, Footer, Part, Room};
use super::people::Fund;
use super::truth::Truth;
use super::{SynthError, SynthReport, checkups};
use crate::catalogue::Catalogue;

/// Files kept open; the others are opened for every block. Systems allow as few as 256.
const KEPT_OPEN: usize = 180;

struct Open {
    file: Option<File>,
    footer: Option<Footer>,
    records: u64,
    points: i64,
}

/// Documents of an archive. Its directory stays in memory until it is closed, so that large populations get several.
const RECORDS: usize = 5_000;

struct Archive {
    fund: Fund,
    year: i32,
    path: PathBuf,
    /// Name of the archive and of the folder in it.
    name: String,
    zip: ZipWriter<BufWriter<File>>,
    records: usize,
}

impl Archive {
    fn create(dir: &Path, fund: Fund, year: i32, part: i32) -> Result<Self, SynthError> {
        let name = checkups::archive_name(fund, year, part);
        let path = dir.join(fund.name()).join("checkups").join(format!("{name}.zip"));
        let file = create(&path).map_err(|source| SynthError::Io { path: path.clone(), source })?;
        let zip = ZipWriter::new(BufWriter::with_capacity(1 << 18, file));
        Ok(Archive { fund, year, path, name, zip, records: 0 })
    }

    fn add(&mut self, name: &str, text: &[u8]) -> Result<(), SynthError> {
        let failed = |error: zip::result::ZipError| SynthError::Archive(error.to_string());
        let name = format!("{}/DATA/{name}", self.name);
        self.zip.start_file(name, checkups::zip_options()).map_err(failed)?;
        self.records += 1;
        self.zip.write_all(text).map_err(|source| SynthError::Io { path: self.path.clone(), source })
    }

    /// Writes the index and closes the archive; gives its size.
    fn close(mut self) -> Result<u64, SynthError> {
        let failed = |error: zip::result::ZipError| SynthError::Archive(error.to_string());
        self.zip.start_file(format!("{}/ix08_V08.xml", self.name), checkups::zip_options()).map_err(failed)?;
        let index = checkups::index_file(self.fund, self.year, self.records);
        let fail = |source| SynthError::Io { path: self.path.clone(), source };
        self.zip.write_all(index.as_bytes()).map_err(fail)?;
        let mut file = self.zip.finish().map_err(failed)?;
        file.flush().map_err(fail)?;
        Ok(std::fs::metadata(&self.path).map_err(fail)?.len())
    }
}

/// A file is created when the first bytes for it come.
pub(crate) struct Sink {
    dir: PathBuf,
    files: HashMap<String, Open>,
    /// By insurer and 年度: how many were begun, and the open one.
    archives: BTreeMap<(usize, i32), (i32, Option<Archive>)>,
    truth: Truth,
    ledger: Option<(Catalogue, Ledger)>,
    counts: Counts,
    pub(crate) persons: u64,
    bytes: u64,
}

impl Sink {
    pub(crate) fn new(dir: &Path, ledger: bool) -> Result<Self, SynthError> {
        let catalogue = || Catalogue::builtin().map_err(|_| SynthError::Ledger("*".to_owned()));
        Ok(Sink {
            dir: dir.to_owned(),
            files: HashMap::new(),
            archives: BTreeMap::new(),
            truth: Truth::create(&dir.join("truth.parquet"))?,
            ledger: if ledger { Some((catalogue()?, Ledger::default())) } else { None },
            counts: Counts::default(),
            persons: 0,
            bytes: 0,
        })
    }

    /// Creates a file that readers expect even if nobody is in it.
    pub(crate) fn expect(&mut self, path: &str, header: Vec<u8>) -> Result<(), SynthError> {
        let (path, bytes) = (path.to_owned(), Vec::new());
        self.append(&Part { path, header, footer: None, bytes, records: 0, points: 0 })
    }

    fn append(&mut self, part: &Part) -> Result<(), SynthError> {
        let path = self.dir.join(&part.path);
        let fail = |source| SynthError::Io { path: path.clone(), source };
        let room = self.files.len() < KEPT_OPEN;
        let open = match self.files.get_mut(&part.path) {
            Some(open) => open,
            None => {
                let mut file = create(&path).map_err(fail)?;
                file.write_all(&part.header).map_err(fail)?;
                self.bytes += part.header.len() as u64;
                let file = room.then_some(file);
                self.files.entry(part.path.clone()).or_insert(Open { file, footer: part.footer, records: 0, points: 0 })
            }
        };
        open.records += part.records;
        open.points += part.points;
        write(open, &path, &part.bytes).map_err(fail)?;
        self.bytes += part.bytes.len() as u64;
        Ok(())
    }

    pub(crate) fn take(&mut self, block: Block) -> Result<Room, SynthError> {
        for part in &block.room.parts {
            if !part.bytes.is_empty() {
                self.append(part)?;
            }
        }
        for (path, bytes) in &block.whole {
            let path = self.dir.join(path);
            let fail = |source| SynthError::Io { path: path.clone(), source };
            create(&path).and_then(|mut file| file.write_all(bytes)).map_err(fail)?;
            self.bytes += bytes.len() as u64;
        }
        let mut start = 0;
        for document in &block.checkups {
            let text = block.room.documents.get(start..document.end).unwrap_or_default();
            start = document.end;
            self.document(document, text)?;
        }
        self.truth.add(&block.truth)?;
        if let (Some((catalogue, ledger)), Some(entries)) = (&mut self.ledger, block.ledger) {
            ledger.add(catalogue, entries)?;
        }
        self.counts.add(&block.counts);
        self.persons += u64::from(block.persons);
        Ok(block.room)
    }

    fn document(&mut self, document: &Document, text: &[u8]) -> Result<(), SynthError> {
        let (fund, year) = (document.fund, document.year);
        let (begun, open) = self.archives.entry((fund.index(), year)).or_default();
        let archive = match open {
            Some(archive) => archive,
            None => {
                *begun += 1;
                open.insert(Archive::create(&self.dir, fund, year, *begun)?)
            }
        };
        archive.add(&document.name, text)?;
        if archive.records >= RECORDS
            && let Some(full) = open.take()
        {
            self.bytes += full.close()?;
        }
        Ok(())
    }

    pub(crate) fn finish(mut self) -> Result<(SynthReport, Ledger), SynthError> {
        for archive in self.archives.into_values().filter_map(|(_, open)| open) {
            self.bytes += archive.close()?;
        }
        for (path, open) in &mut self.files {
            let path = self.dir.join(path);
            if let Some((footer, variant)) = open.footer {
                let bytes = footer(variant, open.records, open.points);
                self.bytes += bytes.len() as u64;
                write(open, &path, &bytes).map_err(|source| SynthError::Io { path, source })?;
            }
        }
        let identities = self.truth.finish()?;
        let counts = self.counts;
        let report = SynthReport {
            persons: self.persons,
            households: counts.households,
            enrolments: counts.spells,
            without_claims: counts.without_claims,
            medical_claims: counts.medical,
            dpc_claims: counts.dpc,
            dental_claims: counts.dental,
            pharmacy_claims: counts.pharmacy,
            provider_claims: counts.provider,
            corrected_claims: counts.corrected,
            readjudicated_claims: counts.readjudicated,
            checkups: counts.checkups,
            lifelog_users: counts.users,
            lifelog_days: counts.days,
            personal_files: counts.personal,
            further_rows: counts.further,
            identities,
            bytes: self.bytes,
        };
        Ok((report, self.ledger.map(|(_, ledger)| ledger).unwrap_or_default()))
    }
}

fn create(path: &Path) -> std::io::Result<File> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    File::create_new(path)
}

fn write(open: &mut Open, path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    match &mut open.file {
        Some(file) => file.write_all(bytes),
        None if bytes.is_empty() => Ok(()),
        None => OpenOptions::new().append(true).open(path)?.write_all(bytes),
    }
}
