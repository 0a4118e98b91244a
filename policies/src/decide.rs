//! The pure and total function [`decide`], and the [`Permit`] that only it makes. It reads no clock, file or data.

use jiff::civil::Date;

use crate::account::{Accountant, Budget, Kind, Price, Spent};
use crate::cards::Role;
use crate::denial::{Denial, Level, Remaining};
use crate::digest::Digest;
use crate::policy::{Policy, Population, Project};

/// A researcher's request, as its verified signature binds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    /// Identifies the request.
    pub request: Digest,
    /// Project id.
    pub project: String,
    /// Name on the card whose key signed.
    pub researcher: String,
    /// The checked plan.
    pub plan: Digest,
    /// The policy under which it was submitted.
    pub policy: Digest,
    /// (table, column) that the plan reads.
    pub columns: Vec<(String, String)>,
    /// What it costs.
    pub price: Price,
    /// Last day on which it may run.
    pub expires: Date,
}

/// A steward's verdict, as its verified signature binds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approval {
    /// The request.
    pub request: Digest,
    /// Name on the card whose key signed.
    pub steward: String,
    /// The plan that the steward saw.
    pub plan: Digest,
    /// The policy that the steward saw.
    pub policy: Digest,
    /// The price that the steward saw.
    pub price: Price,
    /// The expiry that the steward saw.
    pub expires: Date,
    /// Yes or no.
    pub approve: bool,
}

/// The right to run one plan once at one price. Made by [`decide`] only, consumed by the run: not `Clone`, no public fields.
#[derive(Debug, PartialEq, Eq)]
#[must_use]
pub struct Permit {
    ask: Ask,
    origin: String,
    minimum_persons: u32,
    slot_seconds: u32,
    approvers: Vec<String>,
    cosignatures: u32,
    cosigners: Vec<String>,
    entries: u64,
    population: Population,
    day: Date,
}

impl Permit {
    /// The request that may run.
    #[must_use]
    pub const fn ask(&self) -> &Ask {
        &self.ask
    }

    /// The room's origin.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The room's minimum of (noisy) persons per cell.
    #[must_use]
    pub const fn minimum_persons(&self) -> u32 {
        self.minimum_persons
    }

    /// Seconds between the slots at which answers may appear; see [`crate::Room::slot_seconds`].
    #[must_use]
    pub const fn slot_seconds(&self) -> u32 {
        self.slot_seconds
    }

    /// Names of the stewards whose approval counted, in the order of the policy's cards.
    #[must_use]
    pub fn approvers(&self) -> &[String] {
        &self.approvers
    }

    /// How many of [`Permit::cosigners`] must have co-signed the intent's checkpoint.
    #[must_use]
    pub const fn cosignatures(&self) -> u32 {
        self.cosignatures
    }

    /// Verifier keys of the stewards whose cards are valid on the day of the decision.
    #[must_use]
    pub fn cosigners(&self) -> &[String] {
        &self.cosigners
    }

    /// Whose rows the plan may count.
    #[must_use]
    pub const fn population(&self) -> &Population {
        &self.population
    }

    /// The day of the decision: consents hold or don't on this day.
    #[must_use]
    pub const fn day(&self) -> Date {
        self.day
    }

    /// Number of log entries that the decision knew: the intent must be the entry of this index.
    #[must_use]
    pub const fn entries(&self) -> u64 {
        self.entries
    }
}

