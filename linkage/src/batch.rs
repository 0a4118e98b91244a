//! A batch before its rows are taken: what is known, what is new, in which order, under which numbers, and which tokens a source spreads too
//! widely. All of it is the same whatever the order of the batch. Nothing is decided here about persons.

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap, HashSet};

use crate::error::LinkageError;
use crate::identity::{Identity, PASSES, Pass};
use crate::profile::UNKNOWN;
use crate::report::Screened;
use crate::rows::{Print, PrintHash, global};
use crate::screen::{Fresh, Past, Spread};
use crate::state::{Added, Linker};
use crate::tokens::{NONE, Numbers};

/// New spellings: the first day of each, and how often it comes.
pub(crate) type New = HashMap<Print, (i32, u32), PrintHash>;

/// A row of a batch, short enough to be looked at often: its fingerprint, the row that has it already, what orders equal days, its days.
#[derive(Clone, Copy)]
pub(crate) struct Seen {
    pub(crate) print: Option<Print>,
    pub(crate) known: u32,
    tie: u32,
    pub(crate) first: i32,
    pub(crate) last: i32,
    /// The latest day that it speaks of.
    pub(crate) reach: i32,
    pub(crate) source: u16,
    /// It had a person id in an earlier run.
    pub(crate) previous: bool,
}

/// A row whose spelling was there on an earlier day, as one number that sorts by day, by the spelling's mixture, by last day.
pub(crate) struct Repeat(u128);

impl Repeat {
    fn new(seen: &Seen, at: u32) -> Repeat {
        let rank = |day: i32| u128::from(day.cast_unsigned() ^ 1 << 31);
        Repeat(rank(seen.first) << 96 | u128::from(seen.tie) << 64 | rank(seen.last) << 32 | u128::from(at))
    }

    pub(crate) fn day(&self) -> i32 {
        ((self.0 >> 96) as u32 ^ 1 << 31).cast_signed()
    }

    /// Its place in the batch.
    pub(crate) fn at(&self) -> u32 {
        self.0 as u32
    }
}

impl Linker {
    /// Fingerprints and known rows, on two threads.
    pub(crate) fn look(&mut self, batch: &[Identity]) -> Result<Vec<Seen>, LinkageError> {
        let (prints, by_print) = (&self.prints, &self.by_print);
        let work = |records: &[Identity]| {
            let mut rows = [0u64; PASSES];
            let mut seen: Vec<Seen> = Vec::with_capacity(records.len());
            for records in records.chunks(BLOCK) {
                let from = seen.len();
                for record in records {
                    let mut tie = 0u128;
                    for (count, token) in rows.iter_mut().zip(&record.tokens) {
                        *count += u64::from(token.is_some());
                        tie = tie.rotate_left(11) ^ token.unwrap_or_default();
                    }
                    // Any mixture will do, if only it is the same in every run.
                    let tie = (tie ^ tie >> 64 ^ tie >> 32) as u32;
                    let reach = record.reach();
                    let (first, last, source) = (record.first_day, record.end(), record.source);
                    let (print, previous) = (prints.of(record), record.previous.is_some());
                    seen.push(Seen { print, known: NONE, tie, first, last, reach, source, previous });
                }
                // One after the other without much between: the memory answers several at once.
                for seen in seen.iter_mut().skip(from) {
                    seen.known = seen.print.and_then(|print| by_print.get(&print).copied()).unwrap_or(NONE);
                }
            }
            (seen, rows)
        };
        let (front, back) = batch.split_at(batch.len() / 2);
        let ((mut seen, a), (more, b)) = both(!self.part, || work(front), || work(back))?;
        seen.extend(more);
        for (pass, (a, b)) in Pass::ALL.into_iter().zip(a.into_iter().zip(b)) {
            self.report.pass(pass).rows += a + b;
        }
        Ok(seen)
    }

