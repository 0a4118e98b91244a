//! Looks ahead: touches what the next rows are going to need, one kind of thing after the other, so that the memory answers many requests
//! at once instead of each when a decision waits for it. It decides nothing and changes nothing.

use std::hint::black_box;

use crate::batch::Seen;
use crate::identity::Pass;
use crate::rows::global;
use crate::screen::Fresh;
use crate::state::Linker;
use crate::tokens::NONE;

/// Rows that are looked at together: their things fit into a core's own cache.
pub(crate) const AHEAD: usize = 32;

impl Linker {
    /// `places`: the next rows of the batch. `coming`: the spellings not taken yet, in the order of their places.
    pub(crate) fn look_ahead(&self, places: &[u32], seen: &[Seen], coming: &[Fresh]) {
        let mut touched = 0u32;
        let mut coming = coming.iter().peekable();
        let (mut entries, mut rows) = (Vec::with_capacity(4 * AHEAD), Vec::with_capacity(5 * AHEAD));
        // Of a spelling that comes again only the person's days are looked at, and its coverage if that is still open.
        let (mut again, mut covered) = (Vec::with_capacity(AHEAD), Vec::with_capacity(AHEAD));
        for &at in places {
            let Some(seen) = seen.get(at as usize) else { continue };
            let Some(new) = coming.next_if(|new| new.at == at) else {
                if let Some(row) = self.rows.get(seen.known) {
                    again.push(seen.known);
                    covered.push(row.open);
                    touched ^= row.last.cast_unsigned();
                }
                continue;
            };
            for ((pass, numbers), &token) in Pass::ALL.into_iter().zip(&self.numbers).zip(&new.tokens) {
                if token != NONE {
                    touched ^= numbers.latest(token);
                    entries.push(self.index.head(global(token, pass)));
                }
            }
            touched ^= seen.print.and_then(|print| self.by_print.get(&print).copied()).unwrap_or_default();
        }
        rows.extend(entries.into_iter().filter_map(|at| Some(self.index.entry(at)?.row)));
        for _ in 0..2 {
            for row in rows.iter_mut().chain(&mut again) {
                *row = self.clusters.parent(*row);
            }
        }
        for &row in &rows {
            touched ^= self.clusters.rows(row);
        }
        let profiles: Vec<_> = rows.iter().filter_map(|&row| Some(self.clusters.pair(row, row)?.0)).collect();
        touched ^= profiles.iter().fold(0, |sum, profile| sum ^ u32::from(profile.has));
        touched ^= profiles.iter().fold(0, |sum, profile| sum ^ profile.touch());
        let profile = |&row: &u32| Some(self.clusters.pair(row, row)?.0);
        let days: Vec<_> = again.iter().map(profile).collect();
        touched ^= days.iter().flatten().fold(0, |sum, profile| sum ^ u32::from(profile.has));
        let open = days.iter().zip(&covered).filter(|(_, open)| **open).filter_map(|(profile, _)| *profile);
        touched ^= open.fold(0, |sum, profile| sum ^ profile.touch());
        black_box(touched);
    }
}
