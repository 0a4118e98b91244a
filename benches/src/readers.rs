//! Readers against the floor: the same bytes decoded and split, and nothing else.
//!
//! Ours checks, corrects, converts, tells identities apart and builds frames. Both sides read files that the page cache holds.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use datasets::read::{Identified, ReadOptions, read};
use encoding_rs::SHIFT_JIS;
use polars::prelude::DataFrame;
use quick_xml::Reader;
use quick_xml::events::Event;
use zip::ZipArchive;

use crate::Failure;
use crate::compare::{Bench, Pair, Sense};
use crate::room::Room;

pub(crate) fn measure(bench: &mut Bench, room: &Room) -> Result<(), Failure> {
    let claims = room.raw("kenpo").join("claims");
    let files = files(&claims)?;
    let pair = |id, what, peer, work: u64, bar| Pair {
        id,
        what,
        peer,
        sense: Sense::Speed,
        work: work as f64,
        unit: "bytes",
        bar,
    };
    let work = pair("claims", "Payer-side claims CSV (CP932)", "encoding_rs and csv", size(&files)?, "≥ 0.5 (issue 3)");
    bench.pair(&work, &mut || ours(&claims), &mut || files.iter().try_fold(0, |sum, file| Ok(sum + split(file)?)))?;

    let archives = self::files(&room.raw("kenpo").join("checkups"))?;
    let folder = room.folder("documents")?;
    for archive in &archives {
        unpack(archive, &folder)?;
    }
    let documents = self::files(&folder)?;
    let work = pair(
        "documents",
        "特定健診 XML, a folder of documents",
        "bare quick-xml",
        size(&documents)?,
        "≥ 0.5 (issue 3)",
    );
    let mut peer = || {
        let mut sum = 0;
        for document in &documents {
            sum += events(&std::fs::read(document)?)?;
        }
        Ok(sum)
    };
    bench.pair(&work, &mut || ours(&folder), &mut peer)?;

    let packed = room.raw("kenpo").join("checkups");
    let work = pair("archive", "The same in its zip archive", "zip and bare quick-xml", size(&documents)?, "–");
    let mut peer = || {
        let mut sum = 0;
        for archive in &archives {
            each(archive, &mut |_, bytes| {
                sum += events(bytes)?;
                Ok(())
            })?;
        }
        Ok(sum)
    };
    bench.pair(&work, &mut || ours(&packed), &mut peer)
}

/// Our reader; rows that it made.
fn ours(path: &Path) -> Result<u64, Failure> {
    let mut rows = 0;
    let mut sink = |batch: Identified| {
        rows += batch.tables().values().map(DataFrame::height).sum::<usize>();
        Ok(())
    };
    read(&[path.to_owned()], &ReadOptions::default(), &mut sink, &|_| {})?;
    if rows == 0 {
        return Err("the reader made no rows of the synthetic files".into());
    }
    Ok(rows as u64)
}

/// Decodes and splits a file; fields that it has.
fn split(path: &Path) -> Result<u64, Failure> {
    let bytes = std::fs::read(path)?;
    let (text, _, _) = SHIFT_JIS.decode(&bytes);
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
    let mut record = csv::ByteRecord::new();
    let mut fields = 0;
    while reader.read_byte_record(&mut record)? {
        fields += record.len() as u64;
    }
    Ok(fields)
}

/// A bare pass over a document; its events.
fn events(bytes: &[u8]) -> Result<u64, Failure> {
    let mut reader = Reader::from_reader(bytes);
    let mut events = 0;
    loop {
        match reader.read_event()? {
            Event::Eof => return Ok(events),
            _ => events += 1,
        }
    }
}

/// Gets the name and the bytes of a document.
type Take<'a> = &'a mut dyn FnMut(&str, &[u8]) -> Result<(), Failure>;

/// The documents of an archive, one after the other.
fn each(archive: &Path, take: Take<'_>) -> Result<(), Failure> {
    let mut zip = ZipArchive::new(File::open(archive)?)?;
    let mut bytes = Vec::new();
    for place in 0..zip.len() {
        let mut entry = zip.by_index(place)?;
        if entry.is_dir() {
            continue;
        }
        bytes.clear();
        entry.read_to_end(&mut bytes)?;
        let name = entry.name()?.into_owned();
        take(&name, &bytes)?;
    }
    Ok(())
}

fn unpack(archive: &Path, folder: &Path) -> Result<(), Failure> {
    each(archive, &mut |name, bytes| {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().ok_or("an entry without a folder")?)?;
        Ok(std::fs::write(path, bytes)?)
    })
}

/// All files below a folder, by name.
fn files(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(files(&path)?);
        } else {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

fn size(files: &[PathBuf]) -> Result<u64, Failure> {
    files.iter().try_fold(0, |sum, file| Ok(sum + std::fs::metadata(file)?.len()))
}
