//! The tables of a batch: the catalogue's columns, checked, bounded, keyed; what is no column of the catalogue is not copied. Not identities.

use polars::prelude::{
    BooleanChunked, ChunkAgg, ChunkApply, Column, DataFrame, InitHashMaps, Int64Chunked, IntoColumn, IntoSeries,
    NewChunkedArray, PlHashMap, StringChunked, UInt64Chunked,
};

use datasets::catalogue::{Column as Entry, ColumnType, KeyForm, Table};

use crate::frames::{FrameError, Shaped};
use crate::kdf;
use crate::normalize;
use crate::order::{Numbers, sorted};
use crate::token::SourceKeys;

/// Names of a column for which there is room from the beginning.
const MOST_KNOWN: usize = 1 << 13;

/// An insurer, if the name means something within one only, and the name.
type Scoped<'f> = (Option<&'f str>, &'f str);

/// The tables of one batch, which name the same people, receipts and facilities: each is hashed once.
pub(crate) struct Batch<'k, 'f> {
    keys: &'k SourceKeys,
    numbers: Numbers<'k>,
    /// By column, whether it may be NULL, and raw name; two tables' columns of one name are under one key.
    known: PlHashMap<(&'f str, bool), PlHashMap<Scoped<'f>, Option<u64>>>,
}

impl<'k, 'f> Batch<'k, 'f> {
    pub(crate) fn new(keys: &'k SourceKeys) -> Self {
        Self { keys, numbers: Numbers::new(keys), known: PlHashMap::new() }
    }

    /// One table, in one chunk: the catalogue's columns, checked, bounded, keyed; and how many rows were dropped.
    pub(crate) fn table(&mut self, table: &'f Table, frame: &'f DataFrame) -> Result<(DataFrame, usize), FrameError> {
        let name = table.name.as_str();
        let fail = |e| FrameError::polars(name, &e);
        let shaped = Shaped::new(name, frame);
        let mut columns = vec![self.numbers.column(shaped.u32("ident")?)];
        let mut keep: Option<BooleanChunked> = None;
        for entry in &table.columns {
            let column = shaped.column(&entry.name, &entry.frame_type(KeyForm::Raw))?;
            columns.push(match &entry.ty {
                ColumnType::Key => {
                    let insurer = scope(table, &shaped)?;
                    self.keyed(entry, shaped.str(&entry.name)?, insurer)?
                }
                ColumnType::Integer { min, max, .. } => bounded(column.i64().map_err(fail)?, *min, *max),
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

    /// Keys raw names: HMAC of insurer (or nothing) and normalized name, length-prefixed. Junk becomes NULL where NULL
    /// may be, else the key of the empty name.
    fn keyed(
        &mut self,
        entry: &'f Entry,
        raw: &'f StringChunked,
        insurer: Option<&'f StringChunked>,
    ) -> Result<Column, FrameError> {
        let key = self.keys.key_column(&entry.name)?;
        let known = self.known.entry((entry.name.as_str(), entry.nullable)).or_default();
        if known.is_empty() {
            known.reserve((raw.len() / 4).min(MOST_KNOWN));
        }
        let mut message = Vec::with_capacity(128);
        let mut of = |name: Scoped<'f>| {
            *known.entry(name).or_insert_with(|| {
                let (within, text) = name;
                let name = normalize::symbol_of(text);
                if name.is_none() && entry.nullable {
                    return None;
                }
                message.clear();
                let within = within.and_then(normalize::insurer).unwrap_or_default();
                for part in [within.as_str(), name.as_deref().unwrap_or_default()] {
                    message.extend_from_slice(&(part.len() as u64).to_be_bytes());
                    message.extend_from_slice(part.as_bytes());
                }
                Some(kdf::mac8(&key, &message))
            })
        };
        // Rows of a receipt come in a run, whose cells lie in one place.
        let mut last: Option<(Scoped<'f>, Option<u64>)> = None;
        let mut next = |within: Option<&'f str>, text: Option<&'f str>| {
            let text = text?;
            if let Some(((before, name), value)) = last
                && same(name, text)
                && before == within
            {
                return value;
            }
            let value = of((within, text));
            last = Some(((within, text), value));
            value
        };
        let name = entry.name.as_str().into();
        let keyed = match insurer {
            Some(insurer) => UInt64Chunked::from_iter_options(
                name,
                raw.iter().zip(insurer.iter()).map(|(text, within)| next(within, text)),
            ),
            None => UInt64Chunked::from_iter_options(name, raw.iter().map(|text| next(None, text))),
        };
        Ok(keyed.into_series().into_column())
    }
}

fn same(a: &str, b: &str) -> bool {
    a.len() == b.len() && (a.as_ptr() == b.as_ptr() || a == b)
}

/// A workplace's 記号 means something within its insurer only, so a key's scope is its row's insurer, if the table
/// says which; a medical facility's number holds anywhere.
fn scope<'f>(table: &Table, shaped: &Shaped<'f>) -> Result<Option<&'f StringChunked>, FrameError> {
    match table.column("insurer") {
        Some(column) if matches!(column.ty, ColumnType::Code { .. }) => shaped.str("insurer").map(Some),
        _ => Ok(None),
    }
}

/// Numbers put to their bounds; most columns lie within them as they are.
fn bounded(column: &Int64Chunked, min: i64, max: i64) -> Column {
    let within = column.min().is_none_or(|least| least >= min) && column.max().is_none_or(|most| most <= max);
    let bounded = if within { column.clone() } else { column.apply_values(|v| v.clamp(min, max)) };
    bounded.into_series().into_column()
}

/// Codes are ASCII letters, digits and the signs of UCUM's units (mm[Hg], 10*3/uL, %); anything else in their place, a space
/// too (a misaligned column can put a name there), becomes NULL.
fn codes(raw: &StringChunked, max_len: usize) -> StringChunked {
    let is_code = |c: &&str| !c.is_empty() && c.len() <= max_len && c.bytes().all(is_sign);
    if raw.iter().flatten().all(|code| is_code(&code)) {
        return raw.clone();
    }
    StringChunked::from_iter_options(raw.name().clone(), raw.iter().map(|code| code.filter(is_code)))
}

#[inline]
fn is_sign(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b".-_:/%[]*^(){}'".contains(&byte)
}
