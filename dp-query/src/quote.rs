//! What a question costs and how wrong its answer will be, before anything is read: from the plan and the room's terms alone.
//! Reads no data, so that a quote is the same whatever the data are.

use policies::{Accountant, Delta, Digest, Epsilon, Kind, MoneyError, Policy, Price, PriceError, Rho};
use serde::Serialize;

use crate::accountant::OpenDpAccountant;
use crate::mechanism::{Joint, MechanismError, Noise, half_width};
use crate::plan::{OutputKind, Plan, Sensitivity, Statistic};

/// 1 − the confidence of every interval.
pub const ALPHA: f64 = 0.05;

/// What the room's policy says about answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// Which mechanism family the room answers with.
    pub account: Kind,
    /// Cells with fewer (noisy) persons are suppressed.
    pub minimum_persons: u32,
}

impl From<&Policy> for Terms {
    fn from(policy: &Policy) -> Self {
        Self { account: policy.room().account, minimum_persons: policy.room().minimum_persons }
    }
}

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
        "target_margin speaks of the first column that is not a key, and that is a mean, whose error depends on the number of persons; put a count or a sum first, or state epsilon"
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

/// One statistic's noise, and where it comes from.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Line {
    /// How far one person can move the statistic.
    pub sensitivity: Sensitivity,
    /// Its noise.
    pub noise: Noise,
    /// Standard deviation in grid units.
    pub sd: f64,
    /// Of this statistic alone, by OpenDP's map, rounded up; zero in a zCDP room.
    pub epsilon: Epsilon,
    /// Of this statistic alone, rounded up.
    pub rho: Rho,
}

/// The error that an output will have, in its own units.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Expected {
    /// A key has no noise.
    Exact,
    /// ± this, whatever the data, at 95% or more.
    Margin {
        /// Standard deviation of the noise.
        sd: f64,
        /// Half of the interval's width.
        half_width: f64,
    },
    /// Depends on how many persons a cell has: see [`Quote::mean_half_width`].
    PerPersons,
}

/// The price of a plan and the noise it buys. Made by [`quote`] only.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Quote {
    plan: Digest,
    price: Price,
    minimum_persons: u32,
    lines: Vec<Line>,
    expected: Vec<Expected>,
}

impl Quote {
    /// Digest of the plan that is priced.
    #[must_use]
    pub const fn plan(&self) -> Digest {
        self.plan
    }

    /// What is charged, and what the answer alone guarantees.
    #[must_use]
    pub const fn price(&self) -> &Price {
        &self.price
    }

    /// Cells whose noisy number of persons is below this are suppressed.
    #[must_use]
    pub const fn minimum_persons(&self) -> u32 {
        self.minimum_persons
    }

    /// One line per statistic of the plan, in order.
    #[must_use]
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// The error of each output of the plan, in order.
    #[must_use]
    pub fn expected(&self) -> &[Expected] {
        &self.expected
    }

    /// Half of the interval's width of a mean near the middle of its bounds, in a cell with so many persons; None if the output is no
    /// mean or the cell too small for any statement.
    #[must_use]
    pub fn mean_half_width(&self, plan: &Plan, output: usize, persons: u64) -> Option<f64> {
        let OutputKind::Mean { sum, count } = plan.outputs().get(output)?.what else {
            return None;
        };
        let (sums, counts) = (self.lines.get(sum)?, self.lines.get(count)?);
        let smallest = half_width(&counts.noise, ALPHA)?.checked_mul(2)?;
        if persons <= smallest {
            return None;
        }
        let reach = Joint::new(&sums.noise, &counts.noise, ALPHA)?.half_width(0.0)?;
        Some(reach / persons as f64 / grid(plan.statistics().get(sum)?.digits))
    }
}

/// 10^digits: grid units per unit.
pub(crate) fn grid(digits: u8) -> f64 {
    10f64.powi(i32::from(digits))
}

