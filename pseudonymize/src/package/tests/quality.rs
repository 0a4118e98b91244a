//! The quality report travels inside the encryption and under the signature.

use super::*;

/// Contents of the outer tar by name, in its order.
fn parts(path: &Path) -> Vec<(String, Vec<u8>)> {
    let mut outer = tar::Archive::new(fs::File::open(path).unwrap());
    let entries = outer.entries().unwrap().map(|entry| {
        let mut entry = entry.unwrap();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).unwrap();
        (entry.path().unwrap().display().to_string(), bytes)
    });
    entries.collect()
}

fn with_quality(world: &World, name: &str, quality: &str) -> PathBuf {
    let mut writer = world.writer(name);
    writer.append(&frames(identity(), tables(), &world.keys, &catalogue()).unwrap()).unwrap();
    writer.finish(quality, &|text| Ok(sign(&world.source, text))).unwrap();
    world.path(name)
}

#[test]
fn the_quality_report_is_sealed_and_signed() {
    let world = World::new();
    let report = "{\"conformance\":{\"value\":[{\"code\":\"number\",\"at\":\"claims\",\"count\":31,\"of\":4159}]}}";
    let bad = with_quality(&world, "bad.sudare", report);
    let good = with_quality(&world, "good.sudare", "{\"conformance\":{\"value\":[]}}");
    assert_eq!(world.open(&bad).unwrap().quality, report);

    // Outside there is a manifest and ciphertext: no word of the report.
    let names: Vec<String> = parts(&bad).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, [CONTENT, NOTE]);
    let bytes = fs::read(&bad).unwrap();
    for word in ["conformance", "4159", QUALITY] {
        assert!(!bytes.windows(word.len()).any(|w| w == word.as_bytes()), "{word}");
    }
    // What the source signed is the digest of the content with the report in it.
    let content = ring::digest::digest(&ring::digest::SHA256, &parts(&bad)[0].1);
    assert!(parts(&bad)[1].1.starts_with(claimed(&bad).unwrap().to_text().unwrap().as_bytes()));
    assert_eq!(claimed(&bad).unwrap().content, content.as_ref());

    // A nicer report can't be put under the same signature, nor any byte of it changed.
    let swapped = world.path("swapped.sudare");
    let mut builder = tar::Builder::new(fs::File::create(&swapped).unwrap());
    for (name, bytes) in [(CONTENT, &parts(&good)[0].1), (NOTE, &parts(&bad)[1].1)] {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o600);
        header.set_entry_type(tar::EntryType::Regular);
        builder.append_data(&mut header, name, &bytes[..]).unwrap();
    }
    builder.finish().unwrap();
    assert!(matches!(world.open(&swapped), Err(PackageError::Tampered(_))));
    let end = 512 + parts(&bad)[0].1.len();
    // The report is the last member: its ciphertext lies before the two empty blocks that end a tar.
    for back in [1, 16, 700, 1_030, 1_100, 1_500] {
        let mut changed = bytes.clone();
        changed[end - back] ^= 1;
        let path = world.path(&format!("changed-{back}.sudare"));
        fs::write(&path, changed).unwrap();
        assert!(matches!(world.open(&path), Err(PackageError::Tampered(_))), "{back}");
    }
}
