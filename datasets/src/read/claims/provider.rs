//! A provider's line, and the volumes (UKE): GO's totals checked. Not what is in a receipt.
//!
//! IR, YK or UK opens a volume, RE a receipt, GO ends the volume. A bill may be in several volumes, in one file or in many;
//! whether a GO totals its volume or the bill so far is not told by the sources we have, so either will do.

use super::block::Line;
use super::payer::tag;
use super::receipt::Taken;
use super::{Fields, Record};
use crate::read::number;
use crate::read::report::{Kind, Tally};

const KIND: Kind = Kind::ProviderClaims;

pub(super) fn lead(fields: Fields<'_>, line: Line) -> Result<Record, &'static str> {
    let tag = tag(fields.get(0)).ok_or("record-identifier")?;
    let (start, _) = fields.span(0).unwrap_or_default();
    Ok(Record { tag, added: false, row: 0, branch: 0, start, items: line.items, line: line.number })
}

/// Receipts since a volume, or a bill, began.
#[derive(Default, Clone, Copy)]
pub(super) struct Sum {
    receipts: i128,
    /// Of them, parts of a 総括レセプト: they may count for one with it.
    parts: i128,
    points: i128,
}

impl Sum {
    fn add(&mut self, more: Self) {
        self.receipts += more.receipts;
        self.parts += more.parts;
        self.points += more.points;
    }
}

/// What the check of totals needs to know, in the order of the file.
pub(super) enum Mark {
    Receipts(Sum),
    /// IR, YK or UK.
    Header {
        line: u64,
        totals_follow: bool,
    },
    /// GO: 総件数, 総合計点数, and whether it is the bill's last.
    Total {
        line: u64,
        count: Option<i64>,
        points: Option<i64>,
        last: bool,
    },
}

impl Mark {
    pub(super) fn receipt(taken: Option<&Taken>) -> Self {
        let (points, part) = taken.map_or((0, false), |taken| (taken.points, taken.part));
        Self::Receipts(Sum { receipts: 1, parts: i128::from(part), points: i128::from(points) })
    }

    pub(super) fn total(fields: Fields<'_>, line: u64) -> Self {
        // マルチボリューム 99 is the last; nothing said means the only one.
        let last = matches!(fields.get(3), b"" | b"99");
        Self::Total { line, count: number::whole(fields.get(1)), points: number::whole(fields.get(2)), last }
    }
}

/// The volumes of a file so far.
#[derive(Default)]
pub(super) struct Volumes {
    /// Line at which the volume without a GO so far began.
    open: Option<u64>,
    volume: Sum,
    /// Over the volumes since the last one that said it was the last.
    bill: Sum,
}

impl Volumes {
    pub(super) fn mark(&mut self, tally: &mut Tally, file: &str, mark: Mark) {
        match mark {
            Mark::Receipts(sum) => {
                self.volume.add(sum);
                self.bill.add(sum);
            }
            Mark::Header { line, totals_follow } => {
                self.end(tally, file);
                // UK opens single receipts that were sent back: no totals follow.
                self.open = totals_follow.then_some(line);
                self.volume = Sum::default();
            }
            Mark::Total { line, count, points, last } => {
                let met = [self.volume, self.bill];
                let fits = |count: i128, met: &Sum| count == met.receipts || count == met.receipts - met.parts;
                if !count.is_some_and(|count| met.iter().any(|met| fits(count.into(), met))) {
                    tally.doubted(KIND, "go-count-differs", file, line);
                }
                if !points.is_some_and(|points| met.iter().any(|met| i128::from(points) == met.points)) {
                    tally.doubted(KIND, "go-points-differ", file, line);
                }
                if last {
                    self.bill = Sum::default();
                }
                self.open = None;
                self.volume = Sum::default();
            }
        }
    }

    /// A volume without totals: the file, or what it was joined from, breaks off.
    pub(super) fn end(&mut self, tally: &mut Tally, file: &str) {
        if let Some(line) = self.open.take() {
            tally.doubted(KIND, "go-missing", file, line);
        }
    }
}

/// The volumes, or, where what came before is not known, marks for whoever knows, each with the findings before it.
pub(super) enum Totals {
    Here(Volumes),
    Later(Vec<(usize, Mark)>),
}

impl Totals {
    pub(super) fn mark(&mut self, tally: &mut Tally, file: &str, mark: Mark) {
        match self {
            Self::Here(volumes) => volumes.mark(tally, file, mark),
            Self::Later(marks) => match (marks.last_mut(), mark) {
                (Some((_, Mark::Receipts(sum))), Mark::Receipts(more)) => sum.add(more),
                (_, mark) => marks.push((tally.found(), mark)),
            },
        }
    }
}
