//! Aggregates across persons that tell how values are spread: variances, quantiles, histograms, survival curves. Each rests on sums and
//! counts per cell (or per cell and bin) in which one person has one place.

use sqlparser::ast;
use sqlparser::tokenizer::Span;

use super::Checker;
use super::call::Call;
use super::expr::{Context, rescale};
use super::function::AGGREGATES;
use super::statistic::{Stated, Value, add};
use super::types::{Type, Typed, decimal};
use crate::formula::EXTREMES;
use crate::plan::{Bins, OutputKind, Reduction, Statistic, StatisticKind};
use crate::refusal::{Checked, Problem};
use crate::relation::{ArithmeticOp, CompareOp, Expr, LIMIT, Rows};

/// Most bins that a quantile is searched in.
const MOST_BINS: i64 = 512;
/// Most quantiles of one APPROX_QUANTILES.
const MOST_QUANTILES: i64 = 20;
/// Most buckets of a survival curve.
const MOST_BUCKETS: i64 = 120;

/// What is added to a column's name, and what it shows.
type Columns = Vec<(String, OutputKind)>;

impl<'a> Checker<'a> {
    /// The columns of an aggregate that has many values; None for anything else.
    pub(crate) fn columns_of(
        &mut self,
        cx: Context<'_, 'a>,
        e: &'a ast::Expr,
        rows: Rows,
        statistics: &mut Vec<Statistic>,
    ) -> Checked<Option<Columns>> {
        let ast::Expr::Function(function) = e else { return Ok(None) };
        let name = function.name.to_string().to_ascii_uppercase();
        if !AGGREGATES.contains(&name.as_str())
            || !matches!(name.as_str(), "APPROX_QUANTILES" | "HISTOGRAM" | "SURVIVAL")
        {
            return Ok(None);
        }
        let call = Call::read(function, sqlparser::ast::Spanned::span(e))?;
        if call.distinct || call.star {
            return Err(call.arity("a number"));
        }
        let bounds = self.contribution(cx, &call)?;
        match name.as_str() {
            "APPROX_QUANTILES" => self.quantiles(cx, &call, bounds, statistics),
            "HISTOGRAM" => self.histogram(cx, &call, bounds, statistics),
            _ => self.survival(cx, &call, bounds, rows, statistics),
        }
        .map(Some)
    }

    /// Squares of distances from the middle r of the bounds lie within [0, r²], and are centred again.
    pub(crate) fn variance(
        &mut self,
        cx: Context<'_, 'a>,
        call: &Call<'a>,
        bounds: Stated,
        statistics: &mut Vec<Statistic>,
    ) -> Checked<OutputKind> {
        let value = self.bounded(cx, call, call.one()?, bounds)?;
        let centre = value.centre();
        let reach = (value.hi - centre).max(centre - value.lo);
        let Some(square) = reach.checked_mul(reach).filter(|square| *square < LIMIT) else {
            return Err(Problem::new("bounds", call.span, format!("these bounds are too wide for {}", call.name))
                .why(format!("{}; squares of it have more than 15 digits", value.derivation))
                .help("narrower contribution_bounds_per_group"));
        };
        let (count, sum) = (value.count(statistics), value.centred(statistics));
        let middle = square / 2;
        let digits = value.digits * 2;
        let squares = Statistic {
            kind: StatisticKind::Squares,
            column: Some(value.words.clone()),
            lo: -middle,
            hi: square - middle,
            centre: middle,
            digits,
            derivation: format!(
                "{}; squared distance from {}, centred on {}",
                value.derivation,
                decimal(centre, value.digits),
                decimal(middle, digits)
            ),
            reduction: Reduction::Square { input: value.input.expr, lo: value.lo, hi: value.hi, centre },
        };
        Ok(OutputKind::Variance {
            sum,
            squares: add(statistics, squares),
            count,
            sample: !call.name.ends_with("_POP"),
            root: call.name.starts_with("STDDEV"),
        })
    }

