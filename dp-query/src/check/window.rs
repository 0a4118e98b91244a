//! Window functions within a person: keyed by `person_id`, ordered by the question and at last by the stored draw. Not across persons.

use sqlparser::ast::{self, Spanned, WindowFrameBound, WindowFrameUnits, WindowType};
use sqlparser::tokenizer::Span;

use super::Checker;
use super::call::Call;
use super::expr::Context;
use super::person::settle;
use super::types::{Type, Typed, sum_interval};
use crate::refusal::{Checked, Problem};
use crate::relation::{Aggregate, Expr, Frame, LIMIT, Order, Rows, WindowFunction, Windowed};

/// Functions that need OVER.
pub(crate) const WINDOW_FUNCTIONS: [&str; 5] = ["ROW_NUMBER", "LAG", "LEAD", "FIRST_VALUE", "LAST_VALUE"];
/// Aggregates that may have it.
const OVER_FRAMES: [&str; 8] = ["COUNT", "COUNTIF", "SUM", "AVG", "MIN", "MAX", "LOGICAL_OR", "LOGICAL_AND"];
/// Farthest row that LAG, LEAD and frames reach.
const FARTHEST: i64 = 10_000;
/// Most windows of one SELECT.
const MOST_WINDOWS: usize = 64;

/// The window functions of a SELECT, while its expressions are looked at.
#[derive(Default)]
pub(crate) struct Windows {
    pub(crate) columns: Vec<Windowed>,
    /// Rows per person over which they run.
    pub(crate) rows: Option<Rows>,
}

/// Partition, order and frame as checked.
struct Over {
    partition: Vec<Expr>,
    order: Vec<Order>,
    frame: Option<Frame>,
    /// All rows of a partition share what the whole partition gives, and a person has one partition.
    one_partition: bool,
}

impl<'a> Checker<'a> {
    /// `FUNCTION(…) OVER (…)`.
    pub(crate) fn window(&mut self, cx: Context<'_, 'a>, call: &Call<'a>, over: &'a WindowType) -> Checked<Typed> {
        let span = call.span;
        let Some(windows) = self.windows.take() else {
            return Err(Problem::new("window", span, "a window function can't stand here")
                .why("it looks at a person's rows as they are after WHERE, before any grouping")
                .help(
                    "put it into the SELECT list or QUALIFY of a CTE without GROUP BY: WITH numbered AS (SELECT person_id, …, \
                     ROW_NUMBER() OVER (PARTITION BY person_id ORDER BY exam_date) AS n FROM …); filter or aggregate in the next step",
                ));
        };
        let rows = windows.rows.unwrap_or(Rows::Unbounded);
        let made = self.over(cx, over, span).and_then(|over| self.windowed(cx, call, over, rows));
        let windows = self.windows.insert(windows);
        let (mut column, typed) = made?;
        if let Some(known) =
            windows.columns.iter().find(|known| Windowed { id: column.id, ..(*known).clone() } == column)
        {
            return Ok(cx.scope.refine(Typed { expr: Expr::Column(known.id), ..typed }));
        }
        if windows.columns.len() >= MOST_WINDOWS {
            return Err(Problem::new("too_complex", span, format!("more than {MOST_WINDOWS} window functions")));
        }
        column.id = self.next;
        self.next += 1;
        let typed = Typed { expr: Expr::Column(column.id), ..typed };
        windows.columns.push(column);
        Ok(cx.scope.refine(typed))
    }

