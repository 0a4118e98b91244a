//! Scalar functions, all total. Aggregates are handed on to `grouping`.

use sqlparser::ast;
use sqlparser::tokenizer::Span;

use super::Checker;
use super::call::Call;
use super::compare::{code_in, same_grid};
use super::dates::as_date;
use super::expr::{Context, choose, not, repeat, rescale};
use super::key::bucket_labels;
use super::numeric::{self, Rounding};
use super::types::{Type, Typed, civil, date as day, decimal, fiscal_year};
use super::window::WINDOW_FUNCTIONS;
use crate::refusal::{Checked, Problem};
use crate::relation::{DatePart, Expr, LIMIT};

/// Aggregates, within persons or across them.
pub(crate) const AGGREGATES: [&str; 21] = [
    "COUNT",
    "COUNTIF",
    "SUM",
    "AVG",
    "MIN",
    "MAX",
    "MAX_BY",
    "MIN_BY",
    "LOGICAL_OR",
    "LOGICAL_AND",
    "ANY_VALUE",
    "VAR_POP",
    "VAR_SAMP",
    "VARIANCE",
    "STDDEV",
    "STDDEV_POP",
    "STDDEV_SAMP",
    "APPROX_QUANTILES",
    "PERCENTILE_CONT",
    "HISTOGRAM",
    "SURVIVAL",
];

/// Most boundaries of a RANGE_BUCKET.
const MOST_BOUNDARIES: usize = 200;

impl<'a> Checker<'a> {
    /// A function call.
    pub(crate) fn function(&mut self, cx: Context<'_, 'a>, function: &'a ast::Function, span: Span) -> Checked<Typed> {
        let call = Call::read(function, span)?;
        if let Some(over) = call.over {
            return self.window(cx, &call, over);
        }
        if WINDOW_FUNCTIONS.contains(&call.name.as_str()) {
            return Err(Problem::new("window", span, format!("{} needs OVER", call.name))
                .help(format!("{}(…) OVER (PARTITION BY person_id ORDER BY exam_date)", call.name)));
        }
        if AGGREGATES.contains(&call.name.as_str()) {
            return match cx.grouping {
                Some(grouping) => self.aggregate(cx, grouping, &call),
                None => Err(Problem::new("aggregate", span, format!("{} can't stand here", call.name))
                    .why(
                        "rows are looked at one by one: WHERE, ON, GROUP BY and arguments of aggregates hold no \
                     aggregates",
                    )
                    .help(
                        "aggregate within the person first, in a CTE: SELECT person_id, … GROUP BY person_id, and \
                     filter there by HAVING",
                    )),
            };
        }
        call.plain()?;
        match call.name.as_str() {
            "RANGE_BUCKET" => {
                let (value, bounds) = call.two()?;
                let value = self.expr(cx, value)?;
                self.range_bucket(cx, value, bounds, span)
            }
            "FISCAL_YEAR" => {
                let input = self.expr(cx, call.one()?)?;
                date_part(DatePart::FiscalYear, input, span)
            }
            "DATE_TRUNC" => self.date_trunc(cx, &call),
            "DATE_ADD" | "DATE_SUB" => self.date_add(cx, &call),
            "DATE_DIFF" => self.date_diff(cx, &call),
            "LAST_DAY" => self.last_day(cx, &call),
            "MOD" => {
                let (value, by) = call.two()?;
                let (value, by) = (self.expr(cx, value)?, self.expr(cx, by)?);
                numeric::modulo(value, &by, span)
            }
            "NULLIF" => {
                let (value, other) = call.two()?;
                let (value, other) = (self.expr(cx, value)?, self.expr(cx, other)?);
                repeat(&value, 2)?;
                numeric::null_if(value, other, span)
            }
            "LEFT" => {
                let (value, length) = call.two()?;
                let (value, length) = (self.expr(cx, value)?, self.expr(cx, length)?);
                numeric::prefix(value, &length, span)
            }
            "ROUND" | "FLOOR" | "CEIL" | "CEILING" => self.rounded(cx, &call),
            "CODELIST" => {
                Err(Problem::new("type", span, "a code list stands behind IN").help("icd10 IN CODELIST('t2dm-v1')"))
            }
            "AGE_AT" => {
                let (birth, date) = call.two()?;
                let (birth, date) = (self.expr(cx, birth)?, self.expr(cx, date)?);
                age_at(birth, date, span)
            }
            "STARTS_WITH" => {
                let (value, prefix) = call.two()?;
                let (value, prefix) = (self.expr(cx, value)?, self.expr(cx, prefix)?);
                code_in(value, &prefix, true, span)
            }
            "DIV" => {
                let (value, by) = call.two()?;
                let (value, by) = (self.expr(cx, value)?, self.expr(cx, by)?);
                divide(value, &by, span)
            }
            "IF" => match call.args.as_slice() {
                [condition, yes, no] => {
                    let condition = self.truth(cx, condition)?;
                    let values = vec![self.expr(cx, yes)?, self.expr(cx, no)?];
                    choose(vec![condition], values, span)
                }
                _ => Err(call.arity("a condition and two values")),
            },
            "COALESCE" | "IFNULL" => {
                let values = call.args.iter().map(|e| self.expr(cx, e)).collect::<Checked<Vec<_>>>()?;
                coalesce(values, span).ok_or_else(|| call.arity("at least two arguments"))?
            }
            "LEAST" | "GREATEST" => {
                let values = call.args.iter().map(|e| self.expr(cx, e)).collect::<Checked<Vec<_>>>()?;
                let greatest = call.name == "GREATEST";
                let mut values = values.into_iter();
                let first = values.next().ok_or_else(|| call.arity("at least one argument"))?;
                values.try_fold(first, |a, b| extreme(greatest, a, b, span))
            }
            "ABS" => {
                let value = self.expr(cx, call.one()?)?;
                let zero = Typed::literal(Expr::Integer(0), Type::Integer { lo: 0, hi: 0, digits: 0 }, span);
                let negative =
                    super::expr::arithmetic(crate::relation::ArithmeticOp::Subtract, zero, value.clone(), span)?;
                let mut found = extreme(true, value, negative, span)?;
                if let Type::Integer { lo, .. } = &mut found.ty {
                    *lo = (*lo).max(0);
                }
                Ok(found)
            }
            _ => Err(unknown(&call, span)),
        }
    }

