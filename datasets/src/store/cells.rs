//! A frame's columns → clamped cells in the store's physical types → Arrow arrays in any row order.
//!
//! Everything is moved into the catalogue's bounds here, once, so that no query has to trust the source.

use std::cmp::Ordering;
use std::sync::Arc;

use audit_log::digest::Hasher;
use duckdb::arrow::array::{
    Array, ArrayRef, BooleanArray, Date32Array, Int32Array, Int64Array, StringArray, UInt8Array, UInt64Array,
};
use duckdb::arrow::buffer::{BooleanBuffer, NullBuffer};
use duckdb::arrow::datatypes::DataType;
use polars::prelude::{Column as FrameColumn, PolarsResult, StringChunked};

use crate::catalogue::{CodeForm, Column, ColumnType};

// The digest hashes cells as they lie in memory.
const _: () = assert!(cfg!(target_endian = "little"));

/// One column of a table, in the frame's row order; a NULL has a default value and `valid` false.
pub(super) struct Cells {
    values: Values,
    valid: Option<Vec<bool>>,
}

enum Values {
    Small(Vec<u8>),
    Integer(Vec<i32>),
    Day(Vec<i32>),
    Big(Vec<i64>),
    Key(Vec<u64>),
    Flag(Vec<bool>),
    Text(StringChunked),
}

impl Cells {
    /// Reads a frame's column as the catalogue's column; also says how many values had to be moved.
    pub(super) fn read(column: &Column, frame: &FrameColumn) -> PolarsResult<(Self, u64)> {
        let mut moved = 0u64;
        let mut valid = (frame.null_count() > 0).then(Vec::new);
        let (low, high) = column.bounds().unwrap_or((i64::MIN, i64::MAX));
        let mut clamp = |v: i64| {
            let kept = if (low..=high).contains(&v) { v } else { column.clamp(v) };
            moved += u64::from(kept != v);
            kept
        };
        let values = match &column.ty {
            ColumnType::Integer { .. } => {
                let cells = frame.i64()?.iter();
                if column.sql_type() == "INTEGER" {
                    Values::Integer(fill(cells, &mut valid, |v| narrow(clamp(v))))
                } else {
                    Values::Big(fill(cells, &mut valid, &mut clamp))
                }
            }
            ColumnType::Category { .. } => {
                let cells = frame.i32()?.iter();
                Values::Small(fill(cells, &mut valid, |v| u8::try_from(clamp(i64::from(v))).unwrap_or(u8::MAX)))
            }
            ColumnType::Date { .. } => {
                let cells = frame.date()?.physical().iter();
                Values::Day(fill(cells, &mut valid, |v| narrow(clamp(i64::from(v)))))
            }
            ColumnType::Month { .. } => {
                let cells = frame.date()?.physical().iter();
                // Few months, many rows: remember the last one.
                let mut last = (0, narrow(column.clamp(0)));
                let cells = fill(cells, &mut valid, |v| {
                    if last.0 != v {
                        last = (v, narrow(column.clamp(i64::from(v))));
                    }
                    moved += u64::from(last.1 != v);
                    last.1
                });
                Values::Day(cells)
            }
            ColumnType::Key => Values::Key(fill(frame.u64()?.iter(), &mut valid, |v| v)),
            ColumnType::Flag => Values::Flag(fill(frame.bool()?.iter(), &mut valid, |v| v)),
            ColumnType::Code { max_len, system } => {
                let text = frame.str()?;
                // Questions are refused that ask for codes of another form: nothing of another form may be here.
                let form = CodeForm::of(system);
                let bad = |t: &str| t.len() > *max_len || !form.begins(t);
                let count = text.iter().flatten().filter(|t| bad(t)).count();
                moved += u64::try_from(count).unwrap_or(u64::MAX);
                // Not a code: it may be free text, and free text may hold a name.
                let text: StringChunked = if count == 0 {
                    text.rechunk().into_owned()
                } else {
                    let clean = |t| if bad(t) { "" } else { t };
                    text.iter().map(|t| t.map(clean)).collect()
                };
                if let Some(valid) = &mut valid {
                    valid.extend(text.iter().map(|t| t.is_some()));
                }
                Values::Text(text)
            }
        };
        Ok((Self { values, valid }, moved))
    }

    fn is_valid(&self, row: u32) -> bool {
        let bits = self.valid.as_ref();
        bits.is_none_or(|v| v.get(at(row)).copied().unwrap_or(false))
    }

