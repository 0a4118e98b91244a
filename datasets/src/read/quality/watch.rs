//! Counting while rows pass the desk: NULLs, months, and what can't be of one row or of one identity's rows. Whole columns
//! of a batch at a time; it keeps counters, two numbers per examined identity, and nothing of a row.

use std::collections::HashMap;

use polars::prelude::{ChunkCompareEq, DataFrame, Int32Chunked, Int64Chunked, UInt32Chunked};

use super::people::{Covered, Known, People, Sex};
use super::{Quality, TableCompleteness};
use crate::catalogue::{Catalogue, ColumnType, PERSON, Table};
use crate::read::error::ReadError;
use crate::read::kept::{self, Keep, Pages};

/// Columns of which the second must not lie before the first.
const SPANS: [(&str, &str); 3] =
    [("start_date", "end_date"), ("from_date", "until_date"), ("invited_date", "start_date")];
/// Tables whose rows must lie within the coverage that an eligibility list tells: one row is one act of insurance.
const COVERED: [&str; 2] = ["claim", "checkup"];
/// Centimetres and kilograms between two checkups of one spelling of a person that are not believed.
const JUMPS: [(&str, &str, i64); 2] = [("height_cm", "height-jump", 10), ("weight_kg", "weight-jump", 30)];

/// The counters of a run.
pub(in crate::read) struct Watch {
    tables: HashMap<String, Counters>,
    today: i32,
}

struct Counters {
    /// The column that says when, and whether it is a month.
    when: Option<(String, bool)>,
    /// Plans and consents may lie ahead, and begin and end as they like.
    planned: bool,
    covered: bool,
    spans: Vec<(&'static str, &'static str, u64)>,
    pressure: Option<u64>,
    diagnoses: Option<u64>,
    jumps: Vec<Jump>,
    /// Closed lists: column, index of `other`, rows that have it.
    lists: Vec<(String, i32, u64)>,
    nulls: Vec<(String, u64)>,
    rows: u64,
    months: Months,
    days: Days,
}

struct Jump {
    column: &'static str,
    code: &'static str,
    most: i64,
    /// By identity.
    last: Pages<Option<i64>>,
    found: u64,
}

#[derive(Default)]
struct Days {
    before_birth: u64,
    after_death: u64,
    in_the_future: u64,
    outside_coverage: u64,
    not_listed: u64,
}

impl Counters {
    fn new(table: &Table, keep: &Keep) -> Self {
        let has = |name: &str| table.column(name).is_some();
        let dated = |name: &str| {
            let column = table.column(name)?;
            match column.ty {
                ColumnType::Date { .. } => Some((column.name.clone(), false)),
                ColumnType::Month { .. } => Some((column.name.clone(), true)),
                _ => None,
            }
        };
        let names = table.order.iter().map(String::as_str).chain(table.columns.iter().map(|c| c.name.as_str()));
        let lists = table.columns.iter().filter_map(|column| {
            let other = column.values().iter().position(|value| value.code == "other")?;
            Some((column.name.clone(), i32::try_from(other).ok()?, 0))
        });
        let jumps = JUMPS.into_iter().filter(|_| table.name == "checkup").filter_map(|(name, code, most)| {
            let column = table.column(name)?;
            let most = most * 10_i64.pow(u32::from(column.digits()));
            Some(Jump { column: name, code, most, last: Pages::new(keep, kept::SIZES), found: 0 })
        });
        Self {
            when: names.into_iter().find_map(dated),
            planned: table.source_kind == "consent",
            covered: COVERED.contains(&table.name.as_str()),
            spans: SPANS.into_iter().filter(|(a, b)| has(a) && has(b)).map(|(a, b)| (a, b, 0)).collect(),
            pressure: (has("sbp") && has("dbp")).then_some(0),
            diagnoses: has("icd10").then_some(0),
            jumps: jumps.collect(),
            lists: lists.collect(),
            nulls: table.columns.iter().filter(|column| column.nullable).map(|c| (c.name.clone(), 0)).collect(),
            rows: 0,
            months: Months::default(),
            days: Days::default(),
        }
    }
}

