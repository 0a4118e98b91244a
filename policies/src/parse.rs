//! TOML text → [`Policy`]. Every key is known, every name resolves, every cap nests; otherwise an error with line and column.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use jiff::civil::Date;
use serde::Deserialize;
use toml::Spanned;

use crate::account::{Budget, EPSILON_LIMIT, Kind};
use crate::cards::{Card, Role};
use crate::digest::Digest;
use crate::money::Delta;
use crate::policy::{
    Places, Policy, ProfileTerms, Project, Purpose, RecipientKind, Room, SOURCE_KINDS, Source, WithoutConsent,
};

/// Where a policy's text is wrong and what to do. Policies are public: the message may quote them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("policy, line {line}, column {column}: {message}; {help}")]
pub struct PolicyError {
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub help: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPolicy {
    room: RawRoom,
    #[serde(default)]
    card: Vec<RawCard>,
    #[serde(default)]
    project: Vec<RawProject>,
    #[serde(default)]
    source: Vec<RawSource>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRoom {
    origin: Spanned<String>,
    minimum_persons: Spanned<u32>,
    approvals: Spanned<u32>,
    cosignatures: Spanned<u32>,
    slot_seconds: Spanned<u32>,
    account: Spanned<Kind>,
    budget: Spanned<Budget>,
    profile: Option<RawProfile>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawProfile {
    project: Spanned<String>,
    budget: Spanned<Budget>,
    first_year: Spanned<i16>,
    last_year: Spanned<i16>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawCard {
    name: Spanned<String>,
    role: Role,
    recipient: Spanned<String>,
    verifier: Spanned<String>,
    from: Spanned<String>,
    until: Spanned<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawProject {
    id: Spanned<String>,
    title: String,
    purpose: Purpose,
    legal_basis: Spanned<String>,
    recipient_kind: RecipientKind,
    without_consent: WithoutConsent,
    population: Option<Spanned<String>>,
    researchers: Spanned<Vec<Spanned<String>>>,
    from: Spanned<String>,
    until: Spanned<String>,
    budget: Spanned<Budget>,
    researcher_budget: Spanned<Budget>,
    #[serde(default)]
    columns: BTreeMap<String, Vec<Spanned<String>>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSource {
    name: Spanned<String>,
    card: Spanned<String>,
    #[serde(default)]
    kinds: Vec<Spanned<String>>,
    #[serde(default)]
    one_to_one: bool,
}

struct Text<'a>(&'a str);

impl Text<'_> {
    /// Line and column, from 1.
    fn at(&self, span: Range<usize>) -> (usize, usize) {
        let before = self.0.get(..span.start).unwrap_or(self.0);
        let column = before.rsplit('\n').next().map_or(0, |tail| tail.chars().count()) + 1;
        (before.matches('\n').count() + 1, column)
    }

    fn error(&self, span: Range<usize>, message: String, help: &str) -> PolicyError {
        let (line, column) = self.at(span);
        PolicyError { line, column, message, help: help.to_owned() }
    }

    /// A name goes into signed texts, one field a line: no spaces or control characters.
    fn name(&self, name: &Spanned<String>, what: &str) -> Result<String, PolicyError> {
        let text = name.get_ref();
        if text.is_empty() || text.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return Err(self.error(
                name.span(),
                format!("the {what} is empty or holds a space"),
                "use letters, digits and hyphens",
            ));
        }
        Ok(text.clone())
    }

    fn unique(
        &self,
        seen: &mut BTreeSet<String>,
        value: &str,
        span: Range<usize>,
        what: &str,
        help: &str,
    ) -> Result<(), PolicyError> {
        if seen.insert(value.to_owned()) {
            return Ok(());
        }
        Err(self.error(span, format!("this {what} appears twice"), help))
    }

    fn day(&self, text: &Spanned<String>) -> Result<Date, PolicyError> {
        text.get_ref()
            .parse::<Date>()
            .map_err(|_| self.error(text.span(), "not a date".to_owned(), "write it as \"2026-04-01\""))
    }

    fn days(&self, from: &Spanned<String>, until: &Spanned<String>) -> Result<(Date, Date), PolicyError> {
        let (first, last) = (self.day(from)?, self.day(until)?);
        if last < first {
            return Err(self.error(
                until.span(),
                "`until` lies before `from`".to_owned(),
                "both days belong to the period; swap them",
            ));
        }
        Ok((first, last))
    }

    fn positive(&self, number: &Spanned<u32>, what: &str) -> Result<u32, PolicyError> {
        match *number.get_ref() {
            0 => Err(self.error(number.span(), format!("{what} is 0"), "it must be 1 or more")),
            value => Ok(value),
        }
    }

    fn budget(&self, budget: &Spanned<Budget>, within: Option<(&Budget, &str)>) -> Result<Budget, PolicyError> {
        let value = *budget.get_ref();
        let fault = |message: String, help: &str| Err(self.error(budget.span(), message, help));
        if value.epsilon > EPSILON_LIMIT || value.delta.units() >= 10u128.pow(Delta::DIGITS) {
            return fault(
                format!("a budget of {value} is no privacy"),
                "ε is seldom above 10, δ far below one person's share",
            );
        }
        if let Some((outer, name)) = within
            && (value.epsilon > outer.epsilon || value.delta > outer.delta)
        {
            return fault(
                format!("the budget {value} exceeds the {name}'s {outer}"),
                "caps nest: room, project, researcher",
            );
        }
        Ok(value)
    }
}

/// Reads a room's policy.
///
/// # Errors
/// The first fault, with line, column and what to do: unknown keys, names that do not resolve or appear twice, keys that two cards
/// share (one person must not count as two), kinds that no source sends, days in the wrong order, caps that do not nest, co-signatures of half of the stewards or
/// fewer (two halves could sign two histories).
pub fn parse(text: &str) -> Result<Policy, PolicyError> {
    let place = Text(text);
    let raw: RawPolicy = toml::from_str(text).map_err(|error| {
        place.error(
            error.span().unwrap_or(0..0),
            error.message().to_owned(),
            "every key and value must be one that a policy knows",
        )
    })?;
    let cards = cards(&place, &raw.card)?;
    let mut room = room(&place, &raw.room, &cards)?;
    let projects = projects(&place, &raw.project, &room, &cards)?;
    room.profile = raw.room.profile.as_ref().map(|raw| profile(&place, raw, &projects, room.account)).transpose()?;
    let sources = sources(&place, &raw.source, &cards)?;
    let places = places(&place, &raw.project);
    Ok(Policy { digest: Digest::of(text.as_bytes()), room, cards, projects, sources, places })
}

fn cards(place: &Text<'_>, raw: &[RawCard]) -> Result<Vec<Card>, PolicyError> {
    let (mut names, mut keys, mut recipients) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    let mut cards = Vec::with_capacity(raw.len());
    for card in raw {
        let name = place.name(&card.name, "card's name")?;
        place.unique(&mut names, &name, card.name.span(), "card's name", "name each card once")?;
        let verifier = card.verifier.get_ref();
        let key = public_key(verifier).ok_or_else(|| {
            place.error(
                card.verifier.span(),
                "not a verifier key".to_owned(),
                "copy the line `verifier` of the file NAME.card.toml that `sudare key new` wrote",
            )
        })?;
        let shared = "every actor has a key of their own: `sudare key new`";
        place.unique(&mut keys, key, card.verifier.span(), "signing key", shared)?;
        let recipient = card.recipient.get_ref();
        if !recipient.starts_with("age1") {
            return Err(place.error(
                card.recipient.span(),
                "not an age recipient".to_owned(),
                "copy the line `recipient` of the file NAME.card.toml that `sudare key new` wrote",
            ));
        }
        place.unique(&mut recipients, recipient, card.recipient.span(), "recipient", shared)?;
        let (from, until) = place.days(&card.from, &card.until)?;
        cards.push(Card {
            name,
            role: card.role,
            recipient: recipient.clone(),
            verifier: verifier.clone(),
            from,
            until,
        });
    }
    Ok(cards)
}

/// The key of `name+hash+key`: 33 bytes are exactly 44 base64 characters, so that equal keys are equal texts.
fn public_key(verifier: &str) -> Option<&str> {
    let (name, rest) = verifier.split_once('+')?;
    let (hash, key) = rest.split_once('+')?;
    let base64 = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/';
    let well_formed = !name.is_empty()
        && !name.chars().any(char::is_whitespace)
        && hash.len() == 8
        && hash.bytes().all(|byte| byte.is_ascii_hexdigit())
        && key.len() == 44
        && key.bytes().all(base64);
    well_formed.then_some(key)
}

fn room(place: &Text<'_>, raw: &RawRoom, cards: &[Card]) -> Result<Room, PolicyError> {
    let approvals = place.positive(&raw.approvals, "approvals")?;
    let cosignatures = place.positive(&raw.cosignatures, "cosignatures")?;
    // Any overlap of validity periods contains the first day of one of them.
    let stewards = |day: Date| {
        let valid = |card: &&Card| card.role == Role::Steward && card.valid_on(day);
        cards.iter().filter(valid).count()
    };
    let most = cards.iter().map(|card| stewards(card.from)).max().unwrap_or(0);
    let counted = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
    for (number, what) in [(&raw.approvals, "approvals"), (&raw.cosignatures, "cosignatures")] {
        if counted(*number.get_ref()) > most {
            return Err(place.error(
                number.span(),
                format!("more {what} than stewards with a valid card ({most})"),
                "add stewards' cards or ask for fewer",
            ));
        }
    }
    if counted(cosignatures).saturating_mul(2) <= most {
        return Err(place.error(
            raw.cosignatures.span(),
            format!("{cosignatures} of {most} stewards could sign two different histories"),
            "ask for more than half of the stewards",
        ));
    }
    let budget = place.budget(&raw.budget, None)?;
    let account = *raw.account.get_ref();
    if account == Kind::Zcdp && budget.delta.is_zero() {
        return Err(place.error(
            raw.budget.span(),
            "Gaussian noise needs a δ above 0".to_owned(),
            "set delta, or account = \"pure\"",
        ));
    }
    Ok(Room {
        origin: place.name(&raw.origin, "origin")?,
        minimum_persons: place.positive(&raw.minimum_persons, "minimum_persons")?,
        approvals,
        cosignatures,
        slot_seconds: place.positive(&raw.slot_seconds, "slot_seconds")?,
        account,
        budget,
        profile: None,
    })
}

/// The profile's project pays for it.
fn profile(
    place: &Text<'_>,
    raw: &RawProfile,
    projects: &[Project],
    account: Kind,
) -> Result<ProfileTerms, PolicyError> {
    let name = raw.project.get_ref();
    let project = projects.iter().find(|project| project.id == *name).ok_or_else(|| {
        place.error(raw.project.span(), format!("no project is called `{name}`"), "add the [[project]] or mend the id")
    })?;
    let budget = place.budget(&raw.budget, Some((&project.budget, "project")))?;
    if budget.epsilon == crate::money::Epsilon::ZERO || (account == Kind::Zcdp && budget.delta.is_zero()) {
        return Err(place.error(
            raw.budget.span(),
            "the profile has no price".to_owned(),
            "state epsilon, and delta where the room answers with Gaussian noise",
        ));
    }
    let (first_year, last_year) = (*raw.first_year.get_ref(), *raw.last_year.get_ref());
    if !(2000..=2100).contains(&first_year) || !(first_year..first_year.saturating_add(20)).contains(&last_year) {
        return Err(place.error(
            raw.last_year.span(),
            "the profile's years are not 1 to 20 years from 2000 on".to_owned(),
            "first_year = 2020, last_year = 2024: 年度, April to March",
        ));
    }
    Ok(ProfileTerms { project: name.clone(), epsilon: budget.epsilon, delta: budget.delta, first_year, last_year })
}

fn projects(place: &Text<'_>, raw: &[RawProject], room: &Room, cards: &[Card]) -> Result<Vec<Project>, PolicyError> {
    let mut ids = BTreeSet::new();
    let mut projects = Vec::with_capacity(raw.len());
    for project in raw {
        let id = place.name(&project.id, "project's id")?;
        place.unique(&mut ids, &id, project.id.span(), "project", "give each project its own id")?;
        if project.legal_basis.get_ref().trim().is_empty() {
            return Err(place.error(
                project.legal_basis.span(),
                "no legal basis".to_owned(),
                "name the law and article that permit this use",
            ));
        }
        let mut researchers = BTreeSet::new();
        for name in project.researchers.get_ref() {
            holder(place, cards, name, Role::Researcher)?;
            let twice = "list each researcher once";
            place.unique(&mut researchers, name.get_ref(), name.span(), "researcher", twice)?;
        }
        let (from, until) = place.days(&project.from, &project.until)?;
        let budget = place.budget(&project.budget, Some((&room.budget, "room")))?;
        let researcher_budget = place.budget(&project.researcher_budget, Some((&budget, "project")))?;
        projects.push(Project {
            id,
            title: project.title.clone(),
            purpose: project.purpose,
            legal_basis: project.legal_basis.get_ref().clone(),
            recipient_kind: project.recipient_kind,
            without_consent: project.without_consent,
            population: project.population.as_ref().map(|text| text.get_ref().clone()),
            researchers,
            from,
            until,
            budget,
            researcher_budget,
            columns: columns(&project.columns),
        });
    }
    Ok(projects)
}

fn columns(raw: &BTreeMap<String, Vec<Spanned<String>>>) -> BTreeMap<String, BTreeSet<String>> {
    let names = |columns: &Vec<Spanned<String>>| columns.iter().map(|name| name.get_ref().clone()).collect();
    raw.iter().map(|(table, columns)| (table.clone(), names(columns))).collect()
}

fn places(place: &Text<'_>, raw: &[RawProject]) -> Places {
    let mut places = Places::new();
    for project in raw {
        for (table, columns) in &project.columns {
            for column in columns {
                let key = (project.id.get_ref().clone(), table.clone(), column.get_ref().clone());
                places.entry(key).or_insert_with(|| place.at(column.span()));
            }
        }
    }
    places
}

fn sources(place: &Text<'_>, raw: &[RawSource], cards: &[Card]) -> Result<Vec<Source>, PolicyError> {
    let mut names = BTreeSet::new();
    let mut sources = Vec::with_capacity(raw.len());
    for source in raw {
        let name = place.name(&source.name, "source's name")?;
        place.unique(&mut names, &name, source.name.span(), "source", "name each source once")?;
        let mut kinds = Vec::with_capacity(source.kinds.len());
        for kind in &source.kinds {
            let known = kind.get_ref();
            if !SOURCE_KINDS.contains(&known.as_str()) {
                return Err(place.error(
                    kind.span(),
                    format!("no source sends `{known}`"),
                    &format!("the kinds are {}", SOURCE_KINDS.join(", ")),
                ));
            }
            kinds.push(known.clone());
        }
        let card = holder(place, cards, &source.card, Role::Source)?;
        sources.push(Source { name, card, kinds, one_to_one: source.one_to_one });
    }
    Ok(sources)
}

/// The name, if it is that of a card with this role.
fn holder(place: &Text<'_>, cards: &[Card], name: &Spanned<String>, role: Role) -> Result<String, PolicyError> {
    let wanted = name.get_ref();
    match cards.iter().find(|card| &card.name == wanted) {
        Some(card) if card.role == role => Ok(wanted.clone()),
        Some(card) => Err(place.error(
            name.span(),
            format!("the card `{wanted}` is that of a {}", card.role),
            &format!("name a card with role = \"{role}\""),
        )),
        None => {
            Err(place.error(name.span(), format!("no card is named `{wanted}`"), "add a [[card]] or mend the name"))
        }
    }
}
