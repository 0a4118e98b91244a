//! Opt-outs on invented batches: who is listed leaves no row and no identity, by whatever spelling; neighbours stay.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::collections::BTreeMap;

use polars::prelude::{Column, DataFrame, DataType, NamedFrom, Series};

use crate::testing::{catalogue, table};
use crate::{FrameError, LinkageKey, Pseudonymizer, Pseudonymous, SourceKeys};

#[derive(Clone, Copy, Default)]
struct Who {
    ident: u32,
    number: &'static str,
    branch: &'static str,
    name: &'static str,
    kana: &'static str,
    birth: &'static str,
    sex: &'static str,
    individual: &'static str,
    listed: bool,
}

/// The listed person, as the opt-out list writes her.
const ENTRY: Who = Who {
    ident: 0,
    number: "５８２０１４３",
    branch: "01",
    name: "架空　花子",
    kana: "カクウ　ハナコ",
    birth: "19800117",
    sex: "2",
    individual: "",
    listed: true,
};

fn frame(people: &[Who], marked: bool) -> DataFrame {
    let text = |name: &str, of: fn(&Who) -> &'static str| -> Column {
        let cells: Vec<Option<&str>> = people.iter().map(|who| Some(of(who)).filter(|t| !t.is_empty())).collect();
        Series::new(name.into(), cells).into()
    };
    let none = |name: &str| Column::full_null(name.into(), people.len(), &DataType::Date);
    let insurer: Vec<&str> = vec!["06139463"; people.len()];
    let mut columns = vec![
        Series::new("ident".into(), people.iter().map(|who| who.ident).collect::<Vec<u32>>()).into(),
        Series::new("insurer_no".into(), insurer).into(),
        text("symbol", |_| "架空"),
        text("number", |who| who.number),
        text("branch", |who| who.branch),
        text("name", |who| who.name),
        text("kana", |who| who.kana),
        text("birth", |who| who.birth),
        text("sex", |who| who.sex),
        text("individual_no", |who| who.individual),
        text("postcode", |_| ""),
    ];
    columns.extend(["first_seen", "last_seen", "covered_from", "covered_to", "death"].map(none));
    if marked {
        columns.push(Series::new("opted_out".into(), people.iter().map(|who| who.listed).collect::<Vec<_>>()).into());
    }
    DataFrame::new(people.len(), columns).unwrap()
}

fn keys() -> SourceKeys {
    SourceKeys::derive(&LinkageKey::generate().unwrap(), "room.example/opt-out", 1).unwrap()
}

fn claims(idents: &[u32]) -> BTreeMap<String, DataFrame> {
    BTreeMap::from([("claim".to_owned(), table("claim", idents, &[]))])
}

fn idents(frame: &DataFrame) -> Vec<u32> {
    frame.column("ident").unwrap().u32().unwrap().iter().flatten().collect()
}

/// A first batch with the list, one with rows, a last with more rows and all identities.
fn run(keys: &SourceKeys, people: &[Who]) -> (Vec<Pseudonymous>, BTreeMap<String, u64>) {
    let catalogue = catalogue();
    let mut run = Pseudonymizer::new(keys, &catalogue);
    let (first, rest) = people.split_at(people.len() / 2);
    let all: Vec<u32> = people.iter().map(|who| who.ident).filter(|ident| *ident != 0).collect();
    let seen: Vec<u32> = first.iter().map(|who| who.ident).filter(|ident| *ident != 0).collect();
    let batches = vec![
        run.frames(DataFrame::empty(), &frame(first, true), claims(&seen)).unwrap(),
        run.frames(frame(people, true), &frame(rest, true), claims(&[&all[..], &all].concat())).unwrap(),
    ];
    (batches, run.opted_out().clone())
}

