//! The source's whole way on synthetic people: raw files → readers → tokens → package, and back at the room.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod support;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;

use datasets::catalogue::{Catalogue, KeyForm};
use datasets::read::{ReadOptions, read};
use datasets::synth::{SynthOptions, generate};
use polars::prelude::{DataFrame, DataType};
use pseudonymize::package::Opened;
use pseudonymize::{
    Identity, LinkageKey, Pass, Pseudonymizer, Role, RoomKey, SourceKeys, rekey_identities, rekey_tables, with_pid,
};

const ROOM: &str = "room.example/e2e";

/// Runs a source's folder into a package and opens it; also gives the identifiers that went in.
fn through(raw: &Path, out: &Path, source: &str, key: &LinkageKey, room: &Identity) -> (Opened, DataFrame) {
    let catalogue = Catalogue::builtin().unwrap();
    let keys = SourceKeys::derive(key, ROOM, 1).unwrap();
    let path = out.join(format!("{source}.sudare"));
    let mut writer = support::writer(&path, source, &keys, room);
    let mut identifiers = DataFrame::empty();
    let mut pseudonymizer = Pseudonymizer::new(&keys, &catalogue);
    let mut sink = |batch: datasets::read::Identified| {
        if batch.identity().height() > 0 {
            identifiers = batch.identity().clone();
        }
        writer.append(&pseudonymizer.batch(batch).unwrap()).unwrap();
        Ok(())
    };
    // Small batches, so that there are many.
    let options = ReadOptions { batch_rows: 5_000, ..ReadOptions::default() };
    read(&[raw.join(source)], &options, &mut sink, &|_| {}).unwrap();
    (support::opened(writer, &path, source, &keys, room), identifiers)
}

/// Every text cell of the frames, by column.
fn texts<'f>(frames: impl Iterator<Item = &'f DataFrame>) -> HashMap<String, HashSet<String>> {
    let mut out: HashMap<String, HashSet<String>> = HashMap::new();
    for column in frames.flat_map(|f| f.columns()) {
        if *column.dtype() == DataType::String {
            let cells = column.str().unwrap().iter().flatten().map(str::to_owned);
            out.entry(column.name().to_string()).or_default().extend(cells);
        }
    }
    out
}

#[test]
fn synthetic_people_arrive_without_their_names_and_can_be_linked() {
    let dir = tempfile::tempdir().unwrap();
    let raw = dir.path().join("raw");
    let options = SynthOptions { persons: 600, months: 4, seed: 11, ..SynthOptions::default() };
    generate(&raw, &options, &|_| {}).unwrap();
    let key = LinkageKey::generate().unwrap();
    let room = Identity::generate("room", Role::Room).unwrap();
    let catalogue = Catalogue::builtin().unwrap();

    let mut tokens: BTreeMap<&str, Vec<[Option<u128>; 7]>> = BTreeMap::new();
    for source in ["kenpo", "kokuho", "lifelog"] {
        let (opened, identifiers) = through(&raw, dir.path(), source, &key, &room);
        assert_eq!(opened.identity.height(), identifiers.height());
        assert!(identifiers.height() > 50, "{source}");

        // No identifier is a cell of the package, and no name is within one.
        let sent = texts(std::iter::once(&opened.identity).chain(opened.tables.values()));
        let given = texts(std::iter::once(&identifiers));
        for (column, cells) in &given {
            for (to, out) in &sent {
                // The insurer's own number and years of life are not secret; single digits (sex, 枝番) say nothing.
                if to == "insurer" {
                    continue;
                }
                let leaked = cells.iter().filter(|c| c.chars().count() > 3 && out.contains(*c)).count();
                assert_eq!(leaked, 0, "{source}: {column} → {to}");
                if column == "name" || column == "kana" {
                    let within = out.iter().any(|o| !o.is_ascii());
                    assert!(!within, "{source}: {to} holds text that is no code");
                }
            }
        }

        // The room's side: re-key, check shape, give persons.
        let room_key: &RoomKey = room.room_key().unwrap();
        let people = rekey_identities(&opened.identity, room_key).unwrap();
        let pids: HashMap<u32, u32> = people.iter().zip(0..).map(|(p, i)| (p.ident, i)).collect();
        assert_eq!(pids.len(), people.len());
        for (name, frame) in rekey_tables(opened.tables, room_key, &catalogue).unwrap() {
            let stored = with_pid(&name, &frame, &pids).unwrap();
            catalogue.table(&name).unwrap().check_frame(&stored, "pid", KeyForm::Keyed).unwrap();
        }
        tokens.insert(source, people.iter().map(|p| p.tokens).collect());
    }

    // Somebody of the lifelog service is found at the insurers by name or reading, birth and sex.
    let known: HashSet<(usize, u128)> = ["kenpo", "kokuho"]
        .iter()
        .flat_map(|s| &tokens[s])
        .flat_map(|t| t.iter().enumerate().filter_map(|(pass, token)| Some((pass, (*token)?))))
        .collect();
    let found = tokens["lifelog"]
        .iter()
        .filter(|t| {
            [Pass::Id2, Pass::Id4].iter().any(|p| t[p.index()].is_some_and(|x| known.contains(&(p.index(), x))))
        })
        .count();
    let all = tokens["lifelog"].len();
    assert!(found * 10 >= all * 7, "{found} of {all}");
}
