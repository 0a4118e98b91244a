//! Aggregates across persons: what the engine sums per cell, and the bounds of one person's contribution.

use sqlparser::ast::{self, Spanned};
use sqlparser::tokenizer::Span;

use super::Checker;
use super::call::Call;
use super::expr::Context;
use super::types::{Type, Typed, decimal, sum_interval};
use crate::plan::{OutputKind, Reduction, Statistic, StatisticKind};
use crate::refusal::{Checked, Problem};
use crate::relation::{Expr, LIMIT, Rows};
use crate::sql::Decimal;

/// The named argument that GoogleSQL gives to private aggregates.
const BOUNDS: &str = "contribution_bounds_per_group";

/// Statistic 0: persons per cell.
pub(crate) fn present() -> Statistic {
    Statistic {
        kind: StatisticKind::Persons,
        column: None,
        lo: 0,
        hi: 1,
        centre: 0,
        digits: 0,
        derivation: "a person is in a cell or not".to_owned(),
        reduction: Reduction::Present,
    }
}

/// Persons with a value.
fn met(column: String, expr: Expr) -> Statistic {
    Statistic {
        kind: StatisticKind::NonNull,
        column: Some(column),
        lo: 0,
        hi: 1,
        centre: 0,
        digits: 0,
        derivation: "a person has a value or not".to_owned(),
        reduction: Reduction::AnyNonNull(expr),
    }
}

/// `person_id` of the right side of a LEFT JOIN is NULL where there is no partner; everything else as it is.
pub(crate) fn partner(value: Typed) -> Typed {
    if value.ty != Type::Person || value.expr == Expr::Bool(true) {
        return value;
    }
    let expr = Expr::Case { arms: vec![(value.expr, Expr::Integer(1))], otherwise: Box::new(Expr::Null) };
    Typed { expr, nullable: true, ..value }
}

/// Adds a statistic, or finds the same one.
pub(crate) fn add(statistics: &mut Vec<Statistic>, new: Statistic) -> usize {
    // The same integers on the same grid; only the words may differ.
    let same = |s: &Statistic| {
        let words = Statistic { column: s.column.clone(), derivation: s.derivation.clone(), ..new.clone() };
        *s == words
    };
    if let Some(found) = statistics.iter().position(same) {
        return found;
    }
    statistics.push(new);
    statistics.len() - 1
}

/// `contribution_bounds_per_group => (lo, hi)`, if it was written.
pub(crate) type Stated = Option<(Decimal, Decimal, Span)>;

/// One number per person and cell.
pub(crate) struct Value {
    pub(crate) input: Typed,
    pub(crate) words: String,
    pub(crate) lo: i64,
    pub(crate) hi: i64,
    pub(crate) digits: u8,
    pub(crate) derivation: String,
}

impl Value {
    /// Persons that have it.
    pub(crate) fn count(&self, statistics: &mut Vec<Statistic>) -> usize {
        if self.input.nullable { add(statistics, met(self.words.clone(), self.input.expr.clone())) } else { 0 }
    }

    /// The middle of its bounds.
    pub(crate) fn centre(&self) -> i64 {
        self.lo + (self.hi - self.lo) / 2
    }

    /// Its sum about the middle of its bounds.
    pub(crate) fn centred(&self, statistics: &mut Vec<Statistic>) -> usize {
        let centre = self.centre();
        let statistic = Statistic {
            kind: StatisticKind::Sum,
            column: Some(self.words.clone()),
            lo: self.lo - centre,
            hi: self.hi - centre,
            centre,
            digits: self.digits,
            derivation: format!("{}; centred on {}", self.derivation, decimal(centre, self.digits)),
            reduction: Reduction::Mean(self.input.expr.clone()),
        };
        add(statistics, statistic)
    }
}

/// Bounds of a contribution, and where they are from.
struct Bounds {
    lo: i64,
    hi: i64,
    derivation: String,
}

