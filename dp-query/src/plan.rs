//! The checked question: what the mechanism layer, the ledger and the engine need to know, and nothing that the researcher
//! typed but names of outputs. Not a parser and not a price: `check` makes plans, `quote` prices them.
//!
//! A plan can't be read back from JSON: the room checks the SQL text again and compares digests, so that no plan exists
//! whose bounds the checker did not prove.

use std::borrow::Cow;

use policies::Population;
use ring::digest::{SHA256, digest};
use serde::Serialize;

use crate::relation::{Expr, Relation, Rows};

mod output;
mod statistic;

pub use output::{Condition, FormulaOp, Order, Output, OutputKind, View};
pub(crate) use statistic::Reduction;
pub use statistic::{Bins, Sensitivity, Statistic, StatisticKind};

/// A checked question. Two questions with the same digest compute the same integers from the same snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// Layout of this structure and meaning of its nodes; part of the digest.
    pub(crate) version: u32,
    /// Hex digest of the catalogue against which the question was checked.
    pub(crate) catalogue: String,
    /// Whose rows count.
    pub(crate) population: Audience,
    /// The rows that are aggregated across persons.
    pub(crate) relation: Relation,
    /// Rows per person of `relation`.
    pub(crate) rows: Rows,
    /// Grouping keys; every combination of their values is a cell. None: one cell.
    pub(crate) keys: Vec<Key>,
    /// Whether the groups come from the data: those that somebody is in, shown by thresholded selection.
    pub(crate) open: bool,
    /// GROUPING SETS, ROLLUP, CUBE: which keys each level of the answer keeps, in the order of the keys. Empty: one level, all keys. Levels
    /// that drop keys are sums of noisy cells, and so add up, unless they are `apart`.
    pub(crate) levels: Vec<Vec<bool>>,
    /// Where a person can be in several groups: one for each level, each with integers and noise of its own.
    pub(crate) apart: Vec<Apart>,
    /// What the engine computes per cell. Number 0 is always [`StatisticKind::Persons`].
    pub(crate) statistics: Vec<Statistic>,
    /// Columns of the answer, in the order of the SELECT list.
    pub(crate) outputs: Vec<Output>,
    /// Which released rows are shown.
    pub(crate) view: View,
    /// The clause `OPTIONS(…)`.
    pub(crate) options: Options,
    /// In how many cells one person can be: proven from the types, or capped by `max_groups_contributed`.
    pub(crate) max_groups: u32,
    /// How `max_groups` came about, for people.
    pub(crate) max_groups_derivation: String,
    /// Whether the engine has to choose at most `max_groups` groups per person by the stored draws.
    pub(crate) choose_groups: bool,
    /// Catalogue columns read, sorted: (table, column). A table of which only the existence of rows is used has (table, `person_id`).
    pub(crate) columns: Vec<(String, String)>,
    /// Code lists and public files that the question cites, sorted.
    pub(crate) cited: Vec<Cited>,
}

/// A level that is counted by itself, in which one person counts once in each of so many of its cells.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Apart {
    pub(crate) max_groups: u32,
    pub(crate) derivation: String,
    pub(crate) choose: bool,
}

/// Something outside the question that gives it its meaning: another content is another plan.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Cited {
    /// Name in the question.
    pub name: String,
    /// SHA-256 of its bytes, hex.
    pub digest: String,
}

/// Persons who count: those whom the policy names and whose consents allow it. Written by the checker from the project, not by the question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Audience {
    /// What the project's policy says.
    pub project: Population,
    /// Kinds of data that the question reads; consents are asked for each. Sorted.
    pub kinds: Vec<String>,
    /// Which consents speak of each kind, for this purpose and recipient.
    pub(crate) consents: Vec<Consents>,
    /// Rows of persons of the policy's population; None: everybody.
    pub(crate) limit: Option<Relation>,
}

/// Positions in the closed lists of the table `consent`, by what a row does to one kind of data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Consents {
    pub(crate) permits: Reach,
    pub(crate) refuses: Reach,
}

/// Positions in `purpose`, `recipient_kind` and `data_kind`; all three must fit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Reach {
    pub(crate) purposes: Vec<i64>,
    pub(crate) recipients: Vec<i64>,
    pub(crate) data: Vec<i64>,
}

/// A grouping key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Key {
    /// Name in the answer.
    pub name: String,
    /// The closed list, in order; `NULL` comes last when the expression is nullable. Empty for an open key.
    pub values: Vec<String>,
    /// Of an open key, whose values come from the data: the most characters that one has.
    pub open: Option<u32>,
    /// What each value means in words (a category's label, a range); same length as `values`, empty text where there is nothing to say.
    pub meanings: Vec<String>,
    /// The position in `values`, 0-based, as the engine computes it, NULL where `values` ends with `NULL`; of an open key the value.
    pub(crate) index: Expr,
    /// Whether `values` ends with NULL.
    pub(crate) nullable: bool,
}

/// The clause `WITH DIFFERENTIAL_PRIVACY OPTIONS(…)`. Decimals stay text: nothing is rounded before it is priced.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Options {
    /// Price wanted for this answer. Exactly one of `epsilon` and `margin` is given.
    pub epsilon: Option<String>,
    /// Error wanted: (±margin, confidence).
    pub margin: Option<(String, String)>,
    /// δ that may be spent on top.
    pub delta: Option<String>,
    /// At most so many groups per person.
    pub max_groups_contributed: Option<u32>,
    /// At most so many rows per person, in the outer relation and before joins that multiply.
    pub max_rows_contributed: Option<u32>,
    /// Minimum persons per released cell; the room's minimum holds where it is greater.
    pub min_privacy_units_per_group: Option<u32>,
    /// Whether the minimum holds for the true number of persons.
    pub strict_minimum: bool,
    /// How groups are chosen; None: from closed lists where there are any.
    pub group_selection_strategy: Option<GroupSelection>,
}

