//! Which JLAC10 items fill which column of `checkup`, in first-present order. Not bounds: those are the catalogue's.
//! Source: 特定健診 第4期 item list (XML 用特定健診項目情報, V08).

use std::sync::OnceLock;

use crate::read::frame::Shape;
use Shape::{Category, Day, Int};

/// Columns in the order in which rows are given.
pub(in crate::read) const COLUMNS: &[(&str, Shape)] = &[
    ("exam_date", Day),
    ("kind", Category),
    ("height_cm", Int),
    ("weight_kg", Int),
    ("bmi", Int),
    ("waist_cm", Int),
    ("sbp", Int),
    ("dbp", Int),
    ("tg", Int),
    ("hdl", Int),
    ("ldl", Int),
    ("ast", Int),
    ("alt", Int),
    ("ggt", Int),
    ("fpg", Int),
    ("hba1c", Int),
    ("creatinine", Int),
    ("egfr", Int),
    ("uric_acid", Int),
    ("hb", Int),
    ("metabo", Category),
    ("guidance", Category),
    ("q_smoking", Category),
    ("q_exercise", Category),
    ("q_walking", Category),
    ("q_sleep", Category),
    ("q_alcohol_freq", Category),
    ("q_drug_bp", Category),
    ("q_drug_glucose", Category),
    ("q_drug_lipid", Category),
    ("visceral_fat_cm2", Int),
    ("pulse", Int),
    ("blood_drawn", Category),
    ("tg_casual", Int),
    ("non_hdl", Int),
    ("total_chol", Int),
    ("cpg", Int),
    ("hct", Int),
    ("rbc", Int),
    ("u_glucose", Category),
    ("u_protein", Category),
    ("q_had_stroke", Category),
    ("q_had_heart", Category),
    ("q_had_kidney", Category),
    ("q_had_anemia", Category),
    ("q_weight_gain", Category),
    ("q_walking_speed", Category),
    ("q_chewing", Category),
    ("q_eating_speed", Category),
    ("q_late_dinner", Category),
    ("q_snack", Category),
    ("q_skips_breakfast", Category),
    ("q_alcohol_amount", Category),
    ("q_intent", Category),
    ("q_guidance_history", Category),
];

/// Number of columns.
pub(super) const WIDTH: usize = 55;

/// How an item becomes a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::read) enum How {
    /// A quantity in one of these units (as [`super::units::written`] gives them; the first is the catalogue's).
    Number(&'static [&'static str]),
    /// HbA1c before 2013: NGSP % = 1.02 × JDS % + 0.25 (日本糖尿病学会).
    Jds,
    /// A code of a list that never changed.
    Code(List),
    /// A questionnaire answer, tagged with the term whose list it is from.
    Answer(List),
}

/// The closed list that a code is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::read) enum List {
    /// …2003.
    YesNo,
    /// …2003 to FY2023, …24060 from FY2024.
    Smoking,
    /// …2005 to FY2023, …24040 from FY2024.
    AlcoholFreq,
    /// …2006 to FY2023, …24050 from FY2024.
    AlcoholAmount,
    /// …18030.
    Chewing,
    /// …2004.
    Speed,
    /// …18040.
    Snack,
    /// 夕食後の間食, asked with yes and no up to FY2017.
    LateSnack,
    /// …2007.
    Intent,
    /// …2102.
    Urine,
    /// …1008.
    Metabo,
    /// …3001.
    Guidance,
    /// 採血時間（食後）.
    BloodDrawn,
}

impl List {
    /// Whether its codes came to mean something else in 第4期 while the item kept its own code.
    pub(super) fn changed(self) -> bool {
        matches!(self, Self::Smoking | Self::AlcoholFreq | Self::AlcoholAmount)
    }
}

const CM: How = How::Number(&["cm"]);
const KG: How = How::Number(&["kg"]);
const CM2: How = How::Number(&["cm2", "cm^2", "㎠", "cm²"]);
const BMI: How = How::Number(&["kg/m2", "kg/m^2", "kg/㎡", "kg/m²"]);
const MMHG: How = How::Number(&["mm[hg]", "mmhg"]);
const PULSE: How = How::Number(&["/min", "拍/分", "回/分", "/分", "bpm"]);
const MGDL: How = How::Number(&["mg/dl"]);
const UNITS: How = How::Number(&["u/l", "iu/l"]);
const PERCENT: How = How::Number(&["%"]);
const EGFR: How = How::Number(&[
    "ml/min/1.73m2",
    "ml/min/1.73m^2",
    "ml/min/1.73㎡",
    "ml/min/1.73m²",
    "ml/min",
    "ml/分/1.73m2",
    "ml/分/1.73㎡",
]);
const GDL: How = How::Number(&["g/dl"]);
const RBC: How = How::Number(&["10*4/mm3", "万/mm3", "万/μl", "10*4/μl", "10^4/μl", "×10^4/μl", "10*4/ul", "10^4/ul"]);
const YES_NO: How = How::Answer(List::YesNo);

