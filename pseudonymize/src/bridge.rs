//! Bridges: how a room keeps everybody when the linkage key is changed. A source hashes its files under the old key and the new
//! one and sends the pairs; the room, which has neither key, translates what it holds.
//!
//! A pair says only that two tokens are of one thing, which the room would learn from the next package anyway. Opted-out people
//! are in a bridge too, or their tombstones would not outlive the rotation. A bridge carries no rows and no days. Which packages
//! need translating is decided by whoever has them.

use std::collections::{BTreeMap, HashMap};

use datasets::catalogue::{Catalogue, ColumnType};
use datasets::read::Identified;
use polars::prelude::{
    BinaryChunkedBuilder, ChunkApply, DataFrame, DataType, IntoColumn, IntoSeries, NamedFrom, Series,
};

use crate::frames::{FrameError, Shaped};
use crate::room::{RoomIdentity, RoomKey};
use crate::token::{PASSES, Pass, SourceKeys, Token};
use crate::tombstones::Tombstones;
use crate::transform::frames;

/// The names of the two parts in a package: `bridge/tokens` and `bridge/numbers`.
pub(crate) const TOKENS: &str = "tokens";
pub(crate) const NUMBERS: &str = "numbers";

/// Pairs of old and new, as a source collects them.
pub struct Bridge<'a> {
    old: &'a SourceKeys,
    new: &'a SourceKeys,
    catalogue: &'a Catalogue,
    tokens: [BTreeMap<Token, Token>; PASSES],
    numbers: BTreeMap<u64, u64>,
}

impl std::fmt::Debug for Bridge<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Bridge(redacted)")
    }
}

impl<'a> Bridge<'a> {
    /// `new` must be made by [`SourceKeys::alike`] from `old`.
    pub fn new(old: &'a SourceKeys, new: &'a SourceKeys, catalogue: &'a Catalogue) -> Self {
        Self { old, new, catalogue, tokens: Default::default(), numbers: BTreeMap::new() }
    }

    /// Adds what a batch of identified records holds.
    ///
    /// # Errors
    /// A frame lacks a column or has one of another type.
    pub fn batch(&mut self, batch: Identified) -> Result<(), FrameError> {
        let (identity, tables) = batch.into_parts();
        self.frames(identity, tables)
    }

    pub(crate) fn frames(
        &mut self,
        identity: DataFrame,
        tables: BTreeMap<String, DataFrame>,
    ) -> Result<(), FrameError> {
        // The same rows in the same order, hashed twice: both sides renumber alike.
        let before = frames(identity.clone(), tables.clone(), self.old, self.catalogue)?;
        let after = frames(identity, tables, self.new, self.catalogue)?;
        if before.identity().height() > 0 {
            let (old, new) = (Shaped::new("identity", before.identity()), Shaped::new("identity", after.identity()));
            for (pass, pairs) in Pass::ALL.into_iter().zip(&mut self.tokens) {
                let wrong = |_| old.wrong(pass.column(), &DataType::Binary);
                for pair in old.binary(pass.column())?.iter().zip(new.binary(pass.column())?.iter()) {
                    if let (Some(old), Some(new)) = pair {
                        pairs.insert(Token::try_from(old).map_err(wrong)?, Token::try_from(new).map_err(wrong)?);
                    }
                }
            }
            self.numbers(&old, &new, "insurer")?;
        }
        for (name, table) in before.tables() {
            let keyed = self.catalogue.table(name).into_iter().flat_map(|t| &t.columns);
            let Some(translated) = after.tables().get(name) else { continue };
            let (old, new) = (Shaped::new(name, table), Shaped::new(name, translated));
            for column in keyed.filter(|c| c.ty == ColumnType::Key) {
                self.numbers(&old, &new, &column.name)?;
            }
        }
        Ok(())
    }

    fn numbers(&mut self, old: &Shaped<'_>, new: &Shaped<'_>, column: &str) -> Result<(), FrameError> {
        let pairs = old.u64(column)?.iter().zip(new.u64(column)?.iter());
        self.numbers.extend(pairs.filter_map(|(old, new)| Some((old?, new?))));
        Ok(())
    }

    /// The frames of the package: `pass` String, `old`, `new` Binary; and `old`, `new` UInt64. Sorted by the old ones, so that
    /// their order tells nothing.
    ///
    /// # Errors
    /// The frames can't be built.
    pub fn into_frames(self) -> Result<BTreeMap<String, DataFrame>, FrameError> {
        let count: usize = self.tokens.iter().map(BTreeMap::len).sum();
        let (mut old, mut new) =
            (BinaryChunkedBuilder::new("old".into(), count), BinaryChunkedBuilder::new("new".into(), count));
        let mut passes = Vec::with_capacity(count);
        for (pass, pairs) in Pass::ALL.into_iter().zip(&self.tokens) {
            for (before, after) in pairs {
                passes.push(pass.as_str());
                old.append_value(before);
                new.append_value(after);
            }
        }
        let columns = vec![
            Series::new("pass".into(), passes).into_column(),
            old.finish().into_series().into_column(),
            new.finish().into_series().into_column(),
        ];
        let tokens = DataFrame::new(count, columns).map_err(|e| FrameError::polars("bridge", &e))?;
        let (old, new): (Vec<u64>, Vec<u64>) = self.numbers.into_iter().unzip();
        let height = old.len();
        let columns = vec![Series::new("old".into(), old).into_column(), Series::new("new".into(), new).into_column()];
        let numbers = DataFrame::new(height, columns).map_err(|e| FrameError::polars("bridge", &e))?;
        Ok(BTreeMap::from([(TOKENS.to_owned(), tokens), (NUMBERS.to_owned(), numbers)]))
    }
}

