//! Packages: whole ones come back, all others are refused; nothing leaks; a killed run leaves nothing.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use polars::prelude::*;
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};

use super::*;
use crate::testing::{CANARIES, catalogue, identity, table, tables};
use crate::transform::frames;
use crate::{Identity, LinkageKey, Role, SourceKeys, kdf};

mod quality;
mod refused;

const ROOM: &str = "room.example/one";
const SOURCE: &str = "kita-kenpo";

struct World {
    dir: tempfile::TempDir,
    room: Identity,
    source: Identity,
    keys: SourceKeys,
}

impl World {
    fn new() -> Self {
        Self {
            dir: tempfile::tempdir().unwrap(),
            room: Identity::generate("room", Role::Room).unwrap(),
            source: Identity::generate(SOURCE, Role::Source).unwrap(),
            keys: SourceKeys::derive(&LinkageKey::from_bytes([3; 32]), ROOM, 1).unwrap(),
        }
    }

    fn header(&self) -> Header {
        Header {
            source: SOURCE.into(),
            sequence: 7,
            legal_basis: "個人情報保護法 41条 (仮名加工情報)".into(),
            room: ROOM.into(),
            epoch: 1,
            linkage_key: self.keys.linkage_key_id().into(),
            replaces: None,
            schema: catalogue().digest(),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn writer(&self, name: &str) -> Writer {
        Writer::create(&self.path(name), self.header(), &[self.room.recipient()]).unwrap()
    }

    /// Two batches of content, the identities in the second.
    fn package(&self, name: &str) -> (PathBuf, Summary) {
        let mut writer = self.writer(name);
        let extra = BTreeMap::from([("claim".to_owned(), table("claim", &[2, 0], &[]))]);
        let first = frames(DataFrame::empty(), extra, &self.keys, &catalogue()).unwrap();
        let last = frames(identity(), tables(), &self.keys, &catalogue()).unwrap();
        writer.append(&first).unwrap();
        writer.append(&last).unwrap();
        let summary = writer.finish("{\"read\":3}", &|text| Ok(sign(&self.source, text))).unwrap();
        (self.path(name), summary)
    }

    fn expected(&self) -> Expected<'_> {
        Expected { room: ROOM, schema: catalogue().digest(), linkage_key: None, last_sequence: Some(6) }
    }

    fn open(&self, path: &Path) -> Result<Opened, PackageError> {
        self.open_with(path, &self.expected())
    }

    fn open_with(&self, path: &Path, expected: &Expected<'_>) -> Result<Opened, PackageError> {
        open(path, &self.room, expected, &|source, note| {
            if source == SOURCE { verify(&self.source, note) } else { Err("unknown source".into()) }
        })
    }
}

/// A note in the manner of signed notes: text, empty line, signature. The real one is `audit_log::note`'s.
fn sign(who: &Identity, text: &str) -> String {
    let pair = Ed25519KeyPair::from_seed_unchecked(who.signing_seed()).unwrap();
    format!("{text}\n— {} {}\n", who.name(), kdf::hex(pair.sign(text.as_bytes()).as_ref()))
}

fn verify(who: &Identity, note: &str) -> Result<String, BoxError> {
    let pair = Ed25519KeyPair::from_seed_unchecked(who.signing_seed()).map_err(|_| "seed")?;
    let (text, line) = note.rsplit_once("\n— ").ok_or("no signature")?;
    let hex = line.trim_end().strip_prefix(who.name()).and_then(|l| l.strip_prefix(' ')).ok_or("no signature by it")?;
    let pairs = hex.as_bytes().chunks(2).map(|p| u8::from_str_radix(std::str::from_utf8(p).ok()?, 16).ok());
    let signature: Vec<u8> = pairs.collect::<Option<_>>().ok_or("not hex")?;
    let key = UnparsedPublicKey::new(&ED25519, pair.public_key().as_ref().to_vec());
    key.verify(text.as_bytes(), &signature).map_err(|_| "bad signature")?;
    Ok(text.to_owned())
}

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(dir).unwrap().map(|f| f.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_package_comes_back_whole() {
    let world = World::new();
    let (path, summary) = world.package("p");
    assert_eq!(names(world.dir.path()), ["p"]);
    assert_eq!(fs::metadata(&path).unwrap().len(), summary.bytes);
    assert_eq!(manifest(&path).unwrap(), summary.note);
    assert_eq!(claimed(&path).unwrap(), summary.manifest);
    let opened = world.open(&path).unwrap();
    assert_eq!(opened.manifest, summary.manifest);
    assert_eq!(opened.quality, "{\"read\":3}");
    let whole = frames(identity(), tables(), &world.keys, &catalogue()).unwrap();
    assert!(opened.identity.equals_missing(whole.identity()));
    assert_eq!(opened.tables.keys().collect::<Vec<_>>(), ["claim", "diagnosis", "enrolment"]);
    assert_eq!(opened.tables["claim"].height(), 6, "batches are joined");
    assert!(opened.tables["enrolment"].equals_missing(&whole.tables()["enrolment"]));
    assert!(opened.tables["claim"].tail(Some(4)).equals_missing(&whole.tables()["claim"]));
    assert!(!format!("{opened:?}").contains("t_id"));
}

#[test]
fn other_programs_read_it() {
    // The outer file is a plain tar, the content a plain age file.
    let world = World::new();
    let (path, summary) = world.package("p");
    let mut archive = tar::Archive::new(fs::File::open(&path).unwrap());
    let mut seen = Vec::new();
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).unwrap();
        seen.push((entry.path().unwrap().display().to_string(), bytes));
    }
    assert_eq!(seen.iter().map(|s| s.0.as_str()).collect::<Vec<_>>(), ["content.age", "manifest.note"]);
    let digest = ring::digest::digest(&ring::digest::SHA256, &seen[0].1);
    assert_eq!(digest.as_ref(), summary.manifest.content);
    assert!(seen[0].1.starts_with(b"age-encryption.org/v1\n-> X25519 "));
    let text = String::from_utf8(seen[1].1.clone()).unwrap();
    assert!(text.starts_with("sudare package v1\nroom room.example/one\nsource kita-kenpo\nsequence 7\n"));
    assert!(!text.contains("rows") && !text.contains(" 3\n"), "counts stay inside");
}

