#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use datasets::catalogue::Catalogue;
use policies::{Kind, Project};

use super::*;
use crate::quote::{Terms, quote};
use crate::run::fixture::population;

/// A project that may read everything, and one that may read little.
fn projects(catalogue: &Catalogue) -> (Project, Project) {
    let policy = crate::run::fixture::Room::new().policy;
    let mut all = policy.projects()[0].clone();
    all.columns = catalogue
        .tables()
        .iter()
        .map(|t| (t.name.clone(), t.columns.iter().map(|c| c.name.clone()).collect()))
        .collect();
    let mut little = all.clone();
    little.columns.retain(|table, _| table == "person" || table == "checkup");
    little.columns.insert("checkup".to_owned(), ["exam_date", "hba1c"].map(str::to_owned).into());
    (all, little)
}

fn terms() -> ProfileTerms {
    ProfileTerms {
        project: "walking".to_owned(),
        epsilon: "0.7".parse().unwrap(),
        delta: "0.000001".parse().unwrap(),
        first_year: 2020,
        last_year: 2024,
    }
}

#[test]
fn every_question_passes_the_checker_and_the_price_is_the_policys() {
    let catalogue = Catalogue::builtin().unwrap();
    let (all, little) = projects(&catalogue);
    for (project, account) in [(&all, Kind::Pure), (&little, Kind::Pure), (&all, Kind::Zcdp), (&little, Kind::Zcdp)] {
        let parts = questions(&catalogue, project, &terms(), account);
        let mut total = Epsilon::ZERO;
        let mut delta = Delta::ZERO;
        for part in &parts {
            let plan =
                crate::check(&part.sql, &catalogue, &population()).unwrap_or_else(|r| panic!("{r}\n{}", part.sql));
            assert!(plan.columns().iter().all(|(t, c)| project.may_read(t, c)), "{}", part.sql);
            let price = *quote(&plan, &Terms { account, minimum_persons: 10 })
                .unwrap_or_else(|e| panic!("{e}\n{}", part.sql))
                .price();
            total = total.saturating_add(price.epsilon());
            delta = delta.saturating_add(price.delta());
            if part.kind == PartKind::Years {
                assert_eq!(plan.keys()[0].values, ["2020", "2021", "2022", "2023", "2024"], "{}", part.sql);
            }
        }
        assert!(total <= terms().epsilon && delta <= terms().delta);
        assert!(total.units() + 1000 > terms().epsilon.units(), "{total}");
        assert_eq!(parts, questions(&catalogue, project, &terms(), account));
    }
    let kinds: Vec<(String, PartKind)> =
        questions(&catalogue, &little, &terms(), Kind::Pure).into_iter().map(|p| (p.table, p.kind)).collect();
    let has = |table: &str, kind| kinds.contains(&(table.to_owned(), kind));
    assert!(
        has("person", PartKind::SexAge) && has("checkup", PartKind::Years) && has("checkup", PartKind::Values),
        "{kinds:?}"
    );
    assert_eq!(kinds.len(), 4);
}

#[test]
fn sizes_are_the_fewest_of_what_a_plan_reads() {
    let catalogue = Catalogue::builtin().unwrap();
    let profile = Profile {
        persons: [("person".to_owned(), 1000.0), ("checkup".to_owned(), 600.0)].into(),
        values: [(("checkup".to_owned(), "hba1c".to_owned()), 400.0)].into(),
        ..Profile::default()
    };
    let plan = |sql: &str| {
        let text = format!("SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = 1) {sql}");
        crate::check(&text, &catalogue, &population()).unwrap()
    };
    let sex = plan("sex, COUNT(*) AS n FROM person GROUP BY sex");
    assert_eq!(profile.persons(&sex), Some(1000.0));
    assert_eq!(profile.per_group(&sex), Some(1000.0 / 3.0));
    // Two of four kinds of check-up a year: a person can be in all groups.
    let kinds = plan("kind, COUNT(DISTINCT person_id) AS n FROM checkup GROUP BY kind");
    assert_eq!(profile.per_group(&kinds), Some(600.0));
    let joined = plan(
        "AVG(h) AS h FROM (SELECT person_id, MAX(hba1c) AS h FROM checkup GROUP BY person_id) JOIN person USING (person_id)",
    );
    assert_eq!(profile.persons(&joined), Some(400.0));
    assert_eq!(profile.persons(&plan("COUNT(DISTINCT person_id) AS n FROM claim")), None);
}
