//! Rows by number. As a `Vec`, and one as long as all fits into memory; then of its pages only so many are: the one that was not
//! used for longest, roughly (second chance), makes room for the next.

use std::io;

use super::Keep;
use super::sealed::Sealed;

/// A row of fixed size that can be written down.
pub(in crate::read) trait Record: Copy + Default {
    /// Bytes that [`Record::write`] appends.
    const BYTES: usize;
    /// Rows of a page: more where neighbours are asked for together, fewer where they are not.
    const PAGE: usize = 128;
    fn write(&self, to: &mut Vec<u8>);
    fn read(from: &mut Words<'_>) -> Self;
}

/// Bytes of a record, taken from the left; zeros after their end.
pub(in crate::read) struct Words<'a>(&'a [u8]);

impl Words<'_> {
    fn take<const N: usize>(&mut self) -> [u8; N] {
        match self.0.split_first_chunk() {
            Some((first, rest)) => {
                self.0 = rest;
                *first
            }
            None => [0; N],
        }
    }

    pub(in crate::read) fn u8(&mut self) -> u8 {
        let [byte] = self.take();
        byte
    }

    pub(in crate::read) fn u32(&mut self) -> u32 {
        u32::from_le_bytes(self.take())
    }

    pub(in crate::read) fn i32(&mut self) -> i32 {
        i32::from_le_bytes(self.take())
    }

    pub(in crate::read) fn i64(&mut self) -> i64 {
        i64::from_le_bytes(self.take())
    }
}

impl Record for () {
    const BYTES: usize = 0;
    fn write(&self, _: &mut Vec<u8>) {}
    fn read(_: &mut Words<'_>) {}
}

impl Record for u32 {
    const BYTES: usize = 4;

    fn write(&self, to: &mut Vec<u8>) {
        to.extend_from_slice(&self.to_le_bytes());
    }

    fn read(from: &mut Words<'_>) -> Self {
        from.u32()
    }
}

impl Record for Option<i64> {
    const BYTES: usize = 9;

    fn write(&self, to: &mut Vec<u8>) {
        to.push(u8::from(self.is_some()));
        to.extend_from_slice(&self.unwrap_or_default().to_le_bytes());
    }

    fn read(from: &mut Words<'_>) -> Self {
        let (some, number) = (from.u8() == 1, from.i64());
        some.then_some(number)
    }
}

/// In no frame.
const AWAY: u32 = u32::MAX;

/// Where a page is.
#[derive(Clone, Copy)]
struct Place {
    frame: u32,
    /// How often it was written; never: all its rows are the default.
    version: u32,
}

/// A page in memory.
struct Frame<T> {
    page: usize,
    /// Since the hand came by.
    used: bool,
    changed: bool,
    rows: Vec<T>,
}

pub(in crate::read) struct Pages<T> {
    keep: Keep,
    /// Frames there may be.
    most: usize,
    len: usize,
    /// All rows, until they are more than frames hold.
    whole: Vec<T>,
    paged: bool,
    places: Vec<Place>,
    frames: Vec<Frame<T>>,
    /// The frame that is looked at next when one must go.
    hand: usize,
    sealed: Option<Sealed>,
}

impl<T: Record> Default for Pages<T> {
    fn default() -> Self {
        Self::new(&Keep::default(), 0)
    }
}

impl<T: Record> Pages<T> {
    /// No rows yet. They get so many hundredths of the memory that there is for all.
    pub(in crate::read) fn new(keep: &Keep, share: usize) -> Self {
        let most = match keep.folder {
            // Of two pages one can be read while the other stays.
            Some(_) => (keep.bytes / 100 * share / (T::PAGE * size_of::<T>().max(1))).max(2),
            None => usize::MAX,
        };
        Self {
            keep: keep.clone(),
            most,
            len: 0,
            whole: Vec::new(),
            paged: false,
            places: Vec::new(),
            frames: Vec::new(),
            hand: 0,
            sealed: None,
        }
    }

    /// An empty one that may take as much.
    pub(super) fn alike(&self) -> Self {
        Self { keep: self.keep.clone(), most: self.most, ..Self::default() }
    }

    pub(in crate::read) fn len(&self) -> usize {
        self.len
    }

