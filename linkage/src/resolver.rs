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
//! - *birth*: like a name, and needs the same insurer or individual number; a birth month may differ by one slip, or else the sex may
//!   differ, if the row leads nowhere else.
//!
//! A token that leads to several clusters takes the row to the one that most of the row's tokens agree with, or to none: they were kept
//! apart for a reason. A row whose sex the person's other rows outvote joins only by itself: its tokens that hold the sex lead nobody to
//! the person. They would lead the person's twin of that sex.
//!
//! Against bridges between strangers: a row that would join two clusters whose names contradict each other must agree with one of them on
//! a number and a name at once (a name changed or corrected), or come from the source that gave the number. And a name that came in
//! from another source, against the names already there, is in doubt: it leads nobody here by itself until a row of a third party, or one
//! with the number and a sure name, bears it out. What this can't see: an insurer that lies about its own members, within one sex and
//! birth month.
//!
//! What the rules leave open goes to the model (`score`); the constraints bind it too.

use crate::clusters::Clusters;
use crate::identity::{PASSES, Pass};
use crate::index::{Candidate, Doubt, Entry, Index};
use crate::profile::Slips;
use crate::report::{Reason, Refusal, Report};
use crate::rows::Rows;
use crate::score::{Doubtful, Open, Watch};
use crate::settings::Settings;
use crate::tokens::NONE;

const NUMBERS: u8 = Pass::Member.bit() | Pass::Id1.bit() | Pass::Individual.bit();
const NAMES: u8 = Pass::Id2.bit() | Pass::Id4.bit();
/// What isn't made of the sex.
const SEXLESS: u8 = Pass::Individual.bit() | Pass::Birth.bit();
const ANY_NAME: u8 = NAMES | Pass::Marriage.bit() | Pass::Birth.bit();

/// How a row's tokens compare with a cluster's.
#[derive(Clone, Copy, Default)]
pub(crate) struct Agreement {
    pub(crate) same: u8,
    /// Of `same`, the tokens that are not in doubt.
    pub(crate) firm: u8,
    pub(crate) differ: u8,
}

impl Agreement {
    /// Agrees on a number and on a name: then other names are corrections or changes of name.
    const fn carried(self) -> bool {
        self.same & NUMBERS != 0 && self.firm & ANY_NAME != 0
    }

    /// The names that a union puts in doubt.
    const fn doubtful(self) -> u8 {
        if self.differ & NAMES == 0 || self.carried() {
            0
        } else if self.firm & ANY_NAME == 0 {
            ANY_NAME
        } else {
            self.differ & ANY_NAME
        }
    }
}

/// What a row has joined so far.
#[derive(Clone, Copy, Default)]
pub(crate) struct Joined {
    /// Tokens on which it agreed with what it joined.
    with: Agreement,
    /// Tokens that the clusters had before it came.
    has: u8,
    /// Joined by a number within its own source.
    own: bool,
    /// Joined by the full membership within its own source: the insurer says who of the family it is.
    member: bool,
    /// Its names that contradict theirs, and between whom.
    doubtful: u8,
    between: bool,
    pub(crate) any: bool,
    /// Its sex is a slip: they are of the other, and more.
    slipped: bool,
    /// The model's weight of what it joined, the greatest.
    pub(crate) weight: f64,
}

/// The resolver at one row: `state` takes rows up and hands them over in time order.
pub(crate) struct Resolver<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) rows: &'a Rows,
    pub(crate) clusters: &'a mut Clusters,
    pub(crate) index: &'a mut Index,
    pub(crate) report: &'a mut Report,
    /// Candidates of the row in hand that the rules leave open.
    pub(crate) open: Vec<Open>,
    pub(crate) review: &'a mut Vec<Doubtful>,
    pub(crate) watch: &'a mut Option<Watch>,
}

