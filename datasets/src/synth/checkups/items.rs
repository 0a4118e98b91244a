//! What was found at a checkup, item by item, and the rows that readers ought to give for it. No file format.

use super::super::dice::Dice;
use super::super::out::{Block, Source};
use super::super::traits::{Body, Traits};

/// One item.
#[derive(Clone, Copy)]
pub(crate) struct Item {
    /// JLAC10, 17 characters.
    pub(crate) code: &'static str,
    /// The column of `checkup` that it fills; "" if none, or if a better item does.
    pub(crate) column: &'static str,
    pub(crate) found: Found,
}

#[derive(Clone, Copy)]
pub(crate) enum Found {
    /// stored / 10^digits.
    Number {
        stored: i64,
        digits: u32,
        unit: &'static str,
    },
    /// A code of the list 1.2.392.200119.6.<system>; `term`: 3 or 4 where 第3期 and 第4期 ask with different lists, else 0.
    Answer {
        code: u8,
        system: &'static str,
        term: u8,
    },
    NotDone,
    Unmeasurable,
}

/// A measured value on a grid of `digits` decimals.
fn number(code: &'static str, column: &'static str, value: f64, digits: u32, unit: &'static str) -> Item {
    let stored = (value * 10f64.powi(digits as i32)).round() as i64;
    Item { code, column, found: Found::Number { stored, digits, unit } }
}

fn answer(code: &'static str, column: &'static str, answer: u8, system: &'static str) -> Item {
    Item { code, column, found: Found::Answer { code: answer, system, term: 0 } }
}

fn yes(flag: bool) -> u8 {
    if flag { 1 } else { 2 }
}

const MMHG: &str = "mm[Hg]";
const MGDL: &str = "mg/dL";

/// All items of an examination, in the order of the file.
pub(crate) fn items(b: &Body, t: &Traits, sex: u8, statutory: bool, third_term: bool, dice: &mut Dice) -> Vec<Item> {
    let mut items = Vec::with_capacity(44);
    measured(&mut items, b, dice);
    // Metabolic syndrome and the level of guidance, by the published rules.
    let (metabo, guidance) = judge(b, sex, t.smoker);
    items.push(answer("9N501000000000011", "metabo", metabo, "1008"));
    if statutory {
        items.push(answer("9N506000000000011", "guidance", guidance, "3001"));
    }
    answers(&mut items, b, t, third_term, dice);
    items
}

fn measured(items: &mut Vec<Item>, b: &Body, dice: &mut Dice) {
    items.push(number("9N001000000000001", "height_cm", b.height, 1, "cm"));
    items.push(number("9N006000000000001", "weight_kg", b.weight, 1, "kg"));
    items.push(number("9N011000000000001", "bmi", b.bmi, 1, "kg/m2"));
    // Waist may be left out under 40; a few are pregnant or refuse.
    if b.age < 38.0 && dice.chance(0.4) {
        items.push(Item { code: "9N016160100000001", column: "", found: Found::NotDone });
    } else {
        items.push(number("9N016160100000001", "waist_cm", b.waist, 1, "cm"));
    }
    if dice.chance(0.35) {
        // Two readings; the reader is to prefer the mean, then the second.
        items.push(number("9A751000000000001", "", b.sbp + 4.0, 0, MMHG));
        items.push(number("9A761000000000001", "", b.dbp + 2.0, 0, MMHG));
        items.push(number("9A752000000000001", "sbp", b.sbp, 0, MMHG));
        items.push(number("9A762000000000001", "dbp", b.dbp, 0, MMHG));
    } else {
        items.push(number("9A755000000000001", "sbp", b.sbp, 0, MMHG));
        items.push(number("9A765000000000001", "dbp", b.dbp, 0, MMHG));
    }
    let fasting = dice.chance(0.9);
    items.push(answer("9N141000000000011", "blood_drawn", if fasting { 2 } else { 3 }, "2106"));
    if fasting {
        items.push(number("3F015000002327101", "tg", b.tg, 0, MGDL));
    } else {
        items.push(number("3F015129902327101", "tg_casual", b.tg * 1.25, 0, MGDL));
    }
    items.push(number("3F070000002327101", "hdl", b.hdl, 0, MGDL));
    items.push(number("3F077000002327101", "ldl", b.ldl, 0, MGDL));
    items.push(number("3B035000002327201", "ast", b.ast, 0, "U/L"));
    items.push(number("3B045000002327201", "alt", b.alt, 0, "U/L"));
    items.push(number("3B090000002327101", "ggt", b.ggt, 0, "U/L"));
    if fasting && dice.chance(0.85) {
        items.push(number("3D010000001926101", "fpg", b.fpg, 0, MGDL));
    }
    if dice.chance(0.01) {
        items.push(Item { code: "3D046000001906202", column: "", found: Found::Unmeasurable });
    } else {
        items.push(number("3D046000001906202", "hba1c", b.hba1c, 1, "%"));
    }
    if dice.chance(0.8) {
        items.push(number("3C015000002327101", "creatinine", b.creatinine, 2, MGDL));
        items.push(number("8A065000002391901", "egfr", b.egfr, 1, "mL/min/1.73m2"));
    }
    if dice.chance(0.6) {
        items.push(number("3C020000002327101", "uric_acid", b.uric, 1, MGDL));
    }
    if dice.chance(0.55) {
        items.push(number("2A030000001930101", "hb", b.hb, 1, "g/dL"));
    }
    let sugar = if b.hba1c > 7.5 { 4 } else { 1 };
    items.push(answer("1A020000000191111", "u_glucose", sugar, "2102"));
    let protein = if b.egfr < 45.0 { 3 } else { 1 };
    items.push(answer("1A010000000191111", "u_protein", protein, "2102"));
}

