//! The bytes of an export in a buffer of fixed size: counts lines and stops an element that never ends. Not a parser.

use std::io::{self, BufRead, Read};

/// Bytes held at once.
const BUFFER: usize = 256 * 1024;
/// Longest element, text or document type taken. The largest in real exports is the document type, some 20 kB.
const LONGEST: usize = 1 << 20;

pub(super) struct Source<'a> {
    inner: &'a mut dyn BufRead,
    buffer: Vec<u8>,
    at: usize,
    end: usize,
    /// Lines that ended before the buffer, and in the buffer up to a place.
    lines: u64,
    counted: (usize, u64),
    /// Bytes taken since [`Source::mark`].
    since: usize,
    too_long: bool,
}

fn ends(bytes: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', bytes).count() as u64
}

impl<'a> Source<'a> {
    pub(super) fn new(inner: &'a mut dyn BufRead) -> Self {
        let buffer = vec![0; BUFFER];
        Self { inner, buffer, at: 0, end: 0, lines: 0, counted: (0, 0), since: 0, too_long: false }
    }

    /// An element ends here.
    pub(super) fn mark(&mut self) {
        self.since = 0;
    }

    /// Whether reading stopped because an element did not end.
    pub(super) fn too_long(&self) -> bool {
        self.too_long
    }

    /// The line of the next byte, from 1.
    pub(super) fn line(&mut self) -> u64 {
        let (from, lines) = self.counted;
        let more = self.buffer.get(from..self.at).map_or(0, ends);
        self.counted = (self.at, lines + more);
        self.lines + self.counted.1 + 1
    }
}

impl Read for Source<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let mut bytes = self.fill_buf()?;
        let read = bytes.read(out)?;
        self.consume(read);
        Ok(read)
    }
}

impl BufRead for Source<'_> {
    #[inline]
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.at >= self.end {
            if self.since > LONGEST {
                self.too_long = true;
                return Err(io::Error::from(io::ErrorKind::InvalidData));
            }
            self.line();
            let read = self.inner.read(&mut self.buffer)?;
            self.lines += self.counted.1;
            self.counted = (0, 0);
            (self.at, self.end) = (0, read);
        }
        Ok(self.buffer.get(self.at..self.end).unwrap_or(&[]))
    }

    #[inline]
    fn consume(&mut self, bytes: usize) {
        self.at = (self.at + bytes).min(self.end);
        self.since += bytes;
    }
}
