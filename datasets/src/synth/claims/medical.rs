//! 医科 receipts: IR, RE, HO, SN, SY, then SI, IY and TO by 算定単位, and what the clearing body corrected.

use super::super::calendar::{digits, month_digits};
use super::super::codes;
use super::super::formats::Format;
use super::super::out::Block;
use super::super::people::{Fund, Spell};
use super::super::receipt::{Kind, Receipt, Unit};
use super::lines::{Encoded, Lines, correction, cp932, detail, insurer, qualified, sorted};
use super::{Card, Cut, House, Version, Writer, note, patient};

/// Records of a unit's first and last line, and the unit.
type Last<'r> = (i64, i64, &'r Unit);

impl Writer<'_> {
    pub(crate) fn medical(&mut self, block: &mut Block, receipt: &Receipt) {
        let Some(spell) = self.spell(receipt) else {
            return;
        };
        let Some(card) = self.card(block, receipt.facility, false, receipt.spell, Self::day(receipt)) else {
            return;
        };
        let versions = self.versions(receipt.month, true);
        if !self.writes(Format::Payer) {
            return;
        }
        let Some(Card { written, .. }) = self.cards.get(card) else {
            return;
        };
        for version in &versions {
            let at = self.file(block, spell.fund, version.arrival, "11_RECODEINFO_MED.CSV");
            let mut out = block.take(at);
            let mut lines = Lines { out: &mut out, line: 0 };
            Self::manage(&mut lines, spell.fund, version);
            self.medical_lines(&mut lines, receipt, spell, written, version);
            block.put(at, out);
            note::medical(block, self.person, spell, receipt, version);
            block.counts.corrected += u64::from(version.cut.is_some());
        }
        block.counts.readjudicated += versions.len() as u64 - 1;
        block.counts.medical += versions.len() as u64;
    }

    fn medical_lines(
        &self,
        lines: &mut Lines<'_>,
        receipt: &Receipt,
        spell: &Spell,
        written: &Encoded,
        version: &Version,
    ) {
        lines.begin(1, "IR");
        lines.text(if spell.fund == Fund::Kenpo { "1" } else { "2" });
        lines.text("13");
        lines.text("1");
        lines.text(House::Medical.code(receipt.facility));
        lines.blank(1);
        lines.text(cp932(&format!("さくら第{}医院", receipt.facility + 1)));
        lines.number(i64::from(month_digits(version.arrival)));
        lines.text("00");
        lines.end();

        let inpatient = receipt.admitted.is_some();
        lines.begin(1, "RE");
        lines.number(version.serial);
        lines.number(1110 + i64::from(patient(self.person, spell, Self::day(receipt), inpatient)));
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
        insurer(lines, written, days, total);
        if !written.branch.is_empty() {
            qualified(lines, &written.branch);
        }
        diseases(lines, receipt);
        let last = details(lines, receipt);
        if let (Some(cut), Some(last)) = (version.cut, last) {
            let cut = correct(lines, cut, last);
            lines.begin_at(2, ho, 1, "HO");
            insurer(lines, written, days, total - cut);
            correction(lines, 2, ho, Some(ho));
        }
    }
}

fn diseases(lines: &mut Lines<'_>, receipt: &Receipt) {
    for (index, diagnosis) in receipt.diagnoses.iter().enumerate() {
        lines.begin(1, "SY");
        lines.text(diagnosis.code);
        lines.number(i64::from(digits(diagnosis.start)));
        lines.number(i64::from(diagnosis.outcome));
        lines.text(if diagnosis.suspected { codes::SUSPECTED } else { "" });
        lines.blank(1);
        if receipt.main() == Some(index) {
            lines.text("01");
        }
        lines.end();
    }
}

/// The units, and where the last one stands.
fn details<'r>(lines: &mut Lines<'_>, receipt: &'r Receipt) -> Option<Last<'r>> {
    let mut class = 0;
    let mut last_unit = None;
    for unit in sorted(receipt) {
        let mut first = None;
        for (index, line) in unit.lines.iter().enumerate() {
            let number = lines.begin(1, record(line.kind));
            // 診療識別 stands where it changes and is inherited below.
            let shown = if class == unit.class { 0 } else { unit.class };
            class = unit.class;
            let last = index + 1 == unit.lines.len();
            detail(lines, unit, line, shown, last.then_some(unit.points));
            last_unit = Some((*first.get_or_insert(number), number, unit));
        }
    }
    last_unit
}

fn record(kind: Kind) -> &'static str {
    match kind {
        Kind::Act => "SI",
        Kind::Drug => "IY",
        Kind::Material => "TO",
    }
}

/// Corrects the last unit; gives the points taken away.
fn correct(lines: &mut Lines<'_>, cut: Cut, (first, number, unit): Last<'_>) -> i64 {
    match (cut.on(unit), unit.lines.last()) {
        (Cut::Reduce, Some(line)) => {
            lines.begin_at(2, number, 1, record(line.kind));
            detail(lines, unit, line, unit.class, Some(unit.points - unit.less()));
            correction(lines, 2, number, Some(number));
            i64::from(unit.less()) * unit.count()
        }
        _ => {
            for number in first..=number {
                correction(lines, 3, number, None);
            }
            i64::from(unit.points) * unit.count()
        }
    }
}

impl Cut {
    /// Where little is billed, or several things together, the whole unit goes.
    pub(super) fn on(self, unit: &Unit) -> Cut {
        if unit.points < 10 || unit.lines.len() > 1 { Cut::Delete } else { self }
    }
}
