//! The room profile: the only size of a room that anybody sees before asking. A fixed set of questions, written here from the catalogue
//! and the policy; asked, approved, charged and released like any other; read back from the released answers. Not a way around the
//! ledger, and nothing here touches data.

use std::collections::BTreeMap;

use datasets::catalogue::{Catalogue, Column, ColumnType, PERSON, RowsPerPerson, Table};
use policies::{Delta, Epsilon, Kind, ProfileTerms, Project};

use crate::plan::Plan;
use crate::release::{Answer, ColumnKind, Status};

/// Ages in steps of ten years.
const AGES: &str = "[10, 20, 30, 40, 50, 60, 70, 80, 90]";

/// One question of the profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Table that it describes.
    pub table: String,
    /// What it tells.
    pub kind: PartKind,
    /// The question.
    pub sql: String,
}

/// What a part tells of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PartKind {
    /// Persons by sex and age at the end of the last year.
    SexAge,
    /// Persons with a row, by year.
    Years,
    /// Persons with a row, and with a value of each column that may be missing.
    Values,
}

/// The questions of a room's profile, in order: always the same for the same catalogue, policy and project.
///
/// The policy's price is divided evenly; only tables and columns that the project may read are described.
#[must_use]
pub fn questions(catalogue: &Catalogue, project: &Project, terms: &ProfileTerms, account: Kind) -> Vec<Part> {
    let mut parts = Vec::new();
    for table in catalogue.tables() {
        let allowed = |column: &Column| project.may_read(&table.name, &column.name);
        if !table.columns.iter().any(allowed) {
            continue;
        }
        let columns: Vec<&Column> = table.columns.iter().filter(|column| allowed(column)).collect();
        if table.name == PERSON && ["sex", "birth_ym"].iter().all(|name| project.may_read(PERSON, name)) {
            parts.push((table, PartKind::SexAge, columns.clone()));
        }
        if table.rows == RowsPerPerson::Many && day(&columns).is_some() {
            parts.push((table, PartKind::Years, columns.clone()));
        }
        parts.push((table, PartKind::Values, columns));
    }
    let many = u128::try_from(parts.len()).unwrap_or(u128::MAX).max(1);
    let epsilon = Epsilon::from_units(terms.epsilon.units() / many);
    let delta = Delta::from_units(terms.delta.units() / many);
    let options = match account {
        Kind::Pure => format!("OPTIONS (epsilon = {epsilon})"),
        Kind::Zcdp => format!("OPTIONS (epsilon = {epsilon}, delta = {delta})"),
    };
    let years = (terms.first_year, terms.last_year);
    parts
        .into_iter()
        .map(|(table, kind, columns)| Part {
            table: table.name.clone(),
            kind,
            sql: match kind {
                PartKind::SexAge => sex_age(&options, years),
                PartKind::Years => by_year(table, &columns, &options, years),
                PartKind::Values => values(table, &columns, &options),
            },
        })
        .collect()
}

/// The column whose 年度 a row belongs to: the first date that is always there.
fn day<'c>(columns: &[&'c Column]) -> Option<&'c Column> {
    columns.iter().find(|c| matches!(c.ty, ColumnType::Date { .. } | ColumnType::Month { .. }) && !c.nullable).copied()
}

fn sex_age(options: &str, (_, last): (i16, i16)) -> String {
    let end = last.saturating_add(1);
    format!(
        "-- Room profile: persons by sex and age\nSELECT WITH DIFFERENTIAL_PRIVACY {options}\n       sex, RANGE_BUCKET(AGE_AT(birth_ym, DATE \
         '{end}-03-31'), {AGES}) AS age, COUNT(*) AS persons\nFROM {PERSON}\nGROUP BY sex, age"
    )
}

fn by_year(table: &Table, columns: &[&Column], options: &str, (first, last): (i16, i16)) -> String {
    let (name, end) = (&table.name, last.saturating_add(1));
    let day = day(columns).map_or("", |column| column.name.as_str());
    format!(
        "-- Room profile: persons of {name} by year\nSELECT WITH DIFFERENTIAL_PRIVACY {options}\n       FISCAL_YEAR({day}) AS year, \
         COUNT(DISTINCT person_id) AS persons\nFROM {name}\nWHERE {day} BETWEEN DATE '{first}-04-01' AND DATE '{end}-03-31'\nGROUP BY year"
    )
}

