//! Acute illness and stays in hospital.

use super::super::calendar::{civil, first_day, month_of};
use super::super::codes::{self, Clinic, Drug, disease};
use super::super::dice::{along, mix};
use super::super::receipt::prescribe;
use super::Care;

pub(super) struct Stay {
    from: i32,
    /// Day of discharge or death.
    to: i32,
    code: &'static str,
    died: bool,
    /// Points of material on the first day (implants and the like), 0 = none.
    material: i32,
    surgery: bool,
}

/// Acute illness episodes a year by age.
pub(super) const ACUTE: [(f64, f64); 8] =
    [(0.0, 11.0), (4.0, 9.5), (9.0, 6.5), (15.0, 3.4), (22.0, 2.5), (40.0, 2.9), (60.0, 3.8), (75.0, 4.6)];
/// Stays in hospital a year by age.
pub(super) const STAYS: [(f64, f64); 9] = [
    (0.0, 1.3),
    (1.5, 0.34),
    (6.0, 0.11),
    (14.0, 0.065),
    (25.0, 0.075),
    (40.0, 0.085),
    (50.0, 0.125),
    (60.0, 0.205),
    (75.0, 0.375),
];

impl Care<'_> {
    /// Three in four of those who die do so in hospital.
    pub(super) fn plan_last_stay(&mut self) {
        if let Some(death) = self.person.death
            && self.dice.chance(0.75)
        {
            let days = (2.2 + 0.9 * self.dice.normal()).exp() as i32;
            let code = self.reason_for_stay(75.0);
            self.stays.push(Stay {
                from: death - days.min(120),
                to: death,
                code,
                died: true,
                material: 0,
                surgery: false,
            });
        }
    }

    pub(super) fn acute(&mut self, month: i32, age: f64, winter: bool) {
        let day = self.open_day(month);
        let (code, suspected) = match self.dice.weighted(&[
            0.42,
            0.14,
            if winter { 0.12 } else { 0.005 },
            0.06,
            if age > 15.0 { 0.10 } else { 0.03 },
            if age > 20.0 { 0.10 } else { 0.02 },
            0.06,
            0.04,
            if age > 30.0 { 0.04 } else { 0.0 },
        ]) {
            0 => (disease::COLD, None),
            1 => (disease::BRONCHITIS, None),
            2 => (disease::INFLUENZA, Some(disease::COVID)),
            3 => (disease::COVID, Some(disease::INFLUENZA)),
            4 => (disease::GASTRITIS, Some(disease::GASTRIC_CANCER)),
            5 => (disease::BACK_PAIN, None),
            6 => (disease::ATOPIC, None),
            7 => (disease::CONSTIPATION, Some(disease::COLON_CANCER)),
            _ => (disease::FATTY_LIVER, None),
        };
        let facility =
            if self.dice.chance(0.6) { self.facility(Clinic::Internal) } else { self.dice.below(self.facilities) };
        let again = self.dice.chance(0.35).then(|| day + self.dice.between(3, 12));
        let (test, suspect, rx) = (self.dice.chance(0.25), self.dice.chance(0.5), self.dice.chance(0.8));
        let supply = self.dice.between(3, 8);
        let in_house = mix(&[u64::from(facility), 5]).is_multiple_of(5);
        let outcome = if again.is_none() { 2 } else { 1 };
        let studies = self.studies(age);
        let Some(receipt) = self.receipt(day, facility, None) else {
            return;
        };
        let dom = civil(day).2;
        receipt.act(codes::FIRST_VISIT, dom);
        receipt.act(codes::STATEMENT, dom);
        receipt.diagnose(code, false, day, outcome);
        for study in studies {
            receipt.act(study, dom);
        }
        if test {
            receipt.act(codes::BLOOD_COUNT, dom);
            if let Some(suspected) = suspected.filter(|_| suspect) {
                receipt.diagnose(suspected, true, day, 4);
            }
        }
        if rx {
            let drug: (&'static Drug, i64) =
                if code == disease::GASTRITIS { (&codes::LANSOPRAZOLE, 1) } else { (&codes::LOXOPROFEN, 3) };
            prescribe(receipt, day, supply, vec![drug], in_house);
        }
        if let Some(again) = again.filter(|again| month_of(*again) == month)
            && let Some(receipt) = self.receipt(again, facility, None)
        {
            receipt.act(codes::REVISIT, civil(again).2);
            receipt.act(codes::OUTPATIENT_ADDITION, civil(again).2);
        }
    }

    pub(super) fn reason_for_stay(&mut self, age: f64) -> &'static str {
        let old = along(&[(30.0, 0.1), (75.0, 1.0)], age);
        let [_, glucose, _] = self.traits.drugs(self.person.sex, age);
        let female = f64::from(u8::from(self.person.sex == 2));
        match self.dice.weighted(&[
            0.9 * old,
            0.5 * old,
            0.5 * old,
            0.5 * old,
            0.7 * old,
            0.9 * old,
            0.7 * old,
            0.7 * old * female,
            if glucose { 0.8 } else { 0.0 },
            0.5,
            0.35 * (1.2 - old),
            0.25,
        ]) {
            0 => disease::STROKE,
            1 => disease::INFARCTION,
            2 => disease::ANGINA,
            3 => disease::HEART_FAILURE,
            4 => disease::GASTRIC_CANCER,
            5 => disease::COLON_CANCER,
            6 => disease::LUNG_CANCER,
            7 => disease::BREAST_CANCER,
            8 => disease::DIABETES,
            9 => disease::BACK_PAIN,
            10 => disease::ASTHMA,
            _ => disease::COVID,
        }
    }

    pub(super) fn admit(&mut self, month: i32, age: f64) {
        let from = self.open_day(month);
        let median = along(&[(0.0, 1.4), (20.0, 1.6), (45.0, 2.1), (75.0, 2.5)], age);
        let days = (median + 0.8 * self.dice.normal()).exp() as i32;
        let to = from + days.clamp(1, 150);
        if self.stays.iter().any(|stay| stay.from <= to && from <= stay.to)
            || self.person.death.is_some_and(|death| to >= death)
        {
            return;
        }
        let code = self.reason_for_stay(age);
        let operated = self.dice.chance(along(&[(5.0, 0.25), (40.0, 0.55), (75.0, 0.6)], age));
        let material = if operated { ((10.75 + 0.8 * self.dice.normal()).exp() as i32).clamp(800, 250_000) } else { 0 };
        let surgery = operated && age > 62.0 && self.dice.chance(0.2);
        self.stays.push(Stay { from, to, code, died: false, material: if surgery { 0 } else { material }, surgery });
    }

    /// The part of each stay that lies in this month.
    pub(super) fn hospital_days(&mut self, month: i32) {
        let (first, last) = (first_day(month), first_day(month + 1) - 1);
        let mut index = 0;
        while let Some(stay) = self.stays.get(index) {
            index += 1;
            if stay.to < first || stay.from > last {
                continue;
            }
            let Stay { from, to, code, died, material, surgery } = *stay;
            let facility = {
                // The same hospital for the whole stay, and without moving the dice.
                let hospitals = u64::from(self.facilities / 12 + 1);
                self.facilities + (mix(&[u64::from(self.person.number), from as u64]) % hospitals) as u32
            };
            for day in from.max(first)..=to.min(last) {
                let dom = civil(day).2;
                let Some(receipt) = self.receipt(day, facility, Some(from)) else {
                    continue;
                };
                receipt.act(codes::WARD_DAY, dom);
                let outcome = match (day == to, died) {
                    (true, true) => 3,
                    (true, false) => 4,
                    _ => 1,
                };
                receipt.diagnose(code, false, from, outcome);
                if let Some(main) = receipt.diagnoses.first_mut() {
                    main.outcome = outcome;
                }
                if (day - from) % 4 == 0 {
                    receipt.act(codes::BLOOD_COUNT, dom);
                }
                if day == from {
                    receipt.act(codes::ECG, dom);
                    if surgery {
                        receipt.act(codes::CATARACT, dom);
                    }
                    if material > 0 {
                        receipt.material(material, 50, dom);
                    }
                }
            }
        }
    }
}
