//! The streaming way from a plan to the same integers as [`super::sql`]: the engine computes rows of (person, draw, cell, arguments) for
//! ranges of persons, and [`super::reduce`] reduces, draws, clamps and adds up in one pass, without a hash table over the room's
//! (person, cell) pairs. The SQL remains the definition: a property test holds the two against each other.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};

use audit_log::Receipt;
use datasets::store::{EngineCode, Fold, Store, StoreError};
use duckdb::Connection;
use duckdb::arrow::array::StructArray;
use jiff::civil::Date;

use super::arrow::people;
use super::expr::{Sql, bounded, expr};
use super::flow::{Driver, Flow, Pipeline, Step};
use super::grouped::{self, Grouped};
use super::ordered::Ordered;
use super::population::People;
use super::reduce::Reducer;
use super::shape::{Cells, Column, Shape};
use super::single::Single;
use super::vector::{Node, place};
use super::work::{Job, Plain, Worker};
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

/// The exact integers of a plan: cell-major, statistics in the plan's order. By pipelines where they can do it, else by rows that SQL
/// computes, else by SQL alone.
///
/// # Errors
/// [`ExactError`].
pub fn exact(plan: &Plan, store: &Store, day: Date, intent: &Receipt) -> Result<Vec<Vec<i128>>, ExactError> {
    match computed(plan, day, &Reader::Store(store, intent))? {
        Some(cells) => Ok(cells),
        None => {
            let rows = zeroize::Zeroizing::new(store.integers(&super::sql(plan, day)?, intent)?);
            Ok(dense(plan, &rows)?)
        }
    }
}

/// [`exact`] on a connection of one's own, for tests and measurements; None where the engine's SQL is the way.
///
/// # Errors
/// [`ExactError`].
#[doc(hidden)]
pub fn streamed(plan: &Plan, connection: &Connection, day: Date) -> Result<Option<Vec<Vec<i128>>>, ExactError> {
    computed(plan, day, &Reader::Connection(connection))
}

/// [`streamed`] without pipelines: rows that SQL computes, in whatever order.
///
/// # Errors
/// [`ExactError`].
#[cfg(test)]
pub(super) fn rows_of_sql(
    plan: &Plan,
    connection: &Connection,
    day: Date,
) -> Result<Option<Vec<Vec<i128>>>, ExactError> {
    let Some(stream) = Stream::of(plan, day)? else { return Ok(None) };
    stream.cells(&Reader::Connection(connection)).map(Some)
}

/// [`streamed`] by pipelines, or None: no detour.
///
/// # Errors
/// [`ExactError`].
#[cfg(test)]
pub(super) fn piped(plan: &Plan, connection: &Connection, day: Date) -> Result<Option<Vec<Vec<i128>>>, ExactError> {
    Piped::of(plan, day)?.map_or(Ok(None), |piped| piped.cells(&Reader::Connection(connection)))
}

/// By which way [`streamed`] goes first, for tests that must not pass by a detour.
#[cfg(test)]
pub(super) fn way(plan: &Plan, day: Date) -> String {
    match Piped::of(plan, day) {
        Err(_) | Ok(None) => "sql".to_owned(),
        Ok(Some(piped)) => {
            let sink = match (piped.single, piped.ordered) {
                (true, _) if piped.grouped => "grouped",
                (true, _) => "single",
                (false, true) => "ordered",
                (false, false) => "unordered",
            };
            let kind = |pipeline: &Pipeline| match pipeline.driver {
                Driver::Scan { .. } => "scan",
                Driver::Sql { .. } => "sql",
                Driver::Table { .. } => "table",
            };
            let kinds: Vec<&str> = piped.job.flow.pipelines.iter().map(kind).collect();
            format!("{sink}: {}", kinds.join(", "))
        }
    }
}

/// Who reads: the store for a permitted run, or a test's own connection.
enum Reader<'r> {
    Store(&'r Store, &'r Receipt),
    Connection(&'r Connection),
}

impl Reader<'_> {
    fn fold<F: Fold>(
        &self,
        statements: &(dyn Fn(&Range<u32>) -> Vec<String> + Sync),
        worker: &(dyn Fn() -> F + Sync),
    ) -> Result<Vec<F>, StoreError> {
        match self {
            Reader::Store(store, intent) => store.fold(intent, statements, worker),
            Reader::Connection(connection) => datasets::store::fold(connection, statements, worker),
        }
    }

    fn scan(
        &self,
        statement: &str,
        take: &mut dyn FnMut(&StructArray) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        match self {
            Reader::Store(store, intent) => store.scan(intent, statement, take),
            Reader::Connection(connection) => datasets::store::scan(connection, statement, take),
        }
    }
}

