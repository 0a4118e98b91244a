//! 特定保健指導 after checkups, and the programmes for those whom it leaves out. Who is invited follows the guidance level of the exam,
//! who accepts and stays follows diligence: of those invited 35.2 % accept (PLoS ONE 0286317), some 15 to 20 % of the targets complete.

use super::super::dice::{Dice, Purpose, mix};
use super::super::people::{Fund, Period, Person};
use super::super::traits::{Body, Traits};

/// What an exam says about guidance.
#[derive(Clone, Copy)]
pub(crate) struct Found<'a> {
    pub(crate) on: i32,
    pub(crate) fund: Fund,
    pub(crate) body: &'a Body,
    /// 保健指導レベル: 1 積極的, 2 動機付け, 3 なし; none outside 特定健診.
    pub(crate) level: Option<u8>,
}

/// One invitation and what came of it; words as catalogue codes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Programme {
    pub(crate) kind: &'static str,
    pub(crate) provider: String,
    pub(crate) invited: i32,
    pub(crate) start: Option<i32>,
    pub(crate) end: Option<i32>,
    pub(crate) status: &'static str,
}

/// The programme that follows an exam, if anybody is invited. Depends on nothing but the exam: the weight of next year's does on it.
pub(crate) fn after(
    seed: u64,
    person: &Person,
    traits: &Traits,
    found: Found<'_>,
    period: Period,
) -> Option<Programme> {
    let mut dice = Dice::new(seed, Purpose::Programmes, mix(&[u64::from(person.number), found.on as u64]));
    let [asked, accepts, stays, other] = std::array::from_fn(|_| dice.unit());
    let [_, glucose, _] = found.body.drugs;
    let kind = match found.level {
        // Not all targets can be reached in time.
        Some(1) if asked < 0.97 => "active",
        Some(2) if asked < 0.97 => "motivational",
        _ if found.body.hba1c >= 7.0 && !glucose && asked < 0.8 => "severity",
        _ if found.body.hba1c >= 8.0 && asked < 0.5 => "severity",
        _ if traits.smoker && other < 0.06 => "smoking",
        _ if found.body.bmi >= 24.0 && other > 0.94 => "walking",
        _ if found.body.bmi >= 27.0 && other < 0.15 => "diet",
        _ => return None,
    };
    let invited = found.on + 40 + dice.below(50) as i32;
    if invited > period.end() {
        return None;
    }
    let provider = format!("P{:02}", 1 + found.fund.index() as u64 * 10 + mix(&[u64::from(person.number), 61]) % 4);
    let mut programme = Programme { kind, provider, invited, start: None, end: None, status: "invited" };
    // The diligent accept more often; the mean stays at 35.2 %.
    if accepts >= 0.352 + 0.5 * (traits.diligence - 0.5) {
        if dice.chance(0.3) {
            programme.status = "declined";
        }
        return Some(programme);
    }
    let start = invited + 10 + dice.below(45) as i32;
    if start > period.end() {
        return Some(programme);
    }
    programme.start = Some(start);
    // 第4期: results are judged after three months or more.
    let length = if kind == "active" { 92 + dice.below(70) } else { 90 + dice.below(20) } as i32;
    let completes = stays < 0.36 + 0.3 * traits.diligence;
    let end = start + if completes { length } else { 15 + dice.below(70) as i32 };
    if end > period.end() {
        programme.status = "ongoing";
        return Some(programme);
    }
    programme.end = Some(end);
    programme.status = if completes { "completed" } else { "withdrew" };
    Some(programme)
}

/// Kilograms lost by a later exam: of those who complete about one and a half, of those who leave less; some of it comes back.
pub(crate) fn effect(programme: &Programme, on: i32) -> f64 {
    let (Some(start), lost) = (programme.start, if programme.status == "completed" { 1.7 } else { 0.5 }) else {
        return 0.0;
    };
    if on < start + 60 {
        return 0.0;
    }
    let years = f64::from(on - start) / 365.0;
    lost * (1.25 - 0.3 * years).clamp(0.25, 1.0)
}
