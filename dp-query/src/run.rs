//! The one way from a permit to an answer: bind, compute, add noise, forget the exact values. Whoever has no [`Permit`] and no receipt of
//! the intent gets nothing; whoever has them once can't use them twice.

use audit_log::digest::hex;
use audit_log::{Event, Receipt, Verifier};
use datasets::store::{EngineCode, Store, StoreError};
use policies::Permit;

use crate::docket::kind;
use crate::engine::{self, Exact, ExactError};
use crate::mechanism::{MechanismError, OpenDp, Source};
use crate::plan::Plan;
use crate::quote::{Quote, QuoteError, Terms, quote as price};
use crate::release::{Origin, ReleaseError, Unreleased, assemble};

mod noise;

pub(crate) use noise::perturb;

/// Code of the failure of a run that had not ended at its slot ([`policies::Room::slot_seconds`]). Not a [`RunFailure`]: whoever waits for
/// the slot writes it, and then drops the answer unread.
pub const LATE: &str = "late";

/// Why a run failed. It stays charged. Holds no value; [`RunFailure::code`] is what may be logged and shown.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RunFailure {
    /// Permit, plan, quote, snapshot and intent are not of one request.
    #[error("the run was refused: {0} is not what was permitted")]
    Binding(&'static str),
    /// Too few stewards have co-signed the checkpoint that holds the intent.
    #[error(
        "{given} of {needed} stewards have co-signed the intent's checkpoint; ask them to run `sudare audit cosign`"
    )]
    Cosignatures {
        /// Valid co-signatures of different stewards.
        given: usize,
        /// The policy's number.
        needed: usize,
    },
    /// The engine failed.
    #[error("the engine failed: {0}")]
    Engine(&'static str),
    /// The engine's table has another shape than the plan's.
    #[error("the engine returned a table of another shape")]
    Shape,
    /// The noise failed.
    #[error(transparent)]
    Mechanism(#[from] MechanismError),
    /// The answer could not be put together.
    #[error("the answer could not be put together")]
    Answer,
}

impl RunFailure {
    /// A stable word without values, for the log's failure event.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Binding(_) => "binding",
            Self::Cosignatures { .. } => "cosignatures",
            Self::Engine(code) => code,
            Self::Shape => "shape",
            Self::Mechanism(_) => "mechanism",
            Self::Answer => "answer",
        }
    }
}

impl From<QuoteError> for RunFailure {
    fn from(_: QuoteError) -> Self {
        Self::Answer
    }
}

impl From<ReleaseError> for RunFailure {
    fn from(_: ReleaseError) -> Self {
        Self::Answer
    }
}

/// Runs one permitted question once.
///
/// The permit is consumed. Before any data is touched: the plan is the permitted one, the quote is what this plan costs under the permit's
/// terms, the intent in the log is the entry right after the ones the permit was decided on and states exactly this request, charge and
/// snapshot, and enough stewards have co-signed a checkpoint that holds it. `name` is the room's keyed digest of a snapshot's contents,
/// in hex, as the log has it. Where the process ended while it waited for co-signatures, the permit is made again from the fold of the
/// entries before the intent.
///
/// # Errors
/// [`RunFailure`]; the charge stands.
pub fn run(
    permit: Permit,
    plan: &Plan,
    quote: &Quote,
    store: &Store,
    name: &dyn Fn(&[u8; 32]) -> String,
    intent: &Receipt,
) -> Result<Unreleased, RunFailure> {
    let origin = bind(&permit, plan, quote, intent)?;
    if name(&store.contents_digest()) != origin.snapshot {
        return Err(RunFailure::Binding("the snapshot"));
    }
    let day = permit.day();
    drop(permit);
    if hex(&store.catalogue_digest()) != plan.catalogue() {
        return Err(RunFailure::Binding("the catalogue"));
    }
    let exact = engine::compute(plan, store, day, intent).map_err(|error| match error {
        ExactError::TooComplex(_) => RunFailure::Engine("engine_too_complex"),
        ExactError::Store(error) => RunFailure::Engine(code(&error)),
        ExactError::Shape(_) => RunFailure::Shape,
    })?;
    finish(origin, plan, quote, exact, &mut OpenDp)
}

