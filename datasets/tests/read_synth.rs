//! What the synthetic generator writes, the readers read: every record, and every identity is somebody's.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod read_support;

use datasets::read::{Kind, truth};
use datasets::synth::{SynthOptions, generate};
use read_support::run;

#[test]
fn a_synthetic_population_is_read_whole() {
    let dir = tempfile::tempdir().unwrap();
    let options = SynthOptions { persons: 600, months: 14, seed: 7, ..SynthOptions::default() };
    generate(dir.path(), &options, &|_| {}).unwrap();
    for source in ["kenpo", "kokuho", "lifelog"] {
        let got = run(&[dir.path().join(source)]).unwrap();
        for kind in [Kind::Eligibility, Kind::Claims, Kind::Checkup, Kind::Roster, Kind::LifelogDaily, Kind::Files] {
            let counts = got.report.of(kind);
            assert!(counts.quarantined.is_empty(), "{source}: {kind:?} {counts:?}");
            assert!(counts.values_lost.is_empty(), "{source}: {kind:?} {counts:?}");
        }
        let known = truth(&got.last, &dir.path().join("truth.parquet")).unwrap();
        let share = known.height() as f64 / got.identity.height() as f64;
        assert!(share > 0.98, "{source}: the truth knows {share} of the identities");
    }
}
