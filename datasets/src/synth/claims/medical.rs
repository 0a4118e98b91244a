//! 医科 receipts: RE, HO, SN, SY, then SI, IY and TO by 算定単位, and what the clearing body corrected.

use super::super::calendar::digits;
use super::super::codes;
use super::super::receipt::{Kind, Receipt, Unit};
use super::lines::{Lines, correction, detail, insurer, sorted};
use super::{Bill, Cut, Version};

/// Records of a unit's first and last line, and the unit.
type Last<'r> = (i64, i64, &'r Unit);

pub(super) fn write(bill: &Bill<'_>, lines: &mut Lines<'_>, version: &Version) {
    bill.common(lines, version);
    lines.blank(1);
    match bill.receipt.admitted {
        Some(admitted) => lines.number(i64::from(digits(admitted))),
        None => lines.blank(1),
    }
    if !bill.written.kana.is_empty() {
        lines.blank(27);
        lines.text(&bill.written.kana);
    }
    lines.end();
    let ho = bill.payer(lines);
    diseases(lines, bill.receipt);
    let units = sorted(bill.receipt);
    let last = details(lines, &units);
    if let (Some(cut), Some(last)) = (version.cut, last) {
        let cut = correct(lines, cut, last);
        lines.begin_at(2, ho, 1, "HO");
        insurer(lines, bill.written, bill.days(), bill.points() - cut);
        correction(lines, 2, ho, Some(ho));
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
pub(super) fn details<'r>(lines: &mut Lines<'_>, units: &[&'r Unit]) -> Option<Last<'r>> {
    let mut class = 0;
    let mut last_unit = None;
    for &unit in units {
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
