//! The law that privacy rests on: taking one person away changes each statistic's vector in at most `max_groups` cells, each by at
//! most max(|lo|, |hi|), and by no more than declared in all. Noise off, so that what is compared is what the noise is added to. And the
//! proofs below it: nobody has more rows or cells than the checker claims, though the engine would cut them.
//!
//! A triple is a store, a question and a person. `SUDARE_PROVE_SEED` repeats a run; every failure names the seed of its store.

#![allow(clippy::print_stdout)]

use std::time::{SystemTime, UNIX_EPOCH};

use super::fixture::Room;
use super::neighbours::{Dice, FAIR, PERSONS, fill, question};
use crate::engine::streamed;
use crate::plan::Plan;
use crate::run::fixture::{TODAY, population};

/// Integers of a plan by the way that `exact` takes.
pub(super) fn taken(room: &Room, plan: &Plan) -> Vec<Vec<i128>> {
    streamed(plan, &room.connection, TODAY).unwrap().unwrap_or_else(|| room.run_sql(plan))
}

/// Whether two neighbours differ by no more than is declared.
pub(super) fn within(plan: &Plan, before: &[Vec<i128>], after: &[Vec<i128>]) -> Result<(), String> {
    if before.len() != after.len() {
        return Err("the shape depends on the data".to_owned());
    }
    for (number, statistic) in plan.statistics().iter().enumerate() {
        let slots = plan.offset(number)..plan.offset(number) + statistic.slots();
        let changes: Vec<u128> = before
            .iter()
            .zip(after)
            .flat_map(|(b, a)| slots.clone().map(|slot| (b[slot] - a[slot]).unsigned_abs()))
            .filter(|change| *change > 0)
            .collect();
        let may = plan.sensitivity(statistic);
        let fits = changes.len() <= usize::try_from(may.l0).unwrap()
            && changes.iter().all(|change| *change <= u128::from(may.linf))
            && changes.iter().sum::<u128>() <= may.l1;
        if !fits {
            return Err(format!("{changes:?} beyond {may:?}\n{statistic:?}"));
        }
    }
    Ok(())
}

/// All triples of one store: how many, and how many of them changed something.
fn triples(seed: u64) -> Result<(u64, u64), String> {
    let mut dice = Dice(seed);
    let room = Room::new();
    fill(&room, &mut dice);
    let mut questions = Vec::new();
    for _ in 0..8 {
        let text = question(&mut dice);
        match crate::check(&text, &room.catalogue, &population()) {
            Ok(plan) => questions.extend(plan.parts().into_iter().map(|part| (text.clone(), part.into_owned()))),
            Err(refusal) if FAIR.contains(&refusal.code()) => {}
            Err(refusal) => return Err(format!("{refusal}\n{text}")),
        }
    }
    for (text, plan) in &questions {
        let (rows, cells) = room.most(plan);
        if plan.rows().bound().is_some_and(|k| rows > k) {
            return Err(format!("{rows} rows of {}\n{text}", plan.rows()));
        }
        if !plan.choose_groups && cells > u64::from(plan.max_groups()) {
            return Err(format!("{cells} cells of {}\n{text}", plan.max_groups()));
        }
    }
    // Every way gives the same integers here.
    let before: Vec<_> = questions.iter().map(|(_, plan)| room.run(plan)).collect();
    let by_sql = dice.below(4) == 0;
    room.remember();
    let (mut all, mut changed) = (0, 0);
    for person in 0..PERSONS {
        room.without(person);
        for ((text, plan), before) in questions.iter().zip(&before) {
            let after = if by_sql { room.run_sql(plan) } else { taken(&room, plan) };
            within(plan, before, &after).map_err(|found| format!("person {person}: {found}\n{text}"))?;
            all += 1;
            changed += u64::from(*before != after);
        }
    }
    Ok((all, changed))
}

/// Stores until there are so many triples.
fn prove(wanted: u64) {
    let clock = || SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_nanos());
    let seed = std::env::var("SUDARE_PROVE_SEED").ok().and_then(|seed| seed.parse().ok());
    let first = seed.unwrap_or_else(|| Dice(u64::try_from(clock() % (1 << 60)).unwrap_or(0)).next());
    println!("SUDARE_PROVE_SEED={first}");
    let (threads, share) = (2, wanted.div_ceil(2));
    let sums = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|worker| {
                scope.spawn(move || {
                    let (mut all, mut changed, mut store) = (0, 0, worker);
                    while all < share {
                        let seed = first.wrapping_add(store);
                        let (more, moved) = triples(seed).unwrap_or_else(|found| panic!("store {seed}: {found}"));
                        (all, changed, store) = (all + more, changed + moved, store + threads);
                        if wanted > 10_000 && (store / threads) % 100 == 0 {
                            println!("worker {worker}: {all} triples");
                        }
                    }
                    (all, changed)
                })
            })
            .collect();
        workers.into_iter().map(|worker| worker.join().unwrap()).collect::<Vec<_>>()
    });
    let (all, changed) = sums.into_iter().fold((0, 0), |sum, (all, changed)| (sum.0 + all, sum.1 + changed));
    println!("{all} triples, of which {changed} changed an integer");
    // A law that nothing could break would prove nothing.
    assert!(changed * 4 > all, "only {changed} of {all} triples changed anything");
}

#[test]
fn one_person_moves_a_statistic_no_further_than_its_sensitivity() {
    prove(2_000);
}

#[test]
#[ignore = "make prove: half an hour"]
fn prove_one_person_moves_a_statistic_no_further_than_its_sensitivity() {
    prove(200_000);
}
