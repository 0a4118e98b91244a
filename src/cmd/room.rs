//! `sudare room`: made once, looked at often.

use std::path::Path;

use audit_log::note::Signer;
use audit_log::{Event, KeyVerdict, Log, Posix};
use pseudonymize::{Identity, Role};

use crate::actors::NewPassphrase;
use crate::catalogue;
use crate::cli::RoomCommand;
use crate::codelists;
use crate::fail::{self, Context, Done, Failure};
use crate::files;
use crate::out::{Out, place};
use crate::room::{self, RoomCard, now};

pub fn run(command: &RoomCommand, out: &Out) -> Done {
    match command {
        RoomCommand::Init { dir, policy, catalogue, codelists, passphrase_file, generate_passphrase } => {
            let passphrase = NewPassphrase::from_flags(passphrase_file.as_deref(), generate_passphrase.as_deref());
            init(dir, policy, catalogue.dir.as_deref(), codelists.as_deref(), &passphrase, out)
        }
        RoomCommand::Status(path) => super::query::status(&path.room, out),
        RoomCommand::Seal(room) => super::vault::seal(room, out),
        RoomCommand::Open { room, identity, passphrase, on } => {
            super::vault::open(room, identity.as_deref(), passphrase.passphrase_file.as_deref(), on.as_deref(), out)
        }
        RoomCommand::Profile { room, identity, passphrase, expires, output } => super::query::profile(
            &super::query::Describe {
                room: &room.room,
                identity: identity.as_deref(),
                passphrase: passphrase.passphrase_file.as_deref(),
                expires: expires.as_deref(),
                output: output.as_deref(),
            },
            out,
        ),
    }
}

fn init(
    dir: &Path,
    policy_file: &Path,
    further: Option<&Path>,
    lists: Option<&Path>,
    passphrase: &NewPassphrase<'_>,
    out: &Out,
) -> Done {
    fail::refuse_existing(dir)?;
    let policy = room::read_policy(policy_file)?;
    let catalogue = catalogue::load(further)?;
    room::check_columns(&policy, &catalogue).map_err(|f| f.at(policy_file.display()))?;
    codelists::load(lists)?;
    let origin = policy.room().origin.clone();
    let identity = Identity::generate(&origin, Role::Room).input("no key could be made")?;
    let seed = identity.log_seed().ok_or_else(|| Failure::input("no log key could be made"))?;
    let signer = Signer::from_seed(&origin, seed).input("the origin can't name a log")?;
    let card = RoomCard {
        origin: origin.clone(),
        log_key: signer.verifier_key(),
        recipient: identity.recipient(),
        catalogue: Some(catalogue::named(&catalogue)),
    };

    // Everything is made beside its final place: a room exists whole or not at all.
    let parent = dir.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let new = parent.join(format!(".{}.new", dir.file_name().unwrap_or_default().to_string_lossy()));
    fail::refuse_existing(&new)?;
    fail::demand_folder(dir)?;
    let (passphrase, cost) = passphrase.make("the room")?;
    std::fs::create_dir_all(&new).input(format!("{} can't be made", new.display()))?;
    let made = fill(&new, &identity, &passphrase, cost, &card, policy_file, signer, &policy)
        .and_then(|()| copy_files(further, &new, catalogue::FOLDER))
        .and_then(|()| copy_files(lists, &new, codelists::FOLDER));
    if let Err(failure) = made {
        let _ = std::fs::remove_dir_all(&new);
        return Err(failure);
    }
    std::fs::rename(&new, dir).input(format!("{} can't be made", dir.display()))?;

    out.line(format!("  room {origin} in {}/", place(dir)));
    out.line(format!("  public card: {} (sources and verifiers need it)", place(&dir.join("room.card.toml"))));
    out.value(&card);
    Ok(())
}

/// The room keeps its catalogue files and code lists: what it is asked is judged by these, wherever the originals go.
fn copy_files(from: Option<&Path>, dir: &Path, name: &str) -> Done {
    let Some(from) = from else {
        return Ok(());
    };
    let folder = dir.join(name);
    std::fs::create_dir(&folder).input(format!("{} can't be made", folder.display()))?;
    for (name, text) in catalogue::files(from)? {
        files::create(&folder.join(name), text.as_bytes())?;
    }
    Ok(())
}

#[allow(clippy::too_many_arguments)]
fn fill(
    dir: &Path,
    identity: &Identity,
    passphrase: &pseudonymize::Passphrase,
    cost: pseudonymize::SealCost,
    card: &RoomCard,
    policy_file: &Path,
    signer: Signer,
    policy: &policies::Policy,
) -> Done {
    identity.seal(&dir.join("room.identity"), passphrase, cost).input("room.identity can't be written")?;
    let text = toml::to_string(card).input("the card can't be written")?;
    std::fs::write(dir.join("room.card.toml"), text).input("room.card.toml can't be written")?;
    std::fs::copy(policy_file, dir.join("policy.toml")).input("policy.toml can't be written")?;
    let log_dir = dir.join("log");
    std::fs::create_dir_all(&log_dir).input("log/ can't be made")?;
    let mut log = Log::create(Posix::new(log_dir), &card.origin, signer).map_err(room::log_failure)?;
    let mut append = |event: Event| log.append(&event, &now()).map_err(room::log_failure);
    append(Event::Room {
        origin: card.origin.clone(),
        log_key: card.log_key.clone(),
        recipient: card.recipient.clone(),
    })?;
    for c in policy.cards() {
        append(Event::Key {
            name: c.name.clone(),
            role: c.role.to_string(),
            verifier: c.verifier.clone(),
            recipient: c.recipient.clone(),
            verdict: KeyVerdict::Added,
        })?;
    }
    let budget = &policy.room().budget;
    append(Event::Policy {
        policy: policy.digest().to_string(),
        epsilon: budget.epsilon.to_string(),
        delta: budget.delta.to_string(),
    })?;
    log.checkpoint().map_err(room::log_failure)?;
    Ok(())
}
