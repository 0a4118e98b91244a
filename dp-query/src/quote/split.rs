//! How a price is shared out. Not the noise and not the price.
//!
//! Objective: the sum over outputs of (variance of the noise) / (its variance at even split, noise on every statistic's own integers), each
//! output linearised at a typical cell. With qᵢ the part of it that noise i brings at even split, Laplace noise has Σ qᵢ/εᵢ² under Σ εᵢ = ε,
//! least at εᵢ ∝ qᵢ^(1/3), where it is (Σ qᵢ^(1/3))³/ε²; Gaussian noise has Σ qᵢ/ρᵢ under Σ ρᵢ = ρ, least at ρᵢ ∝ qᵢ^(1/2).

use policies::Kind;

use crate::formula::Tree;
pub(super) use crate::formula::{range, typical};
use crate::plan::{Condition, OutputKind, Plan};

/// What the number of persons counts for where it only decides what is suppressed: a sixteenth of the noise's sd, squared.
pub(super) const DECIDES: f64 = 1.0 / 256.0;
/// Shares are whole numbers of this.
const WHOLE: f64 = 1e9;

/// 1/3 or 1/2.
pub(super) const fn power(account: Kind) -> f64 {
    match account {
        Kind::Pure => 1.0 / 3.0,
        Kind::Zcdp => 0.5,
    }
}

/// A qᵢ, raised. Nothing is released for nothing: a statistic that no output rests on still gets a little.
pub(super) fn raised(account: Kind, q: f64) -> f64 {
    q.max(1e-6).powf(power(account))
}

/// Relative parts of the price of these qᵢ; 0 where there is no noise.
pub(super) fn shares(account: Kind, worth: &[f64], noisy: &[bool]) -> Vec<u64> {
    let each = worth.iter().zip(noisy);
    let raised: Vec<f64> = each.map(|(q, noisy)| if *noisy { raised(account, *q) } else { 0.0 }).collect();
    let all: f64 = raised.iter().sum();
    let part = |share: f64| ((share / all * WHOLE).round() as u64).max(1);
    raised.into_iter().zip(noisy).map(|(share, noisy)| if *noisy { part(share) } else { 0 }).collect()
}

/// Every output that is computed, also for HAVING and ORDER BY alone.
pub(super) fn shown(plan: &Plan) -> Vec<&OutputKind> {
    let mut list: Vec<&OutputKind> = plan.outputs().iter().map(|output| &output.what).collect();
    let mut conditions: Vec<&Condition> = plan.view().having.iter().collect();
    let mut more = Vec::new();
    while let Some(condition) = conditions.pop() {
        match condition {
            Condition::Compare { left, right, .. } => more.extend([left, right]),
            Condition::And(parts) | Condition::Or(parts) => conditions.extend(parts),
            Condition::Not(inner) => conditions.push(inner),
        }
    }
    more.extend(plan.view().order.iter().map(|order| &order.by));
    for what in more {
        if !list.contains(&what) {
            list.push(what);
        }
    }
    list
}

/// By statistic. Those that quantiles are read from get the tree whose ranks have the least error at equal price; others their bins as they are.
pub(super) fn trees(plan: &Plan, account: Kind) -> Vec<Tree> {
    let mut ranked = vec![false; plan.statistics().len()];
    for what in shown(plan) {
        mark(what, &mut ranked);
    }
    let statistics = plan.statistics().iter().zip(&ranked);
    statistics
        .map(|(statistic, ranked)| match statistic.slots() {
            slots if *ranked => Tree::best(slots, account == Kind::Pure),
            slots => Tree::flat(slots),
        })
        .collect()
}

fn mark(what: &OutputKind, ranked: &mut [bool]) {
    match what {
        OutputKind::Quantile { bins, .. } => {
            if let Some(ranked) = ranked.get_mut(*bins) {
                *ranked = true;
            }
        }
        OutputKind::Arithmetic { left, right, .. } => {
            mark(left, ranked);
            mark(right, ranked);
        }
        _ => {}
    }
}
