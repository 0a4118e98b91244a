//! Names and bytes of tiles (c2sp.org/tlog-tiles): which files a tree of some size has, and what stands in them.
//! No reading, no writing.

use crate::checkpoint::parse_decimal;
use crate::event::Entry;
use crate::merkle::Tree;

/// Hashes or entries in a full tile.
pub const FULL: u16 = 256;
/// Largest entry in bytes: its length is a `u16`.
pub const MAX_ENTRY: usize = 65_535;

/// What a tile holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// The entries themselves.
    Entries,
    /// Roots over 256^level entries each.
    Hashes(u8),
}

/// Number and width of a tile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tile {
    /// What it holds.
    pub level: Level,
    /// Which one of its level, from 0.
    pub index: u64,
    /// Items in it, 1 to 256.
    pub width: u16,
}

impl Tile {
    /// Path inside the log's folder, with forward slashes.
    #[must_use]
    pub fn path(&self) -> String {
        let mut number = format!("{:03}", self.index % 1000);
        let mut rest = self.index / 1000;
        while rest > 0 {
            number = format!("x{:03}/{number}", rest % 1000);
            rest /= 1000;
        }
        let level = match self.level {
            Level::Entries => "entries".to_owned(),
            Level::Hashes(level) => level.to_string(),
        };
        if self.width == FULL {
            format!("tile/{level}/{number}")
        } else {
            format!("tile/{level}/{number}.p/{}", self.width)
        }
    }

    /// The tile of a path; `None` unless it is exactly what [`Tile::path`] writes.
    #[must_use]
    pub fn parse(path: &str) -> Option<Self> {
        let (level, number) = path.strip_prefix("tile/")?.split_once('/')?;
        let level = match level {
            "entries" => Level::Entries,
            digits => Level::Hashes(u8::try_from(parse_decimal(digits)?).ok()?),
        };
        let (number, width) = match number.split_once(".p/") {
            Some((number, width)) => (number, u16::try_from(parse_decimal(width)?).ok()?),
            None => (number, FULL),
        };
        let mut index = 0_u64;
        for part in number.split('/') {
            let digits = part.strip_prefix('x').unwrap_or(part);
            if digits.len() != 3 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
                return None;
            }
            index = index.checked_mul(1000)?.checked_add(digits.parse().ok()?)?;
        }
        let tile = Self { level, index, width };
        let sound = width > 0 && width <= FULL && level < Level::Hashes(64);
        (sound && tile.path() == path).then_some(tile)
    }

    /// The full tile of the same place.
    #[must_use]
    pub fn full(&self) -> Self {
        Self { width: FULL, ..*self }
    }

    /// Number of the first item within the level.
    pub(crate) fn first(&self) -> Option<u64> {
        self.index.checked_mul(u64::from(FULL))
    }

    /// Number of the item after the last.
    pub(crate) fn end(&self) -> Option<u64> {
        self.first()?.checked_add(u64::from(self.width))
    }

    /// Items of this level in a tree of `size` entries.
    pub(crate) fn items(level: Level, size: u64) -> u64 {
        match level {
            Level::Entries => size,
            Level::Hashes(level) => size.checked_shr(8 * u32::from(level)).unwrap_or(0),
        }
    }
}

/// The tiles of a tree of `size` entries that a tree of `old` entries doesn't have; entries first.
pub(crate) fn tiles(old: u64, size: u64) -> impl Iterator<Item = Tile> {
    std::iter::once(Level::Entries).chain((0..8).map(Level::Hashes)).flat_map(move |level| {
        let (had, items) = (Tile::items(level, old), Tile::items(level, size));
        let full = u64::from(FULL);
        let first = if had == items { items.div_ceil(full) } else { had / full };
        (first..items.div_ceil(full)).map(move |index| Tile {
            level,
            index,
            // Fits: at most 256.
            width: u16::try_from((items - index * full).min(full)).unwrap_or(FULL),
        })
    })
}

/// Bytes of a hash tile; `None` where the tree doesn't reach.
pub(crate) fn hash_tile(tree: &Tree, level: u8, tile: &Tile) -> Option<Vec<u8>> {
    let height = level.checked_mul(8)?;
    let mut bytes = Vec::with_capacity(usize::from(tile.width) * 32);
    for index in tile.first()?..tile.end()? {
        bytes.extend_from_slice(&tree.node(height, index)?);
    }
    Some(bytes)
}

/// Bytes of an entry bundle: each entry after its length as a big-endian `u16`; `None` if an entry is too large.
pub(crate) fn bundle<'a>(entries: impl IntoIterator<Item = &'a Entry>) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    for entry in entries {
        bytes.extend_from_slice(&u16::try_from(entry.bytes.len()).ok()?.to_be_bytes());
        bytes.extend_from_slice(&entry.bytes);
    }
    Some(bytes)
}

/// Takes an entry bundle apart; `None` if it isn't made of whole entries.
#[must_use]
pub fn split_bundle(mut bytes: &[u8]) -> Option<Vec<&[u8]>> {
    let mut entries = Vec::new();
    while let Some((length, rest)) = bytes.split_first_chunk::<2>() {
        let (entry, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
        entries.push(entry);
        bytes = rest;
    }
    bytes.is_empty().then_some(entries)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

    use super::*;

    /// The example of c2sp.org/tlog-tiles: 70,000 entries, and 256.
    #[test]
    fn tiles_of_the_specification() {
        let count = |size, level, width| tiles(0, size).filter(|t| t.level == level && t.width == width).count();
        assert_eq!(count(70_000, Level::Hashes(0), FULL), 273);
        assert_eq!(count(70_000, Level::Hashes(0), 112), 1);
        assert_eq!(count(70_000, Level::Entries, FULL), 273);
        assert_eq!(count(70_000, Level::Entries, 112), 1);
        assert_eq!(count(70_000, Level::Hashes(1), FULL), 1);
        assert_eq!(count(70_000, Level::Hashes(1), 17), 1);
        assert_eq!(count(70_000, Level::Hashes(2), 1), 1);
        assert_eq!(tiles(0, 70_000).count(), 2 * 274 + 2 + 1);
        let paths: Vec<String> = tiles(0, 256).map(|t| t.path()).collect();
        assert_eq!(paths, ["tile/entries/000", "tile/0/000", "tile/1/000.p/1"]);
        assert_eq!(tiles(256, 256).count(), 0);
        let paths: Vec<String> = tiles(255, 257).map(|t| t.path()).collect();
        assert_eq!(
            paths,
            ["tile/entries/000", "tile/entries/001.p/1", "tile/0/000", "tile/0/001.p/1", "tile/1/000.p/1"]
        );
    }

    /// A checkpoint may claim any size; nothing is allocated for it, nothing overflows.
    #[test]
    fn the_largest_tree() {
        let last = tiles(u64::MAX - 1, u64::MAX).last().unwrap();
        assert_eq!((last.level, last.index, last.width), (Level::Hashes(0), (1 << 56) - 1, 255));
        assert_eq!(Tile::items(Level::Hashes(8), u64::MAX), 0);
    }
}
