//! Opening a package at the room: structure, signature, expectations, digest, and only then decryption.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, Cursor, Read, Seek, SeekFrom};
use std::path::Path;

use polars::prelude::{Column, DataFrame, DataType, IntoColumn, ParquetReader, SerReader, Series, SortMultipleOptions};
use ring::digest::{Context, SHA256};

use super::{BoxError, CONTENT, Manifest, ManifestError, NOTE, PackageError, QUALITY};
use crate::files::FileError;
use crate::frames::{FrameError, Shaped};
use crate::identities::{DAYS, UNBORN};
use crate::keyring::Identity;
use crate::normalize::PROFILE;
use crate::token::Pass;
use crate::tombstones::TOMBSTONES;

/// A manifest and its signatures are a page of text.
const LARGEST_NOTE: u64 = 64 * 1024;

/// What the room accepts. `None` leaves a thing unchecked.
#[derive(Clone, Debug)]
pub struct Expected<'a> {
    /// The room's origin.
    pub room: &'a str,
    /// The catalogue's digest.
    pub schema: [u8; 32],
    /// The public name of the linkage key and epoch ([`crate::SourceKeys::linkage_key_id`]).
    pub linkage_key: Option<&'a str>,
    /// The last sequence number accepted from this source.
    pub last_sequence: Option<u64>,
}

/// An accepted package.
pub struct Opened {
    /// What the source signed.
    pub manifest: Manifest,
    /// The signed note.
    pub note: String,
    /// As [`crate::Pseudonymous::identity`]; without columns in a package that only has tombstones or a bridge.
    pub identity: DataFrame,
    /// As [`crate::Pseudonymous::tables`], batches joined.
    pub tables: BTreeMap<String, DataFrame>,
    /// Tokens of people whose rows of this source must go: [`crate::Tombstones::add`].
    pub tombstones: Option<DataFrame>,
    /// Pairs of old and new tokens: [`crate::RoomBridge::add`]. Empty if it has none.
    pub bridge: BTreeMap<String, DataFrame>,
    /// The source's quality report, JSON.
    pub quality: String,
}

impl std::fmt::Debug for Opened {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Opened").field("manifest", &self.manifest).finish_non_exhaustive()
    }
}

/// The signed note of a package, unverified.
///
/// # Errors
/// Not a package.
pub fn manifest(path: &Path) -> Result<String, PackageError> {
    Outer::open(path).map(|o| o.note)
}

/// What a package claims to be, unverified: enough to look up the source and its last sequence number.
///
/// # Errors
/// Not a package.
pub fn claimed(path: &Path) -> Result<Manifest, PackageError> {
    claim(path, &manifest(path)?)
}

/// Opens a package. `verify` is given the source's name and the signed note, checks the note against **that source's**
/// key and returns the signed text.
///
/// # Errors
/// Not a package; unsigned; foreign; replayed; not what was signed; not for this room; damaged. Nothing of the
/// content is returned unless all of it was what the source signed.
pub fn open(
    path: &Path,
    identity: &Identity,
    expected: &Expected<'_>,
    verify: &dyn Fn(&str, &str) -> Result<String, BoxError>,
) -> Result<Opened, PackageError> {
    let mut outer = Outer::open(path)?;
    let claim = claim(path, &outer.note)?;
    let text = verify(&claim.header.source, &outer.note)
        .map_err(|source| PackageError::Unsigned { path: path.to_owned(), source })?;
    let manifest = Manifest::parse(&text).map_err(|source| PackageError::Manifest { path: path.to_owned(), source })?;
    // The text that was verified must be the one whose source chose the key.
    if manifest != claim {
        let source = "the verified text is not the manifest's".into();
        return Err(PackageError::Unsigned { path: path.to_owned(), source });
    }
    expected.check(path, &manifest)?;

    // Once to know that it is what was signed before any of it is parsed, once to read it; hashed both times, so that
    // a file changed in between is refused as well.
    let io = |e| PackageError::from(FileError::io("reading", path, e));
    let mut content = outer.content().map_err(io)?;
    io::copy(&mut content, &mut io::sink()).map_err(io)?;
    content.check(path, &manifest)?;
    let mut content = outer.content().map_err(io)?;
    let parts = decrypt(path, &mut content, identity)?;
    io::copy(&mut content, &mut io::sink()).map_err(io)?;
    content.check(path, &manifest)?;

    let Parts { identity, days, tables, tombstones, bridge, quality, .. } = parts;
    let identity = match (identity, days) {
        (Some(identity), Some(days)) => Some(with_days(path, identity, days)?),
        (identity, None) => identity,
        (None, Some(_)) => return Err(PackageError::Content { path: path.to_owned(), what: "days of nobody" }),
    };
    let identity = identity.or_else(|| (tombstones.is_some() || !bridge.is_empty()).then(DataFrame::empty));
    let missing = |what| PackageError::Content { path: path.to_owned(), what };
    Ok(Opened {
        manifest,
        note: outer.note,
        identity: identity.ok_or_else(|| missing("no identities"))?,
        tables,
        tombstones,
        bridge,
        quality: quality.ok_or_else(|| missing("no quality report"))?,
    })
}

