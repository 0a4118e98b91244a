//! The attack before the defence: what a dictionary of names does to hashes without a key, and what is left of it here.
//!
//! The dictionary is that of the synthetic names: 2,000 surnames × about 1,100 given names, each a reading (kana). The full one of
//! `linkage.md` (1,999 × 9,463 = 18.9 million) is the same attack, longer: `the_full_dictionary` measures it, with the readings in the
//! file that `SUDARE_READINGS` names (`benches/peers/setup` makes it).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::print_stdout)]

use std::collections::{BTreeSet, HashMap, HashSet};
use std::time::Instant;

use datasets::catalogue::Catalogue;
use pseudonymize::normalize::{Fields, Raw, kana};
use pseudonymize::{Identity, LinkageKey, Pass, Role, RoomKey, SourceKeys};
use ring::{digest, hmac};

const ORIGIN: &str = "room.example/attacks";

/// Readings of surnames and given names.
fn dictionary() -> (Vec<String>, Vec<String>) {
    let lines = |text: &'static str, column: usize| {
        text.lines().filter(|l| !l.starts_with('#')).filter_map(move |l| l.split('\t').nth(column)).filter_map(kana)
    };
    let surnames: BTreeSet<String> = lines(include_str!("../../datasets/src/synth/names/surnames.tsv"), 1).collect();
    let given: BTreeSet<String> = lines(include_str!("../../datasets/src/synth/names/given_male.tsv"), 1)
        .chain(lines(include_str!("../../datasets/src/synth/names/given_female.tsv"), 1))
        .chain(lines(include_str!("../../datasets/src/synth/names/given_male_tail.tsv"), 0))
        .chain(lines(include_str!("../../datasets/src/synth/names/given_female_tail.tsv"), 0))
        .collect();
    (surnames.into_iter().collect(), given.into_iter().collect())
}

/// Length-prefixed name, birth, sex: the message of the pass ID4, known to anybody who reads the source.
fn message(out: &mut Vec<u8>, name: &[&str], birth: &str) {
    out.clear();
    let length: usize = name.iter().map(|part| part.len()).sum();
    out.extend_from_slice(&u16::try_from(length).unwrap().to_be_bytes());
    name.iter().for_each(|part| out.extend_from_slice(part.as_bytes()));
    for field in [birth, "1"] {
        out.extend_from_slice(&u16::try_from(field.len()).unwrap().to_be_bytes());
        out.extend_from_slice(field.as_bytes());
    }
}

/// Tries every name; how many were tried, and the names whose hash is among the known ones.
fn attack(
    (surnames, given): &(Vec<String>, Vec<String>),
    birth: &str,
    known: &HashSet<u128>,
    hash: &dyn Fn(&[u8]) -> u128,
) -> (u64, Vec<String>) {
    let (mut tried, mut found, mut buffer) = (0, Vec::new(), Vec::new());
    for surname in surnames {
        for given in given {
            message(&mut buffer, &[surname, given], birth);
            tried += 1;
            if known.contains(&hash(&buffer)) {
                found.push(format!("{surname}{given}"));
            }
        }
    }
    (tried, found)
}

fn first16(bytes: &[u8]) -> u128 {
    u128::from_be_bytes(bytes[..16].try_into().unwrap())
}

fn keyless(message: &[u8]) -> u128 {
    first16(digest::digest(&digest::SHA256, message).as_ref())
}

/// Ten invented men of one birthday.
fn victims((surnames, given): &(Vec<String>, Vec<String>)) -> Vec<(String, String)> {
    (0..10).map(|i| (surnames[i * 190 + 3].clone(), given[i * 97 + 5].clone())).collect()
}

const BIRTH: &str = "19700523";

fn fields(surname: &str, given: &str) -> Fields {
    let name = format!("{surname}　{given}");
    Fields::new(&Raw { kana: Some(&name), birth: Some(BIRTH), sex: Some("1"), ..Raw::default() })
}

