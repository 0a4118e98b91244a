//! Expressions, one row at a time, as `relation/expr.rs` says what they mean. Three-valued; a branch that isn't taken isn't computed.

use std::collections::BTreeMap;

use jiff::civil::{Date, date};
use jiff::{Span, ToSpan};
use polars::prelude::DataFrame;

use super::frame::{Value, columns};
use crate::relation::{ArithmeticOp, CompareOp, DatePart, Expr, LIMIT};

/// The columns of a relation.
pub(super) struct Rows {
    columns: BTreeMap<u32, Vec<Value>>,
}

impl Rows {
    pub(super) fn of(frame: &DataFrame) -> Rows {
        Rows { columns: columns(frame) }
    }

    /// An expression in one row.
    pub(super) fn value(&self, e: &Expr, row: usize) -> Value {
        let of = |e: &Expr| self.value(e, row);
        let integer = |e: &Expr| self.value(e, row).integer();
        match e {
            Expr::Column(id) => self.columns[id][row].clone(),
            Expr::Integer(value) => Value::Integer(*value),
            Expr::Bool(value) => Value::Truth(*value),
            Expr::Null => Value::Null,
            Expr::Arithmetic { op, left, right, wide } => {
                let both = integer(left).zip(integer(right));
                let exact = both.map(|(a, b)| match op {
                    ArithmeticOp::Add => a + b,
                    ArithmeticOp::Subtract => a - b,
                    ArithmeticOp::Multiply => a * b,
                });
                let limit = i128::from(LIMIT);
                Value::of(if *wide { exact.map(|value| value.clamp(-limit, limit)) } else { exact })
            }
            // Rust's integers, too, are cut off towards zero.
            Expr::Divide { input, by } => Value::of(integer(input).map(|value| value / i128::from(*by))),
            Expr::Modulo { input, by } => Value::of(integer(input).map(|value| value % i128::from(*by))),
            Expr::AddMonths { input, months } => {
                let moved = |days| day(days).checked_add(Span::new().months(*months)).expect("within the calendar");
                Value::of(integer(input).map(|days| since(moved(days))))
            }
            Expr::Prefix { input, length } => match of(input) {
                Value::Code(text) => Value::Code(text.chars().take(usize::try_from(*length).unwrap()).collect()),
                other => other,
            },
            Expr::Compare { op, left, right } => compare(*op, &of(left), &of(right)),
            Expr::And(parts) => all(parts.iter().map(|part| of(part).truth()), false),
            Expr::Or(parts) => all(parts.iter().map(|part| of(part).truth()), true),
            Expr::Not(input) => truth(of(input).truth().map(|value| !value)),
            Expr::IsNull(input) => Value::Truth(of(input).is_null()),
            Expr::InSet { input, values } => {
                truth(integer(input).map(|value| values.iter().any(|one| i128::from(*one) == value)))
            }
            Expr::CodeIn { input, codes, prefixes } => match of(input) {
                Value::Code(text) => Value::Truth(
                    codes.contains(&text) || prefixes.iter().any(|prefix| text.starts_with(prefix.as_str())),
                ),
                other => other,
            },
            Expr::Case { arms, otherwise } => {
                let taken = arms.iter().find(|(condition, _)| of(condition) == Value::Truth(true));
                of(taken.map_or(otherwise, |(_, value)| value))
            }
            Expr::RangeBucket { input, bounds, .. } => Value::of(
                integer(input).map(|value| bounds.iter().filter(|bound| i128::from(**bound) <= value).count() as i128),
            ),
            Expr::Remap { input, to } => match integer(input).map(usize::try_from) {
                Some(Ok(from)) => to.get(from).map_or(Value::Null, |to| Value::Integer(*to)),
                _ => Value::Null,
            },
            Expr::DatePart { part, input } => Value::of(integer(input).map(|days| date_part(*part, days))),
            Expr::AgeAt { birth, date } => {
                let both = integer(date).zip(integer(birth));
                Value::of(both.map(|(date, birth)| (months(day(date)) - months(day(birth))).div_euclid(12)))
            }
            Expr::Extreme { greatest, left, right } => {
                let both = integer(left).zip(integer(right));
                Value::of(both.map(|(a, b)| if *greatest { a.max(b) } else { a.min(b) }))
            }
        }
    }

    /// Whether a condition is TRUE.
    pub(super) fn holds(&self, e: &Expr, row: usize) -> bool {
        self.value(e, row) == Value::Truth(true)
    }
}

fn truth(value: Option<bool>) -> Value {
    value.map_or(Value::Null, Value::Truth)
}

/// AND (decided by FALSE) and OR (decided by TRUE).
fn all(mut parts: impl Iterator<Item = Option<bool>>, decisive: bool) -> Value {
    let mut known = true;
    let decided = parts.any(|part| {
        known &= part.is_some();
        part == Some(decisive)
    });
    match (decided, known) {
        (true, _) => Value::Truth(decisive),
        (false, true) => Value::Truth(!decisive),
        (false, false) => Value::Null,
    }
}

fn compare(op: CompareOp, left: &Value, right: &Value) -> Value {
    if left.is_null() || right.is_null() {
        return Value::Null;
    }
    assert_eq!(std::mem::discriminant(left), std::mem::discriminant(right), "two kinds compared");
    Value::Truth(match op {
        CompareOp::Equal => left == right,
        CompareOp::NotEqual => left != right,
        CompareOp::Less => left < right,
        CompareOp::LessEqual => left <= right,
        CompareOp::Greater => left > right,
        CompareOp::GreaterEqual => left >= right,
    })
}

const EPOCH: Date = date(1970, 1, 1);

fn day(days: i128) -> Date {
    let days = i64::try_from(days).expect("days");
    EPOCH.checked_add(days.days()).expect("within the calendar")
}

fn since(day: Date) -> i128 {
    i128::from((day - EPOCH).get_days())
}

/// Since the year 0.
fn months(day: Date) -> i128 {
    i128::from(day.year()) * 12 + i128::from(day.month()) - 1
}

fn date_part(part: DatePart, days: i128) -> i128 {
    let day = day(days);
    let (year, month) = (i128::from(day.year()), i128::from(day.month()));
    let quarter = (month - 1) / 3 + 1;
    match part {
        DatePart::Year => year,
        DatePart::Month => month,
        DatePart::Day => i128::from(day.day()),
        DatePart::FiscalYear => year - i128::from(month < 4),
        DatePart::MonthStart => since(day.first_of_month()),
        DatePart::MonthNumber => months(day),
        DatePart::Quarter => quarter,
        DatePart::QuarterStart => since(date(day.year(), i8::try_from(quarter * 3 - 2).unwrap(), 1)),
        DatePart::YearStart => since(day.first_of_year()),
    }
}
