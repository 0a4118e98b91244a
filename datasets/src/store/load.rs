//! Loading: frames → one sorted, clamped, digested DuckDB file in a private folder.
//!
//! Two threads: one reads, sorts, draws and hashes; the other feeds DuckDB. Rows of one table lie in memory once as
//! the caller's frame and once as cells; DuckDB's own pages go to disk as they fill.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};

use audit_log::digest::{Hasher, hex};
use audit_log::{Event, Receipt};
use duckdb::arrow::array::{
    Array, ArrayRef, Date32Array, FixedSizeBinaryArray, Int32Array, StringArray, UInt8Array, UInt32Array, UInt64Array,
};
use duckdb::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use duckdb::arrow::record_batch::RecordBatch;
use duckdb::{AccessMode, Config, Connection};
use polars::prelude::DataFrame;

use super::cells::{Cells, hash};
use super::staging::{Staged, Staging};
use super::{StoreError, open};
use crate::catalogue::{Catalogue, KeyForm, PERSON, Table};

/// A person of the room: an id that survives every rotation, and what is known of them.
#[derive(Clone)]
pub struct Person {
    /// Random 128 bits, the UUID's value.
    pub id: u128,
    /// Index into the catalogue's list for `person.sex`.
    pub sex: i32,
    /// Month of birth: days from 1970-01-01 to its first day.
    pub birth_ym: i32,
}

impl std::fmt::Debug for Person {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Person(..)")
    }
}

/// What goes into a snapshot.
pub struct Load<'a> {
    /// The persons; their place here is the `pid` of all rows.
    pub persons: &'a [Person],
    /// Frames by table: `pid` UInt32, then the catalogue's columns, keys keyed. A table that is missing is empty.
    pub tables: BTreeMap<String, DataFrame>,
    /// Which identity row of which package became which person: `source` String, `sequence` UInt64, `ident` UInt32,
    /// `pid` UInt32.
    pub identities: DataFrame,
    /// The keyed random number of a person's row; the second argument is different for every row of that person,
    /// over all tables: (place of the table in the catalogue) × 2^26 + ordinal within person and table.
    pub draws: &'a (dyn Fn(u128, u32) -> u64 + Sync),
    /// The log's receipt of the linkage run that made the pids.
    pub receipt: &'a Receipt,
}

/// How often a column's values had to be moved into the catalogue's bounds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moved {
    /// Values outside the bounds, days within a month column, or codes that are no codes (emptied).
    pub values: u64,
    /// Rows in all.
    pub rows: u64,
}

/// Rows per batch and per unit of the digest: DuckDB's row group.
const BATCH: usize = 122_880;
const ORDINAL_BITS: u32 = 26;
pub(super) const FORMAT: i32 = 1;

type MovedMap = BTreeMap<(String, String), Moved>;

enum Message {
    Begin(String),
    Rows(RecordBatch),
}

/// Writes a snapshot into a private folder inside `dir`; nothing is to be seen before [`Staged::publish`], and
/// nothing stays if this fails. `progress` gets the number of rows stored so far.
///
/// # Errors
/// A receipt of another event, frames that are not as the catalogue says, rows of no person, or a failure of engine
/// or disk.
pub fn load(dir: &Path, load: Load<'_>, catalogue: &Catalogue, progress: &dyn Fn(u64)) -> Result<Staged, StoreError> {
    let Event::Linkage { .. } = load.receipt.event() else {
        return Err(StoreError::WrongReceipt { expected: "linkage" });
    };
    let linkage = load.receipt.index();
    check(&load, catalogue)?;
    let staging = Staging::create(dir)?;
    let connection = connect(&staging)?;
    create(&connection, catalogue)?;

    let (digest, moved) = std::thread::scope(|scope| {
        let (sender, receiver) = sync_channel(2);
        let producer = scope.spawn(move || produce(load, catalogue, &sender));
        let stored = consume(&connection, &receiver, progress);
        // A producer that waits to send must learn that nobody listens.
        drop(receiver);
        let produced = producer
            .join()
            .unwrap_or(Err(StoreError::Engine { doing: "preparing rows", code: super::EngineCode::Other }));
        stored.and(produced)
    })?;

    let failed = StoreError::engine("finishing the snapshot");
    connection
        .execute(
            "INSERT INTO _meta VALUES (?, ?, ?, ?)",
            duckdb::params![FORMAT, hex(&catalogue.digest()), linkage, hex(&digest)],
        )
        .map_err(&failed)?;
    connection.execute_batch("CHECKPOINT").map_err(&failed)?;
    connection.close().map_err(|(_, error)| failed(error))?;
    Ok(Staged::new(staging, digest, moved))
}

