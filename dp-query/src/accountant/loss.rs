//! δ(ε) of several discrete Gaussian noises at once, from the distribution of their privacy loss. Not an approximation: losses are rounded up
//! to a grid, so that what comes out is never below the true δ but for the last bits of floating point, for which a margin is added.
//!
//! Neighbours differ by a vector v of a box. Likelihood ratios of log-concave noise rise in each coordinate, so the worst set is an
//! up-set (after turning signs), whose probability rises with each |vᵢ|: the corner of the box is the worst v. There the losses of the
//! coordinates are independent, Zᵢ = (2vᵢxᵢ + vᵢ²)/2σᵢ², and δ(ε) = E[(1 − e^(ε − ΣZᵢ))₊] (Koskela, Jälkö and Honkela 2020; Canonne, Kamath
//! and Steinke 2020).

use std::f64::consts::PI;

/// What one person moves: so many places, each by up to so much, under discrete Gaussian noise of this scale.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Move {
    pub(crate) sigma: f64,
    pub(crate) by: f64,
    pub(crate) places: u32,
}

/// Blocks per standard deviation in which wide distributions are summed.
const BLOCKS: f64 = 1024.0;
/// Cells of the grid of losses.
const GRID: usize = 1 << 16;
/// Most places; beyond, rounding costs more than zCDP's conversion does.
const MOST_PLACES: u32 = 64;

/// An upper bound of δ(ε); None where it is not known.
pub(crate) fn delta(moves: &[Move], epsilon: f64) -> Option<f64> {
    match moves {
        [Move { sigma, by, places: 1 }] => Some(single(*sigma, *by, epsilon)),
        [] => Some(0.0),
        _ => several(moves, epsilon),
    }
}

/// E[(1 − e^(ε − Z))₊] of one place (Canonne, Kamath and Steinke 2020, Theorem 7). Wide distributions are summed in blocks, each with its
/// largest probability and its largest loss.
fn single(sigma: f64, by: f64, epsilon: f64) -> f64 {
    let block = (sigma / BLOCKS).floor().max(1.0);
    let loss = |x: f64| (2.0 * by * x + by * by) / (2.0 * sigma * sigma);
    // Below, the loss is no more than ε. (By symmetry the other neighbour has the same δ.)
    let start = (epsilon * sigma * sigma / by - by / 2.0).floor();
    let end = start.max(0.0) + 40.0 * sigma;
    let mut terms = Vec::new();
    let mut x = start;
    while x < end {
        let last = x + block - 1.0;
        let part = -(epsilon - loss(last)).exp_m1();
        let term = block * density(sigma, nearest(x, last)) * part.max(0.0);
        if term == 0.0 && x > 0.0 && x > start + sigma {
            break;
        }
        terms.push(term);
        x += block;
    }
    let above: f64 = terms.iter().rev().sum();
    (above / total(sigma)) * (1.0 + 1e-12)
}

fn density(sigma: f64, x: f64) -> f64 {
    (-0.5 * (x / sigma).powi(2)).exp()
}

/// Where the density is largest within a block.
fn nearest(first: f64, last: f64) -> f64 {
    if first > 0.0 { first } else { last.min(0.0) }
}

/// Σ density ≥ σ√2π by Poisson's summation formula; summed where that is not yet exact to the last bit.
fn total(sigma: f64) -> f64 {
    if sigma > 3.0 {
        return sigma * (2.0 * PI).sqrt();
    }
    (1..=(40.0 * sigma).ceil() as u32).rev().map(|x| 2.0 * density(sigma, f64::from(x))).sum::<f64>() + 1.0
}

