//! 傷病名コード → ICD-10 and 医薬品コード → 薬価基準収載医薬品コード: from master files that the user gives (支払基金 基本マスター
//! b and y), and a few facts from them for tests and the demo. Not a master by itself: a code that is in neither has no
//! ICD-10 and no 薬価基準コード (NULL).

use std::collections::HashMap;
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use super::error::{Place, ReadError};
use super::lines::{Items, Lines, Met};
use super::text;

/// Columns of the masters, from 0: マスター種別, コード, 移行先コード, ICD10-1 (2013), 薬価基準収載医薬品コード.
const MASTER: usize = 1;
const CODE: usize = 2;
const MOVED_TO: usize = 3;
const ICD10: usize = 15;
const YJ: usize = 31;
/// Fewest columns: b has 46, y 40, later editions more (y of 2026: 43).
const WIDTH: usize = 40;

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
    ("4375001", "I675"),
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
    ("8847337", "C833"),
    ("8850104", "U071"),
    ("9170003", "S908"),
    ("9599001", "T149"),
];

/// 医薬品コード → 薬価基準収載医薬品コード, sorted by code.
const DRUGS: &[(&str, &str)] = &[
    ("610406079", "2325003B2029"),
    ("610406378", "8114004G3020"),
    ("610406382", "1149032F1035"),
    ("610406383", "1149032F2031"),
    ("610406386", "6250002D1024"),
    ("610406387", "1149032F1027"),
    ("610406388", "1149032F2023"),
    ("610406389", "2329027D1028"),
    ("610406390", "3969004F1020"),
    ("610406391", "3969004F2027"),
    ("610406392", "1169008F1026"),
    ("610406398", "2129012M1020"),
    ("610406401", "4490011F2028"),
    ("610406406", "4490011F2036"),
    ("610406407", "2251001G1025"),
    ("610407001", "4490016M1023"),
    ("610407003", "2149035F1025"),
    ("610407004", "2149035F2021"),
    ("610407005", "2149015G1023"),
    ("610407019", "2149036F1020"),
    ("610407020", "2149036F2026"),
    ("610407021", "2149036F3022"),
    ("610407022", "4291007F1021"),
    ("610407025", "3259114S1026"),
    ("610407028", "2183005G2028"),
    ("610407139", "2391002F1025"),
    ("610407140", "2399008F1020"),
    ("610407141", "3160002M2028"),
    ("610407147", "2149037F1032"),
    ("610407148", "2149037F2039"),
    ("610407447", "2233002F2022"),
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

/// Codes of digits, all of one length, as numbers: they are looked up for every row.
struct Shipped {
    length: usize,
    codes: Vec<u32>,
    values: &'static [(&'static str, &'static str)],
}

impl Shipped {
    fn new(values: &'static [(&'static str, &'static str)]) -> Self {
        let length = values.first().map_or(0, |(code, _)| code.len());
        Self { length, codes: values.iter().map(|(code, _)| number(code)).collect(), values }
    }

    fn find(&self, code: &str) -> Option<&'static str> {
        if code.len() != self.length || !code.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let at = self.codes.binary_search(&number(code)).ok()?;
        self.values.get(at).map(|&(_, value)| value)
    }
}

/// At most nine digits.
fn number(code: &str) -> u32 {
    code.bytes().fold(0, |number: u32, byte| number.wrapping_mul(10).wrapping_add(u32::from(byte.wrapping_sub(b'0'))))
}

