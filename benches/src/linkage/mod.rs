//! Linkage: its speed beside ID0's (`speed`), its quality beside NDB's strategies on people nobody tuned anything on (`quality`), and
//! beside Splink and on FEBRL (`peers`, `febrl`). Everything is measured by the program's own `linkage::Scorecard`.

mod febrl;
mod peers;
mod quality;
mod speed;
mod world;

use crate::compare::Bench;
use crate::room::Room;
use crate::{Failure, Size, wanted};

/// A table in Markdown.
type Part = fn(&Size, &dyn Fn(&str)) -> Result<String, Failure>;

/// By the word that `SUDARE_BENCH_ONLY` knows; `linkage` is all of them.
const PARTS: [(&str, &str, Part); 5] = [
    ("linkage-scenarios", "strategies by scenario", |size, _| quality::scenarios(size)),
    ("linkage-seeds", "held-back seeds and error rates", |size, _| quality::seeds(size)),
    ("linkage-published", "ID0 against its published figure", |size, _| quality::published(size)),
    ("linkage-febrl", "FEBRL", |_, _| febrl::measure()),
    ("linkage-splink", "Splink", peers::splink),
];

/// Adds the lines of speed if there is a room; the other tables, in Markdown.
pub(crate) fn measure(
    bench: &mut Bench,
    room: Option<&Room>,
    size: &Size,
    progress: &dyn Fn(&str),
) -> Result<String, Failure> {
    if let Some(room) = room {
        progress("linkage: speed");
        speed::measure(bench, room, size)?;
    }
    let mut out = String::new();
    for (part, what, run) in PARTS {
        if wanted("linkage") || wanted(part) {
            progress(&format!("linkage: {what}"));
            out.push_str(&run(size, progress)?);
        }
    }
    Ok(out)
}
