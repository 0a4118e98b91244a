//! A worker's run through the pipelines of [`super::flow`] for one range of persons after the other: tables of persons in arrays,
//! aggregates within a person, and cells for the reducer. No SQL and no arithmetic of its own.

use std::ops::Range;

use datasets::store::{EngineCode, Fold, StoreError};
use duckdb::arrow::array::{Array, ArrayRef, StructArray};

use super::arrow::{column, drawn, people};
use super::compile::select;
use super::flow::{Driver, Flow, Pipeline, Sink, Step};
use super::population::People;
use super::shape::{Batch, Cells, Shape};
use super::state::State;
use super::vector::{Frame, Node, Vector, marked, pick};

/// Rows at a time where they come from a table.
const CHUNK: usize = 2048;

/// What all workers share.
pub(super) struct Job {
    pub(super) flow: Flow,
    /// Adds up to the cell's number; 0 without keys.
    pub(super) cell: Vec<Node>,
    /// Arguments of the statistics.
    pub(super) arguments: Vec<Node>,
    /// Which pipeline each of the statements feeds.
    pub(super) fed: Vec<usize>,
}

/// One row per person at most, by place in the range.
#[derive(Default)]
struct Persons {
    present: Vec<bool>,
    columns: Vec<Vector>,
    states: Vec<State>,
}

pub(super) struct Worker<'j, C> {
    job: &'j Job,
    /// Who counts; None where everybody does, or the rows' source has seen to it.
    people: Option<&'j People>,
    range: Range<u32>,
    /// The pipeline that is to run next.
    next: usize,
    tables: Vec<Persons>,
    pub(super) cells: C,
}

fn unexpected() -> StoreError {
    StoreError::Engine { doing: "reducing the rows", code: EngineCode::Other }
}

impl<'j, C: Cells> Worker<'j, C> {
    pub(super) fn new(job: &'j Job, people: Option<&'j People>, cells: C) -> Self {
        Self { job, people, range: 0..0, next: 0, tables: Vec::new(), cells }
    }

    fn enter(&mut self, persons: &Range<u32>) {
        if self.range != *persons {
            self.range = persons.clone();
            self.next = 0;
            self.tables = self.job.flow.tables.iter().map(|_| Persons::default()).collect();
        }
    }

    /// Runs what needs no statement, up to a pipeline; closes what went before.
    fn advance(&mut self, to: usize) -> Result<(), StoreError> {
        while self.next < to {
            let at = self.next;
            let job = self.job;
            let pipeline = job.flow.pipelines.get(at).ok_or_else(unexpected)?;
            if let Driver::Table { table, columns } = &pipeline.driver {
                self.open(at)?;
                for first in (0..self.range.len()).step_by(CHUNK) {
                    let (pids, frame) = self.rows_of(*table, columns, first, pipeline.scope.width)?;
                    self.run(at, pids, Vec::new(), frame)?;
                }
            }
            self.close(at)?;
            self.next += 1;
        }
        Ok(())
    }

    /// Rows of a table, as a driver gives them.
    fn rows_of(
        &self,
        table: usize,
        columns: &[(usize, usize)],
        first: usize,
        width: usize,
    ) -> Result<(Vec<u32>, Frame), StoreError> {
        let table = self.tables.get(table).ok_or_else(unexpected)?;
        let last = (first + CHUNK).min(self.range.len());
        let kept: Vec<bool> = match table.present.get(first..last) {
            Some(kept) => kept.to_vec(),
            None => vec![false; last - first],
        };
        let mut pids: Vec<u32> = (first..last).filter_map(|at| u32::try_from(at).ok()).collect();
        let mut frame = Frame { rows: last - first, columns: vec![Vector::default(); width] };
        for (from, to) in columns {
            let column = table.columns.get(*from);
            let values = column.and_then(|column| column.values.get(first..last));
            let nulls = column.and_then(|column| column.nulls.as_ref()).and_then(|nulls| nulls.get(first..last));
            *frame.columns.get_mut(*to).ok_or_else(unexpected)? = match values {
                Some(values) => Vector { values: values.to_vec(), nulls: nulls.map(<[bool]>::to_vec) },
                None => Vector::constant(None, last - first),
            };
        }
        if kept.contains(&false) {
            let rows = marked(&kept);
            pick(&mut pids, &rows);
            select(&mut frame, &rows);
        }
        Ok((pids, frame))
    }

