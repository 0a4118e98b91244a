//! The RFC 6962 tree: hashes, roots, inclusion and consistency proofs. No storage, no signatures, no encodings.
//!
//! Proving follows RFC 6962 §2.1.1–2.1.2, verifying the loops of RFC 9162 §2.1.3.2 and §2.1.4.2, so that prover
//! and verifier don't share their mistakes.

use crate::digest::{Hash, Hasher, sha256};

/// Why a proof can't be made or isn't accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProofError {
    /// The entry lies outside the tree.
    #[error("entry {index} does not exist in a tree of {size} entries")]
    OutOfRange {
        /// Index of the entry, from 0.
        index: u64,
        /// Entries in the tree.
        size: u64,
    },
    /// Two sizes that no consistency proof joins.
    #[error("no consistency proof leads from {old} to {new} entries")]
    Sizes {
        /// The smaller tree's entries; at least one.
        old: u64,
        /// The larger tree's entries.
        new: u64,
    },
    /// The proof has too few or too many hashes.
    #[error("the proof has {found} hashes, which does not fit the size of the tree")]
    Length {
        /// Hashes in the proof.
        found: usize,
    },
    /// The proof leads to another root.
    #[error("the proof leads to another root: the entry, the proof or the root was changed")]
    Root,
}

/// Root of the tree without entries: SHA-256 of nothing.
#[must_use]
pub fn empty_root() -> Hash {
    sha256(b"")
}

/// Hash of an entry: SHA-256(0x00 ‖ entry).
#[must_use]
pub fn leaf_hash(entry: &[u8]) -> Hash {
    let mut hasher = Hasher::new();
    hasher.update(&[0]);
    hasher.update(entry);
    hasher.finish()
}

/// Hash of an inner node: SHA-256(0x01 ‖ left ‖ right).
#[must_use]
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    let mut hasher = Hasher::new();
    hasher.update(&[1]);
    hasher.update(left);
    hasher.update(right);
    hasher.finish()
}

/// The right edge of a tree: enough to append and to know the root, in 64 hashes at most.
#[derive(Debug, Clone, Default)]
pub struct CompactRange {
    size: u64,
    /// Roots of the complete subtrees, one per set bit of `size`, the largest first.
    peaks: Vec<Hash>,
}

impl CompactRange {
    /// The range of no entries.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Entries seen.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Adds the next entry's hash.
    pub fn push(&mut self, leaf: Hash) {
        let mut hash = leaf;
        for _ in 0..self.size.trailing_ones() {
            if let Some(left) = self.peaks.pop() {
                hash = node_hash(&left, &hash);
            }
        }
        self.peaks.push(hash);
        self.size += 1;
    }

    /// Root of the tree over all entries seen.
    #[must_use]
    pub fn root(&self) -> Hash {
        self.peaks.iter().rev().copied().reduce(|right, left| node_hash(&left, &right)).unwrap_or_else(empty_root)
    }
}

/// All complete nodes of a tree in memory (64 bytes per entry); proves for every smaller size as well.
#[derive(Debug, Clone, Default)]
pub struct Tree {
    /// `levels[h][i]` is the root over entries `i·2^h .. (i+1)·2^h`.
    levels: Vec<Vec<Hash>>,
}

