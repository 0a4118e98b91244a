//! Total expressions over the columns of one row.

use serde::Serialize;

#[cfg(doc)]
use super::LIMIT;

/// Total expressions. What the types allow can't fail in the engine: no cast, no division by zero, no overflow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Expr {
    /// A column of the input.
    Column(u32),
    /// An integer in grid units, a date in days, a category's position.
    Integer(i64),
    /// TRUE or FALSE.
    Bool(bool),
    /// NULL.
    Null,
    /// Exact arithmetic; `wide` computes in 128 bits and saturates at [`LIMIT`].
    Arithmetic {
        /// Operation.
        op: ArithmeticOp,
        /// Left operand.
        left: Box<Expr>,
        /// Right operand.
        right: Box<Expr>,
        /// 128 bits, saturating.
        wide: bool,
    },
    /// Integer division by a constant that isn't 0, truncated towards zero.
    Divide {
        /// Dividend.
        input: Box<Expr>,
        /// Divisor.
        by: i64,
    },
    /// Rest of the division by a positive constant, with the sign of the dividend.
    Modulo {
        /// Dividend.
        input: Box<Expr>,
        /// Divisor.
        by: i64,
    },
    /// A date so many calendar months later (earlier, if negative); a day beyond the month's end becomes its last.
    AddMonths {
        /// A date.
        input: Box<Expr>,
        /// Months.
        months: i64,
    },
    /// The first characters of a code.
    Prefix {
        /// A code.
        input: Box<Expr>,
        /// How many.
        length: u32,
    },
    /// Comparison of integers, or equality of truth values and keys.
    Compare {
        /// Operation.
        op: CompareOp,
        /// Left operand.
        left: Box<Expr>,
        /// Right operand.
        right: Box<Expr>,
    },
    /// All true.
    And(Vec<Expr>),
    /// One true.
    Or(Vec<Expr>),
    /// Negation.
    Not(Box<Expr>),
    /// NULL or not; never NULL itself.
    IsNull(Box<Expr>),
    /// The integer is in a list; NULL stays NULL.
    InSet {
        /// Value.
        input: Box<Expr>,
        /// Sorted list.
        values: Vec<i64>,
    },
    /// The code is in a list or starts with one of the prefixes; NULL stays NULL.
    CodeIn {
        /// A code.
        input: Box<Expr>,
        /// Whole codes.
        codes: Vec<String>,
        /// Prefixes.
        prefixes: Vec<String>,
    },
    /// First arm whose condition is true.
    Case {
        /// (condition, value).
        arms: Vec<(Expr, Expr)>,
        /// Value without a true condition.
        otherwise: Box<Expr>,
    },
    /// How many of the ascending boundaries are ≤ the value; NULL stays NULL.
    RangeBucket {
        /// Value.
        input: Box<Expr>,
        /// Boundaries in the value's grid units.
        bounds: Vec<i64>,
        /// What each position means, in the value's own units.
        labels: Vec<String>,
    },
    /// Position in one closed list to position in another.
    Remap {
        /// Position, within the list.
        input: Box<Expr>,
        /// New position per old one.
        to: Vec<i64>,
    },
    /// A part of a date.
    DatePart {
        /// Which.
        part: DatePart,
        /// A date.
        input: Box<Expr>,
    },
    /// Whole years between a month of birth and a date, counted in months, rounded down.
    AgeAt {
        /// First day of the month of birth.
        birth: Box<Expr>,
        /// The day.
        date: Box<Expr>,
    },
    /// Greatest or least of several integers; NULL if one is NULL.
    Extreme {
        /// Greatest.
        greatest: bool,
        /// Left operand.
        left: Box<Expr>,
        /// Right operand.
        right: Box<Expr>,
    },
}

impl Expr {
    /// Number of nodes.
    pub(crate) fn size(&self) -> usize {
        let children: usize = match self {
            Expr::Column(_) | Expr::Integer(_) | Expr::Bool(_) | Expr::Null => 0,
            Expr::Arithmetic { left, right, .. }
            | Expr::Compare { left, right, .. }
            | Expr::Extreme { left, right, .. }
            | Expr::AgeAt { birth: left, date: right } => left.size() + right.size(),
            Expr::And(parts) | Expr::Or(parts) => parts.iter().map(Expr::size).sum(),
            Expr::Not(input) | Expr::IsNull(input) => input.size(),
            Expr::Divide { input, .. }
            | Expr::Modulo { input, .. }
            | Expr::AddMonths { input, .. }
            | Expr::Prefix { input, .. }
            | Expr::DatePart { input, .. } => input.size(),
            Expr::InSet { input, values } => input.size() + values.len(),
            Expr::CodeIn { input, codes, prefixes } => input.size() + codes.len() + prefixes.len(),
            Expr::RangeBucket { input, bounds, .. } => input.size() + bounds.len(),
            Expr::Remap { input, to } => input.size() + to.len(),
            Expr::Case { arms, otherwise } => {
                arms.iter().map(|(condition, value)| condition.size() + value.size()).sum::<usize>() + otherwise.size()
            }
        };
        children + 1
    }
}

/// + − ×
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum ArithmeticOp {
    Add,
    Subtract,
    Multiply,
}

/// = <> < <= > >=
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum CompareOp {
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
}

impl CompareOp {
    /// The same comparison with its sides exchanged.
    pub(crate) fn flipped(self) -> CompareOp {
        match self {
            CompareOp::Less => CompareOp::Greater,
            CompareOp::LessEqual => CompareOp::GreaterEqual,
            CompareOp::Greater => CompareOp::Less,
            CompareOp::GreaterEqual => CompareOp::LessEqual,
            same => same,
        }
    }
}

/// Parts of a date, all as integers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum DatePart {
    Year,
    Month,
    Day,
    /// 年度: the year in which the last April began.
    FiscalYear,
    /// First day of the month, as a date.
    MonthStart,
    /// Months since the year 0.
    MonthNumber,
    /// 1 to 4.
    Quarter,
    /// First day of the quarter, as a date.
    QuarterStart,
    /// First day of the year, as a date.
    YearStart,
}
