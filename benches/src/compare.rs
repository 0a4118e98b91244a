//! Two sides in turns, each measured by criterion. Not a judge: it gives ratios and their spread over the rounds.

use std::hint::black_box;
use std::path::Path;
use std::time::Duration;

use criterion::{Criterion, SamplingMode};
use tempfile::TempDir;

use crate::Failure;

/// What a ratio says.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sense {
    /// Our speed over the peer's: more is better.
    Speed,
    /// Our time over the peer's: less is better.
    Time,
}

/// One comparison.
pub(crate) struct Line {
    pub(crate) what: String,
    pub(crate) peer: String,
    pub(crate) sense: Sense,
    /// Work of one pass, and its unit.
    pub(crate) work: f64,
    pub(crate) unit: &'static str,
    /// What the issues ask for.
    pub(crate) bar: &'static str,
    /// Seconds of (ours, the peer), one pair per round.
    pub(crate) rounds: Vec<(f64, f64)>,
}

impl Line {
    /// Lowest, median and highest ratio of the rounds.
    pub(crate) fn ratios(&self) -> (f64, f64, f64) {
        let ratio = |&(ours, peer): &(f64, f64)| if self.sense == Sense::Speed { peer / ours } else { ours / peer };
        let mut all: Vec<f64> = self.rounds.iter().map(ratio).collect();
        all.sort_unstable_by(f64::total_cmp);
        let at = |place: usize| all.get(place).copied().unwrap_or(f64::NAN);
        (at(0), at(all.len() / 2), at(all.len().saturating_sub(1)))
    }

    /// Median seconds of ours and of the peer.
    pub(crate) fn seconds(&self) -> (f64, f64) {
        let median = |side: fn(&(f64, f64)) -> f64| {
            let mut all: Vec<f64> = self.rounds.iter().map(side).collect();
            all.sort_unstable_by(f64::total_cmp);
            all.get(all.len() / 2).copied().unwrap_or(f64::NAN)
        };
        (median(|pair| pair.0), median(|pair| pair.1))
    }
}

/// What is to be compared.
pub(crate) struct Pair<'a> {
    /// Short name, for criterion: lower-case ASCII.
    pub(crate) id: &'a str,
    pub(crate) what: &'a str,
    pub(crate) peer: &'a str,
    pub(crate) sense: Sense,
    pub(crate) work: f64,
    pub(crate) unit: &'static str,
    pub(crate) bar: &'static str,
}

/// One side; what it gives back keeps the compiler from leaving the work out.
pub(crate) type Side<'a> = &'a mut dyn FnMut() -> Result<u64, Failure>;

pub(crate) struct Bench {
    seconds: f64,
    rounds: usize,
    output: TempDir,
    lines: Vec<Line>,
}

impl Bench {
    pub(crate) fn new(rounds: usize, seconds: f64) -> Result<Self, Failure> {
        Ok(Self { seconds, rounds, output: tempfile::tempdir()?, lines: Vec::new() })
    }

    pub(crate) fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// Lets both sides take turns; who begins changes with every round.
    pub(crate) fn pair(&mut self, pair: &Pair<'_>, ours: Side<'_>, peer: Side<'_>) -> Result<(), Failure> {
        let mut rounds = Vec::with_capacity(self.rounds);
        for round in 0..self.rounds {
            let of = |side: &str| format!("{}-{side}-{}", pair.id, round + 1);
            if round % 2 == 0 {
                let own = self.one(&of("ours"), ours)?;
                rounds.push((own, self.one(&of("peer"), peer)?));
            } else {
                let other = self.one(&of("peer"), peer)?;
                rounds.push((self.one(&of("ours"), ours)?, other));
            }
        }
        self.line(pair, rounds);
        Ok(())
    }

    fn line(&mut self, pair: &Pair<'_>, rounds: Vec<(f64, f64)>) {
        self.lines.push(Line {
            what: pair.what.to_owned(),
            peer: pair.peer.to_owned(),
            sense: pair.sense,
            work: pair.work,
            unit: pair.unit,
            bar: pair.bar,
            rounds,
        });
    }

    /// Median seconds of one pass.
    fn one(&self, id: &str, side: Side<'_>) -> Result<f64, Failure> {
        let mut criterion = Criterion::default()
            .sample_size(10)
            .warm_up_time(Duration::from_secs_f64(self.seconds / 5.0))
            .measurement_time(Duration::from_secs_f64(self.seconds))
            .without_plots()
            .output_directory(self.output.path());
        let mut failure = None;
        let mut group = criterion.benchmark_group(id);
        // Passes are long: the same number in every sample.
        group.sampling_mode(SamplingMode::Flat);
        group.bench_function("pass", |bencher| {
            bencher.iter(|| match side() {
                Ok(value) => black_box(value),
                Err(error) => {
                    failure = Some(error);
                    0
                }
            });
        });
        group.finish();
        match failure {
            Some(error) => Err(error),
            None => median(&self.output.path().join(id).join("pass/new/estimates.json")),
        }
    }
}

/// Criterion's own estimate, in seconds.
fn median(path: &Path) -> Result<f64, Failure> {
    let text = std::fs::read_to_string(path).map_err(|_| "criterion left no estimates")?;
    let estimates: serde_json::Value = serde_json::from_str(&text)?;
    let nanoseconds = estimates.pointer("/median/point_estimate").and_then(serde_json::Value::as_f64);
    Ok(nanoseconds.filter(|n| *n > 0.0).ok_or("criterion's estimates have another form")? / 1e9)
}
