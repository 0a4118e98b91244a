//! From the plan's expressions to vector expressions over the columns that a pipeline has at hand. What needs text (codes) is left to
//! DuckDB, as a column of the scan; what depends on one column of a small range becomes a table of its values.

use std::collections::{HashMap, HashSet};

use duckdb::arrow::array::ArrayRef;

use super::arrow;
use super::vector::{Frame, Node, Table, Vector, tabulate};
use crate::relation::{ColumnId, Expr, ScanColumn, ScanKind};

/// Values that a table may hold: days of three centuries fit.
const LARGEST: i64 = 1 << 17;

/// A column that a pipeline has.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known {
    pub(super) place: usize,
    /// The range of its values, where reading it or a table enforces one.
    pub(super) domain: Option<(i64, i64)>,
}

/// What is known while a pipeline is put together.
#[derive(Debug, Clone, Default)]
pub(super) struct Scope {
    pub(super) known: HashMap<ColumnId, Known>,
    /// Columns of the scan that drives the pipeline, codes included.
    pub(super) scanned: HashSet<ColumnId>,
    /// Truth values that DuckDB computes from them, and their places.
    pub(super) leaves: Vec<(Expr, usize)>,
    /// Number of places given out.
    pub(super) width: usize,
    /// Places that something reads.
    pub(super) used: HashSet<usize>,
}

impl Scope {
    pub(super) fn place(&mut self) -> usize {
        self.width += 1;
        self.width - 1
    }

    pub(super) fn learn(&mut self, id: ColumnId, domain: Option<(i64, i64)>) -> usize {
        let place = self.place();
        self.known.insert(id, Known { place, domain });
        place
    }

    /// The expression over this scope's columns; None if it can't be had without SQL.
    pub(super) fn compile(&mut self, e: &Expr) -> Option<Node> {
        if let Some(node) = self.table(e) {
            if let Node::Lookup { column, .. } = &node {
                self.used.insert(*column);
            }
            return Some(node);
        }
        let leaves = self.leaves.clone();
        match self.parts(e) {
            Some(node) => Some(node),
            // A truth value, of which a part is text.
            None if matches!(e, Expr::CodeIn { .. } | Expr::IsNull(_) | Expr::Compare { .. })
                && self.only_scanned(e) =>
            {
                self.leaves = leaves;
                if let Some((_, place)) = self.leaves.iter().find(|(leaf, _)| leaf == e) {
                    return Some(Node::Column(*place));
                }
                let place = self.place();
                self.leaves.push((e.clone(), place));
                Some(Node::Column(place))
            }
            None => None,
        }
    }

    /// Whether DuckDB can compute it while scanning.
    pub(super) fn only_scanned(&self, e: &Expr) -> bool {
        columns(e).iter().all(|id| self.scanned.contains(id))
    }

    /// Over one column of a small range.
    fn table(&self, e: &Expr) -> Option<Node> {
        if matches!(e, Expr::Column(_)) {
            return None;
        }
        let (column, table) = self.over_one(e)?;
        Some(Node::Lookup { column, table })
    }

    /// The values of an expression over one column of a small range.
    pub(super) fn tabulated(&self, e: &Expr) -> Option<Table> {
        self.over_one(e).map(|(_, table)| table)
    }

    fn over_one(&self, e: &Expr) -> Option<(usize, Table)> {
        let ids = columns(e);
        let mut ids = ids.iter();
        let known = self.known.get(ids.next()?)?;
        let (lo, hi) = known.domain?;
        if ids.next().is_some() || hi.checked_sub(lo).is_none_or(|size| !(0..LARGEST).contains(&size)) {
            return None;
        }
        let mut alone = Scope { known: self.known.clone(), ..Scope::default() };
        alone.known.values_mut().for_each(|known| *known = Known { place: 0, domain: None });
        let node = alone.parts(e).filter(|_| alone.leaves.is_empty())?;
        Some((known.place, tabulate(&node, lo, hi)))
    }

    fn parts(&mut self, e: &Expr) -> Option<Node> {
        if let Expr::Column(id) = e {
            let place = self.known.get(id)?.place;
            self.used.insert(place);
            return Some(Node::Column(place));
        }
        let mut boxed = |e: &Expr| self.compile(e).map(Box::new);
        Some(match e {
            Expr::Integer(value) => Node::Constant(Some(*value)),
            Expr::Bool(value) => Node::Constant(Some(i64::from(*value))),
            Expr::Null => Node::Constant(None),
            Expr::Arithmetic { op, left, right, wide } => Node::Arithmetic(*op, boxed(left)?, boxed(right)?, *wide),
            Expr::Divide { input, by } => Node::Divide(boxed(input)?, *by),
            Expr::Compare { op, left, right } => Node::Compare(*op, boxed(left)?, boxed(right)?),
            Expr::And(parts) => Node::And(parts.iter().map(|e| self.compile(e)).collect::<Option<_>>()?),
            Expr::Or(parts) => Node::Or(parts.iter().map(|e| self.compile(e)).collect::<Option<_>>()?),
            Expr::Not(input) => Node::Not(boxed(input)?),
            Expr::IsNull(input) => Node::IsNull(boxed(input)?),
            Expr::InSet { input, values } => Node::InSet(boxed(input)?, values.clone()),
            Expr::Case { arms, otherwise } => {
                let arms = arms.iter().map(|(condition, value)| self.compile(condition).zip(self.compile(value)));
                let arms = arms.collect::<Option<_>>()?;
                Node::Case(arms, Box::new(self.compile(otherwise)?))
            }
            Expr::RangeBucket { input, bounds, .. } => Node::RangeBucket(boxed(input)?, bounds.clone()),
            Expr::Remap { input, to } => Node::Remap(boxed(input)?, to.clone()),
            Expr::DatePart { part, input } => Node::DatePart(*part, boxed(input)?),
            Expr::AgeAt { birth, date } => Node::AgeAt(boxed(birth)?, boxed(date)?),
            Expr::Extreme { greatest, left, right } => Node::Extreme(*greatest, boxed(left)?, boxed(right)?),
            Expr::Modulo { input, by } => Node::Modulo(boxed(input)?, *by),
            Expr::AddMonths { input, months } => Node::AddMonths(boxed(input)?, *months),
            Expr::Column(_) | Expr::CodeIn { .. } | Expr::Prefix { .. } => return None,
        })
    }