    /// Makes room for what a pipeline leaves behind.
    fn open(&mut self, at: usize) -> Result<(), StoreError> {
        let rows = self.range.len();
        let pipeline = self.job.flow.pipelines.get(at).ok_or_else(unexpected)?;
        let (Sink::Table { table, .. } | Sink::Reduce { table, .. }) = &pipeline.sink else { return Ok(()) };
        let table = self.tables.get_mut(*table).ok_or_else(unexpected)?;
        if table.present.is_empty() {
            table.present = vec![false; rows];
            match &pipeline.sink {
                Sink::Table { places, .. } => {
                    table.columns = vec![Vector { values: vec![0; rows], nulls: None }; places.len()];
                }
                Sink::Reduce { aggregates, .. } => {
                    table.states = aggregates.iter().map(|aggregate| State::new(aggregate, rows)).collect();
                }
                Sink::Cells => {}
            }
        }
        Ok(())
    }

    /// Aggregates become columns.
    fn close(&mut self, at: usize) -> Result<(), StoreError> {
        self.open(at)?;
        let pipeline = self.job.flow.pipelines.get(at).ok_or_else(unexpected)?;
        if let Sink::Reduce { table, .. } = &pipeline.sink {
            let table = self.tables.get_mut(*table).ok_or_else(unexpected)?;
            table.columns = std::mem::take(&mut table.states).into_iter().map(State::column).collect();
        }
        Ok(())
    }

