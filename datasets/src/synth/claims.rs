//! Receipts as a payer gets them from the clearing body: NN_RECODEINFO files, CP932, with JY corrections.

use super::calendar::{age, first_day, month_digits};
use super::dice::{Dice, Purpose, mix};
use super::formats::Format;
use super::out::{At, Block, Source};
use super::people::{Fund, Person, Spell};
use super::receipt::Receipt;
use super::run::World;
use super::written;

mod lines;
mod medical;
mod note;
mod pharmacy;

use lines::{Encoded, Lines};

/// Names of a person at a facility, encoded once; many receipts repeat them.
struct Card {
    facility: u32,
    pharmacy: bool,
    spell: usize,
    surname: &'static str,
    written: Encoded,
}

/// Last digit of レセプト種別: who the patient is, odd for inpatients.
fn patient(person: &Person, spell: &Spell, day: i32, inpatient: bool) -> u8 {
    let years = age(person.birth, day);
    let out = match (years, spell.dependant) {
        (70.., _) => 8,
        (..6, _) => 4,
        (_, false) => 2,
        (_, true) => 6,
    };
    if inpatient { out - 1 } else { out }
}

/// 点数表 of a facility.
#[derive(Clone, Copy, PartialEq, Eq)]
enum House {
    Medical,
    Pharmacy,
}

impl House {
    fn digit(self) -> char {
        match self {
            House::Medical => '1',
            House::Pharmacy => '4',
        }
    }

    /// 医療機関コード, 7 digits; none belongs to a facility we know of.
    fn code(self, facility: u32) -> String {
        match self {
            House::Pharmacy => format!("{:07}", 4_000_000 + facility),
            House::Medical => format!("{:07}", 9_000_000 + facility),
        }
    }

    /// 都道府県, 点数表 and code: what names a facility in all of Japan.
    fn key(self, facility: u32) -> String {
        format!("13{}{}", self.digit(), self.code(facility))
    }
}

/// One version of a receipt: when it was processed, under which number, and whether it was corrected.
struct Version {
    arrival: i32,
    key: i64,
    serial: i64,
    cut: Option<Cut>,
}

/// What the clearing body took away from the last unit of a receipt.
#[derive(Clone, Copy)]
enum Cut {
    /// 削除: the whole unit.
    Delete,
    /// 修正: a third of its points.
    Reduce,
}

pub(crate) struct Writer<'a> {
    world: &'a World<'a>,
    person: &'a Person,
    cards: Vec<Card>,
    seen: Vec<(Source, u64)>,
    serial: i64,
    dice: Dice,
}

impl<'a> Writer<'a> {
    pub(crate) fn new(world: &'a World<'a>, person: &'a Person) -> Self {
        let key = mix(&[u64::from(person.number), 4000]);
        Writer {
            world,
            person,
            cards: Vec::new(),
            seen: Vec::new(),
            serial: 0,
            dice: Dice::new(world.options.seed, Purpose::Clerk, key),
        }
    }

    /// Index of the card of this person at a facility, as of a day.
    fn card(&mut self, block: &mut Block, facility: u32, pharmacy: bool, at: usize, day: i32) -> Option<usize> {
        let spell = self.person.spells.get(at)?;
        let salt = if pharmacy { 2 } else { 1 };
        let surname = self.person.surname_on(day).kanji;
        let known = self.cards.iter().position(|card| {
            card.facility == facility
                && card.pharmacy == pharmacy
                && card.spell == at
                && card.surname == surname
                && self.person.surnames.len() == 1
        });
        if known.is_some() {
            return known;
        }
        let written = written::facility(self.world.options, self.person, spell, day, facility, salt);
        let key = (spell.fund.source(), written.fingerprint());
        if !self.seen.contains(&key) {
            self.seen.push(key);
            block.truth.push((key.0, key.1, self.person.number));
        }
        self.cards.push(Card { facility, pharmacy, spell: at, surname, written: Encoded::new(&written) });
        Some(self.cards.len() - 1)
    }

    /// The versions of a receipt: most have one; some are corrected, a few of those adjudicated are adjudicated again later.
    fn versions(&mut self, month: i32, correctable: bool) -> Vec<Version> {
        let noise = &self.world.options.noise;
        let late = self.dice.chance(noise.late);
        let arrival = month + 1 + if late { self.dice.between(1, 2) } else { 0 };
        self.serial += 1;
        // 16 digits at most, unique over insurers, months and kinds.
        let key = i64::from(self.person.number) * 10_000 + self.serial % 10_000;
        let serial = self.serial;
        if !correctable {
            return vec![Version { arrival, key, serial, cut: None }];
        }
        let [corrected, again, delete] =
            [noise.correction, noise.readjudicated, 0.5].map(|rate| self.dice.chance(rate));
        let cut = if delete { Cut::Delete } else { Cut::Reduce };
        let mut versions = vec![Version { arrival, key, serial, cut: corrected.then_some(cut) }];
        if again {
            let arrival = arrival + self.dice.between(1, 2);
            versions.push(Version { arrival, key, serial, cut: Some(cut) });
        }
        versions
    }

    /// The payer's file of a kind in a month of processing.
    fn file(&self, block: &mut Block, fund: Fund, arrival: i32, name: &str) -> At {
        let (folder, number) = (fund.name(), fund.number8());
        let path = format!("{folder}/claims/{}/{number}/0_COMMON001/{name}", month_digits(arrival));
        block.file(&path, Vec::new)
    }

    /// MN: レセプト管理番号, 所在地, 検索番号.
    fn manage(lines: &mut Lines<'_>, fund: Fund, version: &Version) {
        lines.begin(2, "MN");
        lines.text(format!("{}{:015}", fund.index() + 1, version.key));
        lines.text("13");
        lines.text(format!("{:030}", version.key));
        lines.end();
    }

    fn spell(&self, receipt: &Receipt) -> Option<&'a Spell> {
        self.person.spells.get(receipt.spell)
    }

    fn writes(&self, format: Format) -> bool {
        self.world.writes(format)
    }

    /// First day of a receipt's month.
    fn day(receipt: &Receipt) -> i32 {
        first_day(receipt.month)
    }
}
