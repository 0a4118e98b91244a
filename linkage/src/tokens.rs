//! Tokens as dense numbers. Screening is next door, in `screen`.

use std::collections::HashMap;

use crate::error::LinkageError;
use crate::identity::{Identity, PASSES, Pass};
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

/// One pass of a growing numbering.
#[derive(Default)]
pub(crate) struct Numbers {
    /// Keyed by a secret of the process, so that no input makes it slow; it is never walked in its own order.
    of: HashMap<u128, u32>,
    /// The newest row under each token; the older ones follow by `Row::chain`.
    latest: Vec<u32>,
}

impl Numbers {
    pub(crate) fn from_tokens(tokens: &[u128]) -> Numbers {
        let mut of = HashMap::with_capacity(tokens.len());
        of.extend(tokens.iter().copied().zip(0u32..));
        Numbers { of, latest: vec![NONE; tokens.len()] }
    }

    /// Whether no token has two numbers.
    pub(crate) fn are_distinct(&self) -> bool {
        self.of.len() == self.latest.len()
    }

    /// The tokens by number.
    pub(crate) fn tokens(&self) -> Vec<u128> {
        let mut tokens = vec![0; self.latest.len()];
        for (&token, &number) in &self.of {
            if let Some(slot) = tokens.get_mut(number as usize) {
                *slot = token;
            }
        }
        tokens
    }

    pub(crate) fn len(&self) -> usize {
        self.latest.len()
    }

    /// The number of a token that has one.
    pub(crate) fn known(&self, token: u128) -> u32 {
        self.of.get(&token).copied().unwrap_or(NONE)
    }

    /// The numbers of tokens in their order; new ones get the next.
    pub(crate) fn number(&mut self, tokens: impl Iterator<Item = Option<u128>>) -> Result<Vec<u32>, LinkageError> {
        let mut numbers = Vec::with_capacity(tokens.size_hint().0);
        for token in tokens {
            numbers.push(match token {
                None => NONE,
                Some(token) => {
                    let next = u32::try_from(self.latest.len()).unwrap_or(NONE);
                    let number = *self.of.entry(token).or_insert(next);
                    if number == next {
                        self.latest.push(NONE);
                    }
                    number
                }
            });
        }
        // Numbers of all passes share 32 bits.
        let limit = NONE as usize / PASSES;
        if self.latest.len() >= limit {
            return Err(LinkageError::TooManyRows { rows: self.latest.len(), limit });
        }
        Ok(numbers)
    }

    /// Puts a row before the others that carry a token, and tells which was the newest so far.
    pub(crate) fn lead(&mut self, number: u32, row: u32) -> u32 {
        self.latest.get_mut(number as usize).map_or(NONE, |slot| std::mem::replace(slot, row))
    }

    /// The rows under a token, newest first.
    pub(crate) fn carriers<'a>(&self, number: u32, pass: Pass, rows: &'a Rows) -> impl Iterator<Item = u32> + use<'a> {
        let first = self.latest.get(number as usize).copied().unwrap_or(NONE);
        let next = move |&row: &u32| rows.get(row).and_then(|row| row.chain.get(pass.index()).copied());
        std::iter::successors(Some(first), next).take_while(|&row| row != NONE)
    }
}
