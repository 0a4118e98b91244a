//! The Fellegi–Sunter model against known answers, and its estimate against a simulated mixture.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod common;

use common::{Random, Rates, counting, population};
use linkage::{FIELDS, Field, Kind, Level, LinkageError, Model, Pattern, Sample, Settings, Strategy, resolve, sample};

/// A model with given levels; fields that aren't given say nothing.
fn model(new: f64, cell: f64, given: &[(Field, &[(f64, f64)])]) -> Model {
    let mut text = format!(
        "version = \"sudare-fs-1\"\nnote = \"test\"\nupper = 0.95\nlower = 0.05\npersons_per_cell = {cell:?}\n\
         [new_person]\nenrolment = {new:?}\nnumbered = {new:?}\nother = {new:?}\n"
    );
    for field in Field::ALL {
        let names = field.levels();
        let even = 1.0 / names.len() as f64;
        let levels = given.iter().find(|(known, _)| *known == field).map(|(_, levels)| *levels);
        for (at, name) in names.iter().enumerate() {
            let (m, u) = levels.map_or((even, even), |levels| levels[at]);
            text += &format!("[fields.{}.{name}]\nm = {m:?}\nu = {u:?}\n", field.name());
        }
    }
    Model::parse(&text).unwrap()
}

fn pattern(levels: &[(Field, u8)]) -> Pattern {
    let mut all = [None; FIELDS];
    for &(field, level) in levels {
        all[field as usize] = Some(level);
    }
    Pattern::of(all)
}

fn near(a: f64, b: f64, within: f64) -> bool {
    (a - b).abs() <= within
}

#[test]
fn weights_are_log2_of_m_by_u() {
    // Fellegi & Sunter 1969: a field that agrees counts log(m/u), one that differs log((1−m)/(1−u)), and they add up. With m = 0.9 and
    // u = 0.1 (Herzog, Scheuren & Winkler 2007, ch. 9): ±log2 9 = ±3.17 bits; with m = 0.95, u = 0.01: 6.57 and −4.31.
    let model = model(
        0.5,
        1.0,
        &[(Field::Individual, &[(0.9, 0.1), (0.1, 0.9)]), (Field::Insurer, &[(0.95, 0.01), (0.05, 0.99)])],
    );
    let of = |individual, insurer| model.total(&pattern(&[(Field::Individual, individual), (Field::Insurer, insurer)]));
    assert!(near(of(0, 0), 9.74, 0.005), "{}", of(0, 0));
    assert!(near(of(0, 1), -1.14, 0.005), "{}", of(0, 1));
    assert!(near(of(1, 0), 3.40, 0.005), "{}", of(1, 0));
    assert!(near(of(1, 1), -7.48, 0.005), "{}", of(1, 1));
    assert_eq!(model.total(&pattern(&[])), 0.0, "no information, no weight");
}

#[test]
fn posteriors_are_those_of_the_textbook_and_of_hand_made_cases() {
    // Splink's documentation: match probability from match weight, 2^M/(1 + 2^M).
    let even = model(0.5, 1.0, &[]);
    for (weight, probability) in
        [(-1.0, 0.333), (0.0, 0.5), (1.0, 0.667), (2.0, 0.8), (3.0, 0.889), (4.0, 0.941), (7.0, 0.992)]
    {
        let posterior = even.posteriors(Kind::Other, &[weight])[0];
        assert!(near(posterior, probability, 5e-4), "{weight}: {posterior}");
    }
    // One person in ten is new, twenty live in a cell: prior odds 0.9/(0.1 × 20) = 0.45. One candidate of 10 bits: 460.8 : 1.
    let model = model(0.1, 20.0, &[]);
    assert!(near(model.prior(Kind::Enrolment), 0.45f64.log2(), 1e-12));
    assert!(near(model.posteriors(Kind::Enrolment, &[10.0])[0], 460.8 / 461.8, 1e-12));
    // Twins: two candidates alike share what there is, and nobody gets it.
    let twins = model.posteriors(Kind::Enrolment, &[10.0, 10.0]);
    assert!(near(twins[0], 460.8 / 922.6, 1e-12) && near(twins[1], twins[0], 1e-15));
    // Nothing overflows, and a certainty leaves nothing to the others.
    let far = model.posteriors(Kind::Enrolment, &[4_000.0, 10.0, -4_000.0]);
    assert_eq!(far, [1.0, 0.0, 0.0]);
    assert!(model.posteriors(Kind::Enrolment, &[]).is_empty());
}

