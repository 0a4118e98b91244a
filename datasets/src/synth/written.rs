//! Identifiers as clerks, systems and people themselves write them down, and the fingerprint by which the truth finds them again.

use super::calendar::{civil, day, digits, wareki};
use super::dice::{Dice, Purpose, mix};
use super::names::{Spelling, full_width, half_width, hiragana, large_kana, variant};
use super::options::{NoiseRates, SynthOptions};
use super::out::{Source, TruthRow};
use super::people::{Fund, Person, Spell};
use super::truth::Scenario;

/// An identity tuple, as a reader will see it: decoded and trimmed; empty = absent.
#[derive(Clone, Default)]
pub(crate) struct Written {
    pub(crate) insurer: String,
    pub(crate) symbol: String,
    pub(crate) number: String,
    pub(crate) branch: String,
    pub(crate) name: String,
    pub(crate) kana: String,
    pub(crate) birth: String,
    pub(crate) sex: String,
    /// What went wrong in writing it down, as bits of [`Scenario`]; no reader sees it.
    pub(crate) flaws: u32,
}

impl Written {
    /// What the truth says of it.
    pub(crate) fn truth(&self, source: Source, person: &Person) -> TruthRow {
        (source, self.fingerprint(), person.number, self.flaws)
    }

    /// First 8 bytes, little-endian, of SHA-256 over the fields joined by U+001F.
    pub(crate) fn fingerprint(&self) -> u64 {
        let text = [
            self.insurer.as_str(),
            &self.symbol,
            &self.number,
            &self.branch,
            &self.name,
            &self.kana,
            &self.birth,
            &self.sex,
        ]
        .join("\u{1f}");
        let hash = audit_log::digest::sha256(text.as_bytes());
        let mut first = [0u8; 8];
        for (to, from) in first.iter_mut().zip(hash) {
            *to = from;
        }
        u64::from_le_bytes(first)
    }
}

fn registered(person: &Person, surname: Spelling, dice: &mut Dice, noise: &NoiseRates, cp932: bool) -> String {
    let uses = dice.chance(noise.variant_kanji);
    let key = mix(&[u64::from(person.number), 31]);
    match variant(surname.kanji, key, cp932) {
        Some(text) if uses => text,
        _ => surname.kanji.to_owned(),
    }
}

/// Replaces one character, at a place and by a kana or kanji that the dice choose.
fn typo(text: &str, dice: &mut Dice) -> String {
    let at = dice.below(text.chars().count() as u32) as usize;
    let kana = ['ア', 'イ', 'ウ', 'キ', 'シ', 'タ', 'ノ', 'ハ', 'ミ', 'ラ'];
    let kanji = ['大', '太', '美', '田', '木', '本', '子', '一', '夫', '野'];
    text.chars()
        .enumerate()
        .map(|(index, c)| {
            let pool = if ('ァ'..='ヺ').contains(&c) { &kana } else { &kanji };
            if index == at && c != '\u{3000}' { dice.pick(pool).copied().unwrap_or(c) } else { c }
        })
        .collect()
}

fn wrong_birth(birth: i32, dice: &mut Dice) -> i32 {
    let (y, m, d) = civil(birth);
    match dice.below(3) {
        0 => day(y + 1, m, d.min(28)),
        1 if d <= 12 => day(y, d, m),
        _ => birth + if d > 1 { -1 } else { 1 },
    }
}

fn wrong_digit(text: &str, dice: &mut Dice) -> String {
    let at = dice.below(text.len() as u32) as usize;
    let plus = 1 + dice.below(9);
    text.chars()
        .enumerate()
        .map(|(index, c)| match c.to_digit(10) {
            Some(digit) if index == at => char::from_digit((digit + plus) % 10, 10).unwrap_or(c),
            _ => c,
        })
        .collect()
}

fn number_text(spell: &Spell) -> String {
    match spell.fund {
        Fund::Kenpo => spell.number.to_string(),
        Fund::Kokuho | Fund::Koki => format!("{:08}", spell.number),
    }
}

fn branch_text(spell: &Spell) -> String {
    if spell.branch == 0 { String::new() } else { format!("{:02}", spell.branch) }
}

/// The bits of what happened.
fn flaws<const N: usize>(happened: [(bool, Scenario); N]) -> u32 {
    happened.into_iter().filter(|(did, _)| *did).fold(0, |mask, (_, scenario)| mask | scenario.bit())
}

