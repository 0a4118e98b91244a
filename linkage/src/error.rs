//! What can go wrong. No message holds a token, an id or a value of a record.

/// A failure of linkage or of its evaluation.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LinkageError {
    /// More identity rows than the dense numbering holds.
    #[error("{rows} identity rows; at most {limit} can be linked in one run: split the room")]
    TooManyRows {
        /// Rows given.
        rows: usize,
        /// Rows that fit.
        limit: usize,
    },
    /// The id source kept repeating ids that are taken.
    #[error("the id source repeated ids that are already taken: it must be random, 128 bits")]
    IdSource,
    /// Two columns that must describe the same rows differ in length.
    #[error("{what}: {found} values for {expected} rows")]
    Length {
        /// Which argument.
        what: &'static str,
        /// Rows expected.
        expected: usize,
        /// Values found.
        found: usize,
    },
    /// A strategy name that does not exist.
    #[error("unknown linkage strategy; one of: id1, id2, id1-or-id2, id0, sudare")]
    Strategy,
    /// A kept state of linkage that this version can't read.
    #[error("the state of linkage can't be read ({0}): it is damaged or of another version")]
    State(&'static str),
    /// A thread died.
    #[error("a thread of linkage died")]
    Thread,
    /// A journal that this version can't read.
    #[error("the linkage journal can't be read ({0}): it is damaged or of another version")]
    Journal(&'static str),
    /// A model that can't be read or fitted.
    #[error("the linkage model is refused ({0}): it must be a file of {version} as `sudare link --fit-model` writes it", version = crate::model::MODEL)]
    Model(&'static str),
    /// The frame library failed; its own text may quote cells and is withheld.
    #[error("frame operation failed: {0}")]
    Frame(&'static str),
}
