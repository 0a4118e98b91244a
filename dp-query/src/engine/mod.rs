//! From a plan to exact integers: one SQL statement for DuckDB, written from the typed plan alone, and its result as a dense vector.
//!
//! The text itself, not what the checker proved, keeps a person within the sensitivity: contributions are clamped per person and
//! cell, and cells and rows beyond the plan's bounds are dropped by draws. Proofs that hold make these guards idle.
//!
//! Every closed cell is present, 0 when empty: the shape of the result depends on the plan only. No noise here, and nothing
//! of this leaves the crate but through the mechanism layer.

mod arrow;
mod compile;
mod expr;
mod flow;
mod grouped;
mod open;
mod ordered;
mod population;
mod public;
mod reduce;
mod relation;
mod scan;
mod shape;
mod single;
mod state;
mod stream;
mod totals;
mod vector;
mod window;
mod work;

#[cfg(test)]
mod tests;

use std::fmt::Write;

use crate::plan::{Bins, Key, Plan, Reduction, Statistic};
pub(crate) use open::Place;
pub use open::{Exact, Group, compute};
pub use stream::{ExactError, exact, streamed};

use expr::{bounded, clamp, integer, mean};

/// The SQL text of a plan would be longer than the engine is asked to read. The checker refuses such questions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the plan is too complex for the engine")]
pub struct TooComplex;

/// The engine's result doesn't have the plan's shape; no values are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the engine's result doesn't have the plan's shape")]
pub struct BadShape;

/// DuckDB's SQL for a plan: rows of (cell, one column per statistic with bins, one per other statistic), only cells with at least one
/// person. A row's columns for bins are NULL, and it holds the cell's sums; or one of them is a bin (−1: no value), and the first sum is
/// the number of persons in that bin.
///
/// Where the groups come from the data, several columns name a group instead of the cell ([`open`]).
///
/// Consents count as they stand on `day`.
///
/// # Errors
/// [`TooComplex`] for plans that `check` would have refused.
pub fn sql(plan: &Plan, day: jiff::civil::Date) -> Result<String, TooComplex> {
    let mut rows = population::within(&relation::relation(&plan.relation)?, &plan.population, day, None)?;
    let most = relation::most_rows(&plan.relation);
    if let Some(bound) = rows_to_enforce(plan).filter(|bound| most.is_none_or(|most| most > *bound)) {
        rows = relation::capped(&rows, bound);
    }
    // One row per person by construction: nobody is in two cells. Everything else is reduced by person and cell first.
    let one_row = most == Some(1);
    let choose = !one_row
        && if plan.open {
            most.is_none_or(|most| most > u64::from(plan.max_groups))
        } else {
            usize::try_from(plan.max_groups).is_ok_and(|groups| groups < plan.cells())
        };
    // Statistic 0 counts rows of the last stage, which are persons.
    let rest: Vec<(usize, &Statistic)> = plan.statistics.iter().enumerate().skip(1).collect();
    // Stage 1, per row: positions of the keys, arguments of the statistics.
    let mut arguments = vec!["pid".to_owned()];
    arguments.extend(choose.then(|| "draw".to_owned()));
    for (number, key) in plan.keys.iter().enumerate() {
        arguments.push(format!("{} AS k{number}", expr::expr(&key.index)?));
    }
    for (number, statistic) in &rest {
        if let Some(argument) = argument(&statistic.reduction)? {
            arguments.push(format!("{argument} AS a{number}"));
        }
    }
    let arguments = bounded(format!("SELECT {} FROM ({rows})", arguments.join(", ")))?;
    let (names, cells) = open::columns(plan);
    let cell: Vec<String> = cells.iter().zip(&names).map(|(value, name)| format!("{value} AS {name}")).collect();
    let (cell, names) = (cell.join(", "), names.join(", "));
    let mut contributions = vec![names.clone()];
    contributions.extend(rest.iter().map(|(number, s)| match s.bins() {
        Some(bins) => format!("{} AS b{number}", bin(bins, &format!("r{number}"))),
        None => format!("{} AS v{number}", contribution(s, &format!("r{number}"))),
    }));
    let (binned, summed): (Vec<_>, Vec<_>) = rest.iter().partition(|(_, s)| s.bins().is_some());
    let mut totals = if plan.open { open::named(plan) } else { vec![names.clone()] };
    totals.extend(binned.iter().map(|(number, _)| format!("b{number}")));
    totals.push("count(*) AS s0".to_owned());
    totals.extend(summed.iter().map(|(number, _)| format!("sum(v{number}) AS s{number}")));
    let mut by = names.clone();
    if !binned.is_empty() {
        let sets: String = binned.iter().map(|(number, _)| format!(", ({names}, b{number})")).collect();
        by = format!("GROUPING SETS (({names}){sets})");
    }
    let per_person = if one_row {
        let mut list = vec![cell];
        list.extend(rest.iter().map(|(number, s)| format!("{} AS r{number}", single(&s.reduction, *number))));
        format!("SELECT {} FROM ({arguments})", list.join(", "))
    } else {
        // Stage 2, per person and cell: one value each.
        let mut list = vec!["pid".to_owned(), cell];
        list.extend(choose.then(|| "min(draw) AS draw".to_owned()));
        list.extend(rest.iter().map(|(number, s)| format!("{} AS r{number}", several(&s.reduction, *number))));
        let by: Vec<String> = (1..=1 + cells.len()).map(|column| column.to_string()).collect();
        let reduced = format!("SELECT {} FROM ({arguments}) GROUP BY {}", list.join(", "), by.join(", "));
        if choose {
            let places = format!("row_number() OVER (PARTITION BY pid ORDER BY draw, {names}) AS place");
            format!(
                "SELECT * FROM (SELECT *, {places} FROM ({reduced})) WHERE {}",
                relation::first(u64::from(plan.max_groups))
            )
        } else {
            reduced
        }
    };
    // Stage 3: clamp and add up.
    bounded(format!(
        "SELECT {} FROM (SELECT {} FROM ({per_person})) GROUP BY {by}",
        totals.join(", "),
        contributions.join(", ")
    ))
}

