//! What linkage sees of an identity row: room-keyed tokens, birth month, sex, days. No names, no keys.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Number of token passes; the order is `pseudonymize::Pass::ALL`'s.
pub const PASSES: usize = 7;

/// A token pass: which identifiers went into a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Pass {
    /// Insurer, 記号・番号, 枝番, birth date, sex.
    Member = 0,
    /// Insurer, 記号・番号, birth date, sex (NDB's ID1). Twins share it.
    Id1 = 1,
    /// Kanji name, birth date, sex (NDB's ID2).
    Id2 = 2,
    /// Kana name, birth date, sex (NDB's ID4).
    Id4 = 3,
    /// The individual insured number (what NDB's ID5 is made of).
    Individual = 4,
    /// Given name, birth date, sex and 記号・番号 or postcode: survives a change of family name.
    Marriage = 5,
    /// Kana name and 記号・番号: survives a mistyped birth date.
    Birth = 6,
}

impl Pass {
    /// All passes, in the order of [`Identity::tokens`].
    pub const ALL: [Pass; PASSES] =
        [Pass::Member, Pass::Id1, Pass::Id2, Pass::Id4, Pass::Individual, Pass::Marriage, Pass::Birth];

    /// The order in which the resolver tries them: what names one human being first, hints last.
    pub const BY_STRENGTH: [Pass; PASSES] =
        [Pass::Member, Pass::Individual, Pass::Id1, Pass::Id2, Pass::Id4, Pass::Marriage, Pass::Birth];

    /// Position in [`Identity::tokens`].
    #[must_use]
    pub const fn index(self) -> usize {
        self as usize
    }

    pub(crate) const fn bit(self) -> u8 {
        1 << (self as u8)
    }

    /// Its name in reports and the journal.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Pass::Member => "member",
            Pass::Id1 => "id1",
            Pass::Id2 => "id2",
            Pass::Id4 => "id4",
            Pass::Individual => "individual",
            Pass::Marriage => "marriage",
            Pass::Birth => "birth",
        }
    }

    pub(crate) fn named(name: &str) -> Option<Pass> {
        Pass::ALL.into_iter().find(|pass| pass.name() == name)
    }
}

/// One identity row: a distinct tuple of identifiers as one source wrote it, and when it was seen.
///
/// Days count from 1970-01-01. The derived order is only a total order for tie-breaking.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Identity {
    /// First day the row was seen with a service, exam or coverage.
    pub first_day: i32,
    /// Last such day; read as `first_day` where it is earlier.
    pub last_day: i32,
    /// Number of the source (not of the package) in this run.
    pub source: u16,
    /// 1 male, 2 female, anything else unknown.
    pub sex: u8,
    /// Month of birth: year × 12 + month − 1. `None` is unknown.
    pub birth_month: Option<i32>,
    /// Eligibility from, and to (`None`: still covered when the list was drawn).
    pub coverage: Option<(i32, Option<i32>)>,
    /// Keyed insurer number.
    pub insurer: Option<u64>,
    /// Day of death, from 転帰 or the end of eligibility.
    pub death: Option<i32>,
    /// Person id of an earlier run, if this row had one.
    pub previous: Option<u128>,
    /// Room-keyed tokens by [`Pass::index`].
    pub tokens: [Option<u128>; PASSES],
}

impl Identity {
    /// The token of a pass.
    #[must_use]
    pub fn token(&self, pass: Pass) -> Option<u128> {
        self.tokens.get(pass.index()).copied().flatten()
    }

    pub(crate) fn end(&self) -> i32 {
        self.last_day.max(self.first_day)
    }

    /// The latest day that it speaks of.
    pub(crate) fn reach(&self) -> i32 {
        self.coverage.map_or(i32::MIN, |(from, to)| to.unwrap_or(from)).max(self.end())
    }

    /// The beginning of the derived order as a number: days, source, sex, birth month.
    pub(crate) fn lead(&self) -> u128 {
        let rank = |day: i32| u128::from(day.cast_unsigned() ^ 1 << 31);
        let birth = self.birth_month.map_or(0, |month| 1 + rank(month));
        rank(self.first_day) << 96
            | rank(self.last_day) << 64
            | u128::from(self.source) << 48
            | u128::from(self.sex) << 40
            | birth
    }

    pub(crate) fn known_sex(&self) -> u8 {
        if matches!(self.sex, 1 | 2) { self.sex } else { 0 }
    }
}

/// Redacted: tokens and days of one person belong in no log.
impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").field("source", &self.source).finish_non_exhaustive()
    }
}

/// A person's id: 128 random bits (UUID version 4), derived from nothing, so that merges and key rotation leave it alone.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PersonId(pub u128);

/// Hyphenated UUID.
impl fmt::Display for PersonId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        uuid::Uuid::from_u128(self.0).hyphenated().fmt(f)
    }
}

/// Redacted.
impl fmt::Debug for PersonId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PersonId(…)")
    }
}

/// A fresh id from the system's random source.
#[must_use]
pub fn random_id() -> u128 {
    uuid::Uuid::new_v4().as_u128()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Identity;

    proptest! {
        /// The number never contradicts the derived order.
        #[test]
        fn the_lead_is_the_beginning_of_the_order(
            a in any::<(i32, i32, u16, u8, Option<i32>)>(),
            b in any::<(i32, i32, u16, u8, Option<i32>)>(),
            same in 0usize..6,
        ) {
            let identity = |(first_day, last_day, source, sex, birth_month)| {
                Identity { first_day, last_day, source, sex, birth_month, ..Identity::default() }
            };
            let mut b = b;
            // Equal beginnings are what matters.
            if same > 0 { b.0 = a.0; }
            if same > 1 { b.1 = a.1; }
            if same > 2 { b.2 = a.2; }
            if same > 3 { b.3 = a.3; }
            let (a, b) = (identity(a), identity(b));
            prop_assert_eq!(a.lead().cmp(&b.lead()), a.cmp(&b));
        }
    }
}
