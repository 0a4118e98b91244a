//! What the rows of each person say of them: sex and birth month by majority, and the sources that know them.

use crate::Attributes;
use crate::profile::UNKNOWN;

/// What one row says, and how often.
pub(crate) struct Known {
    pub(crate) person: u32,
    pub(crate) times: u32,
    pub(crate) sex: u8,
    pub(crate) birth: i32,
    pub(crate) source: u16,
}

/// The attributes of each person, and how many persons one, two, … sources know.
pub(crate) fn describe(rows: &[Known], persons: u32) -> (Vec<Attributes>, Vec<u64>) {
    // Counting sort by person.
    let mut ends = vec![0u32; persons as usize + 1];
    for row in rows {
        if let Some(end) = ends.get_mut(row.person as usize + 1) {
            *end += 1;
        }
    }
    let mut sum = 0;
    for end in &mut ends {
        sum += *end;
        *end = sum;
    }
    let mut members = vec![0u32; rows.len()];
    for (at, row) in (0u32..).zip(rows) {
        if let Some(end) = ends.get_mut(row.person as usize) {
            if let Some(slot) = members.get_mut(*end as usize) {
                *slot = at;
            }
            *end += 1;
        }
    }
    let mut by_sources = Vec::new();
    let mut from = 0;
    let mut sources = Vec::new();
    let mut attributes = Vec::with_capacity(persons as usize);
    // Each start has moved to its end.
    for &to in ends.iter().take(persons as usize) {
        let own = || {
            let members = members.get(from as usize..to as usize).unwrap_or_default();
            members.iter().filter_map(|&at| rows.get(at as usize))
        };
        let sexes = own().filter(|row| row.sex != 0).map(|row| (row.sex, row.times));
        let births = own().filter(|row| row.birth != UNKNOWN).map(|row| (row.birth, row.times));
        attributes.push(Attributes { sex: majority(sexes).unwrap_or_default(), birth_month: majority(births) });
        sources.clear();
        sources.extend(own().map(|row| row.source));
        sources.sort_unstable();
        sources.dedup();
        if by_sources.len() < sources.len() {
            by_sources.resize(sources.len(), 0);
        }
        if let Some(slot) = sources.len().checked_sub(1).and_then(|at| by_sources.get_mut(at)) {
            *slot += 1;
        }
        from = to;
    }
    (attributes, by_sources)
}

/// The most frequent value, the smaller on a tie.
fn majority<T: Ord + Copy>(values: impl Iterator<Item = (T, u32)>) -> Option<T> {
    let mut values: Vec<(T, u32)> = values.collect();
    values.sort_unstable();
    values
        .chunk_by(|a, b| a.0 == b.0)
        .filter_map(|same| Some((same.iter().map(|&(_, times)| u64::from(times)).sum::<u64>(), same.first()?.0)))
        .max_by_key(|&(times, value)| (times, std::cmp::Reverse(value)))
        .map(|(_, value)| value)
}
