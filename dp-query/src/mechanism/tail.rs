//! How far noise reaches: intervals that hold with at least the stated probability, from the tails of the discrete distributions.
//! Not an approximation by the normal law where that would be too narrow.

use std::cell::RefCell;
use std::collections::BTreeMap;

use opendp::accuracy::{
    conservative_continuous_gaussian_tail_to_alpha, conservative_discrete_gaussian_tail_to_alpha,
    conservative_discrete_laplacian_tail_to_alpha,
};
use policies::Kind;

use super::Noise;

/// Up to this scale the discrete Gaussian's tail is summed; beyond, OpenDP's bound P(X > t) ≤ P(N ≥ t) costs less than one part in 10^3.
const SUMMED: f64 = 1024.0;

/// The least w with P(|X| > w) ≤ alpha, in grid units; None if alpha is not within (0, 1) or the tail can't be computed.
#[must_use]
pub fn half_width(noise: &Noise, alpha: f64) -> Option<u64> {
    if !(alpha > 0.0 && alpha < 1.0) {
        return None;
    }
    let mut high: u64 = 1;
    while exceeds(noise, high)? > alpha {
        high = high.checked_mul(2)?;
    }
    let mut low: u64 = 0;
    if exceeds(noise, 0)? <= alpha {
        return Some(0);
    }
    // exceeds(low) > alpha ≥ exceeds(high)
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if exceeds(noise, middle)? > alpha {
            low = middle;
        } else {
            high = middle;
        }
    }
    Some(high)
}

/// An upper bound of P(|X| > w).
pub(super) fn exceeds(noise: &Noise, w: u64) -> Option<f64> {
    let one_sided = match noise.kind() {
        Kind::Pure => conservative_discrete_laplacian_tail_to_alpha(noise.scale().try_into().ok()?, w.into()),
        Kind::Zcdp if noise.scale() <= SUMMED => return Some(summed_gaussian(noise.scale(), w)),
        Kind::Zcdp => conservative_discrete_gaussian_tail_to_alpha(noise.scale().try_into().ok()?, w.into()),
    };
    one_sided.ok().map(|tail| (2.0 * tail).min(1.0))
}

/// P(|X| > w) of the discrete Gaussian, summed from the far end so that small terms are not lost, and enlarged by what rounding may have
/// taken.
fn summed_gaussian(scale: f64, w: u64) -> f64 {
    let density = |x: u64| (-0.5 * (x as f64 / scale).powi(2)).exp();
    // e^(−0.5 · 39²) is the least positive f64.
    let end = (39.0 * scale).ceil() as u64;
    let (mut tail, mut all) = (0.0, 0.0);
    for x in (1..=end).rev() {
        all += density(x);
        if x == w.saturating_add(1) {
            tail = all;
        }
    }
    (2.0 * tail / (2.0 * all + 1.0)) * (1.0 + 1e-9)
}

/// Standard deviation of the discrete Gaussian: below its scale, by less than 10^-15 from scale 3 on.
pub(super) fn gaussian_sd(scale: f64) -> f64 {
    if scale > 3.0 {
        return scale;
    }
    let end = (39.0 * scale).ceil() as u64;
    let (mut all, mut square) = (0.0, 0.0);
    for x in (1..=end).rev() {
        let density = (-0.5 * (x as f64 / scale).powi(2)).exp();
        all += density;
        square += density * (x as f64).powi(2);
    }
    (2.0 * square / (2.0 * all + 1.0)).sqrt()
}

/// How far sums of two independent noises of one family reach.
#[derive(Debug, Clone, Copy)]
pub struct Joint {
    x: Noise,
    y: Noise,
    alpha: f64,
    quantile: f64,
}

impl Joint {
    /// The noises X and Y; None if alpha is not within (0, 1) or the families differ.
    #[must_use]
    pub fn new(x: &Noise, y: &Noise, alpha: f64) -> Option<Self> {
        Self::with(x, y, alpha, normal_quantile(alpha)?)
    }

    /// The same with the normal quantile at hand.
    fn with(x: &Noise, y: &Noise, alpha: f64, quantile: f64) -> Option<Self> {
        (x.kind() == y.kind()).then_some(Self { x: *x, y: *y, alpha, quantile })
    }

