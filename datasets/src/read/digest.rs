//! Keyed digests of bytes that are met again and need not be kept: two lanes of folded multiplication, the key drawn anew each time.
//! Not cryptography: they stay in memory and only tell repeats.

use std::hash::{BuildHasher, RandomState};

use super::kept::Digest;

/// A key. Who does not have it can't aim at a digest.
pub(super) struct Keyed([u64; 4]);

impl Default for Keyed {
    fn default() -> Self {
        let random = RandomState::new();
        Self([1_u64, 2, 3, 4].map(|n| random.hash_one(n) | 1))
    }
}

impl Keyed {
    /// 96 bits of it.
    pub(super) fn short(&self, bytes: &[u8]) -> Digest {
        let digest = self.digest(bytes);
        [(digest >> 96) as u32, (digest >> 64) as u32, digest as u32]
    }

    /// Of all bytes and their number.
    pub(super) fn digest(&self, bytes: &[u8]) -> u128 {
        let [a, b, c, d] = self.0;
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
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_byte_and_the_length_count() {
        let (keyed, mut seen) = (Keyed::default(), HashSet::new());
        let mut first = |bytes: &[u8]| seen.insert(keyed.digest(bytes));
        let mut bytes: Vec<u8> = (0..100).collect();
        assert!(first(&bytes) && !first(&bytes));
        for at in 0..100 {
            for bit in 0..8 {
                bytes[at] ^= 1 << bit;
                assert!(first(&bytes), "byte {at}, bit {bit}");
                bytes[at] ^= 1 << bit;
            }
        }
        for length in 0..100 {
            assert!(first(&bytes[..length]), "{length}");
        }
        assert!(first(&[0; 64]) && first(&[0; 63]) && first(&[0; 65]));
        bytes.swap(3, 40);
        assert!(first(&bytes));
        assert_ne!(Keyed::default().digest(&bytes), keyed.digest(&bytes), "the key counts");
    }
}
