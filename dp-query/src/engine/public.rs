//! Public tables as SQL: rows of literals beside persons' rows.

use super::expr::{Sql, bounded, code, column, expr, integer};
use crate::relation::{PublicRows, PublicValue};

/// The join of rows (`text`, with a `draw` where `draws`) and a public table; `columns`: what the rows hand on.
pub(super) fn lookup(text: &str, draws: bool, columns: &[u32], table: &PublicRows, outer: bool, present: u32) -> Sql {
    let mut list = vec!["l.pid AS pid".to_owned()];
    match (table.most() > 1, draws) {
        (false, true) => list.push("l.draw AS draw".to_owned()),
        (false, false) => {}
        (true, false) => list.push("coalesce(r.n, 0)::UBIGINT AS draw".to_owned()),
        (true, true) => list.push(
            "row_number() OVER (PARTITION BY l.pid ORDER BY l.draw, r.n NULLS FIRST)::UBIGINT AS draw".to_owned(),
        ),
    }
    list.extend(columns.iter().map(|id| format!("l.{c} AS {c}", c = column(*id))));
    list.extend(table.columns.iter().map(|c| format!("r.{c} AS {c}", c = column(c.id))));
    if outer {
        list.push(format!("(r.n IS NOT NULL) AS {}", column(present)));
    }
    let mut names = vec!["n".to_owned()];
    names.extend((0..table.keys.len()).map(|key| format!("k{key}")));
    names.extend(table.columns.iter().map(|c| column(c.id)));
    let lists: Vec<&Vec<PublicValue>> =
        table.keys.iter().map(|key| &key.values).chain(table.columns.iter().map(|column| &column.values)).collect();
    let kinds: Vec<&str> = lists.iter().map(|list| kind(list)).collect();
    let mut rows = Vec::with_capacity(table.rows);
    for row in 0..table.rows {
        let mut values = vec![integer(i64::try_from(row).unwrap_or(i64::MAX))];
        for (list, kind) in lists.iter().zip(&kinds) {
            values.push(match list.get(row) {
                Some(PublicValue::Integer(value)) => integer(*value),
                Some(PublicValue::Code(text)) => code(text),
                Some(PublicValue::Null) | None => format!("NULL::{kind}"),
            });
        }
        rows.push(format!("({})", values.join(", ")));
    }
    let mut on = Vec::new();
    for (number, key) in table.keys.iter().enumerate() {
        on.push(format!("{} = r.k{number}", expr(&key.expr)?));
    }
    // A table without rows: one that meets nothing.
    if rows.is_empty() {
        rows.push(format!(
            "({})",
            std::iter::once("NULL::BIGINT".to_owned())
                .chain(kinds.iter().map(|kind| format!("NULL::{kind}")))
                .collect::<Vec<_>>()
                .join(", ")
        ));
    }
    let join = if outer { "LEFT JOIN" } else { "JOIN" };
    bounded(format!(
        "SELECT {} FROM ({text}) AS l {join} (VALUES {}) AS r({}) ON {}",
        list.join(", "),
        rows.join(", "),
        names.join(", "),
        on.join(" AND ")
    ))
}

fn kind(values: &[PublicValue]) -> &'static str {
    if values.iter().any(|value| matches!(value, PublicValue::Code(_))) { "VARCHAR" } else { "BIGINT" }
}
