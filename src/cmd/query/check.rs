//! `sudare query check`: price and error before anything is asked. Reads the policy and the catalogue, no data.

use std::path::{Path, PathBuf};

use dp_query::plan::{OutputKind, Plan, StatisticKind};
use dp_query::quote::{Basis, Expected, Line, Quote, Selection, Terms, quote};
use policies::{Kind, WithoutConsent};

use super::{Priced, demand_allowed, demand_cited, docket, over_budget, priced, profile, read_public, read_sql};
use crate::fail::Done;
use crate::out::{Out, thousands};
use crate::room::Room;

pub fn run(sql: &Path, room: &Path, project: &str, public: &[PathBuf], out: &Out) -> Done {
    let room = Room::open(room)?;
    let catalogue = room.catalogue()?;
    let public = read_public(public)?;
    let asked = priced(&read_sql(sql)?, &public, &sql.display().to_string(), project, &room, &catalogue)?;
    demand_cited(&asked.plan, &public)?;
    demand_allowed(&asked.plan, &room, project)?;
    let view = room.view()?;
    let docket = docket(view.entries(), &room)?;
    let short = over_budget(&asked.quote, &docket, &room, project);
    tell(&asked, &sql.display().to_string(), out);
    let sizes = profile::sizes(&room, &docket, &view, &catalogue)?;
    let relative = sizes.as_ref().and_then(|sizes| profile::relative(&asked, sizes, out));
    let other = other_account(&asked, &room);
    if let Some((words, _)) = &other {
        out.line(format!("  {words}"));
    }
    if let Some(left) = &short {
        out.line(format!("  It can't be run as it is: {left}. Lower epsilon."));
    }
    out.value(&serde_json::json!({
        "plan": asked.quote.plan().to_string(),
        "price": asked.quote.price(),
        "quote": asked.quote,
        "cells": (!asked.plan.is_open()).then(|| asked.plan.cells()),
        "columns": asked.plan.columns(),
        "population": asked.plan.population().project,
        "cites": asked.plan.cited(),
        "over_budget": short,
        "other_account": other.map(|(_, quote)| quote),
        "profile": relative,
    }));
    Ok(())
}

/// Price and error in words.
pub fn tell(asked: &Priced, what: &str, out: &Out) {
    let Priced { plan, quote } = asked;
    let price = quote.price();
    out.line(format!(
        "  {}: costs ε = {}, δ = {} (ρ = {}). {}; one person is in at most {} of them.",
        what,
        price.epsilon(),
        price.delta(),
        price.rho(),
        match plan.cells() {
            _ if plan.is_open() => "Its groups come from the data".to_owned(),
            1 => "1 group".to_owned(),
            cells => format!("{} groups", thousands(cells as u64)),
        },
        plan.max_groups()
    ));
    let population = plan.population();
    out.line(format!(
        "  Counted are persons whose consents allow {} for {} (who was never asked: {}){}.",
        population.project.purpose.code(),
        population.project.recipient_kind.code(),
        match population.project.without_consent {
            WithoutConsent::Include => "counts",
            WithoutConsent::Exclude => "does not count",
        },
        population.project.condition.as_ref().map_or(String::new(), |condition| format!(", and for whom {condition}")),
    ));
    if !plan.cited().is_empty() {
        let named = plan.cited().iter().map(|c| format!("{} ({})", c.name, c.digest.get(..12).unwrap_or(&c.digest)));
        out.line(format!("  It cites {}.", named.collect::<Vec<_>>().join(", ")));
    }
    let mut rows = Vec::new();
    for (i, output) in plan.outputs().iter().enumerate() {
        let error = match quote.expected().get(i) {
            Some(Expected::Margin { half_width, .. }) => format!("± {}", short_number(*half_width)),
            Some(Expected::PerPersons) => [100, 1000]
                .iter()
                .filter_map(|n| Some(format!("± {} for {n} persons", short_number(quote.half_width_at(plan, i, *n)?))))
                .collect::<Vec<_>>()
                .join(", "),
            Some(Expected::Exact) | None => continue,
        };
        let error = if error.is_empty() { "no statement below 1,000 persons".to_owned() } else { error };
        let basis = basis(&output.what).and_then(|statistic| plan.statistics().get(statistic));
        let why = basis.map_or("computed from released values", |s| match s.kind {
            StatisticKind::Persons => "one person counts once",
            _ => s.derivation.as_str(),
        });
        rows.push(vec![output.name.clone(), error, why.to_owned()]);
    }
    out.table(&["column", "error at 95%", "because"], 3, &rows);
    noise(plan, quote, out);
    for (level, errors) in plan.levels().iter().skip(1).zip(quote.further()) {
        let kept = plan.keys().iter().zip(level).filter(|(_, kept)| **kept).map(|(key, _)| key.name.as_str());
        let kept = kept.collect::<Vec<_>>().join(", ");
        let told = plan.outputs().iter().zip(errors).filter_map(|(output, error)| match error {
            Expected::Margin { half_width, .. } => Some(format!("{} ± {}", output.name, short_number(*half_width))),
            Expected::PerPersons | Expected::Exact => None,
        });
        let told = told.collect::<Vec<_>>().join(", ");
        out.line(format!("  Level ({kept}), counted by itself{}{told}", if told.is_empty() { "" } else { ": " }));
    }
    out.line(format!("  {} Nothing was charged.", minimum(quote)));
}

