//! Names: which column a name means, with its type, and what filters have taught about it.

use std::collections::BTreeMap;
use std::rc::Rc;

use datasets::catalogue::{CodeForm, ColumnType, Table, days_from_civil};
use sqlparser::tokenizer::Span;

use super::types::{Label, Type, Typed};
use crate::refusal::{Checked, Problem, list};
use crate::relation::{ColumnId, CompareOp, Expr, ScanColumn, ScanKind};

/// Name of the privacy unit's column.
pub(crate) const PERSON_ID: &str = "person_id";

/// A catalogue table in use; columns join the list when they are named.
pub(crate) struct Scan<'a> {
    pub(crate) table: &'a Table,
    pub(crate) columns: BTreeMap<String, (ScanColumn, Type)>,
}

/// A column that a subquery hands out.
#[derive(Debug, Clone)]
pub(crate) struct OutColumn {
    pub(crate) name: String,
    pub(crate) id: ColumnId,
    pub(crate) ty: Type,
    pub(crate) nullable: bool,
    pub(crate) constant: bool,
}

/// Where a table of a FROM clause gets its columns.
pub(crate) enum Source {
    Scan(usize),
    Columns(Vec<OutColumn>),
}

/// A table of a FROM clause.
pub(crate) struct ScopeTable {
    pub(crate) name: String,
    pub(crate) source: Source,
    /// The right side of a LEFT JOIN: the truth value that says whether there was a row.
    pub(crate) present: Option<ColumnId>,
    /// All rows of one person share the values.
    pub(crate) constant: bool,
    /// A public table: no persons.
    pub(crate) public: bool,
}

/// The tables of a FROM clause.
#[derive(Default)]
pub(crate) struct Scope {
    pub(crate) tables: Vec<ScopeTable>,
    /// What filters have proven: bounds, and that it isn't NULL.
    narrowed: BTreeMap<ColumnId, Narrowed>,
}

#[derive(Default, Clone, Copy)]
struct Narrowed {
    lo: Option<i64>,
    hi: Option<i64>,
    not_null: bool,
}

