//! Opt-outs: rows and identities of listed persons stay at the source. A person is listed under every spelling that
//! shares a token with an entry of a list; that two spellings are one person for other reasons is not looked at here.
//!
//! The lists are read before anything else and every batch tells the identities that are new in it, so a row is judged
//! when it passes; what was wrongly let through would stop the run at its end, before the package has a manifest.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use polars::prelude::{BooleanChunked, DataFrame, DataType, UInt32Chunked};

use crate::frames::{FrameError, Shaped};
use crate::identities::{IDENTITY, Identifiers};
use crate::token::{PASSES, Pass, SourceKeys, Token};
use crate::tombstones::{self, Listed, Tokens, finding};

/// Under this name: entries of lists that no other spelling can be compared with, for want of anything readable.
const VAGUE: &str = "entries that tell nobody";

/// Under this name: identities with a name or a number, but without the birth date and sex by which they could be compared with
/// the list. They may be somebody on it.
const UNCOMPARED: &str = "identities that can't be compared with the list";

/// The column of a reader's identity frame that marks entries of opt-out lists.
const LISTED: &str = "opted_out";

/// Who is listed, and what was kept back.
#[derive(Default)]
pub(crate) struct OptOuts {
    listed: Listed<Token>,
    /// All tokens of every entry.
    entries: BTreeSet<Tokens<Token>>,
    /// Numbers, as the package would show them.
    out: HashSet<u32>,
    kept_back: BTreeMap<String, u64>,
    rows_passed: bool,
    /// A first pass has told who is listed, under whatever spelling.
    learned: bool,
    /// Identities of the first pass.
    met: Vec<Tokens<Token>>,
    alone: u64,
}

impl OptOuts {
    /// First pass over a run: who is there, with all tokens. [`OptOuts::close`] ends it.
    pub(crate) fn learn(&mut self, fresh: &DataFrame, keys: &SourceKeys) -> Result<(), FrameError> {
        if fresh.height() == 0 {
            return Ok(());
        }
        let mut fresh = fresh.clone();
        fresh.rechunk_mut();
        let shaped = Shaped::new(IDENTITY, &fresh);
        let listed = listed(&shaped, &fresh)?;
        // Lists come before all else, so a run whose first identities have no entry has no list.
        if self.met.is_empty() && !self.any() && !listed.is_some_and(BooleanChunked::any) {
            return Ok(());
        }
        let identifiers = Identifiers::of(&shaped)?;
        let mut buffer = Vec::new();
        for row in 0..fresh.height() {
            let tokens = keys.tokens(&identifiers.written(row), &mut buffer);
            if is_listed(listed, row) {
                self.entry(tokens);
            } else {
                self.met.push(tokens);
            }
        }
        zeroize::Zeroize::zeroize(&mut buffer);
        Ok(())
    }

    /// Whether a list was met.
    pub(crate) fn any(&self) -> bool {
        !self.listed.is_empty()
    }

    /// Ends the first pass: who shares a token with an entry is an entry, until nobody is left who does. So a person's other
    /// spellings stay here too, those that only meet the list through a third one.
    pub(crate) fn close(&mut self) {
        self.learned = true;
        let mut rest = std::mem::take(&mut self.met);
        let there: HashSet<(Pass, Token)> = rest.iter().flat_map(finding).collect();
        let alone = self.entries.iter().filter(|entry| !finding(entry).any(|token| there.contains(&token)));
        self.alone = alone.count() as u64;
        loop {
            let before = rest.len();
            let (covered, others): (Vec<_>, Vec<_>) = rest.into_iter().partition(|tokens| self.listed.covers(tokens));
            covered.into_iter().for_each(|tokens| self.entry(tokens));
            rest = others;
            if rest.len() == before {
                break;
            }
        }
    }

    /// Entries that met nobody of this run.
    pub(crate) fn alone(&self) -> u64 {
        self.alone
    }

    /// Rows that were kept back, by table; `identity` for identities.
    pub(crate) fn kept_back(&self) -> &BTreeMap<String, u64> {
        &self.kept_back
    }

    /// Learns the identities that are new in a batch.
    pub(crate) fn meet(&mut self, fresh: &DataFrame, keys: &SourceKeys) -> Result<(), FrameError> {
        if fresh.height() == 0 {
            return Ok(());
        }
        let mut fresh = fresh.clone();
        fresh.rechunk_mut();
        let shaped = Shaped::new(IDENTITY, &fresh);
        let numbers = shaped.u32("ident")?;
        let listed = listed(&shaped, &fresh)?;
        let identifiers = Identifiers::of(&shaped)?;
        let mut buffer = Vec::new();
        // Whether a birth date can be is judged at the end of the run; until then, it counts.
        let mut tokens = |row: usize| keys.tokens(&identifiers.written(row), &mut buffer);
        let named = |row: usize| {
            let fields = identifiers.written(row);
            fields.number.is_some() || fields.name.is_some() || fields.kana.is_some()
        };
        for (row, number) in numbers.iter().enumerate() {
            if let (true, Some(number)) = (is_listed(listed, row), number) {
                let found = tokens(row);
                let vague = finding(&found).next().is_none();
                // A FHIR Patient of a listed user's id: met late, and known since the first pass, if anybody could know it.
                if self.rows_passed && !(self.learned && (vague || self.listed.covers(&found))) {
                    return Err(FrameError::LateOptOut);
                }
                self.count(VAGUE, usize::from(vague));
                self.entry(found);
                self.out.insert(keys.renumber(number));
            }
        }
        if self.listed.is_empty() {
            return Ok(());
        }
        for (row, number) in numbers.iter().enumerate() {
            let Some(number) = number else { continue };
            let found = tokens(row);
            if self.listed.covers(&found) {
                self.out.insert(keys.renumber(number));
            } else if finding(&found).next().is_none() && !is_listed(listed, row) && named(row) {
                self.count(UNCOMPARED, 1);
                self.out.insert(keys.renumber(number));
            }
        }
        zeroize::Zeroize::zeroize(&mut buffer);
        Ok(())
    }

