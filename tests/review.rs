//! Clerical review through the program: what `link --review` lists, a steward signs, the room takes, and every later link follows.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use support::{House, Someone, eligibility, holds, people};

const COUNT: &str = "SELECT count(*) FROM person";

/// Twelve people of a 健保; a year after they left it, the same twelve in a 国保, one of them misspelt in kanji.
fn house() -> House {
    let house = House::new();
    let kenpo = people("06139999", 12);
    let mut kokuho: Vec<Someone> = kenpo
        .iter()
        .map(|p| Someone { insurer: "00138000", symbol: "7", number: format!("9{}", p.number), ..p.clone() })
        .collect();
    kokuho[5].name = "濱埜　健汰".to_owned();
    house.write("kenpo/e.csv", &eligibility(&kenpo).replace(",20200401,,,", ",20200401,20210331,04,"));
    house.write("kokuho/e.csv", &eligibility(&kokuho).replace(",20200401,,,", ",20220801,,,"));
    let (a, b) = (house.package("kenpo", 1, &["kenpo"]), house.package("kokuho", 1, &["kokuho"]));
    house.link(&[&a, &b]);
    house
}

fn link(house: &House, more: &[&str]) -> String {
    let room = ["link", "--room", "room", "--room-passphrase-file", "room.pass"];
    house.ok(&[&room[..], more].concat())
}

fn sign(house: &House, who: &str, file: &str, output: &str) {
    let (identity, pass) = (format!("{who}.identity"), format!("{who}.pass"));
    house.ok(&[
        "review",
        "sign",
        file,
        "--identity",
        &identity,
        "--passphrase-file",
        &pass,
        "--card",
        "room/room.card.toml",
        "-o",
        output,
    ]);
}

const ROOM: [&str; 4] = ["--room", "room", "--room-passphrase-file", "room.pass"];

fn accept(note: &str) -> Vec<&str> {
    [&["review", "accept", note][..], &ROOM[..]].concat()
}

#[test]
fn a_signed_decision_joins_two_spellings_and_another_parts_them() {
    let house = house();
    let apart = house.number(COUNT);
    assert_eq!(apart, 13, "eleven are found; of one the model isn't sure");
    link(&house, &["--review", "doubtful.csv"]);
    let listed = house.read("doubtful.csv");
    let lines: Vec<&str> = listed.lines().collect();
    assert_eq!(lines.len(), 2, "{listed}");
    assert!(lines[0].starts_with("pair,decision,why,posterior,bits,number,number_bits,name,name_bits"), "{listed}");
    let cells: Vec<&str> = lines[1].split(',').collect();
    assert!(cells[0].len() == 32 && cells[1].is_empty() && cells[2] == "uncertain", "{listed}");
    assert!(lines[1].contains("one_of_two") && lines[1].contains("apart"), "{listed}");
    let sides = &cells[cells.len() - 8..];
    assert!(sides.contains(&"kenpo") && sides.contains(&"kokuho"), "{listed}");
    // No name, no number, no day.
    for told in ["濱埜", "浜野", "4035", "2020-", "20200401"] {
        assert!(!listed.contains(told), "{told}");
    }
    house.write("same.csv", &listed.replacen(&format!("{},,", cells[0]), &format!("{},same,", cells[0]), 1));
    house.write("different.csv", &listed.replacen(&format!("{},,", cells[0]), &format!("{},different,", cells[0]), 1));

    // A source's signature is none, nor is a changed note.
    sign(&house, "kenpo", "same.csv", "kenpo.review");
    assert_eq!(house.fails(&accept("kenpo.review")).0, 1);
    sign(&house, "mori", "same.csv", "1.review");
    house.write("forged.review", &house.read("1.review").replace(" same", " different"));
    assert_eq!(house.fails(&accept("forged.review")).0, 1);
    house.write("strange.csv", &format!("pair,decision\n{},same\n", "0".repeat(32)));
    sign(&house, "mori", "strange.csv", "strange.review");
    assert_eq!(house.fails(&accept("strange.review")).0, 2, "a pair that nobody listed");

    house.ok(&accept("1.review"));
    assert_eq!(house.fails(&accept("1.review")).0, 2, "twice");
    assert_eq!(house.number(COUNT), 13, "it works from the next link on");
    link(&house, &[]);
    assert_eq!(house.number(COUNT), 12);
    // Two ids became one: the journal says so, sealed.
    let journals = || {
        let files = std::fs::read_dir(house.path("room/linkage")).unwrap().map(|entry| entry.unwrap().path());
        files.filter(|path| path.to_string_lossy().ends_with(".journal.age")).collect::<Vec<_>>()
    };
    let [journal] = &journals()[..] else { panic!("one journal") };
    assert!(std::fs::read(journal).unwrap().starts_with(b"age-encryption.org/v1"));
    // It holds in later links, and the pair isn't listed again.
    link(&house, &["--review", "again.csv"]);
    assert_eq!((house.number(COUNT), house.read("again.csv").lines().count()), (12, 1));

    // Another steward thinks otherwise: the later word counts.
    sign(&house, "sato", "different.csv", "2.review");
    house.ok(&accept("2.review"));
    link(&house, &[]);
    assert_eq!(house.number(COUNT), 13);

    // The log says who, and no more; the room holds nothing of it in the clear.
    let log = house.ok(&["audit", "show", "--room", "room"]);
    assert!(log.contains("mori decided on uncertain links") && log.contains("sato decided"), "{log}");
    assert!(!holds(&house.path("room"), cells[0]));
    // A review that is lost or exchanged is noticed.
    std::fs::copy(house.path("room/reviews/1.review.age"), house.path("room/reviews/2.review.age")).unwrap();
    let (code, said) = house.fails(&[&["link"][..], &ROOM[..]].concat());
    assert!(code == 3 && said.contains("not the review"), "{said}");
    std::fs::remove_file(house.path("room/reviews/2.review.age")).unwrap();
    assert_eq!(house.fails(&[&["link"][..], &ROOM[..]].concat()).0, 3);
}

