//! Subqueries and CTEs: SQL within a person. Their rows keep belonging to one person each.

use std::cell::RefCell;
use std::rc::Rc;

use sqlparser::ast::{self, Spanned};
use sqlparser::tokenizer::Span;

use super::Checker;
use super::expr::Context;
use super::grouping::Grouping;
use super::scope::{OutColumn, PERSON_ID, Scope};
use super::select::{Item, Parts, body};
use super::semi::attached;
use super::types::{Label, Type, Typed};
use super::window::Windows;
use crate::refusal::{Checked, Problem};
use crate::relation::{ColumnId, Computed, Expr, Relation, Rows};

/// A subquery's rows and columns.
pub(crate) struct Sub {
    pub(crate) relation: Relation,
    pub(crate) columns: Vec<OutColumn>,
}

impl<'a> Checker<'a> {
    /// Checks a query whose rows belong to persons.
    pub(crate) fn subquery(&mut self, query: &'a ast::Query) -> Checked<Sub> {
        self.apart(|checker| checker.subquery_inner(query))
    }

    fn subquery_inner(&mut self, query: &'a ast::Query) -> Checked<Sub> {
        let (select, with) = body(query, false)?;
        if let Some(with) = with {
            return Err(Problem::new("unsupported", with.span(), "WITH stands at the top only")
                .help("move the CTE to the WITH of the whole question"));
        }
        let parts = Parts::of(select, false)?;
        let (relation, mut scope) = self.from(parts.from, parts.span)?;
        let relation = self.filter(relation, &mut scope, parts.selection)?;
        let has_person =
            parts.items.iter().any(|item| item.name.as_deref().is_some_and(|n| n.eq_ignore_ascii_case(PERSON_ID)));
        if !has_person {
            return Err(Problem::new("person", parts.span, "this subquery loses the person")
                .why("every row inside belongs to one person, and joins need to see whose")
                .help("SELECT person_id, …"));
        }
        if let (Some(qualify), true) = (
            parts.qualify,
            parts.distinct
                || !parts.group_by.is_empty()
                || parts.having.is_some()
                || parts.items.iter().any(|item| has_aggregate(item.expr)),
        ) {
            return Err(Problem::new("window", qualify.span(), "QUALIFY can't stand beside GROUP BY or DISTINCT")
                .why("window functions look at rows before they are grouped")
                .help("group in one CTE, and QUALIFY in the next, over it"));
        }
        if parts.distinct && (!parts.group_by.is_empty() || parts.having.is_some()) {
            return Err(Problem::new("unsupported", parts.span, "DISTINCT and GROUP BY are the same thing here")
                .help("leave DISTINCT out"));
        }
        if parts.distinct {
            let keys = parts.items.iter().map(|item| item.expr).collect();
            return self.grouped(&parts, relation, scope, keys);
        }
        if parts.group_by.is_empty()
            && parts.having.is_none()
            && !parts.items.iter().any(|item| has_aggregate(item.expr))
        {
            return self.project(relation, scope, &parts);
        }
        let mut keys = Vec::new();
        for e in parts.group_by {
            keys.push(self.group_item(Context { scope: &scope, grouping: None }, e, &parts.items)?.1);
        }
        self.grouped(&parts, relation, scope, keys)
    }

    /// WHERE.
    pub(crate) fn filter(
        &mut self,
        relation: Relation,
        scope: &mut Scope,
        predicate: Option<&'a ast::Expr>,
    ) -> Checked<Relation> {
        let Some(predicate) = predicate else { return Ok(relation) };
        let predicate = self.condition(Context { scope, grouping: None }, predicate)?.expr;
        Ok(self.filtered(relation, scope, predicate))
    }