/// Pairs of old and new as the room knows them, of all sources together.
#[derive(Default)]
pub struct RoomBridge {
    tokens: HashMap<(Pass, u128), u128>,
    numbers: HashMap<u64, u64>,
}

impl std::fmt::Debug for RoomBridge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RoomBridge(redacted)")
    }
}

impl RoomBridge {
    /// Adds a package's bridge ([`crate::package::Opened::bridge`]), re-keyed. Of two pairs with one old token the first stays:
    /// a hostile source can then only lead its own tokens astray, those that no other source has bridged.
    ///
    /// # Errors
    /// A column is missing or has another type.
    pub fn add(&mut self, frames: &BTreeMap<String, DataFrame>, key: &RoomKey) -> Result<(), FrameError> {
        if let Some(frame) = frames.get(TOKENS) {
            let mut frame = frame.clone();
            frame.rechunk_mut();
            let shaped = Shaped::new("bridge", &frame);
            let (passes, old, new) = (shaped.str("pass")?, shaped.binary("old")?, shaped.binary("new")?);
            for row in 0..frame.height() {
                let pass = passes.get(row).and_then(|name| Pass::ALL.into_iter().find(|pass| pass.as_str() == name));
                let token = |bytes: Option<&[u8]>| bytes.and_then(|b| Token::try_from(b).ok());
                let (Some(pass), Some(old), Some(new)) = (pass, token(old.get(row)), token(new.get(row))) else {
                    return Err(shaped.wrong("pass", &DataType::String));
                };
                self.tokens.entry((pass, key.rekey(pass, &old))).or_insert_with(|| key.rekey(pass, &new));
            }
        }
        if let Some(frame) = frames.get(NUMBERS) {
            let shaped = Shaped::new("bridge", frame);
            for pair in shaped.u64("old")?.iter().zip(shaped.u64("new")?.iter()) {
                if let (Some(old), Some(new)) = pair {
                    self.numbers.entry(key.rekey_u64(old)).or_insert_with(|| key.rekey_u64(new));
                }
            }
        }
        Ok(())
    }

    /// Adds another bridge's pairs; of two pairs with one old token the first stays.
    pub fn join(&mut self, other: &Self) {
        for (old, new) in &other.tokens {
            self.tokens.entry(*old).or_insert(*new);
        }
        for (old, new) in &other.numbers {
            self.numbers.entry(*old).or_insert(*new);
        }
    }

    /// Identities of a package from before the rotation, under the new key. What neither this bridge nor `other` knows stays as it
    /// is: it can still be linked to others of its time.
    pub fn identities(&self, identities: &mut [RoomIdentity], other: Option<&RoomBridge>) {
        let token = |pass, old| self.token(pass, old).or_else(|| other?.token(pass, old)).unwrap_or(old);
        for identity in identities {
            for (pass, slot) in Pass::ALL.into_iter().zip(&mut identity.tokens) {
                *slot = slot.map(|old| token(pass, old));
            }
            identity.insurer = identity.insurer.map(|old| self.numbers.get(&old).copied().unwrap_or(old));
        }
    }

    /// Its tables.
    ///
    /// # Errors
    /// A keyed column has another type.
    pub fn tables(&self, tables: &mut BTreeMap<String, DataFrame>, catalogue: &Catalogue) -> Result<(), FrameError> {
        for (name, frame) in tables {
            let columns = catalogue.table(name).into_iter().flat_map(|table| &table.columns);
            for entry in columns.filter(|entry| entry.ty == ColumnType::Key) {
                let old = Shaped::new(name, frame).u64(&entry.name)?;
                let new = old.apply_values(|old| self.numbers.get(&old).copied().unwrap_or(old));
                frame.with_column(new.into_series().into_column()).map_err(|e| FrameError::polars(name, &e))?;
            }
        }
        Ok(())
    }

    /// Tombstones from before the rotation hold under the new key as well.
    pub fn tombstones(&self, tombstones: &mut Tombstones) {
        tombstones.translate(&|pass, old| self.token(pass, old));
    }

    fn token(&self, pass: Pass, old: u128) -> Option<u128> {
        self.tokens.get(&(pass, old)).copied()
    }
}
