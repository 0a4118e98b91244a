//! The text of a claims file, block by block: lines and items found in one pass, and the records of the receipt at hand,
//! which stay in the block while the receipt lasts. Not what the records say.

use std::io::{self, BufRead};

use super::{Fields, Record, Tag};
use crate::read::error::{Place, ReadError};

/// Bytes taken at once.
const BLOCK: usize = 128 << 10;
/// A longer line is passed over. 症状詳記 is at most 2,400 bytes.
const LONGEST: usize = 1 << 20;
/// A receipt larger than this is no receipt.
const LARGEST: usize = 64 << 20;

/// A line of the block.
#[derive(Clone, Copy)]
pub(super) struct Line {
    pub(super) number: u64,
    start: u32,
    pub(super) items: (u32, u32),
}

/// What [`Receipt::advance`] met.
pub(super) enum Met {
    Line(Line),
    /// A line that can't be taken, and why.
    Bad(u64, &'static str),
    End,
}

/// The block, and in it the receipt at hand.
#[derive(Default)]
pub(super) struct Receipt {
    text: Vec<u8>,
    /// Where items end: commas, and ends of lines.
    ends: Vec<u32>,
    /// Complete lines (their first byte and items) and the next of them.
    lines: Vec<(u32, (u32, u32))>,
    next: usize,
    /// Up to where the text is split, and the line that is not complete there.
    split: usize,
    open: (u32, u32),
    /// There is a NUL in the block: each of its lines must be looked at.
    nul: bool,
    number: u64,
    over: bool,
    ended: bool,
    pub(super) records: Vec<Record>,
    /// Records of these kinds are among them.
    pub(super) common: bool,
    pub(super) corrections: bool,
    pub(super) managed: bool,
    pub(super) qualified: bool,
    pub(super) headed: bool,
    pub(super) bundled: bool,
}

impl Receipt {
    /// For text that so many lines came before.
    pub(super) fn after(lines: u64) -> Self {
        Self { number: lines, ..Self::default() }
    }

    /// Makes ready for the next receipt.
    pub(super) fn clear(&mut self) {
        self.records.clear();
        (self.common, self.corrections, self.bundled) = (false, false, false);
        (self.managed, self.qualified, self.headed) = (false, false, false);
    }

    pub(super) fn push(&mut self, record: Record) {
        match &record.tag {
            b"RE" => self.common = true,
            b"JY" => self.corrections = true,
            b"MN" => self.managed = true,
            b"SN" => self.qualified = true,
            b"IR" | b"YK" | b"UK" => self.headed = true,
            b"BU" | b"SB" | b"GA" | b"HH" | b"GT" | b"CD" => self.bundled = true,
            _ => {}
        }
        self.records.push(record);
    }

    #[inline]
    pub(super) fn fields(&self, record: Record) -> Fields<'_> {
        self.items(record.start, record.items)
    }

