//! Apple Health `export.xml`: one person's records, gigabytes of them, as a stream of elements → days and observations.
//!
//! Records stand by type and source, so nothing is certain before the end: days are kept in [`state`] and written when
//! the export has proved whole. The file belongs to the user whom the roster gives it. Names of devices are never kept.
//!
//! Worn: an hour counts as worn (60 minutes of `wear_min`) when the watch recorded a heart rate, steps or standing in it;
//! a day without any is NULL. Blood pressure, weight and resting heart rate are the means of the day's measurements.
//! Records inside a `Correlation` are left out: Apple's document type says that each stands at the top as well.

mod record;
mod sleep;
mod source;
mod state;
mod track;
mod types;
mod write;

use std::collections::BTreeMap;
use std::io::BufRead;

use quick_xml::events::{BytesStart, Event};
use quick_xml::reader::Reader;

use super::desk::Desk;
use super::error::{Place, ReadError};
use super::lifelog::day::{self, Days};
use super::report::Kind;
use record::{Attributes, Record, Stamp, resolved};
use source::Source;
use state::{Class, Minutes, Moment, Observation, Sources, State};
use types::What;

/// Deeper nesting than an export has by far.
const DEPTH: usize = 32;
/// Lines of refused records that are told one by one.
const LINES: usize = 1_000;

/// Why an export is refused.
struct Fault(&'static str);

pub(super) fn read(desk: &mut Desk<'_>, file: &str, named: bool, input: &mut dyn BufRead) -> Result<(), ReadError> {
    desk.tally.file(Kind::AppleHealth);
    let Some(ident) = desk.user_of_file(file) else {
        // Whose it is cannot be guessed, so that there is no reason to read it: the file counts as one record.
        desk.tally.read(Kind::AppleHealth, 1);
        desk.tally.quarantined(Kind::AppleHealth, "file-not-in-roster", 1, file, 0);
        return Ok(());
    };
    let days = Days::new(desk, Kind::AppleHealth, "apple_health")?;
    let grid = desk.sheet(super::desk::Into::Observation)?.grid("value")?;
    let mut export = Export::new(&days, grid);
    let mut reader = Reader::from_reader(Source::new(input));
    reader.config_mut().trim_text_start = true;
    let fault = export.all(&mut reader, file)?;
    let line = reader.get_mut().line();
    if let Some(Fault(code)) = fault {
        if named {
            let help = "Export it again on the phone, or ask for the file again";
            return Err(ReadError::refused(Place::line(file, line), code, words(code), help));
        }
        let records = export.read.max(1);
        desk.tally.read(Kind::AppleHealth, records);
        desk.tally.quarantined(Kind::AppleHealth, code, records, file, line);
        return Ok(());
    }
    export.report(desk, file);
    write::write(desk, file, ident, &days, &mut export.state)
}

fn words(code: &str) -> &'static str {
    match code {
        "element-too-long" => "an element of the export is longer than any of Apple's",
        "entity" => "the export uses an entity that XML does not define",
        "too-deep" => "elements are nested too deeply",
        "truncated" => "the export ends inside an element",
        _ => "the export is not well-formed XML",
    }
}

struct Export<'a> {
    days: &'a Days,
    grid: super::frame::Grid,
    state: State,
    sources: Sources,
    /// Records, all of them.
    read: u64,
    left_out: BTreeMap<&'static str, u64>,
    repaired: BTreeMap<&'static str, u64>,
    refused: BTreeMap<&'static str, u64>,
    /// The first refused records.
    lines: Vec<(&'static str, u64)>,
    /// Types and sources come in long runs.
    last_kind: (String, What),
    last_source: (String, String, Option<state::Source>),
}

/// What became of a record that was not refused.
enum Fate {
    Day(i32),
    LeftOut(&'static str),
}

impl<'a> Export<'a> {
    fn new(days: &'a Days, grid: super::frame::Grid) -> Self {
        Self {
            days,
            grid,
            state: State::new(days.window()),
            sources: Sources::default(),
            read: 0,
            left_out: BTreeMap::new(),
            repaired: BTreeMap::new(),
            refused: BTreeMap::new(),
            lines: Vec::new(),
            last_kind: (String::new(), What::of("")),
            last_source: (String::new(), String::new(), None),
        }
    }

