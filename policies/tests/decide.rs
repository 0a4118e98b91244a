//! Each rule of `decide`, alone: the request that passes, changed in one place, is denied for that place.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod common;

use common::{Simple, TODAY, ask, digest, policy, price, text, verdict};
use jiff::civil::date;
use policies::{Account, Approval, Ask, Denial, Level, Policy, Price, Spent, decide, parse};

fn both(ask: &Ask) -> Vec<Approval> {
    vec![verdict(ask, "sato", true), verdict(ask, "mori", true)]
}

fn code(policy: &Policy, ask: &Ask, approvals: &[Approval], spent: &Spent) -> &'static str {
    match decide(policy, ask, approvals, spent, TODAY, &Simple) {
        Ok(_) => "permitted",
        Err(denial) => denial.code(),
    }
}

#[test]
fn a_sound_request_is_permitted_and_the_permit_binds_it() {
    let policy = policy();
    let ask = ask(&policy, price("1"));
    let spent = Spent { entries: 7, ..Spent::default() };
    let permit = decide(&policy, &ask, &both(&ask), &spent, TODAY, &Simple).unwrap();
    assert_eq!(permit.ask(), &ask);
    assert_eq!(permit.origin(), "room.example/a");
    assert_eq!((permit.minimum_persons(), permit.slot_seconds()), (10, 300));
    assert_eq!((permit.cosignatures(), permit.entries()), (2, 7));
    let keys: Vec<String> = ['B', 'C', 'D'].map(common::key).to_vec();
    assert_eq!(permit.cosigners(), keys);
}

#[test]
fn each_broken_rule_has_its_code() {
    let policy = policy();
    let sound = ask(&policy, price("1"));
    let deny = |change: &dyn Fn(&mut Ask), want: &str| {
        let mut changed = sound.clone();
        change(&mut changed);
        assert_eq!(code(&policy, &changed, &both(&changed), &Spent::default()), want);
    };
    deny(&|_| (), "permitted");
    deny(&|ask| ask.policy = digest(9), "policy_changed");
    deny(&|ask| ask.project = "other".to_owned(), "unknown_project");
    deny(&|ask| ask.researcher = "sato".to_owned(), "not_in_project");
    deny(&|ask| ask.expires = date(2026, 11, 21), "expired");
    deny(&|ask| ask.expires = TODAY, "permitted");
    deny(&|ask| ask.columns.push(("checkup".to_owned(), "weight_kg".to_owned())), "column_not_allowed");
    deny(&|ask| ask.columns.push(("claim".to_owned(), "hba1c".to_owned())), "column_not_allowed");
    deny(&|ask| ask.columns.push(("person".to_owned(), "sex".to_owned())), "permitted");
    // Whether a person has rows at all: in the tables that the project may read, in no others.
    deny(&|ask| ask.columns.push(("checkup".to_owned(), "person_id".to_owned())), "permitted");
    deny(&|ask| ask.columns.push(("claim".to_owned(), "person_id".to_owned())), "column_not_allowed");
    deny(&|ask| ask.price = price("3.000000000001"), "budget_room");
    let gaussian =
        Price::zcdp("1".parse().unwrap(), "0.000001".parse().unwrap(), "0.01".parse().unwrap(), "0".parse().unwrap());
    deny(&|ask| ask.price = gaussian.unwrap(), "account");
}

#[test]
fn days_belong_at_both_ends() {
    let policy = policy();
    let mut ask = ask(&policy, price("1"));
    ask.expires = date(2030, 1, 1);
    let on = |day| match decide(&policy, &ask, &both(&ask), &Spent::default(), day, &Simple) {
        Ok(_) => "permitted",
        Err(denial) => denial.code(),
    };
    assert_eq!(on(date(2026, 4, 30)), "project_dates");
    assert_eq!(on(date(2026, 5, 1)), "permitted");
    assert_eq!(on(date(2026, 12, 31)), "permitted");
    assert_eq!(on(date(2027, 1, 1)), "project_dates");

    // The researcher's card ends before the project does.
    let rin = common::card("rin", "researcher", 'E');
    let short = text("pure", "3", "0").replace(&rin, &rin.replace("2027-03-31", "2026-11-21"));
    let policy = parse(&short).unwrap();
    let request = common::ask(&policy, price("1"));
    assert_eq!(code(&policy, &request, &both(&request), &Spent::default()), "card_invalid");
    // A steward's card ended: the approval does not count.
    let mori = common::card("mori", "steward", 'C');
    let short = text("pure", "3", "0").replace(&mori, &mori.replace("2027-03-31", "2026-11-21"));
    let policy = parse(&short).unwrap();
    let request = common::ask(&policy, price("1"));
    assert_eq!(code(&policy, &request, &both(&request), &Spent::default()), "approvals_missing");
}

