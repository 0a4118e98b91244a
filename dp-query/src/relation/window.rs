//! Windows over the rows of one person. The person is always a key of the partition, and the stored draw ends every order, so that the
//! result doesn't depend on other persons, on the engine or on how rows lie in the store.

use serde::Serialize;

use super::{Aggregate, ColumnId, CompareOp, Expr, Relation};

/// A column made by a window function: one value per row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Windowed {
    pub(crate) id: ColumnId,
    pub(crate) function: WindowFunction,
    /// Keys besides the person.
    pub(crate) partition: Vec<Expr>,
    /// The draw comes last, unseen. Empty: the frame is the whole partition.
    pub(crate) order: Vec<Order>,
    /// ROWS frame; None: all rows of the partition, or what the function has by itself.
    pub(crate) frame: Option<Frame>,
}

/// Functions over windows. All total; LAG, LEAD and empty frames give NULL.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum WindowFunction {
    /// 1, 2, 3, … in the order.
    RowNumber,
    /// The value so many rows before.
    Lag { input: Expr, offset: i64 },
    /// The value so many rows behind.
    Lead { input: Expr, offset: i64 },
    /// The value of the frame's first row.
    First(Expr),
    /// The value of the frame's last row.
    Last(Expr),
    /// Counts, sums, means, extremes of the frame.
    Aggregate(Aggregate),
}

/// One expression of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Order {
    pub(crate) expr: Expr,
    pub(crate) descending: bool,
    pub(crate) nulls_first: bool,
}

/// Rows of a frame relative to the row at hand: negative before it, positive behind it; None: to the end of the partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct Frame {
    pub(crate) start: Option<i64>,
    pub(crate) end: Option<i64>,
}

impl Frame {
    /// Whether the row at hand is always within.
    pub(crate) fn holds_current(self) -> bool {
        self.start.is_none_or(|start| start <= 0) && self.end.is_none_or(|end| end >= 0)
    }

    /// Most rows, if bounded on both sides.
    pub(crate) fn most(self) -> Option<u64> {
        let rows = self.end?.checked_sub(self.start?)?.checked_add(1)?;
        Some(u64::try_from(rows).unwrap_or(0))
    }
}

/// Rows per person that a filter on a row number over all rows of the person leaves: `n = k`, `n <= k`, `n < k`, `n IN (…)`. By the
/// structure alone, so that the engine may rest on it.
pub(crate) fn numbered(predicate: &Expr, input: &Relation) -> Option<u64> {
    let whole = |value: i64| u64::try_from(value).unwrap_or(0);
    match predicate {
        Expr::And(parts) => parts.iter().filter_map(|part| numbered(part, input)).min(),
        Expr::Compare { op, left, right } => {
            let (id, op, value) = match (left.as_ref(), right.as_ref()) {
                (Expr::Column(id), Expr::Integer(value)) => (*id, *op, *value),
                (Expr::Integer(value), Expr::Column(id)) => (*id, op.flipped(), *value),
                _ => return None,
            };
            let most = match op {
                CompareOp::Equal => 1,
                CompareOp::LessEqual => whole(value),
                CompareOp::Less => whole(value.saturating_sub(1)),
                _ => return None,
            };
            is_row_number(id, input).then_some(most)
        }
        Expr::InSet { input: column, values } => match column.as_ref() {
            Expr::Column(id) if is_row_number(*id, input) => u64::try_from(values.len()).ok(),
            _ => None,
        },
        _ => None,
    }
}

/// Whether a column numbers all rows of a person, each number once. Joins and groupings may repeat it, and end the search.
fn is_row_number(id: ColumnId, relation: &Relation) -> bool {
    match relation {
        Relation::Window { input, columns } => match columns.iter().find(|column| column.id == id) {
            Some(column) => column.function == WindowFunction::RowNumber && column.partition.is_empty(),
            None => is_row_number(id, input),
        },
        Relation::Filter { input, .. } | Relation::Cap { input, .. } => is_row_number(id, input),
        Relation::Project { input, columns } => columns
            .iter()
            .find(|column| column.id == id)
            .is_some_and(|column| matches!(column.expr, Expr::Column(inner) if is_row_number(inner, input))),
        _ => false,
    }
}