fn check(load: &Load<'_>, catalogue: &Catalogue) -> Result<(), StoreError> {
    for (i, (name, frame)) in load.tables.iter().enumerate() {
        let table = catalogue.table(name).filter(|t| t.name != PERSON);
        let table = table.ok_or(StoreError::UnknownTable { position: i + 1 })?;
        table.check_frame(frame, "pid", KeyForm::Keyed)?;
        if u32::try_from(frame.height()).is_err() {
            return Err(StoreError::TooMany { table: name.clone(), limit: "2^32 rows per load" });
        }
    }
    let mut ids: Vec<u128> = load.persons.iter().map(|p| p.id).collect();
    ids.sort_unstable();
    if ids.windows(2).any(|w| w.first() == w.get(1)) {
        return Err(StoreError::SamePerson);
    }
    if i32::try_from(ids.len()).is_err() || catalogue.tables().len() >= 1 << (32 - ORDINAL_BITS) {
        return Err(StoreError::TooMany { table: PERSON.to_owned(), limit: "2^31 persons, 63 tables" });
    }
    Ok(())
}

fn connect(staging: &Staging) -> Result<Connection, StoreError> {
    let failed = StoreError::engine("opening a new snapshot");
    let config = Config::default().access_mode(AccessMode::ReadWrite).map_err(&failed)?;
    let config = open::lock_down(config, &staging.spill()).map_err(&failed)?;
    let connection = Connection::open_with_flags(staging.database(), config).map_err(&failed)?;
    open::lock_configuration(&connection).map_err(&failed)?;
    Ok(connection)
}

fn create(connection: &Connection, catalogue: &Catalogue) -> Result<(), StoreError> {
    let mut sql = String::from(
        "CREATE TABLE _meta(format INTEGER NOT NULL, catalogue VARCHAR NOT NULL, linkage UBIGINT NOT NULL, contents VARCHAR NOT NULL);\n\
         CREATE TABLE _identity(source VARCHAR NOT NULL, sequence UBIGINT NOT NULL, ident UINTEGER NOT NULL, pid INTEGER NOT NULL);\n",
    );
    for table in catalogue.tables() {
        // Names are checked by the catalogue: lower-case ASCII, digits, _.
        let lead = if table.name == PERSON { "person_id UUID NOT NULL" } else { "draw UBIGINT NOT NULL" };
        sql += &format!("CREATE TABLE \"{}\"(pid INTEGER NOT NULL, {lead}", table.name);
        for column in &table.columns {
            let null = if column.nullable { "" } else { " NOT NULL" };
            sql += &format!(", \"{}\" {}{null}", column.name, column.sql_type());
        }
        sql += ");\n";
    }
    connection.execute_batch(&sql).map_err(StoreError::engine("making the tables"))
}

/// Feeds DuckDB, one transaction per table.
fn consume(
    connection: &Connection,
    messages: &std::sync::mpsc::Receiver<Message>,
    progress: &dyn Fn(u64),
) -> Result<(), StoreError> {
    let failed = StoreError::engine("storing rows");
    let mut rows = 0u64;
    let mut next = messages.recv().ok();
    while let Some(Message::Begin(table)) = next.take() {
        connection.execute_batch("BEGIN").map_err(&failed)?;
        let mut appender = connection.appender(&table).map_err(&failed)?;
        while let Ok(message) = messages.recv() {
            match message {
                Message::Rows(batch) => {
                    rows += u64::try_from(batch.num_rows()).unwrap_or(0);
                    appender.append_record_batch(batch).map_err(&failed)?;
                    progress(rows);
                }
                begin @ Message::Begin(_) => {
                    next = Some(begin);
                    break;
                }
            }
        }
        appender.flush().map_err(&failed)?;
        drop(appender);
        connection.execute_batch("COMMIT").map_err(&failed)?;
    }
    Ok(())
}

