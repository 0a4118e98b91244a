//! A lifelog service: who uses it and by which device, and what the devices reported each day, days without the device included.
//! Most users stand in the service's daily CSV; a few gave files of their own (`apple`, `fitbit`, `fhir`), which the roster names.

use super::calendar::{age_exact, civil, digits, first_day, month_digits, weekday};
use super::dice::{Dice, Purpose, mix};
use super::formats::Format;
use super::options::SynthOptions;
use super::out::{Block, Source, push_fixed, push_number};
use super::people::{Period, Person};
use super::run::{BLOCK, World};
use super::traits::Traits;
use super::written::{self, Written};

/// Days of history in a user's own files at most.
const HISTORY: i32 = 120;

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
pub(crate) const ROSTER_HEADER: &str =
    "利用者ID,氏名,カナ氏名,生年月日,性別,郵便番号,保険者番号,記号,番号,枝番,ファイル名\n";
const DAILY_HEADER: &str = "利用者ID,日付,歩数,睡眠分,装着分,安静時心拍,体重kg,収縮期血圧,拡張期血圧\n";

/// What the service holds of a day, in the units of its file.
#[derive(Clone, Copy)]
pub(crate) struct Day {
    pub(crate) day: i32,
    /// Whether a device was worn.
    pub(crate) worn: bool,
    pub(crate) steps: i64,
    pub(crate) sleep: Option<i64>,
    pub(crate) wear: i64,
    pub(crate) heart: Option<i64>,
    /// Tenths of a kilogram.
    pub(crate) weight: Option<i64>,
    pub(crate) pressure: Option<(i64, i64)>,
}

/// By which way a user's days reach the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Daily,
    Apple,
    Fitbit,
    Fhir,
}

/// A user's days, in order.
pub(crate) struct Life {
    pub(crate) who: Written,
    pub(crate) days: Vec<Day>,
    pub(crate) way: Way,
    /// The user's own file, or the folder of the user's own files; "" in the daily CSV.
    pub(crate) path: String,
    /// The file says itself whose it is, and the roster does not name it.
    pub(crate) named_inside: bool,
}

/// How many of `total` personal files fall to a block: they are spread evenly, so that no thread needs to know the others' users.
fn quota(total: u32, block: u32, blocks: u32) -> u64 {
    let up_to = |block: u32| (u64::from(block) * u64::from(total)).div_ceil(u64::from(blocks.max(1)));
    up_to(block + 1) - up_to(block)
}

/// The first users of a block give files of their own, until its share is full.
fn way(world: &World<'_>, person: &Person, block: &mut Block) -> Way {
    let options = world.options;
    let (at, blocks) = (person.number / BLOCK, options.persons.div_ceil(BLOCK));
    let counts = &mut block.counts;
    for (format, way, total, taken) in [
        (Format::Apple, Way::Apple, options.apple_users, &mut counts.apple),
        (Format::Fitbit, Way::Fitbit, options.fitbit_users, &mut counts.fitbit),
        (Format::Fhir, Way::Fhir, options.fhir_users, &mut counts.fhir),
    ] {
        if options.formats.has(format) && *taken < quota(total, at, blocks) {
            *taken += 1;
            return way;
        }
    }
    Way::Daily
}

/// Where the user's own files lie, and what the roster says of it: the name of a zip, of a folder, or of a file.
fn place(way: Way, id: &str, key: u64) -> (String, String) {
    match way {
        Way::Daily => (String::new(), String::new()),
        Way::Apple if key.is_multiple_of(2) => (format!("lifelog/apple/{id}.zip"), format!("{id}.zip")),
        Way::Apple => (format!("lifelog/apple/{id}/export.zip"), id.to_owned()),
        Way::Fitbit => (format!("lifelog/fitbit/{id}"), id.to_owned()),
        Way::Fhir => (format!("lifelog/fhir/{id}.ndjson"), format!("{id}.ndjson")),
    }
}

pub(crate) fn write(world: &World<'_>, person: &Person, traits: &Traits, block: &mut Block) -> Option<Life> {
    let (options, period) = (world.options, world.period);
    let mut dice = Dice::new(options.seed, Purpose::Lifelog, u64::from(person.number));
    let user = subscribe(options, period, person, &mut dice)?;
    let id = format!("U{:09}", user_id(person.number));
    let who = written::roster(options, person, user.from);
    block.truth.push(who.truth(Source::Lifelog, person));
    block.counts.users += 1;
    let way = way(world, person, block);
    let key = mix(&[u64::from(person.number), 83]);
    let (path, file) = place(way, &id, key);
    let named_inside = way == Way::Fhir && key.is_multiple_of(2);
    enter(person, &user, &id, &who, if named_inside { "" } else { &file }, block);
    // A user with many years of exports would weigh more than all others together.
    let from = if way == Way::Daily { user.from } else { user.from.max(user.to - HISTORY) };
    let mut days = Vec::new();
    for month in period.first..=period.last {
        let (first, last) = (first_day(month), first_day(month + 1) - 1);
        let (from, to) = (from.max(first), user.to.min(last));
        if from > to {
            continue;
        }
        let told = (from..=to).filter_map(|day| one_day(&mut dice, &user, person, traits, day));
        if way != Way::Daily {
            days.extend(told);
            continue;
        }
        let at = block.file(&format!("lifelog/daily-{}.csv", month_digits(month)), || DAILY_HEADER.into());
        let mut file = block.take(at);
        for day in told {
            day.write(&mut file, &id);
            day.note(person, block);
            block.counts.days += 1;
        }
        block.put(at, file);
    }
    Some(Life { who, days, way, path, named_inside })
}

/// The user's line in the roster; `file` names what the user gave of their own.
fn enter(person: &Person, user: &User, id: &str, who: &Written, file: &str, block: &mut Block) {
    let postcode = person.postcode_on(user.from);
    let row = format!(
        "{id},{},{},{},{},{:03}-{:04},{},{},{},{},{file}\n",
        who.name,
        who.kana,
        who.birth,
        who.sex,
        postcode / 10_000,
        postcode % 10_000,
        who.insurer,
        who.symbol,
        who.number,
        who.branch,
    );
    let roster = block.file(ROSTER, || ROSTER_HEADER.into());
    block.append(roster, row.as_bytes());
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
        worn,
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;

    #[test]
    fn quotas_add_up() {
        for (total, blocks) in [(20, 1), (20, 7), (20, 80), (3, 400), (0, 5), (1, 1)] {
            let shares: Vec<u64> = (0..blocks).map(|block| quota(total, block, blocks)).collect();
            assert_eq!(shares.iter().sum::<u64>(), u64::from(total));
            assert!(shares.iter().max().unwrap() - shares.iter().min().unwrap() <= 1);
        }
    }
}
