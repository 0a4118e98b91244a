//! HealthKit's types and units: what a record is for, and its value on our grid. Not which of two sources counts.
//!
//! Conversions are exact fractions. An export writes percentages as parts of one.

use crate::read::number;

/// What a record is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    Steps,
    Sleep,
    /// An hour of a watch, stood or idle; a time stood.
    Stand,
    Heart,
    Resting,
    Weight,
    Systolic,
    Diastolic,
    Spent,
    Eaten,
    /// A place in [`OBSERVED`].
    Observed(usize),
    /// No column has it; counted by class.
    LeftOut(&'static str),
}

/// A unit and the fraction that brings a value to the unit we keep.
type Unit = (&'static str, i64, i64);

const BEATS: &[Unit] = &[("count/min", 1, 1), ("count/s", 60, 1)];
const MASS: &[Unit] = &[
    ("kg", 1, 1),
    ("g", 1, 1_000),
    ("lb", 45_359_237, 100_000_000),
    ("st", 635_029_318, 100_000_000),
    ("oz", 28_349_523_125, 1_000_000_000_000),
];
const PRESSURE: &[Unit] = &[("mmHg", 1, 1), ("kPa", 7_500_616_827, 1_000_000_000)];
const ENERGY: &[Unit] = &[("kcal", 1, 1), ("Cal", 1, 1), ("kJ", 1_000, 4_184), ("cal", 1, 1_000), ("J", 1, 4_184)];
const LENGTH: &[Unit] = &[("cm", 1, 1), ("m", 100, 1), ("mm", 1, 10), ("in", 254, 100), ("ft", 3_048, 100)];
const GLUCOSE: &[Unit] = &[("mg/dL", 1, 1), ("g/L", 100, 1), ("mg/L", 1, 10)];
const SHARE: &[Unit] = &[("%", 100, 1)];
const GRAMS: &[Unit] = &[("g", 1, 1), ("mg", 1, 1_000), ("kg", 1_000, 1), ("oz", 28_349_523_125, 1_000_000_000)];
const MILLIGRAMS: &[Unit] = &[("mg", 1, 1), ("g", 1_000, 1), ("mcg", 1, 1_000)];
const LITRES: &[Unit] = &[("L", 1, 1), ("mL", 1, 1_000)];
/// Told apart from others by its offset.
const WARMTH: &[Unit] = &[("degC", 1, 1)];

/// HealthKit's name after `HKQuantityTypeIdentifier`, ours in `observation.code`, UCUM, and the units taken.
pub(super) struct Observed {
    name: &'static str,
    pub(super) code: &'static str,
    pub(super) unit: &'static str,
    units: &'static [Unit],
}

const fn observed(name: &'static str, code: &'static str, unit: &'static str, units: &'static [Unit]) -> Observed {
    Observed { name, code, unit, units }
}

pub(super) const OBSERVED: &[Observed] = &[
    observed("BloodGlucose", "hk:bloodGlucose", "mg/dL", GLUCOSE),
    observed("BodyTemperature", "hk:bodyTemperature", "Cel", WARMTH),
    observed("BasalBodyTemperature", "hk:basalBodyTemperature", "Cel", WARMTH),
    observed("AppleSleepingWristTemperature", "hk:appleSleepingWristTemperature", "Cel", WARMTH),
    observed("OxygenSaturation", "hk:oxygenSaturation", "%", SHARE),
    observed("BodyFatPercentage", "hk:bodyFatPercentage", "%", SHARE),
    observed("RespiratoryRate", "hk:respiratoryRate", "/min", BEATS),
    observed("WalkingHeartRateAverage", "hk:walkingHeartRateAverage", "/min", BEATS),
    observed("HeartRateVariabilitySDNN", "hk:heartRateVariabilitySDNN", "ms", &[("ms", 1, 1), ("s", 1_000, 1)]),
    observed("VO2Max", "hk:vo2Max", "mL/kg/min", &[("mL/min·kg", 1, 1), ("mL/kg·min", 1, 1), ("ml/(kg*min)", 1, 1)]),
    observed("BodyMassIndex", "hk:bodyMassIndex", "kg/m2", &[("count", 1, 1), ("kg/m²", 1, 1)]),
    observed("Height", "hk:height", "cm", LENGTH),
    observed("WaistCircumference", "hk:waistCircumference", "cm", LENGTH),
    observed("LeanBodyMass", "hk:leanBodyMass", "kg", MASS),
    observed("PeakExpiratoryFlowRate", "hk:peakExpiratoryFlowRate", "L/min", &[("L/min", 1, 1)]),
    observed("ForcedVitalCapacity", "hk:forcedVitalCapacity", "L", LITRES),
    observed("ForcedExpiratoryVolume1", "hk:forcedExpiratoryVolume1", "L", LITRES),
    observed("InsulinDelivery", "hk:insulinDelivery", "[IU]", &[("IU", 1, 1)]),
    observed("DietaryProtein", "hk:dietaryProtein", "g", GRAMS),
    observed("DietaryCarbohydrates", "hk:dietaryCarbohydrates", "g", GRAMS),
    observed("DietaryFatTotal", "hk:dietaryFatTotal", "g", GRAMS),
    observed("DietaryFiber", "hk:dietaryFiber", "g", GRAMS),
    observed("DietarySugar", "hk:dietarySugar", "g", GRAMS),
    observed("DietarySodium", "hk:dietarySodium", "mg", MILLIGRAMS),
];

impl What {
    pub(super) fn of(kind: &str) -> Self {
        if let Some(name) = kind.strip_prefix("HKQuantityTypeIdentifier") {
            return match name {
                "StepCount" => Self::Steps,
                "HeartRate" => Self::Heart,
                "RestingHeartRate" => Self::Resting,
                "BodyMass" => Self::Weight,
                "BloodPressureSystolic" => Self::Systolic,
                "BloodPressureDiastolic" => Self::Diastolic,
                "ActiveEnergyBurned" => Self::Spent,
                "DietaryEnergyConsumed" => Self::Eaten,
                "AppleStandTime" => Self::Stand,
                _ => match OBSERVED.iter().position(|observed| observed.name == name) {
                    Some(at) => Self::Observed(at),
                    None => Self::LeftOut(class(name)),
                },
            };
        }
        match kind.strip_prefix("HKCategoryTypeIdentifier") {
            Some("SleepAnalysis") => Self::Sleep,
            Some("AppleStandHour") => Self::Stand,
            Some(_) => Self::LeftOut("type-other-category"),
            None if kind.starts_with("HKDataType") => Self::LeftOut("type-data"),
            None => Self::LeftOut("type-unknown"),
        }
    }

    fn units(self) -> &'static [Unit] {
        match self {
            Self::Steps => &[("count", 1, 1)],
            Self::Resting => BEATS,
            Self::Weight => MASS,
            Self::Systolic | Self::Diastolic => PRESSURE,
            Self::Spent | Self::Eaten => ENERGY,
            Self::Observed(at) => OBSERVED.get(at).map_or(&[], |observed| observed.units),
            Self::Sleep | Self::Stand | Self::Heart | Self::LeftOut(_) => &[],
        }
    }

    /// The value in the unit that is kept, in units of 10^-digits, half away from zero; and whether a percentage had
    /// been written as such.
    pub(super) fn value(self, text: &str, unit: &str, digits: u8) -> Result<(i64, bool), &'static str> {
        let units = self.units();
        let known = units.iter().find(|&&(name, _, _)| name == unit);
        if let Some((_, 1, 1)) = known {
            return Ok((number::decimal(text.as_bytes(), digits).ok_or("number")?, false));
        }
        let value = number::decimal(text.as_bytes(), MICRO).ok_or("number")?;
        let fraction = match known {
            _ if unit.is_empty() => return Err("unit-missing"),
            // Parts of one are never above one: somebody wrote a percentage.
            Some(("%", _, _)) if value > 1_000_000 => return Ok((scaled(value, 1, 1, digits).ok_or("number")?, true)),
            Some(&(_, up, down)) => Some((i128::from(up), i128::from(down))),
            None if units == GLUCOSE => molar(unit),
            None if units == WARMTH && unit == "degF" => {
                let above = value.checked_sub(32_000_000).ok_or("number")?;
                return Ok((scaled(above, 5, 9, digits).ok_or("number")?, false));
            }
            None => None,
        };
        let (up, down) = fraction.ok_or("unit")?;
        Ok((scaled(value, up, down, digits).ok_or("number")?, false))
    }
}

