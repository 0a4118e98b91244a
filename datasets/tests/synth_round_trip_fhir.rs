//! Round trips by property: JP eCheckup bundles of clinics, and Observations that users gave.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod synth_ledger;

use datasets::synth::{Formats, SynthOptions};
use proptest::prelude::*;
use synth_ledger::{Books, books, quiet};

fn options(seed: u64, persons: u32, months: u32) -> SynthOptions {
    let formats: Formats = "fhir".parse().unwrap();
    let noise = quiet();
    SynthOptions { persons, months, seed, noise, formats, fhir_users: 6, ..SynthOptions::default() }
}

fn agree(books: &Books, source: &str, tables: &[&str]) {
    if !books.dir.path().join(source).exists() {
        return;
    }
    let seen = books.read(&[source]);
    books.agrees(source, &seen, tables);
    for (kind, counts) in &seen.report.kinds {
        assert!(counts.quarantined.is_empty() && counts.values_lost.is_empty(), "{source} {kind:?}: {counts:?}");
    }
}

fn agrees(books: &Books) {
    agree(books, "clinic", &["checkup", "checkup_item"]);
    agree(books, "lifelog", &["lifelog_daily", "observation"]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 5, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn bundles_of_clinics(seed in any::<u64>(), months in 1u32..20) {
        agree(&books(&options(seed, 260, months)), "clinic", &["checkup", "checkup_item"]);
    }

    #[test]
    fn observations_of_users(seed in any::<u64>(), months in 1u32..7) {
        agree(&books(&options(seed, 260, months)), "lifelog", &["lifelog_daily", "observation"]);
    }
}

#[test]
fn single_files_and_files_with_a_patient_occur() {
    let books = books(&options(2, 1_500, 24));
    agrees(&books);
    let names = |folder: &str| -> Vec<String> {
        let entries = std::fs::read_dir(books.dir.path().join(folder)).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    };
    assert!(names("clinic/fhir").iter().filter(|name| name.ends_with(".json")).count() > 2);
    let own = names("lifelog/fhir");
    let inside = |name: &String| {
        std::fs::read_to_string(books.dir.path().join("lifelog/fhir").join(name))
            .unwrap()
            .contains("\"Patient\",\"telecom\"")
    };
    let told = own.iter().filter(|name| inside(name)).count();
    assert!(told > 0 && told < own.len(), "{told} of {}", own.len());
}
