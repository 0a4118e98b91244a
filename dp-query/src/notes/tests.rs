#![allow(clippy::unwrap_used, clippy::panic)]

use audit_log::Signer;
use policies::Epsilon;
use proptest::prelude::*;

use super::*;

const DAY: Date = jiff::civil::date(2026, 12, 31);

fn request(question: &str) -> Request {
    let digest = |byte| Digest::from_bytes([byte; 32]);
    let price = Price::pure("0.5".parse().unwrap()).unwrap();
    Request::new("room.example/a", "walking", "rin", digest(1), digest(2), price, DAY, [3; 32], question).unwrap()
}

#[test]
fn the_text_is_as_documented() {
    let (one, two, three) = ("01".repeat(32), "02".repeat(32), "03".repeat(32));
    let request = request("SELECT\t1\r\n\r\nFROM person\n");
    let text = format!(
        "sudare-request/v1\nroom: room.example/a\nproject: walking\nresearcher: rin\nplan: {one}\npolicy: {two}\naccount: pure\nepsilon: 0.5\ndelta: 0\nrho: 0.125\nfailure: 0\nexpires: 2026-12-31\nnonce: {three}\nquestion:\n| SELECT    1\n| \n| FROM person\n"
    );
    assert_eq!(request.to_text(), text);
    assert_eq!(request.question(), "SELECT    1\n\nFROM person");
    assert_eq!(Request::parse(&text).unwrap(), request);
    let verdict = request.verdict("sato", true).unwrap();
    let id = request.id();
    let text = format!(
        "sudare-verdict/v1\nroom: room.example/a\nproject: walking\nrequest: {id}\nsteward: sato\nverdict: approve\nplan: {one}\npolicy: {two}\naccount: pure\nepsilon: 0.5\ndelta: 0\nrho: 0.125\nfailure: 0\nexpires: 2026-12-31\n"
    );
    assert_eq!(verdict.to_text(), text);
    assert_eq!(Verdict::parse(&text).unwrap(), verdict);
}

#[test]
fn a_second_spelling_is_refused() {
    let request = request("SELECT 1");
    let text = request.to_text();
    let verdict = request.verdict("sato", false).unwrap().to_text();
    for (from, to) in [
        ("epsilon: 0.5\n", "epsilon: 0.50\n"),
        ("epsilon: 0.5\n", "epsilon: 00.5\n"),
        ("rho: 0.125\n", "rho: 0.124\n"),
        ("delta: 0\n", "delta: 0.1\n"),
        ("account: pure\n", "account: zcdp\n"),
        ("account: pure\n", "account:  pure\n"),
        ("account: pure\n", "account: pure\naccount: pure\n"),
        ("room: ", "rooms: "),
        ("room: room.example/a\n", "room: \n"),
        ("plan: 01", "plan: 0A"),
        ("expires: 2026-12-31\n", "expires: 2026-12-3\n"),
        ("expires: 2026-12-31\n", "expires: 2026-12-32\n"),
        ("expires: 2026-12-31\n", "expires: 20261231\n"),
        ("v1\n", "v2\n"),
        ("v1\n", "v1\n\n"),
        ("v1\n", "v1\r\n"),
    ] {
        assert!(text.contains(from) && verdict.contains(from), "{from}");
        assert!(Request::parse(&text.replacen(from, to, 1)).is_err(), "{to}");
        assert!(Verdict::parse(&verdict.replacen(from, to, 1)).is_err(), "{to}");
    }
    assert!(Request::parse(text.trim_end()).is_err());
    assert!(Request::parse(&format!("{text}x\n")).is_err());
    assert!(Request::parse(&format!("{text}| \n")).is_err());
    assert!(Verdict::parse(&format!("{verdict}\n")).is_err());
    assert!(Verdict::parse(&verdict.replace("verdict: reject", "verdict: maybe")).is_err());
    // One kind never passes for the other.
    assert!(Request::parse(&verdict).is_err());
    assert!(Verdict::parse(&text).is_err());
}

