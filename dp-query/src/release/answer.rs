//! The answer as people and programs read it: one row per cell of the closed domain, released or suppressed, with error bars. Computed
//! from noisy integers only; nothing here has ever seen an exact one.

use policies::{Digest, Price};
use serde::{Deserialize, Serialize};

use crate::mechanism::{Joint, Noise, half_width, normal_quantile};
use crate::plan::{OutputKind, Plan, Statistic};
use crate::quote::{ALPHA, Line, Quote, QuoteError, grid, parts, spread};

/// The format's name and version.
pub const FORMAT: &str = "sudare-answer/1";

/// What the answer belongs to. Every field is bound by the intent in the log or by the request's signature.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Origin {
    /// The room's name.
    pub room: String,
    /// Project id.
    pub project: String,
    /// Name on the researcher's card.
    pub researcher: String,
    /// Id of the request.
    pub request: Digest,
    /// Digest of the plan.
    pub plan: Digest,
    /// Digest of the policy.
    pub policy: Digest,
    /// Keyed digest of the store.
    pub snapshot: String,
    /// Log entry of the intent.
    pub intent: u64,
    /// What was charged, and what this answer alone guarantees.
    pub price: Price,
}

/// A released table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// [`FORMAT`].
    pub format: String,
    /// What the answer belongs to.
    pub origin: Origin,
    /// Cells with fewer noisy persons are suppressed.
    pub minimum_persons: u32,
    /// Least probability with which each interval holds, as text.
    pub confidence: String,
    /// Grouping keys with their closed lists.
    pub keys: Vec<AnswerKey>,
    /// Columns in the order of the SELECT list.
    pub columns: Vec<Column>,
    /// Every cell of the closed domain, last key fastest.
    pub cells: Vec<Cell>,
}

/// A grouping key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AnswerKey {
    /// Name.
    pub name: String,
    /// The closed list.
    pub values: Vec<String>,
    /// What each value means in words; may be empty texts.
    pub meanings: Vec<String>,
}

/// A column of the answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Column {
    /// Name.
    pub name: String,
    /// What it shows.
    pub kind: ColumnKind,
}

/// What a column shows. All but keys take the next of [`Cell::values`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ColumnKind {
    /// The key of this number.
    Key(usize),
    /// A noisy count.
    Count,
    /// A noisy sum.
    Sum,
    /// Noisy sum over noisy count.
    Mean,
}

/// Whether a cell is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Shown.
    Released,
    /// Its noisy number of persons is below the minimum: nothing of it is shown.
    Suppressed,
}

/// One cell.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cell {
    /// Values of the keys, in the order of [`Answer::keys`].
    pub keys: Vec<String>,
    /// Shown or not.
    pub status: Status,
    /// One per column that is no key; empty if suppressed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<Value>,
}

/// A noisy value and how far it may be off.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Value {
    /// The noisy value.
    pub value: f64,
    /// Standard deviation of the noise (of a mean: by the delta method).
    pub sd: f64,
    /// Holds the bounded value of these very persons with the stated confidence or more.
    pub interval: [f64; 2],
    /// The same if these persons are a random sample of a population: the sampling variance is bounded from the public bounds of one
    /// person's contribution, so that the interval is wide rather than wrong.
    pub population: [f64; 2],
}