    /// Rows through a pipeline's steps into its sink. Persons are places in the range.
    fn run(&mut self, at: usize, mut pids: Vec<u32>, mut draws: Vec<u64>, mut frame: Frame) -> Result<(), StoreError> {
        let job = self.job;
        let pipeline = job.flow.pipelines.get(at).ok_or_else(unexpected)?;
        let mut drop_rows = |frame: &mut Frame, pids: &mut Vec<u32>, kept: &[bool]| {
            if !kept.contains(&false) {
                return;
            }
            let rows = marked(kept);
            pick(pids, &rows);
            if !draws.is_empty() {
                pick(&mut draws, &rows);
            }
            select(frame, &rows);
        };
        for step in &pipeline.steps {
            match step {
                Step::Filter(node) => {
                    let kept = node.of(&frame).true_rows();
                    drop_rows(&mut frame, &mut pids, &kept);
                }
                Step::Compute(columns) => {
                    for (place, node) in columns {
                        let vector = node.of(&frame);
                        *frame.columns.get_mut(*place).ok_or_else(unexpected)? = vector;
                    }
                }
                Step::Counts => {
                    if let Some(people) = self.people {
                        let first = self.range.start;
                        let kept: Vec<bool> = pids.iter().map(|place| people.count(first + place)).collect();
                        drop_rows(&mut frame, &mut pids, &kept);
                    }
                }
                Step::Attach { table, outer, on, columns, present } => {
                    let table = self.tables.get(*table).ok_or_else(unexpected)?;
                    let found: Vec<bool> =
                        pids.iter().map(|pid| table.present.get(*pid as usize).copied().unwrap_or(false)).collect();
                    if !outer {
                        drop_rows(&mut frame, &mut pids, &found);
                    }
                    for (from, to) in columns {
                        let column = table.columns.get(*from).map(|column| column.at(&pids));
                        *frame.columns.get_mut(*to).ok_or_else(unexpected)? =
                            column.unwrap_or_else(|| Vector::constant(None, pids.len()));
                    }
                    match (outer, on) {
                        (false, None) => {}
                        (false, Some(on)) => {
                            let kept = on.of(&frame).true_rows();
                            drop_rows(&mut frame, &mut pids, &kept);
                        }
                        (true, on) => {
                            let mut met = found;
                            if let Some(on) = on {
                                met.iter_mut().zip(on.of(&frame).true_rows()).for_each(|(met, on)| *met &= on);
                            }
                            let alone: Vec<bool> = met.iter().map(|met| !met).collect();
                            for (_, to) in columns {
                                frame.columns.get_mut(*to).ok_or_else(unexpected)?.hide(&alone);
                            }
                            if let Some(place) = present {
                                let values = met.iter().map(|met| i64::from(*met)).collect();
                                *frame.columns.get_mut(*place).ok_or_else(unexpected)? = Vector { values, nulls: None };
                            }
                        }
                    }
                }
            }
        }
        match &pipeline.sink {
            Sink::Cells => {
                let mut cells = vec![0_i64; frame.rows];
                for node in &job.cell {
                    let part = node.of(&frame);
                    cells.iter_mut().zip(&part.values).for_each(|(cell, part)| *cell += part);
                }
                let arguments = job.arguments.iter().map(|node| node.of(&frame)).collect();
                self.cells.take(&self.range, Batch { pids, draws, cells, arguments })
            }
            Sink::Table { table, places } => {
                let table = self.tables.get_mut(*table).ok_or_else(unexpected)?;
                for pid in &pids {
                    *table.present.get_mut(*pid as usize).ok_or_else(unexpected)? = true;
                }
                for (to, place) in places.iter().enumerate() {
                    let column = frame.columns.get(*place).ok_or_else(unexpected)?;
                    table.columns.get_mut(to).ok_or_else(unexpected)?.put(&pids, column);
                }
                Ok(())
            }
            Sink::Reduce { table, aggregates } => {
                let table = self.tables.get_mut(*table).ok_or_else(unexpected)?;
                for pid in &pids {
                    *table.present.get_mut(*pid as usize).ok_or_else(unexpected)? = true;
                }
                for (state, aggregate) in table.states.iter_mut().zip(aggregates) {
                    state.take(aggregate, &pids, &frame);
                }
                Ok(())
            }
        }
    }
}

/// What a chunk holds behind persons and draws.
fn frame<'a>(
    pipeline: &Pipeline,
    rows: usize,
    arrays: &mut impl Iterator<Item = &'a ArrayRef>,
) -> Result<Frame, StoreError> {
    let mut frame = Frame { rows, columns: vec![Vector::default(); pipeline.scope.width] };
    let mut put = |place: usize, vector: Option<Vector>| {
        let column = frame.columns.get_mut(place).zip(vector).ok_or_else(unexpected)?;
        *column.0 = column.1;
        Ok::<(), StoreError>(())
    };
    match &pipeline.driver {
        Driver::Scan { readings, .. } => {
            for reading in readings {
                put(reading.place, arrays.next().and_then(|array| reading.read(array)))?;
            }
            for (_, place) in &pipeline.scope.leaves {
                put(*place, arrays.next().and_then(|array| column(array, None)))?;
            }
        }
        Driver::Sql { columns: places, .. } => {
            for (_, place) in places {
                put(*place, arrays.next().and_then(|array| column(array, None)))?;
            }
        }
        Driver::Table { .. } => return Err(unexpected()),
    }
    Ok(frame)
}

impl<C: Cells> Worker<'_, C> {
    /// Rows of a job of one pipeline that stand for several persons each: what it reads, and how many persons.
    pub(super) fn several(&mut self, chunk: &StructArray) -> Result<(), StoreError> {
        let pipeline = self.job.flow.pipelines.first().ok_or_else(unexpected)?;
        let mut columns = chunk.columns().iter();
        let frame = frame(pipeline, chunk.len(), &mut columns)?;
        let persons = columns.next().and_then(|array| column(array, None)).ok_or_else(unexpected)?;
        let persons = persons.values.iter().map(|persons| u64::try_from(*persons).map_err(|_| unexpected()));
        let places = (0..chunk.len()).filter_map(|place| u32::try_from(place).ok()).collect();
        self.run(0, places, persons.collect::<Result<_, _>>()?, frame)
    }
}

