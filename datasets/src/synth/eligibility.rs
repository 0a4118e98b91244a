//! 加入者台帳: one row per person and stretch of insurance, as the insurer exports it.

use super::calendar::{civil, digits};
use super::options::SynthOptions;
use super::out::{Block, Layout};
use super::people::{EMPLOYERS, Fund, Period, Person};
use super::written;

pub(crate) fn write(options: &SynthOptions, layout: Layout, period: Period, person: &Person, block: &mut Block) {
    let mut known: Vec<(u8, u64)> = Vec::new();
    for spell in &person.spells {
        if spell.end.is_some_and(|end| end <= period.start()) {
            continue;
        }
        // The list shows the name of the day it was exported, or of the last day of insurance.
        let on = spell.end.map_or(period.end(), |end| end - 1);
        let who = written::eligibility(options, person, spell, on);
        let key = (spell.fund.index() as u8, who.fingerprint());
        if !known.contains(&key) {
            known.push(key);
            block.truth.push((key.0, key.1, person.number));
        }
        let employer = spell.employer.and_then(|index| EMPLOYERS.get(index));
        let postcode = person.postcode_on(on);
        let date = |day: i32| match spell.fund {
            Fund::Kenpo => digits(day).to_string(),
            Fund::Kokuho => {
                let (y, m, d) = civil(day);
                format!("{y}/{m:02}/{d:02}")
            }
        };
        let row = format!(
            "{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{:03}-{:04}\r\n",
            who.insurer,
            who.symbol,
            who.number,
            who.branch,
            who.name,
            who.kana,
            who.birth,
            who.sex,
            1 + u8::from(spell.dependant),
            date(spell.start),
            spell.end.map(date).unwrap_or_default(),
            spell.end.map(|_| spell.reason.to_string()).unwrap_or_default(),
            employer.map_or("", |employer| employer.symbol),
            employer.map(|employer| employer.size.to_string()).unwrap_or_default(),
            employer.map(|employer| employer.industry.to_string()).unwrap_or_default(),
            postcode / 10_000,
            postcode % 10_000,
        );
        let index = layout.eligibility(spell.fund);
        if let Some(file) = block.files.get_mut(index) {
            match spell.fund {
                Fund::Kenpo => {
                    file.extend_from_slice(&encoding_rs::SHIFT_JIS.encode(&row).0);
                }
                Fund::Kokuho => file.extend_from_slice(row.as_bytes()),
            }
        }
        block.counts.spells += 1;
    }
}
