//! Sudare's resolver: time-ordered constrained union–find over the seven passes.
//!
//! Rows are taken in time order. Each looks up, strongest pass first, the clusters that carry its tokens and joins those that the
//! constraints and the pass's own rule allow. Nothing is ever undone, so a row that comes later in time never splits what was one
//! person; and what a row decides rests on its own tokens and on the clusters they lead to.
//!
//! Rules by pass:
//! - *member*, *individual*: link unless the persons conflict (sex, birth, death, parallel insurers).
//! - *ID1*: twins share it. Another 枝番, or another name, needs a name, a given name or a number that agrees.
//! - *ID2*, *ID4*: link unless the persons conflict or one insurer covers both at once under two numbers.
//! - *marriage*: like a name, and needs the same insurer, coverage that adjoins, or another token.
//! - *birth*: like a name, and needs the same insurer or individual number; a birth month may differ by one slip.
//!
//! A token that leads to several clusters takes the row to the one that most of the row's tokens agree with, or to none: they were kept
//! apart for a reason. A row that would join two clusters whose names contradict each other must agree with one of them on a number and a name at once (a name changed or
//! corrected); or else it could be a bridge between strangers.

use std::collections::BTreeMap;

use crate::clusters::{Clusters, Profile};
use crate::identity::{Identity, PASSES, Pass};
use crate::report::{Refusal, Report};
use crate::settings::Settings;
use crate::tokens::{NONE, Tokens};

const NUMBERS: u8 = Pass::Member.bit() | Pass::Id1.bit() | Pass::Individual.bit();
const NAMES: u8 = Pass::Id2.bit() | Pass::Id4.bit();
const ANY_NAME: u8 = NAMES | Pass::Marriage.bit() | Pass::Birth.bit();

/// A cluster that carries a token: one of its rows, and for ID1 the member token (枝番) it has under it.
#[derive(Clone, Copy)]
struct Entry {
    row: u32,
    next: u32,
    branch: u32,
}

/// A cluster that a row's token leads to.
#[derive(Clone, Copy)]
struct Candidate {
    root: u32,
    row: u32,
    branch: u32,
}

/// How a row's tokens compare with a cluster's.
#[derive(Clone, Copy, Default)]
struct Agreement {
    same: u8,
    differ: u8,
}

/// What a row has joined so far.
#[derive(Clone, Copy, Default)]
struct Joined {
    /// Tokens on which it agreed with what it joined.
    same: u8,
    /// Tokens that the clusters had before it came.
    has: u8,
    any: bool,
}

pub(crate) struct Resolver<'a> {
    records: &'a [Identity],
    settings: &'a Settings,
    tokens: Tokens,
    clusters: Clusters,
    heads: Vec<u32>,
    entries: Vec<Entry>,
    report: &'a mut Report,
}

/// Runs the resolver.
pub(crate) fn run(records: &[Identity], settings: &Settings, report: &mut Report) -> Clusters {
    let tokens = Tokens::number(records, &Pass::ALL, Some(settings), report);
    let horizons = horizons(records, settings);
    let mut profiles = Vec::with_capacity(records.len());
    for (row, record) in (0u32..).zip(records) {
        let horizon = horizons.get(&record.source).copied().unwrap_or(i32::MAX);
        let (profile, disbelieved) = Profile::of(record, &tokens.row(row), horizon, settings);
        report.deaths_disbelieved += u64::from(disbelieved);
        profiles.push(profile);
    }
    let mut order: Vec<(&Identity, u32)> = records.iter().zip(0u32..).collect();
    // The derived order begins with the first day; equal rows are interchangeable.
    order.sort_unstable();
    let mut resolver = Resolver {
        heads: vec![NONE; tokens.count()],
        entries: Vec::with_capacity(tokens.count()),
        records,
        settings,
        tokens,
        clusters: Clusters::new(profiles),
        report,
    };
    for (_, row) in order {
        resolver.take(row);
    }
    resolver.clusters
}

