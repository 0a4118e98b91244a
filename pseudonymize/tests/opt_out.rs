//! An opt-out list beside a source's files: whoever is on it leaves no row and no identity, by another spelling too, and
//! whichever file is given first; the neighbour keeps everything.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::collections::BTreeMap;
use std::path::PathBuf;

use datasets::catalogue::Catalogue;
use datasets::read::{Identified, ReadError, ReadOptions, read};
use pseudonymize::{LinkageKey, Pseudonymizer, SourceKeys};

const MEMBERS: &str = "保険者番号,記号,番号,枝番,氏名,カナ氏名,生年月日,性別,取得日,喪失日\n\
    06139999,架空,5820143,01,架空　花子,カクウハナコ,19800117,2,20200401,20220331\n\
    06139999,架空,5820143,01,別名花子,ベツメイハナコ,3550117,2,20220401,\n\
    06139999,架空,5820144,01,架空太郎,カクウタロウ,19750505,1,20200401,\n";
const USERS: &str = "利用者ID,氏名,カナ氏名,生年月日,性別\n\
    u1,,ｶｸｳ ﾊﾅｺ,1980-01-17,2\n\
    u2,架空太郎,カクウタロウ,1975-05-05,1\n";
const DAYS: &str =
    "利用者ID,日付,歩数\nu1,2023-04-01,1000\nu2,2023-04-01,2000\nu1,2023-04-02,3000\nu2,2023-04-02,4000\n";
const LIST: &str = "オプトアウト日,保険者番号,記号,番号,枝番,氏名,カナ氏名,生年月日,性別\n\
    20240401,06139999,架空,５８２０１４３,01,架空 花子,カクウ　ハナコ,19800117,2\n";

/// Rows per table and identities that would be sent, and what was kept back.
type Sent = (BTreeMap<String, usize>, usize, BTreeMap<String, u64>);

/// In one pass, as a run without a list has it, or in two.
fn sent(files: &[(&str, &str)], passes: usize) -> Sent {
    let dir = tempfile::tempdir().unwrap();
    let inputs: Vec<PathBuf> = files
        .iter()
        .map(|(name, text)| {
            let path = dir.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        })
        .collect();
    let catalogue = Catalogue::builtin().unwrap();
    let keys = SourceKeys::derive(&LinkageKey::generate().unwrap(), "room.example/list", 1).unwrap();
    let mut run = Pseudonymizer::new(&keys, &catalogue);
    let (mut rows, mut identities, mut batches) = (BTreeMap::new(), 0, 0);
    // One row a batch: every row is judged by what is known when it passes.
    let options = ReadOptions { batch_rows: 1, forget: passes > 1, ..ReadOptions::default() };
    if passes > 1 {
        let mut learn = |batch: Identified| {
            if run.learn(&batch).unwrap() { Ok(()) } else { Err(ReadError::Sink("".into())) }
        };
        let _ = read(&inputs, &options, &mut learn, &|_| {});
        run.learned();
    }
    let mut sink = |batch| {
        let batch = run.batch(batch).unwrap();
        for (table, frame) in batch.tables() {
            *rows.entry(table.clone()).or_default() += frame.height();
        }
        identities += batch.identity().height();
        batches += 1;
        Ok(())
    };
    read(&inputs, &options, &mut sink, &|_| {}).unwrap();
    assert!(batches > 5);
    (rows, identities, run.opted_out().clone())
}

#[test]
fn who_is_on_the_list_is_not_in_the_package() {
    let all = [("a.csv", MEMBERS), ("b.csv", USERS), ("c.csv", DAYS)];
    let (rows, identities, kept_back) = sent(&all, 1);
    assert_eq!((rows["enrolment"], rows["lifelog_daily"], identities), (3, 4, 5));
    assert!(kept_back.is_empty());

    for order in [[3, 0, 1, 2], [0, 1, 2, 3], [2, 3, 1, 0]] {
        let files = [all[0], all[1], all[2], ("list.csv", LIST)];
        let (rows, identities, kept_back) = sent(&order.map(|at| files[at]), 1);
        // The neighbour's spell and days; one spelling of him at the insurer and one at the service.
        assert_eq!((rows["enrolment"], rows["lifelog_daily"], identities), (1, 2, 2), "{order:?}");
        let expected = [("enrolment", 2), ("identity", 4), ("lifelog_daily", 2)];
        assert_eq!(kept_back, expected.map(|(table, count)| (table.to_owned(), count)).into());
    }
}

/// A Patient of a service, whose export names him otherwise than the roster does, and his steps of a day.
fn export(id: &str, kana: &str, birth: &str, day: &str) -> String {
    format!(
        r#"{{"resourceType":"Bundle","type":"collection","entry":[
        {{"resource":{{"resourceType":"Patient","id":"{id}","name":[{{"text":"{kana}"}}],"gender":"female","birthDate":"{birth}"}}}},
        {{"resource":{{"resourceType":"Observation","status":"final","subject":{{"reference":"Patient/{id}"}},
        "code":{{"coding":[{{"system":"http://loinc.org","code":"55423-8"}}]}},"effectiveDateTime":"{day}T07:30:00+09:00",
        "valueQuantity":{{"value":4000,"system":"http://unitsofmeasure.org","code":"{{steps}}"}}}}}}]}}"#
    )
}

/// The list names a user; the FHIR Patient of that id shares no name and no birth date with the roster, and stays too.
#[test]
fn a_listed_users_fhir_patient_is_not_in_the_package() {
    let (hers, his) = (
        export("u1", "トウロクメイ　ナツ", "1981-02-03", "2023-05-01"),
        export("u2", "トウロクメイ　フユ", "1976-06-07", "2023-05-01"),
    );
    let files =
        [("a.csv", MEMBERS), ("b.csv", USERS), ("c.csv", DAYS), ("h.json", hers.as_str()), ("i.json", his.as_str())];
    let rows = |sent: &Sent| sent.0.values().sum::<usize>();
    let all = sent(&files, 2);
    let list = [("list.csv", "オプトアウト日,利用者ID\n20240401,u1\n")];
    let without = sent(&[&files[..], &list[..]].concat(), 2);
    // Of the four days at the service and two of exports, hers are gone; so are her two spellings at the insurer, whom the
    // roster's kana name and birth date find.
    assert_eq!(rows(&all), rows(&without) + 2 + 1 + 2, "{all:?} {without:?}");
    assert_eq!(without.1 + 4, all.1, "{all:?} {without:?}");
    assert_eq!(without.2["identity"], 4);
}