    fn over(&mut self, cx: Context<'_, 'a>, over: &'a WindowType, span: Span) -> Checked<Over> {
        let spec = match over {
            WindowType::WindowSpec(spec) if spec.window_name.is_none() => spec,
            _ => {
                return Err(Problem::new("unsupported", span, "named windows aren't part of the language")
                    .help("write OVER (PARTITION BY person_id ORDER BY …) out"));
            }
        };
        let mut by_person = false;
        let mut one_partition = true;
        let mut partition = Vec::new();
        for e in &spec.partition_by {
            let key = settle(self.expr(cx, e)?)?;
            if key.ty == Type::Person && key.expr == Expr::Bool(true) {
                by_person = true;
            } else if key.ty == Type::Person {
                return Err(Problem::new("person", e.span(), "the right side of a LEFT JOIN may have no person")
                    .help("PARTITION BY the person_id of the left side"));
            } else {
                one_partition &= key.constant;
                partition.push(key.expr);
            }
        }
        if !by_person {
            return Err(Problem::new("person", span, "this window looks across persons")
                .why("inside, everything stays within a person; only the private SELECT looks across persons, through noise")
                .help("OVER (PARTITION BY person_id ORDER BY …)"));
        }
        let mut order = Vec::new();
        for by in &spec.order_by {
            let at = by.expr.span();
            let typed = self.expr(cx, &by.expr)?;
            if matches!(by.options.sort, Some(ast::OrderBySort::Using(_))) {
                return Err(Problem::new("unsupported", at, "an order is ASC or DESC"));
            }
            if by.with_fill.is_some() || !matches!(typed.ty, Type::Integer { .. } | Type::Date { .. }) {
                return Err(Problem::new(
                    "type",
                    at,
                    format!("an order is by numbers or dates, this is {}", typed.ty.describe()),
                )
                .why("codes have no order, and an order that engines see differently would give different answers"));
            }
            let descending = matches!(by.options.sort, Some(ast::OrderBySort::Desc));
            // GoogleSQL: NULL is the least.
            order.push(Order {
                expr: typed.expr,
                descending,
                nulls_first: by.options.nulls_first.unwrap_or(!descending),
            });
        }
        let frame = spec.window_frame.as_ref().map(|frame| self.frame(cx, frame, span)).transpose()?;
        Ok(Over { partition, order, frame, one_partition })
    }

    fn frame(&mut self, cx: Context<'_, 'a>, frame: &'a ast::WindowFrame, span: Span) -> Checked<Frame> {
        if frame.units != WindowFrameUnits::Rows {
            return Err(Problem::new("window", span, "frames are in ROWS")
                .why(
                    "RANGE takes rows with equal values together, and here the stored draw puts every row in its place",
                )
                .help("ROWS BETWEEN 2 PRECEDING AND CURRENT ROW"));
        }
        let start = self.bound_of(cx, &frame.start_bound, span)?;
        let end = match &frame.end_bound {
            Some(end) => self.bound_of(cx, end, span)?,
            None => Bound::At(0),
        };
        let (start, end) = match (start, end) {
            (Bound::Last, _) | (_, Bound::First) => return Err(backwards(span)),
            (start, end) => (start.offset(), end.offset()),
        };
        if let (Some(start), Some(end)) = (start, end)
            && start > end
        {
            return Err(backwards(span));
        }
        Ok(Frame { start, end })
    }

    fn bound_of(&mut self, cx: Context<'_, 'a>, bound: &'a WindowFrameBound, span: Span) -> Checked<Bound> {
        Ok(match bound {
            WindowFrameBound::CurrentRow => Bound::At(0),
            WindowFrameBound::Preceding(None) => Bound::First,
            WindowFrameBound::Following(None) => Bound::Last,
            WindowFrameBound::Preceding(Some(e)) => Bound::At(-self.offset(cx, e, 0, span)?),
            WindowFrameBound::Following(Some(e)) => Bound::At(self.offset(cx, e, 0, span)?),
        })
    }

    /// A whole number written out.
    fn offset(&mut self, cx: Context<'_, 'a>, e: &'a ast::Expr, least: i64, span: Span) -> Checked<i64> {
        let typed = self.expr(cx, e)?;
        match (typed.known_integer(), &typed.ty) {
            (Some(n), Type::Integer { digits: 0, .. }) if (least..=FARTHEST).contains(&n) => Ok(n),
            _ => Err(Problem::new(
                "type",
                typed.span,
                format!("this is a whole number from {least} to {FARTHEST}, written out"),
            )
            .or_at(span)),
        }
    }

