//! What a released value is worth: the value of an output in one cell, its noise and its intervals, computed from noisy statistics only.
//! Not the price and not the noise itself.
//!
//! Sums of statistics and quotients of such sums have intervals by the law of exactly their noise (quotients: Fieller 1954). Everything
//! else is arithmetic over several of these, each of which is given its share of alpha, so that all hold together; interval arithmetic
//! then holds whenever they do (Bonferroni).

mod gather;
mod linear;
mod quantile;
mod survival;
mod tree;
mod variance;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

pub(crate) use gather::gathered;
use linear::{Fraction, Linear, contribution, fraction, linear};
pub(crate) use linear::{directions, range, typical};
use quantile::Ranks;
pub(crate) use survival::{Table, log_rank};
pub use tree::Tree;

use crate::mechanism::{Tails, Term};
use crate::plan::{Condition, FormulaOp, OutputKind, Plan};
use crate::quote::{ALPHA, Basis, Line, spread, tidy};
use crate::relation::CompareOp;

/// Where it is written that a quantile can be had: of MIN and MAX, and of the ends of APPROX_QUANTILES. In millionths.
pub(crate) const EXTREMES: (u32, u32) = (10_000, 990_000);

/// A noisy value and how far it may be off, in the output's own units.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Estimate {
    pub(crate) value: f64,
    /// Of the noise.
    pub(crate) sd: f64,
    /// Holds what the same formula gives without noise.
    pub(crate) interval: (f64, f64),
    /// Holds it for the population of which the persons are a random sample.
    pub(crate) population: (f64, f64),
}

impl Estimate {
    /// The same with another value, which the intervals then hold too.
    pub(crate) fn with(self, value: f64) -> Self {
        let hold = |(low, high): (f64, f64)| (low.min(value), high.max(value));
        Self { value, interval: hold(self.interval), population: hold(self.population), ..self }
    }
}

/// One cell's noisy statistics (sums over `copies` cells of the finest level).
pub(crate) struct Cell {
    /// By statistic, then by slot; statistics in a tree have their nodes. Whole numbers but where a statistic is made of several noisy ones.
    pub(crate) noisy: Vec<Vec<f64>>,
    pub(crate) copies: u32,
}

impl Cell {
    fn at(&self, statistic: usize, slot: usize) -> f64 {
        self.noisy.get(statistic).and_then(|slots| slots.get(slot)).copied().unwrap_or(0.0)
    }

    /// Statistic 0.
    pub(crate) fn persons(&self) -> f64 {
        self.at(0, 0)
    }
}

/// What was found once, by what it depends on.
type Known = BTreeMap<(usize, u32, u64, u32), Rc<Ranks>>;

/// A plan with its noise, and what is the same in every cell.
pub(crate) struct Desk<'a> {
    plan: &'a Plan,
    lines: &'a [Line],
    tails: Tails,
    ranks: RefCell<Known>,
}

impl<'a> Desk<'a> {
    pub(crate) fn new(plan: &'a Plan, lines: &'a [Line]) -> Self {
        Self { plan, lines, tails: Tails::default(), ranks: RefCell::default() }
    }

    /// An output in one cell, with intervals of 95%; None where the noise leaves no statement.
    pub(crate) fn estimate(&self, what: &OutputKind, cell: &Cell) -> Option<Estimate> {
        self.within(what, cell, ALPHA)
    }

    /// ± of an output whose error is the same in every cell: (sd, half width).
    pub(crate) fn margin(&self, what: &OutputKind, alpha: f64, copies: u32) -> Option<(f64, f64)> {
        let sum = linear(self.plan, what)?;
        let terms = self.terms(&sum, copies)?;
        Some((Tails::sd(&terms), self.tails.reach(&terms, alpha)?))
    }

    /// The value of an output that is a sum.
    pub(crate) fn sum_of(&self, what: &OutputKind, cell: &Cell) -> Option<f64> {
        Some(self.value(&linear(self.plan, what)?, cell))
    }

    /// Whether the error is the same in every cell.
    pub(crate) fn is_sum(plan: &Plan, what: &OutputKind) -> bool {
        linear(plan, what).is_some()
    }

    /// A condition over released values; None where a value has no statement.
    pub(crate) fn holds(&self, condition: &Condition, cell: &Cell) -> Option<bool> {
        match condition {
            Condition::Compare { op, left, right } => {
                let (left, right) = (self.estimate(left, cell)?.value, self.estimate(right, cell)?.value);
                Some(match op {
                    CompareOp::Equal => left == right,
                    CompareOp::NotEqual => left != right,
                    CompareOp::Less => left < right,
                    CompareOp::LessEqual => left <= right,
                    CompareOp::Greater => left > right,
                    CompareOp::GreaterEqual => left >= right,
                })
            }
            Condition::Not(inner) => self.holds(inner, cell).map(|holds| !holds),
            Condition::And(parts) => self.all(parts, cell, false),
            Condition::Or(parts) => self.all(parts, cell, true),
        }
    }

