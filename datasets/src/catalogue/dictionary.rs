//! The data dictionary: what the catalogue says, put for people (Markdown) and machines (serde). Generated, so that it
//! can't differ from what the program does. It decides nothing and reads no data.

use std::fmt::Write as _;

use audit_log::digest::hex;
use serde::Serialize;

use super::{Catalogue, CategoryValue, Column, ColumnType, RowsPerPerson, Sensitivity, Table};

/// All tables of a catalogue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Dictionary {
    /// Digest of the whole catalogue, hexadecimal: packages, plans and snapshots name it.
    pub catalogue: String,
    /// The tables, in the catalogue's order.
    pub tables: Vec<TableEntry>,
}

/// A table in words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TableEntry {
    /// Name in SQL.
    pub name: String,
    /// What a row is.
    pub description: String,
    /// What a source must be allowed to send for it (`kinds` of a policy's `[[source]]`).
    pub source_kind: String,
    /// One row per person or many.
    pub rows: RowsPerPerson,
    /// Columns by which rows are ordered within a person.
    pub order: Vec<String>,
    /// The columns, in the store's order.
    pub columns: Vec<ColumnEntry>,
}

/// A column in words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ColumnEntry {
    /// Name in SQL.
    pub name: String,
    /// What it holds: integer, date, month, category, code, key or flag.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Its type in a question.
    pub sql: &'static str,
    /// Its type in the store.
    pub stored: &'static str,
    /// UCUM unit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// Precision at which it is kept and summed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grid: Option<String>,
    /// Lower bound, as people write it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min: Option<String>,
    /// Upper bound, as people write it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max: Option<String>,
    /// The closed list.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<CategoryValue>,
    /// The code system of an open list, and its longest code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub system: Option<String>,
    /// Longest code, in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_len: Option<usize>,
    /// Whether NULL can occur.
    pub nullable: bool,
    /// How sensitive it is.
    pub sensitivity: Sensitivity,
    /// Where bounds, list and grid come from.
    pub origin: String,
    /// What it means.
    pub description: String,
}

impl Catalogue {
    /// The data dictionary of all tables.
    pub fn dictionary(&self) -> Dictionary {
        Dictionary { catalogue: hex(&self.digest()), tables: self.tables().iter().map(TableEntry::of).collect() }
    }
}

impl TableEntry {
    fn of(table: &Table) -> Self {
        Self {
            name: table.name.clone(),
            description: table.description.clone(),
            source_kind: table.source_kind.clone(),
            rows: table.rows,
            order: table.order.clone(),
            columns: table.columns.iter().map(ColumnEntry::of).collect(),
        }
    }
}

impl ColumnEntry {
    fn of(column: &Column) -> Self {
        let digits = usize::from(column.digits());
        let (kind, sql) = match &column.ty {
            ColumnType::Integer { digits: 0, .. } => ("integer", "INT64"),
            ColumnType::Integer { .. } => ("integer", "NUMERIC"),
            ColumnType::Date { .. } => ("date", "DATE"),
            ColumnType::Month { .. } => ("month", "DATE"),
            ColumnType::Category { .. } => ("category", "STRING"),
            ColumnType::Code { .. } => ("code", "STRING"),
            ColumnType::Key => ("key", "KEY"),
            ColumnType::Flag => ("flag", "BOOL"),
        };
        let measured = matches!(column.ty, ColumnType::Integer { .. });
        let bounded = measured || matches!(column.ty, ColumnType::Date { .. } | ColumnType::Month { .. });
        let bounds = column.bounds().filter(|_| bounded);
        let (system, max_len) = match &column.ty {
            ColumnType::Code { system, max_len } => (Some(system.clone()), Some(*max_len)),
            _ => (None, None),
        };
        Self {
            name: column.name.clone(),
            kind,
            sql,
            stored: column.sql_type(),
            unit: match &column.ty {
                ColumnType::Integer { unit, .. } => Some(unit.clone()),
                _ => None,
            },
            grid: measured.then(|| if digits == 0 { "1".to_owned() } else { format!("0.{:0>digits$}", 1) }),
            min: bounds.map(|(min, _)| column.show(min).into_owned()),
            max: bounds.map(|(_, max)| column.show(max).into_owned()),
            values: column.values().to_vec(),
            system,
            max_len,
            nullable: column.nullable,
            sensitivity: column.sensitivity,
            origin: column.origin.clone(),
            description: column.description.clone(),
        }
    }

    /// Unit, grid and bounds, list or code system: what values can be.
    fn domain(&self) -> String {
        let mut parts = Vec::new();
        if let (Some(min), Some(max)) = (&self.min, &self.max) {
            parts.push(format!("{min} to {max}"));
        }
        match self.unit.as_deref() {
            Some("1") => parts.push("a count or ratio".to_owned()),
            Some(unit) => parts.push(format!("`{}`", cell(unit))),
            None => {}
        }
        if let Some(grid) = &self.grid {
            parts.push(format!("grid {grid}"));
        }
        if let (Some(system), Some(max_len)) = (&self.system, self.max_len) {
            parts.push(format!("{}, at most {max_len} characters", cell(system)));
        }
        let mut text = parts.join(", ");
        for value in &self.values {
            let _ = write!(text, "{}`{}` {}", if text.is_empty() { "" } else { "; " }, value.code, cell(&value.label));
        }
        text
    }
}

impl Dictionary {
    /// Keeps one table; `false` if there is none of this name.
    pub fn retain(&mut self, table: &str) -> bool {
        self.tables.retain(|entry| entry.name == table);
        !self.tables.is_empty()
    }

