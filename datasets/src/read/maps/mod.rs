//! Column maps: what the columns of a CSV file are called and mean, so that a new file, or a new kind of data, needs no
//! Rust. A map says where a column is; types, bounds and lists come from the catalogue, and reading is done elsewhere.

mod cell;
mod check;
mod date;
mod nearest;
mod parse;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

pub(super) use cell::Cell;

use super::error::{Place, ReadError};
use super::layout::{self, Field};
use super::sniff::Format;
use super::text::narrow;
use crate::catalogue::Catalogue;

/// The maps that ship, in the order in which they are tried.
const BUILTIN: [(&str, &str); 10] = [
    ("consent.toml", include_str!("../../../maps/consent.toml")),
    ("guidance.toml", include_str!("../../../maps/guidance.toml")),
    ("programme.toml", include_str!("../../../maps/programme.toml")),
    ("vaccination.toml", include_str!("../../../maps/vaccination.toml")),
    ("allergy.toml", include_str!("../../../maps/allergy.toml")),
    ("care.toml", include_str!("../../../maps/care.toml")),
    ("leave.toml", include_str!("../../../maps/leave.toml")),
    ("stress.toml", include_str!("../../../maps/stress.toml")),
    ("laboratory_jlac10.toml", include_str!("../../../maps/laboratory_jlac10.toml")),
    ("laboratory_local.toml", include_str!("../../../maps/laboratory_local.toml")),
];

/// Longest map that is read.
const LONGEST: u64 = 1 << 20;

/// The special readers whose columns a map can name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layout {
    Eligibility,
    Roster,
    Daily,
    Checkup,
    Fitbit,
    OptOut,
}

impl Layout {
    const ALL: [(&'static str, Self); 6] = [
        ("eligibility", Self::Eligibility),
        ("roster", Self::Roster),
        ("daily", Self::Daily),
        ("checkup", Self::Checkup),
        ("fitbit", Self::Fitbit),
        ("opt_out", Self::OptOut),
    ];

    /// Whether a column of this name is known to a layout whose columns are open.
    fn knows(self, name: &str) -> bool {
        match self {
            Self::Fitbit => super::fitbit::knows(name),
            Self::Checkup => super::checkup::table::knows(name),
            _ => true,
        }
    }

    /// Its columns; `None` if they are open (item codes, sections).
    fn fields(self) -> Option<&'static [Field]> {
        match self {
            Self::Eligibility => Some(layout::ELIGIBILITY),
            Self::Roster => Some(layout::ROSTER),
            Self::Daily => Some(layout::DAILY),
            Self::OptOut => Some(layout::OPT_OUT),
            Self::Checkup | Self::Fitbit => None,
        }
    }
}

/// What a map leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Target {
    Layout(Layout),
    Table(String),
}

/// A column map, checked.
#[derive(Debug)]
pub(super) struct Map {
    /// As messages call it.
    name: String,
    target: Target,
    /// Headers, by `narrow`, that a file must have; each with its alternatives.
    recognize: Vec<Vec<String>>,
    cells: BTreeMap<String, Arc<Cell>>,
    /// In the order of `identity::FIELDS`, then the user of a roster.
    identity: Vec<Option<Arc<Cell>>>,
}

