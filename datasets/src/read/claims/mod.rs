//! Payer-side claims (`NN_RECODEINFO_*.CSV`): 医科, DPC and 調剤 receipts with the clearing body's corrections.
//! Not provider-side UKE, and not dental receipts (their lines are counted and quarantined).
//!
//! A line is データ識別, 行番号, 枝番号, record identifier, then the record's items: item k of the 記録条件仕様 is item
//! k + 3 here. A receipt is held in memory whole, because corrections name its lines by number.

mod acts;
mod correct;
mod disease;
mod dispensing;
pub(super) mod provider;
mod receipt;
mod totals;

use std::io::BufRead;

use super::desk::Desk;
use super::error::{Place, ReadError};
use super::lines::{Items, Lines, Met};
use super::number;
use super::report::Kind;
use super::text::Encoding;
use receipt::Take;

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
    start: usize,
    end: usize,
    /// Line of the file.
    pub(super) line: u64,
}

/// The lines of a receipt.
#[derive(Default)]
pub(super) struct Receipt {
    text: Vec<u8>,
    records: Vec<Record>,
}

impl Receipt {
    fn clear(&mut self) {
        self.text.clear();
        self.records.clear();
    }

    fn has(&self, tag: &Tag) -> bool {
        self.records.iter().any(|record| record.tag == *tag)
    }

    fn bytes(&self, record: Record) -> &[u8] {
        self.text.get(record.start..record.end).unwrap_or(&[])
    }
}

/// The items of a record, numbered as in the 記録条件仕様 (1 is the first after the identifier).
#[derive(Default)]
pub(super) struct Fields(Items);

impl Fields {
    fn load(&mut self, receipt: &Receipt, record: Record) {
        self.0.plain(receipt.bytes(record));
    }

    fn get(&self, item: usize) -> &[u8] {
        self.0.get(item + 3).trim_ascii()
    }
}

pub(super) fn read<R: BufRead>(desk: &mut Desk<'_>, file: &str, encoding: Encoding, input: R) -> Result<(), ReadError> {
    const KIND: Kind = Kind::Claims;
    let mut lines = Lines::new(input);
    let mut items = Items::default();
    let mut receipt = Receipt::default();
    let mut take = Take::new(file, encoding);
    let (mut read, mut malformed, mut first_bad) = (0_u64, 0_u64, 0_u64);
    desk.tally.file(KIND);
    loop {
        let met = lines.advance().map_err(|error| ReadError::io(file, &error))?;
        if met == Met::End {
            break;
        }
        let number = lines.number();
        read += 1;
        desk.tally.read(KIND, 1);
        let found = if met == Met::TooLong { Err("line-too-long") } else { lead(&mut items, &lines.line) };
        let record = match found {
            Ok((tag, added, row, branch)) => Record {
                tag,
                added,
                row,
                branch,
                start: receipt.text.len(),
                end: receipt.text.len() + lines.line.len(),
                line: number,
            },
            Err(code) => {
                desk.tally.quarantined(KIND, code, 1, file, number);
                malformed += 1;
                if first_bad == 0 {
                    first_bad = number;
                }
                // The receipt may lack what this line said: amounts of it can't be trusted.
                take.damaged = true;
                continue;
            }
        };
        let begins = match &record.tag {
            b"MN" => true,
            b"IR" | b"YK" | b"RE" => receipt.has(b"RE") && !record.added,
            _ => false,
        };
        if begins && !receipt.records.is_empty() {
            take.receipt(desk, &receipt)?;
            receipt.clear();
        }
        if receipt.text.len() > LARGEST {
            let what = "a receipt has no end";
            let help = "Check that the file is a payer-side claims file in its original order";
            let place = Place::line(file, number);
            return Err(ReadError::refused(place, "receipt-endless", what, help));
        }
        let start = receipt.text.len();
        receipt.text.extend_from_slice(&lines.line);
        receipt.records.push(Record { start, end: receipt.text.len(), ..record });
        if read == 10_000 && malformed * 2 > read {
            break;
        }
    }
    if !receipt.records.is_empty() {
        take.receipt(desk, &receipt)?;
    }
    if malformed >= 3 && malformed * 2 > read {
        let what = "most lines are not those of a payer-side claims file";
        let help = "Give the file as the clearing body delivered it";
        let place = Place::line(file, first_bad);
        return Err(ReadError::refused(place, "lines-do-not-fit", what, help));
    }
    Ok(())
}

/// データ識別, 行番号, 枝番号 and record identifier of a line.
fn lead(items: &mut Items, line: &[u8]) -> Result<(Tag, bool, i64, i64), &'static str> {
    if line.contains(&0) {
        return Err("nul-byte");
    }
    // Only the first four items are needed here.
    let mut commas = line.iter().enumerate().filter(|(_, byte)| **byte == b',');
    let fourth = commas.nth(3).map_or(line.len(), |(at, _)| at);
    items.plain(line.get(..fourth).unwrap_or(line));
    let added = match items.get(0) {
        b"1" => false,
        b"2" => true,
        _ => return Err("data-class"),
    };
    let row = number::whole(items.get(1)).ok_or("row-number")?;
    let branch = match items.get(2) {
        b"" => 0,
        branch => number::whole(branch).ok_or("branch-number")?,
    };
    match items.get(3) {
        [a, b] if a.is_ascii_uppercase() && b.is_ascii_uppercase() => Ok(([*a, *b], added, row, branch)),
        _ => Err("record-identifier"),
    }
}
