//! Counts of a run. They are exact, so they stay sealed with the operator; the log gets their keyed digest.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::identity::Pass;
use crate::settings::Strategy;

/// Why two rows that share a token were not made one person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// The sexes differ.
    Sex,
    /// The birth months differ by more than one slip.
    Birth,
    /// One was active after the other's death.
    Death,
    /// Two insurers cover them at once beyond the grace period.
    Parallel,
    /// One insurer covers both at once under two numbers; only a name agrees.
    Membership,
    /// More coverage periods than a person has.
    Periods,
    /// One insurance number, but another 枝番 or another name: twins.
    Twins,
    /// A hint (marriage, birth error) that nothing else supports.
    Uncorroborated,
    /// One row would join two clusters whose names contradict each other.
    Bridge,
    /// Several persons fit, and they can't be the same.
    Ambiguous,
    /// The source already leads this token to too many persons.
    Crowded,
    /// By the model neither surely one person nor surely two; listed for review.
    Uncertain,
    /// A reviewer decided that they are two.
    Clerical,
}

impl Refusal {
    /// All refusals.
    pub const ALL: [Refusal; 13] = [
        Refusal::Sex,
        Refusal::Birth,
        Refusal::Death,
        Refusal::Parallel,
        Refusal::Membership,
        Refusal::Periods,
        Refusal::Twins,
        Refusal::Uncorroborated,
        Refusal::Bridge,
        Refusal::Ambiguous,
        Refusal::Crowded,
        Refusal::Uncertain,
        Refusal::Clerical,
    ];

    /// Its code in reports and the journal.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Refusal::Sex => "sex",
            Refusal::Birth => "birth",
            Refusal::Death => "death",
            Refusal::Parallel => "parallel",
            Refusal::Membership => "membership",
            Refusal::Periods => "periods",
            Refusal::Twins => "twins",
            Refusal::Uncorroborated => "uncorroborated",
            Refusal::Bridge => "bridge",
            Refusal::Ambiguous => "ambiguous",
            Refusal::Crowded => "crowded",
            Refusal::Uncertain => "uncertain",
            Refusal::Clerical => "clerical",
        }
    }

    pub(crate) fn named(name: &str) -> Option<Refusal> {
        Refusal::ALL.into_iter().find(|refusal| refusal.name() == name)
    }
}

/// Why a source's use of a token was ignored as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Screened {
    /// Carried by too many rows.
    Frequent,
    /// Carried by rows of different sex or birth month.
    Contested,
    /// Carried under too many insurance numbers.
    Memberships,
}

/// Counts of one pass.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PassReport {
    /// Rows that came with a token.
    pub rows: u64,
    /// Distinct tokens.
    pub tokens: u64,
    /// Tokens screened out, by reason and source.
    pub screened: BTreeMap<Screened, BTreeMap<u16, u64>>,
    /// Unions made.
    pub linked: u64,
    /// Unions refused, by reason.
    pub refused: BTreeMap<Refusal, u64>,
}

/// What brought rows together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// A pass, by its own rule.
    Pass(Pass),
    /// The model, above its upper threshold.
    Score,
    /// A reviewer.
    Clerical,
}

impl Reason {
    /// Its code in the journal.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Reason::Pass(pass) => pass.name(),
            Reason::Score => "score",
            Reason::Clerical => "clerical",
        }
    }

    pub(crate) fn named(name: &str) -> Option<Reason> {
        match name {
            "score" => Some(Reason::Score),
            "clerical" => Some(Reason::Clerical),
            _ => Pass::named(name).map(Reason::Pass),
        }
    }
}

/// What the model says of a run, where no truth is known. Pairs are pairs of rows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// Rows that the model linked where the rules had not.
    pub linked: u64,
    /// Pairs listed for review.
    pub listed: u64,
    /// Pairs made, and how many of them the model expects to be right.
    pub pairs: f64,
    /// See `pairs`.
    pub right: f64,
    /// Pairs compared and not made that the model expects to be one person.
    pub missed: f64,
    /// Share of pairs of one person that no token connects, by the model's m.
    pub unreachable: f64,
}

impl Estimate {
    /// Expected precision over pairs; 1 where nothing was linked.
    #[must_use]
    pub fn precision(&self) -> f64 {
        if self.pairs > 0.0 { self.right / self.pairs } else { 1.0 }
    }

    /// Expected recall over pairs; 1 where there is nothing to find.
    #[must_use]
    pub fn recall(&self) -> f64 {
        let found = self.right / (self.right + self.missed);
        if found.is_finite() { found * (1.0 - self.unreachable) } else { 1.0 }
    }
}

/// What a run did, in numbers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// The method's version.
    pub method: String,
    /// The strategy.
    pub strategy: Strategy,
    /// Identity rows.
    pub rows: u64,
    /// Persons.
    pub persons: u64,
    /// Persons by how many sources know them (index 0: one source).
    pub persons_by_sources: Vec<u64>,
    /// Rows whose death was ignored because the row itself goes on after it.
    pub deaths_disbelieved: u64,
    /// Person ids kept, newly given, merged away and split.
    pub ids_kept: u64,
    /// See `ids_kept`.
    pub ids_new: u64,
    /// See `ids_kept`.
    pub ids_merged: u64,
    /// See `ids_kept`.
    pub ids_split: u64,
    /// Reviewers' verdicts that this run followed, and those that a constraint or another verdict overruled.
    #[serde(default)]
    pub verdicts_followed: u64,
    /// See `verdicts_followed`.
    #[serde(default)]
    pub verdicts_overruled: u64,
    /// By the model's lights; nothing without a model.
    #[serde(default)]
    pub estimate: Estimate,
    /// By pass.
    pub passes: BTreeMap<Pass, PassReport>,
}

impl Report {
    pub(crate) fn new(strategy: Strategy, rows: usize) -> Self {
        Report {
            method: crate::settings::METHOD.to_owned(),
            strategy,
            rows: rows as u64,
            persons: 0,
            persons_by_sources: Vec::new(),
            deaths_disbelieved: 0,
            ids_kept: 0,
            ids_new: 0,
            ids_merged: 0,
            ids_split: 0,
            verdicts_followed: 0,
            verdicts_overruled: 0,
            estimate: Estimate::default(),
            passes: BTreeMap::new(),
        }
    }

    /// Adds what a linker of another part of the rows counted.
    pub(crate) fn absorb(&mut self, other: Report) {
        self.rows += other.rows;
        self.deaths_disbelieved += other.deaths_disbelieved;
        self.verdicts_followed += other.verdicts_followed;
        self.verdicts_overruled += other.verdicts_overruled;
        self.estimate.linked += other.estimate.linked;
        self.estimate.pairs += other.estimate.pairs;
        self.estimate.right += other.estimate.right;
        self.estimate.missed += other.estimate.missed;
        for (pass, counts) in other.passes {
            let own = self.pass(pass);
            own.rows += counts.rows;
            own.tokens += counts.tokens;
            own.linked += counts.linked;
            for (why, count) in counts.refused {
                *own.refused.entry(why).or_default() += count;
            }
            for (why, sources) in counts.screened {
                let own = own.screened.entry(why).or_default();
                for (source, count) in sources {
                    *own.entry(source).or_default() += count;
                }
            }
        }
    }

    pub(crate) fn pass(&mut self, pass: Pass) -> &mut PassReport {
        self.passes.entry(pass).or_default()
    }

    pub(crate) fn refuse(&mut self, pass: Pass, why: Refusal) {
        *self.pass(pass).refused.entry(why).or_default() += 1;
    }
}