impl Watch {
    /// Counters for all tables of a catalogue; `today` is the day of the run.
    pub(in crate::read) fn new(catalogue: &Catalogue, today: i32, keep: &Keep) -> Self {
        let tables = catalogue.tables().iter().filter(|table| table.name != PERSON);
        Self { tables: tables.map(|table| (table.name.clone(), Counters::new(table, keep))).collect(), today }
    }

    /// Counts the rows of a batch.
    pub(in crate::read) fn batch(
        &mut self,
        table: &str,
        frame: &DataFrame,
        people: &mut People,
    ) -> Result<(), ReadError> {
        let today = self.today;
        match self.tables.get_mut(table) {
            Some(counters) => counters.batch(frame, people, today).ok_or(ReadError::Frame { what: "counting a table" }),
            None => Ok(()),
        }
    }

    /// Puts the counts into the report.
    pub(in crate::read) fn report(&self, quality: &mut Quality) {
        for (table, counters) in &self.tables {
            counters.report(table, quality);
        }
    }
}

fn days<'f>(frame: &'f DataFrame, name: &str) -> Option<&'f Int32Chunked> {
    Some(frame.column(name).ok()?.date().ok()?.physical())
}

fn numbers<'f>(frame: &'f DataFrame, name: &str) -> Option<&'f Int64Chunked> {
    frame.column(name).ok()?.i64().ok()
}

impl Counters {
    fn batch(&mut self, frame: &DataFrame, people: &mut People, today: i32) -> Option<()> {
        self.rows += frame.height() as u64;
        for (name, count) in &mut self.nulls {
            *count += frame.column(name).ok()?.null_count() as u64;
        }
        for (name, other, count) in &mut self.lists {
            let chosen = frame.column(name).ok()?.i32().ok()?.equal(*other);
            *count += u64::from(chosen.sum().unwrap_or_default());
        }
        let idents = frame.column("ident").ok()?.u32().ok()?;
        if let Some((name, month)) = &self.when {
            let when = days(frame, name)?;
            let judged = Judged { month: *month, planned: self.planned, covered: self.covered, today };
            self.days.count(idents, when, &judged, &mut self.months, people);
        }
        for (start, end, count) in &mut self.spans {
            let both = days(frame, start)?.iter().zip(days(frame, end)?.iter());
            *count += both.filter(|pair| matches!(pair, (Some(start), Some(end)) if end < start)).count() as u64;
        }
        if let Some(count) = &mut self.pressure {
            let both = numbers(frame, "sbp")?.iter().zip(numbers(frame, "dbp")?.iter());
            *count += both.filter(|pair| matches!(pair, (Some(sbp), Some(dbp)) if sbp <= dbp)).count() as u64;
        }
        if let Some(count) = &mut self.diagnoses {
            let codes = frame.column("icd10").ok()?.str().ok()?;
            for (ident, code) in idents.iter().zip(codes.iter()) {
                // Most codes are of neither kind: the person is looked up for the few that are.
                if let (Some(ident), Some(sex)) = (ident, code.and_then(only_of)) {
                    *count += u64::from(people.known(ident, false).sex.is_some_and(|known| known != sex));
                }
            }
        }
        for jump in &mut self.jumps {
            for pair in idents.iter().zip(numbers(frame, jump.column)?.iter()) {
                if let (Some(ident), Some(value)) = pair {
                    jump.last.reach(ident as usize + 1);
                    let before = jump.last.change(ident as usize, |last| last.replace(value)).flatten();
                    jump.found += u64::from(before.is_some_and(|before| (value - before).abs() > jump.most));
                }
            }
        }
        Some(())
    }

