#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use audit_log::Signer;
use policies::{Price, decide};

use super::*;
use crate::accountant::OpenDpAccountant;
use crate::run::fixture::{ORIGIN, Room, SNAPSHOT, TODAY, count, options, priced};
use audit_log::KeyVerdict;

fn epsilon(account: &Account) -> String {
    account.pure().unwrap().to_string()
}

#[test]
fn a_request_goes_its_way() {
    let mut room = Room::new();
    let plan = count(options("0.5"));
    let price = *priced(&plan).price();
    let request = room.request(&plan, price, 1);
    let id = request.id();
    assert_eq!(room.docket().request(&id), None);
    assert_eq!(room.docket().ask(&id, &plan), Err(DocketError::Unknown));
    room.submit(&request);
    assert_eq!(room.docket().request(&id).unwrap().state(), State::Submitted);
    room.judge(&request, 0, false);
    assert_eq!(room.docket().request(&id).unwrap().state(), State::Rejected);
    room.judge(&request, 0, true);
    room.judge(&request, 1, true);
    let docket = room.docket();
    assert_eq!(docket.request(&id).unwrap().state(), State::Submitted);
    assert_eq!(docket.approvals(&id).len(), 3);
    assert_eq!(docket.spent("walking", "rin").room, Account::default());

    let permit = room.permit(&request, &plan);
    assert_eq!(permit.entries(), docket.entries());
    let intent = room.append(&Room::intent(permit.ask()));
    let docket = room.docket();
    let spent = docket.spent("walking", "rin");
    // Charged from the intent on, at all levels; not to others.
    assert_eq!([spent.room, spent.project, spent.researcher].map(|account| epsilon(&account)), ["0.5", "0.5", "0.5"]);
    let other = docket.spent("walking", "ran");
    assert_eq!((epsilon(&other.project), epsilon(&other.researcher)), ("0.5".to_owned(), "0".to_owned()));
    let other = docket.spent("else", "rin");
    assert_eq!(
        (epsilon(&other.room), epsilon(&other.project), epsilon(&other.researcher)),
        ("0.5".to_owned(), "0".to_owned(), "0".to_owned())
    );
    assert_eq!(docket.request(&id).unwrap().state(), State::Charged);
    assert_eq!(docket.unfinished().count(), 1);
    assert_eq!(docket.repeat(&request.plan(), "walking", SNAPSHOT), None);

    let release = Event::Release {
        intent,
        request: id.to_string(),
        answer: "ab".repeat(32),
        slot: "2026-11-22T10:05:00+09:00".to_owned(),
    };
    room.append(&release);
    let docket = room.docket();
    assert_eq!(docket.request(&id).unwrap().state(), State::Released);
    assert_eq!(docket.unfinished().count(), 0);
    assert_eq!(docket.spent("walking", "rin").room, spent.room);
    assert_eq!(docket.repeat(&request.plan(), "walking", SNAPSHOT).unwrap().1.index, intent);
    assert_eq!(docket.repeat(&request.plan(), "else", SNAPSHOT), None);
    assert_eq!(docket.repeat(&request.plan(), "walking", &"bb".repeat(32)), None);
    assert_eq!(docket.repeat(&request.policy(), "walking", SNAPSHOT), None);
    // A second release of the same intent is a contradiction.
    room.append(&release);
    let error = Docket::fold(room.log.entries(), &room.policy).unwrap_err();
    assert!(matches!(error, DocketError::Outcome { event: "release", .. }));
}

#[test]
fn failures_stay_charged() {
    let mut room = Room::new();
    let plan = count(options("2"));
    let (request, _, receipt) = room.charged(&plan, &priced(&plan), 1);
    room.append(&Event::Failure {
        intent: receipt.index(),
        request: request.id().to_string(),
        code: "engine".to_owned(),
        slot: "2026-11-22T10:05:00+09:00".to_owned(),
    });
    let docket = room.docket();
    assert_eq!(docket.request(&request.id()).unwrap().state(), State::Failed);
    assert_eq!(epsilon(&docket.spent("walking", "rin").room), "2");
    // The next one no longer fits: 2 + 2 > 3.
    let again = room.request(&plan, *priced(&plan).price(), 2);
    room.submit(&again);
    room.judge(&again, 0, true);
    room.judge(&again, 1, true);
    let docket = room.docket();
    let ask = docket.ask(&again.id(), &plan).unwrap();
    let denial = decide(
        &room.policy,
        &ask,
        &docket.approvals(&again.id()),
        &docket.spent("walking", "rin"),
        TODAY,
        &OpenDpAccountant,
    );
    assert_eq!(denial.unwrap_err().code(), "budget_room");
}

