#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use audit_log::Signer;
use policies::{Ask, Digest, Price};

use super::*;
use crate::mechanism::OpenDp;
use crate::plan::Plan;
use crate::run::finish;
use crate::run::fixture::{ORIGIN, Room, SNAPSHOT, TIME, count, options, priced};

const SLOT: &str = "2026-11-22T10:05:00+09:00";

/// A room with one released answer: (room, answer's bytes, entries of policy, request, verdicts, intent, release).
struct Released {
    room: Room,
    bytes: Vec<u8>,
    /// On the head that sato and mori co-signed before anything was computed.
    intent: Receipt,
    release: u64,
}

impl Released {
    fn new() -> Self {
        Self::of(Room::new(), &[0, 1])
    }

    /// With these stewards' co-signatures on the head that holds the release.
    fn of(mut room: Room, stewards: &[usize]) -> Self {
        let plan = count(options("0.5"));
        let (_, permit, intent) = room.charged(&plan, &priced(&plan), 1);
        Self::after(room, &plan, permit.ask(), intent, stewards)
    }

    /// Answered and released after this charge.
    fn after(mut room: Room, plan: &Plan, ask: &Ask, intent: Receipt, stewards: &[usize]) -> Self {
        let origin = Origin {
            room: ORIGIN.to_owned(),
            project: ask.project.clone(),
            researcher: ask.researcher.clone(),
            request: ask.request,
            plan: ask.plan,
            policy: ask.policy,
            snapshot: SNAPSHOT.to_owned(),
            intent: intent.index(),
            price: ask.price,
        };
        let exact = vec![vec![100], vec![200], vec![0]];
        let unreleased = finish(origin, plan, &priced(plan), exact, &mut OpenDp).unwrap();
        let event = Event::Release {
            intent: intent.index(),
            request: ask.request.to_string(),
            answer: unreleased.digest(),
            slot: SLOT.to_owned(),
        };
        let release = room.append(&event);
        room.checkpoint(stewards);
        Self { bytes: unreleased.to_bytes().to_vec(), room, intent, release }
    }

    fn unreleased(&self) -> Unreleased {
        Unreleased::from_bytes(&self.bytes).unwrap()
    }

    /// Entries: 0 policy, 1 request, 2 and 3 verdicts, 4 intent, 5 release.
    fn file(&self) -> ReleaseFile {
        self.file_with(&[2, 3])
    }

    fn file_with(&self, verdicts: &[u64]) -> ReleaseFile {
        let receipt = |index: u64| self.room.receipt(index);
        let release = self.unreleased().open(&receipt(self.release)).unwrap();
        let (policy, request) = (receipt(0), receipt(1));
        let intent = self.intent.clone();
        let verdicts: Vec<Receipt> = verdicts.iter().map(|index| receipt(*index)).collect();
        let trail = Trail {
            policy: &policy,
            request: &request,
            verdicts: &verdicts,
            intent: &intent,
            release: &receipt(self.release),
        };
        ReleaseFile::new(&release, &self.room.text, &trail)
    }

    fn verify(&self, file: &ReleaseFile) -> Result<Verified, VerifyError> {
        verify(&file.to_bytes().unwrap(), &self.room.log.verifier())
    }
}

#[test]
fn no_receipt_no_release() {
    let released = Released::new();
    let answer = released.unreleased();
    assert_eq!(answer.to_bytes(), released.bytes);
    assert!(!format!("{answer:?}").contains("value"));
    // Other events of the same log open nothing.
    for index in 0..5 {
        let receipt = released.room.receipt(index);
        assert_eq!(released.unreleased().open(&receipt).unwrap_err(), ReleaseError::NotARelease);
    }
    let receipt = released.room.receipt(released.release);
    let release = released.unreleased().open(&receipt).unwrap();
    assert_eq!((release.bytes(), release.slot()), (released.bytes.as_slice(), SLOT));
    assert_eq!(release.answer().cells.len(), 3);
    // One byte of white space is another answer.
    let mut spaced = released.bytes.clone();
    spaced.push(b' ');
    let other = Unreleased::from_bytes(&spaced).unwrap();
    assert_eq!(other.open(&receipt).unwrap_err(), ReleaseError::Other("the answer"));
    assert_eq!(Unreleased::from_bytes(b"{}").unwrap_err(), ReleaseError::Format);
    let text = String::from_utf8(released.bytes.clone()).unwrap();
    let later = text.replace("sudare-answer/1", "sudare-answer/2");
    assert_eq!(Unreleased::from_bytes(later.as_bytes()).unwrap_err(), ReleaseError::Format);
    let extra = text.replacen('{', "{\"exact\":1,", 1);
    assert_eq!(Unreleased::from_bytes(extra.as_bytes()).unwrap_err(), ReleaseError::Format);
}

