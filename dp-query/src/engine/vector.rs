//! Columns of a chunk and total expressions over them, vector by vector: the same values as the SQL of [`super::expr`], which stays
//! the definition (every engine test holds the two against each other). No rows, no persons, no I/O.

use jiff::civil::Date;

use crate::relation::{ArithmeticOp, CompareOp, DatePart, LIMIT};

/// Integers on their grid, days, positions, or truth values as 0 and 1; what is NULL is marked, and its value is without meaning.
#[derive(Debug, Clone, Default)]
pub(super) struct Vector {
    pub(super) values: Vec<i64>,
    pub(super) nulls: Option<Vec<bool>>,
}

/// A compiled expression. Columns are places in a [`Frame`].
#[derive(Debug, Clone)]
pub(super) enum Node {
    Column(usize),
    Constant(Option<i64>),
    /// A value of a column of a small range, looked up.
    Lookup {
        column: usize,
        table: Table,
    },
    Arithmetic(ArithmeticOp, Box<Node>, Box<Node>, bool),
    Divide(Box<Node>, i64),
    Modulo(Box<Node>, i64),
    AddMonths(Box<Node>, i64),
    Compare(CompareOp, Box<Node>, Box<Node>),
    And(Vec<Node>),
    Or(Vec<Node>),
    Not(Box<Node>),
    IsNull(Box<Node>),
    InSet(Box<Node>, Vec<i64>),
    Case(Vec<(Node, Node)>, Box<Node>),
    RangeBucket(Box<Node>, Vec<i64>),
    Remap(Box<Node>, Vec<i64>),
    DatePart(DatePart, Box<Node>),
    AgeAt(Box<Node>, Box<Node>),
    Extreme(bool, Box<Node>, Box<Node>),
    /// A key's part of the cell's number: the position in a list of this length (NULL is the last), times the stride.
    Place {
        input: Box<Node>,
        length: i64,
        stride: i64,
    },
    /// 1 where it is TRUE, else 0.
    True(Box<Node>),
    /// 1 where there is a value, else 0.
    Present(Box<Node>),
}

/// A key's part of the cell's number.
pub(super) fn place(position: Option<i64>, length: i64, stride: i64) -> i64 {
    position.unwrap_or(length - 1).min(length - 1).max(0) * stride
}

/// An expression over one column, computed for every value that the column can have and for NULL (last).
#[derive(Debug, Clone)]
pub(super) struct Table {
    pub(super) lo: i64,
    pub(super) values: Vec<i64>,
    pub(super) nulls: Vec<bool>,
    /// Whether some value, NULL aside, has none.
    pub(super) holes: bool,
}

impl Table {
    fn look(&self, input: &Vector) -> Vector {
        let last = self.values.len().saturating_sub(1);
        // What lies below is far above, as a number without a sign.
        let at = |value: i64| usize::try_from(value.wrapping_sub(self.lo).cast_unsigned()).unwrap_or(last).min(last);
        let place = |(value, null): (&i64, &bool)| if *null { last } else { at(*value) };
        let value = |at: usize| self.values.get(at).copied().unwrap_or(0);
        let null = |at: usize| self.nulls.get(at).copied().unwrap_or(true);
        match &input.nulls {
            None => Vector {
                values: input.values.iter().map(|input| value(at(*input))).collect(),
                nulls: self.holes.then(|| input.values.iter().map(|input| null(at(*input))).collect()),
            },
            Some(nulls) => {
                let pairs = || input.values.iter().zip(nulls).map(place);
                let some = self.holes || null(last);
                Vector { values: pairs().map(value).collect(), nulls: some.then(|| pairs().map(null).collect()) }
            }
        }
    }
}

/// Columns of the same length.
#[derive(Debug, Default)]
pub(super) struct Frame {
    pub(super) rows: usize,
    pub(super) columns: Vec<Vector>,
}

impl Vector {
    pub(super) fn constant(value: Option<i64>, rows: usize) -> Self {
        Self { values: vec![value.unwrap_or(0); rows], nulls: value.is_none().then(|| vec![true; rows]) }
    }

    pub(super) fn null(&self, row: usize) -> bool {
        self.nulls.as_ref().is_some_and(|nulls| nulls.get(row).copied().unwrap_or(true))
    }

