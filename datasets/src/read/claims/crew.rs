//! Threads that read stretches of claims files, and documents of checkups by the load. What they make is taken in by the desk in
//! the order of the files, so that it is the same however many threads there are. Not the reading itself.
//!
//! A thread has a desk of its own, with its own numbers for identities. It keeps both from stretch to stretch: the same
//! people come again.

use std::collections::{HashMap, VecDeque};
use std::io::{BufRead, Read};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::{Builder, Scope};

use super::feed::Feed;
use super::stretch::{About, Course, Outcome, Start};
use super::worker::{Document, Done, Job, Made, Stretch, Work, work};
use crate::catalogue::Catalogue;
use crate::read::ReadOptions;
use crate::read::checkup;
use crate::read::desk::{Desk, Part};
use crate::read::error::ReadError;
use crate::read::report::Kind;
use crate::read::text::Encoding;

/// Bytes after which a file is cut: enough that handing over costs nothing, few enough that all threads end together.
pub(in crate::read) const CHUNK: usize = 512 << 10;
/// A file that can't be cut in so many chunks is read on by one thread.
const MOST: usize = 8;
/// Files smaller than this part of a chunk are no work for threads.
const FEW: usize = 8;
/// Stretches of the first file that are handed over before its turn.
const EARLY: usize = 12;
/// Documents that are handed over at once, if they are not a chunk before.
const LOAD: usize = 64;

/// What was handed over: a stretch, or documents.
struct Flight {
    number: u64,
    of: Option<Given>,
}

/// A stretch, without its text.
struct Given {
    kind: Kind,
    file: Arc<str>,
    encoding: Encoding,
    start: Start,
    last: bool,
}

struct Team {
    jobs: Sender<Job>,
    done: Receiver<Done>,
    size: usize,
}

/// The threads of a run, and what they are at.
pub(in crate::read) struct Crew<'s, 'e> {
    scope: &'s Scope<'s, 'e>,
    catalogue: &'e Catalogue,
    options: &'e ReadOptions,
    chunk: usize,
    team: Option<Team>,
    next: u64,
    flights: VecDeque<Flight>,
    landed: HashMap<u64, Done>,
    /// By thread: the desk's numbers of its identities.
    known: Vec<Vec<u32>>,
    /// The file of which a part is taken in.
    course: Option<Course>,
    /// Buffers to use again.
    spare: Vec<Vec<u8>>,
    /// Documents to be handed over together, and their bytes.
    load: Vec<Document>,
    loaded: usize,
    /// The first file, begun before its turn.
    early: Option<Early>,
    /// Stretches that may be under way, if they are more than the threads need.
    most: usize,
}

/// A file that was begun before its turn, and what is left of it.
struct Early {
    file: Arc<str>,
    rest: Option<Feed>,
}

impl<'s, 'e> Crew<'s, 'e> {
    pub(in crate::read) fn new(
        scope: &'s Scope<'s, 'e>,
        catalogue: &'e Catalogue,
        options: &'e ReadOptions,
        chunk: usize,
    ) -> Self {
        Self {
            scope,
            catalogue,
            options,
            chunk: chunk.max(1),
            team: None,
            next: 0,
            flights: VecDeque::new(),
            landed: HashMap::new(),
            known: Vec::new(),
            course: None,
            spare: Vec::new(),
            load: Vec::new(),
            loaded: 0,
            early: None,
            most: 0,
        }
    }

    /// Reads a document, or hands it over: as for [`Crew::read`]. That it came before has been looked into.
    pub(in crate::read) fn document(
        &mut self,
        desk: &mut Desk<'_>,
        checkups: &mut checkup::Reader,
        document: Document,
    ) -> Result<(), ReadError> {
        if self.options.threads <= 1 || !self.ready(desk) {
            return checkups.new_document(desk, &document.file, document.named, document.bytes.bytes());
        }
        self.loaded += document.bytes.bytes().len();
        self.load.push(document);
        if self.load.len() >= LOAD || self.loaded >= self.chunk { self.unload(desk) } else { Ok(()) }
    }

    fn unload(&mut self, desk: &mut Desk<'_>) -> Result<(), ReadError> {
        self.loaded = 0;
        match std::mem::take(&mut self.load) {
            load if load.is_empty() => Ok(()),
            load => self.send(desk, Work::Documents(load), None),
        }
    }