impl<'a> Checker<'a> {
    /// An aggregate of the private SELECT.
    pub(crate) fn across(
        &mut self,
        cx: Context<'_, 'a>,
        function: &'a ast::Function,
        span: Span,
        rows: Rows,
        statistics: &mut Vec<Statistic>,
    ) -> Checked<OutputKind> {
        let call = Call::read(function, span)?;
        if call.over.is_some() {
            return Err(Problem::new("window", span, format!("{} across persons takes no OVER", call.name))
                .why("the private SELECT aggregates over its groups; windows look at a person's rows, in a CTE")
                .help("leave OVER out: PERCENTILE_CONT(x, 0.9), SUM(x); totals over groups are GROUP BY ROLLUP(…)"));
        }
        let bounds = self.contribution(cx, &call)?;
        if call.distinct && call.name != "COUNT" {
            return Err(Problem::new("unsupported", span, format!("{} doesn't take DISTINCT", call.name))
                .help("COUNT(DISTINCT person_id) counts persons"));
        }
        match call.name.as_str() {
            "COUNT" => self.count(cx, &call, bounds, rows, statistics),
            "COUNTIF" => {
                let condition = self.truth(cx, call.one()?)?;
                let column = Some(self.words(condition.span));
                self.rows(
                    &call,
                    Reduction::CountTrue(condition.expr),
                    StatisticKind::Rows,
                    column,
                    bounds,
                    rows,
                    statistics,
                )
            }
            "SUM" => self.sum(cx, &call, bounds, rows, statistics),
            "AVG" => self.mean(cx, &call, bounds, statistics),
            "VAR_POP" | "VAR_SAMP" | "VARIANCE" | "STDDEV_POP" | "STDDEV_SAMP" | "STDDEV" => {
                self.variance(cx, &call, bounds, statistics)
            }
            "PERCENTILE_CONT" | "MIN" | "MAX" => self.quantile(cx, &call, bounds, statistics),
            "APPROX_QUANTILES" | "HISTOGRAM" | "SURVIVAL" => {
                Err(Problem::new("aggregate", span, format!("{} has many values", call.name))
                    .why("each becomes a column of its own")
                    .help("select it by itself, and compute with the released values; PERCENTILE_CONT(x, 0.5) is one value"))
            }
            _ => Err(Problem::new(
                "unsupported",
                span,
                format!(
                    "{} across persons isn't part of the \
             language",
                    call.name
                ),
            )
            .why(match call.name.as_str() {
                "ANY_VALUE" => "it would be the value of one person, and which one is an accident",
                "LOGICAL_OR" | "LOGICAL_AND" => "whether one person has it, or lacks it, isn't for an answer to tell",
                _ => "an extreme belongs to one person",
            })
            .help(match call.name.as_str() {
                "LOGICAL_OR" | "LOGICAL_AND" => "COUNTIF(condition) counts; LOGICAL_OR and LOGICAL_AND work within a person, in a CTE",
                "ANY_VALUE" => "GROUP BY it, or AVG and COUNTIF of it",
                _ => "HISTOGRAM(x, […]) and APPROX_QUANTILES(x, 4) show the distribution; MAX_BY and MIN_BY work within a person, in a CTE",
            })),
        }
    }

    fn count(
        &mut self,
        cx: Context<'_, 'a>,
        call: &Call<'a>,
        bounds: Stated,
        rows: Rows,
        statistics: &mut Vec<Statistic>,
    ) -> Checked<OutputKind> {
        if call.star && call.args.is_empty() && !call.distinct {
            return self.rows(call, Reduction::CountRows, StatisticKind::Rows, None, bounds, rows, statistics);
        }
        let input = partner(self.expr(cx, call.one()?)?);
        match (&input.ty, call.distinct) {
            (Type::Person, true) if input.nullable => {
                if bounds.is_some() {
                    return Err(Problem::new("bounds", call.span, "a person counts once"));
                }
                Ok(OutputKind::Count(add(statistics, met(self.words(input.span), input.expr))))
            }
            (Type::Person, true) if bounds.is_none() => Ok(OutputKind::Count(0)),
            (Type::Person, true) => Err(Problem::new("bounds", call.span, "a person counts once")),
            (Type::Person, false) if !input.nullable => {
                self.rows(call, Reduction::CountRows, StatisticKind::Rows, None, bounds, rows, statistics)
            }
            (_, true) => Err(Problem::new("unsupported", input.span, "COUNT(DISTINCT …) counts persons")
                .why("values that few persons have would show")
                .help("COUNT(DISTINCT person_id); within a person, COUNT(DISTINCT x) in a CTE")),
            (Type::Text(_) | Type::Null, _) => Err(Problem::new("type", input.span, "COUNT takes a column or *")),
            _ => {
                let column = Some(self.words(input.span));
                let reduction = match (rows, input.nullable) {
                    (_, false) => Reduction::CountRows,
                    (Rows::One, true) => Reduction::AnyNonNull(input.expr),
                    (_, true) => Reduction::CountNonNull(input.expr),
                };
                let kind = if reduction == Reduction::CountRows { StatisticKind::Rows } else { StatisticKind::NonNull };
                self.rows(call, reduction, kind, column, bounds, rows, statistics)
            }
        }
    }