fn values(table: &Table, columns: &[&Column], options: &str) -> String {
    let name = &table.name;
    let missing: Vec<&str> = columns.iter().filter(|c| c.nullable).map(|c| c.name.as_str()).collect();
    let has: Vec<String> = missing.iter().map(|c| format!(", LOGICAL_OR({c} IS NOT NULL) AS has_{c}")).collect();
    let count: Vec<String> = missing.iter().map(|c| format!(", COUNTIF(has_{c}) AS {c}")).collect();
    format!(
        "-- Room profile: persons of {name} with a value of each column\nWITH has AS (SELECT person_id{} FROM {name} GROUP BY \
         person_id)\nSELECT WITH DIFFERENTIAL_PRIVACY {options}\n       COUNT(*) AS persons{}\nFROM has",
        has.concat(),
        count.concat()
    )
}

/// What was released of a room's sizes: noisy persons.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Profile {
    /// Persons by sex and age: (sex, age in words, persons).
    pub sex_age: Vec<(String, String, f64)>,
    /// Persons per table and year.
    pub years: BTreeMap<String, BTreeMap<String, f64>>,
    /// Persons with a row, per table.
    pub persons: BTreeMap<String, f64>,
    /// Persons with a value, per table and column.
    pub values: BTreeMap<(String, String), f64>,
}

impl Profile {
    /// Adds a released part. What was suppressed is few, and counts as none.
    pub fn add(&mut self, part: &Part, answer: &Answer) {
        let released = || answer.cells.iter().filter(|cell| cell.status == Status::Released);
        let first = |cell: &crate::release::Cell| cell.values.first()?.as_ref().map(|value| value.value.max(0.0));
        match part.kind {
            PartKind::SexAge => {
                for cell in released() {
                    let word = |key: usize| {
                        let value = cell.keys.get(key).map_or("", String::as_str);
                        let found = answer.keys.get(key).and_then(|k| {
                            k.meanings.get(k.values.iter().position(|v| v == value)?).filter(|m| !m.is_empty())
                        });
                        found.map_or_else(|| value.to_owned(), Clone::clone)
                    };
                    if let Some(persons) = first(cell) {
                        self.sex_age.push((word(0), word(1), persons));
                    }
                }
            }
            PartKind::Years => {
                let years = self.years.entry(part.table.clone()).or_default();
                for cell in released() {
                    if let (Some(year), Some(persons)) = (cell.keys.first(), first(cell)) {
                        years.insert(year.clone(), persons);
                    }
                }
            }
            PartKind::Values => {
                let Some(cell) = released().next() else { return };
                let measured = answer.columns.iter().filter(|column| !matches!(column.kind, ColumnKind::Key(_)));
                for (column, value) in measured.zip(&cell.values) {
                    let Some(persons) = value.as_ref().map(|value| value.value.max(0.0)) else { continue };
                    if column.name == "persons" {
                        self.persons.insert(part.table.clone(), persons);
                    } else {
                        self.values.insert((part.table.clone(), column.name.clone()), persons);
                    }
                }
            }
        }
    }

    /// About how many persons have what a plan reads: the fewest over its tables and columns. No statement about its filters. None if
    /// the profile tells nothing of them.
    #[must_use]
    pub fn persons(&self, plan: &Plan) -> Option<f64> {
        let sizes = plan.columns().iter().filter_map(|(table, column)| {
            let of_table = self.persons.get(table).copied();
            let of_column = self.values.get(&(table.clone(), column.clone())).copied();
            match (of_table, of_column) {
                (Some(a), Some(b)) => Some(a.min(b)),
                (a, b) => a.or(b),
            }
        });
        sizes.reduce(f64::min)
    }

    /// [`Profile::persons`] per group, were they spread evenly over the groups that they can be in.
    #[must_use]
    pub fn per_group(&self, plan: &Plan) -> Option<f64> {
        // Nobody knows how many there are.
        if plan.is_open() {
            return None;
        }
        let each = f64::from(plan.max_groups()).min(plan.cells() as f64);
        Some(self.persons(plan)? * each.max(1.0) / plan.cells().max(1) as f64)
    }

    /// Whether nothing was released.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.persons.is_empty() && self.years.is_empty() && self.values.is_empty()
    }
}

#[cfg(test)]
mod tests;