    /// The function itself; its column has no number yet.
    fn windowed(&mut self, cx: Context<'_, 'a>, call: &Call<'a>, over: Over, rows: Rows) -> Checked<(Windowed, Typed)> {
        let span = call.span;
        if call.name != "COUNT" || call.distinct {
            call.plain()?;
        }
        let Over { partition, order, frame, one_partition } = over;
        let most = rows.bound().and_then(|k| i64::try_from(k).ok()).map_or(LIMIT, |k| k.min(LIMIT));
        let ordered = !order.is_empty();
        let unordered = |what: &str| {
            Problem::new("window", span, format!("{what} needs an order"))
                .why("which row is which would be an accident")
                .help(format!("{}(…) OVER (PARTITION BY person_id ORDER BY exam_date)", call.name))
        };
        let unframed = || Problem::new("window", span, format!("{} takes no frame", call.name));
        if !WINDOW_FUNCTIONS.contains(&call.name.as_str()) && !OVER_FRAMES.contains(&call.name.as_str()) {
            return Err(Problem::new("unsupported", span, format!("{} isn't a window function here", call.name))
                .help(format!("there are {}, {}", WINDOW_FUNCTIONS.join(", "), OVER_FRAMES.join(", "))));
        }
        let (function, typed, frame) = match call.name.as_str() {
            "ROW_NUMBER" if !call.args.is_empty() || call.star => return Err(call.arity("no argument")),
            "ROW_NUMBER" | "LAG" | "LEAD" | "FIRST_VALUE" | "LAST_VALUE" if !ordered => {
                return Err(unordered(&call.name));
            }
            "ROW_NUMBER" | "LAG" | "LEAD" if frame.is_some() => return Err(unframed()),
            "ROW_NUMBER" => {
                let ty = Type::Integer { lo: 1, hi: most, digits: 0 };
                (WindowFunction::RowNumber, Typed::literal(Expr::Null, ty, span), None)
            }
            "LAG" | "LEAD" => {
                let (value, offset) = match call.args.as_slice() {
                    [value] => (value, 1),
                    [value, offset] => (value, self.offset(cx, offset, 1, span)?),
                    _ => {
                        return Err(call.arity("a value and how many rows away it stands").help(
                            "COALESCE(LAG(x) OVER (…), 0) in the next step gives a value where there is no such row",
                        ));
                    }
                };
                let value = self.value(cx, value)?;
                let input = value.expr.clone();
                let function = if call.name == "LAG" {
                    WindowFunction::Lag { input, offset }
                } else {
                    WindowFunction::Lead { input, offset }
                };
                (function, Typed { nullable: true, ..value }, None)
            }
            "FIRST_VALUE" | "LAST_VALUE" => {
                let value = self.value(cx, call.one()?)?;
                let frame = match frame {
                    Some(frame) => frame,
                    None if call.name == "FIRST_VALUE" => Frame { start: None, end: Some(0) },
                    None => {
                        return Err(Problem::new("window", span, "LAST_VALUE needs a frame")
                            .why("without one it is the row at hand, or one with an equal value")
                            .help("ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING"));
                    }
                };
                let expr = value.expr.clone();
                let function =
                    if call.name == "FIRST_VALUE" { WindowFunction::First(expr) } else { WindowFunction::Last(expr) };
                let nullable = value.nullable || !frame.holds_current();
                (function, Typed { nullable, ..value }, Some(frame))
            }
            _ => {
                match (ordered, frame) {
                    (true, None) => {
                        return Err(Problem::new("window", span, format!("{} over an order needs a frame", call.name))
                            .why("without one, rows with equal values count together or don't, as the engine likes")
                            .help(format!(
                                "{}(…) OVER (PARTITION BY person_id ORDER BY … ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW), or \
                                 leave ORDER BY out for all rows of the person",
                                call.name
                            )));
                    }
                    (false, Some(_)) => return Err(unordered("a frame")),
                    _ => {}
                }
                let held = frame.is_none_or(Frame::holds_current);
                let most = frame.and_then(Frame::most).map_or(most, |k| most.min(i64::try_from(k).unwrap_or(LIMIT)));
                let (aggregate, typed) = self.over_rows(cx, call, most, held)?;
                (WindowFunction::Aggregate(aggregate), typed, frame)
            }
        };
        let constant = rows == Rows::One || (!ordered && one_partition);
        Ok((Windowed { id: 0, function, partition, order, frame }, Typed { constant, span, ..typed }))
    }

