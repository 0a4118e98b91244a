//! A folder on a POSIX file system.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use super::{MAX_FILE, Storage};

/// A log's folder. The lock is the operating system's, on the file `lock`, so that a killed process frees it.
#[derive(Debug)]
pub struct Posix {
    root: PathBuf,
    lock: Option<File>,
}

impl Posix {
    /// The folder at `root`; made, with its parents, when a log is created in it.
    #[must_use]
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into(), lock: None }
    }

    fn at(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }

    fn walk(&self, dir: &str, files: &mut Vec<String>) -> io::Result<()> {
        for entry in fs::read_dir(self.at(dir))? {
            let entry = entry?;
            let name = entry.file_name();
            // A name that isn't UTF-8 is not ours; it shows up, mangled, as a file that doesn't belong.
            let name = name.to_string_lossy();
            let path = if dir.is_empty() { name.into_owned() } else { format!("{dir}/{name}") };
            if entry.file_type()?.is_dir() {
                self.walk(&path, files)?;
            } else {
                files.push(path);
            }
        }
        Ok(())
    }
}

impl Storage for Posix {
    fn lock(&mut self) -> io::Result<()> {
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(self.at("lock"))?;
        match file.try_lock() {
            Ok(()) => {
                self.lock = Some(file);
                Ok(())
            }
            Err(TryLockError::WouldBlock) => Err(io::ErrorKind::WouldBlock.into()),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    fn read(&self, path: &str) -> io::Result<Option<Vec<u8>>> {
        let path = self.at(path);
        // A copy from elsewhere may hold links or devices: they are not opened.
        match fs::symlink_metadata(&path) {
            Ok(meta) if !meta.is_file() => {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "not a regular file"));
            }
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        }
        let mut bytes = Vec::new();
        match File::open(&path) {
            Ok(file) => file.take(MAX_FILE + 1).read_to_end(&mut bytes)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        if bytes.len() as u64 > MAX_FILE {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        Ok(Some(bytes))
    }

    fn list(&self) -> io::Result<Vec<String>> {
        let mut files = Vec::new();
        self.walk("", &mut files)?;
        files.sort();
        Ok(files)
    }

    fn write(&mut self, path: &str, bytes: &[u8]) -> io::Result<()> {
        self.remove(path)?;
        OpenOptions::new().write(true).create_new(true).open(self.at(path))?.write_all(bytes)
    }

    fn sync_file(&mut self, path: &str) -> io::Result<()> {
        OpenOptions::new().write(true).open(self.at(path))?.sync_all()
    }

    fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.at(from), self.at(to))
    }

    fn sync_dir(&mut self, path: &str) -> io::Result<()> {
        File::open(self.at(path))?.sync_all()
    }

    fn make_dir(&mut self, path: &str) -> io::Result<()> {
        if path.is_empty() && !self.root.exists() {
            fs::create_dir_all(&self.root)?;
            // The folder's own name must survive as well.
            let above = self.root.parent().filter(|p| !p.as_os_str().is_empty());
            return File::open(above.unwrap_or(Path::new(".")))?.sync_all();
        }
        match fs::create_dir(self.at(path)) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
            _ => Ok(()),
        }
    }

    fn remove(&mut self, path: &str) -> io::Result<()> {
        match fs::remove_file(self.at(path)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}