#[test]
fn no_row_and_no_identity_of_the_listed_by_any_spelling() {
    let spellings = [
        // By 枝番 and number, under another name (marriage) and without a reading.
        Who { ident: 1, name: "別名　花子", kana: "", listed: false, ..ENTRY },
        // By name only: another insurer's number, half-width kana.
        Who { ident: 2, number: "999", branch: "", name: "", kana: "ｶｸｳ ﾊﾅｺ", listed: false, ..ENTRY },
        // By name as written, half a space apart, an era's birth date.
        Who {
            ident: 3, number: "", branch: "", name: "架空 花子", kana: "", birth: "3550117", listed: false, ..ENTRY
        },
        // By number without 枝番.
        Who { ident: 4, number: "5820143", branch: "", name: "", kana: "ハナ", listed: false, ..ENTRY },
    ];
    let stay = [
        // The sister: same household, another birth date.
        Who {
            ident: 5,
            branch: "02",
            name: "架空　月子",
            kana: "カクウ　ツキコ",
            birth: "19820305",
            listed: false,
            ..ENTRY
        },
        // The neighbour: same name and birth date, the other sex; a number next to hers.
        Who { ident: 6, number: "5820144", sex: "1", listed: false, ..ENTRY },
        // Somebody of whom too little is known to say that she is not on the list: she stays at the source.
        Who { ident: 7, kana: "カクウ　ハナコ", sex: "2", ..Who::default() },
    ];
    let people: Vec<Who> = [ENTRY].into_iter().chain(spellings).chain(stay).collect();
    let keys = keys();
    let (batches, kept_back) = run(&keys, &people);
    let gone: Vec<u32> = (0..=4).map(|ident| keys.renumber(ident)).collect();
    let mut left: Vec<u32> = [5, 6].map(|ident| keys.renumber(ident)).to_vec();
    left.sort_unstable();
    let remain: Vec<usize> = (0..gone.len()).filter(|i| idents(batches[1].identity()).contains(&gone[*i])).collect();
    assert_eq!(remain, [0_usize; 0], "spellings of the listed person that were not found");
    assert_eq!(idents(batches[1].identity()), left);
    for batch in &batches {
        assert!(batch.tables().values().flat_map(idents).all(|ident| !gone.contains(&ident)));
    }
    assert_eq!(idents(&batches[1].tables()["claim"]).len(), 4, "the others keep every row");
    // Three of the first half, and all five twice.
    let uncompared = ("identities that can't be compared with the list".to_owned(), 1);
    assert_eq!(kept_back, BTreeMap::from([("claim".to_owned(), 3 + 10), ("identity".to_owned(), 6), uncompared]));

    // Whom nothing readable tells is counted, so that the source can mend the list.
    let vague = Who { number: "0000000", branch: "", name: "不明", kana: "", ..ENTRY };
    let (_, kept_back) = run(&keys, &[vague, stay[0], stay[1], stay[2]]);
    assert_eq!(kept_back, BTreeMap::from([("entries that tell nobody".to_owned(), 1), ("identity".to_owned(), 1)]));

    // Without the mark nothing is kept back.
    let (batches, kept_back) = run(&keys, &people.map_listed(false));
    assert_eq!(idents(batches[1].identity()).len(), 8);
    assert!(kept_back.is_empty());
}

trait MapListed {
    fn map_listed(&self, listed: bool) -> Vec<Who>;
}

impl MapListed for Vec<Who> {
    fn map_listed(&self, listed: bool) -> Vec<Who> {
        self.iter().map(|who| Who { listed, ..*who }).collect()
    }
}

#[test]
fn one_token_of_each_pass_is_enough() {
    let base = Who { number: "", branch: "", name: "", kana: "", birth: "", sex: "", ..ENTRY };
    let passes = [
        Who { individual: "ZX98765432", ..base },
        Who { number: "7654321", branch: "03", birth: "19800117", sex: "2", ..base },
        Who { number: "7654321", birth: "19800117", sex: "2", ..base },
        Who { name: "架空花子", birth: "19800117", sex: "2", ..base },
        Who { kana: "カクウハナコ", birth: "19800117", sex: "2", ..base },
    ];
    for entry in passes {
        let same = Who { ident: 1, listed: false, ..entry };
        let other =
            Who { ident: 2, number: "5550001", kana: "ベツジン", birth: "19550505", sex: "1", ..Who::default() };
        let keys = keys();
        let (batches, _) = run(&keys, &[entry, same, other, Who { ident: 3, ..other }]);
        let mut left = vec![keys.renumber(2), keys.renumber(3)];
        left.sort_unstable();
        assert_eq!(idents(batches[1].identity()), left);
    }
}

#[test]
fn a_list_that_comes_too_late_stops_the_run() {
    let keys = keys();
    let catalogue = catalogue();
    let person = Who { ident: 1, listed: false, ..ENTRY };
    let mut late = Pseudonymizer::new(&keys, &catalogue);
    late.frames(DataFrame::empty(), &frame(&[person], true), claims(&[1])).unwrap();
    let error = late.frames(DataFrame::empty(), &frame(&[ENTRY], true), BTreeMap::new()).unwrap_err();
    assert_eq!(error, FrameError::LateOptOut);

    // A reader that marks identities and does not tell them in time can't send them either.
    let mut silent = Pseudonymizer::new(&keys, &catalogue);
    let error = silent.frames(frame(&[ENTRY, person], true), &DataFrame::empty(), claims(&[1])).unwrap_err();
    assert_eq!(error, FrameError::LateOptOut);
    // Nor one that forgets to tell another spelling.
    let mut partial = Pseudonymizer::new(&keys, &catalogue);
    let error = partial.frames(frame(&[ENTRY, person], true), &frame(&[ENTRY], true), claims(&[1])).unwrap_err();
    assert_eq!(error, FrameError::LateOptOut);

    // Readers without lists need no column.
    let mut plain = Pseudonymizer::new(&keys, &catalogue);
    let batch = plain.frames(frame(&[person], false), &DataFrame::empty(), claims(&[1])).unwrap();
    assert_eq!(idents(batch.identity()).len(), 1);
}
