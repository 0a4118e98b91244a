//! The records of an Apple Health export, day by day. Says nothing of which file they stand in.

use std::fmt::Write;

use super::super::calendar::civil;
use super::super::dice::Dice;
use super::super::lifelog::Day;
use super::Told;

#[derive(Clone, Copy)]
enum Device {
    Phone,
    Watch,
    /// Typed in by hand.
    Hand,
    /// An app beside a scale or a cuff.
    App,
}

/// Types in the order in which they stand in the file.
#[derive(Clone, Copy)]
enum Type {
    Weight,
    HeartRate,
    Systolic,
    Diastolic,
    Steps,
    Distance,
    Energy,
    Meals,
    Glucose,
    Resting,
    Sleep,
    Stand,
}

const TYPES: [&str; 12] = [
    "HKQuantityTypeIdentifierBodyMass",
    "HKQuantityTypeIdentifierHeartRate",
    "HKQuantityTypeIdentifierBloodPressureSystolic",
    "HKQuantityTypeIdentifierBloodPressureDiastolic",
    "HKQuantityTypeIdentifierStepCount",
    "HKQuantityTypeIdentifierDistanceWalkingRunning",
    "HKQuantityTypeIdentifierActiveEnergyBurned",
    "HKQuantityTypeIdentifierDietaryEnergyConsumed",
    "HKQuantityTypeIdentifierBloodGlucose",
    "HKQuantityTypeIdentifierRestingHeartRate",
    "HKCategoryTypeIdentifierSleepAnalysis",
    "HKCategoryTypeIdentifierAppleStandHour",
];

/// How a user's phone is set.
pub(super) struct Habits {
    pub(super) pounds: bool,
    /// The large calorie, which HealthKit also writes `Cal`.
    pub(super) large_calorie: bool,
    pub(super) stages: bool,
    pub(super) meals: bool,
    pub(super) glucose: bool,
    pub(super) millimoles: bool,
}

pub(super) struct Book<'a> {
    pub(super) owner: &'a str,
    pub(super) habits: Habits,
    /// The records of each type, already as text.
    pub(super) pages: [String; 12],
    pub(super) correlations: String,
    pub(super) summaries: String,
}

/// Local time: seconds since 1970-01-01 as the clock on the wall counts them.
pub(super) fn stamp(out: &mut String, seconds: i64) {
    let (y, m, d) = civil(seconds.div_euclid(86_400) as i32);
    let s = seconds.rem_euclid(86_400);
    let _ = write!(out, "{y:04}-{m:02}-{d:02} {:02}:{:02}:{:02} +0900", s / 3600, s / 60 % 60, s % 60);
}

pub(super) fn at(date: i32, hour: i64, minute: i64) -> i64 {
    i64::from(date) * 86_400 + hour * 3600 + minute * 60
}

