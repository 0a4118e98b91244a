//! From the linker's clusters to persons with ids, attributes and pairs for review. It links nobody.

use crate::model::Model;
use crate::people;
use crate::score::Doubtful;
use crate::state::Linker;
use crate::tokens::NONE;
use crate::{Attributes, LinkageError, Outcome, ids};

/// The persons that rows are.
pub(crate) struct Found {
    /// By the places that were asked for, and by the linker's rows.
    pub(crate) person_of: Vec<u32>,
    pub(crate) of_row: Vec<u32>,
    pub(crate) persons: u32,
    pub(crate) attributes: Vec<Attributes>,
    /// How many persons one, two, … sources know.
    pub(crate) by_sources: Vec<u64>,
    pub(crate) review: Vec<Doubtful>,
}

impl Linker {
    /// The persons that all rows so far are, by the linker's rows. Persons of an earlier call keep their ids; the journal says what
    /// became of ids since.
    ///
    /// # Errors
    /// [`LinkageError::IdSource`] if `ids` repeats itself.
    pub fn persons(&mut self, ids: &mut dyn FnMut() -> u128) -> Result<Outcome, LinkageError> {
        let rows = u32::try_from(self.rows.all.len()).unwrap_or(NONE);
        let all: Vec<u32> = (0..rows).collect();
        self.finish(&all, ids)
    }

    /// The persons by rows in a given order, in which every row comes at least once.
    pub(crate) fn finish(&mut self, order: &[u32], ids: &mut dyn FnMut() -> u128) -> Result<Outcome, LinkageError> {
        let Found { person_of, of_row, persons: count, attributes, by_sources, review } = self.found(order);
        let person = |row: u32| of_row.get(row as usize).copied().unwrap_or(NONE);
        let held = self.claims.iter().map(|&(id, row)| (id, person(row))).collect();
        // Rows are numbered in the order of time, unless they were linked in parts.
        let rank = if self.ranks.is_empty() { ids::first(&of_row, count) } else { self.earliest(&of_row, count) };
        self.ranks = Vec::new();
        let (persons, journal) = ids::assign(held, &rank, count, &self.clusters, ids, &mut self.report)?;
        self.report.persons = u64::from(count);
        self.report.persons_by_sources = by_sources;
        self.clusters.renew(persons.iter().map(|id| id.0).collect(), person);
        self.claims = (0u32..).zip(&of_row).map(|(row, &person)| (person, row)).collect();
        Ok(Outcome { person_of, persons, attributes, journal, review, report: self.report.clone() })
    }

    /// When each person first appears.
    fn earliest(&self, of_row: &[u32], persons: u32) -> Vec<u32> {
        let mut rank = vec![NONE; persons as usize];
        for (row, &person) in of_row.iter().enumerate() {
            // Rows of later batches come after all of these.
            let at = self.ranks.get(row).copied().unwrap_or(u32::try_from(row).unwrap_or(NONE));
            if let Some(slot) = rank.get_mut(person as usize) {
                *slot = at.min(*slot);
            }
        }
        rank
    }

    /// The same, still without ids.
    pub(crate) fn found(&mut self, order: &[u32]) -> Found {
        let roots = self.clusters.roots();
        let root = |row: u32| roots.get(row as usize).copied().unwrap_or(row);
        let (person_of, persons) = ids::number(order.iter().map(|&row| root(row)), roots.len());
        let mut of_row = vec![NONE; roots.len()];
        for (&row, &person) in order.iter().zip(&person_of) {
            if let Some(slot) = of_row.get_mut(row as usize) {
                *slot = person;
            }
        }
        let known = self.rows.all.iter().zip(&self.rows.times).zip(&of_row);
        let known: Vec<people::Known> = known
            .map(|((row, &times), &person)| people::Known {
                person,
                times,
                sex: row.sex,
                birth: row.birth,
                source: row.source,
            })
            .collect();
        let (attributes, by_sources) = people::describe(&known, persons);
        let review = self.doubts(order, &roots);
        Found { person_of, of_row, persons, attributes, by_sources, review }
    }

    /// Pairs that are still two, by places in `order`, the likelier first.
    fn doubts(&mut self, order: &[u32], roots: &[u32]) -> Vec<Doubtful> {
        let root = |row: u32| roots.get(row as usize).copied().unwrap_or(row);
        self.review.retain(|pair| root(pair.row) != root(pair.other));
        self.report.estimate.listed = self.review.len() as u64;
        self.report.estimate.unreachable = self.settings.model.as_ref().map_or(0.0, Model::unreachable);
        let mut place_of = vec![NONE; roots.len()];
        for (place, &row) in (0u32..).zip(order) {
            if let Some(slot) = place_of.get_mut(row as usize) {
                *slot = place.min(*slot);
            }
        }
        let place = |row: u32| place_of.get(row as usize).copied().unwrap_or(NONE);
        let pairs = self.review.iter().map(|pair| Doubtful { row: place(pair.row), other: place(pair.other), ..*pair });
        let mut pairs: Vec<Doubtful> = pairs.collect();
        pairs.sort_unstable();
        pairs
    }
}
