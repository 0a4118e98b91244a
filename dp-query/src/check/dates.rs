//! Calendar arithmetic: DATE_ADD, DATE_SUB, DATE_DIFF, DATE_TRUNC, LAST_DAY and `date ± INTERVAL`. Results stay within the calendar from
//! 0001-01-01 to 9999-12-31 by their bounds, so that nothing can fail. No time of day.

use sqlparser::ast::{self, DateTimeField, Spanned, Value};
use sqlparser::tokenizer::Span;

use super::Checker;
use super::call::Call;
use super::expr::{Context, arithmetic};
use super::function::{date_part, month_number};
use super::types::{Type, Typed, civil, interval};
use crate::refusal::{Checked, Problem};
use crate::relation::{ArithmeticOp, DatePart, Expr};

/// 0001-01-01 and 9999-12-31.
const CALENDAR: (i64, i64) = (-719_162, 2_932_896);
/// Most months that are added.
const MOST_MONTHS: i64 = 2_400;

/// A span of time: days by any whole number, months by a number written out.
enum Period {
    Days(Typed),
    Months(i64),
}

impl<'a> Checker<'a> {
    /// `DATE_ADD(date, INTERVAL 3 MONTH)`, `DATE_SUB`.
    pub(crate) fn date_add(&mut self, cx: Context<'_, 'a>, call: &Call<'a>) -> Checked<Typed> {
        let (date, period) = call.two()?;
        let date = self.expr(cx, date)?;
        self.shifted(cx, date, period, call.name == "DATE_SUB", call.span)
    }

    /// `date + INTERVAL 3 MONTH`, `date + 7`: None if neither side is a date.
    pub(crate) fn date_operator(
        &mut self,
        cx: Context<'_, 'a>,
        left: &'a ast::Expr,
        op: ArithmeticOp,
        right: &'a ast::Expr,
        span: Span,
    ) -> Checked<Option<Typed>> {
        let is_interval = |e: &ast::Expr| matches!(e, ast::Expr::Interval(_));
        let (date, period) = if is_interval(left) && op == ArithmeticOp::Add { (right, left) } else { (left, right) };
        if !is_interval(period) {
            return Ok(None);
        }
        if op == ArithmeticOp::Multiply {
            return Err(Problem::new("type", span, "an INTERVAL is added to a date or taken from it"));
        }
        let date = self.expr(cx, date)?;
        self.shifted(cx, date, period, op == ArithmeticOp::Subtract, span).map(Some)
    }

    fn shifted(
        &mut self,
        cx: Context<'_, 'a>,
        date: Typed,
        period: &'a ast::Expr,
        back: bool,
        span: Span,
    ) -> Checked<Typed> {
        let date = as_date(date)?;
        let Type::Date { lo, hi, months } = date.ty else { return Err(no_date(&date)) };
        let beyond = |lo: i64, hi: i64| {
            if CALENDAR.0 <= lo && hi <= CALENDAR.1 {
                return Ok(());
            }
            Err(Problem::new("bounds", span, "this date could leave the calendar")
                .why("dates are from 0001-01-01 to 9999-12-31, and nothing may fail")
                .help("bound the number of days: LEAST(GREATEST(x, 0), 365)"))
        };
        match self.period(cx, period)? {
            Period::Days(days) => {
                let Type::Integer { lo: least, hi: most, .. } = days.ty else { return Err(no_date(&days)) };
                let op = if back { ArithmeticOp::Subtract } else { ArithmeticOp::Add };
                let (lo, hi, _) = interval(op, (lo, hi), (least, most));
                beyond(lo, hi)?;
                let expr = Expr::Arithmetic { op, left: Box::new(date.expr), right: Box::new(days.expr), wide: false };
                Ok(Typed {
                    expr,
                    ty: Type::Date { lo, hi, months: 0 },
                    nullable: date.nullable || days.nullable,
                    constant: date.constant && days.constant,
                    span,
                })
            }
            Period::Months(count) => {
                let count = if back { -count } else { count };
                let (lo, hi) = (add_months(lo, count), add_months(hi, count));
                let (Some(lo), Some(hi)) = (lo, hi) else { return beyond(i64::MIN, i64::MAX).map(|()| date) };
                beyond(lo, hi)?;
                let expr = Expr::AddMonths { input: Box::new(date.expr), months: count };
                let months = if count % i64::from(months.max(1)) == 0 { months } else { 1 };
                Ok(Typed { expr, ty: Type::Date { lo, hi, months }, span, ..date })
            }
        }
    }

