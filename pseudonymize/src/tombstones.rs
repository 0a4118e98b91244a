//! Tombstones: tokens of people whose rows must go. They travel in packages (a source's opt-outs, which remove that source's
//! rows only) and in withdrawals (which remove a person from the room).
//!
//! A tombstone is tokens and nothing else: no sex, no month of birth, no day. Who decides that rows go, and what the log says
//! of it, is elsewhere.

use std::collections::HashSet;
use std::hash::Hash;

use polars::prelude::{BinaryChunkedBuilder, DataFrame, IntoColumn, IntoSeries};

use crate::frames::{FrameError, Shaped};
use crate::room::{RoomIdentity, RoomKey, rekeyed};
use crate::token::{PASSES, Pass};

/// The name of the part in a package, and of the frame in errors.
pub(crate) const TOMBSTONES: &str = "tombstones";

/// Passes by which somebody is found. Not those that tolerate a change of name or birth date: they name relatives and
/// neighbours too easily to take somebody's rows away.
pub(crate) const FINDING: [Pass; 5] = [Pass::Member, Pass::Id1, Pass::Id2, Pass::Id4, Pass::Individual];

/// The tokens of one person, by [`Pass::ALL`].
pub(crate) type Tokens<T> = [Option<T>; PASSES];

/// A frame with a 16-byte Binary column per pass.
pub(crate) fn frame<'t>(
    entries: impl ExactSizeIterator<Item = &'t Tokens<crate::Token>> + Clone,
) -> Result<DataFrame, FrameError> {
    let mut columns = Vec::with_capacity(PASSES);
    let height = entries.len();
    for pass in Pass::ALL {
        let mut builder = BinaryChunkedBuilder::new(pass.column().into(), height);
        for tokens in entries.clone() {
            builder.append_option(tokens.get(pass.index()).copied().flatten());
        }
        columns.push(builder.finish().into_series().into_column());
    }
    DataFrame::new(height, columns).map_err(|e| FrameError::polars(TOMBSTONES, &e))
}

/// Who is listed, by tokens of one side: the source's own, or the room's.
pub(crate) struct Listed<T> {
    tokens: HashSet<(Pass, T)>,
    /// Tokens of ID1 whose entry has a 枝番: another 枝番 under them is another member of the family.
    branched: HashSet<T>,
}

impl<T> Default for Listed<T> {
    fn default() -> Self {
        Self { tokens: HashSet::new(), branched: HashSet::new() }
    }
}

/// The tokens of an identity by which somebody is found.
pub(crate) fn finding<T: Copy>(tokens: &Tokens<T>) -> impl Iterator<Item = (Pass, T)> {
    FINDING.into_iter().filter_map(|pass| Some((pass, of(tokens, pass)?)))
}

fn of<T: Copy>(tokens: &Tokens<T>, pass: Pass) -> Option<T> {
    tokens.get(pass.index()).copied().flatten()
}

impl<T: Copy + Eq + Hash> Listed<T> {
    pub(crate) fn add(&mut self, tokens: &Tokens<T>) {
        self.tokens.extend(finding(tokens));
        if let (Some(_), Some(id1)) = (of(tokens, Pass::Member), of(tokens, Pass::Id1)) {
            self.branched.insert(id1);
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.tokens.is_empty()
    }

    /// Whether an identity is one of these people's: it shares a token with an entry. ID1 alone does not count where both
    /// the entry and the identity have a 枝番, or a twin would go with a twin.
    pub(crate) fn covers(&self, tokens: &Tokens<T>) -> bool {
        let twins =
            |pass, token| pass == Pass::Id1 && of(tokens, Pass::Member).is_some() && self.branched.contains(&token);
        finding(tokens).any(|(pass, token)| self.tokens.contains(&(pass, token)) && !twins(pass, token))
    }
}

/// Tokens of people whose rows must go, as the room knows them.
#[derive(Default)]
pub struct Tombstones(Listed<u128>);

impl std::fmt::Debug for Tombstones {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tombstones(redacted)")
    }
}

impl Tombstones {
    /// Adds the tombstones of a package ([`crate::package::Opened::tombstones`]), re-keyed for this room.
    ///
    /// # Errors
    /// A column is missing or has another type, or a token isn't 16 bytes.
    pub fn add(&mut self, frame: &DataFrame, key: &RoomKey) -> Result<(), FrameError> {
        let mut frame = frame.clone();
        frame.rechunk_mut();
        let shaped = Shaped::new(TOMBSTONES, &frame);
        for row in rekeyed(&shaped, frame.height(), key)? {
            self.0.add(&row);
        }
        Ok(())
    }

    /// Adds others.
    pub fn join(&mut self, other: Self) {
        self.0.tokens.extend(other.0.tokens);
        self.0.branched.extend(other.0.branched);
    }

    /// Adds the new tokens that a bridge gives, so that tombstones outlive a rotation of the linkage key.
    pub(crate) fn translate(&mut self, new: &dyn Fn(Pass, u128) -> Option<u128>) {
        let more: Vec<(Pass, u128)> =
            self.0.tokens.iter().filter_map(|(pass, old)| Some((*pass, new(*pass, *old)?))).collect();
        self.0.tokens.extend(more);
        let more: Vec<u128> = self.0.branched.iter().filter_map(|old| new(Pass::Id1, *old)).collect();
        self.0.branched.extend(more);
    }

    /// Whether an identity is one of these people's: it shares a token with an entry, the twin of a listed twin excepted.
    pub fn cover(&self, identity: &RoomIdentity) -> bool {
        self.0.covers(&identity.tokens)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]

    use super::*;

    fn tokens(set: &[(Pass, u128)]) -> Tokens<u128> {
        let mut out = [None; PASSES];
        for (pass, token) in set {
            out[pass.index()] = Some(*token);
        }
        out
    }

    fn covered(list: &Tombstones, set: &[(Pass, u128)]) -> bool {
        list.0.covers(&tokens(set))
    }

    #[test]
    fn one_shared_token_is_enough_but_twins_are_two() {
        let mut list = Tombstones::default();
        assert!(list.0.is_empty());
        list.0.add(&tokens(&[(Pass::Member, 1), (Pass::Id1, 2), (Pass::Id2, 3), (Pass::Marriage, 4)]));
        assert!(!list.0.is_empty());
        assert!(covered(&list, &[(Pass::Member, 1)]));
        assert!(covered(&list, &[(Pass::Member, 9), (Pass::Id2, 3)]), "another spelling of the number");
        assert!(covered(&list, &[(Pass::Id1, 2)]), "an old record without 枝番 might be theirs: it goes");
        assert!(!covered(&list, &[(Pass::Member, 9), (Pass::Id1, 2)]), "the twin");
        assert!(!covered(&list, &[(Pass::Marriage, 4)]), "a relative");
        assert!(!covered(&list, &[(Pass::Id4, 3)]), "a token of another pass");
        // An entry without 枝番 can't tell twins apart: both go rather than one too few.
        let mut list = Tombstones::default();
        list.0.add(&tokens(&[(Pass::Id1, 2)]));
        assert!(covered(&list, &[(Pass::Member, 9), (Pass::Id1, 2)]));
    }

    #[test]
    fn a_bridge_adds_the_new_tokens() {
        let mut list = Tombstones::default();
        list.0.add(&tokens(&[(Pass::Id4, 7)]));
        list.translate(&|pass, old| (pass == Pass::Id4 && old == 7).then_some(70));
        assert!(covered(&list, &[(Pass::Id4, 70)]) && covered(&list, &[(Pass::Id4, 7)]));
    }
}
