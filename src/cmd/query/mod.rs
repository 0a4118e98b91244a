//! `sudare query`: a question's way from SQL to a released table. The rules are elsewhere: `dp_query` checks, prices,
//! folds the log and runs; `policies` decides. This is the desk that hands papers on.

mod charge;
mod check;
mod compute;
mod list;
mod profile;
mod publish;
mod run;
mod show;
mod submit;

use std::path::{Path, PathBuf};

use audit_log::{Entry, Event};
use datasets::catalogue::Catalogue;
use dp_query::accountant::OpenDpAccountant;
use dp_query::docket::{Docket, Filed};
use dp_query::notes::Request;
use dp_query::quote::{Quote, Terms, quote};
use dp_query::{Plan, PublicFile, References, check_with};
use policies::{Digest, Project};

use crate::cli::QueryCommand;
use crate::codelists;
use crate::fail::{self, Context, Done, Failure};
use crate::out::Out;
use crate::room::Room;

pub use list::{report, status};
pub use profile::{Describe, run as profile};

pub fn run(command: &QueryCommand, out: &Out) -> Done {
    match command {
        QueryCommand::Check { sql, room, project, public } => check::run(sql, &room.room, project, public, out),
        QueryCommand::Submit { sql, room, project, public, identity, passphrase, expires, output } => submit::submit(
            &submit::Submit {
                sql,
                room: &room.room,
                output,
                project,
                public,
                identity,
                passphrase: passphrase.passphrase_file.as_deref(),
                expires: expires.as_deref(),
            },
            out,
        ),
        QueryCommand::Approve { requests, room, identity, passphrase, reject, output } => submit::approve(
            &submit::Approve {
                requests,
                room: &room.room,
                identity,
                passphrase: passphrase.passphrase_file.as_deref(),
                output,
                approve: !reject,
            },
            out,
        ),
        QueryCommand::File { notes, room } => submit::file(notes, room, out),
        QueryCommand::Run { requests, room } => run::run(requests, room, out),
        QueryCommand::List(path) => list::list(&path.room, out),
        QueryCommand::Show { request, room, output } => show::run(request, &room.room, output.as_deref(), out),
    }
}

/// A question as the room understands it, with its price under the room's terms.
struct Priced {
    plan: Plan,
    quote: Quote,
}

/// [`priced`] of a request as it was signed.
fn priced_request(request: &Request, room: &Room, catalogue: &Catalogue) -> Done<Priced> {
    priced(request.question(), request.public(), "the request", request.project(), room, catalogue)
}

/// Checks and prices SQL text for a project. Reads no data.
fn priced(
    sql: &str,
    public: &[PublicFile],
    place: &str,
    project: &str,
    room: &Room,
    catalogue: &Catalogue,
) -> Done<Priced> {
    let plan = planned(sql, public, place, project, room, catalogue)?;
    let quote = quote(&plan, &Terms::from(&room.policy)).input(place)?;
    Ok(Priced { plan, quote })
}

/// Checks SQL text for a project.
fn planned(
    sql: &str,
    public: &[PublicFile],
    place: &str,
    project: &str,
    room: &Room,
    catalogue: &Catalogue,
) -> Done<Plan> {
    let lists = codelists::of_room(&room.dir)?;
    let population = find_project(room, project)?.population();
    check_with(sql, catalogue, &population, References { lists: &lists, public }).map_err(|refusal| {
        let outcome = "exit code 2, bad input: the question can't be asked as it is; nothing was read or charged";
        Failure::question(refusal.in_file(place), outcome)
    })
}

/// The public files of a question. Their bytes are what is cited; lines end in LF.
fn read_public(paths: &[PathBuf]) -> Done<Vec<PublicFile>> {
    let read = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let text = fail::read_text(path)?;
        let text = text.trim_start_matches('\u{feff}').replace("\r\n", "\n");
        Ok(PublicFile { name, text })
    };
    paths.iter().map(read).collect()
}

