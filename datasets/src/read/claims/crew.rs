//! Threads that read stretches of claims files. What they make is taken in by the desk in the order of the files, so that it
//! is the same however many threads there are. Not the reading itself.
//!
//! A thread has a desk of its own, with its own numbers for identities. It keeps both from stretch to stretch: the same
//! people come again.

use std::collections::{HashMap, VecDeque};
use std::io::{BufRead, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::{Builder, Scope};

use super::cut::Cutter;
use super::provider::Totals;
use super::stretch::{self, About, Course, Outcome, Start};
use crate::catalogue::Catalogue;
use crate::read::ReadOptions;
use crate::read::desk::{Desk, Part};
use crate::read::error::ReadError;
use crate::read::master::Masters;
use crate::read::report::Kind;
use crate::read::text::Encoding;

/// Bytes after which a file is cut: enough that handing over costs nothing, few enough that all threads end together.
pub(in crate::read) const CHUNK: usize = 512 << 10;
/// A file that can't be cut in so many chunks is read on by one thread.
const MOST: usize = 8;
/// Files smaller than this part of a chunk are no work for threads.
const FEW: usize = 8;
/// A thread that knows so many identities forgets them.
pub(super) const KNOWN: usize = 1 << 16;

struct Job {
    number: u64,
    kind: Kind,
    file: Arc<str>,
    encoding: Encoding,
    start: Start,
    text: Vec<u8>,
}

struct Done {
    number: u64,
    worker: usize,
    text: Vec<u8>,
    made: Result<Made, ReadError>,
}

struct Made {
    part: Part,
    outcome: Outcome,
    /// The thread began anew with its numbers.
    forgot: bool,
}

/// A stretch that was handed over.
struct Flight {
    number: u64,
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
        if self.options.threads <= 1 {
            return self.here(desk, about, start, input);
        }
        let mut text = self.spare.pop().unwrap_or_default();
        let failed = |error: std::io::Error| ReadError::io(file, &error);
        let mut more = |text: &mut Vec<u8>, bytes: usize| -> Result<bool, ReadError> {
            let read = input.take(bytes as u64).read_to_end(text).map_err(failed)?;
            Ok(read == bytes)
        };
        // What a cut leaves behind is about a receipt.
        let (chunk, margin) = (self.chunk, self.chunk / 16 + 1);
        let mut going = more(&mut text, chunk + margin)?;
        if !going && self.flights.is_empty() && text.len() <= chunk / FEW || !self.ready(desk) {
            return self.here(desk, about, start, &mut text.as_slice().chain(input));
        }
        let name: Arc<str> = file.into();
        let (mut cutter, mut at) = (Cutter::new(kind), 0);
        let mut start = start;
        let job = |start: Start, text: Vec<u8>| Job { number: 0, kind, file: Arc::clone(&name), encoding, start, text };
        if !going {
            return self.give(desk, job(start, text), true);
        }
        loop {
            let (stopped, cut) = cutter.go(&text, at, chunk);
            at = stopped;
            if cut {
                let mut rest = self.spare.pop().unwrap_or_default();
                rest.reserve(chunk + margin);
                rest.extend_from_slice(text.get(at..).unwrap_or(&[]));
                text.truncate(at);
                let before = std::mem::replace(&mut start, Start { later: true, ..cutter.start.clone() });
                self.give(desk, job(before, std::mem::replace(&mut text, rest)), false)?;
                at = 0;
                if going {
                    let wanted = (chunk + margin).saturating_sub(text.len()).max(1);
                    going = more(&mut text, wanted)?;
                }
            } else if !going {
                return self.give(desk, job(start, text), true);
            } else if text.len() > chunk.saturating_mul(MOST) {
                return self.here(desk, about, start, &mut text.as_slice().chain(input));
            } else {
                going = more(&mut text, chunk)?;
            }
        }
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

    fn give(&mut self, desk: &mut Desk<'_>, mut job: Job, last: bool) -> Result<(), ReadError> {
        let size = self.team.as_ref().map_or(0, |team| team.size);
        while self.flights.len() > 2 * size {
            self.land(desk)?;
        }
        job.number = self.next;
        self.next += 1;
        let (number, kind, encoding) = (job.number, job.kind, job.encoding);
        let (file, start) = (Arc::clone(&job.file), job.start.clone());
        self.flights.push_back(Flight { number, kind, file, encoding, start, last });
        let team = self.team.as_ref().ok_or(ReadError::Worker)?;
        team.jobs.send(job).map_err(|_| ReadError::Worker)
    }

    /// Takes in all that was handed over.
    pub(in crate::read) fn drain(&mut self, desk: &mut Desk<'_>) -> Result<(), ReadError> {
        while !self.flights.is_empty() {
            self.land(desk)?;
        }
        Ok(())
    }

    /// Takes in the stretch that comes next.
    fn land(&mut self, desk: &mut Desk<'_>) -> Result<(), ReadError> {
        let Some(Flight { number, kind, file, encoding, start, last }) = self.flights.pop_front() else {
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
        let Done { worker, mut text, made, .. } = done;
        let Made { part, mut outcome, forgot } = made?;
        let mut course = match self.course.take() {
            Some(course) if start.later => course,
            _ => Course::new(&mut desk.tally, About { kind, file: &file, encoding }),
        };
        let known = self.known.get_mut(worker).ok_or(ReadError::Worker)?;
        if forgot {
            known.clear();
        }
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

/// What a thread does.
fn work(
    worker: usize,
    catalogue: &Catalogue,
    options: &ReadOptions,
    masters: Arc<Masters>,
    waiting: &Mutex<Receiver<Job>>,
    tell: &Sender<Done>,
) {
    let mut nowhere = |_| Ok(());
    let mut desk = Desk::new(catalogue, options, &mut nowhere).map(|mut desk| {
        desk.masters = masters;
        desk.branch()
    });
    loop {
        let Ok(Ok(job)) = waiting.lock().map(|waiting| waiting.recv()) else {
            return;
        };
        let made = match &mut desk {
            Ok(desk) => guarded(|| make(desk, &job)),
            Err(_) => Err(ReadError::Worker),
        };
        if tell.send(Done { number: job.number, worker, text: job.text, made }).is_err() {
            return;
        }
    }
}

fn make(desk: &mut Desk<'_>, job: &Job) -> Result<Made, ReadError> {
    let forgot = desk.identities.len() > KNOWN;
    if forgot {
        desk.forget();
    }
    let about = About { kind: job.kind, file: &job.file, encoding: job.encoding };
    let totals = Totals::Later(Vec::new());
    let outcome = stretch::read(desk, about, job.start.clone(), None, totals, &mut job.text.as_slice())?;
    Ok(Made { part: desk.part()?, outcome, forgot })
}

/// A panic on a thread is an error of the run.
pub(super) fn guarded<T>(work: impl FnOnce() -> Result<T, ReadError>) -> Result<T, ReadError> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or(Err(ReadError::Worker))
}
