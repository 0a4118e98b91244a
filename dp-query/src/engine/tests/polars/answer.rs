//! From rows to exact integers per cell, as `plan.rs` says what they mean.

use std::collections::{BTreeMap, BTreeSet};

use duckdb::Connection;
use jiff::civil::{Date, date};
use polars::prelude::DataFrame;
use policies::WithoutConsent;

use super::aggregate::mean;
use super::expr::Rows;
use super::frame::{Value, filter, has, values};
use super::relation::{capped, relation, stored};
use crate::plan::{Audience, Bins, Key, Plan, Reach, Reduction, Statistic};
use crate::relation::Expr;

/// What a group is called in one key: its place in a closed list, or the value itself.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Name {
    Closed(usize),
    Open(String),
}

/// A person in a group.
type Place = (Value, Vec<Name>);

/// Exact integers of a plan with closed lists: cell by cell, the last key the fastest; statistics in order, one integer per bin where there
/// are bins.
pub(in crate::engine::tests) fn cells(plan: &Plan, connection: &Connection, day: Date) -> Vec<Vec<i128>> {
    let mut result = vec![vec![0; plan.width()]; plan.cells()];
    for (group, integers) in sums(plan, connection, day) {
        let cell = group.iter().zip(&plan.keys).fold(0, |cell, (name, key)| match name {
            Name::Closed(place) => cell * key.values.len() + place,
            Name::Open(_) => panic!("an open key among closed lists"),
        });
        result[cell] = integers;
    }
    result
}

/// Exact integers of a plan whose groups come from the data, by the groups' names.
pub(in crate::engine::tests) fn named(plan: &Plan, connection: &Connection, day: Date) -> BTreeMap<String, Vec<i128>> {
    let word = |(name, key): (Name, &Key)| match name {
        Name::Closed(place) => key.values[place].clone(),
        Name::Open(value) => value,
    };
    let together = |group: Vec<Name>| group.into_iter().zip(&plan.keys).map(word).collect::<Vec<_>>().join("/");
    sums(plan, connection, day).into_iter().map(|(group, integers)| (together(group), integers)).collect()
}

/// Integers of the groups that somebody is in.
fn sums(plan: &Plan, connection: &Connection, day: Date) -> BTreeMap<Vec<Name>, Vec<i128>> {
    let mut frame = count_in(&relation(&plan.relation, connection), &plan.population, connection, day);
    // Where what one person adds to counts rests on the number of their rows, there are no more than that.
    let rests = plan.statistics.iter().any(|statistic| {
        let may = plan.sensitivity(statistic);
        may.l1 < u128::from(may.l0) * u128::from(may.linf)
    });
    if let Some(rows) = plan.rows.bound().filter(|_| rests) {
        frame = capped(&frame, rows);
    }
    let rows = Rows::of(&frame);
    let persons = values(&frame, "pid");
    let draws = if has(&frame, "draw") { values(&frame, "draw") } else { vec![Value::Key(0); frame.height()] };
    let mut contributions: BTreeMap<Place, Vec<usize>> = BTreeMap::new();
    for (row, person) in persons.iter().enumerate() {
        let group = plan.keys.iter().map(|key| name(key, &rows, row)).collect();
        contributions.entry((person.clone(), group)).or_default().push(row);
    }
    let chosen = chosen(plan, &contributions, &draws);
    let mut result: BTreeMap<Vec<Name>, Vec<i128>> = BTreeMap::new();
    for ((_, group), which) in contributions.iter().filter(|(place, _)| chosen.contains(place)) {
        let integers = result.entry(group.clone()).or_insert_with(|| vec![0; plan.width()]);
        for (number, statistic) in plan.statistics.iter().enumerate() {
            let offset = plan.offset(number);
            match contribution(statistic, &rows, which) {
                Contribution::Bin(bin) => integers[offset + bin] += 1,
                Contribution::Amount(amount) => integers[offset] += amount,
                Contribution::None => {}
            }
        }
    }
    result
}

/// At most `max_groups` groups of each person: those with the smallest draws.
fn chosen(plan: &Plan, contributions: &BTreeMap<Place, Vec<usize>>, draws: &[Value]) -> BTreeSet<Place> {
    let mut by_person: BTreeMap<&Value, Vec<(Value, &Vec<Name>)>> = BTreeMap::new();
    for ((person, group), which) in contributions {
        let least = which.iter().map(|row| draws[*row].clone()).min().unwrap();
        by_person.entry(person).or_default().push((least, group));
    }
    let most = usize::try_from(plan.max_groups).unwrap();
    let mut chosen = BTreeSet::new();
    for (person, mut groups) in by_person {
        groups.sort();
        chosen.extend(groups.into_iter().take(most).map(|(_, group)| (person.clone(), group.clone())));
    }
    chosen
}

