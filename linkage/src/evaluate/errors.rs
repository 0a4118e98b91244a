//! Errors to read: one pair of rows for each person that was split and each id that holds two. Synthetic data only. No value of a
//! person: rows by number, passes by name.

use serde::Serialize;

use super::{Comparison, Sorted};
use crate::identity::{Identity, Pass};

/// A pair of rows that was got wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Blunder {
    /// True: one person that got two ids. False: two persons under one id.
    pub missed: bool,
    /// Rows, as numbered in the comparison.
    pub rows: (u32, u32),
    /// Passes whose tokens agree.
    pub agree: Vec<Pass>,
    /// Passes that both have and whose tokens differ.
    pub differ: Vec<Pass>,
    /// What stands between them, in words.
    pub why: &'static str,
}

/// Rows of each side that are looked at for the pair that agrees best.
const LOOKED_AT: usize = 40;

/// Passes whose tokens agree, and passes that both have and that differ.
#[must_use]
pub fn agreement(a: &Identity, b: &Identity) -> (Vec<Pass>, Vec<Pass>) {
    let both = |pass: &Pass| a.token(*pass).is_some() && b.token(*pass).is_some();
    Pass::ALL.into_iter().filter(both).partition(|pass| a.token(*pass) == b.token(*pass))
}

impl Comparison {
    /// At most `limit` errors of each kind, spread evenly over all; `records` as compared.
    #[must_use]
    pub fn blunders(&self, records: &[Identity], limit: usize) -> Vec<Blunder> {
        let mut all = pick(&self.by_truth, &self.both, limit, true, records);
        all.extend(pick(&self.by_found, &self.both, limit, false, records));
        all
    }
}

fn pick(sorted: &Sorted, both: &[u32], limit: usize, missed: bool, records: &[Identity]) -> Vec<Blunder> {
    let wrong: Vec<&[u32]> =
        sorted.persons().zip(&sorted.others).filter(|(_, others)| **others > 1).map(|(rows, _)| rows).collect();
    let step = wrong.len().div_ceil(limit.max(1)).max(1);
    wrong.into_iter().step_by(step).filter_map(|rows| closest(rows, both, missed, records)).collect()
}

/// The first two groups of a person's rows, and in them the two rows that agree most.
fn closest(rows: &[u32], both: &[u32], missed: bool, records: &[Identity]) -> Option<Blunder> {
    let size = |rows: &[u32]| rows.first().and_then(|&row| both.get(row as usize)).map_or(0, |&n| n as usize);
    let (one, rest) = rows.split_at_checked(size(rows))?;
    let other = rest.get(..size(rest))?;
    let mut best: Option<Blunder> = None;
    for &a in one.iter().take(LOOKED_AT) {
        for &b in other.iter().take(LOOKED_AT) {
            let (Some(x), Some(y)) = (records.get(a as usize), records.get(b as usize)) else {
                continue;
            };
            let (agree, differ) = agreement(x, y);
            if best.as_ref().is_none_or(|held| agree.len() > held.agree.len()) {
                let why = why(x, y, agree.is_empty(), missed);
                best = Some(Blunder { missed, rows: (a, b), agree, differ, why });
            }
        }
    }
    best
}

fn why(a: &Identity, b: &Identity, strangers: bool, missed: bool) -> &'static str {
    let known = |a: u8, b: u8| matches!(a, 1 | 2) && matches!(b, 1 | 2) && a != b;
    let parallel = || {
        let insurers = a.insurer.zip(b.insurer).is_some_and(|(a, b)| a != b);
        let end = |to: Option<i32>| to.unwrap_or(i32::MAX);
        insurers && a.coverage.zip(b.coverage).is_some_and(|(x, y)| x.0.max(y.0) < end(x.1).min(end(y.1)))
    };
    let dead = |a: &Identity, b: &Identity| a.death.is_some_and(|day| day < b.end());
    match () {
        () if !missed && strangers => "joined through other rows: these two share no token",
        () if !missed => "joined by what agrees",
        () if strangers => "nothing to go by: no row of one shares a token with a row of the other",
        () if known(a.sex, b.sex) => "sexes differ",
        () if a.birth_month.zip(b.birth_month).is_some_and(|(a, b)| a != b) => "birth months differ",
        () if dead(a, b) || dead(b, a) => "one goes on after the other's death",
        () if parallel() => "two insurers cover them at once",
        () => "what agrees was not enough for the strategy",
    }
}