    fn grouped(
        &mut self,
        parts: &Parts<'a>,
        relation: Relation,
        scope: Scope,
        keys: Vec<&'a ast::Expr>,
    ) -> Checked<Sub> {
        let cx = Context { scope: &scope, grouping: None };
        let mut by_person = false;
        let mut typed_keys: Vec<(Typed, ColumnId)> = Vec::new();
        for e in keys {
            let key = settle(self.expr(cx, e)?)?;
            if key.ty == Type::Person {
                if key.expr != Expr::Bool(true) {
                    return Err(no_person(e.span()));
                }
                by_person = true;
            } else {
                typed_keys.push((key, self.id()));
            }
        }
        if !by_person {
            let spot = parts.group_by.first().or(parts.items.iter().map(|i| i.expr).find(|e| has_aggregate(e)));
            return Err(Problem::new(
                "person",
                spot.map_or(parts.span, Spanned::span),
                "this aggregates across persons",
            )
            .why("inside, aggregates stay within a person; only the private SELECT looks across persons, through noise")
            .help("GROUP BY person_id"));
        }
        let mut grouping = Grouping::new(typed_keys, relation.rows());
        grouping.set_aliases(
            parts.items.iter().filter(|i| i.alias).filter_map(|i| i.name.clone().map(|n| (n, i.expr))).collect(),
        );
        let rows = grouping.rows_after();
        let mut grouping = RefCell::new(grouping);
        let having = parts
            .having
            .map(|e| self.condition(Context { scope: &scope, grouping: Some(&grouping) }, e))
            .transpose()?;
        grouping.get_mut().set_aliases(Vec::new());
        // What HAVING proves narrows the bounds of the columns that the SELECT list hands out.
        let mut after = scope;
        if let Some(having) = &having {
            after.narrow(&having.expr);
        }
        let cx = Context { scope: &after, grouping: Some(&grouping) };
        let (computed, columns) = self.items(&parts.items, cx, rows)?;
        let (keys, aggregates) = grouping.into_inner().into_parts();
        let relation = self.attach(relation);
        let relation = Relation::Reduce { input: Box::new(relation), keys, aggregates, rows };
        let mut relation = attached(relation, std::mem::take(&mut self.semis.groups));
        if let Some(having) = having {
            relation = Relation::Filter { input: Box::new(relation), predicate: having.expr };
        }
        Ok(Sub { relation: Relation::Project { input: Box::new(relation), columns: computed }, columns })
    }

    /// Rows as they are, with window functions beside them; QUALIFY filters by these.
    fn project(&mut self, relation: Relation, mut scope: Scope, parts: &Parts<'a>) -> Checked<Sub> {
        self.windows = Some(Windows { columns: Vec::new(), rows: Some(relation.rows()) });
        let mut predicate = None;
        if let Some(qualify) = parts.qualify {
            let named = parts.items.iter().filter(|i| i.alias).filter_map(|i| i.name.clone().map(|n| (n, i.expr)));
            self.aliases = named.collect();
            let found = self.condition(Context { scope: &scope, grouping: None }, qualify)?;
            self.aliases = Vec::new();
            scope.narrow(&found.expr);
            predicate = Some(found.expr);
            if self.windows.as_ref().is_none_or(|windows| windows.columns.is_empty()) {
                return Err(Problem::new(
                    "window",
                    qualify.span(),
                    "QUALIFY filters by window functions, and there is none",
                )
                .help("WHERE filters rows"));
            }
        }
        // A row number that QUALIFY bounds leaves so many rows, and its values are the same for all of them if that is one.
        let (computed, mut columns) =
            self.items(&parts.items, Context { scope: &scope, grouping: None }, relation.rows())?;
        let mut relation = self.attach(relation);
        let windows = self.windows.take().map(|windows| windows.columns).unwrap_or_default();
        if !windows.is_empty() {
            relation = Relation::Window { input: Box::new(relation), columns: windows };
        }
        if let Some(predicate) = predicate {
            relation = Relation::Filter { input: Box::new(relation), predicate };
        }
        if relation.rows() == Rows::One {
            columns.iter_mut().for_each(|column| column.constant = true);
        }
        Ok(Sub { relation: Relation::Project { input: Box::new(relation), columns: computed }, columns })
    }

