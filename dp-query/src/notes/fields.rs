//! Lines of a text with their prefixes, written and strictly read. Not what they mean.

use std::fmt::Write as _;
use std::str::FromStr;

use jiff::civil::Date;
use policies::{Delta, Digest, Epsilon, Kind, Price, Rho};

use super::NotesError;

/// Stands before every line of the question, so that no line of it can pass for a field.
const QUOTED: &str = "| ";

pub(super) fn quote(text: &mut String, block: &str) {
    for line in block.split('\n') {
        let _ = writeln!(text, "{QUOTED}{line}");
    }
}

pub(super) fn name(what: &'static str, text: &str) -> Result<String, NotesError> {
    if text.is_empty() || text.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err(NotesError::Name(what));
    }
    Ok(text.to_owned())
}

pub(super) fn canonical(text: &str, written: &str) -> Result<(), NotesError> {
    if text == written { Ok(()) } else { Err(NotesError::Spelling) }
}

pub(super) fn write_price(text: &mut String, policy: Digest, price: &Price, expires: Date) {
    let _ = write!(
        text,
        "policy: {policy}\naccount: {}\nepsilon: {}\ndelta: {}\nrho: {}\nfailure: {}\nexpires: {expires}\n",
        price.kind(),
        price.epsilon(),
        price.delta(),
        price.rho(),
        price.failure(),
    );
}

pub(super) fn read_price(fields: &mut Fields<'_>) -> Result<(Digest, Price, Date), NotesError> {
    let policy = fields.read("policy: ")?;
    let kind = match fields.take("account: ")? {
        "pure" => Kind::Pure,
        "zcdp" => Kind::Zcdp,
        _ => return Err(fields.expected("account: pure|zcdp")),
    };
    let epsilon: Epsilon = fields.read("epsilon: ")?;
    let delta: Delta = fields.read("delta: ")?;
    let rho: Rho = fields.read("rho: ")?;
    let failure: Delta = fields.read("failure: ")?;
    let expires = fields.read("expires: ")?;
    Ok((policy, Price::new(kind, epsilon, delta, rho, failure)?, expires))
}

/// The lines of a text, one after the other.
pub(super) struct Fields<'a> {
    rest: &'a str,
    line: usize,
}

impl<'a> Fields<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { rest: text, line: 0 }
    }

    pub(super) fn done(&self) -> bool {
        self.rest.is_empty()
    }

    pub(super) fn expected(&self, expected: &'static str) -> NotesError {
        NotesError::Line { line: self.line, expected }
    }

    /// The next line, which must start with this prefix and end in a newline; without prefix.
    pub(super) fn take(&mut self, prefix: &'static str) -> Result<&'a str, NotesError> {
        self.line += 1;
        let (line, rest) = self.rest.split_once('\n').ok_or_else(|| self.expected(prefix))?;
        self.rest = rest;
        line.strip_prefix(prefix).ok_or_else(|| self.expected(prefix))
    }

    /// The quoted lines that follow.
    pub(super) fn quoted(&mut self) -> Result<Vec<&'a str>, NotesError> {
        let mut lines = Vec::new();
        while self.rest.starts_with(QUOTED) {
            lines.push(self.take(QUOTED)?);
        }
        Ok(lines)
    }

    pub(super) fn header(&mut self, text: &'static str) -> Result<(), NotesError> {
        match self.take(text)? {
            "" => Ok(()),
            _ => Err(self.expected(text)),
        }
    }

    pub(super) fn read<T: FromStr>(&mut self, prefix: &'static str) -> Result<T, NotesError> {
        let text = self.take(prefix)?;
        text.parse().map_err(|_| self.expected(prefix))
    }
}
