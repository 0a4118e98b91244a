//! Fitbit's daily CSV. All people and numbers are invented.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod read_support;

use datasets::read::Kind;
use read_support::{Run, day, file, run};

const ROSTER: &str = "利用者ID,カナ氏名,生年月日,性別,ファイル名\nU1,カクウ　ハナコ,1980-02-29,2,u1\nU2,カクウ　タロウ,1979-01-01,1,u2.csv\n";
const ACTIVITIES: &str = "Activities\nDate,Calories Burned,Steps,Distance,Floors,Minutes Sedentary,Minutes Lightly Active,Minutes Fairly Active,Minutes Very Active,Activity Calories\n\
\"2024-05-01\",\"2,345\",\"12,345\",\"8.1\",\"9\",\"1,100\",\"200\",\"20\",\"10\",\"1,030\"\n\
\"2024-05-02\",\"1,500\",\"0\",\"0\",\"0\",\"1,440\",\"0\",\"0\",\"0\",\"0\"\n";
const SLEEP: &str = "Sleep\nStart Time,End Time,Minutes Asleep,Minutes Awake,Number of Awakenings,Time in Bed,Minutes REM Sleep,Minutes Light Sleep,Minutes Deep Sleep\n\
\"2024-04-30 11:22PM\",\"2024-05-01 6:40AM\",\"400\",\"38\",\"12\",\"438\",\"90\",\"230\",\"80\"\n\
\"2024-05-01 1:00PM\",\"2024-05-01 1:40PM\",\"35\",\"5\",\"1\",\"40\",\"N/A\",\"N/A\",\"N/A\"\n";

fn value(got: &Run, column: &str, date: i8, person: i64) -> Option<i64> {
    let dates = got.ints("lifelog_daily", "date").into_iter().zip(got.ints("lifelog_daily", "ident"));
    let row = dates.into_iter().position(|found| found == (Some(i64::from(day(2024, 5, date))), Some(person)));
    got.int("lifelog_daily", column, row.expect("no such day"))
}

#[test]
fn sections_and_files_of_a_day_are_one_row() {
    let dir = tempfile::tempdir().unwrap();
    file(dir.path(), "in/roster", ROSTER.as_bytes());
    file(dir.path(), "in/u1/activities.csv", ACTIVITIES.as_bytes());
    file(dir.path(), "in/u1/rest.csv", format!("Body\nDate,Weight,BMI,Fat\n\"2024-05-01\",\"70.3\",\"22.4\",\"0\"\n\n{SLEEP}\nFoods\nDate,Calories In\n\"2024-05-01\",\"1,900\"\n\nFood Log 20240501\nDaily Totals\n\"\",\"Calories\",\"1,900\"\n").as_bytes());
    // The American way, with the same night twice.
    let american = format!(
        "Body\nDate,Weight,BMI,Fat\n05/01/24,154.3,22.4,0\n{ACTIVITIES}{SLEEP}{}",
        SLEEP.lines().nth(2).unwrap()
    );
    file(dir.path(), "in/u2.csv", american.as_bytes());
    file(dir.path(), "in/stranger.csv", ACTIVITIES.as_bytes());
    let got = run(&[dir.path().join("in")]).unwrap();
    assert_eq!(got.height("lifelog_daily"), 4);
    assert_eq!(got.code("lifelog_daily", "source", 0).as_deref(), Some("fitbit"));
    for (column, want) in [
        ("steps", Some(12_345)),
        ("energy_out_kcal", Some(1_030)),
        ("energy_in_kcal", Some(1_900)),
        ("weight_kg", Some(703)),
        ("sleep_min", Some(435)),
        ("awake_min", Some(43)),
        ("sleep_rem_min", Some(90)),
        ("sleep_light_min", Some(230)),
        ("sleep_deep_min", Some(80)),
        ("wear_min", None),
    ] {
        assert_eq!(value(&got, column, 1, 0), want, "{column}");
    }
    // Nobody wore it, which is not a day at rest.
    assert_eq!((value(&got, "steps", 2, 0), value(&got, "wear_min", 2, 0)), (Some(0), Some(0)));
    assert_eq!((value(&got, "weight_kg", 1, 1), value(&got, "sleep_min", 1, 1)), (Some(700), Some(435)));
    let kind = Kind::Fitbit;
    assert_eq!((got.quarantined(kind, "sleep-twice"), got.quarantined(kind, "file-not-in-roster")), (1, 2));
    assert_eq!(got.left_out(kind, "section-not-used"), 1);
}

#[test]
fn rows_that_cannot_be_used() {
    let dir = tempfile::tempdir().unwrap();
    let rows = "利用者ID,Date,Calories Burned,Steps,Minutes Sedentary\n\
                U1,2024-05-01,\"2,000\",\"1,000\",\n\
                U1,2024-05-01,\"2,000\",5,\n\
                U9,2024-05-01,\"2,000\",5,\n\
                U1,99991399,\"2,000\",5,\n\
                U1,1999-05-01,\"2,000\",5,\n\
                U1,2024-05-02,\"2,000\",1234567890123456789012345678901,\n\
                U1,2024-05-03,\"2,000\",\"1,00\",\"1,4,40\"\n\
                U1,2024-05-04,\"2,000\",-5,\n\
                U1,2024-05-05,\"2,000,5,\n\
                U2,2024-05-01,,60000,\n\
                Start Time,End Time,Minutes Asleep,利用者ID\n\
                2024-05-02 7:00AM,2024-05-01 7:00AM,400,U1\n\
                2024-05-02 7:00AM,2026-05-01 7:00AM,400,U1\n\
                2024-05-02 7:00AM,,400,U1\n";
    let roster = file(dir.path(), "r", ROSTER.as_bytes());
    let got = run(&[file(dir.path(), "x", rows.as_bytes()), roster]).unwrap();
    let codes: Vec<_> = got.report.findings().iter().map(|found| (found.line, found.code)).collect();
    assert_eq!(
        codes,
        [
            (3, "day-twice"),
            (4, "user-not-in-roster"),
            (5, "date"),
            (6, "date-outside"),
            (7, "number"),
            (7, "no-values"),
            (8, "number"),
            (8, "number"),
            (8, "no-values"),
            (9, "no-values"),
            (10, "no-csv-line"),
            (13, "end-before-start"),
            (14, "interval-too-long"),
            (15, "date"),
        ]
    );
    assert_eq!(got.ints("lifelog_daily", "steps"), [Some(1_000), Some(50_000)]);
    assert_eq!(got.repaired(Kind::Fitbit, "out-of-bounds"), 1);
    assert_eq!(run(&[file(dir.path(), "y", b"Body\nsomething\nelse\n")]).err().unwrap().code(), "header-lacks");
}
