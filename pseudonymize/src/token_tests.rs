//! Tokens and room keys against vectors made with Python's `hmac` from the written definition, and their separation.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::collections::HashSet;

use crate::kdf::hex;
use crate::normalize::{Fields, Raw};
use crate::{LinkageKey, PASSES, Pass, RoomKey, SourceKeys};

const ORIGIN: &str = "room.example/one";

fn key() -> LinkageKey {
    LinkageKey::from_bytes(std::array::from_fn(|i| i as u8))
}

fn keys(origin: &str, epoch: u32) -> SourceKeys {
    SourceKeys::derive(&key(), origin, epoch).unwrap()
}

/// An invented person, written as a claim might.
const RAW: Raw<'static> = Raw {
    insurer: Some(" 6139463"),
    symbol: Some("１２−３４"),
    number: Some("0567"),
    branch: Some("1"),
    name: Some("髙﨑　眞由美"),
    kana: Some("ﾀｶｻｷ ﾏﾕﾐ"),
    birth: Some("3550115"),
    sex: Some("2"),
    individual: Some("A12-345678"),
    postcode: Some("〒101-0051"),
};

fn all(keys: &SourceKeys, raw: &Raw<'_>) -> [Option<String>; PASSES] {
    let fields = Fields::new(raw);
    Pass::ALL.map(|p| keys.token(p, &fields).map(|t| hex(&t)))
}

#[test]
fn tokens_are_the_written_definition() {
    let expected = [
        "213ca8c3d54400e0d568a08c20da1d40",
        "5a2b3e690a7dec2e5635571748743149",
        "4a1413e848e99166ad871786804c7ebe",
        "071c20f4f9daa39bf48d7aecef8198c2",
        "785e2c9fd72c34c82917d98c5edb520b",
        "57d19a0a9f689e1d6fbdc7a5b3955dc0",
        "ef632a75f8ffb35e995c5ff071793e96",
    ];
    assert_eq!(all(&keys(ORIGIN, 1), &RAW), expected.map(|t| Some(t.to_owned())));
    let homeless = all(&keys(ORIGIN, 1), &Raw { postcode: None, ..RAW });
    assert_eq!(homeless[Pass::Marriage.index()].as_deref(), Some("53beb9d4c09f971d6c02a9f93c9ef6d9"));
    let later = all(&keys(ORIGIN, 2), &RAW);
    assert_eq!(later[Pass::Id2.index()].as_deref(), Some("18001d3b37302d9ed0715a666f67fddc"));
    assert_eq!(key().id().unwrap(), "807c835db051554c");
    // Another way to write the same person.
    let twin = Raw {
        insurer: Some("06139463"),
        symbol: Some("12-34"),
        number: Some("５６７"),
        branch: Some("01"),
        name: Some("高崎真由美"),
        kana: Some("たかさき　まゆみ"),
        birth: Some("1980/1/15"),
        sex: Some("女"),
        individual: Some("a12345678"),
        postcode: Some("1010051"),
    };
    assert_eq!(all(&keys(ORIGIN, 1), &twin), all(&keys(ORIGIN, 1), &RAW));
}

#[test]
fn no_two_passes_epochs_or_rooms_share_a_token() {
    let mut seen = HashSet::new();
    for (origin, epoch) in [(ORIGIN, 1), (ORIGIN, 2), ("room.example/two", 1), ("room.example/two", 2)] {
        for token in all(&keys(origin, epoch), &RAW) {
            assert!(seen.insert(token.unwrap()));
        }
    }
    let other = SourceKeys::derive(&LinkageKey::generate().unwrap(), ORIGIN, 1).unwrap();
    assert!(all(&other, &RAW).iter().all(|t| !seen.contains(t.as_ref().unwrap())));
    // Keys of columns and passes of one name would not meet either.
    let keys = keys(ORIGIN, 1);
    let numbers = ["insurer", "facility", "workplace", "member", "id1"]
        .map(|c| crate::kdf::mac8(&keys.key_column(c).unwrap(), b"06139463"));
    assert_eq!(numbers.iter().collect::<HashSet<_>>().len(), 5);
    assert_eq!(numbers[0], keys.insurer("06139463"));
}

