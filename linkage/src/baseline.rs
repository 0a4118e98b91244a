//! The baselines: ID1, ID2, their union, and NDB's ID0 as published, with the ties it leaves open decided and written down.

use crate::clusters::Clusters;
use crate::identity::{Identity, Pass};
use crate::report::{Reason, Report};
use crate::settings::Strategy;
use crate::tokens::{NONE, Tokens};

fn clusters(records: &[Identity]) -> Clusters {
    // Baselines know no constraints; earlier ids serve the journal.
    Clusters::remembering(records.iter().map(|record| record.previous))
}

/// What the baselines look at.
const NUMBERED: [Pass; 3] = [Pass::Id1, Pass::Id2, Pass::Id4];

/// NDB's ID2 is made of the name as the claim has it, kanji or kana: the kana token stands in where the name is in kana only.
/// Ours are normalized, NDB's are not, which favours the baseline.
fn name(tokens: &Tokens, row: u32) -> Option<u32> {
    tokens.get(row, Pass::Id2).or_else(|| tokens.get(row, Pass::Id4))
}

/// Equal ID1, equal ID2, or the transitive closure of both.
pub(crate) fn exact(records: &[Identity], strategy: Strategy, report: &mut Report) -> Clusters {
    let passes: &[Pass] = match strategy {
        Strategy::Id2 => &[Pass::Id2],
        Strategy::Id1OrId2 => &[Pass::Id1, Pass::Id2],
        _ => &[Pass::Id1],
    };
    let tokens = Tokens::number(records, &NUMBERED, report);
    let mut clusters = clusters(records);
    let mut first = vec![NONE; tokens.count()];
    for &pass in passes {
        for (row, _) in (0u32..).zip(records) {
            let token = if pass == Pass::Id2 { name(&tokens, row) } else { tokens.get(row, pass) };
            let Some(slot) = token.and_then(|token| first.get_mut(token as usize)) else {
                continue;
            };
            if *slot == NONE {
                *slot = row;
            } else if clusters.union(*slot, row, Reason::Pass(pass)) {
                report.pass(pass).linked += 1;
            }
        }
    }
    clusters
}

/// Rows that carried an ID2 so far: the latest, and the months they span.
#[derive(Clone, Copy)]
struct Carrier {
    row: u32,
    months: Option<(i32, i32)>,
}

/// What ID0 knows of a group of equivalent ID1s.
#[derive(Clone, Copy)]
struct Group {
    latest: i32,
    death: i32,
}

/// NDB's ID0 (JP2019185403A; 厚生の指標 64(12), 2017): per month ID1 and ID2; receipts of different months are one person if one of
/// the two agrees; merged in time order into a table of equivalent ID1s; death cuts.
///
/// Decided here, because it is not published:
/// - An identity row stands for receipts from its first to its last month; rows are taken by first month, then by all their fields.
/// - ID2 is the name's token, in kana where the row has no other name; so a person has one for each way of writing, as in NDB.
/// - ID2 links only between different months: not if all rows that carried it so far, and this one, lie in one and the same month.
/// - If several open groups carry the ID2, the one that carried it last is taken.
/// - If ID1 and ID2 lead to two groups, these become one; the older one's ID1 stands for all.
/// - Death cuts by month: a row that begins after a group's month of death opens a new group, which takes over the row's ID1 and ID2; two groups
///   are not merged if one goes on after the other's death (then ID1 prevails). A death in a row that itself goes on later counts all the same.
pub(crate) fn id0(records: &[Identity], report: &mut Report) -> Clusters {
    let tokens = Tokens::number(records, &NUMBERED, report);
    let mut clusters = clusters(records);
    let mut order: Vec<(i32, &Identity, u32)> =
        (0u32..).zip(records).map(|(row, record)| (month(record.first_day), record, row)).collect();
    order.sort_unstable();
    let mut groups: Vec<Group> = records
        .iter()
        .map(|record| Group { latest: month(record.first_day), death: record.death.map_or(i32::MAX, month) })
        .collect();
    let none = Carrier { row: NONE, months: None };
    let mut table = vec![none; tokens.count()];
    for (first, record, row) in order {
        let last = month(record.end());
        let of = |token: Option<u32>, table: &[Carrier]| {
            token.and_then(|token| table.get(token as usize).copied()).unwrap_or(none)
        };
        let (id1, id2) = (tokens.get(row, Pass::Id1), name(&tokens, row));
        let by_id1 = of(id1, &table);
        let by_id2 = of(id2, &table);
        let one_month = by_id2.months.is_some_and(|(from, to)| from == to && from == first && first == last);
        if by_id1.row != NONE {
            join(&mut clusters, &mut groups, (by_id1.row, row), Pass::Id1, report);
        }
        if by_id2.row != NONE && !one_month {
            join(&mut clusters, &mut groups, (by_id2.row, row), Pass::Id2, report);
        }
        for token in [id1, id2].into_iter().flatten() {
            if let Some(slot) = table.get_mut(token as usize) {
                let (from, to) = slot.months.unwrap_or((first, last));
                *slot = Carrier { row, months: Some((from.min(first), to.max(last))) };
            }
        }
    }
    clusters
}

fn join(clusters: &mut Clusters, groups: &mut [Group], (known, row): (u32, u32), pass: Pass, report: &mut Report) {
    let (a, b) = (clusters.find(known), clusters.find(row));
    let (Some(&x), Some(&y)) = (groups.get(a as usize), groups.get(b as usize)) else {
        return;
    };
    if a == b || x.death < y.latest || y.death < x.latest {
        return;
    }
    clusters.union(a, b, Reason::Pass(pass));
    report.pass(pass).linked += 1;
    let root = clusters.find(a);
    if let Some(group) = groups.get_mut(root as usize) {
        *group = Group { latest: x.latest.max(y.latest), death: x.death.min(y.death) };
    }
}

/// Civil month (year × 12 + month − 1) of a day since 1970-01-01 (Hinnant, "chrono-Compatible Low-Level Date Algorithms").
pub(crate) fn month(day: i32) -> i32 {
    let z = i64::from(day) + 719_468;
    let era = z.div_euclid(146_097);
    let doe = z.rem_euclid(146_097);
    let yoe = (doe - doe / 1_460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let (month, carry) = if mp < 10 { (mp + 2, 0) } else { (mp - 10, 1) };
    // |day| < 2^31, so the month fits.
    i32::try_from((yoe + era * 400 + carry) * 12 + month).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::month;

    #[test]
    fn months_of_known_days() {
        // Days from `date -u -d … +%s` / 86400.
        for (day, year, mon) in [
            (0, 1970, 1),
            (-1, 1969, 12),
            (19_782, 2024, 2),
            (19_783, 2024, 3),
            (11_016, 2000, 2),
            (11_017, 2000, 3),
            (-25_567, 1900, 1),
            (20_543, 2026, 3),
            (20_544, 2026, 4),
        ] {
            assert_eq!(month(day), year * 12 + mon - 1, "day {day}");
        }
    }
}
