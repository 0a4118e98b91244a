//! Small public tables beside persons' rows: written out in the question, or a file that travels with the request. They hold no person;
//! a person's row meets those of its rows that have the same key.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{ColumnId, Expr};

/// The rows of a public table, by columns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PublicRows {
    /// What a person's row is compared with: equal in all of them.
    pub(crate) keys: Vec<PublicKey>,
    /// Columns handed on.
    pub(crate) columns: Vec<PublicColumn>,
    /// Number of rows.
    pub(crate) rows: usize,
}

/// `expr = value`, one value per row; NULL meets nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct PublicKey {
    pub(crate) expr: Expr,
    pub(crate) values: Vec<PublicValue>,
}

/// A column of the public table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct PublicColumn {
    pub(crate) id: ColumnId,
    pub(crate) values: Vec<PublicValue>,
}

/// A value as the engine has it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PublicValue {
    Null,
    /// Grid units, days, positions.
    Integer(i64),
    Code(String),
}

impl PublicRows {
    /// Most rows of the table that share a key: counted, not claimed.
    pub(crate) fn most(&self) -> u64 {
        let mut seen: BTreeMap<Vec<&PublicValue>, u64> = BTreeMap::new();
        for row in 0..self.rows {
            let key: Vec<&PublicValue> = self.keys.iter().filter_map(|key| key.values.get(row)).collect();
            if !key.contains(&&PublicValue::Null) {
                *seen.entry(key).or_default() += 1;
            }
        }
        seen.values().copied().max().unwrap_or(0)
    }
}
