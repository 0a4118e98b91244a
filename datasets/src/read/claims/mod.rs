//! Claims of 医科, DPC, 歯科 and 調剤: the payer's files (`NN_RECODEINFO_*.CSV`) and the providers' (UKE). Not 訪問看護: its
//! receipts are counted and quarantined.
//!
//! Both hold the same records. A payer's line begins with データ識別, 行番号 and 枝番号, which corrections go by; behind
//! them, and in UKE from the line's first byte, item 0 is the record identifier and item k is that of the 記録条件仕様.
//! A receipt is held in memory whole, split once; its items are looked at where they stand.

mod acts;
mod correct;
mod disease;
mod dispensing;
mod head;
mod payer;
pub(super) mod provider;
mod receipt;
mod totals;

use super::error::{Place, ReadError};

pub(super) use payer::read;

/// A receipt larger than this is no receipt.
const LARGEST: usize = 64 << 20;

/// A record identifier of two letters.
pub(super) type Tag = [u8; 2];

/// A line of a receipt.
#[derive(Debug, Clone, Copy)]
pub(super) struct Record {
    pub(super) tag: Tag,
    /// Data that the clearing body added (データ識別 2).
    added: bool,
    row: i64,
    branch: i64,
    /// Where the record identifier begins.
    start: u32,
    /// Its items, among the receipt's ends of items.
    items: (u32, u32),
    /// Line of the file.
    pub(super) line: u64,
}

/// The lines of a receipt.
#[derive(Default)]
pub(super) struct Receipt {
    text: Vec<u8>,
    /// Where items end: commas, and ends of lines.
    ends: Vec<u32>,
    records: Vec<Record>,
    /// Records of these kinds are among them.
    common: bool,
    corrections: bool,
    bundled: bool,
}

impl Receipt {
    /// Makes room for the next receipt, but keeps the text and the items from here on.
    fn restart(&mut self, text: usize, items: usize) {
        self.text.drain(..text.min(self.text.len()));
        self.ends.drain(..items.min(self.ends.len()));
        for end in &mut self.ends {
            *end = end.saturating_sub(text as u32);
        }
        self.records.clear();
        (self.common, self.corrections, self.bundled) = (false, false, false);
    }

    /// Splits what was put behind `start`; gives its items, or why there are none.
    fn split(&mut self, start: usize) -> Result<Fields<'_>, &'static str> {
        let first = self.ends.len();
        if commas(self.text.get(start..).unwrap_or(&[]), start as u32, &mut self.ends) {
            return Err("nul-byte");
        }
        self.ends.push(self.text.len() as u32);
        let ends = self.ends.get(first..).unwrap_or(&[]);
        Ok(Fields { text: &self.text, ends, start: start as u32 })
    }

    fn push(&mut self, record: Record) {
        match &record.tag {
            b"RE" => self.common = true,
            b"JY" => self.corrections = true,
            b"BU" | b"SB" | b"GA" | b"HH" | b"GT" | b"CD" => self.bundled = true,
            _ => {}
        }
        self.records.push(record);
    }

    fn fields(&self, record: Record) -> Fields<'_> {
        let (first, last) = record.items;
        let ends = self.ends.get(first as usize..last as usize).unwrap_or(&[]);
        Fields { text: &self.text, ends, start: record.start }
    }

    /// First record of this kind in a view.
    fn find(&self, view: &[usize], tag: &Tag) -> Option<(usize, Fields<'_>)> {
        let at = *view.iter().find(|&&at| self.records.get(at).is_some_and(|record| record.tag == *tag))?;
        Some((at, self.fields(*self.records.get(at)?)))
    }

    /// Refuses what goes on for ever.
    fn bounded(&self, file: &str, line: u64) -> Result<(), ReadError> {
        if self.text.len() <= LARGEST {
            return Ok(());
        }
        let what = "a receipt has no end";
        let help = "Check that the file is a claims file in its original order";
        Err(ReadError::refused(Place::line(file, line), "receipt-endless", what, help))
    }
}

/// The items of a record, numbered as in the 記録条件仕様 (0 is the identifier); missing ones are empty.
#[derive(Clone, Copy)]
pub(super) struct Fields<'a> {
    text: &'a [u8],
    ends: &'a [u32],
    start: u32,
}

impl<'a> Fields<'a> {
    fn get(&self, item: usize) -> &'a [u8] {
        self.span(item).and_then(|(start, end)| self.text.get(start as usize..end as usize)).unwrap_or(&[]).trim_ascii()
    }

    fn span(&self, item: usize) -> Option<(u32, u32)> {
        let end = *self.ends.get(item)?;
        let before = item.checked_sub(1).and_then(|before| self.ends.get(before));
        Some((before.map_or(self.start, |&before| before + 1), end))
    }

    /// The items from one on, at most `count`.
    fn run(&self, from: usize, count: usize) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let fields = *self;
        (from..from.saturating_add(count).min(fields.ends.len())).map(move |item| fields.get(item))
    }
}

/// Pushes where the commas of a line are, eight bytes at a time; whether there is a NUL. No second byte of CP932 or UTF-8
/// is either.
fn commas(line: &[u8], base: u32, ends: &mut Vec<u32>) -> bool {
    const LOW: u64 = 0x7F7F_7F7F_7F7F_7F7F;
    const COMMAS: u64 = 0x2C2C_2C2C_2C2C_2C2C;
    // The highest bit of each byte that is zero, and of no other.
    let zeros = |word: u64| !(((word & LOW) + LOW) | word | LOW);
    let (words, rest) = line.as_chunks::<8>();
    let (mut at, mut nul) = (base, 0);
    for word in words {
        let word = u64::from_le_bytes(*word);
        nul |= zeros(word);
        let mut found = zeros(word ^ COMMAS);
        while found != 0 {
            ends.push(at + found.trailing_zeros() / 8);
            found &= found - 1;
        }
        at += 8;
    }
    for (byte, at) in rest.iter().zip(at..) {
        nul |= u64::from(*byte == 0);
        if *byte == b',' {
            ends.push(at);
        }
    }
    nul != 0
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn splits_as_split_does(lines in proptest::collection::vec("[,,a-c\u{80}\u{2c2c}\u{ac}-]{0,40}", 1..4)) {
            let mut receipt = Receipt::default();
            receipt.text.extend_from_slice(b"before,");
            for line in &lines {
                let start = receipt.text.len();
                receipt.text.extend_from_slice(line.as_bytes());
                let fields = receipt.split(start).unwrap();
                let theirs: Vec<&[u8]> = line.as_bytes().split(|byte| *byte == b',').collect();
                prop_assert_eq!(fields.ends.len(), theirs.len());
                for (item, text) in theirs.iter().enumerate() {
                    prop_assert_eq!(fields.get(item), text.trim_ascii());
                }
                prop_assert_eq!(fields.get(theirs.len()), b"");
            }
        }
    }
}
