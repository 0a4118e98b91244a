//! A minute of damage for every reader, on stable Rust: no panic, no lost record, no value in an error, no frame that is not the
//! catalogue's, no input that takes for ever. `SUDARE_FUZZ_SECONDS` (per reader), `SUDARE_FUZZ_SEED`, `SUDARE_FUZZ_READER` change it.
//! A failing input is made small and saved; its content is never printed.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::print_stderr)]
#![allow(dead_code, unreachable_pub, missing_docs)]

#[path = "../fuzz/src/check.rs"]
mod check;
#[path = "../fuzz/src/mutate.rs"]
mod mutate;
#[path = "../fuzz/src/seeds.rs"]
mod seeds;

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use datasets::catalogue::Catalogue;
use mutate::{Numbers, mutate};
use seeds::{Seeds, TARGETS};

/// No input of these sizes may take longer, even on a busy machine.
const LONGEST: Duration = Duration::from_secs(20);

thread_local! {
    static PLACE: RefCell<String> = const { RefCell::new(String::new()) };
}

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// What does not hold for these bytes, if anything; whether they were read.
fn outcome(dir: &Path, catalogue: &Catalogue, seeds: &Seeds, bytes: &[u8]) -> Result<bool, String> {
    let begun = Instant::now();
    let result = catch_unwind(AssertUnwindSafe(|| check::check(dir, catalogue, seeds, bytes)));
    let result = result.unwrap_or_else(|_| Err(format!("panic at {}", PLACE.with(|place| place.borrow().clone()))));
    if begun.elapsed() > LONGEST {
        return Err("too slow".to_owned());
    }
    result
}

/// The failing bytes without what they do not need, for as long as they fail in the same way.
fn smaller(dir: &Path, catalogue: &Catalogue, seeds: &Seeds, mut bytes: Vec<u8>, failure: &str) -> Vec<u8> {
    let mut tries = 0;
    let mut size = bytes.len() / 2;
    while size > 0 && tries < 400 && failure != "too slow" {
        let mut at = 0;
        while at < bytes.len() && tries < 400 {
            let mut without = bytes.clone();
            without.drain(at..(at + size).min(bytes.len()));
            tries += 1;
            if outcome(dir, catalogue, seeds, &without).is_err_and(|other| other == failure) {
                bytes = without;
            } else {
                at += size;
            }
        }
        size /= 2;
    }
    bytes
}

struct Tried {
    inputs: u64,
    read: u64,
    failure: Option<String>,
}

fn torment(name: &str, seeds: &Seeds, catalogue: &Catalogue, seed: u64, time: Duration) -> Tried {
    let dir = tempfile::tempdir().unwrap();
    let mut tried = Tried { inputs: 0, read: 0, failure: None };
    let end = Instant::now() + time;
    let target = TARGETS.iter().position(|target| *target == name).unwrap() as u64;
    // First the seeds as they are: a harness whose seeds nobody reads would find nothing.
    let whole = seeds.inputs.iter().cloned();
    let damaged = (0..).map(|at| mutate(&seeds.inputs, &mut Numbers::new(&[seed, target, at])));
    for bytes in whole.chain(damaged) {
        match outcome(dir.path(), catalogue, seeds, &bytes) {
            Ok(read) => tried.read += u64::from(read),
            Err(failure) => {
                let bytes = smaller(dir.path(), catalogue, seeds, bytes, &failure);
                let path: PathBuf =
                    std::env::temp_dir().join(format!("sudare-fuzz-{name}-{seed}-{}.bin", tried.inputs));
                std::fs::write(&path, &bytes).unwrap();
                let at = path.display();
                tried.failure = Some(format!("{name}: {failure}; seed {seed}, input {}, saved in {at}", tried.inputs));
                break;
            }
        }
        tried.inputs += 1;
        if Instant::now() > end {
            break;
        }
    }
    tried
}

#[test]
fn no_bytes_break_a_reader() {
    let time = Duration::from_secs(number("SUDARE_FUZZ_SECONDS", 60));
    let seed = number("SUDARE_FUZZ_SEED", 1);
    let only = std::env::var("SUDARE_FUZZ_READER").ok();
    let all = seeds::seeds();
    let catalogue = Catalogue::builtin().unwrap();
    // The message of a panic may hold what was read: only its place is kept.
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(|info| {
        let place = info.location().map(ToString::to_string).unwrap_or_default();
        PLACE.with(|slot| *slot.borrow_mut() = place);
    }));
    let chosen = |name: &&&str| only.as_deref().is_none_or(|only| only == **name);
    let queue: Mutex<Vec<&str>> = Mutex::new(TARGETS.iter().filter(chosen).copied().collect());
    let done = Mutex::new(Vec::new());
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let Some(name) = queue.lock().unwrap().pop() else {
                        break;
                    };
                    let tried = torment(name, &all[name], &catalogue, seed, time);
                    done.lock().unwrap().push((name, tried));
                }
            });
        }
    });
    std::panic::set_hook(before);
    let done = done.into_inner().unwrap();
    let mut failures = Vec::new();
    for (name, tried) in &done {
        eprintln!("{name}: {} inputs, {} of them read, {} seeds", tried.inputs, tried.read, all[name].inputs.len());
        failures.extend(tried.failure.clone());
        if tried.failure.is_none() && (all[name].inputs.is_empty() || tried.read == 0) {
            failures.push(format!("{name}: no seed of it is read"));
        }
    }
    assert!(failures.is_empty(), "{failures:#?}");
}

#[test]
fn seeds_hold_the_canary_and_damage_is_the_same_every_time() {
    let all = seeds::seeds();
    for (name, seeds) in &all {
        // Daily values and Fitbit name nobody; an archive is packed.
        if matches!(*name, "daily" | "fitbit" | "archive") {
            continue;
        }
        let with = seeds.inputs.iter().filter(|bytes| {
            let utf8 = String::from_utf8_lossy(bytes).contains(seeds::CANARY);
            utf8 || encoding_rs::SHIFT_JIS.decode(bytes).0.contains(seeds::CANARY)
        });
        assert!(with.count() > 0, "{name}");
    }
    let seeds = &all["eligibility"].inputs;
    let damaged = |at| mutate(seeds, &mut Numbers::new(&[1, 2, at]));
    assert_eq!(damaged(7), damaged(7));
    let different = (0..50).filter(|at| damaged(*at) != seeds[0] && damaged(*at) != seeds[1]).count();
    assert!(different > 45, "{different}");
}
