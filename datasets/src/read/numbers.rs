//! Numbers for texts that are not kept: a keyed digest of 96 bits stands for each, in the order in which they were met.
//!
//! Not a cryptographic commitment: two of n texts share a digest with a probability below n²/2⁹⁷ (10⁻¹³ for a hundred million),
//! and nobody can aim at it without the key, which is random and forgotten with the run.

use super::digest::Keyed;
use super::kept::{Digest, Keep, Table};

/// Where a text that is not there would be.
pub(super) struct Place {
    digest: Digest,
    slot: usize,
}

/// Numbers by text.
#[derive(Default)]
pub(super) struct Numbers {
    key: Keyed,
    table: Table<u32>,
    len: usize,
}

impl Numbers {
    pub(super) fn new(keep: &Keep, share: usize) -> Self {
        Self { table: Table::new(keep, share), ..Self::default() }
    }

    /// The number of this text, or where it would be.
    pub(super) fn find(&mut self, text: &[u8]) -> Result<u32, Place> {
        let digest = self.key.short(text);
        self.table.find(digest).map_err(|slot| Place { digest, slot })
    }

    /// The next number, for the text whose place this is.
    pub(super) fn insert(&mut self, Place { digest, slot }: Place) -> u32 {
        // More than u32::MAX identities fit into no package.
        let number = u32::try_from(self.len).unwrap_or(u32::MAX);
        self.len += 1;
        self.table.insert(slot, digest, number);
        number
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

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
