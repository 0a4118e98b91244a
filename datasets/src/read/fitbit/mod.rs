//! Fitbit's daily CSV: activities, sleep, body and food, each a section with its own header, in one file or in several.
//! A day's sections are merged, so days are written after the last file. Not Takeout's JSON.
//!
//! Activity calories are the energy spent: the calories burned hold the basal rate too. A day without a step and with
//! 1,440 sedentary minutes was not worn (`wear_min` 0); of other days the files don't say for how long.

mod cell;

use std::collections::{BTreeMap, HashSet};
use std::io::BufRead;

use super::desk::Desk;
use super::error::{Place, ReadError};
use super::lifelog::day::{
    AWAKE, DEEP, Days, EATEN, LIGHT, MEASURES, Measures, REM, SLEEP, SPENT, STEPS, WEAR, WEIGHT,
};
use super::lines::{Items, Lines, Met};
use super::report::Kind;
use super::text::{self, Encoding};

/// Days kept for merging at most; then all are written but those of the file's own user.
const DAYS: usize = 1_000_000;
const LONGEST: i64 = 1_440; // minutes of the longest sleep, and of a day

/// Days that wait for further sections.
#[derive(Default)]
pub(super) struct Merged {
    days: BTreeMap<(u32, i32), Merging>,
    /// Sleeps, by the minute in which they began.
    sleeps: HashSet<(u32, i64)>,
}

#[derive(Default)]
struct Merging {
    measures: Box<Measures>,
    /// Sections that have come, a bit each.
    sections: u8,
}

impl Merging {
    fn set(&mut self, measure: usize, value: Option<i64>) {
        if let (Some(cell), Some(value)) = (self.measures.get_mut(measure), value) {
            *cell = Some(value);
        }
    }

