//! 加入者台帳: one row per person and stretch of insurance, as the insurer exports it.

use super::calendar::{civil, digits};
use super::out::Block;
use super::people::{EMPLOYERS, Fund, Person, Spell};
use super::run::World;
use super::written;

const HEADER: &str = "保険者番号,記号,番号,枝番,氏名,カナ氏名,生年月日,性別,本人家族,取得日,喪失日,喪失事由,事業所記号,規模,業種,郵便番号\r\n";

pub(crate) fn path(fund: Fund) -> String {
    format!("{}/eligibility.csv", fund.name())
}

/// The header line in the list's encoding.
pub(crate) fn header(fund: Fund) -> Vec<u8> {
    match fund {
        Fund::Kenpo => encoding_rs::SHIFT_JIS.encode(HEADER).0.into_owned(),
        Fund::Kokuho | Fund::Koki => format!("\u{feff}{HEADER}").into_bytes(),
    }
}

pub(crate) fn write(world: &World<'_>, person: &Person, block: &mut Block) {
    let (options, period) = (world.options, world.period);
    let mut known: Vec<(super::out::Source, u64)> = Vec::new();
    for spell in &person.spells {
        if spell.end.is_some_and(|end| end <= period.start()) {
            continue;
        }
        // The list shows the name of the day it was exported, or of the last day of insurance.
        let on = spell.end.map_or(period.end(), |end| end - 1);
        let who = written::eligibility(options, person, spell, on);
        let key = (spell.fund.source(), who.fingerprint());
        if !known.contains(&key) {
            known.push(key);
            block.truth.push(who.truth(key.0, person));
        }
        let employer = spell.employer.and_then(|index| EMPLOYERS.get(index));
        let postcode = person.postcode_on(on);
        let date = |day: i32| match spell.fund {
            Fund::Kenpo => digits(day).to_string(),
            Fund::Kokuho | Fund::Koki => {
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
        let at = block.file(&path(spell.fund), || header(spell.fund));
        match spell.fund {
            Fund::Kenpo => block.append(at, &encoding_rs::SHIFT_JIS.encode(&row).0),
            Fund::Kokuho | Fund::Koki => block.append(at, row.as_bytes()),
        }
        note(person, spell, block);
        block.counts.spells += 1;
    }
}

fn note(person: &Person, spell: &Spell, block: &mut Block) {
    block.note(spell.fund.source(), "enrolment", person.number, |row| {
        row.text("insurer", spell.fund.number8()).text("insurer_kind", spell.fund.kind());
        row.text("relation", if spell.dependant { "kazoku" } else { "honnin" });
        row.day("start_date", spell.start);
        if let Some(end) = spell.end {
            row.day("end_date", end).text("end_reason", spell.reason.to_string());
        }
        if let Some(employer) = spell.employer.and_then(|index| EMPLOYERS.get(index)) {
            row.text("workplace", format!("{}:{}", spell.fund.number8(), employer.symbol));
            row.text("size_band", employer.size.to_string()).text("industry", employer.industry.to_string());
        }
    });
}
