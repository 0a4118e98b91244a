//! Person ids across runs: kept by majority, never shared, and a journal of what became of the others.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashSet};

use crate::clusters::Clusters;
use crate::error::LinkageError;
use crate::identity::{Identity, PersonId};
use crate::journal::Decision;
use crate::report::{Reason, Report};
use crate::tokens::NONE;

/// Dense person numbers by first appearance, from the roots of rows; roots are below `limit`.
pub(crate) fn number(roots: impl Iterator<Item = u32>, limit: usize) -> (Vec<u32>, u32) {
    let mut number_of = vec![NONE; limit];
    let mut persons = 0;
    let mut person_of = Vec::with_capacity(roots.size_hint().0);
    for root in roots {
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
/// another one of which it has more; ties go to the smaller earlier id, then to the person of the smallest `rank`. `held` are the
/// numbers of earlier ids and the persons that rows with them are now.
pub(crate) fn assign(
    mut held: Vec<(u32, u32)>,
    rank: &[u32],
    persons: u32,
    clusters: &Clusters,
    ids: &mut dyn FnMut() -> u128,
    report: &mut Report,
) -> Result<(Vec<PersonId>, Vec<Decision>), LinkageError> {
    held.sort_unstable();
    let mut shares: Vec<Share> = held
        .chunk_by(|a, b| a == b)
        .filter_map(|rows| {
            let &(previous, person) = rows.first()?;
            Some(Share { rows: rows.len(), previous: clusters.ids.get(previous)?, person })
        })
        .collect();
    let rank_of = |person: u32| rank.get(person as usize).copied().unwrap_or(NONE);
    shares.sort_unstable_by_key(|share| (Reverse(share.rows), share.previous, rank_of(share.person)));

    let mut chosen: Vec<Option<u128>> = vec![None; persons as usize];
    // Asked for single ids only, so that its order is nothing.
    let mut taken: HashSet<u128> = HashSet::new();
    for share in &shares {
        if let Some(slot) = chosen.get_mut(share.person as usize)
            && slot.is_none()
            && taken.insert(share.previous)
        {
            *slot = Some(share.previous);
        }
    }
    report.ids_kept = taken.len() as u64;
    (report.ids_new, report.ids_merged, report.ids_split) = (0, 0, 0);
    let retired: HashSet<u128> = shares.iter().map(|share| share.previous).filter(|id| !taken.contains(id)).collect();
    // A retired id is never given again, not even to somebody new.
    taken.extend(&retired);
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

    // Of several reasons the strongest: which came first says nothing, where rows are linked in parts.
    let mut why_joined: BTreeMap<u128, (Reason, Option<f64>)> = BTreeMap::new();
    for join in &clusters.joins {
        for id in [join.one, join.other] {
            let known = why_joined.entry(id).or_insert((join.by, join.weight));
            let weight = |weight: Option<f64>| weight.unwrap_or(f64::NEG_INFINITY);
            let stronger = join.by.cmp(&known.0).then_with(|| weight(known.1).total_cmp(&weight(join.weight)));
            if stronger.is_lt() {
                *known = (join.by, join.weight);
            }
        }
    }
    let mut why_parted = BTreeMap::new();
    for &(id, why) in &clusters.parts {
        let known = why_parted.entry(id).or_insert(why);
        *known = why.min(*known);
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
        if retired.contains(&share.previous) && merged.insert(share.previous) {
            let why = why_joined.get(&share.previous).copied();
            journal.push(Decision::Merge {
                into,
                absorbed: PersonId(share.previous),
                by: why.map(|(by, _)| by),
                weight: why.and_then(|(_, weight)| weight),
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

/// The place at which each person first appears.
pub(crate) fn first(person_of: &[u32], persons: u32) -> Vec<u32> {
    let mut rank = vec![NONE; persons as usize];
    for (&person, at) in person_of.iter().zip(0u32..) {
        if let Some(slot) = rank.get_mut(person as usize)
            && *slot == NONE
        {
            *slot = at;
        }
    }
    rank
}

/// Ranks of persons in time order, so that ties don't turn on the order of the input.
pub(crate) fn ranks(records: &[Identity], person_of: &[u32], persons: u32) -> Vec<u32> {
    let mut order: Vec<(&Identity, u32)> = records.iter().zip(person_of.iter().copied()).collect();
    order.sort_unstable();
    let persons_in_time: Vec<u32> = order.into_iter().map(|(_, person)| person).collect();
    first(&persons_in_time, persons)
}

fn fresh(ids: &mut dyn FnMut() -> u128, taken: &mut HashSet<u128>) -> Result<u128, LinkageError> {
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
        let mut taken = HashSet::new();
        let mut constant = || 7;
        assert_eq!(fresh(&mut constant, &mut taken).unwrap(), 7);
        assert!(matches!(fresh(&mut constant, &mut taken), Err(LinkageError::IdSource)));
    }
}
