//! What a question costs and how wrong its answer will be, before anything is read: from the plan and the room's terms alone.
//! Reads no data, so that a quote is the same whatever the data are.

use policies::{Accountant, Delta, Digest, Epsilon, Kind, MoneyError, Policy, Price, PriceError, Rho};
use serde::Serialize;

use crate::accountant::{self, OpenDpAccountant};
pub use crate::formula::Tree;
use crate::formula::{Cell, Desk};
use crate::mechanism::{MechanismError, Noise};
use crate::plan::{OutputKind, Plan, Sensitivity};

mod error;
mod layout;
mod line;
mod selection;
mod solve;
mod split;

pub use error::QuoteError;
use layout::Layout;
pub use line::{Basis, Line};
pub(crate) use line::{paired, spread, tidy};
use selection::Rule;
pub use selection::Selection;
use solve::{STEPS, step_price, too_large};

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
    /// Depends on how many persons a cell has: see [`Quote::half_width_at`].
    PerPersons,
}

/// The price of a plan and the noise it buys. Made by [`quote`] only.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Quote {
    plan: Digest,
    price: Price,
    minimum_persons: u32,
    selection: Option<Selection>,
    lines: Vec<Line>,
    expected: Vec<Expected>,
    /// The same of the levels after the first, where they are apart.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    further: Vec<Vec<Expected>>,
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

    /// Which groups are shown, where that is decided by more than [`Quote::minimum_persons`].
    #[must_use]
    pub const fn selection(&self) -> Option<&Selection> {
        self.selection.as_ref()
    }

    /// The noisy number of persons from which on a cell is shown.
    #[must_use]
    pub fn shown_from(&self) -> i64 {
        self.selection.map_or_else(|| i64::from(self.minimum_persons), |selection| selection.threshold)
    }

    /// One line per statistic of the plan, in order; where levels are apart, those of one level after those of the other.
    #[must_use]
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// [`Quote::lines`] by level, where they are apart; else all of them.
    pub fn levels(&self) -> impl Iterator<Item = &[Line]> {
        self.lines.chunks(self.lines.len().div_ceil(1 + self.further.len()).max(1))
    }

    /// [`Quote::expected`] of the levels after the first, where they are apart.
    #[must_use]
    pub fn further(&self) -> &[Vec<Expected>] {
        &self.further
    }

    /// The error of each output of the plan, in order; where levels are apart, in the first.
    #[must_use]
    pub fn expected(&self) -> &[Expected] {
        &self.expected
    }

    /// Half of the interval's width of an output in a cell with so many persons whose values are typical (in the middle of the bounds, evenly
    /// spread over bins); None if the noise leaves no statement.
    #[must_use]
    pub fn half_width_at(&self, plan: &Plan, output: usize, persons: u64) -> Option<f64> {
        let what = &plan.outputs().get(output)?.what;
        let cell = typical(plan, &self.lines, persons as f64);
        let found = Desk::new(plan, &self.lines).estimate(what, &cell)?;
        let whole = matches!(what, OutputKind::Mean { .. })
            && split::range(plan, what)
                .is_some_and(|(lo, hi)| found.interval.1 - found.interval.0 >= (hi - lo) * 0.999);
        (!whole).then_some((found.interval.1 - found.interval.0) / 2.0)
    }
}

/// A cell of so many persons, none of them anybody's.
fn typical(plan: &Plan, lines: &[Line], persons: f64) -> Cell {
    let noisy = plan.statistics().iter().zip(lines).map(|(statistic, line)| {
        let slots = statistic.slots();
        if slots > 1 {
            let each = (persons / slots as f64).round() as i128;
            return line.tree.grow(&vec![each; slots]).into_iter().map(|count| count as f64).collect();
        }
        vec![persons * split::typical(statistic)]
    });
    Cell { noisy: noisy.collect(), copies: 1 }
}

/// 10^digits: grid units per unit.
pub(crate) fn grid(digits: u8) -> f64 {
    10f64.powi(i32::from(digits))
}

