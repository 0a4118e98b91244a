//! Small public tables in FROM: `VALUES` in a CTE, or `PUBLIC('file.csv')`, a file that travels with the request. They stand on the right
//! of a join by equality. No person is in them; the digest of a file stands in the plan.

mod table;

use sqlparser::ast::{self, BinaryOperator, JoinConstraint, JoinOperator, Spanned, TableFactor};
use sqlparser::tokenizer::Span;

use super::Checker;
use super::expr::Context;
use super::from::{alias_name, conjuncts};
use super::scope::{OutColumn, PERSON_ID, Scope, ScopeTable, Source};
use super::types::Type;
use crate::plan::Cited;
use crate::refusal::{Checked, Problem, list};
use crate::relation::{Expr, PublicColumn, PublicRows, Relation};
use crate::sql::Decimal;
use table::{Column, Table, Value, key, limits, read_file};

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
            table::name(&name.value, columns.iter().map(|c| c.name.as_str()))
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
