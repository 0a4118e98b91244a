//! What one block of people adds to each file, and the table of all files. Bytes only; nothing here knows what they mean.

use std::path::{Path, PathBuf};

use super::calendar::{fiscal_year, month_digits};
use super::people::{Fund, Period};

/// Months that a receipt may arrive after its 診療年月.
pub(crate) const ARRIVAL: usize = 3;

/// Which files there are, by index.
#[derive(Clone, Copy)]
pub(crate) struct Layout {
    pub(crate) period: Period,
}

pub(crate) const ELIGIBILITY_HEADER: &str = "保険者番号,記号,番号,枝番,氏名,カナ氏名,生年月日,性別,本人家族,取得日,喪失日,喪失事由,事業所記号,規模,業種,郵便番号\r\n";
pub(crate) const ROSTER_HEADER: &str = "利用者ID,氏名,カナ氏名,生年月日,性別,郵便番号,保険者番号,記号,番号\n";
pub(crate) const DAILY_HEADER: &str = "利用者ID,日付,歩数,睡眠分,装着分,安静時心拍,体重kg,収縮期血圧,拡張期血圧\n";

impl Layout {
    pub(crate) fn eligibility(self, fund: Fund) -> usize {
        fund.index()
    }

    pub(crate) fn roster(self) -> usize {
        2
    }

    pub(crate) fn daily(self, month: i32) -> usize {
        3 + (month - self.period.first).max(0) as usize
    }

    fn arrivals(self) -> usize {
        self.period.months() + ARRIVAL
    }

    /// `arrival`: the month in which the clearing body processed the receipt.
    pub(crate) fn claims(self, fund: Fund, arrival: i32, pharmacy: bool) -> usize {
        let month = (arrival - self.period.first).max(0) as usize;
        let kind = fund.index() * 2 + usize::from(pharmacy);
        3 + self.period.months() + kind * self.arrivals() + month
    }

    pub(crate) fn files(self) -> usize {
        3 + self.period.months() + 4 * self.arrivals()
    }

    /// Where a file lies and with what it begins.
    pub(crate) fn file(self, dir: &Path, index: usize) -> (PathBuf, Vec<u8>) {
        let months = self.period.months();
        for fund in Fund::ALL {
            if index == self.eligibility(fund) {
                return (dir.join(fund.name()).join("eligibility.csv"), header(fund));
            }
        }
        if index == self.roster() {
            return (dir.join("lifelog").join("roster.csv"), ROSTER_HEADER.into());
        }
        if index < 3 + months {
            let month = month_digits(self.period.first + index as i32 - 3);
            let path = dir.join("lifelog").join(format!("daily-{month}.csv"));
            return (path, DAILY_HEADER.into());
        }
        let rest = index - 3 - months;
        let (kind, month) = (rest / self.arrivals(), rest % self.arrivals());
        let fund = if kind < 2 { Fund::Kenpo } else { Fund::Kokuho };
        let name = if kind % 2 == 0 { "11_RECODEINFO_MED.CSV" } else { "14_RECODEINFO_PHA.CSV" };
        let month = month_digits(self.period.first + month as i32).to_string();
        let folder = dir.join(fund.name()).join("claims").join(month);
        let path = folder.join(fund.number8()).join("0_COMMON001").join(name);
        (path, Vec::new())
    }

    fn years(self) -> usize {
        (fiscal_year(self.period.last) - fiscal_year(self.period.first) + 1).max(1) as usize
    }

    /// Checkup archives: one per insurer and 年度.
    pub(crate) fn archive(self, fund: Fund, year: i32) -> usize {
        let offset = (year - fiscal_year(self.period.first)).max(0) as usize;
        fund.index() * self.years() + offset
    }

    pub(crate) fn archives(self) -> usize {
        2 * self.years()
    }

    pub(crate) fn archive_of(self, index: usize) -> (Fund, i32) {
        let fund = if index < self.years() { Fund::Kenpo } else { Fund::Kokuho };
        let year = fiscal_year(self.period.first) + (index % self.years()) as i32;
        (fund, year)
    }
}

fn header(fund: Fund) -> Vec<u8> {
    match fund {
        Fund::Kenpo => encoding_rs::SHIFT_JIS.encode(ELIGIBILITY_HEADER).0.into_owned(),
        Fund::Kokuho => format!("\u{feff}{ELIGIBILITY_HEADER}").into_bytes(),
    }
}

/// Counts of what was written.
#[derive(Clone, Copy, Default)]
pub(crate) struct Counts {
    pub(crate) households: u64,
    pub(crate) spells: u64,
    pub(crate) medical: u64,
    pub(crate) pharmacy: u64,
    pub(crate) corrected: u64,
    pub(crate) checkups: u64,
    pub(crate) users: u64,
    pub(crate) days: u64,
    pub(crate) without_claims: u64,
}

impl Counts {
    pub(crate) fn add(&mut self, other: &Counts) {
        self.households += other.households;
        self.spells += other.spells;
        self.medical += other.medical;
        self.pharmacy += other.pharmacy;
        self.corrected += other.corrected;
        self.checkups += other.checkups;
        self.users += other.users;
        self.days += other.days;
        self.without_claims += other.without_claims;
    }
}

/// A row of the truth: source (0 kenpo, 1 kokuho, 2 lifelog), fingerprint, person.
pub(crate) type TruthRow = (u8, u64, u32);

/// One checkup document within a block.
pub(crate) struct Document {
    /// Index of its archive.
    pub(crate) archive: usize,
    /// Name in the archive.
    pub(crate) name: String,
    /// Where it ends in the block's documents; it begins where the one before ends.
    pub(crate) end: usize,
}

/// Room of an earlier block, to be used again: the heap of several threads frays if every block asks for its own.
#[derive(Default)]
pub(crate) struct Room {
    pub(crate) files: Vec<Vec<u8>>,
    pub(crate) documents: Vec<u8>,
}

/// What one block adds.
pub(crate) struct Block {
    pub(crate) files: Vec<Vec<u8>>,
    /// Checkup documents one after the other, as their list says.
    pub(crate) documents: Vec<u8>,
    pub(crate) checkups: Vec<Document>,
    pub(crate) truth: Vec<TruthRow>,
    pub(crate) counts: Counts,
    pub(crate) persons: u32,
}

impl Block {
    pub(crate) fn new(layout: Layout, room: Room) -> Self {
        let Room { mut files, mut documents } = room;
        files.iter_mut().for_each(Vec::clear);
        files.resize_with(layout.files(), Vec::new);
        documents.clear();
        let (checkups, truth, counts) = (Vec::new(), Vec::new(), Counts::default());
        Block { files, documents, checkups, truth, counts, persons: 0 }
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
    fn every_index_is_one_file() {
        let layout = Layout { period: Period::new(14) };
        let dir = Path::new("x");
        let all: std::collections::BTreeSet<_> = (0..layout.files()).map(|index| layout.file(dir, index).0).collect();
        assert_eq!(all.len(), layout.files());
        assert_eq!(layout.archives(), 4);
    }
}
