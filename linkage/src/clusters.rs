//! Union–find whose clusters know what a person can't be: of two sexes, born twice, active after death, insured twice.

use std::collections::{BTreeMap, HashMap};

use crate::identity::Pass;
use crate::report::{Reason, Refusal};
use crate::rows::Row;
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
    /// Its source guarantees that two numbers at once are two people.
    one_to_one: bool,
}

impl Period {
    /// Of one insurer, under another number.
    fn is_not(&self, other: &Period) -> bool {
        let known = self.membership != NONE && other.membership != NONE;
        self.insurer == other.insurer && known && self.membership != other.membership
    }
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
}

impl Default for Profile {
    fn default() -> Self {
        Profile { sex: 0, births: [UNKNOWN; 2], last: i32::MIN, death: i32::MAX, has: 0, periods: Vec::new() }
    }
}

impl Profile {
    /// The profile of one row. Tells also whether its death was disbelieved.
    pub(crate) fn of(row: &Row, settings: &Settings) -> (Profile, bool) {
        let disbelieved = row.death.saturating_add(settings.death_grace_days) < row.last;
        let tokens = row.usable();
        let membership = tokens.get(Pass::Id1.index()).copied().unwrap_or(NONE);
        let periods = match row.insurer {
            Some(insurer) if row.from != UNKNOWN => {
                let one_to_one = settings.one_to_one.contains(&row.source);
                vec![Period { insurer, membership, from: row.from, to: row.to, open: row.open, one_to_one }]
            }
            _ => Vec::new(),
        };
        let has = Pass::ALL
            .into_iter()
            .filter(|pass| tokens.get(pass.index()).is_some_and(|&token| token != NONE))
            .fold(0, |mask, pass| mask | pass.bit());
        let profile = Profile {
            sex: row.sex,
            births: [row.birth, UNKNOWN],
            last: row.last,
            death: if disbelieved { i32::MAX } else { row.death },
            has,
            periods,
        };
        (profile, disbelieved)
    }

    /// Whether somebody of this profile may be seen on a day.
    pub(crate) fn lives_on(&self, day: i32, settings: &Settings) -> bool {
        self.death.saturating_add(settings.death_grace_days) >= day
    }

    pub(crate) fn seen_on(&mut self, day: i32) {
        self.last = self.last.max(day);
    }

    /// A list still shows a row's coverage as open. False if that would contradict another insurer's: a late notice of leaving, and no
    /// reason to part what was joined.
    pub(crate) fn covered_until(&mut self, row: &Row, to: i32, settings: &Settings) -> bool {
        let grace = i64::from(settings.parallel_grace_days);
        let membership = row.usable().get(Pass::Id1.index()).copied().unwrap_or(NONE);
        let clash = |p: &Period| {
            let days = i64::from(p.to.min(to)) - i64::from(p.from.max(row.from));
            Some(p.insurer) != row.insurer && days > grace
        };
        if self.periods.iter().any(clash) {
            return false;
        }
        let own = |p: &&mut Period| {
            p.open && Some(p.insurer) == row.insurer && p.from == row.from && p.membership == membership
        };
        if let Some(period) = self.periods.iter_mut().find(own) {
            period.to = period.to.max(to);
        }
        true
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
        if !settings.one_to_one.is_empty() {
            let two = |a: &Period, b: &Period| a.one_to_one && b.one_to_one && a.is_not(b);
            if self.overlap(other, two, settings) {
                return Some(Refusal::Membership);
            }
        }
        (self.periods.len() + other.periods.len() > settings.max_periods).then_some(Refusal::Periods)
    }

    /// One insurer covers both at once under two numbers.
    pub(crate) fn two_memberships(&self, other: &Profile, settings: &Settings) -> bool {
        self.overlap(other, Period::is_not, settings)
    }

    /// Coverage of one ends about when that of the other begins.
    pub(crate) fn adjoins(&self, other: &Profile, settings: &Settings) -> bool {
        let near = |a: &Period, b: &Period| {
            !a.open && (i64::from(a.to) - i64::from(b.from)).abs() <= i64::from(settings.parallel_grace_days)
        };
        self.periods.iter().any(|a| other.periods.iter().any(|b| near(a, b) || near(b, a)))
    }