/// The bound on rows per person, if a statistic's sensitivity rests on it: counts add up to no more than the rows.
fn rows_to_enforce(plan: &Plan) -> Option<u64> {
    let rests = plan.statistics.iter().any(|statistic| {
        let may = plan.sensitivity(statistic);
        may.l1 < u128::from(may.l0) * u128::from(may.linf)
    });
    plan.rows.bound().filter(|_| rests)
}

/// The cell's number: keys in order, the last fastest; 0 without keys. A key that is NULL has its last value, whether or not it
/// can be NULL.
fn cell(keys: &[Key]) -> String {
    keys.iter().enumerate().fold(integer(0), |before, (number, key)| {
        let length = i64::try_from(key.values.len()).unwrap_or(i64::MAX);
        let index = clamp(&format!("coalesce(k{number}, {})", integer(length - 1)), 0, length - 1);
        format!("({before} * {} + {index})", integer(length))
    })
}

/// The one row's value, where a person has one row.
fn single(reduction: &Reduction, number: usize) -> String {
    match reduction {
        Reduction::Present | Reduction::CountRows => integer(1),
        Reduction::CountTrue(_) => format!("(CASE WHEN a{number} THEN 1 ELSE 0 END)::BIGINT"),
        Reduction::CountNonNull(_) | Reduction::AnyNonNull(_) => {
            format!("(CASE WHEN a{number} IS NULL THEN 0 ELSE 1 END)::BIGINT")
        }
        Reduction::Sum(_) | Reduction::Mean(_) | Reduction::Bin { .. } => format!("a{number}"),
        Reduction::Square { lo, hi, centre, .. } => square(&format!("a{number}"), *lo, *hi, *centre),
    }
}

/// Squared distance from the centre, in HUGEINT, so that the clamp behind it is the only bound.
fn square(value: &str, lo: i64, hi: i64, centre: i64) -> String {
    let distance = format!("({}::HUGEINT - {})", clamp(value, lo, hi), integer(centre));
    format!("({distance} * {distance})")
}

/// The bin of a value; -1 without one.
fn bin(bins: &Bins, value: &str) -> String {
    match bins {
        Bins::Even { lo, step, count, .. } => {
            let (lo, step, last) = (*lo, (*step).max(1), i64::from(*count) - 1);
            let reach = lo.saturating_add(step.saturating_mul(last));
            format!("coalesce(({} - {}) // {}, {})", clamp(value, lo, reach), integer(lo), integer(step), integer(-1))
        }
        Bins::Edges(edges) => {
            let mut text = format!("(CASE WHEN {value} IS NULL THEN -1");
            for (position, edge) in edges.iter().enumerate() {
                let _ = write!(text, " WHEN {value} < {} THEN {position}", integer(*edge));
            }
            let _ = write!(text, " ELSE {} END)::BIGINT", edges.len());
            text
        }
    }
}

