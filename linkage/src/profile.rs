//! What is known of a person so far, and so what the person can't be: of two sexes, born twice, active after death, insured twice. Not
//! the clusters that have it.

use crate::identity::Pass;
use crate::report::Refusal;
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

/// Which errors of writing the evidence for two being one carries.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Slips {
    /// A birth month that is wrong in its year or in its month.
    pub(crate) birth: bool,
    /// The other sex, if the birth month is the same.
    pub(crate) sex: bool,
}

/// Of both sexes, in [`Profile::sexes`].
const BOTH: u8 = 3;

/// What is known of a cluster.
#[derive(Debug, Clone)]
pub(crate) struct Profile {
    /// The sexes its rows have: 1 male, 2 female, their sum where one was a slip, 0 unknown.
    sexes: u8,
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
        Profile { sexes: 0, births: [UNKNOWN; 2], last: i32::MIN, death: i32::MAX, has: 0, periods: Vec::new() }
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
            sexes: row.sex,
            births: [row.birth, UNKNOWN],
            last: row.last,
            death: if disbelieved { i32::MAX } else { row.death },
            has,
            periods,
        };
        (profile, disbelieved)
    }

    /// Memberships get other numbers.
    pub(crate) fn renumber(&mut self, number: impl Fn(u32) -> u32) {
        self.periods.iter_mut().for_each(|period| period.membership = number(period.membership));
    }

    /// Reads what its list of periods begins with.
    pub(crate) fn touch(&self) -> u32 {
        self.periods.first().map_or(0, |period| period.to.cast_unsigned())
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

    /// One is a man, the other a woman, by all their rows.
    pub(crate) fn of_other_sex(&self, other: &Profile) -> bool {
        self.sexes & other.sexes == 0 && self.sexes | other.sexes == BOTH
    }

    /// Why these two can't be one person, if they can't.
    pub(crate) fn conflict(&self, other: &Profile, slips: Slips, settings: &Settings) -> Option<Refusal> {
        let [month, another] = self.births;
        let one_month = month != UNKNOWN && another == UNKNOWN && self.births == other.births;
        if self.of_other_sex(other) && !(slips.sex && one_month) {
            return Some(Refusal::Sex);
        }
        if self.births_with(other, slips.birth).is_none() {
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

    /// Sex and month of birth, if both are known; of two, the first.
    pub(crate) fn cell(&self) -> Option<(u8, i32)> {
        let [month, _] = self.births;
        let sex = self.sexes & self.sexes.wrapping_neg();
        (sex != 0 && month != UNKNOWN).then_some((sex, month))
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
        self.sexes |= other.sexes;
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
