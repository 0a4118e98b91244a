//! Documents that were met before, by a digest of their bytes: the same document in a folder and in an archive counts once.

use crate::read::digest::Keyed;
use crate::read::kept::{self, Keep, Table};

/// Digests of the documents of one run, 12 bytes each.
pub(super) struct Twice {
    key: Keyed,
    seen: Table<()>,
}

impl Twice {
    pub(super) fn new(keep: &Keep) -> Self {
        Self { key: Keyed::default(), seen: Table::new(keep, kept::DOCUMENTS) }
    }

    /// True if these bytes were met for the first time.
    pub(super) fn first(&mut self, document: &[u8]) -> bool {
        let digest = self.key.short(document);
        match self.seen.find(digest) {
            Ok(()) => false,
            Err(slot) => {
                self.seen.insert(slot, digest, ());
                true
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_is_told_from_the_first() {
        let mut twice = Twice::new(&Keep::default());
        let seen = [b"one".as_slice(), b"two", b"one", b"", b"two", b""].map(|document| twice.first(document));
        assert_eq!(seen, [true, true, false, true, false, false]);
    }
}