    fn report(&self, table: &str, quality: &mut Quality) {
        if self.rows == 0 {
            return;
        }
        let at = |column: &str| format!("{table}.{column}");
        let (first_month, last_month, months, months_with_rows) = self.months.told();
        let completeness = TableCompleteness {
            rows: self.rows,
            first_month,
            last_month,
            months,
            months_with_rows,
            nulls: self.nulls.iter().cloned().collect(),
        };
        quality.completeness.tables.insert(table.to_owned(), completeness);
        for (column, _, count) in &self.lists {
            quality.add("other-than-listed", at(column), *count, self.rows);
        }
        for (_, end, count) in &self.spans {
            quality.add("end-before-start", at(end), *count, self.rows);
        }
        for (code, count) in [
            ("dbp-not-below-sbp", self.pressure.unwrap_or_default()),
            ("sex-specific-diagnosis", self.diagnoses.unwrap_or_default()),
            ("before-birth", self.days.before_birth),
            ("after-death", self.days.after_death),
            ("in-the-future", self.days.in_the_future),
            ("outside-coverage", self.days.outside_coverage),
            ("person-not-in-eligibility-list", self.days.not_listed),
        ] {
            quality.add(code, table.to_owned(), count, self.rows);
        }
        for jump in &self.jumps {
            quality.add(jump.code, at(jump.column), jump.found, self.rows);
        }
    }
}

struct Judged {
    month: bool,
    planned: bool,
    covered: bool,
    today: i32,
}

impl Days {
    fn count(
        &mut self,
        idents: &UInt32Chunked,
        when: &Int32Chunked,
        judged: &Judged,
        months: &mut Months,
        people: &mut People,
    ) {
        // Rows of one identity mostly come together.
        let (mut ident, mut known) = (None, Known::default());
        // A month counts as before birth when all of it is, and as outside when none of it is within.
        let length = if judged.month { 30 } else { 0 };
        for (next, day) in idents.iter().zip(when.iter()) {
            let Some(day) = day else {
                continue;
            };
            months.see(day);
            if judged.planned {
                continue;
            }
            if next != ident {
                (ident, known) = (next, next.map_or(Known::default(), |next| people.known(next, judged.covered)));
            }
            let last = day.saturating_add(length);
            self.before_birth += u64::from(known.birth.is_some_and(|birth| birth > last));
            self.after_death += u64::from(known.death.is_some_and(|death| day > death));
            self.in_the_future += u64::from(day > judged.today);
            if judged.covered {
                match known.cover {
                    Covered::Between(from, to) => {
                        self.outside_coverage += u64::from(last < from || to.is_some_and(|to| day > to));
                    }
                    Covered::NotListed => self.not_listed += 1,
                    Covered::Unknown => {}
                }
            }
        }
    }
}

/// The sex that alone can have this ICD-10 code: diseases of its organs, and pregnancy (ICD-10 chapters II, XIV, XV).
fn only_of(code: &str) -> Option<Sex> {
    let (letter, number) = (code.as_bytes().first()?, code.get(1..3)?.parse::<u8>().ok()?);
    match (letter, number) {
        (b'C', 60..=63) | (b'N', 40..=51) => Some(Sex::Male),
        (b'C', 51..=58) | (b'D', 25..=27) | (b'N', 70..=98) | (b'O', _) => Some(Sex::Female),
        _ => None,
    }
}

/// Which months have rows.
#[derive(Default)]
struct Months {
    seen: std::collections::BTreeSet<(i32, i32)>,
    /// First and last day of the month met last.
    current: Option<(i32, i32)>,
}

impl Months {
    fn see(&mut self, day: i32) {
        if self.current.is_some_and(|(first, last)| (first..=last).contains(&day)) {
            return;
        }
        if let Some(date) = crate::catalogue::civil_from_days(day) {
            self.seen.insert((i32::from(date.year()), i32::from(date.month())));
            let first = day - i32::from(date.day()) + 1;
            self.current = Some((first, first + i32::from(date.days_in_month()) - 1));
        }
    }

