//! Strategies and their parameters: what a run is told, and what the log's digest of parameters covers.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::LinkageError;
use crate::identity::Pass;
use crate::model::Model;

/// Version of the method; changes whenever the same input could give another partition.
pub const METHOD: &str = "sudare-link-3";

/// How identity rows become persons.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Strategy {
    /// Equal ID1 is one person.
    Id1,
    /// Equal ID2 is one person.
    Id2,
    /// Transitive closure of equal ID1 or equal ID2.
    Id1OrId2,
    /// NDB's ID0: ID1 and ID2 chained in time order, cut at death.
    Id0,
    /// Time-ordered constrained union–find over the seven passes, and a Fellegi–Sunter model where their rules don't decide.
    Sudare,
}

impl Strategy {
    /// All strategies, weakest first.
    pub const ALL: [Strategy; 5] = [Strategy::Id1, Strategy::Id2, Strategy::Id1OrId2, Strategy::Id0, Strategy::Sudare];

    /// Its name on the command line and in the log.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Strategy::Id1 => "id1",
            Strategy::Id2 => "id2",
            Strategy::Id1OrId2 => "id1-or-id2",
            Strategy::Id0 => "id0",
            Strategy::Sudare => "sudare",
        }
    }
}

impl fmt::Display for Strategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Strategy {
    type Err = LinkageError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Strategy::ALL.into_iter().find(|strategy| strategy.name() == text).ok_or(LinkageError::Strategy)
    }
}

/// Parameters of [`Strategy::Sudare`]; the baselines have none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Days after a death in which records may still come in (a claim is dated by month).
    pub death_grace_days: i32,
    /// Days for which two insurers may cover one person at once (late notices of leaving).
    pub parallel_grace_days: i32,
    /// Coverage periods one person can have; more is no person.
    pub max_periods: usize,
    /// Spellings of one source that may carry one token; beyond it the source's use of the token is ignored.
    pub max_rows_per_token: usize,
    /// How often a source may repeat one spelling; a hundred years of daily packages.
    pub max_repeats: u32,
    /// Insurance numbers (ID1) that the rows of one source carrying one name or individual number may have.
    pub max_memberships_per_token: usize,
    /// Distinct (sex, birth month) among the rows of one source that carry one individual number, or one kana name with 記号・番号.
    /// The other tokens are made from sex and birth date, so there it is always one.
    pub max_births_per_token: usize,
    /// Clusters per source that a token may lead to.
    pub max_clusters_per_token: usize,
    /// Whether a birth month that is wrong in its year or in its month may be bridged by [`Pass::Birth`].
    pub birth_slips: bool,
    /// Whether a row of the other sex and the same birth month may be joined by [`Pass::Birth`].
    pub sex_slips: bool,
    /// The day each source's eligibility list was drawn: open coverage lasts until then. Sources not named here get the
    /// latest day in their rows that at least one row in a thousand reaches.
    pub horizons: BTreeMap<u16, i32>,
    /// Sources that guarantee on their lists of insured people that two insurance numbers (ID1) of one insurer at the same time are two
    /// people. There no evidence joins them; elsewhere only names don't.
    pub one_to_one: BTreeSet<u16>,
    /// The Fellegi–Sunter model; without one, what the rules don't decide stays apart and nothing is listed for review.
    pub model: Option<Model>,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            death_grace_days: 62,
            parallel_grace_days: 62,
            max_periods: 32,
            max_rows_per_token: 1_000,
            max_repeats: 36_525,
            max_memberships_per_token: 12,
            max_births_per_token: 3,
            max_clusters_per_token: 4,
            birth_slips: true,
            sex_slips: true,
            horizons: BTreeMap::new(),
            one_to_one: BTreeSet::new(),
            model: Model::builtin(),
        }
    }
}

impl Settings {
    pub(crate) fn births_allowed(&self, pass: Pass) -> usize {
        match pass {
            Pass::Individual | Pass::Birth => self.max_births_per_token,
            _ => 1,
        }
    }
}
