//! `room seal` and `room open`: nothing is lost, nothing stays open, and a stranger's or damaged file is noticed.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use std::path::PathBuf;

use support::{House, eligibility, people};

const OPERATOR: [&str; 4] = ["--room", "room", "--room-passphrase-file", "room.pass"];

fn store(house: &House) -> Vec<(PathBuf, Vec<u8>)> {
    let Ok(entries) = std::fs::read_dir(house.path("room/store")) else { return Vec::new() };
    let mut files: Vec<_> =
        entries.map(|e| e.unwrap().path()).map(|p| (p.clone(), std::fs::read(&p).unwrap())).collect();
    files.sort();
    files
}

fn seal(house: &House) -> String {
    house.ok(&[&["room", "seal"][..], &OPERATOR].concat())
}

fn open(house: &House, more: &[&str]) -> String {
    house.ok(&[&["room", "open"][..], &OPERATOR, more].concat())
}

#[test]
fn a_sealed_store_comes_back_as_it_was() {
    let house = House::new();
    let seal_args = [&["room", "seal"][..], &OPERATOR].concat();
    let open_args = [&["room", "open"][..], &OPERATOR].concat();
    assert_eq!(house.fails(&seal_args).0, 2, "there is nothing to seal");
    assert_eq!(house.fails(&open_args).0, 2, "there is nothing to open");
    let kenpo = people("06139999", 12);
    house.write("kenpo/e.csv", &eligibility(&kenpo));
    house.link(&[&house.package("kenpo", 1, &["kenpo"])]);
    let before = store(&house);
    assert!(!before.is_empty());

    seal(&house);
    assert!(store(&house).is_empty());
    assert!(seal(&house).contains("sealed already"));
    let sealed = house.path("room/store.sealed.age");
    let whole = std::fs::read(&sealed).unwrap();
    // A crash between the sealed file and the end of removing: sealing again goes on.
    std::fs::write(&before[0].0, &before[0].1).unwrap();
    seal(&house);
    assert!(store(&house).is_empty());
    assert_eq!(std::fs::read(&sealed).unwrap(), whole, "the same store is not sealed twice");

    open(&house, &[]);
    assert_eq!(store(&house), before);
    assert_eq!(house.number("SELECT count(*) FROM person"), 12);
    // Opened twice, or cut off in between: nothing changes; half files of a run that was cut off are dropped.
    std::fs::write(house.path("room/store/.tmpABC"), "half").unwrap();
    open(&house, &[]);
    seal(&house);
    assert!(store(&house).is_empty());

    // Any steward opens it, without the room's key; a source can't.
    let with = |name: &str| {
        [
            &["room", "open", "--room", "room"][..],
            &["--identity", &format!("{name}.identity"), "--passphrase-file", &format!("{name}.pass")],
        ]
        .concat()
        .iter()
        .map(|s| (*s).to_owned())
        .collect::<Vec<_>>()
    };
    let kenpo_opens = with("kenpo");
    assert_eq!(house.fails(&kenpo_opens.iter().map(String::as_str).collect::<Vec<_>>()).0, 3);
    let steward_opens = with("mori");
    house.ok(&steward_opens.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(store(&house), before);

    // A store that is not the sealed one is neither overwritten nor lost.
    std::fs::write(&before[0].0, b"another").unwrap();
    assert_eq!(house.fails(&open_args).0, 3);
    assert_eq!(store(&house)[0].1, b"another");
    std::fs::write(&before[0].0, &before[0].1).unwrap();
    seal(&house);

    // Damage is noticed, at the end as in the middle, and half a store is not taken for a whole one.
    for at in [whole.len() / 2, whole.len() - 1] {
        let mut changed = whole.clone();
        changed[at] ^= 1;
        std::fs::write(&sealed, changed).unwrap();
        assert_eq!(house.fails(&open_args).0, 3);
        std::fs::write(&sealed, &whole[..at]).unwrap();
        assert_eq!(house.fails(&open_args).0, 3);
        let _ = std::fs::remove_dir_all(house.path("room/store"));
    }
    std::fs::write(&sealed, &whole).unwrap();

    // The open store may lie elsewhere: on an encrypted disk or tmpfs.
    std::fs::create_dir(house.path("elsewhere")).unwrap();
    open(&house, &["--on", "elsewhere"]);
    assert_eq!(std::fs::read(house.path("elsewhere").join(before[0].0.file_name().unwrap())).unwrap(), before[0].1);
    assert_eq!(store(&house), before);
    // What is in the sealed store and not open is not lost by sealing a new snapshot.
    let mut more = kenpo.clone();
    more.extend(people("06139998", 3));
    seal(&house);
    house.write("kenpo/e.csv", &eligibility(&more));
    house.link(&[&house.package("kenpo", 2, &["kenpo"])]);
    let (code, said) = house.fails(&seal_args);
    assert!(code == 2 && said.contains("room open"), "{said}");
    open(&house, &[]);
    seal(&house);
    open(&house, &[]);
    assert!(store(&house).len() > before.len());
}
