//! Noise on vectors of exact integers, by OpenDP's discrete Laplace and discrete Gaussian mechanisms. Not a sampler of its own, and no
//! budget: what a mechanism costs is what OpenDP's privacy map says, rounded up.

mod tail;
mod threshold;

use std::collections::BTreeMap;

use opendp::core::Measurement;
use opendp::domains::{AtomDomain, VectorDomain};
use opendp::measurements::{make_gaussian, make_laplace};
use opendp::measures::{MaxDivergence, ZeroConcentratedDivergence};
use opendp::metrics::{L1Distance, L2Distance};
use policies::{Epsilon, Kind, Rho};
use serde::Serialize;
use zeroize::Zeroize;

use crate::plan::Sensitivity;

pub use tail::{Joint, half_width, normal_quantile};
pub(crate) use tail::{Tails, Term, normal_tail};

type Integers = VectorDomain<AtomDomain<i64>>;
type Laplace = Measurement<Integers, L1Distance<f64>, MaxDivergence, Vec<i64>>;
type Gaussian = Measurement<Integers, L2Distance<f64>, ZeroConcentratedDivergence, Vec<i64>>;

/// Beyond this scale the noise could leave 64-bit integers, and no answer would be of use.
const SCALE_LIMIT: f64 = 1e16;

/// Why no noise can be had. Holds no value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MechanismError {
    /// The noise would be larger than any sum.
    #[error("the price is too small for bounds this wide: the noise would drown any answer")]
    TooNoisy,
    /// The noise would be nothing.
    #[error("the price is too large: almost no noise would be left")]
    TooQuiet,
    /// OpenDP's sampler found no randomness, or its map failed.
    #[error("the noise mechanism failed")]
    Failed,
}

/// A noise distribution over the integers, the same for every cell of one statistic.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Noise {
    kind: Kind,
    scale: f64,
}

impl Noise {
    /// Discrete Laplace noise that costs at most `epsilon` for vectors at this distance, and what it costs: OpenDP's map, rounded up.
    ///
    /// # Errors
    /// The scale leaves the useful range, or OpenDP refuses.
    pub fn laplace(sensitivity: &Sensitivity, epsilon: Epsilon) -> Result<(Self, Epsilon), MechanismError> {
        let distance = l1(sensitivity);
        let cost = |scale: f64| {
            let map = laplace(scale)?.map(&distance).map_err(failed)?;
            Epsilon::from_f64_up(map).map_err(failed)
        };
        let start = distance / epsilon.to_f64_down();
        let (scale, spent) = calibrate(start, epsilon, cost)?;
        let kind = Kind::Pure;
        Ok((Self { kind, scale }, spent))
    }

    /// Discrete Gaussian noise that costs at most `rho` for vectors at this distance, and what it costs: OpenDP's map, rounded up.
    ///
    /// # Errors
    /// The scale leaves the useful range, or OpenDP refuses.
    pub fn gaussian(sensitivity: &Sensitivity, rho: Rho) -> Result<(Self, Rho), MechanismError> {
        let distance = l2(sensitivity);
        let cost = |scale: f64| {
            let map = gaussian(scale)?.map(&distance).map_err(failed)?;
            Rho::from_f64_up(map).map_err(failed)
        };
        let start = distance / (2.0 * rho.to_f64_down()).sqrt();
        let (scale, spent) = calibrate(start, rho, cost)?;
        let kind = Kind::Zcdp;
        Ok((Self { kind, scale }, spent))
    }

    /// The family.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// OpenDP's scale parameter, in grid units.
    #[must_use]
    pub const fn scale(&self) -> f64 {
        self.scale
    }

    /// Standard deviation, in grid units.
    #[must_use]
    pub fn sd(&self) -> f64 {
        match self.kind {
            // Var = 2q/(1 − q)² with q = e^(−1/s), that is 1/(2 sinh²(1/2s)).
            Kind::Pure => (std::f64::consts::SQRT_2 * (0.5 / self.scale).sinh()).recip(),
            Kind::Zcdp => tail::gaussian_sd(self.scale),
        }
    }
}

