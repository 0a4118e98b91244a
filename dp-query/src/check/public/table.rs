//! What is in a public table: columns of literals or of a file's cells, their types, and what a key is compared with.

use std::collections::BTreeMap;
use std::rc::Rc;

use sqlparser::ast;
use sqlparser::tokenizer::Span;

use super::{MOST_COLUMNS, MOST_ROWS, PublicFile};
use crate::check::expr::rescale;
use crate::check::scope::{PERSON_ID, distance};
use crate::check::types::{Label, Type, Typed};
use crate::check::{compare, literal};
use crate::refusal::{Checked, Problem, list};
use crate::relation::{Expr, PublicKey, PublicValue};
use crate::sql::Decimal;

/// A public table as the checker sees it.
pub(super) struct Table {
    pub(super) name: String,
    pub(super) columns: Vec<Column>,
    pub(super) rows: usize,
}

pub(super) struct Column {
    pub(super) name: String,
    pub(super) values: Vec<Value>,
    /// The cells of a file as they are written, for comparison with codes.
    pub(super) texts: Option<Vec<Option<String>>>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Null,
    Number(Decimal),
    Date(i64),
    Text(String),
}

impl Table {
    pub(super) fn column(&self, name: &ast::Ident) -> Checked<&Column> {
        self.columns.iter().find(|c| c.name.eq_ignore_ascii_case(&name.value)).ok_or_else(|| {
            let names: Vec<&str> = self.columns.iter().map(|c| c.name.as_str()).collect();
            let near = names.iter().map(|known| (distance(known, &name.value), *known)).min();
            let help = match near {
                Some((d, near)) if d <= 2 => format!("did you mean `{near}`?"),
                _ => format!("it has {}", list(&names)),
            };
            Problem::new("unknown_column", name.span, format!("{} has no column `{}`", self.name, name.value))
                .help(help)
        })
    }
}

impl Column {
    /// Type, nullability and values as the engine has them.
    pub(super) fn typed(&self, span: Span) -> Checked<(Type, bool, Vec<PublicValue>)> {
        let mixed = || {
            Problem::new("public", span, format!("the column `{}` mixes numbers, dates and texts", self.name))
                .help("one column, one type")
        };
        let nullable = self.values.contains(&Value::Null);
        let Some(first) = self.values.iter().find(|value| **value != Value::Null) else {
            return Err(Problem::new("public", span, format!("the column `{}` is always NULL", self.name)));
        };
        let mut values = Vec::with_capacity(self.values.len());
        let ty = match first {
            Value::Text(_) | Value::Null => {
                let mut places: BTreeMap<&str, i64> = BTreeMap::new();
                let mut labels = Vec::new();
                for value in &self.values {
                    values.push(match value {
                        Value::Null => PublicValue::Null,
                        Value::Text(text) => PublicValue::Integer(*places.entry(text).or_insert_with(|| {
                            labels.push(Label { code: text.clone(), meaning: String::new() });
                            i64::try_from(labels.len()).unwrap_or(i64::MAX) - 1
                        })),
                        _ => return Err(mixed()),
                    });
                }
                Type::Category(Rc::new(labels))
            }
            Value::Number(_) => {
                let numbers = self.numbers().ok_or_else(mixed)?;
                let digits = numbers.iter().flatten().map(|n| n.digits).max().unwrap_or(0);
                let on_grid = |n: &Decimal| n.on_grid(digits).filter(|n| n.abs() < crate::relation::LIMIT);
                for number in &numbers {
                    values.push(match number {
                        None => PublicValue::Null,
                        Some(n) => PublicValue::Integer(
                            on_grid(n).ok_or_else(|| Problem::new("bounds", span, "a number is too long"))?,
                        ),
                    });
                }
                let (lo, hi) = bounds(&values);
                Type::Integer { lo, hi, digits }
            }
            Value::Date(_) => {
                for value in &self.values {
                    values.push(match value {
                        Value::Null => PublicValue::Null,
                        Value::Date(day) => PublicValue::Integer(*day),
                        _ => return Err(mixed()),
                    });
                }
                let (lo, hi) = bounds(&values);
                Type::Date { lo, hi, months: 0 }
            }
        };
        Ok((ty, nullable, values))
    }

    fn numbers(&self) -> Option<Vec<Option<Decimal>>> {
        let number = |value: &Value| match value {
            Value::Null => Some(None),
            Value::Number(n) => Some(Some(*n)),
            _ => None,
        };
        self.values.iter().map(number).collect()
    }

    /// The cells as text, where they are.
    fn written(&self) -> Option<Vec<Option<&str>>> {
        match &self.texts {
            Some(texts) => Some(texts.iter().map(Option::as_deref).collect()),
            None => self
                .values
                .iter()
                .map(|value| match value {
                    Value::Text(text) => Some(Some(text.as_str())),
                    Value::Null => Some(None),
                    _ => None,
                })
                .collect(),
        }
    }
}

fn bounds(values: &[PublicValue]) -> (i64, i64) {
    let numbers =
        || values.iter().filter_map(|value| if let PublicValue::Integer(n) = value { Some(*n) } else { None });
    (numbers().min().unwrap_or(0), numbers().max().unwrap_or(0))
}

