//! What may stand in the log: a closed list of events, as JSON objects `{"time":"…","event":"…",…}`. Strings,
//! integers and closed words only; no counts, no values, no unsalted hash of an identifier. Entries are hashed as
//! stored, so no canonical form is needed.

use serde::{Deserialize, Serialize};

use crate::tile::MAX_ENTRY;

mod form;

use form::{CODE, DECIMAL, HEX, NAME, NOTE, SLOT};
use form::{is_code, is_decimal, is_hex, is_name, is_note, is_rfc3339};

/// Why an event can't be logged, or an entry isn't an event. Holds names of fields, never their content.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EventError {
    /// The bytes aren't a known event.
    #[error("not an event this version knows (line {line}, column {column} of the entry)")]
    Unreadable {
        /// Line within the entry, from 1; 0 if unknown.
        line: usize,
        /// Column within the entry, from 1; 0 if unknown.
        column: usize,
    },
    /// A field's form is wrong.
    #[error("field '{field}' of event '{event}' must be {expected}")]
    Field {
        /// Name of the event.
        event: &'static str,
        /// Name of the field.
        field: &'static str,
        /// Form it must have.
        expected: &'static str,
    },
    /// The time isn't RFC 3339.
    #[error("an event's time must be RFC 3339, like 2026-04-01T09:00:00Z")]
    Time,
    /// The entry is too large for a bundle.
    #[error("the entry has {size} bytes, at most 65535 fit; log large texts by digest")]
    TooLarge {
        /// Bytes of the entry.
        size: usize,
    },
    /// An event refers to an entry that isn't there or isn't of the right kind.
    #[error("field '{field}' refers to entry {index}, which is not an event '{expected}'")]
    Reference {
        /// Name of the field.
        field: &'static str,
        /// Index it refers to.
        index: u64,
        /// Event that must stand there.
        expected: &'static str,
    },
}

/// What happened to a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyVerdict {
    /// The key may be used from here on.
    Added,
    /// The key may not be used from here on.
    Revoked,
}

/// The privacy account that an intent charges.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Account {
    /// Pure ε.
    Pure,
    /// Zero-concentrated DP: ρ and δ.
    Zcdp,
}

/// An event of the room. Digests, request ids and the like are lower-case hex; ε, δ and ρ decimal text; slots
/// RFC 3339; numbers of entries count from 0.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case", deny_unknown_fields)]
pub enum Event {
    /// The room was made.
    Room {
        /// Name of the room's log.
        origin: String,
        /// Verifier key of the log.
        log_key: String,
        /// The room's age recipient.
        recipient: String,
    },
    /// A key was added or revoked.
    Key {
        /// Name on the card.
        name: String,
        /// source, operator, steward, researcher or room.
        role: String,
        /// Verifier key.
        verifier: String,
        /// The age recipient.
        recipient: String,
        /// Added or revoked.
        verdict: KeyVerdict,
    },
    /// A policy came into force.
    Policy {
        /// Digest of the policy's bytes.
        policy: String,
        /// Cap of the room's ε.
        epsilon: String,
        /// Cap of the room's δ.
        delta: String,
    },
    /// A package was accepted.
    Package {
        /// Name of the source.
        source: String,
        /// Number of the package within the source.
        sequence: u64,
        /// Digest of the signed manifest.
        manifest: String,
    },
    /// The room moves from one linkage key to the next.
    Rotation {
        /// Public name of the linkage key in force.
        from: String,
        /// Public name of the one that follows.
        to: String,
        /// The announcement, signed by stewards.
        note: String,
    },
    /// A linkage run began to count.
    Linkage {
        /// Manifest digests of the packages linked.
        packages: Vec<String>,
        /// Name of the strategy.
        strategy: String,
        /// Digest of the settings.
        parameters: String,
        /// Keyed digest of the sealed report.
        report: String,
    },
    /// A store was loaded.
    Snapshot {
        /// Keyed digest of the tables.
        snapshot: String,
        /// Entry of the linkage run.
        linkage: u64,
    },
    /// A researcher submitted a request.
    Request {
        /// Id of the request.
        request: String,
        /// The signed note.
        note: String,
    },
    /// A steward approved or declined.
    Verdict {
        /// Id of the request.
        request: String,
        /// The signed note.
        note: String,
    },
    /// A request is about to be computed: from here on it is charged.
    Intent {
        /// Id of the request.
        request: String,
        /// Id of the project.
        project: String,
        /// Name of the researcher.
        researcher: String,
        /// Digest of the plan.
        plan: String,
        /// Keyed digest of the store.
        snapshot: String,
        /// Digest of the policy in force.
        policy: String,
        /// Account charged.
        account: Account,
        /// Charge in ε.
        epsilon: String,
        /// Charge in δ.
        delta: String,
        /// Charge in ρ.
        rho: String,
    },
    /// An answer was sealed and may be shown.
    Release {
        /// Entry of the intent.
        intent: u64,
        /// Id of the request.
        request: String,
        /// Digest of the answer's bytes.
        answer: String,
        /// When it may be shown.
        slot: String,
    },
    /// A run failed; it stays charged.
    Failure {
        /// Entry of the intent.
        intent: u64,
        /// Id of the request.
        request: String,
        /// Value-free code.
        code: String,
        /// When it may be shown.
        slot: String,
    },
    /// A released answer was given out again, free of charge.
    Repeat {
        /// Id of the request.
        request: String,
        /// Entry of the release.
        release: u64,
    },
    /// A request was refused.
    Refusal {
        /// Id of the request.
        request: String,
        /// Value-free code.
        code: String,
    },
    /// A reviewer's verdicts on uncertain links were accepted.
    Review {
        /// Name on the reviewer's card.
        reviewer: String,
        /// Keyed digest of the sealed verdicts.
        verdicts: String,
    },
    /// A batch of withdrawals was accepted.
    Withdrawal {
        /// Number of the batch.
        batch: u64,
        /// Digest of the signed manifest, so that no other batch can take its place; absent in logs of before 2026-11-22.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        manifest: Option<String>,
    },
}

