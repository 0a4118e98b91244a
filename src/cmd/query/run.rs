//! `sudare query run`: charge, wait for co-signatures, compute once, seal, release at a slot.
//!
//! Order (design, "The trail"): intent → checkpoint → co-signatures → data → answer sealed and synced → release record →
//! checkpoint → answer shown. A run that was cut off after data was touched is never computed again: its sealed answer is
//! released if there is one, otherwise the failure is logged; the charge stands either way.

use std::time::Duration;

use jiff::Timestamp;
use policies::Digest;
use serde_json::{Value, json};

use super::charge::{Charged, charge};
use super::compute::{Computed, compute};
use super::publish::{publish, rebuild};
use super::{docket, find, release_path, short, show};
use crate::cli::RoomArgs;
use crate::fail::{self, Context, Done, Failure};
use crate::out::Out;
use crate::room::Room;

pub fn run(prefixes: &[String], args: &RoomArgs, out: &Out) -> Done {
    let mut unlocked = Room::open(&args.room)?.unlock(args.room_passphrase_file.as_deref())?;
    let catalogue = unlocked.room.catalogue()?;
    let known = docket(unlocked.log.entries(), &unlocked.room)?;
    let mut ids: Vec<Digest> = Vec::new();
    for prefix in prefixes {
        let id = find(&known, prefix)?.id();
        if !ids.contains(&id) {
            ids.push(id);
        }
    }

    let mut told = Told { several: ids.len() > 1, refused: None, results: Vec::new() };
    let (mut open, mut answered) = (Vec::new(), Vec::new());
    for id in &ids {
        match charge(id, &mut unlocked, &catalogue, out) {
            Ok(Charged::Open) => open.push(*id),
            Ok(Charged::Answered(by)) => answered.push((*id, by)),
            Err(failure) if failure.exit() == fail::REFUSED => told.refuse(id, "refused", failure, out),
            Err(failure) => return Err(failure),
        }
    }
    unlocked.checkpoint()?;

    // The slot is fixed before any data is touched: when an answer appears must not tell how long it took.
    let seconds = i64::from(unlocked.room.policy.room().slot_seconds);
    let planned = slot(seconds, open.len(), Timestamp::now().as_second());
    let mut done = Vec::new();
    for id in &open {
        match compute(id, &unlocked, &catalogue, out)? {
            Computed::Waiting(failure) => told.refuse(id, "waiting", failure, out),
            Computed::Ended(ended) => done.push((*id, ended)),
        }
    }
    if !done.is_empty() {
        let (slot, late) = told_at(planned, seconds, Timestamp::now().as_second());
        let slot = Timestamp::from_second(slot).input("this machine's clock")?;
        wait(slot);
        for (id, ended) in done {
            match publish(&id, *ended, slot, late, &mut unlocked)? {
                Ok(()) => answered.push((id, id)),
                Err(failure) => told.refuse(&id, "failed", failure, out),
            }
        }
    }
    for (id, by) in &answered {
        let path = release_path(&unlocked.room, by);
        if !path.is_file() {
            rebuild(by, &unlocked)?;
        }
        let answer = show::answer(&path, &unlocked.room, out)?;
        told.results.push(json!({ "request": id.to_string(), "state": "released", "answer": answer }));
    }
    out.value(&told.results);
    match told.refused {
        Some(failure) => Err(failure.told()),
        None => Ok(()),
    }
}

/// What the command will say at its end.
struct Told {
    several: bool,
    refused: Option<Failure>,
    results: Vec<Value>,
}

impl Told {
    /// One message is the command's own; with several requests, each is named.
    fn refuse(&mut self, id: &Digest, state: &str, failure: Failure, out: &Out) {
        if self.several && state != "waiting" {
            out.line(format!("  request {}: {}", short(id), failure.message));
        }
        self.results.push(json!({ "request": id.to_string(), "state": state, "why": failure.message }));
        self.refused = Some(failure);
    }
}

/// The first whole slot that leaves each of `runs` at least one slot's time; seconds since 1970.
fn slot(seconds: i64, runs: usize, now: i64) -> i64 {
    let seconds = seconds.max(1);
    let room = seconds.saturating_mul(i64::try_from(runs.max(1)).unwrap_or(1));
    whole(seconds, now.saturating_add(room))
}

/// The first whole slot after this second.
fn whole(seconds: i64, now: i64) -> i64 {
    let seconds = seconds.max(1);
    now.div_euclid(seconds).saturating_add(1).saturating_mul(seconds)
}

/// When the end of runs is told that were planned for a slot and are done now, and whether they are late. Late ones are failures, whatever they
/// found, and wait for a whole slot as well: the log never tells to the second how long the data took.
fn told_at(planned: i64, seconds: i64, now: i64) -> (i64, bool) {
    let late = now > planned.saturating_add(1);
    (if late { whole(seconds, now) } else { planned }, late)
}

fn wait(slot: Timestamp) {
    while let Ok(left) = Duration::try_from(slot.duration_since(Timestamp::now())) {
        if left.is_zero() {
            break;
        }
        std::thread::sleep(left);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// When something is told is a whole slot; who is done in time tells nothing by it, and who is late only by how many slots.
    #[test]
    fn answers_and_failures_are_told_at_whole_slots() {
        for seconds in [1, 2, 7, 60, 900, 3_600] {
            for (runs, now) in [(0, 0), (1, 59), (1, 60), (3, 1_795_000_000), (50, 1_795_000_001)] {
                let planned = slot(seconds, runs, now);
                let room = seconds * i64::try_from(runs.max(1)).unwrap_or(1);
                assert!(planned % seconds == 0 && planned > now + room && planned <= now + room + seconds);
                for took in (0..3 * (room + seconds)).step_by(1 + usize::try_from(seconds / 7).unwrap_or(0)) {
                    let (told, late) = told_at(planned, seconds, now + took);
                    assert_eq!(late, now + took > planned + 1);
                    assert!(told % seconds == 0 && (told == planned) != late);
                    assert!(!late || (told > now + took && told <= now + took + seconds));
                }
            }
        }
    }
}
