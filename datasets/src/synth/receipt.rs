//! What a receipt holds: diagnoses, 算定単位 with their days, and what a pharmacy made of the prescriptions. No file format.

use super::calendar::civil;
use super::codes::{self, Act, Drug, drug_points};

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Act,
    Drug,
    Material,
}

/// Kind of a receipt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sort {
    Medical,
    Dpc,
    Dental,
    Pharmacy,
}

pub(crate) struct Line {
    pub(crate) kind: Kind,
    pub(crate) code: &'static str,
    /// Quantity × 1000; 0 = not written.
    pub(crate) milli: i64,
    /// 加算 of dental acts: code and quantity, 0 = not written.
    pub(crate) additions: &'static [(&'static str, i64)],
}

/// 算定単位: its points stand on its last line, once per day of `days`.
pub(crate) struct Unit {
    pub(crate) class: u8,
    pub(crate) lines: Vec<Line>,
    pub(crate) points: i32,
    /// Bit d = day d of the month.
    pub(crate) days: u32,
    /// How often on each of these days; 内服: the days of the supply.
    pub(crate) times: i32,
}

impl Unit {
    /// 回数.
    pub(crate) fn count(&self) -> i64 {
        i64::from(self.times) * i64::from(self.days.count_ones())
    }

    /// What a reviewer takes away from each time.
    pub(crate) fn less(&self) -> i32 {
        self.points / 3
    }
}

impl Kind {
    /// Code of `act.kind`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Kind::Act => "procedure",
            Kind::Drug => "drug",
            Kind::Material => "material",
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Diagnosis {
    pub(crate) code: &'static str,
    pub(crate) suspected: bool,
    pub(crate) start: i32,
    /// 転帰: 1 continued, 2 cured, 3 died, 4 stopped.
    pub(crate) outcome: u8,
    /// Tooth by quadrant and place; 0 = none.
    pub(crate) tooth: u8,
}

/// One 単位 of drugs that a pharmacy dispenses.
pub(crate) struct Dispensed {
    pub(crate) day: i32,
    /// Days of supply, or units if it is not oral.
    pub(crate) supply: i32,
    pub(crate) oral: bool,
    /// Drug and units a day.
    pub(crate) drugs: Vec<(&'static Drug, i64)>,
}

impl Dispensed {
    /// Points of the drugs of one day, and of the whole supply.
    pub(crate) fn points(&self) -> (i32, i32) {
        let sen = self.drugs.iter().map(|(drug, daily)| drug.sen * daily).sum();
        let daily = drug_points(sen);
        (daily, daily * self.supply)
    }
}

/// One receipt of a clinic: a person, a facility, a month, in or out; with what a pharmacy made of its prescriptions.
pub(crate) struct Receipt {
    /// Medical, DPC or dental; a pharmacy's is made from `dispensed`.
    pub(crate) sort: Sort,
    /// Index into the person's spells.
    pub(crate) spell: usize,
    pub(crate) month: i32,
    pub(crate) facility: u32,
    /// Day of admission if it is an inpatient receipt.
    pub(crate) admitted: Option<i32>,
    pub(crate) diagnoses: Vec<Diagnosis>,
    pub(crate) units: Vec<Unit>,
    /// Bit d = day d of the month counts (実日数).
    pub(crate) days: u32,
    pub(crate) dispensed: Vec<Dispensed>,
    pub(crate) pharmacy: u32,
}

impl Receipt {
    /// Total points of the medical part.
    pub(crate) fn points(&self) -> i32 {
        self.units.iter().map(|unit| unit.points * unit.count() as i32).sum()
    }

    /// Total points of the pharmacy part.
    pub(crate) fn pharmacy_points(&self) -> i32 {
        self.dispensed.iter().map(|one| one.points().1 + codes::DISPENSING.1).sum()
    }

    /// Prescriptions taken in (処方箋受付回数).
    pub(crate) fn prescriptions(&self) -> i64 {
        let mut days: Vec<i32> = self.dispensed.iter().map(|one| one.day).collect();
        days.sort_unstable();
        days.dedup();
        days.len() as i64
    }

    /// Index of the main disease: the first that is more than suspected.
    pub(crate) fn main(&self) -> Option<usize> {
        self.diagnoses.iter().position(|diagnosis| !diagnosis.suspected)
    }

    pub(crate) fn act(&mut self, act: Act, day: i32) {
        let bit = 1u32 << day;
        let same = |unit: &&mut Unit| {
            unit.points == act.points && unit.lines.first().is_some_and(|line| line.code == act.code)
        };
        if let Some(unit) = self.units.iter_mut().find(same) {
            unit.days |= bit;
        } else {
            self.units.push(Unit {
                class: act.class,
                lines: vec![Line { kind: Kind::Act, code: act.code, milli: 0, additions: &[] }],
                points: act.points,
                days: bit,
                times: 1,
            });
        }
    }

    /// A material without a code of its own, once on a day.
    pub(crate) fn material(&mut self, points: i32, class: u8, day: i32) {
        self.units.push(Unit {
            class,
            lines: vec![Line { kind: Kind::Material, code: codes::MATERIAL, milli: 1000, additions: &[] }],
            points,
            days: 1 << day,
            times: 1,
        });
    }

    pub(crate) fn diagnose(&mut self, code: &'static str, suspected: bool, start: i32, outcome: u8) {
        self.diagnose_tooth(code, suspected, start, outcome, 0);
    }

    pub(crate) fn diagnose_tooth(&mut self, code: &'static str, suspected: bool, start: i32, outcome: u8, tooth: u8) {
        if !self.diagnoses.iter().any(|known| known.code == code && known.suspected == suspected) {
            self.diagnoses.push(Diagnosis { code, suspected, start, outcome, tooth });
        }
    }
}

/// Drugs go to a pharmacy, or over the clinic's own counter as one unit of several lines.
pub(crate) fn prescribe(
    receipt: &mut Receipt,
    day: i32,
    supply: i32,
    drugs: Vec<(&'static Drug, i64)>,
    in_house: bool,
) {
    if !in_house {
        receipt.act(codes::PRESCRIPTION, civil(day).2);
        receipt.dispensed.push(Dispensed { day, supply, oral: true, drugs });
        return;
    }
    // 内服: a unit is a day's dose, and 回数 on the day of prescription are the days of the supply.
    let dispensed = Dispensed { day, supply, oral: true, drugs };
    let points = dispensed.points().0;
    receipt.units.push(Unit {
        class: 21,
        lines: dispensed
            .drugs
            .iter()
            .map(|(drug, daily)| Line { kind: Kind::Drug, code: drug.code, milli: daily * 1000, additions: &[] })
            .collect(),
        points,
        days: 1 << civil(day).2,
        times: supply,
    });
}
