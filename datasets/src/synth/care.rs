//! What a person's doctors and pharmacies bill: chronic care by condition, acute illness, stays in hospital, prescriptions.
//! Says nothing about files: `claims` writes these receipts down.

use super::calendar::{age_exact, civil, first_day, length, month_of, weekday};
use super::codes::{self, Act, CONDITIONS, Clinic, Condition, Drug, disease, drug_points};
use super::dice::{Dice, Purpose, along, mix};
use super::people::{Period, Person};
use super::traits::Traits;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Act,
    Drug,
    Material,
}

pub(crate) struct Line {
    pub(crate) kind: Kind,
    pub(crate) code: &'static str,
    /// Quantity × 1000; 0 = not written.
    pub(crate) milli: i64,
}

/// 算定単位: its points stand on its last line, once per day of `days`.
pub(crate) struct Unit {
    pub(crate) class: u8,
    pub(crate) lines: Vec<Line>,
    pub(crate) points: i32,
    /// Bit d = day d of the month.
    pub(crate) days: u32,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Diagnosis {
    pub(crate) code: &'static str,
    pub(crate) suspected: bool,
    pub(crate) start: i32,
    /// 転帰: 1 continued, 2 cured, 3 died, 4 stopped.
    pub(crate) outcome: u8,
}

/// One 単位 of drugs that a pharmacy dispenses.
pub(crate) struct Dispensed {
    pub(crate) day: i32,
    /// Supply days.
    pub(crate) supply: i32,
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

/// One medical receipt: a person, a facility, a month, in or out; with what a pharmacy made of its prescriptions.
pub(crate) struct Receipt {
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
        self.units.iter().map(|unit| unit.points * unit.days.count_ones() as i32).sum()
    }

    /// Total points of the pharmacy part.
    pub(crate) fn pharmacy_points(&self) -> i32 {
        self.dispensed.iter().map(|one| one.points().1 + codes::DISPENSING.1).sum()
    }

    fn act(&mut self, act: Act, day: i32) {
        let bit = 1u32 << day;
        let same = |unit: &&mut Unit| {
            unit.points == act.points && unit.lines.first().is_some_and(|line| line.code == act.code)
        };
        if let Some(unit) = self.units.iter_mut().find(same) {
            unit.days |= bit;
        } else {
            self.units.push(Unit {
                class: act.class,
                lines: vec![Line { kind: Kind::Act, code: act.code, milli: 0 }],
                points: act.points,
                days: bit,
            });
        }
    }

    /// A material without a code of its own, once on a day.
    fn material(&mut self, points: i32, class: u8, day: i32) {
        self.units.push(Unit {
            class,
            lines: vec![Line { kind: Kind::Material, code: codes::MATERIAL, milli: 1000 }],
            points,
            days: 1 << day,
        });
    }