/// Column, treatment and codes; the first code that is present with a value wins.
const ITEMS: &[(&str, How, &[&str])] = &[
    ("height_cm", CM, &["9N001000000000001"]),
    ("weight_kg", KG, &["9N006000000000001"]),
    ("bmi", BMI, &["9N011000000000001"]),
    ("visceral_fat_cm2", CM2, &["9N021000000000001"]),
    ("waist_cm", CM, &["9N016160100000001", "9N016160200000001", "9N016160300000001"]),
    ("sbp", MMHG, &["9A755000000000001", "9A752000000000001", "9A751000000000001"]),
    ("dbp", MMHG, &["9A765000000000001", "9A762000000000001", "9A761000000000001"]),
    ("pulse", PULSE, &["9N121000000000001"]),
    ("blood_drawn", How::Code(List::BloodDrawn), &["9N141000000000011"]),
    ("tg", MGDL, &["3F015000002327101", "3F015000002327201", "3F015000002399901"]),
    ("tg_casual", MGDL, &["3F015129902327101", "3F015129902327201", "3F015129902399901"]),
    ("hdl", MGDL, &["3F070000002327101", "3F070000002327201", "3F070000002399901"]),
    ("ldl", MGDL, &["3F077000002327101", "3F077000002327201", "3F077000002399901", "3F077000002391901"]),
    ("non_hdl", MGDL, &["3F069000002391901"]),
    ("total_chol", MGDL, &["3F050000002327101", "3F050000002327201", "3F050000002399901"]),
    ("ast", UNITS, &["3B035000002327201", "3B035000002399901"]),
    ("alt", UNITS, &["3B045000002327201", "3B045000002399901"]),
    ("ggt", UNITS, &["3B090000002327101", "3B090000002399901"]),
    ("fpg", MGDL, &["3D010000001926101", "3D010000002227101", "3D010000001927201", "3D010000001999901"]),
    ("cpg", MGDL, &["3D010129901926101", "3D010129902227101", "3D010129901927201", "3D010129901999901"]),
    ("hba1c", PERCENT, &["3D046000001906202", "3D046000001920402", "3D046000001927102", "3D046000001999902"]),
    ("creatinine", MGDL, &["3C015000002327101", "3C015000002399901"]),
    ("egfr", EGFR, &["8A065000002391901"]),
    ("uric_acid", MGDL, &["3C020000002327101", "3C020000002399901"]),
    ("hct", PERCENT, &["2A040000001930102"]),
    ("hb", GDL, &["2A030000001930101"]),
    ("rbc", RBC, &["2A020000001930101"]),
    ("u_glucose", How::Code(List::Urine), &["1A020000000191111", "1A020000000190111"]),
    ("u_protein", How::Code(List::Urine), &["1A010000000191111", "1A010000000190111"]),
    ("metabo", How::Code(List::Metabo), &["9N501000000000011"]),
    ("guidance", How::Code(List::Guidance), &["9N506000000000011"]),
    ("q_drug_bp", YES_NO, &["9N701000000000011"]),
    ("q_drug_glucose", YES_NO, &["9N706000000000011"]),
    ("q_drug_lipid", YES_NO, &["9N711000000000011"]),
    ("q_had_stroke", YES_NO, &["9N716000000000011"]),
    ("q_had_heart", YES_NO, &["9N721000000000011"]),
    ("q_had_kidney", YES_NO, &["9N726000000000011"]),
    ("q_had_anemia", YES_NO, &["9N731000000000011"]),
    ("q_smoking", How::Answer(List::Smoking), &["9N736000000000011"]),
    ("q_weight_gain", YES_NO, &["9N741000000000011"]),
    ("q_exercise", YES_NO, &["9N746000000000011"]),
    ("q_walking", YES_NO, &["9N751000000000011"]),
    ("q_walking_speed", YES_NO, &["9N756000000000011"]),
    ("q_chewing", How::Answer(List::Chewing), &["9N872000000000011"]),
    ("q_eating_speed", How::Answer(List::Speed), &["9N766000000000011"]),
    ("q_late_dinner", YES_NO, &["9N771000000000011"]),
    ("q_snack", How::Answer(List::Snack), &["9N782000000000011"]),
    ("q_skips_breakfast", YES_NO, &["9N781000000000011"]),
    ("q_alcohol_freq", How::Answer(List::AlcoholFreq), &["9N786000000000011"]),
    ("q_alcohol_amount", How::Answer(List::AlcoholAmount), &["9N791000000000011"]),
    ("q_sleep", YES_NO, &["9N796000000000011"]),
    ("q_intent", How::Answer(List::Intent), &["9N801000000000011"]),
    ("q_guidance_history", YES_NO, &["9N808000000000011"]),
];

/// After all others of their column: what earlier terms asked and measured otherwise.
const LATER: &[(&str, How, &[&str])] = &[
    ("hba1c", How::Jds, &["3D045000001906202", "3D045000001920402", "3D045000001927102", "3D045000001999902"]),
    ("q_snack", How::Answer(List::LateSnack), &["9N776000000000011"]),
];

