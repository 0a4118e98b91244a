//! Arithmetic over released values, HAVING, ORDER BY and LIMIT of the private SELECT: what is computed from noisy statistics alone, and so
//! costs nothing beyond them.

use sqlparser::ast::{self, BinaryOperator, LimitClause, OrderByKind, OrderBySort, Spanned, UnaryOperator};
use sqlparser::tokenizer::Span;

use super::Checker;
use super::expr::Context;
use super::person::has_aggregate;
use super::select::Parts;
use super::types::Typed;
use crate::plan::{Condition, FormulaOp, Order, Output, OutputKind, Statistic, View};
use crate::refusal::{Checked, Problem};
use crate::relation::{CompareOp, Rows};
use crate::sql::Decimal;

/// What names mean behind the aggregates.
pub(crate) struct Released<'r, 'a> {
    pub(crate) cx: Context<'r, 'a>,
    pub(crate) groups: &'r [(Typed, String)],
    /// The SELECT list, where names of it can be used.
    pub(crate) outputs: &'r [Output],
    pub(crate) rows: Rows,
}

impl<'a> Checker<'a> {
    /// A value computed from aggregates and numbers.
    pub(crate) fn formula(
        &mut self,
        released: &Released<'_, 'a>,
        e: &'a ast::Expr,
        statistics: &mut Vec<Statistic>,
    ) -> Checked<OutputKind> {
        let span = e.span();
        let mut both = |checker: &mut Self, op, left, right| {
            let left = checker.formula(released, left, statistics)?;
            let right = checker.formula(released, right, statistics)?;
            if op == FormulaOp::Divide && matches!(right, OutputKind::Constant { mantissa: 0, .. }) {
                return Err(Problem::new("type", span, "nothing can be divided by zero"));
            }
            Ok(OutputKind::Arithmetic { op, left: Box::new(left), right: Box::new(right) })
        };
        match e {
            ast::Expr::Nested(inner) => self.formula(released, inner, statistics),
            ast::Expr::BinaryOp { left, op, right } => {
                let op = match op {
                    BinaryOperator::Plus => FormulaOp::Add,
                    BinaryOperator::Minus => FormulaOp::Subtract,
                    BinaryOperator::Multiply => FormulaOp::Multiply,
                    BinaryOperator::Divide => FormulaOp::Divide,
                    _ => return Err(unknown(span)),
                };
                both(self, op, left, right)
            }
            ast::Expr::UnaryOp { op: UnaryOperator::Minus, expr } => {
                let right = Box::new(self.formula(released, expr, statistics)?);
                let left = Box::new(OutputKind::Constant { mantissa: 0, digits: 0 });
                Ok(OutputKind::Arithmetic { op: FormulaOp::Subtract, left, right })
            }
            ast::Expr::Value(ast::ValueWithSpan { value: ast::Value::Number(text, _), .. }) => {
                let number = Decimal::parse(text).filter(|d| d.digits <= 9);
                let mantissa = number.as_ref().and_then(|d| i64::try_from(d.mantissa).ok());
                match number.zip(mantissa) {
                    Some((number, mantissa)) => Ok(OutputKind::Constant { mantissa, digits: number.digits }),
                    None => Err(Problem::new("bounds", span, "this number is too long")),
                }
            }
            ast::Expr::Function(function) => {
                let name = function.name.to_string().to_ascii_uppercase();
                if name == "SAFE_DIVIDE"
                    && let ast::FunctionArguments::List(list) = &function.args
                    && let [
                        ast::FunctionArg::Unnamed(ast::FunctionArgExpr::Expr(left)),
                        ast::FunctionArg::Unnamed(ast::FunctionArgExpr::Expr(right)),
                    ] = list.args.as_slice()
                {
                    return both(self, FormulaOp::Divide, left, right);
                }
                if !super::function::AGGREGATES.contains(&name.as_str()) {
                    // What exists nowhere is told as that.
                    return Err(match self.expr(released.cx, e) {
                        Err(problem) if problem.code() == "unknown_function" => problem,
                        _ => unknown(span),
                    });
                }
                self.across(released.cx, function, span, released.rows, statistics)
            }
            ast::Expr::Identifier(name) => {
                let found = released.outputs.iter().find(|output| output.name.eq_ignore_ascii_case(&name.value));
                match found.map(|output| &output.what) {
                    Some(OutputKind::Key(_)) => Err(Problem::new("type", span, "a group isn't a number")
                        .help("rows are filtered by WHERE, before they are grouped")),
                    Some(what) => Ok(what.clone()),
                    None => Err(unknown(span)),
                }
            }
            ast::Expr::CompoundFieldAccess { .. } => Err(super::expr::element(span)),
            _ => Err(unknown(span)),
        }
    }

