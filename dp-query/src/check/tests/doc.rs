//! docs/query-language.md: every example is checked, every refused one is refused as the page shows it, and every function and refusal
//! of the checker is on the page. `SUDARE_WRITE_DOCS=1` writes the refusals into the page.

use datasets::catalogue::Catalogue;
use policies::{CodeLists, PriceError};

use crate::check::function::AGGREGATES;
use crate::check::window::WINDOW_FUNCTIONS;
use crate::mechanism::MechanismError;
use crate::quote::QuoteError;
use crate::run::fixture::population;
use crate::{PublicFile, References, check_with};

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/query-language.md");

/// A fenced block: the words behind the fence, its lines.
struct Block {
    info: String,
    text: String,
}

fn blocks(page: &str) -> Vec<Block> {
    let mut found = Vec::new();
    let mut open: Option<Block> = None;
    for line in page.lines() {
        match (line.strip_prefix("```"), &mut open) {
            (Some(info), None) => open = Some(Block { info: info.to_owned(), text: String::new() }),
            (Some(_), Some(_)) => found.extend(open.take()),
            (None, Some(block)) => {
                block.text.push_str(line);
                block.text.push('\n');
            }
            (None, None) => {}
        }
    }
    found
}

/// The page with each refusal below its question.
fn rewritten(page: &str, refusals: &[String]) -> String {
    let mut refusals = refusals.iter();
    let mut out = String::new();
    let mut lines = page.lines().peekable();
    while let Some(line) = lines.next() {
        out.push_str(line);
        out.push('\n');
        if !line.starts_with("```sql refused") {
            continue;
        }
        for line in lines.by_ref() {
            out.push_str(line);
            out.push('\n');
            if line == "```" {
                break;
            }
        }
        if lines.peek() == Some(&"```text") {
            while lines.next().is_some_and(|line| line != "```") {}
        }
        out.push_str(&format!("```text\n{}\n```\n", refusals.next().unwrap()));
    }
    out
}