    fn diagnose(&mut self, code: &'static str, suspected: bool, start: i32, outcome: u8) {
        if !self.diagnoses.iter().any(|known| known.code == code && known.suspected == suspected) {
            self.diagnoses.push(Diagnosis { code, suspected, start, outcome });
        }
    }
}

struct Stay {
    from: i32,
    /// Day of discharge or death.
    to: i32,
    code: &'static str,
    died: bool,
    /// Points of material on the first day (implants and the like), 0 = none.
    material: i32,
    surgery: bool,
}

pub(crate) struct Care<'a> {
    person: &'a Person,
    traits: &'a Traits,
    dice: Dice,
    /// Conditions under treatment with the first day.
    chronic: Vec<(&'static Condition, i32)>,
    on_dialysis: Option<i32>,
    /// A costly therapy: first day, monthly points, disease.
    costly: Option<(i32, i32, &'static str)>,
    stays: Vec<Stay>,
    facilities: u32,
    /// Months between visits and phase, by clinic.
    rhythm: [(i32, i32); 3],
    receipts: Vec<Receipt>,
}

/// Acute illness episodes a year by age.
const ACUTE: [(f64, f64); 8] =
    [(0.0, 11.0), (4.0, 9.5), (9.0, 6.5), (15.0, 3.4), (22.0, 2.5), (40.0, 2.9), (60.0, 3.8), (75.0, 4.6)];
/// Stays in hospital a year by age.
const STAYS: [(f64, f64); 9] = [
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
/// Share with a costly therapy every month (biologicals, devices at home, chemotherapy), by age.
const COSTLY: [(f64, f64); 6] =
    [(0.0, 0.014), (10.0, 0.0085), (30.0, 0.0085), (45.0, 0.0060), (60.0, 0.020), (75.0, 0.038)];
/// Imaging and endoscopy with an outpatient visit: probability at 10, 40 and 70 years.
const STUDIES: [(Act, [f64; 3]); 6] = [
    (codes::XRAY, [0.16, 0.25, 0.32]),
    (codes::CT, [0.035, 0.11, 0.20]),
    (codes::MRI, [0.03, 0.09, 0.14]),
    (codes::ABDOMINAL_ECHO, [0.06, 0.14, 0.20]),
    (codes::HEART_ECHO, [0.02, 0.04, 0.13]),
    (codes::GASTROSCOPY, [0.0, 0.10, 0.14]),
];

pub(crate) fn receipts(seed: u64, person: &Person, traits: &Traits, period: Period, facilities: u32) -> Vec<Receipt> {
    let mut care = Care::new(seed, person, traits, period, facilities);
    for month in period.first..=period.last {
        care.month(month);
    }
    care.receipts
}

impl<'a> Care<'a> {
    fn new(seed: u64, person: &'a Person, traits: &'a Traits, period: Period, facilities: u32) -> Self {
        let mut dice = Dice::new(seed, Purpose::Care, u64::from(person.number));
        let middle = (period.start() + period.end()) / 2;
        let age = age_exact(person.birth, middle);
        let side = usize::from(person.sex == 2);
        let mut chronic = Vec::new();
        for condition in &CONDITIONS {
            let shares = condition.share.get(side).copied().unwrap_or_default();
            let [a, b, c, d] = shares;
            let share = along(&[(10.0, a), (40.0, b), (60.0, c), (75.0, d)], age);
            if dice.chance(share * (0.75 + 0.5 * traits.diligence)) {
                // Some begin within the period; the others are older.
                let since = period.end() - dice.between(0, 2600);
                chronic.push((condition, since.max(person.birth + 200)));
            }
        }
        let kidney = along(&[(30.0, 0.0002), (50.0, 0.0016), (75.0, 0.005)], age);
        let on_dialysis = dice.chance(kidney).then(|| period.end() - dice.between(0, 4000));
        let mut care = Care {
            person,
            traits,
            dice,
            chronic,
            on_dialysis,
            costly: None,
            stays: Vec::new(),
            facilities,
            rhythm: [(1, 0); 3],
            receipts: Vec::new(),
        };
        for index in 0..3 {
            let every = 1 + care.dice.weighted(&[0.6, 0.26, 0.14]) as i32;
            let phase = care.dice.between(0, 2);
            if let Some(slot) = care.rhythm.get_mut(index) {
                *slot = (every, phase);
            }
        }
        if care.dice.chance(along(&COSTLY, age)) {
            let points = ((10.05 + 0.6 * care.dice.normal()).exp() as i32).clamp(5_000, 120_000);
            let since = period.end() - care.dice.between(0, 1500);
            let code = care.reason_for_stay(age);
            care.costly = Some((since.max(person.birth + 30), points, code));
        }
        care.plan_last_stay();
        care
    }

    /// Three in four of those who die do so in hospital.
    fn plan_last_stay(&mut self) {
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

    fn facility(&self, clinic: Clinic) -> u32 {
        let key = mix(&[u64::from(self.person.number), clinic as u64, 17]);
        (key % u64::from(self.facilities.max(1))) as u32
    }

    fn receipt(&mut self, day: i32, facility: u32, admitted: Option<i32>) -> Option<&mut Receipt> {
        let spell = self.person.spells.iter().position(|spell| spell.covers(day))?;
        if !self.person.alive_on(day) {
            return None;
        }
        let month = month_of(day);
        let known = self.receipts.iter().rposition(|receipt| {
            receipt.month == month
                && receipt.spell == spell
                && receipt.facility == facility
                && receipt.admitted == admitted
        });
        let index = known.unwrap_or_else(|| {
            self.receipts.push(Receipt {
                spell,
                month,
                facility,
                admitted,
                diagnoses: Vec::new(),
                units: Vec::new(),
                days: 0,
                dispensed: Vec::new(),
                pharmacy: facility % (self.facilities * 2 / 3 + 1),
            });
            self.receipts.len() - 1
        });
        let receipt = self.receipts.get_mut(index)?;
        receipt.days |= 1 << civil(day).2;
        Some(receipt)
    }

    fn open_day(&mut self, month: i32) -> i32 {
        let mut day = first_day(month) + self.dice.between(0, length(month) - 1);
        if weekday(day) == 0 {
            day += if day > first_day(month) { -1 } else { 1 };
        }
        day
    }

    fn month(&mut self, month: i32) {
        let age = age_exact(self.person.birth, first_day(month + 1));
        if age < 0.0 {
            return;
        }
        for clinic in [Clinic::Internal, Clinic::Other, Clinic::Mind] {
            self.chronic_visit(month, age, clinic);
        }
        self.dialysis(month);
        self.costly_therapy(month);
        let winter = matches!(month.rem_euclid(12), 0 | 1 | 2 | 10 | 11);
        let rate = along(&ACUTE, age) * self.traits.frailty * if winter { 1.25 } else { 0.82 };
        for _ in 0..self.dice.poisson(rate / 12.0).min(4) {
            self.acute(month, age, winter);
        }
        let rate = along(&STAYS, age) * self.traits.frailty;
        if self.dice.chance(rate / 12.0) {
            self.admit(month, age);
        }
        self.hospital_days(month);
    }

    /// Which studies a visit brings.
    fn studies(&mut self, age: f64) -> Vec<Act> {
        STUDIES
            .iter()
            .filter(|(_, [child, adult, old])| {
                let chance = along(&[(10.0, *child), (40.0, *adult), (70.0, *old)], age);
                self.dice.chance(chance)
            })
            .map(|(act, _)| *act)
            .collect()
    }

    fn chronic_visit(&mut self, month: i32, age: f64, clinic: Clinic) {
        let (every, phase) = self.rhythm.get(clinic as usize).copied().unwrap_or((1, 0));
        let bit = 1u16 << month.rem_euclid(12);
        let first = first_day(month);
        let drugs = if clinic == Clinic::Internal { self.traits.drugs(self.person.sex, age) } else { [false; 3] };
        let [pressure, glucose, lipid] = drugs;
        let metabolic = pressure || glucose || lipid;
        let has = |(condition, since): &(&'static Condition, i32)| {
            condition.clinic == clinic && *since <= first && condition.season & bit != 0
        };
        if !metabolic && !self.chronic.iter().any(has) {
            return;
        }
        if (month + phase).rem_euclid(every) != 0 {
            return;
        }
        // The less diligent miss appointments (statin users: three in five persist for a year).
        if self.dice.chance(0.22 * (1.0 - self.traits.diligence)) {
            return;
        }
        let day = self.open_day(month);
        let facility = self.facility(clinic);
        let dom = civil(day).2;
        let since = |salt: u64, person: &Person| {
            let back = (mix(&[u64::from(person.number), salt]) % 3000) as i32;
            (first_day(month_of(person.birth) + 25 * 12)).max(day - 400 - back)
        };
        let (tests, ecg) = (self.dice.chance(0.42), self.dice.chance(0.06));
        let in_house = mix(&[u64::from(facility), 5]) % 5 == 0;
        let studies = self.studies(age);
        let injects = self.traits.glucose > 1.9;
        let (person, chronic) = (self.person, self.chronic.clone());
        let (treated, candesartan) = (drugs, self.traits.pressure > 1.0);
        let choice = mix(&[u64::from(person.number), 9]) % 4;
        let Some(receipt) = self.receipt(day, facility, None) else {
            return;
        };
        receipt.act(codes::REVISIT, dom);
        receipt.act(codes::OUTPATIENT_ADDITION, dom);
        receipt.act(codes::STATEMENT, dom);
        let mut taken: Vec<(&'static Drug, i64)> = Vec::new();
        if metabolic {
            receipt.act(codes::DISEASE_MANAGEMENT, dom);
        }
        if pressure {
            receipt.diagnose(disease::HYPERTENSION, false, since(1, person), 1);
            taken.push((&codes::AMLODIPINE, 1));
            if candesartan {
                taken.push((&codes::CANDESARTAN, 1));
            }
        }
        if glucose {
            let code = if choice == 0 { disease::DIABETES_UNSPECIFIED } else { disease::DIABETES };
            receipt.diagnose(code, false, since(2, person), 1);
            receipt.act(codes::HBA1C, dom);
            receipt.act(codes::GLUCOSE, dom);
            match choice {
                0 => taken.push((&codes::METFORMIN, 3)),
                1 => taken.push((&codes::SITAGLIPTIN, 1)),
                2 => taken.extend([(&codes::METFORMIN, 2), (&codes::EMPAGLIFLOZIN, 1)]),
                _ => taken.extend([(&codes::SITAGLIPTIN, 1), (&codes::DAPAGLIFLOZIN, 1)]),
            }
            if injects {
                receipt.diagnose(disease::NEPHROPATHY, false, since(4, person), 1);
            }
        }
        if lipid {
            receipt.diagnose(disease::DYSLIPIDAEMIA, false, since(3, person), 1);
            taken.push(if choice % 2 == 0 { (&codes::ATORVASTATIN, 1) } else { (&codes::ROSUVASTATIN, 1) });
        }
        if metabolic && tests {
            receipt.act(codes::BLOOD_COUNT, dom);
            receipt.act(codes::TRIGLYCERIDE, dom);
            receipt.act(codes::HDL, dom);
            receipt.act(codes::LDL, dom);
            if !glucose {
                receipt.act(codes::HBA1C, dom);
                // Billing a test asks for a reason.
                receipt.diagnose(disease::DIABETES, true, day, 1);
            }
        }
        for study in studies {
            receipt.act(study, dom);
        }
        if treated.contains(&true) && ecg {
            receipt.act(codes::ECG, dom);
            receipt.diagnose(disease::ANGINA, true, day, 4);
        }
        for (condition, since) in chronic.iter().filter(|one| has(one)) {
            receipt.diagnose(condition.code, false, *since, 1);
            if let Some(drug) = condition.drug {
                taken.push((drug, condition.daily));
            }
        }
        if taken.is_empty() {
            return;
        }
        let supply = 28 * every + 2 * (every - 1);
        prescribe(receipt, day, supply, taken, in_house);
        if glucose && injects {
            // One pen for four weeks, injected weekly: billed by the pharmacy as four units over the supply.
            receipt.dispensed.push(Dispensed { day, supply: every, drugs: vec![(&codes::SEMAGLUTIDE, 4)] });
        }
    }

    fn costly_therapy(&mut self, month: i32) {
        let Some((since, points, code)) = self.costly else {
            return;
        };
        let day = self.open_day(month);
        let facility = self.home_hospital();
        if day < since {
            return;
        }
        let dom = civil(day).2;
        if let Some(receipt) = self.receipt(day, facility, None) {
            receipt.diagnose(code, false, since, 1);
            receipt.act(codes::REVISIT, dom);
            receipt.act(codes::BLOOD_COUNT, dom);
            receipt.material(points, 14, dom);
        }
    }

    /// The hospital that a person goes to month after month.
    fn home_hospital(&self) -> u32 {
        self.facilities + self.person.number % (self.facilities / 12 + 1)
    }

    fn dialysis(&mut self, month: i32) {
        let Some(since) = self.on_dialysis else {
            return;
        };
        let facility = self.home_hospital();
        for day in first_day(month)..first_day(month + 1) {
            if day < since || !matches!(weekday(day), 1 | 3 | 5) {
                continue;
            }
            if let Some(receipt) = self.receipt(day, facility, None) {
                receipt.diagnose(disease::DIALYSIS, false, since, 1);
                receipt.act(codes::DIALYSIS, civil(day).2);
                receipt.act(codes::REVISIT, civil(day).2);
            }
        }
    }

    fn acute(&mut self, month: i32, age: f64, winter: bool) {
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
        let in_house = mix(&[u64::from(facility), 5]) % 5 == 0;
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

    fn reason_for_stay(&mut self, age: f64) -> &'static str {
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

    fn admit(&mut self, month: i32, age: f64) {
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
    fn hospital_days(&mut self, month: i32) {
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

/// Drugs go to a pharmacy, or over the clinic's own counter as one unit of several lines.
fn prescribe(receipt: &mut Receipt, day: i32, supply: i32, drugs: Vec<(&'static Drug, i64)>, in_house: bool) {
    if !in_house {
        receipt.act(codes::PRESCRIPTION, civil(day).2);
        receipt.dispensed.push(Dispensed { day, supply, drugs });
        return;
    }
    // 内服: one unit is a day's dose, billed `supply` times on one day; written as points of the whole supply.
    let dispensed = Dispensed { day, supply, drugs };
    let points = dispensed.points().1;
    receipt.units.push(Unit {
        class: 21,
        lines: dispensed
            .drugs
            .iter()
            .map(|(drug, daily)| Line { kind: Kind::Drug, code: drug.code, milli: daily * 1000 * i64::from(supply) })
            .collect(),
        points,
        days: 1 << civil(day).2,
    });
}
