//! A second, naive reading of the generated files, so that the generator is not judged by the readers it was written for.

#![allow(dead_code, unreachable_pub, clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use datasets::synth::{SynthOptions, SynthReport, generate};

pub struct World {
    pub dir: tempfile::TempDir,
    pub report: SynthReport,
}

pub fn world(options: &SynthOptions) -> World {
    let dir = tempfile::tempdir().unwrap();
    let report = generate(dir.path(), options, &|_| {}).unwrap();
    World { dir, report }
}

pub fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found.sort();
    found
}

pub fn text(path: &Path) -> String {
    let bytes = std::fs::read(path).unwrap();
    match std::str::from_utf8(&bytes) {
        Ok(text) => text.trim_start_matches('\u{feff}').to_owned(),
        Err(_) => {
            let (text, _, bad) = encoding_rs::SHIFT_JIS.decode(&bytes);
            assert!(!bad, "{path:?} is neither UTF-8 nor CP932");
            text.into_owned()
        }
    }
}

pub fn rows(path: &Path) -> Vec<Vec<String>> {
    text(path).lines().map(|line| line.split(',').map(str::to_owned).collect()).collect()
}

/// Rows of an eligibility list by header name.
pub fn table(path: &Path) -> Vec<BTreeMap<String, String>> {
    let mut rows = rows(path).into_iter();
    let header = rows.next().unwrap();
    rows.map(|row| {
        assert_eq!(row.len(), header.len(), "{path:?}");
        header.iter().cloned().zip(row).collect()
    })
    .collect()
}

/// YYYYMMDD of a date in any of the forms that are written.
pub fn date(text: &str) -> i32 {
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    let number: i32 = digits.parse().unwrap();
    if digits.len() == 7 {
        let first = match number / 1_000_000 {
            3 => 1925,
            4 => 1988,
            _ => 2018,
        };
        return (first + number / 10_000 % 100) * 10_000 + number % 10_000;
    }
    number
}

/// Completed years between two YYYYMMDD.
pub fn age(birth: i32, on: i32) -> i32 {
    (on - birth).div_euclid(10_000)
}

pub struct Receipt {
    pub pharmacy: bool,
    /// Lines without the three leading items, by (line, branch); billed ones and the clearing body's.
    pub lines: Vec<(u32, u32, u32, Vec<String>)>,
}

impl Receipt {
    pub fn one(&self, record: &str) -> &[String] {
        let found = |line: &&(u32, u32, u32, Vec<String>)| line.0 == 1 && line.3[0] == record;
        &self.lines.iter().find(found).unwrap().3
    }

    pub fn billed(&self) -> i64 {
        self.one("HO")[5].parse().unwrap()
    }

    /// Records as billed.
    pub fn original(&self) -> Vec<&[String]> {
        self.lines.iter().filter(|line| line.0 == 1).map(|line| line.3.as_slice()).collect()
    }

    /// Records after the corrections; empty if there are none.
    pub fn corrected(&self) -> Vec<&[String]> {
        let mut lines: Vec<_> = self.lines.iter().filter(|line| line.0 == 1).collect();
        let mut any = false;
        for jy in self.lines.iter().filter(|line| line.3[0] == "JY") {
            any = true;
            let n = |at: usize| jy.3[at].parse::<u32>().unwrap();
            let at = lines.iter().position(|line| (line.1, line.2) == (n(2), n(3))).expect("JY points at a line");
            match n(1) {
                2 => {
                    let new = |line: &&(u32, u32, u32, Vec<String>)| line.0 == 2 && (line.1, line.2) == (n(6), n(7));
                    lines[at] = self.lines.iter().find(new).expect("JY names its new line");
                }
                3 => drop(lines.remove(at)),
                other => panic!("JY {other}"),
            }
        }
        if any { lines.into_iter().map(|line| line.3.as_slice()).collect() } else { Vec::new() }
    }
}

pub fn receipts(dir: &Path) -> Vec<Receipt> {
    let mut all: Vec<Receipt> = Vec::new();
    for path in files(dir).iter().filter(|path| path.extension().is_some_and(|e| e == "CSV")) {
        let pharmacy = path.to_string_lossy().contains("PHA");
        for row in rows(path) {
            if row[3] == "MN" {
                all.push(Receipt { pharmacy, lines: Vec::new() });
            }
            let n = |at: usize| row[at].parse().unwrap();
            all.last_mut().unwrap().lines.push((n(0), n(1), n(2), row[3..].to_vec()));
        }
    }
    all
}

/// All checkup documents below a folder: (name in the archive, text).
pub fn checkups(dir: &Path) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for path in files(dir).iter().filter(|path| path.extension().is_some_and(|e| e == "zip")) {
        let mut archive = zip::ZipArchive::new(std::fs::File::open(path).unwrap()).unwrap();
        for index in 0..archive.len() {
            let mut file = archive.by_index(index).unwrap();
            let mut text = String::new();
            file.read_to_string(&mut text).unwrap();
            found.push((file.name().unwrap().into_owned(), text));
        }
    }
    found
}

/// What stands between two marks, from the first occurrence of the first.
pub fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    let start = text.find(before)? + before.len();
    let rest = &text[start..];
    Some(&rest[..rest.find(after)?])
}

/// The value of an item in a checkup document.
pub fn item(document: &str, code: &str) -> Option<f64> {
    let entry = between(document, &format!("<code code=\"{code}\""), "</observation>")?;
    let value = between(entry, "<value ", "/>")?;
    between(value, " value=\"", "\"").or(between(value, " code=\"", "\""))?.parse().ok()
}

pub fn mean(values: impl IntoIterator<Item = f64>) -> f64 {
    let (mut sum, mut count) = (0.0, 0.0);
    for value in values {
        sum += value;
        count += 1.0;
    }
    sum / count
}
