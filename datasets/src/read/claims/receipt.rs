//! One receipt: its head, then every record to the reader of its kind. Not the splitting of files into receipts.
//!
//! Names of doctors, comments (CO, TK), 症状詳記 (SJ), 審査運用 (EX) and hashes (RC) are never decoded. What follows TI, TR or
//! TS belongs to an organ's donor, not to the patient, and is left out.

use std::sync::Arc;

use super::acts::{Outcome, Units, span};
use super::correct::Views;
use super::disease::Comorbid;
use super::dispensing::Dispensed;
use super::head::{Bundle, Card, Head, House, Sort};
use super::{Receipt, Record};
use crate::read::desk::Desk;
use crate::read::error::ReadError;
use crate::read::master::Masters;
use crate::read::number::{self, Month};
use crate::read::report::Kind;
use crate::read::text::Encoding;

/// Takes the receipts of a file one by one.
pub(super) struct Take<'a> {
    pub(super) kind: Kind,
    pub(super) file: &'a str,
    pub(super) encoding: Encoding,
    masters: Arc<Masters>,
    views: Views,
    used: Vec<bool>,
    counts: Counts,
    /// A line of the receipt could not be read.
    pub(super) damaged: bool,
    /// The last 総括レセプト: its parts' diagnoses and acts are its own.
    pub(super) summary: Option<Summary>,
    /// There may be a 総括レセプト before what was given; and a part was met that may be its.
    pub(super) follows: bool,
    /// On a branch, where one person may have several numbers.
    pub(super) branch: bool,
    pub(super) unsure: bool,
}

/// Whose a 総括レセプト is, of which month, and its name.
pub(super) type Summary = (u32, Month, String);

/// What rows of a receipt have in common.
#[derive(Clone, Copy)]
pub(super) struct About<'h> {
    pub(super) kind: Kind,
    pub(super) file: &'h str,
    pub(super) ident: u32,
    pub(super) sort: Sort,
    pub(super) month: Month,
    /// The receipt's name, for the column `receipt`.
    pub(super) receipt: &'h str,
    pub(super) masters: &'h Masters,
}

/// What a file's own totals are checked against.
pub(super) struct Taken {
    pub(super) points: i64,
    pub(super) part: bool,
}

impl<'a> Take<'a> {
    pub(super) fn new(kind: Kind, file: &'a str, encoding: Encoding, masters: &Arc<Masters>) -> Self {
        let (views, used, counts) = (Views::default(), Vec::new(), Counts::default());
        // Threads share the masters: a count of them that moved with every receipt would be waited for.
        let masters = Arc::clone(masters);
        let (damaged, follows, branch, unsure) = (false, false, false, false);
        Self { kind, file, encoding, masters, views, used, counts, damaged, summary: None, follows, branch, unsure }
    }

    /// Takes a receipt, or quarantines all of its lines.
    pub(super) fn receipt(
        &mut self,
        desk: &mut Desk<'_>,
        receipt: &Receipt,
        house: Option<&House>,
    ) -> Result<Option<Taken>, ReadError> {
        let lines = receipt.records.len() as u64;
        let first = receipt.records.first().map_or(0, |record| record.line);
        let damaged = std::mem::take(&mut self.damaged);
        let mut views = std::mem::take(&mut self.views);
        match self.kind {
            Kind::ProviderClaims => views.plain(receipt),
            _ => views.build(receipt),
        }
        let head = self.head(receipt, &views, house);
        let taken = head.as_ref().ok().map(|head| Taken { points: head.points, part: head.bundle == Bundle::Part });
        let known = match head {
            _ if damaged => Err("receipt-damaged"),
            Ok(head) => self.card(desk, &head.person).map(|card| (head, card)).ok_or("no-identity"),
            Err(code) => Err(code),
        };
        let result = match known {
            Ok((head, card)) => self.take(desk, receipt, &views, head, card),
            Err(code) => {
                desk.tally.quarantined(self.kind, code, lines, self.file, first);
                Ok(())
            }
        };
        self.views = views;
        result.map(|()| taken)
    }

