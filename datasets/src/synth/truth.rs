//! truth.parquet: the person behind every identity tuple of every file.

use std::fs::File;
use std::path::Path;

use polars::prelude::{BatchedWriter, Column, DataFrame, DataType, NamedFrom, ParquetWriter, Schema, Series};

use super::SynthError;
use super::out::TruthRow;

/// Rows per row group.
const TRUTH_ROWS: usize = 100_000;

/// truth.parquet, in row groups.
pub(crate) struct Truth {
    writer: BatchedWriter<File>,
    rows: Vec<TruthRow>,
    written: u64,
}

impl Truth {
    pub(crate) fn create(path: &Path) -> Result<Self, SynthError> {
        let file = File::create_new(path).map_err(|source| SynthError::Io { path: path.to_owned(), source })?;
        let mut schema = Schema::with_capacity(3);
        schema.insert("source".into(), DataType::String);
        schema.insert("fingerprint".into(), DataType::UInt64);
        schema.insert("person".into(), DataType::UInt32);
        let writer = ParquetWriter::new(file).batched(&schema).map_err(|error| SynthError::Truth(error.to_string()))?;
        Ok(Truth { writer, rows: Vec::new(), written: 0 })
    }

    pub(crate) fn add(&mut self, rows: &[TruthRow]) -> Result<(), SynthError> {
        self.rows.extend_from_slice(rows);
        if self.rows.len() >= TRUTH_ROWS {
            self.flush()?;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), SynthError> {
        let source: Vec<&str> = self.rows.iter().map(|row| row.0.name()).collect();
        let fingerprint: Vec<u64> = self.rows.iter().map(|row| row.1).collect();
        let person: Vec<u32> = self.rows.iter().map(|row| row.2).collect();
        let columns: Vec<Column> = vec![
            Series::new("source".into(), source).into(),
            Series::new("fingerprint".into(), fingerprint).into(),
            Series::new("person".into(), person).into(),
        ];
        let failed = |error: polars::prelude::PolarsError| SynthError::Truth(error.to_string());
        let frame = DataFrame::new(self.rows.len(), columns).map_err(failed)?;
        self.writer.write_batch(&frame).map_err(failed)?;
        self.written += self.rows.len() as u64;
        self.rows.clear();
        Ok(())
    }

    pub(crate) fn finish(mut self) -> Result<u64, SynthError> {
        if !self.rows.is_empty() || self.written == 0 {
            self.flush()?;
        }
        self.writer.finish().map_err(|error| SynthError::Truth(error.to_string()))?;
        Ok(self.written)
    }
}
