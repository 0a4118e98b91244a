//! Synthetic people as linkage sees them, with the truth, and with the identifiers that a peer would get: as written, and in our normal
//! form. Nothing is stored.

use std::collections::HashMap;
use std::path::Path;

use ::linkage::{Group, Identity, PASSES, Pass};
use datasets::catalogue::Catalogue;
use datasets::read::{Identified, ReadError, ReadOptions, read, truth};
use datasets::synth::{Scenario, SynthOptions, generate};
use polars::prelude::{Column, DataFrame, NamedFrom, ParquetWriter, Series};
use pseudonymize::normalize::{Fields, Raw};
use pseudonymize::{LinkageKey, Pseudonymizer, RoomKey, SourceKeys, rekey_identities};

use crate::Failure;
use crate::room::{EPOCH, ORIGIN, SECRET, SOURCES, linked};

/// The reader's columns of identifiers.
const WRITTEN: [&str; 10] =
    ["insurer_no", "symbol", "number", "branch", "name", "kana", "birth", "sex", "individual_no", "postcode"];
/// The same in normal form, and the given name.
const NORMAL: [&str; 9] = ["insurer_no", "symbol", "number", "branch", "name", "kana", "birth", "sex", "postcode"];

/// Rows whose person the truth knows; all vectors are as long.
#[derive(Default)]
pub(crate) struct World {
    pub(crate) rows: Vec<Identity>,
    pub(crate) person: Vec<u32>,
    pub(crate) scenarios: Vec<u32>,
    written: Vec<[String; 10]>,
}

impl World {
    /// Invents people, writes their files into a temporary folder, reads them as a source does. `keep`: also what was written.
    pub(crate) fn new(options: &SynthOptions, keep: bool) -> Result<Self, Failure> {
        let dir = tempfile::tempdir()?;
        let raw = dir.path().join("raw");
        generate(&raw, options, &|_| {})?;
        let catalogue = Catalogue::builtin()?;
        let key = RoomKey::generate()?;
        let mut world = World::default();
        for (number, source) in (0u16..).zip(SOURCES) {
            world.read(&raw, (number, source), &key, &catalogue, keep)?;
        }
        Ok(world)
    }

    fn read(
        &mut self,
        raw: &Path,
        (number, source): (u16, &str),
        key: &RoomKey,
        catalogue: &Catalogue,
        keep: bool,
    ) -> Result<(), Failure> {
        let keys = SourceKeys::derive(&LinkageKey::from_bytes(SECRET), ORIGIN, EPOCH)?;
        let mut pseudonymizer = Pseudonymizer::new(&keys, catalogue);
        let (mut written, mut known, mut identity) = (DataFrame::empty(), DataFrame::empty(), DataFrame::empty());
        let mut sink = |batch: Identified| {
            let failed = |error: &dyn std::error::Error| ReadError::Sink(error.to_string().into());
            let last = batch.identity().height() > 0;
            if last {
                known = truth(&batch, &raw.join("truth.parquet"))?;
                written = batch.identity().clone();
            }
            let batch = pseudonymizer.batch(batch).map_err(|error| failed(&error))?;
            if last {
                identity = batch.identity().clone();
            }
            Ok(())
        };
        read(&[raw.join(source)], &ReadOptions::default(), &mut sink, &|_| {})?;

        let column = |name: &str| known.column(name).and_then(|column| column.u32().cloned());
        let (idents, persons, bits) = (column("ident")?, column("person")?, column("scenarios")?);
        let known: HashMap<u32, (u32, u32)> = idents
            .iter()
            .zip(persons.iter())
            .zip(bits.iter())
            .filter_map(|((ident, person), bits)| Some((keys.renumber(ident?), (person?, bits?))))
            .collect();
        let place: HashMap<u32, usize> = written
            .column("ident")?
            .u32()?
            .iter()
            .enumerate()
            .filter_map(|(row, ident)| Some((keys.renumber(ident?), row)))
            .collect();
        let mut texts = Vec::new();
        for name in WRITTEN {
            texts.push(written.column(name)?.str()?.clone());
        }
        for i in rekey_identities(&identity, key)? {
            let Some(&(person, bits)) = known.get(&i.ident) else { continue };
            self.person.push(person);
            self.scenarios.push(bits);
            self.rows.push(linked(&i, number));
            if keep && let Some(&row) = place.get(&i.ident) {
                let mut cells: [String; 10] = Default::default();
                for (cell, text) in cells.iter_mut().zip(&texts) {
                    text.get(row).unwrap_or_default().clone_into(cell);
                }
                self.written.push(cells);
            }
        }
        Ok(())
    }

