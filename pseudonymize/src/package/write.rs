//! Making a package: one pass, bounded memory, nothing under the final name until all is there and signed.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::path::Path;
use std::str::FromStr;

use polars::prelude::DataFrame;
use ring::digest::{Context, SHA256};

use super::{BoxError, CONTENT, Header, Manifest, NOTE, PackageError, QUALITY, parquet::Encoder};
use crate::files::{Draft, FileError};
use crate::frames::FrameError;
use crate::normalize::PROFILE;
use crate::tombstones::TOMBSTONES;
use crate::transform::Pseudonymous;

const BLOCK: u64 = 512;

/// What was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// The manifest.
    pub manifest: Manifest,
    /// The signed note.
    pub note: String,
    /// Size of the package in bytes.
    pub bytes: u64,
}

type Content = tar::Builder<age::stream::StreamWriter<Hashing>>;

/// A package in the making. Dropped before [`Writer::finish`], it leaves nothing; killed, a hidden `.partial` file
/// that is encrypted to the room and has no manifest.
pub struct Writer {
    draft: Draft,
    header: Header,
    content: Content,
    parts: BTreeMap<String, u32>,
    encoder: Encoder,
    /// To write Parquet into, again and again.
    buffer: Vec<u8>,
    /// There are identities.
    people: bool,
    /// Nothing may come any more.
    complete: bool,
}

impl std::fmt::Debug for Writer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Writer").field("header", &self.header).finish_non_exhaustive()
    }
}

