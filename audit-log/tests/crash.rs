//! Crashes at every operation of the disk. After each: every entry whose append returned is there, the last
//! published checkpoint or a later one stands, roots recompute, cosignatures stay, and work goes on.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod common;

use audit_log::storage::faulty::{Disk, Fault};
use audit_log::{Checkpoint, Log, LogError, View, cosign};
use common::{NOW, ORIGIN, event, signer, steward};

/// What the log has promised so far.
#[derive(Default, Clone)]
struct Promise {
    appended: u64,
    published: Vec<Checkpoint>,
    cosigned: Vec<u64>,
}

impl Promise {
    fn check(&self, log: &Log, disk: &Disk) {
        assert!(log.size() >= self.appended, "an appended entry was lost");
        assert!(log.size() <= self.appended + 1, "an entry came from nowhere");
        for entry in log.entries() {
            assert_eq!(entry.event, event(entry.index));
        }
        let view = View::load(disk, &log.verifier()).unwrap();
        assert_eq!(view.checkpoint(), log.latest());
        for published in &self.published {
            let size = published.size();
            let kept = if size == view.size() { Some(view.checkpoint()) } else { view.earlier().get(&size) };
            // The empty checkpoint says nothing and isn't kept.
            if size > 0 {
                assert_eq!(kept.expect("a published checkpoint was lost").text(), published.text());
            }
        }
        for size in &self.cosigned {
            let kept = if *size == view.size() { view.checkpoint() } else { &view.earlier()[size] };
            assert_eq!(kept.cosignatures(&[steward(1).verifier()]).len(), 1, "a cosignature was lost");
        }
        for index in view.size().saturating_sub(8)..view.size() {
            view.prove(index).unwrap();
        }
    }
}

/// Appends up to `target` entries with a cosigned checkpoint after every third, noting each promise as it is made.
fn work(disk: &Disk, promise: &mut Promise, target: u64) -> Result<(), LogError> {
    let mut log = match Log::open(disk.clone(), signer()) {
        Err(LogError::NotALog) if promise.published.is_empty() => Log::create(disk.clone(), ORIGIN, signer())?,
        other => other?,
    };
    promise.check(&log, disk);
    promise.appended = log.size();
    promise.published.push(log.latest().clone());
    while log.size() < target {
        promise.appended = log.append(&event(log.size()), NOW)? + 1;
        if log.size() % 3 == 0 || log.size() == target {
            promise.published.push(log.checkpoint()?);
            let view = View::load(disk, &log.verifier()).unwrap();
            let line = cosign(&view, None, &steward(1), log.size()).unwrap();
            log.add_cosignature(&line, &[steward(1).verifier()])?;
            promise.cosigned.push(log.size());
        }
    }
    // After a crash the last entry may wait for its checkpoint.
    promise.published.push(log.checkpoint()?);
    Ok(())
}

/// Runs with every possible fault; `between` says what happens to the disk after it.
fn every_fault(start: &Disk, from: u64, target: u64, between: impl Fn(&Disk, &mut Promise, u64)) -> u64 {
    let mut operation = 0;
    loop {
        let mut reached = false;
        for applied in [false, true] {
            let disk = start.copy();
            let mut promise = Promise { appended: from, ..Promise::default() };
            disk.fail_at(Fault { operation: disk.operations() + operation, applied });
            match work(&disk, &mut promise, target) {
                Ok(()) => continue,
                Err(error) => assert!(matches!(error, LogError::Storage(_)), "{error}"),
            }
            reached = true;
            between(&disk, &mut promise, operation * 2 + u64::from(applied));
        }
        if !reached {
            return operation;
        }
        operation += 1;
    }
}

fn power_losses(start: &Disk, from: u64, target: u64, seeds: u64) -> u64 {
    every_fault(start, from, target, |broken, promise, number| {
        for seed in 0..seeds {
            let mut promise = promise.clone();
            let disk = broken.fork();
            disk.power_loss(number * 1000 + seed);
            work(&disk, &mut promise, target).unwrap();
            assert_eq!(View::load(&disk, &signer().verifier()).unwrap().size(), target);
        }
    })
}

#[test]
fn power_lost_at_every_operation_of_a_new_log() {
    let operations = power_losses(&Disk::new(), 0, 8, 12);
    assert!(operations > 100, "only {operations} operations were tried");
}

#[test]
fn power_lost_at_every_operation_across_a_full_tile() {
    let start = Disk::new();
    drop(common::log(&start, &[250, 253]));
    let operations = power_losses(&start, 253, 258, 2);
    assert!(operations > 50, "only {operations} operations were tried");
}

#[test]
fn killed_at_every_operation_then_power_lost_later() {
    let operations = every_fault(&Disk::new(), 0, 6, |broken, promise, number| {
        // The process dies; what it wrote is still to be seen, but not yet durable.
        for later in [1, 2, 4, 7, 12, 20, 33] {
            let (disk, mut promise) = (broken.fork(), promise.clone());
            disk.kill();
            disk.fail_at(Fault { operation: disk.operations() + later, applied: true });
            let _ = work(&disk, &mut promise, 6);
            disk.power_loss(number * 1000 + later);
            work(&disk, &mut promise, 6).unwrap();
        }
    });
    assert!(operations > 70, "only {operations} operations were tried");
}

#[test]
fn after_a_failed_write_nothing_more_is_written() {
    let disk = Disk::new();
    let mut log = common::log(&disk, &[2]);
    // The sync of the file fails once; a second attempt would wrongly succeed.
    disk.fail_at(Fault { operation: disk.operations() + 1, applied: false });
    assert!(matches!(log.append(&event(2), NOW), Err(LogError::Storage(_))));
    disk.kill();
    let before = disk.operations();
    assert!(matches!(log.append(&event(2), NOW), Err(LogError::Storage(_))));
    assert!(matches!(log.checkpoint(), Ok(c) if c.size() == 2));
    assert_eq!((log.size(), disk.operations()), (2, before));
}
