//! Blocks of people on worker threads, written to the files in order.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};

use polars::prelude::{BatchedWriter, Column, DataFrame, DataType, NamedFrom, ParquetWriter, Schema, Series};
use zip::ZipWriter;

use super::calendar::fiscal_year;
use super::course::{Numbers, live};
use super::dice::{Dice, Purpose};
use super::names::Names;
use super::out::{Block, Counts, Layout, Room, TruthRow};
use super::people::{Period, Person};
use super::traits::Traits;
use super::{SynthError, SynthOptions, SynthReport};
use super::{care, checkups, claims, eligibility, lifelog};

/// Persons per block.
const BLOCK: u32 = 250;
/// Rows of the truth per row group.
const TRUTH_ROWS: usize = 250_000;

struct World<'a> {
    options: &'a SynthOptions,
    names: Names,
    layout: Layout,
    period: Period,
    /// Clinics; a region of the size of the population.
    facilities: u32,
}

impl World<'_> {
    fn block(&self, index: u32, room: Room) -> Block {
        let mut block = Block::new(self.layout, room);
        let first = index * BLOCK;
        let size = BLOCK.min(self.options.persons - first);
        let mut dice = Dice::new(self.options.seed, Purpose::People, u64::from(index));
        let mut numbers = Numbers::new(index);
        while block.persons < size {
            let mut household = live(&mut dice, &self.names, self.options, self.period, &mut numbers);
            household.truncate((size - block.persons) as usize);
            block.counts.households += 1;
            for person in &mut household {
                person.number = first + block.persons;
                block.persons += 1;
                self.person(person, &mut block);
            }
        }
        block
    }

    fn person(&self, person: &Person, block: &mut Block) {
        let (options, layout, period) = (self.options, self.layout, self.period);
        let traits = Traits::new(options.seed, person);
        eligibility::write(options, layout, period, person, block);
        let receipts = care::receipts(options.seed, person, &traits, period, self.facilities);
        if receipts.is_empty() && !person.spells.is_empty() {
            block.counts.without_claims += 1;
        }
        let mut writer = claims::Writer::new(options, layout, person);
        for receipt in &receipts {
            writer.medical(block, receipt);
            writer.pharmacy(block, receipt);
        }
        checkups::write(options, layout, period, person, &traits, block);
        lifelog::write(options, layout, period, person, &traits, block);
    }
}

pub(super) fn generate(dir: &Path, options: &SynthOptions, progress: &dyn Fn(u64)) -> Result<SynthReport, SynthError> {
    options.validate()?;
    let io = |path: &Path, source| SynthError::Io { path: path.to_owned(), source };
    std::fs::create_dir_all(dir).map_err(|error| io(dir, error))?;
    let mut entries = std::fs::read_dir(dir).map_err(|error| io(dir, error))?;
    if entries.next().is_some() {
        return Err(SynthError::Occupied { path: dir.to_owned() });
    }
    let period = Period::new(options.months);
    let world = World {
        options,
        names: Names::load(),
        layout: Layout { period },
        period,
        facilities: 60 + options.persons / 250,
    };
    let blocks = options.persons.div_ceil(BLOCK);
    let threads = options.threads.clamp(1, 64).min(blocks);
    let mut sink = Sink::new(dir, world.layout)?;
    std::thread::scope(|scope| {
        let mut lanes: Vec<Lane> = Vec::new();
        for worker in 0..threads {
            let (send, receive): (SyncSender<_>, _) = sync_channel(2);
            let (give_back, used) = channel();
            lanes.push(Lane { receive, give_back });
            let world = &world;
            scope.spawn(move || {
                for index in (worker..blocks).step_by(threads as usize) {
                    // The other side hangs up after an error; then nobody wants the rest.
                    let room = used.try_recv().unwrap_or_default();
                    if send.send(world.block(index, room)).is_err() {
                        break;
                    }
                }
            });
        }
        for index in 0..blocks {
            let lane = lanes.get((index % threads) as usize).ok_or(SynthError::Worker)?;
            let block = lane.receive.recv().map_err(|_| SynthError::Worker)?;
            let room = sink.take(block)?;
            // A worker that has done its share no longer listens.
            let _ = lane.give_back.send(room);
            progress(sink.persons);
        }
        Ok::<(), SynthError>(())
    })?;
    sink.finish()
}

