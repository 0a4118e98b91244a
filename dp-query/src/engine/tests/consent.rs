//! Consents and a policy's population: who counts, for whom, on which day; and that no question changes it.

use policies::{Population, Purpose, RecipientKind, WithoutConsent};

use super::fixture::Room;
use super::{DP, people};
use crate::run::fixture::population;

/// Positions in the closed lists, looked up by code.
pub(super) fn row(room: &Room, pid: u32, purpose: &str, recipient: &str, data: &str, rest: &str) {
    let at = |column: &str, code: &str| match &room.catalogue.column("consent", column).unwrap().ty {
        datasets::catalogue::ColumnType::Category { values } => values.iter().position(|v| v.code == code).unwrap(),
        _ => panic!("no category"),
    };
    room.insert(
        "consent",
        "pid, draw, purpose, recipient_kind, data_kind, allowed, from_date, until_date",
        &format!(
            "({pid}, 1, {}, {}, {}, {rest})",
            at("purpose", purpose),
            at("recipient_kind", recipient),
            at("data_kind", data)
        ),
    );
}

fn counted(room: &Room, question: &str, project: &Population) -> i128 {
    let plan = crate::check(question, &room.catalogue, project).unwrap_or_else(|refusal| panic!("{refusal}"));
    room.run(&plan)[0][0]
}

fn pharma() -> Population {
    Population { recipient_kind: RecipientKind::Pharma, ..population() }
}

fn opt_in() -> Population {
    Population { without_consent: WithoutConsent::Exclude, ..population() }
}

fn everybody() -> String {
    format!("{DP} COUNT(*) AS n FROM person")
}

#[test]
fn who_allows_academia_but_not_pharma_counts_in_one_answer_only() {
    let room = people();
    row(&room, 1, "any", "academia", "any", "TRUE, NULL, NULL");
    assert_eq!(counted(&room, &everybody(), &population()), 4);
    assert_eq!(counted(&room, &everybody(), &pharma()), 3);
    assert_eq!(counted(&room, &everybody(), &opt_in()), 1);
    assert_eq!(counted(&room, &everybody(), &Population { recipient_kind: RecipientKind::Pharma, ..opt_in() }), 0);
}

#[test]
fn a_refusal_wins_and_an_unknown_word_refuses_everything_and_permits_nothing() {
    let room = people();
    row(&room, 0, "any", "any", "any", "TRUE, NULL, NULL");
    row(&room, 0, "any", "academia", "any", "FALSE, NULL, NULL");
    row(&room, 1, "any", "other", "any", "FALSE, NULL, NULL");
    row(&room, 2, "other", "any", "any", "TRUE, NULL, NULL");
    // A refusal for others says nothing about academia.
    row(&room, 3, "any", "pharma", "any", "FALSE, NULL, NULL");
    assert_eq!(counted(&room, &everybody(), &population()), 1);
    assert_eq!(counted(&room, &everybody(), &pharma()), 1, "person 0 alone allows pharma");
}

#[test]
fn days_count_on_both_ends_and_what_has_run_out_is_no_permission() {
    // The day of these tests is 2026-11-22.
    for (from, until, counts) in [
        ("NULL", "DATE '2026-11-21'", 3),
        ("NULL", "DATE '2026-11-22'", 4),
        ("DATE '2026-11-22'", "NULL", 4),
        ("DATE '2026-11-23'", "NULL", 3),
    ] {
        let room = people();
        row(&room, 1, "any", "any", "any", &format!("TRUE, {from}, {until}"));
        assert_eq!(counted(&room, &everybody(), &population()), counts, "permission {from} {until}");
        let room = people();
        row(&room, 1, "any", "any", "any", &format!("FALSE, {from}, {until}"));
        assert_eq!(counted(&room, &everybody(), &population()), 7 - counts, "refusal {from} {until}");
    }
}

