//! A random permutation of the 32-bit numbers, so that identity numbers and row order carry nothing out.

use zeroize::Zeroizing;

use crate::kdf::{self, CryptoError};

/// Rounds: Luby and Rackoff need four with random round functions; more where halves are this short.
const ROUNDS: usize = 8;
const HALF: usize = 1 << 16;

/// A Feistel network on two 16-bit halves whose round functions are tables of true randomness (1 MiB in all), so
/// that there is no key to find. Drawn for one run and forgotten with it.
#[derive(Clone)]
pub(crate) struct Renumbering(Zeroizing<Vec<u8>>);

impl Renumbering {
    pub(crate) fn random() -> Result<Self, CryptoError> {
        let mut tables = Zeroizing::new(vec![0; ROUNDS * HALF * 2]);
        kdf::random(&mut tables)?;
        Ok(Self(tables))
    }

    pub(crate) fn apply(&self, number: u32) -> u32 {
        let mut one = [number];
        self.apply_all(&mut one);
        let [number] = one;
        number
    }

    /// The same for many at once: round by round, so that reads of the tables need not wait for each other.
    pub(crate) fn apply_all(&self, numbers: &mut [u32]) {
        for table in self.0.chunks_exact(HALF * 2) {
            for number in numbers.iter_mut() {
                let (left, right) = (*number >> 16, *number & 0xffff);
                let at = right as usize * 2;
                let out = match table.get(at..at + 2) {
                    Some(&[a, b]) => u16::from_le_bytes([a, b]),
                    _ => 0,
                };
                *number = right << 16 | (left ^ u32::from(out));
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn no_two_numbers_meet_and_no_order_is_kept() {
        let (a, b) = (Renumbering::random().unwrap(), Renumbering::random().unwrap());
        let numbers: Vec<u32> = (0..200_000).map(|n| a.apply(n)).collect();
        let distinct: std::collections::HashSet<u32> = numbers.iter().copied().collect();
        assert_eq!(distinct.len(), numbers.len());
        // Of a random permutation, half of the neighbours rise; 200,000 fair coins stay within 1% but for 1 in 10^18.
        let rises = numbers.windows(2).filter(|w| w.first() < w.last()).count();
        assert!((98_000..=102_000).contains(&rises), "{rises}");
        // Another run, another permutation.
        assert!((0..1000).filter(|n| a.apply(*n) == b.apply(*n)).count() < 10);
    }
}
