//! Identity files and cards: who signs, and what the others know of them. The cryptography is `pseudonymize`'s and
//! `audit_log`'s; this is where passphrases come from and where the two meet.

use std::fmt::Write as _;
use std::path::Path;

use audit_log::note::Signer;
use jiff::civil::Date;
use pseudonymize::{Identity, Passphrase, SealCost};

use crate::fail::{self, Context, Done, Failure};

/// Where a passphrase comes from when it is made.
pub enum NewPassphrase<'a> {
    /// Asked twice on the terminal.
    Ask,
    /// Read from a file.
    File(&'a Path),
    /// Made at random and written to this new file.
    Generate(&'a Path),
}

impl<'a> NewPassphrase<'a> {
    /// From the two flags, which exclude each other.
    pub fn from_flags(file: Option<&'a Path>, generate: Option<&'a Path>) -> Self {
        match (file, generate) {
            (_, Some(path)) => Self::Generate(path),
            (Some(path), None) => Self::File(path),
            (None, None) => Self::Ask,
        }
    }

    /// The passphrase, and what it may cost to open what it seals.
    pub fn make(&self, whose: &str) -> Done<(Passphrase, SealCost)> {
        match self {
            Self::Generate(path) => {
                fail::refuse_existing(path)?;
                let passphrase = Passphrase::generate().input("no random passphrase could be made")?;
                write_secret(path, passphrase.expose())?;
                Ok((passphrase, SealCost::MachineGenerated))
            }
            Self::File(path) => Ok((from_file(path)?, SealCost::Human)),
            Self::Ask => {
                let first = Passphrase::from_string(prompt(&format!("New passphrase of {whose}: "))?);
                let again = Passphrase::from_string(prompt("The same again: ")?);
                if first.expose() != again.expose() {
                    return Err(Failure::input("the two passphrases differ"));
                }
                if first.expose().chars().count() < 12 {
                    return Err(Failure::input("the passphrase is shorter than 12 characters")
                        .hint("several unrelated words are easy to keep and hard to guess"));
                }
                Ok((first, SealCost::Human))
            }
        }
    }
}

/// An existing passphrase, from a file or from the terminal.
pub fn passphrase(file: Option<&Path>, whose: &str) -> Done<Passphrase> {
    match file {
        Some(path) => from_file(path),
        None => Ok(Passphrase::from_string(prompt(&format!("Passphrase of {whose}: "))?)),
    }
}

/// Opens an identity file.
pub fn open(path: &Path, passphrase_file: Option<&Path>) -> Done<Identity> {
    let passphrase = passphrase(passphrase_file, &path.display().to_string())?;
    let public = path.extension().is_some_and(|e| e == "toml");
    Identity::open(path, &passphrase).map_err(|e| {
        let failure = Failure::input(e);
        if public { failure.hint("this looks like the public card; the secret is NAME.identity") } else { failure }
    })
}

/// Name, role and age recipient of every card in a card file.
pub fn recipients(path: &Path) -> Done<Vec<(String, String, String)>> {
    let no_card = || {
        Failure::input(format!("{} is not a card file", path.display()))
            .hint("it is what `sudare key new` wrote beside the identity, NAME.card.toml")
    };
    let table: toml::Table = fail::read_text(path)?.parse().map_err(|_| no_card())?;
    let cards = table.get("card").and_then(toml::Value::as_array).ok_or_else(no_card)?;
    let field = |card: &toml::Value, key: &str| card.get(key)?.as_str().map(str::to_owned);
    cards
        .iter()
        .map(|card| Some((field(card, "name")?, field(card, "role")?, field(card, "recipient")?)))
        .collect::<Option<_>>()
        .ok_or_else(no_card)
}

/// Name and C2SP verifier key of every card in a card file.
pub fn verifiers(path: &Path) -> Done<Vec<(String, String)>> {
    let no_card = || Failure::input(format!("{} is not a card file", path.display()));
    let table: toml::Table = fail::read_text(path)?.parse().map_err(|_| no_card())?;
    let cards = table.get("card").and_then(toml::Value::as_array).ok_or_else(no_card)?;
    let field = |card: &toml::Value, key: &str| card.get(key)?.as_str().map(str::to_owned);
    cards
        .iter()
        .map(|card| Some((field(card, "name")?, field(card, "verifier")?)))
        .collect::<Option<_>>()
        .ok_or_else(no_card)
}

/// The key with which an identity signs notes.
pub fn signer(identity: &Identity) -> Done<Signer> {
    Signer::from_seed(identity.name(), identity.signing_seed()).input("the identity can't sign")
}

/// The public card, as it goes into a policy.
pub fn card(identity: &Identity, role: &str, from: Date, until: Date) -> Done<String> {
    let mut text = String::from("[[card]]\n");
    let recipient = identity.recipient();
    let verifier = signer(identity)?.verifier_key();
    let fields = [("name", identity.name().to_owned()), ("role", role.to_owned()), ("recipient", recipient)];
    for (key, value) in fields {
        let _ = writeln!(text, "{key} = {}", toml::Value::String(value));
    }
    let _ = writeln!(text, "verifier = {}", toml::Value::String(verifier));
    let _ = writeln!(text, "from = \"{from}\"\nuntil = \"{until}\"");
    Ok(text)
}

fn from_file(path: &Path) -> Done<Passphrase> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // Pipes (/dev/fd/N) have no readers but this one.
        let open =
            std::fs::metadata(path).is_ok_and(|about| about.is_file() && about.permissions().mode() & 0o077 != 0);
        if open {
            return Err(Failure::input(format!("{} can be read by others on this machine", path.display()))
                .hint(format!("run: chmod 600 {}", path.display())));
        }
    }
    // It wipes the text that it is given.
    let passphrase = Passphrase::from_string(fail::read_text(path)?);
    if passphrase.expose().is_empty() {
        return Err(Failure::input(format!("{} holds no passphrase", path.display())));
    }
    Ok(passphrase)
}

fn prompt(text: &str) -> Done<String> {
    rpassword::prompt_password(text).map_err(|_| {
        let asked = text.trim_end_matches([':', ' ']).to_lowercase();
        Failure::input(format!("the {asked} is needed, and there is no terminal to ask on"))
            .hint("give it in a file: --passphrase-file for an identity, --room-passphrase-file or SUDARE_ROOM_PASSPHRASE_FILE for a room (/dev/fd/N works)")
    })
}

/// Writes a new file that only its owner can read.
fn write_secret(path: &Path, text: &str) -> Done {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let doing = || format!("{} can't be written", path.display());
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).input(doing())?;
    file.write_all(text.as_bytes()).input(doing())?;
    file.write_all(b"\n").input(doing())?;
    file.sync_all().input(doing())
}