/// Prices a plan. The price is split evenly over its statistics; where the question states a margin, the least ε is found whose noise
/// keeps it.
///
/// # Errors
/// The options are no numbers, miss δ, ask for the impossible, or the noise leaves the useful range.
pub fn quote(plan: &Plan, terms: &Terms) -> Result<Quote, QuoteError> {
    let digest = plan.digest().map_err(|_| QuoteError::Plan("digest"))?;
    let options = plan.options();
    let delta = match (terms.account, &options.delta) {
        (Kind::Pure, _) => Delta::ZERO,
        (Kind::Zcdp, Some(text)) => option("delta", text)?,
        (Kind::Zcdp, None) => return Err(QuoteError::DeltaNeeded),
    };
    let (lines, price) = match (&options.epsilon, &options.margin) {
        (Some(text), _) => match text.parse() {
            Ok(epsilon) => spend(plan, terms.account, epsilon, delta),
            Err(MoneyError::Range) => Err(QuoteError::Price(PriceError::Range)),
            Err(error) => Err(QuoteError::Option { option: "epsilon", reason: error.to_string() }),
        }
        .map_err(|error| match dearest(plan, terms.account, delta, STEPS) {
            Some(step) if too_large(&error) => QuoteError::TooLarge { asked: text.clone(), limit: step_price(step) },
            _ => error,
        })?,
        (None, Some((margin, confidence))) => {
            let epsilon = solve(plan, terms, delta, margin, confidence)?;
            spend(plan, terms.account, epsilon, delta)?
        }
        (None, None) => return Err(QuoteError::Plan("price")),
    };
    let minimum = options.min_privacy_units_per_group.unwrap_or(0);
    let expected =
        plan.outputs().iter().map(|output| expect(plan, &lines, output.what)).collect::<Result<Vec<_>, _>>()?;
    Ok(Quote {
        plan: Digest::from_bytes(digest),
        price,
        minimum_persons: minimum.max(terms.minimum_persons),
        lines,
        expected,
    })
}

