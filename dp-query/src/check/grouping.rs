//! Aggregates within a person: what `GROUP BY person_id, …` allows in SELECT and HAVING.

use std::cell::RefCell;

use sqlparser::ast;

use super::Checker;
use super::call::Call;
use super::expr::Context;
use super::statistic::partner;
use super::types::{Type, Typed, sum_interval};
use crate::refusal::{Checked, Problem};
use crate::relation::{Aggregate, ColumnId, Computed, Expr, LIMIT, Reduced, Rows};

/// The keys and aggregates of one GROUP BY within persons.
pub(crate) struct Grouping<'a> {
    /// Keys besides the person: the row-level expression and its column.
    keys: Vec<(Typed, ColumnId)>,
    aggregates: Vec<(Reduced, Typed)>,
    /// Rows per person before grouping.
    rows: Rows,
    /// Names of the SELECT list, for HAVING.
    aliases: Vec<(String, &'a ast::Expr)>,
    open: Vec<String>,
}

impl<'a> Grouping<'a> {
    pub(crate) fn new(keys: Vec<(Typed, ColumnId)>, rows: Rows) -> Grouping<'a> {
        Grouping { keys, aggregates: Vec::new(), rows, aliases: Vec::new(), open: Vec::new() }
    }

    /// The column of a key that is the same expression.
    pub(crate) fn key(&self, row: &Typed) -> Option<Typed> {
        let (key, id) = self.keys.iter().find(|(key, _)| key.expr == row.expr && key.ty == row.ty)?;
        Some(Typed { expr: Expr::Column(*id), span: row.span, ..key.clone() })
    }

    pub(crate) fn set_aliases(&mut self, aliases: Vec<(String, &'a ast::Expr)>) {
        self.aliases = aliases;
    }

    /// The expression behind a name of the SELECT list, unless it is being looked at already.
    pub(crate) fn open_alias(&mut self, name: &str) -> Option<&'a ast::Expr> {
        let name = name.to_ascii_lowercase();
        if self.open.contains(&name) {
            return None;
        }
        let (_, expr) = self.aliases.iter().find(|(alias, _)| alias.eq_ignore_ascii_case(&name))?;
        self.open.push(name);
        Some(*expr)
    }

    pub(crate) fn close_alias(&mut self, name: &str) {
        self.open.retain(|open| !open.eq_ignore_ascii_case(name));
    }

    /// Rows per person after grouping: combinations of keys that differ within a person, and no more than there were rows.
    pub(crate) fn rows_after(&self) -> Rows {
        let mut product = 1_u64;
        for (key, _) in self.keys.iter().filter(|(key, _)| !key.constant) {
            match size(&key.ty) {
                Some(values) => product = product.saturating_mul(values.saturating_add(u64::from(key.nullable))),
                None => return self.rows,
            }
        }
        Rows::at_most(self.rows.bound().map_or(product, |rows| rows.min(product)))
    }

    pub(crate) fn into_parts(self) -> (Vec<Computed>, Vec<Reduced>) {
        let keys = self.keys.into_iter().map(|(key, id)| Computed { id, expr: key.expr }).collect();
        (keys, self.aggregates.into_iter().map(|(reduced, _)| reduced).collect())
    }

    fn add(&mut self, next: &mut ColumnId, aggregate: Aggregate, mut typed: Typed) -> Typed {
        typed.constant = self.rows_after() == Rows::One;
        if let Some((reduced, _)) = self.aggregates.iter().find(|(reduced, _)| reduced.aggregate == aggregate) {
            typed.expr = Expr::Column(reduced.id);
            return typed;
        }
        let id = *next;
        *next += 1;
        typed.expr = Expr::Column(id);
        self.aggregates.push((Reduced { id, aggregate }, typed.clone()));
        typed
    }
}

/// Number of values of a type that has finitely many.
pub(crate) fn size(ty: &Type) -> Option<u64> {
    match ty {
        Type::Bool => Some(2),
        Type::Category(labels) => u64::try_from(labels.len()).ok(),
        Type::Integer { lo, hi, .. } if *lo > -LIMIT && *hi < LIMIT => u64::try_from(hi - lo + 1).ok(),
        Type::Date { lo, hi, months: 0 } => u64::try_from(hi - lo + 1).ok(),
        Type::Date { lo, hi, months } => {
            let (first, last) = super::key::steps(*lo, *hi, *months);
            u64::try_from(last - first + 1).ok()
        }
        _ => None,
    }
}

