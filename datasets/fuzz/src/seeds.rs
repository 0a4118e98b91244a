//! Seeds of the fuzzer: small synthetic files of every format, by reader, with a canary in the place of names and numbers.
//! Not a corpus in git: they are made anew from the generator.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use datasets::synth::{Formats, SynthOptions, generate};

/// Stands where a name stood. Whoever finds it in an error has found a leak.
pub const CANARY: &str = "カナリヤヒミツ";
/// Stands where a 番号 stood.
pub const CANARY_NUMBER: &str = "7391846205";

/// What one reader is fed with.
#[derive(Default)]
pub struct Seeds {
    /// Whole files.
    pub inputs: Vec<Vec<u8>>,
    /// Files beside the input that this reader needs, by name.
    pub beside: Vec<(&'static str, Vec<u8>)>,
}

/// Readers, by the name of the target and what tells its files from the others.
pub const TARGETS: [&str; 14] = [
    "eligibility",
    "roster",
    "daily",
    "claims_payer",
    "claims_provider",
    "checkup_xml",
    "checkup_csv",
    "fhir",
    "apple",
    "fitbit",
    "mapped",
    "consent",
    "opt_out",
    "archive",
];

/// Longest seed: the fuzzer's speed is that of its inputs.
const LONGEST: usize = 24 * 1024;

/// Seeds of every reader, from one tiny population.
pub fn seeds() -> BTreeMap<&'static str, Seeds> {
    let dir = tempfile::tempdir().expect("a folder for seeds");
    let root = dir.path().join("world");
    let options = SynthOptions {
        persons: 120,
        months: 13,
        seed: 11,
        threads: 1,
        lifelog_share: 0.6,
        apple_users: 2,
        fitbit_users: 2,
        fhir_users: 2,
        formats: Formats::all(),
        ..SynthOptions::default()
    };
    generate(&root, &options, &|_| {}).expect("synthetic seeds");
    let mut all: BTreeMap<&'static str, Seeds> = TARGETS.iter().map(|name| (*name, Seeds::default())).collect();
    for path in files(&root) {
        let bytes = std::fs::read(&path).expect("a seed file");
        let name = path.strip_prefix(&root).unwrap_or(&path).display().to_string();
        let Some(target) = target(&name) else {
            continue;
        };
        let mut inputs = Vec::new();
        if bytes.starts_with(b"PK") {
            add(&mut all, "archive", shortest_archive(&bytes));
            inputs.extend(unzipped(&bytes).into_iter().take(3));
        } else {
            inputs.push(bytes);
        }
        for bytes in inputs {
            add(&mut all, target, shorten(target, &canary(target, &bytes)));
        }
    }
    // One in two hundred opts out, which is nobody of so few.
    let out = format!(
        "保険者番号,記号,番号,枝番,氏名,カナ氏名,生年月日,性別,オプトアウト日\r\n06139992,1001,{CANARY_NUMBER},01,{CANARY},{CANARY},19800101,1,20240401\r\n"
    );
    add(&mut all, "opt_out", out.clone().into_bytes());
    add(&mut all, "opt_out", encoding_rs::SHIFT_JIS.encode(&out).0.into_owned());
    let roster = all.get("roster").and_then(|seeds| seeds.inputs.first().cloned()).unwrap_or_default();
    let roster = named(&roster);
    for target in ["daily", "apple", "fitbit", "fhir", "mapped", "archive"] {
        if let Some(seeds) = all.get_mut(target) {
            seeds.beside.push(("roster.csv", roster.clone()));
        }
    }
    all
}

fn add(all: &mut BTreeMap<&'static str, Seeds>, target: &str, bytes: Vec<u8>) {
    if let Some(seeds) = all.get_mut(target)
        && seeds.inputs.len() < 24
        && !bytes.is_empty()
    {
        seeds.inputs.push(bytes);
    }
}

fn target(name: &str) -> Option<&'static str> {
    Some(match name {
        name if name.contains("truth") => return None,
        name if name.ends_with("eligibility.csv") => "eligibility",
        name if name.ends_with("roster.csv") => "roster",
        name if name.contains("daily-") => "daily",
        name if name.contains("RECODEINFO") => "claims_payer",
        name if name.to_ascii_uppercase().ends_with(".UKE") => "claims_provider",
        name if name.contains("lifelog/apple") => "apple",
        name if name.contains("lifelog/fitbit") => "fitbit",
        name if name.contains("fhir/") => "fhir",
        name if name.ends_with("dock.csv") => "checkup_csv",
        name if name.ends_with(".zip") => "checkup_xml",
        name if name.ends_with("consent.csv") => "consent",
        name if name.ends_with("opt-out.csv") => "opt_out",
        name if name.ends_with(".csv") => "mapped",
        _ => return None,
    })
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

