//! A disk in memory that crashes on demand, for tests: as forgetful as POSIX allows. After a power loss an unsynced
//! file keeps any mixture of old, new and empty 512-byte sectors and any of their lengths; every name whose folder
//! wasn't synced is there or not, each for itself; a folder that is lost takes everything in it along.
//!
//! Modelled on SQLite's test6.c and on what ALICE (OSDI 2014) found real systems to assume wrongly.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Storage, parent};

const SECTOR: usize = 512;

/// When and how the disk stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    /// Number of the changing operation that fails, from 0.
    pub operation: u64,
    /// Whether that operation took effect before it failed.
    pub applied: bool,
}

/// A disk; clones share it, so that a test keeps a hand on what a log writes to.
#[derive(Debug, Default)]
pub struct Disk {
    state: Arc<Mutex<State>>,
    holds_lock: bool,
}

#[derive(Debug, Default, Clone)]
struct State {
    files: BTreeMap<u64, Content>,
    seen: BTreeMap<String, Node>,
    durable: BTreeMap<String, Node>,
    locked: bool,
    operations: u64,
    fault: Option<Fault>,
    stopped: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Node {
    Dir,
    File(u64),
}

#[derive(Debug, Clone, Default)]
struct Content {
    seen: Vec<u8>,
    durable: Vec<u8>,
}

impl Disk {
    /// An empty disk without faults.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Changing operations so far.
    #[must_use]
    pub fn operations(&self) -> u64 {
        self.state().operations
    }

    /// Makes one operation fail, and all after it.
    pub fn fail_at(&self, fault: Fault) {
        self.state().fault = Some(fault);
    }

    /// The process was killed: everything it wrote is still to be seen, nothing more is durable than was.
    pub fn kill(&self) {
        let mut state = self.state();
        state.stopped = false;
        state.fault = None;
        state.locked = false;
    }

    /// The power failed: what wasn't synced is lost, torn or kept, as `seed` decides.
    pub fn power_loss(&self, seed: u64) {
        self.kill();
        self.state().lose(&mut Dice(seed));
    }

    /// Replaces a file behind the log's back, durably, as an attacker would; `None` removes it.
    pub fn tamper(&self, path: &str, bytes: Option<&[u8]>) {
        let mut state = self.state();
        let Some(bytes) = bytes else {
            state.seen.remove(path);
            state.durable.remove(path);
            return;
        };
        let mut dir = parent(path);
        while !dir.is_empty() {
            state.seen.insert(dir.to_owned(), Node::Dir);
            state.durable.insert(dir.to_owned(), Node::Dir);
            dir = parent(dir);
        }
        let id = state.new_file(bytes);
        if let Some(content) = state.files.get_mut(&id) {
            content.durable = content.seen.clone();
        }
        state.seen.insert(path.to_owned(), Node::File(id));
        state.durable.insert(path.to_owned(), Node::File(id));
    }

    /// A second disk with what is to be seen on this one.
    #[must_use]
    pub fn copy(&self) -> Self {
        let copy = Self::new();
        let state = self.state();
        for (path, node) in &state.seen {
            if let Node::File(id) = node
                && let Some(content) = state.files.get(id)
            {
                copy.tamper(path, Some(&content.seen));
            }
        }
        copy
    }

    /// A second disk in the same state, with what isn't durable still open.
    #[must_use]
    pub fn fork(&self) -> Self {
        Self { state: Arc::new(Mutex::new(self.state().clone())), holds_lock: false }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, act: impl FnOnce(&mut State) -> io::Result<()>) -> io::Result<()> {
        let mut state = self.state();
        let stop = || Err(io::Error::other("the disk has crashed"));
        if state.stopped {
            return stop();
        }
        let now = state.operations;
        state.operations += 1;
        match state.fault {
            Some(fault) if fault.operation == now => {
                state.stopped = true;
                if fault.applied {
                    act(&mut state)?;
                }
                stop()
            }
            _ => act(&mut state),
        }
    }
}

impl Clone for Disk {
    fn clone(&self) -> Self {
        Self { state: Arc::clone(&self.state), holds_lock: false }
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        if self.holds_lock {
            self.state().locked = false;
        }
    }
}

impl State {
    fn new_file(&mut self, bytes: &[u8]) -> u64 {
        let id = self.files.len() as u64;
        let content = Content { seen: bytes.to_vec(), durable: Vec::new() };
        self.files.insert(id, content);
        id
    }

    fn require_dir(&self, path: &str) -> io::Result<()> {
        if path.is_empty() || self.seen.get(path) == Some(&Node::Dir) {
            Ok(())
        } else {
            Err(io::ErrorKind::NotFound.into())
        }
    }

