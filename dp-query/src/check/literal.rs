//! Literals: numbers exactly as written, dates, truth values, text that meets its type later.

use jiff::civil::Date;
use sqlparser::ast::Value;
use sqlparser::tokenizer::Span;

use super::types::{Type, Typed, civil};
use crate::refusal::{Checked, Problem};
use crate::relation::{Expr, LIMIT};
use crate::sql::Decimal;

/// A literal without a type name.
pub(crate) fn value(value: &Value, span: Span) -> Checked<Typed> {
    Ok(match value {
        Value::Number(text, false) => number(text, span)?,
        // Texts become names of groups: in the log, in tables, on terminals.
        Value::SingleQuotedString(text) | Value::DoubleQuotedString(text)
            if text.chars().count() > 100 || text.chars().any(char::is_control) =>
        {
            return Err(Problem::new("type", span, "a text has at most 100 characters, and no control characters"));
        }
        Value::SingleQuotedString(text) | Value::DoubleQuotedString(text) => {
            Typed::literal(Expr::Null, Type::Text(text.clone()), span)
        }
        Value::Boolean(value) => Typed::literal(Expr::Bool(*value), Type::Bool, span),
        Value::Null => Typed { nullable: true, ..Typed::literal(Expr::Null, Type::Null, span) },
        Value::Placeholder(_) => return Err(parameter(span)),
        _ => {
            return Err(Problem::new("unsupported", span, "this kind of literal isn't part of the language")
                .help("write 'text', 12, 6.5, TRUE, NULL or DATE '2024-04-01'"));
        }
    })
}

/// `@name`, `?`.
pub(crate) fn parameter(span: Span) -> Problem {
    Problem::new("unsupported", span, "there are no parameters")
        .why("stewards approve the question as it stands")
        .help("write the value out")
}

fn number(text: &str, span: Span) -> Checked<Typed> {
    let found = Decimal::parse(text).and_then(|d| i64::try_from(d.mantissa).ok().map(|value| (value, d.digits)));
    match found {
        Some((value, digits)) if value <= LIMIT && digits <= 9 => {
            Ok(Typed::literal(Expr::Integer(value), Type::Integer { lo: value, hi: value, digits }, span))
        }
        _ => Err(Problem::new("bounds", span, "this number is too long")
            .why("numbers have at most 9 decimals and 15 digits")),
    }
}

/// `DATE '2024-04-01'`, strictly ISO 8601.
pub(crate) fn date(text: &str, span: Span) -> Checked<Typed> {
    let day = parse_date(text)
        .ok_or_else(|| Problem::new("type", span, "this isn't a day of the calendar").help("DATE 'YYYY-MM-DD'"))?;
    Ok(Typed::literal(Expr::Integer(day), Type::Date { lo: day, hi: day, months: u8::from(civil(day).2 == 1) }, span))
}

pub(crate) fn parse_date(text: &str) -> Option<i64> {
    let mut parts = text.split('-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    let shaped =
        parts.next().is_none() && year.len() == 4 && (1..=2).contains(&month.len()) && (1..=2).contains(&day.len());
    let all_digits = [year, month, day].iter().all(|p| p.bytes().all(|b| b.is_ascii_digit()));
    if !shaped || !all_digits {
        return None;
    }
    let date = Date::new(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?).ok()?;
    Some(i64::from(datasets::catalogue::days_from_civil(date)))
}