/// From a worker its blocks in order; back to it their buffers.
struct Lane {
    receive: Receiver<Block>,
    give_back: Sender<Room>,
}

struct Open {
    path: PathBuf,
    file: File,
}

struct Archive {
    path: PathBuf,
    zip: ZipWriter<BufWriter<File>>,
    records: usize,
    index: usize,
}

/// The files on disk. A file is created when the first bytes for it come.
struct Sink {
    dir: PathBuf,
    layout: Layout,
    files: Vec<Option<Open>>,
    archives: Vec<Option<Archive>>,
    truth: Truth,
    counts: Counts,
    persons: u64,
    bytes: u64,
}

impl Sink {
    fn new(dir: &Path, layout: Layout) -> Result<Self, SynthError> {
        let mut sink = Sink {
            dir: dir.to_owned(),
            layout,
            files: (0..layout.files()).map(|_| None).collect(),
            archives: (0..layout.archives()).map(|_| None).collect(),
            truth: Truth::create(&dir.join("truth.parquet"))?,
            counts: Counts::default(),
            persons: 0,
            bytes: 0,
        };
        // Readers expect these even if a tiny population leaves them without rows.
        for index in 0..3 {
            sink.append(index, &[])?;
        }
        Ok(sink)
    }

    fn append(&mut self, index: usize, bytes: &[u8]) -> Result<(), SynthError> {
        let (path, header) = self.layout.file(&self.dir, index);
        let Some(slot) = self.files.get_mut(index) else {
            return Ok(());
        };
        let fail = |source| SynthError::Io { path: path.clone(), source };
        if slot.is_none() {
            if let Some(folder) = path.parent() {
                std::fs::create_dir_all(folder).map_err(fail)?;
            }
            let mut file = File::create_new(&path).map_err(fail)?;
            file.write_all(&header).map_err(fail)?;
            self.bytes += header.len() as u64;
            *slot = Some(Open { path: path.clone(), file });
        }
        if let Some(open) = slot {
            open.file.write_all(bytes).map_err(fail)?;
            self.bytes += bytes.len() as u64;
        }
        Ok(())
    }

    fn take(&mut self, block: Block) -> Result<Room, SynthError> {
        for (index, bytes) in block.files.iter().enumerate() {
            if !bytes.is_empty() {
                self.append(index, bytes)?;
            }
        }
        let mut start = 0;
        for document in &block.checkups {
            let text = block.documents.get(start..document.end).unwrap_or_default();
            start = document.end;
            let archive = self.archive(document.archive)?;
            archive.records += 1;
            let failed = |error: zip::result::ZipError| SynthError::Archive(error.to_string());
            archive.zip.start_file(document.name.as_str(), checkups::zip_options()).map_err(failed)?;
            archive.zip.write_all(text).map_err(|source| SynthError::Io { path: archive.path.clone(), source })?;
        }
        self.truth.add(&block.truth)?;
        self.counts.add(&block.counts);
        self.persons += u64::from(block.persons);
        Ok(Room { files: block.files, documents: block.documents })
    }

    fn archive(&mut self, index: usize) -> Result<&mut Archive, SynthError> {
        let slot = self.archives.get_mut(index).ok_or(SynthError::Worker)?;
        match slot {
            Some(archive) => Ok(archive),
            None => {
                let (fund, year) = self.layout.archive_of(index);
                let folder = self.dir.join(fund.name()).join("checkups");
                let path = folder.join(format!("{}.zip", checkups::archive_name(fund, year)));
                let fail = |source| SynthError::Io { path: path.clone(), source };
                std::fs::create_dir_all(&folder).map_err(fail)?;
                let file = File::create_new(&path).map_err(fail)?;
                let zip = ZipWriter::new(BufWriter::with_capacity(1 << 18, file));
                Ok(slot.insert(Archive { path, zip, records: 0, index }))
            }
        }
    }

