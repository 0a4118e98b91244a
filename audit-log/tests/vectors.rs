//! Vectors made by others: transparency-dev/merkle, transparency-dev/tessera, golang.org/x/mod sumdb/note,
//! transparency-dev/formats, and one cosignature made with Python's `cryptography`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod common;

use audit_log::digest::{Hash, hex, parse_hex, sha256};
use audit_log::merkle::{self, CompactRange, ProofError, Tree, leaf_hash, verify_consistency, verify_inclusion};
use audit_log::note::{NoteError, open, sign};
use audit_log::{Checkpoint, CheckpointError, Receipt, ReceiptError, Signer, Verifier};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

fn h(text: &str) -> Hash {
    parse_hex(text).unwrap()
}

/// transparency-dev/merkle `testonly/constants.go`.
const LEAVES: [&[u8]; 8] = [
    b"",
    b"\x00",
    b"\x10",
    b"\x20\x21",
    b"\x30\x31",
    b"\x40\x41\x42\x43",
    b"\x50\x51\x52\x53\x54\x55\x56\x57",
    b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
];
const ROOTS: [&str; 9] = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
];
/// Level and index of complete nodes (the leaf hashes are covered by the roots).
const NODES: [(u8, u64, &str); 7] = [
    (0, 7, "46f6ffadd3d06a09ff3c5860d2755c8b9819db7df44251788c7d8e3180de8eb1"),
    (1, 1, "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e"),
    (1, 2, "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a"),
    (1, 3, "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0"),
    (2, 0, "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"),
    (2, 1, "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"),
    (3, 0, "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"),
];

fn eight() -> Tree {
    let mut tree = Tree::new();
    LEAVES.iter().for_each(|leaf| tree.push(leaf_hash(leaf)));
    tree
}

#[test]
fn roots_and_nodes_of_eight_leaves() {
    let tree = eight();
    let mut range = CompactRange::new();
    for (size, root) in (0_u64..).zip(ROOTS) {
        assert_eq!(hex(&tree.root_at(size).unwrap()), root, "size {size}");
        assert_eq!(hex(&range.root()), root, "size {size}");
        if let Some(leaf) = LEAVES.get(size as usize) {
            range.push(leaf_hash(leaf));
        }
    }
    for (height, index, hash) in NODES {
        assert_eq!(hex(&tree.node(height, index).unwrap()), hash, "node {height}, {index}");
    }
    assert_eq!(merkle::empty_root(), sha256(b""));
}

