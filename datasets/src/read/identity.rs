//! Who the rows are about, as the files write it. Not normalization and not linkage: one entry per distinct tuple and
//! reader, nothing is compared beyond equality.
//!
//! What stays of an identity until the end is a keyed digest of its texts and a few days ([`numbers`]); the texts themselves
//! stay only where the whole identity frame was asked for.

use polars::prelude::{Column, DataFrame, DataType, IntoSeries, NamedFrom, Series, StringChunkedBuilder};
use zeroize::Zeroize;

use super::error::ReadError;
use super::numbers::{Numbers, Place, Rows};
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

#[derive(Default)]
pub(super) struct Key(Vec<u8>);

impl Drop for Key {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// No day of that kind is known.
const NEVER: i32 = i32::MIN;
const COVERED: u8 = 1;
const OPTED_OUT: u8 = 2;
/// On a branch: among the touched ones.
const TOUCHED: u8 = 4;

/// Days since 1970-01-01, or [`NEVER`]; small, because everybody's are held until the end.
#[derive(Clone, Copy)]
pub(super) struct Days {
    first_seen: i32,
    last_seen: i32,
    covered_from: i32,
    covered_to: i32,
    marks: u8,
}

impl Default for Days {
    fn default() -> Self {
        Self { first_seen: NEVER, last_seen: NEVER, covered_from: NEVER, covered_to: NEVER, marks: 0 }
    }
}

fn known(day: i32) -> Option<i32> {
    Some(day).filter(|day| *day != NEVER)
}

impl Days {
    fn has(&self, mark: u8) -> bool {
        self.marks & mark != 0
    }

    /// What two of them say together.
    fn join(&mut self, other: &Self) {
        if let Some(first) = known(other.first_seen) {
            self.first_seen = known(self.first_seen).map_or(first, |mine| mine.min(first));
        }
        self.last_seen = self.last_seen.max(other.last_seen);
        self.marks |= other.marks & OPTED_OUT;
    }
}

/// What a branch met since it was last asked, by its own numbers.
#[derive(Default)]
pub(super) struct Met {
    /// New to the branch, in the order in which they were met.
    fresh: Vec<(Key, Person)>,
    days: Vec<(u32, Days, Option<i32>)>,
}

/// All identities of a run.
#[derive(Default)]
pub(super) struct Identities {
    numbers: Numbers,
    days: Rows<Days>,
    /// Texts by number, if the whole frame is wanted at the end.
    texts: Vec<Key>,
    /// Texts are forgotten once told.
    forget: bool,
    /// Every new identity is told with the batch of its first rows: from an opt-out list on, and if texts are forgotten.
    tell: bool,
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
        Self { branch: true, ..Self::forgetting() }
    }

    /// Identities whose texts are told once and not kept.
    pub(super) fn forgetting() -> Self {
        Self { forget: true, tell: true, ..Self::default() }
    }

    pub(super) fn forgets(&self) -> bool {
        self.forget
    }

    pub(super) fn len(&self) -> usize {
        self.days.len()
    }

    /// What this branch met since the last call.
    pub(super) fn met(&mut self) -> Met {
        let fresh = std::mem::take(&mut self.fresh).into_iter();
        let fresh = fresh.map(|(ident, key)| (key, self.people.person(ident))).collect();
        let mut met = Vec::new();
        for ident in std::mem::take(&mut self.touched) {
            if let Some(days) = self.days.get_mut(ident) {
                met.push((ident, std::mem::take(days), self.people.taken_death(ident)));
            }
        }
        Met { fresh, days: met }
    }

    /// Takes in what a branch met; `known` are the numbers here of all that the branch ever met. In the order of the
    /// records this gives everybody the number that one thread would have given.
    pub(super) fn absorb(&mut self, met: Met, known: &mut Vec<u32>) {
        for (key, person) in met.fresh {
            let number = match self.numbers.find(&key.0) {
                Ok(number) => number,
                Err(place) => {
                    self.people.join(person);
                    self.insert(key, place)
                }
            };
            known.push(number);
        }
        for (ident, days, death) in met.days {
            let Some(&number) = known.get(ident as usize) else {
                continue;
            };
            if let Some(mine) = self.at(number) {
                mine.join(&days);
            }
            if let Some(day) = death {
                self.people.died(number, day);
            }
        }
    }

    fn insert(&mut self, key: Key, place: Place) -> u32 {
        let number = self.numbers.insert(place);
        self.days.push(Days::default());
        match (self.forget, self.tell) {
            (true, _) => self.fresh.push((number, key)),
            (false, true) => {
                self.fresh.push((number, Key(key.0.clone())));
                self.texts.push(key);
            }
            (false, false) => self.texts.push(key),
        }
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
        let found = if self.branch { None } else { Some(self.numbers.find(key)) };
        self.last_number = match found {
            None => {
                // More than u32::MAX identities fit into no memory before this wraps.
                let number = u32::try_from(self.days.len()).unwrap_or(u32::MAX);
                self.fresh.push((number, Key(key.to_vec())));
                self.days.push(Days::default());
                self.people.met(kind, tuple);
                number
            }
            Some(Ok(number)) => number,
            Some(Err(place)) => {
                let key = Key(key.to_vec());
                self.people.met(kind, tuple);
                self.insert(key, place)
            }
        };
        self.last_number
    }

