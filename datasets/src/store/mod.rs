//! The store: canonical tables in one DuckDB file, clustered by person, and the locked-down connection to it.
//!
//! A snapshot is written once and never changed: a load makes a new file, published by one rename. Readers only get
//! integers out, and only against the receipt of an intent in the log. The store knows no noise and no policy:
//! whoever can open the file sees everything, so it belongs on an encrypted disk.
//!
//! Physical form: `person(pid, person_id, sex, birth_ym)`; every other table `(pid, draw, columns…)`, sorted by pid
//! and the catalogue's order. `pid` is the dense number of a person within the snapshot, `draw` a keyed random
//! number per row by which rows are capped. `_identity` and `_meta` are internal.

mod cells;
mod error;
mod fold;
mod guard;
mod load;
mod open;
mod repeats;
mod sources;
mod staging;
mod versions;

pub use error::{EngineCode, StoreError};
pub use fold::Fold;
#[doc(hidden)]
pub use fold::{fold, scan};
pub use load::{Load, Moved, Person, load};
pub use open::{PreviousIdentity, Store};
pub use repeats::without_repeats;
pub use sources::told_once;
pub use staging::Staged;
pub use versions::latest_receipts;

#[cfg(test)]
mod tests;