    fn add(&mut self, measure: usize, value: Option<i64>) {
        if let (Some(cell), Some(value)) = (self.measures.get_mut(measure), value) {
            *cell = Some(cell.unwrap_or(0).saturating_add(value));
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Section {
    Activities,
    Sleep,
    Body,
    Foods,
    /// Food log and the like.
    Unused,
}

/// Columns, by their titles without spaces in lower case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Column {
    User,
    Date,
    Steps,
    Spent,
    Sedentary,
    Start,
    End,
    Asleep,
    Awake,
    Rem,
    Light,
    Deep,
    Weight,
    Kilograms,
    Pounds,
    Eaten,
    Unused,
}

fn column(title: &str) -> Column {
    match text::narrow(title).to_lowercase().as_str() {
        "利用者id" | "ユーザーid" | "ユーザid" | "userid" | "user_id" => Column::User,
        "date" => Column::Date,
        "steps" => Column::Steps,
        "activitycalories" => Column::Spent,
        "minutessedentary" => Column::Sedentary,
        "starttime" => Column::Start,
        "endtime" => Column::End,
        "minutesasleep" => Column::Asleep,
        "minutesawake" => Column::Awake,
        "minutesremsleep" => Column::Rem,
        "minuteslightsleep" => Column::Light,
        "minutesdeepsleep" => Column::Deep,
        "weight" => Column::Weight,
        "weight(kg)" | "weightkg" | "weight_kg" => Column::Kilograms,
        "weight(lb)" | "weight(lbs)" | "weightlb" | "weightlbs" => Column::Pounds,
        "caloriesin" => Column::Eaten,
        _ => Column::Unused,
    }
}

/// Whether a title is one that is read: for checking column maps.
pub(super) fn knows(title: &str) -> bool {
    column(title) != Column::Unused
}

/// What these columns are a header of; `None` if they are no header.
fn section(columns: &[Column]) -> Option<Section> {
    let has = |column: Column| columns.contains(&column);
    match (has(Column::Date), has(Column::Start) && has(Column::End)) {
        (_, true) if has(Column::Asleep) => Some(Section::Sleep),
        (true, _) if has(Column::Steps) || has(Column::Sedentary) => Some(Section::Activities),
        (true, _) if has(Column::Weight) || has(Column::Kilograms) || has(Column::Pounds) => Some(Section::Body),
        (true, _) if has(Column::Eaten) => Some(Section::Foods),
        (true, _) | (_, true) => Some(Section::Unused),
        _ => None,
    }
}

/// Whether a file that starts with these titles is Fitbit's: a header of its, or a section's name alone.
pub(super) fn is(titles: &[String]) -> bool {
    let columns: Vec<_> = titles.iter().map(|title| column(title)).collect();
    let fitbits = columns.iter().any(|c| matches!(c, Column::Sedentary | Column::Spent | Column::Asleep))
        || columns.starts_with(&[Column::Date, Column::Eaten])
        || titles.iter().map(|title| text::narrow(title)).eq(["Date", "Weight", "BMI", "Fat"]);
    match titles {
        [first, rest @ ..] if rest.iter().all(|title| title.is_empty()) => {
            matches!(text::narrow(first).as_str(), "Body" | "Foods" | "Activities" | "Sleep")
        }
        _ => fitbits && section(&columns).is_some_and(|section| section != Section::Unused),
    }
}

enum Fate {
    Kept,
    LeftOut(&'static str),
    Malformed(&'static str),
    Unusable(&'static str),
}

pub(super) fn read<R: BufRead>(desk: &mut Desk<'_>, file: &str, encoding: Encoding, input: R) -> Result<(), ReadError> {
    let days = Days::new(desk, Kind::Fitbit, "fitbit")?;
    let owner = desk.user_of_file(file);
    let mut merged = std::mem::take(&mut desk.fitbit);
    if merged.days.len() > DAYS {
        merged.write(desk, &days, owner)?;
    }
    let result = Reading { days: &days, owner, merged: &mut merged, file }.all(desk, encoding, input);
    desk.fitbit = merged;
    result
}

/// Writes the days, after the last file.
pub(super) fn finish(desk: &mut Desk<'_>) -> Result<(), ReadError> {
    let mut merged = std::mem::take(&mut desk.fitbit);
    if merged.days.is_empty() {
        return Ok(());
    }
    let days = Days::new(desk, Kind::Fitbit, "fitbit")?;
    merged.write(desk, &days, None)
}

impl Merged {
    /// Writes all days but those of `but`.
    fn write(&mut self, desk: &mut Desk<'_>, days: &Days, but: Option<u32>) -> Result<(), ReadError> {
        let all = std::mem::take(&mut self.days);
        for ((ident, date), day) in all {
            if Some(ident) == but {
                self.days.insert((ident, date), day);
            } else if days.first(desk, ident, date) {
                days.push(desk, ident, date, &day.measures)?;
            }
        }
        self.sleeps.retain(|&(ident, _)| Some(ident) == but);
        Ok(())
    }
}

struct Reading<'a> {
    days: &'a Days,
    owner: Option<u32>,
    merged: &'a mut Merged,
    file: &'a str,
}

/// A row with the header above it.
struct Row<'a> {
    section: Section,
    columns: &'a [Column],
    items: &'a Items,
    line: u64,
}

impl Row<'_> {
    fn get(&self, column: Column) -> &[u8] {
        let at = self.columns.iter().position(|&known| known == column);
        at.map_or(&[], |at| self.items.get(at).trim_ascii())
    }
}

const HELP: &str = "Compare the header and the first rows with the layout in the guide, and export the file again";

impl Reading<'_> {
    fn all<R: BufRead>(&mut self, desk: &mut Desk<'_>, encoding: Encoding, input: R) -> Result<(), ReadError> {
        let (kind, file) = (Kind::Fitbit, self.file);
        let mut lines = Lines::new(input);
        let mut items = Items::default();
        let mut header: Option<(Section, Vec<Column>)> = None;
        let map = desk.map.clone();
        let (mut used, mut rows, mut malformed, mut first_bad, mut nobodys) = (false, 0_u64, 0_u64, 0_u64, 0_u64);
        desk.tally.file(kind);
        loop {
            let met = lines.advance().map_err(|error| ReadError::io(file, &error))?;
            if met == Met::End {
                break;
            }
            let line = lines.number();
            let whole = met == Met::Line && items.quoted(&lines.line, b',') && !lines.line.contains(&0);
            if whole {
                let columns: Vec<Column> = (0..items.len())
                    .map(|at| {
                        let title = encoding.decode(items.get(at)).0;
                        let meant = map.as_deref().and_then(|map| map.renamed(&title));
                        column(meant.unwrap_or(&title))
                    })
                    .collect();
                let title = (1..items.len()).all(|at| items.get(at).is_empty()) && is_title(items.get(0));
                if let Some(section) = section(&columns) {
                    used |= section != Section::Unused;
                    header = Some((section, columns));
                    continue;
                }
                if title {
                    header = Some((Section::Unused, Vec::new()));
                    continue;
                }
            }
            rows += 1;
            desk.tally.read(kind, 1);
            let fate = match &header {
                _ if !whole => Fate::Malformed("no-csv-line"),
                None => Fate::Malformed("no-header"),
                Some((Section::Unused, _)) => Fate::LeftOut("section-not-used"),
                Some((section, columns)) => {
                    let row = Row { section: *section, columns, items: &items, line };
                    match self.ident(desk, encoding, &row) {
                        Ok(Some(ident)) => self.row(desk, ident, &row),
                        Ok(None) => {
                            nobodys += 1;
                            continue;
                        }
                        Err(code) => Fate::Unusable(code),
                    }
                }
            };
            match fate {
                Fate::Kept => desk.tally.kept(kind, 1),
                Fate::LeftOut(code) => desk.tally.left_out(kind, code, 1),
                Fate::Unusable(code) => desk.tally.quarantined(kind, code, 1, file, line),
                Fate::Malformed(code) => {
                    desk.tally.quarantined(kind, code, 1, file, line);
                    malformed += 1;
                    if first_bad == 0 {
                        first_bad = line;
                    }
                }
            }
        }
        desk.tally.quarantined(kind, "file-not-in-roster", nobodys, file, 0);
        if !used {
            let what = "no section of the file has a header that is known";
            return Err(ReadError::refused(Place::file(file), "header-lacks", what, HELP));
        }
        if malformed >= 3 && (malformed == rows || rows >= 20 && malformed * 2 > rows) {
            let what = "most rows do not fit the layout that the header promises";
            return Err(ReadError::refused(Place::line(file, first_bad), "rows-do-not-fit", what, HELP));
        }
        Ok(())
    }

    /// Whose row it is; `None` if the roster doesn't say whose the file is.
    fn ident(&self, desk: &Desk<'_>, encoding: Encoding, row: &Row<'_>) -> Result<Option<u32>, &'static str> {
        if !row.columns.contains(&Column::User) {
            return Ok(self.owner);
        }
        let user = encoding.decode(row.get(Column::User)).0;
        let user = text::clean(&user).ok_or("user-missing")?;
        desk.users.get(user.as_ref()).copied().map(Some).ok_or("user-not-in-roster")
    }

