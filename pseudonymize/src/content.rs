//! One table of a batch: the catalogue's columns, checked, bounded, keyed; what is no column of the catalogue is not copied. Not identities.

use std::collections::HashMap;

use datasets::catalogue::{Column as Entry, ColumnType, KeyForm, Table};
use polars::prelude::{
    BooleanChunked, ChunkApply, Column, DataFrame, IntoColumn, IntoSeries, NewChunkedArray, StringChunked,
    UInt64Chunked,
};

use crate::frames::{FrameError, Shaped};
use crate::kdf;
use crate::normalize;
use crate::token::SourceKeys;
use crate::transform::{from_iter, renumbered, sorted};

/// One table: the catalogue's columns, checked, bounded, keyed.
pub(crate) fn content(table: &Table, frame: DataFrame, keys: &SourceKeys) -> Result<(DataFrame, usize), FrameError> {
    let name = table.name.as_str();
    let fail = |e| FrameError::polars(name, &e);
    let mut frame = frame;
    frame.rechunk_mut();
    let shaped = Shaped::new(name, &frame);
    let mut columns = vec![renumbered(shaped.u32("ident")?, keys)];
    let mut keep: Option<BooleanChunked> = None;
    for entry in &table.columns {
        let column = shaped.column(&entry.name, &entry.frame_type(KeyForm::Raw))?;
        columns.push(match &entry.ty {
            ColumnType::Key => {
                let insurer = scope(table, &shaped)?;
                keyed(entry, shaped.str(&entry.name)?, insurer, keys)?
            }
            ColumnType::Integer { min, max, .. } => {
                let (min, max) = (*min, *max);
                let bounded = column.i64().map_err(fail)?.apply_values(|v| v.clamp(min, max));
                bounded.into_series().into_column()
            }
            ColumnType::Code { max_len, .. } => {
                let codes = codes(shaped.str(&entry.name)?, *max_len);
                if !entry.nullable && codes.null_count() > 0 {
                    let there = codes.is_not_null();
                    keep = Some(match keep {
                        Some(k) => &k & &there,
                        None => there,
                    });
                }
                codes.into_series().into_column()
            }
            ColumnType::Date { .. } | ColumnType::Month { .. } | ColumnType::Category { .. } | ColumnType::Flag => {
                column.clone()
            }
        });
    }
    let before = frame.height();
    let mut out = DataFrame::new(before, columns).map_err(fail)?;
    if let Some(keep) = keep {
        out = out.filter(&keep).map_err(fail)?;
    }
    let dropped = before - out.height();
    Ok((sorted(name, out)?, dropped))
}

/// A workplace's 記号 means something within its insurer only, so a key's scope is its row's insurer, if the table
/// says which; a medical facility's number holds anywhere.
fn scope<'f>(table: &Table, shaped: &Shaped<'f>) -> Result<Option<&'f StringChunked>, FrameError> {
    match table.column("insurer") {
        Some(column) if matches!(column.ty, ColumnType::Code { .. }) => shaped.str("insurer").map(Some),
        _ => Ok(None),
    }
}

/// An insurer, if the name means something within one only, and the name.
type Scoped<'f> = (Option<&'f str>, &'f str);

/// Keys raw names: HMAC of insurer (or nothing) and normalized name, length-prefixed. Junk becomes NULL where NULL
/// may be, else the key of the empty name.
fn keyed(
    entry: &Entry,
    raw: &StringChunked,
    insurer: Option<&StringChunked>,
    keys: &SourceKeys,
) -> Result<Column, FrameError> {
    let key = keys.key_column(&entry.name)?;
    let mut known: HashMap<Scoped<'_>, Option<u64>> = HashMap::new();
    // Rows of a receipt come in a run.
    let mut last: Option<(Scoped<'_>, Option<u64>)> = None;
    let values = (0..raw.len()).map(|row| {
        let text = raw.get(row)?;
        let within = insurer.and_then(|i| i.get(row));
        if let Some((name, value)) = last
            && name == (within, text)
        {
            return value;
        }
        let value = *known.entry((within, text)).or_insert_with(|| {
            let name = normalize::symbol(text);
            if name.is_none() && entry.nullable {
                return None;
            }
            let mut message = Vec::with_capacity(64);
            let within = within.and_then(normalize::insurer).unwrap_or_default();
            for part in [within, name.unwrap_or_default()] {
                message.extend_from_slice(&(part.len() as u64).to_be_bytes());
                message.extend_from_slice(part.as_bytes());
            }
            Some(kdf::mac8(&key, &message))
        });
        last = Some(((within, text), value));
        value
    });
    let values: Vec<Option<u64>> = values.collect();
    Ok(from_iter::<UInt64Chunked, _>(&entry.name, values.into_iter()))
}

/// Codes are ASCII letters, digits and the signs of UCUM's units (mm[Hg], 10*3/uL, %); anything else in their place, a space
/// too (a misaligned column can put a name there), becomes NULL.
fn codes(raw: &StringChunked, max_len: usize) -> StringChunked {
    let is_code = |c: &&str| {
        !c.is_empty()
            && c.len() <= max_len
            && c.bytes().all(|b| b.is_ascii_alphanumeric() || b".-_:/%[]*^(){}'".contains(&b))
    };
    let values = (0..raw.len()).map(|row| raw.get(row).filter(is_code));
    StringChunked::from_iter_options(raw.name().clone(), values)
}