    fn rounded(&mut self, cx: Context<'_, 'a>, call: &Call<'a>) -> Checked<Typed> {
        let (value, digits) = match call.args.as_slice() {
            [value] => (value, 0),
            [value, digits] if call.name == "ROUND" => {
                let digits = self.expr(cx, digits)?;
                let known = digits.known_integer().and_then(|n| u8::try_from(n).ok());
                let wrong = Problem::new("type", digits.span, "decimals are a whole number written out, 0 or more")
                    .help("DIV(x, 100) * 100 for hundreds");
                (value, known.ok_or(wrong)?)
            }
            _ => return Err(call.arity("a number")),
        };
        let value = self.expr(cx, value)?;
        repeat(&value, 3)?;
        let rounding = match call.name.as_str() {
            "ROUND" => Rounding::Nearest,
            "FLOOR" => Rounding::Down,
            _ => Rounding::Up,
        };
        numeric::coarser(value, digits, rounding, call.span)
    }

    pub(crate) fn range_bucket(
        &mut self,
        cx: Context<'_, 'a>,
        value: Typed,
        bounds: &'a ast::Expr,
        span: Span,
    ) -> Checked<Typed> {
        let ast::Expr::Array(ast::Array { elem, .. }) = bounds else {
            return Err(Problem::new("type", span, "RANGE_BUCKET takes a list of boundaries")
                .help("RANGE_BUCKET(x, [10, 20, 30])"));
        };
        if elem.is_empty() || elem.len() > MOST_BOUNDARIES {
            return Err(Problem::new("type", span, format!("RANGE_BUCKET takes 1 to {MOST_BOUNDARIES} boundaries")));
        }
        let mut value = value;
        let mut boundaries = Vec::new();
        for e in elem {
            let item = self.expr(cx.rows(), e)?;
            let (same, item) = match (&value.ty, &item.ty) {
                (Type::Integer { .. }, Type::Integer { .. }) => same_grid(value, item)?,
                (Type::Date { .. }, Type::Date { .. }) => (value, item),
                (a, b) => {
                    return Err(Problem::new(
                        "type",
                        item.span,
                        format!("a boundary for {} can't be {}", a.describe(), b.describe()),
                    ));
                }
            };
            value = same;
            boundaries.push(item);
        }
        let mut plain = Vec::new();
        for item in boundaries {
            let span = item.span;
            let item = match value.ty {
                Type::Integer { digits, .. } => rescale(item, digits)?,
                _ => item,
            };
            let Expr::Integer(boundary) = item.expr else {
                return Err(Problem::new("type", span, "boundaries are literals")
                    .why("groups must be known before any data is read"));
            };
            if plain.last().is_some_and(|before| *before >= boundary) {
                return Err(Problem::new("type", span, "boundaries ascend"));
            }
            plain.push(boundary);
        }
        let hi = i64::try_from(plain.len()).unwrap_or(0);
        let shown = |boundary: &i64| match value.ty {
            Type::Integer { digits, .. } => decimal(*boundary, digits),
            _ => day(*boundary),
        };
        let labels = bucket_labels(&plain.iter().map(shown).collect::<Vec<_>>());
        let expr = Expr::RangeBucket { input: Box::new(value.expr), bounds: plain, labels };
        Ok(Typed { expr, ty: Type::Integer { lo: 0, hi, digits: 0 }, span, ..value })
    }
}

