#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use super::*;
use crate::plan::Options;
use crate::run::fixture::{PURE, ZCDP, count, options, plan};

#[test]
fn the_price_is_what_was_asked_and_the_parts_fit_into_it() {
    let plan = plan(options("1"), 1);
    let quote = quote(&plan, &PURE).unwrap();
    assert_eq!(*quote.price(), Price::pure("1".parse().unwrap()).unwrap());
    assert_eq!(quote.plan().as_bytes(), &plan.digest().unwrap());
    assert_eq!(quote.minimum_persons(), 10);
    let parts: u128 = quote.lines().iter().map(|line| line.epsilon.units()).sum();
    assert!(parts <= 1_000_000_000_000 && parts > 999_999_999_000);
    // ε/4 each: scale = sensitivity · 4.
    let scales: Vec<f64> = quote.lines().iter().map(|line| line.noise.scale()).collect();
    assert_eq!(scales, [4.0, 800.0, 4.0, 28.0]);
}

#[test]
fn more_groups_per_person_need_more_noise() {
    let one = quote(&plan(options("1"), 1), &PURE).unwrap();
    let three = quote(&plan(options("1"), 3), &PURE).unwrap();
    for (one, three) in one.lines().iter().zip(three.lines()) {
        assert_eq!(three.noise.scale(), 3.0 * one.noise.scale());
    }
}

#[test]
fn a_gaussian_quote_holds_epsilon_and_delta() {
    let mut wanted = options("1");
    let missing = quote(&plan(wanted.clone(), 1), &ZCDP).unwrap_err();
    assert_eq!(missing, QuoteError::DeltaNeeded);
    wanted.delta = Some("0.000001".to_owned());
    let quote = quote(&plan(wanted, 1), &ZCDP).unwrap();
    let price = quote.price();
    let total: u128 = quote.lines().iter().map(|line| line.rho.units()).sum();
    assert_eq!(price.rho().units(), total);
    let alone = OpenDpAccountant.epsilon(price.rho(), price.delta()).unwrap();
    assert!(alone <= price.epsilon() && alone.to_f64_up() > 0.999_99);
    assert_eq!((price.epsilon().to_string(), price.failure()), ("1".to_owned(), Delta::ZERO));
    // σ² = k·Δ²/2ρ, four statistics.
    let sigma = quote.lines()[0].noise.scale();
    assert!((sigma * sigma - 4.0 / (2.0 * price.rho().to_f64_up())).abs() < 1e-6 * sigma * sigma);
}

#[test]
fn the_stated_error_is_that_of_the_noise() {
    let plan = plan(options("1"), 1);
    let quote = quote(&plan, &PURE).unwrap();
    let Expected::Margin { sd, half_width } = quote.expected()[1] else { panic!() };
    // Discrete Laplace, scale 4: P(|X| > 11) = 2e^(−12/4)/(1 + e^(−1/4)) = 0.0560, P(|X| > 12) = 0.0436.
    assert_eq!(half_width, 12.0);
    assert!((sd - 4.0 * 2f64.sqrt()).abs() < 0.05);
    assert_eq!(quote.expected()[0], Expected::Exact);
    assert_eq!(quote.expected()[2], Expected::PerPersons);
    assert!(matches!(quote.expected()[3], Expected::Margin { .. }));
    let wide = quote.mean_half_width(&plan, 2, 1_000).unwrap();
    let narrow = quote.mean_half_width(&plan, 2, 10_000).unwrap();
    assert!((wide / narrow - 10.0).abs() < 1e-9);
    // ± 3 · 800 / 1000 / 10
    assert!((wide - 0.24).abs() < 0.002, "{wide}");
    assert_eq!(quote.mean_half_width(&plan, 2, 20), None);
    assert_eq!(quote.mean_half_width(&plan, 1, 1_000), None);
}