    fn take(
        &mut self,
        desk: &mut Desk<'_>,
        receipt: &Receipt,
        views: &Views,
        mut head: Head<'_>,
        Card { ident, born, whole }: Card,
    ) -> Result<(), ReadError> {
        let first = receipt.records.first().map_or(0, |record| record.line);
        if !born {
            desk.tally.value_lost(self.kind, "birth-date", self.file, first);
        }
        if !whole {
            desk.tally.value_lost(self.kind, "undecodable-character", self.file, first);
        }
        self.bundle(desk, ident, &mut head);
        let about = About {
            kind: self.kind,
            file: self.file,
            ident,
            sort: head.sort,
            month: head.month,
            receipt: &head.receipt,
            masters: &self.masters,
        };
        let mut body = Body {
            units: Units::new(about, true),
            dispensed: Dispensed::new(about),
            comorbid: Comorbid::default(),
            death: None,
        };
        let mut used = std::mem::take(&mut self.used);
        used.clear();
        used.resize(receipt.records.len(), false);
        let mut counts = std::mem::take(&mut self.counts);
        let mut donor = false;
        for &at in &views.adjudicated {
            let Some(record) = receipt.records.get(at).copied() else {
                continue;
            };
            if let Some(used) = used.get_mut(at) {
                *used = true;
            }
            donor |= matches!(&record.tag, b"TI" | b"TR" | b"TS");
            let verdict = if donor {
                Verdict::LeftOut("organ-donor")
            } else {
                self.record(desk, about, &mut body, receipt, record)?
            };
            match verdict {
                Verdict::Kept => counts.kept += 1,
                Verdict::LeftOut(code) => counts.left_out(code),
                Verdict::Bad(code) => desk.tally.quarantined(self.kind, code, 1, self.file, record.line),
            }
        }
        body.units.flush(desk)?;
        body.dispensed.flush(desk)?;
        self.envelope(desk, receipt, views, &used, &mut counts);
        (self.used, self.counts) = (used, counts);
        let billed = self.billed(desk, receipt, views, &head, about)?;
        self.claim(desk, &head, ident, &body, &billed)?;
        let (from, to) = body
            .dispensed
            .seen
            .into_iter()
            .chain(body.units.seen)
            .fold(None, |seen, (from, to)| Some(span(Some(span(seen, from)), to)))
            .unwrap_or((head.month.first(), head.month.first()));
        desk.identities.seen(ident, from);
        desk.identities.seen(ident, to);
        if let Some(day) = body.death {
            desk.identities.died(ident, day);
        }
        Ok(())
    }

    /// Ties the parts of a 総括レセプト to it: it stands before them, and is the one with a claim row.
    fn bundle(&mut self, desk: &mut Desk<'_>, ident: u32, head: &mut Head<'_>) {
        match head.bundle {
            Bundle::Alone => {}
            Bundle::Summary => self.summary = Some((ident, head.month, head.receipt.clone())),
            Bundle::Part => match &self.summary {
                Some((of, month, receipt)) if *of == ident && *month == head.month => head.receipt.clone_from(receipt),
                None if self.follows => self.unsure = true,
                Some((_, month, _)) if self.branch && *month == head.month => self.unsure = true,
                _ => desk.tally.repaired(self.kind, "part-without-summary"),
            },
        }
    }

    /// Lines that are in no view, or that a correction took out.
    fn envelope(&self, desk: &mut Desk<'_>, receipt: &Receipt, views: &Views, used: &[bool], counts: &mut Counts) {
        let kind = self.kind;
        for (line, code) in &views.failed {
            desk.tally.quarantined(kind, code, 1, self.file, *line);
        }
        counts.kept += views.applied;
        for (record, _) in receipt.records.iter().zip(used).filter(|(_, used)| !**used) {
            match &record.tag {
                b"JY" => {}
                b"MN" => counts.kept += 1,
                b"EX" | b"RC" => counts.left_out("free-text"),
                _ if record.added => {
                    let (code, line) = ("correction-not-referred-to", record.line);
                    desk.tally.quarantined(kind, code, 1, self.file, line);
                }
                _ => counts.left_out("superseded"),
            }
        }
    }

    /// Tells the counts of the receipts so far.
    pub(super) fn tell(&mut self, desk: &mut Desk<'_>) {
        std::mem::take(&mut self.counts).flush(desk, self.kind);
    }

