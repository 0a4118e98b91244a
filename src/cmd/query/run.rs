//! `sudare query run`: charge, wait for co-signatures, compute once, seal, release at a slot.
//!
//! Order (DESIGN, "The trail"): intent → checkpoint → co-signatures → data → answer sealed and synced → release record →
//! checkpoint → answer shown. A run that was cut off after data was touched is never computed again: its sealed answer is
//! released if there is one, otherwise the failure is logged; the charge stands either way.

use std::path::{Path, PathBuf};
use std::time::Duration;

use audit_log::{Event, Receipt};
use datasets::catalogue::Catalogue;
use datasets::store::Store;
use dp_query::accountant::OpenDpAccountant;
use dp_query::docket::{Docket, Filed, Intended, Outcome};
use dp_query::release::{ReleaseFile, Trail, Unreleased};
use jiff::Timestamp;
use policies::{Ask, Denial, Digest, Kind, Permit, Spent, decide};

use super::{Priced, docket, find, latest_snapshot, priced, release_path, short, show};
use crate::cli::RoomArgs;
use crate::fail::{self, Context, Done, Failure};
use crate::files;
use crate::out::Out;
use crate::room::{Room, Unlocked, log_failure, today};

/// Memory that the engine may use, in MiB; what doesn't fit spills inside the room.
const MEMORY_MIB: u64 = 4096;

pub fn run(prefixes: &[String], args: &RoomArgs, out: &Out) -> Done {
    let mut unlocked = Room::open(&args.room)?.unlock(args.room_passphrase_file.as_deref())?;
    let catalogue = Catalogue::builtin().input("the catalogue")?;
    let known = docket(unlocked.log.entries(), &unlocked.room)?;
    let ids = prefixes.iter().map(|p| Ok(find(&known, p)?.id())).collect::<Done<Vec<Digest>>>()?;

    let mut refused = None;
    let mut shown = Vec::new();
    for id in &ids {
        match charge(id, &mut unlocked, &catalogue, out) {
            Ok(Charged::Open) => {}
            Ok(Charged::Answered(answered)) => shown.push(answered),
            Err(failure) if failure.exit() == fail::REFUSED => {
                // One message is the command's own; with several requests, each is named.
                if ids.len() > 1 {
                    out.line(format!("  request {}: {}", short(id), failure.message));
                }
                refused = Some(failure);
            }
            Err(failure) => return Err(failure),
        }
    }
    unlocked.checkpoint()?;

    let mut done = Vec::new();
    for id in &ids {
        match compute(id, &unlocked, &catalogue, out)? {
            Computed::Nothing => {}
            Computed::Waiting(failure) => refused = Some(failure),
            Computed::Ended(ended) => done.push((*id, ended)),
        }
    }
    if !done.is_empty() {
        let slot = wait_for_slot(u64::from(unlocked.room.policy.room().slot_seconds))?;
        for (id, ended) in done {
            if publish(&id, ended, &slot, &mut unlocked, out)? {
                shown.push(id);
            }
        }
    }
    for id in &shown {
        show::answer(&release_path(&unlocked.room, id), &unlocked.room, out)?;
    }
    match refused {
        Some(failure) => Err(failure),
        None => Ok(()),
    }
}

enum Charged {
    /// There is an intent without outcome.
    Open,
    /// The answer is there already.
    Answered(Digest),
}

