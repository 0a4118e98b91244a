//! A lifelog service's list of users: who a user id is, and whose files these are. Not the files themselves.

use std::collections::HashMap;
use std::io::BufRead;

use crate::read::desk::Desk;
use crate::read::error::ReadError;
use crate::read::header::{self, Fate, Row};
use crate::read::identity::Tuple;
use crate::read::number;
use crate::read::report::Kind;
use crate::read::text::Encoding;

const USER: usize = 0;
const NAME: usize = 1;
const KANA: usize = 2;
const BIRTH: usize = 3;
const SEX: usize = 4;
const POSTCODE: usize = 5;
const INSURER: usize = 6;
const SYMBOL: usize = 7;
const NUMBER: usize = 8;
const BRANCH: usize = 9;
const FILES: usize = 10;

/// Reads a roster.
pub(in crate::read) fn read<R: BufRead>(
    desk: &mut Desk<'_>,
    file: &str,
    encoding: Encoding,
    input: R,
) -> Result<(), ReadError> {
    desk.rosters = true;
    header::rows(desk, Kind::Roster, header::ROSTER, file, encoding, input, &mut user)
}

fn user(desk: &mut Desk<'_>, row: &Row<'_>) -> Result<Fate, ReadError> {
    let text = |field| row.text(field);
    let Some(id) = text(USER) else {
        return Ok(Fate::Malformed("user-missing"));
    };
    let (name, kana, birth, sex) = (text(NAME), text(KANA), text(BIRTH), text(SEX));
    let (postcode, insurer) = (text(POSTCODE), text(INSURER));
    let (symbol, no, branch) = (text(SYMBOL), text(NUMBER), text(BRANCH));
    let tuple = Tuple {
        insurer_no: insurer.as_deref(),
        symbol: symbol.as_deref(),
        number: no.as_deref(),
        branch: branch.as_deref(),
        name: name.as_deref(),
        kana: kana.as_deref(),
        birth: birth.as_deref(),
        sex: sex.as_deref(),
        postcode: postcode.as_deref(),
        ..Tuple::default()
    };
    if tuple.nobody() {
        return Ok(Fate::Unusable("no-identity"));
    }
    if number::loose_day(row.bytes(BIRTH)).is_none() {
        desk.tally.value_lost(Kind::Roster, "birth-date", row.file, row.line);
    }
    let ident = desk.identities.of(Kind::Roster, &tuple);
    let known = desk.users.get(id.as_ref()).copied();
    // One user id for two people: nobody can say whose days these are, so the first stays and the second is shown.
    if known.is_some_and(|known| known != ident) {
        return Ok(Fate::Unusable("user-twice"));
    }
    let mut more = false;
    if let Some(names) = text(FILES) {
        for name in names.split([';', '；']).filter(|name| !name.trim().is_empty()) {
            match desk.user_files.add(name, ident) {
                Added::New => more = true,
                Added::Known => {}
                Added::Disputed => desk.tally.value_lost(Kind::Roster, "file-of-two-users", row.file, row.line),
                Added::Unusable => desk.tally.value_lost(Kind::Roster, "file-name", row.file, row.line),
            }
        }
    }
    match known {
        // A user's further rows may each name a further file.
        Some(_) if !more => desk.tally.repaired(Kind::Roster, "row-twice"),
        Some(_) => {}
        None => {
            desk.users.insert(id.into_owned(), ident);
        }
    }
    Ok(Fate::Kept)
}

/// Path elements of a name in the roster at most.
const ELEMENTS: usize = 16;

/// What became of a file name of the roster.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::read) enum Added {
    New,
    Known,
    /// Another user has it too: from now on it is nobody's.
    Disputed,
    Unusable,
}

/// Files of users: names of files, zips or folders, or paths of several elements (`U1/export.xml`).
#[derive(Default)]
pub(in crate::read) struct UserFiles {
    /// `None`: two users have it.
    owners: HashMap<String, Option<u32>>,
    /// Elements of the longest name.
    longest: usize,
}

impl UserFiles {
    fn add(&mut self, name: &str, ident: u32) -> Added {
        let elements = elements(name);
        if elements.is_empty() || elements.len() > ELEMENTS {
            return Added::Unusable;
        }
        self.longest = self.longest.max(elements.len());
        match self.owners.entry(elements.join("/")) {
            std::collections::hash_map::Entry::Vacant(free) => {
                free.insert(Some(ident));
                Added::New
            }
            std::collections::hash_map::Entry::Occupied(taken) if *taken.get() == Some(ident) => Added::Known,
            std::collections::hash_map::Entry::Occupied(mut taken) => {
                taken.insert(None);
                Added::Disputed
            }
        }
    }