/// Builds the answer from noisy statistics (one vector per statistic, over all cells).
pub(crate) fn assemble(origin: Origin, plan: &Plan, quote: &Quote, noisy: &[Vec<i64>]) -> Result<Answer, QuoteError> {
    let columns = plan.outputs().iter().map(|output| Column {
        name: output.name.clone(),
        kind: match output.what {
            OutputKind::Key(key) => ColumnKind::Key(key),
            OutputKind::Count(_) => ColumnKind::Count,
            OutputKind::Sum { .. } => ColumnKind::Sum,
            OutputKind::Mean { .. } => ColumnKind::Mean,
        },
    });
    let keys = plan.keys().iter().map(|key| AnswerKey {
        name: key.name.clone(),
        values: key.values.clone(),
        meanings: key.meanings.clone(),
    });
    let shows = plan
        .outputs()
        .iter()
        .map(|output| Show::new(plan, quote.lines(), output.what))
        .collect::<Result<Vec<_>, _>>()?;
    let mut cells = Vec::with_capacity(plan.cells());
    for cell in 0..plan.cells() {
        let look = |statistic: usize| {
            let vector = noisy.get(statistic).and_then(|vector| vector.get(cell));
            vector.copied().ok_or(QuoteError::Plan("list of statistics"))
        };
        // Statistic 0 is the number of persons: its noisy value alone decides, so that the decision is post-processing.
        let shown = look(0)? >= i64::from(quote.minimum_persons());
        let mut values = Vec::new();
        if shown {
            for show in &shows {
                values.extend(show.value(&look)?);
            }
        }
        cells.push(Cell {
            keys: plan.cell(cell).into_iter().map(str::to_owned).collect(),
            status: if shown { Status::Released } else { Status::Suppressed },
            values,
        });
    }
    Ok(Answer {
        format: FORMAT.to_owned(),
        origin,
        minimum_persons: quote.minimum_persons(),
        confidence: "0.95".to_owned(),
        keys: keys.collect(),
        columns: columns.collect(),
        cells,
    })
}