impl Expected<'_> {
    fn check(&self, path: &Path, manifest: &Manifest) -> Result<(), PackageError> {
        let header = &manifest.header;
        let same = |what, found: String, expected: String| {
            if found == expected {
                return Ok(());
            }
            Err(PackageError::Foreign { path: path.to_owned(), what, found, expected })
        };
        same("room", header.room.clone(), self.room.to_owned())?;
        same("profile", manifest.profile.clone(), PROFILE.to_owned())?;
        same("catalogue", crate::kdf::hex(&header.schema), crate::kdf::hex(&self.schema))?;
        if let Some(key) = self.linkage_key {
            same("linkage key", header.linkage_key.clone(), key.to_owned())?;
        }
        match self.last_sequence {
            Some(last) if header.sequence <= last => Err(PackageError::Replayed {
                path: path.to_owned(),
                from: header.source.clone(),
                found: header.sequence,
                last,
            }),
            _ => Ok(()),
        }
    }
}

/// A signed note is its text, an empty line and signature lines.
fn claim(path: &Path, note: &str) -> Result<Manifest, PackageError> {
    let fail = |source| PackageError::Manifest { path: path.to_owned(), source };
    let (text, _) = note
        .split_once("\n\n")
        .ok_or_else(|| fail(ManifestError::Line { line: 12, expected: "an empty line and signatures" }))?;
    Manifest::parse(&format!("{text}\n")).map_err(fail)
}

/// The outer tar.
struct Outer {
    file: File,
    note: String,
    start: u64,
    size: u64,
}

impl Outer {
    fn open(path: &Path) -> Result<Self, PackageError> {
        let wrong = |what| PackageError::NotAPackage { path: path.to_owned(), what };
        let file = File::open(path).map_err(|e| FileError::io("opening", path, e))?;
        let length = file.metadata().map_err(|e| FileError::io("opening", path, e))?.len();
        let mut archive = tar::Archive::new(file);
        let (mut note, mut content) = (None, None);
        let entries = archive.entries_with_seek().map_err(|_| wrong("not a tar"))?;
        for entry in entries {
            let mut entry = entry.map_err(|_| wrong("the tar is damaged or truncated"))?;
            let regular = entry.header().entry_type() == tar::EntryType::Regular;
            if entry.raw_file_position().checked_add(entry.size()).is_none_or(|end| end > length) {
                return Err(wrong("truncated"));
            }
            match entry.path_bytes().as_ref() {
                name if regular && name == NOTE.as_bytes() && note.is_none() => {
                    if entry.size() > LARGEST_NOTE {
                        return Err(wrong("the manifest is too large"));
                    }
                    let mut text = String::new();
                    entry.read_to_string(&mut text).map_err(|_| wrong("the manifest is no text"))?;
                    note = Some(text);
                }
                name if regular && name == CONTENT.as_bytes() && content.is_none() => {
                    content = Some((entry.raw_file_position(), entry.size()));
                }
                _ => return Err(wrong("it holds something besides manifest.note and content.age")),
            }
        }
        let note = note.ok_or_else(|| wrong("no manifest.note (truncated?)"))?;
        let (start, size) = content.ok_or_else(|| wrong("no content.age"))?;
        Ok(Self { file: archive.into_inner(), note, start, size })
    }

