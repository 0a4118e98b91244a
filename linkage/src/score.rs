//! Where the model decides: candidates of a row that the resolver's rules leave open. The constraints bind it as they bind the rules.
//!
//! - A row that the rules joined with nobody goes to the candidate whose posterior reaches the upper threshold. It never joins two
//!   clusters that way, and none of its tokens leads anybody there: a score bridges nobody, and a wrong one stays one row.
//! - Where the names contradict each other, only the source that gave the number may call its own row a misspelling.
//! - A name alone is a link only if the model bears it out.
//! - Twins under two 枝番, hints without support and bridges are never linked here; they are listed for review if the model thinks that
//!   they may be one person, as is everything between the thresholds.

use std::collections::BTreeMap;

use crate::em::Sample;
use crate::identity::Pass;
use crate::index::Candidate;
use crate::model::Kind;
use crate::pattern::{Besides, Pattern, compare};
use crate::profile::{Slips, UNKNOWN};
use crate::report::{Reason, Refusal};
use crate::resolver::{Agreement, Joined, Resolver};
use crate::tokens::NONE;

/// A candidate that the rules leave open.
#[derive(Clone, Copy)]
pub(crate) struct Open {
    row: u32,
    why: Refusal,
}

/// A pair for clerical review: two rows of the input whose persons were not made one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Doubtful {
    /// The row: as rows are numbered in `person_of`.
    pub row: u32,
    /// A row of the other person.
    pub other: u32,
    /// How the first row compares with the other person.
    pub pattern: Pattern,
    /// The pattern's weight in bits.
    pub weight: f64,
    /// The model's probability that they are one person.
    pub posterior: f64,
    /// Why they weren't linked.
    pub why: Refusal,
}

impl Eq for Doubtful {}

impl PartialOrd for Doubtful {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

/// The likelier first; then by row.
impl Ord for Doubtful {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        let likelier = other.posterior.total_cmp(&self.posterior);
        likelier.then_with(|| (self.row, self.other, self.why).cmp(&(other.row, other.other, other.why)))
    }
}

/// What a run keeps for the estimate of a model.
#[derive(Default)]
pub(crate) struct Watch {
    pub(crate) sample: Sample,
    /// One row of each person by sex and birth month.
    cells: BTreeMap<(u8, i32), Vec<u32>>,
}

