//! Provider-side claims (UKE) line by line: volumes, receipts told apart and handed on, GO's totals checked. Not what is in
//! a receipt.
//!
//! IR, YK or UK opens a volume, RE a receipt, GO ends the volume. A bill may be in several volumes, in one file or in many;
//! whether a GO totals its volume or the bill so far is not told by the sources we have, so either will do.

use std::io::BufRead;

use super::block::{Line, Met, Receipt};
use super::head::House;
use super::payer::tag;
use super::receipt::Take;
use super::{Fields, Record};
use crate::read::desk::Desk;
use crate::read::error::{Place, ReadError};
use crate::read::number;
use crate::read::report::Kind;
use crate::read::text::Encoding;

const KIND: Kind = Kind::ProviderClaims;

/// Receipts since a volume, or a bill, began.
#[derive(Default, Clone, Copy)]
struct Sum {
    receipts: i64,
    /// Of them, parts of a 総括レセプト: they may count for one with it.
    parts: i64,
    points: i64,
}

pub(in crate::read) fn read<R: BufRead>(
    desk: &mut Desk<'_>,
    file: &str,
    encoding: Encoding,
    mut input: R,
) -> Result<(), ReadError> {
    let mut reader = Reader {
        file,
        receipt: Receipt::default(),
        take: Take::new(KIND, file, encoding),
        house: None,
        open: None,
        volume: Sum::default(),
        bill: Sum::default(),
    };
    let (mut read, mut malformed, mut first_bad) = (0_u64, 0_u64, 0_u64);
    desk.tally.file(KIND);
    loop {
        let (number, found) = match reader.receipt.advance(&mut input, file)? {
            Met::End => break,
            Met::Bad(number, code) => (number, Err(code)),
            Met::Line(line) => (line.number, lead(reader.receipt.line(line), line)),
        };
        read += 1;
        match found {
            Ok(record) => reader.record(desk, record)?,
            Err(code) => {
                desk.tally.quarantined(KIND, code, 1, file, number);
                malformed += 1;
                if first_bad == 0 {
                    first_bad = number;
                }
                reader.take.damaged = true;
            }
        }
        if read == 10_000 && malformed * 2 > read {
            break;
        }
    }
    desk.tally.read(KIND, read);
    if reader.open.is_some() && !reader.receipt.ended() {
        // Broken off within a line, and so within its last value.
        reader.take.damaged = true;
    }
    reader.receipt(desk)?;
    reader.unclosed(desk);
    if malformed >= 3 && malformed * 2 > read {
        let what = "most lines are not those of a provider's claims file";
        let help = "Give the file as the provider sent it to the clearing body";
        let place = Place::line(file, first_bad);
        return Err(ReadError::refused(place, "lines-do-not-fit", what, help));
    }
    Ok(())
}

fn lead(fields: Fields<'_>, line: Line) -> Result<Record, &'static str> {
    let tag = tag(fields.get(0)).ok_or("record-identifier")?;
    let (start, _) = fields.span(0).unwrap_or_default();
    Ok(Record { tag, added: false, row: 0, branch: 0, start, items: line.items, line: line.number })
}

struct Reader<'a> {
    file: &'a str,
    receipt: Receipt,
    take: Take<'a>,
    house: Option<House>,
    /// Line at which the volume without a GO so far began.
    open: Option<u64>,
    volume: Sum,
    /// Over the volumes since the last one that said it was the last.
    bill: Sum,
}

impl Reader<'_> {
    fn record(&mut self, desk: &mut Desk<'_>, record: Record) -> Result<(), ReadError> {
        let (tag, line) = (record.tag, record.line);
        let header = matches!(&tag, b"IR" | b"YK" | b"UK");
        if header || matches!(&tag, b"RE" | b"GO") {
            self.receipt(desk)?;
        }
        if header {
            // UK opens single receipts that were sent back: no totals follow.
            self.unclosed(desk);
            self.open = (tag != *b"UK").then_some(line);
            self.volume = Sum::default();
            self.house = Some(House::of(self.receipt.fields(record), tag));
            desk.tally.kept(KIND, 1);
        } else if tag == *b"GO" {
            self.check(desk, record);
            self.open = None;
            self.volume = Sum::default();
            desk.tally.kept(KIND, 1);
        } else if self.receipt.records.is_empty() && tag != *b"RE" {
            desk.tally.quarantined(KIND, "record-outside-receipt", 1, self.file, line);
        } else {
            self.receipt.push(record);
        }
        Ok(())
    }

    /// Takes the receipt that ends here.
    fn receipt(&mut self, desk: &mut Desk<'_>) -> Result<(), ReadError> {
        if self.receipt.records.is_empty() {
            // What was damaged, if anything, is no receipt.
            self.take.damaged = false;
            return Ok(());
        }
        let taken = self.take.receipt(desk, &self.receipt, self.house.as_ref())?;
        let (points, part) = taken.map_or((0, false), |taken| (taken.points, taken.part));
        for met in [&mut self.volume, &mut self.bill] {
            met.receipts += 1;
            met.parts += i64::from(part);
            met.points = met.points.saturating_add(points);
        }
        self.receipt.clear();
        Ok(())
    }

    /// 総件数 and 総合計点数: of this volume, or of the bill so far.
    fn check(&mut self, desk: &mut Desk<'_>, record: Record) {
        let fields = self.receipt.fields(record);
        let met = [self.volume, self.bill];
        match number::whole(fields.get(1)) {
            Some(count) if met.iter().any(|met| count == met.receipts || count == met.receipts - met.parts) => {}
            _ => desk.tally.doubted(KIND, "go-count-differs", self.file, record.line),
        }
        match number::whole(fields.get(2)) {
            Some(points) if met.iter().any(|met| points == met.points) => {}
            _ => desk.tally.doubted(KIND, "go-points-differ", self.file, record.line),
        }
        // マルチボリューム 99 is the last; nothing said means the only one.
        if matches!(fields.get(3), b"" | b"99") {
            self.bill = Sum::default();
        }
    }

    /// A volume without totals: the file, or what it was joined from, breaks off.
    fn unclosed(&mut self, desk: &mut Desk<'_>) {
        if let Some(line) = self.open.take() {
            desk.tally.doubted(KIND, "go-missing", self.file, line);
        }
    }
}
