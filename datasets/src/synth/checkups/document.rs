//! One checkup document: header, measured items, judgements, questionnaire.

use std::io::Write;

use super::super::calendar::digits;
use super::super::dice::Dice;
use super::super::out::push_fixed;
use super::super::people::Fund;
use super::super::traits::{Body, Traits};
use super::super::written::Written;
use super::{OID, centre};

pub(super) struct Sheet<'a> {
    pub(super) fund: Fund,
    pub(super) statutory: bool,
    pub(super) on: i32,
    pub(super) third_term: bool,
    pub(super) sex: u8,
    pub(super) written: &'a Written,
    pub(super) body: &'a Body,
    pub(super) traits: &'a Traits,
    pub(super) postcode: u32,
    pub(super) number: u32,
}

/// An observation with a number; `digits` decimals.
fn quantity(out: &mut Vec<u8>, code: &str, value: f64, digits: u32, unit: &str) {
    open(out, code);
    out.extend_from_slice(b"<value xsi:type=\"PQ\" value=\"");
    let stored = (value * 10f64.powi(digits as i32)).round() as i64;
    push_fixed(out, stored, digits);
    out.extend_from_slice(b"\" unit=\"");
    out.extend_from_slice(unit.as_bytes());
    out.extend_from_slice(b"\"/>");
    close(out);
}

fn coded(out: &mut Vec<u8>, code: &str, answer: u8, system: &str) {
    open(out, code);
    out.extend_from_slice(b"<value xsi:type=\"CD\" code=\"");
    out.push(b'0' + answer);
    out.extend_from_slice(b"\" codeSystem=\"");
    out.extend_from_slice(OID.as_bytes());
    out.extend_from_slice(system.as_bytes());
    out.extend_from_slice(b"\"/>");
    close(out);
}

fn open(out: &mut Vec<u8>, code: &str) {
    out.extend_from_slice(b"<entry><observation classCode=\"OBS\" moodCode=\"EVN\"><code code=\"");
    out.extend_from_slice(code.as_bytes());
    out.extend_from_slice(b"\" codeSystem=\"");
    out.extend_from_slice(OID.as_bytes());
    out.extend_from_slice(b"1005\"/>");
}

fn close(out: &mut Vec<u8>) {
    out.extend_from_slice(b"</observation></entry>\n");
}

fn not_done(out: &mut Vec<u8>, code: &str) {
    out.extend_from_slice(b"<entry><observation classCode=\"OBS\" moodCode=\"EVN\" negationInd=\"true\"><code code=\"");
    out.extend_from_slice(code.as_bytes());
    out.extend_from_slice(b"\"/>");
    close(out);
}

fn unmeasurable(out: &mut Vec<u8>, code: &str) {
    open(out, code);
    out.extend_from_slice(b"<value xsi:type=\"PQ\" nullFlavor=\"NI\"/>");
    close(out);
}

/// A questionnaire item.
fn asked(item: &str) -> String {
    format!("9N{item}000000000011")
}

fn yes(flag: bool) -> u8 {
    if flag { 1 } else { 2 }
}