    #[inline]
    pub(super) fn items(&self, start: u32, (first, last): (u32, u32)) -> Fields<'_> {
        let ends = self.ends.get(first as usize..last as usize).unwrap_or(&[]);
        Fields { text: &self.text, ends, start }
    }

    pub(super) fn line(&self, line: Line) -> Fields<'_> {
        self.items(line.start, line.items)
    }

    /// First record of this kind in a view.
    pub(super) fn find(&self, view: &[usize], tag: &Tag) -> Option<(usize, Fields<'_>)> {
        let at = *view.iter().find(|&&at| self.records.get(at).is_some_and(|record| record.tag == *tag))?;
        Some((at, self.fields(*self.records.get(at)?)))
    }

    /// Whether the last line had an end: the last one of a file that breaks off has none.
    pub(super) fn ended(&self) -> bool {
        self.ended
    }

    /// Goes to the next line that is not blank; CRLF, LF and the end mark 0x1A are taken off.
    pub(super) fn advance<R: BufRead>(&mut self, input: &mut R, file: &str) -> Result<Met, ReadError> {
        loop {
            while let Some(&(start, items)) = self.lines.get(self.next) {
                self.next += 1;
                self.number += 1;
                let end = self.ends.get((items.1 as usize).wrapping_sub(1)).copied().unwrap_or(start);
                let text = self.text.get(start as usize..end as usize).unwrap_or(&[]);
                if text.len() > LONGEST {
                    return Ok(Met::Bad(self.number, "line-too-long"));
                }
                if text.iter().all(u8::is_ascii_whitespace) {
                    continue;
                }
                if self.nul && text.contains(&0) {
                    return Ok(Met::Bad(self.number, "nul-byte"));
                }
                return Ok(Met::Line(Line { number: self.number, start, items }));
            }
            if self.over {
                return Ok(Met::End);
            }
            if self.fill(input).map_err(|error| ReadError::io(file, &error))? {
                return Ok(Met::Bad(self.number, "line-too-long"));
            }
            if self.text.len() > LARGEST + LONGEST + BLOCK {
                let what = "a receipt has no end";
                let help = "Check that the file is a claims file in its original order";
                return Err(ReadError::refused(Place::line(file, self.number), "receipt-endless", what, help));
            }
        }
    }

    /// Drops what is behind, takes a block, and splits it; true if a line was too long and was passed over.
    fn fill<R: BufRead>(&mut self, input: &mut R) -> io::Result<bool> {
        self.drop_taken();
        let before = self.text.len();
        while self.text.len() < before + BLOCK {
            let buffer = input.fill_buf()?;
            if buffer.is_empty() {
                self.over = true;
                break;
            }
            let taken = buffer.len().min(BLOCK);
            self.text.extend_from_slice(buffer.get(..taken).unwrap_or(buffer));
            input.consume(taken);
        }
        self.index();
        if self.lines.is_empty() && !self.over && self.text.len() - self.open.0 as usize > LONGEST {
            self.text.truncate(self.open.0 as usize);
            self.ends.truncate(self.open.1 as usize);
            self.split = self.text.len();
            self.number += 1;
            skip(input)?;
            return Ok(true);
        }
        if self.over && self.text.len() > self.open.0 as usize {
            let end = self.text.len();
            self.ended = self.text.last() == Some(&0x1A);
            self.close(end);
        }
        Ok(false)
    }

    /// Keeps the receipt at hand and the line that is not complete.
    fn drop_taken(&mut self) {
        let (text, items) = self.records.first().map_or(self.open, |record| (record.start, record.items.0));
        self.text.drain(..(text as usize).min(self.text.len()));
        self.ends.drain(..(items as usize).min(self.ends.len()));
        for end in &mut self.ends {
            *end = end.saturating_sub(text);
        }
        for record in &mut self.records {
            record.start = record.start.saturating_sub(text);
            record.items = (record.items.0.saturating_sub(items), record.items.1.saturating_sub(items));
        }
        self.open = (self.open.0.saturating_sub(text), self.open.1.saturating_sub(items));
        self.split = self.split.saturating_sub(text as usize);
        self.lines.clear();
        self.next = 0;
    }

    /// Finds commas and ends of lines, eight bytes at a time. No second byte of CP932 or UTF-8 is either.
    fn index(&mut self) {
        const LOW: u64 = 0x7F7F_7F7F_7F7F_7F7F;
        const COMMAS: u64 = 0x2C2C_2C2C_2C2C_2C2C;
        // The highest bit of each byte that is zero, and of no other.
        let zeros = |word: u64| !(((word & LOW) + LOW) | word | LOW);
        let text = std::mem::take(&mut self.text);
        let (words, rest) = text.get(self.split..).unwrap_or(&[]).as_chunks::<8>();
        let open = text.get(self.open.0 as usize..self.split).unwrap_or(&[]);
        let (mut at, mut nul) = (self.split, u64::from(self.nul && open.contains(&0)));
        for word in words {
            let word = u64::from_le_bytes(*word);
            // Empty items in a row, as day columns mostly are.
            if word == COMMAS {
                self.ends.extend((0..8).map(|place| at as u32 + place));
                at += 8;
                continue;
            }
            nul |= zeros(word);
            let newlines = zeros(word ^ 0x0A0A_0A0A_0A0A_0A0A);
            let mut found = zeros(word ^ COMMAS) | newlines;
            while found != 0 {
                let bit = found & found.wrapping_neg();
                let place = at + found.trailing_zeros() as usize / 8;
                if bit & newlines == 0 {
                    self.ends.push(place as u32)
                } else {
                    self.newline(&text, place)
                }
                found ^= bit;
            }
            at += 8;
        }
        for (byte, place) in rest.iter().zip(at..) {
            match byte {
                b',' => self.ends.push(place as u32),
                b'\n' => self.newline(&text, place),
                0 => nul = 1,
                _ => {}
            }
        }
        self.split = text.len();
        self.text = text;
        self.nul = nul != 0;
    }

    fn newline(&mut self, text: &[u8], place: usize) {
        let start = self.open.0 as usize;
        let line = text.get(start..place).unwrap_or(&[]);
        let cut = line.iter().rev().take_while(|byte| matches!(byte, b'\r' | 0x1A)).count();
        self.ends.push((place - cut) as u32);
        self.lines.push((self.open.0, (self.open.1, self.ends.len() as u32)));
        self.open = (place as u32 + 1, self.ends.len() as u32);
        self.ended = true;
    }

    /// The last line, without an end.
    fn close(&mut self, end: usize) {
        let (text, ended) = (std::mem::take(&mut self.text), self.ended);
        self.newline(&text, end);
        self.text = text;
        self.ended = ended;
        self.open.0 = end as u32;
    }
}