/// Everything that a package holds, decrypted and decompressed: names of files and of columns, and every cell.
fn decrypted(world: &World, path: &Path) -> Vec<Vec<u8>> {
    let mut out = vec![fs::read(path).unwrap()];
    let mut outer = tar::Archive::new(fs::File::open(path).unwrap());
    for entry in outer.entries().unwrap() {
        let mut entry = entry.unwrap();
        if entry.path().unwrap().to_str() != Some("content.age") {
            continue;
        }
        let mut sealed = Vec::new();
        entry.read_to_end(&mut sealed).unwrap();
        let plain = age::decrypt(world.room.age(), &sealed).unwrap();
        for entry in tar::Archive::new(plain.as_slice()).entries().unwrap() {
            let mut entry = entry.unwrap();
            out.push(entry.path_bytes().to_vec());
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).unwrap();
            if bytes.starts_with(b"PAR1") {
                let frame = ParquetReader::new(std::io::Cursor::new(bytes.clone())).finish().unwrap();
                for column in frame.columns() {
                    out.push(column.name().as_bytes().to_vec());
                    let text = column.cast(&DataType::String);
                    if let Ok(text) = text {
                        out.extend(text.str().unwrap().iter().flatten().map(|t| t.as_bytes().to_vec()));
                    }
                    if let Ok(binary) = column.binary() {
                        out.extend(binary.iter().flatten().map(<[u8]>::to_vec));
                    }
                }
            }
            out.push(bytes);
        }
        out.push(plain);
    }
    out
}

#[test]
fn no_identifier_is_anywhere_in_it() {
    let world = World::new();
    let (path, _) = world.package("p");
    let everything = decrypted(&world, &path);
    let holds = |needle: &[u8]| everything.iter().any(|b| b.windows(needle.len()).any(|w| w == needle));
    assert!(holds(b"2023") || holds(b"t_member"), "the search itself works");
    let forms = |c: &str| vec![c.to_owned(), c.replace([' ', '　', '-'], "")];
    // The insurer's own number is a column of the catalogue (enrolment.insurer) and stays.
    for canary in CANARIES.iter().filter(|c| **c != "06139463").flat_map(|c| forms(c)) {
        assert!(!holds(canary.as_bytes()), "{canary}");
    }
    for derived in ["カナリアトキコ", "19800117", "1980-01-17", "2730866", "備考", "家族", "高"] {
        assert!(!holds(derived.as_bytes()), "{derived}");
    }
    // Nor as UTF-16 or CP932 (half-width kana are one byte each there).
    assert!(!holds(&[0xb6, 0xc5, 0xd8, 0xb1]));
    assert!(!holds(&"金糸雀".encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>()));
}

#[test]
fn a_package_without_its_identity_is_noise() {
    let world = World::new();
    let (path, _) = world.package("p");
    let stranger = Identity::generate("stranger", Role::Room).unwrap();
    let error = open(&path, &stranger, &world.expected(), &|_, note| verify(&world.source, note)).unwrap_err();
    assert!(matches!(error, PackageError::NotARecipient(_)), "{error}");
}

