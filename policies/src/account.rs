//! Two accounts over the same releases, and the price of one release. Not the ledger: the fold over the log is `dp_query`'s.
//!
//! The pure account adds ε and is closed by the first release that is Gaussian or has δ > 0. The zCDP account adds ρ, and the δᵢ of
//! mechanisms that fail with probability δᵢ; its guarantee at the cap's δ is ε(ρ, δ − Σδᵢ). A run is permitted while either account,
//! with the new price added, stays within the cap.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::money::{Delta, Epsilon, Rho};

/// Which mechanism family a room's questions are answered with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Discrete Laplace noise, ε adds up.
    Pure,
    /// Discrete Gaussian noise, ρ adds up.
    Zcdp,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pure => "pure",
            Self::Zcdp => "zcdp",
        })
    }
}

/// An upper limit for all releases together: they are (ε, δ)-differentially private.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Budget {
    /// ε of the cap.
    pub epsilon: Epsilon,
    /// δ of the cap; zero leaves only the pure account.
    pub delta: Delta,
}

impl fmt::Display for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "(ε = {}, δ = {})", self.epsilon, self.delta)
    }
}

/// What one answer guarantees alone, and what it costs. Only consistent prices exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "RawPrice")]
pub struct Price {
    kind: Kind,
    epsilon: Epsilon,
    delta: Delta,
    rho: Rho,
    failure: Delta,
}

/// A price as written, before [`Price`] has judged it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPrice {
    kind: Kind,
    epsilon: Epsilon,
    delta: Delta,
    rho: Rho,
    failure: Delta,
}

impl TryFrom<RawPrice> for Price {
    type Error = PriceError;

    fn try_from(raw: RawPrice) -> Result<Self, PriceError> {
        Self::new(raw.kind, raw.epsilon, raw.delta, raw.rho, raw.failure)
    }
}

/// These numbers are no price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PriceError {
    /// Nothing is answered for nothing.
    #[error("a price must be above zero: no noise would hide anything at ε = 0 or ρ = 0 charged")]
    Free,
    /// Above what any policy can hold.
    #[error("a price above ε = 1000000 is no privacy")]
    Range,
    /// An answer with Gaussian noise is (ε, δ)-private only for a δ above zero and below one.
    #[error("an answer with Gaussian noise needs 0 < δ < 1, and its failure probability must not exceed δ")]
    Delta,
    /// The numbers contradict each other.
    #[error("a purely private price has δ = 0 and ρ = ε²/2")]
    Contradiction,
}

/// What one release adds to the accounts, as an intent in the log states it. No invariants: whatever was logged counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Charge {
    /// The mechanism family.
    pub kind: Kind,
    /// To the pure account (which [`Kind::Zcdp`] closes).
    pub epsilon: Epsilon,
    /// δᵢ, to the cap's δ.
    pub delta: Delta,
    /// To the zCDP account.
    pub rho: Rho,
}

/// Caps and prices end here: squares of such ε still fit.
pub(crate) const EPSILON_LIMIT: Epsilon = Epsilon::from_units(1_000_000_000_000_000_000);
const ONE: Delta = Delta::from_units(1_000_000_000_000_000_000);

impl Price {
    /// The price with these numbers, if they agree with each other.
    ///
    /// # Errors
    /// As [`Price::pure`] and [`Price::zcdp`]; or the numbers contradict each other.
    pub fn new(kind: Kind, epsilon: Epsilon, delta: Delta, rho: Rho, failure: Delta) -> Result<Self, PriceError> {
        let price = match kind {
            Kind::Pure => Self::pure(epsilon)?,
            Kind::Zcdp => Self::zcdp(epsilon, delta, rho, failure)?,
        };
        if (price.delta, price.rho, price.failure) != (delta, rho, failure) {
            return Err(PriceError::Contradiction);
        }
        Ok(price)
    }

    /// What it adds to the accounts.
    #[must_use]
    pub const fn charge(&self) -> Charge {
        Charge { kind: self.kind, epsilon: self.epsilon, delta: self.failure, rho: self.rho }
    }

    /// A purely ε-private answer. In zCDP it costs ε²/2.
    ///
    /// # Errors
    /// ε is zero or beyond 10^6.
    pub fn pure(epsilon: Epsilon) -> Result<Self, PriceError> {
        if epsilon.is_zero() {
            return Err(PriceError::Free);
        }
        if epsilon > EPSILON_LIMIT {
            return Err(PriceError::Range);
        }
        Ok(Self {
            kind: Kind::Pure,
            epsilon,
            delta: Delta::ZERO,
            rho: Rho::of_pure(epsilon).ok_or(PriceError::Range)?,
            failure: Delta::ZERO,
        })
    }