/// Every file that came along must be cited: what stewards read has an effect.
fn demand_cited(plan: &Plan, public: &[PublicFile]) -> Done {
    match public.iter().find(|file| plan.cited().iter().all(|cited| cited.name != file.name)) {
        Some(file) => Err(Failure::input(format!("the question doesn't cite {}", file.name))
            .hint(format!("JOIN PUBLIC('{}') AS name ON …, or leave --public out", file.name))),
        None => Ok(()),
    }
}

/// Refuses a plan that reads what its project may not.
fn demand_allowed(plan: &Plan, room: &Room, project: &str) -> Done {
    let forbidden: Vec<String> =
        not_allowed(plan, room, project)?.iter().map(|(table, column)| format!("{table}.{column}")).collect();
    if forbidden.is_empty() {
        return Ok(());
    }
    Err(Failure::refused(format!("project {project} may not read {}", forbidden.join(", ")))
        .hint("leave it out, or ask the stewards to allow it in the policy"))
}

/// What a project could still spend, in words, if this price does not fit; nothing if it does.
fn over_budget(quote: &Quote, docket: &Docket, room: &Room, project: &str) -> Option<String> {
    let policy = &room.policy;
    let spent = docket.spent(project, "");
    let caps = [
        ("the room", &spent.room, &policy.room().budget),
        ("the project", &spent.project, &policy.project(project)?.budget),
    ];
    caps.iter().find_map(|(who, account, cap)| {
        if account.charge(&quote.price().charge()).within(cap, &OpenDpAccountant) {
            return None;
        }
        let left = account.guarantee(cap.delta, &OpenDpAccountant).and_then(|spent| cap.epsilon.checked_sub(spent));
        Some(format!("{who} has ε = {} of {} left", left.map_or("0".to_owned(), |l| l.to_string()), cap.epsilon))
    })
}

/// The columns of a plan that a project may not read.
fn not_allowed<'p>(plan: &'p Plan, room: &Room, project: &str) -> Done<Vec<&'p (String, String)>> {
    let project = find_project(room, project)?;
    Ok(plan.columns().iter().filter(|(table, column)| !project.may_read(table, column)).collect())
}

fn find_project<'r>(room: &'r Room, project: &str) -> Done<&'r Project> {
    room.policy.project(project).ok_or_else(|| {
        let known: Vec<&str> = room.policy.projects().iter().map(|p| p.id.as_str()).collect();
        Failure::input(format!("the policy has no project {project}")).hint(format!("it has: {}", known.join(", ")))
    })
}

/// The fold of a log.
fn docket(entries: &[Entry], room: &Room) -> Done<Docket> {
    Docket::fold(entries, &room.policy).integrity("the log")
}

/// The request whose id begins so.
fn find<'d>(docket: &'d Docket, prefix: &str) -> Done<&'d Filed> {
    let mut found = docket.requests().iter().filter(|f| f.id().to_string().starts_with(prefix));
    match (found.next(), found.next()) {
        (Some(filed), None) => Ok(filed),
        (None, _) => Err(Failure::input(format!("no request begins with {prefix}")).hint("see `sudare query list`")),
        (Some(_), Some(_)) => Err(Failure::input(format!("more than one request begins with {prefix}"))),
    }
}

/// A question's first line, without the comment sign: what people call it by.
fn title(question: &str) -> String {
    question.lines().next().unwrap_or_default().trim_start_matches('-').trim().to_owned()
}

fn short(id: &Digest) -> String {
    let mut id = id.to_string();
    id.truncate(12);
    id
}

/// The latest snapshot's name and file.
pub fn latest_snapshot<'a>(
    room: &Room,
    events: impl DoubleEndedIterator<Item = &'a Event>,
) -> Option<(String, PathBuf)> {
    let name = events.rev().find_map(|e| match e {
        Event::Snapshot { snapshot, .. } => Some(snapshot.clone()),
        _ => None,
    })?;
    let path = room.dir.join("store").join(super::link::snapshot_file(&name));
    Some((name, path))
}

/// Where a request's released answer lies.
fn release_path(room: &Room, id: &Digest) -> PathBuf {
    room.dir.join("releases").join(format!("{id}.release.json"))
}

fn read_sql(path: &Path) -> Done<String> {
    fail::read_text(path)
}
