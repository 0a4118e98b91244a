//! Signed notes (c2sp.org/signed-note) with Ed25519: the one signature format of a room, for checkpoints, requests,
//! verdicts and releases. It doesn't say what a text means, nor who is trusted.
//!
//! One key may sign notes (type 0x01) and cosign checkpoints (type 0x04). The two can't be taken for one another:
//! no note may start with the header of a cosigned message, on either side.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};

use crate::digest::{Hasher, hex};

/// First line of a cosigned message; no note may start with it.
pub(crate) const COSIGNATURE_HEADER: &str = "cosignature/v1\n";
/// Most signature lines in a note, as in Go's sumdb.
const MAX_SIGNATURES: usize = 100;
/// Largest note in bytes.
const MAX_NOTE: usize = 1 << 20;
const DASH: &str = "\u{2014} ";

/// Why a note, a name or a key isn't accepted. Holds names of keys, never text of a note.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoteError {
    /// The bytes aren't a signed note.
    #[error("not a signed note: {reason}")]
    Malformed {
        /// What is wrong.
        reason: &'static str,
    },
    /// A text that can't be signed.
    #[error("this text can't be signed: {reason}")]
    Text {
        /// What is wrong.
        reason: &'static str,
    },
    /// A name that can't name a key.
    #[error("a key's name must not be empty nor contain spaces, control characters or '+'")]
    Name,
    /// A verifier key that doesn't parse.
    #[error("not a verifier key (name+id+base64): {reason}")]
    VerifierKey {
        /// What is wrong.
        reason: &'static str,
    },
    /// Two different trusted keys share name and id.
    #[error("two different verifier keys share the name and id {key}")]
    Ambiguous {
        /// `name+id` of the keys.
        key: String,
    },
    /// A trusted key's signature doesn't verify.
    #[error("the signature of {key} does not verify: the text or the signature was changed")]
    BadSignature {
        /// `name+id` of the key.
        key: String,
    },
    /// No trusted key signed.
    #[error("the note is not signed by any of: {trusted}")]
    Unsigned {
        /// `name+id` of the keys that would have been accepted.
        trusted: String,
    },
}

/// What a verifier key checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// 0x01: the note's text.
    Note,
    /// 0x04: time and checkpoint.
    Cosignature,
}

impl Kind {
    fn byte(self) -> u8 {
        match self {
            Self::Note => 0x01,
            Self::Cosignature => 0x04,
        }
    }
}

/// A public Ed25519 key with its name: who may have signed.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Verifier {
    name: String,
    id: [u8; 4],
    kind: Kind,
    key: [u8; 32],
}

impl Verifier {
    fn new(name: &str, kind: Kind, key: [u8; 32]) -> Result<Self, NoteError> {
        if !valid_name(name) {
            return Err(NoteError::Name);
        }
        Ok(Self { id: key_id(name, kind, &key), name: name.to_owned(), kind, key })
    }

    /// Reads `name+hex id+base64(type ‖ key)`; types 0x01 (notes) and 0x04 (cosignatures).
    ///
    /// # Errors
    /// [`NoteError::VerifierKey`] or [`NoteError::Name`].
    pub fn parse(vkey: &str) -> Result<Self, NoteError> {
        let bad = |reason| NoteError::VerifierKey { reason };
        let mut parts = vkey.splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(bad("it has not three parts joined by '+'"));
        };
        let bytes = BASE64.decode(key).map_err(|_| bad("its key is not base64"))?;
        let kind = match bytes.first() {
            Some(0x01) => Kind::Note,
            Some(0x04) => Kind::Cosignature,
            _ => return Err(bad("its type is neither Ed25519 nor cosignature/v1")),
        };
        let key: [u8; 32] =
            bytes.get(1..).and_then(|key| key.try_into().ok()).ok_or_else(|| bad("its key has not 32 bytes"))?;
        let verifier = Self::new(name, kind, key)?;
        if hex(&verifier.id) != id {
            return Err(bad("its id does not belong to its name and key"));
        }
        Ok(verifier)
    }

    /// Name of the key.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// `name+id`, as errors call the key.
    #[must_use]
    pub fn label(&self) -> String {
        format!("{}+{}", self.name, hex(&self.id))
    }

    /// `name+hex id+base64(type ‖ key)`: what [`Verifier::parse`] reads.
    #[must_use]
    pub fn verifier_key(&self) -> String {
        let mut bytes = vec![self.kind.byte()];
        bytes.extend_from_slice(&self.key);
        format!("{}+{}", self.label(), BASE64.encode(bytes))
    }

    /// The 32 bytes of the public key.
    #[must_use]
    pub fn public_key(&self) -> &[u8; 32] {
        &self.key
    }

    /// The same key and name as a cosigner (type 0x04).
    #[must_use]
    pub fn cosigner(&self) -> Self {
        let kind = Kind::Cosignature;
        Self { id: key_id(&self.name, kind, &self.key), name: self.name.clone(), kind, key: self.key }
    }

    pub(crate) fn made(&self, line: &Signature) -> bool {
        line.name == self.name && line.id == self.id
    }

    /// Whether `bytes` (without key id) is this key's signature under a note of this text.
    pub(crate) fn verifies(&self, text: &str, bytes: &[u8]) -> bool {
        match self.kind {
            Kind::Note => !text.starts_with(COSIGNATURE_HEADER) && self.verifies_message(text.as_bytes(), bytes),
            Kind::Cosignature => crate::cosign::time_of(self, text, bytes).is_some(),
        }
    }

    pub(crate) fn verifies_message(&self, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, &self.key).verify(message, signature).is_ok()
    }
}

