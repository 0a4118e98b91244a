//! Estimates the model without truth: expectation–maximization over the patterns of a run. It links nobody.
//!
//! The universe is every row against every person of its sex and birth month that was there before it. Pairs that share a token are all
//! taken; of the others, which are practically all pairs, a sample carries their number. So u is what strangers show, not what
//! strangers show who happened to share a token, and the fields stay independent given the class.
//!
//! In the E-step a row's candidates compete for it, and pairs that a hard constraint keeps apart are known to be two people; in the
//! M-step m, u and the share of new people are weighted frequencies (Dempster, Laird & Rubin 1977; Winkler 1988). Half a pair is added
//! to every level, so that nothing is impossible.

use std::collections::BTreeMap;

use crate::error::LinkageError;
use crate::model::{Kind, Level, Model};
use crate::pattern::{FIELDS, Field, LEVELS, Pattern};

/// Rounds after which an estimate that still moves is taken as it is.
const ROUNDS: usize = 500;
/// Largest change of any probability at which it has settled.
const SETTLED: f64 = 1e-9;
/// Share of matches in which a field shows any level whatever: what no estimate foresees may not veto everything else.
const STRAY: f64 = 1e-3;
/// Added to every level's count.
const HALF: f64 = 0.5;

/// What a run shows to the estimate.
#[derive(Debug, Clone, Default)]
pub struct Sample {
    /// Rows by kind and by their candidates: pattern, and whether a hard constraint makes it two people.
    rows: BTreeMap<(Kind, Vec<(Pattern, bool)>), f64>,
    /// Patterns of pairs that share no token.
    strangers: BTreeMap<Pattern, f64>,
    /// Pairs in the universe, and those among them that were compared.
    pairs: f64,
    compared: f64,
}

impl Sample {
    /// Adds a row with its candidates, among `cell` persons of its sex and birth month.
    pub fn row(&mut self, kind: Kind, mut candidates: Vec<(Pattern, bool)>, cell: usize) {
        candidates.sort_unstable();
        self.compared += candidates.len() as f64;
        self.pairs += cell.max(candidates.len()) as f64;
        *self.rows.entry((kind, candidates)).or_default() += 1.0;
    }

    /// Adds a pair that shares no token.
    pub fn stranger(&mut self, pattern: Pattern) {
        *self.strangers.entry(pattern).or_default() += 1.0;
    }

    /// Puts another run's sample to this one.
    pub fn join(&mut self, other: Sample) {
        for (key, count) in other.rows {
            *self.rows.entry(key).or_default() += count;
        }
        for (key, count) in other.strangers {
            *self.strangers.entry(key).or_default() += count;
        }
        self.pairs += other.pairs;
        self.compared += other.compared;
    }

    /// Estimates the model; the thresholds are `upper` and `lower`.
    ///
    /// # Errors
    /// [`LinkageError::Model`] if there is nothing to estimate from.
    pub fn fit(&self, upper: f64, lower: f64) -> Result<Model, LinkageError> {
        let rows: f64 = self.rows.values().sum();
        let seen: f64 = self.strangers.values().sum();
        if rows < 1.0 || self.compared < 1.0 {
            return Err(LinkageError::Model("too few rows"));
        }
        let per_stranger = if seen > 0.0 { (self.pairs - self.compared).max(0.0) / seen } else { 0.0 };
        let mut model = Model {
            note: String::new(),
            upper,
            lower,
            cell: (self.pairs / rows).max(1.0),
            new: [0.5; 3],
            levels: start(),
        };
        for _ in 0..ROUNDS {
            let next = self.round(&model, per_stranger);
            let moved = change(&model, &next);
            model = next;
            if moved < SETTLED {
                break;
            }
        }
        for (slots, field) in model.levels.iter_mut().zip(Field::ALL) {
            let used = field.levels().len();
            for slot in slots.iter_mut().take(used) {
                slot.m = short(slot.m * (1.0 - STRAY) + STRAY / used as f64);
                slot.u = short(slot.u);
            }
        }
        model.new = model.new.map(short);
        model.cell = short(model.cell);
        Ok(model)
    }

    fn round(&self, model: &Model, per_stranger: f64) -> Model {
        let mut counts = [[Level { m: HALF, u: HALF }; LEVELS]; FIELDS];
        let (mut new, mut rows) = ([HALF; 3], [1.0; 3]);
        for ((kind, candidates), &count) in &self.rows {
            let open: Vec<f64> = candidates.iter().filter(|c| !c.1).map(|c| model.total(&c.0)).collect();
            let mut posteriors = model.posteriors(*kind, &open).into_iter();
            let mut known = 0.0;
            for (pattern, apart) in candidates {
                let share = if *apart { 0.0 } else { posteriors.next().unwrap_or(0.0) };
                known += share;
                add(&mut counts, pattern, count * share, count * (1.0 - share));
            }
            let at = *kind as usize;
            if let (Some(new), Some(rows)) = (new.get_mut(at), rows.get_mut(at)) {
                *new += count * (1.0 - known).max(0.0);
                *rows += count;
            }
        }
        for (pattern, count) in &self.strangers {
            add(&mut counts, pattern, 0.0, count * per_stranger);
        }
        let mut next = model.clone();
        for ((slot, new), rows) in next.new.iter_mut().zip(new).zip(rows) {
            *slot = (new / rows).clamp(1e-6, 1.0 - 1e-6);
        }
        for ((slots, counts), field) in next.levels.iter_mut().zip(counts).zip(Field::ALL) {
            let used = field.levels().len();
            let (m, u) = counts.iter().take(used).fold((0.0, 0.0), |(m, u), level| (m + level.m, u + level.u));
            for (slot, level) in slots.iter_mut().zip(counts).take(used) {
                *slot = Level { m: level.m / m, u: level.u / u };
            }
        }
        next
    }
}

/// Six digits: a frozen model should be readable, and be the same after it was written and read.
fn short(value: f64) -> f64 {
    format!("{value:.5e}").parse().unwrap_or(value)
}

fn add(counts: &mut [[Level; LEVELS]; FIELDS], pattern: &Pattern, same: f64, other: f64) {
    for (field, slots) in Field::ALL.into_iter().zip(counts) {
        if let Some(slot) = pattern.level(field).and_then(|level| slots.get_mut(usize::from(level))) {
            slot.m += same;
            slot.u += other;
        }
    }
}

/// Levels are listed from agreement to difference: m starts falling, u rising.
fn start() -> [[Level; LEVELS]; FIELDS] {
    let mut levels = [[Level { m: 1.0, u: 1.0 }; LEVELS]; FIELDS];
    for (field, slots) in Field::ALL.into_iter().zip(&mut levels) {
        let used = field.levels().len();
        let ranks = || (0..used).map(|rank| 4f64.powi(-i32::try_from(rank).unwrap_or(0)));
        let sum: f64 = ranks().sum();
        let falling: Vec<f64> = ranks().map(|weight| weight / sum).collect();
        for ((slot, m), u) in slots.iter_mut().zip(&falling).zip(falling.iter().rev()) {
            *slot = Level { m: *m, u: *u };
        }
    }
    levels
}

fn change(a: &Model, b: &Model) -> f64 {
    let pairs = a.levels.iter().flatten().zip(b.levels.iter().flatten());
    let levels = pairs.flat_map(|(a, b)| [(a.m - b.m).abs(), (a.u - b.u).abs()]);
    let new = a.new.iter().zip(b.new).map(|(a, b)| (a - b).abs());
    levels.chain(new).fold(0.0, f64::max)
}
