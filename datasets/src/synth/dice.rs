//! Random numbers with a purpose and a stream each, so that no file's bytes depend on how work was divided.
//! Not for keys: the seed is public by design.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// What a stream of numbers is for; one purpose never shifts another's numbers.
#[derive(Clone, Copy)]
pub(crate) enum Purpose {
    People = 1,
    Traits = 2,
    Care = 3,
    Checkup = 4,
    Lifelog = 5,
    Clerk = 6,
    Events = 21,
    Programmes = 22,
    Device = 23,
    Teeth = 20,
}

pub(crate) struct Dice(ChaCha8Rng);

impl Dice {
    pub(crate) fn new(seed: u64, purpose: Purpose, stream: u64) -> Self {
        let mut key = [0u8; 32];
        for (to, from) in key.iter_mut().zip(seed.to_le_bytes().into_iter().chain([purpose as u8])) {
            *to = from;
        }
        let mut rng = ChaCha8Rng::from_seed(key);
        rng.set_stream(stream);
        Dice(rng)
    }

    /// Uniform in [0, 1).
    pub(crate) fn unit(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }

    pub(crate) fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// Uniform in 0..n (n = 0 gives 0).
    pub(crate) fn below(&mut self, n: u32) -> u32 {
        ((u64::from(self.0.next_u32()) * u64::from(n)) >> 32) as u32
    }

    /// Uniform in low..=high.
    pub(crate) fn between(&mut self, low: i32, high: i32) -> i32 {
        low + self.below((high - low + 1).max(1) as u32) as i32
    }

    /// Nearly standard normal: the sum of twelve uniforms (Irwin-Hall), which needs no libm and so gives the same bits everywhere.
    pub(crate) fn normal(&mut self) -> f64 {
        const MASK: u64 = (1 << 21) - 1;
        let mut sum = 0u64;
        for _ in 0..4 {
            let word = self.0.next_u64();
            sum += (word & MASK) + ((word >> 21) & MASK) + ((word >> 42) & MASK);
        }
        (sum as f64 + 6.0) / (1u64 << 21) as f64 - 6.0
    }

    /// Number of events at a mean that is small (Knuth's product of uniforms).
    pub(crate) fn poisson(&mut self, mean: f64) -> u32 {
        let limit = (-mean.clamp(0.0, 30.0)).exp();
        let mut product = self.unit();
        let mut count = 0;
        while product > limit {
            product *= self.unit();
            count += 1;
        }
        count
    }

    /// Index into `weights`, proportional to them.
    pub(crate) fn weighted(&mut self, weights: &[f64]) -> usize {
        let mut at = self.unit() * weights.iter().sum::<f64>();
        for (index, weight) in weights.iter().enumerate() {
            at -= weight;
            if at < 0.0 {
                return index;
            }
        }
        weights.len().saturating_sub(1)
    }

    /// One of `items`; `None` only if there are none.
    pub(crate) fn pick<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        items.get(self.below(items.len() as u32) as usize)
    }
}

/// A well-mixed number from a few, for choices that must not depend on order (splitmix64 finalizer).
pub(crate) fn mix(parts: &[u64]) -> u64 {
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    for part in parts {
        state = state.wrapping_add(*part).wrapping_add(0x9e37_79b9_7f4a_7c15);
        state = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        state = (state ^ (state >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        state ^= state >> 31;
    }
    state
}

/// `mix` as a uniform number in [0, 1).
pub(crate) fn mix_unit(parts: &[u64]) -> f64 {
    (mix(parts) >> 11) as f64 / (1u64 << 53) as f64
}

/// The normal quantile (Acklam's rational approximation, relative error below 1.2e-9), for probabilities in (0, 1).
pub(crate) fn probit(p: f64) -> f64 {
    let p = p.clamp(1e-9, 1.0 - 1e-9);
    let tail = |q: f64| {
        (((((-7.784_894_002_430_293e-3 * q - 0.322_396_458_041_136_5) * q - 2.400_758_277_161_838) * q
            - 2.549_732_539_343_734)
            * q
            + 4.374_664_141_464_968)
            * q
            + 2.938_163_982_698_783)
            / ((((7.784_695_709_041_462e-3 * q + 0.322_467_129_070_039_8) * q + 2.445_134_137_142_996) * q
                + 3.754_408_661_907_416)
                * q
                + 1.0)
    };
    if p < 0.024_25 {
        tail((-2.0 * p.ln()).sqrt())
    } else if p > 1.0 - 0.024_25 {
        -tail((-2.0 * (1.0 - p).ln()).sqrt())
    } else {
        let q = p - 0.5;
        let r = q * q;
        (((((-39.696_830_286_653_76 * r + 220.946_098_424_520_5) * r - 275.928_510_446_968_7) * r
            + 138.357_751_867_269)
            * r
            - 30.664_798_066_147_16)
            * r
            + 2.506_628_277_459_239)
            * q
            / (((((-54.476_098_798_224_06 * r + 161.585_836_858_040_9) * r - 155.698_979_859_886_6) * r
                + 66.801_311_887_719_72)
                * r
                - 13.280_681_552_885_72)
                * r
                + 1.0)
    }
}

/// Straight lines between knots `(x, y)` in order of x; flat outside.
pub(crate) fn along(knots: &[(f64, f64)], x: f64) -> f64 {
    let mut previous: Option<(f64, f64)> = None;
    for &(kx, ky) in knots {
        if x < kx {
            return match previous {
                Some((px, py)) => py + (ky - py) * (x - px) / (kx - px),
                None => ky,
            };
        }
        previous = Some((kx, ky));
    }
    previous.map_or(0.0, |(_, y)| y)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_of_the_normal() {
        // Tabled values of the standard normal.
        for (p, z) in [(0.5, 0.0), (0.975, 1.959_964), (0.001, -3.090_232), (0.84134, 0.999_98)] {
            assert!((probit(p) - z).abs() < 1e-4, "{p}");
        }
    }

    #[test]
    fn normal_has_mean_zero_and_variance_one() {
        let mut dice = Dice::new(1, Purpose::Care, 0);
        let draws: Vec<f64> = (0..200_000).map(|_| dice.normal()).collect();
        let mean = draws.iter().sum::<f64>() / 200_000.0;
        let variance = draws.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 200_000.0;
        assert!(mean.abs() < 0.01 && (variance - 1.0).abs() < 0.02);
    }

    #[test]
    fn streams_and_purposes_differ() {
        let first = |purpose, stream| Dice::new(7, purpose, stream).unit();
        assert!(first(Purpose::Care, 1) != first(Purpose::Care, 2));
        assert!(first(Purpose::Care, 1) != first(Purpose::Lifelog, 1));
        assert!(first(Purpose::Care, 1) == first(Purpose::Care, 1));
    }

    #[test]
    fn lines_between_knots() {
        let knots = [(0.0, 1.0), (10.0, 3.0)];
        assert_eq!(along(&knots, -5.0), 1.0);
        assert_eq!(along(&knots, 5.0), 2.0);
        assert_eq!(along(&knots, 50.0), 3.0);
    }
}
