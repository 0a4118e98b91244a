//! 歯科 receipts: RE, HO, SN, HS by tooth, then SS with its additions, IY and TO by 算定単位.

use super::super::calendar::digits;
use super::super::codes;
use super::super::receipt::{Kind, Line, Unit};
use super::lines::{Lines, amount, cp932, sorted};
use super::{Bill, Version};

pub(super) fn write(bill: &Bill<'_>, lines: &mut Lines<'_>, version: &Version) {
    bill.common(lines, version);
    lines.blank(2);
    let start = bill.receipt.diagnoses.iter().map(|diagnosis| diagnosis.start).min();
    lines.number(i64::from(digits(start.unwrap_or_default())));
    lines.text("1");
    if !bill.written.kana.is_empty() {
        lines.blank(14);
        lines.text(&bill.written.kana);
    }
    lines.end();
    bill.payer(lines);
    for (index, diagnosis) in bill.receipt.diagnoses.iter().enumerate() {
        lines.begin(1, "HS");
        lines.number(i64::from(digits(diagnosis.start)));
        lines.number(i64::from(diagnosis.outcome));
        match diagnosis.tooth {
            0 => lines.blank(1),
            // 歯種, 状態, 部分.
            tooth => lines.text(format!("10{tooth:02}00")),
        }
        lines.text(diagnosis.code);
        lines.text(if diagnosis.suspected { codes::SUSPECTED } else { "" });
        lines.blank(3);
        if bill.receipt.main() == Some(index) {
            lines.text("01");
        }
        lines.end();
    }
    let mut class = 0;
    for unit in sorted(bill.receipt) {
        for (index, line) in unit.lines.iter().enumerate() {
            let shown = if class == unit.class { 0 } else { unit.class };
            class = unit.class;
            detail(lines, unit, line, shown, index + 1 == unit.lines.len());
        }
    }
}

fn detail(lines: &mut Lines<'_>, unit: &Unit, line: &Line, class: u8, last: bool) {
    lines.begin(
        1,
        match line.kind {
            Kind::Act => "SS",
            Kind::Drug => "IY",
            Kind::Material => "TO",
        },
    );
    match class {
        0 => lines.blank(1),
        class => lines.number(i64::from(class)),
    }
    lines.text("1");
    lines.text(line.code);
    amount(lines, line.milli);
    let additions = line.additions;
    match line.kind {
        Kind::Act => {
            lines.blank(1);
            for (code, quantity) in additions {
                lines.text(code);
                if *quantity == 0 { lines.blank(1) } else { lines.number(*quantity) }
            }
            lines.blank(2 * (35 - additions.len()));
        }
        Kind::Drug => {}
        Kind::Material => {
            lines.blank(1);
            lines.number(i64::from(unit.points) * 10);
            lines.blank(4);
            lines.text(cp932("歯科材料"));
        }
    }
    if last {
        lines.number(i64::from(unit.points))
    } else {
        lines.blank(1)
    }
    lines.number(unit.count());
    if line.kind == Kind::Drug {
        // 医薬品区分.
        lines.blank(1);
    }
    lines.days(unit.days, unit.times);
}
