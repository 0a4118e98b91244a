//! People leave: a source's opt-outs take that source's rows, also earlier ones; a withdrawal takes the person, whoever sends them again.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use support::{House, Someone, eligibility, holds, list, people};

const KENPO: &str = "06139999";
const KOKUHO: &str = "00138000";
const COUNT: &str = "SELECT count(*) FROM person";
const ROWS: &str = "SELECT count(*) FROM enrolment";

/// Twelve people of a 健保, the same twelve in a 国保 under other numbers.
fn house() -> (House, Vec<Someone>) {
    let house = House::new();
    let kenpo = people(KENPO, 12);
    let kokuho: Vec<Someone> = kenpo
        .iter()
        .map(|p| Someone { insurer: KOKUHO, symbol: "7", number: format!("9{}", p.number), ..p.clone() })
        .collect();
    house.write("kenpo/e.csv", &eligibility(&kenpo));
    house.write("kokuho/e.csv", &eligibility(&kokuho));
    (house, kenpo)
}

#[test]
fn an_opt_out_takes_this_sources_rows_and_nobody_elses() {
    let (house, kenpo) = house();
    let (a, b) = (house.package("kenpo", 1, &["kenpo"]), house.package("kokuho", 1, &["kokuho"]));
    house.link(&[&a, &b]);
    assert_eq!((house.number(COUNT), house.number(ROWS)), (12, 24));
    // Two opt out at the 健保; one is listed in kana only, with a full-width number.
    let mut listed = vec![kenpo[3].clone(), kenpo[7].clone()];
    listed[1].name = String::new();
    listed[1].number = listed[1].number.chars().map(|c| char::from_u32(u32::from(c) + 0xFEE0).unwrap()).collect();
    house.write("kenpo/out.csv", &list(&listed));
    let second = house.package("kenpo", 2, &["kenpo"]);
    house.link(&[&second]);
    // Their rows of the first package are gone too; the 国保's stay, so the persons stay.
    assert_eq!((house.number(COUNT), house.number(ROWS)), (12, 22));
    let of_kenpo = format!("SELECT count(DISTINCT pid) FROM enrolment WHERE insurer = '{KENPO}'");
    assert_eq!(house.number(&of_kenpo), 10);
}

#[test]
fn a_withdrawal_takes_two_stewards_and_stays() {
    let (house, kenpo) = house();
    let (a, b) = (house.package("kenpo", 1, &["kenpo"]), house.package("kokuho", 1, &["kokuho"]));
    house.link(&[&a, &b]);
    house.write("leaving.csv", &list(&kenpo[2..4]));
    let make = |identity: &str, output: &str| {
        let (file, pass) = (format!("{identity}.identity"), format!("{identity}.pass"));
        house.run(&[
            "withdraw",
            "make",
            "leaving.csv",
            "--identity",
            &file,
            "--passphrase-file",
            &pass,
            "--linkage-key",
            "linkage.key",
            "--card",
            "room/room.card.toml",
            "-o",
            output,
        ])
    };
    // A steward without the key can't; a source's signature is none.
    assert!(!make("sato", "sato.withdrawal").status.success());
    assert!(make("kenpo", "kenpo.withdrawal").status.success());
    assert!(make("mori", "1.withdrawal").status.success());
    let approve = |who: &str, batch: &str, output: &str| {
        let (file, pass) = (format!("{who}.identity"), format!("{who}.pass"));
        house.run(&["withdraw", "approve", batch, "--identity", &file, "--passphrase-file", &pass, "-o", output])
    };
    assert_eq!(approve("mori", "1.withdrawal", "own.approval").status.code(), Some(1), "not one's own");
    assert!(approve("sato", "1.withdrawal", "1.approval").status.success());
    assert!(approve("sato", "kenpo.withdrawal", "k.approval").status.success());
    assert!(approve("kokuho", "1.withdrawal", "kokuho.approval").status.success());
    let accept = |batch: &str, approval: &str| {
        let room = ["--room", "room", "--room-passphrase-file", "room.pass"];
        house.run(&[&["withdraw", "accept", batch, "--approval", approval][..], &room[..]].concat())
    };
    assert_eq!(accept("kenpo.withdrawal", "k.approval").status.code(), Some(3), "made by a source");
    assert_eq!(accept("1.withdrawal", "kokuho.approval").status.code(), Some(1), "approved by a source");
    assert_eq!(accept("1.withdrawal", "k.approval").status.code(), Some(1), "an approval of another batch");
    let done = accept("1.withdrawal", "1.approval");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    assert_eq!(accept("1.withdrawal", "1.approval").status.code(), Some(2), "twice");

    // The snapshot in use is as it was; the next one is without them, at both insurers.
    assert_eq!(house.number(COUNT), 12);
    house.link(&[]);
    assert_eq!((house.number(COUNT), house.number(ROWS)), (10, 20));
    // Who is sent again is refused, and nobody is told: the source's package is accepted like any other.
    let again = house.package("kokuho", 2, &["kokuho"]);
    let said = house.link(&[&again]);
    assert!(said.contains("accepted package 2 of kokuho") && !said.contains("withdr"), "{said}");
    assert_eq!((house.number(COUNT), house.number(ROWS)), (10, 20));

    // The log counts the batch and knows no more of it.
    let log = house.ok(&["audit", "show", "--room", "room"]);
    assert!(log.contains("withdrawal batch 1"), "{log}");
    for name in [&kenpo[2].name, &kenpo[2].kana, &kenpo[2].number] {
        assert!(!holds(&house.path("room"), name));
    }
    // So is a batch that another one of the same two stewards takes the place of.
    house.write("leaving.csv", &list(&kenpo[8..9]));
    assert!(make("mori", "2.withdrawal").status.success());
    assert!(approve("sato", "2.withdrawal", "2.approval").status.success());
    let kept = |kind: &str| house.path(&format!("room/withdrawals/1.{kind}"));
    for kind in ["withdrawal", "approval"] {
        std::fs::copy(kept(kind), house.path(&format!("kept.{kind}"))).unwrap();
        std::fs::copy(house.path(&format!("2.{kind}")), kept(kind)).unwrap();
    }
    let (code, said) = house.fails(&["link", "--room", "room", "--room-passphrase-file", "room.pass"]);
    assert!(code == 3 && said.contains("is not the batch that the log names"), "{said}");
    for kind in ["withdrawal", "approval"] {
        std::fs::copy(house.path(&format!("kept.{kind}")), kept(kind)).unwrap();
    }
    // A batch that is lost, or has lost a signature, is noticed.
    std::fs::remove_file(house.path("room/withdrawals/1.approval")).unwrap();
    let (code, _) = house.fails(&["link", "--room", "room", "--room-passphrase-file", "room.pass"]);
    assert_ne!(code, 0);
    std::fs::rename(house.path("room/withdrawals/1.withdrawal"), house.path("w")).unwrap();
    let (code, said) = house.fails(&["link", "--room", "room", "--room-passphrase-file", "room.pass"]);
    assert!(code == 3 && said.contains("in the log but not in the room"), "{said}");
}