fn spaced(surname: &str, given: &str, space: &str) -> String {
    format!("{surname}{space}{given}")
}

/// The insurer's own list: right, in the register's characters. 健保: half-width kana, CP932; 国保: full-width kana, era dates.
pub(crate) fn eligibility(options: &SynthOptions, person: &Person, spell: &Spell, on: i32) -> Written {
    let key = mix(&[u64::from(person.number), 1000 + spell.fund.index() as u64]);
    let mut dice = Dice::new(options.seed, Purpose::Clerk, key);
    let surname = person.surname_on(on);
    let cp932 = spell.fund == Fund::Kenpo;
    let kanji = registered(person, surname, &mut dice, &options.noise, cp932);
    let kana = spaced(surname.kana, person.given.kana, "\u{3000}");
    let large = dice.chance(options.noise.large_kana);
    let kana = if large { large_kana(&kana) } else { kana };
    Written {
        insurer: spell.fund.number().to_owned(),
        symbol: spell.symbol().to_owned(),
        number: number_text(spell),
        branch: branch_text(spell),
        name: spaced(&kanji, person.given.kanji, "\u{3000}"),
        kana: if cp932 { half_width(&kana) } else { kana },
        birth: if cp932 { digits(person.birth).to_string() } else { wareki(person.birth).to_string() },
        sex: person.sex.to_string(),
        flaws: 0,
    }
}

/// A facility's patient register, from which every receipt of this person there is written. `salt` tells clinics from pharmacies.
pub(crate) fn facility(
    options: &SynthOptions,
    person: &Person,
    spell: &Spell,
    on: i32,
    facility: u32,
    salt: u64,
) -> Written {
    let noise = &options.noise;
    let key = mix(&[u64::from(person.number), u64::from(facility), salt]);
    let mut dice = Dice::new(options.seed, Purpose::Clerk, key);
    // Nobody tells the doctor of a marriage at once.
    let delay = dice.between(0, 150);
    let surname = person.surname_on(on - delay);
    let kanji = registered(person, surname, &mut dice, noise, true);
    let mut name = spaced(&kanji, person.given.kanji, "\u{3000}");
    let mut kana = format!("{}{}", surname.kana, person.given.kana);
    let spaced_kana = spaced(surname.kana, person.given.kana, "\u{3000}");
    let [kana_only, no_kana, large, wide, bad_name, bad_kana, bad_birth, bad_sex, bad_number, no_branch] = [
        noise.kana_for_kanji,
        noise.missing_kana,
        noise.large_kana,
        noise.full_width,
        noise.name_typo,
        noise.name_typo,
        noise.birth_typo,
        noise.sex_error,
        noise.number_typo,
        noise.missing_branch,
    ]
    .map(|rate| dice.chance(rate));
    if bad_name {
        name = typo(&name, &mut dice);
    }
    if bad_kana {
        kana = typo(&kana, &mut dice);
    }
    if kana_only {
        name = half_width(&spaced_kana);
    }
    if large {
        kana = large_kana(&kana);
    }
    let birth = if bad_birth { wrong_birth(person.birth, &mut dice) } else { person.birth };
    let mut number = number_text(spell);
    if bad_number {
        number = wrong_digit(&number, &mut dice);
    }
    let symbol = spell.symbol();
    Written {
        insurer: spell.fund.number().to_owned(),
        symbol: if wide { full_width(symbol) } else { symbol.to_owned() },
        number: if wide { full_width(&number) } else { number },
        branch: if no_branch { String::new() } else { branch_text(spell) },
        name,
        kana: if no_kana { String::new() } else { kana },
        birth: digits(birth).to_string(),
        sex: if bad_sex { 3 - person.sex } else { person.sex }.to_string(),
        flaws: flaws([
            (kana_only, Scenario::KanaForKanji),
            ((bad_name && !kana_only) || (bad_kana && !no_kana), Scenario::NameTypo),
            (bad_birth, Scenario::BirthError),
            (bad_sex, Scenario::SexError),
            (bad_number, Scenario::NumberError),
        ]),
    }
}