    fn lose(&mut self, dice: &mut Dice) {
        let paths: BTreeSet<String> = self.seen.keys().chain(self.durable.keys()).cloned().collect();
        let mut kept: BTreeMap<String, Node> = BTreeMap::new();
        // Sorted, so a folder comes before what is in it.
        for path in paths {
            let (seen, durable) = (self.seen.get(&path), self.durable.get(&path));
            let node = if seen == durable || dice.coin() { durable } else { seen };
            let above = parent(&path);
            if let Some(node) = node
                && (above.is_empty() || kept.get(above) == Some(&Node::Dir))
            {
                kept.insert(path, *node);
            }
        }
        for content in self.files.values_mut() {
            let torn = tear(content, dice);
            content.seen.clone_from(&torn);
            content.durable = torn;
        }
        self.seen.clone_from(&kept);
        self.durable = kept;
    }
}

/// What a power loss leaves of a file.
fn tear(content: &Content, dice: &mut Dice) -> Vec<u8> {
    let (old, new) = (&content.durable, &content.seen);
    if old == new {
        return old.clone();
    }
    let longest = old.len().max(new.len());
    let sectors = longest.div_ceil(SECTOR);
    let length = match dice.below(4) {
        0 => old.len(),
        1 => (dice.below(sectors + 1) * SECTOR).min(longest),
        _ => new.len(),
    };
    let mut torn = vec![0; length];
    for (number, sector) in torn.chunks_mut(SECTOR).enumerate() {
        let from = match dice.below(3) {
            0 => old,
            1 => new,
            _ => continue,
        };
        let source = from.get(number * SECTOR..).unwrap_or_default();
        for (to, byte) in sector.iter_mut().zip(source) {
            *to = *byte;
        }
    }
    torn
}

impl Storage for Disk {
    fn lock(&mut self) -> io::Result<()> {
        let mut state = self.state();
        if state.locked {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        state.locked = true;
        drop(state);
        self.holds_lock = true;
        Ok(())
    }

    fn read(&self, path: &str) -> io::Result<Option<Vec<u8>>> {
        let state = self.state();
        match state.seen.get(path) {
            Some(Node::File(id)) => Ok(state.files.get(id).map(|content| content.seen.clone())),
            Some(Node::Dir) => Err(io::ErrorKind::IsADirectory.into()),
            None => Ok(None),
        }
    }

    fn list(&self) -> io::Result<Vec<String>> {
        let state = self.state();
        let files = state.seen.iter().filter(|(_, node)| **node != Node::Dir);
        Ok(files.map(|(path, _)| path.clone()).collect())
    }

    fn write(&mut self, path: &str, bytes: &[u8]) -> io::Result<()> {
        self.change(|state| {
            state.require_dir(parent(path))?;
            let id = state.new_file(bytes);
            state.seen.insert(path.to_owned(), Node::File(id));
            Ok(())
        })
    }

    fn sync_file(&mut self, path: &str) -> io::Result<()> {
        self.change(|state| {
            let Some(Node::File(id)) = state.seen.get(path).copied() else {
                return Err(io::ErrorKind::NotFound.into());
            };
            if let Some(content) = state.files.get_mut(&id) {
                content.durable.clone_from(&content.seen);
            }
            Ok(())
        })
    }

    fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        self.change(|state| {
            state.require_dir(parent(to))?;
            let node = state.seen.remove(from).ok_or(io::Error::from(io::ErrorKind::NotFound))?;
            state.seen.insert(to.to_owned(), node);
            Ok(())
        })
    }

    fn sync_dir(&mut self, path: &str) -> io::Result<()> {
        self.change(|state| {
            state.require_dir(path)?;
            state.durable.retain(|name, _| parent(name) != path);
            for (name, node) in &state.seen {
                if parent(name) == path {
                    state.durable.insert(name.clone(), *node);
                }
            }
            Ok(())
        })
    }

    fn make_dir(&mut self, path: &str) -> io::Result<()> {
        self.change(|state| {
            state.require_dir(parent(path))?;
            if !path.is_empty() {
                state.seen.insert(path.to_owned(), Node::Dir);
            }
            Ok(())
        })
    }

    fn remove(&mut self, path: &str) -> io::Result<()> {
        self.change(|state| {
            state.seen.remove(path);
            Ok(())
        })
    }
}

/// SplitMix64: the same seed, the same crash.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn coin(&mut self) -> bool {
        self.next() & 1 == 1
    }

    fn below(&mut self, limit: usize) -> usize {
        // The remainder is at most `limit`, so it fits.
        usize::try_from(self.next() % limit.max(1) as u64).unwrap_or(0)
    }
}
