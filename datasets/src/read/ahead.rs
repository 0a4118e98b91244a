//! Documents on their way: a thread of its own opens and unpacks those that come next while the desk takes in those before. What
//! is read and in which order is the same as without it.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread::{Builder, Scope};

use super::ReadOptions;
use super::error::ReadError;
use super::opener::{Opener, Small, Unzipped};
use super::queue::Item;
use super::walk::Plan;

/// Documents that are asked for at once.
const ASKED: usize = 128;
/// What is handed over at once is at most so many bytes and a document more.
const LOAD: usize = 1 << 20;
/// Loads that wait.
const WAITING: usize = 2;

/// What the thread needs to know of a document.
struct Asked {
    path: PathBuf,
    entry: Option<usize>,
    shown: String,
}

type Read = Result<Small, ReadError>;

struct Thread {
    ask: Sender<Vec<Asked>>,
    told: Receiver<Vec<Read>>,
}

/// The documents of a run.
pub(super) struct Ahead<'s, 'e> {
    scope: &'s Scope<'s, 'e>,
    options: &'e ReadOptions,
    unzipped: &'e Unzipped,
    thread: Option<Thread>,
    /// Asked for and not taken yet.
    items: VecDeque<Item>,
    /// Read and not taken yet.
    read: VecDeque<Read>,
}

impl<'s, 'e> Ahead<'s, 'e> {
    pub(super) fn new(scope: &'s Scope<'s, 'e>, options: &'e ReadOptions, unzipped: &'e Unzipped) -> Self {
        Self { scope, options, unzipped, thread: None, items: VecDeque::new(), read: VecDeque::new() }
    }

    /// What comes next; a document that was not looked into comes with its bytes.
    pub(super) fn next(
        &mut self,
        plan: &mut Plan<'_>,
        opener: &mut Opener<'_>,
    ) -> Result<Option<(Item, Option<Small>)>, ReadError> {
        // What turned out to be no document and has its turn before them goes first.
        if self.items.is_empty() || plan.is_due() {
            let Some(item) = plan.next(opener)? else {
                return Ok(None);
            };
            if !item.unseen {
                return Ok(Some((item, None)));
            }
            if !self.ready() {
                let mut small = Small::default();
                opener.whole(&item, &mut small)?;
                return Ok(Some((item, Some(small))));
            }
            self.ask(vec![item])?;
        }
        if self.items.len() <= ASKED {
            let mut more = Vec::new();
            while more.len() < ASKED && plan.is_unseen() {
                more.extend(plan.next(opener)?);
            }
            self.ask(more)?;
        }
        while self.read.is_empty() {
            let thread = self.thread.as_ref().ok_or(ReadError::Worker)?;
            self.read.extend(thread.told.recv().map_err(|_| ReadError::Worker)?);
        }
        match (self.items.pop_front(), self.read.pop_front()) {
            (Some(item), Some(small)) => Ok(Some((item, Some(small?)))),
            _ => Err(ReadError::Worker),
        }
    }

    /// Starts the thread, if it is wanted and can be started.
    fn ready(&mut self) -> bool {
        if self.thread.is_none() && self.options.threads > 1 {
            let (ask, asked) = channel();
            let (tell, told) = sync_channel(WAITING);
            let (options, unzipped) = (self.options, self.unzipped);
            let work = move || work(options, unzipped, &asked, &tell);
            if Builder::new().name("documents".to_owned()).spawn_scoped(self.scope, work).is_ok() {
                self.thread = Some(Thread { ask, told });
            }
        }
        self.thread.is_some()
    }

    fn ask(&mut self, items: Vec<Item>) -> Result<(), ReadError> {
        let asked: Vec<Asked> = items
            .iter()
            .map(|item| Asked { path: item.path.to_path_buf(), entry: item.entry, shown: item.shown.clone() })
            .collect();
        self.items.extend(items);
        match &self.thread {
            Some(thread) if !asked.is_empty() => thread.ask.send(asked).map_err(|_| ReadError::Worker),
            _ => Ok(()),
        }
    }
}

fn work(options: &ReadOptions, unzipped: &Unzipped, asked: &Receiver<Vec<Asked>>, tell: &SyncSender<Vec<Read>>) {
    let mut opener = Opener::new(options, unzipped, &|_| {});
    for asked in asked {
        let (mut load, mut bytes) = (Vec::new(), 0);
        for Asked { path, entry, shown } in asked {
            let item = Item::new(Rc::<Path>::from(path), entry, shown);
            let mut small = Small::default();
            load.push(opener.whole(&item, &mut small).map(|()| {
                bytes += small.bytes().len();
                small
            }));
            if bytes > LOAD {
                bytes = 0;
                if tell.send(std::mem::take(&mut load)).is_err() {
                    return;
                }
            }
        }
        if !load.is_empty() && tell.send(load).is_err() {
            return;
        }
    }
}
