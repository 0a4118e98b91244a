//! UKE files of a few facilities: one per month, clearing body and kind, as they send them. Nothing is corrected yet on this side.

use super::super::calendar::{digits, first_day, month_digits};
use super::super::dice::{mix, mix_unit};
use super::super::out::{Block, Source};
use super::super::people::Fund;
use super::super::receipt::Sort;
use super::super::run::World;
use super::lines::Lines;
use super::note::{self, Names};
use super::{Bill, House, Version, kind};

/// How a vendor's program deviates: bits of a file's variant.
const LF: u32 = 1;
const UTF8: u32 = 2;
const NO_EOF: u32 = 4;
const SHORT: u32 = 8;

/// A fixed few deliver, so that the number of files does not grow with the population.
pub(super) fn delivers(world: &World<'_>, house: House, facility: u32) -> bool {
    let hospitals = world.facilities;
    match house {
        House::Medical => facility < 6 || (hospitals..hospitals + 2).contains(&facility),
        House::Dental | House::Pharmacy => facility < 3,
    }
}

fn variant(world: &World<'_>, house: House, facility: u32) -> u32 {
    let key = [world.options.seed, u64::from(house.digit()), u64::from(facility), 71];
    if mix_unit(&key) >= world.options.noise.provider_variant {
        return 0;
    }
    1 + (mix(&[mix(&key), 1]) % 15) as u32
}

/// A line or a receipt as the facility's program writes it.
fn vary(bytes: &[u8], variant: u32) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    if variant & UTF8 != 0 {
        bytes = encoding_rs::SHIFT_JIS.decode_without_bom_handling(&bytes).0.into_owned().into_bytes();
    }
    if variant & LF != 0 {
        bytes.retain(|byte| *byte != b'\r');
    }
    bytes
}

/// GO with its totals, and the end mark.
fn footer(variant: u32, receipts: u64, points: i64) -> Vec<u8> {
    let mut bytes = vary(format!("GO,{receipts},{points},99\r\n").as_bytes(), variant);
    if variant & NO_EOF == 0 {
        bytes.push(0x1a);
    }
    bytes
}

pub(super) fn write(world: &World<'_>, block: &mut Block, bill: &Bill<'_>, version: &Version) {
    let (house, facility, fund) = (House::of(bill.sort), bill.facility(), bill.spell.fund);
    let variant = variant(world, house, facility);
    let full = variant & SHORT == 0;
    let body = match fund {
        Fund::Kenpo => "shaho",
        Fund::Kokuho | Fund::Koki => "kokuho",
    };
    let name = match bill.sort {
        Sort::Medical => "RECEIPTC.UKE",
        Sort::Dpc => "RECEIPTD.UKE",
        Sort::Dental => "RECEIPTS.UKE",
        Sort::Pharmacy => "RECEIPTY.UKE",
    };
    let path = format!("clinic/{}/{}/{body}/{name}", house.key(facility), month_digits(version.arrival));
    let header = || {
        let mut out = Vec::new();
        house.line(&mut Lines::provider(&mut out, false), fund, facility, version.arrival);
        vary(&out, variant)
    };
    let at = block.open(&path, header, Some((footer, variant)));
    // レセプト番号: six digits, not in a row, because blocks are made apart.
    let serial = i64::from(bill.person.number % 10_000) * 100 + version.serial % 100;
    let version = Version { serial, cut: None, ..*version };
    let mut out = Vec::new();
    bill.lines(&mut Lines::provider(&mut out, full), &version);
    block.append(at, &vary(&out, variant));
    block.count(at, 1, bill.points());
    block.counts.provider += 1;
    let number = format!(
        "f:{}:{}:{}:{serial}:{}",
        house.key(facility),
        first_day(bill.receipt.month),
        kind(bill.sort, bill.person, bill.spell, bill.receipt),
        bill.written.born
    );
    let receipt = format!("{number}@{}", first_day(version.arrival));
    note::receipt(block, bill, Source::Clinic, &Names { number, receipt, billed: first_day(version.arrival) }, None);
    debug_assert!(digits(bill.written.born) > 0);
}
