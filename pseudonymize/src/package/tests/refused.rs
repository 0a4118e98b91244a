//! Packages that are changed, forged, foreign or replayed.

use super::*;

#[test]
fn a_changed_byte_anywhere_is_refused() {
    let world = World::new();
    let (path, _) = world.package("p");
    let good = fs::read(&path).unwrap();
    let bad = world.path("bad");
    for at in (0..good.len()).step_by(good.len() / 199) {
        let mut bytes = good.clone();
        bytes[at] ^= 0x10;
        fs::write(&bad, &bytes).unwrap();
        if let Ok(opened) = world.open(&bad) {
            // Padding and unused header fields of the outer tar carry nothing.
            let whole = world.open(&path).unwrap();
            assert!(opened.identity.equals_missing(&whole.identity) && opened.note == whole.note, "byte {at}");
            assert!(!(512..good.len() - 4096).contains(&at), "byte {at} of the content");
        }
    }
    for keep in [0, 100, 512, 600, good.len() / 2, good.len() - 1500, good.len() - 2000] {
        fs::write(&bad, &good[..keep]).unwrap();
        let error = world.open(&bad).unwrap_err();
        assert!(matches!(error, PackageError::NotAPackage { .. }), "{keep}: {error}");
    }
    fs::write(&bad, b"a letter, not a package").unwrap();
    assert!(matches!(world.open(&bad), Err(PackageError::NotAPackage { .. })));
    assert!(matches!(world.open(&world.path("absent")), Err(PackageError::File(_))));
}

/// Builds an outer tar by hand.
fn outer(path: &Path, members: &[(&str, &[u8])]) {
    let mut tar = tar::Builder::new(fs::File::create(path).unwrap());
    for (name, bytes) in members {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o600);
        tar.append_data(&mut header, name, *bytes).unwrap();
    }
    tar.finish().unwrap();
}

fn members(path: &Path) -> (Vec<u8>, String) {
    let note = manifest(path).unwrap();
    let bytes = fs::read(path).unwrap();
    let start = 512;
    let digest = claimed(path).unwrap().content;
    let end = (start..=bytes.len())
        .rev()
        .find(|end| ring::digest::digest(&ring::digest::SHA256, &bytes[start..*end]).as_ref() == digest)
        .unwrap();
    (bytes[start..end].to_vec(), note)
}

#[test]
fn forged_packages_are_refused() {
    let world = World::new();
    let (path, summary) = world.package("p");
    let (content, note) = members(&path);
    let text = summary.manifest.to_text().unwrap();
    let bad = world.path("bad");
    let attempt = |content: &[u8], note: &str| {
        outer(&bad, &[("content.age", content), ("manifest.note", note.as_bytes())]);
        world.open(&bad).map(|_| ()).unwrap_err()
    };
    assert!(matches!(attempt(&content, &text), PackageError::Manifest { .. }), "no signature lines");
    assert!(matches!(attempt(&content, &format!("{text}\n")), PackageError::Unsigned { .. }));
    // Signed by a stranger under the source's name.
    let stranger = Identity::generate(SOURCE, Role::Source).unwrap();
    assert!(matches!(attempt(&content, &sign(&stranger, &text)), PackageError::Unsigned { .. }));
    // Another source's name in the text: its key is asked for.
    let other = text.replace("source kita-kenpo", "source minami-kokuho");
    assert!(matches!(attempt(&content, &sign(&world.source, &other)), PackageError::Unsigned { .. }));
    // A number changed after signing.
    assert!(matches!(attempt(&content, &note.replace("sequence 7", "sequence 8")), PackageError::Unsigned { .. }));
    // Content of somebody who knows the room's public recipient, under a signature that was made for another.
    let foreign = age::encrypt(&world.room.age().to_public(), b"not a tar").unwrap();
    assert!(matches!(attempt(&foreign, &note), PackageError::Tampered(_)));
    assert!(matches!(attempt(&content[..content.len() - 1], &note), PackageError::Tampered(_)));
    assert!(matches!(attempt(&[content.clone(), vec![0]].concat(), &note), PackageError::Tampered(_)));
    // Properly signed nonsense.
    let digest = kdf::hex(ring::digest::digest(&ring::digest::SHA256, &foreign).as_ref());
    let nonsense = text.replace(&kdf::hex(&summary.manifest.content), &digest);
    assert!(matches!(attempt(&foreign, &sign(&world.source, &nonsense)), PackageError::Content { .. }));
    // Members too many, too few, twice.
    for list in [
        vec![("content.age", content.as_slice())],
        vec![("manifest.note", note.as_bytes())],
        vec![("content.age", content.as_slice()), ("manifest.note", note.as_bytes()), ("readme", b"")],
        vec![
            ("content.age", content.as_slice()),
            ("manifest.note", note.as_bytes()),
            ("manifest.note", note.as_bytes()),
        ],
    ] {
        outer(&bad, &list);
        assert!(matches!(world.open(&bad), Err(PackageError::NotAPackage { .. })));
    }
    // The order of the members is free.
    outer(&bad, &[("manifest.note", note.as_bytes()), ("content.age", &content)]);
    assert!(world.open(&bad).is_ok());
}

#[test]
fn foreign_and_replayed_packages_are_refused() {
    let world = World::new();
    let (path, _) = world.package("p");
    let ok = world.expected();
    let key = world.keys.linkage_key_id();
    // The same linkage key in another epoch is another one.
    let later = world.keys.alike(&LinkageKey::from_bytes([3; 32]), 2).unwrap();
    assert!(world.open_with(&path, &Expected { linkage_key: Some(key), last_sequence: None, ..ok.clone() }).is_ok());
    for (expected, field) in [
        (Expected { room: "room.example/two", ..ok.clone() }, "room"),
        (Expected { schema: [0; 32], ..ok.clone() }, "catalogue"),
        (Expected { linkage_key: Some(later.linkage_key_id()), ..ok.clone() }, "linkage key"),
        (Expected { linkage_key: Some("0123456789abcdef"), ..ok.clone() }, "linkage key"),
    ] {
        let error = world.open_with(&path, &expected).unwrap_err();
        assert!(matches!(error, PackageError::Foreign { what, .. } if what == field), "{error}");
    }
    for last in [7, 8, u64::MAX] {
        let error = world.open_with(&path, &Expected { last_sequence: Some(last), ..ok.clone() }).unwrap_err();
        assert!(matches!(error, PackageError::Replayed { found: 7, .. }), "{error}");
    }
}