    /// Three-valued: a part that is `decisive` decides.
    fn all(&self, parts: &[Condition], cell: &Cell, decisive: bool) -> Option<bool> {
        let parts: Vec<Option<bool>> = parts.iter().map(|part| self.holds(part, cell)).collect();
        if parts.contains(&Some(decisive)) {
            return Some(decisive);
        }
        (!parts.contains(&None)).then_some(!decisive)
    }

    fn terms(&self, sum: &Linear, copies: u32) -> Option<Vec<Term>> {
        let basis = |statistic: usize| self.lines.get(statistic).map(|line| line.basis);
        let tree = |statistic: usize| self.lines.get(statistic).map(|line| line.tree);
        let mut places = Vec::with_capacity(sum.terms.len());
        for term in &sum.terms {
            spread(*term, &basis, &tree, &mut places)?;
        }
        tidy(&mut places);
        let term = |(statistic, _, weight): &(usize, usize, f64)| {
            Some(Term { weight: *weight, noise: self.lines.get(*statistic)?.noise, copies })
        };
        places.iter().map(term).collect()
    }

    fn within(&self, what: &OutputKind, cell: &Cell, alpha: f64) -> Option<Estimate> {
        if let Some(sum) = linear(self.plan, what) {
            return self.sum(&sum, cell, alpha);
        }
        if let Some(quotient) = fraction(self.plan, what) {
            return self.quotient(&quotient, cell, alpha);
        }
        match what {
            OutputKind::Variance { sum, squares, count, sample, root } => {
                variance::estimate(self, (*sum, *squares, *count), (*sample, *root), cell, alpha)
            }
            OutputKind::Quantile { bins, millionths } => {
                self.ranks(*bins, *millionths, alpha, cell.copies)?.estimate(cell, *bins)
            }
            OutputKind::Survival { table, bucket } => {
                let slots = cell.noisy.get(*table)?;
                let noise = self.lines.get(*table)?.noise;
                let z = self.tails.normal(alpha)?;
                Table::new(slots, noise.sd() * f64::from(cell.copies).sqrt())?.estimate(*bucket, z)
            }
            OutputKind::Arithmetic { op, left, right } => {
                let (a, b) = (parts(self.plan, left), parts(self.plan, right));
                let share = |n: usize| alpha * n as f64 / (a + b).max(1) as f64;
                combine(*op, &self.within(left, cell, share(a))?, &self.within(right, cell, share(b))?)
            }
            _ => None,
        }
    }

    fn sum(&self, sum: &Linear, cell: &Cell, alpha: f64) -> Option<Estimate> {
        let value = self.value(sum, cell);
        let terms = self.terms(sum, cell.copies)?;
        if terms.is_empty() {
            return Some(Estimate { value, sd: 0.0, interval: (value, value), population: (value, value) });
        }
        let reach = self.tails.reach(&terms, alpha)?;
        let z = self.tails.normal(alpha)?;
        let population = match sum.terms.as_slice() {
            [only] => {
                // Among others' variance a step of the lattice counts less than the noise's own.
                let reach = reach.max(z * Tails::sd(&terms));
                self.one(*only, value - sum.constant, reach, z, cell).map(|end| end + sum.constant)
            }
            several => {
                // sd(Σ wᵢSᵢ) ≤ Σ |wᵢ| sd(Sᵢ), whatever their dependence.
                let sampling: f64 =
                    several.iter().map(|term| term.2.abs() * self.spread_of(*term, z, cell).sqrt()).sum();
                let wide = reach.hypot(z * sampling);
                [value - wide, value + wide]
            }
        };
        let interval = (value - reach, value + reach);
        let population = (population[0].min(interval.0), population[1].max(interval.1));
        Some(Estimate { value, sd: Tails::sd(&terms), interval, population })
    }

