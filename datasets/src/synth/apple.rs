//! A user's Apple Health export (`export.zip` with `apple_health_export/export.xml`), as an iPhone writes it: the document type with
//! its internal subset, records grouped by type and not by time, phone and watch counting the same steps, sleep in stages across
//! midnight, units as the user set them, blood pressure a second time inside its `Correlation`.
//! Says nothing about which day is true: that is `lifelog::Day`, from which all records of a day are made.

use std::fmt::Write;
use std::io::Write as _;

use zip::ZipWriter;

use super::calendar::{age_exact, digits};
use super::checkups::zip_options;
use super::dice::{Dice, Purpose};
use super::lifelog::{Day, Life, Way};
use super::out::{Block, Source};
use super::people::Person;
use super::run::World;
use super::traits::Traits;

mod book;

use book::{Book, Habits, at, stamp};

/// Declaration and document type.
const HEAD: &str = include_str!("apple/head.xml");

/// What the records of a day add up to, on the grids of `lifelog_daily`.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Told {
    pub(crate) date: i32,
    pub(crate) steps: Option<i64>,
    pub(crate) sleep: Option<i64>,
    pub(crate) wear: Option<i64>,
    pub(crate) rate: Option<i64>,
    pub(crate) weight: Option<i64>,
    pub(crate) pressure: Option<(i64, i64)>,
    /// Deep, REM, light, awake.
    pub(crate) stages: Option<[i64; 4]>,
    pub(crate) eaten: Option<i64>,
    pub(crate) spent: Option<i64>,
    /// Glucose in thousandths of mg/dL, one a measurement.
    pub(crate) glucose: Vec<i64>,
}

/// The export of these days, and what it tells of each. `owner` is what the user called the devices.
fn export(person: &Person, owner: &str, diabetic: bool, days: &[Day], dice: &mut Dice) -> (String, Vec<Told>) {
    let habits = Habits {
        pounds: dice.chance(0.25),
        large_calorie: dice.chance(0.25),
        stages: dice.chance(0.75),
        meals: dice.chance(0.3),
        glucose: dice.chance(if diabetic { 0.8 } else { 0.1 }),
        millimoles: dice.chance(0.3),
    };
    let pages = std::array::from_fn(|_| String::new());
    let mut book = Book { owner, habits, pages, correlations: String::new(), summaries: String::new() };
    let told: Vec<Told> = days.iter().map(|day| book.day(dice, day)).collect();
    let mut out = String::from(HEAD);
    out.push_str("<HealthData locale=\"ja_JP\">\n <ExportDate value=\"");
    stamp(&mut out, days.last().map_or(0, |day| at(day.day + 1, 21, 14)));
    let birth = digits(person.birth);
    let _ = writeln!(
        out,
        "\"/>\n <Me HKCharacteristicTypeIdentifierDateOfBirth=\"{:04}-{:02}-{:02}\" HKCharacteristicTypeIdentifierBiologicalSex=\"HKBiologicalSex{}\" \
HKCharacteristicTypeIdentifierBloodType=\"HKBloodTypeNotSet\" HKCharacteristicTypeIdentifierFitzpatrickSkinType=\"HKFitzpatrickSkinTypeNotSet\"/>",
        birth / 10_000,
        birth / 100 % 100,
        birth % 100,
        if person.sex == 1 { "Male" } else { "Female" }
    );
    for page in &book.pages {
        out.push_str(page);
    }
    out.push_str(&book.correlations);
    out.push_str(&book.summaries);
    out.push_str("</HealthData>\n");
    (out, told)
}

/// The archive that the phone makes of it. `None` only if memory fails.
fn archive(xml: &str) -> Option<Vec<u8>> {
    let mut zip = ZipWriter::new(std::io::Cursor::new(Vec::new()));
    zip.start_file("apple_health_export/export.xml", zip_options()).ok()?;
    zip.write_all(xml.as_bytes()).ok()?;
    Some(zip.finish().ok()?.into_inner())
}

/// The export of a user who gave one.
pub(crate) fn write(world: &World<'_>, person: &Person, traits: &Traits, life: &Life, block: &mut Block) {
    if life.way != Way::Apple {
        return;
    }
    let mut dice = Dice::new(world.options.seed, Purpose::Device, u64::from(person.number));
    let on = life.days.last().map_or(person.birth, |day| day.day);
    let [_, diabetic, _] = traits.drugs(person.sex, age_exact(person.birth, on));
    let (xml, told) = export(person, person.given.kanji, diabetic, &life.days, &mut dice);
    let Some(zip) = archive(&xml) else {
        return;
    };
    block.whole.push((life.path.clone(), zip));
    block.counts.personal += 1;
    for day in &told {
        note(day, person, block);
    }
}

fn note(day: &Told, person: &Person, block: &mut Block) {
    let (sbp, dbp) = day.pressure.unzip();
    let [deep, rem, light, awake] = day.stages.map_or([None; 4], |stages| stages.map(Some));
    let values = [
        ("steps", day.steps),
        ("sleep_min", day.sleep),
        ("wear_min", day.wear),
        ("resting_hr", day.rate),
        ("sbp", sbp),
        ("dbp", dbp),
        ("sleep_deep_min", deep),
        ("sleep_rem_min", rem),
        ("sleep_light_min", light),
        ("awake_min", awake),
        ("energy_in_kcal", day.eaten),
        ("energy_out_kcal", day.spent),
    ];
    if day.weight.is_some() || values.iter().any(|(_, value)| value.is_some()) {
        block.counts.days += 1;
        block.note(Source::Lifelog, "lifelog_daily", person.number, |row| {
            row.day("date", day.date).text("source", "apple_health");
            for (column, value) in values {
                if let Some(value) = value {
                    row.int(column, value);
                }
            }
            if let Some(weight) = day.weight {
                row.fixed("weight_kg", weight, 1);
            }
        });
    }
    for &value in &day.glucose {
        block.note(Source::Lifelog, "observation", person.number, |row| {
            row.day("date", day.date).text("place", "home").text("code", "hk:bloodGlucose");
            row.fixed("value", value, 3).text("unit", "mg/dL");
        });
    }
}
