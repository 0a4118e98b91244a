//! A payer's file line by line: receipts told apart and handed on. Not what is in a receipt.

use std::io::BufRead;

use super::block::{Line, Met, Receipt};
use super::receipt::Take;
use super::{Fields, Record, Tag};
use crate::read::desk::Desk;
use crate::read::error::{Place, ReadError};
use crate::read::number;
use crate::read::report::Kind;
use crate::read::text::Encoding;

/// The record identifier is the fourth item.
const LEAD: u32 = 3;

pub(in crate::read) fn read<R: BufRead>(
    desk: &mut Desk<'_>,
    file: &str,
    encoding: Encoding,
    mut input: R,
) -> Result<(), ReadError> {
    const KIND: Kind = Kind::Claims;
    let mut receipt = Receipt::default();
    let mut take = Take::new(KIND, file, encoding);
    let (mut read, mut malformed, mut first_bad) = (0_u64, 0_u64, 0_u64);
    desk.tally.file(KIND);
    loop {
        let (number, found) = match receipt.advance(&mut input, file)? {
            Met::End => break,
            Met::Bad(number, code) => (number, Err(code)),
            Met::Line(line) => (line.number, lead(receipt.line(line), line)),
        };
        read += 1;
        match found {
            Ok(record) => {
                let begins = match &record.tag {
                    b"MN" => true,
                    b"IR" | b"YK" | b"UK" | b"RE" => receipt.common && !record.added,
                    _ => false,
                };
                if begins && !receipt.records.is_empty() {
                    take.receipt(desk, &receipt, None)?;
                    receipt.clear();
                }
                receipt.push(record);
            }
            Err(code) => {
                desk.tally.quarantined(KIND, code, 1, file, number);
                malformed += 1;
                if first_bad == 0 {
                    first_bad = number;
                }
                // The receipt may lack what this line said: amounts of it can't be trusted.
                take.damaged = true;
            }
        }
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
fn lead(fields: Fields<'_>, line: Line) -> Result<Record, &'static str> {
    let added = match fields.get(0) {
        b"1" => false,
        b"2" => true,
        _ => return Err("data-class"),
    };
    let row = number::whole(fields.get(1)).ok_or("row-number")?;
    let branch = match fields.get(2) {
        b"" => 0,
        branch => number::whole(branch).ok_or("branch-number")?,
    };
    let tag = tag(fields.get(LEAD as usize)).ok_or("record-identifier")?;
    let (start, _) = fields.span(LEAD as usize).unwrap_or_default();
    let items = (line.items.0 + LEAD, line.items.1);
    Ok(Record { tag, added, row, branch, start, items, line: line.number })
}

pub(super) fn tag(item: &[u8]) -> Option<Tag> {
    match item {
        [a, b] if a.is_ascii_uppercase() && b.is_ascii_uppercase() => Some([*a, *b]),
        _ => None,
    }
}
