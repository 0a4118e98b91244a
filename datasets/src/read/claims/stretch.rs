//! A stretch of a claims file, from the beginning of a receipt on: its lines put together to receipts, which are handed on.
//! Not what is in a receipt, and not where a file is cut.

use std::io::BufRead;

use super::block::{Met, Receipt};
use super::head::House;
use super::provider::{Mark, Totals, Volumes};
use super::receipt::{Summary, Take};
use super::{Record, payer, provider};
use crate::read::desk::Desk;
use crate::read::error::{Place, ReadError};
use crate::read::report::{Kind, Tally};
use crate::read::text::Encoding;

/// If most of so many lines are none of a claims file, the rest need not be read.
const LOOK: u64 = 10_000;

/// What is known at the beginning of a stretch.
#[derive(Clone, Default)]
pub(super) struct Start {
    /// Something of the file is before it.
    pub(super) later: bool,
    /// Lines before it.
    pub(super) lines: u64,
    /// Of a provider's file: the facility, and whether its totals are still to come.
    pub(super) house: Option<House>,
    pub(super) open: bool,
}

/// Lines of a stretch.
#[derive(Default)]
pub(super) struct Count {
    read: u64,
    malformed: u64,
    first_bad: u64,
    /// Malformed ones among the first, by their place among those read.
    early: Vec<u64>,
}

/// What a file is.
#[derive(Clone, Copy)]
pub(super) struct About<'a> {
    pub(super) kind: Kind,
    pub(super) file: &'a str,
    pub(super) encoding: Encoding,
}

/// What came of a stretch beside rows.
pub(super) struct Outcome {
    pub(super) count: Count,
    pub(super) totals: Totals,
    /// The last 総括レセプト in it.
    pub(super) summary: Option<Summary>,
    /// It depends on the 総括レセプト before it, which was not known.
    pub(super) unsure: bool,
}

/// Reads a stretch. `summary` is the 総括レセプト before it, as far as it is known.
pub(super) fn read(
    desk: &mut Desk<'_>,
    about: About<'_>,
    start: Start,
    summary: Option<Summary>,
    totals: Totals,
    mut input: &mut dyn BufRead,
) -> Result<Outcome, ReadError> {
    let About { kind, file, encoding } = about;
    let mut take = Take::new(kind, file, encoding, &desk.masters);
    take.summary = summary;
    take.branch = matches!(totals, Totals::Later(_));
    take.follows = start.later && take.branch;
    let (first, receipt) = (!start.later, Receipt::after(start.lines));
    let mut reader = Reader { kind, file, receipt, take, house: start.house, open: start.open, totals };
    let mut count = Count::default();
    loop {
        let (number, found) = match reader.receipt.advance(&mut input, file)? {
            Met::End => break,
            Met::Bad(number, code) => (number, Err(code)),
            Met::Line(line) => {
                let fields = reader.receipt.line(line);
                let lead = if kind == Kind::Claims { payer::lead } else { provider::lead };
                (line.number, lead(fields, line))
            }
        };
        count.read += 1;
        match found {
            Ok(record) if kind == Kind::Claims => reader.payer(desk, record)?,
            Ok(record) => reader.provider(desk, record)?,
            Err(code) => {
                desk.tally.quarantined(kind, code, 1, file, number);
                if count.malformed == 0 {
                    count.first_bad = number;
                }
                count.malformed += 1;
                if count.read <= LOOK {
                    count.early.push(count.read);
                }
                // The receipt may lack what this line said: amounts of it can't be trusted.
                reader.take.damaged = true;
            }
        }
        if first && count.read == LOOK && count.malformed * 2 > count.read {
            break;
        }
    }
    desk.tally.read(kind, count.read);
    if kind != Kind::Claims && reader.open && !reader.receipt.ended() {
        // Broken off within a line, and so within its last value.
        reader.take.damaged = true;
    }
    reader.receipt(desk)?;
    reader.take.tell(desk);
    Ok(Outcome { count, totals: reader.totals, summary: reader.take.summary, unsure: reader.take.unsure })
}

struct Reader<'a> {
    kind: Kind,
    file: &'a str,
    receipt: Receipt,
    take: Take<'a>,
    house: Option<House>,
    /// Of a provider's file: a volume is open, whose totals are to come.
    open: bool,
    totals: Totals,
}

