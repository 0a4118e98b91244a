//! Union–find whose clusters carry their profile, their earlier person id and what a reviewer keeps apart. Not what a profile forbids.

use std::collections::{BTreeMap, HashMap};

use crate::identity::Pass;
use crate::profile::Profile;
use crate::report::{Reason, Refusal};
use crate::tokens::NONE;

/// An earlier person id met another.
pub(crate) struct Join {
    pub(crate) one: u128,
    pub(crate) other: u128,
    pub(crate) by: Reason,
    /// In bits, if the model weighed it.
    pub(crate) weight: Option<f64>,
}

/// Disjoint sets of rows with their profiles.
#[derive(Default)]
pub(crate) struct Clusters {
    parent: Vec<u32>,
    size: Vec<u32>,
    profile: Vec<Profile>,
    /// Number of the earlier person id of each root; `NONE` if it has none.
    previous: Vec<u32>,
    pub(crate) ids: Ids,
    pub(crate) joins: Vec<Join>,
    /// Earlier person ids whose rows were kept apart, and why.
    pub(crate) parts: Vec<(u128, Refusal)>,
    /// Rows that a reviewer keeps apart from those of a root.
    apart: BTreeMap<u32, Vec<u32>>,
}

/// Earlier person ids by number.
#[derive(Default)]
pub(crate) struct Ids {
    of: Vec<u128>,
    numbers: HashMap<u128, u32>,
}

impl Ids {
    /// The ids themselves are all that numbers 0, 1, … stand for.
    pub(crate) fn new(of: Vec<u128>) -> Ids {
        Ids { of, numbers: HashMap::new() }
    }

    /// The number of an id.
    pub(crate) fn number(&mut self, id: u128) -> u32 {
        if self.numbers.len() < self.of.len() {
            self.numbers.extend(self.of.iter().copied().zip(0u32..));
        }
        let next = u32::try_from(self.of.len()).unwrap_or(NONE);
        let number = *self.numbers.entry(id).or_insert(next);
        if number == next {
            self.of.push(id);
        }
        number
    }

    pub(crate) fn get(&self, number: u32) -> Option<u128> {
        self.of.get(number as usize).copied()
    }

    pub(crate) fn all(&self) -> &[u128] {
        &self.of
    }
}

impl Clusters {
    /// One cluster for each row, of which nothing is known but its earlier person id.
    pub(crate) fn remembering(previous: impl Iterator<Item = Option<u128>>) -> Clusters {
        let mut clusters = Clusters::default();
        for id in previous {
            let row = clusters.push(Profile::default());
            if let Some(id) = id {
                clusters.remember(row, id);
            }
        }
        clusters
    }

    /// Makes room for more rows.
    pub(crate) fn expect(&mut self, rows: usize) {
        self.parent.reserve(rows);
        self.size.reserve(rows);
        self.profile.reserve(rows);
        self.previous.reserve(rows);
    }

    /// Takes in clusters of other rows, which come after these; memberships get the numbers that `number` gives. Gives the numbers of
    /// their earlier ids.
    pub(crate) fn absorb(&mut self, mut other: Clusters, number: impl Fn(u32) -> u32) -> Vec<u32> {
        let row = u32::try_from(self.parent.len()).unwrap_or(NONE);
        let ids: Vec<u32> = other.ids.all().iter().map(|&id| self.ids.number(id)).collect();
        other.profile.iter_mut().for_each(|profile| profile.renumber(&number));
        self.parent.extend(other.parent.iter().map(|&up| up + row));
        self.size.extend(&other.size);
        self.profile.append(&mut other.profile);
        self.previous.extend(other.previous.iter().map(|&id| ids.get(id as usize).copied().unwrap_or(NONE)));
        self.joins.append(&mut other.joins);
        self.parts.append(&mut other.parts);
        let moved = |(at, rows): (u32, Vec<u32>)| (at + row, rows.into_iter().map(|other| other + row).collect());
        self.apart.extend(std::mem::take(&mut other.apart).into_iter().map(moved));
        ids
    }

    /// Takes up the next row.
    pub(crate) fn push(&mut self, profile: Profile) -> u32 {
        let row = u32::try_from(self.parent.len()).unwrap_or(NONE);
        self.parent.push(row);
        self.size.push(1);
        self.profile.push(profile);
        self.previous.push(NONE);
        row
    }

    /// Clusters as they were: the root of every row, the profiles of roots from their rows, and the earlier ids of roots.
    pub(crate) fn again(
        roots: Vec<u32>,
        mut profiles: impl FnMut(u32) -> Profile,
        previous: Vec<u32>,
        ids: Ids,
    ) -> Clusters {
        let mut clusters = Clusters {
            size: vec![0; roots.len()],
            profile: vec![Profile::default(); roots.len()],
            previous,
            ids,
            ..Clusters::default()
        };
        for (row, &root) in (0u32..).zip(&roots) {
            let profile = profiles(row);
            if let (Some(size), Some(whole)) =
                (clusters.size.get_mut(root as usize), clusters.profile.get_mut(root as usize))
            {
                if *size == 0 {
                    *whole = profile
                } else {
                    whole.absorb(profile)
                }
                *size += 1;
            }
        }
        clusters.parent = roots;
        clusters
    }

    /// A row had an earlier person id; the first that a cluster had stands for it in reasons.
    pub(crate) fn remember(&mut self, row: u32, id: u128) -> u32 {
        let number = self.ids.number(id);
        let root = self.find(row);
        if let Some(slot) = self.previous.get_mut(root as usize)
            && *slot == NONE
        {
            *slot = number;
        }
        number
    }

