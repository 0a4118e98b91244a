//! Laboratory values of people with diabetes, from the clinics that treat them: HbA1c month by month, now and then glucose and kidney.

use super::super::calendar::first_day;
use super::super::codes::disease;
use super::super::dice::mix_unit;
use super::super::people::Person;
use super::super::receipt::Receipt;
use super::super::traits::Traits;

/// A result; `value` in units of 10^-digits.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Result {
    pub(super) on: i32,
    pub(super) code: &'static str,
    pub(super) value: i64,
    pub(super) digits: u32,
    pub(super) unit: &'static str,
}

const HBA1C: (&str, u32, &str) = ("3D046000001906202", 1, "%");
const GLUCOSE: (&str, u32, &str) = ("3D010000001926101", 0, "mg/dL");
const CREATININE: (&str, u32, &str) = ("3C015000002327101", 2, "mg/dL");
const EGFR: (&str, u32, &str) = ("8A065000002391901", 1, "mL/min/1.73m2");

/// The values behind one receipt; none unless diabetes is on it, as more than a suspicion.
pub(super) fn of(seed: u64, person: &Person, traits: &Traits, receipt: &Receipt) -> Vec<Result> {
    let diabetes = [disease::DIABETES, disease::DIABETES_UNSPECIFIED, disease::NEPHROPATHY];
    if !receipt.diagnoses.iter().any(|one| !one.suspected && diabetes.contains(&one.code)) || receipt.days == 0 {
        return Vec::new();
    }
    // The first day of the month on which the patient was there: bit d is day d.
    let on = first_day(receipt.month) + receipt.days.trailing_zeros() as i32 - 1;
    let draw = |salt: u64| mix_unit(&[seed, u64::from(person.number), on as u64, 4200 + salt]);
    let body = traits.body(person, on);
    let mut results = Vec::new();
    let mut add = |(code, digits, unit): (&'static str, u32, &'static str), value: f64| {
        let value = (value * 10f64.powi(digits as i32)).round() as i64;
        results.push(Result { on, code, value, digits, unit });
    };
    // The body varies little from month to month; the season does the rest.
    let season = 0.12 * f64::from((receipt.month.rem_euclid(12) - 6).abs() - 3) / 3.0;
    add(HBA1C, (body.hba1c + season).clamp(4.0, 15.0));
    if draw(1) < 0.5 {
        add(GLUCOSE, body.fpg);
    }
    if draw(2) < 0.3 {
        add(CREATININE, body.creatinine);
        add(EGFR, body.egfr);
    }
    results
}
