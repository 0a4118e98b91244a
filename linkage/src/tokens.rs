//! Tokens as dense numbers. Screening is next door, in `screen`.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher, RandomState};

use crate::error::LinkageError;
use crate::identity::{Identity, PASSES, Pass};
use crate::profile::UNKNOWN;
use crate::report::Report;
use crate::rows::Rows;

/// No token, no row, no cluster, no person.
pub(crate) const NONE: u32 = u32::MAX;

/// Rows × passes of token numbers of one closed set of rows, for the baselines; numbers are unique over all passes. They come from
/// sorting: same input, same numbers.
pub(crate) struct Tokens {
    of: Vec<[u32; PASSES]>,
    count: u32,
}

impl Tokens {
    /// Numbers the tokens of `passes`.
    pub(crate) fn number(records: &[Identity], passes: &[Pass], report: &mut Report) -> Tokens {
        let mut of = vec![[NONE; PASSES]; records.len()];
        let mut count = 0u32;
        for &pass in passes {
            let mut carried: Vec<(u128, u32)> =
                (0u32..).zip(records).filter_map(|(row, record)| Some((record.token(pass)?, row))).collect();
            carried.sort_unstable();
            let before = count;
            for group in carried.chunk_by(|a, b| a.0 == b.0) {
                for &(_, row) in group {
                    if let Some(slot) = of.get_mut(row as usize).and_then(|slots| slots.get_mut(pass.index())) {
                        *slot = count;
                    }
                }
                count += 1;
            }
            let counts = report.pass(pass);
            counts.rows = carried.len() as u64;
            counts.tokens = u64::from(count - before);
        }
        Tokens { of, count }
    }

    /// How many numbers were given.
    pub(crate) fn count(&self) -> usize {
        self.count as usize
    }

    /// A row's token of a pass.
    pub(crate) fn get(&self, row: u32, pass: Pass) -> Option<u32> {
        let token = self.of.get(row as usize)?.get(pass.index()).copied()?;
        (token != NONE).then_some(token)
    }
}

/// What all rows say that carry a token, whatever their source: enough to know of most tokens that no source spreads them.
#[derive(Clone, Copy)]
struct Use {
    /// The newest row; the older ones follow by `Row::chain`.
    latest: u32,
    /// Spellings that carry it, at least so many as there are.
    rows: u32,
    /// Birth month of the rows whose sex and birth month are known; `UNKNOWN` if none's are.
    birth: i32,
    /// Their sex.
    sex: u8,
    /// They disagree, or a source's use of it was ignored: look at the rows.
    mixed: bool,
}

const UNUSED: Use = Use { latest: NONE, rows: 0, birth: UNKNOWN, sex: 0, mixed: false };

/// Sex and birth month of a row: 0 and [`UNKNOWN`] if they are.
pub(crate) type Born = (u8, i32);

/// One pass of a growing numbering.
#[derive(Default)]
pub(crate) struct Numbers {
    /// Keyed by a secret of the process, so that no input makes it slow; it is never walked in its own order.
    of: HashMap<u128, u32, TokenHash>,
    uses: Vec<Use>,
    /// The last tokens, which nobody asked for yet.
    late: Vec<u128>,
}

impl Numbers {
    pub(crate) fn from_tokens(tokens: &[u128]) -> Numbers {
        let mut of = HashMap::with_capacity_and_hasher(tokens.len(), TokenHash::default());
        of.extend(tokens.iter().copied().zip(0u32..));
        Numbers { of, uses: vec![UNUSED; tokens.len()], late: Vec::new() }
    }

    /// Makes room for more tokens at once instead of little by little.
    pub(crate) fn expect(&mut self, tokens: usize) {
        self.of.reserve(tokens);
        self.uses.reserve(tokens);
    }

    /// Whether no token has two numbers.
    pub(crate) fn are_distinct(&self) -> bool {
        self.of.len() == self.uses.len()
    }

    /// The tokens by number.
    pub(crate) fn tokens(&self) -> Vec<u128> {
        let mut tokens = vec![0; self.of.len()];
        for (&token, &number) in &self.of {
            if let Some(slot) = tokens.get_mut(number as usize) {
                *slot = token;
            }
        }
        tokens.extend(&self.late);
        tokens
    }

    pub(crate) fn is_settled(&self) -> bool {
        self.late.is_empty()
    }

    /// Makes every token findable.
    pub(crate) fn settle(&mut self) {
        let late = std::mem::take(&mut self.late);
        self.of.reserve(late.len());
        let from = u32::try_from(self.of.len()).unwrap_or(NONE);
        self.of.extend(late.into_iter().zip(from..));
    }

    /// Takes in another numbering that has no token in common with this one but the first `shared`, which both have. `row` is what the
    /// other's rows are moved by. Gives what its other numbers are moved by.
    pub(crate) fn absorb(&mut self, other: Numbers, shared: u32, row: u32) -> u32 {
        let moved = u32::try_from(self.uses.len()).unwrap_or(NONE).saturating_sub(shared);
        self.late.extend(other.tokens().into_iter().skip(shared as usize));
        for (slot, used) in self.uses.iter_mut().zip(&other.uses).take(shared as usize) {
            slot.rows = slot.rows.saturating_add(used.rows);
            slot.mixed |= used.mixed || (used.birth != UNKNOWN && (slot.sex, slot.birth) != (used.sex, used.birth));
            if slot.birth == UNKNOWN {
                (slot.sex, slot.birth) = (used.sex, used.birth);
            }
        }
        let moved_row = |latest: u32| if latest == NONE { NONE } else { latest + row };
        let others = other.uses.iter().skip(shared as usize);
        self.uses.extend(others.map(|used| Use { latest: moved_row(used.latest), ..*used }));
        moved
    }

