//! Errors of the store. DuckDB's and polars' own texts can quote cells, so they end here: a code goes on.

use std::fmt;

use crate::catalogue::ShapeError;

/// What kind of failure the engine reported. Its text is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EngineCode {
    /// The memory limit or the spill space was not enough.
    OutOfMemory,
    /// A result left its type's range.
    OutOfRange,
    /// A value could not become another type.
    Conversion,
    /// The locked-down connection refused.
    Permission,
    /// The statement is not SQL.
    Parser,
    /// Names or types in the statement don't fit the tables.
    Binder,
    /// A file could not be read or written, or is in use.
    Io,
    /// The operation was interrupted.
    Interrupt,
    /// A constraint of a table (NULL, for one).
    Constraint,
    /// Anything else.
    Other,
}

impl EngineCode {
    /// The code of a DuckDB error, by the class at the start of its text.
    pub(super) fn of(error: &duckdb::Error) -> Self {
        let duckdb::Error::DuckDBFailure(_, Some(text)) = error else {
            return Self::Other;
        };
        let class = text.split_once("Error").map_or("", |(class, _)| class.trim());
        match class {
            "Out of Memory" => Self::OutOfMemory,
            "Out of Range" => Self::OutOfRange,
            "Conversion" => Self::Conversion,
            "Permission" | "Invalid Configuration" => Self::Permission,
            "Parser" | "Syntax" => Self::Parser,
            "Binder" | "Catalog" => Self::Binder,
            "IO" => Self::Io,
            "INTERRUPT" => Self::Interrupt,
            "Constraint" => Self::Constraint,
            _ => Self::Other,
        }
    }
}

impl fmt::Display for EngineCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OutOfMemory => "out of memory or spill space",
            Self::OutOfRange => "a result left its range",
            Self::Conversion => "a value could not be converted",
            Self::Permission => "refused by the locked-down connection",
            Self::Parser => "not valid SQL",
            Self::Binder => "a name or type doesn't fit the tables",
            Self::Io => "a file could not be read or written, or is in use",
            Self::Interrupt => "interrupted",
            Self::Constraint => "a constraint of a table",
            Self::Other => "engine failure",
        })
    }
}

/// What went wrong. Never holds a cell, a name, a path or SQL.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Frames of one table that do not have the same columns of the catalogue's types.
    #[error("packages differ in the shape of a table; they were made by different versions of the program")]
    Shapes,
    /// DuckDB failed.
    #[error("store: {doing}: {code}")]
    Engine {
        /// What was being done.
        doing: &'static str,
        /// Why, without values.
        code: EngineCode,
    },
    /// The file system failed.
    #[error("store: {doing}: {}", kind)]
    Io {
        /// What was being done.
        doing: &'static str,
        /// Why, without the path.
        kind: std::io::ErrorKind,
    },
    /// A table of the load is not what the catalogue says.
    #[error("store: {0}")]
    Shape(#[from] ShapeError),
    /// The load names a table that the catalogue doesn't have, or `person`, which is made from the persons.
    #[error("store: the load has a table that the catalogue doesn't know (number {position} of the load)")]
    UnknownTable {
        /// Which, in the order of names, from 1.
        position: usize,
    },
    /// A row points at no person.
    #[error("store: table {table}: row {row} has a pid beyond the {persons} persons of this load")]
    UnknownPerson {
        /// Table.
        table: String,
        /// Row of the frame, from 0.
        row: usize,
        /// How many persons the load has.
        persons: usize,
    },
    /// The persons' ids are not all different.
    #[error("store: two persons of the load have one id")]
    SamePerson,
    /// More rows than the layout can hold.
    #[error("store: table {table} has too many rows: {limit}")]
    TooMany {
        /// Table.
        table: String,
        /// The limit.
        limit: &'static str,
    },
    /// A frame's column could not be read as the type it has.
    #[error("store: table {table}, column {column}: the frame can't be read")]
    Frame {
        /// Table.
        table: String,
        /// Column.
        column: String,
    },
    /// The receipt is of another kind of event.
    #[error("store: this needs the log's receipt of a {expected} event")]
    WrongReceipt {
        /// `linkage` or `intent`.
        expected: &'static str,
    },
    /// A name that is no plain file name.
    #[error("store: a snapshot's name is 1 to 128 of a-z, A-Z, 0-9, - _ . and doesn't begin with a dot")]
    BadName,
    /// There is such a snapshot already; nothing is overwritten.
    #[error("store: a snapshot of this name exists already")]
    Exists,
    /// The file is no snapshot of this version.
    #[error("store: the file is not a snapshot that this version reads")]
    NotASnapshot,
    /// A statement that is more than one plain SELECT.
    #[error("store: only one plain SELECT without comments is run")]
    NotASelect,
    /// A result column is no integer.
    #[error("store: result column {column} is not an integer")]
    NotInteger {
        /// Which, from 0.
        column: usize,
    },
}

impl StoreError {
    pub(super) fn engine(doing: &'static str) -> impl Fn(duckdb::Error) -> Self {
        move |error| Self::Engine { doing, code: EngineCode::of(&error) }
    }

    pub(super) fn io(doing: &'static str) -> impl Fn(std::io::Error) -> Self {
        move |error| Self::Io { doing, kind: error.kind() }
    }
}