impl Resolver<'_> {
    /// Keeps a candidate whose refusal is no constraint.
    pub(crate) fn leave_open(&mut self, row: u32, why: Refusal) {
        let soft = matches!(
            why,
            Refusal::Twins | Refusal::Uncorroborated | Refusal::Ambiguous | Refusal::Bridge | Refusal::Uncertain
        );
        if soft && self.settings.model.is_some() {
            self.open.push(Open { row, why });
        }
    }

    fn kind(&self, row: u32) -> Kind {
        if self.rows.get(row).is_some_and(|row| row.from != UNKNOWN) {
            Kind::Enrolment
        } else if self.rows.token(row, Pass::Id1).is_some() {
            Kind::Numbered
        } else {
            Kind::Other
        }
    }

    fn pattern(&mut self, row: u32, other: u32, with: Agreement) -> Pattern {
        let (own, root) = (self.clusters.find(row), self.clusters.find(other));
        let insurer = |row: u32| self.rows.insurer(row);
        let besides = match self.clusters.pair(own, root) {
            Some((a, b)) => Besides {
                same_month: a.same_month(b),
                insurer: insurer(row).zip(insurer(other)).map(|(a, b)| a == b),
                coverage: a.relation(b, self.settings),
            },
            None => Besides { same_month: true, insurer: None, coverage: None },
        };
        compare(with.same, with.differ, besides)
    }

    fn constrained(&mut self, row: u32, other: u32, pattern: &Pattern) -> Option<Refusal> {
        let (own, root) = (self.clusters.find(row), self.clusters.find(other));
        if self.clusters.held_apart(own, root) {
            return Some(Refusal::Clerical);
        }
        let (a, b) = self.clusters.pair(own, root)?;
        let slips = Slips { birth: self.settings.birth_slips && pattern.other_birth_date(), sex: false };
        a.conflict(b, slips, self.settings).or_else(|| {
            let apart = a.two_memberships(b, self.settings);
            (apart && !pattern.numbers_agree()).then_some(Refusal::Membership)
        })
    }

    /// Whether a link that rests on a name alone is borne out by the model.
    pub(crate) fn bears(&mut self, row: u32, candidate: Candidate, with: Agreement) -> bool {
        let pattern = self.pattern(row, candidate.row, with);
        let Some(model) = &self.settings.model else { return true };
        let posterior = model.posteriors(self.kind(row), &[model.total(&pattern)]);
        posterior.first().is_some_and(|&posterior| posterior >= model.thresholds().0)
    }

    /// Counts what the model thinks of a link that is about to be made; its weight in bits.
    pub(crate) fn account(&mut self, row: u32, to: Candidate, with: Agreement, joined: &mut Joined) -> Option<f64> {
        let model = self.settings.model.as_ref()?;
        let pattern = self.pattern(row, to.row, with);
        let weight = model.total(&pattern);
        let posterior = model.posteriors(self.kind(row), &[weight]).first().copied().unwrap_or_default();
        joined.weight = if joined.any { joined.weight.max(weight) } else { weight };
        let pairs = self.pairs(row, to.row);
        let estimate = &mut self.report.estimate;
        estimate.pairs += pairs;
        estimate.right += pairs * posterior;
        Some(weight)
    }

    fn pairs(&mut self, a: u32, b: u32) -> f64 {
        let (a, b) = (self.clusters.find(a), self.clusters.find(b));
        f64::from(self.clusters.rows(a)) * f64::from(self.clusters.rows(b))
    }

    /// Weighs what the rules left open for a row. True if it was linked: then its tokens must not lead anybody to the person.
    pub(crate) fn weigh(&mut self, row: u32, joined: &mut Joined) -> bool {
        let Some(model) = &self.settings.model else { return false };
        if self.open.is_empty() {
            return false;
        }
        let mut scored = false;
        let tokens = self.rows.row(row);
        let own = self.clusters.find(row);
        let mut seen = vec![own];
        let mut candidates = Vec::new();
        for open in std::mem::take(&mut self.open) {
            let root = self.clusters.find(open.row);
            if seen.contains(&root) {
                continue;
            }
            seen.push(root);
            let with = self.agreement(&tokens, root);
            let pattern = self.pattern(row, open.row, with);
            if self.constrained(row, open.row, &pattern).is_none() && !pattern.other_branch() {
                candidates.push((open, with, pattern, model.total(&pattern)));
            }
        }
        let mut totals: Vec<f64> = candidates.iter().map(|candidate| candidate.3).collect();
        totals.extend(joined.any.then_some(joined.weight));
        let posteriors = model.posteriors(self.kind(row), &totals);
        let (upper, lower) = model.thresholds();
        for ((open, with, pattern, weight), posterior) in candidates.into_iter().zip(posteriors) {
            if posterior >= upper && !joined.any && self.eligible(row, open, &pattern) {
                let root = self.clusters.find(open.row);
                let to = Candidate { root, row: open.row, branch: NONE };
                self.unite(row, Reason::Score, to, with, joined);
                self.report.estimate.linked += 1;
                scored = true;
                continue;
            }
            let pairs = self.pairs(row, open.row);
            self.report.estimate.missed += pairs * posterior;
            if posterior >= lower {
                let why = if matches!(open.why, Refusal::Twins) { Refusal::Uncertain } else { open.why };
                self.review.push(Doubtful { row, other: open.row, pattern, weight, posterior, why });
            }
        }
        scored
    }

    /// Whether the model may link what the rules refused.
    fn eligible(&self, row: u32, open: Open, pattern: &Pattern) -> bool {
        let own = self.source(row) == self.source(open.row);
        match open.why {
            Refusal::Twins => own,
            Refusal::Ambiguous => own || !pattern.names_contradict(),
            _ => false,
        }
    }

    /// Shows a row's comparisons to the estimate of a model.
    pub(crate) fn observe(&mut self, row: u32) {
        let Some(mut watch) = self.watch.take() else { return };
        let tokens = self.rows.row(row);
        let mut candidates = Vec::new();
        let mut seen: Vec<(u32, u32)> = Vec::new();
        for token in tokens.into_iter().filter(|&token| token != NONE) {
            self.index.gather(token, row, self.clusters, &mut candidates);
            for candidate in &candidates {
                if seen.iter().all(|(root, _)| *root != candidate.root) {
                    seen.push((candidate.root, candidate.row));
                }
            }
        }
        let mut compared = Vec::new();
        for &(root, other) in &seen {
            let with = self.agreement(&tokens, root);
            let pattern = self.pattern(row, other, with);
            compared.push((pattern, self.constrained(row, other, &pattern).is_some()));
        }
        let cell = self.clusters.pair(row, row).and_then(|(profile, _)| profile.cell());
        let others = cell.and_then(|cell| watch.cells.get(&cell)).map_or(&[][..], Vec::as_slice);
        watch.sample.row(self.kind(row), compared, others.len());
        // Any fixed rule that has nothing to do with the people will do.
        let at = (row as usize).wrapping_mul(0x9e37_79b1) % others.len().max(1);
        if let Some(&other) = others.get(at) {
            let root = self.clusters.find(other);
            if seen.iter().all(|(known, _)| *known != root) {
                let with = self.agreement(&tokens, root);
                let pattern = self.pattern(row, other, with);
                watch.sample.stranger(pattern);
            }
        }
        *self.watch = Some(watch);
    }

    /// Remembers a row that is the first of its person.
    pub(crate) fn settle(&mut self, row: u32, joined: bool) {
        let cell = self.clusters.pair(row, row).and_then(|(profile, _)| profile.cell());
        if let (Some(watch), Some(cell), false) = (self.watch.as_mut(), cell, joined) {
            watch.cells.entry(cell).or_default().push(row);
        }
    }
}
