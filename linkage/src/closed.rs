//! Many rows at once, linked part by part, on all cores: a closed set, of which only the persons are wanted, or the first rows of a
//! [`Linker`], which then has all that the parts' linkers had. The rules are the resolver's, the cutting is in `parts`.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::batch::halves;
use crate::clusters::{Clusters, Join};
use crate::error::LinkageError;
use crate::identity::{Identity, PASSES, Pass};
use crate::parts::Parts;
use crate::report::{Refusal, Report, Screened};
use crate::review::Verdict;
use crate::rows::global;
use crate::score::Doubtful;
use crate::settings::{Settings, Strategy};
use crate::state::{Added, Linker};
use crate::tokens::{NONE, Numbers};
use crate::{Attributes, Outcome, ids};

/// Rows from which on it pays to link in parts.
pub(crate) const MANY: usize = 1 << 16;
/// Rows of a part: with all that belongs to them, a core's cache holds them.
pub(crate) const PART: usize = 1 << 12;
/// Parts whose linkers are held at once.
const WAVE: usize = 256;

/// What a part's linker found; rows are places of the whole set.
struct Found {
    person_of: Vec<u32>,
    attributes: Vec<Attributes>,
    by_sources: Vec<u64>,
    /// Earlier ids, and the part's persons who had them.
    held: Vec<(u128, u32)>,
    joins: Vec<Join>,
    parted: Vec<(u128, Refusal)>,
    review: Vec<Doubtful>,
    report: Report,
}

/// Finds out which rows are one person.
pub(crate) fn resolve(
    records: &[Identity],
    settings: &Settings,
    verdicts: &[Verdict],
    size: usize,
    ids: &mut dyn FnMut() -> u128,
) -> Result<Outcome, LinkageError> {
    let limit = NONE as usize / (PASSES + 1);
    if records.len() > limit {
        return Err(LinkageError::TooManyRows { rows: records.len(), limit });
    }
    let mut whole = Linker::new(settings.clone());
    let order: Vec<u32> = (0u32..).zip(records).map(|(place, _)| place).collect();
    let parts = Parts::of(records, &whole.prints, settings.max_rows_per_token, verdicts, size, &order)?;
    drop(order);
    whole.extend_horizons(records.iter().map(|record| (record.source, record.reach())));
    let job = Job { records, verdicts, whole: &whole, parts: &parts };
    let found = each(0..parts.ranges.len(), |part| job.found(part))?;
    assemble(records, settings, &parts, found, ids)
}

impl Linker {
    /// Links the first rows of all, part by part; what [`Linker::add_reviewed`] does with many rows.
    ///
    /// # Errors
    /// As there.
    #[doc(hidden)]
    pub fn add_in_parts(
        &mut self,
        batch: &[Identity],
        verdicts: &[Verdict],
        size: usize,
    ) -> Result<Added, LinkageError> {
        // In time: then nothing turns on the order of the batch.
        let mut order: Vec<(u128, u32)> = (0u32..).zip(batch).map(|(place, record)| (record.lead(), place)).collect();
        let whole = |place: u32| batch.get(place as usize);
        halves(true, &mut order, |a, b| a.0.cmp(&b.0).then_with(|| whole(a.1).cmp(&whole(b.1))))?;
        let order: Vec<u32> = order.into_iter().map(|(_, place)| place).collect();
        let parts = Parts::of(batch, &self.prints, self.settings.max_rows_per_token, verdicts, size, &order)?;
        self.extend_horizons(batch.iter().map(|record| (record.source, record.reach())));
        let shared = self.forewarn(&parts);
        let mut added = Added { row_of: vec![NONE; batch.len()], ..Added::default() };
        for first in (0..parts.ranges.len()).step_by(WAVE) {
            let last = (first + WAVE).min(parts.ranges.len());
            let job = Job { records: batch, verdicts, whole: self, parts: &parts };
            let linked = each(first..last, |part| job.link(part))?;
            for (part, (linker, brought)) in (first..).zip(linked) {
                let base = u32::try_from(self.rows.all.len()).unwrap_or(NONE);
                for (&place, &row) in parts.places(part).iter().zip(&brought.row_of) {
                    if let Some(slot) = added.row_of.get_mut(place as usize) {
                        *slot = row + base;
                    }
                }
                added.repeats += brought.repeats;
                added.late += brought.late;
                added.outgrown += brought.outgrown;
                self.absorb(linker, shared);
            }
        }
        self.numbers.iter().try_for_each(Numbers::check)?;
        told(&parts, &mut self.report);
        for (pass, numbers) in Pass::ALL.into_iter().zip(&self.numbers) {
            self.report.pass(pass).tokens = numbers.len() as u64;
        }
        self.ranks = vec![NONE; self.rows.all.len()];
        let mut rank = 0;
        for place in order {
            let row = added.row_of.get(place as usize).copied().unwrap_or(NONE);
            if let Some(slot) = self.ranks.get_mut(row as usize)
                && *slot == NONE
            {
                *slot = rank;
                rank += 1;
            }
        }
        Ok(added)
    }

