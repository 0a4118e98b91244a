//! One request's life as the log tells it: submitted, judged, charged, answered.

use audit_log::Entry;
use policies::{Charge, Digest};

use crate::notes::{Request, Verdict};

/// Why a request or verdict does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// Not the text of a request or verdict.
    #[error("its text is not a request or verdict of this version")]
    Text,
    /// The event's id is not that of the text.
    #[error("its id is not that of its text")]
    Identity,
    /// The signer has no card of the right role in the present policy.
    #[error("its signer has no card of that role in the present policy")]
    Card,
    /// The signer's key is revoked.
    #[error("its signer's key is revoked")]
    Revoked,
    /// The signature does not verify.
    #[error("its signature does not verify")]
    Signature,
    /// A verdict on a request that is not in the log before it.
    #[error("it is a verdict on a request that was never submitted")]
    Request,
    /// Of another room or project.
    #[error("it is bound to another room or project")]
    Room,
}

/// A verified verdict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cast {
    /// Log entry.
    pub index: u64,
    /// When it was logged, RFC 3339.
    pub time: String,
    /// What was signed.
    pub verdict: Verdict,
    /// The signed note.
    pub note: String,
}

/// A charged run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Intended {
    /// Log entry of the intent.
    pub index: u64,
    /// Keyed digest of the store.
    pub snapshot: String,
    /// What was charged.
    pub charge: Charge,
    /// What became of it; None while it runs, or after a crash.
    pub outcome: Option<Outcome>,
}

/// What became of a charged run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// An answer was released.
    Released {
        /// Log entry of the release.
        index: u64,
        /// Hex digest of the answer's bytes.
        answer: String,
        /// When it may be shown, RFC 3339.
        slot: String,
    },
    /// The run failed and stays charged.
    Failed {
        /// Log entry of the failure.
        index: u64,
        /// Value-free code.
        code: String,
        /// When it may be shown, RFC 3339.
        slot: String,
    },
}

/// Where a request stands, for lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It does not count.
    Invalid(Fault),
    /// No verdict so far, or not enough: `decide` tells.
    Submitted,
    /// Some steward's last verdict is no.
    Rejected,
    /// Charged, no outcome yet.
    Charged,
    /// Answered.
    Released,
    /// The run failed and stays charged.
    Failed,
}

/// A request in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filed {
    id: Digest,
    index: u64,
    time: String,
    request: Request,
    note: String,
    fault: Option<Fault>,
    verdicts: Vec<Cast>,
    intents: Vec<Intended>,
    refusals: Vec<String>,
}

impl Filed {
    pub(super) fn new(entry: &Entry, request: Request, note: &str, fault: Option<Fault>) -> Self {
        Self {
            id: request.id(),
            index: entry.index,
            time: entry.time.clone(),
            request,
            note: note.to_owned(),
            fault,
            verdicts: Vec::new(),
            intents: Vec::new(),
            refusals: Vec::new(),
        }
    }

    pub(super) fn cast(&mut self, entry: &Entry, verdict: Verdict, note: &str) {
        self.verdicts.push(Cast { index: entry.index, time: entry.time.clone(), verdict, note: note.to_owned() });
    }

    pub(super) fn intend(&mut self, index: u64, snapshot: &str, charge: Charge) {
        self.intents.push(Intended { index, snapshot: snapshot.to_owned(), charge, outcome: None });
    }

    /// Whether there was an open intent of this index.
    pub(super) fn close(&mut self, intent: u64, outcome: Outcome) -> bool {
        let open = |intended: &&mut Intended| intended.index == intent && intended.outcome.is_none();
        match self.intents.iter_mut().find(open) {
            Some(intended) => {
                intended.outcome = Some(outcome);
                true
            }
            None => false,
        }
    }

    pub(super) fn refuse(&mut self, code: &str) {
        self.refusals.push(code.to_owned());
    }

    /// Identifies the request.
    #[must_use]
    pub const fn id(&self) -> Digest {
        self.id
    }

    /// Log entry.
    #[must_use]
    pub const fn index(&self) -> u64 {
        self.index
    }

    /// When it was logged, RFC 3339.
    #[must_use]
    pub fn time(&self) -> &str {
        &self.time
    }

    /// What was signed.
    #[must_use]
    pub const fn request(&self) -> &Request {
        &self.request
    }

    /// The signed note.
    #[must_use]
    pub fn note(&self) -> &str {
        &self.note
    }

    /// Why it does not count, if so.
    #[must_use]
    pub const fn fault(&self) -> Option<Fault> {
        self.fault
    }

    /// Verified verdicts, in the order of the log.
    #[must_use]
    pub fn verdicts(&self) -> &[Cast] {
        &self.verdicts
    }

    /// Each steward's last verdict before this log entry, in the order of the log: with the index of an intent, what that charge was
    /// decided on, and what its release file holds.
    pub fn standing(&self, before: u64) -> impl Iterator<Item = &Cast> {
        let earlier = move |cast: &&Cast| cast.index < before;
        self.verdicts.iter().filter(earlier).filter(move |cast| {
            let same = |other: &&Cast| other.index > cast.index && other.verdict.steward() == cast.verdict.steward();
            !self.verdicts.iter().filter(earlier).any(|other| same(&other))
        })
    }

    /// Charged runs, in the order of the log; more than one only if the operator charged it again.
    #[must_use]
    pub fn intents(&self) -> &[Intended] {
        &self.intents
    }

    /// Codes of refusals, in the order of the log.
    #[must_use]
    pub fn refusals(&self) -> &[String] {
        &self.refusals
    }

    /// Where it stands.
    #[must_use]
    pub fn state(&self) -> State {
        if let Some(last) = self.intents.last() {
            return match last.outcome {
                None => State::Charged,
                Some(Outcome::Released { .. }) => State::Released,
                Some(Outcome::Failed { .. }) => State::Failed,
            };
        }
        if let Some(fault) = self.fault {
            return State::Invalid(fault);
        }
        if self.standing(u64::MAX).any(|cast| !cast.verdict.approve()) { State::Rejected } else { State::Submitted }
    }
}