#[test]
fn a_list_that_nobody_can_read_stops_the_run() {
    let (house, kenpo) = house();
    let text = list(&kenpo[..2]);
    let utf16: Vec<u8> =
        [0xFEFF].into_iter().chain(text.encode_utf16()).flat_map(|unit: u16| unit.to_le_bytes()).collect();
    let lists = [utf16, text.replace("オプトアウト日", "覚え").into_bytes(), text.replace(',', ";").into_bytes()];
    for (i, bytes) in lists.into_iter().enumerate() {
        std::fs::write(house.path("kenpo/out.csv"), bytes).unwrap();
        let (output, (code, said)) = house.no_package("kenpo", i as u32, &["kenpo"]);
        assert!(code == 2 && said.contains("out.csv") && said.contains("no package was made"), "{said}");
        assert!(!house.path(&output).exists());
    }
    // Nor one whose entries hold nothing to find anybody by.
    std::fs::write(house.path("kenpo/out.csv"), text.replace(",1,2026", ",,2026").replace(",2,2026", ",,2026"))
        .unwrap();
    let (_, (code, said)) = house.no_package("kenpo", 9, &["kenpo"]);
    assert!(code == 2, "{said}");
}

#[test]
fn an_opt_out_reaches_spellings_that_only_a_third_one_joins() {
    let house = House::new();
    let mut rows = people(KENPO, 8);
    let person = rows[4].clone();
    // Listed by kanji; one row has kanji and kana, the next kana only, each under a number of its own.
    rows.push(Someone { number: "77001".into(), ..person.clone() });
    rows.push(Someone { number: "77002".into(), name: String::new(), ..person.clone() });
    house.write("kenpo/e.csv", &eligibility(&rows));
    let entry = Someone { number: "77009".into(), kana: String::new(), ..person };
    house.write("kenpo/out.csv", &list(&[entry]));
    // A copy under another name counts nothing twice.
    std::fs::copy(house.path("kenpo/e.csv"), house.path("kenpo/e (2).csv")).unwrap();
    let package = house.package("kenpo", 1, &["kenpo"]);
    house.link(&[&package]);
    assert_eq!((house.number(COUNT), house.number(ROWS)), (7, 7));
    // Nothing new: the room says so and ends well.
    assert!(house.link(&[]).contains("nothing has changed"));
}
