//! From the state at the end of an export to rows. Says which of a day's values are known; bounds are `day`'s.

use super::state::{Day, Observation, State};
use super::types::OBSERVED;
use super::{sleep, track};
use crate::read::desk::{Desk, Into};
use crate::read::error::ReadError;
use crate::read::frame::Value;
use crate::read::lifelog::day::{
    AWAKE, DBP, DEEP, Days, EATEN, LIGHT, MEASURES, Measures, REM, RESTING, SBP, SLEEP, SPENT, STEPS, WEAR, WEIGHT,
};
use crate::read::report::Kind;

/// Stands for the observations of Apple Health where days are counted by source.
const OBSERVATIONS: i32 = 1_000;

pub(super) fn write(
    desk: &mut Desk<'_>,
    file: &str,
    ident: u32,
    days: &Days,
    state: &mut State,
) -> Result<(), ReadError> {
    let mut sleeps = sleep::Sleeps::default();
    for (date, day) in state.days() {
        sleeps.day(date, &day.nights);
    }
    let mut slept = sleeps.finish();
    let observed = observations(desk, file, ident, &mut state.observations)?;
    for (date, day) in state.days() {
        // Observations were counted one by one.
        let records = day.records.saturating_sub(observed.get(&date).copied().unwrap_or(0));
        let mut measures = measures(day);
        if let Some(slept) = slept.remove(&date) {
            asleep(&mut measures, &slept);
        }
        let any = measures.iter().any(Option::is_some);
        if any && !days.first(desk, ident, date) {
            desk.tally.quarantined(Kind::AppleHealth, "day-twice", records, file, 0);
            continue;
        }
        desk.tally.kept(Kind::AppleHealth, records);
        if any {
            days.push(desk, ident, date, &measures)?;
        }
    }
    Ok(())
}

fn measures(day: &mut Day) -> Measures {
    let mut measures: Measures = [None; MEASURES.len()];
    let mut set = |at: usize, value: Option<i64>| {
        if let Some(measure) = measures.get_mut(at) {
            *measure = value;
        }
    };
    let kilo = |value: i64| value.saturating_add(500).div_euclid(1_000);
    set(STEPS, day.steps().map(track::total));
    set(WEAR, (day.worn != 0).then(|| i64::from(day.worn.count_ones()) * 60));
    let [resting, weight, sbp, dbp] = day.moments.map(super::state::Mean::value);
    set(RESTING, resting);
    set(WEIGHT, weight);
    set(SBP, sbp);
    set(DBP, dbp);
    set(EATEN, day.eaten.map(kilo));
    set(SPENT, day.spent().map(|sources| kilo(track::energy(sources))));
    measures
}

fn asleep(measures: &mut Measures, slept: &sleep::Slept) {
    for (at, value) in [
        (SLEEP, Some(slept.asleep)),
        (DEEP, slept.staged.then_some(slept.deep)),
        (REM, slept.staged.then_some(slept.rem)),
        (LIGHT, slept.staged.then_some(slept.light)),
        // Who tells stages apart tells lying awake as well.
        (AWAKE, (slept.staged || slept.woke).then_some(slept.awake)),
    ] {
        if let Some(measure) = measures.get_mut(at) {
            *measure = value;
        }
    }
}

/// Writes the observations; gives how many there were by day. A day that an earlier export of this person had is not
/// taken again, nor a result that two apps wrote at the same second.
fn observations(
    desk: &mut Desk<'_>,
    file: &str,
    ident: u32,
    observations: &mut [Observation],
) -> Result<std::collections::HashMap<i32, u64>, ReadError> {
    let kind = Kind::AppleHealth;
    let sheet = desk.sheet(Into::Observation)?;
    let (home, device) = (sheet.category("place", "home"), sheet.category("place", "device"));
    let mut by_day = std::collections::HashMap::new();
    observations.sort_unstable();
    let mut first = (None, true);
    let mut last: Option<Observation> = None;
    for observation in observations.iter() {
        let date = i32::try_from(observation.time / 86_400).unwrap_or(i32::MAX);
        *by_day.entry(date).or_default() += 1;
        if first.0 != Some(date) {
            first = (Some(date), desk.taken.first(ident, OBSERVATIONS, date));
        }
        let Some(observed) = OBSERVED.get(usize::from(observation.what)) else {
            continue;
        };
        let twice = last.is_some_and(|last| {
            (last.time, last.what, last.value) == (observation.time, observation.what, observation.value)
        });
        last = Some(*observation);
        if !first.1 {
            desk.tally.quarantined(kind, "day-twice", 1, file, 0);
        } else if twice {
            desk.tally.left_out(kind, "result-twice", 1);
        } else {
            let row = [
                Value::Day(date),
                Value::Category(if observation.worn { device } else { home }),
                Value::Text(observed.code),
                Value::Int(i64::from(observation.value)),
                Value::Text(observed.unit),
                Value::Null,
            ];
            desk.identities.seen(ident, date);
            desk.push(Into::Observation, ident, &row)?;
            desk.tally.kept(kind, 1);
        }
    }
    Ok(by_day)
}
