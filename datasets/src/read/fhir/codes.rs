//! Which codes are daily values of a device, and in which units. Sources: LOINC; names of HealthKit types, which the
//! JP PGHD guide uses; UCUM. Not the grid of a column: that is the catalogue's.

use super::json::Json;
use crate::read::lifelog::day;
use crate::read::{number, text};

/// A code system that an observation may be coded in; smaller is preferred.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum System {
    Jlac10,
    Loinc,
    HealthKit,
    Local,
}

impl System {
    pub(super) fn prefix(self) -> &'static str {
        match self {
            Self::Jlac10 => "jlac10:",
            Self::Loinc => "loinc:",
            Self::HealthKit => "hk:",
            Self::Local => "local:",
        }
    }
}

/// A column of `lifelog_daily` that devices fill.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Daily {
    Steps,
    Sleep,
    Deep,
    Rem,
    Light,
    Awake,
    EnergyIn,
    EnergyOut,
    RestingRate,
    Weight,
    Systolic,
    Diastolic,
}

impl Daily {
    /// Its place among the measures of a day.
    pub(super) fn measure(self) -> usize {
        match self {
            Self::Steps => day::STEPS,
            Self::Sleep => day::SLEEP,
            Self::Deep => day::DEEP,
            Self::Rem => day::REM,
            Self::Light => day::LIGHT,
            Self::Awake => day::AWAKE,
            Self::EnergyIn => day::EATEN,
            Self::EnergyOut => day::SPENT,
            Self::RestingRate => day::RESTING,
            Self::Weight => day::WEIGHT,
            Self::Systolic => day::SBP,
            Self::Diastolic => day::DBP,
        }
    }

    /// Whether the values of a day add up.
    pub(super) fn adds_up(self) -> bool {
        !matches!(self, Self::RestingRate | Self::Weight | Self::Systolic | Self::Diastolic)
    }

    /// Whether it is of a night, and so of the day on which it ends.
    pub(super) fn of_night(self) -> bool {
        matches!(self, Self::Sleep | Self::Deep | Self::Rem | Self::Light | Self::Awake)
    }

    /// Whether only a device measures it; the others are measured in clinics too.
    pub(super) fn only_devices(self) -> bool {
        self.adds_up() || self == Self::RestingRate
    }

    /// Thousandths of the column's unit. A missing unit is the usual one.
    pub(super) fn thousandths(self, value: &str, unit: &str) -> Result<i64, &'static str> {
        let unit = text::narrow(unit).to_lowercase();
        let unit = unit.as_str();
        let (up, down): (i128, i128) = match self {
            Self::Steps => match unit {
                "" | "1" | "{steps}" | "{step}" | "steps" | "step" | "count" | "{count}" | "{#}" | "#" | "/d"
                | "1/d" | "{steps}/d" | "{step}/d" | "steps/day" | "歩" | "歩/日" => (1, 1),
                _ => return Err("unit"),
            },
            Self::Sleep | Self::Deep | Self::Rem | Self::Light | Self::Awake => match unit {
                "" | "min" | "mins" | "minutes" | "minute" | "分" => (1, 1),
                "h" | "hr" | "hour" | "hours" | "時間" => (60, 1),
                "s" | "sec" | "秒" => (1, 60),
                _ => return Err("unit"),
            },
            Self::EnergyIn | Self::EnergyOut => match unit {
                "" | "kcal" | "[cal]" | "kcal/d" | "kcal/(24.h)" => (1, 1),
                "cal" => (1, 1_000),
                "kj" | "kj/d" => (1_000, 4_184),
                _ => return Err("unit"),
            },
            Self::RestingRate => match unit {
                "" | "/min" | "1/min" | "{beats}/min" | "{beat}/min" | "{heartbeats}/min" | "beats/min"
                | "beats/minute" | "count/min" | "bpm" | "回/分" => (1, 1),
                _ => return Err("unit"),
            },
            Self::Weight => match unit {
                "" | "kg" | "㎏" => (1, 1),
                "g" => (1, 1_000),
                "[lb_av]" | "lb" | "lbs" => (45_359_237, 100_000_000),
                _ => return Err("unit"),
            },
            Self::Systolic | Self::Diastolic => match unit {
                "" | "mm[hg]" | "mmhg" | "㎜hg" => (1, 1),
                _ => return Err("unit"),
            },
        };
        let millionths = i128::from(number::decimal(value.as_bytes(), 6).ok_or("number")?);
        let down = down * 1_000;
        let half = if millionths < 0 { -down / 2 } else { down / 2 };
        i64::try_from((millionths * up + half) / down).map_err(|_| "number")
    }
}

/// A coding: its system and code, clean.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Coding {
    pub(super) system: System,
    pub(super) code: String,
}

const HEALTHKIT: [&str; 4] =
    ["HKQuantityTypeIdentifier", "HKCategoryTypeIdentifier", "HKCorrelationTypeIdentifier", "HKDataType"];