    /// A count of rows: one per person is the count of persons; else it needs a bound.
    #[allow(clippy::too_many_arguments)]
    fn rows(
        &self,
        call: &Call<'a>,
        reduction: Reduction,
        kind: StatisticKind,
        column: Option<String>,
        bounds: Stated,
        rows: Rows,
        statistics: &mut Vec<Statistic>,
    ) -> Checked<OutputKind> {
        if rows == Rows::One && reduction == Reduction::CountRows && bounds.is_none() {
            return Ok(OutputKind::Count(0));
        }
        let derived = rows.bound().and_then(|k| i64::try_from(k).ok()).filter(|k| *k < LIMIT);
        let found = narrow(call, (0, derived.unwrap_or(LIMIT)), 0, bounds, &rows.to_string())?.ok_or_else(|| {
            Problem::new("bounds", call.span, format!("{} needs a bound per person", call.name))
                .why(format!("the relation has {rows}"))
                .help(format!(
                    "{}, {BOUNDS} => (0, 100)), or max_rows_contributed = 100 in OPTIONS, or COUNT(DISTINCT person_id)",
                    self.words(call.span).strip_suffix(')').unwrap_or("COUNT(*")
                ))
        })?;
        if found.lo < 0 {
            return Err(Problem::new("bounds", call.span, "a count isn't negative").help(format!("{BOUNDS} => (0, …)")));
        }
        let statistic = Statistic {
            kind,
            column,
            lo: found.lo,
            hi: found.hi,
            centre: 0,
            digits: 0,
            derivation: found.derivation,
            reduction,
        };
        Ok(OutputKind::Count(add(statistics, statistic)))
    }

    fn sum(
        &mut self,
        cx: Context<'_, 'a>,
        call: &Call<'a>,
        bounds: Stated,
        rows: Rows,
        statistics: &mut Vec<Statistic>,
    ) -> Checked<OutputKind> {
        let input = self.numeric(cx, call)?;
        let Type::Integer { lo, hi, digits } = input.ty else { return Err(call.arity("a number")) };
        let derived = sum_interval(lo, hi, rows.bound());
        let words = self.words(input.span);
        let derivation = match rows {
            Rows::One => format!("{words} is {}", input.ty.describe()),
            _ => format!("{words} is {}, {rows}", input.ty.describe()),
        };
        let found = narrow(call, derived, digits, bounds, &derivation)?.ok_or_else(|| {
            Problem::new("bounds", call.span, "SUM needs bounds per person")
                .why(derivation.clone())
                .help(format!("SUM({words}, {BOUNDS} => (0, 1000)): each person's sum is clamped to them"))
        })?;
        if found.lo == 0 && found.hi == 0 {
            return Err(Problem::new("bounds", call.span, "this sum is always 0"));
        }
        let statistic = Statistic {
            kind: StatisticKind::Sum,
            column: Some(words),
            lo: found.lo,
            hi: found.hi,
            centre: 0,
            digits,
            derivation: found.derivation,
            reduction: Reduction::Sum(input.expr),
        };
        Ok(OutputKind::Sum { sum: add(statistics, statistic), count: None })
    }

    /// Mean over persons: a sum centred on the middle of its bounds has half the sensitivity.
    fn mean(
        &mut self,
        cx: Context<'_, 'a>,
        call: &Call<'a>,
        bounds: Stated,
        statistics: &mut Vec<Statistic>,
    ) -> Checked<OutputKind> {
        let value = self.bounded(cx, call, call.one()?, bounds)?;
        let count = value.count(statistics);
        Ok(OutputKind::Mean { sum: value.centred(statistics), count })
    }

