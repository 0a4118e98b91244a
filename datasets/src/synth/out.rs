//! What one block of people adds to each file. Bytes and counts only; nothing here knows what they mean.

use std::collections::HashMap;

use super::ledger::Entry;
use super::people::Fund;

/// Who holds files in the synthetic world: a folder each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Source {
    Kenpo,
    Kokuho,
    Lifelog,
    Clinic,
}

impl Source {
    /// Folder, and name in the truth.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Source::Kenpo => "kenpo",
            Source::Kokuho => "kokuho",
            Source::Lifelog => "lifelog",
            Source::Clinic => "clinic",
        }
    }
}

impl Fund {
    pub(crate) fn source(self) -> Source {
        match self {
            Fund::Kenpo => Source::Kenpo,
            Fund::Kokuho | Fund::Koki => Source::Kokuho,
        }
    }
}

/// Counts of what was written.
#[derive(Clone, Copy, Default)]
pub(crate) struct Counts {
    pub(crate) households: u64,
    pub(crate) spells: u64,
    pub(crate) medical: u64,
    pub(crate) dpc: u64,
    pub(crate) dental: u64,
    pub(crate) pharmacy: u64,
    pub(crate) provider: u64,
    pub(crate) corrected: u64,
    pub(crate) readjudicated: u64,
    pub(crate) checkups: u64,
    pub(crate) users: u64,
    pub(crate) days: u64,
    pub(crate) without_claims: u64,
    /// Users who gave Apple Health exports, Fitbit's files, FHIR.
    pub(crate) apple: u64,
    pub(crate) fitbit: u64,
    pub(crate) fhir: u64,
    /// Files that belong to one person each.
    pub(crate) personal: u64,
    /// Rows and resources of the further formats.
    pub(crate) further: u64,
}

impl Counts {
    pub(crate) fn add(&mut self, other: &Counts) {
        self.households += other.households;
        self.spells += other.spells;
        self.medical += other.medical;
        self.dpc += other.dpc;
        self.dental += other.dental;
        self.pharmacy += other.pharmacy;
        self.provider += other.provider;
        self.corrected += other.corrected;
        self.readjudicated += other.readjudicated;
        self.checkups += other.checkups;
        self.users += other.users;
        self.days += other.days;
        self.without_claims += other.without_claims;
        self.apple += other.apple;
        self.fitbit += other.fitbit;
        self.fhir += other.fhir;
        self.personal += other.personal;
        self.further += other.further;
    }
}

/// A row of the truth: source, fingerprint, person, scenarios.
pub(crate) type TruthRow = (Source, u64, u32, u32);

/// One checkup document within a block.
pub(crate) struct Document {
    /// Its archive: insurer and 年度.
    pub(crate) fund: Fund,
    pub(crate) year: i32,
    /// Name in the archive's DATA folder.
    pub(crate) name: String,
    /// Where it ends in the block's documents; it begins where the one before ends.
    pub(crate) end: usize,
}

/// How a file ends: given its variant, the records and points that were counted for it.
pub(crate) type Footer = (fn(u32, u64, i64) -> Vec<u8>, u32);

/// What a block adds to one file.
pub(crate) struct Part {
    /// Below the target folder, with `/`.
    pub(crate) path: String,
    pub(crate) header: Vec<u8>,
    pub(crate) footer: Option<Footer>,
    pub(crate) bytes: Vec<u8>,
    pub(crate) records: u64,
    pub(crate) points: i64,
}

/// A file of the block.
#[derive(Clone, Copy)]
pub(crate) struct At(usize);

/// Room of an earlier block, to be used again: the heap of several threads frays if every block asks for its own.
#[derive(Default)]
pub(crate) struct Room {
    pub(crate) parts: Vec<Part>,
    pub(crate) index: HashMap<String, usize>,
    pub(crate) documents: Vec<u8>,
}

/// What one block adds.
pub(crate) struct Block {
    pub(crate) room: Room,
    pub(crate) checkups: Vec<Document>,
    /// Whole files, path and bytes: personal ones. They are written and forgotten with the block.
    pub(crate) whole: Vec<(String, Vec<u8>)>,
    pub(crate) truth: Vec<TruthRow>,
    /// Kept only if somebody wants it.
    pub(crate) ledger: Option<Vec<Entry>>,
    pub(crate) counts: Counts,
    pub(crate) persons: u32,
}