#[test]
fn the_estimate_finds_what_the_mixture_was_made_of() {
    // Every row meets all twenty persons of its cell; a quarter of the rows are of somebody new.
    const CELL: usize = 20;
    let truth = [
        (Field::Number, vec![(0.5, 0.001), (0.25, 0.002), (0.01, 0.004), (0.02, 0.003), (0.22, 0.99)]),
        (
            Field::Name,
            vec![(0.4, 0.002), (0.3, 0.004), (0.2, 0.004), (0.03, 0.01), (0.02, 0.02), (0.04, 0.5), (0.01, 0.46)],
        ),
        (Field::Individual, vec![(0.97, 0.01), (0.03, 0.99)]),
        (Field::Insurer, vec![(0.7, 0.1), (0.3, 0.9)]),
    ];
    let mut random = Random(9);
    let mut unit = move || random.below(1 << 40) as f64 / (1u64 << 40) as f64;
    let mut draw = |same: bool| {
        let levels: Vec<(Field, u8)> = truth
            .iter()
            .map(|(field, levels)| {
                let mut left = unit();
                let at = levels.iter().position(|level| {
                    left -= if same { level.0 } else { level.1 };
                    left < 0.0
                });
                (*field, at.unwrap_or(levels.len() - 1) as u8)
            })
            .collect();
        pattern(&levels)
    };
    let mut sample = Sample::default();
    for row in 0..40_000 {
        let candidates = (0..CELL).map(|at| (draw(row % 4 != 0 && at == 0), false)).collect();
        sample.row(Kind::Other, candidates, CELL);
    }
    let found = sample.fit(0.95, 0.05).unwrap();
    let text = found.to_text().unwrap();
    let file: toml::Table = toml::from_str(&text).unwrap();
    let share = |path: [&str; 2]| file[path[0]][path[1]].as_float().unwrap();
    assert!(near(share(["new_person", "other"]), 0.25, 0.01), "{text}");
    assert!(near(file["persons_per_cell"].as_float().unwrap(), 20.0, 1e-9));
    for (field, levels) in &truth {
        for (name, (m, u)) in field.levels().iter().zip(levels) {
            let level = &file["fields"][field.name()][*name];
            let of = |key: &str| level[key].as_float().unwrap();
            assert!(near(of("m"), *m, 0.01), "{} {name}: m {} for {m}", field.name(), of("m"));
            assert!(near(of("u"), *u, 0.001 + u * 0.01), "{} {name}: u {} for {u}", field.name(), of("u"));
        }
    }
    // A pair that a constraint keeps apart is two people, whatever it looks like.
    let mut apart = sample.clone();
    (0..10_000).for_each(|_| apart.row(Kind::Other, vec![(pattern(&[(Field::Individual, 0)]), true)], CELL));
    let (before, after) = (found, apart.fit(0.95, 0.05).unwrap());
    let agrees = pattern(&[(Field::Individual, 0)]);
    assert!(after.weight(&agrees, Field::Individual) < before.weight(&agrees, Field::Individual) - 0.5);
    assert!(matches!(Sample::default().fit(0.95, 0.05), Err(LinkageError::Model(_))));
}

#[test]
fn a_model_is_read_whole_or_not_at_all() {
    let builtin = Model::builtin().expect("the built-in model is readable");
    let text = builtin.to_text().unwrap();
    assert_eq!(Model::parse(&text).unwrap(), builtin);
    let json = serde_json::to_string(&builtin).unwrap();
    assert_eq!(serde_json::from_str::<Model>(&json).unwrap(), builtin, "frozen means: to the last bit");
    for (from, to) in [
        ("sudare-fs-1", "sudare-fs-9"),
        ("upper = 0.95", "upper = 1.95"),
        ("lower = 0.05", "lower = 0.99"),
        ("[fields.name.kana]", "[fields.name.romaji]"),
        ("[new_person]", "[new_people]"),
        ("m = ", "m = 1"),
        ("u = ", "u = -"),
    ] {
        assert!(text.contains(from), "{from}");
        assert!(matches!(Model::parse(&text.replacen(from, to, 1)), Err(LinkageError::Model(_))), "{from} → {to}");
    }
    assert!(Model::parse("").is_err());
    let Level { m, u } = Level { m: 0.5, u: 0.25 };
    assert!(m > u);
}

#[test]
fn the_built_in_model_says_what_an_expert_would() {
    let model = Model::builtin().unwrap();
    for field in [Field::Number, Field::Name, Field::Individual, Field::Coverage] {
        let first = model.weight(&pattern(&[(field, 0)]), field);
        let last = model.weight(&pattern(&[(field, field.levels().len() as u8 - 1)]), field);
        assert!(first > 0.0 && first > last, "{field:?}: {first} {last}");
    }
    let name = |level| model.weight(&pattern(&[(Field::Name, level)]), Field::Name);
    assert!(
        name(0) > name(2) && name(1) > name(3),
        "kanji and kana say more than kana, one sure name more than a contested one"
    );
    assert!(name(4) > 0.0 && name(5) < 0.0 && name(6) < name(5), "one typing error is likelier than two");
}

#[test]
fn the_same_model_gives_the_same_persons_and_a_room_can_fit_its_own() {
    let people = population(77, 5_000, &Rates::default());
    let run = |settings: &Settings| resolve(&people.rows, Strategy::Sudare, settings, &mut counting()).unwrap();
    let settings = Settings::default();
    let (a, b) = (run(&settings), run(&settings));
    assert_eq!(a.person_of, b.person_of);
    assert_eq!((a.review, a.report), (b.review, b.report));
    let own = sample(&people.rows, &settings).unwrap().fit(0.95, 0.05).unwrap();
    let own = Model::parse(&own.to_text().unwrap()).unwrap();
    let c = run(&Settings { model: Some(own), ..Settings::default() });
    let none = run(&Settings { model: None, ..Settings::default() });
    assert!(none.review.is_empty() && none.report.estimate.pairs == 0.0);
    assert!(c.persons.len() < none.persons.len());
}
