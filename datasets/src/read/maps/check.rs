//! From a map as written to one that can be relied on: every name in it exists, every constant and code fits its column,
//! and what the catalogue demands is filled. Says where and what would be accepted.

use std::collections::HashMap;
use std::sync::Arc;

use toml::Spanned;

use super::cell::{Cell, factor};
use super::date::{self, Pattern};
use super::nearest::{listed, nearest};
use super::parse::{self, Raw, RawCell};
use super::{Layout, Map, Target};
use crate::catalogue::{Catalogue, Column, ColumnType, PERSON, Table};
use crate::read::error::{Place, ReadError};
use crate::read::identity;
use crate::read::layout;
use crate::read::text::narrow;

pub(super) const HELP: &str = "Mend the column map; the guide shows one of each kind";
/// Code of the error that a map's table is not in the catalogue.
pub(super) const NO_TABLE: &str = "map-table";

/// Tables that have readers of their own, which do more than fill columns.
const SPECIAL: [(&str, &str); 2] = [("enrolment", "eligibility"), ("lifelog_daily", "daily")];

struct Source<'a> {
    name: &'a str,
    text: &'a str,
}

impl Source<'_> {
    fn wrong(&self, at: usize, code: &'static str, what: String) -> ReadError {
        ReadError::refused(Place::line(self.name, parse::line(self.text, at)), code, what, HELP)
    }

    /// A name that is not one of these.
    fn unknown(&self, written: &Spanned<String>, code: &'static str, of: &str, names: &[&str]) -> ReadError {
        let near = nearest(written.as_ref(), names.iter().copied());
        let what = format!("{:?} is no {of}. Accepted: {}", written.as_ref(), listed(near));
        self.wrong(written.span().start, code, what)
    }
}

/// Reads and checks a map.
pub(super) fn map(name: &str, text: &str, catalogue: &Catalogue) -> Result<Map, ReadError> {
    let source = Source { name, text };
    let raw = parse::raw(text)
        .map_err(|(line, what)| ReadError::refused(Place::line(name, line), "map-syntax", what, HELP))?;
    match (&raw.layout, &raw.table) {
        (Some(layout), None) => of_layout(&source, layout, &raw),
        (None, Some(table)) => of_table(&source, table, &raw, catalogue),
        _ => {
            let what = format!(
                "a column map says what it is for: either layout = one of {}, or table = a table of the catalogue",
                listed(Layout::ALL.map(|(name, _)| name))
            );
            Err(source.wrong(0, "map-target", what))
        }
    }
}

fn of_layout(source: &Source<'_>, written: &Spanned<String>, raw: &Raw) -> Result<Map, ReadError> {
    let names = Layout::ALL.map(|(name, _)| name);
    let Some((_, layout)) = Layout::ALL.into_iter().find(|(name, _)| name == written.as_ref()) else {
        return Err(source.unknown(written, "map-layout", "layout", &names));
    };
    if let Some(first) = raw.identity.iter().flatten().next() {
        let what = "a layout names its identity columns under [columns]; [identity] is for tables".to_owned();
        return Err(source.wrong(first.0.span().start, "map-identity", what));
    }
    let mut map = Map {
        name: source.name.to_owned(),
        target: Target::Layout(layout),
        recognize: Vec::new(),
        cells: Default::default(),
        identity: Vec::new(),
    };
    for (key, cell) in &raw.columns {
        let column = narrow(key.as_ref());
        if let Some(fields) = layout.fields() {
            let names: Vec<&str> = fields.iter().map(|field| field.name()).collect();
            if !names.contains(&column.as_str()) {
                return Err(source.unknown(key, "map-column", "column of this layout", &names));
            }
        }
        if !layout.knows(&column) {
            let what = format!("{:?} is no column of this layout that is read", key.as_ref());
            return Err(source.wrong(key.span().start, "map-column", what));
        }
        if let Some(prefix) = &cell.prefix {
            let what = "a prefix is for the code columns of tables".to_owned();
            return Err(source.wrong(prefix.span().start, "map-value", what));
        }
        let compiled = compile(source, key, cell)?;
        if layout == Layout::Fitbit && compiled.rewrites() {
            let what = "of Fitbit's files a map only says what the columns are called: give from alone".to_owned();
            return Err(source.wrong(key.span().start, "map-value", what));
        }
        map.cells.insert(column, Arc::new(compiled));
    }
    let native = layout.fields().unwrap_or(&[]).iter().filter(|field| field.required());
    let native = native.filter(|field| !map.cells.contains_key(field.name()));
    let mut recognize: Vec<Vec<String>> = native.map(|field| field.headers().map(str::to_owned).collect()).collect();
    recognize.extend(map.cells.values().filter(|cell| cell.required()).map(|cell| cell.from.clone()));
    map.recognize = recognized(source, raw, recognize)?;
    Ok(map)
}

