//! The journal of person ids: which were merged, which were split, and why. It is kept as Parquet, which the caller seals;
//! nothing here writes to disk.

use std::io::Cursor;

use polars::prelude::*;

use crate::error::LinkageError;
use crate::identity::PersonId;
use crate::report::{Reason, Refusal};

/// What became of a person id of an earlier run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Decision {
    /// `absorbed` is retired; its rows (or most of them) belong to `into`.
    Merge {
        /// The id that stays.
        into: PersonId,
        /// The id that is no more.
        absorbed: PersonId,
        /// What brought them together, if anything did.
        by: Option<Reason>,
        /// The model's weight of that, in bits; `None` without a model, by a reviewer, or where a spelling came again.
        weight: Option<f64>,
    },
    /// Some rows that were `from` now belong to `to`.
    Split {
        /// The id they had.
        from: PersonId,
        /// The id they have.
        to: PersonId,
        /// The refusal that kept them apart; `None` if nothing links them any more.
        because: Option<Refusal>,
    },
}

const COLUMNS: [&str; 4] = ["kind", "from", "to", "reason"];
const WEIGHT: &str = "weight";

/// The journal as a frame: `kind` (merge, split), `from`, `to` (UUIDs), `reason` (a pass, *score*, *clerical*, a refusal or NULL),
/// `weight` (bits or NULL).
///
/// # Errors
/// If the frame can't be built.
pub fn to_frame(journal: &[Decision]) -> Result<DataFrame, LinkageError> {
    let mut kinds = Vec::with_capacity(journal.len());
    let mut from = Vec::with_capacity(journal.len());
    let mut to = Vec::with_capacity(journal.len());
    let mut reasons = Vec::with_capacity(journal.len());
    let mut weights: Vec<Option<f64>> = Vec::with_capacity(journal.len());
    for decision in journal {
        let (kind, source, target, reason, weight) = match *decision {
            Decision::Merge { into, absorbed, by, weight } => ("merge", absorbed, into, by.map(Reason::name), weight),
            Decision::Split { from, to, because } => ("split", from, to, because.map(Refusal::name), None),
        };
        kinds.push(kind);
        from.push(source.to_string());
        to.push(target.to_string());
        reasons.push(reason);
        weights.push(weight);
    }
    df!("kind" => kinds, "from" => from, "to" => to, "reason" => reasons, WEIGHT => weights)
        .map_err(|_| LinkageError::Frame("journal"))
}

/// The journal from its frame.
///
/// # Errors
/// [`LinkageError::Journal`] if the frame is not a journal.
pub fn from_frame(frame: &DataFrame) -> Result<Vec<Decision>, LinkageError> {
    let [kinds, from, to, reasons] = COLUMNS.map(|name| {
        frame.column(name).ok().and_then(|column| column.str().ok()).ok_or(LinkageError::Journal("columns"))
    });
    let (kinds, from, to, reasons) = (kinds?, from?, to?, reasons?);
    let id = |text: Option<&str>| {
        text.and_then(|text| uuid::Uuid::try_parse(text).ok())
            .map(|id| PersonId(id.as_u128()))
            .ok_or(LinkageError::Journal("person id"))
    };
    let weights =
        frame.column(WEIGHT).ok().and_then(|column| column.f64().ok()).ok_or(LinkageError::Journal("columns"))?;
    let rows = kinds.iter().zip(from.iter()).zip(to.iter()).zip(reasons.iter()).zip(weights.iter());
    rows.map(|((((kind, from), to), reason), weight)| {
        let (from, to) = (id(from)?, id(to)?);
        let unknown = LinkageError::Journal("reason");
        match kind {
            Some("merge") => Ok(Decision::Merge {
                into: to,
                absorbed: from,
                by: match reason {
                    Some(reason) => Some(Reason::named(reason).ok_or(unknown)?),
                    None => None,
                },
                weight,
            }),
            Some("split") => Ok(Decision::Split {
                from,
                to,
                because: match reason {
                    Some(reason) => Some(Refusal::named(reason).ok_or(unknown)?),
                    None => None,
                },
            }),
            _ => Err(LinkageError::Journal("kind")),
        }
    })
    .collect()
}

/// The journal as Parquet, to be sealed by the caller.
///
/// # Errors
/// If the frame can't be built or written.
pub fn to_parquet(journal: &[Decision]) -> Result<Vec<u8>, LinkageError> {
    let mut frame = to_frame(journal)?;
    let mut bytes = Vec::new();
    ParquetWriter::new(&mut bytes).finish(&mut frame).map_err(|_| LinkageError::Frame("journal"))?;
    Ok(bytes)
}

/// The journal from Parquet.
///
/// # Errors
/// [`LinkageError::Journal`] if the bytes are not a journal.
pub fn from_parquet(bytes: &[u8]) -> Result<Vec<Decision>, LinkageError> {
    let frame =
        ParquetReader::new(Cursor::new(bytes.to_vec())).finish().map_err(|_| LinkageError::Journal("parquet"))?;
    from_frame(&frame)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]

    use super::*;

    #[test]
    fn survives_parquet_and_refuses_damage() {
        let mut journal = Vec::new();
        let passes = crate::Pass::ALL.map(|pass| Some(Reason::Pass(pass)));
        for by in passes.into_iter().chain([Some(Reason::Score), Some(Reason::Clerical), None]) {
            let (into, absorbed) = (PersonId(1 << 100), PersonId(7));
            let weight = by.map(|_| 12.5);
            journal.push(Decision::Merge { into, absorbed, by, weight });
        }
        for because in Refusal::ALL.map(Some).into_iter().chain([None]) {
            let (from, to) = (PersonId(u128::MAX), PersonId(0));
            journal.push(Decision::Split { from, to, because });
        }
        let bytes = to_parquet(&journal).unwrap();
        assert_eq!(from_parquet(&bytes).unwrap(), journal);
        assert_eq!(from_parquet(&to_parquet(&[]).unwrap()).unwrap(), []);
        assert!(from_parquet(&bytes[..bytes.len() / 2]).is_err());
        assert!(from_parquet(b"").is_err());
        let weight = [None::<f64>];
        let other = df!("kind" => ["merge"], "from" => ["x"], "to" => ["y"], "reason" => ["id1"], "weight" => weight);
        assert!(from_frame(&other.unwrap()).is_err());
        let zero = PersonId(0).to_string();
        let ids = [zero.as_str()];
        let odd = df!("kind" => ["split"], "from" => ids, "to" => ids, "reason" => ["id1"], "weight" => weight);
        assert!(from_frame(&odd.unwrap()).is_err());
    }

    #[test]
    fn debug_shows_no_id() {
        let merge = Decision::Merge { into: PersonId(0xabc), absorbed: PersonId(0xdef), by: None, weight: None };
        let text = format!("{merge:?}");
        assert!(!text.contains("abc") && !text.contains("2748"), "{text}");
    }
}
