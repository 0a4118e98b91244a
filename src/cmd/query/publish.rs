//! The end of a run: the release or the failure goes into the log, and the release file is written with everything that
//! an outsider needs. What can fail is built before the log says that there is an answer.

use audit_log::{Event, Receipt};
use dp_query::docket::Outcome;
use dp_query::release::{Release, ReleaseFile, Trail};
use jiff::Timestamp;
use policies::Digest;

use super::compute::{Ended, day_of, open_sealed, sealed_paths};
use super::{docket, release_path};
use crate::fail::{self, Context, Done, Failure};
use crate::files;
use crate::room::{Unlocked, log_failure};

/// Logs the release or the failure, stamped with the slot at which it is told. The inner error says that the run failed.
pub fn publish(
    id: &Digest,
    ended: Ended,
    slot: Timestamp,
    late: bool,
    unlocked: &mut Unlocked,
) -> Done<Result<(), Failure>> {
    let request = id.to_string();
    // A run that was not done at its slot is late, whatever it found.
    let result = if late { Err("late".to_owned()) } else { ended.result };
    let unreleased = match result {
        Ok(unreleased) => unreleased,
        Err(code) => {
            let event = Event::Failure { intent: ended.intent, request, code: code.clone(), slot: slot.to_string() };
            unlocked.append(&event)?;
            unlocked.checkpoint()?;
            return Ok(Err(Failure::refused(format!("the run failed ({code}); the charge stands"))
                .hint("submit the question again as a new request")));
        }
    };
    let intent = intent_receipt(id, ended.intent, unlocked)?;
    unreleased.belongs(&intent).integrity("the answer is not this request's")?;
    trail(id, &intent, unlocked)?;
    let answer = unreleased.digest();
    let event = Event::Release { intent: ended.intent, request, answer, slot: slot.to_string() };
    let index = unlocked.append(&event)?;
    unlocked.checkpoint()?;
    let receipt = unlocked.log.receipt(index).map_err(log_failure)?;
    let release = unreleased.open(&receipt).integrity("the release")?;
    write(id, &release, &intent, &receipt, unlocked)?;
    Ok(Ok(()))
}

/// Writes the release file again from the sealed answer and the log, after a crash between record and file.
pub fn rebuild(id: &Digest, unlocked: &Unlocked) -> Done {
    let docket = docket(unlocked.log.entries(), &unlocked.room)?;
    let filed = docket.request(id).ok_or_else(|| Failure::input("no such request"))?;
    let released = filed.intents().iter().find_map(|i| match &i.outcome {
        Some(Outcome::Released { index, .. }) => Some((i.index, *index)),
        _ => None,
    });
    let (intent, release) = released.ok_or_else(|| Failure::input("the request has no released answer"))?;
    let intent = intent_receipt(id, intent, unlocked)?;
    let receipt = unlocked.log.receipt(release).map_err(log_failure)?;
    let (sealed, _) = sealed_paths(&intent, unlocked)?;
    let release = open_sealed(&sealed, &intent, unlocked)?.open(&receipt).integrity("the release")?;
    write(id, &release, &intent, &receipt, unlocked)
}

fn intent_receipt(id: &Digest, index: u64, unlocked: &Unlocked) -> Done<Receipt> {
    let docket = docket(unlocked.log.entries(), &unlocked.room)?;
    let open = docket.request(id).is_some_and(|f| f.intents().iter().any(|i| i.index == index));
    if !open {
        return Err(Failure::integrity("the charge is not this request's"));
    }
    let needed = usize::try_from(unlocked.room.policy.room().cosignatures).unwrap_or(usize::MAX);
    let stewards = docket.cosigners(&unlocked.room.policy, day_of(index, unlocked));
    unlocked.log.receipt_cosigned(index, &stewards, needed).map_err(log_failure)
}

/// What a release file rests on besides the release itself.
struct Basis {
    policy: Receipt,
    request: Receipt,
    verdicts: Vec<Receipt>,
    text: String,
}

fn trail(id: &Digest, intent: &Receipt, unlocked: &Unlocked) -> Done<Basis> {
    let docket = docket(unlocked.log.entries(), &unlocked.room)?;
    let filed = docket.request(id).ok_or_else(|| Failure::input("no such request"))?;
    let receipt = |index: u64| unlocked.log.receipt(index).map_err(log_failure);
    let mut entries = unlocked.log.entries().iter().rev();
    let policy = entries.find(|e| e.index < intent.index() && matches!(e.event, Event::Policy { .. }));
    let policy = policy.ok_or_else(|| Failure::integrity("the log names no policy"))?;
    let approvals = filed.standing(intent.index()).filter(|c| c.verdict.approve());
    let verdicts = approvals.map(|c| receipt(c.index)).collect::<Done<Vec<Receipt>>>()?;
    Ok(Basis {
        policy: receipt(policy.index)?,
        request: receipt(filed.index())?,
        verdicts,
        text: fail::read_text(&unlocked.room.dir.join("policy.toml"))?,
    })
}

fn write(id: &Digest, release: &Release, intent: &Receipt, released: &Receipt, unlocked: &Unlocked) -> Done {
    let basis = trail(id, intent, unlocked)?;
    let trail =
        Trail { policy: &basis.policy, request: &basis.request, verdicts: &basis.verdicts, intent, release: released };
    let file = ReleaseFile::new(release, &basis.text, &trail).to_bytes().input("the release can't be written")?;
    unlocked.room.folder("releases")?;
    files::create(&release_path(&unlocked.room, id), &file)
}
