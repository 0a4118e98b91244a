//! Claims of 医科, DPC, 歯科 and 調剤: the payer's files (`NN_RECODEINFO_*.CSV`) and the providers' (UKE). Not 訪問看護: its
//! receipts are counted and quarantined.
//!
//! Both hold the same records. A payer's line begins with データ識別, 行番号 and 枝番号, which corrections go by; behind
//! them, and in UKE from the line's first byte, item 0 is the record identifier and item k is that of the 記録条件仕様.
//! A receipt is held in memory whole, split once; its items are looked at where they stand. Files are cut where receipts begin,
//! and the stretches are read by several threads.

mod acts;
mod block;
mod correct;
mod crew;
mod cut;
mod disease;
mod dispensing;
mod feed;
mod head;
mod payer;
mod provider;
mod receipt;
mod stretch;
#[cfg(test)]
mod tests;
mod totals;
mod worker;

pub(super) use crew::{CHUNK, Crew};
pub(super) use head::Cards;
pub(super) use worker::Document;

use block::Receipt;

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

/// The items of a record, numbered as in the 記録条件仕様 (0 is the identifier); missing ones are empty.
#[derive(Clone, Copy)]
pub(super) struct Fields<'a> {
    text: &'a [u8],
    ends: &'a [u32],
    start: u32,
}

impl<'a> Fields<'a> {
    #[inline]
    fn get(&self, item: usize) -> &'a [u8] {
        let Some((start, end)) = self.span(item) else {
            return &[];
        };
        self.text.get(start as usize..end as usize).unwrap_or(&[]).trim_ascii()
    }

    #[inline]
    fn span(&self, item: usize) -> Option<(u32, u32)> {
        let end = *self.ends.get(item)?;
        let before = item.checked_sub(1).and_then(|before| self.ends.get(before));
        Some((before.map_or(self.start, |&before| before + 1), end))
    }

    /// Those that are not empty of the `count` items from one on, each with its place among them. Most are empty, and are told
    /// so by their ends alone, eight at a time.
    fn filled(&self, from: usize, count: usize) -> impl Iterator<Item = (usize, &'a [u8])> + use<'a> {
        let text = self.text;
        let (mut start, _) = self.span(from).unwrap_or_default();
        let ends = self.ends.get(from..).unwrap_or(&[]);
        let ends = ends.get(..count).unwrap_or(ends);
        let mut at = 0;
        std::iter::from_fn(move || {
            loop {
                if let Some(&end) = ends.get(at + 7)
                    && end == start + 7
                {
                    (at, start) = (at + 8, end + 1);
                    continue;
                }
                let end = *ends.get(at)?;
                let from = std::mem::replace(&mut start, end + 1);
                at += 1;
                if from < end {
                    return Some((at - 1, text.get(from as usize..end as usize).unwrap_or(&[]).trim_ascii()));
                }
            }
        })
    }
}