/// Tables in the catalogue's order, then identities; gives the digest of everything and what was moved.
fn produce(
    mut load: Load<'_>,
    catalogue: &Catalogue,
    out: &SyncSender<Message>,
) -> Result<([u8; 32], MovedMap), StoreError> {
    let mut whole = Hasher::new();
    whole.update(b"sudare-contents-1\n");
    let mut moved = MovedMap::new();
    for (place, table) in (0u32..).zip(catalogue.tables()) {
        let digest = if table.name == PERSON {
            persons(table, load.persons, out)?
        } else {
            // The frame is dropped as soon as its cells are read.
            match load.tables.remove(&table.name) {
                Some(frame) => rows(table, place, frame, &load, out, &mut moved)?,
                None => Writer::new(&table.name, Vec::new(), out).finish(),
            }
        };
        whole.update(&digest);
    }
    whole.update(&identities(&load, out)?);
    Ok((whole.finish(), moved))
}

/// Batches of one table on their way: hashed, then sent. A consumer that is gone has the error.
struct Writer<'a> {
    schema: SchemaRef,
    hasher: Hasher,
    out: &'a SyncSender<Message>,
}

impl<'a> Writer<'a> {
    fn new(table: &str, fields: Vec<Field>, out: &'a SyncSender<Message>) -> Self {
        let mut hasher = Hasher::new();
        hasher.update(table.as_bytes());
        hasher.update(b"\n");
        for field in &fields {
            hasher.update(format!("{} {}\n", field.name(), field.data_type()).as_bytes());
        }
        let _ = out.send(Message::Begin(table.to_owned()));
        Self { schema: Arc::new(Schema::new(fields)), hasher, out }
    }

    /// Whether anybody still listens.
    fn send(&mut self, arrays: Vec<ArrayRef>) -> Result<bool, StoreError> {
        for array in &arrays {
            hash(&mut self.hasher, array.as_ref());
        }
        let batch = RecordBatch::try_new(self.schema.clone(), arrays);
        let batch =
            batch.map_err(|_| StoreError::Engine { doing: "preparing rows", code: super::EngineCode::Other })?;
        Ok(self.out.send(Message::Rows(batch)).is_ok())
    }

    fn finish(self) -> [u8; 32] {
        self.hasher.finish()
    }
}

fn field(name: &str, ty: DataType) -> Field {
    Field::new(name, ty, true)
}

fn persons(table: &Table, persons: &[Person], out: &SyncSender<Message>) -> Result<[u8; 32], StoreError> {
    let uuid = ("ARROW:extension:name".to_owned(), "arrow.uuid".to_owned());
    let mut fields = vec![
        field("pid", DataType::Int32),
        field("person_id", DataType::FixedSizeBinary(16)).with_metadata([uuid].into()),
    ];
    fields.extend(table.columns.iter().map(|c| match c.sql_type() {
        "DATE" => field(&c.name, DataType::Date32),
        _ => field(&c.name, DataType::UInt8),
    }));
    let mut writer = Writer::new(&table.name, fields, out);
    for (chunk, persons) in (0usize..).zip(persons.chunks(BATCH)) {
        let first = i32::try_from(chunk * BATCH).unwrap_or(i32::MAX);
        let pids = Int32Array::from_iter_values((first..).take(persons.len()));
        let ids = persons.iter().map(|p| p.id.to_be_bytes());
        let ids = FixedSizeBinaryArray::try_from_iter(ids)
            .map_err(|_| StoreError::Engine { doing: "preparing rows", code: super::EngineCode::Other })?;
        let mut arrays: Vec<ArrayRef> = vec![Arc::new(pids), Arc::new(ids)];
        for column in &table.columns {
            let clamped = |v: i32| column.clamp(i64::from(v));
            if column.name == "sex" {
                let cells = persons.iter().map(|p| u8::try_from(clamped(p.sex)).unwrap_or(0));
                arrays.push(Arc::new(UInt8Array::from_iter_values(cells)));
            } else {
                let cells = persons.iter().map(|p| i32::try_from(clamped(p.birth_ym)).unwrap_or(0));
                arrays.push(Arc::new(Date32Array::from_iter_values(cells)));
            }
        }
        if !writer.send(arrays)? {
            break;
        }
    }
    Ok(writer.finish())
}

