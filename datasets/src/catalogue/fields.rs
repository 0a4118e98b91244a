//! What becomes of every field of every source format: drop, token, key, generalize or keep. For people to check, and for a
//! test that no column of the catalogue is filled from nowhere. It is not what the readers follow: they can only fill columns.

use serde::{Deserialize, Serialize};

use super::CatalogueError;

const TEXT: &str = include_str!("../../catalogue/fields.toml");

/// What happens to a field on its way out of the source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Treatment {
    /// Never decoded, or gone after the reader.
    Drop,
    /// Goes into keyed tokens and nowhere else.
    Token,
    /// Becomes a keyed 64-bit number of its own.
    Key,
    /// Coarser than written.
    Generalize,
    /// As it is, within the catalogue's bounds and lists.
    Keep,
}

impl Treatment {
    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Drop => "drop",
            Self::Token => "token",
            Self::Key => "key",
            Self::Generalize => "generalize",
            Self::Keep => "keep",
        }
    }
}

/// One field, or several that are treated alike.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceField {
    /// Its name in the source's format.
    pub field: String,
    /// What happens to it.
    pub becomes: Treatment,
    /// Where it goes: passes of tokens, `table.column`, or `table.*`.
    #[serde(default)]
    pub to: Vec<String>,
    /// The reason, where it isn't plain.
    #[serde(default)]
    pub why: Option<String>,
}

/// The fields of a family of formats.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FormatFields {
    /// Short name.
    pub name: String,
    /// What the files are.
    pub title: String,
    /// Who defines the format.
    pub source: String,
    /// The fields, in the format's order.
    pub fields: Vec<SourceField>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    format: Vec<FormatFields>,
}

/// The treatment of every field, by format.
///
/// # Errors
/// The built-in file is not valid; a test makes sure that it is.
pub fn source_fields() -> Result<Vec<FormatFields>, CatalogueError> {
    let file: File = toml::from_str(TEXT).map_err(|error| CatalogueError::Syntax {
        file: "fields.toml".to_owned(),
        line: 1 + TEXT.bytes().take(error.span().map_or(0, |span| span.start)).filter(|b| *b == b'\n').count(),
        message: error.message().to_owned(),
    })?;
    Ok(file.format)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

    use super::*;
    use crate::catalogue::{Catalogue, ColumnType};

    #[test]
    fn every_column_is_filled_from_somewhere_and_nothing_goes_nowhere() {
        const PASSES: [&str; 8] = ["member", "id1", "id2", "id4", "individual", "marriage", "birth", "tombstones"];
        let catalogue = Catalogue::builtin().unwrap();
        let formats = source_fields().unwrap();
        let fields = || formats.iter().flat_map(|format| &format.fields);
        let mut targets = Vec::new();
        for field in fields() {
            let dropped = field.becomes == Treatment::Drop;
            assert_eq!(dropped, field.to.is_empty(), "{}", field.field);
            for to in &field.to {
                if field.becomes == Treatment::Token {
                    assert!(PASSES.contains(&to.as_str()), "{}: no pass {to}", field.field);
                } else if to != "identity.postcode3" {
                    let (table, column) = to.split_once('.').expect("table.column");
                    let table = catalogue.table(table).expect("a table of the catalogue");
                    assert!(column == "*" || table.column(column).is_some(), "{}: no column {to}", field.field);
                    let keyed = |c: &str| table.column(c).is_some_and(|c| c.ty == ColumnType::Key);
                    assert_eq!(keyed(column), field.becomes == Treatment::Key, "{}: {to}", field.field);
                    targets.push(to.as_str());
                }
            }
        }
        for table in catalogue.tables() {
            for column in &table.columns {
                let own = format!("{}.{}", table.name, column.name);
                let all = format!("{}.*", table.name);
                let filled = targets.iter().any(|t| *t == own || (*t == all && column.ty != ColumnType::Key));
                assert!(filled, "{own} is filled from no field");
            }
        }
        // Names and numbers of people are tokens and nothing else.
        for field in fields().filter(|f| f.field.contains("氏名") || f.field.contains("番号")) {
            let person = !["医療機関", "検索番号; IR", "保険者番号"].iter().any(|w| field.field.contains(w));
            if person {
                let ok = matches!(field.becomes, Treatment::Token | Treatment::Drop | Treatment::Generalize);
                assert!(ok, "{} is {:?}", field.field, field.becomes);
            }
        }
    }
}
