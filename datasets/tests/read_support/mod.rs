//! Shared by the reader tests: writing fixtures and looking at what came out. All names are invented.

#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use datasets::catalogue::{Catalogue, KeyForm};
use datasets::read::{Identified, QualityReport, ReadError, ReadOptions, read};
use polars::prelude::{AnyValue, DataFrame};

/// What a run gave: the batches' tables stacked, the identity frame, the report.
pub(crate) struct Run {
    pub(crate) batches: usize,
    pub(crate) identity: DataFrame,
    pub(crate) tables: BTreeMap<String, DataFrame>,
    pub(crate) report: QualityReport,
    pub(crate) last: Identified,
}

pub(crate) fn run_with(inputs: &[PathBuf], options: &ReadOptions) -> Result<Run, ReadError> {
    let catalogue = options.catalogue.clone().unwrap_or_else(|| Catalogue::builtin().unwrap());
    let mut tables: BTreeMap<String, DataFrame> = BTreeMap::new();
    let mut batches = 0;
    let mut last: Option<Identified> = None;
    let report = read(
        inputs,
        options,
        &mut |batch| {
            if let Some(before) = &last {
                assert_eq!(before.identity().height(), 0, "identities come with the last batch only");
            }
            batches += 1;
            for (name, frame) in batch.tables() {
                let table = catalogue.table(name).unwrap();
                table.check_frame(frame, "ident", KeyForm::Raw).unwrap();
                match tables.get_mut(name) {
                    Some(whole) => {
                        whole.vstack_mut(frame).unwrap();
                    }
                    None => {
                        tables.insert(name.clone(), frame.clone());
                    }
                }
            }
            last = Some(batch);
            Ok(())
        },
        &|_| {},
    )?;
    for (kind, counts) in &report.kinds {
        let left: u64 = counts.left_out.values().sum();
        let bad: u64 = counts.quarantined.values().sum();
        assert_eq!(counts.read, counts.kept + left + bad, "nothing is lost silently: {kind:?} {counts:?}");
        for reasons in [&counts.left_out, &counts.quarantined, &counts.repaired, &counts.values_lost] {
            for code in reasons.keys() {
                let class = datasets::read::class(code);
                assert!(class.is_some(), "give the reason code {code} a class in read/quality/class.rs");
            }
        }
    }
    let last = last.unwrap();
    Ok(Run { batches, identity: last.identity().clone(), tables, report, last })
}

pub(crate) fn run(inputs: &[PathBuf]) -> Result<Run, ReadError> {
    run_with(inputs, &ReadOptions::default())
}

/// A file with these bytes in a fresh folder; the name says nothing on purpose.
pub(crate) fn file(dir: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let path = dir.join(name);
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent).unwrap();
    }
    std::fs::write(&path, bytes).unwrap();
    path
}

pub(crate) fn cp932(text: &str) -> Vec<u8> {
    let (bytes, _, lossy) = encoding_rs::SHIFT_JIS.encode(text);
    assert!(!lossy, "the fixture can't be written in CP932");
    bytes.into_owned()
}

pub(crate) fn zip(dir: &Path, name: &str, files: &[(&str, &[u8])]) -> PathBuf {
    let path = dir.join(name);
    let mut writer = zip::ZipWriter::new(std::fs::File::create(&path).unwrap());
    for (name, bytes) in files {
        writer.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap();
    path
}

/// Days since 1970-01-01.
pub(crate) fn day(year: i16, month: i8, day: i8) -> i32 {
    datasets::catalogue::days_from_civil(jiff::civil::date(year, month, day))
}

impl Run {
    pub(crate) fn height(&self, table: &str) -> usize {
        self.tables.get(table).map_or(0, DataFrame::height)
    }

    fn cell(&self, table: &str, column: &str, row: usize) -> AnyValue<'_> {
        let frame = if table == "identity" { &self.identity } else { &self.tables[table] };
        frame.column(column).unwrap().get(row).unwrap()
    }

    pub(crate) fn int(&self, table: &str, column: &str, row: usize) -> Option<i64> {
        match self.cell(table, column, row) {
            AnyValue::Null => None,
            AnyValue::Int64(v) => Some(v),
            AnyValue::Date(v) => Some(i64::from(v)),
            AnyValue::UInt32(v) => Some(i64::from(v)),
            AnyValue::Boolean(v) => Some(i64::from(v)),
            other => panic!("{table}.{column} is no number: {}", other.dtype()),
        }
    }

    pub(crate) fn ints(&self, table: &str, column: &str) -> Vec<Option<i64>> {
        (0..self.height(table)).map(|row| self.int(table, column, row)).collect()
    }

    pub(crate) fn date(&self, table: &str, column: &str, row: usize) -> Option<i32> {
        self.int(table, column, row).map(|v| i32::try_from(v).unwrap())
    }

    pub(crate) fn text(&self, table: &str, column: &str, row: usize) -> Option<String> {
        match self.cell(table, column, row) {
            AnyValue::Null => None,
            AnyValue::String(v) => Some(v.to_owned()),
            AnyValue::StringOwned(v) => Some(v.to_string()),
            other => panic!("{table}.{column} is no text: {}", other.dtype()),
        }
    }

    /// The code of a category.
    pub(crate) fn code(&self, table: &str, column: &str, row: usize) -> Option<String> {
        match self.cell(table, column, row) {
            AnyValue::Null => None,
            AnyValue::Int32(v) => {
                let catalogue = Catalogue::builtin().unwrap();
                let values = catalogue.column(table, column).unwrap().values();
                Some(values[usize::try_from(v).unwrap()].code.clone())
            }
            other => panic!("{table}.{column} is no category: {}", other.dtype()),
        }
    }

    /// The identity row with this kana or name.
    pub(crate) fn who(&self, row: usize, column: &str) -> Option<String> {
        self.text("identity", column, row)
    }

    pub(crate) fn quarantined(&self, kind: datasets::read::Kind, code: &str) -> u64 {
        self.report.of(kind).quarantined.get(code).copied().unwrap_or(0)
    }

    pub(crate) fn repaired(&self, kind: datasets::read::Kind, code: &str) -> u64 {
        self.report.of(kind).repaired.get(code).copied().unwrap_or(0)
    }

    pub(crate) fn left_out(&self, kind: datasets::read::Kind, code: &str) -> u64 {
        self.report.of(kind).left_out.get(code).copied().unwrap_or(0)
    }

    pub(crate) fn lost(&self, kind: datasets::read::Kind, code: &str) -> u64 {
        self.report.of(kind).values_lost.get(code).copied().unwrap_or(0)
    }
}
