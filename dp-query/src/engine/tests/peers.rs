//! Our side of the comparison of errors at equal (ε, δ) (`benches/peers/privacy`): the planner, the engine and the noise as in a run, the
//! same question asked many times. Here and not in `benches`, because without a permit no noise can be had outside of this crate.
#![allow(clippy::print_stdout)]

use std::path::Path;

use policies::Digest;
use serde_json::{Value, json};

use super::fixture::Room;
use crate::mechanism::OpenDp;
use crate::plan::Plan;
use crate::quote::{Quote, Terms, quote};
use crate::release::{Answer, Origin};
use crate::run::finish;
use crate::run::fixture::{PURE, SNAPSHOT, ZCDP};

/// Names as in `benches/peers/privacy_queries.py`; several names: one question with several values.
const QUESTIONS: [(&[&str], usize, &str); 11] = [
    (&["persons"], 8, "COUNT(*) AS v FROM p GROUP BY sex, band"),
    (&["persons of types"], 4, "type, COUNT(DISTINCT person_id) AS v FROM claim GROUP BY type"),
    (
        &["persons of months"],
        12,
        "DATE_TRUNC(date, MONTH) AS m, COUNT(DISTINCT person_id) AS v FROM lifelog_daily WHERE date BETWEEN DATE '2024-01-01' AND DATE '2024-12-31' GROUP BY m",
    ),
    (
        &["rows"],
        4,
        "outcome, COUNT(*, contribution_bounds_per_group => (0, 4)) AS v FROM diagnosis WHERE outcome IS NOT NULL GROUP BY outcome",
    ),
    (&["sum"], 8, "SUM(sbp, contribution_bounds_per_group => (80, 200)) AS v FROM p GROUP BY sex, band"),
    (
        &["sum of types"],
        4,
        "type, SUM(points, contribution_bounds_per_group => (0, 5000)) AS v FROM claim GROUP BY type",
    ),
    (&["mean"], 8, "AVG(sbp, contribution_bounds_per_group => (80, 200)) AS v FROM p GROUP BY sex, band"),
    (
        &["mean of types"],
        4,
        "type, AVG(points, contribution_bounds_per_group => (0, 5000)) AS v FROM claim GROUP BY type",
    ),
    (
        &["count and sum: count", "count and sum: sum"],
        8,
        "COUNT(*) AS v, SUM(sbp, contribution_bounds_per_group => (80, 200)) AS w FROM p GROUP BY sex, band",
    ),
    (
        &["count and mean: count", "count and mean: mean"],
        8,
        "COUNT(*) AS v, AVG(sbp, contribution_bounds_per_group => (80, 200)) AS w FROM p GROUP BY sex, band",
    ),
    (
        &["median"],
        8,
        "PERCENTILE_CONT(sbp, 0.5, contribution_bounds_per_group => (80, 200)) AS v FROM p GROUP BY sex, band",
    ),
];

const PEOPLE: &str = "WITH p AS (SELECT person_id, sex, RANGE_BUCKET(AGE_AT(birth_ym, DATE '2025-03-31'), [40, 50, 60]) AS band, IFNULL(sbp, 120) AS sbp FROM person JOIN (SELECT person_id, MAX(sbp) AS sbp FROM checkup GROUP BY person_id) USING (person_id)) ";

fn text(body: &str) -> String {
    let (ctes, keys) = if body.contains("FROM p ") { (PEOPLE, "sex, band, ") } else { ("", "") };
    let limits = match body {
        _ if body.contains("FROM claim") => ", max_groups_contributed = 3",
        _ if body.contains("FROM lifelog") => ", max_groups_contributed = 12",
        _ if body.contains("FROM diagnosis") => ", max_groups_contributed = 3, max_rows_contributed = 8",
        _ => "",
    };
    format!("{ctes}SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = 1, delta = 0.000001{limits}) {keys}{body}")
}

