//! A payer's line: data class, row, branch, record identifier; and where a receipt begins. Not what is in a receipt.

use super::block::{Line, Receipt};
use super::{Fields, Record, Tag};
use crate::read::number;

/// The record identifier is the fourth item.
const LEAD: u32 = 3;

/// Whether a receipt begins with this record, after what is known of the one before.
pub(super) fn begins(receipt: &Receipt, record: &Record) -> bool {
    match &record.tag {
        b"MN" => true,
        b"IR" | b"YK" | b"UK" | b"RE" => receipt.common && !record.added,
        _ => false,
    }
}

/// データ識別, 行番号, 枝番号 and record identifier of a line.
pub(super) fn lead(fields: Fields<'_>, line: Line) -> Result<Record, &'static str> {
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
