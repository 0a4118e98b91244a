//! What was generated, row by row as readers ought to give it: for round trips. Made from the generator's own structures, never from
//! the bytes. Not kept unless asked for: it grows with the population.

use std::collections::BTreeMap;

use super::SynthError;
use super::out::Source;
use crate::catalogue::{Catalogue, ColumnType};

/// Rows by source and table. A row is `column=value;…` in the catalogue's order of columns, without those that are NULL: integers on
/// their grid and within their bounds, days since 1970-01-01, codes of categories, raw texts of keys, true and false.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    rows: BTreeMap<(&'static str, &'static str), Vec<(u32, String)>>,
}

impl Ledger {
    /// The rows of a source's table, each with the number of its person, in no order.
    #[must_use]
    pub fn rows(&self, source: &str, table: &str) -> &[(u32, String)] {
        let found = self.rows.iter().find(|((at, name), _)| *at == source && *name == table);
        found.map_or(&[], |(_, rows)| rows.as_slice())
    }

    /// Sources and tables that have rows.
    pub fn tables(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        self.rows.keys().copied()
    }

    pub(crate) fn add(&mut self, catalogue: &Catalogue, entries: Vec<Entry>) -> Result<(), SynthError> {
        for entry in entries {
            let text = entry.row(catalogue)?;
            self.rows.entry((entry.source.name(), entry.table)).or_default().push((entry.person, text));
        }
        Ok(())
    }
}

#[derive(Clone, Debug)]
enum Cell {
    /// value / 10^digits.
    Number(i64, u32),
    Day(i32),
    Text(String),
    Flag(bool),
}

/// A row on its way into the ledger.
#[derive(Debug)]
pub(crate) struct Entry {
    source: Source,
    table: &'static str,
    person: u32,
    cells: Vec<(&'static str, Cell)>,
}

impl Entry {
    pub(crate) fn new(source: Source, table: &'static str, person: u32) -> Self {
        Entry { source, table, person, cells: Vec::new() }
    }

    /// A whole number.
    pub(crate) fn int(&mut self, column: &'static str, value: i64) -> &mut Self {
        self.fixed(column, value, 0)
    }

    /// value / 10^digits.
    pub(crate) fn fixed(&mut self, column: &'static str, value: i64, digits: u32) -> &mut Self {
        self.cells.push((column, Cell::Number(value, digits)));
        self
    }

    pub(crate) fn day(&mut self, column: &'static str, day: i32) -> &mut Self {
        self.cells.push((column, Cell::Day(day)));
        self
    }

    /// A code of a category or of an open system, or a key as it is before it is keyed.
    pub(crate) fn text(&mut self, column: &'static str, text: impl Into<String>) -> &mut Self {
        self.cells.push((column, Cell::Text(text.into())));
        self
    }

    pub(crate) fn flag(&mut self, column: &'static str, flag: bool) -> &mut Self {
        self.cells.push((column, Cell::Flag(flag)));
        self
    }

    fn text_of(cell: &Cell, ty: &ColumnType, grid: impl Fn(&str) -> Option<i64>) -> Option<String> {
        Some(match (cell, ty) {
            (Cell::Number(value, digits), ColumnType::Integer { .. }) => {
                let mut text = Vec::new();
                super::out::push_fixed(&mut text, *value, *digits);
                grid(std::str::from_utf8(&text).ok()?)?.to_string()
            }
            (Cell::Day(day), ColumnType::Date { .. } | ColumnType::Month { .. }) => day.to_string(),
            (Cell::Text(text), ColumnType::Category { values }) => {
                let known = values.iter().any(|value| value.code == *text);
                if known { text.clone() } else { "other".to_owned() }
            }
            (Cell::Text(text), ColumnType::Code { .. } | ColumnType::Key) => text.clone(),
            (Cell::Flag(flag), ColumnType::Flag) => flag.to_string(),
            _ => return None,
        })
    }

    /// What the catalogue has no column for, no reader can give.
    fn row(&self, catalogue: &Catalogue) -> Result<String, SynthError> {
        let wrong = |column: &str| SynthError::Ledger(format!("{}.{column}", self.table));
        let table = catalogue.table(self.table).ok_or_else(|| wrong("*"))?;
        let mut text = String::new();
        for column in &table.columns {
            let Some((name, cell)) = self.cells.iter().find(|(name, _)| *name == column.name) else {
                continue;
            };
            let value = Self::text_of(cell, &column.ty, |text| column.grid(text).ok()).ok_or_else(|| wrong(name))?;
            text.push_str(name);
            text.push('=');
            text.push_str(&value);
            text.push(';');
        }
        Ok(text)
    }
}
