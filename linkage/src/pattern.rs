//! How a row compares with a person found so far, field by field: what the Fellegi–Sunter model weighs. It decides nothing.
//!
//! Passes overlap (every dated token holds the birth date, ID1 lies inside the member token), so a pattern isn't the seven bits of
//! the passes: agreement is put into levels of six fields such that no fact is counted twice. What one field's level already says
//! leaves the dependent fields without information:
//! - *number*: the member token; else ID1 with a 枝番 missing on one side; ID1 with another 枝番; the number and kana name under
//!   another birth date (the birth pass); other numbers.
//! - *name*: kanji and kana agree; kanji, with no kana to compare; kana, with no kanji; one agrees and the other doesn't; only the
//!   given name agrees (marriage pass); the only one that can be compared differs; both differ. No information where the number's
//!   level already holds the kana name.
//! - *individual*: the individual insured number.
//! - *birth*: under the birth pass alone, whether the month is the same or one slip away. Elsewhere the tokens hold the date.
//! - *insurer* and *coverage*: only where no number that holds the insurer agrees.

use crate::identity::Pass;

/// Number of fields compared.
pub const FIELDS: usize = 6;

/// Most levels a field has.
pub(crate) const LEVELS: usize = 7;

/// No information: one side lacks the field, or another field's level has said it.
const NOTHING: u8 = u8::MAX;

/// A field of the comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Field {
    /// Insurance number.
    Number = 0,
    /// Name.
    Name = 1,
    /// Individual insured number.
    Individual = 2,
    /// Birth month under another birth date.
    Birth = 3,
    /// Insurer.
    Insurer = 4,
    /// Periods of coverage.
    Coverage = 5,
}

impl Field {
    /// All fields, in the order of a pattern.
    pub const ALL: [Field; FIELDS] =
        [Field::Number, Field::Name, Field::Individual, Field::Birth, Field::Insurer, Field::Coverage];

    /// Its name in model and review files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Field::Number => "number",
            Field::Name => "name",
            Field::Individual => "individual",
            Field::Birth => "birth",
            Field::Insurer => "insurer",
            Field::Coverage => "coverage",
        }
    }

    /// Its levels, by name.
    #[must_use]
    pub const fn levels(self) -> &'static [&'static str] {
        match self {
            Field::Number => &["member", "id1", "other_branch", "other_birth_date", "other"],
            Field::Name => &["both", "kanji", "kana", "one_of_two", "given", "one_differs", "both_differ"],
            Field::Individual => &["same", "other"],
            Field::Birth => &["same_month", "slip"],
            Field::Insurer => &["same", "other"],
            Field::Coverage => &["adjoins", "same_time", "apart"],
        }
    }

    pub(crate) const fn index(self) -> usize {
        self as usize
    }
}

const OTHER_BRANCH: u8 = 2;
const OTHER_BIRTH_DATE: u8 = 3;

/// Levels of all fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pattern([u8; FIELDS]);

impl Pattern {
    /// From levels by [`Field::ALL`]; `None`, or a level that the field doesn't have, is no information.
    #[must_use]
    pub fn of(levels: [Option<u8>; FIELDS]) -> Pattern {
        let mut pattern = [NOTHING; FIELDS];
        for ((slot, level), field) in pattern.iter_mut().zip(levels).zip(Field::ALL) {
            *slot = level.filter(|&level| usize::from(level) < field.levels().len()).unwrap_or(NOTHING);
        }
        Pattern(pattern)
    }

    /// The level of a field; `None` is no information.
    #[must_use]
    pub fn level(&self, field: Field) -> Option<u8> {
        self.0.get(field.index()).copied().filter(|&level| level != NOTHING)
    }

    /// The level's name.
    #[must_use]
    pub fn level_name(&self, field: Field) -> Option<&'static str> {
        field.levels().get(usize::from(self.level(field)?)).copied()
    }

    /// Names were compared, and neither kanji nor kana agrees.
    pub(crate) fn names_contradict(&self) -> bool {
        self.level(Field::Name).is_some_and(|level| level >= 4)
    }

    /// The number agrees, under whatever 枝番 or birth date.
    pub(crate) fn numbers_agree(&self) -> bool {
        self.level(Field::Number).is_some_and(|level| level <= OTHER_BIRTH_DATE)
    }

    /// Only the birth pass agrees.
    pub(crate) fn other_birth_date(&self) -> bool {
        self.level(Field::Number) == Some(OTHER_BIRTH_DATE)
    }

    /// The number names another member of the family: twins.
    pub(crate) fn other_branch(&self) -> bool {
        self.level(Field::Number) == Some(OTHER_BRANCH)
    }
}