impl Map {
    /// As messages call it.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn format(&self) -> Format {
        match &self.target {
            Target::Layout(Layout::Eligibility) => Format::Eligibility,
            Target::Layout(Layout::Roster) => Format::Roster,
            Target::Layout(Layout::Daily) => Format::Daily,
            Target::Layout(Layout::Checkup) => Format::CheckupCsv,
            Target::Layout(Layout::Fitbit) => Format::Fitbit,
            Target::Layout(Layout::OptOut) => Format::OptOut,
            Target::Table(table) if table == "consent" => Format::Consent,
            Target::Table(_) => Format::Mapped,
        }
    }

    /// The table that the map fills, if it leads to no special reader.
    pub(super) fn table(&self) -> Option<&str> {
        match &self.target {
            Target::Table(table) => Some(table),
            Target::Layout(_) => None,
        }
    }

    /// What fills this column of the layout or table.
    pub(super) fn cell(&self, column: &str) -> Option<&Arc<Cell>> {
        self.cells.get(column)
    }

    /// The layout's name of a column that has this title in a file.
    pub(super) fn renamed(&self, title: &str) -> Option<&str> {
        let title = narrow(title);
        self.cells.iter().find(|(_, cell)| cell.is(&title)).map(|(name, _)| name.as_str())
    }

    /// What stands in a cell of this column of a layout, if that is not what is written.
    pub(super) fn meant(&self, column: &str, text: &str) -> Option<String> {
        let cell = self.cells.get(column).filter(|cell| cell.rewrites())?;
        cell.rewrite(Some(text)).map(std::borrow::Cow::into_owned)
    }

    /// Columns with a constant, and the constant.
    pub(super) fn constants(&self) -> impl Iterator<Item = (String, String)> {
        self.cells.iter().filter_map(|(name, cell)| Some((name.clone(), cell.constant()?.to_owned())))
    }

    /// Who a row is about: cells in the order of `identity::FIELDS`, then the user of a roster.
    pub(super) fn identity(&self) -> &[Option<Arc<Cell>>] {
        &self.identity
    }

    fn missing<'a>(&'a self, titles: &'a [String]) -> impl Iterator<Item = &'a str> {
        let there = |header: &String| titles.contains(header);
        self.recognize
            .iter()
            .filter(move |any| !any.iter().any(there))
            .filter_map(|any| any.first().map(String::as_str))
    }
}

/// All maps of a run: the user's, then the built-in ones.
#[derive(Debug)]
pub(super) struct Maps {
    all: Vec<Arc<Map>>,
    users: usize,
}

impl Maps {
    /// Reads and checks the user's maps and those that ship.
    pub(super) fn load(paths: &[PathBuf], catalogue: &Catalogue) -> Result<Self, ReadError> {
        let mut all = Vec::new();
        for path in paths {
            let shown = path.display().to_string();
            let length = std::fs::metadata(path).map_err(|error| ReadError::io(&shown, &error))?.len();
            let refuse = |what| ReadError::refused(Place::file(&shown), "map-syntax", what, check::HELP);
            if length > LONGEST {
                return Err(refuse("the column map is longer than 1 MiB"));
            }
            let bytes = std::fs::read(path).map_err(|error| ReadError::io(&shown, &error))?;
            let text = String::from_utf8(bytes).map_err(|_| refuse("the column map is not UTF-8"))?;
            all.push(Arc::new(check::map(&shown, text.trim_start_matches('\u{feff}'), catalogue)?));
        }
        let users = all.len();
        for (name, text) in BUILTIN {
            // A catalogue of the user's may lack the table; then nobody can fill it.
            let map = check::map(&format!("built-in map {name}"), text, catalogue);
            match map {
                Ok(map) => all.push(Arc::new(map)),
                Err(error) if error.code() == check::NO_TABLE => {}
                Err(error) => return Err(error),
            }
        }
        Ok(Self { all, users })
    }

    pub(super) fn get(&self, at: usize) -> Option<&Arc<Map>> {
        self.all.get(at)
    }

    /// The map whose headers are all there; two of the user's are an error.
    pub(super) fn find(&self, titles: &[String]) -> Result<Option<(usize, &Map)>, (usize, usize)> {
        let mut fit = self.all.iter().enumerate().filter(|(_, map)| map.missing(titles).next().is_none());
        match (fit.next(), fit.next()) {
            (Some((one, _)), Some((other, _))) if other < self.users => Err((one, other)),
            (first, _) => Ok(first.map(|(at, map)| (at, map.as_ref()))),
        }
    }

    /// The user's map that these titles come nearest to, and what they lack; none if nothing of it is there.
    pub(super) fn nearest(&self, titles: &[String]) -> Option<(&Map, Vec<&str>)> {
        let users = self.all.iter().take(self.users);
        let lacking = users.map(|map| {
            let missing: Vec<usize> = map
                .recognize
                .iter()
                .enumerate()
                .filter(|(_, any)| !any.iter().any(|header| titles.contains(header)))
                .map(|(at, _)| at)
                .collect();
            (map, missing)
        });
        let (map, missing) =
            lacking.filter(|(map, missing)| missing.len() < map.recognize.len()).min_by_key(|(_, m)| m.len())?;
        let name = |at: usize| map.recognize.get(at).and_then(|any| any.first()).map(String::as_str);
        Some((map, missing.into_iter().filter_map(name).collect()))
    }
}

#[cfg(test)]
mod tests;