    fn content(&mut self) -> io::Result<Hashed<'_>> {
        self.file.seek(SeekFrom::Start(self.start))?;
        let inner = BufReader::with_capacity(1 << 18, (&self.file).take(self.size));
        Ok(Hashed { inner, context: Context::new(&SHA256) })
    }
}

/// Hashes what passes.
struct Hashed<'f> {
    inner: BufReader<io::Take<&'f File>>,
    context: Context,
}

impl Read for Hashed<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buf)?;
        self.context.update(buf.get(..n).unwrap_or_default());
        Ok(n)
    }
}

impl Hashed<'_> {
    fn check(self, path: &Path, manifest: &Manifest) -> Result<(), PackageError> {
        if self.context.finish().as_ref() == manifest.content {
            Ok(())
        } else {
            Err(PackageError::Tampered(path.to_owned()))
        }
    }
}

#[derive(Default)]
struct Parts {
    identity: Option<DataFrame>,
    days: Option<DataFrame>,
    tables: BTreeMap<String, DataFrame>,
    tombstones: Option<DataFrame>,
    bridge: BTreeMap<String, DataFrame>,
    quality: Option<String>,
}

fn decrypt(path: &Path, content: &mut Hashed<'_>, identity: &Identity) -> Result<Parts, PackageError> {
    let wrong = |what| PackageError::Content { path: path.to_owned(), what };
    let decryptor = age::Decryptor::new(&mut *content).map_err(|_| wrong("not an age file"))?;
    let reader = decryptor.decrypt(std::iter::once(identity.age() as &dyn age::Identity)).map_err(|e| match e {
        age::DecryptError::NoMatchingKeys => PackageError::NotARecipient(path.to_owned()),
        _ => wrong("the age header is damaged"),
    })?;
    let mut archive = tar::Archive::new(reader);
    let (mut parts, mut bounds) = (Parts::default(), Bounds::new());
    for entry in archive.entries().map_err(|_| wrong("no tar inside"))? {
        let mut entry = entry.map_err(|_| wrong("the inner tar is damaged"))?;
        let name = String::from_utf8(entry.path_bytes().into_owned()).map_err(|_| wrong("a file name is no text"))?;
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).map_err(|_| wrong("the inner tar is damaged"))?;
        let pieces: Vec<&str> = name.split('/').collect();
        match pieces.as_slice() {
            [QUALITY] if parts.quality.is_none() => {
                let text = String::from_utf8(bytes).map_err(|_| wrong("the quality report is no text"))?;
                parts.quality = Some(text);
            }
            ["identity", _] => joined("identity", &mut parts.identity, bounds.parquet(path, "identity", bytes)?)?,
            ["days", _] => joined("days", &mut parts.days, bounds.parquet(path, "days", bytes)?)?,
            [TOMBSTONES, _] if parts.tombstones.is_none() => {
                parts.tombstones = Some(bounds.parquet(path, TOMBSTONES, bytes)?)
            }
            ["bridge", part, _] if !parts.bridge.contains_key(*part) => {
                parts.bridge.insert((*part).to_owned(), bounds.parquet(path, "bridge", bytes)?);
            }
            ["tables", table, _] => {
                let mut whole = parts.tables.remove(*table);
                joined(table, &mut whole, bounds.parquet(path, table, bytes)?)?;
                parts.tables.extend(whole.map(|whole| ((*table).to_owned(), whole)));
            }
            _ => return Err(wrong("a file that no writer makes")),
        }
    }
    // To the end, so that age checks its last chunk.
    let mut reader = archive.into_inner();
    io::copy(&mut reader, &mut io::sink()).map_err(|_| wrong("truncated inside"))?;
    Ok(parts)
}

