//! What a batch becomes, what is gone from it, and how long a million identities take.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::collections::{BTreeMap, HashMap, HashSet};

use datasets::catalogue::KeyForm;
use polars::prelude::*;

use crate::testing::{catalogue, identity, table, tables};
use crate::transform::frames;
use crate::{
    FrameError, LinkageKey, Pass, Pseudonymous, RoomKey, SourceKeys, rekey_identities, rekey_tables, with_pid,
};

fn keys() -> SourceKeys {
    SourceKeys::derive(&LinkageKey::from_bytes([9; 32]), "room.example/one", 1).unwrap()
}

fn batch(keys: &SourceKeys) -> Pseudonymous {
    frames(identity(), tables(), keys, &catalogue()).unwrap()
}

/// Row numbers by the reader's ident.
fn rows(frame: &DataFrame, keys: &SourceKeys) -> HashMap<u32, usize> {
    let idents = frame.column("ident").unwrap().u32().unwrap();
    let back: HashMap<u32, u32> = (0..10).map(|i| (keys.renumber(i), i)).collect();
    idents.into_no_null_iter().enumerate().map(|(row, i)| (back[&i], row)).collect()
}

#[test]
fn identities_keep_what_linkage_needs_and_nothing_else() {
    let keys = keys();
    let out = batch(&keys);
    let frame = out.identity();
    let mut expected: Vec<(&str, DataType)> = vec![
        ("ident", DataType::UInt32),
        ("sex", DataType::Int32),
        ("birth_ym", DataType::Date),
        ("first_seen", DataType::Date),
        ("last_seen", DataType::Date),
        ("covered_from", DataType::Date),
        ("covered_to", DataType::Date),
        ("death", DataType::Date),
        ("insurer", DataType::UInt64),
        ("postcode3", DataType::String),
    ];
    expected.extend(Pass::ALL.map(|p| (p.column(), DataType::Binary)));
    let found: Vec<_> = frame.columns().iter().map(|c| (c.name().as_str(), c.dtype().clone())).collect();
    assert_eq!(found, expected);

    let at = rows(frame, &keys);
    let sex = frame.column("sex").unwrap().i32().unwrap();
    assert_eq!([0, 1, 2].map(|i| sex.get(at[&i])), [Some(2), Some(0), Some(2)]);
    // 1980-01-17 and 昭和55年1月17日 leave as 1980-01-01 (day 3652).
    let birth = frame.column("birth_ym").unwrap().date().unwrap();
    assert_eq!([0, 1, 2].map(|i| birth.physical().get(at[&i])), [Some(3652), None, Some(3652)]);
    let postcode = frame.column("postcode3").unwrap().str().unwrap();
    assert_eq!([0, 1, 2].map(|i| postcode.get(at[&i])), [Some("273"), None, Some("273")]);
    let has = |i: u32| -> Vec<Pass> {
        let there = |p: &Pass| frame.column(p.column()).unwrap().binary().unwrap().get(at[&i]).is_some();
        Pass::ALL.into_iter().filter(there).collect()
    };
    assert_eq!(has(0), Pass::ALL);
    assert_eq!(has(1), [], "junk makes no token");
    assert_eq!(has(2), [Pass::Id4], "a kana name is a reading");
    let id4 = frame.column("t_id4").unwrap().binary().unwrap();
    assert_eq!(id4.get(at[&0]), id4.get(at[&2]));
    assert_eq!(id4.get(at[&0]).unwrap().len(), 16);
    // Sorted by a number that isn't the file's.
    let idents: Vec<u32> = frame.column("ident").unwrap().u32().unwrap().into_no_null_iter().collect();
    assert!(idents.is_sorted() && idents != [0, 1, 2]);
    assert_eq!(format!("{out:?}"), "Pseudonymous(redacted)");
}

#[test]
fn tables_are_the_catalogues_bounded_and_keyed() {
    let keys = keys();
    let out = batch(&keys);
    let catalogue = catalogue();
    assert_eq!(out.tables().keys().collect::<Vec<_>>(), ["claim", "diagnosis", "enrolment"]);
    for (name, frame) in out.tables() {
        catalogue.table(name).unwrap().check_frame(frame, "ident", KeyForm::Keyed).unwrap();
    }
    // The row whose code was a name is gone, and counted.
    assert_eq!(out.tables()["diagnosis"].height(), 1);
    assert_eq!(out.refused(), &BTreeMap::from([("diagnosis".to_owned(), 1)]));

    let claim = &out.tables()["claim"];
    let entry = catalogue.column("claim", "points").unwrap().bounds().unwrap();
    let points: HashSet<i64> = claim.column("points").unwrap().i64().unwrap().into_no_null_iter().collect();
    assert_eq!(points, HashSet::from([entry.0, 75, 291, entry.1]));
    // One facility, one key, in any width; another in another epoch.
    let facility =
        |f: &DataFrame| f.column("facility").unwrap().u64().unwrap().into_no_null_iter().collect::<HashSet<_>>();
    assert_eq!(facility(claim).len(), 2);
    let later = SourceKeys::derive(&LinkageKey::from_bytes([9; 32]), "room.example/one", 2).unwrap();
    assert!(facility(claim).is_disjoint(&facility(&batch(&later).tables()["claim"])));
    // A 記号 of a workplace means something within its insurer only.
    let enrolment = &out.tables()["enrolment"];
    let at = rows(enrolment, &keys);
    let workplace = enrolment.column("workplace").unwrap().u64().unwrap();
    assert!(workplace.get(at[&0]).is_some() && workplace.get(at[&1]).is_some());
    assert_ne!(workplace.get(at[&0]), workplace.get(at[&1]));
    assert_eq!(workplace.get(at[&2]), None, "junk is no workplace");
}

