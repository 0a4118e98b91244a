//! Reviewers' verdicts on pairs of rows, as the linker meets them: a verdict works when the later of its two rows is taken. Files and
//! signatures are the caller's.

use std::collections::BTreeMap;

use crate::tokens::NONE;

/// What a reviewer decided about two rows, by their places in the input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Verdict {
    /// A row.
    pub row: u32,
    /// Another one.
    pub other: u32,
    /// They are one person; if not, two.
    pub same: bool,
}

/// A verdict as the row in hand meets it.
#[derive(Clone, Copy)]
pub(crate) struct Word {
    /// The linker's number of the row that was there before.
    pub(crate) other: u32,
    pub(crate) same: bool,
}

/// Verdicts by place.
pub(crate) struct Docket(BTreeMap<u32, Vec<(u32, bool)>>);

impl Docket {
    pub(crate) fn of(verdicts: &[Verdict]) -> Docket {
        let mut by_place: BTreeMap<u32, Vec<(u32, bool)>> = BTreeMap::new();
        for verdict in verdicts {
            by_place.entry(verdict.row).or_default().push((verdict.other, verdict.same));
            by_place.entry(verdict.other).or_default().push((verdict.row, verdict.same));
        }
        // What keeps people apart comes first.
        by_place.values_mut().for_each(|words| words.sort_unstable_by_key(|&(other, same)| (same, other)));
        Docket(by_place)
    }

    /// The words on a place whose other row was taken before.
    pub(crate) fn words(&self, place: u32, row_of: &[u32]) -> Vec<Word> {
        let Some(words) = self.0.get(&place) else { return Vec::new() };
        words
            .iter()
            .filter_map(|&(other, same)| Some(Word { other: *row_of.get(other as usize)?, same }))
            .filter(|word| word.other != NONE)
            .collect()
    }
}
