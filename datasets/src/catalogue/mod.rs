//! The catalogue: what every table and column means, its unit, bounds, grid and closed list, and where these come from.
//!
//! It is checked data (`datasets/catalogue/*.toml`), the part of a question's price that must not depend on anybody's
//! records. It isn't a schema of raw files (that is `read`) and holds no policy on who may see what.

mod column;
mod dictionary;
mod fields;
mod form;
mod grid;
mod parse;
mod shape;

pub use column::{CategoryValue, Column, ColumnType, Sensitivity, civil_from_days, days_from_civil};
pub use dictionary::{ColumnEntry, Dictionary, TableEntry};
pub use fields::{FormatFields, SourceField, Treatment, source_fields};
pub use form::CodeForm;
pub use grid::GridError;
pub use parse::CatalogueError;
pub use shape::{KeyForm, ShapeError};

use audit_log::digest::sha256;
use serde::Serialize;

/// The tables that come with Sudare, in the order in which they are loaded and listed.
const BUILTIN: [(&str, &str); 12] = [
    ("person.toml", include_str!("../../catalogue/person.toml")),
    ("enrolment.toml", include_str!("../../catalogue/enrolment.toml")),
    ("checkup.toml", include_str!("../../catalogue/checkup.toml")),
    ("claim.toml", include_str!("../../catalogue/claim.toml")),
    ("diagnosis.toml", include_str!("../../catalogue/diagnosis.toml")),
    ("act.toml", include_str!("../../catalogue/act.toml")),
    ("lifelog_daily.toml", include_str!("../../catalogue/lifelog_daily.toml")),
    ("checkup_item.toml", include_str!("../../catalogue/checkup_item.toml")),
    ("observation.toml", include_str!("../../catalogue/observation.toml")),
    ("programme.toml", include_str!("../../catalogue/programme.toml")),
    ("event.toml", include_str!("../../catalogue/event.toml")),
    ("consent.toml", include_str!("../../catalogue/consent.toml")),
];

/// Names that the store adds to tables; no catalogue column may be called so.
pub const RESERVED: [&str; 4] = ["ident", "pid", "person_id", "draw"];

/// Kinds of data that a source can be allowed to send; every table is of one of them.
pub const SOURCE_KINDS: [&str; 8] =
    ["eligibility", "claims", "checkups", "lifelog", "observations", "programmes", "events", "consent"];

/// The table with one row per person; it has no `draw`.
pub const PERSON: &str = "person";

/// How many rows a person can have in a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RowsPerPerson {
    /// Exactly one.
    One,
    /// Any number, none included.
    Many,
}

/// A canonical table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Table {
    /// Name in SQL.
    pub name: String,
    /// What a row is.
    pub description: String,
    /// What a source must be allowed to send for this table: one of [`SOURCE_KINDS`].
    pub source_kind: String,
    /// One row per person or many.
    pub rows: RowsPerPerson,
    /// Columns by which rows are clustered within a person.
    pub order: Vec<String>,
    /// The columns, in the store's order.
    pub columns: Vec<Column>,
}

impl Table {
    /// The column of this name.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|c| c.name == name)
    }

    /// The column's place among [`Table::columns`].
    pub fn position(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|c| c.name == name)
    }
}

/// All canonical tables.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Catalogue {
    tables: Vec<Table>,
}

impl Catalogue {
    /// The tables that come with Sudare.
    ///
    /// # Errors
    /// A built-in file is not valid; a test of this crate makes sure that none is.
    pub fn builtin() -> Result<Self, CatalogueError> {
        Self::parse(&BUILTIN)
    }

    /// The built-in tables and further ones, given as (file name, text): a new kind of data needs no Rust.
    ///
    /// # Errors
    /// The first thing that is wrong, with file, table and column; a table of a name that is there already.
    pub fn extended(further: &[(&str, &str)]) -> Result<Self, CatalogueError> {
        let all: Vec<(&str, &str)> = BUILTIN.iter().chain(further).copied().collect();
        Self::parse(&all)
    }

    /// Reads and checks catalogue files, given as (file name, text); tables keep this order.
    ///
    /// # Errors
    /// The first thing that is wrong, with file, table and column.
    pub fn parse(files: &[(&str, &str)]) -> Result<Self, CatalogueError> {
        parse::catalogue(files).map(|tables| Self { tables })
    }

    /// The tables, in the order in which they are loaded and listed.
    pub fn tables(&self) -> &[Table] {
        &self.tables
    }

    /// The table of this name.
    pub fn table(&self, name: &str) -> Option<&Table> {
        self.tables.iter().find(|t| t.name == name)
    }

    /// The column of this name in this table.
    pub fn column(&self, table: &str, column: &str) -> Option<&Column> {
        self.table(table)?.column(column)
    }

    /// SHA-256 over everything the catalogue says, descriptions and origins included, as compact JSON behind a
    /// version line. Comments and layout of the files don't count.
    pub fn digest(&self) -> [u8; 32] {
        let mut bytes = b"sudare-catalogue-1\n".to_vec();
        // Writing plain structs of strings and integers to a Vec can't fail.
        if serde_json::to_writer(&mut bytes, &self.tables).is_err() {
            bytes.clear();
        }
        sha256(&bytes)
    }
}

#[cfg(test)]
mod tests;
