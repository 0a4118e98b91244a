//! Why a question has no price. Holds no value of anybody.

use policies::{Epsilon, PriceError};

use crate::mechanism::MechanismError;

/// Why a question has no price.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum QuoteError {
    /// An option is not a number that the ledger can hold.
    #[error("option {option}: {reason}")]
    Option {
        /// Its name in the question.
        option: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// A room with Gaussian noise needs δ.
    #[error(
        "this room answers with Gaussian noise: add delta to the options, as in OPTIONS (epsilon = 0.5, delta = 0.000000001)"
    )]
    DeltaNeeded,
    /// A minimum that truly holds needs δ.
    #[error(
        "strict_minimum needs delta: how likely a group may be shown against it, as in OPTIONS (epsilon = 0.5, delta = 0.000000001, strict_minimum = TRUE); without strict_minimum the minimum counts with noise and needs none"
    )]
    StrictNeedsDelta,
    /// A pure room has no δ for groups that come from the data.
    #[error(
        "the groups of this question come from the data, which takes δ, and this room answers by the pure account, which has none; close the list of groups (CASE WHEN icd10 LIKE 'E11%' THEN 'type 2' … ELSE 'else' END, or code IN CODELIST(…) as a key), or ask a room whose policy says account = \"zcdp\""
    )]
    OpenInPureRoom,
    /// (ε, δ) is too small for any noise.
    #[error("no noise is large enough for this epsilon and delta; ask for a larger epsilon")]
    TooSmall,
    /// ε buys next to no noise.
    #[error(
        "epsilon = {asked} is too large: almost no noise would be left; for this question the limit is epsilon = {limit}"
    )]
    TooLarge {
        /// As asked.
        asked: String,
        /// The dearest price at which this question still has noise, to three digits.
        limit: Epsilon,
    },
    /// A margin can only be solved for where the error does not depend on the data.
    #[error(
        "target_margin speaks of the first column that is not a key, and its error depends on the number of persons; put a count or a sum first, or state epsilon"
    )]
    MarginOfMean,
    /// A margin that discrete noise can't meet at any price that is still private.
    #[error("target_margin {margin} can't be met at any price that is still private; ask for a wider margin")]
    MarginTooNarrow {
        /// As asked.
        margin: String,
    },
    /// The noise is out of range.
    #[error(transparent)]
    Mechanism(#[from] MechanismError),
    /// The numbers are no price.
    #[error(transparent)]
    Price(#[from] PriceError),
    /// The plan contradicts itself.
    #[error("the plan's {0} is inconsistent; this is a fault of the program")]
    Plan(&'static str),
}