/// The invented people of `benches/peers/privacy_data.py`.
fn load(room: &Room, folder: &Path) {
    let csv = |name: &str| format!("read_csv('{}')", folder.join(name).display());
    let batch = format!(
        "INSERT INTO person (pid, sex, birth_ym) SELECT pid, sex, birth_ym FROM {people};
         INSERT INTO checkup (pid, draw, exam_date, kind, sbp) SELECT pid, hash(pid), DATE '2024-06-01', 0, sbp FROM {people};
         INSERT INTO claim (pid, draw, month, type, points) SELECT pid, hash(pid * 8 + type), DATE '2024-06-01', type, points FROM {types};
         INSERT INTO lifelog_daily (pid, draw, date) SELECT pid, hash(pid * 16 + month), DATE '2024-01-01' + INTERVAL (month) MONTH FROM {months};
         INSERT INTO diagnosis (pid, draw, month, outcome) SELECT pid, hash(row_number() OVER ()), DATE '2024-06-01', outcome FROM {rows};",
        people = csv("people.csv"),
        types = csv("types.csv"),
        months = csv("months.csv"),
        rows = csv("rows.csv"),
    );
    room.connection.execute_batch(&batch).unwrap();
}

/// Released values by cell, then by column.
fn once(plan: &Plan, quote: &Quote, exact: &[Vec<i128>], cells: usize) -> Vec<Vec<f64>> {
    let digest = Digest::from_bytes([1; 32]);
    let origin = Origin {
        room: "room.example/a".to_owned(),
        project: "walking".to_owned(),
        researcher: "rin".to_owned(),
        request: digest,
        plan: digest,
        policy: digest,
        snapshot: SNAPSHOT.to_owned(),
        intent: 4,
        price: *quote.price(),
    };
    let sealed = finish(origin, plan, quote, exact.to_vec(), &mut OpenDp).unwrap();
    let answer: Answer = serde_json::from_slice(sealed.to_bytes()).unwrap();
    // Nobody is in the cells behind the first ones (`other`).
    answer.cells.iter().take(cells).map(|cell| cell.values.iter().map(|v| v.unwrap().value).collect()).collect()
}

#[test]
#[ignore = "make bench-privacy: needs the folder of benches/peers/privacy_data.py"]
fn peers_error_of_our_answers() {
    let folder = std::env::var("SUDARE_PRIVACY").expect("SUDARE_PRIVACY is the folder of privacy_data.py");
    let repetitions = std::env::var("SUDARE_PRIVACY_REPETITIONS").ok().and_then(|n| n.parse().ok()).unwrap_or(400);
    // Quick enough for a figure with less noise of its own.
    let repetitions = 5 * repetitions;
    let folder = Path::new(&folder);
    let room = Room::new();
    load(&room, folder);
    let mut results: Vec<Value> = Vec::new();
    for (names, cells, body) in QUESTIONS {
        let plan = room.plan(&text(body));
        let exact = room.run(&plan);
        for (noise, terms) in [("laplace", PURE), ("gaussian", ZCDP)] {
            let terms = Terms { minimum_persons: 10, ..terms };
            let priced = quote(&plan, &terms).unwrap();
            let lines = priced.lines().iter().zip(plan.statistics());
            let shares: Vec<String> = lines.map(|(line, s)| format!("{:?} sd {:.1}", s.kind, line.sd)).collect();
            println!("{} ({noise}): {}", names[0], shares.join(", "));
            let runs: Vec<Vec<Vec<f64>>> = (0..repetitions).map(|_| once(&plan, &priced, &exact, cells)).collect();
            for (at, name) in names.iter().enumerate() {
                let runs: Vec<Vec<f64>> = runs.iter().map(|run| run.iter().map(|cell| cell[at]).collect()).collect();
                results.push(json!({"query": name, "noise": noise, "runs": runs, "note": ""}));
            }
        }
    }
    let all = json!({"system": "Sudare", "results": results});
    std::fs::write(folder.join("sudare.json"), serde_json::to_vec(&all).unwrap()).unwrap();
}