    /// The range of a compiled expression's values, where one is enforced.
    pub(super) fn domain(&self, node: &Node) -> Option<(i64, i64)> {
        match node {
            Node::Column(place) => self.known.values().find(|known| known.place == *place)?.domain,
            Node::Constant(value) => value.map(|value| (value, value)),
            Node::Lookup { table, .. } => table.range(),
            _ => None,
        }
    }
}

impl Table {
    /// For every value of the column, and for NULL (last): whether the expression is TRUE.
    pub(super) fn truths(&self) -> impl Iterator<Item = bool> {
        self.values.iter().zip(&self.nulls).map(|(value, null)| *value != 0 && !null)
    }

    fn range(&self) -> Option<(i64, i64)> {
        let values = || self.values.iter().zip(&self.nulls).filter(|(_, null)| !**null).map(|(value, _)| *value);
        values().min().zip(values().max())
    }

    /// The same with its values changed; NULL is changed too.
    pub(super) fn then(self, f: impl Fn(Option<i64>) -> i64) -> Table {
        let values = self.values.iter().zip(&self.nulls).map(|(value, null)| f((!null).then_some(*value))).collect();
        let nulls = vec![false; self.nulls.len()];
        Table { lo: self.lo, values, nulls, holes: false }
    }
}

/// The columns that an expression reads.
pub(super) fn columns(e: &Expr) -> HashSet<ColumnId> {
    let mut found = HashSet::new();
    collect(e, &mut found);
    found
}

pub(super) fn collect(e: &Expr, found: &mut HashSet<ColumnId>) {
    match e {
        Expr::Column(id) => {
            found.insert(*id);
        }
        Expr::Integer(_) | Expr::Bool(_) | Expr::Null => {}
        Expr::Arithmetic { left, right, .. }
        | Expr::Compare { left, right, .. }
        | Expr::Extreme { left, right, .. }
        | Expr::AgeAt { birth: left, date: right } => {
            collect(left, found);
            collect(right, found);
        }
        Expr::And(parts) | Expr::Or(parts) => parts.iter().for_each(|part| collect(part, found)),
        Expr::Not(input)
        | Expr::IsNull(input)
        | Expr::Divide { input, .. }
        | Expr::Modulo { input, .. }
        | Expr::AddMonths { input, .. }
        | Expr::Prefix { input, .. }
        | Expr::DatePart { input, .. }
        | Expr::InSet { input, .. }
        | Expr::CodeIn { input, .. }
        | Expr::RangeBucket { input, .. }
        | Expr::Remap { input, .. } => collect(input, found),
        Expr::Case { arms, otherwise } => {
            for (condition, value) in arms {
                collect(condition, found);
                collect(value, found);
            }
            collect(otherwise, found);
        }
    }
}

/// How a stored column is read: what is NULL or out of bounds becomes what [`super::relation`] makes of it in SQL.
#[derive(Debug, Clone)]
pub(super) struct Reading {
    pub(super) column: String,
    pub(super) place: usize,
    pub(super) bounds: Option<(i64, i64)>,
    /// Instead of NULL, where the plan has none.
    pub(super) instead: Option<i64>,
}

impl Reading {
    /// None for codes, which are text.
    pub(super) fn of(column: &ScanColumn, scope: &mut Scope) -> Option<Self> {
        let (bounds, instead) = match &column.kind {
            ScanKind::Integer { lo, hi } | ScanKind::Date { lo, hi } => (Some((*lo, *hi)), *lo),
            ScanKind::Category { values } => (Some((0, values - 1)), values - 1),
            ScanKind::Flag => (Some((0, 1)), 0),
            ScanKind::Key => (None, 0),
            ScanKind::Code => return None,
        };
        let place = scope.learn(column.id, bounds);
        Some(Self { column: column.name.clone(), place, bounds, instead: (!column.nullable).then_some(instead) })
    }

    /// A stored column as the plan reads it; None for a type that is none of ours.
    pub(super) fn read(&self, array: &ArrayRef) -> Option<Vector> {
        let mut vector = arrow::column(array, self.bounds)?;
        if let Some((nulls, instead)) = vector.nulls.as_ref().zip(self.instead) {
            for (value, null) in vector.values.iter_mut().zip(nulls) {
                if *null {
                    *value = instead;
                }
            }
            vector.nulls = None;
        }
        Some(vector)
    }
}

/// These rows of a frame.
pub(super) fn select(frame: &mut Frame, rows: &[u32]) {
    for column in &mut frame.columns {
        if !column.values.is_empty() {
            column.pick(rows);
        }
    }
    frame.rows = rows.len();
}
