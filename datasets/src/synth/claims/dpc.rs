//! DPC receipts: RE, HO, SN, BU, SB, KK, GA, HH by period, GT, what is paid beside the bundle (SI, TO), and the bundled care (CD).
//! Points of the bundle stand in HH and GT, never in CD.

use super::super::calendar::{civil, digits, first_day, month_digits};
use super::super::codes::{self, Group};
use super::super::receipt::{Kind, Receipt, Unit};
use super::lines::{Lines, amount, sorted};
use super::{Bill, Version, medical};

/// 傷病名区分: main, cause of the stay, most resources, comorbid.
const ROLES: [&str; 3] = ["11", "21", "22"];
pub(super) const COMORBID: &str = "41";
/// 入院基本料: what the bundle stands for.
const WARD: u8 = 90;

/// Paid beside the bundle: operations and what they take.
fn beside(unit: &Unit) -> bool {
    unit.class == 50
}

pub(super) fn split(receipt: &Receipt) -> (Vec<&Unit>, Vec<&Unit>) {
    let units = sorted(receipt).into_iter().filter(|unit| unit.class < WARD);
    units.partition(|unit| beside(unit))
}

fn group(receipt: &Receipt) -> &'static Group {
    codes::group(receipt.diagnoses.first().map_or("", |diagnosis| diagnosis.code))
}

/// Points a day and days of each 入院期間 that falls into the month.
fn periods(receipt: &Receipt) -> [(i64, i64); 3] {
    let group = group(receipt);
    let mut periods = group.points.map(|points| (i64::from(points), 0));
    let first = first_day(receipt.month);
    let admitted = receipt.admitted.unwrap_or(first);
    for day in (0..31).filter(|day| receipt.days & (2 << day) != 0) {
        let stayed = first + day - admitted + 1;
        let period = usize::from(stayed > group.ends[0]) + usize::from(stayed > group.ends[1]);
        if let Some((_, days)) = periods.get_mut(period) {
            *days += 1;
        }
    }
    periods
}

/// 医療機関別係数, ten thousandths.
fn coefficient(facility: u32) -> i64 {
    10_500 + i64::from(facility * 379 % 2_500)
}

/// Sum of the periods, and the bundle after the hospital's coefficient (half up).
fn bundle(receipt: &Receipt) -> (i64, i64) {
    let sum: i64 = periods(receipt).iter().map(|(points, days)| points * days).sum();
    (sum, (sum * coefficient(receipt.facility) + 5_000) / 10_000)
}

/// Total points: the bundle and what is paid beside it.
pub(super) fn points(receipt: &Receipt) -> i64 {
    let beside: i64 = split(receipt).0.iter().map(|unit| i64::from(unit.points) * unit.count()).sum();
    bundle(receipt).1 + beside
}

/// Diagnoses with their 傷病名区分: DPC names the main disease once for each of its roles.
pub(super) fn diseases(receipt: &Receipt) -> Vec<(&'static str, bool, &'static str)> {
    let mut found = Vec::new();
    for (index, diagnosis) in receipt.diagnoses.iter().enumerate() {
        let roles: &[&str] = if index == 0 { &ROLES } else { &[COMORBID] };
        found.extend(roles.iter().map(|role| (diagnosis.code, diagnosis.suspected, *role)));
    }
    found
}

pub(super) fn write(bill: &Bill<'_>, lines: &mut Lines<'_>, version: &Version) {
    let receipt = bill.receipt;
    let admitted = receipt.admitted.unwrap_or_default();
    bill.common(lines, version);
    lines.blank(1);
    lines.number(i64::from(digits(admitted)));
    if !bill.written.kana.is_empty() {
        lines.blank(19);
        lines.text(&bill.written.kana);
    }
    lines.end();
    bill.payer(lines);
    stay(bill, lines, admitted);
    let month = i64::from(month_digits(receipt.month));
    for (index, (points, days)) in periods(receipt).into_iter().enumerate().filter(|(_, (_, days))| *days > 0) {
        lines.begin(1, "HH");
        lines.number(month);
        lines.text("0");
        lines.text("1");
        lines.text("1");
        lines.number(index as i64 + 1);
        lines.number(points);
        lines.number(days);
        lines.number(points * days);
        lines.end();
    }
    let (sum, total) = bundle(receipt);
    lines.begin(1, "GT");
    lines.number(month);
    lines.text("0");
    lines.text("1");
    lines.text("1");
    lines.number(sum);
    lines.number(total);
    lines.blank(1);
    lines.number(total);
    lines.text("93");
    lines.end();
    let (beside, bundled) = split(receipt);
    medical::details(lines, &beside);
    let mut order = 0;
    for unit in bundled {
        for day in (0..31).filter(|day| unit.days & (2 << day) != 0) {
            order += 1;
            for (index, line) in unit.lines.iter().enumerate() {
                lines.begin(1, "CD");
                lines.number(i64::from(digits(first_day(receipt.month) + day)));
                lines.number(i64::from(unit.class));
                lines.number(order);
                lines.number(index as i64 + 1);
                lines.text(line.code);
                // 使用量 of drugs and materials, 数量データ of acts.
                if line.kind == Kind::Act {
                    lines.blank(1);
                }
                amount(lines, line.milli);
                if line.kind != Kind::Act {
                    lines.blank(1);
                }
                lines.blank(1);
                lines.number(i64::from(unit.times));
                lines.end();
            }
        }
    }
}

/// BU, SB, KK and GA: the group, the diseases, the admission, the month.
fn stay(bill: &Bill<'_>, lines: &mut Lines<'_>, admitted: i32) {
    let receipt = bill.receipt;
    let group = group(receipt);
    let outcome = receipt.diagnoses.first().map_or(1, |diagnosis| diagnosis.outcome);
    lines.begin(1, "BU");
    lines.text(group.code);
    lines.number(i64::from(digits(admitted)));
    if outcome == 1 {
        lines.blank(1);
    } else {
        let last = 31 - receipt.days.leading_zeros() as i32;
        lines.number(i64::from(digits(first_day(receipt.month) + last - 1)));
        // DPC転帰: 2 軽快, 6 died of the disease that took most.
        lines.text(if outcome == 3 { "6" } else { "2" });
    }
    lines.end();
    for (code, suspected, role) in diseases(receipt) {
        lines.begin(1, "SB");
        lines.text(code);
        lines.text(if suspected { codes::SUSPECTED } else { "" });
        lines.blank(1);
        lines.text(codes::icd10(code).unwrap_or_default());
        lines.text(role);
        lines.end();
    }
    lines.begin(1, "KK");
    lines.blank(2);
    lines.text("3");
    lines.blank(2);
    lines.number(i64::from(super::age(bill.person.birth, admitted)));
    lines.end();
    lines.begin(1, "GA");
    lines.number(i64::from(month_digits(receipt.month)));
    lines.text("0");
    // 外泊等: a digit for every day of the month.
    let days = civil(first_day(receipt.month + 1) - 1).2;
    lines.text("0".repeat(days as usize));
    lines.text(group.code);
    let coefficient = coefficient(receipt.facility);
    lines.text(format!("{}.{:04}", coefficient / 10_000, coefficient % 10_000));
    lines.end();
}
