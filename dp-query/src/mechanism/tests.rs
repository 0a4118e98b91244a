#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use policies::{Epsilon, Kind, Rho};
use proptest::prelude::*;

use super::*;

fn sensitivity(l0: u32, linf: u64) -> Sensitivity {
    Sensitivity { l0, linf, l1: u128::from(l0) * u128::from(linf) }
}

fn epsilon(text: &str) -> Epsilon {
    text.parse().unwrap()
}

fn noises() -> Vec<Noise> {
    let mut noises = Vec::new();
    for (price, linf) in [("2", 1), ("0.1", 1), ("0.5", 7), ("0.05", 200)] {
        noises.push(Noise::laplace(&sensitivity(1, linf), epsilon(price)).unwrap().0);
        let rho: Rho = price.parse().unwrap();
        noises.push(Noise::gaussian(&sensitivity(1, linf), rho).unwrap().0);
    }
    noises
}

#[test]
fn laplace_scale_is_sensitivity_over_epsilon() {
    // (l0, linf, ε) → scale, charge
    for (l0, linf, price, scale) in [(1, 1, "0.5", 2.0), (1, 1, "1", 1.0), (3, 4, "0.5", 24.0), (1, 7, "0.25", 28.0)] {
        let (noise, spent) = Noise::laplace(&sensitivity(l0, linf), epsilon(price)).unwrap();
        assert_eq!((noise.kind(), noise.scale()), (Kind::Pure, scale));
        assert_eq!(spent, epsilon(price));
    }
}

#[test]
fn gaussian_scale_is_l2_over_root_two_rho() {
    // Δ₂ = √l0 · linf; ρ = Δ₂²/2σ².
    for (l0, linf, price, scale) in [(1, 1, "0.5", 1.0), (4, 3, "0.5", 6.0), (2, 1, "0.01", 10.0)] {
        let rho: Rho = price.parse().unwrap();
        let (noise, spent) = Noise::gaussian(&sensitivity(l0, linf), rho).unwrap();
        assert!((noise.scale() - scale).abs() < 1e-9 * scale, "{}", noise.scale());
        assert!(noise.scale() >= scale * (1.0 - 1e-15));
        assert!(spent <= rho && rho.units() - spent.units() <= 1);
    }
}

#[test]
fn distances_are_never_below_the_exact_ones() {
    assert_eq!(l1(&sensitivity(3, 5)), 15.0);
    assert_eq!(l2(&sensitivity(4, 5)), 10.0);
    let odd = l2(&sensitivity(2, 1));
    assert!(odd * odd >= 2.0 && odd < std::f64::consts::SQRT_2 + 1e-12);
    // 2^53 + 1 is no f64.
    assert_eq!(up(9_007_199_254_740_993), 9_007_199_254_740_994.0);
    assert!(up(u128::MAX) >= 3.4e38);
    // A person's rows are few: three groups, five rows each at most, but eight rows in all.
    let capped = Sensitivity { l0: 3, linf: 5, l1: 8 };
    assert_eq!(l1(&capped), 8.0);
    assert!((l2(&capped) - 40f64.sqrt()).abs() < 1e-12);
}

#[test]
fn useless_noise_is_refused() {
    assert_eq!(Noise::laplace(&sensitivity(1, 1), epsilon("100")).unwrap_err(), MechanismError::TooQuiet);
    assert_eq!(Noise::laplace(&sensitivity(1, u64::MAX), epsilon("0.01")).unwrap_err(), MechanismError::TooNoisy);
    assert_eq!(Noise::laplace(&sensitivity(1, 1), Epsilon::ZERO).unwrap_err(), MechanismError::TooNoisy);
    assert_eq!(Noise::gaussian(&sensitivity(1, 1), Rho::ZERO).unwrap_err(), MechanismError::TooNoisy);
}

/// Outside values: the tails of the distributions, summed in Python with 40 digits.
#[test]
fn half_widths_are_the_least_that_hold() {
    for noise in noises() {
        let pmf = |x: i64| match noise.kind() {
            Kind::Pure => (-(x.abs() as f64) / noise.scale()).exp(),
            Kind::Zcdp => (-0.5 * (x as f64 / noise.scale()).powi(2)).exp(),
        };
        let reach = (noise.scale() * 60.0) as i64 + 60;
        let all: f64 = (-reach..=reach).map(pmf).sum();
        let beyond = |w: i64| (-reach..=reach).filter(|x| x.abs() > w).map(pmf).sum::<f64>() / all;
        for alpha in [0.5, 0.1, 0.05, 0.01, 1e-6] {
            let w = half_width(&noise, alpha).unwrap() as i64;
            assert!(beyond(w) <= alpha, "{noise:?} {alpha} {w}");
            assert!(w == 0 || beyond(w - 1) > alpha * (1.0 - 1e-6), "{noise:?} {alpha} {w}");
        }
        let sd = (-reach..=reach).map(|x| (x * x) as f64 * pmf(x)).sum::<f64>() / all;
        assert!((noise.sd() / sd.sqrt() - 1.0).abs() < 1e-9, "{noise:?}");
    }
    assert_eq!(half_width(&noises()[0], 0.0), None);
    assert_eq!(half_width(&noises()[0], 1.0), None);
    assert_eq!(half_width(&noises()[0], f64::NAN), None);
}