/// The questionnaire; lists that differ between 第3期 and 第4期 carry their term.
fn answers(items: &mut Vec<Item>, b: &Body, t: &Traits, third_term: bool, dice: &mut Dice) {
    let drugs = [
        ("9N701000000000011", "q_drug_bp"),
        ("9N706000000000011", "q_drug_glucose"),
        ("9N711000000000011", "q_drug_lipid"),
    ];
    let term = if third_term { 3 } else { 4 };
    let mut ask = |code, column, value, system| items.push(answer(code, column, value, system));
    for ((code, column), taken) in drugs.into_iter().zip(b.drugs) {
        // A few answer wrongly.
        let said = taken != dice.chance(0.015);
        ask(code, column, yes(said), "2003");
    }
    ask("9N716000000000011", "q_had_stroke", yes(dice.chance(0.012)), "2003");
    ask("9N721000000000011", "q_had_heart", yes(dice.chance(0.025)), "2003");
    let stopped = dice.chance(0.25);
    let (smoking, list) = match (third_term, t.smoker, stopped) {
        (true, smoker, _) => (yes(smoker), "2003"),
        (false, true, _) => (1, "24060"),
        (false, false, true) => (2, "24060"),
        (false, false, false) => (3, "24060"),
    };
    ask("9N736000000000011", "q_smoking", smoking, list);
    ask("9N741000000000011", "q_weight_gain", yes(b.bmi > 24.5), "2003");
    let exercise = t.activity + 0.6 * dice.normal() > 0.5;
    ask("9N746000000000011", "q_exercise", yes(exercise), "2003");
    let walking = t.activity + 0.6 * dice.normal() > 0.1;
    ask("9N751000000000011", "q_walking", yes(walking), "2003");
    ask("9N756000000000011", "q_walking_speed", yes(t.activity + dice.normal() > 0.0), "2003");
    let eats_fast = 2 - u8::from(t.build + dice.normal() > 0.7);
    ask("9N766000000000011", "q_eating_speed", eats_fast, "2004");
    ask("9N771000000000011", "q_late_dinner", yes(dice.chance(0.3)), "2003");
    ask("9N781000000000011", "q_skips_breakfast", yes(dice.chance(0.2)), "2003");
    if third_term {
        // 1 every day, 2 sometimes, 3 hardly or never.
        let answer = match t.alcohol {
            1..=2 => 1,
            3..=5 => 2,
            _ => 3,
        };
        ask("9N786000000000011", "q_alcohol_freq", answer, "2005");
    } else {
        ask("9N786000000000011", "q_alcohol_freq", t.alcohol, "24040");
    }
    ask("9N796000000000011", "q_sleep", yes(t.sleep + 25.0 * dice.normal() > 355.0), "2003");
    ask("9N801000000000011", "q_intent", 1 + dice.below(5) as u8, "2007");
    for item in items {
        if matches!(item.code, "9N736000000000011" | "9N786000000000011")
            && let Found::Answer { term: changed, .. } = &mut item.found
        {
            *changed = term;
        }
    }
}