fn of_table(
    source: &Source<'_>,
    written: &Spanned<String>,
    raw: &Raw,
    catalogue: &Catalogue,
) -> Result<Map, ReadError> {
    let fillable = catalogue.tables().iter().map(|table| table.name.as_str()).filter(|&name| name != PERSON);
    let names: Vec<&str> = fillable.collect();
    let Some(table) = catalogue.table(written.as_ref()).filter(|table| table.name != PERSON) else {
        return Err(source.unknown(written, NO_TABLE, "table of the catalogue", &names));
    };
    if let Some((_, layout)) = SPECIAL.iter().find(|(name, _)| *name == table.name) {
        let what = format!("the table {} has a reader of its own: write layout = {layout:?}", table.name);
        return Err(source.wrong(written.span().start, "map-table-special", what));
    }
    let identity = identity(source, raw)?;
    let mut map = Map {
        name: source.name.to_owned(),
        target: Target::Table(table.name.clone()),
        recognize: Vec::new(),
        cells: Default::default(),
        identity,
    };
    for (key, cell) in &raw.columns {
        let Some(column) = table.column(key.as_ref()) else {
            let names: Vec<&str> = table.columns.iter().map(|column| column.name.as_str()).collect();
            let of = format!("column of the table {}", table.name);
            return Err(source.unknown(key, "map-column", &of, &names));
        };
        let compiled = compile(source, key, cell)?;
        fits(source, key, column, cell, &compiled)?;
        map.cells.insert(column.name.clone(), Arc::new(compiled));
    }
    unfilled(source, written, table, &map)?;
    let given = map.identity.iter().flatten().filter(|_| raw.identity.is_some());
    let cells = given.chain(map.cells.values()).filter(|cell| cell.required());
    let recognize = cells.map(|cell| cell.from.clone()).collect();
    map.recognize = recognized(source, raw, recognize)?;
    Ok(map)
}

/// The cells that say who a row is about; without `[identity]` the usual headers, as far as a file has them.
fn identity(source: &Source<'_>, raw: &Raw) -> Result<Vec<Option<Arc<Cell>>>, ReadError> {
    let names: Vec<&str> = identity::FIELDS.into_iter().chain(["user"]).collect();
    let mut cells: Vec<Option<Arc<Cell>>> = vec![None; names.len()];
    let Some(given) = &raw.identity else {
        for (slot, field) in cells.iter_mut().zip(layout::PERSON) {
            let from = field.headers().map(narrow).collect();
            *slot = Some(Arc::new(Cell { from, optional: true, ..Cell::default() }));
        }
        return Ok(cells);
    };
    for (key, cell) in given {
        let Some(slot) = names.iter().position(|name| name == key.as_ref()).and_then(|at| cells.get_mut(at)) else {
            return Err(source.unknown(key, "map-identity", "part of an identity", &names));
        };
        let other = cell.prefix.as_ref().or(cell.factor.as_ref());
        if let Some(other) = other {
            let what = "an identity has no prefix and no factor".to_owned();
            return Err(source.wrong(other.span().start, "map-value", what));
        }
        *slot = Some(Arc::new(compile(source, key, cell)?));
    }
    let telling = ["number", "name", "kana", "individual_no", "user"];
    let told = names.iter().zip(&cells).any(|(name, cell)| cell.is_some() && telling.contains(name));
    if !told {
        let at = given.keys().next().map_or(0, |key| key.span().start);
        let what = format!("[identity] tells nobody apart: give at least one of {}", listed(telling));
        return Err(source.wrong(at, "map-identity", what));
    }
    Ok(cells)
}

fn compile(source: &Source<'_>, key: &Spanned<String>, raw: &RawCell) -> Result<Cell, ReadError> {
    let wrong = |at: usize, what: &str| Err(source.wrong(at, "map-value", what.to_owned()));
    let at = key.span().start;
    let from: Vec<String> = raw.from.iter().map(|header| narrow(header)).collect();
    if from.iter().any(String::is_empty) {
        return wrong(at, "a header is empty");
    }
    if from.is_empty() && raw.constant.is_none() {
        return wrong(at, "say from which header it comes (from), or what it always is (constant)");
    }
    let constant = raw.constant.as_ref().map(|text| text.as_ref().clone());
    let date = match &raw.date {
        None => None,
        Some(pattern) => match Pattern::parse(pattern.as_ref()) {
            Some(pattern) => Some(pattern),
            None => {
                let what = format!("this pattern gives no day. Accepted: {}", date::ACCEPTED);
                return wrong(pattern.span().start, &what);
            }
        },
    };
    let factor = match &raw.factor {
        None => None,
        Some(text) => match factor(text.as_ref()) {
            Some(factor) => Some(factor),
            None => return wrong(text.span().start, "a factor is a decimal number in quotes, like \"0.4536\""),
        },
    };
    let mut codes = HashMap::new();
    for (written, meant) in &raw.codes {
        if codes.insert(narrow(written), meant.as_ref().clone()).is_some_and(|before| before != *meant.as_ref()) {
            return wrong(meant.span().start, "the same text, but for width and spaces, is translated twice");
        }
    }
    let prefix = raw.prefix.as_ref().map(|text| text.as_ref().clone()).unwrap_or_default();
    Ok(Cell { from, optional: raw.optional, constant, codes, date, factor, prefix })
}