    /// The population's interval of weight · one statistic: all μ with (value − μ)² ≤ reach² + z² · variance(μ) (the score interval, Wilson
    /// 1927: a plugged-in variance says nothing where the noisy value is near zero).
    fn one(&self, term: (usize, usize, f64), value: f64, reach: f64, z: f64, cell: &Cell) -> [f64; 2] {
        let (statistic, _, weight) = term;
        match self.plan.statistics().get(statistic) {
            // Contributions x within [0, hi] have Σ Var x ≤ Σ E x² ≤ hi · Σ E x = hi · μ / weight.
            Some(found) if found.lo >= 0 => {
                let (side, half) = (weight.signum(), 0.5 * z * z * weight.abs() * found.hi as f64);
                // Half a contribution more on either side, since there are none but whole ones.
                let step = 0.5 * weight.abs() * found.hi as f64;
                let (value, known) = (side * value, (side * value).max(0.0));
                let root = (half * half + 2.0 * half * known + reach * reach).sqrt();
                let ends = [side * (value + half - root - step), side * (known + half + root + step)];
                if side < 0.0 { [ends[1], ends[0]] } else { ends }
            }
            _ => {
                let wide = reach.hypot(z * weight.abs() * self.spread_of(term, z, cell).sqrt());
                [value - wide, value + wide]
            }
        }
    }

    /// An upper bound of a statistic's sampling variance in a cell, from public bounds and noisy numbers.
    fn spread_of(&self, (statistic, slot, _): (usize, usize, f64), z: f64, cell: &Cell) -> f64 {
        let Some(found) = self.plan.statistics().get(statistic) else { return 0.0 };
        let (lo, hi) = (found.lo as f64, found.hi as f64);
        if lo >= 0.0 {
            hi * (cell.at(statistic, slot).max(0.0) + 0.25 * z * z * hi)
        } else {
            lo.abs().max(hi.abs()).powi(2) * self.most_persons(cell).max(0.0)
        }
    }

    /// Persons of a cell, or more: where statistic 0 is fewer than there are, the rows that it comes from.
    fn most_persons(&self, cell: &Cell) -> f64 {
        match self.lines.first().map(|line| line.basis) {
            Some(Basis::AtLeast { most, .. }) => cell.persons() * most as f64,
            _ => cell.persons(),
        }
    }

    fn value(&self, sum: &Linear, cell: &Cell) -> f64 {
        sum.terms.iter().map(|(statistic, slot, weight)| weight * cell.at(*statistic, *slot)).sum::<f64>()
            + sum.constant
    }

    /// Fieller's interval: all θ for which over − θ·under is no further from zero than the noise of exactly that combination reaches.
    /// Joint, and as wide as it must be; where `under` is too small for a statement it is the whole range, or none.
    fn quotient(&self, quotient: &Fraction, cell: &Cell, alpha: f64) -> Option<Estimate> {
        let Fraction { over, under, range, members } = quotient;
        let (a, b) = (self.value(over, cell), self.value(under, cell));
        let within = |theta: f64| range.map_or(theta, |(lo, hi)| theta.clamp(lo, hi));
        // Numbers of persons below one are noise.
        let b_safe = if members.is_some() { b.max(1.0) } else { b };
        let smallest = 2.0 * self.tails.reach(&self.terms(under, cell.copies)?, alpha)?
            + 2.0 * under.terms.iter().map(|term| term.2.abs()).fold(0.0, f64::max);
        let clear = b.abs() > smallest;
        if b_safe == 0.0 || (!clear && range.is_none()) {
            return None;
        }
        let value = within(a / b_safe);
        let (low, high) = match range {
            Some(range) if !clear || b < 0.0 => *range,
            _ => {
                // From this `under` on, |over − θ·under| grows faster in θ than the noise's reach: what is accepted is one interval.
                let accepted = |theta: f64| {
                    let apart = over.clone().plus(under, -theta);
                    let reach = self.tails.reach(&self.terms(&apart, cell.copies)?, alpha)?;
                    Some((a - theta * b).abs() <= reach)
                };
                let unit =
                    self.tails.reach(&self.terms(&over.clone().plus(under, -a / b), cell.copies)?, alpha)? / b.abs();
                let start = if unit > 0.0 { unit } else { 1.0 / b.abs() };
                (within(edge(a / b, -start, &accepted)?), within(edge(a / b, start, &accepted)?))
            }
        };
        // The score interval, as in `one`.
        let z = self.tails.normal(alpha)?;
        let accepted = |theta: f64| {
            let reach = if theta < value { value - low } else { high - value };
            let (sampling, step) = self.sampling(quotient, theta, cell);
            Some((theta - value).abs() <= reach.hypot(z * sampling) + step)
        };
        let start = (high - low).max(1.0 / b_safe.abs());
        // Where every θ is accepted, `under` says little: the variance at the value.
        let (plain, _) = self.sampling(quotient, value, cell);
        let plain = z * plain;
        let end =
            |step: f64, side: f64| edge(value, step, &accepted).unwrap_or(value + side.hypot(plain).copysign(step));
        let wide = (within(end(-start, value - low)), within(end(start, high - value)));
        let sd = Tails::sd(&self.terms(&over.clone().plus(under, -value), cell.copies)?) / b_safe.abs();
        Some(Estimate { value, sd, interval: (low, high), population: (wide.0.min(low), wide.1.max(high)) })
    }

