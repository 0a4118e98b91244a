//! One person's constitution, and what a body built on it shows on a given day: activity → BMI → glucose, pressure, lipids → treatment.
//! Means and shares aim at the published figures of the National Health and Nutrition Survey 2023 and of 健保 checkups.

use super::calendar::{age_exact, day};
use super::dice::{Dice, Purpose, along, mix_unit, probit};
use super::people::Person;

/// What does not change: standard normal scores unless said otherwise.
pub(crate) struct Traits {
    pub(crate) activity: f64,
    pub(crate) build: f64,
    pub(crate) glucose: f64,
    pub(crate) pressure: f64,
    pub(crate) lipid: f64,
    pub(crate) uric: f64,
    /// cm as an adult.
    height: f64,
    pub(crate) smoker: bool,
    /// Answer to the question how often one drinks (第4期: 1 every day … 8 never).
    pub(crate) alcohol: u8,
    /// How readily one is treated, comes to appointments and to checkups; uniform.
    pub(crate) diligence: f64,
    /// Factor on acute illness.
    pub(crate) frailty: f64,
    treated: [f64; 3],
    /// Minutes of sleep in the mean.
    pub(crate) sleep: f64,
    seed: u64,
}

/// A body on a day. Units as in the checkup formats (cm, kg, mmHg, mg/dL, NGSP %).
#[derive(Clone, Copy)]
pub(crate) struct Body {
    pub(crate) age: f64,
    pub(crate) height: f64,
    pub(crate) weight: f64,
    pub(crate) bmi: f64,
    pub(crate) waist: f64,
    pub(crate) sbp: f64,
    pub(crate) dbp: f64,
    pub(crate) tg: f64,
    pub(crate) hdl: f64,
    pub(crate) ldl: f64,
    pub(crate) hba1c: f64,
    pub(crate) fpg: f64,
    pub(crate) uric: f64,
    pub(crate) creatinine: f64,
    pub(crate) egfr: f64,
    pub(crate) ast: f64,
    pub(crate) alt: f64,
    pub(crate) ggt: f64,
    pub(crate) hb: f64,
    /// Treated with drugs for pressure, glucose, lipids.
    pub(crate) drugs: [bool; 3],
}

// NHNS 2023: HbA1c >= 6.5 or treated, men 16.8 %, women 8.9 %, rising with age.
const DIABETES: [[(f64, f64); 6]; 2] = [
    [(20.0, 0.004), (35.0, 0.025), (45.0, 0.06), (55.0, 0.125), (65.0, 0.19), (75.0, 0.235)],
    [(20.0, 0.003), (35.0, 0.01), (45.0, 0.025), (55.0, 0.06), (65.0, 0.10), (75.0, 0.15)],
];
/// Systolic pressure without drugs.
const PRESSURE: [[(f64, f64); 6]; 2] = [
    [(20.0, 117.0), (35.0, 121.0), (45.0, 127.5), (55.0, 134.5), (65.0, 140.5), (75.0, 144.5)],
    [(20.0, 107.0), (35.0, 110.5), (45.0, 117.5), (55.0, 126.5), (65.0, 134.5), (75.0, 140.0)],
];
const LDL: [[(f64, f64); 4]; 2] = [
    [(20.0, 103.0), (35.0, 121.0), (50.0, 129.0), (70.0, 124.0)],
    [(20.0, 98.0), (40.0, 110.0), (55.0, 136.0), (70.0, 132.0)],
];
/// Daily steps in the mean (NHNS 2023: 20-64 years 7,506 and 6,494; 65 and more 5,329 and 4,419).
const STEPS: [[(f64, f64); 4]; 2] = [
    [(20.0, 7850.0), (60.0, 7550.0), (68.0, 6300.0), (80.0, 4700.0)],
    [(20.0, 6650.0), (60.0, 6400.0), (68.0, 5300.0), (80.0, 3700.0)],
];
/// Share of smokers in 2024. JMDC-SHC: 41.0 and 10.2 % in their 40s; fewer among the old and the young.
const SMOKING: [[(f64, f64); 4]; 2] = [
    [(20.0, 0.24), (40.0, 0.38), (50.0, 0.38), (75.0, 0.15)],
    [(20.0, 0.05), (40.0, 0.10), (50.0, 0.10), (75.0, 0.03)],
];
/// Spread of mean daily steps between people, as the standard deviation of the logarithm.
const STEPS_SPREAD: f64 = 0.42;

fn by_sex<const N: usize>(pair: &[[(f64, f64); N]; 2], sex: u8) -> &[(f64, f64)] {
    let [male, female] = pair;
    if sex == 1 { male } else { female }
}