/// From scale 1024 on OpenDP's bound is used: never below the exact tail, and at most one part in 10^3 wider.
#[test]
fn large_gaussians_are_bounded_closely() {
    let (noise, _) = Noise::gaussian(&sensitivity(1, 100_000), "0.5".parse().unwrap()).unwrap();
    let w = half_width(&noise, 0.05).unwrap() as f64;
    assert!((w / (1.959_963_984_540_054 * 100_000.0) - 1.0).abs() < 1e-5, "{w}");
    let z = normal_quantile(0.05).unwrap();
    assert!((1.959_963_984_540_054..1.959_97).contains(&z), "{z}");
    assert_eq!(normal_quantile(0.0), None);
}

#[test]
fn joint_half_widths_hold_exactly() {
    // Exact convolution of small noises.
    for pair in noises().chunks(2) {
        for (x, y) in [(pair[0], pair[0]), (pair[1], pair[1])] {
            if x.scale() > 30.0 {
                continue;
            }
            for factor in [0.0, 0.5, 1.0, 3.0, 20.0] {
                let pmf = |noise: &Noise| -> Vec<f64> {
                    let reach = (noise.scale() * 40.0) as i64 + 40;
                    let weight = |x: i64| match noise.kind() {
                        Kind::Pure => (-(x.abs() as f64) / noise.scale()).exp(),
                        Kind::Zcdp => (-0.5 * (x as f64 / noise.scale()).powi(2)).exp(),
                    };
                    let weights: Vec<f64> = (-reach..=reach).map(weight).collect();
                    let all: f64 = weights.iter().sum();
                    weights.into_iter().map(|weight| weight / all).collect()
                };
                let (px, py) = (pmf(&x), pmf(&y));
                let half = Joint::new(&x, &y, 0.05).unwrap().half_width(factor).unwrap();
                let middle = (px.len() / 2) as f64;
                let mut beyond = 0.0;
                for (i, p) in px.iter().enumerate() {
                    for (j, q) in py.iter().enumerate() {
                        let sum = (i as f64 - middle) + factor * (j as f64 - (py.len() / 2) as f64);
                        if sum.abs() > half {
                            beyond += p * q;
                        }
                    }
                }
                assert!(beyond <= 0.05, "{x:?} {factor} {beyond}");
                // Not much wider than needed once the scale is above the lattice.
                assert!(x.scale() < 10.0 || beyond > 0.035, "{x:?} {factor} {beyond}");
            }
        }
    }
    let (laplace, gaussian) = (noises()[0], noises()[1]);
    assert!(Joint::new(&laplace, &gaussian, 0.05).is_none());
    assert!(Joint::new(&laplace, &laplace, 1.0).is_none());
    assert_eq!(Joint::new(&laplace, &laplace, 0.05).unwrap().half_width(f64::NAN), None);
}

/// 40,000 draws: the sample sd is within 2% (its own standard error is 0.8% for Laplace), the mean within 4 standard errors, and the
/// interval covers at least 94.5%.
#[test]
fn samples_have_the_stated_spread() {
    for noise in noises() {
        let count = 40_000;
        let sample = OpenDp.perturb(&noise, &vec![1000; count]).unwrap();
        let n = count as f64;
        let mean = sample.iter().map(|x| *x as f64).sum::<f64>() / n;
        let sd = (sample.iter().map(|x| (*x as f64 - mean).powi(2)).sum::<f64>() / n).sqrt();
        assert!((sd / noise.sd() - 1.0).abs() < 0.04, "{noise:?}: {sd} against {}", noise.sd());
        assert!((mean - 1000.0).abs() < 5.0 * noise.sd() / n.sqrt(), "{noise:?}: {mean}");
        let w = half_width(&noise, 0.05).unwrap() as i64;
        let covered = sample.iter().filter(|x| (**x - 1000).abs() <= w).count() as f64 / n;
        assert!(covered >= 0.945, "{noise:?}: {covered}");
    }
}

#[test]
fn the_ends_of_the_integers_saturate() {
    let noise = noises()[0];
    let sample = OpenDp.perturb(&noise, &[i64::MAX, i64::MIN, 0]).unwrap();
    assert!(sample[0] > i64::MAX - 1000 && sample[1] < i64::MIN + 1000 && sample[2].abs() < 1000);
}

proptest! {
    /// The charge is what OpenDP's map says, within the price, and the scale is not wasteful.
    #[test]
    fn charges_are_within_the_price(l0 in 1u32..50, linf in 1u64..1_000_000_000, units in 1_000_000_000u128..4_000_000_000_000) {
        let bound = sensitivity(l0, linf);
        let price = Epsilon::from_units(units);
        if let Ok((noise, spent)) = Noise::laplace(&bound, price) {
            let map = laplace(noise.scale()).unwrap().map(&l1(&bound)).unwrap();
            prop_assert!(Epsilon::from_f64_up(map).unwrap() == spent && spent <= price);
            prop_assert!(noise.scale() <= l1(&bound) / price.to_f64_down() * (1.0 + 1e-9));
        }
        let price = Rho::from_units(units);
        if let Ok((noise, spent)) = Noise::gaussian(&bound, price) {
            let map = gaussian(noise.scale()).unwrap().map(&l2(&bound)).unwrap();
            prop_assert!(Rho::from_f64_up(map).unwrap() == spent && spent <= price);
        }
    }
}

