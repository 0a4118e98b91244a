//! From which noisy number of persons on a group is shown, where that is more than a convention about noisy numbers. Not the noise.
//!
//! Rooms that pay δ: a group of fewer than `least` persons, truly counted, is never shown, and one of more from a threshold on that the
//! `least`-th person reaches alone with probability δ at most. That probability is charged. Pure rooms have no δ to charge: their
//! threshold only makes it as unlikely that a smaller group is shown. docs/privacy.md has the proofs.

use policies::{Delta, Kind};
use serde::{Deserialize, Serialize};

use super::{Line, QuoteError, Terms};
use crate::mechanism::MechanismError;
use crate::plan::Plan;

/// Which groups are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Selection {
    /// Groups of fewer persons, truly counted, are not shown.
    pub least: u32,
    /// Groups are shown from so many persons on, counted with noise.
    pub threshold: i64,
    /// Whether `least` holds always. Else it holds for all groups of the answer but with probability `failure`.
    pub always: bool,
    /// Where `least` holds always: the probability with which one person more makes a group appear, which is charged.
    pub failure: Delta,
}

/// What is wanted of a selection, before there is noise.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rule {
    least: u32,
    minimum: u32,
    within: Delta,
    always: bool,
    /// Groups that could break a rule that does not hold always.
    cells: usize,
}

impl Rule {
    /// The rule of a question, and how much of its δ is left for the noise.
    pub(super) fn of(plan: &Plan, terms: &Terms, delta: Delta) -> Result<(Option<Self>, Delta), QuoteError> {
        let strict = plan.options().strict_minimum;
        if !strict && !plan.is_open() {
            return Ok((None, delta));
        }
        if plan.is_open() && terms.account == Kind::Pure {
            return Err(QuoteError::OpenInPureRoom);
        }
        if strict && delta.is_zero() {
            return Err(QuoteError::StrictNeedsDelta);
        }
        let minimum = minimum(plan, terms);
        // A group that nobody is in isn't one that comes from the data.
        let least = if strict { minimum.max(1) } else { 1 };
        let rule = |within, always| Rule { least, minimum, within, always, cells: plan.cells() };
        Ok(match terms.account {
            Kind::Pure => (Some(rule(delta, false)), Delta::ZERO),
            Kind::Zcdp => {
                let within = Delta::from_units(delta.units() / 2);
                (Some(rule(within, true)), delta.checked_sub(within).unwrap_or(Delta::ZERO))
            }
        })
    }

    /// The threshold, given the noise of the number of persons.
    pub(super) fn place(&self, persons: &Line) -> Result<Selection, QuoteError> {
        let below = i64::from(self.least) - 1;
        let small =
            |error: MechanismError| if error == MechanismError::TooNoisy { QuoteError::TooSmall } else { error.into() };
        let (threshold, failure) = if self.always {
            let from = i64::from(self.minimum) - below;
            let (at, failure) = persons.noise.threshold(&persons.sensitivity, self.within, from).map_err(small)?;
            (below + at, failure)
        } else {
            let cells = self.cells.max(1) as f64;
            let t = persons.noise.reach_up(self.within.to_f64_down() / cells * (1.0 - 1e-12)).map_err(small)?;
            let all = persons.noise.at_least(t)? * cells;
            (below + t, Delta::from_f64_up(all).map_err(|_| QuoteError::TooSmall)?.min(self.within))
        };
        Ok(Selection { least: self.least, threshold, always: self.always, failure })
    }
}

/// The greater of the room's and the question's minimum.
pub(super) fn minimum(plan: &Plan, terms: &Terms) -> u32 {
    plan.options().min_privacy_units_per_group.unwrap_or(0).max(terms.minimum_persons)
}
