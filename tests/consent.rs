//! Consents travel from a source's file into the snapshot, and whoever allows academia but not pharma counts for one project and not for
//! the other: the plans' own SQL, on the room's own store, before the noise.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use datasets::catalogue::Catalogue;
use policies::{Population, Purpose, RecipientKind, WithoutConsent};
use support::{House, Someone, eligibility, people};

const PERSONS: &str = "SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = 1) COUNT(*) AS n FROM person";

fn consents(rows: &[(&Someone, &str)]) -> String {
    let mut text =
        String::from("保険者番号,記号,番号,枝番,氏名,カナ氏名,生年月日,性別,目的,提供先,データ種別,可否,終了日\n");
    for (Someone { insurer, symbol, number, branch, name, kana, birth, sex }, said) in rows {
        text.push_str(&format!("{insurer},{symbol},{number},{branch},{name},{kana},{birth},{sex},{said}\n"));
    }
    text
}

#[test]
fn academia_counts_whom_pharma_may_not() {
    let house = House::with_kinds(&["eligibility", "claims", "checkups", "consent"]);
    let kenpo = people("06139999", 12);
    house.write("kenpo/e.csv", &eligibility(&kenpo));
    house.write(
        "kenpo/consents.csv",
        &consents(&[
            (&kenpo[1], "すべて,大学・研究機関,すべて,可,"),
            (&kenpo[2], "すべて,製薬企業,すべて,不同意,"),
            (&kenpo[3], "すべて,すべて,すべて,可,2025-03-31"),
        ]),
    );
    house.link(&[&house.package("kenpo", 1, &["kenpo"])]);
    assert_eq!(house.number("SELECT count(*) FROM consent"), 3);
    let catalogue = Catalogue::builtin().unwrap();
    let counted = |recipient_kind, without_consent| {
        let project = Population { purpose: Purpose::Hmb, recipient_kind, without_consent, condition: None };
        let plan = dp_query::check(PERSONS, &catalogue, &project).unwrap();
        let sql = dp_query::engine::sql(&plan, jiff::civil::date(2026, 11, 22)).unwrap();
        house.number(&format!("SELECT s0 FROM ({sql})"))
    };
    // Of twelve, the third permission ran out; one allows academia only; one refuses pharma.
    assert_eq!(counted(RecipientKind::Academia, WithoutConsent::Include), 11);
    assert_eq!(counted(RecipientKind::Pharma, WithoutConsent::Include), 9);
    assert_eq!(counted(RecipientKind::Academia, WithoutConsent::Exclude), 1);
}
