//! Receipts in files: as a payer gets them from the clearing body (NN_RECODEINFO, with JY corrections), and as facilities send them
//! (UKE). The same receipts on both sides; what stands in them is in `receipt`.

use super::calendar::{age, first_day, month_digits};
use super::dice::{Dice, Purpose, mix};
use super::formats::Format;
use super::out::{At, Block, Source, TruthRow};
use super::people::{Fund, Person, Spell};
use super::receipt::{Receipt, Sort};
use super::run::World;
use super::written;

mod dental;
mod dpc;
mod lines;
mod medical;
mod note;
mod pharmacy;
mod provider;

use lines::{Encoded, Lines, cp932};

/// Names of a person at a facility, encoded once; many receipts repeat them.
struct Card {
    facility: u32,
    house: House,
    spell: usize,
    surname: &'static str,
    truth: TruthRow,
    written: Encoded,
}

/// レセプト種別: kind, who the patient is, odd for inpatients.
fn kind(sort: Sort, person: &Person, spell: &Spell, receipt: &Receipt) -> i64 {
    let years = age(person.birth, first_day(receipt.month));
    let out = match (years, spell.dependant) {
        (70.., _) => 8,
        (..6, _) => 4,
        (_, false) => 2,
        (_, true) => 6,
    };
    let thousands = match sort {
        Sort::Medical | Sort::Dpc => 1110,
        Sort::Dental => 3110,
        Sort::Pharmacy => 4110,
    } + if spell.fund == Fund::Koki { 200 } else { 0 };
    thousands + if sort != Sort::Pharmacy && receipt.admitted.is_some() { out - 1 } else { out }
}

/// 点数表 of a facility.
#[derive(Clone, Copy, PartialEq, Eq)]
enum House {
    Medical,
    Dental,
    Pharmacy,
}

impl House {
    fn of(sort: Sort) -> Self {
        match sort {
            Sort::Medical | Sort::Dpc => House::Medical,
            Sort::Dental => House::Dental,
            Sort::Pharmacy => House::Pharmacy,
        }
    }

    fn digit(self) -> u8 {
        match self {
            House::Medical => 1,
            House::Dental => 3,
            House::Pharmacy => 4,
        }
    }

    /// 医療機関コード, 7 digits; none belongs to a facility we know of.
    fn code(self, facility: u32) -> String {
        let first = match self {
            House::Medical => 9_000_000,
            House::Dental => 3_000_000,
            House::Pharmacy => 4_000_000,
        };
        format!("{:07}", first + facility)
    }

    /// 都道府県, 点数表 and code: what names a facility in all of Japan.
    fn key(self, facility: u32) -> String {
        format!("13{}{}", self.digit(), self.code(facility))
    }

    /// IR or YK: the facility and the month of its bill.
    fn line(self, lines: &mut Lines<'_>, fund: Fund, facility: u32, billed: i32) {
        lines.begin(1, if self == House::Pharmacy { "YK" } else { "IR" });
        lines.text(if fund == Fund::Kenpo { "1" } else { "2" });
        lines.text("13");
        lines.number(i64::from(self.digit()));
        lines.text(self.code(facility));
        let word = match self {
            House::Medical => "医院",
            House::Dental => "歯科",
            House::Pharmacy => "薬局",
        };
        if self != House::Pharmacy {
            lines.blank(1);
        }
        lines.text(cp932(&format!("さくら第{}{word}", facility + 1)));
        lines.number(i64::from(month_digits(billed)));
        if self == House::Dental {
            lines.blank(1);
        }
        lines.text("00");
        lines.end();
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

/// What a receipt is written from.
#[derive(Clone, Copy)]
struct Bill<'a> {
    sort: Sort,
    receipt: &'a Receipt,
    person: &'a Person,
    spell: &'a Spell,
    written: &'a Encoded,
}

impl Bill<'_> {
    fn facility(&self) -> u32 {
        if self.sort == Sort::Pharmacy { self.receipt.pharmacy } else { self.receipt.facility }
    }

    /// Total points as billed.
    fn points(&self) -> i64 {
        match self.sort {
            Sort::Dpc => dpc::points(self.receipt),
            Sort::Pharmacy => i64::from(self.receipt.pharmacy_points()),
            Sort::Medical | Sort::Dental => i64::from(self.receipt.points()),
        }
    }

    fn days(&self) -> i64 {
        match self.sort {
            Sort::Pharmacy => self.receipt.prescriptions(),
            _ => i64::from(self.receipt.days.count_ones()),
        }
    }

    /// From RE on.
    fn lines(&self, lines: &mut Lines<'_>, version: &Version) {
        match self.sort {
            Sort::Medical => medical::write(self, lines, version),
            Sort::Dpc => dpc::write(self, lines, version),
            Sort::Dental => dental::write(self, lines, version),
            Sort::Pharmacy => pharmacy::write(self, lines, version),
        }
    }

    /// The items of RE that all kinds share: 1 to 6.
    fn common(&self, lines: &mut Lines<'_>, version: &Version) {
        lines.begin(1, "RE");
        lines.number(version.serial);
        lines.number(kind(self.sort, self.person, self.spell, self.receipt));
        lines.number(i64::from(month_digits(self.receipt.month)));
        lines.text(&self.written.name);
        lines.text(&self.written.sex);
        lines.text(&self.written.birth);
    }

