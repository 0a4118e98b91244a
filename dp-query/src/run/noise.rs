//! Exact integers → noisy ones, and which cells are shown where that takes the exact number of persons to decide. Not the mechanisms, and
//! not the answer.

use std::collections::BTreeMap;

use zeroize::{Zeroize, Zeroizing};

use super::RunFailure;
use crate::engine::{Exact, Group};
use crate::mechanism::Source;
use crate::plan::Plan;
use crate::quote::{Basis, Line, Quote, Selection, paired};
use crate::release::Noisy;

/// Noise on every statistic of every cell that may be shown.
pub(crate) fn perturb(plan: &Plan, quote: &Quote, exact: &Exact, source: &mut dyn Source) -> Result<Noisy, RunFailure> {
    let selection = quote.selection().filter(|selection| selection.always);
    match (exact, selection) {
        (Exact::Levels(levels), None) if plan.levels_apart() => {
            let parts = plan.parts();
            if levels.len() != parts.len() || quote.levels().count() != parts.len() {
                return Err(RunFailure::Shape);
            }
            let mut noisy = Vec::with_capacity(parts.len());
            for ((part, lines), exact) in parts.iter().zip(quote.levels()).zip(levels) {
                shape(part, exact)?;
                let all: Vec<&[i128]> = exact.iter().map(Vec::as_slice).collect();
                noisy.push(vectors(part, lines, &all, None, source)?);
            }
            let most = levels.iter().map(|level| level.len()).max().unwrap_or(0);
            Ok(Noisy { levels: noisy, cells: (0..most).map(Some).collect(), found: None, decided: false })
        }
        (Exact::Closed(exact), selection) if !plan.levels_apart() => {
            shape(plan, exact)?;
            let all: Vec<&[i128]> = exact.iter().map(Vec::as_slice).collect();
            match selection {
                None => Ok(Noisy {
                    levels: vec![vectors(plan, quote.lines(), &all, None, source)?],
                    cells: (0..exact.len()).map(Some).collect(),
                    found: None,
                    decided: false,
                }),
                Some(selection) => closed(plan, quote, selection, &all, source),
            }
        }
        (Exact::Open(groups), Some(selection)) if plan.is_open() => open(plan, quote, selection, groups, source),
        _ => Err(RunFailure::Shape),
    }
}

fn shape(plan: &Plan, exact: &[Vec<i128>]) -> Result<(), RunFailure> {
    let fits = !plan.is_open() && exact.len() == plan.cells() && exact.iter().all(|cell| cell.len() == plan.width());
    if fits { Ok(()) } else { Err(RunFailure::Shape) }
}

/// Cells of the closed domain, each of which has its row, shown or not.
fn closed(
    plan: &Plan,
    quote: &Quote,
    selection: &Selection,
    exact: &[&[i128]],
    source: &mut dyn Source,
) -> Result<Noisy, RunFailure> {
    let counts = exact.iter().map(|cell| cell.first().copied().unwrap_or(0));
    let chosen = select(quote, selection, counts, source)?;
    let mut cells = vec![None; exact.len()];
    let mut kept = Vec::new();
    for cell in chosen.keys() {
        let (exact, place) = exact.get(*cell).zip(cells.get_mut(*cell)).ok_or(RunFailure::Shape)?;
        *place = Some(kept.len());
        kept.push(*exact);
    }
    let persons = chosen.into_values().collect();
    let vectors = vectors(plan, quote.lines(), &kept, Some(persons), source)?;
    Ok(Noisy { levels: vec![vectors], cells, found: None, decided: true })
}

/// Groups that come from the data: those that aren't shown leave nothing behind, not even their number.
fn open(
    plan: &Plan,
    quote: &Quote,
    selection: &Selection,
    groups: &[Group],
    source: &mut dyn Source,
) -> Result<Noisy, RunFailure> {
    let chosen = select(quote, selection, groups.iter().map(|group| group.at(0)), source)?;
    let shown = chosen.keys().map(|group| groups.get(*group)).collect::<Option<Vec<&Group>>>();
    let shown = shown.ok_or(RunFailure::Shape)?;
    let cells: Vec<_> = shown.iter().map(|group| group.cell(plan.width())).collect();
    let cells: Vec<&[i128]> = cells.iter().map(|cell| cell.as_slice()).collect();
    let persons = chosen.into_values().collect();
    Ok(Noisy {
        levels: vec![vectors(plan, quote.lines(), &cells, Some(persons), source)?],
        cells: (0..shown.len()).map(Some).collect(),
        found: Some(shown.into_iter().map(|group| group.places.clone()).collect()),
        decided: true,
    })
}

