//! Normalization profile `sudare-norm-1`: identifiers as files write them → the one form that tokens are made of.
//!
//! It is a pure function of the text, so that two sources that never meet get the same tokens; a change of any rule
//! or table here is a new profile name, because it changes tokens. It is not a validator of files (the readers are)
//! and keeps nothing.
//!
//! Facts and variants: `linkage.md` and `formats.md` of the project's reference; JIS X 0208/0213 and CP932 mappings;
//! Unicode NFKC (UAX #15).

mod date;
mod half;
mod kana;
mod kanji;
mod number;
mod text;

#[cfg(test)]
mod tests;

pub use date::{Day, date};
use kana::readings;
pub use kana::{given_name, kana};
pub use kanji::{Name, itaiji_counts, name};
pub(crate) use number::symbol_of;
pub use number::{branch, individual, insurer, member, postcode, sex, symbol};

/// The name of the profile, as packages carry it.
pub const PROFILE: &str = "sudare-norm-1";

/// An identity as a file writes it; `None` where the file has nothing.
#[derive(Clone, Copy, Default)]
pub struct Raw<'a> {
    /// 保険者番号.
    pub insurer: Option<&'a str>,
    /// 記号.
    pub symbol: Option<&'a str>,
    /// 番号.
    pub number: Option<&'a str>,
    /// 枝番.
    pub branch: Option<&'a str>,
    /// 氏名.
    pub name: Option<&'a str>,
    /// カナ氏名.
    pub kana: Option<&'a str>,
    /// 生年月日.
    pub birth: Option<&'a str>,
    /// 性別.
    pub sex: Option<&'a str>,
    /// Individual insured number, if the file has one in a field of its own.
    pub individual: Option<&'a str>,
    /// 郵便番号.
    pub postcode: Option<&'a str>,
}

/// An identity in normal form. A field that was missing, junk or unreadable is `None`.
#[derive(Clone, Default, PartialEq, Eq, zeroize::Zeroize, zeroize::ZeroizeOnDrop)]
pub struct Fields {
    /// Eight digits.
    pub insurer: Option<String>,
    /// 記号, one hyphen, no spaces, no leading zeros.
    pub symbol: Option<String>,
    /// 番号, likewise.
    pub number: Option<String>,
    /// Two digits.
    pub branch: Option<String>,
    /// The name as registers write it, variants folded; only if something in it isn't kana.
    pub name: Option<String>,
    /// Full-width katakana without spaces, small letters large.
    pub kana: Option<String>,
    /// The given name in kana, where the file separates it from the surname.
    pub given: Option<String>,
    /// Day of birth.
    pub birth: Option<Day>,
    /// 1 male, 2 female.
    pub sex: Option<u8>,
    /// Individual insured number.
    pub individual: Option<String>,
    /// Seven digits.
    pub postcode: Option<String>,
    /// The first three digits, also of a postcode that is not complete.
    pub postcode3: Option<String>,
}

impl std::fmt::Debug for Fields {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Fields(redacted)")
    }
}

impl Fields {
    /// Normalizes every field.
    pub fn new(raw: &Raw<'_>) -> Self {
        let written = raw.name.map_or(Name::Missing, name);
        let (mut reading, mut given) = raw.kana.map_or((None, None), readings);
        let name = match written {
            Name::Written(text) => Some(text),
            // Claims hold the same person in kanji or in kana; a kana "name" is a reading, and as weak as one.
            Name::KanaOnly => {
                if reading.is_none() {
                    (reading, given) = raw.name.map_or((None, None), readings);
                }
                None
            }
            Name::Missing => None,
        };
        let (postcode, postcode3) = raw.postcode.map_or((None, None), postcode);
        Self {
            insurer: raw.insurer.and_then(insurer),
            symbol: raw.symbol.and_then(symbol),
            number: raw.number.and_then(member),
            branch: raw.branch.and_then(branch),
            name,
            kana: reading,
            given,
            birth: raw.birth.and_then(date),
            sex: raw.sex.and_then(sex),
            individual: raw.individual.and_then(individual),
            postcode,
            postcode3,
        }
    }
}
