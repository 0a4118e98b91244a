//! An open charge becomes a sealed answer, once. Whether data was touched is on disk before it is.

use std::path::{Path, PathBuf};

use audit_log::digest::hex;
use audit_log::merkle::leaf_hash;
use audit_log::{Entry, Receipt};
use datasets::catalogue::Catalogue;
use datasets::store::Store;
use dp_query::accountant::OpenDpAccountant;
use dp_query::docket::Intended;
use dp_query::release::Unreleased;
use policies::{Digest, Permit, decide};

use super::{Priced, docket, priced_request};
use crate::fail::{Context, Done, Failure};
use crate::files;
use crate::out::Out;
use crate::room::{Unlocked, log_failure, today};

/// Memory that the engine may use, in MiB; what doesn't fit spills inside the room.
const MEMORY_MIB: u64 = 4096;

/// What became of an open charge.
pub enum Computed {
    /// Co-signatures are missing.
    Waiting(Failure),
    /// There is an answer to release or a failure to log.
    Ended(Box<Ended>),
}

/// An answer or a value-free code of failure.
pub struct Ended {
    /// Log entry of the intent.
    pub intent: u64,
    /// The sealed answer.
    pub result: Result<Unreleased, String>,
}

/// Where the mark and the sealed answer of an intent lie: named by its leaf hash, so that another log's files of the
/// same number are never taken for this one's.
pub fn sealed_paths(intent: &Receipt, unlocked: &Unlocked) -> Done<(PathBuf, PathBuf)> {
    let folder = unlocked.room.folder("sealed")?;
    let name = hex(&leaf_hash(intent.entry()));
    Ok((folder.join(format!("{name}.age")), folder.join(format!("{name}.started"))))
}

/// Seals an answer: encrypted to the room, and with a keyed digest in front, because anybody can encrypt to a public
/// recipient.
fn seal(path: &Path, answer: &Unreleased, intent: &Receipt, unlocked: &Unlocked) -> Done {
    let mut plain = mac(answer.to_bytes(), intent, unlocked)?.to_vec();
    plain.extend_from_slice(answer.to_bytes());
    unlocked.identity.seal_file(path, &plain).input("the answer can't be sealed")
}

/// Opens a sealed answer and checks that this room sealed it and that it is the answer to this very intent.
pub fn open_sealed(path: &Path, intent: &Receipt, unlocked: &Unlocked) -> Done<Unreleased> {
    let plain = unlocked.identity.open_file(path).integrity("the sealed answer can't be opened")?;
    let foreign = || Failure::integrity("the sealed answer was not sealed by this room for this request");
    let (sealed, bytes) = plain.split_first_chunk::<32>().ok_or_else(foreign)?;
    if *sealed != mac(bytes, intent, unlocked)? {
        return Err(foreign());
    }
    let answer = Unreleased::from_bytes(bytes).integrity("the sealed answer can't be read")?;
    answer.belongs(intent).integrity("the sealed answer is not this request's")?;
    Ok(answer)
}

fn mac(bytes: &[u8], intent: &Receipt, unlocked: &Unlocked) -> Done<[u8; 32]> {
    let mut message = leaf_hash(intent.entry()).to_vec();
    message.extend_from_slice(bytes);
    Ok(unlocked.key()?.digest(&message))
}