    /// How the coverages lie in time: 0 one begins about when the other ends, 1 both at once, 2 apart.
    pub(crate) fn relation(&self, other: &Profile, settings: &Settings) -> Option<u8> {
        if self.periods.is_empty() || other.periods.is_empty() {
            return None;
        }
        Some(if self.adjoins(other, settings) {
            0
        } else if self.overlap(other, |_, _| true, settings) {
            1
        } else {
            2
        })
    }

    /// No known month of either is missing in the other.
    pub(crate) fn same_month(&self, other: &Profile) -> bool {
        let within = |a: &Profile, b: &Profile| a.births.iter().all(|m| *m == UNKNOWN || b.births.contains(m));
        within(self, other) || within(other, self)
    }

    /// Sex and month of birth, if both are known.
    pub(crate) fn cell(&self) -> Option<(u8, i32)> {
        let [month, _] = self.births;
        (self.sex != 0 && month != UNKNOWN).then_some((self.sex, month))
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

    /// Takes in what is known of another cluster.
    pub(crate) fn absorb(&mut self, other: Profile) {
        // Checked by `conflict` where it matters; baselines merge regardless and keep the first.
        self.births = self.births_with(&other, true).unwrap_or(self.births);
        if self.sex == 0 {
            self.sex = other.sex;
        }
        self.last = self.last.max(other.last);
        self.death = self.death.min(other.death);
        self.has |= other.has;
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

/// An earlier person id met another.
pub(crate) struct Join {
    pub(crate) one: u128,
    pub(crate) other: u128,
    pub(crate) by: Reason,
}

/// Disjoint sets of rows with their profiles.
#[derive(Default)]
pub(crate) struct Clusters {
    parent: Vec<u32>,
    size: Vec<u32>,
    profile: Vec<Profile>,
    /// Number of the earlier person id of each root; `NONE` if it has none.
    previous: Vec<u32>,
    pub(crate) ids: Ids,
    pub(crate) joins: Vec<Join>,
    /// Earlier person ids whose rows were kept apart, and why.
    pub(crate) parts: Vec<(u128, Refusal)>,
    /// Rows that a reviewer keeps apart from those of a root.
    apart: BTreeMap<u32, Vec<u32>>,
}

/// Earlier person ids by number.
#[derive(Default)]
pub(crate) struct Ids {
    of: Vec<u128>,
    numbers: HashMap<u128, u32>,
}

impl Ids {
    /// The ids themselves are all that numbers 0, 1, … stand for.
    pub(crate) fn new(of: Vec<u128>) -> Ids {
        Ids { of, numbers: HashMap::new() }
    }

    /// The number of an id.
    pub(crate) fn number(&mut self, id: u128) -> u32 {
        if self.numbers.len() < self.of.len() {
            self.numbers.extend(self.of.iter().copied().zip(0u32..));
        }
        let next = u32::try_from(self.of.len()).unwrap_or(NONE);
        let number = *self.numbers.entry(id).or_insert(next);
        if number == next {
            self.of.push(id);
        }
        number
    }

    pub(crate) fn get(&self, number: u32) -> Option<u128> {
        self.of.get(number as usize).copied()
    }

    pub(crate) fn all(&self) -> &[u128] {
        &self.of
    }
}

impl Clusters {
    /// One cluster for each row, of which nothing is known but its earlier person id.
    pub(crate) fn remembering(previous: impl Iterator<Item = Option<u128>>) -> Clusters {
        let mut clusters = Clusters::default();
        for id in previous {
            let row = clusters.push(Profile::default());
            if let Some(id) = id {
                clusters.remember(row, id);
            }
        }
        clusters
    }

    /// Takes up the next row.
    pub(crate) fn push(&mut self, profile: Profile) -> u32 {
        let row = u32::try_from(self.parent.len()).unwrap_or(NONE);
        self.parent.push(row);
        self.size.push(1);
        self.profile.push(profile);
        self.previous.push(NONE);
        row
    }

    /// Clusters as they were: the root of every row, the profiles of roots from their rows, and the earlier ids of roots.
    pub(crate) fn again(
        roots: Vec<u32>,
        mut profiles: impl FnMut(u32) -> Profile,
        previous: Vec<u32>,
        ids: Ids,
    ) -> Clusters {
        let mut clusters = Clusters {
            size: vec![0; roots.len()],
            profile: vec![Profile::default(); roots.len()],
            previous,
            ids,
            ..Clusters::default()
        };
        for (row, &root) in (0u32..).zip(&roots) {
            let profile = profiles(row);
            if let (Some(size), Some(whole)) =
                (clusters.size.get_mut(root as usize), clusters.profile.get_mut(root as usize))
            {
                if *size == 0 {
                    *whole = profile
                } else {
                    whole.absorb(profile)
                }
                *size += 1;
            }
        }
        clusters.parent = roots;
        clusters
    }

    /// A row had an earlier person id; the first that a cluster had stands for it in reasons.
    pub(crate) fn remember(&mut self, row: u32, id: u128) -> u32 {
        let number = self.ids.number(id);
        let root = self.find(row);
        if let Some(slot) = self.previous.get_mut(root as usize)
            && *slot == NONE
        {
            *slot = number;
        }
        number
    }

    /// An earlier id meets a row's by a pass.
    pub(crate) fn meet(&mut self, row: u32, id: u128, by: Option<Pass>) {
        let root = self.find(row);
        if let (Some(one), Some(pass)) = (self.previous(root), by)
            && one != id
        {
            self.joins.push(Join { one, other: id, by: Reason::Pass(pass) });
        }
    }

    /// All clusters have new ids now: those of roots, by number.
    pub(crate) fn renew(&mut self, ids: Vec<u128>, number_of: impl Fn(u32) -> u32) {
        self.ids = Ids::new(ids);
        for (row, slot) in (0u32..).zip(&mut self.previous) {
            *slot = number_of(row);
        }
        self.joins = Vec::new();
        self.parts = Vec::new();
    }

    /// The number of a root's earlier id; `NONE` if it has none.
    pub(crate) fn previous_number(&self, root: u32) -> u32 {
        self.previous.get(root as usize).copied().unwrap_or(NONE)
    }

    fn previous(&self, root: u32) -> Option<u128> {
        self.ids.get(self.previous.get(root as usize).copied()?)
    }

    pub(crate) fn profile_mut(&mut self, root: u32) -> Option<&mut Profile> {
        self.profile.get_mut(root as usize)
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

    /// Rows of a root's cluster.
    pub(crate) fn rows(&self, root: u32) -> u32 {
        self.size(root)
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
    pub(crate) fn union(&mut self, a: u32, b: u32, by: Reason) -> bool {
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
        match (self.previous(root), self.previous(gone)) {
            (Some(one), Some(other)) if one != other => self.joins.push(Join { one, other, by }),
            (None, Some(_)) => {
                let number = self.previous.get(gone as usize).copied().unwrap_or(NONE);
                if let Some(slot) = self.previous.get_mut(root as usize) {
                    *slot = number;
                }
            }
            _ => {}
        }
        if let Some(profile) = self.profile.get_mut(root as usize) {
            profile.absorb(absorbed);
        }
        if let Some(rows) = self.apart.remove(&gone) {
            self.apart.entry(root).or_default().extend(rows);
        }
        true
    }

    /// A reviewer says that two rows are two people. False if they are one already.
    pub(crate) fn keep_apart(&mut self, a: u32, b: u32) -> bool {
        let (one, other) = (self.find(a), self.find(b));
        if one == other {
            return false;
        }
        self.apart.entry(one).or_default().push(b);
        self.apart.entry(other).or_default().push(a);
        true
    }

    /// Whether a reviewer keeps two roots apart.
    pub(crate) fn held_apart(&mut self, a: u32, b: u32) -> bool {
        let rows = self.apart.get(&a).cloned().unwrap_or_default();
        rows.into_iter().any(|row| self.find(row) == b)
    }

    /// Remembers a refusal that keeps rows of one earlier person apart.
    pub(crate) fn note_part(&mut self, a: u32, b: u32, why: Refusal) {
        if let (Some(one), Some(other)) = (self.previous(a), self.previous(b))
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