    /// HO and, where 枝番 is known, SN; gives the line of HO.
    fn payer(&self, lines: &mut Lines<'_>) -> i64 {
        let ho = lines.begin(1, "HO");
        lines::insurer(lines, self.written, self.days(), self.points());
        if !self.written.branch.is_empty() {
            lines::qualified(lines, &self.written.branch);
        }
        ho
    }
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
    fn card(&mut self, facility: u32, house: House, at: usize, day: i32) -> Option<usize> {
        let spell = self.person.spells.get(at)?;
        let surname = self.person.surname_on(day).kanji;
        let known = self.cards.iter().position(|card| {
            card.facility == facility
                && card.house == house
                && card.spell == at
                && card.surname == surname
                && self.person.surnames.len() == 1
        });
        if known.is_some() {
            return known;
        }
        let salt = match house {
            House::Medical => 1,
            House::Pharmacy => 2,
            House::Dental => 3,
        };
        let written = written::facility(self.world.options, self.person, spell, day, facility, salt);
        let (truth, written) = (written.truth(spell.fund.source(), self.person), Encoded::new(&written));
        self.cards.push(Card { facility, house, spell: at, surname, truth, written });
        Some(self.cards.len() - 1)
    }

    /// The versions of a receipt: most have one; some are corrected, a few are adjudicated again later.
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
    fn file(block: &mut Block, fund: Fund, arrival: i32, sort: Sort) -> At {
        let (folder, number) = (fund.name(), fund.number8());
        let name = match sort {
            Sort::Medical => "11_RECODEINFO_MED.CSV",
            Sort::Dpc => "12_RECODEINFO_DPC.CSV",
            Sort::Dental => "13_RECODEINFO_DEN.CSV",
            Sort::Pharmacy => "14_RECODEINFO_PHA.CSV",
        };
        let path = format!("{folder}/claims/{}/{number}/0_COMMON001/{name}", month_digits(arrival));
        block.file(&path, Vec::new)
    }

    /// Writes a receipt, and what a pharmacy made of its prescriptions.
    pub(crate) fn write(&mut self, block: &mut Block, receipt: &Receipt) {
        match receipt.sort {
            Sort::Dental if !self.world.writes(Format::Dental) => return,
            Sort::Dpc if !self.world.writes(Format::Dpc) => self.bill(block, receipt, Sort::Medical),
            sort => self.bill(block, receipt, sort),
        }
        if !receipt.dispensed.is_empty() {
            self.bill(block, receipt, Sort::Pharmacy);
        }
    }

    fn bill(&mut self, block: &mut Block, receipt: &Receipt, sort: Sort) {
        let (house, day) = (House::of(sort), first_day(receipt.month));
        let facility = if sort == Sort::Pharmacy { receipt.pharmacy } else { receipt.facility };
        let card = self.card(facility, house, receipt.spell, day);
        let versions = self.versions(receipt.month, sort == Sort::Medical);
        let (Some(spell), Some(card)) = (self.person.spells.get(receipt.spell), card.and_then(|at| self.cards.get(at)))
        else {
            return;
        };
        let bill = Bill { sort, receipt, person: self.person, spell, written: &card.written };
        if self.world.writes(Format::Payer) {
            witness(&mut self.seen, block, spell.fund.source(), card.truth);
            for version in &versions {
                paid(block, &bill, version);
            }
            block.counts.readjudicated += versions.len() as u64 - 1;
        }
        if self.world.writes(Format::Provider)
            && let Some(first) = versions.first()
            && provider::delivers(self.world, house, facility)
        {
            witness(&mut self.seen, block, Source::Clinic, card.truth);
            provider::write(self.world, block, &bill, first);
        }
    }
}

/// Tells the truth of an identity once per source.
fn witness(seen: &mut Vec<(Source, u64)>, block: &mut Block, source: Source, truth: TruthRow) {
    let (_, fingerprint, person, flaws) = truth;
    if !seen.contains(&(source, fingerprint)) {
        seen.push((source, fingerprint));
        block.truth.push((source, fingerprint, person, flaws));
    }
}

/// A version of a receipt in the payer's file.
fn paid(block: &mut Block, bill: &Bill<'_>, version: &Version) {
    let fund = bill.spell.fund;
    let at = Writer::file(block, fund, version.arrival, bill.sort);
    let mut out = block.take(at);
    let mut lines = Lines::payer(&mut out);
    // MN: レセプト管理番号, 所在地, 検索番号.
    lines.begin(2, "MN");
    lines.text(format!("{}{:015}", fund.index() + 1, version.key));
    lines.text("13");
    lines.text(format!("{:030}", version.key));
    lines.end();
    House::of(bill.sort).line(&mut lines, fund, bill.facility(), version.arrival);
    bill.lines(&mut lines, version);
    block.put(at, out);
    note::receipt(block, bill, fund.source(), &version.names(), version.cut);
    let counts = &mut block.counts;
    counts.corrected += u64::from(version.cut.is_some());
    *match bill.sort {
        Sort::Medical => &mut counts.medical,
        Sort::Dpc => &mut counts.dpc,
        Sort::Dental => &mut counts.dental,
        Sort::Pharmacy => &mut counts.pharmacy,
    } += 1;
}
