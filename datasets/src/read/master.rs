//! Facts from the 傷病名 and 医薬品 masters, for tests and the demo: about sixty codes. Not a master: users supply
//! theirs, and a code that is not here has no ICD-10 or 薬価基準コード (NULL). Source: 支払基金 基本マスター b, y.

use std::collections::HashMap;

/// 傷病名コード → ICD-10 (2013), sorted by code.
const DISEASES: &[(&str, &str)] = &[
    ("0798002", "B24"),
    ("1519006", "C169"),
    ("1539004", "C189"),
    ("1629006", "C349"),
    ("1749008", "C509"),
    ("2500013", "E14"),
    ("2500014", "E10"),
    ("2500015", "E11"),
    ("2503005", "E142"),
    ("2720004", "E780"),
    ("2724007", "E785"),
    ("2749004", "M1009"),
    ("2961003", "F329"),
    ("4139007", "I209"),
    ("4273006", "I489"),
    ("4289015", "I509"),
    ("4659007", "J069"),
    ("4660009", "J209"),
    ("4779004", "J304"),
    ("4871001", "J111"),
    ("4939008", "J459"),
    ("5234016", "K053"),
    ("5301002", "K210"),
    ("5351003", "K295"),
    ("5718008", "K760"),
    ("6918002", "L209"),
    ("7262008", "M750"),
    ("7330006", "M8199"),
    ("7805017", "G473"),
    ("7906015", "E790"),
    ("8832376", "I219"),
    ("8833421", "I10"),
    ("8838708", "I639"),
    ("8839404", "E669"),
    ("8839792", "G470"),
    ("8840042", "K590"),
    ("8840107", "I10"),
    ("8840829", "M5456"),
    ("8842116", "N185"),
    ("8842549", "G309"),
    ("8843836", "K029"),
    ("8844106", "N189"),
    ("8844446", "E785"),
    ("8850104", "U071"),
];

/// 医薬品コード → 薬価基準収載医薬品コード, sorted by code.
const DRUGS: &[(&str, &str)] = &[
    ("610443014", "2189015F2020"),
    ("612170710", "2171022F2025"),
    ("620002477", "2189017F1022"),
    ("620003074", "3943001F1012"),
    ("620007150", "1149019F1013"),
    ("620007853", "2171022F2017"),
    ("620009451", "2329023F1012"),
    ("621676001", "3962002F1110"),
    ("621951001", "3969010F2030"),
    ("622098501", "2189015F2054"),
    ("622134101", "1129009F1017"),
    ("622341901", "3969019F1027"),
    ("622365601", "2149040F3010"),
    ("622401201", "3969023F1023"),
    ("622920301", "1179054F1103"),
    ("629907801", "2499418G2024"),
];

fn find(list: &'static [(&'static str, &'static str)], code: &str) -> Option<&'static str> {
    let at = list.binary_search_by_key(&code, |&(key, _)| key).ok()?;
    list.get(at).map(|&(_, value)| value)
}

/// The masters of a run: the user's files, and the codes that ship.
pub(super) struct Masters {
    diseases: HashMap<String, String>,
    drugs: HashMap<String, String>,
}

impl Masters {
    pub(super) fn builtin() -> Self {
        Self { diseases: HashMap::new(), drugs: HashMap::new() }
    }

    /// ICD-10 (2013) of a 傷病名コード.
    pub(super) fn icd10(&self, code: &str) -> Option<&str> {
        self.diseases.get(code).map(String::as_str).or_else(|| find(DISEASES, code))
    }

    /// 薬価基準収載医薬品コード of a 医薬品コード.
    pub(super) fn yj(&self, code: &str) -> Option<&str> {
        self.drugs.get(code).map(String::as_str).or_else(|| find(DRUGS, code))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;

    #[test]
    fn sorted_and_found() {
        let masters = Masters::builtin();
        assert!(DISEASES.is_sorted_by(|a, b| a.0 < b.0));
        assert!(DRUGS.is_sorted_by(|a, b| a.0 < b.0));
        assert_eq!(masters.icd10("2500015"), Some("E11"));
        assert_eq!(masters.yj("622098501"), Some("2189015F2054"));
        assert_eq!(masters.icd10("0000999"), None);
        assert!(DISEASES.iter().all(|(code, icd)| code.len() == 7 && icd.len() <= 5));
        assert!(DRUGS.iter().all(|(code, yj)| code.len() == 9 && yj.len() == 12));
    }
}
