//! Groups that come from the data: their names in the engine's SQL, and its rows as a sparse list. Not which of them may be shown: that is
//! decided with noise, behind this.
//!
//! Only integers come out of the store, so that a code travels as numbers: 17 characters of 7 bits in each.

use std::collections::BTreeMap;

use audit_log::Receipt;
use datasets::store::Store;
use jiff::civil::Date;
use zeroize::{Zeroize, Zeroizing};

use super::expr::{clamp, integer};
use super::{BadShape, ExactError, filled, sql};
use crate::plan::{Key, Plan};

/// What a group without a value is called; a code that reads so is the same group.
const NULL: &str = "NULL";
/// Characters in one integer: 119 bits.
const CHARACTERS: u32 = 17;

/// What a group is called in one key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Place {
    /// Position in the key's closed list.
    Closed(usize),
    /// The value itself.
    Open(String),
}

/// A group that somebody is in, with its integers: (place within a cell's width, sum), the others 0. Overwritten when dropped.
pub struct Group {
    pub(crate) places: Vec<Place>,
    pub(crate) values: Vec<(usize, i128)>,
}

impl Group {
    /// One of its integers.
    pub(crate) fn at(&self, place: usize) -> i128 {
        self.values.iter().find(|(at, _)| *at == place).map_or(0, |(_, value)| *value)
    }

    /// All of its integers.
    pub(crate) fn cell(&self, width: usize) -> Zeroizing<Vec<i128>> {
        let mut cell = Zeroizing::new(vec![0; width]);
        for (at, value) in &self.values {
            if let Some(place) = cell.get_mut(*at) {
                *place = *value;
            }
        }
        cell
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        for place in &mut self.places {
            if let Place::Open(name) = place {
                name.zeroize();
            }
        }
        self.values.iter_mut().for_each(|(_, value)| value.zeroize());
    }
}

/// The exact integers of a plan. Overwritten when dropped.
pub enum Exact {
    /// Of every cell of the closed domain: cell-major, statistics in the plan's order.
    Closed(Zeroizing<Vec<Vec<i128>>>),
    /// The same of each level, where they are apart.
    Levels(Vec<Zeroizing<Vec<Vec<i128>>>>),
    /// Of the groups that somebody is in, by their names.
    Open(Vec<Group>),
}

impl From<Vec<Vec<i128>>> for Exact {
    fn from(cells: Vec<Vec<i128>>) -> Self {
        Exact::Closed(Zeroizing::new(cells))
    }
}

/// The exact integers of a plan, by the engine's way for it.
///
/// # Errors
/// [`ExactError`].
pub fn compute(plan: &Plan, store: &Store, day: Date, intent: &Receipt) -> Result<Exact, ExactError> {
    if plan.levels_apart() {
        let levels = plan.parts();
        let levels = levels.iter().map(|level| super::exact(level, store, day, intent).map(Zeroizing::new));
        return Ok(Exact::Levels(levels.collect::<Result<_, _>>()?));
    }
    if !plan.is_open() {
        return super::exact(plan, store, day, intent).map(Exact::from);
    }
    let rows = Zeroizing::new(store.integers(&sql(plan, day)?, intent)?);
    Ok(Exact::Open(groups(plan, &rows)?))
}

/// Names of the columns that make a group in the last stages of the SQL, and what they are in the first.
pub(super) fn columns(plan: &Plan) -> (Vec<String>, Vec<String>) {
    if !plan.open {
        return (vec!["cell".to_owned()], vec![super::cell(&plan.keys)]);
    }
    let keys = plan.keys.iter().enumerate();
    keys.map(|(number, key)| {
        let value = match longest(key) {
            Some(length) => format!("left(coalesce(k{number}, '{NULL}'), {length})"),
            None => {
                let last = i64::try_from(key.values.len()).unwrap_or(i64::MAX) - 1;
                clamp(&format!("coalesce(k{number}, {})", integer(last)), 0, last)
            }
        };
        (format!("g{number}"), value)
    })
    .unzip()
}