fn unzipped(bytes: &[u8]) -> Vec<Vec<u8>> {
    let Ok(mut zip) = zip::ZipArchive::new(std::io::Cursor::new(bytes)) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for at in 0..zip.len() {
        let mut text = Vec::new();
        if zip.by_index(at).is_ok_and(|mut file| file.read_to_end(&mut text).is_ok()) {
            found.push(text);
        }
    }
    found
}

/// An archive of the first files of this one.
fn shortest_archive(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (at, text) in unzipped(bytes).into_iter().take(2).enumerate() {
        let text = shorten("apple", &canary("apple", &canary("checkup_xml", &text)));
        let started = zip.start_file(format!("a/f{at}.xml"), zip::write::SimpleFileOptions::default());
        if started.is_err() || zip.write_all(&text).is_err() {
            return Vec::new();
        }
    }
    zip.finish().map(std::io::Cursor::into_inner).unwrap_or_default()
}

/// The file as text, if it is UTF-8 or CP932, and whether it was CP932.
fn text(bytes: &[u8]) -> (String, bool) {
    match std::str::from_utf8(bytes) {
        Ok(text) => (text.to_owned(), false),
        Err(_) => (encoding_rs::SHIFT_JIS.decode(bytes).0.into_owned(), true),
    }
}

/// The file with the canary in the place of names and numbers.
fn canary(target: &str, bytes: &[u8]) -> Vec<u8> {
    let (text, cp932) = text(bytes);
    let text = match target {
        "checkup_xml" => within(&text, "<patient><name>", "</name>", CANARY),
        "apple" => within(&text, "sourceName=\"", "\"", CANARY),
        "fhir" => {
            let mut text = text;
            for key in ["\"family\":\"", "\"family\": \"", "\"text\":\"", "\"text\": \""] {
                text = within(&text, key, "\"", CANARY);
            }
            text
        }
        "claims_payer" => records(&text, 3),
        "claims_provider" => records(&text, 0),
        "fitbit" => text,
        _ => columns(&text),
    };
    if cp932 { encoding_rs::SHIFT_JIS.encode(&text).0.into_owned() } else { text.into_bytes() }
}

fn within(text: &str, before: &str, after: &str, put: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((head, tail)) = rest.split_once(before) {
        out.push_str(head);
        out.push_str(before);
        out.push_str(put);
        rest = tail.find(after).and_then(|at| tail.get(at..)).unwrap_or("");
    }
    out + rest
}

/// RE of claims: the name in column 4.
fn records(text: &str, shift: usize) -> String {
    let line = |line: &str| {
        let mut items: Vec<&str> = line.split(',').collect();
        let record = items.get(shift).copied();
        if record == Some("RE")
            && let Some(name) = items.get_mut(shift + 4)
        {
            *name = CANARY;
        }
        if record == Some("HO")
            && let Some(number) = items.get_mut(shift + 3)
        {
            *number = CANARY_NUMBER;
        }
        items.join(",")
    };
    text.split('\n').map(line).collect::<Vec<_>>().join("\n")
}

fn columns(text: &str) -> String {
    let mut lines = text.split('\n');
    let header = lines.next().unwrap_or("");
    let titles: Vec<&str> = header.split(',').map(|title| title.trim_matches(['\u{feff}', '\r'])).collect();
    let mut out = vec![header.to_owned()];
    for line in lines {
        let mut items: Vec<&str> = line.split(',').collect();
        if items.len() == titles.len() {
            for (title, item) in titles.iter().zip(&mut items) {
                match *title {
                    "氏名" | "カナ氏名" => *item = CANARY,
                    "番号" => *item = CANARY_NUMBER,
                    _ => {}
                }
            }
        }
        out.push(items.join(","));
    }
    out.join("\n")
}

/// The first lines; JSON documents and archives stay whole.
fn shorten(target: &str, bytes: &[u8]) -> Vec<u8> {
    if bytes.len() <= LONGEST || target == "fhir" && !bytes.contains(&b'\n') {
        return bytes.to_vec();
    }
    let mut cut = bytes.get(..LONGEST).unwrap_or(bytes).to_vec();
    if let Some(end) = cut.iter().rposition(|byte| *byte == b'\n') {
        cut.truncate(end + 1);
    }
    if target == "apple" {
        cut.extend_from_slice(b"</HealthData>\n");
    }
    cut
}

/// The roster with one more user to whom the fuzzer's own file belongs.
fn named(roster: &[u8]) -> Vec<u8> {
    let (mut text, _) = text(roster);
    text.push_str(&format!("UFUZZ,{CANARY},{CANARY},1980-01-01,1,100-0001,,,,,input\n"));
    text.into_bytes()
}
