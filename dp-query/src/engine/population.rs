//! Rows of persons who count, by consents and the policy's population. It only ever takes whole persons away, by what is stored of
//! themselves: no neighbour's answer changes by more than that person's rows.

use std::ops::Range;

use jiff::civil::Date;
use policies::WithoutConsent;

use super::expr::{Sql, bounded, integer};
use super::relation::within as relation_within;
use crate::check::CONSENT;
use crate::plan::{Audience, Consents, Reach};

/// The rows of a relation whose persons count on this day; `persons` as in the relation.
pub(super) fn within(rows: &str, audience: &Audience, day: Date, persons: Option<&Range<u32>>) -> Sql {
    let mut conditions = Vec::new();
    for consents in &audience.consents {
        let spoken = spoken(consents, day, persons);
        conditions.push(match audience.project.without_consent {
            WithoutConsent::Include => {
                format!("pid NOT IN (SELECT pid FROM ({spoken}) WHERE refused OR (asked AND NOT permitted))")
            }
            WithoutConsent::Exclude => format!("pid IN (SELECT pid FROM ({spoken}) WHERE permitted AND NOT refused)"),
        });
    }
    if let Some(limit) = &audience.limit {
        conditions.push(format!("pid IN (SELECT pid FROM ({}))", relation_within(limit, persons)?));
    }
    if conditions.is_empty() {
        return Ok(rows.to_owned());
    }
    bounded(format!("SELECT * FROM ({rows}) WHERE {}", conditions.join(" AND ")))
}

/// Per person: whether a refusal holds, whether there ever was a permission for this kind of data, whether one holds.
fn spoken(Consents { permits, refuses }: &Consents, day: Date, persons: Option<&Range<u32>>) -> String {
    let day = format!("DATE '{day}'");
    let in_force = format!("coalesce(from_date <= {day}, TRUE) AND coalesce(until_date >= {day}, TRUE)");
    let cut = persons.map_or_else(String::new, |r| format!(" WHERE pid >= {} AND pid < {}", r.start, r.end));
    let any = |condition: String| format!("coalesce(bool_or({condition}), FALSE)");
    format!(
        "SELECT pid, {} AS refused, {} AS asked, {} AS permitted FROM {CONSENT}{cut} GROUP BY pid",
        any(format!("NOT allowed AND {} AND {in_force}", reaches(refuses))),
        any(format!("allowed AND {}", one_of("data_kind", &permits.data))),
        any(format!("allowed AND {} AND {in_force}", reaches(permits)))
    )
}

fn reaches(reach: &Reach) -> String {
    [one_of("purpose", &reach.purposes), one_of("recipient_kind", &reach.recipients), one_of("data_kind", &reach.data)]
        .join(" AND ")
}

fn one_of(column: &str, positions: &[i64]) -> String {
    let list: Vec<String> = positions.iter().map(|position| integer(*position)).collect();
    format!("{column}::BIGINT IN ({})", list.join(", "))
}
