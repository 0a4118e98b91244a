//! Person ids across runs: kept by majority, never shared, and a journal of what became of the others.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use crate::clusters::Clusters;
use crate::error::LinkageError;
use crate::identity::{Identity, PersonId};
use crate::journal::Decision;
use crate::report::Report;
use crate::tokens::NONE;

/// Dense person numbers by first appearance in the input, from the roots of all rows.
pub(crate) fn number(roots: &[u32]) -> (Vec<u32>, u32) {
    let mut number_of = vec![NONE; roots.len()];
    let mut persons = 0;
    let mut person_of = Vec::with_capacity(roots.len());
    for &root in roots {
        let Some(slot) = number_of.get_mut(root as usize) else {
            continue;
        };
        if *slot == NONE {
            *slot = persons;
            persons += 1;
        }
        person_of.push(*slot);
    }
    (person_of, persons)
}

/// How many rows of an earlier id are now in a person.
struct Share {
    rows: usize,
    previous: u128,
    person: u32,
}

/// Gives every person an id. An earlier id stays with the person that has most of its rows, as long as that person does not keep
/// another one of which it has more; ties go to the smaller earlier id, then to the person that comes first in time.
pub(crate) fn assign(
    records: &[Identity],
    person_of: &[u32],
    persons: u32,
    clusters: &Clusters,
    ids: &mut dyn FnMut() -> u128,
    report: &mut Report,
) -> Result<(Vec<PersonId>, Vec<Decision>), LinkageError> {
    let mut held: Vec<(u128, u32)> =
        records.iter().zip(person_of).filter_map(|(record, &person)| Some((record.previous?, person))).collect();
    held.sort_unstable();
    let mut shares: Vec<Share> = held
        .chunk_by(|a, b| a == b)
        .filter_map(|rows| {
            let &(previous, person) = rows.first()?;
            Some(Share { rows: rows.len(), previous, person })
        })
        .collect();
    let rank = ranks(records, person_of, persons, shares.is_empty());
    let rank_of = |person: u32| rank.get(person as usize).copied().unwrap_or(NONE);
    shares.sort_unstable_by_key(|share| (Reverse(share.rows), share.previous, rank_of(share.person)));

    let mut chosen: Vec<Option<u128>> = vec![None; persons as usize];
    let mut taken: BTreeSet<u128> = BTreeSet::new();
    for share in &shares {
        if let Some(slot) = chosen.get_mut(share.person as usize)
            && slot.is_none()
            && taken.insert(share.previous)
        {
            *slot = Some(share.previous);
        }
    }
    let kept: BTreeSet<u128> = taken.clone();
    report.ids_kept = kept.len() as u64;
    // A retired id is never given again, not even to somebody new.
    taken.extend(shares.iter().map(|share| share.previous));
    let mut given = Vec::with_capacity(chosen.len());
    for slot in chosen {
        let id = match slot {
            Some(id) => id,
            None => {
                report.ids_new += 1;
                fresh(ids, &mut taken)?
            }
        };
        given.push(PersonId(id));
    }

    let mut why_joined = BTreeMap::new();
    for join in &clusters.joins {
        why_joined.entry(join.one).or_insert(join.pass);
        why_joined.entry(join.other).or_insert(join.pass);
    }
    let mut why_parted = BTreeMap::new();
    for &(id, why) in &clusters.parts {
        why_parted.entry(id).or_insert(why);
    }
    let mut journal = Vec::new();
    let mut merged = BTreeSet::new();
    for share in &shares {
        let Some(&into) = given.get(share.person as usize) else {
            continue;
        };
        if into.0 == share.previous {
            continue;
        }
        // Shares come largest first, so a retired id is merged where most of its rows went and split off elsewhere.
        if !kept.contains(&share.previous) && merged.insert(share.previous) {
            journal.push(Decision::Merge {
                into,
                absorbed: PersonId(share.previous),
                by: why_joined.get(&share.previous).copied(),
            });
            report.ids_merged += 1;
        } else {
            journal.push(Decision::Split {
                from: PersonId(share.previous),
                to: into,
                because: why_parted.get(&share.previous).copied(),
            });
            report.ids_split += 1;
        }
    }
    Ok((given, journal))
}

/// Persons in time order, so that ties don't turn on the order of the input. Empty if nobody asks.
fn ranks(records: &[Identity], person_of: &[u32], persons: u32, unused: bool) -> Vec<u32> {
    if unused {
        return Vec::new();
    }
    let mut order: Vec<(&Identity, u32)> = records.iter().zip(person_of.iter().copied()).collect();
    order.sort_unstable();
    let mut rank = vec![NONE; persons as usize];
    for ((_, person), at) in order.into_iter().zip(0u32..) {
        if let Some(slot) = rank.get_mut(person as usize)
            && *slot == NONE
        {
            *slot = at;
        }
    }
    rank
}

fn fresh(ids: &mut dyn FnMut() -> u128, taken: &mut BTreeSet<u128>) -> Result<u128, LinkageError> {
    // Random ids never meet; a source that repeats itself is broken.
    for _ in 0..4 {
        let id = ids();
        if taken.insert(id) {
            return Ok(id);
        }
    }
    Err(LinkageError::IdSource)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_repeating_id_source_is_refused() {
        let mut taken = BTreeSet::new();
        let mut constant = || 7;
        assert_eq!(fresh(&mut constant, &mut taken).unwrap(), 7);
        assert!(matches!(fresh(&mut constant, &mut taken), Err(LinkageError::IdSource)));
    }
}
