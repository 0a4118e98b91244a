//! Catalogue files (TOML) → checked tables. Everything that a DP answer relies on is checked here, at load.

use std::collections::BTreeSet;

use jiff::civil::Date;
use serde::Deserialize;

use super::column::{CategoryValue, Column, ColumnType, Sensitivity};
use super::{PERSON, RESERVED, RowsPerPerson, SOURCE_KINDS, Table};

/// What is wrong with a catalogue file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CatalogueError {
    /// Not TOML, an unknown field, or one missing.
    #[error("{file}, line {line}: {message}")]
    Syntax {
        /// File name.
        file: String,
        /// Line, from 1.
        line: usize,
        /// What the TOML reader says.
        message: String,
    },
    /// A table breaks a rule.
    #[error("{file}: table {table:?}: {problem}")]
    Table {
        /// File name.
        file: String,
        /// Table name as written.
        table: String,
        /// The rule.
        problem: &'static str,
    },
    /// A column breaks a rule.
    #[error("{file}: column {column:?}: {problem}")]
    Column {
        /// File name.
        file: String,
        /// Column name as written.
        column: String,
        /// The rule.
        problem: &'static str,
    },
    /// There is no usable `person` table.
    #[error(
        "the catalogue needs a table \"person\" with one row per person, a category \"sex\" and a month \"birth_ym\""
    )]
    NoPerson,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTable {
    name: String,
    description: String,
    source_kind: String,
    rows: RowsPerPerson,
    order: Vec<String>,
    column: Vec<RawColumn>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawColumn {
    name: String,
    #[serde(rename = "type")]
    ty: RawType,
    nullable: bool,
    sensitivity: Sensitivity,
    origin: String,
    description: String,
    unit: Option<String>,
    digits: Option<u8>,
    min: Option<String>,
    max: Option<String>,
    values: Option<Vec<CategoryValue>>,
    system: Option<String>,
    max_len: Option<usize>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum RawType {
    Integer,
    Date,
    Month,
    Category,
    Code,
    Key,
    Flag,
}

/// Most decimals a grid may have: beyond, sums of bounds leave an i64 too soon.
const MAX_DIGITS: u8 = 9;
/// The store keeps a category in one byte.
const MAX_VALUES: usize = 255;

pub(super) fn catalogue(files: &[(&str, &str)]) -> Result<Vec<Table>, CatalogueError> {
    let mut tables = Vec::with_capacity(files.len());
    let mut names = BTreeSet::new();
    for &(file, text) in files {
        let raw: RawTable = toml::from_str(text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            let before = text.bytes().take(at);
            CatalogueError::Syntax {
                file: file.to_owned(),
                line: 1 + before.filter(|b| *b == b'\n').count(),
                message: error.message().to_owned(),
            }
        })?;
        let table = table(file, raw)?;
        if !names.insert(table.name.clone()) {
            return Err(wrong_table(file, &table.name, "there is a table of this name already"));
        }
        tables.push(table);
    }
    let person = tables.iter().find(|t| t.name == PERSON);
    let ok = person.is_some_and(|t| {
        let ty = |name| t.column(name).map(|c| &c.ty);
        t.columns.len() == 2
            && matches!(ty("sex"), Some(ColumnType::Category { .. }))
            && matches!(ty("birth_ym"), Some(ColumnType::Month { .. }))
    });
    if ok { Ok(tables) } else { Err(CatalogueError::NoPerson) }
}

fn wrong_table(file: &str, table: &str, problem: &'static str) -> CatalogueError {
    CatalogueError::Table { file: file.to_owned(), table: table.to_owned(), problem }
}

fn table(file: &str, raw: RawTable) -> Result<Table, CatalogueError> {
    let wrong = |problem| wrong_table(file, &raw.name, problem);
    if !is_name(&raw.name) {
        return Err(wrong("a name is lower-case ASCII letters, digits and _, from a letter on"));
    }
    if raw.description.trim().is_empty() {
        return Err(wrong("needs a description"));
    }
    if !SOURCE_KINDS.contains(&raw.source_kind.as_str()) {
        return Err(wrong("source_kind is none of the kinds that a source can send"));
    }
    if (raw.name == PERSON) != (raw.rows == RowsPerPerson::One) {
        return Err(wrong("\"person\" has one row per person, and every other table many"));
    }
    let mut columns: Vec<Column> = Vec::with_capacity(raw.column.len());
    for raw_column in raw.column {
        let name = raw_column.name.clone();
        let wrong =
            |problem| CatalogueError::Column { file: file.to_owned(), column: format!("{}.{name}", raw.name), problem };
        let column = column(raw_column).map_err(wrong)?;
        if columns.iter().any(|c| c.name == column.name) {
            return Err(wrong("there is a column of this name already"));
        }
        columns.push(column);
    }
    if columns.is_empty() {
        return Err(wrong("needs columns"));
    }
    for (i, name) in raw.order.iter().enumerate() {
        let known = columns.iter().any(|c| c.name == *name);
        if !known || raw.order.iter().take(i).any(|n| n == name) {
            return Err(wrong("order names a column twice or one that is not there"));
        }
    }
    if raw.rows == RowsPerPerson::Many && raw.order.is_empty() {
        return Err(wrong("a table with many rows per person needs an order"));
    }
    let RawTable { name, description, source_kind, rows, order, .. } = raw;
    Ok(Table { name, description, source_kind, rows, order, columns })
}

fn column(mut raw: RawColumn) -> Result<Column, &'static str> {
    if !is_name(&raw.name) {
        return Err("a name is lower-case ASCII letters, digits and _, from a letter on");
    }
    if RESERVED.contains(&raw.name.as_str()) {
        return Err("this name is the store's own");
    }
    if raw.origin.trim().is_empty() {
        return Err("needs an origin: where its bounds or list come from");
    }
    if raw.description.trim().is_empty() {
        return Err("needs a description");
    }
    let ty = match raw.ty {
        RawType::Integer => {
            let unit = raw.unit.take().filter(|u| !u.trim().is_empty());
            let unit = unit.ok_or("an integer needs a unit (UCUM)")?;
            let digits = raw.digits.take().unwrap_or(0);
            if digits > MAX_DIGITS {
                return Err("a grid has at most 9 digits");
            }
            let parse = |text: Option<String>| {
                super::grid::bound(&text.ok_or("needs min and max")?, digits)
                    .map_err(|_| "min and max are decimal numbers on the grid")
            };
            let (min, max) = (parse(raw.min.take())?, parse(raw.max.take())?);
            in_order(min, max)?;
            ColumnType::Integer { unit, min, max, digits }
        }
        RawType::Date => {
            let (min, max) = days(&mut raw, "")?;
            ColumnType::Date { min, max }
        }
        RawType::Month => {
            let (min, max) = days(&mut raw, "-01")?;
            ColumnType::Month { min, max }
        }
        RawType::Category => {
            let values = raw.values.take().ok_or("a category needs values")?;
            if values.len() < 2 || values.len() > MAX_VALUES {
                return Err("a category has 2 to 255 values");
            }
            if values.last().is_none_or(|v| v.code != "other") {
                return Err("the last value of a category is \"other\"");
            }
            let codes: BTreeSet<&str> = values.iter().map(|v| v.code.as_str()).collect();
            if codes.len() != values.len() {
                return Err("a code is there twice");
            }
            let blank = |s: &str| s.trim() != s || s.is_empty();
            if values.iter().any(|v| blank(&v.code) || blank(&v.label)) {
                return Err("a code or a label is empty or has spaces around");
            }
            ColumnType::Category { values }
        }
        RawType::Code => ColumnType::Code {
            system: raw.system.take().ok_or("a code needs its system")?,
            max_len: raw.max_len.take().filter(|n| (1..=64).contains(n)).ok_or("a code needs max_len, 1 to 64")?,
        },
        RawType::Key => ColumnType::Key,
        RawType::Flag => ColumnType::Flag,
    };
    // Whatever the type did not take was meant for another type.
    if raw.unit.is_some()
        || raw.digits.is_some()
        || raw.min.is_some()
        || raw.max.is_some()
        || raw.values.is_some()
        || raw.system.is_some()
        || raw.max_len.is_some()
    {
        return Err("has a field that its type does not know");
    }
    Ok(Column {
        name: raw.name,
        ty,
        nullable: raw.nullable,
        sensitivity: raw.sensitivity,
        origin: raw.origin,
        description: raw.description,
    })
}

fn days(raw: &mut RawColumn, suffix: &str) -> Result<(Date, Date), &'static str> {
    let parse = |text: Option<String>| {
        let text = text.ok_or("needs min and max")?;
        format!("{text}{suffix}").parse::<Date>().map_err(|_| "min and max are days (2024-04-01) or months (2024-04)")
    };
    let (min, max) = (parse(raw.min.take())?, parse(raw.max.take())?);
    in_order(min, max)?;
    Ok((min, max))
}

fn in_order<T: PartialOrd>(min: T, max: T) -> Result<(), &'static str> {
    if min < max { Ok(()) } else { Err("min is not below max") }
}

fn is_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|b| b.is_ascii_lowercase())
        && bytes.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
        && name.len() <= 40
}