/// `proof/verify_test.go`: leaf counted from 1, size, proof.
const INCLUSION: [(u64, u64, &[&str]); 5] = [
    (1, 1, &[]),
    (
        1,
        8,
        &[
            "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
        ],
    ),
    (
        6,
        8,
        &[
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ],
    ),
    (3, 3, &["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"]),
    (
        2,
        5,
        &[
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        ],
    ),
];
const CONSISTENCY: [(u64, u64, &[&str]); 5] = [
    (1, 1, &[]),
    (
        1,
        8,
        &[
            "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
        ],
    ),
    (
        6,
        8,
        &[
            "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ],
    ),
    (
        2,
        5,
        &[
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        ],
    ),
    (
        6,
        7,
        &[
            "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
            "b08693ec2e721597130641e8211e7eedccb4c26413963eee6c1e2ed16ffb1a5f",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ],
    ),
];

#[test]
fn published_inclusion_proofs() {
    let tree = eight();
    for (leaf, size, proof) in INCLUSION {
        let (index, proof): (u64, Vec<Hash>) = (leaf - 1, proof.iter().map(|p| h(p)).collect());
        let (hash, root) = (leaf_hash(LEAVES[index as usize]), h(ROOTS[size as usize]));
        assert_eq!(tree.inclusion(index, size).unwrap(), proof, "{leaf} of {size}");
        let ok = |index, size, hash: &Hash, proof: &[Hash], root: &Hash| {
            verify_inclusion(hash, index, size, proof, root).is_ok()
        };
        assert!(ok(index, size, &hash, &proof, &root));
        // The corruptions of `corruptInclusionProof`.
        let some = sha256(b"some");
        for wrong in [index.wrapping_sub(1), index + 1, index ^ 2] {
            assert!(!ok(wrong, size, &hash, &proof, &root), "index {wrong}");
        }
        assert!(!ok(index, size * 2, &hash, &proof, &root));
        assert!(!ok(index, size / 2, &hash, &proof, &root));
        assert!(!ok(index, size, &some, &proof, &root));
        assert!(!ok(index, size, &hash, &proof, &h(ROOTS[0])));
        assert!(!ok(index, size, &hash, &proof, &some));
        assert!(!ok(index, size, &hash, &[proof.as_slice(), &[root]].concat(), &root));
        assert!(!ok(index, size, &hash, &[&[root], proof.as_slice()].concat(), &root));
        if let Some((_, shorter)) = proof.split_last() {
            assert!(!ok(index, size, &hash, shorter, &root));
        }
        if let [first, rest @ ..] = proof.as_slice()
            && !rest.is_empty()
        {
            assert!(!ok(index, size, &hash, &[&[*first, some], rest].concat(), &root));
        }
    }
    for (index, size) in [(0, 0), (1, 0), (2, 1)] {
        let found = verify_inclusion(&sha256(b""), index, size, &[], &sha256(b""));
        assert_eq!(found, Err(ProofError::OutOfRange { index, size }));
    }
}

#[test]
fn published_consistency_proofs() {
    let tree = eight();
    for (old, new, proof) in CONSISTENCY {
        let proof: Vec<Hash> = proof.iter().map(|p| h(p)).collect();
        let (old_root, new_root) = (h(ROOTS[old as usize]), h(ROOTS[new as usize]));
        assert_eq!(tree.consistency(old, new).unwrap(), proof, "{old} to {new}");
        let ok = |old, old_root: &Hash, new, new_root: &Hash, proof: &[Hash]| {
            verify_consistency(old, old_root, new, new_root, proof).is_ok()
        };
        assert!(ok(old, &old_root, new, &new_root, &proof));
        if proof.is_empty() {
            continue;
        }
        // The corruptions of `corruptConsistencyProof`.
        for wrong in [old - 1, old + 1, old ^ 2] {
            assert!(!ok(wrong, &old_root, new, &new_root, &proof), "{wrong} to {new}");
        }
        assert!(!ok(old, &old_root, new * 2, &new_root, &proof));
        assert!(!ok(old, &old_root, new / 2, &new_root, &proof));
        assert!(!ok(old, &sha256(b"wrong"), new, &new_root, &proof));
        assert!(!ok(old, &old_root, new, &sha256(b"wrong"), &proof));
        assert!(!ok(old, &new_root, new, &old_root, &proof));
        assert!(!ok(old, &old_root, new, &new_root, &[]));
        for extra in [old_root, new_root, proof[0]] {
            assert!(!ok(old, &old_root, new, &new_root, &[proof.as_slice(), &[extra]].concat()));
            assert!(!ok(old, &old_root, new, &new_root, &[&[extra], proof.as_slice()].concat()));
        }
        assert!(!ok(old, &old_root, new, &new_root, &proof[..proof.len() - 1]));
    }
    let empty = sha256(b"");
    assert!(verify_consistency(0, &empty, 0, &empty, &[]).is_err());
    assert!(verify_consistency(2, &empty, 1, &empty, &[]).is_err());
    assert!(verify_consistency(1, &empty, 1, &empty, &[]).is_ok());
    assert!(verify_consistency(1, &empty, 1, &empty, &[empty]).is_err());
    assert!(verify_consistency(1, &empty, 2, &empty, &[]).is_err());
}

/// transparency-dev/tessera `testdata/build_log.sh` and `testdata/log/checkpoint.*`.
const TESSERA_KEY: &str = "example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx";
const TESSERA_SEED: &str = "AeymY/SZAX0jZcJ8enZ5FY1Dz+wTML2yWSkK+9DSF3eg";
const TESSERA_WORDS: [&str; 15] = [
    "one", "two", "three", "four", "five", "six", "seven", "eit", "nain", "ten", "ileven", "twelf", "threeten",
    "fourten", "fivten",
];
const TESSERA: [(u64, &str); 3] = [
    (
        0,
        "example.com/log/testdata\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n\n— example.com/log/testdata M9e0lhxJACzE1KoUdqKuPa+9p6R7dSW8BlEvrg/noo8FkGg6PbJoRNOcdjqjOq89wVvTA60eubCc4oufo5BvIVEgtQc=\n",
    ),
    (
        3,
        "example.com/log/testdata\n3\nWqx3HImawpLnS/Gv4ubjAvi1WIOy0b8Ze0amvqbavKk=\n\n— example.com/log/testdata M9e0lvAQRtH832pk2RTbeSeZMkp4FZSdJYFBUjO5SKxuRbywPUF3cx+HUrb50kjd3rUWW/fj53Wj1dwcwh9bGQnqVAg=\n",
    ),
    (
        15,
        "example.com/log/testdata\n15\nrKbDipCvhuX1GZ7g5BBe8sA6BbJ7ja/1nk427v383cs=\n\n— example.com/log/testdata M9e0luh4jTG+UMBqOUo9/q+yAEvx1ilBEniMvjf1zfcBOhg+CKubMt53MvIt/uEWP6zdkdIQzd/fmwlM/dlPWF74ewI=\n",
    ),
];

fn go_seed(base64: &str) -> [u8; 32] {
    BASE64.decode(base64).unwrap()[1..].try_into().unwrap()
}

#[test]
fn tessera_log() {
    let log = Verifier::parse(TESSERA_KEY).unwrap();
    let signer = Signer::from_seed("example.com/log/testdata", &go_seed(TESSERA_SEED)).unwrap();
    assert_eq!(signer.verifier_key(), TESSERA_KEY);
    let mut tree = Tree::new();
    TESSERA_WORDS.iter().for_each(|word| tree.push(leaf_hash(word.as_bytes())));
    for (size, note) in TESSERA {
        let checkpoint = Checkpoint::open(note, &log).unwrap();
        assert_eq!((checkpoint.size(), *checkpoint.root()), (size, tree.root_at(size).unwrap()));
        assert_eq!(signer.sign(checkpoint.text()).unwrap(), note, "the same bytes as Go's");
    }
}

/// golang.org/x/mod `sumdb/note/note_test.go`.
const PETER: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
const PETER_SEED: &str = "AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
const ENOCH: &str = "EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop";
const TEXT: &str =
    "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n";
const PETER_LINE: &str =
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";
const ENOCH_LINE: &str =
    "— EnochRoot rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5n2tiOHp+vAF1aGrQ5ovTG01oOTGwnWLox33WWd1RvMc+QQ=\n";

fn peter() -> Verifier {
    Verifier::parse(PETER).unwrap()
}

fn enoch() -> Verifier {
    Verifier::parse(ENOCH).unwrap()
}

#[test]
fn go_verifier_keys() {
    assert_eq!(peter().verifier_key(), PETER);
    for from in 0..=PETER.len() {
        for to in from..=PETER.len() {
            if (from, to) != (0, PETER.len()) {
                assert!(Verifier::parse(&PETER[from..to]).is_err(), "{}", &PETER[from..to]);
            }
        }
    }
    for at in 0..PETER.len() {
        let mut mangled = PETER.as_bytes().to_vec();
        mangled[at] += 1;
        let mangled = String::from_utf8(mangled).unwrap();
        assert!(Verifier::parse(&mangled).is_err(), "{mangled}");
    }
    for bad in [
        // Wrong length and unknown algorithm, each with the id adjusted.
        "PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==",
        "PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
    ] {
        assert!(matches!(Verifier::parse(bad), Err(NoteError::VerifierKey { .. })), "{bad}");
    }
    // transparency-dev/formats: a native cosigner key, and bad ones.
    let remora = "remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2";
    assert_eq!(Verifier::parse(remora).unwrap().verifier_key(), remora);
    for bad in ["bananas.sigstore.dev+12344556", "rekor.sigstore.dev+12345678+THIS_IS_NOT_BASE64!"] {
        assert!(Verifier::parse(bad).is_err());
    }
    assert!(Verifier::parse("rekor.sigstore.dev+12345678+AwEB").is_err());
}

#[test]
fn go_signature_byte_for_byte() {
    let signer = Signer::from_seed("PeterNeumann", &go_seed(PETER_SEED)).unwrap();
    assert_eq!(signer.verifier(), peter());
    assert_eq!(signer.sign(TEXT).unwrap(), format!("{TEXT}\n{PETER_LINE}"));
    assert!(matches!(sign("abc", &[&signer]), Err(NoteError::Text { .. })));
    assert!(matches!(Signer::from_seed("a+b", &[1; 32]), Err(NoteError::Name)));
    assert!(matches!(Signer::from_seed("a b", &[1; 32]), Err(NoteError::Name)));
    assert!(!format!("{signer:?}").contains(PETER_SEED));
}

#[test]
fn go_open() {
    let both = format!("{TEXT}\n{PETER_LINE}{ENOCH_LINE}");
    let opened = open(&both, &[peter()]).unwrap();
    assert_eq!((opened.text.as_str(), opened.signed_by), (TEXT, vec![peter()]));
    assert_eq!(open(&both, &[enoch(), peter()]).unwrap().signed_by, [peter(), enoch()]);
    assert!(matches!(open(&both, &[]), Err(NoteError::Unsigned { .. })));
    // A key given twice is the same key; two keys under one label are not.
    assert_eq!(open(&both, &[peter(), peter()]).unwrap().signed_by, [peter()]);
    // Too many signatures.
    let many = format!("{TEXT}\n{}", PETER_LINE.repeat(101));
    assert!(matches!(open(&many, &[peter()]), Err(NoteError::Malformed { .. })));
    assert!(open(&format!("{TEXT}\n{}", PETER_LINE.repeat(100)), &[peter()]).is_ok());
    // A wrong signature of a known key spoils the note; one of an unknown key doesn't.
    let (head, tail) = PETER_LINE.split_at(60);
    let spoilt = format!("{TEXT}\n{head}ABCD{tail}");
    assert!(matches!(open(&spoilt, &[peter()]), Err(NoteError::BadSignature { .. })));
    let (head, tail) = ENOCH_LINE.split_at(60);
    let note = format!("{TEXT}\n{PETER_LINE}{PETER_LINE}{ENOCH_LINE}{head}ABCD{tail}");
    assert_eq!(open(&note, &[peter()]).unwrap().signed_by, [peter()]);
    // Name or id of another.
    let misnamed = PETER_LINE.replace("PeterNeumann", "CarmenSandiego");
    assert!(matches!(open(&format!("{TEXT}\n{misnamed}"), &[peter()]), Err(NoteError::Unsigned { .. })));
    let misnumbered = PETER_LINE.replace("x08g", "xxxx");
    assert!(matches!(open(&format!("{TEXT}\n{misnumbered}"), &[peter()]), Err(NoteError::Unsigned { .. })));
    for bad in [
        TEXT.to_owned(),
        format!("{TEXT}\n"),
        format!("{TEXT}\n{}", PETER_LINE.trim_end()),
        format!("\u{1}{TEXT}\n{PETER_LINE}"),
        format!("{TEXT}\n{}", PETER_LINE.replace("PeterNeumann", "Bad Name")),
        format!("{TEXT}\n{PETER_LINE}Unexpected line.\n"),
        format!("{TEXT}\n— PeterNeumann x08g\n"),
    ] {
        assert!(matches!(open(&bad, &[peter()]), Err(NoteError::Malformed { .. })), "{bad:?}");
    }
}

/// Made with Python's `cryptography` from the seed 00 01 … 1f, after c2sp.org/tlog-cosignature.
#[test]
fn cosignature_of_another_implementation() {
    let seed: [u8; 32] = std::array::from_fn(|i| i as u8);
    let signer = Signer::from_seed("steward.example/a", &seed).unwrap();
    assert_eq!(signer.verifier_key(), "steward.example/a+7750f603+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4");
    let cosigner = "steward.example/a+24652ece+BAOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4";
    assert_eq!(signer.verifier().cosigner().verifier_key(), cosigner);
    let line = "— steward.example/a JGUuzgAAAABkGFDLxYQ7dl4YjJoqP8X5f+kVbcrdj9c2hx8G5aqtUgOOLrsZfZdbwnyN/8XvR2B2YB76Mlj53W7SuPE9QdhJ+Jk7Cg==\n";
    let log = Verifier::parse(TESSERA_KEY).unwrap();
    let checkpoint = Checkpoint::open(&format!("{}{line}", TESSERA[1].1), &log).unwrap();
    let cosigner = Verifier::parse(cosigner).unwrap();
    for who in [&signer.verifier(), &cosigner] {
        let found = checkpoint.cosignatures(std::slice::from_ref(who));
        assert_eq!((found.len(), found[0].time, &found[0].cosigner), (1, 1_679_315_147, &cosigner));
    }
    assert_eq!(open(checkpoint.note(), std::slice::from_ref(&cosigner)).unwrap().signed_by, [cosigner]);
    // Under another checkpoint it is nothing.
    let other = Checkpoint::open(&format!("{}{line}", TESSERA[2].1), &log).unwrap();
    assert!(other.cosignatures(&[signer.verifier()]).is_empty());
}

/// transparency-dev/merkle `proof/tlog_proof_test.go`, and what the specification forbids besides.
#[test]
fn malformed_tlog_proofs() {
    let log = Verifier::parse(TESSERA_KEY).unwrap();
    let tail = TESSERA[1].1;
    let long = BASE64.encode([0; 64]);
    let line = |text: &str| match Receipt::verify(text, b"one", &log) {
        Err(ReceiptError::Line { line, .. }) => line,
        other => panic!("{text}: {other:?}"),
    };
    assert_eq!(line(&format!("wrong-header\nindex 0\n\n{tail}")), 1);
    assert_eq!(line(&format!("c2sp.org/tlog-proof@v1\nextra !!notbase64!!\nindex 0\n\n{tail}")), 2);
    assert_eq!(line(&format!("c2sp.org/tlog-proof@v1\n\n\n{tail}")), 2);
    for index in ["notanumber", "-5", "+5", "05", "", "18446744073709551616"] {
        assert_eq!(line(&format!("c2sp.org/tlog-proof@v1\nindex {index}\n\n{tail}")), 2, "{index}");
    }
    assert_eq!(line(&format!("c2sp.org/tlog-proof@v1\nindex 0\n!!notbase64!!\n\n{tail}")), 3);
    assert_eq!(line(&format!("c2sp.org/tlog-proof@v1\nindex 0\n{long}\n\n{tail}")), 3);
    let short = BASE64.encode([0; 32]);
    let many = format!("{short}\n").repeat(65);
    assert_eq!(line(&format!("c2sp.org/tlog-proof@v1\nindex 0\n{many}\n{tail}")), 67);
    assert_eq!(line("c2sp.org/tlog-proof@v1\nindex 0\n"), 1);
}

#[test]
fn malformed_checkpoints() {
    let signer = common::signer();
    let open = |text: &str| Checkpoint::open(&signer.sign(text).unwrap(), &signer.verifier());
    let root = BASE64.encode([1; 32]);
    let origin = common::ORIGIN;
    assert!(open(&format!("{origin}\n5\n{root}\n")).is_ok());
    assert!(open(&format!("{origin}\n5\n{root}\nextension\n")).is_ok());
    for (bad, line) in [
        (format!("\n5\n{root}\n"), 1),
        (format!("{origin}\n05\n{root}\n"), 2),
        (format!("{origin}\n+5\n{root}\n"), 2),
        (format!("{origin}\n\n{root}\n"), 2),
        (format!("{origin}\n18446744073709551616\n{root}\n"), 2),
        (format!("{origin}\n5\n"), 3),
        (format!("{origin}\n5\n{}\n", BASE64.encode([1; 31])), 3),
        (format!("{origin}\n5\n{}\n", root.trim_end_matches('=')), 3),
        (format!("{origin}\n5\n{root}\n\nx\n"), 4),
    ] {
        assert!(matches!(open(&bad), Err(CheckpointError::Line { line: at, .. }) if at == line), "{bad:?}");
    }
    let other = format!("other.example/log\n5\n{root}\n");
    assert!(matches!(open(&other), Err(CheckpointError::Origin { .. })));
}
