//! Which synthetic person an identity row belongs to, for measuring linkage. Synthetic data only: the truth of real
//! data is known to nobody.

use std::collections::HashMap;
use std::fs::File;
use std::path::Path;

use polars::prelude::{
    ChunkFull, DataFrame, NamedFrom, ParquetReader, SerReader, Series, StringChunked, UInt32Chunked,
};

use super::Identified;
use super::error::ReadError;

/// Fields of a fingerprint, in order.
const FIELDS: [&str; 8] = ["insurer_no", "symbol", "number", "branch", "name", "kana", "birth", "sex"];

fn failed(what: &'static str) -> ReadError {
    ReadError::Frame { what }
}

/// The persons behind the identity rows of the last batch: as [`Truth::of`].
///
/// # Errors
/// As [`Truth::load`] and [`Truth::of`].
pub fn truth(identity: &Identified, truth_parquet: &Path) -> Result<DataFrame, ReadError> {
    Truth::load(truth_parquet)?.of(identity.identity())
}

/// Persons and scenarios by the fingerprints of their identities.
pub struct Truth(HashMap<u64, Option<(u32, u32)>>);

impl std::fmt::Debug for Truth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Truth").field("fingerprints", &self.0.len()).finish()
    }
}

impl Truth {
    /// Reads what `synth` wrote.
    ///
    /// # Errors
    /// The file cannot be read, or lacks the columns `fingerprint` (UInt64) and `person` (UInt32).
    pub fn load(truth_parquet: &Path) -> Result<Self, ReadError> {
        let shown = truth_parquet.display().to_string();
        let file = File::open(truth_parquet).map_err(|error| ReadError::io(&shown, &error))?;
        let table = ParquetReader::new(file).finish().map_err(|_| failed("reading the truth"))?;
        let prints = table
            .column("fingerprint")
            .and_then(|column| column.u64().cloned())
            .map_err(|_| failed("reading the truth's fingerprints"))?;
        let persons = table
            .column("person")
            .and_then(|column| column.u32().cloned())
            .map_err(|_| failed("reading the truth's persons"))?;
        let scenarios = match table.column("scenarios") {
            Ok(column) => column.u32().cloned().map_err(|_| failed("reading the truth's scenarios"))?,
            Err(_) => UInt32Chunked::full("scenarios".into(), 0, table.height()),
        };
        // What several sources or facilities wrote alike has what befell any of them.
        let mut known: HashMap<u64, Option<(u32, u32)>> = HashMap::new();
        for ((print, person), bits) in prints.iter().zip(persons.iter()).zip(scenarios.iter()) {
            if let (Some(print), Some(person)) = (print, person) {
                let bits = bits.unwrap_or_default();
                known
                    .entry(print)
                    .and_modify(|held| {
                        *held = held.filter(|one| one.0 == person).map(|one| (person, one.1 | bits));
                    })
                    .or_insert(Some((person, bits)));
            }
        }
        Ok(Self(known))
    }

    /// The persons behind rows of an identity frame: columns `ident`, `person` and `scenarios` (bits of
    /// [`Scenario`](crate::synth::Scenario); 0 if the file has none), all UInt32.
    ///
    /// Joined by fingerprint: the first 8 bytes, little-endian, of SHA-256 over the identity's strings (NULL = "") joined by
    /// U+001F. A row without a match, or whose fingerprint the truth gives to two persons, is absent: who looks the same to
    /// every reader cannot count for or against a linkage.
    ///
    /// # Errors
    /// The frame lacks a column.
    pub fn of(&self, frame: &DataFrame) -> Result<DataFrame, ReadError> {
        let mut texts: Vec<StringChunked> = Vec::with_capacity(FIELDS.len());
        for name in FIELDS {
            let column = frame.column(name).and_then(|column| column.str().cloned());
            texts.push(column.map_err(|_| failed("reading the identity frame"))?);
        }
        let numbers = frame
            .column("ident")
            .and_then(|column| column.u32().cloned())
            .map_err(|_| failed("reading the identity frame"))?;
        let (mut idents, mut found, mut why) = (Vec::new(), Vec::new(), Vec::new());
        for (row, ident) in numbers.iter().enumerate() {
            let fields: Vec<&str> = texts.iter().map(|text| text.get(row).unwrap_or("")).collect();
            if let (Some(ident), Some(Some((person, bits)))) = (ident, self.0.get(&fingerprint(&fields))) {
                idents.push(ident);
                found.push(*person);
                why.push(*bits);
            }
        }
        let height = idents.len();
        let columns = vec![
            Series::new("ident".into(), idents).into(),
            Series::new("person".into(), found).into(),
            Series::new("scenarios".into(), why).into(),
        ];
        DataFrame::new(height, columns).map_err(|_| failed("building the truth"))
    }
}

fn fingerprint(fields: &[&str]) -> u64 {
    let hash = audit_log::digest::sha256(fields.join("\u{1f}").as_bytes());
    let mut first = [0_u8; 8];
    for (to, from) in first.iter_mut().zip(hash) {
        *to = from;
    }
    u64::from_le_bytes(first)
}
