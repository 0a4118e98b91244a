//! Packages that come month by month: they join what was linked before, a full run says the same, and a load that dies half-way leaves the
//! room as it was.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use std::path::PathBuf;
use std::process::Command;

use support::{House, Someone, eligibility, list, people};

const KENPO: &str = "06139999";
const KOKUHO: &str = "00138000";
const COUNT: &str = "SELECT count(*) FROM person";
const LINK: [&str; 5] = ["link", "--room", "room", "--room-passphrase-file", "room.pass"];

fn states(house: &House) -> Vec<PathBuf> {
    let files = std::fs::read_dir(house.path("room/linkage")).unwrap().map(|entry| entry.unwrap().path());
    files.filter(|path| path.file_name().unwrap().to_string_lossy().starts_with("state-")).collect()
}

fn journals(house: &House) -> Vec<PathBuf> {
    let files = std::fs::read_dir(house.path("room/linkage")).unwrap().map(|entry| entry.unwrap().path());
    files.filter(|path| path.to_string_lossy().ends_with(".journal.age")).collect()
}

fn snapshots(house: &House) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(house.path("room/store")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// Twelve members of a 健保, and the first eight of them in a 国保 as well.
fn members() -> (Vec<Someone>, Vec<Someone>) {
    let kenpo = people(KENPO, 12);
    let moved = kenpo.iter().take(8);
    let kokuho = moved.map(|p| Someone { insurer: KOKUHO, symbol: "7", number: format!("9{}", p.number), ..p.clone() });
    (kenpo.clone(), kokuho.collect())
}

#[test]
fn a_new_package_joins_and_a_full_run_says_the_same() {
    let house = House::new();
    let (kenpo, kokuho) = members();
    house.write("kenpo/e.csv", &eligibility(&kenpo[..10]));
    house.link(&[&house.package("kenpo", 1, &["kenpo"])]);
    assert_eq!((house.number(COUNT), states(&house).len()), (10, 1));
    let ids = || house.number("SELECT CAST(sum(hash(person_id) % 1000003) AS BIGINT) FROM person");
    // The same list again, with two more; then another source.
    house.write("kenpo/e.csv", &eligibility(&kenpo));
    let said = house.link(&[&house.package("kenpo", 2, &["kenpo"])]);
    assert!(said.contains("1 new packages joined what was linked before (1 packages)"), "{said}");
    house.write("kokuho/e.csv", &eligibility(&kokuho));
    let said = house.link(&[&house.package("kokuho", 1, &["kokuho"])]);
    assert!(said.contains("joined what was linked before (2 packages)"), "{said}");
    assert_eq!((house.number(COUNT), states(&house).len()), (12, 1));
    let before = ids();
    let said = house.ok(&[&LINK[..], &["--relink"]].concat());
    assert!(said.contains("0 are one person now and were not, 0 were and are not; 0 person ids ended"), "{said}");
    assert_eq!((house.number(COUNT), ids()), (12, before));
    assert!(journals(&house).is_empty(), "nothing was merged or split");
    // What was kept is damaged, or from a version that nobody knows: everything is linked anew, and persons keep their ids.
    let state = states(&house).pop().unwrap();
    std::fs::write(state, b"nothing").unwrap();
    let said = house.link(&[]);
    assert!(said.contains("linked anew") && said.contains("nothing has changed"), "{said}");
    assert_eq!(ids(), before);
    // It was mended.
    house.write("kokuho/e.csv", &eligibility(&kokuho[..2]));
    let said = house.link(&[&house.package("kokuho", 2, &["kokuho"])]);
    assert!(said.contains("joined what was linked before (3 packages)"), "{said}");
}

#[test]
fn after_people_left_everything_is_linked_anew() {
    let house = House::new();
    let (kenpo, kokuho) = members();
    house.write("kenpo/e.csv", &eligibility(&kenpo));
    house.write("kokuho/e.csv", &eligibility(&kokuho));
    let packages = [house.package("kenpo", 1, &["kenpo"]), house.package("kokuho", 1, &["kokuho"])];
    house.link(&[&packages[0], &packages[1]]);
    house.write("kenpo/out.csv", &list(&kenpo[9..10]));
    let said = house.link(&[&house.package("kenpo", 2, &["kenpo"])]);
    assert!(said.contains("everything is linked anew") && !said.contains("joined what"), "{said}");
    assert_eq!((house.number(COUNT), states(&house).len()), (11, 0));
    let said = house.link(&[]);
    assert!(said.contains("nothing has changed"), "{said}");
    // Whatever the strategy.
    house.ok(&[&LINK[..], &["--strategy", "id0"]].concat());
    let of_kenpo = format!("SELECT count(*) FROM enrolment WHERE insurer = '{KENPO}'");
    assert_eq!(house.number(&of_kenpo), 11);
}

#[test]
fn a_load_that_dies_half_way_leaves_the_room_as_it_was() {
    let house = House::new();
    let (kenpo, kokuho) = members();
    house.write("kenpo/e.csv", &eligibility(&kenpo[..10]));
    house.link(&[&house.package("kenpo", 1, &["kenpo"])]);
    let (before, kept) = (snapshots(&house), states(&house));
    house.write("kokuho/e.csv", &eligibility(&kokuho));
    let package = house.package("kokuho", 1, &["kokuho"]);
    // No file may grow beyond 100 KiB: the engine gets through its head, and not through its first block of rows.
    let mut command = Command::new("bash");
    command.args(["-c", "ulimit -f 100; exec \"$@\"", "bash", env!("CARGO_BIN_EXE_sudare")]);
    let out = command.args(LINK).arg(&package).current_dir(house.path("")).output().unwrap();
    assert!(!out.status.success(), "{}", String::from_utf8_lossy(&out.stdout));
    let loads = |path: &PathBuf| path.file_name().unwrap().to_string_lossy().starts_with(".load-");
    assert_eq!(snapshots(&house).into_iter().filter(|path| !loads(path)).collect::<Vec<_>>(), before);
    assert_eq!((house.number(COUNT), states(&house)), (10, kept));
    // The log has the package already; the next run finds it there, joins it and sweeps up.
    let said = house.link(&[]);
    assert!(said.contains("joined what was linked before (1 packages)"), "{said}");
    assert_eq!((house.number(COUNT), states(&house).len()), (10, 1));
    assert!(!snapshots(&house).iter().any(loads));
    assert_eq!(house.number("SELECT count(*) FROM enrolment"), 18);
}
