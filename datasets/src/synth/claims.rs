//! Receipts as a payer gets them from the clearing body: NN_RECODEINFO files, medical and pharmacy, CP932, with JY corrections.

use super::calendar::{age, digits, first_day, month_digits};
use super::codes;
use super::dice::{Dice, Purpose, mix};
use super::options::SynthOptions;
use super::out::{ARRIVAL, Block, Layout};
use super::people::{Fund, Person, Spell};
use super::receipt::{Kind, Receipt};
use super::written;

mod lines;

use lines::{Encoded, Lines, correction, cp932, detail, insurer, qualified, sorted};

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

pub(crate) struct Writer<'a> {
    options: &'a SynthOptions,
    layout: Layout,
    person: &'a Person,
    cards: Vec<Card>,
    seen: Vec<(u8, u64)>,
    serial: i64,
    dice: Dice,
}

impl<'a> Writer<'a> {
    pub(crate) fn new(options: &'a SynthOptions, layout: Layout, person: &'a Person) -> Self {
        Writer {
            options,
            layout,
            person,
            cards: Vec::new(),
            seen: Vec::new(),
            serial: 0,
            dice: Dice::new(options.seed, Purpose::Clerk, mix(&[u64::from(person.number), 4000])),
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
        let written = written::facility(self.options, self.person, spell, day, facility, salt);
        let key = (spell.fund.index() as u8, written.fingerprint());
        if !self.seen.contains(&key) {
            self.seen.push(key);
            block.truth.push((key.0, key.1, self.person.number));
        }
        self.cards.push(Card { facility, pharmacy, spell: at, surname, written: Encoded::new(&written) });
        Some(self.cards.len() - 1)
    }

    /// Month in which the clearing body processed a receipt.
    fn arrival(&mut self, month: i32) -> i32 {
        let late = self.dice.chance(self.options.noise.late);
        let more = if late { self.dice.between(1, 2) } else { 0 };
        month + (1 + more).min(ARRIVAL as i32 - 1)
    }

    fn manage(&mut self, lines: &mut Lines<'_>, fund: Fund) {
        self.serial += 1;
        // レセプト管理番号: 16 digits, unique over insurers, months and kinds.
        let key = i64::from(self.person.number) * 10_000 + self.serial % 10_000;
        lines.begin(2, "MN");
        lines.text(format!("{}{key:015}", fund.index() + 1));
        lines.text("13");
        lines.text(format!("{:030}", key));
        lines.end();
    }

    pub(crate) fn medical(&mut self, block: &mut Block, receipt: &Receipt) {
        let person = self.person;
        let Some(spell) = person.spells.get(receipt.spell) else {
            return;
        };
        let day = first_day(receipt.month);
        let Some(card) = self.card(block, receipt.facility, false, receipt.spell, day) else {
            return;
        };
        let arrival = self.arrival(receipt.month);
        let corrected = self.dice.chance(self.options.noise.correction);
        let file = self.layout.claims(spell.fund, arrival, false);
        let Some(mut out) = block.files.get_mut(file).map(std::mem::take) else {
            return;
        };
        let mut lines = Lines { out: &mut out, line: 0 };
        self.manage(&mut lines, spell.fund);
        let Some(Card { written, .. }) = self.cards.get(card) else {
            return;
        };
        let place = facility_code(receipt.facility);
        lines.begin(1, "IR");
        lines.text(if spell.fund == Fund::Kenpo { "1" } else { "2" });
        lines.text("13");
        lines.text("1");
        lines.text(&place);
        lines.blank(1);
        lines.text(cp932(&format!("さくら第{}医院", receipt.facility + 1)));
        lines.number(i64::from(month_digits(arrival)));
        lines.text("00");
        lines.end();

        let inpatient = receipt.admitted.is_some();
        lines.begin(1, "RE");
        lines.number(self.serial);
        lines.number(1110 + i64::from(patient(person, spell, day, inpatient)));
        lines.number(i64::from(month_digits(receipt.month)));
        lines.text(&written.name);
        lines.text(&written.sex);
        lines.text(&written.birth);
        lines.blank(1);
        match receipt.admitted {
            Some(admitted) => lines.number(i64::from(digits(admitted))),
            None => lines.blank(1),
        }
        if !written.kana.is_empty() {
            lines.blank(27);
            lines.text(&written.kana);
        }
        lines.end();

        let total = i64::from(receipt.points());
        let days = i64::from(receipt.days.count_ones());
        let ho = lines.begin(1, "HO");
        insurer(&mut lines, written, days, total);
        if !written.branch.is_empty() {
            qualified(&mut lines, &written.branch);
        }
        let mut main = true;
        for diagnosis in &receipt.diagnoses {
            lines.begin(1, "SY");
            lines.text(diagnosis.code);
            lines.number(i64::from(digits(diagnosis.start)));
            lines.number(i64::from(diagnosis.outcome));
            lines.text(if diagnosis.suspected { codes::SUSPECTED } else { "" });
            lines.blank(1);
            if main && !diagnosis.suspected {
                lines.text("01");
                main = false;
            }
            lines.end();
        }
        let units = sorted(receipt);
        let mut class = 0;
        let mut last_unit = None;
        for unit in &units {
            for (index, line) in unit.lines.iter().enumerate() {
                let last = index + 1 == unit.lines.len();
                let record = match line.kind {
                    Kind::Act => "SI",
                    Kind::Drug => "IY",
                    Kind::Material => "TO",
                };
                let number = lines.begin(1, record);
                // 診療識別 stands where it changes and is inherited below.
                let shown = if class == unit.class { 0 } else { unit.class };
                class = unit.class;
                detail(&mut lines, unit, line, shown, last.then_some(unit.points));
                if last {
                    last_unit = Some((number, record, unit, line));
                }
            }
        }
        if corrected && let Some((number, record, unit, line)) = last_unit {
            block.counts.corrected += 1;
            let times = i64::from(unit.days.count_ones());
            let cut = if self.dice.chance(0.5) || unit.points < 10 || unit.lines.len() > 1 {
                // 削除: the whole unit.
                correction(&mut lines, 3, number, None);
                i64::from(unit.points) * times
            } else {
                // 修正: fewer points.
                let less = unit.points / 3;
                lines.begin_at(2, number, 1, record);
                detail(&mut lines, unit, line, unit.class, Some(unit.points - less));
                correction(&mut lines, 2, number, Some(number));
                i64::from(less) * times
            };
            lines.begin_at(2, ho, 1, "HO");
            insurer(&mut lines, written, days, total - cut);
            correction(&mut lines, 2, ho, Some(ho));
        }
        if let Some(slot) = block.files.get_mut(file) {
            *slot = out;
        }
        block.counts.medical += 1;
    }

    pub(crate) fn pharmacy(&mut self, block: &mut Block, receipt: &Receipt) {
        let person = self.person;
        let Some(spell) = person.spells.get(receipt.spell) else {
            return;
        };
        if receipt.dispensed.is_empty() {
            return;
        }
        let day = first_day(receipt.month);
        let Some(card) = self.card(block, receipt.pharmacy, true, receipt.spell, day) else {
            return;
        };
        let arrival = self.arrival(receipt.month);
        let file = self.layout.claims(spell.fund, arrival, true);
        let Some(mut out) = block.files.get_mut(file).map(std::mem::take) else {
            return;
        };
        let mut lines = Lines { out: &mut out, line: 0 };
        self.manage(&mut lines, spell.fund);
        let Some(Card { written, .. }) = self.cards.get(card) else {
            return;
        };
        lines.begin(1, "YK");
        lines.text(if spell.fund == Fund::Kenpo { "1" } else { "2" });
        lines.text("13");
        lines.text("4");
        lines.text(format!("{:07}", 4_000_000 + receipt.pharmacy));
        lines.text(cp932(&format!("さくら第{}薬局", receipt.pharmacy + 1)));
        lines.number(i64::from(month_digits(arrival)));
        lines.text("00");
        lines.end();
        lines.begin(1, "RE");
        lines.number(self.serial);
        lines.number(4110 + i64::from(patient(person, spell, day, false)));
        lines.number(i64::from(month_digits(receipt.month)));
        lines.text(&written.name);
        lines.text(&written.sex);
        lines.text(&written.birth);
        lines.blank(2);
        lines.text("13");
        lines.text("1");
        lines.text(facility_code(receipt.facility));
        if !written.kana.is_empty() {
            lines.blank(29);
            lines.text(&written.kana);
        }
        lines.end();
        let mut visits: Vec<i32> = receipt.dispensed.iter().map(|one| one.day).collect();
        visits.dedup();
        lines.begin(1, "HO");
        let total = i64::from(receipt.pharmacy_points());
        insurer(&mut lines, written, visits.len() as i64, total);
        if !written.branch.is_empty() {
            qualified(&mut lines, &written.branch);
        }
        for (index, one) in receipt.dispensed.iter().enumerate() {
            let (daily, points) = one.points();
            lines.begin(1, "SH");
            lines.number(index as i64 + 1);
            lines.text("1");
            lines.text("901");
            lines.blank(1);
            lines.number(i64::from(daily));
            lines.end();
            let date = i64::from(digits(one.day));
            lines.begin(1, "CZ");
            lines.text("1");
            lines.number(date);
            lines.number(date);
            lines.text("1");
            lines.number(i64::from(one.supply));
            lines.text("1");
            lines.blank(2);
            lines.text(codes::DISPENSING.0);
            lines.number(i64::from(codes::DISPENSING.1));
            lines.blank(2);
            lines.number(i64::from(points));
            lines.end();
            for (drug, units) in &one.drugs {
                lines.begin(1, "IY");
                lines.text("1");
                lines.text(drug.code);
                lines.number(*units);
                lines.end();
            }
        }
        if let Some(slot) = block.files.get_mut(file) {
            *slot = out;
        }
        block.counts.pharmacy += 1;
    }
}

/// Clinics and hospitals, 7 digits; none belongs to a facility we know of.
fn facility_code(facility: u32) -> String {
    format!("{:07}", 9_000_000 + facility)
}