/// Computes an open intent, once.
pub fn compute(id: &Digest, unlocked: &Unlocked, catalogue: &Catalogue, out: &Out) -> Done<Computed> {
    let all = docket(unlocked.log.entries(), &unlocked.room)?;
    let filed = all.request(id).ok_or_else(|| Failure::input("no such request"))?;
    let open = filed.intents().iter().find(|i| i.outcome.is_none());
    let open = open.ok_or_else(|| Failure::input("the request has no open charge"))?;
    let needed = usize::try_from(unlocked.room.policy.room().cosignatures).unwrap_or(usize::MAX);
    let stewards = all.cosigners(&unlocked.room.policy, day_of(open.index, unlocked));
    let receipt = match unlocked.log.receipt_cosigned(open.index, &stewards, needed) {
        Ok(receipt) => receipt,
        Err(audit_log::LogError::Cosignatures { .. }) => {
            let failure = Failure::refused(format!("the charges wait for {needed} stewards to co-sign the log's head"))
                .hint("stewards run `sudare audit cosign`; then run this command again");
            return Ok(Computed::Waiting(failure));
        }
        Err(error) => return Err(log_failure(error)),
    };
    let ended = |result| Ok(Computed::Ended(Box::new(Ended { intent: open.index, result })));
    let (sealed, started) = sealed_paths(&receipt, unlocked)?;
    if sealed.exists() {
        return ended(Ok(open_sealed(&sealed, &receipt, unlocked)?));
    }
    if started.exists() {
        return ended(Err("interrupted".to_owned()));
    }
    // What was charged and can't be run any more ends here, so that it does not stand in the way for ever.
    let Ok(asked) = priced_request(filed.request(), &unlocked.room, catalogue) else {
        return ended(Err("question".to_owned()));
    };
    let permit = match permit(id, open, &asked, unlocked)? {
        Ok(permit) => permit,
        Err(code) => return ended(Err(code)),
    };
    // The charge names its snapshot, and that is what it buys, even if a newer one was loaded since.
    let path = unlocked.room.dir.join("store").join(crate::cmd::link::snapshot_file(&open.snapshot));
    if !path.is_file() {
        return Err(crate::cmd::vault::missing(&unlocked.room.dir, &path));
    }
    let store = Store::open(&path, &unlocked.room.dir.join("spill"), MEMORY_MIB).input(path.display())?;
    if store.catalogue_digest() != catalogue.digest() {
        return Err(Failure::integrity(format!("{} was loaded by another catalogue", path.display()))
            .hint("restore the room's catalogue, or load again with `sudare link`"));
    }
    let key = unlocked.key()?;
    let name = |contents: &[u8; 32]| hex(&key.digest(contents));
    // Durable before data is touched: whoever finds this mark and no sealed answer must not compute again.
    files::mark(&started)?;
    let spinner = out.spinner("computing");
    let result = dp_query::run::run(permit, &asked.plan, &asked.quote, &store, &name, &receipt);
    spinner.finish_and_clear();
    match result {
        Ok(unreleased) => {
            seal(&sealed, &unreleased, &receipt, unlocked)?;
            ended(Ok(unreleased))
        }
        Err(failure) => ended(Err(failure.code().to_owned())),
    }
}

/// The day of a charge, by the log: who could co-sign and what was permitted is judged by it, here and by verifiers.
pub fn day_of(index: u64, unlocked: &Unlocked) -> jiff::civil::Date {
    day(unlocked.log.entries(), index)
}

/// The day of an entry.
pub fn day(entries: &[Entry], index: u64) -> jiff::civil::Date {
    let entry = usize::try_from(index).ok().and_then(|n| entries.get(n));
    entry.and_then(|e| e.time.get(..10)).and_then(|d| d.parse().ok()).unwrap_or_else(today)
}

/// The decision as it was when the charge was written: on the log before it. The inner error is a denial's code.
fn permit(id: &Digest, open: &Intended, asked: &Priced, unlocked: &Unlocked) -> Done<Result<Permit, String>> {
    let entries = unlocked.log.entries();
    let before = usize::try_from(open.index).ok().and_then(|n| entries.get(..n)).unwrap_or(entries);
    let docket = docket(before, &unlocked.room)?;
    let Ok(ask) = docket.ask(id, &asked.plan) else {
        return Ok(Err("plan".to_owned()));
    };
    let spent = docket.spent(&ask.project, &ask.researcher);
    let day = day_of(open.index, unlocked);
    let permit = decide(&unlocked.room.policy, &ask, &docket.approvals(id), &spent, day, &OpenDpAccountant);
    Ok(permit.map_err(|denial| denial.code().to_owned()))
}