    /// Reads to the end; `Ok(Some)` if the export is refused.
    fn all(&mut self, reader: &mut Reader<Source<'_>>, file: &str) -> Result<Option<Fault>, ReadError> {
        let mut buffer = Vec::new();
        let mut depth = 0_usize;
        let mut correlation = false;
        loop {
            buffer.clear();
            reader.get_mut().mark();
            let (element, opens) = match reader.read_event_into(&mut buffer) {
                Ok(Event::Start(element)) => (element, true),
                Ok(Event::Empty(element)) => (element, false),
                Ok(Event::End(_)) => {
                    depth = depth.saturating_sub(1);
                    continue;
                }
                Ok(Event::GeneralRef(entity)) => {
                    let known = matches!(&*entity, "amp" | "lt" | "gt" | "quot" | "apos");
                    if known || matches!(entity.resolve_char_ref(), Ok(Some(_))) {
                        continue;
                    }
                    return Ok(Some(Fault("entity")));
                }
                // The document type is passed over: nothing that it declares is ever used.
                Ok(Event::DocType(_) | Event::Text(_) | Event::CData(_)) => continue,
                Ok(Event::Decl(_) | Event::PI(_) | Event::Comment(_)) => continue,
                Ok(Event::Eof) => return Ok((depth > 0).then_some(Fault("truncated"))),
                Err(_) if reader.get_mut().too_long() => return Ok(Some(Fault("element-too-long"))),
                Err(quick_xml::Error::Io(error)) => return Err(ReadError::io(file, &error)),
                Err(quick_xml::Error::Syntax(_)) => return Ok(Some(Fault("truncated"))),
                Err(_) => return Ok(Some(Fault("xml"))),
            };
            let name = element.name().into_inner();
            if name == "Record" {
                self.read += 1;
                let fate = if depth == 1 {
                    match self.record(&element) {
                        Ok(fate) => fate,
                        Err(fault) => return Ok(Some(fault)),
                    }
                } else {
                    Ok(Fate::LeftOut(if correlation { "in-correlation" } else { "not-at-the-top" }))
                };
                let fate = fate.and_then(|fate| match fate {
                    Fate::Day(date) => self.state.record(date),
                    Fate::LeftOut(code) => {
                        *self.left_out.entry(code).or_default() += 1;
                        Ok(())
                    }
                });
                if let Err(code) = fate {
                    *self.refused.entry(code).or_default() += 1;
                    if self.lines.len() < LINES {
                        self.lines.push((code, reader.get_mut().line()));
                    }
                }
            } else if depth == 1 {
                correlation = name == "Correlation";
            }
            if opens {
                depth += 1;
                if depth > DEPTH {
                    return Ok(Some(Fault("too-deep")));
                }
            }
        }
    }

