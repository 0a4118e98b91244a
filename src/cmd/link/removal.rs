//! Who must go: a source's opt-outs, which take that source's rows, and withdrawals, which take a person out of the room. Nothing here
//! is told to anybody: no count, no name of a source, only a smaller snapshot.

use std::collections::{BTreeMap, HashSet};

use datasets::catalogue::Catalogue;
use linkage::Outcome;
use polars::prelude::{BooleanChunked, DataFrame, NewChunkedArray};
use pseudonymize::{FrameError, RoomBridge, RoomKey, Tombstones};

use super::Content;
use crate::cmd::withdraw;
use crate::fail::{Context, Done};
use crate::room::Unlocked;

/// Tombstones by what they take.
#[derive(Default)]
pub(super) struct Removals {
    room: Tombstones,
    sources: BTreeMap<String, Tombstones>,
}

impl Removals {
    /// The withdrawals that the log counts.
    pub(super) fn of_room(unlocked: &Unlocked, catalogue: &Catalogue) -> Done<Self> {
        let mut removals = Self::default();
        for frame in withdraw::accepted(unlocked, catalogue)? {
            removals.room.add(&frame, unlocked.key()?).input("a withdrawal")?;
        }
        Ok(removals)
    }

    /// Opt-outs that came in a package.
    pub(super) fn of_source(&mut self, source: &str, frame: &DataFrame, key: &RoomKey) -> Result<(), FrameError> {
        self.sources.entry(source.to_owned()).or_default().add(frame, key)
    }

    /// Tombstones from before a rotation hold after it. A withdrawal takes every new token that any source's bridge knows for
    /// it: no bridge can undo one. A source's opt-outs go over its own bridge, if it has one.
    pub(super) fn translate(&mut self, own: &BTreeMap<String, RoomBridge>, all: &RoomBridge) {
        own.values().for_each(|bridge| bridge.tombstones(&mut self.room));
        for (source, tombstones) in &mut self.sources {
            own.get(source).unwrap_or(all).tombstones(tombstones);
        }
    }
}

/// Takes out whoever a tombstone covers, with every spelling that linkage found of them; true if anything went.
pub(super) fn apply(contents: &mut [Content], outcome: &Outcome, removals: &Removals) -> Done<bool> {
    // Persons out of the room, and (source, person) pairs. Who has no month of birth in any file has no age in any answer.
    let unborn = (0_u32..).zip(&outcome.attributes).filter(|(_, known)| known.birth_month.is_none());
    let (mut persons, mut pairs): (HashSet<u32>, HashSet<(String, u32)>) =
        (unborn.map(|(p, _)| p).collect(), HashSet::new());
    let mut person_of = outcome.person_of.iter().copied();
    for content in contents.iter() {
        let own = removals.sources.get(&content.source);
        for (identity, person) in content.identities.iter().zip(person_of.by_ref()) {
            if removals.room.cover(identity) {
                persons.insert(person);
            }
            if own.is_some_and(|own| own.cover(identity)) {
                pairs.insert((content.source.clone(), person));
            }
        }
    }
    if persons.is_empty() && pairs.is_empty() {
        return Ok(false);
    }
    let mut person_of = outcome.person_of.iter().copied();
    for content in contents {
        let mut gone = HashSet::new();
        let source = content.source.clone();
        content.identities.retain(|identity| {
            let goes = person_of
                .next()
                .is_some_and(|person| persons.contains(&person) || pairs.contains(&(source.clone(), person)));
            if goes {
                gone.insert(identity.ident);
            }
            !goes
        });
        if gone.is_empty() {
            continue;
        }
        for (name, frame) in &mut content.tables {
            let idents = frame.column("ident").and_then(|c| c.u32().cloned()).input(name)?;
            let stays = idents.iter().map(|ident| ident.is_some_and(|ident| !gone.contains(&ident)));
            let stays = BooleanChunked::from_iter_values("stays".into(), stays);
            *frame = frame.filter(&stays).input(name)?;
        }
    }
    Ok(true)
}
