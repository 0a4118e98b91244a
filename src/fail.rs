//! How a command ends when it does not succeed: one message, one hint, one of three exit codes.

use std::fmt::Display;
use std::path::Path;

/// Exit code: refused by policy or budget.
pub const REFUSED: u8 = 1;
/// Exit code: bad usage or input.
pub const USAGE: u8 = 2;
/// Exit code: something that was signed or hashed does not match.
pub const INTEGRITY: u8 = 3;

/// A command's failure: what happened and where, what to do, and which exit code it means.
#[derive(Debug)]
pub struct Failure {
    exit: u8,
    /// What happened, and where.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
}

/// What a command returns.
pub type Done<T = ()> = Result<T, Failure>;

impl Failure {
    /// Refused by policy or budget (exit 1).
    pub fn refused(message: impl Display) -> Self {
        Self::new(REFUSED, message)
    }

    /// Bad usage or input (exit 2).
    pub fn input(message: impl Display) -> Self {
        Self::new(USAGE, message)
    }

    /// Integrity failure (exit 3).
    pub fn integrity(message: impl Display) -> Self {
        Self::new(INTEGRITY, message)
    }

    fn new(exit: u8, message: impl Display) -> Self {
        Self { exit, message: message.to_string(), hint: None }
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Display) -> Self {
        self.hint = Some(hint.to_string());
        self
    }

    /// The process's exit code.
    pub fn exit(&self) -> u8 {
        self.exit
    }
}

/// Turns a library's typed error into a failure that names what was being done.
pub trait Context<T> {
    /// As bad input.
    fn input(self, doing: impl Display) -> Done<T>;
    /// As an integrity failure.
    fn integrity(self, doing: impl Display) -> Done<T>;
}

impl<T, E: Display> Context<T> for Result<T, E> {
    fn input(self, doing: impl Display) -> Done<T> {
        self.map_err(|e| Failure::input(format!("{doing}: {e}")))
    }

    fn integrity(self, doing: impl Display) -> Done<T> {
        self.map_err(|e| Failure::integrity(format!("{doing}: {e}")))
    }
}

/// Reads a text file, or says which could not be read.
pub fn read_text(path: &Path) -> Done<String> {
    std::fs::read_to_string(path).input(format!("{} can't be read", path.display()))
}

/// Refuses to write over something that is there.
pub fn refuse_existing(path: &Path) -> Done {
    if path.exists() {
        return Err(Failure::input(format!("{} exists already", path.display()))
            .hint("choose another name, or move it away first: nothing is overwritten"));
    }
    Ok(())
}
