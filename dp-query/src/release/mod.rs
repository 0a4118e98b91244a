//! From a noisy answer to a released one. An [`Unreleased`] answer can be sealed and restored, but read only through a log receipt that
//! holds the digest of its very bytes: no receipt, no release.

mod answer;
mod file;
mod written;

use std::fmt;

use audit_log::digest::hex;
use audit_log::{Event, Receipt};

use crate::docket::kind;

pub use answer::{Answer, AnswerKey, Cell, Column, ColumnKind, FORMAT, Origin, Status, Test, Value};
pub(crate) use answer::{Noisy, assemble};
pub use file::{Part, ReleaseFile, Trail, Verified, VerifyError, verify};

/// Why an answer stays closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReleaseError {
    /// The bytes are no answer of this version.
    #[error("these bytes are not an answer of format {FORMAT}")]
    Format,
    /// The receipt is of another kind of event.
    #[error("the receipt is not that of a release")]
    NotARelease,
    /// The receipt is of another answer, request or intent.
    #[error("the receipt is that of another release: {0} differs")]
    Other(&'static str),
    /// The receipt is of another kind of event.
    #[error("the receipt is not that of a charge")]
    NotACharge,
    /// The answer was not computed for this charge.
    #[error("the answer was not computed for this charge: {0} differs")]
    Charge(&'static str),
}

/// An answer that nobody has seen. Private already, but not yet in the log.
#[derive(Clone, PartialEq)]
pub struct Unreleased {
    bytes: Vec<u8>,
    answer: Answer,
}

impl fmt::Debug for Unreleased {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Unreleased(request {})", self.answer.origin.request)
    }
}

impl Unreleased {
    pub(crate) fn new(answer: Answer) -> Result<Self, ReleaseError> {
        let bytes = serde_json::to_vec(&answer).map_err(|_| ReleaseError::Format)?;
        Ok(Self { bytes, answer })
    }

    /// The bytes to seal: after a crash they are all there is, and the answer is never computed again.
    #[must_use]
    pub fn to_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The answer that was sealed.
    ///
    /// # Errors
    /// The bytes are no answer of this version.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ReleaseError> {
        let answer = read(bytes)?;
        let bytes = bytes.to_vec();
        Ok(Self { bytes, answer })
    }

    /// Hex SHA-256 of the bytes, for the release event.
    #[must_use]
    pub fn digest(&self) -> String {
        hex(&audit_log::digest::sha256(&self.bytes))
    }

    /// Id of the request that it answers.
    #[must_use]
    pub const fn request(&self) -> policies::Digest {
        self.answer.origin.request
    }

    /// Log entry of its intent.
    #[must_use]
    pub const fn intent(&self) -> u64 {
        self.answer.origin.intent
    }

    /// Whether this is an answer to this charge: to be asked before a release names the two together, above all of an answer that was
    /// sealed and restored. Compared is everything that an intent states. Of the price that is the charge; the rest of it (δ of a
    /// Gaussian answer alone) is bound by the signed request, and compared by [`verify`].
    ///
    /// # Errors
    /// The receipt is not that of an intent, or the first thing that differs.
    pub fn belongs(&self, intent: &Receipt) -> Result<(), ReleaseError> {
        charged(&self.answer, intent)
    }

    /// Opens the answer with the receipt of its release.
    ///
    /// # Errors
    /// The receipt is of another event, answer, request or intent; or precedes the intent.
    pub fn open(self, receipt: &Receipt) -> Result<Release, ReleaseError> {
        let slot = matches(&self.bytes, &self.answer, receipt)?;
        Ok(Release { bytes: self.bytes, answer: self.answer, slot })
    }
}

/// Whether this receipt is that of this answer's release; its slot.
fn matches(bytes: &[u8], answer: &Answer, receipt: &Receipt) -> Result<String, ReleaseError> {
    let Event::Release { intent, request, answer: digest, slot } = receipt.event() else {
        return Err(ReleaseError::NotARelease);
    };
    let origin = &answer.origin;
    if *digest != hex(&audit_log::digest::sha256(bytes)) {
        return Err(ReleaseError::Other("the answer"));
    }
    if *request != origin.request.to_string() {
        return Err(ReleaseError::Other("the request"));
    }
    if *intent != origin.intent || receipt.index() <= *intent {
        return Err(ReleaseError::Other("the intent"));
    }
    Ok(slot.clone())
}

/// Whether this receipt is that of this answer's charge.
fn charged(answer: &Answer, intent: &Receipt) -> Result<(), ReleaseError> {
    let Event::Intent { request, project, researcher, plan, snapshot, policy, account, epsilon, delta, rho } =
        intent.event()
    else {
        return Err(ReleaseError::NotACharge);
    };
    let origin = &answer.origin;
    let charge = origin.price.charge();
    let same = [
        ("the room", intent.origin() == origin.room),
        ("the intent", intent.index() == origin.intent),
        ("the request", *request == origin.request.to_string()),
        ("the project", *project == origin.project),
        ("the researcher", *researcher == origin.researcher),
        ("the plan", *plan == origin.plan.to_string()),
        ("the snapshot", *snapshot == origin.snapshot),
        ("the policy", *policy == origin.policy.to_string()),
        ("the account", kind(*account) == charge.kind),
        ("epsilon", epsilon.parse() == Ok(charge.epsilon)),
        ("delta", delta.parse() == Ok(charge.delta)),
        ("rho", rho.parse() == Ok(charge.rho)),
    ];
    let other = same.into_iter().find(|(_, same)| !same);
    other.map_or(Ok(()), |(what, _)| Err(ReleaseError::Charge(what)))
}

/// Strict: known fields only, and the format's name.
fn read(bytes: &[u8]) -> Result<Answer, ReleaseError> {
    let answer: Answer = serde_json::from_slice(bytes).map_err(|_| ReleaseError::Format)?;
    if answer.format != FORMAT {
        return Err(ReleaseError::Format);
    }
    Ok(answer)
}

/// A released answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Release {
    bytes: Vec<u8>,
    answer: Answer,
    slot: String,
}

impl Release {
    /// The exact bytes whose digest is in the log.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The table.
    #[must_use]
    pub const fn answer(&self) -> &Answer {
        &self.answer
    }

    /// When it may be shown, RFC 3339.
    #[must_use]
    pub fn slot(&self) -> &str {
        &self.slot
    }
}

#[cfg(test)]
mod tests;
