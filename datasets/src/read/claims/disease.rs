//! SY, HS and SB records: diagnoses, whether suspected, and what became of them. The written name is not kept.

use super::Fields;
use super::acts::Outcome;
use super::receipt::{About, Body, Take};
use crate::read::desk::{Desk, Into};
use crate::read::error::ReadError;
use crate::read::frame::Value;
use crate::read::number;

/// の疑い, among the four-character modifiers of a disease.
const SUSPECTED: &[u8] = b"8002";
/// 未コード化傷病名.
const UNCODED: &str = "0000999";

/// 併存傷病名 of 歯科: records to come that share the tooth, and may leave out what the first one says.
#[derive(Default)]
pub(super) struct Comorbid {
    left: i64,
    start: Option<i32>,
    outcome: Option<u8>,
}

/// Where a disease record has what; the rest it has not.
struct Found<'r> {
    code: &'r str,
    icd10: Option<&'r str>,
    start: Option<i32>,
    outcome: Option<u8>,
    main: bool,
    suspected: bool,
}

impl Take<'_> {
    /// SY of 医科 and DPC.
    pub(super) fn disease(
        &self,
        desk: &mut Desk<'_>,
        about: About<'_>,
        body: &mut Body<'_>,
        fields: Fields<'_>,
    ) -> Result<Outcome, ReadError> {
        let Some(code) = disease_code(fields.get(1)) else {
            return Ok(Outcome::Bad("disease-code"));
        };
        let outcome = self.outcome(desk, fields.get(3));
        if outcome == Some(b'3') {
            // The day is not written: it lies in this month.
            body.died(about.month.last());
        }
        let found = Found {
            code,
            icd10: None,
            start: self.start(desk, fields.get(2)),
            outcome,
            main: fields.get(6) == b"01",
            suspected: self.suspected(code, fields.get(4), fields.get(5)),
        };
        self.diagnosis(desk, about, &found)
    }

    /// HS of 歯科: one record for a tooth's disease, then its 併存傷病名.
    pub(super) fn dental_disease(
        &self,
        desk: &mut Desk<'_>,
        about: About<'_>,
        body: &mut Body<'_>,
        fields: Fields<'_>,
    ) -> Result<Outcome, ReadError> {
        let mut start = self.start(desk, fields.get(1));
        let mut outcome = self.outcome(desk, fields.get(2));
        let comorbid = &mut body.comorbid;
        if comorbid.left > 0 {
            comorbid.left -= 1;
            start = start.or(comorbid.start);
            outcome = outcome.or(comorbid.outcome);
        }
        if let Some(more @ 1..) = number::whole(fields.get(7)) {
            *comorbid = Comorbid { left: more, start, outcome };
        }
        if outcome == Some(b'3') {
            body.died(about.month.last());
        }
        let Some(code) = disease_code(fields.get(4)) else {
            return Ok(Outcome::Bad("disease-code"));
        };
        let found = Found {
            code,
            icd10: None,
            start,
            outcome,
            main: fields.get(9) == b"01",
            suspected: self.suspected(code, fields.get(5), fields.get(6)),
        };
        self.diagnosis(desk, about, &found)
    }

    /// SB of DPC: 傷病名区分 11 is the main disease; the ICD-10 code is the file's own.
    pub(super) fn dpc_disease(
        &self,
        desk: &mut Desk<'_>,
        about: About<'_>,
        fields: Fields<'_>,
    ) -> Result<Outcome, ReadError> {
        let Some(code) = disease_code(fields.get(1)) else {
            return Ok(Outcome::Bad("disease-code"));
        };
        let icd10 = std::str::from_utf8(fields.get(4))
            .ok()
            .filter(|icd| (3..=5).contains(&icd.len()) && icd.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        let found = Found {
            code,
            icd10,
            start: None,
            outcome: None,
            main: fields.get(5) == b"11",
            suspected: self.suspected(code, fields.get(2), fields.get(3)),
        };
        self.diagnosis(desk, about, &found)
    }

    fn diagnosis(&self, desk: &mut Desk<'_>, about: About<'_>, found: &Found<'_>) -> Result<Outcome, ReadError> {
        let outcome = match found.outcome {
            Some(b'1'..=b'4') | None => found.outcome,
            Some(_) => Some(b'?'),
        };
        let outcome = match outcome {
            Some(code) => {
                Some(desk.sheet(Into::Diagnosis)?.category("outcome", char::from(code).encode_utf8(&mut [0; 4])))
            }
            None => None,
        };
        let row = [
            Value::Day(about.month.first()),
            Value::Text(found.code),
            Value::text(found.icd10.or(about.masters.icd10(found.code))),
            Value::day(found.start),
            Value::category(outcome),
            Value::Flag(found.main),
            Value::Flag(found.suspected),
            Value::Text(about.receipt),
        ];
        desk.push(Into::Diagnosis, about.ident, &row)?;
        Ok(Outcome::Taken)
    }

    fn start(&self, desk: &mut Desk<'_>, text: &[u8]) -> Option<i32> {
        if text.is_empty() {
            return None;
        }
        let start = number::day(text);
        if start.is_none() {
            desk.tally.repaired(self.kind, "disease-start");
        }
        start
    }

    /// 転帰区分, one digit.
    fn outcome(&self, desk: &mut Desk<'_>, text: &[u8]) -> Option<u8> {
        match text {
            [] => None,
            [code] => Some(*code),
            _ => {
                desk.tally.repaired(self.kind, "disease-outcome");
                Some(b'?')
            }
        }
    }

    /// Modifier 8002, or an uncoded disease whose written name ends so. The name itself is not kept.
    fn suspected(&self, code: &str, modifiers: &[u8], name: &[u8]) -> bool {
        if modifiers.chunks(4).any(|one| one == SUSPECTED) {
            return true;
        }
        if code != UNCODED {
            return false;
        }
        let (name, _) = self.encoding.decode(name);
        name.trim_end().ends_with("疑い")
    }
}

fn disease_code(bytes: &[u8]) -> Option<&str> {
    if bytes.len() != 7 || !bytes.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(bytes).ok()
}
