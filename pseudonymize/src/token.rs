//! Tokens: what stands for an identity outside the source. HMAC-SHA256 over normalized, length-prefixed fields,
//! truncated to 128 bits; one HKDF subkey per pass and epoch.
//!
//! A field that a pass needs and that is missing or junk makes no token, never a shared one. What tokens mean for
//! linkage is not decided here (`linkage` does).

use ring::{hkdf, hmac};

use crate::kdf::{self, CryptoError};
use crate::keyring::LinkageKey;
use crate::normalize::{Day, Fields};
use crate::renumber::Renumbering;

/// A token: 128 bits.
pub type Token = [u8; 16];

/// A combination of fields by which two records can be found to be one person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Pass {
    /// Insurer, 記号, 番号, 枝番, birth, sex.
    Member,
    /// Insurer, 記号, 番号, birth, sex: NDB's ID1. Twins share it.
    Id1,
    /// Name as registered, birth, sex: NDB's ID2.
    Id2,
    /// Kana name, birth, sex: NDB's ID4.
    Id4,
    /// Individual insured number: as NDB's ID5.
    Individual,
    /// Given name in kana, birth, sex and the full postcode; without a postcode, insurer, 記号 and 番号 instead (which
    /// tells twins of one household apart). Survives a change of surname.
    Marriage,
    /// Kana name, insurer, 記号, 番号: survives an error in the birth date.
    BirthError,
}

/// How many passes there are.
pub const PASSES: usize = 7;

impl Pass {
    /// All passes; the order is fixed, files and the linkage rely on it.
    pub const ALL: [Self; PASSES] =
        [Self::Member, Self::Id1, Self::Id2, Self::Id4, Self::Individual, Self::Marriage, Self::BirthError];

    /// The name in key derivation.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Member => "member",
            Self::Id1 => "id1",
            Self::Id2 => "id2",
            Self::Id4 => "id4",
            Self::Individual => "individual",
            Self::Marriage => "marriage",
            Self::BirthError => "birth",
        }
    }

    /// The name of its column in an identity frame.
    pub fn column(self) -> &'static str {
        match self {
            Self::Member => "t_member",
            Self::Id1 => "t_id1",
            Self::Id2 => "t_id2",
            Self::Id4 => "t_id4",
            Self::Individual => "t_individual",
            Self::Marriage => "t_marriage",
            Self::BirthError => "t_birth",
        }
    }

    /// Whether the birth date is part of its message.
    pub(crate) fn holds_birth(self) -> bool {
        !matches!(self, Self::Individual | Self::BirthError)
    }

    /// Its place in [`Pass::ALL`].
    pub fn index(self) -> usize {
        self as usize
    }

    /// The parts of an identity whose fields, one after the other, are the bytes under the HMAC. Every field is two bytes of
    /// length (big-endian) and its text in UTF-8. `None` if a part is missing.
    fn parts(self, of: &Parts) -> [Option<Span>; 4] {
        const DONE: Option<Span> = Some((0, 0));
        match self {
            Self::Member => [of.member, of.branch, of.birth_sex, DONE],
            Self::Id1 => [of.member, of.birth_sex, DONE, DONE],
            Self::Id2 => [of.name, of.birth_sex, DONE, DONE],
            Self::Id4 => [of.kana, of.birth_sex, DONE, DONE],
            Self::Individual => [of.individual, DONE, DONE, DONE],
            Self::Marriage if of.postcode.is_some() => [of.given, of.birth_sex, of.postcode, DONE],
            Self::Marriage => [of.given, of.birth_sex, of.by_member, of.member],
            Self::BirthError => [of.kana, of.member, DONE, DONE],
        }
    }
}

/// Where fields lie in a buffer.
type Span = (usize, usize);

/// The fields of an identity, each encoded once for all passes.
#[derive(Default)]
struct Parts {
    /// Insurer, 記号, 番号. A 記号 that isn't there counts as empty, because many insurers have none.
    member: Option<Span>,
    branch: Option<Span>,
    /// Birth and sex.
    birth_sex: Option<Span>,
    name: Option<Span>,
    kana: Option<Span>,
    given: Option<Span>,
    individual: Option<Span>,
    /// The word `postcode` and the postcode.
    postcode: Option<Span>,
    /// The word `member`, which stands where there is no postcode.
    by_member: Option<Span>,
}

impl Parts {
    fn encode(fields: &Fields, out: &mut Vec<u8>) -> Self {
        out.clear();
        let mut span = |texts: &[Option<&str>]| -> Option<Span> {
            let start = out.len();
            for text in texts {
                let text = (*text)?;
                out.extend_from_slice(&u16::try_from(text.len()).ok()?.to_be_bytes());
                out.extend_from_slice(text.as_bytes());
            }
            Some((start, out.len()))
        };
        let birth = fields.birth.map(Day::digits);
        let birth = birth.as_ref().and_then(|b| std::str::from_utf8(b).ok());
        let sex = match fields.sex {
            Some(1) => Some("1"),
            Some(2) => Some("2"),
            _ => None,
        };
        let symbol = fields.symbol.as_deref().unwrap_or_default();
        Self {
            member: span(&[fields.insurer.as_deref(), Some(symbol), fields.number.as_deref()]),
            branch: span(&[fields.branch.as_deref()]),
            birth_sex: span(&[birth, sex]),
            name: span(&[fields.name.as_deref()]),
            kana: span(&[fields.kana.as_deref()]),
            given: span(&[fields.given.as_deref()]),
            individual: span(&[fields.individual.as_deref()]),
            postcode: span(&[Some("postcode"), fields.postcode.as_deref()]),
            by_member: span(&[Some("member")]),
        }
    }
}