/// What has to be computed per row first.
fn argument(reduction: &Reduction) -> Result<Option<String>, TooComplex> {
    match reduction {
        Reduction::Present | Reduction::CountRows => Ok(None),
        Reduction::CountTrue(e)
        | Reduction::CountNonNull(e)
        | Reduction::AnyNonNull(e)
        | Reduction::Sum(e)
        | Reduction::Mean(e)
        | Reduction::Square { input: e, .. }
        | Reduction::Bin { input: e, .. } => expr::expr(e).map(Some),
    }
}

/// The rows of one person and cell, reduced.
fn several(reduction: &Reduction, number: usize) -> String {
    match reduction {
        Reduction::Present => integer(1),
        Reduction::CountRows => "count(*)".to_owned(),
        Reduction::CountTrue(_) => format!("count(*) FILTER (WHERE a{number})"),
        Reduction::CountNonNull(_) => format!("count(a{number})"),
        Reduction::AnyNonNull(_) => format!("(CASE WHEN count(a{number}) > 0 THEN 1 ELSE 0 END)::BIGINT"),
        Reduction::Sum(_) => format!("sum(a{number})"),
        Reduction::Mean(_) | Reduction::Bin { .. } => mean(&format!("a{number}")),
        Reduction::Square { lo, hi, centre, .. } => square(&mean(&format!("a{number}")), *lo, *hi, *centre),
    }
}

/// Clamped, centred; no value contributes 0. This clamp, not the type derivation, is what the sensitivity rests on.
fn contribution(statistic: &Statistic, value: &str) -> String {
    let (lo, hi) = (statistic.lo.saturating_add(statistic.centre), statistic.hi.saturating_add(statistic.centre));
    format!("coalesce({} - {}, {})", clamp(value, lo, hi), integer(statistic.centre), integer(0))
}

/// The dense result: cell-major, statistics in the plan's order (those with bins take one place per bin), 0 where the engine had no row.
///
/// # Errors
/// [`BadShape`] if a row isn't one of [`sql`], a cell or bin is out of range or comes twice, or a value is missing.
pub fn dense(plan: &Plan, rows: &[Vec<Option<i128>>]) -> Result<Vec<Vec<i128>>, BadShape> {
    filled(plan, plan.cells(), rows)
}

/// [`dense`] of so many cells.
fn filled(plan: &Plan, count: usize, rows: &[Vec<Option<i128>>]) -> Result<Vec<Vec<i128>>, BadShape> {
    let width = plan.width();
    let statistics = || plan.statistics.iter().enumerate();
    let binned: Vec<(usize, usize)> =
        statistics().filter(|(_, s)| s.bins().is_some()).map(|(n, s)| (plan.offset(n), s.slots())).collect();
    let summed: Vec<usize> = statistics().filter(|(_, s)| s.bins().is_none()).map(|(n, _)| plan.offset(n)).collect();
    let mut cells = vec![vec![0_i128; width]; count];
    let mut seen = vec![vec![false; width]; count];
    for row in rows {
        let (number, rest) = row.split_first().ok_or(BadShape)?;
        let number = number.and_then(|n| usize::try_from(n).ok()).ok_or(BadShape)?;
        let (cell, seen) = cells.get_mut(number).zip(seen.get_mut(number)).ok_or(BadShape)?;
        let (bins, values) = rest.split_at_checked(binned.len()).ok_or(BadShape)?;
        let values: Vec<i128> = values.iter().copied().collect::<Option<_>>().ok_or(BadShape)?;
        if values.len() != summed.len() {
            return Err(BadShape);
        }
        let mut put = |at: usize, value: i128| {
            let (place, seen) = cell.get_mut(at).zip(seen.get_mut(at)).ok_or(BadShape)?;
            *place = value;
            if std::mem::replace(seen, true) { Err(BadShape) } else { Ok(()) }
        };
        let mut inside = bins.iter().zip(&binned).filter_map(|(bin, place)| bin.map(|bin| (bin, place)));
        match (inside.next(), inside.next()) {
            (None, _) => summed.iter().zip(values).try_for_each(|(at, value)| put(*at, value))?,
            (Some((-1, _)), None) => {}
            (Some((bin, (offset, slots))), None) => {
                let bin = usize::try_from(bin).ok().filter(|bin| bin < slots).ok_or(BadShape)?;
                put(offset + bin, values.first().copied().ok_or(BadShape)?)?;
            }
            (Some(_), Some(_)) => return Err(BadShape),
        }
    }
    Ok(cells)
}
