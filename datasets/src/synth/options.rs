//! What a synthetic population is to look like. Every rate can come from a config file; the defaults aim at published figures.

use serde::{Deserialize, Serialize};

use super::{Formats, SynthError};

/// Size, seed and rates of a synthetic population.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SynthOptions {
    /// Natural persons, those included who never see a doctor.
    pub persons: u32,
    /// Months of data; the last one is 2025-03 (24 → 2023-04 to 2025-03).
    pub months: u32,
    /// Same options, same seed: same bytes.
    pub seed: u64,
    /// Worker threads; the files do not depend on it.
    pub threads: u32,
    /// Share of households that begin in the employer's 健保; the others begin in 国保.
    pub kenpo_share: f64,
    /// Share of adults (20-79) who use the lifelog service.
    pub lifelog_share: f64,
    /// Users at most who give an Apple Health export, if that is written at all; and so for Fitbit and FHIR.
    pub apple_users: u32,
    /// Users who give Fitbit files.
    pub fitbit_users: u32,
    /// Users who give FHIR Observations.
    pub fhir_users: u32,
    /// Which formats are written.
    pub formats: Formats,
    /// What happens in people's lives.
    pub events: EventRates,
    /// What clerks and systems do to identifiers and claims.
    pub noise: NoiseRates,
}

/// Events per year at risk.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EventRates {
    /// An insured employee leaves: new 記号番号 in 国保, or with the other employer.
    pub job_change: f64,
    /// Of those who leave, share that goes to the other employer of the same 健保.
    pub job_change_within: f64,
    /// A 国保 household head under 60 is employed: back to 健保.
    pub employment: f64,
    /// An unmarried woman of 20-44 marries and takes a new surname.
    pub marriage: f64,
    /// A household moves within reach of its insurer: new postcode.
    pub relocation: f64,
    /// A 国保 household leaves the municipality, and the room.
    pub departure: f64,
    /// A birth is a birth of twins (per birth, not per year).
    pub twins: f64,
}

impl Default for EventRates {
    fn default() -> Self {
        EventRates {
            job_change: 0.06,
            job_change_within: 0.25,
            employment: 0.06,
            marriage: 0.06,
            relocation: 0.05,
            departure: 0.015,
            twins: 0.01,
        }
    }
}

/// Probabilities of identifier and claim errors. A clerk's error stays: it belongs to a person at a facility, not to a receipt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NoiseRates {
    /// A name with 異体字 is registered in variant characters (per person and registry).
    pub variant_kanji: f64,
    /// A facility writes the name in half-width kana instead of kanji.
    pub kana_for_kanji: f64,
    /// A facility leaves out the kana name.
    pub missing_kana: f64,
    /// A registry knows no small kana (ショウ → シヨウ).
    pub large_kana: f64,
    /// 記号・番号 in full-width digits.
    pub full_width: f64,
    /// One character of the name is wrong.
    pub name_typo: f64,
    /// The birth date is wrong.
    pub birth_typo: f64,
    /// The sex is wrong.
    pub sex_error: f64,
    /// One digit of 番号 is wrong.
    pub number_typo: f64,
    /// 枝番 is missing.
    pub missing_branch: f64,
    /// A lifelog user gives the insurer's 記号・番号.
    pub roster_insurer: f64,
    /// A receipt is corrected by the clearing body (JY).
    pub correction: f64,
    /// A receipt comes again a month or two later, adjudicated anew under another 請求年月.
    pub readjudicated: f64,
    /// A receipt arrives a month or two late.
    pub late: f64,
    /// A facility's program writes UKE its own way: LF, UTF-8, no end mark, empty items at the end left out.
    pub provider_variant: f64,
}

impl Default for NoiseRates {
    fn default() -> Self {
        NoiseRates {
            variant_kanji: 0.4,
            kana_for_kanji: 0.06,
            missing_kana: 0.25,
            large_kana: 0.1,
            full_width: 0.5,
            name_typo: 0.004,
            birth_typo: 0.003,
            sex_error: 0.0005,
            number_typo: 0.003,
            missing_branch: 0.08,
            roster_insurer: 0.6,
            correction: 0.01,
            readjudicated: 0.002,
            late: 0.02,
            provider_variant: 0.4,
        }
    }
}

impl Default for SynthOptions {
    fn default() -> Self {
        SynthOptions {
            persons: 20_000,
            months: 24,
            seed: 1,
            threads: 2,
            kenpo_share: 0.55,
            lifelog_share: 0.3,
            apple_users: 20,
            fitbit_users: 20,
            fhir_users: 20,
            formats: Formats::default(),
            events: EventRates::default(),
            noise: NoiseRates::default(),
        }
    }
}

impl SynthOptions {
    pub(crate) fn validate(&self) -> Result<(), SynthError> {
        let (events, noise) = (&self.events, &self.noise);
        let rates = [
            ("kenpo_share", self.kenpo_share),
            ("lifelog_share", self.lifelog_share),
            ("events.job_change", events.job_change),
            ("events.job_change_within", events.job_change_within),
            ("events.employment", events.employment),
            ("events.marriage", events.marriage),
            ("events.relocation", events.relocation),
            ("events.departure", events.departure),
            ("events.twins", events.twins),
            ("noise.variant_kanji", noise.variant_kanji),
            ("noise.kana_for_kanji", noise.kana_for_kanji),
            ("noise.missing_kana", noise.missing_kana),
            ("noise.large_kana", noise.large_kana),
            ("noise.full_width", noise.full_width),
            ("noise.name_typo", noise.name_typo),
            ("noise.birth_typo", noise.birth_typo),
            ("noise.sex_error", noise.sex_error),
            ("noise.number_typo", noise.number_typo),
            ("noise.missing_branch", noise.missing_branch),
            ("noise.roster_insurer", noise.roster_insurer),
            ("noise.correction", noise.correction),
            ("noise.readjudicated", noise.readjudicated),
            ("noise.late", noise.late),
            ("noise.provider_variant", noise.provider_variant),
        ];
        for (name, value) in rates {
            if !(0.0..=1.0).contains(&value) {
                return Err(SynthError::Option { name, help: "a rate lies between 0 and 1" });
            }
        }
        if self.persons == 0 || self.persons > 50_000_000 {
            return Err(SynthError::Option { name: "persons", help: "between 1 and 50,000,000" });
        }
        if self.apple_users.max(self.fitbit_users).max(self.fhir_users) > 1_000_000 {
            return Err(SynthError::Option {
                name: "apple_users",
                help: "no more than 1,000,000 users with own files",
            });
        }
        if self.months == 0 || self.months > 120 {
            return Err(SynthError::Option { name: "months", help: "between 1 and 120" });
        }
        Ok(())
    }
}