    /// An earlier id meets a row's by a pass.
    pub(crate) fn meet(&mut self, row: u32, id: u128, by: Option<Pass>) {
        let root = self.find(row);
        if let (Some(one), Some(pass)) = (self.previous(root), by)
            && one != id
        {
            self.joins.push(Join { one, other: id, by: Reason::Pass(pass), weight: None });
        }
    }

    /// All clusters have new ids now: those of roots, by number.
    pub(crate) fn renew(&mut self, ids: Vec<u128>, number_of: impl Fn(u32) -> u32) {
        self.ids = Ids::new(ids);
        for (row, slot) in (0u32..).zip(&mut self.previous) {
            *slot = number_of(row);
        }
        self.joins = Vec::new();
        self.parts = Vec::new();
    }

    /// The number of a root's earlier id; `NONE` if it has none.
    pub(crate) fn previous_number(&self, root: u32) -> u32 {
        self.previous.get(root as usize).copied().unwrap_or(NONE)
    }

    fn previous(&self, root: u32) -> Option<u128> {
        self.ids.get(self.previous.get(root as usize).copied()?)
    }

    pub(crate) fn profile_mut(&mut self, root: u32) -> Option<&mut Profile> {
        self.profile.get_mut(root as usize)
    }

    /// The next row on the way to a row's root.
    pub(crate) fn parent(&self, row: u32) -> u32 {
        self.parent.get(row as usize).copied().unwrap_or(row)
    }

    pub(crate) fn find(&mut self, row: u32) -> u32 {
        let mut at = row;
        loop {
            let up = self.parent(at);
            if up == at {
                return at;
            }
            let over = self.parent(up);
            if let Some(slot) = self.parent.get_mut(at as usize) {
                *slot = over;
            }
            at = over;
        }
    }

    fn size(&self, root: u32) -> u32 {
        self.size.get(root as usize).copied().unwrap_or(0)
    }

    /// Rows of a root's cluster.
    pub(crate) fn rows(&self, root: u32) -> u32 {
        self.size(root)
    }

    /// The profiles of two roots.
    pub(crate) fn pair(&self, a: u32, b: u32) -> Option<(&Profile, &Profile)> {
        Some((self.profile.get(a as usize)?, self.profile.get(b as usize)?))
    }

    /// Passes of which a root's cluster has a token.
    pub(crate) fn has(&self, root: u32) -> u8 {
        self.profile.get(root as usize).map_or(0, |profile| profile.has)
    }

    /// Makes one cluster of two; false if they were one already.
    pub(crate) fn union(&mut self, a: u32, b: u32, by: Reason) -> bool {
        self.union_weighed(a, b, by, None)
    }

    /// The same, with the weight that the model gave it.
    pub(crate) fn union_weighed(&mut self, a: u32, b: u32, by: Reason, weight: Option<f64>) -> bool {
        let (a, b) = (self.find(a), self.find(b));
        if a == b {
            return false;
        }
        // Equal sizes: the smaller row number stays, so that the result depends on nothing else.
        let keep_a = (self.size(b), a) < (self.size(a), b);
        let (root, gone) = if keep_a { (a, b) } else { (b, a) };
        let absorbed = self.profile.get_mut(gone as usize).map(std::mem::take).unwrap_or_default();
        let size = self.size(gone);
        if let Some(slot) = self.parent.get_mut(gone as usize) {
            *slot = root;
        }
        if let Some(slot) = self.size.get_mut(root as usize) {
            *slot += size;
        }
        match (self.previous(root), self.previous(gone)) {
            (Some(one), Some(other)) if one != other => self.joins.push(Join { one, other, by, weight }),
            (None, Some(_)) => {
                let number = self.previous.get(gone as usize).copied().unwrap_or(NONE);
                if let Some(slot) = self.previous.get_mut(root as usize) {
                    *slot = number;
                }
            }
            _ => {}
        }
        if let Some(profile) = self.profile.get_mut(root as usize) {
            profile.absorb(absorbed);
        }
        if let Some(rows) = self.apart.remove(&gone) {
            self.apart.entry(root).or_default().extend(rows);
        }
        true
    }

    /// A reviewer says that two rows are two people. False if they are one already.
    pub(crate) fn keep_apart(&mut self, a: u32, b: u32) -> bool {
        let (one, other) = (self.find(a), self.find(b));
        if one == other {
            return false;
        }
        self.apart.entry(one).or_default().push(b);
        self.apart.entry(other).or_default().push(a);
        true
    }

    /// Whether a reviewer keeps two roots apart.
    pub(crate) fn held_apart(&mut self, a: u32, b: u32) -> bool {
        let rows = self.apart.get(&a).cloned().unwrap_or_default();
        rows.into_iter().any(|row| self.find(row) == b)
    }

    /// Remembers a refusal that keeps rows of one earlier person apart.
    pub(crate) fn note_part(&mut self, a: u32, b: u32, why: Refusal) {
        if let (Some(one), Some(other)) = (self.previous(a), self.previous(b))
            && one == other
        {
            self.parts.push((one, why));
        }
    }

    /// The root of every row.
    pub(crate) fn roots(&mut self) -> Vec<u32> {
        let rows = u32::try_from(self.parent.len()).unwrap_or(NONE);
        (0..rows).map(|row| self.find(row)).collect()
    }
}
