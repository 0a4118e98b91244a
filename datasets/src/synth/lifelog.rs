//! A lifelog service: who uses it, and what their devices reported each day, days without the device included.

use super::calendar::{age_exact, civil, digits, first_day, weekday};
use super::dice::{Dice, Purpose};
use super::options::SynthOptions;
use super::out::{Block, Layout, push_fixed, push_number};
use super::people::{Period, Person};
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

pub(crate) fn write(
    options: &SynthOptions,
    layout: Layout,
    period: Period,
    person: &Person,
    traits: &Traits,
    block: &mut Block,
) {
    let mut dice = Dice::new(options.seed, Purpose::Lifelog, u64::from(person.number));
    let Some(user) = subscribe(options, period, person, &mut dice) else {
        return;
    };
    let id = format!("U{:09}", user_id(person.number));
    let who = written::roster(options, person, user.from);
    block.truth.push((2, who.fingerprint(), person.number));
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
    let roster = layout.roster();
    if let Some(file) = block.files.get_mut(roster) {
        file.extend_from_slice(row.as_bytes());
    }
    for month in period.first..=period.last {
        let (first, last) = (first_day(month), first_day(month + 1) - 1);
        let (from, to) = (user.from.max(first), user.to.min(last));
        if from > to {
            continue;
        }
        let index = layout.daily(month);
        let Some(mut file) = block.files.get_mut(index).map(std::mem::take) else {
            continue;
        };
        for day in from..=to {
            if one_day(&mut file, &mut dice, &id, &user, person, traits, day) {
                block.counts.days += 1;
            }
        }
        if let Some(slot) = block.files.get_mut(index) {
            *slot = file;
        }
    }
}

/// Writes a day; false if the service holds nothing for it.
fn one_day(
    out: &mut Vec<u8>,
    dice: &mut Dice,
    id: &str,
    user: &User,
    person: &Person,
    traits: &Traits,
    day: i32,
) -> bool {
    let worn = dice.chance(user.wears);
    if !worn && dice.chance(0.7) {
        return false;
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
    out.extend_from_slice(id.as_bytes());
    out.push(b',');
    let date = digits(day);
    push_number(out, i64::from(date / 10_000));
    for part in [date / 100 % 100, date % 100] {
        out.push(b'-');
        out.push(b'0' + (part / 10) as u8);
        out.push(b'0' + (part % 10) as u8);
    }
    out.push(b',');
    push_number(out, steps as i64);
    out.push(b',');
    if worn && dice.chance(0.85) {
        let sleep = traits.sleep + 50.0 * dice.normal() + if weekday(day) == 0 { 30.0 } else { -5.0 };
        push_number(out, sleep.clamp(90.0, 780.0) as i64);
    }
    out.push(b',');
    push_number(out, wear as i64);
    out.push(b',');
    if worn && dice.chance(0.9) {
        let rate = 65.0 - 3.0 * traits.activity + 1.5 * traits.build + 3.0 * dice.normal();
        push_number(out, rate.clamp(38.0, 110.0) as i64);
    }
    out.push(b',');
    let weighed = user.scale && dice.chance(0.45);
    let measured = user.cuff && dice.chance(0.6);
    if weighed || measured {
        let body = traits.body(person, day);
        if weighed {
            push_fixed(out, ((body.weight + 0.4 * dice.normal()) * 10.0) as i64, 1);
        }
        out.push(b',');
        if measured {
            // At home pressure is about 5 mmHg lower.
            push_number(out, (body.sbp - 5.0) as i64);
            out.push(b',');
            push_number(out, (body.dbp - 3.0) as i64);
        } else {
            out.push(b',');
        }
    } else {
        out.extend_from_slice(b",,");
    }
    out.push(b'\n');
    true
}