#[test]
fn the_room_rekeys_all_that_is_keyed() {
    let keys = keys();
    let out = batch(&keys);
    let room = RoomKey::generate().unwrap();
    let people = rekey_identities(out.identity(), &room).unwrap();
    let full = people.iter().find(|p| p.ident == keys.renumber(0)).unwrap();
    assert_eq!((full.sex, full.birth_ym, full.birth_month), (2, Some(3652), Some(1980 * 12)));
    assert_eq!((full.first_day, full.last_day), (Some(19_000), Some(19_500)));
    assert_eq!((full.coverage, full.death, full.postcode3), (Some((18_000, None)), None, Some(273)));
    assert!(full.tokens.iter().all(Option::is_some));
    let sent: HashSet<u128> = Pass::ALL
        .iter()
        .flat_map(|p| out.identity().column(p.column()).unwrap().binary().unwrap().iter().flatten())
        .map(|t| u128::from_be_bytes(t.try_into().unwrap()))
        .collect();
    assert!(people.iter().flat_map(|p| p.tokens).flatten().all(|t| !sent.contains(&t)));
    // Whole, not "holds no 273": a keyed number is random and may hold any three digits.
    assert_eq!(format!("{full:?}"), format!("RoomIdentity {{ ident: {}, .. }}", full.ident));

    let before = out.tables().clone();
    let after = rekey_tables(before.clone(), &room, &catalogue()).unwrap();
    let numbers = |t: &BTreeMap<String, DataFrame>| -> Vec<u64> {
        t["claim"].column("facility").unwrap().u64().unwrap().into_no_null_iter().collect()
    };
    let expected: Vec<u64> = numbers(&before).into_iter().map(|n| room.rekey_u64(n)).collect();
    assert_eq!(numbers(&after), expected);

    let pids: HashMap<u32, u32> = (0..3).map(|i| (keys.renumber(i), 100 + i)).collect();
    let stored = with_pid("claim", &after["claim"], &pids).unwrap();
    catalogue().table("claim").unwrap().check_frame(&stored, "pid", KeyForm::Keyed).unwrap();
    let mut got: Vec<u32> = stored.column("pid").unwrap().u32().unwrap().into_no_null_iter().collect();
    got.sort_unstable();
    assert_eq!(got, [100, 100, 101, 102]);
    assert!(matches!(with_pid("claim", &after["claim"], &HashMap::new()), Err(FrameError::Orphan { .. })));
}

#[test]
fn a_frame_of_another_shape_is_refused_without_its_values() {
    let keys = keys();
    for column in ["ident", "kana", "birth", "last_seen"] {
        let error = frames(identity().drop(column).unwrap(), BTreeMap::new(), &keys, &catalogue()).unwrap_err();
        assert!(error.to_string().contains(column), "{error}");
    }
    let wrong = table("claim", &[0], &[]).drop("facility").unwrap();
    let error =
        frames(DataFrame::empty(), BTreeMap::from([("claim".to_owned(), wrong)]), &keys, &catalogue()).unwrap_err();
    assert_eq!(error.to_string(), "claim.facility: missing, or not of type str");
}

