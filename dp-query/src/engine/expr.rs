//! Expressions as DuckDB SQL. Every form is total: a NULL stays NULL, nothing divides by zero, leaves 64 (or, where wide, 128) bits
//! or fails to convert. Operands may be written out several times, so that text is bounded.

use std::fmt::Write;

use super::TooComplex;
use crate::relation::{Aggregate, ArithmeticOp, CompareOp, DatePart, Expr, LIMIT};

/// Longest SQL text, in bytes.
pub(super) const LONGEST: usize = 1 << 20;

pub(super) type Sql = Result<String, TooComplex>;

/// Refuses text that grew too long.
pub(super) fn bounded(text: String) -> Sql {
    if text.len() > LONGEST { Err(TooComplex) } else { Ok(text) }
}

/// `name` of a column.
pub(super) fn column(id: u32) -> String {
    format!("c{id}")
}

/// An expression, in parentheses where it isn't an atom.
pub(super) fn expr(e: &Expr) -> Sql {
    let text = match e {
        Expr::Column(id) => column(*id),
        Expr::Integer(value) => integer(*value),
        Expr::Bool(true) => "TRUE".to_owned(),
        Expr::Bool(false) => "FALSE".to_owned(),
        Expr::Null => "NULL".to_owned(),
        Expr::Arithmetic { op, left, right, wide } => {
            let sign = match op {
                ArithmeticOp::Add => "+",
                ArithmeticOp::Subtract => "-",
                ArithmeticOp::Multiply => "*",
            };
            let (left, right) = (expr(left)?, expr(right)?);
            if *wide {
                clamp(&format!("({left}::HUGEINT {sign} {right}::HUGEINT)"), -LIMIT, LIMIT)
            } else {
                format!("({left} {sign} {right})")
            }
        }
        // Integer division in DuckDB truncates towards zero; the divisor is a positive constant.
        Expr::Divide { input, by } => format!("({} // {})", expr(input)?, integer(*by)),
        Expr::Modulo { input, by } => format!("({} % {})", expr(input)?, integer(*by)),
        // An INTERVAL of months ends at the month's last day. The checker keeps the result within the calendar.
        Expr::AddMonths { input, months } => {
            format!("(({} + INTERVAL ({months}) MONTH)::DATE - DATE '1970-01-01')", day(&expr(input)?))
        }
        Expr::Prefix { input, length } => format!("left({}, {length})", expr(input)?),
        Expr::Compare { op, left, right } => {
            let sign = match op {
                CompareOp::Equal => "=",
                CompareOp::NotEqual => "<>",
                CompareOp::Less => "<",
                CompareOp::LessEqual => "<=",
                CompareOp::Greater => ">",
                CompareOp::GreaterEqual => ">=",
            };
            format!("({} {sign} {})", expr(left)?, expr(right)?)
        }
        Expr::And(parts) => all(parts, " AND ", "TRUE")?,
        Expr::Or(parts) => all(parts, " OR ", "FALSE")?,
        Expr::Not(input) => format!("(NOT {})", expr(input)?),
        Expr::IsNull(input) => format!("({} IS NULL)", expr(input)?),
        Expr::InSet { input, values } if values.is_empty() => nothing(&expr(input)?),
        Expr::InSet { input, values } => {
            format!("({} IN ({}))", expr(input)?, values.iter().map(|v| integer(*v)).collect::<Vec<_>>().join(", "))
        }
        Expr::CodeIn { input, codes, prefixes } => code_in(&expr(input)?, codes, prefixes),
        Expr::Case { arms, otherwise } => {
            let mut text = "(CASE".to_owned();
            for (condition, value) in arms {
                let _ = write!(text, " WHEN {} THEN {}", expr(condition)?, expr(value)?);
                text = bounded(text)?;
            }
            let _ = write!(text, " ELSE {} END)", expr(otherwise)?);
            text
        }
        Expr::RangeBucket { input, bounds, .. } => {
            let input = expr(input)?;
            let mut text = format!("(CASE WHEN {input} IS NULL THEN NULL");
            for (position, bound) in bounds.iter().enumerate() {
                let _ = write!(text, " WHEN {input} < {} THEN {position}", integer(*bound));
                text = bounded(text)?;
            }
            let _ = write!(text, " ELSE {} END)::BIGINT", bounds.len());
            format!("({text})")
        }
        Expr::Remap { input, to } => {
            let mut text = format!("(CASE {}", expr(input)?);
            for (from, to) in to.iter().enumerate() {
                let _ = write!(text, " WHEN {from} THEN {to}");
            }
            text.push_str(" ELSE NULL END)::BIGINT");
            format!("({text})")
        }
        Expr::DatePart { part, input } => date_part(*part, &expr(input)?),
        Expr::AgeAt { birth, date } => {
            let months = format!("({} - {})", months(&expr(date)?), months(&expr(birth)?));
            // Rounded down also before birth.
            format!("(CASE WHEN {months} >= 0 THEN {months} // 12 ELSE -((11 - {months}) // 12) END)")
        }
        // DuckDB's least and greatest skip NULLs; GoogleSQL's don't.
        Expr::Extreme { greatest, left, right } => {
            let (left, right) = (expr(left)?, expr(right)?);
            let sign = if *greatest { ">=" } else { "<=" };
            format!(
                "(CASE WHEN {left} {sign} {right} THEN {left} WHEN {right} IS NOT NULL AND {left} IS NOT NULL THEN \
                 {right} END)"
            )
        }
    };
    bounded(text)
}

