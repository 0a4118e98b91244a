//! Checkups as CSV: 人間ドック of people who did not come to the insurer's checkup of that 年度. One row per visit; 健保 uses the words
//! that vendors print above columns, 国保 the item codes (JLAC10).

use super::super::calendar::{age, day, fiscal_year, weekday};
use super::super::checkups::Exam;
use super::super::checkups::items::{self, Found, Item};
use super::super::dice::{Dice, Purpose, mix};
use super::super::out::{Block, push_fixed};
use super::super::people::{Fund, Person};
use super::super::run::World;
use super::super::traits::Traits;
use super::super::written;
use super::{Style, known};

/// Columns by words, with the item that stands in them.
const WORDS: [(&str, &str, &str); 31] = [
    ("身長", "height_cm", "9N001000000000001"),
    ("体重", "weight_kg", "9N006000000000001"),
    ("BMI", "bmi", "9N011000000000001"),
    ("腹囲", "waist_cm", "9N016160100000001"),
    ("収縮期血圧", "sbp", "9A755000000000001"),
    ("拡張期血圧", "dbp", "9A765000000000001"),
    ("中性脂肪", "tg", "3F015000002327101"),
    ("HDLコレステロール", "hdl", "3F070000002327101"),
    ("LDLコレステロール", "ldl", "3F077000002327101"),
    ("AST(GOT)", "ast", "3B035000002327201"),
    ("ALT(GPT)", "alt", "3B045000002327201"),
    ("γ-GT(γ-GTP)", "ggt", "3B090000002327101"),
    ("空腹時血糖", "fpg", "3D010000001926101"),
    ("HbA1c(NGSP)", "hba1c", "3D046000001906202"),
    ("血清クレアチニン", "creatinine", "3C015000002327101"),
    ("eGFR", "egfr", "8A065000002391901"),
    ("血清尿酸", "uric_acid", "3C020000002327101"),
    ("血色素量", "hb", "2A030000001930101"),
    ("尿糖", "u_glucose", "1A020000000191111"),
    ("尿蛋白", "u_protein", "1A010000000191111"),
    ("メタボリックシンドローム判定", "metabo", "9N501000000000011"),
    ("保健指導レベル", "guidance", "9N506000000000011"),
    ("服薬1(血圧)", "q_drug_bp", "9N701000000000011"),
    ("服薬2(血糖)", "q_drug_glucose", "9N706000000000011"),
    ("服薬3(脂質)", "q_drug_lipid", "9N711000000000011"),
    ("喫煙", "q_smoking", "9N736000000000011"),
    ("30分以上の運動習慣", "q_exercise", "9N746000000000011"),
    ("歩行又は身体活動", "q_walking", "9N751000000000011"),
    ("飲酒", "q_alcohol_freq", "9N786000000000011"),
    ("睡眠", "q_sleep", "9N796000000000011"),
    ("生活習慣の改善", "q_intent", "9N801000000000011"),
];

/// Items that only the file by codes holds.
const CODES: [&str; 8] = [
    "9A752000000000001",
    "9A762000000000001",
    "9A751000000000001",
    "9A761000000000001",
    "3F015129902327101",
    "9N141000000000011",
    "9N741000000000011",
    "9N766000000000011",
];

fn cell(found: Found) -> String {
    match found {
        Found::Number { stored, digits, .. } => {
            let mut text = Vec::new();
            push_fixed(&mut text, stored, digits);
            String::from_utf8(text).unwrap_or_default()
        }
        Found::Answer { code, .. } => code.to_string(),
        Found::NotDone | Found::Unmeasurable => String::new(),
    }
}

/// The items that a file of this kind can hold, each with its column's code.
fn held(fund: Fund, all: &[Item]) -> Vec<Item> {
    let fits = |item: &&Item| !matches!(item.found, Found::NotDone | Found::Unmeasurable);
    let by_word = |item: &Item| {
        let (_, _, code) = WORDS.iter().find(|(_, column, code)| item.code == *code || item.column == *column)?;
        Some(Item { code, ..*item })
    };
    match fund {
        Fund::Kenpo => all.iter().filter(fits).filter_map(by_word).collect(),
        Fund::Kokuho | Fund::Koki => {
            let listed = |item: &&Item| WORDS.iter().any(|word| word.2 == item.code) || CODES.contains(&item.code);
            all.iter().filter(fits).filter(listed).copied().collect()
        }
    }
}

fn header(fund: Fund) -> String {
    let mut header = String::from(if fund == Fund::Kenpo {
        ",郵便番号,健診種別,受診日"
    } else {
        ",郵便番号,受診日"
    });
    let columns = WORDS.iter().map(|(word, _, code)| if fund == Fund::Kenpo { *word } else { *code });
    let more = CODES.iter().copied().filter(|_| fund == Fund::Kokuho);
    for column in columns.chain(more) {
        header.push(',');
        header.push_str(column);
    }
    header
}

pub(super) fn write(world: &World<'_>, person: &Person, traits: &Traits, exams: &[Exam], block: &mut Block) {
    let period = world.period;
    for year in fiscal_year(period.first)..=fiscal_year(period.last) {
        let first = day(year, 4, 1);
        if exams.iter().any(|exam| (first..first + 365).contains(&exam.on)) {
            continue;
        }
        let mut dice = Dice::new(world.options.seed, Purpose::Device, mix(&[u64::from(person.number), year as u64, 5]));
        let mut on = first + 30 + dice.below(300) as i32;
        if weekday(on) == 0 {
            on += 1;
        }
        let comes = dice.chance(0.1);
        let fits = (period.start()..=period.end()).contains(&on) && (30..75).contains(&age(person.birth, on));
        let Some(spell) = person.spell_on(on).filter(|_| comes && fits && person.alive_on(on)) else {
            continue;
        };
        let style = Style::of(spell.fund.source());
        let third_term = year < 2024;
        let all = items::items(&traits.body(person, on), traits, person.sex, true, third_term, &mut dice);
        let held = held(spell.fund, &all);
        let who = written::eligibility(world.options, person, spell, on);
        known(block, style.source, &who, person);
        let postcode = person.postcode_on(on);
        let mut cells = vec![format!("{:03}-{:04}", postcode / 10_000, postcode % 10_000)];
        // Only the vendors' file says what kind of checkup it was.
        let kind = if spell.fund == Fund::Kenpo { "ningen_dock" } else { "other" };
        if spell.fund == Fund::Kenpo {
            cells.push("人間ドック".to_owned());
        }
        cells.push(style.day(Some(on)));
        let codes = WORDS.iter().map(|word| word.2).chain(CODES.iter().copied().filter(|_| spell.fund == Fund::Kokuho));
        for code in codes {
            cells.push(held.iter().find(|item| item.code == code).map(|item| cell(item.found)).unwrap_or_default());
        }
        let cells: Vec<&str> = cells.iter().map(String::as_str).collect();
        style.row(block, "checkups/dock.csv", &header(spell.fund), &who, &cells);
        items::note_checkup(block, style.source, person.number, on, kind, third_term, &held);
        items::note_items(block, style.source, person.number, on, &held);
        block.counts.checkups += 1;
    }
}