    /// HAVING, ORDER BY and LIMIT.
    pub(crate) fn view(
        &mut self,
        released: &Released<'_, 'a>,
        parts: &Parts<'a>,
        query: &'a ast::Query,
        statistics: &mut Vec<Statistic>,
    ) -> Checked<View> {
        let having = parts.having.map(|e| self.released_condition(released, e, statistics)).transpose()?;
        let mut order = Vec::new();
        if let Some(by) = &query.order_by {
            let OrderByKind::Expressions(items) = &by.kind else {
                return Err(Problem::new("unsupported", by.span(), "ORDER BY takes a list of expressions"));
            };
            if by.interpolate.is_some() {
                return Err(Problem::new("unsupported", by.span(), "INTERPOLATE isn't part of the language"));
            }
            for item in items {
                let descending = match &item.options.sort {
                    None | Some(OrderBySort::Asc) => false,
                    Some(OrderBySort::Desc) => true,
                    Some(_) => return Err(Problem::new("unsupported", item.expr.span(), "ORDER BY … ASC or DESC")),
                };
                if item.with_fill.is_some() || item.options.nulls_first.is_some() {
                    return Err(Problem::new("unsupported", item.expr.span(), "ORDER BY … ASC or DESC")
                        .why("suppressed groups always come last"));
                }
                order.push(Order { by: self.order(released, &item.expr, statistics)?, descending });
            }
        }
        let limit = match &query.limit_clause {
            None => None,
            Some(LimitClause::LimitOffset { limit: Some(limit), offset: None, limit_by }) if limit_by.is_empty() => {
                Some(whole(limit)?)
            }
            Some(_) => return Err(Problem::new("unsupported", query.span(), "LIMIT takes one number")),
        };
        Ok(View { having, order, limit })
    }

    fn order(
        &mut self,
        released: &Released<'_, 'a>,
        e: &'a ast::Expr,
        statistics: &mut Vec<Statistic>,
    ) -> Checked<OutputKind> {
        let named = match e {
            ast::Expr::Identifier(name) => {
                released.outputs.iter().find(|output| output.name.eq_ignore_ascii_case(&name.value))
            }
            ast::Expr::Value(ast::ValueWithSpan { value: ast::Value::Number(text, _), .. }) => {
                let place = text.parse::<usize>().ok().and_then(|n| n.checked_sub(1));
                let found = place.and_then(|place| released.outputs.get(place));
                return found
                    .map(|output| output.what.clone())
                    .ok_or_else(|| Problem::new("grouping", e.span(), "there is no such column in the answer"));
            }
            _ => None,
        };
        if let Some(output) = named {
            return Ok(output.what.clone());
        }
        if has_aggregate(e) {
            return self.formula(released, e, statistics);
        }
        if let Ok(typed) = self.expr(released.cx, e)
            && let Some(key) = released.groups.iter().position(|(group, _)| group.expr == typed.expr)
        {
            return Ok(OutputKind::Key(key));
        }
        self.formula(released, e, statistics)
    }

    fn released_condition(
        &mut self,
        released: &Released<'_, 'a>,
        e: &'a ast::Expr,
        statistics: &mut Vec<Statistic>,
    ) -> Checked<Condition> {
        let compare = |op, left, right| Condition::Compare { op, left, right };
        match e {
            ast::Expr::Nested(inner) => self.released_condition(released, inner, statistics),
            ast::Expr::UnaryOp { op: UnaryOperator::Not, expr } => {
                Ok(Condition::Not(Box::new(self.released_condition(released, expr, statistics)?)))
            }
            ast::Expr::BinaryOp { left, op: op @ (BinaryOperator::And | BinaryOperator::Or), right } => {
                let parts = vec![
                    self.released_condition(released, left, statistics)?,
                    self.released_condition(released, right, statistics)?,
                ];
                Ok(if *op == BinaryOperator::And { Condition::And(parts) } else { Condition::Or(parts) })
            }
            ast::Expr::BinaryOp { left, op, right } => {
                let op = match op {
                    BinaryOperator::Eq => CompareOp::Equal,
                    BinaryOperator::NotEq => CompareOp::NotEqual,
                    BinaryOperator::Lt => CompareOp::Less,
                    BinaryOperator::LtEq => CompareOp::LessEqual,
                    BinaryOperator::Gt => CompareOp::Greater,
                    BinaryOperator::GtEq => CompareOp::GreaterEqual,
                    _ => return Err(truth(e.span())),
                };
                let left = self.formula(released, left, statistics)?;
                Ok(compare(op, left, self.formula(released, right, statistics)?))
            }
            ast::Expr::Between { expr, negated, low, high } => {
                let value = self.formula(released, expr, statistics)?;
                let low = self.formula(released, low, statistics)?;
                let high = self.formula(released, high, statistics)?;
                let both = Condition::And(vec![
                    compare(CompareOp::GreaterEqual, value.clone(), low),
                    compare(CompareOp::LessEqual, value, high),
                ]);
                Ok(if *negated { Condition::Not(Box::new(both)) } else { both })
            }
            _ => Err(truth(e.span())),
        }
    }
}

fn unknown(span: Span) -> Problem {
    Problem::new("aggregate", span, "this can't stand behind the aggregates")
        .why("what is computed here is computed from released values: aggregates, their names in the SELECT list, and numbers")
        .help("+, -, *, / and SAFE_DIVIDE; everything else goes inside an aggregate or into a CTE")
}

fn truth(span: Span) -> Problem {
    Problem::new("type", span, "HAVING compares released values")
        .why("every group of the closed domains is computed; HAVING says which of the released ones are shown")
        .help("HAVING COUNT(*) > 100 AND AVG(x) < 5; rows are filtered by WHERE")
}

fn whole(e: &ast::Expr) -> Checked<u64> {
    let text = match e {
        ast::Expr::Value(ast::ValueWithSpan { value: ast::Value::Number(text, _), .. }) => text.as_str(),
        _ => "",
    };
    text.parse().map_err(|_| Problem::new("type", e.span(), "LIMIT takes a whole number written out"))
}
