//! Thresholded selection: which groups may be shown at all, by OpenDP's Gaussian threshold mechanism. Not the rule by which a threshold is
//! wanted (`quote/selection`) and not the noise of anything but numbers of persons.
//!
//! OpenDP 0.16 keeps a group where count + noise ≥ threshold, but its map bounds P(noise > threshold − distance): at the same threshold it
//! tells too small a δ (a test shows it). So the map is asked one below the threshold at which groups are kept: P(X ≥ t) = P(X > t − 1).

use std::collections::{BTreeMap, HashMap};

use opendp::accuracy::conservative_discrete_laplacian_tail_to_alpha;
use opendp::core::Measurement;
use opendp::domains::{AtomDomain, MapDomain};
use opendp::measurements::make_gaussian_threshold;
use opendp::measures::{Approximate, ZeroConcentratedDivergence};
use opendp::metrics::{AbsoluteDistance, L02InfDistance};
use policies::{Delta, Kind, Rho};
use zeroize::Zeroize;

use super::{MechanismError, Noise, OpenDp, failed, l2};
use crate::plan::Sensitivity;

type Counts = MapDomain<AtomDomain<u32>, AtomDomain<i64>>;
type Selecting = Measurement<
    Counts,
    L02InfDistance<AbsoluteDistance<f64>>,
    Approximate<ZeroConcentratedDivergence>,
    HashMap<u32, i64>,
>;

/// No noise of a useful scale reaches as far.
const FURTHEST: i64 = 1 << 60;

fn selecting(scale: f64, threshold: i64) -> Result<Selecting, MechanismError> {
    let domain = MapDomain::new(AtomDomain::<u32>::default(), AtomDomain::<i64>::default());
    make_gaussian_threshold(domain, L02InfDistance::default(), scale, threshold, None).map_err(failed)
}

/// What keeping groups from `threshold` on costs if one person counts in `sensitivity.l0` groups, once in each: ρ, and the probability
/// that one of the groups in which nobody else is is kept. By OpenDP's map, rounded up.
pub(super) fn cost(scale: f64, threshold: i64, sensitivity: &Sensitivity) -> Result<(Rho, Delta), MechanismError> {
    let map = selecting(scale, threshold - 1)?;
    let (rho, delta) = map.map(&(sensitivity.l0, l2(sensitivity), sensitivity.linf as f64)).map_err(failed)?;
    Ok((Rho::from_f64_up(rho).map_err(failed)?, Delta::from_f64_up(delta).map_err(failed)?))
}

impl Noise {
    /// The least threshold from `from` on at which Gaussian noise keeps a group of one person alone with at most this probability, over all
    /// groups of that person; and the probability.
    ///
    /// # Errors
    /// [`MechanismError::TooNoisy`] if no threshold does: δ is below what OpenDP's map can tell (some 10⁻¹⁶).
    pub fn threshold(
        &self,
        sensitivity: &Sensitivity,
        within: Delta,
        from: i64,
    ) -> Result<(i64, Delta), MechanismError> {
        if self.kind != Kind::Zcdp {
            return Err(MechanismError::Failed);
        }
        let found = |threshold: i64| cost(self.scale, threshold, sensitivity).map(|(_, delta)| delta);
        // One person alone must not reach it without noise.
        let start = from.max(sensitivity.linf.saturating_add(1).try_into().map_err(failed)?);
        let at = least(start, |threshold| Ok(found(threshold)? <= within))?;
        Ok((at, found(at)?))
    }

    /// The least t for which P(X ≥ t) is at most `alpha`.
    ///
    /// # Errors
    /// None does within 64 bits.
    pub fn reach_up(&self, alpha: f64) -> Result<i64, MechanismError> {
        least(1, |t| Ok(self.at_least(t)? <= alpha))
    }

    /// An upper bound of P(X ≥ t), for t ≥ 1.
    pub(crate) fn at_least(&self, t: i64) -> Result<f64, MechanismError> {
        let beyond = u64::try_from(t - 1).map_err(failed)?;
        match self.kind {
            Kind::Pure => {
                let scale = self.scale.try_into().map_err(failed)?;
                conservative_discrete_laplacian_tail_to_alpha(scale, beyond.into()).map_err(failed)
            }
            Kind::Zcdp => super::tail::exceeds(self, beyond).map(|both| both / 2.0).ok_or(MechanismError::Failed),
        }
    }
}

/// The least number from `start` on for which a monotone test holds.
fn least(start: i64, test: impl Fn(i64) -> Result<bool, MechanismError>) -> Result<i64, MechanismError> {
    if test(start)? {
        return Ok(start);
    }
    let (mut low, mut step) = (start, 1_i64);
    while !test(low + step)? {
        low += step;
        step *= 2;
        if low + step > FURTHEST {
            return Err(MechanismError::TooNoisy);
        }
    }
    let mut high = low + step;
    // test(low) fails, test(high) holds.
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if test(middle)? {
            high = middle;
        } else {
            low = middle;
        }
    }
    Ok(high)
}

/// Noisy counts of those groups that reach the threshold with their noise, by OpenDP.
pub(super) fn select(
    _: &OpenDp,
    noise: &Noise,
    threshold: i64,
    counts: &BTreeMap<u32, i64>,
) -> Result<BTreeMap<u32, i64>, MechanismError> {
    if noise.kind != Kind::Zcdp {
        return Err(MechanismError::Failed);
    }
    let mut input: HashMap<u32, i64> = counts.iter().map(|(group, count)| (*group, *count)).collect();
    let output = selecting(noise.scale, threshold)?.invoke(&input);
    input.values_mut().for_each(Zeroize::zeroize);
    Ok(output.map_err(failed)?.into_iter().collect())
}