fn skip<R: BufRead>(input: &mut R) -> io::Result<()> {
    loop {
        let buffer = input.fill_buf()?;
        if buffer.is_empty() {
            return Ok(());
        }
        if let Some(end) = buffer.iter().position(|&byte| byte == b'\n') {
            input.consume(end + 1);
            return Ok(());
        }
        let all = buffer.len();
        input.consume(all);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
    use std::io::BufReader;

    use proptest::prelude::*;

    use super::*;
    use crate::read::lines::{self, Lines};

    fn ours(text: &[u8], buffer: usize, hold: usize) -> Vec<Vec<Vec<u8>>> {
        let mut input = BufReader::with_capacity(buffer, text);
        let (mut receipt, mut all) = (Receipt::default(), Vec::new());
        loop {
            match receipt.advance(&mut input, "x").unwrap() {
                Met::End => break,
                Met::Bad(_, code) => all.push(vec![code.as_bytes().to_vec()]),
                Met::Line(line) => {
                    if receipt.records.len() >= hold {
                        receipt.clear();
                    }
                    let (tag, start, items) = (*b"XX", line.start, line.items);
                    let record = Record { tag, added: false, row: 0, branch: 0, start, items, line: line.number };
                    receipt.push(record);
                    // What was kept of earlier lines must not move under the records.
                    all.push(Vec::new());
                    let from = all.len() - receipt.records.len();
                    for (record, slot) in receipt.records.iter().zip(from..) {
                        let fields = receipt.fields(*record);
                        let mut items: Vec<Vec<u8>> = (0..fields.ends.len()).map(|i| fields.get(i).to_vec()).collect();
                        items.push(record.line.to_string().into_bytes());
                        assert!(all[slot].is_empty() || all[slot] == items);
                        all[slot] = items;
                    }
                }
            }
        }
        all
    }

    fn theirs(text: &[u8]) -> Vec<Vec<Vec<u8>>> {
        let (mut lines, mut all) = (Lines::new(text), Vec::new());
        while lines.advance().unwrap() == lines::Met::Line {
            let line = &lines.line;
            let mut items: Vec<Vec<u8>> =
                line.split(|byte| *byte == b',').map(|item| item.trim_ascii().to_vec()).collect();
            items.push(lines.number().to_string().into_bytes());
            all.push(items);
        }
        all
    }

    proptest! {
        #[test]
        fn splits_as_split_does(text in "([,,a-d\u{80}\u{2c2c}\u{ac}-]{0,20}(\r\n|\n|\r\r\n|\u{1a})){0,40}[a,]{0,3}", buffer in 1_usize..70, hold in 1_usize..6) {
            let text = text.as_bytes();
            prop_assert_eq!(ours(text, buffer, hold), theirs(text));
        }
    }

    #[test]
    fn lines_over_blocks_and_lines_without_end() {
        let line = [vec![b'x'; 50_000], vec![b','; 50_000], b"y\r\n".to_vec()].concat();
        let many = line.repeat(9);
        assert_eq!(ours(&many, 8_192, 3), theirs(&many));
        let endless = [vec![b'x'; 3 << 20], b"\nok,1\nok".to_vec()].concat();
        let got = ours(&endless, 8_192, 3);
        assert_eq!(got.len(), 3);
        assert_eq!(got[0], [b"line-too-long".to_vec()]);
        assert_eq!(got[2], [b"ok".to_vec(), b"3".to_vec()]);
        assert_eq!(ours(b"a\nb\0\nc", 9, 1)[1], [b"nul-byte".to_vec()]);
        // The line with it is longer than a block: it is seen all the same.
        let long = [b"a\0".to_vec(), vec![b'x'; 300_000], b"\nc".to_vec()].concat();
        assert_eq!(ours(&long, 9, 1)[0], [b"nul-byte".to_vec()]);
    }
}
