//! The typed tree under a plan: relations whose every row belongs to one person, and total expressions over them.
//! Not SQL: `engine` writes SQL from these nodes and from nothing else.
//!
//! In the engine every value is an integer on its column's grid (dates are days since 1970-01-01, categories are positions in
//! their closed list), a truth value, a code (text) or a key; each can be NULL where the checker says so.

mod expr;
mod public;
mod window;

use serde::Serialize;

pub use expr::{ArithmeticOp, CompareOp, DatePart, Expr};
pub use public::PublicRows;
pub(crate) use public::{PublicColumn, PublicKey, PublicValue};
pub use window::Windowed;
use window::numbered;
pub(crate) use window::{Frame, Order, WindowFunction};

/// Integers in plans stay within ±LIMIT grid units: what could leave saturates there. A bound that equals ±LIMIT is no bound.
pub const LIMIT: i64 = 1_000_000_000_000_000;

/// How many rows of a relation one person can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Rows {
    /// At most one.
    One,
    /// At most so many.
    AtMost(u64),
    /// No bound can be proven.
    Unbounded,
}

impl Rows {
    /// The bound, if there is one.
    pub fn bound(self) -> Option<u64> {
        match self {
            Rows::One => Some(1),
            Rows::AtMost(k) => Some(k),
            Rows::Unbounded => None,
        }
    }

    /// Normal form: `AtMost(1)` is `One`.
    pub(crate) fn at_most(k: u64) -> Rows {
        if k <= 1 { Rows::One } else { Rows::AtMost(k) }
    }
}

impl std::fmt::Display for Rows {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Rows::One => f.write_str("one row per person"),
            Rows::AtMost(k) => write!(f, "at most {k} rows per person"),
            Rows::Unbounded => f.write_str("any number of rows per person"),
        }
    }
}

/// A column of a relation, by a number that is unique in the plan.
pub(crate) type ColumnId = u32;

/// A relation of rows of persons. The person (`pid`) is a column of every relation; where a person can have several rows, so is the `draw`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Relation {
    /// A catalogue table.
    Scan {
        /// Which mention of a table in the question this is.
        number: usize,
        /// Table name in the catalogue.
        table: String,
        /// Rows per person.
        rows: Rows,
        /// The columns read.
        columns: Vec<ScanColumn>,
    },
    /// Rows for which the predicate is true.
    Filter {
        /// Source.
        input: Box<Relation>,
        /// Truth value; NULL drops the row.
        predicate: Expr,
    },
    /// Computed columns, one row per row.
    Project {
        /// Source.
        input: Box<Relation>,
        /// New columns.
        columns: Vec<Computed>,
    },
    /// One row per person and combination of keys.
    Reduce {
        /// Source.
        input: Box<Relation>,
        /// Keys besides the person.
        keys: Vec<Computed>,
        /// Aggregates.
        aggregates: Vec<Reduced>,
        /// Rows per person of the result.
        rows: Rows,
    },
    /// Rows of the same person, side by side.
    Join {
        /// Left source; an outer join keeps all its rows.
        left: Box<Relation>,
        /// Right source.
        right: Box<Relation>,
        /// LEFT JOIN.
        outer: bool,
        /// Condition beyond the same person.
        on: Option<Expr>,
        /// A truth value: whether a left row met a right row.
        present: ColumnId,
        /// Rows per person of the result.
        rows: Rows,
    },
    /// The same rows with columns of window functions, keyed by the person.
    Window {
        /// Source.
        input: Box<Relation>,
        /// New columns.
        columns: Vec<Windowed>,
    },
    /// Rows beside those rows of a small public table that have the same key.
    Lookup {
        /// Source; an outer join keeps all its rows.
        input: Box<Relation>,
        /// The public table.
        table: PublicRows,
        /// LEFT JOIN.
        outer: bool,
        /// A truth value: whether a row met one of the table.
        present: ColumnId,
    },
    /// At most so many rows per person: those with the smallest draws.
    Cap {
        /// Source.
        input: Box<Relation>,
        /// Rows kept per person.
        rows: u64,
    },
}

impl Relation {
    /// Rows per person that a row number's filter leaves by the structure of the relation alone; None if this is no such filter.
    pub(crate) fn first_rows(&self) -> Option<u64> {
        match self {
            Relation::Filter { input, predicate } => numbered(predicate, input),
            _ => None,
        }
    }

    /// Rows per person.
    pub fn rows(&self) -> Rows {
        match self {
            Relation::Scan { rows, .. } | Relation::Reduce { rows, .. } | Relation::Join { rows, .. } => *rows,
            Relation::Filter { input, predicate } => match numbered(predicate, input) {
                Some(k) => Rows::at_most(input.rows().bound().map_or(k, |rows| rows.min(k))),
                None => input.rows(),
            },
            Relation::Project { input, .. } | Relation::Window { input, .. } => input.rows(),
            Relation::Lookup { input, table, .. } => match input.rows().bound() {
                Some(k) => Rows::at_most(k.saturating_mul(table.most().max(1))),
                None => Rows::Unbounded,
            },
            Relation::Cap { input, rows } => match input.rows().bound() {
                Some(k) => Rows::at_most(k.min(*rows)),
                None => Rows::at_most(*rows),
            },
        }
    }
}

/// A column read from a catalogue table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ScanColumn {
    pub(crate) id: ColumnId,
    pub(crate) name: String,
    pub(crate) kind: ScanKind,
    /// Where NULL can't be, a NULL in the store is read as the column's first or `other` value.
    pub(crate) nullable: bool,
}

/// How a stored column becomes the engine's value. Bounds are enforced again while reading.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ScanKind {
    /// INTEGER or BIGINT in grid units, clamped to [lo, hi].
    Integer { lo: i64, hi: i64 },
    /// DATE, clamped to [lo, hi] (days since 1970-01-01).
    Date { lo: i64, hi: i64 },
    /// UTINYINT position in a list of so many values; what lies beyond is the last (`other`).
    Category { values: i64 },
    /// BOOLEAN.
    Flag,
    /// VARCHAR.
    Code,
    /// UBIGINT.
    Key,
}

/// A computed column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Computed {
    pub(crate) id: ColumnId,
    pub(crate) expr: Expr,
}

/// An aggregate within a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reduced {
    pub(crate) id: ColumnId,
    pub(crate) aggregate: Aggregate,
}

/// Aggregates within a person. All total: sums saturate at [`LIMIT`], means round half away from zero on the grid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Aggregate {
    CountRows,
    Count(Expr),
    CountIf(Expr),
    CountDistinct(Expr),
    Sum(Expr),
    Mean(Expr),
    Min(Expr),
    Max(Expr),
    /// TRUE if one value is TRUE (`any`) or if none is FALSE; NULLs are ignored.
    Truth {
        input: Expr,
        any: bool,
    },
    /// `value` where `by` is greatest (`last`) or least, rows with a NULL in either ignored; ties go to the greatest (least) value.
    /// Both are packed into one integer: (by − by_lo) × span + (value − value_lo).
    ValueBy {
        value: Expr,
        by: Expr,
        last: bool,
        by_lo: i64,
        by_span: u64,
        value_lo: i64,
        value_span: u64,
        truth: bool,
    },
}
