//! What every reader writes to: the tables, the identities, the counts, and the sink behind them.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::claims::Cards;
use super::error::ReadError;
use super::frame::{self, Grid, Shape, Sheet, Value};
use super::identity::{self, Identities};
use super::kept::Keep;
use super::lifelog::UserFiles;
use super::lifelog::day::Taken;
use super::maps::Map;
use super::master::Masters;
use super::quality::watch::Watch;
use super::report::{QualityReport, Tally};
use super::{Identified, ReadOptions};
use crate::catalogue::{Catalogue, PERSON};
use polars::prelude::DataFrame;

/// A table that readers fill.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Into {
    Enrolment,
    Checkup,
    Claim,
    Diagnosis,
    Act,
    Lifelog,
    CheckupItem,
    Observation,
    Programme,
    Event,
    Consent,
    /// A table of a catalogue that the user gave: [`Desk::table`].
    Further(usize),
}

use Shape::{Category, Day, Flag, Int, Text};

const ENROLMENT: &[(&str, Shape)] = &[
    ("insurer", Text),
    ("insurer_kind", Category),
    ("relation", Category),
    ("start_date", Day),
    ("end_date", Day),
    ("end_reason", Category),
    ("workplace", Text),
    ("size_band", Category),
    ("industry", Category),
];
const CLAIM: &[(&str, Shape)] = &[
    ("month", Day),
    ("type", Category),
    ("setting", Category),
    ("days", Int),
    ("points_billed", Int),
    ("points", Int),
    ("facility", Text),
    ("receipt", Text),
    ("receipt_number", Text),
    ("billed_month", Day),
];
const DIAGNOSIS: &[(&str, Shape)] = &[
    ("month", Day),
    ("code", Text),
    ("icd10", Text),
    ("start_date", Day),
    ("outcome", Category),
    ("main", Flag),
    ("suspected", Flag),
    ("receipt", Text),
];
const ACT: &[(&str, Shape)] = &[
    ("service_date", Day),
    ("kind", Category),
    ("code", Text),
    ("yj", Text),
    ("quantity", Int),
    ("points", Int),
    ("supply_days", Int),
    ("receipt", Text),
];
/// Categories of claims, looked up once: they are needed for every row.
pub(super) struct ClaimLists {
    pub(super) medical: i32,
    pub(super) dpc: i32,
    pub(super) dental: i32,
    pub(super) pharmacy: i32,
    pub(super) inpatient: i32,
    pub(super) outpatient: i32,
    pub(super) procedure: i32,
    pub(super) drug: i32,
    pub(super) material: i32,
    pub(super) other_act: i32,
    pub(super) days: Grid,
    pub(super) points: Grid,
    pub(super) act_points: Grid,
    pub(super) quantity: Grid,
    pub(super) supply_days: Grid,
}

/// Rows of the first batch, and then twice as many until there are enough: whoever takes them need not wait long to begin.
const FIRST: usize = 1 << 13;

type Sink<'a> = &'a mut dyn FnMut(Identified) -> Result<(), ReadError>;

/// What came together on a thread's desk.
pub(super) struct Part {
    tables: Vec<(usize, frame::Part)>,
    identities: identity::Met,
    pub(super) tally: Tally,
}

pub(super) struct Desk<'a> {
    sheets: Vec<Sheet>,
    /// By sheet: rows that come before those on it.
    before: Vec<Option<DataFrame>>,
    rows: usize,
    /// Rows at which the next batch is handed on; in the end `batch_rows`.
    limit: usize,
    batch_rows: usize,
    sink: Sink<'a>,
    pub(super) identities: Identities,
    pub(super) tally: Tally,
    watch: Watch,
    /// How what is kept of everybody is held.
    pub(super) keep: Keep,
    pub(super) lists: ClaimLists,
    pub(super) options: &'a ReadOptions,
    /// The column map of the file that is being read, if it has one.
    pub(super) map: Option<Arc<Map>>,
    /// ICD-10 and 薬価基準収載医薬品コード of codes.
    pub(super) masters: Arc<Masters>,
    /// Persons of claims by their bytes.
    pub(super) cards: Cards,
    /// Users of lifelog services, from their rosters.
    pub(super) users: HashMap<String, u32>,
    /// Files of those users: see [`Desk::user_of_file`].
    pub(super) user_files: UserFiles,
    /// Whether a roster was read at all.
    pub(super) rosters: bool,
    /// Fitbit's days that wait for further files.
    pub(super) fitbit: super::fitbit::Merged,
    /// Days already taken from lifelogs.
    pub(super) taken: Taken,
}

