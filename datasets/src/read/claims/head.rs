//! The head of a receipt: whose it is, from where, of which month, its totals, and the names that tell it and its versions.
//! Not its diagnoses and acts.
//!
//! | Item of RE | 医科 | DPC | 歯科 | 調剤 |
//! |---|---|---|---|---|
//! | カタカナ氏名 | 36 | 28 | 25 | 41 |
//! | 検索番号 | 18 | 20 | 19 | 37 |

use std::borrow::Cow;
use std::ops::Range;

use polars::prelude::PlHashMap;
use zeroize::Zeroize;

use super::correct::Views;
use super::receipt::Take;
use super::{Fields, Receipt, Tag};
use crate::read::desk::Desk;
use crate::read::digest::Keyed;
use crate::read::identity::Tuple;
use crate::read::number::{self, Month};
use crate::read::text;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sort {
    Medical,
    Dpc,
    Dental,
    Pharmacy,
}

impl Sort {
    fn kana(self) -> usize {
        match self {
            Self::Medical => 36,
            Self::Dpc => 28,
            Self::Dental => 25,
            Self::Pharmacy => 41,
        }
    }

    fn search(self) -> usize {
        match self {
            Self::Medical => 18,
            Self::Dpc => 20,
            Self::Dental => 19,
            Self::Pharmacy => 37,
        }
    }
}

/// The identity as the file has it, not decoded: insurer, symbol, number, branch, name, kana, birth, sex.
#[derive(Default)]
pub(super) struct Person<'r>([&'r [u8]; 8]);

const SYMBOL: usize = 1;
const NUMBER: usize = 2;
const NAME: usize = 4;
const KANA: usize = 5;
const BIRTH: usize = 6;

/// What a receipt needs to know of its person.
#[derive(Clone, Copy)]
pub(super) struct Card {
    pub(super) ident: u32,
    /// The date of birth can be read, all characters could be decoded.
    pub(super) born: bool,
    pub(super) whole: bool,
}

/// Persons by a digest of their bytes in a file, so that those of one receipt need not be decoded again for the next.
#[derive(Default)]
pub(in crate::read) struct Cards {
    key: Keyed,
    known: PlHashMap<u128, Card>,
    scratch: Vec<u8>,
}

/// Persons known at once, four megabytes of them; then they are forgotten and decoded anew.
const CARDS: usize = super::worker::KNOWN;

impl Cards {
    /// Forgets everybody, and keeps the room.
    pub(in crate::read) fn forget(&mut self) {
        self.scratch.zeroize();
        self.known.clear();
    }
}

impl Drop for Cards {
    fn drop(&mut self) {
        self.forget();
    }
}

/// What IR, YK or UK says of a facility and its bill.
#[derive(Debug, Default, Clone)]
pub(super) struct House {
    pub(super) facility: Option<String>,
    /// 請求年月, its first day.
    pub(super) billed: Option<i32>,
}

impl House {
    pub(super) fn of(fields: Fields<'_>, tag: Tag) -> Self {
        // Samples of 歯科 leave items out: the first that is a month where one may stand.
        let places = if tag == *b"YK" { [6, 7, 5] } else { [7, 6, 8] };
        let billed = places.into_iter().find_map(|item| number::month(fields.get(item))).map(Month::first);
        Self { facility: facility(fields), billed }
    }
}

/// 都道府県, 点数表 and 医療機関コード: ten digits that name a facility in all of Japan.
fn facility(fields: Fields<'_>) -> Option<String> {
    let mut key = String::with_capacity(10);
    for item in [2, 3, 4] {
        let bytes = fields.get(item);
        if bytes.is_empty() || !bytes.iter().all(u8::is_ascii_digit) {
            return None;
        }
        key.push_str(std::str::from_utf8(bytes).ok()?);
    }
    Some(key)
}

/// 総括区分 of DPC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bundle {
    Alone,
    /// 1: its totals are those of its parts.
    Summary,
    /// 2 and 3: totals stand on the summary.
    Part,
}

pub(super) struct Head<'r> {
    pub(super) sort: Sort,
    pub(super) month: Month,
    pub(super) inpatient: bool,
    pub(super) bundle: Bundle,
    pub(super) facility: Option<Cow<'r, str>>,
    /// Names of this version of the receipt, and of the receipt over its versions.
    pub(super) receipt: String,
    /// The second: the first one's beginning.
    number: Range<usize>,
    /// 請求年月, its first day.
    pub(super) billed: Option<i32>,
    pub(super) days: Option<i64>,
    pub(super) points: i64,
    /// The record that the totals are from.
    pub(super) points_from: usize,
    pub(super) person: Person<'r>,
}