/// What gets noise, how far one person moves it, and what that costs; units are those of the grid.
fn noise(plan: &Plan, quote: &Quote, out: &Out) {
    let mut rows = Vec::new();
    for (level, lines) in quote.levels().enumerate() {
        for (statistic, line) in plan.statistics().iter().zip(lines) {
            let column = statistic.column.as_deref().unwrap_or("");
            let words = match statistic.kind {
                StatisticKind::Persons => "persons".to_owned(),
                StatisticKind::Rows => format!("rows {column}"),
                StatisticKind::NonNull => format!("those with {column}"),
                StatisticKind::Sum => format!("sum of {column}"),
                StatisticKind::Squares => format!("squares of {column}"),
                StatisticKind::Bins => format!("persons by {column}"),
            };
            let words = words.trim_end();
            let words = if level == 0 { words.to_owned() } else { format!("{words}, level {}", level + 1) };
            let sd = short_number(line.sd / 10f64.powi(i32::from(statistic.digits)));
            let (moves, how, price) = match line.basis {
                Basis::Own | Basis::Pair { .. } => (reach(line), mechanism(line), cost(line)),
                _ => ("–".to_owned(), "none of its own".to_owned(), "–".to_owned()),
            };
            rows.push(vec![words, moves, how, sd, price, statistic.derivation.clone()]);
        }
    }
    let headers = ["noise on", "one person moves (grid units)", "mechanism", "sd", "costs", "because"];
    out.table(&headers, 6, &rows);
}

/// The sensitivity, in the norms of the literature: numbers that change, the most that one changes, and all of them together.
fn reach(line: &Line) -> String {
    let may = line.sensitivity;
    format!("L0 = {}, L∞ = {}, L1 = {}", may.l0, may.linf, may.l1)
}

fn mechanism(line: &Line) -> String {
    let (name, letter) = match line.noise.kind() {
        Kind::Pure => ("discrete Laplace", 's'),
        Kind::Zcdp => ("discrete Gaussian", 'σ'),
    };
    format!("{name}, {letter} = {}", short_number(line.noise.scale()))
}

fn cost(line: &Line) -> String {
    match line.noise.kind() {
        Kind::Pure => format!("ε = {}", line.epsilon),
        Kind::Zcdp => format!("ρ = {}", line.rho),
    }
}

/// Which groups will be shown.
fn minimum(quote: &Quote) -> String {
    match quote.selection() {
        None => {
            let how = match quote.lines().first().map(|line| line.basis) {
                Some(Basis::AtLeast { most: 1, .. }) => ", counted as noisy rows,".to_owned(),
                Some(Basis::AtLeast { most, .. }) => format!(
                    ", counted as noisy rows / {most} (never more than there are; COUNT(DISTINCT person_id) counts them, for a price),"
                ),
                _ => ", counted with noise,".to_owned(),
            };
            format!("Groups of fewer than {} persons{how} will not be shown.", quote.minimum_persons())
        }
        Some(Selection { least: 1, threshold, failure, .. }) => format!(
            "Groups will be shown from {threshold} persons on, counted with noise; others leave no trace. That one person \
             more makes a group appear is charged with δ = {failure}."
        ),
        Some(Selection { least, threshold, always: true, failure }) => format!(
            "Groups of fewer than {least} persons, truly counted, will never be shown, and the others from {threshold} \
             persons on, counted with noise; that is charged with δ = {failure}."
        ),
        Some(Selection { least, threshold, always: false, failure }) => format!(
            "Groups will be shown from {threshold} persons on, counted with noise: that one of fewer than {least}, truly \
             counted, is among them has a probability of {failure} at most."
        ),
    }
}

/// What the same question would be worth by the account that this room does not spend.
fn other_account(asked: &Priced, room: &Room) -> Option<(String, Quote)> {
    let own = Terms::from(&room.policy);
    let (account, noise) = match own.account {
        Kind::Pure => (Kind::Zcdp, "Gaussian noise, charged in ρ"),
        Kind::Zcdp => (Kind::Pure, "Laplace noise, charged in ε"),
    };
    let other = quote(&asked.plan, &Terms { account, ..own }).ok()?;
    let half = |quote: &Quote| {
        quote.expected().iter().find_map(|expected| match expected {
            Expected::Margin { half_width, .. } => Some(*half_width),
            _ => None,
        })
    };
    let (ours, theirs) = (half(&asked.quote)?, half(&other)?);
    let words = format!(
        "This room answers by the {} account (± {}); by the {account} account ({noise}: ε = {}, δ = {}, ρ = {}) it would be ± {}.",
        own.account,
        short_number(ours),
        other.price().epsilon(),
        other.price().delta(),
        other.price().rho(),
        short_number(theirs)
    );
    Some((words, other))
}

/// The statistic whose bounds make the error.
fn basis(what: &OutputKind) -> Option<usize> {
    match what {
        OutputKind::Count(number) => Some(*number),
        OutputKind::Sum { sum, .. } | OutputKind::Mean { sum, .. } => Some(*sum),
        OutputKind::Variance { squares, .. } => Some(*squares),
        OutputKind::Quantile { bins, .. } | OutputKind::Bin { bins, .. } => Some(*bins),
        OutputKind::Survival { table, .. } => Some(*table),
        OutputKind::Key(_) | OutputKind::Constant { .. } | OutputKind::Arithmetic { .. } => None,
    }
}

/// Three significant digits, never more exact than the error is worth.
pub fn short_number(value: f64) -> String {
    if !value.is_finite() || (value.fract() == 0.0 && value.abs() < 1e15) {
        return value.to_string();
    }
    let digits = (2 - value.abs().log10().floor() as i32).clamp(0, 6);
    let text = format!("{value:.*}", digits as usize);
    match text.split_once('.') {
        Some((whole, _)) if digits == 0 => whole.to_owned(),
        _ => text,
    }
}