impl std::fmt::Debug for Verifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Verifier({})", self.verifier_key())
    }
}

impl std::fmt::Display for Verifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.verifier_key())
    }
}

impl std::str::FromStr for Verifier {
    type Err = NoteError;

    fn from_str(vkey: &str) -> Result<Self, NoteError> {
        Self::parse(vkey)
    }
}

/// A private Ed25519 key with its name. `Debug` shows the public half only.
pub struct Signer {
    verifier: Verifier,
    pair: Ed25519KeyPair,
}

impl Signer {
    /// The key that RFC 8032 derives from `seed`. The caller keeps and wipes the seed.
    ///
    /// # Errors
    /// [`NoteError::Name`].
    pub fn from_seed(name: &str, seed: &[u8; 32]) -> Result<Self, NoteError> {
        let bad = NoteError::VerifierKey { reason: "the seed gives no key" };
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| bad.clone())?;
        let key = pair.public_key().as_ref().try_into().map_err(|_| bad)?;
        Ok(Self { verifier: Verifier::new(name, Kind::Note, key)?, pair })
    }

    /// Name of the key.
    #[must_use]
    pub fn name(&self) -> &str {
        self.verifier.name()
    }

    /// The public half.
    #[must_use]
    pub fn verifier(&self) -> Verifier {
        self.verifier.clone()
    }

    /// The public half as text: `name+hex id+base64(0x01 ‖ key)`.
    #[must_use]
    pub fn verifier_key(&self) -> String {
        self.verifier.verifier_key()
    }

    /// The signed note of `text`, which must end in a newline.
    ///
    /// # Errors
    /// [`NoteError::Text`] if no note can hold the text.
    pub fn sign(&self, text: &str) -> Result<String, NoteError> {
        sign(text, &[self])
    }

    pub(crate) fn sign_message(&self, message: &[u8]) -> Vec<u8> {
        self.pair.sign(message).as_ref().to_vec()
    }
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Signer({}, private key not shown)", self.verifier.label())
    }
}

/// The note of `text` with one signature line per signer, in order.
///
/// # Errors
/// [`NoteError::Text`] if no note can hold the text; [`NoteError::Malformed`] without signers.
pub fn sign(text: &str, signers: &[&Signer]) -> Result<String, NoteError> {
    let refuse = |reason| Err(NoteError::Text { reason });
    if !text.ends_with('\n') {
        return refuse("it does not end in a newline");
    }
    if has_control(text) {
        return refuse("it holds a control character");
    }
    if text.starts_with(COSIGNATURE_HEADER) {
        return refuse("it starts like a cosignature");
    }
    if text.len() > MAX_NOTE / 2 {
        return refuse("it is longer than 512 KiB");
    }
    if signers.is_empty() || signers.len() > MAX_SIGNATURES {
        return refuse("it needs between 1 and 100 signers");
    }
    let mut note = format!("{text}\n");
    for signer in signers {
        let signature = signer.sign_message(text.as_bytes());
        note.push_str(&line(&signer.verifier, &signature));
    }
    Ok(note)
}

/// A note whose signatures were verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    /// The signed text with its final newline.
    pub text: String,
    /// Which of the trusted keys signed it; at least one, each once.
    pub signed_by: Vec<Verifier>,
}

