//! Expressions over the columns of one row, or over the keys and aggregates of one person.

use std::cell::RefCell;

use sqlparser::ast::{self, BinaryOperator, DateTimeField, Spanned, UnaryOperator, Value};
use sqlparser::tokenizer::Span;

use super::grouping::Grouping;
use super::scope::Scope;
pub(crate) use super::terms::{arithmetic, choose, join, not, repeat, rescale};
use super::terms::{negate, too_large, weight};
use super::types::{Type, Typed};
use super::{Checker, DEEPEST, LARGEST, MOST_WORK, compare, literal};
use crate::refusal::{Checked, Problem};
use crate::relation::{ArithmeticOp, CompareOp, DatePart, Expr};

/// What a visit counts, in nodes looked at: names are looked up, and refusals written that nobody reads.
const VISIT: usize = 8;
/// What matching one code of a closed list against a pattern counts.
const PATTERN_WORK: usize = 64;

/// What names mean here.
#[derive(Clone, Copy)]
pub(crate) struct Context<'s, 'a> {
    pub(crate) scope: &'s Scope,
    /// Aggregates of a person's rows are allowed, and bare columns aren't.
    pub(crate) grouping: Option<&'s RefCell<Grouping<'a>>>,
}

impl<'s, 'a> Context<'s, 'a> {
    /// The same names, row by row.
    pub(crate) fn rows(self) -> Context<'s, 'a> {
        Context { scope: self.scope, grouping: None }
    }
}

impl<'a> Checker<'a> {
    /// Types an expression.
    pub(crate) fn expr(&mut self, cx: Context<'_, 'a>, e: &'a ast::Expr) -> Checked<Typed> {
        let span = e.span();
        self.work(VISIT, span)?;
        self.depth += 1;
        let typed = if self.depth > DEEPEST { Err(too_large(span)) } else { self.expr_here(cx, e, span) };
        self.depth -= 1;
        let typed = typed.map_err(|problem| problem.or_at(span))?;
        let size = typed.expr.size();
        self.work(weight(&typed, size), span)?;
        if size > LARGEST { Err(too_large(span)) } else { Ok(typed) }
    }

    /// Counts work before it is done; refuses what is more than a question for people can mean.
    pub(crate) fn tally(&mut self, amount: usize, span: Span) -> Checked<()> {
        self.work(amount, span)
    }

    fn work(&mut self, amount: usize, span: Span) -> Checked<()> {
        self.work = self.work.saturating_add(amount);
        if self.work > MOST_WORK {
            return Err(Problem::new("too_complex", span, "this question takes too long to check")
                .why("names that stand for expressions which use names many times over")
                .help("name a part in a CTE of its own and use the name once or twice"));
        }
        Ok(())
    }

    fn expr_here(&mut self, cx: Context<'_, 'a>, e: &'a ast::Expr, span: Span) -> Checked<Typed> {
        let Some(grouping) = cx.grouping else { return self.expr_inner(cx, e, span) };
        let asked = self.semis.rows.len();
        if let Ok(row) = self.expr(cx.rows(), e)
            && let Some(key) = grouping.borrow().key(&row)
        {
            return Ok(cx.scope.refine(key));
        }
        self.semis.rows.truncate(asked);
        Ok(cx.scope.refine(self.expr_inner(cx, e, span)?))
    }

