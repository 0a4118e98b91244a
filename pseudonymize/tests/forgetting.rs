//! A run that forgets identities once told gives the package that a run gives which keeps them, also where a birth date turns out to be
//! impossible at the end only, and keeps the same people back.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod support;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use datasets::catalogue::Catalogue;
use datasets::read::{Identified, ReadError, ReadOptions, read};
use datasets::synth::{SynthOptions, generate};
use polars::prelude::{DataFrame, SortMultipleOptions};
use pseudonymize::package::Opened;
use pseudonymize::{Identity, LinkageKey, Pass, Pseudonymizer, Role, SourceKeys};

const ROOM: &str = "room.example/forgetting";

/// The package of a run, and what was kept back.
fn through(
    inputs: &[PathBuf],
    out: &Path,
    forget: bool,
    keys: &SourceKeys,
    room: &Identity,
) -> (Opened, BTreeMap<String, u64>) {
    let catalogue = Catalogue::builtin().unwrap();
    let mut writer = support::writer(out, "kenpo", keys, room);
    let mut run = Pseudonymizer::new(keys, &catalogue);
    // Of what is kept of everybody almost nothing may stay in memory, so that all of it is spilled and fetched again.
    let spill = forget.then(|| out.parent().unwrap().to_owned());
    let options = ReadOptions { batch_rows: 700, forget, spill, resident_bytes: 1, ..ReadOptions::default() };
    let mut learn = |batch: Identified| {
        if run.learn(&batch).unwrap() { Ok(()) } else { Err(ReadError::Sink("".into())) }
    };
    let _ = read(inputs, &options, &mut learn, &|_| {});
    run.learned();
    let (mut told, mut spilled) = (0, 0);
    let mut sink = |batch: Identified| {
        if forget {
            spilled = spilled.max(noise_without_a_name(out.parent().unwrap()));
            assert!(batch.identity().column("kana").is_err() || batch.identity().height() == 0, "texts are told once");
            told += batch.fresh().height();
        }
        writer.append(&run.batch(batch).unwrap()).unwrap();
        Ok(())
    };
    read(inputs, &options, &mut sink, &|_| {}).unwrap();
    assert_eq!(told > 0, forget);
    assert!(spilled > 0 || told < 700 || !cfg!(target_os = "linux"), "nothing was spilled of {told} identities");
    writer.tombstones(&run.tombstones().unwrap()).unwrap();
    let kept_back = run.opted_out().clone();
    (support::opened(writer, out, "kenpo", keys, room), kept_back)
}

/// Bytes of the files of this process that have no name in this folder any more; they look like noise. Zero where that can't be seen.
fn noise_without_a_name(folder: &Path) -> usize {
    let mut all = 0;
    for link in std::fs::read_dir("/proc/self/fd").into_iter().flatten().flatten() {
        let told = std::fs::read_link(link.path()).unwrap_or_default();
        if told.starts_with(folder) && told.to_string_lossy().ends_with("(deleted)") {
            let bytes = std::fs::read(link.path()).unwrap();
            let zeros = bytes.iter().filter(|byte| **byte == 0).count();
            // Days and numbers in the clear would be zeros for the most part; of noise it is one byte of 256.
            assert!(bytes.len() < 4096 || zeros * 64 < bytes.len(), "{zeros} zeros of {}", bytes.len());
            all += bytes.len();
        }
    }
    all
}

fn sorted(frame: &DataFrame) -> DataFrame {
    frame.sort(["ident"], SortMultipleOptions::default().with_maintain_order(true)).unwrap()
}

fn alike(inputs: &[PathBuf], dir: &Path) -> (Opened, BTreeMap<String, u64>) {
    let keys = SourceKeys::derive(&LinkageKey::generate().unwrap(), ROOM, 1).unwrap();
    let room = Identity::generate("room", Role::Room).unwrap();
    let (whole, kept) = through(inputs, &dir.join("whole"), false, &keys, &room);
    let (told, forgot) = through(inputs, &dir.join("told"), true, &keys, &room);
    assert_eq!(kept, forgot);
    assert!(sorted(&whole.identity).equals_missing(&sorted(&told.identity)), "identities differ");
    assert_eq!(whole.tables.keys().collect::<Vec<_>>(), told.tables.keys().collect::<Vec<_>>());
    for (name, frame) in &whole.tables {
        assert!(sorted(frame).equals_missing(&sorted(&told.tables[name])), "{name} differs");
    }
    (told, forgot)
}

#[test]
fn the_same_package() {
    let dir = tempfile::tempdir().unwrap();
    let raw = dir.path().join("raw");
    let options = SynthOptions { persons: 400, months: 4, seed: 5, ..SynthOptions::default() };
    generate(&raw, &options, &|_| {}).unwrap();
    for source in ["kenpo", "kokuho", "lifelog"] {
        let out = dir.path().join(format!("{source}.out"));
        std::fs::create_dir(&out).unwrap();
        let (opened, _) = alike(&[raw.join(source)], &out);
        assert!(opened.identity.height() > 50, "{source}");
    }
}

#[test]
fn births_that_can_not_be_and_people_on_a_list() {
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let head = "保険者番号,記号,番号,枝番,氏名,カナ氏名,生年月日,性別,取得日,喪失日\n";
    let members = file(
        "a.csv",
        &format!(
            "{head}06139999,架空,5820143,01,架空花子,カクウハナコ,19800117,2,20200401,20220331\n\
             06139999,架空,5820144,01,架空太郎,カクウタロウ,20230505,1,20200401,20220331\n\
             06139999,架空,5820145,01,架空次郎,カクウジロウ,19770707,1,20200401,\n\
             06139999,架空,5820146,01,架空三郎,カクウサブロウ,,1,20200401,\n"
        ),
    );
    let (opened, kept) = alike(std::slice::from_ref(&members), &make(dir.path(), "one"));
    assert!(kept.is_empty());
    let births = opened.identity.column("birth_ym").unwrap();
    assert_eq!((births.len(), births.null_count()), (4, 2), "one has none, one is seen before being born");
    let id4 = opened.identity.column(Pass::Id4.column()).unwrap();
    assert_eq!(id4.null_count(), 2);
    assert_eq!(
        opened.identity.column(Pass::BirthError.column()).unwrap().null_count(),
        0,
        "made without the birth date"
    );
    let names: Vec<&str> = opened.identity.columns().iter().map(|column| column.name().as_str()).collect();
    assert_eq!(
        &names[..8],
        ["ident", "sex", "birth_ym", "first_seen", "last_seen", "covered_from", "covered_to", "death"]
    );

    // A list: the listed one goes, and whoever has a name and no birth date can't be compared with it, so they stay as well.
    let list = file(
        "list.csv",
        "オプトアウト日,保険者番号,記号,番号,枝番,氏名,カナ氏名,生年月日,性別\n\
         20240401,06139999,架空,５８２０１４５,01,架空 次郎,カクウ　ジロウ,19770707,1\n",
    );
    let (opened, kept) = alike(&[members, list], &make(dir.path(), "two"));
    assert_eq!(opened.identity.height(), 2);
    assert_eq!((kept["enrolment"], kept["identities that can't be compared with the list"]), (2, 1));
    assert_eq!(
        opened.tombstones.unwrap().height(),
        2,
        "two spellings of the listed one; who the other is, nobody knows"
    );
}

fn make(dir: &Path, name: &str) -> PathBuf {
    let path = dir.join(name);
    std::fs::create_dir(&path).unwrap();
    path
}