#[test]
fn a_dictionary_breaks_hashes_without_a_key_and_nothing_here() {
    let dictionary = dictionary();
    let victims = victims(&dictionary);
    let names: BTreeSet<String> = victims.iter().map(|(s, g)| format!("{s}{g}")).collect();

    // A keyless ID4, as any insurer could make it: every name falls.
    let mut buffer = Vec::new();
    let hashes = victims.iter().map(|(s, g)| {
        message(&mut buffer, &[s, g], BIRTH);
        keyless(&buffer)
    });
    let hashes: HashSet<u128> = hashes.collect();
    let start = Instant::now();
    let (tried, found) = attack(&dictionary, BIRTH, &hashes, &keyless);
    println!("keyless: {} of {} names in {:.2?}, {tried} tried", found.len(), names.len(), start.elapsed());
    assert!(tried > 1_500_000);
    assert!(found.into_iter().collect::<BTreeSet<_>>().is_superset(&names));

    // A package's tokens, and no linkage key: nothing, keyless or with a key of one's own.
    let key = LinkageKey::from_bytes([42; 32]);
    let keys = SourceKeys::derive(&key, ORIGIN, 1).unwrap();
    let token = |keys: &SourceKeys, (s, g): &(String, String)| keys.token(Pass::Id4, &fields(s, g)).unwrap();
    let in_package: HashSet<u128> = victims.iter().map(|v| u128::from_be_bytes(token(&keys, v))).collect();
    assert_eq!(in_package.len(), victims.len());
    assert_eq!(attack(&dictionary, BIRTH, &in_package, &keyless).1, Vec::<String>::new());

    // A source is dishonest: it holds the linkage key and gets at the room's database. Against packages the key works ...
    let own = victims.first().unwrap();
    assert!(in_package.contains(&u128::from_be_bytes(token(&keys, own))));
    // ... against what the room keeps, which is re-keyed, it does not.
    let room = RoomKey::generate().unwrap();
    let in_room: HashSet<u128> = victims.iter().map(|v| room.rekey(Pass::Id4, &token(&keys, v))).collect();
    let subkey = linkage_subkey();
    assert_eq!(first16(hmac::sign(&subkey, &id4_message(own)).as_ref()), u128::from_be_bytes(token(&keys, own)));
    let with_key = |message: &[u8]| first16(hmac::sign(&subkey, message).as_ref());
    let (_, found) = attack(&dictionary, BIRTH, &in_package, &with_key);
    assert!(found.len() >= names.len(), "the attack itself works: with the key, packages fall");
    assert_eq!(attack(&dictionary, BIRTH, &in_room, &with_key).1, Vec::<String>::new());
}

fn id4_message((surname, given): &(String, String)) -> Vec<u8> {
    let mut buffer = Vec::new();
    message(&mut buffer, &[surname, given], BIRTH);
    buffer
}

/// The subkey of ID4, made again from the written definition.
fn linkage_subkey() -> hmac::Key {
    struct Length;
    impl ring::hkdf::KeyType for Length {
        fn len(&self) -> usize {
            32
        }
    }
    let prk = ring::hkdf::Salt::new(ring::hkdf::HKDF_SHA256, ORIGIN.as_bytes()).extract(&[42; 32]);
    let mut bytes = [0; 32];
    prk.expand(&[b"sudare/linkage/id4/1"], Length).unwrap().fill(&mut bytes).unwrap();
    hmac::Key::new(hmac::HMAC_SHA256, &bytes)
}

/// `SUDARE_READINGS=FILE cargo test --release --workspace --test attacks -- --ignored --nocapture`
#[test]
#[ignore = "a measurement; needs the file of readings that benches/peers/setup makes"]
fn the_full_dictionary() {
    let path = std::env::var("SUDARE_READINGS").expect("SUDARE_READINGS names the file");
    let text = std::fs::read_to_string(path).unwrap();
    let part = |kind: &str| -> Vec<String> {
        let lines = text.lines().filter_map(|l| l.strip_prefix(kind)).filter_map(kana);
        lines.collect::<BTreeSet<_>>().into_iter().collect()
    };
    let dictionary = (part("surname\t"), part("given\t"));
    let victims = victims(&dictionary);
    let known: HashSet<u128> = victims.iter().map(|v| keyless(&id4_message(v))).collect();
    let start = Instant::now();
    let (tried, found) = attack(&dictionary, BIRTH, &known, &keyless);
    let took = start.elapsed();
    println!(
        "keyless SHA-256, known birth date: {tried} names in {took:.1?}, found {} of {}",
        found.len(),
        victims.len()
    );
    assert!(found.len() >= victims.len());
}

#[test]
fn two_projects_have_no_column_in_common() {
    let room = RoomKey::generate().unwrap();
    let persons: Vec<u128> = (0..20_000_u128).map(|i| i << 64 | 77).collect();
    let of = |project: &str| -> Vec<u128> { persons.iter().map(|p| room.project_pseudonym(project, *p)).collect() };
    let (a, b) = (of("diabetes-2026"), of("diabetes-2027"));
    let all: HashSet<u128> = a.iter().chain(&b).chain(&persons).copied().collect();
    assert_eq!(all.len(), 3 * persons.len(), "equal values would join them");
    // Nor does their order: Kendall's tau of neighbours, three standard deviations.
    let up = |v: &[u128]| -> Vec<bool> { v.chunks(2).map(|pair| pair[0] < pair[1]).collect() };
    let agree = up(&a).iter().zip(up(&b)).filter(|(x, y)| **x == *y).count() as f64;
    let n = (persons.len() / 2) as f64;
    assert!((agree - n / 2.0).abs() < 3.3 * (n / 4.0).sqrt(), "{agree} of {n} pairs in the same order");
    // Nor single bits: each agrees in half of the persons.
    for bit in 0..128 {
        let same = a.iter().zip(&b).filter(|(x, y)| (**x ^ **y) >> bit & 1 == 0).count() as f64;
        let n = persons.len() as f64;
        assert!((same - n / 2.0).abs() < 5.0 * (n / 4.0).sqrt(), "bit {bit}: {same} of {n}");
    }
    // The same project sees the same name again.
    assert_eq!(a, of("diabetes-2026"));
}

