//! Rows of one canonical table on their way into a frame. Not the catalogue: types, bounds and lists come from there,
//! and columns that a reader does not fill become NULL.

use polars::prelude::{
    BooleanChunkedBuilder, ChunkedBuilder, DataFrame, DataType, IdxSize, Int32Type, Int64Type, IntoSeries, NamedFrom,
    PlSmallStr, PrimitiveChunkedBuilder, Series, StringChunkedBuilder,
};

use super::error::ReadError;
use crate::catalogue::{Catalogue, Column, ColumnType};

/// One cell. `Day` also stands for months (their first day), `Text` for codes and raw keys.
#[derive(Debug, Clone, Copy)]
pub(super) enum Value<'a> {
    Null,
    Int(i64),
    Category(i32),
    Day(i32),
    Text(&'a str),
    Flag(bool),
}

impl<'a> Value<'a> {
    pub(super) fn int(value: Option<i64>) -> Self {
        value.map_or(Self::Null, Self::Int)
    }

    pub(super) fn day(value: Option<i32>) -> Self {
        value.map_or(Self::Null, Self::Day)
    }

    pub(super) fn text(value: Option<&'a str>) -> Self {
        value.map_or(Self::Null, Self::Text)
    }

    pub(super) fn category(value: Option<i32>) -> Self {
        value.map_or(Self::Null, Self::Category)
    }
}

/// What a reader expects of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    Int,
    Category,
    Day,
    Text,
    Flag,
}

impl Shape {
    pub(super) fn of(column: &Column) -> Self {
        match column.ty {
            ColumnType::Integer { .. } => Self::Int,
            ColumnType::Category { .. } => Self::Category,
            ColumnType::Date { .. } | ColumnType::Month { .. } => Self::Day,
            ColumnType::Code { .. } | ColumnType::Key => Self::Text,
            ColumnType::Flag => Self::Flag,
        }
    }
}

enum Cells {
    Int(PrimitiveChunkedBuilder<Int64Type>),
    Category(PrimitiveChunkedBuilder<Int32Type>),
    Day(PrimitiveChunkedBuilder<Int32Type>),
    Text(Codes),
    Key(Keys),
    Flag(BooleanChunkedBuilder),
}

impl Cells {
    fn new(column: &Column, shape: Shape, rows: usize) -> Self {
        let name = PlSmallStr::from(column.name.as_str());
        match shape {
            Shape::Int => Self::Int(PrimitiveChunkedBuilder::new(name, rows)),
            Shape::Category => Self::Category(PrimitiveChunkedBuilder::new(name, rows)),
            Shape::Day => Self::Day(PrimitiveChunkedBuilder::new(name, rows)),
            Shape::Text if matches!(column.ty, ColumnType::Key) => Self::Key(Keys::new(name, rows)),
            Shape::Text => Self::Text(Codes::new(name, rows)),
            Shape::Flag => Self::Flag(BooleanChunkedBuilder::new(name, rows)),
        }
    }

    /// A value of another shape becomes NULL; shapes are checked when the sheet is made.
    fn push(&mut self, value: Value<'_>) {
        match (self, value) {
            (Self::Int(cells), Value::Int(v)) => cells.append_value(v),
            (Self::Int(cells), _) => cells.append_null(),
            (Self::Category(cells), Value::Category(v)) => cells.append_value(v),
            (Self::Category(cells), _) => cells.append_null(),
            (Self::Day(cells), Value::Day(v)) => cells.append_value(v),
            (Self::Day(cells), _) => cells.append_null(),
            (Self::Text(cells), Value::Text(v)) => cells.push(v),
            (Self::Text(cells), _) => cells.push_null(),
            (Self::Key(cells), Value::Text(v)) => cells.push(Some(v)),
            (Self::Key(cells), _) => cells.push(None),
            (Self::Flag(cells), Value::Flag(v)) => cells.append_value(v),
            (Self::Flag(cells), _) => cells.append_null(),
        }
    }

    fn series(self) -> Option<Series> {
        match self {
            Self::Int(cells) => Some(cells.finish().into_series()),
            Self::Category(cells) => Some(cells.finish().into_series()),
            Self::Day(cells) => cells.finish().into_series().cast(&DataType::Date).ok(),
            Self::Text(cells) => gathered(cells.each, &cells.rows),
            Self::Key(cells) => gathered(cells.each, &cells.rows),
            Self::Flag(cells) => Some(cells.finish().into_series()),
        }
    }
}

