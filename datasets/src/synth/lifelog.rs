//! A lifelog service: who uses it, and what their devices reported each day, days without the device included.

use super::calendar::{age_exact, civil, digits, first_day, month_digits, weekday};
use super::dice::{Dice, Purpose};
use super::options::SynthOptions;
use super::out::{Block, Source, push_fixed, push_number};
use super::people::{Period, Person};
use super::run::World;
use super::traits::Traits;
use super::written;

struct User {
    from: i32,
    to: i32,
    /// Chance that the device is worn on a day.
    wears: f64,
    scale: bool,
    cuff: bool,
}

fn subscribe(options: &SynthOptions, period: Period, person: &Person, dice: &mut Dice) -> Option<User> {
    let middle = (period.start() + period.end()) / 2;
    let age = age_exact(person.birth, middle);
    let [wears, joined, left, scale, cuff, joins, early, leaves] = std::array::from_fn(|_| dice.unit());
    if !(20.0..80.0).contains(&age) || joins >= options.lifelog_share {
        return None;
    }
    let length = f64::from(period.end() - period.start());
    let from = if early < 0.6 { period.start() } else { period.start() + (length * joined) as i32 };
    let to = if leaves < 0.2 { from + (f64::from(period.end() - from) * left) as i32 } else { period.end() };
    let to = to.min(person.death.unwrap_or(to));
    (from <= to).then_some(User {
        from,
        to,
        wears: 0.6 + 0.39 * wears,
        scale: scale < 0.35,
        cuff: cuff < if age > 50.0 { 0.3 } else { 0.08 },
    })
}

/// An id that tells nothing of the person's number: a bijection modulo 10^9.
fn user_id(number: u32) -> u64 {
    (u64::from(number) * 387_420_489 + 271_828_183) % 1_000_000_000
}

/// Where the roster lies.
pub(crate) const ROSTER: &str = "lifelog/roster.csv";
pub(crate) const ROSTER_HEADER: &str = "利用者ID,氏名,カナ氏名,生年月日,性別,郵便番号,保険者番号,記号,番号\n";
const DAILY_HEADER: &str = "利用者ID,日付,歩数,睡眠分,装着分,安静時心拍,体重kg,収縮期血圧,拡張期血圧\n";

/// What the service holds of a day, in the units of its file.
#[derive(Clone, Copy)]
pub(crate) struct Day {
    pub(crate) day: i32,
    pub(crate) steps: i64,
    pub(crate) sleep: Option<i64>,
    pub(crate) wear: i64,
    pub(crate) heart: Option<i64>,
    /// Tenths of a kilogram.
    pub(crate) weight: Option<i64>,
    pub(crate) pressure: Option<(i64, i64)>,
}

/// A user's days, in order.
pub(crate) struct Life {
    pub(crate) id: String,
    pub(crate) who: written::Written,
    pub(crate) days: Vec<Day>,
}

pub(crate) fn write(world: &World<'_>, person: &Person, traits: &Traits, block: &mut Block) -> Option<Life> {
    let (options, period) = (world.options, world.period);
    let mut dice = Dice::new(options.seed, Purpose::Lifelog, u64::from(person.number));
    let user = subscribe(options, period, person, &mut dice)?;
    let id = format!("U{:09}", user_id(person.number));
    let who = written::roster(options, person, user.from);
    block.truth.push((Source::Lifelog, who.fingerprint(), person.number));
    block.counts.users += 1;
    let postcode = person.postcode_on(user.from);
    let row = format!(
        "{id},{},{},{},{},{:03}-{:04},{},{},{}\n",
        who.name,
        who.kana,
        who.birth,
        who.sex,
        postcode / 10_000,
        postcode % 10_000,
        who.insurer,
        who.symbol,
        who.number
    );
    let roster = block.file(ROSTER, || ROSTER_HEADER.into());
    block.append(roster, row.as_bytes());
    let mut days = Vec::new();
    for month in period.first..=period.last {
        let (first, last) = (first_day(month), first_day(month + 1) - 1);
        let (from, to) = (user.from.max(first), user.to.min(last));
        if from > to {
            continue;
        }
        let at = block.file(&format!("lifelog/daily-{}.csv", month_digits(month)), || DAILY_HEADER.into());
        let mut file = block.take(at);
        for day in (from..=to).filter_map(|day| one_day(&mut dice, &user, person, traits, day)) {
            day.write(&mut file, &id);
            day.note(person, block);
            block.counts.days += 1;
            days.push(day);
        }
        block.put(at, file);
    }
    Some(Life { id, who, days })
}