#[test]
fn a_release_of_another_intent_or_request_opens_nothing() {
    let mut released = Released::new();
    let answer = released.unreleased();
    let event =
        |intent, request: String| Event::Release { intent, request, answer: answer.digest(), slot: SLOT.to_owned() };
    // Another charge of the same request, and another request's name on this charge.
    let intent = released.room.log.entries()[4].event.clone();
    let second = released.room.append(&intent);
    let elsewhere = released.room.append(&event(second, answer.request().to_string()));
    let renamed = released.room.append(&event(answer.intent(), "00".repeat(32)));
    released.room.checkpoint(&[]);
    for (index, what) in [(elsewhere, "the intent"), (renamed, "the request")] {
        let receipt = released.room.receipt(index);
        assert_eq!(answer.clone().open(&receipt).unwrap_err(), ReleaseError::Other(what));
    }
}

#[test]
fn a_release_file_verifies_with_the_log_key_alone() {
    let released = Released::new();
    let verified = released.verify(&released.file()).unwrap();
    assert_eq!(verified.answer, *released.unreleased().open(&released.room.receipt(5)).unwrap().answer());
    assert_eq!((verified.slot.as_str(), verified.question.as_str()), (SLOT, "SELECT 1"));
    assert_eq!((verified.stewards, verified.cosigned), (vec!["sato".to_owned(), "mori".to_owned()], 2));
    assert_eq!((verified.charged.as_str(), verified.released.as_str()), (TIME, TIME));
    let stranger = Signer::from_seed(ORIGIN, &[8; 32]).unwrap().verifier();
    let bytes = released.file().to_bytes().unwrap();
    assert_eq!(verify(&bytes, &stranger).unwrap_err(), VerifyError::Proof("policy"));
    assert!(matches!(verify(b"{}", &stranger), Err(VerifyError::Format { .. })));
}

#[test]
fn each_change_to_a_release_file_is_noticed() {
    let released = Released::new();
    let denied = |change: &dyn Fn(&mut ReleaseFile)| {
        let mut file = released.file();
        change(&mut file);
        released.verify(&file).unwrap_err()
    };
    let answer = |from: &'static str, to: &'static str| {
        denied(&move |file| {
            assert!(file.answer.contains(from), "{from}");
            file.answer = file.answer.replacen(from, to, 1);
        })
    };
    let other = VerifyError::Answer(ReleaseError::Other("the answer"));
    assert_eq!(answer("\"value\":", "\"value\":1"), other);
    assert_eq!(answer("suppressed", "released"), other);
    assert_eq!(answer("\"rin\"", "\"ran\""), other);
    assert!(matches!(denied(&|file| file.format.push('x')), VerifyError::Format { .. }));
    assert_eq!(denied(&|file| file.policy.push_str("#\n")), VerifyError::Differs("the policy"));
    assert!(matches!(denied(&|file| file.policy.push('[')), VerifyError::Policy(_)));
    // Entries under the proofs of others, changed entries, changed proofs.
    assert_eq!(denied(&|file| file.intent.entry = file.request.entry.clone()), VerifyError::Proof("intent"));
    assert_eq!(
        denied(&|file| file.intent.entry = file.intent.entry.replace("0.5", "0.4")),
        VerifyError::Proof("intent")
    );
    assert_eq!(denied(&|file| file.request.proof = file.intent.proof.clone()), VerifyError::Proof("request"));
    assert_eq!(denied(&|file| file.verdicts[0].proof.truncate(40)), VerifyError::Proof("verdict"));
    // Sound entries in the wrong place.
    assert_eq!(denied(&|file| file.intent = file.request.clone()), VerifyError::Kind("intent"));
    assert_eq!(denied(&|file| file.policy_event = file.request.clone()), VerifyError::Kind("policy"));
    assert_eq!(denied(&|file| file.request = file.intent.clone()), VerifyError::Kind("request"));
    assert_eq!(denied(&|file| file.release = file.intent.clone()), VerifyError::Answer(ReleaseError::NotARelease));
    // Fewer stewards, one twice, none.
    let missing =
        |error: VerifyError| matches!(&error, VerifyError::Denied(denial) if denial.code() == "approvals_missing");
    assert!(missing(denied(&|file| file.verdicts.truncate(1))));
    let twice = VerifyError::Verdict { steward: "sato".to_owned(), why: "is not the only one in the file" };
    assert_eq!(denied(&|file| file.verdicts[1] = file.verdicts[0].clone()), twice);
    assert_eq!(denied(&|file| file.verdicts.push(file.verdicts[0].clone())), twice);
    assert!(missing(denied(&|file| file.verdicts.clear())));
}

