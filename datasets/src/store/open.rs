//! The locked-down connection to a published snapshot. Only integers come out.

use std::path::Path;
use std::sync::Arc;

use audit_log::digest::parse_hex;
use audit_log::{Event, Receipt};
use duckdb::arrow::array::{Array, AsArray, PrimitiveArray, StructArray};
use duckdb::arrow::datatypes::{
    ArrowPrimitiveType, DataType, Decimal128Type, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type,
    UInt32Type, UInt64Type,
};
use duckdb::{AccessMode, Config, Connection};

use super::load::FORMAT;
use super::staging::Private;
use super::{StoreError, guard};

/// Settings that shut the engine in: no files but its own, no network, no extensions, no secrets kept.
/// They are given before the database is opened; [`lock_configuration`] then makes them final.
pub(super) fn lock_down(config: Config, spill: &Path) -> duckdb::Result<Config> {
    let threads = std::thread::available_parallelism().map_or(2, |n| n.get().max(2));
    let spill = spill.to_str().ok_or(duckdb::Error::InvalidQuery)?;
    config
        .with("temp_directory", spill)?
        .threads(i64::try_from(threads).unwrap_or(2))?
        .enable_external_access(false)?
        .enable_autoload_extension(false)?
        .with("allow_community_extensions", "false")?
        .with("allow_persistent_secrets", "false")
}

/// After this no SET, RESET or PRAGMA changes a setting.
pub(super) fn lock_configuration(connection: &Connection) -> duckdb::Result<()> {
    connection.execute_batch("SET lock_configuration = true")
}

/// Which identity row of an earlier load became which person.
#[derive(Clone)]
pub struct PreviousIdentity {
    /// Name of the source.
    pub source: Arc<str>,
    /// The package's sequence number.
    pub sequence: u64,
    /// The identity row within the package.
    pub ident: u32,
    /// The person's id.
    pub person: u128,
}

impl std::fmt::Debug for PreviousIdentity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PreviousIdentity(..)")
    }
}

/// A published snapshot, open for reading.
pub struct Store {
    pub(super) connection: Connection,
    catalogue: [u8; 32],
    linkage: u64,
    contents: [u8; 32],
    // Dropped after the connection: what was spilled goes with it.
    _spill: Private,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Store(..)")
    }
}

impl Store {
    /// Opens a snapshot read-only, with the engine shut in. What doesn't fit into `memory_mib` MiB goes to a private
    /// folder inside `spill` (made if missing; inside the room), which goes with the store. That folder is the only
    /// place where the engine could still write, and no statement that [`Store::integers`] lets through asks it to.
    ///
    /// # Errors
    /// [`StoreError::NotASnapshot`] or an engine failure (a file that isn't there or in use by a writer).
    pub fn open(path: &Path, spill: &Path, memory_mib: u64) -> Result<Self, StoreError> {
        let failed = StoreError::engine("opening the snapshot");
        // DuckDB would make a file that is not there, and replay a log beside one that is.
        let meta = std::fs::metadata(path).map_err(StoreError::io("opening the snapshot"))?;
        let mut wal = path.as_os_str().to_owned();
        wal.push(".wal");
        if !meta.is_file() || Path::new(&wal).exists() {
            return Err(StoreError::NotASnapshot);
        }
        let spill = Private::create(spill, ".spill-")?;
        let config = Config::default()
            .access_mode(AccessMode::ReadOnly)
            .and_then(|c| c.max_memory(&format!("{memory_mib}MiB")))
            .and_then(|c| lock_down(c, spill.path()))
            .map_err(&failed)?;
        let connection = Connection::open_with_flags(path, config).map_err(&failed)?;
        lock_configuration(&connection).map_err(&failed)?;
        let meta = connection.query_row("SELECT format, catalogue, linkage, contents FROM _meta", [], |row| {
            let text = |i| row.get::<_, String>(i);
            Ok((row.get::<_, i32>(0)?, text(1)?, row.get(2)?, text(3)?))
        });
        let (format, catalogue, linkage, contents) = meta.map_err(|_| StoreError::NotASnapshot)?;
        match (format, parse_hex(&catalogue), parse_hex(&contents)) {
            (FORMAT, Some(catalogue), Some(contents)) => {
                Ok(Self { connection, catalogue, linkage, contents, _spill: spill })
            }
            _ => Err(StoreError::NotASnapshot),
        }
    }

    /// Digest of the catalogue by which this snapshot was loaded: plans of another catalogue don't fit.
    pub fn catalogue_digest(&self) -> [u8; 32] {
        self.catalogue
    }

    /// Place in the log of the linkage run that this snapshot comes from.
    pub fn linkage_index(&self) -> u64 {
        self.linkage
    }

