//! What a query and a SELECT may consist of. Every part of the syntax tree is named, so that no clause is ignored silently.

use sqlparser::ast::{self, Distinct, GroupByExpr, SelectItem, SetExpr, Spanned};
use sqlparser::tokenizer::Span;

use super::Checker;
use super::expr::Context;
use super::types::{Type, Typed};
use crate::refusal::{Checked, Problem};

/// The parts of a SELECT that the language has.
pub(crate) struct Parts<'a> {
    pub(crate) distinct: bool,
    pub(crate) items: Vec<Item<'a>>,
    pub(crate) from: &'a [ast::TableWithJoins],
    pub(crate) selection: Option<&'a ast::Expr>,
    pub(crate) group_by: &'a [ast::Expr],
    pub(crate) having: Option<&'a ast::Expr>,
    pub(crate) qualify: Option<&'a ast::Expr>,
    pub(crate) span: Span,
}

/// An item of the SELECT list.
#[derive(Clone)]
pub(crate) struct Item<'a> {
    pub(crate) name: Option<String>,
    /// The name was written with AS.
    pub(crate) alias: bool,
    pub(crate) expr: &'a ast::Expr,
    pub(crate) span: Span,
}

fn unsupported<T>(span: Span, what: &str, why: &str, help: &str) -> Checked<T> {
    Err(Problem::new("unsupported", span, what).why(why).help(help))
}

/// The SELECT of a query that has nothing else but `WITH`.
pub(crate) fn body(query: &ast::Query, private: bool) -> Checked<(&ast::Select, Option<&ast::With>)> {
    let ast::Query {
        with,
        body,
        order_by,
        limit_clause,
        fetch,
        locks,
        for_clause,
        settings,
        format_clause,
        pipe_operators,
    } = query;
    let span = query.span();
    if let Some(order) = order_by.as_ref().filter(|_| !private) {
        if limit_clause.is_some() || fetch.is_some() {
            return unsupported(
                order.span(),
                "ORDER BY and LIMIT aren't part of the language here",
                "which rows remain would depend on other persons",
                "a person's latest row: QUALIFY ROW_NUMBER() OVER (PARTITION BY person_id ORDER BY exam_date DESC) = 1",
            );
        }
        let (why, help) = ("relations have no order", "MAX_BY(x, date) takes the latest value");
        return unsupported(order.span(), "ORDER BY isn't part of the language here", why, help);
    }
    if fetch.is_some() || (limit_clause.is_some() && !private) {
        return unsupported(
            span,
            "LIMIT isn't part of the language here",
            "which rows remain would depend on other persons",
            "max_rows_contributed bounds rows per person; MAX_BY(x, date) takes the latest value",
        );
    }
    if !locks.is_empty()
        || for_clause.is_some()
        || settings.is_some()
        || format_clause.is_some()
        || !pipe_operators.is_empty()
    {
        return unsupported(
            span,
            "this clause isn't part of the language",
            "",
            "a query is [WITH …] SELECT … FROM … [WHERE …] [GROUP BY …] [HAVING …]",
        );
    }
    match body.as_ref() {
        SetExpr::Select(select) => Ok((select, with.as_ref())),
        SetExpr::Query(inner) if with.is_none() && inner.order_by.is_none() && inner.limit_clause.is_none() => {
            self::body(inner, private)
        }
        SetExpr::SetOperation { .. } => unsupported(
            body.span(),
            "UNION, EXCEPT and INTERSECT aren't part of the language",
            "their rows per person can't be bounded by what the tables say",
            "JOIN on person_id and use CASE, or ask two questions",
        ),
        _ => unsupported(span, "a query is a SELECT", "", ""),
    }
}

