//! The streaming way from a plan to the same integers as [`super::sql`]: the engine computes rows of (person, draw, cell, arguments) for
//! ranges of persons, and [`super::reduce`] reduces, draws, clamps and adds up in one pass, without a hash table over the room's
//! (person, cell) pairs. The SQL remains the definition: a property test holds the two against each other.

use std::ops::Range;

use audit_log::Receipt;
use datasets::store::{Store, StoreError};
use duckdb::Connection;
use jiff::civil::Date;

use super::expr::{Sql, bounded, expr};
use super::reduce::{Column, Reducer, Shape};
use super::{BadShape, TooComplex, cell, dense, population, relation, rows_to_enforce};
use crate::plan::{Plan, Reduction};
use crate::relation::{Expr, Relation};

/// Why there are no integers. Holds no value.
#[derive(Debug, thiserror::Error)]
pub enum ExactError {
    /// The plan is too complex.
    #[error(transparent)]
    TooComplex(#[from] TooComplex),
    /// The engine failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The engine's rows are not the plan's.
    #[error(transparent)]
    Shape(#[from] BadShape),
}

/// The exact integers of a plan: cell-major, statistics in the plan's order. One row per person by construction is the engine's own
/// business; whatever has to be reduced by person is streamed.
///
/// # Errors
/// [`ExactError`].
pub fn exact(plan: &Plan, store: &Store, day: Date, intent: &Receipt) -> Result<Vec<Vec<i128>>, ExactError> {
    let Some(stream) = Stream::of(plan, day)? else {
        let rows = zeroize::Zeroizing::new(store.integers(&super::sql(plan, day)?, intent)?);
        return Ok(dense(plan, &rows)?);
    };
    let statement = |persons: &Range<u32>| stream.statement(persons).unwrap_or_default();
    let workers = store.fold(intent, &statement, &|| Reducer::new(&stream.shape))?;
    Ok(stream.shape.total(workers))
}

/// [`exact`] on a connection of one's own, for tests and measurements; None where the engine's SQL is the way.
///
/// # Errors
/// [`ExactError`].
#[doc(hidden)]
pub fn streamed(plan: &Plan, connection: &Connection, day: Date) -> Result<Option<Vec<Vec<i128>>>, ExactError> {
    let Some(stream) = Stream::of(plan, day)? else { return Ok(None) };
    let statement = |persons: &Range<u32>| stream.statement(persons).unwrap_or_default();
    let workers = datasets::store::fold(connection, &statement, &|| Reducer::new(&stream.shape))?;
    Ok(Some(stream.shape.total(workers)))
}

/// What is streamed and what is made of it.
struct Stream<'p> {
    plan: &'p Plan,
    /// The plan's relation without a cap at its top: the reducer caps.
    relation: &'p Relation,
    day: Date,
    /// Arguments, each once.
    arguments: Vec<(Expr, Column)>,
    shape: Shape,
}

impl<'p> Stream<'p> {
    fn of(plan: &'p Plan, day: Date) -> Result<Option<Self>, TooComplex> {
        let most = relation::most_rows(&plan.relation);
        if most == Some(1) {
            return Ok(None);
        }
        let (relation, capped) = match &plan.relation {
            Relation::Cap { input, rows } if relation::draws(input) => (input.as_ref(), Some(*rows)),
            other => (other, None),
        };
        let enforced = rows_to_enforce(plan).filter(|bound| most.is_none_or(|most| most > *bound));
        let cap = capped.into_iter().chain(enforced).min();
        let choose = usize::try_from(plan.max_groups).ok().filter(|groups| *groups < plan.cells());
        let mut arguments: Vec<(Expr, Column)> = Vec::new();
        let mut sources = Vec::new();
        for statistic in plan.statistics.iter().skip(1) {
            sources.push(match argument(&statistic.reduction) {
                None => None,
                Some(argument) => {
                    let known = arguments.iter().position(|known| *known == argument);
                    Some(known.unwrap_or_else(|| {
                        arguments.push(argument);
                        arguments.len() - 1
                    }))
                }
            });
        }
        let columns = arguments.iter().map(|(_, column)| *column).collect();
        let shape = Shape::new(plan, columns, sources, choose, cap);
        let stream = Self { plan, relation, day, arguments, shape };
        // Every range's text is as long as the widest one's.
        stream.statement(&(u32::MAX - 1..u32::MAX))?;
        Ok(Some(stream))
    }

    /// Rows of (pid, draw if one is needed, cell, arguments).
    fn statement(&self, persons: &Range<u32>) -> Sql {
        let rows = relation::within(self.relation, Some(persons))?;
        let rows = population::within(&rows, &self.plan.population, self.day, Some(persons))?;
        let mut inner = vec!["pid".to_owned()];
        inner.extend(self.shape.draws().then(|| "draw".to_owned()));
        let mut outer = inner.clone();
        outer.push(format!("{}::INTEGER AS cell", cell(&self.plan.keys)));
        for (number, key) in self.plan.keys.iter().enumerate() {
            inner.push(format!("{} AS k{number}", expr(&key.index)?));
        }
        for (number, (argument, column)) in self.arguments.iter().enumerate() {
            let text = expr(argument)?;
            inner.push(match column {
                Column::Value => format!("({text})::BIGINT AS a{number}"),
                Column::True => format!("(CASE WHEN {text} THEN 1 ELSE 0 END)::UTINYINT AS a{number}"),
                Column::Present => format!("(CASE WHEN ({text}) IS NULL THEN 0 ELSE 1 END)::UTINYINT AS a{number}"),
            });
            outer.push(format!("a{number}"));
        }
        bounded(format!("SELECT {} FROM (SELECT {} FROM ({rows}))", outer.join(", "), inner.join(", ")))
    }
}

fn argument(reduction: &Reduction) -> Option<(Expr, Column)> {
    match reduction {
        Reduction::Present | Reduction::CountRows => None,
        Reduction::CountTrue(e) => Some((e.clone(), Column::True)),
        Reduction::CountNonNull(e) | Reduction::AnyNonNull(e) => Some((e.clone(), Column::Present)),
        Reduction::Sum(e) | Reduction::Mean(e) => Some((e.clone(), Column::Value)),
    }
}