impl<'a> Checker<'a> {
    /// An aggregate over the rows of one person (and key).
    pub(crate) fn aggregate(
        &mut self,
        cx: Context<'_, 'a>,
        grouping: &RefCell<Grouping<'a>>,
        call: &Call<'a>,
    ) -> Checked<Typed> {
        if call.name != "COUNT" {
            call.plain()?;
        }
        let span = call.span;
        let rows = grouping.borrow().rows;
        let most = rows.bound().and_then(|k| i64::try_from(k).ok()).map_or(LIMIT, |k| k.min(LIMIT));
        let count = |lo: i64, hi: i64| Typed::literal(Expr::Null, Type::Integer { lo, hi, digits: 0 }, span);
        let rowwise = cx.rows();
        let (aggregate, typed) = match call.name.as_str() {
            "COUNT" if call.star && call.args.is_empty() && !call.distinct => (Aggregate::CountRows, count(1, most)),
            "COUNT" => {
                let input = partner(self.expr(rowwise, call.one()?)?);
                match (call.distinct, &input.ty) {
                    (true, Type::Person) => {
                        return Err(Problem::new("person", span, "within one person there is one person")
                            .help("count persons in the private SELECT; LOGICAL_OR(x.person_id IS NOT NULL) asks for a partner"));
                    }
                    (false, Type::Person) if !input.nullable => (Aggregate::CountRows, count(1, most)),
                    (_, Type::Text(_) | Type::Null) => {
                        return Err(Problem::new("type", input.span, "COUNT takes a column or *"));
                    }
                    (true, ty) => {
                        let values = size(ty).and_then(|n| i64::try_from(n).ok()).unwrap_or(LIMIT);
                        (Aggregate::CountDistinct(input.expr), count(0, most.min(values)))
                    }
                    (false, _) => (Aggregate::Count(input.expr), count(0, most)),
                }
            }
            "COUNTIF" => {
                let input = self.truth(rowwise, call.one()?)?;
                (Aggregate::CountIf(input.expr), count(0, most))
            }
            "SUM" | "AVG" => {
                let input = self.expr(rowwise, call.one()?)?;
                let Type::Integer { lo, hi, digits } = input.ty else {
                    return Err(Problem::new(
                        "type",
                        input.span,
                        format!("{} takes numbers, this is {}", call.name, input.ty.describe()),
                    )
                    .help("COUNTIF(condition) counts rows"));
                };
                if call.name == "AVG" {
                    (Aggregate::Mean(input.expr.clone()), input)
                } else {
                    let (lo, hi) = sum_interval(lo, hi, rows.bound());
                    (Aggregate::Sum(input.expr.clone()), Typed { ty: Type::Integer { lo, hi, digits }, ..input })
                }
            }
            "MIN" | "MAX" => {
                let input = self.expr(rowwise, call.one()?)?;
                if !matches!(input.ty, Type::Integer { .. } | Type::Date { .. }) {
                    return Err(Problem::new(
                        "type",
                        input.span,
                        format!(
                            "{} takes numbers or dates, this is \
                     {}",
                            call.name,
                            input.ty.describe()
                        ),
                    )
                    .help(
                        "codes have no order: MAX_BY(code, date) takes the latest; LOGICAL_OR(condition) asks \
                         whether any row has it",
                    ));
                }
                let aggregate = if call.name == "MAX" { Aggregate::Max } else { Aggregate::Min };
                (aggregate(input.expr.clone()), input)
            }
            "LOGICAL_OR" | "LOGICAL_AND" => {
                let input = self.truth(rowwise, call.one()?)?;
                (Aggregate::Truth { input: input.expr.clone(), any: call.name == "LOGICAL_OR" }, input)
            }
            "MAX_BY" | "MIN_BY" => {
                let (value, by) = call.two()?;
                let (value, by) = (self.expr(rowwise, value)?, self.expr(rowwise, by)?);
                value_by(call, value, &by)?
            }
            _ => {
                return Err(Problem::new("unsupported", span, format!("{} isn't determined by the rows", call.name))
                    .help("MAX_BY(x, date), MIN_BY(x, date), MIN or MAX"));
            }
        };
        let typed = Typed { span, ..typed };
        Ok(grouping.borrow_mut().add(&mut self.next, aggregate, typed))
    }
}

fn value_by(call: &Call<'_>, value: Typed, by: &Typed) -> Checked<(Aggregate, Typed)> {
    let truth = value.ty == Type::Bool;
    let bounds = match &value.ty {
        Type::Integer { lo, hi, .. } | Type::Date { lo, hi, .. } => Some((*lo, *hi)),
        Type::Category(labels) => Some((0, i64::try_from(labels.len()).unwrap_or(LIMIT) - 1)),
        Type::Bool => Some((0, 1)),
        _ => None,
    };
    let Some((value_lo, value_hi)) = bounds else {
        return Err(Problem::new("type", value.span, format!("{} can't hand on {}", call.name, value.ty.describe()))
            .help(
                "turn an open code into a condition or a closed list first: CASE WHEN icd10 LIKE 'E11%' THEN 'type \
             2' ELSE 'else' END",
            ));
    };
    let (Type::Integer { lo: by_lo, hi: by_hi, .. } | Type::Date { lo: by_lo, hi: by_hi, .. }) = by.ty else {
        return Err(Problem::new(
            "type",
            by.span,
            format!("{} orders by a number or a date, this is {}", call.name, by.ty.describe()),
        ));
    };
    let aggregate = Aggregate::ValueBy {
        value: value.expr.clone(),
        by: by.expr.clone(),
        last: call.name == "MAX_BY",
        by_lo,
        by_span: by_hi.abs_diff(by_lo) + 1,
        value_lo,
        value_span: value_hi.abs_diff(value_lo) + 1,
        truth,
    };
    let nullable = value.nullable || by.nullable;
    Ok((aggregate, Typed { nullable, ..value }))
}
