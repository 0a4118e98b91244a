//! Who the rows are about, as the files write it. Not normalization and not linkage: one entry per distinct tuple and
//! reader, nothing is compared beyond equality.
//!
//! What stays of an identity until the end is a keyed digest of its texts and a few days, in memory or sealed ([`super::kept`]); the
//! texts themselves stay only where the whole identity frame was asked for.

use polars::prelude::{Column, DataFrame, DataType, IntoSeries, NamedFrom, Series, StringChunkedBuilder};
use zeroize::Zeroize;

use super::days::{COVERED, Days, NEVER, OPTED_OUT, TOUCHED, known};
use super::error::ReadError;
use super::kept::{self, Keep, Pages};
use super::numbers::{Numbers, Place};
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
    days: Pages<Days>,
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
        Self { branch: true, ..Self::new(&Keep::default(), true) }
    }

    /// Nobody yet. `forget`: texts are told once and not kept.
    pub(super) fn new(keep: &Keep, forget: bool) -> Self {
        Self {
            numbers: Numbers::new(keep, kept::NUMBERS),
            days: Pages::new(keep, kept::DAYS),
            people: People::new(keep, kept::PERSONS, kept::MEMBERS),
            forget,
            tell: forget,
            ..Self::default()
        }
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
            if let Some(days) = self.days.change(ident as usize, std::mem::take) {
                met.push((ident, days, self.people.taken_death(ident)));
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
            self.change(number, |mine| mine.join(&days));
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

    fn change(&mut self, ident: u32, change: impl FnOnce(&mut Days)) {
        let branch = self.branch;
        let new = self.days.change(ident as usize, |days| {
            change(days);
            branch && !days.has(TOUCHED) && {
                days.marks |= TOUCHED;
                true
            }
        });
        if new == Some(true) {
            self.touched.push(ident);
        }
    }

    /// A day on which this identity was seen.
    pub(super) fn seen(&mut self, ident: u32, day: i32) {
        self.change(ident, |days| days.see(day));
    }

    /// A spell of coverage; an open end stays open when spells are joined.
    pub(super) fn covered(&mut self, ident: u32, from: i32, to: Option<i32>) {
        self.people.covered(ident, from, to);
        self.change(ident, |days| {
            days.see(from);
            to.into_iter().for_each(|to| days.see(to));
            days.covered_from = known(days.covered_from).map_or(from, |first| first.min(from));
            let end = match (days.has(COVERED), known(days.covered_to), to) {
                (false, _, to) => to,
                (true, Some(known), Some(to)) => Some(known.max(to)),
                (true, _, _) => None,
            };
            days.covered_to = end.unwrap_or(NEVER);
            days.marks |= COVERED;
        });
    }

    /// The latest day on which death can have occurred.
    pub(super) fn died(&mut self, ident: u32, day: i32) {
        self.people.died(ident, day);
        self.change(ident, |_| {});
    }

    /// This identity's rows must not leave the source.
    pub(super) fn opted_out(&mut self, ident: u32) {
        self.change(ident, |days| days.marks |= OPTED_OUT);
    }

    /// Whether [`Identities::opted_out`] was said of it.
    pub(super) fn is_out(&mut self, ident: u32) -> bool {
        self.days.get(ident as usize).is_some_and(|days| days.has(OPTED_OUT))
    }

    /// The identity frame; `whole` or, for earlier batches, without rows.
    pub(super) fn frame(&mut self, whole: bool) -> Result<DataFrame, ReadError> {
        if !whole {
            return self.build(&[]);
        }
        let texts = std::mem::take(&mut self.texts);
        let rows: Vec<(u32, &Key)> = (0..).zip(&texts).collect();
        let frame = self.build(&rows);
        self.texts = texts;
        frame
    }

    /// The identities met since the last call that are to be told; without rows if none are.
    pub(super) fn fresh(&mut self) -> Result<DataFrame, ReadError> {
        let fresh = std::mem::take(&mut self.fresh);
        let rows: Vec<(u32, &Key)> = fresh.iter().map(|(number, key)| (*number, key)).collect();
        self.build(&rows)
    }

    /// What days are known of the identities with these numbers: as [`Identities::frame`], without texts.
    pub(super) fn days(&mut self, numbers: std::ops::Range<u32>) -> Result<DataFrame, ReadError> {
        let numbers: Vec<u32> = numbers.collect();
        let mut columns = vec![Series::new("ident".into(), numbers.as_slice()).into()];
        columns.extend(self.known(&numbers)?);
        DataFrame::new(numbers.len(), columns).map_err(|_| FAILED)
    }

    fn build(&mut self, rows: &[(u32, &Key)]) -> Result<DataFrame, ReadError> {
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
    fn known(&mut self, numbers: &[u32]) -> Result<Vec<Column>, ReadError> {
        const NAMES: [&str; 5] = ["first_seen", "last_seen", "covered_from", "covered_to", "death"];
        let mut cells = NAMES.map(|_| Vec::with_capacity(numbers.len()));
        let mut listed = Vec::with_capacity(numbers.len());
        for &number in numbers {
            let days = self.days.get(number as usize).unwrap_or_default();
            let row = [days.first_seen, days.last_seen, days.covered_from, days.covered_to].map(known);
            for (cells, day) in cells.iter_mut().zip(row.into_iter().chain([self.people.death(number)])) {
                cells.push(day);
            }
            listed.push(days.has(OPTED_OUT));
        }
        let mut columns = Vec::with_capacity(NAMES.len() + 1);
        for (name, cells) in NAMES.into_iter().zip(cells) {
            columns.push(Series::new(name.into(), cells).cast(&DataType::Date).map_err(|_| FAILED)?.into());
        }
        columns.push(Series::new("opted_out".into(), listed).into());
        Ok(columns)
    }
}

const FAILED: ReadError = ReadError::Frame { what: "building the identity frame" };

#[cfg(test)]
mod tests {
    use super::*;

    /// What a run that forgets keeps of everybody until its end, in memory or sealed: a digest (12 bytes) and a number (4) in a slot at
    /// the lowest load, days and what plausibility needs. `benches/README.md` quotes it.
    #[test]
    fn an_identity_is_at_most_80_bytes() {
        assert!((12 + 4) * 5 / 2 + size_of::<Days>() + size_of::<Person>() <= 80);
    }
}