/// Whether what the map says can be said of this column.
fn fits(
    source: &Source<'_>,
    key: &Spanned<String>,
    column: &Column,
    raw: &RawCell,
    cell: &Cell,
) -> Result<(), ReadError> {
    let day = matches!(column.ty, ColumnType::Date { .. } | ColumnType::Month { .. });
    let number = matches!(column.ty, ColumnType::Integer { .. });
    let code = matches!(column.ty, ColumnType::Code { .. });
    for (given, may, what) in [
        (&raw.date, day, "date is for columns that are days or months"),
        (&raw.factor, number, "factor is for columns that are numbers"),
        (&raw.prefix, code, "prefix is for columns that are codes"),
    ] {
        if let (Some(given), false) = (given, may) {
            let what = format!("{what}; {} is none", column.name);
            return Err(source.wrong(given.span().start, "map-value", what));
        }
    }
    for meant in raw.codes.values().chain(&raw.constant) {
        let text = meant.as_ref().as_str();
        let known = match &column.ty {
            ColumnType::Category { .. } => column.known_category(text).is_some(),
            ColumnType::Flag => matches!(text, "true" | "false"),
            ColumnType::Integer { .. } => column.exact(text).is_ok(),
            ColumnType::Date { .. } => cell.day(text).is_some(),
            ColumnType::Month { .. } => cell.month(text).is_some(),
            ColumnType::Code { max_len, .. } => crate::read::mapped::is_code(text, *max_len),
            ColumnType::Key => !text.is_empty(),
        };
        if known {
            continue;
        }
        let codes: Vec<&str> = column.values().iter().map(|value| value.code.as_str()).collect();
        if !codes.is_empty() {
            return Err(source.unknown(meant, "map-code", &format!("code of {}", column.name), &codes));
        }
        let accepted = match &column.ty {
            ColumnType::Flag => "true or false",
            ColumnType::Integer { .. } => "a number within the bounds and on the grid of the catalogue",
            ColumnType::Code { .. } => "ASCII without spaces, no longer than the catalogue allows",
            ColumnType::Key => "a name",
            _ => "a day, written as the column writes it",
        };
        let what = format!("{text:?} can't stand in {}. Accepted: {accepted}", column.name);
        return Err(source.wrong(meant.span().start, "map-code", what));
    }
    if cell.prefix.is_empty() || crate::read::mapped::is_code(&cell.prefix, 32) {
        return Ok(());
    }
    Err(source.wrong(key.span().start, "map-value", "a prefix is ASCII without spaces".to_owned()))
}

/// Every column that can't be NULL must have a header that is always there, or a constant.
fn unfilled(source: &Source<'_>, written: &Spanned<String>, table: &Table, map: &Map) -> Result<(), ReadError> {
    let filled = |column: &Column| map.cell(&column.name).is_some_and(|c| c.required() || c.constant().is_some());
    let lacking: Vec<&str> =
        table.columns.iter().filter(|c| !c.nullable && !filled(c)).map(|c| c.name.as_str()).collect();
    if lacking.is_empty() {
        return Ok(());
    }
    let what = format!(
        "the table {} can't do without {}: give each a header (from) that every file has, or a constant",
        table.name,
        listed(lacking)
    );
    Err(source.wrong(written.span().start, "map-unfilled", what))
}

fn recognized(source: &Source<'_>, raw: &Raw, default: Vec<Vec<String>>) -> Result<Vec<Vec<String>>, ReadError> {
    let given = raw.recognize.iter().flat_map(|recognize| &recognize.headers);
    let given: Vec<Vec<String>> = given.map(|any| any.0.iter().map(|header| narrow(header)).collect()).collect();
    let recognize = if raw.recognize.is_some() { given } else { default };
    let empty = |any: &Vec<String>| any.is_empty() || any.iter().any(String::is_empty);
    if recognize.is_empty() || recognize.iter().any(empty) {
        let what = "nothing says which files the map is for: give headers under [recognize]".to_owned();
        return Err(source.wrong(0, "map-recognize", what));
    }
    Ok(recognize)
}