    /// Parts a batch into repeats and spellings that are new on their day, both in time order. Gives how often each new one comes.
    pub(crate) fn sort_out(
        &mut self,
        batch: &[Identity],
        seen: &[Seen],
        repeats: &mut Vec<Repeat>,
        fresh: &mut Vec<u32>,
        added: &mut Added,
    ) -> Result<New, LinkageError> {
        let mut new = New::default();
        let mut overused = Vec::new();
        for seen in seen {
            match seen.print {
                Some(_) if seen.known != NONE => {
                    if let Some(times) = self.rows.times.get_mut(seen.known as usize) {
                        *times = times.saturating_add(1);
                        if *times == self.settings.max_repeats.saturating_add(1) {
                            overused.push(seen.known);
                        }
                    }
                }
                Some(print) => {
                    let slot = new.entry(print).or_insert((seen.first, 0));
                    *slot = (slot.0.min(seen.first), slot.1.saturating_add(1));
                }
                None => {}
            }
        }
        for (at, seen) in (0u32..).zip(seen) {
            let first = seen.print.and_then(|print| new.get(&print)).map(|&(day, _)| day);
            if seen.known == NONE && first.is_none_or(|day| day == seen.first) {
                fresh.push(at);
            } else {
                repeats.push(Repeat::new(seen, at));
            }
        }
        halves(!self.part, repeats, |a, b| a.0.cmp(&b.0))?;
        // What the derived order of rows begins with, as one number; whole rows where it is equal. Equal rows are interchangeable.
        let lead = |&at: &u32| (batch.get(at as usize).map_or(0, Identity::lead), at);
        let mut decorated: Vec<(u128, u32)> = fresh.iter().map(lead).collect();
        halves(!self.part, &mut decorated, |a, b| {
            let whole = || batch.get(a.1 as usize).cmp(&batch.get(b.1 as usize));
            a.0.cmp(&b.0).then_with(whole)
        })?;
        fresh.iter_mut().zip(decorated).for_each(|(slot, (_, at))| *slot = at);
        for row in overused {
            self.outgrow(row, added);
        }
        Ok(new)
    }

    /// A spelling was repeated more often than any package could: its tokens are ignored from now on.
    fn outgrow(&mut self, row: u32, added: &mut Added) {
        let Some(&row) = self.rows.get(row) else { return };
        for (pass, &token) in Pass::ALL.into_iter().zip(&row.tokens) {
            if token != NONE && self.ignore(pass, token, row.source) {
                added.outgrown += 1;
                self.count_screened(pass, Screened::Frequent, row.source);
            }
        }
    }

    /// A source's use of a token counts no more; false if it didn't before.
    fn ignore(&mut self, pass: Pass, token: u32, source: u16) -> bool {
        if let Some(numbers) = self.numbers.get_mut(pass.index()) {
            numbers.suspect(token);
        }
        self.screened.insert((global(token, pass), source))
    }

    fn count_screened(&mut self, pass: Pass, why: Screened, source: u16) {
        *self.report.pass(pass).screened.entry(why).or_default().entry(source).or_default() += 1;
    }

    /// The new spellings, once each, with their tokens' numbers; passes are numbered on two threads.
    pub(crate) fn number(
        &mut self,
        batch: &[Identity],
        seen: &[Seen],
        fresh: &[u32],
        new: &New,
    ) -> Result<Vec<Fresh>, LinkageError> {
        for numbers in &mut self.numbers {
            numbers.expect(fresh.len() / 4);
        }
        let mut met = HashSet::with_capacity_and_hasher(new.len(), PrintHash::default());
        let mut spellings: Vec<Fresh> = Vec::new();
        for &at in fresh {
            let (Some(seen), Some(record)) = (seen.get(at as usize), batch.get(at as usize)) else { continue };
            if seen.print.is_none_or(|print| met.insert(print)) {
                let times = seen.print.and_then(|print| new.get(&print)).map_or(1, |&(_, times)| times);
                let born = (record.known_sex(), record.birth_month.unwrap_or(UNKNOWN));
                spellings.push(Fresh { at, times, source: seen.source, born, tokens: [NONE; PASSES], ignored: 0 });
            }
        }
        let most = self.settings.max_repeats;
        let work = |numbers: &mut [Numbers], passes: &[Pass]| -> Result<Vec<[u32; PASSES]>, LinkageError> {
            let mut all = Vec::with_capacity(spellings.len());
            for new in &spellings {
                let mut tokens = [NONE; PASSES];
                let record = batch.get(new.at as usize);
                for ((numbers, &pass), slot) in numbers.iter_mut().zip(passes).zip(&mut tokens) {
                    if let Some(token) = record.and_then(|record| record.token(pass)) {
                        *slot = numbers.number(token, new.born);
                        if new.times > most {
                            numbers.suspect(*slot);
                        }
                    }
                }
                all.push(tokens);
            }
            numbers.iter().try_for_each(Numbers::check)?;
            Ok(all)
        };
        let (front, back) = self.numbers.split_at_mut(HALF);
        let (early, later) = Pass::ALL.split_at(HALF);
        let (a, b) = both(!self.part, || work(front, early), || work(back, later))?;
        for ((new, early), later) in spellings.iter_mut().zip(a?).zip(b?) {
            let tokens = early.into_iter().take(HALF).chain(later);
            new.tokens.iter_mut().zip(tokens).for_each(|(slot, token)| *slot = token);
        }
        for (pass, numbers) in Pass::ALL.into_iter().zip(&self.numbers) {
            self.report.pass(pass).tokens = numbers.len() as u64;
        }
        Ok(spellings)
    }

