//! Any bytes: no panic, every record accounted for, no value in an error. Valid files are cut, changed and shuffled.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod read_support;

use std::sync::OnceLock;

use datasets::synth::{SynthOptions, generate};
use proptest::prelude::*;
use read_support::{file, run};

const CANARY: &str = "ひみつなまえ";

/// One valid file of each kind, small.
fn seeds() -> &'static Vec<Vec<u8>> {
    static SEEDS: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
    SEEDS.get_or_init(|| {
        let dir = tempfile::tempdir().unwrap();
        let options = SynthOptions { persons: 60, months: 3, seed: 3, ..SynthOptions::default() };
        generate(dir.path(), &options, &|_| {}).unwrap();
        let mut seeds = Vec::new();
        let mut folders = vec![dir.path().to_owned()];
        while let Some(folder) = folders.pop() {
            let mut inside: Vec<_> = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
            inside.sort();
            for path in inside {
                if path.is_dir() {
                    folders.push(path);
                } else if !path.ends_with("truth.parquet") {
                    let mut bytes = std::fs::read(path).unwrap();
                    let zip = bytes.starts_with(b"PK");
                    if !zip {
                        let end = bytes.len().min(6_000);
                        bytes.truncate(end);
                    }
                    if zip && seeds.iter().filter(|seed: &&Vec<u8>| seed.starts_with(b"PK")).count() < 2
                        || !bytes.is_empty()
                    {
                        seeds.push(bytes);
                    }
                }
            }
        }
        let mut xml = String::from_utf8(documents()).unwrap();
        xml = xml.replace("NAME", CANARY);
        for _ in 0..4 {
            seeds.push(xml.clone().into_bytes());
        }
        seeds
    })
}

fn documents() -> Vec<u8> {
    let oid = "1.2.392.200119.6";
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><ClinicalDocument xmlns=\"urn:hl7-org:v3\"><code code=\"10\"/>\n\
<recordTarget><patientRole><id root=\"{oid}.101\" extension=\"06139999\"/><id root=\"{oid}.205\" extension=\"1\"/>\
<patient><name>NAME</name><birthTime value=\"19800101\"/></patient></patientRole></recordTarget>\n\
<documentationOf><serviceEvent><code code=\"010\"/><effectiveTime value=\"20240501\"/></serviceEvent></documentationOf>\n\
<entry><observation><code code=\"9A755000000000001\"/><value value=\"120\" unit=\"mm[Hg]\"/></observation></entry>\n\
<entry><observation><code code=\"9N736000000000011\"/><value code=\"1\" codeSystem=\"{oid}.24060\"/></observation></entry>\n\
</ClinicalDocument>"
    )
    .into_bytes()
}

#[derive(Debug, Clone)]
enum Harm {
    Cut(prop::sample::Index),
    Put(prop::sample::Index, u8),
    Insert(prop::sample::Index, Vec<u8>),
    Remove(prop::sample::Index, usize),
    Shuffle(prop::sample::Index, prop::sample::Index),
}

fn harm() -> impl Strategy<Value = Harm> {
    let nasty = prop_oneof![
        Just(b"1234567890123456789012345678901".to_vec()),
        Just(b"99991399".to_vec()),
        Just(b",,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,".to_vec()),
        Just(b"\"".to_vec()),
        Just(b"&lol;".to_vec()),
        Just(b"<![CDATA[".to_vec()),
        Just(b"\r\n2,5,0,JY,2,4,0,,C,4,1\r\n".to_vec()),
        Just(b"\r\n1,9,0,TI,1\r\n".to_vec()),
        Just(b"-9223372036854775808".to_vec()),
        proptest::collection::vec(any::<u8>(), 1..20),
    ];
    prop_oneof![
        any::<prop::sample::Index>().prop_map(Harm::Cut),
        (any::<prop::sample::Index>(), any::<u8>()).prop_map(|(at, byte)| Harm::Put(at, byte)),
        (any::<prop::sample::Index>(), nasty).prop_map(|(at, bytes)| Harm::Insert(at, bytes)),
        (any::<prop::sample::Index>(), 1_usize..200).prop_map(|(at, length)| Harm::Remove(at, length)),
        (any::<prop::sample::Index>(), any::<prop::sample::Index>()).prop_map(|(a, b)| Harm::Shuffle(a, b)),
    ]
}

fn apply(bytes: &mut Vec<u8>, harm: &Harm) {
    if bytes.is_empty() {
        return;
    }
    match harm {
        Harm::Cut(at) => bytes.truncate(at.index(bytes.len())),
        Harm::Put(at, byte) => {
            let at = at.index(bytes.len());
            bytes[at] = *byte;
        }
        Harm::Insert(at, more) => {
            let at = at.index(bytes.len());
            bytes.splice(at..at, more.iter().copied());
        }
        Harm::Remove(at, length) => {
            let at = at.index(bytes.len());
            let end = (at + length).min(bytes.len());
            bytes.drain(at..end);
        }
        Harm::Shuffle(a, b) => {
            let mut lines: Vec<Vec<u8>> = bytes.split_inclusive(|b| *b == b'\n').map(<[u8]>::to_vec).collect();
            let (a, b) = (a.index(lines.len()), b.index(lines.len()));
            lines.swap(a, b);
            *bytes = lines.concat();
        }
    }
}

/// `run` checks frames and that every record is accounted for; here: no value in what is said.
fn survives(bytes: &[u8]) {
    let dir = tempfile::tempdir().unwrap();
    if let Err(error) = run(&[file(dir.path(), "x", bytes)]) {
        let said = format!("{error} {error:?}");
        assert!(!said.contains(CANARY) && said.len() < 2_000, "{said}");
    }
    // In a folder, where a refusal of a document must not stop the run, and beside a roster.
    file(dir.path(), "roster", "利用者ID,カナ氏名,生年月日,性別\nU1,カクウ,19800229,2\n".as_bytes());
    let _ = run(&[dir.path().to_owned()]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn harmed_files(seed in any::<prop::sample::Index>(), harms in proptest::collection::vec(harm(), 1..6)) {
        let mut bytes = seeds()[seed.index(seeds().len())].clone();
        for harm in &harms {
            apply(&mut bytes, harm);
        }
        survives(&bytes);
    }

    #[test]
    fn noise(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        survives(&bytes);
    }

    #[test]
    fn noise_behind_a_promising_start(which in 0_usize..4, bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let start: &[u8] = [
            &b"2,1,0,MN,1\r\n1,2,0,RE,1,1112,202404,"[..],
            b"<ClinicalDocument><recordTarget><patientRole><id root=\"1.2.392.200119.6.205\" extension=\"",
            b"PK\x03\x04",
            "利用者ID,日付,歩数\n".as_bytes(),
        ][which];
        survives(&[start, &bytes].concat());
    }
}
