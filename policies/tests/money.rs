//! Amounts are exact, and whatever was a float is rounded up.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use policies::{Delta, Epsilon, MoneyError, Price, PriceError, Rho};
use proptest::prelude::*;

#[test]
fn texts_are_exact_and_strict() {
    let half: Epsilon = "0.5".parse().unwrap();
    assert_eq!(half.units(), 500_000_000_000);
    assert_eq!(half.to_string(), "0.5");
    assert_eq!("10".parse::<Epsilon>().unwrap().to_string(), "10");
    assert_eq!("0.000000000000000001".parse::<Delta>().unwrap().units(), 1);
    assert_eq!("007.50".parse::<Rho>().unwrap().to_string(), "7.5");
    for wrong in ["", ".", "1.", ".5", "-1", "+1", "1e3", " 1", "1 ", "１", "1,5", "0x1", "NaN", "1.2.3"] {
        assert_eq!(wrong.parse::<Epsilon>(), Err(MoneyError::Form), "{wrong}");
    }
    assert_eq!("0.0000000000001".parse::<Epsilon>(), Err(MoneyError::Places(12)));
    assert_eq!("9".repeat(40).parse::<Epsilon>(), Err(MoneyError::Range));
    assert_eq!(serde_json::to_string(&half).unwrap(), "\"0.5\"");
    assert_eq!(serde_json::from_str::<Epsilon>("\"0.5\"").unwrap(), half);
    assert!(serde_json::from_str::<Epsilon>("0.5").is_err());
}

#[test]
fn floats_round_up() {
    // 0.1 as f64 is 0.1000000000000000055511…: one unit of 10^-12 above 0.1.
    assert_eq!(Epsilon::from_f64_up(0.1).unwrap().units(), 100_000_000_001);
    assert_eq!(Epsilon::from_f64_down(0.1).unwrap().units(), 100_000_000_000);
    assert_eq!(Epsilon::from_f64_up(0.5).unwrap().units(), 500_000_000_000);
    assert_eq!(Epsilon::from_f64_up(0.0).unwrap(), Epsilon::ZERO);
    assert_eq!(Epsilon::from_f64_up(f64::MIN_POSITIVE).unwrap().units(), 1);
    assert_eq!(Epsilon::from_f64_up(5e-324).unwrap().units(), 1);
    assert_eq!(Delta::from_f64_up(1e-300).unwrap().units(), 1);
    assert_eq!(Epsilon::from_f64_up(9_007_199_254_740_992.0).unwrap().to_string(), "9007199254740992");
    for wrong in [f64::NAN, f64::INFINITY, -1.0] {
        assert_eq!(Epsilon::from_f64_up(wrong), Err(MoneyError::Number));
    }
    assert_eq!(Epsilon::from_f64_up(f64::MAX), Err(MoneyError::Range));
    assert!(Epsilon::MAX.to_f64_down() > 1e26);
    assert!(Epsilon::MAX.to_f64_up() > 1e26);
}

#[test]
fn pure_releases_cost_half_the_square_in_zcdp() {
    let rho = |text: &str| Rho::of_pure(text.parse().unwrap()).unwrap();
    assert_eq!(rho("1").to_string(), "0.5");
    assert_eq!(rho("0.1").to_string(), "0.005");
    // (10^-12)²/2 is far below the unit: it still costs one.
    assert_eq!(rho("0.000000000001").units(), 1);
    assert_eq!(Rho::of_pure(Epsilon::MAX), None);
}

#[test]
fn only_consistent_prices_exist() {
    let (one, tiny) = ("1".parse().unwrap(), "0.000001".parse().unwrap());
    let rho: Rho = "0.02".parse().unwrap();
    assert_eq!(Price::pure(Epsilon::ZERO), Err(PriceError::Free));
    assert_eq!(Price::pure(Epsilon::MAX), Err(PriceError::Range));
    assert_eq!(Price::pure(one).unwrap().rho().to_string(), "0.5");
    assert_eq!(Price::zcdp(one, tiny, Rho::ZERO, Delta::ZERO), Err(PriceError::Free));
    assert_eq!(Price::zcdp(Epsilon::ZERO, tiny, rho, Delta::ZERO), Err(PriceError::Free));
    assert_eq!(Price::zcdp(one, Delta::ZERO, rho, Delta::ZERO), Err(PriceError::Delta));
    assert_eq!(Price::zcdp(one, "1".parse().unwrap(), rho, Delta::ZERO), Err(PriceError::Delta));
    assert_eq!(Price::zcdp(one, tiny, rho, "0.1".parse().unwrap()), Err(PriceError::Delta));
    let gaussian = Price::zcdp(one, tiny, rho, tiny).unwrap();
    // Written and read again; a price whose numbers contradict each other can't be read.
    let text = serde_json::to_string(&gaussian).unwrap();
    assert_eq!(serde_json::from_str::<Price>(&text).unwrap(), gaussian);
    assert!(serde_json::from_str::<Price>(&text.replace("zcdp", "pure")).is_err());
    let text = serde_json::to_string(&Price::pure(one).unwrap()).unwrap();
    assert_eq!(serde_json::from_str::<Price>(&text).unwrap(), Price::pure(one).unwrap());
    assert!(serde_json::from_str::<Price>(&text.replace("0.5", "0.4")).is_err());
}

proptest! {
    #[test]
    fn written_and_read_again(units in any::<u128>()) {
        let delta = Delta::from_units(units);
        prop_assert_eq!(delta.to_string().parse::<Delta>().unwrap(), delta);
        let epsilon = Epsilon::from_units(units);
        prop_assert_eq!(epsilon.to_string().parse::<Epsilon>().unwrap(), epsilon);
    }

    /// f64 → amount brackets, amount → f64 brackets: with exact comparison on the other side.
    #[test]
    fn rounding_brackets(value in 0.0f64..1e9, units in 0u128..1_000_000_000_000_000_000_000) {
        let (down, up) = (Epsilon::from_f64_down(value).unwrap(), Epsilon::from_f64_up(value).unwrap());
        prop_assert!(up.units() - down.units() <= 1);
        prop_assert!(down.to_f64_down() <= value && value <= up.to_f64_up());
        let amount = Epsilon::from_units(units);
        prop_assert!(Epsilon::from_f64_up(amount.to_f64_down()).unwrap() <= amount);
        prop_assert!(Epsilon::from_f64_down(amount.to_f64_up()).unwrap() >= amount);
        prop_assert!(amount.to_f64_up() - amount.to_f64_down() <= 4.0 * f64::EPSILON * amount.to_f64_up());
    }

    /// Against exact decimal expansion: an f64 below 2^52 with 20 binary places has at most 20 decimal places.
    #[test]
    fn agrees_with_exact_decimals(numerator in 0u64..(1 << 50)) {
        let value = numerator as f64 / 1_048_576.0;
        let exact = u128::from(numerator) * 10u128.pow(12);
        prop_assert_eq!(Epsilon::from_f64_up(value).unwrap().units(), exact.div_ceil(1_048_576));
        prop_assert_eq!(Epsilon::from_f64_down(value).unwrap().units(), exact / 1_048_576);
    }
}
