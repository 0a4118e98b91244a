//! Pages in a file that has no name, each sealed by AES-256-GCM under a key that lives in this process only. With the process
//! both are gone, however it ends; whoever reads the disk meanwhile finds noise, and whoever changes it is found out.

use std::fs::File;
use std::io;
#[cfg(unix)]
use std::os::unix::fs::FileExt;
use std::path::Path;

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::rand::{SecureRandom, SystemRandom};
use zeroize::Zeroizing;

pub(super) struct Sealed {
    file: File,
    key: LessSafeKey,
    /// Bytes of a page, sealed.
    page: usize,
    buffer: Zeroizing<Vec<u8>>,
}

impl Sealed {
    /// A file in this folder for pages of so many bytes. Nobody else can open it: it is never linked, or unlinked at once.
    pub(super) fn create(folder: &Path, page: usize) -> io::Result<Self> {
        let failed = |_| io::Error::other("no key");
        let mut bytes = Zeroizing::new([0; 32]);
        SystemRandom::new().fill(bytes.as_mut_slice()).map_err(failed)?;
        let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, bytes.as_slice()).map_err(failed)?);
        let page = page + AES_256_GCM.tag_len();
        Ok(Self { file: tempfile::tempfile_in(folder)?, key, page, buffer: Zeroizing::new(Vec::with_capacity(page)) })
    }

    fn place(&self, number: u32) -> u64 {
        u64::from(number) * self.page as u64
    }

    /// Writes a page. `version` must never have been used for this page: it makes the nonce.
    pub(super) fn write(&mut self, number: u32, version: u32, fill: impl FnOnce(&mut Vec<u8>)) -> io::Result<()> {
        self.buffer.clear();
        fill(&mut self.buffer);
        let failed = |_| io::Error::other("a page can't be sealed");
        self.key.seal_in_place_append_tag(nonce(number, version), Aad::empty(), &mut *self.buffer).map_err(failed)?;
        write_at(&self.file, &self.buffer, self.place(number))
    }

    /// The page that was written under this version; an older one in its place is refused.
    pub(super) fn read(&mut self, number: u32, version: u32) -> io::Result<&[u8]> {
        self.buffer.resize(self.page, 0);
        let place = self.place(number);
        read_at(&self.file, &mut self.buffer, place)?;
        let opened = self.key.open_in_place(nonce(number, version), Aad::empty(), &mut self.buffer);
        opened.map(|page| &*page).map_err(|_| io::Error::from(io::ErrorKind::InvalidData))
    }
}

#[cfg(unix)]
fn read_at(file: &File, to: &mut [u8], place: u64) -> io::Result<()> {
    file.read_exact_at(to, place)
}

#[cfg(unix)]
fn write_at(file: &File, from: &[u8], place: u64) -> io::Result<()> {
    file.write_all_at(from, place)
}

#[cfg(not(unix))]
fn read_at(mut file: &File, to: &mut [u8], place: u64) -> io::Result<()> {
    io::Seek::seek(&mut file, io::SeekFrom::Start(place))?;
    io::Read::read_exact(&mut file, to)
}

#[cfg(not(unix))]
fn write_at(mut file: &File, from: &[u8], place: u64) -> io::Result<()> {
    io::Seek::seek(&mut file, io::SeekFrom::Start(place))?;
    io::Write::write_all(&mut file, from)
}

fn nonce(number: u32, version: u32) -> Nonce {
    let mut bytes = [0; NONCE_LEN];
    for (to, from) in bytes.iter_mut().zip(number.to_le_bytes().into_iter().chain(version.to_le_bytes())) {
        *to = from;
    }
    Nonce::assume_unique_for_key(bytes)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
    use std::io::{Read, Seek, SeekFrom, Write};

    use super::*;

    #[test]
    fn what_is_written_is_noise_under_no_name_and_comes_back() {
        let dir = tempfile::tempdir().unwrap();
        let mut sealed = Sealed::create(dir.path(), 64).unwrap();
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "the file has a name");
        for number in 0..3 {
            sealed.write(number, 1, |to| to.extend_from_slice(&[b'k'; 64])).unwrap();
        }
        assert_eq!(sealed.read(1, 1).unwrap(), [b'k'; 64]);
        let mut file = sealed.file.try_clone().unwrap();
        let mut bytes = Vec::new();
        file.seek(SeekFrom::Start(0)).unwrap();
        file.read_to_end(&mut bytes).unwrap();
        assert_eq!(bytes.len(), 3 * 80);
        assert!(!bytes.windows(4).any(|four| four == b"kkkk"));
        assert_ne!(bytes[..80], bytes[80..160], "the same page twice looks different");
    }

    #[test]
    fn a_changed_an_older_and_another_page_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let mut sealed = Sealed::create(dir.path(), 16).unwrap();
        sealed.write(0, 1, |to| to.extend_from_slice(&[1; 16])).unwrap();
        sealed.write(1, 1, |to| to.extend_from_slice(&[2; 16])).unwrap();
        let mut old = [0; 32];
        sealed.file.seek(SeekFrom::Start(0)).unwrap();
        sealed.file.read_exact(&mut old).unwrap();
        sealed.write(0, 2, |to| to.extend_from_slice(&[3; 16])).unwrap();
        assert_eq!(sealed.read(0, 2).unwrap(), [3; 16]);
        // Put back, put elsewhere, one bit turned.
        for (at, bytes) in [
            (0, old),
            (32, old),
            (32, {
                old[5] ^= 1;
                old
            }),
        ] {
            sealed.file.seek(SeekFrom::Start(at)).unwrap();
            sealed.file.write_all(&bytes).unwrap();
            let (number, version) = if at == 0 { (0, 2) } else { (1, 1) };
            assert_eq!(sealed.read(number, version).unwrap_err().kind(), io::ErrorKind::InvalidData);
        }
    }
}