/// In a closed list NULL and what lies beyond are the last value. An open key's value is itself, cut to its length; NULL is called so.
fn name(key: &Key, rows: &Rows, row: usize) -> Name {
    let value = rows.value(&key.index, row);
    if let Some(length) = key.open {
        let text = match value {
            Value::Code(text) => text,
            Value::Null => "NULL".to_owned(),
            other => panic!("not a code: {other:?}"),
        };
        return Name::Open(text.chars().take(usize::try_from(length.max(4)).unwrap()).collect());
    }
    let last = key.values.len() - 1;
    let place = |place: i128| usize::try_from(place.max(0)).unwrap_or(last).min(last);
    Name::Closed(value.integer().map_or(last, place))
}

enum Contribution {
    Bin(usize),
    Amount(i128),
    None,
}

/// One person's rows of one cell as one clamped, centred value.
fn contribution(statistic: &Statistic, rows: &Rows, which: &[usize]) -> Contribution {
    let known = |e: &Expr| -> Vec<Value> {
        which.iter().map(|row| rows.value(e, *row)).filter(|value| !value.is_null()).collect()
    };
    let integers = |e: &Expr| -> Vec<i128> { known(e).iter().filter_map(Value::integer).collect() };
    let count = |n: usize| i128::try_from(n).unwrap();
    let value = match &statistic.reduction {
        Reduction::Present => Some(1),
        Reduction::CountRows => Some(count(which.len())),
        Reduction::CountTrue(e) => Some(count(known(e).iter().filter(|value| **value == Value::Truth(true)).count())),
        Reduction::CountNonNull(e) => Some(count(known(e).len())),
        Reduction::AnyNonNull(e) => Some(i128::from(!known(e).is_empty())),
        Reduction::Sum(e) => Some(integers(e)).filter(|list| !list.is_empty()).map(|list| list.iter().sum()),
        Reduction::Mean(e) => mean(&integers(e)),
        Reduction::Square { input, lo, hi, centre } => mean(&integers(input))
            .map(|mean| (mean.clamp(i128::from(*lo), i128::from(*hi)) - i128::from(*centre)).pow(2)),
        Reduction::Bin { input, bins } => {
            return mean(&integers(input)).map_or(Contribution::None, |mean| Contribution::Bin(bin(bins, mean)));
        }
    };
    let (lo, hi, centre) = (i128::from(statistic.lo), i128::from(statistic.hi), i128::from(statistic.centre));
    value.map_or(Contribution::None, |value| Contribution::Amount((value - centre).clamp(lo, hi)))
}

/// What lies outside belongs to the first or the last.
fn bin(bins: &Bins, value: i128) -> usize {
    match bins {
        Bins::Even { lo, step, count, .. } => {
            let step = i128::from(*step);
            (1..*count).filter(|bin| i128::from(*lo) + step * i128::from(*bin) <= value).count()
        }
        Bins::Edges(edges) => edges.iter().filter(|edge| i128::from(**edge) <= value).count(),
    }
}

/// The rows of persons who count: within the policy's population, and by their consents as they stand on this day.
fn count_in(frame: &DataFrame, audience: &Audience, connection: &Connection, day: Date) -> DataFrame {
    let within = audience.limit.as_ref().map(|limit| values(&relation(limit, connection), "pid"));
    let columns = ["pid", "purpose", "recipient_kind", "data_kind", "allowed", "from_date", "until_date"];
    let consents = stored(connection, "consent", &columns.map(str::to_owned));
    let today = i64::from((day - date(1970, 1, 1)).get_days());
    let spoken =
        |person: &Value| -> Vec<usize> { (0..consents[0].len()).filter(|row| consents[0][*row] == *person).collect() };
    let one_of = |column: usize, row: usize, list: &[i64]| matches!(consents[column][row], Value::Integer(place) if list.contains(&place));
    let reached = |reach: &Reach, row: usize| {
        one_of(1, row, &reach.purposes) && one_of(2, row, &reach.recipients) && one_of(3, row, &reach.data)
    };
    let says = |row: usize, allowed: bool| consents[4][row] == Value::Truth(allowed);
    let in_force = |row: usize| {
        let begun = !matches!(consents[5][row], Value::Integer(from) if from > today);
        begun && !matches!(consents[6][row], Value::Integer(until) if until < today)
    };
    let counts = |person: &Value| {
        let rows = spoken(person);
        let consented = audience.consents.iter().all(|kind| {
            let refused = rows.iter().any(|row| says(*row, false) && reached(&kind.refuses, *row) && in_force(*row));
            let permitted = rows.iter().any(|row| says(*row, true) && reached(&kind.permits, *row) && in_force(*row));
            let asked = rows.iter().any(|row| says(*row, true) && one_of(3, *row, &kind.permits.data));
            match audience.project.without_consent {
                // Whoever once permitted, but no longer does, has taken it back.
                WithoutConsent::Include => !refused && (permitted || !asked),
                WithoutConsent::Exclude => !refused && permitted,
            }
        });
        consented && within.as_ref().is_none_or(|within| within.contains(person))
    };
    filter(frame, values(frame, "pid").iter().map(counts))
}