    /// At least so many rows; new ones are the default and take nothing until they are changed.
    pub(in crate::read) fn reach(&mut self, len: usize) {
        if len > self.len {
            if !self.paged {
                if len.div_ceil(T::PAGE) <= self.most {
                    self.whole.resize(len, T::default());
                    self.len = len;
                    return;
                }
                self.divide();
            }
            let inside = self.len % T::PAGE;
            if inside > 0 {
                let (page, rows) = (self.len / T::PAGE, (inside + len - self.len).min(T::PAGE));
                if let Some(frame) = self.frame(page) {
                    frame.rows.resize(rows, T::default());
                }
            }
            self.len = len;
            self.places.resize(len.div_ceil(T::PAGE), Place { frame: AWAY, version: 0 });
        }
    }

    /// Pages of what was one piece.
    fn divide(&mut self) {
        self.paged = true;
        for (rows, frame) in std::mem::take(&mut self.whole).chunks(T::PAGE).zip(0..) {
            self.places.push(Place { frame, version: 0 });
            let page = self.frames.len();
            self.frames.push(Frame { page, used: true, changed: true, rows: rows.to_vec() });
        }
    }

    pub(in crate::read) fn push(&mut self, row: T) {
        let at = self.len;
        self.reach(at + 1);
        self.change(at, |new| *new = row);
    }

    #[inline]
    pub(in crate::read) fn get(&mut self, at: usize) -> Option<T> {
        if !self.paged {
            return self.whole.get(at).copied();
        }
        self.frame(at / T::PAGE)?.rows.get(at % T::PAGE).copied()
    }

    #[inline]
    pub(in crate::read) fn change<R>(&mut self, at: usize, change: impl FnOnce(&mut T) -> R) -> Option<R> {
        if !self.paged {
            return self.whole.get_mut(at).map(change);
        }
        let frame = self.frame(at / T::PAGE)?;
        let row = frame.rows.get_mut(at % T::PAGE)?;
        frame.changed = true;
        Some(change(row))
    }

    /// The rows from this one to the end of its page, or to the end of all.
    #[inline]
    pub(super) fn from(&mut self, at: usize) -> Option<&[T]> {
        if !self.paged {
            return self.whole.get(at..);
        }
        self.frame(at / T::PAGE)?.rows.get(at % T::PAGE..)
    }

    fn frame(&mut self, page: usize) -> Option<&mut Frame<T>> {
        let mut at = self.places.get(page)?.frame;
        if at == AWAY {
            let loaded = self.load(page);
            at = self.noted(loaded)?;
        }
        let frame = self.frames.get_mut(at as usize)?;
        frame.used = true;
        Some(frame)
    }

    fn noted<R>(&self, done: io::Result<R>) -> Option<R> {
        if let Err(error) = &done {
            self.keep.failed.set(Some(error.kind()));
        }
        done.ok()
    }

    /// Rows of this page.
    fn rows(&self, page: usize) -> usize {
        self.len.saturating_sub(page * T::PAGE).min(T::PAGE)
    }

    fn load(&mut self, page: usize) -> io::Result<u32> {
        let at = if self.frames.len() < self.most {
            self.frames.push(Frame { page, used: true, changed: false, rows: Vec::new() });
            self.frames.len() - 1
        } else {
            self.make_room()?
        };
        let (rows, failed) = (self.rows(page), || io::Error::other("no such page"));
        let place = self.places.get_mut(page).ok_or_else(failed)?;
        let frame = self.frames.get_mut(at).ok_or_else(failed)?;
        frame.rows.clear();
        match (&mut self.sealed, place.version) {
            (_, 0) => frame.rows.resize(rows, T::default()),
            (None, _) => return Err(failed()),
            (Some(sealed), version) => {
                let bytes = sealed.read(number(page)?, version)?;
                frame.rows.extend(bytes.chunks_exact(T::BYTES.max(1)).take(rows).map(|row| T::read(&mut Words(row))));
            }
        }
        (frame.page, frame.used, frame.changed) = (page, true, false);
        place.frame = number(at)?;
        Ok(place.frame)
    }

    /// Puts a page away; its frame is free then.
    fn make_room(&mut self) -> io::Result<usize> {
        loop {
            self.hand = if self.hand + 1 < self.frames.len() { self.hand + 1 } else { 0 };
            let Some(frame) = self.frames.get_mut(self.hand) else {
                return Err(io::Error::other("no frames"));
            };
            if !std::mem::take(&mut frame.used) {
                self.put_away(self.hand)?;
                return Ok(self.hand);
            }
        }
    }