#[test]
fn questions_have_limits() {
    let again = |question: &str| {
        let old = request("SELECT 1");
        Request::new("r", "p", "x", old.plan, old.policy, old.price, DAY, [0; 32], question)
    };
    for wrong in ["", " \n ", "SELECT \u{1}", "SELECT \r 1", &"x".repeat(QUESTION_LIMIT + 1)] {
        assert_eq!(again(wrong).unwrap_err(), NotesError::Question);
    }
    assert!(again(&"x".repeat(QUESTION_LIMIT)).is_ok());
    let old = request("SELECT 1");
    let named = |name: &str| Request::new("r", name, "x", old.plan, old.policy, old.price, DAY, [0; 32], "SELECT 1");
    for wrong in ["", "a b", "a\nb", "a\u{3000}b"] {
        assert_eq!(named(wrong).unwrap_err(), NotesError::Name("the project"));
    }
}

#[test]
fn only_the_named_key_opens() {
    let (rin, mori) = (Signer::from_seed("rin", &[1; 32]).unwrap(), Signer::from_seed("rin", &[2; 32]).unwrap());
    let request = request("SELECT 1");
    let signed = rin.sign(&request.to_text()).unwrap();
    assert_eq!(Request::open(&signed, &rin.verifier()).unwrap(), request);
    assert!(Request::open(&signed, &mori.verifier()).is_err());
    let cheaper = signed.replace("epsilon: 0.5", "epsilon: 0.4").replace("rho: 0.125", "rho: 0.08");
    assert!(matches!(Request::open(&cheaper, &rin.verifier()), Err(NotesError::Signature(_))));
    assert_eq!(unverified_text(&signed), request.to_text());
    assert_eq!(unverified_text("no note"), "");
}

proptest! {
    #[test]
    fn every_request_is_read_again(question in "[ -~\n\tあ-ん]{1,300}", name in "[^\\s\\pC]{1,20}", bytes in any::<[u8; 32]>(), units in 1u128..1_000_000_000_000_000) {
        let price = Price::pure(Epsilon::from_units(units)).unwrap();
        let digest = Digest::from_bytes(bytes);
        let made = Request::new(&name, &name, &name, digest, digest, price, DAY, bytes, &question);
        prop_assume!(!question.trim().is_empty());
        let made = made.unwrap();
        prop_assert_eq!(&Request::parse(&made.to_text()).unwrap(), &made);
        let verdict = made.verdict(&name, true).unwrap();
        prop_assert_eq!(Verdict::parse(&verdict.to_text()).unwrap(), verdict);
    }

    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,300}") {
        let _ = Request::parse(&text);
        let _ = Verdict::parse(&text);
        let _ = unverified_text(&text);
    }
}

#[test]
fn public_files_are_signed_with_the_question() {
    let file = |name: &str, text: &str| crate::PublicFile { name: name.to_owned(), text: text.to_owned() };
    let plain = request("SELECT 1");
    let with = |files: &[crate::PublicFile]| request("SELECT 1").with_public(files);
    let found =
        with(&[file("b.csv", "yj,class\n1124,\"a \"\"b\"\"\"\n"), file("a.csv", "x\n\npublic: c.csv\n| 1")]).unwrap();
    let text = found.to_text();
    assert!(text.ends_with("| SELECT 1\npublic: a.csv\n| x\n| \n| public: c.csv\n| | 1\npublic: b.csv\n| yj,class\n| 1124,\"a \"\"b\"\"\"\n| \n"), "{text}");
    let read = Request::parse(&text).unwrap();
    assert_eq!(read, found);
    assert_eq!(read.public().last().unwrap().text, "yj,class\n1124,\"a \"\"b\"\"\"\n");
    assert_ne!(found.id(), plain.id());
    assert_eq!(with(&[]).unwrap(), plain);
    for (wrong, why) in [
        (vec![file("a b.csv", "x\n")], "a space in the name"),
        (vec![file("", "x\n")], "no name"),
        (vec![file("a.csv", "")], "empty"),
        (vec![file("a.csv", "x\r\n")], "carriage return"),
        (vec![file("a.csv", "x\n"), file("a.csv", "y\n")], "twice"),
        (vec![file("a.csv", &"é,".repeat(25_000))], "too large"),
    ] {
        assert!(with(&wrong).is_err(), "{why}");
    }
    for (from, to) in [
        ("public: a.csv\n", "public: a.csv \n"),
        ("public: b.csv", "public: a.csv"),
        ("public: a.csv\n| x", "public: z.csv\n| x"),
    ] {
        assert!(Request::parse(&text.replace(from, to)).is_err(), "{to}");
    }
}
