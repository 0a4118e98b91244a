//! JY records: what the clearing body changed. Two views of a receipt come out: as billed, and as adjudicated.
//! Not the interpretation of records.

use std::collections::HashMap;

use super::Receipt;
use crate::read::number;

/// Record numbers of a receipt in two orders.
#[derive(Default)]
pub(super) struct Views {
    /// Data as billed (データ識別 1); filled only where there are corrections.
    pub(super) billed: Vec<usize>,
    /// After the corrections.
    pub(super) adjudicated: Vec<usize>,
    /// Whether the views differ.
    pub(super) corrected: bool,
    /// Corrections that could not be applied: file line and reason.
    pub(super) failed: Vec<(u64, &'static str)>,
    /// JY lines applied.
    pub(super) applied: u64,
}

/// Records that never describe the claim itself.
fn envelope(tag: &super::Tag) -> bool {
    matches!(tag, b"MN" | b"JY" | b"EX" | b"RC")
}

/// One place of the billed order: its current record, and records put after it.
struct Slot {
    record: Option<usize>,
    after: Vec<usize>,
}

impl Views {
    pub(super) fn build(&mut self, receipt: &Receipt) {
        self.billed.clear();
        self.adjudicated.clear();
        self.failed.clear();
        self.corrected = false;
        self.applied = 0;
        let records = receipt.records.iter().enumerate();
        let content = records.filter(|(_, record)| !record.added && !envelope(&record.tag));
        if !receipt.corrections {
            self.adjudicated.extend(content.map(|(at, _)| at));
            return;
        }
        self.billed.extend(content.map(|(at, _)| at));
        self.apply(receipt);
    }

    /// A provider's receipt: there is nothing to correct it by.
    pub(super) fn plain(&mut self, receipt: &Receipt) {
        self.billed.clear();
        self.failed.clear();
        self.adjudicated.clear();
        self.adjudicated.extend(0..receipt.records.len());
        self.corrected = false;
        self.applied = 0;
    }

    fn apply(&mut self, receipt: &Receipt) {
        let mut slots: Vec<Slot> = Vec::with_capacity(self.billed.len());
        // Line number and branch → slot. The first of two lines with one number wins.
        let mut places: HashMap<(i64, i64), usize> = HashMap::new();
        for &at in &self.billed {
            if let Some(record) = receipt.records.get(at) {
                places.entry((record.row, record.branch)).or_insert(slots.len());
                let after = Vec::new();
                slots.push(Slot { record: Some(at), after });
            }
        }
        let mut fresh: HashMap<(i64, i64), usize> = HashMap::new();
        for (at, record) in receipt.records.iter().enumerate() {
            if record.added && !envelope(&record.tag) {
                fresh.entry((record.row, record.branch)).or_insert(at);
            }
        }
        let mut tail = Vec::new();
        for (at, record) in receipt.records.iter().enumerate() {
            if record.tag != *b"JY" {
                continue;
            }
            let fields = receipt.fields(*record);
            let number = |item| number::whole(fields.get(item));
            let target = number(2).map(|row| (row, number(3).unwrap_or(0)));
            let new = number(6).map(|row| (row, number(7).unwrap_or(0)));
            let slot = target.and_then(|target| places.get(&target).copied());
            let line = new.and_then(|new| fresh.get(&new).copied());
            let failure = match (fields.get(1), slot, line) {
                (b"1", Some(slot), Some(line)) => {
                    if let Some(slot) = slots.get_mut(slot) {
                        slot.after.push(line);
                    }
                    None
                }
                (b"1", None, Some(line)) => {
                    tail.push(line);
                    None
                }
                (b"2", Some(slot), Some(line)) => {
                    if let Some(slot) = slots.get_mut(slot) {
                        slot.record = Some(line);
                    }
                    // A later correction may name the new line.
                    if let Some(new) = new {
                        places.entry(new).or_insert(slot);
                    }
                    None
                }
                (b"3", Some(slot), _) => {
                    if let Some(slot) = slots.get_mut(slot) {
                        slot.record = None;
                    }
                    None
                }
                (b"1" | b"2", _, None) => Some("correction-line-missing"),
                (b"2" | b"3", None, _) => Some("correction-target-missing"),
                _ => Some("correction-class"),
            };
            match failure {
                Some(code) => {
                    let line = receipt.records.get(at).map_or(0, |record| record.line);
                    self.failed.push((line, code));
                }
                None => self.applied += 1,
            }
        }
        for slot in slots {
            self.adjudicated.extend(slot.record);
            self.adjudicated.extend(slot.after);
        }
        self.adjudicated.extend(tail);
        self.corrected = self.applied > 0;
    }
}
