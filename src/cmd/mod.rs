//! One file a verb: each wires libraries together and says what happened.

mod announce;
mod audit;
mod demo;
mod health;
mod key;
mod link;
mod policy;
mod pseudonymize;
mod quality;
mod query;
mod release;
mod review;
mod revoke;
mod room;
mod rotate;
mod schema;
mod synth;
mod vault;
mod withdraw;

use crate::cli::Command;
use crate::fail::Done;
use crate::out::Out;

/// Runs one command.
pub fn run(command: &Command, out: &Out) -> Done {
    match command {
        Command::Demo(args) => demo::run(args, out),
        Command::Synth(args) => synth::run(args, out),
        Command::Key(command) => key::run(command, out),
        Command::Room(command) => room::run(command, out),
        Command::Pseudonymize(args) => pseudonymize::run(args, out),
        Command::Link(args) => link::run(args, out),
        Command::Query(command) => query::run(command, out),
        Command::Release(command) => release::run(command, out),
        Command::Audit(command) => audit::run(command, out),
        Command::Policy(command) => policy::run(command, out),
        Command::Schema(args) => schema::run(args, out),
        Command::Review(command) => review::run(command, out),
        Command::Withdraw(command) => withdraw::run(command, out),
    }
}
