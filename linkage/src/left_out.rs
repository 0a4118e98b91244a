//! Leave one out: how many other people's ids does one person's presence change? A figure for the privacy statement, because the
//! guarantee of an answer holds for a partition that is given.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::error::LinkageError;
use crate::identity::Identity;
use crate::resolve;
use crate::settings::{Settings, Strategy};

/// What one person's presence changes for the others.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct LeftOut {
    /// Persons left out, one at a time.
    pub persons: u64,
    /// Other persons whose rows are grouped otherwise then: the mean over those left out.
    pub mean: f64,
    /// The most.
    pub max: u64,
    /// Persons whose presence changes anybody at all.
    pub with_effect: u64,
}

/// Leaves out the rows of each person of `sample` in turn and links the rest again. `person_of` says whose a row is: in truth, or as
/// found. A person counts as changed if the set of rows that is one id with any of theirs is another one without the one left out.
///
/// Costs a full run for each person of the sample.
///
/// # Errors
/// [`LinkageError::Length`] if `person_of` has not one label for each row; those of [`resolve`].
pub fn leave_one_out(
    records: &[Identity],
    person_of: &[u32],
    sample: &[u32],
    strategy: Strategy,
    settings: &Settings,
) -> Result<LeftOut, LinkageError> {
    if person_of.len() != records.len() {
        return Err(LinkageError::Length { what: "persons", expected: records.len(), found: person_of.len() });
    }
    let mut next = 0u128;
    let mut ids = || {
        next += 1;
        next
    };
    let whole = resolve(records, strategy, settings, &mut ids)?.person_of;
    let mut left = LeftOut { persons: 0, mean: 0.0, max: 0, with_effect: 0 };
    let mut sum = 0u64;
    for &gone in sample {
        let stays = |owner: &u32| *owner != gone;
        let rest: Vec<Identity> =
            records.iter().zip(person_of).filter(|(_, owner)| stays(owner)).map(|(row, _)| row.clone()).collect();
        let owners: Vec<u32> = person_of.iter().copied().filter(stays).collect();
        let with: Vec<u32> = whole.iter().zip(person_of).filter(|(_, owner)| stays(owner)).map(|(id, _)| *id).collect();
        let without = resolve(&rest, strategy, settings, &mut ids)?.person_of;
        let changed = changed(&with, &without, &owners);
        left.persons += 1;
        left.max = left.max.max(changed);
        left.with_effect += u64::from(changed > 0);
        sum += changed;
    }
    if left.persons > 0 {
        left.mean = sum as f64 / left.persons as f64;
    }
    Ok(left)
}

/// Owners of rows whose groups differ between two partitions.
fn changed(a: &[u32], b: &[u32], owners: &[u32]) -> u64 {
    let (mut to_b, mut to_a) = (BTreeMap::new(), BTreeMap::new());
    let mut torn_a = BTreeSet::new();
    let mut torn_b = BTreeSet::new();
    for (&a, &b) in a.iter().zip(b) {
        if *to_b.entry(a).or_insert(b) != b {
            torn_a.insert(a);
        }
        if *to_a.entry(b).or_insert(a) != a {
            torn_b.insert(b);
        }
    }
    let rows = a.iter().zip(b).zip(owners);
    let touched: BTreeSet<u32> =
        rows.filter(|((a, b), _)| torn_a.contains(a) || torn_b.contains(b)).map(|(_, owner)| *owner).collect();
    touched.len() as u64
}