/// Decides and writes the charge, unless that was done before.
fn charge(id: &Digest, unlocked: &mut Unlocked, catalogue: &Catalogue, out: &Out) -> Done<Charged> {
    let docket = docket(unlocked.log.entries(), &unlocked.room)?;
    let filed = docket.request(id).ok_or_else(|| Failure::input("no such request"))?;
    match filed.intents().last().map(|i| &i.outcome) {
        Some(None) => return Ok(Charged::Open),
        Some(Some(Outcome::Released { index, .. })) => {
            let event = Event::Repeat { request: id.to_string(), release: *index };
            unlocked.append(&event)?;
            out.line(format!("  request {} was answered before: the same bytes again, free", short(id)));
            return Ok(Charged::Answered(*id));
        }
        Some(Some(Outcome::Failed { code, .. })) => {
            return Err(Failure::refused(format!("the run failed ({code}) and stays charged"))
                .hint("submit the question again as a new request"));
        }
        None => {}
    }
    let asked = question(filed, &unlocked.room, catalogue)?;
    let ask = docket.ask(id, &asked.plan).map_err(Failure::refused)?;
    let (snapshot, _) = snapshot(unlocked)?;
    // The same plan for the same project on the same snapshot: approved or not is asked, the budget is not, since
    // nothing new is learnt.
    let repeat =
        docket.repeat(&ask.plan, &ask.project, &snapshot).and_then(|(other, intended)| match &intended.outcome {
            Some(Outcome::Released { index, .. }) => Some((other.id(), *index)),
            _ => None,
        });
    let spent = if repeat.is_some() { Spent::default() } else { docket.spent(&ask.project, &ask.researcher) };
    let permit = decide(&unlocked.room.policy, &ask, &docket.approvals(id), &spent, today(), &OpenDpAccountant);
    if let Err(denial) = permit {
        return Err(refuse(id, &denial, unlocked)?);
    }
    if let Some((other, release)) = repeat {
        unlocked.append(&Event::Repeat { request: id.to_string(), release })?;
        out.line(format!("  request {} asks what {} asked: the same bytes again, free", short(id), short(&other)));
        return Ok(Charged::Answered(other));
    }
    unlocked.append(&intent(&ask, snapshot))?;
    out.line(format!("  request {} is charged: ε = {}, δ = {}", short(id), ask.price.epsilon(), ask.price.delta()));
    Ok(Charged::Open)
}

fn refuse(id: &Digest, denial: &Denial, unlocked: &mut Unlocked) -> Done<Failure> {
    unlocked.append(&Event::Refusal { request: id.to_string(), code: denial.code().to_owned() })?;
    Ok(Failure::refused(denial))
}

fn question(filed: &Filed, room: &Room, catalogue: &Catalogue) -> Done<Priced> {
    priced(filed.request().question(), "the request", room, catalogue)
}

fn snapshot(unlocked: &Unlocked) -> Done<(String, PathBuf)> {
    latest_snapshot(&unlocked.room, unlocked.log.entries().iter().map(|e| &e.event))
        .ok_or_else(|| Failure::input("the room has no snapshot yet").hint("load one with `sudare link`"))
}

fn intent(ask: &Ask, snapshot: String) -> Event {
    let charge = ask.price.charge();
    Event::Intent {
        request: ask.request.to_string(),
        project: ask.project.clone(),
        researcher: ask.researcher.clone(),
        plan: ask.plan.to_string(),
        snapshot,
        policy: ask.policy.to_string(),
        account: match charge.kind {
            Kind::Pure => audit_log::Account::Pure,
            Kind::Zcdp => audit_log::Account::Zcdp,
        },
        epsilon: charge.epsilon.to_string(),
        delta: charge.delta.to_string(),
        rho: charge.rho.to_string(),
    }
}

enum Computed {
    /// Not charged, or ended before.
    Nothing,
    /// Co-signatures are missing.
    Waiting(Failure),
    /// There is an answer to release or a failure to log.
    Ended(Ended),
}

struct Ended {
    intent: u64,
    result: Result<Unreleased, &'static str>,
}

