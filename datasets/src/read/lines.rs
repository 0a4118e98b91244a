//! Physical lines and their comma-separated items, as bytes. Not a general CSV parser: a record is one line, in every
//! format read here. CP932 second bytes are never a comma, quote, CR or LF, so splitting comes before decoding.

use std::io::{self, BufRead, Read};

/// Longest line taken; a longer one is passed over and reported. 症状詳記 is at most 2,400 bytes.
const LONGEST: u64 = 1 << 20;

pub(super) struct Lines<R> {
    inner: R,
    number: u64,
    /// The current line without its end.
    pub(super) line: Vec<u8>,
}

/// What [`Lines::advance`] met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Met {
    Line,
    /// Longer than [`LONGEST`]; passed over.
    TooLong,
    End,
}

impl<R: BufRead> Lines<R> {
    pub(super) fn new(inner: R) -> Self {
        Self { inner, number: 0, line: Vec::with_capacity(1024) }
    }

    /// Number of the current line, from 1.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// Goes to the next line that is not blank; CRLF, LF and the end mark 0x1A are taken off.
    pub(super) fn advance(&mut self) -> io::Result<Met> {
        loop {
            self.line.clear();
            let taken = Read::by_ref(&mut self.inner).take(LONGEST).read_until(b'\n', &mut self.line)?;
            if taken == 0 {
                return Ok(Met::End);
            }
            self.number += 1;
            if self.line.last() == Some(&b'\n') {
                self.line.pop();
            } else if taken as u64 == LONGEST {
                self.line.clear();
                self.skip()?;
                return Ok(Met::TooLong);
            }
            while matches!(self.line.last(), Some(b'\r' | 0x1A)) {
                self.line.pop();
            }
            if !self.line.iter().all(u8::is_ascii_whitespace) {
                return Ok(Met::Line);
            }
        }
    }

    fn skip(&mut self) -> io::Result<()> {
        loop {
            let buffer = self.inner.fill_buf()?;
            if buffer.is_empty() {
                return Ok(());
            }
            if let Some(end) = buffer.iter().position(|&byte| byte == b'\n') {
                self.inner.consume(end + 1);
                return Ok(());
            }
            let all = buffer.len();
            self.inner.consume(all);
        }
    }
}

/// The items of a line; missing ones at the end are empty.
#[derive(Default)]
pub(super) struct Items {
    spans: Vec<(u32, u32)>,
    text: Vec<u8>,
}

impl Items {
    fn split(&mut self, line: &[u8], delimiter: u8) {
        self.text.clear();
        self.text.extend_from_slice(line);
        self.spans.clear();
        let mut start = 0_u32;
        for (at, &byte) in line.iter().enumerate() {
            if byte == delimiter {
                let at = at as u32;
                self.spans.push((start, at));
                start = at + 1;
            }
        }
        self.spans.push((start, line.len() as u32));
    }

    /// Splits with RFC 4180 quotes; false if a quote stays open.
    pub(super) fn quoted(&mut self, line: &[u8], delimiter: u8) -> bool {
        if !line.contains(&b'"') {
            self.split(line, delimiter);
            return true;
        }
        self.text.clear();
        self.spans.clear();
        let (mut start, mut inside, mut bytes) = (0_u32, false, line.iter().peekable());
        while let Some(&byte) = bytes.next() {
            match byte {
                b'"' if inside && bytes.peek() == Some(&&b'"') => {
                    bytes.next();
                    self.text.push(b'"');
                }
                b'"' => inside = !inside,
                _ if byte == delimiter && !inside => {
                    let end = self.text.len() as u32;
                    self.spans.push((start, end));
                    start = end;
                }
                _ => self.text.push(byte),
            }
        }
        self.spans.push((start, self.text.len() as u32));
        !inside
    }

    pub(super) fn len(&self) -> usize {
        self.spans.len()
    }

    pub(super) fn get(&self, index: usize) -> &[u8] {
        self.spans.get(index).and_then(|&(start, end)| self.text.get(start as usize..end as usize)).unwrap_or(&[])
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;

    #[test]
    fn ends_of_lines() {
        let mut lines = Lines::new(&b"a,b\r\n\r\nc\nd\x1a"[..]);
        let mut seen = Vec::new();
        while lines.advance().unwrap() == Met::Line {
            seen.push((lines.number(), lines.line.clone()));
        }
        assert_eq!(seen, [(1, b"a,b".to_vec()), (3, b"c".to_vec()), (4, b"d".to_vec())]);
    }

    #[test]
    fn a_line_without_end_is_passed_over() {
        let mut bytes = vec![b'x'; (LONGEST as usize) + 5];
        bytes.extend_from_slice(b"\nok\n");
        let mut lines = Lines::new(&bytes[..]);
        assert_eq!(lines.advance().unwrap(), Met::TooLong);
        assert_eq!(lines.advance().unwrap(), Met::Line);
        assert_eq!(lines.line, b"ok");
    }

    #[test]
    fn quotes() {
        let mut items = Items::default();
        assert!(items.quoted(br#"a,"b,""c""",,"d""#, b','));
        assert_eq!((0..5).map(|i| items.get(i).to_vec()).collect::<Vec<_>>(), [&b"a"[..], b"b,\"c\"", b"", b"d", b""]);
        assert_eq!(items.len(), 4);
        assert!(items.quoted(b"a,b\t\"c\td\"", b'\t'));
        assert_eq!((items.len(), items.get(0), items.get(1)), (2, &b"a,b"[..], &b"c\td"[..]));
        assert!(!items.quoted(br#"a,"b"#, b','));
    }
}
