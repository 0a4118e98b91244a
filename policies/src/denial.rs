//! Why a request is denied, in words that tell what to do and how much budget remains. Policies, prices and budgets are public; nothing
//! here comes from data.

use std::fmt;

use jiff::civil::Date;

use crate::account::{Account, Accountant, Budget, Kind, Price};
use crate::money::{Delta, Epsilon};

/// The three nested caps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Level {
    /// All projects.
    Room,
    /// One project.
    Project,
    /// One researcher within a project.
    Researcher,
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Room => "room",
            Self::Project => "project",
            Self::Researcher => "researcher",
        })
    }
}

/// What is left of one cap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Remaining {
    /// The cap.
    pub cap: Budget,
    /// What everything charged so far guarantees at the cap's δ, by the better account; None if neither says anything.
    pub spent: Option<Epsilon>,
    /// The cap less that; what a further purely private answer may cost at least. None: nothing.
    pub left: Option<Epsilon>,
}

impl Remaining {
    /// What is left of this cap after these charges.
    #[must_use]
    pub fn of(account: &Account, cap: &Budget, accountant: &dyn Accountant) -> Self {
        let spent = account.guarantee(cap.delta, accountant);
        Self { cap: *cap, spent, left: spent.and_then(|spent| cap.epsilon.checked_sub(spent)) }
    }
}

impl fmt::Display for Remaining {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.left, self.spent) {
            (Some(left), Some(spent)) => {
                write!(f, "ε = {left} of {} remains (spent: {spent}", self.cap.epsilon)?;
                if self.cap.delta.is_zero() { f.write_str(")") } else { write!(f, ", at δ = {})", self.cap.delta) }
            }
            _ => write!(f, "nothing of {} remains", self.cap),
        }
    }
}

/// A request that may not run, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Denial {
    /// The request was made under another policy.
    #[error("the policy has changed since this request was submitted; submit it again under the present policy")]
    PolicyChanged,
    /// No such project.
    #[error("this room has no such project; `sudare room status` lists them")]
    UnknownProject,
    /// Today lies outside the project.
    #[error("the project runs from {from} until {until}; today is {today}")]
    ProjectDates {
        /// First day.
        from: Date,
        /// Last day.
        until: Date,
        /// The caller's day.
        today: Date,
    },
    /// The researcher does not belong to the project.
    #[error("this researcher does not belong to the project; a steward can add the name to the policy")]
    NotInProject,
    /// No researcher's card valid today.
    #[error("this researcher has no card that is valid on {today}")]
    CardInvalid {
        /// The caller's day.
        today: Date,
    },
    /// The request is too old.
    #[error("the request expired on {expires}; today is {today}; submit it again")]
    Expired {
        /// Last day on which it could run.
        expires: Date,
        /// The caller's day.
        today: Date,
    },
    /// A column outside the project's list.
    #[error("the project may not read {table}.{column}; ask the stewards or leave it out")]
    ColumnNotAllowed {
        /// Catalogue table.
        table: String,
        /// Catalogue column.
        column: String,
    },
    /// The price is of the other mechanism family.
    #[error("this room answers from its {room} account, the request is priced for {asked}; submit it again")]
    Account {
        /// The policy's.
        room: Kind,
        /// The request's.
        asked: Kind,
    },
    /// δ of the answer alone exceeds a cap.
    #[error("δ = {delta} for this answer alone exceeds the {level}'s δ = {cap}; ask for a smaller delta")]
    DeltaTooLarge {
        /// Which cap.
        level: Level,
        /// Asked for.
        delta: Delta,
        /// Allowed.
        cap: Delta,
    },
    /// A steward said no.
    #[error("a steward has rejected this request")]
    Rejected,
    /// Not enough stewards.
    #[error("{given} of {needed} stewards have approved this request at this price; it needs {} more", needed.saturating_sub(*given))]
    ApprovalsMissing {
        /// Valid approvals of different stewards.
        given: u32,
        /// The policy's number.
        needed: u32,
    },
    /// The price does not fit.
    #[error(
        "the {level}'s budget does not hold this request: it asks for {price}, {remaining}. Released answers can be read again for free"
    )]
    Budget {
        /// Which cap.
        level: Level,
        /// Asked for.
        price: Box<Price>,
        /// Before this request.
        remaining: Box<Remaining>,
    },
}

impl Denial {
    /// A stable word for the log and for programs.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::PolicyChanged => "policy_changed",
            Self::UnknownProject => "unknown_project",
            Self::ProjectDates { .. } => "project_dates",
            Self::NotInProject => "not_in_project",
            Self::CardInvalid { .. } => "card_invalid",
            Self::Expired { .. } => "expired",
            Self::ColumnNotAllowed { .. } => "column_not_allowed",
            Self::Account { .. } => "account",
            Self::DeltaTooLarge { .. } => "delta_too_large",
            Self::Rejected => "rejected",
            Self::ApprovalsMissing { .. } => "approvals_missing",
            Self::Budget { level, .. } => match level {
                Level::Room => "budget_room",
                Level::Project => "budget_project",
                Level::Researcher => "budget_researcher",
            },
        }
    }
}