    pub(super) fn get(&self, row: usize) -> Option<i64> {
        if self.null(row) { None } else { self.values.get(row).copied() }
    }

    /// TRUE, where NULL is not TRUE.
    pub(super) fn true_rows(self) -> Vec<bool> {
        match self.nulls {
            None => self.values.iter().map(|value| *value != 0).collect(),
            Some(nulls) => self.values.iter().zip(nulls).map(|(value, null)| *value != 0 && !null).collect(),
        }
    }

    /// Value by value.
    pub(super) fn each(&self) -> impl Iterator<Item = Option<i64>> {
        self.values.iter().enumerate().map(|(row, value)| (!self.null(row)).then_some(*value))
    }

    /// Further values.
    pub(super) fn append(&mut self, more: Vector) {
        if self.nulls.is_some() || more.nulls.is_some() {
            let nulls = more.nulls.unwrap_or_else(|| vec![false; more.values.len()]);
            self.nulls.get_or_insert_with(|| vec![false; self.values.len()]).extend(nulls);
        }
        self.values.extend(more.values);
    }

    /// These rows.
    pub(super) fn pick(&mut self, rows: &[u32]) {
        pick(&mut self.values, rows);
        if let Some(nulls) = &mut self.nulls {
            pick(nulls, rows);
        }
    }

    fn map(mut self, f: impl Fn(i64) -> i64) -> Self {
        self.values.iter_mut().for_each(|value| *value = f(*value));
        self
    }

    fn zip(mut self, other: &Vector, f: impl Fn(i64, i64) -> i64) -> Self {
        self.values.iter_mut().zip(&other.values).for_each(|(left, right)| *left = f(*left, *right));
        self.nulls = either(self.nulls, other.nulls.as_deref());
        self
    }
}

/// The numbers of the marked rows.
pub(super) fn marked(marks: &[bool]) -> Vec<u32> {
    let mut rows = vec![0_u32; marks.len()];
    let mut found = 0;
    // Without a branch: whatever is written is overwritten unless its row is marked.
    for (row, mark) in (0_u32..).zip(marks) {
        if let Some(place) = rows.get_mut(found) {
            *place = row;
        }
        found += usize::from(*mark);
    }
    rows.truncate(found);
    rows
}

/// The elements of these rows.
pub(super) fn pick<T: Copy + Default>(list: &mut Vec<T>, rows: &[u32]) {
    *list = rows.iter().map(|row| list.get(*row as usize).copied().unwrap_or_default()).collect();
}

fn either(left: Option<Vec<bool>>, right: Option<&[bool]>) -> Option<Vec<bool>> {
    match (left, right) {
        (left, None) => left,
        (None, Some(right)) => Some(right.to_vec()),
        (Some(mut left), Some(right)) => {
            left.iter_mut().zip(right).for_each(|(left, right)| *left |= *right);
            Some(left)
        }
    }
}

/// Months since the year 0, of days since 1970; out of the calendar, the epoch's.
fn civil(days: i64) -> Date {
    let epoch = jiff::civil::date(1970, 1, 1);
    i32::try_from(days).ok().and_then(|days| epoch.checked_add(jiff::Span::new().days(days)).ok()).unwrap_or(epoch)
}

fn months(days: i64) -> i64 {
    let date = civil(days);
    i64::from(date.year()) * 12 + i64::from(date.month()) - 1
}

fn part(part: DatePart, days: i64) -> i64 {
    let date = civil(days);
    let (year, month, day) = (i64::from(date.year()), i64::from(date.month()), i64::from(date.day()));
    match part {
        DatePart::Year => year,
        DatePart::Month => month,
        DatePart::Day => day,
        DatePart::FiscalYear => year - i64::from(month < 4),
        DatePart::MonthStart => days - day + 1,
        DatePart::MonthNumber => months(days),
        DatePart::Quarter => (month + 2) / 3,
        DatePart::QuarterStart => first_day(date.year(), date.month() - (date.month() - 1) % 3),
        DatePart::YearStart => first_day(date.year(), 1),
    }
}

fn days(date: Date) -> i64 {
    jiff::civil::date(1970, 1, 1).until(date).map_or(0, |span| i64::from(span.get_days()))
}

fn first_day(year: i16, month: i8) -> i64 {
    Date::new(year, month, 1).map_or(0, days)
}