/// Computes an open intent, once.
fn compute(id: &Digest, unlocked: &Unlocked, catalogue: &Catalogue, out: &Out) -> Done<Computed> {
    let all = docket(unlocked.log.entries(), &unlocked.room)?;
    let filed = all.request(id).ok_or_else(|| Failure::input("no such request"))?;
    let Some(open) = filed.intents().iter().find(|i| i.outcome.is_none()) else {
        return Ok(Computed::Nothing);
    };
    let folder = unlocked.room.folder("sealed")?;
    let (sealed, started) =
        (folder.join(format!("{}.age", open.index)), folder.join(format!("{}.started", open.index)));
    if sealed.exists() {
        let bytes = unlocked.identity.open_file(&sealed).integrity("the sealed answer can't be opened")?;
        let answer = Unreleased::from_bytes(&bytes).integrity("the sealed answer can't be read")?;
        return Ok(Computed::Ended(Ended { intent: open.index, result: Ok(answer) }));
    }
    if started.exists() {
        return Ok(Computed::Ended(Ended { intent: open.index, result: Err("interrupted") }));
    }
    let needed = usize::try_from(unlocked.room.policy.room().cosignatures).unwrap_or(usize::MAX);
    let receipt = match unlocked.log.receipt_cosigned(open.index, &unlocked.room.cosigners()?, needed) {
        Ok(receipt) => receipt,
        Err(audit_log::LogError::Cosignatures { .. }) => {
            let failure = Failure::refused(format!("the charges wait for {needed} stewards to co-sign the log's head"))
                .hint("stewards run `sudare audit cosign`; then run this command again");
            return Ok(Computed::Waiting(failure));
        }
        Err(error) => return Err(log_failure(error)),
    };
    let asked = question(filed, &unlocked.room, catalogue)?;
    let permit = permit(id, open, &asked, unlocked)?;
    let (name, path) = snapshot(unlocked)?;
    if name != open.snapshot {
        // A new snapshot was loaded between charge and run. The charge names the old one, and that is what it buys.
        return old_snapshot(open, unlocked)
            .and_then(|path| answer(permit, &asked, &path, &receipt, open, unlocked, &started, &sealed, out));
    }
    answer(permit, &asked, &path, &receipt, open, unlocked, &started, &sealed, out)
}

fn old_snapshot(open: &Intended, unlocked: &Unlocked) -> Done<PathBuf> {
    let path = unlocked.room.dir.join("store").join(crate::cmd::link::snapshot_file(&open.snapshot));
    if path.is_file() { Ok(path) } else { Err(Failure::integrity("the snapshot that the charge names is gone")) }
}

/// The decision as it was when the charge was written: on the log before it.
fn permit(id: &Digest, open: &Intended, asked: &Priced, unlocked: &Unlocked) -> Done<Permit> {
    let entries = unlocked.log.entries();
    let before = usize::try_from(open.index).ok().and_then(|n| entries.get(..n)).unwrap_or(entries);
    let docket: Docket = docket(before, &unlocked.room)?;
    let ask = docket.ask(id, &asked.plan).map_err(Failure::refused)?;
    let spent = docket.spent(&ask.project, &ask.researcher);
    // The day of the charge, as everybody who verifies the release will take it.
    let day =
        entries.get(before.len()).and_then(|e| e.time.get(..10)).and_then(|d| d.parse().ok()).unwrap_or_else(today);
    decide(&unlocked.room.policy, &ask, &docket.approvals(id), &spent, day, &OpenDpAccountant).map_err(Failure::refused)
}

#[allow(clippy::too_many_arguments)]
fn answer(
    permit: Permit,
    asked: &Priced,
    path: &Path,
    receipt: &Receipt,
    open: &Intended,
    unlocked: &Unlocked,
    started: &Path,
    sealed: &Path,
    out: &Out,
) -> Done<Computed> {
    let store = Store::open(path, &unlocked.room.dir.join("spill"), MEMORY_MIB).input("the store")?;
    let key = unlocked.key()?;
    let name = |contents: &[u8; 32]| audit_log::digest::hex(&key.digest(contents));
    // Durable before data is touched: whoever finds this mark and no sealed answer must not compute again.
    files::mark(started)?;
    let spinner = out.spinner("computing");
    let result = dp_query::run::run(permit, &asked.plan, &asked.quote, &store, &name, receipt);
    spinner.finish_and_clear();
    let result = match result {
        Ok(unreleased) => {
            unlocked.identity.seal_file(sealed, unreleased.to_bytes()).input("the answer can't be sealed")?;
            Ok(unreleased)
        }
        Err(failure) => Err(failure.code()),
    };
    Ok(Computed::Ended(Ended { intent: open.index, result }))
}

