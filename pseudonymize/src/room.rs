//! The room's key: what arrives under the linkage key leaves its hands under another one.
//!
//! A source holds the linkage key and could run a dictionary over names; a thief of the room's database would hold
//! the tokens. Re-keying on arrival (as NDB re-keys ID5 at every provision) makes each of them useless to the other.
//! Linkage itself, and the store, are elsewhere.

use std::cell::Cell;

use polars::prelude::{DataFrame, DataType};
use ring::hmac;
use zeroize::Zeroizing;

use crate::frames::{FrameError, Shaped};
use crate::kdf::{self, CryptoError};
use crate::token::{PASSES, Pass, Token};

/// Secrets of a room, derived by HKDF-SHA256 (info `sudare/room/<purpose>`) from 32 random bytes that no other room
/// has. Never shown by `Debug`. The 32 bytes are wiped by their owner ([`crate::Identity`]); ring's prepared keys
/// can't be.
pub struct RoomKey {
    tokens: [hmac::Key; PASSES],
    numbers: hmac::Key,
    draws: hmac::Key,
    digests: hmac::Key,
    projects: hmac::Key,
}

impl std::fmt::Debug for RoomKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RoomKey(redacted)")
    }
}

/// Draws that one HMAC gives: 256 bits in lanes of 64. Disjoint parts of a PRF's output are independent PRFs, so
/// this costs no assumption beyond HMAC-SHA256, and rows that follow each other cost a quarter.
const LANES: u32 = 4;

impl RoomKey {
    /// A new key, kept nowhere; a room's lasting one lives in its [`crate::Identity`].
    ///
    /// # Errors
    /// No randomness.
    pub fn generate() -> Result<Self, CryptoError> {
        let mut secret = Zeroizing::new([0; 32]);
        kdf::random(secret.as_mut_slice())?;
        Self::from_secret(&secret)
    }

    /// The key that 32 secret bytes stand for.
    ///
    /// # Errors
    /// Never in practice: every derived key is 32 bytes.
    pub fn from_secret(secret: &[u8; 32]) -> Result<Self, CryptoError> {
        let prk = kdf::extract(b"", secret);
        let sub = |purpose: &str| kdf::subkey(&prk, &format!("sudare/room/{purpose}"));
        let pass = |p: Pass| sub(&format!("token/{}", p.as_str()));
        Ok(Self {
            tokens: [
                pass(Pass::Member)?,
                pass(Pass::Id1)?,
                pass(Pass::Id2)?,
                pass(Pass::Id4)?,
                pass(Pass::Individual)?,
                pass(Pass::Marriage)?,
                pass(Pass::BirthError)?,
            ],
            numbers: sub("number")?,
            draws: sub("draw")?,
            digests: sub("digest")?,
            projects: sub("project")?,
        })
    }

    /// A source's token as this room knows it.
    pub fn rekey(&self, pass: Pass, token: &Token) -> u128 {
        // `Pass::index` is below PASSES, which is the array's length.
        self.tokens.get(pass.index()).map_or(0, |key| u128::from_be_bytes(kdf::mac16(key, token)))
    }

    /// A source's keyed number (facility, workplace, insurer) as this room knows it.
    pub fn rekey_u64(&self, number: u64) -> u64 {
        kdf::mac8(&self.numbers, &number.to_le_bytes())
    }

    /// The draw of a row: a PRF of the person and the row's ordinal within person and table.
    pub fn draw(&self, person: u128, ordinal: u32) -> u64 {
        lane(&self.block(person, ordinal / LANES), ordinal)
    }

    /// The same, remembering the last block: a quarter of the work where ordinals come in order.
    pub fn draws(&self) -> impl Fn(u128, u32) -> u64 + '_ {
        let last: Cell<Option<(u128, u32, [u8; 32])>> = Cell::new(None);
        move |person, ordinal| {
            let at = ordinal / LANES;
            let block = match last.get() {
                Some((p, a, block)) if p == person && a == at => block,
                _ => {
                    let block = self.block(person, at);
                    last.set(Some((person, at, block)));
                    block
                }
            };
            lane(&block, ordinal)
        }
    }

    fn block(&self, person: u128, at: u32) -> [u8; 32] {
        let mut message = [0; 20];
        let parts = person.to_le_bytes().into_iter().chain(at.to_le_bytes());
        message.iter_mut().zip(parts).for_each(|(m, b)| *m = b);
        kdf::mac(&self.draws, &message)
    }

    /// A digest that outsiders can't compute: for what is named in the log but must not be guessed from it.
    pub fn digest(&self, bytes: &[u8]) -> [u8; 32] {
        kdf::mac(&self.digests, bytes)
    }

    /// A person's name within a project. Two projects' names of one person are independent 128-bit values, so that
    /// there is nothing to join them by.
    pub fn project_pseudonym(&self, project: &str, person: u128) -> u128 {
        let mut message = Vec::with_capacity(project.len() + 24);
        message.extend_from_slice(&(project.len() as u64).to_be_bytes());
        message.extend_from_slice(project.as_bytes());
        message.extend_from_slice(&person.to_le_bytes());
        u128::from_be_bytes(kdf::mac16(&self.projects, &message))
    }
}

