//! Round trips by property: checkups as CSV, under the words of vendors and under item codes.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod synth_ledger;

use datasets::synth::{Formats, SynthOptions};
use proptest::prelude::*;
use synth_ledger::{Books, books, quiet};

fn options(seed: u64, persons: u32, months: u32) -> SynthOptions {
    let formats: Formats = "checkup_csv".parse().unwrap();
    SynthOptions { persons, months, seed, noise: quiet(), formats, ..SynthOptions::default() }
}

fn agrees(books: &Books) -> usize {
    let mut rows = 0;
    for source in ["kenpo", "kokuho"] {
        let seen = books.read(&[source]);
        rows += books.agrees(source, &seen, &["checkup", "checkup_item"]);
        for (kind, counts) in &seen.report.kinds {
            assert!(counts.quarantined.is_empty() && counts.values_lost.is_empty(), "{source} {kind:?}: {counts:?}");
        }
    }
    rows
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 5, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn by_words_and_by_codes(seed in any::<u64>(), months in 1u32..26) {
        agrees(&books(&options(seed, 400, months)));
    }
}

#[test]
fn both_files_are_written() {
    let books = books(&options(4, 2_000, 24));
    assert!(agrees(&books) > 3_000);
    for source in ["kenpo", "kokuho"] {
        assert!(books.dir.path().join(source).join("checkups/dock.csv").exists());
    }
}
