//! Laws: every proof verifies, no changed proof does; names and bytes of tiles come back; no input panics.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod common;

use audit_log::digest::{Hash, hex, parse_hex};
use audit_log::merkle::{CompactRange, Tree, leaf_hash, verify_consistency, verify_inclusion};
use audit_log::note::open;
use audit_log::storage::faulty::Disk;
use audit_log::tile::{Level, Tile, split_bundle};
use audit_log::{Checkpoint, Receipt, Signer, Verifier, View};
use proptest::prelude::*;

const MOST: u64 = 70;

fn tree(size: u64) -> (Tree, Vec<Hash>) {
    let (mut tree, mut range) = (Tree::new(), CompactRange::new());
    let mut roots = vec![range.root()];
    for index in 0..size {
        let leaf = leaf_hash(&index.to_be_bytes());
        tree.push(leaf);
        range.push(leaf);
        roots.push(range.root());
    }
    (tree, roots)
}

#[test]
fn every_inclusion_proof_verifies_only_for_its_place() {
    let (tree, roots) = tree(MOST);
    for size in 1..=MOST {
        let root = roots[size as usize];
        assert_eq!(tree.root_at(size).unwrap(), root);
        for index in 0..size {
            let leaf = leaf_hash(&index.to_be_bytes());
            let proof = tree.inclusion(index, size).unwrap();
            assert!(verify_inclusion(&leaf, index, size, &proof, &root).is_ok(), "{index} of {size}");
            for other in 0..size {
                let as_other = verify_inclusion(&leaf, other, size, &proof, &root);
                assert_eq!(as_other.is_ok(), other == index, "{index} of {size} as {other}");
            }
        }
        assert!(tree.inclusion(size, size).is_err());
        assert!(tree.inclusion(0, MOST + size).is_err());
    }
}

