//! Who the rows are about, as the files write it. Not normalization and not linkage: one entry per distinct tuple and
//! reader, nothing is compared beyond equality.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::collections::hash_map::Entry;

use polars::prelude::{DataFrame, DataType, IntoSeries, NamedFrom, Series, StringChunkedBuilder};
use zeroize::Zeroize;

use super::error::ReadError;
use super::quality::people::{People, Person};
use super::report::Kind;

/// The text columns of the identity frame, in order.
pub(super) const FIELDS: [&str; 10] =
    ["insurer_no", "symbol", "number", "branch", "name", "kana", "birth", "sex", "individual_no", "postcode"];

/// An identity as a file writes it, in the order of [`FIELDS`]; cleaned by [`super::text::clean`].
#[derive(Default, Clone, Copy)]
pub(super) struct Tuple<'a> {
    pub(super) insurer_no: Option<&'a str>,
    pub(super) symbol: Option<&'a str>,
    pub(super) number: Option<&'a str>,
    pub(super) branch: Option<&'a str>,
    pub(super) name: Option<&'a str>,
    pub(super) kana: Option<&'a str>,
    pub(super) birth: Option<&'a str>,
    pub(super) sex: Option<&'a str>,
    pub(super) individual_no: Option<&'a str>,
    pub(super) postcode: Option<&'a str>,
}

impl<'a> Tuple<'a> {
    fn fields(&self) -> [Option<&'a str>; 10] {
        [
            self.insurer_no,
            self.symbol,
            self.number,
            self.branch,
            self.name,
            self.kana,
            self.birth,
            self.sex,
            self.individual_no,
            self.postcode,
        ]
    }

    /// Nothing by which anybody could be told from another.
    pub(super) fn nobody(&self) -> bool {
        self.number.is_none() && self.name.is_none() && self.kana.is_none() && self.individual_no.is_none()
    }
}

/// Fields end with this; [`super::text::clean`] has taken control characters out of them.
const END: u8 = 0x1F;
/// Stands for an absent field.
const ABSENT: u8 = 0x00;

#[derive(Default, PartialEq, Eq, Hash)]
pub(super) struct Key(Vec<u8>);

