//! The ledger and the list of requests: a fold of the log's entries. It verifies what people signed, and charges every intent from the
//! moment it is in the log, whatever became of the run. It keeps nothing that the log does not say.

mod filed;

use std::collections::BTreeMap;

use audit_log::{Account as LogAccount, Entry, Event, Revoked, Verifier};
use jiff::civil::Date;
use policies::{Account, Approval, Ask, Charge, Digest, Kind, Policy, Role, Spent};

use crate::notes::{Request, Verdict, unverified_text};
use crate::plan::Plan;

pub use filed::{Cast, Fault, Filed, Intended, Outcome, State};

/// Why the log can't be folded, or a request can't be taken to a decision.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DocketError {
    /// Entries are missing or out of order.
    #[error("log entry {index}: entries must be given from the first on, without gaps")]
    Order {
        /// Where.
        index: u64,
    },
    /// An intent whose charge can't be read: nothing may run on such a ledger.
    #[error("log entry {index}: the charge of this intent can't be read; the ledger is not sound")]
    Charge {
        /// Where.
        index: u64,
    },
    /// A release or failure that fits no open intent.
    #[error("log entry {index}: this {event} belongs to no open intent of its request; the log is not sound")]
    Outcome {
        /// Where.
        index: u64,
        /// The event's name.
        event: &'static str,
    },
    /// No such request.
    #[error("no such request in this room; `sudare query list` shows them")]
    Unknown,
    /// The request is not validly signed.
    #[error("the request does not count: {0}")]
    Fault(Fault),
    /// The checked question is not the one that was signed.
    #[error(
        "the question, checked again, gives another plan than the one that was signed (has the catalogue changed?); submit it again"
    )]
    Plan,
}

/// An entry that should be a request or verdict but does not count, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ignored {
    /// Log entry.
    pub index: u64,
    /// Why.
    pub fault: Fault,
}

/// All requests of a room, and what was spent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Docket {
    entries: u64,
    requests: Vec<Filed>,
    ignored: Vec<Ignored>,
    revoked: Revoked,
    room: Account,
    projects: BTreeMap<String, Account>,
    researchers: BTreeMap<(String, String), Account>,
}

impl Docket {
    /// Folds a log from its first entry on. Signatures are verified with the cards of the present policy; a key whose last key event is
    /// a revocation signs nothing that counts, before or after.
    ///
    /// # Errors
    /// The log contradicts itself where money is concerned. Requests and verdicts that don't verify are no error: anybody can submit
    /// rubbish; [`Docket::ignored`] lists them.
    pub fn fold(entries: &[Entry], policy: &Policy) -> Result<Self, DocketError> {
        let keys = Keys::of(entries, policy);
        let mut docket = Self::default();
        for entry in entries {
            if entry.index != docket.entries {
                return Err(DocketError::Order { index: entry.index });
            }
            docket.entries += 1;
            docket.apply(entry, policy, &keys)?;
        }
        docket.revoked = keys.revoked;
        Ok(docket)
    }

    fn apply(&mut self, entry: &Entry, policy: &Policy, keys: &Keys) -> Result<(), DocketError> {
        let index = entry.index;
        match &entry.event {
            Event::Request { request, note } => {
                let filed = match file(request, note, policy, keys) {
                    Ok((request, fault)) => Filed::new(entry, request, note, fault),
                    Err(fault) => {
                        self.ignored.push(Ignored { index, fault });
                        return Ok(());
                    }
                };
                // The first counts: submitting the same text again changes nothing.
                if self.request(&filed.id()).is_none() {
                    self.requests.push(filed);
                }
            }
            Event::Verdict { request, note } => {
                if let Err(fault) = self.cast(entry, request, note, policy, keys) {
                    self.ignored.push(Ignored { index, fault });
                }
            }
            Event::Intent { request, project, researcher, snapshot, account, epsilon, delta, rho, .. } => {
                let unreadable = || DocketError::Charge { index };
                let charge = Charge {
                    kind: kind(*account),
                    epsilon: epsilon.parse().map_err(|_| unreadable())?,
                    delta: delta.parse().map_err(|_| unreadable())?,
                    rho: rho.parse().map_err(|_| unreadable())?,
                };
                self.room = self.room.charge(&charge);
                let of_project = self.projects.entry(project.clone()).or_default();
                *of_project = of_project.charge(&charge);
                let who = (project.clone(), researcher.clone());
                let of_researcher = self.researchers.entry(who).or_default();
                *of_researcher = of_researcher.charge(&charge);
                if let Some(filed) = self.find(request) {
                    filed.intend(index, snapshot, charge);
                }
            }
            Event::Release { intent, request, answer, slot } => {
                let outcome = Outcome::Released { index, answer: answer.clone(), slot: slot.clone() };
                self.close(index, "release", request, *intent, outcome)?;
            }
            Event::Failure { intent, request, code, slot } => {
                let outcome = Outcome::Failed { index, code: code.clone(), slot: slot.clone() };
                self.close(index, "failure", request, *intent, outcome)?;
            }
            Event::Refusal { request, code } => {
                if let Some(filed) = self.find(request) {
                    filed.refuse(code);
                }
            }
            // Named one by one, so that a new kind of event has to be thought about here.
            Event::Room { .. }
            | Event::Key { .. }
            | Event::Policy { .. }
            | Event::Package { .. }
            | Event::Linkage { .. }
            | Event::Snapshot { .. }
            | Event::Repeat { .. }
            | Event::Rotation { .. }
            | Event::Review { .. }
            | Event::Withdrawal { .. } => {}
        }
        Ok(())
    }