    /// PERCENTILE_CONT(x, p), MIN(x), MAX(x).
    pub(crate) fn quantile(
        &mut self,
        cx: Context<'_, 'a>,
        call: &Call<'a>,
        bounds: Stated,
        statistics: &mut Vec<Statistic>,
    ) -> Checked<OutputKind> {
        let (input, millionths) = match call.name.as_str() {
            "MIN" => (call.one()?, EXTREMES.0),
            "MAX" => (call.one()?, EXTREMES.1),
            _ => {
                let (input, share) = call.two()?;
                let typed = self.expr(cx, share)?;
                let found = match (rescale(typed, 6)?, share) {
                    (Typed { expr: Expr::Integer(share), ty: Type::Integer { digits: 6, .. }, .. }, _) => {
                        u32::try_from(share).ok().filter(|share| *share <= 1_000_000)
                    }
                    _ => None,
                };
                let share = found.ok_or_else(|| {
                    Problem::new("type", call.span, "PERCENTILE_CONT takes a number and a share written out")
                        .help("PERCENTILE_CONT(x, 0.5) is the median")
                })?;
                (input, share.clamp(EXTREMES.0, EXTREMES.1))
            }
        };
        let value = self.bounded(cx, call, input, bounds)?;
        Ok(OutputKind::Quantile { bins: ranked(&value, statistics), millionths })
    }

    fn quantiles(
        &mut self,
        cx: Context<'_, 'a>,
        call: &Call<'a>,
        bounds: Stated,
        statistics: &mut Vec<Statistic>,
    ) -> Checked<Columns> {
        let (input, parts) = call.two()?;
        let parts = match self.expr(cx, parts)?.known_integer() {
            Some(parts) if (1..=MOST_QUANTILES).contains(&parts) => parts,
            _ => {
                return Err(Problem::new(
                    "type",
                    call.span,
                    format!("APPROX_QUANTILES takes a number and 1 to {MOST_QUANTILES} parts"),
                )
                .help("APPROX_QUANTILES(x, 4) gives quartiles"));
            }
        };
        let value = self.bounded(cx, call, input, bounds)?;
        let bins = ranked(&value, statistics);
        let share = |part: i64| u32::try_from(1_000_000 * part / parts).unwrap_or(0).clamp(EXTREMES.0, EXTREMES.1);
        let column = |part: i64| (format!("_{part}"), OutputKind::Quantile { bins, millionths: share(part) });
        Ok((0..=parts).map(column).collect())
    }

    fn histogram(
        &mut self,
        cx: Context<'_, 'a>,
        call: &Call<'a>,
        bounds: Stated,
        statistics: &mut Vec<Statistic>,
    ) -> Checked<Columns> {
        if bounds.is_some() {
            return Err(Problem::new("bounds", call.span, "a histogram has its boundaries already"));
        }
        let (input, boundaries) = call.two()?;
        let typed = self.expr(cx, input)?;
        let Type::Integer { digits, .. } = typed.ty else {
            return Err(Problem::new(
                "type",
                typed.span,
                format!("HISTOGRAM takes numbers, this is {}", typed.ty.describe()),
            ));
        };
        let words = self.words(typed.span);
        let bucket = self.range_bucket(cx, typed, boundaries, call.span)?;
        let Expr::RangeBucket { input, bounds, labels } = bucket.expr else { return Err(call.arity("boundaries")) };
        let statistic = Statistic {
            kind: StatisticKind::Bins,
            column: Some(words),
            lo: 0,
            hi: 1,
            centre: 0,
            digits,
            derivation: "a person is in one bin, or in none".to_owned(),
            reduction: Reduction::Bin { input: *input, bins: Bins::Edges(bounds) },
        };
        let bins = add(statistics, statistic);
        let columns = labels.into_iter().enumerate();
        Ok(columns.map(|(bin, label)| (format!(" {label}"), OutputKind::Bin { bins, bin })).collect())
    }

