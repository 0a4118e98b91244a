//! How good a partition is, where the truth is known (synthetic data): pairwise and B-cubed precision and recall, whole and by parts.
//! Not an estimate without truth.
//!
//! B-cubed: Bagga & Baldwin, "Entity-Based Cross-Document Coreferencing Using the Vector Space Model", COLING-ACL 1998; why it is
//! the one that behaves: Amigó, Gonzalo, Artiles & Verdejo, Information Retrieval 12 (2009).

mod errors;
mod groups;
mod scorecard;

use serde::{Deserialize, Serialize};

use crate::error::LinkageError;

pub use errors::{Blunder, agreement};
pub use groups::Group;
pub use scorecard::{Graded, Grouping, Scorecard};

/// A proportion with its 95% interval.
///
/// Pairs and rows of one person stand or fall together, so the units are persons: those in truth for recall, those found for
/// precision. A proportion is a ratio of two sums over units, Σhits/Σweights; its variance is the linearised one (Cochran, "Sampling
/// Techniques", 6.4; the delta method). The interval is Wilson's with n = p(1 − p)/variance effective units (Korn & Graubard 1998),
/// but with no more than Kish's n = (Σw)²/Σw²: the count if every unit were right or wrong as a whole. Unlike the bootstrap it does
/// not collapse when no error was seen; elsewhere it is no narrower (a test compares both, and the coverage).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Rate {
    /// The proportion; 1 if there is nothing to get wrong.
    pub value: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// A partition measured against the truth.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// Identity rows.
    pub rows: u64,
    /// Persons in truth.
    pub true_persons: u64,
    /// Persons found.
    pub found_persons: u64,
    /// Pairs of rows that are one person in truth.
    pub true_pairs: u64,
    /// Pairs of rows found to be one person.
    pub found_pairs: u64,
    /// Pairs that are both.
    pub correct_pairs: u64,
    /// Pairwise precision; its independent units are the persons found.
    pub precision: Rate,
    /// Pairwise recall; its independent units are the persons in truth.
    pub recall: Rate,
    /// B-cubed precision: the mean, over rows, of the share of the row's found person that is right.
    pub b_cubed_precision: Rate,
    /// B-cubed recall: the mean, over rows, of the share of the row's true person that was found.
    pub b_cubed_recall: Rate,
    /// True persons by the number of ids they got (index 0: one id; the last: that many or more). Who has k ids is protected at k·ε.
    pub ids_per_person: [u64; 5],
    /// Ids that hold rows of more than one true person.
    pub mixed_ids: u64,
}

/// A part of the rows (a scenario, an age band) measured against the truth. A pair counts half for each of its rows, so parts that
/// cover all rows once add up to the whole.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Part {
    /// Identity rows in the part.
    pub rows: u64,
    /// Persons in truth that have a row in it.
    pub persons: u64,
    /// Of these, persons whose rows (in the part or not) got more than one id.
    pub split_persons: u64,
    /// Ends in the part of pairs found.
    pub found: u64,
    /// Ends in the part of true pairs.
    pub true_: u64,
    /// Ends in the part of pairs that are both.
    pub correct: u64,
    /// Pairwise precision; none if the part has no end of a found pair.
    pub precision: Option<Rate>,
    /// Pairwise recall; none if the part has no end of a true pair.
    pub recall: Option<Rate>,
    /// B-cubed precision of the part's rows.
    pub b_cubed_precision: Rate,
    /// B-cubed recall of the part's rows.
    pub b_cubed_recall: Rate,
}

/// A partition and the truth, side by side. Labels are arbitrary numbers; rows with equal labels are one person.
pub struct Comparison {
    /// Rows sorted by found person, then true person; and the reverse. Each with the bounds of its persons.
    by_found: Sorted,
    by_truth: Sorted,
    /// By row: rows of the same found person, of the same true person, of both.
    found: Vec<u32>,
    truth: Vec<u32>,
    both: Vec<u32>,
}

/// Rows in the order of their labels.
struct Sorted {
    rows: Vec<u32>,
    /// Where each person's rows end.
    ends: Vec<usize>,
    /// How many labels of the other side each person has.
    others: Vec<u32>,
}

impl Sorted {
    fn persons(&self) -> impl Iterator<Item = &[u32]> + Clone {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(from, &to)| self.rows.get(from..to).unwrap_or_default())
    }
}