    /// Whose file this is. The match that ends deepest in the path wins, of those the longest; a name that two users
    /// have is nobody's, and nothing less specific is tried then.
    pub(in crate::read) fn of(&self, shown: &str) -> Option<u32> {
        if self.owners.is_empty() {
            return None;
        }
        let path = elements(shown);
        for end in (1..=path.len()).rev() {
            for start in end.saturating_sub(self.longest)..end {
                let owner = path.get(start..end).and_then(|part| self.owners.get(&part.join("/")));
                if let Some(owner) = owner {
                    return *owner;
                }
            }
        }
        None
    }
}

/// The elements of a path, an archive's entry included (`x.zip!/a/b`): both separators, kana composed.
fn elements(path: &str) -> Vec<String> {
    path.split(['/', '\\'])
        .map(|element| composed(element.trim().trim_end_matches('!')))
        .filter(|element| !element.is_empty() && element != ".")
        .collect()
}

/// macOS writes ガ in file names as カ and a combining mark; rosters are typed with one character.
fn composed(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        let joined = match c {
            '\u{3099}' => out.chars().next_back().and_then(voiced),
            '\u{309A}' => out.chars().next_back().and_then(half_voiced),
            _ => None,
        };
        if joined.is_some() {
            out.pop();
        }
        out.push(joined.unwrap_or(c));
    }
    out
}

fn voiced(base: char) -> Option<char> {
    match base {
        'う' => Some('ゔ'),
        'ウ' => Some('ヴ'),
        'か' | 'き' | 'く' | 'け' | 'こ' | 'さ' | 'し' | 'す' | 'せ' | 'そ' | 'た' | 'ち' | 'つ' | 'て' | 'と'
        | 'は' | 'ひ' | 'ふ' | 'へ' | 'ほ' | 'カ' | 'キ' | 'ク' | 'ケ' | 'コ' | 'サ' | 'シ' | 'ス' | 'セ' | 'ソ'
        | 'タ' | 'チ' | 'ツ' | 'テ' | 'ト' | 'ハ' | 'ヒ' | 'フ' | 'ヘ' | 'ホ' => {
            char::from_u32(u32::from(base) + 1)
        }
        _ => None,
    }
}

fn half_voiced(base: char) -> Option<char> {
    match base {
        'は' | 'ひ' | 'ふ' | 'へ' | 'ほ' | 'ハ' | 'ヒ' | 'フ' | 'ヘ' | 'ホ' => {
            char::from_u32(u32::from(base) + 2)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;

    #[test]
    fn the_most_specific_name_wins() {
        let mut files = UserFiles::default();
        assert_eq!(files.add("x.zip", 1), Added::New);
        assert_eq!(files.add("u2", 2), Added::New);
        assert_eq!(files.add("u2/special.xml", 3), Added::New);
        assert_eq!(files.add("own.xml", 4), Added::New);
        assert_eq!(files.add(".\\ガ.xml", 5), Added::New);
        assert_eq!(files.of("in/x.zip!/apple_health_export/export.xml"), Some(1));
        assert_eq!(files.of("/data/u2/export.xml"), Some(2));
        assert_eq!(files.of("/data/u2/special.xml"), Some(3));
        assert_eq!(files.of("/data/special.xml"), None);
        assert_eq!(files.of("in/x.zip!/own.xml"), Some(4), "a file's own name is more specific than the zip's");
        assert_eq!(files.of("カ\u{3099}.xml"), Some(5));
        assert_eq!(files.of("x.zip.part/xx.zip"), None, "whole names only");
    }

    #[test]
    fn a_name_of_two_users_is_nobodys() {
        let mut files = UserFiles::default();
        assert_eq!(files.add("in", 1), Added::New);
        assert_eq!(files.add("export.xml", 1), Added::New);
        assert_eq!(files.add("export.xml", 1), Added::Known);
        assert_eq!(files.add("export.xml", 2), Added::Disputed);
        assert_eq!(files.of("in/export.xml"), None, "nothing less specific is tried");
        assert_eq!(files.of("in/other.xml"), Some(1));
        assert_eq!(files.add(" / ", 1), Added::Unusable);
    }
}
