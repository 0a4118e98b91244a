//! Small public tables in FROM: `VALUES` in a CTE, or `PUBLIC('file.csv')`, a file that travels with the request. They stand on the right
//! of a join by equality. No person is in them; the digest of a file stands in the plan.

use std::collections::BTreeMap;
use std::rc::Rc;

use sqlparser::ast::{self, BinaryOperator, JoinConstraint, JoinOperator, Spanned, TableFactor};
use sqlparser::tokenizer::Span;

use super::expr::{Context, rescale};
use super::from::{alias_name, conjuncts};
use super::scope::{OutColumn, PERSON_ID, Scope, ScopeTable, Source, distance};
use super::types::{Label, Type, Typed};
use super::{Checker, compare, literal};
use crate::plan::Cited;
use crate::refusal::{Checked, Problem, list};
use crate::relation::{Expr, PublicColumn, PublicKey, PublicRows, PublicValue, Relation};
use crate::sql::Decimal;

/// Most rows and columns of a public table.
const MOST_ROWS: usize = 5_000;
const MOST_COLUMNS: usize = 16;

/// A small CSV file that travels with a question: its header names the columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicFile {
    /// Name in the question.
    pub name: String,
    /// Its text, UTF-8.
    pub text: String,
}

/// A public table as the checker sees it.
struct Table {
    name: String,
    columns: Vec<Column>,
    rows: usize,
}

struct Column {
    name: String,
    values: Vec<Value>,
    /// The cells of a file as they are written, for comparison with codes.
    texts: Option<Vec<Option<String>>>,
}

#[derive(Debug, Clone, PartialEq)]
enum Value {
    Null,
    Number(Decimal),
    Date(i64),
    Text(String),
}

impl<'a> Checker<'a> {
    /// Whether a table of FROM is public.
    pub(crate) fn is_public(&self, factor: &TableFactor) -> bool {
        let TableFactor::Table { name, args, .. } = factor else { return false };
        let [ast::ObjectNamePart::Identifier(name)] = name.0.as_slice() else { return false };
        if args.is_some() {
            return name.value.eq_ignore_ascii_case("PUBLIC");
        }
        let ctes = self.ctes.iter().take(self.visible);
        ctes.rev().any(|(cte, query)| {
            cte.eq_ignore_ascii_case(&name.value) && matches!(query.body.as_ref(), ast::SetExpr::Values(_))
        })
    }

    /// A public table alone has no persons.
    pub(crate) fn no_public(&self, factor: &TableFactor) -> Checked<()> {
        if !self.is_public(factor) {
            return Ok(());
        }
        Err(Problem::new("person", factor.span(), "a public table has no persons")
            .why("every row belongs to a person of some table")
            .help("FROM act JOIN this ON act.yj = this.yj: the public table stands on the right"))
    }

    /// `rows JOIN public ON key = column`.
    pub(crate) fn lookup(&mut self, left: Relation, scope: &mut Scope, next: &'a ast::Join) -> Checked<Relation> {
        let span = next.span();
        let (outer, constraint) = match &next.join_operator {
            JoinOperator::Join(c) | JoinOperator::Inner(c) => (false, c),
            JoinOperator::Left(c) | JoinOperator::LeftOuter(c) => (true, c),
            _ => {
                return Err(Problem::new("join", span, "a public table is joined by JOIN or LEFT JOIN")
                    .help("JOIN this ON act.yj = this.yj"));
            }
        };
        let (table, alias) = self.public_table(&next.relation)?;
        if scope.tables.iter().any(|t| !t.name.is_empty() && t.name.eq_ignore_ascii_case(&alias)) {
            return Err(
                Problem::new("ambiguous", span, format!("two tables are called `{alias}`")).help("… AS another name")
            );
        }
        let pairs = self.pairs(constraint, &alias, span)?;
        let cx = Context { scope, grouping: None };
        let mut keys = Vec::new();
        let mut constant = true;
        // USING makes one column of two.
        let mut merged: Vec<&str> = Vec::new();
        for (e, name) in pairs {
            if matches!(e, Side::Name(_)) {
                merged.push(&name.value);
            }
            let typed = match e {
                Side::Expr(e) => self.expr(cx, e)?,
                Side::Name(ident) => scope.resolve(&mut self.scans, &mut self.next, None, &ident.value, ident.span)?,
            };
            let column = table.column(name)?;
            constant &= typed.constant;
            keys.push(key(typed, column, name.span)?);
        }
        let mut columns = Vec::new();
        let mut out = Vec::new();
        for column in table.columns.iter().filter(|c| !merged.iter().any(|name| c.name.eq_ignore_ascii_case(name))) {
            self.tally(table.rows, span)?;
            let (ty, nullable, values) = column.typed(span)?;
            let id = self.id();
            columns.push(PublicColumn { id, values });
            out.push(OutColumn { name: column.name.clone(), id, ty, nullable, constant: false });
        }
        let rows = PublicRows { keys, columns, rows: table.rows };
        let constant = constant && rows.most() <= 1;
        let present = self.id();
        scope.tables.push(ScopeTable {
            name: alias,
            source: Source::Columns(out),
            present: outer.then_some(present),
            constant,
            public: true,
        });
        Ok(Relation::Lookup { input: Box::new(left), table: rows, outer, present })
    }

