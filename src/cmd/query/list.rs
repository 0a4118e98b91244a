//! `sudare query list`, `room status` and `audit report`: what the log says, in tables. No row, no count of the data.

use std::collections::BTreeMap;
use std::path::Path;

use dp_query::accountant::OpenDpAccountant;
use dp_query::docket::{Docket, Filed, State};
use policies::{Account, Budget};

use super::{docket, latest_snapshot, short};
use crate::fail::Done;
use crate::out::{Out, thousands};
use crate::room::Room;

pub fn list(room: &Path, out: &Out) -> Done {
    let room = Room::open(room)?;
    let view = room.view()?;
    let docket = docket(view.entries(), &room)?;
    table(&docket, out);
    let rows: Vec<_> = docket
        .requests()
        .iter()
        .map(|f| {
            serde_json::json!({
                "request": f.id().to_string(),
                "project": f.request().project(),
                "researcher": f.request().researcher(),
                "price": f.request().price(),
                "state": state(f),
                "verdicts": f.verdicts().iter().map(|c| serde_json::json!({
                    "steward": c.verdict.steward(), "approve": c.verdict.approve(), "time": c.time,
                })).collect::<Vec<_>>(),
                "question": f.request().question(),
                "public": f.request().public().iter().map(|file| file.name.as_str()).collect::<Vec<_>>(),
                "expires": f.request().expires().to_string(),
            })
        })
        .collect();
    out.value(&rows);
    Ok(())
}

fn table(docket: &Docket, out: &Out) {
    let rows: Vec<Vec<String>> = docket
        .requests()
        .iter()
        .map(|f| {
            vec![
                short(&f.id()),
                f.request().project().to_owned(),
                f.request().researcher().to_owned(),
                approvals(f),
                state(f).to_owned(),
                f.request().price().epsilon().to_string(),
            ]
        })
        .collect();
    out.table(&["request", "project", "researcher", "approved by", "state", "ε"], 5, &rows);
}

/// Each steward's last word.
pub fn approvals(filed: &Filed) -> String {
    let mut last: BTreeMap<&str, bool> = BTreeMap::new();
    for cast in filed.verdicts() {
        last.insert(cast.verdict.steward(), cast.verdict.approve());
    }
    let words: Vec<String> =
        last.iter().map(|(name, yes)| if *yes { (*name).to_owned() } else { format!("{name}: no") }).collect();
    if words.is_empty() { "–".to_owned() } else { words.join(", ") }
}

pub fn state(filed: &Filed) -> &'static str {
    match filed.state() {
        State::Invalid(_) => "invalid",
        State::Submitted if !filed.refusals().is_empty() => "refused",
        State::Submitted => "submitted",
        State::Rejected => "rejected",
        State::Charged => "charged",
        State::Released => "released",
        State::Failed => "failed",
    }
}

/// `sudare room status`
pub fn status(room: &Path, out: &Out) -> Done {
    let room = Room::open(room)?;
    let view = room.view()?;
    let docket = docket(view.entries(), &room)?;
    let snapshot = latest_snapshot(&room, view.entries().iter().map(|e| &e.event));
    let name = snapshot.as_ref().map_or("none yet", |(name, _)| name.get(..12).unwrap_or(name));
    out.line(format!("  room {}, policy {}", room.card.origin, room.policy.digest()));
    out.line(format!(
        "  log of {} entries; snapshot {name}; {} requests",
        thousands(view.size()),
        docket.requests().len()
    ));
    budgets(&room, &docket, out);
    out.value(&serde_json::json!({
        "origin": room.card.origin,
        "policy": room.policy.digest().to_string(),
        "entries": view.size(),
        "snapshot": snapshot.map(|(name, _)| name),
        "requests": docket.requests().len(),
        "spent": spent(&docket.spent("", "").room, &room.policy.room().budget),
    }));
    Ok(())
}

/// `sudare audit report`
pub fn report(room: &Path, out: &Out) -> Done {
    let room = Room::open(room)?;
    let view = room.view()?;
    let docket = docket(view.entries(), &room)?;
    out.line(format!("  Requests in the log of {} ({} entries):", room.card.origin, thousands(view.size())));
    table(&docket, out);
    budgets(&room, &docket, out);
    out.value(&serde_json::json!({
        "entries": view.size(),
        "requests": docket.requests().len(),
        "ignored": docket.ignored().len(),
        "spent": spent(&docket.spent("", "").room, &room.policy.room().budget),
    }));
    Ok(())
}

fn budgets(room: &Room, docket: &Docket, out: &Out) {
    let mut rows = vec![line("the room", &docket.spent("", "").room, &room.policy.room().budget)];
    for project in room.policy.projects() {
        let spent = docket.spent(&project.id, "");
        rows.push(line(&format!("project {}", project.id), &spent.project, &project.budget));
        for researcher in &project.researchers {
            let spent = docket.spent(&project.id, researcher);
            rows.push(line(&format!("  of it {researcher}"), &spent.researcher, &project.researcher_budget));
        }
    }
    out.table(&["budget", "spent ε", "of ε"], 1, &rows);
}

fn line(who: &str, account: &Account, cap: &Budget) -> Vec<String> {
    vec![who.to_owned(), spent(account, cap), cap.epsilon.to_string()]
}

/// What everything charged so far guarantees at the cap's δ, by the better account.
fn spent(account: &Account, cap: &Budget) -> String {
    account.guarantee(cap.delta, &OpenDpAccountant).map_or("no bound".to_owned(), |e| e.to_string())
}
