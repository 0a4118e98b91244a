//! Linkage: its speed beside ID0's (`speed`), its quality beside NDB's strategies on people nobody tuned anything on (`quality`), and
//! beside Splink and on FEBRL (`peers`, `febrl`). Everything is measured by the program's own `linkage::Scorecard`.

mod febrl;
mod peers;
mod quality;
mod speed;
mod world;

use crate::compare::Bench;
use crate::room::Room;
use crate::{Failure, Size};

/// Adds the lines of speed; the other tables, in Markdown.
pub(crate) fn measure(bench: &mut Bench, room: &Room, size: &Size, progress: &dyn Fn(&str)) -> Result<String, Failure> {
    speed::measure(bench, room, size)?;
    let mut out = String::new();
    progress("linkage: strategies by scenario");
    out.push_str(&quality::scenarios(size)?);
    progress("linkage: held-back seeds and error rates");
    out.push_str(&quality::seeds(size)?);
    progress("linkage: ID0 against its published figure");
    out.push_str(&quality::published(size)?);
    progress("linkage: FEBRL");
    out.push_str(&febrl::measure(size)?);
    progress("linkage: Splink");
    out.push_str(&peers::splink(size, progress)?);
    Ok(out)
}
