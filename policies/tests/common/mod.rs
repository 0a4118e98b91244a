//! A small invented room, and an accountant that is simple enough to check by hand.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use jiff::civil::{Date, date};
use policies::{Accountant, Approval, Ask, Delta, Digest, Epsilon, Policy, Price, Rho, parse};

pub fn key(letter: char) -> String {
    let body: String = std::iter::repeat_n(letter, 43).collect();
    format!("x+01234567+A{body}")
}

pub fn card(name: &str, role: &str, letter: char) -> String {
    format!(
        "[[card]]\nname = \"{name}\"\nrole = \"{role}\"\nrecipient = \"age1{name}\"\nverifier = \"{}\"\nfrom = \"2026-04-01\"\nuntil = \"2027-03-31\"\n",
        key(letter)
    )
}

pub fn text(account: &str, epsilon: &str, delta: &str) -> String {
    format!(
        r#"[room]
origin = "room.example/a"
minimum_persons = 10
approvals = 2
cosignatures = 2
slot_seconds = 300
account = "{account}"
budget = {{ epsilon = "{epsilon}", delta = "{delta}" }}

{}{}{}{}{}
[[project]]
id = "walking"
title = "歩行と血糖"
purpose = "HMB"
legal_basis = "高齢者医療確保法 第16条の2"
recipient_kind = "academia"
without_consent = "include"
researchers = ["rin"]
from = "2026-05-01"
until = "2026-12-31"
budget = {{ epsilon = "{epsilon}", delta = "{delta}" }}
researcher_budget = {{ epsilon = "{epsilon}", delta = "{delta}" }}
[project.columns]
checkup = ["hba1c", "exam_date"]
person = ["sex"]

[[source]]
name = "kenpo-a"
card = "kenpo"
kinds = ["claims", "checkups"]
"#,
        card("sato", "steward", 'B'),
        card("mori", "steward", 'C'),
        card("hara", "steward", 'D'),
        card("rin", "researcher", 'E'),
        card("kenpo", "source", 'F'),
    )
}

pub fn policy() -> Policy {
    parse(&text("pure", "3", "0")).unwrap()
}

pub fn digest(byte: u8) -> Digest {
    Digest::from_bytes([byte; 32])
}

pub const TODAY: Date = date(2026, 11, 22);

pub fn price(epsilon: &str) -> Price {
    Price::pure(epsilon.parse().unwrap()).unwrap()
}

pub fn ask(policy: &Policy, price: Price) -> Ask {
    Ask {
        request: digest(1),
        project: "walking".to_owned(),
        researcher: "rin".to_owned(),
        plan: digest(2),
        policy: policy.digest(),
        columns: vec![("checkup".to_owned(), "hba1c".to_owned())],
        price,
        expires: date(2026, 12, 1),
    }
}

pub fn verdict(ask: &Ask, steward: &str, approve: bool) -> Approval {
    Approval {
        request: ask.request,
        steward: steward.to_owned(),
        plan: ask.plan,
        policy: ask.policy,
        price: ask.price,
        expires: ask.expires,
        approve,
    }
}

/// ε = ρ + 2√(ρ ln 1/δ) (Bun and Steinke 2016, Proposition 1.3), rounded up.
pub struct Simple;

impl Accountant for Simple {
    fn epsilon(&self, rho: Rho, delta: Delta) -> Option<Epsilon> {
        if rho.is_zero() {
            return Some(Epsilon::ZERO);
        }
        if delta.is_zero() {
            return None;
        }
        let (rho, delta) = (rho.to_f64_up(), delta.to_f64_down());
        let epsilon = rho + 2.0 * (rho * -delta.ln()).sqrt();
        Epsilon::from_f64_up(epsilon * (1.0 + 1e-12)).ok()
    }
}
