//! The texts that researchers and stewards sign. One spelling only: a text is what its parsed values write, byte for byte, so that
//! nothing can be signed in one sense and read in another. Not signatures themselves: those are signed notes of `audit_log`.

use std::fmt::Write as _;

use crate::check::PublicFile;
use audit_log::digest::sha256;
use audit_log::{Verifier, note};
use jiff::civil::Date;
use policies::{Digest, Price};

mod fields;
mod verdict;

use fields::{Fields, canonical, name, quote, read_price, write_price};
pub use verdict::Verdict;

const REQUEST: &str = "sudare-request/v1";
/// Most bytes of a question: its note has to fit into a log entry.
const QUESTION_LIMIT: usize = 32 * 1024;
/// Most bytes of a text with its public files, as JSON writes it: the entry holds 65 535.
const TEXT_LIMIT: usize = 60_000;
/// Before the name of a public file.
const PUBLIC: &str = "public: ";

/// Why a text is no request or verdict. Names fields and lines, never their content.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotesError {
    /// A line is not what it must be.
    #[error("line {line}: expected `{expected}`")]
    Line {
        /// From 1.
        line: usize,
        /// Field or form.
        expected: &'static str,
    },
    /// The numbers are no price.
    #[error("the price: {0}")]
    Price(#[from] policies::PriceError),
    /// The text is not the one that its own values write.
    #[error("the text is not in its one canonical spelling")]
    Spelling,
    /// A name that can't stand in one line.
    #[error("{0} is empty, or holds a space or control character")]
    Name(&'static str),
    /// The question is empty, too long, or holds a control character.
    #[error("the question must have 1 to 32768 bytes and no control characters but line ends and tabs")]
    Question,
    /// A public file that can't travel.
    #[error("the public file {name}: {why}")]
    Public {
        /// Its name.
        name: String,
        /// What is wrong.
        why: &'static str,
    },
    /// No or a wrong signature.
    #[error("the signature: {0}")]
    Signature(#[from] audit_log::NoteError),
}

/// What a researcher signs: this question, as this plan, for this project, in this room, under this policy, at this price, until then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    room: String,
    project: String,
    researcher: String,
    plan: Digest,
    policy: Digest,
    price: Price,
    expires: Date,
    nonce: Digest,
    question: String,
    public: Vec<PublicFile>,
}

impl Request {
    /// A request. `expires` is the last day; `nonce` any 32 bytes that were not used before, so that the same question
    /// may be asked of a later snapshot. Tabs of the question become spaces and CRLF becomes LF; the plan is that of
    /// [`Request::question`].
    ///
    /// # Errors
    /// A name, day or question that can't be written.
    #[expect(clippy::too_many_arguments, reason = "everything that is signed, once")]
    pub fn new(
        room: &str,
        project: &str,
        researcher: &str,
        plan: Digest,
        policy: Digest,
        price: Price,
        expires: Date,
        nonce: [u8; 32],
        question: &str,
    ) -> Result<Self, NotesError> {
        let question = normalize(question);
        let clean = !question.chars().any(|c| c.is_control() && c != '\n');
        if question.trim().is_empty() || question.len() > QUESTION_LIMIT || !clean {
            return Err(NotesError::Question);
        }
        Ok(Self {
            room: name("the room", room)?,
            project: name("the project", project)?,
            researcher: name("the researcher", researcher)?,
            plan,
            policy,
            price,
            expires,
            nonce: Digest::from_bytes(nonce),
            question,
            public: Vec::new(),
        })
    }

    /// The request with the public files that its question cites: they stand in the text and are signed with it, in the order of their names.
    ///
    /// # Errors
    /// A name or text that can't be written, two files of one name, or more than an entry of the log holds.
    pub fn with_public(mut self, files: &[PublicFile]) -> Result<Self, NotesError> {
        let fault = |file: &PublicFile, why| Err(NotesError::Public { name: file.name.clone(), why });
        self.public = files.to_vec();
        self.public.sort_by(|a, b| a.name.cmp(&b.name));
        for (at, file) in self.public.iter().enumerate() {
            name("a public file's name", &file.name)?;
            if self.public.get(at + 1).is_some_and(|next| next.name == file.name) {
                return fault(file, "there are two of this name");
            }
            if file.text.is_empty() || file.text.chars().any(|c| c.is_control() && c != '\n') {
                return fault(file, "it is empty or holds control characters; lines end in LF");
            }
        }
        let size = serde_json::to_string(&self.to_text()).map_or(usize::MAX, |text| text.len());
        match self.public.first() {
            Some(file) if size > TEXT_LIMIT => {
                fault(file, "the request doesn't fit into an entry of the log; shorten the files")
            }
            _ => Ok(self),
        }
    }

    /// The text to sign.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = format!(
            "{REQUEST}\nroom: {}\nproject: {}\nresearcher: {}\nplan: {}\n",
            self.room, self.project, self.researcher, self.plan
        );
        write_price(&mut text, self.policy, &self.price, self.expires);
        let _ = write!(text, "nonce: {}\nquestion:\n", self.nonce);
        quote(&mut text, &self.question);
        for file in &self.public {
            let _ = writeln!(text, "{PUBLIC}{}", file.name);
            quote(&mut text, &file.text);
        }
        text
    }

    /// Reads a text, strictly.
    ///
    /// # Errors
    /// The line that is not as it must be, or a second spelling.
    pub fn parse(text: &str) -> Result<Self, NotesError> {
        let mut fields = Fields::new(text);
        fields.header(REQUEST)?;
        let (room, project) = (fields.take("room: ")?, fields.take("project: ")?);
        let researcher = fields.take("researcher: ")?;
        let plan = fields.read("plan: ")?;
        let (policy, price, expires) = read_price(&mut fields)?;
        let nonce: Digest = fields.read("nonce: ")?;
        fields.header("question:")?;
        let question = fields.quoted()?;
        let mut public = Vec::new();
        while !fields.done() {
            let name = fields.take(PUBLIC)?.to_owned();
            public.push(PublicFile { name, text: fields.quoted()?.join("\n") });
        }
        let request = Self::new(
            room,
            project,
            researcher,
            plan,
            policy,
            price,
            expires,
            *nonce.as_bytes(),
            &question.join("\n"),
        )?
        .with_public(&public)?;
        canonical(text, &request.to_text())?;
        Ok(request)
    }

    /// The request in a signed note, if this researcher's key signed it.
    ///
    /// # Errors
    /// The signature is missing or wrong, or the text is no request.
    pub fn open(signed: &str, key: &Verifier) -> Result<Self, NotesError> {
        Self::parse(&note::open(signed, std::slice::from_ref(key))?.text)
    }

    /// Identifies the request: SHA-256 of its text. Signatures don't enter, since one text can have several.
    #[must_use]
    pub fn id(&self) -> Digest {
        Digest::from_bytes(sha256(self.to_text().as_bytes()))
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

    /// Name on the researcher's card.
    #[must_use]
    pub fn researcher(&self) -> &str {
        &self.researcher
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

    /// Last day on which it may run.
    #[must_use]
    pub const fn expires(&self) -> Date {
        self.expires
    }

    /// The SQL text.
    #[must_use]
    pub fn question(&self) -> &str {
        &self.question
    }

    /// The public files that the question cites.
    #[must_use]
    pub fn public(&self) -> &[PublicFile] {
        &self.public
    }

    /// The verdict that this steward would sign.
    ///
    /// # Errors
    /// The steward's name can't be written.
    pub fn verdict(&self, steward: &str, approve: bool) -> Result<Verdict, NotesError> {
        Ok(Verdict {
            room: self.room.clone(),
            project: self.project.clone(),
            request: self.id(),
            steward: name("the steward", steward)?,
            approve,
            plan: self.plan,
            policy: self.policy,
            price: self.price,
            expires: self.expires,
        })
    }
}

/// The text between signature lines of a note, unverified: only to know whose key to ask for.
#[must_use]
pub fn unverified_text(signed: &str) -> &str {
    let end = signed.rfind("\n\n").map_or(0, |at| at + 1);
    signed.get(..end).unwrap_or("")
}

fn normalize(question: &str) -> String {
    let text = question.replace("\r\n", "\n").replace('\t', "    ");
    text.trim_matches('\n').to_owned()
}

#[cfg(test)]
mod tests;