    fn record<'h>(
        &self,
        desk: &mut Desk<'_>,
        about: About<'_>,
        body: &mut Body<'h>,
        receipt: &'h Receipt,
        record: Record,
    ) -> Result<Verdict, ReadError> {
        let fields = receipt.fields(record);
        let (sort, tag, line) = (about.sort, record.tag, record.line);
        let (pharmacy, dental, dpc) = (sort == Sort::Pharmacy, sort == Sort::Dental, sort == Sort::Dpc);
        let outcome = match &tag {
            b"RE" | b"HO" | b"KO" | b"SN" | b"IR" | b"YK" | b"UK" => return Ok(Verdict::Kept),
            b"CO" | b"TK" | b"SJ" | b"EX" | b"RC" => return Ok(Verdict::LeftOut("free-text")),
            b"SY" if !pharmacy => self.disease(desk, about, body, fields)?,
            b"HS" if dental => self.dental_disease(desk, about, body, fields)?,
            b"SB" if dpc => self.dpc_disease(desk, about, fields)?,
            b"BU" if dpc => {
                // 転帰 6 and 7 of DPC are deaths; the stay ends that day.
                if matches!(fields.get(4), b"6" | b"7") {
                    body.died(number::day(fields.get(3)).unwrap_or(about.month.last()));
                }
                Outcome::Taken
            }
            b"CD" if dpc => body.units.bundled(desk, fields)?,
            b"GT" if dpc => {
                body.units.bundle(fields);
                return Ok(Verdict::LeftOut("not-used"));
            }
            b"GA" if dpc => {
                // 外泊等 has a digit for every day: text, for no integer holds 31 of them.
                let days = fields.get(3);
                if days.len() > 31 || !days.iter().all(u8::is_ascii_digit) {
                    desk.tally.value_lost(self.kind, "days-away", self.file, line);
                }
                return Ok(Verdict::LeftOut("not-used"));
            }
            b"SI" | b"IY" | b"TO" if !pharmacy => body.units.record(desk, tag, fields, line)?,
            b"SS" if dental => body.units.record(desk, tag, fields, line)?,
            b"SH" if pharmacy => body.dispensed.prescription(desk, fields)?,
            b"CZ" if pharmacy => body.dispensed.dispensing(desk, fields)?,
            b"KI" if pharmacy => body.dispensed.fees(desk, fields)?,
            b"IY" => body.dispensed.drug(fields, false),
            b"TO" => body.dispensed.drug(fields, true),
            b"JD" | b"MF" | b"GR" | b"KK" | b"SK" | b"GA" | b"HH" | b"GT" | b"ST" | b"GO" => {
                return Ok(Verdict::LeftOut("not-used"));
            }
            b"KH" | b"MD" | b"RT" | b"JR" | b"MK" | b"HI" | b"HR" | b"HG" => {
                return Ok(Verdict::LeftOut("administrative"));
            }
            // Of the clearing body: in a provider's file they are remains of a receipt sent back.
            b"MN" | b"JY" if self.kind == Kind::ProviderClaims => return Ok(Verdict::LeftOut("administrative")),
            _ => return Ok(Verdict::Bad("record-unknown")),
        };
        Ok(match outcome {
            Outcome::Taken => Verdict::Kept,
            Outcome::Bad(code) => Verdict::Bad(code),
        })
    }
}

/// Counts of receipts on their way to the tally.
#[derive(Default)]
struct Counts {
    kept: u64,
    left: Vec<(&'static str, u64)>,
}

impl Counts {
    fn left_out(&mut self, code: &'static str) {
        // There are few codes, and each mostly stands at one address; if not, the tally adds them up.
        match self.left.iter_mut().find(|(known, _)| std::ptr::eq(*known, code)) {
            Some((_, count)) => *count += 1,
            None => self.left.push((code, 1)),
        }
    }

    fn flush(self, desk: &mut Desk<'_>, kind: Kind) {
        desk.tally.kept(kind, self.kept);
        for (code, count) in self.left {
            desk.tally.left_out(kind, code, count);
        }
    }
}

pub(super) struct Body<'h> {
    pub(super) units: Units<'h>,
    pub(super) dispensed: Dispensed<'h>,
    pub(super) comorbid: Comorbid,
    death: Option<i32>,
}

impl Body<'_> {
    pub(super) fn died(&mut self, day: i32) {
        self.death = Some(self.death.map_or(day, |known| known.min(day)));
    }
}

enum Verdict {
    Kept,
    LeftOut(&'static str),
    Bad(&'static str),
}
