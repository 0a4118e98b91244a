//! `sudare policy check`: what a policy file says, in words.

use datasets::catalogue::Catalogue;

use crate::cli::PolicyCommand;
use crate::fail::{Context, Done, Failure};
use crate::out::{Out, place};
use crate::room;

pub fn run(command: &PolicyCommand, out: &Out) -> Done {
    let PolicyCommand::Check { file } = command;
    let policy = room::read_policy(file)?;
    let catalogue = Catalogue::builtin().input("the catalogue")?;
    if let Some((project, table, column)) = policy.unknown_columns(&catalogue).first() {
        return Err(Failure::input(format!(
            "{}: project {project} allows {table}.{column}, which the catalogue does not have",
            file.display()
        )));
    }
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
    let names: Vec<&str> = policy.cards().iter().map(|c| c.name.as_str()).collect();
    out.line(format!("  Keys of: {}.", names.join(", ")));
    out.value(&serde_json::json!({ "policy": policy.digest().to_string(), "origin": rules.origin, "cards": names }));
    Ok(())
}