#[test]
fn approvals_are_of_distinct_stewards_on_this_very_request() {
    let policy = policy();
    let ask = ask(&policy, price("1"));
    let judge = |approvals: &[Approval]| code(&policy, &ask, approvals, &Spent::default());
    let yes = |name: &str| verdict(&ask, name, true);
    assert_eq!(judge(&[]), "approvals_missing");
    assert_eq!(judge(&[yes("sato")]), "approvals_missing");
    assert_eq!(judge(&[yes("sato"), yes("sato")]), "approvals_missing");
    assert_eq!(judge(&[yes("sato"), yes("rin")]), "approvals_missing");
    assert_eq!(judge(&[yes("sato"), yes("kenpo")]), "approvals_missing");
    assert_eq!(judge(&[yes("sato"), yes("nobody")]), "approvals_missing");
    assert_eq!(judge(&[yes("sato"), yes("hara")]), "permitted");
    // One no denies, until that steward changes it; somebody else's no to another request is nothing.
    let no = verdict(&ask, "hara", false);
    assert_eq!(judge(&[yes("sato"), yes("mori"), no.clone()]), "rejected");
    assert_eq!(judge(&[yes("sato"), yes("mori"), no.clone(), yes("hara")]), "permitted");
    assert_eq!(judge(&[yes("sato"), yes("mori"), yes("hara"), no.clone()]), "rejected");
    let elsewhere = Approval { request: digest(8), ..no };
    assert_eq!(judge(&[yes("sato"), yes("mori"), elsewhere]), "permitted");
    // Everything that the steward saw must be what runs.
    let changes: [&dyn Fn(&mut Approval); 5] = [
        &|verdict| verdict.request = digest(7),
        &|verdict| verdict.plan = digest(7),
        &|verdict| verdict.policy = digest(7),
        &|verdict| verdict.price = price("0.9"),
        &|verdict| verdict.expires = date(2026, 12, 2),
    ];
    for change in changes {
        let mut other = yes("mori");
        change(&mut other);
        assert_eq!(judge(&[yes("sato"), other]), "approvals_missing");
    }
}

#[test]
fn a_card_that_asks_and_approves_never_approves_itself() {
    // Two cards of one name can't exist, and a steward's card can't be listed as a researcher's.
    let twice = text("pure", "3", "0").replace("researchers = [\"rin\"]", "researchers = [\"rin\", \"sato\"]");
    let error = parse(&twice).unwrap_err();
    assert!(error.message.contains("steward"), "{error}");
}

#[test]
fn caps_nest_and_the_message_states_what_remains() {
    let wide = text("pure", "3", "0").replacen("budget = { epsilon = \"3\"", "budget = { epsilon = \"9\"", 1);
    let policy =
        parse(&wide.replace("researcher_budget = { epsilon = \"3\"", "researcher_budget = { epsilon = \"2\"")).unwrap();
    let asked = ask(&policy, price("1"));
    let charged = |count: usize| (0..count).fold(Account::default(), |account, _| account.charge(&price("1").charge()));
    let level = |room, project, researcher| {
        let spent =
            Spent { room: charged(room), project: charged(project), researcher: charged(researcher), entries: 0 };
        decide(&policy, &asked, &both(&asked), &spent, TODAY, &Simple).map(|_| ())
    };
    assert_eq!(level(8, 2, 1), Ok(()));
    let levels = [((9, 2, 1), Level::Room), ((8, 3, 1), Level::Project), ((8, 2, 2), Level::Researcher)];
    for ((room, project, researcher), want) in levels {
        let denial = level(room, project, researcher).unwrap_err();
        assert!(matches!(&denial, Denial::Budget { level, .. } if *level == want), "{denial}");
    }
    let denial = level(8, 2, 2).unwrap_err();
    assert_eq!(denial.code(), "budget_researcher");
    assert_eq!(
        denial.to_string(),
        "the researcher's budget does not hold this request: it asks for ε = 1, ε = 0 of 2 remains (spent: 2). Released answers can be read again for free"
    );
}