/// Verifies a note: at least one trusted key signed, and no signature in a trusted key's name is wrong. Lines of
/// unknown keys are ignored, as the specification demands.
///
/// # Errors
/// [`NoteError`] says what is missing or wrong.
pub fn open(note: &str, trusted: &[Verifier]) -> Result<Opened, NoteError> {
    let parsed = parse(note)?;
    let mut signed_by: Vec<Verifier> = Vec::new();
    for line in &parsed.signatures {
        let mut known = trusted.iter().filter(|key| key.made(line));
        let Some(key) = known.next() else { continue };
        if known.any(|other| other != key) {
            return Err(NoteError::Ambiguous { key: key.label() });
        }
        // As in Go: a second line of the same key is not looked at.
        if signed_by.contains(key) {
            continue;
        }
        if !key.verifies(parsed.text, &line.bytes) {
            return Err(NoteError::BadSignature { key: key.label() });
        }
        signed_by.push(key.clone());
    }
    if signed_by.is_empty() {
        let labels: Vec<String> = trusted.iter().map(Verifier::label).collect();
        return Err(NoteError::Unsigned { trusted: labels.join(", ") });
    }
    Ok(Opened { text: parsed.text.to_owned(), signed_by })
}

/// One signature line, taken apart but not verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Signature {
    pub(crate) name: String,
    pub(crate) id: [u8; 4],
    /// What follows the key id.
    pub(crate) bytes: Vec<u8>,
}

/// A note taken apart, nothing verified.
#[derive(Debug)]
pub(crate) struct Parsed<'a> {
    pub(crate) text: &'a str,
    pub(crate) signatures: Vec<Signature>,
}

pub(crate) fn parse(note: &str) -> Result<Parsed<'_>, NoteError> {
    let bad = |reason| NoteError::Malformed { reason };
    if note.len() > MAX_NOTE {
        return Err(bad("it is longer than 1 MiB"));
    }
    if has_control(note) {
        return Err(bad("it holds a control character"));
    }
    // The last empty line ends the text.
    let cut = note.rfind("\n\n").ok_or_else(|| bad("no empty line separates text and signatures"))?;
    let (Some(text), Some(lines)) = (note.get(..=cut), note.get(cut + 2..)) else {
        return Err(bad("no empty line separates text and signatures"));
    };
    let lines = lines.strip_suffix('\n').ok_or_else(|| bad("it does not end in a signature line with a newline"))?;
    let signatures = lines.split('\n').map(parse_line).collect::<Result<Vec<_>, _>>()?;
    if signatures.len() > MAX_SIGNATURES {
        return Err(bad("it has more than 100 signatures"));
    }
    Ok(Parsed { text, signatures })
}

/// Takes one signature line apart; it has no newline.
pub(crate) fn parse_line(line: &str) -> Result<Signature, NoteError> {
    let bad = |reason| NoteError::Malformed { reason };
    let rest =
        line.strip_prefix(DASH).ok_or_else(|| bad("a signature line does not start with an em dash and a space"))?;
    let (name, base64) = rest.split_once(' ').ok_or_else(|| bad("a signature line has no space after the name"))?;
    if !valid_name(name) {
        return Err(bad("a signature line has an invalid name"));
    }
    let bytes = BASE64.decode(base64).map_err(|_| bad("a signature is not base64"))?;
    match bytes.split_first_chunk::<4>() {
        Some((id, signature)) if !signature.is_empty() => {
            Ok(Signature { name: name.to_owned(), id: *id, bytes: signature.to_vec() })
        }
        _ => Err(bad("a signature has less than five bytes")),
    }
}

/// A signature line with its newline.
pub(crate) fn line(key: &Verifier, signature: &[u8]) -> String {
    let mut bytes = key.id.to_vec();
    bytes.extend_from_slice(signature);
    format!("{DASH}{} {}\n", key.name, BASE64.encode(bytes))
}

fn key_id(name: &str, kind: Kind, key: &[u8; 32]) -> [u8; 4] {
    let mut hasher = Hasher::new();
    hasher.update(name.as_bytes());
    hasher.update(&[b'\n', kind.byte()]);
    hasher.update(key);
    let [a, b, c, d, ..] = hasher.finish();
    [a, b, c, d]
}

fn has_control(text: &str) -> bool {
    text.bytes().any(|byte| byte < 0x20 && byte != b'\n')
}

fn valid_name(name: &str) -> bool {
    !name.is_empty() && !name.chars().any(|c| c == '+' || c.is_whitespace() || c.is_control())
}