impl Tree {
    /// The tree without entries.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Entries in the tree.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.levels.first().map_or(0, |leaves| leaves.len() as u64)
    }

    /// Adds the next entry's hash.
    pub fn push(&mut self, leaf: Hash) {
        let mut hash = leaf;
        let mut height = 0;
        loop {
            if self.levels.len() == height {
                self.levels.push(Vec::new());
            }
            let Some(level) = self.levels.get_mut(height) else {
                return;
            };
            let left = level.last().copied();
            level.push(hash);
            match left {
                Some(left) if level.len() % 2 == 0 => hash = node_hash(&left, &hash),
                _ => return,
            }
            height += 1;
        }
    }

    /// Root over the `2^height` entries from `index · 2^height` on; `None` where the tree isn't complete.
    #[must_use]
    pub fn node(&self, height: u8, index: u64) -> Option<Hash> {
        let level = self.levels.get(usize::from(height))?;
        level.get(usize::try_from(index).ok()?).copied()
    }

    /// Root of the tree of the first `size` entries.
    ///
    /// # Errors
    /// [`ProofError::OutOfRange`] if the tree has fewer.
    pub fn root_at(&self, size: u64) -> Result<Hash, ProofError> {
        if size == 0 {
            return Ok(empty_root());
        }
        self.range(0, size)
    }

    /// Inclusion proof of entry `index` in the tree of the first `size` entries, leaf's sibling first
    /// (RFC 6962 §2.1.1).
    ///
    /// # Errors
    /// [`ProofError::OutOfRange`] if there is no such entry or no such tree.
    pub fn inclusion(&self, index: u64, size: u64) -> Result<Vec<Hash>, ProofError> {
        if index >= size || size > self.size() {
            return Err(ProofError::OutOfRange { index, size });
        }
        let (mut start, mut count) = (0, size);
        let mut proof = Vec::new();
        while count > 1 {
            let left = split(count);
            if index - start < left {
                proof.push(self.range(start + left, count - left)?);
                count = left;
            } else {
                proof.push(self.range(start, left)?);
                start += left;
                count -= left;
            }
        }
        proof.reverse();
        Ok(proof)
    }

    /// Consistency proof from the first `old` to the first `new` entries (RFC 6962 §2.1.2).
    ///
    /// # Errors
    /// [`ProofError::Sizes`] unless 0 < `old` ≤ `new` ≤ size of the tree.
    pub fn consistency(&self, old: u64, new: u64) -> Result<Vec<Hash>, ProofError> {
        if old == 0 || old > new || new > self.size() {
            return Err(ProofError::Sizes { old, new });
        }
        let (mut start, mut count, mut known) = (0, new, true);
        let mut proof = Vec::new();
        // `old - start` entries of the current subtree belong to the old tree.
        while old - start != count {
            let left = split(count);
            if old - start <= left {
                proof.push(self.range(start + left, count - left)?);
                count = left;
            } else {
                proof.push(self.range(start, left)?);
                start += left;
                count -= left;
                known = false;
            }
        }
        if !known {
            proof.push(self.range(start, count)?);
        }
        proof.reverse();
        Ok(proof)
    }

    /// Root over `count` entries from `start`; `start` is a multiple of the largest power of two below `count`.
    fn range(&self, start: u64, count: u64) -> Result<Hash, ProofError> {
        if count.is_power_of_two() {
            let height = count.trailing_zeros();
            return u8::try_from(height)
                .ok()
                .and_then(|height| self.node(height, start >> height))
                .ok_or(ProofError::OutOfRange { index: start, size: self.size() });
        }
        if count == 0 {
            return Err(ProofError::OutOfRange { index: start, size: self.size() });
        }
        let left = split(count);
        Ok(node_hash(&self.range(start, left)?, &self.range(start + left, count - left)?))
    }
}

/// Largest power of two below `count`, which is at least 2.
fn split(count: u64) -> u64 {
    1 << (u64::BITS - 1 - (count - 1).leading_zeros())
}

/// Checks that the entry with hash `leaf` is number `index` of the `size` entries under `root`
/// (RFC 9162 §2.1.3.2).
///
/// # Errors
/// [`ProofError`] says what doesn't fit.
pub fn verify_inclusion(leaf: &Hash, index: u64, size: u64, proof: &[Hash], root: &Hash) -> Result<(), ProofError> {
    if index >= size {
        return Err(ProofError::OutOfRange { index, size });
    }
    let length = ProofError::Length { found: proof.len() };
    let (mut at, mut last) = (index, size - 1);
    let mut hash = *leaf;
    for sibling in proof {
        if last == 0 {
            return Err(length);
        }
        if at & 1 == 1 || at == last {
            hash = node_hash(sibling, &hash);
            while at & 1 == 0 && at != 0 {
                at >>= 1;
                last >>= 1;
            }
        } else {
            hash = node_hash(&hash, sibling);
        }
        at >>= 1;
        last >>= 1;
    }
    if last != 0 {
        return Err(length);
    }
    if hash == *root { Ok(()) } else { Err(ProofError::Root) }
}

/// Checks that the `old` entries under `old_root` are the first of the `new` entries under `new_root`
/// (RFC 9162 §2.1.4.2). An empty old tree proves nothing and is refused, as in transparency-dev/merkle.
///
/// # Errors
/// [`ProofError`] says what doesn't fit.
pub fn verify_consistency(
    old: u64,
    old_root: &Hash,
    new: u64,
    new_root: &Hash,
    proof: &[Hash],
) -> Result<(), ProofError> {
    if old == 0 || old > new {
        return Err(ProofError::Sizes { old, new });
    }
    let length = ProofError::Length { found: proof.len() };
    if old == new {
        return match (proof.is_empty(), old_root == new_root) {
            (true, true) => Ok(()),
            (true, false) => Err(ProofError::Root),
            (false, _) => Err(length),
        };
    }
    // A complete old tree is itself the first node of the path.
    let (first, rest) = if old.is_power_of_two() {
        if proof.is_empty() {
            return Err(length);
        }
        (*old_root, proof)
    } else {
        let (first, rest) = proof.split_first().ok_or(length)?;
        (*first, rest)
    };
    let shift = (old - 1).trailing_ones();
    let (mut at, mut last) = ((old - 1) >> shift, (new - 1) >> shift);
    let (mut old_hash, mut new_hash) = (first, first);
    for sibling in rest {
        if last == 0 {
            return Err(length);
        }
        if at & 1 == 1 || at == last {
            old_hash = node_hash(sibling, &old_hash);
            new_hash = node_hash(sibling, &new_hash);
            while at & 1 == 0 && at != 0 {
                at >>= 1;
                last >>= 1;
            }
        } else {
            new_hash = node_hash(&new_hash, sibling);
        }
        at >>= 1;
        last >>= 1;
    }
    if last != 0 {
        return Err(length);
    }
    if old_hash == *old_root && new_hash == *new_root { Ok(()) } else { Err(ProofError::Root) }
}