#[test]
fn a_missing_or_junk_field_makes_no_token() {
    let keys = keys(ORIGIN, 1);
    let without = |raw: Raw<'_>| -> Vec<Pass> {
        let tokens = all(&keys, &raw);
        Pass::ALL.into_iter().filter(|p| tokens[p.index()].is_none()).collect()
    };
    use Pass::{BirthError, Id1, Id2, Id4, Individual, Marriage, Member};
    assert_eq!(without(RAW), []);
    for junk in [None, Some(""), Some("不明"), Some("0000000"), Some("9999999")] {
        assert_eq!(without(Raw { insurer: junk, ..RAW }), [Member, Id1, BirthError], "{junk:?}");
        assert_eq!(without(Raw { number: junk, ..RAW }), [Member, Id1, BirthError], "{junk:?}");
        assert_eq!(without(Raw { branch: junk, ..RAW }), [Member], "{junk:?}");
        assert_eq!(without(Raw { name: junk, ..RAW }), [Id2], "{junk:?}");
        assert_eq!(without(Raw { kana: junk, ..RAW }), [Id4, Marriage, BirthError], "{junk:?}");
        assert_eq!(without(Raw { birth: junk, ..RAW }), [Member, Id1, Id2, Id4, Marriage], "{junk:?}");
        assert_eq!(without(Raw { sex: junk, ..RAW }), [Member, Id1, Id2, Id4, Marriage], "{junk:?}");
        assert_eq!(without(Raw { individual: junk, ..RAW }), [Individual], "{junk:?}");
        assert_eq!(without(Raw { postcode: junk, number: junk, ..RAW }), [Member, Id1, Marriage, BirthError]);
        // Many insurers have no 記号.
        assert_eq!(without(Raw { symbol: junk, ..RAW }), [], "{junk:?}");
    }
    assert_eq!(without(Raw::default()), Pass::ALL);
}

#[test]
fn fields_do_not_run_into_each_other() {
    let keys = keys(ORIGIN, 1);
    let id1 = |symbol, number| all(&keys, &Raw { symbol, number, ..RAW })[Pass::Id1.index()].clone().unwrap();
    assert_ne!(id1(Some("12"), Some("345")), id1(Some("123"), Some("45")));
    assert_ne!(id1(None, Some("12345")), id1(Some("1"), Some("2345")));
}

#[test]
fn the_room_key_is_the_written_definition() {
    let room = RoomKey::from_secret(&std::array::from_fn(|i| i as u8 + 32)).unwrap();
    let token = keys(ORIGIN, 1).token(Pass::Id2, &Fields::new(&RAW)).unwrap();
    assert_eq!(format!("{:032x}", room.rekey(Pass::Id2, &token)), "0435d84df3945af9840b4b536847fd30");
    let person = 0x0123_4567_89ab_cdef_0123_4567_89ab_cdef;
    assert_eq!(room.draw(person, 6), 6_448_030_246_946_696_500);
    assert_eq!(room.rekey_u64(77), 15_454_897_479_955_850_831);
    assert_eq!(format!("{:032x}", room.project_pseudonym("p-1", person)), "8739c5d81438b873c0941d08f6f7ae3f");
    let remembering = room.draws();
    let mut seen = HashSet::new();
    for (p, n) in (0..50_u128).flat_map(|p| (0..40_u32).map(move |n| (p % 7, n + p as u32))) {
        assert_eq!(remembering(p, n), room.draw(p, n));
        seen.insert((p, n, room.draw(p, n)));
    }
    assert_eq!(seen.iter().map(|s| s.2).collect::<HashSet<_>>().len(), seen.len());
}

#[test]
fn another_room_another_world() {
    let (a, b) = (RoomKey::generate().unwrap(), RoomKey::generate().unwrap());
    let token = [7; 16];
    let mut seen = HashSet::new();
    for room in [&a, &b] {
        for pass in Pass::ALL {
            assert!(seen.insert(room.rekey(pass, &token)));
        }
        assert!(seen.insert(room.project_pseudonym("one", 1)));
    }
    assert!(!seen.contains(&u128::from_be_bytes(token)), "what arrives is not what is kept");
    assert_ne!(a.draw(1, 1), b.draw(1, 1));
    assert_ne!(a.digest(b"x"), b.digest(b"x"));
    assert_ne!(a.rekey_u64(1), b.rekey_u64(1));
}

#[test]
fn two_projects_cannot_join_their_persons() {
    let room = RoomKey::generate().unwrap();
    let people = 0..10_000_u128;
    let of = |project: &str| -> Vec<u128> { people.clone().map(|p| room.project_pseudonym(project, p)).collect() };
    let (one, two) = (of("diabetes-2026"), of("diabetes-2027"));
    let distinct: HashSet<&u128> = one.iter().chain(&two).collect();
    assert_eq!(distinct.len(), 20_000, "no value occurs in both");
    assert_eq!(one, of("diabetes-2026"), "and within a project they stay");
    // Nor does order carry over: ranks in the two projects agree no more often than by chance (mean 1).
    let ranked = |mut v: Vec<(u128, usize)>| {
        v.sort_unstable();
        v.into_iter().map(|(_, i)| i).collect::<Vec<_>>()
    };
    let index = |v: &[u128]| v.iter().copied().zip(0..).collect::<Vec<_>>();
    let agree = ranked(index(&one)).iter().zip(ranked(index(&two))).filter(|(a, b)| **a == *b).count();
    assert!(agree < 12, "{agree}");
}
