//! What somebody would try who holds the folder, a copy of it, or even the log key.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod common;

use audit_log::log::add_cosignature;
use audit_log::note::open;
use audit_log::storage::faulty::Disk;
use audit_log::{
    Checkpoint, CosignError, Event, EventError, Log, LogError, Posix, Receipt, ReceiptError, Signer, Storage, Verifier,
    View, cosign,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use common::{NOW, ORIGIN, event, log, signer, steward};

fn verify(disk: &Disk) -> Result<View, LogError> {
    View::load(disk, &signer().verifier())
}

fn files(disk: &Disk) -> Vec<String> {
    disk.list().unwrap()
}

fn content(disk: &Disk, file: &str) -> Vec<u8> {
    disk.read(file).unwrap().unwrap()
}

#[test]
fn every_flipped_byte_is_found() {
    let disk = Disk::new();
    drop(log(&disk, &[2, 5]));
    for file in files(&disk) {
        let bytes = content(&disk, &file);
        for at in 0..bytes.len() {
            for bit in [0x01, 0x20, 0x80] {
                let mut changed = bytes.clone();
                changed[at] ^= bit;
                let copy = disk.copy();
                copy.tamper(&file, Some(&changed));
                let error = verify(&copy).map(|_| ()).expect_err(&file);
                assert!(error.is_integrity(), "{file} byte {at}: {error}");
                // The file is named; which of two disagreeing files is at fault can't be known.
                assert!(error.to_string().contains("file '"), "{error}");
            }
        }
    }
}

#[test]
fn every_missing_cut_or_swapped_file_is_found() {
    let disk = Disk::new();
    drop(log(&disk, &[2, 5, 300, 301]));
    let all = files(&disk);
    for file in &all {
        let bytes = content(&disk, file);
        for changed in [None, Some(&bytes[..bytes.len() - 1]), Some(&bytes[..bytes.len() / 2]), Some(b"".as_slice())] {
            let copy = disk.copy();
            copy.tamper(file, changed);
            match verify(&copy) {
                Err(LogError::NotALog) => assert_eq!((file.as_str(), changed), ("checkpoint", None)),
                Err(error) => assert!(error.is_integrity(), "{file}: {error}"),
                // Earlier checkpoints are kept for their cosignatures; the log stands without.
                Ok(_) => assert!(file.starts_with("checkpoints/") && changed.is_none(), "{file}"),
            }
        }
        for other in all.iter().filter(|other| *other != file) {
            let copy = disk.copy();
            copy.tamper(file, Some(&content(&disk, other)));
            assert!(verify(&copy).is_err(), "{other} as {file}");
        }
    }
}

#[test]
fn an_altered_entry_is_named() {
    let disk = Disk::new();
    drop(log(&disk, &[2, 5]));
    let file = "tile/entries/000.p/5";
    let mut bytes = content(&disk, file);
    let at = bytes.windows(9).position(|w| w == b"\"batch\":4").unwrap() + 8;
    bytes[at] = b'5';
    disk.tamper(file, Some(&bytes));
    // The hash tile still holds the hash of the true entry 4.
    match verify(&disk) {
        Err(LogError::Mismatch { file, index: 4 }) => assert_eq!(file, "tile/0/000.p/5"),
        other => panic!("{other:?}"),
    }
}

/// Everything recomputed, but the log key isn't at hand.
#[test]
fn a_rewritten_history_is_bracketed_by_checkpoints() {
    let (truth, forged) = (Disk::new(), Disk::new());
    drop(log(&truth, &[2, 5, 9]));
    let mut other = Log::create(forged.clone(), ORIGIN, signer()).unwrap();
    for index in 0..9 {
        let batch = if index == 6 { 77 } else { index };
        let event = if index == 6 { Event::Withdrawal { batch, manifest: None } } else { event(index) };
        other.append(&event, NOW).unwrap();
        if [2, 5, 9].contains(&other.size()) {
            other.checkpoint().unwrap();
        }
    }
    drop(other);
    for file in files(&truth).iter().filter(|file| file.starts_with("checkpoint")) {
        forged.tamper(file, Some(&content(&truth, file)));
    }
    match verify(&forged) {
        Err(LogError::Root { file, size: 9, since: 5 }) => assert_eq!(file, "checkpoint"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_reaches_beyond_the_checkpoint_is_an_error() {
    let disk = Disk::new();
    drop(log(&disk, &[2, 5]));
    // The old checkpoint back, the newer files left.
    let back = disk.copy();
    back.tamper("checkpoint", Some(&content(&disk, "checkpoints/2")));
    assert!(matches!(verify(&back), Err(LogError::Beyond { .. })));
    // An entry waiting out of turn.
    let gap = disk.copy();
    gap.tamper("pending/6", Some(b"x"));
    assert!(matches!(verify(&gap), Err(LogError::Malformed { .. })));
    let gap = disk.copy();
    let third = disk.copy();
    let mut writer = Log::open(third.clone(), signer()).unwrap();
    writer.append(&event(5), NOW).unwrap();
    gap.tamper("pending/6", Some(&content(&third, "pending/5")));
    assert!(matches!(verify(&gap), Err(LogError::Beyond { size: 5, .. })));
    let twice = disk.copy();
    twice.tamper("pending/3", Some(&content(&third, "pending/5")));
    assert!(matches!(verify(&twice), Err(LogError::Mismatch { index: 3, .. })));
    // Files that no log has.
    for (file, bytes) in
        [("tile/0/000.p/6", [1; 192].as_slice()), ("tile/1/000.p/1", &[1; 32]), ("tile/7/000", &[1; 8192])]
    {
        let copy = disk.copy();
        copy.tamper(file, Some(bytes));
        assert!(matches!(verify(&copy), Err(LogError::Beyond { .. })), "{file}");
    }
    for file in ["tile/0/000.p/05", "tile/x", "checkpoints/02", "pending/x", "tile/entries/000.p/5.bak"] {
        let copy = disk.copy();
        copy.tamper(file, Some(b"x"));
        assert!(matches!(verify(&copy), Err(LogError::Foreign { .. })), "{file}");
    }
}

/// With the log key a shorter or another history can be signed; only who remembers finds out.
#[test]
fn a_steward_refuses_rollback_and_fork() {
    let disk = Disk::new();
    drop(log(&disk, &[2, 5]));
    let seen = verify(&disk).unwrap().checkpoint().note().to_owned();

    let rolled = Disk::new();
    drop(log(&rolled, &[2]));
    let view = verify(&rolled).unwrap();
    let refused = cosign(&view, Some(&seen), &steward(1), 1);
    assert_eq!(refused, Err(CosignError::Rollback { seen: 5, shown: 2 }));

    let forked = Disk::new();
    let mut other = Log::create(forked.clone(), ORIGIN, signer()).unwrap();
    for batch in 0..7 {
        other.append(&Event::Withdrawal { batch, manifest: None }, NOW).unwrap();
    }
    other.checkpoint().unwrap();
    let view = verify(&forked).unwrap();
    let refused = cosign(&view, Some(&seen), &steward(1), 1);
    assert_eq!(refused, Err(CosignError::Fork { seen: 5 }));

    // A checkpoint of another log is no memory of this one.
    let stranger = Signer::from_seed(ORIGIN, &[9; 32]).unwrap();
    let foreign = stranger.sign(verify(&disk).unwrap().checkpoint().text()).unwrap();
    assert!(matches!(cosign(&view, Some(&foreign), &steward(1), 1), Err(CosignError::LastSeen(_))));
    assert_eq!(cosign(&view, None, &steward(1), u64::MAX), Err(CosignError::Time));

    // The honest log goes on.
    drop(Log::open(disk.clone(), signer()).map(|mut log| {
        log.append(&event(5), NOW).unwrap();
        log.checkpoint().unwrap()
    }));
    assert!(cosign(&verify(&disk).unwrap(), Some(&seen), &steward(1), 1).is_ok());
}

#[test]
fn cosignatures_count_only_for_their_checkpoint_and_once_per_key() {
    let disk = Disk::new();
    let mut log = log(&disk, &[2]);
    let who: Vec<Verifier> = [1, 2, 3].map(|n| steward(n).verifier()).into();
    let first = cosign(&verify(&disk).unwrap(), None, &steward(1), 1000).unwrap();
    log.add_cosignature(&first, &who).unwrap();
    log.append(&event(2), NOW).unwrap();
    log.checkpoint().unwrap();
    assert_eq!(log.receipt(0).unwrap().cosigned_by(&who), 0, "the new checkpoint has none");
    assert_eq!(log.receipt_cosigned(0, &who, 1).unwrap().cosigned_by(&who), 1);
    assert_eq!(log.receipt_cosigned(0, &who, 1).unwrap().checkpoint().size(), 2);
    let lacking = log.receipt_cosigned(2, &who, 1);
    assert!(matches!(lacking, Err(LogError::Cosignatures { index: 2, needed: 1, found: 0 })));
    let lacking = log.receipt_cosigned(0, &who, 2);
    assert!(matches!(lacking, Err(LogError::Cosignatures { index: 0, needed: 2, found: 1 })));

    // A line that comes late, for an earlier checkpoint, is stored there.
    let earlier = View::load(&disk, &log.verifier()).unwrap().earlier()[&2].clone();
    let shown = Disk::new();
    drop(common::log(&shown, &[2]));
    assert_eq!(verify(&shown).unwrap().checkpoint().text(), earlier.text());
    let second = cosign(&verify(&shown).unwrap(), None, &steward(2), 2000).unwrap();
    assert_eq!(log.add_cosignature(&second, &who).unwrap().size(), 2);
    assert_eq!(log.receipt_cosigned(1, &who, 2).unwrap().cosigned_by(&who), 2);

    // Again, older: nothing changes. Again, newer: the old line goes.
    let newer = cosign(&verify(&shown).unwrap(), None, &steward(2), 3000).unwrap();
    assert_eq!(log.add_cosignature(&newer, &who).unwrap().note().lines().count(), 7);
    assert_eq!(log.add_cosignature(&second, &who).unwrap().note().lines().count(), 7);
    assert_eq!(log.receipt_cosigned(1, &who, 2).unwrap().checkpoint().cosignatures(&who)[1].time, 3000);

    // One key under two names is one cosigner.
    let alias = Signer::from_seed("alias.example", &[101; 32]).unwrap();
    let twice = [steward(1).verifier(), alias.verifier()];
    let line = cosign(&verify(&shown).unwrap(), None, &alias, 1).unwrap();
    log.add_cosignature(&line, &twice).unwrap();
    assert_eq!(log.receipt_cosigned(0, &twice, 1).unwrap().cosigned_by(&twice), 1);
    assert!(log.receipt_cosigned(0, &twice, 2).is_err());

    // Strangers, stolen names and other checkpoints are refused.
    let stranger = cosign(&verify(&shown).unwrap(), None, &steward(9), 1).unwrap();
    let impostor = Signer::from_seed("steward.example/3", &[1; 32]).unwrap();
    let stolen = cosign(&verify(&shown).unwrap(), None, &impostor, 1).unwrap();
    let elsewhere = Disk::new();
    drop(common::log(&elsewhere, &[1]));
    let other = cosign(&verify(&elsewhere).unwrap(), None, &steward(3), 1).unwrap();
    let mut forged = second.clone().into_bytes();
    let last = forged.len() - 10;
    forged[last] = if forged[last] == b'A' { b'B' } else { b'A' };
    for line in [stranger, stolen, other, String::from_utf8(forged).unwrap()] {
        let refused = log.add_cosignature(&line, &who);
        assert!(matches!(refused, Err(LogError::Cosign(CosignError::Unknown { .. }))), "{line}");
    }
    assert!(matches!(log.add_cosignature("x", &who), Err(LogError::Cosign(CosignError::Line(_)))));

    // Everything is on disk.
    drop(log);
    let view = verify(&disk).unwrap();
    assert_eq!(view.prove_cosigned(0, &who, 2).unwrap().cosigned_by(&who), 2);
    let line = cosign(&view, None, &steward(3), 5).unwrap();
    add_cosignature(disk.clone(), &signer().verifier(), &line, &who).unwrap();
    assert_eq!(verify(&disk).unwrap().cosignatures(&who).len(), 1);
}

#[test]
fn a_cosignature_is_no_note_and_a_note_no_cosignature() {
    let disk = Disk::new();
    drop(log(&disk, &[2]));
    let view = verify(&disk).unwrap();
    let (steward, text) = (steward(1), view.checkpoint().text());
    let line = cosign(&view, None, &steward, 1000).unwrap();
    let bytes = BASE64.decode(line.rsplit(' ').next().unwrap()).unwrap();
    // The cosigned message as a note under the same key, type 0x01.
    let message = format!("cosignature/v1\ntime 1000\n{text}");
    assert!(steward.sign(&message).is_err());
    let key = BASE64.decode(steward.verifier_key().splitn(3, '+').nth(2).unwrap()).unwrap();
    let id: Vec<u8> = audit_log::digest::sha256(&[steward.name().as_bytes(), b"\n", &key].concat())[..4].to_vec();
    let signature = BASE64.encode([id.as_slice(), &bytes[12..]].concat());
    let forged = format!("{message}\n\u{2014} {} {signature}\n", steward.name());
    assert!(open(&forged, &[steward.verifier()]).is_err());
    // A note signature of the checkpoint is no cosignature.
    let noted = steward.sign(text).unwrap();
    let mixed = format!("{}{}", view.checkpoint().note(), noted.rsplit_once("\n\n").unwrap().1);
    let mixed = Checkpoint::open(&mixed, &signer().verifier()).unwrap();
    assert!(mixed.cosignatures(&[steward.verifier()]).is_empty());
}

#[test]
fn a_receipt_fits_one_entry_of_one_log() {
    let disk = Disk::new();
    let log = log(&disk, &[3, 7]);
    let entries = log.entries().to_vec();
    let verifier = log.verifier();
    let proof = log.receipt(4).unwrap().to_proof_text();
    assert!(Receipt::verify(&proof, &entries[4].bytes, &verifier).is_ok());
    for entry in entries.iter().filter(|entry| entry.index != 4) {
        let refused = Receipt::verify(&proof, &entry.bytes, &verifier);
        assert!(matches!(refused, Err(ReceiptError::Inclusion { index: 4, .. })));
    }
    for index in [0, 3, 5, 6, 7, u64::MAX] {
        let moved = proof.replace("index 4\n", &format!("index {index}\n"));
        assert!(Receipt::verify(&moved, &entries[4].bytes, &verifier).is_err());
    }
    // Another log's key, and the same key under another name.
    for other in [Signer::from_seed(ORIGIN, &[9; 32]), Signer::from_seed("other.example", &[7; 32])] {
        let refused = Receipt::verify(&proof, &entries[4].bytes, &other.unwrap().verifier());
        assert!(matches!(refused, Err(ReceiptError::Checkpoint(_))));
    }
    for at in 0..proof.len() {
        let mut changed = proof.clone().into_bytes();
        changed[at] ^= 0x01;
        if let Ok(changed) = String::from_utf8(changed) {
            assert!(Receipt::verify(&changed, &entries[4].bytes, &verifier).is_err(), "byte {at}");
        }
    }
    // Extra data is unsigned: allowed, ignored.
    let extra = proof.replacen("index", &format!("extra {}\nindex", BASE64.encode("anything")), 1);
    assert_eq!(Receipt::verify(&extra, &entries[4].bytes, &verifier).unwrap(), log.receipt(4).unwrap());
    let mut log = log;
    let index = log.append(&event(7), NOW).unwrap();
    assert!(matches!(log.receipt(index), Err(LogError::Unpublished { index: 7, size: 7 })));
    assert!(matches!(log.receipt(8), Err(LogError::Proof(_))));
    assert_eq!(verify(&disk).unwrap().entries().len(), 7, "what is not published isn't shown");
    assert!(verify(&disk).unwrap().prove(7).is_err());
}

#[test]
fn entries_that_are_no_events() {
    let disk = Disk::new();
    let mut log = log(&disk, &[1]);
    let canary = "Invented Person";
    let bad = Event::Refusal { request: "00112233445566aa".into(), code: canary.into() };
    let error = log.append(&bad, NOW).unwrap_err();
    assert!(matches!(error, LogError::Event(EventError::Field { field: "code", .. })));
    assert!(!format!("{error} {error:?}").contains("Invented"));
    let bad = Event::Snapshot { snapshot: canary.into(), linkage: 0 };
    assert!(log.append(&bad, NOW).is_err());
    for time in [
        "",
        "2026-04-01",
        "2026-02-29T00:00:00Z",
        "2026-04-01T24:00:00Z",
        "2026-04-01T09:00:00",
        "2026-04-01T09:00:00.Z",
    ] {
        assert!(matches!(log.append(&event(1), time), Err(LogError::Event(EventError::Time))), "{time}");
    }
    for time in ["2028-02-29T23:59:60Z", "2026-04-01T09:00:00.123456789+09:00"] {
        log.append(&event(1), time).unwrap();
    }
    let release =
        Event::Release { intent: 0, request: "00112233445566aa".into(), answer: "aa".repeat(32), slot: NOW.into() };
    let dangling = log.append(&release, NOW);
    assert!(matches!(dangling, Err(LogError::Event(EventError::Reference { field: "intent", index: 0, .. }))));
    let long = signer().sign(&"x\n".repeat(33_000)).unwrap();
    let large = Event::Request { request: "00112233445566aa".into(), note: long };
    assert!(matches!(log.append(&large, NOW), Err(LogError::Event(EventError::TooLarge { .. }))));
    log.checkpoint().unwrap();
    drop(log);
    // Signed, but not an event: whoever holds the key can't smuggle fields in.
    for entry in [
        r#"{"time":"2026-04-01T09:00:00Z","event":"withdrawal","batch":1,"note":"Invented Person"}"#,
        r#"{"time":"2026-04-01T09:00:00Z","event":"gossip","name":"Invented Person"}"#,
        r#"{"time":"2026-04-01T09:00:00Z","event":"withdrawal","batch":"Invented Person"}"#,
        r#"{"time":"2026-04-01T09:00:00Z","event":"withdrawal","batch":1,"manifest":7}"#,
        r#"{"time":"a","time":"b","event":"withdrawal","batch":1}"#,
        r#"{"event":"withdrawal","batch":1}"#,
        r#"{"time":"2026-04-01T09:00:00Z","event":"withdrawal","batch":1,"batch":2}"#,
        "Invented Person",
    ] {
        let copy = disk.copy();
        let hash = audit_log::digest::hex(&audit_log::merkle::leaf_hash(entry.as_bytes()));
        copy.tamper("pending/3", Some(format!("{hash}\n{entry}").as_bytes()));
        let error = Log::open(copy, signer()).unwrap_err();
        assert!(matches!(error, LogError::Entry { index: 3, .. }), "{entry}: {error}");
        assert!(!format!("{error} {error:?}").contains("Invented"), "{error:?}");
    }
}

#[test]
fn one_writer_at_a_time() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("room/log");
    assert!(matches!(Log::open(Posix::new(&path), signer()), Err(LogError::NotALog)));
    assert!(!path.exists(), "opening makes nothing");
    let mut log = Log::create(Posix::new(&path), ORIGIN, signer()).unwrap();
    assert!(matches!(Log::open(Posix::new(&path), signer()), Err(LogError::Busy)));
    assert!(matches!(Log::create(Posix::new(&path), ORIGIN, signer()), Err(LogError::Busy)));
    log.append(&event(0), NOW).unwrap();
    log.checkpoint().unwrap();
    let verifier = log.verifier();
    let view = View::open(&path, &verifier).unwrap();
    let line = cosign(&view, None, &steward(1), 5).unwrap();
    let who = [steward(1).verifier()];
    assert!(matches!(add_cosignature(Posix::new(&path), &verifier, &line, &who), Err(LogError::Busy)));
    drop(log);
    add_cosignature(Posix::new(&path), &verifier, &line, &who).unwrap();
    assert!(matches!(Log::create(Posix::new(&path), ORIGIN, signer()), Err(LogError::Exists { .. })));
    let log = Log::open(Posix::new(&path), signer()).unwrap();
    assert_eq!(log.receipt(0).unwrap().cosigned_by(&who), 1);
    let other = Signer::from_seed("other.example", &[7; 32]).unwrap();
    assert!(matches!(Log::create(Disk::new(), ORIGIN, other), Err(LogError::Origin { .. })));
}

#[cfg(unix)]
#[test]
fn links_are_not_followed() {
    let dir = tempfile::tempdir().unwrap();
    let mut log = Log::create(Posix::new(dir.path()), ORIGIN, signer()).unwrap();
    log.append(&event(0), NOW).unwrap();
    log.checkpoint().unwrap();
    let verifier = log.verifier();
    drop(log);
    let tile = dir.path().join("tile/0/000.p/1");
    std::fs::rename(&tile, dir.path().join("elsewhere")).unwrap();
    std::os::unix::fs::symlink(dir.path().join("elsewhere"), &tile).unwrap();
    assert!(
        matches!(View::open(dir.path(), &verifier), Err(LogError::Malformed { file, .. }) if file == "tile/0/000.p/1")
    );
}
