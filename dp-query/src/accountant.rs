//! ρ → (ε, δ) by OpenDP's conversion (Canonne, Kamath and Steinke 2020), rounded up. Not the ledger.

use std::cell::Cell;

use opendp::combinators::ConcentratedMeasure;
use opendp::measures::ZeroConcentratedDivergence;
use policies::{Accountant, Delta, Epsilon, Rho};

use crate::mechanism::normal_tail;

mod loss;

pub(crate) use loss::{Move, delta};

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
        // Asked for the same again and again, by every statistic's price; the search takes 20 ms.
        thread_local! {
            static LAST: Cell<Option<(Epsilon, Delta, Option<Rho>)>> = const { Cell::new(None) };
        }
        if let Some((_, _, known)) = LAST.get().filter(|last| (last.0, last.1) == (epsilon, delta)) {
            return known;
        }
        let found = self.search(epsilon, delta);
        LAST.set(Some((epsilon, delta, found)));
        found
    }

    fn search(&self, epsilon: Epsilon, delta: Delta) -> Option<Rho> {
        // What is missing to ε, which falls as ρ rises; None where there is no ε.
        let missing = |units: u128| {
            let found = self.epsilon(Rho::from_units(units), delta)?;
            i128::try_from(epsilon.units()).ok()?.checked_sub(i128::try_from(found.units()).ok()?)
        };
        // ρ-zCDP has ε ≥ ρ for any δ below one half, so ε bounds the search. It is halving, helped by false position: ε is nearly straight in
        // √ρ, and steps that aim just below and just above the zero move both ends there.
        let (mut low, mut high) = (0u128, epsilon.units().saturating_add(1));
        let (mut above, mut below) = (Some(i128::try_from(epsilon.units()).ok()?), missing(high));
        let mut turn = 0;
        while high - low > 1 {
            let aim = match (above, below, turn % 3) {
                (Some(above), Some(below), 0 | 1) => {
                    let (from, to) = ((low as f64).sqrt(), (high as f64).sqrt());
                    let zero = from + (to - from) * above as f64 / (above - below) as f64;
                    (zero * zero * if turn % 3 == 0 { 1.0 - 1e-9 } else { 1.0 + 1e-9 }) as u128
                }
                _ => low + (high - low) / 2,
            };
            let aim = aim.clamp(low + 1, high - 1);
            match missing(aim) {
                Some(left) if left >= 0 => (low, above) = (aim, Some(left)),
                found => (high, below) = (aim, found),
            }
            turn += 1;
        }
        (low > 0).then_some(Rho::from_units(low))
    }
}

/// The largest ρ of a few below where continuous noise would have this (ε, δ) that still holds by the exact δ; None if none is above what
/// zCDP's conversion gives. `alone` noise is searched to six digits.
pub(crate) fn largest(
    known: Rho,
    epsilon: Epsilon,
    delta: Delta,
    alone: bool,
    holds: impl Fn(Rho) -> bool,
) -> Option<Rho> {
    let (epsilon, delta) = (epsilon.to_f64_down(), delta.to_f64_down());
    // δ(ε) of continuous Gaussian noise with ρ = μ²/2 (Balle and Wang 2018, Theorem 8).
    let continuous = |rho: f64| {
        let mu = (2.0 * rho).sqrt();
        normal_tail(epsilon / mu - mu / 2.0) - epsilon.exp() * normal_tail(epsilon / mu + mu / 2.0)
    };
    let start = known.to_f64_down();
    let (mut low, mut high) = (start, 2.0 * start);
    while continuous(high) <= delta {
        (low, high) = (high, 2.0 * high);
        if !high.is_finite() || high > 1e6 {
            return None;
        }
    }
    for _ in 0..50 {
        let middle = 0.5 * (low + high);
        if continuous(middle) <= delta {
            low = middle;
        } else {
            high = middle;
        }
    }
    let candidate = |less: f64| Rho::from_f64_down(low * (1.0 - less)).ok().filter(|rho| *rho > known && holds(*rho));
    if !alone {
        return [0.002, 0.004, 0.008, 0.015, 0.03, 0.06].into_iter().find_map(candidate);
    }
    let (mut good, mut bad) = (known.units(), Rho::from_f64_down(low * 1.001).ok()?.units());
    if !holds(known) {
        return None;
    }
    while bad.saturating_sub(good) > 1.max(good / 1_000_000) {
        let middle = good + (bad - good) / 2;
        if holds(Rho::from_units(middle)) {
            good = middle;
        } else {
            bad = middle;
        }
    }
    Some(Rho::from_units(good))
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

    /// dp_accounting 0.6.0, `RdpAccountant` after `ZCDpEvent(rho)`, orders refined around its optimum: benches/peers/dp_accounting_delta.py.
    /// Ours is rounded up to a unit of ε (10⁻¹²), theirs is in doubles: to 10⁻⁹ relative.
    #[test]
    fn agrees_with_dp_accounting() {
        let vectors = [
            ("0.0001", "0.000001", 0.053_727_120_634_859_86),
            ("0.001", "0.0000001", 0.205_575_746_265_981_85),
            ("0.01", "0.000001", 0.621_692_654_559_602_4),
            ("0.05", "0.00001", 1.308_118_342_906_438),
            ("0.1", "0.00001", 1.914_238_832_003_597_7),
            ("0.25", "0.000001", 3.542_291_300_477_015_3),
            ("0.5", "0.0000001", 5.670_858_835_468_771),
            ("1", "0.000000001", 9.521_463_671_792_231),
            ("2.5", "0.00001", 12.299_654_914_693_829),
            ("5", "0.00000001", 23.208_349_494_373_547),
        ];
        for (rho, delta, theirs) in vectors {
            let found = epsilon(rho, delta);
            assert!((found / theirs - 1.0).abs() < 1e-9, "{rho} {delta}: {found} {theirs}");
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
        for (target, delta) in [
            ("0.001", "0.000000001"),
            ("0.1", "0.0000001"),
            ("1", "0.000001"),
            ("1", "0.4"),
            ("8", "0.00001"),
            ("300", "0.000000000000001"),
        ] {
            let (target, delta) = (target.parse().unwrap(), delta.parse().unwrap());
            let rho = OpenDpAccountant.rho(target, delta).unwrap();
            assert!(OpenDpAccountant.epsilon(rho, delta).unwrap() <= target);
            let next = Rho::from_units(rho.units() + 1);
            assert!(OpenDpAccountant.epsilon(next, delta).is_none_or(|found| found > target));
        }
    }
}
