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

/// A steward announces the next key, or adds a signature to an announcement.
fn announce(house: &House, who: &str, what: &[&str], output: &str) -> std::process::Output {
    announce_for(house, who, what, "room/room.card.toml", output)
}

fn announce_for(house: &House, who: &str, what: &[&str], card: &str, output: &str) -> std::process::Output {
    let (identity, pass) = (format!("{who}.identity"), format!("{who}.pass"));
    let by = ["--identity", &identity, "--passphrase-file", &pass, "--card", card, "-o", output];
    house.run(&[&["key", "announce"][..], what, &by[..]].concat())
}

/// By both stewards.
fn announced(house: &House, key: &str, output: &str) {
    let half = format!("half-{output}");
    assert!(announce(house, "mori", &["--from", "linkage.key", "--to", key], &half).status.success());
    assert!(announce(house, "sato", &["--approve", &half], output).status.success());
}

#[test]
fn a_bridge_needs_two_stewards_word_for_that_very_key() {
    let house = House::new();
    raw(&house);
    let package = house.package("kenpo", 1, &["kenpo"]);
    house.link(&[&package]);
    house.linkage_key("linkage-2.key");
    house.linkage_key("linkage-3.key");
    let bridge = rotate(&house, "kenpo");
    let room = ["--room", "room", "--room-passphrase-file", "room.pass"];
    let link = |note: &str| [&["link", "--announcement", note][..], &room[..], &[bridge.as_str()]].concat().join(" ");
    let refused = |note: &str, why: &str| {
        let args = link(note);
        let (code, said) = house.fails(&args.split(' ').collect::<Vec<_>>());
        assert!(code == 1 && said.contains(why), "{note}: {code} {said}");
    };
    let next = ["--from", "linkage.key", "--to", "linkage-2.key"];
    let ok = |out: std::process::Output| assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));

    // One steward, one steward twice, a steward and a source: no two stewards.
    ok(announce(&house, "mori", &next, "one"));
    refused("one", "1 of 2 stewards");
    ok(announce(&house, "mori", &["--approve", "one"], "twice"));
    refused("twice", "1 of 2 stewards");
    ok(announce(&house, "kenpo", &["--approve", "one"], "source"));
    refused("source", "1 of 2 stewards");
    // Another key, a changed text, no note at all.
    announced(&house, "linkage-3.key", "other");
    refused("other", "announces a move from");
    announced(&house, "linkage-2.key", "both");
    let third = house.read("other").lines().nth(3).unwrap().to_owned();
    let second = house.read("both").lines().nth(3).unwrap().to_owned();
    house.write("forged", &house.read("other").replace(&third, &second));
    refused("forged", "0 of 2 stewards");
    house.write("text", "the stewards agree\n");
    refused("text", "no announcement for this room");
    // Another room of the same stewards.
    house.write("policy-2.toml", &house.read("policy.toml").replace("test.example/room", "test.example/other"));
    house.ok(&["room", "init", "room-2", "--policy", "policy-2.toml", "--generate-passphrase", "room-2.pass"]);
    ok(announce_for(&house, "mori", &next, "room-2/room.card.toml", "half-elsewhere"));
    ok(announce_for(&house, "sato", &["--approve", "half-elsewhere"], "room-2/room.card.toml", "elsewhere"));
    refused("elsewhere", "no announcement for this room");
    assert!(!announce(&house, "sato", &["--approve", "elsewhere"], "x").status.success(), "another room's note");
    // Who can't open the keys can't begin an announcement.
    assert!(!announce(&house, "sato", &next, "y").status.success());
    // A steward whose key was revoked.
    let by = ["--identity", "mori.identity", "--passphrase-file", "mori.pass", "--card", "room/room.card.toml"];
    house.ok(&[&["key", "revoke", "sato.card.toml", "-o", "sato.revocation"][..], &by[..]].concat());
    house.ok(&[&["key", "accept-revocation", "sato.revocation"][..], &room[..]].concat());
    refused("both", "the key of sato, who signed the announcement, is not valid");
    assert!(!house.ok(&["audit", "show", "--room", "room"]).contains("was followed by"));
}

#[test]
fn escrow_brings_a_key_to_a_new_source() {
    let house = House::new();
    raw(&house);
    // Of the sources only the 健保 can open this key; a steward holds it in escrow.
    house.ok(&["key", "linkage", "-o", "own.key", "--to", "kenpo.card.toml", "--to", "mori.card.toml"]);
    let a = house.package("kenpo", 1, &["--linkage-key", "own.key", "kenpo"]);
    let reseal = |who: &str, to: &str, output: &str| {
        let (identity, pass) = (format!("{who}.identity"), format!("{who}.pass"));
        house.run(&[
            "key",
            "reseal",
            "own.key",
            "--identity",
            &identity,
            "--passphrase-file",
            &pass,
            "--to",
            to,
            "-o",
            output,
        ])
    };
    // Nobody else can, and not to anybody.
    let out = reseal("kokuho", "kokuho.card.toml", "x.key");
    assert_eq!(out.status.code(), Some(2), "{}", String::from_utf8_lossy(&out.stderr));
    house.ok(&["key", "new", "noda", "--role", "researcher", "--generate-passphrase", "noda.pass"]);
    let out = reseal("mori", "noda.card.toml", "x.key");
    assert_eq!(out.status.code(), Some(1), "{}", String::from_utf8_lossy(&out.stderr));
    assert!(!house.path("x.key").exists());
    let out = reseal("mori", "kokuho.card.toml", "kokuho.key");
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    // The same key: tokens of both meet.
    let b = house.package("kokuho", 1, &["--linkage-key", "kokuho.key", "kokuho"]);
    house.link(&[&a, &b]);
    assert_eq!(house.number("SELECT count(*) FROM person"), 20);
    assert_eq!(house.number("SELECT count(*) FROM (SELECT pid FROM enrolment GROUP BY pid HAVING count(*) = 2)"), 10);
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
    assert!(code == 1 && said.contains("no announcement by the stewards was given"), "{said}");
    announced(&house, "linkage-2.key", "1.announcement");
    // A source's new packages before its bridge would split its people.
    let (code, said) =
        house.fails(&[&["link", "--announcement", "1.announcement"][..], &room[..], &[&bridges[0], &early2]].concat());
    assert!(code == 1 && said.contains("no bridge to this one"), "{said}");
    house.ok(&[&["link", "--announcement", "1.announcement"][..], &room[..], &[&bridges[0], &bridges[1]]].concat());
    let log = house.ok(&["audit", "show", "--room", "room"]);
    assert!(log.contains("was followed by") && log.contains("as stewards announced"), "{log}");
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
