//! Typed access to frames, with errors that name table, column and type and never a value.

use polars::prelude::{
    BinaryChunked, BooleanChunked, Column, DataFrame, DataType, Int32Chunked, PolarsError, StringChunked,
    UInt32Chunked, UInt64Chunked,
};

/// What is wrong with a frame. Holds no values: polars' own texts can hold cells, so they end here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// A column isn't there, or has another type.
    #[error("{table}.{column}: missing, or not of type {expected}")]
    Column {
        /// Which table.
        table: String,
        /// Which column.
        column: String,
        /// What it should be.
        expected: String,
    },
    /// NULL where none may be.
    #[error("{table}.{column}: NULL is not allowed here")]
    Null {
        /// Which table.
        table: String,
        /// Which column.
        column: String,
    },
    /// An identity that a row refers to isn't among the identities.
    #[error("{table}: a row refers to an identity that the package doesn't have")]
    Orphan {
        /// Which table.
        table: String,
    },
    /// An entry of an opt-out list came after rows that it concerns.
    #[error(
        "an opt-out was met after rows of that person had passed; nothing may be sent. Report this: the reader gives lists first"
    )]
    LateOptOut,
    /// A step of polars failed.
    #[error("{table}: the frame could not be worked on ({code})")]
    Polars {
        /// Which table.
        table: String,
        /// Kind of failure.
        code: &'static str,
    },
    /// No randomness.
    #[error(transparent)]
    Crypto(#[from] crate::kdf::CryptoError),
}

impl FrameError {
    pub(crate) fn polars(table: &str, error: &PolarsError) -> Self {
        Self::Polars { table: table.to_owned(), code: code(error) }
    }
}

/// The kind of a polars error, without its text.
pub(crate) fn code(error: &PolarsError) -> &'static str {
    match error {
        PolarsError::ColumnNotFound(_) => "column-not-found",
        PolarsError::ComputeError(_) => "compute",
        PolarsError::Duplicate(_) => "duplicate",
        PolarsError::InvalidOperation(_) => "invalid-operation",
        PolarsError::IO { .. } => "io",
        PolarsError::NoData(_) => "no-data",
        PolarsError::OutOfBounds(_) => "out-of-bounds",
        PolarsError::SchemaFieldNotFound(_) => "field-not-found",
        PolarsError::SchemaMismatch(_) => "schema",
        PolarsError::ShapeMismatch(_) => "shape",
        PolarsError::Context { error, .. } => code(error),
        _ => "other",
    }
}

/// A frame with its table's name, for errors.
pub(crate) struct Shaped<'f> {
    table: &'f str,
    frame: &'f DataFrame,
}

impl<'f> Shaped<'f> {
    pub(crate) fn new(table: &'f str, frame: &'f DataFrame) -> Self {
        Self { table, frame }
    }

    pub(crate) fn wrong(&self, column: &str, expected: &DataType) -> FrameError {
        FrameError::Column { table: self.table.to_owned(), column: column.to_owned(), expected: expected.to_string() }
    }

    pub(crate) fn null(&self, column: &str) -> FrameError {
        FrameError::Null { table: self.table.to_owned(), column: column.to_owned() }
    }

    /// The column, if it has this type.
    pub(crate) fn column(&self, name: &str, expected: &DataType) -> Result<&'f Column, FrameError> {
        let column = self.frame.column(name).map_err(|_| self.wrong(name, expected))?;
        if column.dtype() == expected { Ok(column) } else { Err(self.wrong(name, expected)) }
    }

    pub(crate) fn str(&self, name: &str) -> Result<&'f StringChunked, FrameError> {
        let column = self.column(name, &DataType::String)?;
        column.str().map_err(|e| FrameError::polars(self.table, &e))
    }

    pub(crate) fn binary(&self, name: &str) -> Result<&'f BinaryChunked, FrameError> {
        let column = self.column(name, &DataType::Binary)?;
        column.binary().map_err(|e| FrameError::polars(self.table, &e))
    }

    pub(crate) fn bool(&self, name: &str) -> Result<&'f BooleanChunked, FrameError> {
        let column = self.column(name, &DataType::Boolean)?;
        column.bool().map_err(|e| FrameError::polars(self.table, &e))
    }

    pub(crate) fn u32(&self, name: &str) -> Result<&'f UInt32Chunked, FrameError> {
        let column = self.column(name, &DataType::UInt32)?;
        column.u32().map_err(|e| FrameError::polars(self.table, &e))
    }

    pub(crate) fn u64(&self, name: &str) -> Result<&'f UInt64Chunked, FrameError> {
        let column = self.column(name, &DataType::UInt64)?;
        column.u64().map_err(|e| FrameError::polars(self.table, &e))
    }

    pub(crate) fn i32(&self, name: &str) -> Result<&'f Int32Chunked, FrameError> {
        let column = self.column(name, &DataType::Int32)?;
        column.i32().map_err(|e| FrameError::polars(self.table, &e))
    }

    /// Days since 1970-01-01 of a Date column.
    pub(crate) fn date(&self, name: &str) -> Result<&'f Int32Chunked, FrameError> {
        let column = self.column(name, &DataType::Date)?;
        let dates = column.date().map_err(|e| FrameError::polars(self.table, &e))?;
        Ok(dates.physical())
    }
}