fn lane(block: &[u8; 32], ordinal: u32) -> u64 {
    let mut out = [0; 8];
    let skip = (ordinal % LANES) as usize * 8;
    out.iter_mut().zip(block.iter().skip(skip)).for_each(|(o, b)| *o = *b);
    u64::from_le_bytes(out)
}

/// An identity as the room knows it: the columns of a package's identity frame, tokens re-keyed.
#[derive(Clone, PartialEq, Eq)]
pub struct RoomIdentity {
    /// Its number within the package (not dense).
    pub ident: u32,
    /// 1 male, 2 female, 0 unknown.
    pub sex: u8,
    /// The first day of the month of birth, in days since 1970-01-01.
    pub birth_ym: Option<i32>,
    /// The month of birth in months since year 0.
    pub birth_month: Option<i32>,
    /// First day seen, in days since 1970-01-01.
    pub first_day: Option<i32>,
    /// Last day seen.
    pub last_day: Option<i32>,
    /// Coverage: first day and, if it ended, last day.
    pub coverage: Option<(i32, Option<i32>)>,
    /// The insurer, keyed.
    pub insurer: Option<u64>,
    /// Day of death.
    pub death: Option<i32>,
    /// The first three digits of the postcode.
    pub postcode3: Option<u16>,
    /// Tokens by [`Pass::ALL`].
    pub tokens: [Option<u128>; PASSES],
}

impl std::fmt::Debug for RoomIdentity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RoomIdentity").field("ident", &self.ident).finish_non_exhaustive()
    }
}

/// Re-keys a package's identity frame.
///
/// # Errors
/// A column is missing or has another type, or a token isn't 16 bytes.
pub fn rekey_identities(frame: &DataFrame, key: &RoomKey) -> Result<Vec<RoomIdentity>, FrameError> {
    // A package of tombstones or a bridge has none.
    if frame.width() == 0 {
        return Ok(Vec::new());
    }
    let mut frame = frame.clone();
    frame.rechunk_mut();
    let shaped = Shaped::new("identity", &frame);
    let ident = shaped.u32("ident")?;
    let sex = shaped.i32("sex")?;
    let birth = shaped.date("birth_ym")?;
    let first = shaped.date("first_seen")?;
    let last = shaped.date("last_seen")?;
    let from = shaped.date("covered_from")?;
    let to = shaped.date("covered_to")?;
    let death = shaped.date("death")?;
    let insurer = shaped.u64("insurer")?;
    let postcode = shaped.str("postcode3")?;
    let tokens = rekeyed(&shaped, frame.height(), key)?;
    (0..frame.height())
        .zip(tokens)
        .map(|(row, tokens)| {
            let birth_ym = sane(birth.get(row));
            Ok(RoomIdentity {
                ident: ident.get(row).ok_or_else(|| shaped.null("ident"))?,
                sex: sex.get(row).and_then(|s| u8::try_from(s).ok()).filter(|s| *s <= 2).unwrap_or(0),
                birth_ym,
                birth_month: birth_ym.map(months),
                first_day: sane(first.get(row)),
                last_day: sane(last.get(row)),
                coverage: sane(from.get(row)).map(|f| (f, sane(to.get(row)))),
                insurer: insurer.get(row).map(|i| key.rekey_u64(i)),
                death: sane(death.get(row)),
                postcode3: postcode.get(row).and_then(|p| p.parse().ok()),
                tokens,
            })
        })
        .collect()
}

/// The token columns of a frame, re-keyed, row by row.
pub(crate) fn rekeyed(
    shaped: &Shaped<'_>,
    rows: usize,
    key: &RoomKey,
) -> Result<Vec<[Option<u128>; PASSES]>, FrameError> {
    let mut out = vec![[None; PASSES]; rows];
    for pass in Pass::ALL {
        for (tokens, bytes) in out.iter_mut().zip(shaped.binary(pass.column())?.iter()) {
            if let (Some(slot), Some(bytes)) = (tokens.get_mut(pass.index()), bytes) {
                let token = Token::try_from(bytes).map_err(|_| shaped.wrong(pass.column(), &DataType::Binary))?;
                *slot = Some(key.rekey(pass, &token));
            }
        }
    }
    Ok(out)
}

/// A day between about 1805 and 2189; others are no days, and nothing later may stumble over them.
fn sane(day: Option<i32>) -> Option<i32> {
    day.filter(|day| (-60_000..80_000).contains(day))
}

/// Days since 1970-01-01 → months since year 0 (Howard Hinnant, `civil_from_days`).
fn months(days: i32) -> i32 {
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let doe = z.rem_euclid(146_097);
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let from_march = (5 * doy + 2) / 153;
    // Months run from March; January and February belong to the next year.
    (yoe + era * 400) * 12 + from_march + 2
}
