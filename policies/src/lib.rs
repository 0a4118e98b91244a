//! May this person ask this, now, at this price? Projects, cards, allowed columns, budgets and the pure function [`decide`].
//!
//! Not here: data, noise, files, clocks and signatures. Whoever calls has verified the signatures, read the clock and folded the log;
//! this crate only compares.

mod account;
mod cards;
mod codelist;
mod columns;
mod decide;
mod denial;
mod digest;
mod money;
mod parse;
mod policy;

pub use account::{Account, Accountant, Budget, Charge, Kind, Price, PriceError, Spent};
pub use cards::{Card, Role};
pub use codelist::{CodeList, CodeListError, CodeLists};
pub use decide::{Approval, Ask, Permit, decide};
pub use denial::{Denial, Level, Remaining};
pub use digest::{Digest, DigestError};
pub use money::{Delta, Epsilon, MoneyError, Rho};
pub use parse::{PolicyError, parse};
pub use policy::{
    Policy, Population, ProfileTerms, Project, Purpose, RecipientKind, Room, SOURCE_KINDS, Source, WithoutConsent,
};