#[test]
fn what_is_not_signed_does_not_count() {
    let mut room = Room::new();
    let plan = count(options("0.5"));
    let price = *priced(&plan).price();
    let request = room.request(&plan, price, 1);
    let id = request.id().to_string();
    let stranger = Signer::from_seed("rin", &[77; 32]).unwrap();
    let text = request.to_text();
    // The right name, another key: filed, but it does not count.
    room.append(&Event::Request { request: id.clone(), note: stranger.sign(&text).unwrap() });
    assert_eq!(room.docket().request(&request.id()).unwrap().state(), State::Invalid(Fault::Signature));
    assert_eq!(room.docket().ask(&request.id(), &plan), Err(DocketError::Fault(Fault::Signature)));

    let request = room.request(&plan, price, 2);
    let id = request.id().to_string();
    let ignored = |room: &Room| room.docket().ignored().iter().map(|ignored| ignored.fault).collect::<Vec<_>>();
    // Another id than the text's; no request at all.
    let note = room.rin.sign(&request.to_text()).unwrap();
    room.append(&Event::Request { request: "00".repeat(32), note });
    let note = room.rin.sign("hello\n").unwrap();
    room.append(&Event::Request { request: id.clone(), note });
    assert_eq!(ignored(&room), [Fault::Identity, Fault::Text]);
    // A verdict before the request, by a non-steward, by a forger, on another id.
    room.judge(&request, 0, true);
    room.submit(&request);
    let of_rin = room.rin.sign(&request.verdict("rin", true).unwrap().to_text()).unwrap();
    room.append(&Event::Verdict { request: id.clone(), note: of_rin });
    let forged = stranger.sign(&request.verdict("sato", true).unwrap().to_text()).unwrap();
    room.append(&Event::Verdict { request: id.clone(), note: forged });
    let sound = room.stewards[0].sign(&request.verdict("sato", true).unwrap().to_text()).unwrap();
    room.append(&Event::Verdict { request: "00".repeat(32), note: sound.clone() });
    assert_eq!(ignored(&room)[2..], [Fault::Request, Fault::Card, Fault::Signature, Fault::Identity]);
    assert!(room.docket().approvals(&request.id()).is_empty());
    room.append(&Event::Verdict { request: id, note: sound });
    assert_eq!(room.docket().approvals(&request.id()).len(), 1);
}

#[test]
fn another_room_another_plan() {
    let mut room = Room::new();
    let plan = count(options("0.5"));
    let price = *priced(&plan).price();
    let digest = Digest::from_bytes(plan.digest().unwrap());
    let elsewhere = Request::new(
        "room.example/b",
        "walking",
        "rin",
        digest,
        room.policy.digest(),
        price,
        jiff::civil::date(2026, 12, 1),
        [1; 32],
        "SELECT 1",
    )
    .unwrap();
    room.submit(&elsewhere);
    assert_eq!(room.docket().ask(&elsewhere.id(), &plan), Err(DocketError::Fault(Fault::Room)));
    let request = room.request(&plan, price, 1);
    assert_eq!(request.room(), ORIGIN);
    room.submit(&request);
    assert_eq!(room.docket().ask(&request.id(), &count(options("0.6"))), Err(DocketError::Plan));
    let ask = room.docket().ask(&request.id(), &plan).unwrap();
    assert_eq!(ask.columns, plan.columns());
    assert_eq!((ask.price, ask.expires), (price, request.expires()));
}

#[test]
fn revoked_keys_sign_nothing_that_counts() {
    let mut room = Room::new();
    let plan = count(options("0.5"));
    let request = room.request(&plan, *priced(&plan).price(), 1);
    room.submit(&request);
    room.judge(&request, 0, true);
    let key = |signer: &Signer, verdict| Event::Key {
        name: "anything".to_owned(),
        role: "steward".to_owned(),
        verifier: signer.verifier_key(),
        recipient: "age1".to_owned(),
        verdict,
    };
    let event = key(&room.stewards[0], KeyVerdict::Revoked);
    room.append(&event);
    let docket = room.docket();
    assert!(docket.approvals(&request.id()).is_empty());
    assert_eq!(docket.ignored()[0].fault, Fault::Revoked);
    let event = key(&room.stewards[0], KeyVerdict::Added);
    room.append(&event);
    assert_eq!(room.docket().approvals(&request.id()).len(), 1);
    let event = key(&room.rin, KeyVerdict::Revoked);
    room.append(&event);
    assert_eq!(room.docket().request(&request.id()).unwrap().fault(), Some(Fault::Revoked));
}