fn computed(plan: &Plan, day: Date, reader: &Reader<'_>) -> Result<Option<Vec<Vec<i128>>>, ExactError> {
    let stream = Stream::of(plan, day)?;
    if let Some(piped) = Piped::of(plan, day)?
        && let Some(cells) = piped.cells(reader)?
    {
        return Ok(Some(cells));
    }
    stream.map(|stream| stream.cells(reader)).transpose()
}

/// What the statistics need of the rows: arguments, each once, and which of them each statistic takes.
fn arguments(plan: &Plan) -> (Vec<(Expr, Column)>, Vec<Option<usize>>) {
    let mut arguments: Vec<(Expr, Column)> = Vec::new();
    let mut sources = Vec::new();
    for statistic in plan.statistics.iter().skip(1) {
        sources.push(argument(&statistic.reduction).map(|argument| {
            let known = arguments.iter().position(|known| *known == argument);
            known.unwrap_or_else(|| {
                arguments.push(argument);
                arguments.len() - 1
            })
        }));
    }
    (arguments, sources)
}

/// The relation without a cap at its top, the cap, and how many groups to choose: the reducer caps and chooses.
fn bounds(plan: &Plan) -> (&Relation, Option<u64>, Option<usize>) {
    let most = relation::most_rows(&plan.relation);
    let (relation, capped) = match &plan.relation {
        Relation::Cap { input, rows } if relation::draws(input) => (input.as_ref(), Some(*rows)),
        other => (other, None),
    };
    let enforced = rows_to_enforce(plan).filter(|bound| most.is_none_or(|most| most > *bound));
    let choose = usize::try_from(plan.max_groups).ok().filter(|groups| *groups < plan.cells());
    (relation, capped.into_iter().chain(enforced).min(), choose)
}

/// A plan as pipelines.
struct Piped {
    job: Job,
    shape: Shape,
    /// Who counts: within, or not within, what each of these texts gives.
    sets: Vec<(bool, String)>,
    /// Whether no person can have two rows.
    single: bool,
    /// Whether rows come person by person.
    ordered: bool,
    /// Whether persons can be counted by what is stored of them first.
    grouped: bool,
}

/// The persons of a chunk.
fn mark(chunk: &StructArray, set: &mut Vec<bool>) -> Result<(), StoreError> {
    let unexpected = || StoreError::Engine { doing: "reading who counts", code: EngineCode::Other };
    let pids = people(chunk.columns().first(), &(0..i32::MAX.cast_unsigned())).ok_or_else(unexpected)?;
    for pid in pids {
        let place = pid as usize;
        if set.len() <= place {
            set.resize((place + 1).next_power_of_two(), false);
        }
        *set.get_mut(place).ok_or_else(unexpected)? = true;
    }
    Ok(())
}

impl Piped {
    fn of(plan: &Plan, day: Date) -> Result<Option<Self>, TooComplex> {
        let (relation, cap, choose) = bounds(plan);
        let single = relation::most_rows(relation) == Some(1);
        let (arguments, sources) = arguments(plan);
        let read: Vec<&Expr> =
            plan.keys.iter().map(|key| &key.index).chain(arguments.iter().map(|(argument, _)| argument)).collect();
        let mut flow = Flow::new(relation, &read);
        let sets = population::sets(&plan.population, day, None)?;
        let Some(mut last) = flow.pipeline(relation) else { return Ok(None) };
        if !sets.is_empty() {
            last.steps.insert(0, Step::Counts);
        }
        for (_, text) in &sets {
            bounded(text.clone())?;
        }
        let mut stride = i64::try_from(plan.cells()).unwrap_or(i64::MAX);
        let mut cell = Vec::new();
        for key in &plan.keys {
            let length = i64::try_from(key.values.len()).unwrap_or(i64::MAX).max(1);
            stride /= length;
            let Some(node) = last.scope.compile(&key.index) else { return Ok(None) };
            cell.push(match node {
                Node::Lookup { column, table } => {
                    Node::Lookup { column, table: table.then(|position| place(position, length, stride)) }
                }
                other => Node::Place { input: Box::new(other), length, stride },
            });
        }
        let mut nodes = Vec::new();
        for (argument, column) in &arguments {
            let Some(node) = last.scope.compile(argument) else { return Ok(None) };
            nodes.push(match column {
                Column::Value => node,
                Column::True => Node::True(Box::new(node)),
                Column::Present => Node::Present(Box::new(node)),
            });
        }
        let columns = arguments.iter().map(|(_, column)| *column).collect();
        let shape = if single {
            Shape::new(plan, columns, sources, None, None)
        } else {
            Shape::new(plan, columns, sources, choose, cap)
        };
        last.draws &= shape.draws();
        let ordered = !matches!(last.driver, Driver::Sql { .. });
        flow.pipelines.push(last);
        flow.pipelines.iter_mut().for_each(Pipeline::forget_unread);
        let fed = flow.pipelines.iter().enumerate();
        let fed = fed.filter(|(_, pipeline)| !matches!(pipeline.driver, Driver::Table { .. })).map(|(at, _)| at);
        let fed = fed.collect();
        let job = Job { flow, cell, arguments: nodes, fed };
        let grouped = match job.flow.pipelines.as_slice() {
            [only] => single && grouped::fits(only) && grouped::statement(only, &sets).is_ok(),
            _ => false,
        };
        let piped = Self { job, shape, sets, single, ordered, grouped };
        // Every range's texts are as long as the widest one's.
        piped.statements(&(u32::MAX - 1..u32::MAX))?;
        Ok(Some(piped))
    }

