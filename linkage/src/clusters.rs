//! Union–find whose clusters know what a person can't be: of two sexes, born twice, active after death, insured twice.

use crate::identity::{Identity, Pass};
use crate::report::Refusal;
use crate::settings::Settings;
use crate::tokens::NONE;

/// An unknown birth month.
pub(crate) const UNKNOWN: i32 = i32::MIN;

/// One period of coverage, last day included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Period {
    insurer: u64,
    /// Number of the ID1 token; `NONE` if absent.
    membership: u32,
    from: i32,
    to: i32,
    /// Still covered when the list was drawn; a later list that knows the end wins.
    open: bool,
}

/// What is known of a cluster.
#[derive(Debug, Clone)]
pub(crate) struct Profile {
    sex: u8,
    /// At most two months, ascending, and two only if one slip apart.
    births: [i32; 2],
    last: i32,
    death: i32,
    /// Passes of which some row has a token.
    pub(crate) has: u8,
    periods: Vec<Period>,
    previous: Option<u128>,
}

impl Default for Profile {
    fn default() -> Self {
        Profile {
            sex: 0,
            births: [UNKNOWN; 2],
            last: i32::MIN,
            death: i32::MAX,
            has: 0,
            periods: Vec::new(),
            previous: None,
        }
    }
}

impl Profile {
    /// The profile of one row. `horizon` closes open coverage. Tells also whether its death was disbelieved.
    pub(crate) fn of(record: &Identity, tokens: &[u32], horizon: i32, settings: &Settings) -> (Profile, bool) {
        let death = record.death.unwrap_or(i32::MAX);
        let disbelieved = death.saturating_add(settings.death_grace_days) < record.end();
        let membership = tokens.get(Pass::Id1.index()).copied().unwrap_or(NONE);
        let periods = match (record.insurer, record.coverage) {
            (Some(insurer), Some((from, to))) => {
                vec![Period { insurer, membership, from, to: to.unwrap_or(horizon).max(from), open: to.is_none() }]
            }
            _ => Vec::new(),
        };
        let has = Pass::ALL
            .into_iter()
            .filter(|pass| tokens.get(pass.index()).is_some_and(|&token| token != NONE))
            .fold(0, |mask, pass| mask | pass.bit());
        let profile = Profile {
            sex: record.known_sex(),
            births: [record.birth_month.unwrap_or(UNKNOWN), UNKNOWN],
            last: record.end(),
            death: if disbelieved { i32::MAX } else { death },
            has,
            periods,
            previous: record.previous,
        };
        (profile, disbelieved)
    }

    /// Why these two can't be one person, if they can't. `slip`: a birth month one slip away is carried by the evidence.
    pub(crate) fn conflict(&self, other: &Profile, slip: bool, settings: &Settings) -> Option<Refusal> {
        if self.sex != 0 && other.sex != 0 && self.sex != other.sex {
            return Some(Refusal::Sex);
        }
        if self.births_with(other, slip).is_none() {
            return Some(Refusal::Birth);
        }
        let dead_before = |a: &Profile, b: &Profile| {
            let over = a.death.saturating_add(settings.death_grace_days);
            over < b.last || (b.death != i32::MAX && over < b.death)
        };
        if dead_before(self, other) || dead_before(other, self) {
            return Some(Refusal::Death);
        }
        if self.overlap(other, |a, b| a.insurer != b.insurer, settings) {
            return Some(Refusal::Parallel);
        }
        (self.periods.len() + other.periods.len() > settings.max_periods).then_some(Refusal::Periods)
    }

    /// One insurer covers both at once under two numbers.
    pub(crate) fn two_memberships(&self, other: &Profile, settings: &Settings) -> bool {
        let differ = |a: &Period, b: &Period| {
            a.insurer == b.insurer && a.membership != NONE && b.membership != NONE && a.membership != b.membership
        };
        self.overlap(other, differ, settings)
    }

    /// Coverage of one ends about when that of the other begins.
    pub(crate) fn adjoins(&self, other: &Profile, settings: &Settings) -> bool {
        let near = |a: &Period, b: &Period| {
            !a.open && (i64::from(a.to) - i64::from(b.from)).abs() <= i64::from(settings.parallel_grace_days)
        };
        self.periods.iter().any(|a| other.periods.iter().any(|b| near(a, b) || near(b, a)))
    }

    fn overlap(&self, other: &Profile, relevant: impl Fn(&Period, &Period) -> bool, settings: &Settings) -> bool {
        // An open period that the other side's list has closed since says nothing any more.
        let stale = |period: &Period, side: &Profile| {
            period.open && side.periods.iter().any(|p| !p.open && p.insurer == period.insurer && p.from == period.from)
        };
        let grace = i64::from(settings.parallel_grace_days);
        self.periods.iter().any(|a| {
            other.periods.iter().any(|b| {
                let days = i64::from(a.to.min(b.to)) - i64::from(a.from.max(b.from));
                days > grace && relevant(a, b) && !stale(a, other) && !stale(b, self)
            })
        })
    }

