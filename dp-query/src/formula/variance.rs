//! Variance over persons from the centred sum and the centred sum of squares. What is squared are distances from the middle of the bounds,
//! so that neither statistic is larger than it must be.

use super::linear::about;
use super::{Cell, Desk, Estimate};

/// E(x − c)² − (E(x − c))², each with its share of alpha.
pub(super) fn estimate(
    desk: &Desk<'_>,
    (sum, squares, count): (usize, usize, usize),
    (sample, root): (bool, bool),
    cell: &Cell,
    alpha: f64,
) -> Option<Estimate> {
    let shares = if sample { 3.0 } else { 2.0 };
    let mean = desk.quotient(&about(desk.plan, sum, count)?, cell, alpha / shares)?;
    let what = crate::plan::OutputKind::Mean { sum: squares, count };
    let square = desk.within(&what, cell, alpha / shares)?;
    let n = cell.at(count, 0).max(2.0);
    // n/(n − 1) over the interval of n.
    let (widest, narrowest, middle) = if sample {
        let (_, reach) = desk.margin(&crate::plan::OutputKind::Count(count), alpha / shares, cell.copies)?;
        let factor = |n: f64| n / (n - 1.0);
        (factor((n - reach).max(2.0)), factor(n + reach), factor(n))
    } else {
        (1.0, 1.0, 1.0)
    };
    // Popoviciu 1935: the variance of values within [lo, hi] is at most a quarter of (hi − lo)².
    let found = desk.plan.statistics().get(sum)?;
    let reach = (found.hi - found.lo) as f64 / 2.0 / crate::quote::grid(found.digits);
    let most = reach * reach;
    let bounds = |square: (f64, f64), mean: (f64, f64)| {
        let (a, b) = (mean.0.powi(2), mean.1.powi(2));
        let least = if mean.0 <= 0.0 && mean.1 >= 0.0 { 0.0 } else { a.min(b) };
        let low = ((square.0 - a.max(b)).clamp(0.0, most)) * narrowest;
        let high = (square.1 - least).clamp(0.0, most) * widest;
        if root { (low.sqrt(), high.sqrt()) } else { (low, high) }
    };
    let variance = (square.value - mean.value.powi(2)).clamp(0.0, most) * middle;
    let sd = square.sd.hypot(2.0 * mean.value * mean.sd) * middle;
    // d√v = dv / 2√v.
    let (value, sd) =
        if root { (variance.sqrt(), sd / (2.0 * variance.sqrt()).max(sd.sqrt())) } else { (variance, sd) };
    let (interval, population) = (bounds(square.interval, mean.interval), bounds(square.population, mean.population));
    Some(Estimate { value, sd: if sd.is_finite() { sd } else { 0.0 }, interval, population })
}
