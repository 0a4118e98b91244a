//! The Fellegi–Sunter model: m and u by field and level, and what they make of a row's candidates. Not how they are estimated.
//!
//! A level's weight is log2(m/u) (Fellegi & Sunter 1969), m its probability for a row and its own person, u for a row and another
//! person of the same sex and birth month. Fields are taken as independent given which of the two it is; [`crate::Pattern`] says how
//! the levels are cut so that this is defensible.
//!
//! A row belongs to one person at most, so its candidates compete (Sadinle 2017): with ν the probability that the row's person isn't
//! there yet and n persons per cell of sex and birth month, the odds of candidate i against *nobody* are oᵢ = (1 − ν)/(ν n) · 2^wᵢ
//! and its posterior is oᵢ/(1 + Σoⱼ). With one candidate and ν → 1 that is the textbook's λ/(1 − λ) · m/u.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::error::LinkageError;
use crate::pattern::{FIELDS, Field, LEVELS, Pattern};

/// Version of the model's file: its fields, levels and formulas.
pub const MODEL: &str = "sudare-fs-1";

/// What sort of row it is: how likely its person is somebody new depends on that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// From a list of insured people.
    Enrolment,
    /// With an insurance number, from no list.
    Numbered,
    /// Without number.
    Other,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Kind; 3] = [Kind::Enrolment, Kind::Numbered, Kind::Other];

    const fn index(self) -> usize {
        self as usize
    }
}

/// A level's two probabilities.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Level {
    /// Given the same person.
    pub m: f64,
    /// Given another person of the same sex and birth month.
    pub u: f64,
}

/// A frozen model. The same rows and the same model give the same persons.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "File", into = "File")]
pub struct Model {
    pub(crate) note: String,
    pub(crate) upper: f64,
    pub(crate) lower: f64,
    pub(crate) cell: f64,
    pub(crate) new: [f64; 3],
    pub(crate) levels: [[Level; LEVELS]; FIELDS],
}

/// The model as it is written.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    version: String,
    /// What it was fitted on.
    note: String,
    /// Posterior from which a pair is linked.
    upper: f64,
    /// Posterior below which a pair isn't worth a look; between the two it is listed for review.
    lower: f64,
    /// Mean persons of one sex and birth month.
    persons_per_cell: f64,
    /// Probability that a row's person isn't there yet, by kind of row.
    new_person: BTreeMap<Kind, f64>,
    fields: BTreeMap<String, BTreeMap<String, Level>>,
}

impl From<Model> for File {
    fn from(model: Model) -> File {
        let fields = Field::ALL.into_iter().zip(&model.levels).map(|(field, levels)| {
            let levels = field.levels().iter().zip(levels).map(|(name, level)| ((*name).to_owned(), *level));
            (field.name().to_owned(), levels.collect())
        });
        File {
            version: MODEL.to_owned(),
            fields: fields.collect(),
            note: model.note,
            upper: model.upper,
            lower: model.lower,
            persons_per_cell: model.cell,
            new_person: Kind::ALL.into_iter().zip(model.new).collect(),
        }
    }
}

impl TryFrom<File> for Model {
    type Error = LinkageError;

    fn try_from(mut file: File) -> Result<Model, LinkageError> {
        let inner = |p: f64| p > 0.0 && p < 1.0;
        if file.version != MODEL {
            return Err(LinkageError::Model("version"));
        }
        if !(inner(file.upper) && inner(file.lower) && file.lower <= file.upper) {
            return Err(LinkageError::Model("upper and lower"));
        }
        if !(file.persons_per_cell >= 1.0 && file.persons_per_cell.is_finite()) {
            return Err(LinkageError::Model("persons_per_cell"));
        }
        let mut new = [0.0; 3];
        for (slot, kind) in new.iter_mut().zip(Kind::ALL) {
            let given = file.new_person.get(&kind).copied().filter(|&p| inner(p));
            *slot = given.ok_or(LinkageError::Model("new_person"))?;
        }
        let mut levels = [[Level { m: 1.0, u: 1.0 }; LEVELS]; FIELDS];
        for (field, slots) in Field::ALL.into_iter().zip(&mut levels) {
            let mut given = file.fields.remove(field.name()).ok_or(LinkageError::Model(field.name()))?;
            let (mut m, mut u) = (0.0, 0.0);
            for (name, slot) in field.levels().iter().zip(slots) {
                let level = given.remove(*name).filter(|level| inner(level.m) && inner(level.u));
                *slot = level.ok_or(LinkageError::Model(field.name()))?;
                m += slot.m;
                u += slot.u;
            }
            let whole = |sum: f64| (sum - 1.0).abs() < 1e-4;
            if !given.is_empty() || !whole(m) || !whole(u) {
                return Err(LinkageError::Model(field.name()));
            }
        }
        if !file.fields.is_empty() {
            return Err(LinkageError::Model("fields"));
        }
        Ok(Model { note: file.note, upper: file.upper, lower: file.lower, cell: file.persons_per_cell, new, levels })
    }
}

