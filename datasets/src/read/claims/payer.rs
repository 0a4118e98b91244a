//! A payer's file line by line: receipts told apart and handed on. Not what is in a receipt.

use std::io::BufRead;

use super::receipt::Take;
use super::{Fields, Receipt, Record, Tag};
use crate::read::desk::Desk;
use crate::read::error::{Place, ReadError};
use crate::read::lines::{Lines, Met};
use crate::read::number;
use crate::read::report::Kind;
use crate::read::text::Encoding;

/// The record identifier is the fourth item.
const LEAD: u32 = 3;

pub(in crate::read) fn read<R: BufRead>(
    desk: &mut Desk<'_>,
    file: &str,
    encoding: Encoding,
    input: R,
) -> Result<(), ReadError> {
    const KIND: Kind = Kind::Claims;
    let mut lines = Lines::new(input);
    let mut receipt = Receipt::default();
    let mut take = Take::new(KIND, file, encoding);
    let (mut read, mut malformed, mut first_bad) = (0_u64, 0_u64, 0_u64);
    desk.tally.file(KIND);
    loop {
        let (start, first) = (receipt.text.len(), receipt.ends.len());
        let met = lines.onto(&mut receipt.text).map_err(|error| ReadError::io(file, &error))?;
        if met == Met::End {
            break;
        }
        read += 1;
        let number = lines.number();
        let found = if met == Met::TooLong { Err("line-too-long") } else { receipt.split(start).and_then(lead) };
        let mut record = match found {
            Ok(record) => record,
            Err(code) => {
                desk.tally.quarantined(KIND, code, 1, file, number);
                malformed += 1;
                if first_bad == 0 {
                    first_bad = number;
                }
                receipt.text.truncate(start);
                receipt.ends.truncate(first);
                // The receipt may lack what this line said: amounts of it can't be trusted.
                take.damaged = true;
                continue;
            }
        };
        let begins = match &record.tag {
            b"MN" => true,
            b"IR" | b"YK" | b"UK" | b"RE" => receipt.common && !record.added,
            _ => false,
        };
        let mut from = first;
        if begins && !receipt.records.is_empty() {
            take.receipt(desk, &receipt, None)?;
            receipt.restart(start, first);
            record.start = record.start.saturating_sub(start as u32);
            from = 0;
        }
        receipt.bounded(file, number)?;
        record.items = (from as u32 + LEAD, receipt.ends.len() as u32);
        record.line = number;
        receipt.push(record);
        if read == 10_000 && malformed * 2 > read {
            break;
        }
    }
    desk.tally.read(KIND, read);
    if !receipt.records.is_empty() {
        take.receipt(desk, &receipt, None)?;
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
fn lead(line: Fields<'_>) -> Result<Record, &'static str> {
    let added = match line.get(0) {
        b"1" => false,
        b"2" => true,
        _ => return Err("data-class"),
    };
    let row = number::whole(line.get(1)).ok_or("row-number")?;
    let branch = match line.get(2) {
        b"" => 0,
        branch => number::whole(branch).ok_or("branch-number")?,
    };
    let tag = tag(line.get(LEAD as usize)).ok_or("record-identifier")?;
    let (start, _) = line.span(LEAD as usize).unwrap_or_default();
    Ok(Record { tag, added, row, branch, start, items: (0, 0), line: 0 })
}

pub(super) fn tag(item: &[u8]) -> Option<Tag> {
    match item {
        [a, b] if a.is_ascii_uppercase() && b.is_ascii_uppercase() => Some([*a, *b]),
        _ => None,
    }
}
