//! The rows that readers ought to give for a receipt. Made from the receipt, not from its lines.

use super::super::calendar::first_day;
use super::super::codes;
use super::super::out::{Block, Source};
use super::super::receipt::{Kind, Line, Sort, Unit};
use super::{Bill, Cut, House, Version, dpc};

/// What the reader calls a receipt over its versions, and this version.
pub(super) struct Names {
    pub(super) number: String,
    pub(super) receipt: String,
    /// First day of 請求年月.
    pub(super) billed: i32,
}

impl Version {
    /// On the payer's side: by 検索番号.
    pub(super) fn names(&self) -> Names {
        let (number, billed) = (format!("s:{:030}", self.key), first_day(self.arrival));
        Names { receipt: format!("{number}@{billed}"), number, billed }
    }
}

/// Where rows go.
struct To<'a, 'b> {
    block: &'a mut Block,
    bill: &'a Bill<'b>,
    source: Source,
    names: &'a Names,
}

pub(super) fn receipt(block: &mut Block, bill: &Bill<'_>, source: Source, names: &Names, cut: Option<Cut>) {
    if block.ledger.is_none() {
        return;
    }
    let mut to = To { block, bill, source, names };
    let billed = bill.points();
    let points = match bill.sort {
        Sort::Medical | Sort::Dental => {
            to.diagnoses();
            billed - to.units(&super::lines::sorted(bill.receipt), cut)
        }
        Sort::Dpc => {
            to.dpc_diagnoses();
            let (beside, bundled) = dpc::split(bill.receipt);
            to.units(&beside, None);
            for unit in bundled {
                for line in &unit.lines {
                    to.line(unit, line, 0, false);
                }
            }
            billed
        }
        Sort::Pharmacy => {
            to.dispensed();
            billed
        }
    };
    to.claim(billed, points);
}

impl To<'_, '_> {
    fn claim(&mut self, billed: i64, points: i64) {
        let (bill, names) = (self.bill, self.names);
        let sort = match bill.sort {
            Sort::Medical => "medical",
            Sort::Dpc => "dpc",
            Sort::Dental => "dental",
            Sort::Pharmacy => "pharmacy",
        };
        let inpatient = bill.sort != Sort::Pharmacy && bill.receipt.admitted.is_some();
        self.block.note(self.source, "claim", bill.person.number, |row| {
            row.day("month", first_day(bill.receipt.month)).text("type", sort);
            row.text("setting", if inpatient { "in" } else { "out" }).int("days", bill.days());
            row.int("points_billed", billed).int("points", points);
            row.text("facility", House::of(bill.sort).key(bill.facility()));
            row.text("receipt", names.receipt.as_str()).text("receipt_number", names.number.as_str());
            row.day("billed_month", names.billed);
        });
    }

    fn diagnoses(&mut self) {
        let (bill, names) = (self.bill, self.names);
        for (index, diagnosis) in bill.receipt.diagnoses.iter().enumerate() {
            self.block.note(self.source, "diagnosis", bill.person.number, |row| {
                row.day("month", first_day(bill.receipt.month)).text("code", diagnosis.code);
                if let Some(icd10) = codes::icd10(diagnosis.code) {
                    row.text("icd10", icd10);
                }
                row.day("start_date", diagnosis.start).text("outcome", diagnosis.outcome.to_string());
                row.flag("main", bill.receipt.main() == Some(index)).flag("suspected", diagnosis.suspected);
                row.text("receipt", names.receipt.as_str());
            });
        }
    }

    fn dpc_diagnoses(&mut self) {
        let (bill, names) = (self.bill, self.names);
        for (code, suspected, role) in dpc::diseases(bill.receipt) {
            self.block.note(self.source, "diagnosis", bill.person.number, |row| {
                row.day("month", first_day(bill.receipt.month)).text("code", code);
                if let Some(icd10) = codes::icd10(code) {
                    row.text("icd10", icd10);
                }
                row.flag("main", role == "11").flag("suspected", suspected).text("receipt", names.receipt.as_str());
            });
        }
    }

    /// Notes units, the last one after what was cut; gives the points taken away.
    fn units(&mut self, units: &[&Unit], cut: Option<Cut>) -> i64 {
        let mut less = 0;
        for (index, unit) in units.iter().enumerate() {
            let cut = cut.filter(|_| index + 1 == units.len()).map(|cut| cut.on(unit));
            let taken = match cut {
                Some(Cut::Delete) => unit.points,
                Some(Cut::Reduce) => unit.less(),
                None => 0,
            };
            less += i64::from(taken) * unit.count();
            if matches!(cut, Some(Cut::Delete)) {
                continue;
            }
            for (at, line) in unit.lines.iter().enumerate() {
                let last = at + 1 == unit.lines.len();
                self.line(unit, line, if last { i64::from(unit.points - taken) } else { 0 }, unit.class == 21);
            }
        }
        less
    }

    /// A line on each of its days, and its additions.
    fn line(&mut self, unit: &Unit, line: &Line, points: i64, supplied: bool) {
        let (bill, names) = (self.bill, self.names);
        let times = i64::from(unit.times);
        for day in (0..31).filter(|day| unit.days & (2 << day) != 0) {
            let date = first_day(bill.receipt.month) + day;
            self.block.note(self.source, "act", bill.person.number, |row| {
                row.day("service_date", date).text("kind", line.kind.name()).text("code", line.code);
                if line.kind == Kind::Drug {
                    if let Some(yj) = codes::yj(line.code) {
                        row.text("yj", yj);
                    }
                    if supplied {
                        row.int("supply_days", times);
                    }
                }
                row.fixed("quantity", if line.milli == 0 { 1000 } else { line.milli } * times, 3);
                row.int("points", points * times).text("receipt", names.receipt.as_str());
            });
            for (code, quantity) in line.additions {
                self.block.note(self.source, "act", bill.person.number, |row| {
                    row.day("service_date", date).text("kind", "procedure").text("code", *code);
                    row.int("quantity", (*quantity).max(1) * times).int("points", 0);
                    row.text("receipt", names.receipt.as_str());
                });
            }
        }
    }

    fn dispensed(&mut self) {
        let (bill, names) = (self.bill, self.names);
        for one in &bill.receipt.dispensed {
            self.block.note(self.source, "act", bill.person.number, |row| {
                row.day("service_date", one.day).text("kind", "procedure").text("code", codes::DISPENSING.0);
                row.int("quantity", 1).int("points", i64::from(codes::DISPENSING.1));
                row.text("receipt", names.receipt.as_str());
            });
            let (supply, (_, points)) = (i64::from(one.supply), one.points());
            for (at, (drug, units)) in one.drugs.iter().enumerate() {
                self.block.note(self.source, "act", bill.person.number, |row| {
                    row.day("service_date", one.day).text("kind", "drug").text("code", drug.code);
                    if let Some(yj) = codes::yj(drug.code) {
                        row.text("yj", yj);
                    }
                    row.int("quantity", units * supply).text("receipt", names.receipt.as_str());
                    row.int("points", if at + 1 == one.drugs.len() { i64::from(points) } else { 0 });
                    if one.oral {
                        row.int("supply_days", supply);
                    }
                });
            }
        }
    }
}
