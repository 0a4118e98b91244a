//! The release file: answer, policy, and the log entries that the answer rests on, each with its offline proof. [`verify`] needs the log's
//! verifier key and nothing else. What it can't see: entries that the file leaves out (a rejection, a revoked key, other charges). For those,
//! the log.

use audit_log::digest::{hex, sha256};
use audit_log::{Event, Receipt, Verifier};
use jiff::civil::Date;
use policies::{Approval, Ask, Denial, Policy, Role, Spent, decide};
use serde::{Deserialize, Serialize};

use super::answer::Answer;
use super::{Release, ReleaseError, charged, matches, read};
use crate::accountant::OpenDpAccountant;
use crate::notes::{NotesError, Request, Verdict, unverified_text};

const FORMAT: &str = "sudare-release/1";

/// A log entry and the proof that the log holds it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// The entry's exact text.
    pub entry: String,
    /// A C2SP tlog-proof.
    pub proof: String,
}

impl Part {
    fn of(receipt: &Receipt) -> Self {
        Self { entry: String::from_utf8_lossy(receipt.entry()).into_owned(), proof: receipt.to_proof_text() }
    }

    fn open(&self, what: &'static str, log: &Verifier) -> Result<Receipt, VerifyError> {
        Receipt::verify(&self.proof, self.entry.as_bytes(), log).map_err(|_| VerifyError::Proof(what))
    }
}

/// What a release file holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReleaseFile {
    /// Name and version of the format.
    pub format: String,
    /// The answer's exact text.
    pub answer: String,
    /// The policy's exact text.
    pub policy: String,
    /// The event that brought the policy into force.
    pub policy_event: Part,
    /// The signed request.
    pub request: Part,
    /// The signed verdicts that permit it: one of each steward, on this request.
    pub verdicts: Vec<Part>,
    /// The charge, before any data was touched.
    pub intent: Part,
    /// The release, after the answer was sealed.
    pub release: Part,
}

/// The receipts that a release rests on.
#[derive(Debug, Clone, Copy)]
pub struct Trail<'a> {
    /// Of the policy event.
    pub policy: &'a Receipt,
    /// Of the request.
    pub request: &'a Receipt,
    /// Of the approving verdicts: one of each steward, on this request.
    pub verdicts: &'a [Receipt],
    /// Of the intent, on a co-signed checkpoint.
    pub intent: &'a Receipt,
    /// Of the release: on a co-signed checkpoint, or else the file stays unconfirmed.
    pub release: &'a Receipt,
}

impl ReleaseFile {
    /// Puts a release and its trail together. Whether they fit is [`verify`]'s to say.
    #[must_use]
    pub fn new(release: &Release, policy: &str, trail: &Trail<'_>) -> Self {
        Self {
            format: FORMAT.to_owned(),
            answer: String::from_utf8_lossy(release.bytes()).into_owned(),
            policy: policy.to_owned(),
            policy_event: Part::of(trail.policy),
            request: Part::of(trail.request),
            verdicts: trail.verdicts.iter().map(Part::of).collect(),
            intent: Part::of(trail.intent),
            release: Part::of(trail.release),
        }
    }

    /// Reads a release file. Nothing in it is verified: that is [`verify`]'s.
    ///
    /// # Errors
    /// Not a release file of this format.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, VerifyError> {
        let file: Self = serde_json::from_slice(bytes)
            .map_err(|error| VerifyError::Format { line: error.line(), column: error.column() })?;
        if file.format != FORMAT {
            return Err(VerifyError::Format { line: 0, column: 0 });
        }
        Ok(file)
    }

    /// Puts another receipt of the same release in place of the file's: one on a checkpoint that stewards have co-signed since.
    ///
    /// # Errors
    /// The receipt is not that of this answer's release.
    pub fn confirm(&mut self, released: &Receipt) -> Result<(), ReleaseError> {
        let answer = read(self.answer.as_bytes())?;
        matches(self.answer.as_bytes(), &answer, released)?;
        self.release = Part::of(released);
        Ok(())
    }

    /// The file's bytes: JSON, one field a line.
    ///
    /// # Errors
    /// Only if serialization fails, which the types rule out.
    pub fn to_bytes(&self) -> Result<Vec<u8>, serde_json::Error> {
        let mut bytes = serde_json::to_vec_pretty(self)?;
        bytes.push(b'\n');
        Ok(bytes)
    }
}

