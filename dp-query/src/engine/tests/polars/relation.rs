//! Relations as data frames, as `relation.rs` says what they mean.

use std::collections::BTreeMap;

use duckdb::Connection;
use duckdb::types::Value as Stored;
use polars::prelude::*;

use super::aggregate::{aggregate, windowed};
use super::expr::Rows;
use super::frame::{Value, column, filter, groups, has, name, values};
use crate::relation::{Computed, PublicRows, PublicValue, Reduced, Relation, ScanColumn, ScanKind};

/// A stored table: the columns asked for, as they are.
pub(super) fn stored(connection: &Connection, table: &str, columns: &[String]) -> Vec<Vec<Value>> {
    let list: Vec<String> = columns.iter().map(|name| format!("\"{name}\"")).collect();
    let mut statement = connection.prepare(&format!("SELECT {} FROM {table}", list.join(", "))).unwrap();
    let mut rows = statement.query([]).unwrap();
    let mut found = vec![Vec::new(); columns.len()];
    while let Some(row) = rows.next().unwrap() {
        for (number, list) in found.iter_mut().enumerate() {
            list.push(match row.get::<_, Stored>(number).unwrap() {
                Stored::Null => Value::Null,
                Stored::Boolean(value) => Value::Truth(value),
                Stored::Int(value) | Stored::Date32(value) => Value::Integer(i64::from(value)),
                Stored::UTinyInt(value) => Value::Integer(i64::from(value)),
                Stored::UBigInt(value) => Value::Key(value),
                Stored::Text(text) => Value::Code(text),
                other => panic!("{table} holds a value of another type: {:?}", std::mem::discriminant(&other)),
            });
        }
    }
    found
}

/// The rows of a relation.
pub(super) fn relation(node: &Relation, connection: &Connection) -> DataFrame {
    let of = |node: &Relation| relation(node, connection);
    match node {
        Relation::Scan { table, rows, columns, .. } => scan(connection, table, columns, rows.bound() != Some(1)),
        Relation::Filter { input, predicate } => {
            let frame = of(input);
            let rows = Rows::of(&frame);
            filter(&frame, (0..frame.height()).map(|row| rows.holds(predicate, row)))
        }
        Relation::Project { input, columns } => {
            let frame = of(input);
            let mut result = bare(&frame);
            computed(&frame, columns, &mut result);
            result
        }
        Relation::Reduce { input, keys, aggregates, .. } => reduce(&of(input), keys, aggregates),
        Relation::Join { left, right, outer, on, present, .. } => {
            let left = of(left);
            let mut pairs = left_and_right(&left, &of(right));
            if let Some(on) = on {
                let rows = Rows::of(&pairs);
                pairs = filter(&pairs, (0..pairs.height()).map(|row| rows.holds(on, row)));
            }
            together(&left, pairs, outer.then_some(*present))
        }
        Relation::Window { input, columns } => {
            let mut frame = of(input);
            let rows = Rows::of(&frame);
            let made: Vec<Column> =
                columns.iter().map(|made| column(&name(made.id), &windowed(&frame, &rows, made))).collect();
            for column in made {
                frame.with_column(column).unwrap();
            }
            frame
        }
        Relation::Lookup { input, table, outer, present } => {
            let frame = of(input);
            let pairs = beside(&frame, table, public(table));
            together(&frame, pairs, outer.then_some(*present))
        }
        Relation::Cap { input, rows } => capped(&of(input), *rows),
    }
}

/// Rows per person with the smallest draws.
pub(super) fn capped(frame: &DataFrame, rows: u64) -> DataFrame {
    if !has(frame, "draw") {
        return frame.clone();
    }
    let sorted = frame.sort(["pid", "draw"], SortMultipleOptions::default()).unwrap();
    let most = usize::try_from(rows).unwrap_or(usize::MAX);
    let mut keep = vec![false; sorted.height()];
    for group in groups(&sorted, &["pid".to_owned()]) {
        group.into_iter().take(most).for_each(|row| keep[row] = true);
    }
    filter(&sorted, keep.into_iter())
}

