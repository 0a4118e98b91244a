//! The quality report in the words of the field: conformance, completeness, plausibility (Kahn et al. 2016,
//! doi:10.13063/2327-9214.1244). Counts only: no value, no name, no day but the first and last month of each table.
//!
//! Records are judged by their reason codes ([`class`]); rows by what passes the desk ([`watch`]), in memory that grows
//! with identities and not with rows. It repairs nothing and refuses nothing.

pub(super) mod class;
pub(super) mod people;
pub(super) mod watch;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::report::{Counts, Kind};
use class::Class;

/// Something found, and among how many.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Check {
    /// Reason code.
    pub code: String,
    /// Kind of record, table, or table and column.
    pub at: String,
    /// How often.
    pub count: u64,
    /// Of how many records or rows.
    pub of: u64,
}

/// Whether data is what its format and dictionary promise.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conformance {
    /// Of values: type, format, closed list, unit, encoding.
    pub value: Vec<Check>,
    /// Of relations: records that name nobody, or something that is not there.
    pub relational: Vec<Check>,
    /// Of computation: totals that differ from their parts.
    pub computational: Vec<Check>,
}

/// Whether what should be there is there.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Completeness {
    /// By kind of record: what was read and what became of it.
    pub records: BTreeMap<Kind, Records>,
    /// What is missing from records, or was not taken, by reason.
    pub missing: Vec<Check>,
    /// By table: rows, months and NULLs. Who has no row in a table is not missing: members without care are members.
    pub tables: BTreeMap<String, TableCompleteness>,
}

/// What became of the records of a kind.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Records {
    /// Met.
    pub read: u64,
    /// Taken.
    pub kept: u64,
    /// Left out on purpose.
    pub left_out: u64,
    /// Could not be used.
    pub quarantined: u64,
}

/// What of a table is filled.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableCompleteness {
    /// Rows read.
    pub rows: u64,
    /// First month with a row.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_month: Option<String>,
    /// Last month with a row.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_month: Option<String>,
    /// Months between them, both included.
    pub months: u64,
    /// Months of these that have rows.
    pub months_with_rows: u64,
    /// NULLs of each column that may have them.
    pub nulls: BTreeMap<String, u64>,
}

/// Whether the data can be believed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plausibility {
    /// The same thing told twice.
    pub uniqueness: Vec<Check>,
    /// Beyond what a body or a form allows.
    pub atemporal: Vec<Check>,
    /// An order of days that can't be.
    pub temporal: Vec<Check>,
}

/// The three categories.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Quality {
    pub(super) conformance: Conformance,
    pub(super) completeness: Completeness,
    pub(super) plausibility: Plausibility,
}

impl Quality {
    /// Sorts the counts of the readers into the categories.
    pub(super) fn of(kinds: &BTreeMap<Kind, Counts>) -> Self {
        let mut quality = Self::default();
        for (kind, counts) in kinds {
            let sum = |reasons: &BTreeMap<String, u64>| reasons.values().sum();
            let records = Records {
                read: counts.read,
                kept: counts.kept,
                left_out: sum(&counts.left_out),
                quarantined: sum(&counts.quarantined),
            };
            quality.completeness.records.insert(*kind, records);
            let mut codes: BTreeMap<&str, u64> = BTreeMap::new();
            for reasons in [&counts.left_out, &counts.quarantined, &counts.repaired, &counts.values_lost] {
                for (code, count) in reasons {
                    *codes.entry(code).or_default() += count;
                }
            }
            for (code, count) in codes {
                quality.add(code, kind.name().to_owned(), count, counts.read);
            }
        }
        quality
    }

    /// Adds a finding to the category of its code. A code without a class (a test says that there is none) is taken for
    /// one about a value rather than lost.
    pub(super) fn add(&mut self, code: &str, at: String, count: u64, of: u64) {
        if count == 0 {
            return;
        }
        let list = match class::class(code).unwrap_or(Class::ConformanceValue) {
            Class::ConformanceValue => &mut self.conformance.value,
            Class::ConformanceRelational => &mut self.conformance.relational,
            Class::ConformanceComputational => &mut self.conformance.computational,
            Class::Completeness => &mut self.completeness.missing,
            Class::PlausibilityUniqueness => &mut self.plausibility.uniqueness,
            Class::PlausibilityAtemporal => &mut self.plausibility.atemporal,
            Class::PlausibilityTemporal => &mut self.plausibility.temporal,
            Class::Purpose | Class::Refusal => return,
        };
        list.push(Check { code: code.to_owned(), at, count, of });
        list.sort_unstable();
    }
}

/// The largest shares first; of equal shares, the larger count.
#[must_use]
pub fn worst<'c>(lists: &[&'c [Check]], most: usize) -> Vec<&'c Check> {
    let mut all: Vec<&Check> = lists.iter().flat_map(|list| list.iter()).collect();
    let share = |check: &Check| u128::from(check.count) * 1_000_000_000 / u128::from(check.of.max(1));
    all.sort_by(|a, b| (share(b), b.count, *a).cmp(&(share(a), a.count, *b)));
    all.truncate(most);
    all
}