/// So many calendar months later; a day beyond the month's end becomes its last.
fn add_months(day: i64, months: i64) -> i64 {
    civil(day).checked_add(jiff::Span::new().try_months(months).unwrap_or_default()).map_or(day, days)
}

/// Whole years between months, rounded down also before birth.
fn age(months: i64) -> i64 {
    if months >= 0 { months / 12 } else { -((11 - months) / 12) }
}

impl Node {
    /// The expression's values in the rows of a frame.
    pub(super) fn of(&self, frame: &Frame) -> Vector {
        let rows = frame.rows;
        match self {
            Node::Column(at) => frame.columns.get(*at).cloned().unwrap_or_else(|| Vector::constant(None, rows)),
            Node::Constant(value) => Vector::constant(*value, rows),
            Node::Lookup { column, table } => match frame.columns.get(*column) {
                Some(input) => table.look(input),
                None => Vector::constant(None, rows),
            },
            // What the checker proved can't overflow; saturating, so that nothing could fail if it did.
            Node::Arithmetic(op, left, right, wide) => {
                let right = right.of(frame);
                let left = left.of(frame);
                match (op, wide) {
                    (ArithmeticOp::Add, false) => left.zip(&right, i64::saturating_add),
                    (ArithmeticOp::Subtract, false) => left.zip(&right, i64::saturating_sub),
                    (ArithmeticOp::Multiply, false) => left.zip(&right, i64::saturating_mul),
                    (op, true) => left.zip(&right, |a, b| {
                        let (a, b) = (i128::from(a), i128::from(b));
                        let exact = match op {
                            ArithmeticOp::Add => a + b,
                            ArithmeticOp::Subtract => a - b,
                            ArithmeticOp::Multiply => a * b,
                        };
                        let limit = i128::from(LIMIT);
                        i64::try_from(exact.clamp(-limit, limit)).unwrap_or(LIMIT)
                    }),
                }
            }
            Node::Divide(input, by) => input.of(frame).map(|value| value.checked_div(*by).unwrap_or(0)),
            Node::Modulo(input, by) => input.of(frame).map(|value| value.checked_rem(*by).unwrap_or(0)),
            Node::AddMonths(input, months) => input.of(frame).map(|days| add_months(days, *months)),
            Node::Compare(op, left, right) => {
                let (left, right) = (left.of(frame), right.of(frame));
                match op {
                    CompareOp::Equal => left.zip(&right, |a, b| i64::from(a == b)),
                    CompareOp::NotEqual => left.zip(&right, |a, b| i64::from(a != b)),
                    CompareOp::Less => left.zip(&right, |a, b| i64::from(a < b)),
                    CompareOp::LessEqual => left.zip(&right, |a, b| i64::from(a <= b)),
                    CompareOp::Greater => left.zip(&right, |a, b| i64::from(a > b)),
                    CompareOp::GreaterEqual => left.zip(&right, |a, b| i64::from(a >= b)),
                }
            }
            Node::And(parts) => junction(parts, frame, 0),
            Node::Or(parts) => junction(parts, frame, 1),
            Node::Not(input) => input.of(frame).map(|value| i64::from(value == 0)),
            Node::IsNull(input) => {
                let input = input.of(frame);
                match input.nulls {
                    None => Vector::constant(Some(0), rows),
                    Some(nulls) => Vector { values: nulls.iter().map(|null| i64::from(*null)).collect(), nulls: None },
                }
            }
            Node::InSet(input, set) => input.of(frame).map(|value| i64::from(set.contains(&value))),
            Node::Case(arms, otherwise) => case(arms, otherwise, frame),
            Node::RangeBucket(input, bounds) => input.of(frame).map(|value| {
                // Few bounds and no branches.
                bounds.iter().map(|bound| i64::from(value >= *bound)).sum()
            }),
            Node::Remap(input, to) => {
                let mut input = input.of(frame);
                let missing: Vec<bool> =
                    input.values.iter().map(|v| usize::try_from(*v).map_or(true, |v| v >= to.len())).collect();
                if missing.iter().any(|missing| *missing) {
                    input.nulls = either(input.nulls, Some(&missing));
                }
                input.map(|value| usize::try_from(value).ok().and_then(|at| to.get(at)).copied().unwrap_or(0))
            }
            Node::DatePart(which, input) => input.of(frame).map(|days| part(*which, days)),
            Node::AgeAt(birth, date) => {
                date.of(frame).zip(&birth.of(frame), |date, birth| age(months(date) - months(birth)))
            }
            Node::Extreme(true, left, right) => left.of(frame).zip(&right.of(frame), i64::max),
            Node::Extreme(false, left, right) => left.of(frame).zip(&right.of(frame), i64::min),
            Node::Place { input, length, stride } => {
                let input = input.of(frame);
                match input.nulls {
                    None => input.map(|position| place(Some(position), *length, *stride)),
                    Some(nulls) => {
                        let one = |(value, null): (&i64, &bool)| place((!null).then_some(*value), *length, *stride);
                        Vector { values: input.values.iter().zip(&nulls).map(one).collect(), nulls: None }
                    }
                }
            }
            Node::True(input) => {
                let values = input.of(frame).true_rows().into_iter().map(i64::from).collect();
                Vector { values, nulls: None }
            }
            Node::Present(input) => match input.of(frame).nulls {
                None => Vector::constant(Some(1), rows),
                Some(nulls) => Vector { values: nulls.iter().map(|null| i64::from(!null)).collect(), nulls: None },
            },
        }
    }
}

