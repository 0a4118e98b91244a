//! Counts by bin in a tree: the counts of ever coarser bins get noise of their own, so that a range of many bins is the sum of few noises;
//! and the estimate that makes all levels agree. Exact counts go in before the noise and noisy ones come out behind it; no noise here.

use serde::Serialize;

/// Every level but the finest sums `branching` neighbouring bins of the next; the coarsest has no parent. One level: the bins as they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Tree {
    /// Bins.
    pub leaves: usize,
    /// Children per node.
    pub branching: usize,
    /// Levels, the finest included. One person changes one count in each.
    pub levels: u32,
}

impl Tree {
    /// No coarser levels.
    pub(crate) fn flat(leaves: usize) -> Self {
        Self { leaves, branching: leaves.max(2), levels: 1 }
    }

    pub(crate) fn new(leaves: usize, branching: usize, levels: u32) -> Self {
        Self { leaves, branching: branching.max(2), levels: levels.max(1) }
    }

    /// Nodes of a level; 0 is the coarsest.
    fn width(&self, level: u32) -> usize {
        let under = self.branching.saturating_pow(self.levels.saturating_sub(1).saturating_sub(level));
        self.leaves.div_ceil(under.max(1))
    }

    /// Nodes of all levels.
    pub(crate) fn nodes(&self) -> usize {
        (0..self.levels).map(|level| self.width(level)).sum()
    }

    /// Counts of all nodes, coarsest level first.
    pub(crate) fn grow(&self, leaves: &[i128]) -> Vec<i128> {
        let mut levels = vec![leaves.to_vec()];
        for _ in 1..self.levels {
            let finer = levels.last().map_or(&[][..], Vec::as_slice);
            levels.push(finer.chunks(self.branching).map(|chunk| chunk.iter().sum()).collect());
        }
        levels.reverse();
        levels.concat()
    }

    /// Noisy counts of the bins such that all levels agree: weighted least squares, in two passes (Hay, Rastogi, Miklau and Suciu 2010).
    /// Where a node has fewer children than the others, the weights are not the best ones, but the estimate stays unbiased.
    pub(crate) fn settle(&self, nodes: &[f64]) -> Vec<f64> {
        let mut levels: Vec<Vec<f64>> = Vec::new();
        let mut at = 0;
        for level in 0..self.levels {
            let width = self.width(level);
            levels.push(nodes.get(at..at + width).map_or_else(|| vec![0.0; width], <[f64]>::to_vec));
            at += width;
        }
        let b = self.branching as f64;
        let Some(mut below) = levels.pop() else { return Vec::new() };
        let mut up: Vec<Vec<f64>> = vec![below.clone()];
        for (height, own) in (2_i32..).zip(levels.iter().rev()) {
            let (full, less) = (b.powi(height), b.powi(height - 1));
            let weight = (full - less) / (full - 1.0);
            let sums = below.chunks(self.branching).map(|chunk| chunk.iter().sum::<f64>());
            below = own.iter().zip(sums).map(|(own, sum)| weight * own + (1.0 - weight) * sum).collect();
            up.push(below.clone());
        }
        let Some(mut settled) = up.pop() else { return Vec::new() };
        while let Some(finer) = up.pop() {
            let mut next = finer.clone();
            for ((parent, own), chunk) in
                settled.iter().zip(finer.chunks(self.branching)).zip(next.chunks_mut(self.branching))
            {
                let share = (parent - own.iter().sum::<f64>()) / own.len().max(1) as f64;
                chunk.iter_mut().for_each(|count| *count += share);
            }
            settled = next;
        }
        settled
    }

    /// Weights of every node's noise in each bin's estimate: by node, then by bin.
    pub(crate) fn weights(&self) -> Vec<Vec<f64>> {
        let nodes = self.nodes();
        let mut unit = vec![0.0; nodes];
        (0..nodes)
            .map(|node| {
                if let Some(one) = unit.get_mut(node) {
                    *one = 1.0;
                }
                let weights = self.settle(&unit);
                if let Some(one) = unit.get_mut(node) {
                    *one = 0.0;
                }
                weights
            })
            .collect()
    }

