//! The manifest: what a source says of its package, in lines that can be signed, read and compared.

/// What the writer is told; the rest of the manifest it finds out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// Who sends.
    pub source: String,
    /// Its how-manieth package, rising.
    pub sequence: u64,
    /// Why it may: the legal basis in words.
    pub legal_basis: String,
    /// The room's origin; also the salt of the tokens.
    pub room: String,
    /// Epoch of the tokens.
    pub epoch: u32,
    /// Public name of the linkage key.
    pub linkage_key: String,
    /// For a bridge: public name of the linkage key that this one replaces.
    pub replaces: Option<String>,
    /// Digest of the catalogue that gave the content its shape.
    pub schema: [u8; 32],
}

/// A manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// What the writer was told.
    pub header: Header,
    /// Normalization profile of the tokens.
    pub profile: String,
    /// SHA-256 of `content.age`.
    pub content: [u8; 32],
}

/// Why a text is no manifest.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    /// A line isn't what it must be.
    #[error("line {line}: expected {expected}")]
    Line {
        /// From 1.
        line: usize,
        /// What should be there.
        expected: &'static str,
    },
    /// A field that is empty, too long or has control characters.
    #[error("{0}: must be 1 to 200 characters on one line, without spaces at its ends")]
    Field(&'static str),
}

const FIRST: &str = "sudare package v1";
/// Stands where nothing is replaced.
const NOTHING: &str = "-";

impl Manifest {
    /// The text that is signed; ends with a line end.
    ///
    /// # Errors
    /// A field can't stand on a line.
    pub fn to_text(&self) -> Result<String, ManifestError> {
        let Header { source, sequence, legal_basis, room, epoch, linkage_key, replaces, schema } = &self.header;
        let replaces = replaces.as_deref().unwrap_or(NOTHING);
        for (name, value) in [
            ("source", source.as_str()),
            ("legal basis", legal_basis),
            ("room", room),
            ("linkage key", linkage_key.as_str()),
            ("replaced key", replaces),
            ("profile", &self.profile),
        ] {
            if !fits(value) {
                return Err(ManifestError::Field(name));
            }
        }
        let (schema, content) = (crate::kdf::hex(schema), crate::kdf::hex(&self.content));
        let profile = &self.profile;
        Ok(format!(
            "{FIRST}\nroom {room}\nsource {source}\nsequence {sequence}\nepoch {epoch}\nlinkage-key {linkage_key}\n\
             replaces {replaces}\nprofile {profile}\nschema sha256:{schema}\ncontent sha256:{content}\nlegal-basis {legal_basis}\n"
        ))
    }

    /// Reads such a text; only the very text that [`Manifest::to_text`] writes is one.
    ///
    /// # Errors
    /// The first line that is wrong.
    pub fn parse(text: &str) -> Result<Self, ManifestError> {
        const KEYS: [&str; 10] = [
            "room",
            "source",
            "sequence",
            "epoch",
            "linkage-key",
            "replaces",
            "profile",
            "schema",
            "content",
            "legal-basis",
        ];
        let mut lines = text.split('\n');
        if lines.next() != Some(FIRST) {
            return Err(ManifestError::Line { line: 1, expected: FIRST });
        }
        let mut values = [""; 10];
        for (i, (slot, key)) in values.iter_mut().zip(KEYS).enumerate() {
            let value = lines.next().and_then(|l| l.strip_prefix(key)).and_then(|l| l.strip_prefix(' '));
            *slot = value.filter(|v| fits(v)).ok_or(ManifestError::Line { line: i + 2, expected: key })?;
        }
        let [room, source, sequence, epoch, linkage_key, replaces, profile, schema, content, legal_basis] = values;
        let wrong = |line, expected| ManifestError::Line { line, expected };
        let digest = |text: &str, line| {
            text.strip_prefix("sha256:")
                .and_then(crate::kdf::unhex32)
                .map(|d| *d)
                .ok_or(wrong(line, "sha256: and 64 hex digits"))
        };
        let manifest = Self {
            header: Header {
                source: source.to_owned(),
                sequence: sequence.parse().map_err(|_| wrong(4, "a sequence number"))?,
                legal_basis: legal_basis.to_owned(),
                room: room.to_owned(),
                epoch: epoch.parse().map_err(|_| wrong(5, "an epoch"))?,
                linkage_key: linkage_key.to_owned(),
                replaces: (replaces != NOTHING).then(|| replaces.to_owned()),
                schema: digest(schema, 9)?,
            },
            profile: profile.to_owned(),
            content: digest(content, 10)?,
        };
        // One text per manifest: +1, 01 and trailing lines are not it.
        if manifest.to_text().as_deref() == Ok(text) {
            Ok(manifest)
        } else {
            Err(wrong(12, "nothing after the legal basis, numbers without signs and leading zeros"))
        }
    }

    /// SHA-256 of the text, by which the log names the package.
    ///
    /// # Errors
    /// A field can't stand on a line.
    pub fn digest(&self) -> Result<[u8; 32], ManifestError> {
        let text = self.to_text()?;
        let mut out = [0; 32];
        out.copy_from_slice(ring::digest::digest(&ring::digest::SHA256, text.as_bytes()).as_ref());
        Ok(out)
    }
}

fn fits(value: &str) -> bool {
    !value.is_empty()
        && value.chars().count() <= 200
        && value.trim() == value
        && !value.chars().any(|c| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}'))
}