/// Prices a plan. The price is split over its statistics such that the stated errors are smallest (`quote/split`); where the question
/// states a margin, the least ε is found whose noise keeps it.
///
/// # Errors
/// The options are no numbers, miss δ, ask for the impossible, or the noise leaves the useful range.
pub fn quote(plan: &Plan, terms: &Terms) -> Result<Quote, QuoteError> {
    let digest = plan.digest().map_err(|_| QuoteError::Plan("digest"))?;
    let options = plan.options();
    let stated = match (terms.account, &options.delta) {
        (Kind::Pure, _) if !options.strict_minimum => Delta::ZERO,
        (_, Some(text)) => option("delta", text)?,
        (Kind::Pure, None) => Delta::ZERO,
        (Kind::Zcdp, None) => return Err(QuoteError::DeltaNeeded),
    };
    let budget = Spending::new(plan, terms, stated)?;
    let (lines, price, selection) = match (&options.epsilon, &options.margin) {
        (Some(text), _) => match text.parse() {
            Ok(epsilon) => budget.spend(epsilon),
            Err(MoneyError::Range) => Err(QuoteError::Price(PriceError::Range)),
            Err(error) => Err(QuoteError::Option { option: "epsilon", reason: error.to_string() }),
        }
        .map_err(|error| match budget.dearest(STEPS) {
            Some(step) if too_large(&error) => QuoteError::TooLarge { asked: text.clone(), limit: step_price(step) },
            _ => error,
        })?,
        (None, Some((margin, confidence))) => {
            let epsilon = budget.solve(margin, confidence)?;
            budget.spend(epsilon)?
        }
        (None, None) => return Err(QuoteError::Plan("price")),
    };
    let expected = |lines: &[Line]| {
        plan.outputs().iter().map(|output| expect(plan, lines, &output.what)).collect::<Result<Vec<_>, QuoteError>>()
    };
    let mut levels = lines.chunks(plan.statistics().len().max(1)).map(expected).collect::<Result<Vec<_>, _>>()?;
    let further = levels.split_off(levels.len().min(1));
    Ok(Quote {
        plan: Digest::from_bytes(digest),
        price,
        minimum_persons: selection::minimum(plan, terms),
        selection,
        lines,
        expected: levels.pop().unwrap_or_default(),
        further,
    })
}

fn option<T: std::str::FromStr>(option: &'static str, text: &str) -> Result<T, QuoteError>
where
    T::Err: std::fmt::Display,
{
    text.parse().map_err(|error: T::Err| QuoteError::Option { option, reason: error.to_string() })
}

/// What is the same at every price.
struct Spending<'p> {
    plan: &'p Plan,
    account: Kind,
    /// The answer's own.
    stated: Delta,
    /// The noise's part of it.
    delta: Delta,
    rule: Option<Rule>,
    layout: Layout,
}

impl<'p> Spending<'p> {
    fn new(plan: &'p Plan, terms: &Terms, stated: Delta) -> Result<Self, QuoteError> {
        let (rule, delta) = Rule::of(plan, terms, stated)?;
        let layout = Layout::of(plan, terms.account, rule.is_some());
        Ok(Self { plan, account: terms.account, stated, delta, rule, layout })
    }

    /// Statistic 0 is the number of persons.
    fn selection(&self, lines: &[Line]) -> Result<Option<Selection>, QuoteError> {
        let persons = lines.first().ok_or(QuoteError::Plan("list of statistics"))?;
        self.rule.map(|rule| rule.place(persons)).transpose()
    }

    /// Buys noise for every statistic. What was asked for is the price, and the parts add up to no more.
    fn spend(&self, epsilon: Epsilon) -> Result<(Vec<Line>, Price, Option<Selection>), QuoteError> {
        match self.account {
            Kind::Pure => {
                let price = Price::pure(epsilon)?;
                let mut total = Epsilon::ZERO;
                let lines = self.lines(epsilon.units(), |sensitivity, part| {
                    let (noise, spent) = Noise::laplace(sensitivity, Epsilon::from_units(part))?;
                    total = total.saturating_add(spent);
                    Ok((noise, spent, Rho::of_pure(spent).ok_or(PriceError::Range)?))
                })?;
                // Σ εᵢ ≤ ε: basic composition (Dwork and Roth 2014, Theorem 3.16).
                if total > epsilon {
                    return Err(QuoteError::Plan("price"));
                }
                let selection = self.selection(&lines)?;
                Ok((lines, price, selection))
            }
            Kind::Zcdp => {
                let by_zcdp = OpenDpAccountant.rho(epsilon, self.delta).ok_or(QuoteError::TooSmall)?;
                let alone = self.alone();
                let exact = accountant::largest(by_zcdp, epsilon, self.delta, alone, |rho| self.exactly(rho, epsilon));
                let (lines, total) = self.gaussian(exact.unwrap_or(by_zcdp))?;
                // Σ ρᵢ (Bun and Steinke 2016, Lemma 1.7), and what that is alone: by the mechanism's own δ, or by zCDP's.
                let by_conversion =
                    || OpenDpAccountant.epsilon(total, self.delta).is_some_and(|alone| alone <= epsilon);
                if !(exact.is_some() || by_conversion()) {
                    return Err(QuoteError::Plan("price"));
                }
                // The noise's δ and that of the selection add up to what was stated.
                let selection = self.selection(&lines)?;
                let failure = selection.map_or(Delta::ZERO, |selection| selection.failure);
                Ok((lines, Price::zcdp(epsilon, self.stated, total, failure)?, selection))
            }
        }
    }

