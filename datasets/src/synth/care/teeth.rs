//! Dental care: caries tooth by tooth, periodontitis for years, a denture's worth of visits for the old. Always outpatient.

use super::super::calendar::{civil, first_day};
use super::super::codes::{self, disease};
use super::super::dice::{along, mix};
use super::super::receipt::{Kind, Line, Sort, Unit};
use super::Care;

/// Dental receipts a year by age: yields about 24,000 yen a head (国民医療費, 歯科 over all ages).
const VISITS: [(f64, f64); 6] = [(1.0, 0.3), (6.0, 1.5), (18.0, 0.95), (40.0, 1.5), (60.0, 2.3), (75.0, 2.9)];
/// Share of receipts with periodontitis.
const GUMS: [(f64, f64); 3] = [(15.0, 0.08), (40.0, 0.6), (60.0, 0.78)];

impl Care<'_> {
    pub(super) fn teeth(&mut self, month: i32, age: f64) {
        let rate = along(&VISITS, age) * (0.6 + 0.8 * self.traits.diligence);
        if !self.mouth.chance(rate / 12.0) {
            return;
        }
        let first = first_day(month) + self.mouth.between(0, 12);
        let visits = 1 + self.mouth.weighted(&[0.5, 0.3, 0.2]) as i32;
        let here = |day| self.person.alive_on(day) && self.person.spell_on(day).is_some_and(|s| s.covers(first));
        let visits = (1..=visits).rev().find(|visits| here(first + 7 * (visits - 1))).unwrap_or(1);
        let clinics = u64::from(self.facilities * 3 / 5 + 1);
        let facility = (mix(&[u64::from(self.person.number), 53]) % clinics) as u32;
        let gums = self.mouth.chance(along(&GUMS, age));
        let tooth = 10 * self.mouth.between(1, 4) + self.mouth.between(1, 7);
        let (crown, doubtful, pain) = (self.mouth.chance(0.3), self.mouth.chance(0.04), self.mouth.chance(0.15));
        let begun = self.mouth.chance(0.45);
        let Some(receipt) = self.receipt_of(first, facility, None, Sort::Dental) else {
            return;
        };
        let dom = civil(first).2;
        receipt.act(if begun { codes::DENTAL_REVISIT } else { codes::DENTAL_FIRST }, dom);
        receipt.act(codes::DENTAL_MANAGEMENT, dom);
        for visit in (1..visits).map(|week| dom + 7 * week) {
            receipt.act(codes::DENTAL_REVISIT, visit);
            receipt.days |= 1 << visit;
        }
        let since = if begun { first - 100 } else { first };
        if gums {
            receipt.diagnose(disease::PERIODONTITIS, false, since, 1);
            receipt.act(codes::DENTAL_EXAMINATION, dom);
            receipt.act(codes::DENTAL_SCALING, dom);
        }
        if !gums || crown {
            receipt.diagnose_tooth(disease::CARIES, doubtful, first, if visits > 1 { 2 } else { 1 }, tooth as u8);
            receipt.act(codes::DENTAL_XRAY, dom);
            let line = |kind, code, additions| Line { kind, code, milli: 0, additions };
            let (points, code) = if crown { (1_120, codes::DENTAL_CROWN) } else { (158, codes::DENTAL_FILLING) };
            // One unit: the act with its additions, and the material that carries the points.
            let lines = vec![
                line(Kind::Act, code, codes::DENTAL_ADDITIONS),
                Line { milli: 1000, ..line(Kind::Material, codes::MATERIAL, &[]) },
            ];
            receipt.units.push(Unit { class: 64, lines, points, days: 1 << dom, times: 1 });
        }
        if pain {
            let lines = vec![Line { kind: Kind::Drug, code: codes::LOXOPROFEN.code, milli: 3000, additions: &[] }];
            let points = codes::drug_points(codes::LOXOPROFEN.sen * 3);
            receipt.units.push(Unit { class: 21, lines, points, days: 1 << dom, times: 3 });
        }
    }
}