/// Sleeps until the next whole slot and gives its stamp: when an answer appears must not tell how long it took.
fn wait_for_slot(seconds: u64) -> Done<String> {
    let seconds = i64::try_from(seconds.max(1)).unwrap_or(1);
    let now = Timestamp::now();
    let slot = (now.as_second().div_euclid(seconds) + 1).saturating_mul(seconds);
    let slot = Timestamp::from_second(slot).input("this machine's clock")?;
    while let Ok(wait) = Duration::try_from(slot.duration_since(Timestamp::now())) {
        if wait.is_zero() {
            break;
        }
        std::thread::sleep(wait);
    }
    Ok(slot.to_string())
}

/// Logs the release or the failure; whether there is an answer to show.
fn publish(id: &Digest, ended: Ended, slot: &str, unlocked: &mut Unlocked, out: &Out) -> Done<bool> {
    let request = id.to_string();
    let unreleased = match ended.result {
        Ok(unreleased) => unreleased,
        Err(code) => {
            unlocked.append(&Event::Failure {
                intent: ended.intent,
                request,
                code: code.to_owned(),
                slot: slot.to_owned(),
            })?;
            unlocked.checkpoint()?;
            out.line(format!("  request {} failed ({code}); the charge stands", short(id)));
            return Ok(false);
        }
    };
    let answer = unreleased.digest();
    let index = unlocked.append(&Event::Release { intent: ended.intent, request, answer, slot: slot.to_owned() })?;
    unlocked.checkpoint()?;
    let receipt = unlocked.log.receipt(index).map_err(log_failure)?;
    let release = unreleased.open(&receipt).integrity("the release")?;
    let file = release_file(id, &release, ended.intent, &receipt, unlocked)?;
    unlocked.room.folder("releases")?;
    files::create(&release_path(&unlocked.room, id), &file)?;
    Ok(true)
}

/// The answer with everything that an outsider needs to verify it.
fn release_file(
    id: &Digest,
    release: &dp_query::release::Release,
    intent: u64,
    released: &Receipt,
    unlocked: &Unlocked,
) -> Done<Vec<u8>> {
    let docket = docket(unlocked.log.entries(), &unlocked.room)?;
    let filed = docket.request(id).ok_or_else(|| Failure::input("no such request"))?;
    let receipt = |index: u64| unlocked.log.receipt(index).map_err(log_failure);
    let policy = unlocked
        .log
        .entries()
        .iter()
        .rev()
        .find(|e| matches!(e.event, Event::Policy { .. }))
        .ok_or_else(|| Failure::integrity("the log names no policy"))?;
    let verdicts = filed
        .verdicts()
        .iter()
        .filter(|c| c.verdict.approve() && c.index < intent)
        .map(|c| receipt(c.index))
        .collect::<Done<Vec<Receipt>>>()?;
    let needed = usize::try_from(unlocked.room.policy.room().cosignatures).unwrap_or(usize::MAX);
    let intent = unlocked.log.receipt_cosigned(intent, &unlocked.room.cosigners()?, needed).map_err(log_failure)?;
    let text = fail::read_text(&unlocked.room.dir.join("policy.toml"))?;
    let trail = Trail {
        policy: &receipt(policy.index)?,
        request: &receipt(filed.index())?,
        verdicts: &verdicts,
        intent: &intent,
        release: released,
    };
    ReleaseFile::new(release, &text, &trail).to_bytes().input("the release can't be written")
}
