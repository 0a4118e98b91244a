//! Which JLAC10 items fill which column of `checkup`, in first-present order. Not bounds: those are the catalogue's.
//! Source: 特定健診 第4期 item list (XML 用特定健診項目情報, V08).

use std::collections::HashMap;
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
];

/// Number of columns.
pub(super) const WIDTH: usize = 30;

/// How an item becomes a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum How {
    /// A quantity in one of these units (lower case, no spaces; the first is the catalogue's).
    Number(&'static [&'static str]),
    /// HbA1c before 2013: NGSP % = 1.02 × JDS % + 0.25 (日本糖尿病学会).
    Jds,
    /// A code as it stands.
    Code,
    /// A questionnaire answer, tagged with the term whose list it is from. Yes/no lists did not change.
    Answer,
}

const CM: How = How::Number(&["cm"]);
const KG: How = How::Number(&["kg"]);
const BMI: How = How::Number(&["kg/m2", "kg/m^2", "kg/㎡", "kg/m²"]);
const MMHG: How = How::Number(&["mm[hg]", "mmhg"]);
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

/// Column, treatment and codes; the first code that is present with a value wins.
const ITEMS: &[(&str, How, &[&str])] = &[
    ("height_cm", CM, &["9N001000000000001"]),
    ("weight_kg", KG, &["9N006000000000001"]),
    ("bmi", BMI, &["9N011000000000001"]),
    ("waist_cm", CM, &["9N016160100000001", "9N016160200000001", "9N016160300000001"]),
    ("sbp", MMHG, &["9A755000000000001", "9A752000000000001", "9A751000000000001"]),
    ("dbp", MMHG, &["9A765000000000001", "9A762000000000001", "9A761000000000001"]),
    ("tg", MGDL, &["3F015000002327101", "3F015000002327201", "3F015000002399901"]),
    ("hdl", MGDL, &["3F070000002327101", "3F070000002327201", "3F070000002399901"]),
    ("ldl", MGDL, &["3F077000002327101", "3F077000002327201", "3F077000002399901", "3F077000002391901"]),
    ("ast", UNITS, &["3B035000002327201", "3B035000002399901"]),
    ("alt", UNITS, &["3B045000002327201", "3B045000002399901"]),
    ("ggt", UNITS, &["3B090000002327101", "3B090000002399901"]),
    ("fpg", MGDL, &["3D010000001926101", "3D010000002227101", "3D010000001927201", "3D010000001999901"]),
    ("hba1c", PERCENT, &["3D046000001906202", "3D046000001920402", "3D046000001927102", "3D046000001999902"]),
    ("creatinine", MGDL, &["3C015000002327101", "3C015000002399901"]),
    ("egfr", EGFR, &["8A065000002391901"]),
    ("uric_acid", MGDL, &["3C020000002327101", "3C020000002399901"]),
    ("hb", GDL, &["2A030000001930101"]),
    ("metabo", How::Code, &["9N501000000000011"]),
    ("guidance", How::Code, &["9N506000000000011"]),
    ("q_smoking", How::Answer, &["9N736000000000011"]),
    ("q_exercise", How::Answer, &["9N746000000000011"]),
    ("q_walking", How::Answer, &["9N751000000000011"]),
    ("q_sleep", How::Answer, &["9N796000000000011"]),
    ("q_alcohol_freq", How::Answer, &["9N786000000000011"]),
    ("q_drug_bp", How::Answer, &["9N701000000000011"]),
    ("q_drug_glucose", How::Answer, &["9N706000000000011"]),
    ("q_drug_lipid", How::Answer, &["9N711000000000011"]),
];

/// After all NGSP codes.
const JDS: (&str, &[&str]) =
    ("hba1c", &["3D045000001906202", "3D045000001920402", "3D045000001927102", "3D045000001999902"]);

/// Where an item belongs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Item {
    /// Index into [`COLUMNS`].
    pub(super) column: usize,
    /// Smaller wins.
    pub(super) rank: u8,
    pub(super) how: How,
}

/// The item of a JLAC10 code; `None` if no column takes it.
pub(super) fn item(code: &str) -> Option<Item> {
    static INDEX: OnceLock<HashMap<&'static str, Item>> = OnceLock::new();
    let index = INDEX.get_or_init(|| {
        let column = |name| COLUMNS.iter().position(|&(column, _)| column == name);
        let mut index = HashMap::new();
        for &(name, how, codes) in ITEMS {
            for (rank, &code) in (0_u8..).zip(codes) {
                if let Some(column) = column(name) {
                    index.insert(code, Item { column, rank, how });
                }
            }
        }
        for (rank, &code) in (100_u8..).zip(JDS.1) {
            if let Some(column) = column(JDS.0) {
                let how = How::Jds;
                index.insert(code, Item { column, rank, how });
            }
        }
        index
    });
    index.get(code).copied()
}

/// The term whose list an answer is from, by the list's OID and else by the day of the exam.
pub(super) fn term(system: &str, exam_date: i32) -> u8 {
    /// 2024-04-01: 第4期 begins.
    const FOURTH: i32 = 19_814;
    match system.rsplit('.').next() {
        Some("24060" | "24040" | "24050") => 4,
        Some("2005" | "2006") => 3,
        _ if exam_date >= FOURTH => 4,
        _ => 3,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;

    #[test]
    fn every_code_is_jlac10_and_leads_to_a_column() {
        assert_eq!(COLUMNS.len(), WIDTH);
        for &(name, _, codes) in ITEMS {
            for &code in codes {
                assert_eq!(code.len(), 17, "{code}");
                assert_eq!(COLUMNS[item(code).unwrap().column].0, name);
            }
        }
        assert_eq!(item("3D045000001906202").unwrap().how, How::Jds);
        assert!(item("3F015129902327101").is_none(), "casual TG is no fasting TG");
    }

    #[test]
    fn terms() {
        assert_eq!(crate::read::number::day(b"20240401"), Some(19_814));
        assert_eq!(term("1.2.392.200119.6.24060", 0), 4);
        assert_eq!(term("1.2.392.200119.6.2005", 30_000), 3);
        assert_eq!(term("1.2.392.200119.6.2003", 19_814), 4);
        assert_eq!(term("", 19_813), 3);
    }
}
