//! A room on disk: where things lie, how it is opened for reading and unlocked for writing.
//!
//! ```text
//! ROOM/room.identity     the room's keys, sealed by a passphrase
//! ROOM/room.card.toml    its public card: origin, log key, recipient
//! ROOM/catalogue/        catalogue files that the room was made with, if any
//! ROOM/codelists/        code lists of the stewards, if any
//! ROOM/policy.toml       the policy in force; its digest is in the log
//! ROOM/log/              the signed log (C2SP tlog-tiles)
//! ROOM/packages/         packages as they came (age)
//! ROOM/store/            snapshots (DuckDB), open
//! ROOM/store.sealed.age  the same, sealed (age)
//! ROOM/linkage/          reports of linkage runs (age)
//! ROOM/sealed/           answers computed but not yet released (age)
//! ROOM/releases/         answers with their proofs
//! ```

use std::path::{Path, PathBuf};

use audit_log::note::{Signer, Verifier};
use audit_log::{Event, Log, Posix, View};
use datasets::catalogue::Catalogue;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use policies::Policy;
use pseudonymize::{Identity, RoomKey};
use serde::{Deserialize, Serialize};

use crate::actors;
use crate::fail::{self, Context, Done, Failure};

/// A room's public card.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RoomCard {
    /// Name of the room and of its log.
    pub origin: String,
    /// C2SP verifier key of the log.
    pub log_key: String,
    /// age recipient of packages.
    pub recipient: String,
    /// Digest of the catalogue that the room was made with; rooms made before there were any have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub catalogue: Option<String>,
}

impl RoomCard {
    /// Reads a card file.
    pub fn read(path: &Path) -> Done<Self> {
        let text = fail::read_text(path)?;
        toml::from_str(&text).map_err(|_| {
            Failure::input(format!("{} is not a room's card", path.display()))
                .hint("it is the file room.card.toml that `sudare room init` wrote")
        })
    }

    /// The log's key.
    pub fn verifier(&self) -> Done<Verifier> {
        Verifier::parse(&self.log_key).input("the room's card holds no log key")
    }
}

/// A room, opened for reading: no key is needed.
pub struct Room {
    /// Its folder.
    pub dir: PathBuf,
    /// Its public card.
    pub card: RoomCard,
    /// The policy in force.
    pub policy: Policy,
}

impl Room {
    /// Opens a room and checks that its policy is the one in the log.
    pub fn open(dir: &Path) -> Done<Self> {
        let card = dir.join("room.card.toml");
        if !card.is_file() {
            return Err(Failure::input(format!("{} is not a room", dir.display()))
                .hint("make one with `sudare room init`, or name it with --room or SUDARE_ROOM"));
        }
        let card = RoomCard::read(&card)?;
        let policy = read_policy(&dir.join("policy.toml"))?;
        Ok(Self { dir: dir.to_owned(), card, policy })
    }

    /// The verified log.
    pub fn view(&self) -> Done<View> {
        let view = open_view(&self.log_dir(), &self.card.verifier()?)?;
        self.check_policy(view.entries().iter().map(|e| &e.event))?;
        Ok(view)
    }

    /// Unlocks the room's keys and takes the log's lock.
    pub fn unlock(self, passphrase_file: Option<&Path>) -> Done<Unlocked> {
        let path = self.dir.join("room.identity");
        let identity = actors::open(&path, passphrase_file)?;
        let seed = identity.log_seed().ok_or_else(|| Failure::input("room.identity is not a room's identity"))?;
        let signer = Signer::from_seed(&self.card.origin, seed).input("the room's log key can't sign")?;
        let log = Log::open(Posix::new(self.log_dir()), signer).map_err(log_failure)?;
        self.check_policy(log.entries().iter().map(|e| &e.event))?;
        Ok(Unlocked { room: self, identity, log })
    }

    /// The catalogue that the room was made with.
    pub fn catalogue(&self) -> Done<Catalogue> {
        crate::catalogue::of_room(&self.dir, &self.card)
    }

    /// A folder of the room, made if need be.
    pub fn folder(&self, name: &str) -> Done<PathBuf> {
        let path = self.dir.join(name);
        std::fs::create_dir_all(&path).input(format!("{} can't be made", path.display()))?;
        Ok(path)
    }

    /// The log's folder.
    pub fn log_dir(&self) -> PathBuf {
        self.dir.join("log")
    }

    /// The policy file must be the one that the log names last.
    fn check_policy<'a>(&self, events: impl DoubleEndedIterator<Item = &'a Event>) -> Done {
        let logged = events.rev().find_map(|e| match e {
            Event::Policy { policy, .. } => Some(policy),
            _ => None,
        });
        if logged.is_none_or(|l| *l != self.policy.digest().to_string()) {
            return Err(Failure::integrity("policy.toml is not the policy in the log")
                .hint("restore the file: a policy comes into force only through the log"));
        }
        Ok(())
    }
}

/// A room with its keys at hand and its log locked for writing.
pub struct Unlocked {
    /// The room.
    pub room: Room,
    /// Its secrets.
    pub identity: Identity,
    /// Its log.
    pub log: Log,
}

impl Unlocked {
    /// The room's key.
    pub fn key(&self) -> Done<&RoomKey> {
        self.identity.room_key().ok_or_else(|| Failure::input("room.identity is not a room's identity"))
    }

    /// Appends an event, durable when this returns.
    pub fn append(&mut self, event: &Event) -> Done<u64> {
        self.log.append(event, &now()).map_err(log_failure)
    }

    /// Publishes what was appended.
    pub fn checkpoint(&mut self) -> Done {
        self.log.checkpoint().map_err(log_failure)?;
        Ok(())
    }
}

/// Reads and checks a policy.
pub fn read_policy(path: &Path) -> Done<Policy> {
    policies::parse(&fail::read_text(path)?).input(path.display())
}

/// A policy may allow only columns that the catalogue has.
pub fn check_columns(policy: &Policy, catalogue: &Catalogue) -> Done {
    policy.check_columns(catalogue).map_err(Failure::input)?;
    for project in policy.projects() {
        if let Some(condition) = &project.population {
            dp_query::check_population(condition, catalogue)
                .map_err(|refusal| Failure::input(format!("the population of project {}\n{refusal}", project.id)))?;
        }
    }
    Ok(())
}

/// Opens and verifies a log's folder.
pub fn open_view(dir: &Path, log: &Verifier) -> Done<View> {
    View::open(dir, log).map_err(log_failure)
}

/// A log's error: evidence of tampering is an integrity failure, the rest is input.
pub fn log_failure(error: audit_log::LogError) -> Failure {
    let message = format!("the log: {error}");
    if error.is_integrity() { Failure::integrity(message) } else { Failure::input(message) }
}

/// Now, RFC 3339, whole seconds, UTC.
pub fn now() -> String {
    let now = Timestamp::now();
    Timestamp::from_second(now.as_second()).unwrap_or(now).to_string()
}

/// The room's day, in UTC like every time in the log.
pub fn today() -> jiff::civil::Date {
    Timestamp::now().to_zoned(TimeZone::UTC).date()
}
