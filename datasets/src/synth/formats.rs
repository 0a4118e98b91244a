//! Which formats a synthetic population is written in. Words, not settings: rates are in `options`.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::SynthError;

/// A format that may be left out. Eligibility lists, checkup XML archives and a service's daily CSV are always written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// Payer-side claims (`NN_RECODEINFO`): 医科 and 調剤.
    Payer,
    /// Provider-side claims (UKE) of some facilities, as source `clinic`. The same receipts as on the payer's side.
    Provider,
    /// DPC receipts for the stays that hospitals bill so; without it they are 医科 receipts.
    Dpc,
    /// 歯科 receipts.
    Dental,
    /// Apple Health exports of a few users.
    Apple,
    /// Fitbit CSV of a few users.
    Fitbit,
    /// JP eCheckup bundles and FHIR Observations.
    Fhir,
    /// Checkups as CSV.
    CheckupCsv,
    /// 特定保健指導 and other programmes.
    Programmes,
    /// Vaccination, allergy, 要介護認定, 休職, ストレスチェック.
    Events,
    /// Laboratory values.
    Observations,
    /// What persons allow.
    Consent,
    /// Who must not leave the source.
    OptOut,
}

/// All words, in the order of the docs.
const WORDS: [(&str, Format); 13] = [
    ("payer", Format::Payer),
    ("provider", Format::Provider),
    ("dpc", Format::Dpc),
    ("dental", Format::Dental),
    ("apple", Format::Apple),
    ("fitbit", Format::Fitbit),
    ("fhir", Format::Fhir),
    ("checkup_csv", Format::CheckupCsv),
    ("programmes", Format::Programmes),
    ("events", Format::Events),
    ("observations", Format::Observations),
    ("consent", Format::Consent),
    ("opt_out", Format::OptOut),
];

/// What is written if nobody says otherwise. Not consents: a room that can't filter by them must not take them.
const DEFAULT: [Format; 5] = [Format::Payer, Format::Dpc, Format::Dental, Format::Apple, Format::Programmes];

/// A set of formats; in a config file a list of words, among them `all` and `default`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<String>", into = "Vec<String>")]
pub struct Formats(BTreeSet<Format>);

impl Formats {
    /// Every format.
    #[must_use]
    pub fn all() -> Self {
        Formats(WORDS.iter().map(|(_, format)| *format).collect())
    }

    /// Whether a format is written.
    #[must_use]
    pub fn has(&self, format: Format) -> bool {
        self.0.contains(&format)
    }

    fn add(&mut self, word: &str) -> Result<(), SynthError> {
        match word {
            "" => {}
            "all" => self.0.extend(Formats::all().0),
            "default" => self.0.extend(DEFAULT),
            word => {
                let known = WORDS.iter().find(|(known, _)| *known == word);
                let (_, format) = known.ok_or(SynthError::Option { name: "formats", help: HELP })?;
                self.0.insert(*format);
            }
        }
        Ok(())
    }
}

const HELP: &str = "a list of payer, provider, dpc, dental, apple, fitbit, fhir, checkup_csv, programmes, events, observations, consent, opt_out, all, default";

impl Default for Formats {
    fn default() -> Self {
        Formats(DEFAULT.into_iter().collect())
    }
}

impl FromIterator<Format> for Formats {
    fn from_iter<T: IntoIterator<Item = Format>>(formats: T) -> Self {
        Formats(formats.into_iter().collect())
    }
}

/// Words between commas.
impl FromStr for Formats {
    type Err = SynthError;

    fn from_str(text: &str) -> Result<Self, SynthError> {
        let mut formats = Formats(BTreeSet::new());
        text.split(',').try_for_each(|word| formats.add(word.trim()))?;
        Ok(formats)
    }
}

impl TryFrom<Vec<String>> for Formats {
    type Error = SynthError;

    fn try_from(words: Vec<String>) -> Result<Self, SynthError> {
        let mut formats = Formats(BTreeSet::new());
        words.iter().try_for_each(|word| formats.add(word))?;
        Ok(formats)
    }
}

impl From<Formats> for Vec<String> {
    fn from(formats: Formats) -> Self {
        WORDS.iter().filter(|(_, format)| formats.has(*format)).map(|(word, _)| (*word).to_owned()).collect()
    }
}

impl fmt::Display for Formats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&Vec::from(self.clone()).join(","))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn words_make_sets() {
        let formats: Formats = "payer, apple".parse().unwrap();
        assert!(formats.has(Format::Payer) && formats.has(Format::Apple) && !formats.has(Format::Dental));
        assert_eq!(formats.to_string(), "payer,apple");
        assert_eq!("all".parse::<Formats>().unwrap(), Formats::all());
        assert_eq!("default".parse::<Formats>().unwrap(), Formats::default());
        assert_eq!(Vec::from(Formats::all()).len(), WORDS.len());
        assert!("payer,dentist".parse::<Formats>().is_err());
    }
}
