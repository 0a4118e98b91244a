//! On which integers the noise lies: on each statistic's own, on pairs of a sum and its number, and which numbers of persons come for nothing
//! out of others. Chosen, before there is a price, as what makes the objective of `split` least. Not the noise.

use policies::Kind;

use super::line::{Basis, Weight, spread};
use super::split::{self, DECIDES};
use crate::formula::{Tree, directions};
use crate::mechanism::{l1, l2};
use crate::plan::{OutputKind, Plan, Reduction, Sensitivity, Statistic, StatisticKind};

/// What is the same at every price. All but `bases` are by level, where levels are apart, one after the other.
pub(super) struct Layout {
    pub(super) bases: Vec<Basis>,
    pub(super) trees: Vec<Tree>,
    pub(super) sensitivities: Vec<Sensitivity>,
    /// Relative parts of the price; 0 where there is no noise.
    pub(super) shares: Vec<u64>,
}

impl Layout {
    /// `selects`: whether the noisy number of persons goes through a threshold mechanism of its own.
    pub(super) fn of(plan: &Plan, account: Kind, selects: bool) -> Self {
        let desk = Plans::new(plan, account);
        let persons = [Some(Basis::Own), desk.free_persons(), desk.persons_by_rows()];
        let ways = persons.into_iter().flatten().filter(|way| !selects || *way == Basis::Own);
        let (mut least, mut bases) = (f64::INFINITY, vec![Basis::Own; plan.statistics().len()]);
        for persons in ways {
            let (score, found) = desk.paired(persons, selects);
            if score < least * (1.0 - 1e-9) {
                (least, bases) = (score, found);
            }
        }
        let worth: Vec<Vec<f64>> = plan.parts().iter().map(|part| desk.worth(part, &bases)).collect();
        let sensitivities = plan.parts().iter().flat_map(|part| desk.sensitivities(part, &bases)).collect();
        let trees = plan.parts().iter().flat_map(|_| desk.trees.iter().copied()).collect();
        let noisy: Vec<bool> = worth.iter().flat_map(|_| bases.iter().map(|basis| basis.has_noise())).collect();
        let shares = split::shares(account, &worth.concat(), &noisy);
        Self { bases, trees, sensitivities, shares }
    }
}

/// A statistic to which each person adds 0 or 1 per cell.
fn one_each(statistic: &Statistic) -> bool {
    matches!(statistic.reduction, Reduction::Present | Reduction::AnyNonNull(_))
        && (statistic.lo, statistic.hi) == (0, 1)
}

/// A plan, and what is asked of its statistics.
struct Plans<'p> {
    plan: &'p Plan,
    account: Kind,
    trees: Vec<Tree>,
    /// Per output, how its statistics move it.
    outputs: Vec<Vec<Vec<Weight>>>,
    /// By which number each sum is divided, or on which its centre rests.
    partners: Vec<Option<usize>>,
    /// Whether the number of persons is part of an output.
    persons_shown: bool,
}

impl<'p> Plans<'p> {
    fn new(plan: &'p Plan, account: Kind) -> Self {
        let shown = split::shown(plan);
        let mut partners = vec![None; plan.statistics().len()];
        let mut persons_shown = false;
        let mut open = shown.clone();
        while let Some(what) = open.pop() {
            let (sums, count): (&[&usize], _) = match what {
                OutputKind::Count(count) => (&[], Some(*count)),
                OutputKind::Sum { sum, count } => (&[sum], *count),
                OutputKind::Mean { sum, count } => (&[sum], Some(*count)),
                OutputKind::Variance { sum, squares, count, .. } => (&[sum, squares], Some(*count)),
                OutputKind::Arithmetic { left, right, .. } => {
                    open.extend([left.as_ref(), right.as_ref()]);
                    continue;
                }
                _ => continue,
            };
            persons_shown |= count == Some(0);
            for sum in sums {
                if let Some(partner) = partners.get_mut(**sum) {
                    *partner = partner.or(count);
                }
            }
        }
        let outputs = shown.into_iter().map(|what| directions(plan, what)).collect();
        Self { plan, account, trees: split::trees(plan, account), outputs, partners, persons_shown }
    }