    /// t with P(|X + factor·Y| > t) ≤ alpha, in grid units of X; None if there is none.
    ///
    /// Each discrete noise is coupled with its continuous counterpart (same sign, quantile by quantile), from which it is never further
    /// than `slack`; the continuous sum has a closed tail.
    #[must_use]
    pub fn half_width(&self, factor: f64) -> Option<f64> {
        if !factor.is_finite() {
            return None;
        }
        let factor = factor.abs();
        let (a, b) = (self.x.scale(), factor * self.y.scale());
        let reach = match self.x.kind() {
            Kind::Pure => bisect(self.alpha, a + b, |t| laplace_sum(a, b, t))?,
            Kind::Zcdp => self.quantile * a.hypot(b),
        };
        Some((reach + slack(&self.x) + factor * slack(&self.y)) * (1.0 + 1e-12))
    }
}

/// Noise that enters a sum: so many independent copies, each times the weight.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Term {
    pub(crate) weight: f64,
    pub(crate) noise: Noise,
    pub(crate) copies: u32,
}

/// Variance of the continuous counterpart, which is the greater one.
fn continuous(noise: &Noise) -> f64 {
    match noise.kind() {
        Kind::Pure => 2.0 * noise.scale().powi(2),
        Kind::Zcdp => noise.scale().powi(2),
    }
}

/// How much is added for the lattice.
fn lattice(noise: &Noise) -> f64 {
    if noise.scale() < 1.0 { 2.0 } else { 1.0 }
}

/// Reaches of sums of noises, with what is asked for again and again kept.
#[derive(Debug, Default)]
pub(crate) struct Tails {
    quantiles: RefCell<BTreeMap<u64, f64>>,
    widths: RefCell<BTreeMap<(u64, u64), f64>>,
}

impl Tails {
    /// z with P(|N| > z) ≤ alpha.
    pub(crate) fn normal(&self, alpha: f64) -> Option<f64> {
        let known = self.quantiles.borrow().get(&alpha.to_bits()).copied();
        known.or_else(|| {
            let z = normal_quantile(alpha)?;
            self.quantiles.borrow_mut().insert(alpha.to_bits(), z);
            Some(z)
        })
    }

    fn single(&self, noise: &Noise, alpha: f64) -> Option<f64> {
        let key = (noise.scale().to_bits() ^ u64::from(noise.kind() == Kind::Zcdp), alpha.to_bits());
        let known = self.widths.borrow().get(&key).copied();
        known.or_else(|| {
            let width = half_width(noise, alpha)? as f64;
            self.widths.borrow_mut().insert(key, width);
            Some(width)
        })
    }

    /// t with P(|Σ wᵢXᵢ| > t) ≤ alpha; None if there is none.
    ///
    /// One noise: its exact discrete tail. Two: [`Joint`]. More: a sum of Gaussians is Gaussian; a sum of Laplace variables with
    /// variance v reaches no further than the further of one Gaussian and one Laplace variable of that variance (for alpha ≤ 0.1). To
    /// both one step of the coarsest lattice is added.
    pub(crate) fn reach(&self, terms: &[Term], alpha: f64) -> Option<f64> {
        let moving = || terms.iter().filter(|t| t.weight != 0.0 && t.copies > 0);
        let single = moving().all(|t| t.copies == 1);
        let mut first = moving();
        match (first.next(), first.next(), first.next()) {
            (None, _, _) => return Some(0.0),
            (Some(x), None, _) if single => return Some(x.weight.abs() * self.single(&x.noise, alpha)?),
            (Some(x), Some(y), None) if single => {
                let joint = Joint::with(&x.noise, &y.noise, alpha, self.normal(alpha)?)?;
                return Some(x.weight.abs() * joint.half_width(y.weight / x.weight)?);
            }
            _ => {}
        }
        let mut variance = 0.0;
        let mut step = 0.0f64;
        let mut heavy = false;
        for Term { weight, noise, copies } in moving() {
            heavy |= noise.kind() == Kind::Pure;
            variance += f64::from(*copies) * weight.powi(2) * continuous(noise);
            step = step.max(weight.abs() * lattice(noise));
        }
        self.far(variance, heavy, step, alpha)
    }

    /// The same for very many noises of one kind, by the sum of their squared weights, of which none is above 1.
    pub(crate) fn many(&self, noise: &Noise, squares: f64, alpha: f64) -> Option<f64> {
        self.far(squares * continuous(noise), noise.kind() == Kind::Pure, lattice(noise), alpha)
    }

