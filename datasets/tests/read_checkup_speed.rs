//! 特定健診 XML against a bare quick-xml pass over the same bytes, both in one run. Run with `--ignored --nocapture`:
//! its figures are for people.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::print_stdout)]

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Instant;

use datasets::read::{ReadOptions, read};
use datasets::synth::{SynthOptions, generate};
use quick_xml::events::Event;
use zip::ZipArchive;

const ROUNDS: usize = 7;

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

fn ours(path: &Path) -> usize {
    let mut rows = 0;
    read(
        &[path.to_owned()],
        &ReadOptions::default(),
        &mut |batch| {
            rows += batch.tables().values().map(|table| table.height()).sum::<usize>();
            Ok(())
        },
        &|_| {},
    )
    .unwrap();
    rows
}

fn events(bytes: &[u8]) -> usize {
    let mut reader = quick_xml::Reader::from_reader(bytes);
    let mut events = 0;
    while !matches!(reader.read_event().unwrap(), Event::Eof) {
        events += 1;
    }
    events
}

fn unzipped(archive: &Path, take: &mut dyn FnMut(&str, &[u8])) {
    let mut zip = ZipArchive::new(File::open(archive).unwrap()).unwrap();
    let mut bytes = Vec::new();
    for at in 0..zip.len() {
        let mut entry = zip.by_index(at).unwrap();
        bytes.clear();
        entry.read_to_end(&mut bytes).unwrap();
        let name = entry.name().unwrap().into_owned();
        take(&name, &bytes);
    }
}

/// Median seconds of both sides, taken in turns, and the median of the ratios.
fn compare(what: &str, bytes: u64, ours: &mut dyn FnMut() -> usize, floor: &mut dyn FnMut() -> usize) -> f64 {
    let mut rounds = Vec::new();
    for round in 0..=ROUNDS {
        let start = Instant::now();
        assert!(ours() > 0);
        let middle = Instant::now();
        assert!(floor() > 0);
        if round > 0 {
            rounds.push(((middle - start).as_secs_f64(), middle.elapsed().as_secs_f64()));
        }
    }
    let median = |of: &dyn Fn(&(f64, f64)) -> f64| {
        let mut all: Vec<f64> = rounds.iter().map(of).collect();
        all.sort_by(f64::total_cmp);
        all[all.len() / 2]
    };
    let (a, b, ratio) = (median(&|r| r.0), median(&|r| r.1), median(&|r| r.1 / r.0));
    let speed = |seconds: f64| bytes as f64 / 1e6 / seconds;
    println!("{what}: ours {:.0} MB/s, bare quick-xml {:.0} MB/s, {ratio:.2}×", speed(a), speed(b));
    ratio
}

#[test]
#[ignore = "takes seconds, and a busy machine would make it fail"]
fn at_least_half_of_a_bare_pass() {
    let dir = tempfile::tempdir().unwrap();
    let options = SynthOptions { persons: 8_000, months: 24, ..SynthOptions::default() };
    generate(dir.path(), &options, &|_| {}).unwrap();
    let packed = dir.path().join("kenpo/checkups");
    let archives = files(&packed);
    let folder = dir.path().join("documents");
    for archive in &archives {
        unzipped(archive, &mut |name, bytes| {
            let path = folder.join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, bytes).unwrap();
        });
    }
    let documents = files(&folder);
    let bytes: u64 = documents.iter().map(|path| std::fs::metadata(path).unwrap().len()).sum();
    println!("{} documents, {:.1} MB", documents.len(), bytes as f64 / 1e6);
    let opened = compare("folder", bytes, &mut || ours(&folder), &mut || {
        documents.iter().map(|path| events(&std::fs::read(path).unwrap())).sum()
    });
    let zipped = compare("archive", bytes, &mut || ours(&packed), &mut || {
        let mut sum = 0;
        archives.iter().for_each(|archive| unzipped(archive, &mut |_, bytes| sum += events(bytes)));
        sum
    });
    assert!(opened >= 0.5 && zipped >= 0.5, "folder {opened:.2}, archive {zipped:.2}");
}
