//! What the operator can see without any truth: of the people whom a source's rows of a year name, how many another source knows, and
//! how many have more than one spelling. A sudden drop is a broken file or a changed layout. Exact counts: for the operator alone.

use std::collections::{BTreeMap, BTreeSet};

use linkage::{Estimate, Outcome};
use serde::Serialize;

use super::Content;
use crate::out::{Out, thousands};

/// One source in one 年度 (April to March, by the last day a row was seen).
#[derive(Serialize)]
pub(super) struct LinkRate {
    source: String,
    year: i32,
    persons: u64,
    /// Of them, known to another source too.
    elsewhere: u64,
    /// Of them, written in more than one way, by this source or another.
    respelled: u64,
}

pub(super) fn of(contents: &[Content], outcome: &Outcome) -> Vec<LinkRate> {
    let names = super::persons::sources(contents);
    // Per person: a bit for each source (beyond 63 they share one), and how many rows.
    let mut seen = vec![(0_u64, 0_u32); outcome.persons.len()];
    let mut members: BTreeMap<(usize, i32), BTreeSet<u32>> = BTreeMap::new();
    let mut person_of = outcome.person_of.iter();
    for content in contents {
        let source = names.iter().position(|name| *name == content.source).unwrap_or_default();
        for (identity, person) in content.identities.iter().zip(person_of.by_ref()) {
            if let Some((sources, count)) = seen.get_mut(*person as usize) {
                *sources |= 1 << source.min(63);
                *count += 1;
            }
            let last = identity.last_day.max(identity.first_day).unwrap_or_default();
            members.entry((source, fiscal_year(last))).or_default().insert(*person);
        }
    }
    let rate = |((source, year), persons): ((usize, i32), BTreeSet<u32>)| {
        let count = |fits: &dyn Fn(&(u64, u32)) -> bool| {
            persons.iter().filter_map(|person| seen.get(*person as usize)).filter(|one| fits(one)).count() as u64
        };
        LinkRate {
            source: names.get(source).cloned().unwrap_or_default(),
            year,
            persons: persons.len() as u64,
            elsewhere: count(&|one| one.0.count_ones() > 1),
            respelled: count(&|one| one.1 > 1),
        }
    };
    members.into_iter().map(rate).collect()
}

/// The 年度 of a day since 1970.
fn fiscal_year(day: i32) -> i32 {
    let epoch = jiff::civil::date(1970, 1, 1);
    let date = epoch.checked_add(jiff::Span::new().days(i64::from(day).clamp(-700_000, 700_000))).unwrap_or(epoch);
    i32::from(date.year()) - i32::from(date.month() < 4)
}

pub(super) fn tell(rates: &[LinkRate], estimate: &Estimate, out: &Out) {
    if estimate.pairs > 0.0 {
        out.line(format!(
            "  By the model's own lights {:.2}% of the pairs that were joined belong together, and {:.2}% of those that belong together \
             were joined; {} pairs wait for review",
            100.0 * estimate.precision(),
            100.0 * estimate.recall(),
            thousands(estimate.listed)
        ));
    }
    out.line("  People by source and year (for the operator alone):");
    let share = |n: u64, of: u64| format!("{:.1} %", 100.0 * n as f64 / of.max(1) as f64);
    let row = |rate: &LinkRate| {
        vec![
            rate.source.clone(),
            rate.year.to_string(),
            thousands(rate.persons),
            share(rate.elsewhere, rate.persons),
            share(rate.respelled, rate.persons),
        ]
    };
    let rows: Vec<Vec<String>> = rates.iter().map(row).collect();
    out.table(&["source", "年度", "people", "known to another source", "more than one spelling"], 1, &rows);
}

#[cfg(test)]
mod tests {
    use super::fiscal_year;

    #[test]
    fn years_begin_in_april() {
        // 2024-03-31, 2024-04-01 and 1970-01-01.
        assert_eq!([19_813, 19_814, 0].map(fiscal_year), [2023, 2024, 1969]);
    }
}