    pub(crate) fn len(&self) -> usize {
        self.uses.len()
    }

    /// The number of a token that has one.
    pub(crate) fn known(&self, token: u128) -> u32 {
        self.of.get(&token).copied().unwrap_or(NONE)
    }

    /// The number of a token; a new one gets the next. It is carried by another row of these births.
    pub(crate) fn number(&mut self, token: u128, born: Born) -> u32 {
        let next = u32::try_from(self.uses.len()).unwrap_or(NONE);
        let number = *self.of.entry(token).or_insert(next);
        if number == next {
            self.uses.push(UNUSED);
        }
        self.count(number, born);
        number
    }

    /// Numbers of all passes share 32 bits.
    pub(crate) fn check(&self) -> Result<(), LinkageError> {
        let (rows, limit) = (self.uses.len(), NONE as usize / PASSES);
        if rows >= limit { Err(LinkageError::TooManyRows { rows, limit }) } else { Ok(()) }
    }

    /// Another row carries a token.
    pub(crate) fn count(&mut self, number: u32, (sex, birth): Born) {
        let Some(slot) = self.uses.get_mut(number as usize) else { return };
        slot.rows = slot.rows.saturating_add(1);
        let known = sex != 0 && birth != UNKNOWN;
        if known && slot.birth == UNKNOWN {
            (slot.sex, slot.birth) = (sex, birth);
        }
        slot.mixed |= known && (slot.sex, slot.birth) != (sex, birth);
    }

    /// From now on its rows have to be looked at.
    pub(crate) fn suspect(&mut self, number: u32) {
        if let Some(slot) = self.uses.get_mut(number as usize) {
            slot.mixed = true;
        }
    }

    /// Whether at most so many rows carry it, all of one sex and birth month, and nobody ever suspected it.
    pub(crate) fn is_plain(&self, number: u32, rows: usize) -> bool {
        self.uses.get(number as usize).is_none_or(|slot| !slot.mixed && slot.rows as usize <= rows)
    }

    /// Puts a row before the others that carry a token, and tells which was the newest so far.
    pub(crate) fn lead(&mut self, number: u32, row: u32) -> u32 {
        self.uses.get_mut(number as usize).map_or(NONE, |slot| std::mem::replace(&mut slot.latest, row))
    }

    /// The newest row under a token.
    pub(crate) fn latest(&self, number: u32) -> u32 {
        self.uses.get(number as usize).map_or(NONE, |slot| slot.latest)
    }

    /// The rows under a token, newest first.
    pub(crate) fn carriers<'a>(&self, number: u32, pass: Pass, rows: &'a Rows) -> impl Iterator<Item = u32> + use<'a> {
        let next = move |&row: &u32| rows.get(row).and_then(|row| row.chain.get(pass.index()).copied());
        std::iter::successors(Some(self.latest(number)), next).take_while(|&row| row != NONE)
    }
}

/// Hashes tokens: two multilinear hashes over their four words (strongly universal: Thorup, "High Speed Hashing for Integers and Strings",
/// 2015), under keys of the process. Nobody who can't see the keys makes tokens that collide more often than chance.
#[derive(Clone)]
pub(crate) struct TokenHash([[u64; 5]; 2]);

impl Default for TokenHash {
    fn default() -> Self {
        let keys = RandomState::new();
        TokenHash(std::array::from_fn(|half| std::array::from_fn(|at| keys.hash_one((half, at)))))
    }
}

impl BuildHasher for TokenHash {
    type Hasher = TokenHasher;

    fn build_hasher(&self) -> TokenHasher {
        TokenHasher { keys: self.0, sum: 0 }
    }
}

pub(crate) struct TokenHasher {
    keys: [[u64; 5]; 2],
    sum: u64,
}

impl Hasher for TokenHasher {
    fn finish(&self) -> u64 {
        self.sum
    }

    fn write_u128(&mut self, token: u128) {
        let word = |at: u32| u64::from((token >> (32 * at)) as u32);
        let [a, b] = self.keys.map(|[k, k0, k1, k2, k3]| {
            let front = k0.wrapping_mul(word(0)).wrapping_add(k1.wrapping_mul(word(1)));
            let back = k2.wrapping_mul(word(2)).wrapping_add(k3.wrapping_mul(word(3)));
            k.wrapping_add(front).wrapping_add(back)
        });
        self.sum ^= a >> 32 << 32 | b >> 32;
    }

    // Tokens come whole.
    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(16) {
            let mut word = [0; 16];
            word.iter_mut().zip(chunk).for_each(|(slot, byte)| *slot = *byte);
            self.write_u128(u128::from_le_bytes(word));
        }
    }
}