impl Writer {
    /// Starts a package that will be called `path`, encrypted to the recipients (`age1…`).
    ///
    /// # Errors
    /// The name is taken, the header can't be written, or a recipient isn't one.
    pub fn create(path: &Path, header: Header, recipients: &[String]) -> Result<Self, PackageError> {
        let trial = Manifest { header: header.clone(), profile: PROFILE.to_owned(), content: [0; 32] };
        trial.to_text().map_err(PackageError::Header)?;
        let encryption = |what| PackageError::Encryption { path: path.to_owned(), what };
        let recipients = recipients
            .iter()
            .map(|r| age::x25519::Recipient::from_str(r))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|_| encryption("a recipient is not an age X25519 recipient (age1…)"))?;
        let encryptor = age::Encryptor::with_recipients(recipients.iter().map(|r| r as _))
            .map_err(|_| encryption("no recipients were given"))?;
        let draft = Draft::create(path)?;
        let io = |e| PackageError::from(FileError::io("writing", path, e));
        let mut file = draft.file().try_clone().map_err(io)?;
        // The place of the header of `content.age`, whose size is known at the end.
        file.write_all(&[0; BLOCK as usize]).map_err(io)?;
        let hashing =
            Hashing { inner: BufWriter::with_capacity(1 << 18, file), context: Context::new(&SHA256), bytes: 0 };
        let stream = encryptor.wrap_output(hashing).map_err(io)?;
        let (content, encoder) = (tar::Builder::new(stream), Encoder::new().map_err(io)?);
        let (parts, buffer) = (BTreeMap::new(), Vec::new());
        Ok(Self { draft, header, content, parts, encoder, buffer, people: false, complete: false })
    }

    /// Adds a batch. A batch that holds all identities of a run is the last; those of a run that forgets have their own.
    ///
    /// # Errors
    /// The file system, or a batch after the last.
    pub fn append(&mut self, batch: &Pseudonymous) -> Result<(), PackageError> {
        if self.complete {
            return Err(PackageError::Order);
        }
        for (name, frame) in batch.tables() {
            if frame.height() > 0 {
                self.part(&format!("tables/{name}"), frame)?;
            }
        }
        if batch.identity().height() > 0 {
            self.part("identity", batch.identity())?;
            self.people = true;
            // Days among them: these are all.
            self.complete = batch.identity().column("last_seen").is_ok();
        }
        if batch.days().height() > 0 {
            self.part("days", batch.days())?;
        }
        Ok(())
    }

    /// Adds the tokens of people whose earlier rows must go ([`crate::Pseudonymizer::tombstones`]), after all batches. A package
    /// may have nothing else.
    ///
    /// # Errors
    /// The file system.
    pub fn tombstones(&mut self, frame: &DataFrame) -> Result<(), PackageError> {
        if frame.height() > 0 {
            self.part(TOMBSTONES, frame)?;
            self.complete = true;
        }
        Ok(())
    }

    /// Adds the pairs of a [`crate::Bridge`]. A package may have nothing else.
    ///
    /// # Errors
    /// The file system.
    pub fn bridge(&mut self, frames: &BTreeMap<String, DataFrame>) -> Result<(), PackageError> {
        for (name, frame) in frames {
            self.part(&format!("bridge/{name}"), frame)?;
        }
        self.complete = true;
        Ok(())
    }

    /// Closes the content, has the manifest signed (text → signed note) and gives the file its name.
    ///
    /// # Errors
    /// There were no identities, the signature fails, or the file system does.
    pub fn finish(
        mut self,
        quality: &str,
        sign: &dyn Fn(&str) -> Result<String, BoxError>,
    ) -> Result<Summary, PackageError> {
        if !self.complete && !self.people {
            return Err(PackageError::Order);
        }
        self.member(QUALITY, quality.as_bytes())?;
        let Self { draft, header, content, .. } = self;
        let path = draft.path().to_owned();
        let io = |e| PackageError::from(FileError::io("writing", &path, e));
        let hashing = content.into_inner().map_err(io)?.finish().map_err(io)?;
        let Hashing { inner, context, bytes } = hashing;
        let mut file = inner.into_inner().map_err(|e| io(e.into_error()))?;
        let mut digest = [0; 32];
        digest.copy_from_slice(context.finish().as_ref());

        let manifest = Manifest { header, profile: PROFILE.to_owned(), content: digest };
        let text = manifest.to_text().map_err(PackageError::Header)?;
        let note = sign(&text).map_err(PackageError::Signing)?;
        if !note.starts_with(&text) {
            return Err(PackageError::Signing("the note does not start with the manifest".into()));
        }

        pad(&mut file, bytes).map_err(io)?;
        file.write_all(head(NOTE, note.len() as u64).as_bytes()).map_err(io)?;
        file.write_all(note.as_bytes()).map_err(io)?;
        pad(&mut file, note.len() as u64).map_err(io)?;
        file.write_all(&[0; 2 * BLOCK as usize]).map_err(io)?;
        let size = file.stream_position().map_err(io)?;
        file.seek(SeekFrom::Start(0)).map_err(io)?;
        file.write_all(head(CONTENT, bytes).as_bytes()).map_err(io)?;
        draft.publish()?;
        Ok(Summary { manifest, note, bytes: size })
    }

    fn part(&mut self, name: &str, frame: &DataFrame) -> Result<(), PackageError> {
        let mut bytes = std::mem::take(&mut self.buffer);
        bytes.clear();
        self.encoder.write(frame, &mut bytes).map_err(|e| FrameError::polars(name, &e))?;
        let count = self.parts.entry(name.to_owned()).or_default();
        let file = format!("{name}/{count:05}.parquet");
        *count += 1;
        let done = self.member(&file, &bytes);
        self.buffer = bytes;
        done
    }

    fn member(&mut self, name: &str, bytes: &[u8]) -> Result<(), PackageError> {
        self.content
            .append(&head(name, bytes.len() as u64), bytes)
            .map_err(|e| FileError::io("writing", self.draft.path(), e).into())
    }
}

/// A tar header without times, owners or anything else that tells of a machine.
fn head(name: &str, size: u64) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    // Names here are ours: short and relative.
    let _ = header.set_path(name);
    header.set_size(size);
    header.set_mode(0o600);
    header.set_mtime(0);
    header.set_uid(0);
    header.set_gid(0);
    header.set_entry_type(tar::EntryType::Regular);
    header.set_cksum();
    header
}

fn pad(file: &mut File, written: u64) -> io::Result<()> {
    let rest = (BLOCK - written % BLOCK) % BLOCK;
    io::copy(&mut io::Read::take(io::repeat(0), rest), file)?;
    Ok(())
}

/// Hashes and counts what passes.
struct Hashing {
    inner: BufWriter<File>,
    context: Context,
    bytes: u64,
}

impl Write for Hashing {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let n = self.inner.write(buf)?;
        self.context.update(buf.get(..n).unwrap_or_default());
        self.bytes += n as u64;
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}
