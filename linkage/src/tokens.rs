//! Tokens as dense numbers, and the screening of those that a source spreads too widely.
//!
//! Numbers come from sorting, not hashing: same input, same numbers, and no input makes it slow.

use std::collections::BTreeSet;

use crate::identity::{Identity, PASSES, Pass};
use crate::report::{Report, Screened};
use crate::settings::Settings;

/// No token, no row, no cluster.
pub(crate) const NONE: u32 = u32::MAX;

/// Rows × passes of token numbers, row by row; numbers are unique over all passes.
pub(crate) struct Tokens {
    of: Vec<[u32; PASSES]>,
    count: u32,
}

impl Tokens {
    /// Numbers the tokens of `passes`; with `settings`, leaves out what a source spreads too widely.
    pub(crate) fn number(
        records: &[Identity],
        passes: &[Pass],
        settings: Option<&Settings>,
        report: &mut Report,
    ) -> Tokens {
        let mut of = vec![[NONE; PASSES]; records.len()];
        let mut count = 0u32;
        for &pass in passes {
            let mut carried: Vec<(u128, u16, u32)> = (0u32..)
                .zip(records)
                .filter_map(|(row, record)| Some((record.token(pass)?, record.source, row)))
                .collect();
            carried.sort_unstable();
            let mut tokens = 0;
            for group in carried.chunk_by(|a, b| a.0 == b.0) {
                tokens += 1;
                for rows in group.chunk_by(|a, b| a.1 == b.1) {
                    let verdict = settings.and_then(|set| screen(records, pass, rows, set));
                    if let Some(why) = verdict {
                        let source = rows.first().map_or(0, |first| first.1);
                        let by_source = report.pass(pass).screened.entry(why).or_default();
                        *by_source.entry(source).or_default() += 1;
                        continue;
                    }
                    for &(_, _, row) in rows {
                        if let Some(slot) = of.get_mut(row as usize).and_then(|slots| slots.get_mut(pass.index())) {
                            *slot = count;
                        }
                    }
                }
                count += 1;
            }
            let counts = report.pass(pass);
            counts.rows = carried.len() as u64;
            counts.tokens = tokens;
        }
        Tokens { of, count }
    }

    /// How many numbers were given.
    pub(crate) fn count(&self) -> usize {
        self.count as usize
    }

    /// All tokens of a row by pass; `NONE` where it has none.
    pub(crate) fn row(&self, row: u32) -> [u32; PASSES] {
        self.of.get(row as usize).copied().unwrap_or([NONE; PASSES])
    }

    /// A row's token of a pass.
    pub(crate) fn get(&self, row: u32, pass: Pass) -> Option<u32> {
        let token = self.row(row).get(pass.index()).copied()?;
        (token != NONE).then_some(token)
    }
}

/// Whether the rows of one source that carry one token say by themselves that it doesn't name a person.
fn screen(records: &[Identity], pass: Pass, rows: &[(u128, u16, u32)], settings: &Settings) -> Option<Screened> {
    if rows.len() > settings.max_rows_per_token {
        return Some(Screened::Frequent);
    }
    if rows.len() < 2 {
        return None;
    }
    let of = |&(_, _, row): &(u128, u16, u32)| records.get(row as usize);
    let births: BTreeSet<(u8, i32)> = rows
        .iter()
        .filter_map(of)
        .filter(|record| record.known_sex() != 0)
        .filter_map(|record| Some((record.known_sex(), record.birth_month?)))
        .collect();
    if births.len() > settings.births_allowed(pass) {
        return Some(Screened::Contested);
    }
    if matches!(pass, Pass::Member | Pass::Id1) {
        return None;
    }
    let memberships: BTreeSet<u128> = rows.iter().filter_map(of).filter_map(|record| record.token(Pass::Id1)).collect();
    (memberships.len() > settings.max_memberships_per_token).then_some(Screened::Memberships)
}
