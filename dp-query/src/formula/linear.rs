//! Outputs as sums of statistics and quotients of such sums: the forms whose intervals have closed laws. Everything else is put together
//! from these by interval arithmetic (see [`super`]).

use crate::plan::{FormulaOp, OutputKind, Plan, StatisticKind};
use crate::quote::grid;

/// Σ weight · statistic[slot] + constant, in the output's own units.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Linear {
    pub(super) terms: Vec<(usize, usize, f64)>,
    pub(super) constant: f64,
}

impl Linear {
    fn of(statistic: usize, slot: usize, weight: f64) -> Self {
        Self { terms: vec![(statistic, slot, weight)], constant: 0.0 }
    }

    fn scaled(mut self, factor: f64) -> Self {
        self.terms.iter_mut().for_each(|term| term.2 *= factor);
        self.constant *= factor;
        self
    }

    /// self + factor · other.
    pub(super) fn plus(mut self, other: &Self, factor: f64) -> Self {
        for (statistic, slot, weight) in &other.terms {
            match self.terms.iter_mut().find(|term| (term.0, term.1) == (*statistic, *slot)) {
                Some(term) => term.2 += factor * weight,
                None => self.terms.push((*statistic, *slot, factor * weight)),
            }
        }
        self.constant += factor * other.constant;
        self
    }

    fn known(&self) -> Option<f64> {
        self.terms.is_empty().then_some(self.constant)
    }

    /// Bounds of what one person of a cell adds to it, `of` giving those of one statistic.
    pub(super) fn contribution(&self, of: &dyn Fn(usize) -> (f64, f64)) -> (f64, f64) {
        self.terms.iter().fold((0.0, 0.0), |(lo, hi), (statistic, _, weight)| {
            let (a, b) = of(*statistic);
            let (a, b) = (a * weight, b * weight);
            (lo + a.min(b), hi + a.max(b))
        })
    }
}

/// A quotient of two sums.
#[derive(Debug, Clone)]
pub(super) struct Fraction {
    pub(super) over: Linear,
    pub(super) under: Linear,
    /// Where it lies whatever the data, if that is known.
    pub(super) range: Option<(f64, f64)>,
    /// A count of persons, each of whom adds exactly 1 to it and whatever they add to `over`; those who aren't in it add nothing.
    pub(super) members: Option<usize>,
}

/// An output as a sum.
pub(super) fn linear(plan: &Plan, what: &OutputKind) -> Option<Linear> {
    let statistic = |number: usize| plan.statistics().get(number);
    match what {
        OutputKind::Count(number) => Some(Linear::of(*number, 0, 1.0 / grid(statistic(*number)?.digits))),
        OutputKind::Sum { sum, count } => {
            let found = statistic(*sum)?;
            let unit = grid(found.digits);
            let plain = Linear::of(*sum, 0, 1.0 / unit);
            Some(match count {
                Some(count) if found.centre != 0 => plain.plus(&Linear::of(*count, 0, 1.0), found.centre as f64 / unit),
                _ => plain,
            })
        }
        OutputKind::Bin { bins, bin } => Some(Linear::of(*bins, *bin, 1.0)),
        OutputKind::Constant { mantissa, digits } => {
            Some(Linear { terms: Vec::new(), constant: *mantissa as f64 / grid(*digits) })
        }
        OutputKind::Arithmetic { op, left, right } => {
            let (left, right) = (linear(plan, left)?, linear(plan, right)?);
            match (op, left.known(), right.known()) {
                (FormulaOp::Add, ..) => Some(left.plus(&right, 1.0)),
                (FormulaOp::Subtract, ..) => Some(left.plus(&right, -1.0)),
                (FormulaOp::Multiply, _, Some(factor)) => Some(left.scaled(factor)),
                (FormulaOp::Multiply, Some(factor), None) => Some(right.scaled(factor)),
                (FormulaOp::Divide, _, Some(by)) if by != 0.0 => Some(left.scaled(1.0 / by)),
                _ => None,
            }
        }
        _ => None,
    }
}

/// An output as a quotient of sums.
pub(super) fn fraction(plan: &Plan, what: &OutputKind) -> Option<Fraction> {
    match what {
        OutputKind::Mean { sum, count } => {
            let found = plan.statistics().get(*sum)?;
            let mut mean = about(plan, *sum, *count)?;
            let centre = found.centre as f64 / grid(found.digits);
            mean.over = mean.over.plus(&mean.under, centre);
            mean.range = mean.range.map(|(lo, hi)| (lo + centre, hi + centre));
            Some(mean)
        }
        OutputKind::Arithmetic { op: FormulaOp::Divide, left, right } => {
            let (left_sum, right_sum) = (linear(plan, left), linear(plan, right)?);
            if let Some(by) = right_sum.known() {
                return (by != 0.0).then(|| fraction(plan, left).map(|f| f.scaled(1.0 / by)))?;
            }
            let over = left_sum?;
            let members = persons(plan, &right_sum);
            let range = members.filter(|_| over.constant == 0.0).map(|_| {
                let (lo, hi) = over.contribution(&|number| contribution(plan, number));
                let weight = right_sum.terms.first().map_or(1.0, |term| term.2);
                ((lo / weight).min(hi / weight), (lo / weight).max(hi / weight))
            });
            Some(Fraction { over, under: right_sum, range, members })
        }
        OutputKind::Arithmetic { op, left, right } => {
            let known = |what| linear(plan, what).and_then(|sum| sum.known());
            match (op, known(left), known(right)) {
                (FormulaOp::Multiply, Some(factor), _) => Some(fraction(plan, right)?.scaled(factor)),
                (FormulaOp::Multiply, _, Some(factor)) => Some(fraction(plan, left)?.scaled(factor)),
                (FormulaOp::Add, Some(more), _) => Some(fraction(plan, right)?.moved(more)),
                (FormulaOp::Add, _, Some(more)) => Some(fraction(plan, left)?.moved(more)),
                (FormulaOp::Subtract, Some(from), _) => Some(fraction(plan, right)?.scaled(-1.0).moved(from)),
                (FormulaOp::Subtract, _, Some(less)) => Some(fraction(plan, left)?.moved(-less)),
                _ => None,
            }
        }
        _ => None,
    }
}