/// 64-bit, so that arithmetic over literals doesn't run in 32; in parentheses, for the cast binds tighter than the sign.
pub(super) fn integer(value: i64) -> String {
    format!("({value})::BIGINT")
}

/// Keeps a value within bounds, as BIGINT; NULL stays NULL.
pub(super) fn clamp(value: &str, lo: i64, hi: i64) -> String {
    format!("(CASE WHEN {value} < {lo} THEN {lo} WHEN {value} > {hi} THEN {hi} ELSE {value} END)::BIGINT")
}

fn all(parts: &[Expr], sign: &str, empty: &str) -> Sql {
    if parts.is_empty() {
        return Ok(empty.to_owned());
    }
    Ok(format!("({})", parts.iter().map(expr).collect::<Result<Vec<_>, _>>()?.join(sign)))
}

/// FALSE where there is a value, NULL where there is none.
fn nothing(input: &str) -> String {
    format!("(CASE WHEN {input} IS NULL THEN NULL ELSE FALSE END)")
}

fn code_in(input: &str, codes: &[String], prefixes: &[String]) -> String {
    let mut parts = Vec::new();
    if !codes.is_empty() {
        parts.push(format!("{input} IN ({})", codes.iter().map(|c| code(c)).collect::<Vec<_>>().join(", ")));
    }
    parts.extend(prefixes.iter().map(|prefix| format!("starts_with({input}, {})", code(prefix))));
    if parts.is_empty() { nothing(input) } else { format!("({})", parts.join(" OR ")) }
}

/// A code literal. The checker lets letters, digits, `.` and `-` pass; anything else is dropped here once more.
pub(super) fn code(text: &str) -> String {
    let safe: String = text.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '.' || *c == '-').collect();
    format!("'{safe}'")
}

/// Days as a DATE.
fn day(days: &str) -> String {
    format!("(DATE '1970-01-01' + {days}::INTEGER)")
}

fn months(days: &str) -> String {
    let day = day(days);
    format!("(year({day}) * 12 + month({day}) - 1)")
}