/// The losses' distribution is turned towards ε before it is multiplied out (e^(tz), undone behind), so that the transform's rounding
/// is small against what lies beyond ε.
fn several(moves: &[Move], epsilon: f64) -> Option<f64> {
    let places: u64 = moves.iter().map(|m| u64::from(m.places)).sum();
    let variance: f64 = moves.iter().map(|m| f64::from(m.places) * (m.by / m.sigma).powi(2)).sum();
    if places > u64::from(MOST_PLACES) || !(variance > 0.0 && variance.is_finite()) {
        return None;
    }
    let spread = variance.sqrt();
    let tilt = ((epsilon - variance / 2.0) / variance).max(0.0);
    // Tilted, the sum is near Gaussian about `centre` with this spread: 16 of it each way hold all but 10^-55.
    let centre = variance / 2.0 + tilt * variance;
    let width = 32.0 * spread / GRID as f64;
    let lowest = centre - 16.0 * spread;
    let mut product = vec![(1.0, 0.0); GRID];
    let mut scale = 0.0;
    let mut offset: i64 = 0;
    for one in moves {
        let (mut part, shift, log) = tilted(one, tilt, width)?;
        transform(&mut part, false);
        for (all, own) in product.iter_mut().zip(&part) {
            *all = times(*all, power(*own, one.places));
        }
        scale += f64::from(one.places) * log;
        offset += i64::from(one.places) * shift;
    }
    transform(&mut product, true);
    // Cell k of the product is loss (k + offset) · width, up to whole turns: each lies where the sum can be.
    let first = (lowest / width).floor() as i64;
    let mut terms = Vec::new();
    for at in 0..i64::try_from(GRID).ok()? {
        let place = first + at;
        let cell = usize::try_from((place - offset).rem_euclid(i64::try_from(GRID).ok()?)).ok()?;
        let loss = place as f64 * width;
        if loss > epsilon {
            let mass = product.get(cell).map(|mass| mass.0).filter(|mass| mass.is_finite())?.max(0.0) + 1e-15;
            terms.push(mass * (scale - tilt * loss).exp() * -(epsilon - loss).exp_m1());
        }
    }
    terms.sort_by(f64::total_cmp);
    Some(terms.iter().sum::<f64>() * (1.0 + 1e-9))
}

/// Complex numbers on a grid of losses, the place of the first, and the logarithm that they were scaled by.
type Tilted = (Vec<(f64, f64)>, i64, f64);

/// Probabilities of one place's losses, rounded up to the grid, times e^(tilt · loss − log): with the first cell's place, and log.
fn tilted(one: &Move, tilt: f64, width: f64) -> Option<Tilted> {
    let Move { sigma, by, .. } = *one;
    let slope = by / (sigma * sigma);
    let half = slope * by / 2.0;
    // Tilting by t moves the Gaussian's middle to t · by.
    let (middle, all) = (tilt * by, total(sigma));
    let block = (sigma / BLOCKS).floor().max(1.0);
    let (from, to) = ((middle - 14.0 * sigma).floor(), middle + 14.0 * sigma);
    let start = ((slope * from + half) / width).ceil() as i64;
    let log = tilt * (half + slope * middle) - 0.5 * (middle / sigma).powi(2);
    let mut cells = vec![(0.0, 0.0); GRID];
    let mut x = from;
    while x <= to {
        let last = x + block - 1.0;
        let place = ((slope * last + half) / width).ceil() as i64;
        let cell = usize::try_from(place - start).ok().and_then(|at| cells.get_mut(at))?;
        let near = nearest(x, last);
        cell.0 += block / all * (-0.5 * (near / sigma).powi(2) + tilt * place as f64 * width - log).exp();
        x += block;
    }
    // What lies outside is less than 10^-40 of the tilted mass.
    Some((cells, start, log))
}

fn times(a: (f64, f64), b: (f64, f64)) -> (f64, f64) {
    (a.0 * b.0 - a.1 * b.1, a.0 * b.1 + a.1 * b.0)
}

fn power(base: (f64, f64), mut exponent: u32) -> (f64, f64) {
    let (mut square, mut out) = (base, (1.0, 0.0));
    while exponent > 0 {
        if exponent % 2 == 1 {
            out = times(out, square);
        }
        square = times(square, square);
        exponent /= 2;
    }
    out
}

