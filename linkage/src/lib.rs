//! Which tokens are one person: passes, constraints, stable person ids, evaluation against truth.
//!
//! Linkage sees room-keyed tokens, birth month, sex and days; it can't reach keys or names. It isn't a store: the caller turns its
//! frames into [`Identity`] rows and writes what comes back. Reports and the journal hold exact facts about persons and stay sealed
//! with the operator.
//!
//! ```
//! use linkage::{Identity, Pass, Settings, Strategy, random_id, resolve};
//!
//! let mut before = Identity { sex: 2, first_day: 19_000, ..Identity::default() };
//! before.tokens[Pass::Id2.index()] = Some(7);
//! let after = Identity { first_day: 19_400, ..before.clone() };
//! let outcome = resolve(&[before, after], Strategy::Sudare, &Settings::default(), &mut random_id)?;
//! assert_eq!(outcome.person_of, [0, 0]);
//! # Ok::<(), linkage::LinkageError>(())
//! ```

mod baseline;
mod clusters;
mod error;
mod evaluate;
mod identity;
mod ids;
mod index;
pub mod journal;
mod report;
mod resolver;
mod settings;
mod tokens;

pub use error::LinkageError;
pub use evaluate::{Evaluation, Rate, evaluate, evaluate_by};
pub use identity::{Identity, PASSES, Pass, PersonId, random_id};
pub use journal::Decision;
pub use report::{PassReport, Refusal, Report, Screened};
pub use settings::{METHOD, Settings, Strategy};

/// What the rows of a person agree on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Attributes {
    /// 1 male, 2 female, 0 unknown; the value of most rows, the smaller on a tie.
    pub sex: u8,
    /// Month of birth (year × 12 + month − 1); the value of most rows, the earlier on a tie.
    pub birth_month: Option<i32>,
}

/// A partition of the identity rows.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Dense person number of each input row, by first appearance.
    pub person_of: Vec<u32>,
    /// Id of each person.
    pub persons: Vec<PersonId>,
    /// Sex and birth month of each person.
    pub attributes: Vec<Attributes>,
    /// What became of earlier person ids; empty on a first run.
    pub journal: Vec<Decision>,
    /// Counts; sealed with the operator.
    pub report: Report,
}

/// Finds out which rows are one person.
///
/// `ids` gives the ids of new persons: [`random_id`], or fixed ones in tests. The same input gives the same partition, whatever its
/// order (rows are taken by first day, then by all their fields), and the same kept ids.
///
/// # Errors
/// [`LinkageError::TooManyRows`] beyond half a billion rows, [`LinkageError::IdSource`] if `ids` repeats itself.
pub fn resolve(
    records: &[Identity],
    strategy: Strategy,
    settings: &Settings,
    ids: &mut dyn FnMut() -> u128,
) -> Result<Outcome, LinkageError> {
    // Tokens of all passes are numbered in 32 bits.
    const LIMIT: usize = u32::MAX as usize / (PASSES + 1);
    if records.len() > LIMIT {
        return Err(LinkageError::TooManyRows { rows: records.len(), limit: LIMIT });
    }
    let mut report = Report::new(strategy, records.len());
    let mut clusters = match strategy {
        Strategy::Id1 | Strategy::Id2 | Strategy::Id1OrId2 => baseline::exact(records, strategy, &mut report),
        Strategy::Id0 => baseline::id0(records, &mut report),
        Strategy::Sudare => resolver::run(records, settings, &mut report),
    };
    let roots = clusters.roots();
    let (person_of, count) = ids::number(&roots);
    let (persons, journal) = ids::assign(records, &person_of, count, &clusters, ids, &mut report)?;
    report.persons = u64::from(count);
    report.persons_by_sources = sources(records, &person_of);
    Ok(Outcome { attributes: attributes(records, &person_of, count), person_of, persons, journal, report })
}

fn attributes(records: &[Identity], person_of: &[u32], persons: u32) -> Vec<Attributes> {
    let mut attributes = vec![Attributes::default(); persons as usize];
    let sexes = records
        .iter()
        .zip(person_of)
        .filter(|(record, _)| record.known_sex() != 0)
        .map(|(record, &person)| (person, record.known_sex()));
    for (person, sex) in majority(sexes.collect()) {
        if let Some(slot) = attributes.get_mut(person as usize) {
            slot.sex = sex;
        }
    }
    let births = records.iter().zip(person_of).filter_map(|(record, &person)| Some((person, record.birth_month?)));
    for (person, month) in majority(births.collect()) {
        if let Some(slot) = attributes.get_mut(person as usize) {
            slot.birth_month = Some(month);
        }
    }
    attributes
}

/// The most frequent value of each person, the smaller on a tie.
fn majority<T: Ord + Copy>(mut values: Vec<(u32, T)>) -> Vec<(u32, T)> {
    values.sort_unstable();
    let most = |rows: &[(u32, T)]| {
        rows.chunk_by(|a, b| a == b)
            .filter_map(|same| Some((same.len(), *same.first()?)))
            .max_by_key(|&(count, value)| (count, std::cmp::Reverse(value)))
            .map(|(_, value)| value)
    };
    values.chunk_by(|a, b| a.0 == b.0).filter_map(most).collect()
}

/// Persons by the number of sources that know them.
fn sources(records: &[Identity], person_of: &[u32]) -> Vec<u64> {
    let mut seen: Vec<(u32, u16)> =
        person_of.iter().zip(records).map(|(&person, record)| (person, record.source)).collect();
    seen.sort_unstable();
    seen.dedup();
    let mut counts = Vec::new();
    for person in seen.chunk_by(|a, b| a.0 == b.0) {
        if counts.len() < person.len() {
            counts.resize(person.len(), 0);
        }
        if let Some(slot) = person.len().checked_sub(1).and_then(|at| counts.get_mut(at)) {
            *slot += 1;
        }
    }
    counts
}