#[test]
fn a_charge_that_nobody_co_signed_is_not_believed() {
    let released = Released::new();
    let mut file = released.file();
    // The cosignatures are lines of the checkpoint in the proof: the last two.
    let lines: Vec<&str> = file.intent.proof.lines().collect();
    let proof = format!("{}\n", lines[..lines.len() - 1].join("\n"));
    file.intent.proof = proof;
    assert_eq!(released.verify(&file).unwrap_err(), VerifyError::Cosignatures { given: 1, needed: 2 });
}

#[test]
fn a_rejection_in_the_file_denies_it_and_late_verdicts_are_noticed() {
    let mut room = Room::new();
    let plan = count(options("0.5"));
    let quote = priced(&plan);
    let request = room.request(&plan, *quote.price(), 1);
    room.submit(&request);
    room.judge(&request, 0, true);
    // The operator charges before the second steward has spoken, with a permit that decide would never give.
    let ask = room.docket().ask(&request.id(), &plan).unwrap();
    let intent = room.append(&Room::intent(&ask));
    room.judge(&request, 1, true);
    let origin = Origin {
        room: ORIGIN.to_owned(),
        project: ask.project.clone(),
        researcher: ask.researcher.clone(),
        request: ask.request,
        plan: ask.plan,
        policy: ask.policy,
        snapshot: SNAPSHOT.to_owned(),
        intent,
        price: ask.price,
    };
    let unreleased = finish(origin, &plan, &quote, vec![vec![100]; 3], &mut OpenDp).unwrap();
    let release = room.append(&Event::Release {
        intent,
        request: request.id().to_string(),
        answer: unreleased.digest(),
        slot: SLOT.to_owned(),
    });
    room.checkpoint(&[0, 1]);
    let receipt = |index| room.receipt(index);
    let opened = unreleased.open(&receipt(release)).unwrap();
    let verdicts = [receipt(2), receipt(4)];
    let trail = Trail {
        policy: &receipt(0),
        request: &receipt(1),
        verdicts: &verdicts,
        intent: &receipt(3),
        release: &receipt(release),
    };
    let file = ReleaseFile::new(&opened, &room.text, &trail);
    let error = verify(&file.to_bytes().unwrap(), &room.log.verifier()).unwrap_err();
    assert!(matches!(error, VerifyError::Order(_)), "{error}");
}

#[test]
fn an_answer_belongs_to_its_charge_alone() {
    type Change = fn(&mut Origin);
    let released = Released::new();
    assert_eq!(released.unreleased().belongs(&released.intent), Ok(()));
    assert_eq!(released.unreleased().belongs(&released.room.receipt(1)), Err(ReleaseError::NotACharge));
    // Whoever can write into the room's folder can seal another answer in this one's place: of another time, plan, snapshot, price.
    let changes: [(&str, Change); 9] = [
        ("the room", |origin| origin.room.push('b')),
        ("the intent", |origin| origin.intent += 1),
        ("the request", |origin| origin.request = Digest::from_bytes([7; 32])),
        ("the project", |origin| origin.project = "else".to_owned()),
        ("the researcher", |origin| origin.researcher = "ran".to_owned()),
        ("the plan", |origin| origin.plan = Digest::from_bytes([7; 32])),
        ("the snapshot", |origin| origin.snapshot = "bb".repeat(32)),
        ("the policy", |origin| origin.policy = Digest::from_bytes([7; 32])),
        ("epsilon", |origin| origin.price = Price::pure("0.4".parse().unwrap()).unwrap()),
    ];
    for (what, change) in changes {
        let mut answer: Answer = serde_json::from_slice(&released.bytes).unwrap();
        change(&mut answer.origin);
        let other = Unreleased::new(answer).unwrap();
        assert_eq!(other.belongs(&released.intent), Err(ReleaseError::Charge(what)));
    }
    let mut answer: Answer = serde_json::from_slice(&released.bytes).unwrap();
    let (epsilon, delta) = ("0.5".parse().unwrap(), "0.000001".parse().unwrap());
    answer.origin.price = Price::zcdp(epsilon, delta, "0.125".parse().unwrap(), "0".parse().unwrap()).unwrap();
    let gaussian = Unreleased::new(answer).unwrap();
    assert_eq!(gaussian.belongs(&released.intent), Err(ReleaseError::Charge("the account")));
}