impl Sheet<'_> {
    pub(super) fn write(&self, out: &mut Vec<u8>, dice: &mut Dice) {
        self.head(out);
        out.extend_from_slice(b"<component><structuredBody><component><section><code code=\"01010\" codeSystem=\"");
        out.extend_from_slice(OID.as_bytes());
        out.extend_from_slice(
            "1010\"/><title>検査・問診結果セクション</title><text><list><item>結果は観察値に記載</item></list></text>\n".as_bytes(),
        );
        self.measured(out, dice);
        self.judged(out);
        self.answers(out, dice);
        out.extend_from_slice(b"</section></component></structuredBody></component></ClinicalDocument>\n");
    }

    fn head(&self, out: &mut Vec<u8>) {
        let (report, event) = if self.statutory { ("10", "010") } else { ("41", "030") };
        let on = digits(self.on);
        let (w, sex) = (self.written, &self.written.sex);
        let branch = if w.branch.is_empty() {
            String::new()
        } else {
            format!("<id root=\"{OID}211\" extension=\"{}\"/>", w.branch)
        };
        let text = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ClinicalDocument xmlns=\"urn:hl7-org:v3\" xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\">\
<typeId root=\"2.16.840.1.113883.1.3\" extension=\"POCD_HD000040\"/><id nullFlavor=\"NI\"/><code code=\"{report}\" codeSystem=\"{OID}1001\"/>\
<effectiveTime value=\"{on}\"/><confidentialityCode code=\"N\"/>\n<recordTarget><patientRole>\
<id root=\"{OID}101\" extension=\"{}\"/><id root=\"{OID}204\" extension=\"{}\"/><id root=\"{OID}205\" extension=\"{}\"/>{branch}\
<addr>東京都架空市桜町{}<postalCode>{:03}-{:04}</postalCode></addr>\
<patient><name>{}</name><administrativeGenderCode code=\"{sex}\" codeSystem=\"{OID}1104\"/><birthTime value=\"{}\"/></patient></patientRole></recordTarget>\n\
<author><time value=\"{on}\"/><assignedAuthor><id nullFlavor=\"NI\"/><representedOrganization><id root=\"{OID}102\" extension=\"{}\"/>\
<name>さくら健診センター</name><telecom value=\"tel:0300000000\"/><addr>東京都架空市<postalCode>100-0000</postalCode></addr></representedOrganization></assignedAuthor></author>\n\
<participant typeCode=\"HLD\"><functionCode code=\"1\" codeSystem=\"{OID}208\"/><time><high value=\"{}\"/></time><associatedEntity classCode=\"IDENT\">\
<id root=\"{OID}209.1{}\" extension=\"{:011}\"/><scopingOrganization><id root=\"{OID}101\" extension=\"{}\"/></scopingOrganization></associatedEntity></participant>\n\
<documentationOf><serviceEvent><code code=\"{event}\" codeSystem=\"{OID}1002\"/><effectiveTime value=\"{on}\"/></serviceEvent></documentationOf>\n",
            w.insurer,
            w.symbol,
            w.number,
            self.number % 30 + 1,
            self.postcode / 10_000,
            self.postcode % 10_000,
            w.kana,
            w.birth,
            centre(self.number),
            on / 10_000 * 10_000 + 10_331,
            self.fund.number8(),
            self.number,
            self.fund.number8(),
        );
        // Writing to memory cannot fail.
        let _ = out.write_all(text.as_bytes());
    }

    fn measured(&self, out: &mut Vec<u8>, dice: &mut Dice) {
        let b = self.body;
        quantity(out, "9N001000000000001", b.height, 1, "cm");
        quantity(out, "9N006000000000001", b.weight, 1, "kg");
        quantity(out, "9N011000000000001", b.bmi, 1, "kg/m2");
        // Waist may be left out under 40; a few are pregnant or refuse.
        if b.age < 38.0 && dice.chance(0.4) {
            not_done(out, "9N016160100000001");
        } else {
            quantity(out, "9N016160100000001", b.waist, 1, "cm");
        }
        if dice.chance(0.35) {
            // Two readings; the reader is to prefer the mean, then the second.
            quantity(out, "9A751000000000001", b.sbp + 4.0, 0, "mm[Hg]");
            quantity(out, "9A761000000000001", b.dbp + 2.0, 0, "mm[Hg]");
            quantity(out, "9A752000000000001", b.sbp, 0, "mm[Hg]");
            quantity(out, "9A762000000000001", b.dbp, 0, "mm[Hg]");
        } else {
            quantity(out, "9A755000000000001", b.sbp, 0, "mm[Hg]");
            quantity(out, "9A765000000000001", b.dbp, 0, "mm[Hg]");
        }
        let fasting = dice.chance(0.9);
        coded(out, "9N141000000000011", if fasting { 2 } else { 3 }, "2106");
        if fasting {
            quantity(out, "3F015000002327101", b.tg, 0, "mg/dL");
        } else {
            quantity(out, "3F015129902327101", b.tg * 1.25, 0, "mg/dL");
        }
        quantity(out, "3F070000002327101", b.hdl, 0, "mg/dL");
        quantity(out, "3F077000002327101", b.ldl, 0, "mg/dL");
        quantity(out, "3B035000002327201", b.ast, 0, "U/L");
        quantity(out, "3B045000002327201", b.alt, 0, "U/L");
        quantity(out, "3B090000002327101", b.ggt, 0, "U/L");
        if fasting && dice.chance(0.85) {
            quantity(out, "3D010000001926101", b.fpg, 0, "mg/dL");
        }
        if dice.chance(0.01) {
            unmeasurable(out, "3D046000001906202");
        } else {
            quantity(out, "3D046000001906202", b.hba1c, 1, "%");
        }
        if dice.chance(0.8) {
            quantity(out, "3C015000002327101", b.creatinine, 2, "mg/dL");
            quantity(out, "8A065000002391901", b.egfr, 1, "mL/min/1.73m2");
        }
        if dice.chance(0.6) {
            quantity(out, "3C020000002327101", b.uric, 1, "mg/dL");
        }
        if dice.chance(0.55) {
            quantity(out, "2A030000001930101", b.hb, 1, "g/dL");
        }
        let sugar = if b.hba1c > 7.5 { 4 } else { 1 };
        coded(out, "1A020000000191111", sugar, "2102");
        let protein = if b.egfr < 45.0 { 3 } else { 1 };
        coded(out, "1A010000000191111", protein, "2102");
    }

    /// Metabolic syndrome and the level of guidance, by the published rules.
    fn judged(&self, out: &mut Vec<u8>) {
        let (metabo, guidance) = judge(self.body, self.sex, self.traits.smoker);
        coded(out, "9N501000000000011", metabo, "1008");
        if self.statutory {
            coded(out, "9N506000000000011", guidance, "3001");
        }
    }

    fn answers(&self, out: &mut Vec<u8>, dice: &mut Dice) {
        let (b, t) = (self.body, self.traits);
        for (item, taken) in ["701", "706", "711"].iter().zip(b.drugs) {
            // A few answer wrongly.
            let said = taken != dice.chance(0.015);
            coded(out, &asked(item), yes(said), "2003");
        }
        coded(out, &asked("716"), yes(dice.chance(0.012)), "2003");
        coded(out, &asked("721"), yes(dice.chance(0.025)), "2003");
        let stopped = dice.chance(0.25);
        if self.third_term {
            coded(out, &asked("736"), yes(t.smoker), "2003");
        } else {
            let answer = match (t.smoker, stopped) {
                (true, _) => 1,
                (false, true) => 2,
                (false, false) => 3,
            };
            coded(out, &asked("736"), answer, "24060");
        }
        coded(out, &asked("741"), yes(b.bmi > 24.5), "2003");
        let exercise = t.activity + 0.6 * dice.normal() > 0.5;
        coded(out, &asked("746"), yes(exercise), "2003");
        let walking = t.activity + 0.6 * dice.normal() > 0.1;
        coded(out, &asked("751"), yes(walking), "2003");
        coded(out, &asked("756"), yes(t.activity + dice.normal() > 0.0), "2003");
        let eats_fast = 2 - u8::from(t.build + dice.normal() > 0.7);
        coded(out, &asked("766"), eats_fast, "2004");
        coded(out, &asked("771"), yes(dice.chance(0.3)), "2003");
        coded(out, &asked("781"), yes(dice.chance(0.2)), "2003");
        if self.third_term {
            // 1 every day, 2 sometimes, 3 hardly or never.
            let answer = match t.alcohol {
                1..=2 => 1,
                3..=5 => 2,
                _ => 3,
            };
            coded(out, &asked("786"), answer, "2005");
        } else {
            coded(out, &asked("786"), t.alcohol, "24040");
        }
        coded(out, &asked("796"), yes(t.sleep + 25.0 * dice.normal() > 355.0), "2003");
        coded(out, &asked("801"), 1 + dice.below(5) as u8, "2007");
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