    /// The digest that [`super::Staged::digest`] had, as the file says. Not keyed: not to be shown.
    pub fn contents_digest(&self) -> [u8; 32] {
        self.contents
    }

    /// Runs one SELECT and gives its rows. Exact results: for mechanisms only.
    ///
    /// # Errors
    /// [`StoreError::WrongReceipt`] unless `intent` is the receipt of an intent; [`StoreError::NotASelect`];
    /// [`StoreError::NotInteger`] for a result column that is no integer; an engine failure, without its text.
    pub fn integers(&self, sql: &str, intent: &Receipt) -> Result<Vec<Vec<Option<i128>>>, StoreError> {
        let Event::Intent { .. } = intent.event() else {
            return Err(StoreError::WrongReceipt { expected: "intent" });
        };
        self.select(sql)
    }

    fn select(&self, sql: &str) -> Result<Vec<Vec<Option<i128>>>, StoreError> {
        let failed = StoreError::engine("running the query");
        if !guard::is_one_select(sql) {
            return Err(StoreError::NotASelect);
        }
        let mut statement = self.connection.prepare(sql).map_err(&failed)?;
        statement.execute([]).map_err(&failed)?;
        let schema = statement.schema();
        for (column, field) in schema.fields().iter().enumerate() {
            if !is_integer(field.data_type()) {
                return Err(StoreError::NotInteger { column });
            }
        }
        let mut rows = Vec::new();
        while let Some(chunk) = statement.step().map_err(&failed)? {
            append(&chunk, &mut rows)?;
        }
        Ok(rows)
    }

    /// All identity rows of this snapshot with their persons, for the next linkage run: persons keep their ids.
    ///
    /// # Errors
    /// An engine failure.
    pub fn previous_identities(&self) -> Result<Vec<PreviousIdentity>, StoreError> {
        let failed = StoreError::engine("reading identities");
        let sql = "SELECT source, sequence, ident, CAST(person_id AS VARCHAR) \
                   FROM _identity JOIN person USING (pid) ORDER BY source, sequence, ident";
        let mut statement = self.connection.prepare(sql).map_err(&failed)?;
        let mut rows = statement.query([]).map_err(&failed)?;
        let mut out: Vec<PreviousIdentity> = Vec::new();
        while let Some(row) = rows.next().map_err(&failed)? {
            let source: String = row.get(0).map_err(&failed)?;
            let uuid: String = row.get(3).map_err(&failed)?;
            let source = match out.last() {
                Some(last) if *last.source == *source => last.source.clone(),
                _ => source.into(),
            };
            let digits: String = uuid.chars().filter(|c| *c != '-').collect();
            out.push(PreviousIdentity {
                source,
                sequence: row.get(1).map_err(&failed)?,
                ident: row.get(2).map_err(&failed)?,
                person: u128::from_str_radix(&digits, 16).map_err(|_| StoreError::NotASnapshot)?,
            });
        }
        Ok(out)
    }
}

fn is_integer(ty: &DataType) -> bool {
    // DuckDB hands a HUGEINT over as a decimal without decimals.
    ty.is_integer() || matches!(ty, DataType::Decimal128(_, 0))
}

fn append(chunk: &StructArray, rows: &mut Vec<Vec<Option<i128>>>) -> Result<(), StoreError> {
    let first = rows.len();
    rows.resize_with(first + chunk.len(), || Vec::with_capacity(chunk.num_columns()));
    for (column, array) in chunk.columns().iter().enumerate() {
        let out = rows.iter_mut().skip(first);
        match array.data_type() {
            DataType::Int8 => push::<Int8Type>(array, out),
            DataType::Int16 => push::<Int16Type>(array, out),
            DataType::Int32 => push::<Int32Type>(array, out),
            DataType::Int64 => push::<Int64Type>(array, out),
            DataType::UInt8 => push::<UInt8Type>(array, out),
            DataType::UInt16 => push::<UInt16Type>(array, out),
            DataType::UInt32 => push::<UInt32Type>(array, out),
            DataType::UInt64 => push::<UInt64Type>(array, out),
            DataType::Decimal128(_, 0) => push::<Decimal128Type>(array, out),
            _ => return Err(StoreError::NotInteger { column }),
        }
    }
    Ok(())
}

fn push<'a, T: ArrowPrimitiveType>(array: &dyn Array, rows: impl Iterator<Item = &'a mut Vec<Option<i128>>>)
where
    i128: From<T::Native>,
{
    let array: Option<&PrimitiveArray<T>> = array.as_primitive_opt();
    for (row, cell) in rows.zip(array.into_iter().flatten()) {
        row.push(cell.map(i128::from));
    }
}