/// AND (`strong` = 0) and OR (`strong` = 1): one strong value decides, otherwise one NULL does.
fn junction(parts: &[Node], frame: &Frame, strong: i64) -> Vector {
    let mut parts = parts.iter();
    let Some(first) = parts.next() else { return Vector::constant(Some(1 - strong), frame.rows) };
    parts.fold(first.of(frame), |left, right| {
        let right = right.of(frame);
        if left.nulls.is_none() && right.nulls.is_none() {
            return if strong == 0 { left.zip(&right, |a, b| a & b) } else { left.zip(&right, |a, b| a | b) };
        }
        let decided = |vector: &Vector, row: usize| vector.get(row).map(|value| value == strong);
        let both = (0..frame.rows).map(|row| match (decided(&left, row), decided(&right, row)) {
            (Some(true), _) | (_, Some(true)) => Some(strong),
            (Some(false), Some(false)) => Some(1 - strong),
            _ => None,
        });
        gather(both, frame.rows)
    })
}

/// A vector of values that may be NULL.
pub(super) fn gather(values: impl Iterator<Item = Option<i64>>, rows: usize) -> Vector {
    let mut all = Vector { values: Vec::with_capacity(rows), nulls: None };
    for (row, value) in values.enumerate() {
        match value {
            Some(value) => {
                all.values.push(value);
                if let Some(nulls) = &mut all.nulls {
                    nulls.push(false);
                }
            }
            None => {
                all.values.push(0);
                all.nulls.get_or_insert_with(|| vec![false; row]).push(true);
            }
        }
    }
    all
}

fn case(arms: &[(Node, Node)], otherwise: &Node, frame: &Frame) -> Vector {
    let otherwise = otherwise.of(frame);
    // From the last arm to the first: an earlier arm overrides.
    arms.iter().rev().fold(otherwise, |mut rest, (condition, value)| {
        let (chosen, value) = (condition.of(frame).true_rows(), value.of(frame));
        if rest.nulls.is_none() && value.nulls.is_none() {
            for ((rest, value), chosen) in rest.values.iter_mut().zip(&value.values).zip(&chosen) {
                if *chosen {
                    *rest = *value;
                }
            }
            return rest;
        }
        gather(
            chosen.iter().enumerate().map(|(row, chosen)| if *chosen { value.get(row) } else { rest.get(row) }),
            frame.rows,
        )
    })
}

/// Computes an expression over one column for every value from `lo` to `hi`, and for NULL.
pub(super) fn tabulate(node: &Node, lo: i64, hi: i64) -> Table {
    let mut column = Vector { values: (lo..=hi).collect(), nulls: None };
    column.nulls = Some(vec![false; column.values.len()]);
    column.values.push(lo);
    if let Some(nulls) = &mut column.nulls {
        nulls.push(true);
    }
    let rows = column.values.len();
    let found = node.of(&Frame { rows, columns: vec![column] });
    let nulls = found.nulls.unwrap_or_else(|| vec![false; rows]);
    let holes = nulls.split_last().is_some_and(|(_, nulls)| nulls.contains(&true));
    Table { lo, values: found.values, nulls, holes }
}
