//! ρ → (ε, δ) by OpenDP's conversion (Canonne, Kamath and Steinke 2020), rounded up. Not the ledger.

use opendp::combinators::ConcentratedMeasure;
use opendp::measures::ZeroConcentratedDivergence;
use policies::{Accountant, Delta, Epsilon, Rho};

/// OpenDP's conversion; every rounding goes against the spender.
#[derive(Debug, Clone, Copy, Default)]
pub struct OpenDpAccountant;

impl Accountant for OpenDpAccountant {
    fn epsilon(&self, rho: Rho, delta: Delta) -> Option<Epsilon> {
        if rho.is_zero() {
            return Some(Epsilon::ZERO);
        }
        let delta = delta.to_f64_down();
        // Beyond ρ = 1000 nothing is private, and OpenDP's search would be long.
        if delta <= 0.0 || rho > Rho::from_units(1_000_000_000_000_000) {
            return None;
        }
        let profile = ZeroConcentratedDivergence::convert(rho.to_f64_up()).ok()?;
        let epsilon = profile.epsilon(delta).ok()?;
        // The search ends where δ(ε) ≤ δ; held against the profile once more, since everything rests on it.
        if !epsilon.is_finite() || profile.delta(epsilon).ok()? > delta {
            return None;
        }
        Epsilon::from_f64_up(epsilon).ok()
    }
}

impl OpenDpAccountant {
    /// The largest ρ for which ρ-zCDP implies (ε, δ)-differential privacy; None if there is none.
    #[must_use]
    pub fn rho(&self, epsilon: Epsilon, delta: Delta) -> Option<Rho> {
        let within = |units: u128| self.epsilon(Rho::from_units(units), delta).is_some_and(|found| found <= epsilon);
        // ρ-zCDP has ε ≥ ρ for any δ below one half, so ε bounds the search.
        let (mut low, mut high) = (0u128, epsilon.units().saturating_add(1));
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            if within(middle) {
                low = middle;
            } else {
                high = middle;
            }
        }
        (low > 0).then_some(Rho::from_units(low))
    }
}

/// What one person moves: so many places, each by up to so much, under discrete Gaussian noise of this scale.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Move {
    pub(crate) sigma: f64,
    pub(crate) by: f64,
    pub(crate) places: u32,
}

/// Blocks per standard deviation in which wide distributions are summed.
const BLOCKS: f64 = 1024.0;

/// An upper bound of δ(ε) of discrete Gaussian noise, by the hockey-stick divergence itself; None where it is not known exactly.
///
/// Neighbours differ by a vector v of a box. Likelihood ratios of log-concave noise rise in each coordinate, so the worst set is an
/// up-set (after turning signs), whose probability rises with each |vᵢ|: the corner of the box is the worst v.
pub(crate) fn delta(moves: &[Move], epsilon: f64) -> Option<f64> {
    match moves {
        [Move { sigma, by, places: 1 }] => Some(single(*sigma, *by, epsilon)),
        _ => None,
    }
}

/// E[(1 − e^(ε − Z))₊] over the privacy loss Z = (2·by·x + by²)/2σ², x discrete Gaussian (Canonne, Kamath and Steinke 2020, Theorem 7). Wide
/// distributions are summed in blocks, each with its largest probability and its largest loss.
fn single(sigma: f64, by: f64, epsilon: f64) -> f64 {
    let block = (sigma / BLOCKS).floor().max(1.0);
    let density = |x: f64| (-0.5 * (x / sigma).powi(2)).exp();
    let loss = |x: f64| (2.0 * by * x + by * by) / (2.0 * sigma * sigma);
    // Below, the loss is no more than ε. (By symmetry the other neighbour has the same δ.)
    let start = (epsilon * sigma * sigma / by - by / 2.0).floor();
    let end = start.max(0.0) + 40.0 * sigma;
    let mut terms = Vec::new();
    let mut x = start;
    while x < end {
        let last = x + block - 1.0;
        let nearest = if x > 0.0 { x } else { last.min(0.0) };
        let part = -(epsilon - loss(last)).exp_m1();
        let term = block * density(nearest) * part.max(0.0);
        if term == 0.0 && x > 0.0 && x > start + sigma {
            break;
        }
        terms.push(term);
        x += block;
    }
    let above: f64 = terms.iter().rev().sum();
    // Σ density ≥ σ√2π by Poisson's summation formula; summed where that is not yet exact to the last bit.
    let all = if sigma > 3.0 {
        sigma * (2.0 * std::f64::consts::PI).sqrt()
    } else {
        (1..=(40.0 * sigma).ceil() as u32).rev().map(|x| 2.0 * density(f64::from(x))).sum::<f64>() + 1.0
    };
    (above / all) * (1.0 + 1e-12)
}

