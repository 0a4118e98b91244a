//! 調剤 receipts: YK, RE, HO, SN, then SH, CZ and IY by prescription.

use super::super::calendar::{digits, month_digits};
use super::super::codes;
use super::super::formats::Format;
use super::super::out::Block;
use super::super::people::{Fund, Spell};
use super::super::receipt::Receipt;
use super::lines::{Encoded, Lines, cp932, insurer, qualified};
use super::{Card, House, Version, Writer, note, patient};

impl Writer<'_> {
    pub(crate) fn pharmacy(&mut self, block: &mut Block, receipt: &Receipt) {
        let Some(spell) = self.spell(receipt).filter(|_| !receipt.dispensed.is_empty()) else {
            return;
        };
        let Some(card) = self.card(block, receipt.pharmacy, true, receipt.spell, Self::day(receipt)) else {
            return;
        };
        let versions = self.versions(receipt.month, false);
        if !self.writes(Format::Payer) {
            return;
        }
        let Some(Card { written, .. }) = self.cards.get(card) else {
            return;
        };
        for version in &versions {
            let at = self.file(block, spell.fund, version.arrival, "14_RECODEINFO_PHA.CSV");
            let mut out = block.take(at);
            let mut lines = Lines { out: &mut out, line: 0 };
            Self::manage(&mut lines, spell.fund, version);
            self.pharmacy_lines(&mut lines, receipt, spell, written, version);
            block.put(at, out);
            note::pharmacy(block, self.person, spell, receipt, version);
            block.counts.pharmacy += 1;
        }
    }

    fn pharmacy_lines(
        &self,
        lines: &mut Lines<'_>,
        receipt: &Receipt,
        spell: &Spell,
        written: &Encoded,
        version: &Version,
    ) {
        lines.begin(1, "YK");
        lines.text(if spell.fund == Fund::Kenpo { "1" } else { "2" });
        lines.text("13");
        lines.text("4");
        lines.text(House::Pharmacy.code(receipt.pharmacy));
        lines.text(cp932(&format!("さくら第{}薬局", receipt.pharmacy + 1)));
        lines.number(i64::from(month_digits(version.arrival)));
        lines.text("00");
        lines.end();
        lines.begin(1, "RE");
        lines.number(version.serial);
        lines.number(4110 + i64::from(patient(self.person, spell, Self::day(receipt), false)));
        lines.number(i64::from(month_digits(receipt.month)));
        lines.text(&written.name);
        lines.text(&written.sex);
        lines.text(&written.birth);
        lines.blank(2);
        lines.text("13");
        lines.text("1");
        lines.text(House::Medical.code(receipt.facility));
        if !written.kana.is_empty() {
            lines.blank(29);
            lines.text(&written.kana);
        }
        lines.end();
        lines.begin(1, "HO");
        let total = i64::from(receipt.pharmacy_points());
        insurer(lines, written, receipt.prescriptions(), total);
        if !written.branch.is_empty() {
            qualified(lines, &written.branch);
        }
        for (index, one) in receipt.dispensed.iter().enumerate() {
            let (daily, points) = one.points();
            lines.begin(1, "SH");
            lines.number(index as i64 + 1);
            // 剤形: 1 内服, 4 注射.
            lines.text(if one.oral { "1" } else { "4" });
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
    }
}
