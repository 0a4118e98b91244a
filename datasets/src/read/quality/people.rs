//! What plausibility needs to know of an identity: birth, sex, and the coverage of the member it names. Not linkage: two
//! records belong to one member here if insurer, 記号, 番号, birth and sex are written alike, and nothing follows from it
//! but a count. Twins of one sex are taken for one.

use std::hash::{DefaultHasher, Hash, Hasher};

use polars::prelude::PlHashMap;

use crate::read::identity::Tuple;
use crate::read::number;
use crate::read::numbers::Rows;
use crate::read::report::Kind;
use crate::read::text::narrow;

/// A member of an insurer, by hash; nobody is [`NOBODY`].
type Member = u64;
const NOBODY: Member = 0;

/// Of one identity, what its tuple says; small, because everybody's is held until the end.
#[derive(Clone, Copy)]
pub(in crate::read) struct Person {
    /// [`UNBORN`] if not known.
    birth: i32,
    /// Two halves, so that a person takes 16 bytes.
    member: [u32; 2],
    sex: Option<Sex>,
}

const UNBORN: i32 = i32::MIN;
const NO_PERSON: Person = Person { birth: UNBORN, member: [0; 2], sex: None };

impl Person {
    fn member(&self) -> Member {
        let [low, high] = self.member;
        u64::from(high) << 32 | u64::from(low)
    }
}

/// Sex as registered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::read) enum Sex {
    Male,
    Female,
}

#[derive(Clone, Copy)]
struct Cover {
    from: i32,
    /// `None`: open.
    to: Option<i32>,
}

/// What is known of all identities so far.
#[derive(Default)]
pub(in crate::read) struct People {
    persons: Rows<Person>,
    /// By identity; few have one.
    own_deaths: PlHashMap<u32, i32>,
    covers: PlHashMap<Member, Cover>,
    deaths: PlHashMap<Member, i32>,
}

/// What is known of one identity; days since 1970-01-01.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::read) struct Known {
    pub(super) birth: Option<i32>,
    pub(super) sex: Option<Sex>,
    pub(super) death: Option<i32>,
    pub(super) cover: Covered,
}

/// What an eligibility list says of the member that an identity names.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::read) enum Covered {
    /// There is no list, or the identity names no member.
    #[default]
    Unknown,
    /// The list does not have this member.
    NotListed,
    /// Between these days; no end is open.
    Between(i32, Option<i32>),
}

impl People {
    /// A new identity; called in the order of their numbers.
    pub(in crate::read) fn met(&mut self, kind: Kind, tuple: &Tuple<'_>) {
        let birth = tuple.birth.and_then(|text| number::loose_day(narrow(text).as_bytes()));
        let sex = match tuple.sex.map(narrow).as_deref() {
            Some("1" | "男" | "男性" | "M" | "m" | "male") => Some(Sex::Male),
            Some("2" | "女" | "女性" | "F" | "f" | "female") => Some(Sex::Female),
            _ => None,
        };
        let member = match (tuple.insurer_no, tuple.number, birth) {
            // A list of opt-outs or a service's roster says nothing of coverage; their numbers may be old.
            (Some(insurer), Some(number), Some(birth)) if !matches!(kind, Kind::OptOut | Kind::Roster) => {
                let mut hasher = DefaultHasher::new();
                narrow(insurer).trim_start_matches('0').hash(&mut hasher);
                narrow(tuple.symbol.unwrap_or_default()).hash(&mut hasher);
                narrow(number).trim_start_matches('0').hash(&mut hasher);
                (birth, sex == Some(Sex::Male)).hash(&mut hasher);
                hasher.finish().max(1)
            }
            _ => NOBODY,
        };
        let member = [member as u32, (member >> 32) as u32];
        self.persons.push(Person { birth: birth.unwrap_or(UNBORN), sex, member });
    }

    /// What a branch knows of an identity, for [`People::join`].
    pub(in crate::read) fn person(&self, ident: u32) -> Person {
        self.persons.get(ident).copied().unwrap_or(NO_PERSON)
    }

    /// A new identity, as a branch knows it; called in the order of their numbers.
    pub(in crate::read) fn join(&mut self, person: Person) {
        self.persons.push(person);
    }

    fn member(&self, ident: u32) -> Member {
        self.persons.get(ident).map_or(NOBODY, Person::member)
    }

    /// A spell of coverage; spells are joined into one span.
    pub(in crate::read) fn covered(&mut self, ident: u32, from: i32, to: Option<i32>) {
        let member = self.member(ident);
        if member != NOBODY {
            let cover = self.covers.entry(member).or_insert(Cover { from, to });
            cover.from = cover.from.min(from);
            cover.to = match (cover.to, to) {
                (Some(known), Some(to)) => Some(known.max(to)),
                _ => None,
            };
        }
    }

    /// The latest day on which death can have occurred.
    pub(in crate::read) fn died(&mut self, ident: u32, day: i32) {
        let known = self.own_deaths.entry(ident).or_insert(day);
        *known = day.min(*known);
        let member = self.member(ident);
        if member != NOBODY {
            let known = self.deaths.entry(member).or_insert(day);
            *known = day.min(*known);
        }
    }

    /// The day that was told for this very identity.
    pub(in crate::read) fn death(&self, ident: u32) -> Option<i32> {
        self.own_deaths.get(&ident).copied()
    }

    /// The same, and it is forgotten: for branches.
    pub(in crate::read) fn taken_death(&mut self, ident: u32) -> Option<i32> {
        self.own_deaths.remove(&ident)
    }

    /// What is known of an identity; its coverage only if it is asked for.
    pub(super) fn known(&self, ident: u32, cover: bool) -> Known {
        let Some(person) = self.persons.get(ident) else {
            return Known::default();
        };
        let member = person.member();
        let cover = if !cover || self.covers.is_empty() || member == NOBODY {
            Covered::Unknown
        } else {
            self.covers.get(&member).map_or(Covered::NotListed, |cover| Covered::Between(cover.from, cover.to))
        };
        let death = self.death(ident).into_iter().chain(self.deaths.get(&member).copied()).min();
        Known { birth: Some(person.birth).filter(|day| *day != UNBORN), sex: person.sex, death, cover }
    }
}