#[test]
fn every_consistency_proof_verifies_only_for_its_sizes() {
    let (tree, roots) = tree(MOST);
    for new in 1..=MOST {
        for old in 1..=new {
            let proof = tree.consistency(old, new).unwrap();
            let ok = |old_root: u64, new_root: u64| {
                let (old_root, new_root) = (&roots[old_root as usize], &roots[new_root as usize]);
                verify_consistency(old, old_root, new, new_root, &proof).is_ok()
            };
            assert!(ok(old, new), "{old} to {new}");
            assert!(!ok(old - 1, new) && !ok(old, new - 1));
        }
        assert!(tree.consistency(0, new).is_err());
        assert!(tree.consistency(new, new - 1).is_err());
        assert!(tree.consistency(new, MOST + 1).is_err());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_flipped_bit_breaks_an_inclusion_proof(size in 1_u64..3000, pick in any::<u64>(), at in any::<prop::sample::Index>(), bit in 0_usize..256) {
        let (tree, roots) = tree(size);
        let index = pick % size;
        let (leaf, root) = (leaf_hash(&index.to_be_bytes()), roots[size as usize]);
        let mut hashes = tree.inclusion(index, size).unwrap();
        prop_assert!(verify_inclusion(&leaf, index, size, &hashes, &root).is_ok());
        hashes.extend([leaf, root]);
        let count = hashes.len();
        hashes[at.index(count)][bit / 8] ^= 1 << (bit % 8);
        let (root, leaf) = (hashes.pop().unwrap(), hashes.pop().unwrap());
        prop_assert!(verify_inclusion(&leaf, index, size, &hashes, &root).is_err());
    }

    #[test]
    fn a_flipped_bit_breaks_a_consistency_proof(new in 2_u64..3000, pick in any::<u64>(), at in any::<prop::sample::Index>(), bit in 0_usize..256) {
        let (tree, roots) = tree(new);
        let old = 1 + pick % (new - 1);
        let mut hashes = tree.consistency(old, new).unwrap();
        hashes.extend([roots[old as usize], roots[new as usize]]);
        let count = hashes.len();
        hashes[at.index(count)][bit / 8] ^= 1 << (bit % 8);
        let (new_root, old_root) = (hashes.pop().unwrap(), hashes.pop().unwrap());
        prop_assert!(verify_consistency(old, &old_root, new, &new_root, &hashes).is_err());
    }

    #[test]
    fn verifiers_survive_any_numbers(a in any::<u64>(), b in any::<u64>(), proof in prop::collection::vec(any::<[u8; 32]>(), 0..70), hash in any::<[u8; 32]>()) {
        prop_assert!(verify_inclusion(&hash, a, b, &proof, &hash).is_err() || (b == 1 && a == 0 && proof.is_empty()));
        let same = a == b && a > 0 && proof.is_empty();
        prop_assert_eq!(verify_consistency(a, &hash, b, &hash, &proof).is_ok(), same);
    }

    #[test]
    fn tile_names_come_back(level in 0_u8..64, entries in any::<bool>(), index in any::<u64>(), small in any::<bool>(), width in 1_u16..=256) {
        let level = if entries { Level::Entries } else { Level::Hashes(level) };
        let tile = Tile { level, index: if small { index % 3000 } else { index }, width };
        prop_assert_eq!(Tile::parse(&tile.path()), Some(tile));
    }

    #[test]
    fn no_text_panics(text in "\\PC{0,200}", bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let log = common::signer().verifier();
        let _ = Tile::parse(&format!("tile/{text}"));
        let _ = Verifier::parse(&text);
        let _ = open(&format!("{text}\n\n\u{2014} {text}\n"), std::slice::from_ref(&log));
        let _ = Checkpoint::open(&text, &log);
        let _ = Receipt::verify(&format!("c2sp.org/tlog-proof@v1\nindex 0\n{text}\n\n{text}"), &bytes, &log);
        let _ = split_bundle(&bytes);
        let _ = parse_hex(&text);
    }

    #[test]
    fn notes_come_back(text in "[^\\p{Cc}]{0,80}", seed in any::<[u8; 32]>(), flip in any::<prop::sample::Index>()) {
        let text = format!("{text}\n\n{text}\n");
        let signer = Signer::from_seed("somebody.example", &seed).unwrap();
        let note = signer.sign(&text).unwrap();
        let opened = open(&note, &[signer.verifier()]).unwrap();
        prop_assert_eq!(&opened.text, &text);
        // Any other text under the same signature is refused.
        let mut chars: Vec<char> = text.chars().collect();
        let at = flip.index(chars.len() - 1);
        chars[at] = if chars[at] == 'x' { 'y' } else { 'x' };
        let changed: String = chars.into_iter().collect();
        prop_assert!(open(&note.replacen(&text, &changed, 1), &[signer.verifier()]).is_err());
    }

    #[test]
    fn hex_comes_back(hash in any::<[u8; 32]>()) {
        prop_assert_eq!(parse_hex(&hex(&hash)), Some(hash));
        prop_assert_eq!(parse_hex(&hex(&hash).replace(['a', 'b', 'c', 'd', 'e', 'f'], "A")), hex(&hash).bytes().all(|b| b.is_ascii_digit()).then_some(hash));
    }
}

#[test]
fn tile_names_of_the_specification() {
    let tile = Tile { level: Level::Hashes(0), index: 1_234_067, width: 256 };
    assert_eq!(tile.path(), "tile/0/x001/x234/067");
    let tile = Tile { level: Level::Entries, index: 273, width: 112 };
    assert_eq!(tile.path(), "tile/entries/273.p/112");
    for bad in [
        "tile/64/000",
        "tile/00/000",
        "tile/0/00",
        "tile/0/1000",
        "tile/0/x000/000",
        "tile/0/000/000",
        "tile/0/000.p/256",
        "tile/0/000.p/0",
        "tile/0/000.p/01",
        "tile/-1/000",
        "tile/0/x001/x234",
        "tile/0/0a0",
        "tile//000",
        "tile/0/",
        "tile/0/x018/x446/x744/x073/x709/x551/616",
    ] {
        assert_eq!(Tile::parse(bad), None, "{bad}");
    }
}

#[test]
fn receipts_of_every_entry_at_every_checkpoint() {
    let disk = Disk::new();
    let log = common::log(&disk, &[1, 2, 3, 200, 255, 256, 257, 300, 511, 512, 600]);
    let verifier = log.verifier();
    let view = View::load(&disk, &verifier).unwrap();
    assert_eq!((view.size(), view.earlier().len()), (600, 10));
    for entry in view.entries() {
        let receipt = view.prove(entry.index).unwrap();
        assert_eq!(receipt, log.receipt(entry.index).unwrap());
        let text = receipt.to_proof_text();
        let again = Receipt::verify(&text, &entry.bytes, &verifier).unwrap();
        assert_eq!((again.index(), again.event(), again.time()), (entry.index, &entry.event, common::NOW));
        assert_eq!(again, receipt);
    }
    for (old, checkpoint) in view.earlier() {
        let proof = view.consistency(*old, 600).unwrap();
        let now = view.checkpoint();
        verify_consistency(*old, checkpoint.root(), now.size(), now.root(), &proof).unwrap();
    }
    // Partial tiles are gone where the full one stands.
    let files = audit_log::Storage::list(&disk).unwrap();
    assert!(files.iter().all(|f| !f.starts_with("tile/entries/000.p/") && !f.starts_with("pending/")), "{files:?}");
}
