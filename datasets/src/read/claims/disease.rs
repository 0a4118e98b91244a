//! SY and SB records: diagnoses, whether suspected, and what became of them. The written name is not kept.

use std::sync::Arc;

use super::acts::Outcome;
use super::receipt::{Body, Head, KIND, Take};
use crate::read::desk::{Desk, Into};
use crate::read::error::ReadError;
use crate::read::frame::Value;
use crate::read::number;

/// の疑い, among the four-character modifiers of a disease.
const SUSPECTED: &[u8] = b"8002";
/// 未コード化傷病名.
const UNCODED: &[u8] = b"0000999";

impl Take<'_> {
    pub(super) fn disease(
        &self,
        desk: &mut Desk<'_>,
        head: &Head,
        body: &mut Body,
        ident: u32,
    ) -> Result<Outcome, ReadError> {
        let Some(code) = disease_code(self.fields.get(1)) else {
            return Ok(Outcome::Bad("disease-code"));
        };
        let start = match self.fields.get(2) {
            b"" => None,
            start => match number::day(start) {
                Some(start) => Some(start),
                None => {
                    desk.tally.repaired(KIND, "disease-start");
                    None
                }
            },
        };
        let outcome = self.fields.get(3);
        if outcome == b"3" {
            // The day is not written: it lies in this month.
            body.died(head.month.last());
        }
        let outcome = std::str::from_utf8(outcome).ok().filter(|code| !code.is_empty());
        let masters = Arc::clone(&desk.masters);
        let sheet = desk.sheet(Into::Diagnosis)?;
        let outcome = outcome.map(|code| sheet.category("outcome", code));
        let row = [
            Value::Day(head.month.first()),
            Value::Text(code),
            Value::text(masters.icd10(code)),
            Value::day(start),
            Value::category(outcome),
            Value::Flag(self.fields.get(6) == b"01"),
            Value::Flag(self.suspected(4, 5)),
            Value::Text(&head.receipt),
        ];
        desk.push(Into::Diagnosis, ident, &row)?;
        Ok(Outcome::Taken)
    }

    /// SB: 傷病名区分 11 is the main disease; the ICD-10 code is the file's own.
    pub(super) fn dpc_disease(&self, desk: &mut Desk<'_>, head: &Head, ident: u32) -> Result<Outcome, ReadError> {
        let Some(code) = disease_code(self.fields.get(1)) else {
            return Ok(Outcome::Bad("disease-code"));
        };
        let own = std::str::from_utf8(self.fields.get(4))
            .ok()
            .filter(|icd| (3..=5).contains(&icd.len()) && icd.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        let masters = Arc::clone(&desk.masters);
        let row = [
            Value::Day(head.month.first()),
            Value::Text(code),
            Value::text(own.or(masters.icd10(code))),
            Value::Null,
            Value::Null,
            Value::Flag(self.fields.get(5) == b"11"),
            Value::Flag(self.suspected(2, 3)),
            Value::Text(&head.receipt),
        ];
        desk.push(Into::Diagnosis, ident, &row)?;
        Ok(Outcome::Taken)
    }

    /// Modifier 8002, or an uncoded disease whose written name ends so. The name itself is not kept.
    fn suspected(&self, modifiers: usize, name: usize) -> bool {
        if self.fields.get(modifiers).chunks(4).any(|one| one == SUSPECTED) {
            return true;
        }
        if self.fields.get(1) != UNCODED {
            return false;
        }
        let (name, _) = self.encoding.decode(self.fields.get(name));
        name.trim_end().ends_with("疑い")
    }
}

fn disease_code(bytes: &[u8]) -> Option<&str> {
    if bytes.len() != 7 || !bytes.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(bytes).ok()
}