    /// Learns which tokens to ignore. Gives how many of each pass.
    fn forewarn(&mut self, parts: &Parts) -> [u32; PASSES] {
        let mut shared = [0; PASSES];
        for ((pass, numbers), shared) in Pass::ALL.into_iter().zip(&mut self.numbers).zip(&mut shared) {
            *numbers = Numbers::from_tokens(&parts.crowded(pass));
            *shared = u32::try_from(numbers.len()).unwrap_or(NONE);
            for &(_, token, source) in parts.crowds.iter().filter(|crowd| crowd.0 == pass) {
                let number = numbers.known(token);
                numbers.suspect(number);
                self.screened.insert((global(number, pass), source));
            }
        }
        shared
    }

    /// Takes in the linker of a part.
    fn absorb(&mut self, part: Linker, shared: [u32; PASSES]) {
        let base = u32::try_from(self.rows.all.len()).unwrap_or(NONE);
        let mut rows = part.rows.all;
        // Rows under a shared token: behind the part's oldest come those that were there before.
        let mut older = Vec::new();
        for ((pass, shared), (own, theirs)) in
            Pass::ALL.into_iter().zip(shared).zip(self.numbers.iter_mut().zip(&part.numbers))
        {
            for number in (0..shared).filter(|&number| theirs.latest(number) != NONE) {
                let next =
                    |&row: &u32| Some(*rows.get(row as usize)?.chain.get(pass.index())?).filter(|&row| row != NONE);
                let oldest = std::iter::successors(Some(theirs.latest(number)), next).last().unwrap_or(NONE);
                older.push((oldest, pass.index(), own.lead(number, theirs.latest(number) + base)));
            }
        }
        let mut moves = [0; PASSES];
        for (((slot, own), theirs), shared) in moves.iter_mut().zip(&mut self.numbers).zip(part.numbers).zip(shared) {
            *slot = own.absorb(theirs, shared, base);
        }
        let number = |pass: usize, number: u32| match (moves.get(pass), shared.get(pass)) {
            (Some(moved), Some(shared)) if number != NONE && number >= *shared => number + moved,
            _ => number,
        };
        let token = |token: u32| match (usize::try_from(token % PASSES as u32), Pass::ALL) {
            (Ok(at), passes) if token != NONE => {
                passes.get(at).map_or(NONE, |&pass| global(number(at, token / PASSES as u32), pass))
            }
            _ => NONE,
        };
        for row in &mut rows {
            for (pass, slot) in row.tokens.iter_mut().enumerate() {
                *slot = number(pass, *slot);
            }
            row.chain.iter_mut().filter(|slot| **slot != NONE).for_each(|slot| *slot += base);
        }
        for (row, pass, before) in older {
            if let Some(slot) = rows.get_mut(row as usize).and_then(|row| row.chain.get_mut(pass)) {
                *slot = before;
            }
        }
        self.rows.all.append(&mut rows);
        self.rows.times.extend(part.rows.times);
        let ids = self.clusters.absorb(part.clusters, token);
        self.index.absorb(part.index, base, token);
        self.unasked.extend(part.by_print.into_iter().map(|(print, row)| (print, row + base)));
        self.screened.extend(part.screened.into_iter().map(|(known, source)| (token(known), source)));
        let id = |number: u32| ids.get(number as usize).copied().unwrap_or(NONE);
        self.claims.extend(part.claims.into_iter().map(|(number, row)| (id(number), row + base)));
        let moved = |pair: Doubtful| Doubtful { row: pair.row + base, other: pair.other + base, ..pair };
        self.review.extend(part.review.into_iter().map(moved));
        self.frontier = self.frontier.max(part.frontier);
        self.report.absorb(part.report);
    }
}

/// What all parts share.
struct Job<'a> {
    records: &'a [Identity],
    verdicts: &'a [Verdict],
    /// Of which every part's linker has settings, keys and horizons.
    whole: &'a Linker,
    parts: &'a Parts,
}

/// Something of every part, in their order, made on all cores.
fn each<T: Send>(
    parts: std::ops::Range<usize>,
    make: impl Fn(usize) -> Result<T, LinkageError> + Sync,
) -> Result<Vec<T>, LinkageError> {
    let threads = std::thread::available_parallelism().map_or(2, usize::from).min(parts.len().max(1));
    let next = AtomicUsize::new(parts.start);
    let work = || {
        let mut made = Vec::new();
        loop {
            let part = next.fetch_add(1, Ordering::Relaxed);
            if part >= parts.end {
                return Ok(made);
            }
            made.push((part, make(part)?));
        }
    };
    let mut all: Vec<(usize, T)> = Vec::with_capacity(parts.len());
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        for worker in workers {
            all.extend(worker.join().map_err(|_| LinkageError::Thread)??);
        }
        Ok::<_, LinkageError>(())
    })?;
    all.sort_unstable_by_key(|(part, _)| *part);
    Ok(all.into_iter().map(|(_, made)| made).collect())
}

