//! A claims file on its way to the threads: what is taken of it and not handed over yet. Not where it is cut, and not the order of
//! files.

use std::io::{BufRead, ErrorKind};
use std::sync::Arc;

use super::cut::Cutter;
use super::stretch::Start;
use super::worker::Stretch;
use crate::read::error::ReadError;
use crate::read::report::Kind;
use crate::read::text::Encoding;

/// The text from the next stretch on.
pub(super) struct Feed {
    pub(super) kind: Kind,
    pub(super) file: Arc<str>,
    pub(super) encoding: Encoding,
    pub(super) text: Vec<u8>,
    /// There is more of the file, as far as is known.
    pub(super) going: bool,
    /// What is known where the text begins.
    pub(super) start: Start,
    /// Bytes taken of the file.
    pub(super) taken: u64,
    cutter: Cutter,
    at: usize,
}

impl Feed {
    pub(super) fn new(kind: Kind, file: &str, encoding: Encoding, text: Vec<u8>) -> Self {
        let (file, start, cutter) = (file.into(), Start::default(), Cutter::new(kind));
        Self { kind, file, encoding, text, going: true, start, taken: 0, cutter, at: 0 }
    }

    /// Takes so many bytes more. Not by `read_to_end`, which clears the room first.
    pub(super) fn more(&mut self, input: &mut dyn BufRead, bytes: usize) -> Result<(), ReadError> {
        self.text.reserve(bytes);
        let mut left = bytes;
        while left > 0 {
            let buffer = match input.fill_buf() {
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                buffer => buffer.map_err(|error| ReadError::io(&self.file, &error))?,
            };
            let taken = buffer.len().min(left);
            if taken == 0 {
                self.going = false;
                break;
            }
            self.text.extend_from_slice(buffer.get(..taken).unwrap_or(buffer));
            input.consume(taken);
            (left, self.taken) = (left - taken, self.taken + taken as u64);
        }
        Ok(())
    }

    /// Passes over what was taken of the file when it was opened before.
    pub(super) fn pass(&self, input: &mut dyn BufRead) -> Result<(), ReadError> {
        let mut left = self.taken;
        while left > 0 {
            let there = match input.fill_buf() {
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                buffer => buffer.map_err(|error| ReadError::io(&self.file, &error))?.len(),
            };
            if there == 0 {
                return Err(ReadError::io(&self.file, &ErrorKind::UnexpectedEof.into()));
            }
            let passed = usize::try_from(left).map_or(there, |left| left.min(there));
            input.consume(passed);
            left -= passed as u64;
        }
        Ok(())
    }

    /// The stretch up to the first cut after so many bytes, if there is one; what is left is put into `rest`.
    pub(super) fn cut(&mut self, least: usize, rest: &mut Vec<u8>) -> Option<Stretch> {
        let (stopped, cut) = self.cutter.go(&self.text, self.at, least);
        self.at = stopped;
        if !cut {
            return None;
        }
        rest.extend_from_slice(self.text.get(stopped..).unwrap_or(&[]));
        self.text.truncate(stopped);
        self.at = 0;
        let start = std::mem::replace(&mut self.start, Start { later: true, ..self.cutter.start.clone() });
        let text = std::mem::replace(&mut self.text, std::mem::take(rest));
        Some(self.stretch(start, text))
    }

    /// All that is left, as the file's last stretch.
    pub(super) fn last(self) -> Stretch {
        let Self { kind, file, encoding, text, start, .. } = self;
        Stretch { kind, file, encoding, start, text }
    }

    fn stretch(&self, start: Start, text: Vec<u8>) -> Stretch {
        Stretch { kind: self.kind, file: Arc::clone(&self.file), encoding: self.encoding, start, text }
    }
}