/// Where an item belongs.
#[derive(Debug, Clone, Copy)]
pub(in crate::read) struct Item {
    /// Index into [`COLUMNS`].
    pub(in crate::read) column: usize,
    /// Smaller wins.
    pub(in crate::read) rank: u8,
    pub(in crate::read) how: How,
}

impl Item {
    /// The unit of a quantity, as the catalogue has it; "" for codes.
    pub(super) fn unit(&self) -> &'static str {
        match self.how {
            How::Number(units) => units.first().copied().unwrap_or(""),
            How::Jds => "%",
            How::Code(_) | How::Answer(_) => "",
        }
    }
}

/// A code of 17 characters as numbers, which compare faster.
fn packed(code: &str) -> Option<(u128, u8)> {
    match code.as_bytes().split_first_chunk::<16>() {
        Some((first, &[last])) => Some((u128::from_be_bytes(*first), last)),
        _ => None,
    }
}

/// The item of a JLAC10 code; `None` if no column takes it.
pub(in crate::read) fn item(code: &str) -> Option<Item> {
    static INDEX: OnceLock<Vec<((u128, u8), Item)>> = OnceLock::new();
    let index = INDEX.get_or_init(|| {
        let column = |name| COLUMNS.iter().position(|&(column, _)| column == name);
        let mut index = Vec::new();
        let ranked = ITEMS.iter().map(|item| (0_u8, item)).chain(LATER.iter().map(|item| (100, item)));
        for (first, &(name, how, codes)) in ranked {
            for (rank, &code) in (first..).zip(codes) {
                if let (Some(column), Some(code)) = (column(name), packed(code)) {
                    index.push((code, Item { column, rank, how }));
                }
            }
        }
        index.sort_unstable_by_key(|&(code, _)| code);
        index
    });
    let code = packed(code)?;
    let at = index.binary_search_by_key(&code, |&(known, _)| known).ok()?;
    index.get(at).map(|&(_, item)| item)
}

/// Whether a unit is one of those that items come in.
pub(super) fn known_unit(unit: &str) -> bool {
    ITEMS.iter().any(|(_, how, _)| matches!(how, How::Number(units) if units.contains(&unit)))
}

/// The first code of a column.
pub(super) fn first(column: &str) -> Option<&'static str> {
    ITEMS.iter().find(|&&(name, ..)| name == column).and_then(|&(_, _, codes)| codes.first().copied())
}

/// The term whose list an answer is from, by the list's OID where lists changed and else by the day of the exam.
pub(super) fn term(list: List, system: &str, exam_date: i32) -> u8 {
    /// 2024-04-01: 第4期 begins.
    const FOURTH: i32 = 19_814;
    match (list, system.rsplit('.').next()) {
        (List::LateSnack, _) => 2,
        (List::Smoking, Some("24060")) | (List::AlcoholFreq, Some("24040")) | (List::AlcoholAmount, Some("24050")) => 4,
        (List::Smoking, Some("2003")) | (List::AlcoholFreq, Some("2005")) | (List::AlcoholAmount, Some("2006")) => 3,
        _ if exam_date >= FOURTH => 4,
        _ => 3,
    }
}

/// Whether a code has the form of JLAC10: analyte, identification, material, method, result.
pub(in crate::read) fn jlac10(code: &str) -> bool {
    code.len() == 17
        && code.starts_with(|c: char| c.is_ascii_digit())
        && code.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;

    #[test]
    fn every_code_is_jlac10_and_leads_to_its_column() {
        assert_eq!(COLUMNS.len(), WIDTH);
        let mut filled = std::collections::BTreeSet::from(["exam_date", "kind"]);
        for &(name, how, codes) in ITEMS.iter().chain(LATER) {
            for &code in codes {
                assert!(jlac10(code), "{code}");
                let item = item(code).unwrap();
                assert_eq!((COLUMNS[item.column].0, item.how), (name, how));
            }
            filled.insert(name);
        }
        assert_eq!(filled.len(), WIDTH, "every column has an item");
        assert_eq!(item("3D045000001906202").unwrap().how, How::Jds);
        assert_eq!(COLUMNS[item("3F015129902327101").unwrap().column].0, "tg_casual", "casual TG is no fasting TG");
        assert!(item("").is_none() && item("9N0010000000000011").is_none() && item("9N00100000000000").is_none());
    }

    #[test]
    fn terms() {
        assert_eq!(crate::read::number::day(b"20240401"), Some(19_814));
        assert_eq!(term(List::Smoking, "1.2.392.200119.6.24060", 0), 4);
        assert_eq!(term(List::Smoking, "1.2.392.200119.6.2003", 30_000), 3, "the old list in a new document");
        assert_eq!(term(List::AlcoholAmount, "1.2.392.200119.6.2006", 30_000), 3);
        assert_eq!(term(List::YesNo, "1.2.392.200119.6.2003", 19_814), 4);
        assert_eq!(term(List::YesNo, "", 19_813), 3);
        assert_eq!(term(List::LateSnack, "1.2.392.200119.6.2003", 19_813), 2);
    }
}
