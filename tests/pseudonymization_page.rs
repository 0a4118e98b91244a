//! `docs/pseudonymization.md` is true to its word: the commands on it that need the program only are run as they are written, in their
//! order, in both languages; of those that need the source, the tests that they name exist.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::path::{Path, PathBuf};
use std::process::Command;

const PAGE: &str = include_str!("../docs/pseudonymization.md");

/// The two pages.
fn pages() -> [&'static str; 2] {
    let (english, japanese) = PAGE.split_once("\n## 日本語\n").unwrap();
    [english, japanese]
}

/// Commands in the order of the page: lines of shell blocks, then what the last column of the table has in code.
fn commands(page: &str) -> Vec<String> {
    let mut commands = Vec::new();
    let mut inside = false;
    for line in page.lines() {
        if line.starts_with("```") {
            inside = line == "```sh";
        } else if inside {
            commands.push(line.to_owned());
        } else if line.starts_with("| ") {
            let cells: Vec<&str> = line.split('|').collect();
            let code = cells[cells.len() - 2].split('`').skip(1).step_by(2);
            let is_command =
                |code: &&str| ["sudare ", "tar ", "cargo "].iter().any(|program| code.starts_with(program));
            commands.extend(code.filter(is_command).map(str::to_owned));
        }
    }
    commands
}

#[test]
fn both_languages_give_the_same_commands() {
    let [english, japanese] = pages().map(commands);
    assert_eq!(english, japanese);
    assert!(english.len() > 25, "{english:?}");
}

#[test]
fn every_command_does_what_it_is_written_for() {
    let dir = tempfile::tempdir().unwrap();
    let bin = dir.path().join("bin");
    std::fs::create_dir(&bin).unwrap();
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_sudare"), bin.join("sudare")).unwrap();
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    let mut ran = 0;
    for command in commands(pages()[0]).iter().filter(|command| !command.starts_with("cargo ")) {
        let out = Command::new("sh").args(["-c", command]).env("PATH", &path).current_dir(dir.path()).output().unwrap();
        let (said, wrong) = (String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
        assert!(out.status.success(), "{command}: {wrong}");
        if command.starts_with("tar xOf") {
            assert!(said.contains("profile sudare-norm-1"), "{said}");
        }
        if command.contains("--json") {
            assert!(said.contains("opted_out"), "{said}");
        }
        ran += 1;
    }
    assert!(ran >= 9, "{ran} commands");
}

/// Rust files under a folder.
fn sources(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|end| end == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn every_test_that_is_named_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folders = [".", "audit-log", "datasets", "pseudonymize", "linkage", "policies", "dp-query"];
    let mut all = Vec::new();
    folders.iter().for_each(|folder| sources(&root.join(folder).join("src"), &mut all));
    // The path of each file's module, and names of its tests.
    let texts: Vec<(String, String)> = all
        .iter()
        .map(|path| {
            let module = path.with_extension("").display().to_string().replace('/', "::");
            (module, std::fs::read_to_string(path).unwrap())
        })
        .collect();
    let mut named = 0;
    for command in commands(pages()[0]).iter().filter(|command| command.starts_with("cargo ")) {
        let (before, filters) = command.split_once(" -- ").unwrap_or((command, ""));
        let words: Vec<&str> = before.split(' ').collect();
        assert_eq!(words[..4], ["cargo", "test", "--release", "--workspace"], "{command}");
        let filters: Vec<&str> =
            filters.split(' ').filter(|word| !word.is_empty() && !word.starts_with("--")).collect();
        let mut files = Vec::new();
        for pair in words.windows(2).filter(|pair| pair[0] == "--test") {
            let file = folders.map(|folder| root.join(folder).join("tests").join(format!("{}.rs", pair[1])));
            files.push(
                file.into_iter().find(|file| file.is_file()).unwrap_or_else(|| panic!("{command}: no {}", pair[1])),
            );
        }
        assert_eq!(files.is_empty(), words.contains(&"--lib"), "{command}");
        for filter in filters {
            let has = |module: &str, text: &str| {
                text.contains("#[test]") && (module.contains(filter) || text.contains(&format!("fn {filter}")))
                    || text.lines().any(|line| line.trim_start().starts_with("fn ") && line.contains(filter))
            };
            let found = if files.is_empty() {
                texts.iter().any(|(module, text)| has(module, text))
            } else {
                files.iter().any(|file| has("", &std::fs::read_to_string(file).unwrap()))
            };
            assert!(found, "{command}: nothing is named {filter}");
        }
        named += 1;
    }
    assert!(named >= 12, "{named} commands");
}
