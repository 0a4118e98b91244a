//! What the tests share: a signer, some events, a log on a disk in memory.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use audit_log::storage::faulty::Disk;
use audit_log::{Event, Log, Signer};

pub const ORIGIN: &str = "room.example/invented";
pub const NOW: &str = "2026-04-01T09:00:00Z";

pub fn signer() -> Signer {
    Signer::from_seed(ORIGIN, &[7; 32]).unwrap()
}

pub fn steward(number: u8) -> Signer {
    Signer::from_seed(&format!("steward.example/{number}"), &[100 + number; 32]).unwrap()
}

/// Events of different sizes.
pub fn event(number: u64) -> Event {
    if number.is_multiple_of(3) {
        let code = "c".repeat(1 + (number % 60) as usize);
        Event::Refusal { request: format!("{number:032x}"), code }
    } else {
        Event::Withdrawal { batch: number, manifest: None }
    }
}

/// A log of `sizes.last()` entries with a checkpoint at each size.
pub fn log(disk: &Disk, sizes: &[u64]) -> Log {
    let mut log = Log::create(disk.clone(), ORIGIN, signer()).unwrap();
    for size in sizes {
        while log.size() < *size {
            log.append(&event(log.size()), NOW).unwrap();
        }
        log.checkpoint().unwrap();
    }
    log
}
