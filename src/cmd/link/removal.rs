//! Who must go: a source's opt-outs, which take that source's rows, and withdrawals, which take a person out of the room. Nothing here
//! is told to anybody: no count, no name of a source, only a smaller snapshot.

use std::collections::{BTreeMap, HashSet};

use datasets::catalogue::Catalogue;
use linkage::Outcome;
use polars::prelude::{BooleanChunked, NewChunkedArray};
use pseudonymize::{RoomBridge, Tombstones};

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

    /// Whether anybody in the packages is to go.
    pub(super) fn cover_any(&self, contents: &[Content]) -> bool {
        contents.iter().any(|content| {
            let own = self.sources.get(&content.source);
            let goes = |identity| self.room.cover(identity) || own.is_some_and(|own| own.cover(identity));
            content.identities.iter().any(goes)
        })
    }

    /// Opt-outs that came in a package.
    pub(super) fn of_source(&mut self, source: &str, tombstones: Tombstones) {
        self.sources.entry(source.to_owned()).or_default().join(tombstones);
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

/// Takes out whoever a tombstone covers, with every spelling that linkage found of them.
pub(super) fn apply(contents: &mut [Content], outcome: &Outcome, removals: &Removals) -> Done {
    // Persons out of the room, and (source, person) pairs.
    let (mut persons, mut pairs) = (HashSet::new(), HashSet::new());
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
    take_out(contents, outcome, &|source, person| {
        persons.contains(&person) || pairs.contains(&(source.to_owned(), person))
    })
}

/// Leaves out persons without a month of birth in any file, who have no age in any answer; how many there were. Whole persons
/// go, so that who is whom among the rest stays as it was found.
pub(super) fn leave_out_unborn(contents: &mut [Content], outcome: &mut Outcome) -> Done<usize> {
    let stays: Vec<bool> = outcome.attributes.iter().map(|known| known.birth_month.is_some()).collect();
    let gone = stays.iter().filter(|stays| !**stays).count();
    if gone == 0 {
        return Ok(0);
    }
    let known = |person: u32| usize::try_from(person).ok().and_then(|at| stays.get(at)).copied().unwrap_or(false);
    take_out(contents, outcome, &|_, person| !known(person))?;
    let mut next = 0_u32;
    let numbers: Vec<u32> = stays
        .iter()
        .map(|stays| {
            let number = next;
            next += u32::from(*stays);
            number
        })
        .collect();
    outcome.person_of.retain(|person| known(*person));
    for person in &mut outcome.person_of {
        *person = usize::try_from(*person).ok().and_then(|at| numbers.get(at)).copied().unwrap_or_default();
    }
    let mut keep = stays.iter().copied();
    outcome.persons.retain(|_| keep.next().unwrap_or(false));
    outcome.attributes.retain(|known| known.birth_month.is_some());
    Ok(gone)
}

/// Takes identities of (source, person) and their rows out.
fn take_out(contents: &mut [Content], outcome: &Outcome, goes: &dyn Fn(&str, u32) -> bool) -> Done {
    let mut person_of = outcome.person_of.iter().copied();
    for Content { source, identities, tables, .. } in contents {
        let mut gone = HashSet::new();
        identities.retain(|identity| {
            let goes = person_of.next().is_some_and(|person| goes(source, person));
            if goes {
                gone.insert(identity.ident);
            }
            !goes
        });
        if gone.is_empty() {
            continue;
        }
        for (name, frame) in tables {
            let idents = frame.column("ident").and_then(|c| c.u32().cloned()).input(name)?;
            let stays = idents.iter().map(|ident| ident.is_some_and(|ident| !gone.contains(&ident)));
            let stays = BooleanChunked::from_iter_values("stays".into(), stays);
            *frame = frame.filter(&stays).input(name)?;
        }
    }
    Ok(())
}