/// An output with what is the same in every cell.
enum Show<'a> {
    Key,
    Count { number: usize, statistic: &'a Statistic, sd: f64, reach: f64 },
    Sum { number: usize, count: Option<usize>, statistic: &'a Statistic, sd: f64, reach: f64 },
    Mean { sum: usize, count: usize, mean: Mean<'a> },
}

impl<'a> Show<'a> {
    fn new(plan: &'a Plan, lines: &[Line], what: OutputKind) -> Result<Self, QuoteError> {
        let inconsistent = || QuoteError::Plan("noise");
        match what {
            OutputKind::Key(_) => Ok(Self::Key),
            OutputKind::Count(number) => {
                let (statistic, line) = parts(plan, lines, number)?;
                let (sd, reach) = spread(&line.noise, None, ALPHA).ok_or_else(inconsistent)?;
                Ok(Self::Count { number, statistic, sd, reach })
            }
            OutputKind::Sum { sum: number, count } => {
                let (statistic, line) = parts(plan, lines, number)?;
                let centre = match count {
                    Some(count) => Some((parts(plan, lines, count)?.1.noise, statistic.centre)),
                    None => None,
                };
                let (sd, reach) = spread(&line.noise, centre, ALPHA).ok_or_else(inconsistent)?;
                Ok(Self::Sum { number, count, statistic, sd, reach })
            }
            OutputKind::Mean { sum, count } => {
                let (statistic, line) = parts(plan, lines, sum)?;
                let (_, counts) = parts(plan, lines, count)?;
                let mean = Mean::new(statistic, &line.noise, &counts.noise).ok_or_else(inconsistent)?;
                Ok(Self::Mean { sum, count, mean })
            }
        }
    }

    /// The value in one cell; None for a key.
    fn value(&self, look: &dyn Fn(usize) -> Result<i64, QuoteError>) -> Result<Option<Value>, QuoteError> {
        match self {
            Self::Key => Ok(None),
            Self::Count { number, statistic, sd, reach } => {
                let noisy = look(*number)? as f64;
                // Contributions x lie within [0, hi]: Σ Var x ≤ Σ E x² ≤ hi · Σ E x.
                let sampling = statistic.hi as f64 * noisy.max(0.0);
                Ok(Some(symmetric(noisy, *sd, *reach, sampling, statistic.digits)))
            }
            Self::Sum { number, count, statistic, sd, reach } => {
                let mut noisy = look(*number)? as f64;
                if let Some(count) = count {
                    noisy += statistic.centre as f64 * look(*count)? as f64;
                }
                let least = statistic.lo.saturating_add(statistic.centre) as f64;
                let most = statistic.hi.saturating_add(statistic.centre) as f64;
                let sampling = if least >= 0.0 {
                    most * noisy.max(0.0)
                } else {
                    least.abs().max(most.abs()).powi(2) * (look(0)? as f64).max(0.0)
                };
                Ok(Some(symmetric(noisy, *sd, *reach, sampling, statistic.digits)))
            }
            Self::Mean { sum, count, mean } => {
                let found = mean.value(look(*sum)? as f64, look(*count)? as f64);
                found.map(Some).ok_or(QuoteError::Plan("noise"))
            }
        }
    }
}

/// A value with a symmetric interval; everything in grid units.
fn symmetric(noisy: f64, sd: f64, reach: f64, sampling: f64, digits: u8) -> Value {
    // α = 5% two-sided; a hair above the quantile.
    let wide = reach.hypot(1.96 * sampling.sqrt());
    let places = i32::from(digits);
    let unit = grid(digits);
    let bounds = |reach: f64| [down((noisy - reach) / unit, places), up((noisy + reach) / unit, places)];
    Value {
        value: near(noisy / unit, places),
        sd: near(sd / unit, places + 2),
        interval: bounds(reach),
        population: bounds(wide),
    }
}

/// A mean: noisy centred sum over noisy count.
struct Mean<'a> {
    statistic: &'a Statistic,
    sums: Noise,
    counts: Noise,
    joint: Joint,
    quantile: f64,
    smallest: f64,
}

impl<'a> Mean<'a> {
    fn new(statistic: &'a Statistic, sums: &Noise, counts: &Noise) -> Option<Self> {
        Some(Self {
            statistic,
            sums: *sums,
            counts: *counts,
            joint: Joint::new(sums, counts, ALPHA)?,
            quantile: normal_quantile(ALPHA)?,
            smallest: 2.0 * half_width(counts, ALPHA)? as f64 + 2.0,
        })
    }

    /// Noisy centred sum S over noisy count N, with Fieller's interval: all θ for which S − θN is no further from zero than the noise of
    /// exactly that combination reaches. Joint, and as wide as it must be; where N is too small for a statement it is the whole range.
    fn value(&self, s: f64, n: f64) -> Option<Value> {
        let statistic = self.statistic;
        let (lo, hi) = (statistic.lo as f64, statistic.hi as f64);
        let middle = (s / n.max(1.0)).clamp(lo, hi);
        let (low, high) = if n <= self.smallest {
            (lo, hi)
        } else {
            // From this N on, |S − θN| grows faster in θ than the noise's reach: what is accepted is one interval around S/N.
            let accepted = |theta: f64| {
                let reach = self.joint.half_width(theta);
                reach.map(|reach| (s - theta * n).abs() <= reach)
            };
            (edge(s / n, -1.0, n, &accepted)?.clamp(lo, hi), edge(s / n, 1.0, n, &accepted)?.clamp(lo, hi))
        };
        // Var of a value within [lo, hi] with this mean is at most (hi − mean)(mean − lo) (Bhatia and Davis 2000).
        let sampling = self.quantile * ((hi - middle) * (middle - lo) / n.max(1.0)).sqrt();
        let wide =
            ((middle - (middle - low).hypot(sampling)).max(lo), (middle + (high - middle).hypot(sampling)).min(hi));
        let (unit, places) = (grid(statistic.digits), i32::from(statistic.digits) + 2);
        let centre = statistic.centre as f64;
        let show = |theta: f64| (centre + theta) / unit;
        let sd = self.sums.sd().hypot(middle * self.counts.sd()) / n.max(1.0) / unit;
        Some(Value {
            value: near(show(middle), places),
            sd: near(sd, places),
            interval: [down(show(low), places), up(show(high), places)],
            population: [down(show(wide.0), places), up(show(wide.1), places)],
        })
    }
}

/// The far end, in the direction of `sign`, of the interval of accepted numbers around `middle`; errs outwards.
fn edge(middle: f64, sign: f64, n: f64, accepted: &dyn Fn(f64) -> Option<bool>) -> Option<f64> {
    let mut inside = 0.0;
    let mut outside = 1.0 / n;
    while accepted(middle + sign * outside)? {
        inside = outside;
        outside *= 2.0;
        if !outside.is_finite() {
            return None;
        }
    }
    for _ in 0..40 {
        let half = 0.5 * (inside + outside);
        if accepted(middle + sign * half)? {
            inside = half;
        } else {
            outside = half;
        }
    }
    Some(middle + sign * outside)
}

fn near(value: f64, places: i32) -> f64 {
    let power = 10f64.powi(places);
    (value * power).round() / power
}

fn down(value: f64, places: i32) -> f64 {
    let power = 10f64.powi(places);
    (value * power).floor() / power
}

fn up(value: f64, places: i32) -> f64 {
    let power = 10f64.powi(places);
    (value * power).ceil() / power
}