fn unknown(call: &Call<'_>, span: Span) -> Problem {
    let name = &call.name;
    let problem = Problem::new("unknown_function", span, format!("there is no function {name}"));
    match name.as_str() {
        "SAFE_DIVIDE" | "TRUNC" | "SQRT" | "POW" | "LOG" => problem
            .why(
                "values stay exact integers on their \
         grid",
            )
            .help("RANGE_BUCKET makes groups, DIV(x, 10) divides by a constant; round released values afterwards"),
        "RAND" | "RANDOM" | "GENERATE_UUID" => problem
            .why("nothing is random in a question: its answer would depend on chance outside the mechanism, and bounds on it prove nothing")
            .help("max_rows_contributed and max_groups_contributed choose by stored draws"),
        "MEDIAN" => problem.help("PERCENTILE_CONT(x, 0.5) in the private SELECT"),
        "PERCENTILE_DISC" | "APPROX_TOP_COUNT" | "APPROX_TOP_SUM" | "STRING_AGG" | "ARRAY_AGG" | "CORR" | "COVAR_POP" | "COVAR_SAMP"
        | "GROUPING" | "BIT_AND" | "BIT_OR" | "BIT_XOR" => problem.help(format!("aggregates are {}", AGGREGATES.join(", "))),
        "YEAR" | "QUARTER" | "MONTH" | "DAY" | "DAYOFWEEK" => problem.help(format!("EXTRACT({name} FROM date); FISCAL_YEAR(date) is the 年度")),
        "DATEDIFF" => problem.help("DATE_DIFF(later, earlier, DAY)"),
        "CURRENT_DATE" | "CURRENT_TIMESTAMP" | "CURRENT_DATETIME" | "NOW" => problem
            .why(
                "the same question must mean \
         the same tomorrow",
            )
            .help("write the value out: DATE '2025-03-31'"),
        "APPROX_COUNT_DISTINCT" => problem.help("COUNT(DISTINCT person_id) counts persons"),
        _ => problem.help(
            "scalar functions are RANGE_BUCKET, FISCAL_YEAR, EXTRACT, DATE_TRUNC, DATE_ADD, DATE_SUB, DATE_DIFF, LAST_DAY, AGE_AT, \
             STARTS_WITH, LEFT, SUBSTR, IF, COALESCE, IFNULL, NULLIF, LEAST, GREATEST, ABS, DIV, MOD, ROUND, FLOOR, CEIL",
        ),
    }
}

/// A calendar part, with bounds from the date's.
pub(crate) fn date_part(part: DatePart, input: Typed, span: Span) -> Checked<Typed> {
    let input = as_date(input)?;
    let Type::Date { lo, hi, .. } = input.ty else {
        return Err(Problem::new(
            "type",
            input.span,
            format!("this takes a date, and is given {}", input.ty.describe()),
        ));
    };
    let number = |lo, hi| Type::Integer { lo, hi, digits: 0 };
    let same_year = civil(lo).0 == civil(hi).0;
    let ty = match part {
        DatePart::Year => number(civil(lo).0, civil(hi).0),
        DatePart::FiscalYear => number(fiscal_year(lo), fiscal_year(hi)),
        DatePart::Month if same_year => number(civil(lo).1, civil(hi).1),
        DatePart::Month => number(1, 12),
        DatePart::Day => number(1, 31),
        DatePart::MonthStart => Type::Date { lo: lo - civil(lo).2 + 1, hi: hi - civil(hi).2 + 1, months: 1 },
        DatePart::MonthNumber => number(month_number(lo), month_number(hi)),
        DatePart::Quarter => number(1, 4),
        DatePart::QuarterStart => Type::Date { lo: quarter_start(lo), hi: quarter_start(hi), months: 3 },
        DatePart::YearStart => Type::Date { lo: year_start(lo), hi: year_start(hi), months: 12 },
    };
    Ok(Typed {
        expr: Expr::DatePart { part, input: Box::new(input.expr) },
        ty,
        nullable: input.nullable,
        constant: input.constant,
        span,
    })
}

