//! Writes the seed corpus, `corpus/<target>/<number>`, beside this crate's manifest.

use std::path::Path;

fn main() -> std::io::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    for (target, seeds) in sudare_fuzz::seeds::seeds() {
        let folder = root.join(target);
        std::fs::create_dir_all(&folder)?;
        for (at, bytes) in seeds.inputs.iter().enumerate() {
            std::fs::write(folder.join(format!("{at:02}")), bytes)?;
        }
    }
    Ok(())
}