/// Bounds, closed lists and the values instead of a NULL that can't be are enforced while reading.
fn scan(connection: &Connection, table: &str, columns: &[ScanColumn], draws: bool) -> DataFrame {
    let mut names = vec!["pid".to_owned()];
    names.extend(draws.then(|| "draw".to_owned()));
    let own = names.len();
    names.extend(columns.iter().map(|column| column.name.clone()));
    let raw = stored(connection, table, &names);
    let mut result: Vec<Column> = names.iter().zip(&raw).take(own).map(|(name, list)| column(name, list)).collect();
    for (scanned, list) in columns.iter().zip(raw.iter().skip(own)) {
        let (lo, hi, instead) = match &scanned.kind {
            ScanKind::Integer { lo, hi } | ScanKind::Date { lo, hi } => (*lo, *hi, Value::Integer(*lo)),
            ScanKind::Category { values } => (0, values - 1, Value::Integer(values - 1)),
            ScanKind::Flag => (0, 0, Value::Truth(false)),
            ScanKind::Code => (0, 0, Value::Code(String::new())),
            ScanKind::Key => (0, 0, Value::Key(0)),
        };
        let read = |value: &Value| match value {
            Value::Null if !scanned.nullable => instead.clone(),
            Value::Integer(value) => Value::Integer((*value).clamp(lo, hi)),
            other => other.clone(),
        };
        result.push(column(&name(scanned.id), &list.iter().map(read).collect::<Vec<_>>()));
    }
    DataFrame::new(raw[0].len(), result).unwrap()
}

/// The person and, if there is one, the draw.
fn bare(frame: &DataFrame) -> DataFrame {
    if has(frame, "draw") { frame.select(["pid", "draw"]).unwrap() } else { frame.select(["pid"]).unwrap() }
}

fn computed(frame: &DataFrame, columns: &[Computed], result: &mut DataFrame) {
    let rows = Rows::of(frame);
    for made in columns {
        let list: Vec<Value> = (0..frame.height()).map(|row| rows.value(&made.expr, row)).collect();
        result.with_column(column(&name(made.id), &list)).unwrap();
    }
}

/// One row per person and combination of keys; a group's draw is the least of its rows', and without keys there is one row.
fn reduce(frame: &DataFrame, keys: &[Computed], aggregates: &[Reduced]) -> DataFrame {
    let rows = Rows::of(frame);
    let mut keyed = bare(frame);
    computed(frame, keys, &mut keyed);
    let mut by = vec!["pid".to_owned()];
    by.extend(keys.iter().map(|key| name(key.id)));
    let groups = groups(&keyed, &by);
    let mut result: Vec<Column> = Vec::new();
    for name in &by {
        let list = values(&keyed, name);
        result.push(column(name, &groups.iter().map(|group| list[group[0]].clone()).collect::<Vec<_>>()));
    }
    if !keys.is_empty() && has(frame, "draw") {
        let draws = values(frame, "draw");
        let least = |group: &Vec<usize>| group.iter().map(|row| draws[*row].clone()).min().unwrap();
        result.push(column("draw", &groups.iter().map(least).collect::<Vec<_>>()));
    }
    for reduced in aggregates {
        let list: Vec<Value> = groups.iter().map(|group| aggregate(&reduced.aggregate, &rows, group)).collect();
        result.push(column(&name(reduced.id), &list));
    }
    DataFrame::new(groups.len(), result).unwrap()
}

/// All pairs of rows of the same person; the right one's draw is `draw_right`, the left one's place is `left`.
fn left_and_right(left: &DataFrame, right: &DataFrame) -> DataFrame {
    let mut right = right.clone();
    if has(&right, "draw") {
        right.rename("draw", "draw_right".into()).unwrap();
    }
    let left = left.with_row_index("left".into(), None).unwrap();
    left.inner_join(&right, ["pid"], ["pid"]).unwrap()
}

