//! What codes of a known system look like. Not which codes exist: that is the affair of masters, which are many and change.

use std::borrow::Cow;

/// How the codes of a system are written in the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodeForm {
    /// Nothing is known but that they are ASCII signs without spaces.
    Any,
    /// ICD-10: a capital, a digit, then digits and capitals; without the dot (傷病名マスター, and SB.4 of 記録条件仕様 DPC).
    Icd10,
    /// 薬価基準収載医薬品コード: the four digits of the 薬効分類, then digits and capitals.
    Drug,
}

impl CodeForm {
    /// The form of a code system, by its name in the catalogue.
    pub fn of(system: &str) -> CodeForm {
        match system.split(" (").next() {
            Some("ICD-10") => CodeForm::Icd10,
            Some("薬価基準収載医薬品コード") => CodeForm::Drug,
            _ => CodeForm::Any,
        }
    }

    /// Whether some code can begin so; of a whole code, whether it can be one.
    pub fn begins(self, text: &str) -> bool {
        text.bytes().enumerate().all(|(at, byte)| match (self, at) {
            (CodeForm::Any, _) => byte.is_ascii_graphic(),
            (CodeForm::Icd10, 0) => byte.is_ascii_uppercase(),
            (CodeForm::Icd10, 1) | (CodeForm::Drug, 0..=3) => byte.is_ascii_digit(),
            (CodeForm::Icd10 | CodeForm::Drug, _) => byte.is_ascii_digit() || byte.is_ascii_uppercase(),
        })
    }

    /// The code as the store has it: capitals, ICD-10 without its dot.
    pub fn normal(self, text: &str) -> Cow<'_, str> {
        match self {
            CodeForm::Any => Cow::Borrowed(text),
            _ if self.begins(text) => Cow::Borrowed(text),
            CodeForm::Icd10 => Cow::Owned(text.to_ascii_uppercase().replace('.', "")),
            CodeForm::Drug => Cow::Owned(text.to_ascii_uppercase()),
        }
    }

    /// The form in words; nothing where nothing is known.
    pub fn words(self) -> &'static str {
        match self {
            CodeForm::Any => "",
            CodeForm::Icd10 => "ICD-10 codes stand in capitals and without their dot, a letter and then a digit",
            CodeForm::Drug => "codes of the price list begin with four digits, the 薬効分類, and stand in capitals",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::CodeForm;

    #[test]
    fn codes_have_a_form() {
        let icd = CodeForm::of("ICD-10 (2013年版準拠)");
        assert_eq!((icd, CodeForm::of("薬価基準収載医薬品コード")), (CodeForm::Icd10, CodeForm::Drug));
        assert_eq!(CodeForm::of("as sent"), CodeForm::Any);
        // ICD-10 as masters write it, with the codes of 2020 (U071) and those of five characters.
        for code in ["E", "E1", "E11", "E119", "U071", "M1390", "S0600"] {
            assert!(icd.begins(code), "{code}");
        }
        for code in ["E11.9", "e119", "119", "EE1", "E-1"] {
            assert!(!icd.begins(code), "{code}");
        }
        for code in ["2", "2189015F2054", "396", "396100201000"] {
            assert!(CodeForm::Drug.begins(code), "{code}");
        }
        for code in ["metformin", "218f", "2189015f2054"] {
            assert!(!CodeForm::Drug.begins(code), "{code}");
        }
        assert_eq!((icd.normal("e11.9").as_ref(), icd.normal("E119").as_ref()), ("E119", "E119"));
        assert_eq!(CodeForm::Any.normal("mm[Hg]").as_ref(), "mm[Hg]");
    }
}