impl Reader<'_> {
    fn payer(&mut self, desk: &mut Desk<'_>, record: Record) -> Result<(), ReadError> {
        if payer::begins(&self.receipt, &record) {
            self.receipt(desk)?;
        }
        self.receipt.push(record);
        Ok(())
    }

    fn provider(&mut self, desk: &mut Desk<'_>, record: Record) -> Result<(), ReadError> {
        let (tag, line) = (record.tag, record.line);
        let header = matches!(&tag, b"IR" | b"YK" | b"UK");
        if header || matches!(&tag, b"RE" | b"GO") {
            self.receipt(desk)?;
            if self.receipt.records.is_empty() {
                // What was damaged before, if anything, is no receipt.
                self.take.damaged = false;
            }
        }
        if header {
            let totals_follow = tag != *b"UK";
            self.totals.mark(&mut desk.tally, self.file, Mark::Header { line, totals_follow });
            self.open = totals_follow;
            self.house = Some(House::of(self.receipt.fields(record), tag));
            desk.tally.kept(self.kind, 1);
        } else if tag == *b"GO" {
            let mark = Mark::total(self.receipt.fields(record), line);
            self.totals.mark(&mut desk.tally, self.file, mark);
            self.open = false;
            desk.tally.kept(self.kind, 1);
        } else if self.receipt.records.is_empty() && tag != *b"RE" {
            desk.tally.quarantined(self.kind, "record-outside-receipt", 1, self.file, line);
        } else {
            self.receipt.push(record);
        }
        Ok(())
    }

    /// Takes the receipt that ends here, if there is one.
    fn receipt(&mut self, desk: &mut Desk<'_>) -> Result<(), ReadError> {
        if self.receipt.records.is_empty() {
            return Ok(());
        }
        let taken = self.take.receipt(desk, &self.receipt, self.house.as_ref())?;
        if self.kind != Kind::Claims {
            self.totals.mark(&mut desk.tally, self.file, Mark::receipt(taken.as_ref()));
        }
        self.receipt.clear();
        Ok(())
    }
}

/// A file, stretch by stretch.
pub(super) struct Course {
    pub(super) kind: Kind,
    pub(super) file: std::sync::Arc<str>,
    encoding: Encoding,
    volumes: Volumes,
    summary: Option<Summary>,
    read: u64,
    malformed: u64,
    first_bad: u64,
    hopeless: bool,
}

impl Course {
    pub(super) fn new(tally: &mut Tally, about: About<'_>) -> Self {
        tally.file(about.kind);
        Self {
            kind: about.kind,
            file: about.file.into(),
            encoding: about.encoding,
            volumes: Volumes::default(),
            summary: None,
            read: 0,
            malformed: 0,
            first_bad: 0,
            hopeless: false,
        }
    }

    /// Reads the next stretch on this thread.
    pub(super) fn here(&mut self, desk: &mut Desk<'_>, start: Start, input: &mut dyn BufRead) -> Result<(), ReadError> {
        let about = About { kind: self.kind, file: &self.file, encoding: self.encoding };
        let totals = Totals::Here(std::mem::take(&mut self.volumes));
        let outcome = read(desk, about, start, self.summary.take(), totals, input)?;
        self.summary = outcome.summary;
        if let Totals::Here(volumes) = outcome.totals {
            self.volumes = volumes;
        }
        self.count(&mut desk.tally, &outcome.count)
    }

    /// Takes in the next stretch, which another thread has read; its 総括レセプト already by the numbers here.
    pub(super) fn absorb(&mut self, desk: &mut Desk<'_>, part: Tally, outcome: Outcome) -> Result<(), ReadError> {
        let marks = match outcome.totals {
            Totals::Later(marks) => marks,
            Totals::Here(_) => Vec::new(),
        };
        let (volumes, file) = (&mut self.volumes, &self.file);
        desk.tally.absorb(part, marks, |tally, mark| volumes.mark(tally, file, mark));
        if outcome.summary.is_some() {
            self.summary = outcome.summary;
        }
        self.count(&mut desk.tally, &outcome.count)
    }

    fn count(&mut self, tally: &mut Tally, count: &Count) -> Result<(), ReadError> {
        if let Some(rest) = LOOK.checked_sub(self.read).filter(|rest| (1..=count.read).contains(rest)) {
            let early = count.early.iter().filter(|&at| *at <= rest).count() as u64;
            self.hopeless |= (self.malformed + early) * 2 > LOOK;
        }
        if self.malformed == 0 {
            self.first_bad = count.first_bad;
        }
        self.read += count.read;
        self.malformed += count.malformed;
        if self.hopeless { self.end(tally) } else { Ok(()) }
    }

    /// All of the file is read.
    pub(super) fn end(&mut self, tally: &mut Tally) -> Result<(), ReadError> {
        self.volumes.end(tally, &self.file);
        if self.hopeless || self.malformed >= 3 && self.malformed * 2 > self.read {
            let (what, help) = match self.kind {
                Kind::Claims => (
                    "most lines are not those of a payer-side claims file",
                    "Give the file as the clearing body delivered it",
                ),
                _ => (
                    "most lines are not those of a provider's claims file",
                    "Give the file as the provider sent it to the clearing body",
                ),
            };
            let place = Place::line(&self.file, self.first_bad);
            return Err(ReadError::refused(place, "lines-do-not-fit", what, help));
        }
        Ok(())
    }
}
