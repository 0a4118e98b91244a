//! How a price is shared out. Not the noise and not the price.
//!
//! Objective: the sum over outputs of (variance of the noise) / (its variance at even split), each output linearised at a typical cell.
//! With qᵢ the part of it that statistic i brings at even split, Laplace noise has Σ qᵢ/εᵢ² under Σ εᵢ = ε, least at εᵢ ∝ qᵢ^(1/3); Gaussian
//! noise has Σ qᵢ/ρᵢ under Σ ρᵢ = ρ, least at ρᵢ ∝ qᵢ^(1/2).

use policies::Kind;

use crate::formula::{Tree, weights};
pub(super) use crate::formula::{range, typical};
use crate::mechanism::{l1, l2};
use crate::plan::{Condition, OutputKind, Plan, Sensitivity};

/// What the number of persons counts for where it only decides what is suppressed: an eighth of the noise's sd, squared.
const DECIDES: f64 = 1.0 / 64.0;
/// Shares are whole numbers of this.
const WHOLE: f64 = 1e9;

/// Relative parts of the price, one per statistic; of levels that are apart, each as it were alone.
pub(super) fn shares(plan: &Plan, account: Kind, sensitivities: &[Sensitivity]) -> Vec<u64> {
    let levels = sensitivities.chunks(plan.statistics().len().max(1));
    let power = match account {
        Kind::Pure => 1.0 / 3.0,
        Kind::Zcdp => 0.5,
    };
    // Nothing is released for nothing: a statistic that no output rests on still gets a little.
    let raised: Vec<f64> =
        levels.flat_map(|level| worth(plan, account, level)).map(|q| q.max(1e-6).powf(power)).collect();
    let all: f64 = raised.iter().sum();
    raised.into_iter().map(|share| ((share / all * WHOLE).round() as u64).max(1)).collect()
}

/// qᵢ of the statistics.
fn worth(plan: &Plan, account: Kind, sensitivities: &[Sensitivity]) -> Vec<f64> {
    let mut sum = vec![0.0; sensitivities.len()];
    if let Some(persons) = sum.first_mut() {
        *persons = DECIDES;
    }
    let distance = |sensitivity: &Sensitivity| match account {
        Kind::Pure => l1(sensitivity),
        Kind::Zcdp => l2(sensitivity),
    };
    for what in shown(plan) {
        let mut own: Vec<f64> = weights(plan, what);
        own.iter_mut().zip(sensitivities).for_each(|(weight, s)| *weight = (*weight * distance(s)).powi(2));
        let all: f64 = own.iter().sum();
        if all > 0.0 && all.is_finite() {
            sum.iter_mut().zip(&own).for_each(|(sum, own)| *sum += own / all);
        }
    }
    sum
}

/// Every output that is computed, also for HAVING and ORDER BY alone.
fn shown(plan: &Plan) -> Vec<&OutputKind> {
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

/// Statistics that quantiles are read from get the tree whose ranks have the least error at equal price; others their bins as they are.
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