    /// Reads a file, or hands it over: what is wrong with it may be told only by [`Crew::drain`].
    pub(in crate::read) fn read(
        &mut self,
        desk: &mut Desk<'_>,
        kind: Kind,
        file: &str,
        encoding: Encoding,
        input: &mut dyn BufRead,
    ) -> Result<(), ReadError> {
        let about = About { kind, file, encoding };
        let start = Start::default();
        self.unload(desk)?;
        if self.options.threads <= 1 {
            return self.here(desk, about, start, input);
        }
        let margined = self.chunk + self.chunk / 16 + 1;
        let feed = match self.early.take() {
            // What was handed over first must be taken in first.
            Some(Early { file: begun, .. }) if *begun != *file => return Err(ReadError::Worker),
            Some(Early { rest: None, .. }) => return Ok(()),
            Some(Early { rest: Some(feed), .. }) => {
                feed.pass(input)?;
                feed
            }
            None => {
                let mut feed = Feed::new(kind, file, encoding, self.spare.pop().unwrap_or_default());
                feed.more(input, margined)?;
                let small = !feed.going && self.flights.is_empty() && feed.text.len() <= self.chunk / FEW;
                if small || !self.ready(desk) {
                    return self.here(desk, about, start, &mut feed.text.as_slice().chain(input));
                }
                if !feed.going {
                    return self.give(desk, feed.last(), true);
                }
                feed
            }
        };
        match self.feed(desk, feed, input, usize::MAX)? {
            Some(feed) => self.here(desk, about, feed.start, &mut feed.text.as_slice().chain(input)),
            None => Ok(()),
        }
    }

    /// Begins with the first claims file while what has its turn before it is read: the threads have nothing else to do. What is
    /// wrong with it is told in its turn.
    pub(in crate::read) fn begin(
        &mut self,
        desk: &mut Desk<'_>,
        kind: Kind,
        file: &str,
        encoding: Encoding,
        input: &mut dyn BufRead,
    ) -> Result<(), ReadError> {
        let mut feed = Feed::new(kind, file, encoding, Vec::new());
        let read = feed.more(input, self.chunk + self.chunk / 16 + 1);
        // A file of one stretch is soon read.
        if read.is_ok() && feed.going && self.ready(desk) {
            let file = Arc::clone(&feed.file);
            self.most = usize::MAX;
            let rest = self.feed(desk, feed, input, EARLY)?;
            (self.most, self.early) = (0, Some(Early { file, rest }));
        }
        Ok(())
    }

    /// Hands a file over, stretch by stretch. What is left of it, if so many stretches are under way, or if it can't be cut.
    fn feed(
        &mut self,
        desk: &mut Desk<'_>,
        mut feed: Feed,
        input: &mut dyn BufRead,
        most: usize,
    ) -> Result<Option<Feed>, ReadError> {
        // What a cut leaves behind is about a receipt.
        let (chunk, margined) = (self.chunk, self.chunk + self.chunk / 16 + 1);
        while self.flights.len() < most {
            let mut rest = self.spare.pop().unwrap_or_default();
            rest.reserve(margined);
            if let Some(stretch) = feed.cut(chunk, &mut rest) {
                self.give(desk, stretch, false)?;
                if feed.going {
                    feed.more(input, margined.saturating_sub(feed.text.len()).max(1))?;
                }
                continue;
            }
            self.spare.push(rest);
            if !feed.going {
                return self.give(desk, feed.last(), true).map(|()| None);
            }
            if feed.text.len() > chunk.saturating_mul(MOST) {
                break;
            }
            feed.more(input, chunk)?;
        }
        Ok(Some(feed))
    }

    /// Reads what is left of a file on this thread.
    fn here(
        &mut self,
        desk: &mut Desk<'_>,
        about: About<'_>,
        start: Start,
        input: &mut dyn BufRead,
    ) -> Result<(), ReadError> {
        self.drain(desk)?;
        let mut course = match self.course.take() {
            Some(course) if start.later => course,
            _ => Course::new(&mut desk.tally, about),
        };
        course.here(desk, start, input)?;
        course.end(&mut desk.tally)
    }

