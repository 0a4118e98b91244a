//! `sudare policy check`: what a policy file says, in words.

use datasets::catalogue::{Catalogue, ColumnType};
use policies::CodeLists;

use crate::catalogue;
use crate::cli::PolicyCommand;
use crate::codelists;
use crate::fail::{Done, Failure};
use crate::out::{Out, place};
use crate::room;

pub fn run(command: &PolicyCommand, out: &Out) -> Done {
    let PolicyCommand::Check { file, room, catalogue: further, codelists: folder } = command;
    let policy = room::read_policy(file)?;
    let catalogue = catalogue::given(further.dir.as_deref(), room.as_deref())?;
    room::check_columns(&policy, &catalogue).map_err(|f| f.at(file.display()))?;
    let rules = policy.room();
    out.line(format!("  {} is well-formed, digest {}", place(file), policy.digest()));
    out.line(format!(
        "  Room {}: budget ε = {}, δ = {}; {} approvals and {} co-signatures for each request; groups of at least {} persons.",
        rules.origin, rules.budget.epsilon, rules.budget.delta, rules.approvals, rules.cosignatures, rules.minimum_persons
    ));
    for project in policy.projects() {
        let columns: usize = project.columns.values().map(std::collections::BTreeSet::len).sum();
        out.line(format!(
            "  Project {} (\"{}\"): ε = {}, δ = {}, {columns} columns, {} to {}.",
            project.id, project.title, project.budget.epsilon, project.budget.delta, project.from, project.until
        ));
    }
    let lists = match (folder, room) {
        (Some(folder), _) => codelists::load(Some(folder))?,
        (None, Some(room)) => codelists::of_room(room)?,
        (None, None) => codelists::load(None)?,
    };
    demand_systems(&lists, &catalogue)?;
    for list in lists.iter() {
        let size = list.codes().len() + list.prefixes().len();
        out.line(format!(
            "  Code list {}: {} ({size} codes and prefixes of {}).",
            list.name(),
            list.title(),
            list.system()
        ));
    }
    let cited: Vec<_> =
        lists.iter().map(|l| serde_json::json!({ "name": l.name(), "digest": l.digest().to_string() })).collect();
    let names: Vec<&str> = policy.cards().iter().map(|c| c.name.as_str()).collect();
    out.line(format!("  Keys of: {}.", names.join(", ")));
    out.value(&serde_json::json!({ "policy": policy.digest().to_string(), "origin": rules.origin, "cards": names, "codelists": cited }));
    Ok(())
}

/// A list of a system that no column has could never be cited.
fn demand_systems(lists: &CodeLists, catalogue: &Catalogue) -> Done {
    let systems: Vec<&str> = catalogue
        .tables()
        .iter()
        .flat_map(|table| &table.columns)
        .filter_map(|column| match &column.ty {
            ColumnType::Code { system, .. } => Some(system.as_str()),
            _ => None,
        })
        .collect();
    match lists.iter().find(|list| !systems.iter().any(|system| list.fits(system))) {
        Some(list) => Err(Failure::input(format!(
            "no column of the catalogue holds codes of {}, as the list {} does",
            list.system(),
            list.name()
        ))
        .hint(format!("the systems are: {}", systems.join(", ")))),
        None => Ok(()),
    }
}
