//! Sealing and opening, and all the ways in which that must fail.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::*;

fn sealed(role: Role) -> (tempfile::TempDir, PathBuf, Identity, Passphrase) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("id.age");
    let identity = Identity::generate("北の健保", role).unwrap();
    let passphrase = Passphrase::generate().unwrap();
    identity.seal(&path, &passphrase, SealCost::MachineGenerated).unwrap();
    (dir, path, identity, passphrase)
}

fn files_in(dir: &Path) -> Vec<String> {
    fs::read_dir(dir).unwrap().map(|f| f.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn an_identity_comes_back_whole() {
    for role in Role::ALL {
        let (dir, path, made, passphrase) = sealed(role);
        // As a file would hold it: with a line end.
        let typed = Passphrase::from_string(format!("{}\n", passphrase.expose()));
        let opened = Identity::open(&path, &typed).unwrap();
        assert_eq!(opened.name(), made.name());
        assert_eq!(opened.role(), role);
        assert_eq!(opened.recipient(), made.recipient());
        assert!(opened.recipient().starts_with("age1"));
        assert_eq!(opened.signing_seed(), made.signing_seed());
        assert_eq!(opened.log_seed(), made.log_seed());
        assert_eq!(opened.log_seed().is_some(), role == Role::Room);
        let digest = |i: &Identity| i.room_key().map(|k| k.digest(b"same key"));
        assert_eq!(digest(&opened), digest(&made));
        assert_eq!(digest(&opened).is_some(), role == Role::Room);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);
        assert_eq!(files_in(dir.path()), ["id.age"], "no litter");
        assert_eq!(role.to_string().parse(), Ok(role));
    }
    assert_eq!("admin".parse::<Role>(), Err(identity::UnknownRole));
}

#[test]
fn nothing_secret_is_in_the_file_or_in_debug() {
    let (_dir, path, identity, passphrase) = sealed(Role::Room);
    let bytes = fs::read(&path).unwrap();
    let shown = format!("{identity:?} {passphrase:?} {:?} {:?}", identity.room_key(), LinkageKey::generate());
    let seeds = [identity.signing_seed(), identity.log_seed().unwrap()];
    for seed in seeds {
        let hex = crate::kdf::hex(seed);
        for secret in [&seed[..], hex.as_bytes()] {
            assert!(!bytes.windows(secret.len()).any(|w| w == secret));
            assert!(!shown.as_bytes().windows(secret.len()).any(|w| w == secret));
        }
        assert!(!shown.contains(&format!("{seed:?}")));
    }
    assert!(!shown.contains("AGE-SECRET") && !shown.contains(passphrase.expose()));
    assert!(!String::from_utf8_lossy(&bytes).contains("健保"), "not even the name");
}

#[test]
fn a_file_that_others_can_read_is_refused() {
    let (_dir, path, _, passphrase) = sealed(Role::Source);
    for mode in [0o640, 0o604, 0o660, 0o644, 0o610, 0o777] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        let error = Identity::open(&path, &passphrase).unwrap_err();
        assert!(matches!(error, KeyError::File(FileError::Mode { mode: m, .. }) if m == mode), "{error}");
        assert!(error.to_string().contains("chmod 600"));
    }
    for mode in [0o600, 0o400] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        assert!(Identity::open(&path, &passphrase).is_ok());
    }
}