    fn row(&mut self, desk: &mut Desk<'_>, ident: u32, row: &Row<'_>) -> Fate {
        let (date, american, start) = if row.section == Section::Sleep {
            let (start, end) = (cell::time(row.get(Column::Start)), cell::time(row.get(Column::End)));
            let (Some(start), Some(end)) = (start, end) else {
                return Fate::Malformed("date");
            };
            if end < start {
                return Fate::Unusable("end-before-start");
            }
            if end - start > LONGEST {
                return Fate::Unusable("interval-too-long");
            }
            (i32::try_from(end.div_euclid(1_440)).unwrap_or(i32::MAX), false, start)
        } else {
            match cell::date(row.get(Column::Date)) {
                Some((date, american)) => (date, american, 0),
                None => return Fate::Malformed("date"),
            }
        };
        if !self.days.has(date) {
            return Fate::Unusable("date-outside");
        }
        let key = (ident, date);
        if !self.merged.days.contains_key(&key) && self.days.taken(desk, ident, date) {
            return Fate::Unusable("day-twice");
        }
        let mut measures: Measures = [None; MEASURES.len()];
        let mut set = |measure: usize, column: Column| {
            let value = match cell::number(row.get(column), self.days.digits(measure)) {
                Ok(value) => value.filter(|&value| value >= 0),
                Err(()) => {
                    desk.tally.value_lost(Kind::Fitbit, "number", self.file, row.line);
                    None
                }
            };
            if let (Some(cell), Some(value)) = (measures.get_mut(measure), value) {
                *cell = Some(value);
            }
            value
        };
        match row.section {
            Section::Activities => {
                let steps = set(STEPS, Column::Steps);
                set(SPENT, Column::Spent);
                let still = set(WEAR, Column::Sedentary);
                if let Some(wear) = measures.get_mut(WEAR) {
                    *wear = (steps == Some(0) && still >= Some(LONGEST)).then_some(0);
                }
            }
            Section::Sleep => {
                set(SLEEP, Column::Asleep);
                set(AWAKE, Column::Awake);
                let stages = [set(REM, Column::Rem), set(LIGHT, Column::Light), set(DEEP, Column::Deep)];
                // A tracker that doesn't tell stages apart leaves zeros.
                if stages.iter().all(|stage| stage.unwrap_or(0) == 0) {
                    for at in [REM, LIGHT, DEEP] {
                        measures.get_mut(at).into_iter().for_each(|cell| *cell = None);
                    }
                }
            }
            Section::Body => {
                let column =
                    [Column::Kilograms, Column::Pounds, Column::Weight].into_iter().find(|c| row.columns.contains(c));
                let pounds = column == Some(Column::Pounds) || column == Some(Column::Weight) && american;
                match cell::weight(row.get(column.unwrap_or(Column::Weight)), pounds, self.days.digits(WEIGHT)) {
                    // Zero stands for a day without a scale.
                    Ok(weight) => measures.get_mut(WEIGHT).into_iter().for_each(|c| *c = weight.filter(|&w| w > 0)),
                    Err(()) => desk.tally.value_lost(Kind::Fitbit, "number", self.file, row.line),
                }
            }
            Section::Foods => {
                set(EATEN, Column::Eaten);
            }
            Section::Unused => {}
        }
        if measures.iter().all(Option::is_none) {
            return Fate::Unusable("no-values");
        }
        if row.section == Section::Sleep && !self.merged.sleeps.insert((ident, start)) {
            return Fate::Unusable("sleep-twice");
        }
        let day = self.merged.days.entry(key).or_default();
        let bit = 1 << (row.section as u8);
        if row.section != Section::Sleep && day.sections & bit != 0 {
            return Fate::Unusable("day-twice");
        }
        day.sections |= bit;
        for (measure, value) in measures.into_iter().enumerate() {
            if row.section == Section::Sleep { day.add(measure, value) } else { day.set(measure, value) }
        }
        Fate::Kept
    }
}

/// The name of a section alone in its line.
fn is_title(item: &[u8]) -> bool {
    let item = item.trim_ascii();
    item.first().is_some_and(u8::is_ascii_alphabetic)
        && item.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b' ')
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
    #[test]
    fn headers() {
        let is = |line: &str| super::is(&line.split(',').map(str::to_owned).collect::<Vec<_>>());
        assert!(is("Activities") && is("Body,,,") && is("Date,Weight,BMI,Fat") && is("Date,Calories In"));
        assert!(is("Date,Calories Burned,Steps,Distance,Floors,Minutes Sedentary,Activity Calories"));
        assert!(is("利用者ID,Start Time,End Time,Minutes Asleep,Minutes Awake"));
        assert!(!is("Date,Steps") && !is("Date,Weight") && !is("利用者ID,日付,歩数") && !is("Something") && !is(""));
    }
}
