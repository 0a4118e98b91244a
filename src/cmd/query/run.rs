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
    let slot = slot(u64::from(unlocked.room.policy.room().slot_seconds), open.len())?;
    let mut done = Vec::new();
    for id in &open {
        match compute(id, &unlocked, &catalogue, out)? {
            Computed::Waiting(failure) => told.refuse(id, "waiting", failure, out),
            Computed::Ended(ended) => done.push((*id, ended)),
        }
    }
    if !done.is_empty() {
        wait(slot);
        for (id, ended) in done {
            match publish(&id, *ended, slot, &mut unlocked)? {
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

/// The first whole slot that leaves each of `runs` at least one slot's time.
fn slot(seconds: u64, runs: usize) -> Done<Timestamp> {
    let seconds = i64::try_from(seconds.max(1)).unwrap_or(1);
    let room = seconds.saturating_mul(i64::try_from(runs.max(1)).unwrap_or(1));
    let earliest = Timestamp::now().as_second().saturating_add(room);
    let slot = (earliest.div_euclid(seconds).saturating_add(1)).saturating_mul(seconds);
    Timestamp::from_second(slot).input("this machine's clock")
}

fn wait(slot: Timestamp) {
    while let Ok(left) = Duration::try_from(slot.duration_since(Timestamp::now())) {
        if left.is_zero() {
            break;
        }
        std::thread::sleep(left);
    }
}