    /// SURVIVAL(time, event, width, horizon): persons by time bucket and by whether their time ended with the event.
    fn survival(
        &mut self,
        cx: Context<'_, 'a>,
        call: &Call<'a>,
        bounds: Stated,
        rows: Rows,
        statistics: &mut Vec<Statistic>,
    ) -> Checked<Columns> {
        let [time, event, width, horizon] = call.args.as_slice() else {
            return Err(call
                .arity("a time, whether the event ended it, a width and a horizon")
                .help("SURVIVAL(months, died, 3, 60): a point every 3 months, up to 60"));
        };
        if rows != Rows::One {
            return Err(Problem::new("bounds", call.span, "SURVIVAL takes one row per person")
                .why(format!("the relation has {rows}; a person has one time, and is in one curve"))
                .help("aggregate within the person first: GROUP BY person_id, in a CTE"));
        }
        if bounds.is_some() {
            return Err(Problem::new("bounds", call.span, "a survival curve has its horizon already"));
        }
        let time = self.expr(cx, time)?;
        let event = self.truth(cx, event)?;
        let Type::Integer { digits, .. } = time.ty else {
            return Err(Problem::new("type", time.span, format!("a time is a number, this is {}", time.ty.describe()))
                .help("months or days between two dates, such as DATE_DIFF(last, first, DAY)"));
        };
        let (width, horizon) = (self.step(cx, width, digits)?, self.step(cx, horizon, digits)?);
        let buckets = horizon / width;
        if buckets * width != horizon || buckets > MOST_BUCKETS {
            return Err(Problem::new(
                "type",
                call.span,
                format!("the horizon is a multiple of the width, at most {MOST_BUCKETS} of it"),
            ));
        }
        let words = self.words(time.span);
        let at = |op, left: Expr, right: Expr| Expr::Arithmetic {
            op,
            left: Box::new(left),
            right: Box::new(right),
            wide: false,
        };
        let from_zero = Expr::Extreme { greatest: true, left: Box::new(time.expr), right: Box::new(Expr::Integer(0)) };
        let bucket = Expr::Divide { input: Box::new(from_zero.clone()), by: width };
        let censored = at(ArithmeticOp::Multiply, bucket, Expr::Integer(2));
        let reached = Expr::Compare {
            op: CompareOp::GreaterEqual,
            left: Box::new(from_zero),
            right: Box::new(Expr::Integer(horizon)),
        };
        let input = Expr::Case {
            arms: vec![
                (reached, Expr::Integer(2 * buckets)),
                (event.expr, at(ArithmeticOp::Add, censored.clone(), Expr::Integer(1))),
            ],
            otherwise: Box::new(censored),
        };
        let count = u32::try_from(2 * buckets + 1).map_err(|_| call.arity("a shorter horizon"))?;
        let statistic = Statistic {
            kind: StatisticKind::Bins,
            column: Some(words),
            lo: 0,
            hi: 1,
            centre: 0,
            digits,
            derivation: format!(
                "one row per person: a person is in one of {buckets} buckets, with the event or without, or beyond the horizon"
            ),
            reduction: Reduction::Bin { input, bins: Bins::Even { lo: 0, hi: 2 * buckets, step: 1, count } },
        };
        let table = add(statistics, statistic);
        let columns = (0..usize::try_from(buckets).unwrap_or(0)).map(|bucket| {
            let end = i64::try_from(bucket + 1).unwrap_or(0) * width;
            (format!(" before {}", decimal(end, digits)), OutputKind::Survival { table, bucket })
        });
        Ok(columns.collect())
    }

    /// A positive number on the time's grid.
    fn step(&mut self, cx: Context<'_, 'a>, e: &'a ast::Expr, digits: u8) -> Checked<i64> {
        let typed = self.expr(cx, e)?;
        let span: Span = typed.span;
        let found = rescale(typed, digits)?;
        match (&found.expr, &found.ty) {
            (Expr::Integer(value), Type::Integer { digits: own, .. })
                if *own == digits && *value > 0 && *value < LIMIT =>
            {
                Ok(*value)
            }
            _ => Err(Problem::new(
                "type",
                span,
                "width and horizon are positive numbers written out, on the time's grid",
            )
            .help("SURVIVAL(months, died, 3, 60): a point every 3 months, up to 60")),
        }
    }
}

/// Persons by fine bins of a value, from which quantiles are read.
fn ranked(value: &Value, statistics: &mut Vec<Statistic>) -> usize {
    let values = value.hi - value.lo + 1;
    let step = (values + MOST_BINS - 1) / MOST_BINS;
    let count = u32::try_from((values + step - 1) / step).unwrap_or(1);
    let statistic = Statistic {
        kind: StatisticKind::Bins,
        column: Some(value.words.clone()),
        lo: 0,
        hi: 1,
        centre: 0,
        digits: value.digits,
        derivation: format!(
            "{}; a person is in one of {count} bins of {}, or in none",
            value.derivation,
            decimal(step, value.digits)
        ),
        reduction: Reduction::Bin {
            input: value.input.expr.clone(),
            bins: Bins::Even { lo: value.lo, hi: value.hi, step, count },
        },
    };
    add(statistics, statistic)
}
