//! What the room does to a package's tables before they are stored: keys re-keyed, identities replaced by persons.

use std::collections::{BTreeMap, HashMap};

use datasets::catalogue::{Catalogue, ColumnType, KeyForm};
use polars::prelude::{ChunkApply, DataFrame, IntoColumn, IntoSeries, UInt32Chunked};

use crate::frames::{FrameError, Shaped};
use crate::room::RoomKey;

/// Re-keys the keyed columns of all tables and checks that their shape is the catalogue's; tables that the catalogue
/// doesn't have are dropped.
///
/// # Errors
/// A table isn't what the catalogue says.
pub fn rekey_tables(
    tables: BTreeMap<String, DataFrame>,
    key: &RoomKey,
    catalogue: &Catalogue,
) -> Result<BTreeMap<String, DataFrame>, FrameError> {
    let mut out = BTreeMap::new();
    for (name, mut frame) in tables {
        let Some(table) = catalogue.table(&name) else {
            continue;
        };
        for entry in &table.columns {
            let column = Shaped::new(&name, &frame).column(&entry.name, &entry.frame_type(KeyForm::Keyed))?;
            if matches!(entry.ty, ColumnType::Key) {
                let numbers = column.u64().map_err(|e| FrameError::polars(&name, &e))?;
                let mut known: HashMap<u64, u64> = HashMap::new();
                for number in numbers.iter().flatten() {
                    known.entry(number).or_insert_with(|| key.rekey_u64(number));
                }
                let rekeyed = numbers.apply_values(|n| known.get(&n).copied().unwrap_or_default());
                frame.with_column(rekeyed.into_series().into_column()).map_err(|e| FrameError::polars(&name, &e))?;
            }
        }
        out.insert(name, frame);
    }
    Ok(out)
}

/// Replaces a table's first column `ident` by `pid`, as the store wants it.
///
/// # Errors
/// `ident` is missing, or a row's identity has no person.
pub fn with_pid(table: &str, frame: &DataFrame, pid_of: &HashMap<u32, u32>) -> Result<DataFrame, FrameError> {
    let shaped = Shaped::new(table, frame);
    let orphan = || FrameError::Orphan { table: table.to_owned() };
    let pids = shaped
        .u32("ident")?
        .iter()
        .map(|ident| ident.and_then(|i| pid_of.get(&i)).copied().map(Some).ok_or_else(orphan))
        .collect::<Result<UInt32Chunked, FrameError>>()?;
    let mut series = pids.into_series();
    series.rename("pid".into());
    let mut columns = vec![series.into_column()];
    columns.extend(frame.columns().iter().filter(|c| c.name() != "ident").cloned());
    DataFrame::new(frame.height(), columns).map_err(|e| FrameError::polars(table, &e))
}