/// `group_selection_strategy`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum GroupSelection {
    /// All combinations of closed lists.
    PublicGroups,
    /// Those that somebody is in and whose noisy number of persons reaches a threshold.
    GaussianThreshold,
}

impl Plan {
    /// SHA-256 of the canonical JSON, the catalogue's digest included. This is what stewards approve.
    ///
    /// # Errors
    /// Only if serialization fails, which the types rule out.
    pub fn digest(&self) -> Result<[u8; 32], serde_json::Error> {
        let json = serde_json::to_vec(self)?;
        let mut out = [0; 32];
        out.copy_from_slice(digest(&SHA256, &json).as_ref());
        Ok(out)
    }

    /// Hex digest of the catalogue.
    pub fn catalogue(&self) -> &str {
        &self.catalogue
    }

    /// Whose rows count.
    pub fn population(&self) -> &Audience {
        &self.population
    }

    /// Rows per person of the relation that is aggregated.
    pub fn rows(&self) -> Rows {
        self.rows
    }

    /// Grouping keys.
    pub fn keys(&self) -> &[Key] {
        &self.keys
    }

    /// Which keys each level of the answer keeps; empty: one level with all of them.
    pub fn levels(&self) -> &[Vec<bool>] {
        &self.levels
    }

    /// Statistics per cell; number 0 counts persons.
    pub fn statistics(&self) -> &[Statistic] {
        &self.statistics
    }

    /// Columns of the answer.
    pub fn outputs(&self) -> &[Output] {
        &self.outputs
    }

    /// Which released rows are shown, and in which order.
    pub fn view(&self) -> &View {
        &self.view
    }

    /// The options as written.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// In how many cells one person can be.
    pub fn max_groups(&self) -> u32 {
        self.max_groups
    }

    /// How [`Plan::max_groups`] came about.
    pub fn max_groups_derivation(&self) -> &str {
        &self.max_groups_derivation
    }

    /// Catalogue columns read: (table, column), sorted.
    pub fn columns(&self) -> &[(String, String)] {
        &self.columns
    }

    /// Code lists and public files that the question cites, sorted.
    pub fn cited(&self) -> &[Cited] {
        &self.cited
    }

    /// What is computed one after the other: the levels that are apart, as plans of their own over the keys that they keep (with the outputs
    /// of the whole, whose keys are not theirs); otherwise the plan itself.
    pub(crate) fn parts(&self) -> Vec<Cow<'_, Plan>> {
        if self.apart.is_empty() {
            return vec![Cow::Borrowed(self)];
        }
        let level = |(kept, apart): (&Vec<bool>, &Apart)| {
            let mut plan = self.clone();
            plan.keys = self.keys.iter().zip(kept).filter(|(_, kept)| **kept).map(|(key, _)| key.clone()).collect();
            (plan.levels, plan.apart) = (Vec::new(), Vec::new());
            (plan.max_groups, plan.choose_groups) = (apart.max_groups, apart.choose);
            plan.max_groups_derivation.clone_from(&apart.derivation);
            Cow::Owned(plan)
        };
        self.levels.iter().zip(&self.apart).map(level).collect()
    }

    /// Whether the levels are counted and priced by themselves; else they are sums of the cells.
    pub fn levels_apart(&self) -> bool {
        !self.apart.is_empty()
    }

    /// Whether the groups come from the data.
    pub fn is_open(&self) -> bool {
        self.open
    }

    /// Number of cells: the product of the keys' lengths, 1 without keys; 0 where the groups come from the data.
    pub fn cells(&self) -> usize {
        if self.open {
            return 0;
        }
        self.keys.iter().map(|key| key.values.len()).product()
    }

    /// Integers per cell of all statistics together.
    pub fn width(&self) -> usize {
        self.statistics.iter().map(Statistic::slots).sum()
    }

    /// Where a statistic's integers begin within those of a cell.
    pub(crate) fn offset(&self, statistic: usize) -> usize {
        self.statistics.iter().take(statistic).map(Statistic::slots).sum()
    }

    /// The keys' values of a cell, in the order of the keys. Cells count with the last key fastest.
    pub fn cell(&self, cell: usize) -> Vec<&str> {
        let mut rest = cell;
        let mut values: Vec<&str> = self
            .keys
            .iter()
            .rev()
            .map(|key| {
                let here = rest % key.values.len().max(1);
                rest /= key.values.len().max(1);
                key.values.get(here).map_or("", String::as_str)
            })
            .collect();
        values.reverse();
        values
    }

    /// The position of a cell's value in a key's list.
    pub(crate) fn position(&self, cell: usize, key: usize) -> Option<usize> {
        let after: usize = self.keys.iter().skip(key + 1).map(|key| key.values.len()).product();
        Some(cell / after.max(1) % self.keys.get(key)?.values.len().max(1))
    }

    /// How far adding or removing one person can move `statistic` over all cells.
    pub fn sensitivity(&self, statistic: &Statistic) -> Sensitivity {
        let linf = statistic.lo.unsigned_abs().max(statistic.hi.unsigned_abs());
        let product = u128::from(self.max_groups) * u128::from(linf);
        // Counts of a person's rows add up to no more than the rows; a lower bound above 1 could lift them beyond.
        let counts =
            matches!(statistic.reduction, Reduction::CountRows | Reduction::CountTrue(_) | Reduction::CountNonNull(_));
        let rows = match self.rows.bound() {
            Some(k) if counts && statistic.lo <= 1 => u128::from(k),
            _ => u128::MAX,
        };
        Sensitivity { l0: self.max_groups, linf, l1: product.min(rows) }
    }
}