#[test]
fn delta_of_an_answer_stays_below_the_caps() {
    let policy = parse(&text("zcdp", "3", "0.000001")).unwrap();
    let rho = "0.001".parse().unwrap();
    let gaussian =
        |delta: &str| Price::zcdp("1".parse().unwrap(), delta.parse().unwrap(), rho, "0".parse().unwrap()).unwrap();
    let judge = |price| {
        let ask = ask(&policy, price);
        code(&policy, &ask, &both(&ask), &Spent::default())
    };
    assert_eq!(judge(gaussian("0.000001")), "permitted");
    assert_eq!(judge(gaussian("0.000001000000000001")), "delta_too_large");
    assert_eq!(judge(price("1")), "permitted");
}

#[test]
fn misspelt_columns_are_told() {
    let catalogue = datasets::catalogue::Catalogue::builtin().unwrap();
    assert_eq!(policy().unknown_columns(&catalogue), []);
    let misspelt = text("pure", "3", "0").replace("\"hba1c\"", "\"hba1C\"");
    let unknown = parse(&misspelt).unwrap().unknown_columns(&catalogue);
    let expected = ["walking", "checkup", "hba1C"].map(str::to_owned);
    assert_eq!(unknown, [expected.into()]);

    // With the spot, what may have been meant, and the command that lists what there is.
    assert_eq!(policy().check_columns(&catalogue), Ok(()));
    let place = misspelt.lines().enumerate().find_map(|(n, line)| Some((n + 1, line.find("\"hba1C\"")? + 1)));
    let error = parse(&misspelt).unwrap().check_columns(&catalogue).unwrap_err();
    assert_eq!(Some((error.line, error.column)), place);
    assert_eq!(error.help, "did you mean `hba1c`? `sudare schema --table checkup` lists its columns");
    let table = text("pure", "3", "0").replace("person = [\"sex\"]", "persn = [\"sex\"]");
    let error = parse(&table).unwrap().check_columns(&catalogue).unwrap_err();
    assert!(error.message.contains("persn") && error.help.contains("`person`"), "{error}");
}

#[test]
fn the_rule_of_columns_is_one() {
    let policy = policy();
    let project = policy.project("walking").unwrap();
    let pairs =
        [("checkup", "hba1c"), ("checkup", "person_id"), ("checkup", "weight_kg"), ("claim", "person_id"), ("", "")];
    assert_eq!(pairs.map(|(table, column)| project.may_read(table, column)), [true, true, false, false, false]);
    // What `may_read` says is what `decide` does.
    for (table, column) in pairs {
        let mut ask = ask(&policy, price("1"));
        ask.columns = vec![(table.to_owned(), column.to_owned())];
        let permitted = code(&policy, &ask, &both(&ask), &Spent::default()) == "permitted";
        assert_eq!(permitted, project.may_read(table, column), "{table}.{column}");
    }
    // A table that is listed without columns is not allowed.
    let none = parse(&text("pure", "3", "0").replace("person = [\"sex\"]", "person = []")).unwrap();
    assert!(!none.project("walking").unwrap().may_read("person", "person_id"));
}

#[test]
fn the_permit_names_whose_approval_counted() {
    let policy = policy();
    let ask = ask(&policy, price("1"));
    let mut dearer = verdict(&ask, "hara", true);
    dearer.price = price("2");
    let strangers = [verdict(&ask, "rin", true), verdict(&ask, "kenpo", true)];
    let approvals = [&both(&ask)[..], &both(&ask), &[dearer], &strangers].concat();
    let permit = decide(&policy, &ask, &approvals, &Spent::default(), TODAY, &Simple).unwrap();
    assert_eq!(permit.approvers(), ["sato", "mori"]);
}