    fn entry(&mut self, tokens: Tokens<Token>) {
        self.listed.add(&tokens);
        self.entries.insert(tokens);
    }

    /// The entries, in an order that tells nothing of the lists'.
    pub(crate) fn tombstones(&self) -> Result<DataFrame, FrameError> {
        tombstones::frame(self.entries.iter())
    }

    /// A table without the rows of listed persons; numbers are the package's.
    pub(crate) fn table(&mut self, name: &str, frame: DataFrame) -> Result<DataFrame, FrameError> {
        self.rows_passed |= frame.height() > 0;
        if self.out.is_empty() || frame.height() == 0 {
            return Ok(frame);
        }
        let kept = self.kept(name, &frame)?;
        self.count(name, frame.height() - kept.height());
        Ok(kept)
    }

    /// Whoever is marked must be known as listed by now.
    fn timely(&self, marks: &DataFrame, keys: &SourceKeys) -> Result<(), FrameError> {
        let marked = Shaped::new(IDENTITY, marks);
        let listed = listed(&marked, marks)?;
        for (row, number) in marked.u32("ident")?.iter().enumerate() {
            if is_listed(listed, row) && number.is_none_or(|number| !self.out.contains(&keys.renumber(number))) {
                return Err(FrameError::LateOptOut);
            }
        }
        Ok(())
    }

    /// Days of identities without those of the listed ones.
    pub(crate) fn days(&self, frame: DataFrame, marks: &DataFrame, keys: &SourceKeys) -> Result<DataFrame, FrameError> {
        if frame.height() == 0 {
            return Ok(frame);
        }
        self.timely(marks, keys)?;
        if self.out.is_empty() { Ok(frame) } else { self.kept(IDENTITY, &frame) }
    }

    /// Identities (of the whole run, or the new ones of a run that forgets) without the listed ones. `marks` is the frame as
    /// read.
    pub(crate) fn identities(
        &mut self,
        frame: DataFrame,
        marks: &DataFrame,
        keys: &SourceKeys,
    ) -> Result<DataFrame, FrameError> {
        self.timely(marks, keys)?;
        if self.out.is_empty() {
            return Ok(frame);
        }
        let kept = self.kept(IDENTITY, &frame)?;
        // The same question once more, of what is about to leave.
        let mut kept_tokens = vec![[None; PASSES]; kept.height()];
        let shaped = Shaped::new(IDENTITY, &kept);
        for pass in Pass::ALL {
            for (tokens, token) in kept_tokens.iter_mut().zip(shaped.binary(pass.column())?.iter()) {
                if let Some(slot) = tokens.get_mut(pass.index()) {
                    *slot = token.and_then(|token| Token::try_from(token).ok());
                }
            }
        }
        if kept_tokens.iter().any(|tokens| self.listed.covers(tokens)) {
            return Err(FrameError::LateOptOut);
        }
        self.count(IDENTITY, frame.height() - kept.height());
        Ok(kept)
    }

    fn kept(&self, name: &str, frame: &DataFrame) -> Result<DataFrame, FrameError> {
        let numbers: &UInt32Chunked = Shaped::new(name, frame).u32("ident")?;
        let stays = |number: Option<u32>| number.is_some_and(|number| !self.out.contains(&number));
        let stays: BooleanChunked = numbers.iter().map(|number| Some(stays(number))).collect();
        frame.filter(&stays).map_err(|error| FrameError::polars(name, &error))
    }

    fn count(&mut self, name: &str, rows: usize) {
        if rows > 0 {
            *self.kept_back.entry(name.to_owned()).or_default() += rows as u64;
        }
    }
}

/// The marks, if the reader makes any.
fn listed<'f>(shaped: &Shaped<'f>, frame: &'f DataFrame) -> Result<Option<&'f BooleanChunked>, FrameError> {
    match frame.column(LISTED) {
        Ok(column) => column.bool().map(Some).map_err(|_| shaped.wrong(LISTED, &DataType::Boolean)),
        Err(_) => Ok(None),
    }
}

fn is_listed(marks: Option<&BooleanChunked>, row: usize) -> bool {
    marks.and_then(|marks| marks.get(row)).unwrap_or(false)
}