impl<'a> Desk<'a> {
    pub(super) fn new(catalogue: &Catalogue, options: &'a ReadOptions, sink: Sink<'a>) -> Result<Self, ReadError> {
        let claim = Sheet::new(catalogue, "claim", CLAIM)?;
        let act = Sheet::new(catalogue, "act", ACT)?;
        let lists = ClaimLists {
            medical: claim.category("type", "medical"),
            dpc: claim.category("type", "dpc"),
            dental: claim.category("type", "dental"),
            pharmacy: claim.category("type", "pharmacy"),
            inpatient: claim.category("setting", "in"),
            outpatient: claim.category("setting", "out"),
            procedure: act.category("kind", "procedure"),
            drug: act.category("kind", "drug"),
            material: act.category("kind", "material"),
            other_act: act.category("kind", "other"),
            days: claim.grid("days")?,
            points: claim.grid("points")?,
            act_points: act.grid("points")?,
            quantity: act.grid("quantity")?,
            supply_days: act.grid("supply_days")?,
        };
        let today = options.today.unwrap_or_else(|| jiff::Zoned::now().date());
        let keep = Keep::of(options);
        let mut desk = Self {
            sheets: vec![
                Sheet::new(catalogue, "enrolment", ENROLMENT)?,
                Sheet::new(catalogue, "checkup", super::checkup::items::COLUMNS)?,
                claim,
                Sheet::new(catalogue, "diagnosis", DIAGNOSIS)?,
                act,
                Sheet::whole(catalogue, "lifelog_daily")?,
                Sheet::whole(catalogue, "checkup_item")?,
                Sheet::whole(catalogue, "observation")?,
                Sheet::whole(catalogue, "programme")?,
                Sheet::whole(catalogue, "event")?,
                Sheet::whole(catalogue, "consent")?,
            ],
            before: Vec::new(),
            rows: 0,
            limit: options.batch_rows.clamp(1, FIRST),
            batch_rows: options.batch_rows.max(1),
            sink,
            identities: Identities::new(&keep, options.forget),
            tally: Tally::default(),
            watch: Watch::new(catalogue, crate::catalogue::days_from_civil(today), &keep),
            keep,
            lists,
            options,
            map: None,
            masters: Arc::new(Masters::builtin()),
            cards: Cards::default(),
            users: HashMap::new(),
            user_files: UserFiles::default(),
            rosters: false,
            taken: Taken::default(),
            fitbit: super::fitbit::Merged::default(),
        };
        for table in catalogue.tables() {
            if table.name != PERSON && desk.table(&table.name).is_none() {
                desk.sheets.push(Sheet::whole(catalogue, &table.name)?);
            }
        }
        Ok(desk)
    }

    /// The identity that the roster gives a personal file, by its name or that of its zip or of a folder around it.
    /// `shown` is the path as findings show it (`in/x.zip!/apple_health_export/export.xml`).
    pub(super) fn user_of_file(&self, shown: &str) -> Option<u32> {
        self.user_files.of(shown)
    }

    fn at(table: Into) -> usize {
        match table {
            Into::Enrolment => 0,
            Into::Checkup => 1,
            Into::Claim => 2,
            Into::Diagnosis => 3,
            Into::Act => 4,
            Into::Lifelog => 5,
            Into::CheckupItem => 6,
            Into::Observation => 7,
            Into::Programme => 8,
            Into::Event => 9,
            Into::Consent => 10,
            Into::Further(at) => at,
        }
    }

    /// The table of this name, built in or the user's; rows of the user's have all columns in the catalogue's order.
    pub(super) fn table(&self, name: &str) -> Option<Into> {
        const BUILTIN: [Into; 11] = [
            Into::Enrolment,
            Into::Checkup,
            Into::Claim,
            Into::Diagnosis,
            Into::Act,
            Into::Lifelog,
            Into::CheckupItem,
            Into::Observation,
            Into::Programme,
            Into::Event,
            Into::Consent,
        ];
        let at = self.sheets.iter().position(|sheet| sheet.name == name)?;
        Some(BUILTIN.get(at).copied().unwrap_or(Into::Further(at)))
    }

    pub(super) fn sheet(&self, table: Into) -> Result<&Sheet, ReadError> {
        self.sheets.get(Self::at(table)).ok_or(ReadError::Frame { what: "a table" })
    }

