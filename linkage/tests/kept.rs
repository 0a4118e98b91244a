//! The linker's byte form: the same state again, and no damage that panics or passes unseen.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use linkage::{Identity, Linker, PASSES, Settings};
use proptest::prelude::*;

/// The form's first bytes.
const MAGIC: &[u8; 16] = b"sudare-linker-1\n";

/// The form's checksum, written down a second time: FNV-1a over words of eight bytes, folded.
fn checksum(bytes: &[u8]) -> u64 {
    bytes.chunks(8).fold(0xcbf2_9ce4_8422_2325, |sum: u64, chunk| {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        let sum = (sum ^ u64::from_le_bytes(word)).wrapping_mul(0x100_0000_01b3);
        sum ^ sum >> 29
    })
}

fn sample() -> Linker {
    let mut rows = Vec::new();
    for at in 0..60i32 {
        let mut row = Identity {
            source: (at % 3) as u16,
            sex: (at % 3) as u8,
            birth_month: (at % 7 != 0).then_some(23_000 + at % 4),
            first_day: 18_000 + at * 5,
            last_day: 18_000 + at * 9,
            coverage: (at % 2 == 0).then_some((17_000 + at, (at % 4 == 0).then_some(19_000))),
            insurer: (at % 2 == 0).then_some(u64::MAX - at as u64),
            death: (at == 50).then_some(18_700),
            previous: (at % 5 == 0).then_some(at as u128 % 3),
            ..Identity::default()
        };
        for pass in 0..PASSES {
            row.tokens[pass] =
                (!(at as usize).is_multiple_of(pass + 2)).then_some((at as u128 % 11) << 64 | pass as u128);
        }
        rows.push(row);
    }
    let mut linker = Linker::new(Settings { max_memberships_per_token: 3, ..Settings::default() });
    linker.add(&rows).unwrap();
    linker
}

/// Everything between the head, which is JSON, and the checksum.
fn body(bytes: &[u8]) -> &[u8] {
    let start = bytes.iter().position(|&byte| byte == b'{').unwrap();
    let mut heads = serde_json::Deserializer::from_slice(&bytes[start..]).into_iter::<serde_json::Value>();
    heads.next().unwrap().unwrap();
    &bytes[start + heads.byte_offset()..bytes.len() - 8]
}

#[test]
fn bytes_are_the_same_again() {
    let mut linker = sample();
    for _ in 0..2 {
        let bytes = linker.to_bytes().unwrap();
        let mut again = Linker::from_bytes(&bytes).unwrap();
        assert_eq!(again.settings(), linker.settings());
        // JSON may move the last bit of an expectation in the report, and nothing else.
        let kept = again.to_bytes().unwrap();
        assert_eq!(body(&kept), body(&bytes));
        let mut next = 100;
        let mut ids = || {
            next += 1;
            next
        };
        linker.persons(&mut ids).unwrap();
    }
}

/// Damage under a right checksum, so that the checks behind it are reached.
fn resealed(mut body: Vec<u8>) -> Vec<u8> {
    let check = checksum(&body);
    body.extend(check.to_le_bytes());
    body
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn damage_is_an_error_or_harmless(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        end in prop::option::weighted(0.3, any::<prop::sample::Index>()),
        whole in any::<bool>(),
    ) {
        let mut linker = sample();
        let bytes = linker.to_bytes().unwrap();
        let mut body = bytes[..bytes.len() - 8].to_vec();
        for (at, byte) in &changes {
            let at = at.index(body.len());
            body[at] = *byte;
        }
        if let Some(end) = end {
            body.truncate(end.index(body.len()));
        }
        let damaged = body != bytes[..bytes.len() - 8];
        if whole {
            // As it lies on the disk: any damage is seen.
            let mut kept = bytes.clone();
            kept.splice(..bytes.len() - 8, body);
            prop_assert_eq!(Linker::from_bytes(&kept).is_err(), damaged);
        } else if let Ok(mut linker) = Linker::from_bytes(&resealed(body)) {
            let mut next = 1 << 100;
            let mut ids = || { next += 1; next };
            let persons = linker.persons(&mut ids).unwrap();
            prop_assert!(persons.person_of.iter().all(|&person| (person as usize) < persons.persons.len()));
        }
    }

    #[test]
    fn any_bytes_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(Linker::from_bytes(&bytes).is_err());
        prop_assert!(Linker::from_bytes(&resealed([&MAGIC[..], &bytes].concat())).is_err());
    }
}
