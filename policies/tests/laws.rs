//! Laws: whatever the order and the prices, what was permitted stays within the caps; `decide` answers every input.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod common;

use common::{Simple, TODAY, ask, digest, policy, text, verdict};
use jiff::civil::Date;
use policies::{Account, Accountant, Approval, Delta, Epsilon, Kind, Price, Rho, Spent, decide, parse};
use proptest::prelude::*;

fn prices() -> impl Strategy<Value = Price> {
    let pure = (1u128..2_000_000_000_000).prop_map(|units| Price::pure(Epsilon::from_units(units)).unwrap());
    let gaussian = (1u128..200_000_000_000, 0u128..300_000_000_000).prop_map(|(rho, failure)| {
        let delta = Delta::from_units(1_000_000_000_000);
        let failure = Delta::from_units(failure);
        let epsilon = Epsilon::from_units(1_000_000_000_000);
        Price::zcdp(epsilon, delta, Rho::from_units(rho), failure).unwrap()
    });
    prop_oneof![pure, gaussian]
}

proptest! {
    /// The guarantee of the permitted sequence, computed here from scratch, never exceeds the cap: either only pure releases whose ε
    /// add up to at most the cap, or ε(Σρ, δ − Σδᵢ) within it.
    #[test]
    fn no_sequence_exceeds_the_cap(sequence in prop::collection::vec(prices(), 1..60), zcdp in any::<bool>()) {
        let policy = match zcdp {
            true => parse(&text("zcdp", "3", "0.000001")).unwrap(),
            false => parse(&text("pure", "3", "0.000001")).unwrap(),
        };
        let cap = policy.room().budget;
        let mut account = Account::default();
        let mut ran: Vec<Price> = Vec::new();
        for price in sequence {
            let ask = ask(&policy, price);
            let approvals = [verdict(&ask, "sato", true), verdict(&ask, "hara", true)];
            let spent = Spent { room: account, project: account, researcher: account, entries: 0 };
            if decide(&policy, &ask, &approvals, &spent, TODAY, &Simple).is_ok() {
                account = account.charge(&price.charge());
                ran.push(price);
            }
            let sum = |unit: fn(&Price) -> u128| ran.iter().map(unit).sum::<u128>();
            let pure = ran.iter().all(|price| price.kind() == Kind::Pure)
                && sum(|price| price.epsilon().units()) <= cap.epsilon.units();
            let failure = Delta::from_units(sum(|price| price.failure().units()));
            let concentrated = cap.delta.checked_sub(failure)
                .and_then(|delta| Simple.epsilon(Rho::from_units(sum(|price| price.rho().units())), delta))
                .is_some_and(|epsilon| epsilon <= cap.epsilon);
            prop_assert!(pure || concentrated);
        }
    }

    /// In a room whose δ is 0 only Σε counts, and what fits is never refused.
    #[test]
    fn the_pure_account_is_exact(units in prop::collection::vec(1u128..1_500_000_000_000, 1..40)) {
        let policy = policy();
        let (mut account, mut total) = (Account::default(), 0u128);
        for epsilon in units {
            let price = Price::pure(Epsilon::from_units(epsilon)).unwrap();
            let ask = ask(&policy, price);
            let approvals = [verdict(&ask, "sato", true), verdict(&ask, "mori", true)];
            let spent = Spent { room: account, project: account, researcher: account, entries: 0 };
            let permitted = decide(&policy, &ask, &approvals, &spent, TODAY, &Simple).is_ok();
            prop_assert_eq!(permitted, total + epsilon <= 3_000_000_000_000);
            if permitted {
                account = account.charge(&price.charge());
                total += epsilon;
            }
        }
    }

    /// Closed is closed, and a charge never lowers anything, not even where sums overflow.
    #[test]
    fn charges_only_grow(sequence in prop::collection::vec(prices(), 1..20)) {
        let mut account = Account::default();
        let mut closed = false;
        for price in sequence {
            let next = account.charge(&price.charge());
            closed |= price.kind() == Kind::Zcdp;
            prop_assert_eq!(next.pure().is_none(), closed);
            prop_assert!(next.rho() > account.rho() && next.delta() >= account.delta());
            account = next;
        }
    }

    /// Total: any words, days, digests and verdicts get an answer, and never more than the policy's approvals are skipped.
    #[test]
    fn every_input_is_answered(
        words in prop::collection::vec("[a-z]{0,6}", 4),
        bytes in prop::collection::vec(any::<u8>(), 4),
        day in -9998i16..9999,
        price in prices(),
        stewards in prop::collection::vec(("(sato|mori|hara|rin|x)", any::<bool>(), any::<bool>()), 0..6),
        same in any::<bool>(),
    ) {
        let policy = policy();
        let mut request = ask(&policy, price);
        let today = match same {
            true => TODAY,
            false => Date::new(day, 1, 31).unwrap(),
        };
        if !same {
            request.project.clone_from(&words[0]);
            request.researcher.clone_from(&words[1]);
            request.columns = vec![(words[2].clone(), words[3].clone())];
            request.policy = digest(bytes[0]);
        }
        let approvals: Vec<Approval> = stewards
            .iter()
            .map(|(name, approve, exact)| {
                let mut approval = verdict(&request, name, *approve);
                if !exact {
                    approval.plan = digest(bytes[1]);
                }
                approval
            })
            .collect();
        if decide(&policy, &request, &approvals, &Spent::default(), today, &Simple).is_ok() {
            let mut names: Vec<&str> = stewards.iter().filter(|(_, approve, exact)| *approve && *exact).map(|(name, ..)| name.as_str()).collect();
            names.sort_unstable();
            names.dedup();
            names.retain(|name| ["sato", "mori", "hara"].contains(name));
            prop_assert!(names.len() >= 2);
        }
    }

    /// No text makes the parser panic.
    #[test]
    fn any_text_is_parsed_or_refused(noise in "\\PC{0,200}", cut in 0usize..1500) {
        let _ = parse(&noise);
        let sound = text("pure", "3", "0");
        let end = (0..=cut.min(sound.len())).rev().find(|at| sound.is_char_boundary(*at)).unwrap();
        let _ = parse(&format!("{}{noise}", &sound[..end]));
    }
}