impl Block {
    pub(crate) fn new(mut room: Room, ledger: bool) -> Self {
        for part in &mut room.parts {
            part.bytes.clear();
            (part.records, part.points) = (0, 0);
        }
        room.documents.clear();
        Block {
            room,
            checkups: Vec::new(),
            whole: Vec::new(),
            truth: Vec::new(),
            ledger: ledger.then(Vec::new),
            counts: Counts::default(),
            persons: 0,
        }
    }

    /// The file at a path below the target folder. `header` is what a new file begins with: the same for every block.
    pub(crate) fn file(&mut self, path: &str, header: impl FnOnce() -> Vec<u8>) -> At {
        self.open(path, header, None)
    }

    /// As `file`, with an end that depends on what was counted.
    pub(crate) fn open(&mut self, path: &str, header: impl FnOnce() -> Vec<u8>, footer: Option<Footer>) -> At {
        if let Some(at) = self.room.index.get(path) {
            return At(*at);
        }
        let at = self.room.parts.len();
        self.room.index.insert(path.to_owned(), at);
        let (path, header, bytes) = (path.to_owned(), header(), Vec::new());
        self.room.parts.push(Part { path, header, footer, bytes, records: 0, points: 0 });
        At(at)
    }

    /// Takes the bytes of a file out, so that block and file can be written in turn; `put` gives them back.
    pub(crate) fn take(&mut self, at: At) -> Vec<u8> {
        self.room.parts.get_mut(at.0).map(|part| std::mem::take(&mut part.bytes)).unwrap_or_default()
    }

    pub(crate) fn put(&mut self, at: At, bytes: Vec<u8>) {
        if let Some(part) = self.room.parts.get_mut(at.0) {
            part.bytes = bytes;
        }
    }

    /// Appends to a file.
    pub(crate) fn append(&mut self, at: At, bytes: &[u8]) {
        if let Some(part) = self.room.parts.get_mut(at.0) {
            part.bytes.extend_from_slice(bytes);
        }
    }

    /// Counts for a file's end.
    pub(crate) fn count(&mut self, at: At, records: u64, points: i64) {
        if let Some(part) = self.room.parts.get_mut(at.0) {
            part.records += records;
            part.points += points;
        }
    }

    /// Notes a row of the ledger, if one is kept.
    pub(crate) fn note(&mut self, source: Source, table: &'static str, person: u32, fill: impl FnOnce(&mut Entry)) {
        if let Some(ledger) = &mut self.ledger {
            let mut entry = Entry::new(source, table, person);
            fill(&mut entry);
            ledger.push(entry);
        }
    }
}

/// Appends a number in decimal.
pub(crate) fn push_number(out: &mut Vec<u8>, value: i64) {
    let mut digits = [0u8; 20];
    let mut at = digits.len();
    let mut rest = value.unsigned_abs();
    loop {
        at -= 1;
        if let Some(slot) = digits.get_mut(at) {
            *slot = b'0' + (rest % 10) as u8;
        }
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if value < 0 {
        out.push(b'-');
    }
    out.extend_from_slice(digits.get(at..).unwrap_or_default());
}

/// Appends value / 10^digits with exactly `digits` decimals.
pub(crate) fn push_fixed(out: &mut Vec<u8>, value: i64, digits: u32) {
    let scale = 10i64.pow(digits);
    if value < 0 {
        out.push(b'-');
    }
    push_number(out, value.abs() / scale);
    if digits > 0 {
        out.push(b'.');
        let fraction = value.abs() % scale;
        let mut place = scale / 10;
        while place > 0 {
            out.push(b'0' + ((fraction / place) % 10) as u8);
            place /= 10;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals() {
        for (value, digits, text) in [(0, 0, "0"), (1705, 1, "170.5"), (7, 2, "0.07"), (-35, 1, "-3.5")] {
            let mut out = Vec::new();
            push_fixed(&mut out, value, digits);
            assert_eq!(out, text.as_bytes());
        }
    }

    #[test]
    fn a_path_is_one_file() {
        let mut block = Block::new(Room::default(), false);
        let (a, b) = (block.file("x/a", || b"head".to_vec()), block.file("x/b", Vec::new));
        block.append(a, b"1");
        block.append(b, b"2");
        let again = block.file("x/a", Vec::new);
        block.append(again, b"3");
        assert_eq!((block.take(a), block.take(b)), (b"13".to_vec(), b"2".to_vec()));
    }
}