/// A column of keys, which are long and come in runs: each is stored once for its run.
struct Keys {
    each: StringChunkedBuilder,
    count: IdxSize,
    last: Option<String>,
    rows: Vec<IdxSize>,
}

impl Keys {
    fn new(name: PlSmallStr, rows: usize) -> Self {
        Self { each: StringChunkedBuilder::new(name, 0), count: 0, last: None, rows: Vec::with_capacity(rows) }
    }

    fn push(&mut self, key: Option<&str>) {
        if self.count == 0 || self.last.as_deref() != key {
            self.each.append_option(key);
            self.count += 1;
            match (&mut self.last, key) {
                (Some(last), Some(key)) => {
                    last.clear();
                    last.push_str(key);
                }
                (last, key) => *last = key.map(str::to_owned),
            }
        }
        self.rows.push(self.count - 1);
    }
}

/// Places in [`Codes`]; a power of two.
const PLACES: usize = 512;

/// A column of codes, which are short, and few of which are most: a code met lately is stored once. Places are found by a
/// hash that anybody can foresee; codes chosen to share a place are stored each time, and that is all.
struct Codes {
    each: StringChunkedBuilder,
    count: IdxSize,
    null: Option<IdxSize>,
    places: Vec<([u8; 12], u8, IdxSize)>,
    rows: Vec<IdxSize>,
}

impl Codes {
    fn new(name: PlSmallStr, rows: usize) -> Self {
        let each = StringChunkedBuilder::new(name, 0);
        Self { each, count: 0, null: None, places: Vec::new(), rows: Vec::with_capacity(rows) }
    }

    fn push(&mut self, code: &str) {
        let mut padded = [0; 12];
        let Some(part) = padded.get_mut(..code.len()) else {
            return self.append(code);
        };
        part.copy_from_slice(code.as_bytes());
        let length = code.len() as u8;
        let number = u128::from_le_bytes(std::array::from_fn(|at| padded.get(at).copied().unwrap_or(0)));
        let mixed = (number as u64 ^ (number >> 64) as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        if self.places.is_empty() {
            self.places.resize(PLACES, ([0; 12], u8::MAX, 0));
        }
        let count = self.count;
        let Some(place) = self.places.get_mut((mixed >> 55) as usize % PLACES) else {
            return self.append(code);
        };
        if place.0 == padded && place.1 == length {
            self.rows.push(place.2);
            return;
        }
        *place = (padded, length, count);
        self.append(code);
    }

    fn append(&mut self, code: &str) {
        self.each.append_value(code);
        self.rows.push(self.count);
        self.count += 1;
    }

    fn push_null(&mut self) {
        let null = *self.null.get_or_insert_with(|| {
            self.each.append_null();
            self.count += 1;
            self.count - 1
        });
        self.rows.push(null);
    }
}

fn gathered(each: StringChunkedBuilder, rows: &[IdxSize]) -> Option<Series> {
    let each = each.finish().into_series();
    // As many as rows: each was stored once, and in order.
    if each.len() == rows.len() { Some(each) } else { each.take_slice(rows).ok() }
}

/// Bounds and grid of a number.
#[derive(Debug, Clone, Copy)]
pub(super) struct Grid {
    digits: u8,
    min: i64,
    max: i64,
}

impl Grid {
    /// Puts a stored integer to the bounds.
    pub(super) fn clamp(self, value: i64) -> i64 {
        value.clamp(self.min, self.max)
    }