    /// One record at the top. The outer error refuses the file, the inner one the record.
    fn record(&mut self, element: &BytesStart<'_>) -> Result<Result<Fate, &'static str>, Fault> {
        let entity = || Fault("entity");
        let (mut record, mut attributes) = (Record::default(), Attributes(element.attributes_raw()));
        loop {
            match attributes.next() {
                Ok(Some((key, value))) => record.set(key, value),
                Ok(None) => break,
                Err(()) => return Ok(Err("attributes")),
            }
            // The type comes first: what no column has need not be split further.
            if !record.kind.is_empty() && self.last_kind.0 != record.kind {
                let kind = resolved(record.kind).ok_or_else(entity)?;
                self.last_kind = (record.kind.to_owned(), What::of(&kind));
            }
            if let (What::LeftOut(code), false) = (self.last_kind.1, record.kind.is_empty()) {
                return Ok(Ok(Fate::LeftOut(code)));
            }
        }
        if record.kind.is_empty() {
            return Ok(Ok(Fate::LeftOut("type-unknown")));
        }
        let unit = resolved(record.unit).ok_or_else(entity)?;
        let value = resolved(record.value).ok_or_else(entity)?;
        let (last, device, known) = &self.last_source;
        let source = match known {
            Some(known) if last == record.source && device == record.device => *known,
            _ => {
                // Never shown, but an entity that nobody defines is refused wherever it stands.
                let device = resolved(record.device).ok_or_else(entity)?;
                let source = self.sources.of(&resolved(record.source).ok_or_else(entity)?, &device);
                self.last_source = (record.source.to_owned(), record.device.to_owned(), Some(source));
                source
            }
        };
        Ok(self.take(&record, &unit, &value, source))
    }

    fn take(
        &mut self,
        record: &Record<'_>,
        unit: &str,
        value: &str,
        source: state::Source,
    ) -> Result<Fate, &'static str> {
        let what = self.last_kind.1;
        if let What::LeftOut(code) = what {
            return Ok(Fate::LeftOut(code));
        }
        if what == What::Heart && source.class != Class::Watch {
            return Ok(Fate::LeftOut("heart-rate-not-of-a-watch"));
        }
        let start = Stamp::of(record.start).ok_or("date")?;
        let date = start.day();
        if !self.days.has(date) {
            return Err("date-outside");
        }
        let end = || Stamp::of(record.end).ok_or("date");
        match what {
            What::LeftOut(_) => {}
            What::Heart => self.state.worn(start, None)?,
            What::Stand => self.state.worn(start, Some(end()?))?,
            What::Steps => {
                let (count, _) = what.value(value, unit, 0)?;
                let (count, end) = (positive(count)?, end()?);
                if self.state.steps(source, Minutes::of(start, end, false)?, count)? {
                    self.repaired("out-of-bounds");
                }
                if source.class == Class::Watch {
                    self.state.worn(start, Some(end))?;
                }
            }
            What::Sleep => {
                let bits = match value.strip_prefix("HKCategoryValueSleepAnalysis") {
                    Some("Asleep" | "AsleepUnspecified") => sleep::ASLEEP,
                    Some("AsleepCore") => sleep::CORE,
                    Some("AsleepDeep") => sleep::DEEP,
                    Some("AsleepREM") => sleep::REM,
                    Some("Awake") => sleep::AWAKE,
                    Some("InBed") => return Ok(Fate::LeftOut("in-bed")),
                    _ => return Err("sleep-value"),
                };
                self.state.sleep(source, Minutes::of(start, end()?, true)?, bits)?;
            }
            What::Spent => {
                let (energy, _) = what.value(value, unit, 3)?;
                self.state.spent(source, Minutes::of(start, end()?, false)?, positive(energy)?)?;
            }
            What::Eaten => {
                let (energy, _) = what.value(value, unit, 3)?;
                self.state.eaten(date, positive(energy)?)?;
            }
            What::Resting => self.moment(date, what, Moment::Resting, (value, unit), day::RESTING)?,
            What::Weight => self.moment(date, what, Moment::Weight, (value, unit), day::WEIGHT)?,
            What::Systolic => self.moment(date, what, Moment::Systolic, (value, unit), day::SBP)?,
            What::Diastolic => self.moment(date, what, Moment::Diastolic, (value, unit), day::DBP)?,
            What::Observed(at) => {
                let (value, percent) = what.value(value, unit, self.grid.digits())?;
                let bounded = self.grid.clamp(value);
                let observation = Observation {
                    time: u32::try_from(start.local).map_err(|_| "date")?,
                    what: u8::try_from(at).map_err(|_| "number")?,
                    worn: source.class == Class::Watch,
                    value: i32::try_from(bounded).map_err(|_| "number")?,
                };
                self.state.observed(observation)?;
                if percent {
                    self.repaired("percent-scale");
                }
                if bounded != value {
                    self.repaired("out-of-bounds");
                }
            }
        }
        Ok(Fate::Day(date))
    }

    fn repaired(&mut self, code: &'static str) {
        *self.repaired.entry(code).or_default() += 1;
    }

    fn moment(
        &mut self,
        date: i32,
        what: What,
        moment: Moment,
        (value, unit): (&str, &str),
        measure: usize,
    ) -> Result<(), &'static str> {
        let (value, _) = what.value(value, unit, self.days.digits(measure))?;
        let (bounded, changed) = self.days.bound(measure, value);
        self.state.moment(date, moment, bounded)?;
        if changed {
            self.repaired("out-of-bounds");
        }
        Ok(())
    }

    /// Hands the counts to the desk; what was kept is counted when it is written.
    fn report(&mut self, desk: &mut Desk<'_>, file: &str) {
        let kind = Kind::AppleHealth;
        desk.tally.read(kind, self.read);
        for (&code, &records) in &self.left_out {
            desk.tally.left_out(kind, code, records);
        }
        for (&code, &times) in &self.repaired {
            (0..times).for_each(|_| desk.tally.repaired(kind, code));
        }
        for &(code, line) in &self.lines {
            desk.tally.quarantined(kind, code, 1, file, line);
            if let Some(left) = self.refused.get_mut(code) {
                *left -= 1;
            }
        }
        for (&code, &records) in &self.refused {
            desk.tally.quarantined(kind, code, records, file, 0);
        }
    }
}

fn positive(value: i64) -> Result<i64, &'static str> {
    if value < 0 { Err("negative") } else { Ok(value) }
}
