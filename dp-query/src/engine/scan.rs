//! What DuckDB does while it scans: the text of a pipeline's rows for a range of persons, and which filters go into it, on the values as
//! they are stored. Whatever goes there keeps the very rows that the filter on the plan's readings would.

use std::collections::HashSet;
use std::ops::Range;

use super::compile::{Reading, Scope, columns};
use super::expr::{Sql, bounded, column, expr};
use super::flow::{Driver, Pipeline, Step};
use super::relation;
use crate::relation::{ColumnId, CompareOp, Expr, ScanColumn, ScanKind};

impl Pipeline {
    /// Rows for which a truth value holds: by DuckDB while it scans where that is cheaper.
    pub(super) fn filter(&mut self, e: &Expr) -> Option<()> {
        let scanned = self.scope.only_scanned(e);
        if let Driver::Scan { stored, conditions, columns: known, .. } = &mut self.driver
            && scanned
        {
            if let Some(condition) = raw(e, known).or_else(|| listed(e, known, &self.scope)) {
                stored.push(condition);
                return Some(());
            }
            // Codes are DuckDB's business.
            if columns(e).iter().any(|id| !self.scope.known.contains_key(id)) {
                conditions.push(e.clone());
                return Some(());
            }
        }
        let node = self.scope.compile(e)?;
        self.steps.push(Step::Filter(node));
        Some(())
    }

    /// Columns that only DuckDB's own filters need are not handed over.
    pub(super) fn forget_unread(&mut self) {
        if let Driver::Scan { readings, .. } = &mut self.driver {
            readings.retain(|reading| self.scope.used.contains(&reading.place));
        }
    }

    /// The text of a range's rows; None for tables.
    pub(super) fn statement(&self, persons: &Range<u32>) -> Option<Sql> {
        match &self.driver {
            Driver::Scan { table, columns, readings, stored, conditions } => {
                Some(self.scanned(table, columns, readings, stored, conditions, persons))
            }
            Driver::Sql { relation: node, columns } => {
                let mut list = vec!["pid".to_owned()];
                list.extend(self.draws.then(|| "draw".to_owned()));
                list.extend(columns.iter().map(|(id, _)| format!("{}::BIGINT", column(*id))));
                let rows = match relation::within(node, Some(persons)) {
                    Ok(rows) => rows,
                    Err(error) => return Some(Err(error)),
                };
                Some(bounded(format!("SELECT {} FROM ({rows})", list.join(", "))))
            }
            Driver::Table { .. } => None,
        }
    }

    /// Rows of (the columns read, number of persons with these values), of persons for whom all conditions hold.
    pub(super) fn counted(&self, who: Vec<String>) -> Sql {
        let Driver::Scan { table, columns, readings, stored, conditions } = &self.driver else {
            return Ok(String::new());
        };
        let names: Vec<String> = (0..readings.len()).map(|number| format!("r{number}")).collect();
        let within = who.into_iter().chain(stored.iter().cloned()).collect();
        let mut list = names.clone();
        list.push("count(*)::BIGINT".to_owned());
        let rows = source(table, columns, readings, conditions, Vec::new(), within)?;
        let by = if names.is_empty() { String::new() } else { format!(" GROUP BY {}", names.join(", ")) };
        bounded(format!("SELECT {} FROM {rows}{by}", list.join(", ")))
    }

    fn scanned(
        &self,
        table: &str,
        known: &[ScanColumn],
        readings: &[Reading],
        stored: &[String],
        conditions: &[Expr],
        persons: &Range<u32>,
    ) -> Sql {
        let mut inner = vec!["pid".to_owned()];
        inner.extend(self.draws.then(|| "draw".to_owned()));
        let mut outer = inner.clone();
        outer.extend((0..readings.len()).map(|number| format!("r{number}")));
        // What DuckDB computes reads columns as the plan does.
        let leaves = self.scope.leaves.iter().map(|(leaf, _)| leaf);
        let filtered: HashSet<ColumnId> = conditions.iter().flat_map(columns).collect();
        let read: HashSet<ColumnId> = leaves.clone().flat_map(columns).filter(|id| !filtered.contains(id)).collect();
        inner.extend(known.iter().filter(|column| read.contains(&column.id)).map(relation::scan));
        for leaf in leaves {
            outer.push(format!("({})::UTINYINT", expr(leaf)?));
        }
        let mut within = vec![relation::of(persons)];
        within.extend(stored.iter().cloned());
        let rows = source(table, known, readings, conditions, inner, within)?;
        bounded(format!("SELECT {} FROM {rows}", outer.join(", ")))
    }
}

