//! 調剤 receipts: RE, HO, SN, then SH, CZ and IY by prescription.

use super::super::calendar::digits;
use super::super::codes;
use super::lines::Lines;
use super::{Bill, House, Version};

pub(super) fn write(bill: &Bill<'_>, lines: &mut Lines<'_>, version: &Version) {
    bill.common(lines, version);
    lines.blank(2);
    lines.text("13");
    lines.text("1");
    lines.text(House::Medical.code(bill.receipt.facility));
    if !bill.written.kana.is_empty() {
        lines.blank(29);
        lines.text(&bill.written.kana);
    }
    lines.end();
    bill.payer(lines);
    for (index, one) in bill.receipt.dispensed.iter().enumerate() {
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