    pub(super) fn digits(self) -> u8 {
        self.digits
    }
}

/// The rows of one table. A row is given in the order of the reader's own list of columns.
pub(super) struct Sheet {
    /// Table name.
    pub(super) name: String,
    ident: Vec<u32>,
    filled: Vec<(Column, Shape)>,
    /// Of each of them, what was pushed.
    cells: Vec<Cells>,
    /// All columns in the catalogue's order.
    order: Vec<(String, DataType)>,
}

impl Sheet {
    /// A sheet whose rows are given in the order of `expected`.
    pub(super) fn new(catalogue: &Catalogue, name: &str, expected: &[(&str, Shape)]) -> Result<Self, ReadError> {
        let missing = |column: &str| ReadError::Catalogue { table: name.to_owned(), column: column.to_owned() };
        let table = catalogue.table(name).ok_or_else(|| missing("*"))?;
        let mut filled = Vec::with_capacity(expected.len());
        let mut cells = Vec::with_capacity(expected.len());
        for &(column, shape) in expected {
            let found = table.column(column).ok_or_else(|| missing(column))?;
            let fits = Shape::of(found) == shape;
            if !fits {
                return Err(missing(column));
            }
            filled.push((found.clone(), shape));
            cells.push(Cells::new(found, shape, 0));
        }
        let order = table
            .columns
            .iter()
            .map(|column| {
                let kind = column.frame_type(crate::catalogue::KeyForm::Raw);
                (column.name.clone(), kind)
            })
            .collect();
        Ok(Self { name: name.to_owned(), ident: Vec::new(), filled, cells, order })
    }

    /// A sheet whose rows are given in the catalogue's order, all columns of it.
    pub(super) fn whole(catalogue: &Catalogue, name: &str) -> Result<Self, ReadError> {
        let missing = || ReadError::Catalogue { table: name.to_owned(), column: "*".to_owned() };
        let table = catalogue.table(name).ok_or_else(missing)?;
        let expected: Vec<(&str, Shape)> = table.columns.iter().map(|c| (c.name.as_str(), Shape::of(c))).collect();
        Self::new(catalogue, name, &expected)
    }

    /// The columns that rows fill, in the order of rows.
    pub(super) fn columns(&self) -> impl Iterator<Item = &Column> {
        self.filled.iter().map(|(column, _)| column)
    }

    fn column(&self, name: &str) -> Option<&Column> {
        self.columns().find(|column| column.name == name)
    }

    /// Bounds of a number column.
    pub(super) fn grid(&self, name: &str) -> Result<Grid, ReadError> {
        match self.column(name).map(|column| &column.ty) {
            Some(ColumnType::Integer { min, max, digits, .. }) => Ok(Grid { digits: *digits, min: *min, max: *max }),
            _ => Err(ReadError::Catalogue { table: self.name.clone(), column: name.to_owned() }),
        }
    }

    /// Index of a code in a closed list; unknown codes are `other`.
    pub(super) fn category(&self, name: &str, code: &str) -> i32 {
        self.column(name).and_then(|column| column.category(code)).unwrap_or(0)
    }

    pub(super) fn push(&mut self, ident: u32, row: &[Value<'_>]) {
        self.ident.push(ident);
        let missing = std::iter::repeat(&Value::Null);
        for (cells, value) in self.cells.iter_mut().zip(row.iter().chain(missing)) {
            cells.push(*value);
        }
    }

    pub(super) fn len(&self) -> usize {
        self.ident.len()
    }

    /// The frame of the rows so far; the sheet is empty afterwards.
    pub(super) fn take(&mut self) -> Result<DataFrame, ReadError> {
        self.part()?.frame()
    }

    /// The rows so far, with whom they are about apart.
    pub(super) fn part(&mut self) -> Result<Part, ReadError> {
        let failed = || ReadError::Frame { what: "building a table" };
        let height = self.ident.len();
        let mut made = Vec::with_capacity(self.filled.len());
        for ((column, shape), cells) in self.filled.iter().zip(&mut self.cells) {
            let full = std::mem::replace(cells, Cells::new(column, *shape, height));
            made.push((column.name.clone(), full.series().ok_or_else(failed)?));
        }
        let mut columns = Vec::with_capacity(self.order.len());
        for (name, kind) in &self.order {
            let series = match made.iter().position(|(at, _)| at == name) {
                Some(at) => made.swap_remove(at).1,
                None => Series::full_null(name.as_str().into(), height, kind),
            };
            columns.push(polars::prelude::Column::from(series));
        }
        Ok(Part { ident: std::mem::take(&mut self.ident), columns })
    }
}

/// Rows of a table, and whom they are about.
pub(super) struct Part {
    pub(super) ident: Vec<u32>,
    columns: Vec<polars::prelude::Column>,
}

impl Part {
    pub(super) fn frame(mut self) -> Result<DataFrame, ReadError> {
        let height = self.ident.len();
        self.columns.insert(0, Series::new("ident".into(), self.ident).into());
        DataFrame::new(height, self.columns).map_err(|_| ReadError::Frame { what: "building a table" })
    }
}