/// Most characters of an open key's value.
fn longest(key: &Key) -> Option<u32> {
    key.open.map(|length| length.max(4))
}

/// How many integers name a group in this key.
fn parts(key: &Key) -> usize {
    longest(key).map_or(1, |length| usize::try_from(length.div_ceil(CHARACTERS)).unwrap_or(1))
}

/// The columns of [`columns`] as integers, as they leave the engine.
pub(super) fn named(plan: &Plan) -> Vec<String> {
    let mut list = Vec::new();
    for (number, key) in plan.keys.iter().enumerate() {
        let Some(length) = longest(key) else {
            list.push(format!("g{number}"));
            continue;
        };
        for part in 0..length.div_ceil(CHARACTERS) {
            let mut text = "0::HUGEINT".to_owned();
            for at in part * CHARACTERS..(part + 1) * CHARACTERS {
                text = format!(
                    "({text} * 128 + CASE WHEN length(g{number}) > {at} THEN least(ascii(substr(g{number}, {}, 1)), 127) ELSE 0 END)",
                    at + 1
                );
            }
            list.push(text);
        }
    }
    list
}

/// The characters of an integer of [`named`], up to the first 0.
fn spell(mut packed: i128, name: &mut String) -> Result<(), BadShape> {
    if !(0..1 << (7 * CHARACTERS)).contains(&packed) {
        return Err(BadShape);
    }
    let mut characters = Vec::new();
    for _ in 0..CHARACTERS {
        characters.push(u8::try_from(packed % 128).map_err(|_| BadShape)?);
        packed /= 128;
    }
    let written = characters.into_iter().rev().take_while(|c| *c != 0);
    name.extend(written.map(|c| if c.is_ascii_graphic() { char::from(c) } else { char::REPLACEMENT_CHARACTER }));
    Ok(())
}

/// Rows of the SQL as groups, in the order of their names.
///
/// # Errors
/// [`BadShape`], as [`super::dense`].
pub(crate) fn groups(plan: &Plan, rows: &[Vec<Option<i128>>]) -> Result<Vec<Group>, BadShape> {
    let leading: usize = plan.keys.iter().map(parts).sum();
    let mut found: BTreeMap<Vec<i128>, Vec<Vec<Option<i128>>>> = BTreeMap::new();
    for row in rows {
        let (names, rest) = row.split_at_checked(leading).ok_or(BadShape)?;
        let names: Vec<i128> = names.iter().copied().collect::<Option<_>>().ok_or(BadShape)?;
        // One cell, as `filled` reads it.
        found.entry(names).or_default().push([Some(0)].into_iter().chain(rest.iter().copied()).collect());
    }
    let mut groups = found
        .into_iter()
        .map(|(names, rows)| {
            let rows = Zeroizing::new(rows);
            let cell = Zeroizing::new(filled(plan, 1, &rows)?);
            let cell = cell.first().ok_or(BadShape)?;
            let values = cell.iter().copied().enumerate().filter(|(_, value)| *value != 0).collect();
            Ok(Group { places: places(plan, &names)?, values })
        })
        .collect::<Result<Vec<_>, BadShape>>()?;
    groups.sort_by(|a, b| a.places.cmp(&b.places));
    Ok(groups)
}

fn places(plan: &Plan, names: &[i128]) -> Result<Vec<Place>, BadShape> {
    let mut rest = names;
    let mut places = Vec::with_capacity(plan.keys.len());
    for key in &plan.keys {
        let (own, more) = rest.split_at_checked(parts(key)).ok_or(BadShape)?;
        rest = more;
        places.push(match (key.open, own) {
            (None, [at]) => {
                Place::Closed(usize::try_from(*at).ok().filter(|at| *at < key.values.len()).ok_or(BadShape)?)
            }
            _ => {
                let mut name = String::new();
                own.iter().try_for_each(|part| spell(*part, &mut name))?;
                Place::Open(name)
            }
        });
    }
    Ok(places)
}