    /// Standard deviation from sampling, bounded by the public bounds of contributions: a − θb has mean 0 within [l, u], so its variance is
    /// at most −l·u (Bhatia and Davis 2000). And half of what one person can change.
    fn sampling(&self, quotient: &Fraction, theta: f64, cell: &Cell) -> (f64, f64) {
        let apart = quotient.over.clone().plus(&quotient.under, -theta);
        let of = |number: usize| {
            if quotient.members == Some(number) { (1.0, 1.0) } else { contribution(self.plan, number) }
        };
        let (l, u) = apart.contribution(&of);
        let persons = quotient.members.map_or_else(|| self.most_persons(cell), |number| cell.at(number, 0)).max(1.0);
        let under = self.value(&quotient.under, cell).abs();
        let under = if quotient.members.is_some() { under.max(1.0) } else { under };
        let variance = if l <= 0.0 && u >= 0.0 { -l * u } else { l.abs().max(u.abs()).powi(2) };
        ((persons * variance).sqrt() / under, 0.5 * (u - l) / under)
    }

    fn ranks(&self, bins: usize, millionths: u32, alpha: f64, copies: u32) -> Option<Rc<Ranks>> {
        let key = (bins, millionths, alpha.to_bits(), copies);
        let known = self.ranks.borrow().get(&key).cloned();
        known.or_else(|| {
            let (statistic, line) = (self.plan.statistics().get(bins)?, self.lines.get(bins)?);
            let made = Rc::new(Ranks::new(statistic, line, millionths, alpha, copies, &self.tails)?);
            self.ranks.borrow_mut().insert(key, Rc::clone(&made));
            Some(made)
        })
    }
}

/// How many sums, quotients and the like an output is made of.
fn parts(plan: &Plan, what: &OutputKind) -> usize {
    match what {
        OutputKind::Arithmetic { left, right, .. }
            if linear(plan, what).is_none() && fraction(plan, what).is_none() =>
        {
            parts(plan, left) + parts(plan, right)
        }
        OutputKind::Constant { .. } => 0,
        _ => 1,
    }
}

/// Interval arithmetic; the sd by the delta method, the parts taken as independent. None for a divisor that could be zero.
fn combine(op: FormulaOp, a: &Estimate, b: &Estimate) -> Option<Estimate> {
    let apply = |x: f64, y: f64| match op {
        FormulaOp::Add => x + y,
        FormulaOp::Subtract => x - y,
        FormulaOp::Multiply => x * y,
        FormulaOp::Divide => x / y,
    };
    let bounds = |a: (f64, f64), b: (f64, f64)| {
        if op == FormulaOp::Divide && b.0 <= 0.0 && b.1 >= 0.0 {
            return None;
        }
        let corners = [apply(a.0, b.0), apply(a.0, b.1), apply(a.1, b.0), apply(a.1, b.1)];
        Some((
            corners.iter().copied().fold(f64::INFINITY, f64::min),
            corners.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        ))
    };
    let sd = match op {
        FormulaOp::Add | FormulaOp::Subtract => a.sd.hypot(b.sd),
        FormulaOp::Multiply => (a.sd * b.value).hypot(a.value * b.sd),
        FormulaOp::Divide => (a.sd / b.value).hypot(a.value * b.sd / b.value.powi(2)),
    };
    let interval = bounds(a.interval, b.interval)?;
    let value = apply(a.value, b.value);
    value.is_finite().then_some(())?;
    // Where sampling leaves a divisor's sign open, nothing can be said of the population; the interval for the noise still holds.
    let population = bounds(a.population, b.population)?;
    Some(Estimate { value, sd, interval, population })
}

/// The far end, `step` away from `middle` and further, of the interval of accepted numbers around it; errs outwards.
fn edge(middle: f64, step: f64, accepted: &dyn Fn(f64) -> Option<bool>) -> Option<f64> {
    let mut inside = 0.0;
    let mut outside = step;
    while accepted(middle + outside)? {
        inside = outside;
        outside *= 2.0;
        if !outside.is_finite() {
            return None;
        }
    }
    for _ in 0..30 {
        let half = 0.5 * (inside + outside);
        if accepted(middle + half)? {
            inside = half;
        } else {
            outside = half;
        }
    }
    Some(middle + outside)
}

#[cfg(test)]
mod tests;
