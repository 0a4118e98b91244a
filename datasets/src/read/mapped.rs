//! Any table of the catalogue from a CSV file by a column map: programmes, events, laboratory values, and kinds that
//! nobody has thought of yet. Not the special readers: what knows more than its columns has its own.

use std::borrow::Cow;
use std::io::BufRead;
use std::sync::Arc;

use super::desk::{Desk, Into};
use super::error::{Place, ReadError};
use super::frame::Value;
use super::header::{self, Fate, Row, Source};
use super::identity::{FIELDS, Tuple};
use super::maps::{Cell, Map};
use super::number;
use super::report::Kind;
use super::text::{Encoding, narrow};
use crate::catalogue::{CodeForm, Column, ColumnType};

/// The user of a roster, behind the parts of an identity.
const USER: usize = FIELDS.len();
/// The first column of the table.
const FIRST: usize = USER + 1;

/// A value on its way into a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Cooked {
    Null,
    Int(i64),
    Category(i32),
    Day(i32),
    Text(String),
    Flag(bool),
    /// Something stood there that can't be read as what the column holds; the reason.
    Lost(&'static str),
}

impl Cooked {
    fn value(&self) -> Value<'_> {
        match self {
            Self::Null | Self::Lost(_) => Value::Null,
            Self::Int(v) => Value::Int(*v),
            Self::Category(v) => Value::Category(*v),
            Self::Day(v) => Value::Day(*v),
            Self::Text(v) => Value::Text(v),
            Self::Flag(v) => Value::Flag(*v),
        }
    }
}

/// Looks at a whole row before it is judged by the catalogue, and may refuse it.
pub(super) type Review<'a> = &'a dyn Fn(&[Column], &mut [Cooked]) -> Result<(), &'static str>;

/// Reads a file by the desk's map.
pub(super) fn read<R: BufRead>(desk: &mut Desk<'_>, file: &str, encoding: Encoding, input: R) -> Result<(), ReadError> {
    reviewed(desk, Kind::Mapped, file, encoding, input, &|_, _| Ok(()))
}

/// Reads a file by the desk's map, with a look at every row.
pub(super) fn reviewed<R: BufRead>(
    desk: &mut Desk<'_>,
    kind: Kind,
    file: &str,
    encoding: Encoding,
    input: R,
    review: Review<'_>,
) -> Result<(), ReadError> {
    let fault = || ReadError::Catalogue { table: "*".to_owned(), column: "*".to_owned() };
    let map = desk.map.clone().ok_or_else(fault)?;
    let into = map.table().and_then(|name| desk.table(name)).ok_or_else(fault)?;
    let columns: Vec<Column> = desk.sheet(into)?.columns().cloned().collect();
    let cells: Vec<Option<Arc<Cell>>> = columns.iter().map(|column| map.cell(&column.name).cloned()).collect();
    let reader = Reader { kind, into, columns, cells, review };
    let rosters = desk.rosters;
    let mut plan = |titles: &[String], line| reader.sources(&map, titles, rosters, file, line);
    header::table(desk, kind, file, encoding, input, &mut plan, &mut |desk, row| reader.row(desk, row))
}

struct Reader<'a> {
    kind: Kind,
    into: Into,
    columns: Vec<Column>,
    cells: Vec<Option<Arc<Cell>>>,
    review: Review<'a>,
}