impl Body {
    /// Weighs less, with what goes with it: roughly 1 cm of waist, 1 mmHg, 1 % of triglycerides and 0.01 points of HbA1c a kilogram.
    pub(crate) fn lose(&mut self, kilograms: f64) {
        let share = 1.0 - kilograms / self.weight.max(1.0);
        self.weight *= share;
        self.bmi *= share;
        self.waist -= kilograms;
        self.sbp -= kilograms;
        self.dbp -= 0.6 * kilograms;
        self.tg *= 1.0 - 0.01 * kilograms;
        self.hba1c -= 0.01 * kilograms;
    }
}

impl Traits {
    pub(crate) fn new(seed: u64, person: &Person) -> Self {
        let mut dice = Dice::new(seed, Purpose::Traits, u64::from(person.number));
        let male = person.sex == 1;
        let activity = dice.normal();
        let build = -0.30 * activity + 0.954 * dice.normal();
        let glucose = 0.38 * build - 0.15 * activity + 0.89 * dice.normal();
        let pressure = 0.32 * build - 0.06 * activity + 0.94 * dice.normal();
        let lipid = 0.2 * build + 0.98 * dice.normal();
        let uric = 0.3 * build + 0.954 * dice.normal();
        // Women's and elder people's height: secular growth of about 1 cm per decade of birth until 1980.
        let decade = (f64::from(person.birth) / 3652.0).clamp(-3.0, 1.0);
        let height =
            if male { 170.3 + 1.3 * decade + 5.7 * dice.normal() } else { 157.2 + 1.2 * decade + 5.3 * dice.normal() };
        let smoker = dice.chance(along(by_sex(&SMOKING, person.sex), age_exact(person.birth, day(2024, 4, 1))));
        let heavy = dice.unit() * if male { 1.0 } else { 1.7 };
        let alcohol = match heavy {
            x if x < 0.22 => 1,
            x if x < 0.30 => 2,
            x if x < 0.38 => 3,
            x if x < 0.50 => 4,
            x if x < 0.62 => 5,
            x if x < 0.75 => 6,
            x if x < 0.85 => 7,
            _ => 8,
        };
        Traits {
            activity,
            build,
            glucose,
            pressure,
            lipid,
            uric,
            height,
            smoker,
            alcohol,
            diligence: dice.unit(),
            frailty: (0.95 * dice.normal() - 0.45).exp(),
            treated: [dice.unit(), dice.unit(), dice.unit()],
            sleep: (if male { 379.0 } else { 370.0 }) + 40.0 * dice.normal(),
            seed,
        }
    }

    /// Expected steps a day at an age.
    pub(crate) fn steps(&self, sex: u8, age: f64) -> f64 {
        let spread = STEPS_SPREAD * self.activity - STEPS_SPREAD * STEPS_SPREAD / 2.0;
        along(by_sex(&STEPS, sex), age) * spread.exp()
    }

    /// Systolic pressure before any drug.
    fn pressure_untreated(&self, sex: u8, age: f64) -> f64 {
        along(by_sex(&PRESSURE, sex), age) + 13.5 * self.pressure
    }

    /// Distance above the threshold of diabetes, in standard deviations of the liability.
    fn glycaemia(&self, sex: u8, age: f64) -> f64 {
        self.glucose - probit(1.0 - along(by_sex(&DIABETES, sex), age))
    }

    fn ldl_untreated(&self, sex: u8, age: f64) -> f64 {
        along(by_sex(&LDL, sex), age) + 29.0 * self.lipid
    }

    /// Who takes drugs against pressure, glucose, lipids. More care is sought with age and by the diligent.
    pub(crate) fn drugs(&self, sex: u8, age: f64) -> [bool; 3] {
        if age < 25.0 {
            return [false; 3];
        }
        let readiness = along(&[(30.0, 0.25), (50.0, 0.5), (70.0, 0.82)], age) + 0.25 * (self.diligence - 0.5);
        let [pressure, glucose, lipid] = self.treated;
        [
            self.pressure_untreated(sex, age) > 141.0 && pressure < readiness,
            self.glycaemia(sex, age) > 0.12 && glucose < readiness + 0.12,
            self.ldl_untreated(sex, age) > 147.0 && lipid < readiness - 0.08,
        ]
    }

