//! Where a claims file is cut into stretches: only where a receipt begins whatever came before. Not the reading of lines:
//! what a line is, is told by the reader itself.

use super::block::{Line, Met, Receipt};
use super::head::House;
use super::stretch::Start;
use super::{Record, payer, provider};
use crate::read::report::Kind;

/// A payer's lines to look at for a first good one.
const FIRST: u64 = 1_000;

/// Goes through the text of a file, line by line.
pub(super) struct Cutter {
    kind: Kind,
    /// What is known at the line at hand.
    pub(super) start: Start,
    /// Of a payer's file: a record was met, so that from there on there always is a receipt at hand.
    begun: bool,
}

impl Cutter {
    pub(super) fn new(kind: Kind) -> Self {
        Self { kind, start: Start::default(), begun: kind != Kind::Claims }
    }

    /// Goes on from the line at `at`, through all complete lines or up to the first at which can be cut, from `least` on.
    /// Where it stopped, and whether that is a cut.
    pub(super) fn go(&mut self, text: &[u8], mut at: usize, least: usize) -> (usize, bool) {
        if self.kind == Kind::Claims && self.begun {
            // Nothing that comes before is of use but its number of lines.
            let before = text.get(at..least.min(text.len())).unwrap_or(&[]);
            if let Some(last) = memchr::memrchr(b'\n', before) {
                let passed = before.get(..=last).unwrap_or(before);
                self.start.lines += memchr::memchr_iter(b'\n', passed).count() as u64;
                at += passed.len();
            }
        }
        let from = at;
        for end in memchr::memchr_iter(b'\n', text.get(from..).unwrap_or(&[])) {
            let end = from + end;
            let line = text.get(at..=end).unwrap_or(&[]);
            let cuts = if self.kind == Kind::Claims {
                self.payer(line, at >= least)
            } else {
                self.provider(line, at >= least)
            };
            if cuts {
                return (at, true);
            }
            self.start.lines += 1;
            at = end + 1;
        }
        (at, false)
    }

    fn payer(&mut self, line: &[u8], wanted: bool) -> bool {
        if !self.begun {
            self.begun = self.start.lines < FIRST && self.look(line, |_, _| ()).is_some();
            return false;
        }
        // A cut that is overlooked is no harm.
        let near = line.get(..48).unwrap_or(line);
        wanted
            && memchr::memmem::find(near, b"MN").is_some()
            && self.look(line, |_, record| record.tag == *b"MN") == Some(true)
    }

    fn provider(&mut self, line: &[u8], wanted: bool) -> bool {
        let head = line.trim_ascii_start().get(..2).unwrap_or(&[]);
        match head {
            b"RE" => wanted && self.look(line, |_, record| record.tag == *b"RE") == Some(true),
            b"IR" | b"YK" | b"UK" => {
                let house = |receipt: &Receipt, record: Record| match &record.tag {
                    b"IR" | b"YK" | b"UK" => {
                        Some((House::of(receipt.fields(record), record.tag), record.tag != *b"UK"))
                    }
                    _ => None,
                };
                if let Some((house, open)) = self.look(line, house).flatten() {
                    (self.start.house, self.start.open) = (Some(house), open);
                }
                false
            }
            b"GO" => {
                if self.look(line, |_, record| record.tag == *b"GO") == Some(true) {
                    self.start.open = false;
                }
                false
            }
            _ => false,
        }
    }

    /// What the reader will see in this line, if it is a record.
    fn look<T>(&self, mut line: &[u8], see: impl FnOnce(&Receipt, Record) -> T) -> Option<T> {
        let mut receipt = Receipt::default();
        let Ok(Met::Line(met)) = receipt.advance(&mut line, "") else {
            return None;
        };
        let lead: fn(_, Line) -> _ = if self.kind == Kind::Claims { payer::lead } else { provider::lead };
        let record = lead(receipt.line(met), met).ok()?;
        Some(see(&receipt, record))
    }
}