/// The rows of a table for which all conditions hold, with the columns read as `r0`, `r1`, …, after others.
fn source(
    table: &str,
    known: &[ScanColumn],
    readings: &[Reading],
    conditions: &[Expr],
    mut list: Vec<String>,
    mut within: Vec<String>,
) -> Sql {
    let numbered = readings.iter().enumerate();
    list.extend(numbered.map(|(number, reading)| format!("{} AS r{number}", relation::quoted(&reading.column))));
    let read: HashSet<ColumnId> = conditions.iter().flat_map(columns).collect();
    list.extend(known.iter().filter(|column| read.contains(&column.id)).map(relation::scan));
    if list.is_empty() {
        list.push("pid".to_owned());
    }
    if within.is_empty() {
        within.push("TRUE".to_owned());
    }
    let (list, within) = (list.join(", "), within.join(" AND "));
    let mut text = format!("(SELECT {list} FROM {} WHERE {within})", relation::quoted(table));
    if !conditions.is_empty() {
        let all = conditions.iter().map(expr).collect::<Result<Vec<_>, _>>()?;
        text = format!("{text} WHERE {}", all.join(" AND "));
    }
    bounded(text)
}

/// A comparison of a stored number or day with a constant, on the stored value itself, so that the scan can use it: reading clamps to
/// the column's bounds, so that a constant inside them compares alike before and after.
fn raw(e: &Expr, columns: &[ScanColumn]) -> Option<String> {
    let Expr::Compare { op, left, right } = e else { return None };
    let (id, op, constant) = match (left.as_ref(), right.as_ref()) {
        (Expr::Column(id), Expr::Integer(constant)) => (id, *op, *constant),
        (Expr::Integer(constant), Expr::Column(id)) => (id, op.flipped(), *constant),
        _ => return None,
    };
    let found = columns.iter().find(|column| column.id == *id)?;
    let (lo, hi, day) = match found.kind {
        ScanKind::Integer { lo, hi } => (lo, hi, false),
        ScanKind::Date { lo, hi } => (lo, hi, true),
        _ => return None,
    };
    let sign = match op {
        CompareOp::Less => "<",
        CompareOp::LessEqual => "<=",
        CompareOp::Greater => ">",
        CompareOp::GreaterEqual => ">=",
        CompareOp::Equal | CompareOp::NotEqual => return None,
    };
    if constant <= lo || constant >= hi {
        return None;
    }
    let value = if day { format!("(DATE '1970-01-01' + {constant})") } else { format!("({constant})") };
    let text = format!("{} {sign} {value}", relation::quoted(&found.name));
    // NULL is read as the lower bound where the plan has none.
    let of_null = !found.nullable && matches!(op, CompareOp::Less | CompareOp::LessEqual);
    Some(if of_null { format!("(({text}) IS NOT FALSE)") } else { text })
}

/// A predicate over one stored category or flag, as the list of stored values for which it holds: reading clamps what is outside of
/// the closed list, so that the first and the last value stand for everything beyond them.
fn listed(e: &Expr, columns: &[ScanColumn], scope: &Scope) -> Option<String> {
    let table = scope.tabulated(e)?;
    let mut ids = super::compile::columns(e).into_iter();
    let id = ids.next()?;
    let found = columns.iter().find(|column| column.id == id)?;
    let name = relation::quoted(&found.name);
    let holds: Vec<bool> = table.truths().collect();
    let (of_null, holds) = holds.split_last()?;
    let last = holds.len().checked_sub(1)?;
    let instead = match found.kind {
        ScanKind::Category { values } if usize::try_from(values).ok()? == holds.len() => last,
        ScanKind::Flag if last == 1 => 0,
        _ => return None,
    };
    let of_null = if found.nullable { *of_null } else { *holds.get(instead)? };
    let mut parts = Vec::new();
    if found.kind == ScanKind::Flag {
        parts.extend(holds.first()?.then(|| format!("NOT {name}")));
        parts.extend(holds.last()?.then(|| name.clone()));
    } else {
        let mut from = 0;
        while let Some(first) = holds.get(from..)?.iter().position(|holds| *holds).map(|skip| from + skip) {
            let length = holds.get(first..)?.iter().take_while(|holds| **holds).count();
            let to = first + length - 1;
            parts.push(match (first == 0, to == last) {
                (true, true) => format!("{name} IS NOT NULL"),
                (true, false) => format!("{name} <= {to}"),
                (false, true) => format!("{name} >= {first}"),
                (false, false) if first == to => format!("{name} = {first}"),
                (false, false) => format!("({name} >= {first} AND {name} <= {to})"),
            });
            from = to + 1;
        }
    }
    parts.extend(of_null.then(|| format!("{name} IS NULL")));
    Some(if parts.is_empty() { "FALSE".to_owned() } else { format!("({})", parts.join(" OR ")) })
}