impl Head<'_> {
    pub(super) fn receipt_number(&self) -> &str {
        self.receipt.get(self.number.clone()).unwrap_or("")
    }
}

impl Take<'_> {
    /// Who this is; `None` if nobody could be told by it.
    pub(super) fn card(&self, desk: &mut Desk<'_>, person: &Person<'_>) -> Option<Card> {
        let written = &mut desk.cards.scratch;
        written.clear();
        written.extend([self.kind as u8, self.encoding as u8]);
        for bytes in person.0 {
            written.extend((bytes.len() as u32).to_le_bytes());
            written.extend_from_slice(bytes);
        }
        let digest = desk.cards.key.digest(written);
        if let Some(card) = desk.cards.known.get(&digest) {
            return Some(*card);
        }
        let text = person.0.map(|bytes| self.decoded(bytes));
        if [NUMBER, NAME, KANA].into_iter().all(|at| text.get(at).is_none_or(Option::is_none)) {
            return None;
        }
        let broken =
            |at: usize| text.get(at).and_then(Option::as_deref).is_some_and(|text: &str| text.contains('\u{FFFD}'));
        let whole = ![SYMBOL, NUMBER, NAME, KANA].into_iter().any(broken);
        let [insurer_no, symbol, number, branch, name, kana, birth, sex] = text.each_ref().map(Option::as_deref);
        let tuple = Tuple { insurer_no, symbol, number, branch, name, kana, birth, sex, ..Tuple::default() };
        let ident = desk.identities.of(self.kind, &tuple);
        let born = birth.is_some_and(|birth| number::day(birth.as_bytes()).is_some());
        let card = Card { ident, born, whole };
        if desk.cards.known.len() >= CARDS {
            desk.cards.forget();
        } else {
            desk.cards.known.insert(digest, card);
        }
        Some(card)
    }

    fn decoded<'r>(&self, bytes: &'r [u8]) -> Option<Cow<'r, str>> {
        if bytes.is_empty() {
            return None;
        }
        match self.encoding.decode(bytes).0 {
            Cow::Borrowed(text) => text::clean(text),
            Cow::Owned(text) => {
                let clean = text::clean(&text)?;
                if clean.len() == text.len() {
                    return Some(Cow::Owned(text));
                }
                Some(Cow::Owned(clean.into_owned()))
            }
        }
    }

    /// The head; `house` where it does not stand in the receipt.
    pub(super) fn head<'r>(
        &self,
        receipt: &'r Receipt,
        views: &Views,
        house: Option<&'r House>,
    ) -> Result<Head<'r>, &'static str> {
        let view = &views.adjudicated;
        let (_, common) = receipt.find(view, b"RE").ok_or("receipt-without-re")?;
        // Two insurers or two patients in one receipt: a line between them that should have begun another one is damaged.
        // Nobody's care must go to somebody else.
        let many =
            |tag: &Tag| view.iter().filter(|at| receipt.records.get(**at).is_some_and(|r| r.tag == *tag)).count() > 1;
        if many(b"HO") || many(b"RE") {
            return Err("receipt-damaged");
        }
        let mut sort = match common.get(2) {
            [b'1', _, _, _] => Sort::Medical,
            [b'3', _, _, _] => Sort::Dental,
            [b'4', _, _, _] => Sort::Pharmacy,
            [b'6', _, _, _] => return Err("home-nursing-receipt"),
            _ => return Err("receipt-type"),
        };
        // 検索番号 of 医科 has 17 digits or more; one digit there is DPC's 総括区分, 3 for a 医科 part without DPC's records.
        let bundle = common.get(18);
        if sort == Sort::Medical && (receipt.bundled || matches!(bundle, [b'0'..=b'3'])) {
            sort = Sort::Dpc;
        }
        let bundle = match bundle {
            b"1" if sort == Sort::Dpc => Bundle::Summary,
            b"2" | b"3" if sort == Sort::Dpc => Bundle::Part,
            _ => Bundle::Alone,
        };
        let last = common.get(2).last().copied().unwrap_or(b'0');
        let month = number::month(common.get(3)).ok_or("month")?;
        let mut person = Person::default();
        let Person([insurer, symbol, number, _, name, kana, birth, sex]) = &mut person;
        (*name, *kana, *birth, *sex) = (common.get(4), common.get(sort.kana()), common.get(6), common.get(5));
        let own = [b"IR", b"YK", b"UK"].into_iter().filter(|_| receipt.headed);
        let own = own.into_iter().find_map(|tag| Some(House::of(receipt.find(view, tag)?.1, *tag)));
        let (facility, billed) = match (own, house) {
            (Some(House { facility, billed }), _) => (facility.map(Cow::Owned), billed),
            (None, Some(house)) => (house.facility.as_deref().map(Cow::Borrowed), house.billed),
            (None, None) => (None, None),
        };
        // 公費単独 has nobody but the public payer.
        let (points_from, payer) = match receipt.find(view, b"HO") {
            Some((at, payer)) => {
                (*insurer, *symbol, *number) = (payer.get(1), payer.get(2), payer.get(3));
                (at, payer)
            }
            None => receipt.find(view, b"KO").ok_or("receipt-without-payer")?,
        };
        let days = number::whole(payer.get(4));
        let points = match payer.get(5) {
            b"" if bundle == Bundle::Part => 0,
            points => number::whole(points).ok_or("points")?,
        };
        if receipt.qualified {
            self.qualification(receipt, view, &mut person);
        }
        let born = person.0.get(BIRTH).and_then(|birth| number::day(birth));
        let mut name = String::with_capacity(64);
        self.number(&mut name, receipt, common, sort, facility.as_deref(), month, born);
        let number = 0..name.len();
        name.push('@');
        decimal(&mut name, billed.unwrap_or_default());
        Ok(Head {
            sort,
            month,
            inpatient: sort != Sort::Pharmacy && last % 2 == 1,
            bundle,
            facility,
            receipt: name,
            number,
            billed,
            days,
            points,
            points_from,
            person,
        })
    }

    /// The name of the receipt over all its versions: 検索番号 or レセプト管理番号 of the clearing body, 検索番号 of a bill sent
    /// again, or what the facility numbers by. RE.1 counts within one month's file: a late receipt of the same 診療年月
    /// may have another patient's number, so the date of birth is part of that name.
    #[allow(clippy::too_many_arguments)]
    fn number(
        &self,
        to: &mut String,
        receipt: &Receipt,
        common: Fields<'_>,
        sort: Sort,
        facility: Option<&str>,
        month: Month,
        born: Option<i32>,
    ) {
        let managed = receipt.records.iter().filter(|_| receipt.managed).find(|record| record.tag == *b"MN");
        let managed = managed.map(|record| receipt.fields(*record));
        let managed = managed.iter().flat_map(|fields| [("s", *fields, 3), ("m", *fields, 1)]);
        for (kind, fields, item) in managed.chain([("s", common, sort.search())]) {
            // A filler in the number's place would make one receipt of all that have it.
            if let Some(number) = self.decoded(fields.get(item)).filter(|number| !filler(number)) {
                to.push_str(kind);
                to.push(':');
                to.push_str(&number);
                return;
            }
        }
        let number = self.decoded(common.get(1)).unwrap_or_default();
        let kind = self.decoded(common.get(2)).unwrap_or_default();
        let (facility, month) = (facility.unwrap_or_default(), month.first());
        to.push_str("f:");
        to.push_str(facility);
        to.push(':');
        decimal(to, month);
        for part in [&kind, &number] {
            to.push(':');
            to.push_str(part);
        }
        to.push(':');
        decimal(to, born.unwrap_or_default());
    }

    /// SN of the insurer: 枝番, and 保険者番号, 記号, 番号 where the clearing body corrected them.
    fn qualification<'r>(&self, receipt: &'r Receipt, view: &[usize], person: &mut Person<'r>) {
        for &at in view {
            let Some(record) = receipt.records.get(at).filter(|record| record.tag == *b"SN") else {
                continue;
            };
            let fields = receipt.fields(*record);
            if fields.get(1) != b"1" {
                continue;
            }
            for (item, to) in (3..).zip(person.0.iter_mut().take(4)) {
                if self.decoded(fields.get(item)).is_some() {
                    *to = fields.get(item);
                }
            }
        }
    }
}

/// Writes a number as `Display` does, which costs more than all else of a name.
fn decimal(to: &mut String, number: i32) {
    let mut digits = [0; 10];
    let mut left = number.unsigned_abs();
    let mut length = 0;
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + (left % 10) as u8;
        (left, length) = (left / 10, length + 1);
        if left == 0 {
            break;
        }
    }
    if number < 0 {
        to.push('-');
    }
    to.extend(digits.iter().skip(digits.len() - length).map(|&digit| char::from(digit)));
}

/// A number that is no number: zeros, or another character over and over.
fn filler(number: &str) -> bool {
    let mut letters = number.chars();
    let first = letters.next().unwrap_or('0');
    letters.all(|letter| letter == first) && (first == '0' || number.chars().count() >= 4)
}

#[cfg(test)]
mod tests {
    #[test]
    fn numbers_are_written_as_display_does() {
        for number in [0, 7, -7, 10, 19_814, -36_525, i32::MAX, i32::MIN] {
            let mut text = String::new();
            super::decimal(&mut text, number);
            assert_eq!(text, number.to_string());
        }
    }
}