    fn expr_inner(&mut self, cx: Context<'_, 'a>, e: &'a ast::Expr, span: Span) -> Checked<Typed> {
        match e {
            ast::Expr::Nested(inner) => self.expr(cx, inner),
            ast::Expr::Identifier(name) if name.value.starts_with('@') => Err(literal::parameter(span)),
            ast::Expr::Identifier(name) => self.name(cx, None, &name.value, span),
            ast::Expr::CompoundIdentifier(parts) => match parts.as_slice() {
                [table, column] => self.name(cx, Some(&table.value), &column.value, span),
                _ => Err(Problem::new("unknown_column", span, "a column is `name` or `table.name`")),
            },
            ast::Expr::Value(value) => literal::value(&value.value, value.span),
            ast::Expr::TypedString(ast::TypedString {
                data_type: ast::DataType::Date,
                value,
                uses_odbc_syntax: false,
            }) => match &value.value {
                Value::SingleQuotedString(text) | Value::DoubleQuotedString(text) => literal::date(text, value.span),
                _ => Err(Problem::new("type", span, "a date is DATE 'YYYY-MM-DD'")),
            },
            ast::Expr::UnaryOp { op: UnaryOperator::Plus, expr } => self.number(cx, expr),
            ast::Expr::UnaryOp { op: UnaryOperator::Minus, expr } => {
                let zero = Typed::literal(Expr::Integer(0), Type::Integer { lo: 0, hi: 0, digits: 0 }, span);
                let right = self.number(cx, expr)?;
                arithmetic(ArithmeticOp::Subtract, zero, right, span)
            }
            ast::Expr::UnaryOp { op: UnaryOperator::Not, expr } => Ok(not(self.truth(cx, expr)?)),
            ast::Expr::BinaryOp { left, op, right } => self.binary(cx, left, op, right, span),
            ast::Expr::Between { expr, negated, low, high } => {
                let value = self.expr(cx, expr)?;
                let (low, high) = (self.expr(cx, low)?, self.expr(cx, high)?);
                let above = compare::compare(CompareOp::GreaterEqual, value.clone(), low, span)?;
                let below = compare::compare(CompareOp::LessEqual, value, high, span)?;
                Ok(negate(*negated, join(vec![above, below], Expr::And, span)))
            }
            ast::Expr::InList { expr, list, negated } => {
                let value = self.expr(cx, expr)?;
                self.work(weight(&value, value.expr.size()).saturating_mul(list.len()), span)?;
                Ok(negate(*negated, self.in_items(cx, value, list, span)?))
            }
            ast::Expr::Like { negated, any: false, expr, pattern, escape_char: None } => {
                let value = self.expr(cx, expr)?;
                let pattern = self.expr(cx, pattern)?;
                self.work(weight(&value, 0).saturating_mul(PATTERN_WORK), span)?;
                Ok(negate(*negated, compare::like(value, &pattern, span)?))
            }
            ast::Expr::IsNull(inner) => self.is_null(cx, inner, span),
            ast::Expr::IsNotNull(inner) => Ok(not(self.is_null(cx, inner, span)?)),
            ast::Expr::IsTrue(inner) => self.is(cx, inner, true, span),
            ast::Expr::IsFalse(inner) => self.is(cx, inner, false, span),
            ast::Expr::IsNotTrue(inner) => Ok(not(self.is(cx, inner, true, span)?)),
            ast::Expr::IsNotFalse(inner) => Ok(not(self.is(cx, inner, false, span)?)),
            ast::Expr::Case { operand, conditions, else_result, .. } => {
                self.case(cx, operand.as_deref(), conditions, else_result.as_deref(), span)
            }
            ast::Expr::Extract { field, expr, .. } => {
                let part = match field {
                    DateTimeField::Year => DatePart::Year,
                    DateTimeField::Quarter => DatePart::Quarter,
                    DateTimeField::Month => DatePart::Month,
                    DateTimeField::Day => DatePart::Day,
                    DateTimeField::DayOfWeek => {
                        let input = self.expr(cx, expr)?;
                        return self.day_of_week(input, span);
                    }
                    _ => {
                        return Err(Problem::new(
                            "unsupported",
                            span,
                            "EXTRACT gives YEAR, QUARTER, MONTH, DAY or DAYOFWEEK",
                        )
                        .help("FISCAL_YEAR(date) gives the 年度"));
                    }
                };
                let input = self.expr(cx, expr)?;
                super::function::date_part(part, input, span)
            }
            ast::Expr::Function(function) => self.function(cx, function, span),
            ast::Expr::Substring { expr, substring_from, substring_for: Some(length), .. } => {
                let from = substring_from.as_deref().map(|e| self.expr(cx, e)).transpose()?;
                let (value, length) = (self.expr(cx, expr)?, self.expr(cx, length)?);
                super::numeric::substring(value, from.as_ref(), &length, span)
            }
            ast::Expr::InSubquery { expr, subquery, negated } => self.in_subquery(cx, expr, subquery, *negated, span),
            ast::Expr::Exists { subquery, negated } => self.exists(cx, subquery, *negated, span),
            ast::Expr::Interval(_) => {
                Err(Problem::new("type", span, "an INTERVAL is added to a date or taken from it")
                    .help("exam_date + INTERVAL 90 DAY, DATE_SUB(exam_date, INTERVAL 1 YEAR)"))
            }
            // FLOOR and CEIL have a syntax of their own.
            ast::Expr::Floor { expr, field: ast::CeilFloorKind::DateTimeField(DateTimeField::NoDateTime) } => {
                super::numeric::coarser(self.number(cx, expr)?, 0, super::numeric::Rounding::Down, span)
            }
            ast::Expr::Ceil { expr, field: ast::CeilFloorKind::DateTimeField(DateTimeField::NoDateTime) } => {
                super::numeric::coarser(self.number(cx, expr)?, 0, super::numeric::Rounding::Up, span)
            }
            ast::Expr::Subquery(_) => {
                Err(Problem::new("unsupported", span, "a subquery can't stand inside an expression")
                    .why("persons meet only through joins on `person_id`, so that what one person adds stays theirs")
                    .help(
                        "JOIN (SELECT DISTINCT person_id FROM …) AS x USING (person_id); for NOT IN, LEFT JOIN it and \
                 keep WHERE x.person_id IS NULL",
                    ))
            }
            ast::Expr::Cast { .. } | ast::Expr::Convert { .. } => {
                Err(Problem::new("unsupported", span, "there are no casts")
                    .why("a cast can fail, and a failure would tell of a value")
                    .help("columns are typed already: numbers on their grid, dates, closed lists"))
            }
            ast::Expr::CompoundFieldAccess { .. } => Err(element(span)),
            ast::Expr::ILike { .. } | ast::Expr::SimilarTo { .. } | ast::Expr::RLike { .. } => Err(Problem::new(
                "unsupported",
                span,
                "patterns are LIKE with a prefix \
                 only",
            )
            .help("code LIKE 'E11%', or STARTS_WITH(code, 'E11')")),
            _ => Err(Problem::new("unsupported", span, "this expression isn't part of the language").help(
                "there are comparisons, AND/OR/NOT, IN, BETWEEN, IS NULL, LIKE 'prefix%', CASE, + - * and the \
                 functions of docs/query-language.md",
            )),
        }
    }