impl Book<'_> {
    fn page(&mut self, of: Type) -> &mut String {
        // `Type` numbers the pages, so there is one for each.
        match self.pages.get_mut(of as usize) {
            Some(page) => page,
            None => &mut self.correlations,
        }
    }

    fn line(owner: &str, out: &mut String, of: Type, device: Device, span: (i64, i64), unit: &str, value: &str) {
        let name = TYPES.get(of as usize).copied().unwrap_or_default();
        let _ = write!(out, " <Record type=\"{name}\" ");
        // As iOS does, with a no-break space in the watch's name.
        let _ = match device {
            Device::Phone => write!(
                out,
                "sourceName=\"{owner}のiPhone\" sourceVersion=\"17.4.1\" device=\"&lt;&lt;HKDevice: 0x281d6a3f0&gt;, name:iPhone, \
manufacturer:Apple Inc., model:iPhone, hardware:iPhone14,5, software:17.4.1&gt;\""
            ),
            Device::Watch => write!(
                out,
                "sourceName=\"{owner}のApple\u{a0}Watch\" sourceVersion=\"10.4\" device=\"&lt;&lt;HKDevice: 0x281d6b5c0&gt;, name:Apple Watch, \
manufacturer:Apple Inc., model:Watch, hardware:Watch6,2, software:10.4&gt;\""
            ),
            Device::Hand => write!(out, "sourceName=\"ヘルスケア\" sourceVersion=\"17.4.1\""),
            Device::App => write!(out, "sourceName=\"からだ記録\" sourceVersion=\"3.2\""),
        };
        if !unit.is_empty() {
            let _ = write!(out, " unit=\"{unit}\"");
        }
        out.push_str(" creationDate=\"");
        stamp(out, span.1 + 7);
        out.push_str("\" startDate=\"");
        stamp(out, span.0);
        out.push_str("\" endDate=\"");
        stamp(out, span.1);
        let _ = write!(out, "\" value=\"{value}\"");
    }

    fn record(&mut self, of: Type, device: Device, span: (i64, i64), unit: &str, value: &str) {
        let owner = self.owner;
        let page = self.page(of);
        Self::line(owner, page, of, device, span, unit, value);
        page.push_str("/>\n");
    }

    /// Steps of a worn day: the watch in hours `from..to`, the phone partly over it and, before the watch is on, alone.
    fn steps(&mut self, dice: &mut Dice, day: &Day, (from, to): (i64, i64)) {
        let alone = if from > 6 && dice.chance(0.5) { (day.steps / 20).min(400) } else { 0 };
        if alone > 0 {
            let start = at(day.day, from - 1, 10);
            self.record(Type::Steps, Device::Phone, (start, start + 420), "count", &alone.to_string());
        }
        let mut rest = day.steps - alone;
        let walks = (to - from).clamp(1, 9);
        for walk in 0..walks {
            let share = if walk + 1 == walks {
                rest
            } else {
                (rest as f64 * (0.4 + dice.unit()) / (walks - walk) as f64) as i64
            };
            let share = share.clamp(0, rest);
            rest -= share;
            if share == 0 {
                continue;
            }
            let start = at(day.day, from + walk * (to - from) / walks, 12) + i64::from(dice.below(60));
            // Two records of the watch, one after the other; the phone's reaches from within the first into the second.
            let first = share / 2;
            if first > 0 {
                self.record(Type::Steps, Device::Watch, (start, start + 540), "count", &first.to_string());
            }
            self.record(Type::Steps, Device::Watch, (start + 540, start + 1020), "count", &(share - first).to_string());
            if dice.chance(0.6) && first > 0 {
                let (lag, less) = (i64::from(dice.below(200)), share * 9 / 10 + 1);
                let span = (start + 60 + lag, start + 700 + lag);
                self.record(Type::Steps, Device::Phone, span, "count", &less.to_string());
            }
            let metres = share * 7 / 10;
            let span = (start, start + 1020);
            self.record(Type::Distance, Device::Watch, span, "km", &format!("{}.{:03}", metres / 1000, metres % 1000));
        }
    }

    /// A night that ends in the morning of the day; gives minutes deep, REM, light and awake.
    fn night(&mut self, dice: &mut Dice, date: i32, asleep: i64) -> Option<[i64; 4]> {
        let end = at(date, 5, 40) + i64::from(dice.below(140)) * 60;
        if !self.habits.stages {
            let span = (end - asleep * 60, end);
            self.record(
                Type::Sleep,
                Device::Phone,
                (span.0 - 600, span.1 + 120),
                "",
                "HKCategoryValueSleepAnalysisInBed",
            );
            self.record(Type::Sleep, Device::Watch, span, "", "HKCategoryValueSleepAnalysisAsleepUnspecified");
            return None;
        }
        let awake = 4 + i64::from(dice.below(36));
        let (deep, rem) =
            (asleep * (10 + i64::from(dice.below(10))) / 100, asleep * (15 + i64::from(dice.below(10))) / 100);
        let totals = [deep, rem, asleep - deep - rem, awake];
        let mut left = totals;
        let mut time = end - (asleep + awake) * 60;
        let bed = (time - 480, end + 240);
        self.record(Type::Sleep, Device::Phone, bed, "", "HKCategoryValueSleepAnalysisInBed");
        const CYCLES: i64 = 4;
        for cycle in 0..CYCLES {
            // Light, deep, REM, and waking up shortly; what is left over goes to the last cycle.
            for (stage, name) in [(2, "AsleepCore"), (0, "AsleepDeep"), (1, "AsleepREM"), (3, "Awake")] {
                let (Some(total), Some(rest)) = (totals.get(stage), left.get_mut(stage)) else {
                    continue;
                };
                let minutes = if cycle + 1 == CYCLES { *rest } else { (total / CYCLES).min(*rest) };
                *rest -= minutes;
                if minutes > 0 {
                    let span = (time, time + minutes * 60);
                    time = span.1;
                    self.record(Type::Sleep, Device::Watch, span, "", &format!("HKCategoryValueSleepAnalysis{name}"));
                }
            }
        }
        Some(totals)
    }

    fn pressure(&mut self, date: i32, (sbp, dbp): (i64, i64)) {
        let when = at(date, 7, 20);
        let (high, low) = (sbp.to_string(), dbp.to_string());
        self.record(Type::Systolic, Device::App, (when, when), "mmHg", &high);
        self.record(Type::Diastolic, Device::App, (when, when), "mmHg", &low);
        let out = &mut self.correlations;
        out.push_str(" <Correlation type=\"HKCorrelationTypeIdentifierBloodPressure\" sourceName=\"からだ記録\" sourceVersion=\"3.2\" creationDate=\"");
        stamp(out, when + 7);
        out.push_str("\" startDate=\"");
        stamp(out, when);
        out.push_str("\" endDate=\"");
        stamp(out, when);
        out.push_str("\">\n");
        for (of, value) in [(Type::Systolic, &high), (Type::Diastolic, &low)] {
            out.push(' ');
            Self::line(self.owner, out, of, Device::App, (when, when), "mmHg", value);
            out.push_str("/>\n");
        }
        out.push_str(" </Correlation>\n");
    }
}

