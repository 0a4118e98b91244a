//! Keys change and are revoked: nobody is lost by a rotation of the linkage key, and nothing is taken under a revoked one.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use support::{House, Someone, eligibility, people};

const KENPO: &str = "06139999";
const KOKUHO: &str = "00138000";

fn rotate(house: &House, source: &str) -> String {
    let (output, identity, pass) =
        (format!("{source}-bridge.sudare"), format!("{source}.identity"), format!("{source}.pass"));
    house.ok(&[
        "key",
        "rotate",
        "--source",
        source,
        "--identity",
        &identity,
        "--passphrase-file",
        &pass,
        "--from",
        "linkage.key",
        "--to",
        "linkage-2.key",
        "--card",
        "room/room.card.toml",
        source,
        "-o",
        &output,
    ]);
    output
}

/// Twenty people of a 健保; the first ten are in the 国保 as well, under other numbers.
fn raw(house: &House) -> (Vec<Someone>, Vec<Someone>) {
    let kenpo = people(KENPO, 20);
    let kokuho: Vec<Someone> = kenpo
        .iter()
        .take(10)
        .map(|p| Someone { insurer: KOKUHO, symbol: "7", number: format!("9{}", p.number), ..p.clone() })
        .collect();
    house.write("kenpo/e.csv", &eligibility(&kenpo));
    house.write("kokuho/e.csv", &eligibility(&kokuho));
    (kenpo, kokuho)
}

fn persons(house: &House) -> Vec<i64> {
    (0..4)
        .map(|part| {
            house.number(&format!(
                "SELECT sum(hash(person_id)::UBIGINT % 1000003)::BIGINT FROM person WHERE hash(person_id) % 4 = {part}"
            ))
        })
        .collect()
}

#[test]
fn a_rotation_loses_nobody() {
    let house = House::new();
    let (kenpo, _) = raw(&house);
    let (a, b) = (house.package("kenpo", 1, &["kenpo"]), house.package("kokuho", 1, &["kokuho"]));
    house.link(&[&a, &b]);
    assert_eq!(house.number("SELECT count(*) FROM person"), 20);
    let before = persons(&house);

    house.linkage_key("linkage-2.key");
    // Without a bridge the room does not take the new key.
    let early = house.package("kenpo", 2, &["--linkage-key", "linkage-2.key", "kenpo"]);
    let refused = ["link", "--room", "room", "--room-passphrase-file", "room.pass", early.as_str()];
    let (code, said) = house.fails(&refused);
    assert!(code == 2 && said.contains("linkage key"), "{said}");

    let early2 = house.package("kokuho", 2, &["--linkage-key", "linkage-2.key", "kokuho"]);
    let bridges = [rotate(&house, "kenpo"), rotate(&house, "kokuho")];
    // Nor does a bridge move it unless the operator has been told the key.
    let room = ["--room", "room", "--room-passphrase-file", "room.pass"];
    let (code, said) = house.fails(&[&["link"][..], &room[..], &[&bridges[0]]].concat());
    assert!(code == 1 && said.contains("would move the room to the linkage key"), "{said}");
    let key = said.split("linkage key ").nth(1).unwrap().split_whitespace().next().unwrap().to_owned();
    // A source's new packages before its bridge would split its people.
    let (code, said) =
        house.fails(&[&["link", "--new-linkage-key", &key][..], &room[..], &[&bridges[0], &early2]].concat());
    assert!(code == 1 && said.contains("no bridge to this one"), "{said}");
    house.ok(&[&["link", "--new-linkage-key", &key][..], &room[..], &[&bridges[0], &bridges[1]]].concat());
    assert_eq!(persons(&house), before, "the same people under the same ids");

    // New files under the new key: the same twenty, one of them with a new number, and one more.
    let mut later = kenpo.clone();
    later[19] = Someone { number: "88001".into(), ..later[19].clone() };
    later.push(Someone { number: "88002".into(), birth: "19620202", ..people(KENPO, 31)[30].clone() });
    house.write("kenpo/later.csv", &eligibility(&later));
    let new = house.package("kenpo", 2_000_000_000, &["--linkage-key", "linkage-2.key", "kenpo/later.csv"]);
    house.link(&[&new]);
    assert_eq!(house.number("SELECT count(*) FROM person"), 21);
    // And nothing under the old one.
    let old = house.package("kokuho", 2_000_000_001, &["kokuho"]);
    let (code, said) = house.fails(&["link", "--room", "room", "--room-passphrase-file", "room.pass", &old]);
    assert!(code == 2 && said.contains("linkage key"), "{said}");
}

#[test]
fn nothing_is_taken_under_a_revoked_key() {
    let house = House::new();
    raw(&house);
    let package = house.package("kenpo", 1, &["kenpo"]);
    let revoke = |who: &str, output: &str| {
        let (identity, pass) = (format!("{who}.identity"), format!("{who}.pass"));
        house.ok(&[
            "key",
            "revoke",
            "kenpo.card.toml",
            "--identity",
            &identity,
            "--passphrase-file",
            &pass,
            "--card",
            "room/room.card.toml",
            "-o",
            output,
        ]);
    };
    let accept = |note: &str| {
        house.run(&["key", "accept-revocation", note, "--room", "room", "--room-passphrase-file", "room.pass"])
    };
    // Another source can't revoke it.
    revoke("kokuho", "kokuho.revocation");
    let out = accept("kokuho.revocation");
    assert_eq!(out.status.code(), Some(1), "{}", String::from_utf8_lossy(&out.stderr));
    revoke("mori", "mori.revocation");
    assert!(accept("mori.revocation").status.success());
    let (code, said) = house.fails(&["link", "--room", "room", "--room-passphrase-file", "room.pass", &package]);
    assert!(code == 3 && said.contains("revoked"), "{code} {said}");
    assert!(house.ok(&["audit", "show", "--room", "room"]).contains("the key of kenpo (source) was revoked"));
}
