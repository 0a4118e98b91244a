//! Files that only their owner opens again: answers before their release, reports of linkage. Encrypted to the identity's
//! own recipient; not signed, so whoever reads them must compare digests with the log.

use std::io::Read;
use std::path::Path;

use zeroize::Zeroizing;

use super::{Identity, KeyError, encrypt};
use crate::files::{self, FileError};

/// Larger than any answer or report; a planted file must not fill the memory.
const LARGEST: u64 = 1 << 30;

impl Identity {
    /// Encrypts `plain` to this identity's own recipient, into a new file (mode 0600, synced, never overwritten).
    ///
    /// # Errors
    /// The file exists already or can't be made.
    pub fn seal_file(&self, path: &Path, plain: &[u8]) -> Result<(), KeyError> {
        let recipient = self.age().to_public();
        let sealed = encrypt(&[&recipient as &dyn age::Recipient], plain, path)?;
        Ok(files::write_new(path, &sealed)?)
    }

    /// Opens a file of [`Identity::seal_file`].
    ///
    /// # Errors
    /// It can't be read, is damaged, or is sealed to somebody else.
    pub fn open_file(&self, path: &Path) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let damaged = || KeyError::Damaged(path.to_owned());
        let file = std::fs::File::open(path).map_err(|e| FileError::io("opening", path, e))?;
        let decryptor = age::Decryptor::new_buffered(std::io::BufReader::new(file)).map_err(|_| damaged())?;
        let mut reader = decryptor
            .decrypt(std::iter::once(self.age() as &dyn age::Identity))
            .map_err(|_| KeyError::NotARecipient(path.to_owned()))?;
        let mut plain = Zeroizing::new(Vec::new());
        let read = reader.by_ref().take(LARGEST).read_to_end(&mut plain).map_err(|_| damaged())?;
        if read as u64 == LARGEST {
            return Err(damaged());
        }
        Ok(plain)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use crate::{Identity, KeyError, Role};

    #[test]
    fn only_the_owner_opens_it_and_a_changed_byte_is_damage() {
        let dir = tempfile::tempdir().unwrap();
        let (ours, theirs) =
            (Identity::generate("a", Role::Room).unwrap(), Identity::generate("b", Role::Room).unwrap());
        let path = dir.path().join("x.age");
        ours.seal_file(&path, b"an answer").unwrap();
        assert_eq!(ours.open_file(&path).unwrap().as_slice(), b"an answer");
        assert!(matches!(theirs.open_file(&path), Err(KeyError::NotARecipient(_))));
        assert!(ours.seal_file(&path, b"another").is_err(), "nothing is overwritten");
        let mut bytes = std::fs::read(&path).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        let changed = dir.path().join("y.age");
        std::fs::write(&changed, bytes).unwrap();
        assert!(matches!(ours.open_file(&changed), Err(KeyError::Damaged(_))));
    }
}