/// Why a release file is not believed.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// Not a release file.
    #[error("not a release file of format {FORMAT} (line {line}, column {column})")]
    Format {
        /// From 1; 0 if unknown.
        line: usize,
        /// From 1; 0 if unknown.
        column: usize,
    },
    /// An entry is not in the log that this key signs.
    #[error("{0}: the proof does not verify with this log key")]
    Proof(&'static str),
    /// An entry is of another kind.
    #[error("{0}: the log entry is of another kind")]
    Kind(&'static str),
    /// Two things that must be equal differ.
    #[error("{0} is not the one that the log holds")]
    Differs(&'static str),
    /// Entries stand in the wrong order.
    #[error("{0}")]
    Order(&'static str),
    /// The policy can't be read.
    #[error(transparent)]
    Policy(#[from] policies::PolicyError),
    /// The answer is not that of the release.
    #[error(transparent)]
    Answer(#[from] ReleaseError),
    /// A request or verdict is not validly signed.
    #[error("{what}: {why}")]
    Note {
        /// Whose.
        what: &'static str,
        /// Why.
        why: NotesError,
    },
    /// A verdict that has no place in the file.
    #[error("a verdict of {steward} {why}")]
    Verdict {
        /// Name on the steward's card.
        steward: String,
        /// Why.
        why: &'static str,
    },
    /// A signer has no card.
    #[error("{0}: the policy has no card of that role for its signer")]
    Card(&'static str),
    /// Decided again from what the file holds, the request would be denied.
    #[error("the policy does not permit this release: {0}")]
    Denied(#[from] Denial),
    /// Too few stewards have co-signed the charge.
    #[error("{given} of {needed} stewards have co-signed the log after the charge")]
    Cosignatures {
        /// Valid co-signatures of different stewards.
        given: usize,
        /// The policy's number.
        needed: usize,
    },
    /// A time without a date.
    #[error("a time in the log is not a date")]
    Time,
}

/// What a verified release file says.
#[derive(Debug, Clone, PartialEq)]
pub struct Verified {
    /// The table.
    pub answer: Answer,
    /// When it could be shown, RFC 3339.
    pub slot: String,
    /// What was asked: the SQL text that the researcher signed.
    pub question: String,
    /// Names of the stewards whose approval counts, in the order of the policy's cards.
    pub stewards: Vec<String>,
    /// How many stewards have co-signed a checkpoint that holds the charge.
    pub cosigned: usize,
    /// How many of the same stewards have co-signed the checkpoint that holds the release. Fewer than needed: genuine, but not yet
    /// confirmed by the stewards; until then the room could still show another answer to the same charge, from a copy of itself.
    pub release_cosigned: usize,
    /// How many co-signatures the policy asks for.
    pub cosignatures_needed: usize,
    /// When it was charged, RFC 3339, by the room's clock.
    pub charged: String,
    /// When it was released, RFC 3339, by the room's clock.
    pub released: String,
}

impl Verified {
    /// Whether enough stewards have co-signed a log that holds this release: then no other answer to the same charge can be shown on
    /// any log that they co-sign.
    #[must_use]
    pub const fn confirmed(&self) -> bool {
        self.release_cosigned >= self.cosignatures_needed
    }
}

/// Verifies a release file offline: that the log holds request, approvals, charge and release of exactly this answer, in this order, signed
/// by people whom the policy names, at one price, and that `decide`, asked again with an empty ledger, permits it. It does not prove the
/// noise, nor that the budget held: that is the whole log's to show.
///
/// # Errors
/// [`VerifyError`] names the first thing that does not hold.
pub fn verify(file: &[u8], log: &Verifier) -> Result<Verified, VerifyError> {
    let file = ReleaseFile::from_bytes(file)?;
    let enacted = file.policy_event.open("policy", log)?;
    let asked = file.request.open("request", log)?;
    let intent = file.intent.open("intent", log)?;
    let released = file.release.open("release", log)?;

    let answer = read(file.answer.as_bytes())?;
    let slot = matches(file.answer.as_bytes(), &answer, &released)?;
    let policy = in_force(&file.policy, &enacted, &answer)?;
    let request = signed_request(&asked, &policy, &answer)?;
    charged(&answer, &intent).map_err(|error| match error {
        ReleaseError::NotACharge => VerifyError::Kind("intent"),
        error => VerifyError::Answer(error),
    })?;
    if enacted.index() >= intent.index() || asked.index() >= intent.index() {
        return Err(VerifyError::Order("the charge precedes its policy or request"));
    }
    if released.index() <= intent.index() {
        return Err(VerifyError::Order("the release precedes its charge"));
    }
    let mut approvals: Vec<Approval> = Vec::new();
    for part in &file.verdicts {
        let verdict = part.open("verdict", log)?;
        if verdict.index() <= asked.index() || verdict.index() >= intent.index() {
            return Err(VerifyError::Order("a verdict does not lie between request and charge"));
        }
        let approval = signed_verdict(&verdict, &policy, &request)?;
        if approvals.iter().any(|earlier| earlier.steward == approval.steward) {
            return Err(VerifyError::Verdict { steward: approval.steward, why: "is not the only one in the file" });
        }
        approvals.push(approval);
    }
    let day = day_of(intent.time())?;
    let ask = Ask {
        request: request.id(),
        project: request.project().to_owned(),
        researcher: request.researcher().to_owned(),
        plan: request.plan(),
        policy: request.policy(),
        columns: Vec::new(),
        price: *request.price(),
        expires: request.expires(),
    };
    let spent = Spent::default();
    let permit = decide(&policy, &ask, &approvals, &spent, day, &OpenDpAccountant)?;
    // For both heads the stewards of one day, the charge's: any two majorities of them share somebody, so that no two heads with different
    // answers to one charge can both be co-signed.
    let stewards: Vec<Verifier> =
        policy.stewards(day).filter_map(|card| Verifier::parse(&card.verifier).ok()).collect();
    let cosigned = intent.cosigned_by(&stewards);
    let needed = usize::try_from(policy.room().cosignatures).unwrap_or(usize::MAX);
    if cosigned < needed {
        return Err(VerifyError::Cosignatures { given: cosigned, needed });
    }
    Ok(Verified {
        answer,
        slot,
        question: request.question().to_owned(),
        stewards: permit.approvers().to_vec(),
        cosigned,
        release_cosigned: released.cosigned_by(&stewards),
        cosignatures_needed: needed,
        charged: intent.time().to_owned(),
        released: released.time().to_owned(),
    })
}

/// The day of an RFC 3339 time, as written: the day that `decide` was asked about.
fn day_of(time: &str) -> Result<Date, VerifyError> {
    let day = time.get(..10).ok_or(VerifyError::Time)?;
    day.parse().map_err(|_| VerifyError::Time)
}

fn in_force(text: &str, enacted: &Receipt, answer: &Answer) -> Result<Policy, VerifyError> {
    let Event::Policy { policy: digest, .. } = enacted.event() else {
        return Err(VerifyError::Kind("policy"));
    };
    let policy = policies::parse(text)?;
    if *digest != hex(&sha256(text.as_bytes())) || policy.digest() != answer.origin.policy {
        return Err(VerifyError::Differs("the policy"));
    }
    if policy.room().origin != enacted.origin() || policy.room().origin != answer.origin.room {
        return Err(VerifyError::Differs("the room"));
    }
    Ok(policy)
}

fn signed_request(asked: &Receipt, policy: &Policy, answer: &Answer) -> Result<Request, VerifyError> {
    let Event::Request { request: id, note } = asked.event() else {
        return Err(VerifyError::Kind("request"));
    };
    let origin = &answer.origin;
    let key = key_of(policy, &origin.researcher, Role::Researcher, "request")?;
    let what = "request";
    let request = Request::open(note, &key).map_err(|why| VerifyError::Note { what, why })?;
    let same = request.id() == origin.request
        && *id == origin.request.to_string()
        && request.room() == origin.room
        && request.project() == origin.project
        && request.researcher() == origin.researcher
        && request.plan() == origin.plan
        && request.policy() == origin.policy;
    if !same {
        return Err(VerifyError::Differs("the request"));
    }
    if *request.price() != origin.price {
        return Err(VerifyError::Differs("the price"));
    }
    Ok(request)
}

fn signed_verdict(receipt: &Receipt, policy: &Policy, of: &Request) -> Result<Approval, VerifyError> {
    let what = "verdict";
    let Event::Verdict { request, note } = receipt.event() else {
        return Err(VerifyError::Kind(what));
    };
    let named = Verdict::parse(unverified_text(note));
    let named = named.map_err(|why| VerifyError::Note { what, why })?;
    let key = key_of(policy, named.steward(), Role::Steward, what)?;
    let verdict = Verdict::open(note, &key).map_err(|why| VerifyError::Note { what, why })?;
    let same = verdict.request() == of.id()
        && *request == of.id().to_string()
        && verdict.room() == of.room()
        && verdict.project() == of.project();
    if !same {
        return Err(VerifyError::Verdict { steward: verdict.steward().to_owned(), why: "is on another request" });
    }
    Ok(Approval {
        request: verdict.request(),
        steward: verdict.steward().to_owned(),
        plan: verdict.plan(),
        policy: verdict.policy(),
        price: *verdict.price(),
        expires: verdict.expires(),
        approve: verdict.approve(),
    })
}

fn key_of(policy: &Policy, name: &str, role: Role, what: &'static str) -> Result<Verifier, VerifyError> {
    let card = policy.card(name).filter(|card| card.role == role);
    let key = card.and_then(|card| Verifier::parse(&card.verifier).ok());
    key.ok_or(VerifyError::Card(what))
}
