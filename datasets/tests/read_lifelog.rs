//! A service's roster and daily values. All people and numbers are invented.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod read_support;

use datasets::read::Kind;
use read_support::{file, run};

#[test]
fn a_roster_may_name_files_and_branches() {
    let roster = "利用者ID,カナ氏名,生年月日,性別,保険者番号,記号,番号,枝番,ファイル名\n\
                  U1,カクウ　ハナコ,1980-02-29,2,06139999,12,3456,01,u1.zip; u1b.zip\n\
                  U1,カクウ　ハナコ,1980-02-29,2,06139999,12,3456,01,u1c.zip\n\
                  U1,カクウ　ハナコ,1980-02-29,2,06139999,12,3456,01,u1c.zip\n\
                  U2,カクウ　タロウ,1979-01-01,1,06139999,12,3456,02,u1.zip\n";
    let dir = tempfile::tempdir().unwrap();
    let got = run(&[file(dir.path(), "a", roster.as_bytes())]).unwrap();
    assert_eq!(got.text("identity", "branch", 1).as_deref(), Some("02"));
    assert_eq!(got.report.of(Kind::Roster).kept, 4);
    assert_eq!(got.repaired(Kind::Roster, "row-twice"), 1, "a row that names a further file is none");
    assert_eq!(got.lost(Kind::Roster, "file-of-two-users"), 1);
}

const ROSTER: &str = "利用者ID,カナ氏名,生年月日,性別\nU1,カクウ　ハナコ,1980-02-29,2\n";

#[test]
fn all_columns_of_a_service() {
    let daily = "利用者ID,日付,歩数,睡眠分,深い睡眠(分),レム睡眠分,浅睡眠分,中途覚醒分,装着分,摂取カロリー(kcal),活動kcal,最高血圧\n\
                 U1,2024-04-01,0,400,80,90,230,12,1200,1850,2310.6,128\n\
                 U1,2024-04-02,0,,,,,,0,,,\n\
                 U1,2007-04-02,10,,,,,,0,,,\n";
    let dir = tempfile::tempdir().unwrap();
    file(dir.path(), "in/a", daily.as_bytes());
    file(dir.path(), "in/b", ROSTER.as_bytes());
    // The same days from the same service again: the first win.
    file(dir.path(), "in/c", daily.replace("400", "1").as_bytes());
    let got = run(&[dir.path().join("in")]).unwrap();
    let table = "lifelog_daily";
    for (column, first) in [
        ("steps", 0),
        ("sleep_min", 400),
        ("sleep_deep_min", 80),
        ("sleep_rem_min", 90),
        ("sleep_light_min", 230),
        ("awake_min", 12),
        ("wear_min", 1_200),
        ("energy_in_kcal", 1_850),
        ("energy_out_kcal", 2_311),
        ("sbp", 128),
    ] {
        assert_eq!(got.int(table, column, 0), Some(first), "{column}");
    }
    // A day at rest (worn, no step) and a day that was not worn are told apart.
    assert_eq!(got.ints(table, "steps"), [Some(0), Some(0)]);
    assert_eq!(got.ints(table, "wear_min"), [Some(1_200), Some(0)]);
    assert_eq!(got.code(table, "source", 1).as_deref(), Some("service"));
    let kind = Kind::LifelogDaily;
    assert_eq!((got.quarantined(kind, "day-twice"), got.quarantined(kind, "date-outside")), (2, 2));
}
