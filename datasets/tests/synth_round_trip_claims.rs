//! Round trips of dental receipts and of the files of clinics (UKE), in their variants.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod synth_ledger;

use datasets::read::Kind;
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
    #![proptest_config(ProptestConfig { cases: 4, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn dpc_and_dental_receipts(seed in any::<u64>(), months in 1u32..8) {
        let books = books(&SynthOptions { persons: 500, ..options(seed, months, "payer,dpc,dental") });
        for source in ["kenpo", "kokuho"] {
            let seen = books.read(&[source]);
            books.agrees(source, &seen, &INSURER);
            prop_assert!(seen.report.kinds.values().all(|counts| counts.quarantined.is_empty()));
        }
    }

    #[test]
    fn uke_of_clinics(seed in any::<u64>(), months in 1u32..6, variants in any::<bool>()) {
        let mut options = SynthOptions { persons: 500, ..options(seed, months, "provider,dpc,dental") };
        options.noise.provider_variant = if variants { 1.0 } else { 0.0 };
        let books = books(&options);
        prop_assert!(books.report.provider_claims > 20 && books.report.medical_claims == 0);
        let seen = books.read(&["clinic"]);
        books.agrees("clinic", &seen, &["claim", "diagnosis", "act"]);
        // GO's totals are those of the file, whatever the variant.
        prop_assert!(seen.report.of(Kind::ProviderClaims).repaired.is_empty());
        prop_assert!(seen.report.kinds.values().all(|counts| counts.quarantined.is_empty()));
    }
}