    /// Aggregates over a frame of at most `most` rows, the row at hand among them if `held`.
    fn over_rows(
        &mut self,
        cx: Context<'_, 'a>,
        call: &Call<'a>,
        most: i64,
        held: bool,
    ) -> Checked<(Aggregate, Typed)> {
        let span = call.span;
        let count = |lo: i64| Typed::literal(Expr::Null, Type::Integer { lo, hi: most, digits: 0 }, span);
        if call.distinct {
            return Err(Problem::new("unsupported", span, "DISTINCT can't stand in a window")
                .help("COUNT(DISTINCT x) … GROUP BY person_id"));
        }
        if call.name == "COUNT" && call.star && call.args.is_empty() {
            return Ok((Aggregate::CountRows, count(i64::from(held))));
        }
        let input = self.expr(cx, call.one()?)?;
        let nullable = input.nullable || !held;
        let number = matches!(input.ty, Type::Integer { .. });
        let ordered = number || matches!(input.ty, Type::Date { .. });
        let wrong = |what: &str| {
            Err(Problem::new(
                "type",
                input.span,
                format!("{} takes {what}, this is {}", call.name, input.ty.describe()),
            ))
        };
        Ok(match (call.name.as_str(), &input.ty) {
            ("COUNT", Type::Person | Type::Text(_) | Type::Null) => return wrong("a column or *"),
            ("COUNT", _) => (Aggregate::Count(input.expr), count(0)),
            ("COUNTIF", Type::Bool) => (Aggregate::CountIf(input.expr), count(0)),
            ("LOGICAL_OR" | "LOGICAL_AND", Type::Bool) => (
                Aggregate::Truth { input: input.expr.clone(), any: call.name == "LOGICAL_OR" },
                Typed { nullable, ..input },
            ),
            ("SUM", Type::Integer { lo, hi, digits }) => {
                let (lo, hi) = sum_interval(*lo, *hi, u64::try_from(most).ok());
                let ty = Type::Integer { lo, hi, digits: *digits };
                (Aggregate::Sum(input.expr.clone()), Typed { ty, nullable, ..input })
            }
            ("AVG", Type::Integer { .. }) => (Aggregate::Mean(input.expr.clone()), Typed { nullable, ..input }),
            ("MIN", _) if ordered => (Aggregate::Min(input.expr.clone()), Typed { nullable, ..input }),
            ("MAX", _) if ordered => (Aggregate::Max(input.expr.clone()), Typed { nullable, ..input }),
            ("COUNTIF" | "LOGICAL_OR" | "LOGICAL_AND", _) => return wrong("a condition"),
            ("SUM" | "AVG", _) => return wrong("numbers"),
            ("MIN" | "MAX", _) => return wrong("numbers or dates"),
            _ => return wrong("other values"),
        })
    }

    /// A value that a row hands on.
    fn value(&mut self, cx: Context<'_, 'a>, e: &'a ast::Expr) -> Checked<Typed> {
        let value = settle(self.expr(cx, e)?)?;
        if value.ty == Type::Person {
            return Err(Problem::new("person", value.span, "the person is the same in all rows"));
        }
        Ok(value)
    }
}

#[derive(Clone, Copy)]
enum Bound {
    First,
    At(i64),
    Last,
}

impl Bound {
    fn offset(self) -> Option<i64> {
        match self {
            Bound::At(offset) => Some(offset),
            Bound::First | Bound::Last => None,
        }
    }
}

fn backwards(span: Span) -> Problem {
    Problem::new("window", span, "this frame ends before it begins").help("ROWS BETWEEN 2 PRECEDING AND CURRENT ROW")
}
