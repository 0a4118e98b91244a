//! The rows that readers ought to give for a receipt. Made from the receipt, not from its lines.

use super::super::calendar::first_day;
use super::super::codes;
use super::super::out::Block;
use super::super::people::{Person, Spell};
use super::super::receipt::{Kind, Receipt};
use super::{Cut, House, Version};

impl Version {
    /// 検索番号 as the reader names it.
    fn number(&self) -> String {
        format!("s:{:030}", self.key)
    }

    fn receipt(&self) -> String {
        format!("{}@{}", self.number(), first_day(self.arrival))
    }
}

/// What stands in the claim row.
struct Claim {
    month: i32,
    sort: &'static str,
    inpatient: bool,
    days: i64,
    billed: i64,
    points: i64,
    facility: String,
}

fn claim(block: &mut Block, person: &Person, spell: &Spell, version: &Version, claim: Claim) {
    block.note(spell.fund.source(), "claim", person.number, |row| {
        row.day("month", first_day(claim.month)).text("type", claim.sort);
        row.text("setting", if claim.inpatient { "in" } else { "out" }).int("days", claim.days);
        row.int("points_billed", claim.billed).int("points", claim.points).text("facility", claim.facility);
        row.text("receipt", version.receipt()).text("receipt_number", version.number());
        row.day("billed_month", first_day(version.arrival));
    });
}

pub(super) fn medical(block: &mut Block, person: &Person, spell: &Spell, receipt: &Receipt, version: &Version) {
    let (source, first) = (spell.fund.source(), first_day(receipt.month));
    let billed = i64::from(receipt.points());
    let mut points = billed;
    for (index, diagnosis) in receipt.diagnoses.iter().enumerate() {
        block.note(source, "diagnosis", person.number, |row| {
            row.day("month", first).text("code", diagnosis.code);
            if let Some(icd10) = codes::icd10(diagnosis.code) {
                row.text("icd10", icd10);
            }
            row.day("start_date", diagnosis.start).text("outcome", diagnosis.outcome.to_string());
            row.flag("main", receipt.main() == Some(index)).flag("suspected", diagnosis.suspected);
            row.text("receipt", version.receipt());
        });
    }
    let units = super::lines::sorted(receipt);
    for (index, unit) in units.iter().enumerate() {
        let cut = version.cut.filter(|_| index + 1 == units.len()).map(|cut| cut.on(unit));
        let per_time = match cut {
            Some(Cut::Delete) => {
                points -= i64::from(unit.points) * unit.count();
                continue;
            }
            Some(Cut::Reduce) => i64::from(unit.points - unit.less()),
            None => i64::from(unit.points),
        };
        points -= (i64::from(unit.points) - per_time) * unit.count();
        for (at, line) in unit.lines.iter().enumerate() {
            let last = at + 1 == unit.lines.len();
            let times = i64::from(unit.times);
            for day in (0..31).filter(|day| unit.days & (2 << day) != 0) {
                block.note(source, "act", person.number, |row| {
                    row.day("service_date", first + day).text("kind", line.kind.name()).text("code", line.code);
                    if line.kind == Kind::Drug {
                        if let Some(yj) = codes::yj(line.code) {
                            row.text("yj", yj);
                        }
                        if unit.class == 21 {
                            row.int("supply_days", times);
                        }
                    }
                    let amount = if line.milli == 0 { 1000 } else { line.milli };
                    row.fixed("quantity", amount * times, 3);
                    row.int("points", if last { per_time * times } else { 0 });
                    row.text("receipt", version.receipt());
                });
            }
        }
    }
    let house = House::Medical.key(receipt.facility);
    let days = i64::from(receipt.days.count_ones());
    let (month, inpatient) = (receipt.month, receipt.admitted.is_some());
    let row = Claim { month, sort: "medical", inpatient, days, billed, points, facility: house };
    claim(block, person, spell, version, row);
}

pub(super) fn pharmacy(block: &mut Block, person: &Person, spell: &Spell, receipt: &Receipt, version: &Version) {
    let source = spell.fund.source();
    for one in &receipt.dispensed {
        block.note(source, "act", person.number, |row| {
            row.day("service_date", one.day).text("kind", "procedure").text("code", codes::DISPENSING.0);
            row.fixed("quantity", 1, 0)
                .int("points", i64::from(codes::DISPENSING.1))
                .text("receipt", version.receipt());
        });
        let (supply, (_, points)) = (i64::from(one.supply), one.points());
        for (at, (drug, units)) in one.drugs.iter().enumerate() {
            block.note(source, "act", person.number, |row| {
                row.day("service_date", one.day).text("kind", "drug").text("code", drug.code);
                if let Some(yj) = codes::yj(drug.code) {
                    row.text("yj", yj);
                }
                row.fixed("quantity", units * supply, 0).text("receipt", version.receipt());
                row.int("points", if at + 1 == one.drugs.len() { i64::from(points) } else { 0 });
                if one.oral {
                    row.int("supply_days", supply);
                }
            });
        }
    }
    let points = i64::from(receipt.pharmacy_points());
    let row = Claim {
        month: receipt.month,
        sort: "pharmacy",
        inpatient: false,
        days: receipt.prescriptions(),
        billed: points,
        points,
        facility: House::Pharmacy.key(receipt.pharmacy),
    };
    claim(block, person, spell, version, row);
}
