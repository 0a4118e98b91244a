//! Rows as the resolver keeps them: one for each spelling of a source, however many packages repeat it. Not the clusters they form.

use std::hash::{BuildHasher, RandomState};

use crate::identity::{Identity, PASSES, Pass};
use crate::profile::UNKNOWN;
use crate::tokens::NONE;

/// What decisions need of a row: 104 bytes instead of an [`Identity`]'s 320.
#[derive(Clone, Copy)]
pub(crate) struct Row {
    /// Token numbers within each pass; `NONE` where it has none.
    pub(crate) tokens: [u32; PASSES],
    /// The next older row with the same token, by pass.
    pub(crate) chain: [u32; PASSES],
    pub(crate) insurer: Option<u64>,
    pub(crate) first: i32,
    pub(crate) last: i32,
    /// `UNKNOWN` if it is.
    pub(crate) birth: i32,
    /// Coverage; `UNKNOWN` if there is none. Open coverage ends where it was last known to go on.
    pub(crate) from: i32,
    pub(crate) to: i32,
    pub(crate) open: bool,
    /// `i32::MAX` if none.
    pub(crate) death: i32,
    pub(crate) source: u16,
    pub(crate) sex: u8,
    /// Passes whose token its source spread too widely.
    pub(crate) ignored: u8,
}

impl Row {
    /// `numbers`: its tokens' within each pass. `horizon` closes open coverage.
    pub(crate) fn of(record: &Identity, numbers: [u32; PASSES], ignored: u8, horizon: i32) -> Row {
        let (from, to, open) = match record.coverage {
            Some((from, to)) => (from, to.unwrap_or(horizon).max(from), to.is_none()),
            None => (UNKNOWN, UNKNOWN, false),
        };
        Row {
            tokens: numbers,
            chain: [NONE; PASSES],
            insurer: record.insurer,
            first: record.first_day,
            last: record.end(),
            birth: record.birth_month.unwrap_or(UNKNOWN),
            from,
            to,
            open,
            death: record.death.unwrap_or(i32::MAX),
            source: record.source,
            sex: record.known_sex(),
            ignored,
        }
    }

    /// Numbers that are unique over all passes, without ignored tokens.
    pub(crate) fn usable(&self) -> [u32; PASSES] {
        let mut usable = self.tokens;
        for (pass, slot) in Pass::ALL.into_iter().zip(&mut usable) {
            *slot = if self.ignored & pass.bit() == 0 { global(*slot, pass) } else { NONE };
        }
        usable
    }
}

/// A pass's number as one that is unique over all passes.
pub(crate) fn global(number: u32, pass: Pass) -> u32 {
    if number == NONE { NONE } else { number * PASSES as u32 + pass as u32 }
}

/// All rows, in the order in which they were taken.
#[derive(Default)]
pub(crate) struct Rows {
    pub(crate) all: Vec<Row>,
    /// How often each came.
    pub(crate) times: Vec<u32>,
}

impl Rows {
    pub(crate) fn get(&self, row: u32) -> Option<&Row> {
        self.all.get(row as usize)
    }

    pub(crate) fn get_mut(&mut self, row: u32) -> Option<&mut Row> {
        self.all.get_mut(row as usize)
    }

    /// All tokens of a row by pass; `NONE` where it has none that counts.
    pub(crate) fn row(&self, row: u32) -> [u32; PASSES] {
        self.get(row).map_or([NONE; PASSES], Row::usable)
    }

    /// A row's token of a pass, if it has one that counts.
    pub(crate) fn token(&self, row: u32, pass: Pass) -> Option<u32> {
        let row = self.get(row)?;
        let number = row.tokens.get(pass.index()).copied()?;
        (number != NONE && row.ignored & pass.bit() == 0).then(|| global(number, pass))
    }

    pub(crate) fn source(&self, row: u32) -> u16 {
        self.get(row).map_or(0, |row| row.source)
    }

    pub(crate) fn insurer(&self, row: u32) -> Option<u64> {
        self.get(row)?.insurer
    }
}

