//! A closed set of rows, linked part by part, on all cores: what [`crate::resolve`] does with many rows. Nothing is kept for later
//! packages; that is [`crate::Linker`]'s.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::clusters::{Clusters, Join};
use crate::error::LinkageError;
use crate::identity::{Identity, PASSES, Pass};
use crate::parts::Parts;
use crate::report::{Refusal, Report, Screened};
use crate::review::Verdict;
use crate::rows::global;
use crate::score::Doubtful;
use crate::settings::{Settings, Strategy};
use crate::state::Linker;
use crate::tokens::{NONE, Numbers};
use crate::{Attributes, Outcome, ids};

/// What a part's linker found; rows are places of the whole set.
struct Found {
    part: usize,
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
    let parts = Parts::of(records, &whole.prints, settings.max_rows_per_token, verdicts, size)?;
    whole.extend_horizons(records.iter().map(|record| (record.source, record.reach())));
    let (whole, parts) = (&whole, &parts);
    let next = AtomicUsize::new(0);
    let next = &next;
    let threads = std::thread::available_parallelism().map_or(2, usize::from).min(parts.ranges.len().max(1));
    let mut found: Vec<Found> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|_| {
                scope.spawn(move || {
                    let mut found = Vec::new();
                    loop {
                        let part = next.fetch_add(1, Ordering::Relaxed);
                        if part >= parts.ranges.len() {
                            return Ok(found);
                        }
                        found.push(link(records, verdicts, whole, parts, part)?);
                    }
                })
            })
            .collect();
        let mut all = Vec::new();
        for worker in workers {
            all.extend(worker.join().map_err(|_| LinkageError::Thread)??);
        }
        Ok::<_, LinkageError>(all)
    })?;
    found.sort_unstable_by_key(|found| found.part);
    assemble(records, settings, parts, found, ids)
}

/// A linker that was told what a part can't see.
fn linker(whole: &Linker, parts: &Parts) -> Linker {
    let mut linker = Linker::new(whole.settings.clone());
    linker.part = true;
    linker.prints = whole.prints.clone();
    linker.horizons = whole.horizons.clone();
    for (pass, numbers) in Pass::ALL.into_iter().zip(&mut linker.numbers) {
        let mut tokens: Vec<u128> =
            parts.crowds.iter().filter(|crowd| crowd.0 == pass).map(|&(_, token, _)| token).collect();
        tokens.dedup();
        *numbers = Numbers::from_tokens(&tokens);
        for &(_, token, source) in parts.crowds.iter().filter(|crowd| crowd.0 == pass) {
            let number = numbers.known(token);
            numbers.suspect(number);
            linker.screened.insert((global(number, pass), source));
        }
    }
    linker
}

/// Links a part.
fn link(
    records: &[Identity],
    verdicts: &[Verdict],
    whole: &Linker,
    parts: &Parts,
    part: usize,
) -> Result<Found, LinkageError> {
    let range = parts.ranges.get(part).cloned().unwrap_or_default();
    let places = parts.places.get(range).unwrap_or_default();
    let own: Vec<Identity> = places.iter().filter_map(|&at| records.get(at as usize).cloned()).collect();
    let mut local = Vec::new();
    if !verdicts.is_empty() {
        // Both rows of a verdict are in one part, and a part's places rise within a set only: hence a map.
        let at: HashMap<u32, u32> = places.iter().copied().zip(0u32..).collect();
        let here = |verdict: &Verdict| {
            let (row, other) = (*at.get(&verdict.row)?, *at.get(&verdict.other)?);
            Some(Verdict { row, other, same: verdict.same })
        };
        local.extend(verdicts.iter().filter_map(here));
    }
    let mut linker = linker(whole, parts);
    let added = linker.add_reviewed(&own, &local)?;
    let mut found = linker.found(&added.row_of);
    let place = |at: u32| places.get(at as usize).copied().unwrap_or(NONE);
    for pair in &mut found.review {
        (pair.row, pair.other) = (place(pair.row), place(pair.other));
    }
    let person = |row: u32| found.of_row.get(row as usize).copied().unwrap_or(NONE);
    let held =
        linker.claims.iter().filter_map(|&(id, row)| Some((linker.clusters.ids.get(id)?, person(row)))).collect();
    for (pass, tokens) in Pass::ALL.into_iter().zip(known(parts)) {
        let counts = linker.report.pass(pass);
        counts.tokens = counts.tokens.saturating_sub(tokens);
    }
    Ok(Found {
        part,
        person_of: found.person_of,
        attributes: found.attributes,
        by_sources: found.by_sources,
        held,
        joins: std::mem::take(&mut linker.clusters.joins),
        parted: std::mem::take(&mut linker.clusters.parts),
        review: found.review,
        report: linker.report,
    })
}

/// How many tokens of each pass every part was told of.
fn known(parts: &Parts) -> [u64; PASSES] {
    Pass::ALL.map(|pass| {
        let mut tokens: Vec<u128> =
            parts.crowds.iter().filter(|crowd| crowd.0 == pass).map(|&(_, token, _)| token).collect();
        tokens.dedup();
        tokens.len() as u64
    })
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
    for part in found {
        let base = u32::try_from(known_as.len()).unwrap_or(NONE);
        let range = parts.ranges.get(part.part).cloned().unwrap_or_default();
        for (&place, &person) in parts.places.get(range).unwrap_or_default().iter().zip(&part.person_of) {
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
    for (&(pass, _, source), tokens) in parts.crowds.iter().zip(std::iter::repeat(1)) {
        *report.pass(pass).screened.entry(Screened::Frequent).or_default().entry(source).or_default() += tokens;
    }
    for (pass, tokens) in Pass::ALL.into_iter().zip(known(parts)) {
        report.pass(pass).tokens += tokens;
    }
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
