//! Round trips by property: programmes, events, laboratory values, consent and opt-out lists come back row by row.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod synth_ledger;

use std::collections::BTreeSet;

use datasets::read::{Identified, ReadOptions, read, truth};
use datasets::synth::{Formats, NoiseRates, SynthOptions};
use proptest::prelude::*;
use synth_ledger::{Books, books, quiet};

const FORMATS: &str = "programmes,events,observations,consent,opt_out";
const TABLES: [&str; 3] = ["programme", "event", "consent"];

fn options(seed: u64, persons: u32, months: u32, noise: NoiseRates) -> SynthOptions {
    let formats: Formats = FORMATS.parse().unwrap();
    SynthOptions { persons, months, seed, noise, formats, ..SynthOptions::default() }
}

/// Everything of the insurers and of the clinics; gives the rows compared.
fn all_agrees(books: &Books) -> usize {
    let mut rows = 0;
    for source in ["kenpo", "kokuho"] {
        let seen = books.read(&[source]);
        rows += books.agrees(source, &seen, &TABLES);
        for (kind, counts) in &seen.report.kinds {
            assert!(counts.quarantined.is_empty() && counts.values_lost.is_empty(), "{source} {kind:?}: {counts:?}");
        }
    }
    if books.dir.path().join("clinic").exists() {
        rows += books.agrees("clinic", &books.read(&["clinic"]), &["observation"]);
    }
    rows
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 5, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn tables_of_insurers_and_clinics(seed in any::<u64>(), months in 3u32..26) {
        all_agrees(&books(&options(seed, 300, months, quiet())));
    }
}

#[test]
fn every_kind_occurs_and_errors_of_names_change_no_row() {
    let books = books(&options(5, 4_000, 24, NoiseRates { correction: 0.0, ..NoiseRates::default() }));
    assert!(all_agrees(&books) > 5_000);
    let all = |table: &str| -> Vec<String> {
        let sources = ["kenpo", "kokuho", "clinic"].into_iter();
        sources.flat_map(|source| books.ledger.rows(source, table)).map(|(_, text)| text.clone()).collect()
    };
    for (table, words) in [
        ("programme", ["kind=active", "kind=motivational", "kind=severity", "status=completed", "status=withdrew"]),
        ("programme", ["kind=smoking", "kind=walking", "status=invited", "status=declined", "status=ongoing"]),
        ("event", ["kind=vaccination", "kind=allergy", "kind=care", "kind=leave", "kind=stress"]),
        ("event", ["grade=high_stress", "grade=care1", "code=mental", "end_date=", "code=influenza"]),
        (
            "consent",
            ["recipient_kind=pharma", "recipient_kind=academia", "until_date=", "allowed=false", "data_kind=lifelog"],
        ),
        ("observation", ["place=clinic", "code=jlac10:3D046000001906202", "unit=%", "value=", "date="]),
    ] {
        let rows = all(table);
        for word in words {
            assert!(rows.iter().any(|row| row.contains(word)), "{table}: {word}");
        }
    }
}

#[test]
fn opted_out_are_the_identities_of_the_list() {
    let books = books(&options(9, 3_000, 6, quiet()));
    for source in ["kenpo", "kokuho"] {
        let folder = books.dir.path().join(source);
        let list = std::fs::read(folder.join("opt-out.csv")).unwrap();
        let rows = list.iter().filter(|byte| **byte == b'\n').count() - 1;
        assert!(rows > 0);
        let mut last = None;
        let mut sink = |batch: Identified| {
            last = Some(batch);
            Ok(())
        };
        read(&[folder], &ReadOptions::default(), &mut sink, &|_| {}).unwrap();
        let last = last.unwrap();
        let known = truth(&last, &books.dir.path().join("truth.parquet")).unwrap();
        let (ident, person) =
            (known.column("ident").unwrap().u32().unwrap(), known.column("person").unwrap().u32().unwrap());
        let out = last.identity().column("opted_out").unwrap().bool().unwrap();
        let idents = last.identity().column("ident").unwrap().u32().unwrap();
        let marked: BTreeSet<u32> = idents
            .iter()
            .zip(out.iter())
            .filter(|(_, out)| *out == Some(true))
            .filter_map(|(ident, _)| ident)
            .collect();
        let persons: BTreeSet<u32> = ident
            .iter()
            .zip(person.iter())
            .filter(|(ident, _)| marked.contains(&ident.unwrap()))
            .filter_map(|p| p.1)
            .collect();
        assert_eq!((marked.len(), persons.len()), (rows, rows), "{source}");
        let consents: BTreeSet<u32> = books.ledger.rows(source, "consent").iter().map(|(person, _)| *person).collect();
        assert!(persons.is_disjoint(&consents));
    }
}
