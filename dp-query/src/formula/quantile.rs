//! Quantiles from noisy counts by bin. The rank error of every boundary is known beforehand; what can't be told from the quantile's rank is
//! in the interval. No density is estimated, and no value of a person is ever looked at.

use super::{Cell, Estimate, Tree};
use crate::mechanism::{Tails, normal_tail};
use crate::plan::{Bins, Statistic};
use crate::quote::{Line, grid};

/// What is the same in every cell: how far the noisy rank of each boundary may be off.
pub(super) struct Ranks {
    bins: Bins,
    digits: u8,
    share: f64,
    tree: Tree,
    z: f64,
    reach: Vec<f64>,
    sd: Vec<f64>,
}

impl Ranks {
    pub(super) fn new(
        statistic: &Statistic,
        line: &Line,
        millionths: u32,
        alpha: f64,
        copies: u32,
        tails: &Tails,
    ) -> Option<Self> {
        let share = f64::from(millionths) / 1e6;
        let squares = line.tree.spread(share);
        let squares: Vec<f64> = squares.into_iter().map(|square| square * f64::from(copies)).collect();
        let reach = squares.iter().map(|square| tails.many(&line.noise, *square, alpha));
        Some(Self {
            bins: statistic.bins()?.clone(),
            digits: statistic.digits,
            share,
            tree: line.tree,
            z: tails.normal(alpha)?,
            reach: reach.collect::<Option<_>>()?,
            sd: squares.iter().map(|square| square.sqrt() * line.noise.sd()).collect(),
        })
    }

    /// The quantile θ is the least value with at least share·N persons at or below it. It lies in bin J with F(J − 1) < share·N ≤ F(J), F
    /// counting the persons up to a bin's end. The interval runs from the first bin of which F ≥ share·N can't be excluded to the last of
    /// which F(J − 1) < share·N can't, each at alpha/2: it misses J only if one of two noisy ranks is further off than its reach.
    pub(super) fn estimate(&self, cell: &Cell, statistic: usize) -> Option<Estimate> {
        let leaves = self.tree.settle(cell.noisy.get(statistic)?);
        let all: f64 = leaves.iter().sum();
        // F − share·N at every boundary, from below the first bin on.
        let mut below = 0.0;
        let mut apart = vec![-self.share * all];
        for leaf in &leaves {
            below += leaf;
            apart.push(below - self.share * all);
        }
        // Ranks of a sample of n are off by a binomial's sd, √(n p (1 − p)), on top.
        let sampling = self.z * (all.max(0.0) * self.share * (1.0 - self.share)).sqrt();
        let bounds = |extra: f64| {
            let wide = |at: usize| self.reach.get(at).copied().unwrap_or(f64::INFINITY).hypot(extra);
            let may = |at: usize| apart.get(at).copied().unwrap_or(0.0);
            let first = (0..leaves.len()).find(|bin| may(bin + 1) >= -wide(bin + 1));
            let last = (0..leaves.len()).rev().find(|bin| may(*bin) <= wide(*bin));
            (first.unwrap_or(leaves.len() - 1), last.unwrap_or(0))
        };
        let least = |bin: usize| self.bins.ends(bin).0.map(|value| value as f64);
        let most = |bin: usize| self.bins.ends(bin).1.map(|value| value as f64);
        let (first, last) = bounds(0.0);
        let (wide_first, wide_last) = bounds(sampling);
        let value = self.centre(&apart)?;
        let unit = grid(self.digits);
        let interval = (least(first)?.min(value) / unit, most(last)?.max(value) / unit);
        let population = (least(wide_first)?.min(value) / unit, most(wide_last)?.max(value) / unit);
        // The rank's noise, in values: what a normal law with this interval would have.
        let sd = (interval.1 - interval.0) / (2.0 * self.z);
        Some(Estimate { value: value / unit, sd, interval, population })
    }

    /// Mean of where the quantile lies, as far as the noisy ranks tell: in a bin at or before j with probability Φ(apart/sd of j's upper end),
    /// never falling with j. Where noise leaves two or three neighbours open it lies between them, with less error than naming one has;
    /// without noise it is the bin. Within a bin: where the ranks cross, else its end that is nearer to the crossing.
    fn centre(&self, apart: &[f64]) -> Option<f64> {
        let bins = self.tree.leaves;
        let (mut value, mut before) = (0.0, 0.0);
        for bin in 0..bins {
            let (from, to) = (*apart.get(bin)?, *apart.get(bin + 1)?);
            let until = match self.sd.get(bin + 1)? {
                _ if bin + 1 == bins => 1.0,
                sd if *sd > 0.0 => normal_tail(-to / sd).max(before),
                _ if to >= 0.0 => 1.0,
                _ => before,
            };
            let (least, most) = self.bins.ends(bin);
            let part = if to > from { (-from / (to - from)).clamp(0.0, 1.0) } else { 0.5 };
            let (least, most) = (least? as f64, most? as f64);
            value += (until - before) * (least + part * (most - least));
            before = until;
        }
        Some(value)
    }
}
