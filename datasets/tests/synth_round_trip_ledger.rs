//! Round trips by property: for any seed, what the ledger says was generated is what the readers give, row by row.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod synth_ledger;

use datasets::synth::{Formats, NoiseRates, SynthOptions};
use proptest::prelude::*;
use synth_ledger::{books, quiet};

const INSURER: [&str; 6] = ["enrolment", "claim", "diagnosis", "act", "checkup", "checkup_item"];

fn options(seed: u64, months: u32, formats: &str) -> SynthOptions {
    let formats: Formats = formats.parse().unwrap();
    // Clerks do not err, but receipts are corrected, come late and come twice.
    let noise = NoiseRates { correction: 0.1, readjudicated: 0.05, late: 0.1, ..quiet() };
    SynthOptions { persons: 260, months, seed, noise, formats, ..SynthOptions::default() }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn payer_claims_eligibility_and_checkups(seed in any::<u64>(), months in 1u32..20) {
        let books = books(&options(seed, months, "payer"));
        for source in ["kenpo", "kokuho"] {
            let seen = books.read(&[source]);
            books.agrees(source, &seen, &INSURER);
            prop_assert!(seen.report.kinds.values().all(|counts| counts.quarantined.is_empty()));
        }
    }

    #[test]
    fn dpc_receipts(seed in any::<u64>(), months in 1u32..8) {
        let books = books(&SynthOptions { persons: 750, ..options(seed, months, "payer,dpc") });
        for source in ["kenpo", "kokuho"] {
            let seen = books.read(&[source]);
            books.agrees(source, &seen, &INSURER);
            prop_assert!(seen.report.kinds.values().all(|counts| counts.quarantined.is_empty()));
        }
    }

    #[test]
    fn a_service(seed in any::<u64>(), months in 1u32..6) {
        let books = books(&options(seed, months, ""));
        books.agrees("lifelog", &books.read(&["lifelog"]), &["lifelog_daily"]);
    }
}

#[test]
fn the_ledger_is_not_empty_and_not_always_kept() {
    let books = books(&options(1, 12, "payer"));
    for source in ["kenpo", "kokuho"] {
        for table in INSURER {
            assert!(books.ledger.rows(source, table).len() > 20, "{source} {table}");
        }
    }
    let report = &books.report;
    assert!(report.corrected_claims > 50 && report.readjudicated_claims > 20, "{report:?}");
    let claims = books.ledger.rows("kenpo", "claim").len() + books.ledger.rows("kokuho", "claim").len();
    assert_eq!(claims as u64, report.medical_claims + report.pharmacy_claims);
    // Names and numbers may be written wrongly: the tables stay the same.
    let noisy =
        SynthOptions { noise: NoiseRates { correction: 0.1, ..NoiseRates::default() }, ..options(1, 12, "payer") };
    let noisy = synth_ledger::books(&noisy);
    for source in ["kenpo", "kokuho"] {
        noisy.agrees(source, &noisy.read(&[source]), &INSURER);
    }
}