#[test]
fn wider_purposes_cover_narrower_ones() {
    let for_purpose = |purpose| Population { purpose, ..opt_in() };
    for (allowed, covers) in [
        ("GRU", &[Purpose::Gru, Purpose::Hmb, Purpose::Ds, Purpose::Poa][..]),
        ("HMB", &[Purpose::Hmb, Purpose::Ds]),
        ("DS", &[Purpose::Ds]),
        ("POA", &[Purpose::Poa]),
    ] {
        let room = people();
        row(&room, 1, allowed, "any", "any", "TRUE, NULL, NULL");
        for purpose in [Purpose::Gru, Purpose::Hmb, Purpose::Ds, Purpose::Poa] {
            let wanted = i128::from(covers.contains(&purpose));
            assert_eq!(counted(&room, &everybody(), &for_purpose(purpose)), wanted, "{allowed} {purpose:?}");
        }
    }
}

#[test]
fn consent_is_asked_for_every_kind_of_data_that_is_read() {
    let room = people();
    for pid in 0..4 {
        room.insert("checkup", "pid, draw, exam_date", &format!("({pid}, 1, '2024-05-01')"));
    }
    row(&room, 1, "any", "any", "checkups", "FALSE, NULL, NULL");
    row(&room, 2, "any", "any", "lifelog", "FALSE, NULL, NULL");
    assert_eq!(counted(&room, &everybody(), &population()), 4);
    let checkups = format!("{DP} COUNT(DISTINCT person_id) AS n FROM person JOIN checkup USING (person_id)");
    assert_eq!(counted(&room, &checkups, &population()), 3);
    // Nor does a LEFT JOIN show whoever refused as somebody without checkups.
    let outer = format!("{DP} COUNT(DISTINCT person_id) AS n FROM person LEFT JOIN checkup USING (person_id)");
    assert_eq!(counted(&room, &outer, &population()), 3);
}

#[test]
fn no_question_switches_it_off() {
    let room = people();
    row(&room, 1, "any", "any", "any", "FALSE, NULL, NULL");
    for (question, others) in [
        (format!("{DP} COUNT(DISTINCT person_id) AS n FROM consent"), 0),
        (
            format!(
                "{DP} COUNT(DISTINCT person_id) AS n FROM person LEFT JOIN consent USING (person_id) WHERE allowed IS NULL OR NOT allowed"
            ),
            3,
        ),
        (
            format!(
                "WITH p AS (SELECT person_id, sex FROM person WHERE sex = '2') \
                 {DP} COUNT(DISTINCT person_id) AS n FROM p JOIN consent USING (person_id)"
            ),
            0,
        ),
    ] {
        assert_eq!(counted(&room, &question, &population()), others, "{question}");
    }
}

#[test]
fn the_policys_population_limits_every_question() {
    let room = people();
    let adults = |condition: &str| Population { condition: Some(condition.to_owned()), ..population() };
    let over_39 = adults("AGE_AT(birth_ym, DATE '2025-03-31') >= 40");
    assert_eq!(counted(&room, &everybody(), &over_39), 2);
    let plan = crate::check(&everybody(), &room.catalogue, &over_39).unwrap();
    assert_ne!(
        plan.digest().unwrap(),
        room.plan(&everybody()).digest().unwrap(),
        "stewards approve the population too"
    );
    // What the population reads is the policy's affair, not the question's.
    assert_eq!(plan.columns(), [("person".to_owned(), "person_id".to_owned())]);
    for wrong in [
        "birth_ym >= ",
        "ages > 3",
        "sex",
        "TRUE) OR (TRUE",
        "TRUE GROUP BY sex",
        "TRUE; SELECT 1",
        "TRUE UNION SELECT 1",
        "",
    ] {
        assert!(crate::check_population(wrong, &room.catalogue).is_err(), "{wrong}");
        assert!(crate::check(&everybody(), &room.catalogue, &adults(wrong)).is_err(), "{wrong}");
    }
}
