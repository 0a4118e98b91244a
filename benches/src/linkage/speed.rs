//! `linkage::resolve` at two sizes: rows per second, and how much dearer a row gets. The peer is NDB's ID0 (two passes chained in
//! time, no constraint), on the same rows in the same process.

use ::linkage::{Identity, Settings, Strategy, random_id, resolve};

use crate::compare::{Bench, Pair, Sense};
use crate::room::{Room, identities, people};
use crate::{Failure, Size};

pub(crate) fn measure(bench: &mut Bench, room: &Room, size: &Size) -> Result<(), Failure> {
    strategies(bench, "linkage", size.persons, &room.rows)?;
    let many = {
        let dir = tempfile::tempdir()?;
        let raw = dir.path().join("raw");
        people(&raw, size.many, size.months)?;
        identities(&raw)?
    };
    strategies(bench, "linkage-many", size.many, &many)
}

fn strategies(bench: &mut Bench, id: &str, persons: u32, rows: &[Identity]) -> Result<(), Failure> {
    let run = |strategy| {
        let outcome = resolve(rows, strategy, &Settings::default(), &mut random_id)?;
        Ok(outcome.persons.len() as u64)
    };
    let pair = Pair {
        id,
        what: &format!("Linkage of {persons} people ({} rows, seven passes)", rows.len()),
        peer: "ID0 (NDB), ours too",
        sense: Sense::Speed,
        work: rows.len() as f64,
        unit: "rows",
        bar: "–",
    };
    bench.pair(&pair, &mut || run(Strategy::Sudare), &mut || run(Strategy::Id0))
}