    /// A part of a sort key, if this is a column of days: order is kept.
    pub(super) fn day_keys(&self) -> Option<&[i32]> {
        match &self.values {
            Values::Day(days) if self.valid.is_none() => Some(days),
            _ => None,
        }
    }

    /// The order of two rows in this column; NULL comes first.
    pub(super) fn compare(&self, a: u32, b: u32) -> Ordering {
        fn of<T: Ord>(values: &[T], a: u32, b: u32) -> Ordering {
            values.get(at(a)).cmp(&values.get(at(b)))
        }
        let by_value = match &self.values {
            Values::Small(v) => of(v, a, b),
            Values::Integer(v) | Values::Day(v) => of(v, a, b),
            Values::Big(v) => of(v, a, b),
            Values::Key(v) => of(v, a, b),
            Values::Flag(v) => of(v, a, b),
            Values::Text(v) => v.get(at(a)).cmp(&v.get(at(b))),
        };
        self.is_valid(a).cmp(&self.is_valid(b)).then(by_value)
    }

    /// The Arrow type of [`Cells::gather`].
    pub(super) fn arrow_type(&self) -> DataType {
        match &self.values {
            Values::Small(_) => DataType::UInt8,
            Values::Integer(_) => DataType::Int32,
            Values::Day(_) => DataType::Date32,
            Values::Big(_) => DataType::Int64,
            Values::Key(_) => DataType::UInt64,
            Values::Flag(_) => DataType::Boolean,
            Values::Text(_) => DataType::Utf8,
        }
    }

    /// The cells of these rows, in this order.
    pub(super) fn gather(&self, rows: &[u32]) -> ArrayRef {
        fn pick<T: Copy + Default>(values: &[T], rows: &[u32]) -> Vec<T> {
            let get = |r: &u32| values.get(at(*r)).copied().unwrap_or_default();
            rows.iter().map(get).collect()
        }
        let nulls = self.valid.as_ref().map(|v| NullBuffer::from(pick(v, rows))).filter(|n| n.null_count() > 0);
        match &self.values {
            Values::Small(v) => Arc::new(UInt8Array::new(pick(v, rows).into(), nulls)),
            Values::Integer(v) => Arc::new(Int32Array::new(pick(v, rows).into(), nulls)),
            Values::Day(v) => Arc::new(Date32Array::new(pick(v, rows).into(), nulls)),
            Values::Big(v) => Arc::new(Int64Array::new(pick(v, rows).into(), nulls)),
            Values::Key(v) => Arc::new(UInt64Array::new(pick(v, rows).into(), nulls)),
            Values::Flag(v) => Arc::new(BooleanArray::new(BooleanBuffer::from(pick(v, rows)), nulls)),
            Values::Text(v) => Arc::new(StringArray::from_iter(rows.iter().map(|r| v.get(at(*r))))),
        }
    }
}

fn at(row: u32) -> usize {
    // A u32 fits a usize on every platform that DuckDB runs on.
    usize::try_from(row).unwrap_or(usize::MAX)
}

/// Within bounds that fit an i32 by `sql_type` or by being days.
fn narrow(v: i64) -> i32 {
    i32::try_from(v).unwrap_or(if v < 0 { i32::MIN } else { i32::MAX })
}

fn fill<A, B: Default>(
    cells: impl ExactSizeIterator<Item = Option<A>>,
    valid: &mut Option<Vec<bool>>,
    mut f: impl FnMut(A) -> B,
) -> Vec<B> {
    let mut out = Vec::with_capacity(cells.len());
    match valid {
        None => out.extend(cells.map(|c| c.map_or_else(B::default, &mut f))),
        Some(valid) => {
            valid.reserve(cells.len());
            for cell in cells {
                valid.push(cell.is_some());
                out.push(cell.map_or_else(B::default, &mut f));
            }
        }
    }
    out
}

/// Adds an array to a digest: length, NULL bits, buffers, each with its length before it.
pub(super) fn hash(hasher: &mut Hasher, array: &dyn Array) {
    let mut part = |bytes: &[u8]| {
        hasher.update(&u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_le_bytes());
        hasher.update(bytes);
    };
    let data = array.to_data();
    part(&u64::try_from(data.len()).unwrap_or(u64::MAX).to_le_bytes());
    match data.nulls() {
        Some(nulls) => part(nulls.inner().values()),
        None => part(&[]),
    }
    for buffer in data.buffers() {
        part(buffer.as_slice());
    }
}
