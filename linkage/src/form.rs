//! How rows and lists are written and read: numbers as LEB128, zigzag where they have a sign, differences where they are small. The
//! reader trusts no byte. What is written, and in which order, stands in `bytes`.

use crate::error::LinkageError;
use crate::identity::{PASSES, Pass};
use crate::index::{Doubt, Entry, Index};
use crate::pattern::{FIELDS, Pattern};
use crate::profile::UNKNOWN;
use crate::report::Refusal;
use crate::rows::{Row, Rows};
use crate::score::Doubtful;
use crate::tokens::NONE;

pub(crate) type Done<T> = Result<T, LinkageError>;

pub(crate) const fn damaged(what: &'static str) -> LinkageError {
    LinkageError::State(what)
}

/// FNV-1a over words of eight bytes: against accidents. Against people there is the seal.
pub(crate) fn checksum(bytes: &[u8]) -> u64 {
    bytes.chunks(8).fold(0xcbf2_9ce4_8422_2325, |sum: u64, chunk| {
        let mut word = [0; 8];
        word.iter_mut().zip(chunk).for_each(|(slot, byte)| *slot = *byte);
        let sum = (sum ^ u64::from_le_bytes(word)).wrapping_mul(0x100_0000_01b3);
        sum ^ sum >> 29
    })
}

/// Which optional parts of a row follow.
const INSURER: u8 = 1;
const COVERED: u8 = 2;
const OPEN: u8 = 4;
const DEATH: u8 = 8;
const IGNORED: u8 = 16;
const SEX: u8 = 32;

pub(crate) struct Writer(pub(crate) Vec<u8>);

