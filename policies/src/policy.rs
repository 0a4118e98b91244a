//! The policy of a room as values. Only [`crate::parse`] makes one, so every [`Policy`] has passed its checks.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::account::{Budget, Kind};
use crate::cards::{Card, Role};
use crate::digest::Digest;
use crate::money::{Delta, Epsilon};

/// Stands in a plan's list of columns where only the existence of a person's rows in a table is used.
pub(crate) const EXISTENCE: &str = "person_id";

pub use datasets::catalogue::SOURCE_KINDS;

/// (Project, table, column) → (line, column) of the text.
pub(crate) type Places = BTreeMap<(String, String, String), (usize, usize)>;

/// The rules of one room, and the digest of the very bytes they were read from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    pub(crate) digest: Digest,
    pub(crate) room: Room,
    pub(crate) cards: Vec<Card>,
    pub(crate) projects: Vec<Project>,
    pub(crate) sources: Vec<Source>,
    /// Where the text names a project's table and column: line and column, from 1.
    pub(crate) places: Places,
}

/// What holds for the whole room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Room {
    /// The name that signatures and the log are bound to.
    pub origin: String,
    /// Cells whose noisy number of persons is below this are suppressed.
    pub minimum_persons: u32,
    /// How many different stewards must approve a request.
    pub approvals: u32,
    /// How many different stewards must have co-signed the checkpoint that holds the intent.
    pub cosignatures: u32,
    /// Answers and failures appear at multiples of this many seconds, 1 or more. A run that has not ended at its slot is logged there as
    /// a failure of code `late` and stays charged: when an answer appears, or that a later one does, must not tell how long it took.
    pub slot_seconds: u32,
    /// Which mechanism family the room answers with.
    pub account: Kind,
    /// Cap over all projects.
    pub budget: Budget,
    /// The room profile, if the room releases one.
    pub profile: Option<ProfileTerms>,
}

/// How the room profile is asked and what it costs in all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProfileTerms {
    /// The project that asks: its columns are described, its budget pays.
    pub project: String,
    /// ε of all its questions together.
    pub epsilon: Epsilon,
    /// δ of all its questions together.
    pub delta: Delta,
    /// First 年度 that it tells of.
    pub first_year: i16,
    /// Last 年度 that it tells of.
    pub last_year: i16,
}

/// Who may ask what, why, until when, for how much.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Project {
    /// Unique within the room.
    pub id: String,
    /// For people.
    pub title: String,
    /// GA4GH data use term.
    pub purpose: Purpose,
    /// The law that permits it, for people.
    pub legal_basis: String,
    /// Who receives the answers.
    pub recipient_kind: RecipientKind,
    /// Names of researchers' cards.
    pub researchers: BTreeSet<String>,
    /// First day.
    pub from: Date,
    /// Last day.
    pub until: Date,
    /// Cap over all researchers of the project.
    pub budget: Budget,
    /// Cap of each researcher within the project.
    pub researcher_budget: Budget,
    /// Whether persons count of whom the room holds no consent: a matter of the legal basis.
    pub without_consent: WithoutConsent,
    /// A condition in SQL over the table `person`: nobody else counts in any answer. The checker types it.
    pub population: Option<String>,
    /// Table → columns that may be read.
    pub columns: BTreeMap<String, BTreeSet<String>>,
}

/// Who sends packages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Unique within the room.
    pub name: String,
    /// Name of the source's card.
    pub card: String,
    /// What it may send: words of [`SOURCE_KINDS`].
    pub kinds: Vec<String>,
    /// It guarantees that two insurance numbers on its lists at the same time are two people.
    pub one_to_one: bool,
}

/// Primary terms of the GA4GH Data Use Ontology.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Purpose {
    /// General research use (DUO:0000042).
    Gru,
    /// Health, medical or biomedical research (DUO:0000006).
    Hmb,
    /// Disease-specific research (DUO:0000007).
    Ds,
    /// Population origins or ancestry research (DUO:0000011).
    Poa,
}

/// What becomes of persons who were never asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WithoutConsent {
    /// They count until they refuse (opt-out, as under 次世代医療基盤法 §52).
    Include,
    /// They count once they have agreed (opt-in).
    Exclude,
}

/// Whose rows a project's questions count: bound into every plan, so that stewards approve it and no question can change it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Population {
    /// What for.
    pub purpose: Purpose,
    /// For whom.
    pub recipient_kind: RecipientKind,
    /// Persons who were never asked.
    pub without_consent: WithoutConsent,
    /// See [`Project::population`].
    pub condition: Option<String>,
}

/// Kind of organisation that receives the answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RecipientKind {
    /// University or research institute.
    Academia,
    /// Company that makes medicines or devices.
    Pharma,
    /// Authority or insurer.
    Public,
}

impl Purpose {
    /// Its code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Gru => "GRU",
            Self::Hmb => "HMB",
            Self::Ds => "DS",
            Self::Poa => "POA",
        }
    }

    /// The wider purposes, itself first: who allows (or refuses) one of them allows (or refuses) this one. General research covers
    /// everything, health research covers specific diseases but not ancestry (DUO:0000042, DUO:0000006).
    #[must_use]
    pub const fn within(self) -> &'static [Self] {
        match self {
            Self::Gru => &[Self::Gru],
            Self::Hmb => &[Self::Hmb, Self::Gru],
            Self::Ds => &[Self::Ds, Self::Hmb, Self::Gru],
            Self::Poa => &[Self::Poa, Self::Gru],
        }
    }
}

impl RecipientKind {
    /// Its word in policies and consents.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Academia => "academia",
            Self::Pharma => "pharma",
            Self::Public => "public",
        }
    }
}

impl Project {
    /// Whose rows its questions count.
    #[must_use]
    pub fn population(&self) -> Population {
        Population {
            purpose: self.purpose,
            recipient_kind: self.recipient_kind,
            without_consent: self.without_consent,
            condition: self.population.clone(),
        }
    }

    /// Whether the project's questions may read this column. That a person has rows in a table at all (`person_id`) is known to whoever
    /// may read any column of it.
    #[must_use]
    pub fn may_read(&self, table: &str, column: &str) -> bool {
        let allowed =
            |columns: &BTreeSet<String>| columns.contains(column) || (column == EXISTENCE && !columns.is_empty());
        self.columns.get(table).is_some_and(allowed)
    }
}

impl Policy {
    /// SHA-256 of the exact bytes of the policy's text.
    #[must_use]
    pub const fn digest(&self) -> Digest {
        self.digest
    }

    /// What holds for the whole room.
    #[must_use]
    pub const fn room(&self) -> &Room {
        &self.room
    }

    /// All cards, in the order of the text.
    #[must_use]
    pub fn cards(&self) -> &[Card] {
        &self.cards
    }

    /// The card of this name.
    #[must_use]
    pub fn card(&self, name: &str) -> Option<&Card> {
        self.cards.iter().find(|card| card.name == name)
    }

    /// Stewards whose cards are valid on this day.
    pub fn stewards(&self, day: Date) -> impl Iterator<Item = &Card> {
        self.cards.iter().filter(move |card| card.role == Role::Steward && card.valid_on(day))
    }

    /// All projects, in the order of the text.
    #[must_use]
    pub fn projects(&self) -> &[Project] {
        &self.projects
    }

    /// The project of this id.
    #[must_use]
    pub fn project(&self, id: &str) -> Option<&Project> {
        self.projects.iter().find(|project| project.id == id)
    }

    /// All sources, in the order of the text.
    #[must_use]
    pub fn sources(&self) -> &[Source] {
        &self.sources
    }
}