    /// The best way found, and its score, with this basis of the number of persons.
    fn paired(&self, persons: Basis, selects: bool) -> (f64, Vec<Basis>) {
        let mut bases = vec![Basis::Own; self.plan.statistics().len()];
        if let Some(first) = bases.first_mut() {
            *first = persons;
        }
        let mut least = self.score(&bases);
        let counts = self.plan.statistics().iter().enumerate().filter(|(_, s)| one_each(s)).map(|(number, _)| number);
        for count in counts.filter(|count| self.account == Kind::Pure && !(selects && *count == 0)) {
            if bases.get(count) != Some(&Basis::Own) {
                continue;
            }
            let before = bases.clone();
            for (sum, pair) in self.pairs(count) {
                let mut with = before.clone();
                for (number, basis) in [(sum, pair), (count, Basis::Counted(sum))] {
                    if let Some(place) = with.get_mut(number) {
                        *place = basis;
                    }
                }
                let score = self.score(&with);
                if score < least * (1.0 - 1e-9) {
                    (least, bases) = (score, with);
                }
            }
        }
        (least, bases)
    }

    /// Where nobody asked for the number of persons, but for their rows, and each has few: fewer persons than those rows need are as good
    /// as none. It never says more than there are (but for the noise), and takes no price from the rows.
    fn persons_by_rows(&self) -> Option<Basis> {
        let mut statistics = self.plan.statistics().iter().enumerate();
        let (rows, statistic) = statistics.find(|(_, s)| matches!(s.reduction, Reduction::CountRows))?;
        let few = statistic.centre == 0 && (1..=FEW).contains(&statistic.hi);
        (few && !self.persons_shown).then_some(Basis::AtLeast { rows, most: statistic.hi })
    }

    /// Where nobody asked for the number of persons, and all else rests on the persons who have one certain value: these are the persons
    /// whose number decides what is shown.
    fn free_persons(&self) -> Option<Basis> {
        if self.persons_shown {
            return None;
        }
        let mut found = None;
        for (number, statistic) in self.plan.statistics().iter().enumerate().skip(1) {
            let rests = match statistic.kind {
                StatisticKind::Bins => Basis::Binned(number),
                StatisticKind::NonNull if one_each(statistic) => Basis::Same(number),
                _ => match self.partners.get(number).copied().flatten() {
                    Some(count) if count > 0 => Basis::Same(count),
                    _ => return None,
                },
            };
            if found.is_some_and(|known| known != rests) {
                return None;
            }
            found = Some(rests);
        }
        found
    }

    /// Ways to give a number and a sum noise together. A person who is counted adds some x within [lo, hi] to the sum; who is not, 0.
    fn pairs(&self, count: usize) -> Vec<(usize, Basis)> {
        let mut found = Vec::new();
        for (sum, statistic) in self.plan.statistics().iter().enumerate() {
            let sums = matches!(statistic.kind, StatisticKind::Sum | StatisticKind::Rows | StatisticKind::Squares);
            let partner = self.partners.get(sum).copied().flatten().unwrap_or(0);
            if !sums || partner != count || statistic.slots() != 1 || !(count == 0 || self.same_values(sum, count)) {
                continue;
            }
            // A counted person without a value adds 0. The second way reaches to where the sum, uncentred, is 0: then its noise is one number.
            let zero = statistic.centre.saturating_neg();
            let tight = (statistic.lo.min(0), statistic.hi.max(0));
            let mut ways = vec![tight, (tight.0.min(zero), tight.1.max(zero))];
            ways.dedup();
            for (lo, hi) in ways {
                for times in [1, 2, 4, 8, 16, 32] {
                    found.push((sum, Basis::Pair { count, lo, hi, times }));
                }
            }
        }
        found
    }

    /// Whether both are about the same expression.
    fn same_values(&self, sum: usize, count: usize) -> bool {
        let of = |number: usize| self.plan.statistics().get(number).map(|s| &s.reduction);
        match (of(sum), of(count)) {
            (
                Some(Reduction::Sum(a) | Reduction::Mean(a) | Reduction::Square { input: a, .. }),
                Some(Reduction::AnyNonNull(b)),
            ) => a == b,
            _ => false,
        }
    }

