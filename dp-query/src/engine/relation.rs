//! Relations as nested SELECTs. Columns are called `c0`, `c1`, …; `pid` is the person, `draw` the stored random number by which rows are
//! chosen where a person can have several. Names that reach the engine come from the catalogue.

use std::ops::Range;

use super::expr::{Sql, aggregate, bounded, clamp, column, expr, integer};
use super::public::lookup;
use super::window::window;
use crate::relation::{Relation, Rows, ScanColumn, ScanKind, Windowed};

/// Whether the relation has a `draw`.
pub(super) fn draws(relation: &Relation) -> bool {
    match relation {
        Relation::Scan { rows, .. } => *rows != Rows::One,
        Relation::Filter { input, .. }
        | Relation::Project { input, .. }
        | Relation::Window { input, .. }
        | Relation::Cap { input, .. } => draws(input),
        Relation::Lookup { input, table, .. } => draws(input) || table.most() > 1,
        Relation::Reduce { input, keys, .. } => !keys.is_empty() && draws(input),
        Relation::Join { left, right, .. } => draws(left) || draws(right),
    }
}

/// Rows per person that the text of the relation can't exceed, whatever the checker derived from types and constants: only tables
/// of one row, grouping by the person alone, caps and products of them count. Where there is no such number, there is a draw.
pub(super) fn most_rows(node: &Relation) -> Option<u64> {
    match node {
        Relation::Scan { rows, .. } => (*rows == Rows::One).then_some(1),
        Relation::Filter { input, .. } => {
            let most = most_rows(input);
            node.first_rows().map_or(most, |first| Some(most.map_or(first, |most| most.min(first))))
        }
        Relation::Project { input, .. } | Relation::Window { input, .. } => most_rows(input),
        Relation::Lookup { input, table, .. } => most_rows(input)?.checked_mul(table.most().max(1)),
        Relation::Cap { input, rows } => Some(most_rows(input).map_or(*rows, |most| most.min(*rows))),
        Relation::Reduce { input, keys, .. } => {
            if keys.is_empty() {
                Some(1)
            } else {
                most_rows(input)
            }
        }
        Relation::Join { left, right, .. } => most_rows(left)?.checked_mul(most_rows(right)?),
    }
}

/// The columns that a relation hands on.
pub(super) fn columns(relation: &Relation) -> Vec<u32> {
    match relation {
        Relation::Scan { columns, .. } => columns.iter().map(|c| c.id).collect(),
        Relation::Filter { input, .. } | Relation::Cap { input, .. } => columns(input),
        Relation::Project { columns, .. } => columns.iter().map(|c| c.id).collect(),
        Relation::Window { input, columns: made } => {
            columns(input).into_iter().chain(made.iter().map(|c| c.id)).collect()
        }
        Relation::Lookup { input, table, outer, present } => columns(input)
            .into_iter()
            .chain(table.columns.iter().map(|c| c.id))
            .chain(outer.then_some(*present))
            .collect(),
        Relation::Reduce { keys, aggregates, .. } => {
            keys.iter().map(|k| k.id).chain(aggregates.iter().map(|a| a.id)).collect()
        }
        Relation::Join { left, right, outer, present, .. } => {
            let mut all = columns(left);
            all.extend(columns(right));
            all.extend(outer.then_some(*present));
            all
        }
    }
}

/// A SELECT without surrounding parentheses.
pub(super) fn relation(node: &Relation) -> Sql {
    within(node, None)
}

/// The same for the persons of a range only. Everything in a relation stays within a person, so that every table can be cut.
pub(super) fn within(node: &Relation, persons: Option<&Range<u32>>) -> Sql {
    let relation = |node: &Relation| within(node, persons);
    let text = match node {
        Relation::Scan { table, columns, .. } => {
            let mut list = vec!["pid".to_owned()];
            if draws(node) {
                list.push("draw".to_owned());
            }
            list.extend(columns.iter().map(scan));
            format!("SELECT {} FROM {}{}", list.join(", "), quoted(table), cut(persons))
        }
        Relation::Filter { input, predicate } => {
            format!("SELECT * FROM ({}) WHERE {}", relation(input)?, expr(predicate)?)
        }
        Relation::Project { input, columns } => {
            let mut list = vec!["pid".to_owned()];
            if draws(input) {
                list.push("draw".to_owned());
            }
            for computed in columns {
                list.push(format!("{} AS {}", expr(&computed.expr)?, column(computed.id)));
            }
            format!("SELECT {} FROM ({})", list.join(", "), relation(input)?)
        }
        Relation::Reduce { input, keys, aggregates, .. } => {
            let mut list = vec!["pid".to_owned()];
            for key in keys {
                list.push(format!("{} AS {}", expr(&key.expr)?, column(key.id)));
            }
            let by: Vec<String> = (1..=list.len()).map(|n| n.to_string()).collect();
            if draws(node) {
                list.push("min(draw) AS draw".to_owned());
            }
            for reduced in aggregates {
                list.push(format!("{} AS {}", aggregate(&reduced.aggregate)?, column(reduced.id)));
            }
            format!("SELECT {} FROM ({}) GROUP BY {}", list.join(", "), relation(input)?, by.join(", "))
        }
        Relation::Join { left, right, outer, on, present, .. } => {
            join(left, right, *outer, on.as_ref().map(expr).transpose()?, *present, persons)?
        }
        Relation::Window { input, columns: made } => windowed(input, made, persons)?,
        Relation::Lookup { input, table, outer, present } => {
            lookup(&relation(input)?, draws(input), &columns(input), table, *outer, *present)?
        }
        Relation::Cap { input, rows } => {
            if !draws(input) {
                return relation(input);
            }
            capped(&relation(input)?, *rows)
        }
    };
    bounded(text)
}