/// Digits after the point that values are read with.
const MICRO: u8 = 6;

fn scaled(value: i64, up: i128, down: i128, digits: u8) -> Option<i64> {
    let down = down.checked_mul(10_i128.pow(u32::from(MICRO.saturating_sub(digits))))?;
    let whole = i128::from(value).checked_mul(up)?;
    let half = if whole < 0 { -(down / 2) } else { down / 2 };
    i64::try_from(whole.checked_add(half)?.checked_div(down)?).ok()
}

/// `mmol<180.1558800000541>/L` of glucose: the molar mass stands in the unit. To mg/dL.
fn molar(unit: &str) -> Option<(i128, i128)> {
    const PLACES: u8 = 13;
    let mass = match unit {
        "mmol/L" => "180.1558800000541",
        _ => unit.strip_prefix("mmol<")?.strip_suffix(">/L")?,
    };
    let mass = number::decimal(mass.as_bytes(), PLACES)?;
    let one = 10_i64.pow(u32::from(PLACES));
    // Glucose weighs 180 g/mol: another mass is another substance.
    (mass / one == 180).then_some((i128::from(mass), i128::from(one) * 10))
}

fn class(name: &str) -> &'static str {
    const CLASSES: &[(&str, &str)] = &[
        ("Dietary", "type-nutrition"),
        ("Distance", "type-activity"),
        ("Flights", "type-activity"),
        ("BasalEnergy", "type-activity"),
        ("AppleExercise", "type-activity"),
        ("AppleMove", "type-activity"),
        ("Cycling", "type-activity"),
        ("Running", "type-activity"),
        ("Swimming", "type-activity"),
        ("PhysicalEffort", "type-activity"),
        ("Walking", "type-mobility"),
        ("AppleWalking", "type-mobility"),
        ("Stair", "type-mobility"),
        ("SixMinute", "type-mobility"),
        ("Environmental", "type-hearing"),
        ("Headphone", "type-hearing"),
    ];
    CLASSES.iter().find(|(prefix, _)| name.starts_with(prefix)).map_or("type-other-quantity", |&(_, class)| class)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;

    #[test]
    fn units() {
        let value = |what: What, text, unit, digits| what.value(text, unit, digits).map(|(value, _)| value);
        assert_eq!(value(What::Weight, "154.3", "lb", 1), Ok(700));
        assert_eq!(value(What::Weight, "70.25000000000001", "kg", 1), Ok(703));
        assert_eq!(value(What::Weight, "70250", "g", 1), Ok(703));
        assert_eq!(value(What::Weight, "11", "st", 1), Ok(699));
        assert_eq!(value(What::Spent, "4.184", "kJ", 3), Ok(1_000));
        assert_eq!(value(What::Spent, "12.3456", "Cal", 3), Ok(12_346));
        let glucose = What::of("HKQuantityTypeIdentifierBloodGlucose");
        assert_eq!(value(glucose, "5.5", "mmol<180.1558800000541>/L", 3), Ok(99_086));
        assert_eq!(value(glucose, "99", "mg/dL", 3), Ok(99_000));
        assert_eq!(value(glucose, "5.5", "mmol<386.65>/L", 3), Err("unit"));
        assert_eq!(value(What::of("HKQuantityTypeIdentifierBodyTemperature"), "98.6", "degF", 3), Ok(37_000));
        let oxygen = What::of("HKQuantityTypeIdentifierOxygenSaturation");
        assert_eq!(oxygen.value("0.97", "%", 3), Ok((97_000, false)));
        assert_eq!(oxygen.value("97", "%", 3), Ok((97_000, true)));
        assert_eq!(value(What::Weight, "70", "", 1), Err("unit-missing"));
        assert_eq!(value(What::Weight, "70", "count", 1), Err("unit"));
        assert_eq!(value(What::Weight, "1234567890123456789012345678901", "kg", 1), Err("number"));
        assert_eq!(value(What::Weight, "999999999999", "st", 1), Ok(63_502_931_799_936));
    }

    #[test]
    fn types() {
        assert_eq!(What::of("HKCategoryTypeIdentifierSleepAnalysis"), What::Sleep);
        assert_eq!(What::of("HKQuantityTypeIdentifierDietaryWater"), What::LeftOut("type-nutrition"));
        assert_eq!(What::of("HKQuantityTypeIdentifierNew"), What::LeftOut("type-other-quantity"));
        assert_eq!(What::of(""), What::LeftOut("type-unknown"));
        for observed in OBSERVED {
            assert!(matches!(What::of(&format!("HKQuantityTypeIdentifier{}", observed.name)), What::Observed(_)));
        }
    }
}