    fn public_table(&mut self, factor: &'a TableFactor) -> Checked<(Table, String)> {
        let span = factor.span();
        let TableFactor::Table { name, alias, args, .. } = factor else {
            return Err(Problem::new("unsupported", span, "this isn't a table of the language"));
        };
        let alias = alias_name(alias.as_ref())?;
        match args {
            Some(args) => {
                let (file, at) = match args.args.as_slice() {
                    [ast::FunctionArg::Unnamed(ast::FunctionArgExpr::Expr(ast::Expr::Value(value)))] => {
                        match &value.value {
                            ast::Value::SingleQuotedString(text) | ast::Value::DoubleQuotedString(text) => {
                                (text, value.span)
                            }
                            _ => return Err(file_name(span)),
                        }
                    }
                    _ => return Err(file_name(span)),
                };
                let files = self.references.public;
                let Some(found) = files.iter().find(|known| known.name == *file) else {
                    let names: Vec<&str> = files.iter().map(|known| known.name.as_str()).collect();
                    let help = if names.is_empty() {
                        "give it to the command: --public FILE.csv; it travels with the request".to_owned()
                    } else {
                        format!("there are {}; others are given by --public FILE.csv", list(&names))
                    };
                    return Err(Problem::new("unknown_table", at, "no public file of this name came along").help(help));
                };
                let digest = audit_log::digest::hex(&audit_log::digest::sha256(found.text.as_bytes()));
                self.cited.insert(Cited { name: found.name.clone(), digest });
                let table = read_file(found)
                    .map_err(|why| Problem::new("public", at, "this file is no public table").why(why))?;
                let alias = alias.ok_or_else(|| {
                    Problem::new("syntax", span, "a public file needs a name")
                        .help("JOIN PUBLIC('classes.csv') AS classes ON …")
                })?;
                Ok((table, alias))
            }
            None => {
                let name = name.to_string();
                let found = self.ctes.iter().take(self.visible).position(|(cte, _)| cte.eq_ignore_ascii_case(&name));
                let (index, query) = found
                    .and_then(|index| self.ctes.get(index).map(|(_, query)| (index, *query)))
                    .ok_or_else(|| Problem::new("unknown_table", span, "there is no such table"))?;
                self.used.insert(index);
                let columns = self.value_columns.get(&index).cloned().unwrap_or_default();
                Ok((self.values(query, &columns)?, alias.unwrap_or(name)))
            }
        }
    }