/// The clause that cuts a table to a range of persons; empty for everybody.
pub(super) fn cut(persons: Option<&Range<u32>>) -> String {
    persons.map_or_else(String::new, |persons| format!(" WHERE {}", of(persons)))
}

/// The rows of a range of persons.
pub(super) fn of(persons: &Range<u32>) -> String {
    format!("pid >= {} AND pid < {}", persons.start, persons.end)
}

/// Windows below, what is made of them above.
fn windowed(input: &Relation, made: &[Windowed], persons: Option<&Range<u32>>) -> Sql {
    let mut inner = vec!["*".to_owned()];
    let mut outer = vec!["pid".to_owned()];
    outer.extend(draws(input).then(|| "draw".to_owned()));
    outer.extend(columns(input).into_iter().map(column));
    for column in made {
        let text = window(column, draws(input))?;
        inner.extend(text.raw);
        outer.push(text.column);
    }
    let rows = within(input, persons)?;
    Ok(format!("SELECT {} FROM (SELECT {} FROM ({rows}))", outer.join(", "), inner.join(", ")))
}

/// At most so many rows per person: those with the smallest draws.
pub(super) fn capped(text: &str, rows: u64) -> String {
    let places = "row_number() OVER (PARTITION BY pid ORDER BY draw) AS place";
    format!("SELECT * EXCLUDE (place) FROM (SELECT *, {places} FROM ({text})) WHERE {}", first(rows))
}

/// The first `rows` places. Not `place <= …`: DuckDB 1.5.6 rewrites that by its top-n window elimination, which dies of an internal
/// error on some plans (and takes the whole database with it).
pub(super) fn first(rows: u64) -> String {
    format!("greatest(place, 1) <= {rows}")
}

fn join(
    left: &Relation,
    right: &Relation,
    outer: bool,
    on: Option<String>,
    present: u32,
    persons: Option<&Range<u32>>,
) -> Sql {
    let mut list = vec!["l.pid AS pid".to_owned()];
    match (draws(left), draws(right)) {
        (false, false) => {}
        (true, false) => list.push("l.draw AS draw".to_owned()),
        // A left row without a partner is alone: any draw will do.
        (false, true) => list.push("coalesce(r.draw, 0)::UBIGINT AS draw".to_owned()),
        // Pairs are ordered by both draws: a row number keeps the order in one column.
        (true, true) => list.push(
            "row_number() OVER (PARTITION BY l.pid ORDER BY l.draw, r.draw NULLS FIRST)::UBIGINT AS draw".to_owned(),
        ),
    }
    list.extend(columns(left).into_iter().map(|id| format!("l.{c} AS {c}", c = column(id))));
    list.extend(columns(right).into_iter().map(|id| format!("r.{c} AS {c}", c = column(id))));
    if outer {
        list.push(format!("(r.pid IS NOT NULL) AS {}", column(present)));
    }
    let kind = if outer { "LEFT JOIN" } else { "JOIN" };
    let on = on.map_or_else(String::new, |on| format!(" AND {on}"));
    Ok(format!(
        "SELECT {} FROM ({}) AS l {kind} ({}) AS r ON l.pid = r.pid{on}",
        list.join(", "),
        within(left, persons)?,
        within(right, persons)?
    ))
}

/// A stored column as the engine's value; bounds hold even if the store's don't.
pub(super) fn scan(c: &ScanColumn) -> String {
    let name = quoted(&c.name);
    let (value, instead) = match &c.kind {
        ScanKind::Integer { lo, hi } => (clamp(&name, *lo, *hi), integer(*lo)),
        ScanKind::Date { lo, hi } => {
            let day = |days: i64| format!("(DATE '1970-01-01' + ({days})::INTEGER)");
            let (first, last) = (day(*lo), day(*hi));
            // The subtraction is reached only by days within the bounds: infinity can't get there.
            let days = format!(
                "(CASE WHEN {name} < {first} THEN {lo} WHEN {name} > {last} THEN {hi} \
                 ELSE {name} - DATE '1970-01-01' END)::BIGINT"
            );
            (days, integer(*lo))
        }
        ScanKind::Category { values } => (clamp(&name, 0, values - 1), integer(values - 1)),
        ScanKind::Flag => (name, "FALSE".to_owned()),
        ScanKind::Code => (name, "''".to_owned()),
        ScanKind::Key => (name, "0::UBIGINT".to_owned()),
    };
    let value = if c.nullable { value } else { format!("coalesce({value}, {instead})") };
    format!("{value} AS {}", column(c.id))
}

pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
