//! What a person's doctors and pharmacies bill: chronic care by condition, acute illness, stays in hospital, prescriptions.
//! Says nothing about files: `claims` writes these receipts down.

use super::calendar::{age_exact, civil, first_day, length, month_of, weekday};
use super::codes::{self, Act, CONDITIONS, Clinic, Condition, Drug, disease};
use super::dice::{Dice, Purpose, along, mix};
use super::people::{Period, Person};
use super::receipt::{Dispensed, Receipt, Sort, prescribe};
use super::traits::Traits;

mod illness;
mod teeth;

use illness::{ACUTE, STAYS, Stay};

pub(crate) struct Care<'a> {
    person: &'a Person,
    traits: &'a Traits,
    dice: Dice,
    /// Of its own, so that teeth do not move the rest of a life.
    mouth: Dice,
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
    let mut receipts = care.receipts;
    // Hospitals bill stays for these diseases by DPC.
    for receipt in receipts.iter_mut().filter(|receipt| receipt.admitted.is_some()) {
        let main = receipt.diagnoses.first().map_or("", |diagnosis| diagnosis.code);
        if !codes::group(main).code.is_empty() {
            receipt.sort = Sort::Dpc;
        }
    }
    receipts
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
            mouth: Dice::new(seed, Purpose::Teeth, u64::from(person.number)),
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

    fn facility(&self, clinic: Clinic) -> u32 {
        let key = mix(&[u64::from(self.person.number), clinic as u64, 17]);
        (key % u64::from(self.facilities.max(1))) as u32
    }

    fn receipt(&mut self, day: i32, facility: u32, admitted: Option<i32>) -> Option<&mut Receipt> {
        self.receipt_of(day, facility, admitted, Sort::Medical)
    }

    fn receipt_of(&mut self, day: i32, facility: u32, admitted: Option<i32>, sort: Sort) -> Option<&mut Receipt> {
        let spell = self.person.spells.iter().position(|spell| spell.covers(day))?;
        if !self.person.alive_on(day) {
            return None;
        }
        let month = month_of(day);
        let known = self.receipts.iter().rposition(|receipt| {
            receipt.month == month
                && receipt.sort == sort
                && receipt.spell == spell
                && receipt.facility == facility
                && receipt.admitted == admitted
        });
        let index = known.unwrap_or_else(|| {
            self.receipts.push(Receipt {
                sort,
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
        self.teeth(month, age);
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
        let in_house = mix(&[u64::from(facility), 5]).is_multiple_of(5);
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
            taken.push(if choice.is_multiple_of(2) { (&codes::ATORVASTATIN, 1) } else { (&codes::ROSUVASTATIN, 1) });
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
            receipt.dispensed.push(Dispensed {
                day,
                supply: every,
                oral: false,
                drugs: vec![(&codes::SEMAGLUTIDE, 4)],
            });
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
}