/// A checkup centre's file: the kana name only, 記号 in full width, 番号 in half width.
pub(crate) fn checkup(options: &SynthOptions, person: &Person, spell: &Spell, on: i32) -> Written {
    let noise = &options.noise;
    let key = mix(&[u64::from(person.number), on as u64, 2000]);
    let mut dice = Dice::new(options.seed, Purpose::Clerk, key);
    let surname = person.surname_on(on);
    let [space, large, bad_kana, bad_birth, no_branch] =
        [0.5, noise.large_kana, noise.name_typo, noise.birth_typo, noise.missing_branch].map(|rate| dice.chance(rate));
    let mut kana = spaced(surname.kana, person.given.kana, if space { "\u{3000}" } else { "" });
    if large {
        kana = large_kana(&kana);
    }
    if bad_kana {
        kana = typo(&kana, &mut dice);
    }
    let birth = if bad_birth { wrong_birth(person.birth, &mut dice) } else { person.birth };
    Written {
        insurer: spell.fund.number8().to_owned(),
        symbol: full_width(spell.symbol()),
        number: number_text(spell),
        branch: if no_branch { String::new() } else { branch_text(spell) },
        name: String::new(),
        kana,
        birth: digits(birth).to_string(),
        sex: person.sex.to_string(),
        flaws: flaws([(bad_kana, Scenario::NameTypo), (bad_birth, Scenario::BirthError)]),
    }
}

/// A checkup centre's report in FHIR: both names, 記号・番号 as on the card, the birth date with hyphens.
pub(crate) fn report(options: &SynthOptions, person: &Person, spell: &Spell, on: i32) -> Written {
    let (mut who, key) = (checkup(options, person, spell, on), mix(&[u64::from(person.number), on as u64, 2001]));
    let mut dice = Dice::new(options.seed, Purpose::Clerk, key);
    let surname = person.surname_on(on);
    let kanji = registered(person, surname, &mut dice, &options.noise, false);
    who.name = spaced(&kanji, person.given.kanji, "\u{3000}");
    if dice.chance(options.noise.full_width) {
        who.number = full_width(&who.number);
    } else {
        who.symbol = spell.symbol().to_owned();
    }
    if let Some((year, rest)) = who.birth.split_at_checked(4)
        && let Some((month, day)) = rest.split_at_checked(2)
    {
        who.birth = format!("{year}-{month}-{day}");
    }
    fhir_sex(&mut who);
    who
}

/// `gender` as FHIR says it.
pub(crate) fn fhir_sex(who: &mut Written) {
    who.sex = if who.sex == "1" { "male" } else { "female" }.to_owned();
}

/// What a user of the lifelog service typed on joining: the name of that day, and perhaps what stands on the insurance card.
pub(crate) fn roster(options: &SynthOptions, person: &Person, joined: i32) -> Written {
    let noise = &options.noise;
    let key = mix(&[u64::from(person.number), 3000]);
    let mut dice = Dice::new(options.seed, Purpose::Clerk, key);
    let surname = person.surname_on(joined);
    let kanji = registered(person, surname, &mut dice, noise, false);
    let [card, space, hira, bad_kana, bad_birth, bad_number] =
        [noise.roster_insurer, 0.6, 0.05, noise.name_typo * 2.0, noise.birth_typo, noise.number_typo * 2.0]
            .map(|rate| dice.chance(rate));
    let mut kana = spaced(surname.kana, person.given.kana, if space { " " } else { "" });
    if bad_kana {
        kana = typo(&kana, &mut dice);
    }
    if hira {
        kana = hiragana(&kana);
    }
    let birth = if bad_birth { wrong_birth(person.birth, &mut dice) } else { person.birth };
    let (y, m, d) = civil(birth);
    let spell = person.spell_on(joined).filter(|_| card);
    let mut number = spell.map(number_text).unwrap_or_default();
    let bad_number = bad_number && !number.is_empty();
    if bad_number {
        number = wrong_digit(&number, &mut dice);
    }
    Written {
        insurer: spell.map_or("", |spell| spell.fund.number8()).to_owned(),
        symbol: spell.map_or("", Spell::symbol).to_owned(),
        number,
        branch: String::new(),
        name: spaced(&kanji, person.given.kanji, if space { " " } else { "" }),
        kana,
        birth: format!("{y:04}-{m:02}-{d:02}"),
        sex: person.sex.to_string(),
        flaws: flaws([
            (bad_kana, Scenario::NameTypo),
            (bad_birth, Scenario::BirthError),
            (bad_number, Scenario::NumberError),
        ]),
    }
}