    /// An opt-out list begins: whoever is known already (users of rosters, whom a list can name) is told with the next batch.
    pub(super) fn list_begins(&mut self) {
        if !std::mem::replace(&mut self.tell, true) {
            self.fresh = (0..).zip(&self.texts).map(|(number, key)| (number, Key(key.0.clone()))).collect();
        }
    }

    fn at(&mut self, ident: u32) -> Option<&mut Days> {
        let days = self.days.get_mut(ident)?;
        if self.branch && !days.has(TOUCHED) {
            days.marks |= TOUCHED;
            self.touched.push(ident);
        }
        Some(days)
    }

    /// A day on which this identity was seen.
    pub(super) fn seen(&mut self, ident: u32, day: i32) {
        if let Some(days) = self.at(ident) {
            days.first_seen = known(days.first_seen).map_or(day, |first| first.min(day));
            days.last_seen = days.last_seen.max(day);
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
            days.covered_from = known(days.covered_from).map_or(from, |first| first.min(from));
            let end = match (days.has(COVERED), known(days.covered_to), to) {
                (false, _, to) => to,
                (true, Some(known), Some(to)) => Some(known.max(to)),
                (true, _, _) => None,
            };
            days.covered_to = end.unwrap_or(NEVER);
            days.marks |= COVERED;
        }
    }

    /// The latest day on which death can have occurred.
    pub(super) fn died(&mut self, ident: u32, day: i32) {
        self.people.died(ident, day);
        self.at(ident);
    }

    /// This identity's rows must not leave the source.
    pub(super) fn opted_out(&mut self, ident: u32) {
        if let Some(days) = self.at(ident) {
            days.marks |= OPTED_OUT;
        }
    }

    /// Whether [`Identities::opted_out`] was said of it.
    pub(super) fn is_out(&self, ident: u32) -> bool {
        self.days.get(ident).is_some_and(|days| days.has(OPTED_OUT))
    }

    /// The identity frame; `whole` or, for earlier batches, without rows.
    pub(super) fn frame(&self, whole: bool) -> Result<DataFrame, ReadError> {
        let all = if whole { self.texts.as_slice() } else { &[] };
        let rows: Vec<(u32, &Key)> = (0..).zip(all).collect();
        self.build(&rows)
    }

    /// The identities met since the last call that are to be told; without rows if none are.
    pub(super) fn fresh(&mut self) -> Result<DataFrame, ReadError> {
        let fresh = std::mem::take(&mut self.fresh);
        let rows: Vec<(u32, &Key)> = fresh.iter().map(|(number, key)| (*number, key)).collect();
        self.build(&rows)
    }

    /// What days are known of the identities with these numbers: as [`Identities::frame`], without texts.
    pub(super) fn days(&self, numbers: std::ops::Range<u32>) -> Result<DataFrame, ReadError> {
        let numbers: Vec<u32> = numbers.collect();
        let mut columns = vec![Series::new("ident".into(), numbers.as_slice()).into()];
        columns.extend(self.known(&numbers)?);
        DataFrame::new(numbers.len(), columns).map_err(|_| FAILED)
    }

    fn build(&self, rows: &[(u32, &Key)]) -> Result<DataFrame, ReadError> {
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
        let mut columns = vec![Series::new("ident".into(), numbers.as_slice()).into()];
        columns.extend(texts.into_iter().map(|text| text.finish().into_series().into()));
        columns.extend(self.known(&numbers)?);
        DataFrame::new(numbers.len(), columns).map_err(|_| FAILED)
    }

    /// The columns of days, and the mark of opt-out lists.
    fn known(&self, numbers: &[u32]) -> Result<Vec<Column>, ReadError> {
        let of = |day: fn(&Days) -> i32| -> Vec<Option<i32>> {
            numbers.iter().map(|&number| self.days.get(number).and_then(|days| known(day(days)))).collect()
        };
        let days = [
            ("first_seen", of(|days| days.first_seen)),
            ("last_seen", of(|days| days.last_seen)),
            ("covered_from", of(|days| days.covered_from)),
            ("covered_to", of(|days| days.covered_to)),
            ("death", numbers.iter().map(|&number| self.people.death(number)).collect()),
        ];
        let mut columns = Vec::with_capacity(days.len() + 1);
        for (name, cells) in days {
            columns.push(Series::new(name.into(), cells).cast(&DataType::Date).map_err(|_| FAILED)?.into());
        }
        let listed = |&number: &u32| self.is_out(number);
        columns.push(Series::new("opted_out".into(), numbers.iter().map(listed).collect::<Vec<bool>>()).into());
        Ok(columns)
    }
}

const FAILED: ReadError = ReadError::Frame { what: "building the identity frame" };

#[cfg(test)]
mod tests {
    use super::*;

    /// What a run that forgets holds of everybody until its end: a digest (12 bytes), a slot at the lowest load (10), days and what
    /// plausibility needs. `benches/README.md` quotes it.
    #[test]
    fn an_identity_is_at_most_64_bytes() {
        assert!(12 + 10 + size_of::<Days>() + size_of::<Person>() <= 64);
    }
}
