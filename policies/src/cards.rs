//! Public cards of actors, as the policy lists them. Not keys: a card holds only what everybody may know.

use std::fmt;

use jiff::civil::Date;
use serde::Deserialize;

/// What an actor may do in a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Sends packages.
    Source,
    /// Receives, links, stores, runs.
    Operator,
    /// Approves requests and co-signs the log.
    Steward,
    /// Asks.
    Researcher,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Source => "source",
            Self::Operator => "operator",
            Self::Steward => "steward",
            Self::Researcher => "researcher",
        })
    }
}

/// An actor's public card.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Card {
    /// Unique within the room.
    pub name: String,
    /// One card, one role.
    pub role: Role,
    /// age recipient, `age1…`.
    pub recipient: String,
    /// C2SP verifier key, `name+hash+key`.
    pub verifier: String,
    /// First day of validity.
    pub from: Date,
    /// Last day of validity.
    pub until: Date,
}

impl Card {
    /// Whether the card is valid on this day; both ends belong to it.
    #[must_use]
    pub fn valid_on(&self, day: Date) -> bool {
        self.from <= day && day <= self.until
    }
}
