//! One input through one reader: what must hold whatever the bytes are.

use std::fmt::Write;
use std::path::Path;

use datasets::catalogue::{Catalogue, KeyForm};
use datasets::read::{ReadOptions, read};

use super::seeds::{CANARY, CANARY_NUMBER, Seeds};

/// Name of the folder that the input lies in: the roster gives it to a user.
pub const FOLDER: &str = "input";

/// Writes the input with the files beside it into `dir` and reads all. `Err` says what does not hold, and never what was read.
///
/// # Errors
/// A count that does not add up, a frame that is not the catalogue's, an error that tells a value.
pub fn check(dir: &Path, catalogue: &Catalogue, seeds: &Seeds, bytes: &[u8]) -> Result<bool, String> {
    let folder = dir.join(FOLDER);
    let input = folder.join("bytes");
    std::fs::create_dir_all(&folder).and_then(|()| std::fs::write(&input, bytes)).map_err(|_| "no room".to_owned())?;
    let mut inputs = vec![input];
    for (name, bytes) in &seeds.beside {
        let path = dir.join(name);
        if !path.exists() {
            std::fs::write(&path, bytes).map_err(|_| "no room".to_owned())?;
        }
        inputs.push(path);
    }
    let options =
        ReadOptions { max_unzipped_bytes: 64 << 20, catalogue: Some(catalogue.clone()), ..ReadOptions::default() };
    let mut wrong = None;
    let result = read(
        &inputs,
        &options,
        &mut |batch| {
            for (name, frame) in batch.tables() {
                let fits = catalogue.table(name).is_some_and(|t| t.check_frame(frame, "ident", KeyForm::Raw).is_ok());
                if !fits {
                    wrong = Some(format!("a frame of {name} is not the catalogue's"));
                }
            }
            let mut shown = String::new();
            let _ = write!(shown, "{batch:?}");
            if tells(&shown) {
                wrong = Some("Debug of a batch tells a value".to_owned());
            }
            Ok(())
        },
        &|_| {},
    );
    if let Some(wrong) = wrong {
        return Err(wrong);
    }
    match result {
        Ok(report) => {
            for (kind, counts) in &report.kinds {
                let (left, bad): (u64, u64) = (counts.left_out.values().sum(), counts.quarantined.values().sum());
                if counts.read != counts.kept + left + bad {
                    let (read, kept) = (counts.read, counts.kept);
                    return Err(format!("{kind:?}: read {read}, kept {kept}, left out {left}, quarantined {bad}"));
                }
            }
            if tells(&format!("{report:?}")) {
                return Err("the report tells a value".to_owned());
            }
            Ok(true)
        }
        Err(error) => {
            if tells(&format!("{error} {error:?}")) {
                return Err("an error tells a value".to_owned());
            }
            Ok(false)
        }
    }
}

fn tells(text: &str) -> bool {
    // Half of the canary is enough to know it.
    [CANARY, CANARY_NUMBER].iter().any(|canary| {
        let half: String = canary.chars().take(canary.chars().count() / 2 + 1).collect();
        text.contains(&half)
    })
}
