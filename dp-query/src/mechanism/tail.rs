//! How far noise reaches: intervals that hold with at least the stated probability, from the tails of the discrete distributions.
//! Not an approximation by the normal law where that would be too narrow.

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
fn exceeds(noise: &Noise, w: u64) -> Option<f64> {
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
        if x.kind() != y.kind() {
            return None;
        }
        Some(Self { x: *x, y: *y, alpha, quantile: normal_quantile(alpha)? })
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
