//! What the policy's parser refuses, with line and column.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod common;

use common::{card, key, text};
use policies::{PolicyError, Purpose, RecipientKind, Role, SOURCE_KINDS, parse};

fn refused(from: &str, to: &str) -> PolicyError {
    let sound = text("pure", "3", "0");
    assert!(sound.contains(from), "{from}");
    parse(&sound.replacen(from, to, 1)).unwrap_err()
}

#[test]
fn a_sound_policy_is_read_whole() {
    let text = text("pure", "3", "0");
    let policy = parse(&text).unwrap();
    assert_eq!(policy.room().origin, "room.example/a");
    assert_eq!(policy.cards().len(), 5);
    assert_eq!(policy.card("sato").unwrap().role, Role::Steward);
    let project = policy.project("walking").unwrap();
    assert_eq!((project.purpose, project.recipient_kind), (Purpose::Hmb, RecipientKind::Academia));
    assert!(project.columns["checkup"].contains("hba1c"));
    assert_eq!(policy.sources()[0].card, "kenpo");
    // The digest is of the bytes: a comment makes another policy. `sha256sum` of the empty text's sibling is checked in the log crate.
    assert_ne!(policy.digest(), parse(&format!("{text}#\n")).unwrap().digest());
    assert_eq!(policy.digest(), parse(&text).unwrap().digest());
}

#[test]
fn faults_are_pointed_at() {
    let error = refused("minimum_persons = 10", "minimum_person = 10");
    assert_eq!((error.line, error.column), (3, 1));
    assert!(error.message.contains("minimum_person"), "{error}");
    assert_eq!(refused("approvals = 2", "approvals = 0").line, 4);
    assert_eq!(refused("approvals = 2", "approvals = 4").line, 4);
    let half = refused("cosignatures = 2", "cosignatures = 1");
    assert_eq!((half.line, half.column), (5, 16));
    assert!(half.help.contains("more than half"));
    assert!(refused("account = \"pure\"", "account = \"zcdp\"").message.contains('δ'));
    assert!(refused("account = \"pure\"", "account = \"none\"").line == 7);
    assert!(refused("epsilon = \"3\"", "epsilon = 3").line == 8);
    assert!(refused("epsilon = \"3\"", "epsilon = \"1000001\"").message.contains("no privacy"));
    assert!(refused("delta = \"0\"", "delta = \"1\"").message.contains("no privacy"));
    assert!(refused("room.example/a", "room example").message.contains("space"));
    assert!(refused("room.example/a", "room\\nexample").message.contains("space"));
}

#[test]
fn a_profile_has_a_project_that_pays_and_years() {
    let with = |profile: &str| {
        parse(&text("pure", "3", "0").replacen(
            "[project.columns]",
            &format!("[room.profile]\n{profile}\n[project.columns]"),
            1,
        ))
    };
    let sound =
        "project = \"walking\"\nbudget = { epsilon = \"0.5\", delta = \"0\" }\nfirst_year = 2020\nlast_year = 2024";
    let policy = with(sound).unwrap();
    let terms = policy.room().profile.as_ref().unwrap();
    assert_eq!(
        (terms.project.as_str(), terms.epsilon.to_string(), terms.last_year),
        ("walking", "0.5".to_owned(), 2024)
    );
    assert_eq!(parse(&text("pure", "3", "0")).unwrap().room().profile, None);
    for (from, to) in [
        ("walking", "running"),
        ("0.5", "3.5"),
        ("0.5", "0"),
        ("2024", "2019"),
        ("2024", "2040"),
        ("2020", "1990"),
        ("first_year", "from"),
    ] {
        assert!(with(&sound.replacen(from, to, 1)).is_err(), "{to}");
    }
}

#[test]
fn one_person_is_one_card() {
    let shared = refused(&key('C'), &key('B').replace("x+", "y+"));
    assert!(shared.message.contains("signing key"), "{shared}");
    assert!(refused("age1mori", "age1sato").message.contains("recipient"));
    assert!(refused("name = \"mori\"", "name = \"sato\"").message.contains("card's name"));
    assert!(refused(&key('C'), "x+0123456+AAAA").message.contains("verifier"));
    assert!(refused("age1mori", "mori").message.contains("age"));
    assert!(refused("until = \"2027-03-31\"", "until = \"2026-03-31\"").message.contains("before"));
    assert!(refused("until = \"2027-03-31\"", "until = \"2026-02-30\"").message.contains("date"));
}

#[test]
fn stewards_that_never_serve_together_are_not_counted_together() {
    let sound = text("pure", "3", "0");
    let hara = card("hara", "steward", 'D');
    let later = hara.replace("2027-03-31", "2028-03-31").replace("2026-04-01", "2027-04-01");
    let apart = sound.replace(&hara, &later);
    assert!(parse(&apart).is_ok());
    let three = apart.replace("approvals = 2", "approvals = 3");
    assert!(parse(&three).unwrap_err().message.contains("more approvals"));
}

#[test]
fn caps_nest_and_names_resolve() {
    let project = "budget = { epsilon = \"3\", delta = \"0\" }\nresearcher_budget";
    let outer = refused(project, &project.replace("\"3\"", "\"3.1\""));
    assert!(outer.message.contains("room's"), "{outer}");
    let inner = refused("researcher_budget = { epsilon = \"3\"", "researcher_budget = { epsilon = \"3.1\"");
    assert!(inner.message.contains("project's"), "{inner}");
    assert!(refused("researchers = [\"rin\"]", "researchers = [\"ran\"]").message.contains("no card"));
    assert!(refused("researchers = [\"rin\"]", "researchers = [\"rin\", \"rin\"]").message.contains("twice"));
    assert!(refused("card = \"kenpo\"", "card = \"rin\"").message.contains("researcher"));
    assert!(refused("legal_basis = \"高齢者医療確保法 第16条の2\"", "legal_basis = \" \"").message.contains("legal"));
    assert!(refused("purpose = \"HMB\"", "purpose = \"ANY\"").message.contains("ANY"));
}

#[test]
fn sources_send_what_is_known() {
    let unknown = refused("[\"claims\", \"checkups\"]", "[\"claims\", \"checkup\"]");
    assert_eq!((unknown.message.as_str(), unknown.column), ("no source sends `checkup`", 20));
    assert_eq!(
        unknown.help,
        "the kinds are eligibility, claims, checkups, lifelog, observations, programmes, events, consent"
    );
    let all = text("pure", "3", "0")
        .replace("\"claims\", \"checkups\"", &format!("{:?}", SOURCE_KINDS).replace(['[', ']'], ""));
    assert_eq!(parse(&all).unwrap().sources()[0].kinds, SOURCE_KINDS);
}

#[test]
fn errors_say_what_to_write() {
    for number in ["3", "3.5"] {
        let bare = refused("epsilon = \"3\"", &format!("epsilon = {number}"));
        assert!(bare.message.contains("write it in quotes, as in \"0.5\""), "{bare}");
        assert_eq!((bare.line, bare.column), (8, 22));
    }
    assert_eq!(refused("slot_seconds = 300", "slot_seconds = 0").message, "slot_seconds is 0");
    let card = refused(&key('C'), "x+0123456+AAAA");
    assert!(card.help.contains("`verifier` of the file NAME.card.toml"), "{card}");
    let card = refused("age1mori", "mori");
    assert!(card.help.contains("`recipient` of the file NAME.card.toml"), "{card}");
    // No error sends anybody to a document that the program does not come with.
    assert!(!refused("approvals = 2", "approval = 2").to_string().contains(".md"));
}