/// What a coding says; `None` if its code has not the form of a code (a text in its place is nobody's code).
pub(super) fn coding(coding: &Json<'_>) -> Option<Coding> {
    let code = coding.text("code")?.trim();
    if code.contains(char::is_whitespace) {
        return None;
    }
    let code = text::narrow(code);
    let system = coding.text("system").unwrap_or("").trim().to_ascii_lowercase();
    let plain = |most: usize| {
        (1..=most).contains(&code.len())
            && code.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_'))
    };
    if matches!(system.as_str(), "http://loinc.org" | "https://loinc.org" | "urn:oid:2.16.840.1.113883.6.1") {
        let (number, check) = code.split_once('-')?;
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let fits = (1..=8).contains(&number.len()) && check.len() == 1 && digits(number) && digits(check);
        return fits.then_some(Coding { system: System::Loinc, code });
    }
    let jlac = matches!(system.as_str(), "urn:oid:1.2.392.200119.4.504" | "urn:oid:1.2.392.200119.6.1005")
        || system.contains("jlac10")
        || system.ends_with("jp_observationlabresultcode_cs");
    if jlac {
        let upper = |byte: u8| byte.is_ascii_digit() || byte.is_ascii_uppercase();
        let fits = matches!(code.len(), 15 | 17) && code.bytes().all(upper);
        return fits.then_some(Coding { system: System::Jlac10, code });
    }
    if let Some(name) = HEALTHKIT.iter().find_map(|prefix| code.strip_prefix(prefix)) {
        return plain(60).then(|| Coding { system: System::HealthKit, code: lower_first(name) });
    }
    let named = system.contains("healthkit") || system.contains("apple.com") || system.contains("pghd");
    if named && plain(60) {
        return Some(Coding { system: System::HealthKit, code: lower_first(&code) });
    }
    plain(40).then_some(Coding { system: System::Local, code })
}

fn lower_first(name: &str) -> String {
    let mut chars = name.chars();
    chars.next().map(|first| first.to_ascii_lowercase()).into_iter().chain(chars).collect()
}

/// The column of a coding, if a device fills one.
pub(super) fn daily(coding: &Coding) -> Option<Daily> {
    let found = match (coding.system, coding.code.as_str()) {
        (System::Loinc, "41950-7" | "55423-8") | (System::HealthKit, "stepCount") => Daily::Steps,
        (System::Loinc, "93832-4") | (System::HealthKit, "sleepAnalysis") => Daily::Sleep,
        (System::Loinc, "93831-6") => Daily::Deep,
        (System::Loinc, "93829-0") => Daily::Rem,
        (System::Loinc, "93830-8") => Daily::Light,
        (System::Loinc, "9052-2") | (System::HealthKit, "dietaryEnergyConsumed") => Daily::EnergyIn,
        (System::Loinc, "41981-2") | (System::HealthKit, "activeEnergyBurned") => Daily::EnergyOut,
        (System::Loinc, "40443-4") | (System::HealthKit, "restingHeartRate") => Daily::RestingRate,
        (System::Loinc, "29463-7" | "3141-9") | (System::HealthKit, "bodyMass") => Daily::Weight,
        (System::Loinc, "8480-6") | (System::HealthKit, "bloodPressureSystolic") => Daily::Systolic,
        (System::Loinc, "8462-4") | (System::HealthKit, "bloodPressureDiastolic") => Daily::Diastolic,
        _ => return None,
    };
    Some(found)
}

/// What a stage of HealthKit's `sleepAnalysis` fills; `Ok(None)` for lying in bed.
pub(super) fn stage(code: &str) -> Result<Option<Daily>, ()> {
    let code = text::narrow(code);
    let name = code.strip_prefix("HKCategoryValueSleepAnalysis").unwrap_or(&code).to_ascii_lowercase();
    match name.as_str() {
        "inbed" | "0" => Ok(None),
        "asleep" | "asleepunspecified" | "1" => Ok(Some(Daily::Sleep)),
        "awake" | "2" => Ok(Some(Daily::Awake)),
        "asleepcore" | "core" | "light" | "3" => Ok(Some(Daily::Light)),
        "asleepdeep" | "deep" | "4" => Ok(Some(Daily::Deep)),
        "asleeprem" | "rem" | "5" => Ok(Some(Daily::Rem)),
        _ => Err(()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;
    use crate::read::fhir::json::parse;

    #[test]
    fn codings() {
        let of = |system: &str, code: &str| {
            let text = format!("{{\"system\":\"{system}\",\"code\":\"{code}\"}}");
            coding(&parse(text.as_bytes()).unwrap()).map(|coding| format!("{}{}", coding.system.prefix(), coding.code))
        };
        assert_eq!(of("http://loinc.org", "8480-6").as_deref(), Some("loinc:8480-6"));
        assert_eq!(of("http://loinc.org", "山田太郎"), None);
        assert_eq!(
            of("urn:oid:1.2.392.200119.4.504", "3D046000001906202").as_deref(),
            Some("jlac10:3D046000001906202")
        );
        assert_eq!(of("urn:oid:1.2.392.200119.6.1005", "3D04600000190620"), None);
        assert_eq!(of("http://x/pghd", "stepCount").as_deref(), Some("hk:stepCount"));
        assert_eq!(of("", "HKQuantityTypeIdentifierStepCount").as_deref(), Some("hk:stepCount"));
        assert_eq!(of("http://x", "GLU-1").as_deref(), Some("local:GLU-1"));
        assert_eq!(of("http://x", "two words"), None);
    }

    #[test]
    fn units_are_exact() {
        assert_eq!(Daily::Weight.thousandths("150", "[lb_av]"), Ok(68_039));
        assert_eq!(Daily::Weight.thousandths("60.25", "kg"), Ok(60_250));
        assert_eq!(Daily::Sleep.thousandths("7.5", "h"), Ok(450_000));
        assert_eq!(Daily::Sleep.thousandths("90", "s"), Ok(1_500));
        assert_eq!(Daily::EnergyOut.thousandths("418.4", "kJ"), Ok(100_000));
        assert_eq!(Daily::Steps.thousandths("100", "km"), Err("unit"));
        assert_eq!(Daily::Steps.thousandths("1234567890123456789012345678901", ""), Err("number"));
        assert_eq!(Daily::Steps.thousandths("-0.0005", ""), Ok(-1));
    }
}