    fn cast(&mut self, entry: &Entry, request: &str, note: &str, policy: &Policy, keys: &Keys) -> Result<(), Fault> {
        let read = Verdict::parse(unverified_text(note)).map_err(|_| Fault::Text)?;
        if read.request().to_string() != request {
            return Err(Fault::Identity);
        }
        let key = keys.of_card(read.steward(), Role::Steward, policy)?;
        Verdict::open(note, key).map_err(|_| Fault::Signature)?;
        let filed = self.find(request).ok_or(Fault::Request)?;
        let of_request = filed.request();
        if read.room() != policy.room().origin || read.project() != of_request.project() {
            return Err(Fault::Room);
        }
        filed.cast(entry, read, note);
        Ok(())
    }

    fn close(
        &mut self,
        index: u64,
        event: &'static str,
        request: &str,
        intent: u64,
        outcome: Outcome,
    ) -> Result<(), DocketError> {
        let closed = match self.find(request) {
            Some(filed) => filed.close(intent, outcome),
            None => false,
        };
        if closed { Ok(()) } else { Err(DocketError::Outcome { index, event }) }
    }

    fn find(&mut self, request: &str) -> Option<&mut Filed> {
        let id: Digest = request.parse().ok()?;
        self.requests.iter_mut().find(|filed| filed.id() == id)
    }

    /// How many log entries were folded.
    #[must_use]
    pub const fn entries(&self) -> u64 {
        self.entries
    }

    /// All requests, in the order of the log, also those that don't count.
    #[must_use]
    pub fn requests(&self) -> &[Filed] {
        &self.requests
    }

    /// Requests and verdicts that don't count at all.
    #[must_use]
    pub fn ignored(&self) -> &[Ignored] {
        &self.ignored
    }

    /// One request.
    #[must_use]
    pub fn request(&self, id: &Digest) -> Option<&Filed> {
        self.requests.iter().find(|filed| filed.id() == *id)
    }

    /// What was charged, for [`policies::decide`].
    #[must_use]
    pub fn spent(&self, project: &str, researcher: &str) -> Spent {
        let who = (project.to_owned(), researcher.to_owned());
        Spent {
            room: self.room,
            project: self.projects.get(project).copied().unwrap_or_default(),
            researcher: self.researchers.get(&who).copied().unwrap_or_default(),
            entries: self.entries,
        }
    }

    /// What [`policies::decide`] is asked: the signed request, with the columns of the plan that its question gives when checked again.
    ///
    /// # Errors
    /// No such request, it does not count, or the plan is another.
    pub fn ask(&self, id: &Digest, plan: &Plan) -> Result<Ask, DocketError> {
        let filed = self.request(id).ok_or(DocketError::Unknown)?;
        if let Some(fault) = filed.fault() {
            return Err(DocketError::Fault(fault));
        }
        let request = filed.request();
        let digest = plan.digest().map_err(|_| DocketError::Plan)?;
        if request.plan().as_bytes() != &digest {
            return Err(DocketError::Plan);
        }
        Ok(Ask {
            request: *id,
            project: request.project().to_owned(),
            researcher: request.researcher().to_owned(),
            plan: request.plan(),
            policy: request.policy(),
            columns: plan.columns().to_vec(),
            price: *request.price(),
            expires: request.expires(),
        })
    }