#[test]
fn an_unsound_ledger_is_no_ledger() {
    let mut room = Room::new();
    let plan = count(options("0.5"));
    let (request, _, _) = room.charged(&plan, &priced(&plan), 1);
    let entries = room.log.entries().to_vec();
    let mut gap = entries.clone();
    gap.remove(1);
    assert_eq!(Docket::fold(&gap, &room.policy), Err(DocketError::Order { index: 2 }));
    let mut tail = entries.clone();
    tail.remove(0);
    assert_eq!(Docket::fold(&tail, &room.policy), Err(DocketError::Order { index: 1 }));
    // Finer than the ledger's unit: such a charge can't be summed.
    let Event::Intent { .. } = &entries.last().unwrap().event else { panic!() };
    let mut fine = entries.clone();
    if let Some(Event::Intent { epsilon, .. }) = fine.last_mut().map(|entry| &mut entry.event) {
        *epsilon = format!("0.{}1", "0".repeat(30));
    }
    assert!(matches!(Docket::fold(&fine, &room.policy), Err(DocketError::Charge { .. })));
    // Charged twice counts twice.
    let event = entries.last().unwrap().event.clone();
    room.append(&event);
    let docket = room.docket();
    assert_eq!(epsilon(&docket.spent("walking", "rin").room), "1");
    assert_eq!(docket.request(&request.id()).unwrap().intents().len(), 2);
    let price: &Price = request.price();
    assert_eq!(docket.request(&request.id()).unwrap().intents()[0].charge, price.charge());
}

#[test]
fn who_may_co_sign_has_a_valid_card_and_a_key_that_is_not_revoked() {
    let mut room = Room::with_expired_steward();
    let names = |room: &Room, day| -> Vec<String> {
        let keys = room.docket().cosigners(&room.policy, day);
        keys.iter().map(|key| key.name().to_owned()).collect()
    };
    // hara's card ended in June.
    assert_eq!(names(&room, TODAY), ["sato", "mori"]);
    assert_eq!(names(&room, jiff::civil::date(2026, 6, 30)), ["sato", "mori", "hara"]);
    assert!(names(&room, jiff::civil::date(2027, 4, 1)).is_empty());
    let key = |signer: &Signer, verdict| Event::Key {
        name: "anything".to_owned(),
        role: "steward".to_owned(),
        verifier: signer.verifier_key(),
        recipient: "age1".to_owned(),
        verdict,
    };
    let event = key(&room.stewards[0], KeyVerdict::Revoked);
    room.append(&event);
    assert_eq!(names(&room, TODAY), ["mori"]);
    // What a revoked key has co-signed does not count.
    room.checkpoint(&[0, 1]);
    let receipt = room.receipt(0);
    assert_eq!(receipt.cosigned_by(&room.docket().cosigners(&room.policy, TODAY)), 1);
    let event = key(&room.stewards[0], KeyVerdict::Added);
    room.append(&event);
    assert_eq!(names(&room, TODAY), ["sato", "mori"]);
}

#[test]
fn the_last_verdict_of_each_steward_stands() {
    let mut room = Room::new();
    let plan = count(options("0.5"));
    let request = room.request(&plan, *priced(&plan).price(), 1);
    room.submit(&request);
    let first = room.judge(&request, 0, true);
    let no = room.judge(&request, 0, false);
    let other = room.judge(&request, 1, true);
    let yes = room.judge(&request, 0, true);
    let docket = room.docket();
    let standing = |before| -> Vec<u64> {
        docket.request(&request.id()).unwrap().standing(before).map(|cast| cast.index).collect()
    };
    assert_eq!(standing(first), [] as [u64; 0]);
    assert_eq!(standing(no), [first]);
    assert_eq!(standing(yes), [no, other]);
    assert_eq!(standing(u64::MAX), [other, yes]);
}
