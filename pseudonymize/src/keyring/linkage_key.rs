//! The linkage key: what lets tokens of two sources meet, and what the room never has.

use std::path::Path;
use std::str::FromStr;

use zeroize::Zeroizing;

use super::{Identity, KeyError, decrypt, encrypt};
use crate::{files, kdf};

const HEADER: &str = "sudare-linkage-key v1";

/// 32 random bytes, made by a steward and sealed to the sources and to escrow recipients. Wiped when dropped.
pub struct LinkageKey(Zeroizing<[u8; 32]>);

impl std::fmt::Debug for LinkageKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LinkageKey(redacted)")
    }
}

impl LinkageKey {
    /// A new key.
    ///
    /// # Errors
    /// No randomness.
    pub fn generate() -> Result<Self, KeyError> {
        let mut bytes = Zeroizing::new([0; 32]);
        kdf::random(bytes.as_mut_slice())?;
        Ok(Self(bytes))
    }

    /// A key from its bytes, for rotation and tests.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// Writes it to a new file, encrypted to every recipient (`age1…`). Seal it to at least one recipient in escrow:
    /// a lost key ends linkage with all that was sent before.
    ///
    /// # Errors
    /// No recipients, one that isn't an age recipient (its place, from 1), or a file that can't be made.
    pub fn seal(&self, path: &Path, recipients: &[String]) -> Result<(), KeyError> {
        let recipients = recipients
            .iter()
            .enumerate()
            .map(|(i, r)| age::x25519::Recipient::from_str(r).map_err(|_| KeyError::Recipient(i + 1)))
            .collect::<Result<Vec<_>, _>>()?;
        let borrowed: Vec<&dyn age::Recipient> = recipients.iter().map(|r| r as &dyn age::Recipient).collect();
        let mut text = Zeroizing::new(String::with_capacity(128));
        for part in [HEADER, "\n", &Zeroizing::new(kdf::hex(self.0.as_slice())), "\n"] {
            text.push_str(part);
        }
        let sealed = encrypt(&borrowed, text.as_bytes(), path)?;
        Ok(files::write_new(path, &sealed)?)
    }

    /// Opens such a file.
    ///
    /// # Errors
    /// It can't be read, isn't sealed to this identity, or isn't a linkage key.
    pub fn open(path: &Path, identity: &Identity) -> Result<Self, KeyError> {
        let sealed = files::read(path, false)?;
        let text = decrypt(identity.age(), &sealed, path, KeyError::NotARecipient)?;
        let content = |line| KeyError::Content { path: path.to_owned(), expected: "linkage key", line };
        let mut lines = text.lines();
        if lines.next() != Some(HEADER) {
            return Err(content(1));
        }
        let key = lines.next().and_then(kdf::unhex32).ok_or(content(2))?;
        match lines.next() {
            None => Ok(Self(key)),
            Some(_) => Err(content(3)),
        }
    }

    /// A public name of the key, 16 hex digits, that tells nothing about it. Anybody can seal a key of their own to
    /// a source's public recipient: compare this with what the steward announced.
    ///
    /// # Errors
    /// Never in practice: HKDF gives eight bytes.
    pub fn id(&self) -> Result<String, KeyError> {
        let mut id = [0; 8];
        kdf::expand(&self.prk(b""), "sudare/linkage-key-id", &mut id)?;
        Ok(kdf::hex(&id))
    }

    pub(crate) fn prk(&self, salt: &[u8]) -> ring::hkdf::Prk {
        kdf::extract(salt, self.0.as_slice())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What holds the secret is wiped when it is dropped; this doesn't compile otherwise.
    #[test]
    fn it_is_wiped() {
        fn wiped<T: zeroize::ZeroizeOnDrop>(_: &T) {}
        wiped(&LinkageKey::from_bytes([1; 32]).0);
    }
}