#[test]
fn what_is_not_finished_leaves_nothing_that_looks_like_a_package() {
    let world = World::new();
    let batch = frames(identity(), tables(), &world.keys, &catalogue()).unwrap();
    // While it runs, and so if it is killed: a hidden name that no signature was ever made for.
    let mut writer = world.writer("p");
    writer.append(&batch).unwrap();
    let during = names(world.dir.path());
    assert_eq!(during.len(), 1);
    assert!(during[0].starts_with(".p.") && during[0].ends_with(".partial"), "{during:?}");
    let left = world.path("killed");
    fs::copy(world.path(&during[0]), &left).unwrap();
    assert!(matches!(world.open(&left), Err(PackageError::NotAPackage { .. })));
    fs::remove_file(&left).unwrap();
    drop(writer);
    assert!(names(world.dir.path()).is_empty(), "an error leaves nothing at all");
    // A refused signature, too.
    let mut writer = world.writer("p");
    writer.append(&batch).unwrap();
    assert!(matches!(writer.finish("{}", &|_| Err("no".into())), Err(PackageError::Signing(_))));
    let mut writer = world.writer("p");
    writer.append(&batch).unwrap();
    assert!(matches!(writer.finish("{}", &|_| Ok("another text\n\n— x y\n".into())), Err(PackageError::Signing(_))));
    assert!(matches!(world.writer("p").finish("{}", &|_| Err("unasked".into())), Err(PackageError::Order)));
    let mut writer = world.writer("p");
    writer.append(&batch).unwrap();
    assert!(matches!(writer.append(&batch), Err(PackageError::Order)));
    drop(writer);
    assert!(names(world.dir.path()).is_empty());
}

#[test]
fn nothing_is_written_over() {
    let world = World::new();
    let (path, _) = world.package("p");
    let before = fs::read(&path).unwrap();
    let again = Writer::create(&path, world.header(), &[world.room.recipient()]);
    assert!(matches!(again, Err(PackageError::File(FileError::Exists(_)))));
    // Also if the name is taken while the package is being made.
    let mut writer = world.writer("q");
    let batch = frames(identity(), tables(), &world.keys, &catalogue()).unwrap();
    writer.append(&batch).unwrap();
    fs::write(world.path("q"), b"mine").unwrap();
    let error = writer.finish("{}", &|text| Ok(sign(&world.source, text))).unwrap_err();
    assert!(matches!(error, PackageError::File(FileError::Exists(_))), "{error}");
    assert_eq!(fs::read(world.path("q")).unwrap(), b"mine");
    assert_eq!(fs::read(&path).unwrap(), before);
    assert_eq!(names(world.dir.path()), ["p", "q"]);
}

#[test]
fn headers_that_do_not_fit_on_their_lines_are_refused() {
    let world = World::new();
    let create = |header| Writer::create(&world.path("p"), header, &[world.room.recipient()]);
    for bad in ["", " x", "a\nsequence 9", "a\u{2028}b", &"長".repeat(201)] {
        let header = Header { source: bad.into(), ..world.header() };
        assert!(matches!(create(header), Err(PackageError::Header(ManifestError::Field("source")))), "{bad:?}");
        let header = Header { legal_basis: bad.into(), ..world.header() };
        assert!(matches!(create(header), Err(PackageError::Header(ManifestError::Field("legal basis")))), "{bad:?}");
    }
    for recipients in [vec![], vec!["age1nope".to_owned()]] {
        let error = Writer::create(&world.path("p"), world.header(), &recipients).unwrap_err();
        assert!(matches!(error, PackageError::Encryption { .. }));
    }
}

#[test]
fn a_manifest_has_one_text() {
    let manifest = Manifest { header: World::new().header(), profile: "sudare-norm-1".into(), content: [7; 32] };
    let text = manifest.to_text().unwrap();
    assert_eq!(Manifest::parse(&text), Ok(manifest));
    for (from, to) in [
        ("sequence 7", "sequence 07"),
        ("sequence 7", "sequence +7"),
        ("epoch 1", "epoch -1"),
        ("v1", "v2"),
        ("sha256:07", "sha256:0"),
        ("sha256:07", "sha512:07"),
        ("source kita-kenpo\n", ""),
        ("room ", "Room "),
        ("\n", "\r\n"),
    ] {
        assert!(Manifest::parse(&text.replacen(from, to, 1)).is_err(), "{from} → {to}");
    }
    assert!(Manifest::parse(&format!("{text}\n")).is_err() && Manifest::parse(text.trim_end()).is_err());
}

/// A few bytes that stand for millions of equal rows are refused before any of them is made.
#[test]
fn a_package_can_not_unpack_to_more_than_its_size_allows() {
    let world = World::new();
    let rows = 3_000_000;
    let bomb = DataFrame::new(rows, vec![Column::new_scalar("old".into(), Scalar::from(7_i64), rows)]).unwrap();
    let mut writer = world.writer("bomb");
    writer.bridge(&BTreeMap::from([("numbers".to_owned(), bomb)])).unwrap();
    writer.finish("{}", &|text| Ok(sign(&world.source, text))).unwrap();
    let path = world.path("bomb");
    assert!(fs::metadata(&path).unwrap().len() < 500_000, "a bomb is small");
    let error = world.open(&path).unwrap_err();
    assert!(matches!(error, PackageError::Content { .. }) && error.to_string().contains("unpack"), "{error}");
}
