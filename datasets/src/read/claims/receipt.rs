//! One receipt: who, where, when, how much, then its diagnoses and acts. Not the splitting of files into receipts.
//!
//! Names of doctors, comments (CO), 症状詳記 (SJ), 審査運用 (EX) and hashes (RC) are never decoded. What follows TI, TR or TS
//! belongs to an organ's donor, not to the patient, and is left out.

use std::borrow::Cow;
use std::rc::Rc;

use super::acts::{Outcome, Units, span};
use super::correct::Views;
use super::dispensing::Dispensed;
use super::{Fields, Receipt, Record};
use crate::read::desk::Desk;
use crate::read::error::ReadError;
use crate::read::identity::Tuple;
use crate::read::number::{self, Month};
use crate::read::report::Kind;
use crate::read::text::{self, Encoding};

pub(super) const KIND: Kind = Kind::Claims;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sort {
    Medical,
    Dpc,
    Pharmacy,
}

/// Takes the receipts of a file one by one.
pub(super) struct Take<'a> {
    pub(super) file: &'a str,
    pub(super) encoding: Encoding,
    pub(super) fields: Fields,
    views: Views,
    /// A line of the receipt could not be read.
    pub(super) damaged: bool,
}

/// The identity as written, owned because the fields it is from are reused.
#[derive(Default)]
struct Person {
    insurer: Option<String>,
    symbol: Option<String>,
    number: Option<String>,
    branch: Option<String>,
    name: Option<String>,
    kana: Option<String>,
    birth: Option<String>,
    sex: Option<String>,
}

pub(super) struct Head {
    pub(super) sort: Sort,
    pub(super) month: Month,
    pub(super) inpatient: bool,
    /// 総括区分 2 and 3: totals stand on the summary receipt.
    pub(super) part: bool,
    pub(super) facility: Option<String>,
    /// Names of this version of the receipt, and of the receipt over its versions.
    pub(super) receipt: Rc<str>,
    pub(super) receipt_number: String,
    /// 請求年月, its first day.
    pub(super) billed: Option<i32>,
    pub(super) days: Option<i64>,
    pub(super) points: i64,
    pub(super) points_from: usize,
    person: Person,
}

impl<'a> Take<'a> {
    pub(super) fn new(file: &'a str, encoding: Encoding) -> Self {
        Self { file, encoding, fields: Fields::default(), views: Views::default(), damaged: false }
    }

    /// Takes a receipt, or quarantines all of its lines.
    pub(super) fn receipt(&mut self, desk: &mut Desk<'_>, receipt: &Receipt) -> Result<(), ReadError> {
        let lines = receipt.records.len() as u64;
        let first = receipt.records.first().map_or(0, |record| record.line);
        let damaged = std::mem::take(&mut self.damaged);
        let mut views = std::mem::take(&mut self.views);
        views.build(receipt, &mut self.fields);
        let head = if damaged { Err("receipt-damaged") } else { self.head(receipt, &views) };
        let result = match head {
            Ok(head) => self.take(desk, receipt, &views, &head),
            Err(code) => {
                desk.tally.quarantined(KIND, code, lines, self.file, first);
                Ok(())
            }
        };
        self.views = views;
        result
    }

    /// First record of this kind in a view, its fields loaded.
    pub(super) fn find(&mut self, receipt: &Receipt, view: &[usize], tag: &[u8; 2]) -> Option<usize> {
        let at = *view.iter().find(|&&at| receipt.records.get(at).is_some_and(|r| r.tag == *tag))?;
        self.fields.load(receipt, *receipt.records.get(at)?);
        Some(at)
    }

    fn decoded(&self, item: usize) -> Option<String> {
        let (decoded, _) = self.encoding.decode(self.fields.get(item));
        text::clean(&decoded).map(Cow::into_owned)
    }