/// A column of the table as what a person's value is compared with.
pub(super) fn key(typed: Typed, column: &Column, span: Span) -> Checked<PublicKey> {
    let wrong = || {
        Problem::new(
            "type",
            span,
            format!("{} can't be compared with the column `{}`", typed.ty.describe(), column.name),
        )
        .help("codes meet texts, numbers meet numbers, dates meet dates")
    };
    let (expr, values) = match &typed.ty {
        Type::Code { max_len, form, .. } => {
            let written = column.written().ok_or_else(wrong)?;
            let code = |text: &str| {
                let item = Typed::literal(Expr::Null, Type::Text(text.to_owned()), span);
                compare::code(&item, (*max_len).max(64), *form).map(PublicValue::Code)
            };
            let values =
                written.into_iter().map(|cell| cell.map_or(Ok(PublicValue::Null), code)).collect::<Checked<_>>()?;
            (typed.expr, values)
        }
        Type::Category(labels) => {
            let written = column.written().ok_or_else(wrong)?;
            let place = |text: &str| {
                let item = Typed::literal(Expr::Null, Type::Text(text.to_owned()), span);
                compare::position(labels, &item).map(PublicValue::Integer)
            };
            let values =
                written.into_iter().map(|cell| cell.map_or(Ok(PublicValue::Null), place)).collect::<Checked<_>>()?;
            (typed.expr, values)
        }
        Type::Integer { digits, .. } => {
            let numbers = column.numbers().ok_or_else(wrong)?;
            let finest = numbers.iter().flatten().map(|n| n.digits).max().unwrap_or(0).max(*digits);
            let on_grid = |n: Option<Decimal>| match n {
                None => Ok(PublicValue::Null),
                Some(n) => n.on_grid(finest).map(PublicValue::Integer).ok_or_else(wrong),
            };
            let values = numbers.into_iter().map(on_grid).collect::<Checked<_>>()?;
            (rescale(typed, finest)?.expr, values)
        }
        Type::Date { .. } => {
            let day = |value: &Value| match value {
                Value::Null => Ok(PublicValue::Null),
                Value::Date(day) => Ok(PublicValue::Integer(*day)),
                _ => Err(wrong()),
            };
            let values = column.values.iter().map(day).collect::<Checked<_>>()?;
            (typed.expr, values)
        }
        _ => return Err(wrong()),
    };
    Ok(PublicKey { expr, values })
}

pub(super) fn limits(columns: usize, rows: usize) -> Result<(), String> {
    if columns == 0 || columns > MOST_COLUMNS || rows > MOST_ROWS {
        return Err(format!("a public table has named columns, at most {MOST_COLUMNS}, and at most {MOST_ROWS} rows"));
    }
    Ok(())
}

pub(super) fn name<'n>(name: &str, mut before: impl Iterator<Item = &'n str>) -> Result<(), String> {
    let fine = !name.is_empty() && name.chars().count() <= 64 && name.chars().all(|c| c.is_alphanumeric() || c == '_');
    if !fine || name.eq_ignore_ascii_case(PERSON_ID) {
        return Err("a column's name is made of letters, digits and `_`, and isn't person_id".to_owned());
    }
    if before.any(|known| known.eq_ignore_ascii_case(name)) {
        return Err(format!("two columns are called `{name}`"));
    }
    Ok(())
}

/// Reads a CSV file (RFC 4180): a header, then rows. A column is of dates or numbers if all its cells are; leading zeros make a text.
pub(super) fn read_file(file: &PublicFile) -> Result<Table, String> {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(false)
        .from_reader(file.text.trim_start_matches('\u{feff}').as_bytes());
    if crate::sql::hidden(file.text.trim_start_matches('\u{feff}')).is_some() {
        return Err("it holds a character that can't be seen; stewards approve what they read".to_owned());
    }
    let mut records = reader.records();
    let broken = |_| "it isn't CSV: every row has as many cells as the header".to_owned();
    let header = records.next().ok_or("it is empty")?.map_err(broken)?;
    let mut columns: Vec<Column> = Vec::new();
    for cell in &header {
        let cell = cell.trim();
        name(cell, columns.iter().map(|c| c.name.as_str()))?;
        columns.push(Column { name: cell.to_owned(), values: Vec::new(), texts: Some(Vec::new()) });
    }
    let mut rows = 0_usize;
    for record in records {
        let record = record.map_err(broken)?;
        rows += 1;
        limits(columns.len(), rows)?;
        for (cell, column) in record.iter().zip(&mut columns) {
            let cell = cell.trim();
            if cell.chars().count() > 100 || cell.chars().any(char::is_control) {
                return Err("a cell has at most 100 characters, and no control characters".to_owned());
            }
            if let Some(texts) = &mut column.texts {
                texts.push((!cell.is_empty()).then(|| cell.to_owned()));
            }
        }
    }
    limits(columns.len(), rows)?;
    for column in &mut columns {
        column.values = typed(column.texts.as_deref().unwrap_or_default());
    }
    Ok(Table { name: format!("`{}`", file.name), columns, rows })
}

fn typed(cells: &[Option<String>]) -> Vec<Value> {
    let all = |read: &dyn Fn(&str) -> Option<Value>| -> Option<Vec<Value>> {
        cells.iter().map(|cell| cell.as_deref().map_or(Some(Value::Null), read)).collect()
    };
    let number = |cell: &str| {
        let plain = cell.strip_prefix('-').unwrap_or(cell);
        let zeros = plain.len() > 1 && plain.starts_with('0') && !plain.starts_with("0.");
        let shaped = plain.bytes().all(|b| b.is_ascii_digit() || b == b'.') && !zeros;
        let found = Decimal::parse(plain).filter(|n| shaped && n.digits <= 9)?;
        let sign = if plain.len() < cell.len() { -1 } else { 1 };
        Some(Value::Number(Decimal { mantissa: found.mantissa * sign, ..found }))
    };
    let date = |cell: &str| literal::parse_date(cell).map(Value::Date);
    let text = |cell: &str| Some(Value::Text(cell.to_owned()));
    all(&date).or_else(|| all(&number)).or_else(|| all(&text)).unwrap_or_default()
}