    fn name(&mut self, cx: Context<'_, 'a>, qualifier: Option<&str>, name: &str, span: Span) -> Checked<Typed> {
        if let (Some(grouping), None) = (cx.grouping, qualifier) {
            let alias = grouping.borrow_mut().open_alias(name);
            if let Some(expr) = alias {
                let result = self.expr(cx, expr);
                grouping.borrow_mut().close_alias(name);
                return result;
            }
        }
        let found = match cx.scope.resolve(&mut self.scans, &mut self.next, qualifier, name, span) {
            Ok(found) => found,
            Err(problem) => {
                let alias =
                    self.aliases.iter().find(|(alias, _)| qualifier.is_none() && alias.eq_ignore_ascii_case(name));
                return match alias.map(|(_, expr)| *expr) {
                    Some(expr) => self.expr(cx, expr),
                    None => Err(problem),
                };
            }
        };
        // The person is the same in all rows of the group; whether the right side of a LEFT JOIN has it, isn't.
        if cx.grouping.is_some() && found.ty == Type::Person && found.expr != Expr::Bool(true) {
            return Err(Problem::new("grouping", span, "a group's rows can have a partner and have none")
                .why("this is the right side of a LEFT JOIN")
                .help("LOGICAL_OR(… IS NOT NULL) asks whether any row has one; `person_id` of the left side is everyone's"));
        }
        if cx.grouping.is_some() && found.ty != Type::Person {
            return Err(Problem::new("grouping", span, format!("`{name}` is neither aggregated nor in GROUP BY"))
                .why("a group can hold several rows, so that the value isn't one")
                .help(format!("aggregate it, for example MAX({name}), or add it to GROUP BY")));
        }
        Ok(found)
    }

    fn binary(
        &mut self,
        cx: Context<'_, 'a>,
        left: &'a ast::Expr,
        op: &BinaryOperator,
        right: &'a ast::Expr,
        span: Span,
    ) -> Checked<Typed> {
        let arithmetic_op = match op {
            BinaryOperator::Plus => Some(ArithmeticOp::Add),
            BinaryOperator::Minus => Some(ArithmeticOp::Subtract),
            BinaryOperator::Multiply => Some(ArithmeticOp::Multiply),
            _ => None,
        };
        if let Some(op) = arithmetic_op {
            if let Some(date) = self.date_operator(cx, left, op, right, span)? {
                return Ok(date);
            }
            let (left, right) = (self.number(cx, left)?, self.number(cx, right)?);
            return arithmetic(op, left, right, span);
        }
        let compare_op = match op {
            BinaryOperator::Eq => CompareOp::Equal,
            BinaryOperator::NotEq => CompareOp::NotEqual,
            BinaryOperator::Lt => CompareOp::Less,
            BinaryOperator::LtEq => CompareOp::LessEqual,
            BinaryOperator::Gt => CompareOp::Greater,
            BinaryOperator::GtEq => CompareOp::GreaterEqual,
            BinaryOperator::And | BinaryOperator::Or => {
                let parts = vec![self.truth(cx, left)?, self.truth(cx, right)?];
                return Ok(join(parts, if *op == BinaryOperator::And { Expr::And } else { Expr::Or }, span));
            }
            BinaryOperator::Divide | BinaryOperator::Modulo => {
                return Err(Problem::new("unsupported", span, "there is no division here")
                    .why("values stay exact integers on their grid, and nothing may divide by zero")
                    .help(
                        "DIV(x, 10) divides by a constant and drops the rest, MOD(x, 10) gives the rest; AVG gives means; divide released \
                     values afterwards, it is free",
                    ));
            }
            _ => {
                return Err(Problem::new("unsupported", span, "this operator isn't part of the language")
                    .help("there are + - * = <> < <= > >= AND OR NOT"));
            }
        };
        let (left, right) = (self.expr(cx, left)?, self.expr(cx, right)?);
        compare::compare(compare_op, left, right, span)
    }