/// Rows sorted by (one, other), the size of the row's group by `one`, and of its group by both.
fn sort(one: &[u32], other: &[u32]) -> (Sorted, Vec<u32>, Vec<u32>) {
    let mut keyed: Vec<(u32, u32, u32)> =
        one.iter().zip(other).zip(0u32..).map(|((&a, &b), row)| (a, b, row)).collect();
    keyed.sort_unstable();
    let mut sorted = Sorted { rows: Vec::with_capacity(keyed.len()), ends: Vec::new(), others: Vec::new() };
    let (mut size, mut both) = (vec![0; keyed.len()], vec![0; keyed.len()]);
    let set = |into: &mut Vec<u32>, row: u32, count: usize| {
        if let Some(slot) = into.get_mut(row as usize) {
            *slot = u32::try_from(count).unwrap_or(u32::MAX);
        }
    };
    for person in keyed.chunk_by(|a, b| a.0 == b.0) {
        let mut others = 0;
        for cell in person.chunk_by(|a, b| a.1 == b.1) {
            others += 1;
            for &(_, _, row) in cell {
                sorted.rows.push(row);
                set(&mut size, row, person.len());
                set(&mut both, row, cell.len());
            }
        }
        sorted.ends.push(sorted.rows.len());
        sorted.others.push(others);
    }
    (sorted, size, both)
}

/// What a unit adds to a proportion: hits and weight, of pairs and of B-cubed.
#[derive(Default, Clone, Copy)]
struct Unit {
    pairs: (f64, f64),
    cubed: (f64, f64),
}

impl Comparison {
    /// Compares.
    ///
    /// # Errors
    /// [`LinkageError::Length`] if there are not as many labels in one as in the other.
    pub fn new(person_of: &[u32], truth: &[u32]) -> Result<Self, LinkageError> {
        if person_of.len() != truth.len() {
            return Err(LinkageError::Length { what: "truth", expected: person_of.len(), found: truth.len() });
        }
        let (by_found, found, both) = sort(person_of, truth);
        let (by_truth, truth, _) = sort(truth, person_of);
        Ok(Comparison { by_found, by_truth, found, truth, both })
    }

    fn row(&self, of: &[u32], row: u32) -> f64 {
        f64::from(of.get(row as usize).copied().unwrap_or_default())
    }

    /// Units of one side, restricted to rows of a part.
    fn units(&self, sorted: &Sorted, sizes: &[u32], within: &dyn Fn(usize) -> bool) -> Vec<Unit> {
        let unit = |rows: &[u32]| {
            let mut unit = Unit::default();
            for &row in rows.iter().filter(|&&row| within(row as usize)) {
                let (both, size) = (self.row(&self.both, row), self.row(sizes, row));
                unit.pairs.0 += both - 1.0;
                unit.pairs.1 += size - 1.0;
                unit.cubed.0 += both / size;
                unit.cubed.1 += 1.0;
            }
            unit
        };
        sorted.persons().map(unit).filter(|unit| unit.cubed.1 > 0.0).collect()
    }

    /// The whole.
    #[must_use]
    pub fn whole(&self) -> Evaluation {
        let all = self.part(&|_| true);
        let mut ids_per_person = [0; 5];
        for &ids in &self.by_truth.others {
            let last = ids_per_person.len() - 1;
            if let Some(slot) = ids_per_person.get_mut((ids as usize).saturating_sub(1).min(last)) {
                *slot += 1;
            }
        }
        let nothing = Rate { value: 1.0, low: 0.0, high: 1.0 };
        Evaluation {
            rows: all.rows,
            true_persons: self.by_truth.ends.len() as u64,
            found_persons: self.by_found.ends.len() as u64,
            true_pairs: all.true_ / 2,
            found_pairs: all.found / 2,
            correct_pairs: all.correct / 2,
            precision: all.precision.unwrap_or(nothing),
            recall: all.recall.unwrap_or(nothing),
            b_cubed_precision: all.b_cubed_precision,
            b_cubed_recall: all.b_cubed_recall,
            ids_per_person,
            mixed_ids: self.by_found.others.iter().filter(|&&truths| truths > 1).count() as u64,
        }
    }