    /// Gaussian noise for so much ρ, and what it costs.
    fn gaussian(&self, rho: Rho) -> Result<(Vec<Line>, Rho), QuoteError> {
        let mut total = Rho::ZERO;
        let lines = self.lines(rho.units(), |sensitivity, part| {
            let (noise, spent) = Noise::gaussian(sensitivity, Rho::from_units(part))?;
            total = total.saturating_add(spent);
            Ok((noise, Epsilon::ZERO, spent))
        })?;
        Ok((lines, total))
    }

    /// Whether there is one noise, and one person moves one number of it.
    fn alone(&self) -> bool {
        let Layout { bases, sensitivities, .. } = &self.layout;
        let mut noisy = sensitivities.iter().zip(bases.iter().cycle()).filter(|(_, basis)| basis.has_noise());
        matches!((noisy.next(), noisy.next()), (Some((only, _)), None) if only.l0 == 1)
    }

    fn lines(
        &self,
        units: u128,
        mut buy: impl FnMut(&Sensitivity, u128) -> Result<(Noise, Epsilon, Rho), QuoteError>,
    ) -> Result<Vec<Line>, QuoteError> {
        let Layout { bases, trees, sensitivities, shares } = &self.layout;
        let all = shares.iter().map(|share| u128::from(*share)).sum::<u128>().max(1);
        let mut bought = Vec::with_capacity(shares.len());
        for ((sensitivity, share), basis) in sensitivities.iter().zip(shares).zip(bases.iter().cycle()) {
            let part = units.checked_mul(u128::from(*share)).map_or(units / all * u128::from(*share), |n| n / all);
            bought.push(if basis.has_noise() { Some(buy(sensitivity, part)?) } else { None });
        }
        let size = bases.len().max(1);
        let levels = bought.chunks(size).zip(trees.chunks(size)).zip(sensitivities.chunks(size));
        let lines = levels.map(|((bought, trees), moved)| line::lines(bases, trees, moved, bought));
        lines.collect::<Option<Vec<_>>>().map(|lines| lines.concat()).ok_or(QuoteError::Plan("list of statistics"))
    }

    /// Whether so much ρ, spent so, is (ε, δ)-private by the exact δ of the discrete Gaussian.
    fn exactly(&self, rho: Rho, epsilon: Epsilon) -> bool {
        self.gaussian(rho).is_ok_and(|(lines, _)| self.exact(&lines, epsilon))
    }

    fn exact(&self, lines: &[Line], epsilon: Epsilon) -> bool {
        let moves: Option<Vec<accountant::Move>> = lines
            .iter()
            .filter(|line| line.basis.has_noise())
            .map(|line| {
                let Sensitivity { l0, linf, l1 } = line.sensitivity;
                // Only where neighbours fill a box: each of l0 places by up to linf.
                let full = l1 == u128::from(l0) * u128::from(linf);
                full.then(|| accountant::Move { sigma: line.noise.scale(), by: linf as f64, places: l0 })
            })
            .collect();
        moves
            .and_then(|moves| accountant::delta(&moves, epsilon.to_f64_down()))
            .is_some_and(|found| found <= self.delta.to_f64_down())
    }
}

fn expect(plan: &Plan, lines: &[Line], what: &OutputKind) -> Result<Expected, QuoteError> {
    if matches!(what, OutputKind::Key(_)) {
        return Ok(Expected::Exact);
    }
    if !Desk::is_sum(plan, what) {
        return Ok(Expected::PerPersons);
    }
    let (sd, half_width) = Desk::new(plan, lines).margin(what, ALPHA, 1).ok_or(MechanismError::TooNoisy)?;
    Ok(Expected::Margin { sd, half_width })
}

#[cfg(test)]
mod tests;