/// The room's database has one name per person, a random one, and no column that repeats a token.
#[test]
fn no_frequencies_in_the_room() {
    let catalogue = Catalogue::builtin().unwrap();
    for column in catalogue.tables().iter().flat_map(|table| &table.columns) {
        let name = column.name.as_str();
        assert!(Pass::ALL.iter().all(|pass| name != pass.column() && name != pass.as_str()), "{name}");
    }
    // Common names make common tokens; persons' ids are drawn and know nothing of them.
    let ids: HashSet<u128> = (0..10_000).map(|_| u128::from_be_bytes(random16())).collect();
    assert_eq!(ids.len(), 10_000);
}

fn random16() -> [u8; 16] {
    pseudonymize::random_bytes().unwrap()[..16].try_into().unwrap()
}

/// Without the room's identity a package is age ciphertext: nothing to be told from noise but its header.
#[test]
fn a_leaked_package_is_noise() {
    use pseudonymize::package::{Expected, Header, Writer, open};
    let dir = tempfile::tempdir().unwrap();
    let raw = dir.path().join("raw");
    let options = datasets::synth::SynthOptions { persons: 400, months: 3, seed: 3, ..Default::default() };
    datasets::synth::generate(&raw, &options, &|_| {}).unwrap();
    let room = Identity::generate("room", Role::Room).unwrap();
    let keys = SourceKeys::derive(&LinkageKey::generate().unwrap(), ORIGIN, 1).unwrap();
    let catalogue = Catalogue::builtin().unwrap();
    let header = Header {
        source: "kenpo".to_owned(),
        sequence: 1,
        legal_basis: "test".to_owned(),
        room: ORIGIN.to_owned(),
        epoch: 1,
        linkage_key: keys.linkage_key_id().to_owned(),
        replaces: None,
        schema: catalogue.digest(),
    };
    let path = dir.path().join("leaked.sudare");
    let mut writer = Writer::create(&path, header, &[room.recipient()]).unwrap();
    let mut pseudonymizer = pseudonymize::Pseudonymizer::new(&keys, &catalogue);
    let mut sink = |batch: datasets::read::Identified| {
        writer.append(&pseudonymizer.batch(batch).unwrap()).unwrap();
        Ok(())
    };
    datasets::read::read(&[raw.join("kenpo")], &Default::default(), &mut sink, &|_| {}).unwrap();
    writer.finish("{}", &|text| Ok(format!("{text}\n— kenpo signed\n"))).unwrap();

    // What lies open is the manifest; it names no number of rows. The rest is age.
    let mut outer = tar::Archive::new(std::fs::File::open(&path).unwrap());
    let mut parts: HashMap<String, Vec<u8>> = HashMap::new();
    for entry in outer.entries().unwrap() {
        let mut entry = entry.unwrap();
        let name = entry.path().unwrap().display().to_string();
        std::io::copy(&mut entry, parts.entry(name).or_default()).unwrap();
    }
    assert_eq!(parts.keys().map(String::as_str).collect::<BTreeSet<_>>(), ["content.age", "manifest.note"].into());
    let bytes = &parts["content.age"];
    let payload = bytes.windows(4).position(|w| w == b"--- ").expect("the age header ends with its MAC");
    let body = &bytes[payload + 64..];
    assert!(body.len() > 50_000);
    // Chi-square over byte values: 255 degrees of freedom, mean 255, sd 22.6.
    let mut counts = HashMap::new();
    body.iter().for_each(|byte| *counts.entry(*byte).or_insert(0_u64) += 1);
    let expected = body.len() as f64 / 256.0;
    let chi: f64 =
        (0..=255_u8).map(|b| (counts.get(&b).copied().unwrap_or(0) as f64 - expected).powi(2) / expected).sum();
    assert!((255.0 - 6.0 * 22.6..255.0 + 6.0 * 22.6).contains(&chi), "chi-square {chi:.0}");

    let expected = Expected {
        room: ORIGIN,
        schema: catalogue.digest(),
        linkage_key: Some(keys.linkage_key_id()),
        last_sequence: None,
    };
    let verify = |_: &str, note: &str| Ok(note.split_once("\n\n").map(|(t, _)| format!("{t}\n")).unwrap());
    let thief = Identity::generate("thief", Role::Room).unwrap();
    assert!(open(&path, &thief, &expected, &verify).is_err());
    assert!(open(&path, &room, &expected, &verify).is_ok());
}
