//! Rows cut into parts that share no token, so that each part is linked by itself, in a core's own cache, and several at
//! once. Persons are the same as without cutting: a row's fate hangs only on rows that share a token with it, directly or through
//! others. It decides nothing about persons; who is one is the resolver's affair.
//!
//! Tokens that a source spreads over more spellings than `Settings::max_rows_per_token` lead nobody anywhere, and so hold no part
//! together; they are found here, because no part sees all their rows. Every other rule of screening looks at rows that are in one
//! part.

use std::collections::BTreeSet;
use std::hash::BuildHasher;
use std::ops::Range;

use crate::batch::both;
use crate::error::LinkageError;
use crate::identity::{Identity, PASSES, Pass};
use crate::review::Verdict;
use crate::rows::{Print, Prints};
use crate::tokens::TokenHash;

/// A source's use of a token that is to be ignored in all parts.
pub(crate) type Crowd = (Pass, u128, u16);

/// Places of the rows, part by part.
pub(crate) struct Parts {
    pub(crate) places: Vec<u32>,
    pub(crate) ranges: Vec<Range<usize>>,
    pub(crate) crowds: BTreeSet<Crowd>,
}

/// Disjoint sets of places; the smallest place is the root.
struct Sets(Vec<u32>);

impl Sets {
    fn new(rows: u32) -> Sets {
        Sets((0..rows).collect())
    }

    fn find(&mut self, mut at: u32) -> u32 {
        loop {
            let up = self.0.get(at as usize).copied().unwrap_or(at);
            if up == at {
                return at;
            }
            let over = self.0.get(up as usize).copied().unwrap_or(up);
            if let Some(slot) = self.0.get_mut(at as usize) {
                *slot = over;
            }
            at = over;
        }
    }

    fn union(&mut self, a: u32, b: u32) {
        let (a, b) = (self.find(a), self.find(b));
        if let Some(slot) = self.0.get_mut(a.max(b) as usize) {
            *slot = a.min(b);
        }
    }
}

/// What the search for connected rows looks at.
struct Search<'a> {
    batch: &'a [Identity],
    prints: &'a Prints,
    hash: TokenHash,
    most: usize,
}

impl Parts {
    /// The places of a part's rows.
    pub(crate) fn places(&self, part: usize) -> &[u32] {
        self.ranges.get(part).and_then(|range| self.places.get(range.clone())).unwrap_or_default()
    }

    /// The tokens of a pass that some source spreads too widely.
    pub(crate) fn crowded(&self, pass: Pass) -> Vec<u128> {
        let mut tokens: Vec<u128> =
            self.crowds.iter().filter(|crowd| crowd.0 == pass).map(|&(_, token, _)| token).collect();
        tokens.dedup();
        tokens
    }

    /// Parts of about `size` rows; larger where more rows hang together. Rows and parts come as in `order`, which names every place once.
    ///
    /// # Errors
    /// A thread that failed.
    pub(crate) fn of(
        batch: &[Identity],
        prints: &Prints,
        most: usize,
        verdicts: &[Verdict],
        size: usize,
        order: &[u32],
    ) -> Result<Parts, LinkageError> {
        let search = Search { batch, prints, hash: TokenHash::default(), most };
        let (early, later) = Pass::ALL.split_at(PASSES / 2);
        let ((mut sets, mut crowds), (mut others, more)) =
            both(true, || search.connect(early), || search.connect(later))?;
        crowds.extend(more);
        for row in 0..others.0.len() as u32 {
            let root = others.find(row);
            if root != row {
                sets.union(root, row);
            }
        }
        for verdict in verdicts.iter().filter(|verdict| (verdict.row.max(verdict.other) as usize) < batch.len()) {
            sets.union(verdict.row, verdict.other);
        }
        let (places, ranges) = cut(&mut sets, order, size);
        Ok(Parts { places, ranges, crowds })
    }
}