    /// The rows that are `within`.
    #[must_use]
    pub fn part(&self, within: &dyn Fn(usize) -> bool) -> Part {
        let (found, truth) =
            (self.units(&self.by_found, &self.found, within), self.units(&self.by_truth, &self.truth, within));
        // Sums of whole numbers below 2^53 are exact.
        let sum = |units: &[Unit], of: fn(&Unit) -> f64| units.iter().map(of).sum::<f64>();
        let (found_ends, true_ends) = (sum(&found, |u| u.pairs.1), sum(&truth, |u| u.pairs.1));
        let pairs = |units: &[Unit]| ratio(units.iter().map(|unit| unit.pairs));
        let cubed = |units: &[Unit]| ratio(units.iter().map(|unit| unit.cubed));
        let split = self.by_truth.persons().zip(&self.by_truth.others);
        let split = split.filter(|(rows, ids)| **ids > 1 && rows.iter().any(|&row| within(row as usize)));
        Part {
            rows: sum(&found, |u| u.cubed.1) as u64,
            persons: truth.len() as u64,
            split_persons: split.count() as u64,
            found: found_ends as u64,
            true_: true_ends as u64,
            correct: sum(&truth, |u| u.pairs.0) as u64,
            precision: (found_ends > 0.0).then(|| pairs(&found)),
            recall: (true_ends > 0.0).then(|| pairs(&truth)),
            b_cubed_precision: cubed(&found),
            b_cubed_recall: cubed(&truth),
        }
    }
}

/// Measures a partition.
///
/// # Errors
/// [`LinkageError::Length`] if there are not as many labels in one as in the other.
pub fn evaluate(person_of: &[u32], truth: &[u32]) -> Result<Evaluation, LinkageError> {
    Ok(Comparison::new(person_of, truth)?.whole())
}

/// Σhits/Σweights over independent units; see [`Rate`].
fn ratio(units: impl Iterator<Item = (f64, f64)> + Clone) -> Rate {
    let units = units.filter(|unit| unit.1 > 0.0);
    let (mut hits, mut all, mut squares, mut count) = (0.0, 0.0, 0.0, 0.0);
    for (hit, weight) in units.clone() {
        hits += hit;
        all += weight;
        squares += weight * weight;
        count += 1.0;
    }
    if all <= 0.0 {
        return Rate { value: 1.0, low: 0.0, high: 1.0 };
    }
    let p: f64 = hits / all;
    let (mut residuals, mut wrong) = (0.0, 0.0);
    for (hit, weight) in units {
        residuals += (hit - p * weight).powi(2);
        wrong += (weight - hit).powi(2);
    }
    let kish = all * all / squares;
    let variance = if count > 1.0 { residuals / (all * all) * count / (count - 1.0) } else { 0.0 };
    if variance <= 0.0 {
        return wilson(p, kish);
    }
    let freedom = ((all - hits).powi(2) / wrong.max(f64::MIN_POSITIVE)).max(3.0);
    let linear = p * (1.0 - p) / variance * (Z / student(freedom)).powi(2);
    wilson(p, kish.min(linear))
}

/// The normal distribution's 97.5% point.
const Z: f64 = 1.959_963_984_540_054;

/// Student's, by the expansion of Cornish & Fisher (Abramowitz & Stegun 26.7.5); off by 0.02 at 3 degrees of freedom.
fn student(freedom: f64) -> f64 {
    let power = |n: i32| Z.powi(n);
    let first = (power(3) + Z) / 4.0;
    let second = (5.0 * power(5) + 16.0 * power(3) + 3.0 * Z) / 96.0;
    let third = (3.0 * power(7) + 19.0 * power(5) + 17.0 * power(3) - 15.0 * Z) / 384.0;
    Z + first / freedom + second / freedom.powi(2) + third / freedom.powi(3)
}

/// Wilson's 95% score interval of a proportion of `units` independent observations.
fn wilson(p: f64, units: f64) -> Rate {
    if units <= 0.0 {
        return Rate { value: p, low: 0.0, high: 1.0 };
    }
    let z2 = Z * Z / units;
    let centre = (p + z2 / 2.0) / (1.0 + z2);
    let half = Z * (p * (1.0 - p) / units + z2 / (4.0 * units)).sqrt() / (1.0 + z2);
    Rate { value: p, low: (centre - half).clamp(0.0, p), high: (centre + half).clamp(p, 1.0) }
}
