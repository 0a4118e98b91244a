//! The claim row: totals as billed and as adjudicated. Not the acts.

use super::Receipt;
use super::acts::Units;
use super::correct::Views;
use super::head::{Bundle, Head, Sort};
use super::receipt::{About, Body, Take};
use crate::read::desk::{Desk, Into};
use crate::read::error::ReadError;
use crate::read::frame::Value;
use crate::read::number;

pub(super) struct Billed {
    points: i64,
    /// Σ points × 回数 of the billed lines, where the total was not corrected itself.
    details: Option<i64>,
}

impl Take<'_> {
    /// Points as billed: the billed HO, or KO. What can't be read is taken as adjudicated.
    pub(super) fn billed(
        &self,
        desk: &mut Desk<'_>,
        receipt: &Receipt,
        views: &Views,
        head: &Head<'_>,
        about: About<'_>,
    ) -> Result<Billed, ReadError> {
        if !views.corrected {
            return Ok(Billed { points: head.points, details: None });
        }
        let payer = receipt.find(&views.billed, b"HO").or_else(|| receipt.find(&views.billed, b"KO"));
        let points = match payer.and_then(|(_, payer)| number::whole(payer.get(5))) {
            Some(points) => points,
            None => {
                if head.bundle != Bundle::Part {
                    desk.tally.repaired(self.kind, "billed-total-missing");
                }
                head.points
            }
        };
        let added = receipt.records.get(head.points_from).is_some_and(|record| record.added);
        if added || head.sort == Sort::Pharmacy {
            return Ok(Billed { points, details: None });
        }
        let mut units = Units::new(about, false);
        for &at in &views.billed {
            let Some(record) = receipt.records.get(at).copied() else {
                continue;
            };
            let fields = receipt.fields(record);
            match &record.tag {
                b"TI" | b"TR" | b"TS" => break,
                b"SI" | b"IY" | b"TO" => {
                    units.record(desk, record.tag, fields, record.line)?;
                }
                b"SS" if head.sort == Sort::Dental => {
                    units.record(desk, record.tag, fields, record.line)?;
                }
                b"GT" if head.sort == Sort::Dpc => units.bundle(fields),
                _ => {}
            }
        }
        units.flush(desk)?;
        Ok(Billed { points, details: Some(units.sum) })
    }

    pub(super) fn claim(
        &self,
        desk: &mut Desk<'_>,
        head: &Head<'_>,
        ident: u32,
        body: &Body<'_>,
        billed: &Billed,
    ) -> Result<(), ReadError> {
        if head.bundle == Bundle::Part {
            desk.tally.repaired(self.kind, "totals-on-summary-receipt");
            return Ok(());
        }
        let mut points = head.points;
        if let Some(details) = billed.details {
            let change = body.units.sum.saturating_sub(details);
            if change != 0 {
                // Lines were corrected but the total was left as billed: it follows its lines.
                points = points.saturating_add(change).max(0);
                desk.tally.repaired(self.kind, "total-follows-lines");
            }
        }
        if head.days.is_none() {
            desk.tally.repaired(self.kind, "days-unknown");
        }
        if head.facility.is_none() {
            desk.tally.repaired(self.kind, "facility-unknown");
        }
        let lists = &desk.lists;
        let sort = match head.sort {
            Sort::Medical => lists.medical,
            Sort::Dpc => lists.dpc,
            Sort::Dental => lists.dental,
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
            Value::Text(head.receipt_number()),
            Value::day(head.billed),
        ];
        desk.push(Into::Claim, ident, &row)
    }
}