fn month_start(days: i64) -> i64 {
    days - civil(days).2 + 1
}

fn year_start(days: i64) -> i64 {
    (1..civil(days).1).fold(month_start(days), |day, _| month_start(day - 1))
}

fn quarter_start(days: i64) -> i64 {
    (0..(civil(days).1 - 1).rem_euclid(3)).fold(month_start(days), |day, _| month_start(day - 1))
}

/// Months since the year 0.
pub(crate) fn month_number(days: i64) -> i64 {
    let (year, month, _) = civil(days);
    year * 12 + month - 1
}

fn age_at(birth: Typed, date: Typed, span: Span) -> Checked<Typed> {
    let (birth, date) = (as_date(birth)?, as_date(date)?);
    let (Type::Date { lo: born, hi: born_last, .. }, Type::Date { lo: first, hi: last, .. }) = (&birth.ty, &date.ty)
    else {
        return Err(Problem::new("type", span, "AGE_AT takes a month of birth and a date")
            .help("AGE_AT(birth_ym, DATE '2025-03-31')"));
    };
    let years = |from: i64, to: i64| (month_number(to) - month_number(from)).div_euclid(12);
    let ty = Type::Integer { lo: years(*born_last, *first), hi: years(*born, *last), digits: 0 };
    let (nullable, constant) = (birth.nullable || date.nullable, birth.constant && date.constant);
    Ok(Typed {
        expr: Expr::AgeAt { birth: Box::new(birth.expr), date: Box::new(date.expr) },
        ty,
        nullable,
        constant,
        span,
    })
}

fn divide(value: Typed, by: &Typed, span: Span) -> Checked<Typed> {
    let Type::Integer { lo, hi, digits: 0 } = value.ty else {
        return Err(Problem::new(
            "type",
            value.span,
            format!("DIV takes a whole number, this is {}", value.ty.describe()),
        ));
    };
    match (by.known_integer(), &by.ty) {
        (Some(divisor), Type::Integer { digits: 0, .. }) if divisor > 0 => {
            let open = |bound: i64| if bound.abs() >= LIMIT { bound } else { bound / divisor };
            let ty = Type::Integer { lo: open(lo), hi: open(hi), digits: 0 };
            Ok(Typed { expr: Expr::Divide { input: Box::new(value.expr), by: divisor }, ty, span, ..value })
        }
        _ => Err(Problem::new("type", by.span, "DIV divides by a positive whole number written out")
            .why("nothing may divide by zero")),
    }
}

fn extreme(greatest: bool, left: Typed, right: Typed, span: Span) -> Checked<Typed> {
    let (left, right) = same_grid(left, right)?;
    let pick = |a: i64, b: i64| if greatest { a.max(b) } else { a.min(b) };
    let ty = match (&left.ty, &right.ty) {
        (Type::Integer { lo: a, hi: b, digits }, Type::Integer { lo: c, hi: d, .. }) => {
            Type::Integer { lo: pick(*a, *c), hi: pick(*b, *d), digits: *digits }
        }
        (Type::Date { lo: a, hi: b, months: m }, Type::Date { lo: c, hi: d, months: n }) => {
            Type::Date { lo: pick(*a, *c), hi: pick(*b, *d), months: *m.min(n) }
        }
        (a, b) => {
            return Err(Problem::new(
                "type",
                span,
                format!("LEAST and GREATEST compare numbers or dates, not {} with {}", a.describe(), b.describe()),
            ));
        }
    };
    let (nullable, constant) = (left.nullable || right.nullable, left.constant && right.constant);
    Ok(Typed {
        expr: Expr::Extreme { greatest, left: Box::new(left.expr), right: Box::new(right.expr) },
        ty,
        nullable,
        constant,
        span,
    })
}

fn coalesce(values: Vec<Typed>, span: Span) -> Option<Checked<Typed>> {
    if values.len() < 2 {
        return None;
    }
    let nullable = values.iter().all(|v| v.nullable);
    let some = values.iter().take(values.len() - 1).map(|v| {
        let null = Typed {
            expr: Expr::IsNull(Box::new(v.expr.clone())),
            ty: Type::Bool,
            nullable: false,
            constant: v.constant,
            span: v.span,
        };
        not(null)
    });
    let conditions = some.collect();
    Some(choose(conditions, values, span).map(|t| Typed { nullable, ..t }))
}