    /// Verified verdicts on a request, in the order of the log.
    #[must_use]
    pub fn approvals(&self, id: &Digest) -> Vec<Approval> {
        let verdicts = self.request(id).map_or(&[][..], Filed::verdicts);
        let approval = |cast: &Cast| Approval {
            request: cast.verdict.request(),
            steward: cast.verdict.steward().to_owned(),
            plan: cast.verdict.plan(),
            policy: cast.verdict.policy(),
            price: *cast.verdict.price(),
            expires: cast.verdict.expires(),
            approve: cast.verdict.approve(),
        };
        verdicts.iter().map(approval).collect()
    }

    /// Keys of the stewards whose co-signatures count on this day: the card is valid, and no entry folded here has revoked the key. To be
    /// asked of the whole log, with the day of the intent.
    #[must_use]
    pub fn cosigners(&self, policy: &Policy, day: Date) -> Vec<Verifier> {
        let keys = policy.stewards(day).filter_map(|card| Verifier::parse(&card.verifier).ok());
        keys.filter(|key| !self.revoked.has(key)).collect()
    }

    /// The release of the same plan for the same project on the same snapshot, if there is one: it is given out again, free of charge.
    #[must_use]
    pub fn repeat(&self, plan: &Digest, project: &str, snapshot: &str) -> Option<(&Filed, &Intended)> {
        let same = |filed: &&Filed| filed.request().plan() == *plan && filed.request().project() == project;
        self.requests.iter().filter(same).find_map(|filed| {
            let released = |intended: &&Intended| {
                intended.snapshot == snapshot && matches!(intended.outcome, Some(Outcome::Released { .. }))
            };
            filed.intents().iter().find(released).map(|intended| (filed, intended))
        })
    }

    /// Charged runs without an outcome: a crash lies between. Their sealed answers are to be released, or the failure logged; they are
    /// never computed again.
    pub fn unfinished(&self) -> impl Iterator<Item = (&Filed, &Intended)> {
        self.requests.iter().flat_map(|filed| {
            let open = filed.intents().iter().filter(|intended| intended.outcome.is_none());
            open.map(move |intended| (filed, intended))
        })
    }
}

/// The account that an intent names.
pub(crate) const fn kind(account: LogAccount) -> Kind {
    match account {
        LogAccount::Pure => Kind::Pure,
        LogAccount::Zcdp => Kind::Zcdp,
    }
}

/// Verifier keys of the policy's cards, and which of them are revoked.
struct Keys {
    cards: BTreeMap<String, Verifier>,
    revoked: Revoked,
}

impl Keys {
    fn of(entries: &[Entry], policy: &Policy) -> Self {
        let parse = |key: &str| Verifier::parse(key).ok();
        let cards = policy.cards().iter().filter_map(|card| Some((card.name.clone(), parse(&card.verifier)?)));
        let revoked = Revoked::of(entries.iter().map(|entry| &entry.event));
        Self { cards: cards.collect(), revoked }
    }

    fn of_card(&self, name: &str, role: Role, policy: &Policy) -> Result<&Verifier, Fault> {
        let known = policy.card(name).is_some_and(|card| card.role == role);
        let key = self.cards.get(name).filter(|_| known).ok_or(Fault::Card)?;
        if self.revoked.has(key) {
            return Err(Fault::Revoked);
        }
        Ok(key)
    }
}

/// A request and whether it counts; an error if it can't even be filed.
fn file(id: &str, note: &str, policy: &Policy, keys: &Keys) -> Result<(Request, Option<Fault>), Fault> {
    let read = Request::parse(unverified_text(note)).map_err(|_| Fault::Text)?;
    if read.id().to_string() != id {
        return Err(Fault::Identity);
    }
    let verified = || {
        let key = keys.of_card(read.researcher(), Role::Researcher, policy)?;
        Request::open(note, key).map_err(|_| Fault::Signature)?;
        if read.room() != policy.room().origin {
            return Err(Fault::Room);
        }
        Ok(())
    };
    let fault = verified().err();
    Ok((read, fault))
}

#[cfg(test)]
mod tests;
