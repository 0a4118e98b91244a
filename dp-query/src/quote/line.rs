//! One statistic's noise: on which integers it lies, and how the statistic comes from them. Not how the price is shared out.

use policies::{Epsilon, Rho};
use serde::Serialize;

use crate::formula::Tree;
use crate::mechanism::Noise;
use crate::plan::Sensitivity;

/// How a statistic's noisy value comes from what gets noise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// Noise on the statistic's own integers.
    Own,
    /// A sum S together with the number n of the persons who add to it: noise on times · Σ(x − lo) = times · (S − lo·n) and on
    /// Σ(hi − x) = hi·n − S. What moves the one up moves the other down, so that with times = 1 a person moves both together by hi − lo:
    /// where lo = 0, no more than the sum alone, and the number comes free.
    Pair {
        /// The number.
        count: usize,
        /// Least x, in grid units.
        lo: i64,
        /// Greatest x, in grid units.
        hi: i64,
        /// 1, or more where rows are bounded over all groups, so that not every x can be the greatest.
        times: u32,
    },
    /// The number in the pair of this sum; no noise of its own.
    Counted(usize),
    /// Everybody in the bins of this statistic; no noise of its own.
    Binned(usize),
    /// The same as this number; no noise of its own.
    Same(usize),
    /// So many persons as these rows need at least, where a person has at most `most` of them in a cell; no noise of its own.
    AtLeast {
        /// The rows.
        rows: usize,
        /// Rows per person and cell.
        most: i64,
    },
}

/// One statistic's noise, and where it comes from.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Line {
    /// On what the noise lies.
    pub basis: Basis,
    /// How far one person can move what gets noise: the statistic's integers, all nodes of its tree, or both numbers of its pair. Where the
    /// statistic has no noise of its own, how far one person moves it.
    pub sensitivity: Sensitivity,
    /// Which counts by bin get noise; one bin and one level for statistics without bins.
    pub tree: Tree,
    /// The noise; where the statistic has none of its own, that of the one it comes from.
    pub noise: Noise,
    /// Standard deviation of the noisy statistic (of statistics with bins: of one count) in grid units.
    pub sd: f64,
    /// Of this noise alone, by OpenDP's map, rounded up; zero in a zCDP room, and where the noise is another's.
    pub epsilon: Epsilon,
    /// Of this noise alone, rounded up.
    pub rho: Rho,
}

impl Basis {
    /// Whether noise is drawn for it.
    #[must_use]
    pub const fn has_noise(self) -> bool {
        matches!(self, Basis::Own | Basis::Pair { .. })
    }
}

impl Line {
    /// Noisy integers per cell.
    pub(crate) fn width(&self) -> usize {
        match self.basis {
            Basis::Own => self.tree.nodes(),
            Basis::Pair { .. } => 2,
            Basis::Counted(_) | Basis::Binned(_) | Basis::Same(_) | Basis::AtLeast { .. } => 0,
        }
    }
}

/// A weight of one noisy integer of a cell: (statistic, place among its noisy integers, weight).
pub(crate) type Weight = (usize, usize, f64);

/// weight · statistic\[slot\] in terms of the integers that get noise. `of` knows each statistic's basis, `tree` its tree.
pub(crate) fn spread(
    (statistic, slot, weight): Weight,
    of: &dyn Fn(usize) -> Option<Basis>,
    tree: &dyn Fn(usize) -> Option<Tree>,
    into: &mut Vec<Weight>,
) -> Option<()> {
    let mut put = |statistic: usize, place: usize, weight: f64| match into
        .iter_mut()
        .find(|known| (known.0, known.1) == (statistic, place))
    {
        Some(known) => known.2 += weight,
        None => into.push((statistic, place, weight)),
    };
    match of(statistic)? {
        Basis::Own => put(statistic, slot, weight),
        // S = (hi·U/times + lo·V) / (hi − lo).
        Basis::Pair { lo, hi, times, .. } => {
            let wide = width(lo, hi);
            put(statistic, 0, weight * hi as f64 / (wide * f64::from(times)));
            put(statistic, 1, weight * lo as f64 / wide);
        }
        // n = (U/times + V) / (hi − lo).
        Basis::Counted(sum) => {
            let Basis::Pair { lo, hi, times, .. } = of(sum)? else { return None };
            let wide = width(lo, hi);
            put(sum, 0, weight / (wide * f64::from(times)));
            put(sum, 1, weight / wide);
        }
        Basis::Binned(bins) => {
            for (node, of_all) in tree(bins)?.total().into_iter().enumerate() {
                put(bins, node, weight * of_all);
            }
        }
        Basis::Same(number) => spread((number, 0, weight), of, tree, into)?,
        Basis::AtLeast { rows, most } => spread((rows, 0, weight / most.max(1) as f64), of, tree, into)?,
    }
    Some(())
}

/// What was bought: a noise and its price.
pub(super) type Bought = Option<(Noise, Epsilon, Rho)>;

/// The lines of one level.
pub(super) fn lines(
    bases: &[Basis],
    trees: &[Tree],
    sensitivities: &[Sensitivity],
    bought: &[Bought],
) -> Option<Vec<Line>> {
    let of = |number: usize| bases.get(number).copied();
    let line = |number: usize| {
        let basis = of(number)?;
        let mut from = number;
        while let Some(
            Basis::Counted(next) | Basis::Binned(next) | Basis::Same(next) | Basis::AtLeast { rows: next, .. },
        ) = of(from)
        {
            from = next;
        }
        let (noise, epsilon, rho) = (*bought.get(from)?)?;
        let sd = if basis == Basis::Own {
            noise.sd()
        } else {
            let mut places = Vec::new();
            spread((number, 0, 1.0), &of, &|number| trees.get(number).copied(), &mut places)?;
            places.iter().map(|(_, _, weight)| weight.powi(2)).sum::<f64>().sqrt() * noise.sd()
        };
        let (epsilon, rho) = if basis.has_noise() { (epsilon, rho) } else { (Epsilon::ZERO, Rho::ZERO) };
        let (sensitivity, tree) = (*sensitivities.get(number)?, *trees.get(number)?);
        Some(Line { basis, sensitivity, tree, noise, sd, epsilon, rho })
    };
    (0..bases.len()).map(line).collect()
}

/// hi − lo.
fn width(lo: i64, hi: i64) -> f64 {
    (i128::from(hi) - i128::from(lo)).max(1) as f64
}

/// The exact integers that get noise, of a pair with sum S and number n.
pub(crate) fn paired(sum: i128, count: i128, (lo, hi, times): (i64, i64, u32)) -> [i128; 2] {
    let low = sum.saturating_sub(i128::from(lo).saturating_mul(count)).saturating_mul(i128::from(times));
    [low, i128::from(hi).saturating_mul(count).saturating_sub(sum)]
}

/// Drops what is left of terms that cancel.
pub(crate) fn tidy(weights: &mut Vec<Weight>) {
    let most = weights.iter().map(|weight| weight.2.abs()).fold(0.0, f64::max);
    weights.retain(|weight| weight.2.abs() > most * 1e-12);
}
