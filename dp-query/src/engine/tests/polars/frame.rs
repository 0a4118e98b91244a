//! Values, and columns of a data frame as lists of values. A frame has a column `pid`, one per column of the relation, and a `draw` where a
//! person can have several rows.

use std::collections::BTreeMap;

use polars::prelude::*;

/// One value of one row; ordered within its kind.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Value {
    Null,
    Truth(bool),
    Integer(i64),
    Key(u64),
    Code(String),
}

impl Value {
    pub(super) fn is_null(&self) -> bool {
        *self == Value::Null
    }

    /// NULL or an integer.
    pub(super) fn integer(&self) -> Option<i128> {
        match self {
            Value::Null => None,
            Value::Integer(value) => Some(i128::from(*value)),
            other => panic!("not an integer: {other:?}"),
        }
    }

    /// NULL or a truth value.
    pub(super) fn truth(&self) -> Option<bool> {
        match self {
            Value::Null => None,
            Value::Truth(value) => Some(*value),
            other => panic!("not a truth value: {other:?}"),
        }
    }

    /// What fits into no 64 bits is a fault of the checker: it said that it does.
    pub(super) fn of(value: Option<i128>) -> Value {
        value.map_or(Value::Null, |value| Value::Integer(i64::try_from(value).expect("an integer of 64 bits")))
    }
}

pub(super) fn name(id: u32) -> String {
    format!("c{id}")
}

/// A column of a frame; the first value that isn't NULL tells its type.
pub(super) fn column(name: &str, values: &[Value]) -> Column {
    let name = PlSmallStr::from(name);
    let integer = |value: &Value| value.integer().map(|value| i64::try_from(value).unwrap());
    let code = |value: &Value| match value {
        Value::Code(text) => Some(text.clone()),
        Value::Null => None,
        other => panic!("not a code: {other:?}"),
    };
    let key = |value: &Value| match value {
        Value::Key(key) => Some(*key),
        Value::Null => None,
        other => panic!("not a key: {other:?}"),
    };
    match values.iter().find(|value| !value.is_null()) {
        Some(Value::Truth(_)) => Column::new(name, values.iter().map(Value::truth).collect::<Vec<_>>()),
        Some(Value::Code(_)) => Column::new(name, values.iter().map(code).collect::<Vec<_>>()),
        Some(Value::Key(_)) => Column::new(name, values.iter().map(key).collect::<Vec<_>>()),
        _ => Column::new(name, values.iter().map(integer).collect::<Vec<_>>()),
    }
}

/// The values of a frame's column.
pub(super) fn values(frame: &DataFrame, name: &str) -> Vec<Value> {
    let column = frame.column(name).unwrap();
    let null = |value: Option<Value>| value.unwrap_or(Value::Null);
    match column.dtype() {
        DataType::Boolean => column.bool().unwrap().iter().map(|v| null(v.map(Value::Truth))).collect(),
        DataType::Int64 => column.i64().unwrap().iter().map(|v| null(v.map(Value::Integer))).collect(),
        DataType::UInt64 => column.u64().unwrap().iter().map(|v| null(v.map(Value::Key))).collect(),
        DataType::String => column.str().unwrap().iter().map(|v| null(v.map(|v| Value::Code(v.to_owned())))).collect(),
        other => panic!("a column of type {other}"),
    }
}

/// The columns of the relation, by number.
pub(super) fn columns(frame: &DataFrame) -> BTreeMap<u32, Vec<Value>> {
    let numbered = |name: &PlSmallStr| name.strip_prefix('c').and_then(|id| id.parse().ok());
    frame.get_column_names().into_iter().filter_map(|name| Some((numbered(name)?, values(frame, name)))).collect()
}

pub(super) fn has(frame: &DataFrame, name: &str) -> bool {
    frame.get_column_names().iter().any(|column| column.as_str() == name)
}

/// Rows of each group, in the frame's order, groups by their first row; NULLs are alike.
pub(super) fn groups(frame: &DataFrame, by: &[String]) -> Vec<Vec<usize>> {
    if frame.height() == 0 {
        return Vec::new();
    }
    let grouped = frame.group_by_stable(by).unwrap();
    let place = |row: IdxSize| usize::try_from(row).unwrap();
    grouped
        .get_groups()
        .iter()
        .map(|group| match group {
            GroupsIndicator::Idx((_, rows)) => rows.iter().copied().map(place).collect(),
            GroupsIndicator::Slice([first, length]) => (place(first)..place(first + length)).collect(),
        })
        .collect()
}

/// The rows for which a list says TRUE.
pub(super) fn filter(frame: &DataFrame, keep: impl Iterator<Item = bool>) -> DataFrame {
    let mask: Vec<bool> = keep.collect();
    frame.filter(&BooleanChunked::from_slice("mask".into(), &mask)).unwrap()
}
