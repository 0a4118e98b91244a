//! A steward's word on a request. Not the request: that is `Request`, whose values it repeats.

use audit_log::{Verifier, note};
use jiff::civil::Date;
use policies::{Digest, Price};

use super::NotesError;
use super::fields::{Fields, canonical, name, read_price, write_price};

const VERDICT: &str = "sudare-verdict/v1";

/// What a steward signs: yes or no to this request, with everything in it that matters spelt out again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    pub(super) room: String,
    pub(super) project: String,
    pub(super) request: Digest,
    pub(super) steward: String,
    pub(super) approve: bool,
    pub(super) plan: Digest,
    pub(super) policy: Digest,
    pub(super) price: Price,
    pub(super) expires: Date,
}

impl Verdict {
    /// The text to sign.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = format!(
            "{VERDICT}\nroom: {}\nproject: {}\nrequest: {}\nsteward: {}\nverdict: {}\nplan: {}\n",
            self.room,
            self.project,
            self.request,
            self.steward,
            if self.approve { "approve" } else { "reject" },
            self.plan,
        );
        write_price(&mut text, self.policy, &self.price, self.expires);
        text
    }

    /// Reads a text, strictly.
    ///
    /// # Errors
    /// The line that is not as it must be, or a second spelling.
    pub fn parse(text: &str) -> Result<Self, NotesError> {
        let mut fields = Fields::new(text);
        fields.header(VERDICT)?;
        let room = name("the room", fields.take("room: ")?)?;
        let project = name("the project", fields.take("project: ")?)?;
        let request = fields.read("request: ")?;
        let steward = name("the steward", fields.take("steward: ")?)?;
        let approve = match fields.take("verdict: ")? {
            "approve" => true,
            "reject" => false,
            _ => return Err(fields.expected("verdict: approve|reject")),
        };
        let plan = fields.read("plan: ")?;
        let (policy, price, expires) = read_price(&mut fields)?;
        if !fields.done() {
            fields.take("end of text")?;
        }
        let verdict = Self { room, project, request, steward, approve, plan, policy, price, expires };
        canonical(text, &verdict.to_text())?;
        Ok(verdict)
    }

    /// The verdict in a signed note, if this steward's key signed it.
    ///
    /// # Errors
    /// The signature is missing or wrong, or the text is no verdict.
    pub fn open(signed: &str, key: &Verifier) -> Result<Self, NotesError> {
        Self::parse(&note::open(signed, std::slice::from_ref(key))?.text)
    }

    /// The room's origin.
    #[must_use]
    pub fn room(&self) -> &str {
        &self.room
    }

    /// Project id.
    #[must_use]
    pub fn project(&self) -> &str {
        &self.project
    }

    /// Id of the request.
    #[must_use]
    pub const fn request(&self) -> Digest {
        self.request
    }

    /// Name on the steward's card.
    #[must_use]
    pub fn steward(&self) -> &str {
        &self.steward
    }

    /// Yes or no.
    #[must_use]
    pub const fn approve(&self) -> bool {
        self.approve
    }

    /// Digest of the plan.
    #[must_use]
    pub const fn plan(&self) -> Digest {
        self.plan
    }

    /// Digest of the policy.
    #[must_use]
    pub const fn policy(&self) -> Digest {
        self.policy
    }

    /// The price.
    #[must_use]
    pub const fn price(&self) -> &Price {
        &self.price
    }

    /// Last day on which the request may run.
    #[must_use]
    pub const fn expires(&self) -> Date {
        self.expires
    }
}
