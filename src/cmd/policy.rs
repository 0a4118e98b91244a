//! `sudare policy check`: what a policy file says, in words.

use crate::catalogue;
use crate::cli::PolicyCommand;
use crate::fail::Done;
use crate::out::{Out, place};
use crate::room;

pub fn run(command: &PolicyCommand, out: &Out) -> Done {
    let PolicyCommand::Check { file, room, catalogue: further } = command;
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
    let names: Vec<&str> = policy.cards().iter().map(|c| c.name.as_str()).collect();
    out.line(format!("  Keys of: {}.", names.join(", ")));
    out.value(&serde_json::json!({ "policy": policy.digest().to_string(), "origin": rules.origin, "cards": names }));
    Ok(())
}
