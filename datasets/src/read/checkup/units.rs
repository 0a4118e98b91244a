//! Units as files write them, brought to one spelling. Not conversion: mmol/L stays mmol/L, and a column refuses it.

use crate::read::text;

/// Spellings remembered; a file with more writes garbage, which is spelt out anew each time.
const REMEMBERED: usize = 256;

/// Narrow, without spaces, lower case; characters that hold two letters (㎎, ㎗) are taken apart.
pub(super) fn written(unit: &str) -> String {
    let mut unit = text::narrow(unit).to_lowercase();
    if !unit.is_ascii() {
        for (from, to) in
            [("㎎", "mg"), ("㎗", "dl"), ("㎜", "mm"), ("㎝", "cm"), ("㎏", "kg"), ("ℓ", "l"), ("µ", "μ"), ("㎕", "μl")]
        {
            unit = unit.replace(from, to);
        }
    }
    unit
}

/// Spellings met so far, so that a unit is spelt out once and not for every value.
#[derive(Default)]
pub(super) struct Units {
    known: Vec<(Box<str>, Box<str>)>,
    last: String,
}

impl Units {
    pub(super) fn of(&mut self, raw: &str) -> &str {
        match self.known.iter().position(|(from, _)| **from == *raw) {
            Some(at) => self.known.get(at).map_or("", |(_, to)| to),
            None => {
                self.last = written(raw);
                if self.known.len() < REMEMBERED && raw.len() <= 64 {
                    self.known.push((raw.into(), self.last.as_str().into()));
                }
                &self.last
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;

    #[test]
    fn one_spelling() {
        let mut units = Units::default();
        for (raw, expected) in
            [("mg/dL", "mg/dl"), ("㎎/㎗", "mg/dl"), ("ｍｍ Ｈｇ", "mmhg"), ("％", "%"), ("万/µL", "万/μl"), ("", "")]
        {
            assert_eq!(units.of(raw), expected);
            assert_eq!(units.of(raw), expected, "remembered");
        }
        for at in 0..1_000 {
            assert_eq!(units.of(&format!("X{at}")), format!("x{at}"));
        }
        assert!(units.known.len() <= REMEMBERED);
    }
}
