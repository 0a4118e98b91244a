//! Versioned code lists: what a question means by `CODELIST('t2dm-v1')`. A list is a small TOML text with a name that ends in its
//! version, the code system, whole codes, prefixes, and where they are from. Not a master of codes, and not read from data.
//!
//! A list never changes under its name without being noticed: the digest of its bytes stands in every plan that cites it.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use crate::digest::Digest;

/// Most codes and prefixes of a list.
const MOST_CODES: usize = 5_000;
/// Longest code, in bytes.
const LONGEST_CODE: usize = 32;
/// Longest text, in bytes.
const LONGEST_TEXT: usize = 1 << 20;

/// The lists that come with Sudare: worked examples with their sources, ready for use.
const BUILTIN: [&str; 3] = [
    include_str!("../codelists/t2dm-v1.toml"),
    include_str!("../codelists/hypertension-v1.toml"),
    include_str!("../codelists/dyslipidaemia-medication-v1.toml"),
];

/// Why a text is no code list. Lists are public: the message may quote them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("code list, line {line}: {message}; {help}")]
pub struct CodeListError {
    /// From 1.
    pub line: usize,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub help: &'static str,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    name: toml::Spanned<String>,
    title: toml::Spanned<String>,
    system: toml::Spanned<String>,
    source: toml::Spanned<String>,
    #[serde(default)]
    codes: Vec<toml::Spanned<String>>,
    #[serde(default)]
    prefixes: Vec<toml::Spanned<String>>,
}

/// A list of codes of one system, under a name with its version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeList {
    name: String,
    title: String,
    system: String,
    source: String,
    codes: Vec<String>,
    prefixes: Vec<String>,
    digest: Digest,
}

impl CodeList {
    /// Reads a list.
    ///
    /// # Errors
    /// The first fault: unknown or missing keys, a name without version, no source, codes that are no codes or stand twice, no code at all.
    pub fn parse(text: &str) -> Result<Self, CodeListError> {
        let at = |start: usize| text.get(..start).unwrap_or(text).matches('\n').count() + 1;
        let fault = |start: usize, message: String, help| CodeListError { line: at(start), message, help };
        if text.len() > LONGEST_TEXT {
            return Err(fault(0, format!("the text is longer than {LONGEST_TEXT} bytes"), "use prefixes"));
        }
        let raw: Raw = toml::from_str(text).map_err(|error| {
            fault(
                error.span().map_or(0, |span| span.start),
                error.message().to_owned(),
                "a list has name, title, system, source, and codes or prefixes",
            )
        })?;
        if !is_name(raw.name.get_ref()) {
            return Err(fault(
                raw.name.span().start,
                "the name isn't lower-case letters, digits and hyphens with a version at its end".to_owned(),
                "as in `t2dm-v3`: another content is another version",
            ));
        }
        for (what, field) in [("title", &raw.title), ("system", &raw.system), ("source", &raw.source)] {
            if field.get_ref().trim().is_empty() || field.get_ref().chars().any(char::is_control) {
                return Err(fault(
                    field.span().start,
                    format!("the {what} is empty or holds a control character"),
                    "say in one line where the codes are from",
                ));
            }
        }
        let mut seen = BTreeSet::new();
        let mut sorted = |list: &[toml::Spanned<String>], kind: &'static str| {
            let mut found = Vec::with_capacity(list.len());
            for code in list {
                let text = code.get_ref();
                if !is_code(text) {
                    return Err(fault(
                        code.span().start,
                        format!("this isn't a {kind}"),
                        "codes are written as in the store: ASCII letters, digits, `.` or `-`; ICD-10 without its dot",
                    ));
                }
                if !seen.insert((kind, text.clone())) {
                    return Err(fault(code.span().start, format!("this {kind} stands twice"), "list each once"));
                }
                found.push(text.clone());
            }
            found.sort_unstable();
            Ok(found)
        };
        let (codes, prefixes) = (sorted(&raw.codes, "code")?, sorted(&raw.prefixes, "prefix")?);
        if codes.is_empty() && prefixes.is_empty() {
            return Err(fault(0, "the list has no codes".to_owned(), "codes = [\"E119\"] or prefixes = [\"E11\"]"));
        }
        if codes.len() + prefixes.len() > MOST_CODES {
            return Err(fault(0, format!("the list has more than {MOST_CODES} codes"), "use prefixes"));
        }
        Ok(Self {
            name: raw.name.into_inner(),
            title: raw.title.into_inner(),
            system: raw.system.into_inner(),
            source: raw.source.into_inner(),
            codes,
            prefixes,
            digest: Digest::of(text.as_bytes()),
        })
    }

    /// Its name, version included.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// For people.
    #[must_use]
    pub fn title(&self) -> &str {
        &self.title
    }

    /// The code system, as the catalogue names it.
    #[must_use]
    pub fn system(&self) -> &str {
        &self.system
    }

    /// Where the codes are from.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Whole codes, sorted.
    #[must_use]
    pub fn codes(&self) -> &[String] {
        &self.codes
    }

    /// Prefixes, sorted.
    #[must_use]
    pub fn prefixes(&self) -> &[String] {
        &self.prefixes
    }

    /// SHA-256 of the exact bytes of the text.
    #[must_use]
    pub const fn digest(&self) -> Digest {
        self.digest
    }

    /// Whether the list speaks of a column's code system: the same name, or the same but for a remark in parentheses.
    #[must_use]
    pub fn fits(&self, column_system: &str) -> bool {
        let plain = |system: &str| system.split(" (").next().unwrap_or("").trim().to_owned();
        !self.system.is_empty() && (self.system == column_system || plain(column_system) == self.system)
    }
}

/// Lists by name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CodeLists(BTreeMap<String, CodeList>);

impl CodeLists {
    /// The lists that come with Sudare.
    ///
    /// # Errors
    /// One of them is faulty, which a test rules out.
    pub fn builtin() -> Result<Self, CodeListError> {
        let mut lists = Self::default();
        for text in BUILTIN {
            lists.add(text)?;
        }
        Ok(lists)
    }

    /// Adds a list.
    ///
    /// # Errors
    /// The text is no list, or its name is taken.
    pub fn add(&mut self, text: &str) -> Result<&CodeList, CodeListError> {
        let list = CodeList::parse(text)?;
        match self.0.entry(list.name.clone()) {
            std::collections::btree_map::Entry::Vacant(place) => Ok(place.insert(list)),
            std::collections::btree_map::Entry::Occupied(_) => Err(CodeListError {
                line: 1,
                message: format!("there is a list `{}` already", list.name),
                help: "a changed list is a new version with a new name",
            }),
        }
    }

    /// The list of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&CodeList> {
        self.0.get(name)
    }

    /// All lists, by name.
    pub fn iter(&self) -> impl Iterator<Item = &CodeList> {
        self.0.values()
    }
}

fn is_code(text: &str) -> bool {
    (1..=LONGEST_CODE).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.' || b == b'-')
}

/// `words-and-digits-v3`.
fn is_name(text: &str) -> bool {
    let Some((stem, version)) = text.rsplit_once("-v") else { return false };
    text.len() <= 64
        && !stem.is_empty()
        && !stem.starts_with('-')
        && stem.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !version.is_empty()
        && !version.starts_with('0')
        && version.bytes().all(|b| b.is_ascii_digit())
}