impl Reader<'_> {
    /// Where identity and columns stand. A user is asked before an identity, if there is a roster to ask.
    fn sources(
        &self,
        map: &Map,
        titles: &[String],
        rosters: bool,
        file: &str,
        line: u64,
    ) -> Result<Vec<Source>, ReadError> {
        let place = |cell: &Option<Arc<Cell>>, rewrites: bool| -> Result<Source, ReadError> {
            let Some(cell) = cell else {
                return Ok(Source::default());
            };
            let at = header::once(cell.places(titles), cell.header(), file, line)?;
            if at.is_none() && cell.required() {
                return Err(header::lacks(cell.header(), file, line));
            }
            Ok(Source { at, cell: Some(cell.clone()).filter(|cell| rewrites && cell.rewrites()) })
        };
        let mut sources = Vec::with_capacity(FIRST + self.cells.len());
        for cell in map.identity() {
            sources.push(place(cell, true)?);
        }
        let there = |at: usize| sources.get(at).is_some_and(|source| source.at.is_some());
        // 番号, 氏名, カナ氏名, 個人単位番号: without one of them nobody is told apart.
        let tuple = [2, 4, 5, 8].into_iter().any(there);
        let user = there(USER);
        if user && (rosters || !tuple) {
            if !rosters {
                return Err(ReadError::refused(
                    Place::file(file),
                    "no-roster",
                    "rows by user without a roster: nobody can say who the users are",
                    "Give the service's roster (利用者ID, カナ氏名, 生年月日, 性別, …) together with this file",
                ));
            }
            sources.iter_mut().take(USER).for_each(|source| *source = Source::default());
        } else if tuple {
            sources.iter_mut().skip(USER).for_each(|source| *source = Source::default());
        } else {
            return Err(header::lacks(
                "番号, 氏名, カナ氏名 or 利用者ID (any that says who a row is about)",
                file,
                line,
            ));
        }
        for cell in &self.cells {
            sources.push(place(cell, false)?);
        }
        Ok(sources)
    }

    fn row(&self, desk: &mut Desk<'_>, row: &Row<'_>) -> Result<Fate, ReadError> {
        let mut cooked = Vec::with_capacity(self.columns.len());
        for (at, (column, cell)) in (FIRST..).zip(self.columns.iter().zip(&self.cells)) {
            cooked.push(match cell {
                Some(cell) => self.cook(desk, row, column, cell, row.text(at)),
                None => Cooked::Null,
            });
        }
        if let Err(code) = (self.review)(&self.columns, &mut cooked) {
            return Ok(Fate::Unusable(code));
        }
        for (column, value) in self.columns.iter().zip(&mut cooked) {
            match value {
                Cooked::Lost(code) if !column.nullable => return Ok(Fate::Malformed(code)),
                Cooked::Null if !column.nullable => match &column.ty {
                    ColumnType::Category { values } => {
                        desk.tally.repaired(self.kind, "code-missing");
                        *value = Cooked::Category(i32::try_from(values.len().saturating_sub(1)).unwrap_or(0));
                    }
                    _ => return Ok(Fate::Unusable("value-missing")),
                },
                _ => {}
            }
        }
        let ident = match self.ident(desk, row) {
            Ok(ident) => ident,
            Err(code) => return Ok(Fate::Unusable(code)),
        };
        for value in &cooked {
            if let Cooked::Lost(code) = value {
                desk.tally.value_lost(self.kind, code, row.file, row.line);
            }
        }
        // The first day of a row is when something happened; later ones, and those of consents, may lie ahead.
        let first = cooked.iter().find_map(|value| if let Cooked::Day(day) = value { Some(*day) } else { None });
        if let (Some(day), false) = (first, self.kind == Kind::Consent) {
            desk.identities.seen(ident, day);
        }
        let values: Vec<Value<'_>> = cooked.iter().map(Cooked::value).collect();
        desk.push(self.into, ident, &values)?;
        Ok(Fate::Kept)
    }

    fn ident(&self, desk: &mut Desk<'_>, row: &Row<'_>) -> Result<u32, &'static str> {
        if let Some(user) = row.text(USER) {
            return desk.users.get(user.as_ref()).copied().ok_or("user-not-in-roster");
        }
        let texts: [Option<Cow<'_, str>>; USER] = std::array::from_fn(|field| row.text(field));
        let tuple = tuple(&texts);
        if tuple.nobody() {
            return Err("no-identity");
        }
        if tuple.birth.is_some_and(|birth| number::loose_day(narrow(birth).as_bytes()).is_none()) {
            desk.tally.value_lost(self.kind, "birth-date", row.file, row.line);
        }
        Ok(desk.identities.of(self.kind, &tuple))
    }

    fn cook(
        &self,
        desk: &mut Desk<'_>,
        row: &Row<'_>,
        column: &Column,
        cell: &Cell,
        written: Option<Cow<'_, str>>,
    ) -> Cooked {
        let Some(text) = written.as_deref().or(cell.constant()) else {
            return Cooked::Null;
        };
        // A constant is what is meant already.
        let translated = if written.is_some() { cell.code(text) } else { Some(text) };
        let text = translated.unwrap_or(text);
        let low_high = column.bounds();
        let mut bounded = |value: i64| {
            let inside = low_high.map_or(value, |(low, high)| value.clamp(low, high));
            if inside != value {
                desk.tally.repaired(self.kind, "out-of-bounds");
            }
            inside
        };
        let mut day = |day: Option<i32>| {
            let inside = day.and_then(|day| i32::try_from(bounded(i64::from(day))).ok());
            inside.map_or(Cooked::Lost("date"), Cooked::Day)
        };
        match &column.ty {
            ColumnType::Integer { digits, .. } => match cell.number(text, *digits) {
                Some(value) => Cooked::Int(bounded(value)),
                None => Cooked::Lost("number"),
            },
            ColumnType::Date { .. } | ColumnType::Month { .. }
                if column.nullable && number::endless(text.as_bytes()) =>
            {
                desk.tally.repaired(self.kind, "date-9999");
                Cooked::Null
            }
            ColumnType::Date { .. } => day(cell.day(text)),
            ColumnType::Month { .. } => day(cell.month(text)),
            ColumnType::Category { values } => match column.known_category(&narrow(text)) {
                Some(index) => Cooked::Category(index),
                None => {
                    desk.tally.doubted(self.kind, "code-not-in-list", row.file, row.line);
                    Cooked::Category(i32::try_from(values.len().saturating_sub(1)).unwrap_or(0))
                }
            },
            ColumnType::Flag => match narrow(text).to_ascii_lowercase().as_str() {
                "true" | "1" => Cooked::Flag(true),
                "false" | "0" => Cooked::Flag(false),
                _ => Cooked::Lost("flag"),
            },
            ColumnType::Code { max_len, system } => {
                let prefix = if written.is_some() { cell.prefix() } else { "" };
                let form = CodeForm::of(system);
                let code = form.normal(&format!("{prefix}{}", narrow(text))).into_owned();
                if is_code(&code, *max_len) && form.begins(&code) {
                    Cooked::Text(code)
                } else {
                    Cooked::Lost("not-a-code")
                }
            }
            ColumnType::Key => Cooked::Text(text.to_owned()),
        }
    }
}

/// The identity of a row, its parts in the order of [`FIELDS`].
pub(super) fn tuple<'a>(texts: &'a [Option<Cow<'_, str>>; USER]) -> Tuple<'a> {
    let [insurer_no, symbol, number, branch, name, kana, birth, sex, individual_no, postcode] =
        texts.each_ref().map(Option::as_deref);
    Tuple { insurer_no, symbol, number, branch, name, kana, birth, sex, individual_no, postcode }
}

/// A code, not a text that could be a name: ASCII without spaces.
pub(super) fn is_code(text: &str, max_len: usize) -> bool {
    !text.is_empty() && text.len() <= max_len && text.bytes().all(|byte| byte.is_ascii_graphic())
}
