//! Aggregates over some rows of one person, and window functions, as `relation.rs` and `relation/window.rs` say what they mean.

use std::collections::BTreeSet;

use polars::prelude::{DataFrame, SortMultipleOptions};

use super::expr::Rows;
use super::frame::{Value, column, groups, has, values};
use crate::relation::{Aggregate, Expr, Frame, LIMIT, WindowFunction, Windowed};

/// An aggregate over these rows.
pub(super) fn aggregate(a: &Aggregate, rows: &Rows, which: &[usize]) -> Value {
    let of = |e: &Expr| -> Vec<Value> {
        which.iter().map(|row| rows.value(e, *row)).filter(|value| !value.is_null()).collect()
    };
    let integers = |e: &Expr| -> Vec<i128> { of(e).iter().filter_map(Value::integer).collect() };
    let count = |n: usize| Value::Integer(i64::try_from(n).unwrap());
    match a {
        Aggregate::CountRows => count(which.len()),
        Aggregate::Count(input) => count(of(input).len()),
        Aggregate::CountIf(input) => count(of(input).iter().filter(|value| **value == Value::Truth(true)).count()),
        Aggregate::CountDistinct(input) => count(of(input).into_iter().collect::<BTreeSet<_>>().len()),
        Aggregate::Sum(input) => {
            let list = integers(input);
            let limit = i128::from(LIMIT);
            Value::of((!list.is_empty()).then(|| list.iter().sum::<i128>().clamp(-limit, limit)))
        }
        Aggregate::Mean(input) => Value::of(mean(&integers(input))),
        Aggregate::Min(input) => of(input).into_iter().min().unwrap_or(Value::Null),
        Aggregate::Max(input) => of(input).into_iter().max().unwrap_or(Value::Null),
        Aggregate::Truth { input, any } => {
            let list = of(input);
            let found = if *any { list.contains(&Value::Truth(true)) } else { !list.contains(&Value::Truth(false)) };
            if list.is_empty() { Value::Null } else { Value::Truth(found) }
        }
        // The spans serve to pack both into one integer; they are of no meaning of their own.
        Aggregate::ValueBy { value, by, last, .. } => {
            let pairs = which.iter().map(|row| (rows.value(by, *row), rows.value(value, *row)));
            let pairs = pairs.filter(|(by, value)| !by.is_null() && !value.is_null());
            let found = if *last { pairs.max() } else { pairs.min() };
            found.map_or(Value::Null, |(_, value)| value)
        }
    }
}

/// Sum over count, half away from zero; None of nothing.
pub(super) fn mean(list: &[i128]) -> Option<i128> {
    let (sum, count) = (list.iter().sum::<i128>(), i128::try_from(list.len()).unwrap());
    if count == 0 {
        return None;
    }
    let (whole, rest) = (sum / count, sum % count);
    Some(if 2 * rest.abs() >= count { whole + sum.signum() } else { whole })
}

/// The column of a window function: the rows of a person and partition in order, ties by their draws.
pub(super) fn windowed(frame: &DataFrame, rows: &Rows, made: &Windowed) -> Vec<Value> {
    let height = frame.height();
    let each = |e: &Expr| -> Vec<Value> { (0..height).map(|row| rows.value(e, row)).collect() };
    let mut sorted = frame.select(["pid"]).unwrap();
    let numbers: Vec<Value> = (0..height).map(|row| Value::Integer(i64::try_from(row).unwrap())).collect();
    sorted.with_column(column("row", &numbers)).unwrap();
    let mut by = vec!["pid".to_owned()];
    for (number, key) in made.partition.iter().enumerate() {
        by.push(format!("key{number}"));
        sorted.with_column(column(&format!("key{number}"), &each(key))).unwrap();
    }
    let (mut order, mut descending, mut nulls_last) = (Vec::new(), Vec::new(), Vec::new());
    for (number, one) in made.order.iter().enumerate() {
        order.push(format!("by{number}"));
        descending.push(one.descending);
        nulls_last.push(!one.nulls_first);
        sorted.with_column(column(&format!("by{number}"), &each(&one.expr))).unwrap();
    }
    if !order.is_empty() && has(frame, "draw") {
        sorted.with_column(frame.column("draw").unwrap().clone()).unwrap();
        order.push("draw".to_owned());
        descending.push(false);
        nulls_last.push(false);
    }
    if !order.is_empty() {
        let options = SortMultipleOptions::default();
        let options = options.with_order_descending_multi(descending).with_nulls_last_multi(nulls_last);
        sorted = sorted.sort(&order, options).unwrap();
    }
    let places: Vec<usize> =
        values(&sorted, "row").iter().map(|row| usize::try_from(row.integer().unwrap()).unwrap()).collect();
    let mut result = vec![Value::Null; height];
    for group in groups(&sorted, &by) {
        let partition: Vec<usize> = group.into_iter().map(|row| places[row]).collect();
        for (at, row) in partition.iter().enumerate() {
            result[*row] = function(&made.function, made.frame, rows, &partition, at);
        }
    }
    result
}

/// A window function for the row at `at` of its partition.
fn function(function: &WindowFunction, frame: Option<Frame>, rows: &Rows, partition: &[usize], at: usize) -> Value {
    let place = i64::try_from(at).unwrap();
    let length = i64::try_from(partition.len()).unwrap();
    let end = |offset: Option<i64>, open: i64| offset.map_or(open, |offset| place + offset);
    let (first, last) = frame.map_or((0, length - 1), |frame| (end(frame.start, 0), end(frame.end, length - 1)));
    let within: Vec<usize> =
        (first.max(0)..=last.min(length - 1)).map(|n| partition[usize::try_from(n).unwrap()]).collect();
    let apart = |input: &Expr, offset: i64| {
        let there = usize::try_from(place + offset).ok().and_then(|there| partition.get(there));
        there.map_or(Value::Null, |row| rows.value(input, *row))
    };
    match function {
        WindowFunction::RowNumber => Value::Integer(place + 1),
        WindowFunction::Lag { input, offset } => apart(input, -offset),
        WindowFunction::Lead { input, offset } => apart(input, *offset),
        WindowFunction::First(input) => within.first().map_or(Value::Null, |row| rows.value(input, *row)),
        WindowFunction::Last(input) => within.last().map_or(Value::Null, |row| rows.value(input, *row)),
        WindowFunction::Aggregate(a) => aggregate(a, rows, &within),
    }
}