/// Mean of a centred statistic about its centre.
pub(super) fn about(plan: &Plan, sum: usize, count: usize) -> Option<Fraction> {
    let found = plan.statistics().get(sum)?;
    let unit = grid(found.digits);
    Some(Fraction {
        over: Linear::of(sum, 0, 1.0 / unit),
        under: Linear::of(count, 0, 1.0),
        range: Some((found.lo as f64 / unit, found.hi as f64 / unit)),
        members: Some(count),
    })
}

impl Fraction {
    fn scaled(mut self, factor: f64) -> Self {
        self.over = self.over.scaled(factor);
        self.range = self.range.map(|(lo, hi)| ((lo * factor).min(hi * factor), (lo * factor).max(hi * factor)));
        self
    }

    fn moved(mut self, more: f64) -> Self {
        self.over = self.over.plus(&self.under, more);
        self.range = self.range.map(|(lo, hi)| (lo + more, hi + more));
        self
    }
}

/// Statistic 0, if that is all there is.
fn persons(plan: &Plan, sum: &Linear) -> Option<usize> {
    match (sum.terms.as_slice(), sum.constant) {
        ([(number, _, weight)], 0.0) if *weight > 0.0 => {
            let kind = plan.statistics().get(*number)?.kind;
            (kind == StatisticKind::Persons).then_some(*number)
        }
        _ => None,
    }
}

/// Bounds of what one person of a cell adds to a statistic, in grid units.
pub(super) fn contribution(plan: &Plan, number: usize) -> (f64, f64) {
    match plan.statistics().get(number) {
        Some(found) if found.kind == StatisticKind::Persons => (1.0, 1.0),
        // A person adds 0 where there is no value.
        Some(found) => ((found.lo as f64).min(0.0), (found.hi as f64).max(0.0)),
        None => (0.0, 0.0),
    }
}

/// What one person adds to a statistic where values are typical: the middle of the bounds.
pub(crate) fn typical(statistic: &crate::plan::Statistic) -> f64 {
    match statistic.kind {
        StatisticKind::Persons | StatisticKind::NonNull | StatisticKind::Rows => statistic.hi.min(1) as f64,
        // Evenly spread values within ±r have squares with mean r²/3.
        StatisticKind::Squares => {
            (statistic.lo as f64 + statistic.hi as f64 + statistic.centre as f64) / 3.0
                - statistic.centre as f64 * 2.0 / 3.0
        }
        StatisticKind::Sum | StatisticKind::Bins => (statistic.lo as f64 + statistic.hi as f64) / 2.0,
    }
}

/// Where a quotient lies whatever the data.
pub(crate) fn range(plan: &Plan, what: &OutputKind) -> Option<(f64, f64)> {
    fraction(plan, what)?.range
}

/// How the statistics' noise moves an output, linearised halfway between the middle of the bounds and their upper end (in the middle itself a
/// mean would not feel the noise of its count): sums of signed weights, (statistic, slot, weight), whose squares add up.
pub(crate) fn directions(plan: &Plan, what: &OutputKind) -> Vec<Vec<(usize, usize, f64)>> {
    let nominal = |sum: &Linear| {
        let of = |number: &usize| {
            let statistic = plan.statistics().get(*number);
            statistic.map_or(0.0, |s| match s.kind {
                StatisticKind::Persons | StatisticKind::NonNull => 1.0,
                _ => (s.lo as f64 + 3.0 * s.hi as f64) / 4.0,
            })
        };
        sum.terms.iter().map(|(number, _, weight)| weight * of(number)).sum::<f64>()
    };
    if let Some(sum) = linear(plan, what) {
        return vec![sum.terms];
    }
    if let Some(quotient) = fraction(plan, what) {
        let under = nominal(&quotient.under);
        let theta = if under == 0.0 { 0.0 } else { nominal(&quotient.over) / under };
        return vec![quotient.over.plus(&quotient.under, -theta).terms];
    }
    match what {
        OutputKind::Variance { sum, squares, count, .. } => {
            // Of q/n − (s/n)² with |s/n| = r/4: 1, −r/2, −r²/4.
            let reach = plan.statistics().get(*sum).map_or(1.0, |s| (s.hi - s.lo) as f64 / 2.0);
            vec![vec![(*squares, 0, 1.0), (*sum, 0, -reach / 2.0), (*count, 0, -reach * reach / 4.0)]]
        }
        OutputKind::Quantile { bins: number, .. } | OutputKind::Survival { table: number, .. } => {
            vec![vec![(*number, 0, 1.0)]]
        }
        OutputKind::Arithmetic { left, right, .. } => {
            let mut all = directions(plan, left);
            all.extend(directions(plan, right));
            all
        }
        _ => Vec::new(),
    }
}
