//! Numbers for texts that are not kept: a keyed digest of 96 bits stands for each, in the order in which they were met.
//! For memory's sake: 12 bytes and a slot of 4 (at a load of 0.4 to 0.8) for each, and nothing is moved as it grows but slots.
//!
//! Not a cryptographic commitment: two of n texts share a digest with a probability below n²/2⁹⁷ (10⁻¹³ for a hundred million),
//! and nobody can aim at it without the key, which is random and forgotten with the run.

use std::hash::{BuildHasher, RandomState};

type Digest = [u32; 3];

/// Rows that are only added; in pieces, so that growing copies nothing.
pub(super) struct Rows<T>(Vec<Vec<T>>);

const PIECE: usize = 1 << 13;

impl<T> Default for Rows<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Rows<T> {
    pub(super) fn len(&self) -> usize {
        self.0.last().map_or(0, |last| (self.0.len() - 1) * PIECE + last.len())
    }

    pub(super) fn push(&mut self, row: T) {
        match self.0.last_mut() {
            Some(last) if last.len() < PIECE => last.push(row),
            // The first piece grows as it is needed: most runs of a thread are short.
            None => self.0.push(vec![row]),
            Some(_) => {
                let mut piece = Vec::with_capacity(PIECE);
                piece.push(row);
                self.0.push(piece);
            }
        }
    }

    pub(super) fn get(&self, at: u32) -> Option<&T> {
        self.0.get(at as usize / PIECE)?.get(at as usize % PIECE)
    }

    pub(super) fn get_mut(&mut self, at: u32) -> Option<&mut T> {
        self.0.get_mut(at as usize / PIECE)?.get_mut(at as usize % PIECE)
    }
}

/// An empty slot.
const NONE: u32 = u32::MAX;

/// Where a text that is not there would be.
pub(super) struct Place {
    digest: Digest,
    slot: usize,
}

/// Texts by number, numbers by text.
#[derive(Default)]
pub(super) struct Numbers {
    keys: [RandomState; 2],
    digests: Rows<Digest>,
    /// Numbers, each at the first free place from its digest's own on; their length is a power of two.
    slots: Vec<u32>,
}

impl Numbers {
    /// The number of this text, or where it would be.
    pub(super) fn find(&self, text: &[u8]) -> Result<u32, Place> {
        let [first, second] = self.keys.each_ref().map(|key| key.hash_one(text));
        let digest = [first as u32, (first >> 32) as u32, second as u32];
        let (slot, number) = self.seek(&digest);
        if number == NONE { Err(Place { digest, slot }) } else { Ok(number) }
    }

    fn seek(&self, digest: &Digest) -> (usize, u32) {
        let [low, ..] = digest;
        let mask = self.slots.len().wrapping_sub(1);
        let mut slot = *low as usize & mask;
        while let Some(&number) = self.slots.get(slot) {
            if number == NONE || self.digests.get(number) == Some(digest) {
                return (slot, number);
            }
            slot = (slot + 1) & mask;
        }
        (0, NONE)
    }

    /// The next number, for the text whose place this is.
    pub(super) fn insert(&mut self, place: Place) -> u32 {
        // More than u32::MAX identities fit into no memory before this wraps.
        let number = u32::try_from(self.digests.len()).unwrap_or(NONE - 1);
        self.digests.push(place.digest);
        if self.digests.len() * 5 > self.slots.len() * 4 {
            let size = (self.slots.len() * 2).max(64);
            // Emptied first: old and new need not be there together, since digests tell all.
            self.slots = Vec::new();
            self.slots.resize(size, NONE);
            for earlier in 0..=number {
                if let Some(digest) = self.digests.get(earlier).copied() {
                    let mask = size - 1;
                    let [low, ..] = digest;
                    let mut slot = low as usize & mask;
                    while self.slots.get(slot).is_some_and(|&taken| taken != NONE) {
                        slot = (slot + 1) & mask;
                    }
                    self.put(slot, earlier);
                }
            }
        } else {
            self.put(place.slot, number);
        }
        number
    }

    fn put(&mut self, slot: usize, number: u32) {
        if let Some(free) = self.slots.get_mut(slot) {
            *free = number;
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn rows_stay_where_they_are() {
        let mut rows = Rows::default();
        for n in 0..(3 * PIECE as u32 + 5) {
            rows.push(n);
        }
        assert_eq!(rows.len(), 3 * PIECE + 5);
        *rows.get_mut(PIECE as u32).unwrap() += 1;
        assert_eq!((rows.get(PIECE as u32 - 1), rows.get(PIECE as u32)), (Some(&8191), Some(&8193)));
        assert_eq!(rows.get(3 * PIECE as u32 + 5), None);
    }

    proptest! {
        /// The law: as a map of whole texts, numbered in their order.
        #[test]
        fn as_a_map_of_texts(texts in prop::collection::vec(prop::collection::vec(0_u8..4, 0..5), 0..600)) {
            let (mut numbers, mut map) = (Numbers::default(), HashMap::new());
            for text in texts {
                let next = map.len() as u32;
                let expected = *map.entry(text.clone()).or_insert(next);
                let found = match numbers.find(&text) {
                    Ok(number) => number,
                    Err(place) => numbers.insert(place),
                };
                prop_assert_eq!(found, expected);
                prop_assert_eq!(numbers.find(&text).ok(), Some(expected));
            }
        }
    }
}