#[test]
fn a_release_is_confirmed_by_stewards_who_co_sign_its_own_head() {
    for (stewards, given) in [(&[][..], 0), (&[1], 1), (&[0, 1], 2)] {
        let mut released = Released::of(Room::new(), stewards);
        let mut file = released.file();
        let verified = released.verify(&file).unwrap();
        assert_eq!((verified.cosigned, verified.release_cosigned, verified.cosignatures_needed), (2, given, 2));
        assert_eq!(verified.confirmed(), given == 2);
        // Co-signed later: the same file with the release's new receipt.
        released.room.checkpoint(&[0, 1]);
        file.confirm(&released.room.receipt(released.release)).unwrap();
        let bytes = file.to_bytes().unwrap();
        assert_eq!(ReleaseFile::from_bytes(&bytes).unwrap(), file);
        let confirmed = released.verify(&file).unwrap();
        assert!(confirmed.confirmed());
        assert_eq!((confirmed.answer, confirmed.slot), (verified.answer, verified.slot));
        assert_eq!(file.confirm(&released.intent), Err(ReleaseError::NotARelease));
    }
}

#[test]
fn who_has_no_valid_card_neither_approves_nor_co_signs() {
    let mut room = Room::with_expired_steward();
    let plan = count(options("0.5"));
    let request = room.request(&plan, *priced(&plan).price(), 1);
    room.submit(&request);
    for steward in 0..3 {
        room.judge(&request, steward, true);
    }
    let permit = room.permit(&request, &plan);
    let index = room.append(&Room::intent(permit.ask()));
    room.checkpoint(&[0, 2]);
    let half = room.receipt(index);
    room.checkpoint(&[0, 1]);
    let intent = room.receipt(index);
    let mut released = Released::after(room, &plan, permit.ask(), intent, &[1, 2]);
    let file = released.file_with(&[2, 3, 4]);
    let verified = released.verify(&file).unwrap();
    assert_eq!(verified.stewards, ["sato", "mori"]);
    assert_eq!((verified.cosigned, verified.release_cosigned), (2, 1));
    released.intent = half;
    let file = released.file_with(&[2, 3, 4]);
    assert_eq!(released.verify(&file).unwrap_err(), VerifyError::Cosignatures { given: 1, needed: 2 });
}

#[test]
fn verdicts_on_other_requests_have_no_place_in_a_release_file() {
    let mut room = Room::new();
    let plan = count(options("0.5"));
    let quote = priced(&plan);
    let request = room.request(&plan, *quote.price(), 1);
    let other = room.request(&plan, *quote.price(), 2);
    room.submit(&request);
    room.judge(&request, 0, true);
    room.judge(&request, 1, true);
    // sato's yes to another request of the same plan.
    let elsewhere = room.judge(&other, 0, true);
    let permit = room.permit(&request, &plan);
    let index = room.append(&Room::intent(permit.ask()));
    room.checkpoint(&[0, 1]);
    let intent = room.receipt(index);
    let released = Released::after(room, &plan, permit.ask(), intent, &[0, 1]);
    assert!(released.verify(&released.file_with(&[2, 3])).is_ok());
    let foreign = VerifyError::Verdict { steward: "sato".to_owned(), why: "is on another request" };
    for verdicts in [&[2, 3, elsewhere][..], &[elsewhere, 3], &[elsewhere, 2, 3]] {
        assert_eq!(released.verify(&released.file_with(verdicts)).unwrap_err(), foreign);
    }
}