/// Equal and hashed as its bytes are, so that looking one up needs no key of its own.
impl Borrow<[u8]> for Key {
    fn borrow(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Key {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

#[derive(Default, Clone, Copy)]
pub(super) struct Days {
    first_seen: Option<i32>,
    last_seen: Option<i32>,
    covered: bool,
    covered_from: Option<i32>,
    covered_to: Option<i32>,
    death: Option<i32>,
    opted_out: bool,
    /// On a branch: among the touched ones.
    touched: bool,
}

impl Days {
    /// What two of them say together.
    fn join(&mut self, other: &Self) {
        let least = |a: Option<i32>, b: Option<i32>| a.into_iter().chain(b).min();
        self.first_seen = least(self.first_seen, other.first_seen);
        self.last_seen = self.last_seen.max(other.last_seen);
        self.death = least(self.death, other.death);
        self.opted_out |= other.opted_out;
    }
}

/// What a branch met since it was last asked, by its own numbers.
#[derive(Default)]
pub(super) struct Met {
    /// New to the branch, in the order in which they were met.
    fresh: Vec<(Key, Person)>,
    days: Vec<(u32, Days)>,
}

/// One of the days.
type Of = fn(&Days) -> Option<i32>;

/// All identities of a run.
#[derive(Default)]
pub(super) struct Identities {
    numbers: HashMap<Key, u32>,
    days: Vec<Days>,
    /// Whether an opt-out list was met: from then on every new identity is told with the batch of its first rows.
    opt_outs: bool,
    /// What plausibility needs to know of them.
    pub(super) people: People,
    fresh: Vec<(u32, Key)>,
    /// The tuple looked up last, and its number: records of a person often come in a row.
    last: Key,
    last_number: u32,
    scratch: Key,
    /// On a branch: whose days changed.
    branch: bool,
    touched: Vec<u32>,
}

impl Identities {
    /// Identities of one thread, with numbers of their own; [`Identities::absorb`] puts them among the others, and finds
    /// out who is the same: here only neighbours are told to be. Coverage is not for branches.
    pub(super) fn branch() -> Self {
        Self { opt_outs: true, branch: true, ..Self::default() }
    }

    pub(super) fn len(&self) -> usize {
        self.days.len()
    }

    /// What this branch met since the last call.
    pub(super) fn met(&mut self) -> Met {
        let fresh = std::mem::take(&mut self.fresh).into_iter();
        let fresh = fresh.map(|(ident, key)| (key, self.people.person(ident))).collect();
        let taken = std::mem::take(&mut self.touched).into_iter();
        let days = taken.filter_map(|ident| Some((ident, std::mem::take(self.days.get_mut(ident as usize)?))));
        Met { fresh, days: days.collect() }
    }

    /// Takes in what a branch met; `known` are the numbers here of all that the branch ever met. In the order of the
    /// records this gives everybody the number that one thread would have given.
    pub(super) fn absorb(&mut self, met: Met, known: &mut Vec<u32>) {
        for (key, person) in met.fresh {
            let next = self.next();
            let number = match self.numbers.entry(key) {
                Entry::Occupied(met) => *met.get(),
                Entry::Vacant(new) => {
                    if self.opt_outs {
                        self.fresh.push((next, Key(new.key().0.clone())));
                    }
                    self.days.push(Days::default());
                    self.people.join(person);
                    *new.insert(next)
                }
            };
            known.push(number);
        }
        for (ident, days) in met.days {
            let Some(&number) = known.get(ident as usize) else {
                continue;
            };
            if let Some(mine) = self.at(number) {
                mine.join(&days);
            }
            if let Some(day) = days.death {
                self.people.died(number, day);
            }
        }
    }

    fn next(&self) -> u32 {
        // More than u32::MAX identities cannot be held in memory before this wraps.
        u32::try_from(self.days.len()).unwrap_or(u32::MAX)
    }

    fn insert(&mut self, key: Key) -> u32 {
        let number = self.next();
        self.days.push(Days::default());
        if self.branch {
            self.fresh.push((number, key));
            return number;
        }
        if self.opt_outs {
            self.fresh.push((number, Key(key.0.clone())));
        }
        self.numbers.insert(key, number);
        number
    }

    /// The number of this identity, a new one if it was not met before.
    pub(super) fn of(&mut self, kind: Kind, tuple: &Tuple<'_>) -> u32 {
        let key = &mut self.scratch.0;
        key.clear();
        key.push(kind as u8);
        for field in tuple.fields() {
            match field {
                Some(text) => key.extend_from_slice(text.as_bytes()),
                None => key.push(ABSENT),
            }
            key.push(END);
        }
        // The empty key that this begins with is no tuple's.
        if *key == self.last.0 {
            return self.last_number;
        }
        std::mem::swap(&mut self.last, &mut self.scratch);
        let key = self.last.0.as_slice();
        if let Some(&number) = self.numbers.get(key) {
            self.last_number = number;
            return number;
        }
        let key = Key(key.to_vec());
        self.people.met(kind, tuple);
        self.last_number = self.insert(key);
        self.last_number
    }

    /// An opt-out list begins: whoever is known already (users of rosters, whom a list can name) is told with the next batch.
    pub(super) fn list_begins(&mut self) {
        if !std::mem::replace(&mut self.opt_outs, true) {
            self.fresh = self.numbers.iter().map(|(key, &number)| (number, Key(key.0.clone()))).collect();
            self.fresh.sort_unstable_by_key(|&(number, _)| number);
        }
    }

    fn at(&mut self, ident: u32) -> Option<&mut Days> {
        let days = self.days.get_mut(ident as usize)?;
        if self.branch && !days.touched {
            days.touched = true;
            self.touched.push(ident);
        }
        Some(days)
    }

    /// A day on which this identity was seen.
    pub(super) fn seen(&mut self, ident: u32, day: i32) {
        if let Some(days) = self.at(ident) {
            days.first_seen = Some(days.first_seen.map_or(day, |first| first.min(day)));
            days.last_seen = Some(days.last_seen.map_or(day, |last| last.max(day)));
        }
    }

    /// A spell of coverage; an open end stays open when spells are joined.
    pub(super) fn covered(&mut self, ident: u32, from: i32, to: Option<i32>) {
        self.seen(ident, from);
        if let Some(to) = to {
            self.seen(ident, to);
        }
        self.people.covered(ident, from, to);
        if let Some(days) = self.at(ident) {
            days.covered_from = Some(days.covered_from.map_or(from, |first| first.min(from)));
            days.covered_to = match (days.covered, days.covered_to, to) {
                (false, _, to) => to,
                (true, Some(known), Some(to)) => Some(known.max(to)),
                (true, _, _) => None,
            };
            days.covered = true;
        }
    }

    /// The latest day on which death can have occurred.
    pub(super) fn died(&mut self, ident: u32, day: i32) {
        self.people.died(ident, day);
        if let Some(days) = self.at(ident) {
            days.death = Some(days.death.map_or(day, |known| known.min(day)));
        }
    }

    /// This identity's rows must not leave the source.
    pub(super) fn opted_out(&mut self, ident: u32) {
        if let Some(days) = self.at(ident) {
            days.opted_out = true;
        }
    }

    /// The identity frame; `whole` or, for earlier batches, without rows.
    pub(super) fn frame(&self, whole: bool) -> Result<DataFrame, ReadError> {
        let mut rows: Vec<(u32, &Key)> =
            if whole { self.numbers.iter().map(|(key, &n)| (n, key)).collect() } else { Vec::new() };
        rows.sort_unstable_by_key(|&(number, _)| number);
        self.build(&rows)
    }

    /// The identities met since the last call, once there was an opt-out list; without rows otherwise.
    pub(super) fn fresh(&mut self) -> Result<DataFrame, ReadError> {
        let fresh = std::mem::take(&mut self.fresh);
        let rows: Vec<(u32, &Key)> = fresh.iter().map(|(number, key)| (*number, key)).collect();
        self.build(&rows)
    }

    fn build(&self, rows: &[(u32, &Key)]) -> Result<DataFrame, ReadError> {
        let failed = |_| ReadError::Frame { what: "building the identity frame" };
        let mut texts: Vec<StringChunkedBuilder> =
            FIELDS.iter().map(|&name| StringChunkedBuilder::new(name.into(), rows.len())).collect();
        for (_, key) in rows {
            let fields = key.0.get(1..).unwrap_or(&[]).split(|&byte| byte == END);
            for (column, field) in texts.iter_mut().zip(fields) {
                match std::str::from_utf8(field) {
                    Ok(text) if field != [ABSENT] => column.append_value(text),
                    _ => column.append_null(),
                }
            }
        }
        let numbers: Vec<u32> = rows.iter().map(|&(number, _)| number).collect();
        let height = numbers.len();
        let mut columns = vec![Series::new("ident".into(), numbers).into()];
        columns.extend(texts.into_iter().map(|text| text.finish().into_series().into()));
        let days: [(&str, Of); 5] = [
            ("first_seen", |days| days.first_seen),
            ("last_seen", |days| days.last_seen),
            ("covered_from", |days| days.covered_from),
            ("covered_to", |days| days.covered_to),
            ("death", |days| days.death),
        ];
        for (name, of) in days {
            let days = rows.iter().map(|&(number, _)| self.days.get(number as usize).and_then(of));
            let cells: Vec<Option<i32>> = days.collect();
            let series = Series::new(name.into(), cells);
            columns.push(series.cast(&DataType::Date).map_err(failed)?.into());
        }
        let listed = |number: u32| self.days.get(number as usize).is_some_and(|days| days.opted_out);
        let out: Vec<bool> = rows.iter().map(|&(number, _)| listed(number)).collect();
        columns.push(Series::new("opted_out".into(), out).into());
        DataFrame::new(height, columns).map_err(failed)
    }
}
