//! Things that happen outside claims: vaccination, allergy, 要介護認定, 休職, ストレスチェック. Rates are rough; what matters is that they
//! go with age, diligence and the illnesses that the receipts show.

use super::super::calendar::{age_exact, day, fiscal_year};
use super::super::codes::disease;
use super::super::dice::{Dice, Purpose, along};
use super::super::people::{Fund, Period, Person};
use super::super::receipt::Receipt;
use super::super::traits::Traits;

/// One event; words as catalogue codes.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Event {
    pub(super) kind: &'static str,
    pub(super) code: &'static str,
    pub(super) start: i32,
    pub(super) end: Option<i32>,
    pub(super) grade: &'static str,
}

/// 要介護認定 of those of 65-69, 70-74 and those under 65, who need one of sixteen diseases.
const CARE: [(f64, f64); 4] = [(40.0, 0.0), (62.0, 0.004), (67.0, 0.028), (72.0, 0.055)];
const GRADES: [(&str, f64); 7] = [
    ("support1", 0.16),
    ("support2", 0.15),
    ("care1", 0.21),
    ("care2", 0.17),
    ("care3", 0.12),
    ("care4", 0.11),
    ("care5", 0.08),
];
const ALLERGENS: [(&str, f64); 7] = [
    ("cedar-pollen", 0.5),
    ("penicillin", 0.12),
    ("egg", 0.1),
    ("shrimp", 0.1),
    ("buckwheat", 0.06),
    ("contrast-medium", 0.07),
    ("latex", 0.05),
];

fn one<T: Copy>(dice: &mut Dice, of: &[(T, f64)]) -> Option<T> {
    let weights: Vec<f64> = of.iter().map(|(_, weight)| *weight).collect();
    of.get(dice.weighted(&weights)).map(|(value, _)| *value)
}

/// First day on which the receipts show depression; suspicion does not count.
fn depressed(receipts: &[Receipt]) -> Option<i32> {
    let all = receipts.iter().flat_map(|receipt| &receipt.diagnoses);
    all.filter(|one| one.code == disease::DEPRESSION && !one.suspected).map(|one| one.start).min()
}

/// All events of the period that an insurer or an employer would know of.
pub(super) fn of(seed: u64, person: &Person, traits: &Traits, receipts: &[Receipt], period: Period) -> Vec<Event> {
    let mut dice = Dice::new(seed, Purpose::Events, u64::from(person.number));
    let mut events = Vec::new();
    let low = depressed(receipts);
    let (first, last) = (fiscal_year(period.first), fiscal_year(period.last));
    for year in first..=last {
        let [comes, autumn, second, shingles] = std::array::from_fn(|_| dice.unit());
        let on = day(year, 10, 15) + (autumn * 60.0) as i32;
        let age = age_exact(person.birth, on);
        let ready = 0.5 + traits.diligence;
        let mut vaccinated = |code, start| {
            events.push(Event { kind: "vaccination", code, start, end: None, grade: "" });
        };
        if age > 0.5 && comes < along(&[(12.0, 0.5), (20.0, 0.22), (60.0, 0.3), (66.0, 0.52)], age) * ready {
            vaccinated("influenza", on);
        }
        if age >= 65.0 && second < 0.25 * ready {
            vaccinated("covid19", on + 21);
        }
        if (50.0..75.0).contains(&age) && shingles < 0.015 * ready {
            vaccinated("zoster", on + 50);
        }
    }
    stress(&mut dice, person, low, (first, last), &mut events);
    leave(&mut dice, person, low, period, &mut events);
    if dice.chance(0.05) {
        let start = period.start() + (f64::from(period.end() - period.start()) * dice.unit()) as i32;
        let code = one(&mut dice, &ALLERGENS).unwrap_or_default();
        let grade = one(&mut dice, &[("mild", 0.6), ("moderate", 0.3), ("severe", 0.1)]).unwrap_or_default();
        events.push(Event { kind: "allergy", code, start, end: None, grade });
    }
    let on = period.start() + (f64::from(period.end() - period.start()) * dice.unit()) as i32;
    if dice.chance(along(&CARE, age_exact(person.birth, on)) * traits.frailty.clamp(0.3, 3.0)) {
        let grade = one(&mut dice, &GRADES).unwrap_or_default();
        // 認定有効期間: twelve months.
        events.push(Event { kind: "care", code: "", start: on, end: Some(on + 364), grade });
    }
    events.retain(|event| (period.start()..=period.end()).contains(&event.start) && person.alive_on(event.start));
    events
}

/// An employer's yearly check; four in five take part.
fn stress(dice: &mut Dice, person: &Person, low: Option<i32>, years: (i32, i32), events: &mut Vec<Event>) {
    for year in years.0..=years.1 {
        let [comes, score] = std::array::from_fn(|_| dice.unit());
        let on = day(year, 11, 1 + (person.number % 20) as i32);
        let employed = person.spell_on(on).is_some_and(|spell| spell.fund == Fund::Kenpo && !spell.dependant);
        if employed && comes < 0.8 {
            let high = score < if low.is_some_and(|since| since <= on + 90) { 0.45 } else { 0.095 };
            let grade = if high { "high_stress" } else { "not_high_stress" };
            events.push(Event { kind: "stress", code: "", start: on, end: None, grade });
        }
    }
}

/// 休職 of employees: mostly with depression.
fn leave(dice: &mut Dice, person: &Person, low: Option<i32>, period: Period, events: &mut Vec<Event>) {
    let [takes, when, length] = std::array::from_fn(|_| dice.unit());
    let years = period.months() as f64 / 12.0;
    let (chance, code) = if low.is_some() { (0.28, "mental") } else { (0.0025 * years, "illness") };
    if takes >= chance {
        return;
    }
    let start = match low {
        Some(since) if since > period.start() => since + (when * 40.0) as i32,
        _ => period.start() + (when * f64::from(period.end() - period.start())) as i32,
    };
    let end = start + 29 + (length * 300.0) as i32;
    let spell = person.spell_on(start).filter(|spell| spell.fund == Fund::Kenpo && !spell.dependant);
    if let Some(spell) = spell {
        let end = spell.end.map_or(end, |lost| end.min(lost - 1)).max(start);
        events.push(Event { kind: "leave", code, start, end: (end <= period.end()).then_some(end), grade: "" });
    }
}
