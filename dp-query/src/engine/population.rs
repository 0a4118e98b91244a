//! Rows of persons who count, by consents and the policy's population. It only ever takes whole persons away, by what is stored of
//! themselves: no neighbour's answer changes by more than that person's rows.

use std::ops::Range;

use jiff::civil::Date;
use policies::WithoutConsent;

use super::TooComplex;
use super::expr::{Sql, bounded, integer};
use super::relation::{cut, within as relation_within};
use crate::check::CONSENT;
use crate::plan::{Audience, Consents, Reach};

/// The rows of a relation whose persons count on this day; `persons` as in the relation.
pub(super) fn within(rows: &str, audience: &Audience, day: Date, persons: Option<&Range<u32>>) -> Sql {
    let sets = sets(audience, day, persons)?;
    if sets.is_empty() {
        return Ok(rows.to_owned());
    }
    let conditions: Vec<String> =
        sets.iter().map(|(within, set)| format!("pid {}IN ({set})", if *within { "" } else { "NOT " })).collect();
    bounded(format!("SELECT * FROM ({rows}) WHERE {}", conditions.join(" AND ")))
}

/// The persons of the sets by which is decided who counts, read once for a question. Who counts is in each set, or not in it, as it says.
pub(super) struct People {
    sets: Vec<(bool, Vec<bool>)>,
}

impl People {
    /// None where everybody counts: nobody is in a set that leaves persons out, and there is no other.
    pub(super) fn of(sets: Vec<(bool, Vec<bool>)>) -> Option<Self> {
        let sets: Vec<_> = sets.into_iter().filter(|(within, set)| *within || set.contains(&true)).collect();
        (!sets.is_empty()).then_some(Self { sets })
    }

    /// Whether a person counts.
    pub(super) fn count(&self, pid: u32) -> bool {
        self.sets.iter().all(|(within, set)| set.get(pid as usize).copied().unwrap_or(false) == *within)
    }
}

/// Who counts: persons must be within, or not within, each of these sets. How many sets there are depends on the plan only.
pub(super) fn sets(
    audience: &Audience,
    day: Date,
    persons: Option<&Range<u32>>,
) -> Result<Vec<(bool, String)>, TooComplex> {
    let mut sets = Vec::new();
    if !audience.consents.is_empty() {
        let each = |condition: fn(usize) -> String, with: &str| {
            (0..audience.consents.len()).map(condition).collect::<Vec<_>>().join(with)
        };
        let spoken = spoken(&audience.consents, day, persons);
        sets.push(match audience.project.without_consent {
            WithoutConsent::Include => {
                let out = each(|n| format!("refused{n} OR (asked{n} AND NOT permitted{n})"), " OR ");
                (false, format!("SELECT pid FROM ({spoken}) WHERE {out}"))
            }
            WithoutConsent::Exclude => {
                let within = each(|n| format!("permitted{n} AND NOT refused{n}"), " AND ");
                (true, format!("SELECT pid FROM ({spoken}) WHERE {within}"))
            }
        });
    }
    if let Some(limit) = &audience.limit {
        sets.push((true, format!("SELECT pid FROM ({})", relation_within(limit, persons)?)));
    }
    Ok(sets)
}

/// Per person, in one pass over the consents: for each kind of data whether a refusal holds, whether there ever was a permission, whether
/// one holds.
fn spoken(consents: &[Consents], day: Date, persons: Option<&Range<u32>>) -> String {
    let day = format!("DATE '{day}'");
    let in_force = format!("coalesce(from_date <= {day}, TRUE) AND coalesce(until_date >= {day}, TRUE)");
    let any = |condition: String| format!("coalesce(bool_or({condition}), FALSE)");
    let mut list = vec!["pid".to_owned()];
    for (n, Consents { permits, refuses }) in consents.iter().enumerate() {
        let refused = any(format!("NOT allowed AND {} AND {in_force}", reaches(refuses)));
        let asked = any(format!("allowed AND {}", one_of("data_kind", &permits.data)));
        let permitted = any(format!("allowed AND {} AND {in_force}", reaches(permits)));
        list.push(format!("{refused} AS refused{n}, {asked} AS asked{n}, {permitted} AS permitted{n}"));
    }
    format!("SELECT {} FROM {CONSENT}{} GROUP BY pid", list.join(", "), cut(persons))
}

fn reaches(reach: &Reach) -> String {
    [one_of("purpose", &reach.purposes), one_of("recipient_kind", &reach.recipients), one_of("data_kind", &reach.data)]
        .join(" AND ")
}

fn one_of(column: &str, positions: &[i64]) -> String {
    let list: Vec<String> = positions.iter().map(|position| integer(*position)).collect();
    format!("{column}::BIGINT IN ({})", list.join(", "))
}