impl Job<'_> {
    /// Links a part, by a linker that was told what a part can't see.
    fn link(&self, part: usize) -> Result<(Linker, Added), LinkageError> {
        let places = self.parts.places(part);
        let own: Vec<Identity> = places.iter().filter_map(|&at| self.records.get(at as usize).cloned()).collect();
        let mut verdicts = Vec::new();
        if !self.verdicts.is_empty() {
            let at: HashMap<u32, u32> = places.iter().copied().zip(0u32..).collect();
            let here = |verdict: &Verdict| {
                let (row, other) = (*at.get(&verdict.row)?, *at.get(&verdict.other)?);
                Some(Verdict { row, other, same: verdict.same })
            };
            verdicts.extend(self.verdicts.iter().filter_map(here));
        }
        let mut linker = Linker::new(self.whole.settings.clone());
        linker.part = true;
        linker.prints = self.whole.prints.clone();
        linker.horizons = self.whole.horizons.clone();
        linker.forewarn(self.parts);
        let added = linker.add_reviewed(&own, &verdicts)?;
        Ok((linker, added))
    }

    /// Links a part, and keeps who is whom.
    fn found(&self, part: usize) -> Result<Found, LinkageError> {
        let (mut linker, added) = self.link(part)?;
        let mut found = linker.found(&added.row_of);
        let place = |at: u32| self.parts.places(part).get(at as usize).copied().unwrap_or(NONE);
        for pair in &mut found.review {
            (pair.row, pair.other) = (place(pair.row), place(pair.other));
        }
        let person = |row: u32| found.of_row.get(row as usize).copied().unwrap_or(NONE);
        let held =
            linker.claims.iter().filter_map(|&(id, row)| Some((linker.clusters.ids.get(id)?, person(row)))).collect();
        for pass in Pass::ALL {
            let counts = linker.report.pass(pass);
            counts.tokens = counts.tokens.saturating_sub(self.parts.crowded(pass).len() as u64);
        }
        Ok(Found {
            person_of: found.person_of,
            attributes: found.attributes,
            by_sources: found.by_sources,
            held,
            joins: linker.clusters.joins,
            parted: linker.clusters.parts,
            review: found.review,
            report: linker.report,
        })
    }
}

/// Counts what was found out before the parts were linked.
fn told(parts: &Parts, report: &mut Report) {
    for &(pass, _, source) in &parts.crowds {
        *report.pass(pass).screened.entry(Screened::Frequent).or_default().entry(source).or_default() += 1;
    }
    for pass in Pass::ALL {
        report.pass(pass).tokens += parts.crowded(pass).len() as u64;
    }
}

/// One outcome of the parts'.
fn assemble(
    records: &[Identity],
    settings: &Settings,
    parts: &Parts,
    found: Vec<Found>,
    ids: &mut dyn FnMut() -> u128,
) -> Result<Outcome, LinkageError> {
    let mut report = Report::new(Strategy::Sudare, 0);
    let mut clusters = Clusters::default();
    let mut part_person = vec![NONE; records.len()];
    let (mut known_as, mut held, mut review) = (Vec::new(), Vec::new(), Vec::new());
    let mut by_sources: Vec<u64> = Vec::new();
    for (nth, part) in found.into_iter().enumerate() {
        let base = u32::try_from(known_as.len()).unwrap_or(NONE);
        for (&place, &person) in parts.places(nth).iter().zip(&part.person_of) {
            if let Some(slot) = part_person.get_mut(place as usize) {
                *slot = base + person;
            }
        }
        known_as.extend(part.attributes);
        held.extend(part.held.into_iter().map(|(id, person)| (clusters.ids.number(id), base + person)));
        clusters.joins.extend(part.joins);
        clusters.parts.extend(part.parted);
        review.extend(part.review);
        if by_sources.len() < part.by_sources.len() {
            by_sources.resize(part.by_sources.len(), 0);
        }
        by_sources.iter_mut().zip(part.by_sources).for_each(|(sum, count)| *sum += count);
        report.absorb(part.report);
    }
    told(parts, &mut report);
    // Numbered by first appearance.
    let mut number_of = vec![NONE; known_as.len()];
    let mut attributes = Vec::with_capacity(known_as.len());
    let mut person_of = part_person;
    for person in &mut person_of {
        let Some(number) = number_of.get_mut(*person as usize) else { continue };
        if *number == NONE {
            *number = u32::try_from(attributes.len()).unwrap_or(NONE);
            attributes.extend(known_as.get(*person as usize).copied());
        }
        *person = *number;
    }
    let count = u32::try_from(attributes.len()).unwrap_or(NONE);
    for (_, person) in &mut held {
        *person = number_of.get(*person as usize).copied().unwrap_or(NONE);
    }
    // Who comes first decides ties between those who had one id.
    let rank = if held.is_empty() { Vec::new() } else { ids::ranks(records, &person_of, count) };
    let (persons, journal) = ids::assign(held, &rank, count, &clusters, ids, &mut report)?;
    report.persons = u64::from(count);
    report.persons_by_sources = by_sources;
    report.estimate.listed = review.len() as u64;
    report.estimate.unreachable = settings.model.as_ref().map_or(0.0, crate::Model::unreachable);
    review.sort_unstable();
    Ok(Outcome { person_of, persons, attributes, journal, review, report })
}