    /// Adds a row; hands a batch to the sink when enough have come together.
    pub(super) fn push(&mut self, table: Into, ident: u32, row: &[Value<'_>]) -> Result<(), ReadError> {
        if let Some(sheet) = self.sheets.get_mut(Self::at(table)) {
            sheet.push(ident, row);
            self.rows += 1;
        }
        if self.rows >= self.limit {
            let batch = self.batch(false)?;
            (self.sink)(batch)?;
        }
        Ok(())
    }

    /// A thread's own desk: nothing leaves it but by [`Desk::part`].
    pub(super) fn branch(mut self) -> Self {
        (self.limit, self.batch_rows) = (usize::MAX, usize::MAX);
        self.forget();
        self
    }

    /// Forgets everybody.
    pub(super) fn forget(&mut self) {
        self.identities = Identities::branch();
        self.cards.forget();
    }

    /// What came together on this desk since the last call.
    pub(super) fn part(&mut self) -> Result<Part, ReadError> {
        let mut tables = Vec::new();
        for (at, sheet) in self.sheets.iter_mut().enumerate() {
            if sheet.len() > 0 {
                tables.push((at, sheet.part()?));
            }
        }
        self.rows = 0;
        Ok(Part { tables, identities: self.identities.met(), tally: std::mem::take(&mut self.tally) })
    }

    /// Takes in everything but the counts. `known` as for [`Identities::absorb`]. Of a part that was read again here, only
    /// the identities are wanted: its rows are here already.
    pub(super) fn absorb(&mut self, part: Part, known: &mut Vec<u32>, rows: bool) -> Result<Tally, ReadError> {
        let failed = || ReadError::Frame { what: "joining tables" };
        self.identities.absorb(part.identities, known);
        for (at, mut rows) in part.tables.into_iter().filter(|_| rows) {
            for ident in &mut rows.ident {
                *ident = *known.get(*ident as usize).ok_or_else(failed)?;
            }
            let mut rows = rows.frame()?;
            while rows.height() > 0 {
                let room = self.limit.saturating_sub(self.rows).clamp(1, rows.height());
                let (now, later) = rows.split_at(i64::try_from(room).map_err(|_| failed())?);
                self.settle(at)?;
                self.put(at, now)?;
                self.rows += room;
                rows = later;
                if self.rows >= self.limit {
                    let batch = self.batch(false)?;
                    (self.sink)(batch)?;
                }
            }
        }
        Ok(part.tally)
    }

    /// Puts the rows on a sheet behind those before it.
    fn settle(&mut self, at: usize) -> Result<(), ReadError> {
        match self.sheets.get_mut(at) {
            Some(sheet) if sheet.len() > 0 => {
                let rows = sheet.take()?;
                self.put(at, rows)
            }
            _ => Ok(()),
        }
    }

    fn put(&mut self, at: usize, rows: DataFrame) -> Result<(), ReadError> {
        if self.before.len() <= at {
            self.before.resize(at + 1, None);
        }
        let failed = |_| ReadError::Frame { what: "joining tables" };
        match self.before.get_mut(at) {
            Some(Some(before)) => before.vstack_mut(&rows).map(|_| ()).map_err(failed),
            Some(none) => {
                *none = Some(rows);
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn batch(&mut self, last: bool) -> Result<Identified, ReadError> {
        let mut tables = BTreeMap::new();
        for at in 0..self.before.len() {
            if self.before.get(at).is_some_and(Option::is_some) {
                self.settle(at)?;
            }
        }
        let before = std::mem::take(&mut self.before).into_iter().chain(std::iter::repeat(None));
        for (sheet, before) in self.sheets.iter_mut().zip(before) {
            let rows = match before {
                // In the chunks in which they came: whoever wants them in one makes them so.
                Some(rows) => Some(rows),
                None if sheet.len() > 0 => Some(sheet.take()?),
                None => None,
            };
            if let Some(rows) = rows {
                self.watch.batch(&sheet.name, &rows, &mut self.identities.people)?;
                tables.insert(sheet.name.clone(), rows);
            }
        }
        self.rows = 0;
        self.limit = self.limit.saturating_mul(2).min(self.batch_rows);
        let (fresh, whole) = (self.identities.fresh()?, self.identities.frame(last)?);
        self.keep.demand()?;
        Ok(Identified::new(whole, fresh, self.identities.forgets(), tables))
    }

    /// The last batch, with the identity frame; or the last rows and then what days are known of everybody.
    pub(super) fn finish(mut self) -> Result<QualityReport, ReadError> {
        let batch = self.batch(true)?;
        (self.sink)(batch)?;
        let (all, step) = (self.identities.len() as u32, u32::try_from(self.batch_rows).unwrap_or(u32::MAX));
        let mut from = if self.identities.forgets() { 0 } else { all };
        while from < all {
            let to = from.saturating_add(step).min(all);
            let (days, none) = (self.identities.days(from..to)?, self.identities.fresh()?);
            self.keep.demand()?;
            (self.sink)(Identified::new(days, none, true, BTreeMap::new()))?;
            from = to;
        }
        Ok(self.tally.report(&self.watch))
    }
}
