//! Finds the values of a JSON stream without reading them: top-level values, members of a top-level object, elements of
//! a list. Holds one value at a time, so that a Bundle of any size passes through. Not a parser: what it finds may still
//! be no JSON.

use std::io::{self, BufRead};

use super::json::DEPTH;

/// Why no value could be found.
pub(super) enum Fault {
    Io(io::Error),
    /// Reason code and line.
    Bad(&'static str, u64),
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// A value that was passed.
#[derive(Clone, Copy)]
pub(super) struct Passed {
    /// Line on which it begins.
    pub(super) line: u64,
    /// Why its bytes were not kept.
    pub(super) refused: Option<&'static str>,
}

pub(super) struct Scan<'a> {
    input: &'a mut dyn BufRead,
    line: u64,
    /// A value must not go over the end of its line (NDJSON).
    pub(super) one_line: bool,
    most: usize,
}

impl<'a> Scan<'a> {
    pub(super) fn new(input: &'a mut dyn BufRead, most: u64) -> Self {
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        Self { input, line: 1, one_line: false, most }
    }

    pub(super) fn line(&self) -> u64 {
        self.line
    }

    fn bad<T>(&self, code: &'static str) -> Result<T, Fault> {
        Err(Fault::Bad(code, self.line))
    }

    fn peek(&mut self) -> Result<Option<u8>, Fault> {
        loop {
            match self.input.fill_buf() {
                Ok(buffer) => return Ok(buffer.first().copied()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(Fault::Io(error)),
            }
        }
    }

    /// Takes one byte; an end of line inside a value of NDJSON is a fault, and the next line is the next value's.
    fn bump(&mut self, byte: u8, inside: bool) -> Result<(), Fault> {
        self.input.consume(1);
        if byte == b'\n' {
            self.line += 1;
            if inside && self.one_line {
                return Err(Fault::Bad("json", self.line - 1));
            }
        }
        Ok(())
    }

    /// The first byte of what comes next; 0x1A is the end mark of old files.
    fn next(&mut self, inside: bool) -> Result<Option<u8>, Fault> {
        while let Some(byte) = self.peek()? {
            match byte {
                b' ' | b'\t' | b'\r' | b'\n' => self.bump(byte, inside)?,
                0x1A if !inside => self.bump(byte, inside)?,
                _ => return Ok(Some(byte)),
            }
        }
        Ok(None)
    }

    /// The first byte of the next top-level value.
    pub(super) fn top(&mut self) -> Result<Option<u8>, Fault> {
        self.next(false)
    }

    /// The first byte of what comes next within a value.
    pub(super) fn within(&mut self) -> Result<u8, Fault> {
        match self.next(true)? {
            Some(byte) => Ok(byte),
            None => self.bad("truncated"),
        }
    }

    /// Takes this byte, after spaces.
    pub(super) fn take(&mut self, byte: u8) -> Result<(), Fault> {
        if self.within()? == byte { self.bump(byte, true) } else { self.bad("json") }
    }

    /// Goes to the line after this one, unless that has happened.
    pub(super) fn skip_line(&mut self, line: u64) -> Result<(), Fault> {
        while self.line <= line {
            let (taken, end) = {
                let buffer = self.input.fill_buf()?;
                if buffer.is_empty() {
                    return Ok(());
                }
                match buffer.iter().position(|&byte| byte == b'\n') {
                    Some(at) => (at + 1, true),
                    None => (buffer.len(), false),
                }
            };
            self.input.consume(taken);
            self.line += u64::from(end);
        }
        Ok(())
    }

    /// Passes the next value and appends its bytes; beyond the limit they are not kept, and the value is refused.
    pub(super) fn value(&mut self, out: &mut Vec<u8>) -> Result<Passed, Fault> {
        let first = self.within()?;
        let line = self.line;
        let nests = matches!(first, b'{' | b'[' | b'"');
        if matches!(first, b'}' | b']' | b',' | b':') {
            return self.bad("json");
        }
        let (mut depth, mut string, mut escaped, mut refused) = (0_usize, false, false, None);
        loop {
            let buffer = match self.input.fill_buf() {
                Ok(buffer) => buffer,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(Fault::Io(error)),
            };
            if buffer.is_empty() {
                // A number or word may end with the file.
                return if nests { self.bad("truncated") } else { Ok(Passed { line, refused }) };
            }
            let (mut taken, mut done, mut broken) = (buffer.len(), false, false);
            for (at, &byte) in buffer.iter().enumerate() {
                if byte == b'\n' {
                    if self.one_line {
                        (taken, broken) = (at, true);
                        break;
                    }
                    self.line += 1;
                }
                if string {
                    match byte {
                        _ if escaped => escaped = false,
                        b'\\' => escaped = true,
                        b'"' => string = false,
                        _ => {}
                    }
                } else {
                    match byte {
                        b'"' => string = true,
                        b'{' | b'[' => depth += 1,
                        b'}' | b']' if nests => depth = depth.saturating_sub(1),
                        b'}' | b']' | b',' | b' ' | b'\t' | b'\r' | b'\n' if !nests => {
                            self.line -= u64::from(byte == b'\n');
                            (taken, done) = (at, true);
                            break;
                        }
                        _ => {}
                    }
                    if depth > DEPTH {
                        refused = refused.or(Some("too-deep"));
                    }
                }
                if nests && depth == 0 && !string {
                    (taken, done) = (at + 1, true);
                    break;
                }
            }
            let kept = buffer.get(..taken).unwrap_or(&[]);
            if out.len() + kept.len() > self.most {
                refused = refused.or(Some("document-too-large"));
            }
            if refused.is_none() {
                out.extend_from_slice(kept);
            }
            self.input.consume(taken);
            if broken {
                self.bump(b'\n', true)?;
            }
            if done {
                return Ok(Passed { line, refused });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
    use std::io::BufReader;

    use super::*;

    fn values(text: &[u8], most: u64) -> Vec<(String, u64, Option<&'static str>)> {
        let mut input = BufReader::with_capacity(3, text);
        let mut scan = Scan::new(&mut input, most);
        let mut found = Vec::new();
        while let Ok(Some(_)) = scan.top() {
            let mut out = Vec::new();
            match scan.value(&mut out) {
                Ok(passed) => found.push((String::from_utf8(out).unwrap(), passed.line, passed.refused)),
                Err(Fault::Bad(code, line)) => {
                    found.push((String::new(), line, Some(code)));
                    break;
                }
                Err(Fault::Io(_)) => panic!("no file"),
            }
        }
        found
    }

    #[test]
    fn values_whatever_the_buffer() {
        let text = b"{\"a\":\"}\\\"\"}\r\n\n [1,\n[2]] \"x y\" 12\n";
        let found: Vec<_> = values(text, 100).into_iter().map(|(text, line, _)| (text, line)).collect();
        let expected = [("{\"a\":\"}\\\"\"}", 1), ("[1,\n[2]]", 3), ("\"x y\"", 4), ("12", 4)];
        assert_eq!(found, expected.map(|(text, line)| (text.to_owned(), line)));
    }

    #[test]
    fn limits() {
        assert_eq!(values(b"[1,2,3,4,5] 1", 5)[0].2, Some("document-too-large"));
        assert_eq!(values(b"[1,2,3,4,5] 1", 5)[1].0, "1");
        let deep = format!("{}{} 1", "[".repeat(1000), "]".repeat(1000));
        assert_eq!(values(deep.as_bytes(), 10_000)[0].2, Some("too-deep"));
        assert_eq!(values(b"{\"a\": [1", 100)[0].2, Some("truncated"));
    }

    #[test]
    fn a_line_is_a_value() {
        let mut input = BufReader::with_capacity(4, &b"{\"a\":\n1}\n{}\n"[..]);
        let mut scan = Scan::new(&mut input, 100);
        scan.one_line = true;
        let mut out = Vec::new();
        assert!(matches!(scan.value(&mut out), Err(Fault::Bad("json", 1))));
        scan.skip_line(1).unwrap_or_else(|_| panic!("no file"));
        assert_eq!(scan.line(), 2);
    }
}