    fn put_away(&mut self, at: usize) -> io::Result<()> {
        let failed = || io::Error::other("no such page");
        let frame = self.frames.get_mut(at).ok_or_else(failed)?;
        let place = self.places.get_mut(frame.page).ok_or_else(failed)?;
        if frame.changed {
            let sealed = match (&mut self.sealed, &self.keep.folder) {
                (Some(sealed), _) => sealed,
                (none, Some(folder)) => none.insert(Sealed::create(folder, T::PAGE * T::BYTES)?),
                (None, None) => return Err(failed()),
            };
            // A version is never used twice, not even of a page that could not be written.
            place.version = place.version.checked_add(1).ok_or_else(failed)?;
            sealed.write(number(frame.page)?, place.version, |to| {
                frame.rows.iter().for_each(|row| row.write(to));
                to.resize(T::PAGE * T::BYTES, 0);
            })?;
            frame.changed = false;
        }
        place.frame = AWAY;
        Ok(())
    }

    /// All rows in their order, and nothing of them stays: what is in memory goes first where there is a file.
    pub(super) fn drain(mut self, mut each: impl FnMut(T)) {
        if !self.paged {
            return self.whole.into_iter().for_each(each);
        }
        if self.sealed.is_some() {
            for at in 0..self.frames.len() {
                let away = self.put_away(at);
                self.noted(away);
            }
            (self.frames, self.hand, self.most) = (Vec::new(), 0, 1);
        }
        for page in 0..self.places.len() {
            if let Some(frame) = self.frame(page) {
                std::mem::take(&mut frame.rows).into_iter().for_each(&mut each);
            }
        }
    }
}

fn number(at: usize) -> io::Result<u32> {
    u32::try_from(at).map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
    use std::path::Path;
    use std::rc::Rc;

    use proptest::prelude::*;

    use super::*;

    fn small(folder: &Path) -> Keep {
        Keep { folder: Some(Rc::from(folder)), bytes: 1, ..Keep::default() }
    }

    #[derive(Debug, Clone)]
    enum Step {
        Push(u32),
        Reach(usize),
        Set(usize, u32),
        Get(usize),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => any::<u32>().prop_map(Step::Push),
            1 => (0_usize..400).prop_map(Step::Reach),
            4 => (0_usize..3000, any::<u32>()).prop_map(|(at, value)| Step::Set(at, value)),
            4 => (0_usize..3000).prop_map(Step::Get),
        ]
    }

    proptest! {
        /// The law: as a Vec, with two pages in memory and with all.
        #[test]
        fn as_a_vec(steps in prop::collection::vec(step(), 0..600)) {
            let dir = tempfile::tempdir().unwrap();
            for keep in [small(dir.path()), Keep::default()] {
                let (mut pages, mut rows) = (Pages::<u32>::new(&keep, 1), Vec::new());
                for step in steps.clone() {
                    match step {
                        Step::Push(value) => {
                            pages.push(value);
                            rows.push(value);
                        }
                        Step::Reach(more) => {
                            rows.resize(rows.len() + more, 0);
                            pages.reach(rows.len());
                        }
                        Step::Set(at, value) => {
                            prop_assert_eq!(pages.change(at, |row| *row = value), rows.get(at).map(|_| ()));
                            if let Some(row) = rows.get_mut(at) {
                                *row = value;
                            }
                        }
                        Step::Get(at) => prop_assert_eq!(pages.get(at), rows.get(at).copied()),
                    }
                }
                prop_assert_eq!(pages.len(), rows.len());
                prop_assert!(keep.folder.is_none() || pages.frames.len() <= 2);
                let mut drained = Vec::new();
                pages.drain(|row| drained.push(row));
                prop_assert_eq!(drained, rows);
                prop_assert!(keep.demand().is_ok());
            }
        }
    }

    #[test]
    fn a_file_that_fails_is_told() {
        let keep = small(Path::new("/nowhere/at/all"));
        let mut pages = Pages::<u32>::new(&keep, 1);
        (0..10_000).for_each(|row| pages.push(row));
        assert!(keep.demand().unwrap_err().to_string().contains("/nowhere/at/all"));
        assert_eq!(pages.get(5_000), None);
    }
}
