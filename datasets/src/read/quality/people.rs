//! What plausibility needs to know of an identity: birth, sex, and the coverage of the member it names. Not linkage: two
//! records belong to one member here if insurer, 記号, 番号, birth and sex are written alike, and nothing follows from it
//! but a count. Twins of one sex are taken for one.

use std::hash::{DefaultHasher, Hash, Hasher};

use crate::read::identity::Tuple;
use crate::read::kept::{Digest, Keep, Pages, Record, Table, Words};
use crate::read::number;
use crate::read::report::Kind;
use crate::read::text::narrow;

/// A member of an insurer, by hash; nobody is [`NOBODY`].
type Member = u64;
const NOBODY: Member = 0;

/// Of one identity, what its tuple says; small, because everybody's is held until the end.
#[derive(Clone, Copy)]
pub(in crate::read) struct Person {
    /// [`NEVER`] if not known.
    birth: i32,
    /// The latest day on which this very identity can have died; [`NEVER`] if none was told.
    death: i32,
    /// Two halves, so that a person takes 20 bytes.
    member: [u32; 2],
    sex: Option<Sex>,
}

/// No day.
const NEVER: i32 = i32::MIN;

fn known(day: i32) -> Option<i32> {
    Some(day).filter(|day| *day != NEVER)
}

/// The earlier of two, where there are two.
fn earlier(before: i32, day: i32) -> i32 {
    known(before).map_or(day, |before| before.min(day))
}

impl Default for Person {
    fn default() -> Self {
        Self { birth: NEVER, death: NEVER, member: [0; 2], sex: None }
    }
}

impl Person {
    fn member(&self) -> Member {
        let [low, high] = self.member;
        u64::from(high) << 32 | u64::from(low)
    }
}

impl Record for Person {
    const BYTES: usize = 17;

    fn write(&self, to: &mut Vec<u8>) {
        let [low, high] = self.member;
        let words = [self.birth.cast_unsigned(), self.death.cast_unsigned(), low, high];
        words.iter().for_each(|word| to.extend_from_slice(&word.to_le_bytes()));
        to.push(self.sex.map_or(0, |sex| if sex == Sex::Male { 1 } else { 2 }));
    }

    fn read(from: &mut Words<'_>) -> Self {
        let (birth, death, member) = (from.i32(), from.i32(), [from.u32(), from.u32()]);
        let sex = match from.u8() {
            1 => Some(Sex::Male),
            2 => Some(Sex::Female),
            _ => None,
        };
        Self { birth, death, member, sex }
    }
}

/// Sex as registered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::read) enum Sex {
    Male,
    Female,
}

/// What is known of a member.
#[derive(Clone, Copy)]
struct Cover {
    /// [`NEVER`]: on no list.
    from: i32,
    /// [`OPEN`]: there is no end.
    to: i32,
    death: i32,
}

const OPEN: i32 = i32::MAX;

impl Default for Cover {
    fn default() -> Self {
        Self { from: NEVER, to: NEVER, death: NEVER }
    }
}

impl Record for Cover {
    const BYTES: usize = 12;

    fn write(&self, to: &mut Vec<u8>) {
        [self.from, self.to, self.death].iter().for_each(|day| to.extend_from_slice(&day.to_le_bytes()));
    }

    fn read(from: &mut Words<'_>) -> Self {
        Self { from: from.i32(), to: from.i32(), death: from.i32() }
    }
}

/// What is known of all identities so far.
#[derive(Default)]
pub(in crate::read) struct People {
    persons: Pages<Person>,
    covers: Table<Cover>,
    /// There is a list.
    listed: bool,
    /// Bits of members whose death was told, by their hashes: few die, and the others need not be looked up for it. Empty if none was.
    dead: Vec<u64>,
}

/// Bits of [`People::dead`]; a power of two.
const DEAD: usize = 1 << 19;

/// The word and the bit of a member in [`People::dead`].
fn bit(member: Member) -> (usize, u64) {
    let at = member as usize % DEAD;
    (at / 64, 1 << (at % 64))
}

fn digest(member: Member) -> Digest {
    [(member >> 32) as u32, member as u32, 0]
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
    /// Nobody yet; with so many hundredths of the memory for persons, and for members.
    pub(in crate::read) fn new(keep: &Keep, persons: usize, members: usize) -> Self {
        Self { persons: Pages::new(keep, persons), covers: Table::new(keep, members), ..Self::default() }
    }

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
        self.persons.push(Person { birth: birth.unwrap_or(NEVER), death: NEVER, member, sex });
    }

    /// What a branch knows of an identity, for [`People::join`].
    pub(in crate::read) fn person(&mut self, ident: u32) -> Person {
        self.persons.get(ident as usize).unwrap_or_default()
    }

    /// A new identity, as a branch knows it; called in the order of their numbers.
    pub(in crate::read) fn join(&mut self, person: Person) {
        self.persons.push(person);
    }

    /// A spell of coverage; spells are joined into one span.
    pub(in crate::read) fn covered(&mut self, ident: u32, from: i32, to: Option<i32>) {
        let member = self.person(ident).member();
        if member != NOBODY {
            self.listed = true;
            self.covers.change(digest(member), Cover::default(), |cover| {
                cover.from = earlier(cover.from, from);
                cover.to = cover.to.max(to.unwrap_or(OPEN));
            });
        }
    }

    /// The latest day on which death can have occurred.
    pub(in crate::read) fn died(&mut self, ident: u32, day: i32) {
        self.persons.change(ident as usize, |person| person.death = earlier(person.death, day));
        let member = self.person(ident).member();
        if member != NOBODY {
            self.dead.resize(DEAD / 64, 0);
            let (word, bit) = bit(member);
            if let Some(word) = self.dead.get_mut(word) {
                *word |= bit;
            }
            self.covers.change(digest(member), Cover::default(), |cover| cover.death = earlier(cover.death, day));
        }
    }

    /// The day that was told for this very identity.
    pub(in crate::read) fn death(&mut self, ident: u32) -> Option<i32> {
        known(self.person(ident).death)
    }

    /// The same, and it is forgotten: for branches.
    pub(in crate::read) fn taken_death(&mut self, ident: u32) -> Option<i32> {
        known(self.persons.change(ident as usize, |person| std::mem::replace(&mut person.death, NEVER))?)
    }

    /// What is known of an identity; its coverage only if it is asked for.
    pub(super) fn known(&mut self, ident: u32, cover: bool) -> Known {
        let Some(person) = self.persons.get(ident as usize) else {
            return Known::default();
        };
        let (member, cover) = (person.member(), cover && self.listed);
        let (word, bit) = bit(member);
        let dead = self.dead.get(word).is_some_and(|word| word & bit != 0);
        let entry = if member != NOBODY && (cover || dead) {
            self.covers.find(digest(member)).unwrap_or_default()
        } else {
            Cover::default()
        };
        let cover = match (cover && member != NOBODY, known(entry.from)) {
            (false, _) => Covered::Unknown,
            (true, None) => Covered::NotListed,
            (true, Some(from)) => Covered::Between(from, Some(entry.to).filter(|to| *to != OPEN)),
        };
        let death = known(person.death).into_iter().chain(known(entry.death)).min();
        Known { birth: known(person.birth), sex: person.sex, death, cover }
    }
}