fn rows(
    table: &Table,
    place: u32,
    frame: DataFrame,
    load: &Load<'_>,
    out: &SyncSender<Message>,
    moved: &mut MovedMap,
) -> Result<[u8; 32], StoreError> {
    let unreadable = |column: &str| StoreError::Frame { table: table.name.clone(), column: column.to_owned() };
    let height = frame.height();
    let mut columns = frame.into_columns().into_iter();
    let pids = columns.next().ok_or_else(|| unreadable("pid"))?;
    let pids: Vec<u32> = pids
        .u32()
        .map_err(|_| unreadable("pid"))?
        .iter()
        // A NULL is no person either.
        .map(|p| p.unwrap_or(u32::MAX))
        .collect();
    let persons = load.persons;
    let stray = |pid: &u32| usize::try_from(*pid).is_ok_and(|p| p >= persons.len());
    if let Some(row) = pids.iter().position(stray) {
        return Err(StoreError::UnknownPerson { table: table.name.clone(), row, persons: persons.len() });
    }
    let mut cells = Vec::with_capacity(table.columns.len());
    for (column, values) in table.columns.iter().zip(columns) {
        let (read, values_moved) = Cells::read(column, &values).map_err(|_| unreadable(&column.name))?;
        cells.push(read);
        if values_moved > 0 {
            let entry = moved.entry((table.name.clone(), column.name.clone()));
            *entry.or_default() = Moved { values: values_moved, rows: u64::try_from(height).unwrap_or(u64::MAX) };
        }
    }
    let order = sorted(table, &pids, &cells);

    let mut fields = vec![field("pid", DataType::Int32), field("draw", DataType::UInt64)];
    let named = table.columns.iter().zip(&cells);
    fields.extend(named.map(|(c, cells)| field(&c.name, cells.arrow_type())));
    let mut writer = Writer::new(&table.name, fields, out);
    let base = place << ORDINAL_BITS;
    let (mut current, mut ordinal) = (u32::MAX, 0u32);
    for chunk in order.chunks(BATCH) {
        let mut batch_pids = Vec::with_capacity(chunk.len());
        let mut draws = Vec::with_capacity(chunk.len());
        for row in chunk {
            let pid = usize::try_from(*row).ok().and_then(|r| pids.get(r));
            let pid = pid.copied().unwrap_or(0);
            ordinal = if pid == current { ordinal + 1 } else { 0 };
            if ordinal >> ORDINAL_BITS != 0 {
                return Err(StoreError::TooMany { table: table.name.clone(), limit: "2^26 rows per person" });
            }
            current = pid;
            let person = usize::try_from(pid).ok().and_then(|p| persons.get(p));
            batch_pids.push(i32::try_from(pid).unwrap_or(i32::MAX));
            draws.push(person.map_or(0, |p| (load.draws)(p.id, base | ordinal)));
        }
        let mut arrays: Vec<ArrayRef> =
            vec![Arc::new(Int32Array::from(batch_pids)), Arc::new(UInt64Array::from(draws))];
        arrays.extend(cells.iter().map(|c| c.gather(chunk)));
        if !writer.send(arrays)? {
            break;
        }
    }
    Ok(writer.finish())
}

