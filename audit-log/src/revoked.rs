//! Keys that a log calls revoked: a fold of its `key` events. Not who may do what: that is a policy's.

use crate::event::{Event, KeyVerdict};
use crate::note::Verifier;

/// The revoked keys, compared by public key whatever their name: none comes back under another one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Revoked(Vec<Verifier>);

impl Revoked {
    /// After these events, in the log's order. A key that is added again is not revoked.
    pub fn of<'a>(events: impl IntoIterator<Item = &'a Event>) -> Self {
        let mut revoked: Vec<Verifier> = Vec::new();
        for event in events {
            if let Event::Key { verifier, verdict, .. } = event
                && let Ok(key) = Verifier::parse(verifier)
            {
                revoked.retain(|known| known.public_key() != key.public_key());
                if *verdict == KeyVerdict::Revoked {
                    revoked.push(key);
                }
            }
        }
        Self(revoked)
    }

    /// Whether this key is among them.
    #[must_use]
    pub fn has(&self, key: &Verifier) -> bool {
        self.0.iter().any(|other| other.public_key() == key.public_key())
    }
}