#[test]
fn what_is_wrong_is_said() {
    let (dir, path, identity, passphrase) = sealed(Role::Steward);
    let other = Passphrase::generate().unwrap();
    assert!(matches!(Identity::open(&path, &other), Err(KeyError::WrongPassphrase(_))));
    assert!(matches!(
        identity.seal(&path, &passphrase, SealCost::MachineGenerated),
        Err(KeyError::File(FileError::Exists(_)))
    ));
    // Low cost is for generated passphrases only; a short one is never enough.
    let human = Passphrase::from_string("correct horse battery staple".into());
    let fresh = dir.path().join("fresh");
    assert!(matches!(identity.seal(&fresh, &human, SealCost::MachineGenerated), Err(KeyError::NotGenerated)));
    let short = Passphrase::from_string("あいうえおかきくけこさ".into());
    assert!(matches!(identity.seal(&fresh, &short, SealCost::Human), Err(KeyError::ShortPassphrase(12))));
    assert!(!fresh.exists());

    let good = fs::read(&path).unwrap();
    for at in [0, 30, good.len() / 2, good.len() - 1] {
        let mut bad = good.clone();
        bad[at] ^= 1;
        fs::write(&path, &bad).unwrap();
        assert!(Identity::open(&path, &passphrase).is_err(), "byte {at}");
    }
    fs::write(&path, &good[..good.len() - 1]).unwrap();
    assert!(matches!(Identity::open(&path, &passphrase), Err(KeyError::Damaged(_))));
    fs::write(&path, b"not age").unwrap();
    assert!(matches!(Identity::open(&path, &passphrase), Err(KeyError::Damaged(_))));
    for name in ["", " a", "a\nrole steward", "a\u{7}", &"長".repeat(101)] {
        assert!(matches!(Identity::generate(name, Role::Source), Err(KeyError::Name)), "{name:?}");
    }
}

#[test]
fn a_human_passphrase_costs_work() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("id.age");
    let identity = Identity::generate("steward", Role::Steward).unwrap();
    let passphrase = Passphrase::from_string("correct horse battery staple".into());
    identity.seal(&path, &passphrase, SealCost::Human).unwrap();
    let header = String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned();
    let stanza = header.lines().find(|l| l.starts_with("-> scrypt")).unwrap().to_owned();
    let log_n: u32 = stanza.rsplit(' ').next().unwrap().parse().unwrap();
    assert!(log_n >= 14, "{stanza}");
    assert!(Identity::open(&path, &passphrase).is_ok());
}

#[test]
fn generated_passphrases_have_160_bits_and_are_not_alike() {
    let all: Vec<Passphrase> = (0..200).map(|_| Passphrase::generate().unwrap()).collect();
    let distinct: std::collections::HashSet<&str> = all.iter().map(Passphrase::expose).collect();
    assert_eq!(distinct.len(), 200);
    let letters: std::collections::HashSet<char> =
        all.iter().flat_map(|p| p.expose()["sudare-".len()..].chars()).filter(|c| *c != '-').collect();
    assert_eq!(letters.len(), 32);
    for p in &all {
        assert!(p.is_generated());
        assert_eq!(p.expose().len(), 7 + 39);
    }
    for text in [
        "",
        "sudare-",
        "sudare-aaaa",
        "0000-0000-0000-0000-0000-0000-0000-0000",
        "sudare-0000-0000-0000-0000-0000-0000-0000-00l0",
    ] {
        assert!(!Passphrase::from_string(text.into()).is_generated(), "{text}");
    }
}

#[test]
fn the_linkage_key_opens_for_its_recipients_only() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("linkage.age");
    let [a, b, c] = ["a", "b", "c"].map(|n| Identity::generate(n, Role::Source).unwrap());
    let key = LinkageKey::generate().unwrap();
    key.seal(&path, &[a.recipient(), b.recipient()]).unwrap();
    for who in [&a, &b] {
        assert_eq!(LinkageKey::open(&path, who).unwrap().id().unwrap(), key.id().unwrap());
    }
    assert!(matches!(LinkageKey::open(&path, &c), Err(KeyError::NotARecipient(_))));
    assert!(matches!(key.seal(&path, &[a.recipient()]), Err(KeyError::File(FileError::Exists(_)))));
    let fresh = dir.path().join("fresh");
    assert!(matches!(key.seal(&fresh, &[]), Err(KeyError::NoRecipients)));
    assert!(matches!(key.seal(&fresh, &[a.recipient(), "age1nope".into()]), Err(KeyError::Recipient(2))));
    assert_ne!(LinkageKey::generate().unwrap().id().unwrap(), key.id().unwrap());
    // Something else, sealed to the right recipient.
    let recipient: age::x25519::Recipient = a.recipient().parse().unwrap();
    for (text, at) in [("other\n", 1), ("sudare-linkage-key v1\nzz\n", 2)] {
        let bytes = encrypt(&[&recipient], text.as_bytes(), &path).unwrap();
        fs::write(&path, bytes).unwrap();
        assert!(matches!(LinkageKey::open(&path, &a), Err(KeyError::Content { line, .. }) if line == at));
    }
}