/// The store's failure as a word. What can't depend on cells is told apart, so that an operator can act; the rest is one word.
const fn code(error: &StoreError) -> &'static str {
    match error {
        StoreError::Engine { code: EngineCode::OutOfMemory, .. } => "engine_memory",
        StoreError::Engine { code: EngineCode::Io, .. } => "engine_io",
        StoreError::Engine { code: EngineCode::Interrupt, .. } => "engine_interrupt",
        StoreError::WrongReceipt { .. } => "engine_receipt",
        _ => "engine",
    }
}

/// Everything that can be compared without data.
fn bind(permit: &Permit, plan: &Plan, quote: &Quote, intent: &Receipt) -> Result<Origin, RunFailure> {
    let ask = permit.ask();
    let digest = plan.digest().map_err(|_| RunFailure::Answer)?;
    if ask.plan.as_bytes() != &digest {
        return Err(RunFailure::Binding("the plan"));
    }
    if &plan.population().project != permit.population() {
        return Err(RunFailure::Binding("the population"));
    }
    if ask.columns != plan.columns() {
        return Err(RunFailure::Binding("the list of columns"));
    }
    // The quote is computed again: noise follows from the plan and the terms, from nothing that was handed in.
    let terms = Terms { account: ask.price.kind(), minimum_persons: permit.minimum_persons() };
    if price(plan, &terms).as_ref() != Ok(quote) || quote.price() != &ask.price {
        return Err(RunFailure::Binding("the quote"));
    }
    let snapshot = intended(permit, intent)?;
    let stewards: Vec<Verifier> = permit.cosigners().iter().filter_map(|key| Verifier::parse(key).ok()).collect();
    let given = intent.cosigned_by(&stewards);
    let needed = usize::try_from(permit.cosignatures()).unwrap_or(usize::MAX);
    if given < needed {
        return Err(RunFailure::Cosignatures { given, needed });
    }
    Ok(Origin {
        room: permit.origin().to_owned(),
        project: ask.project.clone(),
        researcher: ask.researcher.clone(),
        request: ask.request,
        plan: ask.plan,
        policy: ask.policy,
        snapshot,
        intent: intent.index(),
        price: ask.price,
    })
}

/// The snapshot that the intent names, if everything else in it is what was permitted.
fn intended(permit: &Permit, intent: &Receipt) -> Result<String, RunFailure> {
    let Event::Intent { request, project, researcher, plan, snapshot, policy, account, epsilon, delta, rho } =
        intent.event()
    else {
        return Err(RunFailure::Binding("the receipt"));
    };
    let ask = permit.ask();
    let charge = ask.price.charge();
    let same = intent.origin() == permit.origin()
        && intent.index() == permit.entries()
        && *request == ask.request.to_string()
        && *project == ask.project
        && *researcher == ask.researcher
        && *plan == ask.plan.to_string()
        && *policy == ask.policy.to_string()
        && kind(*account) == charge.kind
        && epsilon.parse() == Ok(charge.epsilon)
        && delta.parse() == Ok(charge.delta)
        && rho.parse() == Ok(charge.rho);
    if same { Ok(snapshot.clone()) } else { Err(RunFailure::Binding("the intent")) }
}

/// Exact integers → noisy answer. The exact ones are overwritten on every way out; OpenDP's own copies, which live for the call only,
/// can't be.
pub(crate) fn finish(
    origin: Origin,
    plan: &Plan,
    quote: &Quote,
    exact: impl Into<Exact>,
    source: &mut dyn Source,
) -> Result<Unreleased, RunFailure> {
    let noisy = perturb(plan, quote, &exact.into(), source)?;
    let answer = assemble(origin, plan, quote, &noisy)?;
    Ok(Unreleased::new(answer)?)
}

#[cfg(test)]
mod attack;
#[cfg(test)]
pub(crate) mod fixture;
#[cfg(test)]
mod selected;
#[cfg(test)]
mod tests;