/// May this request run, now, at this price, given what was spent? Total: every input gives an answer.
///
/// `ask` and `approvals` must come from verified signatures; approvals are in the order of the log. Of each steward the last verdict on
/// this request counts; one standing rejection denies. An approval counts if the steward's card is valid, the steward is not the
/// researcher, and plan, policy, price and expiry are the request's. The budget is tested last, at all three levels.
///
/// # Errors
/// The first rule that is broken.
pub fn decide(
    policy: &Policy,
    ask: &Ask,
    approvals: &[Approval],
    spent: &Spent,
    today: Date,
    accountant: &dyn Accountant,
) -> Result<Permit, Denial> {
    if ask.policy != policy.digest {
        return Err(Denial::PolicyChanged);
    }
    let project = policy.project(&ask.project).ok_or(Denial::UnknownProject)?;
    standing(policy, project, ask, today)?;
    for (table, column) in &ask.columns {
        if !project.may_read(table, column) {
            return Err(Denial::ColumnNotAllowed { table: table.clone(), column: column.clone() });
        }
    }
    let approvers = approved(policy, ask, approvals, today)?;
    afford(policy, project, &ask.price, spent, accountant)?;
    Ok(Permit {
        ask: ask.clone(),
        origin: policy.room.origin.clone(),
        minimum_persons: policy.room.minimum_persons,
        slot_seconds: policy.room.slot_seconds,
        approvers,
        cosignatures: policy.room.cosignatures,
        cosigners: policy.stewards(today).map(|card| card.verifier.clone()).collect(),
        entries: spent.entries,
        population: project.population(),
        day: today,
    })
}

/// Who and when.
fn standing(policy: &Policy, project: &Project, ask: &Ask, today: Date) -> Result<(), Denial> {
    if today < project.from || project.until < today {
        return Err(Denial::ProjectDates { from: project.from, until: project.until, today });
    }
    if !project.researchers.contains(&ask.researcher) {
        return Err(Denial::NotInProject);
    }
    let valid = policy.card(&ask.researcher).is_some_and(|card| card.role == Role::Researcher && card.valid_on(today));
    if !valid {
        return Err(Denial::CardInvalid { today });
    }
    if ask.expires < today {
        return Err(Denial::Expired { expires: ask.expires, today });
    }
    Ok(())
}

/// Who approved: distinct stewards, each with a valid card, none of them the researcher, all on this very request.
fn approved(policy: &Policy, ask: &Ask, approvals: &[Approval], today: Date) -> Result<Vec<String>, Denial> {
    let mut approvers = Vec::new();
    for card in policy.stewards(today) {
        if card.name == ask.researcher {
            continue;
        }
        let last =
            approvals.iter().rev().find(|verdict| verdict.steward == card.name && verdict.request == ask.request);
        match last {
            Some(verdict) if !verdict.approve => return Err(Denial::Rejected),
            Some(verdict) if binds(verdict, ask) => approvers.push(card.name.clone()),
            _ => {}
        }
    }
    let needed = policy.room.approvals;
    let given = u32::try_from(approvers.len()).unwrap_or(u32::MAX);
    if given < needed {
        return Err(Denial::ApprovalsMissing { given, needed });
    }
    Ok(approvers)
}

fn binds(verdict: &Approval, ask: &Ask) -> bool {
    verdict.plan == ask.plan
        && verdict.policy == ask.policy
        && verdict.price == ask.price
        && verdict.expires == ask.expires
}

/// The price fits under all three caps.
fn afford(
    policy: &Policy,
    project: &Project,
    price: &Price,
    spent: &Spent,
    accountant: &dyn Accountant,
) -> Result<(), Denial> {
    // A room of the zCDP account may answer with Laplace noise too, where that is the smaller error; a pure room never with Gaussian.
    if policy.room.account == Kind::Pure && price.kind() != Kind::Pure {
        return Err(Denial::Account { room: policy.room.account, asked: price.kind() });
    }
    let levels: [(Level, &Budget, _); 3] = [
        (Level::Room, &policy.room.budget, &spent.room),
        (Level::Project, &project.budget, &spent.project),
        (Level::Researcher, &project.researcher_budget, &spent.researcher),
    ];
    for (level, cap, account) in levels {
        if price.delta() > cap.delta {
            return Err(Denial::DeltaTooLarge { level, delta: price.delta(), cap: cap.delta });
        }
        if !account.charge(&price.charge()).within(cap, accountant) {
            return Err(Denial::Budget {
                level,
                price: Box::new(*price),
                remaining: Box::new(Remaining::of(account, cap, accountant)),
            });
        }
    }
    Ok(())
}
