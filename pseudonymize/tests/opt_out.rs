//! An opt-out list beside a source's files: whoever is on it leaves no row and no identity, by another spelling too, and
//! whichever file is given first; the neighbour keeps everything.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::collections::BTreeMap;
use std::path::PathBuf;

use datasets::catalogue::Catalogue;
use datasets::read::{ReadOptions, read};
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
fn sent(files: &[(&str, &str)]) -> (BTreeMap<String, usize>, usize, BTreeMap<String, u64>) {
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
    let options = ReadOptions { batch_rows: 1, ..ReadOptions::default() };
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
    let (rows, identities, kept_back) = sent(&all);
    assert_eq!((rows["enrolment"], rows["lifelog_daily"], identities), (3, 4, 5));
    assert!(kept_back.is_empty());

    for order in [[3, 0, 1, 2], [0, 1, 2, 3], [2, 3, 1, 0]] {
        let files = [all[0], all[1], all[2], ("list.csv", LIST)];
        let (rows, identities, kept_back) = sent(&order.map(|at| files[at]));
        // The neighbour's spell and days; one spelling of him at the insurer and one at the service.
        assert_eq!((rows["enrolment"], rows["lifelog_daily"], identities), (1, 2, 2), "{order:?}");
        let expected = [("enrolment", 2), ("identity", 4), ("lifelog_daily", 2)];
        assert_eq!(kept_back, expected.map(|(table, count)| (table.to_owned(), count)).into());
    }
}