/// A spelling's fingerprint: everything of a row but its days. 96 bits under secret keys of the process: nobody can aim at a collision,
/// and by chance a billion lookups among a hundred million spellings meet one with a probability below 10^-11.
pub(crate) type Print = [u32; 3];

/// How many words a fingerprint is made of.
const WORDS: usize = 2 * PASSES + 4;

/// Makes fingerprints: 64 bits of SipHash, and the upper 32 of a multilinear hash (strongly universal), each with keys of its own.
#[derive(Clone)]
pub(crate) struct Prints {
    sip: RandomState,
    keys: [u64; WORDS],
}

impl Default for Prints {
    fn default() -> Self {
        let keys = RandomState::new();
        Prints { sip: RandomState::new(), keys: std::array::from_fn(|at| keys.hash_one(at)) }
    }
}

impl Prints {
    /// The fingerprint of a spelling that may be recognised when it comes again: it has a name or a personal number. What has only a
    /// family's number or a hint might be somebody else the next time, and so might whoever is said to have died.
    pub(crate) fn of(&self, record: &Identity) -> Option<Print> {
        let named = RECOGNISED.iter().any(|pass| record.token(*pass).is_some());
        (named && record.death.is_none()).then(|| {
            let birth = record.birth_month.unwrap_or(UNKNOWN);
            let coverage = record.coverage.map(|(from, to)| (from, to.map(|to| to.max(from))));
            self.print(record.source, record.known_sex(), birth, record.insurer, coverage, &record.tokens)
        })
    }

    pub(crate) fn print(
        &self,
        source: u16,
        sex: u8,
        birth: i32,
        insurer: Option<u64>,
        coverage: Option<(i32, Option<i32>)>,
        tokens: &[Option<u128>; PASSES],
    ) -> Print {
        let bits = |day: i32| u64::from(day.cast_unsigned());
        let present = tokens.iter().enumerate().fold(0u64, |bits, (at, token)| bits | u64::from(token.is_some()) << at);
        let (from, to) = coverage.unwrap_or_default();
        let marks = [insurer.is_some(), coverage.is_some(), to.is_some()];
        let marks = marks.into_iter().zip(7..).fold(0u64, |bits, (mark, at)| bits | u64::from(mark) << at);
        let mut words = [0u64; WORDS];
        let lead = [
            u64::from(source) << 16 | u64::from(sex) << 10 | marks | present,
            bits(birth),
            insurer.unwrap_or_default(),
            bits(from) << 32 | bits(to.unwrap_or_default()),
        ];
        let tokens = tokens.iter().flat_map(|token| {
            let token = token.unwrap_or_default();
            // Both halves of 128 bits, each of which fits.
            [(token >> 64) as u64, token as u64]
        });
        for (slot, word) in words.iter_mut().zip(lead.into_iter().chain(tokens)) {
            *slot = word;
        }
        let a = self.sip.hash_one(words);
        let products = words.iter().zip(&self.keys).map(|(word, key)| word.wrapping_mul(*key));
        let b = products.fold(0u64, u64::wrapping_add);
        [(b >> 32) as u32, (a >> 32) as u32, a as u32]
    }
}

/// The passes by which a spelling is recognised when it comes again.
pub(crate) const RECOGNISED: [Pass; 4] = [Pass::Member, Pass::Individual, Pass::Id2, Pass::Id4];

/// A map by fingerprint; the fingerprint is its own hash.
pub(crate) type ByPrint = std::collections::HashMap<Print, u32, PrintHash>;

#[derive(Clone, Copy, Default)]
pub(crate) struct PrintHash(u64);

impl BuildHasher for PrintHash {
    type Hasher = PrintHash;

    fn build_hasher(&self) -> PrintHash {
        *self
    }
}

impl std::hash::Hasher for PrintHash {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = self.0 << 8 | u64::from(byte);
        }
    }

    // A length tells nothing.
    fn write_usize(&mut self, _: usize) {}
}