impl Event {
    /// The event's name, as in the field `event`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Room { .. } => "room",
            Self::Key { .. } => "key",
            Self::Policy { .. } => "policy",
            Self::Package { .. } => "package",
            Self::Rotation { .. } => "rotation",
            Self::Linkage { .. } => "linkage",
            Self::Snapshot { .. } => "snapshot",
            Self::Request { .. } => "request",
            Self::Verdict { .. } => "verdict",
            Self::Intent { .. } => "intent",
            Self::Release { .. } => "release",
            Self::Failure { .. } => "failure",
            Self::Repeat { .. } => "repeat",
            Self::Refusal { .. } => "refusal",
            Self::Review { .. } => "review",
            Self::Withdrawal { .. } => "withdrawal",
        }
    }

    /// Checks the form of every field. What has a form can't hold a name, a number or a cell by mistake.
    ///
    /// # Errors
    /// [`EventError::Field`].
    pub fn check(&self) -> Result<(), EventError> {
        type Rule = (fn(&str) -> bool, &'static str);
        const H: Rule = (is_hex, HEX);
        const D: Rule = (is_decimal, DECIMAL);
        const C: Rule = (is_code, CODE);
        const N: Rule = (is_name, NAME);
        const T: Rule = (is_note, NOTE);
        const S: Rule = (is_rfc3339, SLOT);
        let mut fields: Vec<(&'static str, &str, Rule)> = Vec::new();
        match self {
            Self::Room { origin, log_key, recipient } => {
                fields.extend([("origin", origin.as_str(), N), ("log_key", log_key, N), ("recipient", recipient, N)])
            }
            Self::Key { name, role, verifier, recipient, verdict: _ } => fields.extend([
                ("name", name.as_str(), N),
                ("role", role, C),
                ("verifier", verifier, N),
                ("recipient", recipient, N),
            ]),
            Self::Policy { policy, epsilon, delta } => {
                fields.extend([("policy", policy.as_str(), H), ("epsilon", epsilon, D), ("delta", delta, D)])
            }
            Self::Package { source, sequence: _, manifest } => {
                fields.extend([("source", source.as_str(), N), ("manifest", manifest, H)])
            }
            Self::Linkage { packages, strategy, parameters, report } => {
                fields.extend(packages.iter().map(|p| ("packages", p.as_str(), H)));
                fields.extend([
                    ("strategy", strategy.as_str(), C),
                    ("parameters", parameters, H),
                    ("report", report, H),
                ]);
            }
            Self::Snapshot { snapshot, linkage: _ } => fields.push(("snapshot", snapshot, H)),
            Self::Request { request, note } | Self::Verdict { request, note } => {
                fields.extend([("request", request.as_str(), H), ("note", note, T)]);
            }
            Self::Intent { request, project, researcher, plan, snapshot, policy, account: _, epsilon, delta, rho } => {
                fields.extend([
                    ("request", request.as_str(), H),
                    ("project", project, N),
                    ("researcher", researcher, N),
                    ("plan", plan, H),
                    ("snapshot", snapshot, H),
                    ("policy", policy, H),
                    ("epsilon", epsilon, D),
                    ("delta", delta, D),
                    ("rho", rho, D),
                ])
            }
            Self::Release { intent: _, request, answer, slot } => {
                fields.extend([("request", request.as_str(), H), ("answer", answer, H), ("slot", slot, S)])
            }
            Self::Failure { intent: _, request, code, slot } => {
                fields.extend([("request", request.as_str(), H), ("code", code, C), ("slot", slot, S)])
            }
            Self::Repeat { request, release: _ } => fields.push(("request", request, H)),
            Self::Refusal { request, code } => {
                fields.extend([("request", request.as_str(), H), ("code", code, C)]);
            }
            Self::Rotation { from, to, note } => {
                fields.extend([("from", from.as_str(), N), ("to", to, N), ("note", note, T)]);
            }
            Self::Review { reviewer, verdicts } => {
                fields.extend([("reviewer", reviewer.as_str(), N), ("verdicts", verdicts, H)]);
            }
            Self::Withdrawal { batch: _, manifest } => {
                fields.extend(manifest.iter().map(|manifest| ("manifest", manifest.as_str(), H)));
            }
        }
        for (field, value, (holds, expected)) in fields {
            if !holds(value) {
                return Err(EventError::Field { event: self.name(), field, expected });
            }
        }
        Ok(())
    }

    /// The entry that this event refers to: field, index, name of the event that must stand there.
    #[must_use]
    pub fn refers_to(&self) -> Option<(&'static str, u64, &'static str)> {
        match self {
            Self::Snapshot { linkage, .. } => Some(("linkage", *linkage, "linkage")),
            Self::Release { intent, .. } | Self::Failure { intent, .. } => Some(("intent", *intent, "intent")),
            Self::Repeat { release, .. } => Some(("release", *release, "release")),
            _ => None,
        }
    }
}

/// An entry of a log as it was read: only [`crate::Log`] and [`crate::View`] make one.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Entry {
    /// Number in the log, from 0.
    pub index: u64,
    /// The bytes that were hashed.
    pub bytes: Vec<u8>,
    /// When it was appended, RFC 3339, by the room's clock.
    pub time: String,
    /// What happened.
    pub event: Event,
}

/// The JSON object of an entry.
#[derive(Serialize, Deserialize)]
struct Record {
    time: String,
    #[serde(flatten)]
    event: Event,
}

impl Entry {
    /// A new entry; checks form, time and size.
    pub(crate) fn new(index: u64, event: &Event, time: &str) -> Result<Self, EventError> {
        event.check()?;
        if !is_rfc3339(time) {
            return Err(EventError::Time);
        }
        let record = Record { time: time.to_owned(), event: event.clone() };
        let bytes = serde_json::to_vec(&record).map_err(unreadable)?;
        Self::read(index, &bytes)
    }

    /// An entry from its stored bytes.
    pub(crate) fn read(index: u64, bytes: &[u8]) -> Result<Self, EventError> {
        if bytes.len() > MAX_ENTRY {
            return Err(EventError::TooLarge { size: bytes.len() });
        }
        let record: Record = serde_json::from_slice(bytes).map_err(unreadable)?;
        Ok(Self { index, bytes: bytes.to_vec(), time: record.time, event: record.event })
    }
}

/// serde's own text may quote the entry; only the position is kept.
fn unreadable(error: serde_json::Error) -> EventError {
    EventError::Unreadable { line: error.line(), column: error.column() }
}
