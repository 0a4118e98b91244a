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

mod ahead;
mod baseline;
mod batch;
mod bytes;
mod closed;
mod clusters;
mod em;
mod error;
mod evaluate;
mod finish;
mod form;
mod identity;
mod ids;
mod index;
pub mod journal;
mod left_out;
mod model;
mod parts;
mod pattern;
mod people;
mod profile;
mod report;
mod resolver;
mod review;
mod rows;
mod score;
mod screen;
mod settings;
mod state;
mod tokens;

pub use em::Sample;
pub use error::LinkageError;
pub use evaluate::{
    Blunder, Comparison, Evaluation, Graded, Group, Grouping, Part, Rate, Scorecard, agreement, evaluate,
};
pub use identity::{Identity, PASSES, Pass, PersonId, random_id};
pub use journal::Decision;
pub use left_out::{LeftOut, leave_one_out};
pub use model::{Kind, Level, MODEL, Model};
pub use pattern::{FIELDS, Field, Pattern};
pub use report::{Estimate, PassReport, Reason, Refusal, Report, Screened};
pub use review::Verdict;
pub use score::Doubtful;
pub use settings::{METHOD, Settings, Strategy};
pub use state::{Added, Linker};

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
    /// Pairs that are neither surely one person nor surely two, the likelier first.
    pub review: Vec<Doubtful>,
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
    resolve_reviewed(records, strategy, settings, &[], ids)
}

/// The same under reviewers' verdicts, which [`Strategy::Sudare`] follows where no constraint forbids it; the baselines know none.
///
/// # Errors
/// As [`resolve`].
pub fn resolve_reviewed(
    records: &[Identity],
    strategy: Strategy,
    settings: &Settings,
    verdicts: &[Verdict],
    ids: &mut dyn FnMut() -> u128,
) -> Result<Outcome, LinkageError> {
    let mut report = Report::new(strategy, records.len());
    let mut clusters = match strategy {
        Strategy::Id1 | Strategy::Id2 | Strategy::Id1OrId2 => baseline::exact(records, strategy, &mut report),
        Strategy::Id0 => baseline::id0(records, &mut report),
        Strategy::Sudare => {
            if records.len() >= closed::MANY {
                return closed::resolve(records, settings, verdicts, closed::PART, ids);
            }
            let mut linker = Linker::new(settings.clone());
            let added = linker.add_reviewed(records, verdicts)?;
            return linker.finish(&added.row_of, ids);
        }
    };
    let roots = clusters.roots();
    let (person_of, count) = ids::number(roots.iter().copied(), roots.len());
    let held = records
        .iter()
        .zip(&person_of)
        .filter_map(|(record, &person)| Some((clusters.ids.number(record.previous?), person)))
        .collect();
    let rank = ids::ranks(records, &person_of, count);
    let (persons, journal) = ids::assign(held, &rank, count, &clusters, ids, &mut report)?;
    let known = records.iter().zip(&person_of).map(|(record, &person)| people::Known {
        person,
        times: 1,
        sex: record.known_sex(),
        birth: record.birth_month.unwrap_or(profile::UNKNOWN),
        source: record.source,
    });
    let (attributes, by_sources) = people::describe(&known.collect::<Vec<_>>(), count);
    report.persons = u64::from(count);
    report.persons_by_sources = by_sources;
    Ok(Outcome { attributes, person_of, persons, journal, review: Vec::new(), report })
}

/// [`resolve_reviewed`] by [`Strategy::Sudare`] in parts of about so many rows, for tests.
///
/// # Errors
/// As [`resolve`].
#[doc(hidden)]
pub fn resolve_in_parts(
    records: &[Identity],
    settings: &Settings,
    verdicts: &[Verdict],
    size: usize,
    ids: &mut dyn FnMut() -> u128,
) -> Result<Outcome, LinkageError> {
    closed::resolve(records, settings, verdicts, size, ids)
}

/// What a run of [`Strategy::Sudare`] without a model shows to the estimate of one: see [`Sample::fit`].
///
/// # Errors
/// [`LinkageError::TooManyRows`].
pub fn sample(records: &[Identity], settings: &Settings) -> Result<Sample, LinkageError> {
    let mut linker = Linker::watching(Settings { model: None, ..settings.clone() });
    linker.add(records)?;
    Ok(linker.seen())
}
