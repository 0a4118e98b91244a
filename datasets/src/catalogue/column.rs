//! Columns and their types; conversions between what is stored (integers) and what people read.

use std::borrow::Cow;

use jiff::civil::Date;
use serde::{Deserialize, Serialize, Serializer};

/// How much harm a column can do to the person it speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sensitivity {
    /// Plain facts of registration.
    Ordinary,
    /// Not special by law, but tells of health or singles people out (lifelogs, small workplaces).
    Sensitive,
    /// 要配慮個人情報: history of disease, checkup results, care and dispensing (個人情報保護法 2条3項, 施行令 2条).
    Special,
}

/// One value of a closed list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CategoryValue {
    /// The code that files and questions use.
    pub code: String,
    /// What people read, Japanese first.
    pub label: String,
}

/// What a column holds. Measured values are integers on their grid: stored = value × 10^digits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ColumnType {
    /// A number on a decimal grid.
    Integer {
        /// UCUM unit of the value (not of the stored integer).
        unit: String,
        /// Lower bound in stored units.
        min: i64,
        /// Upper bound in stored units.
        max: i64,
        /// Decimals kept.
        digits: u8,
    },
    /// A day.
    Date {
        /// First day.
        #[serde(serialize_with = "as_text")]
        min: Date,
        /// Last day.
        #[serde(serialize_with = "as_text")]
        max: Date,
    },
    /// A month, stored as its first day.
    Month {
        /// First day of the first month.
        #[serde(serialize_with = "as_text")]
        min: Date,
        /// First day of the last month.
        #[serde(serialize_with = "as_text")]
        max: Date,
    },
    /// An entry of a closed list, stored as its index; the last entry is always `other`.
    Category {
        /// The list.
        values: Vec<CategoryValue>,
    },
    /// A code of an open system.
    Code {
        /// Name of the code system.
        system: String,
        /// Longest code, in bytes (codes are ASCII).
        max_len: usize,
    },
    /// A keyed 64-bit name of a facility or workplace.
    Key,
    /// Yes or no.
    Flag,
}

fn as_text<S: Serializer>(date: &Date, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(date)
}

/// A column of a canonical table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Column {
    /// Name in SQL.
    pub name: String,
    /// What it holds.
    #[serde(flatten)]
    pub ty: ColumnType,
    /// Whether NULL can occur; NULL is a category of its own.
    pub nullable: bool,
    /// How sensitive it is.
    pub sensitivity: Sensitivity,
    /// Where bounds, list and grid come from: a standard, a master or a policy; never loaded data.
    pub origin: String,
    /// What it means.
    pub description: String,
}

impl Column {
    /// Bounds in stored integers, both included: grid units, days since 1970-01-01, index into the list, 0 or 1.
    /// `None` for codes and keys.
    pub fn bounds(&self) -> Option<(i64, i64)> {
        match &self.ty {
            ColumnType::Integer { min, max, .. } => Some((*min, *max)),
            ColumnType::Date { min, max } | ColumnType::Month { min, max } => {
                Some((i64::from(days_from_civil(*min)), i64::from(days_from_civil(*max))))
            }
            ColumnType::Category { values } => Some((0, i64::try_from(values.len()).ok()?.saturating_sub(1))),
            ColumnType::Flag => Some((0, 1)),
            ColumnType::Code { .. } | ColumnType::Key => None,
        }
    }

    /// Moves a stored integer into the bounds. An index that is not in the closed list becomes `other`; a day
    /// within a month becomes the month's first. Codes and keys stay as they are.
    pub fn clamp(&self, stored: i64) -> i64 {
        let Some((low, high)) = self.bounds() else {
            return stored;
        };
        match &self.ty {
            ColumnType::Category { .. } if stored < low => high,
            ColumnType::Month { .. } => first_of_month(stored.clamp(low, high)),
            _ => stored.clamp(low, high),
        }
    }

    /// The index of a category's code; an unknown code is `other`. `None` if this column is no category.
    pub fn category(&self, code: &str) -> Option<i32> {
        let values = self.values();
        let other = values.len().checked_sub(1)?;
        let index = values.iter().position(|v| v.code == code).unwrap_or(other);
        i32::try_from(index).ok()
    }

    /// The index of a category's code, or `None` if the list doesn't have it: for questions, where a misspelt code
    /// must not silently mean `other`.
    pub fn known_category(&self, code: &str) -> Option<i32> {
        let index = self.values().iter().position(|v| v.code == code)?;
        i32::try_from(index).ok()
    }

    /// The closed list; empty if this column is no category.
    pub fn values(&self) -> &[CategoryValue] {
        match &self.ty {
            ColumnType::Category { values } => values,
            _ => &[],
        }
    }

    /// How many different non-NULL values the column can have, where that is known beforehand.
    pub fn cardinality(&self) -> Option<u64> {
        let (low, high) = self.bounds()?;
        match &self.ty {
            ColumnType::Month { min, max } => {
                let months = |d: &Date| i64::from(d.year()) * 12 + i64::from(d.month());
                u64::try_from(months(max) - months(min) + 1).ok()
            }
            _ => u64::try_from(high.checked_sub(low)?.checked_add(1)?).ok(),
        }
    }

    /// Decimals of the grid; 0 for everything but [`ColumnType::Integer`].
    pub fn digits(&self) -> u8 {
        match &self.ty {
            ColumnType::Integer { digits, .. } => *digits,
            _ => 0,
        }
    }

    /// What people read for a stored integer: `6.5`, `2024-04-01`, `2024-04`, a category's code, `true`.
    pub fn show(&self, stored: i64) -> Cow<'_, str> {
        match &self.ty {
            ColumnType::Integer { digits, .. } => super::grid::show(stored, *digits).into(),
            ColumnType::Date { .. } => match i32::try_from(stored).ok().and_then(civil_from_days) {
                Some(date) => date.to_string().into(),
                None => "".into(),
            },
            ColumnType::Month { .. } => match i32::try_from(stored).ok().and_then(civil_from_days) {
                Some(date) => format!("{:04}-{:02}", date.year(), date.month()).into(),
                None => "".into(),
            },
            ColumnType::Category { values } => {
                let entry = usize::try_from(stored).ok().and_then(|i| values.get(i));
                entry.map_or("", |v| v.code.as_str()).into()
            }
            ColumnType::Flag => if stored == 0 { "false" } else { "true" }.into(),
            ColumnType::Code { .. } | ColumnType::Key => stored.to_string().into(),
        }
    }
}

const EPOCH: Date = jiff::civil::date(1970, 1, 1);

/// Days since 1970-01-01, as Arrow's and DuckDB's date32.
pub fn days_from_civil(date: Date) -> i32 {
    let span = date.duration_since(EPOCH);
    // jiff's years are -9999..=9999: about ±4.4 million days.
    i32::try_from(span.as_hours() / 24).unwrap_or(i32::MAX)
}

/// The day, or `None` outside the years -9999 to 9999.
pub fn civil_from_days(days: i32) -> Option<Date> {
    let hours = i64::from(days).checked_mul(24)?;
    EPOCH.checked_add(jiff::SignedDuration::from_hours(hours)).ok()
}

fn first_of_month(days: i64) -> i64 {
    let date = i32::try_from(days).ok().and_then(civil_from_days);
    date.map_or(days, |d| i64::from(days_from_civil(d.first_of_month())))
}
