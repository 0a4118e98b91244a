//! With how many decimals values are written. Not how wrong they are.

use super::answer::Value;
use crate::formula::Estimate;
use crate::plan::{OutputKind, Plan, Statistic};

/// Decimals that a value is written with.
pub(super) fn decimals(plan: &Plan, what: &OutputKind) -> i32 {
    let digits = |number: &usize| plan.statistics().get(*number).map_or(0, |s: &Statistic| i32::from(s.digits));
    match what {
        OutputKind::Count(number) => digits(number),
        OutputKind::Sum { sum, .. } => digits(sum),
        OutputKind::Mean { sum, .. } => digits(sum) + 2,
        OutputKind::Variance { sum, .. } => 2 * digits(sum) + 2,
        OutputKind::Quantile { bins, .. } => digits(bins) + 1,
        OutputKind::Bin { .. } | OutputKind::Key(_) => 0,
        _ => 6,
    }
}

/// Intervals are rounded outwards; None for what is no number.
pub(super) fn rounded(estimate: &Estimate, places: i32) -> Option<Value> {
    let Estimate { value, sd, interval, population } = estimate;
    let all = [*value, *sd, interval.0, interval.1, population.0, population.1];
    all.iter().all(|number| number.is_finite()).then(|| Value {
        value: near(*value, places),
        sd: near(*sd, places + 2),
        interval: [down(interval.0, places), up(interval.1, places)],
        population: [down(population.0, places), up(population.1, places)],
    })
}

/// 10^places beyond what doubles hold exactly is left alone.
pub(super) fn near(value: f64, places: i32) -> f64 {
    let power = 10f64.powi(places);
    if value.abs() * power > 1e15 { value } else { (value * power).round() / power }
}

/// A hair of slack, so that what is exactly on the grid stays there.
fn down(value: f64, places: i32) -> f64 {
    let power = 10f64.powi(places);
    if value.abs() * power > 1e15 { value.next_down() } else { (value * power + 1e-9).floor() / power }
}

fn up(value: f64, places: i32) -> f64 {
    let power = 10f64.powi(places);
    if value.abs() * power > 1e15 { value.next_up() } else { (value * power - 1e-9).ceil() / power }
}