impl Writer {
    pub(crate) fn number(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    pub(crate) fn size(&mut self, value: usize) {
        self.number(value as u64);
    }

    pub(crate) fn signed(&mut self, value: i64) {
        self.number((value << 1 ^ value >> 63).cast_unsigned());
    }

    pub(crate) fn row(&mut self, row: &Row, times: u32, next: &mut [u32; PASSES]) {
        let flag = |on: bool, bit: u8| if on { bit } else { 0 };
        self.0.push(
            flag(row.insurer.is_some(), INSURER)
                | flag(row.from != UNKNOWN, COVERED)
                | flag(row.open, OPEN)
                | flag(row.death != i32::MAX, DEATH)
                | flag(row.ignored != 0, IGNORED)
                | (row.sex * SEX),
        );
        let present = row.tokens.iter().zip(0..).fold(0u8, |bits, (&token, at)| bits | u8::from(token != NONE) << at);
        self.0.push(present);
        self.number(u64::from(row.source));
        self.number(u64::from(times));
        for (&token, next) in row.tokens.iter().zip(next) {
            if token != NONE {
                // New tokens are numbered as their rows are taken.
                self.signed(i64::from(*next) - i64::from(token));
                *next = (*next).max(token + 1);
            }
        }
        if let Some(insurer) = row.insurer {
            self.0.extend(insurer.to_le_bytes());
        }
        self.signed(i64::from(row.first));
        self.signed(i64::from(row.last) - i64::from(row.first));
        self.signed(i64::from(row.birth));
        if row.from != UNKNOWN {
            self.signed(i64::from(row.from) - i64::from(row.first));
            self.signed(i64::from(row.to) - i64::from(row.from));
        }
        if row.death != i32::MAX {
            self.signed(i64::from(row.death));
        }
        if row.ignored != 0 {
            self.0.push(row.ignored);
        }
    }
}

pub(crate) struct Reader<'a>(pub(crate) &'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) fn take(&mut self, size: usize) -> Done<&'a [u8]> {
        let (front, rest) = self.0.split_at_checked(size).ok_or(damaged("length"))?;
        self.0 = rest;
        Ok(front)
    }

    pub(crate) fn byte(&mut self) -> Done<u8> {
        let (&byte, rest) = self.0.split_first().ok_or(damaged("length"))?;
        self.0 = rest;
        Ok(byte)
    }

    pub(crate) fn number(&mut self) -> Done<u64> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(damaged("number"))
    }

    pub(crate) fn short<T: TryFrom<u64>>(&mut self, what: &'static str) -> Done<T> {
        T::try_from(self.number()?).map_err(|_| damaged(what))
    }

    /// A count of things of which each takes at least so many bytes.
    pub(crate) fn size(&mut self, each: usize) -> Done<usize> {
        let size: usize = self.short("size")?;
        if size > self.0.len() / each { Err(damaged("size")) } else { Ok(size) }
    }

    pub(crate) fn signed(&mut self) -> Done<i64> {
        let value = self.number()?;
        Ok((value >> 1).cast_signed() ^ -(value & 1).cast_signed())
    }

    /// A 32-bit day at a distance from another.
    pub(crate) fn day(&mut self, from: i32) -> Done<i32> {
        let day = i64::from(from).checked_add(self.signed()?).ok_or(damaged("day"))?;
        i32::try_from(day).map_err(|_| damaged("day"))
    }

    /// A place below `limit` that lies a distance after another.
    pub(crate) fn place_after(&mut self, from: i64, limit: usize, what: &'static str) -> Done<u32> {
        let place = from.checked_add(self.signed()?).ok_or(damaged(what))?;
        u32::try_from(place).ok().filter(|&place| (place as usize) < limit).ok_or(damaged(what))
    }

    /// A place below `limit` that lies a distance before one; `minus` is that one's negative.
    pub(crate) fn place(&mut self, minus: i64, limit: usize, what: &'static str) -> Done<u32> {
        let place = minus.checked_add(self.signed()?).and_then(i64::checked_neg).ok_or(damaged(what))?;
        u32::try_from(place).ok().filter(|&place| (place as usize) < limit).ok_or(damaged(what))
    }

    pub(crate) fn wide(&mut self, count: usize) -> Done<Vec<u128>> {
        let bytes = self.take(count.checked_mul(16).ok_or(damaged("length"))?)?;
        let (words, _) = bytes.as_chunks::<16>();
        Ok(words.iter().map(|word| u128::from_le_bytes(*word)).collect())
    }

    pub(crate) fn rows(&mut self, tokens: &[Vec<u128>]) -> Done<Rows> {
        let count = self.size(6)?;
        if count > NONE as usize / (PASSES + 1) {
            return Err(damaged("rows"));
        }
        let mut rows = Rows { all: Vec::with_capacity(count), times: Vec::with_capacity(count) };
        let mut next = [0u32; PASSES];
        for _ in 0..count {
            let (row, times) = self.row(tokens, &mut next)?;
            rows.all.push(row);
            rows.times.push(times);
        }
        Ok(rows)
    }

    pub(crate) fn row(&mut self, known: &[Vec<u128>], next: &mut [u32; PASSES]) -> Done<(Row, u32)> {
        let (flags, present) = (self.byte()?, self.byte()?);
        let source = self.short("source")?;
        let times = self.short("times")?;
        let mut tokens = [NONE; PASSES];
        for (at, ((slot, next), known)) in (0u8..).zip(tokens.iter_mut().zip(next).zip(known)) {
            if present >> at & 1 != 0 {
                *slot = self.place(-i64::from(*next), known.len(), "token")?;
                *next = (*next).max(*slot + 1);
            }
        }
        let insurer = if flags & INSURER == 0 {
            None
        } else {
            let bytes = self.take(8)?.first_chunk::<8>().ok_or(damaged("length"))?;
            Some(u64::from_le_bytes(*bytes))
        };
        let first = self.day(0)?;
        let last = self.day(first)?;
        let birth = self.day(0)?;
        let (from, to) = if flags & COVERED == 0 {
            (UNKNOWN, UNKNOWN)
        } else {
            let from = self.day(first)?;
            (from, self.day(from)?)
        };
        let death = if flags & DEATH == 0 { i32::MAX } else { self.day(0)? };
        let ignored = if flags & IGNORED == 0 { 0 } else { self.byte()? };
        let sex = flags / SEX;
        if sex > 2 || present >> PASSES != 0 || ignored >> PASSES != 0 {
            return Err(damaged("row"));
        }
        let open = flags & OPEN != 0;
        let chain = [NONE; PASSES];
        let row = Row { tokens, chain, insurer, first, last, birth, from, to, open, death, source, sex, ignored };
        Ok((row, times))
    }

    /// A pair of rows in doubt.
    pub(crate) fn pair(&mut self, count: usize) -> Done<Doubtful> {
        let (row, other): (u32, u32) = (self.short("pair")?, self.short("pair")?);
        if row as usize >= count || other as usize >= count {
            return Err(damaged("pair"));
        }
        let mut levels = [None; FIELDS];
        for level in &mut levels {
            *level = Some(self.byte()?).filter(|&level| level != u8::MAX);
        }
        let mut float = || {
            let bytes = self.take(8)?.first_chunk::<8>().ok_or(damaged("length"))?;
            Ok(f64::from_bits(u64::from_le_bytes(*bytes)))
        };
        let (weight, posterior) = (float()?, float()?);
        let why = Refusal::ALL.get(self.short::<usize>("pair")?).copied().ok_or(damaged("pair"))?;
        Ok(Doubtful { row, other, pattern: Pattern::of(levels), weight, posterior, why })
    }

    pub(crate) fn index(&mut self, rows: &Rows) -> Done<Index> {
        let tokens = self.size(1)?;
        let mut index = Index::default();
        let mut last = 0i64;
        for token in 0..tokens {
            let size = self.size(2)?;
            let mut entries = Vec::with_capacity(size);
            for _ in 0..size {
                let row = self.place_after(last, rows.all.len(), "entry")?;
                last = i64::from(row);
                let tag = self.byte()?;
                let branch = match tag % 3 {
                    0 => NONE,
                    1 => rows.token(row, Pass::Member).unwrap_or(NONE),
                    _ => self.short("branch")?,
                };
                let doubt = match tag / 3 {
                    0 => Doubt::Firm,
                    1 => Doubt::Within,
                    2 => Doubt::Between,
                    _ => return Err(damaged("doubt")),
                };
                entries.push(Entry::new(row, rows.source(row), branch, doubt));
            }
            index.list(token, entries);
        }
        // Rows look under every token of theirs.
        let most = rows.all.iter().flat_map(Row::usable).filter(|&token| token != NONE).max();
        if most.is_some_and(|most| most as usize >= tokens) {
            return Err(damaged("index"));
        }
        Ok(index)
    }
}
