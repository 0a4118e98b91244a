//! What the fuzz targets share: seeds made from synthetic people, and what must hold for any bytes. `tests/fuzz_minute.rs` of
//! `datasets` uses the same files on stable Rust.

pub mod check;
pub mod mutate;
pub mod seeds;

use std::collections::BTreeMap;
use std::sync::OnceLock;

use datasets::catalogue::Catalogue;
use seeds::Seeds;

/// One input of libFuzzer through one reader.
///
/// # Panics
/// If something does not hold: that is what libFuzzer looks for.
pub fn run(target: &str, bytes: &[u8]) {
    static READY: OnceLock<(tempfile::TempDir, Catalogue, BTreeMap<&'static str, Seeds>)> = OnceLock::new();
    let (dir, catalogue, seeds) = READY.get_or_init(|| {
        let dir = tempfile::tempdir().expect("a folder");
        (dir, Catalogue::builtin().expect("the catalogue"), seeds::seeds())
    });
    if let Err(wrong) = check::check(dir.path(), catalogue, &seeds[target], bytes) {
        panic!("{wrong}");
    }
}