    /// Finds out which of the new spellings' tokens are to be ignored.
    pub(crate) fn screen(&mut self, spellings: &mut [Fresh], added: &mut Added) -> Result<(), LinkageError> {
        let past = Past { rows: &self.rows, screened: &self.screened, settings: &self.settings };
        let fresh: &[Fresh] = spellings;
        let work = |numbers: &[Numbers], passes: &[Pass]| -> Vec<(Pass, Vec<Spread>)> {
            passes.iter().zip(numbers).map(|(&pass, numbers)| (pass, past.screen(pass, fresh, numbers))).collect()
        };
        let (front, back) = self.numbers.split_at(HALF);
        let (early, later) = Pass::ALL.split_at(HALF);
        let (a, b) = both(!self.part, || work(front, early), || work(back, later))?;
        for (pass, spread) in a.into_iter().chain(b) {
            for spread in spread {
                if let Some(why) = spread.why {
                    self.ignore(pass, spread.token, spread.source);
                    self.count_screened(pass, why, spread.source);
                    added.outgrown += u64::from(spread.late);
                }
                for place in spread.fresh {
                    if let Some(new) = spellings.get_mut(place as usize) {
                        new.ignored |= pass.bit();
                    }
                }
            }
        }
        Ok(())
    }

    pub(crate) fn extend_horizons(&mut self, reaches: impl Iterator<Item = (u16, i32)>) {
        // A part doesn't know how far its sources reach: it was told.
        if self.part {
            return;
        }
        let mut days: BTreeMap<u16, Vec<i32>> = BTreeMap::new();
        for (source, reach) in reaches {
            days.entry(source).or_default().push(reach);
        }
        for (source, mut days) in days {
            // A single mistyped year must not move it: one row in a thousand has to reach it.
            let rank = days.len() - 1 - days.len() / 1_000;
            let (_, &mut day, _) = days.select_nth_unstable(rank);
            let horizon = self.horizons.entry(source).or_insert(day);
            *horizon = day.max(*horizon);
        }
        self.horizons.extend(&self.settings.horizons);
    }
}

/// Rows that are looked up together.
const BLOCK: usize = 64;

/// How many of the passes the first of two threads takes.
const HALF: usize = PASSES / 2;

/// Sorts halves on two threads; a stable sort finds the two runs and merges them.
pub(crate) fn halves<T: Send>(
    threads: bool,
    all: &mut [T],
    order: impl Fn(&T, &T) -> Ordering + Sync,
) -> Result<(), LinkageError> {
    if !threads {
        all.sort_unstable_by(order);
        return Ok(());
    }
    let (front, back) = all.split_at_mut(all.len() / 2);
    both(true, || front.sort_unstable_by(&order), || back.sort_unstable_by(&order))?;
    all.sort_by(order);
    Ok(())
}

/// Two pieces of work, with `threads` at once.
pub(crate) fn both<A: Send, B: Send>(
    threads: bool,
    one: impl FnOnce() -> A + Send,
    other: impl FnOnce() -> B + Send,
) -> Result<(A, B), LinkageError> {
    if !threads {
        return Ok((one(), other()));
    }
    std::thread::scope(|scope| {
        let one = scope.spawn(one);
        let other = other();
        Ok((one.join().map_err(|_| LinkageError::Thread)?, other))
    })
}