    fn items(
        &mut self,
        items: &[Item<'a>],
        cx: Context<'_, 'a>,
        rows: Rows,
    ) -> Checked<(Vec<Computed>, Vec<OutColumn>)> {
        let mut computed = Vec::new();
        let mut columns: Vec<OutColumn> = Vec::new();
        for item in items {
            let typed = settle(self.expr(cx, item.expr)?)?;
            let Some(name) = item.name.clone() else {
                return Err(Problem::new("type", item.span, "this column has no name").help("… AS name"));
            };
            let is_person = name.eq_ignore_ascii_case(PERSON_ID);
            if is_person != (typed.ty == Type::Person) {
                return Err(Problem::new(
                    "person",
                    item.span,
                    "`person_id` is the person's column, and keeps its name",
                ));
            }
            if is_person {
                if typed.expr != Expr::Bool(true) {
                    return Err(no_person(item.span));
                }
                continue;
            }
            if columns.iter().any(|c| c.name.eq_ignore_ascii_case(&name)) {
                return Err(Problem::new("ambiguous", item.span, format!("two columns are called `{name}`"))
                    .help("… AS another name"));
            }
            let id = self.id();
            computed.push(Computed { id, expr: typed.expr });
            columns.push(OutColumn {
                name,
                id,
                ty: typed.ty,
                nullable: typed.nullable,
                constant: typed.constant || rows == Rows::One,
            });
        }
        Ok((computed, columns))
    }
}

fn no_person(span: Span) -> Problem {
    Problem::new("person", span, "the right side of a LEFT JOIN may have no person")
        .help("take `person_id` from the left side")
}

/// A literal gets a type: a text is a closed list of one.
pub(crate) fn settle(typed: Typed) -> Checked<Typed> {
    match typed.ty {
        Type::Text(code) => Ok(Typed {
            expr: Expr::Integer(0),
            ty: Type::Category(Rc::new(vec![Label { code, meaning: String::new() }])),
            ..typed
        }),
        Type::Null => Err(Problem::new("type", typed.span, "this is always NULL")),
        _ => Ok(typed),
    }
}

/// Whether an expression holds an aggregate, by name.
pub(crate) fn has_aggregate(e: &ast::Expr) -> bool {
    let any = |list: &[&ast::Expr]| list.iter().any(|e| has_aggregate(e));
    match e {
        ast::Expr::Function(f) => {
            let name = f.name.to_string().to_ascii_uppercase();
            let inside = match &f.args {
                ast::FunctionArguments::List(list) => list.args.iter().any(|a| match a {
                    ast::FunctionArg::Unnamed(ast::FunctionArgExpr::Expr(e)) => has_aggregate(e),
                    _ => false,
                }),
                _ => false,
            };
            inside || (f.over.is_none() && super::function::AGGREGATES.contains(&name.as_str()))
        }
        ast::Expr::Nested(e)
        | ast::Expr::IsNull(e)
        | ast::Expr::IsNotNull(e)
        | ast::Expr::IsTrue(e)
        | ast::Expr::IsFalse(e)
        | ast::Expr::IsNotTrue(e)
        | ast::Expr::IsNotFalse(e) => has_aggregate(e),
        ast::Expr::UnaryOp { expr, .. } | ast::Expr::Extract { expr, .. } => has_aggregate(expr),
        ast::Expr::BinaryOp { left, right, .. } => any(&[left, right]),
        ast::Expr::Between { expr, low, high, .. } => any(&[expr, low, high]),
        ast::Expr::InList { expr, list, .. } => has_aggregate(expr) || list.iter().any(has_aggregate),
        ast::Expr::Like { expr, .. } => has_aggregate(expr),
        ast::Expr::Case { operand, conditions, else_result, .. } => {
            operand.as_deref().is_some_and(has_aggregate)
                || conditions.iter().any(|c| has_aggregate(&c.condition) || has_aggregate(&c.result))
                || else_result.as_deref().is_some_and(has_aggregate)
        }
        _ => false,
    }
}