    /// `(VALUES ('1124', 'benzodiazepine'), …)`: literals only.
    fn values(&mut self, query: &'a ast::Query, names: &[&'a ast::Ident]) -> Checked<Table> {
        let ast::SetExpr::Values(values) = query.body.as_ref() else {
            return Err(Problem::new("unsupported", query.span(), "this isn't a list of values"));
        };
        let span = names.first().map_or_else(|| query.span(), |name| name.span);
        let rows: Vec<&Vec<ast::Expr>> = values.rows.iter().map(|row| &row.content).collect();
        limits(names.len(), rows.len()).map_err(|why| Problem::new("public", span, why))?;
        let mut columns: Vec<Column> = Vec::new();
        for name in names {
            self::name(&name.value, columns.iter().map(|c| c.name.as_str()))
                .map_err(|why| Problem::new("public", name.span, why))?;
            columns.push(Column { name: name.value.clone(), values: Vec::with_capacity(rows.len()), texts: None });
        }
        let nothing = Scope::default();
        for row in &rows {
            if row.len() != names.len() {
                return Err(Problem::new(
                    "public",
                    row.first().map_or(span, Spanned::span),
                    "this row has another number of values",
                )
                .or_at(span)
                .why(format!("the table has {} columns", names.len())));
            }
            for (e, column) in row.iter().zip(&mut columns) {
                let typed = self.expr(Context { scope: &nothing, grouping: None }, e)?;
                column.values.push(match (&typed.expr, &typed.ty) {
                    (_, Type::Text(text)) => Value::Text(text.clone()),
                    (_, Type::Null) => Value::Null,
                    (Expr::Integer(value), Type::Integer { digits, .. }) => {
                        Value::Number(Decimal { mantissa: i128::from(*value), digits: *digits })
                    }
                    (Expr::Integer(day), Type::Date { .. }) => Value::Date(*day),
                    _ => {
                        return Err(Problem::new("public", typed.span, "values are literals")
                            .or_at(span)
                            .help("'text', 12, 6.5, DATE '2024-04-01' or NULL"));
                    }
                });
            }
        }
        Ok(Table { name: "this table".to_owned(), columns, rows: rows.len() })
    }

    /// What is equal: (a side of persons' rows, a column of the public table).
    fn pairs(
        &self,
        constraint: &'a JoinConstraint,
        alias: &str,
        span: Span,
    ) -> Checked<Vec<(Side<'a>, &'a ast::Ident)>> {
        let wrong = |span: Span| {
            Problem::new("join", span, "a public table is joined by equality of its columns")
                .why("a row meets the rows of the table that have its key, so that rows per person stay bounded")
                .help(format!("ON act.yj = {alias}.yj [AND …], or USING (yj)"))
        };
        match constraint {
            JoinConstraint::Using(columns) if !columns.is_empty() => columns
                .iter()
                .map(|column| match column.0.as_slice() {
                    [ast::ObjectNamePart::Identifier(ident)] if !ident.value.eq_ignore_ascii_case(PERSON_ID) => {
                        Ok((Side::Name(ident), ident))
                    }
                    _ => Err(wrong(span)),
                })
                .collect(),
            JoinConstraint::On(condition) => {
                let mut parts = Vec::new();
                conjuncts(condition, &mut parts);
                let column = |e: &'a ast::Expr| match e {
                    ast::Expr::CompoundIdentifier(parts) => match parts.as_slice() {
                        [table, column] if table.value.eq_ignore_ascii_case(alias) => Some(column),
                        _ => None,
                    },
                    _ => None,
                };
                parts
                    .into_iter()
                    .map(|e| match e {
                        ast::Expr::BinaryOp { left, op: BinaryOperator::Eq, right } => {
                            match (column(left), column(right)) {
                                (None, Some(column)) => Ok((Side::Expr(left.as_ref()), column)),
                                (Some(column), None) => Ok((Side::Expr(right.as_ref()), column)),
                                _ => Err(wrong(e.span())),
                            }
                        }
                        _ => Err(wrong(e.span())),
                    })
                    .collect()
            }
            _ => Err(wrong(span)),
        }
    }
}

enum Side<'a> {
    Expr(&'a ast::Expr),
    Name(&'a ast::Ident),
}

fn file_name(span: Span) -> Problem {
    Problem::new("type", span, "PUBLIC takes the name of a file")
        .help("JOIN PUBLIC('drug-classes-2024.csv') AS classes ON …")
}

impl Table {
    fn column(&self, name: &ast::Ident) -> Checked<&Column> {
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
    fn typed(&self, span: Span) -> Checked<(Type, bool, Vec<PublicValue>)> {
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
                Type::Date { lo, hi, months: false }
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
fn key(typed: Typed, column: &Column, span: Span) -> Checked<PublicKey> {
    let wrong = || {
        Problem::new(
            "type",
            span,
            format!("{} can't be compared with the column `{}`", typed.ty.describe(), column.name),
        )
        .help("codes meet texts, numbers meet numbers, dates meet dates")
    };
    let (expr, values) = match &typed.ty {
        Type::Code { max_len, .. } => {
            let written = column.written().ok_or_else(wrong)?;
            let code = |text: &str| {
                let item = Typed::literal(Expr::Null, Type::Text(text.to_owned()), span);
                compare::code(&item, (*max_len).max(64)).map(PublicValue::Code)
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

fn limits(columns: usize, rows: usize) -> Result<(), String> {
    if columns == 0 || columns > MOST_COLUMNS || rows > MOST_ROWS {
        return Err(format!("a public table has named columns, at most {MOST_COLUMNS}, and at most {MOST_ROWS} rows"));
    }
    Ok(())
}

fn name<'n>(name: &str, mut before: impl Iterator<Item = &'n str>) -> Result<(), String> {
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
fn read_file(file: &PublicFile) -> Result<Table, String> {
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