/// Fast Fourier transform in place (Cooley and Tukey 1965), the length a power of two; the inverse divides by it.
fn transform(values: &mut [(f64, f64)], inverse: bool) {
    let n = values.len();
    let mut to = 0;
    for from in 1..n {
        let mut bit = n / 2;
        while to & bit != 0 {
            to ^= bit;
            bit /= 2;
        }
        to |= bit;
        if from < to {
            values.swap(from, to);
        }
    }
    let sign = if inverse { 1.0 } else { -1.0 };
    let turns: Vec<(f64, f64)> =
        (0..n / 2).map(|k| (sign * 2.0 * PI * k as f64 / n as f64).sin_cos()).map(|(s, c)| (c, s)).collect();
    let mut length = 2;
    while length <= n {
        let step = n / length;
        for block in values.chunks_mut(length) {
            let (low, high) = block.split_at_mut(length / 2);
            for (k, (a, b)) in low.iter_mut().zip(high).enumerate() {
                let turned = times(*b, turns.get(k * step).copied().unwrap_or((1.0, 0.0)));
                let sum = (a.0 + turned.0, a.1 + turned.1);
                *b = (a.0 - turned.0, a.1 - turned.1);
                *a = sum;
            }
        }
        length *= 2;
    }
    if inverse {
        values.iter_mut().for_each(|v| *v = (v.0 / n as f64, v.1 / n as f64));
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use super::*;

    /// Known answers of Google's dp_accounting 0.6.0: `benches/peers/dp_accounting_delta.py`.
    #[test]
    fn one_place_is_as_dp_accounting_has_it() {
        for (sigma, by, epsilon, known) in [
            (1.0, 1.0, 1.0, 0.141_351_339_405_621_95),
            (2.5, 1.0, 0.5, 0.026_196_803_234_011_384),
            (4.22, 1.0, 1.0, 1.033_558_318_124_246_5e-6),
            (4.23, 1.0, 1.0, 1.002_610_012_948_010_1e-6),
            (10.0, 3.0, 1.0, 5.482_272_111_060_325e-5),
            (41.3, 1.0, 0.1, 1.013_609_730_951_423_3e-7),
            (44.4, 1.0, 0.1, 2.201_766_958_113_447_8e-8),
            (200.0, 7.0, 0.1, 2.307_919_304_294_237_7e-5),
            (900.0, 40.0, 0.2, 3.409_093_252_153_507_5e-8),
        ] {
            let found = single(sigma, by, epsilon);
            assert!((found - known).abs() <= 1e-9 * known.max(1e-3), "{sigma} {epsilon}: {found} {known}");
            assert!((found / known - 1.0).abs() < 1e-6, "{sigma} {epsilon}: {found} {known}");
        }
    }

    /// The same several at once; both round losses up, ours to a coarser grid.
    #[test]
    fn several_places_are_as_dp_accounting_has_them() {
        let place = |sigma, by, places| Move { sigma, by, places };
        for (moves, epsilon, known) in [
            (vec![place(10.0, 1.0, 4)], 1.0, 1.744_564_341_154_577_5e-8),
            (vec![place(20.0, 3.0, 2), place(9.0, 1.0, 1)], 1.0, 1.267_072_928_934_723_3e-6),
        ] {
            let found = delta(&moves, epsilon).unwrap();
            assert!((0.9999..1.02).contains(&(found / known)), "{moves:?}: {found} {known}");
        }
    }

    /// Wide noise in blocks, one place by either way, and the continuous law: δ(ε) = Φ(μ/2 − ε/μ) − e^ε Φ(−μ/2 − ε/μ) (Balle and Wang 2018).
    #[test]
    fn the_ways_agree() {
        for (sigma, by) in [(700.0, 150.0), (90_000.0, 20_000.0)] {
            let one = single(sigma, by, 1.0);
            let grid = several(&[Move { sigma, by, places: 1 }], 1.0).unwrap();
            let mu: f64 = by / sigma;
            let tail = |z: f64| crate::mechanism::normal_tail(z);
            let continuous = tail(1.0 / mu - mu / 2.0) - 1f64.exp() * tail(1.0 / mu + mu / 2.0);
            assert!((one / continuous - 1.0).abs() < 0.02, "{sigma}: {one} {continuous}");
            assert!((0.999..1.02).contains(&(grid / one)), "{sigma}: {grid} {one}");
        }
    }

    #[test]
    fn more_noise_or_a_larger_epsilon_has_less_delta() {
        let at = |sigma: f64, epsilon: f64| delta(&[Move { sigma, by: 2.0, places: 3 }], epsilon).unwrap();
        assert!(at(10.0, 1.0) > at(11.0, 1.0) && at(10.0, 1.0) > at(10.0, 1.1));
        assert_eq!(delta(&[Move { sigma: 10.0, by: 1.0, places: MOST_PLACES + 1 }], 1.0), None);
        assert_eq!(delta(&[Move { sigma: 10.0, by: 1.0, places: u32::MAX }; 2], 1.0), None);
    }
}