/// Sets side by side, in the order of their first places, and where the parts are.
fn cut(sets: &mut Sets, order: &[u32], size: usize) -> (Vec<u32>, Vec<Range<usize>>) {
    let mut sizes = vec![0u32; sets.0.len()];
    for &place in order {
        if let Some(size) = sizes.get_mut(sets.find(place) as usize) {
            *size += 1;
        }
    }
    let (mut places, mut ranges) = (vec![0u32; order.len()], Vec::new());
    let mut begun = vec![false; sizes.len()];
    let (mut end, mut from) = (0u32, 0u32);
    for &place in order {
        let root = sets.find(place) as usize;
        let (Some(next), Some(begun)) = (sizes.get_mut(root), begun.get_mut(root)) else { continue };
        if !std::mem::replace(begun, true) {
            if (end - from) as usize >= size {
                ranges.push(from as usize..end as usize);
                from = end;
            }
            // From now on: where the set's next row goes.
            end += std::mem::replace(next, end);
        }
        if let Some(slot) = places.get_mut(*next as usize) {
            *slot = place;
        }
        *next += 1;
    }
    if from < end {
        ranges.push(from as usize..end as usize);
    }
    (places, ranges)
}

impl Search<'_> {
    /// Sets of rows that share a token of these passes.
    fn connect(&self, passes: &[Pass]) -> (Sets, BTreeSet<Crowd>) {
        let mut sets = Sets::new(self.batch.len() as u32);
        let mut crowds = BTreeSet::new();
        // Tokens by the first bits of their hash: what is looked at together fits into a core's cache.
        let bits = (self.batch.len() / 4_096).checked_ilog2().map_or(0, |bits| bits + 1).min(14);
        let bucket = |hash: u64| (hash >> 32 << bits >> 32) as usize;
        let mut carried: Vec<(u64, u32)> = Vec::new();
        for &pass in passes {
            let hash = |record: &Identity| record.token(pass).map(|token| self.hash.hash_one(token));
            let mut starts = vec![0usize; (1 << bits) + 1];
            for hash in self.batch.iter().filter_map(hash) {
                if let Some(count) = starts.get_mut(bucket(hash) + 1) {
                    *count += 1;
                }
            }
            let mut sum = 0;
            for start in &mut starts {
                sum += *start;
                *start = sum;
            }
            carried.clear();
            carried.resize(sum, (0, 0));
            for (row, record) in (0u32..).zip(self.batch) {
                let Some(hash) = hash(record) else { continue };
                if let Some(start) = starts.get_mut(bucket(hash)) {
                    if let Some(slot) = carried.get_mut(*start) {
                        *slot = (hash, row);
                    }
                    *start += 1;
                }
            }
            // Each start has moved to its end.
            let mut from = 0;
            for &to in starts.iter().take(1 << bits) {
                let Some(bucket) = carried.get_mut(from..to) else { continue };
                bucket.sort_unstable();
                for group in bucket.chunk_by(|a, b| a.0 == b.0) {
                    match group {
                        [_] => {}
                        _ if group.len() <= self.most => join(&mut sets, group.iter().map(|&(_, row)| row)),
                        _ => self.crowded(pass, group, &mut sets, &mut crowds),
                    }
                }
                from = to;
            }
        }
        (sets, crowds)
    }

    /// Many rows under one hash: which sources spread the token too widely?
    fn crowded(&self, pass: Pass, group: &[(u64, u32)], sets: &mut Sets, crowds: &mut BTreeSet<Crowd>) {
        let mut uses: Vec<(u128, u16, Option<Print>, u32)> = group
            .iter()
            .filter_map(|&(_, row)| {
                let record = self.batch.get(row as usize)?;
                Some((record.token(pass)?, record.source, self.prints.of(record), row))
            })
            .collect();
        uses.sort_unstable();
        for same in uses.chunk_by(|a, b| a.0 == b.0) {
            let mut kept = Vec::new();
            for own in same.chunk_by(|a, b| a.1 == b.1) {
                // A row without a fingerprint is a spelling of its own.
                let spellings = || own.chunk_by(|a, b| a.2.is_some() && a.2 == b.2);
                match own.first() {
                    Some(&(token, source, ..)) if spellings().count() > self.most => {
                        crowds.insert((pass, token, source));
                        spellings().for_each(|one| join(sets, one.iter().map(|&(.., row)| row)));
                    }
                    _ => kept.extend(own.iter().map(|&(.., row)| row)),
                }
            }
            join(sets, kept.into_iter());
        }
    }
}

fn join(sets: &mut Sets, mut rows: impl Iterator<Item = u32>) {
    if let Some(first) = rows.next() {
        rows.for_each(|row| sets.union(first, row));
    }
}