    /// An expression that has to be a truth value.
    pub(crate) fn truth(&mut self, cx: Context<'_, 'a>, e: &'a ast::Expr) -> Checked<Typed> {
        let typed = self.expr(cx, e)?;
        match typed.ty {
            Type::Bool => Ok(typed),
            other => Err(Problem::new(
                "type",
                typed.span,
                format!("a condition is true or false, this is {}", other.describe()),
            )),
        }
    }

    fn number(&mut self, cx: Context<'_, 'a>, e: &'a ast::Expr) -> Checked<Typed> {
        let typed = self.expr(cx, e)?;
        match typed.ty {
            Type::Integer { .. } => Ok(typed),
            other => {
                Err(Problem::new("type", typed.span, format!("arithmetic needs numbers, this is {}", other.describe())))
            }
        }
    }

    fn is_null(&mut self, cx: Context<'_, 'a>, e: &'a ast::Expr, span: Span) -> Checked<Typed> {
        let typed = self.expr(cx, e)?;
        let expr = match typed.ty {
            // Present or not: of the right side of a LEFT JOIN.
            Type::Person => Expr::Not(Box::new(typed.expr)),
            Type::Null | Type::Text(_) => return Err(Problem::new("type", span, "this is always the same")),
            _ => Expr::IsNull(Box::new(typed.expr)),
        };
        Ok(Typed { expr, ty: Type::Bool, nullable: false, constant: typed.constant, span })
    }

    /// IS TRUE, IS FALSE.
    fn is(&mut self, cx: Context<'_, 'a>, e: &'a ast::Expr, wanted: bool, span: Span) -> Checked<Typed> {
        let typed = self.truth(cx, e)?;
        let known = Expr::Not(Box::new(Expr::IsNull(Box::new(typed.expr.clone()))));
        let value = if wanted { typed.expr } else { Expr::Not(Box::new(typed.expr)) };
        Ok(Typed {
            expr: Expr::And(vec![known, value]),
            ty: Type::Bool,
            nullable: false,
            constant: typed.constant,
            span,
        })
    }

    fn case(
        &mut self,
        cx: Context<'_, 'a>,
        operand: Option<&'a ast::Expr>,
        arms: &'a [ast::CaseWhen],
        otherwise: Option<&'a ast::Expr>,
        span: Span,
    ) -> Checked<Typed> {
        let operand = operand.map(|e| self.expr(cx, e)).transpose()?;
        if let Some(value) = &operand {
            repeat(value, arms.len())?;
            self.work(weight(value, value.expr.size()).saturating_mul(arms.len()), span)?;
        }
        let mut conditions = Vec::new();
        let mut values = Vec::new();
        for arm in arms {
            let condition = match &operand {
                None => self.truth(cx, &arm.condition)?,
                Some(value) => {
                    let wanted = self.expr(cx, &arm.condition)?;
                    compare::compare(CompareOp::Equal, value.clone(), wanted, arm.condition.span())?
                }
            };
            conditions.push(condition);
            values.push(self.expr(cx, &arm.result)?);
        }
        values.push(match otherwise {
            Some(e) => self.expr(cx, e)?,
            None => Typed { nullable: true, ..Typed::literal(Expr::Null, Type::Null, span) },
        });
        choose(conditions, values, span)
    }
}

/// `APPROX_QUANTILES(x, 4)[OFFSET(2)]`.
pub(super) fn element(span: Span) -> Problem {
    Problem::new("unsupported", span, "nothing is taken out of a list by its place")
        .help("PERCENTILE_CONT(x, 0.5) is one quantile; APPROX_QUANTILES(x, 4) AS q gives the columns q_0 to q_4")
}
