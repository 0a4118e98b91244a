//! Lines of a NN_RECODEINFO file: the four leading items, then the record of the claim specification.

use super::super::calendar::day;
use super::super::out::{push_fixed, push_number};
use super::super::receipt::{Kind, Line, Receipt, Unit};
use super::super::written::Written;

pub(super) struct Encoded {
    pub(super) insurer: Vec<u8>,
    pub(super) symbol: Vec<u8>,
    pub(super) number: Vec<u8>,
    pub(super) branch: String,
    pub(super) name: Vec<u8>,
    pub(super) kana: Vec<u8>,
    pub(super) birth: String,
    pub(super) sex: String,
    /// `birth` as a day.
    pub(super) born: i32,
}

pub(super) fn cp932(text: &str) -> Vec<u8> {
    encoding_rs::SHIFT_JIS.encode(text).0.into_owned()
}

impl Encoded {
    pub(super) fn new(written: &Written) -> Self {
        Encoded {
            insurer: format!("{:>8}", written.insurer).into_bytes(),
            symbol: cp932(&written.symbol),
            number: cp932(&written.number),
            branch: written.branch.clone(),
            name: cp932(&written.name),
            kana: cp932(&written.kana),
            birth: written.birth.clone(),
            sex: written.sex.clone(),
            born: written.birth.parse().map_or(0, |date: i32| day(date / 10_000, date / 100 % 100, date % 100)),
        }
    }
}

/// Lines of one receipt, numbered from one; a provider's lines have no numbers.
pub(super) struct Lines<'a> {
    pub(super) out: &'a mut Vec<u8>,
    line: i64,
    payer: bool,
    /// Items to which a record is filled up, and where it begins.
    full: bool,
    items: usize,
    start: usize,
}

/// Items of a record that a provider writes whole.
fn width(record: &str) -> usize {
    match record {
        "RE" => 37,
        "HO" => 14,
        "SN" => 8,
        "SY" => 7,
        _ => 0,
    }
}

impl<'a> Lines<'a> {
    pub(super) fn payer(out: &'a mut Vec<u8>) -> Self {
        Lines { out, line: 0, payer: true, full: false, items: 0, start: 0 }
    }

    /// `full`: empty items at the end of a record are written.
    pub(super) fn provider(out: &'a mut Vec<u8>, full: bool) -> Self {
        Lines { out, line: 0, payer: false, full, items: 0, start: 0 }
    }

    /// Begins a line of billed data (1) or of the clearing body's (2); gives its number.
    pub(super) fn begin(&mut self, identity: u8, record: &str) -> i64 {
        self.line += 1;
        self.begin_at(identity, self.line, 0, record);
        self.line
    }

    pub(super) fn begin_at(&mut self, identity: u8, line: i64, branch: i64, record: &str) {
        if self.payer {
            self.out.push(b'0' + identity);
            self.out.push(b',');
            push_number(self.out, line);
            self.out.push(b',');
            push_number(self.out, branch);
            self.out.push(b',');
        }
        (self.start, self.items) = (self.out.len(), if self.full { width(record) } else { 0 });
        self.out.extend_from_slice(record.as_bytes());
    }

    pub(super) fn text(&mut self, text: impl AsRef<[u8]>) {
        self.out.push(b',');
        self.out.extend_from_slice(text.as_ref());
    }

    pub(super) fn number(&mut self, value: i64) {
        self.out.push(b',');
        push_number(self.out, value);
    }

    pub(super) fn blank(&mut self, items: usize) {
        self.out.resize(self.out.len() + items, b',');
    }

    /// Day columns; trailing empty items are dropped, as the specification allows.
    pub(super) fn days(&mut self, mask: u32, times: i32) {
        let last = 31 - mask.leading_zeros();
        for day in 1..=last {
            self.out.push(b',');
            if mask & (1 << day) != 0 {
                push_number(self.out, i64::from(times));
            }
        }
        self.end();
    }

    pub(super) fn end(&mut self) {
        if self.items > 0 {
            let written = self.out.get(self.start..).unwrap_or_default();
            let commas = written.iter().filter(|byte| **byte == b',').count();
            self.blank(self.items.saturating_sub(commas));
        }
        self.out.extend_from_slice(b"\r\n");
    }
}
pub(super) fn insurer(lines: &mut Lines<'_>, card: &Encoded, days: i64, points: i64) {
    lines.text(&card.insurer);
    lines.text(&card.symbol);
    lines.text(&card.number);
    lines.number(days);
    lines.number(points);
    lines.end();
}

pub(super) fn qualified(lines: &mut Lines<'_>, branch: &str) {
    lines.begin(1, "SN");
    lines.text("1");
    lines.text("01");
    lines.blank(3);
    lines.text(branch);
    lines.blank(2);
    lines.end();
}

/// Units in the order of 診療識別.
pub(super) fn sorted(receipt: &Receipt) -> Vec<&Unit> {
    let mut units: Vec<_> = receipt.units.iter().collect();
    units.sort_by_key(|unit| unit.class);
    units
}

/// A quantity of thousandths; 0 = not written.
pub(super) fn amount(lines: &mut Lines<'_>, milli: i64) {
    if milli == 0 {
        return lines.blank(1);
    }
    lines.out.push(b',');
    // Variable-length numbers have no trailing decimal zeros.
    match milli % 1000 {
        0 => push_number(lines.out, milli / 1000),
        _ => push_fixed(lines.out, milli, 3),
    }
}

pub(super) fn detail(lines: &mut Lines<'_>, unit: &Unit, line: &Line, class: u8, points: Option<i32>) {
    if class == 0 {
        lines.blank(1);
    } else {
        lines.number(i64::from(class));
    }
    lines.text("1");
    lines.text(line.code);
    amount(lines, line.milli);
    match points {
        Some(points) => lines.number(i64::from(points)),
        None => lines.blank(1),
    }
    lines.number(unit.count());
    if line.kind == Kind::Material {
        lines.blank(1);
        lines.number(i64::from(unit.points) * 10);
        lines.blank(1);
        lines.text(cp932("手術材料"));
    }
    lines.blank(6);
    lines.days(unit.days, unit.times);
}

/// JY: what the clearing body did (2 修正, 3 削除) to which line, and the line that replaces it.
pub(super) fn correction(lines: &mut Lines<'_>, kind: i64, target: i64, new: Option<i64>) {
    lines.begin(2, "JY");
    lines.number(kind);
    lines.number(target);
    lines.number(0);
    lines.blank(1);
    lines.text("C");
    if let Some(new) = new {
        lines.number(new);
        lines.number(1);
    }
    lines.end();
}
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn day_columns() {
        let mut out = Vec::new();
        let mut lines = Lines::payer(&mut out);
        lines.days((1 << 3) | (1 << 5), 14);
        assert_eq!(out, b",,,14,,14\r\n");
    }

    #[test]
    fn the_last_day_fits() {
        let mut out = Vec::new();
        Lines::payer(&mut out).days(1 << 31, 1);
        assert_eq!(out.iter().filter(|byte| **byte == b',').count(), 31);
    }
}
