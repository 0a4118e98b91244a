//! Passphrases, and how much work guessing one is made to cost.

use zeroize::Zeroizing;

use crate::kdf;

/// What guessing costs, as scrypt's work factor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SealCost {
    /// About a second on this machine: what a human remembers can be guessed.
    Human,
    /// A few milliseconds: 160 random bits can't. Only with [`Passphrase::generate`].
    MachineGenerated,
}

/// The fewest characters of a passphrase that a human chose (NIST SP 800-63B-4 asks for 15 where nothing else
/// protects; here the file's mode does too).
pub(super) const SHORTEST: usize = 12;

const PREFIX: &str = "sudare-";
const GROUPS: usize = 8;
const GROUP: usize = 4;
/// Crockford's base 32: no i, l, o, u.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// A passphrase; wiped when dropped, never shown by `Debug`.
pub struct Passphrase(Zeroizing<String>);

impl Passphrase {
    /// What a human typed or a file holds; line ends at the end don't count.
    pub fn from_string(text: String) -> Self {
        let text = Zeroizing::new(text);
        Self(Zeroizing::new(text.trim_end_matches(['\r', '\n']).to_owned()))
    }

    /// `sudare-` and eight groups of four characters: 160 bits.
    ///
    /// # Errors
    /// No randomness.
    pub fn generate() -> Result<Self, kdf::CryptoError> {
        let mut bytes = Zeroizing::new([0_u8; GROUPS * GROUP]);
        kdf::random(bytes.as_mut_slice())?;
        let mut text = Zeroizing::new(String::with_capacity(64));
        text.push_str(PREFIX);
        for (i, byte) in bytes.iter().enumerate() {
            if i > 0 && i % GROUP == 0 {
                text.push('-');
            }
            // 32 divides 256: no bias.
            let letter = ALPHABET.get(usize::from(byte % 32)).copied();
            text.push(char::from(letter.unwrap_or(b'0')));
        }
        Ok(Self(text))
    }

    /// The text, to be shown or written once.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether it has the form that only [`Passphrase::generate`] gives.
    pub(super) fn is_generated(&self) -> bool {
        let Some(rest) = self.0.strip_prefix(PREFIX) else {
            return false;
        };
        let groups: Vec<&str> = rest.split('-').collect();
        groups.len() == GROUPS && groups.iter().all(|g| g.len() == GROUP && g.bytes().all(|b| ALPHABET.contains(&b)))
    }

    pub(super) fn secret(&self) -> age::secrecy::SecretString {
        age::secrecy::SecretString::from(self.0.as_str())
    }
}

impl std::fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Passphrase(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What holds the secret is wiped when it is dropped; this doesn't compile otherwise.
    #[test]
    fn it_is_wiped() {
        fn wiped<T: zeroize::ZeroizeOnDrop>(_: &T) {}
        wiped(&Passphrase::from_string("correct horse battery staple".into()).0);
    }
}
