//! Reading a snapshot by ranges of persons, on all cores: rows lie clustered by person, so that a range touches only its own row groups
//! and everything that belongs to one person comes to one worker. What is done with the rows is the caller's affair.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use audit_log::{Event, Receipt};
use duckdb::Connection;
use duckdb::arrow::array::StructArray;

use super::{Store, StoreError, guard};

/// Persons per range at most: their rows and a caller's notes on them fit into a core's cache.
const RANGE: u32 = 1 << 16;

/// Persons per range at least, so that preparing a statement costs little beside running it.
const LEAST: u32 = 1 << 12;

/// What is made of the rows.
pub trait Fold: Send {
    /// One chunk of the rows that a statement (by its number) has of a range of persons.
    ///
    /// # Errors
    /// Whatever makes the whole reading fail.
    fn rows(&mut self, persons: &Range<u32>, statement: usize, chunk: &StructArray) -> Result<(), StoreError>;

    /// The range is over: no further row of these persons will come.
    ///
    /// # Errors
    /// Whatever makes the whole reading fail.
    fn done(&mut self, persons: &Range<u32>) -> Result<(), StoreError>;
}

impl Store {
    /// Runs `statements`, in order, for one range of persons after the other, on all cores, and gives what each worker made of the rows. Exact
    /// results: for mechanisms only.
    ///
    /// # Errors
    /// [`StoreError::WrongReceipt`] unless `intent` is the receipt of an intent; [`StoreError::NotASelect`]; an engine failure,
    /// without its text; what the fold says.
    pub fn fold<F: Fold>(
        &self,
        intent: &Receipt,
        statements: &(dyn Fn(&Range<u32>) -> Vec<String> + Sync),
        worker: &(dyn Fn() -> F + Sync),
    ) -> Result<Vec<F>, StoreError> {
        let Event::Intent { .. } = intent.event() else {
            return Err(StoreError::WrongReceipt { expected: "intent" });
        };
        fold(&self.connection, statements, worker)
    }

    /// Runs one statement and gives its rows, chunk by chunk. Exact results: for mechanisms only.
    ///
    /// # Errors
    /// As for [`Store::fold`].
    pub fn scan(
        &self,
        intent: &Receipt,
        statement: &str,
        take: &mut dyn FnMut(&StructArray) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let Event::Intent { .. } = intent.event() else {
            return Err(StoreError::WrongReceipt { expected: "intent" });
        };
        scan(&self.connection, statement, take)
    }
}

/// [`Store::scan`] without a receipt: for tests on databases of their own, and measurements.
///
/// # Errors
/// As there.
#[doc(hidden)]
pub fn scan(
    connection: &Connection,
    sql: &str,
    take: &mut dyn FnMut(&StructArray) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let failed = StoreError::engine("running the query");
    if !guard::is_one_select(sql) {
        return Err(StoreError::NotASelect);
    }
    let mut statement = connection.prepare(sql).map_err(&failed)?;
    drop(statement.stream_arrow([]).map_err(&failed)?);
    while let Some(chunk) = statement.step().map_err(&failed)? {
        take(&chunk)?;
    }
    Ok(())
}

/// [`Store::fold`] without a receipt: for tests on databases of their own, and measurements.
///
/// # Errors
/// As there.
#[doc(hidden)]
pub fn fold<F: Fold>(
    connection: &Connection,
    statements: &(dyn Fn(&Range<u32>) -> Vec<String> + Sync),
    worker: &(dyn Fn() -> F + Sync),
) -> Result<Vec<F>, StoreError> {
    let failed = StoreError::engine("running the query");
    let persons: i64 = connection
        .query_row("SELECT coalesce(max(pid), -1)::BIGINT + 1 FROM person", [], |row| row.get(0))
        .map_err(&failed)?;
    let persons = u32::try_from(persons).unwrap_or(u32::MAX);
    let threads = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
    // Enough ranges to share out, also in a small room.
    let shares = u32::try_from(threads).unwrap_or(u32::MAX).saturating_mul(2);
    let size = persons.div_ceil(shares).clamp(LEAST, RANGE);
    let ranges: Vec<Range<u32>> =
        (0..persons.div_ceil(size)).map(|n| n * size..persons.min(n.saturating_add(1).saturating_mul(size))).collect();
    let threads = threads.min(ranges.len());
    let mut connections = Vec::with_capacity(threads);
    for _ in 0..threads {
        connections.push(connection.try_clone().map_err(&failed)?);
    }
    let (next, stop) = (AtomicUsize::new(0), AtomicBool::new(false));
    let (ranges, next, stop) = (&ranges, &next, &stop);
    std::thread::scope(|scope| {
        let workers: Vec<_> = connections
            .into_iter()
            .map(|connection| {
                scope.spawn(move || {
                    let mut fold = worker();
                    while let Some(range) = ranges.get(next.fetch_add(1, Ordering::Relaxed)) {
                        if stop.load(Ordering::Relaxed) {
                            break;
                        }
                        let one = one(&connection, &statements(range), range, &mut fold);
                        if let Err(error) = one {
                            stop.store(true, Ordering::Relaxed);
                            return Err(error);
                        }
                    }
                    Ok(fold)
                })
            })
            .collect();
        let panicked = || StoreError::Engine { doing: "running the query", code: super::EngineCode::Other };
        workers.into_iter().map(|worker| worker.join().unwrap_or_else(|_| Err(panicked()))).collect()
    })
}

fn one<F: Fold>(connection: &Connection, texts: &[String], range: &Range<u32>, fold: &mut F) -> Result<(), StoreError> {
    for (number, sql) in texts.iter().enumerate() {
        scan(connection, sql, &mut |chunk| fold.rows(range, number, chunk))?;
    }
    fold.done(range)
}