    fn period(&mut self, cx: Context<'_, 'a>, e: &'a ast::Expr) -> Checked<Period> {
        let span = e.span();
        let wrong = || {
            Problem::new("type", span, "this is INTERVAL n DAY, WEEK, MONTH, QUARTER or YEAR")
                .help("DATE_ADD(exam_date, INTERVAL 90 DAY)")
        };
        let ast::Expr::Interval(ast::Interval {
            value,
            leading_field: Some(field),
            leading_precision: None,
            last_field: None,
            fractional_seconds_precision: None,
        }) = e
        else {
            return Err(wrong());
        };
        let count = self.expr(cx, value)?;
        let count = match &count.ty {
            Type::Integer { digits: 0, .. } => count,
            Type::Text(text) => match text.parse::<i64>() {
                Ok(n) if n.abs() <= 10_000_000 => {
                    Typed::literal(Expr::Integer(n), Type::Integer { lo: n, hi: n, digits: 0 }, count.span)
                }
                _ => return Err(wrong()),
            },
            _ => return Err(wrong()),
        };
        let times = |factor: i64| {
            let by = Type::Integer { lo: factor, hi: factor, digits: 0 };
            arithmetic(ArithmeticOp::Multiply, count.clone(), Typed::literal(Expr::Integer(factor), by, span), span)
        };
        let months = |each: i64| {
            // `-3` is an operation on a literal, folded.
            let known = count.known_integer().and_then(|n| n.checked_mul(each)).filter(|n| n.abs() <= MOST_MONTHS);
            known.map(Period::Months).ok_or_else(|| {
                Problem::new("type", span, format!("months are added by a number written out, at most {MOST_MONTHS}"))
                    .help("INTERVAL 6 MONTH; days can be any whole number")
            })
        };
        match field {
            DateTimeField::Day | DateTimeField::Days => Ok(Period::Days(count)),
            DateTimeField::Week(None) | DateTimeField::Weeks => times(7).map(Period::Days),
            DateTimeField::Month | DateTimeField::Months => months(1),
            DateTimeField::Quarter => months(3),
            DateTimeField::Year | DateTimeField::Years => months(12),
            _ => Err(wrong()),
        }
    }

    /// `DATE_DIFF(later, earlier, DAY|MONTH|QUARTER|YEAR)`: boundaries between them, as in GoogleSQL.
    pub(crate) fn date_diff(&mut self, cx: Context<'_, 'a>, call: &Call<'a>) -> Checked<Typed> {
        let [later, earlier, part] = call.args.as_slice() else {
            return Err(call.arity("two dates and a part: DATE_DIFF(later, earlier, DAY)"));
        };
        let (later, earlier) = (as_date(self.expr(cx, later)?)?, as_date(self.expr(cx, earlier)?)?);
        for date in [&later, &earlier] {
            if !matches!(date.ty, Type::Date { .. }) {
                return Err(no_date(date));
            }
        }
        let part = match part_name(part).as_deref() {
            Some("DAY") => return Ok(days_between(later, earlier, call.span)),
            Some("MONTH") => DatePart::MonthNumber,
            Some("YEAR") => DatePart::Year,
            _ => {
                return Err(Problem::new("unsupported", part.span(), "DATE_DIFF counts DAY, MONTH or YEAR")
                    .or_at(call.span)
                    .help("DIV(DATE_DIFF(a, b, DAY), 7) for whole weeks"));
            }
        };
        let (later, earlier) = (date_part(part, later, call.span)?, date_part(part, earlier, call.span)?);
        arithmetic(ArithmeticOp::Subtract, later, earlier, call.span)
    }

    /// `DATE_TRUNC(date, MONTH|QUARTER|YEAR)`.
    pub(crate) fn date_trunc(&mut self, cx: Context<'_, 'a>, call: &Call<'a>) -> Checked<Typed> {
        let (input, part) = call.two()?;
        let part = match part_name(part).as_deref() {
            Some("MONTH") => DatePart::MonthStart,
            Some("QUARTER") => DatePart::QuarterStart,
            Some("YEAR") => DatePart::YearStart,
            _ => {
                return Err(Problem::new("unsupported", call.span, "DATE_TRUNC cuts to MONTH, QUARTER or YEAR")
                    .help("FISCAL_YEAR(d) gives the 年度"));
            }
        };
        let input = self.expr(cx, input)?;
        date_part(part, input, call.span)
    }