fn date_part(part: DatePart, days: &str) -> String {
    let date = day(days);
    match part {
        DatePart::Year => format!("year({date})"),
        DatePart::Month => format!("month({date})"),
        DatePart::Day => format!("day({date})"),
        DatePart::FiscalYear => format!("(year({date}) - (month({date}) < 4)::BIGINT)"),
        DatePart::MonthStart => format!("({days} - day({date}) + 1)"),
        DatePart::MonthNumber => months(days),
        DatePart::Quarter => format!("quarter({date})"),
        DatePart::QuarterStart => format!("(date_trunc('quarter', {date})::DATE - DATE '1970-01-01')"),
        DatePart::YearStart => format!("({days} - dayofyear({date}) + 1)"),
    }
}

/// An aggregate over the rows of one person (and key).
pub(super) fn aggregate(a: &Aggregate) -> Sql {
    let text = match a {
        Aggregate::CountDistinct(input) => format!("count(DISTINCT {})", expr(input)?),
        Aggregate::ValueBy { value, by, last, by_lo, by_span, value_lo, value_span, truth } => {
            let value = if *truth {
                format!("(CASE WHEN {v} THEN 1::BIGINT WHEN NOT {v} THEN 0::BIGINT END)", v = expr(value)?)
            } else {
                expr(value)?
            };
            // One integer orders by `by`, then by the value, and carries the value.
            let product = u128::from(*by_span) * u128::from(*value_span);
            let kind = if product < 1 << 62 { "BIGINT" } else { "HUGEINT" };
            let packed = format!(
                "(({by}::{kind} - ({by_lo})) * {value_span}::{kind} + ({value}::{kind} - ({value_lo})))",
                by = expr(by)?
            );
            let best = format!("{}({packed})", if *last { "max" } else { "min" });
            let unpacked = format!("(({best} % {value_span}::{kind})::BIGINT + ({value_lo}))");
            if *truth { format!("({unpacked} = 1)") } else { unpacked }
        }
        other => {
            let (parts, finished) = aggregate_parts(other)?;
            parts.iter().enumerate().fold(finished, |text, (n, part)| text.replace(&format!("{{{n}}}"), part))
        }
    };
    bounded(text)
}

/// The engine's own aggregates, and what is made of them: `{0}`, `{1}` stand for them.
pub(super) fn aggregate_parts(a: &Aggregate) -> Result<(Vec<String>, String), TooComplex> {
    let plain = |text: String| (vec![text], "{0}".to_owned());
    Ok(match a {
        Aggregate::CountRows => plain("count(*)".to_owned()),
        Aggregate::Count(input) => plain(format!("count({})", expr(input)?)),
        Aggregate::CountIf(input) => plain(format!("count(*) FILTER (WHERE {})", expr(input)?)),
        Aggregate::Sum(input) => (vec![format!("sum({})", expr(input)?)], clamp("{0}", -LIMIT, LIMIT)),
        Aggregate::Mean(input) => {
            let input = expr(input)?;
            (vec![format!("sum({input})"), format!("count({input})")], mean_of("{0}", "{1}"))
        }
        Aggregate::Min(input) => plain(format!("min({})", expr(input)?)),
        Aggregate::Max(input) => plain(format!("max({})", expr(input)?)),
        Aggregate::Truth { input, any } => {
            plain(format!("{}({})", if *any { "bool_or" } else { "bool_and" }, expr(input)?))
        }
        // No window function makes these.
        Aggregate::CountDistinct(_) | Aggregate::ValueBy { .. } => return Err(TooComplex),
    })
}

/// Sum over count, half away from zero, in integers; NULL without a value.
pub(super) fn mean(input: &str) -> String {
    mean_of(&format!("sum({input})"), &format!("count({input})"))
}

fn mean_of(sum: &str, count: &str) -> String {
    let (sum, count) = (format!("{sum}::HUGEINT"), format!("{count}::HUGEINT"));
    format!(
        "(CASE WHEN {count} = 0 THEN NULL WHEN {sum} >= 0 THEN (2 * {sum} + {count}) // (2 * {count}) ELSE -((2 * \
         -({sum}) + {count}) // (2 * {count})) END)::BIGINT"
    )
}