/// Outside values: P(X ≥ t) of the discrete Gaussian and Laplace, summed.
#[test]
fn a_threshold_lets_one_person_pass_no_more_often_than_it_says() {
    for (price, l0, delta) in [("0.5", 1, "0.000001"), ("0.005", 3, "0.0000001"), ("0.02", 20, "0.0001")] {
        let (bound, within) = (sensitivity(l0, 1), delta.parse().unwrap());
        let (noise, rho) = Noise::gaussian(&bound, price.parse().unwrap()).unwrap();
        let (at, failure) = noise.threshold(&bound, within, 0).unwrap();
        let pmf = |x: i64| (-0.5 * (x as f64 / noise.scale()).powi(2)).exp();
        let reach = (noise.scale() * 39.0) as i64 + 1;
        let all: f64 = (-reach..=reach).map(pmf).sum();
        // All of the person's groups have the person alone.
        let passes = |at: i64| (at - 1..=reach).map(pmf).sum::<f64>() / all;
        let any = |at: i64| -f64::exp_m1(f64::from(l0) * (-passes(at)).ln_1p());
        assert!(any(at) <= failure.to_f64_up() && failure <= within, "{price} {l0}: {} against {failure}", any(at));
        // Half a step on the lattice is what the bound costs.
        assert!(any(at - 2) > within.to_f64_down(), "{price} {l0}: {}", any(at - 2));
        assert_eq!(super::threshold::cost(noise.scale(), at, &bound).unwrap().0, rho);
    }
}

/// OpenDP 0.16's own map at the threshold that it keeps groups from tells less than the truth. When this fails, it has been mended, and one
/// step of the threshold can be had back.
#[test]
fn opendps_map_is_one_step_short() {
    let bound = sensitivity(1, 1);
    let (noise, _) = Noise::gaussian(&bound, "0.5".parse().unwrap()).unwrap();
    let (_, told) = super::threshold::cost(noise.scale(), 5, &bound).unwrap();
    let (_, short) = super::threshold::cost(noise.scale(), 6, &bound).unwrap();
    // Scale 1, kept from 5 on: P(X ≥ 4) = 1.4e-4, which OpenDP tells as P(N ≥ 4) = 3.2e-5.
    let pmf = |x: i32| (-0.5 * f64::from(x).powi(2)).exp();
    let truth = (4..40).map(pmf).sum::<f64>() / (-40..40).map(pmf).sum::<f64>();
    assert!(short.to_f64_up() < truth && truth <= told.to_f64_up(), "{short} {truth} {told}");
    // And it does keep them from there on.
    let counts: std::collections::BTreeMap<u32, i64> = (0..400_000).map(|group| (group, 1)).collect();
    let kept = OpenDp.select(&noise, 5, &counts).unwrap();
    assert!(kept.values().all(|count| *count >= 5) && kept.values().any(|count| *count == 5));
    let rate = kept.len() as f64 / 400_000.0;
    assert!((rate / truth - 1.0).abs() < 0.5, "{rate} against {truth}");
}

#[test]
fn how_far_noise_reaches_upwards() {
    for noise in noises() {
        let pmf = |x: i64| match noise.kind() {
            Kind::Pure => (-(x.abs() as f64) / noise.scale()).exp(),
            Kind::Zcdp => (-0.5 * (x as f64 / noise.scale()).powi(2)).exp(),
        };
        let reach = (noise.scale() * 60.0) as i64 + 60;
        let all: f64 = (-reach..=reach).map(pmf).sum();
        let from = |t: i64| (t..=reach).map(pmf).sum::<f64>() / all;
        for alpha in [0.3, 0.01, 1e-6] {
            let t = noise.reach_up(alpha).unwrap();
            assert!(from(t) <= alpha * (1.0 + 1e-9), "{noise:?} {alpha} {t}");
            assert!(t == 1 || from(t - 1) > alpha * (1.0 - 1e-6), "{noise:?} {alpha} {t}");
        }
    }
}

#[test]
fn a_delta_too_small_for_any_threshold_is_refused() {
    let bound = sensitivity(5, 1);
    let (noise, _) = Noise::gaussian(&bound, "0.5".parse().unwrap()).unwrap();
    assert_eq!(noise.threshold(&bound, policies::Delta::from_units(3), 0), Err(MechanismError::TooNoisy));
    let (laplace, _) = Noise::laplace(&bound, epsilon("1")).unwrap();
    assert_eq!(laplace.threshold(&bound, "0.1".parse().unwrap(), 0), Err(MechanismError::Failed));
}