    /// Weights of every node's noise in the estimate of all bins together.
    pub(crate) fn total(&self) -> Vec<f64> {
        if self.levels == 1 {
            return vec![1.0; self.leaves];
        }
        self.weights().into_iter().map(|bins| bins.into_iter().sum()).collect()
    }

    /// Per boundary between bins, Σ of squared noise weights of (count below the boundary) − share · (count of all).
    pub(crate) fn spread(&self, share: f64) -> Vec<f64> {
        let mut squares = vec![0.0; self.leaves + 1];
        for weights in self.weights() {
            let all: f64 = weights.iter().sum();
            let mut below = 0.0;
            let ends = std::iter::once(0.0).chain(weights.iter().copied());
            for (square, weight) in squares.iter_mut().zip(ends) {
                below += weight;
                *square += (below - share * all).powi(2);
            }
        }
        squares
    }

    /// The tree with the smallest mean square error of ranks at equal price: noise of scale proportional to the levels (`pure`), or to
    /// their root.
    pub(crate) fn best(leaves: usize, pure: bool) -> Self {
        let mut best = Self::flat(leaves);
        let error = |tree: &Self| {
            let levels = f64::from(tree.levels);
            let factor = if pure { levels * levels } else { levels };
            factor * tree.spread(0.5).iter().sum::<f64>()
        };
        let mut least = error(&best);
        for branching in [2, 3, 4, 6, 8, 12, 16, 24] {
            let mut levels = 1;
            while branching < leaves && levels < 10 {
                levels += 1;
                let top = leaves.div_ceil(branching.saturating_pow(levels - 1));
                let tree = Self::new(leaves, branching, levels);
                let found = error(&tree);
                if found < least {
                    (best, least) = (tree, found);
                }
                if top <= branching {
                    break;
                }
            }
        }
        best
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Without noise the estimate is the counts; a person more changes one node a level.
        #[test]
        fn exact_counts_come_back(leaves in prop::collection::vec(0i128..1000, 1..60), branching in 2usize..9, levels in 1u32..5, at in any::<prop::sample::Index>()) {
            let tree = Tree::new(leaves.len(), branching, levels);
            let grown = tree.grow(&leaves);
            prop_assert_eq!(grown.len(), tree.nodes());
            let settled = tree.settle(&grown.iter().map(|n| *n as f64).collect::<Vec<_>>());
            for (settled, leaf) in settled.iter().zip(&leaves) {
                prop_assert!((settled - *leaf as f64).abs() < 1e-6);
            }
            let mut more = leaves.clone();
            more[at.index(leaves.len())] += 1;
            let moved: Vec<i128> = tree.grow(&more).iter().zip(&grown).map(|(a, b)| (a - b).abs()).filter(|d| *d > 0).collect();
            prop_assert_eq!(moved, vec![1; levels as usize]);
        }
    }

    /// Hay et al. 2010, Figure 2 and Theorem 4: with two leaves under a noisy root, each leaf is its own count plus half of what is missing,
    /// weighted by a third.
    #[test]
    fn least_squares_of_two_leaves() {
        // Levels: one root, two leaves. z(root) = 2/3·y(root) + 1/3·(y(a) + y(b)).
        let tree = Tree::new(2, 2, 2);
        let settled = tree.settle(&[10.0, 3.0, 4.0]);
        let root = 2.0 / 3.0 * 10.0 + 1.0 / 3.0 * 7.0;
        assert!((settled[0] - (3.0 + (root - 7.0) / 2.0)).abs() < 1e-12);
        assert!((settled[1] - (4.0 + (root - 7.0) / 2.0)).abs() < 1e-12);
    }

    #[test]
    fn many_bins_want_a_tree_and_few_do_not() {
        assert_eq!(Tree::best(4, true).levels, 1);
        assert!(Tree::best(512, true).levels > 1);
        assert!(Tree::best(512, false).levels >= Tree::best(512, true).levels);
    }
}