    /// A page of documentation.
    pub fn markdown(&self) -> String {
        let mut page = String::from(
            "# Data dictionary\n\n\
             Generated by `sudare schema` from the catalogue. Bounds, lists and grids come from the place named, never from\n\
             loaded data: what lies outside goes to the bound or to `other`, and NULL is a category of its own. Every row belongs\n\
             to one `person_id`. KEY columns are keyed 64-bit names: they can be compared and counted, not read.\n\n",
        );
        let _ = writeln!(page, "Catalogue `{}`\n", self.catalogue);
        for table in &self.tables {
            table.markdown(&mut page);
        }
        page
    }
}

impl TableEntry {
    fn markdown(&self, page: &mut String) {
        let rows = match self.rows {
            RowsPerPerson::One => "one row per person",
            RowsPerPerson::Many => "any number of rows per person",
        };
        // Writing to a String can't fail.
        let _ = writeln!(page, "## `{}`\n\n{}\n", self.name, self.description);
        let _ = write!(page, "Source kind `{}`; {rows}", self.source_kind);
        if !self.order.is_empty() {
            let _ = write!(page, ", ordered by {}", quoted(&self.order, "`"));
        }
        page.push_str(
            ".\n\n| Column | SQL | Stored as | Values | NULL | Sensitivity | Meaning | Where from |\n|---|---|---|---|---|---|---|---|\n",
        );
        for column in &self.columns {
            let sensitivity = match column.sensitivity {
                Sensitivity::Ordinary => "ordinary",
                Sensitivity::Sensitive => "sensitive",
                Sensitivity::Special => "special (要配慮)",
            };
            let _ = writeln!(
                page,
                "| `{}` | {} ({}) | {} | {} | {} | {sensitivity} | {} | {} |",
                column.name,
                column.sql,
                column.kind,
                column.stored,
                column.domain(),
                if column.nullable { "yes" } else { "no" },
                cell(&column.description),
                cell(&column.origin),
            );
        }
        let names: Vec<String> = self.columns.iter().map(|column| column.name.clone()).collect();
        let _ = writeln!(
            page,
            "\nIn a policy, take what the project needs of:\n```toml\n[project.columns]\n{} = [{}]\n```\n",
            self.name,
            quoted(&names, "\"")
        );
    }
}

fn quoted(names: &[String], mark: &str) -> String {
    names.iter().map(|name| format!("{mark}{name}{mark}")).collect::<Vec<_>>().join(", ")
}

/// Text that stays within a cell of a Markdown table.
fn cell(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;

    #[test]
    fn every_table_and_column_is_there_with_its_origin() {
        let catalogue = Catalogue::builtin().unwrap();
        let page = catalogue.dictionary().markdown();
        let json = serde_json::to_value(catalogue.dictionary()).unwrap();
        assert!(page.contains(&hex(&catalogue.digest())));
        assert_eq!(json["tables"].as_array().unwrap().len(), catalogue.tables().len());
        for (at, table) in catalogue.tables().iter().enumerate() {
            let section = page.split("\n## `").find(|s| s.starts_with(&format!("{}`", table.name))).unwrap();
            assert!(section.contains(&format!("Source kind `{}`", table.source_kind)));
            let example = section.split("[project.columns]").nth(1).unwrap();
            for (n, column) in table.columns.iter().enumerate() {
                let row = section.lines().find(|l| l.starts_with(&format!("| `{}` |", column.name))).unwrap();
                // Eight cells, whatever signs stand in a label.
                assert_eq!(row.replace("\\|", "").matches('|').count(), 9, "{row}");
                assert!(row.contains(&cell(&column.origin)) && row.contains(column.sql_type()), "{row}");
                assert!(example.contains(&format!("\"{}\"", column.name)));
                let entry = &json["tables"][at]["columns"][n];
                assert_eq!(entry["name"], column.name.as_str());
                assert_eq!(entry["origin"], column.origin.as_str());
                match &column.ty {
                    ColumnType::Integer { min, max, unit, .. } => {
                        assert_eq!(entry["min"], &*column.show(*min));
                        assert_eq!(entry["max"], &*column.show(*max));
                        assert_eq!(entry["unit"], unit.as_str());
                        assert!(row.contains(&format!("{} to {}", column.show(*min), column.show(*max))), "{row}");
                    }
                    ColumnType::Category { values } => {
                        assert_eq!(entry["values"].as_array().unwrap().len(), values.len());
                        for value in values {
                            assert!(row.contains(&format!("`{}` ", value.code)), "{row}");
                        }
                    }
                    ColumnType::Code { system, .. } => assert!(row.contains(&cell(system))),
                    _ => {}
                }
            }
        }
    }

    #[test]
    fn grids_are_written_as_steps() {
        let dictionary = Catalogue::builtin().unwrap().dictionary();
        let find = |table: &str, column: &str| {
            let table = dictionary.tables.iter().find(|t| t.name == table).unwrap();
            table.columns.iter().find(|c| c.name == column).unwrap().clone()
        };
        assert_eq!(find("checkup", "hba1c").grid.as_deref(), Some("0.1"));
        assert_eq!(find("checkup", "hba1c").sql, "NUMERIC");
        assert_eq!(find("lifelog_daily", "steps").grid.as_deref(), Some("1"));
        assert_eq!(find("claim", "facility").sql, "KEY");
        assert_eq!(find("claim", "month").min.as_deref(), Some("2008-04"));
        let mut one = dictionary.clone();
        assert!(one.retain("act") && one.tables.len() == 1);
        assert!(!one.clone().retain("no-such-table"));
        assert!(!one.markdown().contains("## `claim`"));
    }
}
