//! A user's Fitbit files, as its site exports them: activities, sleep and body, each a CSV with a title line, all cells quoted,
//! thousands with commas, times as `11:22PM`. Sleep stands under the night's begin and end.

use super::calendar::civil;
use super::dice::{Dice, Purpose};
use super::formats::Format;
use super::lifelog::{Day, Life, Way};
use super::out::{Block, Source};
use super::people::Person;
use super::run::World;

const ACTIVITIES: &str = "Activities\nDate,Calories Burned,Steps,Distance,Floors,Minutes Sedentary,Minutes Lightly Active,Minutes Fairly Active,Minutes Very Active,Activity Calories\n";
const SLEEP: &str = "Sleep\nStart Time,End Time,Minutes Asleep,Minutes Awake,Number of Awakenings,Time in Bed,Minutes REM Sleep,Minutes Light Sleep,Minutes Deep Sleep\n";
const BODY: &str = "Body\nDate,Weight,BMI,Fat\n";
const FOODS: &str = "Foods\nDate,Calories In\n";

fn thousands(value: i64) -> String {
    let digits = value.to_string();
    let mut out = String::new();
    for (at, c) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    out
}

fn date(day: i32) -> String {
    let (y, m, d) = civil(day);
    format!("{y:04}-{m:02}-{d:02}")
}

/// Minutes since the day's midnight, perhaps before it.
fn moment(day: i32, minute: i64) -> String {
    let day = day + minute.div_euclid(1440) as i32;
    let minute = minute.rem_euclid(1440);
    let (hour, half) = (minute / 60, if minute < 720 { "AM" } else { "PM" });
    let twelve = if hour % 12 == 0 { 12 } else { hour % 12 };
    format!("{} {twelve}:{:02}{half}", date(day), minute % 60)
}

fn line(cells: &[String]) -> String {
    let mut out = String::new();
    for (at, cell) in cells.iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        out.push('"');
        out.push_str(cell);
        out.push('"');
    }
    out.push('\n');
    out
}

/// What the rows of a day hold beside the day itself.
struct More {
    /// Awake, REM, light, deep.
    night: Option<[i64; 4]>,
    spent: i64,
    /// Sedentary all day, and no step: nobody wore it.
    idle: bool,
    eaten: Option<i64>,
}

/// Energy spent, and whether the device lay there all day.
fn activity(dice: &mut Dice, day: &Day, out: &mut String) -> (i64, bool) {
    let spent = 150 + day.steps / 22;
    let very = day.steps / 600 + if day.worn { i64::from(dice.below(5)) } else { 0 };
    let (fairly, lightly) = (day.steps / 700, day.steps / 60);
    let still = (1440 - very - fairly - lightly).max(0);
    let tenths = day.steps * 7 / 1000;
    let cells = [
        date(day.day),
        thousands(1450 + spent),
        thousands(day.steps),
        format!("{}.{}", tenths / 10, tenths % 10),
        (day.steps / 900).to_string(),
        thousands(still),
        lightly.to_string(),
        fairly.to_string(),
        very.to_string(),
        thousands(spent),
    ];
    out.push_str(&line(&cells));
    (spent, day.steps == 0 && still == 1440)
}

fn night(dice: &mut Dice, day: &Day, asleep: i64, out: &mut String) -> [i64; 4] {
    let awake = 5 + i64::from(dice.below(45));
    let rem = asleep * i64::from(15 + dice.below(10)) / 100;
    let deep = asleep * i64::from(10 + dice.below(10)) / 100;
    let light = asleep - rem - deep;
    let up = 330 + i64::from(dice.below(150));
    let cells = [
        moment(day.day, up - asleep - awake),
        moment(day.day, up),
        asleep.to_string(),
        awake.to_string(),
        (awake / 3).to_string(),
        (asleep + awake).to_string(),
        rem.to_string(),
        light.to_string(),
        deep.to_string(),
    ];
    out.push_str(&line(&cells));
    [awake, rem, light, deep]
}

/// The files of a user who gave Fitbit's.
pub(crate) fn write(world: &World<'_>, person: &Person, life: &Life, block: &mut Block) {
    if life.way != Way::Fitbit || !world.writes(Format::Fitbit) {
        return;
    }
    let mut dice = Dice::new(world.options.seed, Purpose::Device, u64::from(person.number));
    let [mut activities, mut sleep, mut body, mut foods] = [ACTIVITIES, SLEEP, BODY, FOODS].map(str::to_owned);
    let counts_meals = dice.chance(0.4);
    for day in &life.days {
        let (spent, idle) = activity(&mut dice, day, &mut activities);
        let night = day.sleep.map(|asleep| night(&mut dice, day, asleep, &mut sleep));
        if let Some(weight) = day.weight {
            let cells = [date(day.day), format!("{}.{}", weight / 10, weight % 10), "22.4".to_owned(), "0".to_owned()];
            body.push_str(&line(&cells));
        }
        let eaten = (counts_meals && dice.chance(0.8)).then(|| 1_300 + i64::from(dice.below(1_400)));
        if let Some(eaten) = eaten {
            foods.push_str(&line(&[date(day.day), thousands(eaten)]));
        }
        note(day, &More { night, spent, idle, eaten }, person, block);
    }
    if counts_meals {
        // One file of several sections, as the site gives it when all is ticked.
        let text = [body, foods, activities, sleep].join("\n");
        block.whole.push((format!("{}/fitbit_export.csv", life.path), text.into_bytes()));
        block.counts.personal += 1;
        return;
    }
    for (name, text) in [("activities", activities), ("sleep", sleep), ("body", body)] {
        block.whole.push((format!("{}/{name}.csv", life.path), text.into_bytes()));
    }
    block.counts.personal += 3;
}

fn note(day: &Day, more: &More, person: &Person, block: &mut Block) {
    block.note(Source::Lifelog, "lifelog_daily", person.number, |row| {
        row.day("date", day.day).int("steps", day.steps).text("source", "fitbit").int("energy_out_kcal", more.spent);
        if let (Some(asleep), Some([awake, rem, light, deep])) = (day.sleep, more.night) {
            row.int("sleep_min", asleep).int("awake_min", awake).int("sleep_rem_min", rem);
            row.int("sleep_light_min", light).int("sleep_deep_min", deep);
        }
        if more.idle {
            row.int("wear_min", 0);
        }
        if let Some(eaten) = more.eaten {
            row.int("energy_in_kcal", eaten);
        }
        if let Some(weight) = day.weight {
            row.fixed("weight_kg", weight, 1);
        }
    });
    block.counts.days += 1;
}