/// A day; none if the service holds nothing for it.
fn one_day(dice: &mut Dice, user: &User, person: &Person, traits: &Traits, day: i32) -> Option<Day> {
    let worn = dice.chance(user.wears);
    if !worn && dice.chance(0.7) {
        return None;
    }
    let age = age_exact(person.birth, day);
    let month = civil(day).1;
    // Saturdays and Sundays are quieter; so are midsummer and midwinter. The factors average one.
    let week = match weekday(day) {
        0 => 0.87,
        6 => 0.96,
        _ => 1.034,
    };
    let season = match month {
        1 | 2 | 8 => 0.95,
        4 | 5 | 10 | 11 => 1.04,
        _ => 0.998,
    };
    const SPREAD: f64 = 0.36;
    let swing = (SPREAD * dice.normal() - SPREAD * SPREAD / 2.0).exp();
    let expected = traits.steps(person.sex, age) * week * season;
    let (steps, wear) = if worn {
        let wear = (850.0 + 130.0 * dice.normal()).clamp(600.0, 1440.0);
        (expected * swing, wear)
    } else {
        // Left on the table: some minutes in a pocket.
        (expected * 0.12 * dice.unit(), 150.0 * dice.unit())
    };
    let sleep = (worn && dice.chance(0.85)).then(|| {
        let sleep = traits.sleep + 50.0 * dice.normal() + if weekday(day) == 0 { 30.0 } else { -5.0 };
        sleep.clamp(90.0, 780.0) as i64
    });
    let heart = (worn && dice.chance(0.9)).then(|| {
        let rate = 65.0 - 3.0 * traits.activity + 1.5 * traits.build + 3.0 * dice.normal();
        rate.clamp(38.0, 110.0) as i64
    });
    let weighed = user.scale && dice.chance(0.45);
    let measured = user.cuff && dice.chance(0.6);
    let body = (weighed || measured).then(|| traits.body(person, day));
    Some(Day {
        day,
        steps: steps as i64,
        sleep,
        wear: wear as i64,
        heart,
        weight: body.filter(|_| weighed).map(|body| ((body.weight + 0.4 * dice.normal()) * 10.0) as i64),
        // At home pressure is about 5 mmHg lower.
        pressure: body.filter(|_| measured).map(|body| ((body.sbp - 5.0) as i64, (body.dbp - 3.0) as i64)),
    })
}

impl Day {
    fn write(&self, out: &mut Vec<u8>, id: &str) {
        out.extend_from_slice(id.as_bytes());
        out.push(b',');
        let date = digits(self.day);
        push_number(out, i64::from(date / 10_000));
        for part in [date / 100 % 100, date % 100] {
            out.push(b'-');
            out.push(b'0' + (part / 10) as u8);
            out.push(b'0' + (part % 10) as u8);
        }
        for value in [Some(self.steps), self.sleep, Some(self.wear), self.heart] {
            out.push(b',');
            if let Some(value) = value {
                push_number(out, value);
            }
        }
        out.push(b',');
        if let Some(weight) = self.weight {
            push_fixed(out, weight, 1);
        }
        let (sbp, dbp) = self.pressure.unzip();
        for value in [sbp, dbp] {
            out.push(b',');
            if let Some(value) = value {
                push_number(out, value);
            }
        }
        out.push(b'\n');
    }

    fn note(&self, person: &Person, block: &mut Block) {
        block.note(Source::Lifelog, "lifelog_daily", person.number, |row| {
            row.day("date", self.day).int("steps", self.steps).int("wear_min", self.wear).text("source", "service");
            let (sbp, dbp) = self.pressure.unzip();
            for (column, value) in [("sleep_min", self.sleep), ("resting_hr", self.heart), ("sbp", sbp), ("dbp", dbp)] {
                if let Some(value) = value {
                    row.int(column, value);
                }
            }
            if let Some(weight) = self.weight {
                row.fixed("weight_kg", weight, 1);
            }
        });
    }
}
