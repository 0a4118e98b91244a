//! Documents that were met before, by a digest of their bytes: the same document in a folder and in an archive counts
//! once. Not cryptography: the digest is keyed anew in each run, stays in memory, and only guards against repeats.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};

/// Digests of the documents of one run, 16 bytes each.
pub(super) struct Twice {
    keys: [u64; 4],
    seen: HashSet<u128>,
}

impl Twice {
    pub(super) fn new() -> Self {
        let random = RandomState::new();
        let keys = [1_u64, 2, 3, 4].map(|n| random.hash_one(n) | 1);
        Self { keys, seen: HashSet::new() }
    }

    /// True if these bytes were met for the first time.
    pub(super) fn first(&mut self, document: &[u8]) -> bool {
        self.seen.insert(self.digest(document))
    }

    /// Two lanes of folded multiplication over all bytes and their number.
    fn digest(&self, bytes: &[u8]) -> u128 {
        let [a, b, c, d] = self.keys;
        let fold = |x: u64, y: u64| {
            let wide = u128::from(x) * u128::from(y);
            (wide as u64) ^ (wide >> 64) as u64
        };
        let (mut left, mut right) = (a ^ bytes.len() as u64, c);
        let (words, rest) = bytes.as_chunks::<16>();
        let mut tail = [0; 16];
        for (to, from) in tail.iter_mut().zip(rest) {
            *to = *from;
        }
        for chunk in words.iter().chain([&tail]) {
            let word = u128::from_le_bytes(*chunk);
            let (low, high) = (word as u64, (word >> 64) as u64);
            left = fold(low ^ b, high ^ left) ^ low.rotate_left(23);
            right = fold(high ^ d, low ^ right) ^ high.rotate_left(41);
        }
        u128::from(fold(left, b)) << 64 | u128::from(fold(right, d))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;

    #[test]
    fn every_byte_and_the_length_count() {
        let mut twice = Twice::new();
        let mut bytes: Vec<u8> = (0..100).collect();
        assert!(twice.first(&bytes) && !twice.first(&bytes));
        for at in 0..100 {
            for bit in 0..8 {
                bytes[at] ^= 1 << bit;
                assert!(twice.first(&bytes), "byte {at}, bit {bit}");
                bytes[at] ^= 1 << bit;
            }
        }
        for length in 0..100 {
            assert!(twice.first(&bytes[..length]), "{length}");
        }
        assert!(twice.first(&[0; 64]) && twice.first(&[0; 63]) && twice.first(&[0; 65]));
        bytes.swap(3, 40);
        assert!(twice.first(&bytes));
    }
}