    /// One number per person and cell (the mean of their rows), with bounds.
    pub(crate) fn bounded(
        &mut self,
        cx: Context<'_, 'a>,
        call: &Call<'a>,
        e: &'a ast::Expr,
        bounds: Stated,
    ) -> Checked<Value> {
        let input = self.number_of(cx, call, e)?;
        let Type::Integer { lo, hi, digits } = input.ty else { return Err(call.arity("a number")) };
        let words = self.words(input.span);
        let derivation = format!("{words} is {}", input.ty.describe());
        let found = narrow(call, (lo, hi), digits, bounds, &derivation)?.ok_or_else(|| {
            let rest = if call.args.len() > 1 { ", …" } else { "" };
            Problem::new("bounds", call.span, format!("{} needs bounds", call.name)).why(derivation.clone()).help(
                format!("{}({words}{rest}, {BOUNDS} => (0, 1000)): each person's mean is clamped to them", call.name),
            )
        })?;
        if found.lo == found.hi {
            let what = if call.name == "AVG" { "mean" } else { "value" };
            return Err(
                Problem::new("bounds", call.span, format!("this {what} is always the same")).why(found.derivation)
            );
        }
        Ok(Value { input, words, lo: found.lo, hi: found.hi, digits, derivation: found.derivation })
    }

    fn numeric(&mut self, cx: Context<'_, 'a>, call: &Call<'a>) -> Checked<Typed> {
        self.number_of(cx, call, call.one()?)
    }

    fn number_of(&mut self, cx: Context<'_, 'a>, call: &Call<'a>, e: &'a ast::Expr) -> Checked<Typed> {
        let input = self.expr(cx, e)?;
        match input.ty {
            Type::Integer { .. } => Ok(input),
            other => Err(Problem::new(
                "type",
                input.span,
                format!("{} takes numbers, this is {}", call.name, other.describe()),
            )
            .help("COUNTIF(condition) counts")),
        }
    }

    /// `contribution_bounds_per_group => (lo, hi)`.
    pub(crate) fn contribution(&mut self, cx: Context<'_, 'a>, call: &Call<'a>) -> Checked<Stated> {
        let mut found = None;
        for (name, e) in &call.named {
            let span = e.span();
            if name != BOUNDS {
                return Err(Problem::new("unsupported", span, format!("there is no argument `{name}`"))
                    .or_at(call.span)
                    .help(format!("{BOUNDS} => (lo, hi)")));
            }
            let ast::Expr::Tuple(pair) = e else {
                return Err(Problem::new("type", span, "bounds are a pair")
                    .or_at(call.span)
                    .help(format!("{BOUNDS} => (0, 1000)")));
            };
            let [lo, hi] = pair.as_slice() else {
                return Err(Problem::new("type", span, "bounds are a pair")
                    .or_at(call.span)
                    .help(format!("{BOUNDS} => (0, 1000)")));
            };
            let (lo, hi) = (self.bound(cx, lo)?, self.bound(cx, hi)?);
            if found.is_some() {
                return Err(Problem::new("type", span, format!("`{BOUNDS}` stands twice")));
            }
            found = Some((lo, hi, span));
        }
        Ok(found)
    }

    fn bound(&mut self, cx: Context<'_, 'a>, e: &'a ast::Expr) -> Checked<Decimal> {
        let typed = self.expr(cx, e)?;
        match (typed.known_integer(), &typed.ty) {
            (Some(value), Type::Integer { digits, .. }) => Ok(Decimal { mantissa: i128::from(value), digits: *digits }),
            _ => Err(Problem::new("type", typed.span, "a bound is a number written out")
                .why("bounds that come from data would leak")),
        }
    }
}

/// Bounds of the clamped value: what the types prove, cut by what the question states. `None` if neither bounds it.
fn narrow(
    call: &Call<'_>,
    derived: (i64, i64),
    digits: u8,
    stated: Stated,
    derivation: &str,
) -> Checked<Option<Bounds>> {
    let Some((lo, hi, span)) = stated else {
        let bounded = derived.0 > -LIMIT && derived.1 < LIMIT;
        return Ok(bounded.then(|| Bounds { lo: derived.0, hi: derived.1, derivation: derivation.to_owned() }));
    };
    let grid = |bound: Decimal| {
        bound.on_grid(digits).filter(|b| b.abs() < LIMIT).ok_or_else(|| {
            let step = decimal(1, digits);
            Problem::new("bounds", span, format!("{bound} isn't on the grid"))
                .or_at(call.span)
                .why(format!("values are summed in steps of {step}"))
        })
    };
    let (lo, hi) = (grid(lo)?, grid(hi)?);
    if lo >= hi {
        return Err(Problem::new("bounds", span, "the lower bound is below the upper one").or_at(call.span));
    }
    let cut = (derived.0.clamp(lo, hi), derived.1.clamp(lo, hi));
    Ok(Some(Bounds {
        lo: cut.0,
        hi: cut.1,
        derivation: format!("{BOUNDS} => ({}, {}); {derivation}", decimal(lo, digits), decimal(hi, digits)),
    }))
}