impl<'a> Parts<'a> {
    /// Takes a SELECT apart.
    pub(crate) fn of(select: &'a ast::Select, private: bool) -> Checked<Parts<'a>> {
        let ast::Select {
            select_token,
            optimizer_hints,
            distinct,
            select_modifiers,
            top,
            top_before_distinct: _,
            projection,
            exclude,
            into,
            from,
            lateral_views,
            prewhere,
            selection,
            connect_by,
            group_by,
            cluster_by,
            distribute_by,
            sort_by,
            having,
            named_window,
            qualify,
            window_before_qualify: _,
            value_table_mode,
            flavor,
        } = select;
        let span = select_token.0.span;
        let odd = !optimizer_hints.is_empty()
            || select_modifiers.is_some()
            || top.is_some()
            || exclude.is_some()
            || into.is_some()
            || !lateral_views.is_empty()
            || prewhere.is_some()
            || !connect_by.is_empty()
            || !cluster_by.is_empty()
            || !distribute_by.is_empty()
            || !sort_by.is_empty()
            || value_table_mode.is_some()
            || *flavor != ast::SelectFlavor::Standard;
        if odd {
            return unsupported(
                span,
                "this SELECT has a clause that isn't part of the language",
                "",
                "SELECT … FROM … [WHERE …] [GROUP BY …] [HAVING …]",
            );
        }
        if !named_window.is_empty() {
            return unsupported(
                span,
                "named windows aren't part of the language",
                "",
                "write OVER (PARTITION BY person_id ORDER BY …) out",
            );
        }
        if let (Some(qualify), true) = (qualify, private) {
            return unsupported(
                qualify.span(),
                "QUALIFY can't stand in the private SELECT",
                "window functions work within a person",
                "a CTE with the window function and QUALIFY",
            );
        }
        let distinct = match distinct {
            None | Some(Distinct::All) => false,
            Some(Distinct::Distinct) if !private => true,
            Some(_) => return unsupported(span, "DISTINCT can't stand here", "", "GROUP BY says what a group is"),
        };
        let group_by = match group_by {
            GroupByExpr::Expressions(list, modifiers) if modifiers.is_empty() => list.as_slice(),
            GroupByExpr::Expressions(..) | GroupByExpr::All(_) => {
                return unsupported(
                    span,
                    "GROUP BY takes a list of expressions",
                    "",
                    "ROLLUP(a, b) and CUBE(a, b) stand in the list; WITH and ALL aren't part of the language",
                );
            }
        };
        let items = projection.iter().map(item).collect::<Checked<Vec<_>>>()?;
        Ok(Parts {
            distinct,
            items,
            from,
            selection: selection.as_ref(),
            group_by,
            having: having.as_ref(),
            qualify: qualify.as_ref(),
            span,
        })
    }
}

fn item(item: &SelectItem) -> Checked<Item<'_>> {
    let span = item.span();
    match item {
        SelectItem::UnnamedExpr(expr) => {
            let name = match expr {
                ast::Expr::Identifier(name) => Some(name.value.clone()),
                ast::Expr::CompoundIdentifier(parts) => parts.last().map(|p| p.value.clone()),
                _ => None,
            };
            Ok(Item { name, alias: false, expr, span: expr.span() })
        }
        SelectItem::ExprWithAlias { expr, alias } => {
            Ok(Item { name: Some(name(&alias.value, alias.span)?), alias: true, expr, span })
        }
        SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..) => {
            Err(Problem::new("unsupported", span, "`*` isn't part of the language")
                .why("policies allow columns by name, and stewards see which are read")
                .help("name the columns"))
        }
        SelectItem::ExprWithAliases { .. } => Err(Problem::new("unsupported", span, "one expression has one name")),
    }
}

/// Names go into the plan, the log and tables: letters, digits and `_`, of any script, at most 64.
fn name(text: &str, span: Span) -> Checked<String> {
    let fine = !text.is_empty() && text.chars().count() <= 64 && text.chars().all(|c| c.is_alphanumeric() || c == '_');
    if fine {
        Ok(text.to_owned())
    } else {
        Err(Problem::new("type", span, "a name is made of letters, digits and `_`, at most 64"))
    }
}

impl<'a> Checker<'a> {
    /// The expression behind an item of GROUP BY: an ordinal, a name of the SELECT list, or itself.
    pub(crate) fn group_item(
        &mut self,
        cx: Context<'_, 'a>,
        e: &'a ast::Expr,
        items: &[Item<'a>],
    ) -> Checked<(Typed, &'a ast::Expr)> {
        let span = e.span();
        if let ast::Expr::GroupingSets(_) | ast::Expr::Cube(_) | ast::Expr::Rollup(_) = e {
            return unsupported(span, "GROUPING SETS isn't part of the language", "", "ROLLUP(a, b) and CUBE(a, b)");
        }
        if let ast::Expr::Value(ast::ValueWithSpan { value: ast::Value::Number(text, _), .. }) = e {
            let item = text.parse::<usize>().ok().and_then(|n| n.checked_sub(1)).and_then(|n| items.get(n));
            let item =
                item.ok_or_else(|| Problem::new("grouping", span, "there is no such item in the SELECT list"))?;
            return Ok((self.expr(cx, item.expr)?, item.expr));
        }
        let ast::Expr::Identifier(name) = e else { return Ok((self.expr(cx, e)?, e)) };
        let alias = items
            .iter()
            .find(|item| item.alias && item.name.as_deref().is_some_and(|n| n.eq_ignore_ascii_case(&name.value)));
        let Some(alias) = alias else { return Ok((self.expr(cx, e)?, e)) };
        let behind = self.expr(cx, alias.expr);
        match self.expr(cx, e) {
            Err(_) => Ok((behind?, alias.expr)),
            Ok(column) => match behind {
                Ok(behind) if behind.expr == column.expr => Ok((column, e)),
                _ => Err(Problem::new(
                    "ambiguous",
                    span,
                    format!("`{}` is a column and another expression's name", name.value),
                )
                .help("give the expression another name, or write the number of the item: GROUP BY 1")),
            },
        }
    }

    /// WHERE, HAVING and ON want a truth value that can differ between rows.
    pub(crate) fn condition(&mut self, cx: Context<'_, 'a>, e: &'a ast::Expr) -> Checked<Typed> {
        let typed = self.truth(cx, e)?;
        if typed.ty == Type::Bool {
            Ok(typed)
        } else {
            Err(Problem::new("type", typed.span, "a condition is true or false"))
        }
    }
}