    fn head(&mut self, receipt: &Receipt, views: &Views) -> Result<Head, &'static str> {
        let view = &views.adjudicated;
        let mut person = Person::default();
        self.find(receipt, view, b"RE").ok_or("receipt-without-re")?;
        let sort = match self.fields.get(2) {
            [b'1', _, _, _] => Sort::Medical,
            [b'4', _, _, _] => Sort::Pharmacy,
            [b'3', _, _, _] => return Err("dental-receipt"),
            [b'6', _, _, _] => return Err("home-nursing-receipt"),
            _ => return Err("receipt-type"),
        };
        let dpc = [b"BU", b"SB", b"GA", b"HH", b"GT", b"CD"];
        let dpc = sort == Sort::Medical && dpc.into_iter().any(|tag| receipt.has(tag));
        let sort = if dpc { Sort::Dpc } else { sort };
        let last = self.fields.get(2).last().copied().unwrap_or(b'0');
        let month = number::month(self.fields.get(3)).ok_or("month")?;
        person.name = self.decoded(4);
        person.sex = self.decoded(5);
        person.birth = self.decoded(6);
        person.kana = self.decoded(match sort {
            Sort::Medical => 36,
            Sort::Dpc => 28,
            Sort::Pharmacy => 41,
        });
        let part = dpc && matches!(self.fields.get(18), b"2" | b"3");
        let house = if sort == Sort::Pharmacy { b"YK" } else { b"IR" };
        let (mut facility, mut billed) = (None, None);
        if self.find(receipt, view, house).is_some() {
            facility = self.facility();
            let item = if sort == Sort::Pharmacy { 6 } else { 7 };
            billed = number::month(self.fields.get(item)).map(Month::first);
        }
        let payer = match self.find(receipt, view, b"HO") {
            Some(at) => {
                person.insurer = self.decoded(1);
                person.symbol = self.decoded(2);
                person.number = self.decoded(3);
                Some(at)
            }
            // 公費単独: nobody but the public payer.
            None => self.find(receipt, view, b"KO"),
        };
        let points_from = payer.ok_or("receipt-without-payer")?;
        let days = number::whole(self.fields.get(4));
        let points = match self.fields.get(5) {
            b"" if part => 0,
            points => number::whole(points).ok_or("points")?,
        };
        self.qualification(receipt, view, &mut person);
        let receipt_number = self.number(receipt, view, facility.as_deref(), month);
        if person.number.is_none() && person.name.is_none() && person.kana.is_none() {
            return Err("no-identity");
        }
        Ok(Head {
            sort,
            month,
            inpatient: sort != Sort::Pharmacy && last % 2 == 1,
            part,
            facility,
            receipt: format!("{receipt_number}@{}", billed.unwrap_or_default()).into(),
            receipt_number,
            billed,
            days,
            points,
            points_from,
            person,
        })
    }

    /// 検索番号, レセプト管理番号, or what a clinic numbers by: the name of the receipt over all its versions.
    fn number(&mut self, receipt: &Receipt, view: &[usize], facility: Option<&str>, month: Month) -> String {
        let at = receipt.records.iter().position(|record| record.tag == *b"MN");
        if let Some(record) = at.and_then(|at| receipt.records.get(at)).copied() {
            self.fields.load(receipt, record);
            for (kind, item) in [("s", 3), ("m", 1)] {
                if let Some(number) = self.decoded(item) {
                    return format!("{kind}:{number}");
                }
            }
        }
        let _ = self.find(receipt, view, b"RE");
        let (number, sort) = (self.decoded(1).unwrap_or_default(), self.decoded(2).unwrap_or_default());
        format!("f:{}:{}:{sort}:{number}", facility.unwrap_or_default(), month.first())
    }

    /// SN of the insurer: 枝番, and 保険者番号, 記号, 番号 where the clearing body corrected them.
    fn qualification(&mut self, receipt: &Receipt, view: &[usize], person: &mut Person) {
        for &at in view {
            let Some(record) = receipt.records.get(at).filter(|r| r.tag == *b"SN") else {
                continue;
            };
            self.fields.load(receipt, *record);
            if self.fields.get(1) != b"1" {
                continue;
            }
            let fields =
                [(3, &mut person.insurer), (4, &mut person.symbol), (5, &mut person.number), (6, &mut person.branch)];
            for (item, to) in fields {
                if let Some(text) = self.decoded(item) {
                    *to = Some(text);
                }
            }
        }
    }

    /// 都道府県, 点数表 and 医療機関コード: ten digits that name a facility in all of Japan.
    fn facility(&self) -> Option<String> {
        let mut key = String::with_capacity(10);
        for item in [2, 3, 4] {
            let bytes = self.fields.get(item);
            if bytes.is_empty() || !bytes.iter().all(u8::is_ascii_digit) {
                return None;
            }
            key.push_str(std::str::from_utf8(bytes).ok()?);
        }
        Some(key)
    }

    fn take(&mut self, desk: &mut Desk<'_>, receipt: &Receipt, views: &Views, head: &Head) -> Result<(), ReadError> {
        let person = &head.person;
        let tuple = Tuple {
            insurer_no: person.insurer.as_deref(),
            symbol: person.symbol.as_deref(),
            number: person.number.as_deref(),
            branch: person.branch.as_deref(),
            name: person.name.as_deref(),
            kana: person.kana.as_deref(),
            birth: person.birth.as_deref(),
            sex: person.sex.as_deref(),
            ..Tuple::default()
        };
        let first = receipt.records.first().map_or(0, |record| record.line);
        if person.birth.as_deref().and_then(|b| number::day(b.as_bytes())).is_none() {
            desk.tally.value_lost(KIND, "birth-date", self.file, first);
        }
        let fields = [&person.name, &person.kana, &person.symbol, &person.number];
        if fields.into_iter().flatten().any(|text| text.contains('\u{FFFD}')) {
            desk.tally.value_lost(KIND, "undecodable-character", self.file, first);
        }
        let ident = desk.identities.of(KIND, &tuple);
        let mut body = Body {
            units: Units::new(ident, head.month, Rc::clone(&head.receipt), true),
            dispensed: Dispensed::new(ident, head.month, Rc::clone(&head.receipt)),
            death: None,
        };
        let mut used = vec![false; receipt.records.len()];
        let mut donor = false;
        for &at in &views.adjudicated {
            let Some(record) = receipt.records.get(at).copied() else {
                continue;
            };
            if let Some(used) = used.get_mut(at) {
                *used = true;
            }
            donor |= matches!(&record.tag, b"TI" | b"TR" | b"TS");
            if donor {
                desk.tally.left_out(KIND, "organ-donor", 1);
                continue;
            }
            self.fields.load(receipt, record);
            match self.record(desk, head, &mut body, record)? {
                Verdict::Kept => desk.tally.kept(KIND, 1),
                Verdict::LeftOut(code) => desk.tally.left_out(KIND, code, 1),
                Verdict::Bad(code) => desk.tally.quarantined(KIND, code, 1, self.file, record.line),
            }
        }
        body.units.flush(desk, self.file)?;
        body.dispensed.flush(desk)?;
        self.envelope(desk, receipt, views, &used);
        let billed = self.billed(desk, receipt, views, head)?;
        self.claim(desk, head, ident, &body, billed)?;
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

    /// Lines that are in no view, or that a correction took out.
    fn envelope(&self, desk: &mut Desk<'_>, receipt: &Receipt, views: &Views, used: &[bool]) {
        for (line, code) in &views.failed {
            desk.tally.quarantined(KIND, code, 1, self.file, *line);
        }
        desk.tally.kept(KIND, views.applied);
        for (record, _) in receipt.records.iter().zip(used).filter(|(_, used)| !**used) {
            match &record.tag {
                b"JY" => {}
                b"MN" => desk.tally.kept(KIND, 1),
                b"EX" | b"RC" => desk.tally.left_out(KIND, "free-text", 1),
                _ if record.added => {
                    let (code, line) = ("correction-not-referred-to", record.line);
                    desk.tally.quarantined(KIND, code, 1, self.file, line);
                }
                _ => desk.tally.left_out(KIND, "superseded", 1),
            }
        }
    }

    fn record(&self, desk: &mut Desk<'_>, head: &Head, body: &mut Body, record: Record) -> Result<Verdict, ReadError> {
        let pharmacy = head.sort == Sort::Pharmacy;
        let ident = body.units.ident();
        let outcome = match &record.tag {
            b"RE" | b"HO" | b"KO" | b"SN" | b"IR" | b"YK" => return Ok(Verdict::Kept),
            b"CO" | b"TK" | b"SJ" | b"EX" | b"RC" => return Ok(Verdict::LeftOut("free-text")),
            b"SY" if !pharmacy => self.disease(desk, head, body, ident)?,
            b"SB" if head.sort == Sort::Dpc => self.dpc_disease(desk, head, ident)?,
            b"BU" if head.sort == Sort::Dpc => {
                // 転帰 6 and 7 of DPC are deaths; the stay ends that day.
                if matches!(self.fields.get(4), b"6" | b"7") {
                    let day = number::day(self.fields.get(3));
                    body.died(day.unwrap_or(head.month.last()));
                }
                Outcome::Taken
            }
            b"CD" if head.sort == Sort::Dpc => body.units.bundled(desk, &self.fields)?,
            b"SI" | b"IY" | b"TO" if !pharmacy => {
                let (tag, line) = (record.tag, record.line);
                body.units.record(desk, self.file, tag, &self.fields, line)?
            }
            b"SH" => body.dispensed.prescription(desk, &self.fields)?,
            b"CZ" => body.dispensed.dispensing(desk, &self.fields)?,
            b"KI" => body.dispensed.fees(desk, &self.fields)?,
            b"IY" => body.dispensed.drug(&self.fields, false),
            b"TO" => body.dispensed.drug(&self.fields, true),
            b"JD" | b"MF" | b"GR" | b"KK" | b"SK" | b"GA" | b"HH" | b"GT" | b"ST" | b"GO" => {
                return Ok(Verdict::LeftOut("not-used"));
            }
            b"UK" | b"KH" | b"MD" | b"RT" | b"JR" | b"MK" | b"HI" | b"HR" | b"HG" => {
                return Ok(Verdict::LeftOut("administrative"));
            }
            _ => return Ok(Verdict::Bad("record-unknown")),
        };
        Ok(match outcome {
            Outcome::Taken => Verdict::Kept,
            Outcome::Bad(code) => Verdict::Bad(code),
        })
    }
}

pub(super) struct Body {
    pub(super) units: Units,
    pub(super) dispensed: Dispensed,
    death: Option<i32>,
}

impl Body {
    pub(super) fn died(&mut self, day: i32) {
        self.death = Some(self.death.map_or(day, |known| known.min(day)));
    }
}

enum Verdict {
    Kept,
    LeftOut(&'static str),
    Bad(&'static str),
}