#[test]
fn a_margin_is_solved_to_the_least_price() {
    for terms in [PURE, ZCDP] {
        let wanted = |margin: &str| Options {
            margin: Some((margin.to_owned(), "0.95".to_owned())),
            delta: Some("0.000001".to_owned()),
            ..Options::default()
        };
        let solved = quote(&count(wanted("50")), &terms).unwrap();
        let Expected::Margin { half_width, .. } = solved.expected()[1] else { panic!() };
        assert!(half_width <= 50.0, "{half_width}");
        // One unit of the third digit cheaper misses it.
        let units = solved.price().epsilon().units();
        let digit = 10u128.pow(units.ilog10() - 2);
        let cheaper = Epsilon::from_units(units - digit).to_string();
        let mut options = wanted("50");
        options.margin = None;
        options.epsilon = Some(cheaper);
        let cheaper = quote(&count(options), &terms).unwrap();
        let Expected::Margin { half_width, .. } = cheaper.expected()[1] else { panic!() };
        assert!(half_width > 50.0, "{half_width}");
    }
    // Laplace: 2e^(−51ε)/(1 + e^(−ε)) = 0.05 at ε = 0.0593…
    let pure = Options { margin: Some(("50".to_owned(), "0.95".to_owned())), ..Options::default() };
    let price = quote(&count(pure), &PURE).unwrap().price().epsilon().to_f64_up();
    assert!((0.059..0.0600).contains(&price), "{price}");
}

#[test]
fn impossible_margins_are_refused() {
    let margin = |margin: &str, confidence: &str| {
        let options = Options { margin: Some((margin.to_owned(), confidence.to_owned())), ..Options::default() };
        quote(&count(options), &PURE)
    };
    assert!(matches!(margin("0.5", "0.999999999"), Err(QuoteError::MarginTooNarrow { .. })));
    assert!(matches!(margin("x", "0.95"), Err(QuoteError::Option { option: "target_margin", .. })));
    assert!(matches!(margin("-1", "0.95"), Err(QuoteError::Option { option: "target_margin", .. })));
    assert!(matches!(margin("50", "1"), Err(QuoteError::Option { option: "confidence", .. })));
    let mut mean = plan(Options { margin: Some(("50".to_owned(), "0.95".to_owned())), ..Options::default() }, 1);
    mean.outputs.remove(1);
    assert_eq!(quote(&mean, &PURE), Err(QuoteError::MarginOfMean));
}

#[test]
fn bad_options_are_named() {
    for (text, option) in [("x", "epsilon"), ("-1", "epsilon"), ("0.0000000000001", "epsilon")] {
        let error = quote(&count(options(text)), &PURE).unwrap_err();
        assert!(matches!(error, QuoteError::Option { option: found, .. } if found == option), "{error}");
    }
    assert!(matches!(quote(&count(options("0")), &PURE), Err(QuoteError::Price(PriceError::Free))));
}

#[test]
fn the_greater_minimum_holds() {
    let with = |minimum| Options { min_privacy_units_per_group: Some(minimum), ..options("1") };
    assert_eq!(quote(&count(with(5)), &PURE).unwrap().minimum_persons(), 10);
    assert_eq!(quote(&count(with(50)), &PURE).unwrap().minimum_persons(), 50);
}

#[test]
fn too_large_an_epsilon_is_told_the_limit() {
    let limit = |plan: &Plan, terms: &Terms| match quote(plan, terms) {
        Err(error @ QuoteError::TooLarge { limit, .. }) => {
            assert!(error.to_string().contains(&format!("the limit is epsilon = {limit}")), "{error}");
            limit
        }
        other => panic!("{other:?}"),
    };
    // Laplace: scale = sensitivity · statistics / ε ≥ 0.05, so ε ≤ 20 for one count and 80 for four statistics.
    let huge = format!("1{}", "0".repeat(40));
    for asked in ["20.1", "1000", "1000001", "1000000000000", &huge] {
        assert_eq!(limit(&count(options(asked)), &PURE).to_string(), "20", "{asked}");
    }
    assert_eq!(limit(&plan(options("81"), 1), &PURE).to_string(), "80");
    // At the limit there is a price.
    assert!(quote(&count(options("20")), &PURE).is_ok());
    let gaussian = |epsilon: &str| Options { delta: Some("0.000001".to_owned()), ..options(epsilon) };
    let most = limit(&count(gaussian("1000")), &ZCDP);
    assert!(quote(&count(gaussian(&most.to_string())), &ZCDP).is_ok());
    let more = Epsilon::from_units(most.units() / 100 * 102).to_string();
    assert_eq!(limit(&count(gaussian(&more)), &ZCDP), most);
}