    fn far(&self, variance: f64, heavy: bool, step: f64, alpha: f64) -> Option<f64> {
        if variance == 0.0 {
            return Some(0.0);
        }
        let at = alpha.min(0.1);
        let mut factor = self.normal(at)?;
        if heavy {
            factor = factor.max(-at.ln() / std::f64::consts::SQRT_2);
        }
        Some(factor * variance.sqrt() + step)
    }

    /// Standard deviation of Σ wᵢXᵢ.
    pub(crate) fn sd(terms: &[Term]) -> f64 {
        terms.iter().map(|t| f64::from(t.copies) * (t.weight * t.noise.sd()).powi(2)).sum::<f64>().sqrt()
    }
}

/// How far the discrete noise lies from its continuous counterpart.
///
/// Laplace: P(|X| ≥ w) = e^(−(w − ½)/s) / cosh(1/2s) for w ≥ 1, so that | |X| − |L| | ≤ ½ + s·ln cosh(1/2s) < 1. Gaussian: P(|N| ≥ m) ≲
/// P(|X| ≥ m) ≤ P(|N| ≥ m − 1) (Canonne, Kamath and Steinke 2020, Proposition 25; integral bound), so that it is ≤ 1 from scale 1 on.
fn slack(noise: &Noise) -> f64 {
    match noise.kind() {
        Kind::Pure => 0.5 + noise.scale() * (0.5 / noise.scale()).cosh().ln(),
        Kind::Zcdp if noise.scale() >= 1.0 => 1.0,
        Kind::Zcdp => 2.0,
    }
}

/// P(|A + B| > t) of two independent continuous Laplace variables with scales a > 0 and b ≥ 0.
fn laplace_sum(a: f64, b: f64, t: f64) -> f64 {
    let (large, small) = if a >= b { (a, b) } else { (b, a) };
    let ratio = small / large;
    let u = t / large;
    // Near a = b the difference of the two exponentials cancels; the limit (1 + u/2)·e^(−u) with the larger scale is an upper bound.
    if ratio > 0.999 {
        return (1.0 + 0.5 * u) * (-u).exp();
    }
    if ratio < 1e-9 {
        return (-u).exp() * (1.0 + 1e-9);
    }
    ((-u).exp() - ratio * ratio * (-u / ratio).exp()) / (1.0 - ratio * ratio)
}

/// z with P(|N| > z) ≤ alpha for the standard normal.
#[must_use]
pub fn normal_quantile(alpha: f64) -> Option<f64> {
    let tail = |z: f64| {
        let bound = conservative_continuous_gaussian_tail_to_alpha(1.0f64.try_into().ok()?, z.try_into().ok()?);
        bound.ok().map(|tail| 2.0 * tail)
    };
    if !(alpha > 0.0 && alpha < 1.0) {
        return None;
    }
    let (mut low, mut high) = (0.0f64, 1.0f64);
    while tail(high)? > alpha {
        high *= 2.0;
        if high > 64.0 {
            return None;
        }
    }
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        if tail(middle)? > alpha {
            low = middle;
        } else {
            high = middle;
        }
    }
    Some(high)
}

/// P(N > z) of the standard normal, to about 13 digits: by its series up to 3, by its continued fraction beyond.
pub(crate) fn normal_tail(z: f64) -> f64 {
    if z < 0.0 {
        return 1.0 - normal_tail(-z);
    }
    let density = (-z * z / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt();
    if z < 3.0 {
        let (mut term, mut sum, mut k) = (z, z, 1.0);
        while term > 1e-17 * sum && k < 400.0 {
            term *= z * z / (2.0 * k + 1.0);
            sum += term;
            k += 1.0;
        }
        return (0.5 - density * sum).clamp(0.0, 1.0);
    }
    let mut fraction = z;
    for k in (1..=60).rev() {
        fraction = z + f64::from(k) / fraction;
    }
    density / fraction
}

/// The least t (to 40 halvings, from above) with tail(t) ≤ alpha; `unit` is the scale of t.
fn bisect(alpha: f64, unit: f64, tail: impl Fn(f64) -> f64) -> Option<f64> {
    let (mut low, mut high) = (0.0, unit);
    while tail(high) > alpha {
        high *= 2.0;
        if !high.is_finite() {
            return None;
        }
    }
    for _ in 0..40 {
        let middle = 0.5 * (low + high);
        if tail(middle) > alpha {
            low = middle;
        } else {
            high = middle;
        }
    }
    Some(high)
}
