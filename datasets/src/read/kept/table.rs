//! Values by a digest of 96 bits. A table of slots in pages ([`super::Pages`]), each entry at the first free place from its digest's
//! own on; places follow the digests' order, so that a table that has become too small is copied from front to back.

use super::{Keep, Pages, Record, Words};

/// Of something whose digest nobody can aim at: keyed by whoever makes it.
pub(in crate::read) type Digest = [u32; 3];

/// A slot; the digest of zeros is nobody's.
#[derive(Clone, Copy, Default)]
struct Entry<V> {
    digest: Digest,
    value: V,
}

const FREE: Digest = [0; 3];

/// What stands in a slot for this digest: one of 2⁹⁶ has its neighbour's place.
fn taken(digest: Digest) -> Digest {
    if digest == FREE { [0, 0, 1] } else { digest }
}

impl<V: Record> Record for Entry<V> {
    const BYTES: usize = 12 + V::BYTES;
    const PAGE: usize = 32;

    fn write(&self, to: &mut Vec<u8>) {
        self.digest.iter().for_each(|word| to.extend_from_slice(&word.to_le_bytes()));
        self.value.write(to);
    }

    fn read(from: &mut Words<'_>) -> Self {
        Self { digest: [from.u32(), from.u32(), from.u32()], value: V::read(from) }
    }
}

/// Slots of the smallest table, as a power of two.
const SMALLEST: u32 = 6;

pub(in crate::read) struct Table<V> {
    slots: Pages<Entry<V>>,
    bits: u32,
    len: usize,
}

impl<V: Record> Default for Table<V> {
    fn default() -> Self {
        Self { slots: Pages::default(), bits: 0, len: 0 }
    }
}

impl<V: Record> Table<V> {
    /// As [`Pages::new`].
    pub(in crate::read) fn new(keep: &Keep, share: usize) -> Self {
        Self { slots: Pages::new(keep, share), bits: 0, len: 0 }
    }

    /// The value, or the slot where [`Table::insert`] may put it if nothing else comes before.
    pub(in crate::read) fn find(&mut self, digest: Digest) -> Result<V, usize> {
        match self.seek(digest) {
            (_, Some(value)) => Ok(value),
            (slot, None) => Err(slot),
        }
    }

    fn seek(&mut self, digest: Digest) -> (usize, Option<V>) {
        let digest = taken(digest);
        let mut slot = self.home(digest);
        // Each slot at most once: a table that can't be read has none that is free.
        let mut left = self.slots.len();
        while let Some(run) = self.slots.from(slot).filter(|run| left > 0 && !run.is_empty()) {
            for (at, entry) in run.iter().enumerate() {
                if entry.digest == digest {
                    return (slot + at, Some(entry.value));
                }
                if entry.digest == FREE {
                    return (slot + at, None);
                }
            }
            left = left.saturating_sub(run.len());
            slot += run.len();
            if slot >= self.slots.len() {
                slot = 0;
            }
        }
        (slot, None)
    }

    /// The place in the order of digests.
    fn home(&self, [high, low, _]: Digest) -> usize {
        let all = u64::from(high) << 32 | u64::from(low);
        all.checked_shr(64 - self.bits).unwrap_or_default() as usize
    }

    /// A new entry, at the slot that [`Table::find`] told.
    pub(in crate::read) fn insert(&mut self, slot: usize, digest: Digest, value: V) {
        let entry = Entry { digest: taken(digest), value };
        self.len += 1;
        let slot = if self.len * 5 > self.slots.len() * 4 {
            self.grow();
            self.seek(entry.digest).0
        } else {
            slot
        };
        self.slots.change(slot, |free| *free = entry);
    }

    /// Changes a value, a new one if there is none.
    pub(in crate::read) fn change(&mut self, digest: Digest, new: V, change: impl FnOnce(&mut V)) {
        match self.seek(digest) {
            (slot, Some(_)) => drop(self.slots.change(slot, |entry| change(&mut entry.value))),
            (slot, None) => {
                let mut value = new;
                change(&mut value);
                self.insert(slot, digest, value);
            }
        }
    }

    fn grow(&mut self) {
        self.bits = (self.bits + 1).max(SMALLEST);
        let mut slots = self.slots.alike();
        slots.reach(1 << self.bits);
        std::mem::replace(&mut self.slots, slots).drain(|entry| {
            if entry.digest != FREE {
                let (slot, _) = self.seek(entry.digest);
                self.slots.change(slot, |free| *free = entry);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
    use std::collections::HashMap;
    use std::rc::Rc;

    use proptest::prelude::*;

    use super::*;

    /// Few different ones, most of them with the same place.
    fn digest() -> impl Strategy<Value = Digest> {
        (prop_oneof![0_u32..4, Just(u32::MAX), any::<u32>()], 0_u32..30, 0_u32..30).prop_map(|(a, b, c)| [a, b, c])
    }

    proptest! {
        /// The law: as a map, with two pages in memory and with all.
        #[test]
        fn as_a_map(steps in prop::collection::vec((digest(), any::<u32>(), any::<bool>()), 0..900)) {
            let dir = tempfile::tempdir().unwrap();
            for keep in [Keep { folder: Some(Rc::from(dir.path())), bytes: 1, ..Keep::default() }, Keep::default()] {
                let (mut table, mut map) = (Table::<u32>::new(&keep, 1), HashMap::new());
                for (digest, value, insert) in steps.iter().copied() {
                    let digest = taken(digest);
                    let found = table.find(digest);
                    prop_assert_eq!(found.ok(), map.get(&digest).copied());
                    match found {
                        Err(slot) if insert => {
                            table.insert(slot, digest, value);
                            map.insert(digest, value);
                        }
                        _ => {
                            table.change(digest, 7, |it| *it = it.wrapping_add(value));
                            let it = map.entry(digest).or_insert(7_u32);
                            *it = it.wrapping_add(value);
                        }
                    }
                    prop_assert_eq!(table.find(digest).ok(), map.get(&digest).copied());
                }
                prop_assert_eq!(table.len, map.len());
                for (digest, value) in &map {
                    prop_assert_eq!(table.find(*digest), Ok(*value));
                }
                prop_assert!(keep.demand().is_ok());
            }
        }
    }
}