impl Resolver<'_> {
    /// Takes the next row in time.
    pub(crate) fn take(&mut self, row: u32) {
        let tokens = self.rows.row(row);
        let mut joined = Joined::default();
        let mut withheld = 0u8;
        let mut candidates = Vec::new();
        self.observe(row);
        for pass in Pass::BY_STRENGTH {
            let Some(token) = self.rows.token(row, pass) else {
                continue;
            };
            self.index.gather(token, row, self.clusters, &mut candidates);
            if !candidates.is_empty() && self.link(row, pass, &candidates, &mut joined) {
                withheld |= pass.bit();
            }
        }
        let scored = self.weigh(row, &mut joined);
        self.settle(row, joined.any);
        if scored {
            return;
        }
        if joined.slipped {
            withheld |= !SEXLESS;
        }
        for pass in Pass::ALL {
            let token = tokens.get(pass.index()).copied().unwrap_or(NONE);
            if token == NONE || withheld & pass.bit() != 0 {
                continue;
            }
            let doubt = match (joined.doubtful & pass.bit() != 0, joined.between) {
                (false, _) => Doubt::Firm,
                (true, false) => Doubt::Within,
                (true, true) => Doubt::Between,
            };
            let branch = match pass {
                Pass::Id1 => self.rows.token(row, Pass::Member).unwrap_or(NONE),
                _ => NONE,
            };
            let entry = Entry::new(row, self.source(row), branch, doubt);
            let limit = self.settings.max_clusters_per_token;
            if !self.index.register(token, entry, limit, self.clusters) {
                self.report.refuse(pass, Refusal::Crowded);
            }
        }
    }

    pub(crate) fn agreement(&mut self, tokens: &[u32; PASSES], root: u32) -> Agreement {
        let has = self.clusters.has(root);
        let mut agreement = Agreement::default();
        for (pass, &token) in Pass::ALL.into_iter().zip(tokens) {
            if token == NONE {
                continue;
            }
            if let Some(entry) = self.index.listed(token, root, self.clusters) {
                agreement.same |= pass.bit();
                if entry.doubt == Doubt::Firm {
                    agreement.firm |= pass.bit();
                }
            } else if has & pass.bit() != 0 {
                agreement.differ |= pass.bit();
            }
        }
        agreement
    }

    /// Joins a row with the candidates of one pass. True if the row's token must stay with those who had it.
    fn link(&mut self, row: u32, pass: Pass, candidates: &[Candidate], joined: &mut Joined) -> bool {
        let tokens = self.rows.row(row);
        let mut withhold = false;
        let mut allowed: Vec<(Candidate, Agreement)> = Vec::new();
        for &candidate in candidates {
            let agreement = self.agreement(&tokens, candidate.root);
            match self.judge(row, pass, candidate, agreement, joined) {
                None => allowed.push((candidate, agreement)),
                Some(why) => {
                    withhold |= why == Refusal::Bridge && joined.any;
                    self.refuse(row, candidate.root, pass, why);
                    self.leave_open(candidate.row, why);
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
                    self.leave_open(candidate.row, Refusal::Ambiguous);
                }
            }
        }
        for (candidate, agreement) in allowed {
            if joined.any || agreement.same & NUMBERS != 0 || self.bears(row, candidate, agreement) {
                self.unite(row, Reason::Pass(pass), candidate, agreement, joined);
            } else {
                self.refuse(row, candidate.root, pass, Refusal::Uncertain);
                self.leave_open(candidate.row, Refusal::Uncertain);
            }
        }
        withhold
    }

    pub(crate) fn source(&self, row: u32) -> u16 {
        self.rows.source(row)
    }

    pub(crate) fn unite(&mut self, row: u32, by: Reason, to: Candidate, with: Agreement, joined: &mut Joined) {
        let root = self.clusters.find(to.row);
        if self.clusters.find(row) == root {
            return;
        }
        let has = self.clusters.has(root);
        let weight = self.account(row, to, with, joined);
        let own = self.clusters.find(row);
        let outvoted = self.clusters.rows(root) > self.clusters.rows(own);
        joined.slipped |= outvoted && self.clusters.pair(own, root).is_some_and(|(a, b)| a.of_other_sex(b));
        self.clusters.union_weighed(row, root, by, weight);
        if let Reason::Pass(pass) = by {
            self.report.pass(pass).linked += 1;
        }
        joined.with.same |= with.same;
        joined.with.firm |= with.firm;
        joined.has |= has;
        joined.any = true;
        let between = self.source(row) != self.source(to.row);
        let own = !between && with.same & NUMBERS != 0;
        joined.own |= own;
        joined.member |= !between && with.same & Pass::Member.bit() != 0;
        let doubtful = with.doubtful();
        if own || doubtful == 0 {
            return;
        }
        joined.doubtful |= doubtful;
        joined.between |= between;
        // Within one source what was there first holds; between sources neither side's names are sure.
        if !between {
            return;
        }
        let now = self.clusters.find(row);
        let tokens = self.rows.row(to.row);
        for (pass, token) in Pass::ALL.into_iter().zip(tokens) {
            if token == NONE || doubtful & pass.bit() == 0 {
                continue;
            }
            if let Some(entry) = self.index.listed(token, now, self.clusters) {
                entry.doubt = Doubt::Between;
            }
        }
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
        if self.clusters.held_apart(own, root) {
            return Some(Refusal::Clerical);
        }
        let (a, b) = self.clusters.pair(own, root)?;
        let carried = pass == Pass::Birth;
        let slips = Slips {
            birth: carried && self.settings.birth_slips,
            sex: carried && self.settings.sex_slips && (!joined.any || joined.own),
        };
        if let Some(why) = a.conflict(b, slips, self.settings) {
            return Some(why);
        }
        let insurer = |row: u32| self.rows.insurer(row);
        let one_insurer = insurer(row).is_some() && insurer(row) == insurer(candidate.row);
        let agrees = |passes: u8| with.same & passes != 0;
        let refused = match pass {
            Pass::Member | Pass::Individual => None,
            Pass::Id1 => {
                let branch = candidate.branch != NONE && self.rows.token(row, Pass::Member).is_some();
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
        if refused.is_some() {
            return refused;
        }
        // Names alone, and all of them in doubt.
        let names_only = !matches!(pass, Pass::Member | Pass::Individual | Pass::Id1);
        if names_only && !agrees(NUMBERS) && with.firm & ANY_NAME == 0 {
            return Some(Refusal::Bridge);
        }
        if !joined.any {
            return None;
        }
        let both = joined.has & b.has & NAMES;
        let contradict = both != 0 && both & joined.with.firm & with.firm == 0;
        let known = joined.with.carried();
        let fits = if joined.with.same & with.same & Pass::Id1.bit() != 0 {
            // Two who share an ID1 and were kept apart: that the row is surely one of them says nothing about the other. Unless it
            // brings the insurer's 枝番 to somebody who had none: who has a maiden name elsewhere, not a twin.
            let unnumbered = joined.member && b.has & Pass::Member.bit() == 0;
            (known || unnumbered) && with.carried()
        } else {
            let own = joined.own || (agrees(NUMBERS) && self.source(row) == self.source(candidate.row));
            own || known || with.carried()
        };
        (contradict && !fits).then_some(Refusal::Bridge)
    }
}
