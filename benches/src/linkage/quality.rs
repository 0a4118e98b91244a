//! Strategies on synthetic people: by scenario, over seeds and error rates that nothing was tuned on, and ID0 against the one figure
//! that was published of it.

use std::fmt::Write;

use ::linkage::{Identity, Pass, Scorecard, Settings, Strategy, random_id, resolve};
use datasets::synth::{EventRates, NoiseRates, SynthOptions};

use super::world::World;
use crate::{Failure, Size};

fn options(persons: u32, months: u32, seed: u64) -> Result<SynthOptions, Failure> {
    Ok(SynthOptions { persons, months, seed, formats: "payer,dpc,dental".parse()?, ..SynthOptions::default() })
}

fn scored(world: &World, groups: bool) -> Result<Scorecard, Failure> {
    let groups = if groups { world.groups() } else { Vec::new() };
    let mut card = Scorecard::default();
    for strategy in Strategy::ALL {
        let outcome = resolve(&world.rows, strategy, &Settings::default(), &mut random_id)?;
        card.add(strategy.name(), &outcome.person_of, &world.person, &groups)?;
    }
    Ok(card)
}

/// All strategies by scenario, age and sex.
pub(crate) fn scenarios(size: &Size) -> Result<String, Failure> {
    let (persons, months, seed) = (2 * size.persons, 24, 20_261_122);
    let world = World::new(&options(persons, months, seed)?, false)?;
    let card = scored(&world, true)?;
    Ok(format!(
        "\n### Strategies by scenario\n{persons} synthetic people, {months} months, seed {seed}: {} identity rows of {} people in the \
         files of three sources.\n\n{}",
        world.rows.len(),
        card.graded.first().map_or(0, |graded| graded.whole.true_persons),
        card.markdown()
    ))
}

/// Error rates: the generator's own, files that are worse, lives that are busier.
fn rates() -> [(&'static str, EventRates, NoiseRates); 3] {
    let noise = NoiseRates {
        name_typo: 0.02,
        birth_typo: 0.01,
        sex_error: 0.002,
        number_typo: 0.01,
        kana_for_kanji: 0.2,
        missing_kana: 0.4,
        missing_branch: 0.4,
        ..NoiseRates::default()
    };
    let events = EventRates {
        job_change: 0.25,
        employment: 0.25,
        marriage: 0.2,
        relocation: 0.2,
        twins: 0.05,
        ..EventRates::default()
    };
    [
        ("as generated", EventRates::default(), NoiseRates::default()),
        ("dirty files", EventRates::default(), noise),
        ("restless lives", events, NoiseRates::default()),
    ]
}

/// ID0 and ours over seeds × error rates.
pub(crate) fn seeds(size: &Size) -> Result<String, Failure> {
    let mut out = format!(
        "\n### Held-back seeds and error rates\n{} people, 24 months each; percent with 95% intervals.\n\n\
         | Rates | Seed | Rows | ID0 precision | ID0 recall | Sudare precision | Sudare recall | Sudare B³ recall |\n\
         |---|---:|---:|---:|---:|---:|---:|---:|\n",
        size.persons
    );
    for (name, events, noise) in rates() {
        for seed in [9_101, 9_102, 9_103] {
            let base = options(size.persons, 24, seed)?;
            let world = World::new(&SynthOptions { events: events.clone(), noise: noise.clone(), ..base }, false)?;
            let card = scored(&world, false)?;
            let show = |rate: ::linkage::Rate| {
                format!("{:.2} ({:.2}–{:.2})", 100.0 * rate.value, 100.0 * rate.low, 100.0 * rate.high)
            };
            if let (Some(id0), Some(ours)) = (card.of(Strategy::Id0), card.of(Strategy::Sudare)) {
                let (id0, ours) = (&id0.whole, &ours.whole);
                let _ = writeln!(
                    out,
                    "| {name} | {seed} | {} | {} | {} | {} | {} | {} |",
                    ours.rows,
                    show(id0.precision),
                    show(id0.recall),
                    show(ours.precision),
                    show(ours.recall),
                    show(ours.b_cubed_recall)
                );
            }
        }
    }
    Ok(out)
}

/// How far ID0 lowers the number of patients against ID1 in a year of claims in which about 11% change an identifier: published
/// (厚生の指標 64(12), 2017) as 6.2% for men and 7.1% for women.
pub(crate) fn published(size: &Size) -> Result<String, Failure> {
    let base = options(2 * size.persons, 12, 9_201)?;
    let events = EventRates { job_change: 0.1, employment: 0.1, ..EventRates::default() };
    let world = World::new(&SynthOptions { events, ..base }, true)?;
    let mut out = String::from(
        "\n### ID0 against its published figure\nA year of claims alone. Published: about 11% of patients change an identifier in a \
         year, and ID0 counts 6.2% (men) and 7.1% (women) fewer patients than ID1. *As written*: ID2 of the name as the claim has it, as in NDB.\n\n\
         | | Patients in truth | Changed ID1 | ID1 counts | ID0 counts, as written | Against ID1 | Normalized | Published |\n\
         |---|---:|---:|---:|---:|---:|---:|---:|\n",
    );
    for (name, sex, published) in [("men", 1, "−6.2%"), ("women", 2, "−7.1%")] {
        // Claims: no coverage of their own, and a name in the field for names.
        let claim = |row: &Identity| {
            row.coverage.is_none() && row.source < 2 && row.sex == sex && row.token(Pass::Id1).is_some()
        };
        let kept: Vec<usize> = world.rows.iter().enumerate().filter(|(_, row)| claim(row)).map(|(at, _)| at).collect();
        let rows: Vec<Identity> = kept.iter().filter_map(|at| world.rows.get(*at).cloned()).collect();
        let mut known: Vec<(u32, u128)> = kept
            .iter()
            .filter_map(|at| Some((*world.person.get(*at)?, world.rows.get(*at)?.token(Pass::Id1)?)))
            .collect();
        known.sort_unstable();
        known.dedup();
        let people: Vec<usize> = known.chunk_by(|a, b| a.0 == b.0).map(<[_]>::len).collect();
        let changed = people.iter().filter(|ids| **ids > 1).count() as f64 / people.len().max(1) as f64;
        let count = |strategy, rows: &[Identity]| -> Result<f64, Failure> {
            Ok(resolve(rows, strategy, &Settings::default(), &mut random_id)?.persons.len() as f64)
        };
        let (id1, normal) = (count(Strategy::Id1, &rows)?, count(Strategy::Id0, &rows)?);
        let mut written = rows.clone();
        for (row, at) in written.iter_mut().zip(&kept) {
            row.tokens = world.as_written(*at, row.tokens);
        }
        let id0 = count(Strategy::Id0, &written)?;
        let _ = writeln!(
            out,
            "| {name} | {} | {:.1}% | {id1} | {id0} | **{:+.1}%** | {:+.1}% | {published} |",
            people.len(),
            100.0 * changed,
            100.0 * (id0 / id1 - 1.0),
            100.0 * (normal / id1 - 1.0)
        );
    }
    Ok(out)
}