    /// Starts the threads, if they can be started.
    fn ready(&mut self, desk: &Desk<'_>) -> bool {
        if self.team.is_none() {
            let (jobs, waiting) = channel();
            let (tell, done) = channel();
            let waiting = Arc::new(Mutex::new(waiting));
            let mut size = 0;
            for worker in 0..self.options.threads {
                let (waiting, tell, masters) = (Arc::clone(&waiting), tell.clone(), Arc::clone(&desk.masters));
                let (catalogue, options) = (self.catalogue, self.options);
                let work = move || work(worker, catalogue, options, masters, &waiting, &tell);
                if Builder::new().name("claims".to_owned()).spawn_scoped(self.scope, work).is_err() {
                    break;
                }
                size += 1;
            }
            self.known.resize(size, Vec::new());
            self.team = Some(Team { jobs, done, size });
        }
        self.team.as_ref().is_some_and(|team| team.size > 0)
    }

    fn give(&mut self, desk: &mut Desk<'_>, stretch: Stretch, last: bool) -> Result<(), ReadError> {
        let (kind, encoding) = (stretch.kind, stretch.encoding);
        let (file, start) = (Arc::clone(&stretch.file), stretch.start.clone());
        self.send(desk, Work::Stretch(stretch), Some(Given { kind, file, encoding, start, last }))
    }

    fn send(&mut self, desk: &mut Desk<'_>, work: Work, of: Option<Given>) -> Result<(), ReadError> {
        let size = self.team.as_ref().map_or(0, |team| team.size);
        while self.flights.len() > (2 * size).max(self.most) {
            self.land(desk)?;
        }
        let number = self.next;
        self.next += 1;
        self.flights.push_back(Flight { number, of });
        let team = self.team.as_ref().ok_or(ReadError::Worker)?;
        team.jobs.send(Job { number, work }).map_err(|_| ReadError::Worker)
    }

    /// Takes in all that was handed over.
    pub(in crate::read) fn drain(&mut self, desk: &mut Desk<'_>) -> Result<(), ReadError> {
        if self.early.is_some() {
            // Nothing was handed over but what has its turn later.
            return Ok(());
        }
        self.unload(desk)?;
        while !self.flights.is_empty() {
            self.land(desk)?;
        }
        Ok(())
    }

    /// Takes in what comes next.
    fn land(&mut self, desk: &mut Desk<'_>) -> Result<(), ReadError> {
        let Some(Flight { number, of }) = self.flights.pop_front() else {
            return Ok(());
        };
        let done = loop {
            if let Some(done) = self.landed.remove(&number) {
                break done;
            }
            let team = self.team.as_ref().ok_or(ReadError::Worker)?;
            let done = team.done.recv().map_err(|_| ReadError::Worker)?;
            self.landed.insert(done.number, done);
        };
        let Done { worker, text, made, .. } = done;
        let Made { part, outcome, forgot } = made?;
        let known = self.known.get_mut(worker).ok_or(ReadError::Worker)?;
        if forgot {
            known.clear();
        }
        match (of, outcome) {
            (Some(given), Some(outcome)) => self.stretch(desk, worker, given, text, part, outcome),
            _ => {
                let tally = desk.absorb(part, known, true)?;
                desk.tally.absorb(tally, Vec::<(usize, ())>::new(), |_, ()| {});
                Ok(())
            }
        }
    }

    fn stretch(
        &mut self,
        desk: &mut Desk<'_>,
        worker: usize,
        Given { kind, file, encoding, start, last }: Given,
        mut text: Vec<u8>,
        part: Part,
        mut outcome: Outcome,
    ) -> Result<(), ReadError> {
        let mut course = match self.course.take() {
            Some(course) if start.later => course,
            _ => Course::new(&mut desk.tally, About { kind, file: &file, encoding }),
        };
        let known = self.known.get_mut(worker).ok_or(ReadError::Worker)?;
        if outcome.unsure {
            course.here(desk, start, &mut text.as_slice())?;
            desk.absorb(part, known, false)?;
        } else {
            let tally = desk.absorb(part, known, true)?;
            if let Some((ident, ..)) = &mut outcome.summary {
                *ident = *known.get(*ident as usize).ok_or(ReadError::Worker)?;
            }
            course.absorb(desk, tally, outcome)?;
        }
        if last {
            course.end(&mut desk.tally)?;
        } else {
            self.course = Some(course);
        }
        text.clear();
        if text.capacity() <= self.chunk.saturating_mul(2) {
            self.spare.push(text);
        }
        Ok(())
    }
}
