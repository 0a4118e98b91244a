//! What a reader says when it refuses. Not the place for single bad records: those are counted in the
//! quality report. No error holds a value of a file, only where it stands and what to do.

use std::fmt;

/// A place in an input: the file, and the line and column where they are known (both count from 1; 0 = unknown).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Place {
    /// The path as given; the name inside an archive follows after `!/`.
    pub file: String,
    /// Line, from 1; 0 where a file as a whole is meant.
    pub line: u64,
    /// Column (comma-separated item, or character of an XML line), from 1; 0 where a line as a whole is meant.
    pub column: u64,
}

impl Place {
    pub(super) fn file(file: &str) -> Self {
        Self { file: file.to_owned(), ..Self::default() }
    }

    pub(super) fn line(file: &str, line: u64) -> Self {
        Self { file: file.to_owned(), line, column: 0 }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if self.line > 0 {
            write!(f, ", line {}", self.line)?;
        }
        if self.column > 0 {
            write!(f, ", column {}", self.column)?;
        }
        Ok(())
    }
}

/// Why nothing more was read. What the sink got before belongs to the same run and must be thrown away.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// A file is not what it seems, or breaks off; it is refused whole.
    #[error("{place}: {what}. {help}")]
    Refused {
        /// Where.
        place: Place,
        /// Stable code for machines.
        code: &'static str,
        /// What is wrong, in words, without a value.
        what: String,
        /// What to do.
        help: &'static str,
    },
    /// The operating system or an archive could not deliver bytes.
    #[error("{place}: cannot be read ({kind}). Check that the file exists, is complete and may be read.")]
    Io {
        /// Where.
        place: Place,
        /// The kind of failure.
        kind: std::io::ErrorKind,
    },
    /// The given inputs hold no file that a reader knows.
    #[error(
        "no readable file among the {inputs} inputs{unread}. Give eligibility, claims, checkups, FHIR, lifelogs or tables (README lists the formats); folders and zips are opened."
    )]
    Nothing {
        /// The first files that were met and not read, each with its reason code.
        unread: String,
        /// How many inputs were given.
        inputs: usize,
    },
    /// The built-in catalogue and the reader disagree: a fault of the program, not of a file.
    #[error(
        "the catalogue has no column {table}.{column} of the shape that the reader fills. Report this: it is a fault of the program."
    )]
    Catalogue {
        /// Table.
        table: String,
        /// Column.
        column: String,
    },
    /// A frame could not be built or read; the engine's own text is not passed on, because it may hold values.
    #[error(
        "{what} failed inside the frame engine. Report this: it is a fault of the program, or the machine ran out of memory."
    )]
    Frame {
        /// Which step.
        what: &'static str,
    },
    /// What is kept aside of everybody could not be written or read again.
    #[error(
        "{folder}: a temporary file there can't be written or read ({kind}). Check that the disk has room: it takes about 80 bytes a person and spelling."
    )]
    Spill {
        /// Where the file lies.
        folder: String,
        /// The kind of failure.
        kind: std::io::ErrorKind,
    },
    /// A thread of the reader stopped.
    #[error(
        "a thread of the reader stopped. Report this: it is a fault of the program, or the machine ran out of memory."
    )]
    Worker,
    /// Whoever takes the batches gave up.
    #[error("{0}")]
    Sink(Box<dyn std::error::Error + Send + Sync>),
}

impl ReadError {
    pub(super) fn refused(place: Place, code: &'static str, what: impl Into<String>, help: &'static str) -> Self {
        Self::Refused { place, code, what: what.into(), help }
    }

    pub(super) fn io(file: &str, error: &std::io::Error) -> Self {
        Self::Io { place: Place::file(file), kind: error.kind() }
    }

    /// The stable code of this error.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Refused { code, .. } => code,
            Self::Io { .. } => "io",
            Self::Nothing { .. } => "nothing-to-read",
            Self::Catalogue { .. } => "catalogue",
            Self::Frame { .. } => "frame",
            Self::Spill { .. } => "spill",
            Self::Worker => "worker",
            Self::Sink(_) => "sink",
        }
    }
}
