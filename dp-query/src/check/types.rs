//! Types of values and interval arithmetic over them. A bound of ±LIMIT says that none could be derived.

use std::rc::Rc;

use datasets::catalogue::{CodeForm, civil_from_days};
use sqlparser::tokenizer::Span;

use crate::relation::{ArithmeticOp, Expr, LIMIT};

/// A value of a closed list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Label {
    pub(crate) code: String,
    pub(crate) meaning: String,
}

/// What the checker knows of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Type {
    /// lo..=hi in units of 10^-digits.
    Integer {
        lo: i64,
        hi: i64,
        digits: u8,
    },
    Bool,
    /// Days since 1970-01-01; `months`: 0 for any day, else first days of every month (1), quarter (3) or year (12) only.
    Date {
        lo: i64,
        hi: i64,
        months: u8,
    },
    /// A position in a closed list.
    Category(Rc<Vec<Label>>),
    /// Text of an open code system; no name where it is a part of a code, or of several systems.
    Code {
        max_len: usize,
        system: Rc<str>,
        form: CodeForm,
    },
    /// A keyed facility or workplace.
    Key,
    /// `person_id`.
    Person,
    /// A text literal that has not met its type yet.
    Text(String),
    /// The literal NULL.
    Null,
}

impl Type {
    /// In words, for refusals.
    pub(crate) fn describe(&self) -> String {
        match self {
            Type::Integer { lo, hi, digits } => match (*lo > -LIMIT, *hi < LIMIT) {
                (true, true) => format!("a number from {} to {}", decimal(*lo, *digits), decimal(*hi, *digits)),
                (true, false) => format!("a number of at least {}", decimal(*lo, *digits)),
                (false, true) => format!("a number of at most {}", decimal(*hi, *digits)),
                (false, false) => "a number without bounds".to_owned(),
            },
            Type::Bool => "a truth value".to_owned(),
            Type::Date { lo, hi, .. } => format!("a date from {} to {}", date(*lo), date(*hi)),
            Type::Category(labels) => format!("one of {}", codes(labels)),
            Type::Code { .. } => "a code of an open list".to_owned(),
            Type::Key => "a keyed identifier".to_owned(),
            Type::Person => "the person".to_owned(),
            Type::Text(_) => "a text".to_owned(),
            Type::Null => "NULL".to_owned(),
        }
    }
}

/// A checked expression.
#[derive(Debug, Clone)]
pub(crate) struct Typed {
    pub(crate) expr: Expr,
    pub(crate) ty: Type,
    pub(crate) nullable: bool,
    /// All rows of one person in this relation share the value.
    pub(crate) constant: bool,
    pub(crate) span: Span,
}

impl Typed {
    pub(crate) fn literal(expr: Expr, ty: Type, span: Span) -> Typed {
        Typed { expr, ty, nullable: false, constant: true, span }
    }

    /// An integer literal's value.
    pub(crate) fn known_integer(&self) -> Option<i64> {
        match (&self.expr, &self.ty) {
            (Expr::Integer(value), Type::Integer { .. }) => Some(*value),
            _ => None,
        }
    }
}

/// Codes of a closed list, for people.
pub(crate) fn codes(labels: &[Label]) -> String {
    crate::refusal::list(&labels.iter().map(|l| l.code.as_str()).collect::<Vec<_>>())
}

/// Grid units as a decimal.
pub(crate) fn decimal(value: i64, digits: u8) -> String {
    crate::sql::Decimal { mantissa: i128::from(value), digits }.to_string()
}

/// A day as ISO 8601.
pub(crate) fn date(days: i64) -> String {
    i32::try_from(days).ok().and_then(civil_from_days).map_or_else(|| "?".to_owned(), |d| d.to_string())
}

/// Calendar parts of a day: (year, month, day).
pub(crate) fn civil(days: i64) -> (i64, i64, i64) {
    i32::try_from(days)
        .ok()
        .and_then(civil_from_days)
        .map_or((1970, 1, 1), |d| (i64::from(d.year()), i64::from(d.month()), i64::from(d.day())))
}

/// 年度 of a day.
pub(crate) fn fiscal_year(days: i64) -> i64 {
    let (year, month, _) = civil(days);
    if month < 4 { year - 1 } else { year }
}

/// Keeps within ±LIMIT.
pub(crate) fn saturate(value: i128) -> i64 {
    i64::try_from(value.clamp(i128::from(-LIMIT), i128::from(LIMIT))).unwrap_or(LIMIT)
}

/// Bounds of `left op right`, and whether the exact result can leave ±LIMIT.
pub(crate) fn interval(op: ArithmeticOp, left: (i64, i64), right: (i64, i64)) -> (i64, i64, bool) {
    let apply = |a: i64, b: i64| match op {
        ArithmeticOp::Add => i128::from(a) + i128::from(b),
        ArithmeticOp::Subtract => i128::from(a) - i128::from(b),
        ArithmeticOp::Multiply => i128::from(a) * i128::from(b),
    };
    let corners = [apply(left.0, right.0), apply(left.0, right.1), apply(left.1, right.0), apply(left.1, right.1)];
    let lo = corners.iter().copied().min().unwrap_or(0);
    let hi = corners.iter().copied().max().unwrap_or(0);
    let wide = lo < i128::from(-LIMIT) || hi > i128::from(LIMIT);
    (saturate(lo), saturate(hi), wide)
}

/// Bounds of a sum of 0 (`at_least_one`: 1) to `rows` values within [lo, hi].
pub(crate) fn sum_interval(lo: i64, hi: i64, rows: Option<u64>) -> (i64, i64) {
    let rows = i128::from(rows.unwrap_or(u64::MAX)).min(i128::from(LIMIT) * 2);
    let low = if lo < 0 { i128::from(lo) * rows } else { i128::from(lo) };
    let high = if hi > 0 { i128::from(hi) * rows } else { i128::from(hi) };
    (saturate(low), saturate(high))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn intervals_hold_every_result(a in -1000_i64..1000, b in 0_i64..1000, c in -1000_i64..1000, d in 0_i64..1000, x in 0_i64..1000, y in 0_i64..1000) {
            let (left, right) = ((a, a + b), (c, c + d));
            let (x, y) = ((a + x).min(a + b), (c + y).min(c + d));
            for (op, value) in [(ArithmeticOp::Add, x + y), (ArithmeticOp::Subtract, x - y), (ArithmeticOp::Multiply, x * y)] {
                let (lo, hi, wide) = interval(op, left, right);
                prop_assert!(!wide && lo <= value && value <= hi);
            }
        }
    }

    #[test]
    fn what_overflows_is_wide_and_saturates() {
        assert_eq!(interval(ArithmeticOp::Multiply, (-LIMIT, LIMIT), (2, 3)), (-LIMIT, LIMIT, true));
        assert_eq!(sum_interval(0, 10, None), (0, LIMIT));
        assert_eq!(sum_interval(-5, 10, Some(3)), (-15, 30));
        assert_eq!(sum_interval(2, 10, Some(3)), (2, 30));
    }

    #[test]
    fn the_fiscal_year_begins_in_april() {
        let day = |y: i16, m: i8, d: i8| i64::from(datasets::catalogue::days_from_civil(jiff::civil::date(y, m, d)));
        assert_eq!(fiscal_year(day(2024, 3, 31)), 2023);
        assert_eq!(fiscal_year(day(2024, 4, 1)), 2024);
    }
}