/// The groups that are shown, with their noisy numbers of persons. Groups of fewer than `least` persons have no part in it; of the others
/// all but `least` − 1 persons count, so that one person more or less moves a group from nothing to one, as the threshold takes it.
fn select(
    quote: &Quote,
    selection: &Selection,
    persons: impl Iterator<Item = i128>,
    source: &mut dyn Source,
) -> Result<BTreeMap<usize, i64>, RunFailure> {
    let line = quote.lines().first().ok_or(RunFailure::Shape)?;
    let below = i64::from(selection.least) - 1;
    let mut counts = BTreeMap::new();
    for (group, persons) in persons.enumerate() {
        let above = persons - i128::from(below);
        if above >= 1 {
            let group = u32::try_from(group).map_err(|_| RunFailure::Shape)?;
            counts.insert(group, i64::try_from(above).unwrap_or(i64::MAX));
        }
    }
    let chosen = source.select(&line.noise, selection.threshold - below, &counts);
    counts.values_mut().for_each(Zeroize::zeroize);
    let named = chosen?.into_iter().map(|(group, count)| {
        let group = usize::try_from(group).map_err(|_| RunFailure::Shape)?;
        Ok((group, count.saturating_add(below)))
    });
    named.collect()
}

/// One noisy vector per statistic, over these cells and the nodes of its tree or the two numbers of its pair; empty where it has no noise
/// of its own. `persons`: statistic 0, where it has its noise already.
fn vectors(
    plan: &Plan,
    lines: &[Line],
    cells: &[&[i128]],
    mut persons: Option<Vec<i64>>,
    source: &mut dyn Source,
) -> Result<Vec<Vec<i64>>, RunFailure> {
    let statistics = plan.statistics().len();
    if lines.len() != statistics {
        return Err(RunFailure::Shape);
    }
    let mut noisy = Vec::with_capacity(statistics);
    for (number, (line, statistic)) in lines.iter().zip(plan.statistics()).enumerate() {
        if let Some(known) = persons.take() {
            noisy.push(known);
            continue;
        }
        if !line.basis.has_noise() {
            noisy.push(Vec::new());
            continue;
        }
        let (offset, slots) = (plan.offset(number), statistic.slots());
        if line.tree.leaves != slots {
            return Err(RunFailure::Shape);
        }
        // Clamping a sum into 64 bits moves neighbours no further apart.
        let clamp = |value: i128| i64::try_from(value.clamp(i128::from(i64::MIN), i128::from(i64::MAX))).unwrap_or(0);
        let mut vector: Vec<i64> = Vec::with_capacity(cells.len() * line.width());
        for cell in cells {
            let own = cell.get(offset..offset + slots).ok_or(RunFailure::Shape)?;
            match line.basis {
                Basis::Pair { count, lo, hi, times } => {
                    let of = |number: usize| cell.get(number).copied().ok_or(RunFailure::Shape);
                    let pair = paired(of(offset)?, of(plan.offset(count))?, (lo, hi, times));
                    vector.extend(Zeroizing::new(pair).iter().copied().map(clamp));
                }
                _ if line.tree.levels == 1 => vector.extend(own.iter().copied().map(clamp)),
                _ => {
                    let nodes = Zeroizing::new(line.tree.grow(own));
                    vector.extend(nodes.iter().copied().map(clamp));
                }
            }
        }
        let size = vector.len();
        let output = source.perturb(&line.noise, &vector);
        vector.zeroize();
        let output = output?;
        if output.len() != size {
            return Err(RunFailure::Shape);
        }
        noisy.push(output);
    }
    Ok(noisy)
}