    fn finish(mut self) -> Result<SynthReport, SynthError> {
        for archive in self.archives.into_iter().flatten() {
            let (fund, year) = self.layout.archive_of(archive.index);
            let mut zip = archive.zip;
            let failed = |error: zip::result::ZipError| SynthError::Archive(error.to_string());
            let name = format!("{}/ix08_V08.xml", checkups::archive_name(fund, year));
            zip.start_file(name, checkups::zip_options()).map_err(failed)?;
            let index = checkups::index_file(fund, year, archive.records);
            let fail = |source| SynthError::Io { path: archive.path.clone(), source };
            zip.write_all(index.as_bytes()).map_err(fail)?;
            let mut file = zip.finish().map_err(failed)?;
            file.flush().map_err(fail)?;
            let size = std::fs::metadata(&archive.path).map_err(fail)?.len();
            self.bytes += size;
        }
        for open in self.files.iter_mut().flatten() {
            open.file.flush().map_err(|source| SynthError::Io { path: open.path.clone(), source })?;
        }
        let identities = self.truth.finish()?;
        let counts = self.counts;
        debug_assert!(fiscal_year(self.layout.period.last) == 2024);
        Ok(SynthReport {
            persons: self.persons,
            households: counts.households,
            enrolments: counts.spells,
            without_claims: counts.without_claims,
            medical_claims: counts.medical,
            pharmacy_claims: counts.pharmacy,
            corrected_claims: counts.corrected,
            checkups: counts.checkups,
            lifelog_users: counts.users,
            lifelog_days: counts.days,
            identities,
            bytes: self.bytes,
        })
    }
}

/// truth.parquet, in row groups.
struct Truth {
    writer: BatchedWriter<File>,
    rows: Vec<TruthRow>,
    written: u64,
}

const SOURCES: [&str; 3] = ["kenpo", "kokuho", "lifelog"];

impl Truth {
    fn create(path: &Path) -> Result<Self, SynthError> {
        let file = File::create_new(path).map_err(|source| SynthError::Io { path: path.to_owned(), source })?;
        let mut schema = Schema::with_capacity(3);
        schema.insert("source".into(), DataType::String);
        schema.insert("fingerprint".into(), DataType::UInt64);
        schema.insert("person".into(), DataType::UInt32);
        let writer = ParquetWriter::new(file).batched(&schema).map_err(|error| SynthError::Truth(error.to_string()))?;
        Ok(Truth { writer, rows: Vec::new(), written: 0 })
    }

    fn add(&mut self, rows: &[TruthRow]) -> Result<(), SynthError> {
        self.rows.extend_from_slice(rows);
        if self.rows.len() >= TRUTH_ROWS {
            self.flush()?;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), SynthError> {
        let source: Vec<&str> =
            self.rows.iter().map(|row| SOURCES.get(usize::from(row.0)).copied().unwrap_or_default()).collect();
        let fingerprint: Vec<u64> = self.rows.iter().map(|row| row.1).collect();
        let person: Vec<u32> = self.rows.iter().map(|row| row.2).collect();
        let columns: Vec<Column> = vec![
            Series::new("source".into(), source).into(),
            Series::new("fingerprint".into(), fingerprint).into(),
            Series::new("person".into(), person).into(),
        ];
        let failed = |error: polars::prelude::PolarsError| SynthError::Truth(error.to_string());
        let frame = DataFrame::new(self.rows.len(), columns).map_err(failed)?;
        self.writer.write_batch(&frame).map_err(failed)?;
        self.written += self.rows.len() as u64;
        self.rows.clear();
        Ok(())
    }

    fn finish(mut self) -> Result<u64, SynthError> {
        if !self.rows.is_empty() || self.written == 0 {
            self.flush()?;
        }
        self.writer.finish().map_err(|error| SynthError::Truth(error.to_string()))?;
        Ok(self.written)
    }
}