#[test]
fn every_example_is_as_the_page_says() {
    let page = std::fs::read_to_string(PAGE).unwrap();
    let catalogue = Catalogue::builtin().unwrap();
    let lists = CodeLists::builtin().unwrap();
    let blocks = blocks(&page);
    let public: Vec<PublicFile> = blocks
        .iter()
        .filter_map(|b| Some(PublicFile { name: b.info.strip_prefix("csv ")?.to_owned(), text: b.text.clone() }))
        .collect();
    let references = References { lists: &lists, public: &public };
    let (mut passed, mut refusals, mut wrong) = (0, Vec::new(), String::new());
    for block in &blocks {
        let answer = |text: &str| check_with(text, &catalogue, &population(), references);
        match block.info.split_once(' ') {
            None if block.info == "sql" => match answer(&block.text) {
                Ok(_) => passed += 1,
                Err(refusal) => wrong.push_str(&format!("{refusal}\n\n")),
            },
            Some(("sql", code)) => match answer(&block.text) {
                Err(refusal) if Some(refusal.code()) == code.strip_prefix("refused ") => {
                    refusals.push(refusal.to_string())
                }
                Err(refusal) => wrong.push_str(&format!("wanted {code}: {refusal}\n\n")),
                Ok(_) => wrong.push_str(&format!("passed, wanted {code}:\n{}\n", block.text)),
            },
            _ => {}
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
    assert!(passed >= 10 && refusals.len() >= 25, "{passed} examples, {} refusals", refusals.len());
    let want = rewritten(&page, &refusals);
    if std::env::var_os("SUDARE_WRITE_DOCS").is_some() {
        std::fs::write(PAGE, &want).unwrap();
    } else if let Some((found, wanted)) = page.lines().zip(want.lines()).find(|(found, wanted)| found != wanted) {
        panic!("the page shows `{found}`, the checker says `{wanted}`; SUDARE_WRITE_DOCS=1 writes it");
    }
}

/// The words between backticks, examples apart.
fn code_words(page: &str) -> std::collections::BTreeSet<String> {
    let mut fenced = false;
    let mut found = std::collections::BTreeSet::new();
    for line in page.lines() {
        if line.starts_with("```") {
            fenced = !fenced;
        } else if !fenced {
            for span in line.split('`').skip(1).step_by(2) {
                found.extend(span.split(|c: char| !c.is_alphanumeric() && c != '_').map(ToOwned::to_owned));
            }
        }
    }
    found
}

/// One of each kind; a new kind doesn't compile before it stands here, and then on the page.
fn prices() -> Vec<QuoteError> {
    let all = vec![
        QuoteError::Option { option: "confidence", reason: "not between 0 and 1".to_owned() },
        QuoteError::DeltaNeeded,
        QuoteError::StrictNeedsDelta,
        QuoteError::OpenInPureRoom,
        QuoteError::TooSmall,
        QuoteError::TooLarge { asked: "500".to_owned(), limit: "20".parse().unwrap() },
        QuoteError::MarginOfMean,
        QuoteError::MarginTooNarrow { margin: "0.1".to_owned() },
        QuoteError::Mechanism(MechanismError::TooNoisy),
        QuoteError::Mechanism(MechanismError::TooQuiet),
        QuoteError::Mechanism(MechanismError::Failed),
        QuoteError::Price(PriceError::Free),
        QuoteError::Price(PriceError::Range),
        QuoteError::Price(PriceError::Delta),
        QuoteError::Price(PriceError::Contradiction),
        QuoteError::Plan("list of outputs"),
    ];
    for error in &all {
        match error {
            QuoteError::Option { .. }
            | QuoteError::DeltaNeeded
            | QuoteError::StrictNeedsDelta
            | QuoteError::OpenInPureRoom
            | QuoteError::TooSmall
            | QuoteError::TooLarge { .. }
            | QuoteError::MarginOfMean
            | QuoteError::MarginTooNarrow { .. }
            | QuoteError::Mechanism(MechanismError::TooNoisy | MechanismError::TooQuiet | MechanismError::Failed)
            | QuoteError::Price(PriceError::Free | PriceError::Range | PriceError::Delta | PriceError::Contradiction)
            | QuoteError::Plan(_) => {}
        }
    }
    all
}

#[test]
fn every_refusal_of_the_price_is_on_the_page() {
    let page = std::fs::read_to_string(PAGE).unwrap();
    let missing: Vec<String> =
        prices().iter().map(ToString::to_string).filter(|said| !page.contains(&format!("| {said} |"))).collect();
    assert!(missing.is_empty(), "not in docs/query-language.md: {missing:#?}");
}

#[test]
fn every_function_and_refusal_is_on_the_page() {
    let page = std::fs::read_to_string(PAGE).unwrap();
    let mut missing: Vec<String> = Vec::new();
    // Names that calls are matched by, and codes of refusals, as they stand in the checker's source.
    let mut sources = Vec::new();
    let mut folders = vec![std::path::PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/src"))];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.ends_with("tests") {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                sources.push(std::fs::read_to_string(path).unwrap());
            }
        }
    }
    let mut codes = 0;
    for source in &sources {
        for piece in source.split("Problem::new(").skip(1) {
            let Some(code) = piece.trim_start().strip_prefix('"').and_then(|rest| rest.split('"').next()) else {
                continue;
            };
            codes += 1;
            if !page.contains(&format!("`{code}`")) {
                missing.push(code.to_owned());
            }
        }
    }
    assert!(codes > 100, "the scan found {codes} refusals only");
    let function = sources.iter().find(|s| s.contains("pub(crate) const AGGREGATES")).unwrap();
    let body = function.split("match call.name.as_str()").nth(1).unwrap().split("_ => Err(unknown").next().unwrap();
    let scalar: Vec<&str> = body
        .lines()
        .filter(|line| line.contains("=>") && line.trim_start().starts_with('"'))
        .flat_map(|line| {
            line.split("=>")
                .next()
                .unwrap()
                .split('"')
                .filter(|w| w.chars().all(|c| c.is_ascii_uppercase() || c == '_') && w.len() > 1)
        })
        .collect();
    assert!(scalar.len() >= 20, "{scalar:?}");
    // SUBSTR and EXTRACT have a syntax of their own, and no name in the source.
    let named = code_words(&page);
    for name in scalar.iter().chain(&AGGREGATES).chain(&WINDOW_FUNCTIONS).chain(&["SUBSTR", "EXTRACT"]) {
        if !named.contains(*name) {
            missing.push((*name).to_owned());
        }
    }
    assert!(missing.is_empty(), "not in docs/query-language.md: {missing:?}");
}
