//! SQL to typed plan to price to exact integers to noise to release.
//!
//! The way of a question: [`check`] turns GoogleSQL's differential-privacy dialect into a [`plan::Plan`] or a [`Refusal`]
//! that points at the spot; the mechanism layer prices and runs it. The researcher's text never reaches an engine: `engine`
//! writes SQL from the plan alone.

pub mod accountant;
mod check;
pub mod docket;
pub mod engine;
mod formula;
pub mod mechanism;
pub mod notes;
pub mod plan;
pub mod profile;
pub mod quote;
mod refusal;
pub mod relation;
pub mod release;
pub mod run;
mod sql;

pub use check::{PublicFile, References, check, check_population, check_with};
pub use plan::Plan;
pub use refusal::Refusal;