    /// First and last month, how many lie between them, how many have rows.
    fn told(&self) -> (Option<String>, Option<String>, u64, u64) {
        let text = |&(year, month): &(i32, i32)| format!("{year:04}-{month:02}");
        let (first, last) = (self.seen.first(), self.seen.last());
        let number = |&(year, month): &(i32, i32)| i64::from(year) * 12 + i64::from(month);
        let months = match (first, last) {
            (Some(first), Some(last)) => u64::try_from(number(last) - number(first) + 1).unwrap_or_default(),
            _ => 0,
        };
        (first.map(text), last.map(text), months, self.seen.len() as u64)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::print_stdout)]
    use std::time::Instant;

    use super::*;
    use crate::read::identity::Tuple;
    use crate::read::report::Kind;

    #[test]
    fn people_know_birth_sex_death_and_cover() {
        let mut people = People::default();
        let member = Tuple {
            insurer_no: Some("06139999"),
            symbol: Some("架空"),
            number: Some("5820143"),
            birth: Some("19800117"),
            sex: Some("2"),
            ..Tuple::default()
        };
        people.met(Kind::Eligibility, &member);
        // The same member as a claim writes her, a stranger to the list, and a user of whom no number is known.
        people.met(Kind::Claims, &Tuple { insurer_no: Some("  6139999"), number: Some("５８２０１４３"), ..member });
        people.met(Kind::Claims, &Tuple { number: Some("1"), ..member });
        people.met(Kind::Roster, &Tuple { birth: Some("3550117"), sex: Some("女"), ..Tuple::default() });
        assert_eq!(people.known(1, true).cover, Covered::Unknown, "without a list nothing is said");
        people.covered(0, 100, Some(200));
        people.covered(0, 300, None);
        people.died(1, 250);
        assert_eq!(people.known(1, true).cover, Covered::Between(100, None));
        assert_eq!((people.known(0, true).death, people.known(1, true).death), (Some(250), Some(250)));
        assert_eq!(people.known(2, true).cover, Covered::NotListed);
        let user = people.known(3, true);
        assert_eq!((user.birth, user.sex, user.cover), (Some(3_668), Some(Sex::Female), Covered::Unknown));
        assert_eq!(people.known(99, true), Known::default());
    }

    #[test]
    fn some_diagnoses_are_of_one_sex() {
        assert_eq!(
            ["C61", "N40", "C509", "O80", "N801", "E119", "C5", ""].map(only_of),
            [Some(Sex::Male), Some(Sex::Male), None, Some(Sex::Female), Some(Sex::Female), None, None, None]
        );
    }

    #[test]
    fn months_are_told_by_their_ends() {
        let mut months = Months::default();
        [19_814, 19_815, 19_843, 19_844, 19_905, 19_783].into_iter().for_each(|day| months.see(day));
        assert_eq!(months.told(), (Some("2024-03".to_owned()), Some("2024-07".to_owned()), 5, 4));
    }

    #[test]
    #[ignore = "its figure is for people"]
    fn counting_costs_little_beside_reading() {
        let dir = tempfile::tempdir().unwrap();
        let options = crate::synth::SynthOptions { persons: 3_000, months: 12, ..Default::default() };
        crate::synth::generate(dir.path(), &options, &|_| {}).unwrap();
        let mut frames = Vec::new();
        let start = Instant::now();
        let inputs = [dir.path().join("kenpo")];
        crate::read::read(
            &inputs,
            &Default::default(),
            &mut |batch| {
                frames.extend(batch.into_parts().1);
                Ok(())
            },
            &|_| {},
        )
        .unwrap();
        let reading = start.elapsed();
        let mut watch = Watch::new(&Catalogue::builtin().unwrap(), 20_000, &Keep::default());
        let start = Instant::now();
        for (name, frame) in &frames {
            watch.batch(name, frame, &mut People::default()).unwrap();
        }
        let counting = start.elapsed();
        println!(
            "reading {reading:?}, of it counting {counting:?}: {:.1}%",
            100.0 * counting.as_secs_f64() / reading.as_secs_f64()
        );
    }
}