/// (メタボリックシンドローム判定, 保健指導レベル): waist 85/90 and risks; those under treatment get no guidance, from 65 only 動機付け.
fn judge(b: &Body, sex: u8, smoker: bool) -> (u8, u8) {
    let round = |value: f64, digits: i32| (value * 10f64.powi(digits)).round() / 10f64.powi(digits);
    let (waist, bmi, hba1c) = (round(b.waist, 1), round(b.bmi, 1), round(b.hba1c, 1));
    let [drug_pressure, drug_glucose, drug_lipid] = b.drugs;
    let large = waist >= if sex == 1 { 85.0 } else { 90.0 };
    let count = |flags: [bool; 3]| flags.iter().filter(|flag| **flag).count();
    let lipid = b.tg.round() >= 150.0 || b.hdl.round() < 40.0;
    let pressure = b.sbp.round() >= 130.0 || b.dbp.round() >= 85.0;
    let syndrome =
        count([lipid || drug_lipid, pressure || drug_pressure, b.fpg.round() >= 110.0 || hba1c >= 6.0 || drug_glucose]);
    let metabo = match (large, syndrome) {
        (true, 2..) => 1,
        (true, 1) => 2,
        _ => 3,
    };
    if b.drugs.contains(&true) {
        return (metabo, 3);
    }
    let mut risks = count([lipid, pressure, b.fpg.round() >= 100.0 || hba1c >= 5.6]);
    if risks > 0 && smoker {
        risks += 1;
    }
    let level = match (large, bmi >= 25.0, risks) {
        (true, _, 2..) | (false, true, 3..) => 1,
        (true, _, 1) | (false, true, 1..) => 2,
        _ => 3,
    };
    (metabo, if level == 1 && b.age >= 65.0 { 2 } else { level })
}

/// The row of `checkup`. `third_term` decides which list an answer is from.
pub(crate) fn note_checkup(
    block: &mut Block,
    source: Source,
    person: u32,
    on: i32,
    kind: &'static str,
    third_term: bool,
    items: &[Item],
) {
    block.note(source, "checkup", person, |row| {
        row.day("exam_date", on).text("kind", kind);
        for item in items.iter().filter(|item| !item.column.is_empty()) {
            match item.found {
                Found::Number { stored, digits, .. } => drop(row.fixed(item.column, stored, digits)),
                Found::Answer { code, .. } if item.column.starts_with("q_") => {
                    row.text(item.column, format!("{}:{code}", if third_term { 3 } else { 4 }));
                }
                Found::Answer { code, .. } => drop(row.text(item.column, code.to_string())),
                Found::NotDone | Found::Unmeasurable => {}
            }
        }
    });
}

/// The rows of `checkup_item`.
pub(crate) fn note_items(block: &mut Block, source: Source, person: u32, on: i32, items: &[Item]) {
    for item in items {
        block.note(source, "checkup_item", person, |row| {
            row.day("exam_date", on).text("code", item.code);
            match item.found {
                Found::Number { stored, digits, unit } => {
                    row.text("state", "measured").fixed("value", stored, digits).text("unit", unit.to_lowercase());
                }
                Found::Answer { code, term, .. } => {
                    let answer = if term == 0 { code.to_string() } else { format!("{term}:{code}") };
                    row.text("state", "measured").text("answer", answer);
                }
                Found::NotDone => drop(row.text("state", "not_done")),
                Found::Unmeasurable => drop(row.text("state", "not_measurable")),
            }
        });
    }
}
