//! `sudare key`: identities with their cards, and the linkage key.

use std::path::{Path, PathBuf};

use jiff::ToSpan;
use jiff::civil::Date;
use pseudonymize::{Identity, LinkageKey, Role};

use crate::actors::{self, NewPassphrase};
use crate::cli::{KeyCommand, RoleArg};
use crate::fail::{self, Context, Done, Failure};
use crate::files;
use crate::out::{Out, place};

pub fn run(command: &KeyCommand, out: &Out) -> Done {
    match command {
        KeyCommand::New { name, role, out: folder, from, until, passphrase_file, generate_passphrase } => {
            let passphrase = NewPassphrase::from_flags(passphrase_file.as_deref(), generate_passphrase.as_deref());
            new(&New { name, role: *role, folder, from: from.as_deref(), until: until.as_deref() }, &passphrase, out)
        }
        KeyCommand::Linkage { to, output } => {
            let key = LinkageKey::generate().input("no key could be made")?;
            seal(&key, to, output, out)
        }
        KeyCommand::Reseal(args) => {
            let identity = actors::open(&args.identity, args.passphrase.passphrase_file.as_deref())?;
            let key =
                LinkageKey::open(&args.key, &identity).input(format!("{} can't be opened", args.key.display()))?;
            seal(&key, &args.to, &args.output, out)
        }
        KeyCommand::Announce(args) => super::announce::sign(args, out),
        KeyCommand::Rotate(args) => super::rotate::run(args, out),
        KeyCommand::Revoke(args) => super::revoke::sign(args, out),
        KeyCommand::AcceptRevocation { note, room } => super::revoke::accept(note, room, out),
    }
}

struct New<'a> {
    name: &'a str,
    role: RoleArg,
    folder: &'a Path,
    from: Option<&'a str>,
    until: Option<&'a str>,
}

fn new(args: &New<'_>, passphrase: &NewPassphrase<'_>, out: &Out) -> Done {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_' || c == '.';
    if args.name.is_empty() || args.name.starts_with('.') || !args.name.chars().all(fits) {
        return Err(Failure::input("a name is lower-case letters, digits, '-', '_' and '.'")
            .hint("it becomes a file name and a key's name, for example steward-a"));
    }
    let today = crate::room::today();
    let from = args.from.map_or(Ok(today), day)?;
    let until = args.until.map_or_else(|| Ok(from.saturating_add(1.year())), day)?;
    if until < from {
        return Err(Failure::input(format!("the card would end ({until}) before it begins ({from})")));
    }
    let secret = args.folder.join(format!("{}.identity", args.name));
    let public = args.folder.join(format!("{}.card.toml", args.name));
    fail::refuse_existing(&secret)?;
    fail::refuse_existing(&public)?;
    fail::demand_folder(&secret)?;

    let identity = Identity::generate(args.name, role(args.role)).input("no key could be made")?;
    let (passphrase, cost) = passphrase.make(args.name)?;
    let card = actors::card(&identity, word(args.role), from, until)?;
    identity.seal(&secret, &passphrase, cost).input(format!("{} can't be written", secret.display()))?;
    files::create(&public, card.as_bytes())?;

    out.line(format!("  {:<12} secret: {:<28} public: {}", args.name, place(&secret), place(&public)));
    out.value(&serde_json::json!({ "name": args.name, "identity": secret, "card": public }));
    Ok(())
}

fn seal(key: &LinkageKey, to: &[PathBuf], output: &Path, out: &Out) -> Done {
    fail::refuse_existing(output)?;
    fail::demand_folder(output)?;
    let mut recipients = Vec::new();
    let mut names = Vec::new();
    for path in to {
        for (name, role, recipient) in actors::recipients(path)? {
            if role != "source" && role != "steward" {
                return Err(Failure::refused(format!("{name} is a {role} and must not hold the linkage key"))
                    .hint("seal it to sources, and to stewards as escrow"));
            }
            recipients.push(recipient);
            names.push(name);
        }
    }
    key.seal(output, &recipients).input(format!("{} can't be written", output.display()))?;
    let id = key.id().input("the key")?;
    out.line(format!("  linkage key {id}: {} (opens for {})", place(output), names.join(", ")));
    out.value(&serde_json::json!({ "linkage_key": output, "id": id, "opens_for": names }));
    Ok(())
}

fn role(role: RoleArg) -> Role {
    match role {
        RoleArg::Source => Role::Source,
        RoleArg::Operator => Role::Operator,
        RoleArg::Steward => Role::Steward,
        RoleArg::Researcher => Role::Researcher,
    }
}

fn word(role: RoleArg) -> &'static str {
    match role {
        RoleArg::Source => "source",
        RoleArg::Operator => "operator",
        RoleArg::Steward => "steward",
        RoleArg::Researcher => "researcher",
    }
}

/// A calendar day as written on the command line.
pub fn day(text: &str) -> Done<Date> {
    text.parse().map_err(|_| Failure::input(format!("{text:?} is not a day")).hint("write it as 2026-04-01"))
}