    fn statements(&self, persons: &Range<u32>) -> Result<Vec<String>, TooComplex> {
        let fed = self.job.fed.iter().filter_map(|at| self.job.flow.pipelines.get(*at));
        fed.map(|pipeline| pipeline.statement(persons).unwrap_or_else(|| Ok(String::new()))).collect()
    }

    /// Who counts, read once; None for everybody.
    fn people(&self, reader: &Reader<'_>) -> Result<Option<People>, StoreError> {
        let mut sets = Vec::new();
        for (within, text) in &self.sets {
            let mut set: Vec<bool> = Vec::new();
            reader.scan(text, &mut |chunk| mark(chunk, &mut set))?;
            sets.push((*within, set));
        }
        Ok(People::of(sets))
    }

    /// Persons counted by what is stored of them.
    fn counted(&self, reader: &Reader<'_>, everybody: bool) -> Result<Option<Vec<Vec<i128>>>, ExactError> {
        let Some(only) = self.job.flow.pipelines.first().filter(|_| self.grouped) else { return Ok(None) };
        let text = grouped::statement(only, if everybody { &[] } else { &self.sets })?;
        let mut worker = Worker::new(&self.job, None, Grouped::new(&self.shape));
        reader.scan(&text, &mut |chunk| worker.several(chunk))?;
        Ok(Some(self.shape.total(std::iter::once(worker.cells.totals()))))
    }

    /// None if the rows were not as expected.
    fn cells(&self, reader: &Reader<'_>) -> Result<Option<Vec<Vec<i128>>>, ExactError> {
        let people = self.people(reader)?;
        if let Some(cells) = self.counted(reader, people.is_none())? {
            return Ok(Some(cells));
        }
        let people = people.as_ref();
        let retry = AtomicBool::new(false);
        let found = if self.single {
            match Single::new(&self.shape, &retry) {
                Some(_) => self.run(reader, people, &|| Single::new(&self.shape, &retry)),
                None => return Ok(None),
            }
        } else if self.ordered && Ordered::new(&self.shape, &retry).is_some() {
            self.run(reader, people, &|| Ordered::new(&self.shape, &retry))
        } else {
            self.run(reader, people, &|| Some(Reducer::new(&self.shape)))
        };
        match found {
            Err(_) if retry.load(Ordering::Relaxed) => Ok(None),
            found => found.map(Some),
        }
    }

    fn run<C: Cells>(
        &self,
        reader: &Reader<'_>,
        people: Option<&People>,
        cells: &(dyn Fn() -> Option<C> + Sync),
    ) -> Result<Vec<Vec<i128>>, ExactError> {
        let statements = |persons: &Range<u32>| self.statements(persons).unwrap_or_default();
        let workers = reader.fold(&statements, &|| Worker::new(&self.job, people, cells()))?;
        Ok(self.shape.total(workers.into_iter().map(|worker| worker.cells.totals())))
    }
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
        if relation::most_rows(&plan.relation) == Some(1) {
            return Ok(None);
        }
        let (relation, cap, choose) = bounds(plan);
        let (arguments, sources) = arguments(plan);
        let columns = arguments.iter().map(|(_, column)| *column).collect();
        let shape = Shape::new(plan, columns, sources, choose, cap);
        let stream = Self { plan, relation, day, arguments, shape };
        // Every range's text is as long as the widest one's.
        stream.statement(&(u32::MAX - 1..u32::MAX))?;
        Ok(Some(stream))
    }

    fn cells(&self, reader: &Reader<'_>) -> Result<Vec<Vec<i128>>, ExactError> {
        let statements = |persons: &Range<u32>| self.statement(persons).into_iter().collect();
        let workers = reader.fold(&statements, &|| Plain { shape: &self.shape, cells: Reducer::new(&self.shape) })?;
        Ok(self.shape.total(workers.into_iter().map(|worker| worker.cells.totals())))
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
        Reduction::Sum(e)
        | Reduction::Mean(e)
        | Reduction::Square { input: e, .. }
        | Reduction::Bin { input: e, .. } => Some((e.clone(), Column::Value)),
    }
}