impl<C: Cells> Fold for Worker<'_, C> {
    fn rows(&mut self, persons: &Range<u32>, statement: usize, chunk: &StructArray) -> Result<(), StoreError> {
        self.enter(persons);
        let at = *self.job.fed.get(statement).ok_or_else(unexpected)?;
        self.advance(at)?;
        self.open(at)?;
        let pipeline = self.job.flow.pipelines.get(at).ok_or_else(unexpected)?;
        let mut columns = chunk.columns().iter();
        let pids = people(columns.next(), persons).ok_or_else(unexpected)?;
        let draws = if pipeline.draws { drawn(columns.next()).ok_or_else(unexpected)? } else { Vec::new() };
        let frame = frame(pipeline, pids.len(), &mut columns)?;
        self.run(at, pids, draws, frame)
    }

    fn done(&mut self, persons: &Range<u32>) -> Result<(), StoreError> {
        self.enter(persons);
        self.advance(self.job.flow.pipelines.len())?;
        self.range = 0..0;
        self.cells.done(persons)
    }
}

/// Rows of (person, draw if one is needed, cell, arguments) as SQL computed them.
pub(super) struct Plain<'s, C> {
    pub(super) shape: &'s Shape,
    pub(super) cells: C,
}

impl<C: Cells> Fold for Plain<'_, C> {
    fn rows(&mut self, persons: &Range<u32>, _: usize, chunk: &StructArray) -> Result<(), StoreError> {
        let mut columns = chunk.columns().iter();
        let pids = people(columns.next(), persons).ok_or_else(unexpected)?;
        let draws = if self.shape.draws() { drawn(columns.next()).ok_or_else(unexpected)? } else { Vec::new() };
        let cells = columns
            .next()
            .and_then(|array| column(array, None))
            .filter(|cells| cells.nulls.is_none())
            .ok_or_else(unexpected)?;
        let arguments = columns.map(|array| column(array, None)).collect::<Option<_>>().ok_or_else(unexpected)?;
        self.cells.take(persons, Batch { pids, draws, cells: cells.values, arguments })
    }

    fn done(&mut self, persons: &Range<u32>) -> Result<(), StoreError> {
        self.cells.done(persons)
    }
}

impl Vector {
    /// The values of these places.
    fn at(&self, places: &[u32]) -> Vector {
        let values = places.iter().map(|at| self.values.get(*at as usize).copied().unwrap_or(0)).collect();
        let nulls = self.nulls.as_ref().map(|nulls| {
            places.iter().map(|at| nulls.get(*at as usize).copied().unwrap_or(true)).collect::<Vec<bool>>()
        });
        Vector { values, nulls }
    }

    /// Values into these places.
    fn put(&mut self, places: &[u32], from: &Vector) {
        for (at, value) in places.iter().zip(&from.values) {
            if let Some(here) = self.values.get_mut(*at as usize) {
                *here = *value;
            }
        }
        if let Some(nulls) = &from.nulls {
            let all = self.values.len();
            let here = self.nulls.get_or_insert_with(|| vec![false; all]);
            for (at, null) in places.iter().zip(nulls) {
                if let Some(here) = here.get_mut(*at as usize) {
                    *here = *null;
                }
            }
        }
    }

    /// NULL where marked.
    fn hide(&mut self, marked: &[bool]) {
        let all = self.values.len();
        let nulls = self.nulls.get_or_insert_with(|| vec![false; all]);
        nulls.iter_mut().zip(marked).for_each(|(null, marked)| *null |= *marked);
    }
}
