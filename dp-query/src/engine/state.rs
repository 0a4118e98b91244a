//! Aggregates within a person, one state per person of a range, in arrays: the same values as the SQL of [`super::expr`], which stays the
//! definition. Rows come in any order.

use super::flow::Folded;
use super::vector::{Frame, Vector};
use crate::relation::LIMIT;

pub(super) enum State {
    Count(Vec<i64>),
    Sum { sums: Vec<i128>, counts: Vec<u32>, mean: bool },
    Best { values: Vec<i64>, some: Vec<bool>, greatest: bool },
    Truth { yes: Vec<bool>, no: Vec<bool>, any: bool },
    ValueBy { by: Vec<i64>, values: Vec<i64>, some: Vec<bool>, last: bool },
}

impl State {
    pub(super) fn new(aggregate: &Folded, rows: usize) -> Self {
        let (integers, marks) = (|| vec![0_i64; rows], || vec![false; rows]);
        match aggregate {
            Folded::Rows | Folded::Count(_) | Folded::CountIf(_) => State::Count(integers()),
            Folded::Sum(_) => State::Sum { sums: vec![0; rows], counts: vec![0; rows], mean: false },
            Folded::Mean(_) => State::Sum { sums: vec![0; rows], counts: vec![0; rows], mean: true },
            Folded::Least(_) => State::Best { values: integers(), some: marks(), greatest: false },
            Folded::Greatest(_) => State::Best { values: integers(), some: marks(), greatest: true },
            Folded::Truth { any, .. } => State::Truth { yes: marks(), no: marks(), any: *any },
            Folded::ValueBy { last, .. } => {
                State::ValueBy { by: integers(), values: integers(), some: marks(), last: *last }
            }
        }
    }

    pub(super) fn take(&mut self, aggregate: &Folded, pids: &[u32], frame: &Frame) {
        match (self, aggregate) {
            (State::Count(counts), Folded::Rows) => each(pids, counts, |count, _| *count += 1),
            (State::Count(counts), Folded::Count(node)) => {
                let input = node.of(frame);
                each(pids, counts, |count, row| *count += i64::from(!input.null(row)));
            }
            (State::Count(counts), Folded::CountIf(node)) => {
                let input = node.of(frame);
                each(pids, counts, |count, row| *count += i64::from(input.get(row).is_some_and(|value| value != 0)));
            }
            (State::Sum { sums, counts, .. }, Folded::Sum(node) | Folded::Mean(node)) => {
                let input = node.of(frame);
                if input.nulls.is_none() {
                    // A person's rows lie side by side, mostly.
                    let mut values = input.values.iter();
                    for stretch in pids.chunk_by(|a, b| a == b) {
                        let Some(at) = stretch.first().map(|pid| *pid as usize) else { continue };
                        let own: i128 = values.by_ref().take(stretch.len()).map(|value| i128::from(*value)).sum();
                        if let Some((sum, count)) = sums.get_mut(at).zip(counts.get_mut(at)) {
                            *sum += own;
                            *count = count.saturating_add(u32::try_from(stretch.len()).unwrap_or(u32::MAX));
                        }
                    }
                } else {
                    for (row, pid) in pids.iter().enumerate() {
                        let at = *pid as usize;
                        if let (Some(value), Some((sum, count))) =
                            (input.get(row), sums.get_mut(at).zip(counts.get_mut(at)))
                        {
                            *sum += i128::from(value);
                            *count = count.saturating_add(1);
                        }
                    }
                }
            }
            (State::Best { values, some, greatest }, Folded::Least(node) | Folded::Greatest(node)) => {
                let input = node.of(frame);
                for (row, pid) in pids.iter().enumerate() {
                    let at = *pid as usize;
                    if let (Some(value), Some((best, some))) =
                        (input.get(row), values.get_mut(at).zip(some.get_mut(at)))
                    {
                        let better = if *greatest { value > *best } else { value < *best };
                        if better || !*some {
                            *best = value;
                            *some = true;
                        }
                    }
                }
            }
            (State::Truth { yes, no, .. }, Folded::Truth { input, .. }) => {
                let input = input.of(frame);
                for (row, pid) in pids.iter().enumerate() {
                    let told = match input.get(row) {
                        None => None,
                        Some(0) => no.get_mut(*pid as usize),
                        Some(_) => yes.get_mut(*pid as usize),
                    };
                    if let Some(told) = told {
                        *told = true;
                    }
                }
            }
            (State::ValueBy { by, values, some, last }, Folded::ValueBy { value, by: order, .. }) => {
                let (value, order) = (value.of(frame), order.of(frame));
                for (row, pid) in pids.iter().enumerate() {
                    let at = *pid as usize;
                    let here = by.get_mut(at).zip(values.get_mut(at)).zip(some.get_mut(at));
                    if let (Some(new), Some(((by, best), some))) = (order.get(row).zip(value.get(row)), here) {
                        let better = if *last { new > (*by, *best) } else { new < (*by, *best) };
                        if better || !*some {
                            (*by, *best) = new;
                            *some = true;
                        }
                    }
                }
            }
            _ => {}
        }
    }

    pub(super) fn column(self) -> Vector {
        let some_of = |some: Vec<bool>| {
            let nulls: Vec<bool> = some.iter().map(|some| !some).collect();
            nulls.iter().any(|null| *null).then_some(nulls)
        };
        match self {
            State::Count(values) => Vector { values, nulls: None },
            State::Sum { sums, counts, mean } => {
                let limit = i128::from(LIMIT);
                let value = |(sum, count): (&i128, &u32)| {
                    let value = if mean {
                        super::shape::mean((*sum, *count)).unwrap_or(0)
                    } else {
                        (*sum).clamp(-limit, limit)
                    };
                    i64::try_from(value).unwrap_or(0)
                };
                let values = sums.iter().zip(&counts).map(value).collect();
                Vector { values, nulls: some_of(counts.iter().map(|count| *count > 0).collect()) }
            }
            State::Best { values, some, .. } | State::ValueBy { values, some, .. } => {
                Vector { values, nulls: some_of(some) }
            }
            State::Truth { yes, no, any } => {
                let some = yes.iter().zip(&no).map(|(yes, no)| *yes || *no).collect();
                let value = |(yes, no): (&bool, &bool)| i64::from(if any { *yes } else { !*no });
                Vector { values: yes.iter().zip(&no).map(value).collect(), nulls: some_of(some) }
            }
        }
    }
}

fn each(pids: &[u32], list: &mut [i64], f: impl Fn(&mut i64, usize)) {
    for (row, pid) in pids.iter().enumerate() {
        if let Some(here) = list.get_mut(*pid as usize) {
            f(here, row);
        }
    }
}