    /// The months of both, or `None` if that is no person's.
    fn births_with(&self, other: &Profile, slip: bool) -> Option<[i32; 2]> {
        let mut months = [UNKNOWN; 4];
        let known = self.births.iter().chain(&other.births);
        for (slot, &month) in months.iter_mut().zip(known) {
            *slot = month;
        }
        months.sort_unstable();
        let mut distinct = months.iter().copied().filter(|&month| month != UNKNOWN);
        let Some(first) = distinct.next() else {
            return Some([UNKNOWN; 2]);
        };
        let Some(second) = distinct.find(|&month| month != first) else {
            return Some([first, UNKNOWN]);
        };
        if distinct.any(|month| month != second) {
            return None;
        }
        let pair = [first, second];
        let settled = self.births == pair || other.births == pair;
        (settled || (slip && one_slip(first, second))).then_some(pair)
    }

    fn absorb(&mut self, other: Profile) {
        // Checked by `conflict` where it matters; baselines merge regardless and keep the first.
        self.births = self.births_with(&other, true).unwrap_or(self.births);
        if self.sex == 0 {
            self.sex = other.sex;
        }
        self.last = self.last.max(other.last);
        self.death = self.death.min(other.death);
        self.has |= other.has;
        self.previous = self.previous.or(other.previous);
        for period in other.periods {
            let same = |p: &&mut Period| {
                p.insurer == period.insurer && p.from == period.from && p.membership == period.membership
            };
            match self.periods.iter_mut().find(same) {
                Some(known) if known.open == period.open => known.to = known.to.max(period.to),
                Some(known) if known.open => *known = period,
                Some(_) => {}
                None => self.periods.push(period),
            }
        }
    }
}

/// Two birth months that one mistyped part tells apart: the year is wrong or the month is.
pub(crate) fn one_slip(a: i32, b: i32) -> bool {
    a.rem_euclid(12) == b.rem_euclid(12) || a.div_euclid(12) == b.div_euclid(12)
}

/// An earlier person id met another by a pass.
pub(crate) struct Join {
    pub(crate) one: u128,
    pub(crate) other: u128,
    pub(crate) pass: Pass,
}

/// Disjoint sets of rows with their profiles.
pub(crate) struct Clusters {
    parent: Vec<u32>,
    size: Vec<u32>,
    profile: Vec<Profile>,
    pub(crate) joins: Vec<Join>,
    /// Earlier person ids whose rows were kept apart, and why.
    pub(crate) parts: Vec<(u128, Refusal)>,
}

impl Clusters {
    pub(crate) fn new(profile: Vec<Profile>) -> Clusters {
        let rows = profile.len();
        Clusters {
            parent: (0u32..).take(rows).collect(),
            size: vec![1; rows],
            profile,
            joins: Vec::new(),
            parts: Vec::new(),
        }
    }

    fn parent(&self, row: u32) -> u32 {
        self.parent.get(row as usize).copied().unwrap_or(row)
    }

    pub(crate) fn find(&mut self, row: u32) -> u32 {
        let mut at = row;
        loop {
            let up = self.parent(at);
            if up == at {
                return at;
            }
            let over = self.parent(up);
            if let Some(slot) = self.parent.get_mut(at as usize) {
                *slot = over;
            }
            at = over;
        }
    }

    fn size(&self, root: u32) -> u32 {
        self.size.get(root as usize).copied().unwrap_or(0)
    }

    /// The profiles of two roots.
    pub(crate) fn pair(&self, a: u32, b: u32) -> Option<(&Profile, &Profile)> {
        Some((self.profile.get(a as usize)?, self.profile.get(b as usize)?))
    }

    /// Passes of which a root's cluster has a token.
    pub(crate) fn has(&self, root: u32) -> u8 {
        self.profile.get(root as usize).map_or(0, |profile| profile.has)
    }

    /// Makes one cluster of two; false if they were one already.
    pub(crate) fn union(&mut self, a: u32, b: u32, pass: Pass) -> bool {
        let (a, b) = (self.find(a), self.find(b));
        if a == b {
            return false;
        }
        // Equal sizes: the smaller row number stays, so that the result depends on nothing else.
        let keep_a = (self.size(b), a) < (self.size(a), b);
        let (root, gone) = if keep_a { (a, b) } else { (b, a) };
        let absorbed = self.profile.get_mut(gone as usize).map(std::mem::take).unwrap_or_default();
        let size = self.size(gone);
        if let Some(slot) = self.parent.get_mut(gone as usize) {
            *slot = root;
        }
        if let Some(slot) = self.size.get_mut(root as usize) {
            *slot += size;
        }
        if let Some(profile) = self.profile.get_mut(root as usize) {
            if let (Some(one), Some(other)) = (profile.previous, absorbed.previous)
                && one != other
            {
                self.joins.push(Join { one, other, pass });
            }
            profile.absorb(absorbed);
        }
        true
    }

    /// Remembers a refusal that keeps rows of one earlier person apart.
    pub(crate) fn note_part(&mut self, a: u32, b: u32, why: Refusal) {
        if let Some((Some(one), Some(other))) = self.pair(a, b).map(|(x, y)| (x.previous, y.previous))
            && one == other
        {
            self.parts.push((one, why));
        }
    }

    /// The root of every row.
    pub(crate) fn roots(&mut self) -> Vec<u32> {
        let rows = u32::try_from(self.parent.len()).unwrap_or(NONE);
        (0..rows).map(|row| self.find(row)).collect()
    }
}