    /// An answer that alone is (ε, δ)-private and costs `rho`, except with probability `failure` (0 for plain Gaussian noise).
    ///
    /// # Errors
    /// ρ or ε is zero, δ is not between 0 and 1, or `failure` exceeds δ.
    pub fn zcdp(epsilon: Epsilon, delta: Delta, rho: Rho, failure: Delta) -> Result<Self, PriceError> {
        if rho.is_zero() || epsilon.is_zero() {
            return Err(PriceError::Free);
        }
        if epsilon > EPSILON_LIMIT || rho.units() > EPSILON_LIMIT.units() {
            return Err(PriceError::Range);
        }
        if delta.is_zero() || delta >= ONE || failure > delta {
            return Err(PriceError::Delta);
        }
        Ok(Self { kind: Kind::Zcdp, epsilon, delta, rho, failure })
    }

    /// The mechanism family.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// ε of this answer alone; for the pure account also the charge.
    #[must_use]
    pub const fn epsilon(&self) -> Epsilon {
        self.epsilon
    }

    /// δ of this answer alone. It is not what adds up: ρ and [`Price::failure`] do.
    #[must_use]
    pub const fn delta(&self) -> Delta {
        self.delta
    }

    /// The charge to the zCDP account.
    #[must_use]
    pub const fn rho(&self) -> Rho {
        self.rho
    }

    /// δᵢ: the probability with which the mechanism leaves zCDP, charged to the cap's δ.
    #[must_use]
    pub const fn failure(&self) -> Delta {
        self.failure
    }
}

impl fmt::Display for Price {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            Kind::Pure => write!(f, "ε = {}", self.epsilon),
            Kind::Zcdp => write!(f, "ε = {}, δ = {} (ρ = {})", self.epsilon, self.delta, self.rho),
        }
    }
}

/// Turns ρ into ε. A trait so that this crate needs no numerics; `dp_query::accountant` implements it.
pub trait Accountant {
    /// An ε for which ρ-zCDP implies (ε, δ)-differential privacy, rounded up; None if there is none (δ = 0 and ρ > 0).
    fn epsilon(&self, rho: Rho, delta: Delta) -> Option<Epsilon>;
}

/// What was charged so far at one level. Charges only ever grow; a sum that does not fit saturates above every cap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Account {
    epsilon: Epsilon,
    closed: bool,
    rho: Rho,
    delta: Delta,
}

impl Account {
    /// The account with one more release.
    #[must_use]
    pub fn charge(self, charge: &Charge) -> Self {
        Self {
            epsilon: self.epsilon.saturating_add(charge.epsilon),
            closed: self.closed || charge.kind == Kind::Zcdp || !charge.delta.is_zero(),
            rho: self.rho.saturating_add(charge.rho),
            delta: self.delta.saturating_add(charge.delta),
        }
    }

    /// Σε of the pure account, None once it is closed.
    #[must_use]
    pub fn pure(&self) -> Option<Epsilon> {
        (!self.closed).then_some(self.epsilon)
    }

    /// Σρ.
    #[must_use]
    pub const fn rho(&self) -> Rho {
        self.rho
    }

    /// Σδᵢ.
    #[must_use]
    pub const fn delta(&self) -> Delta {
        self.delta
    }

    /// ε of the zCDP account at this δ; None if it can't be had.
    #[must_use]
    pub fn zcdp(&self, delta: Delta, accountant: &dyn Accountant) -> Option<Epsilon> {
        accountant.epsilon(self.rho, delta.checked_sub(self.delta)?)
    }

    /// The smaller ε that everything charged so far is known to satisfy at this δ.
    #[must_use]
    pub fn guarantee(&self, delta: Delta, accountant: &dyn Accountant) -> Option<Epsilon> {
        match (self.pure(), self.zcdp(delta, accountant)) {
            (Some(pure), Some(zcdp)) => Some(pure.min(zcdp)),
            (pure, zcdp) => pure.or(zcdp),
        }
    }

    /// Whether everything charged so far stays within the cap by either account.
    #[must_use]
    pub fn within(&self, cap: &Budget, accountant: &dyn Accountant) -> bool {
        self.guarantee(cap.delta, accountant).is_some_and(|epsilon| epsilon <= cap.epsilon)
    }
}

/// The fold of the log for one (project, researcher): what was charged from the first intent on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Spent {
    /// Everything in the room.
    pub room: Account,
    /// This project.
    pub project: Account,
    /// This researcher within this project.
    pub researcher: Account,
    /// How many log entries were folded. The permit's intent must be the very next entry, or the fold is stale.
    pub entries: u64,
}
