//! What Google publishes of its differentially private aggregates, with the noise taken away: GoogleSQL's documentation ("Differentially
//! private aggregate functions", table `professors`, whose results "without noise" are printed there). Items are types of claims here.

use super::{DP, fixture::Room};
use crate::plan::OutputKind;

/// id, draw, item, quantity of `professors`: pencils are 0, pens 1, scissors 2.
const PROFESSORS: &str = "(101, 1, 0, 24), (123, 2, 1, 16), (123, 3, 0, 10), (123, 4, 0, 38), (101, 5, 1, 19), \
    (101, 6, 1, 23), (130, 7, 2, 8), (150, 8, 0, 72)";

fn professors() -> Room {
    let room = Room::new();
    room.insert(
        "person",
        "pid, sex, birth_ym",
        "(101, 0, '1980-04-01'), (123, 0, NULL), (130, 1, NULL), (150, 1, NULL)",
    );
    room.insert("claim", "pid, draw, type, points", PROFESSORS);
    room
}

/// By item, the value of the one aggregate that is asked for, as text; its mean is of the persons' own means, as Google's.
fn answers(aggregate: &str) -> Vec<String> {
    let room = professors();
    let asked = DP.replace("epsilon = 1", "epsilon = 10, max_groups_contributed = 2");
    let plan = room.plan(&format!("{asked} type, {aggregate} AS x FROM claim GROUP BY type"));
    let cells = room.run(&plan);
    let what = &plan.outputs[1].what;
    let value = |cell: &Vec<i128>| {
        let (sum, count) = match what {
            OutputKind::Count(count) => (*count, None),
            OutputKind::Sum { sum, .. } => (*sum, None),
            OutputKind::Mean { sum, count } => (*sum, Some(*count)),
            other => panic!("{other:?}"),
        };
        let statistic = &plan.statistics[sum];
        let unit = 10f64.powi(i32::from(statistic.digits));
        let number = count.map_or(1.0, |count| cell[plan.offset(count)] as f64);
        ((cell[plan.offset(sum)] as f64 / number + statistic.centre as f64) / unit).to_string()
    };
    cells.iter().take(3).map(value).collect()
}

#[test]
fn results_without_noise_are_those_that_google_publishes() {
    // pencil, pen, scissors
    assert_eq!(answers("COUNT(*, contribution_bounds_per_group => (0, 100))"), ["4", "3", "1"]);
    assert_eq!(answers("COUNT(points, contribution_bounds_per_group => (0, 100))"), ["4", "3", "1"]);
    assert_eq!(answers("SUM(points, contribution_bounds_per_group => (0, 100))"), ["144", "58", "8"]);
    assert_eq!(answers("AVG(points, contribution_bounds_per_group => (0, 100))"), ["40", "18.5", "8"]);
}

/// Each person at most `max_groups_contributed` items: Google's second example keeps one, chosen at random.
#[test]
fn who_may_count_in_one_group_only_counts_in_one() {
    let room = professors();
    let asked = DP.replace("epsilon = 1", "epsilon = 10, max_groups_contributed = 1");
    let plan = room.plan(&format!("{asked} type, COUNT(DISTINCT person_id) AS x FROM claim GROUP BY type"));
    let persons: i128 = room.run(&plan).iter().map(|cell| cell[0]).sum();
    assert_eq!(persons, 4);
}

/// "Tables must be joined on the privacy unit column"; the rest of what the pages call invalid is in `check/tests/refusals.rs`.
#[test]
fn what_google_refuses_is_refused() {
    let room = professors();
    for question in [
        "SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = 10, max_groups_contributed = 2) COUNT(*) AS x FROM claim AS a JOIN claim AS b ON a.points = b.points",
        "SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = 10, max_groups_contributed = 2) person_id, COUNT(*) AS x FROM claim GROUP BY person_id",
        "SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = 10, max_groups_contributed = 2) * FROM claim",
    ] {
        assert!(crate::check(question, &room.catalogue, &crate::run::fixture::population()).is_err(), "{question}");
    }
}
