//! Measurements, side by side with peers: ours and the peer take turns within one run, and what counts is the ratio.
//!
//! Absolute times depend on the machine and on who else uses it; ratios of neighbours in time much less. Every measurement first
//! shows that both sides do the same work (same tokens, same counts). All people are synthetic. What each line means is in
//! `README.md` beside this crate. Nothing here is used by the program.

mod compare;
mod linkage;
mod queries;
mod readers;
mod room;
mod table;
mod tokens;

use compare::Bench;

/// Why a measurement could not be made.
pub type Failure = Box<dyn std::error::Error>;

/// How much is measured.
#[derive(Debug, Clone)]
pub struct Size {
    /// People behind the tokens, the files and the store, and in the smaller linkage.
    pub persons: u32,
    /// People in the larger linkage.
    pub many: u32,
    /// Months of data.
    pub months: u32,
    /// How often ours and the peer take turns.
    pub rounds: usize,
    /// Seconds that one turn aims at.
    pub seconds: f64,
}

impl Size {
    /// What the figures in the README are made with. `SUDARE_BENCH_PERSONS` sets another number of people (the larger linkage has
    /// five times as many).
    #[must_use]
    pub fn full() -> Self {
        let asked = std::env::var("SUDARE_BENCH_PERSONS").ok().and_then(|text| text.parse().ok());
        let persons: u32 = asked.unwrap_or(10_000).clamp(100, 1_000_000);
        Self { persons, many: 5 * persons, months: 12, rounds: 3, seconds: 1.0 }
    }

    /// Enough to see that everything runs.
    #[must_use]
    pub fn smoke() -> Self {
        Self { persons: 300, many: 600, months: 12, rounds: 1, seconds: 0.05 }
    }
}

/// Measures everything; the table, in Markdown.
///
/// # Errors
/// Files that can't be made or read, or two sides that do not agree on the work.
pub fn run(size: &Size, progress: &dyn Fn(&str)) -> Result<String, Failure> {
    let before = table::load();
    let mut bench = Bench::new(size.rounds, size.seconds)?;
    let mut room = None;
    // Parts of the linkage make people of their own.
    if ["tokens", "readers", "queries", "linkage", "linkage-speed"].into_iter().any(wanted) {
        progress("inventing people, and loading a store with them");
        room = Some(room::Room::new(size.persons, size.months)?);
    }
    if let Some(room) = &room {
        if wanted("tokens") {
            progress("tokens against ring's own loop, packages against the reader and against Python");
            tokens::measure(&mut bench, room)?;
        }
        if wanted("readers") {
            progress("readers against decoding and splitting");
            readers::measure(&mut bench, room)?;
        }
        if wanted("queries") {
            progress("questions against exact SQL");
            queries::measure(&mut bench, room)?;
        }
    }
    let speed = room.as_ref().filter(|_| wanted("linkage") || wanted("linkage-speed"));
    let more = linkage::measure(&mut bench, speed, size, progress)?;
    Ok(table::markdown(bench.lines(), size, &before) + &more)
}

/// Whether a part is measured: all are, unless `SUDARE_BENCH_ONLY=tokens,readers` names some, for whoever works on one.
pub(crate) fn wanted(part: &str) -> bool {
    let only = std::env::var("SUDARE_BENCH_ONLY").unwrap_or_default();
    only.is_empty() || only.split(',').any(|word| word == part)
}