impl Scope {
    /// Finds a column. `next` numbers columns of catalogue tables on first use.
    pub(crate) fn resolve(
        &self,
        scans: &mut [Scan<'_>],
        next: &mut ColumnId,
        qualifier: Option<&str>,
        name: &str,
        span: Span,
    ) -> Checked<Typed> {
        let in_reach: Vec<&ScopeTable> =
            self.tables.iter().filter(|t| qualifier.is_none_or(|q| q.eq_ignore_ascii_case(&t.name))).collect();
        if let (Some(qualifier), true) = (qualifier, in_reach.is_empty()) {
            let names: Vec<&str> = self.tables.iter().map(|t| t.name.as_str()).collect();
            return Err(Problem::new("unknown_table", span, format!("there is no `{qualifier}` in this FROM"))
                .help(format!("here are {}", list(&names))));
        }
        if name.eq_ignore_ascii_case(PERSON_ID) && !in_reach.iter().all(|table| table.public) {
            // Joins are on the person, so that all tables agree; only an outer table may have none, and whether it has one may
            // differ between the rows of a person.
            let outer = in_reach.first().filter(|_| qualifier.is_some()).and_then(|t| Some((t.present?, t.constant)));
            let (expr, constant) = match outer {
                Some((present, constant)) => (Expr::Column(present), constant),
                None => (Expr::Bool(true), true),
            };
            return Ok(Typed { expr, ty: Type::Person, nullable: false, constant, span });
        }
        let mut found: Vec<Typed> = Vec::new();
        for table in &in_reach {
            let column = match &table.source {
                Source::Scan(number) => match scans.get_mut(*number) {
                    Some(scan) => scan.column(next, name),
                    None => None,
                },
                Source::Columns(columns) => {
                    let mut same = columns.iter().filter(|c| c.name.eq_ignore_ascii_case(name));
                    same.next().map(|c| (c.id, c.ty.clone(), c.nullable, c.constant))
                }
            };
            let Some((id, ty, nullable, constant)) = column else { continue };
            found.push(self.refine(Typed {
                expr: Expr::Column(id),
                ty,
                nullable: nullable || table.present.is_some(),
                constant: table.constant || (constant && table.present.is_none()),
                span,
            }));
        }
        match found.len() {
            1 => found.pop().ok_or_else(|| Problem::new("unknown_column", span, "")),
            0 => Err(self.unknown(scans, &in_reach, name, span)),
            _ => {
                let names: Vec<String> = in_reach.iter().map(|t| format!("{}.{name}", t.name)).collect();
                Err(Problem::new("ambiguous", span, format!("`{name}` is in more than one table"))
                    .help(format!("say which: {}", list(&names))))
            }
        }
    }

    fn unknown(&self, scans: &[Scan<'_>], tables: &[&ScopeTable], name: &str, span: Span) -> Problem {
        let mut names: Vec<String> = Vec::new();
        for table in tables {
            match &table.source {
                Source::Scan(number) => {
                    names.extend(scans.get(*number).iter().flat_map(|s| s.table.columns.iter().map(|c| c.name.clone())))
                }
                Source::Columns(columns) => names.extend(columns.iter().map(|c| c.name.clone())),
            }
        }
        let problem = Problem::new("unknown_column", span, format!("there is no column `{name}`"));
        match names.iter().map(|n| (distance(&n.to_ascii_lowercase(), &name.to_ascii_lowercase()), n)).min() {
            Some((d, near)) if d <= 2 => problem.help(format!("did you mean `{near}`?")),
            _ => problem.help(format!("here are {}", list(&names))),
        }
    }

    /// Adds to a column's type what filters have proven.
    pub(crate) fn refine(&self, typed: Typed) -> Typed {
        match &typed.expr {
            Expr::Column(id) => match self.narrowed.get(id) {
                Some(known) => {
                    Typed { ty: known.apply(typed.ty), nullable: typed.nullable && !known.not_null, ..typed }
                }
                None => typed,
            },
            _ => typed,
        }
    }

    /// Learns from a predicate that holds for all remaining rows.
    pub(crate) fn narrow(&mut self, predicate: &Expr) {
        match predicate {
            Expr::And(parts) => parts.iter().for_each(|part| self.narrow(part)),
            Expr::Compare { op, left, right } => match (left.as_ref(), right.as_ref()) {
                (Expr::Column(id), Expr::Integer(value)) => self.learn(*id, *op, *value),
                (Expr::Integer(value), Expr::Column(id)) => self.learn(*id, op.flipped(), *value),
                _ => {}
            },
            Expr::InSet { input, values } => {
                if let (Expr::Column(id), Some(lo), Some(hi)) = (input.as_ref(), values.first(), values.last()) {
                    self.learn(*id, CompareOp::GreaterEqual, *lo);
                    self.learn(*id, CompareOp::LessEqual, *hi);
                }
            }
            Expr::CodeIn { input, .. } => {
                if let Expr::Column(id) = input.as_ref() {
                    self.narrowed.entry(*id).or_default().not_null = true;
                }
            }
            Expr::Column(id) => self.narrowed.entry(*id).or_default().not_null = true,
            Expr::Not(inner) => {
                if let Expr::IsNull(input) = inner.as_ref()
                    && let Expr::Column(id) = input.as_ref()
                {
                    self.narrowed.entry(*id).or_default().not_null = true;
                }
            }
            _ => {}
        }
    }

    fn learn(&mut self, id: ColumnId, op: CompareOp, value: i64) {
        let known = self.narrowed.entry(id).or_default();
        known.not_null = true;
        let (lo, hi) = match op {
            CompareOp::Equal => (Some(value), Some(value)),
            CompareOp::NotEqual => (None, None),
            CompareOp::Less => (None, value.checked_sub(1)),
            CompareOp::LessEqual => (None, Some(value)),
            CompareOp::Greater => (value.checked_add(1), None),
            CompareOp::GreaterEqual => (Some(value), None),
        };
        known.lo = lo.max(known.lo);
        known.hi = match (hi, known.hi) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
    }
}

impl Narrowed {
    /// Tightens bounds; a filter that nothing can pass leaves them as they were.
    fn apply(self, ty: Type) -> Type {
        let tighten = |lo: i64, hi: i64| {
            let (low, high) = (self.lo.map_or(lo, |v| v.max(lo)), self.hi.map_or(hi, |v| v.min(hi)));
            if low <= high { (low, high) } else { (lo, hi) }
        };
        match ty {
            Type::Integer { lo, hi, digits } => {
                let (lo, hi) = tighten(lo, hi);
                Type::Integer { lo, hi, digits }
            }
            Type::Date { lo, hi, months } => {
                let (lo, hi) = tighten(lo, hi);
                Type::Date { lo, hi, months }
            }
            other => other,
        }
    }
}

impl Scan<'_> {
    /// (id, type, nullable, constant) of a catalogue column.
    fn column(&mut self, next: &mut ColumnId, name: &str) -> Option<(ColumnId, Type, bool, bool)> {
        let column = self.table.columns.iter().find(|c| c.name.eq_ignore_ascii_case(name))?;
        let (scan, ty) = self.columns.entry(column.name.clone()).or_insert_with(|| {
            let id = *next;
            *next += 1;
            let (kind, ty) = stored(&column.ty);
            (ScanColumn { id, name: column.name.clone(), kind, nullable: column.nullable }, ty)
        });
        Some((scan.id, ty.clone(), column.nullable, false))
    }
}

/// How a catalogue column is read, and its type.
fn stored(ty: &ColumnType) -> (ScanKind, Type) {
    match ty {
        ColumnType::Integer { min, max, digits, .. } => {
            let (lo, hi) = (*min, *max);
            (ScanKind::Integer { lo, hi }, Type::Integer { lo, hi, digits: *digits })
        }
        ColumnType::Date { min, max } | ColumnType::Month { min, max } => {
            let (lo, hi) = (i64::from(days_from_civil(*min)), i64::from(days_from_civil(*max)));
            (ScanKind::Date { lo, hi }, Type::Date { lo, hi, months: u8::from(matches!(ty, ColumnType::Month { .. })) })
        }
        ColumnType::Category { values } => {
            let labels =
                values.iter().map(|v| Label { code: v.code.clone(), meaning: v.label.clone() }).collect::<Vec<_>>();
            let count = i64::try_from(labels.len()).unwrap_or(i64::MAX);
            (ScanKind::Category { values: count }, Type::Category(Rc::new(labels)))
        }
        ColumnType::Code { max_len, system } => {
            let form = CodeForm::of(system);
            (ScanKind::Code, Type::Code { max_len: *max_len, system: Rc::from(system.as_str()), form })
        }
        ColumnType::Key => (ScanKind::Key, Type::Key),
        ColumnType::Flag => (ScanKind::Flag, Type::Bool),
    }
}

/// Levenshtein's distance, for "did you mean".
pub(crate) fn distance(a: &str, b: &str) -> usize {
    // No smaller than this; nobody asks how much greater it is.
    let apart = a.chars().count().abs_diff(b.chars().count());
    if apart > 2 {
        return apart;
    }
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut left = i + 1;
        let mut next = vec![left];
        for (y, pair) in b.iter().zip(row.windows(2)) {
            let [diagonal, above] = pair else { continue };
            left = (diagonal + usize::from(x != *y)).min(above + 1).min(left + 1);
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or(0)
}
