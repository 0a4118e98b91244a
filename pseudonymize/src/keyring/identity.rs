//! One file per actor: an age X25519 identity, an Ed25519 seed, and for a room its own keys.

use std::fmt::{Display, Formatter};
use std::path::Path;
use std::str::FromStr;

use age::secrecy::ExposeSecret;
use zeroize::Zeroizing;

use super::passphrase::SHORTEST;
use super::{KeyError, Passphrase, SealCost, decrypt, encrypt};
use crate::files;
use crate::kdf;
use crate::room::RoomKey;

const HEADER: &str = "sudare-identity v1";

/// scrypt's log2(N) for generated passphrases.
const LOW_COST: u8 = 10;

/// The most log2(N) that is worked through when opening (4 GiB): a planted file must not stop the machine.
const HIGHEST_COST: u8 = 22;

/// What an actor does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// The room itself: opens packages, re-keys tokens, signs checkpoints.
    Room,
    /// Sends packages.
    Source,
    /// Runs the room.
    Operator,
    /// Writes policy, approves, co-signs, makes the linkage key.
    Steward,
    /// Asks.
    Researcher,
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Room, Self::Source, Self::Operator, Self::Steward, Self::Researcher];

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Room => "room",
            Self::Source => "source",
            Self::Operator => "operator",
            Self::Steward => "steward",
            Self::Researcher => "researcher",
        }
    }
}

impl Display for Role {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Not a role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no such role; there are room, source, operator, steward, researcher")]
pub struct UnknownRole;

impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(text: &str) -> Result<Self, UnknownRole> {
        Self::ALL.into_iter().find(|r| r.as_str() == text).ok_or(UnknownRole)
    }
}

/// An actor's secrets. Wiped when dropped, never shown by `Debug`.
pub struct Identity {
    name: String,
    role: Role,
    age: age::x25519::Identity,
    signing: Zeroizing<[u8; 32]>,
    room: Option<(Zeroizing<[u8; 32]>, RoomKey)>,
    log: Option<Zeroizing<[u8; 32]>>,
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Identity").field("name", &self.name).field("role", &self.role).finish_non_exhaustive()
    }
}

impl Identity {
    /// New secrets for an actor; a room also gets its room key and log seed.
    ///
    /// # Errors
    /// No randomness, or a name with control characters.
    pub fn generate(name: &str, role: Role) -> Result<Self, KeyError> {
        if !is_name(name) {
            return Err(KeyError::Name);
        }
        let seed = || -> Result<Zeroizing<[u8; 32]>, KeyError> {
            let mut bytes = Zeroizing::new([0; 32]);
            kdf::random(bytes.as_mut_slice())?;
            Ok(bytes)
        };
        let (room, log) = if role == Role::Room {
            let secret = seed()?;
            let key = RoomKey::from_secret(&secret)?;
            (Some((secret, key)), Some(seed()?))
        } else {
            (None, None)
        };
        Ok(Self { name: name.to_owned(), role, age: age::x25519::Identity::generate(), signing: seed()?, room, log })
    }

    /// Writes the secrets to a new file, mode 0600, encrypted by the passphrase.
    ///
    /// # Errors
    /// The file exists or can't be made; the passphrase is too weak for the cost.
    pub fn seal(&self, path: &Path, passphrase: &Passphrase, cost: SealCost) -> Result<(), KeyError> {
        if cost == SealCost::MachineGenerated && !passphrase.is_generated() {
            return Err(KeyError::NotGenerated);
        }
        if passphrase.expose().chars().count() < SHORTEST {
            return Err(KeyError::ShortPassphrase(SHORTEST));
        }
        let mut recipient = age::scrypt::Recipient::new(passphrase.secret());
        if cost == SealCost::MachineGenerated {
            recipient.set_work_factor(LOW_COST);
        }
        let sealed = encrypt(&[&recipient], self.text().as_bytes(), path)?;
        Ok(files::write_new(path, &sealed)?)
    }

