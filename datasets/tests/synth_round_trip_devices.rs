//! Round trips by property: what Apple Health, Fitbit and FHIR files tell of a day is what was generated for it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod synth_ledger;

use datasets::synth::{Formats, SynthOptions};
use proptest::prelude::*;
use synth_ledger::{Books, books, quiet};

fn options(seed: u64, months: u32, formats: &str) -> SynthOptions {
    let formats: Formats = formats.parse().unwrap();
    let (apple_users, fitbit_users, fhir_users) = (4, 6, 6);
    let (persons, noise) = (260, quiet());
    SynthOptions {
        persons,
        months,
        seed,
        noise,
        formats,
        apple_users,
        fitbit_users,
        fhir_users,
        ..SynthOptions::default()
    }
}

fn agrees(books: &Books) {
    let seen = books.read(&["lifelog"]);
    books.agrees("lifelog", &seen, &["lifelog_daily", "observation"]);
    for (kind, counts) in &seen.report.kinds {
        assert!(counts.quarantined.is_empty() && counts.values_lost.is_empty(), "{kind:?}: {counts:?}");
    }
    assert_eq!(books.report.lifelog_days as usize, books.ledger.rows("lifelog", "lifelog_daily").len());
}

fn count(books: &Books, word: &str) -> usize {
    let rows = ["lifelog_daily", "observation"].into_iter().flat_map(|table| books.ledger.rows("lifelog", table));
    rows.filter(|(_, text)| text.contains(word)).count()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 5, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn apple_health(seed in any::<u64>(), months in 1u32..7) {
        agrees(&books(&options(seed, months, "apple")));
    }

    #[test]
    fn fitbit(seed in any::<u64>(), months in 1u32..7) {
        agrees(&books(&options(seed, months, "fitbit")));
    }
}

#[test]
fn everything_that_devices_tell_occurs() {
    let books = books(&SynthOptions { apple_users: 25, ..options(3, 4, "apple,fitbit") });
    agrees(&books);
    for word in [
        "sleep_deep_min=",
        "sleep_rem_min=",
        "sleep_light_min=",
        "awake_min=",
        "weight_kg=",
        "sbp=",
        "resting_hr=",
        "wear_min=",
        "energy_in_kcal=",
        "energy_out_kcal=",
        "code=hk:bloodGlucose",
        "source=apple_health",
        "source=fitbit",
    ] {
        assert!(count(&books, word) > 20, "{word}");
    }
}
