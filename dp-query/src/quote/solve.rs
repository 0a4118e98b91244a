//! Prices that are looked for: the least that keeps a margin, the dearest that still has noise. Not what a price buys.

use policies::{Epsilon, PriceError};

use super::{QuoteError, Spending};
use crate::formula::Desk;
use crate::mechanism::MechanismError;
use crate::plan::OutputKind;

impl Spending<'_> {
    /// The least ε, to three significant digits, at which the first output that is not a key stays within the margin.
    pub(super) fn solve(&self, margin: &str, confidence: &str) -> Result<Epsilon, QuoteError> {
        let number = |option, text: &str| match text.parse::<f64>() {
            Ok(value) if value.is_finite() && value > 0.0 => Ok(value),
            _ => Err(QuoteError::Option { option, reason: "not a positive decimal number".to_owned() }),
        };
        let wanted = number("target_margin", margin)?;
        let alpha = 1.0 - number("confidence", confidence)?;
        if !(alpha > 0.0 && alpha < 1.0) {
            return Err(QuoteError::Option { option: "confidence", reason: "not between 0 and 1".to_owned() });
        }
        let first = self.plan.outputs().iter().find(|output| !matches!(output.what, OutputKind::Key(_)));
        let first = &first.ok_or(QuoteError::Plan("list of outputs"))?.what;
        if !Desk::is_sum(self.plan, first) {
            return Err(QuoteError::MarginOfMean);
        }
        let within = |epsilon: Epsilon| -> bool {
            let Ok((lines, ..)) = self.spend(epsilon) else { return false };
            let levels = lines.chunks(self.plan.statistics().len().max(1));
            let mut reaches = levels.map(|lines| Desk::new(self.plan, lines).margin(first, alpha, 1));
            reaches.all(|reach| reach.is_some_and(|(_, reach)| reach <= wanted))
        };
        let too_narrow = || QuoteError::MarginTooNarrow { margin: margin.to_owned() };
        // Noise out of range at the dear end also counts as not within, so the search starts at the dearest price that still has noise, and
        // at no more than ε = 999.
        let dearest = self.dearest(13 * 900 - 1).ok_or_else(too_narrow)?;
        let step = least(dearest, |step| within(step_price(step))).ok_or_else(too_narrow)?;
        Ok(step_price(step))
    }

    /// The last step up to this one at which there is noise; None if there is none anywhere.
    pub(super) fn dearest(&self, last: u32) -> Option<u32> {
        let silent = |step: u32| self.spend(step_price(step)).is_err_and(|error| too_large(&error));
        least(last, silent).map_or(Some(last), |first| first.checked_sub(1))
    }
}

/// Up to the first price beyond any policy's, ε = 1 010 000.
pub(super) const STEPS: u32 = 16 * 900 + 1;

/// Prices of three digits, 100…999 · 10^k units: from ε = 10^-10 on, in ascending order; the error falls as they rise.
pub(super) fn step_price(step: u32) -> Epsilon {
    Epsilon::from_units(u128::from(100 + step % 900) * 10u128.pow(step / 900))
}

/// Whether a smaller ε would mend it.
pub(super) const fn too_large(error: &QuoteError) -> bool {
    matches!(error, QuoteError::Mechanism(MechanismError::TooQuiet) | QuoteError::Price(PriceError::Range))
}

/// The least number up to `last` for which a monotone test holds.
fn least(last: u32, test: impl Fn(u32) -> bool) -> Option<u32> {
    if !test(last) {
        return None;
    }
    let (mut low, mut high) = (0, last);
    while low < high {
        let middle = low + (high - low) / 2;
        if test(middle) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    Some(high)
}