/// Row numbers by person, the catalogue's order, then every other column: equal contents give equal snapshots,
/// whatever order the packages came in.
fn sorted(table: &Table, pids: &[u32], cells: &[Cells]) -> Vec<u32> {
    let named = table.order.iter().filter_map(|name| table.position(name));
    let rest = (0..cells.len()).filter(|i| {
        let name = table.columns.get(*i).map(|c| &c.name);
        !table.order.iter().any(|o| Some(o) == name)
    });
    let by: Vec<&Cells> = named.chain(rest).filter_map(|i| cells.get(i)).collect();
    // Person and first day in one integer: nearly all rows are in order after comparing it.
    let days = by.first().and_then(|c| c.day_keys());
    let key = |row: usize, pid: u32| {
        let day = days.and_then(|d| d.get(row)).map_or(0, |d| d.cast_unsigned() ^ (1 << 31));
        u64::from(pid) << 32 | u64::from(day)
    };
    let mut rows: Vec<(u64, u32)> =
        pids.iter().enumerate().zip(0u32..).map(|((row, pid), number)| (key(row, *pid), number)).collect();
    rows.sort_unstable();
    for run in rows.chunk_by_mut(|a, b| a.0 == b.0).filter(|run| run.len() > 1) {
        run.sort_unstable_by(|(_, a), (_, b)| {
            let unequal = by.iter().map(|c| c.compare(*a, *b)).find(|o| o.is_ne());
            unequal.unwrap_or(std::cmp::Ordering::Equal)
        });
    }
    rows.into_iter().map(|(_, row)| row).collect()
}

fn identities(load: &Load<'_>, out: &SyncSender<Message>) -> Result<[u8; 32], StoreError> {
    const TABLE: &str = "_identity";
    let unreadable = |column: &str| StoreError::Frame { table: TABLE.to_owned(), column: column.to_owned() };
    let column = |name: &str| load.identities.column(name).map_err(|_| unreadable(name));
    let (source, sequence) = (column("source")?, column("sequence")?);
    let (ident, pid) = (column("ident")?, column("pid")?);
    let source = source.str().map_err(|_| unreadable("source"))?;
    let sequence = sequence.u64().map_err(|_| unreadable("sequence"))?;
    let ident = ident.u32().map_err(|_| unreadable("ident"))?;
    let pid = pid.u32().map_err(|_| unreadable("pid"))?;
    let mut rows = Vec::with_capacity(load.identities.height());
    let cells = source.iter().zip(sequence.iter()).zip(ident.iter().zip(pid.iter()));
    for (row, ((source, sequence), (ident, pid))) in cells.enumerate() {
        let (Some(source), Some(sequence), Some(ident), Some(pid)) = (source, sequence, ident, pid) else {
            return Err(unreadable("source, sequence, ident or pid (NULL)"));
        };
        if usize::try_from(pid).is_ok_and(|p| p >= load.persons.len()) {
            return Err(StoreError::UnknownPerson { table: TABLE.to_owned(), row, persons: load.persons.len() });
        }
        rows.push((source, sequence, ident, i32::try_from(pid).unwrap_or(i32::MAX)));
    }
    rows.sort_unstable();
    let fields = vec![
        field("source", DataType::Utf8),
        field("sequence", DataType::UInt64),
        field("ident", DataType::UInt32),
        field("pid", DataType::Int32),
    ];
    let mut writer = Writer::new(TABLE, fields, out);
    for chunk in rows.chunks(BATCH) {
        let arrays: [Arc<dyn Array>; 4] = [
            Arc::new(StringArray::from_iter_values(chunk.iter().map(|r| r.0))),
            Arc::new(UInt64Array::from_iter_values(chunk.iter().map(|r| r.1))),
            Arc::new(UInt32Array::from_iter_values(chunk.iter().map(|r| r.2))),
            Arc::new(Int32Array::from_iter_values(chunk.iter().map(|r| r.3))),
        ];
        if !writer.send(arrays.into())? {
            break;
        }
    }
    Ok(writer.finish())
}