/// A source's keys for one room and epoch, and the renumbering of one run. Make one per package.
pub struct SourceKeys {
    origin: String,
    epoch: u32,
    linkage_key: String,
    prk: hkdf::Prk,
    passes: [hmac::Key; PASSES],
    insurer: hmac::Key,
    renumbering: Renumbering,
}

impl std::fmt::Debug for SourceKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SourceKeys").field("origin", &self.origin).field("epoch", &self.epoch).finish_non_exhaustive()
    }
}

impl SourceKeys {
    /// Derives the subkeys: HKDF-SHA256 with salt = the room's origin (the same for every source, or their tokens
    /// would not meet) and info = `sudare/linkage/<pass>/<epoch>`.
    ///
    /// # Errors
    /// No randomness for the renumbering.
    pub fn derive(key: &LinkageKey, origin: &str, epoch: u32) -> Result<Self, crate::KeyError> {
        let prk = key.prk(origin.as_bytes());
        let pass = |p: Pass| kdf::subkey(&prk, &format!("sudare/linkage/{}/{epoch}", p.as_str()));
        let passes = [
            pass(Pass::Member)?,
            pass(Pass::Id1)?,
            pass(Pass::Id2)?,
            pass(Pass::Id4)?,
            pass(Pass::Individual)?,
            pass(Pass::Marriage)?,
            pass(Pass::BirthError)?,
        ];
        let insurer = Self::column_key(&prk, "insurer", epoch)?;
        Ok(Self {
            origin: origin.to_owned(),
            epoch,
            linkage_key: format!("{}@{epoch}", key.id()?),
            prk,
            passes,
            insurer,
            renumbering: Renumbering::random()?,
        })
    }

    /// Keys of another linkage key or epoch that number identities as these do: for a [`crate::Bridge`] between the two.
    ///
    /// # Errors
    /// As [`SourceKeys::derive`].
    pub fn alike(&self, key: &LinkageKey, epoch: u32) -> Result<Self, crate::KeyError> {
        let other = Self::derive(key, &self.origin, epoch)?;
        Ok(Self { renumbering: self.renumbering.clone(), ..other })
    }

    /// The room these keys are for.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Their epoch.
    pub fn epoch(&self) -> u32 {
        self.epoch
    }

    /// The public name of the linkage key ([`LinkageKey::id`]), `@` and the epoch: tokens of two names never meet.
    pub fn linkage_key_id(&self) -> &str {
        &self.linkage_key
    }

    /// The number under which a package of this run shows the identity that the reader calls `ident`: a random
    /// permutation, so that the order of a package tells nothing of the order of the source's files (which are often
    /// sorted by name).
    pub fn renumber(&self, ident: u32) -> u32 {
        self.renumbering.apply(ident)
    }

    /// [`SourceKeys::renumber`] for many.
    pub(crate) fn renumber_all(&self, idents: &mut [u32]) {
        self.renumbering.apply_all(idents);
    }

    /// The token of a pass, if the identity has what it needs.
    pub fn token(&self, pass: Pass, fields: &Fields) -> Option<Token> {
        let mut buffer = Vec::new();
        let token = self.of_parts(pass, &Parts::encode(fields, &mut buffer), &buffer);
        zeroize::Zeroize::zeroize(&mut buffer);
        token
    }

    /// The tokens of all passes, in the order of [`Pass::ALL`]. `buffer` is only there to be used again: it holds
    /// identifiers afterwards, so zeroize it when the last identity is done.
    pub fn tokens(&self, fields: &Fields, buffer: &mut Vec<u8>) -> [Option<Token>; PASSES] {
        let parts = Parts::encode(fields, buffer);
        Pass::ALL.map(|pass| self.of_parts(pass, &parts, buffer))
    }

    fn of_parts(&self, pass: Pass, parts: &Parts, buffer: &[u8]) -> Option<Token> {
        let mut mac = hmac::Context::with_key(self.passes.get(pass.index())?);
        for part in pass.parts(parts) {
            let (start, end) = part?;
            if start < end {
                mac.update(buffer.get(start..end)?);
            }
        }
        Some(kdf::first16(&mac.sign()))
    }

    /// The keyed number of an insurer.
    pub(crate) fn insurer(&self, number: &str) -> u64 {
        kdf::mac8(&self.insurer, number.as_bytes())
    }

    /// The key for values of a catalogue column of type Key: `sudare/linkage/key/<column>/<epoch>`.
    pub(crate) fn key_column(&self, column: &str) -> Result<hmac::Key, CryptoError> {
        Self::column_key(&self.prk, column, self.epoch)
    }

    fn column_key(prk: &hkdf::Prk, column: &str, epoch: u32) -> Result<hmac::Key, CryptoError> {
        kdf::subkey(prk, &format!("sudare/linkage/key/{column}/{epoch}"))
    }
}