impl Model {
    /// The model that comes with the program; see the note inside its file.
    #[must_use]
    pub fn builtin() -> Option<Model> {
        Model::parse(include_str!("../model/sudare-fs-1.toml")).ok()
    }

    /// Reads a model's file.
    ///
    /// # Errors
    /// [`LinkageError::Model`] if a part is missing, unknown or no probability.
    pub fn parse(text: &str) -> Result<Model, LinkageError> {
        let file: File = toml::from_str(text).map_err(|_| LinkageError::Model("its form"))?;
        file.try_into()
    }

    /// The model's file.
    ///
    /// # Errors
    /// If it can't be written.
    pub fn to_text(&self) -> Result<String, LinkageError> {
        toml::to_string(self).map_err(|_| LinkageError::Model("its form"))
    }

    /// Says what it was fitted on.
    #[must_use]
    pub fn noted(mut self, note: &str) -> Model {
        note.clone_into(&mut self.note);
        self
    }

    /// Posterior from which a pair is linked, and below which it isn't worth a look.
    #[must_use]
    pub fn thresholds(&self) -> (f64, f64) {
        (self.upper, self.lower)
    }

    /// The weight of a field's level in bits; 0 without information.
    #[must_use]
    pub fn weight(&self, pattern: &Pattern, field: Field) -> f64 {
        let level = pattern.level(field).and_then(|at| self.levels.get(field.index())?.get(usize::from(at)));
        level.map_or(0.0, |level| (level.m / level.u).log2())
    }

    /// The weight of a pattern in bits: the sum over its fields.
    #[must_use]
    pub fn total(&self, pattern: &Pattern) -> f64 {
        Field::ALL.into_iter().map(|field| self.weight(pattern, field)).sum()
    }

    /// What speaks for a candidate before it is compared, in bits: log2 of (1 − ν)/(ν n).
    #[must_use]
    pub fn prior(&self, kind: Kind) -> f64 {
        let new = self.new.get(kind.index()).copied().unwrap_or(0.5);
        ((1.0 - new) / (new * self.cell)).log2()
    }

    /// Posteriors of a row's candidates from their total weights; together with *nobody* they make 1.
    #[must_use]
    pub fn posteriors(&self, kind: Kind, totals: &[f64]) -> Vec<f64> {
        let prior = self.prior(kind);
        // The largest exponent is taken out, so that nothing overflows.
        let top = totals.iter().map(|total| total + prior).fold(0.0, f64::max);
        let odds: Vec<f64> = totals.iter().map(|total| (total + prior - top).exp2()).collect();
        let sum: f64 = odds.iter().sum::<f64>() + (-top).exp2();
        odds.into_iter().map(|odds| odds / sum).collect()
    }

    /// The probability that a row and its own person share no token at all and so are never compared, by the model.
    #[must_use]
    pub fn unreachable(&self) -> f64 {
        let m = |field: Field, from: usize| -> f64 {
            self.levels
                .get(field.index())
                .map_or(0.0, |levels| levels.iter().skip(from).take(field.levels().len() - from).map(|l| l.m).sum())
        };
        // Number other, name different: fields of their own given the person. The individual number is seldom known.
        m(Field::Number, 4) * m(Field::Name, 5)
    }
}