    /// The last day of the date's month.
    pub(crate) fn last_day(&mut self, cx: Context<'_, 'a>, call: &Call<'a>) -> Checked<Typed> {
        let input = self.expr(cx, call.one()?)?;
        let start = date_part(DatePart::MonthStart, input, call.span)?;
        let Type::Date { lo, hi, .. } = start.ty else { return Err(no_date(&start)) };
        let last = |day: i64| add_months(day, 1).map(|next| next - 1);
        let (Some(lo), Some(hi)) = (last(lo), last(hi)) else {
            return Err(Problem::new("bounds", call.span, "this date could leave the calendar"));
        };
        let next = Expr::AddMonths { input: Box::new(start.expr), months: 1 };
        let expr = Expr::Arithmetic {
            op: ArithmeticOp::Subtract,
            left: Box::new(next),
            right: Box::new(Expr::Integer(1)),
            wide: false,
        };
        Ok(Typed { expr, ty: Type::Date { lo, hi, months: 0 }, ..start })
    }

    /// 1 for Sunday to 7 for Saturday.
    pub(crate) fn day_of_week(&mut self, input: Typed, span: Span) -> Checked<Typed> {
        let input = as_date(input)?;
        let Type::Date { .. } = input.ty else { return Err(no_date(&input)) };
        let plus = |expr: Expr, n: i64| Expr::Arithmetic {
            op: ArithmeticOp::Add,
            left: Box::new(expr),
            right: Box::new(Expr::Integer(n)),
            wide: false,
        };
        let rest = |expr: Expr| Expr::Modulo { input: Box::new(expr), by: 7 };
        // 1970-01-01 was a Thursday; days before it are negative, and so are their rests.
        let expr = plus(rest(plus(rest(plus(input.expr, 4)), 7)), 1);
        Ok(Typed { expr, ty: Type::Integer { lo: 1, hi: 7, digits: 0 }, span, ..input })
    }
}

fn days_between(later: Typed, earlier: Typed, span: Span) -> Typed {
    let bounds = |t: &Typed| match t.ty {
        Type::Date { lo, hi, .. } => (lo, hi),
        _ => CALENDAR,
    };
    let (lo, hi, _) = interval(ArithmeticOp::Subtract, bounds(&later), bounds(&earlier));
    Typed {
        nullable: later.nullable || earlier.nullable,
        constant: later.constant && earlier.constant,
        expr: Expr::Arithmetic {
            op: ArithmeticOp::Subtract,
            left: Box::new(later.expr),
            right: Box::new(earlier.expr),
            wide: false,
        },
        ty: Type::Integer { lo, hi, digits: 0 },
        span,
    }
}

fn part_name(e: &ast::Expr) -> Option<String> {
    match e {
        ast::Expr::Identifier(name) => Some(name.value.to_ascii_uppercase()),
        ast::Expr::Value(ast::ValueWithSpan { value: Value::Placeholder(_), .. }) => None,
        _ => None,
    }
}

/// The same day so many months on, or the month's last; None beyond the calendar.
fn add_months(days: i64, months: i64) -> Option<i64> {
    let (_, _, day) = civil(days);
    let number = month_number(days).checked_add(months)?;
    let (year, month) = (number.div_euclid(12), number.rem_euclid(12) + 1);
    let first = jiff::civil::Date::new(i16::try_from(year).ok()?, i8::try_from(month).ok()?, 1).ok()?;
    let day = i8::try_from(day).ok()?.min(first.days_in_month());
    let date = jiff::civil::Date::new(first.year(), first.month(), day).ok()?;
    Some(i64::from(datasets::catalogue::days_from_civil(date))).filter(|day| (CALENDAR.0..=CALENDAR.1).contains(day))
}

/// A text where a date is expected is one.
pub(crate) fn as_date(value: Typed) -> Checked<Typed> {
    match &value.ty {
        Type::Text(text) => super::literal::date(text, value.span),
        _ => Ok(value),
    }
}

fn no_date(given: &Typed) -> Problem {
    Problem::new("type", given.span, format!("this takes a date, and is given {}", given.ty.describe()))
}