/// The rows of a public table; `draw` is a row's place.
fn public(table: &PublicRows) -> DataFrame {
    let value = |value: &PublicValue| match value {
        PublicValue::Null => Value::Null,
        PublicValue::Integer(value) => Value::Integer(*value),
        PublicValue::Code(text) => Value::Code(text.clone()),
    };
    let places: Vec<Value> = (0..table.rows).map(|row| Value::Key(u64::try_from(row).unwrap())).collect();
    let mut result = vec![column("draw", &places)];
    for made in &table.columns {
        result.push(column(&name(made.id), &made.values.iter().map(value).collect::<Vec<_>>()));
    }
    DataFrame::new(table.rows, result).unwrap()
}

/// All pairs of a row and one of the public table that are equal in all keys; NULL is equal to nothing. By polars: joined on one column
/// that numbers the combinations of keys.
fn beside(frame: &DataFrame, table: &PublicRows, mut right: DataFrame) -> DataFrame {
    let rows = Rows::of(frame);
    let mut known: BTreeMap<Vec<Value>, i64> = BTreeMap::new();
    let mut number = |keys: Vec<Value>| {
        if keys.contains(&Value::Null) {
            return Value::Null;
        }
        let next = i64::try_from(known.len()).unwrap();
        Value::Integer(*known.entry(keys).or_insert(next))
    };
    let theirs: Vec<Value> = (0..table.rows)
        .map(|row| {
            let key = |key: &crate::relation::PublicKey| match &key.values[row] {
                PublicValue::Null => Value::Null,
                PublicValue::Integer(value) => Value::Integer(*value),
                PublicValue::Code(text) => Value::Code(text.clone()),
            };
            number(table.keys.iter().map(key).collect())
        })
        .collect();
    let ours: Vec<Value> = (0..frame.height())
        .map(|row| number(table.keys.iter().map(|key| rows.value(&key.expr, row)).collect()))
        .collect();
    right.rename("draw", "draw_right".into()).unwrap();
    right.with_column(column("combination", &theirs)).unwrap();
    let mut left = frame.with_row_index("left".into(), None).unwrap();
    left.with_column(column("combination", &ours)).unwrap();
    left.inner_join(&right, ["combination"], ["combination"]).unwrap().drop("combination").unwrap()
}

/// The pairs; of an outer join also the left rows without a partner, told apart by the column `present`. Pairs are ordered by both draws,
/// a row without a partner before others, and numbered anew.
fn together(left: &DataFrame, pairs: DataFrame, present: Option<u32>) -> DataFrame {
    let met = pairs.column("left").unwrap().idx().unwrap().iter().flatten().collect::<std::collections::BTreeSet<_>>();
    let mut result = pairs.drop("left").unwrap();
    if let Some(present) = present {
        let truth = |value: bool, n: usize| Column::new(PlSmallStr::from(name(present)), vec![value; n]);
        let alone = filter(left, (0..left.height()).map(|row| !met.contains(&IdxSize::try_from(row).unwrap())));
        let mut more = Vec::new();
        for have in result.columns() {
            more.push(match alone.column(have.name()) {
                Ok(column) => column.clone(),
                Err(_) => Column::full_null(have.name().clone(), alone.height(), have.dtype()),
            });
        }
        let mut alone = DataFrame::new(alone.height(), more).unwrap();
        alone.with_column(truth(false, alone.height())).unwrap();
        let n = result.height();
        result.with_column(truth(true, n)).unwrap();
        result = result.vstack(&alone).unwrap();
    }
    let draws: Vec<&str> = ["draw", "draw_right"].into_iter().filter(|draw| has(&result, draw)).collect();
    if !draws.is_empty() {
        let mut by = vec!["pid"];
        by.extend(&draws);
        result = result.sort(by, SortMultipleOptions::default().with_nulls_last(false)).unwrap();
        for draw in draws {
            result = result.drop(draw).unwrap();
        }
        let places: Vec<Value> = (0..result.height()).map(|row| Value::Key(u64::try_from(row).unwrap())).collect();
        result.with_column(column("draw", &places)).unwrap();
    }
    result
}
