//! One thread of the crew: what it is given, what it makes of it on a desk of its own, and what it hands back. Not the order in
//! which things are taken in.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender};
use std::sync::{Arc, Mutex};

use super::provider::Totals;
use super::stretch::{self, About, Outcome, Start};
use crate::catalogue::Catalogue;
use crate::read::ReadOptions;
use crate::read::checkup;
use crate::read::desk::{Desk, Part};
use crate::read::error::ReadError;
use crate::read::master::Masters;
use crate::read::opener::Small;
use crate::read::report::Kind;
use crate::read::text::Encoding;

/// A thread that knows so many identities forgets them.
pub(super) const KNOWN: usize = 1 << 16;

pub(super) struct Job {
    pub(super) number: u64,
    pub(super) work: Work,
}

pub(super) enum Work {
    Stretch(Stretch),
    Documents(Vec<Document>),
}

pub(super) struct Stretch {
    pub(super) kind: Kind,
    pub(super) file: Arc<str>,
    pub(super) encoding: Encoding,
    pub(super) start: Start,
    pub(super) text: Vec<u8>,
}

/// A document of a checkup, whole.
pub(in crate::read) struct Document {
    pub(in crate::read) file: String,
    pub(in crate::read) named: bool,
    pub(in crate::read) bytes: Small,
}

pub(super) struct Done {
    pub(super) number: u64,
    pub(super) worker: usize,
    pub(super) text: Vec<u8>,
    pub(super) made: Result<Made, ReadError>,
}

pub(super) struct Made {
    pub(super) part: Part,
    /// Of a stretch.
    pub(super) outcome: Option<Outcome>,
    /// The thread began anew with its numbers.
    pub(super) forgot: bool,
}

/// What a thread does.
pub(super) fn work(
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
    let mut checkups = None;
    loop {
        let Ok(Ok(Job { number, mut work })) = waiting.lock().map(|waiting| waiting.recv()) else {
            return;
        };
        let made = match &mut desk {
            Ok(desk) => guarded(|| make(desk, &mut checkups, &work)),
            Err(_) => Err(ReadError::Worker),
        };
        let text = match &mut work {
            Work::Stretch(stretch) => std::mem::take(&mut stretch.text),
            Work::Documents(_) => Vec::new(),
        };
        if tell.send(Done { number, worker, text, made }).is_err() {
            return;
        }
    }
}

fn make(desk: &mut Desk<'_>, checkups: &mut Option<checkup::Reader>, work: &Work) -> Result<Made, ReadError> {
    let forgot = desk.identities.len() > KNOWN;
    if forgot {
        desk.forget();
    }
    let outcome = match work {
        Work::Stretch(Stretch { kind, file, encoding, start, text }) => {
            let about = About { kind: *kind, file, encoding: *encoding };
            let totals = Totals::Later(Vec::new());
            Some(stretch::read(desk, about, start.clone(), None, totals, &mut text.as_slice())?)
        }
        Work::Documents(documents) => {
            let checkups = match checkups {
                Some(checkups) => checkups,
                none => none.insert(checkup::Reader::new(desk)?),
            };
            for Document { file, named, bytes } in documents {
                checkups.new_document(desk, file, *named, bytes.bytes())?;
            }
            None
        }
    };
    Ok(Made { part: desk.part()?, outcome, forgot })
}

/// A panic on a thread is an error of the run.
pub(super) fn guarded<T>(work: impl FnOnce() -> Result<T, ReadError>) -> Result<T, ReadError> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or(Err(ReadError::Worker))
}