impl Book<'_> {
    /// All records of a day, and what they add up to.
    pub(super) fn day(&mut self, dice: &mut Dice, day: &Day) -> Told {
        let mut told = Told { date: day.day, weight: None, pressure: day.pressure, ..Told::default() };
        told.steps = (day.steps > 0).then_some(day.steps);
        if day.worn {
            let hours = (day.wear / 60).clamp(6, 17);
            let from = 7 + i64::from(dice.below(2)).min(23 - 7 - hours).max(0);
            let to = from + hours;
            self.steps(dice, day, (from, to));
            self.worn(dice, day, (from, to));
            told.wear = Some(hours * 60);
            told.spent = Some(self.energy(dice, day, (from, to)));
            if let Some(rate) = day.heart {
                let span = (at(day.day, 0, 4), at(day.day, 23, 40));
                self.record(Type::Resting, Device::Watch, span, "count/min", &rate.to_string());
                told.rate = Some(rate);
            }
            if let Some(asleep) = day.sleep {
                told.stages = self.night(dice, day.day, asleep);
                told.sleep = Some(asleep);
            }
        } else if day.steps > 0 {
            let start = at(day.day, 12, 5);
            self.record(Type::Steps, Device::Phone, (start, start + 600), "count", &day.steps.to_string());
        }
        if let Some(weight) = day.weight {
            let when = at(day.day, 7, 5);
            let (unit, tenths) = if self.habits.pounds {
                ("lb", (weight * 100_000_000 + 22_679_618) / 45_359_237)
            } else {
                ("kg", weight)
            };
            let value = format!("{}.{}", tenths / 10, tenths % 10);
            self.record(Type::Weight, Device::App, (when, when), unit, &value);
            // One pound is 0.45359237 kg.
            let kilograms = if self.habits.pounds { (tenths * 45_359_237 + 50_000_000) / 100_000_000 } else { weight };
            told.weight = Some(kilograms);
        }
        if let Some(both) = day.pressure {
            self.pressure(day.day, both);
        }
        if self.habits.meals && dice.chance(0.6) {
            let mut sum = 0;
            for (hour, most) in [(7, 500), (12, 800), (19, 900)] {
                let eaten = 200 + i64::from(dice.below(most));
                let when = at(day.day, hour, 30);
                self.record(Type::Meals, Device::Hand, (when, when), "kcal", &eaten.to_string());
                sum += eaten;
            }
            told.eaten = Some(sum);
        }
        if self.habits.glucose && dice.chance(0.5) {
            let tenths = 45 + i64::from(dice.below(70));
            let when = at(day.day, 6, 50);
            let (unit, value) = if self.habits.millimoles {
                ("mmol&lt;180.1558800000541&gt;/L", format!("{}.{}", tenths / 10, tenths % 10))
            } else {
                ("mg/dL", (tenths * 2).to_string())
            };
            self.record(Type::Glucose, Device::Hand, (when, when), unit, &value);
            // 1 mmol/L is 18.01558800000541 mg/dL; 10 × thousandths, rounded.
            told.glucose.push(if self.habits.millimoles {
                (tenths * 18_015_588 + 5_000) / 10_000
            } else {
                tenths * 2_000
            });
        }
        told
    }

    /// What shows that the watch was on: heart rates all the time, and an entry for each hour, stood or idle.
    fn worn(&mut self, dice: &mut Dice, day: &Day, (from, to): (i64, i64)) {
        let base = day.heart.unwrap_or(64);
        for hour in from..to {
            let start = at(day.day, hour, 0);
            let stood = if dice.chance(0.8) { "Stood" } else { "Idle" };
            let value = format!("HKCategoryValueAppleStandHour{stood}");
            self.record(Type::Stand, Device::Watch, (start, start + 3600), "", &value);
            for minute in [4, 14, 24, 34, 44, 54] {
                let when = start + minute * 60;
                let rate = base + i64::from(dice.below(40));
                self.record(Type::HeartRate, Device::Watch, (when, when), "count/min", &rate.to_string());
            }
        }
    }

    /// Energy in tenths of a kilocalorie whose sum is whole.
    fn energy(&mut self, dice: &mut Dice, day: &Day, (from, to): (i64, i64)) -> i64 {
        let total = 120 + day.steps / 25;
        let mut left = total * 10;
        let unit = if self.habits.large_calorie { "Cal" } else { "kcal" };
        for hour in from..to {
            let share =
                if hour + 1 == to { left } else { (left / (to - hour)) * i64::from(50 + dice.below(100)) / 100 };
            left -= share;
            if share > 0 {
                let start = at(day.day, hour, 12);
                let value = format!("{}.{}", share / 10, share % 10);
                self.record(Type::Energy, Device::Watch, (start, start + 1800), unit, &value);
            }
        }
        let (y, m, d) = civil(day.day);
        let _ = writeln!(
            self.summaries,
            " <ActivitySummary dateComponents=\"{y:04}-{m:02}-{d:02}\" activeEnergyBurned=\"{total}\" activeEnergyBurnedGoal=\"400\" \
activeEnergyBurnedUnit=\"kcal\" appleStandHours=\"{}\" appleStandHoursGoal=\"12\"/>",
            to - from
        );
        total
    }
}
