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
    /// Whether the command has printed its JSON value already.
    pub told: bool,
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

    /// A question that can't be asked (exit 2): the text is complete, it begins with `error[…]` and shows the spot.
    pub fn question(text: String, outcome: &str) -> Self {
        Self::new(USAGE, format!("{text}\n  = {outcome}"))
    }

    fn new(exit: u8, message: impl Display) -> Self {
        Self { exit, message: message.to_string(), hint: None, told: false }
    }

    /// Says where it happened.
    #[must_use]
    pub fn within(mut self, place: impl Display) -> Self {
        self.message = format!("{place}: {}", self.message);
        self
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Display) -> Self {
        self.hint = Some(hint.to_string());
        self
    }

    /// The command has printed its JSON value; the failure adds words and the exit code only.
    #[must_use]
    pub fn told(mut self) -> Self {
        self.told = true;
        self
    }

    /// Says where.
    #[must_use]
    pub fn at(mut self, place: impl Display) -> Self {
        self.message = format!("{place}: {}", self.message);
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
    std::fs::read_to_string(path).map_err(|e| match e.kind() {
        std::io::ErrorKind::InvalidData => Failure::input(format!("{} is not text in UTF-8", path.display()))
            .hint("is it the right file? Texts written by hand must be saved as UTF-8"),
        _ => Failure::input(format!("{} can't be read: {e}", path.display())),
    })
}

/// Refuses to start where the result could not be written.
pub fn demand_folder(path: &Path) -> Done {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() && !folder.is_dir() => {
            Err(Failure::input(format!("the folder {} does not exist", folder.display())).hint("make it first"))
        }
        _ => Ok(()),
    }
}

/// Refuses to write over something that is there.
pub fn refuse_existing(path: &Path) -> Done {
    if path.exists() {
        return Err(Failure::input(format!("{} exists already", path.display()))
            .hint("choose another name, or move it away first: nothing is overwritten"));
    }
    Ok(())
}
