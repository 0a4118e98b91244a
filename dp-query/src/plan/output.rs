//! What the answer shows, and which of its rows: all of it computed from released values. Not what is counted: see `statistic`.

use serde::Serialize;

use crate::relation::CompareOp;

/// A column of the answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Output {
    /// Name in the answer.
    pub name: String,
    /// What it shows.
    pub what: OutputKind,
}

/// How an output comes from keys and statistics (indices into [`Plan::keys`] and [`Plan::statistics`]). Everything but a key is computed
/// from released statistics alone, and costs nothing beyond them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OutputKind {
    /// A grouping key.
    Key(usize),
    /// A count.
    Count(usize),
    /// A sum; `count` × centre is added back if the sum is centred.
    Sum {
        /// The sum.
        sum: usize,
        /// The number of contributions, if the sum is centred.
        count: Option<usize>,
    },
    /// Mean over persons: sum / count + centre.
    Mean {
        /// The centred sum.
        sum: usize,
        /// The number of persons that have a value.
        count: usize,
    },
    /// Variance over persons: squares / count − (sum / count)², both about the same centre.
    Variance {
        /// The centred sum.
        sum: usize,
        /// The sum of squares about the centre, itself centred.
        squares: usize,
        /// The number of persons that have a value.
        count: usize,
        /// Divided by n − 1 instead of n.
        sample: bool,
        /// Its square root.
        root: bool,
    },
    /// A quantile of the values of persons.
    Quantile {
        /// Persons by bin.
        bins: usize,
        /// Share of persons at or below it, in millionths.
        millionths: u32,
    },
    /// Persons in one bin.
    Bin {
        /// Persons by bin.
        bins: usize,
        /// Which.
        bin: usize,
    },
    /// Kaplan–Meier estimate at the end of a time bucket, from persons by (bucket, censored or event); bin 2k holds those censored in
    /// bucket k, bin 2k + 1 the events, the last bin those who reached the horizon.
    Survival {
        /// Persons by bin.
        table: usize,
        /// Which bucket.
        bucket: usize,
    },
    /// A number written out: mantissa / 10^digits.
    Constant {
        /// All digits.
        mantissa: i64,
        /// Decimals.
        digits: u8,
    },
    /// Arithmetic over released values.
    Arithmetic {
        /// Operation.
        op: FormulaOp,
        /// Left operand.
        left: Box<OutputKind>,
        /// Right operand.
        right: Box<OutputKind>,
    },
}

/// + − × ÷ over released values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum FormulaOp {
    Add,
    Subtract,
    Multiply,
    Divide,
}

/// Which released rows the answer holds, and in which order. All of it is decided by released values.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct View {
    /// HAVING.
    pub having: Option<Condition>,
    /// ORDER BY.
    pub order: Vec<Order>,
    /// LIMIT.
    pub limit: Option<u64>,
}

/// A condition over released values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// A comparison.
    Compare {
        /// Operation.
        op: CompareOp,
        /// Left operand.
        left: OutputKind,
        /// Right operand.
        right: OutputKind,
    },
    /// All true.
    And(Vec<Condition>),
    /// One true.
    Or(Vec<Condition>),
    /// Negation.
    Not(Box<Condition>),
}

/// An item of ORDER BY.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Order {
    /// A key (by the order of its list) or a value.
    pub by: OutputKind,
    /// DESC.
    pub descending: bool,
}