    /// The tokens of a row with ID2 made of the name as written (kana if there is no other), as NDB does it.
    pub(crate) fn as_written(&self, row: usize, mut tokens: [Option<u128>; PASSES]) -> [Option<u128>; PASSES] {
        let name = self.written.get(row).and_then(|[_, _, _, _, name, kana, birth, sex, _, _]| {
            let text = if name.is_empty() { kana } else { name };
            (!text.is_empty()).then(|| [text, birth, sex].map(String::as_str).join("\u{1f}"))
        });
        let hash = name.map(|text| audit_log::digest::sha256(text.as_bytes()));
        let half = hash.map(|hash| hash.iter().take(16).fold(0_u128, |sum, byte| sum << 8 | u128::from(*byte)));
        for (pass, token) in Pass::ALL.into_iter().zip(&mut tokens) {
            match pass {
                Pass::Id2 => *token = half,
                Pass::Id1 => {}
                _ => *token = None,
            }
        }
        tokens
    }

    /// Scenarios, ages, sexes.
    pub(crate) fn groups(&self) -> Vec<Group> {
        let named: Vec<(&str, u32)> = Scenario::ALL.into_iter().map(|one| (one.name(), one.bit())).collect();
        Group::all(&self.rows, &self.person, &self.scenarios, &named)
    }

    /// Identifiers for a peer, Parquet: `row`, `source`, and the columns as written or in our normal form; empty is NULL.
    pub(crate) fn dump(&self, path: &Path, normal: bool) -> Result<(), Failure> {
        let rows = u32::try_from(self.written.len())?;
        let mut columns: Vec<Column> = vec![
            Series::new("row".into(), (0..rows).collect::<Vec<u32>>()).into(),
            Series::new("source".into(), self.rows.iter().map(|row| u32::from(row.source)).collect::<Vec<_>>()).into(),
        ];
        let names: &[&str] = if normal { &NORMAL } else { &WRITTEN };
        let mut cells: Vec<Vec<Option<String>>> = vec![Vec::with_capacity(self.written.len()); names.len()];
        for own in &self.written {
            let values: Vec<Option<String>> = if normal {
                normalized(own)
            } else {
                own.iter().map(|cell| (!cell.is_empty()).then(|| cell.clone())).collect()
            };
            for (column, value) in cells.iter_mut().zip(values) {
                column.push(value);
            }
        }
        for (name, values) in names.iter().zip(cells) {
            columns.push(Series::new((*name).into(), values).into());
        }
        let mut frame = DataFrame::new(self.written.len(), columns)?;
        ParquetWriter::new(std::fs::File::create(path)?).finish(&mut frame)?;
        Ok(())
    }
}

fn normalized(own: &[String; 10]) -> Vec<Option<String>> {
    let [insurer, symbol, number, branch, name, kana, birth, sex, individual, postcode] = own;
    fn some(text: &str) -> Option<&str> {
        (!text.is_empty()).then_some(text)
    }
    let fields = Fields::new(&Raw {
        insurer: some(insurer),
        symbol: some(symbol),
        number: some(number),
        branch: some(branch),
        name: some(name),
        kana: some(kana),
        birth: some(birth),
        sex: some(sex),
        individual: some(individual),
        postcode: some(postcode),
    });
    let day = fields.birth.map(|day| {
        let text = String::from_utf8_lossy(&day.digits()).into_owned();
        let part = |range| text.get(range).unwrap_or_default();
        format!("{}-{}-{}", part(0..4), part(4..6), part(6..8))
    });
    vec![
        fields.insurer.clone(),
        fields.symbol.clone(),
        fields.number.clone(),
        fields.branch.clone(),
        fields.name.clone(),
        fields.kana.clone(),
        day,
        fields.sex.map(|sex| sex.to_string()),
        fields.postcode.clone(),
    ]
}
