//! Strategies side by side on the same rows, whole and by groups of rows; as Markdown and, through serde, as JSON.

use std::fmt::Write;

use serde::{Deserialize, Serialize};

use super::{Comparison, Evaluation, Group, Part, Rate};
use crate::error::LinkageError;
use crate::settings::Strategy;

/// A group measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Grouping {
    /// See [`Group::kind`].
    pub kind: String,
    /// See [`Group::name`].
    pub name: String,
    /// Its figures.
    #[serde(flatten)]
    pub part: Part,
}

/// One way to link, measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Graded {
    /// A strategy's name, or a peer's.
    pub name: String,
    /// All rows.
    pub whole: Evaluation,
    /// By group.
    pub groups: Vec<Grouping>,
}

/// Ways to link, side by side.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
pub struct Scorecard {
    /// In the order they were added.
    pub graded: Vec<Graded>,
}

impl Scorecard {
    /// Adds a partition.
    ///
    /// # Errors
    /// [`LinkageError::Length`] if partition, truth and groups differ in length.
    pub fn add(&mut self, name: &str, found: &[u32], truth: &[u32], groups: &[Group]) -> Result<(), LinkageError> {
        let comparison = Comparison::new(found, truth)?;
        let mut measured = Vec::with_capacity(groups.len());
        for group in groups {
            if group.within.len() != truth.len() {
                return Err(LinkageError::Length { what: "group", expected: truth.len(), found: group.within.len() });
            }
            let part = comparison.part(&|row| group.within.get(row).copied().unwrap_or(false));
            if part.rows > 0 {
                measured.push(Grouping { kind: group.kind.clone(), name: group.name.clone(), part });
            }
        }
        self.graded.push(Graded { name: name.to_owned(), whole: comparison.whole(), groups: measured });
        Ok(())
    }

    /// What was measured of a strategy.
    #[must_use]
    pub fn of(&self, strategy: Strategy) -> Option<&Graded> {
        self.graded.iter().find(|graded| graded.name == strategy.name())
    }

    /// The kinds of groups, in order.
    #[must_use]
    pub fn kinds(&self) -> Vec<&str> {
        let mut kinds: Vec<&str> = Vec::new();
        for group in self.graded.iter().flat_map(|graded| &graded.groups) {
            if !kinds.contains(&group.kind.as_str()) {
                kinds.push(&group.kind);
            }
        }
        kinds
    }

    /// The table of strategies: header and rows.
    #[must_use]
    pub fn table(&self) -> (Vec<String>, Vec<Vec<String>>) {
        let header = [
            "strategy",
            "persons",
            "precision %",
            "recall %",
            "B³ precision %",
            "B³ recall %",
            "1 id %",
            "2 ids %",
            "3+ ids %",
            "mixed ids",
        ];
        let row = |graded: &Graded| {
            let e = &graded.whole;
            let share = |from: usize| -> f64 {
                let last = if from == 2 { e.ids_per_person.len() } else { from + 1 };
                let n: u64 = e.ids_per_person.get(from..last).unwrap_or_default().iter().sum();
                100.0 * n as f64 / e.true_persons.max(1) as f64
            };
            let mut cells = vec![graded.name.clone(), format!("{} of {}", e.found_persons, e.true_persons)];
            cells.extend([e.precision, e.recall, e.b_cubed_precision, e.b_cubed_recall].map(|rate| percent(&rate)));
            cells.extend([0, 1, 2].map(|from| format!("{:.2}", share(from))));
            cells.push(e.mixed_ids.to_string());
            cells
        };
        (header.map(str::to_owned).to_vec(), self.graded.iter().map(row).collect())
    }

    /// A table of groups of a kind, one column a strategy: header and rows. `of` picks what is shown and `show` writes it; a dash where
    /// there is nothing.
    #[must_use]
    pub fn group_table(
        &self,
        kind: &str,
        of: &dyn Fn(&Part) -> Option<Rate>,
        show: &dyn Fn(&Rate) -> String,
    ) -> (Vec<String>, Vec<Vec<String>>) {
        let mut header = vec![kind.to_owned(), "persons".to_owned(), "rows".to_owned()];
        header.extend(self.graded.iter().map(|graded| graded.name.clone()));
        let named = self.graded.iter().max_by_key(|graded| graded.groups.len());
        let groups = named.into_iter().flat_map(|graded| &graded.groups).filter(|group| group.kind == kind);
        let row = |group: &Grouping| {
            let mut cells = vec![group.name.clone(), group.part.persons.to_string(), group.part.rows.to_string()];
            cells.extend(self.graded.iter().map(|graded| {
                let own = graded.groups.iter().find(|own| own.kind == kind && own.name == group.name);
                own.and_then(|own| of(&own.part)).map_or_else(|| "–".to_owned(), |rate| show(&rate))
            }));
            cells
        };
        (header, groups.map(row).collect())
    }

    /// All tables.
    #[must_use]
    pub fn markdown(&self) -> String {
        let mut out = String::new();
        let (header, rows) = self.table();
        markdown(&mut out, &header, &rows);
        for kind in self.kinds() {
            type Of = fn(&Part) -> Option<Rate>;
            let shown: [(&str, Of); 4] = [
                ("recall", |part| part.recall),
                ("precision", |part| part.precision),
                ("B³ recall", |part| Some(part.b_cubed_recall)),
                ("B³ precision", |part| Some(part.b_cubed_precision)),
            ];
            for (what, of) in shown {
                let (header, rows) = self.group_table(kind, &of, &percent);
                let _ = writeln!(out, "\n**By {kind}: {what} %** (95% interval)\n");
                markdown(&mut out, &header, &rows);
            }
        }
        out
    }
}

/// `99.87 (99.81–99.91)`.
fn percent(rate: &Rate) -> String {
    format!("{:.2} ({:.2}–{:.2})", 100.0 * rate.value, 100.0 * rate.low, 100.0 * rate.high)
}

fn markdown(out: &mut String, header: &[String], rows: &[Vec<String>]) {
    let _ = writeln!(out, "| {} |", header.join(" | "));
    let _ = writeln!(out, "|---|{}", "---:|".repeat(header.len().saturating_sub(1)));
    for row in rows {
        let _ = writeln!(out, "| {} |", row.join(" | "));
    }
}