/// The largest ρ, from one that is known to hold, that still holds; None if that is the first. Holding is monotone.
pub(crate) fn largest(known: Rho, holds: impl Fn(Rho) -> bool) -> Option<Rho> {
    let (mut low, mut high) = (known.units(), known.units().saturating_mul(2));
    if !holds(known) {
        return None;
    }
    while holds(Rho::from_units(high)) {
        low = high;
        high = high.checked_mul(2)?;
    }
    // To six digits.
    while high - low > 1.max(low / 1_000_000) {
        let middle = low + (high - low) / 2;
        if holds(Rho::from_units(middle)) {
            low = middle;
        } else {
            high = middle;
        }
    }
    Some(Rho::from_units(low))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]

    use super::*;

    fn epsilon(rho: &str, delta: &str) -> f64 {
        let found = OpenDpAccountant.epsilon(rho.parse().unwrap(), delta.parse().unwrap());
        found.unwrap().to_f64_up()
    }

    /// ε(ρ, δ) = min over α of αρ + (ln 1/δ + α ln(1 − 1/α) − ln(α − 1))/(α − 1), minimised with 40 digits in mpmath.
    #[test]
    fn agrees_with_forty_digits() {
        let vectors = [
            ("0.0001", "0.000001", 0.053_727_120_634_859_9),
            ("0.01", "0.000001", 0.621_692_654_559_602),
            ("0.1", "0.00001", 1.914_238_832_003_6),
            ("0.5", "0.0000001", 5.670_858_835_468_77),
            ("1", "0.000000001", 9.521_463_671_792_23),
            ("2.5", "0.00001", 12.299_654_914_693_8),
        ];
        for (rho, delta, exact) in vectors {
            let found = epsilon(rho, delta);
            assert!(found >= exact && found - exact < 1e-9, "{rho} {delta}: {found}");
        }
    }

    #[test]
    fn nothing_costs_nothing_and_no_delta_buys_nothing() {
        let account = OpenDpAccountant;
        let some = "0.1".parse().unwrap();
        assert_eq!(account.epsilon(Rho::ZERO, Delta::ZERO), Some(Epsilon::ZERO));
        assert_eq!(account.epsilon(some, Delta::ZERO), None);
        assert_eq!(account.epsilon(Rho::MAX, "0.1".parse().unwrap()), None);
        assert_eq!(account.rho(Epsilon::ZERO, "0.1".parse().unwrap()), None);
        assert_eq!(account.rho("1".parse().unwrap(), Delta::ZERO), None);
    }

    #[test]
    fn more_rho_costs_more_and_more_delta_less() {
        let grid = ["0.00000001", "0.000001", "0.0001", "0.001", "0.01"];
        for pair in grid.windows(2) {
            let [less, more] = pair else { panic!() };
            assert!(epsilon(less, "0.000001") < epsilon(more, "0.000001"));
            assert!(epsilon("0.1", more) < epsilon("0.1", less));
        }
    }

    #[test]
    fn the_largest_rho_is_within_and_the_next_is_not() {
        for (target, delta) in [("0.1", "0.0000001"), ("1", "0.000001"), ("8", "0.00001")] {
            let (target, delta) = (target.parse().unwrap(), delta.parse().unwrap());
            let rho = OpenDpAccountant.rho(target, delta).unwrap();
            assert!(OpenDpAccountant.epsilon(rho, delta).unwrap() <= target);
            let next = Rho::from_units(rho.units() + 1);
            assert!(OpenDpAccountant.epsilon(next, delta).unwrap() > target);
        }
    }
}