/// A code of letters and digits of this length.
fn is(text: &str, least: usize, most: usize) -> bool {
    (least..=most).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Which {
    Disease,
    Drug,
}

impl Which {
    /// Which master a line is of, by its マスター種別, width and code.
    fn of(items: &Items) -> Option<Self> {
        let code = items.get(CODE).trim_ascii();
        let digits = code.iter().all(u8::is_ascii_digit);
        match items.get(MASTER).trim_ascii() {
            b"B" if digits && code.len() == 7 && items.len() >= WIDTH => Some(Self::Disease),
            b"Y" if digits && code.len() == 9 && code.starts_with(b"6") && items.len() >= WIDTH => Some(Self::Drug),
            _ => None,
        }
    }
}

/// The masters of a run: the user's files, and the codes that ship.
pub(super) struct Masters {
    diseases: HashMap<String, String>,
    drugs: HashMap<String, String>,
    shipped_diseases: Shipped,
    shipped_drugs: Shipped,
}

impl Masters {
    pub(super) fn builtin() -> Self {
        Self {
            diseases: HashMap::new(),
            drugs: HashMap::new(),
            shipped_diseases: Shipped::new(DISEASES),
            shipped_drugs: Shipped::new(DRUGS),
        }
    }

    /// Reads the user's master files. Codes that were abolished still map: old claims hold them.
    pub(super) fn load(paths: &[PathBuf]) -> Result<Self, ReadError> {
        let mut masters = Self::builtin();
        for path in paths {
            masters.file(path)?;
        }
        Ok(masters)
    }

    fn file(&mut self, path: &Path) -> Result<(), ReadError> {
        let shown = path.display().to_string();
        let failed = |error: &std::io::Error| ReadError::io(&shown, error);
        let mut lines = Lines::new(BufReader::new(File::open(path).map_err(|error| failed(&error))?));
        let mut items = Items::default();
        let mut known: Option<Which> = None;
        let mut moved: Vec<(String, String)> = Vec::new();
        let wrong = |line, what: &str| {
            let help = "Give the files of the 基本マスター as they are published: b (傷病名) and y (医薬品), unpacked";
            Err(ReadError::refused(Place::line(&shown, line), "not-a-master", what, help))
        };
        loop {
            let met = lines.advance().map_err(|error| failed(&error))?;
            if met == Met::End {
                break;
            }
            let line = lines.number();
            if line == 1 && lines.line.starts_with(b"PK\x03\x04") {
                return wrong(line, "this is an archive");
            }
            if line == 1 {
                // Codes are ASCII: whatever the encoding, only the mark matters.
                let mark = text::encoding(&lines.line).map_or(0, |(_, mark)| mark);
                lines.line.drain(..mark);
            }
            if met == Met::TooLong || !items.quoted(&lines.line, b',') {
                return wrong(line, "this is neither a 傷病名 nor a 医薬品 master, or it is damaged here");
            }
            let which = Which::of(&items);
            match (which, known) {
                (None, None) => return wrong(line, "this is neither a 傷病名 nor a 医薬品 master"),
                (Some(which), Some(before)) if which == before => {}
                (Some(which), None) => known = Some(which),
                _ => return wrong(line, "this line does not fit the master that the lines before it are"),
            }
            let text = |at: usize| std::str::from_utf8(items.get(at).trim_ascii()).unwrap_or("");
            match which {
                Some(Which::Disease) if is(text(ICD10), 1, 7) => {
                    self.diseases.insert(text(CODE).to_owned(), text(ICD10).to_owned());
                }
                Some(Which::Disease) if is(text(MOVED_TO), 7, 7) => {
                    moved.push((text(CODE).to_owned(), text(MOVED_TO).to_owned()));
                }
                Some(Which::Drug) if is(text(YJ), 12, 12) => {
                    self.drugs.insert(text(CODE).to_owned(), text(YJ).to_owned());
                }
                _ => {}
            }
        }
        if known.is_none() {
            return wrong(0, "the file is empty");
        }
        for (code, successor) in moved {
            if let Some(icd10) = self.diseases.get(&successor).cloned() {
                self.diseases.entry(code).or_insert(icd10);
            }
        }
        Ok(())
    }

    /// ICD-10 (2013) of a 傷病名コード.
    pub(super) fn icd10(&self, code: &str) -> Option<&str> {
        self.diseases.get(code).map(String::as_str).or_else(|| self.shipped_diseases.find(code))
    }

    /// 薬価基準収載医薬品コード of a 医薬品コード.
    pub(super) fn yj(&self, code: &str) -> Option<&str> {
        self.drugs.get(code).map(String::as_str).or_else(|| self.shipped_drugs.find(code))
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
        assert!(DISEASES.iter().all(|&(code, icd)| masters.icd10(code) == Some(icd)));
        assert!(DRUGS.iter().all(|&(code, yj)| masters.yj(code) == Some(yj)));
        assert_eq!(masters.yj("62209850:"), None);
    }
}
