//! How catalogue columns lie in frames and in the store, and the check that a frame is what it claims to be.

use polars::prelude::{DataFrame, DataType, Field, Schema};

use super::{Column, ColumnType, Table};

/// Whether keys are raw names of facilities and workplaces, or keyed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyForm {
    /// Raw text: identified data, at the source only.
    Raw,
    /// Keyed 64-bit integers: pseudonymous data.
    Keyed,
}

/// How a frame differs from the catalogue. Holds names and types only, never values.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ShapeError {
    /// Other columns, or in another order.
    #[error("table {table}: expected columns {expected:?}")]
    Columns {
        /// Table.
        table: String,
        /// Names in order.
        expected: Vec<String>,
    },
    /// A column of another type.
    #[error("{table}.{column}: expected type {expected}, found {found}")]
    Type {
        /// Table.
        table: String,
        /// Column.
        column: String,
        /// As the catalogue says.
        expected: String,
        /// As the frame has it.
        found: String,
    },
    /// NULL where the catalogue allows none.
    #[error("{table}.{column}: {count} NULLs where the catalogue allows none")]
    Null {
        /// Table.
        table: String,
        /// Column.
        column: String,
        /// How many.
        count: usize,
    },
}

impl Column {
    /// The column's type in a polars frame.
    pub fn frame_type(&self, keys: KeyForm) -> DataType {
        match (&self.ty, keys) {
            (ColumnType::Integer { .. }, _) => DataType::Int64,
            (ColumnType::Category { .. }, _) => DataType::Int32,
            (ColumnType::Date { .. } | ColumnType::Month { .. }, _) => DataType::Date,
            (ColumnType::Code { .. }, _) | (ColumnType::Key, KeyForm::Raw) => DataType::String,
            (ColumnType::Key, KeyForm::Keyed) => DataType::UInt64,
            (ColumnType::Flag, _) => DataType::Boolean,
        }
    }

    /// The column's type in the store. Integers take four bytes where their bounds allow.
    pub fn sql_type(&self) -> &'static str {
        match &self.ty {
            ColumnType::Integer { min, max, .. } => {
                let narrow = i32::try_from(*min).is_ok() && i32::try_from(*max).is_ok();
                if narrow { "INTEGER" } else { "BIGINT" }
            }
            ColumnType::Category { .. } => "UTINYINT",
            ColumnType::Date { .. } | ColumnType::Month { .. } => "DATE",
            ColumnType::Code { .. } => "VARCHAR",
            ColumnType::Key => "UBIGINT",
            ColumnType::Flag => "BOOLEAN",
        }
    }
}

impl Table {
    /// The frame's schema: `lead` (`ident` or `pid`, UInt32), then the catalogue's columns.
    pub fn frame_schema(&self, lead: &str, keys: KeyForm) -> Schema {
        let first = std::iter::once(Field::new(lead.into(), DataType::UInt32));
        let rest = self.columns.iter();
        first.chain(rest.map(|c| Field::new(c.name.as_str().into(), c.frame_type(keys)))).collect()
    }

    /// A frame of this table without rows.
    pub fn empty_frame(&self, lead: &str, keys: KeyForm) -> DataFrame {
        DataFrame::empty_with_schema(&self.frame_schema(lead, keys))
    }

    /// Checks names, order, types and NULLs of a frame of this table. Bounds are no matter of shape: the store clamps.
    ///
    /// # Errors
    /// The first difference.
    pub fn check_frame(&self, frame: &DataFrame, lead: &str, keys: KeyForm) -> Result<(), ShapeError> {
        let schema = self.frame_schema(lead, keys);
        let columns = frame.columns();
        let same = schema.len() == columns.len() && schema.iter_names().zip(columns).all(|(n, c)| n == c.name());
        if !same {
            return Err(ShapeError::Columns {
                table: self.name.clone(),
                expected: schema.iter_names().map(ToString::to_string).collect(),
            });
        }
        for ((name, expected), column) in schema.iter().zip(columns) {
            if expected != column.dtype() {
                return Err(ShapeError::Type {
                    table: self.name.clone(),
                    column: name.to_string(),
                    expected: expected.to_string(),
                    found: column.dtype().to_string(),
                });
            }
            let nullable = self.column(name).is_some_and(|c| c.nullable);
            let count = column.null_count();
            if !nullable && count > 0 {
                return Err(ShapeError::Null { table: self.name.clone(), column: name.to_string(), count });
            }
        }
        Ok(())
    }
}