/// What is known besides tokens.
#[derive(Clone, Copy)]
pub(crate) struct Besides {
    pub(crate) same_month: bool,
    pub(crate) insurer: Option<bool>,
    pub(crate) coverage: Option<u8>,
}

/// The pattern of passes that agree and of passes that differ; in neither is what one side lacks.
pub(crate) fn compare(same: u8, differ: u8, besides: Besides) -> Pattern {
    let agrees = |pass: Pass| same & pass.bit() != 0;
    let state = |pass: Pass| match (agrees(pass), differ & pass.bit() != 0) {
        (true, _) => Some(true),
        (false, true) => Some(false),
        _ => None,
    };
    let dated = [Pass::Member, Pass::Id1, Pass::Id2, Pass::Id4, Pass::Marriage].into_iter().any(agrees);
    let slipped = !dated && agrees(Pass::Birth);
    let number = if agrees(Pass::Member) {
        Some(0)
    } else if agrees(Pass::Id1) {
        Some(if state(Pass::Member).is_none() { 1 } else { OTHER_BRANCH })
    } else if slipped {
        Some(OTHER_BIRTH_DATE)
    } else {
        state(Pass::Id1).map(|_| 4)
    };
    let name = match (state(Pass::Id2), state(Pass::Id4)) {
        _ if slipped => None,
        (Some(true), Some(true)) => Some(0),
        (Some(true), None) => Some(1),
        (None, Some(true)) => Some(2),
        (Some(true), Some(false)) | (Some(false), Some(true)) => Some(3),
        (None, None) => None,
        _ if agrees(Pass::Marriage) => Some(4),
        (Some(false), Some(false)) => Some(6),
        _ => Some(5),
    };
    let insured = number.is_some_and(|level| level <= OTHER_BRANCH);
    Pattern::of([
        number,
        name,
        state(Pass::Individual).map(|same| u8::from(!same)),
        slipped.then_some(u8::from(!besides.same_month)),
        besides.insurer.filter(|_| !insured).map(|same| u8::from(!same)),
        besides.coverage.filter(|_| !insured),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: Besides = Besides { same_month: true, insurer: Some(true), coverage: Some(0) };

    fn levels(same: &[Pass], differ: &[Pass], besides: Besides) -> [Option<&'static str>; FIELDS] {
        let mask = |passes: &[Pass]| passes.iter().fold(0, |mask, pass| mask | pass.bit());
        let pattern = compare(mask(same), mask(differ), besides);
        Field::ALL.map(|field| pattern.level_name(field))
    }

    #[test]
    fn no_fact_counts_twice() {
        use Pass::{Birth, Id1, Id2, Id4, Individual, Marriage, Member};
        // The same person in full: the number has said insurer and coverage.
        assert_eq!(
            levels(&[Member, Id1, Id2, Id4, Marriage, Birth], &[], NONE),
            [Some("member"), Some("both"), None, None, None, None]
        );
        // A kanji receipt without 枝番 whose name is mistyped.
        assert_eq!(levels(&[Id1], &[Id2], NONE), [Some("id1"), Some("one_differs"), None, None, None, None]);
        // Twins on one list.
        assert_eq!(
            levels(&[Id1], &[Member, Id2, Id4, Marriage, Birth], NONE),
            [Some("other_branch"), Some("both_differ"), None, None, None, None]
        );
        // A wrong birth date: every dated token differs, and says nothing of number or name.
        assert_eq!(
            levels(&[Birth], &[Member, Id1, Id2, Id4, Marriage], Besides { same_month: false, ..NONE }),
            [Some("other_birth_date"), None, None, Some("slip"), Some("same"), Some("adjoins")]
        );
        // A change of insurer; then one with marriage.
        assert_eq!(
            levels(&[Id2, Id4, Individual], &[Member, Id1], Besides { insurer: Some(false), ..NONE }),
            [Some("other"), Some("both"), Some("same"), None, Some("other"), Some("adjoins")]
        );
        assert_eq!(
            levels(&[Marriage], &[Id2, Id4, Individual], Besides { insurer: None, coverage: None, ..NONE }),
            [None, Some("given"), Some("other"), None, None, None]
        );
        assert_eq!(levels(&[Id4], &[Id2], NONE)[1], Some("one_of_two"));
        assert_eq!(levels(&[], &[], Besides { insurer: None, coverage: None, ..NONE }), [None; FIELDS]);
    }
}
