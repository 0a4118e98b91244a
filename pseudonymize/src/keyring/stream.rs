//! age files too large for memory: written and read as streams, to several recipients. What is inside, and whether it is whole, is the
//! caller's business; age itself notices every changed, missing or added byte.

use std::io::{Read, Write};
use std::path::Path;
use std::str::FromStr;

use super::{Identity, KeyError};
use crate::files::FileError;

/// Encrypts what is written to every recipient (`age1…`). End it with [`SealedWriter::finish`], or the file can't be opened.
pub struct SealedWriter<W: Write>(age::stream::StreamWriter<W>);

impl<W: Write> SealedWriter<W> {
    /// Begins a file.
    ///
    /// # Errors
    /// No recipients, one that isn't an age recipient (its place, from 1), or the file can't be written; `path` names it.
    pub fn new(recipients: &[String], out: W, path: &Path) -> Result<Self, KeyError> {
        let recipients = recipients
            .iter()
            .enumerate()
            .map(|(i, r)| age::x25519::Recipient::from_str(r).map_err(|_| KeyError::Recipient(i + 1)))
            .collect::<Result<Vec<_>, _>>()?;
        let borrowed = recipients.iter().map(|r| r as &dyn age::Recipient);
        let encryptor = age::Encryptor::with_recipients(borrowed).map_err(|_| KeyError::NoRecipients)?;
        let writer = encryptor.wrap_output(out).map_err(|e| FileError::io("writing", path, e))?;
        Ok(Self(writer))
    }

    /// Writes the end, without which the file is damaged; gives back what was written to.
    ///
    /// # Errors
    /// It can't be written; `path` names it.
    pub fn finish(self, path: &Path) -> Result<W, KeyError> {
        Ok(self.0.finish().map_err(|e| FileError::io("writing", path, e))?)
    }
}

impl<W: Write> Write for SealedWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.0.flush()
    }
}

impl Identity {
    /// The plain bytes of an age file, as they are read; an error of reading means damage, at the latest at the end.
    ///
    /// # Errors
    /// It can't be read, is no age file, or is sealed to others.
    pub fn open_stream(&self, path: &Path) -> Result<impl Read + use<>, KeyError> {
        let damaged = || KeyError::Damaged(path.to_owned());
        let file = std::fs::File::open(path).map_err(|e| FileError::io("opening", path, e))?;
        let decryptor = age::Decryptor::new_buffered(std::io::BufReader::new(file)).map_err(|_| damaged())?;
        decryptor
            .decrypt(std::iter::once(self.age() as &dyn age::Identity))
            .map_err(|_| KeyError::NotARecipient(path.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::io::{Read, Write};

    use super::SealedWriter;
    use crate::{Identity, KeyError, Role};

    #[test]
    fn every_recipient_opens_it_and_a_cut_or_changed_file_is_noticed() {
        let dir = tempfile::tempdir().unwrap();
        let made = |name| Identity::generate(name, Role::Room).unwrap();
        let (a, b, c) = (made("a"), made("b"), made("c"));
        let path = dir.path().join("x.age");
        let plain: Vec<u8> = (0..200_000_u32).flat_map(u32::to_le_bytes).collect();
        let to = [a.recipient(), b.recipient()];
        let mut out = SealedWriter::new(&to, std::fs::File::create(&path).unwrap(), &path).unwrap();
        out.write_all(&plain).unwrap();
        out.finish(&path).unwrap();
        let read = |who: &Identity, path: &std::path::Path| {
            let mut found = Vec::new();
            who.open_stream(path).map(|mut r| r.read_to_end(&mut found).is_ok() && found == plain)
        };
        assert!(read(&a, &path).unwrap() && read(&b, &path).unwrap());
        assert!(matches!(read(&c, &path), Err(KeyError::NotARecipient(_))));
        let whole = std::fs::read(&path).unwrap();
        for at in [whole.len() - 1, whole.len() / 2] {
            let other = dir.path().join("y.age");
            let mut changed = whole.clone();
            *changed.get_mut(at).unwrap() ^= 1;
            std::fs::write(&other, &changed).unwrap();
            assert!(!read(&a, &other).unwrap());
            std::fs::write(&other, whole.get(..at).unwrap()).unwrap();
            assert!(!read(&a, &other).unwrap());
        }
        assert!(matches!(SealedWriter::new(&["x".to_owned()], Vec::new(), &path), Err(KeyError::Recipient(1))));
        assert!(SealedWriter::new(&[], Vec::new(), &path).is_err());
    }
}