    /// Opens such a file.
    ///
    /// # Errors
    /// It can't be read, others can read it, the passphrase is wrong, or it isn't an identity.
    pub fn open(path: &Path, passphrase: &Passphrase) -> Result<Self, KeyError> {
        let sealed = files::read(path, true)?;
        let mut identity = age::scrypt::Identity::new(passphrase.secret());
        identity.set_max_work_factor(HIGHEST_COST);
        let text = decrypt(&identity, &sealed, path, KeyError::WrongPassphrase)?;
        Self::parse(&text).map_err(|line| KeyError::Content {
            path: path.to_owned(),
            expected: "sudare identity",
            line,
        })
    }

    /// Whose it is.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What its owner does.
    pub fn role(&self) -> Role {
        self.role
    }

    /// The public age recipient, `age1…`.
    pub fn recipient(&self) -> String {
        self.age.to_public().to_string()
    }

    /// The seed of the Ed25519 signing key (RFC 8032).
    pub fn signing_seed(&self) -> &[u8; 32] {
        &self.signing
    }

    /// A room's key.
    pub fn room_key(&self) -> Option<&RoomKey> {
        self.room.as_ref().map(|(_, key)| key)
    }

    /// The seed of the key that signs a room's checkpoints.
    pub fn log_seed(&self) -> Option<&[u8; 32]> {
        self.log.as_deref()
    }

    pub(crate) fn age(&self) -> &age::x25519::Identity {
        &self.age
    }

    fn text(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(1024));
        let age = self.age.to_string();
        let mut line = |key: &str, value: &str| {
            for part in [key, " ", value, "\n"] {
                text.push_str(part);
            }
        };
        line("sudare-identity", "v1");
        line("name", &self.name);
        line("role", self.role.as_str());
        line("age", age.expose_secret());
        line("signing", &Zeroizing::new(kdf::hex(self.signing.as_slice())));
        if let Some((secret, _)) = &self.room {
            line("room", &Zeroizing::new(kdf::hex(secret.as_slice())));
        }
        if let Some(log) = &self.log {
            line("log", &Zeroizing::new(kdf::hex(log.as_slice())));
        }
        text
    }

    /// The error is the line that is wrong.
    fn parse(text: &str) -> Result<Self, usize> {
        let mut lines = text.lines().enumerate().map(|(i, l)| (i + 1, l));
        let mut last = 0;
        let mut next = |key: &str| -> Result<(usize, &str), usize> {
            let (number, line) = lines.next().ok_or(last + 1)?;
            last = number;
            let value = line.strip_prefix(key).and_then(|v| v.strip_prefix(' '));
            value.map(|v| (number, v)).ok_or(number)
        };
        let (at, version) = next("sudare-identity")?;
        if HEADER.split_once(' ').map(|(_, v)| v) != Some(version) {
            return Err(at);
        }
        let (at, name) = next("name")?;
        if !is_name(name) {
            return Err(at);
        }
        let (at, role) = next("role")?;
        let role: Role = role.parse().map_err(|_| at)?;
        let (at, age) = next("age")?;
        let age = age::x25519::Identity::from_str(age).map_err(|_| at)?;
        let (at, signing) = next("signing")?;
        let signing = kdf::unhex32(signing).ok_or(at)?;
        let (room, log) = if role == Role::Room {
            let (at, room) = next("room")?;
            let secret = kdf::unhex32(room).ok_or(at)?;
            let key = RoomKey::from_secret(&secret).map_err(|_| at)?;
            let (at, log) = next("log")?;
            (Some((secret, key)), Some(kdf::unhex32(log).ok_or(at)?))
        } else {
            (None, None)
        };
        match lines.next() {
            Some((at, _)) => Err(at),
            None => Ok(Self { name: name.to_owned(), role, age, signing, room, log }),
        }
    }
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.chars().count() <= 100 && name.trim() == name && !name.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    /// What holds the secrets is wiped when it is dropped; this doesn't compile otherwise. (age wipes its own.)
    #[test]
    fn it_is_wiped() {
        fn wiped<T: zeroize::ZeroizeOnDrop>(_: &T) {}
        let identity = Identity::generate("room", Role::Room).unwrap();
        wiped(&identity.signing);
        wiped(identity.log.as_ref().unwrap());
        wiped(&identity.room.as_ref().unwrap().0);
        wiped(&crate::normalize::Fields::default());
    }
}