fn joined(table: &str, whole: &mut Option<DataFrame>, frame: DataFrame) -> Result<(), FrameError> {
    match whole {
        Some(whole) => whole.vstack_mut(&frame).map(|_| ()).map_err(|e| FrameError::polars(table, &e)),
        None => {
            *whole = Some(frame);
            Ok(())
        }
    }
}

/// Identities and their days, each once and both in full; what was made of a birth date that can't be right is taken out.
fn with_days(path: &Path, identity: DataFrame, days: DataFrame) -> Result<DataFrame, PackageError> {
    let sorted = |frame: DataFrame| -> Result<DataFrame, PackageError> {
        let mut frame =
            frame.sort(["ident"], SortMultipleOptions::default()).map_err(|e| FrameError::polars("days", &e))?;
        frame.rechunk_mut();
        Ok(frame)
    };
    let (identity, days) = (sorted(identity)?, sorted(days)?);
    let (people, known) = (Shaped::new("identity", &identity), Shaped::new("days", &days));
    let (idents, others) = (people.u32("ident")?, known.u32("ident")?);
    if idents.len() != others.len() || !idents.iter().eq(others.iter()) {
        return Err(PackageError::Content { path: path.to_owned(), what: "identities and their days differ" });
    }
    let born = !known.bool(UNBORN)?;
    let mut columns: Vec<Column> = Vec::new();
    for column in identity.columns() {
        let of_birth = Pass::ALL.iter().any(|pass| pass.holds_birth() && pass.column() == column.name().as_str());
        columns.push(if of_birth || column.name() == "birth_ym" {
            let nothing = Series::full_null(column.name().clone(), 1, column.dtype());
            let kept = column.as_materialized_series().zip_with(&born, &nothing);
            kept.map_err(|e| FrameError::polars("identity", &e))?.into_column()
        } else {
            column.clone()
        });
        if column.name() == "birth_ym" {
            for name in DAYS {
                columns.push(known.column(name, &DataType::Date)?.clone());
            }
        }
    }
    Ok(DataFrame::new(identity.height(), columns).map_err(|e| FrameError::polars("identity", &e))?)
}

/// What Parquet files of a package may unpack to. Their own metadata is asked before anything is allocated: a few bytes can
/// stand for a billion equal rows.
struct Bounds {
    rows: u64,
    bytes: u64,
}

impl Bounds {
    /// Rows and bytes for a package of nothing.
    const FREE: (u64, u64) = (1_000_000, 64 << 20);
    /// Rows and bytes for each byte that is read. Rows of real packages take five bytes and more, zstd makes a twentieth of them.
    const EACH: (u64, u64) = (1, 100);

    fn new() -> Self {
        Self { rows: Self::FREE.0, bytes: Self::FREE.1 }
    }

    fn parquet(&mut self, path: &Path, table: &str, bytes: Vec<u8>) -> Result<DataFrame, PackageError> {
        let fail = |e| PackageError::from(FrameError::polars(table, &e));
        let bomb =
            || PackageError::Content { path: path.to_owned(), what: "it would unpack to more than a package can hold" };
        let read = bytes.len() as u64;
        self.rows = self.rows.saturating_add(read.saturating_mul(Self::EACH.0));
        self.bytes = self.bytes.saturating_add(read.saturating_mul(Self::EACH.1));
        let mut reader = ParquetReader::new(Cursor::new(bytes));
        let about = reader.get_metadata().map_err(fail)?;
        let groups = about.row_groups.iter();
        let (rows, unpacked) = groups.fold((0_u64, 0_u64), |(rows, bytes), group| {
            (rows.saturating_add(group.num_rows() as u64), bytes.saturating_add(group.total_byte_size() as u64))
        });
        if about.num_rows as u64 != rows {
            return Err(PackageError::Content { path: path.to_owned(), what: "a table that contradicts itself" });
        }
        self.rows = self.rows.checked_sub(rows).ok_or_else(bomb)?;
        self.bytes = self.bytes.checked_sub(unpacked).ok_or_else(bomb)?;
        reader.finish().map_err(fail)
    }
}
