//! Which tokens a source spreads too widely to name anybody. It judges whole batches together with all that came before; what it has
//! ignored once stays ignored.

use std::collections::BTreeSet;

use crate::identity::{PASSES, Pass};
use crate::report::Screened;
use crate::rows::Rows;
use crate::settings::Settings;
use crate::tokens::{Born, NONE, Numbers};

/// Whether a pass's token holds the insurance number.
const fn names_one_membership(pass: Pass) -> bool {
    matches!(pass, Pass::Member | Pass::Id1)
}

/// A spelling that is new in a batch.
pub(crate) struct Fresh {
    /// Its first row in the batch.
    pub(crate) at: u32,
    /// How many rows of the batch have it.
    pub(crate) times: u32,
    pub(crate) source: u16,
    pub(crate) born: Born,
    /// Its tokens' numbers within each pass.
    pub(crate) tokens: [u32; PASSES],
    /// Passes whose token its source spreads too widely.
    pub(crate) ignored: u8,
}

/// A source's use of a token that is to be ignored.
pub(crate) struct Spread {
    pub(crate) token: u32,
    pub(crate) source: u16,
    /// `None` if it was known before.
    pub(crate) why: Option<Screened>,
    /// Earlier rows were linked by it.
    pub(crate) late: bool,
    /// Places of the new spellings that carry it.
    pub(crate) fresh: Vec<u32>,
}

/// What screening compares with.
pub(crate) struct Past<'a> {
    pub(crate) rows: &'a Rows,
    pub(crate) screened: &'a BTreeSet<(u32, u16)>,
    pub(crate) settings: &'a Settings,
}

impl Past<'_> {
    /// Rows of all sources, of one sex and birth month, up to which a token can't be spread by any of them.
    fn unspread(&self, pass: Pass) -> usize {
        let settings = self.settings;
        let memberships = if names_one_membership(pass) { usize::MAX } else { settings.max_memberships_per_token };
        let rows = settings.max_rows_per_token.min(memberships);
        if settings.births_allowed(pass) == 0 { rows.min(1) } else { rows }
    }

    /// The spread tokens of one pass among the new spellings.
    pub(crate) fn screen(&self, pass: Pass, fresh: &[Fresh], numbers: &Numbers) -> Vec<Spread> {
        let unspread = self.unspread(pass);
        let mut carried: Vec<(u32, u16, u32)> = (0u32..)
            .zip(fresh)
            .filter_map(|(place, new)| {
                let token = new.tokens.get(pass.index()).copied().filter(|&token| token != NONE)?;
                (!numbers.is_plain(token, unspread)).then_some((token, new.source, place))
            })
            .collect();
        carried.sort_unstable();
        let mut spread = Vec::new();
        for group in carried.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)) {
            let Some(&(token, source, _)) = group.first() else {
                continue;
            };
            let fresh_of = || group.iter().map(|&(_, _, place)| place);
            if self.screened.contains(&(crate::rows::global(token, pass), source)) {
                spread.push(Spread { token, source, why: None, late: false, fresh: fresh_of().collect() });
                continue;
            }
            let old: Vec<u32> =
                numbers.carriers(token, pass, self.rows).filter(|&row| self.rows.source(row) == source).collect();
            let new = fresh_of().filter_map(|place| fresh.get(place as usize));
            if let Some(why) = self.judge(pass, new, &old) {
                let linked = |&row: &u32| self.rows.get(row).is_some_and(|row| row.ignored & pass.bit() == 0);
                let late = old.iter().any(linked);
                spread.push(Spread { token, source, why: Some(why), late, fresh: fresh_of().collect() });
            }
        }
        spread
    }

    /// Whether the spellings of one source that carry one token say by themselves that it doesn't name a person.
    fn judge<'a>(&self, pass: Pass, new: impl Iterator<Item = &'a Fresh> + Clone, old: &[u32]) -> Option<Screened> {
        let settings = self.settings;
        let rows = new.clone().count() + old.len();
        if rows > settings.max_rows_per_token || new.clone().any(|new| new.times > settings.max_repeats) {
            return Some(Screened::Frequent);
        }
        if rows < 2 {
            return None;
        }
        let old = || old.iter().filter_map(|&row| self.rows.get(row));
        let mut births: Vec<Born> = old()
            .map(|row| (row.sex, row.birth))
            .chain(new.clone().map(|new| new.born))
            .filter(|&(sex, birth)| sex != 0 && birth != crate::profile::UNKNOWN)
            .collect();
        births.sort_unstable();
        births.dedup();
        if births.len() > settings.births_allowed(pass) {
            return Some(Screened::Contested);
        }
        if names_one_membership(pass) {
            return None;
        }
        let id1 = |tokens: &[u32; PASSES]| tokens.get(Pass::Id1.index()).copied().filter(|&token| token != NONE);
        let mut memberships: Vec<u32> =
            old().filter_map(|row| id1(&row.tokens)).chain(new.clone().filter_map(|new| id1(&new.tokens))).collect();
        memberships.sort_unstable();
        memberships.dedup();
        (memberships.len() > settings.max_memberships_per_token).then_some(Screened::Memberships)
    }
}