/// Until when open coverage of each source is known to last.
fn horizons(records: &[Identity], settings: &Settings) -> BTreeMap<u16, i32> {
    let mut days: BTreeMap<u16, Vec<i32>> = BTreeMap::new();
    for record in records {
        let coverage = record.coverage.map(|(from, to)| to.unwrap_or(from));
        let day = coverage.map_or(record.end(), |day| day.max(record.end()));
        days.entry(record.source).or_default().push(day);
    }
    let mut horizons: BTreeMap<u16, i32> = days
        .into_iter()
        .map(|(source, mut days)| {
            // A single mistyped year must not move it: one row in a thousand has to reach it.
            let rank = days.len() - 1 - days.len() / 1_000;
            let (_, day, _) = days.select_nth_unstable(rank);
            (source, *day)
        })
        .collect();
    horizons.extend(&settings.horizons);
    horizons
}

impl Resolver<'_> {
    /// Takes the next row in time.
    fn take(&mut self, row: u32) {
        let tokens = self.tokens.row(row);
        let mut joined = Joined::default();
        let mut withheld = 0u8;
        let mut candidates = Vec::new();
        for pass in Pass::BY_STRENGTH {
            let Some(token) = self.tokens.get(row, pass) else {
                continue;
            };
            self.gather(token, row, &mut candidates);
            if !candidates.is_empty() && self.link(row, pass, &candidates, &mut joined) {
                withheld |= pass.bit();
            }
        }
        for pass in Pass::ALL {
            let token = tokens.get(pass.index()).copied().unwrap_or(NONE);
            if token != NONE && withheld & pass.bit() == 0 {
                self.register(row, pass, token);
            }
        }
    }

    /// The clusters other than the row's own that carry a token. Forgets entries that have become one cluster.
    fn gather(&mut self, token: u32, row: u32, into: &mut Vec<Candidate>) {
        into.clear();
        let own = self.clusters.find(row);
        let mut at = self.heads.get(token as usize).copied().unwrap_or(NONE);
        let mut kept: Vec<(u32, u32)> = Vec::new();
        while let Some(entry) = self.entries.get(at as usize).copied() {
            let root = self.clusters.find(entry.row);
            let before = kept.iter().find(|(known, _)| *known == root).copied();
            if let Some((_, first)) = before {
                if let Some(first) = self.entries.get_mut(first as usize)
                    && first.branch == NONE
                {
                    first.branch = entry.branch;
                }
                let last = kept.last().map_or(NONE, |(_, at)| *at);
                if let Some(last) = self.entries.get_mut(last as usize) {
                    last.next = entry.next;
                }
            } else {
                kept.push((root, at));
            }
            at = entry.next;
        }
        for (root, at) in kept {
            if let Some(entry) = self.entries.get(at as usize)
                && root != own
            {
                into.push(Candidate { root, row: entry.row, branch: entry.branch });
            }
        }
    }

    fn carries(&mut self, token: u32, root: u32) -> bool {
        let mut at = self.heads.get(token as usize).copied().unwrap_or(NONE);
        while let Some(entry) = self.entries.get(at as usize).copied() {
            if self.clusters.find(entry.row) == root {
                return true;
            }
            at = entry.next;
        }
        false
    }

    fn agreement(&mut self, tokens: &[u32; PASSES], root: u32) -> Agreement {
        let has = self.clusters.has(root);
        let mut agreement = Agreement::default();
        for (pass, &token) in Pass::ALL.into_iter().zip(tokens) {
            if token == NONE {
                continue;
            }
            if self.carries(token, root) {
                agreement.same |= pass.bit();
            } else if has & pass.bit() != 0 {
                agreement.differ |= pass.bit();
            }
        }
        agreement
    }

    /// Joins a row with the candidates of one pass. True if the row's token must stay with those who had it.
    fn link(&mut self, row: u32, pass: Pass, candidates: &[Candidate], joined: &mut Joined) -> bool {
        let tokens = self.tokens.row(row);
        let mut withhold = false;
        let mut allowed: Vec<(Candidate, Agreement)> = Vec::new();
        for &candidate in candidates {
            let agreement = self.agreement(&tokens, candidate.root);
            match self.judge(row, pass, candidate, agreement, joined) {
                None => allowed.push((candidate, agreement)),
                Some(why) => {
                    withhold |= why == Refusal::Bridge;
                    self.refuse(row, candidate.root, pass, why);
                }
            }
        }
        if allowed.len() > 1 {
            // Clusters that carry one token and are still two were kept apart for a reason.
            let best = allowed.iter().map(|(_, with)| with.same.count_ones()).max();
            let fits = |with: &Agreement| Some(with.same.count_ones()) == best;
            let only = allowed.iter().filter(|(_, with)| fits(with)).count() == 1;
            for (candidate, agreement) in std::mem::take(&mut allowed) {
                if only && fits(&agreement) {
                    allowed.push((candidate, agreement));
                } else {
                    self.refuse(row, candidate.root, pass, Refusal::Ambiguous);
                }
            }
        }
        for (candidate, agreement) in allowed {
            let has = self.clusters.has(candidate.root);
            if self.clusters.union(row, candidate.root, pass) {
                self.report.pass(pass).linked += 1;
                joined.same |= agreement.same;
                joined.has |= has;
                joined.any = true;
            }
        }
        withhold
    }

    fn refuse(&mut self, row: u32, other: u32, pass: Pass, why: Refusal) {
        self.report.refuse(pass, why);
        let (a, b) = (self.clusters.find(row), self.clusters.find(other));
        self.clusters.note_part(a, b, why);
    }

    /// Why a row must not join a candidate by a pass, if it must not.
    fn judge(
        &mut self,
        row: u32,
        pass: Pass,
        candidate: Candidate,
        with: Agreement,
        joined: &Joined,
    ) -> Option<Refusal> {
        let (own, root) = (self.clusters.find(row), self.clusters.find(candidate.root));
        if own == root {
            return None;
        }
        let (a, b) = self.clusters.pair(own, root)?;
        let slip = pass == Pass::Birth && self.settings.birth_slips;
        if let Some(why) = a.conflict(b, slip, self.settings) {
            return Some(why);
        }
        let insurer = |row: u32| self.records.get(row as usize).and_then(|r| r.insurer);
        let one_insurer = insurer(row).is_some() && insurer(row) == insurer(candidate.row);
        let agrees = |passes: u8| with.same & passes != 0;
        let refused = match pass {
            Pass::Member | Pass::Individual => None,
            Pass::Id1 => {
                let branch = candidate.branch != NONE && self.tokens.get(row, Pass::Member).is_some();
                let named = with.differ & NAMES != 0;
                let explained = agrees(ANY_NAME | Pass::Individual.bit() | Pass::Member.bit());
                ((branch || named) && !explained).then_some(Refusal::Twins)
            }
            // Below, the evidence is a name and perhaps a family's number: two coverages at once are two people.
            _ if a.two_memberships(b, self.settings) => Some(Refusal::Membership),
            Pass::Id2 | Pass::Id4 => None,
            Pass::Marriage => {
                let other = agrees(!Pass::Marriage.bit());
                let carried = one_insurer || other || a.adjoins(b, self.settings);
                (!carried).then_some(Refusal::Uncorroborated)
            }
            Pass::Birth => {
                let carried = one_insurer || agrees(Pass::Individual.bit());
                (!carried).then_some(Refusal::Uncorroborated)
            }
        };
        if refused.is_some() || !joined.any {
            return refused;
        }
        let both = joined.has & b.has & NAMES;
        let shared = both & joined.same & with.same;
        let carried = |same: u8| same & NUMBERS != 0 && same & ANY_NAME != 0;
        let contradict = both != 0 && shared == 0;
        (contradict && !carried(joined.same) && !carried(with.same)).then_some(Refusal::Bridge)
    }

    /// Makes a row findable by a token, unless its cluster already is.
    fn register(&mut self, row: u32, pass: Pass, token: u32) {
        let own = self.clusters.find(row);
        let branch = match pass {
            Pass::Id1 => self.tokens.get(row, Pass::Member).unwrap_or(NONE),
            _ => NONE,
        };
        let source = |row: u32| self.records.get(row as usize).map(|r| r.source);
        let head = self.heads.get(token as usize).copied().unwrap_or(NONE);
        let (mut at, mut from_source) = (head, 0);
        while let Some(entry) = self.entries.get(at as usize).copied() {
            if self.clusters.find(entry.row) == own {
                if let Some(entry) = self.entries.get_mut(at as usize)
                    && entry.branch == NONE
                {
                    entry.branch = branch;
                }
                return;
            }
            from_source += usize::from(source(entry.row) == source(row));
            at = entry.next;
        }
        if from_source >= self.settings.max_clusters_per_token {
            self.report.refuse(pass, Refusal::Crowded);
            return;
        }
        let Ok(next) = u32::try_from(self.entries.len()) else {
            return;
        };
        self.entries.push(Entry { row, next: head, branch });
        if let Some(slot) = self.heads.get_mut(token as usize) {
            *slot = next;
        }
    }
}
