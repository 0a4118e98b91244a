//! The decision and the charge: `decide` on the whole log, then the intent as the next entry.

use audit_log::Event;
use datasets::catalogue::Catalogue;
use dp_query::accountant::OpenDpAccountant;
use dp_query::docket::{Docket, Outcome};
use policies::{Ask, Denial, Digest, Kind, Spent, decide};

use super::{docket, latest_snapshot, priced_request, short};
use crate::fail::{Done, Failure};
use crate::out::Out;
use crate::room::{Unlocked, today};

/// Where a request stands after its decision.
pub enum Charged {
    /// There is an intent without outcome.
    Open,
    /// The answer is there already, under this request.
    Answered(Digest),
}

/// Decides and writes the charge, unless that was done before.
pub fn charge(id: &Digest, unlocked: &mut Unlocked, catalogue: &Catalogue, out: &Out) -> Done<Charged> {
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
    let asked = priced_request(filed.request(), &unlocked.room, catalogue)?;
    let ask = docket.ask(id, &asked.plan).map_err(Failure::refused)?;
    let (snapshot, _) = latest_snapshot(&unlocked.room, unlocked.log.entries().iter().map(|e| &e.event))
        .ok_or_else(|| Failure::input("the room has no snapshot yet").hint("load one with `sudare link`"))?;

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
    if let Some(other) = running(&docket, &ask, &snapshot) {
        return Err(Failure::refused(format!(
            "request {} asks the same, is charged, and waits for its answer",
            short(&other)
        ))
        .hint("run that one first; then this one is free"));
    }
    unlocked.append(&intent(&ask, snapshot))?;
    out.line(format!("  request {} is charged: ε = {}, δ = {}", short(id), ask.price.epsilon(), ask.price.delta()));
    Ok(Charged::Open)
}

/// Another request of the same plan, project and snapshot that is charged and not answered.
fn running(docket: &Docket, ask: &Ask, snapshot: &str) -> Option<Digest> {
    docket
        .unfinished()
        .find(|(filed, intended)| {
            filed.request().plan() == ask.plan
                && filed.request().project() == ask.project
                && intended.snapshot == snapshot
        })
        .map(|(filed, _)| filed.id())
}

fn refuse(id: &Digest, denial: &Denial, unlocked: &mut Unlocked) -> Done<Failure> {
    unlocked.append(&Event::Refusal { request: id.to_string(), code: denial.code().to_owned() })?;
    Ok(Failure::refused(denial))
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
