//! Who holds which secrets: identities of actors, sealed by passphrase; the linkage key, sealed to recipients.
//!
//! Files are age files (age-encryption.org/v1), so that they can be opened without Sudare. What a key is used for is
//! not here (`token`, `room`), and neither are public cards and revocation (policy and log).

mod identity;
mod linkage_key;
mod passphrase;
mod sealed;
mod stream;

#[cfg(test)]
mod tests;

pub use identity::{Identity, Role};
pub use linkage_key::LinkageKey;
pub use passphrase::{Passphrase, SealCost};
pub use stream::SealedWriter;

use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::files::FileError;
use crate::kdf::CryptoError;

/// Why a key could not be made, sealed or opened. Never holds a secret.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// Reading or making the file.
    #[error(transparent)]
    File(#[from] FileError),
    /// No randomness.
    #[error(transparent)]
    Crypto(#[from] CryptoError),
    /// The passphrase doesn't open the file.
    #[error("{}: wrong passphrase", .0.display())]
    WrongPassphrase(PathBuf),
    /// The identity isn't among the file's recipients.
    #[error("{}: not sealed to this identity; ask the steward to seal it to your recipient", .0.display())]
    NotARecipient(PathBuf),
    /// Not an age file, or changed since it was written.
    #[error("{}: damaged, or not an age file of this kind", .0.display())]
    Damaged(PathBuf),
    /// It decrypts, but holds something else.
    #[error("{}: holds no {expected} (line {line})", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What should be in it.
        expected: &'static str,
        /// The line that is wrong, from 1; past the end if something is missing.
        line: usize,
    },
    /// A human's passphrase that is too short.
    #[error("the passphrase is too short: at least {0} characters")]
    ShortPassphrase(usize),
    /// Low cost was asked for with a passphrase that wasn't generated.
    #[error("only a generated passphrase may be sealed at low cost; use the human cost")]
    NotGenerated,
    /// Not an age recipient.
    #[error("recipient {0} is not an age X25519 recipient (age1…)")]
    Recipient(usize),
    /// Nobody to seal to.
    #[error("no recipients were given")]
    NoRecipients,
    /// A name that can't be in a file of lines.
    #[error("the name is empty, too long (100 characters), or has control characters or spaces at its ends")]
    Name,
}

/// Encrypts a small secret.
fn encrypt(recipients: &[&dyn age::Recipient], plain: &[u8], path: &Path) -> Result<Vec<u8>, KeyError> {
    let damaged = || KeyError::Damaged(path.to_owned());
    let encryptor = age::Encryptor::with_recipients(recipients.iter().copied()).map_err(|_| KeyError::NoRecipients)?;
    let mut out = Vec::new();
    let mut writer = encryptor.wrap_output(&mut out).map_err(|_| damaged())?;
    writer.write_all(plain).map_err(|_| damaged())?;
    writer.finish().map_err(|_| damaged())?;
    Ok(out)
}

/// Decrypts a small secret.
fn decrypt(
    identity: &dyn age::Identity,
    sealed: &[u8],
    path: &Path,
    wrong_key: fn(PathBuf) -> KeyError,
) -> Result<Zeroizing<String>, KeyError> {
    let damaged = || KeyError::Damaged(path.to_owned());
    let decryptor = age::Decryptor::new_buffered(sealed).map_err(|_| damaged())?;
    let mut reader = decryptor.decrypt(std::iter::once(identity)).map_err(|e| match e {
        age::DecryptError::NoMatchingKeys
        | age::DecryptError::DecryptionFailed
        | age::DecryptError::KeyDecryptionFailed => wrong_key(path.to_owned()),
        _ => damaged(),
    })?;
    // Reserved in one piece: growing would leave copies of the secret behind.
    let mut text = Zeroizing::new(String::with_capacity(sealed.len()));
    reader.read_to_string(&mut text).map_err(|_| damaged())?;
    Ok(text)
}
