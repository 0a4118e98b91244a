//! Columns that a policy names and the catalogue does not have: where they stand, and what may have been meant.

use datasets::catalogue::Catalogue;

use crate::parse::PolicyError;
use crate::policy::{EXISTENCE, Policy};

impl Policy {
    /// Columns that a project allows but the catalogue does not have: (project, table, column). A misspelt column is never a
    /// permission, but whoever wrote it wants to know.
    #[must_use]
    pub fn unknown_columns(&self, catalogue: &Catalogue) -> Vec<(String, String, String)> {
        let mut unknown = Vec::new();
        for project in self.projects() {
            for (table, columns) in &project.columns {
                for column in columns {
                    let known = catalogue
                        .table(table)
                        .is_some_and(|found| column == EXISTENCE || found.column(column).is_some());
                    if !known {
                        unknown.push((project.id.clone(), table.clone(), column.clone()));
                    }
                }
            }
        }
        unknown
    }

    /// Checks that the catalogue has every column that a project allows.
    ///
    /// # Errors
    /// The first that it does not have, with line, column and what to do.
    pub fn check_columns(&self, catalogue: &Catalogue) -> Result<(), PolicyError> {
        let places = self.unknown_columns(catalogue).into_iter().map(|unknown| {
            let place = self.places.get(&unknown).copied().unwrap_or_default();
            (place, unknown)
        });
        let Some((place, (project, table, column))) = places.min() else {
            return Ok(());
        };
        let (message, near, list) = match catalogue.table(&table) {
            Some(found) => {
                let near = nearest(&column, found.columns.iter().map(|c| c.name.as_str()));
                let message = format!("project {project} allows {table}.{column}, which the catalogue does not have");
                (message, near, format!("`sudare schema --table {table}` lists its columns"))
            }
            None => {
                let near = nearest(&table, catalogue.tables().iter().map(|t| t.name.as_str()));
                let message =
                    format!("project {project} allows columns of {table}, a table that the catalogue does not have");
                (message, near, "`sudare schema` lists all tables".to_owned())
            }
        };
        let help = near.map_or(list.clone(), |near| format!("did you mean `{near}`? {list}"));
        Err(PolicyError { line: place.0, column: place.1, message, help })
    }
}

/// The name that is at most two slips of the pen away; none if even the nearest is a different word.
fn nearest<'n>(written: &str, names: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    let written = written.to_lowercase();
    let most = (written.chars().count() / 3).clamp(1, 2);
    names.map(|name| (slips(&written, name), name)).filter(|(slips, _)| *slips <= most).min().map(|(_, name)| name)
}

/// Levenshtein's distance.
fn slips(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut next = vec![i + 1];
        for ((y, above), before) in b.iter().zip(row.iter().skip(1)).zip(&row) {
            let left = next.last().copied().unwrap_or_default();
            next.push((before + usize::from(x != *y)).min(above + 1).min(left + 1));
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_counted() {
        assert_eq!((slips("", "abc"), slips("steps", "step"), slips("hba1c", "hba1c")), (3, 1, 0));
        assert_eq!(slips("kitten", "sitting"), 3);
        assert_eq!(nearest("hba1C", ["hb", "hba1c", "bmi"].into_iter()), Some("hba1c"));
        assert_eq!(nearest("weight", ["steps", "sbp"].into_iter()), None);
    }
}