/// The least scale, from `start` on, at which the cost is within the price. Floating point may leave `start` a hair too small.
fn calibrate<T: PartialOrd>(
    start: f64,
    price: T,
    cost: impl Fn(f64) -> Result<T, MechanismError>,
) -> Result<(f64, T), MechanismError> {
    if !start.is_finite() || start > SCALE_LIMIT {
        return Err(MechanismError::TooNoisy);
    }
    // Below this even the neighbouring integer is hardly ever hit; nothing that is called private has such noise.
    if start < 0.05 {
        return Err(MechanismError::TooQuiet);
    }
    let mut scale = start;
    // 2^-40 of the scale per step: the first steps mend rounding; more would mean that the map isn't what we think.
    for _ in 0..64 {
        let spent = cost(scale)?;
        if spent <= price {
            return Ok((scale, spent));
        }
        scale = (scale * (1.0 + 2f64.powi(-40))).next_up();
    }
    Err(MechanismError::Failed)
}

/// L1 distance of neighbours, rounded up.
pub(crate) fn l1(sensitivity: &Sensitivity) -> f64 {
    up(sensitivity.l1)
}

/// L2 distance of neighbours, rounded up: Σvᵢ² ≤ max|vᵢ| · Σ|vᵢ|, and that is l0·linf² where l1 = l0·linf.
pub(crate) fn l2(sensitivity: &Sensitivity) -> f64 {
    let Some(square) = sensitivity.l1.checked_mul(u128::from(sensitivity.linf)) else {
        return f64::INFINITY;
    };
    let root = square.isqrt();
    match root.checked_mul(root) {
        Some(exact) if exact == square => up(root),
        _ => up(square).sqrt().next_up(),
    }
}

/// The least f64 that is not below an integer.
fn up(value: u128) -> f64 {
    let near = value as f64;
    // Casting back saturates, which only ever errs on the safe side.
    if (near as u128) < value { near.next_up() } else { near }
}

/// OpenDP's text may quote what it was given; only the fact is kept.
fn failed<E>(_: E) -> MechanismError {
    MechanismError::Failed
}

fn laplace(scale: f64) -> Result<Laplace, MechanismError> {
    let domain = VectorDomain::new(AtomDomain::<i64>::default());
    make_laplace(domain, L1Distance::default(), scale, None).map_err(failed)
}

fn gaussian(scale: f64) -> Result<Gaussian, MechanismError> {
    let domain = VectorDomain::new(AtomDomain::<i64>::default());
    make_gaussian(domain, L2Distance::default(), scale, None).map_err(failed)
}

/// Where noise comes from. Tests freeze it; rooms use [`OpenDp`].
pub(crate) trait Source {
    /// `exact` with noise added to every element.
    fn perturb(&mut self, noise: &Noise, exact: &[i64]) -> Result<Vec<i64>, MechanismError>;

    /// Noisy counts, by group, of those groups whose noisy count is at least `threshold`; the others leave no trace.
    fn select(
        &mut self,
        noise: &Noise,
        threshold: i64,
        counts: &BTreeMap<u32, i64>,
    ) -> Result<BTreeMap<u32, i64>, MechanismError> {
        let exact: Vec<i64> = counts.values().copied().collect();
        let noisy = self.perturb(noise, &exact)?;
        Ok(counts.keys().copied().zip(noisy).filter(|(_, count)| *count >= threshold).collect())
    }
}

/// OpenDP's samplers over OpenSSL's private random bytes.
pub(crate) struct OpenDp;

impl Source for OpenDp {
    fn perturb(&mut self, noise: &Noise, exact: &[i64]) -> Result<Vec<i64>, MechanismError> {
        let mut input = exact.to_vec();
        let output = match noise.kind {
            Kind::Pure => laplace(noise.scale)?.invoke(&input),
            Kind::Zcdp => gaussian(noise.scale)?.invoke(&input),
        };
        input.zeroize();
        output.map_err(failed)
    }

    fn select(
        &mut self,
        noise: &Noise,
        threshold: i64,
        counts: &BTreeMap<u32, i64>,
    ) -> Result<BTreeMap<u32, i64>, MechanismError> {
        threshold::select(self, noise, threshold, counts)
    }
}

#[cfg(test)]
mod tests;