#[test]
fn months_are_counted_as_the_calendar_does() {
    // birth_month is checked above for one day; here for the first of every month of 400 years.
    let keys = keys();
    let months: Vec<(i32, i32, u32)> =
        (1880..=2100).flat_map(|y| (1..=12).map(move |m| (y, m, (y * 12 + m - 1) as u32))).collect();
    let births: Vec<String> = months.iter().map(|(y, m, _)| format!("{y}{m:02}15")).collect();
    let n = months.len();
    let mut frame = identity().head(Some(1));
    let one = frame.clone();
    for _ in 1..n {
        frame.vstack_mut(&one).unwrap();
    }
    let numbered: Vec<u32> = months.iter().map(|m| m.2).collect();
    frame.with_column(Series::new("ident".into(), numbered).into()).unwrap();
    frame.with_column(Series::new("birth".into(), births).into()).unwrap();
    let never = Column::full_null("last_seen".into(), n, &DataType::Date);
    frame.with_column(never).unwrap();
    let out = frames(frame, BTreeMap::new(), &keys, &catalogue()).unwrap();
    let expected: HashMap<u32, i32> = months.iter().map(|m| (keys.renumber(m.2), m.2 as i32)).collect();
    let room = RoomKey::generate().unwrap();
    for person in rekey_identities(out.identity(), &room).unwrap() {
        assert_eq!(person.birth_month, Some(expected[&person.ident]));
    }
}

#[test]
fn nobody_is_seen_before_being_born() {
    let keys = keys();
    let born = |birth: &str, last_seen: i32| {
        let mut frame = identity().head(Some(1));
        frame.with_column(Series::new("birth".into(), [birth]).into()).unwrap();
        let seen: Column = Series::new("last_seen".into(), [last_seen]).into();
        frame.with_column(seen.cast(&DataType::Date).unwrap()).unwrap();
        let out = frames(frame, BTreeMap::new(), &keys, &catalogue()).unwrap();
        out.identity().column("birth_ym").unwrap().null_count() == 0
    };
    // 19,448 is 2023-04-01: a newborn's first claim may be dated before the birth, but within the month.
    assert!(born("20230428", 19_448));
    assert!(!born("20230601", 19_448));
}

/// Prints its figure (`--nocapture`); fails only if it is far from what two cores do.
#[test]
fn a_million_identities_in_seconds() {
    let n = 1_000_000_u32;
    let kanji = ["渡邉", "髙﨑", "齋藤", "佐々木", "中村", "小林"];
    let given = [("眞由美", "ﾏﾕﾐ"), ("翔一", "ショウイチ"), ("さくら", "サクラ")];
    let pick = |i: u32| (kanji[i as usize % 6], given[i as usize % 3]);
    let column = |name: &str, f: &dyn Fn(u32) -> String| -> Column {
        Series::new(name.into(), (0..n).map(f).collect::<Vec<_>>()).into()
    };
    let seen = Column::full_null("last_seen".into(), n as usize, &DataType::Date);
    let mut columns = vec![
        Column::from(Series::new("ident".into(), (0..n).collect::<Vec<_>>())),
        column("insurer_no", &|i| format!("  {}", 133_000 + i % 90)),
        column("symbol", &|i| format!("１２－{}", i % 500)),
        column("number", &|i| format!("{i:07}")),
        column("branch", &|i| format!("0{}", i % 5)),
        column("name", &|i| format!("{}　{}", pick(i).0, pick(i).1.0)),
        column("kana", &|i| format!("ﾜﾀﾅﾍﾞ {}", pick(i).1.1)),
        column("birth", &|i| format!("3{:02}{:02}{:02}", 20 + i % 40, 1 + i % 12, 1 + i % 28)),
        column("sex", &|i| (1 + i % 2).to_string()),
        column("individual_no", &|i| format!("A{i:09}")),
        column("postcode", &|i| format!("1{:02}-{:04}", i % 100, i % 9000)),
    ];
    for name in ["first_seen", "covered_from", "covered_to", "death"] {
        columns.push(Column::full_null(name.into(), n as usize, &DataType::Date));
    }
    columns.push(seen);
    let frame = DataFrame::new(n as usize, columns).unwrap();
    let keys = keys();
    let start = std::time::Instant::now();
    let out = frames(frame, BTreeMap::new(), &keys, &catalogue()).unwrap();
    let took = start.elapsed();
    assert_eq!(out.identity().height(), n as usize);
    let nulls: usize = Pass::ALL.iter().map(|p| out.identity().column(p.column()).unwrap().null_count()).sum();
    let made = 7 * n as usize - nulls;
    assert!(made as f64 > 6.9 * f64::from(n));
    let line = format!("1,000,000 identities, {made} tokens: {took:?}\n");
    std::io::Write::write_all(&mut std::io::stdout(), line.as_bytes()).unwrap();
    assert!(took.as_secs() < 60, "{took:?}");
}

#[test]
fn draws_are_fast() {
    let room = RoomKey::generate().unwrap();
    let draws = room.draws();
    let start = std::time::Instant::now();
    let sum = (0..4_000_000_u32).fold(0_u64, |s, n| s.wrapping_add(draws(u128::from(n / 400), n % 400)));
    let line = format!("4,000,000 draws: {:?} ({sum:x})\n", start.elapsed());
    std::io::Write::write_all(&mut std::io::stdout(), line.as_bytes()).unwrap();
    assert!(start.elapsed().as_secs() < 30);
}