    fn sensitivities(&self, part: &Plan, bases: &[Basis]) -> Vec<Sensitivity> {
        let each = part.statistics().iter().zip(&self.trees).zip(bases);
        each.map(|((statistic, tree), basis)| match basis {
            Basis::Pair { lo, hi, times, .. } => joint(part, statistic, (*lo, *hi, *times)),
            Basis::Own => part.sensitivity(statistic).times(tree.levels),
            Basis::Counted(_) | Basis::Binned(_) | Basis::Same(_) | Basis::AtLeast { .. } => {
                part.sensitivity(statistic)
            }
        })
        .collect()
    }

    fn distance(&self, sensitivity: &Sensitivity) -> f64 {
        match self.account {
            Kind::Pure => l1(sensitivity),
            Kind::Zcdp => l2(sensitivity),
        }
    }

    /// Σ of squared weights · distances of these directions, by the statistic whose noise it is.
    fn moved(&self, directions: &[Vec<Weight>], bases: &[Basis], distances: &[f64]) -> Option<Vec<f64>> {
        let mut sum = vec![0.0; distances.len()];
        for direction in directions {
            let mut places = Vec::new();
            for weight in direction {
                let of = |number: usize| bases.get(number).copied();
                spread(*weight, &of, &|number| self.trees.get(number).copied(), &mut places)?;
            }
            for (statistic, _, weight) in places {
                *sum.get_mut(statistic)? += (weight * distances.get(statistic)?).powi(2);
            }
        }
        Some(sum)
    }

    /// qᵢ of the statistics: see `split`.
    fn worth(&self, part: &Plan, bases: &[Basis]) -> Vec<f64> {
        let own = vec![Basis::Own; bases.len()];
        let by = |bases: &[Basis]| -> Vec<f64> {
            self.sensitivities(part, bases).iter().map(|sensitivity| self.distance(sensitivity)).collect()
        };
        let (plain, distances) = (by(&own), by(bases));
        let mut sum = vec![0.0; bases.len()];
        let decides = [vec![vec![(0, 0, 1.0)]]];
        let asked = self.outputs.iter().map(|directions| (directions, 1.0));
        for (directions, counts) in asked.chain(decides.iter().map(|directions| (directions, DECIDES))) {
            let Some(even) = self.moved(directions, &own, &plain) else { continue };
            let even: f64 = even.iter().sum();
            let Some(found) = self.moved(directions, bases, &distances) else { continue };
            if even > 0.0 && even.is_finite() {
                sum.iter_mut().zip(found).for_each(|(sum, found)| *sum += counts * found / even);
            }
        }
        sum
    }

    /// The objective, at the best shares.
    fn score(&self, bases: &[Basis]) -> f64 {
        let parts = self.plan.parts();
        let worth = parts.iter().flat_map(|part| self.worth(part, bases).into_iter().zip(bases));
        let raised = worth.filter(|(_, basis)| basis.has_noise()).map(|(q, _)| split::raised(self.account, q));
        raised.sum::<f64>().powf(1.0 / split::power(self.account))
    }
}

/// Rows per person and cell up to which rows tell enough about persons.
const FEW: i64 = 8;

/// How far a person moves a pair: Σ over cells of times·(x − lo) + (hi − x), which is hi − lo in each cell and, for every unit of x, times − 1
/// more. Where rows are bounded over all groups and x counts rows, all x together are no more.
fn joint(part: &Plan, statistic: &Statistic, (lo, hi, times): (i64, i64, u32)) -> Sensitivity {
    let Sensitivity { l0, l1: own, .. } = part.sensitivity(statistic);
    let wide = u64::try_from((i128::from(hi) - i128::from(lo)).max(1)).unwrap_or(u64::MAX);
    let full = u128::from(l0).saturating_mul(u128::from(wide));
    let most = if lo == 0 { full.min(own) } else { full };
    Sensitivity {
        l0: l0.saturating_mul(2),
        linf: wide.saturating_mul(u64::from(times)),
        l1: full.saturating_add(most.saturating_mul(u128::from(times.saturating_sub(1)))),
    }
}
