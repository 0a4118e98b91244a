//! The claim row: totals as billed and as adjudicated. Not the acts.

use std::rc::Rc;

use super::Receipt;
use super::acts::Units;
use super::correct::Views;
use super::receipt::{Body, Head, KIND, Sort, Take};
use crate::read::desk::{Desk, Into};
use crate::read::error::ReadError;
use crate::read::frame::Value;
use crate::read::number;

pub(super) struct Billed {
    pub(super) points: i64,
    /// Σ points × 回数 of the billed lines, where the total was not corrected itself.
    details: Option<i64>,
    total_corrected: bool,
}

impl Take<'_> {
    /// Points as billed: the billed HO, or KO. What can't be read is taken as adjudicated.
    pub(super) fn billed(
        &mut self,
        desk: &mut Desk<'_>,
        receipt: &Receipt,
        views: &Views,
        head: &Head,
    ) -> Result<Billed, ReadError> {
        if !views.corrected {
            return Ok(Billed { points: head.points, details: None, total_corrected: true });
        }
        let payer = match self.find(receipt, &views.billed, b"HO") {
            Some(at) => Some(at),
            None => self.find(receipt, &views.billed, b"KO"),
        };
        let points = match number::whole(self.fields.get(5)) {
            Some(points) if payer.is_some() => points,
            _ => {
                desk.tally.repaired(KIND, "billed-total-missing");
                head.points
            }
        };
        let added = receipt.records.get(head.points_from).is_some_and(|r| r.added);
        let mut details = None;
        if !added && head.sort != Sort::Pharmacy {
            let mut units = Units::new(0, head.month, Rc::clone(&head.receipt), false);
            for &at in &views.billed {
                let Some(record) = receipt.records.get(at).copied() else {
                    continue;
                };
                match &record.tag {
                    b"TI" | b"TR" | b"TS" => break,
                    b"SI" | b"IY" | b"TO" => {
                        self.fields.load(receipt, record);
                        units.record(desk, self.file, record.tag, &self.fields, record.line)?;
                    }
                    _ => {}
                }
            }
            units.flush(desk, self.file)?;
            details = Some(units.sum);
        }
        Ok(Billed { points, details, total_corrected: added })
    }

    pub(super) fn claim(
        &self,
        desk: &mut Desk<'_>,
        head: &Head,
        ident: u32,
        body: &Body,
        billed: Billed,
    ) -> Result<(), ReadError> {
        if head.part {
            desk.tally.repaired(KIND, "totals-on-summary-receipt");
            return Ok(());
        }
        let mut points = head.points;
        if let (false, Some(details)) = (billed.total_corrected, billed.details) {
            let change = body.units.sum.saturating_sub(details);
            if change != 0 {
                // Lines were corrected but the total was left as billed: it follows its lines.
                points = points.saturating_add(change).max(0);
                desk.tally.repaired(KIND, "total-follows-lines");
            }
        }
        if head.days.is_none() {
            desk.tally.repaired(KIND, "days-unknown");
        }
        if head.facility.is_none() {
            desk.tally.repaired(KIND, "facility-unknown");
        }
        let lists = &desk.lists;
        let sort = match head.sort {
            Sort::Medical => lists.medical,
            Sort::Dpc => lists.dpc,
            Sort::Pharmacy => lists.pharmacy,
        };
        let row = [
            Value::Day(head.month.first()),
            Value::Category(sort),
            Value::Category(if head.inpatient { lists.inpatient } else { lists.outpatient }),
            Value::Int(lists.days.clamp(head.days.unwrap_or(0))),
            Value::Int(lists.points.clamp(billed.points)),
            Value::Int(lists.points.clamp(points)),
            Value::Text(head.facility.as_deref().unwrap_or("unknown")),
            Value::Text(&head.receipt),
            Value::Text(&head.receipt_number),
            Value::day(head.billed),
        ];
        desk.push(Into::Claim, ident, &row)
    }
}
