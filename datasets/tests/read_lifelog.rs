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