#[test]
fn a_room_fits_and_uses_its_own_model() {
    let house = house();
    link(&house, &["--fit-model", "own.toml"]);
    let own = house.read("own.toml");
    assert!(own.starts_with("version = \"sudare-fs-1\""), "{own}");
    let room = ["link", "--room", "room", "--room-passphrase-file", "room.pass"];
    assert_eq!(house.fails(&[&room[..], &["--fit-model", "own.toml"]].concat()).0, 2, "nothing is overwritten");
    house.write("bad.toml", &own.replace("sudare-fs-1", "sudare-fs-2"));
    assert_eq!(house.fails(&[&room[..], &["--model", "bad.toml"]].concat()).0, 2);
    // A model that takes less for sure joins the thirteenth.
    let bold = include_str!("../linkage/model/sudare-fs-1.toml").replace("upper = 0.95", "upper = 0.06");
    house.write("bold.toml", &bold);
    link(&house, &["--model", "bold.toml"]);
    assert_eq!(house.number(COUNT), 12);
    link(&house, &[]);
    assert_eq!(house.number(COUNT), 12, "it stays in force");
}

/// Two numbers of one 健保 at once, under one name, birth date and sex; elsewhere one individual number goes with both.
#[test]
fn a_source_that_guarantees_one_number_a_person_is_believed() {
    for (guarantees, persons) in [(&[][..], 12), (&["kenpo"][..], 13)] {
        let house = House::guaranteed(&["eligibility", "events"], guarantees);
        let mut kenpo = people("06139999", 12);
        kenpo.push(Someone { number: "8888".to_owned(), ..kenpo[3].clone() });
        // Somebody joined later, so the list was drawn later: all others are still covered then.
        house.write("kenpo/e.csv", &eligibility(&kenpo).replacen(",20200401,,,", ",20240401,,,", 1));
        house.write(
            "leave.toml",
            "table = \"event\"\n[identity]\ninsurer_no = \"保険者番号\"\nsymbol = \"記号\"\nnumber = \"番号\"\nbirth = \"生年月日\"\n\
             sex = \"性別\"\nindividual_no = \"個人番号\"\n[columns]\nkind = { constant = \"leave\" }\nstart_date = \"休職開始日\"\n",
        );
        let mut leave = String::from("保険者番号,記号,番号,生年月日,性別,個人番号,休職開始日\n");
        for (who, day) in [(&kenpo[3], "20230401"), (&kenpo[12], "20230501")] {
            leave.push_str(&format!("06139999,31,{},{},{},777000111,{day}\n", who.number, who.birth, who.sex));
        }
        house.write("kokuho/leave.csv", &leave);
        let (a, b) =
            (house.package("kenpo", 1, &["kenpo"]), house.package("kokuho", 1, &["kokuho", "--map", "leave.toml"]));
        house.link(&[&a, &b]);
        assert_eq!(house.number(COUNT), persons, "{guarantees:?}");
        assert_eq!(house.number("SELECT count(*) FROM event"), 2);
    }
}