fn option<T: std::str::FromStr>(option: &'static str, text: &str) -> Result<T, QuoteError>
where
    T::Err: std::fmt::Display,
{
    text.parse().map_err(|error: T::Err| QuoteError::Option { option, reason: error.to_string() })
}

/// Buys noise for every statistic. What was asked for is the price, and the parts add up to no more.
fn spend(plan: &Plan, account: Kind, epsilon: Epsilon, delta: Delta) -> Result<(Vec<Line>, Price), QuoteError> {
    let statistics = plan.statistics();
    let parts = u128::try_from(statistics.len()).unwrap_or(u128::MAX).max(1);
    let mut lines = Vec::with_capacity(statistics.len());
    match account {
        Kind::Pure => {
            let price = Price::pure(epsilon)?;
            let part = Epsilon::from_units(epsilon.units() / parts);
            let mut total = Epsilon::ZERO;
            for statistic in statistics {
                let sensitivity = plan.sensitivity(statistic);
                let (noise, spent) = Noise::laplace(&sensitivity, part)?;
                total = total.saturating_add(spent);
                let rho = Rho::of_pure(spent).ok_or(PriceError::Range)?;
                lines.push(line(sensitivity, noise, spent, rho));
            }
            // Σ εᵢ ≤ ε: basic composition (Dwork and Roth 2014, Theorem 3.16).
            if total > epsilon {
                return Err(QuoteError::Plan("price"));
            }
            Ok((lines, price))
        }
        Kind::Zcdp => {
            let accountant = OpenDpAccountant;
            let all = accountant.rho(epsilon, delta).ok_or(QuoteError::TooSmall)?;
            let part = Rho::from_units(all.units() / parts);
            let mut total = Rho::ZERO;
            for statistic in statistics {
                let sensitivity = plan.sensitivity(statistic);
                let (noise, spent) = Noise::gaussian(&sensitivity, part)?;
                total = total.saturating_add(spent);
                lines.push(line(sensitivity, noise, Epsilon::ZERO, spent));
            }
            // Σ ρᵢ (Bun and Steinke 2016, Lemma 1.7), and what that is alone.
            let alone = accountant.epsilon(total, delta);
            if alone.is_none_or(|alone| alone > epsilon) {
                return Err(QuoteError::Plan("price"));
            }
            Ok((lines, Price::zcdp(epsilon, delta, total, Delta::ZERO)?))
        }
    }
}

fn line(sensitivity: Sensitivity, noise: Noise, epsilon: Epsilon, rho: Rho) -> Line {
    Line { sensitivity, noise, sd: noise.sd(), epsilon, rho }
}

fn expect(plan: &Plan, lines: &[Line], what: OutputKind) -> Result<Expected, QuoteError> {
    let (noise, statistic, centre) = match what {
        OutputKind::Key(_) => return Ok(Expected::Exact),
        OutputKind::Mean { .. } => return Ok(Expected::PerPersons),
        OutputKind::Count(count) => (parts(plan, lines, count)?.1.noise, count, None),
        OutputKind::Sum { sum, count } => {
            let (statistic, line) = parts(plan, lines, sum)?;
            let centre = match count {
                Some(count) => Some((parts(plan, lines, count)?.1.noise, statistic.centre)),
                None => None,
            };
            (line.noise, sum, centre)
        }
    };
    let unit = grid(parts(plan, lines, statistic)?.0.digits);
    let (sd, reach) = spread(&noise, centre, ALPHA).ok_or(MechanismError::TooNoisy)?;
    Ok(Expected::Margin { sd: sd / unit, half_width: reach / unit })
}

/// Standard deviation and half width of the noise of a count or sum, in grid units; `centre` adds that many times a count's noise.
pub(crate) fn spread(noise: &Noise, centre: Option<(Noise, i64)>, alpha: f64) -> Option<(f64, f64)> {
    match centre {
        Some((count, centre)) if centre != 0 => {
            let centre = centre as f64;
            let sd = noise.sd().hypot(centre * count.sd());
            Some((sd, Joint::new(noise, &count, alpha)?.half_width(centre)?))
        }
        _ => Some((noise.sd(), half_width(noise, alpha)? as f64)),
    }
}

/// A statistic and its line.
pub(crate) fn parts<'p, 'l>(
    plan: &'p Plan,
    lines: &'l [Line],
    number: usize,
) -> Result<(&'p Statistic, &'l Line), QuoteError> {
    match (plan.statistics().get(number), lines.get(number)) {
        (Some(statistic), Some(line)) => Ok((statistic, line)),
        _ => Err(QuoteError::Plan("list of statistics")),
    }
}

/// The least ε, to three significant digits, at which the first output that is not a key stays within the margin.
fn solve(plan: &Plan, terms: &Terms, delta: Delta, margin: &str, confidence: &str) -> Result<Epsilon, QuoteError> {
    let number = |option, text: &str| match text.parse::<f64>() {
        Ok(value) if value.is_finite() && value > 0.0 => Ok(value),
        _ => Err(QuoteError::Option { option, reason: "not a positive decimal number".to_owned() }),
    };
    let wanted = number("target_margin", margin)?;
    let alpha = 1.0 - number("confidence", confidence)?;
    if !(alpha > 0.0 && alpha < 1.0) {
        return Err(QuoteError::Option { option: "confidence", reason: "not between 0 and 1".to_owned() });
    }
    let first = plan
        .outputs()
        .iter()
        .find(|output| !matches!(output.what, OutputKind::Key(_)))
        .ok_or(QuoteError::Plan("list of outputs"))?;
    let (statistic, count) = match first.what {
        OutputKind::Count(count) => (count, None),
        OutputKind::Sum { sum, count } => (sum, count),
        _ => return Err(QuoteError::MarginOfMean),
    };
    let within = |epsilon: Epsilon| -> bool {
        let reach = || {
            let (lines, _) = spend(plan, terms.account, epsilon, delta).ok()?;
            let (found, line) = parts(plan, &lines, statistic).ok()?;
            let centre = match count {
                Some(count) => Some((parts(plan, &lines, count).ok()?.1.noise, found.centre)),
                None => None,
            };
            let (_, reach) = spread(&line.noise, centre, alpha)?;
            Some(reach / grid(found.digits))
        };
        reach().is_some_and(|reach| reach <= wanted)
    };
    let too_narrow = || QuoteError::MarginTooNarrow { margin: margin.to_owned() };
    // Noise out of range at the dear end also counts as not within, so the search starts at the dearest price that still has noise, and
    // at no more than ε = 999.
    let dearest = dearest(plan, terms.account, delta, 13 * 900 - 1).ok_or_else(too_narrow)?;
    let step = least(dearest, |step| within(step_price(step))).ok_or_else(too_narrow)?;
    Ok(step_price(step))
}

/// Up to the first price beyond any policy's, ε = 1 010 000.
const STEPS: u32 = 16 * 900 + 1;

/// Prices of three digits, 100…999 · 10^k units: from ε = 10^-10 on, in ascending order; the error falls as they rise.
fn step_price(step: u32) -> Epsilon {
    Epsilon::from_units(u128::from(100 + step % 900) * 10u128.pow(step / 900))
}

/// The last step up to this one at which there is noise; None if there is none anywhere.
fn dearest(plan: &Plan, account: Kind, delta: Delta, last: u32) -> Option<u32> {
    let silent = |step: u32| spend(plan, account, step_price(step), delta).is_err_and(|error| too_large(&error));
    least(last, silent).map_or(Some(last), |first| first.checked_sub(1))
}

/// Whether a smaller ε would mend it.
const fn too_large(error: &QuoteError) -> bool {
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

#[cfg(test)]
mod tests;