    /// The body on a day; `visit` varies what varies from one measurement to the next.
    pub(crate) fn body(&self, person: &Person, on: i32) -> Body {
        let age = age_exact(person.birth, on);
        let sex = person.sex;
        let male = sex == 1;
        // Twelve uniforms per use would be dear here; each value has a small noise of its own instead.
        let noise = |index: u64| {
            let u = |k| mix_unit(&[self.seed, u64::from(person.number), on as u64, index * 4 + k]);
            (u(0) + u(1) + u(2) - 1.5) * 2.0
        };
        // BMI: log-normal, fitted to NHNS 2023 (>= 25: 31.5 and 21.1 %; < 18.5: 4.4 and 12.0 %).
        let (mu, sigma, drift) = if male {
            (3.1526, 0.1376, along(&[(20.0, -0.06), (40.0, 0.015), (60.0, 0.01), (75.0, -0.02)], age))
        } else {
            (3.0967, 0.1522, along(&[(20.0, -0.06), (45.0, -0.01), (65.0, 0.025), (75.0, 0.025)], age))
        };
        let bmi = (mu + drift + sigma * self.build + 0.008 * noise(1)).exp();
        let height = (self.height - ((age - 50.0).max(0.0) * 0.06)).max(120.0);
        let weight = bmi * height * height / 10_000.0;
        let waist = if male { 27.0 + 2.45 * bmi } else { 31.0 + 2.25 * bmi } + 3.2 * noise(2);
        let drugs = self.drugs(sex, age);
        let [drug_pressure, drug_glucose, drug_lipid] = drugs;
        // Effect of drugs: −13.4/−7.8 mmHg (Nawata, JMDC 2005-2019).
        let base = self.pressure_untreated(sex, age) - if drug_pressure { 13.4 } else { 0.0 };
        let sbp = (base + 7.0 * noise(3)).clamp(78.0, 230.0);
        let dbp_age = along(&[(20.0, -6.0), (50.0, 2.0), (75.0, -6.0)], age);
        let dbp = (0.47 * (base - 122.0) + 75.0 + dbp_age + 5.5 * noise(4)).clamp(40.0, 140.0);
        let excess = self.glycaemia(sex, age);
        let diabetic = excess > 0.0;
        let hba1c = if diabetic {
            let severity = 6.55 + 1.25 * excess.min(2.2);
            if drug_glucose {
                6.3 + 0.62 * (severity - 6.0) + 0.25 * noise(5)
            } else {
                severity.max(6.5) + 0.2 * noise(5).abs()
            }
        } else {
            (5.42 + 0.008 * (age - 40.0) + 0.20 * self.glucose + 0.12 * noise(5)).clamp(4.3, 6.4)
        };
        let fpg = (93.0 + 24.0 * (hba1c - 5.5) + 6.5 * noise(6)).max(60.0);
        let tg = ((if male { 4.66 } else { 4.34 })
            + 0.24 * self.build
            + 0.18 * self.lipid
            + 0.004 * (age - 45.0)
            + 0.38 * noise(7))
        .exp();
        let hdl = (if male { 57.0 } else { 69.0 }) - 5.5 * self.build + 1.5 * self.activity + 11.0 * noise(8);
        let ldl = self.ldl_untreated(sex, age) * if drug_lipid { 0.68 } else { 1.0 } + 8.0 * noise(9);
        let kidney =
            98.0 - 0.72 * (age - 30.0) - 3.0 * self.pressure.max(0.0) + 9.0 * self.uric.min(0.0) + 6.0 * noise(10);
        let egfr_target = kidney.clamp(12.0, 140.0);
        // Inverse of the Japanese eGFR equation (Matsuo 2009), so that both numbers agree in the file.
        let factor = 194.0 * age.max(18.0).powf(-0.287) * if male { 1.0 } else { 0.739 };
        let creatinine = ((factor / egfr_target).powf(1.0 / 1.094) * 100.0).round() / 100.0;
        let egfr = factor * creatinine.powf(-1.094);
        let drink = f64::from(8 - self.alcohol) / 7.0;
        let alt = (2.95 + if male { 0.18 } else { -0.1 } + 0.24 * self.build + 0.28 * noise(11)).exp();
        Body {
            age,
            height,
            weight,
            bmi,
            waist,
            sbp,
            dbp,
            tg: tg.clamp(20.0, 1500.0),
            hdl: hdl.clamp(20.0, 140.0),
            ldl: ldl.clamp(30.0, 330.0),
            hba1c: hba1c.clamp(4.0, 15.0),
            fpg: fpg.min(450.0),
            uric: ((if male { 5.9 } else { 4.5 }) + 1.1 * self.uric + 0.3 * noise(12)).clamp(1.5, 13.0),
            creatinine,
            egfr,
            ast: (3.02 + 0.5 * (alt.ln() - 3.0) + 0.15 * drink + 0.15 * noise(13)).exp(),
            alt,
            ggt: (2.9 + if male { 0.35 } else { -0.05 } + 0.7 * drink + 0.2 * self.build + 0.4 * noise(14)).exp(),
            hb: (if male { 15.1 } else { 13.1 }) + 0.9 * noise(15),
            drugs,
        }
    }
}
